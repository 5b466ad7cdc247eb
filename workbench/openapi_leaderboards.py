"""The part of the OpenAPI document that is about leaderboards and entitlements."""

from typing import Any

from workbench.openapi_parts import IDEMPOTENCY_KEY, answers, identifier, operation, query
from workbench.schemas import Document, prose

_TAG = "leaderboards"


def tags() -> list[Document]:
    """What the function is for."""
    import serve_leaderboards

    return [{"name": _TAG, "description": prose(serve_leaderboards.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered."""
    from serve_leaderboards.service import (
        EntitlementDocument,
        EntitlementsDocument,
        LeaderboardDocument,
    )

    return [LeaderboardDocument, EntitlementsDocument, EntitlementDocument]


def paths() -> Document:
    """The routes."""
    from pitboss.access import Action
    from serve_leaderboards.service import BOARD, CONSUME, DEFAULT_LIMIT, ENTITLEMENTS, MOST

    player = identifier("player_id", "The player's pseudonym.")
    consume = operation(
        _TAG,
        "consumeEntitlement",
        "Say that a player used what they were given.",
        "It is used once: the same request again has the same answer, another is refused.",
        Action.CONSUME_ENTITLEMENTS,
        [player, identifier("entitlement_id", "Which."), IDEMPOTENCY_KEY],
        {
            "200": answers("It is used by this request.", "EntitlementDocument"),
            "400": {"$ref": "#/components/responses/NoIdempotencyKey"},
            "409": {"$ref": "#/components/responses/EntitlementUsed"},
            "503": {"$ref": "#/components/responses/EntitlementInMotion"},
        },
    )
    return {
        BOARD: {
            "get": operation(
                _TAG,
                "getLeaderboard",
                "Read the first players of a board, and where one player is.",
                "A score is on its board within seconds of its event.",
                Action.READ_LEADERBOARDS,
                [
                    identifier("application_id", "The application."),
                    identifier("board_id", "The board."),
                    query(
                        "limit",
                        f"How many players, {DEFAULT_LIMIT} unless told.",
                        {"type": "integer", "minimum": 1, "maximum": MOST},
                    ),
                    query(
                        "period",
                        "A gaming day (2026-01-31) or an ISO week (2026-W05) of a board that "
                        "begins anew; the present one unless told.",
                        {"type": "string"},
                    ),
                    query(
                        "player_id",
                        "A player whose rank and neighbours are wanted.",
                        {"$ref": "#/components/schemas/Identifier"},
                    ),
                ],
                {
                    "200": answers("The board.", "LeaderboardDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                },
            )
        },
        ENTITLEMENTS: {
            "get": operation(
                _TAG,
                "getEntitlements",
                "List what a player was given for milestones.",
                "Used ones too.",
                Action.READ_ENTITLEMENTS,
                [player],
                {"200": answers("All of them, the newest first.", "EntitlementsDocument")},
            )
        },
        CONSUME: {"post": consume},
    }


def responses() -> Document:
    """What one of them answers besides."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    meanings = {
        "EntitlementUsed": "Another request used it; `consumed_at` says when.",
        "EntitlementInMotion": "Another request uses it at this moment: send the same again.",
    }
    return {
        name: {"description": meaning, "content": {"application/problem+json": problem}}
        for name, meaning in meanings.items()
    }
