"""The use case of `reconcile_machines` on a floor's lake, and its handler."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import pytest

from export_games.service import hold_sums
from pitboss.gaming_day import GamingDays
from pitboss.lake.rated import GAMES, HOLDS, RECONCILIATIONS, summary_key
from pitboss.rating.hold import HoldSums
from pitboss.rating.reconciliation import Cause, Sight
from pitboss.stores.parquet import ParquetLake
from reconcile_machines import handler as door
from reconcile_machines import sql
from reconcile_machines.service import Notice, Summary, summarize
from tests import sample_events
from tests.floor_by_day import FloorByDay, MemoryLake, sights
from workbench.simulation import ODDITIES, FloorPlan, OddFloor, open_floor

pytestmark = pytest.mark.unit

DAY = "2026-01-15"
PLAN = FloorPlan(20, 15, 20, seed=5, oddities=frozenset(ODDITIES), faults=frozenset({"loss"}))


@pytest.fixture(scope="module")
def floor() -> OddFloor:
    made = open_floor(PLAN)
    assert isinstance(made, OddFloor)
    return made


@pytest.fixture(scope="module")
def played(floor: OddFloor) -> FloorByDay:
    return FloorByDay.of(floor)


@pytest.fixture(scope="module")
def refined(played: FloorByDay) -> MemoryLake:
    return played.in_lake()


class Told(NamedTuple):
    """What the day's first run left and said."""

    lake: MemoryLake
    summary: Summary
    notice: Notice | None


@pytest.fixture(scope="module")
def told(refined: MemoryLake, played: FloorByDay) -> Told:
    copy = MemoryLake()
    copy.bodies = dict(refined.bodies)
    with ParquetLake(copy, "north", 500) as tables:
        return Told(copy, *summarize(tables, "north", DAY, played.bounds(DAY)))


@pytest.fixture
def lake(refined: MemoryLake) -> MemoryLake:
    copy = MemoryLake()
    copy.bodies = dict(refined.bodies)
    return copy


@pytest.fixture
def tables(lake: MemoryLake) -> Iterator[ParquetLake]:
    with ParquetLake(lake, "north", 500) as opened:
        yield opened


def test_the_sql_sees_what_the_events_show(tables: ParquetLake, played: FloorByDay) -> None:
    """What shows nothing new is left out, so both are compared change by change."""
    found: dict[str, list[Sight]] = {}
    for asset_id, *shown in tables.rows(sql.sights(lambda table: tables.table(table, [DAY]))):
        found.setdefault(asset_id, []).append(Sight._make(shown))

    assert found.keys() == played.events.keys()
    for asset_id, events in played.events.items():
        assert list(news(found[asset_id])) == list(news(sights(events)))


def news(shown: Any) -> Iterator[Sight]:
    before: dict[str, Any] = {}
    for sight in shown:
        changed = {
            name: value
            for name in ("coin_in", "coin_out", "jackpot", "games")
            if (value := getattr(sight, name)) is not None and value != before.get(name)
        }
        before |= changed
        marks = sight.denomination_cents, sight.is_reset, sight.is_overflow, sight.unheard_since
        if changed or any(marks):
            yield Sight(sight.at, **changed)._replace(
                denomination_cents=marks[0],
                is_reset=marks[1],
                is_overflow=marks[2],
                unheard_since=marks[3],
            )


def test_every_machines_difference_is_explained_or_a_gap_and_losses_are_the_truths(
    told: Told, played: FloorByDay, floor: OddFloor
) -> None:
    summary = told.summary
    truth, ledger = floor.played.by_machine(DAY), floor.ledger.by_machine(DAY)
    heard = {asset_id: events[-1].occurred_at for asset_id, events in played.events.items()}
    compared = Counter[str]()
    for machine in summary.machines:
        for measure in (machine.coin_in, machine.coin_out, machine.games):
            assert measure.difference == sum(measure.explained.values()) + measure.gap
        lost_in_the_end = [
            lost
            for lost in floor.truth()["lost"]
            if lost["asset_id"] == machine.asset_id and lost["at"] > heard[machine.asset_id]
        ]
        if lost_in_the_end:  # nobody has heard of the machine since
            continue
        was, is_ = truth[machine.asset_id], ledger[machine.asset_id]
        assert machine.coin_in.lost == was.coin_in_cents - is_.coin_in_cents
        assert machine.coin_out.lost == was.coin_out_cents - is_.coin_out_cents
        assert machine.games.lost == (
            was.games + was.incomplete_games - is_.games - is_.incomplete_games
        )
        compared["machines"] += 1
        compared["lost"] += machine.coin_in.lost
        compared.update(machine.coin_in.explained.keys())
    assert compared["machines"] >= 18
    assert compared["lost"] > 0
    causes = {Cause.ROLL_OVER, Cause.RESET, Cause.SILENT_RESET, Cause.OVERFLOW}
    assert causes <= compared.keys()


