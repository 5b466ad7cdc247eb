"""What the environment of `run_actions` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    metrics_table: str
    webhook_key_secret: str
    """The secret that webhooks' secrets are made of."""
    actions_queue: str
    unrun_actions_queue: str
    aws_region: str
    webhook_loopback: bool = False
    """Whether webhooks may be on the machine of the function itself, and without TLS."""
    log_level: LogLevel = "INFO"
