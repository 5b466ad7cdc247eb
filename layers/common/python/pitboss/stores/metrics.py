"""Live metrics in DynamoDB: what is measured, and what has come of it.

| item | `pk` | `sk` | attributes |
|---|---|---|---|
| metric | `<property>/definitions` | `<key>` | `body`, `since` |
| that an application is measured | `<property>/applications` | `<application>` | |
| that a property is | `properties` | `<property>` | |
| head of a lane | `<property>/<application>/lanes` | `<lane>` | `version`, `newest`, `body` |
| slice | `<property>/<application>/slices/<lane>` | `<begins, 12 digits>` | `ids` |
| pane of a lane | `<property>/<application>/panes/<seconds>` | `<begins>/<lane>` | `body` |
| player | `<property>/<application>/players/<lane>` | `<player>` | `body` |
| tally of crashes of a lane | `<property>/<application>/crashes` | `<lane>` | `body` |
| example of a group | `<property>/<application>/crash-examples` | `<group>/<lane>` | `body` |
| that a group is mended | `<property>/<application>/crash-resolutions` | `<group>` | `body` |
| threshold | `<property>/thresholds` | `<application>/<key>/<values>` | `version`, `body` |

What is kept of a lane is written with its head in one transaction, where the head still has the
version that was read. `expires` (epoch seconds) is on what is not kept for good.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from pitboss.errors import TransientError
from pitboss.metrics.crashes import Example, Group, Resolution, Tally
from pitboss.metrics.definition import Metric
from pitboss.metrics.lanes import Head, Lane, Pane, PaneKey, Wanted
from pitboss.metrics.players import Player
from pitboss.metrics.reading import Judged, Registered, threshold_id
from pitboss.stores.batches import read_batches
from pitboss.stores.dynamodb import spread_client
from pitboss.stores.packing import Zstd
from pitboss.stores.pages import items_of

KEPT_SECONDS = 16 * 86_400
"""Slices and panes: an event may be a week late, and a stream be read again for another."""

PLAYER_SECONDS = 400 * 86_400
"""Players: who comes back after that is new."""

EXAMPLE_SECONDS = 400 * 86_400
"""Examples of crashes."""

THRESHOLD_SECONDS = 30 * 86_400

_ID_BYTES = 8
_FAILED = frozenset({"ConditionalCheckFailed", "TransactionConflict"})

type _Item = dict[str, Any]
type _Days = dict[int, dict[str, int]]

_zstd = Zstd(level=3)
_encode = msgspec.msgpack.Encoder(decimal_format="string").encode
_days = msgspec.msgpack.Decoder(_Days)
_pane = msgspec.msgpack.Decoder(Pane)
_player = msgspec.msgpack.Decoder(Player)
_tally = msgspec.msgpack.Decoder(dict[str, Group])
_example = msgspec.msgpack.Decoder(Example)
_resolution = msgspec.json.Decoder(Resolution)
_metric = msgspec.json.Decoder(Metric)
_judged = msgspec.json.Decoder(Judged)


class ContendedLaneError(TransientError):
    """Another consumer has written the lane meanwhile. What was read of it counts no more."""

    def __init__(self, lane: "LaneKey") -> None:
        super().__init__(f"lane {lane.lane} of {lane.application_id} is written elsewhere")


class LaneKey(NamedTuple):
    """Which lane."""

    property_id: str
    application_id: str
    lane: int

    @property
    def _application(self) -> str:
        return f"{self.property_id}/{self.application_id}"


class DynamoMetrics:
    """The live metrics of a stack.

    Every method may raise ClientError and BotoCoreError, after which it may or may not be done.
    """

    def __init__(self, table: str, region: str, client: Any = None) -> None:  # noqa: ANN401
        """
        Args:
            table: its name.
            region: where it is.
            client: of DynamoDB, where it is not made from the environment.
        """
        self._table = table
        self._region = region
        self._given = client

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        return self._given or spread_client(self._region)

    # What is measured.

    def registered(self, property_id: str) -> list[Registered]:
        """A property's metrics, by key. Strongly consistent."""
        found = self._query(f"{property_id}/definitions", consistent=True)
        return [
            Registered(_metric.decode(item["body"]["S"]), int(item["since"]["N"])) for item in found
        ]

    def definitions(self, property_id: str) -> list[Metric]:
        """The same, without since when they are judged."""
        return [one.metric for one in self.registered(property_id)]

    def define(self, property_id: str, metric: Metric, now: int) -> Registered:
        """Keep a metric in place of the one of its key, as of `now` (epoch seconds)."""
        since = now
        for one in self.registered(property_id):
            if one.metric.key == metric.key and threshold_id(one.metric) == threshold_id(metric):
                since = one.since
        item = _key(f"{property_id}/definitions", metric.key) | {
            "body": _s(msgspec.json.encode(metric, order="deterministic").decode()),
            "since": _n(since),
        }
        self._client.put_item(TableName=self._table, Item=item)
        return Registered(metric, since)

    def remove(self, property_id: str, key: str) -> None:
        """Measure a metric no more."""
        self._client.delete_item(TableName=self._table, Key=_key(f"{property_id}/definitions", key))

    def measure(self, property_id: str, application_id: str) -> None:
        """Keep that an application has events."""
        for key in (_key(f"{property_id}/applications", application_id), _key(_ALL, property_id)):
            self._client.put_item(TableName=self._table, Item=key)

    def properties(self) -> list[str]:
        """That have events."""
        return [item["sk"]["S"] for item in self._query(_ALL)]

    def applications(self, property_id: str) -> list[str]:
        """Of a property, that have events."""
        return [item["sk"]["S"] for item in self._query(f"{property_id}/applications")]

    # A lane, as its consumer has it.

    def head(self, lane: LaneKey) -> Head:
        """A lane's head. Strongly consistent, as `lane` is: what is read after it is not older."""
        key = _key(f"{lane._application}/lanes", f"{lane.lane:02d}")
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item = found.get("Item")
        return Head() if item is None else _head(item)

    def lane(self, lane: LaneKey, wanted: Wanted) -> Lane:
        """What is kept of a lane, as far as it is wanted.

        Raises:
            UnreadItemsError: DynamoDB is busy.
        """
        found = Lane()
        places: dict[tuple[str, str], Callable[[_Item | None], None]] = {}
        for begins in wanted.slices:
            places[_slice(lane, begins)] = lambda item, at=begins: _take_slice(found, at, item)  # type: ignore[misc]
        for pane in wanted.panes:
            places[_pane_place(lane, pane)] = lambda item, at=pane: _take_pane(found, at, item)  # type: ignore[misc]
        for player in wanted.players:
            places[_player_place(lane, player)] = lambda item, at=player: _take_player(  # type: ignore[misc]
                found, at, item
            )
        if wanted.reports:
            places[_tally_place(lane)] = lambda item: _take_tally(found, item)
        items = {
            (item["pk"]["S"], item["sk"]["S"]): item
            for item in read_batches(self._client, self._table, places)
        }
        for place, take in places.items():
            take(items.get(place))
        return found

    def commit(self, lane: LaneKey, head: Head, changed: Lane, now: int) -> None:
        """Keep what has changed of a lane, all of it or nothing.

        Args:
            lane: which one.
            head: as it becomes; its version is one more than that which was read.
            changed: at most `MAX_ITEMS` items.
            now: epoch seconds.

        Raises:
            ContendedLaneError: the head is not the one that was read.
        """
        head_key = _key(f"{lane._application}/lanes", f"{lane.lane:02d}")
        put: _Item = {
            "TableName": self._table,
            "Item": head_key
            | {
                "version": _n(head.version),
                "newest": _n(head.newest),
                "body": _packed(head.days),
            },
        }
        if head.version == 1:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "version = :known"
            put["ExpressionAttributeValues"] = {":known": _n(head.version - 1)}
        items = [put]
        for begins, ids in changed.slices.items():
            body = {"ids": {"B": b"".join(sorted(ids))}}
            items.append(self._put(_slice(lane, begins), body, begins + KEPT_SECONDS))
        for pane, content in changed.panes.items():
            body = {"body": _packed(content)}
            items.append(self._put(_pane_place(lane, pane), body, pane[1] + KEPT_SECONDS))
        for name, player in changed.players.items():
            body = {"body": _packed(player)}
            items.append(self._put(_player_place(lane, name), body, now + PLAYER_SECONDS))
        if changed.tally is not None:
            tally = _key(*_tally_place(lane)) | {"body": _packed(changed.tally)}
            items.append({"TableName": self._table, "Item": tally})
        for group, example in changed.examples.items():
            body = {"body": _packed(example)}
            place = _example_place(lane, group)
            items.append(self._put(place, body, now + EXAMPLE_SECONDS))
        try:
            self._client.transact_write_items(TransactItems=[{"Put": one} for one in items])
        except self._client.exceptions.TransactionCanceledException as fault:
            reasons = {one.get("Code") for one in fault.response.get("CancellationReasons", ())}
            if reasons & _FAILED:
                raise ContendedLaneError(lane) from None
            raise

    def _put(self, place: tuple[str, str], body: _Item, expires: int) -> _Item:
        return {
            "TableName": self._table,
            "Item": _key(*place) | body | {"expires": _n(expires)},
        }

    # What is shown. Eventually consistent: the next look sees what this one did not.

    def panes(
        self, property_id: str, application_id: str, seconds: int, begin: int, end: int
    ) -> dict[int, list[Pane]]:
        """An application's panes of a length that begin in [`begin`, `end`) (epoch seconds), those
        of all lanes, by when they begin.
        """
        partition = f"{property_id}/{application_id}/panes/{seconds}"
        found: dict[int, list[Pane]] = {}
        for item in self._query(partition, (f"{begin:012d}", f"{end - 1:012d}/~")):
            begins = int(item["sk"]["S"].partition("/")[0])
            found.setdefault(begins, []).append(_unpacked(_pane, item))
        return found

    def heads(self, property_id: str, application_id: str) -> list[Head]:
        """Those of an application's lanes."""
        return [_head(item) for item in self._query(f"{property_id}/{application_id}/lanes")]

    # Crashes, as they are shown.

    def tallies(self, property_id: str, application_id: str) -> dict[int, Tally]:
        """Those of an application's lanes."""
        return {
            int(item["sk"]["S"]): _tally_of(item)
            for item in self._query(f"{property_id}/{application_id}/crashes")
        }

    def examples(
        self, property_id: str, application_id: str, places: Iterable[tuple[str, int]]
    ) -> dict[str, Example]:
        """Examples by group.

        Args:
            property_id: whose.
            application_id: of which game.
            places: groups, each once, and the lanes whose examples of them are wanted.

        Raises:
            UnreadItemsError: DynamoDB is busy.
        """
        keys = [
            _example_place(LaneKey(property_id, application_id, lane), group)
            for group, lane in places
        ]
        return {
            item["sk"]["S"].partition("/")[0]: _unpacked(_example, item)
            for item in read_batches(self._client, self._table, keys)
        }

    def resolutions(self, property_id: str, application_id: str) -> dict[str, Resolution]:
        """By group. Strongly consistent."""
        partition = f"{property_id}/{application_id}/crash-resolutions"
        return {
            item["sk"]["S"]: _resolution.decode(item["body"]["S"])
            for item in self._query(partition, consistent=True)
        }

    def resolve(
        self, property_id: str, application_id: str, group: str, resolution: Resolution | None
    ) -> None:
        """Keep that a group is mended, in place of what was said before; None takes it back."""
        key = _key(f"{property_id}/{application_id}/crash-resolutions", group)
        if resolution is None:
            self._client.delete_item(TableName=self._table, Key=key)
            return
        body = {"body": _s(msgspec.json.encode(resolution).decode())}
        self._client.put_item(TableName=self._table, Item=key | body)

    # Where thresholds stand.

    def thresholds(self, property_id: str) -> dict[str, tuple[int, Judged]]:
        """Of a property, with their versions, by their places. Strongly consistent."""
        return {
            item["sk"]["S"]: (int(item["version"]["N"]), _judged.decode(item["body"]["S"]))
            for item in self._query(f"{property_id}/thresholds", consistent=True)
        }

    def keep_threshold(
        self, property_id: str, place: str, version: int, judged: Judged, now: int
    ) -> bool:
        """Keep where a threshold stands, if it is still the one that was read.

        Args:
            property_id: whose it is.
            place: see `threshold_place`.
            version: that was read, 0 where there was none.
            judged: what it is now.
            now: epoch seconds.
        """
        item = _key(f"{property_id}/thresholds", place) | {
            "version": _n(version + 1),
            "body": _s(msgspec.json.encode(judged).decode()),
            "expires": _n(now + THRESHOLD_SECONDS),
        }
        put: _Item = {"TableName": self._table, "Item": item}
        if version == 0:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "version = :known"
            put["ExpressionAttributeValues"] = {":known": _n(version)}
        try:
            self._client.put_item(**put)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _query(
        self, partition: str, between: tuple[str, str] | None = None, *, consistent: bool = False
    ) -> Iterator[_Item]:
        asked: _Item = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": _s(partition)},
            "ConsistentRead": consistent,
        }
        if between is not None:
            asked["KeyConditionExpression"] += " AND sk BETWEEN :first AND :last"
            first, last = between
            asked["ExpressionAttributeValues"] |= {":first": _s(first), ":last": _s(last)}
        return items_of(self._client, **asked)


