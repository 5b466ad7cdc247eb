"""Ratings in DynamoDB: one table, and all items of a machine under the lock of its head.

| item | `pk` | `sk` |
|---|---|---|
| head of a machine | `<property>/floor/<0-7>` | `<asset>` |
| sealed page | `<property>/machine/<asset>` | `page/<start, epoch ms, 15 digits>` |
| machine's closed gaming day | `<property>/machine/<asset>` | `day/<date>` |
| session's play of a gaming day | `<property>/player/<player>` | `day/<date>/<start>/<asset>` |
| correction of that | `<property>/player/<player>` | `correction/<date>/<start>/<asset>/<id>` |
| player's gaming day at tables | `<property>/tables/player/<player>` | `<date>` |
| that there is one | `<property>/tables/day/<date>` | `<player>` |
| correction of uncarded play | `<property>/machine/<asset>` | `correction/<date>/0/<asset>/<id>` |

A transaction replaces a head only where it is still the one that was read; everything else of that
machine is written under it. An uncarded game costs one item, a carded one two, whatever number of
games a batch brings for the machine. Heads lie on eight partition keys a property, so that the
floor is read by eight queries and no key carries more than an eighth of its writes.

Days at tables are made by imports, under no machine's lock: each is written with the item that says
that there is one in one transaction, so that a day that is made anew finds every player it had.

Corrections are only ever added. All other items are a function of the events applied, corrections
are of how late they came: what was first posted and all its corrections are what is stored.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import batched
from typing import Any, ClassVar, NamedTuple
from uuid import uuid4
from zlib import crc32

import botocore.session
import msgspec
import zstandard
from botocore.config import Config
from pynamodb.attributes import (
    BinaryAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.models import Model

from pitboss.errors import TransientError
from pitboss.events.slot import SlotEvent
from pitboss.rating.fold import Carry, Seat, SessionDay, Tally
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
from pitboss.rating.tables import TableDay

FLOOR_PARTITIONS = 8
TRANSACTION_ITEMS = 100
"""Items DynamoDB takes in one TransactWriteItems."""

TRANSACTION_BYTES = 3 * 1024 * 1024
"""Of the 4 MB it takes: not every endpoint counts before base64."""

ITEM_BYTES = 400 * 1024
"""Bytes DynamoDB takes in one item."""

_OTHER_BYTES = 2 * 1024
"""More than all attributes of an item take together, but for a page's two."""

_CARRY_BYTES = 14 * 1024
"""More than any carry takes: one with as many waiting sessions and games as there may be, of ids as
long as they may be, takes 13,234."""

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


class SessionPlace(NamedTuple):
    """Where a session's gaming day stands among a player's."""

    day: str
    started_at: int
    asset_id: str


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


class StoredHead(NamedTuple):
    """What an image of a head in the table's stream says of a machine."""

    asset: Asset
    today: MachineDay
    hold_basis_points: int | None
    seat: Seat


