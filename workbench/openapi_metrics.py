"""The part of the OpenAPI document that is about live metrics."""

from typing import Any

from workbench.openapi_parts import query
from workbench.schemas import Document, prose


def tags() -> list[Document]:
    """What the function is for."""
    import serve_metrics

    return [{"name": "metrics", "description": prose(serve_metrics.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered."""
    from pitboss.metrics.documents import MetricsDocument

    return [MetricsDocument]


def paths() -> Document:
    """The route."""
    from pitboss.access import Action
    from pitboss.metrics.documents import DEFAULT_WINDOWS, MAX_WINDOWS, MetricsDocument
    from serve_metrics.service import ROUTE

    meaning = prose(MetricsDocument.__doc__).partition(": ")[2]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/MetricsDocument"}}}
    windows = {"type": "integer", "minimum": 1, "maximum": MAX_WINDOWS, "default": DEFAULT_WINDOWS}
    text = {"type": "string"}
    return {
        ROUTE: {
            "get": {
                "operationId": "getMetrics",
                "tags": ["metrics"],
                "summary": "Read what live metrics of games come to.",
                "description": "Of the caller's own property, by application. Asks for the scope "
                f"`{Action.READ_METRICS}`.",
                "parameters": [
                    query("application", "Only of this application.", text),
                    query("key", "Only of the metric by that key.", text),
                    query("windows", "How many of each; the last of them lasts still.", windows),
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
