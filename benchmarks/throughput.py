"""Events per second through the whole stack: signed POSTs in, readable ratings out.

A simulated floor's packets are cut and compressed beforehand, so that the sender costs little, and
sent as fast as the stack takes them for a minute. The clock stops when the last game sent can be
read; only then is the number of events divided by the time. Every machine's total is compared with
the simulator's ledger at the end.
"""

import time
from typing import Any

from workbench import measure
from workbench.event_files import FileFormat
from workbench.replay import cut, replay
from workbench.simulation import Floor, FloorPlan

GOAL = 7_400
"""Events per second: what the gateway vendor's own server writes at most."""

ENOUGH = 20_000
"""Events a second to have ready, so that the load lasts about as long as it was asked to."""

EVENTS_A_MACHINE_MINUTE = 64
"""Events of a simulated machine in a minute, about."""

MACHINES = 189
PLAYERS = 150
GATEWAYS = 12
"""Senders, each with the machines of a few banks: 16 of 189."""

CONNECTIONS = 3


def run(seconds: int = 60, machines: int = MACHINES) -> dict[str, Any]:
    """Events per second over a minute, and what they were."""
    # A floor never seen before, or all of it would be duplicates.
    seed = int(time.time())
    property_id = f"bench-{seed}"
    minutes = max(1, seconds * ENOUGH // (machines * EVENTS_A_MACHINE_MINUTE))
    floor = Floor(FloorPlan(machines, PLAYERS, minutes, seed, property_id=property_id))
    batches = list(cut(measure.feed(floor.events()), max_events=500, groups=GATEWAYS))
    with measure.gateway(property_id) as sender, measure.reader(property_id) as client:
        measure.read(client, "/v1/floor")  # warm
        started = time.monotonic()
        report = replay(sender, batches, FileFormat.ACRES_SAS, connections=CONNECTIONS)
        games = floor.ledger.contract()["totals"]["games"]
        rated = measure.wait_until(lambda: measure.games_rated(client) == games, 300)
        elapsed = time.monotonic() - started
        ledger = floor.ledger.contract()
        found = measure.differences(measure.ratings(client, ledger), ledger)
    return {
        "figure": "events per second through the whole embedded stack",
        "goal": GOAL,
        "machines": machines,
        "events": report.received,
        "games": games,
        "posting_seconds": round(report.seconds, 1),
        "seconds_until_readable": round(elapsed, 1),
        "events_per_second": round(report.received / elapsed),
        "ledger": "equal to the cent" if rated and not found else found[:5],
    }
