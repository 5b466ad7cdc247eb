"""The lake's bucket, in S3. `pitboss.lake.layout` says where everything in it lies."""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Lake:
    """The lake of a stack."""

    def __init__(
        self, bucket: str, region: str | None = None, client: "S3Client | None" = None
    ) -> None:
        """Reached through `client`, or through one of its own in `region`."""
        self._bucket = bucket
        self._region = region
        self._given_client = client

    @cached_property
    def _client(self) -> "S3Client":
        if self._given_client is not None:
            return self._given_client
        # Imported and made on first use: modules import without botocore's weight.
        import botocore.session

        client: Any = botocore.session.get_session().create_client("s3", region_name=self._region)
        return client  # type: ignore[no-any-return]

    def put(self, key: str, body: bytes) -> None:
        """Write an object, whole or not at all; one of this key is replaced."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """An object's bytes."""
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """Keys, in their order, sizes in bytes and times of the objects under a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for page in pages:
            for found in page.get("Contents", ()):
                yield found["Key"], found["Size"], found["LastModified"]
