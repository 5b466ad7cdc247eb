"""The audit log in DynamoDB: which person looked at which players.

| item | `pk` | `sk` |
|---|---|---|
| a look | `<property>/<UTC day>` | `<epoch ms, 15 digits>/<correlation id>` |

What is written stays: there is no way here to change or delete a look, none expires, and no
function may do either.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any

import botocore.session
from botocore.config import Config
from msgspec import Struct

from pitboss.access import Principal
from pitboss.stores.pages import items_of


class Look(Struct, frozen=True, kw_only=True):
    """That a person was shown players, or the log itself."""

    at: int
    """Epoch milliseconds: just before the answer."""
    property_id: str
    principal_id: str
    username: str
    """The name they signed in by."""
    groups: list[str]
    action: str
    """Method and route, for example `GET /v1/players/{player_id}`."""
    player_ids: list[str]
    """Whose data was in the answer, in order. None where it showed nobody's."""
    correlation_id: str


def day_of(at: int) -> str:
    """The UTC day of a moment (epoch ms), as the log is kept by.

    >>> day_of(1_767_225_600_000)
    '2026-01-01'
    """
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


class DynamoAudit:
    """The audit log of a stack. Every method may raise ClientError and BotoCoreError."""

    def __init__(self, table: str, region: str) -> None:
        self._table = table
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        # Made on first use: games and services are in no audit log.
        config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3})
        return botocore.session.get_session().create_client(
            "dynamodb", region_name=self._region, config=config
        )

    def tell(
        self,
        caller: Principal,
        action: str,
        player_ids: Iterable[str],
        correlation_id: str,
        at: int,
    ) -> None:
        """Keep what a person is about to be shown. What raises here ends the request: there is no
        answer without it. What games and services are shown is in no audit log.

        Args:
            caller: who is answered.
            action: method and route as the API names it, `GET /v1/players/{player_id}`.
            player_ids: whose data is in the answer.
            correlation_id: of the request, as in the logs.
            at: epoch milliseconds.
        """
        if caller.sign_in is None:
            return
        self.write(
            Look(
                at=at,
                property_id=caller.property_id,
                principal_id=caller.principal_id,
                username=caller.sign_in.username,
                groups=sorted(caller.sign_in.groups),
                action=action,
                player_ids=sorted(set(player_ids)),
                correlation_id=correlation_id,
            )
        )

    def write(self, entry: Look) -> None:
        """Keep a look. Writing the same again changes nothing."""
        item: dict[str, Any] = {
            "pk": {"S": f"{entry.property_id}/{day_of(entry.at)}"},
            "sk": {"S": _place(entry.at, entry.correlation_id)},
            "property_id": {"S": entry.property_id},
            "principal_id": {"S": entry.principal_id},
            "username": {"S": entry.username},
            "groups": {"L": [{"S": group} for group in entry.groups]},
            "action": {"S": entry.action},
            "player_ids": {"L": [{"S": player} for player in entry.player_ids]},
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # a try whose answer was lost had written it

    def looks(
        self, property_id: str, day: str, newest: int, before: str | None = None
    ) -> tuple[list[Look], str | None]:
        """The looks of a UTC day, the newest first, and the place that the older ones are before.

        Args:
            property_id: whose log.
            day: `YYYY-MM-DD`.
            newest: as many at most.
            before: a place that this method returned; None begins with the newest.
        """
        looks = items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk" + ("" if before is None else " AND sk < :before"),
            ExpressionAttributeValues={
                ":pk": {"S": f"{property_id}/{day}"},
                **({} if before is None else {":before": {"S": before}}),
            },
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=newest + 1,
        )
        found = list(islice(looks, newest + 1))
        shown = found[:newest]
        return list(map(_look, shown)), shown[-1]["sk"]["S"] if len(found) > newest else None


def _place(at: int, correlation_id: str) -> str:
    return f"{at:015d}/{correlation_id}"


def _look(item: dict[str, Any]) -> Look:
    at, _, correlation_id = item["sk"]["S"].partition("/")
    return Look(
        at=int(at),
        property_id=item["property_id"]["S"],
        principal_id=item["principal_id"]["S"],
        username=item["username"]["S"],
        groups=[group["S"] for group in item["groups"]["L"]],
        action=item["action"]["S"],
        player_ids=[player["S"] for player in item["player_ids"]["L"]],
        correlation_id=correlation_id,
    )
