"""Recommendations of maintenance: when work at a part is worth its money, and what becomes of it.

    open -> acknowledged -> done | dismissed

One recommendation of a device and part is open (or acknowledged) at a time. It is kept up to date
and not made again, and every change of it is an entry that stays. What is open and advised no
longer is dismissed by who opened it; what people took on is theirs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from math import log1p
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pitboss.errors import TerminalError
from pitboss.events.shuffler import Part
from pitboss.shufflers.costs import Costs

STAGE = "recommend_maintenance"
"""Who opens and updates recommendations."""

NO_LONGER_ADVISED = "no longer advised"

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_HOURS = 168

SETTLING_MS = 3 * DAY_MS
"""After work was done nothing is advised of the part for so long: what a model sees are means of
days, and those before the work are still among them."""

PERFORMED = "maintenance.performed"
"""Who closes a recommendation when the device says that the part was mended."""

NEARLY_SURE = 0.999
"""A probability is taken to be this at most: nothing is due in no time at all."""

PLANNED_SHARE = 0.5
"""From this share of the threshold on, work is planned: along with other work at the device, for by
itself it does not pay yet. Below it, what is open is dismissed."""


class Urgency(StrEnum):
    """By when the work is due."""

    PLANNED = "planned"
    """Along with other work: it does not pay by itself yet."""
    THIS_WEEK = "this_week"
    NOW = "now"
    """Within the hours that it takes to have someone there."""

    @property
    def rank(self) -> int:
        """The more urgent, the greater."""
        return _RANKS[self]


_RANKS = {Urgency.PLANNED: 0, Urgency.THIS_WEEK: 1, Urgency.NOW: 2}


class Status(StrEnum):
    """Where in its life cycle a recommendation is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    DONE = "done"
    DISMISSED = "dismissed"

    @property
    def is_closed(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self in {Status.DONE, Status.DISMISSED}


MAY_BECOME: Mapping[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.ACKNOWLEDGED, Status.DONE, Status.DISMISSED}),
    Status.ACKNOWLEDGED: frozenset({Status.DONE, Status.DISMISSED}),
    Status.DONE: frozenset(),
    Status.DISMISSED: frozenset(),
}
"""Work that was done without anyone having said so before is done too."""


class Prospect(Struct, frozen=True):
    """What a model, or a rule, says of one part of a device."""

    part: Part
    probability: float | None
    """Of a failure within the horizon; None where a rule says that it is time."""
    horizon_hours: float
    reasons: tuple[str, ...]
    """In words, what says most first."""
    rule: Urgency | None = None
    """How urgent it is by the rule."""


class Advice(Struct, frozen=True, kw_only=True):
    """Work that is worth its money, or will be soon."""

    part: Part
    urgency: Urgency
    probability: float | None
    horizon_hours: float
    cost_of_waiting_cents: int | None
    """Expected, of waiting the horizon instead of doing the work now: what a failure costs more
    than planned work, by its probability, less what the life left in the part is worth. Negative
    where waiting still saves. None where no model says how probable a failure is."""
    due_at: int
    """Epoch ms. Until then no more risk is run than the threshold takes within a horizon."""
    reasons: tuple[str, ...]


def advise(prospect: Prospect, costs: Costs, threshold: float | None, now: int) -> Advice | None:
    """What to do about a part; None for nothing.

    Waiting a horizon costs `p (F - C)` in expectation, where F is a failure and C planned work, and
    saves the life that the part has left. What that is worth is the same at the threshold, where
    both are alike: `threshold (F - C)`. So the expected cost of waiting is
    `(p - threshold) (F - C)`, whatever the model's probabilities are off by at the threshold.

    Args:
        prospect: what is to be expected of the part.
        costs: of the property.
        threshold: probability from which on work pays; None: it never does.
        now: epoch ms.
    """
    p = prospect.probability
    if p is None:
        if prospect.rule is None:
            return None
        hours = {Urgency.NOW: costs.hours_to_work, Urgency.THIS_WEEK: WEEK_HOURS}
        due = hours.get(prospect.rule, 2 * WEEK_HOURS)
        return _advice(prospect, prospect.rule, None, now + due * HOUR_MS)
    if threshold is None or p < PLANNED_SHARE * threshold:
        return None
    more = costs.failed(prospect.part) - costs.planned(prospect.part)
    waiting = round((p - threshold) * more)
    bearable = log1p(-min(threshold, NEARLY_SURE)) / log1p(-min(p, NEARLY_SURE))
    hours_left = prospect.horizon_hours * bearable
    if p < threshold:
        urgency = Urgency.PLANNED
    elif hours_left <= costs.hours_to_work:
        urgency = Urgency.NOW
    else:
        urgency = Urgency.THIS_WEEK
        hours_left = min(hours_left, WEEK_HOURS)
    return _advice(prospect, urgency, waiting, now + round(hours_left * HOUR_MS))


