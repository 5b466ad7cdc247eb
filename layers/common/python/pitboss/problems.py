"""Answers of the HTTP functions: JSON, and problem details (RFC 9457) for errors."""

from http import HTTPStatus
from typing import Any

import msgspec

PROBLEM_CONTENT_TYPE = "application/problem+json"


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


def problem(status: HTTPStatus, detail: str, correlation_id: str) -> dict[str, Any]:
    """An error as problem details; `correlation_id` finds it in the logs."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "correlation_id": correlation_id,
    }
    return answer(status, body, {"Content-Type": PROBLEM_CONTENT_TYPE})
