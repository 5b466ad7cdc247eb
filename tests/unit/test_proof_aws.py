"""The AWS inside the process: rules that AWS documents, and faults as clients meet them."""

import json
import random
import sys
import time
import uuid
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from workbench.proof import UnknownToFake
from workbench.proof.clock import Clock
from workbench.proof.kinesis import (
    ITERATOR_MS,
    PAYLOAD_BYTES,
    EventSourceMapping,
    Stream,
)
from workbench.proof.network import (
    ENVIRONMENT,
    INTERNAL,
    THROTTLED,
    Call,
    Cancel,
    Delay,
    Fault,
    Kill,
    Killed,
    Lose,
    Network,
    Part,
    Refuse,
)

START = 1_767_225_600_000
SAMPLES = Path(__file__).parents[2] / "events" / "rate_players"

# --- time and chance ------------------------------------------------------------------------------


def test_time_passes_only_by_the_clock() -> None:
    clock = Clock(START)
    real = time.time

    with clock.installed():
        before = time.monotonic()
        time.sleep(0.0004)
        time.sleep(0.0004)
        time.sleep(90)
        clock.advance(10_000)
        assert (time.time(), time.time_ns()) == (
            START / 1000 + 100.0008,
            START * 1_000_000 + 100_000_800_000,
        )
        assert time.monotonic() - before == pytest.approx(100.0008)

    assert time.time is real
    assert (clock.now_ms, clock.slept_ms) == (START + 100_000, 90_000)


def test_chance_is_the_seeds() -> None:
    def drawn(seed: int) -> tuple[float, uuid.UUID]:
        with Clock(START, random.Random(seed)).installed():
            return random.random(), uuid.uuid4()

    before = random.getstate()

    assert drawn(1) == drawn(1)
    assert not {*drawn(1)} & {*drawn(2)}
    assert random.getstate() == before


def test_modules_that_took_time_by_name_see_the_clock() -> None:
    borrower = ModuleType("borrower")
    borrower.__dict__.update(nap=time.sleep, time=time.time, new_id=uuid.uuid4)
    sys.modules["borrower"] = borrower
    try:
        with Clock(START).installed():
            borrower.nap(2)
            assert borrower.time() == START / 1000 + 2
            drawn = borrower.new_id()
        with Clock(START).installed():
            assert borrower.new_id() == drawn
        assert borrower.time is time.time
    finally:
        del sys.modules["borrower"]


# --- clients --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Clients as they are made by default but for the one of DynamoDB, which tries five times."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        session = botocore.session.Session()
        once = Config(retries={"total_max_attempts": 1}, read_timeout=2, connect_timeout=1)
        five = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=3)
        return {
            "dynamodb": session.create_client("dynamodb", config=five),
            "once": session.create_client("dynamodb", config=once),
            "kinesis": session.create_client("kinesis", config=once),
            "s3": session.create_client("s3"),
        }


@pytest.fixture
def network() -> Iterator[Network]:
    clock = Clock(START, random.Random(7))
    network = Network(clock)
    network.dynamodb.create_table("ratings", "pk", "sk")
    network.kinesis.create_stream("slots", 2)
    network.s3.create_bucket("kept")
    with clock.installed(), network.installed():
        yield network
    assert network.unknown == []


def once(fault: Fault, at: int = 1) -> Callable[[Call], Fault | None]:
    """The n-th call is struck by the fault."""
    return lambda call: fault if call.number == at else None


