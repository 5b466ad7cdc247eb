"""SNS in memory, by what its API reference says of PublishBatch: what a topic took, in order."""

import json
from collections.abc import Callable, Collection
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from workbench.proof import AwsError, UnknownToFake
from workbench.proof.clock import Clock

BATCH_ENTRIES = 10
BATCH_BYTES = 256 * 1024
_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
_ENTRY = "PublishBatchRequestEntries.member."


class Message(NamedTuple):
    """A message as a subscriber gets it."""

    body: str
    attributes: dict[str, str | float]
    at_ms: int


class Topic:
    """A standard topic."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.on_message: Callable[[Message], None] | None = None
        """Told of each message that is taken."""

    def take(self, message: Message) -> None:
        """Publish a message."""
        self.messages.append(message)
        if self.on_message is not None:
            self.on_message(message)


class SNS:
    """The service: its topics, and its answers."""

    def __init__(self, clock: Clock, region: str, account: str) -> None:
        self.topics: dict[str, Topic] = {}
        self._clock = clock
        self._prefix = f"arn:aws:sns:{region}:{account}:"

    def create_topic(self, name: str) -> tuple[str, Topic]:
        """A new topic and its ARN."""
        arn = f"{self._prefix}{name}"
        self.topics[arn] = Topic()
        return arn, self.topics[arn]

    def answer(
        self,
        operation: str,
        request: dict[str, str],
        failing: Collection[int] = (),
        code: str = "InternalError",
    ) -> str:
        """What the service answers, its effect done; the entries at some positions may fail.

        Raises:
            AwsError: it refuses.
            UnknownToFake: the fake has no rule for the request.
        """
        if operation != "PublishBatch":
            raise UnknownToFake(f"SNS is not asked to {operation}")
        topic = self.topics.get(request["TopicArn"])
        if topic is None:
            raise AwsError("NotFound", "Topic does not exist", 404)
        entries = _entries(request)
        failed = {n % len(entries) for n in failing}
        answers = []
        for n, entry in enumerate(entries):
            if n in failed:
                answers.append((entry["Id"], code))
                continue
            topic.take(Message(entry["Message"], _attributes(entry), self._clock.now_ms))
            answers.append((entry["Id"], ""))
        done = "".join(
            f"<member><Id>{escape(name)}</Id><MessageId>m-{name}</MessageId></member>"
            for name, fault in answers
            if not fault
        )
        not_done = "".join(
            f"<member><Id>{escape(name)}</Id><Code>{fault}</Code>"
            "<SenderFault>false</SenderFault></member>"
            for name, fault in answers
            if fault
        )
        return (
            f'<PublishBatchResponse xmlns="{_NAMESPACE}"><PublishBatchResult>'
            f"<Successful>{done}</Successful><Failed>{not_done}</Failed></PublishBatchResult>"
            "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishBatchResponse>"
        )

    def error(self, error: AwsError) -> str:
        """An error, as SNS writes it."""
        return (
            f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
            "<RequestId>r</RequestId></ErrorResponse>"
        )


def _entries(request: dict[str, str]) -> list[dict[str, Any]]:
    """The batch's entries, checked."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in request.items():
        if name.startswith(_ENTRY):
            number, _, field = name.removeprefix(_ENTRY).partition(".")
            found.setdefault(int(number), {})[field] = value
        elif name not in ("Action", "Version", "TopicArn"):
            raise UnknownToFake(f"SNS PublishBatch with {name}")
    entries = [found[number] for number in sorted(found)]
    if not entries:
        raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > BATCH_ENTRIES:
        raise AwsError("TooManyEntriesInBatchRequest", "The batch request contains too many.")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise AwsError("BatchEntryIdsNotDistinct", "Two entries have the same Id.")
    if len(json.dumps(entries).encode()) > BATCH_BYTES:
        raise AwsError("BatchRequestTooLong", "The batch request is too long.")
    return entries


def _attributes(entry: dict[str, Any]) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    number = 1
    while (name := entry.get(f"MessageAttributes.entry.{number}.Name")) is not None:
        value = f"MessageAttributes.entry.{number}.Value."
        kind, text = entry[f"{value}DataType"], entry[f"{value}StringValue"]
        if not text:
            raise AwsError("InvalidParameterValue", f"The message attribute '{name}' is empty.")
        if kind not in ("String", "Number"):
            raise UnknownToFake(f"SNS with an attribute of type {kind}")
        found[name] = text if kind == "String" else float(text)
        number += 1
    return found
