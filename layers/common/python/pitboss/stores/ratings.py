"""Ratings in DynamoDB: one table, and all items of a machine under the lock of its head.

| item | `pk` | `sk` |
|---|---|---|
| head of a machine | `<property>/floor/<0-7>` | `<asset>` |
| sealed page | `<property>/machine/<asset>` | `page/<start, epoch ms, 15 digits>` |
| machine's closed gaming day | `<property>/machine/<asset>` | `day/<date>` |
| session's play of a gaming day | `<property>/player/<player>` | `day/<date>/<start>/<asset>` |
| correction of that | `<property>/player/<player>` | `correction/<date>/<start>/<asset>/<id>` |
| correction of uncarded play | `<property>/machine/<asset>` | `correction/<date>/0/<asset>/<id>` |

A transaction replaces a head only where it is still the one that was read; everything else of that
machine is written under it. An uncarded game costs one item, a carded one two, whatever number of
games a batch brings for the machine. Heads lie on eight partition keys a property, so that the
floor is read by eight queries and no key carries more than an eighth of its writes.

Corrections are only ever added. All other items are a function of the events applied, corrections
are of how late they came: what was first posted and all its corrections are what is stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple
from zlib import crc32

import msgspec
import zstandard
from pynamodb.attributes import (
    BinaryAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.models import Model

from pitboss.events.slot import SlotEvent
from pitboss.rating.fold import Carry, SessionDay, Tally
from pitboss.rating.history import (
    MAX_HISTORY_PAGES,
    Change,
    Correction,
    Head,
    History,
    MachineDay,
    Page,
    SessionDayChange,
)

FLOOR_PARTITIONS = 8
TRANSACTION_ITEMS = 100
"""Items DynamoDB takes in one TransactWriteItems."""

TRANSACTION_BYTES = 3 * 1024 * 1024
"""Of the 4 MB it takes: not every endpoint counts before base64."""

ITEM_BYTES = 400 * 1024
"""Bytes DynamoDB takes in one item."""

_OTHER_BYTES = 2 * 1024
"""More than all attributes of an item take together, but for a page's two."""

_TALLY_FIELDS = Tally.__struct_fields__
_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_carry_decoder = msgspec.msgpack.Decoder(Carry)
_events_decoder = msgspec.msgpack.Decoder(list[SlotEvent])
_encoder = msgspec.msgpack.Encoder()
_compressor = zstandard.ZstdCompressor(level=3, write_content_size=True)
_decompressor = zstandard.ZstdDecompressor()


class Asset(NamedTuple):
    """A machine: its property and its asset number."""

    property_id: str
    asset_id: str


class AssetChange(NamedTuple):
    """A completed change and the machine it is of."""

    asset: Asset
    change: Change


class PlayerSession(NamedTuple):
    """A session's play of one gaming day, as it is stored."""

    key: SessionDay
    asset_id: str
    tally: Tally
    first_play: int | None
    last_play: int | None


class StoredCorrection(NamedTuple):
    """A correction as it is stored; `change_id` names the change of the machine that made it."""

    key: SessionDay
    asset_id: str
    change_id: str
    made_at: int
    difference: Tally
    causes: tuple[str, ...]
    late_events: int


class MachineRating(NamedTuple):
    """A machine's newest gaming day and the paytable in force."""

    asset_id: str
    today: MachineDay
    hold_basis_points: int | None


