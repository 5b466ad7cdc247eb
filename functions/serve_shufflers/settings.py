"""What the environment of `serve_shufflers` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel
from pitboss.stores.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class Settings(DatabaseSettings):
    """Variables of the function, by their names in lower case."""

    gaming_days: GamingDays
    cursor_key_secret: str
    log_level: LogLevel = "INFO"
