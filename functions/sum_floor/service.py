"""The use case: bring machines' heads into the rows of the live floor, each once."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.errors import TransientError
from pitboss.floor.plan import FloorPlan
from pitboss.floor.rows import block_of
from pitboss.floor.sums import next_sums
from pitboss.stores.floor import Block, BlockKind, SumsBlock
from pitboss.stores.ratings import StoredHead

MAX_CONFLICTS = 8
"""Times in a row a block may be lost to another writer before the batch is given back."""

MAX_BLOCKS = 1_024
"""Blocks kept between invocations, about 5 kB each: those of eight properties."""

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


class ContendedBlocksError(TransientError):
    """Other writers kept replacing the same blocks."""

    def __init__(self, property_id: str, blocks: Iterable[int]) -> None:
        super().__init__(f"blocks {sorted(blocks)} of {property_id} are written elsewhere")


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
        self._pause = pause
        self._blocks: dict[tuple[str, int], SumsBlock] = {}
        self._cards: dict[str, tuple[int, list[str]]] = {}
        """By property: employees' cards, and when they were read."""

    def __call__(self, heads: Iterable[HeadStored]) -> Outcome:
        """Bring a batch of heads into their rows.

        Raises:
            ContendedBlocksError: other writers kept winning; come again.
            Exception: whatever the store raises. What is written by then is known when the batch
                comes again.
        """
        outcome = Outcome()
        waiting: dict[str, dict[int, list[HeadStored]]] = {}
        for one in heads:
            property_id, asset_id = one.head.asset
            blocks = waiting.setdefault(property_id, {})
            blocks.setdefault(block_of(asset_id), []).append(one)
        try:
            for property_id, blocks in waiting.items():
                self._bring_in(property_id, blocks, outcome)
        except BaseException:
            self._blocks.clear()  # what was written is not known
            raise
        return outcome

    def _bring_in(
        self, property_id: str, waiting: dict[int, list[HeadStored]], outcome: Outcome
    ) -> None:
        cards = self._employee_cards(property_id)
        conflicts = 0
        while waiting:
            self._load(property_id, waiting)
            changed: dict[int, SumsBlock] = {}
            for number, heads in waiting.items():
                before = self._blocks[property_id, number]
                after = self._applied(before, heads, cards)
                if after.rows == before.rows:
                    outcome.known += len(heads)
                else:
                    changed[number] = after
            lost = self._floor.replace_blocks(property_id, BlockKind.SUMS, changed)
            for number, block in changed.items():
                if number in lost:
                    del self._blocks[property_id, number]
                else:
                    outcome.blocks += 1
                    outcome.rows += len(_differing(self._blocks[property_id, number], block))
                    self._blocks[property_id, number] = block
            outcome.contended += len(lost)
            waiting = {number: waiting[number] for number in lost}
            conflicts += 1
            if waiting and conflicts > MAX_CONFLICTS:
                raise ContendedBlocksError(property_id, waiting)
            if waiting:
                self._pause(conflicts)

    def _load(self, property_id: str, numbers: Iterable[int]) -> None:
        unknown = [number for number in numbers if (property_id, number) not in self._blocks]
        if not unknown:
            return
        if len(self._blocks) + len(unknown) > MAX_BLOCKS:
            wanted = {(property_id, number) for number in numbers}
            self._blocks = {key: block for key, block in self._blocks.items() if key in wanted}
        for number, block in self._floor.sums(property_id, unknown).items():
            self._blocks[property_id, number] = block

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


def _differing(before: SumsBlock, after: SumsBlock) -> list[str]:
    return [asset for asset, row in after.rows.items() if row is not before.rows.get(asset)]
