"""What the environment of `track_shufflers` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel
from pitboss.stores.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class Settings(DatabaseSettings):
    """Variables of the function, by their names in lower case."""

    quarantine_bucket: str
    gaming_days: GamingDays
    shuffler_retention_months: int
    log_level: LogLevel = "INFO"
