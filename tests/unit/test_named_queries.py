"""Named queries find what was worked out by hand, in DuckDB as they stand and as Athena's SQL."""

from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from rich.console import Console

from tests import golden_lake
from workbench import catalogue, local_lake, named_queries, query, saved_queries
from workbench.athena import Result
from workbench.console import UsageError

QUERIES = named_queries.all_queries()
TODAY = date(2026, 11, 30)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    golden_lake.write(folder)
    return folder


def found(lake: Path, statement: str, *, as_it_stands: bool) -> Result:
    parsed = local_lake.parse(statement)
    mentioned = {need.table for need in local_lake.needs(parsed)}
    files = {name: of for name, of in golden_lake.files(lake).items() if name in mentioned}
    if as_it_stands:
        return local_lake.run(parsed, files, lambda _: statement)
    return local_lake.run(parsed, files)


def statement(name: str, **given: str) -> str:
    one = QUERIES[name]
    return one.statement(one.values({**golden_lake.RANGE, **given}, TODAY))


def test_every_query_has_an_answer_that_is_known() -> None:
    assert QUERIES.keys() == golden_lake.ANSWERS.keys()


@pytest.mark.parametrize("as_it_stands", [True, False], ids=["duckdb", "translated"])
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds(name: str, as_it_stands: bool, lake: Path) -> None:
    assert found(lake, statement(name), as_it_stands=as_it_stands).rows == golden_lake.ANSWERS[name]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_athenas_sql(name: str, lake: Path) -> None:
    """Parsed as Athena's and written as Athena's it is another text of the same meaning."""
    text = sqlglot.transpile(statement(name), read="athena", write="athena")[0]

    assert sqlglot.transpile(text, read="athena", write="athena")[0] == text
    assert found(lake, text, as_it_stands=False).rows == golden_lake.ANSWERS[name]


@pytest.mark.parametrize("name", QUERIES)
def test_amounts_are_decimal_and_counts_integers(name: str, lake: Path) -> None:
    columns = found(lake, statement(name), as_it_stands=True).columns

    for column in columns:
        is_share = column.name.endswith(
            ("percent", "percent_of_new", "points", "_per_hour", "_minutes")
        )
        assert (column.kind == "DOUBLE") == is_share, column
        assert not column.kind.startswith("DECIMAL(38, 0)"), column


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_as_athena_saves_it_runs_as_it_is(name: str, lake: Path) -> None:
    """Its days are counted from the day of the run; only the days of a window are others then."""
    text = saved_queries.saved_text(QUERIES[name])
    assert named_queries.asked_for(text) == set()
    there = text.replace("'P1'", f"'{golden_lake.PROPERTY}'")

    answer = found(lake, there.replace("current_date", "DATE '2026-11-10'"), as_it_stands=False)

    columns = 3 if name == "mau" else None
    assert [row[:columns] for row in answer.rows] == [
        row[:columns] for row in golden_lake.ANSWERS[name]
    ]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_of_an_empty_lake_finds_nothing(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, statement(name), as_it_stands=True).rows == []


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_only_the_partitions_it_is_asked_about(name: str) -> None:
    needs = local_lake.needs(local_lake.parse(statement(name)))

    assert needs
    for need in needs:
        assert need.property_ids == frozenset({golden_lake.PROPERTY})
        if need.table not in catalogue.MANIFEST_TABLES:
            assert (need.first_day, need.last_day) == ("2026-11-01", "2026-11-10")


@pytest.mark.parametrize(
    ("games", "coin_out", "expected"),
    [(100_000, 87, True), (99_999, 87, False), (100_000, 88, False), (100_000, 93, True)],
)
def test_a_variance_is_reported_from_100_000_games_and_3_points_on(
    games: int, coin_out: int, expected: bool, tmp_path: Path
) -> None:
    """Hold 10 % in theory: 87 cents back of a dollar are 3 points off, 93 are too."""
    path = tmp_path / "refined/games/property_id=golden/gaming_day=2026-11-02/games.parquet"
    (table,) = [one for one in catalogue.tables() if one.name == "games"]
    row = golden_lake.Play(golden_lake.MON, "1", "20:00:00", None, 1000, 100, coin_out).row
    path.parent.mkdir(parents=True)
    with duckdb.connect() as database:
        golden_lake.write_parquet(table, [row], tmp_path / "one.parquet", database)
        database.execute(
            f"COPY (SELECT o.* FROM '{tmp_path / 'one.parquet'}' o, range({games})) "
            f"TO '{path}' (FORMAT parquet)"
        )

    (answer,) = found(tmp_path, statement("hold"), as_it_stands=True).rows

    assert answer[1] == games
    assert answer[-1] is expected


@pytest.mark.parametrize("name", QUERIES)
def test_the_document_shows_what_a_query_finds(name: str, lake: Path) -> None:
    shown = StringIO()
    Console(file=shown, width=1_000).print(
        query.result_table(found(lake, statement(name), as_it_stands=True))
    )
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]

    document = (named_queries.FOLDER.parent / "docs/sql.md").read_text(encoding="utf-8")
    example = "\n".join(["```", *lines, "```"])
    assert f"### `{name}`\n\n{QUERIES[name].title}\n\n{example}\n" in document


def test_the_heading_says_what_is_answered_and_asked_for() -> None:
    one = QUERIES["busiest_hours"]

    assert one.title.startswith("The busiest hours of the day")
    assert [parameter.name for parameter in one.parameters] == [
        "property",
        "first_day",
        "last_day",
        "time_zone",
    ]
    assert one.values({"property": "south"}, TODAY) == {
        "property": "south",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
        "time_zone": "America/Los_Angeles",
    }


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_what_its_heading_says(name: str) -> None:
    one = QUERIES[name]

    assert named_queries.asked_for(one.text) == {parameter.name for parameter in one.parameters}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"day": "2026-11-20"}, "adt has no parameter day: it has property, first_day, last_day."),
        ({"first_day": "20.11."}, "first_day is '20.11.': a day is written like 2026-11-20."),
    ],
)
def test_a_wrong_parameter_is_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        QUERIES["adt"].values(given, TODAY)
    assert caught.value.sentence == said


def test_a_value_stays_a_value(lake: Path) -> None:
    answer = found(lake, statement("adt", property="x' OR '1' = '1"), as_it_stands=True)

    assert answer.rows == []


def test_places_in_texts_and_comments_are_none() -> None:
    text = """SELECT ':a', ":a", x::y /* :a */ FROM t WHERE b = :a -- :a"""
    expected: Any = """SELECT ':a', ":a", x::y /* :a */ FROM t WHERE b = 'v' -- :a"""

    assert named_queries.filled(text, {"a": "v"}) == expected
