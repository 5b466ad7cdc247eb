"""What a live metric is.

A definition is data, one to a file: `pitboss metrics apply` checks it with `parse` and registers
it. `docs/metrics.md` says in words what each field means.

A metric is either measured event by event, in windows of up to a day that are made of panes; or it
is of a day's players (`Metric.is_of_players`), from what is kept of each player.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pitboss.definitions import InvalidDefinition, parsed
from pitboss.games.crashes import Crash, crash_of
from pitboss.games.events import GameEvent

EVERY_APPLICATION = "*"

PANES = (3_600, 60, 10)
"""Seconds that a pane may have, the longest first. A window is a whole number of panes, and the
longest pane of which that is true is the one that is kept."""

MAX_WINDOW_SECONDS = 86_400
MAX_PANES = 360
"""Of a window."""

DAY_SECONDS = 86_400
MONTH_DAYS = 30
IDLE_MINUTES = 30
"""Minutes without an event after which a player's session is over."""
RETENTION_DAYS = (1, 7, 30)

PLACES = 6
"""Decimal places that a number is taken with; what is finer is rounded, half to even."""
MAX_NUMBER = Decimal(10) ** 12
"""What is larger, either way, is not taken: it is no measurement."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_ENVELOPE_FIELDS = (
    "event_type",
    "event_version",
    "app_version",
    "player_id",
    "level_id",
    "x",
    "y",
    "is_trusted",
)
_CRASH_GROUP = "crash_group"
"""A field that an event has not, but that follows from what a crash report says."""
_DATA = "data."

type Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$(?!\n)")]
type Length = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}[smhd]$(?!\n)")]
"""Such as `10s`, `5m`, `1h`, `30d`."""
type ActionFunction = Annotated[str, Meta(pattern=r"^pitboss-action-[A-Za-z0-9_-]{1,49}$(?!\n)")]
"""A Lambda function by its name. The stack may invoke those that are so called, and no others."""
type Path = Annotated[str, Meta(min_length=1, max_length=120)]
type Scalar = str | int | float | bool
type Number = int | float


class Kind(StrEnum):
    """How windows follow each other."""

    TUMBLING = "tumbling"
    """One after the other."""
    SLIDING = "sliding"
    """Overlapping: one begins every `every`."""
    SESSION = "session"
    """One for each session of a player."""


class Aggregate(StrEnum):
    """What is made of a window's events."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    PERCENTILE = "percentile"
    DISTINCT = "distinct"
    RETENTION = "retention"
    """The share, in percent, of a day's new players that play on the day `after_days` later."""


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When. Windows lie on the epoch; of days they are the property's gaming days."""

    kind: Kind = Kind.TUMBLING
    length: Length | None = None
    every: Length | None = None
    """Of a sliding window."""
    idle: Length | None = None
    """Of a session."""

    @property
    def seconds(self) -> int:
        """How long one is; of sessions a day, for they are shown by the day they begin on."""
        return DAY_SECONDS if self.length is None else seconds(self.length)

    @property
    def step_seconds(self) -> int:
        """From the beginning of one to that of the next."""
        return self.seconds if self.every is None else seconds(self.every)


class Condition(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"is_": "is"}
):
    """What must be true of one field. Everything that is said must be.

    A field that an event has not is neither over nor under anything, and is not one of anything.
    Numbers are compared with numbers alone.
    """

    field: Path
    is_: Scalar | tuple[Scalar, ...] | None = None
    is_not: Scalar | tuple[Scalar, ...] | None = None
    over: Number | None = None
    at_least: Number | None = None
    under: Number | None = None
    at_most: Number | None = None
    exists: bool | None = None