KEY = {"pk": {"S": "p"}, "sk": {"S": "a"}}
ADD_ONE = {
    "Update": {
        "TableName": "ratings",
        "Key": KEY,
        "UpdateExpression": "ADD games :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
}


def games(network: Network) -> int:
    table = network.dynamodb.tables["ratings"]
    item = table.get(("p", "a"))
    return int(item["games"]["N"]) if item else 0


@pytest.mark.parametrize(
    "fault", [THROTTLED["dynamodb"], INTERNAL["dynamodb"], Refuse("ThrottlingException")], ids=str
)
def test_a_refused_call_has_no_effect_and_is_tried_again(
    network: Network, clients: dict[str, Any], fault: Refuse
) -> None:
    seen: list[int] = []

    def strike(call: Call) -> Fault | None:
        seen.append(games(network))
        return fault if call.number == 1 else None

    network.fault = strike
    clients["dynamodb"].transact_write_items(TransactItems=[ADD_ONE])

    assert seen == [0, 0]
    assert games(network) == 1
    assert network.calls == {("dynamodb", "TransactWriteItems"): 2}
    assert network.faults == {"Refuse": 1}


def test_a_refusal_is_the_error_it_names(network: Network, clients: dict[str, Any]) -> None:
    network.fault = lambda call: Refuse("InternalServerError", 500, "sorry")

    with pytest.raises(ClientError) as fault:
        clients["once"].get_item(TableName="ratings", Key=KEY)

    assert fault.value.response["Error"] == {"Code": "InternalServerError", "Message": "sorry"}
    assert fault.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_an_effect_whose_answer_is_lost_is_not_done_twice_by_the_clients_own_retry(
    network: Network, clients: dict[str, Any]
) -> None:
    """botocore sends the same ClientRequestToken again, and DynamoDB knows it."""
    network.fault = once(Lose(effect=True))

    clients["dynamodb"].transact_write_items(TransactItems=[ADD_ONE])

    assert games(network) == 1
    assert network.calls["dynamodb", "TransactWriteItems"] == 2
    assert network.clock.now_ms - START >= 3_000, "the client waited for its read time-out"


@pytest.mark.parametrize(
    ("fault", "error", "effect"),
    [
        (Lose(effect=True), ReadTimeoutError, 1),
        (Lose(effect=False), ReadTimeoutError, 0),
        (Lose(effect=False, how="connect"), ConnectTimeoutError, 0),
        (Lose(effect=False, how="unreachable"), EndpointConnectionError, 0),
        (Delay(1_999), None, 1),
        (Delay(2_001), ReadTimeoutError, 1),
    ],
    ids=str,
)
def test_an_answer_that_does_not_arrive(
    network: Network,
    clients: dict[str, Any],
    fault: Fault,
    error: type[Exception] | None,
    effect: int,
) -> None:
    network.fault = once(fault)

    def call() -> None:
        clients["once"].transact_write_items(TransactItems=[ADD_ONE])

    if error is None:
        call()
    else:
        with pytest.raises(error):
            call()

    assert games(network) == effect


@pytest.mark.parametrize(("after", "effect"), [(False, 0), (True, 1)])
def test_a_killed_caller_is_gone(
    network: Network, clients: dict[str, Any], after: bool, effect: int
) -> None:
    network.fault = once(Kill(after))

    with pytest.raises(Killed):
        clients["dynamodb"].transact_write_items(TransactItems=[ADD_ONE])

    assert games(network) == effect
    assert network.calls.total() == 1, "nothing is tried again"


def test_a_cancelled_transaction_names_the_items(network: Network, clients: dict[str, Any]) -> None:
    network.fault = once(Cancel((1,), "ThrottlingError"))
    other = {"Put": {"TableName": "ratings", "Item": KEY | {"sk": {"S": "b"}}}}

    with pytest.raises(ClientError) as fault:
        clients["once"].transact_write_items(TransactItems=[ADD_ONE, other])

    assert fault.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons = [reason["Code"] for reason in fault.value.response["CancellationReasons"]]
    assert reasons == ["None", "ThrottlingError"]
    assert network.dynamodb.tables["ratings"].items() == []


def test_half_a_batch_is_left_unprocessed(network: Network, clients: dict[str, Any]) -> None:
    keys = [{"pk": {"S": "p"}, "sk": {"S": letter}} for letter in "abcd"]
    for key in keys:
        clients["once"].put_item(TableName="ratings", Item=key)
    network.fault = lambda call: Part()

    answer = clients["once"].batch_get_item(
        RequestItems={"ratings": {"Keys": keys, "ConsistentRead": True}}
    )

    assert answer["Responses"]["ratings"] == keys[:2]
    assert answer["UnprocessedKeys"] == {"ratings": {"Keys": keys[2:], "ConsistentRead": True}}


@pytest.mark.parametrize(("stored", "held"), [(False, [b"0", b"2"]), (True, [b"0", b"1", b"2"])])
def test_an_entry_of_put_records_fails(
    network: Network, clients: dict[str, Any], stored: bool, held: list[bytes]
) -> None:
    network.fault = once(Part((1,), "InternalFailure", stored))

    answer = clients["kinesis"].put_records(
        StreamName="slots",
        Records=[{"PartitionKey": "k", "Data": b"%d" % one} for one in range(3)],
    )

    assert answer["FailedRecordCount"] == 1
    codes = [one.get("ErrorCode") for one in answer["Records"]]
    assert codes == [None, "InternalFailure", None]
    assert [b64decode(one.data) for one in network.kinesis.streams["slots"].records] == held


def test_s3_slows_down_and_is_asked_again(network: Network, clients: dict[str, Any]) -> None:
    network.fault = once(THROTTLED["s3"])

    clients["s3"].put_object(Bucket="kept", Key="a", Body=b"x", Metadata={"stage": "test"})

    found = clients["s3"].get_object(Bucket="kept", Key="a")
    assert (found["Body"].read(), found["Metadata"]) == (b"x", {"stage": "test"})
    assert network.s3.buckets["kept"].puts == 1
    assert network.calls["s3", "PutObject"] == 2


def test_the_same_seed_makes_the_same_log(clients: dict[str, Any]) -> None:
    def log(seed: int) -> list[str]:
        clock = Clock(START, random.Random(seed))
        network = Network(clock)
        network.dynamodb.create_table("ratings", "pk", "sk")
        network.log = []
        network.latency_ms = lambda call: 5
        network.fault = lambda call: THROTTLED["dynamodb"] if random.random() < 0.5 else None
        with clock.installed(), network.installed():
            for _ in range(8):
                try:
                    clients["dynamodb"].transact_write_items(TransactItems=[ADD_ONE])
                except ClientError as fault:
                    network.log.append(str(fault))
        return network.log

    assert log(1) == log(1)
    assert log(1) != log(2)


def test_a_clients_retry_quota_begins_anew_with_each_network(clients: dict[str, Any]) -> None:
    """botocore gives up retries of a client that used its 500 tokens; 5 a retry."""
    sent = []
    for _ in range(2):
        clock = Clock(START)
        network = Network(clock)
        network.fault = lambda call: INTERNAL["dynamodb"]
        with clock.installed(), network.installed():
            for _ in range(30):
                with pytest.raises(ClientError):
                    clients["dynamodb"].get_item(TableName="ratings", Key=KEY)
        sent.append(network.calls.total())

    assert sent == [30 + 500 // 5] * 2


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("update_item", {"Key": KEY, "UpdateExpression": "SET a = list_append(a, b)"}),
        ("update_item", {"Key": KEY, "UpdateExpression": "SET a.b = c"}),
        ("query", {"KeyConditionExpression": "pk = :p", "QueryFilter": {}}),
        ("put_item", {"Item": KEY, "ConditionExpression": "size(a) = b"}),
        ("put_item", {"Item": KEY, "Expected": {}}),
        ("put_item", {"Item": KEY | {"a": {"BS": [b"x"]}}}),
        ("describe_time_to_live", {}),
    ],
    ids=str,
)
def test_what_the_fake_has_no_rule_for_is_loud(
    network: Network, clients: dict[str, Any], operation: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(UnknownToFake):
        getattr(clients["once"], operation)(TableName="ratings", **asked)

    assert len(network.unknown) == 1
    network.unknown.clear()


# --- DynamoDB -------------------------------------------------------------------------------------


def test_a_token_is_forgotten_after_ten_minutes(network: Network, clients: dict[str, Any]) -> None:
    """TransactWriteItems, ClientRequestToken: "valid for 10 minutes after the first request"."""
    for ms, expected in ((0, 1), (600_000, 1), (1, 2)):
        network.clock.advance(ms)
        clients["once"].transact_write_items(TransactItems=[ADD_ONE], ClientRequestToken="t")
        assert games(network) == expected


def test_an_eventually_consistent_read_may_be_late(
    network: Network, clients: dict[str, Any]
) -> None:
    client, table = clients["once"], network.dynamodb.tables["ratings"]
    table.lag_ms = 1000

    def seen(consistent: bool) -> list[str | None]:
        item = client.get_item(TableName="ratings", Key=KEY, ConsistentRead=consistent)
        page = client.query(
            TableName="ratings",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "p"}},
            ConsistentRead=consistent,
        )
        batch = client.batch_get_item(
            RequestItems={"ratings": {"Keys": [KEY], "ConsistentRead": consistent}}
        )
        found = [item.get("Item")], page["Items"], batch["Responses"]["ratings"]
        return [str(one["a"]["S"]) if (one := (some or [None])[0]) else None for some in found]

    client.put_item(TableName="ratings", Item=KEY | {"a": {"S": "old"}})
    assert (seen(True), seen(False)) == (["old"] * 3, [None] * 3)
    network.clock.advance(999)
    assert seen(False) == [None] * 3
    network.clock.advance(1)
    assert seen(False) == ["old"] * 3
    client.delete_item(TableName="ratings", Key=KEY)
    assert (seen(True), seen(False)) == ([None] * 3, ["old"] * 3)
    network.clock.advance(1000)
    assert seen(False) == [None] * 3


