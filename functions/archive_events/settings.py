"""What the environment of `archive_events` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    game_stream: str
    """Its records are of games; those of the other stream are of slots."""
    gaming_days: GamingDays
    aws_region: str
    log_level: LogLevel = "INFO"
