"""The part of the OpenAPI document about games' events."""

from typing import Any

from workbench.openapi_parts import CONTENT_ENCODING, answers, body, door, identifier
from workbench.schemas import Document, prose

_APPLICATION = identifier("application_id", "The application, as it is registered.")


def tags() -> list[Document]:
    """What its routes are listed under."""
    import ingest_game_events

    return [{"name": "games", "description": prose(ingest_game_events.__doc__).partition("\n")[0]}]


def paths() -> Document:
    """Its routes."""
    from pitboss.access import Action
    from pitboss.posts import MAX_BYTES, MAX_EVENTS

    limits = f"At most {MAX_BYTES:,} bytes and {MAX_EVENTS} events, unpacked."
    scope = f"Asks for the scope `{Action.SEND_GAME_EVENTS}`, or the token of an install."
    return {
        "/v1/game-events": {
            "post": door(
                "games",
                "postGameEvents",
                "Post a batch of a game's events in the studios' envelope.",
                "The answer says what became of each event: received = accepted + duplicate + "
                f"quarantined + failed. {scope}",
                [CONTENT_ENCODING],
                limits,
                "GameEvents",
                "Events, one JSON object a line, each as #/components/schemas/StudioEnvelope.",
                "TooManyEvents",
            )
        },
        "/applications/{application_id}/events": {
            "post": door(
                "games",
                "postApplicationEvents",
                "Post events as the AWS game analytics guidance does, or by the application's "
                "mapping.",
                "An object with a list `events`; of an application with a mapping also payloads in "
                f"no envelope: one, an array of them, or a line for each. {scope}",
                [_APPLICATION, CONTENT_ENCODING],
                limits,
                "ApplicationEvents",
                "Payloads, one JSON object a line, by the application's mapping.",
                "TooManyEvents",
            )
        },
        "/v1/applications/{application_id}/installs": {
            "post": {
                "operationId": "postInstall",
                "tags": ["games"],
                "summary": "Get a token for a game on a player's device.",
                "description": "For a game's own server, which knows who plays. The token is for "
                f"one application and one client. Asks for the scope `{Action.ISSUE_INSTALLS}`.",
                "parameters": [_APPLICATION],
                "requestBody": body("InstallRequest"),
                "responses": {
                    "200": answers("The token, and until when it counts.", "Install"),
                    "400": {"$ref": "#/components/responses/NoClient"},
                    "401": {"$ref": "#/components/responses/Unauthorized"},
                    "403": {"$ref": "#/components/responses/NotTheSignedBody"},
                    "404": {"$ref": "#/components/responses/NotFound"},
                    "429": {"$ref": "#/components/responses/TooManyRequests"},
                },
            }
        },
    }


def responses() -> dict[str, Document]:
    """What its routes answer that no other does."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    message = {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}
    return {
        "NoClient": {
            "description": "The body names no client.",
            "content": {"application/problem+json": problem},
        },
        "TooManyEvents": {
            "description": "More requests than the stage takes (a message), or more events than an "
            "install may post in a minute (a problem, with `Retry-After`).",
            "headers": {
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}
            },
            "content": {"application/json": message, "application/problem+json": problem},
        },
    }


def structs() -> list[Any]:
    """What its routes take and answer."""
    from issue_installs.service import Install, InstallRequest

    return [Install, InstallRequest]


def schemas() -> dict[str, Document]:
    """What is posted; fields that an envelope does not know are what the event says."""
    import msgspec

    from pitboss.games.events import AnalyticsEnvelope, StudioEnvelope
    from pitboss.posts import MAX_EVENTS

    made: dict[str, Document] = {}
    for form in (StudioEnvelope, AnalyticsEnvelope):
        _, found = msgspec.json.schema_components([form])
        schema = found[form.__name__]
        schema["description"] = prose(form.__doc__)
        made[form.__name__] = schema
    made["AnalyticsEnvelope"]["properties"]["event_data"] = {"type": "object", "default": {}}
    studio = {"$ref": "#/components/schemas/StudioEnvelope"}
    analytics = {"$ref": "#/components/schemas/AnalyticsEnvelope"}
    many = {"type": "array", "minItems": 1, "maxItems": MAX_EVENTS}
    payload = {"type": "object", "not": {"required": ["events"]}}
    made["GameEvents"] = {"title": "GameEvents", **many, "items": studio}
    made["ApplicationEvents"] = {
        "title": "ApplicationEvents",
        "anyOf": [
            {
                "type": "object",
                "required": ["events"],
                "properties": {"events": {**many, "items": analytics}},
            },
            {**many, "items": payload},
            payload,
        ],
    }
    return made
