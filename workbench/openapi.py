"""The OpenAPI document of the HTTP API, from the structs that its functions read and answer."""

from typing import Any

from workbench import (
    openapi_audit,
    openapi_events,
    openapi_experiments,
    openapi_floor,
    openapi_games,
    openapi_leaderboards,
    openapi_maintenance,
    openapi_metrics,
    openapi_offers,
    openapi_shufflers,
)
from workbench.openapi_parts import CONTENT_ENCODING, IF_NONE, answers, door, meaning
from workbench.schemas import Document, components, envelope_form, prose, unknown_form

_REFERENCE = "#/components/schemas/{name}"
_PROBLEM = "application/problem+json"


def api_document() -> Document:
    """The API as it is: two functions behind one authorizer."""
    import ingest_slot_events
    import read_ratings
    from pitboss.access import Action
    from pitboss.posts import MAX_BYTES, MAX_EVENTS

    limits = f"At most {MAX_BYTES:,} bytes and {MAX_EVENTS} events, unpacked."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pitboss",
            "version": "1",
            "summary": "Slot events in, ratings out.",
            "description": "Real-time player analytics for a casino floor. Amounts are integer US "
            "cents, except theoretical win: dollars as a decimal string, exact. Moments are epoch "
            "milliseconds, days are the property's gaming days.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com/{stage}",
                "description": "The stack's output ApiUrl; `pitboss status` prints it.",
                "variables": {
                    "api": {"default": "api"},
                    "region": {"default": "us-east-1"},
                    "stage": {"default": "local"},
                },
            }
        ],
        "security": [{"registeredKey": []}, {"signIn": []}],
        "tags": [
            {"name": "ingest", "description": prose(ingest_slot_events.__doc__).partition("\n")[0]},
            {"name": "ratings", "description": prose(read_ratings.__doc__).partition("\n")[0]},
            *openapi_floor.tags(),
            *openapi_offers.tags(),
            *openapi_shufflers.tags(),
            *openapi_maintenance.tags(),
            *openapi_audit.tags(),
            *openapi_metrics.tags(),
            *openapi_experiments.tags(),
            *openapi_games.tags(),
            *openapi_events.tags(),
            *openapi_leaderboards.tags(),
        ],
        "paths": {
            "/v1/slot-events": {
                "post": door(
                    "ingest",
                    "postSlotEvents",
                    "Post a batch of slot events.",
                    "The answer says what became of each event: received = accepted "
                    "+ duplicate + quarantined + failed. An event that is quarantined never stops "
                    f"its neighbours. Asks for the scope `{Action.SEND_SLOT_EVENTS}`.",
                    [CONTENT_ENCODING],
                    limits,
                    "Events",
                    "Gateway packets, one JSON object a line, each as #/components/schemas/Packet.",
                    "TooManyRequests",
                )
            },
            "/v1/machines/{asset_id}": _read(
                "getMachine", "Read a machine's rating.", "MachineDocument"
            ),
            "/v1/machines/{asset_id}/ledger": _read(
                "getMachineLedger",
                "Read a machine's gaming day line by line: every game, whoever played it.",
                "LedgerDocument",
            ),
            "/v1/players/{player_id}": _read(
                "getPlayer", "Read a player's profile and rating.", "PlayerDocument"
            ),
            "/v1/players/{player_id}/sessions": _read(
                "getPlayerSessions",
                "List a player's sessions, the newest first.",
                "SessionsDocument",
            ),
            "/v1/players/{player_id}/ledger": _read(
                "getPlayerLedger",
                "Read how a player's gaming day was rated, line by line.",
                "LedgerDocument",
            ),
            "/v1/floor": _read("getFloor", "Read the floor's rating.", "FloorDocument"),
            **openapi_floor.paths(),
            **openapi_offers.paths(),
            **openapi_shufflers.paths(),
            **openapi_maintenance.paths(),
            **openapi_audit.paths(),
            **openapi_metrics.paths(),
            **openapi_experiments.paths(),
            **openapi_events.beside(openapi_games.paths()),
            **openapi_leaderboards.paths(),
        },
        "components": {
            "schemas": _schemas(),
            "responses": _responses(),
            "securitySchemes": {"registeredKey": _security_scheme(), "signIn": _sign_in()},
        },
    }


