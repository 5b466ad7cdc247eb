"""Rating batches: every event once, whatever comes again, conflicts or goes wrong between."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader, SlotBatch, pack, unpack
from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.slot import (
    RATED_TYPES,
    CardInserted,
    CardRemoved,
    DoorOpened,
    GameEnded,
    GameStarted,
    MeteredEvent,
    MetersReset,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.rating import fold as fold_module
from pitboss.rating.fold import House, SessionDay, Tally
from pitboss.rating.history import Head, History, MachineDay
from pitboss.rating.house_rules import PropertyRules, RuleSet, Tier, WorthSegment
from pitboss.stores.ratings import (
    Asset,
    AssetChange,
    UnreadablePageError,
    UnstorableChange,
)
from pitboss.stores.topic import UnpublishedError
from rate_players import handler as lambda_handler
from rate_players.service import (
    MAX_CONFLICTS,
    Audience,
    ContendedError,
    Outcome,
    RatePlayers,
)
from tests import sample_events
from tests.sample_events import GAME_ON_ANOTHER, PLAY, delivered, stream_record
from workbench import memory
from workbench.memory import MemoryRatings

START = 1_592_277_300_000
NOW = START + 3_600_000
SLOT = Asset("north", "1940732")
OTHER = Asset("north", "5093619")


def house_of(_property: str) -> House:
    return House(lambda epoch_ms: f"day-{epoch_ms // 86_400_000}")


def event(second: int, data: SlotData, player: str | None = None, name: str = "") -> SlotEvent:
    return SlotEvent(name or f"e-{second}", START + second * 1_000, second, player, data)


def game(second: int, wager: int = 100, player: str | None = "p-81") -> list[SlotEvent]:
    return [
        event(second, GameStarted(wager), player),
        event(second + 5, GameEnded(win_cents=0), player),
    ]


PAYTABLE = event(0, PaytableReported(9_000))


def batch(asset: Asset, events: Sequence[SlotEvent]) -> SlotBatch:
    related = [event for event in events if type(event.data) in RATED_TYPES]
    header = BatchHeader(*asset, START, "gateway-1", "pitboss")
    return SlotBatch(header, related, len(events) - len(related))


class Rater:
    """A rater over a store, and what it waited for."""

    def __init__(self, ratings: MemoryRatings | None = None, **options: Any) -> None:
        self.ratings = MemoryRatings() if ratings is None else ratings
        self.pauses: list[int] = []
        self.rate = RatePlayers(self.ratings, house_of, self.pauses.append, lambda: NOW, **options)

    def __call__(self, asset: Asset, events: Sequence[SlotEvent]) -> Outcome:
        return self.rate([batch(asset, events)])


def coin_in(ratings: MemoryRatings, asset: Asset = SLOT) -> int:
    rating = ratings.machine(asset)
    return 0 if rating is None else rating.today.tally.coin_in_cents


def stored(ratings: MemoryRatings) -> bytes:
    """All that is stored, as bytes: two stores that say the same are the same."""
    return msgspec.msgpack.encode(
        [
            (
                asset,
                rating.asset_id,
                msgspec.to_builtins(rating.today),
                rating.hold_basis_points,
                [msgspec.to_builtins(day) for day in ratings.closed_days(asset, 100)],
                ratings.heads([asset])[asset].applied,
            )
            for asset in ratings.assets
            if (rating := ratings.machine(asset)) is not None
        ]
        + sorted(
            (property_id, s.asset_id, *s.key, msgspec.structs.astuple(s.tally), s.first_play)
            for property_id, s in ratings.sessions
        )
    )


class FaultyRatings(MemoryRatings):
    """Does to each commit what it is told, and then goes on as usual."""

    def __init__(self, *faults: str) -> None:
        super().__init__()
        self.faults = list(faults)
        self.commits = 0

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        self.commits += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "conflict":
            return [asset for asset, _ in changes]
        if fault == "lost":
            raise TimeoutError(fault)
        if fault == "unstorable" or any(len(c.head.page.events) > 50 for _, c in changes):
            raise UnstorableChange(changes[0].asset, 101)
        conflicting = super().commit(changes)
        if fault == "stored, answer lost":
            raise TimeoutError(fault)
        return conflicting


# --- counts ---------------------------------------------------------------------------------------


def test_received_is_rated_and_duplicate_and_unrelated_and_quarantined() -> None:
    rater = Rater()
    reused = event(10, GameStarted(999), "p-81")
    door = event(90, DoorOpened("slot"))

    outcome = rater(SLOT, [PAYTABLE, *game(10), game(10)[0], reused, door])

    assert (outcome.received, outcome.rated, outcome.duplicate) == (6, 3, 1)
    assert (outcome.unrelated, outcome.quarantined) == (1, 1)
    (unrated,) = outcome.unrated
    assert (unrated.asset, unrated.reason, unrated.events) == (SLOT, "id_reuse", [reused])
    assert coin_in(rater.ratings) == 100, "the first one stands"


def test_a_machine_that_only_opens_its_door_is_not_looked_up() -> None:
    class NoRatings(MemoryRatings):
        def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
            raise AssertionError("nothing to read for")

    outcome = Rater(NoRatings())(SLOT, [event(1, DoorOpened("slot"))])

    assert (outcome.received, outcome.unrelated) == (1, 1)


def test_batches_of_one_machine_are_one_commit() -> None:
    ratings = FaultyRatings()
    rate = RatePlayers(ratings, house_of, lambda attempt: None, lambda: NOW)

    outcome = rate(
        [batch(SLOT, [PAYTABLE]), batch(OTHER, game(20)), batch(SLOT, game(10)), batch(SLOT, [])]
    )

    assert (outcome.received, outcome.rated) == (5, 5)
    assert ratings.commits == 1
    assert (coin_in(ratings), coin_in(ratings, OTHER)) == (100, 100)


def test_the_same_asset_number_of_two_properties_is_two_machines() -> None:
    rater = Rater()
    south = Asset("south", SLOT.asset_id)

    rater(SLOT, game(10))
    rater(south, game(10, wager=7))

    assert (coin_in(rater.ratings), coin_in(rater.ratings, south)) == (100, 7)


# --- again ----------------------------------------------------------------------------------------


def test_the_batch_again_changes_nothing_warm_or_cold() -> None:
    warm = Rater()
    warm(SLOT, [PAYTABLE, *game(10)])
    before = stored(warm.ratings)

    for rater in (warm, Rater(warm.ratings)):
        outcome = rater(SLOT, [PAYTABLE, *game(10)])
        assert (outcome.rated, outcome.duplicate) == (0, 3)
        assert stored(warm.ratings) == before


@pytest.mark.parametrize("fault", ["lost", "stored, answer lost"])
def test_an_unknown_outcome_is_raised_and_the_batch_again_counts_once(fault: str) -> None:
    expected = Rater()
    expected(SLOT, [PAYTABLE, *game(10)])
    rater = Rater(FaultyRatings(fault))

    with pytest.raises(TimeoutError, match=fault):
        rater(SLOT, [PAYTABLE, *game(10)])
    outcome = rater(SLOT, [PAYTABLE, *game(10)])

    assert stored(rater.ratings) == stored(expected.ratings)
    assert outcome.rated == (3 if fault == "lost" else 0)
    assert outcome.rated + outcome.duplicate == 3


def test_a_change_that_was_stored_and_raised_is_built_upon() -> None:
    """The cache must not remember what it had before the answer was lost."""
    rater = Rater(FaultyRatings("", "stored, answer lost"))
    rater(SLOT, [PAYTABLE])
    with pytest.raises(TimeoutError):
        rater(SLOT, game(10))

    outcome = rater(SLOT, [*game(10), *game(20)])

    assert (outcome.rated, outcome.duplicate) == (2, 2)
    assert coin_in(rater.ratings) == 200
    assert rater.pauses == [], "no conflict was met on the way"


# --- conflicts ------------------------------------------------------------------------------------


def test_a_conflict_is_tried_again_after_a_pause() -> None:
    rater = Rater(FaultyRatings("conflict", "conflict"))

    outcome = rater(SLOT, [PAYTABLE, *game(10)])

    assert (outcome.rated, outcome.duplicate, coin_in(rater.ratings)) == (3, 0, 100)
    assert rater.pauses == [1, 2]


def test_two_writers_of_one_machine_lose_nothing() -> None:
    ratings = MemoryRatings()
    first, second = Rater(ratings), Rater(ratings)
    for turn in range(6):
        (first, second)[turn % 2](SLOT, game(10 * (turn + 1)))

    assert coin_in(ratings) == 600
    assert first.pauses == [1, 1], "its cache was stale each time the other had written"


def test_only_the_machine_in_conflict_is_applied_again() -> None:
    ratings = MemoryRatings()
    rater, rival = Rater(ratings), Rater(ratings)
    rater.rate([batch(SLOT, game(10)), batch(OTHER, game(10))])
    rival(SLOT, game(20))

    outcome = rater.rate([batch(SLOT, game(30)), batch(OTHER, game(30))])

    assert (outcome.rated, outcome.duplicate) == (4, 0)
    assert (coin_in(ratings), coin_in(ratings, OTHER)) == (300, 200)


def test_contention_gives_the_batch_back() -> None:
    ratings = FaultyRatings(*["conflict"] * (MAX_CONFLICTS + 1))
    rater = Rater(ratings)

    with pytest.raises(ContendedError, match="1940732") as contended:
        rater(SLOT, game(10))

    assert contended.value.retry is True
    assert ratings.commits == MAX_CONFLICTS + 1
    assert rater.pauses == list(range(1, MAX_CONFLICTS + 1))
    assert coin_in(ratings) == 0
    assert rater(SLOT, game(10)).rated == 2, "once the others are done"


def test_as_many_conflicts_as_are_borne_are_borne() -> None:
    rater = Rater(FaultyRatings(*["conflict"] * MAX_CONFLICTS))

    assert rater(SLOT, game(10)).rated == 2


# --- poison ---------------------------------------------------------------------------------------


def test_a_machine_whose_events_cannot_be_rated_is_set_aside_alone() -> None:
    rater = Rater()
    beyond = SlotEvent("x", 10**17, 1, None, GameStarted(100))

    def strict_house_of(property_id: str) -> House:
        def day(epoch_ms: int) -> str:
            if epoch_ms > 10**15:
                raise OverflowError("no such year")
            return "today"

        return House(day)

    rate = RatePlayers(rater.ratings, strict_house_of, rater.pauses.append, lambda: NOW)

    outcome = rate([batch(SLOT, [*game(10), beyond]), batch(OTHER, game(10))])

    assert (outcome.received, outcome.rated, outcome.quarantined) == (5, 2, 3)
    (unrated,) = outcome.unrated
    assert (unrated.asset, unrated.reason) == (SLOT, "unratable")
    assert "OverflowError: no such year" in unrated.detail
    assert unrated.events == [*game(10), beyond]
    assert (coin_in(rater.ratings), coin_in(rater.ratings, OTHER)) == (0, 100)


def test_a_machine_set_aside_is_rated_again_once_its_events_are_good() -> None:
    rater = Rater()
    rater(SLOT, game(10))

    def poisoned(epoch_ms: int) -> str:
        raise LookupError(epoch_ms)

    good = rater.rate._house_of
    rater.rate._house_of = lambda _: House(poisoned)
    outcome = rater(SLOT, game(20))
    rater.rate._house_of = good

    assert outcome.quarantined == 2
    assert rater(SLOT, game(30)).rated == 2
    assert coin_in(rater.ratings) == 200


def test_a_change_that_cannot_be_stored_is_set_aside_and_the_others_are_stored() -> None:
    rater = Rater(FaultyRatings("unstorable", "unstorable"))

    outcome = rater.rate([batch(SLOT, game(10)), batch(OTHER, game(10))])

    assert [(u.asset, u.reason) for u in outcome.unrated] == [(SLOT, "unstorable")]
    assert (outcome.rated, outcome.quarantined) == (2, 2)
    assert (coin_in(rater.ratings), coin_in(rater.ratings, OTHER)) == (0, 100)


def test_what_cannot_be_stored_at_once_is_stored_page_by_page() -> None:
    ratings = FaultyRatings("unstorable")
    rater = Rater(ratings)

    outcome = rater(SLOT, [PAYTABLE, *game(10), *game(400), *game(800)])

    assert (outcome.rated, outcome.quarantined, ratings.commits) == (7, 0, 4)
    assert coin_in(rater.ratings) == 300


def test_rules_of_a_property_that_cannot_be_had_set_nothing_aside() -> None:
    rater = Rater()

    def none(property_id: str) -> House:
        raise LookupError(property_id)

    rater.rate._house_of = none
    with pytest.raises(LookupError):
        rater(SLOT, game(10))


def test_a_stored_page_that_cannot_be_read_sets_nothing_aside() -> None:
    def unreadable() -> Any:
        raise UnreadablePageError("page")

    rater = Rater()
    rater(SLOT, game(10))
    head = rater.rate._histories[SLOT].head
    assert head is not None
    head.page._unpack = unreadable
    with pytest.raises(UnreadablePageError):
        rater(SLOT, game(20))


# --- the cache ------------------------------------------------------------------------------------


def test_an_event_before_more_pages_than_are_held_is_set_aside_and_the_others_rated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "MAX_HISTORY_PAGES", 3)
    ratings = MemoryRatings()
    Rater(ratings)(SLOT, [e for n in range(10) for e in game(n * 300)])

    outcome = Rater(ratings)(SLOT, game(-3_000) + game(2_430) + game(2_770))

    assert (outcome.received, outcome.rated, outcome.quarantined) == (6, 4, 2)
    assert [unrated.reason for unrated in outcome.unrated] == ["too_late"]
    assert coin_in(ratings) == 1_200


def test_eviction_changes_nothing() -> None:
    plays = [
        (asset, game(400 * n + 10, wager=n + 1))
        for n in range(8)
        for asset in (SLOT, OTHER, Asset("north", "7"))
    ]
    roomy, cramped = Rater(), Rater(max_cached_pages=0)
    for asset, events in plays:
        roomy(asset, events)
        cramped(asset, events)
    # One comes late, in pages that the cramped one has dropped.
    for rater in (roomy, cramped):
        rater(SLOT, game(30))

    assert stored(cramped.ratings) == stored(roomy.ratings)
    assert coin_in(cramped.ratings) == sum(range(1, 9)) + 100


def test_the_machine_idle_longest_is_dropped_first() -> None:
    read: list[Asset] = []

    class Counting(MemoryRatings):
        def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
            asked = list(assets)
            read.extend(asked)
            return super().heads(asked)

    rater = Rater(Counting(), max_cached_pages=2)
    third = Asset("north", "7")
    for asset, second in ((SLOT, 10), (OTHER, 10), (SLOT, 20), (third, 10)):
        rater(asset, game(second))
    read.clear()

    rater(SLOT, game(30))
    rater(OTHER, game(30))

    assert read == [OTHER]


def test_what_was_read_is_not_read_again() -> None:
    class ReadOnce(MemoryRatings):
        reads = 0

        def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
            self.reads += 1
            return super().heads(assets)

        def history(self, asset: Asset, since: int) -> History:
            self.reads += 1
            return super().history(asset, since)

        def machine_days(self, asset: Asset, days: Iterable[str]) -> dict[str, MachineDay]:
            self.reads += 1
            return super().machine_days(asset, days)

        def session_tallies(
            self, asset: Asset, keys: Iterable[SessionDay]
        ) -> dict[SessionDay, Tally]:
            self.reads += 1
            return super().session_tallies(asset, keys)

    ratings = ReadOnce()
    rater = Rater(ratings)
    for n in range(20):
        rater(SLOT, game(10 * n + 1))

    assert ratings.reads == 1
    assert coin_in(ratings) == 2_000


# --- over Kinesis ---------------------------------------------------------------------------------


class FakeQuarantine:
    def __init__(self) -> None:
        self.objects: list[list[QuarantineEntry]] = []

    def put(self, entries: Sequence[QuarantineEntry]) -> str:
        self.objects.append(list(entries))
        return "quarantine/key"

    @property
    def entries(self) -> list[QuarantineEntry]:
        return [entry for entries in self.objects for entry in entries]


class Wiring:
    """The handler's wiring, over a store in memory."""

    def __init__(self) -> None:
        self.ratings = FaultyRatings()
        self.rate = RatePlayers(self.ratings, house_of, lambda attempt: None, lambda: NOW)
        self.quarantine = FakeQuarantine()


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> Wiring:
    made = Wiring()
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: made)
    return made


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """The metrics that were printed."""
    metrics: dict[str, int] = {}
    for line in capsys.readouterr().out.splitlines():
        if "_aws" in line:
            found = json.loads(line)
            names = found["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            metrics |= {metric["Name"]: found[metric["Name"]][0] for metric in names}
    return metrics


SAMPLES = {"play": (2, 1_000, 0), "poison_among_good": (4, 1_000, 2)}
"""Records, coin-in of the machine with the session in cents, and records set aside."""


@pytest.mark.parametrize("case", sample_events.load("rate_players"))
def test_every_sample_event_is_rated(
    case: str, wiring: Wiring, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_of_records = sample_events.load("rate_players")[case]
    records, cents, unreadable = SAMPLES[case]

    answer = lambda_handler.handler(batch_of_records, None)

    assert answer == {"batchItemFailures": []}
    assert coin_in(wiring.ratings) == cents
    metrics = told(capsys)
    assert metrics["RecordsReceived"] == records
    assert metrics["RecordsUnreadable"] == unreadable
    assert metrics["EventsReceived"] == sum(
        metrics[f"Events{what}"] for what in ("Rated", "Duplicate", "Unrelated", "Quarantined")
    )


def test_poison_among_good_records_is_kept_as_it_came(wiring: Wiring) -> None:
    good = stream_record(PLAY)
    no_base64 = delivered(b"")["Records"][0]
    no_base64["kinesis"]["data"] = "not base64!"
    poison = [b"", b"not one of ours", good[:-7], b"PB\x63" + good[3:]]
    event_of_stream = delivered(poison[0], good, *poison[1:], stream_record(GAME_ON_ANOTHER))
    event_of_stream["Records"].append(no_base64)

    lambda_handler.handler(event_of_stream, None)

    assert (coin_in(wiring.ratings), coin_in(wiring.ratings, OTHER)) == (1_000, 25)
    entries = wiring.quarantine.entries
    assert [entry.raw for entry in entries] == [*poison, b"not base64!"]
    assert {entry.reason for entry in entries} == {"unreadable_record"}
    assert [entry.index for entry in entries] == [0, 2, 3, 4, 6]
    assert len(wiring.quarantine.objects) == 1
    assert entries[0].received_at == sample_events.MONDAY_EVENING + 25_000


def test_what_poison_logs_is_bounded(wiring: Wiring, capsys: pytest.CaptureFixture[str]) -> None:
    lambda_handler.handler(delivered(*[b"poison %d" % n for n in range(1_000)]), None)

    assert len(wiring.quarantine.entries) == 1_000
    assert len(capsys.readouterr().out) < 5_000


def test_events_that_cannot_be_rated_are_set_aside_as_they_were_sent(wiring: Wiring) -> None:
    reused = [{**PLAY[2], "data": {"wager_cents": 501}}]
    reused_elsewhere = [{**GAME_ON_ANOTHER[0], "data": {"wager_cents": 26}}]
    records = [PLAY, GAME_ON_ANOTHER, reused, reused_elsewhere]

    lambda_handler.handler(delivered(*map(stream_record, records)), None)

    found = [(e.property_id, e.sender, e.reason, e.format) for e in wiring.quarantine.entries]
    assert found == [("north", "gateway-1", "id_reuse", "pitboss")] * 2
    assert len(wiring.quarantine.objects) == 1, "an object is of one sender"
    raw = {entry.raw for entry in wiring.quarantine.entries}
    assert raw == {json.dumps(sent).encode() for sent in (*reused, *reused_elsewhere)}
    assert wiring.quarantine.entries[0].received_at == sample_events.MONDAY_EVENING + 25_000


def test_something_transient_raises_and_the_batch_again_counts_once(wiring: Wiring) -> None:
    wiring.ratings.faults = ["stored, answer lost"]
    batch_of_records = sample_events.load("rate_players")["play"]

    with pytest.raises(TimeoutError):
        lambda_handler.handler(batch_of_records, None)
    lambda_handler.handler(batch_of_records, None)

    assert coin_in(wiring.ratings) == 1_000


def test_a_quarantine_that_fails_raises_for_the_batch_to_come_again(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(entries: Sequence[QuarantineEntry]) -> str:
        raise OSError("no quarantine")

    monkeypatch.setattr(wiring.quarantine, "put", broken)
    with pytest.raises(OSError, match="no quarantine"):
        lambda_handler.handler(sample_events.load("rate_players")["poison_among_good"], None)


def test_a_record_of_events_beyond_any_calendar_does_not_block_the_shard(wiring: Wiring) -> None:
    from pitboss.gaming_day import GamingDays

    day_of_property = GamingDays.parse("*=America/Los_Angeles@06:00").day_of
    wiring.rate._house_of = lambda property_id: House(day_of_property(property_id))
    header = BatchHeader("north", "5093619", START, "gateway-1", "pitboss")
    moments = [2**63, 2**62, 10**17, -(2**40)]
    poison = [
        pack(header, [b"{}"], [MeteredEvent(f"x-{m}", m, 1, None, GameStarted(100))])
        for m in moments
    ]

    for record in poison:
        lambda_handler.handler(delivered(record, stream_record(PLAY)), None)

    assert coin_in(wiring.ratings) == 1_000
    assert all(entry.reason == "unratable" for entry in wiring.quarantine.entries)
    assert len(wiring.quarantine.entries) >= 3


def test_the_sample_records_are_what_the_front_door_packs() -> None:
    header, events, _ = unpack(stream_record(PLAY))

    assert (header.property_id, header.asset_id) == SLOT
    assert [e.event_id for e in events] == [e["event_id"] for e in PLAY]


# --- a release that is broken ---------------------------------------------------------------------


def broken(*_: object) -> None:
    raise RuntimeError("a bad deploy")


def test_a_release_that_cannot_rate_sets_nothing_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    rater = Rater()
    rater(SLOT, [PAYTABLE])
    with monkeypatch.context() as bad:
        bad.setattr("pitboss.rating.fold.Fold.feed", broken)
        with pytest.raises(BrokenReleaseError):
            rater(SLOT, game(10))
    assert rater(SLOT, game(10)).rated == 2


def test_a_release_that_rates_wrongly_is_not_trusted_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rater = Rater()
    monkeypatch.setattr("pitboss.rating.fold.theoretical_win", lambda cents, hold: cents)
    beyond = SlotEvent("x", 10**17, 1, None, GameStarted(100))
    monkeypatch.setattr(rater.rate, "_house_of", lambda _: House(day_of_this_era))
    with pytest.raises(BrokenReleaseError):
        rater(SLOT, [beyond])


def day_of_this_era(epoch_ms: int) -> str:
    if epoch_ms > 10**15:
        raise OverflowError("no such year")
    return "today"


def test_a_rule_that_is_broken_for_one_type_sets_that_machine_aside_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(fold_module._RULES, MetersReset, broken)
    outcome = Rater().rate(
        [batch(SLOT, [*game(10), event(30, MetersReset())]), batch(OTHER, game(10))]
    )
    assert (outcome.rated, outcome.quarantined) == (2, 3)
    (unrated,) = outcome.unrated
    assert (unrated.asset, unrated.reason) == (SLOT, "unratable")
    assert "RuntimeError: a bad deploy" in unrated.detail


def test_a_release_that_cannot_read_sets_nothing_aside(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_handler, "unpack", broken)
    with pytest.raises(BrokenReleaseError, match="a known record"):
        lambda_handler.handler(sample_events.load("rate_players")["play"], None)
    assert wiring.quarantine.entries == []


# --- gaps and corrections -------------------------------------------------------------------------


def metered(second: int, meter: int) -> list[SlotEvent]:
    return [event(second, GameStarted(100, meter)), event(second + 5, GameEnded(0))]


def test_a_gap_is_counted_when_it_opens_and_when_it_closes() -> None:
    rater = Rater()
    assert rater(SLOT, [PAYTABLE, *metered(10, 1_100)]).gaps == 0
    assert rater(SLOT, metered(30, 1_300)).gaps == 1
    assert rater(SLOT, metered(20, 1_200)).gaps == -1


def test_the_handler_counts_gaps(wiring: Wiring, capsys: pytest.CaptureFixture[str]) -> None:
    def played(second: int, meter: int) -> list[dict[str, Any]]:
        wager = {"wager_cents": 100, "coin_in_meter_credits": meter}
        return [
            sample_events.envelope(f"g-{second}", "game.started", data=wager),
            sample_events.envelope(f"g-{second + 5}", "game.ended", data={"win_cents": 0}),
        ]

    def gaps(*events: dict[str, Any]) -> int:
        lambda_handler.handler(delivered(stream_record(list(events))), None)
        return told(capsys)["Gaps"]

    assert gaps(PLAY[0], *played(2, 1_100)) == 0
    assert gaps(*played(20, 1_300)) == 1
    assert gaps(*played(10, 1_200)) == -1


def test_what_comes_after_it_settled_is_posted_as_a_correction() -> None:
    rater = Rater()
    rater(SLOT, [PAYTABLE, *game(10)])
    assert rater(SLOT, game(1_500)).corrections == 0  # it comes in order
    assert rater(SLOT, game(1_000)).corrections == 0  # it is late by less than ten minutes
    outcome = rater(SLOT, game(20))
    assert outcome.corrections == 1
    (correction,) = rater.ratings.player_corrections("north", "p-81", 10)
    assert correction.key.player_id == "p-81"
    assert correction.difference == Tally(games=1, coin_in_cents=100, theoretical_win=100 * 1_000)
    assert correction.late_events == 2
    assert correction.causes[0] == f"game.started at {START + 20_000}"
    assert correction.made_at == NOW


def test_a_late_card_moves_the_games_it_is_late_for() -> None:
    rater = Rater()
    rater(SLOT, [PAYTABLE, *game(10, player=None), *game(20, player=None), *game(1_500)])
    outcome = rater(SLOT, [event(5, CardInserted(), "p-81"), event(29, CardRemoved(), "p-81")])
    assert (outcome.rated, outcome.corrections) == (2, 2)
    (carded,) = rater.ratings.player_corrections("north", "p-81", 10)
    (uncarded,) = rater.ratings.machine_corrections(SLOT, 10)
    assert carded.change_id == uncarded.change_id
    assert (carded.difference.games, uncarded.difference.games) == (2, -2)
    _, first = rater.ratings.player_sessions("north", "p-81", 10)
    assert first.tally == carded.difference


# --- what changed about players -------------------------------------------------------------------

DAY = "2020-06-15"
RULES = PropertyRules(
    [
        RuleSet(
            effective_from=date(2020, 1, 1),
            session_idle_minutes=15,
            coin_in_cents_a_point=500,
            adt_window_days=30,
            worth_by="mean",
            trip_gap_days=3,
            period_starts=(1,),
            demotion="earned",
            worth_segments=(WorthSegment("all", 0),),
            tiers=(Tier("blue", 0), Tier("gold", 10), Tier("black", 1_000)),
        )
    ]
)
CARD_IN = event(1, CardInserted(), "p-81")


class Topic:
    """What was published; it fails as often as it is told."""

    def __init__(self) -> None:
        self.told: list[PlayerChanged] = []
        self.failures = 0

    def publish(self, changes: Sequence[PlayerChanged]) -> None:
        if self.failures:
            self.failures -= 1
            raise UnpublishedError(len(changes), "no topic")
        self.told += changes

    @property
    def short(self) -> list[tuple[str, str, int | None]]:
        """Kind, player and worth step of what was told since the last time."""
        told, self.told = self.told, []
        return [(change.kind.value, change.player_id, change.worth_step) for change in told]


class Teller(Rater):
    """A rater that tells a topic, in the minute in which everything happens."""

    def __init__(self, ratings: MemoryRatings | None = None, topic: Topic | None = None) -> None:
        super().__init__(ratings)
        self.topic = Topic() if topic is None else topic
        self.second = 60
        self.rate = RatePlayers(
            self.ratings,
            lambda _: House(lambda epoch_ms: f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%F}"),
            self.pauses.append,
            lambda: START + self.second * 1_000,
            audience=Audience(self.topic, 100_000, lambda _: RULES),  # a step is 10 cents
        )

    def again(self) -> "Teller":
        """The same table and topic, and a process that knows nothing."""
        return Teller(self.ratings, self.topic)


def test_a_session_is_told_of_from_its_start_to_its_end() -> None:
    teller = Teller()

    outcome = teller(SLOT, [PAYTABLE, CARD_IN])
    assert teller.topic.told == [
        PlayerChanged(
            kind=ChangeKind.SESSION_STARTED,
            property_id="north",
            player_id="p-81",
            asset_id=SLOT.asset_id,
            session_started_at=START + 1_000,
            gaming_day="2020-06-16",
            occurred_at=START + 1_000,
        )
    ]
    assert outcome.published == 1
    teller.topic.told.clear()

    teller(SLOT, game(2, wager=99))  # worth 9.9 cents
    assert teller.topic.short == []
    teller(SLOT, game(10, wager=1))
    assert teller.topic.short == [("worth.crossed", "p-81", 1)]
    teller(SLOT, game(20, wager=350))
    assert teller.topic.short == [("worth.crossed", "p-81", 4)]  # the highest alone
    outcome = teller(SLOT, [event(30, CardRemoved(), "p-81")])
    (ended,) = teller.topic.told
    assert (ended.kind, ended.theoretical_win) == (ChangeKind.SESSION_ENDED, 450_000)
    assert (ended.session_started_at, ended.occurred_at) == (START + 1_000, START + 30_000)
    assert outcome.published == 1


def test_one_player_takes_the_place_of_another() -> None:
    teller = Teller()
    teller(SLOT, [PAYTABLE, *game(2, wager=150)])
    assert teller.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 1)]

    teller(SLOT, game(10, wager=250, player="p-9"))

    assert teller.topic.short == [
        ("session.ended", "p-81", None),
        ("session.started", "p-9", None),
        ("worth.crossed", "p-9", 2),
    ]


def test_uncarded_play_is_told_of_to_nobody_and_reads_nothing() -> None:
    class Unread(MemoryRatings):
        def session_wins(self, sessions: Any) -> Any:
            raise AssertionError("nothing to read for")

    teller = Teller(Unread())

    teller(SLOT, [PAYTABLE, *game(2, player=None)])
    teller(SLOT, game(10, player=None))
    teller.again()(SLOT, game(20, player=None))

    assert teller.topic.told == []


def test_a_process_that_knows_nothing_tells_what_holds_once_and_reads_once() -> None:
    class Counting(MemoryRatings):
        reads = 0

        def session_wins(self, sessions: Any) -> Any:
            self.reads += 1
            return super().session_wins(sessions)

    ratings = Counting()
    Teller(ratings)(SLOT, [PAYTABLE, CARD_IN, *game(2, wager=350)])
    assert ratings.reads == 0, "what a session came to that began before our eyes is known"
    cold = Teller(ratings)

    cold(SLOT, game(10, wager=10))
    assert cold.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 3)]
    cold(SLOT, game(20, wager=40))
    assert cold.topic.short == [("worth.crossed", "p-81", 4)]
    cold(SLOT, game(20, wager=40))  # again
    assert (cold.topic.short, ratings.reads) == ([], 1)


