"""A property's floor plan: where machines, tables and shufflers stand, and the limits of its floor.

A plan is a file that a property keeps (`pitboss plan apply`); a simulated floor's is generated.
Coordinates are in units of one machine's width, x to the right and y down.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from pitboss.errors import TerminalError

MAX_PLACES = 10_000
"""Places of one plan: more than the largest floor has, and what one item still holds."""

type Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
type Name = Annotated[str, Meta(min_length=1, max_length=64)]
type Coordinate = Annotated[float, Meta(ge=0, le=10_000)]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """Where something stands. A bank is a group of machines that stand together."""

    asset_id: Identifier
    x: Coordinate
    y: Coordinate
    zone: Name
    bank: str = ""
    kind: Literal["machine", "table", "shuffler"] = "machine"
    label: Annotated[str, Meta(max_length=64)] = ""
    """What people call it; its asset number where empty."""
    table_id: str = ""
    """Of a shuffler, the table that it is at."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """From when on a machine is what it is shown as; see `pitboss.floor.states`."""

    no_comms_seconds: Annotated[int, Meta(ge=10, le=86_400)] = 120
    """Nothing heard for so long: no communication."""
    offline_seconds: Annotated[int, Meta(ge=10, le=604_800)] = 900
    """Nothing heard for so long: taken to be switched off."""
    idle_seconds: Annotated[int, Meta(ge=5, le=3_600)] = 60
    """No play for so long: uncarded play is over."""
    hot_cents_per_minute: Annotated[int, Meta(ge=1)] = 5_000
    """Mean coin-in of the last five minutes from which a machine is hot."""
    employee_cards: list[str] = []
    """Player ids that begin so are cards of the house's own people."""


class FloorPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A property's plan. `version` is set by who keeps it, 0 of one that was never kept."""

    places: Annotated[list[Place], Meta(max_length=MAX_PLACES)]
    limits: Limits = Limits()
    version: int = 0


class InvalidPlanError(TerminalError, ValueError):
    """A plan that contradicts itself; the message names each fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        super().__init__("; ".join(faults))


def check(plan: FloorPlan) -> None:
    """Refuse a plan in which something stands at two places.

    Raises:
        InvalidPlanError: an asset is there more than once.
    """
    twice = [
        asset for asset, n in Counter(place.asset_id for place in plan.places).items() if n > 1
    ]
    if twice:
        raise InvalidPlanError(f"{asset} stands at more than one place" for asset in sorted(twice))