def _advice(prospect: Prospect, urgency: Urgency, waiting: int | None, due_at: int) -> Advice:
    return Advice(
        part=prospect.part,
        urgency=urgency,
        probability=prospect.probability,
        horizon_hours=prospect.horizon_hours,
        cost_of_waiting_cents=waiting,
        due_at=due_at,
        reasons=prospect.reasons,
    )


# --- life cycle -----------------------------------------------------------------------------------


class Entry(Struct, frozen=True, kw_only=True):
    """A change of a recommendation. None is ever changed or taken away."""

    at: int
    """Epoch ms."""
    by: str
    status: Status
    urgency: Urgency
    note: str = ""


class Recommendation(Struct, frozen=True, kw_only=True):
    """Work that is, or was, recommended."""

    recommendation_id: str
    property_id: str
    asset_id: str
    part: Part
    status: Status
    urgency: Urgency
    probability: float | None
    horizon_hours: float
    cost_of_waiting_cents: int | None
    due_at: int
    reasons: tuple[str, ...]
    model_version: str
    """The model, or the rules, that said so last."""
    opened_at: int
    updated_at: int
    """When anything of it last changed."""
    closed_at: int | None = None
    closed_by: str | None = None
    told: Urgency = Urgency.PLANNED
    """The greatest urgency that people were sent a message of."""


class Change(NamedTuple):
    """A recommendation as it is from now on, and what is written down of it."""

    recommendation: Recommendation
    entry: Entry | None
    """None where only figures are newer."""
    is_told: bool = False
    """Whether people are sent a message: it is new to them, or more urgent than it ever was."""


class RefusedChange(TerminalError):
    """A recommendation cannot become that any more."""

    def __init__(self, status: Status, wanted: Status) -> None:
        self.status = status
        super().__init__(f"the recommendation is {status}: it cannot become {wanted}")


class Device(NamedTuple):
    """Whose recommendations they are."""

    property_id: str
    asset_id: str


def revise(
    device: Device,
    part: Part,
    advice: Advice | None,
    current: Recommendation | None,
    closed: Recommendation | None,
    costs: Costs,
    *,
    model_version: str,
    new_id: str,
    now: int,
) -> Change | None:
    """What becomes of a part's recommendation by what is advised now; None for nothing.

    Args:
        device: whose part it is.
        part: the part.
        advice: what is advised; None for nothing.
        current: the one that is open or acknowledged.
        closed: the newest that a person closed, or work on the part did.
        costs: of the property.
        model_version: who says so.
        new_id: of a recommendation that is opened.
        now: epoch ms.
    """
    if current is None:
        if advice is None or _is_settled(advice, closed, costs, now):
            return None
        opened = Recommendation(
            recommendation_id=new_id,
            property_id=device.property_id,
            asset_id=device.asset_id,
            part=part,
            status=Status.OPEN,
            urgency=advice.urgency,
            probability=advice.probability,
            horizon_hours=advice.horizon_hours,
            cost_of_waiting_cents=advice.cost_of_waiting_cents,
            due_at=advice.due_at,
            reasons=advice.reasons,
            model_version=model_version,
            opened_at=now,
            updated_at=now,
            told=advice.urgency,
        )
        return Change(opened, _entry(opened, STAGE, now), True)
    if advice is None:
        if current.status is not Status.OPEN:
            return None
        return close(current, Status.DISMISSED, STAGE, NO_LONGER_ADVISED, now)
    newer = replace(
        current,
        urgency=advice.urgency,
        probability=advice.probability,
        horizon_hours=advice.horizon_hours,
        cost_of_waiting_cents=advice.cost_of_waiting_cents,
        # A due time that was told is not put off by as much as time goes by.
        due_at=advice.due_at if _differs(current, advice) else current.due_at,
        reasons=advice.reasons,
        model_version=model_version,
    )
    if newer == current:
        return None
    newer = replace(newer, updated_at=now)
    if advice.urgency is current.urgency:
        return Change(newer, None)
    rises = advice.urgency.rank > current.told.rank
    if rises:
        newer = replace(newer, told=advice.urgency)
    return Change(newer, _entry(newer, STAGE, now, f"{current.urgency} before"), rises)


