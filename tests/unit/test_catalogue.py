"""The catalogue's columns are those of the files that are written."""

from pathlib import Path

import duckdb
import pytest

from pitboss.gaming_day import GamingDay
from pitboss.imports.accounts import Accounts
from pitboss.imports.mapping import parse, shipped_text
from pitboss.imports.sources import SOURCES, SourceName
from pitboss.lake import decided, rated
from pitboss.lake import tables as lake
from pitboss.lake.layout import manifest_key, table_key
from pitboss.lake.manifest import Counts, Manifest
from workbench import catalogue, local_lake

TABLES = {table.name: table for table in catalogue.tables()}

FILES = {
    SourceName.SLOT_METERS: (
        "Slot Name,Model Name,Make Name,Slot Currency,Slot Reading Hour,Games Played This Hour,"
        "Dollars Player Bet,Dollars Player Lost,Theory Player Lost Amount,"
        "Slot Ideal Payback Percentage\n"
        "Slot 1,A560,Maker,$,2019-01-19 12:00:00,10,48.57,25.2,2.4285,0.05\n"
    ),
    SourceName.PROMOTIONS: (
        "Player Name,Promotion Name,Promotion Issued Date Exact,Table Currency,Player Card Level,"
        "Total Promotion Value,Promotion Cost In Dollars\n"
        "p1,May,1/19/2019 12:00:00 PM,$,Card,10,5\n"
    ),
    SourceName.TABLE_SESSIONS: (
        "Table Name,Player Name,Play Start Date Exact,Play End Date Exact,"
        "Total Minutes Played This Session,Table Currency,Player Card Level,"
        "Session Cash Buy In Dollars,Session Chips Buy In Dollars,Session Cash Out Amount Dollars,"
        "Session Player Lost Dollars,Session Player Average Bet,Number of Bets Per Hour,"
        "Hold Percentage\n"
        "BJ-3,p1,1/19/2019 12:00:00 PM,1/19/2019 12:30:00 PM,30,$,Card,0,0,0,-40,20,50,0.025\n"
    ),
}


def test_the_tables_are_all_that_is_written() -> None:
    assert TABLES.keys() == {
        *(table.name for table in (*lake.TABLES, *rated.RATED_TABLES, decided.DECISIONS)),
        *(source.table for source in SOURCES.values()),
        *catalogue.MANIFEST_TABLES,
    }


def test_every_table_and_column_says_what_it_means() -> None:
    assert catalogue.undescribed() == []


@pytest.mark.parametrize("source", SourceName)
def test_an_imported_tables_columns_are_those_of_its_files(
    source: SourceName, tmp_path: Path
) -> None:
    file, written = tmp_path / "file.csv", tmp_path / "written.parquet"
    file.write_text(FILES[source])
    rule = GamingDay.parse("America/Los_Angeles@06:00")
    with Accounts(SOURCES[source], rule, tmp_path) as accounts:
        accounts.add(file, parse(shipped_text(source), source), "file.csv", "file.csv")
        accounts.settle()
        assert accounts.write("2019-01-19", written)

    with duckdb.connect() as database:
        found = database.read_parquet(str(written))
        columns = list(zip(found.columns, map(str, found.types), strict=True))

    expected = [(c.name, c.kind.replace(", ", ",")) for c in TABLES[SOURCES[source].table].columns]
    assert [(name, kind.replace(", ", ",")) for name, kind in columns] == expected


def test_a_manifest_has_the_columns_of_its_table(tmp_path: Path) -> None:
    counts = Counts(9, 5, 3, 1)
    manifest = Manifest(
        *("north", "2026-11-20", counts, 2, {"rate_players/id_reuse": 4}),
        *({"game.ended": counts}, {}, [], []),
    )
    path = tmp_path / manifest_key("north", "2026-11-20")
    path.parent.mkdir(parents=True)
    path.write_bytes(manifest.to_json())

    statement = local_lake.parse(
        "SELECT property_id, gaming_day, events.conflicting, unreadable, "
        "quarantined['rate_players/id_reuse'], event_types['game.ended'].duplicate FROM manifests"
    )
    result = local_lake.run(statement, {"manifests": [path]})

    assert result.rows == [("north", "2026-11-20", 1, 2, 4, 3)]


def test_a_tables_files_lie_where_the_catalogue_looks() -> None:
    for table in TABLES.values():
        key = table_key(table.name, "north", "2026-11-20")
        if table.name in catalogue.MANIFEST_TABLES:
            key = manifest_key("north", "2026-11-20", catalogue.MANIFEST_TABLES[table.name])
        assert key.startswith(f"{table.prefix}property_id=north/gaming_day=2026-11-20")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("VARCHAR[]", "array<string>"),
        ("DECIMAL(38, 0)", "decimal(38,0)"),
        ("MAP(VARCHAR, BIGINT)", "map<string,bigint>"),
        (
            'MAP(VARCHAR, STRUCT("a" BIGINT, "b" VARCHAR))',
            "map<string,struct<a:bigint,b:string>>",
        ),
    ],
)
def test_a_type_is_called_what_glue_calls_it(kind: str, expected: str) -> None:
    assert catalogue.glue_kind(kind) == expected
