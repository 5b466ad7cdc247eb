"""The use case: bring slot events into the ratings, each once."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from pitboss.errors import BrokenReleaseError, TransientError
from pitboss.events.batch import SlotBatch
from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.events.slot import GameEnded, GameStarted, PaytableReported, SlotEvent
from pitboss.rating.changes import (
    Place,
    Sitting,
    is_of_now,
    session_changes,
    session_days,
    sittings,
)
from pitboss.rating.fold import House, SessionDay, Tally
from pitboss.rating.history import (
    MAX_PAGES_A_CHANGE,
    Applied,
    Change,
    Head,
    History,
    MachineDay,
    apply,
    complete,
    page_of,
)
from pitboss.rating.house_rules import PropertyRules
from pitboss.rating.players import MAX_SESSION_DAYS, MAX_TABLE_DAYS, Move, profile
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import Asset, AssetChange, PlayerSession, UnstorableChange
from pitboss.traces import readable

MAX_CONFLICTS = 8
"""Times in a row a write may lose against another writer before the batch is given back."""

MAX_CACHED_PAGES = 8_000
"""Pages kept between invocations, 10 to 30 kB each unpacked; the machines idle longest go first."""

KNOWN_GAME = (
    SlotEvent("paytable", 0, 1, None, PaytableReported(9_674)),
    SlotEvent("start", 1_000, 2, None, GameStarted(500)),
    SlotEvent("end", 4_000, 3, None, GameEnded(200)),
)
KNOWN_RATING = Tally(1, 0, 500, 200, 163_000)
"""A game of 5.00 at a hold of 3.26 % that pays 2.00, and what it is worth: 0.163."""


class Ratings(Protocol):
    """Where ratings are kept; see `pitboss.stores.ratings.DynamoRatings`."""

    def heads(self, assets: Iterable[Asset]) -> Mapping[Asset, Head]: ...
    def history(self, asset: Asset, since: int) -> History: ...
    def machine_days(self, asset: Asset, days: Iterable[str]) -> Mapping[str, MachineDay]: ...
    def session_tallies(
        self, asset: Asset, keys: Iterable[SessionDay]
    ) -> Mapping[SessionDay, Tally]: ...
    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]: ...
    def session_wins(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> Mapping[tuple[Asset, SessionDay], int]: ...
    def player_sessions(
        self, property_id: str, player_id: str, newest: int, *, as_now: bool
    ) -> Sequence[PlayerSession]: ...
    def table_days(self, property_id: str, player_id: str, newest: int) -> Sequence[TableDay]: ...


class Changes(Protocol):
    """Where what changed is published; see `pitboss.stores.changes.SnsChanges`. Raises
    TransientError where it is not known that all was.
    """

    def publish(self, changes: Sequence[PlayerChanged]) -> None: ...


class Audience(NamedTuple):
    """Who is told what changes about players as they play."""

    changes: Changes
    worth_step: int
    """Theoretical win of a session from one step to the next, in ten-thousandths of a cent."""
    rules_of: Callable[[str], PropertyRules]
    """A property's rules, by which tiers are reached."""


class ContendedError(TransientError):
    """Other writers kept moving the same machines on."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        names = sorted(asset.asset_id for asset in assets)
        super().__init__(f"{len(names)} machines are written elsewhere, {names[0]} among them")


class Unrated(NamedTuple):
    """Events that cannot be rated, and why."""

    asset: Asset
    reason: str
    detail: str
    events: list[SlotEvent]


class Outcome(Struct):
    """What became of the events: received = rated + duplicate + unrelated + quarantined."""

    received: int = 0
    rated: int = 0
    duplicate: int = 0
    unrelated: int = 0
    """Events of types that rating does not look at."""
    quarantined: int = 0
    gaps: int = 0
    """Gaps that were opened, less those that were closed."""
    corrections: int = 0
    """Entries that correct what was settled."""
    unrated: list[Unrated] = field(default_factory=list)
    published: int = 0
    """Changes that the audience was told of."""
    unpublished: int = 0
    """Changes of which that is not known: what holds is told with the machine's next event."""
    rated_at: int = 0
    """When all was stored, before anybody was told: epoch milliseconds."""


