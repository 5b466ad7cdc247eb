"""The use case: who is calling, and may they take this route."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from pitboss.access import (
    Action,
    Credential,
    Decision,
    Kind,
    Principal,
    Status,
    authorize,
    body_hash,
)
from pitboss.installs import issuer_of
from pitboss.installs import verify as verify_install
from pitboss.live import LIVE_PROTOCOL
from pitboss.sign_in import Pool, SigningKeys, is_of
from pitboss.sign_in import verify as verify_person
from pitboss.tokens import Refusal, RefusedTokenError, claimed_principal, verify

NO_BODY = body_hash(b"")

ROUTES = {
    ("POST", "/v1/slot-events"): Action.SEND_SLOT_EVENTS,
    ("GET", "/v1/machines/{asset_id}"): Action.READ_MACHINES,
    ("GET", "/v1/machines/{asset_id}/ledger"): Action.READ_MACHINES,
    ("GET", "/v1/players/{player_id}"): Action.READ_RATINGS,
    ("GET", "/v1/players/{player_id}/sessions"): Action.READ_RATINGS,
    ("GET", "/v1/players/{player_id}/ledger"): Action.READ_RATINGS,
    ("GET", "/v1/floor"): Action.READ_MACHINES,
    ("GET", "/v1/machines/{asset_id}/offer"): Action.READ_OFFERS,
    ("GET", "/v1/players/{player_id}/offers"): Action.READ_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/accept"): Action.ANSWER_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/decline"): Action.ANSWER_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/redeem"): Action.REDEEM_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/withhold"): Action.WITHHOLD_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/approve"): Action.APPROVE_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/refuse"): Action.APPROVE_OFFERS,
    ("GET", "/v1/offers/pending"): Action.APPROVE_OFFERS,
    ("GET", "/v1/offers/catalogue"): Action.WRITE_CATALOGUE,
    ("PUT", "/v1/offers/catalogue"): Action.WRITE_CATALOGUE,
    ("GET", "/v1/offers/catalogue/versions"): Action.WRITE_CATALOGUE,
    ("GET", "/v1/players/{player_id}/exclusions"): Action.READ_EXCLUSIONS,
    ("PUT", "/v1/players/{player_id}/exclusions/{list}"): Action.WRITE_EXCLUSIONS,
    ("DELETE", "/v1/players/{player_id}/exclusions/{list}"): Action.WRITE_EXCLUSIONS,
    ("GET", "/v1/shufflers"): Action.READ_SHUFFLERS,
    ("GET", "/v1/shufflers/{asset_id}"): Action.READ_SHUFFLERS,
    ("GET", "/v1/shufflers/{asset_id}/history"): Action.READ_SHUFFLERS,
    ("GET", "/v1/tables/paces"): Action.READ_SHUFFLERS,
    ("GET", "/v1/maintenance"): Action.READ_MAINTENANCE,
    ("GET", "/v1/maintenance/{recommendation_id}"): Action.READ_MAINTENANCE,
    ("POST", "/v1/maintenance/{recommendation_id}/acknowledge"): Action.ANSWER_MAINTENANCE,
    ("POST", "/v1/maintenance/{recommendation_id}/done"): Action.ANSWER_MAINTENANCE,
    ("POST", "/v1/maintenance/{recommendation_id}/dismiss"): Action.ANSWER_MAINTENANCE,
    ("GET", "/v1/floor/live"): Action.READ_FLOOR,
    ("GET", "/v1/floor/plan"): Action.READ_FLOOR,
    ("PUT", "/v1/floor/plan"): Action.WRITE_FLOOR,
    ("GET", "/v1/floor/players"): Action.READ_RATINGS,
    ("GET", "/v1/floor/minutes"): Action.READ_FLOOR,
    ("GET", "/v1/floor/hours"): Action.READ_FLOOR,
    ("GET", "/v1/alerts"): Action.READ_FLOOR,
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): Action.ANSWER_ALERTS,
    ("GET", "/v1/players/{player_id}/bill-ins"): Action.READ_BILLS,
    ("GET", "/v1/reviews"): Action.READ_REVIEWS,
    ("POST", "/v1/reviews/{review_id}/decide"): Action.DECIDE_REVIEWS,
    ("GET", "/v1/audit"): Action.READ_AUDIT,
    ("GET", "/v1/metrics"): Action.READ_METRICS,
    ("GET", "/v1/crashes"): Action.READ_METRICS,
    ("GET", "/v1/crashes/{crash_group}"): Action.READ_METRICS,
    ("GET", "/v1/players/{player_id}/flags"): Action.READ_FLAGS,
    (
        "GET",
        "/v1/applications/{application_id}/leaderboards/{board_id}",
    ): Action.READ_LEADERBOARDS,
    ("GET", "/v1/players/{player_id}/entitlements"): Action.READ_ENTITLEMENTS,
    (
        "POST",
        "/v1/players/{player_id}/entitlements/{entitlement_id}/consume",
    ): Action.CONSUME_ENTITLEMENTS,
    ("POST", "/v1/game-events"): Action.SEND_GAME_EVENTS,
    ("GET", "/v1/game-events"): Action.READ_GAME_EVENTS,
    ("GET", "/v1/game-events/freshness"): Action.READ_GAME_EVENTS,
    ("POST", "/applications/{application_id}/events"): Action.SEND_GAME_EVENTS,
    ("POST", "/v1/applications/{application_id}/installs"): Action.ISSUE_INSTALLS,
    ("CONNECT", "$connect"): Action.READ_OFFERS,
}
"""Every route of the API, and of the live API the one that opens a connection, and what it does."""

OF_PEOPLE = {("CONNECT", "$connect"): Action.READ_FLOOR}
"""What routes do instead where a person takes them: games listen for offers, people watch."""

WITHOUT_BODY = frozenset({"GET", "CONNECT"})


class Registry(Protocol):
    """Knows the registered keys; see `pitboss.stores.registry.DynamoRegistry`."""

    def find(self, principal_id: str) -> Credential | None: ...


class People(NamedTuple):
    """Where people sign in."""

    pool: Pool
    keys: SigningKeys


class Denial(StrEnum):
    """Why someone known may not go on. For the log; the sender is told no more than 403."""

    REVOKED = "revoked"
    MISSING_SCOPE = "missing_scope"
    UNKNOWN_ROUTE = "unknown_route"


@dataclass(frozen=True)
class Call:
    """One request, as far as an authorizer sees it."""

    method: str
    route: str
    """As the API names it, for example `/v1/machines/{asset_id}`."""
    authorization: tuple[str, ...]
    """Every `Authorization` header."""
    protocols: tuple[str, ...] = ()
    """What a WebSocket's `Sec-WebSocket-Protocol` headers offer, one by one."""


