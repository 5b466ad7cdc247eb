"""The oracle by itself: each rule by an example worked out by hand."""

from fractions import Fraction
from typing import Any

import pytest

from workbench.proof.oracle import (
    Account,
    MachineDayKey,
    Rule,
    Seat,
    Sums,
    Verdict,
    gaming_day,
    judge,
)
from workbench.proof.workload import Fact

OPEN = 1_781_640_000_000
"""2026-06-16, 13:00 in Los Angeles."""
MINUTE = 60_000
RULES = {"north": Rule("America/Los_Angeles", 6)}
TODAY = "2026-06-16"


def fact(at: int, kind: str, player: str | None = None, **values: int) -> Fact:
    """An event so many milliseconds after the floor opened."""
    return Fact("g", "north", "1", f"e-{at}-{kind}", OPEN + at, at, player, kind, values, b"", 0)


def game(at: int, wager: int = 100, win: int = 0, player: str | None = None) -> list[Fact]:
    """A game of two seconds."""
    return [
        fact(at, "game.started", player, wager_cents=wager),
        fact(at + 2_000, "game.ended", player, win_cents=win),
    ]


PAYTABLE = fact(0, "paytable.reported", base_basis_points=9_000, accounting_denomination_cents=5)


def judged(*facts: Any) -> Verdict:
    """The verdict on facts and lists of them."""
    flat = [f for one in facts for f in (one if isinstance(one, list) else [one])]
    return judge(flat, RULES)


def carded(verdict: Verdict) -> dict[tuple[str | None, int], Sums]:
    """Sums by player and start of the session, in milliseconds after the floor opened."""
    return {
        (a.player_id, a.started_at - OPEN if a.player_id else 0): sums
        for a, sums in verdict.accounts().items()
    }


def only(verdict: Verdict) -> Sums:
    """The sums of the only account."""
    (sums,) = verdict.accounts().values()
    return sums


# --- games ----------------------------------------------------------------------------------------


def test_a_game_is_its_wager_its_win_and_its_share_of_the_wager() -> None:
    assert only(judged(PAYTABLE, game(1_000, wager=250, win=80))) == Sums(
        games=1, coin_in_cents=250, coin_out_cents=80, theoretical_dollars=Fraction(1, 4)
    )


def test_events_are_judged_by_device_time_not_as_they_come() -> None:
    events = [PAYTABLE, *game(1_000, win=5), *game(9_000, wager=7)]

    assert judged(events).accounts() == judged(events[::-1]).accounts()


def test_a_start_without_an_end_counts_when_the_next_game_starts() -> None:
    start = fact(1_000, "game.started", wager_cents=40)

    assert judged(PAYTABLE, start).machine_days() == {MachineDayKey("north", "1", TODAY): Sums()}
    sums = only(judged(PAYTABLE, start, game(9_000)))
    assert (sums.games, sums.incomplete_games, sums.coin_in_cents) == (1, 1, 140)


def test_an_end_without_a_start_counts_its_win() -> None:
    sums = only(judged(PAYTABLE, fact(1_000, "game.ended", win_cents=60)))

    assert (sums.games, sums.incomplete_games, sums.coin_out_cents) == (0, 1, 60)


def test_credits_are_worth_the_denomination_in_force() -> None:
    start = fact(1_000, "game.started", wager_credits=10)
    sums = only(judged(PAYTABLE, start, fact(2_000, "game.ended", win_credits=3)))

    assert (sums.coin_in_cents, sums.coin_out_cents) == (50, 15)


def test_play_before_the_first_paytable_waits_for_it() -> None:
    start = fact(-9_000, "game.started", wager_credits=10)
    end = fact(-8_000, "game.ended", win_credits=4)

    waiting = only(judged(start, end))
    rated = only(judged(start, end, PAYTABLE))

    assert (waiting.unvalued_credits, waiting.coin_in_cents) == (14, 0)
    assert rated == Sums(
        games=1, coin_in_cents=50, coin_out_cents=20, theoretical_dollars=Fraction(5, 100)
    )


def test_the_selected_game_decides_the_paytable_where_it_was_reported() -> None:
    second = fact(
        1,
        "paytable.reported",
        base_basis_points=8_000,
        accounting_denomination_cents=1,
        game_number=2,
    )
    before = judged(PAYTABLE, second, game(1_000))
    during = judged(PAYTABLE, second, fact(500, "game.selected", game_number=2), game(1_000))
    other = judged(PAYTABLE, second, fact(500, "game.selected", game_number=3), game(1_000))

    assert [only(v).theoretical_dollars for v in (before, during, other)] == [
        Fraction(1, 10),
        Fraction(1, 5),
        Fraction(1, 10),
    ]


# --- sessions -------------------------------------------------------------------------------------


def test_a_session_begins_with_its_card() -> None:
    verdict = judged(PAYTABLE, fact(500, "card.inserted", "p"), game(1_000, player="p"))

    assert list(carded(verdict)) == [("p", 500)]
    assert verdict.session_play == {
        Account("north", "1", TODAY, "p", OPEN + 500): (OPEN + 1_000, OPEN + 1_000)
    }


