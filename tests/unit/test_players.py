import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.money import theoretical_dollars
from pitboss.rating.fold import SessionDay, Tally
from pitboss.rating.house_rules import SHIPPED, Period, PropertyRules
from pitboss.rating.players import (
    Move,
    Overlap,
    PlayedSession,
    Standing,
    TierChange,
    profile,
    trimmed_mean,
)
from pitboss.rating.tables import TableDay, table_theoretical_win
from pitboss.stores.ratings import PlayerSession
from tests.unit.test_house_rules import PAGE, property_rules

MINUTE = 60_000
HOUR = 3_600_000
NOON = 43_200_000

TIERS = [
    {"name": "Member", "points": 0},
    {"name": "Silver", "points": 100},
    {"name": "Gold", "points": 400},
]
SHIPPED_SEGMENTS = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["*"][0]["worth_segments"]
HALF_YEARS = {"tiers": TIERS, "period_starts": [1, 7], "coin_in_cents_a_point": 500}


class Session(NamedTuple):
    key: SessionDay
    asset_id: str
    tally: Tally
    first_play: int | None
    last_play: int | None


def session(
    day: str = "2026-03-01",
    coin_in: int = 10_000,
    *,
    games: int = 10,
    asset: str = "7",
    start: int = NOON,
    lasts: int | None = HOUR,
    hold: int = 1_000,
    **tally: Any,
) -> Session:
    """A session at a machine that holds 10 %: an hour from noon, ten games, $100 in."""
    first = (date.fromisoformat(day) - date(1970, 1, 1)).days * 24 * HOUR + start
    rated = coin_in - tally.get("unrated_coin_in_cents", 0)
    sums = Tally(games=games, coin_in_cents=coin_in, theoretical_win=rated * hold)
    for name, value in tally.items():
        setattr(sums, name, value)
    bounds = (None, None) if lasts is None else (first, first + lasts)
    return Session(SessionDay(day, "p-81", first), asset, sums, *bounds)


def zero_play(day: str, asset: str = "9") -> Session:
    """A card that was put in and taken out: a day without play."""
    return session(day, 0, games=0, lasts=None, asset=asset)


RULES = property_rules({})


def standing_of(
    sessions: Sequence[PlayedSession], rules: PropertyRules, today: str = "2027-12-31"
) -> Standing:
    standing = profile(sessions, rules, today).standing
    assert standing is not None
    return standing


def moves(standing: Standing) -> list[tuple[str, str]]:
    """When each tier began."""
    return [(change.day, change.after) for change in standing.history]


# --- play at tables ------------------------------------------------------------------------------

HALF_AN_HOUR = table_theoretical_win(2_000, 50, 30, 2_500)
"""$20 a decision, 50 an hour, at an edge of 2.5 %: $12.50."""


def at_tables(
    day: str = "2026-03-01", units: int = HALF_AN_HOUR, actual_win: int = -4_000
) -> TableDay:
    return TableDay(day, 1, 30, units, actual_win, 0)


def test_play_at_tables_is_worth_its_theoretical_win_beside_that_at_machines() -> None:
    known = profile([session()], RULES, "2026-03-02", [at_tables(), at_tables("2026-03-02")])

    both, tables_alone = known.days
    assert (both.play.worth, tables_alone.play.worth) == (22_500_000 * 600, 12_500_000 * 600)
    assert (both.play.theoretical_win, both.play.actual_win_cents) == (10_000_000, 10_000 - 4_000)
    assert (both.points, tables_alone.points) == (20, 0), "points are of coin-in"
    assert (known.days_played, known.adt.days) == (2, 2)
    assert known.adt.mean == (22_500_000 + 12_500_000) // 2
    assert known.trips[0].play.worth == 35_000_000 * 600
    assert known.total.minutes == 60, "at machines"


def test_play_at_tables_alone_makes_a_player() -> None:
    known = profile([], RULES, "2026-03-05", [at_tables(), at_tables("2026-03-09")])

    assert [day.day for day in known.days] == ["2026-03-01"], "nothing of a day to come"
    assert known.adt.mean == 12_500_000
    assert known.standing is not None
    assert (known.standing.since, known.standing.points) == ("2026-03-01", 0)


def test_a_day_at_tables_that_nobody_rated_is_no_day_with_play() -> None:
    known = profile([], RULES, "2026-03-05", [at_tables(units=0)])

    assert (known.days_played, known.adt.mean, known.standing) == (0, None, None)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**13)), min_size=1, max_size=9))
