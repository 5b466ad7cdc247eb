"""Kinesis in, conditions of the live floor's machines out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from pitboss.backoff import pause
from pitboss.events.batch import unpack_metered
from pitboss.events.delivered import read_records
from pitboss.settings import read
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.floor import DynamoFloor
from pitboss.telemetry import logger, metrics
from track_floor.service import Record, TrackFloor
from track_floor.settings import Settings

STAGE = "track_floor"

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> TrackFloor:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    spread = ThreadPoolExecutor(CALLS_AT_ONCE).map
    return TrackFloor(
        DynamoFloor(settings.floor_table, settings.aws_region, spread),
        now=lambda: time.time_ns() // 1_000_000,
        pause=pause,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Follow one batch of stream records, which are of one shard.

    Returns:
        An empty list of failures: what cannot be read is left out, and all else raises.
    """
    records, unreadable = read_records(event["Records"], unpack_metered)
    outcome = _wiring()(
        event["Records"][0]["eventID"].partition(":")[0],
        [Record(record.kinesis["sequenceNumber"], *record.batch) for record in records],
    )
    if unreadable:
        left_out = {"records": len(unreadable)}
        log.warning("left out, as rate_players sets them aside", extra=left_out)
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", len(unreadable))
    count.count("EventsReceived", outcome.events)
    count.count("AlertsRaised", outcome.alerts)
    count.count("BillsKept", outcome.bills)
    count.count("BlocksReplaced", outcome.blocks)
    count.count("BlocksContended", outcome.contended)
    count.flush()
    return {"batchItemFailures": []}
