"""Messages of scores in, leaderboards and entitlements out."""

import os
import time
from functools import cache
from typing import Any

from keep_scores.service import keep_scores
from keep_scores.settings import Settings
from pitboss.backoff import pause
from pitboss.games.leaderboards import Scores, decode
from pitboss.pacing import Pace
from pitboss.settings import read
from pitboss.stores.leaderboards import DynamoScores
from pitboss.stores.marked import MarkedItems
from pitboss.telemetry import logger, metrics

STAGE = "keep_scores"

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self._pace = Pace(
            settings.score_write_units // settings.score_writers, time.monotonic, time.sleep
        )
        self.boards = DynamoScores(
            MarkedItems(settings.scores_table, settings.aws_region, self._take, pause)
        )

    def _take(self, units: int) -> None:
        self._pace.take(units)
        count.count("WriteUnits", units)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def _now() -> int:
    return time.time_ns() // 1_000_000


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Keep the scores of a batch of messages.

    Returns:
        The messages that cannot be read: they come again, and at last are set aside.
    """
    messages: list[Scores] = []
    failed: list[str] = []
    for record in event["Records"]:
        try:
            messages.append(decode(record["body"]))
        except ValueError as fault:
            failed.append(record["messageId"])
            what = {"message_id": record["messageId"], "fault": repr(fault)}
            log.error("a message has no scores", extra=what)
    try:
        outcome = keep_scores(messages, _wiring().boards, _now, pause)
        count.count("ScoresReceived", outcome.scores)
        count.count("ScoresTooLate", outcome.too_late)
        count.count("EntriesKept", outcome.kept)
        count.count("EntriesContended", outcome.contended)
        count.count("EntitlementsGranted", outcome.granted)
    finally:
        count.count("MessagesReceived", len(event["Records"]))
        count.count("MessagesUnreadable", len(failed))
        count.flush()
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
