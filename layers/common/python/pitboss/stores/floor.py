"""The live floor in DynamoDB: what is shown of every machine, a few dozen machines to an item.

| item | `pk` | `sk` | attributes |
|---|---|---|---|
| sums of a block of machines | `<property>/floor` | `sums/<000-127>` | `version`, `body`, `marks` |
| conditions of a block | `<property>/floor` | `conditions/<000-127>` | the same |
| what came by a shard | `<property>/floor` | `rates/<shard>` | `body`, `sequence` |
| offers of a gaming day | `<property>/floor` | `offers/<day>` | a number for each status |
| status | `<property>/floor` | `status` | `body`, `at` |
| alert | `<property>/floor` | `alert/<alert id>` | `version`, `body` |
| the floor as a minute ended | `<property>/minutes/<day>` | `<epoch minute, 10 digits>` | `body` |
| plan | `<property>/plan` | `current`, `version/<n>` | `version`, `body` |
| watches of a block of machines | `<property>/watches` | `watches/<000-127>` | as sums |
| a card's gaming day | `<property>/watches` | `card/<day>/<player>` | `version`, `body` |
| review | `<property>/reviews` | `<began at, 13 digits>-<asset or player>-<question>` | as alerts |
| what was cleared | `<property>/silences` | `<question>/<player or machine>` | `until` |
| bill | `<property>/bills/<player or ->` | `<occurred at, 15 digits>/<asset>/<event>` | `body` |
| that an offer counts | `<property>/offer/<offer>` | `counted` | when, for each status |
| that a property has a floor | `floors` | `<property>` | |

`expires` (epoch seconds) is on what is not kept for good.

A block is replaced only where its version is still the one that was read, and it carries `marks`:
how far each of its machines has come, in words of whoever makes the rows. So two writers never
undo each other's rows, and what comes again is known. A plan's versions stay.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any
from uuid import uuid4

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from pitboss.errors import TransientError
from pitboss.floor.blocks import Block, ConditionsBlock, SumsBlock, UnreadableFloorError
from pitboss.floor.conditions import Known
from pitboss.floor.documents import BillIn
from pitboss.floor.plan import FloorPlan
from pitboss.floor.rows import (
    Alert,
    FloorMinute,
    FloorStatus,
    MachineCondition,
    MachineSums,
    OfferCounts,
    StreamRate,
)
from pitboss.stores.batches import read_batches, write_batches
from pitboss.stores.dynamodb import Spread, spread_client
from pitboss.stores.packing import Zstd
from pitboss.stores.pages import items_of

MAX_ALERTS = 500
"""Alerts that are shown: the newest."""

MAX_TRIES = 8
"""Times in a row that a change of an alert may lose against another."""

KEPT_SECONDS = {
    "alert": 30 * 86_400,
    "minute": 8 * 86_400,
    "bill": 400 * 86_400,
    "review": 400 * 86_400,
    "card": 3 * 86_400,  # of its newest game
    "counted": 400 * 86_400,  # as long as the offers: one may be redeemed weeks after it was made
    "offers": 30 * 86_400,
    "rates": 3_600,
}

_FAILED = "ConditionalCheckFailed"
_PASSING = frozenset({"TransactionConflict", _FAILED, "None"})
_NONE = "-"
"""In place of a player where no card was in."""

_encoder = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()
_zstd = Zstd(level=3)
_sums = msgspec.msgpack.Decoder(list[MachineSums])
_conditions = msgspec.msgpack.Decoder(list[MachineCondition])
_sums_marks = msgspec.msgpack.Decoder(dict[str, str])
_conditions_marks = msgspec.msgpack.Decoder(dict[str, Known])
_rate = msgspec.msgpack.Decoder(StreamRate)
_minute = msgspec.msgpack.Decoder(FloorMinute)
_status = msgspec.json.Decoder(FloorStatus)
_alert = msgspec.json.Decoder(Alert)
_plan = msgspec.json.Decoder(FloorPlan)
_bill = msgspec.json.Decoder(BillIn)

type Item = dict[str, Any]
"""In DynamoDB's own form; `B` is bytes."""