class Action(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is done with a notice beside telling the topic. Just one of the two is given."""

    webhook: Code | None = None
    """One that is registered with the property."""
    function: ActionFunction | None = None

    def __str__(self) -> str:
        return f"webhook {self.webhook}" if self.webhook is not None else f"{self.function}"


class Threshold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of which somebody is told. Just one of `over` and `under` is given."""

    over: Number | None = None
    under: Number | None = None
    actions: Annotated[tuple[Action, ...], Meta(max_length=5)] = ()

    def is_crossed(self, value: float | None) -> bool:
        """Whether a window's value is one of them; a window without a value never is."""
        if value is None:
            return False
        if self.over is not None:
            return value > self.over
        return self.under is not None and value < self.under

    def __str__(self) -> str:
        return f"over {self.over:g}" if self.over is not None else f"under {self.under:g}"


class Metric(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A live metric."""

    key: Code
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    application: Annotated[str, Meta(pattern=r"^(\*|[A-Za-z0-9_.:-]{1,64})$(?!\n)")] = (
        EVERY_APPLICATION
    )
    """Its source: of `*` each application of the property is measured by itself."""
    where: Annotated[tuple[Condition, ...], Meta(max_length=10)] = ()
    """All of them must be true."""
    aggregate: Aggregate
    of: Path | None = None
    """The field that is summed, averaged, ranked or told apart."""
    percentile: Annotated[float, Meta(gt=0, lt=100)] | None = None
    after_days: int | None = None
    per_second: bool = False
    window: Window
    dimensions: Annotated[tuple[Path, ...], Meta(max_length=3)] = ()
    unit: Annotated[str, Meta(max_length=30)] = ""
    threshold: Threshold | None = None

    @property
    def is_of_players(self) -> bool:
        """Whether it is made of what is kept of players, by gaming day."""
        window = self.window
        return (
            window.kind is Kind.SESSION
            or self.aggregate is Aggregate.RETENTION
            or (window.length is not None and window.length.endswith("d"))
        )

    @cached_property
    def pane_seconds(self) -> int:
        """How long its panes are."""
        return _pane(self.window) or PANES[-1]

    @cached_property
    def measure_id(self) -> str:
        """What its panes are kept by: another filter is another measure, another name is not."""
        said = msgspec.json.encode(
            (self.where, self.aggregate, self.of, self.dimensions), order="deterministic"
        )
        return f"{self.key}@{sha256(said).hexdigest()[:8]}"

    def is_about(self, application_id: str) -> bool:
        """Whether an application's events count."""
        return self.application in (EVERY_APPLICATION, application_id)

    @cached_property
    def reads_data(self) -> bool:
        """Whether it asks for what an event says beside its envelope."""
        paths = [one.field for one in self.where] + list(self.dimensions) + [self.of or ""]
        return any(path.startswith(_DATA) for path in paths)


class InvalidMetric(InvalidDefinition):
    """What is no metric; `faults` has a sentence for each fault."""


def seconds(length: str) -> int:
    """How many seconds a length is.

    >>> seconds("5m")
    300
    """
    return int(length[:-1]) * _UNITS[length[-1]]


def parse(content: object) -> Metric:
    """The metric that plain content (of a YAML or JSON file) describes.

    Raises:
        InvalidMetric: naming the place of the first fault of form, or every fault of sense.
    """
    return parsed(content, Metric, _faults, InvalidMetric)


def _faults(metric: Metric) -> Iterator[str]:
    for path in [one.field for one in metric.where] + list(metric.dimensions) + [metric.of]:
        if path is not None and not is_path(path):
            known = ", ".join((*_ENVELOPE_FIELDS, _CRASH_GROUP))
            yield (
                f"{path!r} is no field: it is one of {known}, or data. and the names on the way to "
                "what is meant"
            )
    for condition in metric.where:
        if msgspec.structs.asdict(condition).keys() == {"field"} or condition == Condition(
            field=condition.field
        ):
            yield f"nothing is asked of {condition.field!r}"
    if len(set(metric.dimensions)) != len(metric.dimensions):
        yield "a dimension is there twice"
    threshold = metric.threshold
    if threshold is not None and (threshold.over is None) is (threshold.under is None):
        yield "a threshold is either over or under a number"
    for place, action in enumerate(() if threshold is None else threshold.actions):
        if (action.webhook is None) is (action.function is None):
            yield f"threshold.actions[{place}] is either a webhook or a function"
        elif threshold is not None and action in threshold.actions[:place]:
            yield f"threshold.actions[{place}] is there twice: {action}"
    yield from _faults_of_players(metric) if metric.is_of_players else _faults_of_events(metric)


def _faults_of_events(metric: Metric) -> Iterator[str]:
    window, aggregate = metric.window, metric.aggregate
    if (metric.of is None) is not (aggregate is Aggregate.COUNT):
        wants = "needs no field" if metric.of else "needs a field: say which with `of`"
        yield f"{aggregate} {wants}"
    if (metric.percentile is None) is (aggregate is Aggregate.PERCENTILE):
        yield "`percentile` is said of a percentile, and of nothing else"
    if metric.after_days is not None:
        yield "`after_days` is said of retention alone"
    if metric.per_second and aggregate not in (Aggregate.COUNT, Aggregate.SUM):
        yield f"{aggregate} is not something a second"
    if window.idle is not None:
        yield "`idle` is said of sessions alone"
    if window.length is None:
        yield "a window has a length"
        return
    if (window.every is None) is (window.kind is Kind.SLIDING):
        yield "`every` is said of a sliding window, and of no other"
        return
    if window.seconds > MAX_WINDOW_SECONDS:
        yield f"a window is at most {MAX_WINDOW_SECONDS // 3_600}h; of days it counts players"
    pane = _pane(window)
    if pane is None:
        yield f"length and step of a window are multiples of {PANES[-1]}s"
    elif window.seconds // pane > MAX_PANES:
        yield (
            f"a window of {window.length} every {window.every or window.length} has "
            f"{window.seconds // pane:,} panes of {pane} s, {MAX_PANES} at most"
        )
    if window.step_seconds > window.seconds:
        yield "a sliding window begins again before it is over: `every` is at most `length`"


def _faults_of_players(metric: Metric) -> Iterator[str]:
    window, aggregate = metric.window, metric.aggregate
    if metric.where or metric.dimensions or metric.per_second or metric.percentile is not None:
        yield (
            "days, sessions and retention are of all of an application's events: no `where`, "
            "`dimensions`, `percentile` or `per_second`"
        )
    if (metric.after_days is None) is (aggregate is Aggregate.RETENTION):
        yield "`after_days` is said of retention, and of nothing else"
    if aggregate is Aggregate.RETENTION:
        if metric.after_days not in RETENTION_DAYS:
            yield f"`after_days` is one of {', '.join(map(str, RETENTION_DAYS))}"
        if window != Window(length="1d") or metric.of is not None:
            yield "retention is of the new players of `window: {length: 1d}`, without `of`"
    elif window.kind is Kind.SESSION:
        if window != Window(kind=Kind.SESSION, idle=f"{IDLE_MINUTES}m"):
            yield f"a session is `{{kind: session, idle: {IDLE_MINUTES}m}}`"
        if aggregate not in (Aggregate.COUNT, Aggregate.MEAN) or metric.of is not None:
            yield "sessions are counted, or their mean minutes taken, without `of`"
    else:
        if aggregate is not Aggregate.DISTINCT or metric.of != "player_id":
            yield "what is of days is `aggregate: distinct` with `of: player_id`"
        days = Window(length="1d"), Window(kind=Kind.SLIDING, length=f"{MONTH_DAYS}d", every="1d")
        if window not in days:
            yield (
                "a window of days is `{length: 1d}` or `{kind: sliding, length: "
                f"{MONTH_DAYS}d, every: 1d}}`"
            )


def is_path(path: str) -> bool:
    """Whether a path names a field that an event may have."""
    if path in (*_ENVELOPE_FIELDS, _CRASH_GROUP):
        return True
    return re.fullmatch(r"data(\.[^.\x00-\x1f]+)+", path) is not None


def _pane(window: Window) -> int | None:
    lengths = window.seconds, window.step_seconds
    return next((pane for pane in PANES if all(one % pane == 0 for one in lengths)), None)


_decode = msgspec.json.Decoder().decode


class Fields:
    """What an event says, by path; its data are read when they are asked for."""

    def __init__(self, event: GameEvent) -> None:
        self._event = event
        self._data: Any = None

    @cached_property
    def crash(self) -> Crash | None:
        """What it reports; None of an event that is no crash report."""
        return crash_of(self._event)

    def __call__(self, path: str) -> Any:  # noqa: ANN401 - what JSON can say
        """The value; None where there is none."""
        if path == _CRASH_GROUP:
            return None if self.crash is None else self.crash.group
        if not path.startswith(_DATA):
            return getattr(self._event, path)
        if self._data is None:
            self._data = _decode(self._event.data)
        found = self._data
        for name in path.split(".")[1:]:
            if not isinstance(found, dict):
                return None
            found = found.get(name)
        return found


def is_met(conditions: tuple[Condition, ...], fields: Callable[[str], Any]) -> bool:
    """Whether all of these are true of an event."""
    return all(_is_true(condition, fields(condition.field)) for condition in conditions)


def _is_true(condition: Condition, value: Any) -> bool:  # noqa: ANN401 - what JSON can say
    if condition.exists is not None and (value is not None) is not condition.exists:
        return False
    if condition.is_ is not None and not _is_one_of(value, condition.is_):
        return False
    if condition.is_not is not None and _is_one_of(value, condition.is_not):
        return False
    bounds = _BOUNDS
    for name, holds in bounds.items():
        bound = getattr(condition, name)
        if bound is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not holds(value, bound)
        ):
            return False
    return True


_BOUNDS: Mapping[str, Callable[[Number, Number], bool]] = {
    "over": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "under": lambda value, bound: value < bound,
    "at_most": lambda value, bound: value <= bound,
}


def _is_one_of(value: Any, wanted: Scalar | tuple[Scalar, ...]) -> bool:  # noqa: ANN401 - as above
    options = wanted if isinstance(wanted, tuple) else (wanted,)
    # In Python True is 1; in what a game says it is not.
    return any(
        value == option and isinstance(value, bool) is isinstance(option, bool)
        for option in options
    )


def number_of(value: Any) -> Decimal | None:  # noqa: ANN401 - as above
    """A measurement as it is summed; None of what is no number, or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) > MAX_NUMBER:
        return None
    return round(Decimal(str(value)), PLACES)
