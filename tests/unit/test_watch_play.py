"""Watching play: what is asked of it as it comes, what is told once, and what a decision does."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.anomalies.cards import METRES_A_UNIT, CardDay, CardGame, asked_of, joined, metres_of
from pitboss.anomalies.questions import Question
from pitboss.anomalies.reviews import SILENT_MS, Review, ReviewStatus, review_of, subject_of
from pitboss.anomalies.watch import MIN_GAMES, Brought, Suspicion, Watched, bring_in
from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.envelope import is_identifier, read_envelope
from pitboss.events.slot import (
    RATED_TYPES,
    CardInserted,
    CardRemoved,
    EventsOverflowed,
    GameEnded,
    GameStarted,
    PaytableReported,
    SlotData,
    SlotEvent,
)
from pitboss.floor.plan import FloorPlan as Plan
from pitboss.floor.plan import Place
from pitboss.floor.rows import block_of
from pitboss.gaming_day import GamingDay
from pitboss.rating.fold import House
from pitboss.stores.reviews import CardKey, DynamoReviews
from tests import sample_events
from tests.fakes.network import Heard, Strikes, tables
from watch_play import handler as lambda_handler
from watch_play import service
from watch_play.service import Outcome, WatchPlay
from workbench.proof.network import Fault, Kill, Killed, Lose, Network, Refuse
from workbench.simulation import FloorPlan, open_floor
from workbench.simulation.envelopes import envelope_line
from workbench.simulation.places import laid_out

NOW = 1_767_225_600_000
NORTH = "north"
RULE = GamingDay.parse("America/Los_Angeles@06:00")
HOUSE = House(lambda at: RULE.date_of(at).isoformat())
HOLD = PaytableReported(9_000)


def event(at: int, data: SlotData, player_id: str | None = "p-1", sequence: int = 1) -> SlotEvent:
    """An event so long after `NOW`."""
    return SlotEvent(f"{at}-{sequence}-{type(data).__name__}", NOW + at, sequence, player_id, data)


def game(
    at: int, win: int = 0, meter: int | None = None, player_id: str | None = "p-1", wager: int = 100
) -> list[SlotEvent]:
    """A game that starts so long after `NOW` and takes half a second."""
    return [
        event(at, GameStarted(wager, meter), player_id),
        event(at + 500, GameEnded(win), player_id, 2),
    ]


UNEVEN = tuple(accumulate((3_000 + 911 * n * n % 4_999 for n in range(200)), initial=1_000))
"""Starts of games as a person plays."""


def watched(*events: SlotEvent, after: Brought | None = None) -> Brought:
    """Machine 7 after these events, and a paytable where it is new."""
    if after is None:
        return bring_in(Watched("7"), None, [event(0, HOLD, None), *events], HOUSE)
    return bring_in(after.row, after.place, events, HOUSE)


def asked(found: Brought) -> set[Question]:
    """What the session was asked."""
    assert found.row.session is not None
    return set(found.row.session.play.evidence)


# --- a floor with cheats --------------------------------------------------------------------------


@pytest.fixture(scope="module", name="floor")
def _floor() -> tuple[dict[str, list[SlotEvent]], list[dict[str, Any]]]:
    """A floor's events by machine, and which sessions were cheats."""
    opened = open_floor(FloorPlan(8, 3, 25, 4, cheats=4))
    events: dict[str, list[SlotEvent]] = defaultdict(list)
    for delivered in opened.events():
        envelope, told = read_envelope(envelope_line(delivered, NORTH))
        if type(told.data) in RATED_TYPES:
            events[envelope.asset_id].append(told)
    return events, opened.truth()["cheats"]


OF_A_CHEAT = {
    "quick": Question.PACE,
    "even": Question.RHYTHM,
    "wins": Question.WINS,
    "meters": Question.METERS,
}