def test_adt_of_both_is_rounded_down_once(days: list[tuple[int, int]]) -> None:
    dated = [
        ((date(2026, 3, 1) + timedelta(days=number)).isoformat(), *amounts)
        for number, amounts in enumerate(days)
    ]
    known = profile(
        [session(day, coin_in) for day, coin_in, _ in dated],
        RULES,
        dated[-1][0],
        [at_tables(day, units) for day, _, units in dated],
    )

    total = sum(Fraction(coin_in * 1_000) + Fraction(units, 600) for _, coin_in, units in dated)
    assert known.adt.mean == total // len(days)
    assert known.adt.trimmed_mean == trimmed_mean([c * 600_000 + u for _, c, u in dated]) // 600


# --- days, bets, pace, time -----------------------------------------------------------------------


def test_a_day_is_the_sum_of_its_sessions() -> None:
    known = profile(
        [
            session(coin_in=10_300, coin_out_cents=4_000, lasts=30 * MINUTE),
            session(
                coin_in=2_050,
                games=4,
                incomplete_games=1,
                start=NOON + 2 * HOUR,
                hold=326,
                asset="8",
            ),
            session("2026-03-02", 499, games=1, lasts=0),
        ],
        RULES,
        "2026-03-02",
    )
    first, second = known.days
    assert (first.day, second.day) == ("2026-03-01", "2026-03-02")
    assert first.play.games == 14
    assert first.play.incomplete_games == 1
    assert first.play.coin_in_cents == 12_350
    assert first.play.actual_win_cents == 8_350
    assert first.play.theoretical_win == 10_300_000 + 668_300
    assert first.play.minutes == first.play.wall_clock_minutes == 90
    assert first.points == 24  # $123.50 at $5, not 20 + 4 of the sessions by chance
    assert second.points == 0
    assert known.total.coin_in_cents == 12_849
    assert known.total.games == 15
    assert known.total.minutes == 90
    assert known.days_played == 2


def test_points_are_of_the_days_coin_in_and_not_of_each_session() -> None:
    known = profile([session(coin_in=499), session(coin_in=501, asset="8")], RULES, "2026-03-01")
    assert known.days[0].points == 2


def test_points_are_earned_by_the_rule_of_the_day() -> None:
    rules = property_rules(
        {"coin_in_cents_a_point": 500},
        {"effective_from": "2026-03-02", "coin_in_cents_a_point": 1_000},
    )
    known = profile([session("2026-03-01"), session("2026-03-02")], rules, "2026-03-31")
    assert [day.points for day in known.days] == [20, 10]


def test_average_bet_and_pace_are_rounded_down() -> None:
    play = profile([session(coin_in=100, games=3, lasts=7 * MINUTE)], RULES, "2026-03-01").total
    assert play.average_bet == 333_333  # of 1/10,000 cent: 33.3333 cents
    assert play.pace == 1_714  # two games in 7 minutes: 17.14 an hour


def test_an_incomplete_game_is_a_game_of_the_average_bet() -> None:
    play = profile([session(coin_in=500, games=4, incomplete_games=1)], RULES, "2026-03-01").total
    assert play.average_bet == 1_000_000
    assert play.pace == 400


