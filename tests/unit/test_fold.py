"""The rating rules, one table of facts each."""

from itertools import count
from typing import Any

import pytest

from pitboss.events.slot import (
    RATED_TYPES,
    CardInserted,
    CardRemoved,
    DoorOpened,
    EventsOverflowed,
    GameEnded,
    GameSelected,
    GameStarted,
    HandpayPending,
    HandpayReported,
    MetersReset,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating import fold as fold_module
from pitboss.rating.fold import (
    Bounds,
    Carry,
    Fold,
    GapNote,
    House,
    Note,
    Session,
    SessionDay,
    Tally,
)

PAYTABLE = PaytableReported(9_200, 25)
OTHER_PAYTABLE = PaytableReported(9_674, 100)
SECONDS_A_DAY = 1_000


def day_of(moment: int) -> str:
    """A gaming day of a thousand seconds."""
    return f"d{moment // (SECONDS_A_DAY * 1000)}"


type Occurrence = tuple[int, SlotData] | tuple[int, SlotData, str | None]
"""When (second), what, and whose."""


def rate(*facts: Occurrence) -> Fold:
    """Facts are (second, what, who)."""
    fold = Fold(Carry(), House(day_of))
    for sequence, (second, data, *player) in zip(count(), facts, strict=False):
        moment = second * 1000
        fold.feed(SlotEvent(str(sequence), moment, sequence, player[0] if player else None, data))
    return fold


def uncarded(fold: Fold, day: str = "d0") -> Tally:
    return fold.tallies.get(SessionDay(day, None, 0), Tally())


def session(fold: Fold, player: str, started: int, day: str = "d0") -> Tally:
    return fold.tallies.get(SessionDay(day, player, started * 1000), Tally())


def start(cents: int = 500, meter: int | None = None) -> GameStarted:
    return GameStarted(cents, meter)


def in_credits(wager: int) -> GameStarted:
    return GameStarted(wager_credits=wager)


# --- games ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("halves", "expected"),
    [
        pytest.param(
            [start(500), GameEnded(200)],
            {"games": 1, "coin_in_cents": 500, "coin_out_cents": 200, "theoretical_win": 400_000},
            id="a game",
        ),
        pytest.param(
            [start(500), GameEnded()],
            {"games": 1, "coin_in_cents": 500, "theoretical_win": 400_000},
            id="a game that won nothing",
        ),
        pytest.param([start(500)], {}, id="a game not ended does not count yet"),
        pytest.param(
            [start(500), start(100), GameEnded(5)],
            {
                "games": 1,
                "incomplete_games": 1,
                "coin_in_cents": 600,
                "coin_out_cents": 5,
                "theoretical_win": 480_000,
            },
            id="a start without an end counts when the next game starts",
        ),
        pytest.param(
            [GameEnded(70)],
            {"incomplete_games": 1, "coin_out_cents": 70},
            id="an end without a start counts its win",
        ),
        pytest.param(
            [start(500), GameEnded(5), GameEnded(7)],
            {
                "games": 1,
                "incomplete_games": 1,
                "coin_in_cents": 500,
                "coin_out_cents": 12,
                "theoretical_win": 400_000,
            },
            id="two ends",
        ),
        pytest.param(
            [in_credits(4), GameEnded(win_credits=3)],
            {"games": 1, "coin_in_cents": 100, "coin_out_cents": 75, "theoretical_win": 80_000},
            id="credits are worth the accounting denomination",
        ),
    ],
)
def test_games(halves: list[SlotData], expected: dict[str, int]) -> None:
    fold = rate((0, PAYTABLE), *((i + 1, half) for i, half in enumerate(halves)))
    assert uncarded(fold) == Tally(**expected)


def test_actual_win_is_what_the_house_won() -> None:
    assert Tally(coin_in_cents=500, coin_out_cents=700).actual_win_cents == -200


def test_what_rating_does_not_look_at_changes_nothing() -> None:
    assert rate((0, DoorOpened("slot"))).carry == Carry()


# --- the paytable in force -----------------------------------------------------------------------


def test_a_game_is_rated_by_the_paytable_in_force_at_its_start() -> None:
    fold = rate((0, PAYTABLE), (1, in_credits(4)), (2, OTHER_PAYTABLE), (3, GameEnded(None, 2)))
    assert uncarded(fold) == Tally(
        games=1, coin_in_cents=100, coin_out_cents=50, theoretical_win=100 * 800
    )


