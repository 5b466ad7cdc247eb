"""The use case: send what changed of a floor to whoever has it open.

What changed is told as it is now, whole rows, so that it may come twice, or late: of a machine the
newest row wins. What a client could not take is kept until it can, in memory alone: where that is
lost, the page's own reading of the floor, once a minute, puts it right.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from enum import Enum, auto
from functools import cache
from typing import Any, NamedTuple, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pitboss.floor.documents import FloorChanged, without_players
from pitboss.floor.rows import MachineSums, OfferCounts
from pitboss.stores.connections import UndeliveredError, Watcher
from pitboss.stores.floor import StoredFloor
from push_live_updates.service import YOUNG_MS

PACE_MS = 500
"""From one push to a property's clients to the next, whoever has not taken the one before yet."""

SLOW_MS = 500
"""Who takes longer for a message is sent to beside the others from then on, until it is quick
again, so that the threads are theirs."""

MOST_BEHIND_MS = 30_000
"""A client that has taken nothing for so long is let go of: it connects anew, and reads it all."""

MAX_MESSAGE_BYTES = 30_000
"""Of a message: API Gateway sends, and counts, 32 KiB at a time."""

_ENVELOPE_BYTES = 200
"""More than a message has besides its parts."""

type Key = tuple[str, str]
type Changed = dict[Key, Any]
"""Parts of a floor by kind and name, in the order in which they changed."""


class Change(NamedTuple):
    """An item of a floor, before and after."""

    property_id: str
    before: StoredFloor | None
    after: StoredFloor


class Pushed(NamedTuple):
    """What became of the messages of a batch, and of those that were still on their way."""

    sent: int = 0
    """Clients who have it all."""
    deferred: int = 0
    """Clients who were busy with what came before: it waits for them."""
    undelivered: int = 0
    gone: int = 0
    """Connections that were found to be gone."""
    closed: int = 0
    """Connections that were ended: a token's end, or too far behind."""


class Connections(Protocol):
    """Knows who watches a floor; see `pitboss.stores.connections.DynamoConnections`."""

    def watching(self, property_id: str, now: int) -> list[Watcher]: ...
    def remove(self, connection_id: str) -> bool: ...


class Sockets(Protocol):
    """Sends over open connections and ends them; see `pitboss.stores.connections.LiveApi`."""

    def send(self, connection_id: str, message: bytes) -> bool: ...
    def close(self, connection_id: str) -> None: ...


class _Result(Enum):
    SENT = auto()
    UNDELIVERED = auto()
    GONE = auto()
    CLOSED = auto()


class _Client:
    """What this process knows of a connection."""

    def __init__(self) -> None:
        self.flight: Future[_Result] | None = None
        """What is being sent to it, one thing at a time."""
        self.sending: Changed = {}
        self.owed: Changed = {}
        self.began: int | None = None
        """When that began: there may be more to send than there are threads."""
        self.behind_since: int | None = None


