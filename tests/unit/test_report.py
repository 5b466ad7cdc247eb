"""`pitboss report`: its figures are the ledger's to the cent; its page is whole and legible."""

import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from export_games.service import GameRow, hold_sums
from pitboss.gaming_day import GamingDay
from pitboss.lake.layout import manifest_key, raw_prefix
from pitboss.lake.manifest import Counts, Manifest
from pitboss.lake.rated import GAMES, GAPS, HOLDS, RECONCILIATIONS
from pitboss.money import theoretical_dollars
from pitboss.rating.hold import HoldKey, HoldSums, HoldVerdict, Volatility, judge
from pitboss.rating.reconciliation import Cause
from pitboss.stores.parquet import ParquetLake
from tests.drawn import HOSTILE, as_xml, contrast, in_folder, written_over
from tests.floor_by_day import FloorByDay, MemoryLake
from workbench import local_lake, main, named_queries
from workbench.catalogue import tables
from workbench.console import UsageError, WorkbenchError
from workbench.report import charts, floor, hexbin, read
from workbench.report.charts import DARK, LIGHT, Chart, Palette
from workbench.report.figures import Day, as_json
from workbench.report.floor import Place, Point, read_picture, read_positions
from workbench.report.page import page
from workbench.report.poster import png, poster
from workbench.report.sections import sections
from workbench.report.text import markup
from workbench.simulation import FAULTS, ODDITIES, Floor, FloorPlan, open_floor

pytestmark = pytest.mark.unit

RULE = GamingDay.parse("America/Los_Angeles@06:00")
PLAN = FloorPlan(
    14, 12, 35, seed=11, start=1_768_484_400_000, oddities=frozenset(ODDITIES),
    faults=frozenset(FAULTS),
)  # fmt: skip
"""An hour around 06:00 in Los Angeles, where the gaming day turns."""

DAY = date(2026, 1, 15)


# --- lakes ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened() -> Floor:
    return open_floor(PLAN)


@pytest.fixture(scope="module")
def simulated(opened: Floor) -> MemoryLake:
    return FloorByDay.of(opened).in_lake()


@pytest.fixture(scope="module")
def ledger(opened: Floor, simulated: MemoryLake) -> dict[str, Any]:
    """What is true about the floor, which has been played by then."""
    return opened.ledger.contract()


def game(
    asset_id: str,
    clock: str = "12:00:00",
    player_id: str | None = None,
    day: date = DAY,
    **others: Any,
) -> GameRow:
    """A game of a gaming day at the property's clock; before 06:00 it is of the next date."""
    hours, minutes, seconds = map(int, clock.split(":"))
    midnight = day if hours >= 6 else day + timedelta(days=1)
    start, _ = GamingDay.parse("America/Los_Angeles@00:00").bounds_of(midnight)
    at = start + 1000 * (3600 * hours + 60 * minutes + seconds)
    row = GameRow(
        asset_id, "game", at, at + 3_000, player_id, None if player_id is None else at, 0, "PT1",
        "Blazing", 1_000, 100, 0, 0, 100_000, True,
    )  # fmt: skip
    row = row._replace(**others)
    if "theoretical_win" not in others:
        row = row._replace(theoretical_win=row.coin_in_cents * (row.hold_basis_points or 0))
    return row


def lake_of(*rows: GameRow, day: date = DAY, lake: MemoryLake | None = None) -> MemoryLake:
    """A lake with a gaming day, as `export_games` and `refine_events` leave it."""
    lake = lake or MemoryLake()
    text = day.isoformat()
    with ParquetLake(lake, "north", 500) as written:
        written.write(GAMES, text, rows)
        written.write(GAPS, text, [])
        written.write(HOLDS, text, written.rows(hold_sums(written.table(GAMES, [text]))))
    counts = Counts(12, 9, 2, 1)
    manifest = Manifest("north", text, counts, 1, QUARANTINED, {}, {}, [], [])
    lake.put(manifest_key("north", text), manifest.to_json())
    return lake


QUARANTINED = {"ingest_slot_events/unknown_type": 3, "refine_events/id_reuse": 1}


def day_of(lake: MemoryLake, day: date = DAY, rule: GamingDay = RULE) -> Day:
    return read(lake, "north", day, rule)


# --- figures --------------------------------------------------------------------------------------


