"""The part of the OpenAPI document that is about recommended maintenance."""

from typing import Any

from workbench.openapi_parts import (
    DATABASE_AWAY,
    IDEMPOTENCY_KEY,
    answers,
    body,
    identifier,
    operation,
    query,
)
from workbench.schemas import Document, prose

_PROBLEM = "application/problem+json"
_ONE = "/v1/maintenance/{recommendation_id}"


def tags() -> list[Document]:
    """What the function is for."""
    import serve_maintenance

    return [
        {"name": "maintenance", "description": prose(serve_maintenance.__doc__).partition("\n")[0]}
    ]


def structs() -> list[Any]:
    """What is answered and sent."""
    from serve_maintenance.service import (
        AnsweredRecommendation,
        MaintenanceDocument,
        Note,
        RecommendationDocument,
    )

    return [MaintenanceDocument, RecommendationDocument, AnsweredRecommendation, Note]


def responses() -> dict[str, Document]:
    """What several of them answer."""
    meanings = {
        "RecommendationRefuses": "It is closed, or acknowledged already; `recommendation_status` "
        "is what it is now.",
        "WrongNote": "The `Idempotency-Key` is missing, or the body is no note; who dismisses says "
        "why.",
    }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        name: {"description": meaning, "content": {_PROBLEM: problem}}
        for name, meaning in meanings.items()
    }


def paths() -> Document:
    """The routes."""
    from pitboss.access import Action
    from pitboss.cursors import MAX_CURSOR_CHARACTERS
    from pitboss.shufflers.maintenance import Status
    from serve_maintenance.handler import DEFAULT_RECOMMENDATIONS, MAX_RECOMMENDATIONS

    statuses = {"type": "string", "enum": [str(one) for one in Status]}
    count = {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_RECOMMENDATIONS,
        "default": DEFAULT_RECOMMENDATIONS,
    }
    cursor = {"type": "string", "maxLength": MAX_CURSOR_CHARACTERS}
    machine = {"$ref": "#/components/schemas/Identifier"}
    return {
        "/v1/maintenance": {
            "get": operation(
                "maintenance",
                "getMaintenance",
                "List recommended maintenance: what is open first, the most urgent first.",
                "Then what is closed, the newest first.",
                Action.READ_MAINTENANCE,
                [
                    query("status", "Of this status alone.", statuses),
                    query("asset_id", "Of this shuffler alone.", machine),
                    query("limit", "How many at most.", count),
                    query(
                        "cursor",
                        "`next` of the answer before, as it is, from the same caller.",
                        cursor,
                    ),
                ],
                {
                    "200": answers("They.", "MaintenanceDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    **DATABASE_AWAY,
                },
            )
        },
        _ONE: {
            "get": operation(
                "maintenance",
                "getRecommendation",
                "Read a recommendation, with every change of it.",
                "",
                Action.READ_MAINTENANCE,
                [_ID],
                {"200": answers("It.", "RecommendationDocument"), **DATABASE_AWAY},
            )
        },
        f"{_ONE}/acknowledge": {"post": _answer("acknowledge", "Take a recommendation on.")},
        f"{_ONE}/done": {"post": _answer("done", "Say that the work is done.")},
        f"{_ONE}/dismiss": {"post": _answer("dismiss", "Say that it is not going to be, and why.")},
    }


_ID = identifier("recommendation_id", "The recommendation.")


def _answer(verb: str, summary: str) -> Document:
    from pitboss.access import Action

    document = operation(
        "maintenance",
        f"{verb}Recommendation",
        summary,
        "The same key with the same request has the same answer, for ever.",
        Action.ANSWER_MAINTENANCE,
        [
            _ID,
            IDEMPOTENCY_KEY,
        ],
        {
            "200": answers("What it came to by it.", "AnsweredRecommendation"),
            "400": {"$ref": "#/components/responses/WrongNote"},
            "409": {"$ref": "#/components/responses/RecommendationRefuses"},
            "422": {"$ref": "#/components/responses/KeyReused"},
            **DATABASE_AWAY,
        },
    )
    is_why = verb == "dismiss"
    said = "Why." if is_why else "Only its `note` is looked at."
    document["requestBody"] = body("Note", said, required=is_why)
    return document
