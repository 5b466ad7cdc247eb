"""What is received against what the lake keeps of it, and in how many objects.

A simulated floor of 189 machines plays at 250 events a second behind 12 gateways. Their posts are
packed as the front door packs them, the stream is cut as Lambda cuts it (the archive window, 10,000
records, 6 MiB of request with everything that stands around a record), and `archive_events` keeps
each batch; only S3 is not there.

How many records a second of play makes is the gateways' doing. One that posts every second what it
has sends two events of a machine at a time, and then it is Lambda's limits, not the window, that
end a batch.
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from itertools import batched
from typing import Any, NamedTuple

import zstandard

from archive_events.service import COMPRESSION_LEVEL, ArchiveEvents, DeliveredRecord, Outcome
from ingest_slot_events.reading import ENVELOPES, GATEWAY_PACKETS, format_of
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.slot import MeteredEvent
from pitboss.gaming_day import GamingDays
from pitboss.lake.raw import write_lines
from workbench.demo import REAL_DAY, third_party_data
from workbench.simulation import Floor, FloorPlan
from workbench.simulation.envelopes import envelope_line
from workbench.simulation.packets import packet_line

GOAL_RATIO = 0.12
GOAL_OBJECTS = 20
"""A million events."""

EVENTS_PER_SECOND = 250
MACHINES, PLAYERS, SEED = 189, 150, 1
GATEWAYS = 12
WINDOWS = 3
"""How many archive windows of play are measured."""

WINDOW_SECONDS, BATCH_RECORDS = 300, 10_000
"""As the template has them."""

LEVELS = (3, 6, COMPRESSION_LEVEL, 12, 15)
"""Of zstd, that are compared on one window of packets posted every second."""

EVENTS_A_POST = 500
MAX_REQUEST_BYTES = 6 * 1024 * 1024
"""Lambda's limit of a synchronous invocation."""

_ATTRIBUTES = len(
    json.dumps(
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "property/1940732",
                "sequenceNumber": "0" * 56,
                "data": "",
                "approximateArrivalTimestamp": 1_592_277_325.123,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"shardId-000000000000:{'0' * 56}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/"
            "pitboss-prod-ArchiveEventsFunctionRole-0123456789AB",
            "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/"
            "pitboss-prod-SlotStream-0123456789AB",
        },
        separators=(",", ":"),
    )
)
"""Bytes that stand around a record's data."""


class _Arrival(NamedTuple):
    at: int
    """Epoch milliseconds."""
    gateway: str
    line: bytes


class _Lake:
    """Keeps nothing but sizes."""

    def put(self, key: str, body: bytes) -> None:
        """Take an object."""


def run() -> dict[str, Any]:
    """Rows for how gateways write events and how often they post; and for the real day."""
    rows = []
    for written in (GATEWAY_PACKETS, ENVELOPES):
        arrivals = _floor(written)
        for posts, cut in (("of 500", _full), ("every second", _each_second)):
            stream = _stream(cut(arrivals), written)
            rows.append({"feed": "simulated", "written": written, "posts": posts, **_kept(stream)})
    real = third_party_data() / REAL_DAY
    if real.exists():
        day = [_Arrival(0, "gateway", line) for line in real.read_bytes().splitlines()]
        stream = _stream(_full(day), GATEWAY_PACKETS)
        kept = _kept(stream) | {"objects_per_million_events": None}  # a day at one moment
        rows.append({"feed": "a real day", "written": GATEWAY_PACKETS, "posts": "of 500", **kept})
    return {
        "figure": "bytes and objects of the raw lake against JSON received",
        "goal_ratio": GOAL_RATIO,
        "goal_objects_per_million_events": GOAL_OBJECTS,
        "archive_window_seconds": WINDOW_SECONDS,
        "records_a_batch_at_most": BATCH_RECORDS,
        "rows": rows,
        "levels": _levels(_floor(GATEWAY_PACKETS)[: WINDOW_SECONDS * EVENTS_PER_SECOND]),
    }


def _floor(written: str) -> list[_Arrival]:
    """The first windows of a shift."""
    plan = FloorPlan(MACHINES, PLAYERS, 60, SEED)
    floor = Floor(plan)
    gateway_of = {
        machine.asset_id: f"gateway-{index * GATEWAYS // MACHINES + 1}"
        for index, machine in enumerate(floor.machines)
    }
    arrivals = []
    for event in floor.events():
        line = (
            packet_line(event)
            if written == GATEWAY_PACKETS
            else envelope_line(event, plan.property_id)
        )
        # The floor's own rate varies; the events come at that of the goal.
        at = plan.start + len(arrivals) * 1_000 // EVENTS_PER_SECOND
        arrivals.append(_Arrival(at, gateway_of[event.machine.asset_id], line))
        if len(arrivals) == WINDOWS * WINDOW_SECONDS * EVENTS_PER_SECOND:
            break
    return arrivals


