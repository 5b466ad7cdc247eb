"""Replaying the archive and the stream: what is read, how it is sent, whether anything changed."""

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zstandard
from typer.testing import CliRunner, Result

from tests.fakes.registry import MemoryRegistry, credential, gateway
from workbench import archive, endpoint, gateways, main, stack, stream, unchanged
from workbench.archive import Archive, days_of
from workbench.client import Answer, EventAnswer
from workbench.console import UsageError, WorkbenchError
from workbench.event_files import FileFormat

DAY = "2026-01-15"
ENVELOPE = b'{"asset_id": "007",  "event_id": "a"}'
PACKET = b'{"asset_number":"9","type":"X"}'


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (DAY, [DAY]),
        ("2026-02-28..2026-03-01", ["2026-02-28", "2026-03-01"]),
    ],
)
def test_days(text: str, days: list[str]) -> None:
    assert days_of(text) == days


@pytest.mark.parametrize("text", ["", "today", "2026-13-01", "2026-01-02..2026-01-01", "20260115"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(UsageError, match="no gaming day"):
        days_of(text)


def line(file_format: str, **fields: bytes) -> bytes:
    known = b'{"received_at":1,"sender":"gw-1","format":"%b","record":"1","index":0' % (
        file_format.encode()
    )
    return known + b"".join(b',"%b":%b' % (k.encode(), v) for k, v in fields.items()) + b"}\n"


LINES = [
    line("pitboss", event=ENVELOPE),
    line("acres-sas", event=b"{}", received=PACKET),
    line("pitboss", event=b"{}", received=json.dumps('{\n"asset_id":"7"}').encode()),
    line("acres-sas", event=b"{}", received=PACKET),
]


class S3:
    """Objects of a lake."""

    def __init__(self, **objects: bytes) -> None:
        self.prefixes: list[str] = []
        self._objects = objects

    def get_paginator(self, _: str) -> "S3":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterable[dict[str, Any]]:  # noqa: N803
        assert Bucket == "lake"
        self.prefixes.append(Prefix)
        for name, body in self._objects.items():
            yield {"Contents": [{"Key": Prefix + name, "Size": len(body)}]}
        yield {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self._objects[Key.rpartition("/")[2]])}


def frames(*lines: bytes) -> bytes:
    """Each line in a frame of its own, as an object of many days' events may have."""
    return b"".join(zstandard.compress(one) for one in lines)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    lake = S3(one=frames(*LINES[:3]), two=frames(LINES[3]))
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"LakeBucketName": "lake"})
    monkeypatch.setattr(endpoint, "client", lambda _: lake)
    return lake


def test_an_archive_gives_what_was_posted(s3: S3) -> None:
    read: list[int] = []
    source = Archive.of_stack("P1", ["2026-01-15", "2026-01-16"])
    runs = dict(source.runs(read.append))
    assert s3.prefixes == [
        "raw/slot/property=P1/day=2026-01-15/",
        "raw/slot/property=P1/day=2026-01-16/",
    ]
    assert [(one.raw, one.asset_id) for one in runs[FileFormat.PITBOSS]] == [
        (ENVELOPE, "7"),
        (b'{\n"asset_id":"7"}', "7"),
    ] * 2
    assert [one.raw for one in runs[FileFormat.ACRES_SAS]] == [PACKET] * 4
    assert sum(read) == source.size > 0


def test_no_more_than_a_run_is_held(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "RUN_EVENTS", 3)
    runs = list(Archive.of_stack("P1", [DAY]).runs())
    assert [(str(name), len(events)) for name, events in runs] == [
        ("pitboss", 2),
        ("acres-sas", 1),
        ("acres-sas", 1),
    ]


@pytest.mark.parametrize("body", [b"no zstd", frames(b"{}\n"), frames(line("x", event=b"{}"))])
def test_an_object_that_cannot_be_read_is_named(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"LakeBucketName": "lake"})
    monkeypatch.setattr(endpoint, "client", lambda _: S3(bad=body))
    with pytest.raises(WorkbenchError, match=f"day={DAY}/bad in the archive cannot be read"):
        list(Archive.of_stack("P1", [DAY]).runs())


# --- the command ----------------------------------------------------------------------------------


