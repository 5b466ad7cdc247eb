import re
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.rating.house_rules import (
    SHIPPED,
    HouseRules,
    InvalidHouseRules,
    Period,
    PropertyRules,
    RuleSet,
    shipped,
)

PAGE = Path(__file__).parents[2] / "docs/house-rules.md"

SET: dict[str, Any] = {
    "effective_from": "2026-01-01",
    "session_idle_minutes": 15,
    "coin_in_cents_a_point": 500,
    "adt_window_days": 365,
    "worth_by": "trimmed_mean",
    "trip_gap_days": 1,
    "period_starts": [1, 7],
    "demotion": "earned",
    "worth_segments": [{"name": "low", "adt_cents": 0}, {"name": "high", "adt_cents": 10_000}],
    "tiers": [{"name": "Member", "points": 0}, {"name": "Gold", "points": 1_000}],
}


def written(property_id: str = "*", **fields: Any) -> str:
    """A set of rules as TOML; a field given as None is left out."""
    rules = {name: value for name, value in (SET | fields).items() if value is not None}
    lines = [f'[["{property_id}"]]']
    lines += [f"{name} = {_toml(name, value)}" for name, value in rules.items()]
    return "\n".join(lines) + "\n"


def _toml(name: str, value: Any) -> str:
    if name == "effective_from":
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_toml('', entry) for entry in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml("", v)}' for key, v in value.items())} }}"
    return msgspec.json.encode(value).decode()


def property_rules(*sets: dict[str, Any]) -> PropertyRules:
    """The rules of a property whose sets differ in these fields."""
    return HouseRules.parse("".join(written(**fields) for fields in sets)).of("P1")


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidHouseRules) as refused:
        HouseRules.parse(text)
    assert str(refused.value) == "; ".join(refused.value.faults)
    return refused.value.faults


# --- what is shipped ------------------------------------------------------------------------------


def test_the_shipped_rules_can_be_read_and_are_read_once() -> None:
    assert shipped() is shipped()
    assert shipped().of("any").on("2026-06-01").session_idle_minutes == 15


def test_every_shipped_rule_says_where_it_comes_from() -> None:
    """A comment of its own stands above each figure."""
    text = SHIPPED.read_text(encoding="utf-8")
    for name in RuleSet.__struct_fields__:
        if name != "effective_from":
            assert re.search(rf"^#[^\n]+\n{name} = ", text, re.MULTILINE), name


def test_the_page_has_every_rule_as_it_is_shipped() -> None:
    table = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["*"][-1]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.M))

    def shown(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(shown(entry) for entry in value)
        if isinstance(value, dict):
            return " ".join(shown(part) for part in value.values())
        return f"{value:,}" if isinstance(value, int) else str(value)

    assert rows == {name: shown(value) for name, value in table.items()}


# --- properties and days --------------------------------------------------------------------------


def test_a_property_without_rules_of_its_own_has_those_of_every_other() -> None:
    text = written("P1", session_idle_minutes=20) + written(session_idle_minutes=10)
    rules = HouseRules.parse(text)
    assert rules.of("P1").idle_ms("2026-06-01") == 20 * 60_000
    assert rules.of("P2").idle_ms("2026-06-01") == 10 * 60_000


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        ("1970-01-01", 10),  # before all rules
        ("2026-01-01", 10),
        ("2026-06-30", 10),
        ("2026-07-01", 20),
        ("2026-12-31", 20),
        ("2027-01-01", 30),
        ("2199-01-01", 30),
    ],
)
def test_a_set_is_in_force_from_its_day_until_the_next(day: str, minutes: int) -> None:
    rules = property_rules(
        {"session_idle_minutes": 10},
        {"effective_from": "2026-07-01", "session_idle_minutes": 20},
        {"effective_from": "2027-01-01", "session_idle_minutes": 30},
    )
    assert rules.on(day).session_idle_minutes == minutes
    assert rules.idle_ms(day) == minutes * 60_000


def test_changes_are_the_days_on_which_other_rules_begin() -> None:
    rules = property_rules({}, {"effective_from": "2026-07-01"}, {"effective_from": "2027-01-01"})
    assert rules.changes("2026-06-30", "2027-01-01") == ["2026-07-01", "2027-01-01"]
    assert rules.changes("2026-07-01", "2026-12-31") == []
    assert rules.changes("2020-01-01", "2026-06-30") == []


