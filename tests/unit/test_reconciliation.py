"""Meters against games: each cause by itself, and the one law that every account obeys."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.events.slot import METER_MODULUS
from pitboss.rating.reconciliation import (
    Account,
    Before,
    Cause,
    Measure,
    RatedGame,
    Sight,
    reconcile,
)

pytestmark = pytest.mark.unit

DAY = (0, 86_400_000)
MINUTE = 60_000


def game(minute: int, coin_in: int = 100, coin_out: int = 0, **other: Any) -> RatedGame:
    start = minute * MINUTE
    return RatedGame(start, start + 4_000, coin_in, coin_out)._replace(**other)


def after(minute: int, **shown: Any) -> Sight:
    """What is seen ten seconds after a game of that minute began."""
    return Sight(minute * MINUTE + 10_000, **shown)


def opened(**shown: Any) -> Before:
    before: dict[str, Any] = {
        "coin_in": 1_000,
        "coin_out": 500,
        "jackpot": 0,
        "games": 7,
        "denomination_cents": 1,
    }
    return Before(Sight(-1_000, **(before | shown)))


def account(measure: Measure, games: list[RatedGame], *sights: Sight, before: Before) -> Account:
    (found,) = [one for one in reconcile(games, sights, DAY, before).accounts if one[0] == measure]
    assert found.difference == sum(found.causes.values())
    return found


def coin_in(games: list[RatedGame], *sights: Sight, **before: Any) -> Account:
    return account(Measure.COIN_IN, games, *sights, before=opened(**before))


def test_meters_that_say_what_the_games_say_leave_nothing() -> None:
    found = coin_in([game(1), game(2)], after(1, coin_in=1_100), after(2, coin_in=1_200))

    assert (found.metered, found.rated, found.causes) == (200, 200, {})


def test_a_game_nobody_heard_of_is_a_gap_with_its_amount_and_its_place() -> None:
    games = [game(1), game(3)]
    sights = [after(1, coin_in=1_100), after(2, coin_in=1_150), after(3, coin_in=1_250)]

    found = reconcile(games, sights, DAY, opened())

    (difference,) = [one for one in found.differences if one.measure is Measure.COIN_IN]
    assert (difference.cause, difference.amount) == (Cause.GAP, 50)
    assert (difference.since, difference.until) == (MINUTE, 3 * MINUTE)


@pytest.mark.parametrize(
    ("mark", "cause"),
    [
        ({"is_overflow": True}, Cause.OVERFLOW),
        ({"unheard_since": MINUTE}, Cause.OFFLINE),
    ],
)
def test_what_was_lost_for_a_known_reason_is_explained(mark: dict[str, Any], cause: Cause) -> None:
    found = coin_in(
        [game(1), game(3)],
        after(1, coin_in=1_100),
        after(2, coin_in=1_150, **mark),
        after(3, coin_in=1_250),
    )

    assert found.causes == {cause: 50}
    assert (found.gap, found.lost) == (0, 50)


def test_a_meter_that_shows_a_loss_only_at_the_next_game_is_explained_as_well() -> None:
    found = coin_in(
        [game(1), game(3), game(5)],
        after(1, coin_in=1_100),
        Sight(2 * MINUTE, is_overflow=True),
        Sight(3 * MINUTE, coin_in=1_250),
        after(5, coin_in=1_350),
    )

    assert found.causes == {Cause.OVERFLOW: 50}


def test_a_machine_not_heard_of_since_the_day_before_was_offline() -> None:
    before = opened()
    assert before.sight is not None
    before = Before(before.sight._replace(at=-5_000_000))

    found = account(
        Measure.COIN_IN,
        [game(3)],
        Sight(MINUTE, coin_in=1_050),
        after(3, coin_in=1_150),
        before=before,
    )

    assert found.causes == {Cause.OFFLINE: 50}


def test_a_meter_rolls_over() -> None:
    found = coin_in([game(1)], after(1, coin_in=50), coin_in=METER_MODULUS - 50)

    assert found.metered == 50 - (METER_MODULUS - 50)
    assert found.causes == {Cause.ROLL_OVER: -METER_MODULUS}


def test_a_meter_seen_late_around_its_roll_over_is_no_second_one() -> None:
    found = coin_in(
        [game(1)],
        Sight(MINUTE, coin_in=50),
        Sight(MINUTE + 1, coin_in=METER_MODULUS - 50),
        after(1, coin_in=50),
        coin_in=METER_MODULUS - 50,
    )

    assert found.causes == {Cause.ROLL_OVER: -METER_MODULUS}


def test_a_reset_is_told_and_a_gateway_that_has_not_looked_yet_does_not_matter() -> None:
    found = coin_in(
        [game(2)],
        Sight(MINUTE, coin_in=1_000, is_reset=True),
        Sight(MINUTE + 1, coin_in=1_000),
        after(2, coin_in=100),
    )

    assert found.causes == {Cause.RESET: -1_000}


def test_a_silent_reset_is_seen_by_the_largest_meter_and_is_all_meters() -> None:
    before = opened(coin_in=5_000_000, games=40)
    sights = [
        Sight(MINUTE, coin_in=0, games=0),
        after(2, coin_in=100, games=1),
        Sight(2 * MINUTE + 11_000, games=0),  # seen late
        Sight(2 * MINUTE + 12_000, games=1),
    ]

    found = {
        measure: account(measure, [game(2)], *sights, before=before)
        for measure in (Measure.COIN_IN, Measure.GAMES)
    }

    assert found[Measure.COIN_IN].causes == {Cause.SILENT_RESET: -5_000_000}
    assert found[Measure.GAMES].causes == {Cause.SILENT_RESET: -40}


def test_meters_that_lag_by_a_game_are_no_gap() -> None:
    found = coin_in(
        [game(1, 100), game(2, 70), game(3, 30)],
        after(2, coin_in=1_100),
        after(3, coin_in=1_170),
        Sight(5 * MINUTE, coin_in=1_200),
    )

    assert found.causes == {}


def test_the_last_game_of_a_day_may_be_metered_in_the_next() -> None:
    games = [game(1, coin_out=30), game(2, coin_out=50)]
    sights = [after(1, coin_out=530), after(2, coin_out=530)]
    today = account(Measure.COIN_OUT, games, *sights, before=opened())
    tomorrow = account(
        Measure.COIN_OUT,
        [],
        Sight(MINUTE, coin_out=580),
        before=Before(opened(coin_out=530).sight, game(-2, coin_out=50)),
    )

    assert today.causes == {Cause.DAY_END: -50}
    assert tomorrow.causes == {Cause.DAY_END: 50}


def test_a_game_over_the_days_end_wins_in_the_next_day() -> None:
    late = RatedGame(DAY[1] - 1_000, DAY[1] + 3_000, 100, 40)
    today = account(Measure.COIN_OUT, [late], Sight(DAY[1] - 900, coin_out=500), before=opened())
    earlier = RatedGame(-1_000, 3_000, 100, 40)
    tomorrow = account(
        Measure.COIN_OUT, [], after(1, coin_out=540), before=Before(opened().sight, earlier)
    )

    assert (today.rated, today.causes) == (40, {Cause.DAY_END: -40})
    assert (tomorrow.rated, tomorrow.causes) == (0, {Cause.DAY_END: 40})


def test_wins_are_by_the_machine_or_by_hand() -> None:
    found = account(
        Measure.COIN_OUT,
        [game(1, coin_out=30), game(2, coin_out=120_000)],
        after(1, coin_out=530),
        after(2, jackpot=120_000),
        before=opened(),
    )

    assert (found.metered, found.causes) == (120_030, {})


def test_a_void_game_is_one_that_the_machine_does_not_count() -> None:
    games = [game(1), game(2, ended_at=None), game(3)]
    sights = [after(1, games=8), after(3, games=9)]

    assert account(Measure.GAMES, games, *sights, before=opened()).causes == {Cause.UNFINISHED: -1}


def test_a_game_whose_end_was_lost_and_is_counted_late_is_not_void() -> None:
    games = [game(1, ended_at=None), game(3)]
    sights = [Sight(3 * MINUTE, games=10, is_overflow=True), after(3, games=11)]

    found = account(Measure.GAMES, games, *sights, before=opened())

    assert found.causes == {Cause.OVERFLOW: 2}


def test_play_before_a_meter_was_ever_seen_is_unread() -> None:
    games = [game(1), game(2), game(3)]
    found = account(
        Measure.COIN_IN,
        games,
        Sight(0, denomination_cents=1),
        Sight(2 * MINUTE, coin_in=7_100),
        after(3, coin_in=7_200),
        before=Before(),
    )

    assert found.causes == {Cause.UNREAD: -200}


def test_credits_of_no_known_worth_leave_all_money_unread() -> None:
    found = account(
        Measure.COIN_IN, [game(1)], Sight(0, coin_in=1), after(1, coin_in=5), before=Before()
    )

    assert (found.metered, found.causes) == (0, {Cause.UNREAD: -100})


def test_a_credit_is_worth_what_was_reported_before_it_moved() -> None:
    found = coin_in(
        [game(1), game(3)],
        after(1, coin_in=1_100),
        Sight(2 * MINUTE, denomination_cents=25),
        after(3, coin_in=1_104),
    )

    assert (found.metered, found.causes) == (200, {})


def test_amounts_of_no_game_in_particular_belong_to_all_before_them() -> None:
    """Credits played before the first paytable are worth something only since."""
    games = [game(1, 0), game(2, 0), RatedGame(None, 3 * MINUTE, 200, 0, is_game=False), game(4)]
    sights = [after(1, coin_in=1_100), after(2, coin_in=1_200), after(4, coin_in=1_300)]

    assert coin_in(games, *sights).causes == {}


# --- the law --------------------------------------------------------------------------------------

meter = st.none() | st.integers(0, METER_MODULUS - 1)
moment = st.integers(DAY[0], DAY[1] - 1)
sight_strategy = st.builds(
    Sight,
    at=moment,
    coin_in=meter,
    coin_out=meter,
    jackpot=meter,
    games=meter,
    denomination_cents=st.none() | st.sampled_from([1, 5, 25]),
    is_reset=st.booleans(),
    is_overflow=st.booleans(),
    unheard_since=st.none() | st.just(0),
)
game_strategy = st.builds(
    RatedGame,
    st.none() | moment,
    moment | st.integers(DAY[1], DAY[1] + 10_000),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.booleans(),
)
before_strategy = st.builds(
    Before,
    st.none() | sight_strategy.map(lambda sight: sight._replace(at=-1)),
    st.none() | st.builds(RatedGame, st.just(-5), st.integers(-4, 50), st.just(100), st.just(40)),
)


@given(
    st.lists(game_strategy, max_size=12),
    st.lists(sight_strategy, max_size=12).map(lambda seen: sorted(seen, key=lambda s: s.at)),
    before_strategy,
)
def test_whatever_is_seen_and_rated_the_causes_add_up_to_the_difference(
    games: list[RatedGame], sights: list[Sight], before: Before
) -> None:
    found = reconcile(games, sights, DAY, before)

    for one in found.accounts:
        assert one.metered - one.rated == sum(one.causes.values())
        assert one.rated == sum(g.amount(one.measure) for g in games)