def test_capacity_is_counted(network: Network, clients: dict[str, Any]) -> None:
    """A write costs a unit a KiB, in a transaction two; a read one a 4 KiB, a half if late."""
    client = clients["once"]
    client.put_item(TableName="ratings", Item=KEY | {"a": {"S": "x" * 1100}})
    client.transact_write_items(TransactItems=[ADD_ONE])
    client.get_item(TableName="ratings", Key=KEY, ConsistentRead=True)
    client.get_item(TableName="ratings", Key=KEY)

    assert network.dynamodb.units == {
        ("ratings", "PutItem"): 2,
        ("ratings", "TransactWriteItems"): 4,
        ("ratings", "GetItem"): 1.5,
    }


def test_tables_of_the_same_items_are_the_same_bytes() -> None:
    def snapshot(order: str, numbers: list[str]) -> list[bytes]:
        network = Network(Clock(START))
        network.dynamodb.create_table("ratings", "pk", "sk")
        for letter, number in zip(order, numbers, strict=True):
            item = {"n": {"N": number}, "sk": {"S": letter}, "pk": {"S": "p"}}
            if letter == "b":
                item = dict(reversed(item.items()))
            network.dynamodb.answer("PutItem", {"TableName": "ratings", "Item": item})
        return network.dynamodb.tables["ratings"].snapshot()

    assert snapshot("ab", ["1", "2.0"]) == snapshot("ba", ["2", "01"])
    assert snapshot("ab", ["1", "2"]) != snapshot("ab", ["1", "3"])


