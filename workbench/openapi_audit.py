"""The part of the OpenAPI document that is about who looked at which players."""

from typing import Any

from workbench.openapi_parts import query
from workbench.schemas import Document, prose


def tags() -> list[Document]:
    """What the function is for."""
    import serve_audit

    return [{"name": "audit", "description": prose(serve_audit.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered."""
    from serve_audit.service import AuditDocument

    return [AuditDocument]


def paths() -> Document:
    """The route."""
    from pitboss.access import Action
    from serve_audit.service import DEFAULT_LOOKS, MAX_LOOKS, ROUTE, AuditDocument

    meaning = prose(AuditDocument.__doc__).partition(": ")[2]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/AuditDocument"}}}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LOOKS, "default": DEFAULT_LOOKS}
    day = {"type": "string", "format": "date"}
    return {
        ROUTE: {
            "get": {
                "operationId": "getAudit",
                "tags": ["audit"],
                "summary": "Read which person looked at which players.",
                "description": "Of the caller's own property. What a person is shown of it is "
                f"itself a look. Asks for the scope `{Action.READ_AUDIT}`.",
                "parameters": [
                    query("day", "The UTC day; without it that of now.", day),
                    query("limit", "How many looks at most.", limit),
                    query("before", "`next` of the answer before, as it is.", {"type": "string"}),
                ],
                "responses": {
                    "200": {
                        "description": f"{meaning[0].upper()}{meaning[1:]}",
                        "content": content,
                    },
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "401": {"$ref": "#/components/responses/Unauthorized"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                    "429": {"$ref": "#/components/responses/TooManyRequests"},
                },
            }
        }
    }
