"""Kinesis in, messages of scores out."""

import os
import time
from functools import cache
from typing import Any

from pitboss.events.batch import unpack_games
from pitboss.events.delivered import KNOWN_GAME, read_records
from pitboss.settings import read
from pitboss.stores.applications import DynamoApplications, KeptApplications
from pitboss.stores.topic import SnsTopic
from pitboss.telemetry import logger, metrics
from publish_scores.service import boards_of, publish_scores
from publish_scores.settings import Settings

STAGE = "publish_scores"

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        applications = DynamoApplications(settings.registry_table, settings.aws_region)
        self.applications = KeptApplications(applications.find, boards_of, time.monotonic)
        self.topic = SnsTopic(settings.scores_topic, settings.aws_region)
        self.days_of = settings.gaming_days.rule_of


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, list[Any]]:
    """Publish the scores of one batch of stream records.

    Returns:
        An empty list of failures: what cannot be read is left out, and all else raises.
    """
    wiring = _wiring()
    records, unreadable = read_records(event["Records"], unpack_games, KNOWN_GAME)
    outcome = publish_scores(
        [record.batch for record in records], wiring.applications, wiring.topic, wiring.days_of
    )
    if unreadable:
        log.warning("left out, as archive_events keeps them", extra={"records": len(unreadable)})
    count.count("RecordsReceived", len(event["Records"]))
    count.count("RecordsUnreadable", len(unreadable))
    count.count("EventsReceived", outcome.events)
    count.count("ScoresPublished", outcome.scores)
    for reason, events in outcome.unscored.items():
        count.count("EventsUnscored", events, reason=str(reason))
    count.count("MessagesPublished", outcome.messages)
    count.flush()
    return {"batchItemFailures": []}
