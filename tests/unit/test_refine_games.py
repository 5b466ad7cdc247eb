"""Refining events of games: each once, in one table, by loads that can be repeated and resumed."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.events.batch import BatchHeader, pack_games
from pitboss.games.events import GameEvent
from pitboss.gaming_day import GamingDays
from pitboss.lake import layout
from pitboss.lake.layout import GAME, SLOT
from pitboss.lake.loads import FileState, Freshness, freshness, raw_states
from pitboss.lake.manifest import Counts, Manifest, Partition
from pitboss.lake.raw import write_game_lines
from pitboss.lake.tables import APPLICATION_EVENTS
from plan_refinement import handler as planner
from plan_refinement.service import LONGEST_RUN, Plan, Wanted, plan
from refine_events.service import RawObjectsGone, refine_partition
from tests.fakes.lake import START, MemoryLake, MemoryQuarantine

STUDIO = Partition("studio", "2020-06-15")
NOON = 1_592_222_400_000
DAYS = GamingDays.parse("*=UTC@00:00")


def event(number: int = 1, **changed: Any) -> GameEvent:
    said = GameEvent(
        *(f"e-{number}", NOON + number * 1_000, "level_started", "1.0", "1.2.3", "p-1", "L1"),
        *(1.5, -2.25, b'{"score":12345678901234567890,"who":{"a":[1,null]}}', False),
    )
    return replace(said, **changed)


def archive(
    lake: MemoryLake,
    events: Sequence[GameEvent],
    received_at: int = NOON,
    number: int = 1,
    partition: Partition = STUDIO,
    application_id: str = "race",
) -> str:
    """One raw object, as archiving writes it."""
    header = BatchHeader(partition.property_id, application_id, received_at, "server", "studio")
    record = pack_games(header, [b"{}"] * len(events), events)
    lines = write_game_lines(record, str(number)).lines
    name = f"games-shardId-000000000000-{number}-{number}.ndjson.zst"
    key = layout.raw_prefix(*partition, GAME) + name
    lake.put(key, zstandard.compress(b"".join(line for _, line in lines)))
    return key


def refine(lake: MemoryLake, partition: Partition = STUDIO) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        return refine_partition(
            *(partition, lake, MemoryQuarantine(), DAYS.day_of("studio"), Path(folder)),
            *(10**9, 10**9, GAME),
        )


def rows(lake: MemoryLake, table: str = "application_events") -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        for key in sorted(lake.content):
            if key.startswith(f"refined/{table}/"):
                path = Path(folder) / "part.parquet"
                path.write_bytes(lake.content[key])
                answer = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
                names = [column[0] for column in answer.description or ()]
                found += [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return found


def test_an_event_has_every_column_and_its_data_as_it_was_posted() -> None:
    lake = MemoryLake()
    bare = replace(event(2), app_version="", player_id=None, level_id=None, x=None, y=None)
    archive(lake, [event(), replace(bare, data=b"{}", is_trusted=True)], received_at=NOON + 7)

    manifest = refine(lake)

    first, second = rows(lake)
    assert first == {
        **{"event_id": "e-1", "application_id": "race", "event_type": "level_started"},
        **{"event_version": "1.0", "occurred_at": NOON + 1_000},
        **{"occurred": datetime(2020, 6, 15, 12, 0, 1), "received_at": NOON + 7},  # noqa: DTZ001
        **{"app_version": "1.2.3", "player_id": "p-1", "level_id": "L1", "x": 1.5, "y": -2.25},
        "data": '{"score":12345678901234567890,"who":{"a":[1,null]}}',
        **{"is_trusted": False, "sender": "server", "record": "1", "index": 0},
    }
    assert list(first) == [column.name for column in APPLICATION_EVENTS.columns]
    assert [second[name] for name in ("app_version", "player_id", "level_id", "x", "y")] == [
        *("", None, None),
        *(None, None),
    ]
    assert (second["data"], second["is_trusted"], second["index"]) == ("{}", True, 1)
    assert manifest.events == Counts(2, 2, 0, 0)
    assert manifest.newest_received_at == NOON + 7
    assert Manifest.from_json(lake.get(layout.manifest_key(*STUDIO, GAME))) == manifest
    assert layout.manifest_key(*STUDIO) not in lake.content  # the slots' own


def test_the_first_copy_stands_and_one_that_says_otherwise_is_kept_as_evidence() -> None:
    lake = MemoryLake()
    other = event(1, level_id="L2")
    archive(lake, [event(), event(), other], received_at=NOON + 5, number=2)
    archive(lake, [event()], received_at=NOON, number=1)
    archive(lake, [other], number=3, application_id="chase")

    manifest = refine(lake)

    assert [(row["application_id"], row["level_id"], row["record"]) for row in rows(lake)] == [
        ("chase", "L2", "3"),
        ("race", "L1", "1"),
    ]
    assert manifest.events == Counts(archived=5, unique=2, duplicate=2, conflicting=1)
    (aside,) = rows(lake, "application_quarantine")
    assert (aside["reason"], aside["stage"], aside["index"]) == ("id_reuse", "refine_events", 2)
    assert "event e-1 of race in record 2, 2," in aside["detail"]
    assert manifest.newest_received_at == NOON


def test_a_line_that_is_no_event_is_set_aside_and_the_others_stand() -> None:
    lake = MemoryLake()
    key = archive(lake, [event(1), event(2)])
    lines = zstandard.decompress(lake.content[key]).splitlines(keepends=True)
    lines.insert(1, b'{"received_at":1,"sender":"s","record":"1","index":0,"event":{}}\n')
    lake.put(key, zstandard.compress(b"".join(lines)))

    manifest = refine(lake)

    assert (manifest.events.unique, manifest.unreadable) == (2, 1)
    (aside,) = rows(lake, "application_quarantine")
    assert aside["reason"] == "unreadable_line"
    assert f"{key}, line 2" in aside["detail"]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_client_takes_no_id_of_a_servers_or_of_another_clients(seed: int) -> None:
    """Whatever p-2 sends, before or after: what others said stands as it would without it."""
    chance = Random(seed)
    others = [
        event(n, player_id=who, is_trusted=by_server)
        for n in range(3)
        for who, by_server in (("p-1", False), ("p-1", True), ("p-2", True), (None, True))
        if chance.random() < 0.7
    ] or [event(1)]
    both = list(others)
    for _ in range(4):
        own = event(chance.randrange(3), player_id="p-2", level_id=chance.choice("xy"))
        both.insert(chance.randint(0, len(both)), own)
    tables = []
    for said in (others, both):
        lake = MemoryLake()
        archive(lake, said)
        refine(lake)
        tables.append(
            [
                {name: value for name, value in row.items() if name != "index"}
                for row in rows(lake)
                if row["is_trusted"] or row["player_id"] != "p-2"
            ]
        )
    alone, among = tables
    assert among == alone
    ids = {(one.event_id, one.told_by) for one in others}
    assert len(alone) == len(ids)


class Broken(MemoryLake):
    """A lake that takes so many writes and then no more."""

    def __init__(self, content: dict[str, bytes], writes: int) -> None:
        super().__init__()
        for key, body in content.items():
            super().put(key, body)
        self.left = writes

    def put(self, key: str, body: bytes) -> None:
        self._write()
        super().put(key, body)

    def delete(self, key: str) -> None:
        self._write()
        super().delete(key)

    def _write(self) -> None:
        if not self.left:
            raise ConnectionError
        self.left -= 1

    def mended(self) -> MemoryLake:
        lake = MemoryLake()
        for key, body in self.content.items():
            lake.put(key, body)
        return lake


def planned(lake: MemoryLake, **wanted: Any) -> Plan:
    return plan(Wanted(family=GAME, **wanted), lake, MemoryQuarantine(), DAYS, NOON)


def test_a_load_that_broke_off_between_any_two_writes_is_resumed_to_the_same_bytes() -> None:
    """The first load of a day, and one that takes late events and leaves a table behind."""
    lake = MemoryLake()
    archive(lake, [event(1), event(1, level_id="L2")], number=1)
    refine(lake)
    del lake.content[layout.manifest_key(*STUDIO, GAME)]
    first = layout.raw_prefix(*STUDIO, GAME) + "games-shardId-000000000000-1-1.ndjson.zst"
    del lake.content[first]
    archive(lake, [event(2), event(3)], number=2)  # no conflict: that table goes
    whole = Broken(lake.content, 99)
    refine(whole)
    writes = 99 - whole.left
    assert writes == 3  # a table, what is left of another, the manifest

    for done in range(writes):
        broken = Broken(lake.content, done)
        with pytest.raises(ConnectionError):
            refine(broken)
        mended = broken.mended()
        assert planned(mended).partitions == [STUDIO], done
        refine(mended)
        assert mended.refined() == whole.refined(), done
        assert planned(mended) == Plan([], 0, 1)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_events_are_the_same_table_however_they_came(seed: int) -> None:
    chance = Random(seed)
    said = [event(number, player_id=f"p-{number % 3}") for number in range(8)]
    copies = [one for one in said for _ in range(chance.randint(1, 3))]
    lakes: list[MemoryLake] = []
    for _ in range(2):
        chance.shuffle(copies)
        lake = MemoryLake()
        half = chance.randint(0, len(copies) - 1)
        for number, part in enumerate((copies[:half], copies[half:]), 1):
            if part:
                archive(lake, part, number=number)
        lakes.append(lake)

    one, other = (refine(lake).events for lake in lakes)

    assert one == other == Counts(len(copies), 8, len(copies) - 8, 0)
    first, second = (
        [{k: v for k, v in row.items() if k not in ("record", "index")} for row in rows(lake)]
        for lake in lakes
    )
    assert first == second


def test_games_are_planned_and_refined_beside_slots_of_the_same_property_and_day() -> None:
    lake = MemoryLake()
    archive(lake, [event()])
    lake.put(layout.raw_prefix(*STUDIO) + "slots-shardId-0-1-1.ndjson.zst", b"x")

    assert planned(lake) == Plan([STUDIO], 0, 0)
    refine(lake)

    assert planned(lake) == Plan([], 0, 1)
    assert planned(lake, all=True).partitions == [STUDIO]
    slots = plan(Wanted(family=SLOT), lake, MemoryQuarantine(), DAYS, NOON)
    assert slots.partitions == [STUDIO]


def test_a_late_event_is_noticed_and_its_day_made_anew() -> None:
    lake = MemoryLake()
    archive(lake, [event(1)])
    refine(lake)
    lake.now += LONGEST_RUN * 2
    archive(lake, [event(2)], number=2)

    assert planned(lake).partitions == [STUDIO]
    assert refine(lake).events.unique == 2


def test_days_whose_tables_expire_are_left_alone_unless_asked_for() -> None:
    lake = MemoryLake()
    archive(lake, [event()])

    assert planned(lake, first_day="2020-06-15").partitions == [STUDIO]
    assert planned(lake, first_day="2020-06-16") == Plan([], 0, 0)
    assert planned(lake, first_day="2020-06-16", gaming_day="2020-06-15").partitions == [STUDIO]


def test_raw_objects_that_expired_take_no_refined_events_with_them() -> None:
    lake = MemoryLake()
    key = archive(lake, [event(1)], number=1)
    archive(lake, [event(2)], number=2)
    refine(lake)
    lake.delete(key)

    with pytest.raises(RawObjectsGone):
        refine(lake)


@pytest.mark.parametrize(
    ("asked", "families"),
    [({}, [SLOT, GAME]), ({"family": None}, [SLOT, GAME]), ({"family": "game"}, [GAME])],
)
def test_the_planner_names_families_and_keeps_within_what_a_run_takes(
    asked: dict[str, Any], families: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wiring:
        days = DAYS
        quarantine = MemoryQuarantine()
        lake = MemoryLake()
        game_days = 100_000

    archive(Wiring.lake, [event()])
    Wiring.lake.put(layout.raw_prefix(*STUDIO) + "slots-shardId-0-1-1.ndjson.zst", b"x")
    monkeypatch.setattr(planner, "_wiring", Wiring)

    answer = planner.handler(asked, None)
    assert [one["family"] for one in answer["partitions"]] == families
    monkeypatch.setattr(planner, "MAX_PARTITIONS", 1)
    few = planner.handler(asked, None)
    assert (len(few["partitions"]), few["left"]) == (1, len(families) - 1)

    Wiring.game_days = 184  # it is of 2020
    monkeypatch.setattr(planner, "MAX_PARTITIONS", 500)
    assert GAME not in [one["family"] for one in planner.handler(asked, None)["partitions"]]


# --- audit and freshness --------------------------------------------------------------------------


def test_a_manifest_is_held_against_the_raw_objects_there_are() -> None:
    lake = MemoryLake()
    first, second, third = (archive(lake, [event(n)], number=n) for n in (1, 2, 3))
    manifest = refine(lake)
    lake.delete(first)
    lake.put(second, b"another")
    fourth = archive(lake, [event(4)], number=4)

    there = [one.source for one in lake.listed(layout.raw_prefix(*STUDIO, GAME))]

    assert raw_states(manifest, there) == {
        **{first: FileState.GONE, second: FileState.CHANGED},
        **{third: FileState.AS_NAMED, fourth: FileState.NEW},
    }
    assert set(raw_states(None, there).values()) == {FileState.NEW}


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)


def test_freshness_is_of_the_newest_event_and_the_oldest_object_that_waits() -> None:
    lake = MemoryLake()
    now = at(START + timedelta(hours=1))
    assert freshness("studio", lake, now) == Freshness("studio", now, None, None, 0, None)
    archive(lake, [event(1)], received_at=NOON)
    archive(lake, [event(2)], received_at=NOON + 9, number=2)

    archived = at(START + timedelta(minutes=2))
    first = at(START + timedelta(minutes=1))
    assert freshness("studio", lake, now) == Freshness("studio", now, archived, None, 2, first)
    refine(lake)
    assert freshness("studio", lake, now) == Freshness(
        *("studio", now, archived, NOON + 9, 0, None)
    )

    tomorrow = Partition("studio", "2020-06-16")
    lake.now = START + timedelta(minutes=20)
    archive(lake, [event(3)], number=3, partition=tomorrow)
    waits = at(START + timedelta(minutes=21))
    assert freshness("studio", lake, now) == Freshness(*("studio", now, waits, NOON + 9, 1, waits))
    archive(lake, [event(4)], number=4)  # late, of the day that is refined
    assert freshness("studio", lake, now).waiting == 2
    assert freshness("studi", lake, now).newest_raw_at is None
    # What is older than a week is not looked at.
    later = at(datetime(2020, 6, 25, tzinfo=UTC))
    assert freshness("studio", lake, later) == Freshness("studio", later, None, None, 0, None)
