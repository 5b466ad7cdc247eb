"""Proof: the deployed handlers under a deterministic simulation.

`clock` is time and chance, `network` an AWS inside the process that every botocore client talks
to, `dynamodb`, `kinesis`, `s3` and `sns` its services, which keep the rules that AWS documents.
"""

from typing import Any


class AwsError(Exception):
    """What a service answers in place of a result."""

    def __init__(self, code: str, message: str = "", status: int = 400, **members: object) -> None:
        """`members` are what the answer says besides code and message."""
        self.code = code
        self.message = message
        self.status = status
        self.members: dict[str, Any] = members
        super().__init__(f"{code}: {message}")


class UnknownToFake(AssertionError):
    """A request that the fakes have no rule for. Never an answer: the test itself is at fault."""


class Killed(BaseException):
    """The process that made a call is gone: nothing of it runs on."""
