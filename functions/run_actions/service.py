"""The use case: run what a threshold asks for."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from pitboss.metrics.definition import Action
from pitboss.metrics.reading import Notice
from pitboss.metrics.webhooks import (
    Answer,
    Became,
    Delivery,
    Status,
    Webhook,
    secret_of,
    signed,
    wait_seconds,
)

_notice = msgspec.json.Decoder(Notice)
_encode = msgspec.json.Encoder().encode


class Webhooks(Protocol):
    """Knows webhooks; see `pitboss.stores.webhooks.DynamoWebhooks`."""

    def find(self, property_id: str, name: str) -> Webhook | None: ...
    def keep_delivery(self, property_id: str, webhook: Webhook, last: Delivery) -> None: ...


class Posts(Protocol):
    """Posts; see `pitboss.stores.webhooks.WebhookPosts`."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class Functions(Protocol):
    """Starts functions; see `pitboss.stores.actions.ActionFunctions`."""

    def start(self, function: str, body: bytes) -> Answer: ...


class Queue(Protocol):
    """Has the messages; see `pitboss.stores.actions.SqsActions`."""

    def send(self, bodies: Iterable[str]) -> None: ...
    def hide(self, receipt: str, seconds: int) -> None: ...
    def set_aside(self, body: str) -> None: ...


class Message(NamedTuple):
    """A message of the queue."""

    body: str
    receipt: str
    tries: int
    """This one among them."""


class Ran(NamedTuple):
    """What came of a message that asked for one action."""

    notice_id: str
    action: Action
    answer: Answer


class RunActions:
    """Runs the actions of notices."""

    def __init__(
        self,
        webhooks: Webhooks,
        posts: Posts,
        functions: Functions,
        queue: Queue,
        key: Callable[[], str],
        now: Callable[[], int],
    ) -> None:
        """
        Args:
            webhooks: that are registered.
            posts: how they are posted to.
            functions: that may be started.
            queue: of the messages.
            key: the stack's secret that webhooks' secrets are made of.
            now: epoch seconds.
        """
        self._webhooks = webhooks
        self._posts = posts
        self._functions = functions
        self._queue = queue
        self._key = key
        self._now = now

    def __call__(self, message: Message) -> Ran | None:
        """Run what a message asks for; None where it asks for nothing, or for several actions:
        each has a message of its own then, so that one that fails holds up no other.

        Raises:
            ValueError: it is no notice.
            ClientError, BotoCoreError, UnsentActionsError: it may have been run; it may be again.
        """
        notice = _notice.decode(message.body)
        if not notice.actions:
            return None
        if len(notice.actions) > 1:
            self._queue.send(
                _encode(replace(notice, actions=(one,))).decode() for one in notice.actions
            )
            return None
        (action,) = notice.actions
        told = replace(notice, actions=())
        answer = (
            self._functions.start(action.function, _encode(told))
            if action.function is not None
            else self._post(told, action.webhook or "")
        )
        if answer.became is Became.LATER:
            wait = wait_seconds(message.tries, answer.retry_after, self._now())
            self._queue.hide(message.receipt, wait)
        elif answer.became is Became.REFUSED:
            self._queue.set_aside(message.body)
        return Ran(notice.notice_id, action, answer)

    def _post(self, notice: Notice, name: str) -> Answer:
        property_id, now = notice.property_id, self._now()
        webhook = self._webhooks.find(property_id, name)
        if webhook is None:
            return Answer(Became.REFUSED, "not registered")
        if webhook.status is Status.DISABLED:
            return Answer(Became.GONE, "disabled")
        body = _encode(notice)
        secret = secret_of(self._key(), property_id, name, webhook.salt)
        headers = signed(secret, notice.notice_id, now, body) | {
            "Content-Type": "application/json",
            "User-Agent": "Pitboss",
        }
        answer = self._posts.post(webhook.url, headers, body)
        last = Delivery(now, notice.notice_id, answer.became, answer.said)
        self._webhooks.keep_delivery(property_id, webhook, last)
        return answer
