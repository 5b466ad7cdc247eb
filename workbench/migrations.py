"""Writes a revision of the shufflers' database: what the models have and the revisions do not.

    scripts/make-migration "spare parts"

Alembic compares; what it cannot know (what becomes of rows that there are) is written by hand.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import DowngradeOps, UpgradeOps
from alembic.runtime.migration import MigrationContext

from migrate_database import schema
from pitboss.stores.database import Database
from workbench import database
from workbench.console import WorkbenchError, say
from workbench.paths import ROOT

VERSIONS = ROOT / "functions" / "migrate_database" / "versions"

_FORM = '''"""{title}."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {before}


def upgrade() -> None:
    """{title}."""
{up}


def downgrade() -> None:
    """Undo it."""
{down}
'''


def write(words: str, has_table: Callable[[str], bool] = lambda _: True) -> Path:
    """The next revision, in a file of its own, from the difference to the models.

    Args:
        words: what it is for.
        has_table: of which tables; of all.

    Raises:
        WorkbenchError: there is no difference.
    """
    with tempfile.TemporaryDirectory(dir=ROOT / ".pitboss") as folder:
        server = database.ensure_running(Path(folder) / "database", database.UNSAFE)
        try:
            return _write(words, Database(server.address()), has_table)
        finally:
            database.stop(Path(folder) / "database")


def _write(words: str, empty: Database, has_table: Callable[[str], bool]) -> Path:
    with schema.locked(empty, None) as there:
        before = there.upgrade()
    with empty.connection() as connection:
        context = schema.migration_context(connection)
        context.opts["include_object"] = _of_tables(has_table)
        found = produce_migrations(context, schema.METADATA)
        assert found.upgrade_ops is not None
        assert found.downgrade_ops is not None
        up, down = (_code(part, context) for part in (found.upgrade_ops, found.downgrade_ops))
    empty.close()
    if found.upgrade_ops.is_empty():
        raise WorkbenchError("The revisions have all that the models have.")
    revision = f"{int(before or 0) + 1:04d}"
    path = VERSIONS / f"v{revision}_{re.sub(r'\W+', '_', words.lower())}.py"
    text = _FORM.format(
        title=words[:1].upper() + words[1:],
        revision=revision,
        before=f'"{before}"' if before else None,
        up=up,
        down=down,
    )
    if "postgresql." not in text:
        text = text.replace("from sqlalchemy.dialects import postgresql\n", "")
    path.write_text(text)
    return path


def _of_tables(has_table: Callable[[str], bool]) -> Callable[..., bool]:
    def is_included(item: Any, name: str, kind: str, *_: object) -> bool:  # noqa: ANN401
        return has_table(name if kind == "table" else item.table.name)

    return is_included


def _code(operations: UpgradeOps | DowngradeOps, context: MigrationContext) -> str:
    lines = render_python_code(operations, migration_context=context).splitlines()
    return "\n".join(f"    {line.strip()}" for line in lines if not line.strip().startswith("#"))


def main() -> None:
    """Write it, and say where."""
    try:
        path = write(" ".join(sys.argv[1:]) or "changes")
    except WorkbenchError as fault:
        sys.exit(str(fault))
    say(f"{path.relative_to(ROOT)}: read it, mend it, then run scripts/make-migration again")


if __name__ == "__main__":
    main()
