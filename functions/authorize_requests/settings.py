"""What the environment of `authorize_requests` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    registry_table: str
    token_audience: str
    aws_region: str
    log_level: LogLevel = "INFO"
