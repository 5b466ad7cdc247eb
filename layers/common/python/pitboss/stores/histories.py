"""What is handed on of the shufflers' database: devices' hours, of which models learn, and paces
that were measured at tables.
"""

from sqlalchemy import select

from pitboss.events.envelope import InvalidEvent
from pitboss.events.shuffler import FaultRaised, MaintenancePerformed, read_event
from pitboss.shufflers.exports import DeviceHours
from pitboss.shufflers.maintenance import HOUR_MS, PERFORMED, Device, Status
from pitboss.shufflers.metrics import decisions_an_hour
from pitboss.shufflers.sums import Sums, TableSums
from pitboss.stores.database import Database
from pitboss.stores.maintenance_models import RecommendationRow
from pitboss.stores.shuffler_models import (
    ShufflerEventRow,
    ShufflerHourRow,
    ShufflerRow,
    TableDayRow,
)

_TELLING = ("fault.raised", "maintenance.performed")


class SqlHistories:
    """Devices, and what is known of each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def devices(self) -> list[Device]:
        """All that were ever heard of, in order."""
        row = ShufflerRow.__table__.c
        with self._database.connection() as connection:
            found = connection.execute(
                select(row.property_id, row.asset_id).order_by(row.property_id, row.asset_id)
            )
            return [Device(*one) for one in found]

    def paces(self) -> dict[str, dict[tuple[str, str], int]]:
        """By property, decisions an hour by table and gaming day (ISO date), where measured."""
        row = TableDayRow.__table__.c
        names = TableSums.__struct_fields__
        found: dict[str, dict[tuple[str, str], int]] = {}
        with self._database.connection() as connection:
            for property_id, table_id, day, *sums in connection.execute(
                select(row.property_id, row.table_id, row.gaming_day, *(row[n] for n in names))
            ):
                pace = decisions_an_hour(TableSums(*sums))
                if pace is not None:
                    found.setdefault(property_id, {})[table_id, day.isoformat()] = pace
        return found

    def hours(self, device: Device, since: int) -> DeviceHours | None:
        """A device's hours from a moment on (epoch ms); None where it said nothing.

        Parts were mended where the device says so, and where a technician said that a
        recommendation is done.
        """
        of, names = ShufflerHourRow.__table__.c, Sums.__struct_fields__
        event, one = ShufflerEventRow.__table__.c, RecommendationRow.__table__.c
        with self._database.connection() as connection:
            rows = connection.execute(
                select(of.hour, *(of[name] for name in names))
                .where(
                    of.property_id == device.property_id,
                    of.asset_id == device.asset_id,
                    of.hour >= since // HOUR_MS,
                )
                .order_by(of.hour)
            ).all()
            if not rows:
                return None
            told = connection.scalars(
                select(event.envelope)
                .where(
                    event.property_id == device.property_id,
                    event.asset_id == device.asset_id,
                    event.occurred_at >= since,
                    event.event_type.in_(_TELLING),
                )
                .order_by(event.occurred_at, event.sequence)
            ).all()
            done = connection.execute(
                select(one.closed_at, one.part)
                .where(
                    one.property_id == device.property_id,
                    one.asset_id == device.asset_id,
                    one.status == str(Status.DONE),
                    one.closed_by != PERFORMED,
                    one.closed_at >= since,
                )
                .order_by(one.closed_at)
            ).all()
        failures, maintenance = [], [(int(at), str(part)) for at, part in done]
        for raw in told:
            try:
                found = read_event(raw)
            except InvalidEvent:  # an earlier release's; it was counted when it came
                continue
            if isinstance(found.data, FaultRaised) and found.data.is_failure:
                failures.append((found.occurred_at, str(found.data.part)))
            elif isinstance(found.data, MaintenancePerformed):
                maintenance.append((found.occurred_at, str(found.data.part)))
        hours, *columns = zip(*rows, strict=True)
        sums = {name: list(column) for name, column in zip(names, columns, strict=True)}
        return DeviceHours(
            device.property_id, device.asset_id, list(hours), sums, failures, sorted(maintenance)
        )
