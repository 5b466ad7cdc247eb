"""Keeping to a rate: so many units a second, and not one more."""

from collections.abc import Callable


class Pace:
    """Lets units through at a rate. What is let through at once is one caller's, not a bucket: in
    any stretch of `t` seconds at most `rate * t` units and those of one call go through.
    """

    def __init__(
        self, rate: int, clock: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        """
        Args:
            rate: units a second.
            clock: seconds from any moment on.
            sleep: waits for so many seconds.
        """
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def take(self, units: int) -> None:
        """Wait until these units may go through."""
        now = self._clock()
        if now < self._free_at:
            self._sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + units / self._rate
