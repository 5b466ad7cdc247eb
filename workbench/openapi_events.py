"""The part of the OpenAPI document that is about games' events of the last days."""

from typing import Any

from workbench.openapi_parts import answers, meaning, operation, query
from workbench.schemas import Document, prose

_MOMENT: Document = {"type": "integer", "minimum": 0}


def tags() -> list[Document]:
    """What the function is for."""
    import serve_events

    return [{"name": "events", "description": prose(serve_events.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered."""
    from serve_events.service import EventsDocument, FreshnessDocument

    return [EventsDocument, FreshnessDocument]


def paths() -> Document:
    """The routes."""
    from pitboss.access import Action
    from pitboss.games.events import MAX_LEVEL_CHARACTERS
    from serve_events.service import (
        DEFAULT_EVENTS,
        FRESHNESS_ROUTE,
        MAX_EVENTS,
        ROUTE,
        EventsDocument,
        FreshnessDocument,
    )

    limit = {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS, "default": DEFAULT_EVENTS}
    level = {"type": "string", "minLength": 1, "maxLength": MAX_LEVEL_CHARACTERS}
    known = {"$ref": "#/components/schemas/Identifier"}
    return {
        ROUTE: {
            "get": operation(
                "events",
                "getGameEvents",
                "Search an application's events of the last 7 days.",
                "The newest first. What is asked for together has to be so together. An event is "
                "one by its client, id and time, however often it was sent. A person who is shown "
                "players is in the audit log before it is answered.",
                Action.READ_GAME_EVENTS,
                [
                    query("application", "The application, as it is registered.", known)
                    | {"required": True},
                    query("player", "Only of this client.", known),
                    query("type", "Only of this type.", known),
                    query("level", "Only of this level.", level),
                    query("since", "Only what occurred from then on, epoch ms.", _MOMENT),
                    query("until", "Only what occurred before, epoch ms.", _MOMENT),
                    query("limit", "How many events at most.", limit),
                    query("before", "`next` of the answer before, as it is.", {"type": "string"}),
                ],
                {
                    "200": answers(meaning(EventsDocument), "EventsDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                },
            )
        },
        FRESHNESS_ROUTE: {
            "get": operation(
                "events",
                "getGameEventsFreshness",
                "Read how far each application's events have come, and the lake.",
                "An application is behind by `indexed_at` - `newest_received_at`; while nothing "
                "comes, `at` - `newest_received_at` is only how long ago that is. Refining is "
                "behind by `at` - `waiting_since` of `lake`, which is of all applications.",
                Action.READ_GAME_EVENTS,
                [],
                {
                    "200": answers(meaning(FreshnessDocument), "FreshnessDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                },
            )
        },
    }


def beside(others: Document) -> Document:
    """Its routes and others, some of which are other methods of the same paths."""
    return {**others, **{path: others.get(path, {}) | said for path, said in paths().items()}}
