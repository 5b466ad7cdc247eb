"""Items that are replaced by version, each in one transaction with marks of what it is made of.

Whoever writes reads an item first and replaces the version that was read, so that of two writers
one comes again; what must happen once with the change is in the same transaction. A mark is an item
put where there is none.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from pitboss.stores.batches import read_batches
from pitboss.stores.dynamodb import spread_client

MAX_ACTIONS = 100
"""Items of one transaction (DynamoDB)."""

UNITS_A_WRITE = 2
"""Write units of an item of at most 1 KB in a transaction (DynamoDB)."""

type Item = dict[str, Any]
type Key = tuple[str, str]


class Change(NamedTuple):
    """An item in place of a version, and what is put with it where there is none."""

    key: Key
    version: int
    """That was read; 0 where there was none."""
    attributes: Item
    marks: Sequence[Item] = ()

    @property
    def actions(self) -> int:
        """Items that it writes."""
        return 1 + len(self.marks)


class MarkedItems:
    """A table by `pk` and `sk`. Reads are strongly consistent.

    Every method may raise ClientError and BotoCoreError.
    """

    def __init__(
        self,
        table: str,
        region: str,
        take: Callable[[int], object] = lambda _: None,
        pause: Callable[[int], object] = lambda _: None,
        client: Any = None,  # noqa: ANN401 - botocore makes it from data
    ) -> None:
        """
        Args:
            table: its name.
            region: of AWS.
            take: waits until so many write units may be used; see `pitboss.pacing.Pace`.
            pause: waits before the n-th try of what was left unread.
            client: one of DynamoDB where it is not to be the environment's.
        """
        self.table = table
        self._region = region
        self._take = take
        self._pause = pause
        self._given = client

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        """DynamoDB's."""
        if self._given is not None:
            return self._given
        return spread_client(self._region)

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items of these keys; what is not there has none.

        Raises:
            UnreadItemsError: DynamoDB is busy.
        """
        items = read_batches(self.client, self.table, dict.fromkeys(keys), self._pause)
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}

    def replace(self, changes: Sequence[Change]) -> set[int]:
        """Write changes, as many in a transaction as it takes.

        Returns:
            The positions of those that were not written: another writer was first, or DynamoDB is
            busy. None of what belongs to them is written. A change whose answer was lost may be
            among them: read again, and it is known.
        """
        left: set[int] = set()
        batch: list[int] = []
        size = 0
        for position, change in enumerate(changes):
            if size + change.actions > MAX_ACTIONS:
                left |= self._written(changes, batch)
                batch, size = [], 0
            batch.append(position)
            size += change.actions
        return left | self._written(changes, batch)

    def _written(self, changes: Sequence[Change], batch: list[int]) -> set[int]:
        if not batch:
            return set()
        actions = [action for position in batch for action in self._actions(changes[position])]
        self._take(len(actions) * UNITS_A_WRITE)
        try:
            self.client.transact_write_items(TransactItems=actions)
        except self.client.exceptions.TransactionCanceledException as fault:
            codes = [reason["Code"] for reason in fault.response["CancellationReasons"]]
            failed, first = set[int](), 0
            for position in batch:
                end = first + changes[position].actions
                if any(code != "None" for code in codes[first:end]):
                    failed.add(position)
                first = end
            rest = [position for position in batch if position not in failed]
            return failed | self._written(changes, rest) if failed else set(batch)
        return set()

    def _actions(self, change: Change) -> list[Item]:
        pk, sk = change.key
        version = {"version": {"N": str(change.version + 1)}}
        put: Item = {
            "TableName": self.table,
            "Item": {"pk": s(pk), "sk": s(sk)} | version | change.attributes,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if change.version:
            put["ConditionExpression"] = "version = :known"
            put["ExpressionAttributeValues"] = {":known": {"N": str(change.version)}}
        new = "attribute_not_exists(pk)"
        return [
            {"Put": put},
            *(
                {"Put": {"TableName": self.table, "Item": mark, "ConditionExpression": new}}
                for mark in change.marks
            ),
        ]


def s(text: str) -> dict[str, str]:
    """Text, in DynamoDB's form."""
    return {"S": text}


def n(number: int) -> dict[str, str]:
    """An integer, in DynamoDB's form."""
    return {"N": str(number)}