def _differs(current: Recommendation, advice: Advice) -> bool:
    """Whether the urgency is another, or the work due earlier than was said."""
    return advice.urgency is not current.urgency or advice.due_at < current.due_at


def _is_settled(advice: Advice, closed: Recommendation | None, costs: Costs, now: int) -> bool:
    """Whether the work was done, or someone has said no to it, not long ago."""
    if closed is None or closed.closed_at is None:
        return False
    if closed.status is Status.DONE:
        return now < closed.closed_at + SETTLING_MS
    if advice.urgency.rank > closed.urgency.rank:
        return False
    return now < closed.closed_at + costs.dismissed_days * DAY_MS


def acknowledge(current: Recommendation, by: str, note: str, now: int) -> Change:
    """Someone takes it on.

    Raises:
        RefusedChange: it is not open.
    """
    return _become(current, Status.ACKNOWLEDGED, by, note, now)


def close(current: Recommendation, to: Status, by: str, note: str, now: int) -> Change:
    """The work was done, or is not going to be.

    Raises:
        RefusedChange: it is closed already.
    """
    return _become(current, to, by, note, now)


def _become(current: Recommendation, to: Status, by: str, note: str, now: int) -> Change:
    if to not in MAY_BECOME[current.status]:
        raise RefusedChange(current.status, to)
    closed_at = now if to.is_closed else None
    closed_by = by if to.is_closed else None
    newer = replace(current, status=to, updated_at=now, closed_at=closed_at, closed_by=closed_by)
    return Change(newer, _entry(newer, by, now, note))


def _entry(of: Recommendation, by: str, now: int, note: str = "") -> Entry:
    return Entry(at=now, by=by, status=of.status, urgency=of.urgency, note=note)


# --- what people are told -------------------------------------------------------------------------


def subject(recommendation: Recommendation) -> str:
    """Of a message; ASCII, at most 100 characters (SNS)."""
    when = recommendation.urgency.replace("_", " ")
    asset = recommendation.asset_id[:40]
    return f"Shuffler {asset}: {recommendation.part}, {when}"[:100]


def message(recommendation: Recommendation) -> str:
    """What is sent to who subscribed, as text."""
    one = recommendation
    due = datetime.fromtimestamp(one.due_at / 1000, UTC)
    lines = [
        f"Property {one.property_id}, shuffler {one.asset_id}: mend the {one.part} "
        f"{one.urgency.replace('_', ' ')}, by {due:%Y-%m-%d %H:%M} UTC.",
    ]
    if one.probability is not None:
        lines.append(
            f"Probability of a failure within {one.horizon_hours:g} hours: "
            f"{one.probability * 100:.0f} %."
        )
    if one.cost_of_waiting_cents is not None and one.cost_of_waiting_cents > 0:
        cents = one.cost_of_waiting_cents
        lines.append(f"Expected cost of waiting: ${cents // 100:,}.{cents % 100:02}.")
    lines += [f"- {reason}" for reason in one.reasons]
    lines.append(f"Recommendation {one.recommendation_id}, by {one.model_version}.")
    return "\n".join(lines)


# --- rules, where no model serves -----------------------------------------------------------------


class PartState(NamedTuple):
    """What the rules look at of a part."""

    part: Part
    days_in_service: float
    """Since it was mended last, or the device was first heard of."""
    limits: Sequence[str] = ()
    """What a sensor shows beyond its limit, in words."""


def by_rules(state: PartState, costs: Costs) -> Prospect | None:
    """What the maker's interval and the limits of the sensors say; None for nothing.

    A limit that is passed is work for this week; an interval that is over, to be planned; one that
    is over by half of it again, for this week.
    """
    interval = costs.parts[state.part].interval_days
    reasons = list(state.limits)
    urgency = Urgency.THIS_WEEK if reasons else None
    if state.days_in_service >= interval:
        reasons.append(
            f"in service for {state.days_in_service:.0f} days, {interval} is the interval"
        )
        urgency = urgency or Urgency.PLANNED
        if state.days_in_service >= 1.5 * interval:
            urgency = Urgency.THIS_WEEK
    if urgency is None:
        return None
    return Prospect(state.part, None, 0.0, tuple(reasons), urgency)