class _Item(Model):
    """Every item of the table; which attributes it has, its key says."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    asset_id = UnicodeAttribute(null=True)
    player_id = UnicodeAttribute(null=True)
    day = UnicodeAttribute(null=True)
    started_at = NumberAttribute(null=True)
    first_play = NumberAttribute(null=True)
    last_play = NumberAttribute(null=True)
    games = NumberAttribute(null=True)
    incomplete_games = NumberAttribute(null=True)
    coin_in_cents = NumberAttribute(null=True)
    coin_out_cents = NumberAttribute(null=True)
    theoretical_win = NumberAttribute(null=True)
    unrated_coin_in_cents = NumberAttribute(null=True)
    unvalued_credits = NumberAttribute(null=True)
    meter_difference_cents = NumberAttribute(null=True)
    hold_basis_points = NumberAttribute(null=True)
    page = NumberAttribute(null=True)
    carry = BinaryAttribute(null=True, legacy_encoding=False)
    events = BinaryAttribute(null=True, legacy_encoding=False)
    applied = UnicodeAttribute(null=True)
    stale_from = NumberAttribute(null=True)
    made_at = NumberAttribute(null=True)
    causes = ListAttribute(null=True, of=UnicodeAttribute)
    late_events = NumberAttribute(null=True)


def _model(table: str, region: str) -> type[_Item]:
    class Meta:
        table_name = table
        max_retry_attempts = 4

    Meta.region = region  # type: ignore[attr-defined]
    return type("RatingItem", (_Item,), {"Meta": Meta})


class DynamoRatings:
    """The ratings of all properties of a stack."""

    _RATING: ClassVar[list[str]] = [
        *("asset_id", "day", "first_play", "last_play", "hold_basis_points"),
        *_TALLY_FIELDS,
    ]

    def __init__(self, table: str, region: str) -> None:
        self._table = table
        self._item = _model(table, region)
        self._connection = Connection(region=region, max_retry_attempts=4)

    # What rating needs.

    def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
        """The heads of those machines that have one."""
        keys = {_head_key(asset): asset for asset in assets}
        found = self._item.batch_get(list(keys), consistent_read=True)
        return {keys[item.pk, item.sk]: _head(item) for item in found}

    def history(self, asset: Asset, since: int) -> History:
        """A machine's head and its pages from the one that starts at `since` (epoch ms) on.

        At most the newest `MAX_HISTORY_PAGES`: where there are more, the history's `run_start` is
        the oldest of those.
        """
        head = self.heads([asset]).get(asset)
        if head is None:
            return History(None)
        pages = list(self._pages(asset, since, head.page.start - 1, newest=MAX_HISTORY_PAGES))
        if len(pages) == MAX_HISTORY_PAGES:
            return History(head, pages, run_start=pages[-1].start)
        before = self._pages(asset, 0, since - 1, newest=1)
        return History(head, pages, run_start=since, before_run=next(before, None))

    def _pages(self, asset: Asset, first: int, last: int, newest: int) -> Iterator[Page]:
        """So many of the newest sealed pages that start in a range, the newest first."""
        if first > last:
            return iter(())
        found = self._item.query(
            _machine_partition(asset),
            self._item.sk.between(_page_sort(first), _page_sort(last)),
            consistent_read=True,
            scan_index_forward=False,
            limit=newest,
        )
        return map(_page, found)

    def machine_days(self, asset: Asset, days: Iterable[str]) -> dict[str, MachineDay]:
        """A machine's closed gaming days among these."""
        keys = [(_machine_partition(asset), f"day/{day}") for day in days]
        found = self._item.batch_get(keys, consistent_read=True)
        return {item.day: _machine_day(item) for item in found}

    def session_tallies(self, asset: Asset, keys: Iterable[SessionDay]) -> dict[SessionDay, Tally]:
        """What is stored of these sessions at the machine."""
        by_key = {_session_key(asset, key): key for key in keys}
        found = self._item.batch_get(list(by_key), consistent_read=True)
        return {by_key[item.pk, item.sk]: _tally(item) for item in found}

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        """Write the changes, each machine's at once, in as few transactions as hold them.

        Returns:
            The machines of transactions that were not written because another writer had moved a
            head on, or was about to: read them again and apply again.

        Raises:
            UnstorableChange: one machine's change alone is more than a transaction takes, or one of
                its pages more than an item holds.
            TransactWriteError: anything else; the outcome may be unknown. Reading again and
                applying again is right after every outcome.
        """
        conflicting: list[Asset] = []
        # All are measured before the first is written.
        for batch in list(_fitting([self._operations(*change) for change in changes])):
            try:
                self._connection.transact_write_items(
                    (),
                    [op for operations in batch for op in operations.deletes],
                    [op for operations in batch for op in operations.puts],
                    [op for operations in batch for op in operations.updates],
                )
            except TransactWriteError as fault:
                reasons = {reason.code for reason in fault.cancellation_reasons if reason}
                if not reasons or reasons - _CONFLICTS:
                    raise
                conflicting += [operations.asset for operations in batch]
        return conflicting

    def _operations(self, asset: Asset, change: Change) -> "_Operations":
        puts = [{**self._put(self._head_item(asset, change.head)), **_lock(change.before)}]
        puts += [self._put(self._page_item(asset, page)) for page in change.sealed]
        days = [*change.earlier_days.values(), *([change.closed_day] if change.closed_day else [])]
        puts += [self._put(self._machine_day_item(asset, day)) for day in days]
        puts += [self._put(self._correction_item(asset, change, c)) for c in change.corrections]
        updates = []
        deletes = []
        for session in change.sessions:
            pk, sk = _session_key(asset, session.key)
            key = {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}
            if session.shrinks:
                deletes.append(key)
            else:
                updates.append(key | _session_update(asset, session))
        return _Operations(asset, puts, updates, deletes)

    def _put(self, item: _Item) -> dict[str, Any]:
        return {"TableName": self._table, "Item": item.serialize()}

    def _head_item(self, asset: Asset, head: Head) -> _Item:
        pk, sk = _head_key(asset)
        return self._item(
            pk,
            sk,
            asset_id=asset.asset_id,
            applied=_hex(head.applied),
            stale_from=head.stale_from,
            hold_basis_points=head.hold_basis_points,
            **_page_attributes(head.page),
            **_day_attributes(head.today),
        )

    def _page_item(self, asset: Asset, page: Page) -> _Item:
        return self._item(
            _machine_partition(asset), _page_sort(page.start), **_page_attributes(page)
        )

    def _machine_day_item(self, asset: Asset, day: MachineDay) -> _Item:
        return self._item(_machine_partition(asset), f"day/{day.day}", **_day_attributes(day))

    def _correction_item(self, asset: Asset, change: Change, correction: Correction) -> _Item:
        pk, sk = _correction_key(asset, change, correction)
        key = correction.key
        return self._item(
            pk,
            sk,
            asset_id=asset.asset_id,
            player_id=key.player_id,
            day=key.day,
            started_at=key.started_at,
            made_at=change.made_at,
            causes=list(correction.causes),
            late_events=correction.late_events,
            **msgspec.structs.asdict(correction.difference),
        )

    # What reading needs.

    def machine(self, asset: Asset) -> MachineRating | None:
        """A machine's newest gaming day; None for a machine never heard of."""
        pk, sk = _head_key(asset)
        try:
            item = self._item.get(pk, sk, attributes_to_get=self._RATING)
        except self._item.DoesNotExist:
            return None
        return _machine_rating(item)

    def closed_days(self, asset: Asset, newest: int) -> list[MachineDay]:
        """A machine's closed gaming days, the newest first."""
        found = self._item.query(
            _machine_partition(asset),
            self._item.sk.startswith("day/"),
            scan_index_forward=False,
            limit=newest,
        )
        return [_machine_day(item) for item in found]

    def floor(self, property_id: str) -> list[MachineRating]:
        """Every machine of a property with its newest gaming day, in no order."""
        return [
            _machine_rating(item)
            for partition in range(FLOOR_PARTITIONS)
            for item in self._item.query(
                _floor_partition(property_id, partition), attributes_to_get=self._RATING
            )
        ]

    def player_sessions(self, property_id: str, player_id: str, newest: int) -> list[PlayerSession]:
        """A player's sessions by gaming day, the newest first."""
        found = self._item.query(
            _player_partition(property_id, player_id),
            self._item.sk.startswith("day/"),
            scan_index_forward=False,
            limit=newest,
        )
        return [_player_session(item) for item in found]

    def player_corrections(
        self, property_id: str, player_id: str, newest: int
    ) -> list[StoredCorrection]:
        """Corrections of a player's sessions, the newest gaming day first."""
        return self._corrections(_player_partition(property_id, player_id), newest)

    def machine_corrections(self, asset: Asset, newest: int) -> list[StoredCorrection]:
        """Corrections of a machine's uncarded play, the newest gaming day first."""
        return self._corrections(_machine_partition(asset), newest)

    def _corrections(self, partition: str, newest: int) -> list[StoredCorrection]:
        found = self._item.query(
            partition,
            self._item.sk.startswith("correction/"),
            scan_index_forward=False,
            limit=newest,
        )
        return [_correction(item) for item in found]

    def pages(self, asset: Asset, first: int, last: int) -> list[Page]:
        """A machine's stored pages that start in a range (epoch milliseconds), in order."""
        pages = {
            page.start: page for page in self._pages(asset, first, last, newest=MAX_HISTORY_PAGES)
        }
        head = self.heads([asset]).get(asset)
        if head is not None and first <= head.page.start <= last:
            pages[head.page.start] = head.page
        return [pages[start] for start in sorted(pages)]


