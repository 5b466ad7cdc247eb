"""A run in; what is to be expected of its devices, beside it."""

import os
from functools import cache
from typing import Any

from assess_shufflers.service import assess
from assess_shufflers.settings import Settings
from pitboss.settings import read
from pitboss.shufflers.costs import shipped
from pitboss.stores.models import SHUFFLERS, S3Models
from pitboss.telemetry import logger, metrics

log = logger("assess_shufflers")
count = metrics("assess_shufflers")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.models = S3Models(settings.lake_bucket, settings.aws_region, family=SHUFFLERS)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def _fell_back(why: str) -> None:
    log.warning("shufflers are assessed by the rules", extra={"why": why})
    count.count("FailureModelFallbacks")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Assess the devices of `{"run"}`; how many."""
    run = str(event["run"])
    devices = assess(_wiring().models, run, shipped(), _fell_back)
    count.count("ShufflersAssessed", devices)
    count.flush()
    return {"run": run, "devices": devices}
