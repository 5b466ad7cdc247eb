"""`pitboss query`: a result is whole or an error, in Athena and here, in every format."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests import golden_lake
from tests.fakes.athena import FakeAthena, column
from workbench import athena, endpoint, local_lake, main
from workbench.athena import Progress, Result
from workbench.catalogue import tables
from workbench.console import WorkbenchError
from workbench.local_lake import Need

COLUMNS = [
    column("player_id", "varchar"),
    column("games", "bigint"),
    column("coin_in", "decimal", scale=2),
    column("share", "double"),
    column("is_right", "boolean"),
    column("day", "date"),
]
NAMES: list[str | None] = [one["Name"] for one in COLUMNS]
ONE: list[str | None] = ["p1", "3", "12.50", "0.25", "true", "2026-11-20"]
NONE: list[str | None] = ["", None, None, None, "false", None]


def run(fake: Any, told: Callable[[Progress], None] = lambda _: None) -> Result:
    return athena.run(
        fake, "SELECT 1", database="db", workgroup="wg", progress=told, sleep=lambda _: None
    )


# --- Athena ---------------------------------------------------------------------------------------


def test_all_pages_are_read_and_the_row_of_names_is_none() -> None:
    fake = FakeAthena(COLUMNS, [[NAMES, ONE], [ONE], [NONE]])
    told: list[Progress] = []

    result = run(fake, told.append)

    row = ("p1", 3, Decimal("12.50"), 0.25, True, date(2026, 11, 20))
    assert result.rows == [row, row, ("", None, None, None, False, None)]
    assert [one.kind for one in result.columns] == [
        *("VARCHAR", "BIGINT", "DECIMAL(38, 2)", "DOUBLE", "BOOLEAN", "DATE")
    ]
    assert [one.state for one in told] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert result.scanned == told[-1].scanned == 1_234_567
    assert fake.started["QueryExecutionContext"] == {"Database": "db"}
    assert fake.started["WorkGroup"] == "wg"
    assert fake.stopped == []


def test_a_decimal_keeps_the_decimals_it_has_whatever_is_said_of_it() -> None:
    fake = FakeAthena([column("coin_in", "decimal", scale=0)], [[["coin_in"], ["1.125"], ["2"]]])

    result = run(fake)

    assert result.columns[0].kind == "DECIMAL(38, 3)"
    assert result.rows == [(Decimal("1.125"),), (Decimal(2),)]


def test_a_page_that_is_missing_is_no_shorter_result() -> None:
    class Broken(FakeAthena):
        def get_query_results(self, **request: Any) -> dict[str, Any]:
            if "NextToken" in request:
                raise ConnectionError("the line is gone")
            return super().get_query_results(**request)

    with pytest.raises(ConnectionError):
        run(Broken(COLUMNS, [[NAMES, ONE], [ONE]]))


@pytest.mark.parametrize(
    ("fake", "said"),
    [
        (
            FakeAthena([], [], refusal="line 1:8: mismatched input 'FORM'"),
            "Athena refuses the statement: line 1:8: mismatched input 'FORM'",
        ),
        (
            FakeAthena([], [], states=("FAILED",), reason="COLUMN_NOT_FOUND: line 1:8: x"),
            "The statement failed: COLUMN_NOT_FOUND: line 1:8: x",
        ),
        (
            FakeAthena(
                [],
                [],
                states=("RUNNING", "CANCELLED"),
                reason="Query cancelled! : Bytes scanned limit was exceeded",
            ),
            "The statement was ended: it read more than workgroup wg allows (Query cancelled! : "
            "Bytes scanned limit was exceeded). Ask for fewer days or columns, or deploy with a "
            "larger QueryScanLimitBytes.",
        ),
        (
            FakeAthena([], [], states=("CANCELLED",), reason="by someone"),
            "The statement was ended: by someone",
        ),
    ],
)
def test_what_cannot_be_run_says_why_and_where(fake: FakeAthena, said: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        run(fake)
    assert caught.value.sentence == said


def test_a_statement_that_nobody_waits_for_is_ended() -> None:
    fake = FakeAthena(COLUMNS, [], states=("RUNNING",))

    def interrupted(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(fake, interrupted)
    assert fake.stopped == ["q-1"]


# --- here -----------------------------------------------------------------------------------------


class FakeS3:
    """A bucket of the objects below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: list[str] = []

    def get_paginator(self, name: str) -> "FakeS3":
        assert name == "list_objects_v2"
        return self

    def _etag(self, path: Path) -> str:
        import hashlib

        return '"' + hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() + '"'

    def paginate(self, **request: str) -> list[dict[str, Any]]:
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return [
            {
                "Contents": [
                    {"Key": key, "ETag": self._etag(path), "Size": path.stat().st_size}
                    for path in found
                    if (key := str(path.relative_to(self.folder))).startswith(request["Prefix"])
                ]
            }
        ]

    def get_object(self, **request: str) -> dict[str, Any]:
        path = self.folder / request["Key"]
        assert request["IfMatch"] == self._etag(path)
        self.read.append(request["Key"])
        content = path.read_bytes()

        class Body:
            def iter_chunks(self, _: int) -> list[bytes]:
                return [content]

        return {"Body": Body()}


