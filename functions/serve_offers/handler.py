"""HTTP in, offers and answers out."""

import os
import time
from collections.abc import Iterable, Mapping
from functools import cache, partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple

from pitboss.access import Action, Decision, Kind, Principal, Resource, authorize
from pitboss.events.envelope import is_identifier
from pitboss.offers.approval import Answer, Verdict
from pitboss.offers.issued import IssuedOffer
from pitboss.problems import answer, busy, problem
from pitboss.settings import read
from pitboss.signed import NO_IDEMPOTENCY_KEY, idempotency_key, signed_body
from pitboss.stores.approvals import StepFunctionsApprovals
from pitboss.stores.audit import DynamoAudit
from pitboss.stores.offers import ContendedOfferError, DynamoOffers
from pitboss.stores.ratings import Asset
from pitboss.stores.standings import DynamoStandings, read_or_nothing
from pitboss.telemetry import logger, metrics
from serve_offers import service
from serve_offers.documents import (
    AnsweredOffer,
    MachineOffer,
    OfferDocument,
    PendingOffers,
    PlayerOffers,
)
from serve_offers.service import STAGE, Asked, ServeOffers, Shown, Verb
from serve_offers.settings import Settings

_OFFER = "/v1/players/{player_id}/offers/{offer_id}"

ACTIONS: Mapping[str, Action] = {
    "/v1/machines/{asset_id}/offer": Action.READ_OFFERS,
    "/v1/players/{player_id}/offers": Action.READ_OFFERS,
    "/v1/offers/pending": Action.APPROVE_OFFERS,
    f"{_OFFER}/accept": Action.ANSWER_OFFERS,
    f"{_OFFER}/decline": Action.ANSWER_OFFERS,
    f"{_OFFER}/redeem": Action.REDEEM_OFFERS,
    f"{_OFFER}/withhold": Action.WITHHOLD_OFFERS,
    f"{_OFFER}/approve": Action.APPROVE_OFFERS,
    f"{_OFFER}/refuse": Action.APPROVE_OFFERS,
}
"""The routes, and what each does."""

