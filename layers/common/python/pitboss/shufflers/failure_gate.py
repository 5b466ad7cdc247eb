"""The gate that a failure model passes before it serves: only what is surely better is promoted.

Both models are judged on the same rows, of a time that neither learned from. What a device shows
today it shows tomorrow, too, so that its rows say little more than one of them: the interval of the
difference is made by drawing devices, whole, again and again (a paired bootstrap by device).
Models of players pass it as well: what is drawn again are then players.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec import Struct

CONFIDENCE = 0.95
DRAWS = 2_000

LEAST_DEVICES = 10
"""With fewer, drawing them again says little about how others would differ."""

LEAST_FAILED = 5
"""Devices of which a row was followed by a failure: without them both models are right that none
fails."""


class DeviceLoss(NamedTuple):
    """How wrong a model is about the rows of a device."""

    rows: int
    positives: int
    """Rows that were followed by a failure."""
    loss: float
    """The sum of the rows' losses; the less, the better."""


class Verdict(Struct, frozen=True):
    """What was decided of a challenger, and why."""

    promote: bool
    reason: str
    """In words, a sentence."""
    gain: float | None
    """How much less a row's loss is by the challenger, on average; None where that is no number."""
    low: float | None
    """The lower bound of its 95 % interval."""
    high: float | None
    devices: int
    rows: int


def decide(
    challenger: Mapping[str, DeviceLoss],
    champion: Mapping[str, DeviceLoss],
    seed: int = 1,
    of: str = "{} devices, of which {} failed",
) -> Verdict:
    """Whether the challenger is to take over from the champion.

    Args:
        challenger: its losses, by device.
        champion: those of the model that stays otherwise (or of always guessing how often devices
            fail, where there is none), of the same rows of the same devices.
        seed: of the draws.
        of: how it is said how many there are, and to how many of them it happened.

    Raises:
        ValueError: the two were not judged on the same rows.
    """
    units = sorted(challenger)
    if units != sorted(champion) or any(challenger[u].rows != champion[u].rows for u in units):
        raise ValueError("challenger and champion were not judged on the same rows")
    rows = np.array([challenger[unit].rows for unit in units], dtype=np.float64)
    gains = np.array([champion[unit].loss - challenger[unit].loss for unit in units])
    failed = sum(challenger[unit].positives > 0 for unit in units)
    said = of.format(len(units), failed)
    if len(units) < LEAST_DEVICES or failed < LEAST_FAILED:
        least = f"{LEAST_DEVICES} and {LEAST_FAILED} are needed"
        return _kept(f"Too little was seen to tell the two apart: {said}; {least}.", units, rows)
    if not np.all(np.isfinite(gains)):
        return _kept("A loss is not a number, so that nothing can be compared.", units, rows)
    if not gains.any():
        return _kept("Both say the same of all: there is nothing to promote.", units, rows)
    gain = float(gains.sum() / rows.sum())
    drawn = np.random.default_rng(seed).integers(0, len(units), (DRAWS, len(units)))
    means = gains[drawn].sum(axis=1) / rows[drawn].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(bound) for bound in np.quantile(means, [tail, 1 - tail]))
    interval = f"{gain:.3g} a row ({CONFIDENCE:.0%} interval {low:.3g} to {high:.3g}; {said})"
    if low > 0:
        reason = f"The challenger's loss is less by {interval}."
    else:
        reason = (
            f"The challenger is not surely better: its loss is less by {interval}, and the lower "
            "bound is not above 0."
        )
    return Verdict(low > 0, reason, gain, low, high, len(units), int(rows.sum()))


def _kept(reason: str, units: list[str], rows: "np.typing.NDArray[np.float64]") -> Verdict:
    return Verdict(False, reason, None, None, None, len(units), math.floor(rows.sum()))
