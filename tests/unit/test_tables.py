import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.rating.tables import (
    HOUSE_CONSTANTS,
    TABLE_UNITS_PER_DOLLAR,
    Flag,
    Game,
    GameConstants,
    RatedSession,
    TableSession,
    TableTally,
    TableTotals,
    UnratableSession,
    rate_session,
    table_dollars,
    table_theoretical_win,
)

REFERENCE = Path(__file__).parents[2] / "docs/reference.md"
NOON = 1_546_862_400_000
MINUTE = 60_000


def session(**fields: Any) -> TableSession:
    """A blackjack session of an hour, $10 a bet, measured at 50 an hour and 2.5 %."""
    minutes = fields.get("minutes", 60)
    return TableSession(
        **{
            "table_name": "BJ-3",
            "game": Game.BLACKJACK,
            "player_id": "Player 1",
            "started_at": NOON,
            "ended_at": NOON + minutes * MINUTE,
            "minutes": minutes,
            "average_bet_cents": 1_000,
            "actual_win_cents": 0,
            "decisions_an_hour": 50,
            "house_edge": 2_500,
        }
        | fields
    )


def exact(session: TableSession, pace: int, edge: int) -> Fraction:
    """Theoretical win in dollars, by the formula as it is told, in fractions."""
    return (
        Fraction(session.average_bet_cents, 100)
        * pace
        * Fraction(session.minutes, 60)
        * Fraction(edge, 100_000)
    )


sessions = st.builds(
    lambda **fields: session(**fields),
    table_name=st.sampled_from(["BJ-1", "BJ-2", "AR-1"]),
    game=st.sampled_from([*Game, None]),
    player_id=st.sampled_from(["a", "b", "c"]),
    minutes=st.integers(0, 3_000),
    average_bet_cents=st.integers(0, 10**8),
    actual_win_cents=st.integers(-(10**9), 10**9),
    decisions_an_hour=st.integers(1, 1_000),
    house_edge=st.integers(1, 100_000),
)
units = st.integers(-(10**18), 10**18)


# --- theoretical win ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bet_cents", "pace", "minutes", "edge", "shown"),
    [
        (10_000, 50, 60, 2_500, "125.00"),
        (10_000, 50, 90, 2_500, "187.50"),
        (1_000, 50, 61, 5_260, "26.738333333"),  # a third of a cent does not end
        (2_000, 50, 1, 2_500, "0.416666667"),
        (2_000, 50, 3, 2_500, "1.25"),
        (500, 15, 1, 1_500, "0.01875"),
        (0, 50, 60, 2_500, "0.00"),
        (1_000, 50, 0, 2_500, "0.00"),
        (1, 1, 60, 1, "0.0000001"),
        (100, 1, 60, 100_000, "1.00"),  # an edge of 1 is the whole bet
    ],
)
def test_theoretical_win_is_average_bet_times_pace_times_hours_times_edge(
    bet_cents: int, pace: int, minutes: int, edge: int, shown: str
) -> None:
    assert table_dollars(table_theoretical_win(bet_cents, pace, minutes, edge)) == shown


@given(sessions)
def test_theoretical_win_is_what_fractions_say(played: TableSession) -> None:
    assert played.decisions_an_hour is not None
    assert played.house_edge is not None
    worth = rate_session(played).theoretical_win
    dollars = exact(played, played.decisions_an_hour, played.house_edge)
    assert Fraction(worth, TABLE_UNITS_PER_DOLLAR) == dollars


@given(sessions, st.integers(0, 3_000))
def test_a_session_cut_in_two_is_worth_the_same(played: TableSession, cut: int) -> None:
    first = min(cut, played.minutes)
    parts = (replace(played, minutes=first), replace(played, minutes=played.minutes - first))
    assert sum(rate_session(part).theoretical_win for part in parts) == (
        rate_session(played).theoretical_win
    )


