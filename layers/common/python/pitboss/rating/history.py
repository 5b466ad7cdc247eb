"""A machine's history in pages, and what new events change in it.

The events that rating looks at are kept in pages of five minutes of device time: a page is the
*set* of its events, sorted, with the `Carry` of the page before. It is ledger, duplicate filter and
undo log in one:

    * an event that is in its page already changes nothing, however late it comes again;
    * an event that comes late goes into its place, its page is rated anew, and the pages after it
      as far as the carry between them changed (a paytable, a session, an unfinished game);
    * what was rated differently before is posted as the difference, new less old.

So the stored state is a function of the set of events alone: neither their order nor how they were
batched, repeated or interrupted can be seen in it. The `Head` (the newest page and the machine's
totals of the day) is the lock: whoever changes anything of a machine must replace the head it has
read, which `applied`, a fingerprint of all events ever applied, identifies.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from hashlib import blake2b
from operator import attrgetter
from typing import Self

import msgspec
from msgspec import Struct

from pitboss.events.slot import SlotEvent
from pitboss.rating.changes import Sitting
from pitboss.rating.fold import (
    NOBODY,
    Bounds,
    Carry,
    Fold,
    House,
    Note,
    Seat,
    SessionDay,
    Tally,
)

PAGE_MS = 300_000
"""Device time a page covers: five minutes, the disorder that is usual."""

MAX_PAGES_A_CHANGE = 40
"""Pages one change rewrites at most, so that it fits a transaction of 100 items."""

FULL_CHANGE_ITEMS = 50
"""A change that already writes so many items takes no further page: one page may bring as many."""

SETTLED_MS = 600_000
"""A page that starts so much device time before the machine's newest is settled: disorder of ten
minutes is usual, and what changes later than that is a correction."""

MAX_CAUSES = 5
"""Late events that a correction names; it counts them all."""

MAX_CHANGE_ITEMS = 90
"""A change of more items has fewer corrections: a transaction takes 100."""

FULL_CHANGE_EVENTS = 20_000
"""A change whose pages have so many events takes no further one: a transaction has room for some
megabytes."""

MAX_HISTORY_PAGES = 8_640
"""Stored pages that a late event may reach back over: 30 days of play without a pause. An event
before them is not rated, because what it would change can no longer be held in memory."""

_FINGERPRINT_MODULUS = 2**64

type Unpack = Callable[[], tuple[Carry, list[SlotEvent]]]


def page_of(occurred_at: int) -> int:
    """Start of the page a moment belongs to, epoch milliseconds."""
    return occurred_at - occurred_at % PAGE_MS


def fingerprint(event_ids: Iterable[str]) -> int:
    """A 64-bit sum over event ids that does not depend on their order."""
    total = 0
    for event_id in event_ids:
        total += int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest())
    return total


_order: Callable[[SlotEvent], tuple[int, int, str]] = attrgetter(
    "occurred_at", "sequence", "event_id"
)


class Page:
    """Five minutes of one machine: its events in order and what came before them.

    A page that was only loaded to be passed by is never unpacked: `Page.packed`.
    """

    __slots__ = ("_carry", "_end", "_events", "_ids", "_marks", "_unpack", "start")

    def __init__(
        self, start: int, carry: Carry, events: list[SlotEvent], end: Carry | None = None
    ) -> None:
        """`end` is what its events leave to carry on, where that is known already."""
        self.start = start
        self._carry = carry
        self._events = events
        self._end = end
        self._ids: dict[str, SlotEvent] | None = None
        self._marks: list[tuple[int, Carry]] = []
        """Places in the page, by the number of events before them, and the carry there."""
        self._unpack: Unpack | None = None

    @classmethod
    def packed(cls, start: int, unpack: "Unpack") -> Self:
        """A page whose carry and events `unpack` returns when they are asked for."""
        page = cls(start, Carry(), [])
        page._unpack = unpack
        return page

    def followed_by(self, events: list[SlotEvent], ids: dict[str, SlotEvent], end: Carry) -> "Page":
        """The page with later events, which leave `end`. It takes over what this one remembers.

        This page must be unpacked.
        """
        page = Page(self.start, self._carry, self._events + events, end)
        page._ids, self._ids = self.ids, None
        page._ids.update(ids)
        page._marks, self._marks = self._marks, []
        if self._end is not None:
            page._marks.append((len(self._events), self._end))
        return page

    def _unpacked(self) -> Self:
        if self._unpack is not None:
            self._carry, self._events = self._unpack()
            self._unpack = None
        return self

    @property
    def carry(self) -> Carry:
        """What came before the page."""
        return self._unpacked()._carry

    @property
    def events(self) -> list[SlotEvent]:
        """The page's events, sorted."""
        return self._unpacked()._events

    @property
    def ids(self) -> dict[str, SlotEvent]:
        """The page's events by id."""
        if self._ids is None:
            self._ids = {event.event_id: event for event in self.events}
        return self._ids

    def rated(self, house: House, notes: list[Note] | None = None) -> Fold:
        """The page, rated."""
        fold = self.rated_from(0, self.carry, house, notes)
        self._end = fold.carry
        return fold

    def rated_from(
        self, place: int, carry: Carry, house: House, notes: list[Note] | None = None
    ) -> Fold:
        """The page's events from a place on, rated; `carry` is what those before them leave."""
        fold = Fold(carry, house, notes)
        if place == 0:
            fold.open_page(self.start)
        for event in self.events[place:]:
            fold.feed(event)
        return fold

    def leaves(self, end: Carry, place: int, carry: Carry) -> None:
        """Remember what the page was just found to leave, and at a place in it."""
        self._end = end
        if place:
            self._marks = [(place, carry)]

    def carry_at(self, place: int, house: House) -> Carry:
        """What the page's first events, so many of them, leave to carry on."""
        while self._marks and self._marks[-1][0] > place:
            self._marks.pop()
        marked, carry = self._marks[-1] if self._marks else (0, self.carry)
        if marked == place:
            return carry
        fold = Fold(carry, house)
        if marked == 0:
            fold.open_page(self.start)
        for event in self.events[marked:place]:
            fold.feed(event)
        return fold.carry

    def end(self, house: House) -> Carry:
        """What its events leave to carry on."""
        return self.rated(house).carry if self._end is None else self._end


