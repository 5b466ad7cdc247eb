"""Live metrics published, and thresholds told of, over tables in memory."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from pitboss.metrics.documents import document
from pitboss.stores.figures import Figure
from pitboss.stores.metrics import DynamoMetrics
from publish_metrics import handler as entry
from publish_metrics.service import PublishMetrics
from tests import sample_events
from tests.fakes.network import tables
from tests.unit.test_measure_events import DAY, NORTH, SECONDS, measurer, record
from tests.unit.test_metrics import NOW, event, metric

OVER = metric(dimensions=["app_version"], threshold={"over": 1})


@pytest.fixture
def store() -> Iterator[DynamoMetrics]:
    with tables(NOW, "metrics"):
        yield DynamoMetrics("metrics", "us-east-1")


class Told:
    """Takes figures and notices; may fail to say that it did."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.notices: list[dict[str, Any]] = []
        self.fails = False

    def put_each(self, at: int, figures: Any) -> None:
        self.figures = list(figures)

    def publish(self, subject: str, text: str) -> None:
        assert subject.isascii()
        self.notices.append(json.loads(text))
        if self.fails:
            raise TimeoutError


def publisher(store: DynamoMetrics, told: Told) -> PublishMetrics:
    return PublishMetrics(store, told, told, lambda property_id: lambda minute: minute // 1_440)


def test_a_crossing_is_told_until_it_is_known_to_be_told(store: DynamoMetrics) -> None:
    store.define(NORTH, OVER, SECONDS - 600)
    told = Told()
    publish = publisher(store, told)
    measure = measurer(store)
    measure([record(event(1), event(2), event(3, app_version="3"))])
    assert publish(NORTH, SECONDS).notices == 0, "the window is not over"

    told.fails = True
    with pytest.raises(TimeoutError):
        publish(NORTH, SECONDS + 75)
    told.fails = False
    assert publish(NORTH, SECONDS + 75).notices == 1
    assert publish(NORTH, SECONDS + 75).notices == 0

    first, second = told.notices
    assert first == second
    assert (first["what"], first["dimensions"], first["value"]) == (
        "crossed",
        {"app_version": "2.4"},
        2,
    )
    figures = {(one.name, one.dimensions["app_version"]): one.value for one in told.figures}
    assert figures == {("rounds", "2.4"): 2, ("rounds", "3"): 1}
    crossed = document(store, NORTH, DAY, NOW + 75_000).metrics[0].crossed
    assert crossed == [{"app_version": "2.4"}]

    assert publish(NORTH, SECONDS + 200).notices == 1
    assert told.notices[-1]["what"] == "over"


def test_a_notice_says_which_actions_its_threshold_asks_for(store: DynamoMetrics) -> None:
    actions = [{"webhook": "ops"}, {"function": "pitboss-action-pause"}]
    told = Told()
    store.define(NORTH, OVER, SECONDS - 600)
    asking = metric(dimensions=["app_version"], threshold={"over": 1, "actions": actions})
    assert store.define(NORTH, asking, SECONDS).since == SECONDS - 600, "it is judged on"
    measurer(store)([record(event(1), event(2))])

    publisher(store, told)(NORTH, SECONDS + 75)

    assert [one["actions"] for one in told.notices] == [actions]


def test_what_two_runs_judge_at_the_same_time_is_told_by_one(store: DynamoMetrics) -> None:
    store.define(NORTH, OVER, SECONDS - 600)
    told = Told()
    measurer(store)([record(event(1), event(2))])
    other = publisher(store, told)

    class Between(Told):
        """The other run comes between what this one reads and what it keeps."""

        def put_each(self, at: int, figures: Any) -> None:
            assert other(NORTH, SECONDS + 75).notices == 1

    done = publisher(store, between := Between())(NORTH, SECONDS + 75)

    assert (done.notices, done.contended) == (0, 1)
    assert (len(told.notices), between.notices) == (1, [])


def test_late_events_are_told_of_and_what_was_before_the_threshold_is_not(
    store: DynamoMetrics,
) -> None:
    told = Told()
    publish, measure = publisher(store, told), measurer(store)
    low = metric(key="low", threshold={"under": 1})
    store.define(NORTH, low, SECONDS)
    measure([record(event(1, NOW + 50_000))])

    begun = (SECONDS // 60 + 1) * 60
    publish(NORTH, begun + 70)
    assert told.notices == [], "measured all through, and with an event"
    publish(NORTH, begun + 130)
    assert [one["what"] for one in told.notices] == ["crossed"]
    measure([record(event(2, (begun + 61) * 1000))])
    publish(NORTH, begun + 140)
    assert [one["what"] for one in told.notices] == ["crossed", "corrected"]


def test_a_threshold_that_is_changed_is_judged_anew(store: DynamoMetrics) -> None:
    told = Told()
    publish = publisher(store, told)
    store.define(NORTH, OVER, SECONDS - 600)
    measurer(store)([record(event(1), event(2))])
    publish(NORTH, SECONDS + 75)
    assert store.define(NORTH, replace(OVER, name="Other"), SECONDS + 76).since == SECONDS - 600

    store.define(NORTH, metric(dimensions=["app_version"], threshold={"over": 9}), SECONDS + 76)
    publish(NORTH, SECONDS + 80)

    assert len(told.notices) == 1
    assert document(store, NORTH, DAY, NOW + 80_000).metrics[0].crossed == []


def test_a_property_that_cannot_be_published_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    class Publish:
        def properties(self) -> list[str]:
            return ["east", NORTH]

        def __call__(self, property_id: str, now: int) -> Any:
            asked.append(property_id)
            raise TimeoutError(property_id)

    monkeypatch.setattr(entry, "_wiring", Publish)

    with pytest.raises(TimeoutError, match="east"):
        entry.handler(sample_events.load("publish_metrics")["now"], None)

    assert asked == ["east", NORTH]
