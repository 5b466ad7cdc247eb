"""The database's revisions, run by Alembic in one transaction.

Without Alembic's `env.py`: that is for its command line, and reads a file of settings.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from migrate_database.partitions import ensure_partitions, is_partition
from migrate_database.roles import ensure_roles
from migrate_database.service import Kept
from pitboss.stores.database import Database
from pitboss.stores.maintenance_models import RecommendationRow
from pitboss.stores.shuffler_models import Base

METADATA = Base.metadata
"""Of every table: each module of models adds its own when it is imported."""

assert RecommendationRow.metadata is METADATA

LOCK_SECONDS = 60
"""How long another migration, or whoever uses a table that changes, is waited for."""

_LOCK = 0x70697462  # any number, the same for every release

_REVISIONS = Path(__file__).parent


def script_directory() -> ScriptDirectory:
    """The revisions of this release."""
    config = Config()
    config.set_main_option("script_location", str(_REVISIONS).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


class PostgresSchema:
    """A database, within a transaction that has the lock."""

    def __init__(self, connection: Connection, passwords: Mapping[str, str] | None) -> None:
        self._connection = connection
        self._passwords = passwords

    def revision(self) -> str | None:
        """What it is at; None where it has nothing."""
        return migration_context(self._connection).get_current_revision()

    def upgrade(self, revision: str = "head") -> str | None:
        """Run what is missing; what it is at then."""
        script = script_directory()
        return self._run(script, lambda current, _: script._upgrade_revs(revision, current))

    def downgrade(self, revision: str) -> str | None:
        """Undo what came after a revision, or all of it (`base`); what it is at then."""
        script = script_directory()
        return self._run(script, lambda current, _: script._downgrade_revs(revision, current))

    def ensure_partitions(self, now_ms: int, months_kept: int) -> Kept:
        """See `migrate_database.partitions`."""
        return ensure_partitions(self._connection, now_ms, months_kept)

    def ensure_roles(self) -> None:
        """See `migrate_database.roles`."""
        ensure_roles(self._connection, self._passwords)

    def _run(self, script: ScriptDirectory, steps: Any) -> str | None:  # noqa: ANN401 - Alembic's
        with EnvironmentContext(Config(), script, fn=steps) as environment:
            environment.configure(connection=self._connection, target_metadata=METADATA)
            environment.run_migrations()
        return self.revision()


@contextmanager
def locked(database: Database, passwords: Mapping[str, str] | None) -> Iterator[PostgresSchema]:
    """The database's schema, for one at a time; what is done to it is done whole, or not at all.

    Raises:
        DatabaseUnavailable: somebody else has the lock for too long, or a table.
    """
    with database.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield PostgresSchema(connection, passwords)


def migration_context(connection: Connection) -> MigrationContext:
    """What compares a database with the models; partitions, which no model has, left out."""
    return MigrationContext.configure(
        connection,
        opts={
            "target_metadata": METADATA,
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or not is_partition(name),
        },
    )