class MachineDay(Struct, gc=False):
    """A machine's totals of one gaming day. First and last play are absent where it had none.

    Play never leaves a machine, so first and last play only ever widen.
    """

    day: str
    tally: Tally
    first_play: int | None = None
    last_play: int | None = None

    def widen(self, bounds: Bounds) -> None:
        """Take in more play."""
        first, last = self.first_play, self.last_play
        self.first_play = bounds.first_play if first is None else min(first, bounds.first_play)
        self.last_play = bounds.last_play if last is None else max(last, bounds.last_play)

    def joined_by(self, other: "MachineDay | None") -> "MachineDay":
        """This day with another part of it."""
        joined = MachineDay(self.day, msgspec.structs.replace(self.tally))
        for part in (self, other):
            if part is not None and part.first_play is not None and part.last_play is not None:
                joined.widen(Bounds(part.first_play, part.last_play))
        if other is not None:
            joined.tally.add(other.tally)
        return joined


class Head(Struct, gc=False):
    """A machine's newest page, its totals of the newest gaming day, and the lock of it all."""

    page: Page
    today: MachineDay
    applied: int
    """Fingerprint of every event ever applied to this machine."""
    hold_basis_points: int | None = None
    """The hold in force after the newest event; None while the machine never reported one."""
    stale_from: int | None = None
    """Start of the first page that still has to be rated anew after a long correction."""
    seat: Seat = NOBODY
    """Who plays after the newest event, and whether the machine is locked up."""


class SessionDayChange(Struct, gc=False, frozen=True):
    """What changes in a session's totals of one gaming day."""

    key: SessionDay
    difference: Tally
    bounds: Bounds | None
    """New first and last play; None leaves them as they are."""
    shrinks: bool
    """Play was taken away from it. If that leaves it empty it never was: `complete` finds out, and
    in a completed change this says that it is to be deleted."""


class Correction(Struct, gc=False, frozen=True):
    """What late events changed in a session's settled totals of one gaming day.

    A session-day's totals are what was first posted and all its corrections.
    """

    key: SessionDay
    """Where a change corrects more than a transaction takes entries for, they are one for each
    player and gaming day, under the first session's."""
    difference: Tally
    page: int
    """The first page that its change rated anew, and with the head's `applied` what names it."""
    causes: tuple[str, ...]
    """Type and moment of the late events, the earliest `MAX_CAUSES` of them; empty where a long
    correction goes on."""
    late_events: int
    """How many there were."""


