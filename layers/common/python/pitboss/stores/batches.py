"""Many items of a DynamoDB table, written without conditions or read by their keys, in batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import batched
from typing import Any

from pitboss.backoff import pause
from pitboss.errors import TransientError

MAX_TRIES = 8
BATCH = 25
"""Items that one BatchWriteItem takes."""
_BATCH_KEYS = 100
"""Keys that one BatchGetItem takes."""


class UnwrittenItems(TransientError):
    """DynamoDB took not all of a batch, again and again."""

    def __init__(self, table: str, items: int) -> None:
        super().__init__(f"{items} items of {table} were not written")


class UnreadItemsError(TransientError):
    """DynamoDB read not all of a batch, again and again."""

    def __init__(self, left: int) -> None:
        super().__init__(f"{left} items were not read: try again")


def write_batches(
    client: Any,  # noqa: ANN401 - as botocore makes it
    table: str,
    requests: Iterable[Mapping[str, Any]],
    pause: Callable[[int], object] = pause,
) -> int:
    """Write or delete items, batch by batch in their order; how many.

    Args:
        client: of DynamoDB.
        table: its name.
        requests: a `PutRequest` or `DeleteRequest` each, of no item twice.
        pause: waits before the n-th retry.

    Raises:
        UnwrittenItems: DynamoDB left a part of a batch unprocessed each time.
    """
    written = 0
    for batch in batched(requests, BATCH, strict=False):
        asked: Any = {table: list(batch)}
        for attempt in range(MAX_TRIES):
            if attempt:
                pause(attempt)
            asked = client.batch_write_item(RequestItems=asked).get("UnprocessedItems")
            if not asked:
                break
        else:
            raise UnwrittenItems(table, len(asked[table]))
        written += len(batch)
    return written


def read_batches(
    client: Any,  # noqa: ANN401 - as botocore makes it
    table: str,
    keys: Iterable[tuple[str, str]],
    pause: Callable[[int], object] = pause,
) -> Iterator[dict[str, Any]]:
    """The items by these keys as they are now, batch by batch, in no order within one.

    Args:
        client: of DynamoDB.
        table: its name; its keys are `pk` and `sk`.
        keys: each once. What is not there has no item.
        pause: waits before the n-th retry.

    Raises:
        UnreadItemsError: DynamoDB left a part of a batch unprocessed each time.
    """
    for batch in batched(keys, _BATCH_KEYS, strict=False):
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in batch]
        asked: Any = {table: {"Keys": wanted, "ConsistentRead": True}}
        for attempt in range(MAX_TRIES):
            if attempt:
                pause(attempt)
            answer = client.batch_get_item(RequestItems=asked)
            yield from answer["Responses"].get(table, ())
            asked = answer.get("UnprocessedKeys")
            if not asked:
                break
        else:
            raise UnreadItemsError(len(asked[table]["Keys"]))
