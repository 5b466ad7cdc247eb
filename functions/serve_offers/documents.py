"""What is said of offers: to a game and an app, to a host, and to who approves."""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from pitboss.offers.catalogue import Kind
from pitboss.offers.issued import IssuedOffer, Status


class StepDocument(Struct, frozen=True):
    """A status an offer came to, when (epoch milliseconds), by whom, and why where they said so."""

    status: Status
    at: int
    by: str
    note: str = ""


class OfferDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An offer. The fields from `name` on are for hosts, and absent for anyone else."""

    offer_id: str
    player_id: str
    asset_id: str
    kind: Kind
    text: str
    """For the player."""
    status: Status
    expires_at: int
    """Epoch milliseconds: answered and redeemed before."""
    name: str | None = None
    code: str | None = None
    cost_cents: int | None = None
    gaming_day: str | None = None
    decided_at: int | None = None
    reasons: tuple[str, ...] | None = None
    """Why, in words for a host."""
    steps: list[StepDocument] | None = None
    """How it came to its status, the first first."""

    @classmethod
    def for_player(cls, offer: IssuedOffer) -> Self:
        """What a player may know."""
        return cls(
            offer_id=offer.offer_id,
            player_id=offer.player_id,
            asset_id=offer.asset_id,
            kind=offer.kind,
            text=offer.text,
            status=offer.status,
            expires_at=offer.expires_at,
        )

    @classmethod
    def for_host(cls, offer: IssuedOffer) -> Self:
        """What a host may know."""
        return replace(
            cls.for_player(offer),
            name=offer.name,
            code=offer.code,
            cost_cents=offer.cost_cents,
            gaming_day=offer.gaming_day,
            decided_at=offer.decided_at,
            reasons=offer.reasons,
            steps=[StepDocument(step.status, step.at, step.by, step.note) for step in offer.steps],
        )


class MachineOffer(Struct, frozen=True):
    """The machine's offer: what who is seated there may be shown now; null for nothing."""

    offer: OfferDocument | None


class PlayerOffers(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The player's offers: those that are open and may be shown, the newest first; for hosts also
    `past`, those that are over.
    """

    property_id: str
    player_id: str
    offers: list[OfferDocument]
    past: list[OfferDocument] | None = None


class PendingOffers(Struct, frozen=True):
    """The offers that await approval: those that expire first, first."""

    offers: list[OfferDocument]


class AnsweredOffer(Struct, frozen=True):
    """The offer's answer: what the offer came to by it, and when (epoch milliseconds)."""

    offer_id: str
    status: Status
    at: int
    expires_at: int
