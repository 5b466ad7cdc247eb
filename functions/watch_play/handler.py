"""Kinesis in, reviews out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from pitboss.backoff import pause
from pitboss.events.batch import unpack
from pitboss.events.delivered import read_records
from pitboss.rating.fold import House
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.reviews import DynamoReviews
from pitboss.telemetry import logger, metrics
from watch_play.service import WatchPlay
from watch_play.settings import Settings

STAGE = "watch_play"

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> WatchPlay:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    rules = shipped()
    spread = ThreadPoolExecutor(CALLS_AT_ONCE).map
    return WatchPlay(
        DynamoReviews(settings.floor_table, settings.aws_region, spread),
        cache(
            lambda property_id: House(
                settings.gaming_days.day_of(property_id), rules.of(property_id).idle_ms
            )
        ),
        now=lambda: time.time_ns() // 1_000_000,
        pause=pause,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Watch one batch of stream records.

    Returns:
        An empty list of failures: what cannot be read is left out, and all else raises.
    """
    records, unreadable = read_records(event["Records"], unpack)
    outcome = _wiring()([record.batch for record in records])
    if unreadable or outcome.unwatched:
        left_out = {"records": len(unreadable), "events": outcome.unwatched}
        log.warning("left out, as rate_players sets them aside", extra=left_out)
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", len(unreadable))
    count.count("EventsReceived", outcome.events)
    count.count("EventsKnown", outcome.known)
    count.count("EventsUnwatched", outcome.unwatched)
    count.count("GamesWatched", outcome.games)
    count.count("SuspicionsRaised", outcome.suspicions)
    count.count("SuspicionsSilenced", outcome.silenced)
    count.count("BlocksReplaced", outcome.blocks)
    count.count("BlocksContended", outcome.contended)
    count.count("CardsReplaced", outcome.cards)
    count.count("CardsContended", outcome.cards_contended)
    count.flush()
    return {"batchItemFailures": []}
