"""The use case: bring machines' heads into the rows of the live floor, each once."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.floor.blocks import Block, Blocks, SumsBlock, UnreadableFloorError
from pitboss.floor.plan import FloorPlan
from pitboss.floor.rows import MachineSums, block_of
from pitboss.floor.sums import next_sums
from pitboss.stores.floor import BlockKind
from pitboss.stores.ratings import StoredHead

PLAN_MS = 60_000
"""How long a plan is taken to be the current one."""


class HeadStored(NamedTuple):
    """A head that was stored."""

    head: StoredHead
    mark: str
    """Where it stands in the stream; of a machine's heads the greater was stored later."""
    is_first: bool
    """Whether the machine had none before."""


class Floor(Protocol):
    """Where rows are kept; see `pitboss.stores.floor.DynamoFloor`."""

    def sums(self, property_id: str, numbers: Iterable[int]) -> Mapping[int, SumsBlock]: ...
    def replace_blocks(
        self, property_id: str, kind: BlockKind, blocks: Mapping[int, SumsBlock]
    ) -> set[int]: ...
    def plan(self, property_id: str) -> FloorPlan | None: ...


class Outcome(Struct):
    """What became of the heads."""

    known: int = 0
    """Heads that are in their rows already, or older than those that are."""
    rows: int = 0
    blocks: int = 0
    contended: int = 0
    """Blocks that had to be read again."""


class SumFloor:
    """Makes rows of heads; the blocks that it wrote or read last it keeps between calls."""

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
        self._blocks: Blocks[MachineSums, str] = Blocks(
            floor.sums,
            lambda property_id, blocks: floor.replace_blocks(property_id, BlockKind.SUMS, blocks),
            pause,
        )
        self._cards: dict[str, tuple[int, list[str]]] = {}
        """By property: employees' cards, and when they were read."""

    def __call__(self, heads: Iterable[HeadStored]) -> Outcome:
        """Bring a batch of heads into their rows.

        Raises:
            ContendedFloorError: other writers kept winning; come again.
            UnreadableFloorError: what is kept of some cannot be read; all others are brought in.
            Exception: whatever the store raises. What is written by then is known when the batch
                comes again.
        """
        outcome = Outcome()
        by_property: dict[str, dict[int, list[HeadStored]]] = {}
        for one in heads:
            property_id, asset_id = one.head.asset
            blocks = by_property.setdefault(property_id, {})
            blocks.setdefault(block_of(asset_id), []).append(one)
        unreadable: list[UnreadableFloorError] = []
        for property_id, blocks in by_property.items():
            try:
                self._bring_in(property_id, blocks, outcome)
            except UnreadableFloorError as fault:
                unreadable.append(fault)
        if unreadable:
            raise UnreadableFloorError.of(unreadable)
        return outcome

    def _bring_in(
        self, property_id: str, work: Mapping[int, list[HeadStored]], outcome: Outcome
    ) -> None:
        cards = self._employee_cards(property_id)

        def changed(block: SumsBlock, heads: list[HeadStored], _: object) -> SumsBlock | None:
            after = self._applied(block, heads, cards)
            if after.rows == block.rows:
                outcome.known += len(heads)
                return None
            return after

        replaced = self._blocks.change(property_id, work, changed)
        outcome.blocks += replaced.blocks
        outcome.rows += replaced.rows
        outcome.contended += replaced.contended

    def _applied(
        self, block: SumsBlock, heads: Iterable[HeadStored], cards: list[str]
    ) -> SumsBlock:
        """The block after these heads."""
        now = self._now()
        rows, marks = dict(block.rows), dict(block.marks)
        for (asset, today, hold, seat), mark, is_first in heads:
            asset_id = asset.asset_id
            if mark <= marks.get(asset_id, ""):
                continue
            marks[asset_id] = mark
            rows[asset_id] = next_sums(
                rows.get(asset_id),
                asset_id,
                today,
                hold,
                seat,
                is_first=is_first,
                employee_cards=cards,
                now=now,
            )
        return Block(block.version + 1, rows, marks)

    def _employee_cards(self, property_id: str) -> list[str]:
        now = self._now()
        read_at, cards = self._cards.get(property_id, (None, []))
        if read_at is None or now - read_at >= PLAN_MS:
            plan = self._floor.plan(property_id)
            cards = [] if plan is None else plan.limits.employee_cards
            self._cards[property_id] = now, cards
        return cards
