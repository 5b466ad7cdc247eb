"""The stored state is a function of the set of events: no order, split or repetition shows in it.

The property tests deliver random play in random ways to a model of the store and compare what is
stored with one delivery in order, and with an oracle that knows nothing of folds and pages.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, count, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.events.slot import (
    CardInserted,
    CardRemoved,
    EventsOverflowed,
    GameEnded,
    GameSelected,
    GameStarted,
    HandpayPending,
    HandpayReported,
    MetersReset,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating.fold import MAX_WAITING, Bounds, Carry, House, SessionDay, Tally
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
from workbench.proof import oracle
from workbench.proof.workload import Fact

START = 1_767_225_600_000
PAYTABLE = PaytableReported(9_200, 25)
HOUR = 3_600_000
BOUNDLESS = 1_000_000
"""As many pages a change as there may be."""


def day_of(moment: int) -> str:
    """A gaming day of one hour, whose start does not fall on that of a page."""
    return f"day-{(moment - START + 100_000) // HOUR:02d}"


HOUSE = House(day_of)


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
        head = Head(
            stored.page(start),
            msgspec.convert(msgspec.to_builtins(today), MachineDay),
            applied,
            hold,
            stale_from,
        )
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
        self.head = (
            head.page.start,
            StoredPage.of(head.page),
            head.today,
            head.applied,
            head.hold_basis_points,
            head.stale_from,
        )
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
            apply("7", history, left, HOUSE, max_pages)
        applied = apply("7", history, left, HOUSE, max_pages)
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
            sorted((tuple(key), msgspec.to_builtins(item)) for key, item in store.sessions.items()),
        ],
    )


# --- the oracle ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def _short_days() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle, "gaming_day", lambda _, at: day_of(at))
        yield


def fact_of(e: SlotEvent) -> Fact:
    values = {k: v for k, v in msgspec.structs.asdict(e.data).items() if isinstance(v, int)}
    kind = str(e.data.__struct_config__.tag)
    identity = ("", "P", "7", e.event_id, e.occurred_at, e.sequence, e.player_id)
    return Fact(*identity, kind, values, b"", e.occurred_at)


def tally_of(sums: oracle.Sums) -> Tally:
    fields = {name: getattr(sums, name) for name in oracle.SUM_FIELDS}
    theoretical = fields.pop("theoretical_dollars") * 1_000_000
    assert theoretical.denominator == 1
    return Tally(theoretical_win=int(theoretical), **fields)


def check_against_oracle(store: Store, events: Sequence[SlotEvent]) -> None:
    verdict = oracle.judge(map(fact_of, events), {"P": oracle.Rule("UTC", 0)})
    days = store.all_days()
    expected = {key.day: tally_of(sums) for key, sums in verdict.machine_days().items()}
    assert {day: entry.tally for day, entry in days.items() if entry.tally} == {
        day: tally for day, tally in expected.items() if tally
    }
    assert {
        day: (entry.first_play, entry.last_play)
        for day, entry in days.items()
        if entry.first_play is not None
    } == {key.day: bounds for key, bounds in verdict.machine_play.items()}
    sessions = {
        SessionDay(account.day, account.player_id, account.started_at): tally_of(sums)
        for account, sums in verdict.accounts().items()
        if account.player_id is not None
    }
    assert {key: item.tally for key, item in store.sessions.items()} == sessions
    assert {k: item.bounds for k, item in store.sessions.items() if item.bounds is not None} == {
        SessionDay(account.day, account.player_id, account.started_at): bounds
        for account, bounds in verdict.session_play.items()
    }
    assert store.head is not None
    assert store.head[3] == fingerprint(e.event_id for e in events) % 2**64


def check_carries(store: Store) -> None:
    pages = store.all_pages()
    assert pages[0].carry == Carry()
    for before, page in pairwise(pages):
        assert page.carry == before.end(HOUSE)
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
    st.tuples(
        st.builds(
            lambda base, number: PaytableReported(base, 25, game_number=number),
            st.sampled_from([8_800, 9_000]),
            st.integers(1, 2),
        ),
        st.none(),
    ),
    st.tuples(st.builds(GameSelected, st.integers(0, 2)), st.none()),
    st.tuples(st.just(HandpayPending()), st.none()),
    st.tuples(
        st.builds(HandpayReported, amounts, st.just(0), st.sampled_from([0, 1, 0x80])), players
    ),
    st.tuples(st.just(MetersReset()), st.none()),
    st.tuples(st.just(EventsOverflowed()), st.none()),
)
games: st.SearchStrategy[list[tuple[SlotData, str | None]]] = st.builds(
    lambda wager, win, player: [(GameStarted(wager), player), (GameEnded(win), player)],
    amounts,
    amounts,
    players,
)
gaps = st.sampled_from([1, 1, 2_000, 60_000, 149_000, PAGE_MS, 700_000, 2 * HOUR // 3])


@st.composite
def play(draw: st.DrawFn, gap: st.SearchStrategy[int] = gaps) -> list[SlotEvent]:
    """One machine's events over up to some hours, in order."""
    moment = START
    events = []
    runs = draw(st.lists(facts.map(lambda fact: [fact]) | games, min_size=1, max_size=24))
    if draw(st.booleans()):  # a paytable that is known from the start keeps corrections short
        runs.insert(0, [(PAYTABLE, None)])
    for i, (data, player) in enumerate(chain.from_iterable(runs)):
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
    applied = apply("7", store.load(0), events, HOUSE)
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


