"""The shufflers' database: one connection, its errors by kind, and how a function logs in."""

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import psycopg
import pytest
from cryptography import x509
from sqlalchemy import Connection, text

from migrate_database import roles
from migrate_database.partitions import Month
from pitboss.errors import TerminalError, TransientError
from pitboss.stores import database as stores
from pitboss.stores.database import (
    Database,
    DatabaseAddress,
    DatabaseFault,
    DatabaseRefused,
    DatabaseSettings,
    DatabaseUnavailable,
)
from tests.databases import Databases, as_role
from workbench import database as embedded
from workbench.emulator import any_free_port
from workbench.paths import ROOT

type Login = Callable[..., Database]


def scalar(connection: Connection, statement: str) -> Any:
    return connection.execute(text(statement)).scalar()


# --- one connection -------------------------------------------------------------------------------


def test_what_is_begun_is_kept_and_what_raises_is_not(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("INSERT INTO table_days VALUES ('north', '7', '2026-01-01')"))
    with pytest.raises(ZeroDivisionError):
        empty_and_fail(database)

    with database.connection() as connection:
        assert scalar(connection, "SELECT count(*) FROM table_days") == 1


def empty_and_fail(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("DELETE FROM table_days"))
        raise ZeroDivisionError


def test_a_sight_is_of_one_moment_and_for_reading_alone(databases_of: Login) -> None:
    one, other = databases_of(), databases_of()
    with one.connection() as connection:
        assert scalar(connection, "SELECT count(*) FROM table_days") == 0
        with other.begin() as writing:
            writing.execute(text("INSERT INTO table_days VALUES ('north', '7', '2026-01-01')"))
        assert scalar(connection, "SELECT count(*) FROM table_days") == 0
    refused = pytest.raises(DatabaseFault, match="25006: cannot execute DELETE in a read-only")
    with refused, one.connection() as connection:
        connection.execute(text("DELETE FROM table_days"))
    with one.begin() as connection:  # and the next may write again
        connection.execute(text("DELETE FROM table_days"))


def test_a_container_has_one_connection_and_keeps_it(database: Database) -> None:
    pids = []
    for _ in range(3):
        with database.begin() as connection:
            pids.append(scalar(connection, "SELECT pg_backend_pid()"))

    assert len(set(pids)) == 1


def test_a_dead_connection_heals(databases_of: Login) -> None:
    ours, other = databases_of(), databases_of()
    with ours.connection() as connection:
        pid = scalar(connection, "SELECT pg_backend_pid()")
    with other.begin() as connection:
        assert scalar(connection, f"SELECT pg_terminate_backend({pid}, 5000)")

    with ours.connection() as connection:
        assert scalar(connection, "SELECT pg_backend_pid()") != pid


def write_and_be_cut(ours: Database, other: Database) -> None:
    with ours.begin() as connection:
        connection.execute(text("INSERT INTO table_days VALUES ('north', '7', '2026-01-01')"))
        pid = scalar(connection, "SELECT pg_backend_pid()")
        with other.begin() as killing:
            scalar(killing, f"SELECT pg_terminate_backend({pid}, 5000)")
        scalar(connection, "SELECT 1")


def test_a_connection_that_dies_in_use_is_transient_and_the_next_is_new(
    databases_of: Login,
) -> None:
    ours, other = databases_of(), databases_of()
    with pytest.raises(DatabaseUnavailable, match=r"^pitboss at 127\.0\.0\.1:.*: 57P01: "):
        write_and_be_cut(ours, other)

    with ours.connection() as connection:
        assert scalar(connection, "SELECT count(*) FROM table_days") == 0


# --- errors by kind -------------------------------------------------------------------------------


def test_a_database_that_is_down_is_transient_and_says_where(database_server: Databases) -> None:
    port = any_free_port()
    down = Database(replace(database_server.server.address(), port=port), connect_seconds=2)

    with pytest.raises(DatabaseUnavailable) as found, down.connection():
        pass

    assert isinstance(found.value, TransientError)
    assert str(found.value).startswith(f"pitboss at 127.0.0.1:{port}/pitboss: connection failed")
    assert "refused" in str(found.value)


@pytest.mark.parametrize(
    "wrong", [{"password": lambda: "wrong"}, {"user": "nobody"}, {"name": "nothing"}]
)
def test_who_may_not_log_in_is_told_so(database_server: Databases, wrong: dict[str, Any]) -> None:
    address = replace(database_server.server.address(), **wrong)

    with pytest.raises(DatabaseRefused) as found, Database(address).connection():
        pass

    assert isinstance(found.value, TerminalError)


