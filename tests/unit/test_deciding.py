"""Decisions: what is chosen from, why not from more, and what it never follows from."""

from collections import Counter as Counts
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.events.player import ChangeKind
from pitboss.offers.budget import Budgets, Counter, PlayerBudget
from pitboss.offers.catalogue import Catalogue, Machine, parse
from pitboss.offers.context import PlayerFacts, Situation, VisitDay, facts_of
from pitboss.offers.deciding import Decided, Known, NoOffer, decide, decision_id, issue
from pitboss.offers.gate import NOTHING_READ, Facts, ListName, Lists, Refusal, Standing
from pitboss.offers.gate import Machine as Gated
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.offers.policy import BY_CHANCE, CERTAIN, RulePolicy, is_held_out
from pitboss.rating.fold import SessionDay, Tally
from pitboss.rating.house_rules import shipped
from pitboss.rating.players import profile
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import PlayerSession
from workbench.proof.offers import DAY, NOON, NORTH, catalogue, change, offer

DOLLAR = 1_000_000
RICH = PlayerFacts(
    worth=500 * DOLLAR,
    segment="high",
    tier="gold",
    visits=(VisitDay(DAY, 1_000 * DOLLAR),),
    trip_days=1,
    average_bet=None,
    games_per_hour=None,
)
PASSES = Facts(
    Lists(dict.fromkeys(ListName, NOON)),
    Standing(3, {}, 0, "US-NV"),
    Gated(None, "p-1"),
)
MEAL = offer("meal", kind="meal", cost_cents=1_500)
MEALS = catalogue(MEAL)
HELD_OUT = next(f"p-{n}" for n in range(999) if is_held_out(NORTH, f"p-{n}", 500))


def known(
    of: Catalogue = MEALS,
    facts: PlayerFacts = RICH,
    gate: Facts = PASSES,
    budgets: Budgets = Budgets(),  # noqa: B008 - frozen
    offers: tuple[IssuedOffer, ...] = (),
    machine: Machine = Machine("high limit"),  # noqa: B008 - frozen
    player: str = "p-1",
    now: int = NOON,
    **of_change: Any,
) -> Known:
    changed = change(player, "1001", **of_change)
    return Known(
        Situation(changed, facts, machine, offers, NOON - 6 * 3_600_000, now), of, gate, budgets
    )


def decided(**what: Any) -> Decided:
    return decide(known(**what), RulePolicy())


# --- what is chosen from --------------------------------------------------------------------------


def test_nothing_is_always_among_the_actions() -> None:
    found = decided()

    assert [(one.code, one.cost_cents) for one in found.actions] == [("none", 0), ("meal", 1_500)]
    assert sum(one.millionths for one in found.actions) == CERTAIN
    assert found.no_offer == ()
    assert found.out_of_reach == {}


