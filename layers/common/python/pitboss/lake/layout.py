"""Where everything in the lake lies: prefixes and keys of its one bucket.

    raw/slot/property=<property_id>/day=<gaming day>/<stream>-<shard>-<first>-<last>.ndjson.zst
    raw/game/property=<property_id>/day=<gaming day>/<stream>-<shard>-<first>-<last>.ndjson.zst
    raw/unreadable/day=<UTC date>/<stream>-<shard>-<first>-<last>.ndjson.zst
    refined/<table>/property_id=<property_id>/gaming_day=<gaming day>/<table>.parquet
    refined/manifests/property_id=<property_id>/gaming_day=<gaming day>.json
    refined/game_manifests/property_id=<property_id>/gaming_day=<gaming day>.json

A day is an ISO date. A property's id needs no escape: it has letters, digits and `_.:-` only.
"""

import re
from typing import NamedTuple

RAW = "raw/"
"""What was received."""

SLOT = "slot"
"""The family of the slot stream's events."""

GAME = "game"
"""The family of the game stream's events."""

UNREADABLE = f"{RAW}unreadable/"
"""Stream records that could not be read."""

REFINED = "refined/"
"""What is made of it."""

MANIFESTS = f"{REFINED}manifests/"
"""What each refined partition of slot events is made of."""

GAME_MANIFESTS = f"{REFINED}game_manifests/"
"""What each refined partition of games' events is made of."""

MANIFESTS_OF = {SLOT: MANIFESTS, GAME: GAME_MANIFESTS}
"""Where the manifests of each family lie. A property's day has one of each family."""


class RecordRange(NamedTuple):
    """Which records an object holds events of: a batch of a stream's shard, by sequence numbers."""

    stream: str
    shard: str
    first: str
    last: str

    @property
    def file_name(self) -> str:
        """The same batch has the same name, so that one which comes again overwrites itself."""
        return f"{self.stream}-{self.shard}-{self.first}-{self.last}.ndjson.zst"


class RawObject(NamedTuple):
    """What the key of an object of events says."""

    family: str
    property_id: str
    day: str
    records: RecordRange

    @property
    def key(self) -> str:
        """Its key."""
        return raw_prefix(self.property_id, self.day, self.family) + self.records.file_name


_RAW_KEY = re.compile(
    r"raw/(?P<family>[a-z]+)/property=(?P<property_id>[A-Za-z0-9_.:-]+)"
    r"/day=(?P<day>\d{4}-\d\d-\d\d)"
    r"/(?P<stream>[A-Za-z0-9_.-]+)-(?P<shard>shardId-\d+)-(?P<first>\d+)-(?P<last>\d+)\.ndjson\.zst"
)

_MANIFEST_KEY = re.compile(
    r"refined/(game_)?manifests/property_id=(?P<property_id>[A-Za-z0-9_.:-]+)"
    r"/gaming_day=(?P<day>\d{4}-\d\d-\d\d)\.json"
)


def raw_prefix(property_id: str, day: str, family: str = SLOT) -> str:
    """Where everything received of a property's gaming day lies.

    >>> raw_prefix("north", "2020-06-14")
    'raw/slot/property=north/day=2020-06-14/'
    """
    return f"{RAW}{family}/property={property_id}/day={day}/"


def read_raw_key(key: str) -> RawObject | None:
    """What a key says; None where it is not the key of an object of events.

    >>> read_raw_key("raw/unreadable/day=2020-06-14/s-shardId-0-1-2.ndjson.zst") is None
    True
    """
    found = _RAW_KEY.fullmatch(key)
    if found is None:
        return None
    return RawObject(
        found["family"],
        found["property_id"],
        found["day"],
        RecordRange(found["stream"], found["shard"], found["first"], found["last"]),
    )


def unreadable_key(date: str, records: RecordRange) -> str:
    """Where records are kept that could not be read; `date` is the UTC date they arrived on."""
    return f"{UNREADABLE}day={date}/{records.file_name}"


def table_key(table: str, property_id: str, day: str) -> str:
    """Where a table's partition lies.

    >>> table_key("games", "north", "2020-06-14")
    'refined/games/property_id=north/gaming_day=2020-06-14/games.parquet'
    """
    return f"{REFINED}{table}/property_id={property_id}/gaming_day={day}/{table}.parquet"


def manifest_key(property_id: str, day: str, family: str = SLOT) -> str:
    """Where it says of what a partition is made, and what became of everything received.

    >>> manifest_key("studio", "2020-06-14", GAME)
    'refined/game_manifests/property_id=studio/gaming_day=2020-06-14.json'
    """
    return f"{MANIFESTS_OF[family]}property_id={property_id}/gaming_day={day}.json"


def read_manifest_key(key: str) -> tuple[str, str] | None:
    """The property and the gaming day of a manifest; None where it is the key of none.

    >>> read_manifest_key(manifest_key("studio", "2020-06-14", GAME))
    ('studio', '2020-06-14')
    """
    found = _MANIFEST_KEY.fullmatch(key)
    return None if found is None else (found["property_id"], found["day"])
