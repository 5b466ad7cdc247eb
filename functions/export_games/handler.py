"""A gaming day in, the tables of its ledger out."""

import os
from datetime import date
from functools import cache
from typing import Any

from export_games.service import export_day
from export_games.settings import Settings
from pitboss.rating.fold import House
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.parquet import ParquetLake
from pitboss.stores.ratings import DynamoRatings
from pitboss.telemetry import logger, metrics

STAGE = "export_games"

DUCKDB_MEGABYTES = 1_000
"""Of the function's memory; the rest is Python's."""

log = logger(STAGE)
count = metrics(STAGE)


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.gaming_days = settings.gaming_days
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        self.ratings = DynamoRatings(settings.ratings_table, settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Export one property's gaming day.

    Returns:
        How many rows each table has.
    """
    wiring = _wiring()
    property_id, day = str(event["property_id"]), date.fromisoformat(event["gaming_day"])
    day_of, idle_of = wiring.gaming_days.day_of(property_id), shipped().of(property_id).idle_ms
    with ParquetLake(wiring.lake, property_id, DUCKDB_MEGABYTES) as tables:
        exported = export_day(
            wiring.ratings, tables, House(day_of, idle_of), property_id, day.isoformat()
        )
    count.count("GamesExported", exported.games)
    count.count("GapsExported", exported.gaps)
    count.flush()
    return {"games": exported.games, "gaps": exported.gaps}
