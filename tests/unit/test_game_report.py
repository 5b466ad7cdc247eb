"""`pitboss game-report`: its figures are an exact recount's; its page is whole and legible."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pitboss.stores.parquet import ParquetLake
from tests.drawn import HOSTILE, as_xml, in_folder, written_over
from tests.floor_by_day import MemoryLake
from tests.game_days import APPLICATION, DAY, PROPERTY, RULE, Row, lake_of, played
from workbench import main
from workbench.game_report import charts, sections
from workbench.game_report.figures import (
    SESSION_GAP_MS,
    Caught,
    Fields,
    GameDay,
    NoSuchDay,
    Score,
    as_json,
    read_game_day,
)
from workbench.report.charts import Ramp
from workbench.report.page import document
from workbench.report.poster import picture_of

pytestmark = pytest.mark.unit

NOON = RULE.bounds_of(DAY)[0] + 6 * 3_600_000


def read(lake: MemoryLake, day: date = DAY, **others: Any) -> GameDay:
    with ParquetLake(lake, PROPERTY, 500) as tables:
        return read_game_day(tables, PROPERTY, APPLICATION, day, RULE, **others)


def scored(player: str | None, wins: object, losses: object, name: str = "Wins") -> Row:
    data = json.dumps({name: wins, "Losses": losses})
    return Row(f"{player}{wins}{losses}", "round_played", NOON, player_id=player, data=data)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(played(120))


@pytest.fixture(scope="module")
def day(rows: list[Row]) -> GameDay:
    return read(lake_of(rows))


# --- figures --------------------------------------------------------------------------------------


def test_figures_are_those_of_a_recount(day: GameDay, rows: list[Row]) -> None:
    at: dict[str, list[int]] = defaultdict(list)
    for one in rows:
        assert one.player_id is not None
        at[one.player_id].append(one.occurred_at)
    silences = [b - a for times in at.values() for a, b in pairwise(sorted(times))]
    within = [gap for gap in silences if gap <= SESSION_GAP_MS]
    crashes = [one for one in rows if one.event_type == "client_crashed"]

    assert day.totals.events == len(rows)
    assert day.totals.players == len(at)
    assert day.totals.sessions == len(at) + len(silences) - len(within)
    assert day.totals.played_ms == sum(within)
    assert day.totals.trusted_events == sum(one.is_trusted for one in rows)
    assert day.totals.crashes == len(crashes)
    assert day.totals.crashed_players == len({one.player_id for one in crashes})
    assert {one.event_type: one.events for one in day.event_types} == Counter(
        one.event_type for one in rows
    )
    for version in day.versions:
        of = [one for one in rows if one.app_version == version.app_version]
        assert version.events == len(of)
        assert version.players == len({one.player_id for one in of})
        assert version.crashes == sum(one.event_type == "client_crashed" for one in of)
    assert sum(one.events for one in day.hours) == len(rows)
    start = RULE.bounds_of(DAY)[0]
    for n, hour in enumerate(day.hours):
        there = {one.player_id for one in rows if (one.occurred_at - start) // 3_600_000 == n}
        assert hour.players == len(there)


def test_who_caught_and_who_lost_are_those_of_a_recount(day: GameDay, rows: list[Row]) -> None:
    caught: Counter[tuple[str, str]] = Counter()
    scores: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in rows:
        said = json.loads(one.data)
        if "CaughtBy" in said:
            caught[said["CaughtBy"], said["CaughtAt"]] += 1
        if "Wins" in said:
            assert one.player_id is not None
            scores[one.player_id][0] += said["Wins"]
            scores[one.player_id][1] += said["Losses"]

    assert {(one.caught_by, one.caught_at): one.times for one in day.caught} == caught
    assert {one.player_id: [one.wins, one.losses] for one in day.scores} == scores
    assert day.unread == {}


def test_maps_have_every_event_with_a_place(day: GameDay, rows: list[Row]) -> None:
    placed = Counter((one.level_id, one.event_type) for one in rows if one.x is not None)

    found = {(m.asked.level_id, m.asked.event_type): m.counts[0] for m in day.maps}
    assert found == placed
    assert day.totals.placed == placed.total()
    assert day.unmapped == []


def test_a_session_ends_after_half_an_hour_of_silence() -> None:
    gaps = (0, 10_000, SESSION_GAP_MS, SESSION_GAP_MS + 1, 5)
    times = [NOON + sum(gaps[: n + 1]) for n in range(len(gaps))]
    rows = [Row(str(n), "moved", at) for n, at in enumerate(times)]

    found = read(lake_of([*rows, Row("x", "moved", NOON, player_id=None)]))

    assert (found.totals.sessions, found.totals.players, found.totals.without_player) == (2, 1, 1)
    assert found.totals.played_ms == 10_000 + SESSION_GAP_MS + 5
    assert sections.tiles(found)[2].value == "15:05"


def test_wins_and_losses_are_whole_numbers_or_not_counted() -> None:
    rows = [
        scored("a", 1, 2),
        scored("a", "4", 0),
        scored("b", -1, 2.5),
        scored("c", "1e3", "many"),
        scored(None, 7, 7),
        scored("d", None, 3),
        scored("e", 10**16, 1),
    ]
    found = read(lake_of(rows))

    assert [(one.player_id, one.wins, one.losses) for one in found.scores] == [
        ("a", 5, 2), ("d", 0, 3), ("e", 0, 1),
    ]  # fmt: skip
    assert found.unread == {"Wins": 4, "Losses": 3}
    assert ("Wins not counted", "4", "no whole number, or of no player") in (
        sections.quality(found).rows
    )


def test_totals_so_far_are_not_added_up() -> None:
    rows = [scored("a", 1, 2), scored("a", 3, 2), scored("b", 0, 9)]

    assert read(lake_of(rows)).scores[0] == Score("b", 0, 9)
    assert read(lake_of(rows), is_running=True).scores == [Score("b", 0, 9), Score("a", 3, 2)]


def test_fields_have_the_names_that_the_mapping_gave_them() -> None:
    rows = [scored("a", 5, 1, name='won/of ~all\'s "games"')]
    fields = Fields(wins='won/of ~all\'s "games"')

    assert read(lake_of(rows), fields=fields).scores == [Score("a", 5, 1)]


def test_a_week_ago_is_compared_with() -> None:
    lake = lake_of([Row("1", "moved", NOON), Row("2", "moved", NOON, player_id="p2")])
    assert read(lake).before is None

    lake_of([Row("1", "moved", NOON)], DAY - timedelta(7), lake)
    found = read(lake)

    assert found.before is not None
    assert sections.headline(found).startswith("2 players (+100.0 % on a week before) played 2 ")


def test_a_day_that_there_is_not_says_what_there_is() -> None:
    lake = lake_of([Row("1", "moved", NOON, application_id="other")])
    with pytest.raises(NoSuchDay, match="on that day there are other"):
        read(lake)
    with pytest.raises(NoSuchDay, match="from 2026-11-13 to 2026-11-13"):
        read(lake, date(2026, 1, 1))
    with pytest.raises(NoSuchDay, match="no events of games"):
        read(MemoryLake())


# --- charts ---------------------------------------------------------------------------------------


def test_what_has_no_room_in_the_grid_is_added_up() -> None:
    caught = [Caught(f"enemy {n}", f"place {n % 20}", 100 - n) for n in range(40)]
    for width in (720, 340):
        drawn = as_xml(f"<svg>{charts.caught_at_by(caught, width).body}</svg>")
        texts = [one.text or "" for one in drawn.iter("text")]
        shown = sum(int(text.replace(",", "")) for text in texts if re.fullmatch(r"[\d,]+", text))
        assert shown == sum(one.times for one in caught)
        assert texts.count(charts.OTHERS) == 2


def test_every_player_is_in_one_bucket() -> None:
    for most in (0, 3, 15, 16, 40, 999):
        scores = [Score(str(n), 0, n * most // 10) for n in range(11)]
        found = charts.buckets(scores)
        assert sum(one.players for one in found) == 11
        assert len(found) <= 16
        assert found[0].first == 0
        assert found[-1].first <= most <= found[-1].last
        assert len({one.last - one.first for one in found}) == 1


def test_a_share_of_wins_is_as_wide_as_it_is() -> None:
    drawn = as_xml(f"<svg>{charts.win_loss([Score('a', 1, 3)], 720).body}</svg>")
    boxes = [(one.attrib["class"], float(one.attrib["width"])) for one in drawn.iter("rect")]
    all_wins, all_losses, wins, losses = boxes
    assert (all_wins, all_losses) == (wins, losses)
    assert (wins[0], losses[0]) == ("first", "second")
    assert losses[1] == pytest.approx(3 * wins[1], abs=0.2)


def test_colours_of_counts_are_steps_of_their_square_root() -> None:
    ramp = Ramp([0, 1, 36, 3_600], by_size=True)

    assert ramp.cuts == [1, 100, 400, 900, 1_600, 2_500]
    assert [ramp.name(value) for value in (0, 1, 99, 100, 2_499, 3_600)] == [None, 0, 0, 1, 4, 5]
    assert Ramp([1, 2], by_size=True).name(2) == 5


@pytest.mark.parametrize("width", [1096, 528, 340])
def test_nothing_is_written_over_anything_else(day: GameDay, width: int) -> None:
    long = [Caught("the gargoyle of the upper gallery", "x" * 64, 1_234_567), *day.caught]
    named = replace(day, caught=long, scores=[Score("p" * 64, 123_456, 99_999), *day.scores])
    for part in sections.sections(named):
        if part.draw is not None:
            assert written_over(part.draw(width)) == [], part.name


# --- the page -------------------------------------------------------------------------------------


def test_hostile_names_are_text(day: GameDay) -> None:
    found = replace(
        day,
        application_id=HOSTILE,
        event_types=[replace(one, event_type=HOSTILE) for one in day.event_types],
        versions=[replace(one, app_version=HOSTILE) for one in day.versions],
        caught=[Caught(HOSTILE, HOSTILE, 3)],
        scores=[Score(HOSTILE, 1, 2)],
        unread={HOSTILE: 1},
        unmapped=[(HOSTILE, HOSTILE, 1)],
    )
    cover, parts = sections.cover(found), sections.sections(found)
    root = as_xml(document(cover, parts))

    assert not {one.tag for one in root.iter()} & {"script", "iframe", "object", "link", "base"}
    attributes = {name for one in root.iter() for name in one.attrib}
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    as_xml(picture_of(cover, parts, sections.layout(found)))


def test_the_page_is_whole_and_asks_for_nothing(day: GameDay) -> None:
    parts = sections.sections(day)
    text = document(sections.cover(day), parts)
    root = as_xml(text)

    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert max(Counter(ids).values()) == 1
    charted = [one for one in root.iter("section") if one.find("figure") is not None]
    assert len(charted) == sum(part.draw is not None for part in parts) == 10
    assert all(one.find("details") is not None for one in charted)
    assert "://" not in text.replace("http://www.w3.org/", "")
    (policy,) = (m.get("content", "") for m in root.iter("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert text == document(sections.cover(day), sections.sections(day))


def test_every_part_has_its_place_in_the_picture(day: GameDay) -> None:
    for maps in (day.maps, day.maps[:1], day.maps[:2], []):
        found = replace(day, maps=maps)
        placed = [name for row in sections.layout(found) for column in row for name in column]
        assert sorted(placed) == sorted(part.name for part in sections.sections(found))


def test_a_game_without_places_or_losses_has_a_page() -> None:
    found = read(lake_of([Row("1", "moved", NOON)]))

    assert [part.name for part in sections.sections(found)] == [
        *("hours", "events", "versions", "quality")
    ]
    assert "Nobody had a crash." in document(sections.cover(found), sections.sections(found))


# --- the command ----------------------------------------------------------------------------------


def pitboss(folder: Path, *arguments: Any) -> Result:
    words = ["game-report", *map(str, arguments), "--property", PROPERTY, "--lake", str(folder)]
    return CliRunner().invoke(main.app, words, env={"NO_COLOR": "1", "TERM": "dumb"})


def test_a_page_is_written_and_json_is_its_figures(tmp_path: Path) -> None:
    crashed = Row("c", "went_down", NOON, player_id="c", data="{}")
    folder = in_folder(lake_of([scored("a", 2, 1, name="Won"), crashed]), tmp_path / "lake")
    out = tmp_path / "day.html"
    arguments = (APPLICATION, DAY, "--crash", "went_down", "--field", "wins=Won", "--running")

    made = pitboss(folder, *arguments, "--out", out)
    told = pitboss(folder, *arguments, "--json")

    assert made.exit_code == 0, made.output
    assert "The day of chase" in out.read_text()
    found = json.loads(told.stdout)
    assert found["totals"]["crashed_players"] == 1
    assert found["scores"] == [{"player_id": "a", "wins": 2, "losses": 1}]


def test_json_has_all_figures(day: GameDay) -> None:
    found = json.loads(json.dumps(as_json(day)))

    assert found["totals"]["players"] == day.totals.players
    assert len(found["hours"]) == 24
    assert len(found["maps"]) == len(day.maps)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([APPLICATION, "2026-13-01"], 2, "is no day"),
        (["no/such", DAY], 2, "no id of a game"),
        ([APPLICATION, DAY, "--field", "Wins"], 2, "write NAME=FIELD"),
        ([APPLICATION, DAY, "--field", "deaths=Deaths"], 2, "NAME one of caught_by"),
        ([APPLICATION, DAY], 1, "has no events on 2026-11-13: the lake has no events of games"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, arguments: list[Any], code: int, said: str
) -> None:
    made = pitboss(tmp_path, *arguments)

    assert made.exit_code == code, made.output
    assert said in " ".join(made.output.split())
