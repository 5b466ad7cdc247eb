"""`pitboss query`: SQL over the lake, in Athena or on this machine."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from workbench import endpoint, named_queries
from workbench.console import UsageError, WorkbenchError, err, out, say
from workbench.paths import home

if TYPE_CHECKING:
    from workbench.athena import Progress, Result, Value


class Format(StrEnum):
    """What a result is written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_NAME = re.compile(r"\w+")
_NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE", "INTEGER", "FLOAT", "SMALLINT", "TINYINT")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("query")(query)


def query(
    statement: Annotated[
        str | None,
        typer.Argument(metavar="NAME|SQL", help="A named query, or a statement of Athena's SQL."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter; repeat for more."),
    ] = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="Run it here: DuckDB over copies of the files it needs."),
    ] = False,
    output_format: Annotated[
        Format | None, typer.Option("--format", help="Default: FILE's ending, or table.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the result to a file.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the named queries.")] = False,
    show_sql: Annotated[
        bool, typer.Option("--sql", help="Only print the statement, as it would be run.")
    ] = False,
) -> None:
    """Ask the lake: a named query or any SELECT, in Athena or, with --local, on this machine.

    `pitboss query daily_players -p first_day=2026-11-01`. Tables, columns and the named queries
    are in docs/sql.md.
    """
    if show_list:
        _print_list()
        return
    if statement is None:
        raise UsageError(
            "Name a query, or write a statement; `pitboss query --list` has the names."
        )
    text = _filled(statement, _given(param or ()))
    if show_sql:
        typer.echo(text.rstrip("\n"))
        return
    chosen = _format(output_format, file)
    result = _run_here(text) if local else _run_in_athena(text)
    _must_be_unmistakable(result, chosen)
    if file is None:
        _print(result, chosen)
    else:
        _write(result, chosen, file)
    count = len(result.rows)
    where = "" if file is None else f" in {file}"
    say(f"{count:,} {'row' if count == 1 else 'rows'}{where}, {_bytes(result.scanned)} read")


def _print_list() -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("query", "answers", "parameters"):
        table.add_column(heading)
    for one in named_queries.all_queries().values():
        names = ", ".join(parameter.name for parameter in one.parameters)
        table.add_row(one.name, escape(one.title), names)
    out.print(table)


def _given(pairs: Iterable[str]) -> dict[str, str]:
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{pair!r} is no parameter: write --param name=value.")
        given[name] = value
    return given


def _filled(statement: str, given: dict[str, str]) -> str:
    """The statement with its parameters."""
    text = statement.strip()
    if not _NAME.fullmatch(text):
        unused = given.keys() - named_queries.asked_for(text)
        if unused:
            raise UsageError(f"The statement has no parameter {sorted(unused)[0]}.")
        return named_queries.filled(text, given)
    one = named_queries.find(text)
    values = one.values(given, datetime.now(UTC).date())
    say(f"{one.title} {', '.join(f'{name} {value}' for name, value in values.items())}")
    return one.statement(values)


def _format(chosen: Format | None, file: Path | None) -> Format:
    endings = {f".{one}": one for one in Format if one is not Format.TABLE}
    if chosen is None:
        chosen = Format.TABLE if file is None else endings.get(file.suffix.lower(), Format.TABLE)
    if chosen is Format.PARQUET and file is None:
        raise UsageError("Parquet is for a file: name it with --out.")
    return chosen


# --- running it -----------------------------------------------------------------------------------


def _output(name: str) -> str:
    found = endpoint.stack_outputs().get(name)
    if found is None:
        raise WorkbenchError(f"The stack has no {name} yet: deploy it anew with `pitboss up`.")
    return found


def _run_in_athena(text: str) -> "Result":
    from workbench import athena

    database, workgroup = _output("LakeDatabaseName"), _output("LakeWorkGroupName")
    client = endpoint.client("athena")

    def ask(progress: "Callable[[Progress], None]") -> "Result":
        return athena.run(client, text, database=database, workgroup=workgroup, progress=progress)

    if not err.is_terminal:
        return ask(lambda _: None)
    with err.status("asking Athena ...") as line:

        def show(progress: "Progress") -> None:
            line.update(
                f"{progress.state.lower()}, {progress.seconds:.0f} s, "
                f"{_bytes(progress.scanned)} read"
            )

        return ask(show)