# --- single facts --------------------------------------------------------------------------------


def minute(n: float) -> int:
    return START + int(n * 60_000)


def start(n: float, player: str | None = None, cents: int = 100) -> SlotEvent:
    return event(minute(n), GameStarted(cents), player)


def end(n: float, player: str | None = None) -> SlotEvent:
    return event(minute(n), GameEnded(), player, sequence=1)


def applied_in_turn(*batches: list[SlotEvent], max_pages: int = BOUNDLESS) -> Store:
    store = Store()
    for batch in batches:
        deliver(store, batch, max_pages=max_pages)
    return store


def test_a_bulk_of_more_pages_than_a_change_takes_is_made_in_several() -> None:
    events = [start(5 * n) for n in range(7)]
    store = applied_in_turn(events, max_pages=2)
    assert store.writes == 4
    assert state(store) == state(applied_in_turn(events))


def test_a_long_correction_goes_on_where_it_stopped_and_nothing_else_is_done_before() -> None:
    events = [start(5 * n, "A") for n in range(6)]
    store = applied_in_turn(events)
    late = event(minute(-1), CardInserted(), "A")

    applied = apply("7", store.load(0), [late, end(26, "A")], HOUSE, max_pages=2)
    assert applied.change is not None
    assert applied.change.head.stale_from == minute(5)
    assert applied.left == [end(26, "A")]
    store.write(applied.change)

    history = store.load()
    assert history.missing_from([end(26, "A")]) == minute(0)
    applied = apply("7", store.load(minute(0)), [end(26, "A")], HOUSE, max_pages=2)
    assert (applied.fresh, applied.left) == (0, [end(26, "A")])

    deliver(store, [end(26, "A")], max_pages=2)
    assert state(store) == state(applied_in_turn([*events, late, end(26, "A")]))
    check_carries(store)


def test_a_change_of_many_sessions_fits_a_transaction() -> None:
    events = [start(n / 4, "AB"[n % 2]) for n in range(400)]
    late = [event(minute(-1), PAYTABLE), event(minute(-1), CardInserted(), "A", sequence=1)]
    expected = applied_in_turn([*late, *events])
    store = Store()
    history = store.load()
    for left in ([*events], [*late]):
        while left or (history.head is not None and history.head.stale_from is not None):
            history = store.load(0)
            applied = apply("7", history, left, HOUSE)
            change, left = applied.change, applied.left
            assert change is not None
            days = len(change.earlier_days) + (change.closed_day is not None)
            items = 1 + len(change.sealed) + days + len(change.sessions) + len(change.corrections)
            assert items <= 100
            store.write(change)
            history.commit(change)
    assert state(store) == state(expected)


