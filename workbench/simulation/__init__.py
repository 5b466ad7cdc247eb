"""The simulated floor: a seeded casino shift, and the ledger of what is true about it.

`Floor` plays the shift and keeps the ledger, `OddFloor` one with oddities and faults,
`CheatingFloor` one with cheats; `packets` and `envelopes` write what happened in the two forms the
front door takes. `docs/simulator.md` is the manual.
"""

from collections.abc import Iterator

from workbench.simulation.cheats import CheatingFloor
from workbench.simulation.faults import FAULTS
from workbench.simulation.floor import DEFAULT_START, Event, Floor, FloorPlan
from workbench.simulation.odd import ODDITIES, OddFloor
from workbench.simulation.packets import packet_line

__all__ = [
    "DEFAULT_START",
    "FAULTS",
    "ODDITIES",
    "CheatingFloor",
    "Event",
    "Floor",
    "FloorPlan",
    "OddFloor",
    "open_floor",
    "simulate_floor",
]


def open_floor(plan: FloorPlan) -> Floor:
    """The floor of a plan.

    Raises:
        ValueError: an oddity or a fault is not known.
    """
    if plan.cheats:
        return CheatingFloor(plan)
    return OddFloor(plan) if plan.oddities or plan.faults else Floor(plan)


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
