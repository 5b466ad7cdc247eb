"""Evidence against honest play: how often it is wrong, what it finds, and what it must not need."""

import random
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.anomalies.betting import Evidence, is_against
from pitboss.anomalies.cards import (
    KEPT_MINUTES,
    METRES_A_UNIT,
    TOGETHER_MS,
    CardDay,
    CardGame,
    asked_of,
    joined,
    metres_of,
)
from pitboss.anomalies.questions import (
    HONEST_SHARES,
    MOST_MULTIPLE,
    Question,
    is_even,
    is_quick,
    is_too_far,
    multiple,
)
from pitboss.anomalies.session import Played, SessionPlay, after_game
from pitboss.floor.plan import FloorPlan, Place

HELD = 1_767_225_600_000


@pytest.mark.parametrize("mean", [0.005, 0.05, 0.9])
def test_where_the_assumption_is_just_true_one_in_twenty_is_accused_at_most(mean: float) -> None:
    """Ville's inequality, at the worst honest play there is, looked at after each of 200 values."""
    chance = random.Random(7)
    sequences, accused = 1_000, 0
    for _ in range(sequences):
        evidence = Evidence()
        for _ in range(200):
            # Wins of a machine: a few large ones make up the mean.
            value = (
                chance.choice((0.0, 0.0, 3.6 * mean, 0.4 * mean))
                if mean > 0.5
                else float(chance.random() < mean)
            )
            evidence = evidence.after(value, mean)
        accused += is_against(evidence, 0.05)

    assert accused <= sequences * 0.05


def test_what_was_ever_held_stays_proof() -> None:
    evidence = Evidence()
    for _ in range(5):
        evidence = evidence.after(1.0, 0.01)
    proof = evidence.most
    for _ in range(500):
        evidence = evidence.after(0.0, 0.01)

    assert evidence.most == proof
    assert sum(evidence.held) < 1


@given(st.lists(st.floats(0, 1e6), max_size=60), st.floats(0.001, 1))
def test_what_is_held_is_a_number_whatever_comes(values: list[float], mean: float) -> None:
    evidence = Evidence()
    for value in values:
        evidence = evidence.after(value, mean)

    assert all(0 <= held <= 1e200 for held in evidence.held)
    assert 1 <= evidence.most <= 1e200


def game(at: int, **changed: int | float | None) -> Played:
    known: dict[str, int | float | None] = {
        "wager_cents": 100,
        "win_cents": 0,
        "base_basis_points": 9_000,
        "metered_cents": 100,
    }
    return Played(HELD + at, **known | changed)  # type: ignore[arg-type]


def starts(count: int) -> list[int]:
    """As a person plays: 3 to 12 s from game to game."""
    chance = random.Random(3)
    return list(accumulate(chance.randint(3_000, 12_000) for _ in range(count)))


def played(*games: Played) -> SessionPlay:
    play = SessionPlay()
    for one in games:
        play = after_game(play, one)
    return play


