"""Kinesis in, panes and players of live metrics out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from measure_events.service import MeasureEvents, Record
from measure_events.settings import Settings
from pitboss.backoff import pause
from pitboss.events.batch import unpack_games
from pitboss.events.delivered import KNOWN_GAME, read_records
from pitboss.games.events import lane_of_key
from pitboss.settings import read
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.metrics import DynamoMetrics, KeptDefinitions
from pitboss.telemetry import logger, metrics

STAGE = "measure_events"

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> MeasureEvents:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    store = DynamoMetrics(settings.metrics_table, settings.aws_region)
    return MeasureEvents(
        store,
        KeptDefinitions(store.definitions, time.monotonic),
        cache(settings.gaming_days.ordinal_of),
        now=lambda: int(time.time()),
        pause=pause,
        spread=ThreadPoolExecutor(CALLS_AT_ONCE).map,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Measure one batch of stream records.

    Returns:
        An empty list of failures: what cannot be read is left out, and all else raises.
    """
    records, unreadable = read_records(event["Records"], unpack_games, KNOWN_GAME)
    outcome = _wiring()(
        [Record(lane_of_key(one.kinesis["partitionKey"]), *one.batch) for one in records]
    )
    if unreadable or outcome.late or outcome.ahead:
        left_out = {"records": len(unreadable), "events": outcome.late + outcome.ahead}
        log.warning("left out, as archive_events keeps them", extra=left_out)
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", len(unreadable))
    count.count("EventsReceived", outcome.events)
    count.count("EventsTooLate", outcome.late)
    count.count("EventsAhead", outcome.ahead)
    count.count("EventsKnown", outcome.known)
    count.count("EventsMeasured", outcome.measured)
    count.count("EventsUnmeasured", outcome.unmeasured)
    count.count("PanesFull", outcome.full)
    count.count("EventsCrowded", outcome.crowded)
    count.count("CrashesCounted", outcome.reports)
    count.count("CrashesUngrouped", outcome.ungrouped)
    count.count("LanesWritten", outcome.written)
    count.count("LanesContended", outcome.contended)
    count.flush()
    return {"batchItemFailures": []}
