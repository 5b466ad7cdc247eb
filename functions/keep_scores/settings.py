"""What the environment of `keep_scores` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    scores_table: str
    score_write_units: int
    """Write units a second of the table."""
    score_writers: int
    """Invocations that share them."""
    aws_region: str
    log_level: LogLevel = "INFO"