GAMES = next(table for table in tables() if table.name == "games")


def key(day: str, property_id: str = golden_lake.PROPERTY) -> str:
    return f"refined/games/property_id={property_id}/gaming_day={day}/games.parquet"


def test_only_what_is_needed_is_copied_and_only_once(tmp_path: Path) -> None:
    s3: Any = FakeS3(tmp_path / "bucket")
    golden_lake.write(s3.folder)
    need = Need("games", frozenset({golden_lake.PROPERTY}), golden_lake.TUE, golden_lake.NEXT_TUE)

    first = local_lake.fetch(s3, "b", GAMES, [need], tmp_path / "copies")
    again = local_lake.fetch(s3, "b", GAMES, [need], tmp_path / "copies")

    assert s3.read == [key(golden_lake.TUE), key(golden_lake.NEXT_TUE)]
    assert (first.downloaded, again.downloaded, again.downloaded_bytes) == (2, 0, 0)
    assert first.paths == again.paths


def test_a_partition_that_was_made_anew_is_copied_anew(tmp_path: Path) -> None:
    s3: Any = FakeS3(tmp_path / "bucket")
    golden_lake.write(s3.folder)
    need = Need("games", frozenset({golden_lake.PROPERTY}), golden_lake.MON, golden_lake.MON)
    local_lake.fetch(s3, "b", GAMES, [need], tmp_path / "copies")
    (s3.folder / key(golden_lake.MON)).write_bytes((s3.folder / key(golden_lake.TUE)).read_bytes())

    fetched = local_lake.fetch(s3, "b", GAMES, [need], tmp_path / "copies")

    assert fetched.downloaded == 1
    assert len([path for path in (tmp_path / "copies").rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", []),
        ("SELECT * FROM games", [Need("games")]),
        (
            "SELECT 1 FROM games g WHERE g.property_id IN ('a','b') AND gaming_day >= '2026-01-02'",
            [Need("games", frozenset({"a", "b"}), "2026-01-02")],
        ),
        (
            "SELECT * FROM Games WHERE gaming_day = '2026-01-02' AND property_id = 'a'",
            [Need("games", frozenset({"a"}), "2026-01-02", "2026-01-02")],
        ),
        # What is read by OR, by a function or of another table says nothing.
        ("SELECT * FROM games WHERE gaming_day = '2026-01-02' OR true", [Need("games")]),
        ("SELECT * FROM games WHERE CAST(gaming_day AS DATE) = DATE '2026-01-02'", [Need("games")]),
        ("SELECT * FROM games WHERE NOT gaming_day = '2026-01-02'", [Need("games")]),
        (
            "SELECT * FROM games g JOIN gaps p ON true WHERE p.gaming_day < '2026-01-02'",
            [Need("games"), Need("gaps", last_day="2026-01-02")],
        ),
        (
            "WITH games AS (SELECT 1 FROM gaps WHERE gaming_day>'2026-01-02') SELECT 1 FROM games",
            [Need("games"), Need("gaps", first_day="2026-01-02")],
        ),
    ],
)
def test_what_a_statement_needs_is_never_less(statement: str, expected: list[Need]) -> None:
    found = local_lake.needs(local_lake.parse(statement))

    assert sorted(found, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT 1 FROM (", "cannot be read: Expected table name: line 1, column 15"),
        ("SELECT 1; SELECT 2", "One statement is run at a time, not 2."),
        ("DELETE FROM games", "Only a SELECT is run here"),
        ("SELECT 'x", "cannot be read"),
    ],
)
def test_what_is_no_statement_is_told(statement: str, said: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        local_lake.parse(statement)
    assert said in caught.value.sentence


def test_a_wrong_name_is_told_with_its_place() -> None:
    with pytest.raises(WorkbenchError) as caught:
        local_lake.run(local_lake.parse("SELECT nothing FROM games"), {"games": []})
    assert '"nothing" not found' in caught.value.sentence
    assert "LINE " in caught.value.sentence


def test_a_column_that_came_later_is_null_in_older_files(tmp_path: Path) -> None:
    path = tmp_path / "property_id=a" / "gaming_day=2026-01-02" / "old.parquet"
    path.parent.mkdir(parents=True)
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT 'x' AS asset_id) TO '{path}' (FORMAT parquet)")

    result = local_lake.run(
        local_lake.parse("SELECT asset_id, coin_in_cents, property_id, gaming_day FROM games"),
        {"games": [path]},
    )

    assert result.rows == [("x", None, "a", "2026-01-02")]


