"""What is asked for in, partitions out."""

import os
import time
from functools import cache
from typing import Any

from pitboss.settings import read
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.refinery import S3Refinery
from pitboss.telemetry import logger, metrics
from plan_refinement.service import Wanted, has_ended, plan
from plan_refinement.settings import Settings

log = logger("plan_refinement")
count = metrics("plan_refinement")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.days = settings.gaming_days
        self.lake = S3Refinery(settings.lake_bucket, settings.aws_region)
        self.quarantine = S3Quarantine(settings.quarantine_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The partitions to refine, as the state machine goes through them."""
    wiring = _wiring()
    wanted = Wanted(
        event.get("property_id"),
        event.get("gaming_day"),
        all=bool(event.get("all", False)),
        ended=bool(event.get("ended", False)),
    )
    now = time.time_ns() // 1_000_000
    planned = plan(wanted, wiring.lake, wiring.quarantine, wiring.days, now)
    count.count("PartitionsStale", len(planned.partitions) + planned.left)
    count.count("PartitionsCurrent", planned.current)
    count.flush()
    return {
        "partitions": [
            {**partition._asdict(), "has_ended": has_ended(partition, wiring.days, now)}
            for partition in planned.partitions
        ],
        "left": planned.left,
        "current": planned.current,
    }
