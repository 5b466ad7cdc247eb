"""Bodies of requests, which are taken only where they are the ones that were signed."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any

from pitboss.access import is_signed_body


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


def header(event: dict[str, Any], name: str) -> str | None:
    """A header of a request, the last where it is there more than once; None where it is not."""
    found = [
        value
        for key, values in (event.get("multiValueHeaders") or {}).items()
        if key.lower() == name
        for value in values
    ]
    return found[-1] if found else None