class BlockKind(StrEnum):
    """What rows a block is of."""

    SUMS = "sums"
    CONDITIONS = "conditions"
    WATCHES = "watches"
    """No part of the floor that pages are shown: see `pitboss.stores.reviews`."""


class StoredFloor(Struct, frozen=True, kw_only=True):
    """A property's floor as it is kept, or a part of it."""

    sums: list[MachineSums] = []
    conditions: list[MachineCondition] = []
    rates: list[StreamRate] = []
    offers: OfferCounts | None = None
    """Of the newest gaming day that any offer was decided in."""
    status: FloorStatus | None = None
    alerts: list[Alert] = []
    """The newest `MAX_ALERTS` that are not both over and acknowledged, the newest first."""


class ContendedAlertError(TransientError):
    """An alert that is changed elsewhere all the time."""


class DynamoFloor:
    """The live floors of all properties of a stack.

    Every method may raise ClientError, BotoCoreError and TransientError, after which it may or may
    not be done; all may be called again. What only reads may raise UnreadableFloorError.
    """

    def __init__(
        self,
        table: str,
        region: str,
        spread: Spread = map,
        client: Any = None,  # noqa: ANN401 - botocore makes it from data
    ) -> None:
        """
        Args:
            table: its name.
            region: where it is.
            spread: `map`, or one that calls up to `CALLS_AT_ONCE` at a time.
            client: of DynamoDB, where it is not made from the environment.
        """
        self._table = table
        self._spread = spread
        self._known_floors: set[str] = set()
        self._client: Any = client or spread_client(region)

    # The floor as it is.

    def live(self, property_id: str) -> StoredFloor:
        """Everything that a property's page begins with. Eventually consistent: what is newer is
        told of by the table's stream.
        """
        partition = _floor(property_id)
        parts = [part_of(item) for item in self._query(partition, "conditions/", "z")]
        days = [part.offers for part in parts if part.offers is not None]
        return StoredFloor(
            sums=[row for part in parts for row in part.sums],
            conditions=[row for part in parts for row in part.conditions],
            rates=[rate for part in parts for rate in part.rates],
            offers=max(days, key=lambda counts: counts.gaming_day, default=None),
            status=next((part.status for part in parts if part.status is not None), None),
            alerts=self._alerts(partition),
        )

    def _alerts(self, partition: str, since: int | None = None) -> list[Alert]:
        newest = self._query(partition, "alert/", "alert/~", ScanIndexForward=False)
        found: list[Alert] = []
        for item in newest:
            alert = _read(_alert, item)
            is_open = alert.cleared_at is None or alert.acknowledged_at is None
            if is_open or (since is not None and alert.raised_at >= since):
                found.append(alert)
            if len(found) == MAX_ALERTS:
                break
        return found

    def properties(self) -> list[str]:
        """Which properties have a floor."""
        return [item["sk"]["S"] for item in self._query("floors", " ", "~")]

    # Blocks of machines.

    def sums(self, property_id: str, numbers: Iterable[int]) -> dict[int, SumsBlock]:
        """These blocks of machines' sums, as they are now."""
        return self._blocks(property_id, BlockKind.SUMS, numbers, _sums, _sums_marks)

    def conditions(self, property_id: str, numbers: Iterable[int]) -> dict[int, ConditionsBlock]:
        """These blocks of machines' conditions, as they are now."""
        return self._blocks(
            property_id, BlockKind.CONDITIONS, numbers, _conditions, _conditions_marks
        )

    def _blocks(
        self,
        property_id: str,
        kind: BlockKind,
        numbers: Iterable[int],
        rows: Any,  # noqa: ANN401 - decoders
        marks: Any,  # noqa: ANN401
    ) -> dict[int, Block[Any, Any]]:
        keys = {_block_sort(kind, number): number for number in numbers}
        found: dict[int, Item | None] = dict.fromkeys(keys.values())
        partition = _partition(property_id, kind)
        places = ((partition, sk) for sk in keys)
        for item in read_batches(self._client, self._table, places):
            found[keys[item["sk"]["S"]]] = item
        return {number: _block(item, rows, marks) for number, item in found.items()}

    def replace_blocks(
        self,
        property_id: str,
        kind: BlockKind,
        blocks: Mapping[int, Block[Any, Any]],
    ) -> set[int]:
        """Replace blocks, each where it still has the version before the one it is given.

        Args:
            property_id: the property.
            kind: what rows they are of.
            blocks: by number, with the version that each shall have: one more than was read.

        Returns:
            The blocks that were not replaced, because another writer was faster: read them again.
        """
        if kind is not BlockKind.WATCHES and property_id not in self._known_floors:
            self._client.put_item(TableName=self._table, Item=_key("floors", property_id))
            self._known_floors.add(property_id)
        partition = _partition(property_id, kind)

        def put(numbered: tuple[int, Block[Any, Any]]) -> bool:
            number, block = numbered
            return self._replace(_key(partition, _block_sort(kind, number)), block)

        done = self._spread(put, blocks.items())
        return {number for number, is_done in zip(blocks, done, strict=True) if not is_done}

    def _replace(self, key: Item, block: Block[Any, Any]) -> bool:
        rows = [block.rows[asset] for asset in sorted(block.rows)]
        marks = {asset: block.marks[asset] for asset in sorted(block.marks)}
        item = key | {
            "version": {"N": str(block.version)},
            "body": {"B": _zstd.compress(_encoder.encode(rows))},
            "marks": {"B": _zstd.compress(_encoder.encode(marks))},
        }
        return self._put_over(item, block.version - 1)

    def _put_over(self, item: Item, version: int) -> bool:
        """Put an item where that version is, or none for 0; False where another is."""
        return self._put(**_over(item, version))

    def _put(self, Item: Item, **condition: Any) -> bool:  # noqa: N803 - as DynamoDB has it
        try:
            self._client.put_item(TableName=self._table, Item=Item, **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    # What came, and what it says.

    def rate(self, property_id: str, shard_id: str) -> StreamRate | None:
        """What came by a shard."""
        item = self._get(_key(_floor(property_id), f"rates/{shard_id}"))
        return None if item is None else _unpack(_rate, item)

    def keep_rate(self, property_id: str, rate: StreamRate, known: StreamRate | None) -> bool:
        """Keep what came by a shard; it is gone an hour after the last of it.

        Returns:
            False where what is kept is not `known` any more.
        """
        item = _key(_floor(property_id), f"rates/{rate.shard_id}") | {
            "sequence": {"S": rate.last_sequence},
            "body": {"B": _zstd.compress(_encoder.encode(rate))},
            "expires": _expires("rates", rate.kept_at),
        }
        if known is None:
            return self._put(item, ConditionExpression="attribute_not_exists(pk)")
        return self._put(
            item,
            ConditionExpression="#sequence = :known",
            ExpressionAttributeNames={"#sequence": "sequence"},
            ExpressionAttributeValues={":known": {"S": known.last_sequence}},
        )

    def count_offer(
        self, property_id: str, gaming_day: str, offer_id: str, status: str, at: int
    ) -> bool:
        """Count an offer in a status, once: that it counts is kept in the same transaction.

        Args:
            property_id: the property.
            gaming_day: the one that it was decided in.
            offer_id: the offer.
            status: a field of `OfferCounts`.
            at: now, epoch milliseconds.

        Returns:
            False where it counted in that status already.

        Raises:
            TransientError: another count was being made at the same time; count it again.
        """
        mark = {
            "TableName": self._table,
            "Key": _key(f"{property_id}/offer/{offer_id}", "counted"),
            "UpdateExpression": "SET #status = :at, expires = :expires",
            "ConditionExpression": "attribute_not_exists(#status)",
            "ExpressionAttributeNames": {"#status": status},
            "ExpressionAttributeValues": {
                ":at": {"N": str(at)},
                ":expires": _expires("counted", at),
            },
        }
        count = {
            "TableName": self._table,
            "Key": _key(_floor(property_id), f"offers/{gaming_day}"),
            "UpdateExpression": "ADD #status :one SET expires = :expires",
            "ExpressionAttributeNames": {"#status": status},
            "ExpressionAttributeValues": {
                ":one": {"N": "1"},
                ":expires": _expires("offers", at),
            },
        }
        failed = self._transact([{"Update": mark}, {"Update": count}])
        if failed and failed[0] != _FAILED:
            raise TransientError(f"offer {offer_id} is counted elsewhere: try again")
        return failed is None

    def keep_status(self, property_id: str, status: FloorStatus) -> bool:
        """Keep what was looked up; False where what is kept is newer."""
        item = _key(_floor(property_id), "status") | {
            "at": {"N": str(status.at)},
            "body": {"B": _json.encode(status)},
        }
        return self._put(
            item,
            ConditionExpression="attribute_not_exists(pk) OR #at <= :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":at": item["at"]},
        )

    # Alerts.

    def raise_alerts(self, property_id: str, alerts: Iterable[Alert]) -> list[Alert]:
        """Keep alerts, each where there is none by its id.

        Returns:
            Those that were not known.
        """
        return [
            alert
            for alert in alerts
            if self._put(
                self._alert_item(property_id, alert, 1),
                ConditionExpression="attribute_not_exists(pk)",
            )
        ]

    def alert(self, property_id: str, alert_id: str) -> Alert | None:
        """An alert as it is now."""
        item = self._get(_key(_floor(property_id), f"alert/{alert_id}"))
        return None if item is None else _read(_alert, item)

    def alerts(self, property_id: str, since: int | None = None) -> list[Alert]:
        """The newest that are not both over and acknowledged, the newest first; and with `since`
        (epoch ms) all those that were raised from then on.
        """
        return self._alerts(_floor(property_id), since)

    def clear_alert(self, property_id: str, alert_id: str, at: int) -> Alert | None:
        """Say that what an alert is about was over at a moment; the first time counts.

        Returns:
            The alert as it is then; None where there is none by that id.
        """

        def clear(alert: Alert) -> Alert:
            return alert if alert.cleared_at is not None else replace(alert, cleared_at=at)

        return self._change_alert(property_id, alert_id, clear)

    def acknowledge_alert(
        self, property_id: str, alert_id: str, by: str, at: int, note: str | None
    ) -> Alert | None:
        """Say that somebody has seen to an alert; the first who says it counts.

        Returns:
            The alert as it is then; None where there is none by that id.
        """

        def acknowledge(alert: Alert) -> Alert:
            if alert.acknowledged_at is not None:
                return alert
            return replace(alert, acknowledged_at=at, acknowledged_by=by, note=note)

        return self._change_alert(property_id, alert_id, acknowledge)

    def _change_alert(
        self, property_id: str, alert_id: str, change: Callable[[Alert], Alert]
    ) -> Alert | None:
        for _ in range(MAX_TRIES):
            item = self._get(_key(_floor(property_id), f"alert/{alert_id}"))
            if item is None:
                return None
            before, version = _read(_alert, item), int(item["version"]["N"])
            after = change(before)
            if after == before:
                return after
            if self._put_over(self._alert_item(property_id, after, version + 1), version):
                return after
        raise ContendedAlertError(f"alert {alert_id} is changed elsewhere")

    @staticmethod
    def _alert_item(property_id: str, alert: Alert, version: int) -> Item:
        return _key(_floor(property_id), f"alert/{alert.alert_id}") | {
            "version": {"N": str(version)},
            "body": {"B": _json.encode(alert)},
            "expires": _expires("alert", alert.raised_at),
        }

    # Minutes.

    def keep_minute(self, property_id: str, minute: FloorMinute) -> bool:
        """Keep the floor as a minute ended; False where it is kept already, and stays."""
        key = _key(f"{property_id}/minutes/{minute.gaming_day}", _minute_sort(minute.minute))
        item = key | {
            "body": {"B": _zstd.compress(_encoder.encode(minute))},
            "expires": _expires("minute", minute.minute * 60_000),
        }
        return self._put(item, ConditionExpression="attribute_not_exists(pk)")

    def minutes(
        self, property_id: str, gaming_day: str, first: int, last: int
    ) -> Iterator[FloorMinute]:
        """What is kept of a gaming day's minutes, both inclusive and epoch minutes, in order."""
        found = self._query(
            f"{property_id}/minutes/{gaming_day}", _minute_sort(first), _minute_sort(last)
        )
        return (_unpack(_minute, item) for item in found)

    # The plan.

    def plan(self, property_id: str, version: int | None = None) -> FloorPlan | None:
        """The plan as it is now, or a version of it; None where there is none."""
        sk = "current" if version is None else _version_sort(version)
        item = self._get(_key(f"{property_id}/plan", sk))
        return None if item is None else _unpack(_plan, item)

    def keep_plan(self, property_id: str, plan: FloorPlan, at: int, by: str) -> bool:
        """Keep a plan as the current one.

        Args:
            property_id: the property.
            plan: with the version it shall have: one more than the current one has, 1 where there
                is none.
            at: now, epoch milliseconds.
            by: who keeps it.

        Returns:
            False where the current one is not the version before it any more.
        """
        attributes = {
            "version": {"N": str(plan.version)},
            "kept_at": {"N": str(at)},
            "kept_by": {"S": by},
            "body": {"B": _zstd.compress(_json.encode(plan))},
        }
        partition = f"{property_id}/plan"
        current = _over(_key(partition, "current") | attributes, plan.version - 1)
        kept = {"Item": _key(partition, _version_sort(plan.version)) | attributes}
        puts = [{"Put": {"TableName": self._table, **put}} for put in (current, kept)]
        return self._transact(puts) is None

    # Bills.

    def keep_bills(self, property_id: str, bills: Iterable[BillIn]) -> None:
        """Keep bills. The same bill is the same item, however often it comes."""
        items = {}
        for bill in bills:
            key = _key(_bills(property_id, bill.player_id), _bill_sort(bill))
            body = {
                "body": {"B": _json.encode(bill)},
                "expires": _expires("bill", bill.occurred_at),
            }
            items[key["pk"]["S"], key["sk"]["S"]] = key | body
        requests = ({"PutRequest": {"Item": item}} for item in items.values())
        write_batches(self._client, self._table, requests)

    def bills(
        self, property_id: str, player_id: str | None, since: int, until: int, newest: int = 1_000
    ) -> list[BillIn]:
        """Bills of a player, or those without a card, of a time (epoch ms), the newest first."""
        found = self._query(
            _bills(property_id, player_id),
            f"{since:015d}/",
            f"{until:015d}/",
            ScanIndexForward=False,
            Limit=newest,
        )
        return [_read(_bill, item) for _, item in zip(range(newest), found, strict=False)]

    # DynamoDB.

    def _get(self, key: Item) -> Item | None:
        item: Item | None = self._client.get_item(
            TableName=self._table, Key=key, ConsistentRead=True
        ).get("Item")
        return item

    def _transact(self, actions: list[Item]) -> list[str] | None:
        """Write a transaction; None where it is written, else what each action failed of."""
        try:
            self._client.transact_write_items(TransactItems=actions, ClientRequestToken=uuid4().hex)
        except self._client.exceptions.TransactionCanceledException as fault:
            codes = [str(reason["Code"]) for reason in fault.response["CancellationReasons"]]
            if not _PASSING.issuperset(codes):
                raise
            return codes
        return None

    def _query(self, partition: str, first: str, last: str, **more: Any) -> Iterator[Item]:
        return items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": partition},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            **more,
        )


