"""Kinesis in, ratings out: decodes the records, calls the service, sets poison aside."""

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from pitboss.backoff import pause
from pitboss.events.batch import BatchHeader, SlotBatch, UnreadableRecord, unpack, unpack_received
from pitboss.events.delivered import Unreadable, read_records
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.slot import SlotEvent
from pitboss.money import THEORETICAL_UNITS_PER_DOLLAR
from pitboss.rating.fold import House
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.stores.changes import SnsChanges
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.ratings import DynamoRatings
from pitboss.telemetry import logger, metrics
from pitboss.traces import posts
from rate_players.service import Audience, Outcome, RatePlayers
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
    records, unreadable = read_records(event["Records"], unpack)
    batches = [record.batch for record in records]
    outcome = wiring.rate(batches)
    entries = [*map(_unreadable, unreadable)]
    entries += _unrated(outcome, batches, [record.data for record in records])
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
    count.count("RecordsUnreadable", len(unreadable))
    arrived = [(record.batch.header.request, _arrived_at(record.kinesis)) for record in records]
    count.flush(posts=posts(arrived), rated_at=outcome.rated_at)
    return {"batchItemFailures": []}


def _arrived_at(kinesis: Mapping[str, Any]) -> int:
    """When the stream took a record, epoch milliseconds."""
    return int(kinesis["approximateArrivalTimestamp"] * 1000)


def _unreadable(record: Unreadable) -> QuarantineEntry:
    return QuarantineEntry.of(
        record.data or str(record.kinesis["data"]).encode(),
        reason="unreadable_record",
        detail=str(record.fault),
        stage=STAGE,
        property_id="unknown",
        sender="stream",
        received_at=_arrived_at(record.kinesis),
        index=record.position,
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
