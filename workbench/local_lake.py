"""Runs a statement on this machine: DuckDB over copies of the files in the lake that it needs.

A statement is Athena's SQL, translated for DuckDB. Which partitions it needs is read from its
WHERE: conditions on `property_id` and `gaming_day` with constants, joined by AND. What cannot be
read so costs downloads, never rows: DuckDB applies every condition itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from workbench.athena import Result, ResultColumn, Value
from workbench.catalogue import JSON, Table, tables
from workbench.console import WorkbenchError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PARALLEL_DOWNLOADS = 8
_FIRST, _LAST = "0000-00-00", "9999-99-99"
_DAY = re.compile(r"/gaming_day=(\d{4}-\d\d-\d\d)")
_CUT = {"HUGEINT": "DECIMAL(38, 0)", "UHUGEINT": "DECIMAL(38, 0)"}
_SIMPLE = re.compile(
    r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|DOUBLE|FLOAT|BOOLEAN|DATE|VARCHAR"
)


class Need(NamedTuple):
    """What a statement reads of a table."""

    table: str
    property_ids: frozenset[str] | None = None
    """None is all."""
    first_day: str = _FIRST
    last_day: str = _LAST


class Stored(NamedTuple):
    """An object of the lake."""

    key: str
    etag: str
    size: int
    """Bytes."""


class Fetched(NamedTuple):
    """Copies of a table's files, and what it took to have them."""

    paths: list[Path]
    downloaded: int
    """Files that were no copy of yet."""
    downloaded_bytes: int


def parse(statement: str) -> exp.Query:
    """A statement of Athena's SQL.

    Raises:
        WorkbenchError: it is none, or more than one.
    """
    try:
        found = [one for one in sqlglot.parse(statement, read="athena") if one is not None]
    except (ParseError, TokenError) as fault:
        raise WorkbenchError(f"The statement cannot be read: {_where(fault)}") from None
    if len(found) != 1:
        raise WorkbenchError(f"One statement is run at a time, not {len(found)}.")
    if not isinstance(found[0], exp.Query):
        raise WorkbenchError("Only a SELECT is run here: the copies are of the lake, not the lake.")
    return found[0]


def _where(fault: ParseError | TokenError) -> str:
    if isinstance(fault, ParseError) and fault.errors:
        first = fault.errors[0]
        said = str(first["description"]).partition(" but got ")[0].rstrip(".")
        return f"{said}: line {first['line']}, column {first['col']}, at {first['highlight']!r}."
    return str(fault)


# --- what is needed -------------------------------------------------------------------------------


def needs(statement: exp.Query) -> list[Need]:
    """What a statement reads of the lake's tables: for each mention of a table.

    Raises:
        WorkbenchError: it names a table that there is not.
    """
    known = [table.name for table in tables()]
    own = {one.alias.lower() for one in statement.find_all(exp.CTE)}
    mentions = [
        one for one in statement.find_all(exp.Table) if isinstance(one.this, exp.Identifier)
    ]
    for name in (mention.name.lower() for mention in mentions):
        if name not in known and name not in own:
            close = " or ".join(get_close_matches(name, known))
            hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}."
            raise WorkbenchError(f"There is no table {name}: {hint}")
    return [_need(mention) for mention in mentions if mention.name.lower() in known]


def _need(mention: exp.Table) -> Need:
    need = Need(mention.name.lower())
    select = mention.find_ancestor(exp.Select)
    where = None if select is None else select.args.get("where")
    if where is None:
        return need
    conditions = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    for condition in conditions:
        need = _narrowed(need, condition.unnest(), mention.alias_or_name)
    return need


def _narrowed(need: Need, condition: exp.Expr, alias: str) -> Need:
    column = condition.this
    if not isinstance(column, exp.Column) or column.table not in ("", alias):
        return need
    values = _constants(condition)
    if not values:
        return need
    name = column.name.lower()
    if name == "property_id" and isinstance(condition, exp.EQ | exp.In):
        found = frozenset(values)
        return need._replace(property_ids=found & (need.property_ids or found))
    if name != "gaming_day":
        return need
    first, last = need.first_day, need.last_day
    if isinstance(condition, exp.EQ | exp.In | exp.Between):
        first, last = max(first, min(values)), min(last, max(values))
    elif isinstance(condition, exp.GT | exp.GTE):
        first = max(first, values[0])
    elif isinstance(condition, exp.LT | exp.LTE):
        last = min(last, values[0])
    return need._replace(first_day=first, last_day=last)


def _constants(condition: exp.Expr) -> list[str]:
    """What a column is compared with, where all of that is text; else nothing."""
    if isinstance(condition, exp.Between):
        compared = [condition.args["low"], condition.args["high"]]
    elif isinstance(condition, exp.In):
        compared = condition.expressions
    else:
        compared = [condition.args.get("expression")]
    if all(isinstance(one, exp.Literal) and one.is_string for one in compared):
        return [one.this for one in compared]
    return []


# --- what there is --------------------------------------------------------------------------------


