"""One correlation id from a gateway's POST to the offer: the id that API Gateway gave the request.

It travels as 16 bytes in the stream's records and as text from there on; lines of logs have it by
the name `correlation_id`, or in `posts`, where a batch has several. See docs/tracing.md.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

MAX_POSTS = 50
"""Posts that a line names; of a batch of more the newest. A line is read by people and paid for."""


def packed(request_id: str) -> bytes:
    """A request's id in 16 bytes; none of what is no UUID, as a test's or another front door's.

    >>> packed("c6af9ac6-7b61-11e6-9a41-93e8deadbeef").hex()
    'c6af9ac67b6111e69a4193e8deadbeef'
    """
    try:
        return UUID(request_id).bytes
    except ValueError:
        return b""


def readable(request: bytes) -> str:
    """The id that was packed; empty for none.

    >>> readable(bytes.fromhex("c6af9ac67b6111e69a4193e8deadbeef"))
    'c6af9ac6-7b61-11e6-9a41-93e8deadbeef'
    """
    return str(UUID(bytes=request)) if len(request) == 16 else ""


def posts(arrived: Iterable[tuple[bytes, int]]) -> Mapping[str, int]:
    """The posts of a batch and when the first record of each arrived on the stream (epoch ms), the
    oldest first; the newest `MAX_POSTS` of them.

    >>> one = bytes.fromhex("c6af9ac67b6111e69a4193e8deadbeef")
    >>> posts([(one, 1_000), (b"", 1_001), (one, 1_002)])
    {'c6af9ac6-7b61-11e6-9a41-93e8deadbeef': 1000}
    """
    first: dict[bytes, int] = {}
    for request, at in arrived:
        if request:
            first.setdefault(request, at)
    return {readable(request): at for request, at in list(first.items())[-MAX_POSTS:]}
