"""Kinesis in memory, and the event source mapping that feeds a Lambda function from it.

The stream keeps the rules of the API reference; the mapping those of the Lambda developer guide
("How Lambda processes records from stream-based event sources", "Retain discarded batch records",
"Configuring partial batch response"). Where AWS documents no figure, the docstring says so.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, Literal, NamedTuple

import msgspec

from workbench.proof import AwsError, Killed, UnknownToFake
from workbench.proof.clock import Clock

MAX_RECORDS_A_CALL = 500
MAX_CALL_BYTES = 10 * 1024 * 1024
MAX_RECORD_BYTES = 1024 * 1024
"""Of data and partition key; a stream's default, which can be raised to 10 MiB."""

MAX_PARTITION_KEY_CHARACTERS = 256
SHARD_RECORDS_A_SECOND = 1000
SHARD_BYTES_A_SECOND = 1024 * 1024
ITERATOR_MS = 5 * 60 * 1000
READ_RECORDS = 10_000
READ_BYTES = 10 * 1024 * 1024
HASH_KEYS = 2**128
PAYLOAD_BYTES = 6 * 1024 * 1024
"""Of an event that Lambda hands to a function."""

_FIRST_SEQUENCE = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_000_000


class Record(NamedTuple):
    """A record as it lies in its shard."""

    sequence: int
    partition_key: str
    data: str
    """In base64."""
    arrived_ms: int


class Shard:
    """A range of hash keys, and the records whose keys fell into it."""

    def __init__(
        self, number: int, first: int, last: int, created_ms: int, parents: tuple[str, ...] = ()
    ) -> None:
        self.shard_id = f"shardId-{number:012d}"
        self.first = first
        self.last = last
        self.parents = parents
        self.created_ms = created_ms
        self.closed_ms: int | None = None
        """When it was split or merged; it takes no records since."""
        self.records: list[Record] = []
        self.sequences: list[int] = []
        self.starting_sequence = 0
        self._second = -1
        self._taken = (0, 0)

    def take(self, now_ms: int, size: int) -> bool:
        """Whether the shard takes one more record this second."""
        second = now_ms // 1000
        records, taken = self._taken if second == self._second else (0, 0)
        if records + 1 > SHARD_RECORDS_A_SECOND or taken + size > SHARD_BYTES_A_SECOND:
            return False
        self._second, self._taken = second, (records + 1, taken + size)
        return True

    def after(self, sequence: int, oldest_ms: int) -> int:
        """Where in `records` those begin that follow a sequence number and are not expired."""
        at = bisect_right(self.sequences, sequence)
        while at < len(self.records) and self.records[at].arrived_ms < oldest_ms:
            at += 1
        return at


