"""A casino of its own for each test, and ways to look at what the stack made of what it sent."""

import hashlib
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from pitboss.events.batch import BatchHeader, pack
from pitboss.events.slot import GameEnded, GameStarted, MeteredEvent
from tests.integration import ratings_items
from workbench import endpoint, gateways, measure
from workbench.client import PitbossClient
from workbench.event_files import FileFormat
from workbench.paths import ROOT, VENV_BIN
from workbench.replay import FeedEvent, ReplayReport, cut, replay
from workbench.signing import Signer

PATIENCE_SECONDS = 90.0
"""How long the stack may take for what it is sent; nothing is timed here."""


@dataclass
class House:
    """A property that no other test has, with a gateway, a service and its place in the stack."""

    property_id: str
    gateway: PitbossClient
    service: PitbossClient

    def send(self, events: Iterable[FeedEvent], **how: Any) -> ReplayReport:
        """Through the front door, as gateway packets."""
        return replay(
            self.gateway,
            cut(events, **({"max_events": 500, "groups": 4} | how)),
            FileFormat.ACRES_SAS,
            connections=2,
        )

    def post(
        self,
        body: bytes,
        content_type: str = FileFormat.PITBOSS.content_type,
        **headers: str,
    ) -> httpx.Response:
        """One request with this body, signed as it is, whatever it is."""
        signed = self._signer(gateways.workbench_gateway(self.property_id).principal_id)
        return httpx.post(
            f"{endpoint.api_url()}/v1/slot-events",
            content=body,
            headers={"Content-Type": content_type, **headers, **signed.headers(body)},
            timeout=30,
        )

    def get(self, path: str) -> httpx.Response:
        """One read."""
        return self.service.get(path)

    @staticmethod
    def _signer(principal_id: str) -> Signer:
        return Signer(principal_id, gateways.key_path(principal_id), gateways.audience())

    def items(self) -> ratings_items.Items:
        """What is stored of it."""
        return ratings_items.items(self.property_id)

    def envelope(self, asset_id: str, event_type: str, second: int, **fields: Any) -> bytes:
        """An event of it; the same arguments make the same event."""
        moment = 1_768_500_000_000 + second * 1_000
        envelope = {
            "event_id": f"{asset_id}-{event_type}-{second}",
            "event_type": event_type,
            "property_id": self.property_id,
            "asset_id": asset_id,
            "occurred_at": moment,
            "sequence": second,
            **fields,
        }
        return json.dumps(envelope).encode()

    def game(self, asset_id: str, second: int, wager_cents: int = 100) -> list[bytes]:
        """A machine's paytable and a game; its hold is 8 %."""
        return [
            self.envelope(asset_id, "paytable.reported", 0, data={"base_basis_points": 9_200}),
            self.envelope(asset_id, "game.started", second, data={"wager_cents": wager_cents}),
            self.envelope(asset_id, "game.ended", second + 5, data={"win_cents": 40}),
        ]


def array(events: Sequence[bytes]) -> bytes:
    """A body of envelopes."""
    return b"[" + b",".join(events) + b"]"


@pytest.fixture
def open_house(stack: dict[str, str]) -> Iterator[Callable[[], House]]:
    """Make a property; it is forgotten after the test."""
    with ExitStack() as cleanup:

        def make() -> House:
            property_id = f"e2e-{uuid.uuid4().hex[:10]}"
            cleanup.callback(_forget, stack, property_id)
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


def _forget(stack: dict[str, str], property_id: str) -> None:
    ratings_items.forget(property_id)
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


@dataclass
class Watch:
    """The records that come into the stream."""

    iterators: dict[str, str]
    records: list[dict[str, Any]]

    def look(self) -> list[dict[str, Any]]:
        """Every record since the test began."""
        kinesis = endpoint.client("kinesis")
        for shard in self.iterators:
            while True:
                page = kinesis.get_records(ShardIterator=self.iterators[shard], Limit=1000)
                self.iterators[shard] = page["NextShardIterator"]
                self.records += page["Records"]
                if not page["Records"] and not page.get("MillisBehindLatest"):
                    break
        return self.records

    def of(self, property_id: str) -> list[dict[str, Any]]:
        """Those of one property."""
        return [
            record for record in self.look() if record["PartitionKey"].startswith(f"{property_id}/")
        ]


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


def digest(content: bytes) -> str:
    """A short name for bytes."""
    return f"{len(content)}:{hashlib.sha256(content).hexdigest()[:16]}"


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000
