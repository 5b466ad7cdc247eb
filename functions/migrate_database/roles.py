"""The database roles of the functions, and all that each of them may do.

None of them owns anything: what a function is not granted here it cannot do, whatever its code
says. A partition is reached through its table alone.
"""

from collections.abc import Mapping
from typing import Final

from psycopg import sql
from sqlalchemy import Connection, text

from migrate_database.partitions import is_partition

TRACKER: Final = "pitboss_tracker"
READER: Final = "pitboss_reader"
MAINTAINER: Final = "pitboss_maintainer"

EVERYTHING: Final = "*"
"""Every table of the models."""

type Rights = Mapping[str, tuple[str, ...]]
"""By table, what may be done with its rows."""

_SUMMED = ("SELECT", "INSERT", "UPDATE")

ROLES: Mapping[str, Rights] = {
    # track_shufflers: sums what it inserted, and never changes what was reported.
    TRACKER: {
        "shuffler_events": ("SELECT", "INSERT"),
        "shufflers": _SUMMED,
        "shuffler_faults": _SUMMED,
        "shuffler_hours": _SUMMED,
        "shuffler_days": _SUMMED,
        "fault_days": _SUMMED,
        "table_days": _SUMMED,
    },
    # serve_shufflers, and whoever learns from what is there.
    READER: {EVERYTHING: ("SELECT",)},
    # recommend_maintenance and serve_maintenance; entries are added, never changed.
    MAINTAINER: {
        EVERYTHING: ("SELECT",),
        "recommendations": ("INSERT", "UPDATE"),
        "recommendation_entries": ("INSERT",),
        "recommendation_notices": ("INSERT", "UPDATE"),
    },
}


def ensure_roles(connection: Connection, passwords: Mapping[str, str] | None) -> None:
    """Have the roles, each with its rights and no other.

    Args:
        passwords: by role; None where roles log in by tokens of IAM, as Aurora's `rds_iam` does.
    """
    tables = {
        name
        for name in connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
                "AND relnamespace = 'public'::regnamespace"
            )
        )
        if not is_partition(name) and name != "alembic_version"
    }
    there = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    for role, rights in ROLES.items():
        if role not in there:
            _execute(connection, "CREATE ROLE {} LOGIN", sql.Identifier(role))
        if passwords is None:
            _execute(connection, "GRANT rds_iam TO {}", sql.Identifier(role))
        else:
            _execute(
                connection,
                "ALTER ROLE {} PASSWORD {}",
                sql.Identifier(role),
                sql.Literal(passwords[role]),
            )
        for table in sorted(tables):
            _grant(connection, role, table, (*rights.get(EVERYTHING, ()), *rights.get(table, ())))


def _grant(connection: Connection, role: str, table: str, rights: tuple[str, ...]) -> None:
    names = sql.Identifier(table), sql.Identifier(role)
    _execute(connection, "REVOKE ALL ON {} FROM {}", *names)
    if rights:
        _execute(connection, f"GRANT {', '.join(rights)} ON {{}} TO {{}}", *names)


def _execute(connection: Connection, statement: str, *parts: sql.Composable) -> None:
    """Statements that take no parameters, with their names and literals quoted by the driver."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(sql.SQL(statement).format(*parts))
