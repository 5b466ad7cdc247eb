"""The deployed handlers run in this process, with their deployed environment, on the embedded AWS:
a front door, a stream that no other test has, and the rating function behind it.
"""

import base64
import json
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from ingest_slot_events import handler as ingest
from pitboss.access import Action, Kind, Principal
from pitboss.errors import TransientError
from rate_players import handler as rating
from tests.e2e.wire import Wire
from workbench import endpoint
from workbench.event_files import FileFormat

MAX_TRIES = 60
"""Times that a post is sent or a batch delivered until it is given up: the test fails."""

PASSING = (BotoCoreError, ClientError, PynamoDBException, TransientError)
"""What the handlers raise where AWS fails: API Gateway answers 502, an event source comes again."""

_CHECKED = ("received", "accepted", "duplicate", "quarantined", "failed")


def physical_id(logical_id: str) -> str:
    """The name of a deployed resource."""
    found: str = endpoint.client("cloudformation").describe_stack_resource(
        StackName=endpoint.stack_name(), LogicalResourceId=logical_id
    )["StackResourceDetail"]["PhysicalResourceId"]
    return found


def environment_of(logical_id: str) -> dict[str, str]:
    """The variables that a deployed function is given."""
    found: dict[str, str] = endpoint.client("lambda").get_function_configuration(
        FunctionName=physical_id(logical_id)
    )["Environment"]["Variables"]
    return found


@dataclass
class Posted:
    """What became of a feed at the front door."""

    accepted: int = 0
    quarantined: int = 0
    posts: int = 0
    again: int = 0
    """Of those, how many sent again what was not answered for."""
    unavailable: int = 0
    """Answers 503."""
    died: int = 0
    """Requests that the handler raised at; API Gateway answers 502."""


class FrontDoor:
    """The front door over a stream; it is called as a gateway calls it."""

    def __init__(self, stream: str, property_id: str, wire: Wire) -> None:
        self._environment = environment_of("IngestSlotEventsFunction") | {"SLOT_STREAM": stream}
        self._wire = wire
        self._sender = Principal(
            f"workbench-{property_id}",
            Kind.GATEWAY,
            property_id,
            None,
            frozenset({Action.SEND_SLOT_EVENTS}),
        )

    def send(
        self,
        packets: Iterable[bytes],
        *,
        a_post: int = 150,
        answer_lost: Callable[[], bool] = lambda: False,
    ) -> Posted:
        """Post packets in their order, and again what is not answered for, or failed.

        `answer_lost`: the gateway does not hear the answer, and sends all of it again.
        """
        posted = Posted()
        with _environment(self._environment):
            ingest._wiring.cache_clear()
            for piece in batched(packets, a_post, strict=False):
                waiting = list(piece)
                for attempt in range(MAX_TRIES):
                    posted.posts += 1
                    posted.again += attempt > 0
                    waiting = self._post(waiting, posted, unheard=answer_lost())
                    if not waiting:
                        break
                else:
                    raise AssertionError(f"{len(waiting)} events never got in")
        return posted

    def _post(self, packets: list[bytes], posted: Posted, *, unheard: bool) -> list[bytes]:
        """Those that have to be sent again."""
        body = b"\n".join(packets)
        digest = sha256(body).hexdigest()
        request = {
            "headers": {"Content-Type": FileFormat.ACRES_SAS.content_type},
            "requestContext": {
                "authorizer": self._sender.to_context(digest),
                "requestId": digest[:32],
            },
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        try:
            with self._wire.installed():
                answer = ingest.handler(request, None)
        except PASSING:
            posted.died += 1
            return packets
        said = json.loads(answer["body"])
        assert answer["statusCode"] == (503 if said["failed"] else 200), said
        received, *parts = (said[name] for name in _CHECKED)
        assert received == sum(parts) == len(packets)
        posted.unavailable += answer["statusCode"] == 503
        if unheard:
            return packets
        statuses = [event["status"] for event in said["events"]]
        posted.accepted += said["accepted"] + said["duplicate"]
        posted.quarantined += said["quarantined"]
        return [one for one, status in zip(packets, statuses, strict=True) if status == "failed"]


@dataclass
class Delivered:
    """How records were delivered to the rating function."""

    batches: int = 0
    failed: int = 0
    """Invocations that raised; the batch came again."""
    again: int = 0
    """Records that were delivered though their batch had succeeded."""


class Consumer:
    """An event source that delivers at least once, to one process or to one after the other."""

    def __init__(self, wire: Wire) -> None:
        self._environment = environment_of("RatePlayersFunction")
        self._wire = wire

    def deliver(
        self,
        records: Sequence[dict[str, Any]],
        *,
        a_batch: int = 6,
        steps_back: Callable[[], int] = lambda: 0,
        new_process: Callable[[], bool] = lambda: False,
    ) -> Delivered:
        """Deliver records in their order, a batch that failed until it succeeds.

        `steps_back`: after a batch, go on so many records before its end, as after a checkpoint
        that was lost or an iterator that expired. `new_process`: another process gets the batch.
        """
        delivered = Delivered()
        position = tries = 0
        with _environment(self._environment):
            rating._wiring.cache_clear()
            while position < len(records):
                batch = records[position : position + a_batch]
                if new_process():
                    rating._wiring.cache_clear()
                delivered.batches += 1
                try:
                    with self._wire.installed():
                        answer = rating.handler(event_of(batch), None)
                except PASSING as fault:
                    delivered.failed += 1
                    tries += 1
                    if tries > MAX_TRIES:
                        raise AssertionError("a batch never succeeds") from fault
                    continue
                assert answer == {"batchItemFailures": []}
                tries = 0
                back = min(steps_back(), position + len(batch))
                delivered.again += back
                position += len(batch) - back
        return delivered


def event_of(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A batch as a function gets it, of records as Kinesis gives them out."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": base64.b64encode(record["Data"]).decode(),
                    "approximateArrivalTimestamp": (
                        record["ApproximateArrivalTimestamp"].timestamp()
                    ),
                },
                "eventSource": "aws:kinesis",
            }
            for record in records
        ]
    }


def records_of(stream: str, property_id: str) -> list[dict[str, Any]]:
    """A property's records in a stream of one shard, in their order."""
    kinesis = endpoint.client("kinesis")
    (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    while True:
        page = kinesis.get_records(ShardIterator=iterator, Limit=1_000)
        iterator = page["NextShardIterator"]
        found += [
            one for one in page["Records"] if one["PartitionKey"].startswith(f"{property_id}/")
        ]
        if not page["Records"] and not page.get("MillisBehindLatest"):
            return found


def seldom(chance: random.Random, share: float) -> Callable[[], bool]:
    """True by chance."""
    return lambda: chance.random() < share


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """This process's environment as the function has it, and its way to the embedded AWS."""
    where = endpoint.target()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            if where.access_key_id and name != "AWS_CA_BUNDLE":
                patch.delenv(name)
        for name, value in (where.variables() | variables).items():
            patch.setenv(name, value)
        yield