def part_of(item: Item) -> StoredFloor:
    """What an item of a property's floor says: the one part of it that is not empty.

    Args:
        item: as it is read, or an image of the table's stream by `plain`.

    Raises:
        UnreadableFloorError: it is nothing that this release can read.
    """
    kind, _, name = item["sk"]["S"].partition("/")
    match kind:
        case BlockKind.SUMS:
            return StoredFloor(sums=_unpack(_sums, item))
        case BlockKind.CONDITIONS:
            return StoredFloor(conditions=_unpack(_conditions, item))
        case "rates":
            return StoredFloor(rates=[_unpack(_rate, item)])
        case "offers":
            counts = {status: int(item[status]["N"]) for status in _STATUSES if status in item}
            return StoredFloor(offers=OfferCounts(gaming_day=name, **counts))
        case "status":
            return StoredFloor(status=_read(_status, item))
        case "alert":
            return StoredFloor(alerts=[_read(_alert, item)])
        case _:
            raise UnreadableFloorError(f"{item['sk']['S']} is no part of a floor")


_STATUSES = [name for name in OfferCounts.__struct_fields__ if name != "gaming_day"]


def plain(image: Mapping[str, Any]) -> Item:
    """An item of an image as a stream's consumer is given it, where `B` is in base64."""
    return {
        name: {"B": base64.b64decode(value["B"])} if "B" in value else value
        for name, value in image.items()
    }


