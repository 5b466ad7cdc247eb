"""Recommendations: when they are made, and what becomes of them."""

from math import isclose

import pytest
from msgspec.structs import replace

from pitboss.events.shuffler import Part
from pitboss.shufflers import costs as costs_module
from pitboss.shufflers.maintenance import (
    DAY_MS,
    HOUR_MS,
    NO_LONGER_ADVISED,
    SETTLING_MS,
    STAGE,
    Change,
    Device,
    PartState,
    Prospect,
    Recommendation,
    RefusedChange,
    Status,
    Urgency,
    acknowledge,
    advise,
    by_rules,
    close,
    message,
    revise,
    subject,
)

pytestmark = pytest.mark.unit

NOW = 1_790_000_000_000
COSTS = costs_module.shipped().of("P1")
DEVICE = Device("P1", "S7")
WEEK = 168.0


def prospect(probability: float | None, rule: Urgency | None = None) -> Prospect:
    return Prospect(Part.ROLLERS, probability, WEEK, ("roller slip at 3 %",), rule)


def revised(
    probability: float | None,
    current: Recommendation | None = None,
    closed: Recommendation | None = None,
    now: int = NOW,
) -> Change | None:
    advice = None
    if probability is not None:
        advice = advise(prospect(probability), COSTS, 0.2, now)
    return revise(
        DEVICE,
        Part.ROLLERS,
        advice,
        current,
        closed,
        COSTS,
        model_version="m-1",
        new_id="r-1",
        now=now,
    )


def opened(probability: float = 0.3) -> Recommendation:
    change = revised(probability)
    assert change is not None
    return change.recommendation


# --- what is advised ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probability", "urgency"),
    [
        (0.09, None),
        (0.11, Urgency.PLANNED),
        (0.2, Urgency.THIS_WEEK),
        (0.6, Urgency.THIS_WEEK),
        # log(1 - 0.2) / log(1 - 0.8) of a week are 23 hours, and it takes 24 to have someone there.
        (0.8, Urgency.NOW),
        (1.0, Urgency.NOW),
    ],
)
def test_the_more_probable_a_failure_the_more_urgent(
    probability: float, urgency: Urgency | None
) -> None:
    advice = advise(prospect(probability), COSTS, 0.2, NOW)
    assert (advice and advice.urgency) == urgency


def test_waiting_costs_the_failure_by_its_probability_less_the_life_left() -> None:
    more = COSTS.failed(Part.ROLLERS) - COSTS.planned(Part.ROLLERS)
    dear = advise(prospect(0.5), COSTS, 0.2, NOW)
    even = advise(prospect(0.2), COSTS, 0.2, NOW)
    early = advise(prospect(0.15), COSTS, 0.2, NOW)
    assert dear
    assert even
    assert early
    assert dear.cost_of_waiting_cents == round(0.3 * more)
    assert even.cost_of_waiting_cents == 0
    assert early.cost_of_waiting_cents == round(-0.05 * more)


def test_what_is_at_the_threshold_is_due_at_the_end_of_the_horizon() -> None:
    even = advise(prospect(0.2), COSTS, 0.2, NOW)
    dear = advise(prospect(0.36), COSTS, 0.2, NOW)  # twice the hazard: 1 - 0.8 * 0.8
    assert even
    assert even.due_at == NOW + WEEK * HOUR_MS
    assert dear
    assert isclose(dear.due_at - NOW, WEEK * HOUR_MS / 2, abs_tol=1)


def test_where_mending_early_never_pays_nothing_is_advised() -> None:
    assert advise(prospect(0.99), COSTS, None, NOW) is None


def test_a_rule_says_how_urgent_and_not_how_probable() -> None:
    advice = advise(prospect(None, Urgency.PLANNED), COSTS, 0.2, NOW)
    assert advice
    assert advice.urgency is Urgency.PLANNED
    assert advice.probability is None
    assert advice.cost_of_waiting_cents is None
    assert advise(prospect(None), COSTS, 0.2, NOW) is None


@pytest.mark.parametrize(
    ("days", "limits", "urgency"),
    [
        (179, (), None),
        (180, (), Urgency.PLANNED),
        (270, (), Urgency.THIS_WEEK),
        (1, ("roller slip at 9 %",), Urgency.THIS_WEEK),
    ],
)
def test_rules_go_by_the_interval_and_the_limits(
    days: float, limits: tuple[str, ...], urgency: Urgency | None
) -> None:
    found = by_rules(PartState(Part.ROLLERS, days, limits), COSTS)
    assert (found and found.rule) == urgency
    assert found is None or found.reasons[: len(limits)] == limits


