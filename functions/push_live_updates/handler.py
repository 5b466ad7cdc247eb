"""Changes of the offers table and of floors in, messages out."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from pitboss.floor.blocks import UnreadableFloorError
from pitboss.offers.issued import Status
from pitboss.settings import read
from pitboss.stores.connections import (
    POSTS_AT_ONCE,
    DynamoConnections,
    LiveApi,
    management_url,
)
from pitboss.stores.floor import part_of, plain, property_of
from pitboss.telemetry import logger, metrics
from push_live_updates.floor import Change, PushFloor
from push_live_updates.service import Kind, PushUpdates, Update
from push_live_updates.settings import Settings

BUDGET_MS = 8_000
"""Of a batch's messages: far less than the function's timeout, and a message takes 3 s at most."""

SLOW_AT_ONCE = 4
"""Messages that are sent at the same time to clients that are slow to take them."""

FLOOR_PARTS = frozenset({"sums", "conditions", "rates", "offers", "status", "alert"})
"""What sort keys of a floor's parts begin with; no change of the offers table has such a one."""

log = logger("push_live_updates")
count = metrics("push_live_updates")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        region = settings.aws_region
        url = management_url(settings.live_api_url, settings.aws_endpoint_url)
        connections = DynamoConnections(settings.connections_table, region)
        sockets, pool = LiveApi(url, region), ThreadPoolExecutor(POSTS_AT_ONCE)
        self.push = PushUpdates(connections, sockets, pool.map, now=_now, budget_ms=BUDGET_MS)
        self.push_floor = PushFloor(
            connections,
            sockets,
            pool,
            # Their own connections too, so that no other message waits for one.
            ThreadPoolExecutor(SLOW_AT_ONCE),
            settings.gaming_days.day_of,
            now=_now,
            wait=wait,
            sleep=time.sleep,
        )


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def _now() -> int:
    return time.time_ns() // 1_000_000


class _Placed(Struct, frozen=True):
    """Where an offer was made: of an `IssuedOffer`, what is of interest here."""

    property_id: str
    asset_id: str
    offer_id: str
    correlation_id: str = ""


_placed = msgspec.json.Decoder(_Placed)


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Tell connected games, or people, what a batch of either stream says.

    Returns:
        An empty list of failures: what could not be sent comes too late when it comes again.
    """
    records = event["Records"]
    floors = [record for record in records if _kind(record) in FLOOR_PARTS]
    offers = [record for record in records if _kind(record) not in FLOOR_PARTS]
    try:
        if offers:
            _push_offers(offers)
        if floors:
            _push_floors(floors)
    finally:
        count.flush()
    return {"batchItemFailures": []}


def _kind(record: dict[str, Any]) -> str:
    """What a record's sort key begins with."""
    kind: str = record["dynamodb"]["Keys"]["sk"]["S"].partition("/")[0]
    return kind


def _push_offers(records: list[dict[str, Any]]) -> None:
    updates: list[Update] = []
    unreadable = 0
    for record in records:
        try:
            update = _update(record)
        except (KeyError, ValueError) as fault:
            unreadable += 1
            where = {"event_id": record.get("eventID"), "fault": repr(fault)}
            log.error("a change cannot be read", extra=where)
        else:
            updates += [] if update is None else [update]
    pushed = _wiring().push(updates)
    count.count("UpdatesReceived", len(records))
    count.count("UpdatesUnreadable", unreadable)
    count.count("PushesSent", pushed.sent)
    count.count("PushesUndelivered", pushed.undelivered)
    count.count("ConnectionsGone", pushed.gone)


def _push_floors(records: list[dict[str, Any]]) -> None:
    # Of an item that changed several times, what it was at first and what it came to.
    items: dict[tuple[str, str], tuple[Any, Any]] = {}
    for record in records:
        change = record["dynamodb"]
        key = change["Keys"]["pk"]["S"], change["Keys"]["sk"]["S"]
        before, _ = items.get(key, (change.get("OldImage"), None))
        items[key] = before, change.get("NewImage")
    changes, unreadable = [], 0
    for (_, sk), (before, after) in items.items():
        try:
            changes.append(_change(before, after))
        except (UnreadableFloorError, ValueError) as fault:
            unreadable += 1
            log.error("a change cannot be read", extra={"item": sk, "fault": repr(fault)})
    pushed = _wiring().push_floor(changes)
    count.count("FloorChangesReceived", len(records))
    count.count("FloorChangesUnreadable", unreadable)
    count.count("FloorPushesSent", pushed.sent)
    count.count("FloorPushesDeferred", pushed.deferred)
    count.count("FloorPushesUndelivered", pushed.undelivered)
    count.count("FloorWatchersGone", pushed.gone)
    count.count("FloorWatchersClosed", pushed.closed)


def _change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    """What an item's images say.

    Raises:
        UnreadableFloorError, ValueError: they are no part's of a floor.
    """
    property_id = None if after is None else property_of(after)
    if after is None or property_id is None:
        raise ValueError("no part of a floor")
    was = None if before is None else part_of(plain(before))
    return Change(property_id, was, part_of(plain(after)))


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
    count.tell("pushed", offer_id=placed.offer_id, correlation_id=placed.correlation_id)
    return Update(placed.property_id, placed.asset_id, Kind.OFFER_READY)
