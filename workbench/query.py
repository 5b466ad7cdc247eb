"""`pitboss query`: SQL over the lake, in Athena or on this machine."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from workbench import endpoint, named_queries
from workbench.console import UNLIMITED, UsageError, WorkbenchError, err, out, say
from workbench.paths import home

if TYPE_CHECKING:
    from workbench.athena import Progress, Result, ResultColumn, Value


class Format(StrEnum):
    """What a result is written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_NAME = re.compile(r"\w+")
_MOST_PLACES = 6
"""Of figures that are shown with as many each; more are shown as they are."""
_NUMBERS = ("BIGINT", "DECIMAL", "DOUBLE", "INTEGER", "FLOAT", "SMALLINT", "TINYINT")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("query")(query)


def query(
    statement: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|SQL",
            help="A named query, or a statement of Athena's SQL. Without: the named queries.",
        ),
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
    show_sql: Annotated[
        bool, typer.Option("--sql", help="Only print the statement, as it would be run.")
    ] = False,
) -> None:
    """Ask the lake: a named query or any SELECT, in Athena or, with --local, on this machine.

    `pitboss query daily_players -p first_day=2026-11-01`. Tables, columns and the named queries
    are in docs/sql.md.
    """
    if statement is None:
        _print_list()
        return
    text = _filled(statement, _given(param or ()))
    if show_sql:
        typer.echo(text.rstrip("\n"))
        return
    chosen = _format(output_format, file)
    result = _run_here(text) if local else _run_in_athena(text)
    _must_be_unmistakable(result, chosen)
    if not any(value for row in result.rows for value in row):
        _say_what_there_is(text, is_named=_is_name(statement))
    if file is None:
        _print(result, chosen)
    else:
        _write(result, chosen, file)
    count = len(result.rows)
    where = "" if file is None else f" in {file}"
    say(f"{count:,} {'row' if count == 1 else 'rows'}{where}, {_bytes(result.scanned)} read")


def _print_list() -> None:
    queries = named_queries.all_queries()
    table = Table(box=None, pad_edge=False)
    table.add_column("query", no_wrap=True)
    table.add_column("answers")
    for one in queries.values():
        table.add_row(one.name, escape(one.title))
    out.print(table)
    table = Table(box=None, pad_edge=False)
    table.add_column("parameter", no_wrap=True)
    table.add_column("default")
    table.add_column("is")
    asked_by: dict[named_queries.Parameter, list[str]] = {}
    for one in queries.values():
        for parameter in one.parameters:
            asked_by.setdefault(parameter, []).append(one.name)
    for parameter, names in asked_by.items():
        whose = "" if len(names) == len(queries) else f" ({', '.join(names)})"
        table.add_row(parameter.name, parameter.default, f"{escape(parameter.meaning)}{whose}")
    out.print()
    out.print(table)
    say("\nFor example `pitboss query adt -p first_day=2026-11-01`; tables are in docs/sql.md.")


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
    if not _is_name(text):
        unused = given.keys() - named_queries.asked_for(text)
        if unused:
            raise UsageError(f"The statement has no parameter {sorted(unused)[0]}.")
        return named_queries.filled(text, given)
    one = named_queries.find(text)
    values = one.values(given, datetime.now(UTC).date())
    say(one.title)
    say(", ".join(f"{name} {value}" for name, value in values.items()))
    return one.statement(values)


def _is_name(statement: str) -> bool:
    return _NAME.fullmatch(statement.strip()) is not None


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
        f"{count:,} {'file' if count == 1 else 'files'}, {downloaded:,} of them downloaded "
        f"({_bytes(size)}, {time.monotonic() - started:.1f} s)"
    )
    return local_lake.run(parsed, files)


