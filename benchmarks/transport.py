"""AWS requests made for real up to the wire, serialised and signed, and answered without it."""

import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from zlib import crc32

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from msgspec import Struct, field

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}

type Answer = Callable[[str, Any], bytes]
"""Body of the answer to an operation with a body."""


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._body


@contextmanager
def network_stubbed(answer: Answer) -> Iterator[None]:
    """Give these answers to what would go over the network to DynamoDB."""

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        operation = request.headers["X-Amz-Target"]
        if isinstance(operation, bytes):
            operation = operation.decode()
        if "Authorization" not in request.headers:
            raise AssertionError("a request is signed")
        body = answer(operation.partition(".")[2], request.body or b"")
        headers = HTTPHeaders()
        headers["Content-Type"] = "application/x-amz-json-1.0"
        headers["x-amzn-RequestId"] = "0" * 52
        headers["x-amz-crc32"] = str(crc32(body))
        return AWSResponse(request.url, 200, headers, _Raw(body))

    with (
        mock.patch.dict(os.environ, _ENVIRONMENT),
        mock.patch.object(URLLib3Session, "send", send),
    ):
        yield


class Requests(Struct):
    """What DynamoDB was asked to do."""

    calls: Counter[str] = field(default_factory=Counter)
    items: int = 0
    """Items written."""
    item_bytes: int = 0
    write_units: int = 0
    """Write capacity: two for every begun KB of an item in a transaction, as AWS documents."""
    read_units: float = 0.0
    """Read capacity, of what is not there: one for every key read consistently."""
    items_a_transaction: list[int] = field(default_factory=list)
    items_by_kind: Counter[str] = field(default_factory=Counter)

    def answer(self, operation: str, body: bytes) -> bytes:
        """Count a request; an empty table's answer."""
        self.calls[operation] += 1
        request = json.loads(body)
        if operation == "TransactWriteItems":
            actions = [next(iter(entry.values())) for entry in request["TransactItems"]]
            self.items += len(actions)
            self.items_a_transaction.append(len(actions))
            self.items_by_kind.update(map(kind_of, actions))
            sizes = [item_bytes(action) for action in actions]
            self.item_bytes += sum(sizes)
            self.write_units += sum(2 * -(-size // 1024) for size in sizes)
            return b"{}"
        if operation == "BatchGetItem":
            tables = request["RequestItems"]
            self.read_units += sum(len(table["Keys"]) for table in tables.values())
            return json.dumps(
                {"Responses": {name: [] for name in tables}, "UnprocessedKeys": {}}
            ).encode()
        if operation == "Query":
            self.read_units += 1
            return b'{"Items": [], "Count": 0, "ScannedCount": 0}'
        raise AssertionError(f"rating has no use for {operation}")


_KINDS = {"page": "page", "day": "machine's day", "correction": "correction"}


def kind_of(action: dict[str, Any]) -> str:
    """What an action of a transaction writes, by its key (see `pitboss.stores.ratings`)."""
    key = action["Item"] if "Item" in action else action["Key"]
    place, kind = key["pk"]["S"].split("/")[1], key["sk"]["S"].partition("/")[0]
    if place == "floor":
        return "head"
    return "session" if place == "player" and kind == "day" else _KINDS[kind]


def item_bytes(action: dict[str, Any]) -> int:
    """Bytes of the item that an action of a transaction writes, as DynamoDB counts them.

    Of an update, which adds to what is there, what it carries: names, values and key.
    """
    if "Item" in action:
        return sum(len(name) + _value_bytes(value) for name, value in action["Item"].items())
    values = action.get("ExpressionAttributeValues", {})
    return sum(len(name) + _value_bytes(value) for name, value in (action["Key"] | values).items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":  # a byte for two digits, and one
            return (len(content.strip("-")) + 1) // 2 + 1
        case "B":
            return len(base64.b64decode(content))
        case "L":
            return 3 + sum(1 + _value_bytes(one) for one in content)
        case _:
            return 1
