"""A property's days in, its players at some moments out."""

import os
from functools import cache
from typing import Any

import msgspec

from observe_players.service import observe, observe_offers
from observe_players.settings import Settings
from pitboss.offers.gate import ListName
from pitboss.players.families import PROPENSITY
from pitboss.settings import read
from pitboss.stores.lake import S3Lake
from pitboss.stores.models import S3Models
from pitboss.stores.parquet import ParquetLake
from pitboss.stores.standings import DynamoStandings
from pitboss.telemetry import logger, metrics

DUCKDB_MEGABYTES = 1_500
"""Of the function's memory; the rest is Python's."""

log = logger("observe_players")
count = metrics("observe_players")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.lake = S3Lake(settings.lake_bucket, settings.aws_region)
        self.settings = settings
        self.standings = DynamoStandings(settings.standings_table, None, settings.aws_region)

    def models(self, family: str) -> S3Models:
        """Where a family's nights are."""
        settings = self.settings
        return S3Models(settings.lake_bucket, settings.aws_region, family=family)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Look at the players of `{"run", "property_id", "days", "known_to"}`; how many there are.

    With `"family": "propensity"` when they were shown offers.
    """
    wiring = _wiring()
    run, property_id = str(event["run"]), str(event["property_id"])
    listed = wiring.standings.members(property_id, ListName.SELF_EXCLUDED)
    with ParquetLake(wiring.lake, property_id, DUCKDB_MEGABYTES) as tables:
        look = observe_offers if event.get("family") == PROPENSITY.name else observe
        found = look(tables, event["days"], int(event["known_to"]), listed)
    for family, players in found.items():
        body = msgspec.json.encode(players)
        wiring.models(family).put_of_run(run, f"{property_id}.json", body)
    observed = sum(map(len, found.values()))
    count.count("PlayersObserved", observed)
    count.flush()
    return {"run": run, "property_id": property_id, "players": observed}
