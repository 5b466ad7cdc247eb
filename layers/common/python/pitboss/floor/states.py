"""What a machine is shown as: one state at a time, the most urgent that holds.

The page (`dashboard/states.js`) has the same rules; `tests/contract` holds both to one table of
cases.
"""

from enum import StrEnum

from pitboss.floor.plan import Limits
from pitboss.floor.rows import MINUTE_MS, MINUTES, Fault, MachineCondition, MachineSums


class MachineState(StrEnum):
    """A machine's state, by the letter it is shown with, the most urgent first."""

    OFFLINE = "O"
    """Nothing heard for longer than `Limits.offline_seconds`, or never."""
    NO_COMMS = "N"
    """Nothing heard for longer than `Limits.no_comms_seconds`."""
    SERVICE = "S"
    """A hand-pay, an open door, a tilt, or someone who calls."""
    EMPLOYEE = "E"
    """A card of the house's own people is in."""
    HOT = "H"
    """Coin-in a minute at or above `Limits.hot_cents_per_minute`, over five minutes."""
    CARDED = "C"
    UNCARDED = "U"
    """Played within `Limits.idle_seconds` without a card."""
    IDLE = "I"


def coin_in_cents_a_minute(sums: MachineSums, now: int) -> int:
    """Mean coin-in a minute over the five minutes up to `now` (epoch ms), in cents, rounded down.

    The minute in progress and the four before it; minutes without play count as 0.
    """
    age = now // MINUTE_MS - sums.minute
    if age < 0:  # the machine's clock is ahead
        age = 0
    return sum(sums.coin_in_by_minute[: max(MINUTES - age, 0)]) // MINUTES


def state_of(
    sums: MachineSums | None, condition: MachineCondition | None, limits: Limits, now: int
) -> MachineState:
    """What a machine is shown as at a moment (epoch milliseconds)."""
    heard_at = max(
        condition.heard_at if condition else 0,
        sums.changed_at if sums else 0,
    )
    silent = (now - heard_at) / 1000
    if silent > limits.offline_seconds:
        return MachineState.OFFLINE
    if silent > limits.no_comms_seconds:
        return MachineState.NO_COMMS
    if condition is not None and any(kind != Fault.OVERFLOW for kind, *_ in condition.faults):
        return MachineState.SERVICE
    if sums is None:
        return MachineState.IDLE
    if sums.is_employee:
        return MachineState.EMPLOYEE
    if coin_in_cents_a_minute(sums, now) >= limits.hot_cents_per_minute:
        return MachineState.HOT
    if sums.is_carded:
        return MachineState.CARDED
    if sums.last_play and now - sums.last_play <= limits.idle_seconds * 1000:
        return MachineState.UNCARDED
    return MachineState.IDLE
