"""Registered webhooks in DynamoDB, in the table of metrics, and posts to them.

| item | `pk` | `sk` | attributes |
|---|---|---|---|
| webhook | `<property>/webhooks` | `<name>` | `url`, `salt`, `added_at`, `status`, `last` |

The secret of a webhook is nowhere: it is made of the stack's secret and the webhook's salt.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from ipaddress import IPv4Address
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore.httpsession import get_cert_path
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

from pitboss.metrics.webhooks import Answer, Became, Delivery, Status, Webhook, became, is_public
from pitboss.stores.dynamodb import spread_client
from pitboss.stores.pages import items_of

ANSWER_SECONDS = 15
"""A post takes at most, from looking up its host to the answer's headers."""

CONNECT_SECONDS = 5

type _Item = dict[str, Any]

_delivery = msgspec.json.Decoder(Delivery)


class DynamoWebhooks:
    """The webhooks of a stack.

    Every method may raise ClientError and BotoCoreError, after which it may or may not be done.
    """

    def __init__(self, table: str, region: str, client: Any = None) -> None:  # noqa: ANN401
        """
        Args:
            table: its name.
            region: where it is.
            client: of DynamoDB, where it is not made from the environment.
        """
        self._table = table
        self._region = region
        self._given = client

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        return self._given or spread_client(self._region)

    def find(self, property_id: str, name: str) -> Webhook | None:
        """A webhook. Strongly consistent: what was added or disabled is known at once."""
        found = self._client.get_item(
            TableName=self._table, Key=_key(property_id, name), ConsistentRead=True
        )
        return _webhook(found["Item"]) if "Item" in found else None

    def all(self, property_id: str) -> list[Webhook]:
        """A property's webhooks, by name."""
        asked = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": _place(property_id)},
            "ConsistentRead": True,
        }
        return [_webhook(item) for item in items_of(self._client, **asked)]

    def add(self, property_id: str, webhook: Webhook) -> None:
        """Register one, in place of the one of its name."""
        item = _key(property_id, webhook.name) | {
            "url": {"S": webhook.url},
            "salt": {"S": webhook.salt},
            "added_at": {"N": str(webhook.added_at)},
            "status": {"S": webhook.status},
        }
        self._client.put_item(TableName=self._table, Item=item)

    def remove(self, property_id: str, name: str) -> None:
        """Register one no more."""
        self._client.delete_item(TableName=self._table, Key=_key(property_id, name))

    def keep_delivery(self, property_id: str, webhook: Webhook, last: Delivery) -> None:
        """Keep what came of a post, and that who is gone is posted to no more; nothing of a webhook
        that was removed or added anew meanwhile.
        """
        status = Status.DISABLED if last.became is Became.GONE else webhook.status
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(property_id, webhook.name),
                UpdateExpression="SET #last = :last, #status = :status",
                ConditionExpression="salt = :salt",
                ExpressionAttributeNames={"#last": "last", "#status": "status"},
                ExpressionAttributeValues={
                    ":last": {"S": msgspec.json.encode(last).decode()},
                    ":status": {"S": status},
                    ":salt": {"S": webhook.salt},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return


def _place(property_id: str) -> _Item:
    return {"S": f"{property_id}/webhooks"}


def _key(property_id: str, name: str) -> _Item:
    return {"pk": _place(property_id), "sk": {"S": name}}


def _webhook(item: _Item) -> Webhook:
    return Webhook(
        name=item["sk"]["S"],
        url=item["url"]["S"],
        salt=item["salt"]["S"],
        added_at=int(item["added_at"]["N"]),
        status=Status(item["status"]["S"]),
        last=_delivery.decode(item["last"]["S"]) if "last" in item else None,
    )


def addresses_of(host: str, port: int) -> list[str]:
    """The IPv4 addresses of a host, for a function has no other way out.

    Raises:
        OSError: it has none, or nobody who knows was reached.
    """
    found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    return [str(where[0]) for *_, where in found]


class WebhookPosts:
    """Posts to addresses that others have chosen: to none but public ones, each once, with no
    redirection followed and no body read.
    """

    def __init__(
        self,
        *,
        loopback: bool = False,
        addresses: Callable[[str, int], list[str]] = addresses_of,
        authorities: str | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        """
        Args:
            loopback: whether this machine itself may be posted to, and without TLS.
            addresses: of a host and port.
            authorities: the file of those that are trusted; by default those that AWS is known by.
            seconds: a post takes at most.
        """
        self._loopback = loopback
        self._addresses = addresses
        self._authorities = authorities or get_cert_path(True)
        self._seconds = seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body, and say what came of it."""
        answers: SimpleQueue[Answer] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._ask(url, headers, body))
            except (HTTPError, OSError) as fault:
                answers.put(Answer(Became.LATER, type(fault).__name__))

        # A limit of a socket is one of each read: who answers a byte at a time would never be done.
        threading.Thread(target=ask, daemon=True).start()
        try:
            return answers.get(timeout=self._seconds)
        except Empty:
            return Answer(Became.LATER, "no answer in time")

    def _ask(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        host, is_tls = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        # Connected to is the address that was judged, so that a name cannot change between.
        addresses = self._addresses(host, port)
        if not all(self._may(address, is_tls=is_tls) for address in addresses):
            return Answer(Became.REFUSED, "not a public address")
        limits: dict[str, Any] = {
            "timeout": Timeout(connect=CONNECT_SECONDS, read=self._seconds),
            "retries": False,
        }
        pool = (
            HTTPSConnectionPool(
                addresses[0],
                port,
                server_hostname=host,
                assert_hostname=host,
                ca_certs=self._authorities,
                **limits,
            )
            if is_tls
            else HTTPConnectionPool(addresses[0], port, **limits)
        )
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        with pool:
            response = pool.urlopen(
                "POST",
                target,
                body=body,
                headers={**headers, "Host": parts.netloc},
                redirect=False,
                preload_content=False,
            )
            response.close()
        status = response.status
        return Answer(became(status), str(status), response.headers.get("Retry-After"))

    def _may(self, address: str, *, is_tls: bool) -> bool:
        if self._loopback and IPv4Address(address).is_loopback:
            return True
        return is_tls and is_public(address)