def test_where_the_card_in_is_missing_a_session_begins_with_its_first_game() -> None:
    assert list(carded(judged(PAYTABLE, game(1_000, player="p")))) == [("p", 1_000)]


def test_unnamed_games_are_the_cards_until_one_names_it() -> None:
    verdict = judged(
        PAYTABLE,
        fact(500, "card.inserted", "p"),
        game(1_000),
        game(5_000, player="p"),
        game(9_000),
    )

    assert {key: sums.games for key, sums in carded(verdict).items()} == {
        ("p", 500): 2,
        (None, 0): 1,
    }


@pytest.mark.parametrize(
    ("idle", "sessions"),
    [(15 * MINUTE, [("p", 500)]), (15 * MINUTE + 1, [("p", 500), ("p", 3_001 + 15 * MINUTE)])],
)
def test_a_card_left_for_longer_than_the_time_out_is_abandoned(
    idle: int, sessions: list[tuple[str, int]]
) -> None:
    verdict = judged(
        PAYTABLE,
        fact(500, "card.inserted", "p"),
        game(1_000, player="p"),
        game(3_000 + idle, player="p"),
    )

    assert list(carded(verdict)) == sessions


def test_a_game_in_progress_is_not_idle() -> None:
    lock_up = 40 * MINUTE
    verdict = judged(
        PAYTABLE,
        fact(500, "card.inserted", "p"),
        fact(1_000, "game.started", "p", wager_cents=100),
        fact(lock_up, "card.inserted", "p"),
        fact(lock_up + 1_000, "game.ended", "p"),
        game(lock_up + 60_000, player="p"),
    )

    assert {key: sums.games for key, sums in carded(verdict).items()} == {("p", 500): 2}


def test_a_game_that_never_ended_is_idle_when_the_next_one_starts() -> None:
    verdict = judged(
        PAYTABLE,
        fact(1_000, "game.started", "p", wager_cents=100),
        game(40 * MINUTE, player="p"),
    )

    assert list(carded(verdict)) == [("p", 1_000), ("p", 40 * MINUTE)]


@pytest.mark.parametrize(
    ("between", "second"),
    [
        (fact(5_000, "card.removed", "p"), ("p", 9_000)),
        (fact(5_000, "card.removed", "q"), ("p", 500)),
        (fact(5_000, "card.inserted", "q"), ("p", 9_000)),
        (fact(5_000, "card.inserted", "p"), ("p", 500)),
    ],
)
def test_what_ends_a_session_and_what_does_not(between: Fact, second: tuple[str, int]) -> None:
    verdict = judged(
        PAYTABLE,
        fact(500, "card.inserted", "p"),
        game(1_000, player="p"),
        between,
        game(9_000, player="p"),
    )

    assert {("p", 500), second} == set(carded(verdict))


# --- hand-pays ------------------------------------------------------------------------------------


def handpaid(at: int, cents: int = 500, level: int = 0) -> Fact:
    return fact(at, "handpay.reported", amount_cents=cents, level=level)


@pytest.mark.parametrize(
    ("reports", "coin_out", "by_hand"),
    [
        ([handpaid(2_000)], 500, 500),
        ([handpaid(2_000, 50)], 80, 50),
        ([handpaid(4_000)], 500, 500),
        ([handpaid(2_000), handpaid(4_000)], 500, 500),
        ([handpaid(2_000), fact(3_500, "handpay.pending"), handpaid(4_000)], 1_000, 1_000),
        ([handpaid(2_000, level=0x80)], 80, 0),
        ([handpaid(2_000), handpaid(2_100, 70)], 570, 570),
    ],
)
def test_a_hand_pay_is_part_of_its_games_win_once(
    reports: list[Fact], coin_out: int, by_hand: int
) -> None:
    sums = only(judged(PAYTABLE, game(1_000, win=80), reports))

    assert (sums.coin_out_cents, sums.handpaid_cents) == (coin_out, by_hand)


@pytest.mark.parametrize(
    ("between", "coin_out"),
    [
        ([handpaid(4_000), fact(60 * MINUTE + 4_000, "game.ended", win_cents=700)], 700),
        ([handpaid(4_000), fact(60 * MINUTE + 4_001, "game.ended", win_cents=700)], 1_200),
        (
            [
                *(handpaid(4_000), handpaid(60 * MINUTE + 4_001, 300)),
                fact(60 * MINUTE + 5_000, "game.ended", win_cents=700),
            ],
            1_200,
        ),
        (
            [
                *(handpaid(4_000), fact(5_000, "card.inserted", "q")),
                fact(6_000, "game.ended", win_cents=700),
            ],
            1_200,
        ),
        (
            [
                *(handpaid(4_000), fact(5_000, "card.inserted", "p")),
                fact(6_000, "game.ended", win_cents=700),
            ],
            700,
        ),
    ],
)
def test_a_hand_pay_is_of_an_end_without_a_start_while_the_machine_may_be_locked_up(
    between: list[Fact], coin_out: int
) -> None:
    verdict = judged(PAYTABLE, fact(500, "card.inserted", "p"), game(1_000), between)

    assert sum(sums.coin_out_cents for sums in verdict.accounts().values()) == coin_out


