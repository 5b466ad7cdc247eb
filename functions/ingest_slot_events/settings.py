"""What the environment of `ingest_slot_events` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    slot_stream: str
    quarantine_bucket: str
    aws_region: str
    log_level: LogLevel = "INFO"
