"""The use case: a message that a rule selected becomes a record of the stream."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pitboss.errors import TransientError
from pitboss.events.record import StreamRecord
from pitboss.shufflers.messages import Delivered


class StreamDidNotTakeMessage(TransientError):
    """The record was not written, or that is not known."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"the stream did not take a message on {topic}")


class Stream(Protocol):
    """Takes records; see `pitboss.stores.stream.KinesisStream`."""

    def put(self, records: Sequence[StreamRecord]) -> set[int]: ...


def ingest(delivered: Delivered, stream: Stream) -> None:
    """Write a message to the stream.

    Raises:
        StreamDidNotTakeMessage: it may succeed the next time; a message written twice is read
            once, by the sequence of its events.
    """
    record = StreamRecord(partition_key(delivered.topic), msgspec.json.encode(delivered))
    if stream.put([record]):
        raise StreamDidNotTakeMessage(delivered.topic)


def partition_key(topic: str) -> str:
    """The property and the device of a topic, as the rule's Kinesis action has them.

    >>> partition_key("pitboss/P1/shufflers/7/events")
    'P1/7'
    """
    levels = topic.split("/")
    return f"{levels[1]}/{levels[3]}"
