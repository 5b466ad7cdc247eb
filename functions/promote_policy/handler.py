"""A version in; it serves."""

import os
import time
from functools import cache
from typing import Any

from pitboss.settings import read
from pitboss.stores.models import S3Models
from pitboss.telemetry import logger, metrics
from promote_policy.service import promote_version
from promote_policy.settings import Settings

log = logger("promote_policy")
count = metrics("promote_policy")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.models = S3Models(settings.lake_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Promote a version that `evaluate_policy` judged."""
    version, now = str(event["version"]), time.time_ns() // 1_000_000
    promote_version(_wiring().models, version, event["replaces"] or None, str(event["why"]), now)
    count.count("ModelsPromoted")
    count.flush()
    return {"version": version}