def test_what_a_session_came_to_spans_gaming_days() -> None:
    ratings = MemoryRatings()
    midnight = 86_400 - START // 1_000 % 86_400
    before, after = midnight - 10, midnight + 10
    first = Teller(ratings)
    first.second = before
    first(SLOT, [PAYTABLE, *game(before - 5, wager=150)])

    cold = first.again()
    cold.second = after
    cold.topic.told.clear()
    cold(SLOT, game(after, wager=100))

    assert cold.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 2)]
    assert len({session.key.day for _, session in ratings.sessions}) == 2


@pytest.mark.parametrize("fault", ["stored, answer lost", "killed"])
def test_a_crash_between_commit_and_publishing_loses_nothing_of_a_session_in_progress(
    fault: str,
) -> None:
    ratings = FaultyRatings(*([fault] if fault == "stored, answer lost" else []))
    teller = Teller(ratings)
    events = [PAYTABLE, CARD_IN, *game(2, wager=250)]
    if fault == "killed":
        silent = RatePlayers(ratings, teller.rate._house_of, lambda _: None, lambda: NOW)
        silent([batch(SLOT, events)])
    else:
        with pytest.raises(TimeoutError):
            teller(SLOT, events)
    assert teller.topic.told == []
    assert coin_in(ratings) == 250

    outcome = teller(SLOT, events)

    assert (outcome.rated, outcome.duplicate) == (0, 4)
    assert teller.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 2)]