def test_a_game_before_the_first_report_waits_for_it() -> None:
    before = ((1, start(500)), (2, GameEnded(win_credits=3)), (3, in_credits(4)), (4, GameEnded()))
    waiting = rate(*before)
    assert uncarded(waiting) == Tally(
        games=2, coin_in_cents=500, unrated_coin_in_cents=500, unvalued_credits=7
    )
    rated = rate(*before, (5, PAYTABLE))
    assert uncarded(rated) == Tally(
        games=2, coin_in_cents=600, coin_out_cents=75, theoretical_win=600 * 800
    )
    assert rated.carry.unrated == ()


def test_only_the_first_report_rates_earlier_play() -> None:
    fold = rate((1, start(500)), (2, GameEnded()), (3, PAYTABLE), (4, OTHER_PAYTABLE))
    assert uncarded(fold).theoretical_win == 500 * 800


def test_a_game_open_at_the_first_report_is_rated_by_it_whatever_follows() -> None:
    fold = rate((1, start(500)), (2, PAYTABLE), (3, OTHER_PAYTABLE), (4, GameEnded(None, 1)))
    assert uncarded(fold) == Tally(
        games=1, coin_in_cents=500, coin_out_cents=25, theoretical_win=500 * 800
    )


def test_the_first_report_rates_each_session_and_day_of_its_own() -> None:
    fold = rate(
        (1, start(500), "A"),
        (2, GameEnded(), "A"),
        (3, start(100)),
        (4, GameEnded()),
        (1_001, start(200)),
        (1_002, GameEnded()),
        (1_003, PAYTABLE),
    )
    assert session(fold, "A", 1).theoretical_win == 500 * 800
    assert uncarded(fold).theoretical_win == 100 * 800
    assert uncarded(fold, "d1").theoretical_win == 200 * 800


