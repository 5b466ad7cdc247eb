"""Answers of the HTTP functions: JSON, and problem details (RFC 9457) for errors."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import msgspec

PROBLEM_CONTENT_TYPE = "application/problem+json"

_KEPT_BY_ITS_READER = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
}
"""One caller's answer, which may be kept if it is asked about each time it is used."""


def answer(
    status: HTTPStatus, body: object, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A JSON answer in API Gateway's proxy form."""
    return {
        "statusCode": int(status),
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"}
        | (headers or {}),
        "body": msgspec.json.encode(body).decode(),
    }


def tagged_answer(
    body: object, if_none_match: Iterable[str] = (), about: object | None = None
) -> dict[str, Any]:
    """A JSON document with an ETag of its content, or 304 where the caller has that content.

    Args:
        body: the document.
        if_none_match: every `If-None-Match` header of the request (RFC 9110, 13.1.2).
        about: what of the document the tag is of, where that is not all: then it is a weak one.
    """
    content = msgspec.json.encode(body)
    tagged = content if about is None else msgspec.json.encode(about)
    tag = f'"{sha256(tagged).hexdigest()[:32]}"'
    kept = _KEPT_BY_ITS_READER | {"ETag": tag if about is None else f"W/{tag}"}
    named = {part.strip().removeprefix("W/") for line in if_none_match for part in line.split(",")}
    if named & {tag, "*"}:
        return {"statusCode": int(HTTPStatus.NOT_MODIFIED), "headers": kept, "body": ""}
    return {
        "statusCode": int(HTTPStatus.OK),
        "headers": {"Content-Type": "application/json"} | kept,
        "body": content.decode(),
    }


def problem(
    status: HTTPStatus, detail: str, correlation_id: str, more: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """An error as problem details; `correlation_id` finds it in the logs.

    `more` are members of its own kind (RFC 9457, 3.2).
    """
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "correlation_id": correlation_id,
        **(more or {}),
    }
    return answer(status, body, {"Content-Type": PROBLEM_CONTENT_TYPE})


def nothing_here(correlation_id: str) -> dict[str, Any]:
    """The problem of what is not there, or is not for the caller: which of them is not said."""
    return problem(HTTPStatus.NOT_FOUND, "there is nothing here by that id", correlation_id)


def busy(detail: str, correlation_id: str, seconds: int = 1) -> dict[str, Any]:
    """A problem that passes: the same may be sent again after so many seconds."""
    refused = problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, correlation_id)
    refused["headers"]["Retry-After"] = str(seconds)
    return refused
