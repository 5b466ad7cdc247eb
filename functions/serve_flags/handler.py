"""HTTP in, flags out."""

import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.envelope import is_identifier
from pitboss.problems import answer, busy, nothing_here
from pitboss.settings import read
from pitboss.stores.experiments import DynamoExperiments, UnreadExposuresError
from pitboss.telemetry import logger, metrics
from serve_flags.service import ROUTE, serve
from serve_flags.settings import Settings

log = logger("serve_flags")
count = metrics("serve_flags")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.experiments = DynamoExperiments(settings.experiments_table, settings.aws_region)

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
    player_id = (event.get("pathParameters") or {}).get("player_id", "")
    may = authorize(caller, Action.READ_FLAGS, Resource(caller.property_id))
    try:
        if (
            event["resource"] != ROUTE
            or may is not Decision.ALLOWED
            or not is_identifier(player_id)
        ):
            count.count("RequestsNotFound")
            return nothing_here(correlation_id)
        wiring = _wiring()
        served = serve(wiring.experiments, caller.property_id, player_id, wiring.now())
    except UnreadExposuresError as fault:
        return busy(str(fault), correlation_id)
    else:
        count.count("FlagsServed")
        count.count("PlayersExposed", served.exposed)
        return answer(HTTPStatus.OK, served.document)
    finally:
        count.flush()