def test_a_win_that_waits_for_its_credits_includes_what_was_paid_by_hand() -> None:
    start = fact(-9_000, "game.started", wager_cents=10)
    end = fact(-8_000, "game.ended", win_credits=100)
    before, after = handpaid(-8_500), handpaid(-7_000)

    for report in (before, after):
        sums = only(judged(start, end, report, PAYTABLE))
        assert (sums.coin_out_cents, sums.handpaid_cents) == (500, 500)


# --- meters ---------------------------------------------------------------------------------------


def metered(at: int, meter: int, wager: int = 100) -> list[Fact]:
    return [
        fact(at, "game.started", wager_cents=wager, coin_in_meter_credits=meter),
        fact(at + 1_000, "game.ended"),
    ]


@pytest.mark.parametrize(
    ("meters", "between", "gaps", "cents"),
    [
        ((1_000, 1_020), [], 0, 0),
        ((1_000, 1_030), [], 1, 50),
        ((1_000, 1_000), [], 1, -100),
        ((99_999_990, 10), [], 0, 0),
        ((5_000_000, 20), [], 1, 0),
        ((5_000_000, 4_999_990), [], 1, -150),
        ((5_000_000, 20), [fact(5_000, "meters.reset")], 0, 0),
        ((1_000, 1_020), [fact(5_000, "events.overflowed")], 1, 0),
    ],
)
def test_the_meter_is_held_against_the_wagers(
    meters: tuple[int, int], between: list[Fact], gaps: int, cents: int
) -> None:
    sums = only(judged(PAYTABLE, metered(1_000, meters[0]), between, metered(9_000, meters[1])))

    assert (sums.gaps, sums.meter_difference_cents) == (gaps, cents)


# --- gaming days ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (1_781_614_799_999, "2026-06-15"),
        (1_781_614_800_000, "2026-06-16"),
        (1_793_537_999_999 + 3_600_000, "2026-10-31"),  # the night the clocks go back
        (0, "1969-12-31"),
    ],
)
def test_a_gaming_day_starts_at_six_on_the_propertys_clock(moment: int, day: str) -> None:
    assert gaming_day(RULES["north"], moment) == day


def test_the_day_on_which_the_clocks_go_back_is_an_hour_longer() -> None:
    hours: dict[str, int] = {}
    for hour in range(24 * 14):
        day = gaming_day(RULES["north"], 1_793_000_000_000 + hour * 3_600_000)
        hours[day] = hours.get(day, 0) + 1

    assert hours["2026-10-31"] == 25
    assert hours["2026-10-30"] == 24


# --- who plays ------------------------------------------------------------------------------------


def seat(*facts: Any) -> Seat:
    (found,) = judged(*facts).seats.values()
    return found


def test_who_is_seated_is_whose_session_is_in_progress_by_the_newest_event() -> None:
    card = fact(1_000, "card.inserted", "p-1")

    assert seat(PAYTABLE) == Seat(None, None, None)
    assert seat(card, game(2_000)) == Seat("p-1", OPEN + 1_000, None)
    assert seat(card, game(2_000, player="p-2")) == Seat("p-2", OPEN + 2_000, None)
    assert seat(card, fact(9_000, "card.removed", "p-1")) == Seat(None, None, None)
    assert seat(card, game(1_000 + 15 * MINUTE)) == Seat("p-1", OPEN + 1_000, None)
    assert seat(card, game(1_001 + 15 * MINUTE)) == Seat(None, None, None)


@pytest.mark.parametrize("kind", ["game.started", "game.ended", "card.inserted"])
def test_a_machine_is_locked_up_until_it_is_played(kind: str) -> None:
    pending = [fact(1_000, "handpay.pending"), fact(2_000, "handpay.pending")]
    after = [fact(3_000, "handpay.reported", amount_cents=5), fact(4_000, "card.removed", "p-1")]

    assert seat(pending, after).locked_since == OPEN + 1_000
    assert seat(pending, after, fact(5_000, kind, "p-1")).locked_since is None


def test_what_a_session_in_progress_came_to_is_of_all_its_days() -> None:
    verdict = judged(
        PAYTABLE,
        fact(1_000, "card.inserted", "p-1"),
        *[game(n * 10 * MINUTE, wager=100) for n in range(1, 120)],
    )

    assert verdict.seats["north", "1"] == Seat("p-1", OPEN + 1_000, None)
    assert len({a.day for a in verdict.accounts()}) == 2
    assert verdict.worth("north", "1") == Fraction(119, 10)
