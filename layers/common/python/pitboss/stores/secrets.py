"""Secrets of the stack, in Secrets Manager."""

from collections.abc import Callable
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


class KeptSecret:
    """A secret's text, asked for again after `KEPT_SECONDS`: one that is replaced is known soon."""

    KEPT_SECONDS = 300

    def __init__(self, secret_id: str, region: str, clock: Callable[[], float]) -> None:
        """`clock` is seconds from any moment on."""
        self._secret_id = secret_id
        self._region = region
        self._clock = clock
        self._text = ""
        self._until = 0.0

    def __call__(self) -> str:
        """The text.

        Raises:
            ClientError, BotoCoreError: it cannot be read.
        """
        if not self._text or self._clock() >= self._until:
            self._text = secret_text(self._secret_id, self._region)
            self._until = self._clock() + self.KEPT_SECONDS
        return self._text


@cache
def _client(region: str) -> Any:  # noqa: ANN401 - botocore makes clients from data
    session = botocore.session.get_session()
    return session.create_client("secretsmanager", region_name=region)
