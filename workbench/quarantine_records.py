"""The quarantine with its history: entries, and beside each what was done about it.

The history is in the quarantine's bucket under a prefix of its own. One object holds what one
command did to the entries of one object of the quarantine; none is ever written twice, and nothing
under `quarantine/` is written at all.

    history/<stage>/<property>/<sender>/<date>/<content hash>/<epoch ms>-<hash>.ndjson
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import ClientError

from pitboss.stores.quarantine import PREFIX, S3Quarantine
from workbench.mending import Mend, Posted, Record, State, Step

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HISTORY = "history"

_SUFFIX = ".ndjson"
_decoder = msgspec.json.Decoder(Mend | Posted)


@dataclass(frozen=True)
class Wanted:
    """Which records are meant; None is any."""

    stage: str | None = None
    reason: str | None = None
    sender: str | None = None
    property_id: str | None = None
    state: State | None = None

    def may_be_in(self, object_id: str) -> bool:
        """Whether such records may be in an object: it is of one stage, property and sender."""
        meant = (self.stage, self.property_id, self.sender)
        found = object_id.split("/")
        return all(one in (None, part) for one, part in zip(meant, found, strict=False))

    def matches(self, record: Record) -> bool:
        """Whether a record of such an object is meant."""
        return self.reason in (None, record.entry.reason) and self.state in (None, record.state)


class QuarantineRecords:
    """The records of a stack's quarantine."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client
        self._entries = S3Quarantine(bucket, client=client)

    def find(self, wanted: Wanted) -> Iterator[Record]:
        """The records that are meant, those set aside last first."""
        within = f"{wanted.stage}/" if wanted.stage else ""
        objects = sorted(self._entries.objects(within), key=lambda found: found[2], reverse=True)
        history = self._history_keys(within)
        for key, _size, _time in objects:
            object_id = key.removeprefix(f"{PREFIX}/").removesuffix(_SUFFIX)
            if not wanted.may_be_in(object_id):
                continue
            for record in self._records(object_id, history.get(object_id, ())):
                if wanted.matches(record):
                    yield record

    def get(self, record_id: str) -> Record | None:
        """A record by its id; None where there is none."""
        object_id, _, position = record_id.removeprefix(f"{PREFIX}/").partition("#")
        try:
            records = self._records(
                object_id, self._history_keys(f"{object_id}/").get(object_id, ())
            )
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        named = f"{object_id}#{position or 0}"
        return next((record for record in records if record.record_id == named), None)

    def append(self, steps: Iterable[tuple[Record, Step]]) -> None:
        """Add steps to records' histories."""
        by_object: dict[str, list[Step]] = defaultdict(list)
        for record, step in steps:
            by_object[record.object_id].append(step)
        for object_id, made in by_object.items():
            body = b"".join(msgspec.json.encode(step) + b"\n" for step in made)
            name = f"{made[0].at}-{sha256(body).hexdigest()[:16]}{_SUFFIX}"
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{HISTORY}/{object_id}/{name}",
                Body=body,
                ContentType="application/x-ndjson",
            )

    def _history_keys(self, within: str) -> dict[str, list[str]]:
        """The history's objects by what they are of, in the order of their time."""
        found: dict[str, list[str]] = defaultdict(list)
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{HISTORY}/{within}"
        )
        for page in pages:
            for one in page.get("Contents", ()):
                object_id = one["Key"].removeprefix(f"{HISTORY}/").rpartition("/")[0]
                found[object_id].append(one["Key"])
        return found

    def _records(self, object_id: str, history: Sequence[str]) -> list[Record]:
        steps: dict[int, list[Step]] = defaultdict(list)
        for key in history:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            for line in body.splitlines():
                step = _decoder.decode(line)
                steps[step.position].append(step)
        entries = self._entries.read(f"{PREFIX}/{object_id}{_SUFFIX}")
        return [
            Record(
                f"{object_id}#{position}",
                entry,
                tuple(sorted(steps[position], key=lambda step: step.at)),
            )
            for position, entry in enumerate(entries)
        ]