class _Item(Model):
    """Every item of the table; which attributes it has, its key says."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    day = UnicodeAttribute(null=True)
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
    handpaid_cents = NumberAttribute(null=True)
    gaps = NumberAttribute(null=True)
    hold_basis_points = NumberAttribute(null=True)
    page = NumberAttribute(null=True)
    carry = BinaryAttribute(null=True, legacy_encoding=False)
    events = BinaryAttribute(null=True, legacy_encoding=False)
    applied = UnicodeAttribute(null=True)
    stale_from = NumberAttribute(null=True)
    seated = UnicodeAttribute(null=True)
    seated_since = NumberAttribute(null=True)
    locked_since = NumberAttribute(null=True)
    made_at = NumberAttribute(null=True)
    causes = ListAttribute(null=True, of=UnicodeAttribute)
    late_events = NumberAttribute(null=True)
    sessions = NumberAttribute(null=True)
    minutes = NumberAttribute(null=True)
    table_units = NumberAttribute(null=True)
    actual_win_cents = NumberAttribute(null=True)
    other_currency_sessions = NumberAttribute(null=True)


def _model(table: str, region: str) -> type[_Item]:
    class Meta:
        table_name = table
        max_retry_attempts = 4

    Meta.region = region  # type: ignore[attr-defined]
    return type("RatingItem", (_Item,), {"Meta": Meta})


class DynamoRatings:
    """The ratings of all properties of a stack."""

    _RATING: ClassVar[list[str]] = [
        *("sk", "day", "first_play", "last_play", "hold_basis_points"),
        *_TALLY_FIELDS,
    ]
    _SEAT: ClassVar[list[str]] = ["sk", "seated", "seated_since", "locked_since"]

    def __init__(self, table: str, region: str) -> None:
        self._table = table
        self._region = region
        self._item = _model(table, region)
        self._actions: list[dict[str, Any]] = []
        """Of the transaction being written."""

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        config = Config(parameter_validation=False, retries={"total_max_attempts": 5})
        client = botocore.session.get_session().create_client(
            "dynamodb", region_name=self._region, config=config
        )
        client.meta.events.register("before-call.dynamodb.TransactWriteItems", self._encode)
        return client

    def _encode(self, params: dict[str, Any], **_: object) -> None:
        """Give a transaction its body, before botocore signs it.

        Its own encoder walks through every attribute in Python, which costs more than all the rest
        of a write (`python -m benchmarks stored_items`); what signs, sends and tries again is
        botocore.
        """
        params["body"] = msgspec.json.encode(
            {"TransactItems": self._actions, "ClientRequestToken": uuid4().hex}
        )

    # What rating needs.

    def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
        """The heads of those machines that have one."""
        keys = {head_key(asset): asset for asset in assets}
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

    def session_wins(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> dict[tuple[Asset, SessionDay], int]:
        """The theoretical win of these sessions' gaming days, of those that have any play."""
        by_key = {_session_key(*session): session for session in sessions}
        wanted = ["pk", "sk", "theoretical_win"]
        found = self._item.batch_get(list(by_key), consistent_read=True, attributes_to_get=wanted)
        return {by_key[item.pk, item.sk]: int(item.theoretical_win or 0) for item in found}

    def sessions(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> dict[tuple[Asset, SessionDay], PlayerSession]:
        """These sessions' gaming days, of those that have any play."""
        by_key = {_session_key(*session): session for session in sessions}
        found = self._item.batch_get(list(by_key), consistent_read=True)
        return {by_key[item.pk, item.sk]: _player_session(item) for item in found}

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        """Write the changes, each machine's at once, in as few transactions as hold them.

        Returns:
            The machines of transactions that were not written because another writer had moved a
            head on, or was about to: read them again and apply again.

        Raises:
            UnstorableChange: one machine's change alone is more than a transaction takes, or one of
                its pages more than an item holds.
            ClientError, BotoCoreError: anything else; the outcome may be unknown. Reading again and
                applying again is right after every outcome.
        """
        conflicting: list[Asset] = []
        # All are measured before the first is written.
        for batch in list(_fitting([self._operations(*change) for change in changes])):
            self._actions = [action for operations in batch for action in operations.actions]
            try:
                self._client.transact_write_items(TransactItems=[])
            except self._client.exceptions.TransactionCanceledException as fault:
                reasons = {reason["Code"] for reason in fault.response["CancellationReasons"]}
                if reasons - _CONFLICTS - {"None"}:
                    raise
                conflicting += [operations.asset for operations in batch]
        return conflicting

    def _operations(self, asset: Asset, change: Change) -> "_Operations":
        head = self._put(*head_key(asset), _head_attributes(change.head))
        actions = [{"Put": head | _lock(change.before)}]
        partition = _machine_partition(asset)
        sizes = [_page_bytes(head["Item"])]
        for page in change.sealed:
            put = self._put(partition, _page_sort(page.start), _page_attributes(page))
            sizes.append(_page_bytes(put["Item"]))
            actions.append({"Put": put})
        days = [*change.earlier_days.values(), *([change.closed_day] if change.closed_day else [])]
        actions += [
            {"Put": self._put(partition, f"day/{day.day}", _day_attributes(day))} for day in days
        ]
        actions += [
            {
                "Put": self._put(
                    *_correction_key(asset, change, correction),
                    _correction_attributes(change, correction),
                )
            }
            for correction in change.corrections
        ]
        for session in change.sessions:
            pk, sk = _session_key(asset, session.key)
            key = {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}
            if session.shrinks:
                actions.append({"Delete": key})
            else:
                actions.append({"Update": key | _session_update(session)})
        return _Operations(asset, actions, max(sizes), sum(sizes))

    def _put(self, pk: str, sk: str, attributes: dict[str, Any]) -> dict[str, Any]:
        item = {"pk": {"S": pk}, "sk": {"S": sk}}
        return {"TableName": self._table, "Item": item | attributes}

    # What imports need.

    def replace_table_day(
        self, property_id: str, day: str, players: Mapping[str, TableDay]
    ) -> bool:
        """Make these the players of a gaming day at tables, and nobody else.

        Returns:
            False where another writer was at the same day: make it again.

        Raises:
            ClientError, BotoCoreError: part of it may be done. Doing it again is right.
        """
        of_day = f"{property_id}/tables/day/{day}"
        known = {item.sk for item in self._item.query(of_day, consistent_read=True)}
        for some in batched(sorted(known | players.keys()), TRANSACTION_ITEMS // 2, strict=False):
            self._actions = []
            for player_id in some:
                partition = _table_player_partition(property_id, player_id)
                found = players.get(player_id)
                if found is None:
                    self._actions += [self._delete(partition, day), self._delete(of_day, player_id)]
                else:
                    put = self._put(partition, day, _table_attributes(found))
                    self._actions += [{"Put": put}, {"Put": self._put(of_day, player_id, {})}]
            try:
                self._client.transact_write_items(TransactItems=[])
            except self._client.exceptions.TransactionCanceledException as fault:
                reasons = {reason["Code"] for reason in fault.response["CancellationReasons"]}
                if reasons - {"TransactionConflict", "None"}:
                    raise
                return False
        return True

    def _delete(self, pk: str, sk: str) -> dict[str, Any]:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        return {"Delete": {"TableName": self._table, "Key": key}}

    # What reading needs.

    def machine(self, asset: Asset) -> MachineRating | None:
        """A machine's newest gaming day; None for a machine never heard of."""
        pk, sk = head_key(asset)
        try:
            item = self._item.get(pk, sk, attributes_to_get=self._RATING)
        except self._item.DoesNotExist:
            return None
        return _machine_rating(item)

    def seat(self, asset: Asset) -> Seat | None:
        """Who plays at a machine, as it is now; None for a machine never heard of."""
        try:
            return _seat(self._item.get(*head_key(asset), True, attributes_to_get=self._SEAT))
        except self._item.DoesNotExist:
            return None

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

    def machine_day(self, asset: Asset, day: str) -> MachineDay | None:
        """A machine's totals of one gaming day, as they are now."""
        pk, sk = head_key(asset)
        try:
            today = _machine_day(self._item.get(pk, sk, True, attributes_to_get=self._RATING))
        except self._item.DoesNotExist:
            return None
        if today.day == day:
            return today
        try:
            return _machine_day(self._item.get(_machine_partition(asset), f"day/{day}", True))
        except self._item.DoesNotExist:
            return None

    def player_sessions(
        self,
        property_id: str,
        player_id: str,
        newest: int,
        before: SessionPlace | None = None,
        *,
        as_now: bool = False,
    ) -> list[PlayerSession]:
        """A player's sessions by gaming day, the newest first.

        With `before`, those that stand after that place in this order. `as_now` costs twice as
        much, and has what was written just before.
        """
        partition = _player_partition(property_id, player_id)
        start = None
        if before is not None:
            sk = f"day/{before.day}/{before.started_at:015d}/{before.asset_id}"
            start = {"pk": {"S": partition}, "sk": {"S": sk}}
        found = self._item.query(
            partition,
            self._item.sk.startswith("day/"),
            consistent_read=as_now,
            scan_index_forward=False,
            limit=newest,
            last_evaluated_key=start,
        )
        return [_player_session(item) for item in found]

    def player_day(self, property_id: str, player_id: str, day: str) -> list[PlayerSession]:
        """A player's sessions of one gaming day as they are now, the earliest first."""
        found = self._item.query(
            _player_partition(property_id, player_id),
            self._item.sk.startswith(f"day/{day}/"),
            consistent_read=True,
        )
        return [_player_session(item) for item in found]

    def table_days(self, property_id: str, player_id: str, newest: int) -> list[TableDay]:
        """A player's gaming days at tables, the newest first."""
        found = self._item.query(
            _table_player_partition(property_id, player_id), scan_index_forward=False, limit=newest
        )
        return [_table_day(item) for item in found]

    def player_corrections(
        self, property_id: str, player_id: str, newest: int, day: str | None = None
    ) -> list[StoredCorrection]:
        """Corrections of a player's sessions, the newest gaming day first, or of one day."""
        return self._corrections(_player_partition(property_id, player_id), newest, day)

    def machine_corrections(
        self, asset: Asset, newest: int, day: str | None = None
    ) -> list[StoredCorrection]:
        """Corrections of a machine's uncarded play, as of a player's sessions."""
        return self._corrections(_machine_partition(asset), newest, day)

    def _corrections(self, partition: str, newest: int, day: str | None) -> list[StoredCorrection]:
        found = self._item.query(
            partition,
            self._item.sk.startswith("correction/" if day is None else f"correction/{day}/"),
            consistent_read=day is not None,
            scan_index_forward=False,
            limit=newest,
        )
        return [_correction(item) for item in found]

    def pages(self, asset: Asset, first: int, last: int, earliest: int) -> list[Page]:
        """So many of the earliest pages that start in a range (epoch milliseconds), in order."""
        try:
            head = _page(self._item.get(*head_key(asset), True))
        except self._item.DoesNotExist:
            return []
        found = self._item.query(
            _machine_partition(asset),
            self._item.sk.between(_page_sort(first), _page_sort(last)),
            consistent_read=True,
            limit=earliest,
        )
        pages = [_page(item) for item in found]
        # A head that was sealed since is among the pages, as it is now.
        is_newer = not pages or pages[-1].start < head.start
        if len(pages) < earliest and first <= head.start <= last and is_newer:
            pages.append(head)
        return pages


class UnreadablePageError(TransientError):
    """A stored page that this release cannot read; no event is to blame, and none is set aside."""


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
    """What a machine's change writes, and the bytes of its pages: the largest, and all."""

    asset: Asset
    actions: list[dict[str, Any]]
    largest_page: int
    pages: int

    def sizes(self) -> tuple[int, int]:
        """Bytes of the largest item and of all, no fewer than DynamoDB counts."""
        return self.largest_page + _OTHER_BYTES, self.pages + len(self.actions) * _OTHER_BYTES


def _fitting(changes: Iterable[_Operations]) -> Iterator[list[_Operations]]:
    """The changes in groups that a transaction takes."""
    group: list[_Operations] = []
    items = size = 0
    for operations in changes:
        largest, its_size = operations.sizes()
        if (
            len(operations.actions) > TRANSACTION_ITEMS
            or largest > ITEM_BYTES
            or its_size > TRANSACTION_BYTES
        ):
            raise UnstorableChange(operations.asset, len(operations.actions), largest, its_size)
        if (
            items + len(operations.actions) > TRANSACTION_ITEMS
            or size + its_size > TRANSACTION_BYTES
        ):
            yield group
            group, items, size = [], 0, 0
        group.append(operations)
        items += len(operations.actions)
        size += its_size
    if group:
        yield group


def _floor_partition(property_id: str, partition: int) -> str:
    return f"{property_id}/floor/{partition}"


def head_key(asset: Asset) -> tuple[str, str]:
    """Where the head of a machine is: `pk` and `sk`. Whoever delivers an offer checks it there."""
    partition = crc32(asset.asset_id.encode()) % FLOOR_PARTITIONS
    return _floor_partition(asset.property_id, partition), asset.asset_id


def read_head(image: Mapping[str, Any]) -> StoredHead:
    """A head of which a consumer of the table's stream is given the image.

    Raises:
        KeyError, ValueError: it is none, or none that this release can read.
    """
    property_id, floor, _ = image["pk"]["S"].split("/")
    if floor != "floor":
        raise ValueError(f"{image['pk']['S']} is no partition of heads")

    def number(name: str) -> int | None:
        value = image.get(name)
        return None if value is None else int(value["N"])

    tally = Tally(*[number(name) or 0 for name in _TALLY_FIELDS])
    seated = image.get("seated")
    return StoredHead(
        Asset(property_id, image["sk"]["S"]),
        MachineDay(image["day"]["S"], tally, number("first_play"), number("last_play")),
        number("hold_basis_points"),
        Seat(
            None if seated is None else seated["S"], number("seated_since"), number("locked_since")
        ),
    )


def _machine_partition(asset: Asset) -> str:
    return f"{asset.property_id}/machine/{asset.asset_id}"


def _page_sort(start: int) -> str:
    return f"page/{start:015d}"


def _player_partition(property_id: str, player_id: str) -> str:
    return f"{property_id}/player/{player_id}"


def _table_player_partition(property_id: str, player_id: str) -> str:
    return f"{property_id}/tables/player/{player_id}"


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


_ADD_ALL = "ADD " + ", ".join(f"{name} :{name}" for name in _TALLY_FIELDS)


def _session_update(session: SessionDayChange) -> dict[str, Any]:
    expression = _ADD_ALL
    values = {f":{name}": value for name, value in _tally_attributes(session.difference).items()}
    if session.bounds is not None:
        expression = f"SET first_play = :first, last_play = :last {_ADD_ALL}"
        values[":first"] = {"N": str(session.bounds.first_play)}
        values[":last"] = {"N": str(session.bounds.last_play)}
    return {"UpdateExpression": expression, "ExpressionAttributeValues": values}


def _numbers(values: Mapping[str, int | None]) -> dict[str, Any]:
    return {name: {"N": str(value)} for name, value in values.items() if value is not None}


def _tally_attributes(tally: Tally) -> dict[str, Any]:
    return {
        name: {"N": str(value)}
        for name, value in zip(_TALLY_FIELDS, msgspec.structs.astuple(tally), strict=True)
    }


def _table_attributes(day: TableDay) -> dict[str, Any]:
    return _numbers(
        {
            "sessions": day.sessions,
            "minutes": day.minutes,
            "table_units": day.theoretical_win,
            "actual_win_cents": day.actual_win_cents,
            "other_currency_sessions": day.other_currency_sessions,
        }
    )


def _page_attributes(page: Page) -> dict[str, Any]:
    return {
        "page": {"N": str(page.start)},
        "carry": {"B": _encoder.encode(page.carry)},
        "events": {"B": _compressor.compress(_encoder.encode(page.events))},
    }


def _page_bytes(item: dict[str, Any]) -> int:
    """No fewer than the page will ever take: its carry may become another in a correction, which
    must not fail half way.
    """
    return _CARRY_BYTES + len(item["events"]["B"])


def _day_attributes(day: MachineDay) -> dict[str, Any]:
    bounds = {"first_play": day.first_play, "last_play": day.last_play}
    return {"day": {"S": day.day}} | _numbers(bounds) | _tally_attributes(day.tally)


def _head_attributes(head: Head) -> dict[str, Any]:
    seat = head.seat
    rest = {
        "stale_from": head.stale_from,
        "hold_basis_points": head.hold_basis_points,
        "seated_since": seat.seated_since,
        "locked_since": seat.locked_since,
    }
    return {
        "applied": {"S": _hex(head.applied)},
        **({} if seat.player_id is None else {"seated": {"S": seat.player_id}}),
        **_numbers(rest),
        **_page_attributes(head.page),
        **_day_attributes(head.today),
    }


def _correction_attributes(change: Change, correction: Correction) -> dict[str, Any]:
    return {
        "made_at": {"N": str(change.made_at)},
        "causes": {"L": [{"S": cause} for cause in correction.causes]},
        "late_events": {"N": str(correction.late_events)},
        **_tally_attributes(correction.difference),
    }


def _page(item: _Item) -> Page:
    carry, events = item.carry, item.events

    def unpack() -> tuple[Carry, list[SlotEvent]]:
        try:
            return _carry_decoder.decode(carry), _events_decoder.decode(
                _decompressor.decompress(events)
            )
        except (msgspec.MsgspecError, zstandard.ZstdError) as fault:
            raise UnreadablePageError(f"page {item.sk} of {item.pk}: {fault}") from fault

    return Page.packed(int(item.page), unpack)


def _head(item: _Item) -> Head:
    return Head(
        _page(item),
        _machine_day(item),
        int(item.applied, 16),
        _moment(item.hold_basis_points),
        _moment(item.stale_from),
        _seat(item),
    )


def _seat(item: _Item) -> Seat:
    return Seat(item.seated, _moment(item.seated_since), _moment(item.locked_since))


def _tally(item: _Item) -> Tally:
    return Tally(*[int(getattr(item, name) or 0) for name in _TALLY_FIELDS])


def _moment(value: float | None) -> int | None:
    return None if value is None else int(value)


def _table_day(item: _Item) -> TableDay:
    return TableDay(
        item.sk,
        int(item.sessions),
        int(item.minutes),
        int(item.table_units),
        int(item.actual_win_cents),
        int(item.other_currency_sessions),
    )


def _machine_day(item: _Item) -> MachineDay:
    return MachineDay(item.day, _tally(item), _moment(item.first_play), _moment(item.last_play))


def _machine_rating(item: _Item) -> MachineRating:
    return MachineRating(item.sk, _machine_day(item), _moment(item.hold_basis_points))


def _player_session(item: _Item) -> PlayerSession:
    key, asset_id = _session_of(item)
    return PlayerSession(
        key, asset_id, _tally(item), _moment(item.first_play), _moment(item.last_play)
    )


def _correction(item: _Item) -> StoredCorrection:
    key, asset_id = _session_of(item)
    return StoredCorrection(
        key,
        asset_id,
        item.sk.rpartition("/")[2],
        int(item.made_at),
        _tally(item),
        tuple(str(cause) for cause in item.causes or ()),
        int(item.late_events),
    )


def _session_of(item: _Item) -> tuple[SessionDay, str]:
    """What the key of a session-day or a correction says: the session, and the machine."""
    _, kind, owner = item.pk.split("/")
    _, day, started_at, asset_id, *_ = item.sk.split("/")
    return SessionDay(day, owner if kind == "player" else None, int(started_at)), asset_id