@dataclass(frozen=True)
class Verdict:
    """Who is calling and which body they signed; `denial` None lets them go on."""

    principal: Principal
    body_sha256: str
    denial: Denial | None = None


def decide(
    call: Call,
    registry: Registry,
    audience: str,
    people: People,
    install_key: Callable[[], str],
    now: float,
) -> Verdict:
    """Whether a call may go on.

    Args:
        call: the request.
        registry: the registered keys.
        audience: the API's own name.
        people: where people sign in.
        install_key: the secret that tokens of installs are signed by.
        now: epoch seconds.

    Raises:
        RefusedTokenError: who is calling is not proven.
        TransientError: it cannot be told now.
    """
    token = _token(call)
    if is_of(token, people.pool.issuer):
        person = verify_person(token, people.pool, people.keys, now)
        return Verdict(person, "", _denial(call, person))
    if is_of(token, issuer_of(audience)):
        install = verify_install(token, install_key(), audience, now)
        return Verdict(install, "", _denial(call, install))
    credential = registry.find(claimed_principal(token))
    if credential is None:
        raise RefusedTokenError(Refusal.UNKNOWN_PRINCIPAL)
    claims = verify(token, credential, audience, now)
    if call.method in WITHOUT_BODY and claims.body_sha256 != NO_BODY:
        raise RefusedTokenError(Refusal.BODY)
    if credential.status is not Status.ACTIVE:
        return Verdict(credential.principal, claims.body_sha256, Denial.REVOKED)
    principal = credential.principal
    return Verdict(principal, claims.body_sha256, _denial(call, principal))


def _denial(call: Call, principal: Principal) -> Denial | None:
    route = (call.method, call.route)
    action = ROUTES.get(route)
    if principal.kind is Kind.PERSON:
        action = OF_PEOPLE.get(route, action)
    if action is None:
        return Denial.UNKNOWN_ROUTE
    if authorize(principal, action) is not Decision.ALLOWED:
        return Denial.MISSING_SCOPE
    return None


def _token(call: Call) -> str:
    """The one token of a call. A browser can give a WebSocket no header but the protocols that it
    offers: ours, and the token.
    """
    if not call.protocols:
        return _bearer(call.authorization)
    if call.authorization:
        raise RefusedTokenError(Refusal.MALFORMED)
    match call.protocols:
        case (name, token) if name == LIVE_PROTOCOL:
            return token
        case _:
            raise RefusedTokenError(Refusal.MALFORMED)


def _bearer(authorization: tuple[str, ...]) -> str:
    if not authorization:
        raise RefusedTokenError(Refusal.MISSING)
    if len(authorization) > 1:
        raise RefusedTokenError(Refusal.MALFORMED)
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefusedTokenError(Refusal.MALFORMED)
    return token
