"""The archive as a feed: what was received of gaming days, as it came (ADR 9)."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import zstandard

from pitboss.lake.layout import raw_prefix
from pitboss.lake.raw import read_line
from workbench import endpoint
from workbench.console import UsageError, WorkbenchError
from workbench.event_files import FileFormat
from workbench.replay import FeedEvent, feed_event

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RUN_EVENTS = 20_000
"""Events that are held at once: those of a run are sorted by how they were posted."""

_RANGE = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?")


class StoredObject(NamedTuple):
    """An object of the archive, and its size in bytes."""

    key: str
    size: int


def days_of(text: str) -> list[str]:
    """Gaming days written as `2026-11-20` or `2026-11-20..2026-11-22`, both ends included.

    Raises:
        UsageError: they are none.
    """
    found = _RANGE.fullmatch(text)
    try:
        first = date.fromisoformat(found[1]) if found else date.max
        last = date.fromisoformat(found[2] or found[1]) if found else date.min
    except ValueError:
        first, last = date.max, date.min
    if first > last:
        raise UsageError(
            f"{text!r} is no gaming day and no range of them: "
            "write 2026-11-20, or 2026-11-20..2026-11-22."
        )
    return [(first + timedelta(n)).isoformat() for n in range((last - first).days + 1)]


@dataclass(frozen=True)
class Archive:
    """What was received of a property's gaming days, up to now."""

    objects: Sequence[StoredObject]
    client: "S3Client"
    bucket: str

    @classmethod
    def of_stack(cls, property_id: str, days: Sequence[str]) -> "Archive":
        """That of the deployed stack. What a replay adds to the archive is not part of it.

        Raises:
            WorkbenchError: nothing was received on any of these days.
        """
        bucket = endpoint.stack_outputs().get("LakeBucketName")
        if bucket is None:
            raise WorkbenchError("The stack has no archive: run `pitboss up`.")
        client = endpoint.client("s3")
        found = [one for day in days for one in _objects(client, bucket, property_id, day)]
        if not found:
            span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
            raise WorkbenchError(
                f"Nothing of property {property_id} is archived on {span}: "
                "see which --property, and what its gaming day is."
            )
        return cls(found, client, bucket)

    @property
    def size(self) -> int:
        """Bytes of all its objects."""
        return sum(one.size for one in self.objects)

    def runs(
        self, on_bytes: Callable[[int], object] = lambda _: None
    ) -> Iterator[tuple[FileFormat, list[FeedEvent]]]:
        """Its events in the order in which they were read from the stream, some thousands at a time
        and these by how they were posted.

        Args:
            on_bytes: told the size of each object that was read.

        Raises:
            WorkbenchError: an object cannot be read.
        """
        for run in batched(self._events(on_bytes), RUN_EVENTS, strict=False):
            by_format: dict[FileFormat, list[FeedEvent]] = {}
            for file_format, event in run:
                by_format.setdefault(file_format, []).append(event)
            yield from by_format.items()

    def _events(self, on_bytes: Callable[[int], object]) -> Iterator[tuple[FileFormat, FeedEvent]]:
        for stored in self.objects:
            try:
                for line in self._lines(stored.key):
                    said = read_line(line)
                    file_format = FileFormat(said.format)
                    yield file_format, feed_event(said.posted, file_format)
            except (msgspec.MsgspecError, zstandard.ZstdError, ValueError) as fault:
                raise WorkbenchError(
                    f"{stored.key} in the archive cannot be read ({fault}): what stands before it "
                    "was sent and counts once; see the object in S3."
                ) from None
            on_bytes(stored.size)

    def _lines(self, key: str) -> Iterator[bytes]:
        body: Any = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
        unpacked = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True)
        yield from io.BufferedReader(unpacked)


def _objects(client: "S3Client", bucket: str, property_id: str, day: str) -> Iterator[StoredObject]:
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=raw_prefix(property_id, day)
    )
    for page in pages:
        for found in page.get("Contents", ()):
            yield StoredObject(found["Key"], found["Size"])
