"""A topic that functions publish to, by SNS."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import batched
from types import MappingProxyType
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from pitboss.errors import TransientError

MESSAGES_A_CALL = 10
"""Messages that SNS takes in one PublishBatch; all of them together have 256 KB at most."""

MAX_TRIES = 3
"""Times a message is sent before it is given back."""


class UnpublishedError(TransientError):
    """Messages that SNS did not take, however often they were sent."""

    def __init__(self, count: int, code: str) -> None:
        super().__init__(f"{count} messages are not published: {code}")


class Message(NamedTuple):
    """A message, and what subscriptions filter by."""

    body: str
    attributes: Mapping[str, str | int] = MappingProxyType({})


class SnsTopic:
    """A topic."""

    def __init__(self, topic: str, region: str) -> None:
        self._topic = topic
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        # Imported and made on first use: a floor without cards never needs it.
        import botocore.session
        from botocore.config import Config

        # A rating waits for nobody for long: what is not told now is told with the next event.
        config = Config(retries={"total_max_attempts": 2}, connect_timeout=1, read_timeout=2)
        return botocore.session.get_session().create_client(
            "sns", region_name=self._region, config=config
        )

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish them, each at least once.

        Raises:
            UnpublishedError: some were not taken, or SNS was not reached; others may have been.
        """
        try:
            for some in batched(messages, MESSAGES_A_CALL, strict=False):
                self._publish([_entry(index, message) for index, message in enumerate(some)])
        except (ClientError, BotoCoreError) as fault:
            raise UnpublishedError(len(messages), str(fault)) from fault

    def _publish(self, entries: list[dict[str, Any]]) -> None:
        code = ""
        for _ in range(MAX_TRIES):
            answer = self._client.publish_batch(
                TopicArn=self._topic, PublishBatchRequestEntries=entries
            )
            failed = {failure["Id"]: failure["Code"] for failure in answer.get("Failed", ())}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return
            code = failed[entries[0]["Id"]]
        raise UnpublishedError(len(entries), code)


def _entry(index: int, message: Message) -> dict[str, Any]:
    attributes = {
        name: {
            "DataType": "String" if isinstance(value, str) else "Number",
            "StringValue": str(value),
        }
        for name, value in message.attributes.items()
    }
    entry: dict[str, Any] = {"Id": str(index), "Message": message.body}
    return entry | ({"MessageAttributes": attributes} if attributes else {})