# --- Kinesis --------------------------------------------------------------------------------------


def stream(shards: int = 1, **settings: Any) -> Stream:
    network = Network(Clock(START))
    return network.kinesis.create_stream("slots", shards, **settings)


def fill(made: Stream, count: int, key: str = "k", size: int = 4) -> None:
    for _ in range(count):
        made.append(made.shard_of(key), key, "A" * size)


def test_a_shard_takes_a_thousand_records_and_a_mebibyte_a_second(
    network: Network, clients: dict[str, Any]
) -> None:
    def failed(records: int, size: int) -> int:
        answer = clients["kinesis"].put_records(
            StreamName="slots",
            Records=[{"PartitionKey": "k", "Data": b"x" * size}] * records,
        )
        codes = {one["ErrorCode"] for one in answer["Records"] if "ErrorCode" in one}
        assert codes <= {"ProvisionedThroughputExceededException"}
        return int(answer["FailedRecordCount"])

    assert [failed(500, 1) for _ in range(3)] == [0, 0, 500]
    network.clock.advance(1000)
    assert failed(5, 2**18 - 1) == 1
    network.clock.advance(1000)
    assert failed(1, 1) == 0


def test_an_iterator_expires_after_five_minutes(network: Network, clients: dict[str, Any]) -> None:
    iterator = clients["kinesis"].get_shard_iterator(
        StreamName="slots", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    network.clock.advance(ITERATOR_MS)
    clients["kinesis"].get_records(ShardIterator=iterator)
    network.clock.advance(1)

    with pytest.raises(ClientError, match="ExpiredIteratorException"):
        clients["kinesis"].get_records(ShardIterator=iterator)


# --- the mapping ----------------------------------------------------------------------------------

FIRST = "shardId-000000000000"


class Function:
    """Remembers what it was given, by the records' places in their stream, and fails as told."""

    def __init__(self, made: Stream) -> None:
        self.stream = made
        self.batches: list[list[int]] = []
        self.events: list[dict[str, Any]] = []
        self.fails: Callable[[list[int]], bool] = lambda batch: False
        self.reports: Callable[[list[int]], list[int] | None] = lambda batch: None

    def __call__(self, event: dict[str, Any]) -> object:
        order = {str(record.sequence): at for at, record in enumerate(self.stream.records)}
        numbers = [one["kinesis"]["sequenceNumber"] for one in event["Records"]]
        batch = [order[number] for number in numbers]
        self.events.append(event)
        self.batches.append(batch)
        if self.fails(batch):
            raise RuntimeError("no")
        failed = self.reports(batch)
        if failed is None:
            return None
        at = dict(zip(batch, numbers, strict=True))
        return {"batchItemFailures": [{"itemIdentifier": at.get(one, one)} for one in failed]}


def mapped(made: Stream, **settings: Any) -> tuple[EventSourceMapping, Function]:
    function = Function(made)
    return EventSourceMapping(made, function, **{"batch_size": 4, **settings}), function


def drive(mapping: EventSourceMapping, shard: str = FIRST, most: int = 100) -> list[str]:
    """Poll until nothing is left; every pause is waited for."""
    steps: list[str] = []
    while (due := mapping.due_ms(shard)) is not None:
        clock = mapping.stream.clock
        clock.advance(max(due - clock.now_ms, 0))
        steps.append(mapping.poll(shard))
        assert len(steps) <= most, steps
    return steps


def test_the_event_is_lambdas() -> None:
    made = stream()
    mapping, function = mapped(made, batch_size=10)
    fill(made, 2)
    mapping.poll(FIRST)
    sample = json.loads((SAMPLES / "play.json").read_text())["Records"]

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shape(one) for name, one in value.items()}
        return type(value)

    found = function.events[0]["Records"]
    assert [shape(record) for record in found] == [shape(record) for record in sample[:2]]
    constant = ("eventSource", "eventVersion", "eventName", "awsRegion", "eventSourceARN")
    assert [found[0][name] for name in constant] == [sample[0][name] for name in constant]
    assert found[0]["invokeIdentityArn"] == sample[0]["invokeIdentityArn"]
    kinesis = found[0]["kinesis"]
    assert found[0]["eventID"] == f"{FIRST}:{kinesis['sequenceNumber']}"
    assert kinesis["approximateArrivalTimestamp"] == START / 1000