def test_the_time_of_a_session_begins_with_its_first_game() -> None:
    """601 games a minute's tenth apart are 600 an hour, however they are cut into sessions."""
    whole = profile([session(games=601, lasts=HOUR)], RULES, "2026-03-01").total
    cut = profile(
        [
            session(games=301, lasts=HOUR // 2),
            session(games=301, lasts=HOUR // 2, start=NOON + HOUR),
            session(games=1, lasts=0, start=NOON + 2 * HOUR),
        ],
        RULES,
        "2026-03-01",
    ).total
    assert whole.pace == cut.pace == 60_000


def test_without_a_game_or_time_there_is_no_bet_and_no_pace() -> None:
    nothing = profile([], RULES, "2026-03-01").total
    assert (nothing.average_bet, nothing.pace) == (None, None)
    one = profile([session(games=1, lasts=0)], RULES, "2026-03-01").total
    assert (one.average_bet, one.pace) == (100_000_000, None)


def test_time_at_two_machines_at_once_counts_once_by_the_clock() -> None:
    known = profile(
        [
            session(start=NOON, lasts=60 * MINUTE, asset="7"),
            session(start=NOON + 50 * MINUTE, lasts=30 * MINUTE, asset="8"),
            session(start=NOON + 55 * MINUTE, lasts=5 * MINUTE, asset="9"),
            session(start=NOON + 200 * MINUTE, lasts=MINUTE, asset="7"),
        ],
        RULES,
        "2026-03-01",
    )
    assert known.total.minutes == 96
    assert known.total.wall_clock_minutes == 81
    at = (date(2026, 3, 1) - date(1970, 1, 1)).days * 24 * HOUR + NOON
    assert known.overlaps == (
        Overlap("2026-03-01", "7", at, "8", at + 50 * MINUTE, at + 50 * MINUTE, at + 60 * MINUTE),
        Overlap("2026-03-01", "7", at, "9", at + 55 * MINUTE, at + 55 * MINUTE, at + 60 * MINUTE),
        Overlap(
            "2026-03-01",
            "8",
            at + 50 * MINUTE,
            "9",
            at + 55 * MINUTE,
            at + 55 * MINUTE,
            at + 60 * MINUTE,
        ),
    )


def test_sessions_one_after_the_other_or_at_one_machine_do_not_overlap() -> None:
    after = [session(lasts=MINUTE), session(start=NOON + MINUTE + 1, asset="8")]
    assert profile(after, RULES, "2026-03-01").overlaps == ()
    same = [session(lasts=MINUTE), session(start=NOON + 1)]
    assert profile(same, RULES, "2026-03-01").overlaps == ()
    one_game = [session(), session(start=NOON + MINUTE, lasts=0, games=1, asset="8")]
    assert len(profile(one_game, RULES, "2026-03-01").overlaps) == 1


def test_days_after_today_are_not_looked_at() -> None:
    played = [session("2026-03-01"), session("2026-03-02"), session("2026-03-02", asset="8")]
    known = profile(played, RULES, "2026-03-01")
    assert known == profile(played[:1], RULES, "2026-03-01")
    assert known.total.games == 10
    assert known.today == "2026-03-01"


def test_what_the_store_returns_can_be_looked_at() -> None:
    one = session()
    stored = PlayerSession(one.key, one.asset_id, one.tally, one.first_play, one.last_play)
    assert profile([stored], RULES, "2026-03-01") == profile([one], RULES, "2026-03-01")


# --- trips ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "trips"),
    [
        (0, [("01", "02", 2), ("04", "04", 1), ("07", "07", 1)]),
        (1, [("01", "04", 3), ("07", "07", 1)]),
        (2, [("01", "07", 4)]),
    ],
)
def test_a_trip_holds_so_many_days_without_play(
    gap: int, trips: list[tuple[str, str, int]]
) -> None:
    played = [session(f"2026-03-{day:02d}", 100 * day) for day in (7, 2, 1, 4)]
    played.append(zero_play("2026-03-05"))  # no play, so no day of a trip
    known = profile(played, property_rules({"trip_gap_days": gap}), "2026-12-31")
    assert [(t.first_day[-2:], t.last_day[-2:], t.days_played) for t in known.trips] == trips
    assert not any(trip.open for trip in known.trips)
    assert sum(trip.play.coin_in_cents for trip in known.trips) == 1_400


@pytest.mark.parametrize(
    ("today", "is_open"),
    [("2026-03-01", True), ("2026-03-02", True), ("2026-03-03", True), ("2026-03-04", False)],
)
def test_a_trip_is_open_while_todays_play_would_be_of_it(today: str, is_open: bool) -> None:
    (trip,) = profile([session("2026-03-01")], RULES, today).trips
    assert trip.open is is_open


def test_the_day_before_a_pause_says_how_long_it_may_be() -> None:
    rules = property_rules({"trip_gap_days": 0}, {"effective_from": "2026-03-10"})
    played = [session(f"2026-03-{day}") for day in ("08", "10", "12")]
    trips = profile(played, rules, "2026-03-12").trips
    assert [(trip.first_day, trip.last_day) for trip in trips] == [
        ("2026-03-08", "2026-03-08"),
        ("2026-03-10", "2026-03-12"),
    ]


# --- average daily theoretical win ----------------------------------------------------------------


def test_the_means_of_a_window() -> None:
    """Five days of $10, $20, $30, $40 and $400: the mean is $100, the middle three's $30."""
    amounts = {"01": 10_000, "05": 20_000, "09": 30_000, "13": 40_000, "20": 400_000}
    played = [session(f"2026-03-{day}", amount) for day, amount in amounts.items()]
    known = profile(played, RULES, "2026-03-31")
    assert (known.adt.first_day, known.adt.last_day) == ("2025-04-01", "2026-03-31")
    assert known.adt.days == 5
    assert known.adt.mean == 100_000_000
    assert known.adt.trimmed_mean == 30_000_000
    assert known.worth_segment == "low"  # up to $100, by the trimmed mean
    by_mean = profile(played, property_rules({"worth_by": "mean"}), "2026-03-31")
    assert by_mean.worth_segment == "high"


def test_a_window_is_days_of_the_calendar_and_ends_today() -> None:
    rules = property_rules({"adt_window_days": 10})
    played = [session("2026-03-01", 10_000), session("2026-03-10", 30_000)]
    assert profile(played, rules, "2026-03-10").adt.mean == 20_000_000
    assert profile(played, rules, "2026-03-11").adt.mean == 30_000_000
    gone = profile(played, rules, "2026-03-20")
    assert (gone.adt.days, gone.adt.mean, gone.adt.trimmed_mean) == (0, None, None)
    assert gone.worth_segment is None
    assert gone.window.games == 0
    assert gone.total.games == 20
    assert len(gone.days) == 2


def test_play_that_is_not_rated_is_shown_and_dilutes_nothing() -> None:
    played = [
        session("2026-03-01", 10_000),
        session("2026-03-02", 5_000, unrated_coin_in_cents=5_000),
        session("2026-03-03", 9_000, unrated_coin_in_cents=3_000),
        session("2026-03-04", 0, unvalued_credits=700),
    ]
    known = profile(played, RULES, "2026-03-31")
    assert known.adt.days == 2
    assert known.adt.mean == (10_000_000 + 6_000_000) // 2
    assert known.adt.unrated_days == 2
    assert known.adt.unrated_coin_in_cents == 8_000
    assert known.total.unvalued_credits == 700
    assert known.days_played == 4
    assert [day.points for day in known.days] == [20, 10, 18, 0]


def test_a_machine_that_holds_nothing_is_rated_play() -> None:
    known = profile([session(hold=0), session("2026-03-02")], RULES, "2026-03-31")
    assert (known.adt.days, known.adt.mean) == (2, 5_000_000)


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([7], 7),
        ([7, 8], 7),
        ([10, 20, 90], 33),  # (2 x 10 + 5 x 20 + 2 x 90) / 9 = 33.3
        ([10, 20, 30, 100], 30),  # (10 + 5 x 20 + 5 x 30 + 100) / 12
        ([0, 10, 20, 30, 1_000], 20),
        ([0, 10, 20, 30, 40, 1_000], 25),  # 4 x 10 + 5 x 20 + 5 x 30 + 4 x 40 of 18
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000], 5),  # 5.5
    ],
)
def test_the_trimmed_mean(values: list[int], mean: int) -> None:
    assert trimmed_mean(values) == trimmed_mean(values[::-1]) == mean


