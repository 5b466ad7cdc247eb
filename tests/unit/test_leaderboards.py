"""Leaderboards: what scores make of players, in whatever order they come."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.games.events import GameEvent
from pitboss.games.leaderboards import (
    MAX_VALUE,
    Best,
    Board,
    BoardFile,
    Brought,
    Entry,
    InvalidBoard,
    Milestone,
    Period,
    Rule,
    Score,
    Status,
    Term,
    Unscored,
    bring_in,
    is_period,
    place_of,
    placed,
    score_of,
    term,
    value_of,
    with_boards,
)
from pitboss.gaming_day import GamingDay

NOON = 1_592_308_800_000
"""2020-06-16, a Tuesday, 12:00 UTC."""
DAY = 86_400_000
DAYS = GamingDay.parse("UTC@06:00")

BOARD = Board("wins", "level_finished", Best.SUM, "won")
GOLD = Milestone("gold", 10, "badge-gold")


def event(**changed: Any) -> GameEvent:
    said = GameEvent("e-1", NOON, "level_finished", "1", "", "p-1", None, None, None, b"{}", True)
    return replace(said, **changed)


# --- rules ----------------------------------------------------------------------------------------


def test_a_file_of_boards_is_read() -> None:
    said = {
        "application": "race",
        "boards": [
            {
                "board": "fastest-lap",
                "event_type": "lap_finished",
                "field": "seconds",
                "best": "min",
                "decimals": 3,
                "period": "week",
                "milestones": [{"milestone": "minute", "at": 60_000, "gives": "badge"}],
            }
        ],
    }
    (board,) = msgspec.convert(said, BoardFile).boards

    assert (board.best, board.period, board.status) == (Best.MIN, Period.WEEK, Status.OPEN)
    assert board.milestones == (Milestone("minute", 60_000, "badge"),)


@pytest.mark.parametrize(
    ("board", "why"),
    [
        (replace(BOARD, best=Best.MAX, field=None), "names no field"),
        (replace(BOARD, best=Best.LATEST, milestones=(GOLD,)), "has no milestones"),
        (replace(BOARD, milestones=(GOLD, GOLD)), "two milestones"),
    ],
)
def test_rules_that_make_no_sense_are_refused(board: Board, why: str) -> None:
    with pytest.raises(InvalidBoard, match=why):
        with_boards({}, [board])


@pytest.mark.parametrize(
    "changed",
    [
        {"event_type": "else"},
        {"field": "else"},
        {"best": Best.MAX},
        {"period": Period.DAY},
        {"decimals": 2},
        {"milestones": ()},
        {"milestones": (replace(GOLD, at=9),)},
    ],
)
def test_what_scores_were_made_of_stays(changed: dict[str, Any]) -> None:
    known = with_boards({}, [replace(BOARD, milestones=(GOLD,))])
    with pytest.raises(InvalidBoard, match="stays"):
        with_boards(known, [replace(known["wins"], **changed)])


def test_names_status_and_further_milestones_may_change() -> None:
    known = with_boards({}, [replace(BOARD, milestones=(GOLD,))])
    silver = Milestone("silver", 5, "badge-silver")
    wanted = replace(BOARD, name="Wins", status=Status.CLOSED, milestones=(GOLD, silver))

    assert with_boards(known, [wanted]) == {"wins": wanted}


def test_an_application_has_so_many_boards() -> None:
    many = [replace(BOARD, board=f"b-{n}") for n in range(101)]
    assert len(with_boards({}, many[:100])) == 100
    with pytest.raises(InvalidBoard, match="more than 100"):
        with_boards({}, many)


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [
        ("61.25", 3, 61_250),
        ("61.2504", 3, 61_250),
        ("0.5", 0, 0),  # half to even
        ("1.5", 0, 2),
        ("-7", 0, -7),
        ("1e3", 0, 1_000),
        ("1e-400", 3, 0),
        (str(MAX_VALUE), 0, MAX_VALUE),
        (str(MAX_VALUE + 1), 0, None),
        (str(MAX_VALUE), 1, None),
        ("1e999999999999999999999", 0, None),
        ('"7"', 0, None),
        ("true", 0, None),
        ("null", 0, None),
        ("[7]", 0, None),
    ],
)
def test_a_number_is_taken_in_units_of_the_last_decimal(
    text: str, decimals: int, value: int | None
) -> None:
    assert value_of(f'{{"won":{text}}}'.encode(), "won", decimals) == value


def test_a_field_that_is_not_there_is_no_score() -> None:
    assert value_of(b'{"lost":1}', "won", 0) is None


@pytest.mark.parametrize(
    ("said", "board", "why"),
    [
        (event(is_trusted=False), BOARD, Unscored.UNTRUSTED),
        (event(player_id=None), BOARD, Unscored.NO_PLAYER),
        (event(), BOARD, Unscored.NO_VALUE),
        (event(data=b'{"won":-1}'), BOARD, Unscored.NO_VALUE),
    ],
)
def test_what_is_no_score(said: GameEvent, board: Board, why: Unscored) -> None:
    assert score_of(board, said, lambda _: Term("all-time", None)) is why


def test_a_score_is_known_by_its_event() -> None:
    board = replace(BOARD, period=Period.DAY)
    found = score_of(board, event(data=b'{"won":3}'), lambda at: term(board.period, DAYS, at))
    counted = score_of(replace(board, field=None), event(), lambda _: Term("all-time", None))

    assert found == Score("p-1", "2020-06-16", NOON + 18 * 3_600_000, 3, NOON, "e-1")
    assert isinstance(counted, Score)
    assert counted.value == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60 * DAY), st.sampled_from(["UTC@06:00", "Europe/Vienna@03:00"]))
def test_a_moment_is_in_its_period_and_not_in_the_next(after: int, rule: str) -> None:
    days, at = GamingDay.parse(rule), NOON + 130 * DAY + after  # over a change of the clocks
    for period in (Period.DAY, Period.WEEK):
        key, until = term(period, days, at)
        assert until is not None
        assert at < until
        assert is_period(period, key)
        assert term(period, days, until - 1).key == key != term(period, days, until).key


@pytest.mark.parametrize(
    ("period", "key"),
    [
        (Period.ALL_TIME, "2020-06-16"),
        (Period.DAY, "all-time"),
        (Period.DAY, "20200616"),
        (Period.WEEK, "2020-W54"),
        (Period.WEEK, "2020-W1"),
        (Period.WEEK, "2020"),
    ],
)
def test_a_key_of_another_kind_is_no_period(period: Period, key: str) -> None:
    assert not is_period(period, key)


# --- what is kept of a player ---------------------------------------------------------------------

SCORES = st.lists(
    st.builds(
        lambda number, value, at: Score("p-1", "all-time", None, value, at, f"e-{number}"),
        st.integers(0, 12),
        st.integers(0, 6),
        st.integers(NOON, NOON + 4),
    ),
    unique_by=lambda score: score.event_id,
    min_size=1,
)
MILESTONES = (GOLD, Milestone("start", 1, "hat"), Milestone("some", 4, "coat"))


def kept(rule: Rule, batches: list[list[Score]]) -> tuple[Entry, list[str]]:
    """What is kept after these batches, marks of a sum with it; and what was given, in all."""
    entry: Entry | None = None
    marks: frozenset[str] = frozenset()
    given_: list[str] = []
    for batch in batches:
        brought = bring_in(rule, entry, batch, marks)
        if brought is not None:
            entry = brought.entry
            marks |= {*brought.events}
            given_ += [one.milestone for one in brought.granted]
    assert entry is not None
    return entry, given_


@pytest.mark.parametrize("best", Best)
@settings(max_examples=30, deadline=None)
@given(scores=SCORES, chance=st.randoms(use_true_random=False))
def test_a_player_is_what_the_set_of_their_scores_makes(
    best: Best, scores: list[Score], chance: random.Random
) -> None:
    rule = Rule("wins", best, () if best is Best.LATEST else MILESTONES)
    once, first = kept(rule, [[score] for score in scores])

    again = scores * 2
    chance.shuffle(again)
    cuts = sorted(chance.randrange(len(again) + 1) for _ in range(3))
    batches = [again[a:b] for a, b in zip([0, *cuts], [*cuts, len(again)], strict=True)]
    entry, second = kept(rule, batches)

    assert (entry.value, entry.at) == (once.value, once.at)
    assert sorted(first) == sorted(second) == sorted(entry.granted) == sorted(set(first))
    values = [score.value for score in scores]
    match best:
        case Best.SUM:
            assert entry.value == sum(values)
        case Best.MAX:
            assert entry.value == max(values)
        case Best.MIN:
            assert entry.value == min(values)
        case Best.LATEST:
            newest = max(score.at for score in scores)
            assert entry.value == max(score.value for score in scores if score.at == newest)
    if best is not Best.LATEST:
        reached = [
            one.milestone
            for one in MILESTONES
            if (entry.value <= one.at if best is Best.MIN else entry.value >= one.at)
        ]
        assert sorted(first) == sorted(reached)


def test_of_equal_scores_the_earlier_one_stands() -> None:
    rule = Rule("best", Best.MAX)
    early = Score("p-1", "all-time", None, 7, NOON, "e-1")
    late = replace(early, at=NOON + 1, event_id="e-2")

    assert bring_in(rule, Entry(7, NOON), [late]) is None
    assert bring_in(rule, Entry(7, NOON + 1), [early]) == Brought(Entry(7, NOON), (), ())


def test_a_milestone_that_is_registered_later_comes_with_the_next_score() -> None:
    rule = Rule("wins", Best.SUM, (GOLD,))
    score = Score("p-1", "all-time", None, 0, NOON, "e-9")
    brought = bring_in(rule, Entry(50, NOON), [score])

    assert brought is not None
    assert (brought.entry.value, brought.granted) == (50, (GOLD,))


# --- the order of a board -------------------------------------------------------------------------


@pytest.mark.parametrize("best", Best)
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5) | st.integers(-(10**18), 10**18), st.integers(0, 3))))
def test_places_are_in_the_boards_order(best: Best, entries: list[tuple[int, int]]) -> None:
    players = [(value, at, f"p-{n:04d}") for n, (value, at) in enumerate(entries)]
    places = sorted(place_of(best, Entry(value, at), player) for value, at, player in players)
    sign = 1 if best is Best.MIN else -1

    found = [placed(best, place) for place in places]
    expected = sorted(players, key=lambda one: (sign * one[0], one[1], one[2]))
    assert [(one.value, one.at, one.player_id) for one in found] == expected