def test_corrections_of_more_sessions_than_fit_are_one_for_each_player_and_day() -> None:
    flicker = [start(n / 12, "AB"[n % 2]) for n in range(120)]
    store = applied_in_turn([event(minute(-1), PAYTABLE), *flicker, start(60, "C")])
    late = event(minute(-1) + 1, PaytableReported(9_000, 25))
    change = apply("7", store.load(0), [late], HOUSE, 1).change
    assert change is not None
    assert change.head.stale_from is not None
    store.write(change)

    change = apply("7", store.load(minute(-5)), [], HOUSE, 1).change

    assert change is not None
    assert len(change.sessions) > 50
    assert [c.key.player_id for c in change.corrections] == ["A", "B"]
    whole = Tally()
    for session in change.sessions:
        whole.add(session.difference)
    for correction in change.corrections:
        whole.add(correction.difference, -1)
    assert not whole


def test_a_gap_of_a_game_that_is_not_over_leaves_no_session() -> None:
    late = start(0)
    rest = [
        event(minute(1), CardInserted(), "A"),
        end(2),
        event(minute(3), EventsOverflowed()),
        event(minute(4), GameStarted(100, 10)),
    ]
    assert state(applied_in_turn(rest, [late])) == state(applied_in_turn([late, *rest]))


def test_pages_not_stored_yet_are_not_waited_for() -> None:
    store = applied_in_turn([start(20)])
    deliver(store, [start(0), start(5), start(10)], max_pages=1)
    assert state(store) == state(applied_in_turn([start(0), start(5), start(10), start(20)]))


@pytest.mark.parametrize("max_pages", [1, 2, BOUNDLESS])
def test_a_session_cut_short_keeps_the_play_it_had_before(max_pages: int) -> None:
    played = [start(1, "A"), start(6, "A"), start(11, "A"), start(16, "A")]
    out = event(minute(7), CardRemoved(), "A")
    store = applied_in_turn(played, [out], max_pages=max_pages)
    first, second = sorted(store.sessions)
    assert store.sessions[first].bounds == (minute(1), minute(6))
    assert store.sessions[second].bounds == (minute(11), minute(11))  # the last is not over


@pytest.mark.parametrize("max_pages", [1, 2, BOUNDLESS])
def test_a_late_game_leaves_the_end_of_its_session_as_it_is(max_pages: int) -> None:
    played = [event(minute(0), PAYTABLE)]
    for n in (1, 6, 11, 16):
        played += [start(n, "A"), end(n, "A")]
    store = applied_in_turn(played, [start(2, "A"), end(2, "A")], max_pages=max_pages)
    (item,) = store.sessions.values()
    assert item.bounds == (minute(1), minute(16))


def test_a_session_that_never_was_is_deleted() -> None:
    late = event(minute(0), CardInserted(), "A")
    store = applied_in_turn([start(1, "A"), end(2, "A")], [late])
    assert list(store.sessions) == [SessionDay(day_of(minute(1)), "A", minute(0))]


def test_a_machine_not_played_yet_has_no_day_to_close() -> None:
    events = [event(minute(0), PAYTABLE), event(minute(120), PAYTABLE), start(60)]
    store = applied_in_turn(*([e] for e in events))
    assert store.days == {}
    assert store.all_days().keys() == {day_of(minute(60))}
    assert state(store) == state(applied_in_turn(events))


def test_an_end_whose_start_comes_late_leaves_its_day_but_not_the_machine_s() -> None:
    before, after = start(58, cents=500), end(59)
    assert day_of(before.occurred_at) != day_of(after.occurred_at)
    store = applied_in_turn([after], [before])
    days = store.all_days()
    assert days[day_of(before.occurred_at)].tally.games == 1
    assert not days[day_of(after.occurred_at)].tally
    assert state(store) == state(applied_in_turn([before, after]))


def test_an_id_with_another_content_leaves_the_first_one_as_it_is() -> None:
    first, second = (
        event(minute(1), GameStarted(1), name="x"),
        event(minute(2), GameStarted(2), name="x"),
    )
    applied = apply("7", History(None), [first, second, first], HOUSE)
    assert (applied.fresh, applied.duplicate, applied.reused) == (1, 1, [second])
    store = applied_in_turn([first])
    applied = apply("7", store.load(), [second], HOUSE)
    assert (applied.change, applied.reused) == (None, [second])


