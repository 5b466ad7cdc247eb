"""The part of the OpenAPI document that is about shufflers and what they measure at tables."""

from typing import Any

from workbench.openapi_parts import IF_NONE, meaning, query
from workbench.schemas import Document, prose


def tags() -> list[Document]:
    """What the function is for."""
    import serve_shufflers

    return [
        {"name": "shufflers", "description": prose(serve_shufflers.__doc__).partition("\n")[0]},
    ]


def structs() -> list[Any]:
    """What is answered."""
    from serve_shufflers.service import (
        HistoryDocument,
        PacesDocument,
        ShufflerDocument,
        ShufflersDocument,
    )

    return [ShufflersDocument, ShufflerDocument, HistoryDocument, PacesDocument]


def responses() -> dict[str, Document]:
    """What several of them answer."""
    return {
        "DatabaseAway": {
            "description": "The database does not answer; send the same again after `Retry-After`.",
            "headers": {
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}
            },
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    }


def paths() -> Document:
    """The routes."""
    from pitboss.cursors import MAX_CURSOR_CHARACTERS
    from serve_shufflers.handler import (
        DEFAULT_SHUFFLERS,
        MAX_DAYS,
        MAX_PACE_DAYS,
        MAX_SHUFFLERS,
    )
    from serve_shufflers.service import RECENT_DAYS

    paging = [
        query(
            "limit",
            "How many shufflers at most.",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_SHUFFLERS,
                "default": DEFAULT_SHUFFLERS,
            },
        ),
        query(
            "cursor",
            "`next` of the answer before, as it is, from the same caller.",
            {"type": "string", "maxLength": MAX_CURSOR_CHARACTERS},
        ),
    ]
    one = {
        "name": "asset_id",
        "in": "path",
        "required": True,
        "description": "The shuffler, as its topics name it.",
        "schema": {"$ref": "#/components/schemas/Identifier"},
    }

    def days(most: int) -> list[Document]:
        day = {"type": "string", "format": "date"}
        return [
            query("from", f"The first gaming day; without it {RECENT_DAYS} days end.", day),
            query("to", f"The last, today's without it; at most {most} days together.", day),
        ]

    return {
        "/v1/shufflers": {
            "get": _read(
                "getShufflers",
                "List a property's shufflers: what is known of each, and what is wrong with it.",
                "ShufflersDocument",
                paging,
            )
        },
        "/v1/shufflers/{asset_id}": {
            "get": _read(
                "getShuffler",
                "Read a shuffler's state, and its figures of today and the last gaming days.",
                "ShufflerDocument",
                [one],
            )
        },
        "/v1/shufflers/{asset_id}/history": {
            "get": _read(
                "getShufflerHistory",
                "Read a shuffler's gaming days.",
                "HistoryDocument",
                [one, *days(MAX_DAYS)],
            )
        },
        "/v1/tables/paces": {
            "get": _read(
                "getTablePaces",
                "Read what shufflers measured at tables: rounds, and decisions an hour.",
                "PacesDocument",
                days(MAX_PACE_DAYS),
            )
        },
    }


def _read(operation: str, summary: str, document: str, parameters: list[Document]) -> Document:
    from pitboss.access import Action
    from serve_shufflers import service

    return {
        "operationId": operation,
        "tags": ["shufflers"],
        "summary": summary,
        "description": "Of the caller's own property. "
        f"Asks for the scope `{Action.READ_SHUFFLERS}`.",
        "parameters": [*parameters, IF_NONE],
        "responses": {
            "200": {
                "description": meaning(getattr(service, document)),
                "content": {
                    "application/json": {"schema": {"$ref": f"#/components/schemas/{document}"}}
                },
                "headers": {
                    "ETag": {
                        "description": "Of this answer's content, for `If-None-Match`.",
                        "schema": {"type": "string"},
                    }
                },
            },
            "304": {"$ref": "#/components/responses/NotModified"},
            "400": {"$ref": "#/components/responses/BadQuery"},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "429": {"$ref": "#/components/responses/TooManyRequests"},
            "503": {"$ref": "#/components/responses/DatabaseAway"},
        },
    }
