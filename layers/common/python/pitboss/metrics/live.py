"""What all metrics of a property come to now, read from what is kept of its lanes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from pitboss.metrics.definition import Metric
from pitboss.metrics.lanes import Head, Pane
from pitboss.metrics.players import summed
from pitboss.metrics.reading import Measured, measured, measured_on


class Lanes(Protocol):
    """Where lanes are kept; see `pitboss.stores.metrics.DynamoMetrics`."""

    def panes(
        self, property_id: str, application_id: str, seconds: int, begin: int, end: int
    ) -> dict[int, list[Pane]]: ...
    def heads(self, property_id: str, application_id: str) -> list[Head]: ...


class Live(NamedTuple):
    """What an application's metrics come to."""

    newest: int
    """When the newest event was received that is in it, epoch milliseconds; 0 of none."""
    windows: Mapping[str, Mapping[int, list[Measured]]]
    """By the metric's key and the window's end (`Measured.ends_at`)."""


def live(
    lanes: Lanes,
    property_id: str,
    application_id: str,
    metrics: Iterable[Metric],
    ends_of: Callable[[Metric], Sequence[int]],
) -> Live:
    """What windows of an application's metrics come to: one query for each length of panes, and one
    for the heads.

    Args:
        lanes: where they are kept.
        property_id: whose it is.
        application_id: the application.
        metrics: that are about it.
        ends_of: the ends of a metric's windows that are asked for; of a metric of players, days.
    """
    metrics = list(metrics)
    heads = lanes.heads(property_id, application_id)
    days = summed(head.days for head in heads)
    by_length: dict[int, list[Metric]] = defaultdict(list)
    windows: dict[str, Mapping[int, list[Measured]]] = {}
    for metric in metrics:
        if metric.is_of_players:
            windows[metric.key] = {day: measured_on(metric, days, day) for day in ends_of(metric)}
        elif ends_of(metric):
            by_length[metric.pane_seconds].append(metric)
    for length, alike in by_length.items():
        begin = min(min(ends_of(metric)) - metric.window.seconds for metric in alike)
        end = max(max(ends_of(metric)) for metric in alike)
        panes = lanes.panes(property_id, application_id, length, begin, end)
        for metric in alike:
            windows[metric.key] = {at: measured(metric, panes, at) for at in ends_of(metric)}
    return Live(max((head.newest for head in heads), default=0), windows)
