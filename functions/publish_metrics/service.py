"""The use case: publish what a property's metrics come to, and tell of crossings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from pitboss.metrics.definition import Metric
from pitboss.metrics.lanes import Values
from pitboss.metrics.live import Lanes, Live, live
from pitboss.metrics.reading import (
    GRACE_SECONDS,
    LOOKED_BACK,
    Judged,
    Measured,
    Notice,
    Registered,
    judge,
    last_end,
    threshold_id,
)
from pitboss.stores.figures import Figure
from pitboss.stores.metrics import threshold_place

STAGE = "publish_metrics"

NAMESPACE = "Pitboss/Metrics"
"""Of live metrics."""

MAX_FIGURES = 20
"""Values of a metric's dimensions that go to CloudWatch, which charges for each: the greatest."""

MAX_VALUE_CHARACTERS = 255
"""Of a dimension, in CloudWatch."""


class Metrics(Lanes, Protocol):
    """Where metrics are kept; see `pitboss.stores.metrics.DynamoMetrics`."""

    def properties(self) -> list[str]: ...
    def applications(self, property_id: str) -> list[str]: ...
    def registered(self, property_id: str) -> list[Registered]: ...
    def thresholds(self, property_id: str) -> dict[str, tuple[int, Judged]]: ...
    def keep_threshold(
        self, property_id: str, place: str, version: int, judged: Judged, now: int
    ) -> bool: ...


class Figures(Protocol):
    """Takes metrics; see `pitboss.stores.figures.CloudWatchFigures`."""

    def put_each(self, at: int, figures: Iterable[Figure]) -> None: ...


class Notices(Protocol):
    """Tells who has subscribed; see `pitboss.stores.notices.SnsNotices`."""

    def publish(self, subject: str, text: str) -> None: ...


class Published(NamedTuple):
    """What a property's minute came to."""

    figures: int = 0
    notices: int = 0
    contended: int = 0
    """Thresholds that another run judged at the same time."""


class PublishMetrics:
    """Publishes the metrics of all properties, once a minute."""

    def __init__(
        self,
        metrics: Metrics,
        figures: Figures,
        notices: Notices,
        day_of: Callable[[str], Callable[[int], int]],
    ) -> None:
        """
        Args:
            metrics: where they are kept.
            figures: where they are sent.
            notices: who is told of crossings.
            day_of: for a property, the gaming day (ordinal) of an epoch minute.
        """
        self._metrics = metrics
        self._figures = figures
        self._notices = notices
        self._day_of = day_of

    def properties(self) -> list[str]:
        """Which there are to publish."""
        return self._metrics.properties()

    def __call__(self, property_id: str, now: int) -> Published:
        """Publish the metrics of a property as of `now` (epoch seconds).

        Raises:
            ClientError, BotoCoreError: it may be published in part; all of it may be again.
        """
        registered = self._metrics.registered(property_id)
        if not registered:
            return Published()
        at = now - GRACE_SECONDS
        day_of = self._day_of(property_id)
        today = day_of(at // 60)
        known = self._metrics.thresholds(property_id)
        figures: list[Figure] = []
        judged: dict[str, tuple[int, Judged]] = {}
        for application_id in self._metrics.applications(property_id):
            about = [one for one in registered if one.metric.is_about(application_id)]
            found = live(
                self._metrics,
                property_id,
                application_id,
                [one.metric for one in about],
                lambda metric: _ends(metric, at, today),
            )
            for metric, since in about:
                figures += _figures(property_id, application_id, metric, found)
                if metric.threshold is not None:
                    # What was over before somebody wanted to be told is told to nobody.
                    until = since + metric.window.seconds - 1
                    if metric.is_of_players:
                        until = day_of(since // 60)
                    fresh = Judged(
                        measure=threshold_id(metric),
                        application_id=application_id,
                        values=(),
                        until=until,
                    )
                    judged |= _judged(property_id, metric, fresh, found, known)
        self._figures.put_each(now * 1000, figures)
        told = [self._keep(property_id, place, *one, now) for place, one in judged.items()]
        return Published(
            len(figures), sum(count or 0 for count in told), sum(count is None for count in told)
        )

    def _keep(
        self, property_id: str, place: str, version: int, judged: Judged, now: int
    ) -> int | None:
        """Keep where a threshold stands, and tell what is to be told; None where another did."""
        if not self._metrics.keep_threshold(property_id, place, version, judged, now):
            return None
        if not judged.untold:
            return 0
        for notice in judged.untold:
            self._notices.publish(*message(notice))
        # Where this is lost, the same is told again.
        told = replace(judged, untold=())
        self._metrics.keep_threshold(property_id, place, version + 1, told, now)
        return len(judged.untold)


def message(notice: Notice) -> tuple[str, str]:
    """The subject and the text by which a notice is told: a JSON document."""
    subject = f"{notice.key} of {notice.application_id}: {notice.what} ({notice.threshold})"
    return subject[:100], msgspec.json.format(msgspec.json.encode(notice)).decode()


def _ends(metric: Metric, at: int, today: int) -> Sequence[int]:
    """The ends of the windows that are looked at, in order: the last is the newest that is over.
    A day is shown while it lasts, and judged when it is over.
    """
    count = 1 if metric.threshold is None else LOOKED_BACK
    if metric.is_of_players:
        return range(today - (0 if metric.threshold is None else count), today + 1)
    step = metric.window.step_seconds
    newest = last_end(metric, at)
    return range(newest - (count - 1) * step, newest + step, step)


def _figures(
    property_id: str, application_id: str, metric: Metric, found: Live
) -> Iterable[Figure]:
    windows = found.windows[metric.key]
    newest = [one for one in windows[max(windows)] if one.value is not None]
    newest.sort(key=lambda one: (-(one.value or 0), one.values))
    for one in newest[:MAX_FIGURES]:
        dimensions = {"Property": property_id, "Application": application_id}
        for name, value in zip(metric.dimensions, one.values, strict=True):
            said = value.encode("ascii", "replace").decode()[:MAX_VALUE_CHARACTERS]
            dimensions[name.removeprefix("data.")] = said.strip() or "-"
        yield Figure(metric.key, dimensions, one.value or 0.0)


def _judged(
    property_id: str,
    metric: Metric,
    fresh: Judged,
    found: Live,
    known: Mapping[str, tuple[int, Judged]],
) -> dict[str, tuple[int, Judged]]:
    """Where each of a metric's thresholds stands, by its place, where that has changed.

    While all is well nothing is written, so that late events may still make a window cross.
    """
    windows = dict(found.windows[metric.key])
    if metric.is_of_players:
        del windows[max(windows)]  # today is not over
    by_values: dict[Values, dict[int, Measured]] = {}
    for end, measured in windows.items():
        for one in measured:
            by_values.setdefault(one.values, {})[end] = one
    before = {
        judged.values: (version, judged)
        for place, (version, judged) in known.items()
        if place.startswith(f"{fresh.application_id}/{metric.key}/")
    }
    for values, (_, judged) in before.items():
        if judged.measure == fresh.measure:
            by_values.setdefault(values, {})
    changed = {}
    for values, of_values in by_values.items():
        of_these = replace(fresh, values=values)
        version, judged = before.get(values, (0, of_these))
        if judged.measure != fresh.measure:
            judged = of_these
        missing = {end: Measured(end, values, None) for end in windows}
        after = judge(metric, property_id, judged, missing | of_values)
        if after.untold or (after != judged and (after.is_crossed or judged.is_crossed)):
            place = threshold_place(metric.key, fresh.application_id, values)
            changed[place] = version, after
    return changed
