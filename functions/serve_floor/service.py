"""The use case: the floor as it is now, its plan, its alerts and what went into its machines."""

from collections.abc import Iterable
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from pitboss.errors import TerminalError
from pitboss.floor.documents import BillIn, FloorDocument, without_players
from pitboss.floor.plan import FloorPlan, InvalidPlanError, check
from pitboss.floor.rows import Alert, Severity
from pitboss.stores.floor import StoredFloor

STAGE = "serve_floor"

DAY_MS = 86_400_000

MAX_NOTE_CHARACTERS = 500

MAX_BILLS = 1_000
"""Bills of one answer, the newest."""

NO_PLAN = FloorPlan(places=[])
"""What there is before the first."""

_URGENCY = {severity: place for place, severity in enumerate(Severity)}
"""Severities are defined the most urgent first."""


class Floors(Protocol):
    """Where floors are; see `pitboss.stores.floor.DynamoFloor`."""

    def live(self, property_id: str) -> StoredFloor: ...
    def plan(self, property_id: str) -> FloorPlan | None: ...
    def keep_plan(self, property_id: str, plan: FloorPlan, at: int, by: str) -> bool: ...
    def alerts(self, property_id: str, since: int) -> list[Alert]: ...
    def acknowledge_alert(
        self, property_id: str, alert_id: str, by: str, at: int, note: str | None
    ) -> Alert | None: ...
    def bills(
        self, property_id: str, player_id: str | None, since: int, until: int, newest: int
    ) -> list[BillIn]: ...


class NotFound(TerminalError):
    """There is none that the caller may know of."""

    def __init__(self) -> None:
        super().__init__("there is nothing here by that id")


class RefusedPlan(TerminalError):
    """A plan that is none, or contradicts itself."""


class PlanMoved(TerminalError):
    """A plan that replaces another than the current one."""

    def __init__(self, replaces: int, current: int) -> None:
        self.current = current
        super().__init__(
            f"this plan replaces version {replaces}, and the current one is {current}: read that, "
            "and send yours with its version"
        )


class WrongNote(TerminalError):
    """The body of an acknowledgement is no note."""


class AcknowledgedAlready(TerminalError):
    """Somebody was faster; what they said stays."""

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        super().__init__(f"the alert was acknowledged by {alert.acknowledged_by} already")


# --- documents ------------------------------------------------------------------------------------


class AlertsDocument(Struct, frozen=True):
    """The alerts that nobody acknowledged, and those of the last 24 hours: open ones first, the
    most severe and the oldest first.
    """

    property_id: str
    alerts: list[Alert]


class BillsDocument(Struct, frozen=True):
    """The bills that a player put in, the newest first. `truncated` says that there are older ones
    in the time that was asked for.
    """

    property_id: str
    player_id: str
    since: int
    until: int
    total_cents: int
    """Of the bills that are here."""
    bills: list[BillIn]
    truncated: bool


class Acknowledgement(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written of an alert by who saw to it."""

    note: Annotated[str, Meta(min_length=1, max_length=MAX_NOTE_CHARACTERS)]


# --- the floor ------------------------------------------------------------------------------------


def live(
    floors: Floors, property_id: str, gaming_day: str, now: int, *, sees_players: bool
) -> FloorDocument:
    """The whole floor.

    Args:
        floors: where it is.
        property_id: whose.
        gaming_day: of now.
        now: epoch milliseconds.
        sees_players: whether rows say whose card is in.
    """
    plan = floors.plan(property_id) or NO_PLAN
    stored = floors.live(property_id)
    return FloorDocument(
        at=now,
        sums=stored.sums if sees_players else without_players(stored.sums),
        conditions=stored.conditions,
        rates=stored.rates,
        offers=stored.offers,
        status=stored.status,
        alerts=stored.alerts,
        property_id=property_id,
        gaming_day=gaming_day,
        plan_version=plan.version,
    )


def players_of(document: FloorDocument) -> set[str]:
    """Whose cards a floor shows."""
    return {row.player_id for row in document.sums if row.player_id is not None}


# --- the plan -------------------------------------------------------------------------------------


def read_plan(body: bytes) -> FloorPlan:
    """The plan of a request.

    Raises:
        RefusedPlan: it is none, or contradicts itself; the message names each fault.
    """
    try:
        plan = msgspec.json.decode(body, type=FloorPlan)
        check(plan)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise RefusedPlan(f"the body is no floor plan: {fault}") from None
    except InvalidPlanError as fault:
        raise RefusedPlan(str(fault)) from None
    return plan


def keep_plan(
    floors: Floors, property_id: str, plan: FloorPlan, replaces: int, now: int, by: str
) -> FloorPlan:
    """Keep a plan in place of a version.

    Returns:
        The plan with its own version.

    Raises:
        PlanMoved: the current one is another.
    """
    current = floors.plan(property_id) or NO_PLAN
    kept = replace(plan, version=replaces + 1)
    if current == kept:
        return kept  # the same again, after an answer that was lost
    if current.version != replaces or not floors.keep_plan(property_id, kept, now, by):
        raise PlanMoved(replaces, (floors.plan(property_id) or NO_PLAN).version)
    return kept


# --- alerts ---------------------------------------------------------------------------------------


def alerts(floors: Floors, property_id: str, now: int) -> AlertsDocument:
    """What wants attention, and what did in the last 24 hours."""
    return AlertsDocument(property_id, _by_urgency(floors.alerts(property_id, now - DAY_MS)))


def _by_urgency(found: Iterable[Alert]) -> list[Alert]:
    def urgency(alert: Alert) -> tuple[bool, int, int, str]:
        is_seen_to = alert.acknowledged_at is not None
        return is_seen_to, _URGENCY[alert.severity], alert.raised_at, alert.alert_id

    return sorted(found, key=urgency)


def read_note(body: bytes) -> str:
    """The note of a request.

    Raises:
        WrongNote: it is none.
    """
    try:
        note = msgspec.json.decode(body, type=Acknowledgement).note.strip()
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise WrongNote(f'say what was done, {{"note": "..."}}: {fault}') from None
    if not note:
        raise WrongNote('say what was done, {"note": "..."}: the note is blank')
    return note


def acknowledge(
    floors: Floors, property_id: str, alert_id: str, by: str, note: str, now: int
) -> tuple[Alert, bool]:
    """Say that somebody has seen to an alert. The same person and note again change nothing.

    Returns:
        The alert, and whether it was acknowledged just now.

    Raises:
        NotFound: there is none.
        AcknowledgedAlready: somebody else did, or with another note.
    """
    alert = floors.acknowledge_alert(property_id, alert_id, by, now, note)
    if alert is None:
        raise NotFound
    if (alert.acknowledged_by, alert.note) != (by, note):
        raise AcknowledgedAlready(alert)
    return alert, alert.acknowledged_at == now


# --- bills ----------------------------------------------------------------------------------------


def bills(
    floors: Floors, property_id: str, player_id: str, since: int, until: int
) -> BillsDocument:
    """The bills that a player put in within a time (epoch ms, `until` not included)."""
    found = floors.bills(property_id, player_id, since, until, MAX_BILLS + 1)
    shown = found[:MAX_BILLS]
    return BillsDocument(
        property_id,
        player_id,
        since,
        until,
        sum(bill.amount_cents for bill in shown),
        shown,
        len(found) > MAX_BILLS,
    )
