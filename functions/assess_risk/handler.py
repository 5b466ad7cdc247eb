"""A run's players in; whom the gate is closed for."""

import os
import time
from functools import cache
from typing import Any

import msgspec

from assess_risk.service import assess
from assess_risk.settings import Settings
from pitboss.players.observed import Observation
from pitboss.settings import read
from pitboss.stores.models import RISK, S3Models, risk_of
from pitboss.stores.standings import DynamoStandings
from pitboss.telemetry import logger, metrics

log = logger("assess_risk")
count = metrics("assess_risk")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.settings = settings
        self.runs = S3Models(settings.lake_bucket, settings.aws_region, family=RISK)
        self.standings = DynamoStandings(settings.standings_table, None, settings.aws_region)

    def models(self, property_id: str) -> S3Models:
        """A property's own."""
        bucket, region = self.settings.lake_bucket, self.settings.aws_region
        return S3Models(bucket, region, family=risk_of(property_id))


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Learn, judge and score `{"run", "property_id"}`; what came of it."""
    wiring = _wiring()
    run, property_id = str(event["run"]), str(event["property_id"])
    players = msgspec.json.decode(
        wiring.runs.of_run(run, f"{property_id}.json"), type=list[Observation]
    )
    now = time.time_ns() // 1_000_000
    found = assess(wiring.models(property_id), wiring.standings, run, property_id, players, now)
    count.count("RiskModelsTrained", int(found.version is not None))
    count.count("RiskModelsPromoted", int(found.is_promoted))
    count.count("PlayersAtRisk", found.at_risk)
    count.flush()
    return {
        "property_id": property_id,
        "version": found.version or "none",
        "promoted": found.is_promoted,
        "why": found.why,
        "serves": found.serves,
        "players": found.scored,
        "at_risk": found.at_risk,
    }
