"""Whether the stack has what simulated shufflers were given to say: all of it, once.

What is true is added up as devices are given it, by nothing that reads events; what is stored is
read by the API.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from pitboss.events.envelope import event_type_of
from pitboss.events.shuffler import (
    FaultCleared,
    FaultRaised,
    FirmwareChanged,
    ShuffleCompleted,
    TelemetryReported,
)
from pitboss.shufflers.metrics import decisions_an_hour, figures
from pitboss.shufflers.sums import Sums, TableSums
from pitboss.shufflers.topics import Kind
from workbench.shuffler_device import Happened
from workbench.shuffling.live import Connected
from workbench.shuffling.truth import SUMS, DayOf, count

DAYS_A_PAGE = 31
"""That `GET /v1/tables/paces` answers at most."""

type Read = Callable[[str], dict[str, Any] | None]
"""The API's document at a path; None where there is none."""


class _Said(Struct):
    """What one device said."""

    firmware: str
    table_id: str | None = None
    readings: tuple[int, TelemetryReported] | None = None
    days: dict[str, dict[str, int]] = {}
    """Sums by gaming day."""
    faults: dict[str, dict[tuple[str, str], list[int]]] = {}
    """By gaming day, then code and part: raised, failures, ms out of service."""
    open_faults: dict[tuple[str, str, bool], int] = {}
    """When each was raised, by code, part and whether it is a failure."""


class Ledger:
    """What devices were given to say."""

    def __init__(self, day_of: DayOf) -> None:
        self._day_of = day_of
        self._said: dict[str, _Said] = {}
        self._tables: dict[tuple[str, str], list[int]] = {}
        """By table and gaming day: shuffles, rounds, ms of dealing."""

    def witness(self, asset_id: str, firmware: str, device: Connected) -> Connected:
        """The device, and all that it is given to say is written down."""
        self._said[asset_id] = _Said(firmware)
        return _Witness(device, partial(self._see, self._said[asset_id]))

    @property
    def days(self) -> dict[tuple[str, str], dict[str, int]]:
        """Sums by asset and gaming day."""
        return {
            (asset_id, day): sums
            for asset_id, said in self._said.items()
            for day, sums in said.days.items()
        }

    @property
    def facts(self) -> dict[str, int]:
        """How much is compared."""
        return {
            "devices": len(self._said),
            "device_days": sum(len(said.days) for said in self._said.values()),
            "table_days": len(self._tables),
            "open_faults": sum(len(said.open_faults) for said in self._said.values()),
        }

    def _see(self, said: _Said, event: Happened) -> None:
        """In order of the device's time."""
        at, data = event
        day = self._day_of(at)
        fields = asdict(data)
        sums = said.days.setdefault(day, dict.fromkeys(SUMS, 0))
        count(sums, event_type_of(type(data)), fields)
        match data:
            case ShuffleCompleted():
                said.table_id = data.table_id
                table = self._tables.setdefault((data.table_id, day), [0, 0, 0])
                for place, more in enumerate((1, data.rounds, data.dealing_ms)):
                    table[place] += more
            case TelemetryReported():
                said.readings = (at, data)
            case FirmwareChanged():
                said.firmware = data.version
            case FaultRaised() | FaultCleared():
                of_day = said.faults.setdefault(day, {})
                kind = of_day.setdefault((data.code, str(data.part)), [0, 0, 0])
                key = (data.code, str(data.part), data.is_failure)
                if isinstance(data, FaultRaised):
                    kind[0] += 1
                    kind[1] += data.is_failure
                    said.open_faults[key] = at
                else:
                    kind[2] += data.down_ms
                    said.open_faults.pop(key, None)
            case _:
                pass

    def differences(self, read: Read) -> Iterator[str]:
        """Where what is stored is not what was said: a line each.

        Devices are expected to have said goodbye, and nothing but this to have ever been said.
        """
        for asset_id, said in self._said.items():
            path = f"/v1/shufflers/{quote(asset_id, safe='')}"
            document = read(path)
            if document is None:
                yield f"{asset_id}: nothing is stored"
                continue
            yield from _state_differences(asset_id, said, document)
            yield from _day_differences(asset_id, said, path, read)
        yield from self._table_differences(read)

    def _table_differences(self, read: Read) -> Iterator[str]:
        true: dict[str, Any] = {}
        for (table_id, day), sums in self._tables.items():
            shuffles, rounds, dealing_ms = sums
            true[f"table {table_id} {day}"] = {
                "table_id": table_id,
                "gaming_day": day,
                "shuffles": shuffles,
                "rounds": rounds,
                "dealing_ms": dealing_ms,
                "decisions_per_hour": decisions_an_hour(TableSums(*sums)),
            }
        stored: dict[str, Any] = {}
        for first, last in _pages(day for _, day in self._tables):
            found = read(f"/v1/tables/paces?from={first}&to={last}") or {"tables": []}
            for one in found["tables"]:
                stored[f"table {one['table_id']} {one['gaming_day']}"] = one
        yield from _unequal(stored, true)


