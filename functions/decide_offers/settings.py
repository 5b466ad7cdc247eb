"""What the environment of `decide_offers` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    offers_table: str
    standings_table: str
    ratings_table: str
    lake_bucket: str
    approve_offer_state_machine: str
    gaming_days: GamingDays
    aws_region: str
    log_level: LogLevel = "INFO"
