"""From POST to readable rating, at the peak rate of a small floor.

A simulated floor of 189 machines plays at 250 events a second through the front door; one game at
a time is followed from the start of the POST that ends it until `GET /v1/machines/{id}` shows it.
"""

import time
from typing import Any

from workbench import measure
from workbench.simulation import Floor, FloorPlan

GOAL_MS = 1_000
"""95th percentile, at most."""

EVENTS_PER_SECOND = 250
MACHINES = 189
PLAYERS = 150


def run(seconds: int = 60) -> dict[str, Any]:
    """Percentiles in milliseconds."""
    now = time.time_ns() // 1_000_000
    property_id = f"bench-{now // 1000}"
    plan = FloorPlan(MACHINES, PLAYERS, seconds, now // 1000, start=now, property_id=property_id)
    with measure.gateway(property_id) as sender, measure.reader(property_id) as client:
        measured = measure.latency(
            Floor(plan), sender, client, seconds=seconds, events_per_second=EVENTS_PER_SECOND
        )
    return {
        "figure": "POST to readable rating",
        "goal_p95_ms": GOAL_MS,
        "machines": MACHINES,
        **measured.as_json(),
    }