def test_a_program_is_told_by_its_pace_and_by_its_rhythm() -> None:
    person = starts(40)

    assert played(*map(game, person)).accused_of == []
    assert Question.PACE in played(*(game(start // 6) for start in person)).accused_of
    assert played(*(game(5_000 * n) for n in range(40))).accused_of == [Question.RHYTHM]


def test_wins_beyond_the_paytable_and_beyond_the_machines_own_share_are_told_apart() -> None:
    uneven = starts(120)
    paying = [game(at, win_cents=250) for at in uneven]
    often = [game(at, win_cents=50, hit_share=0.3) for at in uneven]

    assert played(*paying).accused_of == [Question.WINS]
    assert played(*often).accused_of == [Question.HITS]


def test_a_jackpot_accuses_nobody() -> None:
    assert multiple(1_000_000, 100) == MOST_MULTIPLE
    assert played(game(0, win_cents=1_000_000)).accused_of == []


def test_meters_that_move_by_something_else_are_told_from_one_packet_that_was_lost() -> None:
    uneven = starts(60)
    lost = [game(at, metered_cents=0 if n == 30 else 100) for n, at in enumerate(uneven)]
    lying = [game(at, metered_cents=100 if n % 4 else 50) for n, at in enumerate(uneven)]

    assert played(*lost).accused_of == []
    assert played(*lying).accused_of == [Question.METERS]


def test_what_is_not_known_is_not_asked() -> None:
    play = played(game(0, base_basis_points=None, metered_cents=None))

    assert play.evidence == {}


def test_a_game_that_comes_again_changes_nothing() -> None:
    play = played(game(0), game(9_000), game(15_000))

    assert after_game(play, game(9_000)) == play
    assert after_game(play, game(15_000, win_cents=500)) == play


def test_what_counts_as_a_yes() -> None:
    assert (is_quick(1_999), is_quick(2_000)) == (True, False)
    assert (is_even(5_099, 5_000), is_even(5_100, 5_000)) == (True, False)
    assert (is_too_far(31, 10), is_too_far(30, 10), is_too_far(1, -5)) == (True, False, True)
    assert set(HONEST_SHARES) | {Question.WINS, Question.HITS} == set(Question)


# --- a card at two places -------------------------------------------------------------------------


def metres(one: str, other: str) -> float | None:
    """Machines stand in a row, and are called by where; `?` is not in the plan."""
    return None if "?" in {one, other} else abs(float(one) - float(other))


def stay(place: str, begins: int, seconds: int, took_ms: int = 0) -> list[CardGame]:
    """A game every seven seconds, from so many seconds after `HELD`."""
    return [
        CardGame(place, HELD + 1_000 * at, took_ms) for at in range(begins, begins + seconds, 7)
    ]


def card(*games: list[CardGame]) -> CardDay:
    return joined(CardDay(), [one for some in games for one in some], metres)


def is_accused(*games: list[CardGame]) -> bool:
    return asked_of(card(*games), metres).proof is not None


def test_one_card_at_two_places_is_told_after_four_minutes() -> None:
    assert not is_accused(stay("0", 0, 180), stay("40", 3, 180))

    asked = asked_of(card(stay("0", 0, 300), stay("40", 3, 300)), metres)

    assert asked.proof is not None
    assert (asked.proof.metres, asked.minutes_until) == (40, 4)
    assert {asked.proof.from_asset_id, asked.proof.asset_id} == {"0", "40"}
    assert asked.proof.seconds < 13
    assert asked.odds_against >= 60_000


def test_what_is_no_proof_that_a_card_is_at_two_places() -> None:
    hour = 3_600
    assert not is_accused(stay("0", 0, hour), stay("5", 1, hour)), "neighbours"
    assert not is_accused(stay("0", 0, hour), stay("?", 3, hour)), "not in the plan"
    wrong = stay("40", 3, hour, TOGETHER_MS + 1)
    assert not is_accused(stay("0", 0, hour), wrong), "a clock that is behind"
    assert is_accused(stay("0", 0, hour), stay("40", 3, hour, TOGETHER_MS))
    walks = [stay(str(40 * (n % 2)), 90 * n, 70) for n in range(60)]
    assert not is_accused(*walks), "there and back, 20 s each"
    runs = [stay(str(40 * (n % 2)), 30 * n, 28) for n in range(60)]
    assert is_accused(*runs), "there and back, 2 s each"


shared = st.lists(
    st.builds(
        CardGame,
        st.sampled_from(["0", "9", "40"]),
        st.integers(HELD, HELD + 600_000),
        st.just(0),
    ),
    min_size=1,
    max_size=60,
)


@given(shared, st.randoms(use_true_random=False), st.integers(1, 20))
def test_a_cards_day_is_the_same_in_whatever_order_its_games_come_and_however_often(
    games: list[CardGame], chance: random.Random, size: int
) -> None:
    an_hour_before = -60 * KEPT_MINUTES
    before = card(stay("0", an_hour_before, 600), stay("40", an_hour_before + 3, 600))
    again = [*games, *games]
    chance.shuffle(again)
    day = before
    for first in range(0, len(again), size):
        day = joined(day, again[first : first + size], metres)

    assert day == joined(before, games, metres) != before
    assert joined(day, games, metres) == day


@given(shared)
def test_games_that_are_not_known_make_no_way_too_far(games: list[CardGame]) -> None:
    """Whoever is where they can have walked to is not accused for what was kept of it."""
    at = 0
    way: list[CardGame] = []
    for game in sorted(games, key=lambda one: one.started_at):
        far = abs(float(game.asset_id) - float(way[-1].asset_id)) if way else 0
        at = max(at + int(far * 1_000 / 3) + 1, game.started_at)
        way.append(game._replace(started_at=at))

    assert asked_of(card(way), metres).evidence.most == 1


def test_minutes_that_are_over_keep_what_they_said() -> None:
    hours = [stay("0", 0, 300), stay("40", 3, 300), stay("0", 2 * KEPT_MINUTES * 60, 60)]
    day = card(*hours)

    assert len(day.stays) == 1
    assert asked_of(day, metres).proof == asked_of(card(*hours[:2]), metres).proof is not None
    assert joined(day, stay("40", 300, 600), metres) == day, "too late"


def test_how_far_machines_are_is_what_the_plan_says() -> None:
    far = metres_of(FloorPlan([Place("7", 0, 0, "Main"), Place("8", 3, 4, "Main")]))

    assert far("7", "8") == far("8", "7") == pytest.approx(5 * METRES_A_UNIT)
    assert far("7", "9") is None