def test_the_table_has_what_the_summary_says(told: Told) -> None:
    with ParquetLake(told.lake, "north", 500) as tables:
        rows = list(
            tables.rows(
                "SELECT measure, sum(metered), sum(rated), sum(difference), sum(gap), "
                "sum(roll_over + reset + silent_reset + day_end + unread + unfinished + overflow "
                f'+ "offline" + gap) FROM {tables.table(RECONCILIATIONS, [DAY])} '
                "GROUP BY measure ORDER BY measure"
            )
        )

    assert len(rows) == len(told.summary.totals)
    for measure, metered, rated, difference, gap, explained in rows:
        total = told.summary.totals[measure]
        assert (metered, rated, difference, gap) == (
            *(total.metered, total.rated, total.difference, total.gap),
        )
        assert explained == difference


def test_a_second_run_has_the_same_bytes_and_tells_nothing_again(
    lake: MemoryLake, told: Told, played: FloorByDay
) -> None:
    notified = told.summary.notified
    with ParquetLake(lake, "north", 500) as tables:
        again, silence = summarize(tables, "north", DAY, played.bounds(DAY), notified)

    assert told.notice is not None
    assert silence is None
    assert lake.bodies == told.lake.bodies
    assert msgspec.json.encode(again) == msgspec.json.encode(told.summary)


def test_other_findings_are_told_anew(tables: ParquetLake, told: Told, played: FloorByDay) -> None:
    first = told.summary
    tables.write(GAMES, DAY, [])

    other, notice = summarize(tables, "north", DAY, played.bounds(DAY), first.notified)

    assert notice is not None
    assert set(first.notified) < set(other.notified)


def test_games_that_are_archived_and_not_rated_are_found(
    tables: ParquetLake, played: FloorByDay
) -> None:
    asset_id = next(iter(played.events))
    rest = f"{tables.table(GAMES, [DAY])} WHERE asset_id <> '{asset_id}'"
    kept = list(tables.rows(f"SELECT * FROM {rest} ORDER BY asset_id, started_at"))
    tables.write(GAMES, DAY, kept)

    summary, _ = summarize(tables, "north", DAY, played.bounds(DAY))

    (machine,) = [one for one in summary.starts if one.is_unexplained]
    assert (machine.asset_id, machine.rated) == (asset_id, 0)
    assert f"starts {asset_id} {machine.archived} 0" in summary.findings


def test_a_message_is_short_and_says_how_to_look_and_names_no_player(
    told: Told, floor: OddFloor
) -> None:
    notice = told.notice

    assert notice is not None
    assert len(notice.subject) <= 100
    assert notice.subject.isascii()
    assert len(notice.text) < 1_000
    assert f"pitboss reconcile --property north --day {DAY}" in notice.text
    assert not [s for s in floor.played.sessions if s.player_id in notice.text]


# --- hold over days -------------------------------------------------------------------------------


def game(number: int, hold: int = 800) -> tuple[object, ...]:
    """A game of a dollar that pays nine dollars one time in ten: two points under a hold of 8 %."""
    win = 0 if number % 10 else 940
    return (
        *("7", "game", number * 10, number * 10 + 5, None, None, 0, "PT8", "G", hold),
        *(100, win, 0, 100 * hold, True),
    )


def write_games(tables: ParquetLake, day: str, rows: list[Any]) -> None:
    """A gaming day's games, and what hold is judged by."""
    tables.write(GAMES, day, rows)
    tables.write(HOLDS, day, tables.rows(hold_sums(tables.table(GAMES, [day]))))


