"""The quarantine: what was not accepted, as it came, in S3.

One object holds what one request or one batch had to set aside: JSON lines, each an entry. Its key
is made of the content, so that the same request sent again overwrites its own object.

    quarantine/<stage>/<property>/<sender>/<date>/<content hash>.ndjson
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from pitboss.events.quarantined import QuarantineEntry
from pitboss.stores.bucket import S3Bucket

PREFIX = "quarantine"

MAX_SENDERS = 100
"""Senders whose objects of a day are counted, over all stages."""


class S3Quarantine(S3Bucket):
    """The quarantine of a stack."""

    def put(self, entries: Sequence[QuarantineEntry]) -> str:
        """Keep entries of one stage, property and sender. Returns the object's key."""
        first = entries[0]
        body = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        content = sha256(b"\0".join(entry.raw for entry in entries)).hexdigest()[:32]
        date = datetime.fromtimestamp(first.received_at / 1000, UTC).date().isoformat()
        key = "/".join(
            (PREFIX, first.stage, first.property_id, first.sender, date, f"{content}.ndjson")
        )
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType="application/x-ndjson"
        )
        return key

    def objects(self, prefix: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Keys, sizes in bytes and times of the objects under `quarantine/<prefix>`."""
        for found in self._contents(f"{PREFIX}/{prefix}"):
            yield found["Key"], found["Size"], found["LastModified"]

    def stages(self) -> list[str]:
        """Who has set something aside."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PREFIX}/", Delimiter="/"
        )
        found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
        return [prefix.split("/")[1] for prefix in found]

    def count_of_day(self, property_id: str, day: str) -> int:
        """Objects of a property that were set aside on a calendar day (UTC, an ISO date).

        It stops counting a sender's at a thousand, a page of S3's, and at a hundred senders: that
        something is wrong is known by then.
        """
        places = [
            place
            for stage in self.stages()
            for place in self._folders(f"{PREFIX}/{stage}/{property_id}/")
        ]
        return sum(
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{place}{day}/")["KeyCount"]
            for place in places[:MAX_SENDERS]
        )

    def _folders(self, prefix: str) -> list[str]:
        """The first page of what S3 takes for folders under a prefix."""
        page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        return [one["Prefix"] for one in page.get("CommonPrefixes", ())]

    def read(self, key: str) -> list[QuarantineEntry]:
        """The entries of one object."""
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return [msgspec.json.decode(line, type=QuarantineEntry) for line in body.splitlines()]
