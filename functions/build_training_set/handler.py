"""A plan's properties in, a training set out."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from build_training_set.service import Found, PropertyDays, build, observe
from build_training_set.settings import Settings
from pitboss.offers.training import to_lines
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.models import HELD_OUT, SUMMARY, TRAIN, S3Models
from pitboss.stores.parquet import ParquetLake
from pitboss.telemetry import logger, metrics

DUCKDB_MEGABYTES = 1_500
"""Of the function's memory; the rest is Python's."""

log = logger("build_training_set")
count = metrics("build_training_set")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        self.models = S3Models(settings.lake_bucket, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Build a run's training set; how many rows it has, and whether that is enough."""
    wiring = _wiring()
    run = str(event["run"])

    def found() -> Iterator[Found]:
        for one in (PropertyDays(**planned) for planned in event["properties"]):
            with ParquetLake(wiring.lake, one.property_id, DUCKDB_MEGABYTES) as tables:
                yield observe(tables, one)

    built = build(found())
    summary = built.summary
    wiring.models.put_of_run(run, TRAIN, to_lines(built.train))
    wiring.models.put_of_run(run, HELD_OUT, to_lines(built.held_out))
    wiring.models.put_of_run(run, SUMMARY, msgspec.json.encode(summary))
    count.count("RewardsCapped", summary.capped)
    count.count("DecisionsRejected", summary.rejected)
    count.flush()
    return {
        "train_rows": summary.train_rows,
        "held_out_rows": summary.held_out_rows,
        "enough": summary.why_not is None,
        "why": summary.why_not or "",
    }
