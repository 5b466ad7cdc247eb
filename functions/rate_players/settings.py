"""What the environment of `rate_players` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    ratings_table: str
    quarantine_bucket: str
    player_topic: str
    gaming_days: GamingDays
    worth_step_cents: int
    aws_region: str
    log_level: LogLevel = "INFO"
