"""Every alarm of the template rings where it is to, and is over when that is.

The alarms here are those of the template with a dimension more, so that nothing else on the stack
is heard by them. Who they tell is asked of one.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pitboss.stores.floor import DynamoFloor
from tests.contract.test_template import TEMPLATE
from workbench import endpoint

ALARMS = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}
TELLS = "SilentMachinesAlarm"
"""The one that tells the topic."""

COPIED = (
    *("Namespace", "MetricName", "Statistic", "Period"),
    *("EvaluationPeriods", "ComparisonOperator", "TreatMissingData"),
)

SOON = 4.0
"""Seconds until what breaches is too old to be looked at."""


def threshold(alarm: dict[str, Any]) -> float:
    """As deployed by default."""
    value = alarm["Threshold"]
    if isinstance(value, dict):
        value = TEMPLATE["Parameters"][value["Ref"]]["Default"]
    return float(value)


def values(alarm: dict[str, Any]) -> tuple[float, float]:
    """One that breaches and one that does not, both as near to the threshold as may be."""
    limit = threshold(alarm)
    is_high = alarm["ComparisonOperator"].startswith("Greater")
    is_at = alarm["ComparisonOperator"].endswith("OrEqualToThreshold")
    step = 1 if is_high else -1
    return (limit, limit - step) if is_at else (limit + step, limit)


@pytest.fixture(scope="module")
def property_id() -> str:
    """Of nobody else."""
    return f"alarms-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def copies(stack: dict[str, str], property_id: str) -> Iterator[dict[str, str]]:
    """The alarms' names, by their logical ids."""
    cloudwatch = endpoint.client("cloudwatch")
    topic = stack["AlarmsTopicArn"]
    names = {logical_id: f"{property_id}-{logical_id}-X" for logical_id in ALARMS}
    for logical_id, alarm in ALARMS.items():
        told = [topic] if logical_id == TELLS else []
        cloudwatch.put_metric_alarm(
            AlarmName=names[logical_id],
            AlarmDescription=alarm["AlarmDescription"],
            AlarmActions=told,
            OKActions=told,
            Dimensions=dimensions(property_id, logical_id),
            **{name: alarm[name] for name in COPIED},
            Threshold=threshold(alarm),
        )
    yield names
    cloudwatch.delete_alarms(AlarmNames=list(names.values()))


def dimensions(property_id: str, logical_id: str) -> list[dict[str, str]]:
    """The alarm's own, by their names, and two that nobody else has."""
    own = [one["Name"] for one in ALARMS[logical_id].get("Dimensions", [])]
    mine = {"Property": property_id, "Alarm": logical_id}
    return [{"Name": name, "Value": "any"} for name in own] + [
        {"Name": name, "Value": value} for name, value in mine.items()
    ]


def put(property_id: str, which: int, at: Callable[[dict[str, Any]], float]) -> None:
    """A datum of every alarm's metric that breaches (0), or does not (1)."""
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    for logical_id, alarm in ALARMS.items():
        by_namespace.setdefault(alarm["Namespace"], []).append(
            {
                "MetricName": alarm["MetricName"],
                "Dimensions": dimensions(property_id, logical_id),
                "Value": values(alarm)[which],
                "Timestamp": at(alarm),
            }
        )
    for namespace, data in by_namespace.items():
        endpoint.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def states(names: dict[str, str]) -> dict[str, str]:
    """Each alarm's state, by its logical id."""
    pages = (
        endpoint.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNames=list(names.values()))
    )
    found = {one["AlarmName"]: one["StateValue"] for p in pages for one in p["MetricAlarms"]}
    return {logical_id: found[name] for logical_id, name in names.items()}


@pytest.fixture
def floor(stack: dict[str, str], property_id: str) -> Iterator[DynamoFloor]:
    """The floors, one of which is this test's."""
    client, table = endpoint.client("dynamodb"), stack["FloorTableName"]
    key = {"pk": {"S": "floors"}, "sk": {"S": property_id}}
    client.put_item(TableName=table, Item=key)
    floor = DynamoFloor(table, endpoint.DEFAULT_REGION, client=client)
    yield floor
    client.delete_item(TableName=table, Key=key)
    for alert in floor.alerts(property_id):
        alert_key = {"S": f"{property_id}/floor"}, {"S": f"alert/{alert.alert_id}"}
        client.delete_item(TableName=table, Key=dict(zip(("pk", "sk"), alert_key, strict=True)))


def test_every_alarm_rings_and_is_over_and_is_on_the_page(
    embedded: endpoint.Target,
    property_id: str,
    copies: dict[str, str],
    floor: DynamoFloor,
    eventually: Callable[..., Any],
) -> None:
    begun = time.time()

    def nearly_too_old(alarm: dict[str, Any]) -> float:
        return begun - float(alarm["Period"] * alarm["EvaluationPeriods"]) + SOON

    put(property_id, 0, nearly_too_old)
    assert {name for name, state in states(copies).items() if state != "ALARM"} == set()
    (alert,) = eventually(lambda: floor.alerts(property_id))
    assert (alert.kind, alert.cleared_at) == (TELLS, None)
    assert alert.runbook == "docs/runbooks/silent-machines.md"

    time.sleep(max(0.0, begun + SOON + 0.1 - time.time()))
    put(property_id, 1, lambda _: time.time())

    # What is put now is at the threshold, and not beyond it.
    assert {name for name, state in states(copies).items() if state != "OK"} == set()
    (alert,) = eventually(
        lambda: floor.alerts(property_id), lambda found: found[0].cleared_at is not None
    )
