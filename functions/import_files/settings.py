"""What the environment of `import_files` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    quarantine_bucket: str
    ratings_table: str
    gaming_days: GamingDays
    aws_region: str
    log_level: LogLevel = "INFO"
