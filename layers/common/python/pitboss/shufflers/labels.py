"""What a failure model is to say of each time of a history, and what of it may be learned from.

Two questions: does the device fail within the next H of operation, and how long does it still run
(remaining useful life). A row whose answer was not observed has none (NaN) and is left out: a
history that ends before the next H are over says nothing about its last H.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec
import numpy as np
from numpy.typing import NDArray

from pitboss.shufflers.histories import Happening, History

type Floats = NDArray[np.float64]


def time_to_failure(history: History, part: str = "") -> Floats:
    """From each time to the next failure, of a part or of any; infinite where none is known of.

    What happens at a row's time is known by then: the next failure is a later one.
    """
    times = np.asarray(history.times, dtype=np.float64)
    at = [one.at for one in history.failures if not part or one.part == part]
    if history.ended_by_failure and not part:
        # It failed right after its last time: that row, too, has it still before it.
        found = _until_next(times, at)
        return np.where(np.isfinite(found), found, times[-1:] - times)
    return _until_next(times, at)


def fails_within(
    history: History, horizon: float, part: str = "", *, unless_mended: bool = False
) -> Floats:
    """1 where the device (or a part of it) fails in (t, t + horizon], 0 where not, NaN unknown.

    Args:
        history: of the device.
        horizon: in the history's unit of time.
        part: which must fail; any, where it is empty.
        unless_mended: rows whose part was mended within the horizon before it failed are unknown,
            too. What would have become of it nobody saw; to learn from them that it would not have
            failed would be to unlearn what was good advice.
    """
    times = np.asarray(history.times, dtype=np.float64)
    ahead = time_to_failure(history, part)
    found = (ahead <= horizon).astype(np.float64)
    unseen = times + horizon > times[-1:]
    if history.ended_by_failure and not part:
        unseen[:] = False
    if unless_mended:
        mended = [one.at for one in history.maintenance if not part or one.part == part]
        until = _until_next(times, mended)
        unseen |= (until <= horizon) & (until < ahead)
    found[unseen] = np.nan
    return found


def remaining_life(history: History, cap: float | None = None, part: str = "") -> Floats:
    """From each time to the next failure, at most the cap; NaN where it is not known.

    A device that was seen for as long as the cap without a failure has the cap before it.
    """
    times = np.asarray(history.times, dtype=np.float64)
    ahead = time_to_failure(history, part)
    if cap is None:
        return np.where(np.isfinite(ahead), ahead, np.nan)
    seen = times[-1:] - times
    capped = np.minimum(ahead, cap)
    return np.where(np.isfinite(ahead) | (seen >= cap), capped, np.nan)


# --- what may be learned from ---------------------------------------------------------------------


def until(history: History, moment: float) -> History:
    """A history as it was known at a moment: nothing after it is in it.

    So that rows whose answer came later have none, and a gap of the horizon lies between what is
    learned from and what a model is judged on.
    """
    rows = int(np.searchsorted(np.asarray(history.times, float), moment, side="right"))
    if rows == len(history.times):
        return history
    return msgspec.structs.replace(
        history,
        times=history.times[:rows],
        readings={name: values[:rows] for name, values in history.readings.items()},
        counts={name: values[:rows] for name, values in history.counts.items()},
        failures=_by(history.failures, moment),
        maintenance=_by(history.maintenance, moment),
        ended_by_failure=False,
    )


def folds(units: Iterable[str], number: int, seed: int) -> dict[str, int]:
    """Which of so many parts each device belongs to, whole: they are as even as can be.

    It depends on the names and the seed only, not on their order.
    """
    shuffled = sorted(set(units), key=lambda unit: sha256(f"{seed}:{unit}".encode()).digest())
    return {unit: place % number for place, unit in enumerate(shuffled)}


def moments(histories: Sequence[History], shares: Sequence[float]) -> list[float]:
    """The moments by which such shares of the time from the first row to the last have passed."""
    first = min(float(one.times[0]) for one in histories if len(one.times))
    last = max(float(one.times[-1]) for one in histories if len(one.times))
    return [first + share * (last - first) for share in shares]


def _until_next(times: Floats, at: Sequence[float]) -> Floats:
    ordered = np.sort(np.asarray(at, dtype=np.float64))
    following = np.append(ordered, np.inf)[np.searchsorted(ordered, times, side="right")]
    return np.asarray(following - times)


def _by(happenings: Sequence[Happening], moment: float) -> tuple[Happening, ...]:
    return tuple(one for one in happenings if one.at <= moment)
