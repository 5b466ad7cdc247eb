"""How much each install has posted this minute, in DynamoDB: one item for an install and a minute.

`pk` is `<principal>/<minute since 1970>`, `events` what was let in, `expires` (epoch seconds) when
DynamoDB may forget it.
"""

from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

MINUTE_MS = 60_000

KEPT_SECONDS = 600
"""Of an item whose minute is over."""


class DynamoInstallLimits:
    """The counters of a stack."""

    def __init__(self, table: str, region: str, events_a_minute: int) -> None:
        self._table = table
        self._most = events_a_minute
        self._client: Any = botocore.session.get_session().create_client(
            "dynamodb",
            region_name=region,
            config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2}),
        )

    def take(self, principal_id: str, events: int, now: int) -> int:
        """Let an install post so many events, in one conditional write. It may as long as something
        is left to it of the minute, though it be less than it posts.

        Args:
            principal_id: the install.
            events: how many it posts.
            now: epoch milliseconds.

        Returns:
            0 where it may; else how many seconds it has to wait.

        Raises:
            ClientError, BotoCoreError: nobody knows.
        """
        minute = now // MINUTE_MS
        values = {
            ":events": {"N": str(events)},
            ":most": {"N": str(self._most)},
            ":expires": {"N": str((minute + 1) * 60 + KEPT_SECONDS)},
        }
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"{principal_id}/{minute}"}},
                UpdateExpression="ADD events :events SET expires = :expires",
                ConditionExpression="attribute_not_exists(events) OR events < :most",
                ExpressionAttributeValues=values,
            )
        except ClientError as fault:
            if fault.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return (MINUTE_MS - now % MINUTE_MS + 999) // 1_000
            raise
        return 0
