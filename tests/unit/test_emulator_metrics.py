"""What is mended of the emulator's CloudWatch."""

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.emulator.launch import counted, gathered, mend_metrics, watched

LINE = json.dumps(
    {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "Pitboss",
                    "Dimensions": [["service"]],
                    "Metrics": [{"Name": "Gaps"}, {"Name": "EventsRated"}],
                }
            ]
        },
        "service": "rate_players",
        "Gaps": [2.0],
        "EventsRated": 5,
    }
)


def test_what_a_log_counts_is_found_among_its_lines() -> None:
    log = f'START\n{LINE}\n{{"CloudWatchMetrics": 1}}\n"CloudWatchMetrics" {{\nEND'

    assert list(counted(log)) == [
        ("Pitboss", "Gaps", {"service": "rate_players"}, 2.0),
        ("Pitboss", "EventsRated", {"service": "rate_players"}, 5.0),
    ]


def test_a_minute_is_one_point() -> None:
    points: list[dict[str, Any]] = []
    for at, value in ((60.0, 1.0), (61.0, 5.0), (119.0, 0.0), (120.0, 7.0)):
        new = gathered(points, at, value)
        points += [] if new is None else [new]

    assert [(p["Timestamp"], p["Value"]) for p in points] == [(60.0, 2.0), (120.0, 7.0)]
    assert points[0]["_stat"] == {"SampleCount": 3, "Sum": 6.0, "Minimum": 0.0, "Maximum": 5.0}


@pytest.mark.parametrize(
    ("treated", "operator", "value"),
    [
        ("notBreaching", "GreaterThanThreshold", 4),
        ("breaching", "GreaterThanThreshold", 6),
        ("notBreaching", "LessThanThreshold", 6),
        ("missing", "GreaterThanThreshold", None),
    ],
)
def test_what_is_missing_counts_as_the_alarm_says(
    treated: str, operator: str, value: float | None
) -> None:
    alarm = {"TreatMissingData": treated, "ComparisonOperator": operator, "Threshold": 5}
    old = {"Timestamp": 30.0, "Value": 9}

    points = watched(alarm, [old], now=100.0)

    assert [point["Value"] for point in points[1:]] == ([] if value is None else [value])
    assert watched(alarm, [old], now=80.0) == [old], "it is new enough"


def _evaluate(alarm: dict[str, Any]) -> None:
    alarm["seen"] = _metrics  # type: ignore[name-defined]  # noqa: F821 - of the emulator


def test_an_alarm_sees_its_own_dimensions_and_logs_count() -> None:
    metrics: dict[Any, Any] = {}
    logged: list[str] = []
    cloudwatch = SimpleNamespace(
        _metrics=metrics,
        _metric_bucket=lambda key: metrics.setdefault(key, []),
        _dims_key=lambda dimensions: ",".join(f"{k}={v}" for k, v in sorted(dimensions.items())),
        _evaluate_alarm=_evaluate,
    )
    lambda_svc = SimpleNamespace(_emit_lambda_logs=lambda *given, **more: logged.append(given[2]))

    mend_metrics(cloudwatch, lambda_svc)
    lambda_svc._emit_lambda_logs({}, "request", LINE, False, 3)
    lambda_svc._emit_lambda_logs({}, "request", LINE, False, 3)
    lambda_svc._emit_lambda_logs({}, "request", LINE.replace("rate_players", "other"), False, 3)
    alarm: dict[str, Any] = {
        "Namespace": "Pitboss",
        "MetricName": "Gaps",
        "Dimensions": [{"Name": "service", "Value": "rate_players"}],
        "TreatMissingData": "notBreaching",
        "StateValue": "INSUFFICIENT_DATA",
    }
    cloudwatch._evaluate_alarm(alarm)

    assert len(logged) == 3
    ((key, (point, *more)),) = alarm["seen"].items()
    assert key == ("Pitboss", "Gaps", "service=rate_players")
    assert point["_stat"]["Sum"] + sum(one["_stat"]["Sum"] for one in more) == 4.0
    assert time.time() - point["Timestamp"] < 60
    assert alarm["StateValue"] == "OK", "nobody is told that nothing was ever wrong"
