"""The lake's bucket, in S3. `pitboss.lake.layout` says where everything in it lies."""

from collections.abc import Iterator
from datetime import datetime

from pitboss.stores.bucket import S3Bucket


class S3Lake(S3Bucket):
    """The lake of a stack."""

    def put(self, key: str, body: bytes) -> None:
        """Write an object, whole or not at all; one of this key is replaced."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """An object's bytes."""
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """Keys, in their order, sizes in bytes and times of the objects under a prefix."""
        for found in self._contents(prefix):
            yield found["Key"], found["Size"], found["LastModified"]
