"""Blocks of machines' rows: read once, kept between calls, replaced by version."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple, Self

from msgspec import Struct

from pitboss.errors import TransientError
from pitboss.floor.conditions import Known
from pitboss.floor.rows import MachineCondition, MachineSums

MAX_CONFLICTS = 8
"""Times in a row that the same may be lost to another writer before it is given back."""

MAX_BLOCKS = 1_024
"""Blocks kept between calls, about 5 kB each: those of eight properties."""


class Block[Row, Mark](Struct, frozen=True):
    """A block of machines as it is kept."""

    version: int = 0
    """0 of one that is not kept yet."""
    rows: Mapping[str, Row] = {}
    """By asset number."""
    marks: Mapping[str, Mark] = {}
    """By asset number, how far its row has come."""


type SumsBlock = Block[MachineSums, str]
"""Its marks are places in the stream of the ratings table: the greater is the later."""
type ConditionsBlock = Block[MachineCondition, Known]


class ContendedFloorError(TransientError):
    """Other writers kept replacing the same items."""

    def __init__(self, property_id: str, what: str) -> None:
        super().__init__(f"{what} of {property_id} are written elsewhere")


class UnreadableFloorError(TransientError):
    """What this release cannot read of a floor. A newer release's, perhaps."""

    @classmethod
    def of(cls, faults: Iterable[Self]) -> Self:
        """One error that names what all of them name."""
        return cls("; ".join(str(fault) for fault in faults))


class Replaced(NamedTuple):
    """What a change came to."""

    blocks: int
    rows: int
    """Rows that are not what they were before."""
    contended: int
    """Blocks that had to be read again."""


type Changed[Row, Mark, Work] = Callable[
    [Block[Row, Mark], Work, Callable[[], Block[Row, Mark]]], Block[Row, Mark] | None
]
"""The block after its work, None where it stays. It is given the block as it was last read or
written, the work, and what reads the block as it is now: for what must not follow from one that
another writer has replaced.
"""


class Blocks[Row, Mark]:
    """The blocks of one kind, those that were read or written last in memory."""

    def __init__(
        self,
        load: Callable[[str, Iterable[int]], Mapping[int, Block[Row, Mark]]],
        replace: Callable[[str, Mapping[int, Block[Row, Mark]]], set[int]],
        pause: Callable[[int], object],
    ) -> None:
        """
        Args:
            load: reads blocks of a property by their numbers; raises UnreadableFloorError where
                it cannot read one of them.
            replace: replaces blocks where the version before is kept; returns those it did not.
            pause: waits before the n-th try after a conflict.
        """
        self._load = load
        self._replace = replace
        self._pause = pause
        self._kept: dict[tuple[str, int], Block[Row, Mark]] = {}

    def change[Work](
        self,
        property_id: str,
        work: Mapping[int, Work],
        changed: Changed[Row, Mark, Work],
    ) -> Replaced:
        """Replace blocks by what they become, from what they are by then.

        A block that cannot be read holds up no other: the rest is replaced before it is named.

        Args:
            property_id: the property.
            work: by number of the block, what is to be brought in.
            changed: called again where another writer was faster.

        Raises:
            ContendedFloorError: other writers kept winning; come again.
            UnreadableFloorError: these blocks, or what follows from them, cannot be read; all
                others are brought in.
            Exception: whatever the store or `changed` raises. What is written by then is known
                when the work comes again.
        """
        unreadable: dict[int, UnreadableFloorError] = {}
        try:
            replaced = self._change(property_id, work, changed, unreadable)
        except BaseException:
            self._kept.clear()  # what was written is not known
            raise
        if unreadable:
            raise UnreadableFloorError.of(unreadable.values())
        return replaced

    def _change[Work](
        self,
        property_id: str,
        work: Mapping[int, Work],
        changed: Changed[Row, Mark, Work],
        unreadable: dict[int, UnreadableFloorError],
    ) -> Replaced:
        blocks = rows = contended = conflicts = 0
        waiting = set(work)
        while waiting:
            unreadable |= self._read(property_id, waiting)
            after = {}
            for number in sorted(waiting - unreadable.keys()):
                place = property_id, number
                try:
                    block = changed(self._kept[place], work[number], partial(self._current, *place))
                except UnreadableFloorError as fault:
                    del self._kept[place]
                    unreadable[number] = fault
                    continue
                if block is not None:
                    after[number] = block
            waiting = self._replace(property_id, after)
            for number, block in after.items():
                place = property_id, number
                if number in waiting:
                    del self._kept[place]
                else:
                    blocks += 1
                    rows += _differing(self._kept[place], block)
                    self._kept[place] = block
            contended += len(waiting)
            conflicts += 1
            if waiting and conflicts > MAX_CONFLICTS:
                raise ContendedFloorError(property_id, f"blocks {sorted(waiting)}")
            if waiting:
                self._pause(conflicts)
        return Replaced(blocks, rows, contended)

    def _current(self, property_id: str, number: int) -> Block[Row, Mark]:
        block = self._load(property_id, [number])[number]
        self._kept[property_id, number] = block
        return block

    def _read(self, property_id: str, numbers: Iterable[int]) -> Mapping[int, UnreadableFloorError]:
        """Have these blocks in memory, but for those that are returned: why they cannot be read."""
        unknown = [number for number in numbers if (property_id, number) not in self._kept]
        if len(self._kept) + len(unknown) > MAX_BLOCKS:
            wanted = {(property_id, number) for number in numbers}
            self._kept = {place: block for place, block in self._kept.items() if place in wanted}
        return self._load_kept(property_id, unknown) if unknown else {}

    def _load_kept(
        self, property_id: str, numbers: list[int]
    ) -> Mapping[int, UnreadableFloorError]:
        try:
            found = self._load(property_id, numbers)
        except UnreadableFloorError as fault:
            if len(numbers) == 1:
                return {numbers[0]: fault}
            # Which it is shows where each is read by itself.
            alone = [self._load_kept(property_id, [number]) for number in numbers]
            return {number: why for one in alone for number, why in one.items()}
        for number, block in found.items():
            self._kept[property_id, number] = block
        return {}


def _differing[Row, Mark](before: Block[Row, Mark], after: Block[Row, Mark]) -> int:
    return sum(row is not before.rows.get(asset) for asset, row in after.rows.items())
