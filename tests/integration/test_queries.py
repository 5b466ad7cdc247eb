"""Named queries through Athena, over the deployed catalogue and Parquet in the lake's bucket."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pitboss.lake.layout import table_key
from tests import golden_lake
from workbench import athena, catalogue, endpoint, main, named_queries
from workbench.athena import Result
from workbench.console import WorkbenchError

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", autouse=True)
def lake(
    stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The golden lake in the stack's bucket."""
    folder = tmp_path_factory.mktemp("golden")
    keys = golden_lake.write(folder)
    s3, bucket = endpoint.client("s3"), stack["LakeBucketName"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=(folder / key).read_bytes())
    yield stack
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)


def ask(stack: dict[str, str], statement: str) -> Result:
    return athena.run(
        endpoint.client("athena"),
        statement,
        database=stack["LakeDatabaseName"],
        workgroup=stack["LakeWorkGroupName"],
        progress=lambda _: None,
    )


@pytest.mark.parametrize("name", named_queries.all_queries())
def test_a_query_finds(name: str, stack: dict[str, str]) -> None:
    query = named_queries.find(name)
    defaults = {one.name: one.default for one in query.parameters if one.default is not None}
    statement = query.statement(
        defaults | {"time_zone": "America/Los_Angeles", **golden_lake.RANGE}
    )

    assert ask(stack, statement).rows == golden_lake.ANSWERS[name]


@pytest.fixture(scope="module")
def property_of_all(
    stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A property that has a row in each table, and in it a value of each column's type."""
    property_id, day = "golden-all", golden_lake.MON
    folder = tmp_path_factory.mktemp("all")
    s3, bucket = endpoint.client("s3"), stack["LakeBucketName"]
    keys = []
    with duckdb.connect() as database:
        for table in catalogue.tables():
            if table.file_format == catalogue.PARQUET:
                keys.append(key := table_key(table.name, property_id, day))
                row = {column.name: golden_lake.sample(column.kind) for column in table.columns}
                golden_lake.write_parquet(table, [row], folder / key, database)
                s3.put_object(Bucket=bucket, Key=key, Body=(folder / key).read_bytes())
    yield property_id
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize(
    "table",
    [one for one in catalogue.tables() if one.file_format == catalogue.PARQUET],
    ids=lambda table: table.name,
)
def test_every_column_of_a_table_is_found(
    table: catalogue.Table, stack: dict[str, str], property_of_all: str
) -> None:
    names = [*(column.name for column in table.columns), *table.partition]
    counted = ", ".join(f'count("{name}")' for name in names)

    result = ask(
        stack,
        f"SELECT {counted} FROM {table.name} "
        f"WHERE property_id = '{property_of_all}' AND gaming_day = '{golden_lake.MON}'",
    )

    assert result.rows == [(1,) * len(names)]


def test_more_rows_than_a_page_has_are_all_read(stack: dict[str, str]) -> None:
    rows = " UNION ALL ".join(f"SELECT {number} AS n" for number in range(50))

    result = ask(stack, f"SELECT a.n * 50 + b.n AS n FROM ({rows}) a, ({rows}) b ORDER BY 1")

    assert result.rows == [(number,) for number in range(2_500)]


def test_a_wrong_name_is_told_with_its_place(stack: dict[str, str]) -> None:
    with pytest.raises(WorkbenchError) as caught:
        ask(stack, "SELECT nothing FROM games WHERE property_id = 'golden'")
    assert "The statement failed" in caught.value.sentence
    assert "nothing" in caught.value.sentence


def test_the_command_finds_the_same_here(stack: dict[str, str], tmp_path: Path) -> None:
    given = [f"--param={name}={value}" for name, value in golden_lake.RANGE.items()]
    answers: list[str] = []
    for where in ([], ["--local"]):
        file = tmp_path / f"{len(answers)}.csv"
        result = CliRunner().invoke(main.app, ["query", "adt", *given, *where, "--out", str(file)])
        assert result.exit_code == 0, result.output
        answers.append(file.read_text())

    assert answers[0] == answers[1]
    assert answers[0].splitlines()[1] == '"p1",3,0,1.850000,0.616666,"2026-11-10"'