@pytest.mark.parametrize(
    ("fields", "what", "why"),
    [
        ({"reach": {"zones": ["moon"]}}, {}, "zone"),
        ({"reach": {"tiers": ["black"]}}, {}, "tier"),
        ({"worth_from_cents": 50_001}, {}, "worth"),
        ({"worth_below_cents": 50_000}, {}, "worth"),
        (
            {"per_player_day": 1},
            {"budgets": Budgets(PlayerBudget().with_offer(DAY, "meal", 0, 0, 30))},
            "player_times",
        ),
        ({"per_day": 2}, {"budgets": Budgets(of_offers={"meal": Counter(0, 2)})}, "offer_times"),
        (
            {"daily_budget_cents": 3_000},
            {"budgets": Budgets(of_offers={"meal": Counter(1_501, 1)})},
            "offer_budget",
        ),
        ({}, {"budgets": Budgets(of_property=Counter(98_501, 9))}, "property_budget"),
        (
            {},
            {"budgets": Budgets(PlayerBudget().with_offer(DAY, "play", 28_501, 0, 30))},
            "player_budget",
        ),
    ],
)
def test_an_offer_out_of_reach_is_no_action_and_why_is_said(
    fields: dict[str, Any], what: dict[str, Any], why: str
) -> None:
    machines = {"1002": {"zone": "moon"}}
    content = {
        "property_id": NORTH,
        "house": {
            "daily_budget_cents": 100_000,
            "jurisdictions": ["US-NV"],
            "pause_minutes": 0,
            "per_player_day": 9,
        },
        "offers": [{**MEAL, **fields}],
        "machines": machines,
    }

    found = decided(of=parse(content), **what)

    assert found.out_of_reach == {"meal": why}
    assert [one.code for one in found.actions] == ["none"]
    assert (found.chosen, found.propensity) == ("none", CERTAIN)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"worth_from_cents": 50_000}, {}),
        ({"worth_below_cents": 50_001}, {}),
        ({"per_day": 2}, {"budgets": Budgets(of_offers={"meal": Counter(0, 1)})}),
        (
            {"daily_budget_cents": 3_000},
            {"budgets": Budgets(of_offers={"meal": Counter(1_500, 1)})},
        ),
        ({}, {"budgets": Budgets(of_property=Counter(98_500, 9))}),
        ({}, {"budgets": Budgets(PlayerBudget().with_offer(DAY, "play", 28_500, 0, 30))}),
    ],
)
def test_at_its_limit_an_offer_is_an_action_still(
    fields: dict[str, Any], what: dict[str, Any]
) -> None:
    assert decided(of=catalogue({**MEAL, **fields}), **what).out_of_reach == {}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"gate": NOTHING_READ}, (Refusal.LISTS_UNREADABLE,)),
        ({"gate": replace(PASSES, standing=None)}, (Refusal.UNKNOWN_PLAYER,)),
        ({"gate": replace(PASSES, machine=Gated(NOON))}, (Refusal.HANDPAY_LOCK,)),
        ({"player": HELD_OUT}, (NoOffer.HELD_OUT,)),
        (
            {
                "of": catalogue(MEAL, pause_minutes=20),
                "budgets": Budgets(
                    PlayerBudget().with_offer(DAY, "x", 0, NOON - 20 * 60_000 + 1, 30)
                ),
            },
            (NoOffer.PAUSE,),
        ),
        (
            {
                "of": catalogue(MEAL, per_player_day=1),
                "budgets": Budgets(PlayerBudget().with_offer(DAY, "x", 0, 0, 30)),
            },
            (NoOffer.ENOUGH_TODAY,),
        ),
    ],
)
def test_why_there_is_nothing_to_choose_is_said(what: dict[str, Any], why: tuple[str, ...]) -> None:
    found = decided(**what)

    assert found.no_offer == why
    assert [one.code for one in found.actions] == ["none"]
    assert found.chosen == "none"
    assert issue(found, MEALS, "test") is None
    assert found.context["tier"] == "gold"


def test_after_the_pause_there_are_offers_again() -> None:
    record = PlayerBudget().with_offer(DAY, "x", 0, NOON - 20 * 60_000, 30)

    assert decided(of=catalogue(MEAL, pause_minutes=20), budgets=Budgets(record)).no_offer == ()


@pytest.mark.parametrize(
    ("status", "expires_at", "is_open"),
    [
        (Status.AWAITING_APPROVAL, NOON + 1, True),
        (Status.DECIDED, NOON + 1, True),
        (Status.DELIVERED, NOON + 1, True),
        (Status.DELIVERED, NOON, False),
        (Status.ACCEPTED, NOON + 1, False),
        (Status.REDEEMED, NOON + 1, False),
        (Status.DECLINED, NOON + 1, False),
    ],
)
def test_an_offer_is_answered_before_there_is_another(
    status: Status, expires_at: int, is_open: bool
) -> None:
    first = next(found for n in range(99) if (found := issue(decided(step=n), MEALS, "x")))
    earlier = replace(first, status=status, expires_at=expires_at)

    assert decided(offers=(earlier,)).no_offer == ((NoOffer.OPEN_OFFER,) if is_open else ())


# --- what is chosen -------------------------------------------------------------------------------


def test_a_decision_is_the_same_each_time_and_another_for_another_change() -> None:
    assert decided() == decided()
    assert decision_id(change("p-1", "1001", 1)) != decision_id(change("p-1", "1001", 2))
    tier = change("p-1", "1001", None, ChangeKind.TIER_REACHED, tier="gold")
    elsewhere = change("p-1", "1002", None, ChangeKind.TIER_REACHED, tier="gold", occurred_at=1)
    assert decision_id(tier) == decision_id(elsewhere)
    assert decision_id(tier).startswith("1767830400000-")  # midnight of the gaming day, UTC


