"""What the environment of `measure_events` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    metrics_table: str
    gaming_days: GamingDays
    aws_region: str
    log_level: LogLevel = "INFO"