_IDS = {
    "getMachine": ("asset_id", "The machine; padding zeros are cut."),
    "getPlayer": ("player_id", "The player's pseudonym."),
}
_WITHOUT_PLAYERS = " Without `ratings:read` the players are left out."
_ETAG = {
    "ETag": "Of this answer's content, for `If-None-Match`.",
    "Cache-Control": "private, no-cache: keep it, and ask each time whether it is still so.",
}


def _read(operation: str, summary: str, document: str) -> Document:
    from pitboss.access import Action
    from read_ratings import ledgers, service

    form = getattr(service, document, None) or getattr(ledgers, document)
    action = Action.READ_RATINGS if "Player" in operation else Action.READ_MACHINES
    return {
        "get": {
            "operationId": operation,
            "tags": ["ratings"],
            "summary": summary,
            "description": f"Of the caller's own property. Asks for the scope `{action}`."
            + (_WITHOUT_PLAYERS if operation == "getMachineLedger" else ""),
            "parameters": [*_path_parameters(operation), *_query_parameters(operation), IF_NONE],
            "responses": {
                "200": answers(meaning(form), document, _ETAG),
                "304": {"$ref": "#/components/responses/NotModified"},
                "400": {"$ref": "#/components/responses/BadQuery"},
                "401": {"$ref": "#/components/responses/Unauthorized"},
                "403": {"$ref": "#/components/responses/Forbidden"},
                "404": {"$ref": "#/components/responses/NotFound"},
                "429": {"$ref": "#/components/responses/TooManyRequests"},
                "500": {"$ref": "#/components/responses/FaultyHouseRules"},
            },
        }
    }


def _path_parameters(operation: str) -> list[Document]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": meaning,
            "schema": {"$ref": "#/components/schemas/Identifier"},
        }
        for prefix, (name, meaning) in _IDS.items()
        if operation.startswith(prefix)
    ]


def _query_parameters(operation: str) -> list[Document]:
    from pitboss.cursors import MAX_CURSOR_CHARACTERS
    from read_ratings import handler

    is_ledger = operation.endswith("Ledger")
    if not is_ledger and operation != "getPlayerSessions":
        return []
    default, most = handler.DEFAULT_SESSIONS, handler.MAX_SESSIONS
    if is_ledger:
        default, most = handler.DEFAULT_LINES, handler.MAX_LINES
    known: dict[str, tuple[str, Document]] = {
        "day": (
            "The gaming day; without it the newest with play.",
            {"type": "string", "format": "date"},
        ),
        "limit": (
            f"How many {'lines' if is_ledger else 'sessions'} at most.",
            {"type": "integer", "minimum": 1, "maximum": most, "default": default},
        ),
        "cursor": (
            "`next` of the answer before, as it is, from the same caller with the same `day`.",
            {"type": "string", "maxLength": MAX_CURSOR_CHARACTERS},
        ),
    }
    return [
        {"name": name, "in": "query", "description": meaning, "schema": schema}
        for name, (meaning, schema) in known.items()
        if is_ledger or name != "day"
    ]


def _responses() -> dict[str, Document]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    # What API Gateway itself refuses never reaches a function.
    gateway = {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}
    by_function = {
        "BadRequest": "The body holds no list of events, or is no gzip though it says so.",
        "TooLarge": "More bytes or events than a batch may have; send smaller batches.",
        "UnknownMediaType": "A content type or content encoding that is not known.",
        "NotFound": "There is nothing by that id, or it is not the caller's to know of.",
        "BadQuery": "A query parameter that is not known, given twice or wrong; or a cursor that "
        "this list did not give to this caller.",
        "FaultyHouseRules": "The house rules as released are faulty; the detail says where.",
    }
    by_gateway = {
        "Unauthorized": "Nothing is proven: no token, or one that is wrong in whatever way.",
        "Forbidden": "The key is revoked, or lacks the scope of the route.",
        "TooManyRequests": "More requests than the stage takes; wait and send again.",
    }
    return {
        **openapi_floor.responses(),
        **openapi_offers.responses(),
        **openapi_shufflers.responses(),
        **openapi_maintenance.responses(),
        **openapi_experiments.responses(),
        **openapi_games.responses(),
        **openapi_leaderboards.responses(),
        **{
            name: {"description": meaning, "content": {_PROBLEM: problem}}
            for name, meaning in by_function.items()
        },
        **{
            name: {"description": meaning, "content": {"application/json": gateway}}
            for name, meaning in by_gateway.items()
        },
        "NotModified": {
            "description": "The content is one that the caller named by its ETag; no body.",
            "headers": {
                name: {"description": meaning, "schema": {"type": "string"}}
                for name, meaning in _ETAG.items()
            },
        },
        "NotTheSignedBody": {
            "description": "The key is revoked, or lacks the scope of the route (a message); or "
            "the body is not the one whose hash the token carries (a problem).",
            "content": {"application/json": gateway, _PROBLEM: problem},
        },
    }


