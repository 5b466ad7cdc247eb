"""QuickSight's data set: the table's columns, a statement that runs, charts of what there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from pitboss.lake.tables import APPLICATION_EVENTS
from tests.contract.test_template import TEMPLATE
from tests.game_days import APPLICATION, PROPERTY, Row, lake_of
from workbench.game_report.figures import Fields

pytestmark = pytest.mark.contract

RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "INTEGER",
    "DOUBLE": "DECIMAL",
    "TIMESTAMP": "DATETIME",
    "BOOLEAN": "BOOLEAN",
}
FROM_DATA = {"caught_by": "STRING", "caught_at": "STRING", "wins": "INTEGER", "losses": "INTEGER"}


def custom_sql() -> dict[str, Any]:
    (table,) = RESOURCES["GameDataSet"]["Properties"]["PhysicalTableMap"].values()
    found: dict[str, Any] = table["CustomSql"]
    return found


def columns() -> dict[str, str]:
    return {one["Name"]: one["Type"] for one in custom_sql()["Columns"]}


def statement() -> str:
    text = custom_sql()["SqlQuery"]
    text = text if isinstance(text, str) else next(iter(text.values()))
    for name, value in (("LakeDatabase", "lake"), ("QuickSightPropertyId", PROPERTY)):
        assert f"${{{name}}}" in text
        text = text.replace(f"${{{name}}}", value)
    return str(text)


def test_the_data_set_has_the_columns_of_the_table_and_those_of_the_charts() -> None:
    assert columns() == (
        {one.name: TYPES[one.kind] for one in APPLICATION_EVENTS.columns}
        | {"gaming_day": "STRING"}
        | FROM_DATA
    )
    assert Fields._fields == tuple(FROM_DATA)


def test_the_statement_gives_what_the_data_set_says(tmp_path: Path) -> None:
    data = '{"CaughtBy": "ghost", "CaughtAt": "hall", "Wins": 3, "Losses": "many"}'
    ((_, body),) = lake_of([Row("1", "caught", 5, data=data)]).bodies.items()
    (tmp_path / "events.parquet").write_bytes(body)
    with duckdb.connect() as database:
        database.execute("CREATE SCHEMA lake")
        database.execute(
            f"CREATE VIEW lake.application_events AS SELECT *, '{PROPERTY}' AS property_id, "
            "CAST(current_date AS VARCHAR) AS gaming_day "
            f"FROM read_parquet('{tmp_path / 'events.parquet'}') UNION ALL "
            f"SELECT *, 'other', '2020-01-01' FROM read_parquet('{tmp_path / 'events.parquet'}')"
        )
        (translated,) = sqlglot.transpile(statement(), read="athena", write="duckdb")
        found = database.sql(translated)
        assert found.columns == list(columns())
        values = dict(zip(found.columns, *found.fetchall(), strict=True))

    assert values["application_id"] == APPLICATION
    assert [values[name] for name in FROM_DATA] == ["ghost", "hall", 3, None]


def test_the_statement_says_of_which_property_and_days_it_is() -> None:
    where = sqlglot.parse_one(statement(), read="athena").args["where"].sql()

    assert f"property_id = '{PROPERTY}'" in where  # without it Athena refuses the table
    assert re.search(r"gaming_day >= CAST\(.*INTERVAL '90' DAYS? AS (VARCHAR|TEXT)\)", where)


def test_the_charts_are_of_columns_that_there_are() -> None:
    definition = RESOURCES["GameAnalysis"]["Properties"]["Definition"]
    calculated = {one["Name"]: one["Expression"] for one in definition["CalculatedFields"]}
    (sheet,) = definition["Sheets"]

    used = set(_found(sheet, "ColumnName"))
    assert used <= columns().keys() | calculated.keys()
    assert used >= FROM_DATA.keys() - {"wins"}
    for expression in calculated.values():
        assert set(re.findall(r"\{(\w+)\}", expression)) <= columns().keys()
    ids = list(_found(sheet, "VisualId"))
    fields = list(_found(sheet, "FieldId"))
    assert len(ids) == len(set(ids)) == 5
    assert len(fields) == len(set(fields))


def _found(part: Any, name: str) -> Iterator[str]:
    """What stands under a name, wherever."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == name:
                yield value
            else:
                yield from _found(value, name)
    elif isinstance(part, list):
        for one in part:
            yield from _found(one, name)


def test_all_of_it_is_behind_the_parameter() -> None:
    ours = {
        name: one
        for name, one in RESOURCES.items()
        if one["Type"].startswith("AWS::QuickSight::") or name.startswith("QuickSight")
    }

    assert len(ours) == 4
    assert {one["Condition"] for one in ours.values()} == {"HasQuickSight"}
    assert TEMPLATE["Parameters"]["QuickSightPrincipalArn"]["Default"] == ""
    text = str(RESOURCES["QuickSightRole"]["Properties"]["Policies"])
    assert f"/refined/{APPLICATION_EVENTS.name}/*" in text
    assert text.count("/refined/") == 1