# --- dollars --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0.00"),
        (1, "0.000000002"),
        (2, "0.000000003"),
        (3, "0.000000005"),
        (-1, "-0.000000002"),
        (6_000_000, "0.01"),
        (60_000_000, "0.10"),
        (600_000_000, "1.00"),
        (599_999_999, "0.999999998"),
        (-750_000_000, "-1.25"),
        (309_305_110_350_000, "515508.51725"),
    ],
)
def test_dollars_show_two_decimals_and_as_many_more_as_say_something(
    amount: int, shown: str
) -> None:
    assert table_dollars(amount) == shown


@given(units)
def test_dollars_are_exact_wherever_a_decimal_can_be(amount: int) -> None:
    exact_dollars = Fraction(amount, TABLE_UNITS_PER_DOLLAR)
    shown = Fraction(Decimal(table_dollars(amount)))
    if amount % 3 == 0:
        assert shown == exact_dollars
    else:
        assert abs(shown - exact_dollars) == Fraction(1, 3 * 10**9)


@given(units)
def test_dollars_give_the_units_back(amount: int) -> None:
    text = table_dollars(amount)
    assert round(Fraction(Decimal(text)) * TABLE_UNITS_PER_DOLLAR) == amount
    _, _, decimals = text.partition(".")
    assert 2 <= len(decimals) <= 9
    assert len(decimals) == 2 or not decimals.endswith("0")


# --- pace and edge --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "pace", "edge", "flags"),
    [
        ({}, 50, 2_500, set()),
        ({"decisions_an_hour": None}, 70, 2_500, {Flag.PACE_ASSUMED}),
        ({"house_edge": None}, 50, 750, {Flag.EDGE_ASSUMED}),
        (
            {"game": Game.AMERICAN_ROULETTE, "decisions_an_hour": None, "house_edge": None},
            38,
            5_260,
            {Flag.PACE_ASSUMED, Flag.EDGE_ASSUMED},
        ),
        ({"game": None}, 50, 2_500, set()),
    ],
)
def test_what_is_measured_goes_before_what_is_assumed(
    fields: dict[str, Any], pace: int, edge: int, flags: set[Flag]
) -> None:
    played = session(**fields)
    rated = rate_session(played)
    assert Fraction(rated.theoretical_win, TABLE_UNITS_PER_DOLLAR) == exact(played, pace, edge)
    assert rated.flags == flags


def test_a_property_may_have_constants_of_its_own() -> None:
    own = {Game.BLACKJACK: GameConstants(60, 1_000)}
    played = session(decisions_an_hour=None, house_edge=None)
    assert table_dollars(rate_session(played, own).theoretical_win) == "6.00"
    with pytest.raises(UnratableSession):
        rate_session(replace(played, game=Game.CRAPS), own)


@pytest.mark.parametrize("lacking", ["decisions_an_hour", "house_edge"])
def test_a_game_not_known_cannot_be_assumed(lacking: str) -> None:
    with pytest.raises(UnratableSession, match="table 'XX-1'"):
        rate_session(session(table_name="XX-1", game=None, **{lacking: None}))


def test_every_game_has_constants_and_the_reference_says_them() -> None:
    assert set(HOUSE_CONSTANTS) == set(Game)
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) % \|", REFERENCE.read_text(), re.MULTILINE)
    said = {
        Game(game): GameConstants(int(pace), int(Decimal(edge) * 1_000))
        for game, pace, edge in rows
    }
    assert said == HOUSE_CONSTANTS


def test_roulette_is_two_pockets_of_38() -> None:
    published = HOUSE_CONSTANTS[Game.AMERICAN_ROULETTE].house_edge
    assert round(Fraction(2, 38) * 10_000) * 10 == published


