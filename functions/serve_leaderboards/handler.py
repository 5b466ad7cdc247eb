"""HTTP in, leaderboards and entitlements out."""

import os
import time
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.envelope import is_identifier
from pitboss.games.leaderboards import Board
from pitboss.problems import answer, busy, nothing_here, problem
from pitboss.queries import RefusedQueryError
from pitboss.settings import read
from pitboss.signed import NO_IDEMPOTENCY_KEY, idempotency_key, signed_body
from pitboss.stores.applications import DynamoApplications, KeptApplications
from pitboss.stores.batches import UnreadItemsError
from pitboss.stores.leaderboards import (
    ConsumedEntitlement,
    ContendedEntitlementError,
    DynamoLeaderboards,
)
from pitboss.stores.marked import MarkedItems
from pitboss.telemetry import logger, metrics
from serve_leaderboards.service import (
    BOARD,
    CONSUME,
    ENTITLEMENTS,
    Asked,
    EntitlementDocument,
    EntitlementsDocument,
    LeaderboardDocument,
    leaderboard,
)
from serve_leaderboards.settings import Settings

ACTIONS: Mapping[str, Action] = {
    BOARD: Action.READ_LEADERBOARDS,
    ENTITLEMENTS: Action.READ_ENTITLEMENTS,
    CONSUME: Action.CONSUME_ENTITLEMENTS,
}
"""The routes, and what each does."""

log = logger("serve_leaderboards")
count = metrics("serve_leaderboards")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.leaderboards = DynamoLeaderboards(
            MarkedItems(settings.scores_table, settings.aws_region)
        )
        applications = DynamoApplications(settings.registry_table, settings.aws_region)
        self.applications: KeptApplications[dict[str, Board]] = KeptApplications(
            applications.find, lambda application: application.boards, time.monotonic
        )
        self.days_of = settings.gaming_days.rule_of

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _NotFound(Exception):
    """There is no such thing, or it is not the caller's to know."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    try:
        return _answer(event, correlation_id)
    except _NotFound:
        count.count("RequestsNotFound")
        return nothing_here(correlation_id)
    except RefusedQueryError as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    except ConsumedEntitlement as fault:
        state = {"consumed_at": fault.entitlement.consumed_at}
        return problem(HTTPStatus.CONFLICT, str(fault), correlation_id, state)
    except (ContendedEntitlementError, UnreadItemsError) as fault:
        return busy(str(fault), correlation_id)
    finally:
        count.flush()


def _answer(event: dict[str, Any], correlation_id: str) -> dict[str, Any]:
    if signed_body(event) is None:
        return problem(
            HTTPStatus.FORBIDDEN, "the body is not the one that was signed", correlation_id
        )
    caller = Principal.from_context(event["requestContext"]["authorizer"])
    route, path = event["resource"], event.get("pathParameters") or {}
    if route not in ACTIONS or not all(map(is_identifier, path.values())):
        raise _NotFound
    resource = Resource(caller.property_id, path.get("application_id"))
    if authorize(caller, ACTIONS[route], resource) is not Decision.ALLOWED:
        raise _NotFound
    if route == BOARD:
        document = _board(event, caller.property_id, path["application_id"], path["board_id"])
        count.count("LeaderboardsServed")
        return answer(HTTPStatus.OK, document)
    if route == ENTITLEMENTS:
        found = _wiring().leaderboards.entitlements(caller.property_id, path["player_id"])
        shown = [EntitlementDocument.of(one) for one in found]
        count.count("EntitlementsServed", len(shown))
        return answer(HTTPStatus.OK, EntitlementsDocument(path["player_id"], shown))
    key = idempotency_key(event)
    if key is None:
        return problem(HTTPStatus.BAD_REQUEST, NO_IDEMPOTENCY_KEY, correlation_id)
    wiring = _wiring()
    used = wiring.leaderboards.consume(
        caller.property_id, path["player_id"], path["entitlement_id"], key, wiring.now()
    )
    if used is None:
        raise _NotFound
    count.count("EntitlementsConsumed")
    return answer(HTTPStatus.OK, EntitlementDocument.of(used))


def _board(
    event: dict[str, Any], property_id: str, application_id: str, board_id: str
) -> LeaderboardDocument:
    wiring = _wiring()
    asked = Asked.of(event.get("multiValueQueryStringParameters"))
    board = (wiring.applications.find(property_id, application_id) or {}).get(board_id)
    if board is None:
        raise _NotFound
    return leaderboard(
        wiring.leaderboards,
        property_id,
        application_id,
        board,
        asked,
        wiring.days_of(property_id),
        wiring.now(),
    )
