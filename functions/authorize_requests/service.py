"""The use case: who is calling, and may they take this route."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pitboss.access import Action, Credential, Decision, Principal, Status, authorize, body_hash
from pitboss.tokens import Refusal, RefusedTokenError, claimed_principal, verify

NO_BODY = body_hash(b"")

ROUTES = {
    ("POST", "/v1/slot-events"): Action.SEND_SLOT_EVENTS,
    ("GET", "/v1/machines/{asset_id}"): Action.READ_RATINGS,
    ("GET", "/v1/machines/{asset_id}/ledger"): Action.READ_RATINGS,
    ("GET", "/v1/players/{player_id}"): Action.READ_RATINGS,
    ("GET", "/v1/players/{player_id}/sessions"): Action.READ_RATINGS,
    ("GET", "/v1/players/{player_id}/ledger"): Action.READ_RATINGS,
    ("GET", "/v1/floor"): Action.READ_RATINGS,
    ("GET", "/v1/machines/{asset_id}/offer"): Action.READ_OFFERS,
    ("GET", "/v1/players/{player_id}/offers"): Action.READ_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/accept"): Action.ANSWER_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/decline"): Action.ANSWER_OFFERS,
    ("POST", "/v1/players/{player_id}/offers/{offer_id}/redeem"): Action.REDEEM_OFFERS,
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
    ("CONNECT", "$connect"): Action.READ_OFFERS,
}
"""Every route of the API, and of the live API the one that opens a connection, and what it does."""

WITHOUT_BODY = frozenset({"GET", "CONNECT"})


class Registry(Protocol):
    """Knows the registered keys; see `pitboss.stores.registry.DynamoRegistry`."""

    def find(self, principal_id: str) -> Credential | None: ...


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


@dataclass(frozen=True)
class Verdict:
    """Who is calling and which body they signed; `denial` None lets them go on."""

    principal: Principal
    body_sha256: str
    denial: Denial | None = None


def decide(call: Call, registry: Registry, audience: str, now: float) -> Verdict:
    """Whether a call may go on.

    Args:
        call: the request.
        registry: the registered keys.
        audience: the API's own name.
        now: epoch seconds.

    Raises:
        RefusedTokenError: who is calling is not proven.
    """
    token = _bearer(call.authorization)
    credential = registry.find(claimed_principal(token))
    if credential is None:
        raise RefusedTokenError(Refusal.UNKNOWN_PRINCIPAL)
    claims = verify(token, credential, audience, now)
    if call.method in WITHOUT_BODY and claims.body_sha256 != NO_BODY:
        raise RefusedTokenError(Refusal.BODY)
    return Verdict(credential.principal, claims.body_sha256, _denial(call, credential))


def _denial(call: Call, credential: Credential) -> Denial | None:
    if credential.status is not Status.ACTIVE:
        return Denial.REVOKED
    action = ROUTES.get((call.method, call.route))
    if action is None:
        return Denial.UNKNOWN_ROUTE
    if authorize(credential.principal, action) is not Decision.ALLOWED:
        return Denial.MISSING_SCOPE
    return None


def _bearer(authorization: tuple[str, ...]) -> str:
    if not authorization:
        raise RefusedTokenError(Refusal.MISSING)
    if len(authorization) > 1:
        raise RefusedTokenError(Refusal.MALFORMED)
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefusedTokenError(Refusal.MALFORMED)
    return token
