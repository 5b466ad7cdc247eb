"""Kinesis in, recent events out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from index_events.service import IndexEvents
from index_events.settings import Settings
from pitboss.backoff import pause
from pitboss.events.batch import unpack_games
from pitboss.events.delivered import KNOWN_GAME, read_records
from pitboss.games.applications import Application
from pitboss.settings import read
from pitboss.stores.applications import DynamoApplications, KeptApplications
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.recent_events import DynamoRecentEvents
from pitboss.telemetry import logger, metrics

STAGE = "index_events"

log = logger(STAGE)
count = metrics(STAGE)


def _itself(application: Application) -> Application:
    return application


@cache
def _wiring() -> IndexEvents:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    spread = ThreadPoolExecutor(CALLS_AT_ONCE).map
    applications = DynamoApplications(settings.registry_table, settings.aws_region)
    return IndexEvents(
        DynamoRecentEvents(settings.recent_events_table, settings.aws_region, spread),
        KeptApplications(applications.find, _itself, time.monotonic),
        now=lambda: time.time_ns() // 1_000_000,
        pause=pause,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Keep one batch of stream records.

    Returns:
        An empty list of failures: what cannot be read is left out, and all else raises.
    """
    records, unreadable = read_records(event["Records"], unpack_games, KNOWN_GAME)
    outcome = _wiring()([record.batch for record in records])
    if unreadable:
        left_out = {"records": len(unreadable)}
        log.warning("left out, as archive_events keeps them", extra=left_out)
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", len(unreadable))
    count.count("EventsReceived", outcome.received)
    count.count("EventsIndexed", outcome.indexed)
    count.count("EventsKnown", outcome.known)
    count.count("EventsLeftOut", outcome.left_out)
    count.count("EventsTooOld", outcome.too_old)
    count.count("BlocksWritten", outcome.blocks)
    count.count("PlacesListed", outcome.places)
    count.flush()
    return {"batchItemFailures": []}
