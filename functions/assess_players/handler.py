"""A run's players in; whom the gate is closed for, or what is foreseen."""

import os
import time
from functools import cache
from typing import Any

import msgspec

from assess_players.service import assess, foresee
from assess_players.settings import Settings
from pitboss.players.families import FAMILIES, RISK
from pitboss.players.observed import Observation
from pitboss.settings import read
from pitboss.stores.models import S3Models, of_property
from pitboss.stores.standings import DynamoStandings
from pitboss.telemetry import logger, metrics

log = logger("assess_players")
count = metrics("assess_players")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.settings = settings
        self.standings = DynamoStandings(settings.standings_table, None, settings.aws_region)

    def models(self, family: str) -> S3Models:
        """A family's, or those of a property's own."""
        bucket, region = self.settings.lake_bucket, self.settings.aws_region
        return S3Models(bucket, region, family=family)


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Learn, judge and score `{"run", "property_id", "family"}`; what came of it."""
    wiring = _wiring()
    run, property_id = str(event["run"]), str(event["property_id"])
    family = FAMILIES[event.get("family", RISK.name)]
    players = msgspec.json.decode(
        wiring.models(family.name).of_run(run, f"{property_id}.json"), type=list[Observation]
    )
    models, now = wiring.models(of_property(family.name, property_id)), time.time_ns() // 1_000_000
    if family is RISK:
        found = assess(models, wiring.standings, run, property_id, players, now)
        count.count("PlayersAtRisk", found.at_risk)
    else:
        found = foresee(models, wiring.standings, family, run, property_id, players, now)
        count.count("PlayersForeseen", found.scored)
    count.count("PlayerModelsTrained", int(found.version is not None))
    count.count("PlayerModelsPromoted", int(found.is_promoted))
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