def test_a_fault_names_its_kind_and_no_value(database: Database) -> None:
    insert = text("INSERT INTO table_days VALUES ('north', :table, '2026-01-01')")
    with database.begin() as connection:
        connection.execute(insert, {"table": "secret-7"})
    with pytest.raises(DatabaseFault) as found, database.begin() as connection:
        connection.execute(insert, {"table": "secret-7"})

    assert found.value.sqlstate == "23505"
    assert "duplicate key" in str(found.value)
    assert "secret-7" not in str(found.value)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT nothing", DatabaseFault),
        ("LOCK table_days IN ROW EXCLUSIVE MODE NOWAIT", DatabaseUnavailable),
        ("DO $$ BEGIN RAISE SQLSTATE '57014'; END $$", DatabaseUnavailable),
        ("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", DatabaseUnavailable),
        ("DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", DatabaseUnavailable),
    ],
)
@pytest.mark.parametrize("by", ["SQLAlchemy", "the driver"])
def test_what_passes_is_transient(
    role_of: Callable[[str], Database], statement: str, kind: type[Exception], by: str
) -> None:
    with role_of("pitboss").begin() as locking:
        locking.execute(text("LOCK table_days IN EXCLUSIVE MODE"))
        with pytest.raises(kind):
            run(role_of(roles.TRACKER), statement, by)


def run(database: Database, statement: str, by: str) -> None:
    with database.begin() as connection:
        if by == "SQLAlchemy":
            connection.execute(text(statement))
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(statement)


# --- logging in -----------------------------------------------------------------------------------

SETTINGS = DatabaseSettings(
    database_host="db.cluster-x.eu-west-1.rds.amazonaws.com",
    database_port=5432,
    database_name="pitboss",
    database_user="pitboss_tracker",
    aws_region="eu-west-1",
)


def test_a_token_is_the_one_that_awss_own_client_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a/session+token=")
    client: Any = botocore.session.get_session().create_client("rds", region_name="eu-west-1")

    def signed(make: Callable[[], str]) -> str:
        """Twice alike: the second in which it is signed is part of it."""
        while True:
            first, second = make(), make()
            if first == second:
                return first

    place = (SETTINGS.database_host, 5432, "pitboss_tracker", "eu-west-1")
    ours, theirs = signed(
        lambda: "\n".join((stores.iam_token(*place), client.generate_db_auth_token(*place)))
    ).splitlines()

    assert DatabaseAddress.of(SETTINGS).password().partition("?")[0] == ours.partition("?")[0]
    assert ours == theirs


def test_a_password_is_read_from_its_secret_whenever_a_connection_is_made(
    databases_of: Login, database_server: Databases
) -> None:
    asked = []

    def secret_text(secret_id: str, region: str) -> str:
        asked.append((secret_id, region))
        password = database_server.server.password
        return password if len(asked) == 1 else json.dumps({"username": "x", "password": password})

    server = database_server.server
    settings = replace(
        SETTINGS,
        database_host="127.0.0.1",
        database_port=server.port,
        database_user="pitboss",
        database_password_secret="key",
        database_tls="disable",
    )
    database = Database(DatabaseAddress.of(settings, secret_text))
    assert asked == []
    for _ in range(2):
        with database.connection() as connection:
            scalar(connection, "SELECT 1")
    assert asked == [("key", "eu-west-1")]
    database.close()
    with database.connection():
        pass
    database.close()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("host", "authorities"),
    [(SETTINGS.database_host, "rds-authorities.pem"), ("db.example.org", "cacert.pem")],
)
def test_a_server_has_to_prove_its_name(
    monkeypatch: pytest.MonkeyPatch, host: str, authorities: str
) -> None:
    told: dict[str, Any] = {}

    def connect(**parameters: Any) -> None:
        told.update(parameters)
        raise psycopg.OperationalError("far away")

    monkeypatch.setattr(psycopg, "connect", connect)
    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    address = DatabaseAddress.of(
        replace(SETTINGS, database_host=host, database_password_secret="key"), lambda *_: "pw"
    )
    with pytest.raises(DatabaseUnavailable), Database(address, connect_seconds=20).connection():
        pass

    assert told["sslmode"] == "verify-full"
    assert Path(told["sslrootcert"]).name == authorities
    assert Path(told["sslrootcert"]).exists()
    assert (told["password"], told["connect_timeout"]) == ("pw", 20)
    assert "pw" not in str(address)


def test_the_authorities_of_rds_are_roots_that_last() -> None:
    found = x509.load_pem_x509_certificates(stores.RDS_AUTHORITIES.read_bytes())

    names = [one.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value for one in found]
    assert len(names) == len(set(names)) == 81
    for region in ("us-east-1", "us-west-2", "eu-central-1", "ap-southeast-2"):
        for key in ("RSA2048", "RSA4096", "ECC384"):
            assert f"Amazon RDS {region} Root CA {key} G1" in names
    for one in found:
        assert one.issuer == one.subject
        assert one.not_valid_after_utc.year > 2060
        one.verify_directly_issued_by(one)


# --- the embedded PostgreSQL ----------------------------------------------------------------------


