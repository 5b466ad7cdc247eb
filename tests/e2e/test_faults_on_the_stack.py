"""Faults between the product and the embedded AWS, and workers that are killed: what is stored in
the end is what the same events give without any fault. Numbers are those of `docs/proof.md`.
"""

import json
import os
import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pitboss.events.batch import BatchHeader, pack, unpack_metered
from pitboss.events.slot import GameEnded, GameStarted, MeteredEvent
from pitboss.stores.quarantine import S3Quarantine
from tests.e2e.house import PATIENCE_SECONDS, House
from tests.e2e.in_process import Consumer, FrontDoor, physical_id, records_of, seldom
from tests.e2e.wire import Fault, Strikes, Wire, by_chance, in_runs, never
from tests.integration import ratings_items
from tests.integration.ratings_items import Items, different
from workbench import emulator, endpoint, measure
from workbench.processes import group_members
from workbench.proof.network import INTERNAL, THROTTLED, Cancel, Lose, Part
from workbench.replay import FeedEvent
from workbench.simulation import FAULTS, ODDITIES, FloorPlan, open_floor


class Feed(NamedTuple):
    """Packets in the order they are sent in, and what is right about them."""

    events: list[FeedEvent]
    ledger: dict[str, Any]


@cache
def feed() -> Feed:
    """Half an hour of a floor with every oddity, sent with every fault of a gateway."""
    plan = FloorPlan(machines=4, players=5, minutes=30, seed=14)
    floor = open_floor(replace(plan, oddities=frozenset(ODDITIES), faults=frozenset(FAULTS)))
    events = list(measure.feed(floor.events()))
    return Feed(events, floor.ledger.contract())


def totals(items: Items) -> Items:
    """All items but corrections, which say how late events came."""
    return {key: item for key, item in items.items() if not key[1].startswith("correction/")}


def differences(house: House) -> list[str]:
    """Where what can be read differs from the feed's ledger."""
    ledger = feed().ledger
    return measure.differences(measure.ratings(house.service, ledger), ledger)


@contextmanager
def a_stream() -> Iterator[str]:
    """A stream of one shard that nothing reads."""
    kinesis = endpoint.client("kinesis")
    name = f"test-faults-{uuid.uuid4().hex[:10]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    try:
        yield name
    finally:
        kinesis.delete_stream(StreamName=name)


@pytest.fixture
def own_stream(stack: dict[str, str]) -> Iterator[str]:
    with a_stream() as name:
        yield name


@pytest.fixture(scope="module")
def undisturbed(stack: dict[str, str]) -> Iterator[Items]:
    """What is stored of the feed where nothing goes wrong."""
    property_id = f"e2e-{uuid.uuid4().hex[:10]}"
    with a_stream() as stream:
        posted = FrontDoor(stream, property_id, Wire()).send(e.raw for e in feed().events)
        delivered = Consumer(Wire()).deliver(records_of(stream, property_id))
    assert (posted.accepted, posted.quarantined, delivered.again) == (len(feed().events), 0, 0)
    yield totals(ratings_items.items(property_id))
    ratings_items.forget(property_id)


# --- faults on the wire ---------------------------------------------------------------------------

THROTTLED_TABLE = dict.fromkeys(
    ("BatchGetItem", "Query", "TransactWriteItems"), THROTTLED["dynamodb"]
)
UNKNOWN_OUTCOME: list[Fault] = [Lose(effect=True), Lose(effect=True), Lose(effect=False)]
SOME_ENTRIES: list[Fault] = [Part((0,)), Part((1, 3)), Part((2,), "InternalFailure", stored=True)]


@dataclass(frozen=True)
class Scenario:
    """Faults at the front door and behind the stream, and how often they must have struck."""

    at_least: Mapping[str, int]
    """Faults by operation; of others there may be any number."""
    front: Callable[[random.Random], Strikes] = lambda chance: never
    rating: Callable[[random.Random], Strikes] = lambda chance: never
    unheard: float = 0.0
    """Share of posts whose answer the gateway does not hear."""
    steps_back: float = 0.0
    """Share of batches after which the consumer has lost its place."""
    new_process: float = 0.0
    """Share of batches that go to another process."""
    raises: bool = False
    """Whether faults are so many that invocations fail, and batches come again."""
    unavailable: bool = False
    """Whether the front door has to answer 503."""


