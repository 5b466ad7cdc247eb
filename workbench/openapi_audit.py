"""The part of the OpenAPI document that is about who looked at which players."""

from typing import Any

from workbench.openapi_parts import answers, meaning, operation, query
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

    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LOOKS, "default": DEFAULT_LOOKS}
    day = {"type": "string", "format": "date"}
    return {
        ROUTE: {
            "get": operation(
                "audit",
                "getAudit",
                "Read which person looked at which players.",
                "What a person is shown of the log is itself a look.",
                Action.READ_AUDIT,
                [
                    query("day", "The UTC day; without it that of now.", day),
                    query("limit", "How many looks at most.", limit),
                    query("before", "`next` of the answer before, as it is.", {"type": "string"}),
                ],
                {
                    "200": answers(meaning(AuditDocument), "AuditDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                },
            )
        }
    }