_VERDICTS = {"approve": Verdict.APPROVED, "refuse": Verdict.REFUSED}

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        tables = settings.offers_table, settings.standings_table, settings.ratings_table
        standings = DynamoStandings(
            settings.standings_table, settings.ratings_table, settings.aws_region
        )
        self.serve_offers = ServeOffers(
            DynamoOffers(*tables, settings.aws_region),
            partial(read_or_nothing, standings, tell=_tell),
            StepFunctionsApprovals(settings.aws_region),
            now=self.now,
        )
        self.audit = DynamoAudit(settings.audit_table, settings.aws_region)

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Request(NamedTuple):
    """A request, as far as its path and who asks for it."""

    caller: Principal
    method: str
    route: str
    asset_id: str
    player_id: str
    offer_id: str

    @classmethod
    def of(cls, event: dict[str, Any]) -> "_Request":
        path = event.get("pathParameters") or {}
        return cls(
            Principal.from_context(event["requestContext"]["authorizer"]),
            event["httpMethod"],
            event["resource"],
            path.get("asset_id", "").lstrip("0"),
            path.get("player_id", ""),
            path.get("offer_id", ""),
        )

    @property
    def is_persons(self) -> bool:
        """Whether somebody who signed in asks: a host, who looks without showing the player."""
        return self.caller.kind is Kind.PERSON

    @property
    def names_something(self) -> bool:
        """Whether the route is one of ours, and its ids are such as there can be."""
        ids = {
            "{asset_id}": self.asset_id,
            "{player_id}": self.player_id,
            "{offer_id}": self.offer_id,
        }
        return self.route in ACTIONS and all(
            is_identifier(value) for name, value in ids.items() if name in self.route
        )

    def may_reach(self, asset_id: str | None) -> bool:
        """Whether the caller may do this to what is of a machine, or of none."""
        resource = Resource(self.caller.property_id, asset_id)
        return authorize(self.caller, ACTIONS[self.route], resource) is Decision.ALLOWED

    def reaches(self, offer: IssuedOffer) -> bool:
        """Whether the caller may do this to an offer."""
        return self.may_reach(offer.asset_id)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; see `docs/openapi.json`. API Gateway sends known routes only."""
    correlation_id = event["requestContext"]["requestId"]
    try:
        return _answer(_Request.of(event), event, correlation_id)
    except service.UnknownOffer as fault:
        count.count("RequestsNotFound")
        return problem(HTTPStatus.NOT_FOUND, str(fault), correlation_id)
    except service.RefusedAnswer as fault:
        count.count("AnswersRefused")
        state = {"offer_status": str(fault.status)}
        return problem(HTTPStatus.CONFLICT, str(fault), correlation_id, state)
    except service.WrongReason as fault:
        count.count("AnswersRefused")
        return problem(HTTPStatus.BAD_REQUEST, str(fault), correlation_id)
    except service.ReusedKey as fault:
        count.count("AnswersRefused")
        return problem(HTTPStatus.UNPROCESSABLE_CONTENT, str(fault), correlation_id)
    except (service.OfferInMotion, ContendedOfferError) as fault:
        return busy(str(fault), correlation_id)
    finally:
        count.flush()


def _answer(request: _Request, event: dict[str, Any], correlation_id: str) -> dict[str, Any]:
    body = signed_body(event)
    if body is None:
        return problem(
            HTTPStatus.FORBIDDEN, "the body is not the one that was signed", correlation_id
        )
    if not request.names_something:
        raise service.UnknownOffer
    if event["httpMethod"] == "GET":
        document = _document(request)
        _keep_look(request, _players(document), correlation_id)
        return answer(HTTPStatus.OK, document)
    _keep_look(request, [request.player_id], correlation_id)
    verb = request.route.rpartition("/")[2]
    if verb in _VERDICTS:
        return _settled(request, _VERDICTS[verb])
    key = idempotency_key(event)
    if key is None:
        return problem(HTTPStatus.BAD_REQUEST, NO_IDEMPOTENCY_KEY, correlation_id)
    digest = sha256(f"{verb}\n{request.offer_id}\n".encode() + body).hexdigest()
    note = service.read_reason(body) if verb == Verb.WITHHOLD else ""
    taken = _taken(request, Verb(verb), key, digest, note)
    if request.is_persons:
        who = {"by": request.caller.name, "player_id": request.player_id, "answer": verb}
        log.info(
            "answered by a person", extra=who | {"offer_id": request.offer_id, "id": correlation_id}
        )
    return answer(HTTPStatus.OK, taken)


def _keep_look(request: _Request, player_ids: Iterable[str], correlation_id: str) -> None:
    if request.is_persons:
        wiring, action = _wiring(), f"{request.method} {request.route}"
        wiring.audit.tell(request.caller, action, player_ids, correlation_id, wiring.now())


def _players(document: MachineOffer | PlayerOffers | PendingOffers) -> list[str]:
    """Whose data a document has."""
    match document:
        case MachineOffer(offer):
            return [] if offer is None else [offer.player_id]
        case PlayerOffers():
            return [document.player_id]
        case PendingOffers(offers):
            return [offer.player_id for offer in offers]


def _document(request: _Request) -> MachineOffer | PlayerOffers | PendingOffers:
    serve_offers, caller = _wiring().serve_offers, request.caller
    property_id, by = caller.property_id, caller.principal_id
    match request.route:
        case "/v1/machines/{asset_id}/offer":
            if not request.may_reach(request.asset_id):
                raise service.UnknownOffer
            asset = Asset(property_id, request.asset_id)
            shown = serve_offers.at_machine(asset, by, delivers=not request.is_persons)
            _count_shown(shown)
            return service.machine_offer(shown)
        case "/v1/players/{player_id}/offers":
            if not request.may_reach(None):
                raise service.UnknownOffer
            found, past = serve_offers.of_player(
                property_id, request.player_id, by, delivers=not request.is_persons
            )
            _count_shown(*found)
            is_host = caller.kind is not Kind.GATEWAY
            return service.player_offers(
                property_id, request.player_id, found, past, is_host=is_host
            )
        case _:
            if not request.may_reach(None):
                raise service.UnknownOffer
            return service.pending_offers(serve_offers.pending(property_id))


def _taken(request: _Request, verb: Verb, key: str, digest: str, note: str) -> AnsweredOffer:
    caller = request.caller
    asked = Asked(
        caller.property_id, request.player_id, caller.name, key, digest, request.is_persons
    )
    try:
        taken = _wiring().serve_offers.answer(request.offer_id, verb, asked, request.reaches, note)
    except service.RefusedAnswer as fault:
        count.count("OffersWithdrawn", int(fault.withdraws))
        raise
    count.count("AnswersRepeated", int(taken.is_repeated))
    is_new = not taken.is_repeated
    count.count("OffersAccepted", int(is_new and verb is Verb.ACCEPT))
    count.count("OffersDeclined", int(is_new and verb is Verb.DECLINE))
    count.count("OffersRedeemed", int(is_new and verb is Verb.REDEEM))
    count.count("OffersWithdrawn", int(is_new and verb is Verb.WITHHOLD))
    return taken.document


def _settled(request: _Request, verdict: Verdict) -> dict[str, Any]:
    caller = request.caller
    offer, is_settled = _wiring().serve_offers.settle(
        caller.property_id,
        request.player_id,
        request.offer_id,
        Answer(verdict=verdict, by=caller.name),
        request.reaches,
    )
    # What was said is taken on; the offer is what it says a moment later.
    status = HTTPStatus.OK if is_settled else HTTPStatus.ACCEPTED
    return answer(status, OfferDocument.for_host(offer))


def _count_shown(*found: Shown) -> None:
    count.count("OffersShown", sum(one.offer is not None for one in found))
    count.count("OffersDelivered", sum(one.is_delivered for one in found))
    for one in found:
        if one.offer is not None:
            offer_id, correlation_id = one.offer.offer_id, one.offer.correlation_id
            count.tell("shown", offer_id=offer_id, correlation_id=correlation_id)
        for reason in one.withheld:
            count.count("OffersWithheld", 1, reason=str(reason))


def _tell(fault: Exception) -> None:
    log.error("standings cannot be read", extra={"fault": str(fault)})
    count.count("StandingsUnread")
