"""Open WebSockets: which game listens for which machine and who watches the floor, in DynamoDB, and
messages to them.

| item | `pk` | `sk` |
|---|---|---|
| connection, and its machines | `connection/<connection>` | `connection` |
| that it listens for a machine | `<property>/machine/<asset>` | `<connection>` |
| that it watches the floor | `<property>/live` | `<connection>` |
| that it is a principal's | `principal/<principal>` | `<connection>` |

A connection's items are made and removed in one transaction. API Gateway does not promise to say
that a connection has ended: `expires` (epoch seconds) is when it has at the latest, and what is
past it counts for nothing until DynamoDB deletes it.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from pitboss.errors import TransientError
from pitboss.stores.pages import items_of

MOST_SECONDS = 2 * 60 * 60
"""How long API Gateway keeps a WebSocket open at most."""

MOST_MACHINES = 64
"""Machines of one connection, so that its items fit into a transaction, which takes 100."""

POSTS_AT_ONCE = 16
"""Messages that are sent at the same time."""

CONNECT_SECONDS = 1
READ_SECONDS = 2
"""Nobody is waited for for long."""


class Connection(NamedTuple):
    """An open WebSocket and what it is for."""

    connection_id: str
    principal_id: str
    property_id: str
    assets: frozenset[str]
    """Machines it listens for, `MOST_MACHINES` at most; none of who watches the floor."""
    connected_at: int
    """Epoch milliseconds."""
    watch: "Watch | None" = None
    """Of who watches the floor."""


class Watch(NamedTuple):
    """What somebody who signed in may see of the floor, and until when."""

    sees_players: bool
    signed_in_until: int
    """Epoch seconds: when the token ends that the connection was opened with."""


class Listener(NamedTuple):
    """A connection that listens for a machine."""

    connection_id: str
    connected_at: int
    """Epoch milliseconds."""


class Watcher(NamedTuple):
    """A connection that watches the floor."""

    connection_id: str
    connected_at: int
    """Epoch milliseconds."""
    sees_players: bool
    """Whether it may be sent rows with `player_id`."""
    expires: int
    """Epoch seconds. From then on it is sent nothing, and is to be closed and removed."""


class DynamoConnections:
    """The open connections of a stack. Reads are strongly consistent.

    Every method may raise ClientError and BotoCoreError; all may be called again.
    """

    def __init__(self, table: str, region: str) -> None:
        self._table = table
        self._client: Any = botocore.session.get_session().create_client(
            "dynamodb",
            region_name=region,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 3},
                max_pool_connections=POSTS_AT_ONCE,
            ),
        )

    def add(self, connection: Connection) -> None:
        """Keep a connection of either kind: one with machines, no more than `MOST_MACHINES`, or one
        with a watch.
        """
        times: dict[str, Any] = {
            "connected_at": {"N": str(connection.connected_at)},
            "expires": {"N": str(connection.connected_at // 1000 + MOST_SECONDS)},
        }
        if connection.watch is not None:
            times |= {
                "sees_players": {"BOOL": connection.watch.sees_players},
                "signed_in_until": {"N": str(connection.watch.signed_in_until)},
            }
        whole = times | {
            "principal_id": {"S": connection.principal_id},
            "property_id": {"S": connection.property_id},
            **({"assets": {"SS": sorted(connection.assets)}} if connection.assets else {}),
        }
        first, *others = _keys(connection)
        puts = [first | whole, *(key | times for key in others)]
        self._client.transact_write_items(
            TransactItems=[{"Put": {"TableName": self._table, "Item": item}} for item in puts]
        )

    def remove(self, connection_id: str) -> bool:
        """Forget a connection; False where there is none by that id."""
        item = self._client.get_item(
            TableName=self._table, Key=_connection_key(connection_id), ConsistentRead=True
        ).get("Item")
        if item is None:
            return False
        connection = Connection(
            connection_id,
            item["principal_id"]["S"],
            item["property_id"]["S"],
            frozenset(item.get("assets", {"SS": []})["SS"]),
            int(item["connected_at"]["N"]),
            _watch(item),
        )
        self._client.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": self._table, "Key": key}} for key in _keys(connection)
            ]
        )
        return True

    def count(self, principal_id: str, now: int) -> int:
        """How many connections a principal has open at a moment (epoch ms)."""
        return sum(1 for _ in self._open(_principal(principal_id), now))

    def listening(self, property_id: str, asset_id: str, now: int) -> list[Listener]:
        """Who listens for a machine at a moment (epoch ms)."""
        return [
            Listener(item["sk"]["S"], int(item["connected_at"]["N"]))
            for item in self._open(_machine(property_id, asset_id), now)
        ]

    def watching(self, property_id: str, now: int) -> list[Watcher]:
        """Who has the floor open at a moment (epoch ms), also those whose token has ended since."""
        return [
            Watcher(
                item["sk"]["S"],
                int(item["connected_at"]["N"]),
                item["sees_players"]["BOOL"],
                min(int(item["signed_in_until"]["N"]), int(item["expires"]["N"])),
            )
            for item in self._open(_live(property_id), now)
        ]

    def _open(self, partition: str, now: int) -> Iterator[dict[str, Any]]:
        return items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            FilterExpression="expires > :now",
            ExpressionAttributeValues={":pk": {"S": partition}, ":now": {"N": str(now // 1000)}},
            ConsistentRead=True,
        )


class UndeliveredError(TransientError):
    """A message that API Gateway did not take, for any reason but that nobody is there."""

    def __init__(self, connection_id: str, fault: str) -> None:
        super().__init__(f"connection {connection_id} was not reached: {fault}")


class LiveApi:
    """The WebSocket API of a stack, as who sends messages over its connections.

    A message is sent once: who missed it asks by itself in time, and others wait behind it.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/ (`@connections`)
    """

    def __init__(self, url: str, region: str) -> None:
        """
        Args:
            url: where its connections are managed, see `management_url`.
            region: where it is.
        """
        self._url = url
        self._region = region
        self._credentials: Any = botocore.session.get_session().get_credentials()
        # botocore's client takes more than twice the CPU for a message, and a push is hundreds.
        self._pool = PoolManager(
            maxsize=POSTS_AT_ONCE,
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
            ca_certs=get_cert_path(True),
        )

    def send(self, connection_id: str, message: bytes) -> bool:
        """Send a message over a connection; False where it is gone.

        Raises:
            UndeliveredError: it may or may not have been sent.
        """
        return self._ask("POST", connection_id, message)

    def close(self, connection_id: str) -> None:
        """End a connection; one that is gone already is as good.

        Raises:
            UndeliveredError: it may or may not be open.
        """
        self._ask("DELETE", connection_id, b"")

    def _ask(self, method: str, connection_id: str, body: bytes) -> bool:
        url = f"{self._url}/@connections/{quote(connection_id, safe='')}"
        request = AWSRequest(method, url, data=body)
        try:
            frozen = self._credentials.get_frozen_credentials()
            SigV4Auth(frozen, "execute-api", self._region).add_auth(request)
            response = self._pool.urlopen(method, url, body=body, headers=dict(request.headers))
        except (BotoCoreError, HTTPError) as fault:
            raise UndeliveredError(connection_id, repr(fault)) from fault
        if response.status == HTTPStatus.GONE:
            return False
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise UndeliveredError(connection_id, f"{response.status} {response.data[:200]!r}")
        return True


def management_url(url: str, aws_endpoint_url: str | None) -> str:
    """Where the connections of a WebSocket API are managed.

    Args:
        url: its address on AWS, `https://<api>.execute-api.<region>.<suffix>/<stage>`.
        aws_endpoint_url: the one address of all services, where the AWS is no real one.

    >>> management_url("https://a1b2.execute-api.us-east-1.amazonaws.com/dev", None)
    'https://a1b2.execute-api.us-east-1.amazonaws.com/dev'
    >>> management_url(
    ...     "https://a1b2.execute-api.us-east-1.amazonaws.com/dev", "http://127.0.0.1:4566"
    ... )
    'http://127.0.0.1:4566/_aws/execute-api/a1b2/dev'
    """
    if aws_endpoint_url is None:
        return url
    host, _, stage = url.removeprefix("https://").partition("/")
    return f"{aws_endpoint_url}/_aws/execute-api/{host.partition('.')[0]}/{stage}"


def _machine(property_id: str, asset_id: str) -> str:
    return f"{property_id}/machine/{asset_id}"


def _live(property_id: str) -> str:
    return f"{property_id}/live"


def _watch(item: dict[str, Any]) -> Watch | None:
    if "signed_in_until" not in item:
        return None
    return Watch(item["sees_players"]["BOOL"], int(item["signed_in_until"]["N"]))


def _principal(principal_id: str) -> str:
    return f"principal/{principal_id}"


def _connection_key(connection_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"connection/{connection_id}"}, "sk": {"S": "connection"}}


def _keys(connection: Connection) -> list[dict[str, Any]]:
    """Of all its items, the connection's own first."""
    partitions = [
        _principal(connection.principal_id),
        *(_machine(connection.property_id, asset) for asset in sorted(connection.assets)),
        *([] if connection.watch is None else [_live(connection.property_id)]),
    ]
    sort = {"S": connection.connection_id}
    return [
        _connection_key(connection.connection_id),
        *({"pk": {"S": partition}, "sk": sort} for partition in partitions),
    ]
