"""Live metrics as they are shown, by the API and by `pitboss metrics`."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from msgspec import Struct

from pitboss.metrics.definition import Kind, Metric
from pitboss.metrics.lanes import Values
from pitboss.metrics.live import Lanes, Live, live
from pitboss.metrics.reading import Judged, Measured, next_end, threshold_id

DEFAULT_WINDOWS, MAX_WINDOWS = 2, 60


class Metrics(Lanes, Protocol):
    """Where metrics are kept; see `pitboss.stores.metrics.DynamoMetrics`."""

    def applications(self, property_id: str) -> list[str]: ...
    def definitions(self, property_id: str) -> list[Metric]: ...
    def thresholds(self, property_id: str) -> dict[str, tuple[int, Judged]]: ...


class ValueDocument(Struct, frozen=True):
    """What a window comes to for one value of each dimension.

    `value` is null where nothing came that could be averaged, ranked or kept; `events` are those
    that count, null of a metric of players. `is_full` says that there was more detail than is kept:
    a number of distinct values is at least so large then.
    """

    dimensions: dict[str, str]
    value: float | None
    events: int | None
    is_full: bool


class WindowDocument(Struct, frozen=True):
    """A window, the newest last. `day` is of metrics of players, the moments (epoch milliseconds)
    are of all others. What is not over yet may still grow, and what is may be corrected.
    """

    day: str | None
    begins_at: int | None
    ends_at: int | None
    is_over: bool
    values: list[ValueDocument]


class MetricDocument(Struct, frozen=True):
    """A metric of one application.

    `window` and `threshold` are in words. `crossed` has the values of dimensions for which the
    threshold was found crossed when it was judged last, once a minute. `newest_received_at` is when
    the newest event was received that is in any of the application's metrics, epoch milliseconds,
    null of none.
    """

    key: str
    name: str
    application_id: str
    aggregate: str
    unit: str
    window: str
    dimensions: list[str]
    threshold: str | None
    crossed: list[dict[str, str]]
    newest_received_at: int | None
    windows: list[WindowDocument]


class MetricsDocument(Struct, frozen=True):
    """`GET /v1/metrics`: what metrics come to `at` a moment (epoch milliseconds), by application
    and key.
    """

    property_id: str
    at: int
    metrics: list[MetricDocument]


def document(
    metrics: Metrics,
    property_id: str,
    today: int,
    at: int,
    *,
    windows: int = DEFAULT_WINDOWS,
    application_id: str | None = None,
    key: str | None = None,
) -> MetricsDocument:
    """What a property's metrics come to.

    Args:
        metrics: where they are kept.
        property_id: whose they are.
        today: its gaming day, as an ordinal.
        at: epoch milliseconds.
        windows: how many of each are shown; the last of them lasts still.
        application_id: only of this one.
        key: only of the metric by that name.
    """
    definitions = [one for one in metrics.definitions(property_id) if key in (None, one.key)]
    judged = metrics.thresholds(property_id) if any(one.threshold for one in definitions) else {}
    shown = []
    for application in metrics.applications(property_id):
        about = [one for one in definitions if one.is_about(application)]
        if application_id not in (None, application) or not about:
            continue

        def ends_of(metric: Metric) -> Sequence[int]:
            if metric.is_of_players:
                return range(today - windows + 1, today + 1)
            step = metric.window.step_seconds
            newest = next_end(metric, at // 1000)
            return range(newest - (windows - 1) * step, newest + step, step)

        found = live(metrics, property_id, application, about, ends_of)
        crossed = [one for _, one in judged.values() if one.application_id == application]
        shown += [_shown(metric, application, found, crossed, today, at) for metric in about]
    return MetricsDocument(property_id, at, shown)


def _shown(
    metric: Metric,
    application_id: str,
    found: Live,
    judged: Sequence[Judged],
    today: int,
    at: int,
) -> MetricDocument:
    crossed = [
        _named(metric, one.values)
        for one in judged
        if one.is_crossed and metric.threshold and one.measure == threshold_id(metric)
    ]
    return MetricDocument(
        metric.key,
        metric.name,
        application_id,
        str(metric.aggregate),
        metric.unit,
        in_words(metric),
        list(metric.dimensions),
        None if metric.threshold is None else str(metric.threshold),
        crossed,
        found.newest or None,
        [
            _window(metric, end, values, today, at)
            for end, values in sorted(found.windows[metric.key].items())
        ],
    )


def _window(
    metric: Metric, end: int, values: Sequence[Measured], today: int, at: int
) -> WindowDocument:
    shown = [
        ValueDocument(_named(metric, one.values), one.value, one.events, one.is_full)
        for one in values
    ]
    if metric.is_of_players:
        day = date.fromordinal(end).isoformat()
        return WindowDocument(day, None, None, end < today, shown)
    begin = end - metric.window.seconds
    return WindowDocument(None, begin * 1000, end * 1000, end * 1000 <= at, shown)


def _named(metric: Metric, values: Values) -> dict[str, str]:
    return dict(zip(metric.dimensions, values, strict=True))


def in_words(metric: Metric) -> str:
    """A metric's window, in words."""
    window = metric.window
    if window.kind is Kind.SESSION:
        return f"sessions of a gaming day, over after {window.idle} without an event"
    if metric.is_of_players:
        days = "gaming day" if window.every is None else f"{window.length} of gaming days"
        return (
            days
            if metric.after_days is None
            else f"{days}, of those new {metric.after_days} d before"
        )
    if window.every is None:
        return f"{window.length}, one after the other"
    return f"{window.length}, every {window.every}"
