"""Time and chance under one hand: what a deterministic simulation installs in their place.

    clock = Clock(1_767_225_600_000, random.Random(seed))
    with clock.installed():
        time.sleep(0.1)  # returns at once; the clock is 100 ms on

While it is installed, `time.time`, `time_ns`, `monotonic`, `monotonic_ns` and `sleep` are the
clock's and `uuid.uuid4` the given generator's, also for modules that took them by name; the
functions of `random` are seeded from it, and botocore's own date is the clock's.
`time.perf_counter` stays real.
"""

import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import botocore.auth
import botocore.endpoint

_NAMES = ("time", "time_ns", "monotonic", "monotonic_ns", "sleep")
_REAL: dict[str, Callable[..., Any]] = {name: getattr(time, name) for name in _NAMES}
_REAL["uuid4"] = uuid.uuid4
_REAL_NOW = botocore.auth.get_current_datetime  # type: ignore[attr-defined]
_NOT_TOLD = ("threading", "_pytest", "pytest", "hypothesis", "asyncio", "concurrent", "queue")
"""Packages that measure the process itself and keep the real time."""


class Clock:
    """Virtual time, in epoch milliseconds."""

    def __init__(self, now_ms: int, chance: random.Random | None = None) -> None:
        """Starts at `now_ms`; `chance` seeds what is random while the clock is installed."""
        self.started_ms = now_ms
        self.now_ms = now_ms
        self.chance = chance or random.Random(0)
        self.slept_ms = 0
        """Of all that passed, what was slept by the code under test."""
        self._nanoseconds = 0  # within the millisecond: sleeps may be shorter than one

    def advance(self, ms: int) -> None:
        """Let time pass."""
        assert ms >= 0, "time does not go back"
        self.now_ms += ms

    def sleep(self, seconds: float) -> None:
        """Let time pass, as `time.sleep`."""
        assert seconds >= 0, "sleep length must be non-negative"
        before = self.now_ms
        self._nanoseconds += round(seconds * 1e9)
        self.now_ms += self._nanoseconds // 1_000_000
        self._nanoseconds %= 1_000_000
        self.slept_ms += self.now_ms - before

    def time_ns(self) -> int:
        """Epoch nanoseconds, as `time.time_ns`."""
        return self.now_ms * 1_000_000 + self._nanoseconds

    def time(self) -> float:
        """Epoch seconds, as `time.time`."""
        return self.time_ns() / 1e9

    def monotonic_ns(self) -> int:
        """Nanoseconds since a day before the start, as `time.monotonic_ns`."""
        return self.time_ns() - self.started_ms * 1_000_000 + 86_400_000_000_000

    def monotonic(self) -> float:
        """Seconds since a day before the start, as `time.monotonic`."""
        return self.monotonic_ns() / 1e9

    def date(self) -> datetime:
        """The present, in UTC."""
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    @contextmanager
    def installed(self) -> Iterator["Clock"]:
        """Be the process's time and chance, for one thread; not to be nested."""
        assert time.time is _REAL["time"], "another clock is installed"
        mine: dict[str, Callable[..., Any]] = {name: getattr(self, name) for name in _NAMES}
        mine["uuid4"] = partial(_uuid4, self.chance)
        borrowed = _borrowers()
        chance = random.getstate()
        random.seed(self.chance.getrandbits(64))
        for name in _NAMES:
            setattr(time, name, mine[name])
        for module, attribute, name in borrowed:
            setattr(module, attribute, mine[name])
        for signs in (botocore.auth, botocore.endpoint):
            signs.get_current_datetime = self._now  # type: ignore[attr-defined]
        try:
            yield self
        finally:
            for signs in (botocore.auth, botocore.endpoint):
                signs.get_current_datetime = _REAL_NOW  # type: ignore[attr-defined]
            for module, attribute, name in borrowed:
                setattr(module, attribute, _REAL[name])
            for name in _NAMES:
                setattr(time, name, _REAL[name])
            random.setstate(chance)

    def _now(self, remove_tzinfo: bool = True) -> datetime:
        date = self.date()
        return date.replace(tzinfo=None) if remove_tzinfo else date


def _uuid4(chance: random.Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(128), version=4)


_found: dict[tuple[int, str], list[tuple[Any, str, str]]] = {}


def _borrowers() -> list[tuple[Any, str, str]]:
    """Modules that hold one of the functions by a name of their own: (module, its name, ours)."""
    modules = len(sys.modules), next(reversed(sys.modules))
    if modules not in _found:
        of = {id(function): name for name, function in _REAL.items()}
        _found.clear()
        _found[modules] = [
            (module, attribute, of[id(value)])
            for name, module in list(sys.modules.items())
            if module is not None
            and module is not time
            and module is not sys.modules[__name__]
            and name.partition(".")[0] not in _NOT_TOLD
            for attribute, value in list(getattr(module, "__dict__", {}).items())
            if id(value) in of
        ]
    return _found[modules]
