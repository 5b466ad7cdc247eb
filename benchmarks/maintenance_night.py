"""A night of the shufflers' branch on the embedded stack: how long each of its states takes.

Two years of simulated shufflers that ran to failure are put straight into the database
(`workbench.shuffling.stored`). Then the state machine runs as it does by night, and once more as it
does by the hour: what was said before is not said again.
"""

import time
from typing import Any

from pitboss.shufflers.maintenance import DAY_MS
from workbench import maintenance
from workbench.console import say
from workbench.shuffling import ShufflerPlan
from workbench.shuffling.stored import local_shufflers, store

DEVICES = 60
DAYS = 730
GOAL_SECONDS = 600


def run(seed: int | None = None) -> dict[str, Any]:
    """Seconds of each state, and what became of the night."""
    started_at = int(time.time())
    seed = started_at if seed is None else seed
    start = started_at * 1_000 - DAYS * DAY_MS
    plan = ShufflerPlan(DEVICES, DAYS, seed, start, property_id=f"nights-{seed}")
    say(f"simulating {DEVICES} shufflers, {DAYS} days each, and storing their hours ...")
    started = time.monotonic()
    with local_shufflers() as shufflers:
        stored = list(store(plan, shufflers))
    storing = time.monotonic() - started
    night = maintenance.run_refresh(learn=True)
    again = maintenance.run_refresh(learn=False)
    return {
        "figure": "a night of maintenance of simulated shufflers, embedded stack",
        "goal": f"completes, in less than {GOAL_SECONDS} s",
        "devices": DEVICES,
        "days": DAYS,
        "hours": sum(one.hours for one in stored),
        "failures": sum(one.failures for one in stored),
        "storing_seconds": round(storing, 1),
        "status": night["status"],
        "seconds": night["seconds"],
        "rows": [
            {"state": state, "seconds": seconds, "again": again["states"].get(state, 0.0)}
            for state, seconds in night["states"].items()
        ],
        "outcome": _outcome(night),
        "again_status": again["status"],
        "again_seconds": again["seconds"],
        "again_outcome": _outcome(again),
    }


def _outcome(night: dict[str, Any]) -> str:
    if night["status"] != "SUCCEEDED":
        return f"{night['error']}: {night['cause']}"
    found, done = night["output"], night["output"]["recommended"]
    parts = [f"{found['assessed']['devices']} shufflers assessed"]
    if "trained" in found:
        made = found["trained"]
        verdict = "promoted" if made["promoted"] else "not promoted"
        parts.append(f"version {made['version']} {verdict} ({made['why']})")
    parts += [f"{done[name]} {name}" for name in ("opened", "closed", "raised")]
    return "; ".join([*parts, f"{len(done['notices'])} messages sent"])
