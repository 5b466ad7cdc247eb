"""The gate: everything that must be known and nothing that must not be, or no offer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.offers.catalogue import House
from pitboss.offers.gate import (
    AHEAD_MS,
    CLOCK_TOLERANCE_MS,
    NOTHING_READ,
    Entry,
    Facts,
    ListName,
    Lists,
    Machine,
    Refusal,
    Risk,
    Standing,
    refusals,
)

NOW = 1_767_902_400_000
DAY_MS = 86_400_000
HOUSE = House(daily_budget_cents=100_000, jurisdictions=("US-NV", "US-CA"), list_age_minutes=1_440)
FRESH = Lists(dict.fromkeys(ListName, NOW))
KNOWN = Standing(version=3, of_age_from=NOW - DAY_MS, jurisdiction="US-NV")
OPEN_MACHINE = Machine(None, "p-1")
ALLOWED = Facts(FRESH, KNOWN, OPEN_MACHINE)
RISK = Risk(0.31, ("raises stakes after losses more than 9 in 10 players",), "risk-1", NOW)


def on(name: ListName, since: int = 0, until: int | None = None) -> Facts:
    """Facts of a player of whom all is well but one list."""
    return replace(ALLOWED, standing=replace(KNOWN, entries={name: Entry(since, until, 0)}))


def with_list(name: ListName, complete_to: int | None) -> Facts:
    """Facts where one list is complete to another moment, or was never imported."""
    of_list = {other: NOW for other in ListName if other is not name}
    return replace(
        ALLOWED, lists=Lists(of_list if complete_to is None else of_list | {name: complete_to})
    )


def test_a_player_of_whom_all_is_known_and_nothing_listed_passes() -> None:
    assert refusals(ALLOWED, HOUSE, NOW) == ()


def test_nothing_read_is_a_refusal() -> None:
    assert refusals(NOTHING_READ, HOUSE, NOW) == (Refusal.LISTS_UNREADABLE,)
    assert refusals(NOTHING_READ, HOUSE, NOW, at_machine=False) == (Refusal.LISTS_UNREADABLE,)


@pytest.mark.parametrize("name", ListName)
def test_each_list_refuses_alone(name: ListName) -> None:
    assert refusals(on(name), HOUSE, NOW) == (Refusal(name.value),)


@pytest.mark.parametrize("name", ListName)
def test_each_list_has_to_be_known_and_fresh(name: ListName) -> None:
    oldest = NOW + AHEAD_MS - DAY_MS
    newest = NOW + CLOCK_TOLERANCE_MS

    assert refusals(with_list(name, None), HOUSE, NOW) == (Refusal.LIST_STALE,)
    assert refusals(with_list(name, oldest - 1), HOUSE, NOW) == (Refusal.LIST_STALE,)
    assert refusals(with_list(name, oldest), HOUSE, NOW) == ()
    assert refusals(with_list(name, newest), HOUSE, NOW) == ()
    assert refusals(with_list(name, newest + 1), HOUSE, NOW) == (Refusal.LIST_STALE,)


def test_a_property_without_lists_refuses() -> None:
    assert refusals(replace(ALLOWED, lists=Lists()), HOUSE, NOW) == (Refusal.LIST_STALE,)


@pytest.mark.parametrize(
    ("since", "until", "refuses"),
    [
        (NOW, None, True),
        (NOW + AHEAD_MS, None, True),  # begins before what is allowed now is done
        (NOW + AHEAD_MS + 1, None, False),
        (0, NOW + 1, True),
        (0, NOW, False),  # the first moment at which it counts no more
        (NOW + 1, NOW + 2, True),
    ],
)
def test_an_entry_counts_from_and_until(since: int, until: int | None, refuses: bool) -> None:
    expected = (Refusal.BANNED,) if refuses else ()

    assert refusals(on(ListName.BANNED, since, until), HOUSE, NOW) == expected


def test_an_entry_counts_at_its_first_moment_and_not_at_its_end() -> None:
    entry = Entry(NOW, NOW + 10, 0)

    assert [entry.counts(NOW + at) for at in (-1, 0, 9, 10)] == [False, True, True, False]
    assert [entry.is_over(NOW + at) for at in (9, 10)] == [False, True]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(ALLOWED, standing=None), Refusal.UNKNOWN_PLAYER),
        (replace(ALLOWED, standing=replace(KNOWN, of_age_from=None)), Refusal.UNDER_AGE),
        (replace(ALLOWED, standing=replace(KNOWN, of_age_from=NOW + 1)), Refusal.UNDER_AGE),
        (replace(ALLOWED, standing=replace(KNOWN, jurisdiction=None)), Refusal.JURISDICTION),
        (replace(ALLOWED, standing=replace(KNOWN, jurisdiction="US-UT")), Refusal.JURISDICTION),
        (replace(ALLOWED, standing=replace(KNOWN, jurisdiction="")), Refusal.JURISDICTION),
        (replace(ALLOWED, risk=RISK), Refusal.HIGH_RISK),
        (replace(ALLOWED, machine=None), Refusal.HANDPAY_LOCK),
        (replace(ALLOWED, machine=Machine(NOW, "p-1")), Refusal.HANDPAY_LOCK),
        (replace(ALLOWED, machine=Machine(0, "p-1")), Refusal.HANDPAY_LOCK),
    ],
)
def test_each_other_reason_refuses_alone(facts: Facts, why: Refusal) -> None:
    assert refusals(facts, HOUSE, NOW) == (why,)


def test_the_birthday_itself_is_of_age() -> None:
    facts = replace(ALLOWED, standing=replace(KNOWN, of_age_from=NOW))

    assert refusals(facts, HOUSE, NOW) == ()


def test_away_from_a_machine_none_has_to_be_open() -> None:
    for machine in (None, Machine(NOW)):
        assert refusals(replace(ALLOWED, machine=machine), HOUSE, NOW, at_machine=False) == ()


def test_every_reason_is_told() -> None:
    listed = Standing(version=1, entries={name: Entry(0, None, 0) for name in ListName})

    assert refusals(Facts(Lists(), listed, None, RISK), HOUSE, NOW) == (
        *(Refusal.LIST_STALE, Refusal.SELF_EXCLUDED, Refusal.BANNED),
        *(Refusal.RESPONSIBLE_GAMING, Refusal.OPTED_OUT),
        *(Refusal.UNDER_AGE, Refusal.JURISDICTION, Refusal.HIGH_RISK, Refusal.HANDPAY_LOCK),
    )


def test_a_property_without_jurisdictions_makes_no_offers() -> None:
    assert refusals(ALLOWED, replace(HOUSE, jurisdictions=()), NOW) == (Refusal.JURISDICTION,)


# --- all combinations, against what the lists say in words ----------------------------------------

MOMENTS = st.integers(-2, 2).map(lambda step: NOW + step * AHEAD_MS)
ENTRIES = st.builds(Entry, MOMENTS, st.none() | MOMENTS, st.just(0))
STANDINGS = st.builds(
    Standing,
    st.integers(1, 9),
    st.dictionaries(st.sampled_from(ListName), ENTRIES),
    st.none() | MOMENTS,
    st.sampled_from([None, "US-NV", "US-CA", "US-UT", ""]),
)
LISTS = st.dictionaries(
    st.sampled_from(ListName),
    st.sampled_from([NOW, NOW - DAY_MS, NOW - DAY_MS + AHEAD_MS, NOW + CLOCK_TOLERANCE_MS + 1, 0]),
).map(Lists)
FACTS = st.builds(
    Facts,
    st.none() | st.just(FRESH) | LISTS,
    st.none() | st.just(KNOWN) | STANDINGS,
    st.none() | st.just(OPEN_MACHINE) | st.builds(Machine, st.none() | MOMENTS),
)


RISKS = st.builds(
    Risk, st.floats(0, 1), st.just(()) | st.just(RISK.reasons), st.just("risk-1"), MOMENTS
)


def may(facts: Facts, at_machine: bool, at: int) -> bool:
    """The issue's sentence, at one instant, with no thought of anything else."""
    standing: Any = facts.standing
    return (
        facts.lists is not None
        and standing is not None
        and len(facts.lists.complete_to) == len(ListName)
        and all(at - to <= DAY_MS for to in facts.lists.complete_to.values())
        and not any(
            e.since <= at and (e.until is None or e.until > at) for e in standing.entries.values()
        )
        and standing.of_age_from is not None
        and standing.of_age_from <= at
        and standing.jurisdiction in ("US-NV", "US-CA")
        and (not at_machine or (facts.machine is not None and facts.machine.locked_since is None))
    )


