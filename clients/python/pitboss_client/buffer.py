"""The events that are not there yet, on disk: what a crash, a flat battery or a train leaves."""

import os
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""

BUSY_SECONDS = 5.0


class NotKeptError(Exception):
    """An event that could not be written to the buffer: the disk is full, or gone."""


class Waiting(NamedTuple):
    """An event of the buffer: its place in the order, and its line of the body."""

    place: int
    body: bytes


class Buffer:
    """Events in the order they happened, in one SQLite file. Safe to share between threads.

    An event is in the file when `append` returns: the end of the process does not lose it. The
    end of the machine may lose the last moments (WAL, synchronous NORMAL), and never the file.
    """

    def __init__(self, path: Path, max_events: int, max_bytes: int) -> None:
        """
        Args:
            path: the file; made if there is none. One that is damaged is set aside beside it.
            max_events: that are kept; then the oldest go.
            max_bytes: of their lines, together.

        Raises:
            NotKeptError: the file can be neither opened nor made.
        """
        self.set_aside: Path | None = None
        """Where a damaged file went, if there was one."""
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._taken = 0
        """The place up to which events are being sent: those are not dropped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = _opened(path)
        except sqlite3.OperationalError as fault:
            raise NotKeptError(f"{path} cannot be opened: {fault}") from fault
        except sqlite3.DatabaseError:
            self.set_aside = path.with_name(f"{path.name}.damaged")
            os.replace(path, self.set_aside)
            for left in ("-wal", "-shm"):
                path.with_name(path.name + left).unlink(missing_ok=True)
            self._file = _opened(path)
        self._count, self._bytes = self._sums()
        self.dropped = int(self.fact("dropped") or 0)
        """Events that went since the file was made, because it was full."""

    def close(self) -> None:
        """Close the file. What is in it stays."""
        with self._lock:
            self._file.close()

    @property
    def count(self) -> int:
        """Events in the file."""
        return self._count

    def append(self, body: bytes) -> int:
        """Keep an event; how many of the oldest had to go for it.

        Raises:
            NotKeptError: the file takes no more.
        """
        with self._lock:
            try:
                with self._file:
                    self._file.execute("INSERT INTO events (body) VALUES (?)", (body,))
                    dropped = self._make_room(len(body))
            except sqlite3.Error as fault:
                self._count, self._bytes = self._sums()
                raise NotKeptError(f"the event cannot be kept: {fault}") from fault
            self.dropped += dropped
            return dropped

    def oldest(self, most: int, most_bytes: int) -> list[Waiting]:
        """The oldest events, so many and so many bytes at most, with a line break each; one at
        least, if there is any. They are not dropped until `release`.
        """
        found: list[Waiting] = []
        size = 0
        with self._lock:
            rows = self._file.execute(
                "SELECT place, body FROM events ORDER BY place LIMIT ?", (most,)
            )
            for place, body in rows:
                size += len(body) + 1
                if found and size > most_bytes:
                    break
                found.append(Waiting(place, body))
            rows.close()
            self._taken = found[-1].place if found else 0
        return found

    def settle(self, events: Iterable[Waiting]) -> None:
        """Forget events: what becomes of them is known."""
        settled = list(events)
        with self._lock:
            with self._file:
                self._file.executemany(
                    "DELETE FROM events WHERE place = ?", [(event.place,) for event in settled]
                )
            self._count -= len(settled)
            self._bytes -= sum(len(event.body) for event in settled)

    def release(self) -> None:
        """None is being sent any more: the oldest may be dropped."""
        with self._lock:
            self._taken = 0

    def fact(self, name: str) -> str | None:
        """A fact that outlives the process."""
        with self._lock:
            row = self._file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_fact(self, name: str, value: str) -> None:
        """Write a fact."""
        with self._lock, self._file:
            self._keep(name, value)

    def _keep(self, name: str, value: str) -> None:
        self._file.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _make_room(self, added: int) -> int:
        """Drop the oldest that are not being sent, in the same transaction as their count."""
        self._count += 1
        self._bytes += added
        dropped = 0
        while self._count > self._max_events or self._bytes > self._max_bytes:
            row = self._file.execute(
                "SELECT place, length(body) FROM events WHERE place > ? ORDER BY place LIMIT 1",
                (self._taken,),
            ).fetchone()
            if row is None:
                break
            self._file.execute("DELETE FROM events WHERE place = ?", (row[0],))
            self._count -= 1
            self._bytes -= row[1]
            dropped += 1
        if dropped:
            self._keep("dropped", str(self.dropped + dropped))
        return dropped

    def _sums(self) -> tuple[int, int]:
        row = self._file.execute("SELECT count(*), ifnull(sum(length(body)), 0) FROM events")
        count, size = row.fetchone()
        return int(count), int(size)


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        with closing(file.execute("PRAGMA journal_mode = WAL")) as mode:
            mode.fetchone()
        file.execute("PRAGMA synchronous = NORMAL")
        file.executescript(_TABLES)
        file.execute("SELECT count(*) FROM events").fetchone()
    except BaseException:
        file.close()
        raise
    return file