def agreeing(found: dict[str, Any], true: dict[str, Any]) -> int:
    """How many figures both have; they must be the same."""
    both = found.keys() & true.keys()
    assert {name: found[name] for name in both} == {name: true[name] for name in both}
    return len(both)


def test_figures_are_the_ledger_s_to_the_cent(
    simulated: MemoryLake, ledger: dict[str, Any]
) -> None:
    players = 0
    for true in ledger["days"]:
        found = as_json(day_of(simulated, date.fromisoformat(true["day"])))

        assert agreeing(found["totals"], true["totals"]) == 6
        played = [one for one in true["machines"] if one["games"] or one["coin_in_cents"]]
        by_asset = {one["asset_id"]: one for one in true["machines"]}
        assert len(found["machines"]) >= len(played)
        for one in found["machines"]:
            assert agreeing(one, by_asset[one["asset_id"]]) == 7
        by_player = {one["player_id"]: one for one in true["players"]}
        for one in found["players"]:
            assert agreeing(one, by_player[one["player_id"]]) == 8
        assert found["totals"]["players"] == len(by_player)
        players += len(found["players"])
        for figure in ("games", "coin_in_cents"):
            assert sum(one[figure] for one in found["hours"]) == found["totals"][figure]
        assert found["quality"]["gaps"] == true["totals"]["gaps"]
        assert found["quality"]["gap_cents"] == true["totals"]["meter_difference_cents"]
    assert len(ledger["days"]) == 2
    assert players > 10


