"""The use case: an offer becomes what a person said of it."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from pitboss.errors import TerminalError, TransientError
from pitboss.offers.approval import Settlement, Verdict
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.stores.offers import Advanced, Outcome

STAGE = "settle_approval"

MAX_TRIES = 3
"""Times that the offer may change while it is settled: it does once, when it expires."""

_MINUTE_MS = 60_000

_COMES_TO: Mapping[Verdict, Status] = {
    Verdict.APPROVED: Status.DECIDED,
    Verdict.REFUSED: Status.REFUSED,
    Verdict.NO_ANSWER: Status.EXPIRED,
}


class Offers(Protocol):
    """Where offers are; see `pitboss.stores.offers.DynamoOffers`."""

    def offer(self, property_id: str, player_id: str, offer_id: str) -> IssuedOffer | None: ...
    def advance(
        self,
        offer: IssuedOffer,
        to: Status,
        at: int,
        by: str,
        *,
        expires_at: int | None = None,
    ) -> Advanced: ...


class UnknownOffer(TerminalError):
    """There is no such offer."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"there is no offer {offer_id}")


class OfferInMotion(TransientError):
    """The offer changed each time."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"offer {offer_id} is changed elsewhere: try again")


class Settled(NamedTuple):
    """What became of an offer that awaited approval."""

    status: Status
    """That it has now."""
    is_new: bool
    """Whether it was settled by this."""
    is_late: bool
    """Whether it was settled otherwise before."""


def settle(offers: Offers, settlement: Settlement, now: int) -> Settled:
    """Settle an offer, once.

    Args:
        offers: where offers are.
        settlement: which offer, and what was said of it by whom.
        now: epoch milliseconds. An approved offer is valid from now on.

    Raises:
        UnknownOffer: there is none.
        OfferInMotion: come again.
    """
    answer = settlement.answer
    comes_to = _COMES_TO[answer.verdict]
    for _ in range(MAX_TRIES):
        offer = offers.offer(settlement.property_id, settlement.player_id, settlement.offer_id)
        if offer is None:
            raise UnknownOffer(settlement.offer_id)
        if offer.status is not Status.AWAITING_APPROVAL:
            was = any(step.status is comes_to for step in offer.steps)
            return Settled(offer.status, is_new=False, is_late=not was)
        until = None
        if comes_to is Status.DECIDED:
            until = now + offer.valid_minutes * _MINUTE_MS
        done = offers.advance(offer, comes_to, now, answer.by, expires_at=until)
        if done.outcome is Outcome.DONE:
            return Settled(comes_to, is_new=True, is_late=False)
    raise OfferInMotion(settlement.offer_id)
