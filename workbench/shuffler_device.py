"""One shuffler on the network: an MQTT client with a certificate, that stores and forwards.

    device = ShufflerDevice(place, credentials, Outbox(path), "P1", "7", now=clock)
    with device:                                    # connects by itself, again and again
        device.publish(Kind.EVENTS, [Happened(at, ShuffleCompleted(...)), ...])
        device.cut(); device.restore()              # the network goes, and comes back
        device.wait_sent(10)                        # whether all was acknowledged in time

`publish` gives the events their ids and sequence numbers, puts the message into the outbox and
returns: it never waits for the network. Messages are sent in order, at most `WINDOW` at a time; a
message leaves the outbox when it is acknowledged, and what was not is sent again on the next
connection. So everything arrives at least once, and is known again by its sequence.

On the topic `status`, retained: `device.connected` when a connection begins, `device.disconnected`
when the device ends it, and the same by the broker as last will where the connection breaks. The
last will's sequence follows that of the connect it belongs to: of two words on one device the one
with the higher sequence stands. A device whose link was down says `link.restored` after what it had
kept, with the events that its outbox had to let go.

One thread a device does all that has to do with the network.
"""

import random
import select
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import batched
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from msgspec.structs import astuple
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from pitboss.events.envelope import event_type_of, object_form
from pitboss.events.shuffler import (
    MAX_EVENTS,
    DeviceConnected,
    DeviceDisconnected,
    FirmwareChanged,
    LinkRestored,
    ShufflerData,
)
from pitboss.shufflers.topics import Kind, Topic, thing_name
from workbench.endpoint import MqttPlace

WINDOW = 20
"""Messages that are on their way unacknowledged. AWS IoT takes 100 of a connection."""

KEEPALIVE_SECONDS = 30
MOST_STORED = 20_000
"""Messages an outbox keeps unless told; then it lets the oldest go."""

CONNECT_SECONDS = 10


class Happened(NamedTuple):
    """Something to tell."""

    occurred_at: int
    """Epoch ms by the device's clock."""
    data: ShufflerData


class Credentials(NamedTuple):
    """Files in PEM; see `pitboss devices add`."""

    certificate: Path
    key: Path


class Stored(NamedTuple):
    """A message that waits."""

    number: int
    kind: Kind
    payload: bytes


