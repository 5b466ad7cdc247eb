"""Many items written to a DynamoDB table, in batches, without conditions."""

from collections.abc import Callable, Iterable, Mapping
from itertools import batched
from typing import Any

from pitboss.backoff import pause
from pitboss.errors import TransientError

MAX_TRIES = 8
_BATCH = 25
"""Items that one BatchWriteItem takes."""


class UnwrittenItems(TransientError):
    """DynamoDB took not all of a batch, again and again."""

    def __init__(self, table: str, items: int) -> None:
        super().__init__(f"{items} items of {table} were not written")


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
    for batch in batched(requests, _BATCH, strict=False):
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
