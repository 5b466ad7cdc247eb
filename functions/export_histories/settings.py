"""What the environment of `export_histories` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel
from pitboss.stores.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class Settings(DatabaseSettings):
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    history_days: int
    """How far back hours are handed on."""
    log_level: LogLevel = "INFO"
