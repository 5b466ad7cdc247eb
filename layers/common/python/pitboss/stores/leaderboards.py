"""Leaderboards and entitlements in DynamoDB.

| item | `pk` | `sk` |
|---|---|---|
| a player on a board | `<property>/scores/<application>/<board>/<period>/<player>` | `entry` |
| a score that is in a sum | the same | `event/<event>` |
| what a player was given | `<property>/entitlements/<player>` | `<entitlement>` |

An entry is replaced by version in one transaction with the marks of the scores that it sums and
with what its milestones give: all of it or nothing. The index `by_place` has a board's players in
the board's order, in parts by player: `part` is `<property>/<application>/<board>/<period>/<part>`.
The index follows the table within moments, so a board may be read that much late.

Marks of a board that begins anew expire `KEPT_AFTER_DAYS` after its period; what comes later than
`TAKEN_AFTER_DAYS` after it is not taken, so no score meets a mark that is gone. An item is below
1 KB, whatever it is of: it takes two write units in a transaction, and up to two of the index.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from pitboss.errors import TerminalError, TransientError
from pitboss.games.leaderboards import (
    SHARDS,
    Best,
    Brought,
    Entitlement,
    Entry,
    Placed,
    Scores,
    entitlement_of,
    place_of,
    placed,
    shard_of,
)
from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.marked import MAX_ACTIONS, Change, Item, Key, MarkedItems, n, s

KEPT_AFTER_DAYS = 100
TAKEN_AFTER_DAYS = 90

MAX_EVENTS = MAX_ACTIONS - 20
"""Scores of a sum that one transaction marks, with room for the entry and its milestones."""

EXACT_PAGES = 2
"""Pages of 1 MB of a part of a board that are read for a rank before it is estimated."""

_DAY_MS = 86_400_000
_ENTRY = "entry"

_entitlement = msgspec.json.Decoder(Entitlement)


class ContendedEntitlementError(TransientError):
    """Somebody else used the entitlement at the same moment."""

    def __init__(self, entitlement_id: str) -> None:
        super().__init__(f"{entitlement_id} is used elsewhere at this moment: try again")


class ConsumedEntitlement(TerminalError):
    """An entitlement that another request used."""

    def __init__(self, entitlement: Entitlement) -> None:
        self.entitlement = entitlement
        super().__init__(f"{entitlement.entitlement_id} was used at {entitlement.consumed_at}")


class Place(NamedTuple):
    """A player on a board, in a period."""

    property_id: str
    application_id: str
    board: str
    period: str
    player_id: str


class Kept(NamedTuple):
    """An entry, and the version that it is of; 0 where there is none."""

    entry: Entry | None
    version: int


class Rank(NamedTuple):
    """How many are ahead, and one more; exact, or estimated from a part of the board."""

    rank: int
    is_exact: bool


class BoardOf(NamedTuple):
    """A board in a period."""

    property_id: str
    application_id: str
    board: str
    period: str
    best: Best


class DynamoScores:
    """The leaderboards of a stack, for whoever keeps scores.

    Every method may raise ClientError and BotoCoreError.
    """

    def __init__(self, items: MarkedItems) -> None:
        self._items = items

    def entries(self, places: Iterable[Place]) -> dict[Place, Kept]:
        """What is kept of players."""
        every = list(places)
        found = self._items.read((_entries(place), _ENTRY) for place in every)
        return {place: _kept(found.get((_entries(place), _ENTRY))) for place in every}

    def known(self, events: Mapping[Place, Iterable[str]]) -> dict[Place, frozenset[str]]:
        """Of these events, those that are in the sums of these players."""
        keys: dict[Key, tuple[Place, str]] = {
            (_entries(place), _event(event_id)): (place, event_id)
            for place, event_ids in events.items()
            for event_id in event_ids
        }
        found: dict[Place, set[str]] = {place: set() for place in events}
        for key in self._items.read(keys):
            place, event_id = keys[key]
            found[place].add(event_id)
        return {place: frozenset(event_ids) for place, event_ids in found.items()}

    def keep(self, changes: Sequence["ChangedEntry"], now: int) -> set[Place]:
        """Write what scores made of entries.

        Args:
            changes: of places that are all different.
            now: epoch milliseconds.

        Returns:
            The places of those that were not written: read them and try again.
        """
        left = self._items.replace([_change(one, now) for one in changes])
        return {changes[position].place for position in left}


class ChangedEntry(NamedTuple):
    """What scores made of what was kept."""

    place: Place
    version: int
    brought: Brought
    scores: Scores
    """The message that they came with, for its rules."""
    until: int | None
    """Epoch milliseconds at which the period is over; None of all time."""


class DynamoLeaderboards:
    """The leaderboards of a stack, for whoever reads them, and what players were given.

    Every method may raise ClientError and BotoCoreError.
    """

    def __init__(self, items: MarkedItems) -> None:
        self._items = items

    # Boards.

    def top(self, board: BoardOf, count: int) -> list[Placed]:
        """The first players of a board."""
        return self._merged(board, count, None, is_backward=False)

    def entry(self, board: BoardOf, player_id: str) -> Entry | None:
        """A player's entry; None where there is none."""
        place = Place(*board[:4], player_id)
        found = self._items.read([(_entries(place), _ENTRY)])
        return _kept(found.get((_entries(place), _ENTRY))).entry

    def around(
        self, board: BoardOf, player_id: str, entry: Entry, count: int
    ) -> tuple[list[Placed], list[Placed]]:
        """The players right ahead of one and right behind, each in the board's order."""
        at = place_of(board.best, entry, player_id)
        ahead = self._merged(board, count, at, is_backward=True)
        return ahead[::-1], self._merged(board, count, at, is_backward=False)

    def rank(self, board: BoardOf, player_id: str, entry: Entry) -> Rank:
        """The rank of a player.

        All who are ahead are counted, up to `EXACT_PAGES` pages of each part of the board. Where
        there are more, one part is counted to its end, and all parts are taken to have as many:
        players fall in parts by a hash.
        """
        at = place_of(board.best, entry, player_id)
        counted = self._of_parts(lambda part: self._ahead(board, part, at, EXACT_PAGES))
        if all(is_whole for _, is_whole in counted):
            return Rank(1 + sum(count for count, _ in counted), is_exact=True)
        count, _ = self._ahead(board, shard_of(player_id), at, None)
        return Rank(1 + count * SHARDS, is_exact=False)

    def _merged(
        self, board: BoardOf, count: int, beyond: str | None, *, is_backward: bool
    ) -> list[Placed]:
        """The next players of all parts, from a place on."""
        if count == 0:
            return []
        parts = self._of_parts(
            lambda part: self._next(board, part, count, beyond, is_backward=is_backward)
        )
        places = sorted((one for part in parts for one in part), reverse=is_backward)
        return [placed(board.best, one) for one in islice(places, count)]

    def _of_parts[Found](self, look: Callable[[int], Found]) -> list[Found]:
        """What is found in each part of a board, all looked at at the same time."""
        _ = self._items.client  # made here once: otherwise each thread makes one of its own
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            return list(pool.map(look, range(SHARDS)))

    def _next(
        self, board: BoardOf, part: int, count: int, beyond: str | None, *, is_backward: bool
    ) -> list[str]:
        asked = self._query(board, part, beyond, "<" if is_backward else ">")
        answer = self._items.client.query(**asked, Limit=count, ScanIndexForward=not is_backward)
        return [item["place"]["S"] for item in answer["Items"]]

    def _ahead(self, board: BoardOf, part: int, at: str, pages: int | None) -> tuple[int, bool]:
        """Players of a part that are ahead of a place, and whether they are all counted."""
        asked = self._query(board, part, at, "<") | {"Select": "COUNT"}
        count = 0
        while True:
            answer = self._items.client.query(**asked)
            count += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return count, True
            if pages is not None:
                pages -= 1
                if pages == 0:
                    return count, False
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _query(self, board: BoardOf, part: int, beyond: str | None, sign: str) -> Item:
        values = {":part": s(_part(board[:4], part))}
        condition = "part = :part"
        if beyond is not None:
            condition += f" AND place {sign} :place"
            values[":place"] = s(beyond)
        return {
            "TableName": self._items.table,
            "IndexName": "by_place",
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }

    # Entitlements.

    def entitlements(self, property_id: str, player_id: str) -> list[Entitlement]:
        """All that a player was given, the newest first."""
        asked: dict[str, Any] = {
            "TableName": self._items.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": s(_entitlements(property_id, player_id))},
            "ConsistentRead": True,
        }
        found: list[Entitlement] = []
        while True:
            page = self._items.client.query(**asked)
            found += [_entitlement.decode(item["body"]["S"]) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return sorted(found, key=lambda one: (-one.granted_at, one.entitlement_id))
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def consume(
        self, property_id: str, player_id: str, entitlement_id: str, key: str, now: int
    ) -> Entitlement | None:
        """Use what a player was given; the same request once more finds it used by itself.

        Args:
            property_id: whose player it is.
            player_id: who was given it.
            entitlement_id: what.
            key: what the request calls itself.
            now: epoch milliseconds.

        Returns:
            As it is after it; None where there is none.

        Raises:
            ConsumedEntitlement: another request used it.
            ContendedEntitlementError: another request uses it at this moment.
        """
        place = _entitlements(property_id, player_id), entitlement_id
        item = self._items.read([place]).get(place)
        if item is None:
            return None
        entitlement = _entitlement.decode(item["body"]["S"])
        if entitlement.consumed_key == key:
            return entitlement
        if entitlement.consumed_at is not None:
            raise ConsumedEntitlement(entitlement)
        used = entitlement.consumed(key, now)
        version = int(item["version"]["N"])
        if self._items.replace([Change(place, version, {"body": s(_json(used))})]):
            raise ContendedEntitlementError(entitlement_id)
        return used


def _change(one: ChangedEntry, now: int) -> Change:
    """A change as the table takes it."""
    place, entry = one.place, one.brought.entry
    best = one.scores.rule.best
    partition = _entries(place)
    attributes: Item = {
        "value": n(entry.value),
        "at": n(entry.at),
        "granted": s(",".join(entry.granted)),
        "part": s(_part(place[:4], shard_of(place.player_id))),
        "place": s(place_of(best, entry, place.player_id)),
    }
    expires: Item = {}
    if one.until is not None:
        expires = {"expires": n((one.until + KEPT_AFTER_DAYS * _DAY_MS) // 1_000)}
    marks = [
        {"pk": s(partition), "sk": s(_event(event_id))} | expires for event_id in one.brought.events
    ]
    for milestone in one.brought.granted:
        given = entitlement_of(one.scores, place.player_id, place.period, milestone, now)
        marks.append(
            {
                "pk": s(_entitlements(place.property_id, place.player_id)),
                "sk": s(given.entitlement_id),
                "version": n(1),
                "body": s(_json(given)),
            }
        )
    return Change((partition, _ENTRY), one.version, attributes, marks)


def is_taken(until: int | None, now: int) -> bool:
    """Whether a score of a period still counts, that is over at a moment (epoch ms) or never."""
    return until is None or now <= until + TAKEN_AFTER_DAYS * _DAY_MS


def _kept(item: Mapping[str, Any] | None) -> Kept:
    if item is None:
        return Kept(None, 0)
    granted = tuple(filter(None, item["granted"]["S"].split(",")))
    entry = Entry(int(item["value"]["N"]), int(item["at"]["N"]), granted)
    return Kept(entry, int(item["version"]["N"]))


def _entries(place: Place) -> str:
    of = place.property_id, "scores", place.application_id, place.board, place.period
    return "/".join((*of, place.player_id))


def _event(event_id: str) -> str:
    return f"event/{event_id}"


def _part(board: tuple[str, str, str, str], part: int) -> str:
    return "/".join((*board, f"{part:02d}"))


def _entitlements(property_id: str, player_id: str) -> str:
    return f"{property_id}/entitlements/{player_id}"


def _json(entitlement: Entitlement) -> str:
    return msgspec.json.encode(entitlement).decode()


__all__ = [
    "MAX_EVENTS",
    "BoardOf",
    "ChangedEntry",
    "ConsumedEntitlement",
    "ContendedEntitlementError",
    "DynamoLeaderboards",
    "DynamoScores",
    "Kept",
    "Place",
    "Rank",
    "is_taken",
]