# --- flags ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({"average_bet_cents": 0}, {Flag.AVERAGE_BET_MISSING}),
        ({"average_bet_cents": 1}, set()),
        ({"minutes": 0}, {Flag.MINUTES_MISSING}),
        (
            {"average_bet_cents": 0, "minutes": 0},
            {Flag.AVERAGE_BET_MISSING, Flag.MINUTES_MISSING},
        ),
        ({"ended_at": NOON - 1}, {Flag.ENDS_BEFORE_START}),
        ({"ended_at": NOON}, {Flag.MINUTES_DISAGREE}),
        ({"ended_at": NOON + 60 * MINUTE + 59_999}, set()),
        ({"ended_at": NOON + 61 * MINUTE}, {Flag.MINUTES_DISAGREE}),
        ({"ended_at": NOON + 59 * MINUTE}, {Flag.MINUTES_DISAGREE}),
        ({"in_dollars": False}, {Flag.OTHER_CURRENCY}),
    ],
)
def test_what_looks_wrong_is_flagged_and_rated_as_it_stands(
    fields: dict[str, Any], flags: set[Flag]
) -> None:
    played = session(**fields)
    rated = rate_session(played)
    assert rated.flags == flags
    assert Fraction(rated.theoretical_win, TABLE_UNITS_PER_DOLLAR) == exact(played, 50, 2_500)


# --- totals ---------------------------------------------------------------------------------------


def add_up(tallies: list[TableTally]) -> TableTally:
    return TableTally(
        sum(tally.sessions for tally in tallies),
        sum(tally.minutes for tally in tallies),
        sum(tally.theoretical_win for tally in tallies),
        sum(tally.actual_win_cents for tally in tallies),
    )


@given(st.lists(sessions, max_size=30))
def test_the_parts_add_up_to_the_whole(played: list[TableSession]) -> None:
    totals = TableTotals()
    for one in played:
        totals.add(one, rate_session(one))

    assert totals.total.sessions == len(played)
    assert totals.total.minutes == sum(one.minutes for one in played)
    assert totals.total.actual_win_cents == sum(one.actual_win_cents for one in played)
    assert Fraction(totals.total.theoretical_win, TABLE_UNITS_PER_DOLLAR) == sum(
        exact(one, one.decisions_an_hour or 0, one.house_edge or 0) for one in played
    )
    for parts in (totals.players, totals.tables, totals.games):
        assert add_up(list(parts.values())) == totals.total
    for player_id, tally in totals.players.items():
        own = [one for one in played if one.player_id == player_id]
        assert tally.theoretical_win == sum(rate_session(one).theoretical_win for one in own)


@given(st.lists(sessions, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_sessions_changes_nothing(played: list[TableSession], chance: Any) -> None:
    def totals_of(ordered: list[TableSession]) -> TableTotals:
        totals = TableTotals()
        for one in ordered:
            totals.add(one, rate_session(one))
        return totals

    shuffled = list(played)
    chance.shuffle(shuffled)
    one, other = totals_of(played), totals_of(shuffled)
    assert one.total == other.total
    assert (one.players, one.tables, one.games) == (other.players, other.tables, other.games)
    assert one.flags == other.flags


def test_sums_do_not_drift() -> None:
    # Each is 5/12 of a dollar, whose text is rounded; three of them are $1.25.
    third = session(average_bet_cents=2_000, minutes=1)
    totals = TableTotals()
    for _ in range(3_000):
        totals.add(third, rate_session(third))
    assert table_dollars(totals.total.theoretical_win) == "1250.00"


def test_flags_count_sessions() -> None:
    totals = TableTotals()
    for fields in ({"average_bet_cents": 0}, {"average_bet_cents": 0, "minutes": 0}, {}):
        played = session(**fields)
        totals.add(played, rate_session(played))
    totals.add(session(), RatedSession(0, frozenset({Flag.REPEATED}), 70, None, None))
    assert totals.flags == {
        Flag.AVERAGE_BET_MISSING: 2,
        Flag.MINUTES_MISSING: 1,
        Flag.REPEATED: 1,
    }