def test_choices_are_as_frequent_as_their_odds() -> None:
    of = catalogue(MEAL, offer("play"), offer("show"), exploration_basis_points=3_000)
    found = [decided(of=of, step=n) for n in range(4_000)]

    odds = {one.code: one.millionths for one in found[0].actions}
    assert odds == {"none": 75_000, "meal": 775_000, "play": 75_000, "show": 75_000}
    assert all({one.code: one.millionths for one in other.actions} == odds for other in found)
    times = Counts(one.chosen for one in found)
    chi = sum(
        (times[code] - 4_000 * p / CERTAIN) ** 2 / (4_000 * p / CERTAIN) for code, p in odds.items()
    )
    assert chi < 16.3  # three degrees of freedom: once in a thousand
    for one in found:
        assert one.propensity == odds[one.chosen]
        assert one.is_explored is (one.chosen != "meal")
    reasons = {one.chosen: one.reasons for one in found}
    assert reasons["none"] == ()
    assert reasons["play"] == reasons["show"] == (BY_CHANCE,)
    assert reasons["meal"] == ("is worth $500-999 a day",)


def test_what_follows_from_a_decision_is_the_offer_of_the_catalogue() -> None:
    of = catalogue(MEAL, approval_above_cents=1_500, exploration_basis_points=100)
    found = decided(of=of, player="p-1")
    made = issue(found, of, "decide_offers")

    assert made is not None
    assert (made.offer_id, made.code, made.cost_cents) == (found.decision_id, "meal", 1_500)
    assert (made.status, made.expires_at) == (Status.DECIDED, NOON + 30 * 60_000)
    dear = issue(found, catalogue(MEAL, approval_above_cents=1_499), "decide_offers")
    assert dear is not None
    assert (dear.status, dear.expires_at) == (Status.AWAITING_APPROVAL, NOON + 15 * 60_000)


# --- what it never follows from -------------------------------------------------------------------

cents = st.integers(0, 10**8)


@st.composite
def sessions(draw: st.DrawFn) -> list[tuple[str, Tally]]:
    return [
        (
            day,
            Tally(
                games=draw(st.integers(1, 1_000)),
                coin_in_cents=draw(cents),
                theoretical_win=draw(st.integers(0, 10**11)),
                coin_out_cents=draw(cents),
                handpaid_cents=draw(cents),
            ),
        )
        for day in draw(st.sets(st.sampled_from(["2025-12-30", "2026-01-05", "2026-01-07", DAY])))
    ]


@settings(max_examples=150, deadline=None)
@given(sessions(), st.integers(0, 99), st.data())
def test_what_a_player_lost_or_won_changes_no_byte_of_any_decision(
    played: list[tuple[str, Tally]], step: int, data: st.DataObject
) -> None:
    """Coin-out, hand-pays and what was lost at tables: any other of them decides alike."""
    rules = shipped().of(NORTH)
    of = catalogue(
        MEAL, offer("play"), offer("room", cost_cents=9_000), exploration_basis_points=3_000
    )
    won = data.draw(st.lists(cents, min_size=5, max_size=5))
    handpaid = data.draw(st.lists(cents, min_size=4, max_size=4))

    def as_bytes(tallies: list[tuple[str, Tally]], lost_at_tables: int) -> bytes:
        found = profile(
            [
                PlayerSession(SessionDay(day, "p-1", NOON), "1001", tally, NOON, NOON + 3_600_000)
                for day, tally in tallies
            ],
            rules,
            DAY,
            [TableDay("2026-01-05", 1, 60, 600_000_000_000, lost_at_tables, 0)],
        )
        facts = facts_of(found, worth_by_mean=False)
        return msgspec.json.encode(decided(of=of, facts=facts, step=step))

    others = [
        (day, replace(tally, coin_out_cents=won[n], handpaid_cents=handpaid[n]))
        for n, (day, tally) in enumerate(played)
    ]
    assert as_bytes(others, -won[4]) == as_bytes(played, 0)


def test_what_a_player_is_worth_does_change_it() -> None:
    """So that the test above is one."""
    poor = replace(RICH, worth=4 * DOLLAR)

    assert decided(facts=poor).context_hash != decided().context_hash
