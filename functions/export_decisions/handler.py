"""A gaming day in, its table of decisions out."""

import os
from functools import cache
from typing import Any

from export_decisions.service import export_day
from export_decisions.settings import Settings
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.offers import DynamoOffers
from pitboss.stores.parquet import ParquetLake
from pitboss.telemetry import logger, metrics

DUCKDB_MEGABYTES = 500
"""Of the function's memory; the rest is Python's."""

log = logger("export_decisions")
count = metrics("export_decisions")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        # It only reads, and what it reads is in one table.
        self.offers = DynamoOffers(settings.offers_table, "", "", settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Export one property's gaming day; how many decisions and offers it has."""
    wiring = _wiring()
    property_id, day = str(event["property_id"]), str(event["gaming_day"])
    with ParquetLake(wiring.lake, property_id, DUCKDB_MEGABYTES) as tables:
        summary = export_day(wiring.offers, tables, wiring.lake, property_id, day)
    count.count("DecisionsExported", summary.decisions)
    count.flush()
    return {"decisions": summary.decisions, "open_offers": summary.open_offers}
