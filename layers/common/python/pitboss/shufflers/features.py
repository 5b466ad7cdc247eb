"""What a failure model sees of a device: figures over windows of its history, and nothing later.

A row of features belongs to a time of the history and is made of what is known at it: readings and
counts up to and at it, happenings at or before it. All windows end at the row's time, (t - w, t].

numpy is in `layers/trees` only: import this where models are trained or asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from pitboss.shufflers.histories import Happening, History

type Floats = NDArray[np.float64]

type Statistic = Literal[
    "last",
    "mean",
    "std",
    "min",
    "max",
    "slope",
    "ewma",
    "shift",
    "sum",
    "total",
    "since",
    "age",
    "fact",
]
"""What is computed of a channel:

- of a reading: `last`; over a window `mean`, `std`, `min`, `max` and `slope` (least squares, a unit
  of time); `ewma` (the window is its half-life); `shift` (mean over the window less the mean of the
  device's first operation, see `Recipe.baseline`);
- of a count or a kind of happening: `sum` over a window, `total` of all time, `since` the last one,
  in units of time (NaN where there was none);
- of the device: `age` since its first row, and each `fact`.
"""

FAILED, MENDED, DEVICE = "failed", "mended", "device"
"""Channels of happenings (`failed:rollers`, `mended:rollers`; of any part without one), of age."""

LEAST_UNEXPLAINED = 0.01
"""Share of the settings' variance that conditions may leave: where more is left, they are noise
around one condition."""

MOST_CONDITIONS = 10


class Feature(NamedTuple):
    """One column of what a model sees.

    >>> str(Feature("motor_ma", "slope", 720.0))
    'motor_ma slope 720'
    """

    channel: str
    statistic: Statistic
    window: float = 0.0
    """In the history's unit of time; 0 where there is none."""

    def __str__(self) -> str:
        window = f" {self.window:g}" if self.window else ""
        return f"{self.channel} {self.statistic}{window}"


class Plan(Struct, frozen=True, kw_only=True):
    """Which features are made. Windows and half-lives are in the histories' unit of time."""

    windows: tuple[float, ...]
    """Of readings: mean, std, min, max, slope, shift."""
    statistics: tuple[Statistic, ...] = ("last", "mean", "std", "min", "max", "slope")
    """Of readings."""
    half_lives: tuple[float, ...] = ()
    """Of exponentially weighted means."""
    baseline: float = 0.0
    """How long from its first row on a device is taken to be as it should; 0: no `shift`."""
    count_windows: tuple[float, ...] | None = None
    """Of counts and happenings; None: those of the readings."""
    ages: bool = True
    """Whether the first row is when the device was new, so that its age says something."""
    settings: tuple[str, ...] = ()
    """Readings that say how the device is run: the others are compared with what is usual then."""


class Conditions(Struct, frozen=True):
    """How devices are run, and what readings usually are then: learned with a model."""

    settings: tuple[str, ...]
    scale: tuple[tuple[float, float], ...]
    """Mean and deviation of each setting."""
    centres: tuple[tuple[float, ...], ...]
    """Of each condition, in scaled settings."""
    usual: dict[str, tuple[tuple[float, float], ...]]
    """By reading: mean and deviation in each condition."""


class Columns(Struct, frozen=True):
    """What there is in the histories that a model is learned from, in order."""

    readings: tuple[str, ...]
    counts: tuple[str, ...]
    failed: tuple[str, ...]
    """Parts."""
    mended: tuple[str, ...]
    facts: tuple[str, ...]


def columns_of(histories: Sequence[History], plan: Plan) -> Columns:
    """Everything that any of the histories has; readings that never change tell nothing."""
    readings = _names(name for one in histories for name in one.readings)
    return Columns(
        tuple(n for n in readings if n not in plan.settings and _changes(histories, n)),
        _names(name for one in histories for name in one.counts),
        _names(happening.part for one in histories for happening in one.failures),
        _names(happening.part for one in histories for happening in one.maintenance),
        _names(name for one in histories for name in one.facts),
    )


def features(columns: Columns, plan: Plan) -> list[Feature]:
    """The columns of `rows`, in order."""
    found: list[Feature] = []
    kinds = plan.statistics
    if "last" in kinds:
        found += [Feature(name, "last") for name in columns.readings]
    for window in plan.windows:
        for kind in ("mean", "std", "slope", "min", "max"):
            if kind in kinds:
                found += [Feature(name, kind, window) for name in columns.readings]
        if plan.baseline:
            found += [Feature(name, "shift", window) for name in columns.readings]
    for half_life in plan.half_lives:
        found += [Feature(name, "ewma", half_life) for name in columns.readings]
    for name in columns.counts:
        found += _counted(name, plan)
    for name in _happening_channels(columns):
        found += _counted(name, plan)
    if plan.ages:
        found.append(Feature(DEVICE, "age"))
    return found + [Feature(name, "fact") for name in columns.facts]


def rows(
    history: History, columns: Columns, plan: Plan, conditions: Conditions | None = None
) -> Floats:
    """Features at each time of a history: an array of len(times) by len(features(columns, plan)).

    NaN where nothing is known.

    Raises:
        ValueError: the times do not ascend, or a sequence is not as long as they are.
    """
    times = np.asarray(history.times, dtype=np.float64)
    if not len(times):
        return np.empty((0, len(features(columns, plan))))
    if not np.all(np.diff(times) > 0):
        raise ValueError(f"{history.unit}: times do not ascend")
    known = compared(history, conditions)
    readings = _matrix(history, known, columns.readings, np.nan)
    counts = _matrix(history, history.counts, columns.counts, 0.0)
    blocks = [*_of_readings(times, readings, plan)]
    blocks += [_of_counts(times, counts[:, place], plan) for place in range(len(columns.counts))]
    blocks += [
        _of_happenings(times, _happened(history, channel), plan)
        for channel in _happening_channels(columns)
    ]
    if plan.ages:
        blocks.append((times - times[0])[:, None])
    facts = [history.facts.get(name, np.nan) for name in columns.facts]
    blocks.append(np.tile(np.array(facts, dtype=np.float64), (len(times), 1)))
    return np.hstack(blocks)


# --- how devices are run --------------------------------------------------------------------------


def conditions_of(histories: Sequence[History], plan: Plan, seed: int) -> Conditions | None:
    """The conditions that the settings of some histories fall into; None without settings.

    As few as leave at most `LEAST_UNEXPLAINED` of the settings' variance; one where no number up to
    `MOST_CONDITIONS` does, for then there are no clusters.
    """
    if not plan.settings:
        return None
    settings = np.vstack([_matrix(one, one.readings, plan.settings, 0.0) for one in histories])
    middle, spread = settings.mean(axis=0), settings.std(axis=0)
    spread[spread < 1e-9] = 1.0
    scaled = (settings - middle) / spread
    total = float(np.square(scaled).sum())
    centres = np.zeros((1, scaled.shape[1]))
    for number in range(2, MOST_CONDITIONS + 1):
        if not total:
            break
        tried, nearest = kmeans2(scaled, number, minit="++", rng=np.random.default_rng(seed))
        if float(np.square(scaled - tried[nearest]).sum()) <= LEAST_UNEXPLAINED * total:
            centres = tried
            break
    where = _nearest(scaled, centres)
    usual = {}
    for name in columns_of(histories, plan).readings:
        values = np.concatenate(
            [_matrix(one, one.readings, (name,), np.nan)[:, 0] for one in histories]
        )
        usual[name] = tuple(_usual(values[where == place]) for place in range(len(centres)))
    return Conditions(
        plan.settings,
        tuple((float(a), float(b)) for a, b in zip(middle, spread, strict=True)),
        tuple(tuple(map(float, centre)) for centre in centres),
        usual,
    )


def compared(history: History, conditions: Conditions | None) -> dict[str, Floats]:
    """A history's readings, less what is usual as the device was run, in deviations of that."""
    known = {name: np.asarray(values, float) for name, values in history.readings.items()}
    if conditions is None:
        return known
    settings = _matrix(history, history.readings, conditions.settings, 0.0)
    scale = np.array(conditions.scale)
    where = _nearest((settings - scale[:, 0]) / scale[:, 1], np.array(conditions.centres))
    for name, usual in conditions.usual.items():
        if name in known:
            means, spreads = np.array(usual).T
            known[name] = (known[name] - means[where]) / spreads[where]
    return known


def _nearest(points: Floats, centres: Floats) -> NDArray[np.intp]:
    return np.argmin(np.square(points[:, None, :] - centres[None]).sum(axis=2), axis=1)


def _usual(values: Floats) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    spread = float(values.std())
    # What does not change in a condition is no more than rounding apart.
    return float(values.mean()), spread if spread > 1e-6 * max(1.0, abs(values[0])) else 1.0


# --- readings -------------------------------------------------------------------------------------


def _of_readings(times: Floats, values: Floats, plan: Plan) -> list[Floats]:
    if not values.shape[1]:
        return []
    kinds, blocks = plan.statistics, []
    if "last" in kinds:
        blocks.append(_carried(values))
    seen = np.isfinite(values)
    # By the first reading, so that squares of what is large and hardly changes keep their digits.
    first = _first(values, seen)
    filled = np.where(seen, values - first, 0.0)
    since = (times - times[0])[:, None]
    sums = [
        np.vstack([np.zeros((1, values.shape[1])), np.cumsum(block, axis=0)])
        for block in (
            seen.astype(float),
            filled,
            np.square(filled),
            since * seen,
            np.square(since) * seen,
            since * filled,
        )
    ]
    usual = _baseline(times, filled, seen, plan.baseline) if plan.baseline else None
    ends = np.arange(1, len(times) + 1)
    extremes = {kind: _Extremes(values, kind) for kind in ("min", "max") if kind in kinds}
    for window in plan.windows:
        starts = np.searchsorted(times, times - window, side="right")
        number, total, squares, moments, moments2, products = (s[ends] - s[starts] for s in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / number
            if "mean" in kinds:
                blocks.append(mean + first)
            if "std" in kinds:
                blocks.append(np.sqrt(np.maximum(squares / number - np.square(mean), 0.0)))
            if "slope" in kinds:
                spread = moments2 - np.square(moments) / number
                slope = (products - moments * mean) / spread
                # Of fewer than three readings a slope is noise.
                blocks.append(np.where((number > 2) & (spread > 0), slope, np.nan))
        blocks += [found.between(starts, ends) for found in extremes.values()]
        if usual is not None:
            blocks.append(mean - usual)
    blocks += [_weighted(times, values, half_life) for half_life in plan.half_lives]
    return blocks


def _carried(values: Floats) -> Floats:
    """The last that was shown, so far."""
    places = np.where(np.isfinite(values), np.arange(len(values))[:, None], 0)
    latest = np.maximum.accumulate(places, axis=0)
    return np.take_along_axis(values, latest, axis=0)


def _first(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    """What each channel showed first; any number does where it never showed one."""
    first = values[np.argmax(seen, axis=0), np.arange(values.shape[1])]
    return np.where(np.isfinite(first), first, 0.0)


def _baseline(times: Floats, filled: Floats, seen: NDArray[np.bool_], length: float) -> Floats:
    """At each time, the mean of what was shown within the first operation, so far."""
    early = (times - times[0] < length)[:, None]
    number = np.cumsum(seen & early, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.cumsum(np.where(early, filled, 0.0), axis=0) / number)


def _weighted(times: Floats, values: Floats, half_life: float) -> Floats:
    """Means in which a reading counts half as much for each half-life that has passed since."""
    kept = np.exp2(-np.diff(times, prepend=times[0]) / half_life)
    found = np.empty_like(values)
    total = np.zeros(values.shape[1])
    weight = np.zeros(values.shape[1])
    seen = np.isfinite(values)
    filled = np.where(seen, values, 0.0)
    for place in range(len(times)):
        total = total * kept[place] + filled[place]
        weight = weight * kept[place] + seen[place]
        with np.errstate(invalid="ignore"):
            found[place] = total / weight
    return found


class _Extremes:
    """Least or greatest of any span of rows: of two spans of 2^k rows that cover it."""

    def __init__(self, values: Floats, kind: Literal["min", "max"]) -> None:
        self._of = np.fmin if kind == "min" else np.fmax
        self._levels = [values]
        while 2 ** len(self._levels) <= len(values):
            below, half = self._levels[-1], 2 ** (len(self._levels) - 1)
            self._levels.append(self._of(below[:-half], below[half:]))

    def between(self, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Floats:
        """Of the rows [start, end)."""
        level = np.log2(ends - starts).astype(int)
        found = np.empty((len(starts), self._levels[0].shape[1]))
        for number in np.unique(level):
            rows = level == number
            of = self._levels[number]
            found[rows] = self._of(of[starts[rows]], of[ends[rows] - 2**number])
        return found


# --- counts and happenings ------------------------------------------------------------------------


def _counted(channel: str, plan: Plan) -> list[Feature]:
    windows = plan.windows if plan.count_windows is None else plan.count_windows
    of_windows = [Feature(channel, "sum", window) for window in windows]
    return [*of_windows, Feature(channel, "total"), Feature(channel, "since")]


def _of_counts(times: Floats, counts: Floats, plan: Plan) -> Floats:
    happened = counts > 0
    return _of_moments(times, times[happened], counts[happened], plan)


def _of_happenings(times: Floats, at: Sequence[float], plan: Plan) -> Floats:
    return _of_moments(times, np.sort(np.asarray(at, float)), np.ones(len(at)), plan)


def _of_moments(times: Floats, at: Floats, numbers: Floats, plan: Plan) -> Floats:
    """Sums over windows, in all, and time since the last, of what happened so often at moments."""
    windows = plan.windows if plan.count_windows is None else plan.count_windows
    before = np.concatenate([[0.0], np.cumsum(numbers)])
    upto = np.searchsorted(at, times, side="right")
    columns = [
        before[upto] - before[np.searchsorted(at, times - window, side="right")]
        for window in windows
    ]
    columns.append(before[upto])
    last = np.concatenate([[np.nan], at])[upto]
    return np.column_stack([*columns, times - last])


def _happening_channels(columns: Columns) -> list[str]:
    found = []
    for kind, parts in ((FAILED, columns.failed), (MENDED, columns.mended)):
        if parts:
            found.append(kind)
        found += [f"{kind}:{part}" for part in parts if part]
    return found


def _happened(history: History, channel: str) -> list[float]:
    kind, _, part = channel.partition(":")
    of: Sequence[Happening] = history.failures if kind == FAILED else history.maintenance
    return [one.at for one in of if not part or one.part == part]


# --- columns --------------------------------------------------------------------------------------


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _changes(histories: Sequence[History], name: str) -> bool:
    values = np.concatenate([np.asarray(one.readings.get(name, ()), float) for one in histories])
    values = values[np.isfinite(values)]
    return bool(len(values)) and bool(np.ptp(values) > 1e-9 * max(1.0, abs(values[0])))


def _matrix(
    history: History,
    known: Mapping[str, Sequence[float] | Floats],
    names: Sequence[str],
    missing: float,
) -> Floats:
    """Channels side by side; one that the history does not have is missing throughout."""
    rows = len(history.times)
    found = np.full((rows, len(names)), missing)
    for place, name in enumerate(names):
        values = known.get(name)
        if values is None:
            continue
        if len(values) != rows:
            raise ValueError(f"{history.unit}: {name} has {len(values)} values, not {rows}")
        found[:, place] = values
    return found
