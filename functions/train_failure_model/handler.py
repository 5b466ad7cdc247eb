"""A run in; what became of what it learned."""

import os
import time
from functools import cache
from typing import Any

from pitboss.settings import read
from pitboss.shufflers.costs import shipped
from pitboss.stores.models import SHUFFLERS, S3Models
from pitboss.telemetry import logger, metrics
from train_failure_model.service import train
from train_failure_model.settings import Settings

log = logger("train_failure_model")
count = metrics("train_failure_model")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.models = S3Models(settings.lake_bucket, settings.aws_region, family=SHUFFLERS)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Learn from the hours of `{"run"}`; what came of it."""
    run, now = str(event["run"]), time.time_ns() // 1_000_000
    trained = train(_wiring().models, run, shipped(), now)
    count.count("FailureModelsTrained", int(trained.version is not None))
    count.count("FailureModelsPromoted", int(trained.is_promoted))
    count.flush()
    return {
        "run": run,
        "version": trained.version or "none",
        "promoted": trained.is_promoted,
        "why": trained.why,
    }
