"""Databases for tests: one embedded PostgreSQL a process, one database a test."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg

from migrate_database import roles, service
from migrate_database.partitions import Month
from migrate_database.schema import locked
from pitboss.stores.database import Database, DatabaseAddress
from workbench import database

MIGRATED_IN = Month(2027, 1)
MONTHS_KEPT = 3
"""What partitions there are; of other months there is the default one."""

PASSWORDS = {role: f"of {role}" for role in roles.ROLES}

_TEMPLATE = "migrated"


VACUUM_SECONDS = 30


class Databases:
    """A server that makes databases."""

    def __init__(self, server: database.Server) -> None:
        self.server = server
        self._numbers = count(1)
        with self.empty(_TEMPLATE, keep=True) as address:
            owner = Database(address)
            with locked(owner, PASSWORDS) as schema:
                service.run("migrate", None, schema, MIGRATED_IN.starts_at, MONTHS_KEPT)
            owner.close()

    @contextmanager
    def empty(
        self, name: str | None = None, template: str = "template1", *, keep: bool = False
    ) -> Iterator[DatabaseAddress]:
        """A database with nothing in it, removed afterwards; its owner's address."""
        name = name or f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.server.address(name)
        finally:
            if not keep:
                self._drop(name)

    @contextmanager
    def one(self) -> Iterator[Callable[..., Database]]:
        """A migrated database, by what logs in to it: the owner, or a role of a function."""
        with ExitStack() as opened:
            address = opened.enter_context(self.empty(template=_TEMPLATE))

            def login(role: str | None = None) -> Database:
                found = Database(address if role is None else as_role(address, role))
                opened.callback(found.close)
                return found

            yield login

    def _drop(self, name: str) -> None:
        """Remove a database. While the server's own vacuum is at it, nobody may end that."""
        deadline = time.monotonic() + VACUUM_SECONDS
        while True:
            try:
                return self._execute(f"DROP DATABASE {name} WITH (FORCE)")
            except psycopg.errors.InsufficientPrivilege:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _execute(self, statement: str) -> None:
        address = self.server.address()
        with psycopg.connect(
            host=address.host,
            port=address.port,
            dbname=address.name,
            user=address.user,
            password=address.password(),
            autocommit=True,
        ) as connection:
            connection.execute(statement)


def as_role(address: DatabaseAddress, role: str) -> DatabaseAddress:
    """The same database, for a role of a function."""
    return replace(address, user=role, password=lambda: PASSWORDS[role])


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """A server in a folder, new, and ended afterwards."""
    database.stop(folder)
    database.wipe(folder)
    try:
        yield Databases(database.ensure_running(folder, database.UNSAFE))
    finally:
        database.stop(folder)
        database.wipe(folder)
