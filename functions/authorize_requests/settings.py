"""What the environment of `authorize_requests` says."""

from dataclasses import dataclass

from pitboss.settings import LogLevel


@dataclass(frozen=True)
class Settings:
    """Variables of the function, by their names in lower case."""

    registry_table: str
    token_audience: str
    sign_in_issuer: str
    """The user pool's address, which tokens of people name."""
    sign_in_client: str
    """The page's id in the user pool."""
    install_key: str
    """The secret that tokens of installs are signed by."""
    aws_region: str
    aws_endpoint_url: str | None = None
    """Where all of AWS answers at one address; AWS itself sets none."""
    log_level: LogLevel = "INFO"
