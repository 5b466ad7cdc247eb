"""The stored state is a function of the set of events: no order, split or repetition shows in it.

The property tests deliver random play in random ways to a model of the store and compare what is
stored with one delivery in order, and with an oracle that knows nothing of folds and pages.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count, pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.events.slot import (
    METER_MODULUS,
    CardInserted,
    CardRemoved,
    GameEnded,
    GameStarted,
    MetersReset,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating.fold import Bounds, Carry, SessionDay, Tally
from pitboss.rating.history import (
    PAGE_MS,
    Change,
    Head,
    History,
    MachineDay,
    Page,
    apply,
    complete,
    fingerprint,
    page_of,
)

START = 1_767_225_600_000
HOUR = 3_600_000
BOUNDLESS = 1_000_000
"""As many pages a change as there may be."""


def day_of(moment: int) -> str:
    """A gaming day of one hour, whose start does not fall on that of a page."""
    return f"day-{(moment - START + 100_000) // HOUR:02d}"


def event(
    moment: int, data: SlotData, player: str | None = None, sequence: int = 0, name: str = ""
) -> SlotEvent:
    return SlotEvent(name or f"{moment}-{sequence}", moment, sequence, player, data)


# --- a store -------------------------------------------------------------------------------------

encode = msgspec.msgpack.encode


class StoredPage(msgspec.Struct, frozen=True):
    carry: bytes
    events: bytes

    @classmethod
    def of(cls, page: Page) -> "StoredPage":
        return cls(encode(page.carry), encode(page.events))

    def page(self, start: int) -> Page:
        return Page(
            start,
            msgspec.msgpack.decode(self.carry, type=Carry),
            msgspec.msgpack.decode(self.events, type=list[SlotEvent]),
        )


class StoredSession(msgspec.Struct):
    tally: Tally
    bounds: Bounds | None


class Store:
    """What the table holds of one machine; pages as bytes, so that nothing in memory survives."""

    def __init__(self) -> None:
        self.head: tuple[int, StoredPage, MachineDay, int, int | None, int | None] | None = None
        self.pages: dict[int, StoredPage] = {}
        self.days: dict[str, MachineDay] = {}
        self.sessions: dict[SessionDay, StoredSession] = {}
        self.writes = 0

    def load(self, since: int | None = None) -> History:
        """The head alone, or with all pages from `since` on and the one before."""
        if self.head is None:
            return History(None)
        start, stored, today, applied, hold, stale_from = self.head
        head = Head(stored.page(start), msgspec.convert(msgspec.to_builtins(today), MachineDay),
                    applied, hold, stale_from)
        if since is None:
            return History(head)
        pages = [page.page(s) for s, page in sorted(self.pages.items()) if s >= since]
        before = max((s for s in self.pages if s < since), default=None)
        return History(
            head, pages, since, None if before is None else self.pages[before].page(before)
        )

    def write(self, change: Change) -> None:
        """One transaction."""
        complete(
            change,
            {day: self.days[day] for day in change.earlier_days if day in self.days},
            {
                session.key: self.sessions[session.key].tally
                for session in change.sessions
                if session.shrinks and session.key in self.sessions
            },
        )
        before = change.before
        assert (before is None) == (self.head is None)
        if before is not None and self.head is not None:
            assert (before.applied, before.stale_from) == (self.head[3], self.head[5])
        head = change.head
        self.head = (head.page.start, StoredPage.of(head.page), head.today, head.applied,
                     head.hold_basis_points, head.stale_from)
        for page in change.sealed:
            self.pages[page.start] = StoredPage.of(page)
        if change.closed_day is not None:
            self.days[change.closed_day.day] = change.closed_day
        self.days.update(change.earlier_days)
        for session in change.sessions:
            if session.shrinks:
                self.sessions.pop(session.key, None)
                continue
            item = self.sessions.setdefault(session.key, StoredSession(Tally(), None))
            item.tally.add(session.difference)
            if session.bounds is not None:
                item.bounds = session.bounds
        self.writes += 1

    def all_days(self) -> dict[str, MachineDay]:
        assert self.head is not None
        today = self.head[2]
        assert today.day not in self.days
        return self.days | {today.day: today}

    def all_pages(self) -> list[Page]:
        assert self.head is not None
        stored = self.pages | {self.head[0]: self.head[1]}
        return [page.page(start) for start, page in sorted(stored.items())]


def deliver(
    store: Store,
    events: Sequence[SlotEvent],
    history: History | None = None,
    max_pages: int = BOUNDLESS,
    forgetful: bool = False,
) -> History:
    """Apply and store until nothing is left to do, as the function does it."""
    history = store.load() if history is None else history
    left = list(events)
    for calls in count():
        assert calls <= 10 * (len(events) + len(store.pages) + 2), "no end in sight"
        correcting = history.head is not None and history.head.stale_from is not None
        if not left and not correcting:
            return history
        since = history.missing_from(left)
        if since is not None:
            history = store.load(since)
            assert history.missing_from(left) is None
        if forgetful:  # a crash before the write: what was computed is lost, nothing else
            apply("7", history, left, day_of, max_pages)
        applied = apply("7", history, left, day_of, max_pages)
        assert not applied.reused
        assert applied.fresh + applied.duplicate + len(applied.left) == len(left)
        left = applied.left
        if applied.change is None:
            assert not left
            return history
        assert len(applied.change.sealed) <= max_pages + 1
        store.write(applied.change)
        history.commit(applied.change)
    raise AssertionError


def state(store: Store) -> object:
    """All that is stored, sealed pages apart from the head's, in an order of its own."""
    return msgspec.json.encode(
        [
            msgspec.to_builtins(store.head),
            sorted((start, page.carry, page.events) for start, page in store.pages.items()),
            sorted((day, msgspec.to_builtins(entry)) for day, entry in store.days.items()),
            sorted(
                (tuple(key), msgspec.to_builtins(item)) for key, item in store.sessions.items()
            ),
        ],
    )


