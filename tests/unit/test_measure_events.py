"""Games' events measured over tables in memory that fail."""

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from measure_events import handler as entry
from measure_events.service import MeasureEvents, Outcome, Record
from pitboss.events.batch import BatchHeader
from pitboss.games.events import GameEvent
from pitboss.metrics.crashes import crashes
from pitboss.metrics.documents import document
from pitboss.metrics.lanes import AHEAD_MS, LATE_MS
from pitboss.stores.metrics import ContendedLaneError, DynamoMetrics, KeptDefinitions
from tests import sample_events
from tests.fakes.network import tables
from tests.unit.test_metrics import METRICS, NOW, event, metric
from workbench.proof.network import Call, Fault, Lose, Network, Refuse

NORTH, CHASE = "north", "chase"
SECONDS = NOW // 1000
DAY = NOW // 86_400_000

PLAYERS = metric(key="players", aggregate="distinct", of="player_id", window={"length": "1d"})


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "metrics") as made:
        yield made


@pytest.fixture
def store(network: Network) -> DynamoMetrics:
    return DynamoMetrics("metrics", "us-east-1")


def measurer(store: DynamoMetrics) -> MeasureEvents:
    return MeasureEvents(
        store,
        store.definitions,
        lambda property_id: lambda minute: minute // 1_440,
        now=lambda: SECONDS,
        pause=lambda attempt: None,
    )


def record(*events: GameEvent, lane: int = 3, received_at: int = NOW) -> Record:
    return Record(lane, BatchHeader(NORTH, CHASE, received_at, "server", "game"), list(events))


def values(store: DynamoMetrics, at: int = NOW) -> dict[tuple[str, ...], float | None]:
    """The newest window of each metric, by key and values of dimensions."""
    found = document(store, NORTH, DAY, at, windows=1)
    return {
        (one.key, *each.dimensions.values()): each.value
        for one in found.metrics
        for each in one.windows[-1].values
    }


def test_what_is_measured_is_shown_and_what_comes_again_changes_nothing(
    store: DynamoMetrics, network: Network
) -> None:
    for one in (*METRICS, PLAYERS):
        store.define(NORTH, one, SECONDS)
    batch = [
        record(
            event(1, data=b'{"n":4}', level_id="l-1"), event(2, data=b'{"n":2}', player_id="p-2")
        ),
        record(event(1, data=b'{"n":4}', level_id="l-1"), lane=3),
        record(event(3, player_id=None, data=b'{"n":"?"}'), lane=4),
    ]

    first = measurer(store)(batch)
    before = network.dynamodb.tables["metrics"].snapshot()
    again = measurer(store)(batch)

    assert values(store) == {
        ("rounds",): 3,
        ("losses", "2.4"): 6,
        ("levels",): 1,
        ("mean",): 3,
        ("hours",): 3,
        ("players",): 2,
    }
    assert (first.events, first.measured, first.known, first.written) == (4, 3, 1, 2)
    assert (again.measured, again.known, again.written) == (0, 4, 0)
    assert network.dynamodb.tables["metrics"].snapshot() == before


def test_late_events_go_where_they_belong_and_those_that_are_too_late_are_counted(
    store: DynamoMetrics,
) -> None:
    store.define(NORTH, METRICS[0], SECONDS)
    measure = measurer(store)
    measure([record(event(1))])

    late = measure([record(event(2, NOW - 3 * 86_400_000), event(3, NOW - LATE_MS - 1))])

    assert late.late == 1
    assert values(store) == {("rounds",): 1}
    assert values(store, NOW - 3 * 86_400_000) == {("rounds",): 1}


