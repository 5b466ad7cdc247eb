"""HTTP in, metrics out."""

import os
import time
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.games.crashes import is_group
from pitboss.metrics.crashes import (
    CrashDetailDocument,
    CrashesDocument,
    crash,
    crashes,
)
from pitboss.metrics.documents import MetricsDocument, document
from pitboss.problems import answer, busy, nothing_here, problem
from pitboss.queries import RefusedQueryError
from pitboss.settings import read
from pitboss.stores.batches import UnreadItemsError
from pitboss.stores.metrics import DynamoMetrics
from pitboss.telemetry import logger, metrics
from serve_metrics.service import (
    CRASH_PARAMETERS,
    CRASH_ROUTE,
    CRASHES_PARAMETERS,
    CRASHES_ROUTE,
    ROUTE,
    Asked,
    AskedCrashes,
)
from serve_metrics.settings import Settings

log = logger("serve_metrics")
count = metrics("serve_metrics")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.metrics = DynamoMetrics(settings.metrics_table, settings.aws_region)
        self.day_of = settings.gaming_days.ordinal_of

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    request = event["requestContext"]
    correlation_id = request["requestId"]
    caller = Principal.from_context(request["authorizer"])
    may = authorize(caller, Action.READ_METRICS, Resource(caller.property_id))
    if event["resource"] not in _SHOW or may is not Decision.ALLOWED:
        return nothing_here(correlation_id)
    try:
        found = _SHOW[event["resource"]](_wiring(), caller.property_id, event)
    except RefusedQueryError as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    except UnreadItemsError as fault:
        return busy(str(fault), correlation_id)
    else:
        if found is None:
            return nothing_here(correlation_id)
        if event["resource"] == ROUTE:
            count.count("MetricsShown")
        else:
            count.count("CrashesShown")
        return answer(HTTPStatus.OK, found)
    finally:
        count.flush()


def _metrics(wiring: _Wiring, property_id: str, event: dict[str, Any]) -> MetricsDocument:
    asked = Asked.of(event.get("multiValueQueryStringParameters"))
    now = wiring.now()
    return document(
        wiring.metrics,
        property_id,
        wiring.day_of(property_id)(now // 60_000),
        now,
        windows=asked.windows,
        application_id=asked.application_id,
        key=asked.key,
    )


def _crashes(wiring: _Wiring, property_id: str, event: dict[str, Any]) -> CrashesDocument:
    asked = AskedCrashes.of(event.get("multiValueQueryStringParameters"), CRASHES_PARAMETERS)
    return crashes(
        wiring.metrics,
        property_id,
        asked.application_id,
        version=asked.version,
        limit=asked.limit,
    )


def _crash(wiring: _Wiring, property_id: str, event: dict[str, Any]) -> CrashDetailDocument | None:
    asked = AskedCrashes.of(event.get("multiValueQueryStringParameters"), CRASH_PARAMETERS)
    group = (event.get("pathParameters") or {}).get("crash_group", "")
    if not is_group(group):
        return None
    return crash(wiring.metrics, property_id, asked.application_id, group)


_SHOW: dict[str, Callable[[_Wiring, str, dict[str, Any]], object]] = {
    ROUTE: _metrics,
    CRASHES_ROUTE: _crashes,
    CRASH_ROUTE: _crash,
}
"""What each route shows, None for what is not there."""