SCENARIOS = {
    # 1, 12, 14
    "the stream answers for a part or not at all": Scenario(
        {"PutRecords": 15},
        front=lambda chance: by_chance(
            chance, 0.3, {"PutRecords": [*SOME_ENTRIES, *UNKNOWN_OUTCOME]}
        ),
        unheard=0.1,
    ),
    # 13
    "the stream is throttled for a while": Scenario(
        {"PutRecords": 20},
        front=lambda chance: in_runs(9, 7, {"PutRecords": THROTTLED["kinesis"]}),
        unavailable=True,
    ),
    # 31
    "the outcome of a transaction is unknown": Scenario(
        {"TransactWriteItems": 20},
        rating=lambda chance: in_runs(3, 7, {"TransactWriteItems": Lose(effect=True)}),
        raises=True,
    ),
    # 30
    "transactions conflict": Scenario(
        {"TransactWriteItems": 40},
        rating=lambda chance: in_runs(3, 11, {"TransactWriteItems": Cancel((0,))}),
        raises=True,
    ),
    # 33
    "the table is throttled for a while": Scenario(
        {"BatchGetItem": 5, "TransactWriteItems": 5},
        rating=lambda chance: in_runs(25, 14, THROTTLED_TABLE),
        new_process=0.3,
        raises=True,
    ),
    # 36
    "half of every batch read is left unprocessed": Scenario(
        {"BatchGetItem": 20},
        rating=lambda chance: by_chance(chance, 0.6, {"BatchGetItem": [Part()]}),
        new_process=0.3,
    ),
    # 15, 25
    "a consumer loses its place": Scenario({}, steps_back=0.4, new_process=0.1),
    "all of it": Scenario(
        {"PutRecords": 10, "BatchGetItem": 10, "TransactWriteItems": 10},
        front=lambda chance: by_chance(
            chance,
            0.3,
            {"PutRecords": [*SOME_ENTRIES, *UNKNOWN_OUTCOME, THROTTLED["kinesis"]]},
        ),
        rating=lambda chance: by_chance(
            chance,
            0.3,
            {
                "TransactWriteItems": [
                    *UNKNOWN_OUTCOME,
                    *(Cancel((0,)), Cancel((1,), "ThrottlingError"), INTERNAL["dynamodb"]),
                ],
                "BatchGetItem": [Part(), THROTTLED["dynamodb"], Lose()],
                "Query": [THROTTLED["dynamodb"], Lose()],
            },
        ),
        unheard=0.1,
        steps_back=0.2,
        new_process=0.3,
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_faults_leave_no_trace(
    name: str, own_stream: str, undisturbed: Items, open_house: Callable[[], House]
) -> None:
    scenario, house, chance = SCENARIOS[name], open_house(), random.Random(20_261_121)
    front, rating = Wire(scenario.front(chance)), Wire(scenario.rating(chance))

    posted = FrontDoor(own_stream, house.property_id, front).send(
        (event.raw for event in feed().events), answer_lost=seldom(chance, scenario.unheard)
    )
    steps_back = seldom(chance, scenario.steps_back)
    delivered = Consumer(rating).deliver(
        records_of(own_stream, house.property_id),
        steps_back=lambda: chance.randint(1, 9) if steps_back() else 0,
        new_process=seldom(chance, scenario.new_process),
    )

    struck = front.struck + rating.struck
    assert {what: struck[what] for what, n in scenario.at_least.items() if struck[what] < n} == {}
    assert posted.accepted == len(feed().events)
    assert (posted.unavailable > 0) >= scenario.unavailable
    assert (delivered.failed > 0) >= scenario.raises
    assert (delivered.again > 0) == (scenario.steps_back > 0)
    assert different(totals(house.items()), undisturbed) == []
    assert differences(house) == []


@dataclass
class Bad:
    """What must be found in the quarantine, and nothing else."""

    packets: set[bytes] = field(default_factory=set)
    records: set[bytes] = field(default_factory=set)
    reused: set[bytes] = field(default_factory=set)


def test_poison_is_set_aside_while_the_quarantine_fails(
    own_stream: str, stack: dict[str, str], undisturbed: Items, open_house: Callable[[], House]
) -> None:
    """Faults 8, 11, 18 and 38: nothing of it in the way of what is good, and nothing lost."""
    house, chance, bad = open_house(), random.Random(18), Bad()
    faults: list[Fault] = [THROTTLED["s3"], INTERNAL["s3"], *UNKNOWN_OUTCOME]
    front = Wire(in_runs(2, 6, {"PutObject": THROTTLED["s3"]}))
    rating = Wire(by_chance(chance, 0.75, {"PutObject": faults}))
    packets = [event.raw for event in feed().events]
    for place in range(len(packets) - 100, 0, -400):
        broken = b'{"type": "' + uuid.uuid4().hex.encode()
        bad.packets.add(broken)
        packets.insert(place, broken)

    posted = FrontDoor(own_stream, house.property_id, front).send(packets)
    records = records_of(own_stream, house.property_id)
    for place in range(len(records) - 1, 0, -12):
        contradicting = contradiction(records[place])
        if contradicting is not None:
            raw, data = contradicting
            bad.reused.add(raw)
            records.insert(place + chance.randint(1, 9), records[place] | {"Data": data})
        poison = uuid.uuid4().bytes
        bad.records.add(poison)
        records.insert(place, records[place] | {"Data": poison})
    delivered = Consumer(rating).deliver(records)

    print(
        front.struck,
        rating.struck,
        posted,
        delivered,
        len(bad.packets),
        len(bad.records),
        len(bad.reused),
    )
    assert (posted.accepted, posted.quarantined) == (len(feed().events), len(bad.packets))
    assert min(posted.died, delivered.failed) >= 1
    assert min(len(bad.packets), len(bad.records), len(bad.reused)) >= 5
    assert different(totals(house.items()), undisturbed) == []
    assert differences(house) == []
    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))

    def aside(place: str) -> set[tuple[str, bytes]]:
        return {
            (entry.reason, entry.raw)
            for key, _, _ in store.objects(place)
            for entry in store.read(key)
        }

    assert aside(f"ingest_slot_events/{house.property_id}/") == {
        ("malformed_json", raw) for raw in bad.packets
    }
    assert aside(f"rate_players/{house.property_id}/") == {("id_reuse", raw) for raw in bad.reused}
    poisonous = {("unreadable_record", raw) for raw in bad.records}
    assert poisonous <= aside("rate_players/unknown/stream/")


