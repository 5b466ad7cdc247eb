"""What a rule selected in, a record of the stream out."""

import os
from functools import cache, partial
from typing import Any

import msgspec

from ingest_shuffler_events.service import ingest
from ingest_shuffler_events.settings import Settings
from pitboss.backoff import pause
from pitboss.settings import read
from pitboss.shufflers.messages import Delivered
from pitboss.stores.stream import KinesisStream
from pitboss.telemetry import logger, metrics

log = logger("ingest_shuffler_events")
count = metrics("ingest_shuffler_events")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.stream = KinesisStream(
            settings.shuffler_stream,
            settings.aws_region,
            pause=partial(pause, seconds=0.05),
        )


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> None:
    """Pass one message on; one that no rule of ours selected raises, and is in the queue then."""
    ingest(msgspec.convert(event, Delivered), _wiring().stream)
    count.count("MessagesIngested", 1)
    count.flush()
