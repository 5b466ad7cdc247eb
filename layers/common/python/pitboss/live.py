"""What the live API and its callers agree on when a WebSocket is opened (RFC 6455, 1.9)."""

from collections.abc import Iterable

LIVE_PROTOCOL = "pitboss.v1"
"""The subprotocol of the live API. Who cannot set `Authorization`, as a browser cannot, offers this
and after it their token: `Sec-WebSocket-Protocol: pitboss.v1, <token>`. The answer names this one
alone."""


def offered(headers: Iterable[str]) -> tuple[str, ...]:
    """The subprotocols that a client offers, in its order.

    >>> offered(["pitboss.v1, a.b.c"])
    ('pitboss.v1', 'a.b.c')
    """
    return tuple(part.strip() for line in headers for part in line.split(",") if part.strip())
