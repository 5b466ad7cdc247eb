"""A small game's day, sent through the front door: for the pictures of the documents."""

import json
import random
import time
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Any

from tests.game_days import APPLICATION, DAY, RULE, Row, played
from workbench import endpoint, measure
from workbench.console import WorkbenchError
from workbench.metrics import load
from workbench.paths import ROOT

PLAYERS, NOW_PLAYERS = 300, 60
EVENTS_A_POST = 500
DAY_MS, FASTER = 86_400_000, 12
LIVE_MINUTES = 25
"""So long ago those who play now began."""


def register(property_id: str) -> None:
    """The application, and the metrics that come with Pitboss."""
    from pitboss.games.applications import Application
    from pitboss.stores.applications import DynamoApplications
    from pitboss.stores.metrics import DynamoMetrics

    outputs, region = endpoint.stack_outputs(), endpoint.target().region or endpoint.DEFAULT_REGION
    with endpoint.as_environment():
        applications = DynamoApplications(outputs["RegistryTableName"], region)
        applications.add(Application(property_id, APPLICATION, time.time_ns() // 1_000_000))
        metrics = DynamoMetrics(outputs["MetricsTableName"], region)
        for metric in load([Path(ROOT / "metrics")]):
            metrics.define(property_id, metric, int(time.time()))


def send(property_id: str) -> None:
    """Two hours of the game a day ago, and some who play it now.

    Raises:
        WorkbenchError: something of it is refused.
    """
    with measure.studio(property_id) as client:
        for rows in batched([*_yesterday(), *_now()], EVENTS_A_POST, strict=False):
            body = json.dumps([posted(row) for row in rows]).encode()
            answer = client.send(
                "POST", "/v1/game-events", body, {"Content-Type": "application/json"}
            )
            if answer.status_code != 200:
                raise WorkbenchError(f"POST /v1/game-events: {answer.status_code} {answer.text}")


def _yesterday() -> Iterator[Row]:
    now = time.time_ns() // 1_000_000
    start = RULE.bounds_of(DAY)[0]
    for row in played(PLAYERS):
        ago = DAY_MS - (row.occurred_at - start) // FASTER
        yield row._replace(occurred_at=now - ago)


def _now() -> Iterator[Row]:
    chance, now = random.Random(9), time.time_ns() // 1_000_000
    for row in played(NOW_PLAYERS, seed=8):
        ago = chance.randrange(LIVE_MINUTES * 60_000)
        yield row._replace(event_id=f"now-{row.event_id}", occurred_at=now - ago)


def posted(row: Row) -> dict[str, Any]:
    """An event as a studio posts it."""
    envelope = {
        "event_id": row.event_id,
        "event_timestamp": row.occurred_at,
        "event_type": row.event_type,
        "event_version": row.event_version,
        "app_name": row.application_id,
        "app_version": row.app_version,
        "client_id": row.player_id,
        "level_id": row.level_id,
        "position_x": row.x,
        "position_y": row.y,
    }
    known = {name: value for name, value in envelope.items() if value is not None}
    return json.loads(row.data) | known