@given(st.lists(st.integers(-(10**12), 10**15), min_size=1, max_size=60))
def test_the_trimmed_mean_is_rosenberger_and_gaskos(values: list[int]) -> None:
    """Theirs: g whole values and the part r of the next are left out at each end."""
    ordered, share = sorted(values), Fraction(len(values), 5)
    g = share.numerator // share.denominator
    weights = [
        Fraction(1) if g <= at < len(values) - g else Fraction(0) for at in range(len(values))
    ]
    weights[g] -= share - g
    weights[len(values) - 1 - g] -= share - g
    weighted = sum((w * value for w, value in zip(weights, ordered, strict=True)), Fraction(0))
    exact = weighted / sum(weights, Fraction(0))
    assert trimmed_mean(values) == exact.numerator // exact.denominator
    assert min(values) <= trimmed_mean(values) <= max(values)


@given(st.lists(st.integers(0, 10**6), min_size=10, max_size=40), st.integers(0, 10**18))
def test_one_day_moves_the_trimmed_mean_no_further_than_the_others_reach(
    values: list[int], wild: int
) -> None:
    assert trimmed_mean([*values, wild]) <= max(values)


# --- tiers ----------------------------------------------------------------------------------------


def test_a_tiers_life() -> None:
    """Promoted in the first half, kept through the second, and then what the second earned."""
    rules = property_rules(HALF_YEARS)
    played = [
        session("2026-02-01", 40_000),  # 80 points
        session("2026-03-01", 10_000),  # 100: Silver
        session("2026-06-30", 150_000),  # 400: Gold
        session("2026-08-01", 60_000),  # 120 of the second half
    ]
    standing = standing_of(played, rules)
    since = "2026-01-01"
    assert standing.history == (
        TierChange("2026-02-01", Move.FIRST_PLAY, None, "Member", 0, since),
        TierChange("2026-03-01", Move.PROMOTED, "Member", "Silver", 100, since),
        TierChange("2026-06-30", Move.PROMOTED, "Silver", "Gold", 400, since),
        TierChange("2027-01-01", Move.DEMOTED, "Gold", "Silver", 120, since),
        TierChange("2027-07-01", Move.DEMOTED, "Silver", "Member", 0, since),
    )
    assert standing.tier == "Member"
    assert standing.since == "2027-07-01"


