"""A message that a rule selected, on its way into the stream."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from ingest_shuffler_events import handler as room
from ingest_shuffler_events.service import StreamDidNotTakeMessage, ingest
from pitboss.events.record import StreamRecord
from pitboss.shufflers.messages import Delivered, read_message
from tests import sample_events

AT = sample_events.MONDAY_EVENING


class Stream:
    def __init__(self, *, takes: bool = True) -> None:
        self.records: list[StreamRecord] = []
        self._takes = takes

    def put(self, records: Sequence[StreamRecord]) -> set[int]:
        if not self._takes:
            return set(range(len(records)))
        self.records += records
        return set()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    made = Stream()
    for name, value in {"SHUFFLER_STREAM": "stream", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(room, "KinesisStream", lambda *_, **__: made)
    room._wiring.cache_clear()
    yield made
    room._wiring.cache_clear()


@pytest.mark.parametrize("case", sample_events.load("ingest_shuffler_events"))
def test_a_message_becomes_the_record_that_the_rules_kinesis_action_would_write(
    case: str, stream: Stream
) -> None:
    event = sample_events.load("ingest_shuffler_events")[case]

    room.handler(event, None)

    (record,) = stream.records
    assert record.partition_key == "north/4711"
    assert msgspec.json.decode(record.data) == event


def test_what_was_published_is_not_looked_at(stream: Stream) -> None:
    """It is for who reads the stream, so that both ways there end alike."""
    room.handler(sample_events.load("ingest_shuffler_events")["no_json"], None)

    read = read_message(stream.records[0].data, AT)
    assert (read.property_id, read.sender) == ("north", "north:4711")
    assert [(piece.raw, piece.fault.reason) for piece in read.refused] == [
        (b"\xff", "malformed_message")
    ]


def test_what_the_stream_does_not_take_raises_and_so_comes_again() -> None:
    delivered = Delivered("e30=", "pitboss/P1/shufflers/7/events", AT)

    with pytest.raises(StreamDidNotTakeMessage, match="pitboss/P1/shufflers/7/events") as raised:
        ingest(delivered, Stream(takes=False))

    assert raised.value.retry


@pytest.mark.parametrize("event", [{}, {"payload": "e30="}, {"payload": 1, "topic": "a"}])
def test_what_no_rule_selected_raises_and_is_in_no_stream(
    event: dict[str, Any], stream: Stream
) -> None:
    with pytest.raises(msgspec.ValidationError):
        room.handler(event, None)

    assert stream.records == []
