"""A simulated floor straight into the shufflers' database: years of it, for models to learn from.

What happens at a moment of its own (failures, repairs, maintenance, firmware, the link) is kept as
events. Of shuffles and reports only the sums are: an hour is drawn as its sums, to which its events
would add up (`workbench.shuffling.events`).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np

from pitboss.events.envelope import SCHEMA_VERSION, event_type_of
from pitboss.events.shuffler import DeviceConnected, read_event
from pitboss.shufflers.state import Changes, Received, changes_of
from pitboss.shufflers.sums import Sums, TableSums
from pitboss.stores.database import Database
from pitboss.stores.shufflers import PostgresShufflers
from workbench import database
from workbench.console import WorkbenchError
from workbench.shuffling.device import SUMMED, Happened, ShufflerDevice
from workbench.shuffling.plan import HOUR_MS, Integers, ShufflerPlan


class Stored(NamedTuple):
    """What was kept of one device."""

    asset_id: str
    hours: int
    events: int
    failures: int


@contextmanager
def local_shufflers() -> Iterator[PostgresShufflers]:
    """The database of the local stack.

    Raises:
        WorkbenchError: none runs here.
    """
    server = database.running()
    if server is None:
        raise WorkbenchError("No embedded PostgreSQL runs: `pitboss up` starts one.")
    opened = Database(server.address())
    try:
        yield PostgresShufflers(opened)
    finally:
        opened.close()


def store(plan: ShufflerPlan, shufflers: PostgresShufflers) -> Iterator[Stored]:
    """Play each device of a plan and keep it, in one transaction a device.

    What is kept already is not kept again: a floor that was stored in part may be stored whole.

    Args:
        plan: its fixed intervals are followed.
        shufflers: the database.
    """
    days = [date.fromisoformat(plan.day_of(hour * HOUR_MS)) for hour in _hours(plan)]
    for index in range(plan.count):
        yield _store(ShufflerDevice(plan, index), days, shufflers)


def _hours(plan: ShufflerPlan) -> range:
    return range(plan.first_hour, plan.first_hour + plan.hours)


def _store(device: ShufflerDevice, days: list[date], shufflers: PostgresShufflers) -> Stored:
    plan = device.plan
    happened = [Happened(plan.first_ms, DeviceConnected(device.firmware))]
    columns: list[Integers] = []
    for _ in range(plan.days):
        day = device.advance(device.due())
        happened += day.happened
        columns.append(np.column_stack([day.sums[name] for name in SUMMED]))
    table = np.concatenate(columns)

    def fold(new: Iterable[Received]) -> Changes:
        changes = changes_of(new, lambda _, at: date.fromisoformat(plan.day_of(at)))
        _add_sums(changes, device, table, days)
        return changes

    written = shufflers.write(_received(device, happened), fold)
    return Stored(device.asset_id, plan.hours, len(written.new), len(device.failures))


def _received(device: ShufflerDevice, happened: list[Happened]) -> list[Received]:
    found = []
    for sequence, one in enumerate(happened, start=1):
        envelope = {
            "event_id": f"s{sequence}",
            "event_type": event_type_of(type(one.data)),
            "schema_version": SCHEMA_VERSION,
            "property_id": device.plan.property_id,
            "asset_id": device.asset_id,
            "occurred_at": one.at,
            "sequence": sequence,
            "data": msgspec.structs.asdict(one.data),
        }
        found.append(Received(read_event(msgspec.json.encode(envelope)), one.at))
    return found


def _add_sums(changes: Changes, device: ShufflerDevice, table: Integers, days: list[date]) -> None:
    """Put the sums of hours and gaming days in the place of those of the kept events alone."""
    of = device.plan.property_id, device.asset_id
    changes.hours = {
        (*of, hour): _sums(row) for hour, row in zip(_hours(device.plan), table, strict=True)
    }
    starts = [place for place, day in enumerate(days) if not place or day != days[place - 1]]
    by_day = np.add.reduceat(table, starts)
    changes.days = {
        (*of, days[start]): _sums(row) for start, row in zip(starts, by_day, strict=True)
    }
    for (_, _, day), sums in changes.days.items():
        if sums.cycles:
            played = TableSums(sums.cycles, sums.rounds, sums.dealing_ms)
            changes.table_days[device.plan.property_id, device.table_id, day] = played


def _sums(row: Integers) -> Sums:
    return Sums(**dict(zip(SUMMED, row.tolist(), strict=True)))