# --- the oracle ----------------------------------------------------------------------------------


class Oracle:
    """What the play is worth, from the whole list of events at once."""

    def __init__(self, events: Iterable[SlotEvent]) -> None:
        self.days: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.sessions: dict[tuple[str, str, int], dict[str, int]] = {}
        self.plays: dict[tuple[str, str, int], list[int]] = {}
        self.played: dict[str, list[int]] = defaultdict(list)
        self.events = sorted(events, key=lambda e: (e.occurred_at, e.sequence, e.event_id))
        self.paytables = [
            (i, 10_000 - e.data.base_basis_points, e.data.accounting_denomination_cents)
            for i, e in enumerate(self.events)
            if isinstance(e.data, PaytableReported)
        ]
        self.hold = self.paytables[-1][1] if self.paytables else None
        self.runs = self._sessions()
        self._games()
        self._meters()

    def _paytable(self, i: int) -> tuple[int, int] | None:
        """In force at the i-th event; before the first report, that one."""
        if not self.paytables:
            return None
        past = [p for p in self.paytables if p[0] < i]
        return (past[-1] if past else self.paytables[0])[1:]

    def _sessions(self) -> list[tuple[str, int, int] | None]:
        """At each event: whose session it is, when that began, and its number."""
        at: list[tuple[str, int, int] | None] = []
        now: tuple[str, int, int] | None = None
        for number, e in enumerate(self.events):
            if (isinstance(e.data, CardRemoved) and now and now[0] == e.player_id) or (isinstance(e.data, GameStarted) and e.player_id is None):
                now = None
            elif isinstance(e.data, CardInserted | GameStarted):
                assert e.player_id is not None
                if now is None or now[0] != e.player_id:
                    now = (e.player_id, e.occurred_at, number)
            at.append(now)
        return at

    def _games(self) -> None:
        halves = [
            (i, e)
            for i, e in enumerate(self.events)
            if isinstance(e.data, GameStarted | GameEnded)
        ]
        for (i, e), (_, after) in pairwise([*halves, (0, None)]):  # type: ignore[list-item]
            if isinstance(e.data, GameStarted):
                ended = after is not None and isinstance(after.data, GameEnded)
                self._play(i, e)
                if after is not None:
                    self._count(i, e, e.data, after.data if ended else None, not ended)
        for before, (i, e) in pairwise([None, *halves]):  # type: ignore[misc]
            alone = before is None or isinstance(before[1].data, GameEnded)
            if isinstance(e.data, GameEnded) and alone:
                self._play(i, e)
                self._count(i, e, None, e.data, True)
        for _, e in halves:
            self.played[day_of(e.occurred_at)].append(e.occurred_at)

    def _key(self, i: int, e: SlotEvent) -> tuple[str, str, int] | None:
        run = self.runs[i]
        if run is None or run[0] != e.player_id:
            return None
        return (day_of(e.occurred_at), run[0], run[1])

    def _play(self, i: int, e: SlotEvent) -> None:
        key = self._key(i, e)
        if key is not None:
            self.sessions.setdefault(key, defaultdict(int))
            self.plays.setdefault(key, []).append(e.occurred_at)

    def _add(self, i: int, e: SlotEvent, **amounts: int) -> None:
        key = self._key(i, e)
        for name, amount in amounts.items():
            self.days[day_of(e.occurred_at)][name] += amount
            if key is not None:
                self.sessions[key][name] += amount

    def _count(
        self, i: int, e: SlotEvent, start: GameStarted | None, end: object, incomplete: bool
    ) -> None:
        in_cents = (start.wager_cents or 0) if start else 0
        in_credits = (start.wager_credits or 0) if start else 0
        out_cents = (end.win_cents or 0) if isinstance(end, GameEnded) else 0
        out_credits = (end.win_credits or 0) if isinstance(end, GameEnded) else 0
        self._add(i, e, **{"incomplete_games" if incomplete else "games": 1})
        paytable = self._paytable(i)
        if paytable is None:
            self._add(i, e, coin_in_cents=in_cents, coin_out_cents=out_cents,
                      unrated_coin_in_cents=in_cents, unvalued_credits=in_credits + out_credits)
            return
        hold, denomination = paytable
        coin_in = in_cents + in_credits * denomination
        self._add(i, e, coin_in_cents=coin_in, theoretical_win=coin_in * hold,
                  coin_out_cents=out_cents + out_credits * denomination)

    def _meters(self) -> None:
        shown = [
            (i, e)
            for i, e in enumerate(self.events)
            if isinstance(e.data, MetersReset)
            or (isinstance(e.data, GameStarted) and e.data.coin_in_meter_credits is not None)
        ]
        for (_, before), (i, e) in pairwise(shown):
            known = [p for p in self.paytables if p[0] < i]
            if not isinstance(before.data, GameStarted) or not isinstance(e.data, GameStarted):
                continue
            if not known:
                continue
            first, last = before.data.coin_in_meter_credits, e.data.coin_in_meter_credits
            assert first is not None
            assert last is not None
            steps = [last - first + turn for turn in (-METER_MODULUS, 0, METER_MODULUS)]
            moved = next(s for s in steps if -METER_MODULUS // 2 < s <= METER_MODULUS // 2)
            denomination = known[-1][2]
            wager = e.data.wager_cents
            if wager is None:
                wager = (e.data.wager_credits or 0) * denomination
            self._add(i, e, meter_difference_cents=moved * denomination - wager)


def check_against_oracle(store: Store, events: Iterable[SlotEvent]) -> None:
    oracle = Oracle(events)
    days = store.all_days()
    for entry in days.values():
        expected = oracle.days.get(entry.day, {})
        for field in Tally.__struct_fields__:
            assert getattr(entry.tally, field) == expected.get(field, 0), (entry.day, field)
        played = oracle.played.get(entry.day)
        assert (entry.first_play, entry.last_play) == (
            (min(played), max(played)) if played else (None, None)
        )
    if oracle.played:
        assert days.keys() == oracle.played.keys()
    assert {tuple(key) for key in store.sessions} == oracle.sessions.keys()
    for key, item in store.sessions.items():
        name = (key.day, str(key.player_id), key.started_at)
        for field in Tally.__struct_fields__:
            assert getattr(item.tally, field) == oracle.sessions[name].get(field, 0), (key, field)
        assert item.bounds == (min(oracle.plays[name]), max(oracle.plays[name]))
    assert store.head is not None
    assert store.head[4] == oracle.hold
    assert store.head[3] == fingerprint(e.event_id for e in oracle.events) % 2**64


def check_carries(store: Store) -> None:
    pages = store.all_pages()
    assert pages[0].carry == Carry()
    for before, page in pairwise(pages):
        assert page.carry == before.outcome(day_of).carry
        assert page.start > before.start
    for page in pages:
        assert page.events
        assert all(page_of(e.occurred_at) == page.start for e in page.events)


# --- random play, delivered at random ------------------------------------------------------------

players = st.sampled_from([None, "A", "B"])
carded = st.sampled_from(["A", "B"])
amounts = st.sampled_from([0, 1, 25, 500])
meters = st.sampled_from([None, 0, 10, 35, 99_999_990, 60_000_000])
facts = st.one_of(
    st.tuples(st.builds(GameStarted, amounts, meters), players),
    st.tuples(st.builds(GameStarted, amounts), players),
    st.tuples(st.builds(lambda c: GameStarted(wager_credits=c), amounts), players),
    st.tuples(st.builds(GameEnded, amounts), players),
    st.tuples(st.builds(lambda c: GameEnded(win_credits=c), amounts), players),
    st.tuples(
        st.builds(PaytableReported, st.sampled_from([9_200, 9_674]), st.sampled_from([1, 25])),
        st.none(),
    ),
    st.tuples(st.just(CardInserted()), carded),
    st.tuples(st.just(CardRemoved()), carded),
    st.tuples(st.just(MetersReset()), st.none()),
)
gaps = st.sampled_from([1, 1, 2_000, 60_000, 149_000, PAGE_MS, 700_000, 2 * HOUR // 3])


@st.composite
def play(draw: st.DrawFn, gap: st.SearchStrategy[int] = gaps) -> list[SlotEvent]:
    """One machine's events over up to some hours, in order."""
    moment = START
    events = []
    for i, (data, player) in enumerate(draw(st.lists(facts, min_size=1, max_size=28))):
        moment += draw(gap)
        events.append(event(moment, data, player, sequence=i))
    return events


@st.composite
def batches(draw: st.DrawFn, events: list[SlotEvent]) -> list[list[SlotEvent]]:
    """Every event at least once, in any order, in batches of any size."""
    again = draw(st.lists(st.sampled_from(events), max_size=6))
    order = draw(st.permutations([*events, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=8)))
    return [order[a:b] for a, b in pairwise([0, *cuts, len(order)]) if a < b]


@given(data=st.data(), events=play())
@settings(max_examples=400, deadline=None)
def test_any_delivery_stores_what_one_delivery_in_order_stores(
    data: st.DataObject, events: list[SlotEvent]
) -> None:
    # Given everything in order at once
    expected = Store()
    deliver(expected, events)
    check_against_oracle(expected, events)
    check_carries(expected)

    # When the same comes in any other way
    store, history = Store(), History(None)
    max_pages = data.draw(st.sampled_from([1, 2, 3, BOUNDLESS]), "max_pages")
    for batch in data.draw(batches(events), "batches"):
        memory = data.draw(st.sampled_from(["kept", "head", "part"]), "memory")
        if memory == "head":
            history = store.load()
        elif memory == "part" and store.head is not None:
            history = store.load(page_of(min(e.occurred_at for e in batch)))
        history = deliver(
            store, batch, history, max_pages, forgetful=data.draw(st.booleans(), "crash")
        )

    # Then the same is stored
    check_against_oracle(store, events)
    check_carries(store)
    assert state(store) == state(expected)

    # And all of it again changes nothing
    deliver(store, events, store.load(page_of(events[0].occurred_at)))
    assert state(store) == state(expected)
    applied = apply("7", store.load(0), events, day_of)
    assert applied.change is None
    assert (applied.fresh, applied.duplicate) == (0, len(events))


@given(events=play(st.sampled_from([0, 0, 1, 40_000])), data=st.data())
@settings(max_examples=150, deadline=None)
def test_events_of_one_millisecond_are_ordered_by_their_sequence(
    events: list[SlotEvent], data: st.DataObject
) -> None:
    expected, store = Store(), Store()
    deliver(expected, events)
    for batch in data.draw(batches(events)):
        deliver(store, batch, max_pages=1)
    assert state(store) == state(expected)
