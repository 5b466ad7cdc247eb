"""What the environment of `plan_retraining` says."""

from dataclasses import dataclass
from typing import Literal

from pitboss.gaming_day import GamingDays
from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    lake_bucket: str
    gaming_days: GamingDays
    training_days: int
    training_place: Literal["lambda", "sagemaker"]
    aws_region: str
    log_level: LogLevel = "INFO"
