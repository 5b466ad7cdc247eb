"""The use case: shufflers and tables as documents."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from pitboss.shufflers.metrics import Figures, cycle_trend, decisions_an_hour, figures
from pitboss.shufflers.state import DayOf, OpenFault
from pitboss.shufflers.sums import FaultSums, Sums, merge
from pitboss.stores.shufflers import DeviceDays, FaultDay, KnownDevice, TableDay

STAGE = "serve_shufflers"

RECENT_DAYS = 30
"""Gaming days, today's included, that a shuffler's recent figures are of."""


class Shufflers(Protocol):
    """Where shufflers are; see `pitboss.stores.shufflers.PostgresShufflers`."""

    def devices(
        self, property_id: str, limit: int, after: str | None = None
    ) -> list[KnownDevice]: ...
    def device(self, property_id: str, asset_id: str) -> KnownDevice | None: ...
    def days(self, property_id: str, asset_id: str, first: date, last: date) -> DeviceDays: ...
    def table_days(
        self, property_id: str, first: date, last: date, table_id: str | None = None
    ) -> list[TableDay]: ...


class Days(NamedTuple):
    """Gaming days from the first to the last, both included."""

    first: date
    last: date


class Readings(Struct, frozen=True):
    """What sensors last showed; each as in the event `telemetry.reported`."""

    reported_at: int
    """Epoch ms by the device's clock."""
    uptime_ms: int
    motor_ma: int
    temperature_dc: int
    vibration_um_s: int
    roller_slip_bp: int
    gripper_offset_um: int
    elevator_offset_um: int
    recognition_bp: int
    supply_mv: int


class ShufflerState(Struct, frozen=True, kw_only=True):
    """A shuffler as it was last heard of, and how long ago that is. `is_online` is null where
    it never said; moments are epoch ms, `heard_at` and `status_at` by the broker's clock.
    """

    asset_id: str
    is_online: bool | None
    status_at: int | None
    heard_at: int
    age_seconds: int
    table_id: str | None
    firmware: str | None
    failure: OpenFault | None
    """The oldest of those that keep it out of service."""
    open_faults: list[OpenFault]


class ShufflersDocument(Struct, frozen=True):
    """`GET /v1/shufflers`: a property's shufflers by asset id. `next` is the cursor of those that
    follow, absent at the end.
    """

    property_id: str
    shufflers: list[ShufflerState]
    next: str | None


class FaultFigures(Struct, frozen=True):
    """Faults of one code and part."""

    code: str
    part: str
    raised: int
    failures: int
    down_ms: int


class TablePace(Struct, frozen=True):
    """What a table's shufflers measured of its gaming day: rounds an hour of dealing, each a
    decision of every seated player. Null where nothing was dealt.
    """

    table_id: str
    gaming_day: str
    shuffles: int
    rounds: int
    dealing_ms: int
    decisions_per_hour: int | None


class Recent(Struct, frozen=True):
    """A shuffler's figures of several gaming days. `cycle_trend_ms_per_day` is how much longer a
    cycle takes from one day to the next, null of one day alone.
    """

    first_day: str
    last_day: str
    figures: Figures
    cycle_trend_ms_per_day: float | None
    faults: list[FaultFigures]


class ShufflerDocument(Struct, frozen=True, kw_only=True):
    """`GET /v1/shufflers/{asset_id}`: a shuffler's state, and its figures of today and of the last
    30 gaming days.
    """

    property_id: str
    state: ShufflerState
    readings: Readings | None
    gaming_day: str
    today: Figures
    recent: Recent
    table: TablePace | None
    """Today, of the table that it last shuffled at."""


class ShufflerDay(Struct, frozen=True):
    """A shuffler's gaming day."""

    gaming_day: str
    figures: Figures
    faults: list[FaultFigures]


class HistoryDocument(Struct, frozen=True):
    """`GET /v1/shufflers/{asset_id}/history`: a shuffler's gaming days, ascending, and all of them
    together. Days without an event of it are not there.
    """

    property_id: str
    asset_id: str
    days: list[ShufflerDay]
    total: Recent


class PacesDocument(Struct, frozen=True):
    """`GET /v1/tables/paces`: what shufflers measured at tables, by table and gaming day."""

    property_id: str
    first_day: str
    last_day: str
    tables: list[TablePace]


class ShufflerPosition(Struct, frozen=True, array_like=True):
    """Where a list of shufflers goes on: after this one."""

    asset_id: str


