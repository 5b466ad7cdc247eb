"""HTTP in, documents out."""

import os
import time
from base64 import b64decode
from binascii import Error as Base64Error
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from keep_exclusions import service
from keep_exclusions.service import Caller, Exclude, RefusedChange, StillExcluded
from keep_exclusions.settings import Settings
from pitboss.access import Action, Decision, Kind, Principal, Resource, authorize, is_signed_body
from pitboss.errors import TransientError
from pitboss.events.envelope import is_identifier
from pitboss.offers.gate import ListName
from pitboss.problems import answer, problem
from pitboss.settings import read
from pitboss.stores.audit import DynamoAudit
from pitboss.stores.standings import DynamoStandings
from pitboss.telemetry import logger, metrics

STAGE = "keep_exclusions"
PLAYER = "/v1/players/{player_id}/exclusions"
ENTRY = "/v1/players/{player_id}/exclusions/{list}"
ROUTES = {
    ("GET", PLAYER): Action.READ_EXCLUSIONS,
    ("PUT", ENTRY): Action.WRITE_EXCLUSIONS,
    ("DELETE", ENTRY): Action.WRITE_EXCLUSIONS,
}

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.standings = DynamoStandings(settings.standings_table, None, settings.aws_region)
        self.audit = DynamoAudit(settings.audit_table, settings.aws_region)

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Request(NamedTuple):
    """A request that somebody may make, of ids such as there can be."""

    method: str
    caller: Principal
    player_id: str
    list: ListName | None
    asked: Exclude


class _RefusedRequestError(ValueError):
    """What is refused, and the status that says so."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        super().__init__(detail)


_NOTHING = "there is nothing here by that id"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    try:
        request = _request(event)
        if request.method != "GET":  # what cannot be kept in the audit log is not done either
            _keep_look(request, event["resource"], correlation_id)
        document = _document(request)
        if request.method == "GET":
            _keep_look(request, event["resource"], correlation_id)
    except _RefusedRequestError as refusal:
        return _refused(refusal.status, str(refusal), correlation_id)
    except RefusedChange as refusal:
        return _refused(HTTPStatus.BAD_REQUEST, str(refusal), correlation_id)
    except StillExcluded as refusal:
        return _refused(HTTPStatus.CONFLICT, str(refusal), correlation_id)
    except TransientError as fault:
        log.warning("not changed", extra={"id": correlation_id, "reason": str(fault)})
        return _refused(HTTPStatus.SERVICE_UNAVAILABLE, "ask again", correlation_id)
    finally:
        count.flush()
    return answer(HTTPStatus.OK, document)


def _keep_look(request: _Request, route: str, correlation_id: str) -> None:
    if request.caller.kind is Kind.PERSON:
        wiring, action = _wiring(), f"{request.method} {route}"
        players = [request.player_id]
        wiring.audit.tell(request.caller, action, players, correlation_id, wiring.now())


def _refused(status: HTTPStatus, detail: str, correlation_id: str) -> dict[str, Any]:
    count.count("ExclusionsRefused", 1, status=str(int(status)))
    count.flush()
    return problem(status, detail, correlation_id)


def _request(event: dict[str, Any]) -> _Request:
    request = event["requestContext"]
    caller = Principal.from_context(request["authorizer"])
    method, path = event["httpMethod"], event.get("pathParameters") or {}
    action, player_id = ROUTES.get((method, event["resource"])), path.get("player_id", "")
    if action is None or authorize(caller, action, Resource(caller.property_id)) is not (
        Decision.ALLOWED
    ):
        raise _RefusedRequestError(HTTPStatus.NOT_FOUND, _NOTHING)
    name = path.get("list")
    known = name is None or name in list(ListName)
    if not is_identifier(player_id) or not known:
        raise _RefusedRequestError(HTTPStatus.NOT_FOUND, _NOTHING)
    body = _body(event)
    if not is_signed_body(request["authorizer"], body):
        raise _RefusedRequestError(HTTPStatus.FORBIDDEN, "the body is not the one that was signed")
    try:
        asked = msgspec.json.decode(body or b"{}", type=Exclude)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise _RefusedRequestError(HTTPStatus.BAD_REQUEST, f"the body is wrong: {fault}") from None
    return _Request(method, caller, player_id, None if name is None else ListName(name), asked)


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return b64decode(body, validate=True)
    except Base64Error:
        raise _RefusedRequestError(HTTPStatus.BAD_REQUEST, "the body cannot be read") from None


def _document(request: _Request) -> service.StandingDocument:
    wiring = _wiring()
    now = wiring.now()
    property_id, player_id = request.caller.property_id, request.player_id
    caller = Caller(property_id, request.caller.name, now)
    told = {"player_id": player_id, "list": request.list, "by": caller.principal_id}
    if request.list is not None and request.method == "PUT":
        service.exclude(wiring.standings, caller, player_id, request.list, request.asked)
        count.count("ExclusionsAdded", 1, list=str(request.list))
        log.info("excluded", extra=told)
    elif request.list is not None and service.lift(
        wiring.standings, caller, player_id, request.list, request.asked.note
    ):
        count.count("ExclusionsLifted", 1, list=str(request.list))
        log.info("lifted", extra=told)
    found = service.standing(wiring.standings, property_id, player_id, now)
    if found is None:
        raise _RefusedRequestError(HTTPStatus.NOT_FOUND, _NOTHING)
    return found