def properties(s3: "S3Client", bucket: str, table: Table) -> list[str]:
    """Of which properties there are files of a table, in order."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=table.prefix, Delimiter="/"
    )
    found = (one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ()))
    return sorted(prefix.rstrip("/").rpartition("property_id=")[2] for prefix in found)


def days(s3: "S3Client", bucket: str, table: Table, need: Need) -> list[str]:
    """Of which gaming days there are files that are needed, in order."""
    return sorted(
        {
            day[1]
            for stored in _stored(s3, bucket, table, need)
            if (day := _DAY.search(stored.key)) is not None
        }
    )


# --- copies ---------------------------------------------------------------------------------------


def fetch(s3: "S3Client", bucket: str, table: Table, wanted: list[Need], folder: Path) -> Fetched:
    """Have copies of the files of a table that are needed.

    A copy is named by the object's ETag, so that a partition that was made anew is fetched anew.

    Args:
        s3: where the lake is.
        bucket: the lake's.
        table: the table.
        wanted: what is needed of it.
        folder: where copies are kept, of this bucket.
    """
    found = {stored.key: stored for need in wanted for stored in _stored(s3, bucket, table, need)}
    copies = {_copy(stored, folder): stored for stored in found.values()}
    missing = {path: stored for path, stored in copies.items() if not path.exists()}

    def download(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        stored = missing[path]
        # Made anew meanwhile: then the ETag is no longer its own, and this is refused.
        body = s3.get_object(Bucket=bucket, Key=stored.key, IfMatch=stored.etag)["Body"]
        with draft.open("wb") as file:
            file.writelines(body.iter_chunks(1024**2))
        for old in path.parent.glob(f"*{path.suffix}"):
            old.unlink()
        draft.replace(path)

    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as workers:
        list(workers.map(download, missing))
    size = sum(stored.size for stored in missing.values())
    return Fetched(sorted(copies), len(missing), size)


def _copy(stored: Stored, folder: Path) -> Path:
    key = Path(stored.key)
    return folder / key.with_suffix("") / f"{stored.etag.strip('"')}{key.suffix}"


def _stored(s3: "S3Client", bucket: str, table: Table, need: Need) -> Iterator[Stored]:
    prefixes = [table.prefix]
    if need.property_ids is not None:
        prefixes = [f"{table.prefix}property_id={one}/" for one in sorted(need.property_ids)]
    for prefix in prefixes:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for one in page.get("Contents", ()):
                day = _DAY.search(one["Key"])
                if day is not None and need.first_day <= day[1] <= need.last_day:
                    yield Stored(one["Key"], one["ETag"], one["Size"])


# --- running it -----------------------------------------------------------------------------------


def run(
    statement: exp.Query,
    files: Mapping[str, list[Path]],
    translate: Callable[[exp.Query], str] | None = None,
) -> Result:
    """Run a statement over these files.

    Args:
        statement: what `parse` read.
        files: of each table that it mentions.
        translate: makes it DuckDB's SQL; the usual way unless given.

    Raises:
        WorkbenchError: it cannot be run, with what is wrong and where.
    """
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as database:
        database.execute("SET TimeZone = 'UTC'")
        for table in tables():
            if table.name in files:
                database.execute(_view(table, files[table.name]))
        text = (translate or _translated)(statement)
        try:
            found = database.sql(text)
            columns = tuple(
                ResultColumn(name, _shown(str(kind)))
                for name, kind in zip(found.columns, found.types, strict=True)
            )
            shown = ", ".join(f"CAST(#{n} AS {c.kind})" for n, c in enumerate(columns, 1))
            rows: list[tuple[Value, ...]] = found.project(shown).fetchall()
        except duckdb.Error as fault:
            raise WorkbenchError(_told(database, text, fault)) from None
    scanned = sum(path.stat().st_size for paths in files.values() for path in paths)
    return Result(columns, rows, scanned)


def _told(database: duckdb.DuckDBPyConnection, text: str, fault: duckdb.Error) -> str:
    """What is wrong, and where: a relation's fault does not say that, a statement's does."""
    try:
        database.execute(text)
    except duckdb.Error as placed:
        fault = placed
    return f"DuckDB refuses the statement: {fault}"


def _translated(statement: exp.Query) -> str:
    """A statement in DuckDB's SQL."""

    def mend(part: exp.Expr) -> exp.Expr:
        # sqlglot writes it for Athena and does not read it.
        if isinstance(part, exp.Anonymous) and part.name.lower() == "at_timezone":
            moment, zone = part.expressions
            return exp.AtTimeZone(this=exp.paren(moment), zone=zone)
        return part

    return statement.transform(mend).sql("duckdb", pretty=True)


def _shown(kind: str) -> str:
    """The type in which a column of this type is given: what is no plain value is text."""
    return _CUT.get(kind, kind if _SIMPLE.fullmatch(kind) else "VARCHAR")


def _view(table: Table, paths: Iterable[Path]) -> str:
    """A view of a table's files. A file that is older than a column has null there."""
    typed = ", ".join(
        f'CAST(NULL AS {kind}) AS "{name}"'
        for name, kind in (
            *((c.name, c.kind) for c in table.columns),
            *((name, "VARCHAR") for name in table.partition),
        )
    )
    nothing = f"SELECT {typed} WHERE false"
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    if not listed:
        return f'CREATE VIEW "{table.name}" AS {nothing}'
    hive = ", ".join(f"'{name}': VARCHAR" for name in table.partition)
    options = f"union_by_name = true, hive_partitioning = true, hive_types = {{{hive}}}"
    if table.file_format == JSON:
        kinds = ", ".join(f"'{c.name}': '{c.kind}'" for c in table.columns)
        reader = f"read_json([{listed}], columns = {{{kinds}}}, {options})"
        names = ", ".join(
            f'"{name}"' for name in (*(c.name for c in table.columns), *table.partition)
        )
        return f'CREATE VIEW "{table.name}" AS SELECT {names} FROM {reader}'
    return (
        f'CREATE VIEW "{table.name}" AS {nothing} UNION ALL BY NAME '
        f"SELECT * FROM read_parquet([{listed}], {options})"
    )