class UnstorableChange(ValueError):
    """A change of one machine that does not fit into one transaction.

    The sizes are bytes: of the largest item, and of all.
    """

    def __init__(self, asset: Asset, items: int, largest: int = 0, size: int = 0) -> None:
        self.asset = asset
        super().__init__(
            f"{items} items of machine {asset.asset_id} change at once, the largest of {largest} "
            f"bytes, {size} together; a transaction takes {TRANSACTION_ITEMS} of up to "
            f"{ITEM_BYTES}, {TRANSACTION_BYTES} together"
        )


class _Operations(NamedTuple):
    asset: Asset
    puts: list[dict[str, Any]]
    updates: list[dict[str, Any]]
    deletes: list[dict[str, Any]]

    @property
    def items(self) -> int:
        return len(self.puts) + len(self.updates) + len(self.deletes)

    def sizes(self) -> tuple[int, int]:
        """Bytes of the largest item and of all, no fewer than DynamoDB counts."""
        pages = [
            len(item["carry"]["B"]) + len(item["events"]["B"])
            for item in (put["Item"] for put in self.puts)
            if "events" in item
        ]
        return max(pages, default=0) + _OTHER_BYTES, sum(pages) + self.items * _OTHER_BYTES


def _fitting(changes: Iterable[_Operations]) -> Iterator[list[_Operations]]:
    """The changes in groups that a transaction takes."""
    group: list[_Operations] = []
    items = size = 0
    for operations in changes:
        largest, its_size = operations.sizes()
        if (
            operations.items > TRANSACTION_ITEMS
            or largest > ITEM_BYTES
            or its_size > TRANSACTION_BYTES
        ):
            raise UnstorableChange(operations.asset, operations.items, largest, its_size)
        if items + operations.items > TRANSACTION_ITEMS or size + its_size > TRANSACTION_BYTES:
            yield group
            group, items, size = [], 0, 0
        group.append(operations)
        items += operations.items
        size += its_size
    if group:
        yield group


