"""What a metric's windows come to, and when somebody is to be told."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pitboss.metrics.definition import Action, Metric
from pitboss.metrics.lanes import Pane, Values
from pitboss.metrics.partial import Partial, together, value_of
from pitboss.metrics.players import Days, value_on

GRACE_SECONDS = 10
"""After its end a window is given so long before it is judged: events take a while to come."""

LOOKED_BACK = 30
"""Windows that are judged at a time, and for which a crossing is looked at again: late events may
undo it."""


class Measured(Struct, frozen=True):
    """What a window comes to, for one value of each dimension."""

    ends_at: int
    """When the window ends, epoch seconds; of a metric of players the day, as an ordinal."""
    values: Values
    value: float | None
    events: int | None = None
    """Those that count; not said of players."""
    is_full: bool = False
    """Whether the value is of less than there was (`Partial.is_full`)."""


class Registered(NamedTuple):
    """A metric that is measured."""

    metric: Metric
    since: int
    """When it was registered with this filter and threshold, epoch seconds."""


class What(StrEnum):
    """What is told of a threshold."""

    CROSSED = "crossed"
    """A window's value is one that somebody wants to know of; that of the window before was not."""
    OVER = "over"
    """It is none any more."""
    CORRECTED = "corrected"
    """Late events have made it none: there was no crossing."""


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a threshold is crossed, or not any more. The id is the same whenever it is told."""

    notice_id: str
    what: What
    property_id: str
    application_id: str
    key: str
    name: str
    dimensions: Mapping[str, str]
    threshold: str
    value: float | None
    window_ends_at: int
    """Epoch seconds; of a metric of players the day, as an ordinal."""
    actions: tuple[Action, ...] = ()
    """What the threshold asks for when it was judged; without any, the field is not there."""


class Judged(Struct, frozen=True, kw_only=True):
    """Where a threshold stands, for one value of each dimension."""

    measure: str
    """`Metric.measure_id` and the threshold: of another one nothing is known yet."""
    application_id: str
    values: Values
    until: int
    """The end of the newest window that was judged."""
    is_crossed: bool = False
    crossing: int | None = None
    """The end of the window that crossed it last, for as long as that is looked at again."""
    value: float | None = None
    """Of the newest window that was judged."""
    untold: tuple[Notice, ...] = ()


def last_end(metric: Metric, at: int) -> int:
    """The end of the newest window that is over at a moment (epoch seconds)."""
    return at - at % metric.window.step_seconds


def next_end(metric: Metric, at: int) -> int:
    """The end of the window that is to be over next."""
    return last_end(metric, at) + metric.window.step_seconds


def measured(metric: Metric, panes: Mapping[int, Sequence[Pane]], end: int) -> list[Measured]:
    """What the window that ends at a moment comes to.

    Without dimensions there is one value, of no events too; with dimensions there is one for each
    of their values that came.

    Args:
        metric: measured by panes.
        panes: by when they begin, those of all lanes.
        end: epoch seconds.
    """
    found: dict[Values, list[Partial]] = {} if metric.dimensions else {(): []}
    for begin in range(end - metric.window.seconds, end, metric.pane_seconds):
        for pane in panes.get(begin, ()):
            for values, partial in pane.get(metric.measure_id, {}).items():
                found.setdefault(values, []).append(partial)
    came = ((values, together(partials)) for values, partials in sorted(found.items()))
    return [
        Measured(end, values, value_of(metric, one), one.events, one.is_full)
        for values, one in came
    ]


def measured_on(metric: Metric, days: Days, day: int) -> list[Measured]:
    """What a day comes to, of a metric of players."""
    return [Measured(day, (), value_on(metric, days, day))]


def threshold_id(metric: Metric) -> str:
    """What a judgement is of."""
    return f"{metric.measure_id}/{metric.threshold}"


def judge(
    metric: Metric,
    property_id: str,
    before: Judged,
    windows: Mapping[int, Measured],
) -> Judged:
    """Where a threshold stands after further windows, with what is to be told of it.

    Args:
        metric: with a threshold.
        property_id: whose it is.
        before: where it stood.
        windows: by their ends: the newest `LOOKED_BACK` that are over, for the same values of
            dimensions. One that is not there has no value.
    """
    threshold = metric.threshold
    assert threshold is not None, "asked for by the caller"
    notices = list(before.untold)
    after = before
    crossing = before.crossing
    if crossing is not None and crossing < min(windows, default=0):
        after = replace(after, crossing=None)
    elif crossing is not None and not threshold.is_crossed(_value(windows, crossing)):
        notices.append(_notice(metric, property_id, after, What.CORRECTED, crossing, windows))
        # What follows is judged as if it had not been.
        again = after.is_crossed
        after = replace(
            after, is_crossed=False, crossing=None, until=crossing if again else after.until
        )
    for end in sorted(windows):
        if end <= after.until:
            continue
        value = _value(windows, end)
        is_crossed = threshold.is_crossed(value)
        if is_crossed is not after.is_crossed:
            what = What.CROSSED if is_crossed else What.OVER
            notices.append(_notice(metric, property_id, after, what, end, windows))
        after = replace(
            after,
            until=end,
            value=value,
            crossing=end if is_crossed and not after.is_crossed else after.crossing,
            is_crossed=is_crossed,
        )
    return replace(after, untold=tuple(notices))


def _value(windows: Mapping[int, Measured], end: int) -> float | None:
    found = windows.get(end)
    return None if found is None else found.value


def _notice(
    metric: Metric,
    property_id: str,
    of: Judged,
    what: What,
    end: int,
    windows: Mapping[int, Measured],
) -> Notice:
    threshold = metric.threshold
    assert threshold is not None, "asked for by the caller"
    said = "\0".join((property_id, of.application_id, of.measure, *of.values, what, str(end)))
    return Notice(
        notice_id=sha256(said.encode()).hexdigest()[:32],
        what=what,
        property_id=property_id,
        application_id=of.application_id,
        key=metric.key,
        name=metric.name,
        dimensions=dict(zip(metric.dimensions, of.values, strict=False)),
        threshold=str(threshold),
        value=_value(windows, end),
        window_ends_at=end,
        actions=threshold.actions,
    )