def days_of(lake: MemoryLake, games: int, hold: int, *days: str) -> Summary:
    """The last day's summary; the days before have so many games each, as they were summed up."""
    sums = HoldSums()
    for number in range(10):
        win = 0 if number else 940
        sums.add(HoldSums.of(100, win, 100 * hold))
    _, _, *each = [games // 10 * value for value in msgspec.structs.astuple(sums)]
    with ParquetLake(lake, "north", 500) as tables:
        for day in days[:-1]:
            tables.write(HOLDS, day, [("7", 0, hold, "PT8", "G", games, *each)])
        write_games(tables, days[-1], [game(number, hold) for number in range(1_000)])
        return summarize(tables, "north", days[-1], (0, 10**12))[0]


def test_hold_is_judged_over_as_many_days_as_it_takes() -> None:
    summary = days_of(MemoryLake(), 60_000, 800, "2026-01-08", "2026-01-10", "2026-01-11", DAY)

    of_day, rolling = summary.hold_of_day.machines[0], summary.hold.machines[0]
    assert (of_day.games, of_day.since) == (1_000, DAY)
    assert (rolling.games, rolling.since) == (121_000, "2026-01-10"), "no more than it takes"
    assert (rolling.actual_hold, rolling.theoretical_hold) == (6.0, 8.0)
    assert rolling.points == -2.0
    assert not rolling.is_reported
    assert rolling.z == pytest.approx(of_day.z * 121**0.5, rel=1e-2)


def test_three_points_in_100000_games_need_a_person_though_no_day_has_as_many() -> None:
    summary = days_of(MemoryLake(), 99_000, 900, "2026-01-14", DAY)

    assert summary.hold_of_day.reported == 0
    assert summary.hold.reported == 1
    assert "hold 7 0 900 PT8" in summary.findings


def test_unrated_and_unfinished_games_are_not_judged() -> None:
    lake = MemoryLake()
    odd = [list(game(1)), list(game(2)), list(game(3))]
    odd[0][9], odd[1][3], odd[1][14] = None, None, False
    odd[2][1], odd[2][14] = "first_paytable", None
    with ParquetLake(lake, "north", 500) as tables:
        write_games(tables, DAY, [*odd, game(4), game(10)])
        rows = list(tables.rows(f"SELECT games, coin_in_cents FROM {tables.table(HOLDS, [DAY])}"))

    assert rows == [(2, 200)]


# --- the handler ----------------------------------------------------------------------------------


class StubWiring:
    def __init__(self, lake: MemoryLake) -> None:
        self.gaming_days = GamingDays.parse(f"*={PLAN.gaming_day}")
        self.lake = lake
        self.notices = self
        self.sent: list[tuple[str, str]] = []

    def publish(self, subject: str, text: str) -> None:
        self.sent.append((subject, text))


def test_the_handler_leaves_a_summary_and_tells_once(
    lake: MemoryLake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wiring = StubWiring(lake)
    monkeypatch.setattr(door, "_wiring", lambda: wiring)
    (sample,) = sample_events.load("reconcile_machines").values()
    event = {**sample, "gaming_day": DAY}

    answers = [door.handler(event, None) for _ in range(2)]

    summary = msgspec.json.decode(lake.get(summary_key("north", DAY)), type=Summary)
    assert answers[0] == answers[1]
    assert answers[0]["machines"] == len(summary.machines) == PLAN.machines
    assert answers[0]["machines_with_gaps"] > 0
    assert len(wiring.sent) == 1
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["NoticesSent"] for line in counted] == [[1.0], [0.0]]


class BreakingLake(MemoryLake):
    """One in which no summary can be written."""

    def put(self, key: str, body: bytes) -> None:
        if key == summary_key("north", DAY):
            raise ConnectionError
        super().put(key, body)


def test_a_message_is_never_lost_and_where_it_comes_again_it_is_the_same(
    lake: MemoryLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking = BreakingLake()
    breaking.bodies = lake.bodies
    wiring = StubWiring(breaking)
    monkeypatch.setattr(door, "_wiring", lambda: wiring)
    (sample,) = sample_events.load("reconcile_machines").values()

    with pytest.raises(ConnectionError):
        door.handler({**sample, "gaming_day": DAY}, None)
    wiring.lake = lake
    door.handler({**sample, "gaming_day": DAY}, None)

    told, again = wiring.sent
    assert again == told
    (name,) = msgspec.json.decode(lake.get(summary_key("north", DAY)), type=Summary).notified
    assert f"Message {name};" in told[1]


def test_a_day_without_anything_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = StubWiring(MemoryLake())
    monkeypatch.setattr(door, "_wiring", lambda: wiring)

    answer = door.handler({"property_id": "north", "gaming_day": "2001-01-01"}, None)

    assert answer == {"machines": 0, "machines_with_gaps": 0, "holds_reported": 0}
    assert wiring.sent == []


def test_a_floor_without_oddities_has_nothing_to_tell() -> None:
    plan = replace(PLAN, oddities=frozenset(), faults=frozenset(), machines=6, minutes=15)
    floor = FloorByDay.of(open_floor(plan))
    with ParquetLake(floor.in_lake(), "north", 500) as tables:
        summary, notice = summarize(tables, "north", DAY, floor.bounds(DAY))

    assert notice is None
    assert summary.findings == []
    assert {name: one.lost for name, one in summary.totals.items()} == {
        "coin_in": 0,
        "coin_out": 0,
        "games": 0,
    }
