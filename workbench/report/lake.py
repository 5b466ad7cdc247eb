"""Where a report's figures are read: the lake or a copy of it, and a stack's corrections."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError
from workbench.rate import DEFAULT_GAMING_DAY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from pitboss.gaming_day import GamingDay
    from pitboss.stores.parquet import Objects

QUERIES_AT_ONCE = 8


def opened(
    property_id: str, folder: Path | None, rule: str | None
) -> tuple["Objects", "GamingDay"]:
    """A lake, and when the property's gaming days start.

    Args:
        property_id: the property.
        folder: a copy of a lake; None for the stack's.
        rule: the gaming day's rule; None for the stack's, or the usual one.

    Raises:
        WorkbenchError: there is no lake, with what to do.
    """
    if folder is not None:
        if not folder.is_dir():
            raise WorkbenchError(f"{folder} is no folder: name one that has `refined/` in it.")
        return FolderLake(folder), _rule(rule or DEFAULT_GAMING_DAY)
    from pitboss.stores.lake import S3Lake

    outputs = endpoint.stack_outputs()
    if "LakeBucketName" not in outputs:
        raise WorkbenchError("The stack has no lake: run `pitboss up`.")
    lake = S3Lake(outputs["LakeBucketName"], client=endpoint.client("s3"))
    return lake, _rule(rule) if rule else _stack_rule(property_id)


def _stack_rule(property_id: str) -> "GamingDay":
    """The property's, by the parameter that the stack was deployed with."""
    from pitboss.gaming_day import GamingDays

    (stack,) = endpoint.client("cloudformation").describe_stacks(StackName=endpoint.stack_name())[
        "Stacks"
    ]
    for parameter in stack.get("Parameters", ()):
        if parameter["ParameterKey"] == "GamingDays":
            return GamingDays.parse(parameter["ParameterValue"]).rule_of(property_id)
    return _rule(DEFAULT_GAMING_DAY)


def _rule(text: str) -> "GamingDay":
    from pitboss.gaming_day import GamingDay

    try:
        return GamingDay.parse(text)
    except ValueError as fault:
        raise UsageError(f"{fault}.") from None


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
