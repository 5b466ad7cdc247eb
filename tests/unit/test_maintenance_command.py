"""`pitboss maintenance refresh`: what it says came of it."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from workbench import endpoint, main, models

pytestmark = pytest.mark.unit

RECOMMENDED = {"opened": 3, "closed": 1, "raised": 2, "notices": [{}, {}]}
OUTPUT: dict[str, Any] = {"assessed": {"devices": 60}, "recommended": RECOMMENDED}


def refreshed(
    monkeypatch: pytest.MonkeyPatch, *words: str, error: str | None = None, **output: Any
) -> tuple[Result, list[Any]]:
    asked: list[Any] = []

    def run(machine: str, name: str, given: dict[str, Any], doing: str) -> dict[str, Any]:
        asked.append((machine, given))
        return {
            **{"status": "FAILED" if error else "SUCCEEDED", "seconds": 5.0},
            **{"states": {"Export": 1.5, "Assess": 2.25}, "error": error, "cause": error and "why"},
            "output": {} if error else OUTPUT | output,
        }

    arn = {"MaintainShufflersStateMachineArn": "arn:machine"}
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: arn)
    monkeypatch.setattr(models, "run_machine", run)
    return CliRunner().invoke(main.app, ["maintenance", "refresh", *words]), asked


def test_it_says_what_was_recommended_and_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, asked = refreshed(monkeypatch)
    assert (shown.exit_code, asked) == (0, [("arn:machine", {"learn": False})])
    assert "60 shufflers assessed; 3 recommendations opened, 1 closed, 2 messages" in shown.stdout
    assert "2 sent" in shown.stdout
    trained = {"version": "f1", "promoted": True, "why": "less by 0.03."}
    shown, asked = refreshed(monkeypatch, "--learn", trained=trained)
    assert asked == [("arn:machine", {"learn": True})]
    assert "Version f1, promoted: less by 0.03." in shown.stdout
    assert "Nothing was learned" in refreshed(monkeypatch, "--learn")[0].stdout
    assert json.loads(refreshed(monkeypatch, "--json")[0].stdout)["states"]["Assess"] == 2.25


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_run_that_failed_is_an_error(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, _ = refreshed(monkeypatch, *words, error="DatabaseUnavailable")
    assert shown.exit_code == 1
    assert "It failed (DatabaseUnavailable): why." in shown.stderr
