"""A minute in, metrics and notices out."""

import os
import time
from functools import cache
from typing import Any

from pitboss.publishing import publish_each
from pitboss.settings import read
from pitboss.stores.figures import CloudWatchFigures
from pitboss.stores.metrics import DynamoMetrics
from pitboss.stores.notices import SnsNotices
from pitboss.telemetry import logger, metrics
from publish_metrics.service import NAMESPACE, STAGE, PublishMetrics
from publish_metrics.settings import Settings

log = logger(STAGE)
count = metrics(STAGE)


@cache
def _wiring() -> PublishMetrics:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    region = settings.aws_region
    return PublishMetrics(
        DynamoMetrics(settings.metrics_table, region),
        CloudWatchFigures(NAMESPACE, region),
        SnsNotices(settings.metrics_topic, region),
        cache(settings.gaming_days.ordinal_of),
    )


def handler(event: object, context: Any) -> dict[str, int]:  # noqa: ANN401 - Lambda's own type
    """Publish what every property's metrics come to.

    Returns:
        Properties that were published.

    Raises:
        Exception: of the first property that was not; the others were.
    """
    publish, now = _wiring(), int(time.time())

    def once(property_id: str) -> None:
        done = publish(property_id, now)
        count.count("FiguresPut", done.figures)
        count.count("NoticesTold", done.notices)
        count.count("ThresholdsContended", done.contended)

    return publish_each(publish.properties(), once, log, count, "metrics are not published")