class Change(Struct, gc=False):
    """What one transaction must write for one machine, and the head it may replace."""

    asset_id: str
    before: Head | None
    head: Head
    sealed: list[Page]
    """Pages other than the head's that are new or different."""
    closed_day: MachineDay | None
    """The totals of the head's former gaming day, where it moved on to a later one."""
    earlier_days: dict[str, MachineDay]
    """Differences to days before the head's former one."""
    sessions: list[SessionDayChange]
    corrections: list[Correction]
    made_at: int = 0
    """Epoch milliseconds at which the change was made, which corrections state."""


class Applied(Struct, gc=False):
    """What became of the events of one `apply`."""

    change: Change | None = None
    left: list[SlotEvent] = msgspec.field(default_factory=list)
    """Events for a further call, once this change is stored."""
    fresh: int = 0
    duplicate: int = 0
    reused: list[SlotEvent] = msgspec.field(default_factory=list)
    """Events whose id is known with another content: the first one stands."""
    gaps: int = 0
    """Gaps that these events opened, less those that they closed."""


class History:
    """What is known of one machine: its head and all stored pages from `run_start` up to it.

    `before_run` is the stored page before those. A machine never heard of has no head, and all
    there is to know of it is known. Events before `run_start` cannot be applied.
    """

    __slots__ = ("before_run", "head", "pages", "run_start", "sitting")

    def __init__(
        self,
        head: Head | None,
        pages: Iterable[Page] = (),
        run_start: int | None = None,
        before_run: Page | None = None,
    ) -> None:
        self.head = head
        self.pages: dict[int, Page] = {page.start: page for page in pages}
        self.before_run = before_run
        self.run_start: float = -math.inf
        if head is not None:
            self.pages[head.page.start] = head.page
            self.run_start = head.page.start if run_start is None else run_start
        self.sitting: Sitting | None = None
        """What was told of the player; None where the head is as it was read."""

    def missing_from(self, events: Iterable[SlotEvent]) -> int | None:
        """The page start from which pages must be loaded before these events can be applied.

        None where enough is known. A stored page says what came before it; a page that is to be
        made between stored ones needs the one before.
        """
        first = min([event.occurred_at for event in events], default=self.run_start)
        if self.head is not None and self.head.stale_from is not None:
            first = min(first, self.head.stale_from - PAGE_MS)  # it needs the page before it
        return page_of(int(first)) if first < self.run_start else None

    @property
    def is_stale(self) -> bool:
        """Whether a long correction has to be gone on with."""
        return self.head is not None and self.head.stale_from is not None

    def commit(self, change: Change) -> None:
        """Take over a change that is stored."""
        for page in (*change.sealed, change.head.page):
            self.pages[page.start] = page
        self.head = change.head


def apply(
    asset_id: str,
    history: History,
    events: Sequence[SlotEvent],
    house: House,
    max_pages: int = MAX_PAGES_A_CHANGE,
) -> Applied:
    """What these events change; nothing is changed here. `History.commit` the change once stored.

    A correction that reaches through more than `max_pages`, or changes more sessions than a
    transaction takes, is made in several changes: the head remembers where to go on, and until that
    is done only the correction goes on.
    """
    appended = _append(asset_id, history, events, house)
    if appended is not None:
        return appended
    stale_from = history.head.stale_from if history.head is not None else None
    if stale_from is not None:
        result = Applied(left=list(events))
        fresh: dict[int, list[SlotEvent]] = {}
    else:
        result = Applied()
        fresh = _fresh_by_page(history, events, result)
        if not fresh:
            return result
    first = stale_from if stale_from is not None else min(fresh)
    work = _Work(history, house)
    carry: Carry | None = None  # what a page must be rated with, if not with what is stored
    next_stale: int | None = None
    previous, starts = _pages_from(history, first, fresh)
    for start in starts:
        page = history.pages.get(start)
        if carry is not None and page is not None and start != stale_from and page.carry == carry:
            work.settle(carry)
            carry = None
        arrived = fresh.get(start)
        if carry is None and arrived is None and start != stale_from:
            previous = page
            continue
        if work.is_full(max_pages):
            if carry is not None:
                next_stale = min((s for s in history.pages if s >= start), default=None)
            if carry is not None and next_stale is not None:
                work.interrupt(carry)
            result.left += [event for s in fresh if s >= start for event in fresh[s]]
            break
        if carry is None:
            stored = page is not None and start != stale_from
            if page is not None and stored:
                carry = page.carry
            else:
                carry = Carry() if previous is None else previous.end(house)
            if start == stale_from:
                work.resume(carry)
        previous = work.rate(start, page, carry, arrived or [])
        carry = previous.end(house)
        result.fresh += len(arrived or ())
    result.change = work.change(asset_id, next_stale)
    result.gaps = work.gaps
    return result


