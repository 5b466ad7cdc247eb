"""What the environment of `connect_live_clients` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    connections_table: str
    audit_table: str
    aws_region: str
    log_level: LogLevel = "INFO"
