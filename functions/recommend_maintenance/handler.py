"""A run in, its recommendations in the database; the messages to send out."""

import os
import time
from functools import cache
from typing import Any
from uuid import uuid4

from pitboss.settings import read
from pitboss.shufflers.costs import shipped
from pitboss.shufflers.maintenance import Urgency
from pitboss.stores.database import Database, DatabaseAddress
from pitboss.stores.maintenance import SqlMaintenance
from pitboss.stores.models import SHUFFLERS, S3Models
from pitboss.telemetry import logger, metrics
from recommend_maintenance.service import notices, recommend
from recommend_maintenance.settings import Settings

log = logger("recommend_maintenance")
count = metrics("recommend_maintenance")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        database = Database(DatabaseAddress.of(settings), connect_seconds=30)
        self.maintenance = SqlMaintenance(database)
        self.runs = S3Models(settings.lake_bucket, settings.aws_region, family=SHUFFLERS)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Recommend by the assessment of `{"run"}`, or remember what of `{"sent"}` was sent."""
    wiring, now = _wiring(), time.time_ns() // 1_000_000
    if "sent" in event:
        for notice in event["sent"]:
            urgency = Urgency(notice["urgency"])
            wiring.maintenance.sent(str(notice["recommendation_id"]), urgency, now)
        return {"sent": len(event["sent"])}
    run = str(event["run"])
    done = recommend(wiring.maintenance, wiring.runs, run, shipped(), lambda: uuid4().hex, now)
    count.count("RecommendationsOpened", done.opened)
    count.count("RecommendationsClosed", done.closed)
    count.count("RecommendationsRaised", done.raised)
    count.flush()
    found = [
        {
            "recommendation_id": one.recommendation_id,
            "property_id": one.property_id,
            "urgency": str(one.urgency),
            "subject": one.subject,
            "text": one.text,
        }
        for one in notices(wiring.maintenance)
    ]
    return {"run": run, **done._asdict(), "notices": found}
