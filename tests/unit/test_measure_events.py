"""Games' events measured, published and shown over tables in memory that fail."""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from measure_events import handler as entry
from measure_events.service import MeasureEvents, Outcome, Record
from pitboss.events.batch import BatchHeader
from pitboss.games.events import GameEvent
from pitboss.metrics.documents import document
from pitboss.metrics.lanes import LATE_MS
from pitboss.stores.figures import Figure
from pitboss.stores.metrics import ContendedLaneError, DynamoMetrics, KeptDefinitions
from publish_metrics.service import PublishMetrics
from serve_metrics import handler as shown
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
                        b'{"n":%d}' % each,
                        player_id=f"p-{number % 2}-{each}",
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


# Published.


class Told:
    """Takes figures and notices; may fail to say that it did."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.notices: list[dict[str, Any]] = []
        self.fails = False

    def put_each(self, at: int, figures: Any) -> None:
        self.figures = list(figures)

    def publish(self, subject: str, text: str) -> None:
        assert subject.isascii()
        self.notices.append(json.loads(text))
        if self.fails:
            raise TimeoutError


def publisher(store: DynamoMetrics, told: Told) -> PublishMetrics:
    return PublishMetrics(store, told, told, lambda property_id: lambda minute: minute // 1_440)


OVER = metric(dimensions=["app_version"], threshold={"over": 1})


def test_a_crossing_is_told_until_it_is_known_to_be_told(store: DynamoMetrics) -> None:
    store.define(NORTH, OVER, SECONDS - 600)
    told = Told()
    publish = publisher(store, told)
    measure = measurer(store)
    measure([record(event(1), event(2), event(3, app_version="3"))])
    assert publish(NORTH, SECONDS).notices == 0, "the window is not over"

    told.fails = True
    with pytest.raises(TimeoutError):
        publish(NORTH, SECONDS + 75)
    told.fails = False
    assert publish(NORTH, SECONDS + 75).notices == 1
    assert publish(NORTH, SECONDS + 75).notices == 0

    first, second = told.notices
    assert first == second
    assert (first["what"], first["dimensions"], first["value"]) == (
        "crossed",
        {"app_version": "2.4"},
        2,
    )
    figures = {(one.name, one.dimensions["app_version"]): one.value for one in told.figures}
    assert figures == {("rounds", "2.4"): 2, ("rounds", "3"): 1}
    crossed = document(store, NORTH, DAY, NOW + 75_000).metrics[0].crossed
    assert crossed == [{"app_version": "2.4"}]

    assert publish(NORTH, SECONDS + 200).notices == 1
    assert told.notices[-1]["what"] == "over"


def test_late_events_are_told_of_and_what_was_before_the_threshold_is_not(
    store: DynamoMetrics,
) -> None:
    told = Told()
    publish, measure = publisher(store, told), measurer(store)
    low = metric(key="low", threshold={"under": 1})
    store.define(NORTH, low, SECONDS)
    measure([record(event(1, NOW + 50_000))])

    begun = (SECONDS // 60 + 1) * 60
    publish(NORTH, begun + 70)
    assert told.notices == [], "measured all through, and with an event"
    publish(NORTH, begun + 130)
    assert [one["what"] for one in told.notices] == ["crossed"]
    measure([record(event(2, (begun + 61) * 1000))])
    publish(NORTH, begun + 140)
    assert [one["what"] for one in told.notices] == ["crossed", "corrected"]


def test_a_threshold_that_is_changed_is_judged_anew(store: DynamoMetrics) -> None:
    told = Told()
    publish = publisher(store, told)
    store.define(NORTH, OVER, SECONDS - 600)
    measurer(store)([record(event(1), event(2))])
    publish(NORTH, SECONDS + 75)
    assert store.define(NORTH, replace(OVER, name="Other"), SECONDS + 76).since == SECONDS - 600

    store.define(NORTH, metric(dimensions=["app_version"], threshold={"over": 9}), SECONDS + 76)
    publish(NORTH, SECONDS + 80)

    assert len(told.notices) == 1
    assert document(store, NORTH, DAY, NOW + 80_000).metrics[0].crossed == []


# At the functions.


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


def test_metrics_are_shown_to_those_who_may_see_them(
    store: DynamoMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wiring:
        metrics = store

        def day_of(self, property_id: str) -> Any:
            return lambda minute: minute // 1_440

        def now(self) -> int:
            return NOW

    monkeypatch.setattr(shown, "_wiring", Wiring)
    asked = sample_events.load("serve_metrics")["newest"]

    answer = shown.handler(asked, None)
    assert (answer["statusCode"], json.loads(answer["body"])["metrics"]) == (200, [])
    wrong = asked | {"multiValueQueryStringParameters": {"windows": ["61"]}}
    assert shown.handler(wrong, None)["statusCode"] == 400
    authorizer = asked["requestContext"]["authorizer"] | {"scopes": "floor:read"}
    other = asked | {"requestContext": asked["requestContext"] | {"authorizer": authorizer}}
    assert shown.handler(other, None)["statusCode"] == 404