def test_a_topic_that_is_down_stops_no_rating_and_hears_what_holds_with_the_next_event() -> None:
    ratings = FaultyRatings()
    teller = Teller(ratings)
    teller.topic.failures = 2

    first = teller(SLOT, [PAYTABLE, CARD_IN, *game(2, wager=250)])
    second = teller(SLOT, game(10, wager=100))

    assert teller.topic.told == []
    assert (first.unpublished, second.unpublished) == (2, 2)
    assert (first.published, second.published) == (0, 0)
    assert coin_in(ratings) == 350

    third = teller(SLOT, game(20, wager=10))

    assert teller.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 3)]
    assert (third.published, third.unpublished) == (2, 0)


def test_a_process_whose_history_another_moved_on_tells_what_holds_by_then() -> None:
    teller = Teller()
    teller(SLOT, [PAYTABLE, CARD_IN, *game(2, wager=150)])
    other = teller.again()
    other(SLOT, game(10, wager=100))
    other(SLOT, [event(20, CardRemoved(), "p-81"), event(21, CardInserted(), "p-9")])
    teller.topic.told.clear()

    teller(SLOT, game(30, wager=300, player="p-9"))

    assert teller.pauses == [1]
    assert teller.topic.short == [("session.started", "p-9", None), ("worth.crossed", "p-9", 3)]


