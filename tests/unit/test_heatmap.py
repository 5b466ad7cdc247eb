"""`pitboss heatmap`: counts that add up, differences that are exact, pictures that say so."""

import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from pitboss.stores.parquet import ParquetLake
from tests.drawn import HOSTILE, as_xml, contrast, in_folder, written_over
from tests.floor_by_day import MemoryLake
from tests.game_days import APPLICATION, DAY, HOUSE, PROPERTY, Row, lake_of, played
from workbench import main
from workbench.game_report import charts
from workbench.game_report.heat import (
    Asked,
    Bin,
    Bounds,
    HeatMap,
    NothingToShow,
    Per,
    as_json,
    read_heat_map,
)
from workbench.game_report.sections import heat_map, heat_map_cover
from workbench.report.charts import DARK, LIGHT, Palette
from workbench.report.floor import Picture
from workbench.report.hexbin import Axial, hexagon_at
from workbench.report.page import document
from workbench.report.poster import picture_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
CAUGHT = Asked(APPLICATION, "caught", "house", [str(DAY)])
COMPARED = CAUGHT._replace(versions=("1.0", "1.1"))
WHOLE = Bounds(*HOUSE)


def read(lake: MemoryLake, asked: Asked = CAUGHT, bounds: Bounds | None = None) -> HeatMap:
    with ParquetLake(lake, PROPERTY, 500) as tables:
        return read_heat_map(tables, asked, bounds)


def caught(x: float | None, y: float | None, version: str = "1.0", player: str = "p1") -> Row:
    return Row(
        f"{x}/{y}/{version}/{player}", "caught", 1_794_600_000_000, app_version=version,
        player_id=player, level_id="house", x=x, y=y,
    )  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(played(150))


@pytest.fixture(scope="module")
def lake(rows: list[Row]) -> MemoryLake:
    return lake_of(rows)


@pytest.fixture(scope="module")
def difference(lake: MemoryLake) -> HeatMap:
    return read(lake, COMPARED, WHOLE)


# --- counts ---------------------------------------------------------------------------------------


def test_every_event_is_in_its_hexagon_and_none_is_lost(lake: MemoryLake, rows: list[Row]) -> None:
    bounds = Bounds(20, 0, 100, 60)
    found = read(lake, bounds=bounds)

    there = [one for one in rows if one.event_type == "caught" and one.level_id == "house"]
    counted: Counter[Axial] = Counter()
    for one in there:
        assert one.x is not None
        assert one.y is not None
        if one.x >= 20:
            counted[hexagon_at(one.x, one.y, found.radius)] += 1
    assert {one.at: one.counts[0] for one in found.bins} == counted
    assert found.outside == len(there) - counted.total() > 0
    assert found.counts == (counted.total(),)


def test_events_without_a_position_are_told() -> None:
    found = read(lake_of([caught(1, 2), caught(None, 2), caught(5, None), caught(9, 9)]))

    assert (found.counts, found.outside, found.unplaced) == ((2,), 0, 2)
    assert "Not shown: 2 without a position." in heat_map(found, "map", None).summary


def test_the_same_radius_is_the_same_hexagons_whatever_is_there() -> None:
    few, more = (
        read(lake_of(some), bounds=WHOLE)
        for some in ([caught(50, 30)], [caught(50, 30), caught(3, 3), caught(99, 59)])
    )

    assert few.radius == more.radius
    assert few.bins[0] in more.bins


def test_one_place_alone_is_a_map() -> None:
    found = read(lake_of([caught(7, 7)]))

    assert [one.counts for one in found.bins] == [(1,)]
    assert written_over(charts.heat_map(found, None, 720)) == []


@pytest.mark.parametrize(("x", "y"), [(500.00000000000006, 500), (1e-310, 500), (0, 1e-200)])
def test_places_that_differ_by_rounding_alone_are_one(x: float, y: float) -> None:
    found = read(lake_of([caught(round(x), round(y)), caught(x, y)]))

    assert [one.counts for one in found.bins] == [(2,)]
    assert charts.heat_map(found, None, 720).height > 0