def test_batches_are_in_order_and_each_once() -> None:
    made = stream()
    mapping, function = mapped(made)
    fill(made, 10)

    assert drive(mapping) == ["delivered"] * 3
    assert function.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert (mapping.poll(FIRST), mapping.lag()) == ("idle", 0)


def test_a_batch_that_is_not_full_is_gathered() -> None:
    made = stream()
    mapping, function = mapped(made, batching_window_ms=500)
    fill(made, 1)
    assert mapping.poll(FIRST) == "gathering"
    made.clock.advance(499)
    fill(made, 1)
    assert mapping.poll(FIRST) == "gathering"
    made.clock.advance(1)
    assert mapping.poll(FIRST) == "delivered"
    fill(made, 4)
    assert mapping.poll(FIRST) == "delivered", "a full batch is not waited for"
    assert function.batches == [[0, 1], [2, 3, 4, 5]]


def test_a_batch_ends_at_six_megabytes() -> None:
    made = stream()
    mapping, function = mapped(made, batch_size=100)
    fill(made, 6, size=4 * 2**18 * 2)  # of base64: three fill the payload, but for the frame

    drive(mapping)

    assert function.batches == [[0, 1], [2, 3], [4, 5]]
    assert all(len(json.dumps(event)) <= PAYLOAD_BYTES for event in function.events)


def test_what_is_there_already_is_not_read_from_the_latest() -> None:
    made = stream()
    fill(made, 2)
    mapping, function = mapped(made, starting_position="LATEST")
    fill(made, 1)
    made.split(FIRST)
    fill(made, 1)

    for shard in made.shards:
        drive(mapping, shard)

    assert sorted(function.batches) == [[2], [3]], "of a later shard, everything"


