"""The part of the OpenAPI document that is about live metrics."""

from typing import Any

from workbench.openapi_parts import answers, identifier, meaning, operation, query
from workbench.schemas import Document, prose


def tags() -> list[Document]:
    """What the function is for."""
    import serve_metrics

    return [{"name": "metrics", "description": prose(serve_metrics.__doc__).partition("\n")[0]}]


def structs() -> list[Any]:
    """What is answered."""
    from pitboss.metrics.crashes import CrashDetailDocument, CrashesDocument
    from pitboss.metrics.documents import MetricsDocument

    return [MetricsDocument, CrashesDocument, CrashDetailDocument]


def paths() -> Document:
    """The routes."""
    from pitboss.access import Action
    from pitboss.metrics.crashes import (
        DEFAULT_GROUPS,
        MAX_SHOWN,
        CrashDetailDocument,
        CrashesDocument,
    )
    from pitboss.metrics.documents import DEFAULT_WINDOWS, MAX_WINDOWS, MetricsDocument
    from serve_metrics.service import CRASH_ROUTE, CRASHES_ROUTE, ROUTE

    windows = {"type": "integer", "minimum": 1, "maximum": MAX_WINDOWS, "default": DEFAULT_WINDOWS}
    text = {"type": "string"}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_SHOWN, "default": DEFAULT_GROUPS}
    application = query(
        "application", "The game, as it is registered.", {"$ref": "#/components/schemas/Identifier"}
    ) | {"required": True}
    return {
        CRASHES_ROUTE: {
            "get": operation(
                "metrics",
                "getCrashes",
                "Read what an application crashes of.",
                "Crash and error reports, grouped by exception and stack; each counts once.",
                Action.READ_METRICS,
                [
                    application,
                    query("version", "Only groups seen in it, counted by it.", text),
                    query("limit", "How many groups at most.", limit),
                ],
                {
                    "200": answers(meaning(CrashesDocument), "CrashesDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                },
            )
        },
        CRASH_ROUTE: {
            "get": operation(
                "metrics",
                "getCrash",
                "Read one group of crash reports.",
                "With one of its reports.",
                Action.READ_METRICS,
                [identifier("crash_group", "The group's id."), application],
                {
                    "200": answers(meaning(CrashDetailDocument), "CrashDetailDocument"),
                    "400": {"$ref": "#/components/responses/BadQuery"},
                    "403": {"$ref": "#/components/responses/Forbidden"},
                    "404": {"$ref": "#/components/responses/NotFound"},
                },
            )
        },
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
        },
    }
