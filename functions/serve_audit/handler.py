"""HTTP in, looks out."""

import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.problems import answer, nothing_here, problem
from pitboss.queries import RefusedQueryError
from pitboss.settings import read
from pitboss.stores.audit import DynamoAudit
from pitboss.telemetry import logger, metrics
from serve_audit.service import ROUTE, Asked, page
from serve_audit.settings import Settings

log = logger("serve_audit")
count = metrics("serve_audit")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.audit = DynamoAudit(settings.audit_table, settings.aws_region)

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
    log_of = Resource(caller.property_id)
    if event["resource"] != ROUTE or (
        authorize(caller, Action.READ_AUDIT, log_of) is not Decision.ALLOWED
    ):
        return nothing_here(correlation_id)
    try:
        now = _wiring().now()
        asked = Asked.of(event.get("multiValueQueryStringParameters"), now)
        document = page(_wiring().audit, caller, asked, correlation_id, now)
    except RefusedQueryError as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    else:
        count.count("AuditShown")
        log.info("shown", extra={"id": correlation_id, "by": caller.principal_id})
        return answer(HTTPStatus.OK, document)
    finally:
        count.flush()
