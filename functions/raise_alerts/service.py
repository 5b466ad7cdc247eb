"""The use case: an alarm's change of state becomes an alert, or clears one."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct, field

from pitboss.floor.alerts import alert_id
from pitboss.floor.rows import Alert, Severity

STAGE = "raise_alerts"

CRITICAL = frozenset(
    {
        "HandPaysOverdueAlarm",
        "IngestErrorsAlarm",
        "RatingErrorsAlarm",
        "RatingsBehindAlarm",
        "StandingsUnreadAlarm",
        "ForeignEventsAlarm",
        "ForeignShufflersAlarm",
    }
)
"""Alarms of what guests notice now, of a gate that is closed, and of somebody who is not who they
say. All others can wait for an hour."""

_LOGICAL_ID = re.compile(r"\b([A-Z][A-Za-z0-9]*Alarm)\b")
"""In an alarm's name: CloudFormation names an alarm `<stack>-<logical id>-<letters>`."""

_RUNBOOK = re.compile(r"docs/runbooks/[a-z0-9-]+\.md")


class _Trigger(Struct, frozen=True):
    dimensions: list[dict[str, str]] = field(default_factory=list, name="Dimensions")
    """By `name` and `value`; capitalised, as everywhere else, where another than AWS tells."""


class AlarmChanged(Struct, frozen=True, rename="pascal"):
    """What CloudWatch tells a topic of an alarm, as far as it is of interest here."""

    alarm_name: str
    new_state_value: str
    state_change_time: datetime
    alarm_description: str | None = None
    new_state_reason: str = ""
    trigger: _Trigger = _Trigger()

    @property
    def kind(self) -> str:
        """Its logical id in the template; its name, where it has none."""
        found = _LOGICAL_ID.search(self.alarm_name)
        return found[1] if found else self.alarm_name

    @property
    def property_id(self) -> str | None:
        """The property that it watches; None where it is of the whole stack."""
        dimensions = [{k.lower(): v for k, v in one.items()} for one in self.trigger.dimensions]
        found = [one.get("value") for one in dimensions if one.get("name") == "Property"]
        return found[0] if found else None

    @property
    def at(self) -> int:
        """When its state changed, epoch milliseconds."""
        return int(self.state_change_time.timestamp() * 1000)


def read(message: str) -> AlarmChanged:
    """What a notification says.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is not of an alarm.
    """
    return msgspec.json.decode(message, type=AlarmChanged)


class Floor(Protocol):
    """The live floors; see `pitboss.stores.floor.DynamoFloor`."""

    def properties(self) -> list[str]: ...
    def raise_alerts(self, property_id: str, alerts: Iterable[Alert]) -> list[Alert]: ...
    def alerts(self, property_id: str) -> list[Alert]: ...
    def clear_alert(self, property_id: str, alert_id: str, at: int) -> Alert | None: ...


class Done(NamedTuple):
    """What came of a change, on all floors together."""

    raised: int = 0
    cleared: int = 0


def show(changed: AlarmChanged, floor: Floor) -> Done:
    """Raise an alert of an alarm that rings, or clear those of one that is over.

    An alarm that has too little data to say anything changes nothing.

    Raises:
        TransientError, ClientError, BotoCoreError: come again; what is done is known then.
    """
    of = changed.property_id
    properties = [one for one in floor.properties() if of in (None, one)]
    if changed.new_state_value == "ALARM":
        alert = alert_of(changed)
        return Done(raised=sum(len(floor.raise_alerts(one, [alert])) for one in properties))
    if changed.new_state_value != "OK":
        return Done()
    over = [
        floor.clear_alert(property_id, alert.alert_id, changed.at)
        for property_id in properties
        for alert in floor.alerts(property_id)
        if alert.kind == changed.kind and alert.cleared_at is None and alert.raised_at <= changed.at
    ]
    return Done(cleared=len(over))


def alert_of(changed: AlarmChanged) -> Alert:
    """The alert of an alarm that rings: one for each time that it does."""
    description = changed.alarm_description or changed.new_state_reason
    runbook = _RUNBOOK.search(description)
    return Alert(
        alert_id=alert_id(changed.at, changed.kind),
        kind=changed.kind,
        severity=Severity.CRITICAL if changed.kind in CRITICAL else Severity.WARNING,
        raised_at=changed.at,
        detail=description.partition(" Runbook:")[0].rstrip("."),
        runbook=runbook[0] if runbook else None,
    )