def test_a_batch_that_failed_comes_again_whole_after_a_pause() -> None:
    made = stream()
    mapping, function = mapped(made)
    fill(made, 2)
    function.fails = lambda batch: len(function.batches) < 4

    assert mapping.poll(FIRST) == "failed"
    fill(made, 2)
    assert mapping.poll(FIRST) == "backing off"
    began = made.clock.now_ms
    assert drive(mapping) == ["failed", "failed", "delivered", "delivered"]
    assert function.batches == [[0, 1]] * 4 + [[2, 3]]
    assert made.clock.now_ms - began == 7_000


def test_the_checkpoint_moves_only_by_success() -> None:
    made = stream()
    mapping, function = mapped(made)
    fill(made, 6)
    function.fails = lambda batch: 5 in batch

    mapping.poll(FIRST)
    before = mapping.checkpoints
    mapping.poll(FIRST)

    assert mapping.checkpoints == before == {FIRST: made.records[3].sequence}
    assert mapping.lag() == 2


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (3, 4)])
def test_retries_are_counted(retries: int, tries: int) -> None:
    made = stream()
    kept: list[dict[str, Any]] = []
    mapping, function = mapped(
        made, max_retries=retries, on_failure=lambda key, body: kept.append(json.loads(body))
    )
    fill(made, 6)
    function.fails = lambda batch: 0 in batch

    assert drive(mapping)[-2:] == ["discarded", "delivered"]
    assert function.batches == [[0, 1, 2, 3]] * tries + [[4, 5]]
    (record,) = kept
    assert record["requestContext"]["approximateInvokeCount"] == tries
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert len(json.loads(record["payload"])["Records"]) == 4


def test_a_failed_batch_is_split_until_what_is_bad_is_alone() -> None:
    """ "Splitting batches doesn't consume the retry quota." """
    made = stream()
    mapping, function = mapped(made, batch_size=8, bisect=True, max_retries=2)
    fill(made, 8)
    function.fails = lambda batch: 5 in batch

    drive(mapping)

    assert function.batches == [
        *([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4]),
        *([5], [5], [5], [6, 7]),
    ]
    assert mapping.counts["records discarded"] == 1


