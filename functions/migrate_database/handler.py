"""A task in, what it came to out."""

import os
import time
from functools import cache
from typing import Any

from migrate_database.roles import MAINTAINER, READER, TRACKER
from migrate_database.schema import locked
from migrate_database.service import run
from migrate_database.settings import Settings
from pitboss.settings import read
from pitboss.stores.database import Database, DatabaseAddress
from pitboss.stores.secrets import secret_text
from pitboss.telemetry import Metrics, logger

CONNECT_SECONDS = 60
"""Aurora may have paused, or be about to be there for the first time."""

STATEMENT_SECONDS = 600
"""A revision may have to look at every row."""

log = logger("migrate_database")
metrics = Metrics("migrate_database")


class _Wiring:
    def __init__(self, settings: Settings) -> None:
        log.setLevel(settings.log_level)
        self.settings = settings
        self.database = Database(
            DatabaseAddress.of(settings),
            connect_seconds=CONNECT_SECONDS,
            statement_seconds=STATEMENT_SECONDS,
        )

    def passwords(self) -> dict[str, str] | None:
        """Of the functions' roles, as their secrets are now; None where they need none."""
        secrets = {
            TRACKER: self.settings.tracker_password_secret,
            READER: self.settings.reader_password_secret,
            MAINTAINER: self.settings.maintainer_password_secret,
        }
        found = {
            role: secret_text(secret, self.settings.aws_region)
            for role, secret in secrets.items()
            if secret is not None
        }
        return found or None


@cache
def _wiring() -> _Wiring:
    return _Wiring(read(os.environ, Settings))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run one task; `{}` is a migration."""
    wiring = _wiring()
    task = event.get("task", "migrate")
    passwords = wiring.passwords() if task == "migrate" else None
    try:
        with locked(wiring.database, passwords) as schema:
            outcome = run(
                task,
                event.get("revision"),
                schema,
                time.time_ns() // 1_000_000,
                wiring.settings.shuffler_retention_months,
            )
        metrics.count("PartitionsMade", len(outcome.partitions.made))
        metrics.count("PartitionsDropped", len(outcome.partitions.dropped))
    finally:
        metrics.flush()
    told = {"revision": outcome.revision, **outcome.partitions._asdict()}
    log.info("done", extra={"task": task, **told})
    return told
