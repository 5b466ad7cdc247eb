"""The use case: ask play as it comes whether it can be honest."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from pitboss.anomalies.cards import CardGame, Metres, asked_of, joined, metres_of
from pitboss.anomalies.reviews import Review, review_of, review_of_card
from pitboss.anomalies.watch import Place, Suspicion, Watched, bring_in
from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.slot import GameEnded, GameStarted, PaytableReported, SlotEvent
from pitboss.floor.blocks import MAX_CONFLICTS, Block, Blocks, ContendedFloorError
from pitboss.floor.plan import FloorPlan
from pitboss.floor.rows import block_of
from pitboss.rating.fold import House
from pitboss.stores.floor import BlockKind
from pitboss.stores.reviews import CardKey, KeptCard

PLAN_MS = 60_000
"""How long a floor plan is taken to be the current one."""

KNOWN_GAME = (
    SlotEvent("paytable", 0, 1, None, PaytableReported(9_674)),
    SlotEvent("start", 1_000, 2, None, GameStarted(500)),
    SlotEvent("end", 4_000, 3, None, GameEnded(200)),
)
"""One that can be rated."""

type WatchesBlock = Block[Watched, Place]


class Watches(Protocol):
    """Where rows and reviews are kept; see `pitboss.stores.reviews.DynamoReviews`."""

    def watches(self, property_id: str, numbers: Iterable[int]) -> Mapping[int, WatchesBlock]: ...
    def replace_blocks(
        self, property_id: str, kind: BlockKind, blocks: Mapping[int, WatchesBlock]
    ) -> set[int]: ...
    def cards(self, property_id: str, keys: Iterable[CardKey]) -> Mapping[CardKey, KeptCard]: ...
    def replace_cards(
        self, property_id: str, cards: Mapping[CardKey, KeptCard]
    ) -> set[CardKey]: ...
    def plan(self, property_id: str) -> FloorPlan | None: ...
    def is_silent(self, property_id: str, review: Review, now: int) -> bool: ...
    def put_review(self, property_id: str, review: Review) -> bool: ...


class Outcome(Struct):
    """What became of a batch."""

    events: int = 0
    """Those that rating looks at: the others are not read."""
    known: int = 0
    """Events that came again, or later than newer ones of their machine."""
    unwatched: int = 0
    """Events that cannot be rated."""
    games: int = 0
    suspicions: int = 0
    """Reviews that were not known."""
    silenced: int = 0
    """Suspicions the like of which was cleared lately."""
    blocks: int = 0
    contended: int = 0
    """Blocks that had to be read again."""
    cards: int = 0
    """Cards' days that were written."""
    cards_contended: int = 0
    """Those that had to be read again."""


