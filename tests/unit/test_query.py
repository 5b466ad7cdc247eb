"""`pitboss query`: a result is whole or an error, in Athena and here, in every format."""

import json
import re
import shlex
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests import golden_lake
from tests.fakes.athena import FakeAthena, column
from workbench import athena, endpoint, local_lake, main, named_queries, query
from workbench.athena import Progress, Result
from workbench.catalogue import tables
from workbench.console import WholeConsole, WorkbenchError
from workbench.local_lake import Need
from workbench.paths import ROOT

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
        prefix = request["Prefix"]
        found = {
            key: path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and (key := str(path.relative_to(self.folder))).startswith(prefix)
        }
        if delimiter := request.get("Delimiter"):
            folders = {
                prefix + head + delimiter
                for head, below, _ in (
                    key.removeprefix(prefix).partition(delimiter) for key in found
                )
                if below
            }
            return [{"CommonPrefixes": [{"Prefix": one} for one in sorted(folders)]}]
        return [
            {
                "Contents": [
                    {"Key": key, "ETag": self._etag(path), "Size": path.stat().st_size}
                    for key, path in found.items()
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

    assert sorted(s3.read) == [key(golden_lake.TUE), key(golden_lake.NEXT_TUE)]
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


@pytest.fixture
def bucket_is_empty(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    clients = {"s3": FakeS3(folder), "athena": FakeAthena(COLUMNS, [[NAMES]])}
    monkeypatch.setattr(endpoint, "client", clients.__getitem__)


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


def test_without_a_query_they_are_listed_with_what_they_answer_and_ask_for(
    ask: Callable[..., Any],
) -> None:
    result = ask()

    assert result.exit_code == 0
    for one in named_queries.all_queries().values():
        assert re.search(rf"^{one.name} +{re.escape(one.title)}", result.stdout, re.MULTILINE)
    assert re.search(
        r"^first_day +today-29 +The first gaming day\. *$", result.stdout, re.MULTILINE
    )
    assert re.search(r"^time_zone .*\(busiest_hours\) *$", result.stdout, re.MULTILINE)


TERMINAL = 80


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What a terminal shows that is as narrow as they come."""
    shown = StringIO()
    console = WholeConsole(
        file=shown, force_terminal=True, width=TERMINAL, no_color=True, highlight=False
    )
    monkeypatch.setattr(query, "out", console)
    return shown


@pytest.mark.parametrize("name", golden_lake.ANSWERS)
def test_a_terminal_shows_every_query_within_its_width(
    name: str, ask: Callable[..., Any], terminal: StringIO
) -> None:
    result = ask(name, "--local", *PARAMETERS)

    assert result.exit_code == 0, result.output
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in terminal.getvalue().splitlines()]
    assert max(map(len, lines)) <= TERMINAL
    assert len(lines) > len(golden_lake.ANSWERS[name])


def test_what_is_too_wide_for_a_terminal_has_folded_headings_or_a_line_for_each_value(
    ask: Callable[..., Any], terminal: StringIO
) -> None:
    columns = "1 AS carded_theoretical_win, 2.5 AS uncarded_theoretical_win, 'x' AS last_day_played"
    ask(f"SELECT {columns}, 4 AS games_without_hold", "--local")
    folded = terminal.getvalue().splitlines()
    ask(f"SELECT {', '.join(f'{n} AS column_{n}' for n in range(20))}", "--local")
    one_by_one = terminal.getvalue().splitlines()[len(folded) :]

    assert "carded_theoretical_win" not in "".join(folded)
    assert [line.split() for line in folded][-1] == ["1", "2.5", "x", "4"]
    assert "row 1 of 1" in one_by_one[0]
    assert one_by_one[1:3] == ["column_0   0", "column_1   1"]


def test_figures_of_a_column_have_their_points_below_each_other(ask: Callable[..., Any]) -> None:
    shown = ask("SELECT 3.9E0 AS x UNION ALL SELECT 27.584E0 UNION ALL SELECT NULL", "--local")

    assert sorted(shown.stdout.split()) == ["-", "27.584", "3.900", "x"]


def test_the_statement_can_be_had_for_athenas_console(ask: Callable[..., Any]) -> None:
    text = ask("daily_players", "--sql", *PARAMETERS).stdout

    assert text.startswith("SELECT")
    assert "property_id = 'golden' AND gaming_day BETWEEN '2026-11-01' AND '2026-11-10'" in text


def test_a_statements_own_parameters_are_filled_in(ask: Callable[..., Any]) -> None:
    arguments = ("SELECT asset_id FROM games WHERE gaming_day = :day AND coin_in_cents = 300",)

    result = ask(*arguments, "--local", "-p", f"day={golden_lake.TUE}", "--format", "json")

    assert json.loads(result.stdout) == [{"asset_id": "102"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            [
                "adt",
                "-p",
                "property=golden",
                "-p",
                "last_day=2026-10-31",
                "-p",
                "first_day=2026-10-01",
            ],
            "The lake has games of gaming days 2026-11-02 to 2026-11-11: "
            "say -p first_day=2026-11-02 -p last_day=2026-11-11.",
        ),
        (
            ["adt", "-p", "property=gold"],
            "The lake has games of golden, golden-south, not of gold: say -p property=golden.",
        ),
        (
            ["SELECT count(*) FROM games WHERE gaming_day = '2020-01-01'"],
            "The lake has games of gaming days 2026-11-02 to 2026-11-11. ",
        ),
    ],
)
def test_what_is_not_in_the_lake_is_told_with_what_is(
    arguments: list[str], said: str, ask: Callable[..., Any]
) -> None:
    result = ask(*arguments, "--local")

    assert said in " ".join(result.stderr.split())
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "statement",
    [
        *(f"SELECT 1 FROM games WHERE gaming_day = '{golden_lake.MON}' AND asset_id = 'none'",),
        # Refined, only that there is none of it.
        *("SELECT * FROM gaps", "SELECT NULL AS nothing", "SELECT 0 AS n"),
    ],
)
def test_an_answer_of_nothing_is_an_answer(statement: str, ask: Callable[..., Any]) -> None:
    result = ask(statement, "--local")

    assert "The lake has" not in result.stderr
    assert result.exit_code == 0


@pytest.mark.parametrize("where", [[], ["--local"]], ids=["athena", "here"])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("daily_players", "The lake has no games yet: `pitboss refine` makes them"),
        ("SELECT 1 FROM slot_meters", "no slot_meters yet: `pitboss import slot-meters FILE`"),
    ],
)
def test_a_lake_with_nothing_in_it_says_how_it_is_filled(
    asked: str, said: str, where: list[str], ask: Callable[..., Any], bucket_is_empty: None
) -> None:
    result = ask(asked, *where)

    assert said in " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nonsense"], 2, "There is no query nonsense: there are adt, busiest_hours,"),
        (["dayly_player"], 2, "There is no query dayly_player: did you mean daily_players?"),
        (
            ["SELECT 1 FROM game_event", "--local"],
            1,
            "no table game_event: did you mean game_events",
        ),
        (
            ["SELECT 1 FROM nosuch", "--local"],
            1,
            "There is no table nosuch: there are game_events,",
        ),
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


def documented() -> list[str]:
    """The commands of docs/sql.md."""
    text = (ROOT / "docs/sql.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("line", documented())
def test_a_command_of_the_document_does_what_it_says(
    line: str, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    name, command, *arguments = shlex.split(line, comments=True)

    result = ask(*arguments)

    assert (name, command) == ("pitboss", "query")
    assert result.exit_code == 0, result.output
    if "--out" in arguments:
        assert (tmp_path / arguments[-1]).exists()


def test_the_sums_of_the_document_are_statements() -> None:
    text = " ".join((ROOT / "docs/sql.md").read_text(encoding="utf-8").split())
    sums = re.findall(r"`(CAST\(sum\([^`]*)`", text)

    assert len(sums) == 2
    for one in sums:
        local_lake.run(local_lake.parse(f"SELECT {one} FROM games"), {"games": []})


def test_the_document_names_every_parameter_with_its_default() -> None:
    text = " ".join((ROOT / "docs/sql.md").read_text(encoding="utf-8").split())
    found = {one for of in named_queries.all_queries().values() for one in of.parameters}
    said = {
        "property": "`property` (`P1`)",
        "first_day": "`first_day` (29 days before today)",
        "last_day": "`last_day` (today, UTC)",
        "time_zone": "`time_zone` (`America/Los_Angeles`)",
        "crash": "`crash` (`client_crashed`)",
        "level": "`started` and `finished` (`level_started`, `level_finished`)",
    }

    assert {one.name: one.default for one in found} == {
        "property": "P1",
        "first_day": "today-29",
        "last_day": "today",
        "time_zone": "America/Los_Angeles",
        "crash": "client_crashed",
        "started": "level_started",
        "finished": "level_finished",
    }
    for one in said.values():
        assert one in text
