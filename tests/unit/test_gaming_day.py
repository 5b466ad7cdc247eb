from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pitboss.gaming_day import GamingDay, GamingDays

HOUR = 3_600_000

# Zones of every peculiarity: an hour, half an hour, none; a change at midnight and just after it;
# a whole day that never was (Apia, 2011-12-30).
zones = st.sampled_from(
    [
        "UTC",
        "America/Los_Angeles",
        "Europe/Vienna",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ]
)
rules = st.builds(
    lambda zone, hour, minute: GamingDay(ZoneInfo(zone), time(hour, minute)),
    zones,
    st.integers(0, 23),
    st.sampled_from([0, 1, 30, 59]),
)
days = st.dates(date(1990, 1, 1), date(2037, 12, 31))


def rule(text: str) -> GamingDay:
    return GamingDay.parse(text)


def at(text: str) -> int:
    """A moment written with its offset, in epoch milliseconds."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@given(rules, st.integers(0, 2_145_916_800_000))
@example(GamingDay(ZoneInfo("America/St_Johns"), time(0, 0)), at("2010-11-07T00:00:30-02:30"))
@example(GamingDay(ZoneInfo("America/St_Johns"), time(0, 0)), at("2010-11-06T23:30:00-03:30"))
@example(GamingDay(ZoneInfo("Pacific/Apia"), time(6, 0)), at("2011-12-31T06:00:00+14:00"))
def test_every_moment_belongs_to_the_day_whose_bounds_hold_it(
    gaming_day: GamingDay, moment: int
) -> None:
    day = gaming_day.date_of(moment)
    first, end = gaming_day.bounds_of(day)
    assert first <= moment < end
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        first, end = gaming_day.bounds_of(other)
        assert not first <= moment < end


@given(rules, days)
def test_days_follow_each_other_without_gap_or_overlap(gaming_day: GamingDay, day: date) -> None:
    bounds = [gaming_day.bounds_of(day + timedelta(days=n)) for n in range(3)]
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    for n, (first, end) in enumerate(bounds):
        assert first <= end
        if first < end:  # a day that never was has no moment
            assert gaming_day.date_of(first) == day + timedelta(days=n)
            assert gaming_day.date_of(end - 1) == day + timedelta(days=n)
            assert gaming_day.date_of(end) > day + timedelta(days=n)


@given(rules, days)
@example(GamingDay(ZoneInfo("Europe/Vienna"), time(2, 0)), date(2000, 3, 25))
@example(GamingDay(ZoneInfo("America/St_Johns"), time(0, 1)), date(2000, 4, 2))
def test_a_day_is_24_hours_but_for_the_change_of_the_clocks(
    gaming_day: GamingDay, day: date
) -> None:
    first, end = gaming_day.bounds_of(day)
    local = datetime.fromtimestamp(first / 1000, tz=gaming_day.zone)
    after = datetime.fromtimestamp(end / 1000, tz=gaming_day.zone)
    offsets = (local.utcoffset(), after.utcoffset())
    skipped = any(moment.time() != gaming_day.starts_at for moment in (local, after))
    changed = {0, 23 * HOUR, 47 * HOUR // 2, 49 * HOUR // 2, 25 * HOUR}
    if skipped:  # the clocks went over a start, which is then read as before the change
        assert end - first in changed | {24 * HOUR}
    elif offsets[0] == offsets[1]:
        assert end - first == 24 * HOUR
    else:
        assert end - first in changed


@pytest.mark.parametrize(
    ("text", "day", "hours"),
    [
        ("America/Los_Angeles@06:00", "2026-03-07", 23),
        ("America/Los_Angeles@06:00", "2026-03-08", 24),
        ("America/Los_Angeles@06:00", "2026-10-31", 25),
        ("America/Los_Angeles@06:00", "2026-11-01", 24),
        ("America/Los_Angeles@00:00", "2026-03-08", 23),
        ("America/Los_Angeles@00:00", "2026-11-01", 25),
        ("Europe/Vienna@03:00", "2026-03-28", 23),
        ("Europe/Vienna@06:00", "2026-10-24", 25),
        ("Australia/Lord_Howe@06:00", "2026-04-04", 24.5),
        ("Australia/Lord_Howe@06:00", "2026-10-03", 23.5),
        ("UTC@06:00", "2026-03-28", 24),
        # The start is in the hour that is skipped: read with the offset before it.
        ("America/Los_Angeles@02:30", "2026-03-07", 24),
        ("America/Los_Angeles@02:30", "2026-03-08", 23),
        # The start is in the hour that comes twice: the first counts.
        ("America/Los_Angeles@01:30", "2026-10-31", 24),
        ("America/Los_Angeles@01:30", "2026-11-01", 25),
    ],
)
def test_a_day_lasts(text: str, day: str, hours: float) -> None:
    first, end = rule(text).bounds_of(date.fromisoformat(day))
    assert (end - first) / HOUR == hours


@pytest.mark.parametrize(
    ("text", "moment", "day"),
    [
        ("America/Los_Angeles@06:00", "2026-07-01T05:59:59.999-07:00", "2026-06-30"),
        ("America/Los_Angeles@06:00", "2026-07-01T06:00:00-07:00", "2026-07-01"),
        ("America/Los_Angeles@06:00", "2026-03-08T05:59:59-07:00", "2026-03-07"),
        ("America/Los_Angeles@02:30", "2026-03-08T03:29:59-07:00", "2026-03-07"),
        ("America/Los_Angeles@02:30", "2026-03-08T03:30:00-07:00", "2026-03-08"),
        ("America/Los_Angeles@01:30", "2026-11-01T01:29:59-07:00", "2026-10-31"),
        ("America/Los_Angeles@01:30", "2026-11-01T01:30:00-07:00", "2026-11-01"),
        ("America/Los_Angeles@01:30", "2026-11-01T01:10:00-08:00", "2026-11-01"),
        ("America/St_Johns@00:00", "2010-11-06T23:30:00-03:30", "2010-11-07"),
        ("Europe/Vienna@00:00", "2026-01-01T00:00:00+01:00", "2026-01-01"),
        ("UTC@23:59", "2026-01-01T23:58:59+00:00", "2025-12-31"),
    ],
)
def test_the_gaming_day_of_a_moment(text: str, moment: str, day: str) -> None:
    assert rule(text).date_of(at(moment)) == date.fromisoformat(day)


def test_a_moment_before_1970_has_a_day_too() -> None:
    assert rule("UTC@06:00").date_of(-1) == date(1969, 12, 31)


def test_the_usual_start_is_six_in_the_morning() -> None:
    assert rule("UTC") == rule("UTC@06:00")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert rule("UTC").date_of(int(noon.timestamp() * 1000)) == date(2026, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@06:00",
        "Nowhere/Town@06:00",
        "UTC@24:00",
        "UTC@six",
        "../etc@06:00",
        "UTC@06:00:30",
        "UTC@06:00+01:00",
        "America@06:00",
    ],
)
def test_a_rule_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="is no gaming day"):
        GamingDay.parse(text)


def test_each_property_has_its_own_rule_and_the_others_have_the_common_one() -> None:
    rules_of = GamingDays.parse("*=UTC@06:00, north=America/Los_Angeles@03:00")
    moment = at("2026-07-01T05:00:00+00:00")
    assert rules_of.day_of("south")(moment) == "2026-06-30"
    assert rules_of.day_of("north")(at("2026-07-01T03:00:00-07:00")) == "2026-07-01"
    assert rules_of.day_of("north")(at("2026-07-01T02:59:59-07:00")) == "2026-06-30"


@pytest.mark.parametrize("text", ["", "north=UTC@06:00", "*=UTC@06:00,north=Nowhere@06:00"])
def test_rules_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no gaming day|has no rule"):
        GamingDays.parse(text)