class WatchPlay:
    """Watches machines; what it wrote or read last it keeps between calls."""

    def __init__(
        self,
        watches: Watches,
        house_of: Callable[[str], House],
        now: Callable[[], int],
        pause: Callable[[int], object],
    ) -> None:
        """
        Args:
            watches: where rows and reviews are kept.
            house_of: the rules of a property.
            now: epoch milliseconds.
            pause: waits before the n-th try after a conflict.
        """
        self._watches = watches
        self._house_of = house_of
        self._now = now
        self._blocks: Blocks[Watched, Place] = Blocks(
            watches.watches,
            lambda property_id, blocks: watches.replace_blocks(
                property_id, BlockKind.WATCHES, blocks
            ),
            pause,
        )
        self._pause = pause
        self._metres: dict[str, tuple[int, Metres]] = {}

    def __call__(self, batches: Iterable[SlotBatch]) -> Outcome:
        """Bring in a batch of stream records.

        Raises:
            ContendedFloorError: other writers kept winning; come again.
            BrokenReleaseError: this release cannot rate.
            Exception: whatever the store raises. What is written by then is known when the batch
                comes again.
        """
        outcome = Outcome()
        work: dict[str, dict[int, dict[str, list[SlotEvent]]]] = {}
        carded: dict[str, dict[CardKey, list[CardGame]]] = {}
        for header, events, _ in batches:
            if events:
                self._deal(header, events, carded.setdefault(header.property_id, {}))
                machines = work.setdefault(header.property_id, {})
                block = machines.setdefault(block_of(header.asset_id), {})
                block.setdefault(header.asset_id, []).extend(events)
                outcome.events += len(events)
        for property_id, by_block in work.items():
            self._watch(property_id, by_block, outcome)
            self._watch_cards(property_id, carded[property_id], outcome)
        return outcome

    def _deal(
        self,
        header: BatchHeader,
        events: Iterable[SlotEvent],
        cards: dict[CardKey, list[CardGame]],
    ) -> None:
        """Add a machine's carded games to those of their cards' days."""
        day_of = self._house_of(header.property_id).day_of
        for event in events:
            if event.player_id is not None and isinstance(event.data, GameStarted):
                at = event.occurred_at
                game = CardGame(header.asset_id, at, header.received_at - at)
                cards.setdefault(CardKey(day_of(at), event.player_id), []).append(game)

    def _watch_cards(
        self, property_id: str, games: Mapping[CardKey, list[CardGame]], outcome: Outcome
    ) -> None:
        """Bring games into their cards' days, and tell of those that say enough.

        A day is written before it is told of, and told of before that is written: a batch that
        comes again finds what it left undone.
        """
        metres = self._metres_of(property_id)
        waiting, conflicts = set(games), 0
        while waiting:
            kept = self._watches.cards(property_id, waiting)
            after = {
                key: KeptCard(version, joined(card, games[key], metres))
                for key, (version, card) in kept.items()
            }
            changed = {
                key: KeptCard(version + 1, card)
                for key, (version, card) in after.items()
                if card != kept[key].card
            }
            waiting = self._watches.replace_cards(property_id, changed)
            outcome.cards += len(changed) - len(waiting)
            outcome.cards_contended += len(waiting)
            written = {key: kept for key, kept in (after | changed).items() if key not in waiting}
            self._tell_of_cards(property_id, written, metres, outcome)
            conflicts += 1
            if waiting and conflicts > MAX_CONFLICTS:
                raise ContendedFloorError(property_id, f"{len(waiting)} cards")
            if waiting:
                self._pause(conflicts)

    def _tell_of_cards(
        self,
        property_id: str,
        cards: Mapping[CardKey, KeptCard],
        metres: Metres,
        outcome: Outcome,
    ) -> None:
        told: dict[CardKey, KeptCard] = {}
        for key, (version, card) in cards.items():
            if card.is_told:
                continue
            asked = asked_of(card, metres)
            if asked.proof is not None:
                review = review_of_card(key.player_id, key.day, asked, asked.proof)
                self._raise(property_id, review, outcome)
                told[key] = KeptCard(version + 1, replace(card, is_told=True))
        # Where another writer was faster, whoever comes next tells it again, by the same name.
        outcome.cards += len(told) - len(self._watches.replace_cards(property_id, told))

    def _metres_of(self, property_id: str) -> Metres:
        """How far machines are from each other; the plan is read where that is asked."""

        def metres(one: str, other: str) -> float | None:
            now = self._now()
            found = self._metres.get(property_id)
            if found is None or now - found[0] >= PLAN_MS:
                plan = self._watches.plan(property_id) or FloorPlan([])
                found = self._metres[property_id] = now, metres_of(plan)
            return found[1](one, other)

        return metres

    def _watch(
        self,
        property_id: str,
        work: Mapping[int, Mapping[str, list[SlotEvent]]],
        outcome: Outcome,
    ) -> None:
        counts: dict[int, Outcome] = {}

        def changed(
            block: WatchesBlock,
            machines: Mapping[str, list[SlotEvent]],
            current: Callable[[], WatchesBlock],
        ) -> WatchesBlock | None:
            after, found, count = self._applied(property_id, block, machines)
            if found:  # what was told cannot be taken back: not from what another has replaced
                after, found, count = self._applied(property_id, current(), machines)
                self._tell(property_id, found, outcome)
            counts[block_of(next(iter(machines)))] = count  # of the last try
            return after

        replaced = self._blocks.change(property_id, work, changed)
        outcome.blocks += replaced.blocks
        outcome.contended += replaced.contended
        for count in counts.values():
            outcome.known += count.known
            outcome.unwatched += count.unwatched
            outcome.games += count.games

    def _applied(
        self, property_id: str, block: WatchesBlock, machines: Mapping[str, list[SlotEvent]]
    ) -> tuple[WatchesBlock | None, list[Suspicion], Outcome]:
        """The block after these machines' events, or None where all are known; and what is
        suspected.
        """
        house = self._house_of(property_id)
        rows, marks = dict(block.rows), dict(block.marks)
        found: list[Suspicion] = []
        count = Outcome()
        for asset_id, events in machines.items():
            row, mark = rows.get(asset_id, Watched(asset_id)), marks.get(asset_id)
            try:
                brought = bring_in(row, mark, events, house)
            except Exception as fault:  # noqa: BLE001 - whatever an event or a bug raises
                _check_rules(fault)
                count.unwatched += len(events)
                continue
            count.known += brought.known
            if brought.place is None or brought.place == mark:
                continue
            count.games += brought.games
            rows[asset_id], marks[asset_id] = brought.row, brought.place
            found += brought.suspicions
        if marks == block.marks:
            return None, [], count
        return Block(block.version + 1, rows, marks), found, count

    def _tell(self, property_id: str, found: Iterable[Suspicion], outcome: Outcome) -> None:
        for review in map(review_of, found):
            self._raise(property_id, review, outcome)

    def _raise(self, property_id: str, review: Review, outcome: Outcome) -> None:
        if self._watches.is_silent(property_id, review, self._now()):
            outcome.silenced += 1
        else:
            outcome.suspicions += self._watches.put_review(property_id, review)


def _check_rules(fault: Exception) -> None:
    """Before events are blamed for a fault, bring in a game that is known to be good."""
    try:
        games = bring_in(Watched("known"), None, KNOWN_GAME, House(lambda _: "known")).games
    except Exception:  # noqa: BLE001 - as above
        games = 0
    if games != 1:
        raise BrokenReleaseError("a known game cannot be rated") from fault
