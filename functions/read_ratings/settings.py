"""What the environment of `read_ratings` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    ratings_table: str
    aws_region: str
    log_level: LogLevel = "INFO"
