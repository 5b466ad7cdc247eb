"""The sample event of `assess_shufflers`; what it does is in `test_recommend_maintenance.py`."""

import json
from types import SimpleNamespace

import pytest

from assess_shufflers import handler as wired
from pitboss.shufflers.exports import ASSESSMENT, Assessment, unpack
from tests import sample_events

pytestmark = pytest.mark.unit


def test_a_run_without_hours_is_an_assessment_of_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: dict[tuple[str, str], bytes] = {}
    models = SimpleNamespace(
        names_of_run=lambda run, prefix: [],
        champion=lambda: None,
        put_of_run=lambda run, name, body: kept.__setitem__((run, name), body),
    )
    monkeypatch.setattr(wired, "_wiring", lambda: SimpleNamespace(models=models))
    for event in sample_events.load("assess_shufflers").values():
        assert wired.handler(event, None) == {"run": event["run"], "devices": 0}
        assert unpack(kept[event["run"], ASSESSMENT], Assessment).devices == []
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (counted,) = (line for line in lines if "_aws" in line)
        assert counted["FailureModelFallbacks"] == [1.0], "no model serves"
