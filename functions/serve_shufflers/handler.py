"""HTTP in, documents out."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any, NamedTuple

from pitboss import queries
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.cursors import Cursors, CursorScope, RefusedCursorError
from pitboss.errors import TransientError
from pitboss.events.envelope import is_identifier
from pitboss.problems import busy, problem, tagged_answer
from pitboss.settings import read
from pitboss.signed import headers
from pitboss.stores.database import Database, DatabaseAddress
from pitboss.stores.secrets import secret_text
from pitboss.stores.shufflers import PostgresShufflers
from pitboss.telemetry import logger, metrics
from serve_shufflers.service import (
    RECENT_DAYS,
    STAGE,
    Days,
    ServeShufflers,
    ShufflerPosition,
)
from serve_shufflers.settings import Settings

DEFAULT_SHUFFLERS, MAX_SHUFFLERS = 50, 200

MAX_DAYS = 400
"""Gaming days of one shuffler's history in one answer."""

MAX_PACE_DAYS = 31
"""Gaming days of all tables' paces in one answer."""

ROUTES: dict[str, tuple[str, ...]] = {
    "/v1/shufflers": ("limit", "cursor"),
    "/v1/shufflers/{asset_id}": (),
    "/v1/shufflers/{asset_id}/history": ("from", "to"),
    "/v1/tables/paces": ("from", "to"),
}
"""The routes, and the query parameters that each knows."""

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self._settings = settings
        rule_of = cache(settings.gaming_days.rule_of)
        self.serve = ServeShufflers(
            PostgresShufflers(Database(DatabaseAddress.of(settings), connect_seconds=20)),
            day_of=lambda property_id, moment: rule_of(property_id).date_of(moment),
            now=lambda: time.time_ns() // 1_000_000,
        )

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
    asset_id: str | None

    @classmethod
    def of(cls, event: dict[str, Any]) -> "_Request":
        path = event.get("pathParameters") or {}
        return cls(
            Principal.from_context(event["requestContext"]["authorizer"]),
            event["resource"],
            path.get("asset_id"),
        )

    @property
    def is_allowed(self) -> bool:
        """Whether the route is one of ours, about something that the caller may know of."""
        if self.route not in ROUTES:
            return False
        if "{asset_id}" in self.route and not is_identifier(self.asset_id or ""):
            return False
        resource = Resource(self.caller.property_id, self.asset_id)
        return authorize(self.caller, Action.READ_SHUFFLERS, resource) is Decision.ALLOWED

    @property
    def scope(self) -> CursorScope:
        """What a cursor of this list is bound to."""
        return CursorScope(self.caller.principal_id, self.caller.property_id, self.route)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    try:
        return _answer(_Request.of(event), event, correlation_id)
    except RefusedCursorError as refusal:
        count.count("CursorsRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(refusal), correlation_id)
    except queries.RefusedQueryError as refusal:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(refusal), correlation_id)
    except TransientError as fault:
        count.count("RequestsUnanswered")
        log.warning("no answer", extra={"id": correlation_id, "fault": str(fault)})
        detail = "the database does not answer: send the same again"
        return busy(detail, correlation_id, 5)
    finally:
        count.flush()


def _answer(request: _Request, event: dict[str, Any], correlation_id: str) -> dict[str, Any]:
    document = None
    if request.is_allowed:
        given = event.get("multiValueQueryStringParameters")
        document = _document(request, queries.parameters(given, ROUTES[request.route]))
    if document is None:
        count.count("RequestsNotFound")
        # What there is not, and what the caller may not know of, look the same.
        detail = "there is nothing here by that id"
        return problem(HTTPStatus.NOT_FOUND, detail, correlation_id)
    count.count("RequestsServed")
    return tagged_answer(document, headers(event, "if-none-match"))


def _document(request: _Request, query: dict[str, str]) -> object | None:
    property_id, asset_id = request.caller.property_id, request.asset_id or ""
    serve = _wiring().serve
    match request.route:
        case "/v1/shufflers":
            limit = queries.limit(query, DEFAULT_SHUFFLERS, MAX_SHUFFLERS)
            return serve.list_all(property_id, limit, _after(request, query), _seal(request))
        case "/v1/shufflers/{asset_id}":
            return serve.one(property_id, asset_id)
        case "/v1/shufflers/{asset_id}/history":
            return serve.history(property_id, asset_id, _days(query, property_id, MAX_DAYS))
        case _:
            return serve.paces(property_id, _days(query, property_id, MAX_PACE_DAYS))


def _after(request: _Request, query: Mapping[str, str]) -> ShufflerPosition | None:
    cursor = query.get("cursor")
    if cursor is None:
        return None
    try:
        return _wiring().cursors.open(cursor, request.scope, ShufflerPosition)
    except RefusedCursorError:
        log.warning("cursor refused", extra={"caller": request.caller.principal_id})
        raise


def _seal(request: _Request) -> Callable[[ShufflerPosition], str]:
    return lambda position: _wiring().cursors.seal(position, request.scope)


def _days(query: Mapping[str, str], property_id: str, most: int) -> Days:
    """The gaming days that are asked about: the last ones, up to today's, where nothing is said.

    Raises:
        RefusedQueryError: a day is none, the last is before the first, or there are too many.
    """
    first, last = queries.day(query, "from"), queries.day(query, "to")
    until = (
        _wiring().serve.recent_days(property_id).last if last is None else date.fromisoformat(last)
    )
    before = timedelta(days=min(RECENT_DAYS - 1, until.toordinal() - 1))
    since = until - before if first is None else date.fromisoformat(first)
    days = (until - since).days + 1
    if not 1 <= days <= most:
        raise queries.RefusedQueryError(
            f"from {since} to {until} are {max(days, 0)} days, not from 1 to {most}"
        )
    return Days(since, until)