def _full(arrivals: list[_Arrival]) -> Iterator[list[_Arrival]]:
    """Posts of gateways that wait until a post is full."""
    waiting: dict[str, list[_Arrival]] = {}
    for arrival in arrivals:
        post = waiting.setdefault(arrival.gateway, [])
        post.append(arrival)
        if len(post) == EVENTS_A_POST:
            yield waiting.pop(arrival.gateway)
    yield from waiting.values()


def _each_second(arrivals: list[_Arrival]) -> Iterator[list[_Arrival]]:
    """Posts of gateways that send every second what they have."""
    for second in batched(arrivals, EVENTS_PER_SECOND, strict=False):
        posts: dict[str, list[_Arrival]] = {}
        for arrival in second:
            posts.setdefault(arrival.gateway, []).append(arrival)
        yield from posts.values()


def _stream(posts: Iterator[list[_Arrival]], written: str) -> list[DeliveredRecord]:
    """A record a machine and post, as the front door packs them."""
    events = format_of(written)
    records: list[DeliveredRecord] = []
    for post in posts:
        by_asset: dict[str, tuple[list[bytes], list[MeteredEvent]]] = {}
        for arrival in post:
            _, asset_id, event = events.read(arrival.line)
            raws, read = by_asset.setdefault(asset_id, ([], []))
            raws.append(arrival.line)
            read.append(event)
        at = post[-1].at
        for asset_id, (raws, read) in by_asset.items():
            header = BatchHeader("property", asset_id, at, post[0].gateway, events.name)
            data = b64encode(pack(header, raws, read)).decode()
            number = f"{49_590_338_271_490_256_608_559_692_538_361_571_095 + len(records):056d}"
            records.append(DeliveredRecord(number, data, at))
    return records


def _batches(stream: list[DeliveredRecord]) -> Iterator[tuple[str, list[DeliveredRecord]]]:
    """What Lambda is invoked with, and what ended each batch."""
    batch: list[DeliveredRecord] = []
    size = 0
    for record in stream:
        more = len(record.data) + _ATTRIBUTES
        ended_by = ""
        if batch and record.arrived_at >= batch[0].arrived_at + WINDOW_SECONDS * 1_000:
            ended_by = "window"
        elif len(batch) == BATCH_RECORDS:
            ended_by = "records"
        elif size + more > MAX_REQUEST_BYTES:
            ended_by = "6 MiB"
        if ended_by:
            yield ended_by, batch
            batch, size = [], 0
        batch.append(record)
        size += more
    yield "window", batch


def _kept(stream: list[DeliveredRecord]) -> dict[str, Any]:
    archive = ArchiveEvents(_Lake(), GamingDays.parse("*=America/Los_Angeles@06:00").day_of)
    total = Outcome()
    ended_by: dict[str, int] = {}
    seconds = 0.0
    for why, batch in _batches(stream):
        ended_by[why] = ended_by.get(why, 0) + 1
        started = time.process_time()
        kept = archive("slots", "shardId-000000000000", batch)
        seconds += time.process_time() - started
        for name in Outcome.__struct_fields__:
            setattr(total, name, getattr(total, name) + getattr(kept, name))
    return {
        "events": total.events,
        "events_a_record": round(total.events / total.records, 1),
        "json_bytes_an_event": round(total.bytes_received / total.events, 1),
        "stored_bytes_an_event": round(total.bytes_stored / total.events, 1),
        "ratio": round(total.bytes_stored / total.bytes_received, 3),
        "objects": total.objects,
        "objects_per_million_events": round(total.objects * 1e6 / total.events, 1),
        "batches_ended_by": ", ".join(f"{why} {n}" for why, n in ended_by.items()),
        "cpu_us_an_event": round(seconds / total.events * 1e6, 1),
    }


def _levels(arrivals: list[_Arrival]) -> list[dict[str, Any]]:
    """What compression costs and saves: of the lines of one object, nothing else."""
    stream = _stream(_each_second(arrivals), GATEWAY_PACKETS)
    records = [write_lines(b64decode(record.data), record.sequence_number) for record in stream]
    received = sum(record.received_bytes for record in records)
    rows = []
    for level in LEVELS:
        started = time.process_time()
        frame = zstandard.ZstdCompressor(level=level).compressobj()
        stored = sum(len(frame.compress(line)) for record in records for _, line in record.lines)
        stored += len(frame.flush())
        seconds = time.process_time() - started
        parameters = zstandard.ZstdCompressionParameters.from_level(level)
        rows.append(
            {
                "zstd_level": level,
                "ratio": round(stored / received, 3),
                "cpu_us_an_event": round(seconds / len(arrivals) * 1e6, 1),
                "memory_mb": round(parameters.estimated_compression_context_size() / 1e6, 1),
            }
        )
    return rows
