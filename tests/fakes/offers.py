"""Offers that were made, for whoever does something with them."""

from typing import Any

from msgspec.structs import replace

from pitboss.events.player import ChangeKind
from pitboss.offers.catalogue import Catalogue, Kind
from pitboss.offers.deciding import Decided, Odds
from pitboss.offers.gate import Facts, Lists, Standing
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.stores.offers import DynamoOffers, Recorded
from workbench.proof.offers import DAY, NOON, NORTH, catalogue

CATALOGUE = catalogue()
"""A meal and free play."""


def issued(n: int = 0, **changed: Any) -> IssuedOffer:
    """A meal for p-1 at machine 1001, decided at noon and valid for half an hour."""
    made = IssuedOffer(
        offer_id=f"{NOON - 60_000:013d}-{n:016x}",
        property_id=NORTH,
        player_id="p-1",
        asset_id="1001",
        code="meal",
        name="offer meal",
        text="meal for you",
        kind=Kind.MEAL,
        cost_cents=1_500,
        catalogue_version=CATALOGUE.version,
        gaming_day=DAY,
        valid_minutes=30,
        status=Status.DECIDED,
        decided_at=NOON,
        expires_at=NOON + 1_800_000,
        reasons=("meal accepted twice",),
        steps=(Step(Status.DECIDED, NOON, "decide_offers"),),
    )
    return replace(made, **changed)


FREE_PLAY: dict[str, Any] = {
    "code": "play-5",
    "kind": Kind.FREE_PLAY,
    "cost_cents": 500,
    "text": "play-5 for you",
}
"""What makes it free play."""

AWAITING: dict[str, Any] = {
    "status": Status.AWAITING_APPROVAL,
    "steps": (Step(Status.AWAITING_APPROVAL, NOON, "decide_offers"),),
    "expires_at": NOON + 900_000,
}
"""What makes it wait for a person."""


def record(
    offers: DynamoOffers, offer: IssuedOffer, of: Catalogue = CATALOGUE, version: int = 1
) -> IssuedOffer:
    """Have an offer made, as `decide_offers` does, for the standing of that version."""
    decided = Decided(
        decision_id=offer.offer_id,
        change_id=offer.offer_id,
        trigger=ChangeKind.WORTH_CROSSED,
        property_id=offer.property_id,
        player_id=offer.player_id,
        asset_id=offer.asset_id,
        gaming_day=offer.gaming_day,
        decided_at=offer.decided_at,
        context={},
        context_hash="0" * 16,
        actions=(Odds("none", "none", 0, 100_000), Odds(offer.code, offer.kind, 1, 900_000)),
        out_of_reach={},
        no_offer=(),
        chosen=offer.code,
        propensity=900_000,
        is_explored=False,
        model_version="rules-1",
        catalogue_version=of.version,
        reasons=offer.reasons,
        reward_hours=24,
    )
    budgets = offers.budgets(
        offer.property_id, offer.player_id, offer.gaming_day, [one.code for one in of.offers]
    )
    facts = Facts(Lists(), Standing(version=version), None)
    assert offers.record(decided, offer, of, budgets, facts) is Recorded.STORED
    return offer
