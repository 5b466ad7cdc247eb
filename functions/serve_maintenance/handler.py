"""HTTP in, recommendations and answers out."""

import os
import time
from collections.abc import Mapping
from functools import cache, cached_property
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple

from pitboss import queries
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.cursors import Cursors, CursorScope, RefusedCursorError
from pitboss.events.envelope import is_identifier
from pitboss.problems import answer, busy, problem
from pitboss.settings import read
from pitboss.shufflers.maintenance import RefusedChange, Status
from pitboss.signed import NO_IDEMPOTENCY_KEY, idempotency_key, signed_body
from pitboss.stores.database import Database, DatabaseAddress, DatabaseUnavailable
from pitboss.stores.maintenance import Position, Request, SqlMaintenance
from pitboss.stores.secrets import secret_text
from pitboss.telemetry import logger, metrics
from serve_maintenance import service
from serve_maintenance.service import STAGE, Verb
from serve_maintenance.settings import Settings

DEFAULT_RECOMMENDATIONS, MAX_RECOMMENDATIONS = 50, 500

_ONE = "/v1/maintenance/{recommendation_id}"

ACTIONS: Mapping[str, Action] = {
    "/v1/maintenance": Action.READ_MAINTENANCE,
    _ONE: Action.READ_MAINTENANCE,
    f"{_ONE}/acknowledge": Action.ANSWER_MAINTENANCE,
    f"{_ONE}/done": Action.ANSWER_MAINTENANCE,
    f"{_ONE}/dismiss": Action.ANSWER_MAINTENANCE,
}
"""The routes, and what each does."""

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self._settings = settings
        self.maintenance = SqlMaintenance(Database(DatabaseAddress.of(settings)))

    @cached_property
    def cursors(self) -> Cursors:
        """Made when the first cursor is: most answers have none, and the key is a call away."""
        settings = self._settings
        return Cursors(secret_text(settings.cursor_key_secret, settings.aws_region).encode())


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Request(NamedTuple):
    """A request, as far as its path and who asks for it."""

    caller: Principal
    route: str
    recommendation_id: str

    @classmethod
    def of(cls, event: dict[str, Any]) -> "_Request":
        path = event.get("pathParameters") or {}
        return cls(
            Principal.from_context(event["requestContext"]["authorizer"]),
            event["resource"],
            path.get("recommendation_id", ""),
        )

    @property
    def names_something(self) -> bool:
        """Whether the route is one of ours, and its id is such as there can be."""
        is_named = "{" not in self.route or is_identifier(self.recommendation_id)
        return self.route in ACTIONS and is_named

    def reaches(self, asset_id: str) -> bool:
        """Whether the caller may do this to what is of a device."""
        resource = Resource(self.caller.property_id, asset_id)
        return authorize(self.caller, ACTIONS[self.route], resource) is Decision.ALLOWED


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    try:
        return _answer(_Request.of(event), event, correlation_id)
    except service.UnknownRecommendation as fault:
        count.count("RequestsNotFound")
        return problem(HTTPStatus.NOT_FOUND, str(fault), correlation_id)
    except RefusedCursorError as fault:
        count.count("CursorsRefused")
        log.warning("cursor refused", extra={"id": correlation_id})
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    except (queries.RefusedQueryError, service.WrongNote) as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    except RefusedChange as fault:
        count.count("AnswersRefused")
        state = {"recommendation_status": str(fault.status)}
        return problem(HTTPStatus.CONFLICT, str(fault), correlation_id, state)
    except service.ReusedKey as fault:
        count.count("AnswersRefused")
        return problem(HTTPStatus.UNPROCESSABLE_CONTENT, str(fault), correlation_id)
    except DatabaseUnavailable as fault:
        log.error("no database", extra={"id": correlation_id, "fault": str(fault)})
        detail = "the database does not answer: send the same again"
        return busy(detail, correlation_id)
    finally:
        count.flush()


def _answer(request: _Request, event: dict[str, Any], correlation_id: str) -> dict[str, Any]:
    body = signed_body(event)
    if body is None:
        return problem(
            HTTPStatus.FORBIDDEN, "the body is not the one that was signed", correlation_id
        )
    if not request.names_something:
        raise service.UnknownRecommendation
    caller = request.caller
    if authorize(caller, ACTIONS[request.route]) is not Decision.ALLOWED:
        raise service.UnknownRecommendation
    maintenance = _wiring().maintenance
    if request.route == "/v1/maintenance":
        return answer(HTTPStatus.OK, _page(request, event.get("multiValueQueryStringParameters")))
    if request.route == _ONE:
        document = service.recommendation(
            maintenance, caller.property_id, request.recommendation_id, request.reaches
        )
        count.count("RecommendationsShown")
        return answer(HTTPStatus.OK, document)
    verb = Verb(request.route.rpartition("/")[2])
    key = idempotency_key(event)
    if key is None:
        return problem(HTTPStatus.BAD_REQUEST, NO_IDEMPOTENCY_KEY, correlation_id)
    note = service.read_note(body, verb)
    digest = sha256(f"{verb}\n{request.recommendation_id}\n".encode() + body).hexdigest()
    taken = service.answer(
        maintenance,
        caller.property_id,
        request.recommendation_id,
        verb,
        Request(caller.principal_id, key, digest),
        note,
        request.reaches,
        time.time_ns() // 1_000_000,
    )
    count.count("AnswersRepeated", int(taken.is_repeated))
    is_new = not taken.is_repeated
    count.count("RecommendationsAcknowledged", int(is_new and verb is Verb.ACKNOWLEDGE))
    count.count("RecommendationsDone", int(is_new and verb is Verb.DONE))
    count.count("RecommendationsDismissed", int(is_new and verb is Verb.DISMISS))
    return answer(HTTPStatus.OK, taken.document)


def _page(request: _Request, given: dict[str, list[str]] | None) -> object:
    query = queries.parameters(given, ("status", "asset_id", "limit", "cursor"))
    limit = queries.limit(query, DEFAULT_RECOMMENDATIONS, MAX_RECOMMENDATIONS)
    status, asset_id, caller = query.get("status"), query.get("asset_id"), request.caller
    if status is not None and status not in Status:
        there_are = ", ".join(Status)
        raise queries.RefusedQueryError(f"status is {status[:40]!r}, not one of {there_are}")
    assets = caller.assets
    if asset_id is not None:
        asset = asset_id.lstrip("0")
        assets = frozenset({asset} if request.reaches(asset) else ())
    chosen = f"status={status or ''}&asset_id={asset_id or ''}"
    scope = CursorScope(caller.principal_id, caller.property_id, "/v1/maintenance", chosen)
    cursor = query.get("cursor")
    cursors = _wiring().cursors if cursor is not None else None
    after = None if cursors is None or cursor is None else cursors.open(cursor, scope, Position)
    document = service.recommendations(
        _wiring().maintenance,
        caller.property_id,
        limit=limit,
        after=after,
        status=None if status is None else Status(status),
        assets=assets,
        seal=lambda position: _wiring().cursors.seal(position, scope),
    )
    count.count("RecommendationsShown", len(document.recommendations))
    return document