def test_athenas_own_functions_are_translated() -> None:
    result = local_lake.run(
        local_lake.parse(
            "SELECT approx_distinct(1), from_unixtime(0),"
            " at_timezone(from_unixtime(0), 'Asia/Tokyo')"
        ),
        {},
    )

    assert result.rows == [(1, "1970-01-01 00:00:00+00", "1970-01-01 09:00:00")]


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    golden_lake.write(folder)
    return folder


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bucket: Path) -> Callable[..., Any]:
    """The command, with a golden lake and an Athena behind it."""
    rows: list[list[list[str | None]]] = [[NAMES, ONE, NONE]]
    clients = {"s3": FakeS3(bucket), "athena": FakeAthena(COLUMNS, rows)}
    outputs = {"LakeBucketName": "b", "LakeDatabaseName": "db", "LakeWorkGroupName": "wg"}
    monkeypatch.setattr(endpoint, "client", clients.__getitem__)
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: outputs)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path / "home"))

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(main.app, ["query", *arguments])

    return invoke


PARAMETERS = [f"--param={name}={value}" for name, value in golden_lake.RANGE.items()]


def test_a_named_query_is_run_here(ask: Callable[..., Any]) -> None:
    result = ask("adt", "--local", "--format", "csv", *PARAMETERS)

    assert result.stdout == (
        '"player_id","rated_days","unrated_days","theoretical_win","adt","last_day_played"\n'
        '"p1",3,0,1.850000,0.616666,"2026-11-10"\n'
        '"p2",1,0,0.100000,0.100000,"2026-11-02"\n'
        '"p3",0,1,0.000000,,"2026-11-10"\n'
    )
    assert "3 files, 3 of them downloaded" in result.stderr
    assert "first_day 2026-11-01" in result.stderr
    assert "3 rows" in result.stderr


def test_a_statement_is_run_in_athena(ask: Callable[..., Any]) -> None:
    result = ask("SELECT 1", "--format", "csv")

    assert result.stdout.splitlines()[1:] == ['"p1",3,12.50,0.25,true,2026-11-20', '"",,,,false,']
    assert result.stderr == "2 rows, 1.2 MB read\n"


