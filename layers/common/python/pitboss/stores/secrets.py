"""Secrets of the stack, in Secrets Manager."""

from typing import Any

import botocore.session


def secret_text(secret_id: str, region: str) -> str:
    """The current text of a secret.

    Raises:
        ClientError, BotoCoreError: it cannot be read.
    """
    session = botocore.session.get_session()
    client: Any = session.create_client("secretsmanager", region_name=region)
    text: str = client.get_secret_value(SecretId=secret_id)["SecretString"]
    return text
