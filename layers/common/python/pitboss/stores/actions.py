"""The queue of actions, by SQS, and functions of the house that are started, by Lambda."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pitboss.errors import TransientError
from pitboss.metrics.webhooks import Answer, Became

_PERMANENT = frozenset(
    {
        "AccessDeniedException",
        "InvalidRequestContentException",
        "RequestTooLargeException",
        "ResourceNotFoundException",
    }
)
_CONFIG = Config(retries={"total_max_attempts": 2}, connect_timeout=2, read_timeout=5)


class UnsentActionsError(TransientError):
    """Messages that SQS did not take."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} actions are not in the queue")


class SqsActions:
    """The queue of actions, and the one of those that are set aside.

    Every method may raise ClientError and BotoCoreError, after which it may or may not be done.
    """

    def __init__(self, queue: str, aside: str, region: str) -> None:
        """
        Args:
            queue: its URL.
            aside: the URL of the other.
            region: where they are.
        """
        self._queue = queue
        self._aside = aside
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        return botocore.session.get_session().create_client(
            "sqs", region_name=self._region, config=_CONFIG
        )

    def send(self, bodies: Iterable[str]) -> None:
        """Put messages into the queue, ten at most.

        Raises:
            UnsentActionsError: some of them are not.
        """
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        answer = self._client.send_message_batch(QueueUrl=self._queue, Entries=entries)
        if failed := answer.get("Failed"):
            raise UnsentActionsError(len(failed))

    def hide(self, receipt: str, seconds: int) -> None:
        """Let a message that is worked on come again after so many seconds, and not before."""
        self._client.change_message_visibility(
            QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )

    def set_aside(self, body: str) -> None:
        """Put a message where those lie that were tried in vain."""
        self._client.send_message(QueueUrl=self._aside, MessageBody=body)


class ActionFunctions:
    """Functions that a threshold may start."""

    def __init__(self, region: str) -> None:
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        return botocore.session.get_session().create_client(
            "lambda", region_name=self._region, config=_CONFIG
        )

    def start(self, function: str, body: bytes) -> Answer:
        """Hand a function its event, and wait for no more than that Lambda has it."""
        try:
            answer = self._client.invoke(
                FunctionName=function, InvocationType="Event", Payload=body
            )
        except ClientError as fault:
            code = fault.response["Error"]["Code"]
            return Answer(Became.REFUSED if code in _PERMANENT else Became.LATER, code)
        except BotoCoreError as fault:
            return Answer(Became.LATER, type(fault).__name__)
        return Answer(Became.DONE, str(answer["StatusCode"]))
