"""The simulated floor: a seeded casino shift, and the ledger of what is true about it.

`Floor` plays the shift and keeps the ledger, `packets` and `envelopes` write what happened in the
two forms the front door takes. `docs/simulator.md` is the manual.
"""

from collections.abc import Iterator

from workbench.simulation.floor import DEFAULT_START, Event, Floor, FloorPlan
from workbench.simulation.packets import packet_line

__all__ = ["DEFAULT_START", "Event", "Floor", "FloorPlan", "simulate_floor"]


def simulate_floor(
    machines: int,
    players: int,
    minutes: int,
    seed: int,
    start: int = DEFAULT_START,
    property_id: str = "P1",
) -> Iterator[bytes]:
    """A shift's gateway packets, one JSON object each without the newline, in collector order.

    The same arguments give the same bytes. `start` is epoch milliseconds. Who also needs the
    ledger plays a `Floor`.
    """
    plan = FloorPlan(machines, players, minutes, seed, start, property_id)
    return map(packet_line, Floor(plan).events())
