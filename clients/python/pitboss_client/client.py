"""What a game calls: `track`, and at the end `close`."""

import json
import logging
import math
import random
import re
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from pitboss_client.buffer import Buffer
from pitboss_client.sending import Counts, Refused, Sender, Settings
from pitboss_client.transport import HttpTransport, Transport

LOG = logging.getLogger("pitboss_client")

EVENT_VERSION = "1"

MAX_EVENT_BYTES = 64 * 1024
"""Of one event's line."""

MAX_STACK_CHARACTERS = 4_000
MAX_MESSAGE_CHARACTERS = 500
"""Of a reported exception; of a longer stack the first and the last half are sent. In JSON a
character is up to 12 bytes."""

_ENVELOPE = frozenset(
    {
        *("event_version", "event_id", "event_timestamp", "event_type"),
        *("app_name", "app_version", "client_id"),
    }
)
_APPLICATION = re.compile(r"[A-Za-z0-9._-]{1,64}")


class InvalidEventError(ValueError):
    """An event that no door takes: the message says why. It is not kept."""


class Client:
    """Keeps events on disk and sends them from a thread of its own. Safe to share between threads.

    An event is on disk when `track` returns. It is sent until the door has said what became of it,
    over ends of the process too, with the id it was given by `track`: what is sent twice is counted
    once. A buffer's file is one process's.
    """

    def __init__(
        self,
        address: str,
        application: str,
        version: str,
        buffer: str | Path,
        *,
        client_id: str | None = None,
        sign: Callable[[bytes], Mapping[str, str]] | None = None,
        settings: Settings | None = None,
        on_refused: Callable[[Refused], object] = lambda _: None,
        on_dropped: Callable[[int], object] = lambda _: None,
        on_failure: Callable[[str], object] = lambda _: None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        Args:
            address: the API's address with its stage.
            application: as it was registered.
            version: of the application.
            buffer: the file that keeps events.
            client_id: of this install; without one it is made once and kept in the buffer.
            sign: a server's: the headers that prove a body. Without it an install's token is
                fetched and renewed.
            settings: when to send, and how patient to be.
            on_refused: told of each event that the door will not keep; called by the thread.
            on_dropped: told how many of the oldest went because the buffer is full.
            on_failure: told why a request was of no use; it is sent again by itself.
            transport: in place of HTTP with the standard library.
            clock: epoch seconds.
            chance: a number from 0 to 1.

        Raises:
            ValueError: no such address or application.
            NotKeptError: the buffer's file cannot be made.
        """
        if not _APPLICATION.fullmatch(application):
            raise ValueError(f"{application!r} is no application's name")
        self._settings = settings or Settings()
        self._application = application
        self._version = version
        self._clock = clock
        self._on_dropped = on_dropped
        transport = transport or HttpTransport(address, self._settings.timeout)
        self._transport = transport
        self._buffer = Buffer(Path(buffer), self._settings.max_events, self._settings.max_bytes)
        self.client_id = client_id or self._install()
        """Of this install."""
        self._sender = Sender(
            self._buffer,
            transport,
            self._settings,
            application,
            self.client_id,
            sign,
            on_refused,
            on_failure,
            clock,
            chance,
        )
        self._changed = threading.Condition()
        self._since = time.monotonic() if self._buffer.count else None
        """When the first event that waits began to."""
        self._is_urgent = self._buffer.count > 0
        self._is_closed = False
        self._is_idle = True
        self._stop_at = math.inf
        self._thread = threading.Thread(target=self._run, name="pitboss-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def counts(self) -> Counts:
        """What became of events."""
        return replace(self._sender.counts, dropped=self._buffer.dropped)

    @property
    def waiting(self) -> int:
        """Events that are on disk still."""
        return self._buffer.count

    def track(self, event_type: str, **fields: object) -> str:
        """Keep an event, to be sent soon.

        Args:
            event_type: such as level.completed.
            fields: `level_id`, `position_x`, `position_y`, and any others, as JSON can say them.

        Returns:
            The event's id.

        Raises:
            InvalidEventError: it cannot be written as JSON, is too long, or a field's name is the
                envelope's.
            NotKeptError: the disk takes no more.
            RuntimeError: the client is closed.
        """
        if taken := _ENVELOPE.intersection(fields):
            raise InvalidEventError(f"{min(taken)} is the envelope's own")
        event_id = str(uuid.uuid4())
        event = {
            "event_version": EVENT_VERSION,
            "event_id": event_id,
            "event_timestamp": int(self._clock() * 1_000),
            "event_type": event_type,
            "app_name": self._application,
            "app_version": self._version,
            "client_id": self.client_id,
            **fields,
        }
        try:
            body = json.dumps(event, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError) as fault:
            raise InvalidEventError(str(fault)) from fault
        if len(body) > MAX_EVENT_BYTES:
            raise InvalidEventError(f"{len(body)} bytes are more than {MAX_EVENT_BYTES}")
        if self._is_closed:
            raise RuntimeError("the client is closed")
        dropped = self._buffer.append(body)
        if dropped:
            self._on_dropped(dropped)
        with self._changed:
            if self._since is None:
                self._since = time.monotonic()
                self._changed.notify_all()
            elif self._buffer.count == self._settings.batch_events:
                self._changed.notify_all()
        return event_id

    def report_exception(
        self, error: BaseException, *, is_fatal: bool = False, **fields: object
    ) -> str:
        """Keep a report of an exception, with its stack, to be sent soon.

        Args:
            error: what was raised.
            is_fatal: whether the game ends by it: a `client_crashed`, else an `error_reported`.
            fields: as `track` takes them.

        Returns:
            The event's id.

        Raises:
            InvalidEventError, NotKeptError, RuntimeError: as `track` does.
        """
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ != "builtins":
            name = f"{kind.__module__}.{name}"
        try:
            message = str(error)
        except Exception as fault:  # noqa: BLE001 - the game's own, and no reason to lose the report
            message = f"no message: {type(fault).__name__}"
        parts = traceback.format_exception(error)
        stack = "\n".join(part.rstrip("\n")[:MAX_MESSAGE_CHARACTERS] for part in parts)
        if len(stack) > MAX_STACK_CHARACTERS:
            half = MAX_STACK_CHARACTERS // 2
            stack = f"{stack[:half]}\n...\n{stack[-half:]}"
        said = {"exception": name, "message": message[:MAX_MESSAGE_CHARACTERS], "stack": stack}
        return self.track("client_crashed" if is_fatal else "error_reported", **said, **fields)

    def flush(self, timeout: float = 30.0) -> bool:
        """Send what waits now, without waiting for a batch to be full.

        Returns:
            Whether nothing waits any more; False after so many seconds.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            while self._buffer.count or not self._is_idle:
                left = deadline - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    return self._buffer.count == 0
                self._changed.wait(min(left, 0.5))
        return True

    def close(self, timeout: float = 5.0) -> bool:
        """Send what waits, and end. What does not get through in so many seconds stays on disk.

        Returns:
            Whether nothing waits any more.
        """
        with self._changed:
            self._is_closed = True
            self._stop_at = time.monotonic() + timeout
            self._changed.notify_all()
        # A request that hangs is left to the thread, which ends by itself, or with the process.
        self._thread.join(timeout + 1.0)
        return self._buffer.count == 0

    def _install(self) -> str:
        known = self._buffer.fact("client_id")
        if known is None:
            known = str(uuid.uuid4())
            self._buffer.keep_fact("client_id", known)
        return known

    def _run(self) -> None:
        try:
            self._send()
        finally:
            self._transport.close()
            self._buffer.close()
            with self._changed:
                self._changed.notify_all()

    def _send(self) -> None:
        pause = 0.0
        while self._wait(pause):
            try:
                pause = self._sender.step()
            except Exception:
                # A full disk, a key that cannot be read: events wait, and the game goes on.
                LOG.exception("events cannot be sent for now")
                pause = self._settings.longest_pause
            with self._changed:
                if self._buffer.count == 0:
                    self._since = None
                    self._is_urgent = False
                elif pause == 0.0 and self._buffer.count < self._settings.batch_events:
                    self._since = time.monotonic()
                self._is_idle = True
                self._changed.notify_all()

    def _wait(self, pause: float) -> bool:
        """Wait until there is something to send and the pause is over; False at the end."""
        not_before = time.monotonic() + pause
        with self._changed:
            while True:
                now = time.monotonic()
                is_empty = self._buffer.count == 0
                if self._is_closed and (is_empty or now >= self._stop_at):
                    return False
                due = max(not_before, self._due())
                if now >= due:
                    self._is_idle = False
                    return True
                until = min(due, self._stop_at) - now
                self._changed.wait(None if until == math.inf else until)

    def _due(self) -> float:
        """When the next batch is to be sent, monotonic; never while nothing waits."""
        if self._since is None:
            return math.inf
        is_full = self._buffer.count >= self._settings.batch_events
        if is_full or self._is_urgent or self._is_closed:
            return 0.0
        return self._since + self._settings.batch_seconds
