"""Refining a partition: each event once, whatever was sent, and the same bytes again."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.events.batch import BatchHeader, pack
from pitboss.events.envelope import read_envelope
from pitboss.events.quarantined import QuarantineEntry
from pitboss.gaming_day import GamingDays
from pitboss.lake import layout, tables
from pitboss.lake.manifest import Counts, Manifest, Partition
from pitboss.lake.raw import write_lines
from pitboss.stores.refinery import RefinedMeanwhile
from refine_events import engine, handler
from refine_events.engine import UnreadableArchive
from refine_events.service import (
    DISK_A_RAW_BYTE,
    PartitionTooLarge,
    RawObjectsGone,
    refine_partition,
)
from refine_events.settings import Settings
from tests import sample_events
from tests.contract.test_documents import EXAMPLES, example
from tests.fakes.lake import MemoryLake, MemoryQuarantine

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "functions", ROOT / "layers" / "common" / "python")

NORTH = Partition("north", "2020-06-15")
DAY_START = 1_592_226_000_000  # 06:00 in Los Angeles
DAYS = GamingDays.parse("*=America/Los_Angeles@06:00")

type Event = dict[str, Any]


def line(event: Event, received_at: int, record: int = 1, index: int = 0, **more: Any) -> bytes:
    fields = {"received_at": received_at, "sender": "gw-1", "format": "pitboss"}
    place = {"record": str(record), "index": index}
    return json.dumps({**fields, **place, "event": event, **more}).encode() + b"\n"


def archive(lake: MemoryLake, lines: Iterable[bytes], first: int = 1) -> str:
    """One raw object of the partition."""
    name = f"slots-shardId-000000000000-{first}-{first}.ndjson.zst"
    key = layout.raw_prefix(*NORTH) + name
    lake.put(key, zstandard.compress(b"".join(lines)))
    return key


def refine(
    lake: MemoryLake,
    quarantine: MemoryQuarantine | None = None,
    file_bytes: int = 10**9,
    room: int = 10**9,
) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        return refine_partition(
            NORTH,
            lake,
            quarantine or MemoryQuarantine(),
            DAYS.day_of("north"),
            Path(folder),
            file_bytes,
            room,
        )


def rows(lake: MemoryLake, table: str, tmp_path: Path) -> list[dict[str, Any]]:
    """A table's rows, in the order of its files."""
    paths = []
    for number, key in enumerate(sorted(lake.content)):
        if key.startswith(f"refined/{table}/"):
            path = tmp_path / f"{number:04}.parquet"
            path.write_bytes(lake.content[key])
            paths.append(str(path))
    if not paths:
        return []
    found = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [paths])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def game(number: int, **changed: Any) -> Event:
    return {
        "event_id": f"g-{number}",
        "event_type": "game.started",
        "schema_version": 1,
        "property_id": "north",
        "asset_id": "1940732",
        "occurred_at": DAY_START + number * 7_000,
        "sequence": number,
        "player_id": "p-81",
        "data": {"wager_cents": 100 + number},
        "meters": {"coin_in_credits": number},
        **changed,
    }


# --- a golden partition ---------------------------------------------------------------------------


def test_every_event_type_has_its_row_with_types_and_defaults(tmp_path: Path) -> None:
    lake = MemoryLake()
    events = [
        {**example(name), "event_id": f"e-{n}", "asset_id": "0001940732", "occurred_at": DAY_START}
        for n, name in enumerate(EXAMPLES)
    ]
    events.append({**example("door.opened"), "event_type": "jackpot.paired", "data": {"door": [1]}})
    events.append({**game(3), "schema_version": 2, "data": 7})
    archive(lake, [line(event, DAY_START + 5, index=n) for n, event in enumerate(events)])

    manifest = refine(lake)

    assert manifest.events == Counts(20, 20, 0, 0)
    (start,) = rows(lake, "game_events", tmp_path)[:1]
    assert (start["event_type"], start["wager_cents"], start["win_cents"]) == (
        *("game.started", 500),
        None,
    )
    assert (start["asset_id"], start["sender"], start["record"]) == ("1940732", "gw-1", "1")
    assert start["occurred"].isoformat() == "2020-06-15T13:00:00"
    assert (start["meter_coin_in_credits"], start["meter_games_won"]) == (7_500, None)
    (paytable,) = rows(lake, "paytable_events", tmp_path)
    assert (paytable["base_basis_points"], paytable["accounting_denomination_cents"]) == (9_674, 1)
    cash = {row["event_type"]: row for row in rows(lake, "cash_events", tmp_path)}
    assert cash["handpay.reported"]["partial_pay_cents"] == 0
    assert cash["bill.accepted"]["partial_pay_cents"] is None
    (meters,) = [row for row in rows(lake, "meter_events", tmp_path) if row["meters"]]
    assert meters["meters"] == {"TOTAL_COIN_IN_CREDITS": 7_500}
    machine = {row["event_type"]: row for row in rows(lake, "machine_events", tmp_path)}
    assert (machine["door.opened"]["door"], machine["door.opened"]["code"]) == ("belly", None)
    assert (machine["poll.answered"]["code"], machine["exception.raised"]["name"]) == (0x1A, "")
    assert len(rows(lake, "card_events", tmp_path)) == 2
    unknown = {
        row["event_type"]: row["data"] for row in rows(lake, "unrecognised_events", tmp_path)
    }
    assert unknown == {"jackpot.paired": '{"door":[1]}', "game.started": "7"}


