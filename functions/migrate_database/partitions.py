"""A partition of `shuffler_events` for each month, in UTC, of `occurred_at`.

Months that are kept have one each, and some months to come; what is of no such month is in the
default partition, so that nothing is refused, and goes to a month's own when that is made.
"""

import datetime
import re
from typing import NamedTuple, Self

from sqlalchemy import Connection, text

from migrate_database.service import Kept

TABLE = "shuffler_events"
DEFAULT = f"{TABLE}_other"
MONTHS_AHEAD = 3
"""Made besides the month that it is: the schedule may fail for that long."""

_NAME = re.compile(rf"{TABLE}_(\d{{4}})_(\d{{2}})")


class Month(NamedTuple):
    """A month of the calendar."""

    year: int
    number: int
    """1 to 12."""

    @classmethod
    def at(cls, moment_ms: int) -> Self:
        """The month of a moment, epoch ms."""
        moment = datetime.datetime.fromtimestamp(moment_ms / 1000, datetime.UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def of_partition(cls, name: str) -> Self | None:
        """The month whose partition is called that; None where it is no month's."""
        match = _NAME.fullmatch(name)
        return cls(int(match[1]), int(match[2])) if match else None

    def plus(self, months: int) -> Self:
        """The month so many later.

        >>> Month(2026, 11).plus(3)
        Month(year=2027, number=2)
        """
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return type(self)(year, number + 1)

    @property
    def partition(self) -> str:
        """The name of its partition."""
        return f"{TABLE}_{self.year:04d}_{self.number:02d}"

    @property
    def starts_at(self) -> int:
        """Epoch ms."""
        moment = datetime.datetime(self.year, self.number, 1, tzinfo=datetime.UTC)
        return int(moment.timestamp()) * 1000


def is_partition(name: str | None) -> bool:
    """Whether a table is one of the partitions, which no model describes."""
    return name == DEFAULT or Month.of_partition(name or "") is not None


def ensure_partitions(connection: Connection, now_ms: int, months_kept: int) -> Kept:
    """Have the partitions of the months kept and to come, and no older event.

    Args:
        months_kept: how many whole months before this one.
    """
    now = Month.at(now_ms)
    oldest = now.plus(-months_kept)
    there = set(
        connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = :of ::regclass"
            ),
            {"of": TABLE},
        )
    )
    if DEFAULT not in there:
        connection.execute(text(f"CREATE TABLE {DEFAULT} PARTITION OF {TABLE} DEFAULT"))
    wanted = [oldest.plus(ahead) for ahead in range(months_kept + MONTHS_AHEAD + 1)]
    missing = [month for month in wanted if month.partition not in there]
    for month in missing:
        _make(connection, month)
    found = {name: own for name in there if (own := Month.of_partition(name)) is not None}
    old = sorted(name for name, of in found.items() if of < oldest)
    for name in old:
        connection.execute(text(f"DROP TABLE {name}"))
    connection.execute(
        text(f"DELETE FROM {DEFAULT} WHERE occurred_at < :oldest"), {"oldest": oldest.starts_at}
    )
    return Kept([month.partition for month in missing], old)


def _make(connection: Connection, month: Month) -> None:
    """A month's partition, with what the default partition has of it."""
    name, bounds = month.partition, (month.starts_at, month.plus(1).starts_at)
    within = "occurred_at >= {} AND occurred_at < {}".format(*bounds)
    connection.execute(text(f"CREATE TABLE {name} (LIKE {TABLE})"))
    connection.execute(
        text(
            f"WITH moved AS (DELETE FROM {DEFAULT} WHERE {within} RETURNING *) "
            f"INSERT INTO {name} SELECT * FROM moved"
        )
    )
    connection.execute(
        text(
            "ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})".format(
                TABLE, name, *bounds
            )
        )
    )
