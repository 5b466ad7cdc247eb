"""Keeping batches: few objects, the same bytes for the same batch, and nothing left out."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
import zstandard

from archive_events import handler as lambda_handler
from archive_events import service
from archive_events.service import (
    ArchiveEvents,
    DeliveredRecord,
    Outcome,
    UnreadableLine,
)
from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.envelope import read_envelope
from pitboss.events.slot import GameStarted, MeteredEvent
from pitboss.gaming_day import GamingDays
from pitboss.lake.layout import read_raw_key
from pitboss.lake.raw import RawLine, read_line
from pitboss.sas.gateway import read_packet
from tests import sample_events
from tests.sample_events import (
    GAME_ON_ANOTHER,
    MONDAY_EVENING,
    PACKETS,
    PLAY,
    delivered,
    packets_record,
    stream_record,
)

DAYS = GamingDays.parse("*=America/Los_Angeles@06:00,east=America/New_York@06:00")
RECEIVED_AT = MONDAY_EVENING + 25_000
HOUR = 3_600_000
GOOD = stream_record(PLAY)
POISON = [b"", b"not one of ours", GOOD[:-7], b"PB\x63" + GOOD[3:]]


class MemoryLake:
    """Keeps objects; as many calls as `faults` says fail first."""

    def __init__(self, faults: int = 0) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults = faults

    def put(self, key: str, body: bytes) -> None:
        if self.faults:
            self.faults -= 1
            raise OSError("slow down")
        self.objects[key] = body

    def lines(self, prefix: str = "raw/") -> list[bytes]:
        return [
            line
            for key, body in sorted(self.objects.items())
            if key.startswith(prefix)
            for line in unpacked(body).splitlines()
        ]

    def events(self) -> list[RawLine]:
        return [read_line(line) for line in self.lines("raw/slot/")]


def unpacked(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read()


def archive(lake: MemoryLake, records: Sequence[bytes], first: int = 0, **options: Any) -> Outcome:
    """Keep a batch whose records are numbered from `first`."""
    return ArchiveEvents(lake, DAYS.day_of, **options)(
        "slots",
        "shardId-000000000000",
        [
            DeliveredRecord(str(first + n), base64.b64encode(record).decode(), RECEIVED_AT)
            for n, record in enumerate(records)
        ],
    )


def record_of(moments: Iterable[int], property_id: str = "north", asset: str = "7") -> bytes:
    """A game started at each of these moments."""
    posted = [
        json.dumps(
            {
                "event_id": f"e-{moment}",
                "event_type": "game.started",
                "property_id": property_id,
                "asset_id": asset,
                "occurred_at": moment,
                "sequence": 1,
                "data": {"wager_cents": 5},
            },
            indent=moment % 3 or None,
        ).encode()
        for moment in moments
    ]
    header = BatchHeader(property_id, asset, RECEIVED_AT, "gateway-1", "pitboss")
    return pack(header, posted, [read_envelope(one)[1] for one in posted])


# --- what is kept ---------------------------------------------------------------------------------


def test_a_batch_of_one_day_is_one_object_and_every_byte_is_in_it() -> None:
    lake = MemoryLake()

    outcome = archive(lake, [GOOD, packets_record(), stream_record(GAME_ON_ANOTHER)], first=100)

    (key,) = lake.objects
    assert key == (
        "raw/slot/property=north/day=2020-06-15/slots-shardId-000000000000-100-102.ndjson.zst"
    )
    posted = [*map(dump, PLAY), *PACKETS, *map(dump, GAME_ON_ANOTHER)]
    assert [line.posted for line in lake.events()] == posted
    assert [(line.record, line.index) for line in lake.events()] == [
        *(("100", n) for n in range(7)),
        *(("101", n) for n in range(4)),
        *(("102", n) for n in range(2)),
    ]
    assert {(line.received_at, line.sender) for line in lake.events()} == {
        (RECEIVED_AT, "gateway-1")
    }
    stored = len(lake.objects[key])
    assert outcome == Outcome(3, 0, 13, sum(map(len, posted)), stored, 1)


def dump(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def test_events_lie_under_their_property_and_its_gaming_day() -> None:
    lake = MemoryLake()
    # Los Angeles turns the day at 13:00 UTC, New York at 10:00.
    noon = 1_592_308_800_000
    moments = [noon - 3 * HOUR, noon, noon + 3 * HOUR]

    archive(lake, [record_of(moments), record_of(moments, "east"), record_of(moments[::-1])])

    found = Counter(
        (kept.property_id, kept.day, read_envelope(read_line(line).event)[0].occurred_at)
        for key, body in lake.objects.items()
        if (kept := read_raw_key(key))
        for line in unpacked(body).splitlines()
    )
    assert found == {
        ("north", "2020-06-15", moments[0]): 2,
        ("north", "2020-06-15", moments[1]): 2,
        ("north", "2020-06-16", moments[2]): 2,
        ("east", "2020-06-15", moments[0]): 1,
        ("east", "2020-06-16", moments[1]): 1,
        ("east", "2020-06-16", moments[2]): 1,
    }
    assert len(lake.objects) == 4


def test_a_record_without_events_makes_no_object() -> None:
    lake = MemoryLake()

    outcome = archive(lake, [pack(BatchHeader("north", "7", 0, "g", "pitboss"), [], [])])

    assert (lake.objects, outcome) == ({}, Outcome(1))


def test_more_days_than_are_open_at_a_time_are_kept_in_full() -> None:
    days = [[MONDAY_EVENING + day * 24 * HOUR + n for day in range(5)] for n in range(20)]
    few, many = MemoryLake(), MemoryLake()

    archive(few, [record_of(moments) for moments in days], max_open=2)
    archive(many, [record_of(moments) for moments in days])

    assert len(few.objects) == 5
    assert {key: unpacked(body) for key, body in few.objects.items()} == {
        key: unpacked(body) for key, body in many.objects.items()
    }
    assert few.lines() == many.lines() != []


# --- what comes again -----------------------------------------------------------------------------


def test_a_batch_that_comes_again_overwrites_itself_with_the_same_bytes() -> None:
    records = [GOOD, record_of([MONDAY_EVENING - 24 * HOUR]), POISON[1], packets_record()]
    lake, again = MemoryLake(), MemoryLake()
    archive(lake, records)
    archive(again, records)
    before = dict(lake.objects)

    archive(lake, records)

    assert len(before) == 3
    assert lake.objects == before == again.objects


def test_a_store_that_fails_half_way_is_written_in_full_when_the_batch_comes_again() -> None:
    records = [GOOD, record_of([MONDAY_EVENING - 24 * HOUR])]
    whole = MemoryLake()
    archive(whole, records)
    lake = MemoryLake(faults=1)

    with pytest.raises(OSError, match="slow down"):
        archive(lake, records)
    archive(lake, records)

    assert lake.objects == whole.objects


def test_a_batch_that_is_cut_otherwise_gives_the_same_events_and_some_twice() -> None:
    records = [record_of([MONDAY_EVENING + n]) for n in range(10)]
    lake, once = MemoryLake(), MemoryLake()
    archive(once, records)

    archive(lake, records[:6])
    archive(lake, records[4:], first=4)

    found = Counter(lake.lines())
    assert found.keys() == set(once.lines())
    assert sorted(found.values()) == [1] * 8 + [2] * 2
    # What is twice says of itself that it is: the same record, the same place in it.
    assert len({(line.record, line.index) for line in lake.events()}) == 10


# --- what cannot be read --------------------------------------------------------------------------


def test_a_record_that_cannot_be_read_is_kept_as_it_was_delivered() -> None:
    lake = MemoryLake()

    outcome = archive(lake, [POISON[0], GOOD, *POISON[1:]])

    assert (outcome.records, outcome.unreadable, outcome.events) == (5, 4, 7)
    key = "raw/unreadable/day=2020-06-16/slots-shardId-000000000000-0-4.ndjson.zst"
    kept = [
        msgspec.json.decode(line, type=UnreadableLine)
        for line in unpacked(lake.objects[key]).splitlines()
    ]
    assert [base64.b64decode(line.data) for line in kept] == POISON
    assert [line.record for line in kept] == ["0", "2", "3", "4"]
    assert {line.arrived_at for line in kept} == {RECEIVED_AT}
    assert kept[0].detail == "UnreadableRecord: a record of 0 bytes is too short"
    assert len(lake.objects) == outcome.objects == 2


def test_an_event_of_no_calendar_does_not_hold_up_the_shard() -> None:
    lake = MemoryLake()
    header = BatchHeader("north", "7", RECEIVED_AT, "gateway-1", "pitboss")
    beyond = pack(header, [b"{}"], [MeteredEvent("x", 2**62, 1, None, GameStarted(100))])

    outcome = archive(lake, [beyond, GOOD])

    assert (outcome.unreadable, outcome.events) == (1, 7)


def test_what_is_no_base64_is_kept() -> None:
    lake = MemoryLake()
    ArchiveEvents(lake, DAYS.day_of)("s", "shardId-0", [DeliveredRecord("1", "no base64!", 0)])

    (line,) = lake.lines("raw/unreadable/day=1970-01-01/")
    assert msgspec.json.decode(line)["data"] == "no base64!"


def test_a_release_that_cannot_read_sets_nothing_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bad deploy")

    lake = MemoryLake()
    monkeypatch.setattr(service, "write_lines", broken)
    with pytest.raises(BrokenReleaseError, match="a known record"):
        archive(lake, [GOOD])
    monkeypatch.undo()
    monkeypatch.setattr("pitboss.lake.raw._received", lambda raw, is_json: b'"received":{}')
    with pytest.raises(BrokenReleaseError):
        archive(lake, [GOOD, POISON[0]])

    assert lake.objects == {}


def test_running_out_of_memory_blames_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(service, "write_lines", full)
    with pytest.raises(MemoryError):
        archive(MemoryLake(), [GOOD])


# --- bounds ---------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_what_a_batch_unpacks_to() -> None:
    """150 MB of lines from records that pack to next to nothing."""
    import tracemalloc

    blank = PLAY[2]["event_id"].encode() + b" " * 500_000
    posted = dump(PLAY[2])[:-1] + b', "note": "' + blank + b'"}'
    record = pack(
        BatchHeader("north", "1940732", RECEIVED_AT, "gateway-1", "pitboss"),
        [posted],
        [read_envelope(posted)[1]],
    )
    tracemalloc.start()
    try:
        outcome = archive(MemoryLake(), [record] * 300)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome.bytes_received > 150_000_000
    assert peak < 20_000_000


# --- games ----------------------------------------------------------------------------------------


def test_records_of_the_game_stream_are_kept_beside_the_slots() -> None:
    from tests.sample_events import GAME_PLAY, game_record

    lake = MemoryLake()
    service_ = ArchiveEvents(lake, DAYS.day_of, game_stream="games")
    batch = [
        DeliveredRecord(str(n), base64.b64encode(one).decode(), RECEIVED_AT)
        for n, one in enumerate([game_record(), GOOD])
    ]

    outcome = service_("games", "shardId-000000000000", batch)
    service_("slots", "shardId-000000000000", batch[::-1])

    assert (outcome.events, outcome.unreadable) == (3, 1), "a slot's record is no game's"
    kept = [read_line(line) for line in lake.lines("raw/game/")]
    assert [json.loads(one.posted) for one in kept] == GAME_PLAY
    assert [json.loads(bytes(one.event)) for one in kept][1] == {
        "event_id": "g-2",
        "event_type": "player_died",
        "event_version": "1.0",
        "property_id": "north",
        "application_id": "space-race",
        "occurred_at": MONDAY_EVENING + 2_000,
        "is_trusted": True,
        "app_version": "2.4.1",
        "player_id": "player-7",
        "level_id": "nebula",
        "position_x": 12.5,
        "position_y": -3.0,
        "data": {"caught_by": "meteor", "caught_at": "gate"},
    }
    keys = sorted(key for key in lake.objects if "/unreadable/" not in key)
    assert [(read.family, read.day) for key in keys if (read := read_raw_key(key))] == [
        ("game", "2020-06-15"),
        ("slot", "2020-06-15"),
    ]
    assert len(lake.lines("raw/unreadable/")) == 2


def test_a_release_that_cannot_read_games_keeps_none_of_them_as_unreadable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.sample_events import game_record

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(service, "write_game_lines", broken)
    record = DeliveredRecord("1", base64.b64encode(game_record()).decode(), RECEIVED_AT)
    with pytest.raises(BrokenReleaseError):
        ArchiveEvents(MemoryLake(), DAYS.day_of, game_stream="games")("games", "s", [record])


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> MemoryLake:
    kept = MemoryLake()
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: ArchiveEvents(kept, DAYS.day_of))
    return kept


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    metrics: dict[str, int] = {}
    for line in capsys.readouterr().out.splitlines():
        found = json.loads(line)
        for directive in found.get("_aws", {}).get("CloudWatchMetrics", ()):
            metrics |= {m["Name"]: found[m["Name"]][0] for m in directive["Metrics"]}
    return metrics


SAMPLES = {"play": (2, 0, 9), "packets_and_poison": (3, 1, 11)}
"""Records, unreadable ones, events."""


@pytest.mark.parametrize("case", sample_events.load("archive_events"))
def test_every_sample_event_is_kept(
    case: str, lake: MemoryLake, capsys: pytest.CaptureFixture[str]
) -> None:
    records, unreadable, events = SAMPLES[case]

    answer = lambda_handler.handler(sample_events.load("archive_events")[case], None)

    assert answer == {"batchItemFailures": []}
    assert len(lake.events()) == events
    assert len(lake.lines("raw/unreadable/")) == unreadable
    metrics = told(capsys)
    assert metrics == {
        "RecordsReceived": records,
        "RecordsUnreadable": unreadable,
        "EventsArchived": events,
        "BytesReceived": sum(len(line.posted) for line in lake.events()),
        "BytesStored": sum(map(len, lake.objects.values())),
        "ObjectsStored": len(lake.objects),
    }


def test_an_object_is_named_by_the_stream_the_shard_and_the_range(lake: MemoryLake) -> None:
    lambda_handler.handler(delivered(GOOD, packets_record(), GOOD), None)

    (key,) = lake.objects
    found = read_raw_key(key)
    assert found is not None
    assert (found.records.stream, found.records.shard) == ("slots", "shardId-000000000000")
    number = "49590338271490256608559692538361571095921575989"
    assert (found.records.first, found.records.last) == (f"{number}0000", f"{number}0002")


def test_a_lake_that_fails_raises_for_the_batch_to_come_again(lake: MemoryLake) -> None:
    lake.faults = 1

    with pytest.raises(OSError, match="slow down"):
        lambda_handler.handler(delivered(GOOD), None)


def test_what_poison_logs_is_bounded(lake: MemoryLake, capsys: pytest.CaptureFixture[str]) -> None:
    lambda_handler.handler(delivered(*[b"poison %d" % n for n in range(1_000)]), None)

    assert len(lake.lines("raw/unreadable/")) == 1_000
    assert len(capsys.readouterr().out) < 5_000


def test_what_a_packet_was_and_was_made_are_both_there() -> None:
    lake = MemoryLake()
    archive(lake, [packets_record()])

    for line in lake.events():
        _, event = read_packet(line.posted)
        assert read_envelope(line.event)[1] == event
