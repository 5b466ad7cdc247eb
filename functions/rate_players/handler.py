"""Kinesis in, ratings out: decodes the records, calls the service, sets poison aside."""

import os
import time
from binascii import a2b_base64
from functools import cache
from typing import Any

import msgspec

from pitboss.backoff import pause
from pitboss.events.batch import (
    BatchHeader,
    SlotBatch,
    UnreadableRecord,
    pack,
    unpack,
    unpack_received,
)
from pitboss.events.slot import GameStarted, MeteredEvent, SlotEvent
from pitboss.money import THEORETICAL_UNITS_PER_DOLLAR
from pitboss.rating.fold import House
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.stores.changes import SnsChanges
from pitboss.stores.quarantine import QuarantineEntry, S3Quarantine
from pitboss.stores.ratings import DynamoRatings
from pitboss.telemetry import logger, metrics
from pitboss.traces import posts
from rate_players.service import Audience, BrokenReleaseError, Outcome, RatePlayers
from rate_players.settings import Settings

STAGE = "rate_players"

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        rules = shipped()  # read at once: a table that is none shall fail before any event
        self.rate = RatePlayers(
            DynamoRatings(settings.ratings_table, settings.aws_region),
            cache(
                lambda property_id: House(
                    settings.gaming_days.day_of(property_id), rules.of(property_id).idle_ms
                )
            ),
            pause=pause,
            now=lambda: time.time_ns() // 1_000_000,
            audience=Audience(
                SnsChanges(settings.player_topic, settings.aws_region),
                settings.worth_step_cents * (THEORETICAL_UNITS_PER_DOLLAR // 100),
                rules.of,
            ),
        )
        self.quarantine = S3Quarantine(settings.quarantine_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Rate one batch of stream records.

    Returns:
        An empty list of failures: whatever cannot be rated is in the quarantine by then.
    """
    wiring = _wiring()
    batches: list[SlotBatch] = []
    records: list[bytes] = []
    entries: list[QuarantineEntry] = []
    arrived: list[tuple[bytes, int]] = []
    for index, record in enumerate(event["Records"]):
        kinesis = record["kinesis"]
        data = b""
        try:
            data = a2b_base64(kinesis["data"], strict_mode=True)
            batches.append(unpack(data))
            records.append(data)
            request = batches[-1].header.request
            arrived.append((request, int(kinesis["approximateArrivalTimestamp"] * 1000)))
        except Exception as fault:  # noqa: BLE001 - whatever poison or a bug raises
            _check_reading(fault)
            entries.append(_unreadable(kinesis, data, index, fault))
    outcome = wiring.rate(batches)
    entries += _unrated(outcome, batches, records)
    for sender in dict.fromkeys((entry.property_id, entry.sender) for entry in entries):
        wiring.quarantine.put([e for e in entries if (e.property_id, e.sender) == sender])
    if entries:
        log.warning("set aside", extra={"entries": len(entries), "first": entries[0].detail})
    count.count("RecordsReceived", len(event["Records"]))
    count.count("EventsReceived", outcome.received)
    count.count("EventsRated", outcome.rated)
    count.count("EventsDuplicate", outcome.duplicate)
    count.count("EventsUnrelated", outcome.unrelated)
    count.count("EventsQuarantined", outcome.quarantined)
    count.count("Gaps", outcome.gaps)
    count.count("CorrectionsPosted", outcome.corrections)
    count.count("ChangesPublished", outcome.published)
    count.count("ChangesUnpublished", outcome.unpublished)
    count.count("RecordsUnreadable", len(event["Records"]) - len(batches))
    count.flush(posts=posts(arrived), rated_at=outcome.rated_at)
    return {"batchItemFailures": []}


def _check_reading(fault: Exception) -> None:
    """Before a record is blamed for a fault, read one that is known to be good."""
    game = MeteredEvent("known", 0, 1, None, GameStarted(500))
    header = BatchHeader("known", "known", 0, "known", "known")
    try:
        read = unpack(pack(header, [b"{}"], [game]))
    except Exception:  # noqa: BLE001 - as above
        read = None
    if read is None or (read.header, len(read.events)) != (header, 1):
        raise BrokenReleaseError("a known record cannot be read") from fault


def _unreadable(
    kinesis: dict[str, Any], data: bytes, index: int, fault: Exception
) -> QuarantineEntry:
    return QuarantineEntry.of(
        data or str(kinesis["data"]).encode(),
        reason="unreadable_record",
        detail=str(fault),
        stage=STAGE,
        property_id="unknown",
        sender="stream",
        received_at=int(kinesis["approximateArrivalTimestamp"] * 1000),
        index=index,
    )


def _unrated(
    outcome: Outcome, batches: list[SlotBatch], records: list[bytes]
) -> list[QuarantineEntry]:
    """What could not be rated, as its gateway sent it; where that is damaged, as it was read."""
    assets = {unrated.asset for unrated in outcome.unrated}
    sent: dict[tuple[str, str, str], list[tuple[SlotEvent, bytes, BatchHeader]]] = {}
    for (header, events, _), record in zip(batches, records, strict=True):
        if (header.property_id, header.asset_id) not in assets:
            continue
        try:
            received = unpack_received(record)[: len(events)]
        except UnreadableRecord:
            received = []
        received += [msgspec.json.encode(event) for event in events[len(received) :]]
        for event, raw in zip(events, received, strict=True):
            key = (header.property_id, header.asset_id, event.event_id)
            sent.setdefault(key, []).append((event, raw, header))
    entries = []
    for unrated in outcome.unrated:
        for index, event in enumerate(unrated.events):
            candidates = sent[*unrated.asset, event.event_id]
            raw, header = next((raw, header) for e, raw, header in candidates if e == event)
            entries.append(
                QuarantineEntry.of(
                    raw,
                    reason=unrated.reason,
                    detail=unrated.detail,
                    stage=STAGE,
                    property_id=header.property_id,
                    sender=header.sender,
                    received_at=header.received_at,
                    index=index,
                    posted_as=header.format,
                )
            )
    return entries
