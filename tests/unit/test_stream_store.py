"""Writing to the stream: what failed is sent again, that alone, and not for ever."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from pitboss.events.record import StreamRecord
from pitboss.stores.stream import MAX_RECORDS_A_CALL, MAX_TRIES, KinesisStream

type Reply = Callable[[list[dict[str, Any]]], dict[str, Any]]


def records(count: int) -> list[StreamRecord]:
    return [StreamRecord(f"north/{n}", b"%d" % n) for n in range(count)]


def taken(*refused: int) -> Reply:
    """Kinesis takes a call's records, but for those at these positions in it."""

    def reply(sent: list[dict[str, Any]]) -> dict[str, Any]:
        results = [
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
            if n in refused
            else {"SequenceNumber": str(n), "ShardId": "shardId-0"}
            for n in range(len(sent))
        ]
        return {"FailedRecordCount": len(refused), "Records": results}

    return reply


def raising(fault: Exception) -> Reply:
    def reply(sent: list[dict[str, Any]]) -> dict[str, Any]:
        raise fault

    return reply


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutRecords")


TIMEOUT = ReadTimeoutError(endpoint_url="http://kinesis")


class FakeKinesis:
    """Answers call after call as told; the last answer stands for all that follow."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self.calls: list[list[bytes]] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert StreamName == "slots"
        assert [r["PartitionKey"] for r in Records] == [
            f"north/{r['Data'].decode()}" for r in Records
        ]
        self.calls.append([record["Data"] for record in Records])
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return reply(Records)


class Written:
    """One `put` against such a Kinesis."""

    def __init__(self, count: int, *replies: Reply) -> None:
        self.pauses: list[int] = []
        self.kinesis = FakeKinesis(replies)
        stream = KinesisStream("slots", "us-east-1", self.pauses.append)
        stream.__dict__["_client"] = self.kinesis  # what the cached property would make
        self.failed = stream.put(records(count))


def test_all_in_one_call() -> None:
    written = Written(3, taken())

    assert written.failed == set()
    assert written.kinesis.calls == [[b"0", b"1", b"2"]]
    assert written.pauses == []


def test_nothing_to_write_is_no_call() -> None:
    assert Written(0, taken()).kinesis.calls == []


def test_only_what_failed_is_sent_again_in_its_order() -> None:
    written = Written(5, taken(1, 3, 4), taken(1), taken())

    assert written.failed == set()
    assert written.kinesis.calls == [
        [b"0", b"1", b"2", b"3", b"4"],
        [b"1", b"3", b"4"],
        [b"3"],
    ]
    assert written.pauses == [1, 2]


def test_tries_are_bounded_and_what_is_left_is_told() -> None:
    written = Written(3, taken(0, 2), taken(0), taken(0), taken(0))

    assert written.failed == {0}
    assert len(written.kinesis.calls) == MAX_TRIES
    assert written.pauses == list(range(1, MAX_TRIES)), "no pause after the last try"


@pytest.mark.parametrize(
    "fault",
    [
        TIMEOUT,
        EndpointConnectionError(endpoint_url="http://kinesis"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("ServiceUnavailable"),
        refusal("InternalFailure"),
        refusal("ThrottlingException"),
        refusal("KMSThrottlingException"),
    ],
    ids=str,
)
def test_what_passes_is_tried_again_whole(fault: Exception) -> None:
    written = Written(2, raising(fault), taken())

    assert written.failed == set()
    assert written.kinesis.calls == [[b"0", b"1"]] * 2


def test_an_outcome_that_stays_unknown_counts_as_failed() -> None:
    written = Written(2, raising(TIMEOUT))

    assert written.failed == {0, 1}
    assert len(written.kinesis.calls) == MAX_TRIES


def test_a_timeout_after_a_partial_failure_fails_only_the_rest() -> None:
    written = Written(4, taken(2), raising(TIMEOUT))

    assert written.failed == {2}


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"]
)
def test_what_a_retry_does_not_change_is_raised_at_once(code: str) -> None:
    kinesis = FakeKinesis([raising(refusal(code))])
    stream = KinesisStream("slots", "us-east-1", lambda attempt: None)
    stream.__dict__["_client"] = kinesis

    with pytest.raises(ClientError, match=code):
        stream.put(records(1))
    assert len(kinesis.calls) == 1


def test_calls_hold_no_more_than_kinesis_takes_and_indexes_are_those_of_all() -> None:
    last = MAX_RECORDS_A_CALL + 1
    written = Written(last + 1, taken(), taken(1), taken(0), taken(0), taken(0))

    assert [len(call) for call in written.kinesis.calls[:2]] == [MAX_RECORDS_A_CALL, 2]
    assert written.failed == {last}


def test_the_client_itself_does_not_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its retries would send again what was taken, and multiply ours."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    client = KinesisStream("slots", "us-east-1", lambda attempt: None)._client

    assert client.meta.config.retries["total_max_attempts"] == 1  # type: ignore[attr-defined]
    assert client.meta.config.read_timeout <= 5  # type: ignore[attr-defined]