def test_what_is_long_past_is_not_told_and_what_holds_is_told_once_there_is_news() -> None:
    teller = Teller()
    teller.second = 10 + 16 * 60
    teller(SLOT, [PAYTABLE, CARD_IN, *game(2, wager=150)])
    teller(SLOT, game(2, wager=150))
    assert teller.topic.told == []

    teller.second = 20
    teller(SLOT, game(10, wager=10))

    assert teller.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 1)]


def test_a_correction_of_a_session_that_is_over_is_told_to_nobody() -> None:
    teller = Teller()
    teller(SLOT, [PAYTABLE, CARD_IN, *game(2), event(10, CardRemoved(), "p-81")])
    teller(SLOT, game(20, player=None))
    teller.topic.told.clear()

    teller(SLOT, game(8, wager=5_000))

    assert teller.topic.told == []


def test_a_late_card_in_makes_it_another_session_with_all_it_came_to() -> None:
    teller = Teller()
    teller(SLOT, [PAYTABLE, *game(10, wager=150)])
    teller.topic.told.clear()

    teller(SLOT, [event(5, CardInserted(), "p-81")])

    ended, started, crossed = teller.topic.told
    assert (ended.kind, ended.session_started_at) == (ChangeKind.SESSION_ENDED, START + 10_000)
    assert (started.kind, started.session_started_at) == (
        ChangeKind.SESSION_STARTED,
        START + 5_000,
    )
    assert (crossed.worth_step, crossed.theoretical_win) == (1, 150_000)


