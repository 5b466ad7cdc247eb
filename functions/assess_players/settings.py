"""What the environment of `assess_players` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    standings_table: str
    aws_region: str
    log_level: LogLevel = "INFO"
