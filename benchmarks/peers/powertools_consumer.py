"""The usual consumer: Powertools' batch processor with pydantic models, an event a record.

As its manual has it: the processor validates each record by a model whose payload is the event, and
calls a record handler. With `--bytes` only the event is validated, from the record's bytes, which
is the quickest way the two have together.
"""

import sys
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.parser.models import (
    KinesisDataStreamRecord,
    KinesisDataStreamRecordPayload,
)
from pydantic import BaseModel, Json

from benchmarks.peers import harness


class Meters(BaseModel):
    """The envelope's meters."""

    coin_in_credits: int | None = None
    coin_out_credits: int | None = None
    jackpot_credits: int | None = None
    handpaid_cancelled_credits: int | None = None
    current_credits: int | None = None
    games_played: int | None = None
    games_won: int | None = None


class Event(BaseModel):
    """The envelope."""

    event_id: str
    event_type: str
    property_id: str
    asset_id: str
    occurred_at: int
    sequence: int
    schema_version: int
    data: dict[str, Any]
    player_id: str | None = None
    meters: Meters | None = None


class Payload(KinesisDataStreamRecordPayload):
    """A record's payload is an event."""

    data: Json[Event]


class Record(KinesisDataStreamRecord):
    """A record of the stream."""

    kinesis: Payload


class PowertoolsConsumer(harness.Ratings):
    """Rates by the batch processor."""

    def __init__(self, *, from_bytes: bool) -> None:
        super().__init__()
        self._handle: Callable[[Any], None] = self._bytes if from_bytes else self._record
        self._processor = BatchProcessor(
            event_type=EventType.KinesisDataStreams, model=None if from_bytes else Record
        )

    def take(self, event: dict[str, Any]) -> object:
        return process_partial_response(
            event=event,
            record_handler=self._handle,
            processor=self._processor,
            context=None,
        )

    def _record(self, record: Record) -> None:
        self._rate(record.kinesis.data)

    def _bytes(self, record: KinesisStreamRecord) -> None:
        self._rate(Event.model_validate_json(record.kinesis.data_as_bytes()))

    def _rate(self, played: Event) -> None:
        self.rate(
            played.event_id,
            played.event_type,
            played.asset_id,
            played.occurred_at,
            played.player_id,
            played.data,
        )


if __name__ == "__main__":
    harness.main(lambda: PowertoolsConsumer(from_bytes="--bytes" in sys.argv))