class Door:
    """Takes everything."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer:
        self.bodies.append(body)
        is_array = content_type == "application/json"
        count = len(json.loads(body)) if is_array else len(body.splitlines())
        events = tuple(EventAnswer(index, "accepted") for index in range(count))
        return Answer(200, count, count, events=events)


@pytest.fixture
def door(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Door:
    made = Door()
    registry = MemoryRegistry()
    registry.register(credential(gateway("cage-7", property_id="P7")))
    monkeypatch.setattr(gateways, "registry", lambda: registry)
    monkeypatch.setattr("workbench.replay.front_door", lambda *_: made)
    return made


def run(command: str) -> Result:
    return CliRunner().invoke(main.app, command.split())


def test_an_archived_day_goes_through_the_front_door(door: Door, s3: S3) -> None:
    done = run(f"replay --from-archive {DAY} --gateway cage-7 --json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["received"], said["accepted"], said["requests"]) == (4, 4, 2)
    assert s3.prefixes == [f"raw/slot/property=P7/day={DAY}/"]
    assert door.bodies == [
        b"[" + ENVELOPE + b',{\n"asset_id":"7"}]',
        PACKET + b"\n" + PACKET,
    ]


@pytest.mark.parametrize(("after", "status", "changed"), [(b"x", 0, 0), (b"y", 1, 1)])
def test_what_changed_is_said_and_an_error(
    door: Door, monkeypatch: pytest.MonkeyPatch, after: bytes, status: int, changed: int
) -> None:
    stored = iter(({("P1/a", "s"): b"x"}, {("P1/a", "s"): after}))
    waited: list[int] = []
    monkeypatch.setattr(unchanged, "items_of", lambda _: next(stored))
    monkeypatch.setattr(unchanged, "events_read", lambda _: 10)
    monkeypatch.setattr(unchanged, "wait_until_read", lambda events, _: waited.append(events))
    done = run(f"replay --from-archive {DAY} --verify")
    assert done.exit_code == status
    assert f"{changed} changed items of 1" in done.stdout
    assert ("P1/a s" in done.stdout) is bool(changed)
    assert waited == [14]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ("", 2, "Say what to replay"),
        ("x.json", 2, "Say what to replay"),
        (f"--from-archive {DAY} --speed 2", 2, "without files, --format and --speed"),
        (f"x.json --from-archive {DAY}", 2, "without files, --format and --speed"),
        ("--from-archive monday", 2, "no gaming day"),
        (f"--from-archive {DAY} --gateway cage-8", 1, "There is no gateway cage-8"),
    ],
)
def test_what_cannot_be_replayed(door: Door, arguments: str, status: int, sentence: str) -> None:
    done = run(f"replay {arguments}")
    assert done.exit_code == status
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("outputs", "sentence"), [({}, "no archive"), ({"LakeBucketName": "lake"}, "Nothing of")]
)
def test_there_is_nothing_to_replay(
    door: Door, monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str], sentence: str
) -> None:
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: outputs)
    monkeypatch.setattr(endpoint, "client", lambda _: S3())
    done = run(f"replay --from-archive {DAY}..2026-01-16")
    assert (done.exit_code, sentence in done.stderr) == (1, True)


# --- whether anything changed ---------------------------------------------------------------------


def test_items_are_compared_by_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def stored(**changed: Any) -> unchanged.Items:
        item = {"pk": {"S": "P1/a"}, "sk": {"S": "1"}, "n": {"N": "5"}, "s": {"SS": ["a", "b"]}}
        table = Table([item | changed, {"pk": {"S": "P1/b"}, "sk": {"S": "2"}}])
        monkeypatch.setattr(endpoint, "client", lambda _: table)
        return unchanged.items_of("P1")

    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"RatingsTableName": "table"})
    before = stored()
    assert unchanged.compare(before, stored(s={"SS": ["b", "a"]})).changed == []
    assert unchanged.compare(before, stored(n={"N": "6"})).changed == [("P1/a", "1")]
    gone = unchanged.compare(before, {})
    assert (gone.items, len(gone.changed)) == (2, 2)
    with pytest.raises(WorkbenchError, match="Nothing is stored of the property"):
        unchanged.compare({}, {})


class Table:
    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items = items

    def get_paginator(self, _: str) -> "Table":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        assert asked["ExpressionAttributeValues"] == {":property": {"S": "P1/"}}
        return [{"Items": self._items[:1]}, {"Items": self._items[1:]}]


class Logs:
    """A log in which rating counts what it reads."""

    class exceptions:  # noqa: N801 - a client's own
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self) -> None:
        self.looks = 0

    def get_paginator(self, _: str) -> "Logs":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        assert (asked["logGroupName"], asked["startTime"]) == ("group", 7)
        self.looks += 1
        lines = ['{"EventsReceived":[3.0]}', "no JSON", '{"other":1}'] * self.looks
        return [{"events": [{"message": text} for text in lines]}, {}]


def test_rating_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = Logs()
    monkeypatch.setattr(endpoint, "client", lambda _: logs)
    monkeypatch.setattr(stack, "log_group", lambda _: "group")
    unchanged.wait_until_read(9, since=7, every=0)
    assert logs.looks == 3
    with pytest.raises(WorkbenchError, match="has read 12 of 99 events"):
        unchanged.wait_until_read(99, since=7, within=-1, every=0)


# --- the stream -----------------------------------------------------------------------------------

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("6h", NOW - timedelta(hours=6)),
        ("2d", NOW - timedelta(days=2)),
        ("2026-11-21T06:00:00Z", NOW - timedelta(hours=6)),
        ("2026-11-20T22:00:00-08:00", NOW - timedelta(hours=6)),
    ],
)
def test_since_when(text: str, moment: datetime) -> None:
    assert stream._moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "6", "2026-11-21", "2026-11-21T06:00:00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        stream._moment_of(text, NOW)


class Kinesis:
    """Two shards, the first with a page in which there is nothing although there is more."""

    def __init__(self, now: datetime) -> None:
        self._pages = {
            "a": [
                self._page(now, 1, 2),
                {"Records": [], "MillisBehindLatest": 5},
                self._page(now, 3),
            ],
            "b": [self._page(now, 4), self._page(now + timedelta(hours=1), 5)],
        }
        self.starts: list[dict[str, Any]] = []
        self.reads: list[str] = []

    @staticmethod
    def _page(at: datetime, *numbers: int) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "SequenceNumber": str(number),
                    "PartitionKey": "P1/7",
                    "Data": b"x" * number,
                    "ApproximateArrivalTimestamp": at,
                }
                for number in numbers
            ]
        }

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        summary = {"RetentionPeriodHours": 48, "StreamARN": "arn:stream"}
        return {"StreamDescriptionSummary": summary}

    def list_shards(self, **_: Any) -> dict[str, Any]:
        return {"Shards": [{"ShardId": "a"}, {"ShardId": "b"}]}

    def get_shard_iterator(self, **asked: Any) -> dict[str, Any]:
        self.starts.append(asked)
        return {"ShardIterator": f"{asked['ShardId']}0"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        self.reads.append(ShardIterator)
        shard, number = ShardIterator[0], int(ShardIterator[1:])
        pages = self._pages[shard]
        page = pages[number] if number < len(pages) else {"Records": []}
        return page | {"NextShardIterator": f"{shard}{number + 1}"}


class Lambda:
    """A consumer that keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[list[dict[str, Any]]] = []
        self.answer: dict[str, Any] = {}
        self.says = b'{"batchItemFailures":[]}'

    def get_paginator(self, _: str) -> "Lambda":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        arn = "arn:aws:lambda:eu:1:function:pitboss-local-RatePlayersFunction-1:live"
        mapping = {"FunctionArn": arn, "EventSourceArn": "arn:stream"}
        return [{"EventSourceMappings": [mapping]}]

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "pitboss-local-RatePlayersFunction-1"
        self.given.append(json.loads(Payload)["Records"])
        return self.answer | {"Payload": io.BytesIO(self.says)}


