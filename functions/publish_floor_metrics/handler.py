"""A minute in, metrics, minutes and alerts out."""

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pitboss.publishing import publish_each
from pitboss.settings import read
from pitboss.stores.figures import CloudWatchFigures
from pitboss.stores.floor import DynamoFloor
from pitboss.stores.offers import DynamoOffers
from pitboss.stores.quarantine import S3Quarantine
from pitboss.telemetry import logger, metrics
from publish_floor_metrics.service import NAMESPACE, STAGE, PublishFloorMetrics
from publish_floor_metrics.settings import Settings

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> PublishFloorMetrics:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    region = settings.aws_region
    tables = settings.offers_table, settings.standings_table, settings.ratings_table
    return PublishFloorMetrics(
        DynamoFloor(settings.floor_table, region),
        DynamoOffers(*tables, region),
        S3Quarantine(settings.quarantine_bucket, region),
        CloudWatchFigures(NAMESPACE, region),
        day_of=lambda property_id, at: settings.gaming_days.day_of(property_id)(at),
        date_of=lambda at: datetime.fromtimestamp(at / 1000, UTC).date().isoformat(),
    )


def handler(event: object, context: Any) -> dict[str, int]:  # noqa: ANN401 - Lambda's own type
    """Publish the minute that ended.

    Returns:
        Properties that were published.

    Raises:
        Exception: of the first property that was not; the others were.
    """
    publish, now = _wiring(), time.time_ns() // 1_000_000

    def once(property_id: str) -> None:
        done = publish(property_id, now)
        count.count("MinutesKept", done.minutes)
        count.count("AlertsRaised", done.raised)
        count.count("AlertsCleared", done.cleared)

    return publish_each(publish.properties(), once, log, count, "a floor is not published")
