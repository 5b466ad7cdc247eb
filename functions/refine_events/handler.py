"""A partition's name in, its counts out."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from pitboss.lake.layout import SLOT
from pitboss.lake.manifest import Partition
from pitboss.settings import read
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.refinery import S3Refinery
from pitboss.telemetry import logger, metrics
from refine_events.service import refine_partition
from refine_events.settings import Settings

MEGABYTE = 1_000_000

log = logger("refine_events")
count = metrics("refine_events")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.settings = settings
        self.lake = S3Refinery(settings.lake_bucket, settings.aws_region)
        self.quarantine = S3Quarantine(settings.quarantine_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Refine `{"property_id": ..., "gaming_day": ...}` of a family; the manifest says the rest."""
    wiring = _wiring()
    partition = Partition(event["property_id"], event["gaming_day"])
    family = event.get("family", SLOT)
    with tempfile.TemporaryDirectory() as folder:
        manifest = refine_partition(
            partition,
            wiring.lake,
            wiring.quarantine,
            wiring.settings.gaming_days.day_of(partition.property_id),
            Path(folder),
            wiring.settings.refined_file_megabytes * MEGABYTE,
            shutil.disk_usage(folder).free,
            family,
        )
    events = manifest.events
    count.count("EventsRefined", events.unique)
    count.count("EventsDuplicate", events.duplicate)
    count.count("EventsConflicting", events.conflicting)
    count.count("LinesUnreadable", manifest.unreadable)
    count.flush()
    return {
        **partition._asdict(),
        "family": family,
        "archived": events.archived,
        "unique": events.unique,
        "duplicate": events.duplicate,
        "conflicting": events.conflicting,
        "unreadable": manifest.unreadable,
    }
