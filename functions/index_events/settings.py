"""What the environment of `index_events` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    recent_events_table: str
    registry_table: str
    aws_region: str
    log_level: LogLevel = "INFO"
