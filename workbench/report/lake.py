"""Where a report's figures are read: a copy of the lake in a folder, and a stack's corrections."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


QUERIES_AT_ONCE = 8


class FolderLake:
    """The lake's bucket as files: a key is a path below the folder. It is only read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, body: bytes) -> None:
        raise PermissionError(f"{self._folder} is a copy of a lake: {key} is not written")

    def get(self, key: str) -> bytes:
        """A file's bytes."""
        return (self._folder / key).read_bytes()

    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """Keys, in their order, sizes in bytes and times of the files under a prefix."""
        start = self._folder / prefix
        above = start if prefix.endswith("/") else start.parent
        for path in sorted(above.rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            if path.is_file() and key.startswith(prefix):
                found = path.stat()
                yield key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)


class StackCorrections:
    """The corrections in a stack's ratings table; `pitboss.stores.ratings` has its keys."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def changes(self, owners: Iterable[str], day: str) -> set[str]:
        """What names the changes that corrected somebody's gaming day.

        Args:
            owners: `<property>/player/<player>`; of uncarded play, `<property>/machine/<asset>`.
            day: an ISO date.
        """
        with ThreadPoolExecutor(QUERIES_AT_ONCE) as workers:
            return set().union(*workers.map(lambda owner: self._changes(owner, day), owners))

    def _changes(self, owner: str, day: str) -> set[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :owner AND begins_with(sk, :day)",
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":day": {"S": f"correction/{day}/"},
            },
            ProjectionExpression="sk",
        )
        return {item["sk"]["S"].rpartition("/")[2] for page in pages for item in page["Items"]}