@pytest.mark.parametrize(
    ("since", "moments", "missing"),
    [
        pytest.param(None, [21], None, id="the head's page"),
        pytest.param(None, [26], None, id="a later one"),
        pytest.param(None, [19.9], 15, id="the page before is not known"),
        pytest.param(None, [21, 6, 11], 5, id="the first of several"),
        pytest.param(10, [11, 17], None, id="a page from the run"),
        pytest.param(5, [5], None, id="where the run starts"),
        pytest.param(10, [9.9], 5, id="before the run"),
    ],
)
def test_pages_that_must_be_loaded(
    since: float | None, moments: list[float], missing: float | None
) -> None:
    store = applied_in_turn([start(0), start(10), start(20)])
    history = store.load(None if since is None else minute(since))
    expected = None if missing is None else minute(missing)
    assert history.missing_from([start(n) for n in moments]) == expected


def test_of_a_machine_never_heard_of_nothing_is_missing() -> None:
    assert History(None).missing_from([start(0)]) is None


def test_the_page_before_a_run_says_what_came_before_a_page_made_anew() -> None:
    store = applied_in_turn([event(minute(0), PAYTABLE), start(1)], [start(20)])
    history = store.load(minute(10))
    assert history.before_run is not None
    applied = apply("7", history, [end(11)], HOUSE)
    assert applied.change is not None
    (made,) = (page for page in applied.change.sealed if page.start == minute(10))
    assert made.carry == history.before_run.end(HOUSE)
    assert made.rated(HOUSE).tallies[SessionDay(day_of(minute(1)), None, 0)].games == 1


def test_apply_changes_nothing_itself() -> None:
    store = applied_in_turn([start(0, "A"), start(10, "A")])
    history = store.load(0)
    before = state(store)
    first = apply("7", history, [end(5, "A")], HOUSE).change
    second = apply("7", history, [end(5, "A")], HOUSE).change
    assert first is not None
    assert second is not None
    assert (first.head.today, first.sessions) == (second.head.today, second.sessions)
    assert state(store) == before


def test_a_fingerprint_does_not_depend_on_order() -> None:
    assert fingerprint(["a", "b"]) == fingerprint(["b", "a"]) != fingerprint(["a", "c"])
    assert fingerprint([]) == 0


def test_events_of_one_moment_are_in_the_order_of_the_device_s_queue() -> None:
    halves = [
        event(minute(1), GameEnded(5), sequence=10),
        event(minute(1), GameStarted(100), sequence=9),
    ]
    for order in (halves, halves[::-1]):
        store = applied_in_turn(*([half] for half in order))
        assert store.all_days()[day_of(minute(1))].tally.games == 1


def test_a_first_paytable_after_very_many_sessions_rates_them_over_several_pages() -> None:
    # Given 150 sessions on 150 days at a machine that never reported its paytable
    day = 86_400_000
    play = [
        event
        for n in range(150)
        for event in (
            SlotEvent(f"s{n}", n * day + 1000, 2 * n, f"player-{n}", GameStarted(100)),
            SlotEvent(f"e{n}", n * day + 2000, 2 * n + 1, f"player-{n}", GameEnded(0)),
        )
    ]
    report = SlotEvent("p", 150 * day, 900, None, PaytableReported(9_000))
    later = [
        SlotEvent(f"q{n}", 150 * day + n * PAGE_MS, 1000 + n, None, PaytableReported(9_500))
        for n in range(1, 9)
    ]
    history = History(None)
    tallies: dict[SessionDay, Tally] = {}
    # When they are delivered, then the report, then signs of life with another paytable
    for delivery in (play, [report], later):
        left = list(delivery)
        while left or (history.head is not None and history.head.stale_from is not None):
            applied = apply("1", history, left, House(lambda ms: f"day-{ms // day:03d}"))
            change = applied.change
            assert change is not None
            # Then no change is more than a transaction takes
            items = 1 + len(change.sealed) + len(change.earlier_days) + len(change.sessions)
            assert items + (change.closed_day is not None) <= 100
            for session in change.sessions:
                tallies.setdefault(session.key, Tally()).add(session.difference)
            history.commit(change)
            left = applied.left
    # And each session is rated by the first report, but those that waited too long
    assert len(tallies) == 150
    rated = [tallies[key] for key in sorted(tallies)][-MAX_WAITING:]
    unrated = [tallies[key] for key in sorted(tallies)][:-MAX_WAITING]
    assert {(tally.theoretical_win, tally.unrated_coin_in_cents) for tally in rated} == {
        (100 * 1_000, 0)
    }
    assert {(tally.theoretical_win, tally.unrated_coin_in_cents) for tally in unrated} == {(0, 100)}
