"""Histories of devices: what failure models learn from, whatever the device is.

A shuffler's hours, an engine's flights and a press's hours are all the same to a model: a grid of
times of operation, readings and counts at each, and the times at which something failed or was
mended. What a data set calls its columns ends where it is read.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Happening(Struct, frozen=True, order=True):
    """Something that happened to a device."""

    at: float
    """In the history's unit of time."""
    part: str = ""
    """Which part; empty where that is not said."""


class History(Struct, frozen=True, kw_only=True):
    """What is known of one device, in the order of its times. All sequences are as long as `times`.

    The unit of time is the data set's: hours of a shuffler, flights of an engine.
    """

    unit: str
    times: Sequence[float]
    """Ascending. A row is known at its time, and nothing after it is."""
    readings: Mapping[str, Sequence[float]]
    """By name, what a sensor showed (a mean over the step); NaN where it showed nothing."""
    counts: Mapping[str, Sequence[float]]
    """By name, how often something happened in the step that ends at each time."""
    failures: Sequence[Happening] = ()
    maintenance: Sequence[Happening] = ()
    facts: Mapping[str, float] = {}
    """What does not change: age at the start, model."""
    ended_by_failure: bool = False
    """Whether the device failed right after its last time (a run to failure); otherwise what came
    after is not known."""