def _say_what_there_is(text: str, *, is_named: bool) -> None:
    """Say what the lake has, where a statement found nothing because it has not what was asked for.

    Raises:
        WorkbenchError: nothing of it is there yet.
    """
    from pitboss.imports.sources import SOURCES
    from workbench import local_lake
    from workbench.catalogue import MANIFEST_TABLES, tables
    from workbench.local_lake import Need

    try:
        needs = local_lake.needs(local_lake.parse(text))
    except WorkbenchError:
        return  # Only Athena reads it.
    bucket, s3 = _output("LakeBucketName"), endpoint.client("s3")
    known = {table.name: table for table in tables()}
    there = {need.table: local_lake.properties(s3, bucket, known[need.table]) for need in needs}
    if there and not any(there.values()):
        names = ", ".join(there)
        for source in SOURCES.values():
            if source.table in there:
                raise WorkbenchError(
                    f"The lake has no {names} yet: `pitboss import {source.name} FILE` brings them."
                )
        if not any(local_lake.properties(s3, bucket, known[name]) for name in MANIFEST_TABLES):
            raise WorkbenchError(
                f"The lake has no {names} yet: `pitboss refine` makes them of what was received."
            )
    lacking = []
    for need in needs:
        table, of = known[need.table], there[need.table]
        if not of:
            continue
        if need.property_ids is not None and not need.property_ids & set(of):
            hint = f": say -p property={of[0]}" if is_named else ""
            asked = ", ".join(sorted(need.property_ids))
            lacking.append(f"The lake has {need.table} of {', '.join(of)}, not of {asked}{hint}.")
        elif local_lake.days(s3, bucket, table, need):
            return
        else:
            days = local_lake.days(s3, bucket, table, Need(need.table, need.property_ids))
            hint = f": say -p first_day={days[0]} -p last_day={days[-1]}" if is_named else ""
            shown = f"day {days[0]}" if days[0] == days[-1] else f"days {days[0]} to {days[-1]}"
            lacking.append(f"The lake has {need.table} of gaming {shown}{hint}.")
    for sentence in lacking[:1]:
        say(sentence)


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
        _print_for_people(result)
    elif chosen is Format.CSV:
        _write_csv(result, sys.stdout)
    else:
        sys.stdout.write(_json(result))


def _print_for_people(result: "Result") -> None:
    """A table; where the terminal is too narrow, with folded headings, or a line for each value."""
    limit = out.options.max_width
    for table in (result_table(result), result_table(result, is_narrow=True)):
        if Measurement.get(out, out.options.update(max_width=UNLIMITED), table).maximum <= limit:
            out.print(table)
            return
    name_width = max(len(column.name) for column in result.columns)
    for number, cells in enumerate(_cells(result), 1):
        out.print(f"row {number:,} of {len(result.rows):,}", style="bold")
        for column, cell in zip(result.columns, cells, strict=True):
            out.print(Text(f"{column.name:<{name_width}}  {cell}"))


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


def result_table(result: "Result", *, is_narrow: bool = False) -> Table:
    """A result for people.

    Args:
        result: all of it.
        is_narrow: a heading goes on in the next line after each of its words.
    """
    table = Table(box=None, pad_edge=False, collapse_padding=is_narrow)
    for column in result.columns:
        heading = column.name.replace("_", "\n") if is_narrow else column.name
        justify: Literal["left", "right"] = "right" if _is_number(column) else "left"
        table.add_column(Text(heading), justify=justify, vertical="bottom")
    for cells in _cells(result):
        table.add_row(*map(Text, cells))
    return table


def _is_number(column: "ResultColumn") -> bool:
    return column.kind.startswith(_NUMBERS)


def _cells(result: "Result") -> Iterator[tuple[str, ...]]:
    """Each row as it is shown: the figures of a column have their points below each other."""
    places = [
        max((len(repr(row[at]).partition(".")[2]) for row in result.rows if row[at]), default=0)
        if column.kind == "DOUBLE"
        else None
        for at, column in enumerate(result.columns)
    ]
    for row in result.rows:
        yield tuple(
            f"{value:.{of}f}"
            if of is not None and of <= _MOST_PLACES and isinstance(value, float)
            else _shown(value)
            for value, of in zip(row, places, strict=True)
        )


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