def property_of(item: Mapping[str, Any]) -> str | None:
    """The property that a part of a floor is of; None for other items, as plans and bills."""
    property_id, _, kind = item["pk"]["S"].rpartition("/")
    return property_id if kind == "floor" and property_id else None


def _read(decoder: Any, item: Item) -> Any:  # noqa: ANN401 - of any of the types above
    return _decoded(decoder.decode, item, "body")


def _unpack(decoder: Any, item: Item, name: str = "body") -> Any:  # noqa: ANN401 - as above
    return _decoded(lambda packed: decoder.decode(_zstd.decompress(packed)), item, name)


def _decoded(decode: Callable[[bytes], Any], item: Item, name: str) -> Any:  # noqa: ANN401
    try:
        return decode(item[name]["B"])
    except (KeyError, msgspec.MsgspecError, zstandard.ZstdError) as fault:
        raise UnreadableFloorError(f"{item['pk']['S']} {item['sk']['S']}: {fault}") from fault


def _block(item: Item | None, rows: Any, marks: Any) -> Block[Any, Any]:  # noqa: ANN401 - decoders
    if item is None:
        return Block()
    return Block(
        int(item["version"]["N"]),
        {row.asset_id: row for row in _unpack(rows, item)},
        _unpack(marks, item, "marks"),
    )


def _over(item: Item, version: int) -> dict[str, Any]:
    """How an item is put where that version of it is, or none for 0."""
    if not version:
        return {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "Item": item,
        "ConditionExpression": "version = :known",
        "ExpressionAttributeValues": {":known": {"N": str(version)}},
    }


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _floor(property_id: str) -> str:
    return f"{property_id}/floor"


def _partition(property_id: str, kind: BlockKind) -> str:
    return f"{property_id}/watches" if kind is BlockKind.WATCHES else _floor(property_id)


def _block_sort(kind: BlockKind, number: int) -> str:
    return f"{kind}/{number:03d}"


def _minute_sort(minute: int) -> str:
    return f"{minute:010d}"


def _version_sort(version: int) -> str:
    return f"version/{version}"


def _bills(property_id: str, player_id: str | None) -> str:
    return f"{property_id}/bills/{player_id or _NONE}"


def _bill_sort(bill: BillIn) -> str:
    return f"{bill.occurred_at:015d}/{bill.asset_id}/{bill.event_id}"


def _expires(kind: str, at: int) -> dict[str, str]:
    return {"N": str(at // 1000 + KEPT_SECONDS[kind])}