@pytest.mark.parametrize(
    ("today", "tier", "points", "held_until", "next_tier", "needed"),
    [
        ("2026-02-28", "Member", 80, None, "Silver", 20),
        ("2026-03-01", "Silver", 100, "2026-12-31", "Gold", 300),
        ("2026-06-30", "Gold", 400, "2026-12-31", None, None),
        ("2026-07-01", "Gold", 0, "2026-12-31", None, None),
        ("2026-12-31", "Gold", 120, "2026-12-31", None, None),
        ("2027-01-01", "Silver", 0, "2027-06-30", "Gold", 400),
        ("2027-07-01", "Member", 0, None, "Silver", 100),
    ],
)
def test_what_is_held_and_needed_as_of_a_day(
    today: str,
    tier: str,
    points: int,
    held_until: str | None,
    next_tier: str | None,
    needed: int | None,
) -> None:
    played = [
        session("2026-02-01", 40_000),
        session("2026-03-01", 10_000),
        session("2026-06-30", 150_000),
        session("2026-08-01", 60_000),
    ]
    standing = standing_of(played, property_rules(HALF_YEARS), today)
    assert standing.tier == tier
    assert standing.points == points
    assert standing.held_until == held_until
    assert standing.next_tier == next_tier
    assert standing.points_needed == needed
    assert standing.period == property_rules(HALF_YEARS).period(today)


def test_a_demotion_by_one_step_at_a_time() -> None:
    rules = property_rules(HALF_YEARS | {"demotion": "one_step"})
    assert moves(standing_of([session("2026-03-01", 200_000)], rules)) == [
        ("2026-03-01", "Member"),
        ("2026-03-01", "Gold"),
        ("2027-01-01", "Silver"),
        ("2027-07-01", "Member"),
    ]


def test_a_tier_earned_again_is_kept_a_period_longer() -> None:
    played = [session("2026-03-01", 200_000), session("2026-12-31", 200_000)]
    assert moves(standing_of(played, property_rules(HALF_YEARS), "2028-01-01")) == [
        ("2026-03-01", "Member"),
        ("2026-03-01", "Gold"),
        ("2027-07-01", "Member"),
    ]


def test_points_of_one_period_do_not_help_in_the_next() -> None:
    played = [session("2026-06-30", 49_500), session("2026-07-01", 49_500)]  # 99 and 99
    assert moves(standing_of(played, property_rules(HALF_YEARS))) == [("2026-06-30", "Member")]


def test_a_demotion_and_a_promotion_of_one_day() -> None:
    played = [session("2026-03-01", 50_000), session("2027-01-01", 50_000)]
    assert moves(standing_of(played, property_rules(HALF_YEARS), "2027-01-01")) == [
        ("2026-03-01", "Member"),
        ("2026-03-01", "Silver"),
        ("2027-01-01", "Member"),
        ("2027-01-01", "Silver"),
    ]


def test_lower_thresholds_promote_on_their_day_and_higher_ones_demote_nobody() -> None:
    def tiers(silver: int) -> list[dict[str, Any]]:
        return [{"name": "Member", "points": 0}, {"name": "Silver", "points": silver}]

    rules = property_rules(
        HALF_YEARS | {"tiers": tiers(1_000)},
        HALF_YEARS | {"effective_from": "2026-04-01", "tiers": tiers(100)},
        HALF_YEARS | {"effective_from": "2026-05-01", "tiers": tiers(2_000)},
    )
    standing = standing_of([session("2026-03-01", 50_000)], rules)
    assert standing.history[1:] == (
        TierChange("2026-04-01", Move.PROMOTED, "Member", "Silver", 100, "2026-04-01"),
        TierChange("2027-01-01", Move.DEMOTED, "Silver", "Member", 0, "2026-05-01"),
    )


def test_a_period_is_closed_by_the_rules_of_its_last_day() -> None:
    rules = property_rules(
        HALF_YEARS, HALF_YEARS | {"effective_from": "2027-01-01", "demotion": "one_step"}
    )
    history = standing_of([session("2026-03-01", 200_000)], rules).history
    assert history[-1] == TierChange("2027-01-01", Move.DEMOTED, "Gold", "Member", 0, "2026-01-01")


