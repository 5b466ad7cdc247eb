"""A decision: which offer, if any, and the record of it.

`decide` is a function of what is known, the catalogue, the policy and the moment. Chance is a
number that the decision's own id gives, so the same trigger is decided alike whenever the same is
known. Every decision is kept once and never changed, those for nothing too.
"""

from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from msgspec import Struct

from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.offers.budget import Budgets, Counter, player_cap
from pitboss.offers.catalogue import NO_OFFER, Catalogue, Machine, Offer
from pitboss.offers.context import Situation, context_hash, context_of
from pitboss.offers.gate import Facts, refusals
from pitboss.offers.issued import UNANSWERED, IssuedOffer, Status, Step
from pitboss.offers.policy import (
    BY_CHANCE,
    NOTHING,
    Action,
    Policy,
    action_of,
    chosen,
    draw,
    is_held_out,
    probabilities,
    reasons,
)

_MINUTE_MS = 60_000


class NoOffer(StrEnum):
    """Why nothing was to be decided, besides the gate's refusals."""

    HELD_OUT = "held_out"
    OPEN_OFFER = "open_offer"
    """The player has one to answer first."""
    PAUSE = "pause"
    ENOUGH_TODAY = "enough_today"


class OutOfReach(StrEnum):
    """Why an offer of the catalogue was no action."""

    ZONE = "zone"
    TIER = "tier"
    WORTH = "worth"
    PLAYER_TIMES = "player_times"
    OFFER_TIMES = "offer_times"
    OFFER_BUDGET = "offer_budget"
    PROPERTY_BUDGET = "property_budget"
    PLAYER_BUDGET = "player_budget"


class Odds(Struct, frozen=True, array_like=True):
    """An action and how likely it was."""

    code: str
    kind: str
    cost_cents: int
    millionths: int


class Decided(Struct, frozen=True, kw_only=True):
    """A decision, as it is logged."""

    decision_id: str
    change_id: str
    trigger: ChangeKind
    property_id: str
    player_id: str
    asset_id: str
    gaming_day: str
    decided_at: int
    context: dict[str, str]
    context_hash: str
    actions: tuple[Odds, ...]
    """What there was to choose from, `none` first; their odds add up to 1,000,000."""
    out_of_reach: dict[str, OutOfReach]
    """Offers of the catalogue that were no action, by code."""
    no_offer: tuple[str, ...]
    """Why there was nothing to choose: refusals of the gate, or a `NoOffer`."""
    chosen: str
    propensity: int
    """Of what was chosen, in millionths."""
    is_explored: bool
    """Whether it was not what the policy thought best."""
    model_version: str
    catalogue_version: str
    reasons: tuple[str, ...]
    reward_hours: int


class Known(NamedTuple):
    """What a decision is made of."""

    situation: Situation
    catalogue: Catalogue
    gate: Facts
    budgets: Budgets


def decision_id(change: PlayerChanged) -> str:
    """What names the decision on a change: the same each time the change is published."""
    if change.kind is ChangeKind.TIER_REACHED:
        day = date.fromisoformat(change.gaming_day)
        place = (day - date(1970, 1, 1)).days * 86_400_000
    else:
        place = change.session_started_at
    return f"{place:013d}-{sha256(change.change_id.encode()).hexdigest()[:16]}"


def decide(known: Known, policy: Policy) -> Decided:
    """Decide on a change of a player's rating."""
    situation, catalogue = known.situation, known.catalogue
    change, house, now = situation.change, catalogue.house, situation.now
    context = context_of(situation)
    out_of_reach: dict[str, OutOfReach] = {}
    actions: list[Action] = [NOTHING]
    no_offer = tuple(map(str, refusals(known.gate, house, now))) or _no_offer(known)
    if not no_offer:
        for offer in catalogue.offers:
            why = _out_of_reach(offer, known)
            if why is None:
                actions.append(action_of(offer))
            else:
                out_of_reach[offer.code] = why
    scores = [0.0] if len(actions) == 1 else policy.scores(context, actions)
    odds = probabilities(scores, house.exploration_basis_points)
    name = decision_id(change)
    index = chosen(odds, draw(name))
    action = actions[index]
    is_explored = odds[index] < max(odds)
    why_it: tuple[str, ...] = ()
    if action is not NOTHING:
        why_it = (BY_CHANCE,) if is_explored else reasons(policy, context, action)
    return Decided(
        decision_id=name,
        change_id=change.change_id,
        trigger=change.kind,
        property_id=change.property_id,
        player_id=change.player_id,
        asset_id=change.asset_id,
        gaming_day=change.gaming_day,
        decided_at=now,
        context=context,
        context_hash=context_hash(context),
        actions=tuple(
            Odds(action.code, action.kind, action.cost_cents, share)
            for action, share in zip(actions, odds, strict=True)
        ),
        out_of_reach=out_of_reach,
        no_offer=no_offer,
        chosen=action.code,
        propensity=odds[index],
        is_explored=is_explored,
        model_version=policy.version,
        catalogue_version=catalogue.version,
        reasons=why_it,
        reward_hours=house.reward_hours,
    )


