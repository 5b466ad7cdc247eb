"""HTTP in, events out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss import queries
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.games.applications import Application
from pitboss.problems import answer, nothing_here, problem
from pitboss.settings import read
from pitboss.stores.applications import DynamoApplications, KeptApplications
from pitboss.stores.audit import DynamoAudit
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.recent_events import DynamoRecentEvents
from pitboss.stores.refinery import S3Refinery
from pitboss.telemetry import logger, metrics
from serve_events.service import FRESHNESS_ROUTE, ROUTE, Asked, freshness, search
from serve_events.settings import Settings

log = logger("serve_events")
count = metrics("serve_events")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        region = settings.aws_region
        spread = ThreadPoolExecutor(CALLS_AT_ONCE).map
        self.recent = DynamoRecentEvents(settings.recent_events_table, region, spread)
        self.audit = DynamoAudit(settings.audit_table, region)
        self.lake = S3Refinery(settings.lake_bucket, region)
        applications = DynamoApplications(settings.registry_table, region)
        self.applications = KeptApplications(applications.find, _itself, time.monotonic)

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


def _itself(application: Application) -> Application:
    return application


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _NotFound(Exception):
    pass


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    request = event["requestContext"]
    correlation_id = request["requestId"]
    caller = Principal.from_context(request["authorizer"])
    given = event.get("multiValueQueryStringParameters")
    try:
        match event["resource"]:
            case _ if authorize(caller, Action.READ_GAME_EVENTS) is not Decision.ALLOWED:
                raise _NotFound
            case str(route) if route == ROUTE:
                return _search(caller, given, correlation_id)
            case str(route) if route == FRESHNESS_ROUTE:
                return _freshness(caller, given)
            case _:
                raise _NotFound
    except _NotFound:
        count.count("RequestsNotFound")
        return nothing_here(correlation_id)
    except queries.RefusedQueryError as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    finally:
        count.flush()


def _search(
    caller: Principal, given: dict[str, list[str]] | None, correlation_id: str
) -> dict[str, Any]:
    wiring = _wiring()
    asked = Asked.of(given, wiring.now())
    resource = Resource(caller.property_id, asked.application_id)
    may = authorize(caller, Action.READ_GAME_EVENTS, resource)
    application = wiring.applications.find(caller.property_id, asked.application_id)
    if may is not Decision.ALLOWED or application is None:
        raise _NotFound
    document, is_cut = search(wiring.recent, caller.property_id, asked, wiring.now)
    players = {one.player_id for one in document.events if one.player_id is not None}
    if asked.sought.player_id is not None:
        players.add(asked.sought.player_id)  # that there is nothing of them is a look too
    if players:
        wiring.audit.tell(caller, f"GET {ROUTE}", players, correlation_id, wiring.now())
    count.count("EventsShown", len(document.events))
    count.count("SearchesCut", int(is_cut))
    return answer(HTTPStatus.OK, document)


def _freshness(caller: Principal, given: dict[str, list[str]] | None) -> dict[str, Any]:
    queries.parameters(given, ())
    if authorize(caller, Action.READ_GAME_EVENTS, Resource(caller.property_id)) is not (
        Decision.ALLOWED
    ):
        raise _NotFound
    wiring = _wiring()
    count.count("FreshnessShown")
    found = freshness(wiring.recent, wiring.lake, caller.property_id, wiring.now())
    return answer(HTTPStatus.OK, found)
