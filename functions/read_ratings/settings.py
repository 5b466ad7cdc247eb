"""What the environment of `read_ratings` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    ratings_table: str
    audit_table: str
    aws_region: str
    gaming_days: GamingDays
    cursor_key_secret: str
    log_level: LogLevel = "INFO"
