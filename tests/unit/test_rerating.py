"""Paytables put right: which reports it takes, and what they make of the play."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.envelope import read_envelope
from pitboss.events.slot import (
    CardInserted,
    GameEnded,
    GameSelected,
    GameStarted,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating.fold import House, Paytable, SessionDay, Tally
from pitboss.stores.ratings import Asset
from rate_players.service import RatePlayers
from workbench import memory
from workbench.memory import MemoryRatings
from workbench.rerating import (
    MARK,
    Correction,
    Rerating,
    TooFarBackError,
    UnderCorrectionError,
    envelope,
    rated_anew,
    rerate,
)

START = 1_767_225_600_000
HOUR = 3_600_000
DAY = 4 * HOUR
"""A gaming day of the tests: short, so that a history of several is."""
NOW = START + 100 * DAY
MACHINE = Asset("north", "7")
HOUSE = House(lambda moment: f"day-{(moment - START) // DAY:03d}")


def event(second: int, data: SlotData, player: str | None = None, sequence: int = 1) -> SlotEvent:
    name = f"{second}-{sequence}-{type(data).__name__}"
    return SlotEvent(name, START + second * 1_000, sequence, player, data)


def game(second: int, wager: int = 100, player: str | None = None) -> list[SlotEvent]:
    return [
        event(second, GameStarted(wager), player),
        event(second + 1, GameEnded(win_cents=wager // 2), player),
    ]


def report(second: int, hold: int, denomination: int = 1, number: int = 0) -> SlotEvent:
    return event(second, PaytableReported(10_000 - hold, denomination, game_number=number))


class Floor:
    """One machine, rated as it is deployed."""

    def __init__(self, events: Sequence[SlotEvent]) -> None:
        self.ratings = MemoryRatings()
        self._rate = RatePlayers(self.ratings, lambda _: HOUSE, lambda _: None, lambda: NOW)
        self.send(events)

    def send(self, events: Sequence[SlotEvent]) -> None:
        header = BatchHeader(*MACHINE, START, "gateway-1", "pitboss")
        outcome = self._rate([SlotBatch(header, list(events), 0)])
        assert outcome.rated + outcome.duplicate == len(events)

    def plan(self, *corrections: Correction, days: tuple[int, int] = (0, 0)) -> Rerating:
        bounds = [START + day * DAY for day in range(days[0], days[1] + 2)]
        found = rerate(self.ratings, MACHINE, corrections, bounds, HOUSE, NOW)
        assert found is not None
        return found

    def mend(self, *corrections: Correction, days: tuple[int, int] = (0, 0)) -> Rerating:
        """Plan, send, and see that what was planned came about."""
        found = self.plan(*corrections, days=days)
        for events in found.in_turn():
            self.send(events)
        again = self.plan(*corrections, days=days)
        assert again.events == []
        assert {k: t for k, t in again.before.items() if t} == {
            k: t for k, t in found.after.items() if t
        }
        return found

    def theoretical(self) -> dict[str, int]:
        """By gaming day, as it is stored."""
        machine = self.ratings.machine(MACHINE)
        assert machine is not None
        days = [machine.today, *self.ratings.closed_days(MACHINE, 100)]
        return {day.day: day.tally.theoretical_win for day in days if day.tally}


HOLD_IS_9 = Correction("7", 0, 900, None)


def test_play_of_the_day_is_rated_by_what_should_have_been_reported() -> None:
    floor = Floor(
        [
            report(0, 500),
            *game(60),
            report(3_600, 500),
            *game(4_000),
            *game(DAY // 1_000 + 60),  # of the day after
        ]
    )

    made = floor.mend(HOLD_IS_9)

    assert floor.theoretical() == {"day-000": 2 * 100 * 900, "day-001": 100 * 500}
    assert [(e.occurred_at - START) // 1_000 for e in made.events] == [0, 3_600, DAY // 1_000]
    assert made.days() == [
        (
            "day-000",
            Tally(2, 0, 200, 100, 2 * 100 * 500),
            Tally(2, 0, 200, 100, 2 * 100 * 900),
        )
    ]


def test_what_was_in_force_before_the_day_is_put_right_for_the_day_alone() -> None:
    day = DAY // 1_000
    floor = Floor(
        [report(0, 500), *game(60), *game(day + 60), *game(2 * day + 60), *game(3 * day + 60)]
    )

    made = floor.mend(HOLD_IS_9, days=(1, 2))

    # One for each day that changes, so that the lake makes it anew, and the old one after.
    assert [(e.occurred_at - START) // DAY for e in made.events] == [1, 2, 3]
    assert floor.theoretical() == {
        "day-000": 100 * 500,
        "day-001": 100 * 900,
        "day-002": 100 * 900,
        "day-003": 100 * 500,
    }


def test_play_that_waited_for_the_first_report_is_rated_by_the_right_one() -> None:
    floor = Floor([*game(60), report(120, 500), *game(180)])

    floor.mend(HOLD_IS_9)

    assert floor.theoretical() == {"day-000": 2 * 100 * 900}


def test_a_denomination_changes_what_credits_were_worth() -> None:
    start, end = GameStarted(None, wager_credits=40), GameEnded(win_credits=10)
    floor = Floor([report(0, 500), event(60, start), event(61, end)])

    made = floor.mend(Correction("7", 0, None, 25))

    (day, before, after) = made.days()[0]
    assert (day, before.coin_in_cents, after.coin_in_cents) == ("day-000", 40, 1_000)
    assert (before.coin_out_cents, after.coin_out_cents) == (10, 250)
    assert after.theoretical_win == 1_000 * 500


def test_only_the_game_that_reported_wrong_is_put_right() -> None:
    floor = Floor(
        [
            report(0, 500),
            report(1, 600, number=3),
            *game(60),
            event(100, GameSelected(3)),
            *game(160),
        ]
    )

    floor.mend(Correction("7", 3, 900, None))

    assert floor.theoretical() == {"day-000": 100 * 500 + 100 * 900}


def test_what_is_right_already_takes_nothing() -> None:
    floor = Floor([report(0, 900), *game(60)])

    made = floor.plan(HOLD_IS_9)

    assert (made.events, made.changes, made.days()) == ([], {}, [])


def test_a_day_on_which_the_machine_said_nothing_takes_nothing() -> None:
    floor = Floor([report(0, 500), *game(60)])

    assert floor.plan(HOLD_IS_9, days=(2, 3)).events == []


def test_a_day_that_is_not_over_stays_open() -> None:
    floor = Floor([report(0, 500), *game(60)])
    span = (START, START + DAY)

    made = rerate(floor.ratings, MACHINE, [HOLD_IS_9], span, HOUSE, START + HOUR)

    assert made is not None
    assert made.open_ended
    assert [e.occurred_at for e in made.events] == [START]
    assert not floor.plan(HOLD_IS_9).open_ended


def test_it_can_be_corrected_again_and_taken_back() -> None:
    floor = Floor([*game(30), report(60, 500), *game(90), report(3_600, 500), *game(3_700)])
    first = floor.theoretical()

    floor.mend(HOLD_IS_9)
    floor.mend(Correction("7", 0, 700, None))
    assert floor.theoretical() == {"day-000": 3 * 100 * 700}
    floor.mend(Correction("7", 0, 500, None))

    assert floor.theoretical() == first


def test_what_was_posted_stays_and_is_corrected_beside() -> None:
    floor = Floor(
        [
            report(0, 500),
            event(30, CardInserted(), "anna"),
            *game(60, player="anna"),
            *game(DAY // 1_000 + 60),
        ]
    )

    made = floor.mend(HOLD_IS_9)

    (entry,) = floor.ratings.player_corrections("north", "anna", 10)
    assert entry.difference == Tally(theoretical_win=100 * 400)
    assert entry.causes[0] == f"paytable.reported at {START}"
    key = SessionDay("day-000", "anna", START + 30_000)
    assert made.changes == {key: Tally(theoretical_win=100 * 400)}
    (session,) = floor.ratings.player_sessions("north", "anna", 10)
    assert session.tally.theoretical_win == 100 * 900


def test_sessions_are_told_as_they_will_be() -> None:
    floor = Floor([report(0, 500), event(30, CardInserted(), "anna"), *game(60, player="anna")])
    sessions = floor.ratings.player_sessions("north", "anna", 10)

    made = floor.plan(HOLD_IS_9)

    assert [s.tally.theoretical_win for s in rated_anew(sessions, {"7": made})] == [100 * 900]
    assert rated_anew(sessions, {}) == sessions


def test_a_correcting_report_is_what_the_front_door_takes() -> None:
    floor = Floor([report(0, 500, 25), *game(60)])
    (event,) = floor.plan(HOLD_IS_9).events[:1]

    posted, read = read_envelope(envelope(event, "north", "7", "the par sheet was misread"))

    assert (posted.property_id, posted.asset_id) == ("north", "7")
    assert SlotEvent(*[getattr(read, name) for name in SlotEvent.__struct_fields__]) == event
    assert event.event_id.startswith(MARK)
    assert read.data == PaytableReported(9_100, 25)


def test_a_machine_never_heard_of_is_none() -> None:
    span = (START, START + DAY)
    assert rerate(MemoryRatings(), MACHINE, [HOLD_IS_9], span, HOUSE, NOW) is None


def test_no_further_back_than_late_events_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_HISTORY_PAGES", 2)
    floor = Floor([report(0, 500), *[e for n in range(6) for e in game(n * 600 + 60)]])

    with pytest.raises(TooFarBackError):
        floor.plan(HOLD_IS_9)


def test_not_while_a_long_correction_is_under_way() -> None:
    floor = Floor([report(0, 500), *game(60)])
    floor.ratings.heads([MACHINE])[MACHINE].stale_from = START

    with pytest.raises(UnderCorrectionError):
        floor.plan(HOLD_IS_9)


# --- any history ----------------------------------------------------------------------------------


class Said(NamedTuple):
    """A report, or a game (hold None)."""

    hold: int | None


moments = st.integers(0, 4 * DAY // 1_000 - 10)


@st.composite
def histories(draw: st.DrawFn) -> dict[int, Said]:
    """What happens at which second, two seconds apart at least."""
    seconds = draw(st.lists(moments.map(lambda s: s - s % 4), unique=True, min_size=1, max_size=25))
    holds = st.one_of(st.none(), st.sampled_from([300, 500, 900]))
    return {second: Said(draw(holds)) for second in sorted(seconds)}


def truth(happened: dict[int, Said], days: tuple[int, int], hold: int) -> dict[str, int]:
    """Theoretical win by gaming day where in these days every hold is another: one pass, no fold,
    no pages.
    """
    span = range(days[0] * DAY // 1_000, (days[1] + 1) * DAY // 1_000)
    total: dict[str, int] = {}
    reported: int | None = None
    waiting: list[int] = []
    for second, said in happened.items():
        if said.hold is None:
            if reported is None:
                waiting.append(second)
            else:
                add(total, second, hold if second in span else reported)
        else:
            reported = said.hold
            for earlier in waiting:
                add(total, earlier, hold if second in span else reported)
            waiting = []
    return total


def add(total: dict[str, int], second: int, hold: int) -> None:
    day = HOUSE.day_of(START + second * 1_000)
    total[day] = total.get(day, 0) + 100 * hold


@settings(max_examples=200)
@given(
    histories(),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda days: (min(days), max(days))),
    st.lists(st.sampled_from([300, 500, 700, 900]), min_size=1, max_size=3),
)
def test_any_history_is_rated_as_if_it_had_been_reported_right(
    happened: dict[int, Said], days: tuple[int, int], holds: list[int]
) -> None:
    events = [
        event
        for second, said in happened.items()
        for event in (game(second) if said.hold is None else [report(second, said.hold)])
    ]
    floor = Floor(events)

    for hold in holds:
        floor.mend(Correction("7", 0, hold, None), days=days)

    expected = {day: sum_ for day, sum_ in truth(happened, days, holds[-1]).items() if sum_}
    assert {day: sum_ for day, sum_ in floor.theoretical().items() if sum_} == expected


def test_a_correction_says_what_it_leaves() -> None:
    assert Correction("7", 0, None, 5).of(Paytable(800, 1)) == Paytable(800, 5)
    assert Correction("7", 0, 900, None).of(Paytable(800, 1)) == Paytable(900, 1)
