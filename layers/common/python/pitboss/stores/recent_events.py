"""Games' events of the last days in DynamoDB: packed blocks of them, and lists of where they are.

| item | `pk` | `sk` |
|---|---|---|
| events of a minute and lane | `<owner>/lane/<lane>/<epoch hour>` | `<epoch minute>/<digest>` |
| that a minute of a lane has events | `<owner>/every` | `<epoch minute>/<lane>` |
| and some of a type | `<owner>/type/<type>` | the same |
| and some of a level | `<owner>/level/<level>` | the same |
| that a player has events in an hour | `<owner>/player/<player>` | `<epoch hour>` |
| how far an application has come | `<property>/newest` | `<application>` |

The owner is `<property>/<application>`. Minutes and hours have ten digits, lanes two. All items
have `expires` (epoch seconds); the first `body`, what `pitboss.games.recent` packs, zstd; the last
`received_at` and `indexed_at`. Every other item is put whole and is what its key says, so that
writing it again, in any order, changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import batched
from typing import Any, NamedTuple

from pitboss.games.recent import (
    HOUR_MINUTES,
    KEPT_MS,
    MINUTE_MS,
    Block,
    Cell,
    Place,
    RecentEvent,
    unpacked,
)
from pitboss.stores.batches import BATCH, write_batches
from pitboss.stores.dynamodb import Spread, spread_client
from pitboss.stores.packing import Zstd
from pitboss.stores.pages import items_of

_zstd = Zstd(level=3)

type Item = dict[str, Any]


class Newest(NamedTuple):
    """How far an application has come."""

    application_id: str
    received_at: int
    """When the door received the newest event that was read; epoch milliseconds."""
    indexed_at: int
    """When it was, and all that came before it in its shard."""


class DynamoRecentEvents:
    """The recent events of all applications of a stack.

    Every method may raise ClientError and BotoCoreError; all may be called again.
    """

    def __init__(
        self,
        table: str,
        region: str,
        spread: Spread = map,
        client: Any = None,  # noqa: ANN401 - botocore makes it from data
    ) -> None:
        """
        Args:
            table: its name.
            region: where it is.
            spread: `map`, or one that calls up to `CALLS_AT_ONCE` at a time.
            client: of DynamoDB, where it is not made from the environment.
        """
        self._table = table
        self._spread = spread
        self._client: Any = client or spread_client(region)

    # What is written.

    def keep(
        self,
        blocks: Mapping[tuple[str, str], Iterable[Block]],
        places: Mapping[tuple[str, str], Iterable[Place]],
        pause: Callable[[int], object],
    ) -> None:
        """Keep blocks, and name them in lists.

        Args:
            blocks: by property and application.
            places: the same.
            pause: waits before the n-th try.

        Raises:
            UnwrittenItems: not all of it is; some may be.
        """
        items = [_block(_owner(*whose), one) for whose, some in blocks.items() for one in some]
        items += [_place(_owner(*whose), one) for whose, some in places.items() for one in some]

        def put(some: Iterable[Item]) -> None:
            requests = ({"PutRequest": {"Item": item}} for item in some)
            write_batches(self._client, self._table, requests, pause)

        for _ in self._spread(put, batched(items, BATCH, strict=False)):
            pass  # raises what a call raised

    def tell_newest(self, property_id: str, newest: Newest) -> None:
        """Say how far an application has come, where that is farther than is known."""
        item = {
            "pk": {"S": _newest(property_id)},
            "sk": {"S": newest.application_id},
            "received_at": {"N": str(newest.received_at)},
            "indexed_at": {"N": str(newest.indexed_at)},
            "expires": _expires(newest.received_at),
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR received_at < :now",
                ExpressionAttributeValues={":now": item["received_at"]},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # another shard is farther, or it came again

    # What is read; all of it eventually consistent.

    def newest(self, property_id: str) -> list[Newest]:
        """How far each application has come that had events in the last days, by its id."""
        items = items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": _newest(property_id)}},
        )
        return [
            Newest(item["sk"]["S"], int(item["received_at"]["N"]), int(item["indexed_at"]["N"]))
            for item in items
        ]

    def listed(
        self, property_id: str, application_id: str, list_name: str, first: str, last: str
    ) -> Iterator[str]:
        """What a list names from the first to the last, both included, the newest first."""
        items = items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": f"{_owner(property_id, application_id)}/{list_name}"},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            ScanIndexForward=False,
        )
        return (item["sk"]["S"] for item in items)

    def cells(
        self, property_id: str, application_id: str, cells: Iterable[Cell]
    ) -> Iterable[list[RecentEvent]]:
        """What is kept of each of these cells, in their order; what came twice is there twice."""
        owner = _owner(property_id, application_id)

        def read(cell: Cell) -> list[RecentEvent]:
            items = items_of(
                self._client,
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :minute)",
                ExpressionAttributeValues={
                    ":pk": {"S": _lane(owner, cell)},
                    ":minute": {"S": f"{cell.minute:010d}/"},
                },
            )
            return [one for item in items for one in unpacked(_zstd.decompress(item["body"]["B"]))]

        return self._spread(read, cells)


def _owner(property_id: str, application_id: str) -> str:
    return f"{property_id}/{application_id}"


def _newest(property_id: str) -> str:
    return f"{property_id}/newest"


def _lane(owner: str, cell: Cell) -> str:
    return f"{owner}/lane/{cell.lane:02d}/{cell.minute // HOUR_MINUTES:010d}"


def _block(owner: str, block: Block) -> Item:
    cell = block.cell
    return {
        "pk": {"S": _lane(owner, cell)},
        "sk": {"S": f"{cell.minute:010d}/{block.digest}"},
        "body": {"B": _zstd.compress(block.body)},
        "expires": _expires((cell.minute + 1) * MINUTE_MS),
    }


def _place(owner: str, place: Place) -> Item:
    return {
        "pk": {"S": f"{owner}/{place.list_name}"},
        "sk": {"S": place.at},
        "expires": _expires((place.minute + 1) * MINUTE_MS),
    }


def _expires(at: int) -> dict[str, str]:
    return {"N": str((at + KEPT_MS) // 1000)}
