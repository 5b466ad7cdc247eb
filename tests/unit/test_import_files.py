"""The function that imports dropped files: over stores in memory, from sample events."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_files import handler as module
from import_files.service import ContendedImport, ImportFiles
from pitboss.gaming_day import GamingDay
from pitboss.imports.mapping import shipped_text
from pitboss.imports.sources import SourceName
from pitboss.imports.summary import Summary
from pitboss.rating.tables import TableDay
from pitboss.stores.imports import Drop, MisplacedDrop
from tests.fakes.imports import MemoryImports, MemoryQuarantine
from tests.sample_events import load
from tests.unit.test_imports import SESSION_HEADINGS, meter, slip, text

RULE = GamingDay.parse("America/Los_Angeles@06:00")
NORTH = Drop(SourceName.SLOT_METERS, "north", "january.csv")


class House:
    """The use case over stores in memory, and a clock that goes on by a second a file."""

    def __init__(self, scratch: Path, imports: MemoryImports | None = None) -> None:
        self.imports = imports or MemoryImports()
        self.quarantine = MemoryQuarantine()
        self.drops = 0
        self.import_files = ImportFiles(
            self.imports,
            self.imports,
            self.imports,
            self.imports,
            self.imports,
            self.quarantine,
            lambda _property_id: RULE,
            scratch,
            now=lambda: 1_700_000_000_000 + self.drops * 1_000,
        )

    def drop(
        self,
        content: str,
        file: str = "january.csv",
        mapping: str | None = None,
        source: SourceName = SourceName.SLOT_METERS,
    ) -> Summary:
        self.drops += 1
        drop = Drop(source, "north", file)
        self.imports.dropped[drop.key] = content.encode()
        if mapping is not None:
            self.imports.dropped[drop.mapping_keys[0]] = mapping.encode()
        return self.import_files(drop, f"{self.drops:018X}")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_file_is_kept_and_its_partitions_written(house: House) -> None:
    summary = house.drop(
        text([meter(hour="2019-01-19 07:00:00"), meter(hour="2019-01-20 07:00:00")])
    )

    assert (summary.rows, summary.imported, summary.is_known) == (2, 2, False)
    assert summary.gaming_days == ("2019-01-19", "2019-01-20")
    assert set(house.imports.partitions) == {
        ("slot_meters", "north", "2019-01-19"),
        ("slot_meters", "north", "2019-01-20"),
    }
    (kept,) = house.imports.kept(SourceName.SLOT_METERS, "north")
    assert (kept.name, kept.sha256, kept.days) == (
        "january.csv",
        summary.sha256,
        ("2019-01-19", "2019-01-20"),
    )
    assert house.quarantine.entries == []


def test_the_same_file_again_changes_nothing(house: House) -> None:
    content = text([meter(), meter(), meter(games=11), meter("Slot 2")])
    first = house.drop(content)
    before = dict(house.imports.partitions)
    files = dict(house.imports.files[SourceName.SLOT_METERS, "north"])
    entries = list(house.quarantine.entries)

    again = house.drop(content, "copy.csv")

    assert house.imports.partitions == before
    assert house.imports.files[SourceName.SLOT_METERS, "north"] == files
    assert house.quarantine.entries == entries * 2
    assert (first.imported, first.duplicates, first.conflicts) == (2, 1, 1)
    assert (again.imported, again.duplicates, again.conflicts) == (0, 3, 1)
    assert again.is_known


def test_a_try_that_is_repeated_tells_what_the_first_would_have_told(house: House) -> None:
    content = text([meter(), meter(), meter("Slot 2")])
    house.imports.on_write = lambda: (_ for _ in ()).throw(ConnectionError)
    with pytest.raises(ConnectionError):
        house.drop(content)
    house.imports.on_write = lambda: None

    summary = house.import_files(NORTH, f"{1:018X}")

    assert (summary.imported, summary.duplicates, summary.is_known) == (2, 1, False)
    assert len(house.imports.partitions) == 1


def test_a_day_is_made_of_every_file_that_has_rows_of_it(house: House) -> None:
    monday, tuesday = "2019-01-21 12:00:00", "2019-01-22 12:00:00"
    house.drop(text([meter(hour=monday)]), "a.csv")
    house.drop(text([meter(hour=tuesday)]), "b.csv")
    house.imports.written.clear()

    summary = house.drop(
        text([meter(hour=tuesday), meter("Slot 2", tuesday), meter(hour=tuesday, games=9)]), "c.csv"
    )

    assert house.imports.written == ["2019-01-22"]
    assert (summary.imported, summary.duplicates, summary.conflicts) == (1, 1, 1)


def test_rows_that_were_set_aside_are_kept_as_they_came(house: House) -> None:
    odd = meter("Slot 3", bet="12.5€")

    house.drop(text([meter(), odd, meter("Slot 2"), meter(games=99)]))

    unreadable, conflict = house.quarantine.entries
    assert (unreadable.reason, unreadable.index, unreadable.raw) == (
        "unreadable_row",
        3,
        odd.encode(),
    )
    assert unreadable.detail == "january.csv line 3: Dollars Player Bet '12.5€' is no number"
    assert (conflict.reason, conflict.index, conflict.raw) == (
        "conflicting_row",
        5,
        meter(games=99).encode(),
    )
    assert {(e.stage, e.property_id, e.sender) for e in house.quarantine.entries} == {
        ("import_files", "north", "slot-meters")
    }


def test_a_file_read_another_way_is_made_anew_and_days_it_has_left_are_gone(house: House) -> None:
    content = text([meter(hour="2019-02-01 07:00:00", hold="0.95", theory="46.1415")])
    house.drop(content)
    other = (
        shipped_text(SourceName.SLOT_METERS)
        .replace('as = "share"', 'as = "payback"')
        .replace("%Y-%m-%d", "%Y-%d-%m")
    )

    summary = house.drop(content, mapping=other)

    assert (summary.imported, summary.is_known) == (1, False)
    assert list(house.imports.partitions) == [("slot_meters", "north", "2019-01-02")]
    assert len(house.imports.kept(SourceName.SLOT_METERS, "north")) == 1


def test_a_try_that_is_repeated_makes_the_days_anew_that_another_mapping_left(
    house: House,
) -> None:
    content = text([meter(hour="2019-02-01 07:00:00")])
    house.drop(content)
    other = shipped_text(SourceName.SLOT_METERS).replace("%Y-%m-%d", "%Y-%d-%m")
    house.imports.on_write = lambda: (_ for _ in ()).throw(ConnectionError)
    with pytest.raises(ConnectionError):
        house.drop(content, mapping=other)
    house.imports.on_write = lambda: None

    summary = house.import_files(NORTH, f"{2:018X}")

    assert list(house.imports.partitions) == [("slot_meters", "north", "2019-01-02")]
    assert summary.gaming_days == ("2019-01-02", "2019-01-02")


# --- players at tables ----------------------------------------------------------------------------

SLIPS = SourceName.TABLE_SESSIONS
HALF_AN_HOUR = 7_500_000_000
"""$20 a decision, 50 an hour, half an hour, 2.5 %: $12.50."""


def slips(*rows: str) -> str:
    return text(rows, SESSION_HEADINGS)


def test_what_a_players_day_at_tables_comes_to_is_rated_once(house: House) -> None:
    later = slip(start="1/7/2019 11:20:00 AM")
    euros = slip(table="BJ-4").replace(",$,", ",EUR,")
    odd = slip(table="BJ-5", bet="many")
    content = slips(slip(), later, slip(), slip(bet=99), euros, odd, slip(player="p-81", cash=5))

    house.drop(content, source=SLIPS)
    first = dict(house.imports.table_days)
    house.drop(content, "copy.csv", source=SLIPS)
    house.drop(slips(later), "part.csv", source=SLIPS)

    day = "2019-01-07"
    assert first == {
        ("north", day): {
            "Player 7": TableDay(day, 2, 60, 2 * HALF_AN_HOUR, -8_000, 1),
            "p-81": TableDay(day, 1, 30, HALF_AN_HOUR, -4_000, 0),
        }
    }
    assert house.imports.table_days == first


def test_players_are_rated_by_the_pace_that_was_measured_at_their_table(house: House) -> None:
    house.imports.paces[("BJ-3", "2019-01-07")] = 100
    content = slips(slip(pace=""), slip(player="p-81"))

    summary = house.drop(content, source=SLIPS)

    players = house.imports.table_days["north", "2019-01-07"]
    assert players["Player 7"].theoretical_win == 2 * HALF_AN_HOUR
    assert players["p-81"].theoretical_win == HALF_AN_HOUR
    assert summary.flagged["pace_measured"] == 1


def test_a_mapping_that_is_put_right_takes_play_from_who_did_not_play(house: House) -> None:
    content = slips(slip(player="p-1"), slip(player="p-2"))
    house.drop(content, source=SLIPS)
    mapping = shipped_text(SLIPS)
    other = mapping.replace('"%m/%d/%Y', '"%d/%m/%Y') + '\n[values.player_id]\n"p-1" = "p-9"\n'

    house.drop(content, mapping=other, source=SLIPS)

    found = {day: sorted(players) for (_, day), players in house.imports.table_days.items()}
    assert found == {"2019-01-07": [], "2019-07-01": ["p-2", "p-9"]}


def test_a_day_that_another_writer_was_at_is_made_again(house: House) -> None:
    house.imports.disputed = 2

    summary = house.drop(slips(slip()), source=SLIPS)

    assert (summary.imported, len(house.imports.table_days), house.imports.disputed) == (1, 1, 0)
    house.imports.disputed = 99
    with pytest.raises(ContendedImport):
        house.drop(slips(slip("BJ-4")), "more.csv", source=SLIPS)


def test_meters_and_promotions_rate_nobody(house: House) -> None:
    house.drop(text([meter()]))

    assert house.imports.table_days == {}


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(3)))
def test_files_that_agree_make_the_same_rows_in_any_order(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = [
        text([meter(), meter("Slot 2")]),
        text([meter("Slot 2"), meter("Slot 3")]),
        text([meter("Slot 3"), meter("Slot 3"), meter("Slot 4")]),
    ]
    house = House(tmp_path_factory.mktemp("scratch"))

    summaries = [house.drop(files[number], f"{number}.csv") for number in order]

    assert sum(summary.imported for summary in summaries) == 4
    assert sum(summary.duplicates for summary in summaries) == 3
    assert all(s.rows == s.imported + s.duplicates + s.conflicts + s.unreadable for s in summaries)


def test_a_writer_that_was_overtaken_makes_its_days_again(house: House, tmp_path: Path) -> None:
    """Another file is imported between reading which files there are and writing a partition."""
    rival = House(tmp_path, house.imports)
    rival.drops = 10

    def overtake() -> None:
        house.imports.on_write = lambda: None
        rival.drop(text([meter("Slot 2")]), "rival.csv")

    house.imports.on_write = overtake
    house.drop(text([meter()]))

    alone = House(tmp_path)
    alone.drop(text([meter()]))
    alone.drops = 10
    alone.drop(text([meter("Slot 2")]), "rival.csv")
    assert house.imports.partitions == alone.imports.partitions


def test_a_writer_that_is_always_overtaken_gives_up(house: House) -> None:
    rivals = iter(range(100))

    def overtake() -> None:
        place = house.imports.files[SourceName.SLOT_METERS, "north"]
        file, content = next(iter(place.values()))
        name = f"{next(rivals)}"
        place[name] = (type(file)(0, "", name, name, file.mapping, ("1999-01-01",)), content)

    house.imports.on_write = overtake

    with pytest.raises(ContendedImport):
        house.drop(text([meter()]))


@pytest.mark.parametrize(
    ("content", "mapping", "refusal"),
    [
        ("", None, "it is empty"),
        ("a,b\n1,2\n", None, "it lacks the column 'Slot Name'"),
        (text([meter()]), "source = 1", "the mapping cannot be used"),
        (text([meter()]), shipped_text(SourceName.PROMOTIONS), "the mapping is of promotions"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_and_not_kept(
    house: House, content: str, mapping: str | None, refusal: str
) -> None:
    summary = house.drop(content, mapping=mapping)

    assert refusal in (summary.refusal or "")
    assert (house.imports.files, house.imports.partitions) == ({}, {})


# --- the handler ----------------------------------------------------------------------------------


class _Wired:
    def __init__(self, house: House) -> None:
        self.import_files = house.import_files
        self.imports = self
        self.reports: dict[str, Summary] = {}

    def report(self, key: str, summary: Summary) -> None:
        self.reports[key] = summary


@pytest.fixture
def wired(house: House, monkeypatch: pytest.MonkeyPatch) -> _Wired:
    wiring = _Wired(house)
    monkeypatch.setattr(module, "_wiring", lambda: wiring)
    return wiring


def _metrics(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in printed.splitlines():
        if '"_aws"' in line:
            found |= {name: value for name, value in json.loads(line).items() if name != "_aws"}
    return found


def test_a_dropped_file_is_imported_and_told_of(
    house: House, wired: _Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    house.imports.dropped[NORTH.key] = text([meter(), meter(), meter(games=0)]).encode()

    module.handler(load("import_files")["dropped"], None)

    summary = wired.reports[NORTH.key]
    assert (summary.imported, summary.duplicates, summary.conflicts) == (1, 1, 1)
    counted = _metrics(capsys.readouterr().out)
    assert counted["FilesImported"] == [1.0]
    assert counted["RowsReceived"] == [3.0]
    assert counted["RowsQuarantined"] == [1.0]


def test_a_file_in_no_place_is_told_of(wired: _Wired, capsys: pytest.CaptureFixture[str]) -> None:
    event = load("import_files")["misplaced"]
    key = event["detail"]["object"]["key"]

    module.handler(event, None)

    assert "sources are slot-meters, promotions, table-sessions" in (
        wired.reports[key].refusal or ""
    )
    assert _metrics(capsys.readouterr().out)["FilesRefused"] == [1.0]


@pytest.mark.parametrize(
    "key",
    [
        "drop/slot-meters/january.csv",
        "drop/slot-meters/north/2019/january.csv",
        "drop/bingo/north/january.csv",
        "drop/slot-meters/north/january.txt",
        "drop/slot-meters/no rth/january.csv",
        "raw/slot-meters/north/january.csv",
    ],
)
def test_a_key_that_says_no_source_or_property_is_refused(key: str) -> None:
    with pytest.raises(MisplacedDrop):
        Drop.at(key)
