"""Games' events of the last days: kept by `index_events`, found by `serve_events`, each once."""

from collections.abc import Iterable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from index_events import handler as indexing
from index_events.service import IndexEvents, Outcome
from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader
from pitboss.games.applications import Application
from pitboss.games.events import LANES, GameEvent, lane_of
from pitboss.games.recent import (
    EVERY,
    KEPT_MS,
    MAX_BLOCK_BYTES,
    MINUTE_MS,
    Cell,
    Position,
    RecentEvent,
    Sought,
    blocks_of,
    cells_in_all,
    newest,
    places_of,
    unique,
    unpacked,
)
from pitboss.stores.batches import UnwrittenItems
from pitboss.stores.recent_events import DynamoRecentEvents, Newest
from serve_events.service import Asked, EventDocument, freshness, search
from tests.fakes.lake import MemoryLake
from tests.fakes.network import Heard, Strikes, tables
from tests.sample_events import MONDAY_EVENING as NOW
from tests.sample_events import load
from workbench.proof.network import Call, Fault, Kill, Killed, Network, Part

NORTH, RACE = "north", "space-race"


def event(
    number: int,
    at: int = 0,
    player_id: str | None = "p-1",
    event_type: str = "died",
    level_id: str | None = "nebula",
    data: bytes = b"{}",
) -> GameEvent:
    """An event so many milliseconds before `NOW`."""
    return GameEvent(
        *(f"e-{number}", NOW - at, event_type, "1", "", player_id, level_id, None, None, data, True)
    )


def received(*events: GameEvent, at: int = NOW) -> list[RecentEvent]:
    return [RecentEvent(at, one) for one in events]


def record(
    *events: GameEvent, at: int = NOW, application_id: str = RACE, property_id: str = NORTH
) -> tuple[BatchHeader, list[GameEvent]]:
    return BatchHeader(property_id, application_id, at, "race-server", "studio"), list(events)


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "recent") as made:
        yield made


@cache
def store() -> DynamoRecentEvents:
    """One for all tests: making its client takes longer than a test."""
    return DynamoRecentEvents("recent", "us-east-1")


def indexer(application: Application | None = None) -> IndexEvents:
    applications = SimpleNamespace(find=lambda *_: application)
    return IndexEvents(store(), applications, lambda: NOW, lambda _: None)


def query(**said: str | int) -> Asked:
    given = {name: [str(value)] for name, value in {"application": RACE, **said}.items()}
    return Asked.of(given, NOW)


def found(**said: str | int) -> list[EventDocument]:
    """All pages of a search."""
    events: list[EventDocument] = []
    asked = query(**said)
    while True:
        page = search(store(), NORTH, asked, lambda: NOW).document
        events += page.events
        if page.next is None:
            return events
        asked = asked._replace(before=Position.of(page.next))


def ids(events: Iterable[EventDocument]) -> list[str]:
    return [one.event_id for one in events]


# What is kept.


def test_an_event_is_the_first_that_was_received_of_its_client_id_and_moment() -> None:
    first = RecentEvent(NOW, event(1))
    later = RecentEvent(NOW + 1, event(1, event_type="won"))
    others = received(event(1, player_id="p-2"), event(1, at=1), event(2))

    for order in ([first, later, *others], [*others, later, first, later]):
        assert sorted(unique(order), key=lambda one: one.place) == sorted(
            [first, *others], key=lambda one: one.place
        )


def test_of_two_received_together_the_order_says_nothing() -> None:
    one, other = received(event(1, data=b'{"a":1}'), event(1, data=b'{"a":2}'))

    assert unique([one, other]) == unique([other, one])


def test_what_is_found_is_decided_before_what_it_is_looked_for_by() -> None:
    """A later copy of another type does not come up as that type."""
    copies = [RecentEvent(NOW, event(1)), RecentEvent(NOW + 1, event(1, event_type="won"))]

    assert newest(copies, Sought(event_type="won"), None, 9) == []
    assert newest(copies, Sought(event_type="died"), None, 9) == copies[:1]


def test_blocks_hold_all_of_a_cell_and_fit_in_an_item() -> None:
    large = [event(n, data=b'{"a":"%s"}' % (b"x" * 60_000)) for n in range(5)]
    whole = event(9, data=b'{"a":"%s"}' % (b"y" * 262_000))
    events = received(*large, whole, *(event(n) for n in range(10, 60)))
    cell = Cell.of(whole)

    blocks = list(blocks_of(cell, reversed(events)))

    assert blocks == list(blocks_of(cell, events))  # whatever order they came in
    assert {len(unpacked(one.body)) for one in blocks if len(one.body) > MAX_BLOCK_BYTES} == {1}
    kept = [one for block in blocks for one in unpacked(block.body)]
    assert sorted(kept, key=lambda one: one.place) == sorted(events, key=lambda one: one.place)


