"""Secrets of the stack, in Secrets Manager."""

from functools import cache
from typing import Any

import botocore.session


def secret_text(secret_id: str, region: str) -> str:
    """The current text of a secret.

    Raises:
        ClientError, BotoCoreError: it cannot be read.
    """
    text: str = _client(region).get_secret_value(SecretId=secret_id)["SecretString"]
    return text


@cache
def _client(region: str) -> Any:  # noqa: ANN401 - botocore makes clients from data
    session = botocore.session.get_session()
    return session.create_client("secretsmanager", region_name=region)
