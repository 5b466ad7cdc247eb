"""The lake's bucket as refining uses it: files in and out, and writes that notice each other."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pitboss.errors import TransientError
from pitboss.lake.manifest import Source
from pitboss.stores.lake import S3Lake


class Listed(NamedTuple):
    """An object, and when it was written."""

    source: Source
    written: datetime


class RefinedMeanwhile(TransientError):
    """Another run wrote the manifest of this partition since this run read it."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was written by another run meanwhile: refine again")


class S3Refinery(S3Lake):
    """The lake of a stack, with what refining needs."""

    def listed(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """The objects under a prefix, in the order of their keys, and of these after one."""
        for found in self._contents(prefix, after):
            source = Source(found["Key"], found["Size"], found["ETag"].strip('"'))
            yield Listed(source, found["LastModified"])

    def find(self, key: str) -> tuple[bytes, str] | None:
        """An object and its ETag; None where there is none."""
        from botocore.exceptions import ClientError

        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        return found["Body"].read(), found["ETag"]

    def upload(self, path: Path, key: str) -> None:
        """A file as an object, in one piece, so that readers see the old one or the new one."""
        with path.open("rb") as body:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        """Take an object away."""
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def replace(self, key: str, body: bytes, etag: str | None) -> None:
        """Write an object that is still as it was read: of this ETag, or not there at all.

        Raises:
            RefinedMeanwhile: it is not.
        """
        from botocore.exceptions import ClientError

        try:
            if etag is None:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
            else:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfMatch=etag)
        except ClientError as refusal:
            codes = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
            if refusal.response["Error"]["Code"] not in codes:
                raise
            raise RefinedMeanwhile(key) from refusal
