"""HTTP in, metrics out."""

import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.metrics.documents import document
from pitboss.problems import answer, nothing_here, problem
from pitboss.queries import RefusedQueryError
from pitboss.settings import read
from pitboss.stores.metrics import DynamoMetrics
from pitboss.telemetry import logger, metrics
from serve_metrics.service import ROUTE, Asked
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
    if event["resource"] != ROUTE or may is not Decision.ALLOWED:
        return nothing_here(correlation_id)
    try:
        asked = Asked.of(event.get("multiValueQueryStringParameters"))
        wiring = _wiring()
        now = wiring.now()
        found = document(
            wiring.metrics,
            caller.property_id,
            wiring.day_of(caller.property_id)(now // 60_000),
            now,
            windows=asked.windows,
            application_id=asked.application_id,
            key=asked.key,
        )
    except RefusedQueryError as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    else:
        count.count("MetricsShown")
        return answer(HTTPStatus.OK, found)
    finally:
        count.flush()
