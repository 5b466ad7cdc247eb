"""What the environment of `push_live_updates` says."""

from dataclasses import dataclass

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    connections_table: str
    live_api_url: str
    gaming_days: GamingDays
    aws_region: str
    aws_endpoint_url: str | None = None
    """Where all of AWS answers at one address; AWS itself sets none."""
    log_level: LogLevel = "INFO"