@contextmanager
def quietly_ended(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        embedded.stop(folder)
        embedded.wipe(folder)


def test_the_embedded_one_keeps_its_data_port_and_password_to_itself(
    database_server: Databases,
) -> None:
    folder = ROOT / ".pitboss" / "test-databases" / f"kept-{os.getpid()}"
    with quietly_ended(folder):
        first = embedded.ensure_running(folder, embedded.UNSAFE)
        assert embedded.ensure_running(folder) == first
        assert first.port != database_server.server.port
        database = Database(first.address())
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE kept (number int)"))
            rights = connection.execute(
                text("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user")
            ).one()
        database.close()
        assert tuple(rights) == (False, True)
        listening = subprocess.run(
            ["ss", "-Hltn", f"sport = :{first.port}"], capture_output=True, text=True, check=True
        )
        assert [line.split()[3] for line in listening.stdout.splitlines()] == [
            f"127.0.0.1:{first.port}"
        ]
        private = folder / "server.json"
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
        assert [
            path.name
            for path in folder.rglob("*")
            if path.is_file() and first.password.encode() in path.read_bytes()
        ] == ["server.json"]

        assert embedded.stop(folder)
        assert embedded.running(folder) is None
        assert not embedded.stop(folder)
        again = embedded.ensure_running(folder, embedded.UNSAFE)

        assert (again.port, again.password) == (first.port, first.password)
        assert again.process != first.process
        database = Database(again.address())
        with database.connection() as connection:
            assert scalar(connection, "SELECT count(*) FROM kept") == 0
        database.close()


def test_the_embedded_one_is_of_the_version_that_aurora_is() -> None:
    from tests.contract.test_template import TEMPLATE

    cluster = TEMPLATE["Resources"]["DatabaseCluster"]["Properties"]
    family = TEMPLATE["Resources"]["DatabaseParameters"]["Properties"]["Family"]

    assert cluster["EngineVersion"].partition(".")[0] == str(embedded.MAJOR_VERSION)
    assert family == f"aurora-postgresql{embedded.MAJOR_VERSION}"
    assert f" {embedded.MAJOR_VERSION}." in embedded.version()


# --- what the functions' roles may do -------------------------------------------------------------

NO_RIGHT = "42501"

FORBIDDEN = {
    roles.TRACKER: [
        "DROP TABLE shufflers",
        "CREATE TABLE mine (number int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE shufflers ADD COLUMN mine int",
        "TRUNCATE shufflers",
        "DELETE FROM shuffler_events",
        "UPDATE shuffler_events SET event_type = 'other'",
        "SELECT * FROM recommendations",
        "SELECT * FROM alembic_version",
        "SELECT * FROM shuffler_events_other",
        "CREATE ROLE mine",
        "SET ROLE pitboss",
    ],
    roles.READER: [
        "INSERT INTO table_days VALUES ('north', '7', '2026-01-01')",
        "DELETE FROM shufflers",
        "DROP TABLE shufflers",
    ],
    roles.MAINTAINER: [
        "UPDATE recommendation_entries SET note = ''",
        "DELETE FROM recommendations",
        "INSERT INTO table_days VALUES ('north', '7', '2026-01-01')",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"),
    [(role, statement) for role, statements in FORBIDDEN.items() for statement in statements],
)
def test_a_role_may_do_no_more_than_it_needs(
    role_of: Callable[[str], Database], role: str, statement: str
) -> None:
    with pytest.raises(DatabaseFault) as refused, role_of(role).begin() as connection:
        connection.execute(text(statement))

    assert refused.value.sqlstate == NO_RIGHT


ALLOWED = {
    roles.TRACKER: [
        "INSERT INTO shuffler_events VALUES ('north', '7', 1, 1, 'door.opened', '') "
        "ON CONFLICT DO NOTHING RETURNING sequence",
        "INSERT INTO table_days VALUES ('north', '7', '2026-01-01') ON CONFLICT "
        "(property_id, table_id, gaming_day) DO UPDATE SET rounds = table_days.rounds + 1",
    ],
    roles.READER: ["SELECT * FROM shuffler_events", "SELECT * FROM recommendations"],
    roles.MAINTAINER: ["SELECT * FROM shuffler_hours", "UPDATE recommendations SET status = ''"],
}


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_role_may_do_what_it_needs(role_of: Callable[[str], Database], role: str) -> None:
    with role_of(role).begin() as connection:
        for statement in ALLOWED[role]:
            connection.execute(text(statement))


@pytest.fixture(scope="module")
def role_of(database_server: Databases) -> Iterator[Callable[[str], Database]]:
    """One database for all of these, which change nothing that another sees."""
    made: dict[str, Database] = {}
    with database_server.empty(template="migrated") as address:

        def login(role: str) -> Database:
            if role not in made:
                made[role] = Database(address if role == "pitboss" else as_role(address, role))
            return made[role]

        yield login
        for database in made.values():
            database.close()


# --- months ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (0, Month(1970, 1)),
        (1_798_761_599_999, Month(2026, 12)),
        (1_798_761_600_000, Month(2027, 1)),
    ],
)
def test_a_moment_is_of_a_month_in_utc(moment: int, month: Month) -> None:
    assert Month.at(moment) == month
    assert month.starts_at <= moment < month.plus(1).starts_at
    assert Month.of_partition(month.partition) == month


@pytest.mark.parametrize(("months", "then"), [(-14, (2025, 11)), (-1, (2026, 12)), (12, (2028, 1))])
def test_months_are_counted_over_years(months: int, then: tuple[int, int]) -> None:
    assert Month(2027, 1).plus(months) == then