def test_y_goes_up_where_the_bounds_say_so() -> None:
    assert Bounds(0, 0, 100, 60).shown(10, 20) == (10, 20)
    assert Bounds(0, 60, 100, 0).shown(10, 20) == (10, 40)
    assert Bounds(100, 60, 0, 0).shown(10, 20) == (90, 40)
    assert Bounds(0, 60, 100, 0).has(100, 60)
    assert not Bounds(0, 60, 100, 0).has(100, 61)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (CAUGHT._replace(application_id="nosuch"), "no application_id nosuch: there are chase"),
        (CAUGHT._replace(level_id="attic"), "no level_id attic: there are house"),
        (CAUGHT._replace(event_type="won"), "no event_type won: there are caught"),
        (CAUGHT._replace(versions=("8", "9")), "no app_version 8 and 9: there are 1.0, 1.1"),
        (
            CAUGHT._replace(versions=("1.0", "9")),
            "version 9 has no player on this level to divide by (there are 1.0, 1.1)",
        ),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(asked: Asked, said: str) -> None:
    lake = lake_of([caught(1, 2), caught(5, 5, "1.1")])

    with pytest.raises(NothingToShow, match=re.escape(said)):
        read(lake, asked)


def test_levels_that_are_named_do_nothing_to_the_terminal() -> None:
    rows = [caught(1, 1)._replace(level_id="\x1b[2J")]

    with pytest.raises(NothingToShow) as nothing:
        read(lake_of(rows))

    assert str(nothing.value).isprintable()


def test_nothing_within_the_bounds_says_where_events_are() -> None:
    with pytest.raises(NothingToShow, match="x is from 1 to 5, y from 2 to 9"):
        read(lake_of([caught(1, 2), caught(5, 9)]), bounds=Bounds(50, 50, 60, 60))
    with pytest.raises(NothingToShow, match="none of the 1 has a position"):
        read(lake_of([caught(1, None)]))


# --- differences ----------------------------------------------------------------------------------


def test_versions_are_compared_per_player_on_the_level() -> None:
    rows = [
        *(caught(10, 10, "1.0", f"a{n % 4}") for n in range(12)),
        *(caught(10, 10, "1.1", "b") for _ in range(2)),
        caught(90, 50, "1.1", "b"),
        Row("x", "won", 1, app_version="1.1", player_id="c", level_id="house"),
        caught(10, 10, "2.0", "d"),
    ]
    found = read(lake_of(rows), COMPARED, WHOLE)

    here, there = found.bins
    assert (here.counts, there.counts, found.out_of) == ((12, 2), (0, 1), (4, 2))
    assert found.difference(here) == Fraction(2, 2) - Fraction(12, 4)
    assert found.difference(there) is None  # one event tells nothing
    assert as_json(found)["bins"][0]["difference"] == -2.0
    told = heat_map(found, "map", None)
    assert "Over the whole map 1.0 has 3.00 a player and 1.1 1.50." in told.summary
    assert "1 hexagon with fewer than 5 events of both is hollow" in told.summary
    assert [row[1:] for row in told.rows] == [("12", "2", "−200")]


def test_shares_of_events_differ_by_nothing_in_all(lake: MemoryLake) -> None:
    found = read(lake, COMPARED._replace(per=Per.EVENT), WHOLE)

    assert found.out_of == found.counts
    (before, after), (fewer, more) = found.counts, found.out_of
    shares = [Fraction(b.counts[1], more) - Fraction(b.counts[0], fewer) for b in found.bins]
    assert sum(shares) == Fraction(after, more) - Fraction(before, fewer) == 0
    for one, share in zip(found.bins, shares, strict=True):
        assert found.difference(one) in (share, None)