def _floor_partition(property_id: str, partition: int) -> str:
    return f"{property_id}/floor/{partition}"


def _head_key(asset: Asset) -> tuple[str, str]:
    partition = crc32(asset.asset_id.encode()) % FLOOR_PARTITIONS
    return _floor_partition(asset.property_id, partition), asset.asset_id


def _machine_partition(asset: Asset) -> str:
    return f"{asset.property_id}/machine/{asset.asset_id}"


def _page_sort(start: int) -> str:
    return f"page/{start:015d}"


def _player_partition(property_id: str, player_id: str) -> str:
    return f"{property_id}/player/{player_id}"


def _correction_key(asset: Asset, change: Change, correction: Correction) -> tuple[str, str]:
    player_id, partition = correction.key.player_id, _machine_partition(asset)
    if player_id is not None:
        partition = _player_partition(asset.property_id, player_id)
    # The head's fingerprint names a change but for the parts of one that is made in several.
    return partition, (
        f"correction/{correction.key.day}/{correction.key.started_at:015d}/{asset.asset_id}/"
        f"{_hex(change.head.applied)}-{correction.page:015d}"
    )


def _session_key(asset: Asset, key: SessionDay) -> tuple[str, str]:
    return (
        _player_partition(asset.property_id, key.player_id or ""),
        f"day/{key.day}/{key.started_at:015d}/{asset.asset_id}",
    )


