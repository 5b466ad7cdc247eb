"""Live metrics as they are served."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pitboss.metrics.lanes import Head, Lane, bring_in
from pitboss.stores.metrics import DynamoMetrics, LaneKey
from serve_metrics import handler as shown
from tests import sample_events
from tests.fakes.network import tables
from tests.unit.test_crashes import crashed
from tests.unit.test_metrics import NOW


@pytest.fixture
def store() -> Iterator[DynamoMetrics]:
    with tables(NOW, "metrics"):
        yield DynamoMetrics("metrics", "us-east-1")


def test_metrics_are_shown_to_those_who_may_see_them(
    store: DynamoMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wiring:
        metrics = store

        def day_of(self, property_id: str) -> Any:
            return lambda minute: minute // 1_440

        def now(self) -> int:
            return NOW

    monkeypatch.setattr(shown, "_wiring", Wiring)
    asked = sample_events.load("serve_metrics")["newest"]

    answer = shown.handler(asked, None)
    assert (answer["statusCode"], json.loads(answer["body"])["metrics"]) == (200, [])
    wrong = asked | {"multiValueQueryStringParameters": {"windows": ["61"]}}
    assert shown.handler(wrong, None)["statusCode"] == 400
    authorizer = asked["requestContext"]["authorizer"] | {"scopes": "floor:read"}
    other = asked | {"requestContext": asked["requestContext"] | {"authorizer": authorizer}}
    assert shown.handler(other, None)["statusCode"] == 404


def test_crashes_are_shown_by_group_with_an_example(
    store: DynamoMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wiring:
        metrics = store

    monkeypatch.setattr(shown, "_wiring", Wiring)
    first = crashed(1, version="2.4")
    lanes = (3, [first, crashed(2), crashed(3, function="Stop")]), (4, [crashed(4, NOW - 9)])
    for lane, reports in lanes:
        brought = bring_in(Head(), Lane(), [], reports, lambda minute: 1)
        place = LaneKey("studio", "space-race", lane)
        store.commit(place, brought.head, brought.lane, NOW // 1000)
    samples = sample_events.load("serve_metrics")

    def ask(name: str, **changed: Any) -> tuple[int, Any]:
        event = samples[name] | changed
        authorizer = event["requestContext"]["authorizer"] | {"property_id": "studio"}
        event |= {"requestContext": event["requestContext"] | {"authorizer": authorizer}}
        answer = shown.handler(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    everything = {"multiValueQueryStringParameters": {"application": ["space-race"]}}
    status, found = ask("crashes", **everything)
    assert (status, found["groups"], found["count"], found["other"]) == (200, 2, 4, 0)
    most, least = found["crashes"]
    assert (most["where"], most["count"], most["state"]) == ("Race.Go", 3, "open")
    assert [(one["version"], one["count"]) for one in most["versions"]] == [("2.4", 1), ("1.0", 2)]
    assert (most["first_seen_at"], most["last_seen_at"]) == (NOW - 9, NOW)
    assert (least["where"], least["count"]) == ("Race.Stop", 1)
    _, of_version = ask("crashes")
    assert (of_version["groups"], of_version["count"]) == (1, 1)

    status, one = ask("crash", pathParameters={"crash_group": most["group"]})
    assert (status, one["crash"]) == (200, most)
    assert one["example"]["stack"] == "at Race.Go (race.js:2:1)"

    assert ask("crash")[0] == 404
    assert ask("crash", pathParameters={"crash_group": "(other)"})[0] == 404
    assert ask("crashes", multiValueQueryStringParameters=None)[0] == 400
    assert ask("crash", multiValueQueryStringParameters={"limit": ["1"]})[0] == 400
