"""The template's catalogue: tables that are written, by property and day, read within limits."""

from typing import Any

from tests.contract.test_template import TEMPLATE
from workbench import catalogue

RESOURCES = TEMPLATE["Resources"]
TABLES: dict[str, dict[str, Any]] = {
    name: resource["Properties"]["TableInput"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Glue::Table"
}


def test_the_templates_tables_are_those_that_are_written() -> None:
    assert {table["Name"] for table in TABLES.values()} == {t.name for t in catalogue.tables()}


def test_a_tables_columns_in_the_template_are_those_of_its_files() -> None:
    for table in catalogue.tables():
        found = TABLES[catalogue.logical_id(table)]
        columns = [(one["Name"], one["Type"]) for one in found["StorageDescriptor"]["Columns"]]
        assert columns == [(column.name, column.glue_kind) for column in table.columns], table.name
        assert [one["Name"] for one in found["PartitionKeys"]] == list(table.partition)
        location = found["StorageDescriptor"]["Location"]["Fn::Sub"]
        assert location == f"s3://${{LakeBucket}}/{table.prefix}"


def test_partitions_are_projected_and_a_property_has_to_be_named() -> None:
    for table in TABLES.values():
        parameters = table["Parameters"]
        assert parameters["projection.enabled"] == "true"
        assert parameters["projection.property_id.type"] == "injected"
        keys = [key["Name"] for key in table["PartitionKeys"]]
        projected = {name.split(".")[1] for name in parameters if name.count(".") == 2}
        assert projected == set(keys)
        assert all(key["Type"] == "string" for key in table["PartitionKeys"])


def test_a_table_has_no_column_twice() -> None:
    for table in TABLES.values():
        described = (*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"])
        names = [one["Name"] for one in described]
        assert len(names) == len(set(names)), table["Name"]


def test_a_statement_may_read_so_much_and_nobody_may_say_otherwise() -> None:
    (group,) = (
        one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::Athena::WorkGroup"
    )
    configuration = group["WorkGroupConfiguration"]

    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "QueryScanLimitBytes"}
    # The least that Athena takes is 10 MB.
    assert TEMPLATE["Parameters"]["QueryScanLimitBytes"]["MinValue"] == 10_000_000


def test_results_are_forgotten_in_time_and_nothing_else_with_them() -> None:
    (group,) = (
        one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::Athena::WorkGroup"
    )
    place = group["WorkGroupConfiguration"]["ResultConfiguration"]["OutputLocation"]["Fn::Sub"]
    bucket = RESOURCES["LakeBucket"]["Properties"]
    rules = {rule.get("Prefix"): rule for rule in bucket["LifecycleConfiguration"]["Rules"]}

    assert place == "s3://${LakeBucket}/queries/"
    assert rules["queries/"]["ExpirationInDays"] == {"Ref": "QueryResultDays"}
