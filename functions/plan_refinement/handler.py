"""What is asked for in, partitions out."""

import os
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from pitboss.lake.layout import GAME, SLOT
from pitboss.settings import read
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.refinery import S3Refinery
from pitboss.telemetry import logger, metrics
from plan_refinement.service import MAX_PARTITIONS, Wanted, has_ended, plan
from plan_refinement.settings import Settings

log = logger("plan_refinement")
count = metrics("plan_refinement")

MARGIN_DAYS = 2
"""Before files of a gaming day begin to go it is left alone, or they would be made again: a day is
two dates, and S3 takes a file away on a date."""


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.days = settings.gaming_days
        self.game_days = settings.game_days
        self.lake = S3Refinery(settings.lake_bucket, settings.aws_region)
        self.quarantine = S3Quarantine(settings.quarantine_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The partitions to refine, as the state machine goes through them."""
    wiring = _wiring()
    now = time.time_ns() // 1_000_000
    families = (SLOT, GAME) if event.get("family") is None else (event["family"],)
    partitions: list[dict[str, Any]] = []
    left = current = 0
    for family in families:
        wanted = Wanted(
            event.get("property_id"),
            event.get("gaming_day"),
            all=bool(event.get("all", False)),
            ended=bool(event.get("ended", False)),
            family=family,
            first_day=_first_day(wiring.game_days, now) if family == GAME else "",
        )
        room = MAX_PARTITIONS - len(partitions)
        planned = plan(wanted, wiring.lake, wiring.quarantine, wiring.days, now, room)
        partitions += [
            {
                **partition._asdict(),
                "family": family,
                "has_ended": has_ended(partition, wiring.days, now),
            }
            for partition in planned.partitions
        ]
        left += planned.left
        current += planned.current
    count.count("PartitionsStale", len(partitions) + left)
    count.count("PartitionsCurrent", current)
    count.flush()
    return {"partitions": partitions, "left": left, "current": current}


def _first_day(kept: int, now: int) -> str:
    """The first gaming day whose tables are kept for a while yet; `now` is epoch milliseconds."""
    today = datetime.fromtimestamp(now / 1_000, UTC).date()
    return (today - timedelta(kept - MARGIN_DAYS)).isoformat()