# --- evaluation periods ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "day", "period"),
    [
        ([1], "2026-01-01", ("2026-01-01", "2026-12-31")),
        ([1], "2028-12-31", ("2028-01-01", "2028-12-31")),
        ([1, 7], "2026-06-30", ("2026-01-01", "2026-06-30")),
        ([1, 7], "2026-07-01", ("2026-07-01", "2026-12-31")),
        ([4], "2026-03-31", ("2025-04-01", "2026-03-31")),
        ([4], "2026-04-01", ("2026-04-01", "2027-03-31")),
        ([2, 5, 11], "2026-01-15", ("2025-11-01", "2026-01-31")),
        ([2, 5, 11], "2026-12-15", ("2026-11-01", "2027-01-31")),
        ([3], "2024-02-29", ("2023-03-01", "2024-02-29")),
    ],
)
def test_the_period_of_a_day(starts: list[int], day: str, period: tuple[str, str]) -> None:
    assert property_rules({"period_starts": starts}).period(day) == Period(*period)


def test_a_period_ends_as_the_rules_of_its_first_day_say() -> None:
    rules = property_rules(
        {"period_starts": [1]}, {"effective_from": "2026-03-01", "period_starts": [4, 10]}
    )
    assert rules.period("2026-02-28") == Period("2026-01-01", "2026-12-31")
    assert rules.period("2026-11-01") == Period("2026-01-01", "2026-12-31")
    assert rules.period("2027-01-01") == Period("2027-01-01", "2027-03-31")  # short, once
    assert rules.period("2027-09-30") == Period("2027-04-01", "2027-09-30")


months = st.sets(st.integers(1, 12), min_size=1).map(sorted)
days = st.dates(date(2015, 1, 1), date(2040, 1, 1))


@given(st.lists(st.tuples(days, months), min_size=1, max_size=4, unique_by=lambda s: s[0]), days)
def test_periods_follow_each_other_without_gap_or_overlap(
    sets: list[tuple[date, list[int]]], day: date
) -> None:
    rules = property_rules(
        *({"effective_from": since, "period_starts": starts} for since, starts in sorted(sets))
    )
    period = rules.period(day.isoformat())
    assert period.first <= day.isoformat() <= period.last
    assert rules.period(period.first) == rules.period(period.last) == period
    following = rules.period_after(period)
    assert following.first == (date.fromisoformat(period.last) + timedelta(days=1)).isoformat()
    assert rules.period(following.first) == following


# --- segments and tiers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adt", "segment"),
    [(0, "low"), (99_999_999, "low"), (100_000_000, "high"), (10**15, "high")],
)
def test_a_segment_begins_at_its_threshold(adt: int, segment: str) -> None:
    assert property_rules({}).on("2026-01-01").segment_for(adt) == segment


