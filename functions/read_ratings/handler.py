"""HTTP in, documents out."""

import os
import time
from collections.abc import Callable
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from pitboss import queries
from pitboss.access import Action, Decision, Kind, Principal, Resource, authorize
from pitboss.cursors import Cursors, CursorScope, RefusedCursorError
from pitboss.events.envelope import is_identifier
from pitboss.problems import nothing_here, problem, tagged_answer
from pitboss.rating.fold import House
from pitboss.rating.house_rules import InvalidHouseRules, shipped
from pitboss.settings import read
from pitboss.signed import headers
from pitboss.stores.audit import DynamoAudit
from pitboss.stores.ratings import Asset, DynamoRatings
from pitboss.stores.secrets import secret_text
from pitboss.telemetry import logger, metrics
from read_ratings import ledgers, service
from read_ratings.settings import Settings

DEFAULT_SESSIONS, MAX_SESSIONS = 50, 500
DEFAULT_LINES, MAX_LINES = 500, 2_000


class _Route(NamedTuple):
    """What a route does, and the query parameters that it knows."""

    action: Action
    query: tuple[str, ...] = ()


ROUTES: dict[str, _Route] = {
    "/v1/machines/{asset_id}": _Route(Action.READ_MACHINES),
    "/v1/machines/{asset_id}/ledger": _Route(Action.READ_MACHINES, ("day", "limit", "cursor")),
    "/v1/players/{player_id}": _Route(Action.READ_RATINGS),
    "/v1/players/{player_id}/sessions": _Route(Action.READ_RATINGS, ("limit", "cursor")),
    "/v1/players/{player_id}/ledger": _Route(Action.READ_RATINGS, ("day", "limit", "cursor")),
    "/v1/floor": _Route(Action.READ_MACHINES),
}

type Document = (
    service.MachineDocument
    | service.PlayerDocument
    | service.SessionsDocument
    | service.FloorDocument
    | ledgers.LedgerDocument
)

_MEND_THE_RULES = (
    "the house rules of this release cannot be used, so that nothing can be rated by them; trying "
    "again does not help: mend house_rules.toml, whose faults stand in the log, or deploy the "
    "release before"
)

log = logger("read_ratings")
count = metrics("read_ratings")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self._settings = settings
        self.ratings = DynamoRatings(settings.ratings_table, settings.aws_region)
        self.audit = DynamoAudit(settings.audit_table, settings.aws_region)

    @cached_property
    def cursors(self) -> Cursors:
        """Made when the first cursor is: most answers have none, and the key is a call away."""
        settings = self._settings
        return Cursors(secret_text(settings.cursor_key_secret, settings.aws_region).encode())

    def house(self, property_id: str) -> House:
        """The rules that a property's play is rated by."""
        day_of = self._settings.gaming_days.day_of(property_id)
        return House(day_of, shipped().of(property_id).idle_ms)

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Request(NamedTuple):
    """A request, as far as its path and who asks for it."""

    caller: Principal
    route: str
    asset_id: str | None
    player_id: str | None

    @classmethod
    def of(cls, event: dict[str, Any]) -> "_Request":
        path = event.get("pathParameters") or {}
        return cls(
            Principal.from_context(event["requestContext"]["authorizer"]),
            event["resource"],
            path.get("asset_id", "").lstrip("0") or None,
            path.get("player_id"),
        )

    def may(self, action: Action) -> bool:
        """Whether the caller may do this to what the path names."""
        resource = Resource(self.caller.property_id, self.asset_id)
        return authorize(self.caller, action, resource) is Decision.ALLOWED

    @property
    def names_something(self) -> bool:
        """Whether the route is one of ours, and its ids are such as there can be."""
        ids = {"{asset_id}": self.asset_id, "{player_id}": self.player_id}
        return self.route in ROUTES and all(
            value is not None and is_identifier(value)
            for name, value in ids.items()
            if name in self.route
        )

    def scope(self, query: str = "") -> CursorScope:
        """What a cursor of this list is bound to."""
        owner, property_id = self.caller.principal_id, self.caller.property_id
        path = self.route.format(asset_id=self.asset_id, player_id=self.player_id)
        return CursorScope(owner, property_id, path, query)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    request = _Request.of(event)
    document, refusal = None, None
    try:
        document = _document(request, event.get("multiValueQueryStringParameters"))
    except InvalidHouseRules as fault:
        log.error("house rules cannot be used", extra={"id": correlation_id, "fault": str(fault)})
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, _MEND_THE_RULES, correlation_id)
    except (queries.RefusedQueryError, RefusedCursorError) as fault:
        refusal = fault
    is_forged = isinstance(refusal, RefusedCursorError)
    if is_forged:
        caller = request.caller.principal_id
        log.warning("cursor refused", extra={"id": correlation_id, "caller": caller})
    count.count("RequestsServed", int(document is not None))
    count.count("RequestsNotFound", int(document is None and refusal is None))
    count.count("QueriesRefused", int(refusal is not None and not is_forged))
    count.count("CursorsRefused", int(is_forged))
    count.flush()
    if refusal is not None:
        return problem(HTTPStatus.BAD_REQUEST, str(refusal), correlation_id)
    if document is None:
        # What there is not, and what the caller may not know of, look the same.
        return nothing_here(correlation_id)
    _keep_look(request, document, correlation_id)
    return tagged_answer(document, headers(event, "if-none-match"))


