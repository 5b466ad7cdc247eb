"""Runs a statement in Athena and reads all of its result."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.console import WorkbenchError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

PAGE_ROWS = 1_000
"""Rows that are asked for at once: as many as there may be."""

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 1.0

type Value = str | int | float | bool | Decimal | date | None


class ResultColumn(NamedTuple):
    """A column of a result: its name and its DuckDB type."""

    name: str
    kind: str


class Result(NamedTuple):
    """All rows of a result."""

    columns: tuple[ResultColumn, ...]
    rows: list[tuple[Value, ...]]
    scanned: int
    """Bytes that were read."""


class Progress(NamedTuple):
    """How far a statement is."""

    state: str
    seconds: float
    scanned: int
    """Bytes, so far."""


def run(
    client: "AthenaClient",
    statement: str,
    *,
    database: str,
    workgroup: str,
    progress: Callable[[Progress], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Run one statement to its end. What interrupts the waiting ends it.

    Args:
        client: Athena.
        statement: in Athena's SQL.
        database: what its tables' names are of.
        workgroup: where it is run; says what it may read and where results go.
        progress: told how far it is, each time that is asked.
        sleep: waits some seconds.

    Raises:
        WorkbenchError: it cannot be run, with what is wrong and where.
    """
    from botocore.exceptions import ClientError

    try:
        query = client.start_query_execution(
            QueryString=statement,
            QueryExecutionContext={"Database": database},
            WorkGroup=workgroup,
        )["QueryExecutionId"]
    except ClientError as refusal:
        said = refusal.response["Error"]
        if said["Code"] != "InvalidRequestException":
            raise
        raise WorkbenchError(f"Athena refuses the statement: {said['Message']}") from refusal
    try:
        execution = _end(client, query, progress, sleep)
    except BaseException:
        client.stop_query_execution(QueryExecutionId=query)
        raise
    _must_have_succeeded(execution, workgroup)
    scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    columns, rows = _all_rows(client, query, execution.get("StatementType", "DML"))
    return Result(columns, rows, scanned)


def _end(
    client: "AthenaClient",
    query: str,
    progress: Callable[[Progress], None],
    sleep: Callable[[float], None],
) -> Mapping[str, Any]:
    started, wait = time.monotonic(), _FIRST_WAIT
    while True:
        execution = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        state = execution["Status"]["State"]
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
        progress(Progress(state, time.monotonic() - started, scanned))
        if state not in ("QUEUED", "RUNNING"):
            return execution
        sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def _must_have_succeeded(execution: Mapping[str, Any], workgroup: str) -> None:
    status = execution["Status"]
    reason = status.get("StateChangeReason", "no reason is given")
    if status["State"] == "SUCCEEDED":
        return
    if "limit was exceeded" in reason:
        raise WorkbenchError(
            f"The statement was ended: it read more than workgroup {workgroup} allows ({reason}). "
            "Ask for fewer days or columns, or deploy with a larger QueryScanLimitBytes."
        )
    verb = "was ended" if status["State"] == "CANCELLED" else "failed"
    raise WorkbenchError(f"The statement {verb}: {reason}")


def _all_rows(
    client: "AthenaClient", query: str, statement_type: str
) -> tuple[tuple[ResultColumn, ...], list[tuple[Value, ...]]]:
    texts: list[tuple[str | None, ...]] = []
    described: list[Any] = []
    for page in _pages(client, query):
        described = described or page["ResultSetMetadata"]["ColumnInfo"]
        texts += [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in page["Rows"]]
    names = tuple(column["Name"] for column in described)
    # The first row of what a SELECT finds is the columns' names.
    if statement_type == "DML" and texts and texts[0] == names:
        del texts[0]
    columns = tuple(
        ResultColumn(column["Name"], _kind(column, (row[place] for row in texts)))
        for place, column in enumerate(described)
    )
    readers = [_READERS.get(column.kind.partition("(")[0], str) for column in columns]
    rows = [
        tuple(None if text is None else read(text) for read, text in zip(readers, row, strict=True))
        for row in texts
    ]
    return columns, rows


def _pages(client: "AthenaClient", query: str) -> Iterator[Mapping[str, Any]]:
    """Every page of the result; what is missing of it is an error, never a shorter result."""
    token: dict[str, Any] = {}
    while True:
        answer = client.get_query_results(QueryExecutionId=query, MaxResults=PAGE_ROWS, **token)
        yield answer["ResultSet"]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


_KINDS = {
    "tinyint": "BIGINT",
    "smallint": "BIGINT",
    "integer": "BIGINT",
    "bigint": "BIGINT",
    "float": "DOUBLE",
    "real": "DOUBLE",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
}

_READERS: Mapping[str, Callable[[str], Value]] = {
    "BIGINT": int,
    "DECIMAL": Decimal,
    "DOUBLE": float,
    "BOOLEAN": lambda text: text == "true",
    "DATE": date.fromisoformat,
}


def _kind(column: Mapping[str, Any], texts: Iterator[str | None]) -> str:
    """A column's DuckDB type. A decimal has the decimals that its values show: not every endpoint
    says how many there are. Moments, lists and the like stay the text that Athena writes.
    """
    if column["Type"] == "decimal":
        shown = (len(text.partition(".")[2]) for text in texts if text is not None)
        return f"DECIMAL(38, {max(column.get('Scale', 0), *shown, 0)})"
    return _KINDS.get(column["Type"], "VARCHAR")
