"""Alarms on the page: what CloudWatch tells a topic becomes an alert, and is over again."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pitboss.floor.rows import Alert, Severity
from raise_alerts import handler as entry
from raise_alerts.service import CRITICAL, Done, alert_of, read, show
from tests import sample_events
from tests.contract.test_template import TEMPLATE

RANG = 1_592_277_300_000
OVER = RANG + 7 * 60_000


class Floors:
    """Alerts of properties, in memory."""

    def __init__(self, *properties: str) -> None:
        self.kept: dict[str, dict[str, Alert]] = {name: {} for name in properties}

    def properties(self) -> list[str]:
        return list(self.kept)

    def raise_alerts(self, property_id: str, alerts: Iterable[Alert]) -> list[Alert]:
        floor = self.kept[property_id]
        return [a for a in alerts if floor.setdefault(a.alert_id, a) is a]

    def alerts(self, property_id: str) -> list[Alert]:
        return list(self.kept[property_id].values())

    def clear_alert(self, property_id: str, alert_id: str, at: int) -> Alert | None:
        floor = self.kept[property_id]
        floor[alert_id] = replace(floor[alert_id], cleared_at=at)
        return floor[alert_id]


def told(case: str, **changed: Any) -> str:
    """The message of a sample, with other fields."""
    record = sample_events.load("raise_alerts")[case]["Records"][0]
    return json.dumps(json.loads(record["Sns"]["Message"]) | changed)


def test_an_alarm_is_an_alert_of_every_floor_until_it_is_over() -> None:
    floors = Floors("north", "south")

    assert show(read(told("ringing")), floors) == Done(raised=2)
    assert show(read(told("ringing")), floors) == Done(), "told again"
    (alert,) = floors.alerts("north")
    assert alert == Alert(
        alert_id=f"{RANG}-RatingsBehindAlarm",
        kind="RatingsBehindAlarm",
        severity=Severity.CRITICAL,
        raised_at=RANG,
        detail="The oldest event not rated yet is older than any flush interval allows",
        runbook="docs/runbooks/stream-consumer-behind.md",
    )

    assert show(read(told("over")), floors) == Done(cleared=2)
    assert show(read(told("over")), floors) == Done()
    assert floors.alerts("south")[0].cleared_at == OVER


@pytest.mark.parametrize("names", [("name", "value"), ("Name", "Value")])
def test_an_alarm_of_one_property_is_on_its_floor_alone(names: tuple[str, str]) -> None:
    """As AWS says it, and as the embedded one does."""
    floors = Floors("north", "south")
    trigger = {"Dimensions": [dict(zip(names, ("Property", "south"), strict=True))]}

    assert show(read(told("ringing", Trigger=trigger)), floors) == Done(raised=1)
    assert floors.alerts("north") == []


def test_what_is_over_clears_no_other_alarm_and_none_that_rang_later() -> None:
    floors = Floors("north")
    show(read(told("ringing")), floors)
    show(read(told("ringing", AlarmName="pitboss-local-GapsAlarm-X")), floors)
    show(read(told("ringing", StateChangeTime="2020-06-16T04:00:00.000+0000")), floors)

    assert show(read(told("over")), floors) == Done(cleared=1)


def test_too_little_data_says_nothing() -> None:
    floors = Floors("north")
    show(read(told("ringing")), floors)

    assert show(read(told("over", NewStateValue="INSUFFICIENT_DATA")), floors) == Done()


def test_an_alarm_that_is_none_of_the_templates_is_shown_by_its_name() -> None:
    alarm = read(told("ringing", AlarmName="disk of the bastion", AlarmDescription=None))

    alert = alert_of(alarm)

    assert (alert.kind, alert.severity) == ("disk of the bastion", Severity.WARNING)
    assert alert.detail.startswith("Threshold Crossed")
    assert (alert.runbook, " " in alert.alert_id) == (None, False)


@pytest.mark.parametrize("message", ["no JSON", "{}", '{"recommendation": 7}', "[]"])
def test_what_is_of_no_alarm_is_not_read(message: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read(message)


def test_alarms_that_cannot_wait_are_there() -> None:
    assert {name for name in CRITICAL if name not in TEMPLATE["Resources"]} == set()


def test_every_sample_event_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    floors = Floors("north")
    monkeypatch.setattr(entry, "_wiring", lambda: floors)
    samples = sample_events.load("raise_alerts")

    assert entry.handler(samples["ringing"], None) == {"raised": 1, "cleared": 0}
    assert entry.handler(samples["over"], None) == {"raised": 0, "cleared": 1}
    poison = {"Records": [{"Sns": {"Message": "to the operators"}}, *samples["ringing"]["Records"]]}
    assert entry.handler(poison, None) == {"raised": 0, "cleared": 0}
    assert '"AlarmsUnreadable":[1.0]' in capsys.readouterr().out