def _run_here(text: str) -> "Result":
    from workbench import local_lake
    from workbench.catalogue import tables

    started = time.monotonic()
    parsed = local_lake.parse(text)
    needs = local_lake.needs(parsed)
    bucket, s3 = _output("LakeBucketName"), endpoint.client("s3")
    files: dict[str, list[Path]] = {}
    downloaded = size = 0
    with err.status("looking for files ...") if err.is_terminal else nullcontext():
        for table in tables():
            wanted = [need for need in needs if need.table == table.name]
            if wanted:
                fetched = local_lake.fetch(s3, bucket, table, wanted, home() / "lake" / bucket)
                files[table.name] = fetched.paths
                downloaded += fetched.downloaded
                size += fetched.downloaded_bytes
    count = sum(map(len, files.values()))
    say(
        f"{count:,} files, {downloaded:,} of them downloaded ({_bytes(size)}, "
        f"{time.monotonic() - started:.1f} s)"
    )
    return local_lake.run(parsed, files)


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1_000
    return f"{size:,.1f} GB"


# --- what it found --------------------------------------------------------------------------------


def _must_be_unmistakable(result: "Result", chosen: Format) -> None:
    names = [column.name for column in result.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None and chosen in (Format.JSON, Format.PARQUET):
        raise WorkbenchError(f"Two columns are called {twice}: give one another name with AS.")


def _print(result: "Result", chosen: Format) -> None:
    if chosen is Format.TABLE:
        out.print(result_table(result))
    elif chosen is Format.CSV:
        _write_csv(result, sys.stdout)
    else:
        sys.stdout.write(_json(result))


def _write(result: "Result", chosen: Format, file: Path) -> None:
    """Write a file, whole or not at all."""
    draft = file.with_name(f".{file.name}.part")
    try:
        if chosen is Format.PARQUET:
            _write_parquet(result, draft)
        else:
            with draft.open("w", encoding="utf-8", newline="") as target:
                if chosen is Format.CSV:
                    _write_csv(result, target)
                elif chosen is Format.JSON:
                    target.write(_json(result))
                else:
                    from rich.console import Console

                    wide = Console(file=target, width=100_000, highlight=False, soft_wrap=True)
                    wide.print(result_table(result))
        draft.replace(file)
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be written: {fault.strerror}.") from fault
    finally:
        draft.unlink(missing_ok=True)


def result_table(result: "Result") -> Table:
    """A result for people."""
    table = Table(box=None, pad_edge=False)
    for column in result.columns:
        is_number = column.kind.startswith(_NUMBERS)
        table.add_column(Text(column.name), justify="right" if is_number else "left")
    for row in result.rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    return table


def _shown(value: "Value") -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return _text(value)


def _text(value: "Value") -> str:
    match value:
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def _write_csv(result: "Result", target: IO[str]) -> None:
    target.write(",".join(_cell(column.name) for column in result.columns) + "\n")
    target.writelines(",".join(map(_cell, row)) + "\n" for row in result.rows)


def _cell(value: "Value") -> str:
    """A text in quotes, so that an empty one is not taken for null, which is nothing at all."""
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return _text(value)


def _json(result: "Result") -> str:
    """A list of objects; a decimal is a text, so that it stays exact."""
    names = [column.name for column in result.columns]
    rows = (dict(zip(names, map(_json_value, row), strict=True)) for row in result.rows)
    return "[" + ",".join("\n" + json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def _json_value(value: "Value") -> Any:  # noqa: ANN401 - whatever JSON can say
    return _text(value) if isinstance(value, Decimal | date) else value


def _write_parquet(result: "Result", path: Path) -> None:
    import duckdb

    if not result.columns:
        raise WorkbenchError("The statement has no columns: there is nothing to write.")
    names = [column.name.replace('"', '""') for column in result.columns]
    kinds = ", ".join(f"'c{place}': '{column.kind}'" for place, column in enumerate(result.columns))
    shown = ", ".join(f'c{place} AS "{name}"' for place, name in enumerate(names))
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        staged = Path(folder) / "rows.csv"
        with staged.open("w", encoding="utf-8", newline="") as target:
            _write_csv(result, target)
        source = (
            f"read_csv('{staged}', header = true, auto_detect = false, delim = ',', "
            f"quote = '\"', escape = '\"', allow_quoted_nulls = false, columns = {{{kinds}}})"
        )
        target_name = str(path).replace("'", "''")
        database.execute(
            f"COPY (SELECT {shown} FROM {source}) TO '{target_name}' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