def contradiction(record: dict[str, Any]) -> tuple[bytes, bytes] | None:
    """A record with an event of this one, but with another win; and what was received of it."""
    header, events = unpack_metered(record["Data"])
    for event in events:
        if isinstance(event.data, GameEnded):
            raw = json.dumps({"win": uuid.uuid4().hex}).encode()
            other = msgspec.structs.replace(event, data=GameEnded(win_cents=98_765_432))
            return raw, pack(header, [raw], [other])
    return None


# --- consumers of the deployed function -----------------------------------------------------------


@dataclass
class Reading:
    """A version of the deployed rating function that reads a stream from its beginning."""

    mapping: str

    def _is(self, state: str) -> bool:
        found = endpoint.client("lambda").get_event_source_mapping(UUID=self.mapping)
        return bool(found["State"] == state)

    def switch(self, *, on: bool) -> None:
        endpoint.client("lambda").update_event_source_mapping(UUID=self.mapping, Enabled=on)
        state = "Enabled" if on else "Disabled"
        assert measure.wait_until(lambda: self._is(state), PATIENCE_SECONDS)


@contextmanager
def reading(stream: str, batch_size: int) -> Iterator[Reading]:
    """A new consumer, whose processes have read nothing yet."""
    client = endpoint.client("lambda")
    function = physical_id("RatePlayersFunction")
    summary = endpoint.client("kinesis").describe_stream_summary(StreamName=stream)
    version = client.publish_version(FunctionName=function)["Version"]
    mapping = client.create_event_source_mapping(
        EventSourceArn=summary["StreamDescriptionSummary"]["StreamARN"],
        FunctionName=f"{function}:{version}",
        StartingPosition="TRIM_HORIZON",
        BatchSize=batch_size,
    )["UUID"]
    try:
        yield Reading(mapping)
    finally:
        client.delete_event_source_mapping(UUID=mapping)
        client.delete_function(FunctionName=function, Qualifier=version)