def _append(
    asset_id: str, history: History, events: Sequence[SlotEvent], house: House
) -> Applied | None:
    """`apply` where the events do no more than continue the newest page and its gaming day.

    That is what nearly every batch does, and a third of the work. None where it is not so.
    """
    head = history.head
    if head is None or head.stale_from is not None:
        return None
    page = head.page
    start, end, ids = page.start, page.start + PAGE_MS, page.ids
    fresh: dict[str, SlotEvent] = {}
    before, in_order = start - 1, True
    for event in events:
        moment, event_id = event.occurred_at, event.event_id
        if not start <= moment < end:
            return None
        if event_id not in ids and event_id not in fresh:
            fresh[event_id] = event
            in_order = in_order and before < moment
            before = moment
        elif (ids.get(event_id) or fresh[event_id]) != event:
            return None
    applied = Applied(None, [], len(fresh), len(events) - len(fresh))
    if not fresh:
        return applied
    arrived = list(fresh.values())
    if not in_order:
        arrived.sort(key=_order)
    if _order(arrived[0]) < _order(page.events[-1]):
        return None
    fold = Fold(page.end(house), house)
    for event in arrived:
        fold.feed(event)
    today = copy(head.today)
    day, today.tally = today.day, copy(today.tally)
    tallies, sessions = fold.tallies, fold.sessions
    for key, difference in tallies.items():
        if key.day != day:
            return None
        today.tally.add(difference)
        applied.gaps += difference.gaps
    for played, bounds in fold.days.items():
        if played != day:
            return None
        today.widen(bounds)
    carry = fold.carry
    paytable = carry.paytable_in_force()
    applied.change = Change(
        asset_id,
        head,
        Head(
            page.followed_by(arrived, fresh, carry),
            today,
            (head.applied + fingerprint(fresh)) % _FINGERPRINT_MODULUS,
            None if paytable is None else paytable.hold_basis_points,
            None,
            carry.seat(),
        ),
        [],
        None,
        {},
        [
            SessionDayChange(key, tallies.get(key) or Tally(), sessions.get(key), False)
            for key in sorted(tallies.keys() | sessions, key=_by_key)
            if key.player_id is not None
        ],
        [],
    )
    return applied


def _pages_from(
    history: History, first: int, fresh: Iterable[int]
) -> tuple[Page | None, list[int]]:
    """The page before the first one, and the starts of all known and fresh pages from there."""
    head = history.head
    if head is not None and head.stale_from is None and first >= head.page.start:
        # As nearly always. The head's own page says what was before it.
        return head.page, sorted({head.page.start, *fresh})
    before = max((start for start in history.pages if start < first), default=None)
    starts = sorted(start for start in history.pages.keys() | fresh if start >= first)
    return history.before_run if before is None else history.pages[before], starts


def _fresh_by_page(
    history: History, events: Iterable[SlotEvent], result: Applied
) -> dict[int, list[SlotEvent]]:
    """The events not known yet by page, each page's in order; the others are counted."""
    fresh: dict[int, dict[str, SlotEvent]] = {}
    for event in events:
        start = page_of(event.occurred_at)
        page = history.pages.get(start)
        arrived = fresh.setdefault(start, {})
        known = arrived.get(event.event_id)
        if known is None and page is not None:
            known = page.ids.get(event.event_id)
        if known is None:
            arrived[event.event_id] = event
        elif known == event:
            result.duplicate += 1
        else:
            result.reused.append(event)
    return {
        start: sorted(arrived.values(), key=_order) for start, arrived in fresh.items() if arrived
    }


def _sessions_of(carry: Carry) -> dict[SessionDay, Bounds]:
    """The sessions that may have more play after this point, with the play they had: the one in
    progress and that of the game in progress, which may be over.
    """
    found: dict[SessionDay, Bounds] = {}
    for part in (carry.open_game, carry.session):
        key = None if part is None else part.session_day()
        if part is not None and key is not None:
            found[key] = Bounds(part.first_play, part.last_play)
    return found


