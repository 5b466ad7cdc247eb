"""Reasons in words."""

import pytest

from pitboss.shufflers.features import Feature
from pitboss.shufflers.words import reasons, say

pytestmark = pytest.mark.unit

DAY, WEEK, MONTH = 24.0, 168.0, 720.0


@pytest.mark.parametrize(
    ("channel", "figures", "said"),
    [
        (
            "motor_ma",
            {("mean", DAY): 912.0, ("mean", MONTH): 800.0},
            "motor current 14 % above its mean of 30 days (912 mA)",
        ),
        (
            "recognition_bp",
            {("mean", DAY): 9_000.0, ("mean", MONTH): 9_800.0},
            "card recognition 8 % below its mean of 30 days (90.0 %)",
        ),
        ("motor_ma", {("mean", DAY): 800.0, ("mean", MONTH): 801.0}, "motor current at 800 mA"),
        (
            "gripper_offset_um",
            {("mean", DAY): 180.0, ("mean", MONTH): 150.0},
            "gripper offset 180 um, its mean of 30 days is 150",
        ),
        (
            "roller_slip_bp@rollers",
            {("mean", DAY): 150.0},
            "roller slip 1.50 % more than when the rollers were new",
        ),
        ("mended:gripper", {("since", 0.0): 2_400.0}, "gripper mended 100 days ago"),
        ("motor_ma", {("mean", DAY): float("nan")}, None),
        ("nothing known", {("mean", DAY): 1.0}, None),
    ],
)
def test_a_channel_is_said_as_a_technician_would(
    channel: str, figures: dict[tuple[str, float], float], said: str | None
) -> None:
    full = {(channel, statistic, window): v for (statistic, window), v in figures.items()}
    assert say(channel, full) == said


def test_counts_are_said_by_a_thousand_shuffles() -> None:
    figures = {
        ("jams", "sum", WEEK): 7.0,
        ("cycles", "sum", WEEK): 1_000.0,
        ("jams", "sum", MONTH): 9.0,
        ("cycles", "sum", MONTH): 4_000.0,
    }
    assert say("jams", figures) == "7 jams per 1,000 shuffles, 3 times the rate of 30 days"
    assert say("jams", {("jams", "sum", WEEK): 1.0}) == "1 jam in 7 days"
    assert say("jams", {("jams", "sum", WEEK): 0.0}) is None


def test_what_moves_most_is_said_first_and_once_and_what_lowers_the_risk_is_not() -> None:
    figures: dict[tuple[str, str, float], float] = {
        Feature("motor_ma", "mean", DAY): 912.0,
        Feature("motor_ma", "mean", MONTH): 800.0,
        Feature("vibration_um_s", "mean", DAY): 2_000.0,
        Feature("cycle_ms", "mean", DAY): 30_000.0,
        Feature("supply_mv", "mean", DAY): 24_000.0,
    }
    moved: dict[tuple[str, str, float], float] = {
        Feature("motor_ma", "mean", DAY): 0.5,
        Feature("motor_ma", "mean", MONTH): 0.6,
        Feature("vibration_um_s", "mean", DAY): 0.9,
        Feature("cycle_ms", "mean", DAY): -2.0,
        Feature("supply_mv", "mean", DAY): 0.01,
    }
    assert reasons(moved, figures) == (
        "motor current 14 % above its mean of 30 days (912 mA)",
        "vibration at 2.00 mm/s",
    )
