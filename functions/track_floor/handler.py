"""Kinesis in, conditions of the live floor's machines out."""

import os
import time
from binascii import a2b_base64
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from pitboss.backoff import pause
from pitboss.errors import TransientError
from pitboss.events.batch import BatchHeader, pack, unpack_metered
from pitboss.events.slot import GameStarted, MeteredEvent
from pitboss.settings import read
from pitboss.stores.floor import CALLS_AT_ONCE, DynamoFloor
from pitboss.telemetry import logger, metrics
from track_floor.service import Record, TrackFloor
from track_floor.settings import Settings

STAGE = "track_floor"

log = logger(STAGE)
count = metrics(STAGE)


class BrokenReleaseError(TransientError):
    """This release cannot read what is known to be good. The batch waits for the one before."""


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
    records: list[Record] = []
    for record in event["Records"]:
        kinesis = record["kinesis"]
        try:
            data = a2b_base64(kinesis["data"], strict_mode=True)
            records.append(Record(kinesis["sequenceNumber"], *unpack_metered(data)))
        except Exception as fault:  # noqa: BLE001 - whatever poison or a bug raises
            _check_reading(fault)
    outcome = _wiring()(event["Records"][0]["eventID"].partition(":")[0], records)
    unreadable = len(event["Records"]) - len(records)
    if unreadable:
        log.warning("left out, as rate_players sets them aside", extra={"records": unreadable})
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", unreadable)
    count.count("EventsReceived", outcome.events)
    count.count("AlertsRaised", outcome.alerts)
    count.count("BillsKept", outcome.bills)
    count.count("BlocksReplaced", outcome.blocks)
    count.count("BlocksContended", outcome.contended)
    count.flush()
    return {"batchItemFailures": []}


def _check_reading(fault: Exception) -> None:
    """Before a record is blamed for a fault, read one that is known to be good."""
    game = MeteredEvent("known", 0, 1, None, GameStarted(500))
    header = BatchHeader("known", "known", 0, "known", "known")
    try:
        known = unpack_metered(pack(header, [b"{}"], [game]))
    except Exception:  # noqa: BLE001 - as above
        known = None
    if known != (header, [game]):
        raise BrokenReleaseError("a known record cannot be read") from fault