class ServeShufflers:
    """Makes documents of shufflers."""

    def __init__(self, shufflers: Shufflers, day_of: DayOf, now: Callable[[], int]) -> None:
        """
        Args:
            shufflers: where they are.
            day_of: the gaming day of a moment, at a property.
            now: the moment, in epoch ms.
        """
        self._shufflers = shufflers
        self._day_of = day_of
        self._now = now

    def list_all(
        self,
        property_id: str,
        limit: int,
        after: ShufflerPosition | None,
        seal: Callable[[ShufflerPosition], str],
    ) -> ShufflersDocument:
        """A page of a property's shufflers."""
        found = self._shufflers.devices(
            property_id, limit + 1, None if after is None else after.asset_id
        )
        last = found[limit - 1] if len(found) > limit else None
        now = self._now()
        return ShufflersDocument(
            property_id,
            [_state(device, now) for device in found[:limit]],
            last and seal(ShufflerPosition(last.asset_id)),
        )

    def one(self, property_id: str, asset_id: str) -> ShufflerDocument | None:
        """A shuffler; None where it was never heard of."""
        device = self._shufflers.device(property_id, asset_id)
        if device is None:
            return None
        recent = self.recent_days(property_id)
        found = self._shufflers.days(property_id, asset_id, *recent)
        table = device.state.table
        played = [
            _pace(day)
            for day in self._shufflers.table_days(
                property_id, recent.last, recent.last, table and table.table_id
            )
            if table is not None
        ]
        return ShufflerDocument(
            property_id=property_id,
            state=_state(device, self._now()),
            readings=_readings(device),
            gaming_day=recent.last.isoformat(),
            today=figures(dict(found.days).get(recent.last, Sums())),
            recent=_recent(found, recent),
            table=played[0] if played else None,
        )

    def history(self, property_id: str, asset_id: str, days: Days) -> HistoryDocument | None:
        """A shuffler's gaming days; None where it was never heard of."""
        if self._shufflers.device(property_id, asset_id) is None:
            return None
        found = self._shufflers.days(property_id, asset_id, *days)
        return HistoryDocument(
            property_id,
            asset_id,
            [
                ShufflerDay(
                    day.isoformat(),
                    figures(sums),
                    _faults(fault for fault in found.faults if fault.day == day),
                )
                for day, sums in found.days
            ],
            _recent(found, days),
        )

    def paces(self, property_id: str, days: Days) -> PacesDocument:
        """What was measured at a property's tables."""
        return PacesDocument(
            property_id,
            days.first.isoformat(),
            days.last.isoformat(),
            [_pace(day) for day in self._shufflers.table_days(property_id, *days)],
        )

    def recent_days(self, property_id: str) -> Days:
        """The last gaming days, up to today's."""
        today = self._day_of(property_id, self._now())
        return Days(today - timedelta(days=RECENT_DAYS - 1), today)


def _state(device: KnownDevice, now: int) -> ShufflerState:
    state = device.state
    status, table, firmware = state.status, state.table, state.firmware
    return ShufflerState(
        asset_id=device.asset_id,
        is_online=None if status is None else status.is_online,
        status_at=None if status is None else status.received_at,
        heard_at=state.heard_at,
        age_seconds=max(0, now - state.heard_at) // 1000,
        table_id=None if table is None else table.table_id,
        firmware=None if firmware is None else firmware.firmware,
        failure=next((fault for fault in device.open_faults if fault.is_failure), None),
        open_faults=device.open_faults,
    )


def _readings(device: KnownDevice) -> Readings | None:
    seen = device.state.readings
    if seen is None:
        return None
    shown = msgspec.structs.asdict(seen.readings)
    names = Readings.__struct_fields__[1:]
    return Readings(seen.occurred_at, *(shown[name] for name in names))


def _recent(found: DeviceDays, days: Days) -> Recent:
    total = Sums()
    for _, sums in found.days:
        merge(total, sums)
    return Recent(
        days.first.isoformat(),
        days.last.isoformat(),
        figures(total),
        cycle_trend(found.days),
        _faults(found.faults),
    )


def _faults(faults: Iterable[FaultDay]) -> list[FaultFigures]:
    """Faults by kind, those that were raised most often first."""
    kinds: dict[tuple[str, str], FaultSums] = {}
    for fault in faults:
        merge(kinds.setdefault((fault.code, fault.part), FaultSums()), fault.sums)
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1].raised, kind[0]))
    return [FaultFigures(*kind, *msgspec.structs.astuple(sums)) for kind, sums in ordered]


def _pace(day: TableDay) -> TablePace:
    return TablePace(
        day.table_id,
        day.day.isoformat(),
        day.sums.shuffles,
        day.sums.rounds,
        day.sums.dealing_ms,
        decisions_an_hour(day.sums),
    )