def test_a_tier_that_is_added_below_does_not_move_who_holds_another() -> None:
    added = [TIERS[0], {"name": "Bronze", "points": 50}, *TIERS[1:]]
    rules = property_rules(
        HALF_YEARS, HALF_YEARS | {"effective_from": "2026-07-01", "tiers": added}
    )
    played = [session("2026-03-01", 50_000), session("2026-09-01", 25_000)]
    assert moves(standing_of(played, rules, "2027-07-01")) == [
        ("2026-03-01", "Member"),
        ("2026-03-01", "Silver"),
        ("2027-01-01", "Bronze"),
        ("2027-07-01", "Member"),
    ]


def test_who_never_played_has_no_tier() -> None:
    known = profile([zero_play("2026-03-01")], RULES, "2026-03-31")
    assert known.standing is None
    assert known.days_played == 0
    assert known.trips == ()
    assert known.worth_segment is None


def test_a_period_is_the_propertys_and_not_the_players() -> None:
    standing = standing_of([session("2026-05-20")], property_rules(HALF_YEARS), "2026-05-20")
    assert standing.period == Period("2026-01-01", "2026-06-30")


def test_the_worked_example_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\d{4}-\d\d-\d\d) \| (?:\$([\d,]+))? ?\| (\d*) ?\| (\d+) \| (\w+)", page, re.M
    )
    assert len(rows) == 7
    played = [
        session(day, 100 * int(dollars.replace(",", ""))) for day, dollars, *_ in rows if dollars
    ]
    rules = property_rules(HALF_YEARS | {"worth_segments": SHIPPED_SEGMENTS})
    for day, dollars, points, in_period, tier in rows:
        known = profile(played, rules, day)
        assert known.standing is not None
        assert (known.standing.tier, known.standing.points) == (tier, int(in_period))
        if dollars:
            assert known.days[-1].points == int(points)
    known = profile(played, rules, "2026-08-01")
    assert theoretical_dollars(known.adt.mean or 0) == "65.075"
    assert theoretical_dollars(known.adt.trimmed_mean or 0) == "55.025"
    assert known.worth_segment == "mid"
    assert len(known.trips) == 4


# --- properties -----------------------------------------------------------------------------------

FIRST = date(2025, 11, 1)
SPAN = 900

days = st.integers(0, SPAN - 1).map(lambda n: (FIRST + timedelta(days=n)).isoformat())
played_sessions = st.builds(
    lambda day, coin_in, unrated, games, asset, start, lasts: session(
        day,
        coin_in,
        games=games,
        asset=asset,
        start=start * MINUTE,
        lasts=lasts * MINUTE,
        unrated_coin_in_cents=coin_in * unrated // 2,
    ),
    days,
    st.integers(1, 250_000),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.integers(1, 40),
    st.sampled_from("123"),
    st.integers(0, 600),
    st.integers(0, 300),
)
lives = st.lists(played_sessions, max_size=25)
tables = st.builds(
    lambda starts, demotion, later: property_rules(
        HALF_YEARS | {"period_starts": sorted(starts), "demotion": demotion},
        *(HALF_YEARS | {"effective_from": since} | fields for since, fields in sorted(later)),
    ),
    st.sampled_from([[1], [1, 7], [4], [2, 5, 8, 11]]),
    st.sampled_from(["earned", "one_step"]),
    st.lists(
        st.tuples(
            st.dates(date(2026, 1, 2), date(2028, 1, 1)),
            st.fixed_dictionaries(
                {
                    "coin_in_cents_a_point": st.integers(200, 2_000),
                    "trip_gap_days": st.integers(0, 3),
                    "period_starts": st.sampled_from([[1], [3, 9]]),
                    "tiers": st.integers(1, 300).map(
                        lambda n: [TIERS[0], {"name": "Silver", "points": n}, TIERS[2]]
                    ),
                }
            ),
        ),
        max_size=2,
        unique_by=lambda entry: entry[0],
    ).map(lambda later: sorted(later, key=lambda entry: entry[0])),
)

RANKS = {tier["name"]: rank for rank, tier in enumerate(TIERS)}


def history(
    life: Sequence[PlayedSession], rules: PropertyRules, today: str
) -> tuple[TierChange, ...]:
    standing = profile(life, rules, today).standing
    return () if standing is None else standing.history


def rank_on(changes: Sequence[TierChange], day: str) -> int:
    """The rank held at the end of a gaming day; -1 before the first play."""
    at = bisect_right([change.day for change in changes], day)
    return RANKS[changes[at - 1].after] if at else -1


