"""A run in, its model out."""

import os
from functools import cache
from typing import Any

from pitboss.settings import read
from pitboss.stores.models import TRAIN, S3Models
from pitboss.telemetry import logger
from train_policy.service import train_run
from train_policy.settings import Settings

log = logger("train_policy")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.models = S3Models(settings.lake_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Train a run's model; what it is called among the run's objects."""
    models = _wiring().models
    return {"model": train_run(models, str(event["run"]), TRAIN, event["hyperparameters"])}