def _hex(fingerprint: int) -> str:
    return f"{fingerprint:016x}"


def _lock(before: Head | None) -> dict[str, Any]:
    """The condition that the head stored is still the one that was read."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    values = {":applied": {"S": _hex(before.applied)}}
    if before.stale_from is None:
        expression = "applied = :applied AND attribute_not_exists(stale_from)"
    else:
        expression = "applied = :applied AND stale_from = :stale_from"
        values[":stale_from"] = {"N": str(before.stale_from)}
    return {"ConditionExpression": expression, "ExpressionAttributeValues": values}


def _session_update(asset: Asset, session: SessionDayChange) -> dict[str, Any]:
    key = session.key
    sets = ["asset_id = :asset_id", "player_id = :player_id", "#day = :day", "started_at = :start"]
    values = {
        ":asset_id": {"S": asset.asset_id},
        ":player_id": {"S": key.player_id},
        ":day": {"S": key.day},
        ":start": {"N": str(key.started_at)},
    }
    if session.bounds is not None:
        sets += ["first_play = :first", "last_play = :last"]
        values[":first"] = {"N": str(session.bounds.first_play)}
        values[":last"] = {"N": str(session.bounds.last_play)}
    for name in _TALLY_FIELDS:
        values[f":{name}"] = {"N": str(getattr(session.difference, name))}
    adds = ", ".join(f"{name} :{name}" for name in _TALLY_FIELDS)
    return {
        "UpdateExpression": f"SET {', '.join(sets)} ADD {adds}",
        "ExpressionAttributeNames": {"#day": "day"},
        "ExpressionAttributeValues": values,
    }


def _page_attributes(page: Page) -> dict[str, Any]:
    return {
        "page": page.start,
        "carry": _encoder.encode(page.carry),
        "events": _compressor.compress(_encoder.encode(page.events)),
    }


def _day_attributes(day: MachineDay) -> dict[str, Any]:
    return {
        "day": day.day,
        "first_play": day.first_play,
        "last_play": day.last_play,
        **msgspec.structs.asdict(day.tally),
    }


def _page(item: _Item) -> Page:
    carry, events = item.carry, item.events

    def unpack() -> tuple[Carry, list[SlotEvent]]:
        return _carry_decoder.decode(carry), _events_decoder.decode(
            _decompressor.decompress(events)
        )

    return Page.packed(int(item.page), unpack)


def _head(item: _Item) -> Head:
    return Head(
        _page(item),
        _machine_day(item),
        int(item.applied, 16),
        _moment(item.hold_basis_points),
        _moment(item.stale_from),
    )


def _tally(item: _Item) -> Tally:
    return Tally(*[int(getattr(item, name) or 0) for name in _TALLY_FIELDS])


def _moment(value: float | None) -> int | None:
    return None if value is None else int(value)


def _machine_day(item: _Item) -> MachineDay:
    return MachineDay(item.day, _tally(item), _moment(item.first_play), _moment(item.last_play))


def _machine_rating(item: _Item) -> MachineRating:
    return MachineRating(item.asset_id, _machine_day(item), _moment(item.hold_basis_points))


def _player_session(item: _Item) -> PlayerSession:
    return PlayerSession(
        SessionDay(item.day, item.player_id, int(item.started_at)),
        item.asset_id,
        _tally(item),
        _moment(item.first_play),
        _moment(item.last_play),
    )


def _correction(item: _Item) -> StoredCorrection:
    return StoredCorrection(
        SessionDay(item.day, item.player_id, int(item.started_at)),
        item.asset_id,
        item.sk.rpartition("/")[2],
        int(item.made_at),
        _tally(item),
        tuple(item.causes or ()),
        int(item.late_events),
    )
