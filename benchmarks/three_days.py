"""Three gaming days of a floor with everything odd about it, through the stack, against its ledger.

200 machines and 150 players; cards late, missing, doubled, forgotten and shared; machines with
several games, paytables that change, meters that roll over and are reset; power cuts, overflows,
wrong clocks; hand-pays of every kind. On top, packets are doubled, sent again, out of order, late
by days or lost. What can be read afterwards is compared with the ledger that the simulator keeps
without any code of the rating: every sum of every machine and player, of each gaming day and of
all.
"""

import time
from dataclasses import replace
from typing import Any

from workbench import measure
from workbench.console import say
from workbench.event_files import FileFormat
from workbench.replay import cut, replay
from workbench.simulation import FAULTS, ODDITIES, FloorPlan, open_floor

MACHINES = 200
PLAYERS = 150
DAYS = 3
GATEWAYS = 12
CONNECTIONS = 3
PATIENCE_SECONDS = 300


def run(seed: int | None = None) -> dict[str, Any]:
    """What was sent, how long it took, and where what was rated differs from the ledger."""
    # A floor never seen before, or all of it would be duplicates.
    seed = int(time.time()) if seed is None else seed
    property_id = f"days-{seed}"
    plan = FloorPlan.of_days(MACHINES, PLAYERS, DAYS, seed, property_id=property_id)
    floor = open_floor(replace(plan, oddities=frozenset(ODDITIES), faults=frozenset(FAULTS)))
    batches = cut(measure.feed(floor.events()), max_events=500, groups=GATEWAYS)
    say("playing three gaming days and sending them ...")
    with measure.gateway(property_id) as sender, measure.reader(property_id) as client:
        started = time.monotonic()
        report = replay(sender, batches, FileFormat.ACRES_SAS, connections=CONNECTIONS)
        sent = time.monotonic()
        ledger = floor.ledger.contract()
        found: list[str] = []

        def is_equal() -> bool:
            found[:] = measure.differences(measure.ratings(client, ledger), ledger)
            return not found

        measure.wait_until(is_equal, PATIENCE_SECONDS, every=5)
    return {
        "figure": "three gaming days with all oddities and faults, through the embedded stack",
        "goal": "equal to the ledger to the cent, per player, machine and day",
        "machines": MACHINES,
        "players": len(ledger["players"]),
        "gaming_days": len(ledger["days"]),
        "events": report.received,
        "duplicates_sent": ledger["duplicate"],
        "games": ledger["totals"]["games"],
        "incomplete_games": ledger["totals"]["incomplete_games"],
        "gaps": ledger["totals"]["gaps"],
        "posting_seconds": round(sent - started, 1),
        "sums_compared": sum(
            len(table[kind]) * 8
            for table in (ledger, *ledger["days"])
            for kind in ("machines", "players")
        ),
        "ledger": found[:5] or "equal to the cent",
    }
