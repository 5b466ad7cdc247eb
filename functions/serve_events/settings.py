"""What the environment of `serve_events` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    recent_events_table: str
    registry_table: str
    audit_table: str
    lake_bucket: str
    aws_region: str
    log_level: LogLevel = "INFO"
