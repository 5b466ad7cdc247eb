"""Live metrics as they are served."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pitboss.stores.metrics import DynamoMetrics
from serve_metrics import handler as shown
from tests import sample_events
from tests.fakes.network import tables
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
