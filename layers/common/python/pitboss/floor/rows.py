"""What is kept and shown of each machine: rows, as arrays, in blocks of machines.

A row is a state, not a sum of changes: it is made from what `rate_players` stored or from what a
machine said last, and the newer one replaces the older. So a batch that comes again, or an event
that does, leaves every row and every sum of rows as it was.

Rows are packed as arrays, here and in documents: the fields below, in order. Fields are only added,
at the end, with a default.
"""

from enum import StrEnum
from typing import Literal
from zlib import crc32

from msgspec import Struct

BLOCKS = 128
"""Blocks of a floor. A multiple of the ratings table's floor partitions, so that the machines of a
block come by one shard of its stream."""

MINUTES = 5
"""Minutes of coin-in that a row remembers."""

MINUTE_MS = 60_000


class MachineSums(Struct, array_like=True, frozen=True, gc=False):
    """A machine's newest gaming day, as it is rated. Money in cents, theoretical win in
    ten-thousandths of a cent, times in epoch milliseconds.
    """

    asset_id: str
    changed_at: int
    """When the row was kept; of two rows of a machine the later is the newer."""
    gaming_day: str
    games: int
    coin_in_cents: int
    coin_out_cents: int
    theoretical_win: int
    unrated_coin_in_cents: int
    handpaid_cents: int
    gaps: int
    meter_difference_cents: int
    hold_basis_points: int | None
    """Of the paytable in force."""
    last_play: int
    """0 where there was none."""
    minute: int
    """Epoch minute (milliseconds // 60,000) of the newest play."""
    coin_in_by_minute: list[int]
    """Coin-in that became known in that minute and in the four before, the newest first."""
    player_id: str | None = None
    """Whose card is in. Sent to nobody who may not see players: absent there."""
    seated_since: int | None = None
    locked_since: int | None = None
    """Locked up, until a hand-pay is paid."""
    is_carded: bool = False
    """Whether a card is in; also where `player_id` is left out."""
    is_employee: bool = False
    """Whether it is a card of the house's own people (`Limits.employee_cards`)."""


class Fault(StrEnum):
    """What a machine says of itself that wants attention."""

    HANDPAY = "handpay"
    """A hand-pay is pending."""
    DOOR = "door"
    TILT = "tilt"
    SERVICE = "service"
    """The change lamp is on: someone calls for service."""
    OVERFLOW = "overflow"
    """The machine's buffer overflowed: events were lost."""


class MachineCondition(Struct, array_like=True, frozen=True, gc=False):
    """What a machine said last. Times in epoch milliseconds."""

    asset_id: str
    changed_at: int
    heard_at: int
    """When Pitboss last received anything of it; kept to within ten seconds."""
    faults: list[tuple[str, int, str]] = []
    """What lasts: `Fault`, since when by the machine's clock, and what it says of it in words."""
    coin_in_meter_credits: int | None = None
    coin_out_meter_credits: int | None = None
    games_played_meter: int | None = None
    """Cumulative meters as the machine showed them last."""


class StreamRate(Struct, array_like=True, frozen=True, gc=False):
    """What came by one shard of the slot stream."""

    shard_id: str
    kept_at: int
    newest_received_at: int
    """Of the newest event: `kept_at` less this is the lag of what is shown."""
    minute: int
    events_by_minute: list[int]
    """Events of that minute of arrival and the four before, the newest first."""
    last_sequence: str = ""
    """Of the stream; what is not later was counted already."""


class OfferCounts(Struct, frozen=True):
    """Offers that were decided in a gaming day, by what has become of them so far: an offer counts
    in each status that it has reached. Each exactly once.
    """

    gaming_day: str
    decided: int = 0
    delivered: int = 0
    accepted: int = 0
    redeemed: int = 0
    declined: int = 0
    expired: int = 0
    withdrawn: int = 0


class FloorStatus(Struct, frozen=True):
    """What is looked up once a minute, by `publish_floor_metrics`."""

    at: int
    """Epoch milliseconds."""
    gaming_day: str
    quarantined: int
    """Objects set aside in this calendar day (UTC); each is one request's or one batch's."""
    budget_cents: int | None
    """What offers may cost this gaming day; None without a catalogue or without a limit."""
    reserved_cents: int
    """What was reserved of it."""
    shufflers_offline: int | None = None
    """Not looked up: their database would never rest. `GET /v1/shufflers` says it."""


class Severity(StrEnum):
    """How urgent an alert is."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"


class Alert(Struct, frozen=True):
    """Something that wants attention; it stays until it is acknowledged. Times in epoch ms.

    Its id is made of what it is about, so that raising it again changes nothing.
    """

    alert_id: str
    kind: str
    """A `Fault`, `no_comms`, or the logical id of a CloudWatch alarm."""
    severity: Severity
    raised_at: int
    detail: str
    asset_id: str | None = None
    cleared_at: int | None = None
    """When it was over by itself."""
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    runbook: str | None = None
    """Its page under docs/runbooks/."""


type StateLetter = Literal["H", "C", "U", "S", "E", "O", "N", "I"]


class MinuteRow(Struct, array_like=True, frozen=True, gc=False):
    """A machine as a minute ended."""

    asset_id: str
    state: StateLetter
    games: int
    """Of its gaming day so far, as the two that follow."""
    coin_in_cents: int
    theoretical_win: int
    coin_in_of_minute_cents: int


class FloorMinute(Struct, frozen=True):
    """The floor as a minute ended, kept once by `publish_floor_metrics`."""

    minute: int
    gaming_day: str
    rows: list[MinuteRow]


def block_of(asset_id: str) -> int:
    """The block that a machine's rows are in, 0 to 127."""
    return crc32(asset_id.encode()) % BLOCKS
