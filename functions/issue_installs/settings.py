"""What the environment of `issue_installs` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    registry_table: str
    install_key: str
    """The secret that tokens are signed by."""
    token_audience: str
    aws_region: str
    log_level: LogLevel = "INFO"
