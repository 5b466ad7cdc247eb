"""Changes of the ratings table in, rows of the live floor out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from pitboss.backoff import pause
from pitboss.errors import BrokenReleaseError
from pitboss.settings import read
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.floor import DynamoFloor
from pitboss.stores.ratings import read_head
from pitboss.telemetry import logger, metrics
from sum_floor.service import HeadStored, SumFloor
from sum_floor.settings import Settings

STAGE = "sum_floor"

KNOWN_HEAD = {
    "pk": {"S": "known/floor/0"},
    "sk": {"S": "known"},
    "day": {"S": "2020-06-15"},
    "games": {"N": "1"},
    "coin_in_cents": {"N": "500"},
    "last_play": {"N": "1592277300000"},
}
"""What every release can read of a head."""

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> SumFloor:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    spread = ThreadPoolExecutor(CALLS_AT_ONCE).map
    return SumFloor(
        DynamoFloor(settings.floor_table, settings.aws_region, spread),
        now=lambda: time.time_ns() // 1_000_000,
        pause=pause,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Bring one batch of the stream into the rows.

    Returns:
        An empty list of failures: what cannot be read is left out, and all else raises.
    """
    heads: list[HeadStored] = []
    unreadable = 0
    for record in event["Records"]:
        try:
            heads.append(_stored(record))
        except (KeyError, ValueError, TypeError) as fault:
            _check_reading(fault)
            unreadable += 1
            where = {"event_id": record.get("eventID"), "fault": repr(fault)}
            log.error("a head cannot be read", extra=where)
    outcome = _wiring()(heads)
    count.count("HeadsReceived", len(event["Records"]))
    count.count("HeadsUnreadable", unreadable)
    count.count("HeadsKnown", outcome.known)
    count.count("RowsChanged", outcome.rows)
    count.count("BlocksReplaced", outcome.blocks)
    count.count("BlocksContended", outcome.contended)
    count.flush()
    return {"batchItemFailures": []}


def _stored(record: dict[str, Any]) -> HeadStored:
    change = record["dynamodb"]
    # The stream's own name ends in when it was begun: another one's numbers begin anew.
    began = record["eventSourceARN"].rpartition("/")[2]
    mark = f"{began}/{int(change['SequenceNumber']):040d}"
    return HeadStored(read_head(change["NewImage"]), mark, record["eventName"] == "INSERT")


def _check_reading(fault: Exception) -> None:
    """Before a head is blamed for a fault, read one that is known to be good."""
    try:
        known = read_head(KNOWN_HEAD)
    except Exception:  # noqa: BLE001 - whatever a broken release raises
        known = None
    if known is None or known.today.tally.coin_in_cents != 500:
        raise BrokenReleaseError("a known head cannot be read") from fault
