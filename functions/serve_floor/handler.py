"""HTTP in, the floor out."""

import os
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from msgspec.structs import replace

from pitboss import queries
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.anomalies.reviews import Review, ReviewStatus
from pitboss.events.envelope import is_identifier
from pitboss.floor.rows import MINUTE_MS
from pitboss.gaming_day import GamingDay
from pitboss.problems import answer, problem, tagged_answer
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.signed import header, signed_body
from pitboss.stores.audit import DynamoAudit
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.floor import DynamoFloor
from pitboss.stores.offers import DynamoOffers
from pitboss.stores.ratings import DynamoRatings
from pitboss.stores.reviews import DynamoReviews
from pitboss.telemetry import logger, metrics
from serve_floor import histories, reviews, service
from serve_floor.histories import MAX_MINUTES
from serve_floor.players import MAX_PLAYERS, PlayersNow, Sort
from serve_floor.service import DAY_MS, STAGE
from serve_floor.settings import Settings

ROUTES: Mapping[tuple[str, str], tuple[Action, tuple[str, ...]]] = {
    ("GET", "/v1/floor/live"): (Action.READ_FLOOR, ()),
    ("GET", "/v1/floor/plan"): (Action.READ_FLOOR, ()),
    ("PUT", "/v1/floor/plan"): (Action.WRITE_FLOOR, ()),
    ("GET", "/v1/floor/players"): (Action.READ_RATINGS, ("limit", "sort")),
    ("GET", "/v1/floor/minutes"): (Action.READ_FLOOR, ("first", "last")),
    ("GET", "/v1/floor/hours"): (Action.READ_FLOOR, ("day",)),
    ("GET", "/v1/alerts"): (Action.READ_FLOOR, ()),
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): (Action.ANSWER_ALERTS, ()),
    ("GET", "/v1/players/{player_id}/bill-ins"): (Action.READ_BILLS, ("since", "until")),
    ("GET", "/v1/reviews"): (Action.READ_REVIEWS, ("status",)),
    ("POST", "/v1/reviews/{review_id}/decide"): (Action.DECIDE_REVIEWS, ()),
}
"""The routes: what each does, and the query parameters that it knows."""

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_TAG = re.compile(r'"(?P<version>[0-9]{1,9})"')
_MOMENT = re.compile(r"[0-9]{1,13}", re.ASCII)

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        region = settings.aws_region
        self.spread = ThreadPoolExecutor(CALLS_AT_ONCE).map
        self.floor = DynamoFloor(settings.floor_table, region, self.spread)
        self.reviews = DynamoReviews(settings.floor_table, region)
        self.players = PlayersNow(
            self.floor,
            DynamoRatings(settings.ratings_table, region),
            # No other table is named: nothing is done with an offer here.
            DynamoOffers(settings.offers_table, "", "", region),
            self.spread,
        )
        self.audit = DynamoAudit(settings.audit_table, region)
        self._gaming_days = settings.gaming_days

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def day(self, property_id: str) -> GamingDay:
        """When a property's gaming day begins."""
        return self._gaming_days.rule_of(property_id)

    def today(self, property_id: str, now: int) -> str:
        """A property's gaming day of a moment."""
        return self._gaming_days.day_of(property_id)(now)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Request(NamedTuple):
    """A request, as far as its path, its query and who asks for it."""

    caller: Principal
    route: tuple[str, str]
    correlation_id: str
    query: dict[str, str]
    now: int

    @property
    def property_id(self) -> str:
        return self.caller.property_id

    def may(self, action: Action) -> bool:
        """Whether the caller may do this to the floor, which is of no one machine."""
        return authorize(self.caller, action, Resource(self.property_id)) is Decision.ALLOWED

    def audited(self, *player_ids: str) -> None:
        """Write down who is about to be shown players; where that fails there is no answer."""
        action = " ".join(self.route)
        _wiring().audit.tell(self.caller, action, player_ids, self.correlation_id, self.now)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    try:
        return _answer(event, correlation_id)
    except service.NotFound as fault:
        count.count("RequestsNotFound")
        return problem(HTTPStatus.NOT_FOUND, str(fault), correlation_id)
    except (queries.RefusedQueryError, service.WrongNote, reviews.WrongDecision) as fault:
        count.count("QueriesRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    except service.RefusedPlan as fault:
        count.count("PlansRefused")
        return problem(HTTPStatus.UNPROCESSABLE_CONTENT, str(fault), correlation_id)
    except service.AcknowledgedAlready as fault:
        count.count("AnswersRefused")
        said = {
            "acknowledged_by": fault.alert.acknowledged_by,
            "acknowledged_at": fault.alert.acknowledged_at,
            "note": fault.alert.note,
        }
        return problem(HTTPStatus.CONFLICT, str(fault), correlation_id, said)
    except reviews.DecidedAlready as fault:
        count.count("AnswersRefused")
        kept = fault.review
        said = {
            "verdict": kept.status,
            "decided_by": kept.decided_by,
            "decided_at": kept.decided_at,
            "note": kept.note,
        }
        return problem(HTTPStatus.CONFLICT, str(fault), correlation_id, said)
    finally:
        count.flush()


def _answer(event: dict[str, Any], correlation_id: str) -> dict[str, Any]:
    caller = Principal.from_context(event["requestContext"]["authorizer"])
    route = event["httpMethod"], event["resource"]
    path = event.get("pathParameters") or {}
    if route not in ROUTES:
        raise service.NotFound
    body = signed_body(event)
    if body is None:
        return problem(
            HTTPStatus.FORBIDDEN, "the body is not the one that was signed", correlation_id
        )
    action, known = ROUTES[route]
    query = queries.parameters(event.get("multiValueQueryStringParameters"), known)
    request = _Request(caller, route, correlation_id, query, _wiring().now())
    if not request.may(action):
        raise service.NotFound
    match route:
        case ("GET", "/v1/floor/live"):
            return _live(request, event)
        case ("GET", "/v1/floor/plan"):
            return _plan(request, event)
        case ("PUT", "/v1/floor/plan"):
            return _keep_plan(request, event, body)
        case ("GET", "/v1/floor/players"):
            return _players(request)
        case ("GET", "/v1/floor/minutes"):
            return _minutes(request)
        case ("GET", "/v1/floor/hours"):
            return _hours(request)
        case ("GET", "/v1/alerts"):
            document = service.alerts(_wiring().floor, request.property_id, request.now)
            count.count("AlertsShown", len(document.alerts))
            return answer(HTTPStatus.OK, document)
        case ("GET", "/v1/reviews"):
            return _reviews(request)
        case ("POST", "/v1/reviews/{review_id}/decide"):
            return _decide(request, path.get("review_id", ""), body)
        case ("POST", _):
            return _acknowledge(request, path.get("alert_id", ""), body)
        case _:
            return _bills(request, path.get("player_id", ""))


def _live(request: _Request, event: dict[str, Any]) -> dict[str, Any]:
    wiring, property_id = _wiring(), request.property_id
    document = service.live(
        wiring.floor,
        property_id,
        wiring.today(property_id, request.now),
        request.now,
        sees_players=request.may(Action.READ_RATINGS),
    )
    # When it was read is news to nobody. Its moment is the one thing that differs each time.
    shown = tagged_answer(document, _if_none_match(event), about=replace(document, at=0))
    seen = service.players_of(document)
    if seen:
        request.audited(*seen)
    count.count("FloorsShown")
    return shown


def _plan(request: _Request, event: dict[str, Any]) -> dict[str, Any]:
    plan = _wiring().floor.plan(request.property_id) or service.NO_PLAN
    tag = f'"{plan.version}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    named = {part.strip() for line in _if_none_match(event) for part in line.split(",")}
    if named & {tag, "*"}:
        return {"statusCode": int(HTTPStatus.NOT_MODIFIED), "headers": headers, "body": ""}
    return answer(HTTPStatus.OK, plan, headers)


def _keep_plan(request: _Request, event: dict[str, Any], body: bytes) -> dict[str, Any]:
    plan = service.read_plan(body)
    condition = (header(event, "if-match") or "").strip()
    tag = _TAG.fullmatch(condition)
    if condition and tag is None:
        detail = 'If-Match has the ETag of the plan that yours replaces, such as "3"'
        return problem(HTTPStatus.BAD_REQUEST, detail, request.correlation_id)
    replaces = plan.version if tag is None else int(tag["version"])
    floor, by = _wiring().floor, request.caller.name
    try:
        kept = service.keep_plan(floor, request.property_id, plan, replaces, request.now, by)
    except service.PlanMoved as fault:
        count.count("PlansRefused")
        status = HTTPStatus.CONFLICT if tag is None else HTTPStatus.PRECONDITION_FAILED
        current = {"current_version": fault.current}
        return problem(status, str(fault), request.correlation_id, current)
    what = {"property_id": request.property_id, "by": by, "version": kept.version}
    log.info("plan kept", extra=what | {"places": len(kept.places)})
    count.count("PlansKept")
    return answer(HTTPStatus.OK, kept, {"ETag": f'"{kept.version}"'})


def _players(request: _Request) -> dict[str, Any]:
    wiring, property_id, query = _wiring(), request.property_id, request.query
    limit = queries.limit(query, MAX_PLAYERS, MAX_PLAYERS)
    sort = query.get("sort", Sort.WORTH)
    if sort not in Sort:
        there_are = ", ".join(Sort)
        raise queries.RefusedQueryError(f"sort is {sort[:40]!r}, not one of {there_are}")
    document = wiring.players(
        property_id,
        wiring.today(property_id, request.now),
        shipped().of(property_id),
        request.now,
        limit=limit,
        sort=Sort(sort),
        sees_offers=request.may(Action.READ_OFFERS),
    )
    request.audited(*(player.player_id for player in document.players))
    count.count("PlayersShown", len(document.players))
    return answer(HTTPStatus.OK, document)


def _minutes(request: _Request) -> dict[str, Any]:
    wiring, property_id = _wiring(), request.property_id
    last = _moment(request, "last", request.now) // MINUTE_MS
    first = _moment(request, "first", (last - MAX_MINUTES + 1) * MINUTE_MS) // MINUTE_MS
    if not 0 <= last - first < MAX_MINUTES:
        raise queries.RefusedQueryError(
            f"first to last is {last - first + 1} minutes, not 1 to {MAX_MINUTES}"
        )
    day_of = wiring.day(property_id).date_of
    document = histories.by_minute(
        wiring.floor, property_id, lambda at: day_of(at).isoformat(), first, last
    )
    count.count("HistoriesShown")
    return answer(HTTPStatus.OK, document)


def _hours(request: _Request) -> dict[str, Any]:
    wiring, property_id = _wiring(), request.property_id
    rule = wiring.day(property_id)
    day = queries.day(request.query) or wiring.today(property_id, request.now)
    try:
        bounds = rule.bounds_of(date.fromisoformat(day))
    except OverflowError:
        raise queries.RefusedQueryError(f"day is {day}, which no calendar has") from None
    document = histories.by_hour(wiring.floor, property_id, day, bounds, request.now, wiring.spread)
    count.count("HistoriesShown")
    return answer(HTTPStatus.OK, document)


def _acknowledge(request: _Request, alert_id: str, body: bytes) -> dict[str, Any]:
    if not _ID.fullmatch(alert_id):
        raise service.NotFound
    note = service.read_note(body)
    by = request.caller.name
    alert, is_new = service.acknowledge(
        _wiring().floor, request.property_id, alert_id, by, note, request.now
    )
    if is_new:
        what = {"property_id": request.property_id, "alert_id": alert_id, "by": by}
        log.info("alert acknowledged", extra=what | {"id": request.correlation_id})
    count.count("AlertsAcknowledged", int(is_new))
    return answer(HTTPStatus.OK, alert)


def _reviews(request: _Request) -> dict[str, Any]:
    status = request.query.get("status", ReviewStatus.OPEN)
    if status not in (*ReviewStatus, reviews.EVERY):
        there_are = ", ".join((*ReviewStatus, reviews.EVERY))
        raise queries.RefusedQueryError(f"status is {status[:40]!r}, not one of {there_are}")
    asked = None if status == reviews.EVERY else ReviewStatus(status)
    document = reviews.listed(_wiring().reviews, request.property_id, asked)
    _audit_reviews(request, document.reviews)
    count.count("ReviewsShown", len(document.reviews))
    return answer(HTTPStatus.OK, document)


def _decide(request: _Request, review_id: str, body: bytes) -> dict[str, Any]:
    if not _ID.fullmatch(review_id):
        raise service.NotFound
    decision = reviews.read_decision(body)
    kept, property_id, by = _wiring().reviews, request.property_id, request.caller.name
    _audit_reviews(request, [reviews.found(kept, property_id, review_id)])
    review, is_new = reviews.decide(kept, property_id, review_id, decision, by, request.now)
    if is_new:
        what = {"property_id": property_id, "review_id": review_id, "by": by}
        log.info("review decided", extra=what | {"id": request.correlation_id})
    count.count("ReviewsDecided", int(is_new))
    return answer(HTTPStatus.OK, review)


def _audit_reviews(request: _Request, shown: list[Review]) -> None:
    seen = {review.player_id for review in shown if review.player_id is not None}
    if seen:
        request.audited(*seen)


def _bills(request: _Request, player_id: str) -> dict[str, Any]:
    if not is_identifier(player_id):
        raise service.NotFound
    until = _moment(request, "until", request.now + 1)
    since = _moment(request, "since", max(until - DAY_MS, 0))
    if since > until:
        raise queries.RefusedQueryError("since is after until")
    document = service.bills(_wiring().floor, request.property_id, player_id, since, until)
    request.audited(player_id)
    count.count("BillsShown", len(document.bills))
    return answer(HTTPStatus.OK, document)


def _moment(request: _Request, name: str, default: int) -> int:
    """A moment that is asked about, epoch milliseconds."""
    text = request.query.get(name)
    if text is None:
        return default
    if not _MOMENT.fullmatch(text):
        raise queries.RefusedQueryError(f"{name} is {text[:40]!r}, not a time in epoch ms")
    return int(text)


def _if_none_match(event: dict[str, Any]) -> list[str]:
    headers: dict[str, list[str]] = event.get("multiValueHeaders") or {}
    return [
        value
        for name, values in headers.items()
        if name.lower() == "if-none-match"
        for value in values
    ]
