"""The use case: bring what machines say into the rows of the live floor."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.events.batch import BatchHeader
from pitboss.events.slot import BillAccepted, MeteredEvent
from pitboss.floor.alerts import alert_id, fault_alert
from pitboss.floor.blocks import (
    MAX_CONFLICTS,
    Block,
    Blocks,
    ConditionsBlock,
    ContendedFloorError,
    UnreadableFloorError,
)
from pitboss.floor.conditions import Known, Report, Turn, follow
from pitboss.floor.documents import BillIn
from pitboss.floor.rows import (
    MINUTE_MS,
    MINUTES,
    Alert,
    MachineCondition,
    StreamRate,
    block_of,
)
from pitboss.floor.sums import later
from pitboss.stores.floor import BlockKind

_NOTHING_KNOWN = Known()


class Record(NamedTuple):
    """A record of a shard."""

    sequence_number: str
    header: BatchHeader
    events: Sequence[MeteredEvent]


class Floor(Protocol):
    """Where rows are kept; see `pitboss.stores.floor.DynamoFloor`."""

    def conditions(
        self, property_id: str, numbers: Iterable[int]
    ) -> Mapping[int, ConditionsBlock]: ...
    def replace_blocks(
        self, property_id: str, kind: BlockKind, blocks: Mapping[int, ConditionsBlock]
    ) -> set[int]: ...
    def rate(self, property_id: str, shard_id: str) -> StreamRate | None: ...
    def keep_rate(self, property_id: str, rate: StreamRate, known: StreamRate | None) -> bool: ...
    def raise_alerts(self, property_id: str, alerts: Iterable[Alert]) -> list[Alert]: ...
    def clear_alert(self, property_id: str, alert_id: str, at: int) -> Alert | None: ...
    def keep_bills(self, property_id: str, bills: Iterable[BillIn]) -> None: ...


class Outcome(Struct):
    """What became of a batch."""

    events: int = 0
    alerts: int = 0
    bills: int = 0
    blocks: int = 0
    contended: int = 0
    """Blocks that had to be read again."""


class TrackFloor:
    """Follows machines; what it wrote or read last it keeps between calls."""

    def __init__(
        self, floor: Floor, now: Callable[[], int], pause: Callable[[int], object]
    ) -> None:
        """
        Args:
            floor: where rows are kept.
            now: epoch milliseconds.
            pause: waits before the n-th try after a conflict.
        """
        self._floor = floor
        self._now = now
        self._pause = pause
        self._blocks: Blocks[MachineCondition, Known] = Blocks(
            floor.conditions,
            lambda property_id, blocks: floor.replace_blocks(
                property_id, BlockKind.CONDITIONS, blocks
            ),
            pause,
        )
        self._rates: dict[tuple[str, str], StreamRate | None] = {}

    def __call__(self, shard_id: str, records: Iterable[Record]) -> Outcome:
        """Bring in a batch of one shard's records, in their order.

        Raises:
            ContendedFloorError: other writers kept winning; come again.
            UnreadableFloorError: what is kept of some cannot be read; all others are brought in.
            Exception: whatever the store raises. What is written by then is known when the batch
                comes again.
        """
        outcome = Outcome()
        by_property: dict[str, list[Record]] = {}
        for record in records:
            by_property.setdefault(record.header.property_id, []).append(record)
        unreadable: list[UnreadableFloorError] = []
        try:
            for property_id, its_records in by_property.items():
                self._keep_bills(property_id, its_records, outcome)
                try:
                    self._follow(property_id, its_records, outcome)
                except UnreadableFloorError as fault:
                    unreadable.append(fault)
                self._count(property_id, shard_id, its_records, outcome)
        except BaseException:
            self._rates.clear()  # what was written is not known
            raise
        if unreadable:
            raise UnreadableFloorError.of(unreadable)
        return outcome

    # Bills.

    def _keep_bills(self, property_id: str, records: list[Record], outcome: Outcome) -> None:
        bills = [
            BillIn(
                record.header.asset_id,
                event.occurred_at,
                event.event_id,
                event.data.amount_cents,
                event.player_id,
            )
            for record in records
            for event in record.events
            if isinstance(event.data, BillAccepted)
        ]
        if bills:
            self._floor.keep_bills(property_id, bills)
        outcome.bills += len(bills)

    # Conditions.

    def _follow(self, property_id: str, records: list[Record], outcome: Outcome) -> None:
        work: dict[int, dict[str, list[Report]]] = {}
        for _, header, events in records:
            machines = work.setdefault(block_of(header.asset_id), {})
            reports = machines.setdefault(header.asset_id, [])
            reports.append(Report(header.received_at, events))

        def changed(
            block: ConditionsBlock,
            machines: dict[str, list[Report]],
            current: Callable[[], ConditionsBlock],
        ) -> ConditionsBlock | None:
            after, turns = self._applied(block, machines)
            if turns:  # alerts cannot be taken back: not from what another has replaced
                after, turns = self._applied(current(), machines)
            if after is not None:
                # First what follows from it: where we end in between, it follows once more.
                self._alert(property_id, turns, outcome)
            return after

        replaced = self._blocks.change(property_id, work, changed)
        outcome.blocks += replaced.blocks
        outcome.contended += replaced.contended

    def _applied(
        self, block: ConditionsBlock, machines: Mapping[str, list[Report]]
    ) -> tuple[ConditionsBlock | None, list[tuple[str, Turn]]]:
        """The block after these machines were heard of, and the faults that began or were over;
        None where nothing of it is due to be kept.
        """
        now = self._now()
        rows, marks = dict(block.rows), dict(block.marks)
        turns: list[tuple[str, Turn]] = []
        is_due = False
        for asset_id, reports in machines.items():
            followed = follow(
                rows.get(asset_id), marks.get(asset_id, _NOTHING_KNOWN), asset_id, reports, now
            )
            is_due |= followed.is_due
            rows[asset_id], marks[asset_id] = followed.row, followed.known
            turns += [(asset_id, turn) for turn in followed.turns]
        return (Block(block.version + 1, rows, marks) if is_due else None), turns

    def _alert(self, property_id: str, turns: Iterable[tuple[str, Turn]], outcome: Outcome) -> None:
        for asset_id, (topic, since, words, over_at) in turns:
            alert = fault_alert(asset_id, topic, since, words)
            if alert is None:
                continue
            if over_at is None:
                outcome.alerts += len(self._floor.raise_alerts(property_id, [alert]))
            else:
                self._floor.clear_alert(property_id, alert_id(since, asset_id, topic), over_at)

    # What comes at all.

    def _count(
        self, property_id: str, shard_id: str, records: list[Record], outcome: Outcome
    ) -> None:
        place = property_id, shard_id
        conflicts = 0
        while True:
            if place not in self._rates:
                self._rates[place] = self._floor.rate(property_id, shard_id)
            known = self._rates[place]
            rate, events = counted(known, shard_id, records, self._now())
            if rate is None:
                return
            if self._floor.keep_rate(property_id, rate, known):
                self._rates[place] = rate
                outcome.events += events
                return
            del self._rates[place]
            conflicts += 1
            if conflicts > MAX_CONFLICTS:
                raise ContendedFloorError(property_id, f"events of {shard_id}")
            self._pause(conflicts)


def counted(
    known: StreamRate | None, shard_id: str, records: Iterable[Record], now: int
) -> tuple[StreamRate | None, int]:
    """What came by a shard after these records, and how many events were not counted before.

    Returns:
        None where all of them were counted before.
    """
    last = int(known.last_sequence) if known is not None else -1
    fresh = [record for record in records if int(record.sequence_number) > last]
    if not fresh:
        return None, 0
    newest = max(record.header.received_at for record in fresh)
    if known is not None:
        newest = max(newest, known.newest_received_at)
    minute = newest // MINUTE_MS
    by_minute = [0] * MINUTES
    if known is not None:
        by_minute = later(known.events_by_minute, minute - known.minute)
    events = 0
    for record in fresh:
        events += len(record.events)
        age = minute - record.header.received_at // MINUTE_MS
        if age < MINUTES:
            by_minute[age] += len(record.events)
    rate = StreamRate(shard_id, now, newest, minute, by_minute, fresh[-1].sequence_number)
    return rate, events
