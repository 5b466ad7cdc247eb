"""How long players stay: a textbook's figures, who is followed and censored, the command."""

import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pitboss.players.survival import (
    ABSENCE_DAYS,
    LANDMARK_DAYS,
    Stay,
    curve,
    difference,
    median,
    stays,
)
from workbench import players_risk
from workbench.main import app
from workbench.players_survival import played, statement

pytestmark = pytest.mark.unit

# Weeks in remission of 42 children with leukaemia, with 6-mercaptopurine and without: Freireich
# and others, Blood 21, 1963. Curves and test are worked out in Kleinbaum and Klein, "Survival
# Analysis", chapter 2.
TREATED = [
    *(Stay(week, True) for week in (6, 6, 6, 7, 10, 13, 16, 22, 23)),
    *(Stay(week, False) for week in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)),
]
PLACEBO = [
    Stay(week, True)
    for week in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
]


def test_a_curve_is_as_the_textbook_has_it() -> None:
    found = curve(TREATED)

    assert [(one.at, one.at_risk, one.ended) for one in found] == [
        *((6, 21, 3), (7, 17, 1), (10, 15, 1), (13, 12, 1), (16, 11, 1), (22, 7, 1), (23, 6, 1))
    ]
    assert [round(one.survival, 4) for one in found] == [
        *(0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482)
    ]
    assert [round(one.deviation, 4) for one in found] == [
        *(0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346)
    ]
    # exp(-exp(log(-log 0.857) +- 1.96 * 0.0764 / (0.857 * -log 0.857))), by hand
    assert (found[0].low, found[0].high) == pytest.approx((0.6197, 0.9516), abs=1e-4)
    assert (median(found), median(curve(PLACEBO))) == (23, 8)


def test_where_nobody_is_left_the_curve_ends_at_nothing() -> None:
    last = curve(PLACEBO)[-1]

    assert (last.at, last.survival, last.low, last.high) == (23, 0.0, 0.0, 0.0)
    assert curve([]) == curve([Stay(5, False)]) == []
    assert median([]) is None


def test_the_log_rank_test_is_as_the_textbook_has_it() -> None:
    found = difference({"6-MP": TREATED, "placebo": PLACEBO})

    assert found is not None
    assert round(found.chi_squared, 2) == 16.79
    assert found.degrees == 1
    assert found.p == pytest.approx(4.17e-5, rel=0.01)
    assert {name: round(value, 2) for name, value in found.expected.items()} == {
        "6-MP": 19.25,
        "placebo": 10.75,
    }


def test_a_segment_that_is_split_at_random_is_not_told_apart() -> None:
    chance = Random(4)
    alike = 0
    for _ in range(100):
        people = [Stay(chance.randint(0, 60), chance.random() < 0.7) for _ in range(60)]
        found = difference({"a": people[:20], "b": people[20:40], "c": people[40:]})
        assert found is not None
        assert found.degrees == 2
        alike += found.p > 0.05
    assert alike >= 90  # 95 expected


def test_there_is_no_test_of_one_segment_or_without_an_end() -> None:
    assert difference({"a": TREATED}) is None
    assert difference({"a": TREATED, "b": []}) is None
    assert difference({"a": [Stay(3, False)], "b": [Stay(4, False)]}) is None


LIVES = st.lists(st.builds(Stay, st.integers(0, 40), st.booleans()), max_size=40)


@given(LIVES)
def test_a_curve_falls_and_is_within_its_interval(seen: list[Stay]) -> None:
    found = curve(seen)

    shares = [1.0, *(one.survival for one in found)]
    assert shares == sorted(shares, reverse=True)
    for one in found:
        assert 0 <= one.low <= one.survival <= one.high <= 1
    if not any(not one.ended for one in seen):  # nobody is censored: it is the share that is left
        for one in found:
            left = sum(life.days > one.at for life in seen) / len(seen)
            assert one.survival == pytest.approx(left)


# --- who is followed ------------------------------------------------------------------------------

FIRST = date(2026, 1, 1)
KNOWN_TO = FIRST + timedelta(200)


def days(*after: int) -> dict[str, int]:
    return {(FIRST + timedelta(day)).isoformat(): 100 for day in after}


