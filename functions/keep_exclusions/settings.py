"""What the environment of `keep_exclusions` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    standings_table: str
    audit_table: str
    aws_region: str
    log_level: LogLevel = "INFO"
