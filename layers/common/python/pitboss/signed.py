"""What functions read of a request: headers, and the body where it is the one that was signed."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any

from pitboss.access import is_signed_body

NO_IDEMPOTENCY_KEY = (
    "an answer counts once: name it in an Idempotency-Key header of 1 to 64 letters, digits, '.', "
    "'_', ':' and '-', a new one for each answer and the same when it is sent again"
)
"""What is said to who leaves it out."""

_KEY = re.compile(r'(?P<quote>"?)(?P<key>[A-Za-z0-9._:-]{1,64})(?P=quote)')


def signed_body(event: dict[str, Any]) -> bytes | None:
    """A request's body as it was sent; None where it is not the one whose hash the sender signed.

    Args:
        event: API Gateway's, of a route behind `authorize_requests`.
    """
    text = event.get("body") or ""
    try:
        body = b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (Base64Error, UnicodeEncodeError):
        return None
    return body if is_signed_body(event["requestContext"]["authorizer"], body) else None


def headers(event: dict[str, Any], name: str) -> list[str]:
    """Every header of a request by that name, which is given in lower case."""
    return [
        value
        for key, values in (event.get("multiValueHeaders") or {}).items()
        if key.lower() == name
        for value in values
    ]


def header(event: dict[str, Any], name: str) -> str | None:
    """A header of a request, the last where it is there more than once; None where it is not."""
    found = headers(event, name)
    return found[-1] if found else None


def idempotency_key(event: dict[str, Any]) -> str | None:
    """What a request calls itself, so that it counts once; None where it does not say.

    The header `Idempotency-Key` is quoted by its standard, and left bare by most who send it.
    """
    found = _KEY.fullmatch((header(event, "idempotency-key") or "").strip())
    return found["key"] if found else None
