"""Players' scores of the night, in the table of offers.

An item for each player: `pk` `<property>/player/<player>`, `sk` `scores`, `body` JSON. The next
night writes it anew; one that is not is forgotten after two days (`expires`).
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import msgspec

from pitboss.backoff import pause
from pitboss.offers.scored import PlayerScores
from pitboss.stores.batches import write_batches

KEPT_SECONDS = 2 * 86_400


class DynamoScores:
    """Players' scores of a stack."""

    def __init__(
        self,
        offers_table: str,
        region: str | None = None,
        client: Any = None,  # noqa: ANN401 - as botocore makes it
        pause: Callable[[int], object] = pause,
    ) -> None:
        """Reached through `client`, or through one of its own in `region`; `pause` waits before the
        n-th retry.
        """
        self._table = offers_table
        self._pause = pause
        self._region = region
        self._given_client = client

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        if self._given_client is not None:
            return self._given_client
        # Imported and made on first use: modules import without botocore's weight.
        import botocore.session

        return botocore.session.get_session().create_client("dynamodb", region_name=self._region)

    def put(self, scores: Iterable[PlayerScores]) -> int:
        """Write players' scores over what there is; how many.

        Raises:
            UnwrittenItems: not all could be written.
        """
        requests = ({"PutRequest": {"Item": _item(one)}} for one in scores)
        return write_batches(self._client, self._table, requests, self._pause)

    def of(self, property_id: str, player_id: str) -> PlayerScores | None:
        """A player's scores; None where there are none."""
        found = self._client.get_item(TableName=self._table, Key=_key(property_id, player_id))
        item = found.get("Item")
        return None if item is None else msgspec.json.decode(item["body"]["S"], type=PlayerScores)


def _key(property_id: str, player_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"{property_id}/player/{player_id}"}, "sk": {"S": "scores"}}


def _item(scores: PlayerScores) -> dict[str, Any]:
    return {
        **_key(scores.property_id, scores.player_id),
        "body": {"S": msgspec.json.encode(scores).decode()},
        "expires": {"N": str(scores.scored_at // 1_000 + KEPT_SECONDS)},
    }