def test_json_keeps_decimals_exact(ask: Callable[..., Any]) -> None:
    first, second = json.loads(ask("SELECT 1", "--format", "json").stdout)

    assert first == {
        "player_id": "p1",
        "games": 3,
        "coin_in": "12.50",
        "share": 0.25,
        "is_right": True,
        "day": "2026-11-20",
    }
    assert second["player_id"] == ""
    assert second["games"] is None


def test_parquet_has_the_types_and_tells_null_from_nothing(
    ask: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "it's.parquet"

    result = ask("SELECT 1", "--out", str(file))

    assert result.exit_code == 0, result.output
    with duckdb.connect() as database:
        found = database.read_parquet(str(file))
        assert found.fetchall() == [
            ("p1", 3, Decimal("12.50"), 0.25, True, date(2026, 11, 20)),
            ("", None, None, None, False, None),
        ]
        assert [str(kind) for kind in found.types] == [
            *("VARCHAR", "BIGINT", "DECIMAL(38,2)", "DOUBLE", "BOOLEAN", "DATE")
        ]
    assert f"2 rows in {file}" in result.stderr.replace("\n", "")


def test_a_table_is_for_people(ask: Callable[..., Any]) -> None:
    lines = ask("SELECT 1").stdout.splitlines()

    assert lines[0].split() == NAMES
    assert lines[1].split() == ["p1", "3", "12.50", "0.25", "yes", "2026-11-20"]
    assert lines[2].split() == ["-", "-", "-", "no", "-"]


def test_what_looks_like_markup_is_shown_as_it_is(ask: Callable[..., Any]) -> None:
    assert ask("SELECT '[red]:a:' x", "--local").stdout.splitlines()[1].strip() == "[red]:a:"


def test_every_query_is_listed_with_what_it_answers(ask: Callable[..., Any]) -> None:
    text = ask("--list").stdout

    for name in golden_lake.ANSWERS:
        assert name in text
    assert "Retention: of the players first seen in a week" in text


def test_the_statement_can_be_had_for_athenas_console(ask: Callable[..., Any]) -> None:
    text = ask("daily_players", "--sql", *PARAMETERS).stdout

    assert text.startswith("SELECT")
    assert "property_id = 'golden' AND gaming_day BETWEEN '2026-11-01' AND '2026-11-10'" in text


def test_a_statements_own_parameters_are_filled_in(ask: Callable[..., Any]) -> None:
    arguments = ("SELECT asset_id FROM games WHERE gaming_day = :day AND coin_in_cents = 300",)

    result = ask(*arguments, "--local", "-p", f"day={golden_lake.TUE}", "--format", "json")

    assert json.loads(result.stdout) == [{"asset_id": "102"}]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nonsense"], 2, "There is no query nonsense: there are adt, busiest_hours,"),
        ([], 2, "Name a query, or write a statement"),
        (["adt", "-p", "day"], 2, "'day' is no parameter: write --param name=value."),
        (["adt", "-p", "x=1"], 2, "adt has no parameter x"),
        (["SELECT :a"], 2, "The statement has a parameter a: say --param a=VALUE."),
        (["SELECT 1", "-p", "a=1"], 2, "The statement has no parameter a."),
        (["SELECT 1", "--format", "parquet"], 2, "Parquet is for a file: name it with --out."),
        (["SELECT 1 a, 2 a", "--local", "--format", "json"], 1, "Two columns are called a"),
        (["SELECT 1", "--out", "/nowhere/x.csv"], 1, "/nowhere/x.csv cannot be written"),
    ],
)
def test_what_makes_no_sense_is_told(
    arguments: list[str], status: int, said: str, ask: Callable[..., Any]
) -> None:
    result = ask(*arguments)

    assert said in " ".join(result.stderr.split())
    assert result.exit_code == status
    assert result.stdout == ""
