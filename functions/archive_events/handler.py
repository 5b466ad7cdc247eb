"""Kinesis in, objects of the lake out."""

import os
from functools import cache
from typing import Any

from archive_events.service import ArchiveEvents, DeliveredRecord
from archive_events.settings import Settings
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.telemetry import logger, metrics

STAGE = "archive_events"

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> ArchiveEvents:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    return ArchiveEvents(
        S3Lake(settings.lake_bucket, settings.aws_region),
        settings.gaming_days.day_of,
        game_stream=settings.game_stream,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Keep one batch of stream records, which are of one shard.

    Returns:
        An empty list of failures: what cannot be read is kept as it is, and all else raises.
    """
    first = event["Records"][0]
    stream = first["eventSourceARN"].rpartition("/")[2]
    shard = first["eventID"].partition(":")[0]
    kept = _wiring()(
        stream,
        shard,
        [
            DeliveredRecord(
                kinesis["sequenceNumber"],
                kinesis["data"],
                int(kinesis["approximateArrivalTimestamp"] * 1000),
            )
            for kinesis in (record["kinesis"] for record in event["Records"])
        ],
    )
    if kept.unreadable:
        log.warning("kept as they are", extra={"records": kept.unreadable})
    count.count("RecordsReceived", kept.records)
    count.count("RecordsUnreadable", kept.unreadable)
    count.count("EventsArchived", kept.events)
    count.count("BytesReceived", kept.bytes_received)
    count.count("BytesStored", kept.bytes_stored)
    count.count("ObjectsStored", kept.objects)
    count.flush()
    return {"batchItemFailures": []}
