"""A property in, its active players' scores out."""

import os
import time
from functools import cache
from typing import Any

from pitboss.offers.learned import PolicySource
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.models import S3Models
from pitboss.stores.offers import DynamoOffers
from pitboss.stores.parquet import ParquetLake
from pitboss.stores.scores import DynamoScores
from pitboss.telemetry import logger, metrics
from score_players.service import active, score
from score_players.settings import Settings

DUCKDB_MEGABYTES = 500
"""Of the function's memory; the rest is Python's."""

log = logger("score_players")
count = metrics("score_players")


def _now() -> int:
    return time.time_ns() // 1_000_000


def _fell_back(why: str) -> None:
    log.error("the champion cannot be asked, and players are scored without it", extra={"why": why})
    count.count("ModelFallbacks")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        models = S3Models(settings.lake_bucket, settings.aws_region)
        # Always looked at anew: a night has just promoted.
        self.policies = PolicySource(models, _now, check_seconds=0, fell_back=_fell_back)
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        self.scores = DynamoScores(settings.offers_table, settings.aws_region)
        # It only reads, and what it reads is in one table.
        self.offers = DynamoOffers(settings.offers_table, "", "", settings.aws_region)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Score the active players of `{"property_id", "days"}`; how many, and by which model."""
    wiring = _wiring()
    property_id = str(event["property_id"])
    policy = wiring.policies.policy()
    catalogue = wiring.offers.catalogue(property_id)
    scored = 0
    if catalogue is not None:
        with ParquetLake(wiring.lake, property_id, DUCKDB_MEGABYTES) as tables:
            players = active(tables, event["days"])
            found = score(property_id, players, catalogue, policy, _now())
            scored = wiring.scores.put(found)
    count.count("PlayersScored", scored)
    count.flush()
    return {"property_id": property_id, "players": scored, "model_version": policy.version}