@given(lives, tables, days, st.lists(days, max_size=10))
def test_days_without_play_change_nothing(
    life: list[Session], rules: PropertyRules, today: str, idle: list[str]
) -> None:
    before = profile(life, rules, today)
    after = profile([*life, *(zero_play(day) for day in idle)], rules, today)
    assert after.adt == before.adt
    assert after.worth_segment == before.worth_segment
    assert after.trips == before.trips
    assert after.standing == before.standing
    assert after.total == before.total


@given(lives, tables, days, st.randoms(use_true_random=False))
def test_the_order_of_sessions_does_not_matter(
    life: list[Session], rules: PropertyRules, today: str, chance: Any
) -> None:
    shuffled = list(life)
    chance.shuffle(shuffled)
    assert profile(shuffled, rules, today) == profile(life, rules, today)


@given(lives, tables, days, days)
def test_time_passing_only_adds_to_the_history(
    life: list[Session], rules: PropertyRules, day: str, other: str
) -> None:
    earlier, later = sorted([day, other])
    known = history(life, rules, earlier)
    assert history(life, rules, later)[: len(known)] == known


@given(lives, played_sessions, tables)
def test_what_is_played_on_a_day_changes_no_tier_before_it(
    life: list[Session], added: Session, rules: PropertyRules
) -> None:
    def before(changes: Sequence[TierChange]) -> list[TierChange]:
        return [change for change in changes if change.day < added.key.day]

    assert before(history([*life, added], rules, "2028-12-31")) == before(
        history(life, rules, "2028-12-31")
    )


@given(lives, days, st.sampled_from([["A"], ["B"], ["A", "B"]]), days)
def test_a_rule_of_a_later_day_changes_nothing_before_it(
    life: list[Session], since: str, what: list[str], today: str
) -> None:
    changed: dict[str, Any] = {"effective_from": max(since, "2026-01-02")}
    if "A" in what:
        changed |= {"period_starts": [3], "coin_in_cents_a_point": 50, "trip_gap_days": 9}
    if "B" in what:
        changed |= {
            "demotion": "one_step",
            "tiers": [TIERS[0], {"name": "New", "points": 1}, *TIERS[1:]],
            "adt_window_days": 3,
        }
    before, after = property_rules(HALF_YEARS), property_rules(HALF_YEARS, HALF_YEARS | changed)
    if today < changed["effective_from"]:
        one, other = profile(life, before, today), profile(life, after, today)
        if one.standing is not None and other.standing is not None:
            # Only what lies ahead of today may differ: until when the tier is held.
            assert one.standing.history == other.standing.history
            assert one.standing.points == other.standing.points
        assert (one.trips, one.adt, one.days) == (other.trips, other.adt, other.days)
    known = [c for c in history(life, after, "2028-12-31") if c.day < changed["effective_from"]]
    assert known == [
        c for c in history(life, before, "2028-12-31") if c.day < changed["effective_from"]
    ]


@given(lives, tables, st.data())
def test_more_coin_in_never_means_a_lower_tier(
    life: list[Session], rules: PropertyRules, data: st.DataObject
) -> None:
    more = [*life, data.draw(played_sessions)]
    less, raised = history(life, rules, "2028-12-31"), history(more, rules, "2028-12-31")
    for day in {change.day for change in (*less, *raised)}:
        assert rank_on(raised, day) >= rank_on(less, day)


@given(lives, tables)
def test_tiers_rise_by_points_and_fall_only_when_a_period_has_ended(
    life: list[Session], rules: PropertyRules
) -> None:
    changes = history(life, rules, "2028-12-31")
    points = {day.day: day.points for day in profile(life, rules, "2028-12-31").days}
    for at, change in enumerate(changes):
        period = rules.period(change.day)
        if at:
            assert change.before == changes[at - 1].after
            assert change.day >= changes[at - 1].day
        if change.move is Move.DEMOTED:
            assert change.day == period.first
            assert RANKS[change.after] < RANKS[change.before or ""]
            closed = rules.period((date.fromisoformat(change.day) - timedelta(days=1)).isoformat())
            assert change.points == sum(
                n for day, n in points.items() if closed.first <= day <= closed.last
            )
            assert change.rules == rules.on(closed.last).since
        elif change.move is Move.PROMOTED:
            assert RANKS[change.after] > RANKS[change.before or ""]
            assert change.points == sum(
                n for day, n in points.items() if period.first <= day <= change.day
            )
            assert change.points >= rules.on(change.day).tiers[RANKS[change.after]].points
            assert change.rules == rules.on(change.day).since
        else:
            assert (at, change.before, change.after) == (0, None, "Member")


