"""The database's revisions, up and down with rows in it; its partitions; its deploy step."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from sqlalchemy import Connection, text

from migrate_database import schema, service
from migrate_database.partitions import DEFAULT, Month, is_partition
from pitboss.stores.database import Database, DatabaseAddress, DatabaseUnavailable
from tests.databases import PASSWORDS, Databases
from workbench import database as embedded
from workbench import deploy, endpoint

REVISIONS = [
    script.revision for script in reversed(list(schema.script_directory().walk_revisions()))
]
"""From the first to the newest."""

NOW = Month(2026, 11).starts_at + 5
MONTHS_KEPT = 2
DAY = 86_400_000

Migrate = Callable[..., service.Outcome]


@pytest.fixture
def empty(database_server: Databases) -> Iterator[DatabaseAddress]:
    """A database with nothing in it."""
    with database_server.empty() as address:
        yield address


@pytest.fixture(scope="module")
def untouched(database_server: Databases) -> Iterator[Database]:
    """A migrated database for tests that keep nothing in it."""
    with database_server.empty(template="migrated") as address, opened(address) as database:
        yield database


@contextmanager
def opened(address: DatabaseAddress) -> Iterator[Database]:
    database = Database(address)
    try:
        yield database
    finally:
        database.close()


def task(
    database: Database, name: str, revision: str | None = None, now: int = NOW
) -> service.Outcome:
    with schema.locked(database, PASSWORDS) as found:
        return service.run(name, revision, found, now, MONTHS_KEPT)


def up_to(database: Database, revision: str) -> None:
    """A revision, and partitions, so that events have somewhere to be."""
    with schema.locked(database, PASSWORDS) as found:
        assert found.upgrade(revision) == revision
        found.ensure_partitions(NOW, MONTHS_KEPT)


# --- up and down ----------------------------------------------------------------------------------

VALUES: Mapping[type, object] = {
    sqlalchemy.Text: "a",
    sqlalchemy.BigInteger: NOW,
    sqlalchemy.Integer: 1,
    sqlalchemy.Date: "2026-11-01",
    sqlalchemy.Boolean: True,
    sqlalchemy.LargeBinary: b"{}",
    sqlalchemy.Double: 0.5,
    sqlalchemy.Float: 0.5,
    sqlalchemy.ARRAY: ["a"],
    sqlalchemy.JSON: {"a": 1},
}


def value_for(column: sqlalchemy.Column[Any]) -> object:
    return next(value for kind, value in VALUES.items() if isinstance(column.type, kind))


def tables_of(connection: Connection) -> list[sqlalchemy.Table]:
    """Those that there are, as they are, without the partitions; referred to before referring."""
    found = sqlalchemy.MetaData()
    found.reflect(connection, only=lambda name, _: not is_partition(name))
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def fill(database: Database) -> None:
    """A row in every table that has none."""
    with database.begin() as connection:
        for table in tables_of(connection):
            if connection.execute(sqlalchemy.select(table).limit(1)).first() is None:
                row = {column.name: value_for(column) for column in table.columns}
                connection.execute(table.insert(), row)


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.connection() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in tables_of(connection)
        }


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_goes_up_and_down_with_rows_and_keeps_those_of_the_ones_before(
    empty: DatabaseAddress, revision: str
) -> None:
    index = REVISIONS.index(revision)
    before = REVISIONS[index - 1] if index else "base"
    with opened(empty) as database:
        if index:
            up_to(database, before)
            fill(database)
        kept = rows(database)
        up_to(database, revision)
        fill(database)
        full = rows(database)
        assert all(full.values())

        task(database, "downgrade", before)

        assert rows(database) == kept
        up_to(database, revision)
        fill(database)
        assert rows(database) == full


def test_all_the_way_up_and_down_leaves_nothing(empty: DatabaseAddress) -> None:
    with opened(empty) as database:
        assert task(database, "migrate").revision == REVISIONS[-1]
        fill(database)
        assert task(database, "downgrade", "base").revision is None
        with database.connection() as connection:
            left = connection.scalars(
                text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            ).all()
        assert sorted(left) == ["alembic_version", "alembic_version_pkc"]
        assert task(database, "migrate").revision == REVISIONS[-1]


def test_the_revisions_have_what_the_models_have(untouched: Database) -> None:
    with untouched.connection() as connection:
        assert compare_metadata(schema.migration_context(connection), schema.METADATA) == []


@pytest.mark.parametrize(
    "drift",
    [
        "ALTER TABLE shufflers ADD COLUMN mine int",
        "ALTER TABLE table_days ALTER COLUMN rounds TYPE int",
        "ALTER TABLE table_days ALTER COLUMN rounds DROP DEFAULT",
        "DROP INDEX shuffler_events_happenings",
    ],
)
def test_a_difference_to_the_models_is_found(untouched: Database, drift: str) -> None:
    with untouched.begin() as connection:
        connection.execute(text(drift))
        assert compare_metadata(schema.migration_context(connection), schema.METADATA) != []
        connection.rollback()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    empty: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(schema.PostgresSchema, "ensure_roles", fail)
    with opened(empty) as database:
        with pytest.raises(ZeroDivisionError):
            task(database, "migrate")
        with database.connection() as connection:
            assert connection.scalar(text("SELECT to_regclass('shufflers')")) is None


@pytest.mark.parametrize(
    ("name", "revision"), [("other", None), ("migrate", "0001"), ("downgrade", None), (7, None)]
)
def test_what_is_no_task_is_refused(untouched: Database, name: Any, revision: str | None) -> None:
    with pytest.raises(service.UnknownTask):
        task(untouched, name, revision)


# --- one at a time --------------------------------------------------------------------------------


def test_of_two_migrations_at_once_one_waits_for_the_other(empty: DatabaseAddress) -> None:
    outcomes: list[service.Outcome] = []

    def migrate() -> None:
        with opened(empty) as other:
            outcomes.append(task(other, "migrate"))

    waiting = threading.Thread(target=migrate)
    with opened(empty) as database, opened(empty) as looking:
        with schema.locked(database, PASSWORDS) as first:
            waiting.start()
            wait_for_a_waiting_lock(looking)
            done = service.run("migrate", None, first, NOW, MONTHS_KEPT)
            assert outcomes == []
        waiting.join(30)

    assert done.partitions.made
    assert outcomes == [service.Outcome(REVISIONS[-1], service.Kept([], []))]


def wait_for_a_waiting_lock(database: Database) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(1_000):
        with database.connection() as connection:
            if connection.scalar(waits):
                return
    pytest.fail("nobody waits")


def test_who_has_waited_for_too_long_may_come_again(
    database: Database, databases_of: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    with schema.locked(database, None):
        monkeypatch.setattr(schema, "LOCK_SECONDS", 0.05)
        with pytest.raises(DatabaseUnavailable, match="55P03"):
            task(databases_of(), "migrate")


# --- partitions -----------------------------------------------------------------------------------


def partitions(database: Database) -> dict[str, int]:
    """Events by partition."""
    with database.connection() as connection:
        names = connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits "
                "WHERE inhparent = 'shuffler_events'::regclass ORDER BY 1"
            )
        ).all()
        return {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in names}


def add_events(database: Database, *moments: int) -> None:
    with database.begin() as connection:
        for number, moment in enumerate(moments):
            connection.execute(
                text("INSERT INTO shuffler_events VALUES ('north', '7', :number, :at, 'x', '')"),
                {"number": number, "at": moment},
            )


def month_names(first: Month, count: int) -> list[str]:
    return [first.plus(number).partition for number in range(count)]


def test_months_have_partitions_ahead_and_no_event_is_refused(empty: DatabaseAddress) -> None:
    with opened(empty) as database:
        made = task(database, "migrate").partitions.made
        assert made == month_names(Month(2026, 9), 6)
        starts = [Month(2026, 9).plus(number).starts_at for number in range(7)]
        add_events(database, *starts, starts[0] - 1, starts[6] + DAY, 0)

        assert partitions(database) == {**dict.fromkeys(made, 1), DEFAULT: 4}
        assert task(database, "partitions").partitions == service.Kept([], [])


def test_what_is_older_than_is_kept_is_dropped_with_its_partition(empty: DatabaseAddress) -> None:
    with opened(empty) as database:
        task(database, "migrate")
        add_events(database, Month(2026, 9).starts_at, Month(2026, 10).starts_at, 7)

        done = task(database, "partitions", now=Month(2026, 12).starts_at)

        assert done.partitions == service.Kept(
            [Month(2027, 3).partition], ["shuffler_events_2026_09"]
        )
        found = partitions(database)
        assert found == {
            **dict.fromkeys(month_names(Month(2026, 10), 6), 0),
            "shuffler_events_2026_10": 1,
            DEFAULT: 0,
        }


def test_a_schedule_that_failed_for_months_is_made_up_for(empty: DatabaseAddress) -> None:
    """The months between, of which there are events already, in the default partition."""
    with opened(empty) as database:
        task(database, "migrate")
        later = [Month(2027, 3).starts_at, Month(2027, 3).starts_at + DAY, Month(2027, 5).starts_at]
        add_events(database, *later)
        before = rows(database)["shuffler_events"]
        assert partitions(database)[DEFAULT] == 3

        done = task(database, "partitions", now=Month(2027, 5).starts_at + DAY)

        assert done.partitions.made == month_names(Month(2027, 3), 6)
        found = partitions(database)
        assert (found["shuffler_events_2027_03"], found["shuffler_events_2027_05"]) == (2, 1)
        assert found[DEFAULT] == 0
        assert rows(database)["shuffler_events"] == before


def test_a_partition_that_is_attached_gets_the_indexes_of_its_table(database: Database) -> None:
    task(database, "partitions", now=Month(2040, 1).starts_at)
    with database.connection() as connection:
        of_parent, of_month = (
            connection.scalar(
                text("SELECT count(*) FROM pg_indexes WHERE tablename = :name"), {"name": name}
            )
            for name in ("shuffler_events", Month(2040, 1).partition)
        )

    assert of_parent == of_month == 2


# --- the deploy step ------------------------------------------------------------------------------


def test_a_deploy_has_migrated_and_can_again(stack: dict[str, str]) -> None:
    assert deploy.migrate() == {"revision": REVISIONS[-1], "made": [], "dropped": []}


def test_the_schedules_task_runs_on_the_stack(stack: dict[str, str]) -> None:
    answer = endpoint.client("lambda").invoke(
        FunctionName=stack["MigrateDatabaseFunctionName"],
        Payload=json.dumps({"task": "partitions"}).encode(),
    )

    assert json.loads(answer["Payload"].read())["revision"] == REVISIONS[-1]


def test_the_embedded_stack_has_a_database_of_its_own(stack: dict[str, str]) -> None:
    if endpoint.chosen_target() is not None:
        pytest.skip("another stack's database is none of this machine's")
    server = embedded.running()
    assert server is not None
    with opened(server.address()) as database, database.connection() as connection:
        months = [name for name in tables_named(connection) if is_partition(name)]
        assert len(months) == 24 + 1 + 3 + 1


def tables_named(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT tablename FROM pg_tables")))
