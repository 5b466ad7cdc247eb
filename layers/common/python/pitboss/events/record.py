"""A record of a stream, as it is written."""

from typing import NamedTuple

MAX_RECORD_BYTES = 1_048_576
"""Of a record's data and partition key together."""


class StreamRecord(NamedTuple):
    """A record and the key that keeps its asset's records in order."""

    partition_key: str
    data: bytes