def test_a_field_that_is_not_of_the_event_type_is_no_column(tmp_path: Path) -> None:
    lake = MemoryLake()
    odd = {"wager_cents": 5, "win_cents": 7, "game_number": "many", "Wager_Cents": 9}
    archive(lake, [line(game(1, data=odd), DAY_START)])

    refine(lake)

    (row,) = rows(lake, "game_events", tmp_path)
    assert (row["wager_cents"], row["win_cents"], row["game_number"]) == (5, None, None)


def test_the_first_to_arrive_stands(tmp_path: Path) -> None:
    lake = MemoryLake()
    archive(lake, [line(game(1), 20, 9, 0), line(game(1), 10, 10, 0)], 1)
    archive(lake, [line(game(1), 10, 9, 3), line(game(1), 10, 9, 2)], 2)

    manifest = refine(lake)

    (row,) = rows(lake, "game_events", tmp_path)
    assert (row["received_at"], row["record"], row["index"]) == (10, "9", 2)
    assert manifest.events == Counts(4, 1, 3, 0)


def test_a_copy_written_otherwise_is_a_duplicate_and_one_that_says_something_else_a_conflict(
    tmp_path: Path,
) -> None:
    lake = MemoryLake()
    bill = game(2, event_type="handpay.reported", data={"amount_cents": 5}, meters=None)
    spelled = {**bill, "asset_id": "001940732", "data": {"level": 0, "amount_cents": 5}}
    del spelled["meters"], spelled["schema_version"]
    reported = game(4, event_type="meters.reported", data={"meters": {"A": 1, "B": 2}})
    turned = {**reported, "data": {"meters": {"B": 2, "A": 1}}}
    other = game(1, data={"wager_cents": 1}, occurred_at=DAY_START + 7_001)
    events = [game(1), other, other, game(1), bill, spelled, reported, turned]
    archive(lake, [line(event, 100 + n) for n, event in enumerate(events)])

    manifest = refine(lake)

    assert manifest.events == Counts(8, 3, 3, 2)
    assert manifest.event_types["game.started"] == Counts(4, 1, 1, 2)
    assert manifest.quarantined == {"refine_events/id_reuse": 2}
    assert [row["wager_cents"] for row in rows(lake, "game_events", tmp_path)] == [101]
    aside = rows(lake, "quarantine", tmp_path)
    assert [(row["reason"], row["sender"], row["received_at"]) for row in aside] == [
        ("id_reuse", "gw-1", 101),
        ("id_reuse", "gw-1", 102),
    ]
    assert "event g-1 of 1940732" in aside[0]["detail"]


def test_the_same_id_in_another_page_of_device_time_is_another_event() -> None:
    lake = MemoryLake()
    archive(lake, [line(game(1), 1), line(game(1, occurred_at=DAY_START + 600_000), 2)])

    assert refine(lake).events == Counts(2, 2, 0, 0)


def test_what_the_archive_writes_is_read(tmp_path: Path) -> None:
    """Of envelopes over several lines, and of gateway packets."""
    from ingest_slot_events.reading import GATEWAY_PACKETS, format_of

    lake = MemoryLake()
    pretty = json.dumps(game(1), indent=1).encode()
    header = BatchHeader("north", "1940732", DAY_START, "gw-1", "pitboss")
    archive(
        lake,
        [
            row
            for _, row in write_lines(pack(header, [pretty], [read_envelope(pretty)[1]]), "7").lines
        ],
    )
    events = [format_of(GATEWAY_PACKETS).read(raw)[2] for raw in sample_events.PACKETS]
    header = BatchHeader("north", "1940732", DAY_START, "gw-1", "acres-sas")
    record = pack(header, sample_events.PACKETS, events)
    archive(lake, [row for _, row in write_lines(record, "8").lines], 8)

    manifest = refine(lake)

    assert manifest.events == Counts(5, 5, 0, 0)
    assert {row["wager_cents"] for row in rows(lake, "game_events", tmp_path)} >= {101, 500}