class _Work:
    """The pages rated anew in one `apply`, and the differences they make."""

    def __init__(self, history: History, house: House) -> None:
        self._history = history
        self._house = house
        head = history.head
        self._settled_before = -math.inf if head is None else head.page.start - SETTLED_MS
        self._applied: list[str] = []
        self.pages: list[Page] = []
        self._differences: dict[SessionDay, Tally] = {}
        self._corrected: dict[SessionDay, Tally] = {}
        """The part of the differences that settled pages make."""
        self._late: list[SlotEvent] = []
        """The events that arrived in settled pages."""
        self._bounds: dict[SessionDay, Bounds] = {}
        self._entered: dict[SessionDay, Bounds] = {}
        """Sessions in progress where rating began, and their bounds there."""
        self._shortened: set[SessionDay] = set()
        """Sessions that lost the play they had in a page."""
        self._shrinks: set[SessionDay] = set()
        self._days: dict[str, MachineDay] = {}

    def rate(self, start: int, page: Page | None, carry: Carry, arrived: list[SlotEvent]) -> Page:
        """Rate a page with these events added and this carry; note what differs from before."""
        self._applied += [event.event_id for event in arrived]
        is_settled = start < self._settled_before
        if is_settled:
            self._late += arrived
        if page is None:
            self._enter(carry)
            rated = Page(start, carry, arrived)
            difference = rated.rated(self._house)
        elif (
            arrived
            and (carry is page.carry or carry == page.carry)
            and _order(arrived[0]) > _order(page.events[-1])
        ):
            before = page.end(self._house)
            self._enter(before)
            difference = Fold(before, self._house)
            for event in arrived:
                difference.feed(event)
            rated = page.followed_by(
                arrived, {event.event_id: event for event in arrived}, difference.carry
            )
        else:
            # What comes before the first late event stays as it is, unless the carry is another.
            place, before, after = 0, page.carry, carry
            if arrived and carry == page.carry:
                place = bisect_left(page.events, _order(arrived[0]), key=_order)
                before = after = page.carry_at(place, self._house)
            self._enter(after)
            rated = Page(start, carry, sorted(page.events + arrived, key=_order))
            difference = rated.rated_from(place, after, self._house)
            rated.leaves(difference.carry, place, after)
            taken_back = page.rated_from(place, before, self._house)
            self._take_back(taken_back, difference, is_settled=is_settled)
        self._add(difference.tallies, 1, is_settled=is_settled)
        self._bounds.update(difference.sessions)
        for day, bounds in difference.days.items():
            self._day(day).widen(bounds)
        self.pages.append(rated)
        return rated

    def _add(self, tallies: dict[SessionDay, Tally], sign: int, *, is_settled: bool) -> None:
        for key, tally in tallies.items():
            self._differences.setdefault(key, Tally()).add(tally, sign)
            if is_settled:
                self._corrected.setdefault(key, Tally()).add(tally, sign)

    def _enter(self, carry: Carry) -> None:
        self._entered.update(_sessions_of(carry))

    def _take_back(self, before: Fold, after: Fold, *, is_settled: bool) -> None:
        self._add(before.tallies, -1, is_settled=is_settled)
        self._shortened |= before.sessions.keys() - after.sessions.keys()
        for key in before.tallies.keys() | before.sessions.keys():
            if key not in after.tallies and key not in after.sessions:
                self._shrinks.add(key)

    def is_full(self, max_pages: int) -> bool:
        """Whether a further page might be more than a transaction takes."""
        if not self.pages:
            return False
        return (
            len(self.pages) >= max_pages
            or self._items() >= FULL_CHANGE_ITEMS
            or sum(len(page.events) for page in self.pages) >= FULL_CHANGE_EVENTS
        )

    def _items(self) -> int:
        """How many items there are to write so far: pages, days, sessions and corrections."""
        sessions = self._differences.keys() | self._bounds.keys() | self._entered.keys()
        carded = sum(key.player_id is not None for key in sessions)
        days = self._days.keys() | {key.day for key in self._differences}
        return len(self.pages) + len(days) + carded + len(self._corrected)

    def settle(self, carry: Carry) -> None:
        """The pages from here on stay as they are; so do the bounds of a session they continue."""
        for key in _sessions_of(carry):
            self._bounds.pop(key, None)
            self._entered.pop(key, None)

    def interrupt(self, carry: Carry) -> None:
        """The pages from here on are rated anew by another change, which will `resume`.

        Which sessions lose play there is not known yet, so that all that are over by now get the
        bounds they have; those of the session in progress are left to that change.
        """
        self._shortened |= self._entered.keys()
        self.settle(carry)

    def resume(self, carry: Carry) -> None:
        """Go on with what was interrupted at this carry."""
        self._enter(carry)
        self._shortened |= self._entered.keys()

    def _day(self, day: str) -> MachineDay:
        return self._days.setdefault(day, MachineDay(day, Tally()))

    def change(self, asset_id: str, next_stale: int | None) -> Change | None:
        """All of it as one change, or None where nothing differs."""
        before = self._history.head
        if not self.pages:
            return None
        for key, tally in self._differences.items():
            self._day(key.day).tally.add(tally)
        page = self.pages[-1]  # they are in order
        if before is not None and before.page.start > page.start:
            page = before.page
        sealed = [p for p in self.pages if p.start != page.start]
        if before is not None and all(p.start != before.page.start for p in (*sealed, page)):
            sealed.append(before.page)
        today, closed_day, earlier_days = self._split_days(before, page)
        end = page.end(self._house)
        paytable = end.paytable_in_force()
        applied = (before.applied if before else 0) + fingerprint(self._applied)
        return Change(
            asset_id=asset_id,
            before=before,
            head=Head(
                page,
                today,
                applied % _FINGERPRINT_MODULUS,
                None if paytable is None else paytable.hold_basis_points,
                next_stale,
                end.seat(),
            ),
            sealed=sealed,
            closed_day=closed_day,
            earlier_days=earlier_days,
            sessions=self._session_changes(),
            corrections=self._corrections(),
        )

    def _split_days(
        self, before: Head | None, page: Page
    ) -> tuple[MachineDay, MachineDay | None, dict[str, MachineDay]]:
        days = {
            day: entry
            for day, entry in self._days.items()
            if entry.tally or entry.first_play is not None
        }
        if before is None or before.today.first_play is None:  # the machine was not played yet
            newest = max(days, default=self._house.day_of(page.start))
            return days.pop(newest, MachineDay(newest, Tally())), None, days
        former = before.today.joined_by(days.pop(before.today.day, None))
        newest = max(days, default="")
        if newest > former.day:
            return days.pop(newest), former, days
        return former, None, days

    def _session_changes(self) -> list[SessionDayChange]:
        for key in self._shortened & self._entered.keys():
            self._bounds.setdefault(key, self._entered[key])
        keys = {
            key
            for key in self._differences.keys() | self._bounds.keys() | self._shrinks
            if key.player_id is not None
        }
        changes = [
            SessionDayChange(
                key,
                self._differences.get(key, Tally()),
                self._bounds.get(key),
                key in self._shrinks and key not in self._bounds,
            )
            for key in sorted(keys)
        ]
        return [c for c in changes if c.difference or c.bounds or c.shrinks]

    @property
    def gaps(self) -> int:
        """Gaps that were opened, less those that were closed."""
        return sum(tally.gaps for tally in self._differences.values())

    def _corrections(self) -> list[Correction]:
        first = self.pages[0].start
        causes = tuple(f"{_type_of(e)} at {e.occurred_at}" for e in self._late[:MAX_CAUSES])
        corrected = {key: self._corrected[key] for key in sorted(self._corrected, key=_by_key)}
        if self._items() > MAX_CHANGE_ITEMS:
            corrected = _by_player(corrected)
        return [
            Correction(key, difference, first, causes, len(self._late))
            for key, difference in corrected.items()
            if difference
        ]