def test_an_event_of_a_far_future_is_counted_and_ends_nobodys_days(store: DynamoMetrics) -> None:
    """A client can say any time; days that are too old for the newest day are not kept."""
    store.define(NORTH, PLAYERS, SECONDS)
    measure = measurer(store)
    measure([record(event(1, player_id="p-1"))])

    ahead = measure(
        [record(event(2, 4_000_000_000_000, player_id="p-1"), event(3, NOW + AHEAD_MS))]
    )
    measure([record(event(4, player_id="p-2"))])

    assert (ahead.ahead, ahead.late) == (1, 0)
    assert values(store) == {("players",): 2}


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_counted_twice_whatever_fails_between_any_two_calls(
    store: DynamoMetrics, network: Network, seed: int
) -> None:
    chance = random.Random(seed)
    for one in (*METRICS, PLAYERS):
        store.define(NORTH, one, SECONDS)
    batches = [
        [
            record(
                *(
                    event(
                        number * 10 + each,
                        NOW - chance.randrange(50_000),
                        b'{"n":%d,"stack":"at Race.Go%d (a.js:1:1)"}' % (each, each % 2),
                        player_id=f"p-{number % 2}-{each}",
                        event_type="crash" if each else "round_played",
                    )
                    for each in range(5)
                ),
                lane=number % 2,
            )
        ]
        for number in range(4)
    ]

    def fault(call: Call) -> Fault | None:
        if chance.random() > 0.15:
            return None
        faults: list[Fault] = [Refuse("InternalServerError", 500), Lose(), Lose(effect=False)]
        return chance.choice(faults)

    network.fault = fault
    workers = [measurer(store), measurer(store)]
    for batch in batches:
        for _ in range(200):
            worker = chance.choice(workers)  # two consumers may have the same lanes
            with suppress(ClientError, BotoCoreError, ContendedLaneError):
                worker(batch)  # whatever it raises, the batch comes again
                if chance.random() < 0.7:
                    break
    network.fault = None
    untroubled = DynamoMetrics("other", "us-east-1")
    network.dynamodb.create_table("other", "pk", "sk")
    for one in (*METRICS, PLAYERS):
        untroubled.define(NORTH, one, SECONDS)
    for batch in batches:
        measurer(untroubled)(batch)

    for at in (NOW, NOW - 60_000):
        assert values(store, at) == values(untroubled, at)
    assert values(store)["players",] == 10
    assert store.tallies(NORTH, CHASE) == untroubled.tallies(NORTH, CHASE)
    found = crashes(store, NORTH, CHASE)
    assert [one.count for one in found.crashes] == [8, 8]
    assert {one.where for one in found.crashes} == {"Race.Go0", "Race.Go1"}


def test_two_consumers_of_one_lane_undo_nothing(store: DynamoMetrics) -> None:
    store.define(NORTH, METRICS[0], SECONDS)
    workers = [measurer(store), measurer(store)]

    outcomes = [workers[number % 2]([record(event(number))]) for number in range(4)]

    assert values(store) == {("rounds",): 4}
    assert [one.contended for one in outcomes] == [0, 0, 1, 1]


def test_a_lane_that_is_always_written_elsewhere_is_given_back(store: DynamoMetrics) -> None:
    class Contended(DynamoMetrics):
        tries = 0

        def commit(self, lane: Any, *_: Any) -> None:
            Contended.tries += 1
            raise ContendedLaneError(lane)

    with pytest.raises(ContendedLaneError):
        measurer(Contended("metrics", "us-east-1"))([record(event(1))])
    assert Contended.tries == 9


def test_definitions_are_asked_for_again_after_a_minute(store: DynamoMetrics) -> None:
    seconds = [0.0]
    kept = KeptDefinitions(store.definitions, lambda: seconds[0])

    assert kept(NORTH) == []
    store.define(NORTH, METRICS[0], SECONDS)
    seconds[0] = 59.0
    assert kept(NORTH) == []
    seconds[0] = 60.0
    assert kept(NORTH) == [METRICS[0]]


# At the function.


def test_a_poisoned_record_is_left_out_and_its_neighbours_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came: list[Record] = []

    def measure(records: list[Record]) -> Outcome:
        came.extend(records)
        return Outcome()

    monkeypatch.setattr(entry, "_wiring", lambda: measure)

    answer = entry.handler(sample_events.load("measure_events")["poison_among_good"], None)

    assert answer == {"batchItemFailures": []}
    assert [(one.lane, len(one.events)) for one in came] == [(7, 3), (7, 3)]