class PushFloor:
    """Sends changes of floors. One caller at a time."""

    def __init__(
        self,
        connections: Connections,
        sockets: Sockets,
        quick: Executor,
        slow: Executor,
        day_of: Callable[[str], Callable[[int], str]],
        now: Callable[[], int],
        wait: Callable[[Sequence[Future[Any]], float], object],
        sleep: Callable[[float], None],
    ) -> None:
        """
        Args:
            connections: who watches.
            sockets: how to reach them.
            quick: sends to clients that take what they are sent.
            slow: sends to those that did not, and ends connections; nobody waits for it.
            day_of: a property's gaming day of a moment.
            now: epoch milliseconds.
            wait: waits until all of it is done, for so many seconds at most.
            sleep: waits for seconds.
        """
        self._connections = connections
        self._sockets = sockets
        self._quick = quick
        self._slow = slow
        self._day_of = day_of
        self._now = now
        self._wait = wait
        self._sleep = sleep
        self._clients: dict[str, dict[str, _Client]] = {}

    def __call__(self, changes: Iterable[Change]) -> Pushed:
        """Send what changed, and return when the next push may begin.

        That is `PACE_MS` after this one began, unless nobody watches: what changes meanwhile is
        told together then, and a client gets no more than two pushes a second.

        Raises:
            ClientError, BotoCoreError: who watches cannot be read.
        """
        started = self._now()
        by_property: dict[str, Changed] = {}
        for change in changes:
            # Among what changed, the last word on each part counts.
            by_property.setdefault(change.property_id, {}).update(_differences(change))
        watchers = {
            property_id: self._connections.watching(property_id, started)
            for property_id in by_property
        }
        results: list[Pushed] = []
        waited_for: list[Future[_Result]] = []
        for property_id, changed in by_property.items():
            today = self._day_of(property_id)(started)
            told = {key: part for key, part in changed.items() if _is_of_now(part, today)}
            results.append(
                self._push(property_id, told, watchers[property_id], started, waited_for)
            )
        if any(watchers.values()):
            self._wait(waited_for, max(started + PACE_MS - self._now(), 0) / 1000)
            self._sleep(max(started + PACE_MS - self._now(), 0) / 1000)
        for property_id, found in watchers.items():
            results.append(self._landed(property_id, found))
        return Pushed(*map(sum, zip(*results, strict=True))) if results else Pushed()

    def _push(
        self,
        property_id: str,
        changed: Changed,
        watchers: Sequence[Watcher],
        now: int,
        waited_for: list[Future[_Result]],
    ) -> Pushed:
        """Begin to send to everyone who is not busy."""
        landed = self._landed(property_id, watchers)
        known = self._clients.get(property_id, {})
        clients = {one.connection_id: known.get(one.connection_id, _Client()) for one in watchers}
        self._clients[property_id] = clients

        @cache
        def encoded(*, sees_players: bool) -> list[bytes]:
            return messages(changed, now, sees_players=sees_players)

        deferred = 0
        for watcher in watchers:
            client = clients[watcher.connection_id]
            if client.flight is not None:
                _owe(client, changed)
                deferred += 1
                continue
            was_behind = client.behind_since is not None
            if watcher.expires * 1000 <= now or _is_too_far_behind(client, now):
                client.flight = self._slow.submit(self._end, watcher.connection_id)
                continue
            if not changed and not client.owed:
                continue
            client.sending = client.owed | changed
            content = encoded(sees_players=watcher.sees_players)
            if client.owed:
                content = messages(client.sending, now, sees_players=watcher.sees_players)
            client.owed = {}
            lane = self._slow if was_behind else self._quick
            client.began = None
            client.flight = lane.submit(self._send, watcher, client, content)
            if not was_behind:
                waited_for.append(client.flight)
        return landed._replace(deferred=landed.deferred + deferred)

    def _landed(self, property_id: str, watchers: Sequence[Watcher]) -> Pushed:
        """What became of what was being sent."""
        now = self._now()
        results = dict.fromkeys(_Result, 0)
        clients = self._clients.get(property_id, {})
        for watcher in watchers:
            client = clients.get(watcher.connection_id)
            if client is None or client.flight is None:
                continue
            if not client.flight.done():
                if client.began is not None and now - client.began >= SLOW_MS:
                    client.behind_since = client.behind_since or client.began
                continue
            result = client.flight.result()
            results[result] += 1
            client.flight = None
            if result is _Result.SENT:
                client.behind_since = None
            else:
                client.owed = client.sending | client.owed
                client.behind_since = client.behind_since or now
            client.sending = {}
        return Pushed(
            sent=results[_Result.SENT],
            undelivered=results[_Result.UNDELIVERED],
            gone=results[_Result.GONE],
            closed=results[_Result.CLOSED],
        )

    def _send(self, watcher: Watcher, client: _Client, content: Iterable[bytes]) -> _Result:
        client.began = self._now()
        try:
            for message in content:
                if not self._sockets.send(watcher.connection_id, message):
                    return self._missing(watcher)
        except UndeliveredError:
            return _Result.UNDELIVERED
        return _Result.SENT

    def _missing(self, watcher: Watcher) -> _Result:
        if self._now() - watcher.connected_at < YOUNG_MS:
            return _Result.UNDELIVERED  # it may be about to open
        return self._forget(watcher.connection_id, _Result.GONE)

    def _end(self, connection_id: str) -> _Result:
        try:
            self._sockets.close(connection_id)
        except UndeliveredError:
            return _Result.UNDELIVERED  # it is tried again with the next push
        return self._forget(connection_id, _Result.CLOSED)

    def _forget(self, connection_id: str, result: _Result) -> _Result:
        try:
            self._connections.remove(connection_id)
        except (ClientError, BotoCoreError):
            return _Result.UNDELIVERED  # as above
        return result


def messages(changed: Mapping[Key, Any], at: int, *, sees_players: bool) -> list[bytes]:
    """What changed as messages, none of them larger than `MAX_MESSAGE_BYTES`.

    Args:
        changed: parts by kind and name.
        at: now, epoch milliseconds.
        sees_players: whether rows are told with `player_id`.
    """
    batches: list[list[tuple[str, Any]]] = [[]]
    size = _ENVELOPE_BYTES
    for (kind, _), part in changed.items():
        if isinstance(part, MachineSums) and not sees_players:
            (part,) = without_players([part])
        length = len(msgspec.json.encode(part)) + 1
        if size + length > MAX_MESSAGE_BYTES and batches[-1]:
            batches.append([])
            size = _ENVELOPE_BYTES
        batches[-1].append((kind, part))
        size += length
    return [
        msgspec.json.encode(
            FloorChanged(
                at=at,
                part=number,
                sums=_of("sums", parts),
                conditions=_of("conditions", parts),
                rates=_of("rates", parts),
                offers=next(iter(_of("offers", parts)), None),
                status=next(iter(_of("status", parts)), None),
                alerts=_of("alerts", parts),
            )
        )
        for number, parts in enumerate(batches, start=1)
    ]


def _of(kind: str, parts: Iterable[tuple[str, Any]]) -> list[Any]:
    return [part for its_kind, part in parts if its_kind == kind]


def _differences(change: Change) -> Changed:
    before = {} if change.before is None else _parts(change.before)
    return {key: part for key, part in _parts(change.after).items() if before.get(key) != part}


def _parts(floor: StoredFloor) -> Changed:
    parts: Changed = {("sums", row.asset_id): row for row in floor.sums}
    parts |= {("conditions", row.asset_id): row for row in floor.conditions}
    parts |= {("rates", rate.shard_id): rate for rate in floor.rates}
    parts |= {("alerts", alert.alert_id): alert for alert in floor.alerts}
    if floor.offers is not None:
        # By their day: those of an earlier one must not take the place of today's.
        parts["offers", floor.offers.gaming_day] = floor.offers
    if floor.status is not None:
        parts["status", ""] = floor.status
    return parts


def _is_of_now(part: object, today: str) -> bool:
    """Whether a part is of interest: of an offer of yesterday that is redeemed today, it is not."""
    return not isinstance(part, OfferCounts) or part.gaming_day >= today


def _owe(client: _Client, changed: Changed) -> None:
    client.owed = client.owed | changed


def _is_too_far_behind(client: _Client, now: int) -> bool:
    return client.behind_since is not None and now - client.behind_since >= MOST_BEHIND_MS