class _Witness:
    """A device whose words are written down."""

    def __init__(self, device: Connected, see: Callable[[Happened], None]) -> None:
        self._device, self._see = device, see
        self.cut, self.restore = device.cut, device.restore

    def publish(self, kind: Kind, events: Sequence[Happened]) -> range:
        for event in events:
            self._see(event)
        return self._device.publish(kind, events)


def _state_differences(asset_id: str, said: _Said, document: dict[str, Any]) -> Iterator[str]:
    state, shown = document["state"], document["readings"]
    stored = {name: state[name] for name in ("is_online", "table_id", "firmware")} | {
        "open_faults": sorted(state["open_faults"], key=_key),
        "readings": shown,
    }
    readings = None
    if said.readings is not None:
        at, last = said.readings
        sensors = asdict(last)
        readings = {"reported_at": at} | {
            name: sensors[name] for name in (shown or {}) if name != "reported_at"
        }
    true = {
        "is_online": False,
        "table_id": said.table_id,
        "firmware": said.firmware,
        "open_faults": sorted(
            (
                {"code": code, "part": part, "is_failure": is_failure, "raised_at": at}
                for (code, part, is_failure), at in said.open_faults.items()
            ),
            key=_key,
        ),
        "readings": readings,
    }
    yield from _unequal({asset_id: stored}, {asset_id: true})


def _day_differences(asset_id: str, said: _Said, path: str, read: Read) -> Iterator[str]:
    nothing = _day(dict.fromkeys(SUMS, 0), {})
    true = {
        f"{asset_id} {day}": _day(sums, said.faults.get(day, {})) for day, sums in said.days.items()
    }
    stored: dict[str, Any] = {}
    for first, last in _pages(said.days):
        found = read(f"{path}/history?from={first}&to={last}") or {"days": []}
        for one in found["days"]:
            sums = one["figures"] | {"faults_by_kind": sorted(one["faults"], key=_key)}
            if sums != nothing:  # a day on which it was connected and no more
                stored[f"{asset_id} {one['gaming_day']}"] = sums
    yield from _unequal(stored, true)


def _day(sums: dict[str, int], faults: dict[tuple[str, str], list[int]]) -> dict[str, Any]:
    """A gaming day as the API has it."""
    kinds = [
        {"code": code, "part": part, "raised": raised, "failures": failures, "down_ms": down_ms}
        for (code, part), (raised, failures, down_ms) in faults.items()
    ]
    shown: dict[str, Any] = msgspec.to_builtins(figures(Sums(**sums)))
    return shown | {"faults_by_kind": sorted(kinds, key=_key)}


def _key(fault: dict[str, Any]) -> tuple[Any, ...]:
    return fault["code"], fault["part"], fault.get("is_failure")


def _pages(days: Iterator[str] | dict[str, Any]) -> Iterator[tuple[date, date]]:
    """Gaming days from the first to the last, and one more at each end, in parts."""
    of = sorted(days)
    if not of:
        return
    first = date.fromisoformat(of[0]) - timedelta(days=1)
    end = date.fromisoformat(of[-1]) + timedelta(days=1)
    while first <= end:
        last = min(end, first + timedelta(days=DAYS_A_PAGE - 1))
        yield first, last
        first = last + timedelta(days=1)


def _unequal(stored: dict[str, Any], true: dict[str, Any]) -> Iterator[str]:
    for name in sorted(stored.keys() | true.keys()):
        if name not in stored:
            yield f"{name}: nothing is stored"
        elif name not in true:
            yield f"{name}: something is stored, and nothing was said"
        else:
            for field, value in true[name].items():
                if stored[name].get(field) != value:
                    yield f"{name}: {field} is {stored[name].get(field)}, not {value}"
