"""A bucket in S3, and the client that reaches it."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


class S3Bucket:
    """One bucket of a stack; what is kept in it, the classes on top know."""

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
        # Imported and made on first use: modules import without botocore's weight, and nearly every
        # invocation that could set something aside does not.
        import botocore.session

        client: Any = botocore.session.get_session().create_client("s3", region_name=self._region)
        return client  # type: ignore[no-any-return]

    def _contents(self, prefix: str, after: str = "") -> "Iterator[ObjectTypeDef]":
        """What S3 lists under a prefix, in the order of the keys, and of these after one."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after
        )
        for page in pages:
            yield from page.get("Contents", ())