# --- sessions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "sessions"),
    [
        pytest.param(
            [
                (1, CardInserted(), "A"),
                (2, start(), "A"),
                (3, GameEnded(), "A"),
                (4, CardRemoved(), "A"),
            ],
            {("A", 1): 1},
            id="from card-in",
        ),
        pytest.param(
            [(2, start(), "A"), (3, GameEnded(), "A")],
            {("A", 2): 1},
            id="from the first game where the card-in is missing",
        ),
        pytest.param(
            [
                (1, CardInserted(), "A"),
                (2, start(), "A"),
                (3, GameEnded(), "A"),
                (4, CardRemoved(), "A"),
                (5, start(), "A"),
                (6, GameEnded(), "A"),
            ],
            {("A", 1): 1, ("A", 5): 1},
            id="until card-out",
        ),
        pytest.param(
            [
                (1, start(), "A"),
                (2, GameEnded(), "A"),
                (3, start(), "B"),
                (4, GameEnded(), "B"),
                (5, start(), "A"),
                (6, GameEnded(), "A"),
            ],
            {("A", 1): 1, ("B", 3): 1, ("A", 5): 1},
            id="until another player's play",
        ),
        pytest.param(
            [
                (1, start(), "A"),
                (2, GameEnded(), "A"),
                (3, start()),
                (4, GameEnded()),
                (5, start(), "A"),
                (6, GameEnded(), "A"),
            ],
            {("A", 1): 1, (None, 0): 1, ("A", 5): 1},
            id="until uncarded play",
        ),
        pytest.param(
            [
                (1, start(), "A"),
                (2, GameEnded(), "A"),
                (3, CardInserted(), "B"),
                (4, start(), "A"),
                (5, GameEnded(), "A"),
            ],
            {("A", 1): 1, ("A", 4): 1},
            id="until another card",
        ),
        pytest.param(
            [
                (1, CardInserted(), "A"),
                (2, start(), "A"),
                (3, GameEnded(), "A"),
                (4, CardInserted(), "A"),
                (5, start(), "A"),
                (6, GameEnded(), "A"),
            ],
            {("A", 1): 2},
            id="a doubled card-in begins nothing",
        ),
        pytest.param(
            [
                (1, start(), "A"),
                (2, GameEnded(), "A"),
                (3, CardInserted(), "A"),
                (4, start(), "A"),
                (5, GameEnded(), "A"),
            ],
            {("A", 1): 2},
            id="a card-in that comes after its first game begins nothing",
        ),
        pytest.param(
            [
                (1, start(), "A"),
                (2, GameEnded(), "A"),
                (3, CardRemoved(), "B"),
                (4, start(), "A"),
                (5, GameEnded(), "A"),
            ],
            {("A", 1): 2},
            id="another's card-out ends nothing",
        ),
        pytest.param(
            [
                (1, CardRemoved(), "A"),
                (2, CardRemoved(), "A"),
                (3, start(), "A"),
                (4, GameEnded(), "A"),
            ],
            {("A", 3): 1},
            id="a doubled card-out ends nothing",
        ),
        pytest.param(
            [
                (1, CardInserted(), "A"),
                (2, start(), "A"),
                (3, CardRemoved(), "A"),
                (4, GameEnded()),
            ],
            {("A", 1): 1},
            id="a card pulled in mid-game: the game is its player's",
        ),
        pytest.param(
            [
                (1, CardInserted(), "A"),
                (2, start(), "A"),
                (3, CardRemoved(), "A"),
                (4, CardInserted(), "B"),
                (5, GameEnded(), "B"),
            ],
            {("A", 1): 1},
            id="another's card put in in mid-game: the game is still its player's",
        ),
        pytest.param(
            [(1, start()), (2, CardInserted(), "A"), (3, GameEnded(), "A")],
            {(None, 0): 1},
            id="a card put in in mid-game: the game is the machine's",
        ),
    ],
)
def test_sessions(facts: list[Any], sessions: dict[tuple[str | None, int], int]) -> None:
    fold = rate(*facts)
    assert {
        (key.player_id, key.started_at // 1000): tally.games for key, tally in fold.tallies.items()
    } == sessions


@pytest.mark.parametrize(
    ("who", "whose"), [("A", ("A", 1_000)), ("B", (None, 0)), (None, ("A", 1_000))]
)
def test_an_end_without_a_start_is_the_sessions_unless_it_names_another_player(
    who: str | None, whose: tuple[str | None, int]
) -> None:
    fold = rate((1, CardInserted(), "A"), (2, GameEnded(70), who))
    (key,) = fold.tallies
    assert (key.player_id, key.started_at) == whose
    assert fold.tallies[key].coin_out_cents == 70
    assert fold.sessions == ({key: Bounds(2_000, 2_000)} if who != "B" else {})


def test_a_session_that_was_not_played_is_none() -> None:
    fold = rate((1, CardInserted(), "A"), (2, CardRemoved(), "A"))
    assert (fold.tallies, fold.sessions, fold.days) == ({}, {}, {})


# --- gaming days and bounds ----------------------------------------------------------------------


def test_a_game_belongs_to_the_gaming_day_of_its_start() -> None:
    fold = rate((0, PAYTABLE), (999, start(500)), (1_000, GameEnded(70)))
    assert uncarded(fold).coin_out_cents == 70
    assert uncarded(fold, "d1") == Tally()
    # The machine was played on both.
    assert fold.days == {"d0": Bounds(999_000, 999_000), "d1": Bounds(1_000_000, 1_000_000)}


def test_a_session_over_the_end_of_a_day_is_kept_by_day() -> None:
    fold = rate(
        (990, CardInserted(), "A"),
        (995, start(), "A"),
        (996, GameEnded(), "A"),
        (999, start(), "A"),
        (1_001, GameEnded(), "A"),
        (1_002, start(), "A"),
        (1_003, GameEnded(), "A"),
        (1_009, start(), "A"),
    )
    assert session(fold, "A", 990).games == 2
    assert session(fold, "A", 990, "d1").games == 1
    assert fold.sessions == {
        SessionDay("d0", "A", 990_000): Bounds(995_000, 999_000),
        SessionDay("d1", "A", 990_000): Bounds(1_002_000, 1_002_000),  # the last is not over
    }
    assert fold.days == {"d0": Bounds(995_000, 999_000), "d1": Bounds(1_001_000, 1_009_000)}
    assert fold.carry.session == Session("A", 990_000, 1_009_000, True, "d1", 1_002_000, 1_002_000)


# --- meters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "difference"),
    [
        pytest.param([start(100, 1_000)], 0, id="one meter alone says nothing"),
        pytest.param([start(100, 1_000), start(100, 1_004)], 0, id="nothing was lost"),
        pytest.param([start(100, 1_000), start(100, 1_008)], 100, id="a game was lost"),
        pytest.param([start(100, 1_000), start(100, 1_000)], -100, id="the meter stood still"),
        pytest.param([start(100, 1_000), GameStarted(None, 1_004, 4)], 0, id="a wager in credits"),
        pytest.param([start(100, 99_999_998), start(100, 2)], 0, id="it rolled over"),
        pytest.param([start(100, 99_999_998), start(100, 6)], 100, id="it rolled over, one lost"),
        pytest.param([start(100, 1_000), start(100, 0)], -25_100, id="it went back"),
        pytest.param([start(100, 1_000), MetersReset(), start(100, 4)], 0, id="it was reset"),
        pytest.param(
            [start(100, 1_000), MetersReset(), start(100, 4), start(100, 12)],
            100,
            id="it is compared again after a reset",
        ),
        pytest.param(
            [start(100, 1_000), start(100), start(100, 1_008)], 100, id="a game without a meter"
        ),
        pytest.param(
            [start(100, 1_000), OTHER_PAYTABLE, start(100, 1_001)], 0, id="other denomination"
        ),
    ],
)
def test_the_meter_is_the_second_opinion(starts: list[SlotData], difference: int) -> None:
    halves = [*starts, GameEnded()]
    fold = rate((0, PAYTABLE), *((i + 1, data) for i, data in enumerate(halves)))
    assert uncarded(fold).meter_difference_cents == difference


