"""The use case: publish what each property's floor came to in the minute that ended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from pitboss.floor.alerts import alert_id
from pitboss.floor.plan import FloorPlan, Limits
from pitboss.floor.rows import MINUTE_MS, Alert, FloorMinute, FloorStatus, Severity
from pitboss.offers.budget import Budgets
from pitboss.offers.catalogue import Catalogue
from pitboss.stores.floor import StoredFloor
from publish_floor_metrics.figures import SILENT, Machine, figures, machines_of, minute_of

STAGE = "publish_floor_metrics"

NAMESPACE = "Pitboss/Floor"
"""Of a floor's metrics."""

WATCHED = frozenset({"HandPayWaitMinutes", "MachinesSilent", "BudgetUsedPercent"})
"""Metrics that alarms watch: they are put without the property too, for an alarm of the template
cannot name one, and its maximum is of the worst."""

NO_COMMS = "no_comms"
"""The kind of an alert of a machine that is silent."""

MAX_ALERTS = 50
"""Alerts that one run raises: of more machines that fell silent at once, those that are silent for
longest. The others follow, a minute later."""

GIVEN_UP_MS = 86_400_000
"""What nothing was heard of for a day was taken off the floor: it raises nothing any more."""

RUNBOOK = "docs/runbooks/silent-machines.md"


class Floor(Protocol):
    """The live floors; see `pitboss.stores.floor.DynamoFloor`."""

    def properties(self) -> list[str]: ...
    def live(self, property_id: str) -> StoredFloor: ...
    def plan(self, property_id: str) -> FloorPlan | None: ...
    def keep_status(self, property_id: str, status: FloorStatus) -> bool: ...
    def keep_minute(self, property_id: str, minute: FloorMinute) -> bool: ...
    def raise_alerts(self, property_id: str, alerts: Iterable[Alert]) -> list[Alert]: ...
    def clear_alert(self, property_id: str, alert_id: str, at: int) -> Alert | None: ...


class Offers(Protocol):
    """What offers may cost, and do; see `pitboss.stores.offers.DynamoOffers`."""

    def catalogue(self, property_id: str) -> Catalogue | None: ...
    def budgets(
        self, property_id: str, player_id: str, gaming_day: str, codes: Iterable[str]
    ) -> Budgets: ...


class Quarantine(Protocol):
    """Counts what was set aside; see `pitboss.stores.quarantine.S3Quarantine`."""

    def count_of_day(self, property_id: str, day: str) -> int: ...


class Figures(Protocol):
    """Takes metrics; see `pitboss.stores.figures.CloudWatchFigures`."""

    def put(
        self, property_id: str, at: int, values: Mapping[str, float], watched: Iterable[str]
    ) -> None: ...


class Published(NamedTuple):
    """What one property's minute came to."""

    minutes: int = 0
    """1 where the minute was not kept before."""
    raised: int = 0
    cleared: int = 0


class PublishFloorMetrics:
    """Publishes the floors of all properties, once a minute."""

    def __init__(
        self,
        floor: Floor,
        offers: Offers,
        quarantine: Quarantine,
        figures: Figures,
        day_of: Callable[[str, int], str],
        date_of: Callable[[int], str],
    ) -> None:
        """
        Args:
            floor: where the floors are kept.
            offers: what offers may cost.
            quarantine: what was set aside.
            figures: where metrics go.
            day_of: a property's gaming day at a moment (epoch ms), an ISO date.
            date_of: the calendar day of a moment, UTC, an ISO date.
        """
        self._floor = floor
        self._offers = offers
        self._quarantine = quarantine
        self._figures = figures
        self._day_of = day_of
        self._date_of = date_of

    def properties(self) -> list[str]:
        """Which there are to publish."""
        return self._floor.properties()

    def __call__(self, property_id: str, now: int) -> Published:
        """Publish the minute that ended last before `now` (epoch ms) of one property.

        Raises:
            TransientError, ClientError, BotoCoreError: it may be published in part; all of it may
                be published again.
        """
        at = now - now % MINUTE_MS
        day = self._day_of(property_id, at - 1)
        plan = self._floor.plan(property_id)
        floor = self._floor.live(property_id)
        machines = machines_of(floor, plan.limits if plan else Limits(), at)
        status = self._status(property_id, day, at)
        self._figures.put(
            property_id,
            at - MINUTE_MS,
            figures(machines, floor.rates, floor.offers, status, at),
            WATCHED,
        )
        self._floor.keep_status(property_id, status)
        minute = minute_of(machines, at // MINUTE_MS - 1, day)
        is_new = self._floor.keep_minute(property_id, minute)
        raised = self._floor.raise_alerts(property_id, silences(machines, floor.alerts, at))
        over = [
            self._floor.clear_alert(property_id, alert_id, heard_at)
            for alert_id, heard_at in heard_again(machines, floor.alerts)
        ]
        return Published(int(is_new), len(raised), len(over))

    def _status(self, property_id: str, day: str, at: int) -> FloorStatus:
        catalogue = self._offers.catalogue(property_id)
        # Of no player: what the property has reserved is read with it.
        reserved = self._offers.budgets(property_id, "-", day, ()).of_property.reserved_cents
        return FloorStatus(
            at=at,
            gaming_day=day,
            quarantined=self._quarantine.count_of_day(property_id, self._date_of(at - 1)),
            budget_cents=None if catalogue is None else catalogue.house.daily_budget_cents,
            reserved_cents=reserved,
        )


def silences(machines: Iterable[Machine], known: Iterable[Alert], at: int) -> list[Alert]:
    """An alert for each machine that is silent, the longest silent first.

    Its id has the moment at which the machine was heard last: of one silence there is one alert,
    and of the next another.
    """
    alerted = {alert.alert_id for alert in known}
    silent = [
        one
        for one in machines
        if one.state in SILENT and at - one.heard_at < GIVEN_UP_MS and _alert_id(one) not in alerted
    ]
    silent.sort(key=lambda one: (one.heard_at, one.asset_id))
    return [
        Alert(
            alert_id=_alert_id(one),
            kind=NO_COMMS,
            severity=Severity.WARNING,
            raised_at=at,
            detail=f"nothing heard of machine {one.asset_id} any more",
            asset_id=one.asset_id,
            runbook=RUNBOOK,
        )
        for one in silent[:MAX_ALERTS]
    ]


def heard_again(machines: Sequence[Machine], known: Iterable[Alert]) -> list[tuple[str, int]]:
    """Alerts of silent machines that were heard since, and when last (epoch ms)."""
    heard = {one.asset_id: one.heard_at for one in machines if one.state not in SILENT}
    return [
        (alert.alert_id, heard[alert.asset_id])
        for alert in known
        if alert.kind == NO_COMMS and alert.cleared_at is None and alert.asset_id in heard
    ]


def _alert_id(machine: Machine) -> str:
    return alert_id(machine.heard_at, machine.asset_id, NO_COMMS)
