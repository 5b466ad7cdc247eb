"""The sample event of `export_histories`; what it does is in `test_recommend_maintenance.py`."""

from types import SimpleNamespace

import pytest

from export_histories import handler as wired
from tests import sample_events

pytestmark = pytest.mark.unit


def test_a_run_is_handed_on_as_far_back_as_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = SimpleNamespace(devices=list)
    wiring = SimpleNamespace(histories=histories, runs=None, days=30)
    monkeypatch.setattr(wired, "_wiring", lambda: wiring)
    for event in sample_events.load("export_histories").values():
        assert wired.handler(event, None) == {"run": event["run"], "devices": 0}
