"""What the live page is sent: the whole floor once by HTTP, and what changed over a WebSocket.

Both have the same parts, so that there is one way to apply them: of each machine the row with the
later `changed_at` wins, of every other part the one that came last. Who may not see players gets
rows without `player_id` (`without_players`).
"""

from msgspec import Struct
from msgspec.structs import replace

from pitboss.floor.rows import (
    Alert,
    FloorStatus,
    MachineCondition,
    MachineSums,
    OfferCounts,
    StreamRate,
)


class FloorParts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parts of a floor, or those of them that changed."""

    at: int
    """When this was read or sent, epoch milliseconds."""
    sums: list[MachineSums] = []
    conditions: list[MachineCondition] = []
    rates: list[StreamRate] = []
    offers: OfferCounts | None = None
    status: FloorStatus | None = None
    alerts: list[Alert] = []


class FloorDocument(FloorParts, frozen=True, kw_only=True, omit_defaults=True):
    """`GET /v1/floor/live`: every part, as it is kept."""

    property_id: str
    gaming_day: str
    """Of now."""
    plan_version: int
    """Of `GET /v1/floor/plan`; 0 where no plan was kept."""


class FloorChanged(
    FloorParts, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="floor.changed"
):
    """A message over the WebSocket: what changed since the one before."""

    part: int = 1
    """A large change comes in several messages, each of which can be applied alone."""


class PlayerOnFloor(Struct, frozen=True):
    """A player who sits at a machine now. Money in cents, theoretical win in dollars as a decimal
    string, times in epoch milliseconds.
    """

    player_id: str
    asset_id: str
    seated_since: int
    games: int
    coin_in_cents: int
    theoretical_win: str
    """Of this session, in this gaming day."""
    games_per_hour: int | None
    worth_segment: str | None
    adt: str | None
    tier: str | None
    offer_id: str | None = None
    offer_status: str | None = None
    offer_name: str | None = None
    offer_value_cents: int | None = None
    offer_reasons: list[str] = []
    """Why it was decided, in words."""


class PlayersOnFloor(Struct, frozen=True):
    """`GET /v1/floor/players`: who sits at machines now, the highest session's worth first."""

    at: int
    gaming_day: str
    players: list[PlayerOnFloor]
    total: int
    """Players seated, shown here or not."""


class MachineMinutes(Struct, array_like=True, frozen=True):
    """A machine over several minutes or hours, one value each. `states` is a letter each."""

    asset_id: str
    coin_in_cents: list[int]
    theoretical_win: list[int]
    states: str


class FloorHistory(Struct, frozen=True):
    """`GET /v1/floor/minutes` (one value a minute) and `GET /v1/floor/hours` (one an hour).

    Where nothing was kept of a minute, its coin-in is 0 and its state is `-`.
    """

    at: list[int]
    """Start of each minute or hour, epoch milliseconds."""
    machines: list[MachineMinutes]


class BillIn(Struct, frozen=True):
    """A bill that went into a machine. Shown to compliance alone: `bills:read`."""

    asset_id: str
    occurred_at: int
    event_id: str
    amount_cents: int
    player_id: str | None


def without_players(rows: list[MachineSums]) -> list[MachineSums]:
    """The same rows for somebody who may not see players."""
    return [replace(row, player_id=None) for row in rows]