# --- lines that cannot be read --------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        b"junk",
        b'{"received_at": 1',
        b"7",
        b"{}",
        b'{"received_at":"x","sender":"a","record":"1","index":0,"event":{}}',
        line({**game(1), "occurred_at": None}, 1).strip(),
        line({**game(1), "event_id": "x"}, 1).strip().replace(b'"x"', b'"\\ud800"'),
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_no_event_is_counted_and_named(bad: bytes, tmp_path: Path) -> None:
    lake = MemoryLake()
    key = archive(lake, [line(game(1), 1), bad + b"\n", line(game(2), 2)])

    manifest = refine(lake)

    assert (manifest.unreadable, manifest.events) == (1, Counts(2, 2, 0, 0))
    (row,) = rows(lake, "quarantine", tmp_path)
    assert (row["reason"], row["stage"], row["index"]) == ("unreadable_line", "refine_events", 1)
    assert row["detail"].startswith(f"{key}, line 2: ")


def test_an_object_that_is_no_zstd_stops_the_partition() -> None:
    lake = MemoryLake()
    key = layout.raw_prefix(*NORTH) + "slots-shardId-0-1-1.ndjson.zst"
    lake.put(key, b"not compressed")

    with pytest.raises(UnreadableArchive, match=r"slots-shardId-0-1-1"):
        refine(lake)

    assert lake.refined() == {}


# --- the set of events, and nothing else, makes the bytes -----------------------------------------

