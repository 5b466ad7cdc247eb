"""What the environment of `migrate_database` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel
from pitboss.stores.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class Settings(DatabaseSettings):
    """Variables of the function, by their names in lower case."""

    shuffler_retention_months: int
    tracker_password_secret: str | None = None
    """Of the role that `track_shufflers` logs in as; None where roles sign in by IAM."""
    reader_password_secret: str | None = None
    maintainer_password_secret: str | None = None
    log_level: LogLevel = "INFO"
