"""A run's model in, a verdict out."""

import os
from functools import cache
from typing import Any

from evaluate_policy.service import Names, evaluate_run
from evaluate_policy.settings import Settings
from pitboss.settings import read
from pitboss.stores.models import HELD_OUT, SUMMARY, TRAIN, S3Models
from pitboss.telemetry import logger, metrics

log = logger("evaluate_policy")
count = metrics("evaluate_policy")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.models = S3Models(settings.lake_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Evaluate a run's model; the card has the figures."""
    evaluated = evaluate_run(
        _wiring().models,
        str(event["run"]),
        str(event["model"]),
        Names(TRAIN, HELD_OUT, SUMMARY),
        event["hyperparameters"],
    )
    count.count("ModelsEvaluated")
    count.flush()
    return {
        "version": evaluated.card.version,
        "promote": evaluated.card.gate.promote,
        "why": evaluated.card.gate.why,
        "replaces": evaluated.replaces or "",
    }
