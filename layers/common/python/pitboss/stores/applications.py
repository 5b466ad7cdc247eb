"""Applications of games in DynamoDB: one item each in the table of registered keys.

`pk` is `application/<property>/<application>`, `body` all of it as JSON, zstd, `revision` what a
change refers to. (An item holds 400 KB; schemas compress to a tenth.)
"""

from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import zstandard
from botocore.config import Config
from botocore.exceptions import ClientError
from msgspec.structs import replace

from pitboss.errors import TerminalError, TransientError
from pitboss.games.applications import Application, decode, encode

KEPT_SECONDS = 60
"""How long the door knows an application before it asks again."""

MAX_KEPT = 1_000
"""Applications known at a time, those that there are not among them."""

MAX_BODY_BYTES = 380_000
MAX_UNPACKED_BYTES = 16 * 1024 * 1024

_PREFIX = "application/"


class KnownApplicationError(TerminalError):
    """An application that is registered. One that was revoked is not registered again."""

    def __init__(self, application_id: str) -> None:
        super().__init__(f"{application_id} is registered already, or was and is revoked")


class ApplicationChangedError(TransientError):
    """Somebody else changed the application meanwhile."""

    def __init__(self, application_id: str) -> None:
        super().__init__(
            f"{application_id} was changed by somebody else meanwhile: look, try again"
        )


class FullApplicationError(TerminalError):
    """An application with more schemas than an item holds."""

    def __init__(self, application_id: str) -> None:
        super().__init__(f"{application_id} has more schemas than can be kept")


class DynamoApplications:
    """The applications of a stack.

    Every method may raise ClientError and BotoCoreError.
    """

    def __init__(self, table: str, region: str, client: Any = None) -> None:  # noqa: ANN401
        """`client` is one of DynamoDB where it is not to be the environment's."""
        self._table = table
        self._client: Any = client or botocore.session.get_session().create_client(
            "dynamodb",
            region_name=region,
            config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3}),
        )

    def find(self, property_id: str, application_id: str) -> Application | None:
        """An application, revoked or not; None where it was never registered."""
        item = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": _key(property_id, application_id)}},
            ConsistentRead=True,
        ).get("Item")
        return None if item is None else _application(item)

    def add(self, application: Application) -> None:
        """Keep a new application.

        Raises:
            KnownApplicationError: there is one by that id.
            FullApplicationError: it is too large.
        """
        try:
            self._put(application, "attribute_not_exists(pk)", {})
        except ClientError as fault:
            if _is_refused(fault):
                raise KnownApplicationError(application.application_id) from None
            raise

    def change(self, application: Application) -> Application:
        """Keep a change of what was read; its next revision.

        Raises:
            ApplicationChangedError: it was changed since it was read.
            FullApplicationError: it is too large.
        """
        changed = replace(application, revision=application.revision + 1)
        before = {":before": {"N": str(application.revision)}}
        try:
            self._put(changed, "revision = :before", before)
        except ClientError as fault:
            if _is_refused(fault):
                raise ApplicationChangedError(application.application_id) from None
            raise
        return changed

    def every(self) -> Iterator[Application]:
        """Every application of every property, in no order. Reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": _PREFIX}},
            ConsistentRead=True,
        )
        return (_application(item) for page in pages for item in page["Items"])

    def _put(self, application: Application, condition: str, values: dict[str, Any]) -> None:
        body = zstandard.ZstdCompressor(level=9).compress(encode(application))
        if len(body) > MAX_BODY_BYTES:
            raise FullApplicationError(application.application_id)
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": _key(application.property_id, application.application_id)},
                "revision": {"N": str(application.revision)},
                "body": {"B": body},
            },
            ConditionExpression=condition,
            **({"ExpressionAttributeValues": values} if values else {}),
        )


class KeptApplications[Known]:
    """What is made of applications, each read once a minute at most."""

    def __init__(
        self,
        find: Callable[[str, str], Application | None],
        make: Callable[[Application], Known],
        clock: Callable[[], float],
    ) -> None:
        """
        Args:
            find: reads one; see `DynamoApplications.find`.
            make: what is kept of it.
            clock: seconds from any moment on.
        """
        self._find = find
        self._make = make
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, int, Known | None]] = {}

    def find(self, property_id: str, application_id: str) -> Known | None:
        """What was made of an application; None where there is none."""
        place = property_id, application_id
        now = self._clock()
        until, revision, made = self._kept.get(place, (0.0, 0, None))
        if now < until:
            return made
        application = self._find(property_id, application_id)
        if application is None:
            revision, made = 0, None
        elif made is None or application.revision != revision:
            revision, made = application.revision, self._make(application)
        if len(self._kept) >= MAX_KEPT and place not in self._kept:
            self._kept.pop(next(iter(self._kept)))
        self._kept[place] = now + KEPT_SECONDS, revision, made
        return made


def _key(property_id: str, application_id: str) -> str:
    return f"{_PREFIX}{property_id}/{application_id}"


def _application(item: dict[str, Any]) -> Application:
    decompressor = zstandard.ZstdDecompressor()
    body = decompressor.decompress(item["body"]["B"], max_output_size=MAX_UNPACKED_BYTES)
    return decode(body)


def _is_refused(fault: ClientError) -> bool:
    return bool(fault.response["Error"]["Code"] == "ConditionalCheckFailedException")
