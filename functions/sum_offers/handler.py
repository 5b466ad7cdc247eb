"""Changes of the offers table in, counts out."""

import os
import time
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from pitboss.offers.issued import Step
from pitboss.settings import read
from pitboss.stores.floor import DynamoFloor
from pitboss.telemetry import logger, metrics
from sum_offers.service import Offer
from sum_offers.service import count as count_offers
from sum_offers.settings import Settings

log = logger("sum_offers")
count = metrics("sum_offers")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.floor = DynamoFloor(settings.floor_table, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


class _Reached(Struct, frozen=True):
    """Of an `IssuedOffer`, what is of interest here."""

    offer_id: str
    property_id: str
    gaming_day: str
    steps: tuple[Step, ...]


_reached = msgspec.json.Decoder(_Reached)


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Count the offers of a batch of the stream.

    Returns:
        An empty list of failures: what passes is raised, and the whole batch comes again.
    """
    offers, unreadable = [], 0
    for record in event["Records"]:
        try:
            offers.append(_offer(record))
        except (KeyError, ValueError) as fault:
            unreadable += 1
            where = {"event_id": record.get("eventID"), "fault": repr(fault)}
            log.error("a change cannot be read", extra=where)
    try:
        counted = count_offers(_wiring().floor, offers, time.time_ns() // 1_000_000)
        count.count("OffersCounted", counted)
        count.count("OfferChangesUnreadable", unreadable)
    finally:
        count.count("OfferChangesReceived", len(event["Records"]))
        count.flush()
    return {"batchItemFailures": []}


def _offer(record: dict[str, Any]) -> Offer:
    """What a change says of an offer; see `pitboss.stores.offers` for the items.

    Raises:
        KeyError, ValueError: it is no offer.
    """
    found = _reached.decode(record["dynamodb"]["NewImage"]["body"]["S"])
    statuses = tuple(str(step.status) for step in found.steps)
    return Offer(found.property_id, found.gaming_day, found.offer_id, statuses)
