"""The event stream: Kinesis, written in as few calls as the records need."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pitboss.events.record import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

MAX_RECORDS_A_CALL = 500
MAX_TRIES = 3
"""Times a record is sent before it is answered as failed."""

_TRANSIENT = frozenset(
    {"ProvisionedThroughputExceededException", "InternalFailure", "ServiceUnavailable"}
    | {"ThrottlingException", "LimitExceededException", "KMSThrottlingException"}
)


class KinesisStream:
    """The slot stream of a stack."""

    def __init__(self, name: str, region: str, pause: Callable[[int], None]) -> None:
        """`pause` waits before the n-th retry."""
        self._name = name
        self._region = region
        self._pause = pause

    @cached_property
    def _client(self) -> "KinesisClient":
        # One retry policy only: ours, which resends what failed and nothing else.
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=2)
        client: Any = botocore.session.get_session().create_client(
            "kinesis", region_name=self._region, config=config
        )
        return client  # type: ignore[no-any-return]

    def put(self, records: Sequence[StreamRecord]) -> set[int]:
        """Write the records; send again what failed, and only that.

        Returns:
            The indexes of records that could not be written, or of which that is not known.

        Raises:
            ClientError: the request is refused for a reason that a retry does not change.
        """
        failed: set[int] = set()
        for start in range(0, len(records), MAX_RECORDS_A_CALL):
            failed |= self._put(
                records, range(start, min(start + MAX_RECORDS_A_CALL, len(records)))
            )
        return failed

    def _put(self, records: Sequence[StreamRecord], wanted: Sequence[int]) -> set[int]:
        pending = list(wanted)
        for attempt in range(1, MAX_TRIES + 1):
            pending = self._put_once(records, pending)
            if not pending:
                break
            if attempt < MAX_TRIES:
                self._pause(attempt)
        return set(pending)

    def _put_once(self, records: Sequence[StreamRecord], indexes: Sequence[int]) -> list[int]:
        """Those of the records that have to be sent again."""
        try:
            answer = self._client.put_records(
                StreamName=self._name,
                Records=[
                    {"PartitionKey": records[i].partition_key, "Data": records[i].data}
                    for i in indexes
                ],
            )
        except ClientError as fault:
            if fault.response.get("Error", {}).get("Code") not in _TRANSIENT:
                raise
            return list(indexes)
        except BotoCoreError:
            return list(indexes)  # a time-out or a broken connection: stored or not, send again
        if not answer["FailedRecordCount"]:
            return []
        return [
            index
            for index, result in zip(indexes, answer["Records"], strict=True)
            if "ErrorCode" in result
        ]