def _keep_look(request: _Request, document: Document, correlation_id: str) -> None:
    """Keep that a person is shown players; most machines' documents and the floor's name none."""
    players = _players(document)
    if players and request.caller.kind is Kind.PERSON:
        wiring, action = _wiring(), f"GET {request.route}"
        wiring.audit.tell(request.caller, action, players, correlation_id, wiring.now())


def _players(document: Document) -> set[str]:
    """Whose data a document has."""
    match document:
        case service.PlayerDocument() | service.SessionsDocument():
            return {document.player_id}
        case ledgers.LedgerDocument():
            return ledgers.players(document)
        case _:
            return set()


def _document(request: _Request, given: dict[str, list[str]] | None) -> Document | None:
    if not request.names_something:
        return None
    if not request.may(ROUTES[request.route].action):
        return None
    query = queries.parameters(given, ROUTES[request.route].query)
    property_id = request.caller.property_id
    player_id = request.player_id or ""
    asset = Asset(property_id, request.asset_id or "")
    wiring = _wiring()
    match request.route:
        case "/v1/machines/{asset_id}":
            return service.machine(wiring.ratings, asset)
        case "/v1/machines/{asset_id}/ledger":
            part = _part(request, query)
            ledger = ledgers.machine(wiring.ratings, wiring.house(property_id), asset, part)
            if ledger is None or request.may(Action.READ_RATINGS):
                return ledger
            return ledgers.without_players(ledger)
        case "/v1/players/{player_id}":
            today = wiring.house(property_id).day_of(wiring.now())
            rules = shipped().of(property_id)
            return service.player(wiring.ratings, property_id, player_id, rules, today)
        case "/v1/players/{player_id}/sessions":
            limit = queries.limit(query, DEFAULT_SESSIONS, MAX_SESSIONS)
            scope = request.scope()
            after = _position(query, scope, service.SessionPosition)
            seal = _seal(scope)
            return service.sessions(wiring.ratings, property_id, player_id, limit, after, seal)
        case "/v1/players/{player_id}/ledger":
            part = _part(request, query)
            house = wiring.house(property_id)
            return ledgers.player(wiring.ratings, house, property_id, player_id, part)
        case _:
            return service.floor(wiring.ratings, property_id)


def _part(request: _Request, query: dict[str, str]) -> ledgers.Part:
    day = queries.day(query)
    scope = request.scope("" if day is None else f"day={day}")
    return ledgers.Part(
        day,
        queries.limit(query, DEFAULT_LINES, MAX_LINES),
        _position(query, scope, ledgers.LedgerPosition),
        _seal(scope),
    )


def _position[Position](
    query: dict[str, str], scope: CursorScope, kind: type[Position]
) -> Position | None:
    cursor = query.get("cursor")
    return None if cursor is None else _wiring().cursors.open(cursor, scope, kind)


def _seal(scope: CursorScope) -> Callable[[msgspec.Struct], str]:
    return lambda position: _wiring().cursors.seal(position, scope)