def test_a_cell_is_listed_once_for_each_type_level_and_player() -> None:
    events = received(event(1), event(2), event(3, event_type="won", level_id=None))
    cell = Cell.of(events[0].event)

    assert {(one.list_name, one.at) for one in places_of(cell, events)} == {
        (EVERY, str(cell)),
        ("type/died", str(cell)),
        ("type/won", str(cell)),
        ("level/nebula", str(cell)),
        ("player/p-1", f"{cell.minute // 60:010d}"),
    }


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=3))
def test_cells_in_all_lists(numbers: list[set[int]]) -> None:
    lists = [iter(sorted((str(Cell(n, n % 3)) for n in some), reverse=True)) for some in numbers]

    both = [cell.minute for cell in cells_in_all(lists)]

    assert both == sorted(set.intersection(*numbers), reverse=True)


def test_a_place_is_told_as_it_was_written() -> None:
    place = Position(NOW, "p-1", 1, "a/b")

    assert Position.of(str(place)) == place
    at = f"{NOW:015d}"
    for wrong in ("", "1/p/0/e", "x/p/0/e", at, f"{at}/p", f"{at}/p/e", f"{at}/p/2/e"):
        with pytest.raises(ValueError, match=r"unpack|moment|neither"):
            Position.of(wrong)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(0, 2), st.integers(0, 3)))
)
def test_a_client_takes_nothing_from_others(said: list[tuple[str, bool, int, int]]) -> None:
    events = [
        RecentEvent(NOW + later, replace(event(number, player_id=who), is_trusted=trusted))
        for who, trusted, number, later in said
    ]
    of_others = [one for one in events if one.event.told_by != "b"]

    assert {one for one in unique(events) if one.event.told_by != "b"} == set(unique(of_others))


# What is found.

KINDS = st.sampled_from(["died", "won", "login"])
PLAYERS = st.sampled_from([None, "p-1", "p-2", "p-3"])
EVENTS = st.builds(
    event,
    st.integers(0, 6),
    st.sampled_from([0, 1, 59_999, 60_000, 61_000, 3_600_000, 7_200_001, KEPT_MS, KEPT_MS + 1]),
    PLAYERS,
    KINDS,
    st.sampled_from([None, "nebula", "reef/2"]),
)
ARRIVALS = st.lists(st.tuples(EVENTS, st.integers(0, 3)), max_size=25)


@settings(max_examples=60, deadline=None)
@given(
    arrivals=ARRIVALS,
    cut=st.integers(1, 7),
    again=st.integers(0, 10),
    said=st.fixed_dictionaries(
        {"limit": st.integers(1, 4)},
        optional={
            "player": st.sampled_from(["p-1", "p-2"]),
            "type": KINDS,
            "level": st.sampled_from(["nebula", "reef/2"]),
            "since": st.sampled_from([NOW - 61_000, NOW - 59_999]),
            "until": st.sampled_from([NOW, NOW - 59_999]),
        },
    ),
)
def test_a_search_finds_what_was_sent_once_whatever_came_how_often(
    arrivals: list[tuple[GameEvent, int]], cut: int, again: int, said: dict[str, Any]
) -> None:
    records = [record(one, at=NOW + delay) for one, delay in arrivals]
    known: dict[Position, RecentEvent] = {}
    for one in unique(RecentEvent(NOW + delay, one) for one, delay in arrivals):
        known[one.place] = one

    with tables(NOW, "recent"):
        index = indexer()
        for start in range(0, len(records), cut):
            index(records[start : start + cut])
        indexer()(records[again:] + records[:again])  # by another container, cut otherwise
        events = found(**said)

    expected = [
        one
        for _, one in sorted(known.items(), reverse=True)
        if one.event.occurred_at >= NOW - KEPT_MS
        and said.get("since", 0) <= one.event.occurred_at < said.get("until", NOW + 1)
        and said.get("player", one.event.player_id) == one.event.player_id
        and said.get("type", one.event.event_type) == one.event.event_type
        and said.get("level", one.event.level_id) == one.event.level_id
    ]
    assert [(one.received_at, one.event_id, one.player_id) for one in events] == [
        (one.received_at, one.event.event_id, one.event.player_id) for one in expected
    ]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_call_leaves_nothing_out(
    network: Network, number: int, *, after: bool
) -> None:
    records = [record(*(event(n, at=n * MINUTE_MS) for n in range(start, start + 8)))
               for start in (0, 8)]  # fmt: skip

    Strikes(network).at(number - 1, Kill(after))
    index = indexer()
    with pytest.raises(Killed):
        index(records)
    index(records)  # what was not written is not taken for known

    assert ids(found(player="p-1", limit=3)) == [f"e-{n}" for n in range(16)]


