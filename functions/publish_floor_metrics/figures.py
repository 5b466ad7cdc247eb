"""What a floor comes to: its business metrics, and each machine as the minute ended."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pitboss.floor.plan import Limits
from pitboss.floor.rows import (
    MINUTE_MS,
    MINUTES,
    Fault,
    FloorMinute,
    FloorStatus,
    MachineCondition,
    MachineSums,
    MinuteRow,
    OfferCounts,
    StateLetter,
    StreamRate,
)
from pitboss.floor.states import MachineState, state_of
from pitboss.stores.floor import StoredFloor

SILENT = frozenset({MachineState.NO_COMMS, MachineState.OFFLINE})
"""States of machines that nothing is heard of."""

_UNITS_A_CENT = 10_000
"""Of theoretical win."""


class Machine(NamedTuple):
    """A machine as it is kept, with its state as a minute ended."""

    asset_id: str
    sums: MachineSums | None
    condition: MachineCondition | None
    state: MachineState

    @property
    def heard_at(self) -> int:
        """When anything was received of it last, epoch milliseconds."""
        return max(
            self.condition.heard_at if self.condition else 0,
            self.sums.changed_at if self.sums else 0,
        )

    def hand_pays_since(self) -> Iterator[int]:
        """Since when a hand-pay is waited for, by the machine's clock: epoch milliseconds.

        The machine says so, or it is locked up: one hand-pay, told of twice.
        """
        said = (
            [at for kind, at, _ in self.condition.faults if kind == Fault.HANDPAY]
            if (self.condition)
            else []
        )
        locked = self.sums.locked_since if self.sums else None
        if said or locked is not None:
            yield min([*said, *([locked] if locked is not None else [])])


def machines_of(floor: StoredFloor, limits: Limits, at: int) -> list[Machine]:
    """Every machine that a floor knows, by its asset number.

    Args:
        floor: as it is kept.
        limits: of the property's plan.
        at: the moment that states are of, epoch milliseconds.
    """
    sums = {row.asset_id: row for row in floor.sums}
    conditions = {row.asset_id: row for row in floor.conditions}
    return [
        Machine(
            asset_id,
            sums.get(asset_id),
            conditions.get(asset_id),
            state_of(sums.get(asset_id), conditions.get(asset_id), limits, at),
        )
        for asset_id in sorted(sums.keys() | conditions.keys())
    ]


def minute_of(machines: Iterable[Machine], minute: int, gaming_day: str) -> FloorMinute:
    """The floor as a minute (epoch minutes) ended."""
    return FloorMinute(minute, gaming_day, [_row(one, minute, gaming_day) for one in machines])


def _row(machine: Machine, minute: int, gaming_day: str) -> MinuteRow:
    sums = machine.sums
    state: StateLetter = machine.state.value
    if sums is None:
        return MinuteRow(machine.asset_id, state, 0, 0, 0, 0)
    coin_in = coin_in_of(sums, minute)
    if sums.gaming_day != gaming_day:
        return MinuteRow(machine.asset_id, state, 0, 0, 0, coin_in)
    return MinuteRow(
        machine.asset_id, state, sums.games, sums.coin_in_cents, sums.theoretical_win, coin_in
    )


def coin_in_of(sums: MachineSums, minute: int) -> int:
    """Coin-in of a machine in an epoch minute, in cents; 0 where its row has forgotten."""
    back = sums.minute - minute
    known = sums.coin_in_by_minute
    return known[back] if 0 <= back < min(MINUTES, len(known)) else 0


def figures(
    machines: Iterable[Machine],
    rates: Iterable[StreamRate],
    offers: OfferCounts | None,
    status: FloorStatus,
    at: int,
) -> Mapping[str, float]:
    """Metrics of a floor as a minute ended, by name.

    Args:
        machines: as the minute ended.
        rates: what came by each shard of the slot stream.
        offers: of the newest day that any was decided in.
        status: what was looked up, with the gaming day.
        at: when the minute ended, epoch milliseconds.
    """
    machines, rates = list(machines), list(rates)
    day = status.gaming_day
    minute = at // MINUTE_MS - 1
    today = [one.sums for one in machines if one.sums and one.sums.gaming_day == day]
    heard = [one for one in machines if one.state not in SILENT]
    carded = [one for one in heard if one.sums and one.sums.is_carded and not one.sums.is_employee]
    played = [one for one in heard if one.state in (MachineState.UNCARDED, MachineState.HOT)]
    waits = [at - since for one in machines for since in one.hand_pays_since()]
    coin_in = sum(row.coin_in_cents for row in today)
    rated = coin_in - sum(row.unrated_coin_in_cents for row in today)
    theoretical_win = sum(row.theoretical_win for row in today)
    is_today = offers is not None and offers.gaming_day == day
    found: dict[str, float] = {
        "CardedPlayers": len(carded),
        "UncardedMachines": sum(not (one.sums and one.sums.is_carded) for one in played),
        "CoinInOfMinuteCents": sum(coin_in_of(one.sums, minute) for one in machines if one.sums),
        "TheoreticalWinCents": theoretical_win // _UNITS_A_CENT,
        "HandPaysWaiting": len(waits),
        "HandPayWaitMinutes": max(0, *waits, 0) / MINUTE_MS,
        "MachinesSilent": len(machines) - len(heard),
        "OffersDecided": offers.decided if offers and is_today else 0,
        "OffersDelivered": offers.delivered if offers and is_today else 0,
        "OffersAccepted": offers.accepted if offers and is_today else 0,
        "EventsPerSecond": sum(_events_of(rate, minute) for rate in rates) / 60,
        "QuarantinedObjects": status.quarantined,
    }
    if coin_in:  # the hold of no play is no number
        win = coin_in - sum(row.coin_out_cents for row in today)
        found["HoldBasisPoints"] = round(win * 10_000 / coin_in, 1)
    if rated:
        found["TheoreticalHoldBasisPoints"] = round(theoretical_win / rated, 1)
    if status.budget_cents:
        found["BudgetUsedPercent"] = round(status.reserved_cents * 100 / status.budget_cents, 1)
    lags = [
        rate.kept_at - rate.newest_received_at
        for rate in rates
        if at - rate.kept_at < MINUTE_MS  # what is read no more lags behind nothing
    ]
    if lags:
        found["LagMilliseconds"] = max(0, *lags)
    return found


def _events_of(rate: StreamRate, minute: int) -> int:
    back = rate.minute - minute
    known = rate.events_by_minute
    return known[back] if 0 <= back < len(known) else 0