def issue(
    decided: Decided, catalogue: Catalogue, by: str, correlation_id: str = ""
) -> IssuedOffer | None:
    """The offer that follows from a decision; None where nothing is offered."""
    offer = catalogue.offer(decided.chosen)
    if decided.chosen == NO_OFFER or offer is None:
        return None
    house, now = catalogue.house, decided.decided_at
    waits = offer.cost_cents > house.approval_above_cents
    status = Status.AWAITING_APPROVAL if waits else Status.DECIDED
    return IssuedOffer(
        offer_id=decided.decision_id,
        property_id=decided.property_id,
        player_id=decided.player_id,
        asset_id=decided.asset_id,
        code=offer.code,
        name=offer.name,
        text=offer.text,
        kind=offer.kind,
        cost_cents=offer.cost_cents,
        catalogue_version=decided.catalogue_version,
        gaming_day=decided.gaming_day,
        valid_minutes=offer.valid_minutes,
        status=status,
        decided_at=now,
        expires_at=now + (house.approval_minutes if waits else offer.valid_minutes) * _MINUTE_MS,
        reasons=decided.reasons,
        steps=(Step(status, now, by),),
        correlation_id=correlation_id,
    )


def _no_offer(known: Known) -> tuple[str, ...]:
    situation, house = known.situation, known.catalogue.house
    change, now = situation.change, situation.now
    budget = known.budgets.player
    if is_held_out(change.property_id, change.player_id, house.holdout_basis_points):
        return (NoOffer.HELD_OUT,)
    if any(offer.status in UNANSWERED and not offer.is_over(now) for offer in situation.offers):
        return (NoOffer.OPEN_OFFER,)
    if budget.last_made_at is not None and now < budget.last_made_at + house.pause_minutes * (
        _MINUTE_MS
    ):
        return (NoOffer.PAUSE,)
    if budget.day(change.gaming_day).count >= house.per_player_day:
        return (NoOffer.ENOUGH_TODAY,)
    return ()


def _out_of_reach(offer: Offer, known: Known) -> OutOfReach | None:
    situation, house, budgets = known.situation, known.catalogue.house, known.budgets
    facts, change = situation.facts, situation.change
    machine: Machine = situation.machine
    if offer.reach.zones and machine.zone not in offer.reach.zones:
        return OutOfReach.ZONE
    if offer.reach.tiers and facts.tier not in offer.reach.tiers:
        return OutOfReach.TIER
    if facts.worth_cents < offer.worth_from_cents or (
        offer.worth_below_cents is not None and facts.worth_cents >= offer.worth_below_cents
    ):
        return OutOfReach.WORTH
    if budgets.player.day(change.gaming_day).made.get(offer.code, 0) >= offer.per_player_day:
        return OutOfReach.PLAYER_TIMES
    of_offer = budgets.of_offers.get(offer.code, Counter())
    if offer.per_day is not None and of_offer.made >= offer.per_day:
        return OutOfReach.OFFER_TIMES
    if offer.daily_budget_cents is not None and (
        of_offer.reserved_cents + offer.cost_cents > offer.daily_budget_cents
    ):
        return OutOfReach.OFFER_BUDGET
    if budgets.of_property.reserved_cents + offer.cost_cents > house.daily_budget_cents:
        return OutOfReach.PROPERTY_BUDGET
    first = date.fromisoformat(change.gaming_day) - timedelta(days=house.player_window_days - 1)
    cap = player_cap(facts.theoretical_win(first.isoformat()), house.player_share_basis_points)
    reserved = budgets.player.reserved(change.gaming_day, house.player_window_days)
    if reserved + offer.cost_cents > cap:
        return OutOfReach.PLAYER_BUDGET
    return None
