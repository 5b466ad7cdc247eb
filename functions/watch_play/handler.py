"""Kinesis in, reviews out."""

import os
import time
from binascii import a2b_base64
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from pitboss.backoff import pause
from pitboss.events.batch import BatchHeader, SlotBatch, pack, unpack
from pitboss.events.slot import GameStarted, MeteredEvent
from pitboss.rating.fold import House
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.stores.floor import CALLS_AT_ONCE
from pitboss.stores.reviews import DynamoReviews
from pitboss.telemetry import logger, metrics
from watch_play.service import BrokenReleaseError, WatchPlay
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
    batches: list[SlotBatch] = []
    for record in event["Records"]:
        try:
            batches.append(unpack(a2b_base64(record["kinesis"]["data"], strict_mode=True)))
        except Exception as fault:  # noqa: BLE001 - whatever poison or a bug raises
            _check_reading(fault)
    outcome = _wiring()(batches)
    unreadable = len(event["Records"]) - len(batches)
    if unreadable or outcome.unwatched:
        left_out = {"records": unreadable, "events": outcome.unwatched}
        log.warning("left out, as rate_players sets them aside", extra=left_out)
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", unreadable)
    count.count("EventsReceived", outcome.events)
    count.count("EventsKnown", outcome.known)
    count.count("EventsUnwatched", outcome.unwatched)
    count.count("GamesWatched", outcome.games)
    count.count("SuspicionsRaised", outcome.suspicions)
    count.count("SuspicionsSilenced", outcome.silenced)
    count.count("BlocksReplaced", outcome.blocks)
    count.count("BlocksContended", outcome.contended)
    count.flush()
    return {"batchItemFailures": []}


def _check_reading(fault: Exception) -> None:
    """Before a record is blamed for a fault, read one that is known to be good."""
    game = MeteredEvent("known", 0, 1, None, GameStarted(500))
    header = BatchHeader("known", "known", 0, "known", "known")
    try:
        known = unpack(pack(header, [b"{}"], [game]))
    except Exception:  # noqa: BLE001 - as above
        known = None
    if known is None or (known.header, len(known.events)) != (header, 1):
        raise BrokenReleaseError("a known record cannot be read") from fault
