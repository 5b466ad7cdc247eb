"""Changes of the offers table in, messages out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from pitboss.offers.issued import Status
from pitboss.settings import read
from pitboss.stores.connections import (
    POSTS_AT_ONCE,
    DynamoConnections,
    LiveApi,
    management_url,
)
from pitboss.telemetry import logger, metrics
from push_live_updates.service import Kind, PushUpdates, Update
from push_live_updates.settings import Settings

BUDGET_MS = 8_000
"""Of a batch's messages: far less than the function's timeout, and a message takes 3 s at most."""

log = logger("push_live_updates")
count = metrics("push_live_updates")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        region = settings.aws_region
        url = management_url(settings.live_api_url, settings.aws_endpoint_url)
        self.push = PushUpdates(
            DynamoConnections(settings.connections_table, region),
            LiveApi(url, region),
            ThreadPoolExecutor(POSTS_AT_ONCE).map,
            now=lambda: time.time_ns() // 1_000_000,
            budget_ms=BUDGET_MS,
        )


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Placed(Struct, frozen=True):
    """Where an offer was made: of an `IssuedOffer`, what is of interest here."""

    property_id: str
    asset_id: str


_placed = msgspec.json.Decoder(_Placed)


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Tell connected games what a batch of the stream says.

    Returns:
        An empty list of failures: what could not be sent comes too late when it comes again.
    """
    updates: list[Update] = []
    unreadable = 0
    for record in event["Records"]:
        try:
            update = _update(record)
        except (KeyError, ValueError) as fault:
            unreadable += 1
            where = {"event_id": record.get("eventID"), "fault": repr(fault)}
            log.error("a change cannot be read", extra=where)
        else:
            updates += [] if update is None else [update]
    pushed = _wiring().push(updates)
    count.count("UpdatesReceived", len(event["Records"]))
    count.count("UpdatesUnreadable", unreadable)
    count.count("PushesSent", pushed.sent)
    count.count("PushesUndelivered", pushed.undelivered)
    count.count("ConnectionsGone", pushed.gone)
    count.flush()
    return {"batchItemFailures": []}


def _update(record: dict[str, Any]) -> Update | None:
    """What a change of an item means to the machine; see `pitboss.stores.offers` for the items.

    Raises:
        KeyError, ValueError: it is no change that the filter lets through.
    """
    change = record["dynamodb"]
    if record["eventName"] == "REMOVE":
        property_id, place, asset_id = change["Keys"]["pk"]["S"].split("/")
        if (place, change["Keys"]["sk"]["S"]) != ("machine", "offer"):
            raise ValueError("no machine's current offer")
        return Update(property_id, asset_id, Kind.OFFER_GONE)
    image = change["NewImage"]
    if image["status"]["S"] != Status.DECIDED:
        return None
    placed = _placed.decode(image["body"]["S"])
    return Update(placed.property_id, placed.asset_id, Kind.OFFER_READY)