def test_what_dynamodb_leaves_is_put_again_and_then_the_batch_comes_again(
    network: Network,
) -> None:
    refused = iter([Part()])
    network.fault = lambda call: next(refused, None)
    indexer()([record(*(event(n) for n in range(5)))])
    assert len(found()) == 5

    def one_at_a_time(call: Call) -> Fault | None:
        items = call.body["RequestItems"]["recent"]
        return Part(entries=tuple(range(1, len(items))))

    network.fault = one_at_a_time
    with pytest.raises(UnwrittenItems):
        indexer()([record(*(event(n, event_type=f"t-{n}") for n in range(20)))])


def test_nothing_of_another_application_or_property_is_found(network: Network) -> None:
    indexer()([record(event(1)), record(event(2), application_id="chase")])
    indexer()([record(event(3), property_id="south")])

    assert ids(found()) == ["e-1"]


def test_every_event_of_a_batch_is_accounted_for(network: Network) -> None:
    race = Application(NORTH, RACE, 1).with_left_out(["heartbeat"], ())

    outcome = indexer(race)(
        [
            record(event(1), event(1), event(2, event_type="heartbeat")),
            record(event(3, at=KEPT_MS + 1), event(4, at=60_000)),
        ]
    )

    assert replace(outcome, blocks=0, places=0) == Outcome(
        received=5, indexed=2, known=1, left_out=1, too_old=1
    )
    assert ids(found()) == ["e-1", "e-4"]
    assert race.with_left_out(["login"], ["heartbeat"]).left_out == ["login"]


def test_a_minute_is_listed_once_as_long_as_it_is_known(network: Network) -> None:
    index = indexer()

    assert index([record(event(1))]).places == 4
    assert index([record(event(2))]).places == 0
    assert index([record(event(3, event_type="won"))]).places == 1


def test_all_items_expire_when_their_events_are_too_old(network: Network) -> None:
    indexer()([record(event(1, at=3_600_000))])

    expire = [int(one["expires"]["N"]) * 1_000 for one in network.dynamodb.tables["recent"].items()]
    assert min(expire) >= NOW - 3_600_000 + KEPT_MS
    assert max(expire) <= NOW + KEPT_MS


def test_an_application_has_come_as_far_as_its_newest_record(network: Network) -> None:
    index = indexer()
    index([record(event(1), at=NOW - 500), record(event(2), at=NOW - 900)])
    index([record(event(1), at=NOW - 800)])  # again, or from another shard

    document = freshness(store(), MemoryLake(), NORTH, NOW)

    (one,) = document.applications
    assert (one.application_id, one.newest_received_at, one.indexed_at) == (RACE, NOW - 500, NOW)


def test_no_type_and_no_player_has_all_writes_under_one_key(network: Network) -> None:
    """A batch of one type by one hot player and many others: lists are told once a minute."""
    crowd = [event(n, player_id=f"p-{n % 40}") for n in range(400)]
    hot = [event(n, player_id="bot") for n in range(400, 800)]
    index = indexer()
    for start in range(0, 400, 50):
        index([record(*crowd[start : start + 50], *hot[start : start + 50])])

    items = list(network.dynamodb.tables["recent"].items())
    listed = [one for one in items if "/type/" in one["pk"]["S"]]
    assert len(listed) == len({lane_of(f"p-{n}") for n in range(40)} | {lane_of("bot")})
    assert len({one["pk"]["S"] for one in items if "/lane/" in one["pk"]["S"]}) > LANES // 2


def test_newest_is_by_application(network: Network) -> None:
    store().tell_newest(NORTH, Newest("b", NOW, NOW))
    store().tell_newest(NORTH, Newest("a", NOW, NOW))
    store().tell_newest("south", Newest("c", NOW, NOW))

    assert [one.application_id for one in store().newest(NORTH)] == ["a", "b"]


# The function, with its sample events.


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard[Outcome]:
    made = Heard(Outcome())
    monkeypatch.setattr(indexing, "_wiring", lambda: made)
    return made


@pytest.mark.parametrize("case", load("index_events"))
def test_a_record_that_cannot_be_read_is_left_out(case: str, heard: Heard[Outcome]) -> None:
    assert indexing.handler(load("index_events")[case], None) == {"batchItemFailures": []}

    ((records,),) = heard.calls
    assert [header.asset_id for header, _ in records] == [RACE]


def test_a_release_that_reads_no_record_leaves_none_out(
    heard: Heard[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: bytes) -> Any:
        raise ValueError("a bug")

    monkeypatch.setattr(indexing, "unpack_games", broken)

    with pytest.raises(BrokenReleaseError):
        indexing.handler(load("index_events")["play"], None)
    assert heard.calls == []