_events = st.lists(
    st.builds(
        lambda number, minute, kind, text: game(
            number,
            event_id=f"{text}-{number}",
            occurred_at=DAY_START + minute * 60_000 + number,
            event_type=kind,
            data={"game.started": {"wager_cents": number}, "door.opened": {"door": text}}.get(
                kind, {}
            ),
        ),
        st.integers(0, 200),
        st.integers(0, 1_000),
        st.sampled_from(["game.started", "card.inserted", "door.opened", "new.kind"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda event: (event["event_id"], event["occurred_at"] // 300_000),
)


@settings(max_examples=10, deadline=None)
@given(_events, st.randoms(use_true_random=False), st.integers(1, 5))
def test_each_event_once_however_often_in_whatever_order_and_objects(
    events: list[Event], chance: random.Random, objects: int
) -> None:
    sent = []
    for number, event in enumerate(events):
        for copy in range(chance.randint(1, 4)):
            later = chance.randrange(3 * 86_400_000) if copy else 0
            sent.append(line(event, DAY_START + later, number * 10 + copy))
    made = []
    for cut in (1, objects):
        chance.shuffle(sent)
        lake = MemoryLake()
        for first in range(cut):
            archive(lake, sent[first::cut], first + 1)
        manifest = refine(lake)
        assert manifest.events == Counts(len(sent), len(events), len(sent) - len(events), 0)
        made.append({key: body for key, body in lake.refined().items() if "manifest" not in key})

    assert made[0] == made[1]
    before = lake.refined()
    assert refine(lake) == manifest
    assert lake.refined() == before
    with tempfile.TemporaryDirectory() as folder:
        ids = [
            (row["event_id"], row["occurred_at"])
            for table in tables.EVENT_TABLES
            for row in rows(lake, table.name, Path(folder))
        ]
    assert sorted(ids) == sorted((event["event_id"], event["occurred_at"]) for event in events)


def test_the_bytes_do_not_depend_on_threads_memory_or_the_order_of_objects(tmp_path: Path) -> None:
    """More rows than two of a Parquet file's row groups, so that several threads write."""
    encode = msgspec.json.Encoder().encode
    event = game(0)
    lines = [
        b'{"received_at":%d,"sender":"g","record":"%d","index":0,"event":%b}\n'
        % (n % 97, n, encode({**event, "event_id": f"g-{n % 250_000}", "sequence": n % 250_000}))
        for n in range(260_000)
    ]
    files = []
    for number in range(4):
        path = tmp_path / f"{number}.ndjson.zst"
        path.write_bytes(zstandard.compress(b"".join(lines[number::4])))
        files.append(engine.RawFile(path.name, path))

    def digests(threads: int, memory: int, order: int, file_bytes: int) -> list[tuple[str, str]]:
        with tempfile.TemporaryDirectory() as folder:
            made = engine.refine(
                files[::order],
                [],
                Path(folder),
                file_bytes=file_bytes,
                memory_megabytes=memory,
                threads=threads,
            )
            return [(p.path.name, p.sha256) for parts in made.tables.values() for p in parts]

    once = digests(1, 900, 1, 10**9)
    assert len(once) == 1
    assert digests(3, 500, -1, 10**9) == once
    parts = digests(1, 900, 1, 200_000)
    assert len(parts) > 1
    assert parts[0][0] == "game_events-001.parquet"
    assert digests(3, 900, -1, 200_000) == parts


def test_duckdb_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    path.write_bytes(zstandard.compress(b"".join(line(game(n), n) for n in range(10_000))))

    with pytest.raises(duckdb.OutOfMemoryException):
        engine.refine(
            [engine.RawFile(path.name, path)], [], tmp_path, file_bytes=10**9, memory_megabytes=1
        )


MEASURED = """
import re, sys
from pathlib import Path
from refine_events import engine

folder = Path(sys.argv[1])
raw = [engine.RawFile(path.name, path) for path in folder.glob("*.zst")]
made = engine.refine(raw, [], folder, file_bytes=10**9, memory_megabytes=int(sys.argv[2]))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(made.quarantined["refine_events/id_reuse"], peak)
"""


# Not `getrusage`, whose peak is the parent's too.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_memory_is_bounded_even_where_nearly_every_line_is_a_conflict(tmp_path: Path) -> None:
    """A sender whose ids begin again and again."""
    encode = msgspec.json.Encoder().encode
    with zstandard.open(tmp_path / "1.ndjson.zst", "wb") as file:
        for n in range(200_000):
            event = game(0, event_id=f"g-{n % 10_000}", sequence=n, data={"wager_cents": n})
            file.write(
                b'{"received_at":%d,"sender":"%b","record":"%d","index":0,"event":%b}\n'
                % (n, b"g" * 400, n, encode(event))
            )

    said = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path, "150"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    conflicts, peak_kilobytes = map(int, said.stdout.split())
    assert conflicts == 190_000
    assert peak_kilobytes < 320_000


# --- swapping in ----------------------------------------------------------------------------------


def test_at_every_moment_a_reader_sees_a_table_as_it_was_or_as_it_is(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    class Watched(MemoryLake):
        def put(self, key: str, body: bytes) -> None:
            self.look()
            super().put(key, body)
            self.look()

        def delete(self, key: str) -> None:
            super().delete(key)
            self.look()

        def look(self) -> None:
            games, doors = (
                rows(self, name, tmp_path) for name in ("game_events", "machine_events")
            )
            seen.append((len(games), len(doors)))

    lake = Watched()
    door = {"event_type": "door.opened", "data": {"door": "belly"}, "meters": None}
    first = archive(lake, [line(game(n), n) for n in range(3)] + [line(game(9, **door), 1)])
    refine(lake)
    lake.delete(layout.manifest_key(*NORTH))
    lake.delete(first)
    archive(lake, [line(game(n), n) for n in range(5)], 2)
    seen.clear()

    refine(lake)

    assert {games for games, _ in seen} == {3, 5}
    assert seen == sorted(seen, key=lambda counts: (counts[0], -counts[1]))
    assert seen[-1] == (5, 0)


def test_late_objects_are_merged_and_the_manifest_comes_last() -> None:
    lake = MemoryLake()
    first = archive(lake, [line(game(1), 1)], 1)
    refine(lake)
    late = archive(lake, [line(game(2), 2), line(game(1), 3)], 2)

    manifest = refine(lake)

    assert manifest.events == Counts(3, 2, 1, 0)
    assert [source.key for source in manifest.raw] == [first, late]
    assert lake.log[-1] == ("put", layout.manifest_key(*NORTH))
    assert lake.find(layout.manifest_key(*NORTH)) is not None
    assert Manifest.from_json(lake.content[layout.manifest_key(*NORTH)]) == manifest
    file = manifest.files["game_events"][0]
    assert (file.rows, file.size) == (2, len(lake.content[file.key]))


def test_what_a_former_run_wrote_and_this_one_did_not_is_deleted() -> None:
    lake = MemoryLake()
    archive(lake, [line(game(n), n) for n in range(2_000)])
    refine(lake, file_bytes=10_000)
    several = [key for key in lake.refined() if "/game_events/" in key]
    assert len(several) > 1

    refine(lake)

    assert [key for key in lake.refined() if "/game_events/" in key] == [
        layout.table_key("game_events", *NORTH)
    ]
    last_put = max(i for i, entry in enumerate(lake.log) if entry[1].endswith(".parquet"))
    assert all(lake.log.index(("delete", key)) <= last_put for key in several)
    assert lake.log[-1][1] == layout.manifest_key(*NORTH)


def test_of_two_runs_at_once_the_second_to_end_is_told_to_begin_again() -> None:
    class Overtaken(MemoryLake):
        def upload(self, path: Path, key: str) -> None:
            super().upload(path, key)
            self.put(layout.manifest_key(*NORTH), b"{}")

    lake = Overtaken()
    archive(lake, [line(game(1), 1)])

    with pytest.raises(RefinedMeanwhile):
        refine(lake)


def test_a_partition_that_the_disk_does_not_hold_is_named_and_left_as_it_was() -> None:
    lake = MemoryLake()
    raw = lake.content[archive(lake, [line(game(1), 1)])]

    with pytest.raises(PartitionTooLarge, match="north 2020-06-15 takes"):
        refine(lake, room=DISK_A_RAW_BYTE * len(raw) - 1)

    assert lake.refined() == {}
    assert refine(lake, room=DISK_A_RAW_BYTE * len(raw)).events.unique == 1


def test_raw_objects_that_are_gone_take_no_events_with_them() -> None:
    lake = MemoryLake()
    key = archive(lake, [line(game(1), 1)], 1)
    refine(lake)
    before = lake.refined()
    lake.delete(key)
    archive(lake, [line(game(2), 1)], 2)

    with pytest.raises(RawObjectsGone, match=key):
        refine(lake)

    assert lake.refined() == before


def test_quarantine_of_the_property_and_gaming_day_is_a_table(tmp_path: Path) -> None:
    def entry(received_at: int, property_id: str = "north", index: int = 0) -> QuarantineEntry:
        return QuarantineEntry.of(
            b"x",
            reason="malformed_json",
            detail="it's",
            stage="ingest_slot_events",
            property_id=property_id,
            sender="gw-2",
            received_at=received_at,
            index=index,
        )

    lake, quarantine = MemoryLake(), MemoryQuarantine()
    kept = quarantine.put([entry(DAY_START), entry(DAY_START - 1), entry(DAY_START + 5, index=4)])
    quarantine.put([entry(DAY_START + 86_400_000)])
    quarantine.put([entry(DAY_START + 9, "south")])
    quarantine.put([entry(DAY_START - 40 * 86_400_000)])

    manifest = refine(lake, quarantine)

    assert manifest.quarantined == {"ingest_slot_events/malformed_json": 2}
    assert [source.key for source in manifest.quarantine] == [kept]
    assert [tuple(row.values()) for row in rows(lake, "quarantine", tmp_path)] == [
        ("malformed_json", "it's", "ingest_slot_events", "gw-2", DAY_START, 0),
        ("malformed_json", "it's", "ingest_slot_events", "gw-2", DAY_START + 5, 4),
    ]
    assert manifest.events == Counts(0, 0, 0, 0)
    assert len(quarantine.reads) == 2  # of dates near the day, and this property's, alone


# --- the handler ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sample_events.load("refine_events"))
def test_the_handler_answers_with_counts(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = MemoryLake()
    archive(lake, [line(game(1), 1), line(game(1), 2), b"junk\n"])

    class Wiring:
        settings = Settings("lake", "quarantine", DAYS, 512, "us-east-1")
        quarantine = MemoryQuarantine()

    Wiring.lake = lake  # type: ignore[attr-defined]
    monkeypatch.setattr(handler, "_wiring", Wiring)

    answer = handler.handler(sample_events.load("refine_events")[case], None)

    family = "game" if case == "games" else "slot"
    names = ("archived", "unique", "duplicate", "conflicting", "unreadable")
    counts = dict(zip(names, (0,) * 5 if family == "game" else (2, 1, 1, 0, 1), strict=True))
    day = {"property_id": "north", "gaming_day": "2020-06-15", "family": family}
    assert answer == {**day, **counts}
    (metrics,) = capsys.readouterr().out.splitlines()
    assert json.loads(metrics)["EventsRefined"] == [counts["unique"]]