def test_the_lowest_reported_failure_is_the_checkpoint() -> None:
    made = stream()
    mapping, function = mapped(made, partial_batch=True)
    fill(made, 4)
    function.reports = lambda batch: [3, 1] if len(function.batches) == 1 else []

    assert mapping.poll(FIRST) == "delivered"
    assert mapping.checkpoints == {FIRST: made.records[0].sequence}
    drive(mapping)
    assert function.batches == [[0, 1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("identifier", ["", None, "49"])
def test_a_report_that_names_no_record_fails_the_batch(identifier: object) -> None:
    made = stream()
    mapping, function = mapped(made, partial_batch=True)
    fill(made, 2)
    function.reports = lambda batch: [identifier] if len(function.batches) == 1 else []  # type: ignore[list-item]

    assert mapping.poll(FIRST) == "failed"
    drive(mapping)
    assert function.batches == [[0, 1], [0, 1]]


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": []}])
def test_an_empty_response_is_success(response: object) -> None:
    made = stream()
    mapping = EventSourceMapping(made, lambda event: response, partial_batch=True)
    fill(made, 2)

    assert mapping.poll(FIRST) == "delivered"
    assert mapping.lag() == 0


def test_a_report_counts_only_where_it_is_asked_for() -> None:
    made = stream()
    mapping, function = mapped(made)
    fill(made, 2)
    function.reports = lambda batch: batch

    assert mapping.poll(FIRST) == "delivered"
    assert mapping.lag() == 0


def test_a_report_is_split_at_what_failed_and_not_in_half() -> None:
    """ "The batch is bisected at the returned sequence number"; that costs no retry."""
    made = stream()
    mapping, function = mapped(made, partial_batch=True, bisect=True, max_retries=0)
    fill(made, 4)
    function.reports = lambda batch: [2] if batch[0] < 2 else []

    drive(mapping)

    assert function.batches == [[0, 1, 2, 3], [2, 3]]
    assert mapping.counts["records discarded"] == 0


def test_old_records_are_discarded_unseen_and_kept_whole() -> None:
    made = stream()
    kept: list[tuple[str, dict[str, Any]]] = []
    mapping, function = mapped(
        made,
        max_record_age_ms=60_000,
        on_failure=lambda key, body: kept.append((key, json.loads(body))),
    )
    fill(made, 2)
    made.clock.advance(60_001)
    fill(made, 1)

    assert drive(mapping) == ["discarded", "delivered"]

    assert function.batches == [[2]]
    ((key, record),) = kept
    assert key.startswith(
        f"aws/lambda/{mapping.mapping_id}/{FIRST}/2026/01/01/2026-01-01T00.01.00-"
    )
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in record, "nothing was invoked"
    first, second = made.records[:2]
    assert record["KinesisBatchInfo"] == {
        "shardId": FIRST,
        "startSequenceNumber": str(first.sequence),
        "endSequenceNumber": str(second.sequence),
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00.000Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:00:00.000Z",
        "batchSize": 2,
        "streamArn": made.arn,
    }
    payload = json.loads(record["payload"])["Records"]
    assert [one["kinesis"]["data"] for one in payload] == [first.data, second.data]


def test_what_the_destination_does_not_take_is_offered_again() -> None:
    made = stream()
    offered: list[str] = []

    def down_twice(key: str, body: bytes) -> None:
        offered.append(key)
        if len(offered) < 3:
            raise OSError("down")

    mapping, function = mapped(made, max_retries=0, on_failure=down_twice)
    fill(made, 6)
    function.fails = lambda batch: 0 in batch

    steps = drive(mapping)

    assert steps == ["destination down", "destination down", "discarded", "delivered"]
    assert len(offered) == len({*offered}) == 3
    assert function.batches == [[0, 1, 2, 3], [4, 5]]
    assert mapping.lag() == 0
    assert mapping.counts["destination failures"] == 2


def test_what_the_stream_no_longer_keeps_is_lost() -> None:
    made = stream(retention_ms=3_600_000)
    mapping, function = mapped(made)
    fill(made, 1)
    made.clock.advance(3_600_001)
    fill(made, 1)

    drive(mapping)

    assert function.batches == [[1]]


def test_children_wait_for_their_parents() -> None:
    made = stream()
    mapping, function = mapped(made)
    fill(made, 6)
    low, high = made.split(FIRST)
    merged = made.merge(low.shard_id, high.shard_id)
    fill(made, 1)

    assert mapping.poll(merged.shard_id) == "behind its parent"
    mapping.poll(FIRST)
    assert mapping.poll(low.shard_id) == "behind its parent"
    mapping.poll(FIRST)
    assert mapping.poll(FIRST) == "drained"
    assert mapping.poll(merged.shard_id) == "delivered"
    assert function.batches == [[0, 1, 2, 3], [4, 5], [6]]


def test_an_expired_iterator_loses_nothing() -> None:
    made = stream()
    mapping, function = mapped(made, batching_window_ms=2 * ITERATOR_MS)
    fill(made, 2)
    mapping.poll(FIRST)
    made.clock.advance(ITERATOR_MS + 1)
    mapping.poll(FIRST)

    drive(mapping)

    assert mapping.counts["iterators expired"] == 1
    assert function.batches == [[0, 1]]


def test_a_second_consumer_begins_at_the_checkpoint() -> None:
    made = stream()
    mapping, function = mapped(made)
    fill(made, 6)
    mapping.poll(FIRST)
    twin = mapping.twin()

    drive(mapping)
    drive(twin)

    assert function.batches == [[0, 1, 2, 3], [4, 5], [4, 5]]


def test_a_restart_forgets_what_was_not_done_and_a_rewind_what_was() -> None:
    made = stream()
    mapping, function = mapped(made, bisect=True)
    fill(made, 6)
    mapping.poll(FIRST)
    function.fails = lambda batch: len(function.batches) == 2
    mapping.poll(FIRST)

    mapping.restart()
    drive(mapping)
    mapping.rewind(FIRST, 3)
    drive(mapping)

    assert function.batches == [[0, 1, 2, 3], [4, 5], [4, 5], [3, 4, 5]]