class _Turn(NamedTuple):
    """A machine at which somebody plays or played just now, before and after a stored change."""

    asset: Asset
    history: History
    place: Place
    before: Sitting
    after: Sitting

    def unread(self) -> list[Sitting]:
        """The sittings of which it has to be read what they came to."""
        return [sitting for sitting in (self.before, self.after) if sitting.is_unread()]


def _read(sitting: Sitting, theoretical_win: int | None) -> Sitting:
    """The sitting, with what it came to where that was read."""
    if theoretical_win is None:
        return sitting
    return sitting._replace(theoretical_win=theoretical_win)


def _traced(change: PlayerChanged, requests: Mapping[Asset, bytes]) -> PlayerChanged:
    """The change, with the post that brought the newest of its machine's events."""
    request = requests[Asset(change.property_id, change.asset_id)]
    return replace(change, correlation_id=readable(request)) if request else change


class RatePlayers:
    """Applies batches of events to the machines' histories, which it keeps between calls."""

    def __init__(
        self,
        ratings: Ratings,
        house_of: Callable[[str], House],
        pause: Callable[[int], None],
        now: Callable[[], int],
        max_cached_pages: int = MAX_CACHED_PAGES,
        *,
        audience: Audience | None = None,
    ) -> None:
        """
        Args:
            ratings: where they are kept.
            house_of: the rules of a property.
            pause: waits before the n-th try after a conflict.
            now: the moment, in epoch milliseconds, that corrections are dated by, and what is not
                told of that is long past.
            max_cached_pages: how much is kept between calls.
            audience: who is told what changed about players; None for nobody.
        """
        self._ratings = ratings
        self._house_of = house_of
        self._pause = pause
        self._now = now
        self._max_cached_pages = max_cached_pages
        self._audience = audience
        self._histories: OrderedDict[Asset, History] = OrderedDict()

    def __call__(self, batches: Iterable[SlotBatch]) -> Outcome:
        """Rate these batches, and publish what changed by what is stored.

        Raises:
            ContendedError: other writers kept winning; come again.
            Exception: whatever the stores raise. All that is stored by then stays; when the batch
                comes again it is known, and what it changed about sessions that are still in
                progress is published once more. An audience that cannot be told is no such thing:
                ratings wait for nobody's offers.
        """
        outcome = Outcome()
        changes: list[PlayerChanged] = []
        waiting: dict[Asset, list[SlotEvent]] = {}
        requests: dict[Asset, bytes] = {}
        for header, events, others in batches:
            outcome.received += len(events) + others
            outcome.unrelated += others
            if events:
                asset = Asset(header.property_id, header.asset_id)
                waiting.setdefault(asset, []).extend(events)
                requests[asset] = header.request
        conflicts = 0
        page_by_page: set[Asset] = set()
        while waiting:
            try:
                conflicting = self._apply(waiting, outcome, page_by_page, changes)
            except UnstorableChange as fault:
                self._histories.clear()
                if fault.asset in page_by_page:
                    self._set_aside(fault.asset, "unstorable", fault, waiting, outcome)
                page_by_page.add(fault.asset)
                continue
            except BaseException:
                self._histories.clear()  # what was written is not known
                raise
            conflicts = conflicts + 1 if conflicting else 0
            if conflicts > MAX_CONFLICTS:
                raise ContendedError(conflicting)
            if conflicts:
                self._pause(conflicts)
            self._trim()
        outcome.rated_at = self._now()
        if self._publish([_traced(change, requests) for change in changes]):
            outcome.published = len(changes)
        else:
            outcome.unpublished = len(changes)
        return outcome

    def _apply(
        self,
        waiting: dict[Asset, list[SlotEvent]],
        outcome: Outcome,
        page_by_page: Collection[Asset],
        changes_of_players: list[PlayerChanged],
    ) -> list[Asset]:
        """One round: what is stored leaves `waiting`. Returns the machines that conflicted."""
        results: dict[Asset, Applied] = {}
        changes: list[AssetChange] = []
        for asset in self._load(waiting, outcome):
            history = self._histories[asset]
            events = waiting[asset]
            if not events and not history.is_stale:
                del waiting[asset]
                continue
            house = self._house_of(asset.property_id)
            pages = 1 if asset in page_by_page else MAX_PAGES_A_CHANGE
            try:
                result = apply(asset.asset_id, history, events, house, pages)
            except (TransientError, MemoryError):
                raise
            except Exception as fault:  # noqa: BLE001 - whatever poison or a bug raises
                del self._histories[asset]
                self._check_rules(fault)
                self._set_aside(asset, "unratable", fault, waiting, outcome)
                continue
            results[asset] = result
            if result.change is not None:
                changes.append(AssetChange(asset, self._complete(asset, result.change)))
        conflicting = self._ratings.commit(changes)
        for asset in conflicting:
            del self._histories[asset], results[asset]
        turns: list[_Turn] = []
        for asset, result in results.items():
            self._count(asset, result, outcome)
            history = self._histories[asset]
            if result.change is not None:
                history.commit(result.change)
            turn = self._turn(asset, history, result.change)
            if turn is not None:
                turns.append(turn)
            if result.left or history.is_stale:
                waiting[asset] = result.left
            else:
                del waiting[asset]
        if turns and self._audience is not None:
            changes_of_players += self._changes_of(turns, self._audience)
        return conflicting

    # What is told.

    def _turn(self, asset: Asset, history: History, change: Change | None) -> _Turn | None:
        """Who plays at the machine since what was stored; None where there is nothing to tell."""
        head, known = history.head, history.sitting
        if self._audience is None or head is None or (known is not None and change is None):
            return None
        before, after = sittings(known, change, head)
        history.sitting = after
        if before is after and after.is_told(self._audience.worth_step):
            return None
        newest = head.page.events[-1].occurred_at
        if not is_of_now(newest, self._now()):
            return None
        day = self._house_of(asset.property_id).day_of(newest)
        return _Turn(asset, history, Place(*asset, newest, day), before, after)

    def _changes_of(self, turns: Sequence[_Turn], audience: Audience) -> list[PlayerChanged]:
        """What is to be told of these machines; their histories know it from now on."""
        wins = self._wins(turns)
        found: list[PlayerChanged] = []
        for asset, history, place, before, after in turns:
            goes_on = before is after
            before = _read(before, wins.get((asset, before)))
            after = before if goes_on else _read(after, wins.get((asset, after)))
            changes, sitting = session_changes(before, after, place, audience.worth_step)
            if changes and changes[-1].kind is ChangeKind.WORTH_CROSSED:
                promoted = self._promoted(changes[-1], audience)
                if promoted is not None and promoted.tier != sitting.tier:
                    changes.append(promoted)
                    sitting = sitting._replace(tier=promoted.tier)
            history.sitting = sitting
            found += changes
        return found

    def _wins(self, turns: Sequence[_Turn]) -> dict[tuple[Asset, Sitting], int]:
        """What sittings came to, of those that it has to be read of."""
        wanted = {
            (turn.asset, sitting): session_days(
                sitting, turn.place.occurred_at, self._house_of(turn.asset.property_id).day_of
            )
            for turn in turns
            for sitting in turn.unread()
        }
        if not wanted:
            return {}
        stored = self._ratings.session_wins(
            [(asset, day) for (asset, _), days in wanted.items() for day in days]
        )
        return {
            (asset, sitting): sum(stored.get((asset, day), 0) for day in days)
            for (asset, sitting), days in wanted.items()
        }

    def _promoted(self, crossed: PlayerChanged, audience: Audience) -> PlayerChanged | None:
        """That a player's newest tier was reached today, where it was."""
        property_id, player_id, today = crossed.property_id, crossed.player_id, crossed.gaming_day
        standing = profile(
            self._ratings.player_sessions(property_id, player_id, MAX_SESSION_DAYS, as_now=True),
            audience.rules_of(property_id),
            today,
            self._ratings.table_days(property_id, player_id, MAX_TABLE_DAYS),
        ).standing
        newest = None if standing is None else standing.history[-1]
        if newest is None or (newest.move, newest.day) != (Move.PROMOTED, today):
            return None
        return replace(crossed, kind=ChangeKind.TIER_REACHED, worth_step=None, tier=newest.after)

    def _publish(self, changes: Sequence[PlayerChanged]) -> bool:
        """Tell the audience. Machines that it may not have been told of are forgotten: whoever
        reads them again tells what holds by then.
        """
        if self._audience is None or not changes:
            return True
        try:
            self._audience.changes.publish(changes)
        except TransientError:
            for change in changes:
                self._histories.pop(Asset(change.property_id, change.asset_id), None)
            return False
        except BaseException:
            self._histories.clear()  # what was told is not known
            raise
        return True

    # What is known.

    def _load(self, waiting: dict[Asset, list[SlotEvent]], outcome: Outcome) -> list[Asset]:
        """Read what these machines' events need, for as many machines as memory is for."""
        unknown = [asset for asset in waiting if asset not in self._histories]
        if unknown:
            heads = self._ratings.heads(unknown)
            for asset in unknown:
                self._histories[asset] = History(heads.get(asset))
        loaded: list[Asset] = []
        late_pages = 0
        for asset, events in waiting.items():
            since = self._histories[asset].missing_from(events)
            if since is not None:
                if late_pages > self._max_cached_pages:
                    continue  # in the next round
                history = self._histories[asset] = self._ratings.history(asset, since)
                late_pages += len(history.pages)
                waiting[asset] = self._in_reach(asset, history, events, outcome)
            self._histories.move_to_end(asset)
            loaded.append(asset)
        return loaded

    @staticmethod
    def _in_reach(
        asset: Asset, history: History, events: list[SlotEvent], outcome: Outcome
    ) -> list[SlotEvent]:
        """The machine's events that its history reaches back to; the others are set aside."""
        late = [event for event in events if page_of(event.occurred_at) < history.run_start]
        if late:
            outcome.quarantined += len(late)
            detail = "the machine has more than a month of play since"
            outcome.unrated.append(Unrated(asset, "too_late", detail, late))
        return [event for event in events if page_of(event.occurred_at) >= history.run_start]

    def _complete(self, asset: Asset, change: Change) -> Change:
        if change.corrections:
            change.made_at = self._now()
        shrinking = [session.key for session in change.sessions if session.shrinks]
        if not shrinking and not change.earlier_days:
            return change
        return complete(
            change,
            self._ratings.machine_days(asset, change.earlier_days) if change.earlier_days else {},
            self._ratings.session_tallies(asset, shrinking) if shrinking else {},
        )

    @staticmethod
    def _count(asset: Asset, result: Applied, outcome: Outcome) -> None:
        outcome.rated += result.fresh
        outcome.duplicate += result.duplicate
        outcome.gaps += result.gaps
        if result.change is not None:
            outcome.corrections += len(result.change.corrections)
        if result.reused:
            outcome.quarantined += len(result.reused)
            detail = "the id is known with another content; the first one stands"
            outcome.unrated.append(Unrated(asset, "id_reuse", detail, result.reused))

    @staticmethod
    def _check_rules(fault: Exception) -> None:
        """Before events are blamed for a fault, rate a game whose rating is known."""
        try:
            result = apply("known", History(None), KNOWN_GAME, House(lambda _: "known"))
            rated = None if result.change is None else result.change.head.today.tally
        except Exception:  # noqa: BLE001 - as above
            rated = None
        if rated != KNOWN_RATING:
            raise BrokenReleaseError("the rules cannot rate a known game") from fault

    @staticmethod
    def _set_aside(
        asset: Asset,
        reason: str,
        fault: Exception,
        waiting: dict[Asset, list[SlotEvent]],
        outcome: Outcome,
    ) -> None:
        events = waiting.pop(asset)
        outcome.quarantined += len(events)
        outcome.unrated.append(Unrated(asset, reason, f"{type(fault).__name__}: {fault}", events))

    def _trim(self) -> None:
        pages = sum(len(history.pages) for history in self._histories.values())
        while pages > self._max_cached_pages and len(self._histories) > 1:
            _, history = self._histories.popitem(last=False)
            pages -= len(history.pages)