@pytest.mark.parametrize(
    ("points", "tier", "rank"), [(0, "Member", 0), (999, "Member", 0), (1_000, "Gold", 1)]
)
def test_a_tier_begins_at_its_points(points: int, tier: str, rank: int) -> None:
    rules = property_rules({}).on("2026-01-01")
    assert rules.tier_for(points).name == tier
    assert rules.rank(tier) == rank
    with pytest.raises(KeyError):
        rules.rank("Platinum")


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"session_idle_minutes": 0}, r"Expected `int` >= 1 - at `\$\[0\]\.session_idle_minutes`"),
        ({"session_idle_minutes": True}, r"Expected `int`, got `bool`.*session_idle_minutes"),
        ({"session_idle_minutes": "15"}, r"Expected `int`, got `str`.*session_idle_minutes"),
        ({"coin_in_cents_a_point": 5.0}, r"Expected `int`, got `float`.*coin_in_cents_a_point"),
        ({"coin_in_cents_a_point": 0}, r">= 1.*coin_in_cents_a_point"),
        ({"adt_window_days": 0}, r">= 1.*adt_window_days"),
        ({"trip_gap_days": -1}, r">= 0.*trip_gap_days"),
        ({"trip_gap_days": None}, r"missing required field `trip_gap_days`"),
        ({"trip_gap": 1}, r"unknown field `trip_gap`"),
        ({"worth_by": "median"}, r"Invalid enum value 'median'.*worth_by"),
        ({"demotion": "never"}, r"Invalid enum value 'never'.*demotion"),
        ({"effective_from": "2026-01-01T06:00:00"}, r"Expected `date`.*effective_from"),
        ({"effective_from": '"soon"'}, r"Invalid RFC3339.*effective_from"),
        ({"period_starts": []}, r"length >= 1.*period_starts"),
        ({"period_starts": [13]}, r"<= 12.*period_starts"),
        ({"period_starts": [7, 1]}, r"2026-01-01: period_starts are not in ascending order"),
        ({"period_starts": [1, 1]}, r"period_starts are not in ascending order"),
        ({"tiers": []}, r"length >= 1.*tiers"),
        ({"tiers": [{"name": "", "points": 0}]}, r"length >= 1.*tiers\[0\]\.name"),
        ({"tiers": [{"name": "Gold", "points": 0, "bonus": 1}]}, r"unknown field `bonus`"),
        ({"tiers": [{"name": "Gold", "points": 5}]}, r"tiers begin at 5, not at 0"),
        (
            {"tiers": [{"name": "A", "points": 0}, {"name": "B", "points": 0}]},
            r"tiers are not in ascending order",
        ),
        (
            {"tiers": [{"name": "A", "points": 0}, {"name": "A", "points": 9}]},
            r"tiers have a name twice",
        ),
        (
            {"worth_segments": [{"name": "A", "adt_cents": 0}, {"name": "A", "adt_cents": 9}]},
            r"worth_segments have a name twice",
        ),
        ({"worth_segments": [{"name": "A", "adt_cents": 1}]}, r"worth_segments begin at 1"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_with_its_place(
    fields: dict[str, Any], fault: str
) -> None:
    (only,) = faults(written(**fields))
    assert only.startswith("*: ")
    assert re.search(fault, only), only


def test_the_place_of_a_fault_names_property_and_set() -> None:
    text = written() + written("P1") + written("P1", effective_from="2027-01-01", trip_gap_days=-1)
    (only,) = faults(text)
    assert only == "P1: Expected `int` >= 0 - at `$[1].trip_gap_days`"


def test_all_properties_faults_are_told_at_once() -> None:
    told = faults(written("P1", period_starts=[7, 1]) + written("P2", trip_gap_days=-1))
    assert told == (
        "P1: 2026-01-01: period_starts are not in ascending order",
        "P2: Expected `int` >= 0 - at `$[0].trip_gap_days`",
        "no rules for '*', every property not named",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", r"^no rules for '\*', every property not named$"),
        ("[[*]]", "^no TOML: .*line 1"),
        (written().replace("2026-01-01", "2026-02-30"), "^no TOML: "),
        (written().replace('[["*"]]', '["*"]'), r"^\*: Expected `array`, got `object`"),
        ('"*" = []', r"^\*: no set of rules$"),
        ("session_idle_minutes = 15\n" + written(), "^session_idle_minutes: Expected `array`"),
    ],
)
def test_a_table_that_is_none(text: str, fault: str) -> None:
    (only,) = faults(text)
    assert re.search(fault, only), only


@pytest.mark.parametrize("second", ["2026-01-01", "2025-12-31"])
def test_sets_are_in_ascending_order(second: str) -> None:
    (only,) = faults(written() + written(effective_from=second))
    assert only == f"*: {second} does not come after 2026-01-01"


def tiers(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "points": 100 * rank} for rank, name in enumerate(names)]


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        (["A", "B", "C"], None),
        (["A", "X", "B", "C", "Y"], None),
        (["X", "A", "B", "C"], None),
        (["A", "C"], "B"),
        (["A", "B"], "C"),
        (["A", "C", "B"], "C"),
        (["a", "B", "C"], "A"),
    ],
)
def test_a_tier_may_be_added_and_none_may_vanish(after: list[str], lost: str | None) -> None:
    text = written(tiers=tiers("A", "B", "C"))
    text += written(effective_from="2027-01-01", tiers=tiers(*after))
    if lost is None:
        HouseRules.parse(text)
    else:
        (only,) = faults(text)
        assert only == f"*: 2027-01-01: tier {lost} is gone or moved, and players may hold it"