def test_figures_are_those_of_the_named_queries(simulated: MemoryLake, tmp_path: Path) -> None:
    in_folder(simulated, tmp_path)
    files = {t.name: sorted((tmp_path / t.prefix).rglob("*.parquet")) for t in tables()}
    found = as_json(day_of(simulated))

    def ask(name: str) -> list[dict[str, Any]]:
        asked = {"property": "north", "first_day": str(DAY), "last_day": str(DAY)}
        one = named_queries.find(name)
        given = {k: v for k, v in asked.items() if k in {p.name for p in one.parameters}}
        statement = local_lake.parse(one.statement(one.values(given, DAY)))
        result = local_lake.run(statement, files)
        return [dict(zip([c.name for c in result.columns], r, strict=True)) for r in result.rows]

    def cents(dollars: Any) -> int:
        return int(dollars * 100)

    machines = {one["asset_id"]: one for one in ask("daily_machines")}
    assert len(machines) == len(found["machines"])
    for one in found["machines"]:
        other = machines[one["asset_id"]]
        assert one["coin_in_cents"] == cents(other["coin_in"])
        assert one["actual_win_cents"] == cents(other["actual_win"])
        assert one["theoretical_win"] == theoretical_dollars(int(other["theoretical_win"] * 10**6))
    (whole,) = ask("daily_players")
    carded = found["totals"]["carded"]
    assert found["totals"]["players"] == whole["players"]
    assert carded["coin_in_cents"] == cents(whole["carded_coin_in"])
    assert carded["actual_win_cents"] == cents(whole["carded_actual_win"])
    each = ask("adt")
    rated = sum(one["rated_days"] for one in each)
    units = int(sum(one["theoretical_win"] for one in each) * 10**6)
    assert found["totals"]["rated_players"] == rated
    assert found["totals"]["adt"] == theoretical_dollars(units // rated)


def test_a_game_is_in_the_hour_of_its_start_and_what_has_none_in_the_day() -> None:
    before_seven = game("1", "06:59:59")  # it ends after seven
    assert before_seven.started_at is not None
    late = game("1", "05:59:59", coin_in_cents=700)._replace(started_at=None, ended_at=None)
    late = late._replace(ended_at=RULE.bounds_of(DAY)[1] + 2_000, complete=False)
    paid = before_seven._replace(
        kind="handpay", started_at=None, ended_at=before_seven.started_at, complete=None,
        hold_basis_points=None, coin_in_cents=0, coin_out_cents=5_000, handpay_cents=5_000,
        theoretical_win=0,
    )  # fmt: skip

    found = day_of(lake_of(before_seven, late, paid))

    hours = [(hour.clock, hour.games, hour.coin_in_cents) for hour in found.hours]
    assert len(hours) == 24
    assert [hour for hour in hours if hour[2]] == [("06:00", 1, 100), ("05:00", 0, 700)]
    assert found.totals.play.games == 1
    assert found.totals.play.incomplete_games == 1
    assert found.totals.play.handpaid_cents == 5_000
    assert found.totals.play.actual_win_cents == 800 - 5_000


@pytest.mark.parametrize(
    ("day", "clocks"),
    [
        (date(2026, 3, 7), ["00:00 PST", "01:00 PST", "03:00 PDT", "04:00 PDT", "05:00 PDT"]),
        (date(2026, 10, 31), ["01:00 PDT", "01:00 PST", "02:00 PST", "03:00 PST", "04:00 PST"]),
    ],
)
def test_hours_follow_the_clocks_when_they_change(day: date, clocks: list[str]) -> None:
    found = day_of(lake_of(game("1", day=day), day=day), day)

    names = [charts.clock(hour) for hour in found.hours]
    assert any(names[n : n + 5] == clocks for n in range(len(names)))
    assert len(names) == len(set(names)) == {3: 23, 10: 25}[day.month]
    assert "The clocks went" in sections(found, {}, None)[0].summary
    assert "hour from, P" in charts.hours(found.hours, 720).body


def test_adt_is_a_mean_of_the_players_with_rated_play() -> None:
    found = day_of(
        lake_of(
            game("1", player_id="p1", coin_in_cents=300),
            game("1", player_id="p2", coin_in_cents=101),
            game("1", player_id="p3", coin_in_cents=999, hold_basis_points=None),
            game("2"),
        )
    )

    assert (found.totals.players, found.totals.rated_players) == (3, 2)
    assert found.totals.average_daily_theoretical == (300_000 + 101_000) // 2
    assert found.totals.play.unrated_coin_in_cents == 999
    nobody = day_of(lake_of(game("2")))
    assert nobody.totals.average_daily_theoretical is None


def test_a_week_ago_is_compared_with() -> None:
    lake = lake_of(game("1", coin_in_cents=200))
    assert day_of(lake).before is None

    lake_of(game("1", day=DAY - timedelta(7)), day=DAY - timedelta(7), lake=lake)
    found = day_of(lake)

    assert found.before is not None
    assert found.before.play.coin_in_cents == 100
    assert "+100.0 % in a week" in page(found, sections(found, {}, None))
    assert "(+100.0 % on a week before)" in page(found, [])


def test_what_was_received_is_accounted_for() -> None:
    found = day_of(lake_of(game("1")))

    # 12 archived, 1 line that is no event, 3 that the front door set aside
    assert found.quality.received == 16
    quality = sections(found, {}, None)[-1]
    assert quality.summary == (
        "16 received = 9 unique + 2 duplicate + 1 conflicting + 4 quarantined."
    )
    lake = lake_of(game("1"))
    del lake.bodies[manifest_key("north", str(DAY))]
    assert day_of(lake).quality.received is None
    assert "no manifest" in sections(day_of(lake), {}, None)[-1].summary


def test_meters_are_the_second_opinion() -> None:
    lake = lake_of(game("1"), game("2"))
    causes = {Cause.RESET: -900, Cause.OVERFLOW: 50, Cause.GAP: 7}
    with ParquetLake(lake, "north", 500) as written:
        rows = [
            ("1", "coin_in", 0, 843, -843, *(causes.get(cause, 0) for cause in Cause)),
            ("1", "coin_out", 9, 9, 0, *(5 for _ in Cause)),
            ("2", "coin_in", 100, 100, 0, *(0 for _ in Cause)),
        ]
        written.write(RECONCILIATIONS, str(DAY), rows)

    found = day_of(lake)

    assert found.quality.reconciled is not None
    assert found.quality.reconciled.causes == {"reset": -900, "overflow": 50, "gap": 7}
    rows_shown = sections(found, {}, None)[-1].rows
    assert ("Meters less games, coin-in", "$0.07", "that nothing explains, on 1 machine") in (
        rows_shown
    )
    assert ("  reset", "−$9.00", "no play is lost") in rows_shown
    assert ("  events overflowed", "$0.50", "so much play is lost") in rows_shown


def test_a_change_that_moved_play_is_one_correction() -> None:
    class Kept:
        asked: list[str]

        def changes(self, owners: Iterator[str], day: str) -> set[str]:
            self.asked = sorted(owners)
            return {"change-1"} if day == str(DAY) else set()

    kept = Kept()
    lake = lake_of(game("1", player_id="p1"), game("2", player_id="p2"), game("2"))

    found = read(lake, "north", DAY, RULE, kept)  # type: ignore[arg-type]

    assert found.quality.corrections == 1
    assert kept.asked == [
        *("north/machine/1", "north/machine/2", "north/player/p1", "north/player/p2")
    ]


# --- days that the lake does not have -------------------------------------------------------------


def test_a_day_without_figures_says_what_to_do() -> None:
    lake = lake_of(game("1"))
    with pytest.raises(
        WorkbenchError, match=r"Nothing was received of 2026-02-01 .* 2026-01-15 to"
    ):
        day_of(lake, date(2026, 2, 1))
    with pytest.raises(WorkbenchError, match=r"property south .*no day of it.*--property"):
        read(lake, "south", DAY, RULE)

    lake.put(raw_prefix("north", "2026-02-01") + "s-shardId-0-1-2.ndjson.zst", b"")
    with pytest.raises(WorkbenchError) as caught:
        day_of(lake, date(2026, 2, 1))
    assert str(caught.value).endswith("run `pitboss refine --property north --day 2026-02-01`.")

    lake.put(manifest_key("north", "2026-02-01"), lake.get(manifest_key("north", str(DAY))))
    with pytest.raises(WorkbenchError, match="--day 2026-02-01 --all`"):
        day_of(lake, date(2026, 2, 1))


def test_a_day_without_play_is_a_page_that_says_so() -> None:
    found = day_of(lake_of())

    parts = sections(found, {}, None)

    assert [part.name for part in parts] == ["quality"]
    assert "Nothing was played" in page(found, parts)
    assert png(poster(found, parts), zoom=1)
    assert as_json(found)["totals"]["adt"] is None


# --- the page -------------------------------------------------------------------------------------


def busy(*names: str) -> Day:
    """A day with enough play for every machine's hold to be judged."""
    bets = [(100, 0), (200, 100), (100, 300)] * 350
    rows = [
        game(name, player_id=name, paytable_id=name, coin_in_cents=bet, coin_out_cents=won)
        for name in names
        for bet, won in bets
    ]
    return day_of(lake_of(*rows))


@pytest.fixture(scope="module")
def played() -> Day:
    """A day with all parts."""
    return busy("123456789012", "2")


@pytest.fixture(scope="module")
def hostile() -> Day:
    """Names that nobody checked, wherever there is a name."""
    return replace(busy(HOSTILE, "7" * 64, "ok"), property_id=HOSTILE)


def test_hostile_names_are_text(hostile: Day) -> None:
    assert len(hostile.holds.verdicts) == 3
    names = [HOSTILE, "ok", "not played"]
    for places in (
        {name: Place(name, Point(n, n), HOSTILE) for n, name in enumerate(names)},
        {name: Place(name, bank=HOSTILE) for name in names},
    ):
        parts = sections(hostile, places, None)
        text = page(hostile, parts)
        root = as_xml(text)

        assert not {one.tag for one in root.iter()} & {"script", "iframe", "object", "link", "base"}
        attributes = {name for one in root.iter() for name in one.attrib}
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert "alert(1)" in "".join(root.itertext())
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
        as_xml(poster(hostile, parts))


def test_the_picture_is_drawn_with_hostile_names(hostile: Day) -> None:
    parts = sections(hostile, {}, None)

    assert png(poster(hostile, parts), 1) != png(
        poster(replace(hostile, property_id="x"), parts), 1
    )


def test_text_is_what_a_document_may_have() -> None:
    assert markup("a\x00b\x9f\u202e\ud800\uffff<é中") == "a\ufffdb\ufffd\ufffd\ufffd\ufffd&lt;é中"


def test_the_page_asks_for_nothing(played: Day) -> None:
    picture = floor.Picture("image/png", 100, 100, b"\x89PNG")
    places = {m.asset_id: Place(m.asset_id, Point(n, n)) for n, m in enumerate(played.machines)}
    text = page(played, sections(played, places, picture))
    root = as_xml(text)

    assert "://" not in text.replace("http://www.w3.org/", "")
    for one in root.iter():
        for name, value in one.attrib.items():
            if name in ("src", "href", "action", "srcset", "poster"):
                assert value.startswith("data:image/png;base64,")
    (sheet,) = (one.text or "" for one in root.iter("style"))
    assert "url(" not in sheet
    assert "@import" not in sheet
    (policy,) = (m.get("content") for m in root.iter("meta") if m.get("http-equiv"))
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"


def test_the_page_is_whole(played: Day) -> None:
    text = page(played, sections(played, {}, None))
    root = as_xml(text)

    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert max(Counter(ids).values()) == 1
    for one in root.iter():
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(one.get(name, "").split()) <= set(ids)
    assert [one.tag for one in root.iter() if re.fullmatch("h[1-6]", one.tag)] == (
        ["h1"] + ["h2"] * 6
    )
    for table in root.iter("table"):
        widths = {len(row) for row in table.iter("tr")}
        assert len(widths) == 1
        assert all(row.find("th") is not None for row in table.iter("tr"))
    # One voice with the browser's own reading of HTML, which closes elements by its own rules.
    counted: Counter[str] = Counter()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            counted[tag] += 1

    Reader().feed(text)
    assert counted == Counter(one.tag for one in root.iter())


def test_a_machine_with_little_play_is_not_judged(simulated: MemoryLake) -> None:
    found = day_of(simulated)
    assert not found.holds.verdicts
    assert found.holds.unjudged
    holds = next(part for part in sections(found, {}, None) if part.name == "holds")
    assert holds.draw is None
    assert holds.summary.startswith("No machine played enough to judge its hold: 500 games")

    few = [game("few", coin_in_cents=100, coin_out_cents=n % 2 * 190) for n in range(499)]
    enough = [row._replace(asset_id="enough") for row in (*few, *few, *few)]
    judged = day_of(lake_of(*few, *enough)).holds
    assert [one.key.asset_id for one in judged.verdicts] == ["enough"]
    assert [key.asset_id for key, _ in judged.unjudged] == ["few"]


def test_every_chart_has_a_title_in_words_and_its_figures_as_a_table(played: Day) -> None:
    parts = sections(played, {}, None)
    root = as_xml(page(played, parts))

    charted = [one for one in root.iter("section") if one.find("figure") is not None]
    assert len(charted) == 3 == sum(part.draw is not None for part in parts)
    for one in charted:
        pictures = list(one.iter("svg"))
        assert all(svg.get("role") == "img" for svg in pictures)
        assert all(svg.get("aria-labelledby") and svg.get("aria-describedby") for svg in pictures)
        rows = list(one.find("details").iter("tr"))  # type: ignore[union-attr]
        assert len(rows) > 2
    by_name = {part.name: part for part in parts}
    assert len(by_name["holds"].rows) == len(played.holds.verdicts)
    assert len(by_name["floor"].rows) == len(played.machines)
    assert [row[2] for row in by_name["hours"].rows if row[2] != "$0.00"]


def test_the_same_lake_is_the_same_bytes(simulated: MemoryLake) -> None:
    def made() -> tuple[str, bytes]:
        found = day_of(simulated)
        parts = sections(found, {}, None)
        return page(found, parts), png(poster(found, parts), zoom=1)

    assert made() == made()


# --- charts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_are_told_apart_by_light_and_dark_alone(palette: Palette) -> None:
    for text in (palette.ink, palette.muted, palette.alarm, palette.first):
        assert contrast(text, palette.paper) >= 4.5
        assert contrast(text, palette.page) >= 4.5
    for mark in (palette.first, palette.second):
        assert contrast(mark, palette.paper) >= 3
    for mark in (palette.ink, palette.alarm, palette.second):
        assert contrast(mark, palette.band) >= 3
    for text, behind in zip(palette.on_ramp, palette.ramp, strict=True):
        assert contrast(text, behind) >= 4.5
    steps = [contrast(shade, palette.paper) for shade in palette.ramp]
    assert steps == sorted(steps)
    assert all(more / less >= 1.25 for less, more in pairwise(steps))


def verdict(asset_id: str, actual_basis_points: int) -> HoldVerdict:
    """A machine that should hold 10 % and has a band of 8 to 12 %."""
    games, bet = 10_000, 100
    coin_in = games * bet
    sums = HoldSums(
        games, games, coin_in, coin_in - coin_in * actual_basis_points // 10_000,
        coin_in * 1_000, 0, 0, games * bet * bet,
    )  # fmt: skip
    return judge(HoldKey(asset_id, 0, 1_000, "PT1"), sums, Volatility(1.041e8, games))


def marks(chart: Chart) -> tuple[int, int]:
    """Dots, and diamonds and arrows; without those of the legend."""
    return chart.body.count('class="in"') - 1, chart.body.count('class="out"') - 1


@pytest.mark.parametrize("width", [720, 510, 340])
def test_a_hold_out_of_its_band_has_another_shape(width: int) -> None:
    inside, outside = verdict("1", 1_150), verdict("2", 1_900)
    assert (round(inside.low, 2), round(inside.high, 2)) == (0.08, 0.12)

    assert marks(charts.holds([inside, inside], width)) == (2, 0)
    assert marks(charts.holds([inside, outside], width)) == (1, 1)
    legend = charts.holds([inside], width).body
    for meaning in ("theory", "actual hold", "actual, out of its band", "95 % of fair machines"):
        assert meaning in legend
    assert "hold, per cent of coin-in" in legend


@pytest.mark.parametrize("width", [1096, 720, 510, 340])
def test_nothing_is_written_over_anything_else(played: Day, width: int) -> None:
    """By a rough width of letters: texts of a line end before the next one starts."""
    drawn = [part.draw(width) for part in sections(played, {}, None) if part.draw is not None]
    drawn += [
        charts.holds([verdict("1", -far), verdict("2", far)], width)
        for far in (0, 300, 3_000, 30_000, 300_000)
    ]
    for chart in drawn:
        assert written_over(chart) == []


def test_the_picture_has_letters() -> None:
    drawn = partial(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{}</svg>'.format
    )
    text = '<text x="2" y="15" font-family="Open Sans">{}</text>'

    assert png(drawn(text.format("A"))) != png(drawn(""))
    assert png(drawn(text.format("A"))) != png(drawn(text.format("B")))


# --- the floor ------------------------------------------------------------------------------------

SPOTS = [Place(str(n), Point(n * 37 % 101, n * 53 % 47)) for n in range(90)]


def test_a_machine_is_in_the_hexagon_whose_centre_is_nearest() -> None:
    radius = floor.radius_of(floor.box_of(SPOTS), len(SPOTS))
    found = floor.hexagons(SPOTS, radius)

    assert sorted(a for hexagon in found for a in hexagon.assets) == sorted(
        one.asset_id for one in SPOTS
    )
    at = {one.asset_id: one.at for one in SPOTS}

    def away(hexagon: floor.Hexagon, asset_id: str) -> float:
        point = at[asset_id]
        assert point is not None
        return (hexagon.x - point.x) ** 2 + (hexagon.y - point.y) ** 2

    for hexagon in found:
        for asset_id in hexagon.assets:
            assert away(hexagon, asset_id) == min(away(other, asset_id) for other in found)
    around = floor.extent_of(found, radius)
    for hexagon in found:
        for x, y in hexbin.corners(hexagon.x, hexagon.y, radius):
            assert around.x - 1e-9 <= x <= around.x + around.width + 1e-9
            assert around.y - 1e-9 <= y <= around.y + around.height + 1e-9


def test_a_hexagon_has_the_theoretical_win_of_its_machines() -> None:
    found = day_of(lake_of(game("1", coin_in_cents=3_000), game("2"), game("9")))
    near = {
        "1": Place("1", Point(0, 0)),
        "2": Place("2", Point(0, 0)),
        "3": Place("3", Point(90, 0)),
    }

    part = sections(found, near, None)[1]

    # $3.10 over two machines; nobody played the third; the ninth stands nowhere
    assert [tuple(row) for row in part.rows] == [("1, 2", "2", "$1.55"), ("3", "1", "$0.00")]
    assert "1 machine stood idle" in part.summary
    assert "1 machine played whose place nobody has said: 9" in part.summary


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("asset,x\n1,2\n", "first line must name the columns"),
        ("", "first line must name the columns"),
        ("asset_id,x,y\n1,2,far\n", "line 2 is no position"),
        ("asset_id,x,y\n1,2\n", "line 2 is no position"),
        ("asset_id,x,y\n1,inf,2\n", "line 2 is no position"),
        ("asset_id,x,y\n,1,2\n", "line 2 is no position"),
        ("asset_id,x,y\n1,1,2\n01,1,2\n", "line 3 has machine 1 again"),
        (f"asset_id,bank\n1,a\n2,{'x' * 200_000}\n", "after line 2 cannot be read"),
        (f"asset_id,{'x' * 200_000}\n", "after line 0 cannot be read"),
    ],
)
def test_a_file_that_has_no_positions_says_where(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_positions(text, "floor.csv")


def test_positions_are_read_as_spreadsheets_write_them() -> None:
    text = "\ufeffbank,y,asset_id,x,note\r\nNorth,2.5,0017,1,\r\nSouth,,18,,new\r\n"

    assert read_positions(text, "floor.csv") == {
        "17": Place("17", Point(1, 2.5), "North"),
        "18": Place("18", None, "South"),
    }


def test_a_floor_plan_is_a_png_or_a_jpeg() -> None:
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x02\x00\x03\x01\x11\x00\x00\xff\xd9"
    assert read_picture(jpeg, "a.jpg")[:3] == ("image/jpeg", 3, 2)
    for wrong in (b"", b"<svg/>", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(UsageError, match="PNG or JPEG"):
            read_picture(wrong, "a.jpg")


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return in_folder(lake_of(game("1"), game("2", player_id="p1")), tmp_path / "lake")


def pitboss(*arguments: Any) -> Result:
    words = ["report", *map(str, arguments)]
    return CliRunner().invoke(main.app, words, env={"NO_COLOR": "1", "TERM": "dumb"})


def test_a_page_and_a_picture_are_written(lake: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "day.html", tmp_path / "day.png"

    made = pitboss(DAY, "--property", "north", "--lake", lake, "--out", out, "--png", picture)

    assert made.exit_code == 0, made.stderr
    assert "The day at north" in out.read_text()
    content = picture.read_bytes()
    assert read_picture(content, "day.png")[:2] == ("image/png", 2_400)
    assert len(content) > 100_000
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".part"] == []


def test_json_is_the_figures_and_no_page(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    made = pitboss(DAY, "--property", "north", "--lake", lake, "--json")

    found = json.loads(made.stdout)
    assert found["totals"]["coin_in_cents"] == 200
    assert found["totals"]["theoretical_win"] == "0.20"
    assert found["totals"]["carded"]["games"] == 1
    assert found["holds"]["unjudged"] == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == ["lake"]
    assert ZoneInfo(found["time_zone"]) == RULE.zone


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["2026-13-01"], 2, "is no day"),
        ([DAY, "--property", "no/such"], 2, "property"),
        ([DAY, "--lake", "{folder}/nowhere"], 1, "is no folder"),
        ([DAY, "--lake", "{folder}/lake", "--property", "south"], 1, "Nothing was received"),
        ([DAY, "--lake", "{folder}/lake", "--gaming-day", "Nowhere@06:00"], 2, "Nowhere"),
        ([DAY, "--lake", "{folder}/lake", "--floor-plan", "x.png"], 2, "needs --positions"),
        ([DAY, "--lake", "{folder}/lake", "--positions", "{folder}/no.csv"], 1, "cannot be read"),
        (
            [
                DAY,
                "--property",
                "north",
                "--lake",
                "{folder}/lake",
                "--out",
                "{folder}/no/day.html",
            ],
            1,
            "cannot be written",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(
    lake: Path, tmp_path: Path, arguments: list[Any], code: int, said: str
) -> None:
    made = pitboss(*(str(one).format(folder=tmp_path) for one in arguments))

    assert made.exit_code == code, made.output
    assert said in " ".join(made.stderr.split())
    assert "Traceback" not in made.stderr


def test_a_machine_outside_of_the_floor_plan_is_refused(lake: Path, tmp_path: Path) -> None:
    plan, positions = tmp_path / "plan.png", tmp_path / "floor.csv"
    plan.write_bytes(png('<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"/>', 1))
    positions.write_text("asset_id,x,y\n1,5,5\n2,31,5\n")
    given = (DAY, "--property", "north", "--lake", lake, "--out", tmp_path / "day.html")

    refused = pitboss(*given, "--positions", positions, "--floor-plan", plan)
    positions.write_text("asset_id,x,y\n1,5,5\n2,30,20\n")
    made = pitboss(*given, "--positions", positions, "--floor-plan", plan)

    assert refused.exit_code == 2
    assert "Machine 2 stands outside of the floor plan, at 31, 5 of 30 x 20" in " ".join(
        refused.stderr.split()
    )
    assert made.exit_code == 0, made.stderr
    assert "data:image/png;base64," in (tmp_path / "day.html").read_text()
