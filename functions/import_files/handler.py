"""A dropped file in, a summary beside it out."""

import os
import time
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from import_files.service import STAGE, ImportFiles
from import_files.settings import Settings
from pitboss.imports.summary import Summary
from pitboss.settings import read
from pitboss.stores.imports import Drop, MisplacedDrop, S3Imports
from pitboss.stores.paces import S3Paces
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.ratings import DynamoRatings
from pitboss.telemetry import logger, metrics

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.imports = S3Imports(settings.lake_bucket, settings.aws_region)
        self.import_files = ImportFiles(
            self.imports,
            self.imports,
            self.imports,
            DynamoRatings(settings.ratings_table, settings.aws_region),
            S3Paces(settings.lake_bucket, settings.aws_region),
            S3Quarantine(settings.quarantine_bucket, settings.aws_region),
            settings.gaming_days.rule_of,
            Path(gettempdir()),
            now=lambda: time.time_ns() // 1_000_000,
        )


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> None:
    """Import the file that S3 says has come. One that cannot be is refused in its summary."""
    found = event["detail"]["object"]
    key = found["key"]
    wiring = _wiring()
    try:
        summary = wiring.import_files(Drop.at(key), found["sequencer"])
    except MisplacedDrop as fault:
        summary = Summary(source="", property_id="", file=key, refusal=str(fault))
    _report(key, summary)
    wiring.imports.report(key, summary)


def _report(key: str, summary: Summary) -> None:
    if summary.refusal is not None:
        log.warning("refused", extra={"key": key, "refusal": summary.refusal})
    count.count("FilesImported", int(summary.refusal is None))
    count.count("FilesRefused", int(summary.refusal is not None))
    count.count("RowsReceived", summary.rows)
    count.count("RowsImported", summary.imported)
    count.count("RowsDuplicate", summary.duplicates)
    count.count("RowsQuarantined", summary.conflicts + summary.unreadable)
    count.count("RowsFlagged", sum(summary.flagged.values()))
    count.flush()