def _security_scheme() -> Document:
    from pitboss.access import Algorithm
    from pitboss.tokens import LEEWAY_SECONDS, MAX_LIFETIME_SECONDS

    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT that the caller signs itself with its registered key "
        f"({' or '.join(Algorithm)}; the key decides), one for each request. Header `kid`: the "
        "caller's registered id. Claims, all required: `iss` the same id, `aud` the stack's output "
        f"TokenAudience, `iat` and `exp` (seconds, at most {MAX_LIFETIME_SECONDS} apart, clocks "
        f"may be {LEEWAY_SECONDS} s off), `jti` a new id, `body_sha256` the SHA-256 in hex of the "
        "body's bytes as sent; of no bytes where there is no body. What the key may do (scopes, "
        "property, assets) is registered with it, not claimed.",
    }


def _sign_in() -> Document:
    from pitboss.sign_in import MAX_LIFETIME_SECONDS

    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The ID token of somebody who signed in to the stack's user pool by the "
        "authorization code flow with PKCE (outputs UserPoolClientId, SignInUrl). It counts for "
        f"{MAX_LIFETIME_SECONDS // 60} minutes and is bound to no body; what it allows follows "
        "from the groups in it: docs/people.md.",
    }


def _schemas() -> dict[str, Document]:
    import msgspec

    from pitboss.events.envelope import SCHEMA_VERSION, SCHEMAS, Identifier
    from pitboss.posts import MAX_EVENTS, Answer
    from read_ratings.ledgers import LedgerDocument
    from read_ratings.service import (
        FloorDocument,
        MachineDocument,
        PlayerDocument,
        SessionsDocument,
    )

    forms = [envelope_form(packed) for packed in SCHEMAS.values()]
    unknown = unknown_form()
    structs = [*forms, unknown, _packet_form(), Answer]
    structs += [MachineDocument, PlayerDocument, SessionsDocument, LedgerDocument, FloorDocument]
    structs += openapi_floor.structs()
    structs += openapi_offers.structs()
    structs += openapi_shufflers.structs()
    structs += openapi_maintenance.structs()
    structs += openapi_audit.structs()
    structs += openapi_metrics.structs()
    structs += openapi_experiments.structs()
    structs += openapi_games.structs()
    structs += openapi_events.structs()
    structs += openapi_leaderboards.structs()
    found = components(structs, _REFERENCE)
    found |= openapi_games.schemas()
    known = {
        "event_type": {"enum": [event_type for event_type, _ in SCHEMAS]},
        "schema_version": {"const": SCHEMA_VERSION},
    }
    found[unknown.__name__]["not"] = {"properties": known}
    choices = [*forms, unknown]
    found["Events"] = {
        "title": "Events",
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_EVENTS,
        "items": {"anyOf": [{"$ref": _REFERENCE.format(name=f.__name__)} for f in choices]},
    }
    found["Identifier"] = msgspec.json.schema(Identifier)
    found["Problem"] = {
        "title": "Problem",
        "description": "Problem details, RFC 9457.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "correlation_id": {"type": "string", "description": "Finds the request in the logs."},
        },
        "required": ["type", "title", "status", "detail", "correlation_id"],
    }
    found["GatewayMessage"] = {
        "title": "GatewayMessage",
        "description": "A refusal of API Gateway itself, before a function is asked: the fields of "
        "a problem but its status. An embedded AWS may say `message` alone.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "detail": {"type": "string"},
            "correlation_id": {"type": "string", "description": "Finds the request in the logs."},
            "message": {"type": ["string", "null"]},
        },
    }
    return dict(sorted(found.items()))


def _packet_form() -> Any:  # noqa: ANN401 - a class of a msgspec struct
    import msgspec

    from pitboss.sas.gateway import Packet

    fields: list[Any] = []
    for field in msgspec.structs.fields(Packet):
        if field.type is msgspec.Raw:
            fields.append((field.name, dict[str, Any], msgspec.field(default_factory=dict)))
        elif field.required:
            fields.append((field.name, field.type))
        else:
            fields.append((field.name, field.type, field.default))
    return msgspec.defstruct("Packet", fields, namespace={"__doc__": Packet.__doc__})