@dataclass
class Mark:
    """A game of a property of its own in a stream of one shard: what lies before it is rated when
    it is.
    """

    stack: dict[str, str]
    property_id: str = field(default_factory=lambda: f"e2e-last-{uuid.uuid4().hex[:10]}")

    def put(self, stream: str) -> None:
        moment = 1_768_500_000_000
        game = [
            MeteredEvent("start", moment, 1, "last", GameStarted(1)),
            MeteredEvent("end", moment + 1, 2, "last", GameEnded()),
        ]
        header = BatchHeader(self.property_id, "1", 0, "tests", "pitboss")
        endpoint.client("kinesis").put_record(
            StreamName=stream,
            Data=pack(header, [b"{}", b"{}"], game),
            PartitionKey=f"{self.property_id}/1",
        )

    def is_rated(self) -> bool:
        found = endpoint.client("dynamodb").query(
            TableName=self.stack["RatingsTableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"{self.property_id}/player/last"}},
            ConsistentRead=True,
        )
        return bool(found["Count"])


@pytest.fixture
def mark(stack: dict[str, str]) -> Iterator[Callable[[], Mark]]:
    made: list[Mark] = []

    def make() -> Mark:
        made.append(Mark(stack))
        return made[-1]

    yield make
    for one in made:
        ratings_items.forget(one.property_id)


def test_a_consumer_that_was_stopped_catches_up_and_a_replay_changes_no_byte(
    own_stream: str,
    undisturbed: Items,
    open_house: Callable[[], House],
    mark: Callable[[], Mark],
) -> None:
    """Faults 29 and 27: the second consumer reads all of the stream from its horizon."""
    house, noon, evening = open_house(), mark(), mark()
    packets = [event.raw for event in feed().events]
    front_door = FrontDoor(own_stream, house.property_id, Wire())
    with reading(own_stream, batch_size=40) as consumer:
        front_door.send(packets[: len(packets) // 2])
        noon.put(own_stream)
        assert measure.wait_until(noon.is_rated, PATIENCE_SECONDS)
        consumer.switch(on=False)
        at_noon = house.items()
        front_door.send(packets[len(packets) // 2 :])
        evening.put(own_stream)
        assert different(house.items(), at_noon) == []
        consumer.switch(on=True)
        assert measure.wait_until(evening.is_rated, PATIENCE_SECONDS)
    stored = house.items()

    assert different(at_noon, stored) != []
    assert different(totals(stored), undisturbed) == []
    assert differences(house) == []

    ratings_items.forget(evening.property_id)
    with reading(own_stream, batch_size=7):
        assert measure.wait_until(evening.is_rated, PATIENCE_SECONDS)

    assert different(house.items(), stored) == []


# --- workers that are killed ----------------------------------------------------------------------

KILLS = 10


def workers(group: int, function: str) -> list[int]:
    """The processes of a group that serve a function."""
    name = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    found = []
    for pid in group_members(group):
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if name in variables:
            found.append(pid)
    return found


def has_called(pid: int) -> bool:
    """Whether a process has a connection: a rating process calls AWS in its first invocation."""
    try:
        return any(
            str(one.readlink()).startswith("socket:") for one in Path(f"/proc/{pid}/fd").iterdir()
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(group: int, function: str) -> int:
    """Kill the processes of a group that serve a function, without a word; how many there were."""
    found = workers(group, function)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    gone = measure.wait_until(lambda: not set(found) & set(group_members(group)), 10, every=0.01)
    assert gone
    return len(found)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
def test_workers_may_be_killed_at_any_moment(
    aws: endpoint.Target, house: House, undisturbed: Items, settled: Callable[[], None]
) -> None:
    """Faults 16 and 17 by SIGKILL, while a shift streams in: of the rating function, most of them
    between its first call to AWS and its answer, and of the front door.
    """
    running = emulator.Running.load()
    if running is None or running.endpoint != aws.endpoint:
        pytest.skip("kills processes of a stack that was started here")
    chance = random.Random(16)
    ingest, rate = physical_id("IngestSlotEventsFunction"), physical_id("RatePlayersFunction")
    client = endpoint.client("lambda")
    (mapping,) = [
        one["UUID"]
        for one in client.list_event_source_mappings(FunctionName=rate)["EventSourceMappings"]
    ]

    def failed() -> bool:
        found = client.get_event_source_mapping(UUID=mapping)["LastProcessingResult"]
        return not found.startswith("OK")

    def at_work() -> bool:
        return any(map(has_called, workers(running.pid, rate)))

    events = feed().events
    killed = lost = doors = 0
    with ThreadPoolExecutor(1) as gateway:
        for n, piece in enumerate(batched(events, -(-len(events) // KILLS), strict=False)):
            sending = gateway.submit(house.send, piece, max_events=100)
            if n == 1:
                time.sleep(chance.uniform(0, 0.1))
                doors += kill(running.pid, ingest)
            assert sending.result(PATIENCE_SECONDS).all_in
            assert measure.wait_until(at_work, PATIENCE_SECONDS, every=0.001)
            time.sleep(chance.uniform(0, 0.06))
            killed += kill(running.pid, rate)
            lost += measure.wait_until(failed, 0.3, every=0.02)
    settled()

    assert killed >= KILLS
    assert lost >= KILLS // 3
    assert doors >= 1
    assert different(totals(house.items()), undisturbed) == []
    assert differences(house) == []