@given(FACTS, st.booleans(), st.integers(0, AHEAD_MS))
def test_who_passes_may_have_an_offer_now_and_a_little_later(
    facts: Facts, at_machine: bool, later: int
) -> None:
    if not refusals(facts, HOUSE, NOW, at_machine=at_machine):
        assert may(facts, at_machine, NOW)
        assert may(facts, at_machine, NOW + later)


@given(FACTS, st.booleans())
def test_more_facts_against_a_player_never_let_them_through(facts: Facts, at_machine: bool) -> None:
    found = refusals(facts, HOUSE, NOW, at_machine=at_machine)

    for worse in (
        replace(facts, lists=None),
        replace(facts, standing=None),
        replace(facts, lists=Lists({ListName.BANNED: NOW})),
        *([replace(facts, machine=None)] if at_machine else []),
    ):
        assert refusals(worse, HOUSE, NOW, at_machine=at_machine)
    if facts.standing is not None and found:
        entries = facts.standing.entries | {ListName.OPTED_OUT: Entry(0, None, 0)}
        worse = replace(facts, standing=replace(facts.standing, entries=entries))
        assert refusals(worse, HOUSE, NOW, at_machine=at_machine)


@given(FACTS, RISKS, st.booleans())
def test_risk_closes_the_gate_and_opens_it_for_nobody(
    facts: Facts, risk: Risk, at_machine: bool
) -> None:
    without = refusals(facts, HOUSE, NOW, at_machine=at_machine)
    found = refusals(replace(facts, risk=risk), HOUSE, NOW, at_machine=at_machine)

    assert found  # whatever the score: whoever has an item is of high risk
    assert set(without) <= set(found)
    if facts.lists is not None:  # else nothing was read at all
        assert set(found) - set(without) == {Refusal.HIGH_RISK}