@given(lives, tables, days)
def test_a_tier_earned_lasts_until_the_end_of_the_next_period(
    life: list[Session], rules: PropertyRules, today: str
) -> None:
    changes = history(life, rules, today)
    for change in changes:
        if change.move is Move.PROMOTED:
            safe = rules.period_after(rules.period(change.day)).last
            for later in changes:
                if change.day <= later.day <= safe and later.move is Move.DEMOTED:
                    assert later.day <= change.day  # the fall of the day it rose again


@given(lives, tables, days)
def test_held_until_is_kept_without_another_game(
    life: list[Session], rules: PropertyRules, today: str
) -> None:
    played = [one for one in life if one.key.day <= today]
    standing = profile(played, rules, today).standing
    if standing is not None and standing.held_until is not None:
        rank = RANKS[standing.tier]
        assert rank_on(history(played, rules, standing.held_until), standing.held_until) >= rank
        assert today <= standing.held_until


@given(lives, tables, days)
def test_the_parts_add_up(life: list[Session], rules: PropertyRules, today: str) -> None:
    known = profile(life, rules, today)
    seen = [one for one in life if one.key.day <= today]
    assert known.total.coin_in_cents == sum(one.tally.coin_in_cents for one in seen)
    assert known.total.theoretical_win == sum(one.tally.theoretical_win for one in seen)
    assert known.total.games == sum(one.tally.games for one in seen)
    for name in known.total.__struct_fields__:
        whole = getattr(known.total, name)
        assert sum(getattr(day.play, name) for day in known.days) == whole
        assert sum(getattr(trip.play, name) for trip in known.trips) == whole
    assert sum(trip.days_played for trip in known.trips) == known.days_played
    for day in known.days:
        cost = rules.on(day.day).coin_in_cents_a_point
        assert 0 <= day.play.coin_in_cents - day.points * cost < cost


@given(lives, tables, days)
def test_adt_is_between_the_worst_and_the_best_rated_day(
    life: list[Session], rules: PropertyRules, today: str
) -> None:
    known = profile(life, rules, today)
    wins = [
        day.play.theoretical_win
        for day in known.days
        if known.adt.first_day <= day.day
        and day.play.coin_in_cents > day.play.unrated_coin_in_cents
    ]
    assert known.adt.days == len(wins)
    if wins:
        assert known.adt.mean is not None
        assert known.adt.trimmed_mean is not None
        assert min(wins) <= known.adt.mean <= max(wins)
        assert min(wins) <= known.adt.trimmed_mean <= max(wins)
        assert known.adt.mean * len(wins) <= sum(wins) < (known.adt.mean + 1) * len(wins)


@given(st.lists(played_sessions, max_size=12))
def test_the_clock_counts_every_minute_once(life: list[Session]) -> None:
    known = profile(life, RULES, "2028-12-31")
    for day in known.days:
        parts = [one for one in life if one.key.day == day.day]
        minutes = {
            minute
            for one in parts
            for minute in range((one.first_play or 0) // MINUTE, (one.last_play or 0) // MINUTE)
        }
        assert day.play.wall_clock_ms == len(minutes) * MINUTE
        assert day.play.wall_clock_ms <= day.play.play_ms


one_day = st.lists(
    st.builds(
        lambda asset, start, lasts: session(
            asset=asset, start=start * MINUTE, lasts=lasts * MINUTE
        ),
        st.sampled_from("123"),
        st.integers(0, 60),
        st.integers(0, 30),
    ),
    max_size=8,
    unique_by=lambda one: (one.asset_id, one.first_play),
)


@given(one_day)
def test_overlaps_are_all_pairs_at_two_machines_at_once(life: list[Session]) -> None:
    known = profile(life, RULES, "2026-03-01")
    expected = {
        frozenset([(one.asset_id, one.key.started_at), (other.asset_id, other.key.started_at)])
        for one, other in combinations(life, 2)
        if one.asset_id != other.asset_id
        and max(one.first_play or 0, other.first_play or 0)
        <= min(one.last_play or 0, other.last_play or 0)
    }
    found = [
        frozenset([(o.asset_id, o.started_at), (o.other_asset_id, o.other_started_at)])
        for o in known.overlaps
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected
    minutes: dict[int, int] = {}
    for one in life:
        for minute in range((one.first_play or 0) // MINUTE, (one.last_play or 0) // MINUTE):
            minutes[minute] = minutes.get(minute, 0) + 1
    assert known.total.wall_clock_ms == len(minutes) * MINUTE
    assert known.total.play_ms == sum(minutes.values()) * MINUTE
