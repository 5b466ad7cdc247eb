"""A casino of its own for each test, and ways to look at what the stack made of what it sent."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pitboss.events.batch import BatchHeader, pack
from pitboss.events.slot import GameEnded, GameStarted, MeteredEvent
from tests.e2e.house import PATIENCE_SECONDS, House, Watch
from tests.integration import ratings_items
from workbench import endpoint, gateways, measure
from workbench.paths import ROOT, VENV_BIN


@pytest.fixture
def open_house(stack: dict[str, str]) -> Iterator[Callable[[], House]]:
    """Make a property; it is forgotten after the test."""
    with ExitStack() as cleanup:

        def make() -> House:
            property_id = f"e2e-{uuid.uuid4().hex[:10]}"
            cleanup.callback(forget, stack, property_id)
            return House(
                property_id,
                cleanup.enter_context(measure.gateway(property_id)),
                cleanup.enter_context(measure.reader(property_id)),
            )

        yield make


@pytest.fixture
def house(open_house: Callable[[], House]) -> House:
    """The one property of a test that needs no more."""
    return open_house()


def forget(stack: dict[str, str], property_id: str) -> None:
    ratings_items.forget(property_id)
    s3 = endpoint.client("s3")
    for stage in ("ingest_slot_events", "rate_players"):
        there = {"Bucket": stack["QuarantineBucketName"]}
        found = s3.list_objects_v2(**there, Prefix=f"quarantine/{stage}/{property_id}/")
        for one in found.get("Contents", []):
            s3.delete_object(**there, Key=one["Key"])
    for known in gateways.registry().credentials():
        if known.principal.property_id == property_id:
            endpoint.client("dynamodb").delete_item(
                TableName=stack["RegistryTableName"],
                Key={"pk": {"S": known.principal.principal_id}},
            )
            gateways.key_path(known.principal.principal_id).unlink(missing_ok=True)


@pytest.fixture
def settled(stack: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Wait until everything that is in the stream by now was rated.

    A game follows it into each shard, and records of a shard are rated in their order.
    """
    kinesis = endpoint.client("kinesis")
    stream = stack["SlotStreamName"]
    made: list[str] = []

    def wait() -> None:
        property_id = f"e2e-last-{uuid.uuid4().hex[:10]}"
        made.append(property_id)
        shards = [
            shard
            for shard in kinesis.list_shards(StreamName=stream)["Shards"]
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        ]
        for number, shard in enumerate(shards, 1):
            header = BatchHeader(property_id, str(number), 0, "tests", "pitboss")
            moment = 1_768_500_000_000
            game = [
                MeteredEvent(f"{property_id}-1", moment, 1, "last", GameStarted(1)),
                MeteredEvent(f"{property_id}-2", moment + 1, 2, "last", GameEnded()),
            ]
            kinesis.put_record(
                StreamName=stream,
                Data=pack(header, [b"{}", b"{}"], game),
                PartitionKey=f"{property_id}/{number}",
                ExplicitHashKey=shard["HashKeyRange"]["StartingHashKey"],
            )
        dynamodb = endpoint.client("dynamodb")

        def rated() -> bool:
            found = dynamodb.query(
                TableName=stack["RatingsTableName"],
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"{property_id}/player/last"}},
                ConsistentRead=True,
            )
            return bool(found["Count"] == len(shards))

        if not measure.wait_until(rated, PATIENCE_SECONDS):
            pytest.fail(f"the stream is not rated within {PATIENCE_SECONDS} s")

    yield wait
    for property_id in made:
        ratings_items.forget(property_id)


@pytest.fixture
def watch(stack: dict[str, str]) -> Watch:
    """The stream from here on."""
    kinesis = endpoint.client("kinesis")
    stream = stack["SlotStreamName"]
    return Watch(
        {
            shard["ShardId"]: kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"]
            for shard in kinesis.list_shards(StreamName=stream)["Shards"]
        },
        [],
    )


@pytest.fixture
def pitboss(stack: dict[str, str]) -> Callable[..., bytes]:
    """The command, as someone types it; what it prints."""

    def run(*arguments: str) -> bytes:
        done = subprocess.run(
            [VENV_BIN / "pitboss", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=ROOT,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run
