"""What the environment of `ingest_game_events` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    game_stream: str
    registry_table: str
    installs_table: str
    install_events_per_minute: int
    quarantine_bucket: str
    aws_region: str
    log_level: LogLevel = "INFO"