def test_a_meter_is_not_compared_before_its_credit_has_a_value() -> None:
    facts = (1, start(100, 0)), (2, start(100, 400)), (3, PAYTABLE), (4, start(100, 404))
    assert uncarded(rate(*facts, (5, GameEnded()))).meter_difference_cents == 0


# --- in parts ------------------------------------------------------------------------------------


def test_a_fold_in_two_parts_is_the_fold() -> None:
    facts: list[Any] = [
        (0, CardInserted(), "A"),
        (1, start(100, 4), "A"),
        (2, GameEnded(win_credits=3), "A"),
        (3, in_credits(5), "A"),
        (4, PAYTABLE),
        (5, GameEnded(), "A"),
        (999, start(100, 9), "A"),
        (1_000, CardRemoved(), "A"),
        (1_001, GameEnded(70)),
        (1_002, GameEnded(5)),
        (1_003, start(25, 10)),
        (1_004, start(25, 11)),
    ]
    whole = rate(*facts)
    for cut in range(len(facts) + 1):
        first = rate(*facts[:cut])
        rest = Fold(first.carry, House(day_of))
        for second, data, *player in facts[cut:]:
            rest.feed(SlotEvent("", second * 1000, 0, player[0] if player else None, data))
        assert rest.carry == whole.carry
        joined = dict(first.tallies)
        for key, tally in rest.tallies.items():
            joined.setdefault(key, Tally()).add(tally)
        assert {k: t for k, t in joined.items() if t} == {
            k: t for k, t in whole.tallies.items() if t
        }
        assert first.sessions | rest.sessions == whole.sessions
        assert first.days.keys() | rest.days.keys() == whole.days.keys()


def test_a_gap_counts_with_its_game() -> None:
    facts = (0, PAYTABLE), (1, start(100, 4)), (2, start(100, 12))
    assert uncarded(rate(*facts)).gaps == 0
    assert uncarded(rate(*facts, (3, GameEnded()))).gaps == 1


# --- the card and the house ----------------------------------------------------------------------

MINUTE = 60