def test_every_cheat_is_found_once_and_nobody_else_is(floor: Any) -> None:
    events, cheats = floor
    found: list[Suspicion] = []
    for asset_id, told in events.items():
        found += bring_in(Watched(asset_id), None, told, HOUSE).suspicions

    assert {cheat["cheat"] for cheat in cheats} == set(OF_A_CHEAT)
    assert sorted((s.player_id, s.asset_id, s.began_at, s.question) for s in found) == sorted(
        (c["player_id"], c["asset_id"], c["started_at"], OF_A_CHEAT[c["cheat"]]) for c in cheats
    )
    assert all(s.odds_against >= 60_000 for s in found)


def test_how_events_are_batched_makes_no_difference_and_what_comes_again_is_known(
    floor: Any,
) -> None:
    events, cheats = floor
    for asset_id in sorted({cheat["asset_id"] for cheat in cheats}):
        told = sorted(
            events[asset_id], key=lambda one: (one.occurred_at, one.sequence, one.event_id)
        )
        whole = bring_in(Watched(asset_id), None, told, HOUSE)
        row, place = Watched(asset_id), None
        found: list[Suspicion] = []
        for first in range(0, len(told), 97):
            part = bring_in(row, place, told[first : first + 97], HOUSE)
            row, place, found = part.row, part.place, found + part.suspicions
        again = bring_in(row, place, told, HOUSE)

        assert (row, place, found) == (whole.row, whole.place, whole.suspicions)
        assert (again.row, again.suspicions, again.known) == (row, [], len(told))


# --- what is asked --------------------------------------------------------------------------------


def test_a_meter_is_asked_about_from_the_second_time_it_was_seen() -> None:
    first = watched(*game(1_000, meter=900))
    assert asked(first) == {Question.WINS}

    second = watched(*game(9_000, meter=1_000), after=first)
    assert asked(second) == {Question.WINS, Question.PACE, Question.METERS}
    assert asked(watched(*game(9_000), after=first)) == {Question.WINS, Question.PACE}


def metered(*meters: int) -> list[SlotEvent]:
    return [one for at, meter in zip(UNEVEN, meters, strict=False) for one in game(at, meter=meter)]


