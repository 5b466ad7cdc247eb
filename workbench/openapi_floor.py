"""The part of the OpenAPI document that is about the live floor."""

from typing import Any

import msgspec

from workbench.openapi_parts import (
    IF_NONE,
    answers,
    body,
    identifier,
    operation,
    query,
    wide_identifier,
)
from workbench.schemas import Document, prose

_PROBLEM = "application/problem+json"
_MOMENT: Document = {"type": "integer", "minimum": 0, "description": "Epoch milliseconds."}


def tags() -> list[Document]:
    """What the function is for."""
    import serve_floor

    return [{"name": "floor", "description": prose(serve_floor.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered and sent."""
    from pitboss.anomalies.reviews import Review
    from pitboss.floor.documents import FloorHistory, PlayersOnFloor
    from pitboss.floor.plan import FloorPlan
    from pitboss.floor.rows import Alert
    from serve_floor.reviews import ReviewDecision, ReviewsDocument
    from serve_floor.service import Acknowledgement, AlertsDocument, BillsDocument

    return [
        *(_live_floor(), FloorPlan, PlayersOnFloor, FloorHistory),
        *(Alert, AlertsDocument, Acknowledgement, BillsDocument),
        *(Review, ReviewsDocument, ReviewDecision),
    ]


def _live_floor() -> Any:  # noqa: ANN401 - a class of a msgspec struct
    """The floor's document, by a name that the ratings' has not."""
    from pitboss.floor.documents import FloorDocument

    return msgspec.defstruct(
        "LiveFloor",
        [],
        bases=(FloorDocument,),
        frozen=True,
        kw_only=True,
        omit_defaults=True,
        namespace={"__doc__": FloorDocument.__doc__},
    )


def responses() -> dict[str, Document]:
    """What several of them answer."""
    meanings = {
        "PlanMoved": "Another plan is in force than the request replaces; `current_version` says "
        "which.",
        "FaultyPlan": "It is no floor plan, or contradicts itself; the detail names each fault.",
        "AcknowledgedAlready": "The alert was acknowledged before; `acknowledged_by`, "
        "`acknowledged_at` and `note` say by whom, when, and what they wrote.",
        "DecidedAlready": "The verdict was another; `verdict`, `decided_by`, `decided_at` and "
        "`note` say which, whose, when and why.",
        "WrongDecision": "The body is no verdict with a note of 1 to 500 characters.",
        "WrongAcknowledgement": "The body is no note of 1 to 500 characters.",
        "WrongIfMatch": "`If-Match` is no ETag of a plan.",
    }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        name: {"description": meaning, "content": {_PROBLEM: problem}}
        for name, meaning in meanings.items()
    }


def paths() -> Document:
    """The routes."""
    from pitboss.access import Action
    from serve_floor.histories import MAX_MINUTES
    from serve_floor.players import MAX_PLAYERS, Sort
    from serve_floor.reviews import MAX_REVIEWS

    seen = f"Whose card is in is told to those with `{Action.READ_RATINGS}` alone"
    kept = "A person who is shown players is in the audit log before it is answered."
    bad_query = {"400": {"$ref": "#/components/responses/BadQuery"}}
    unchanged = {"304": {"$ref": "#/components/responses/NotModified"}}
    count = {"type": "integer", "minimum": 1, "maximum": MAX_PLAYERS, "default": MAX_PLAYERS}
    sorts = {"type": "string", "enum": [str(one) for one in Sort], "default": str(Sort.WORTH)}
    return {
        "/v1/floor/live": {
            "get": operation(
                "floor",
                "getLiveFloor",
                "Read the floor as it is now, whole.",
                f"What a page begins with; the live API tells what changes. {seen}. {kept}",
                Action.READ_FLOOR,
                [IF_NONE],
                {"200": answers("The floor.", "LiveFloor", _WEAK), **unchanged},
            )
        },
        "/v1/floor/plan": {
            "get": operation(
                "floor",
                "getFloorPlan",
                "Read where machines, tables and shufflers stand.",
                "Of version 0, and empty, where none was ever kept.",
                Action.READ_FLOOR,
                [IF_NONE],
                {"200": answers("The plan.", "FloorPlan", _VERSION), **unchanged},
            ),
            "put": _put_plan(),
        },
        "/v1/floor/players": {
            "get": operation(
                "floor",
                "getPlayersOnFloor",
                "List who sits at machines now.",
                "With the session, what the player is worth, and what they are offered and why; "
                f"offers for those with `{Action.READ_OFFERS}` alone. {kept}",
                Action.READ_RATINGS,
                [
                    query("limit", "How many at most.", count),
                    query("sort", "Who comes first: the highest, or seated longest.", sorts),
                ],
                {"200": answers("They.", "PlayersOnFloor"), **bad_query},
            )
        },
        "/v1/floor/minutes": {
            "get": operation(
                "floor",
                "getFloorMinutes",
                "Read the floor minute by minute.",
                f"{MAX_MINUTES} minutes at most; kept for eight days.",
                Action.READ_FLOOR,
                [
                    query("first", "Within the first minute; an hour before the last.", _MOMENT),
                    query("last", "Within the last minute; now.", _MOMENT),
                ],
                {"200": answers("One value a minute.", "FloorHistory"), **bad_query},
            )
        },
        "/v1/floor/hours": {
            "get": operation(
                "floor",
                "getFloorHours",
                "Read a gaming day hour by hour.",
                "With the state that each hour ended with; kept for eight days.",
                Action.READ_FLOOR,
                [
                    query(
                        "day",
                        "The gaming day; without it today's.",
                        {"type": "string", "format": "date"},
                    )
                ],
                {"200": answers("One value an hour.", "FloorHistory"), **bad_query},
            )
        },
        "/v1/alerts": {
            "get": operation(
                "floor",
                "getAlerts",
                "List what wants attention.",
                "What nobody acknowledged, and what was raised in the last 24 hours.",
                Action.READ_FLOOR,
                [],
                {"200": answers("Open ones first, the most severe first.", "AlertsDocument")},
            )
        },
        "/v1/alerts/{alert_id}/acknowledge": {"post": _acknowledge()},
        "/v1/players/{player_id}/bill-ins": {
            "get": operation(
                "floor",
                "getPlayerBills",
                "Read the bills that a player put into machines.",
                "For compliance: shown to other staff they would create a duty to report. "
                f"`-` is whoever had no card in. {kept}",
                Action.READ_BILLS,
                [
                    identifier("player_id", "The player's pseudonym."),
                    query("since", "From then on; a day before `until`.", _MOMENT),
                    query("until", "Before then; now.", _MOMENT),
                ],
                {"200": answers("They, the newest first.", "BillsDocument"), **bad_query},
            )
        },
        "/v1/reviews": {
            "get": operation(
                "floor",
                "getReviews",
                "List play that is suspected.",
                "For compliance: who else knows of it could warn whom it is about. Those of the "
                f"newest sessions first, {MAX_REVIEWS} at most. {kept}",
                Action.READ_REVIEWS,
                [query("status", "Only these; those that are open.", _statuses())],
                {"200": answers("They.", "ReviewsDocument"), **bad_query},
            )
        },
        "/v1/reviews/{review_id}/decide": {"post": _decide()},
    }


_WEAK = {
    "ETag": "Of all of it but `at`, for `If-None-Match`.",
    "Cache-Control": "private, no-cache: keep it, and ask each time whether it is still so.",
}
_VERSION = {"ETag": "The plan's version, for `If-Match` and `If-None-Match`."}


def _put_plan() -> Document:
    from pitboss.access import Action

    document = operation(
        "floor",
        "putFloorPlan",
        "Keep a floor plan.",
        "As a whole, in place of the version that `If-Match` names, or the plan's own `version` "
        "where that is absent: the one it was made from, 0 for the first.",
        Action.WRITE_FLOOR,
        [
            {
                "name": "If-Match",
                "in": "header",
                "description": "The ETag of the plan that this one replaces.",
                "schema": {"type": "string"},
            }
        ],
        {
            "200": answers("It is in force, with its version.", "FloorPlan", _VERSION),
            "400": {"$ref": "#/components/responses/WrongIfMatch"},
            "409": {"$ref": "#/components/responses/PlanMoved"},
            "412": {"$ref": "#/components/responses/PlanMoved"},
            "422": {"$ref": "#/components/responses/FaultyPlan"},
        },
    )
    document["requestBody"] = body("FloorPlan")
    return document


def _acknowledge() -> Document:
    from pitboss.access import Action

    document = operation(
        "floor",
        "acknowledgeAlert",
        "Say that somebody has seen to an alert, and what was done.",
        "The first who says so counts, and it stays. The same person and note again change "
        "nothing.",
        Action.ANSWER_ALERTS,
        [wide_identifier("alert_id", "The alert.")],
        {
            "200": answers("The alert as it is then.", "Alert"),
            "400": {"$ref": "#/components/responses/WrongAcknowledgement"},
            "409": {"$ref": "#/components/responses/AcknowledgedAlready"},
        },
    )
    document["requestBody"] = body("Acknowledgement")
    return document


def _statuses() -> Document:
    from pitboss.anomalies.reviews import ReviewStatus
    from serve_floor.reviews import EVERY

    statuses = [*map(str, ReviewStatus), EVERY]
    return {"type": "string", "enum": statuses, "default": str(ReviewStatus.OPEN)}


def _decide() -> Document:
    from pitboss.access import Action

    document = operation(
        "floor",
        "decideReview",
        "Confirm a suspicion, or clear it.",
        "The first verdict stays; the same again is answered the same. What is cleared is not told "
        "of the same player, or machine, for 90 days. A person who is shown a player is in the "
        "audit log before it is answered.",
        Action.DECIDE_REVIEWS,
        [wide_identifier("review_id", "The review.")],
        {
            "200": answers("The review as it is then.", "Review"),
            "400": {"$ref": "#/components/responses/WrongDecision"},
            "409": {"$ref": "#/components/responses/DecidedAlready"},
        },
    )
    document["requestBody"] = body("ReviewDecision")
    return document
