"""A night of retraining on the embedded stack: how long each of its states takes.

A week of 200 machines, 4,000 players and their decisions (`workbench.offer_week`): made by the
house's rules and its chance with the functions that `decide_offers` calls, and written straight
into the table of offers as it stores them; how players respond is simulated. Their play is written
as refined tables `games`, for rated play follows from no offer. Then the state machine runs as it
does by night, and once more: what was exported for good is not exported again.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench import endpoint, models
from workbench.console import say
from workbench.offer_week import OfferWeek
from workbench.offer_week import store as stored

MACHINES = 200
PLAYERS = 4_000
DAYS = 7
GOAL_SECONDS = 600


def run(seed: int | None = None) -> dict[str, Any]:
    """Seconds of each state, and what became of the night."""
    seed = int(time.time()) if seed is None else seed
    # What is learned from are days that are over, and not long.
    last_day = datetime.now(UTC).date() - timedelta(days=2)
    week = OfferWeek(f"nights-{seed}", MACHINES, PLAYERS, DAYS, last_day, seed)
    say("playing a week and storing its decisions ...")
    started = time.monotonic()
    counts = stored(week, endpoint.stack_outputs(), endpoint.client)
    storing = time.monotonic() - started
    night = models.run_night(f"bench-{seed}", {})
    again = models.run_night(f"bench-{seed}-again", {})
    return {
        "figure": "a night of retraining on a simulated week, embedded stack",
        "goal": f"completes, in less than {GOAL_SECONDS} s",
        "machines": MACHINES,
        "days": DAYS,
        **counts,
        "storing_seconds": round(storing, 1),
        "status": night["status"],
        "seconds": night["seconds"],
        "rows": [
            {"state": state, "seconds": seconds, "again": again["states"].get(state, 0.0)}
            for state, seconds in night["states"].items()
        ],
        "outcome": night["output"].get("outcome") or f"{night['error']}: {night['cause']}",
        "scored": night["output"].get("scored"),
        "again_status": again["status"],
        "again_seconds": again["seconds"],
        "again_outcome": again["output"].get("outcome") or f"{again['error']}: {again['cause']}",
    }
