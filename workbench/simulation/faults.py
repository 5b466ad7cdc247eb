"""What can go wrong between the collector and the front door, packet by packet.

Faults change when and how often a packet is delivered, or whether at all, never what it says.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any

from workbench.simulation.envelopes import event_id
from workbench.simulation.floor import Event

FAULTS = ("duplicates", "reorder", "reversed", "late", "retries", "loss")
"""What can be asked for; `docs/simulator.md` says what each is and how often."""

_PACKETS_A_DUPLICATE = 100
_PACKETS_A_REORDERING = 30
_REORDER_MS = 600_000
_REVERSED_MS = 600_000
_PACKETS_A_LATE_ONE = 5_000
_DAY_MS = 86_400_000
_LATE_MS = (_DAY_MS, 3 * _DAY_MS)
_PACKETS_A_RETRY = 3_000
_PACKETS_A_POST = 100
_RETRY_MS = (1_000, 60_000)
_PACKETS_A_LOSS = 2_000
_PACKETS_AN_OUTAGE = 20_000
_OUTAGE_MS = (5_000, 60_000)


class Faults:
    """Delivers events faultily. `counts` and `notes` say what each fault did."""

    def __init__(
        self,
        kinds: frozenset[str],
        seed: int,
        keep: Callable[[Event], None],
        lose: Callable[[Event], None],
    ) -> None:
        """Of every event either `keep` or `lose` is told, once."""
        self._on = kinds
        self._chance = Random(seed ^ 0xFA17).random
        self._keep = keep
        self._lose = lose
        self._held: list[tuple[int, int, Event]] = []
        """To be delivered then; the number keeps those of one moment in order."""
        self._number = 0
        self._posts: dict[str, deque[Event]] = {}
        self._outages: dict[str, int] = {}
        self._reversed = ""
        self._window: list[Event] = []
        self._window_ends = 0
        self.duplicates = 0
        """Deliveries of an event after its first one."""
        self.counts: Counter[str] = Counter()
        self.notes: list[dict[str, Any]] = []

    def _happens(self, fault: str, one_in: int) -> bool:
        return fault in self._on and int(self._chance() * one_in) == 0

    def _between(self, low: int, high: int) -> int:
        return low + int(self._chance() * (high - low + 1))

    def _note(self, fault: str, event: Event, **more: object) -> None:
        self.counts[fault] += 1
        self.notes.append(
            {
                "fault": fault,
                "asset_id": event.machine.asset_id,
                "event_id": event_id(event),
                **more,
            }
        )

    def deliver(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events as they reach the front door."""
        now = 0
        for event in events:
            now = event.cache_time
            yield from self._due(now)
            if self._window and now >= self._window_ends:
                yield from self._turn_round()
            if self._is_lost(event, now):
                self._note("loss", event)
                self._lose(event)
                continue
            self._keep(event)
            self._send_again(event, now)
            if event.machine.asset_id == self._reversed_asset(event):
                if not self._window:
                    self._window_ends = now + _REVERSED_MS
                self._window.append(event)
            elif delay := self._delay(event):
                self._hold(now + delay, event)
            else:
                yield event
        yield from self._turn_round()
        yield from self._due(None)

    def _due(self, now: int | None) -> Iterator[Event]:
        while self._held and (now is None or self._held[0][0] <= now):
            yield heappop(self._held)[2]

    def _hold(self, until: int, event: Event) -> None:
        self._number += 1
        heappush(self._held, (until, self._number, event))

    def _reversed_asset(self, event: Event) -> str:
        """The one machine whose packets come in the reverse order: that of the first packet."""
        if not self._reversed and "reversed" in self._on:
            self._reversed = event.machine.asset_id
        return self._reversed

    def _turn_round(self) -> Iterator[Event]:
        if self._window:
            self._note("reversed", self._window[0], packets=len(self._window))
        yield from reversed(self._window)
        self._window = []

    def _is_lost(self, event: Event, now: int) -> bool:
        if "loss" not in self._on:
            return False
        asset_id = event.machine.asset_id
        if self._happens("loss", _PACKETS_AN_OUTAGE):
            self._outages[asset_id] = now + self._between(*_OUTAGE_MS)
        return now < self._outages.get(asset_id, 0) or self._happens("loss", _PACKETS_A_LOSS)

    def _delay(self, event: Event) -> int:
        if self._happens("late", _PACKETS_A_LATE_ONE):
            delay = self._between(*_LATE_MS)
            self._note("late", event, by_ms=delay)
            return delay
        if self._happens("reorder", _PACKETS_A_REORDERING):
            delay = self._between(1, _REORDER_MS)
            self._note("reorder", event, by_ms=delay)
            return delay
        return 0

    def _send_again(self, event: Event, now: int) -> None:
        """One packet doubled, or a gateway's last packets posted again as a whole."""
        if self._happens("duplicates", _PACKETS_A_DUPLICATE):
            after = self._between(1, _REORDER_MS)
            self._note("duplicates", event, after_ms=after)
            self.duplicates += 1
            self._hold(now + after, event)
        if "retries" not in self._on:
            return
        hostname = event.machine.hostname
        post = self._posts.setdefault(hostname, deque(maxlen=_PACKETS_A_POST))
        post.append(event)
        if self._happens("retries", _PACKETS_A_RETRY):
            after = self._between(*_RETRY_MS)
            self._note("retries", event, packets=len(post), after_ms=after)
            self.duplicates += len(post)
            for posted in post:
                self._hold(now + after, posted)
            post.clear()

    def as_json(self) -> dict[str, Any]:
        """`faults.json`."""
        return {
            "faults": {fault: self.counts[fault] for fault in FAULTS if fault in self._on},
            "duplicate_packets": self.duplicates,
            "events": self.notes,
        }