def test_meters_that_lag_behind_wagers_are_told_and_those_of_lost_games_are_not() -> None:
    lagging = watched(*metered(*(100 * n - n // 4 * 100 for n in range(60))))
    losing = watched(*metered(*(100 * n + n // 4 * 100 for n in range(60))))

    assert [s.question for s in lagging.suspicions] == [Question.METERS]
    assert lagging.suspicions[0].games < 30
    assert losing.suspicions == []


def test_where_the_machine_says_that_events_were_lost_its_meter_is_not_asked_about() -> None:
    events = [*metered(100, 150), event(UNEVEN[1] - 1, EventsOverflowed(), None)]

    assert Question.METERS not in asked(watched(*events))
    assert Question.METERS in asked(watched(*metered(100, 150)))


def test_a_share_of_winning_games_is_that_of_sessions_before_and_rounded_up() -> None:
    events: list[SlotEvent] = []
    at = 1_000
    for n in range(MIN_GAMES):
        at += UNEVEN[n % 200 + 1] - UNEVEN[n % 200]
        events += game(at, 100 * (n % 4 == 0), player_id="p-1")
    before = watched(*events)
    assert (before.row.games, before.row.hits) == (MIN_GAMES, MIN_GAMES // 4)
    assert Question.HITS not in asked(before)

    often = [one for s in UNEVEN[:120] for one in game(at + s, 50, player_id="p-2")]
    after = watched(*often, after=before)

    assert after.row.session is not None
    assert after.row.session.hit_share == pytest.approx(0.25 + 3 * (0.1875 / MIN_GAMES) ** 0.5)
    assert [(s.question, s.player_id) for s in after.suspicions] == [(Question.HITS, "p-2")]
    other = watched(event(at + 600, PaytableReported(9_500), None), *often, after=before)
    assert other.suspicions == []
    assert (other.row.games, other.row.hits) == (120, 120)


def test_a_game_of_which_half_is_missing_is_not_asked_what_it_paid() -> None:
    started = watched(event(1_000, GameStarted(100)), *game(9_000))
    assert started.row.session is not None
    assert (started.games, started.row.games) == (2, 1)
    assert watched(event(1_000, GameEnded(100))).games == 0
    unknown = bring_in(Watched("7"), None, game(1_000), HOUSE)
    assert asked(unknown) == set()


def test_a_session_is_a_card_and_play_without_one_is_of_its_day() -> None:
    day = 86_400_000
    events = [
        event(1_000, CardInserted()),
        *game(2_000),
        *game(6_500),
        event(11_000, CardRemoved()),
        *game(20_000, player_id=None),
        *game(26_000, player_id=None),
        event(31_000, CardInserted()),
        *game(32_000),
        *game(day, player_id=None),
        *game(2 * day, player_id=None),
    ]
    found, sessions = watched(), []
    for one in events:
        found = watched(one, after=found)
        session = found.row.session
        if found.games and session is not None:
            sessions.append((session.player_id, session.began_at - NOW, session.games))

    assert sessions == [
        *(("p-1", 1_000, 1), ("p-1", 1_000, 2)),
        *((None, 20_000, 1), (None, 20_000, 2)),
        *(("p-1", 31_000, 1), (None, day, 1), (None, 2 * day, 1)),
    ]


# --- reviews --------------------------------------------------------------------------------------


@cache
def store() -> DynamoReviews:
    """One for all tests: making its client takes longer than a test."""
    return DynamoReviews("floor", "us-east-1")


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "floor") as made:
        yield made


def suspected(question: Question = Question.PACE, player_id: str | None = "p-1") -> Review:
    return review_of(Suspicion(question, "7", player_id, NOW, NOW + 9, 7, 70_000))


def test_a_review_is_of_a_session_and_about_the_player_or_the_machine() -> None:
    assert suspected().review_id == f"{NOW}-7-pace"
    assert subject_of(suspected()) == "player/p-1"
    assert subject_of(suspected(Question.METERS)) == "machine/7"
    assert subject_of(suspected(player_id=None)) == "machine/7"


@pytest.mark.parametrize("question", [Question.RHYTHM, Question.METERS])
def test_a_review_of_a_machine_with_a_long_name_can_be_decided(question: Question) -> None:
    """The command and the API take ids of at most 64 characters."""
    suspicions = [Suspicion(question, f"{n}" * 64, None, NOW, NOW, 7, 9) for n in range(2)]

    one, other = (review_of(one).review_id for one in suspicions)

    assert is_identifier(one)
    assert one != other


def test_the_first_verdict_stays_and_what_is_cleared_is_silent_for_ninety_days(
    network: Network,
) -> None:
    review, kept = suspected(), store()
    assert kept.put_review(NORTH, review)
    assert not kept.put_review(NORTH, suspected())
    assert kept.reviews(NORTH, ReviewStatus.OPEN, 9) == [review]

    def decide(verdict: ReviewStatus, by: str) -> Review | None:
        return kept.decide(NORTH, review.review_id, verdict, by, NOW, "seen on camera")

    first = decide(ReviewStatus.CLEARED, "rosa")
    assert first is not None
    assert (first.status, first.decided_by) == (ReviewStatus.CLEARED, "rosa")
    assert decide(ReviewStatus.CONFIRMED, "jo") == first == kept.review(NORTH, review.review_id)
    assert kept.reviews(NORTH, ReviewStatus.OPEN, 9) == []
    assert kept.reviews(NORTH, None, 9) == [first]
    assert kept.is_silent(NORTH, review, NOW + SILENT_MS - 1)
    assert not kept.is_silent(NORTH, review, NOW + SILENT_MS)
    assert not kept.is_silent(NORTH, suspected(Question.WINS), NOW)
    assert not kept.is_silent(NORTH, suspected(player_id="p-2"), NOW)
    assert not kept.is_silent("south", review, NOW)
    assert kept.decide(NORTH, "nothing", ReviewStatus.CLEARED, "jo", NOW, "x") is None


def test_what_is_confirmed_is_told_again(network: Network) -> None:
    store().put_review(NORTH, suspected())
    store().decide(NORTH, suspected().review_id, ReviewStatus.CONFIRMED, "rosa", NOW, "barred")

    assert not store().is_silent(NORTH, suspected(), NOW)


# --- batches --------------------------------------------------------------------------------------


def watcher() -> WatchPlay:
    return WatchPlay(store(), lambda property_id: HOUSE, lambda: NOW, lambda attempt: None)


def batch(asset_id: str, *events: SlotEvent) -> SlotBatch:
    return SlotBatch(BatchHeader(NORTH, asset_id, NOW, "gateway-1", "envelope"), list(events))


def quick(first: int, count: int, player_id: str = "p-1") -> list[SlotEvent]:
    """Games of a program that is quick, and not even."""
    return [
        one
        for n in range(count)
        for one in game(first + n * 1_000 + n % 2 * 300, player_id=player_id)
    ]


def test_a_batch_leaves_a_review_and_the_whole_stream_again_leaves_nothing_more(
    network: Network,
) -> None:
    batches = [
        batch("7", event(0, HOLD, None), *quick(1_000, 5)),
        batch("8", *game(1_000)),
        batch("7", *quick(6_000, 20)),
    ]

    first = watcher()(batches)

    assert (first.events, first.games, first.suspicions, first.blocks) == (53, 26, 1, 2)
    (review,) = store().reviews(NORTH, None, 9)
    assert review.review_id == f"{NOW + 1_000}-7-pace"
    assert (review.player_id, review.games, review.at) == ("p-1", 7, NOW + 7_300)
    assert review.odds_against >= 60_000
    before = list(map(dict, network.dynamodb.tables["floor"].items()))
    again = watcher()(batches)
    assert (again.known, again.games, again.suspicions, again.blocks) == (53, 0, 0, 0)
    assert list(map(dict, network.dynamodb.tables["floor"].items())) == before
    assert store().live(NORTH).sums == [], "no page is shown any of it"
    assert store().properties() == []


def test_what_was_cleared_stays_silent_in_the_players_next_session(network: Network) -> None:
    watch = watcher()
    watch([batch("7", *quick(1_000, 20))])
    (review,) = store().reviews(NORTH, None, 9)
    store().decide(NORTH, review.review_id, ReviewStatus.CLEARED, "rosa", NOW, "a fast player")

    same = watch([batch("7", event(30_000, CardRemoved()), *quick(31_000, 20))])
    another = watch([batch("7", *quick(71_000, 20, "p-2"))])

    assert (same.suspicions, same.silenced) == (0, 1)
    assert (another.suspicions, another.silenced) == (1, 0)
    assert [one.player_id for one in store().reviews(NORTH, ReviewStatus.OPEN, 9)] == ["p-2"]


def test_a_machine_whose_events_cannot_be_rated_keeps_nobody_else_from_being_watched(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_on_8(row: Watched, *rest: Any) -> Brought:
        if row.asset_id == "8":
            raise OverflowError("no such date")
        return bring_in(row, *rest)

    monkeypatch.setattr(service, "bring_in", fails_on_8)
    outcome = watcher()([batch("8", *game(1_000)), batch("7", *game(1_000))])
    assert (outcome.unwatched, outcome.games) == (2, 1)

    def broken(*_: Any) -> Brought:
        raise ValueError("a bug")

    monkeypatch.setattr(service, "bring_in", broken)
    with pytest.raises(BrokenReleaseError):
        watcher()([batch("7", *game(9_000))])


FAULTS: tuple[Fault, ...] = (
    Kill(after=False),
    Kill(after=True),
    Lose(effect=True),
    Refuse("ThrottlingException"),
)
MACHINES = ("7", "69", "8")
assert block_of("7") == block_of("69") != block_of("8")

played = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(MACHINES), st.integers(1, 9)), min_size=1, max_size=4),
        st.integers(0, 9),
        st.sampled_from(FAULTS),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def bring(given_batches: Sequence[Any], *, is_disturbed: bool) -> Any:
    """What is stored after these batches, each of which comes until it is taken: in halves, as
    Lambda delivers what failed; and once more.
    """
    with tables(NOW, "floor") as made:
        strikes = Strikes(made)
        watch, other = watcher(), watcher()
        at = 1_000
        for told, strikes_at, fault, comes_again in given_batches:
            batches = []
            for asset_id, games in told:
                batches.append(batch(asset_id, *quick(at, games)))
                at += 1_000 * games
            if is_disturbed:
                strikes.at(strikes_at, fault)
            try:
                watch(batches)
            except (Killed, ClientError, BotoCoreError):
                strikes.end()
                half = len(batches) // 2
                watch(batches[:half])
                watch(batches[half:])
            strikes.end()
            if is_disturbed and comes_again:
                other(batches)
        blocks = store().watches(NORTH, {block_of(asset_id) for asset_id in MACHINES})
        rows = {asset_id: row for block in blocks.values() for asset_id, row in block.rows.items()}
        marks = {asset_id: at for block in blocks.values() for asset_id, at in block.marks.items()}
        return store().reviews(NORTH, None, 99), rows, marks


@settings(max_examples=25, deadline=None)
@example([([("7", 9)], strikes_at, Kill(after=True), True) for strikes_at in range(5)])
# A worker that has not heard of what another brought in meanwhile.
@example(
    [
        ([("7", 6)], 9, Kill(after=False), True),
        ([("7", 1)], 1, Kill(after=False), True),
        ([("7", 5), ("69", 9)], 3, Lose(effect=True), True),
    ]
)
@given(played)
def test_nothing_that_goes_wrong_or_comes_again_makes_a_difference(
    given_batches: list[Any],
) -> None:
    disturbed = bring(given_batches, is_disturbed=True)

    assert disturbed == bring(given_batches, is_disturbed=False)


# --- cards at two places --------------------------------------------------------------------------

FAR = Plan([Place(one, 40 * n / METRES_A_UNIT, 0, "Main") for n, one in enumerate(MACHINES)])
CARD = CardKey(HOUSE.day_of(NOW), "p-1")


def minutes_of(asset_id: str, first: int, count: int, player_id: str = "p-1") -> list[SlotBatch]:
    """Play as a person plays, a batch a minute."""
    return [
        batch(
            asset_id,
            *(
                one
                for n in range(9)
                for one in game(at + n * 6_300 + 911 * n * n % 1_999, 0, None, player_id)
            ),
        )
        for at in range(first, first + 60_000 * count, 60_000)
    ]


def keep_plan() -> None:
    assert store().keep_plan(NORTH, replace(FAR, version=1), NOW, "rosa")


def test_one_card_at_two_places_leaves_one_review_of_its_gaming_day(network: Network) -> None:
    keep_plan()
    card, other = minutes_of("7", 1_000, 9), minutes_of("8", 3_000, 9)
    honest = [*minutes_of("69", 1_000, 2, "p-2"), *minutes_of("8", 721_000, 9, "p-2")]

    first = watcher()([*card[:5], *honest])
    second = watcher()(other)
    third = watcher()(card[5:])

    assert [one.suspicions for one in (first, second, third)] == [0, 1, 0]
    (review,) = store().reviews(NORTH, None, 9)
    assert review.review_id == "1767139200000-p-1-places"
    assert (review.player_id, review.question) == ("p-1", Question.PLACES)
    assert (review.games, review.odds_against) == (4, 76_029)
    assert review.reason.startswith("one card is at two places")
    assert subject_of(review) == "player/p-1"
    before = list(map(dict, network.dynamodb.tables["floor"].items()))
    again = watcher()([*honest, *other, *card])
    assert (again.cards, again.suspicions, again.blocks) == (0, 0, 0)
    assert list(map(dict, network.dynamodb.tables["floor"].items())) == before


def test_the_simulators_shared_card_is_found_and_no_other() -> None:
    opened = open_floor(FloorPlan(100, 20, 25, 4, cheats=5))
    far = metres_of(laid_out([machine.asset_id for machine in opened.machines]))
    games: dict[str, list[CardGame]] = defaultdict(list)
    for delivered in opened.events():
        envelope, told = read_envelope(envelope_line(delivered, NORTH))
        if isinstance(told.data, GameStarted) and told.player_id is not None:
            took = delivered.cache_time - told.occurred_at
            games[told.player_id].append(CardGame(envelope.asset_id, told.occurred_at, took))

    found = {
        player_id
        for player_id, played in games.items()
        if asked_of(joined(CardDay(), played, far), far).proof is not None
    }
    cheats = opened.truth()["cheats"]
    assert found == {one["player_id"] for one in cheats if one["cheat"] == "shared"}
    assert len(found) == 1


def test_where_there_is_no_plan_no_card_is_at_two_places(network: Network) -> None:
    outcome = watcher()([*minutes_of("7", 1_000, 9), *minutes_of("8", 3_000, 9)])

    assert (outcome.cards, outcome.suspicions) == (1, 0)


def test_a_plan_is_read_again_after_a_minute(network: Network) -> None:
    now = [NOW]
    watch = WatchPlay(store(), lambda property_id: HOUSE, lambda: now[0], lambda attempt: None)
    *card, last = [*minutes_of("7", 1_000, 9), *minutes_of("8", 3_000, 9)]
    watch(card)
    keep_plan()

    now[0] += service.PLAN_MS - 1
    assert watch([last]).suspicions == 0
    now[0] += 1
    assert watch([last]).suspicions == 1


@settings(max_examples=15, deadline=None)
@given(
    st.permutations(range(12)),
    st.lists(st.integers(0, 11), max_size=6),
    st.integers(0, 9),
    st.sampled_from(FAULTS),
)
def test_in_whatever_order_and_by_whoever_a_card_is_watched_it_is_told_of_once(
    order: list[int], comes_again: list[int], strikes_at: int, fault: Fault
) -> None:
    whole = [*minutes_of("7", 1_000, 6), *minutes_of("8", 3_000, 6)]
    with tables(NOW, "floor") as made:
        keep_plan()
        strikes = Strikes(made)
        watchers = watcher(), watcher()
        for place, number in enumerate([*order, *comes_again]):
            if place == len(order) // 2:
                strikes.at(strikes_at, fault)
            try:
                watchers[place % 2]([whole[number]])
            except (Killed, ClientError, BotoCoreError):
                strikes.end()
                watchers[place % 2]([whole[number]])
        strikes.end()
        (review,) = store().reviews(NORTH, None, 9)
        assert review.review_id == "1767139200000-p-1-places"
        (_, card) = store().cards(NORTH, [CARD])[CARD]
        assert card.is_told
        assert asked_of(card, metres_of(FAR)).minutes_until == 4
        assert (card.stays[0].first, card.stays[-1].last) == (
            min(one.occurred_at for one in whole[0].events),
            whole[11].events[-2].occurred_at,
        )


def test_two_who_write_a_card_at_once_lose_none_of_its_games(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_plan()
    slow, quick_one = watcher(), watcher()
    kept = store().cards

    def between(property_id: str, keys: Any) -> Any:
        found = kept(property_id, keys)
        monkeypatch.undo()
        quick_one(minutes_of("8", 3_000, 6))
        return found

    monkeypatch.setattr(store(), "cards", between)
    outcome = slow(minutes_of("7", 1_000, 6))

    assert (outcome.cards_contended, outcome.suspicions) == (1, 1)


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard[Outcome]:
    found = Heard(Outcome())
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: found)
    return found


@pytest.mark.parametrize("case", sample_events.load("watch_play"))
def test_what_cannot_be_read_is_left_out(case: str, heard: Heard[Outcome]) -> None:
    event = sample_events.load("watch_play")[case]

    assert lambda_handler.handler(event, None) == {"batchItemFailures": []}

    ((batches,),) = heard.calls
    assert [one.header.asset_id for one in batches] == (
        ["1940732", "5093619"] if case == "play" else ["1940732", "1940732"]
    )


def test_a_release_that_can_read_no_record_leaves_none_out(
    heard: Heard[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: bytes) -> Any:
        raise ValueError("a bug")

    monkeypatch.setattr(lambda_handler, "unpack", broken)

    with pytest.raises(BrokenReleaseError):
        lambda_handler.handler(sample_events.load("watch_play")["play"], None)

    assert heard.calls == []
