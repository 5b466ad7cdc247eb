"""Experiments in DynamoDB: what is registered, and who was exposed to it.

| item | `pk` | `sk` |
|---|---|---|
| experiment | `<property>/experiments` | `<status>/<key>` |
| revision of a property's experiments | `<property>/experiments` | `revision` |
| exposure | `<property>/exposures/<key>/<part>` | `<player>` |

Experiments of a property are changed one at a time: each change moves the revision on that it was
made from, in one transaction, so that no two are ever given the same players. Their status is in
the key, so that flags are served from those that run alone. An exposure is put where there is none
and never changed: whatever comes again finds the first.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import botocore.session
import msgspec
from botocore.config import Config
from msgspec import Struct

from pitboss.errors import TransientError
from pitboss.experiments.analysis import Exposed
from pitboss.experiments.assignment import Registered
from pitboss.experiments.definition import Status
from pitboss.stores.pages import items_of

PARTS = 16
"""Partitions of an experiment's exposures, so that many players at once fall on several."""

_BATCH_KEYS = 100
"""Keys that one BatchGetItem takes."""

_REVISION = "revision"
_decoder = msgspec.json.Decoder(Registered)

type _Item = dict[str, Any]


class Book(NamedTuple):
    """Every experiment of a property, and the revision that they are of."""

    revision: int
    experiments: tuple[Registered, ...]


class ChangedMeanwhileError(TransientError):
    """Another experiment of the property was registered at the same time."""

    def __init__(self, property_id: str) -> None:
        super().__init__(f"experiments of {property_id} are changed elsewhere: try again")


class UnreadExposuresError(TransientError):
    """DynamoDB did not read all that it was asked for."""

    def __init__(self, left: int) -> None:
        super().__init__(f"{left} exposures were not read: try again")


class Exposure(Struct, frozen=True):
    """The first time a player was exposed to an experiment."""

    key: str
    player_id: str
    variant: str
    block: int
    at: int
    """Epoch milliseconds."""


class DynamoExperiments:
    """The experiments of a stack. Reads are strongly consistent.

    Every method may raise ClientError and BotoCoreError.
    """

    def __init__(self, table: str, region: str) -> None:
        self._table = table
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3})
        return botocore.session.get_session().create_client(
            "dynamodb", region_name=self._region, config=config
        )

    # What is registered.

    def running(self, property_id: str) -> list[Registered]:
        """A property's experiments that run, by key."""
        found = self._query(_experiments(property_id), f"{Status.RUNNING}/")
        return [_decoder.decode(item["body"]["S"]) for item in found]

    def book(self, property_id: str) -> Book:
        """Every experiment of a property, by status and key."""
        revision, experiments = 0, []
        for item in self._query(_experiments(property_id)):
            if item["sk"]["S"] == _REVISION:
                revision = int(item["revision"]["N"])
            else:
                experiments.append(_decoder.decode(item["body"]["S"]))
        return Book(revision, tuple(experiments))

    def register(self, book: Book, registered: Registered) -> None:
        """Keep an experiment in place of the one of its key.

        Args:
            book: what it was made from.
            registered: what `assignment.register` or `stop` made of it.

        Raises:
            ChangedMeanwhileError: another one was registered since the book was read.
        """
        experiment = registered.experiment
        partition = _experiments(experiment.property_id)
        place = f"{experiment.status}/{experiment.key}"
        body = msgspec.json.encode(registered, order="deterministic").decode()
        actions: list[_Item] = [
            self._moved_on(partition, book.revision),
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _key(partition, place) | {"body": _s(body)},
                }
            },
        ]
        actions += [
            {"Delete": {"TableName": self._table, "Key": _key(partition, f"{before}/{one.key}")}}
            for one in (known.experiment for known in book.experiments)
            for before in [one.status]
            if one.key == experiment.key and before is not experiment.status
        ]
        try:
            self._client.transact_write_items(TransactItems=actions)
        except self._client.exceptions.TransactionCanceledException:
            found = self.book(experiment.property_id)
            if found.revision == book.revision + 1 and registered in found.experiments:
                return  # a try whose answer was lost had written it
            raise ChangedMeanwhileError(experiment.property_id) from None

    def _moved_on(self, partition: str, revision: int) -> _Item:
        item = _key(partition, _REVISION) | {"revision": {"N": str(revision + 1)}}
        put: _Item = {"TableName": self._table, "Item": item}
        if revision == 0:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "revision = :known"
            put["ExpressionAttributeValues"] = {":known": {"N": str(revision)}}
        return {"Put": put}

    # Who was exposed.

    def exposures(
        self, property_id: str, player_id: str, keys: Iterable[str]
    ) -> dict[str, Exposure]:
        """A player's exposures to these experiments, by key; what is not there was not yet.

        Raises:
            UnreadExposuresError: DynamoDB is busy.
        """
        asked = [
            _key(_exposures(property_id, key, _part(player_id)), player_id) for key in sorted(keys)
        ]
        if not asked:
            return {}
        if len(asked) > _BATCH_KEYS:
            raise ValueError(f"{len(asked)} experiments at once are more than {_BATCH_KEYS}")
        wanted = {self._table: {"Keys": asked, "ConsistentRead": True}}
        answer = self._client.batch_get_item(RequestItems=wanted)
        left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
        if left:
            raise UnreadExposuresError(len(left))
        found = map(_exposure, answer["Responses"].get(self._table, []))
        return {one.key: one for one in found}

    def expose(self, property_id: str, exposure: Exposure) -> None:
        """Keep that a player is exposed, unless they were before: that stands."""
        partition = _exposures(property_id, exposure.key, _part(exposure.player_id))
        item = _key(partition, exposure.player_id) | {
            "variant": _s(exposure.variant),
            "block": {"N": str(exposure.block)},
            "at": {"N": str(exposure.at)},
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def exposed(self, property_id: str, key: str) -> list[Exposed]:
        """Everybody who was exposed to an experiment, in the order they were."""
        found = [
            Exposed(one.player_id, one.variant, one.block, one.at)
            for part in range(PARTS)
            for one in map(_exposure, self._query(_exposures(property_id, key, part)))
        ]
        return sorted(found, key=lambda one: (one.at, one.player_id))

    def _query(self, partition: str, begins: str = "") -> Iterator[_Item]:
        return items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk" + (" AND begins_with(sk, :sk)" if begins else ""),
            ExpressionAttributeValues={
                ":pk": _s(partition),
                **({":sk": _s(begins)} if begins else {}),
            },
            ConsistentRead=True,
        )


def _experiments(property_id: str) -> str:
    return f"{property_id}/experiments"


def _exposures(property_id: str, key: str, part: int) -> str:
    return f"{property_id}/exposures/{key}/{part:02d}"


def _part(player_id: str) -> int:
    """Which of the partitions a player's exposures are in."""
    return sha256(player_id.encode()).digest()[0] % PARTS


def _key(pk: str, sk: str) -> _Item:
    return {"pk": _s(pk), "sk": _s(sk)}


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _exposure(item: Mapping[str, Any]) -> Exposure:
    return Exposure(
        item["pk"]["S"].split("/")[-2],
        item["sk"]["S"],
        item["variant"]["S"],
        int(item["block"]["N"]),
        int(item["at"]["N"]),
    )