class Stream:
    """A data stream."""

    def __init__(
        self,
        name: str,
        arn: str,
        shards: int,
        clock: Clock,
        *,
        retention_ms: int = 24 * 3_600_000,
        max_record_bytes: int = MAX_RECORD_BYTES,
        throttles: bool = True,
    ) -> None:
        self.name = name
        self.arn = arn
        self.clock = clock
        self.retention_ms = retention_ms
        self.max_record_bytes = max_record_bytes
        self.throttles = throttles
        """Whether a shard refuses more than 1,000 records or 1 MiB a second."""
        self.shards: dict[str, Shard] = {}
        self._sequence = _FIRST_SEQUENCE
        for number in range(shards):
            first, last = (HASH_KEYS * n // shards for n in (number, number + 1))
            self._open(first, last - 1)

    def _open(self, first: int, last: int, parents: tuple[str, ...] = ()) -> Shard:
        shard = Shard(len(self.shards), first, last, self.clock.now_ms, parents)
        shard.starting_sequence = self._next_sequence(shard)
        self.shards[shard.shard_id] = shard
        return shard

    def _next_sequence(self, shard: Shard) -> int:
        """Numbers grow over the whole stream; their last digits are the shard's."""
        self._sequence += 1_000_000
        return self._sequence + int(shard.shard_id[-6:])

    @property
    def open_shards(self) -> list[Shard]:
        """Those that take records."""
        return [shard for shard in self.shards.values() if shard.closed_ms is None]

    @property
    def oldest_ms(self) -> int:
        """Records that arrived before are gone."""
        return self.clock.now_ms - self.retention_ms

    def shard_of(self, partition_key: str, explicit_hash_key: str | None = None) -> Shard:
        """The open shard whose range holds the MD5 of the key."""
        value = (
            int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")
            if explicit_hash_key is None
            else int(explicit_hash_key)
        )
        return next(shard for shard in self.open_shards if shard.first <= value <= shard.last)

    def append(self, shard: Shard, partition_key: str, data: str) -> Record:
        """Put a record at the end of a shard."""
        record = Record(self._next_sequence(shard), partition_key, data, self.clock.now_ms)
        shard.records.append(record)
        shard.sequences.append(record.sequence)
        return record

    def split(self, shard_id: str, at: int | None = None) -> tuple[Shard, Shard]:
        """Close a shard and open two in its place; the second begins at `at`, or half way."""
        shard = self._open_shard(shard_id)
        start = (shard.first + shard.last + 1) // 2 if at is None else at
        if not shard.first < start <= shard.last:
            raise AwsError("InvalidArgumentException", f"{start} does not split {shard_id}")
        shard.closed_ms = self.clock.now_ms
        parents = (shard_id,)
        return self._open(shard.first, start - 1, parents), self._open(start, shard.last, parents)

    def merge(self, shard_id: str, adjacent_id: str) -> Shard:
        """Close two shards of adjacent ranges and open one in their place."""
        one, other = self._open_shard(shard_id), self._open_shard(adjacent_id)
        low, high = sorted((one, other), key=lambda shard: shard.first)
        if low.last + 1 != high.first:
            raise AwsError(
                "InvalidArgumentException", f"{shard_id} and {adjacent_id} are not adjacent"
            )
        low.closed_ms = high.closed_ms = self.clock.now_ms
        return self._open(low.first, high.last, (shard_id, adjacent_id))

    def _open_shard(self, shard_id: str) -> Shard:
        shard = self.shards.get(shard_id)
        if shard is None:
            raise AwsError("ResourceNotFoundException", f"no shard {shard_id}")
        if shard.closed_ms is not None:
            raise AwsError("InvalidArgumentException", f"{shard_id} is closed")
        return shard

    @property
    def records(self) -> list[Record]:
        """Every record, in the order of its arrival."""
        return sorted(record for shard in self.shards.values() for record in shard.records)


_PARAMETERS = {
    "CreateStream": {"StreamName", "ShardCount"},
    "DeleteStream": {"StreamName"},
    "DescribeStream": {"StreamName", "StreamARN"},
    "DescribeStreamSummary": {"StreamName", "StreamARN"},
    "ListShards": {"StreamName", "StreamARN"},
    "PutRecord": {"StreamName", "StreamARN", "Data", "PartitionKey", "ExplicitHashKey"},
    "PutRecords": {"StreamName", "StreamARN", "Records"},
    "GetShardIterator": {"StreamName", "StreamARN", "ShardId", "ShardIteratorType"}
    | {"StartingSequenceNumber", "Timestamp"},
    "GetRecords": {"ShardIterator", "Limit", "StreamARN"},
    "SplitShard": {"StreamName", "StreamARN", "ShardToSplit", "NewStartingHashKey"},
    "MergeShards": {"StreamName", "StreamARN", "ShardToMerge", "AdjacentShardToMerge"},
}


class Kinesis:
    """The service: its streams, and its answers."""

    def __init__(self, clock: Clock, region: str, account: str) -> None:
        self.streams: dict[str, Stream] = {}
        self._clock = clock
        self._arn = f"arn:aws:kinesis:{region}:{account}:stream/"
        self._iterators: dict[str, tuple[Stream, Shard, int, int]] = {}

    def create_stream(self, name: str, shards: int = 1, **settings: Any) -> Stream:
        """A new stream, at once active; `settings` are those of `Stream`."""
        self.streams[name] = Stream(name, self._arn + name, shards, self._clock, **settings)
        return self.streams[name]

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """What the service answers, its effect done.

        Raises:
            AwsError: it refuses.
            UnknownToFake: the fake has no rule for the request.
        """
        known = _PARAMETERS.get(operation)
        if known is None or not known >= request.keys():
            raise UnknownToFake(f"Kinesis {operation} with {sorted(request)}")
        found: dict[str, Any] = getattr(self, f"_{operation}")(request)
        return found

    def answer_in_part(
        self,
        operation: str,
        request: dict[str, Any],
        entries: tuple[int, ...] | None,
        code: str,
        stored: bool,
    ) -> dict[str, Any]:
        """The answer to a PutRecords of which these entries, or the second half, failed."""
        if operation != "PutRecords":
            raise UnknownToFake(f"{operation} is not done in part")
        count = len(request["Records"])
        failed = range(count // 2, count) if entries is None else [n % count for n in entries]
        return self._PutRecords(request, frozenset(failed), code, stored)

    def _stream(self, request: dict[str, Any]) -> Stream:
        name = request.get("StreamName") or str(request.get("StreamARN", "")).rpartition("/")[2]
        stream = self.streams.get(name)
        if stream is None:
            raise AwsError("ResourceNotFoundException", f"Stream {name} not found.")
        return stream

    # Streams and shards.

    def _CreateStream(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if request["StreamName"] in self.streams:
            raise AwsError("ResourceInUseException", "the stream exists")
        self.create_stream(request["StreamName"], request.get("ShardCount", 1))
        return {}

    def _DeleteStream(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        del self.streams[self._stream(request).name]
        return {}

    def _DescribeStreamSummary(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stream = self._stream(request)
        return {
            "StreamDescriptionSummary": {
                "StreamName": stream.name,
                "StreamARN": stream.arn,
                "StreamStatus": "ACTIVE",
                "RetentionPeriodHours": stream.retention_ms // 3_600_000,
                "StreamCreationTimestamp": 0,
                "EnhancedMonitoring": [],
                "OpenShardCount": len(stream.open_shards),
            }
        }

    def _DescribeStream(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        summary = self._DescribeStreamSummary(request)["StreamDescriptionSummary"]
        del summary["OpenShardCount"]
        shards = self._ListShards(request)["Shards"]
        return {"StreamDescription": {**summary, "Shards": shards, "HasMoreShards": False}}

    def _ListShards(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Shards": [_described(shard) for shard in self._stream(request).shards.values()]}

    def _SplitShard(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._stream(request).split(request["ShardToSplit"], int(request["NewStartingHashKey"]))
        return {}

    def _MergeShards(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._stream(request).merge(request["ShardToMerge"], request["AdjacentShardToMerge"])
        return {}

    # Writing.

    def _PutRecord(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stream = self._stream(request)
        size = self._checked(stream, request, 1)
        shard = stream.shard_of(request["PartitionKey"], request.get("ExplicitHashKey"))
        if stream.throttles and not shard.take(self._clock.now_ms, size):
            raise AwsError("ProvisionedThroughputExceededException", _throttled(stream, shard))
        record = stream.append(shard, request["PartitionKey"], request["Data"])
        return {"ShardId": shard.shard_id, "SequenceNumber": str(record.sequence)}

    def _PutRecords(  # noqa: N802
        self,
        request: dict[str, Any],
        failed: frozenset[int] = frozenset(),
        code: str = "",
        stored: bool = False,
    ) -> dict[str, Any]:
        stream = self._stream(request)
        entries = request["Records"]
        if not 1 <= len(entries) <= MAX_RECORDS_A_CALL:
            raise AwsError(
                "ValidationException",
                "1 validation error detected: Value at 'records' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_RECORDS_A_CALL}",
            )
        sizes = [self._checked(stream, entry, n) for n, entry in enumerate(entries, 1)]
        if sum(sizes) > MAX_CALL_BYTES:
            raise AwsError("InvalidArgumentException", "Records size exceeds 10 MB limit")
        results: list[dict[str, str]] = []
        for index, (entry, size) in enumerate(zip(entries, sizes, strict=True)):
            shard = stream.shard_of(entry["PartitionKey"], entry.get("ExplicitHashKey"))
            if index in failed:
                if stored:
                    stream.append(shard, entry["PartitionKey"], entry["Data"])
                results.append({"ErrorCode": code, "ErrorMessage": "injected"})
            elif stream.throttles and not shard.take(self._clock.now_ms, size):
                results.append(
                    {
                        "ErrorCode": "ProvisionedThroughputExceededException",
                        "ErrorMessage": _throttled(stream, shard),
                    }
                )
            else:
                record = stream.append(shard, entry["PartitionKey"], entry["Data"])
                results.append({"SequenceNumber": str(record.sequence), "ShardId": shard.shard_id})
        refused = sum("ErrorCode" in result for result in results)
        return {"FailedRecordCount": refused, "Records": results}

    @staticmethod
    def _checked(stream: Stream, entry: dict[str, Any], number: int) -> int:
        """A record's size in bytes, its key included."""
        key: str = entry["PartitionKey"]
        if not 1 <= len(key) <= MAX_PARTITION_KEY_CHARACTERS:
            raise AwsError(
                "ValidationException",
                f"Value at 'records.{number}.member.partitionKey' failed to satisfy constraint: "
                f"Member must have length between 1 and {MAX_PARTITION_KEY_CHARACTERS}",
            )
        data: str = entry["Data"]
        size = len(data) * 3 // 4 - data.count("=", -2) + len(key.encode())
        if size > stream.max_record_bytes:
            raise AwsError(
                "ValidationException",
                f"Value at 'records.{number}.member.data' failed to satisfy constraint: Member "
                f"must have length less than or equal to {stream.max_record_bytes}",
            )
        return size

    # Reading.

    def _GetShardIterator(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stream = self._stream(request)
        shard = stream.shards.get(request["ShardId"])
        if shard is None:
            raise AwsError("ResourceNotFoundException", f"no shard {request['ShardId']}")
        kind = request["ShardIteratorType"]
        given = int(request.get("StartingSequenceNumber", 0))
        if kind == "AT_TIMESTAMP":
            since = float(request["Timestamp"]) * 1000
            earlier = [one.sequence for one in shard.records if one.arrived_ms < since]
            after = max(earlier, default=0)
        else:
            positions = {
                "TRIM_HORIZON": 0,
                "LATEST": max(shard.sequences, default=0),
                "AT_SEQUENCE_NUMBER": given - 1,
                "AFTER_SEQUENCE_NUMBER": given,
            }
            if kind not in positions:
                raise AwsError("InvalidArgumentException", f"no iterator type {kind}")
            after = positions[kind]
        return {"ShardIterator": self._iterator(stream, shard, after)}

    def _iterator(self, stream: Stream, shard: Shard, after: int) -> str:
        token = f"iterator-{len(self._iterators):012d}"
        self._iterators[token] = (stream, shard, after, self._clock.now_ms)
        return token

    def _GetRecords(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = self._iterators.get(request["ShardIterator"])
        if found is None:
            raise AwsError("InvalidArgumentException", "Invalid ShardIterator.")
        stream, shard, after, issued_ms = found
        if self._clock.now_ms - issued_ms > ITERATOR_MS:
            raise AwsError("ExpiredIteratorException", "Iterator expired.")
        at = shard.after(after, stream.oldest_ms)
        most = min(request.get("Limit", READ_RECORDS), READ_RECORDS)
        read: list[Record] = []
        size = 0
        for record in shard.records[at : at + most]:
            size += len(record.data) * 3 // 4 + len(record.partition_key)
            if read and size > READ_BYTES:
                break
            read.append(record)
        left = shard.records[at + len(read) :]
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": str(record.sequence),
                    "ApproximateArrivalTimestamp": record.arrived_ms / 1000,
                    "Data": record.data,
                    "PartitionKey": record.partition_key,
                }
                for record in read
            ],
            "MillisBehindLatest": self._clock.now_ms - left[0].arrived_ms if left else 0,
        }
        if shard.closed_ms is not None and not left:
            answer["ChildShards"] = [
                {
                    "ShardId": child.shard_id,
                    "ParentShards": list(child.parents),
                    "HashKeyRange": _hash_keys(child),
                }
                for child in stream.shards.values()
                if shard.shard_id in child.parents
            ]
        else:
            answer["NextShardIterator"] = self._iterator(
                stream, shard, read[-1].sequence if read else after
            )
        return answer


def _throttled(stream: Stream, shard: Shard) -> str:
    account = stream.arn.split(":")[4]
    return (
        f"Rate exceeded for shard {shard.shard_id} in stream {stream.name} under account {account}."
    )


def _hash_keys(shard: Shard) -> dict[str, str]:
    return {"StartingHashKey": str(shard.first), "EndingHashKey": str(shard.last)}


def _described(shard: Shard) -> dict[str, Any]:
    sequences = {"StartingSequenceNumber": str(shard.starting_sequence)}
    if shard.closed_ms is not None:
        last = max(shard.sequences, default=shard.starting_sequence)
        sequences["EndingSequenceNumber"] = str(last)
    names = ("ParentShardId", "AdjacentParentShardId")
    return {
        "ShardId": shard.shard_id,
        "HashKeyRange": _hash_keys(shard),
        "SequenceNumberRange": sequences,
        **dict(zip(names, shard.parents, strict=False)),
    }


# --- the event source mapping ---------------------------------------------------------------------

type Step = Literal[
    "unknown shard",
    "behind its parent",
    "drained",
    "idle",
    "gathering",
    "backing off",
    "delivered",
    "failed",
    "discarded",
    "destination down",
]
"""What one poll came to.

`delivered`: the function took the batch, or its first records. `failed`: it did not; the batch or
its halves come again. `discarded`: given up, and handed to the on-failure destination.
"""


class _Batch:
    """Records that are, or are about to be, in the function's hands."""

    __slots__ = ("attempts", "due_ms", "error", "given_up", "records")

    def __init__(self, records: list[Record], due_ms: int = 0) -> None:
        self.records = records
        self.attempts = 0
        self.due_ms = due_ms
        self.error = False
        self.given_up: tuple[int, str] | None = None  # how many, why; not handed over yet


class _Reader:
    """A mapping's place in one shard."""

    __slots__ = ("batches", "checkpoint", "failures", "gathering_since", "issued_ms")

    def __init__(self, checkpoint: int) -> None:
        self.checkpoint = checkpoint
        """The last sequence number that is done with: read, delivered or given up."""
        self.batches: list[_Batch] = []  # read and not done with, in order
        self.gathering_since: int | None = None
        self.issued_ms: int | None = None  # when the iterator in use was issued
        self.failures = 0  # in a row


class EventSourceMapping:
    """What Lambda runs between a stream and a function: one batch in flight a shard.

    A scheduler calls `poll(shard)` when it likes; each is at most one invocation.
    """

    def __init__(
        self,
        stream: Stream,
        invoke: Callable[[dict[str, Any]], object],
        *,
        batch_size: int = 100,
        batching_window_ms: int = 0,
        bisect: bool = False,
        max_retries: int = -1,
        max_record_age_ms: int = -1,
        on_failure: Callable[[str, bytes], object] | None = None,
        partial_batch: bool = False,
        starting_position: Literal["TRIM_HORIZON", "LATEST"] = "TRIM_HORIZON",
        function: str = "rate-players",
        mapping_id: str = "11111111-2222-4333-8444-555555555555",
        backoff_ms: Callable[[int], int] | None = None,
        drops_undeliverable: bool = False,
    ) -> None:
        """
        Args:
            stream: what it reads.
            invoke: the function; what it raises (also Killed) is a function error, what it returns
                its response.
            batch_size: records a batch at most.
            batching_window_ms: how long records are gathered for a batch that is not full.
            bisect: a batch whose function failed is split in two, and both halves are tried;
                splitting does not consume the retry quota.
            max_retries: times a batch comes again before it is discarded; -1 until it expires.
            max_record_age_ms: records older than that are discarded unseen; -1 none.
            on_failure: the S3 destination: key and JSON of each discarded batch's invocation
                record. Where it raises, that record is offered again after a pause.
            partial_batch: the response's `batchItemFailures` counts (ReportBatchItemFailures).
            starting_position: where shards are joined that are there already; later ones are
                always read from their beginning.
            function: its name, for identities and the invocation record.
            mapping_id: the mapping's UUID, a part of the destination's keys.
            backoff_ms: the pause after the n-th failure in a row. AWS says "exponential", and no
                figure; here it doubles from 1 s to 60 s.
            drops_undeliverable: what the destination does not take is lost. AWS promises neither.
        """
        self.stream = stream
        self.invoke = invoke
        self.batch_size = batch_size
        self.batching_window_ms = batching_window_ms
        self.bisect = bisect
        self.max_retries = max_retries
        self.max_record_age_ms = max_record_age_ms
        self.on_failure = on_failure
        self.partial_batch = partial_batch
        self.function = function
        self.mapping_id = mapping_id
        self.drops_undeliverable = drops_undeliverable
        self.counts: Counter[str] = Counter()
        """Invocations, function errors, splits, discarded records and the like."""
        self._backoff_ms = backoff_ms or (lambda failures: min(1000 * 2 ** (failures - 1), 60_000))
        self._readers: dict[str, _Reader] = {}
        for shard in stream.shards.values():
            if starting_position == "LATEST":
                latest = max(shard.sequences, default=shard.starting_sequence)
                self._readers[shard.shard_id] = _Reader(latest)

    def twin(self) -> "EventSourceMapping":
        """A second consumer that resumes at this one's checkpoints: a lease that two hold."""
        other = EventSourceMapping.__new__(EventSourceMapping)
        other.__dict__.update(self.__dict__)
        other.counts = Counter()
        other._readers = {
            shard_id: _Reader(reader.checkpoint) for shard_id, reader in self._readers.items()
        }
        return other

    # Where it is.

    @property
    def checkpoints(self) -> dict[str, int]:
        """The last sequence number done with, by shard."""
        return {shard_id: reader.checkpoint for shard_id, reader in self._readers.items()}

    def drained(self, shard_id: str) -> bool:
        """Whether nothing of the shard is left, and nothing will come."""
        shard = self.stream.shards[shard_id]
        return (
            shard.closed_ms is not None
            and self.lag(shard_id) == 0
            and all(self.drained(parent) for parent in shard.parents)
        )

    def lag(self, shard_id: str | None = None) -> int:
        """Records not done with, of one shard or of all."""
        if shard_id is None:
            return sum(self.lag(one) for one in self.stream.shards)
        reader = self._readers.get(shard_id)
        shard = self.stream.shards[shard_id]
        after = 0 if reader is None else reader.checkpoint
        return len(shard.records) - shard.after(after, self.stream.oldest_ms)

    def due_ms(self, shard_id: str) -> int | None:
        """From when a poll of the shard may do something; None: nothing is there to do."""
        if self._step_before_reading(shard_id) is not None:
            return None
        reader = self._reader(shard_id)
        if reader.batches:
            return max(reader.batches[0].due_ms, 0)
        if not self.lag(shard_id):
            return None
        if reader.gathering_since is not None:
            return reader.gathering_since + self.batching_window_ms
        return self.stream.clock.now_ms

    # What can befall it.

    def restart(self, shard_id: str | None = None) -> None:
        """Its pollers are replaced: what was read is forgotten, the checkpoints stay.

        A batch whose halves or attempts were being counted comes again whole, from the start.
        """
        for name, reader in self._readers.items():
            if shard_id in {None, name}:
                self._readers[name] = _Reader(reader.checkpoint)

    def rewind(self, shard_id: str, records: int) -> None:
        """The last checkpoints are lost: so many records, done with, are delivered again."""
        shard, reader = self.stream.shards[shard_id], self._reader(shard_id)
        done = bisect_right(shard.sequences, reader.checkpoint)
        kept = max(done - records, 0)
        self._readers[shard_id] = _Reader(shard.sequences[kept - 1] if kept else 0)

    # Polling.

    def _reader(self, shard_id: str) -> _Reader:
        if shard_id not in self._readers:
            self._readers[shard_id] = _Reader(0)
        return self._readers[shard_id]

    def _step_before_reading(self, shard_id: str) -> Step | None:
        shard = self.stream.shards.get(shard_id)
        if shard is None:
            return "unknown shard"
        if not all(self.drained(parent) for parent in shard.parents):
            return "behind its parent"
        if self.drained(shard_id):
            return "drained"
        return None

    def poll(self, shard_id: str) -> Step:
        """One step of the shard's poller: read, and invoke where a batch is ready."""
        step = self._step_before_reading(shard_id)
        if step is not None:
            return step
        clock, reader = self.stream.clock, self._reader(shard_id)
        if not reader.batches:
            step = self._read(shard_id, reader)
            if step is not None:
                return step
        batch = reader.batches[0]
        if clock.now_ms < batch.due_ms:
            return "backing off"
        if batch.given_up is not None:
            return self._discard(shard_id, reader, batch, *batch.given_up)
        old = self._expired(batch)
        if old:
            return self._discard(shard_id, reader, batch, len(old), "RecordAgeExceeded")
        return self._invoke(shard_id, reader, batch)

    def _read(self, shard_id: str, reader: _Reader) -> Step | None:
        """Gather a batch; None: one is ready."""
        clock, shard = self.stream.clock, self.stream.shards[shard_id]
        if reader.issued_ms is not None and clock.now_ms - reader.issued_ms > ITERATOR_MS:
            self.counts["iterators expired"] += 1  # the next begins at the checkpoint
        reader.issued_ms = clock.now_ms
        at = shard.after(reader.checkpoint, self.stream.oldest_ms)
        records: list[Record] = []
        payload = len(b'{"Records":[]}')
        full = False
        for record in shard.records[at : at + self.batch_size]:
            payload += _event_bytes(record, self.stream, self.function)
            if records and payload > PAYLOAD_BYTES:
                full = True
                break
            records.append(record)
        if not records:
            return "idle"
        full = full or len(records) == self.batch_size
        if not full and self.batching_window_ms:
            if reader.gathering_since is None:
                reader.gathering_since = clock.now_ms
            if clock.now_ms < reader.gathering_since + self.batching_window_ms:
                return "gathering"
        reader.gathering_since = None
        reader.batches = [_Batch(records)]
        return None

    def _expired(self, batch: _Batch) -> list[Record]:
        if self.max_record_age_ms < 0:
            return []
        oldest = self.stream.clock.now_ms - self.max_record_age_ms
        return [record for record in batch.records if record.arrived_ms < oldest]

    def _invoke(self, shard_id: str, reader: _Reader, batch: _Batch) -> Step:
        batch.attempts += 1
        self.counts["invocations"] += 1
        self.counts["records delivered"] += len(batch.records)
        try:
            response = self.invoke(event_of(batch.records, shard_id, self.stream, self.function))
        except UnknownToFake:
            raise
        except (Exception, Killed):  # noqa: BLE001 - whatever ends a function is its error
            batch.error = True
            self.counts["function errors"] += 1
            return self._failed(shard_id, reader, batch)
        batch.error = False
        done = self._taken(batch, response)
        if done == len(batch.records):
            reader.failures = 0
            self._done(reader, batch, done)
            return "delivered"
        self.counts["partial responses"] += 1
        if done == 0:
            return self._failed(shard_id, reader, batch)
        self._done(reader, batch, done)
        if self.bisect:
            batch.attempts = 0  # split at what failed, and splitting costs no retry
        if self._exhausted(batch):
            return self._discard(
                shard_id, reader, batch, len(batch.records), "RetryAttemptsExhausted"
            )
        self._back_off(reader, batch)
        return "delivered"

    def _taken(self, batch: _Batch, response: object) -> int:
        """How many of the batch's first records the response says are done with."""
        if not self.partial_batch or response is None or response == {}:
            return len(batch.records)
        if not isinstance(response, dict) or "batchItemFailures" not in response:
            raise UnknownToFake(f"a response {response!r} to a mapping that reports failures")
        failures = response["batchItemFailures"]
        if not failures:
            return len(batch.records)
        places = {str(record.sequence): place for place, record in enumerate(batch.records)}
        failed = [one.get("itemIdentifier") for one in failures]
        # An identifier that is empty, null or missing fails the batch; so does one of no record.
        if not all(identifier in places for identifier in failed):
            return 0
        return min(places[identifier] for identifier in failed)

    def _exhausted(self, batch: _Batch) -> bool:
        return 0 <= self.max_retries < batch.attempts

    def _failed(self, shard_id: str, reader: _Reader, batch: _Batch) -> Step:
        if self.bisect and len(batch.records) > 1:
            self.counts["splits"] += 1
            middle = (len(batch.records) + 1) // 2
            halves = [_Batch(batch.records[:middle]), _Batch(batch.records[middle:])]
            reader.batches[:1] = halves
            self._back_off(reader, halves[0])
            return "failed"
        if self._exhausted(batch):
            return self._discard(
                shard_id, reader, batch, len(batch.records), "RetryAttemptsExhausted"
            )
        self._back_off(reader, batch)
        return "failed"

    def _back_off(self, reader: _Reader, batch: _Batch) -> None:
        reader.failures += 1
        batch.due_ms = self.stream.clock.now_ms + self._backoff_ms(reader.failures)

    def _done(self, reader: _Reader, batch: _Batch, count: int) -> None:
        """The checkpoint moves past the batch's first records."""
        reader.checkpoint = max(reader.checkpoint, batch.records[count - 1].sequence)
        del batch.records[:count]
        if not batch.records:
            reader.batches.remove(batch)

    def _discard(
        self, shard_id: str, reader: _Reader, batch: _Batch, count: int, condition: str
    ) -> Step:
        """Give up the batch's first records."""
        if self.on_failure is not None:
            key, document = self._invocation_record(shard_id, batch, count, condition)
            try:
                self.on_failure(key, document)
            except UnknownToFake:
                raise
            except (Exception, Killed):  # noqa: BLE001 - whatever ails the destination
                self.counts["destination failures"] += 1
                if not self.drops_undeliverable:
                    batch.given_up = (count, condition)
                    self._back_off(reader, batch)
                    return "destination down"
        batch.given_up = None
        batch.due_ms = 0
        self.counts["records discarded"] += count
        self.counts[condition] += count
        reader.failures = 0
        self._done(reader, batch, count)
        return "discarded"

    def _invocation_record(
        self, shard_id: str, batch: _Batch, count: int, condition: str
    ) -> tuple[str, bytes]:
        """What an S3 destination is given: its key, and the record with the whole event."""
        now, records, invoked = self.stream.clock.now_ms, batch.records[:count], batch.attempts > 0
        _, _, _, region, account, _ = self.stream.arn.split(":")
        number = self.counts["invocation records"]
        self.counts["invocation records"] += 1
        unique = f"00000000-0000-4000-8000-{number:012d}"
        context: dict[str, Any] = {
            "requestContext": {
                "requestId": unique,
                "functionArn": f"arn:aws:lambda:{region}:{account}:function:{self.function}",
                "condition": condition,
                "approximateInvokeCount": batch.attempts,
            }
        }
        if invoked:
            context["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
            if batch.error:
                context["responseContext"]["functionError"] = "Unhandled"
        event = event_of(records, shard_id, self.stream, self.function)
        document = {
            **context,
            "version": "1.0",
            "timestamp": _iso(now),
            "KinesisBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": str(records[0].sequence),
                "endSequenceNumber": str(records[-1].sequence),
                "approximateArrivalOfFirstRecord": _iso(records[0].arrived_ms),
                "approximateArrivalOfLastRecord": _iso(records[-1].arrived_ms),
                "batchSize": len(records),
                "streamArn": self.stream.arn,
            },
            "payload": msgspec.json.encode(event).decode(),
        }
        moment = datetime.fromtimestamp(now / 1000, UTC)
        key = (
            f"aws/lambda/{self.mapping_id}/{shard_id}/{moment:%Y/%m/%d}/"
            f"{moment:%Y-%m-%dT%H.%M.%S}-{unique}"
        )
        return key, msgspec.json.encode(document)


def event_of(records: list[Record], shard_id: str, stream: Stream, function: str) -> dict[str, Any]:
    """The event that Lambda hands a function for these records."""
    _, _, _, region, account, _ = stream.arn.split(":")
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record.partition_key,
                    "sequenceNumber": str(record.sequence),
                    "data": record.data,
                    "approximateArrivalTimestamp": record.arrived_ms / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard_id}:{record.sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{account}:role/{function}",
                "awsRegion": region,
                "eventSourceARN": stream.arn,
            }
            for record in records
        ]
    }


_FRAME_BYTES = 480  # of a record's JSON, but for its data, key and the stream's name


def _event_bytes(record: Record, stream: Stream, function: str) -> int:
    return (
        _FRAME_BYTES
        + len(record.data)
        + len(record.partition_key.encode())
        + len(stream.arn)
        + len(function)
    )


def _iso(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