class KeptDefinitions:
    """Properties' metrics, asked for again after a minute."""

    KEPT_SECONDS = 60

    def __init__(self, load: Callable[[str], Sequence[Metric]], clock: Callable[[], float]) -> None:
        """
        Args:
            load: see `DynamoMetrics.definitions`.
            clock: seconds from any moment on.
        """
        self._load = load
        self._clock = clock
        self._kept: dict[str, tuple[float, Sequence[Metric]]] = {}

    def __call__(self, property_id: str) -> Sequence[Metric]:
        """A property's metrics."""
        until, known = self._kept.get(property_id, (0.0, ()))
        if self._clock() >= until:
            known = self._load(property_id)
            self._kept[property_id] = self._clock() + self.KEPT_SECONDS, known
        return known


def threshold_place(key: str, application_id: str, values: Iterable[str]) -> str:
    """Where a threshold's standing is kept; values of dimensions may be anything."""
    said = "\0".join(values)
    return f"{application_id}/{key}/{sha256(said.encode()).hexdigest()[:16] if said else '-'}"


_ALL = "properties"


def _slice(lane: LaneKey, begins: int) -> tuple[str, str]:
    return f"{lane._application}/slices/{lane.lane:02d}", f"{begins:012d}"


def _pane_place(lane: LaneKey, pane: PaneKey) -> tuple[str, str]:
    length, begins = pane
    return f"{lane._application}/panes/{length}", f"{begins:012d}/{lane.lane:02d}"