def stay(*after: int) -> Stay | None:
    found = stays({"p-1": days(*after)}, KNOWN_TO.isoformat(), lambda day, staked: "all")
    return next(iter(found.get("all", ())), None)


def test_a_stay_ends_with_the_last_day_before_a_long_absence() -> None:
    assert stay(0, 20, 45, 70) == Stay(70 - LANDMARK_DAYS, True)
    assert stay(0, 20, 45, 70, 70 + ABSENCE_DAYS + 1, 190) == Stay(70 - LANDMARK_DAYS, True)
    assert stay(0, 25, 50, 50 + ABSENCE_DAYS, 99) == Stay(99 - LANDMARK_DAYS, True)
    assert stay(0, 20) is None  # gone before the landmark
    assert stay(150, 165, 199) is None  # nothing of it is known to have ended or not


def test_who_has_not_gone_is_censored_where_no_end_can_be_known() -> None:
    known = 200 - ABSENCE_DAYS
    often = stay(*range(0, 201))
    seldom = stay(*range(0, 200, 29))

    assert often == seldom == Stay(known - LANDMARK_DAYS, False)
    assert stay(*range(0, 171, 10)) == Stay(known - LANDMARK_DAYS, True)  # away for 30 days
    assert stay(*range(0, 172, 10), 171) == Stay(known - LANDMARK_DAYS, False)  # for 29


def test_a_segment_is_of_what_was_staked_before_the_landmark() -> None:
    asked = []

    def segment(day: str, staked: int) -> str:
        asked.append((day, staked))
        return "all"

    stays({"p-1": days(0, 29, 30, 50)}, KNOWN_TO.isoformat(), segment)

    assert asked == [("2026-01-01", 200)]


# --- the command ----------------------------------------------------------------------------------


def rows() -> list[tuple[str | None, str, int]]:
    """A property where who stakes much at first stays longer."""
    chance = Random(6)
    found: list[tuple[str | None, str, int]] = [(None, KNOWN_TO.isoformat(), 5)]
    for number in range(120):
        rich = number % 2 == 0
        end = min(int(chance.expovariate(1 / (90 if rich else 25))) + 5, 200)
        for day in range(0, end, 5):
            staked = 2_000_000 if rich else 10_000
            found.append((f"p-{number}", (FIRST + timedelta(day)).isoformat(), staked))
    return found


def test_the_command_says_and_draws_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(players_risk, "rows_of", lambda asked, property_id: rows())
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg"]
    told = [
        CliRunner().invoke(app, ["players", "survival", "--json", "--out", str(picture)])
        for picture in pictures
    ]
    document = json.loads(told[0].stdout)

    assert document["known_to"] == KNOWN_TO.isoformat()
    assert len(document["segments"]) == 2
    low, high = document["segments"]
    assert low["median_days"] < high["median_days"]
    assert document["log_rank"]["p"] < 0.01
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    drawing = ElementTree.parse(pictures[0]).getroot()
    said = " ".join(drawing.itertext())
    assert low["segment"] in said
    assert high["segment"] in said
    shown = CliRunner().invoke(app, ["players", "survival"])
    assert "Log-rank test: chi-squared" in shown.stdout
    alone = CliRunner().invoke(app, ["players", "survival", "--by", "all", "--json"])
    assert [one["segment"] for one in json.loads(alone.stdout)["segments"]] == ["all"]


def test_a_lake_of_few_days_says_that_nobody_can_be_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(players_risk, "rows_of", lambda asked, property_id: rows()[:1])
    shown = CliRunner().invoke(app, ["players", "survival", "--property", "P1"])

    assert shown.exit_code == 1
    assert "No player of P1 was there 30 days after their first day" in shown.stderr


def test_days_are_read_by_player_and_the_newest_is_anybodys() -> None:
    found, known_to = played(
        [("b", "2026-01-02", 5), (None, "2026-01-09", 7), ("b", "2026-01-01", 1)]
    )

    assert found == {"b": {"2026-01-02": 5, "2026-01-01": 1}}
    assert known_to == "2026-01-09"
    assert "gaming_day >= '2026-01-01'" in statement("P1", "2026-01-01", None)
