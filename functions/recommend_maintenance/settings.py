"""What the environment of `recommend_maintenance` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel
from pitboss.stores.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class Settings(DatabaseSettings):
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    log_level: LogLevel = "INFO"
