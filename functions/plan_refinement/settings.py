"""What the environment of `plan_refinement` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    quarantine_bucket: str
    gaming_days: GamingDays
    game_days: int
    """How long refined tables of games' events are kept, days."""
    aws_region: str
    log_level: LogLevel = "INFO"
