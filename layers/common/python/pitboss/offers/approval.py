"""Approval: a person says yes or no to an offer that costs more than the house makes by itself.

The state machine `approve_offer` waits for the answer, one execution an offer. Whoever made the
offer starts it with `execution_name` and `request`; the API sends it an `Answer`; what comes out,
an answer or none in time, settles the offer.
"""

from enum import StrEnum

from msgspec import Struct

from pitboss.offers.issued import IssuedOffer


class Verdict(StrEnum):
    """What was said."""

    APPROVED = "approved"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    """Nobody answered in time."""


class Request(Struct, frozen=True, kw_only=True):
    """The input of an execution of `approve_offer`."""

    property_id: str
    player_id: str
    offer_id: str
    approval_seconds: int
    """How long the answer is waited for, from when the execution began."""
    notice: str
    """What people are told, who have subscribed to the operations topic."""


class Answer(Struct, frozen=True, kw_only=True):
    """What an execution waits for."""

    verdict: Verdict
    by: str
    """The principal who said so; for no answer, the state machine."""


class Settlement(Struct, frozen=True, kw_only=True):
    """The input of `settle_approval`."""

    property_id: str
    player_id: str
    offer_id: str
    answer: Answer


def execution_name(offer: IssuedOffer) -> str:
    """What names the execution: the same for the same offer, so that it is started once."""
    return offer.offer_id


def request(offer: IssuedOffer) -> Request:
    """What is asked of an offer that awaits approval."""
    dollars, cents = divmod(offer.cost_cents, 100)
    why = f" Why: {'; '.join(offer.reasons)}." if offer.reasons else ""
    return Request(
        property_id=offer.property_id,
        player_id=offer.player_id,
        offer_id=offer.offer_id,
        approval_seconds=max((offer.expires_at - offer.decided_at) // 1_000, 1),
        notice=(
            f"{offer.name}, {dollars:,}.{cents:02} dollars, for player {offer.player_id} at "
            f"machine {offer.asset_id} of property {offer.property_id} awaits approval.{why} "
            f"`pitboss offers approve {offer.offer_id}` or `refuse`."
        ),
    )
