"""A night's name in, what to do in it out."""

import os
import time
from functools import cache
from typing import Any

from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.models import S3Models
from pitboss.telemetry import logger
from plan_retraining.service import plan
from plan_retraining.settings import Settings

log = logger("plan_retraining")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.settings = settings
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        self.models = S3Models(settings.lake_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Plan the night that an execution of the state machine begins.

    `asked` is the execution's input: `run` names another night than that of the day on which the
    execution was started, `train_in` another place to train in, `hyperparameters` another recipe.
    """
    wiring = _wiring()
    asked = event["asked"]
    planned = plan(
        asked.get("run") or str(event["started_at"])[:10],
        event["execution"],
        wiring.lake,
        wiring.models,
        wiring.settings.gaming_days,
        wiring.settings.training_days,
        time.time_ns() // 1_000_000,
    )
    return {
        "run": planned.run,
        "is_ours": planned.is_ours,
        "exports": [
            {"property_id": property_id, "gaming_day": day} for property_id, day in planned.exports
        ],
        "properties": [one._asdict() for one in planned.properties],
        "train_in": asked.get("train_in") or wiring.settings.training_place,
        "hyperparameters": asked.get("hyperparameters") or {},
    }
