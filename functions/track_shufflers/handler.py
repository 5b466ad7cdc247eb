"""Kinesis in, rows of the shufflers' database out."""

import os
from binascii import a2b_base64
from functools import cache, partial
from typing import Any

from pitboss.backoff import pause
from pitboss.settings import read
from pitboss.stores.database import Database, DatabaseAddress
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.shufflers import PostgresShufflers
from pitboss.telemetry import logger, metrics
from track_shufflers.service import STAGE, DeliveredRecord, TrackShufflers
from track_shufflers.settings import Settings

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> TrackShufflers:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    rule_of = cache(settings.gaming_days.rule_of)
    return TrackShufflers(
        PostgresShufflers(Database(DatabaseAddress.of(settings), connect_seconds=20)),
        S3Quarantine(settings.quarantine_bucket, settings.aws_region),
        day_of=lambda property_id, moment: rule_of(property_id).date_of(moment),
        months_kept=settings.shuffler_retention_months,
        pause=partial(pause, seconds=0.05),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Keep one batch of stream records.

    Returns:
        An empty list of failures: what is refused is in the quarantine by then, and all else
        raises.
    """
    outcome = _wiring()(
        [
            DeliveredRecord(
                a2b_base64(kinesis["data"], strict_mode=True),
                int(kinesis["approximateArrivalTimestamp"] * 1000),
            )
            for kinesis in (record["kinesis"] for record in event["Records"])
        ]
    )
    if outcome.foreign:
        log.warning(
            "security event: messages of a foreign shuffler, or without a certificate",
            extra={"senders": outcome.foreign_senders, "events": outcome.foreign},
        )
    count.count("RecordsReceived", outcome.records)
    count.count("EventsReceived", outcome.received)
    count.count("EventsAccepted", outcome.accepted)
    count.count("EventsDuplicate", outcome.duplicate)
    count.count("EventsQuarantined", outcome.quarantined)
    count.count("EventsForeign", outcome.foreign)
    count.count("EventsUnrecognised", outcome.unrecognised)
    count.flush()
    return {"batchItemFailures": []}