def _player_place(lane: LaneKey, player: str) -> tuple[str, str]:
    return f"{lane._application}/players/{lane.lane:02d}", player


def _tally_place(lane: LaneKey) -> tuple[str, str]:
    return f"{lane._application}/crashes", f"{lane.lane:02d}"


def _example_place(lane: LaneKey, group: str) -> tuple[str, str]:
    return f"{lane._application}/crash-examples", f"{group}/{lane.lane:02d}"


def _take_slice(lane: Lane, begins: int, item: _Item | None) -> None:
    ids = b"" if item is None else bytes(item["ids"]["B"])
    lane.slices[begins] = frozenset(
        ids[place : place + _ID_BYTES] for place in range(0, len(ids), _ID_BYTES)
    )


def _take_pane(lane: Lane, pane: PaneKey, item: _Item | None) -> None:
    lane.panes[pane] = {} if item is None else _unpacked(_pane, item)


def _take_player(lane: Lane, name: str, item: _Item | None) -> None:
    lane.players[name] = None if item is None else _unpacked(_player, item)


def _take_tally(lane: Lane, item: _Item | None) -> None:
    lane.tally = {} if item is None else _tally_of(item)


def _tally_of(item: _Item) -> Tally:
    return _unpacked(_tally, item)


def _head(item: _Item) -> Head:
    newest = int(item["newest"]["N"])
    return Head(int(item["version"]["N"]), _unpacked(_days, item), newest)


def _packed(content: object) -> _Item:
    return {"B": _zstd.compress(_encode(content))}


def _unpacked[T](decoder: msgspec.msgpack.Decoder[T], item: Mapping[str, Any]) -> T:
    return decoder.decode(_zstd.decompress(bytes(item["body"]["B"])))


def _key(pk: str, sk: str) -> _Item:
    return {"pk": _s(pk), "sk": _s(sk)}


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _n(number: int) -> dict[str, str]:
    return {"N": str(number)}
