"""What is asked for in, partitions out."""

import os
from functools import cache
from typing import Any

from pitboss.settings import read
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.refinery import S3Refinery
from pitboss.telemetry import logger, metrics
from plan_refinement.service import Wanted, plan
from plan_refinement.settings import Settings

log = logger("plan_refinement")
count = metrics("plan_refinement")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.day_of = settings.gaming_days.day_of
        self.lake = S3Refinery(settings.lake_bucket, settings.aws_region)
        self.quarantine = S3Quarantine(settings.quarantine_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The partitions to refine, as the state machine goes through them."""
    wiring = _wiring()
    wanted = Wanted(
        event.get("property_id"), event.get("gaming_day"), all=bool(event.get("all", False))
    )
    planned = plan(wanted, wiring.lake, wiring.quarantine, wiring.day_of)
    count.count("PartitionsStale", len(planned.partitions) + planned.left)
    count.count("PartitionsCurrent", planned.current)
    count.flush()
    return {
        "partitions": [partition._asdict() for partition in planned.partitions],
        "left": planned.left,
        "current": planned.current,
    }
