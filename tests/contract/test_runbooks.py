"""Alarms say what to do, and dashboards show all there is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pitboss import telemetry
from publish_floor_metrics.service import NAMESPACE as FLOOR
from tests.contract.test_documents import rows
from tests.contract.test_template import TEMPLATE

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
RESOURCES = TEMPLATE["Resources"]
ALARMS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}
HEADINGS = [
    "What it means",
    "What a guest or the house notices",
    "How to look",
    "What to do",
    "When it is over",
]
_LINK = re.compile(r"Runbook: docs/runbooks/([a-z0-9-]+)\.md$")


def runbook_of(alarm: dict[str, Any]) -> str:
    found = _LINK.search(alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_links_its_runbook_and_tells_the_topic(name: str) -> None:
    alarm = ALARMS[name]
    page = (RUNBOOKS / f"{runbook_of(alarm)}.md").read_text()

    assert f"`{name}`" in page
    assert [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")] == (
        HEADINGS
    )
    assert alarm["AlarmActions"] == alarm["OKActions"]
    assert {"Ref": "AlarmTopic"} in alarm["AlarmActions"]["Fn::If"][1]
    assert {"Ref": "AlarmTopic"} in alarm["AlarmActions"]["Fn::If"][2]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_every_runbook_names_alarms_that_link_it() -> None:
    named: dict[str, set[str]] = {}
    for path in RUNBOOKS.glob("*.md"):
        first = path.read_text().partition("\n## ")[0]
        if alarms := set(re.findall(r"`(\w+Alarm)`", first)):
            named[path.stem] = alarms
    linked: dict[str, set[str]] = {}
    for name, alarm in ALARMS.items():
        linked.setdefault(runbook_of(alarm), set()).add(name)

    assert named == linked


# --- dashboards -----------------------------------------------------------------------------------

DASHBOARDS = {
    name: resource["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::CloudWatch::Dashboard"
}


def widgets(dashboard: str) -> list[dict[str, Any]]:
    """A dashboard's widgets, with names in place of what they refer to."""
    found: list[dict[str, Any]] = json.loads(DASHBOARDS[dashboard])["widgets"]
    return found


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_widgets_do_not_overlap(dashboard: str) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets(dashboard):
        x, y = widget["x"], widget["y"]
        cells = {
            (column, row)
            for column in range(x, x + widget["width"])
            for row in range(y, y + widget["height"])
        }
        assert x + widget["width"] <= 24
        assert not cells & taken
        taken |= cells


def shown() -> set[tuple[str, str]]:
    """Namespace and metric of everything that a dashboard draws."""
    found = set()
    for dashboard in DASHBOARDS:
        for widget in widgets(dashboard):
            for metric in widget["properties"].get("metrics", ()):
                if isinstance(metric[0], str):
                    found.add((metric[0], metric[1]))
                    continue
                searched = re.search(
                    r"\{([\w/]+),\w+\} MetricName=\"(\w+)\"", metric[0]["expression"]
                )
                assert searched, metric
                found.add((searched[1], searched[2]))
    return found


def test_every_floor_metric_is_documented_and_drawn() -> None:
    documented = {name for name in rows("Floor metrics") if name != "metric"}

    assert {name for namespace, name in shown() if namespace == FLOOR} | {
        "QuarantinedObjects"
    } == documented


def test_every_metric_of_ours_that_is_drawn_is_counted() -> None:
    counted = rows("Metrics").keys()

    assert {name for namespace, name in shown() if namespace == telemetry.NAMESPACE} <= counted


def test_the_operations_dashboard_has_every_alarm() -> None:
    """But the one that is there with an Aurora of ours alone."""
    (widget,) = (one for one in widgets("OperationsDashboard") if one["type"] == "alarm")
    listed = {
        arn.removeprefix("${").removesuffix(".Arn}") for arn in widget["properties"]["alarms"]
    }
    conditional = {name for name in ALARMS if "Condition" in RESOURCES[name]}

    assert listed == ALARMS.keys() - conditional
    assert conditional == {"DatabaseCapacityAlarm"}


def test_the_operations_dashboard_has_every_consumer_queue_and_state_machine() -> None:
    drawn = DASHBOARDS["OperationsDashboard"]
    consumers = {
        name
        for name, resource in RESOURCES.items()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if resource["Type"] == "AWS::Serverless::Function"
        if event["Type"] in ("Kinesis", "DynamoDB")
    }
    queues = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::SQS::Queue"}
    machines = {n for n, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::StateMachine"}

    assert {f'"IteratorAge", "FunctionName", "${{{name}}}"' in drawn for name in consumers} == {
        True
    }
    assert [name for name in queues if f"${{{name}.QueueName}}" not in drawn] == []
    assert [name for name in machines if f'"${{{name}}}"' not in drawn] == []


def test_floor_metrics_are_put_into_their_own_namespace_alone() -> None:
    """The embedded AWS does not look at it."""
    (policy,) = RESOURCES["PublishFloorMetricsFunction"]["Properties"]["Policies"]
    (statement,) = (
        one for one in policy["Statement"] if one["Action"] == "cloudwatch:PutMetricData"
    )

    assert statement["Condition"] == {"StringEqualsIfExists": {"cloudwatch:namespace": FLOOR}}
