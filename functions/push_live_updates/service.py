"""The use case: tell whoever listens for a machine that something changed there."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from pitboss.stores.connections import Listener, UndeliveredError
from pitboss.stores.dynamodb import Spread

YOUNG_MS = 10_000
"""A connection of this age that cannot be found may not be open yet: it is kept in the table before
its handshake is answered, and asks by itself what there is once it is open."""


class Kind(StrEnum):
    """What changed."""

    OFFER_READY = "offer.ready"
    """There is an offer to fetch."""
    OFFER_GONE = "offer.gone"
    """What the screen shows is no longer on offer there."""


class Update(NamedTuple):
    """A change at a machine."""

    property_id: str
    asset_id: str
    kind: Kind


class Pushed(NamedTuple):
    """What became of the messages of a batch."""

    sent: int = 0
    undelivered: int = 0
    gone: int = 0
    """Connections that were forgotten."""


class Connections(Protocol):
    """Knows open connections; see `pitboss.stores.connections.DynamoConnections`."""

    def listening(self, property_id: str, asset_id: str, now: int) -> list[Listener]: ...
    def remove(self, connection_id: str) -> bool: ...


class Sockets(Protocol):
    """Sends over open connections; see `pitboss.stores.connections.LiveApi`."""

    def send(self, connection_id: str, message: bytes) -> bool: ...


class _Message(NamedTuple):
    listener: Listener
    content: bytes


class PushUpdates:
    """Sends messages about machines to who listens for them."""

    def __init__(
        self,
        connections: Connections,
        sockets: Sockets,
        spread: Spread,
        now: Callable[[], int],
        budget_ms: int,
    ) -> None:
        """
        Args:
            connections: who listens.
            sockets: how to reach them.
            spread: `map`, or one that calls many at once.
            now: epoch milliseconds.
            budget_ms: from the call on; what is not sent by then is not.
        """
        self._connections = connections
        self._sockets = sockets
        self._spread = spread
        self._now = now
        self._budget_ms = budget_ms

    def __call__(self, updates: Iterable[Update]) -> Pushed:
        """Tell each machine's listeners the last thing that happened there.

        Raises:
            ClientError, BotoCoreError: who listens cannot be read; nothing was sent.
        """
        started = self._now()
        last = {(update.property_id, update.asset_id): update.kind for update in updates}
        found = self._spread(lambda place: self._connections.listening(*place, started), last)
        messages = [
            _Message(listener, message(asset_id, kind))
            for ((_, asset_id), kind), listeners in zip(last.items(), found, strict=True)
            for listener in listeners
        ]

        def send(one: _Message) -> Pushed:
            return self._send(one, started)

        results = list(self._spread(send, messages))
        return Pushed(*map(sum, zip(*results, strict=True))) if results else Pushed()

    def _send(self, one: _Message, started: int) -> Pushed:
        if self._now() - started >= self._budget_ms:
            return Pushed(undelivered=1)
        connection_id, connected_at = one.listener
        try:
            if self._sockets.send(connection_id, one.content):
                return Pushed(sent=1)
        except UndeliveredError:
            return Pushed(undelivered=1)
        if self._now() - connected_at < YOUNG_MS:
            return Pushed(undelivered=1)
        self._connections.remove(connection_id)
        return Pushed(gone=1)


def message(asset_id: str, kind: Kind) -> bytes:
    """What a game is told."""
    return msgspec.json.encode({"type": kind, "asset_id": asset_id})