def played(*facts: Any, time_out_minutes: int = 15) -> list[tuple[str | None, int, int]]:
    """Whose games they are, the second that the session started, and how many: (who, since, n)."""
    fold = Fold(Carry(), House(lambda _: "d0", lambda _: time_out_minutes * 60_000))
    for sequence, (second, data, *player) in enumerate(facts):
        moment = second * 1000
        fold.feed(SlotEvent(str(sequence), moment, sequence, player[0] if player else None, data))
    return [
        (key.player_id, key.started_at // 1000, tally.games)
        for key, tally in fold.tallies.items()
        if tally.games
    ]


def a_game(second: int, player: str | None = None) -> list[Any]:
    return [(second, start(), player), (second + 1, GameEnded(), player)]


IN_A, OUT_A = (CardInserted(), "A"), (CardRemoved(), "A")


@pytest.mark.parametrize(
    ("facts", "sessions"),
    [
        pytest.param(
            [(0, *IN_A), *a_game(1), *a_game(5), (9, *OUT_A), *a_game(10)],
            [("A", 0, 2), (None, 0, 1)],
            id="a card that reached the gateway late: the games it is late for are the card's",
        ),
        pytest.param(
            [(0, *IN_A), *a_game(1), *a_game(5, "A"), *a_game(10)],
            [("A", 0, 2), (None, 0, 1)],
            id="once a game named the player, one that names nobody says the card is gone",
        ),
        pytest.param(
            [(0, *IN_A), *a_game(1), *a_game(5, "B")],
            [("A", 0, 1), ("B", 5, 1)],
            id="a game that names another ends a session that none has named",
        ),
        pytest.param(
            [(0, *IN_A), *a_game(1, "A"), *a_game(15 * MINUTE + 2, "A")],
            [("A", 0, 2)],
            id="idle for the time-out and no longer",
        ),
        pytest.param(
            [(0, *IN_A), *a_game(1, "A"), *a_game(15 * MINUTE + 3, "A")],
            [("A", 0, 1), ("A", 15 * MINUTE + 3, 1)],
            id="idle for longer: another session of the same player",
        ),
        pytest.param(
            [(0, *IN_A), *a_game(15 * MINUTE + 1)],
            [(None, 0, 1)],
            id="an abandoned card: who plays on is nobody",
        ),
        pytest.param(
            [(0, *IN_A), (14 * MINUTE, *IN_A), *a_game(28 * MINUTE)],
            [("A", 0, 1)],
            id="a card put in again is activity",
        ),
        pytest.param(
            [(0, *IN_A), *a_game(1, "A"), (20 * MINUTE, *IN_A), *a_game(20 * MINUTE + 1, "A")],
            [("A", 0, 1), ("A", 20 * MINUTE, 1)],
            id="a card put in again after the time-out starts a session",
        ),
        pytest.param(
            [(0, start(), "A"), (40 * MINUTE, GameEnded(), "A"), *a_game(50 * MINUTE, "A")],
            [("A", 0, 2)],
            id="a game in progress, a long hand-pay for instance, is not idle",
        ),
        pytest.param(
            [
                *[(0, start(), "A"), (20 * MINUTE, *IN_A), (40 * MINUTE, GameEnded(), "A")],
                *a_game(41 * MINUTE, "A"),
            ],
            [("A", 0, 2)],
            id="nor does a card put in meanwhile start a session",
        ),
        pytest.param(
            [(0, start(), "A"), *a_game(16 * MINUTE, "A")],
            [("A", 16 * MINUTE, 1)],
            id="a game that never ended was not in progress",
        ),
    ],
)
def test_what_the_card_says(facts: list[Any], sessions: list[Any]) -> None:
    assert played(*facts) == sessions


def test_the_idle_time_out_is_that_of_the_day_of_the_last_activity() -> None:
    rule = {"d0": 1, "d1": 60}
    fold = Fold(Carry(), House(day_of, lambda day: rule[day] * 60_000))
    for second in (900, 1_200, 1_300, 2_000):
        fold.feed(SlotEvent(str(second), second * 1000, second, "A", start()))
    assert {key.started_at // 1000 for key in fold.sessions} == {900, 1_200}


@pytest.mark.parametrize(("idle_ms", "sessions"), [(60_000, 1), (60_001, 2)])
def test_the_shortest_time_out_that_a_house_may_have(idle_ms: int, sessions: int) -> None:
    house = House(day_of, lambda day: fold_module.SHORTEST_IDLE_MINUTES * 60_000)
    fold = Fold(Carry(), house)
    for sequence, moment in enumerate((1_000, 1_000 + idle_ms)):
        fold.feed(SlotEvent(str(sequence), moment, sequence, "A", start()))
    fold.feed(SlotEvent("end", 2_000 + idle_ms, 3, "A", GameEnded()))
    assert len(fold.sessions) == sessions


# --- several games on one machine ----------------------------------------------------------------


def test_the_paytable_in_force_is_that_of_the_selected_game() -> None:
    fold = rate(
        (0, PaytableReported(9_000, 25)),
        (1, PaytableReported(9_500, 25, game_number=2)),
        (2, start(100)),
        (3, GameEnded()),  # 10 %
        (4, GameSelected(2)),
        (5, start(100)),
        (6, GameEnded()),  # 5 %
        (7, GameSelected(3)),  # of which nothing is known
        (8, start(100)),
        (9, GameEnded()),  # 10 %
        (10, PaytableReported(9_900, 25, game_number=3)),
        (11, start(100)),
        (12, GameEnded()),  # 1 %
        (13, GameSelected(0)),
        (14, start(100)),
        (15, GameEnded()),  # 10 %
    )
    assert uncarded(fold).theoretical_win == 100 * (1_000 + 500 + 1_000 + 100 + 1_000)


def test_a_change_of_the_game_in_mid_game_is_for_the_next_one() -> None:
    fold = rate(
        (0, PaytableReported(9_000)),
        (1, PaytableReported(9_500, game_number=2)),
        (2, start(100)),
        (3, GameSelected(2)),
        (4, GameEnded()),
    )
    assert uncarded(fold).theoretical_win == 100 * 1_000


def test_the_first_paytable_in_force_rates_what_waited_whichever_it_is() -> None:
    facts: list[Occurrence] = [
        (0, start(100)),
        (1, GameEnded()),
        (2, PaytableReported(9_500, 25, game_number=2)),
    ]
    assert uncarded(rate(*facts)).unrated_coin_in_cents == 100
    fold = rate(*facts, (3, GameSelected(2)))
    assert (uncarded(fold).unrated_coin_in_cents, uncarded(fold).theoretical_win) == (0, 50_000)


# --- hand-pays -----------------------------------------------------------------------------------

PENDING = HandpayPending()


def paid(cents: int, level: int = 0) -> HandpayReported:
    return HandpayReported(cents, level=level)


@pytest.mark.parametrize(
    ("halves", "coin_out", "handpaid"),
    [
        pytest.param([start(), PENDING, paid(1_200), GameEnded(1_200)], 1_200, 1_200, id="once"),
        pytest.param(
            [start(), PENDING, paid(1_200), GameEnded()], 1_200, 1_200, id="left out of the end"
        ),
        pytest.param(
            [start(), PENDING, paid(1_200), GameEnded(1_500)], 1_500, 1_200, id="a part of the win"
        ),
        pytest.param(
            [start(), PENDING, paid(1_200), paid(1_200), GameEnded()],
            1_200,
            1_200,
            id="polled twice",
        ),
        pytest.param(
            [start(), PENDING, paid(1_200), PENDING, paid(1_200), GameEnded()],
            2_400,
            2_400,
            id="two of the same amount",
        ),
        pytest.param(
            [start(), PENDING, paid(1_200, 0x80), GameEnded(100)], 100, 0, id="cancelled credits"
        ),
        pytest.param(
            [start(), paid(1_200), GameEnded(1_200), start(), paid(1_200), GameEnded(1_200)],
            2_400,
            2_400,
            id="the same in the next game",
        ),
        pytest.param(
            [start(), PENDING, paid(5_000, 3), GameEnded(100)], 5_000, 5_000, id="a progressive"
        ),
        pytest.param(
            [start(), GameEnded(100), PENDING, paid(1_200)], 1_200, 1_200, id="after the end"
        ),
        pytest.param(
            [start(), GameEnded(1_200), PENDING, paid(1_200)],
            1_200,
            1_200,
            id="after an end that has it",
        ),
        pytest.param(
            [start(), PENDING, paid(1_200), start(), GameEnded()],
            1_200,
            1_200,
            id="the end is missing",
        ),
        pytest.param(
            [start(), GameEnded(50), PENDING, paid(1_200), GameEnded(1_200)],
            1_200 + 50,
            1_200,
            id="the start is missing: it was taken for the game before",
        ),
        pytest.param([PENDING, paid(1_200)], 1_200, 1_200, id="no game at all"),
        pytest.param(
            [PENDING, paid(1_200), GameEnded(1_300)], 1_300, 1_200, id="no game but an end"
        ),
    ],
)
def test_a_handpay_is_part_of_the_win_once(
    halves: list[SlotData], coin_out: int, handpaid: int
) -> None:
    fold = rate((0, PAYTABLE), *((i + 1, half) for i, half in enumerate(halves)))
    tally = uncarded(fold)
    assert (tally.coin_out_cents, tally.handpaid_cents) == (coin_out, handpaid)


LOCK_UP = 3_600
"""Seconds."""


@pytest.mark.parametrize(
    ("between", "coin_out"),
    [
        pytest.param([(1, paid(500)), (LOCK_UP + 1, GameEnded(700))], 700, id="in time"),
        pytest.param([(1, paid(500)), (LOCK_UP + 2, GameEnded(700))], 1_200, id="much later"),
        pytest.param(
            [(1, paid(500)), (LOCK_UP + 2, paid(300)), (LOCK_UP + 3, GameEnded(700))],
            1_200,
            id="after another hand-pay, the only one in time",
        ),
        pytest.param(
            [(1, paid(500)), (LOCK_UP, paid(300)), (LOCK_UP + 3, GameEnded(800))],
            800,
            id="after another hand-pay, each in time of the next",
        ),
        pytest.param(
            [(1, paid(500)), (2, CardInserted(), "B"), (3, GameEnded(700))],
            1_200,
            id="another card came in between",
        ),
        pytest.param(
            [(1, paid(500)), (2, CardInserted(), "A"), (3, GameEnded(700))],
            700,
            id="the card was read again",
        ),
    ],
)
def test_a_handpay_is_taken_off_an_end_without_a_start_while_the_machine_may_be_locked_up(
    between: list[Occurrence], coin_out: int
) -> None:
    game: list[Occurrence] = [(0, CardInserted(), "A"), (0, start()), (0, GameEnded())]
    fold = rate((0, PAYTABLE), *game, *between)
    assert sum(tally.coin_out_cents for tally in fold.tallies.values()) == coin_out


def test_a_win_that_waits_for_its_value_is_taken_to_have_the_handpay_in_it() -> None:
    facts: list[Occurrence] = [
        (1, start(100)),
        (2, paid(1_200)),
        (3, GameEnded(win_credits=1_200)),
    ]
    assert uncarded(rate(*facts)).coin_out_cents == 0
    assert uncarded(rate(*facts, (4, PaytableReported(9_000, 1)))).coin_out_cents == 1_200
    assert uncarded(rate(*facts[:2], (3, GameEnded()))).coin_out_cents == 1_200


# --- gaps ----------------------------------------------------------------------------------------


def gaps(*halves: SlotData) -> list[tuple[int, int, int, bool]]:
    """Since and at (seconds), amount, and whether the machine said so."""
    notes: list[Note] = []
    fold = Fold(Carry(), House(day_of), notes)
    for second, data in enumerate([PaytableReported(9_000, 10), *halves, GameEnded()]):
        fold.feed(SlotEvent(str(second), second * 1000, second, None, data))
    found = [note for note in notes if isinstance(note, GapNote)]
    assert uncarded(fold).gaps == len(found)
    assert uncarded(fold).meter_difference_cents == sum(note.gap.amount_cents for note in found)
    return [
        (note.gap.since // 1000, note.at // 1000, note.gap.amount_cents, note.gap.is_overflow)
        for note in found
    ]


OVERFLOW = EventsOverflowed()


@pytest.mark.parametrize(
    ("halves", "found"),
    [
        pytest.param([start(100, 50), start(100, 60)], [], id="none"),
        pytest.param([start(100, 50), start(100, 85)], [(1, 2, 250, False)], id="games were lost"),
        pytest.param(
            [start(100, 50), OVERFLOW, start(100, 85)], [(1, 3, 250, True)], id="and it said so"
        ),
        pytest.param(
            [start(100, 50), OVERFLOW, start(100, 60)], [(1, 3, 0, True)], id="no game was lost"
        ),
        pytest.param([OVERFLOW, start(100, 60)], [(0, 2, 0, True)], id="no meter before"),
        pytest.param(
            [start(100, 99_999_995), start(100, 5)], [], id="the meter rolled over, no game lost"
        ),
        pytest.param(
            [start(100, 99_999_995), start(100, 30)],
            [(1, 2, 250, False)],
            id="the meter rolled over, games lost",
        ),
        pytest.param([start(100, 50_000_000), MetersReset(), start(100, 10)], [], id="a reset"),
        pytest.param(
            [start(100, 50_000_000), MetersReset(), start(100, 30)],
            [(2, 3, 200, False)],
            id="a reset, and games lost since",
        ),
        pytest.param(
            [start(100, 50_000_000), start(100, 10)],
            [(1, 2, 0, False)],
            id="a reset without a word is a gap, counted from 0",
        ),
        pytest.param(
            [start(100, 60), start(100, 50), start(100, 70)],
            [(1, 2, -200, False), (2, 3, 100, False)],
            id="a step back is disorder",
        ),
    ],
)
def test_gaps(halves: list[SlotData], found: list[Any]) -> None:
    assert gaps(*halves) == found


def test_the_fold_has_a_rule_for_every_type_that_a_record_has_first() -> None:
    assert fold_module._RULES.keys() == RATED_TYPES