# --- one recommendation of a part -----------------------------------------------------------------


def test_a_recommendation_is_opened_and_told() -> None:
    change = revised(0.3)
    assert change is not None
    assert change.is_told
    assert change.entry is not None
    one = change.recommendation
    assert (one.status, one.urgency, one.told) == (
        Status.OPEN,
        Urgency.THIS_WEEK,
        Urgency.THIS_WEEK,
    )
    assert (change.entry.by, change.entry.status, change.entry.at) == (STAGE, Status.OPEN, NOW)


def test_it_is_updated_and_not_repeated() -> None:
    one = opened()
    change = revised(0.4, one, now=NOW + HOUR_MS)
    assert change is not None
    newer = change.recommendation
    assert (newer.recommendation_id, newer.probability) == (one.recommendation_id, 0.4)
    assert newer.updated_at == NOW + HOUR_MS
    assert change.entry is None
    assert not change.is_told


def test_the_same_again_changes_nothing_and_puts_nothing_off() -> None:
    assert revised(0.3, opened(), now=NOW + HOUR_MS) is None


def test_each_rise_of_urgency_is_told_once() -> None:
    one = opened()
    rise = revised(0.9, one)
    assert rise is not None
    assert rise.is_told
    assert rise.entry is not None
    fall = revised(0.3, rise.recommendation)
    assert fall is not None
    assert not fall.is_told
    again = revised(0.9, fall.recommendation)
    assert again is not None
    assert not again.is_told
    assert again.recommendation.urgency is Urgency.NOW


def test_what_is_advised_no_longer_is_dismissed_unless_someone_took_it_on() -> None:
    change = revised(0.01, opened())
    assert change is not None
    assert change.entry is not None
    assert (change.recommendation.status, change.entry.note) == (
        Status.DISMISSED,
        NO_LONGER_ADVISED,
    )
    taken = acknowledge(opened(), "tech-1", "", NOW).recommendation
    assert revised(0.01, taken) is None


@pytest.mark.parametrize(
    ("probability", "days", "is_opened"),
    [
        (0.3, COSTS.dismissed_days - 1, False),
        (0.3, COSTS.dismissed_days, True),
        (0.9, 1, True),
    ],
)
def test_a_dismissed_one_rests_unless_it_becomes_more_urgent(
    probability: float, days: int, *, is_opened: bool
) -> None:
    said_no = close(opened(), Status.DISMISSED, "tech-1", "looked at", NOW).recommendation
    change = revised(probability, None, said_no, NOW + days * DAY_MS)
    assert (change is not None) == is_opened


def test_after_the_work_the_means_have_time_to_forget_what_was_before() -> None:
    done = close(opened(), Status.DONE, "tech-1", "", NOW).recommendation
    assert revised(0.99, None, done, NOW + SETTLING_MS - 1) is None
    assert revised(0.99, None, done, NOW + SETTLING_MS) is not None


@pytest.mark.parametrize("to", [Status.DONE, Status.DISMISSED])
def test_what_is_closed_stays_closed(to: Status) -> None:
    closed = close(opened(), to, "tech-1", "", NOW).recommendation
    assert (closed.closed_at, closed.closed_by) == (NOW, "tech-1")
    for again in (Status.DONE, Status.DISMISSED):
        with pytest.raises(RefusedChange, match=f"is {to}"):
            close(closed, again, "tech-2", "", NOW)
    with pytest.raises(RefusedChange):
        acknowledge(closed, "tech-2", "", NOW)


def test_it_is_acknowledged_once() -> None:
    taken = acknowledge(opened(), "tech-1", "", NOW).recommendation
    with pytest.raises(RefusedChange, match="cannot become acknowledged"):
        acknowledge(taken, "tech-2", "", NOW)


# --- what people are told -------------------------------------------------------------------------


def test_a_message_says_what_by_when_and_why() -> None:
    one = replace(opened(0.5), cost_of_waiting_cents=12_345)
    assert subject(one) == "Shuffler S7: rollers, this week"
    text = message(one)
    assert "Property P1, shuffler S7: mend the rollers this week, by " in text
    assert "Probability of a failure within 168 hours: 50 %." in text
    assert "Expected cost of waiting: $123.45." in text
    assert "- roller slip at 3 %" in text


def test_a_subject_is_what_sns_takes() -> None:
    long = replace(opened(), asset_id="S" * 64)
    assert len(subject(long)) <= 100
    assert subject(long).isascii()