def test_play_that_is_rated_late_counts_for_the_session_in_progress() -> None:
    teller = Teller()
    teller(SLOT, [CARD_IN, *game(2, wager=350)])
    teller(SLOT, game(400, wager=10))
    teller.second = 420
    teller.topic.told.clear()

    teller(SLOT, [event(410, PaytableReported(9_000))])

    assert teller.topic.short == [("worth.crossed", "p-81", 3)]


def test_a_tier_is_told_of_where_a_step_was_crossed_that_day_and_once() -> None:
    teller = Teller()
    teller(SLOT, [PAYTABLE, CARD_IN, *game(2, wager=4_990)])
    assert [change.kind for change in teller.topic.told].count(ChangeKind.TIER_REACHED) == 0
    teller.topic.told.clear()

    teller(SLOT, game(10, wager=100))
    crossed, reached = teller.topic.told
    assert crossed.kind is ChangeKind.WORTH_CROSSED
    assert (reached.kind, reached.tier, reached.worth_step) == ("tier.reached", "gold", None)
    assert reached.change_id == "tier.reached/north/p-81/2020-06-16/gold"
    teller.topic.told.clear()

    teller(SLOT, game(20, wager=100))
    assert teller.topic.short == [("worth.crossed", "p-81", 51)]


def test_a_tier_of_another_day_is_not_told_of() -> None:
    teller = Teller()
    teller(SLOT, [PAYTABLE, CARD_IN, *game(2, wager=5_000), event(10, CardRemoved(), "p-81")])
    next_day = 86_400
    teller.second = next_day + 10
    teller.topic.told.clear()

    teller(SLOT, game(next_day, wager=100))

    assert teller.topic.short == [("session.started", "p-81", None), ("worth.crossed", "p-81", 1)]


def test_the_handler_counts_what_it_published(
    wiring: Wiring, capsys: pytest.CaptureFixture[str]
) -> None:
    teller = Teller()
    teller.second = sample_events.MONDAY_EVENING // 1_000 - START // 1_000 + 60
    wiring.rate = teller.rate
    play = [{**PLAY[1]}, {**PLAY[2]}]

    lambda_handler.handler(delivered(stream_record(play)), None)

    metrics = told(capsys)
    assert (metrics["ChangesPublished"], metrics["ChangesUnpublished"]) == (1, 0)


def test_the_handler_counts_what_the_topic_did_not_take(
    wiring: Wiring, capsys: pytest.CaptureFixture[str]
) -> None:
    teller = Teller()
    teller.second = sample_events.MONDAY_EVENING // 1_000 - START // 1_000 + 60
    teller.topic.failures = 1
    wiring.rate = teller.rate

    lambda_handler.handler(delivered(stream_record(PLAY[1:3])), None)

    metrics = told(capsys)
    assert (metrics["ChangesPublished"], metrics["ChangesUnpublished"]) == (0, 1)