def _by_player(corrected: dict[SessionDay, Tally]) -> dict[SessionDay, Tally]:
    """Differences by player and gaming day, each under its first session."""
    first: dict[tuple[str, str | None], SessionDay] = {}
    joined: dict[SessionDay, Tally] = {}
    for key, difference in corrected.items():
        joined.setdefault(first.setdefault((key.day, key.player_id), key), Tally()).add(difference)
    return joined


def _type_of(event: SlotEvent) -> str:
    return str(event.data.__struct_config__.tag)


def _by_key(key: SessionDay) -> tuple[str, str, int]:
    return key.day, key.player_id or "", key.started_at


def complete(
    change: Change,
    earlier_days: Mapping[str, MachineDay],
    shrunken: Mapping[SessionDay, Tally],
) -> Change:
    """A change with the totals it needs of what is stored, ready to be written.

    Args:
        change: as `apply` made it.
        earlier_days: the stored totals of its earlier days, where there are any.
        shrunken: the stored totals of its sessions that shrink.
    """
    change.earlier_days = {
        day: difference if day not in earlier_days else earlier_days[day].joined_by(difference)
        for day, difference in change.earlier_days.items()
    }
    sessions = []
    for session in change.sessions:
        if session.shrinks:
            left = msgspec.structs.replace(shrunken.get(session.key, Tally()))
            left.add(session.difference)
            session = msgspec.structs.replace(session, shrinks=not left)
        sessions.append(session)
    change.sessions = sessions
    return change
