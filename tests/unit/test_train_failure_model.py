"""The sample event of `train_failure_model`; what it does is in `test_recommend_maintenance.py`."""

from types import SimpleNamespace

import pytest

from tests import sample_events
from train_failure_model import handler as wired

pytestmark = pytest.mark.unit


def test_a_run_without_hours_teaches_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    models = SimpleNamespace(names_of_run=lambda run, prefix: [])
    monkeypatch.setattr(wired, "_wiring", lambda: SimpleNamespace(models=models))
    for event in sample_events.load("train_failure_model").values():
        assert wired.handler(event, None) == {
            **{"run": event["run"], "version": "none", "promoted": False},
            "why": "no device has said anything yet",
        }
