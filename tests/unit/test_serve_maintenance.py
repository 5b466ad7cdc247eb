"""The sample events of `serve_maintenance`; the rest is in `integration/test_maintenance.py`."""

from types import SimpleNamespace

import pytest

from pitboss.stores.database import DatabaseUnavailable
from serve_maintenance import handler as http
from tests import sample_events

pytestmark = pytest.mark.unit

ANSWERS = {"open": 200, "one": 404, "dismissed": 404}


def test_each_request_is_read_and_what_there_is_not_is_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there_is_none = SimpleNamespace(
        page=lambda property_id, **asked: [],
        recommendation=lambda property_id, recommendation_id: None,
        answer=lambda property_id, recommendation_id, request, decide: None,
    )
    monkeypatch.setattr(http, "_wiring", lambda: SimpleNamespace(maintenance=there_is_none))
    for case, event in sample_events.load("serve_maintenance").items():
        assert http.handler(event, None)["statusCode"] == ANSWERS[case]


def test_a_database_that_is_away_is_a_503_to_be_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("here", "no route")

    store = SimpleNamespace(page=away, recommendation=away, answer=away)
    monkeypatch.setattr(http, "_wiring", lambda: SimpleNamespace(maintenance=store))
    for event in sample_events.load("serve_maintenance").values():
        answer = http.handler(event, None)
        assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")
        assert "no route" not in answer["body"]