class Outbox:
    """What a device has to say, in order, until it is acknowledged; and its sequence numbers.

    In a file it outlives the device's process; without one it is in memory.
    """

    def __init__(
        self, path: Path | None = None, most: int = MOST_STORED, first_sequence: int = 1
    ) -> None:
        """`first_sequence` is for an outbox that is new: of a device that lost its memory it has to
        be beyond all that it ever used, as the time in milliseconds is.
        """
        self._most = most
        self._lock = threading.Lock()
        self._rows = sqlite3.connect(str(path or ":memory:"), check_same_thread=False)
        self._rows.executescript(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = NORMAL;
            CREATE TABLE IF NOT EXISTS messages (
                number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, events INTEGER, payload BLOB);
            CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER);
            """
        )
        with self._rows:
            self._rows.executemany(
                "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO NOTHING",
                [("sequence", first_sequence), ("lost", 0)],
            )

    def take_sequences(self, count: int) -> int:
        """The first of so many numbers that nothing else will have."""
        with self._lock, self._rows:
            return self._take(count)

    def _take(self, count: int) -> int:
        ((after,),) = self._rows.execute(
            "UPDATE counters SET value = value + ? WHERE name = 'sequence' RETURNING value",
            (count,),
        ).fetchall()
        return int(after) - count

    def add(self, kind: Kind, events: int, payload: Callable[[int], bytes]) -> range:
        """Keep a message of so many events, made from the first one's sequence number."""
        with self._lock, self._rows:
            first = self._take(events)
            self._rows.execute(
                "INSERT INTO messages (kind, events, payload) VALUES (?, ?, ?)",
                (kind, events, payload(first)),
            )
            self._let_go()
        return range(first, first + events)

    def _let_go(self) -> None:
        ((stored,),) = self._rows.execute("SELECT count(*) FROM messages").fetchall()
        if stored <= self._most:
            return
        gone = self._rows.execute(
            "DELETE FROM messages WHERE number = (SELECT min(number) FROM messages)"
            " RETURNING events"
        ).fetchall()
        self._rows.execute(
            "UPDATE counters SET value = value + ? WHERE name = 'lost'",
            (sum(events for (events,) in gone),),
        )

    def after(self, number: int, count: int) -> list[Stored]:
        """The next messages after one, oldest first."""
        with self._lock:
            rows = self._rows.execute(
                "SELECT number, kind, payload FROM messages WHERE number > ?"
                " ORDER BY number LIMIT ?",
                (number, count),
            ).fetchall()
        return [Stored(number, Kind(kind), payload) for number, kind, payload in rows]

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget what was acknowledged."""
        with self._lock, self._rows:
            self._rows.executemany(
                "DELETE FROM messages WHERE number = ?", [(number,) for number in numbers]
            )

    def take_lost(self) -> int:
        """Events that were let go since this was asked last."""
        with self._lock, self._rows:
            ((lost,),) = self._rows.execute(
                "SELECT value FROM counters WHERE name = 'lost'"
            ).fetchall()
            self._rows.execute("UPDATE counters SET value = 0 WHERE name = 'lost'")
        return int(lost)

    def __len__(self) -> int:
        with self._lock:
            ((stored,),) = self._rows.execute("SELECT count(*) FROM messages").fetchall()
        return int(stored)

    def close(self) -> None:
        """End it; a file stays."""
        with self._lock:
            self._rows.close()


def message(property_id: str, asset_id: str, first: int, events: Sequence[Happened]) -> bytes:
    """What is published: a `pitboss.events.shuffler.Message` of these, numbered from the first."""
    return msgspec.json.encode(
        {
            "events": [
                {
                    "event_id": f"s{first + index}",
                    "event_type": event_type_of(type(event.data)),
                    "property_id": property_id,
                    "asset_id": asset_id,
                    "occurred_at": event.occurred_at,
                    "sequence": first + index,
                    # The object form: schema classes are arrays by themselves.
                    "data": msgspec.structs.asdict(
                        object_form(type(event.data))(*astuple(event.data))
                    ),
                }
                for index, event in enumerate(events)
            ]
        }
    )


class ShufflerDevice:
    """A shuffler's network side; see the module. Its methods may be called from any thread."""

    def __init__(
        self,
        place: MqttPlace,
        credentials: Credentials | None,
        outbox: Outbox,
        property_id: str,
        asset_id: str,
        *,
        now: Callable[[], int],
        firmware: str = "",
        client_id: str | None = None,
        wait: Callable[[int], float] = lambda attempt: (
            random.uniform(0.5, 1) * min(30, 0.25 * 2**attempt)
        ),
    ) -> None:
        """A device that is not connected yet.

        Args:
            place: where it connects; see `workbench.endpoint.mqtt_place`.
            credentials: its certificate and key; without them it connects as nobody.
            outbox: what it keeps until it is acknowledged; closed with the device.
            property_id: the property's id.
            asset_id: its own, without padding zeros.
            now: epoch milliseconds by the device's clock.
            firmware: what it says that it runs.
            client_id: another than its thing's name, to see it refused.
            wait: seconds to wait before the n-th try to connect again.
        """
        self.property_id, self.asset_id = property_id, asset_id
        self.connections = 0
        """How often it was connected."""
        self.refusals: list[str] = []
        """Connects and messages that were refused, and broken handshakes, in words; the last 100.
        A message that is refused stays in the outbox."""
        self._place, self._outbox, self._now = place, outbox, now
        self._firmware, self._wait = firmware, wait
        self._client_id = client_id or thing_name(property_id, asset_id)
        self._tls = ssl.create_default_context(cadata=place.ca_pem)
        if credentials is not None:
            self._tls.load_cert_chain(credentials.certificate, credentials.key)
        self._changed = threading.Condition()
        self._is_connected = self._is_cut = self._is_ending = False
        self._down_since: int | None = None
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=self._client_id, daemon=True)
        # Of the connection that there is; of the thread alone.
        self._sent = 0
        self._on_their_way: dict[int, int | None] = {}
        self._acknowledged: list[int] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def start(self) -> None:
        """Connect, and again whenever the connection ends, until `stop`."""
        self._thread.start()

    def publish(self, kind: Kind, events: Sequence[Happened]) -> range:
        """Keep events to be sent, in one message where they fit; their sequence numbers."""
        numbers = range(0)
        for event in events:
            if isinstance(event.data, FirmwareChanged):
                self._firmware = event.data.version  # what the next connect says
        for part in batched(events, MAX_EVENTS, strict=False):
            taken = self._outbox.add(
                kind,
                len(part),
                lambda first, part=part: message(  # type: ignore[misc]
                    self.property_id, self.asset_id, first, part
                ),
            )
            numbers = range(numbers.start if numbers else taken.start, taken.stop)
        self._wake()
        return numbers

    def cut(self, within: float = CONNECT_SECONDS) -> None:
        """Break the link without a word to the broker; nothing gets through until `restore`."""
        with self._changed:
            self._is_cut = True
        self._wake()
        self._until(lambda: not self._is_connected, within)

    def restore(self) -> None:
        """The link is there again."""
        with self._changed:
            self._is_cut = False
            self._changed.notify_all()
        self._wake()

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted a connection that has not ended, as far as is known."""
        return self._is_connected

    @property
    def firmware(self) -> str:
        """What it says that it runs."""
        return self._firmware

    @property
    def unsent(self) -> int:
        """Messages that are not acknowledged yet."""
        return len(self._outbox)

    def wait_connected(self, within: float) -> bool:
        """Whether it is connected, at once or within so many seconds."""
        return self._until(lambda: self._is_connected, within)

    def wait_disconnected(self, within: float) -> bool:
        """Whether it is not connected, at once or within so many seconds."""
        return self._until(lambda: not self._is_connected, within)

    def wait_sent(self, within: float) -> bool:
        """Whether everything published is acknowledged, at once or within so many seconds."""
        return self._until(lambda: not self.unsent, within)

    def stop(self, within: float = CONNECT_SECONDS) -> None:
        """Say goodbye and end the connection. What was not acknowledged stays in the outbox."""
        with self._changed:
            if self._is_ending:
                return
            self._is_ending = True
            self._changed.notify_all()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(within)
        self._outbox.close()

    def _until(self, is_so: Callable[[], bool], within: float) -> bool:
        with self._changed:
            return self._changed.wait_for(is_so, within)

    def _wake(self) -> None:
        with suppress(OSError):  # it is awake, or has ended
            self._wake_writer.send(b"!")

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        attempt = 0
        while not self._is_ending:
            if self._is_cut:
                with self._changed:
                    self._changed.wait_for(lambda: not self._is_cut or self._is_ending)
                attempt = 0
                continue
            before = self.connections
            try:
                self._connection()
                if self.connections == before and not self._is_ending:
                    self._refused("the connection was closed before it was accepted")
            except OSError as fault:  # nobody there, or a handshake that fails
                self._refused(f"{type(fault).__name__}: {fault}")
            finally:
                self._set_connected(is_connected=False)
            if self.connections > before:
                attempt = 0
            else:
                attempt += 1
            if not self._is_ending and not self._is_cut:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_ending, self._wait(attempt))
        self._wake_reader.close()
        self._wake_writer.close()

    def _connection(self) -> None:
        """One connection, from its beginning to its end."""
        first = self._outbox.take_sequences(2)
        self._sent, self._on_their_way, self._acknowledged = 0, {}, []
        # A client for each connection: paho would send again what it had not heard of, besides us.
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_SECONDS
        client.tls_set_context(self._tls)
        client.max_inflight_messages_set(WINDOW + 1)
        will = message(
            self.property_id, self.asset_id, first + 1, [self._said(DeviceDisconnected())]
        )
        client.will_set(self._topic(Kind.STATUS), will, qos=1, retain=True)
        client.on_connect = lambda _client, _data, _flags, code, _properties: self._on_connect(
            client, code, first
        )
        client.on_publish = lambda _client, _data, mid, code, _properties: self._on_publish(
            mid, code
        )
        client.connect(self._place.host, self._place.port, KEEPALIVE_SECONDS, clean_start=True)
        while self._step(client):
            if self._is_cut:
                break
            if self._is_ending and self._is_connected:
                self._goodbye(client)
                break
        _break(client)

    def _step(self, client: mqtt.Client) -> bool:
        """Send and take what there is, or wait for it; whether the connection still stands."""
        if self._is_connected:
            self._pump(client)
        line = client.socket()
        if line is None:
            return False
        waiting = select.poll()
        waiting.register(self._wake_reader, select.POLLIN)
        wanted = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
        waiting.register(line, wanted)
        # What TLS has taken from the socket already, the socket does not tell of.
        is_pending = isinstance(line, ssl.SSLSocket) and line.pending() > 0
        ready = dict(waiting.poll(0 if is_pending else 1_000))
        if self._wake_reader.fileno() in ready:
            self._wake_reader.recv(4_096)
        if is_pending or ready.get(line.fileno(), 0) & ~select.POLLOUT:
            stands = client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
            if not stands:
                return False
        if client.want_write():
            client.loop_write()
        if self._acknowledged:
            self._outbox.remove(self._acknowledged)
            self._acknowledged = []
            with self._changed:
                self._changed.notify_all()
        return client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _pump(self, client: mqtt.Client) -> None:
        room = WINDOW - len(self._on_their_way)
        if room <= 0:
            return
        for stored in self._outbox.after(self._sent, room):
            self._send(client, stored.kind, stored.payload, stored.number)
            self._sent = stored.number

    def _send(self, client: mqtt.Client, kind: Kind, payload: bytes, number: int | None) -> None:
        is_retained = kind is Kind.STATUS
        sent = client.publish(self._topic(kind), payload, qos=1, retain=is_retained)
        self._on_their_way[sent.mid] = number

    def _on_connect(self, client: mqtt.Client, code: Any, first: int) -> None:  # noqa: ANN401
        if code.is_failure:
            self._refused(f"connect: {code}")
            return
        connected = [self._said(DeviceConnected(self._firmware))]
        payload = message(self.property_id, self.asset_id, first, connected)
        self._send(client, Kind.STATUS, payload, None)
        if self._down_since is not None:
            now = self._now()
            restored = LinkRestored(max(0, now - self._down_since), self._outbox.take_lost())
            self._down_since = None
            self.publish(Kind.EVENTS, [Happened(now, restored)])
        self.connections += 1
        self._set_connected(is_connected=True)

    def _on_publish(self, mid: int, code: Any) -> None:  # noqa: ANN401 - paho's ReasonCode
        number = self._on_their_way.pop(mid, None)
        if code.is_failure:
            self._refused(f"message: {code}")
        elif number is not None:
            self._acknowledged.append(number)

    def _goodbye(self, client: mqtt.Client) -> None:
        bye = [self._said(DeviceDisconnected(is_last_will=False))]
        first = self._outbox.take_sequences(1)
        deadline = time.monotonic() + CONNECT_SECONDS / 2
        self._send(client, Kind.STATUS, message(self.property_id, self.asset_id, first, bye), None)
        while self._on_their_way and time.monotonic() < deadline and self._step(client):
            pass
        client.disconnect()
        client.loop_write()

    def _topic(self, kind: Kind) -> str:
        return str(Topic(self.property_id, self.asset_id, kind))

    def _said(self, data: ShufflerData) -> Happened:
        return Happened(self._now(), data)

    def _refused(self, why: str) -> None:
        with self._changed:
            self.refusals = [*self.refusals[-99:], why]
            self._changed.notify_all()

    def _set_connected(self, *, is_connected: bool) -> None:
        with self._changed:
            if self._is_connected and not is_connected:
                self._down_since = self._now()
            self._is_connected = is_connected
            self._changed.notify_all()


def _break(client: mqtt.Client) -> None:
    """End a connection as a pulled cable does: no word to the broker."""
    line: Any = client.socket()
    if line is not None:
        with suppress(OSError):  # it has ended by itself
            line.shutdown(socket.SHUT_RDWR)
        line.close()
