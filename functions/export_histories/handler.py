"""A run in, the devices' hours beside it; what was measured at tables."""

import os
import time
from functools import cache
from typing import Any

from export_histories.service import export, export_paces
from export_histories.settings import Settings
from pitboss.settings import read
from pitboss.stores.database import Database, DatabaseAddress
from pitboss.stores.histories import SqlHistories
from pitboss.stores.models import SHUFFLERS, S3Models
from pitboss.stores.paces import S3Paces
from pitboss.telemetry import logger, metrics

log = logger("export_histories")
count = metrics("export_histories")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.days = settings.history_days
        # Aurora may have to resume first.
        database = Database(DatabaseAddress.of(settings), connect_seconds=30)
        self.histories = SqlHistories(database)
        self.runs = S3Models(settings.lake_bucket, settings.aws_region, family=SHUFFLERS)
        self.paces = S3Paces(settings.lake_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Hand on what `{"run"}` works on; how many devices."""
    wiring, run = _wiring(), str(event["run"])
    now = time.time_ns() // 1_000_000
    devices = export(wiring.histories, wiring.runs, run, wiring.days, now)
    count.count("HistoriesExported", devices)
    count.count("PacesExported", export_paces(wiring.histories, wiring.paces))
    count.flush()
    return {"run": run, "devices": devices}