def test_without_players_versions_are_compared_per_event() -> None:
    rows = [caught(1, 1)._replace(player_id=None), caught(2, 2, "1.1")]
    with pytest.raises(NothingToShow, match=r"version 1.0 has no player.*--per event"):
        read(lake_of(rows), COMPARED)
    assert read(lake_of(rows), COMPARED._replace(per=Per.EVENT)).out_of == (1, 1)


@settings(max_examples=60)
@given(st.fractions(-3, 3), st.fractions(Fraction(1, 1000), 3))
def test_colours_are_as_strong_on_either_side(value: Fraction, most: Fraction) -> None:
    strength = charts.shade(value, most)

    assert charts.shade(-value, most) == -strength
    assert -charts.SHADES <= strength <= charts.SHADES
    # Steps are as wide: the middle one is half on either side of nothing.
    assert (strength == 0) == (abs(value) < most / (2 * charts.SHADES + 1))
    assert charts.shade(value + most, most) >= strength


def test_one_hexagon_does_not_leave_all_others_pale() -> None:
    bins = [Bin(Axial(0, n), (100, 110)) for n in range(99)]
    found = HeatMap(
        COMPARED, WHOLE, False, 1.0, [*bins, Bin(Axial(1, 0), (0, 9_000))], 0, 0, (1, 1)
    )

    assert charts.most_difference(found) == 10
    alike = [Bin(Axial(0, n), (9, 9)) for n in range(99)]
    one = HeatMap(COMPARED, WHOLE, False, 1.0, [*alike, Bin(Axial(1, 0), (0, 9))], 0, 0, (1, 1))
    assert charts.most_difference(one) == 9
    same = HeatMap(COMPARED, WHOLE, False, 1.0, [Bin(Axial(0, 0), (9, 9))], 0, 0, (1, 1))
    assert charts.shade(Fraction(0), charts.most_difference(same)) == 0


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_differences_grow_from_the_middle_in_light_and_dark_alone(palette: Palette) -> None:
    middle = palette.diverging[charts.SHADES]
    assert len(palette.diverging) == 2 * charts.SHADES + 1
    for side in (palette.diverging[charts.SHADES :], palette.diverging[charts.SHADES :: -1]):
        steps = [contrast(shade, middle) for shade in side]
        assert steps == sorted(steps)
        assert steps[-1] > 4


def test_the_colours_of_differences_are_those_of_the_page_s_map() -> None:
    ramps = (ROOT / "dashboard/map/ramps.js").read_text(encoding="utf-8")
    light, dark = (
        [f"#{one}" for one in re.findall(rf"const {name} = '([^']*)'", ramps)[0].split()]
        for name in ("LIGHT_DIVERGING", "DARK_DIVERGING")
    )

    assert list(LIGHT.diverging) == light[1:-1]
    assert list(DARK.diverging) == dark


@pytest.mark.parametrize("width", [1096, 720, 340])
def test_nothing_is_written_over_anything_else(
    lake: MemoryLake, difference: HeatMap, width: int
) -> None:
    for found in (read(lake), difference):
        assert written_over(charts.heat_map(found, None, width)) == []


def test_a_level_s_picture_is_behind_its_hexagons(lake: MemoryLake) -> None:
    picture = Picture("image/png", 10, 6, b"\x89PNG")
    found = read(lake, bounds=WHOLE)

    chart = charts.heat_map(found, charts.Ground(picture, is_dark=True), 720)
    drawn = as_xml(f"<svg>{chart.body}</svg>")

    (level,) = drawn.findall("svg")
    image, hexagons = level.find("image"), level.findall("path")
    assert image is not None
    assert image.attrib["href"].startswith("data:image/png;base64,")
    # The level is a hundred wide: what is shown of it is as wide as the chart.
    assert (image.attrib["width"], image.attrib["height"]) == ("720", "432")
    assert len(hexagons) == len(found.bins)
    legend = drawn.findall("rect")
    assert all("ondark" in one.attrib["class"].split() for one in [*hexagons, *legend])