class Session:
    region_name = "eu"


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    clients = {"kinesis": Kinesis(datetime.now(UTC) - timedelta(minutes=5)), "lambda": Lambda()}
    monkeypatch.setattr(endpoint, "client", lambda service, **_: clients[service])
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"SlotStreamName": "stream"})
    monkeypatch.setattr(endpoint, "session", Session)
    monkeypatch.delenv("PITBOSS_ENV", raising=False)
    return clients["lambda"]  # type: ignore[return-value]


def test_a_consumer_is_given_each_shard_from_then_to_now(
    consumer: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_INVOCATION_RECORDS", 2)
    done = run("stream replay --since 1h --json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"records": 4, "invocations": 3}
    assert [[record["eventID"] for record in batch] for batch in consumer.given] == [
        ["a:1", "a:2"],
        ["a:3"],
        ["b:4"],
    ]
    assert consumer.given[0][1]["kinesis"]["data"] == "eHg="
    starts = endpoint.client("kinesis").starts
    assert [start["ShardIteratorType"] for start in starts] == ["AT_TIMESTAMP"] * 2
    # A shard that goes on is not followed past the beginning of the replay.
    assert endpoint.client("kinesis").reads == ["a0", "a1", "a2", "a3", "b0", "b1"]


def test_an_invocation_is_no_larger_than_may_be(
    consumer: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_INVOCATION_BYTES", 5)
    run("stream replay --since 1h")
    assert [len(batch) for batch in consumer.given] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("answer", "says"),
    [({"FunctionError": "Unhandled"}, b"{}"), ({}, b'{"batchItemFailures":[{}]}')],
)
def test_a_consumer_that_fails_ends_the_replay(
    consumer: Lambda, answer: dict[str, Any], says: bytes
) -> None:
    consumer.answer, consumer.says = answer, says
    done = run("stream replay --since 1h")
    assert (done.exit_code, len(consumer.given)) == (1, 1)
    assert "failed on 3 records from a:1 on" in done.stderr
    assert "nothing counts twice" in done.stderr


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        ("--since 3d", 2, "The stream keeps 48 hours"),
        ("--since 2999-01-01T00:00:00Z", 2, "in the future"),
        ("--since 1h --consumer read_ratings", 1, "read_ratings is no consumer of the stream"),
        ("", 2, "--since"),
    ],
)
def test_a_stream_replay_that_makes_no_sense(
    consumer: Lambda, options: str, status: int, sentence: str
) -> None:
    done = run(f"stream replay {options}")
    assert done.exit_code == status
    assert sentence in done.stderr
    assert consumer.given == []
