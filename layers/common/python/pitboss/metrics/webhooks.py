"""Webhooks: where notices of thresholds are posted, how a post is signed, and what an answer means.

Source: the Standard Webhooks specification 1.0.0,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from ipaddress import IPv4Address
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

WAITS = (5, 300, 1_800, 7_200, 18_000, 60)
"""Seconds to the next try after the first, the second ...: the specification's, as far as they go.
After the last the queue sets the message aside (its `maxReceiveCount`)."""

MAX_WAIT_SECONDS = 11 * 3_600
"""SQS hides a message for twelve hours at most, those of the try among them."""

MAX_URL_CHARACTERS = 2_000


class Status(StrEnum):
    """Whether notices are posted to a webhook."""

    ACTIVE = "active"
    DISABLED = "disabled"
    """It has answered 410: it wants no more."""


class Became(StrEnum):
    """What came of an action."""

    DONE = "done"
    LATER = "later"
    """It failed in passing, and is tried again."""
    REFUSED = "refused"
    """It fails however often it is tried."""
    GONE = "gone"
    """Nobody wants it any more."""


class Delivery(Struct, frozen=True):
    """A post, and what came of it."""

    at: int
    """Epoch seconds."""
    notice_id: str
    became: Became
    answer: str
    """The status of the answer, or why there was none."""


class Webhook(Struct, frozen=True, kw_only=True):
    """A registered webhook."""

    name: str
    url: str
    salt: str
    """What its secret is made with: another one, another secret."""
    added_at: int
    """Epoch seconds."""
    status: Status = Status.ACTIVE
    last: Delivery | None = None


class Answer(NamedTuple):
    """What a try of an action was answered."""

    became: Became
    said: str
    """The status, or why there was none."""
    retry_after: str | None = None
    """The header of this name."""


def secret_of(key: str, property_id: str, name: str, salt: str) -> bytes:
    """The secret that posts to a webhook are signed with.

    Args:
        key: the stack's secret.
        property_id: whose webhook it is.
        name: of the webhook.
        salt: of the webhook.
    """
    return hmac.digest(key.encode(), f"{property_id}/{name}/{salt}".encode(), "sha256")


def shown(secret: bytes) -> str:
    """A secret as its receiver is given it."""
    return f"whsec_{b64encode(secret).decode()}"


def signed(secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that a post is known by.

    Args:
        secret: of the webhook.
        message_id: the same at each try. It has no `.` in it.
        timestamp: of the try, epoch seconds.
        body: as it is posted.
    """
    said = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = b64encode(hmac.digest(secret, said, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def became(status: int) -> Became:
    """What an answer's status means. A redirection is none that is followed."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Became.DONE
    if status == HTTPStatus.GONE:
        return Became.GONE
    passing = HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in passing:
        return Became.LATER
    return Became.REFUSED


def wait_seconds(tries: int, retry_after: str | None, now: int) -> int:
    """How long the next try waits: as long as it is asked to, and not less than it would.

    Args:
        tries: that there were, 1 after the first.
        retry_after: the header, seconds or a date; what is neither asks for nothing.
        now: epoch seconds.

    >>> wait_seconds(1, None, 0), wait_seconds(2, "30", 0), wait_seconds(2, "900", 0)
    (5, 300, 900)
    """
    asked = 0 if retry_after is None else _seconds(retry_after.strip(), now)
    return min(max(WAITS[min(tries, len(WAITS)) - 1], asked), MAX_WAIT_SECONDS)


def _seconds(retry_after: str, now: int) -> int:
    if retry_after.isascii() and retry_after.isdigit():
        return int(retry_after[:9])
    try:
        at = parsedate_to_datetime(retry_after)
        # A date of HTTP is of UTC; "-0000" leaves that open.
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) - now
    except (ValueError, OverflowError):
        return 0


def is_public(address: str) -> bool:
    """Whether an IPv4 address is one of the internet: no network of the house, no machine itself,
    no service that hands out credentials.

    >>> [is_public(one) for one in ("93.184.215.14", "169.254.169.254", "10.0.0.8", "127.0.0.1")]
    [True, False, False, False]
    """
    found = IPv4Address(address)
    return found.is_global and not found.is_multicast


def faults_of_url(url: str, *, loopback: bool) -> Iterator[str]:
    """What is wrong with a webhook's address, a sentence for each fault.

    Args:
        url: the address.
        loopback: whether this machine itself may be posted to, and without TLS.
    """
    if not (url.isascii() and url.isprintable()) or " " in url or len(url) > MAX_URL_CHARACTERS:
        yield f"url has at most {MAX_URL_CHARACTERS:,} characters, of printable ASCII"
        return
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as fault:
        yield f"url is no address: {fault}"
        return
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        yield "url begins with https://"
    if not host or port == 0:
        yield "url names no host"
    elif ":" in host:
        yield "url names a host by name, or by IPv4"
    if "@" in parts.netloc or parts.fragment:
        yield "url has no user, password or fragment"
