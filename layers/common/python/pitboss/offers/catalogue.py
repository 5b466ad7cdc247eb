"""The catalogue: what a property offers, to whom, and what it may cost.

A catalogue is data, a whole at a time: `pitboss offers catalogue apply` checks it with `parse` and
stores it as a new version. `docs/offers.md` says in words what each field means.

Money is in cents, times of validity in minutes, shares in basis points.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pitboss.definitions import InvalidDefinition, parsed

NO_OFFER = "none"
"""The action of offering nothing; no offer may be called so."""

MAX_OFFERS = 200
"""Offers of a catalogue, so that one item of the store holds it and a decision stays quick."""

type Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
type Name = Annotated[str, Meta(min_length=1, max_length=120)]
type Cents = Annotated[int, Meta(ge=0, le=100_000_000)]
type Count = Annotated[int, Meta(ge=1, le=1_000_000)]
type BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
type Minutes = Annotated[int, Meta(ge=1, le=527_040)]


class Kind(StrEnum):
    """What is given."""

    FREE_PLAY = "free_play"
    MULTIPLIER = "multiplier"
    """So many times the points for a while; its cost is what the points are worth at most."""
    MEAL = "meal"
    ROOM = "room"
    SHOW = "show"
    ITEM = "item"


class Reach(Struct, frozen=True, forbid_unknown_fields=True):
    """Where and to whom an offer may be made; what is empty does not limit."""

    zones: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that can be offered."""

    code: Code
    name: Name
    """For hosts and reports."""
    text: Name
    """For the player, on the machine's screen."""
    kind: Kind
    cost_cents: Annotated[int, Meta(ge=1, le=100_000_000)]
    """What it costs the house when it is redeemed: what is reserved when it is made."""
    worth_from_cents: Cents = 0
    """Least average daily theoretical win of a player it is for."""
    worth_below_cents: Cents | None = None
    """And what it has to be below."""
    valid_minutes: Minutes = 30
    """From the decision: what is not accepted and redeemed by then has expired."""
    per_player_day: Count = 1
    """Times a player may be made this offer in a gaming day."""
    per_day: Count | None = None
    """Times it may be made in a gaming day at all."""
    daily_budget_cents: Cents | None = None
    """What it may cost in a gaming day at all."""
    reach: Reach = Reach()


class House(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for all offers of the property."""

    daily_budget_cents: Cents
    """What offers may cost in a gaming day."""
    player_share_basis_points: BasisPoints = 3_000
    """What a player may cost in the rolling window, as a share of their theoretical win in it.
    Reinvestment is usually 20 to 40 % of it."""
    player_window_days: Annotated[int, Meta(ge=1, le=365)] = 30
    """Gaming days of the rolling window, today included."""
    per_player_day: Count = 3
    """Offers a player may be made in a gaming day."""
    pause_minutes: Annotated[int, Meta(ge=0, le=1_440)] = 20
    """From one offer to a player to the next at least."""
    approval_above_cents: Cents = 20_000
    """An offer that costs more waits for a person."""
    approval_minutes: Minutes = 15
    """How long."""
    jurisdictions: tuple[str, ...] = ()
    """Where players must live (ISO 3166-2, for example US-NV) to be made offers; at least one."""
    list_age_minutes: Annotated[int, Meta(ge=1, le=44_640)] = 1_440
    """A list (self-exclusions and the like) last known to be complete before so long is as good as
    none: no offers."""
    holdout_basis_points: Annotated[int, Meta(ge=100, le=5_000)] = 500
    """Players who are never made offers, for honest uplift: 5 %, never less than 1 %."""
    exploration_basis_points: Annotated[int, Meta(ge=100, le=3_000)] = 1_000
    """Decisions left to chance, all actions alike: 10 %, between 1 and 30 %."""
    reward_hours: Annotated[int, Meta(ge=1, le=168)] = 24
    """Play that counts as following from a decision: theoretical win in so many hours after it."""


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a machine besides its number."""

    zone: str | None = None
    game: str | None = None
    """In words a host would use, for example "dollar video poker"."""


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A property's offers and their rules."""

    property_id: str
    house: House
    offers: tuple[Offer, ...]
    machines: dict[str, Machine] = {}
    """By asset number without padding zeros."""

    @property
    def version(self) -> str:
        """What names the catalogue: 16 digits of the SHA-256 of its content."""
        return sha256(encode(self)).hexdigest()[:16]

    def offer(self, code: str) -> Offer | None:
        """The offer of a code."""
        return next((offer for offer in self.offers if offer.code == code), None)


class InvalidCatalogue(InvalidDefinition):
    """Content that is no catalogue; `faults` has a sentence for each fault that was found."""


def parse(content: object) -> Catalogue:
    """The catalogue that plain content (of a YAML or JSON file) describes.

    Raises:
        InvalidCatalogue: naming the place of the first fault of form, or every fault of sense.
    """
    return parsed(
        content, Catalogue, _faults, InvalidCatalogue, lambda fault: _place(fault, content)
    )


def encode(catalogue: Catalogue) -> bytes:
    """A catalogue as JSON, the same bytes for the same catalogue."""
    return msgspec.json.encode(catalogue, order="deterministic")


def decode(content: bytes) -> Catalogue:
    """A catalogue that `encode` wrote."""
    return msgspec.json.decode(content, type=Catalogue)


def _place(fault: str, content: object) -> str:
    """A fault with the code of its offer, which people know better than a number in a list."""
    _, found, at = fault.partition("$.offers[")
    if found and isinstance(content, Mapping):
        number, offers = at.partition("]")[0], content.get("offers")
        if number.isdecimal() and isinstance(offers, list) and int(number) < len(offers):
            offer: Any = offers[int(number)]
            code = offer.get("code") if isinstance(offer, Mapping) else None
            if code is not None:
                return f"{fault} (offer {code!r})"
    return fault


def _faults(catalogue: Catalogue) -> Iterator[str]:
    seen: set[str] = set()
    zones = {machine.zone for machine in catalogue.machines.values()}
    if not catalogue.offers:
        yield "there are no offers: a catalogue has at least one"
    if len(catalogue.offers) > MAX_OFFERS:
        yield f"{len(catalogue.offers)} offers are more than the {MAX_OFFERS} a catalogue may have"
    if not catalogue.house.jurisdictions:
        yield "house.jurisdictions is empty: name those whose players may be made offers"
    for asset_id in catalogue.machines:
        if not asset_id or asset_id.startswith("0"):
            yield f"machine {asset_id!r}: asset numbers are written without padding zeros"
    for offer in catalogue.offers:
        name = f"offer {offer.code!r}"
        if offer.code == NO_OFFER:
            yield f"{name}: this code means that nothing is offered"
        if offer.code in seen:
            yield f"{name} is there twice"
        seen.add(offer.code)
        if offer.worth_below_cents is not None and (
            offer.worth_below_cents <= offer.worth_from_cents
        ):
            yield f"{name}: worth_below_cents is not above worth_from_cents, so it is for nobody"
        if offer.daily_budget_cents is not None and offer.daily_budget_cents < offer.cost_cents:
            yield f"{name}: its daily budget is less than it costs, so it is never made"
        if offer.cost_cents > catalogue.house.daily_budget_cents:
            yield f"{name}: the property's daily budget is less than it costs, so it is never made"
        for zone in offer.reach.zones:
            if zone not in zones:
                yield f"{name}: no machine is in zone {zone!r}"
