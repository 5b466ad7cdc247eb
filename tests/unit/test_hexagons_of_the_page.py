"""The page's heat map has the hexagons, colours and differences of `pitboss heatmap`."""

import json
import random
import shutil
import subprocess
from fractions import Fraction
from typing import Any

import pytest

from pitboss.stores.parquet import ParquetLake
from tests.floor_by_day import MemoryLake
from tests.game_days import APPLICATION, DAY, HOUSE, PROPERTY, Row, lake_of, played
from tests.unit.test_machine_states import node_of_the_browser
from workbench.game_report import charts
from workbench.game_report.heat import Asked, Bounds, HeatMap, Per, read_heat_map
from workbench.paths import ROOT
from workbench.report.charts import CLASSES, Ramp
from workbench.report.hexbin import SQRT_3, hexagon_at

CAUGHT = Asked(APPLICATION, "caught", "house", [str(DAY)])
MAPS: dict[str, tuple[Asked, Bounds | None, int | None]] = {
    "all": (CAUGHT, None, None),
    "part of it, y up": (CAUGHT, Bounds(20, 60, 100, 10), 9),
    "per player": (CAUGHT._replace(versions=("1.0", "1.1")), Bounds(*HOUSE), None),
    "per event": (CAUGHT._replace(versions=("1.1", "1.0"), per=Per.EVENT), None, 20),
}
RATES = [(0, 7), (4, 10_000), (-123, 10_000), (4_567, 10_000), (-5, 1), (1, 3), (1, 20_000)]

SCRIPT = """
import { readFileSync } from 'node:fs';
const page = await import(process.argv[1]);
const { events, maps, points, rates } = JSON.parse(readFileSync(0, 'utf8'));
const told = maps.map((asked) => {
  const map = page.heatMap(events, asked);
  const most = Math.max(...map.bins.flatMap((bin) => bin.counts));
  const cuts = page.cutsOf(most);
  const colours = map.bins.map((bin) => page.classOf(cuts, bin.counts[0]));
  if (!asked.versions) return { ...map, cuts, colours };
  const end = page.mostDifference(map);
  const differences = map.bins.map((bin) => page.difference(map, bin));
  const shades = differences.map((n) => n === null ? null : page.shade(n, end));
  return { ...map, differences, shades };
});
console.log(JSON.stringify({
  maps: told,
  points: points.map(([x, y, radius]) => page.hexagonAt(x, y, radius)),
  rates: rates.map(([numerator, denominator]) => page.rate(numerator, denominator)),
}));
"""


def points() -> list[tuple[float, float, float]]:
    """Anywhere, and on edges and corners."""
    chance = random.Random(3)
    anywhere = [
        (chance.uniform(-50, 50), chance.uniform(-50, 50), chance.choice((0.3, 1, 7)))
        for _ in range(500)
    ]
    edges = [(SQRT_3 * n / 2, m / 2, 1.0) for n in range(-6, 7) for m in range(-6, 7)]
    return [*anywhere, *edges]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    nowhere = [Row(f"n-{n}", "caught", 1_794_600_000_000, level_id="house", x=1) for n in range(3)]
    return [*played(150), *nowhere]


@pytest.fixture(scope="module")
def lake(rows: list[Row]) -> MemoryLake:
    return lake_of(rows)


@pytest.fixture(scope="module")
def told(rows: list[Row]) -> dict[str, Any]:
    """What the page makes of the same."""
    node = node_of_the_browser() or shutil.which("node")
    if node is None:
        pytest.skip("no JavaScript to run: neither playwright's node nor one on the path")
    names = {"type": "event_type", "version": "app_version", "player": "player_id"}
    given = {
        "events": [
            {"x": row.x, "y": row.y, **{name: getattr(row, of) for name, of in names.items()}}
            for row in rows
            if row.level_id == "house"
        ],
        "maps": [
            {
                "type": asked.event_type,
                "versions": asked.versions,
                "per": asked.per,
                "bounds": bounds and bounds._asdict(),
                "across": across,
            }
            for asked, bounds, across in MAPS.values()
        ],
        "points": points(),
        "rates": RATES,
    }
    url = (ROOT / "dashboard/games/hexagons.js").as_uri()
    done = subprocess.run(
        [node, "--no-warnings", "--input-type=module", "--eval", SCRIPT, url],
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read(lake: MemoryLake, name: str) -> HeatMap:
    with ParquetLake(lake, PROPERTY, 500) as tables:
        return read_heat_map(tables, *MAPS[name])


def test_a_point_is_in_the_same_hexagon(told: dict[str, Any]) -> None:
    found = [(one["r"], one["q"]) for one in told["points"]]

    assert found == [tuple(hexagon_at(*point)) for point in points()]


@pytest.mark.parametrize("name", MAPS)
def test_a_map_has_the_same_hexagons(lake: MemoryLake, told: dict[str, Any], name: str) -> None:
    expected, found = read(lake, name), told["maps"][list(MAPS).index(name)]

    assert [((b["r"], b["q"]), tuple(b["counts"])) for b in found["bins"]] == [
        (tuple(one.at), one.counts) for one in expected.bins
    ]
    assert (found["outside"], found["unplaced"], tuple(found["outOf"])) == (
        *(expected.outside, expected.unplaced, expected.out_of),
    )
    assert found["radius"] == expected.radius
    assert found["isWhole"] is expected.is_whole


def test_counts_have_the_same_steps(lake: MemoryLake, told: dict[str, Any]) -> None:
    expected, found = read(lake, "all"), told["maps"][0]
    ramp = Ramp((one.counts[0] for one in expected.bins), str, by_size=True)

    assert found["cuts"] == ramp.cuts
    assert found["colours"] == [ramp.name(one.counts[0]) for one in expected.bins]
    assert max(found["colours"]) == CLASSES - 1


@pytest.mark.parametrize("name", ["per player", "per event"])
def test_differences_are_the_same_and_as_strong(
    lake: MemoryLake, told: dict[str, Any], name: str
) -> None:
    expected, found = read(lake, name), told["maps"][list(MAPS).index(name)]
    whole, most = found["outOf"][0] * found["outOf"][1], charts.most_difference(expected)
    differences = [expected.difference(one) for one in expected.bins]

    assert [None if n is None else Fraction(n, whole) for n in found["differences"]] == differences
    assert found["shades"] == [None if n is None else charts.shade(n, most) for n in differences]
    assert len(set(found["shades"])) > charts.SHADES


def test_rates_are_written_the_same(told: dict[str, Any]) -> None:
    assert told["rates"] == [charts.rate(Fraction(*one)) for one in RATES]