def test_hostile_names_are_text() -> None:
    found = HeatMap(
        Asked(HOSTILE, HOSTILE, HOSTILE, [str(DAY)], (HOSTILE, "1")), WHOLE, True, 1.0,
        [Bin(Axial(0, 0), (5, 5))], 0, 0, (1, 1),
    )  # fmt: skip
    part = heat_map(found, "map", None)
    page = as_xml(document(heat_map_cover(found), [part]))

    assert not {one.tag for one in page.iter()} & {"script", "iframe", "object", "link", "base"}
    assert "alert(1)" in "".join(page.itertext())
    as_xml(picture_of(heat_map_cover(found), [part], ((("map",),),)))


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(lake: MemoryLake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_folder(lake, tmp_path_factory.mktemp("lake"))


def pitboss(folder: Path, *arguments: Any) -> Result:
    usual = ["heatmap", "--application", APPLICATION, "--property", PROPERTY, "--lake", folder]
    given = {str(one).partition("=")[0] for one in arguments}
    usual += ["--event", "caught"] if "--event" not in given else []
    usual += ["--level", "house"] if "--level" not in given else []
    words = [*map(str, usual), *map(str, arguments)]
    return CliRunner().invoke(main.app, words, env={"NO_COLOR": "1", "TERM": "dumb"})


def test_a_page_and_a_drawing_are_written_and_are_the_same_bytes_again(
    folder: Path, tmp_path: Path
) -> None:
    for ending in ("html", "svg"):
        made = []
        for name in ("one", "two"):
            out = tmp_path / f"{name}.{ending}"
            done = pitboss(folder, "--versions", "1.0,1.1", "--out", out)
            assert done.exit_code == 0, done.output
            made.append(out.read_text())
        assert made[0] == made[1]
        assert "caught on house, 1.1 less 1.0" in made[0]


def test_a_picture_has_the_level_behind_it(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    assert pitboss(folder, "--level", "garden", "--across", "12", "--out", out).exit_code == 0
    plain = out.read_bytes()
    assert plain.startswith(b"\x89PNG")

    level = ("--level", "garden", "--background", out, "--bounds", "-10,-10,60,60")
    drawing = tmp_path / "map.svg"
    assert pitboss(folder, *level, "--out", drawing).exit_code == 0
    assert "data:image/png;base64," in drawing.read_text()


def test_json_has_every_hexagon(folder: Path, rows: list[Row]) -> None:
    made = pitboss(folder, "--json", "--from", str(DAY), "--to", str(DAY))

    found = json.loads(made.stdout)
    there = [one for one in rows if one.event_type == "caught" and one.level_id == "house"]
    assert sum(one["events"] for one in found["bins"]) == found["events"][0] == len(there)
    assert found["first_day"] == found["last_day"] == str(DAY)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Say --out"),
        (["--out", "map.gif"], 2, "is no .svg, .png or .html"),
        (["--json", "--versions", "1.0"], 2, "is no two versions"),
        (["--json", "--versions", "1.0,1.0"], 2, "is no two versions"),
        (["--json", "--per", "session"], 2, "neither player nor event"),
        (["--json", "--bounds", "1,2,3"], 2, "is no bounds"),
        (["--json", "--bounds", "1,2,3,nan"], 2, "no height"),
        (["--json", "--bounds", "1,2,1,5"], 2, "no width"),
        (["--json", "--from", "tomorrow"], 2, "is no day"),
        (["--json", "--from", "2030-01-01"], 1, "it has 2026-11-13 to 2026-11-13"),
        (["--json", "--background", "x.png"], 2, "needs --bounds"),
        (["--json", "--background", "x.png", "--bounds", "0,0,1,1"], 1, "cannot be read"),
        (["--json", "--level", "attic"], 1, "no level_id attic: there are garden, house"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    folder: Path, arguments: list[str], code: int, said: str
) -> None:
    made = pitboss(folder, *arguments)

    assert made.exit_code == code, made.output
    assert said in " ".join(made.output.split())
