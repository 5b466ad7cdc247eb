"""Paces that shufflers measured at tables, handed on in S3 to who rates slips.

paces/<property>.json    {"tables": [{"table_id", "gaming_day", "decisions_per_hour"}]}
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pitboss.errors import TerminalError
from pitboss.stores.bucket import S3Bucket

type Paces = Mapping[tuple[str, str], int]
"""Decisions an hour, by table and gaming day (ISO date)."""


class PacesUnreadable(TerminalError):
    """What was handed on holds no paces."""

    def __init__(self, key: str, cause: str) -> None:
        super().__init__(f"{key}: {cause}: it is made anew by `pitboss maintenance refresh`")


class _Pace(Struct, frozen=True):
    table_id: str
    gaming_day: str
    decisions_per_hour: Annotated[int, Meta(gt=0)]


class _Paces(Struct, frozen=True):
    tables: list[_Pace]


class S3Paces(S3Bucket):
    """The paces of a stack's properties."""

    def put(self, property_id: str, paces: Paces) -> None:
        """Keep a property's paces, in place of those before."""
        tables = [_Pace(*place, pace) for place, pace in sorted(paces.items())]
        body = msgspec.json.encode(_Paces(tables))
        self._client.put_object(
            Bucket=self._bucket,
            Key=_key(property_id),
            Body=body,
            ContentType="application/json",
        )

    def of(self, property_id: str) -> Paces:
        """A property's paces; none where nothing was measured.

        Raises:
            PacesUnreadable: they are there, and damaged.
        """
        key = _key(property_id)
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return {}
        try:
            tables = msgspec.json.decode(body, type=_Paces).tables
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise PacesUnreadable(key, str(fault)) from fault
        return {(one.table_id, one.gaming_day): one.decisions_per_hour for one in tables}


def _key(property_id: str) -> str:
    return f"paces/{property_id}.json"
