"""The part of the OpenAPI document that is about live metrics."""

from typing import Any

from workbench.openapi_parts import answers, meaning, operation, query
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

    windows = {"type": "integer", "minimum": 1, "maximum": MAX_WINDOWS, "default": DEFAULT_WINDOWS}
    text = {"type": "string"}
    return {
        ROUTE: {
            "get": operation(
                "metrics",
                "getMetrics",
                "Read what live metrics of games come to.",
                "By application.",
                Action.READ_METRICS,
                [
                    query("application", "Only of this application.", text),
                    query("key", "Only of the metric by that key.", text),
                    query("windows", "How many of each; the last of them lasts still.", windows),
                ],
                {
                    "200": answers(meaning(MetricsDocument), "MetricsDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                },
            )
        }
    }
