"""The ratings table as it is: every attribute of every item of one property."""

from typing import Any

from workbench import endpoint

type Items = dict[tuple[str, str], dict[str, Any]]
"""By sort key within the partition key, both without the property."""


def items(property_id: str) -> Items:
    """What is stored of a property, its id left out: two properties can be compared."""
    return {
        (item["pk"]["S"].removeprefix(property_id), item["sk"]["S"]): {
            name: value for name, value in item.items() if name != "pk"
        }
        for item in _scan(property_id)
    }


def different(one: Items, other: Items) -> list[str]:
    """The items that are not the same in both, by their keys and attributes."""
    return [
        f"{' '.join(key)}: {name}"
        for key in sorted(one.keys() | other.keys())
        for name in sorted(one.get(key, {}).keys() | other.get(key, {}).keys())
        if one.get(key, {}).get(name) != other.get(key, {}).get(name)
    ]


def forget(property_id: str) -> None:
    """Delete what is stored of a property."""
    dynamodb = endpoint.client("dynamodb")
    table = endpoint.stack_outputs()["RatingsTableName"]
    for item in _scan(property_id):
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def _scan(property_id: str) -> list[dict[str, Any]]:
    pages = (
        endpoint.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=endpoint.stack_outputs()["RatingsTableName"],
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :property)",
            ExpressionAttributeValues={":property": {"S": f"{property_id}/"}},
        )
    )
    return [item for page in pages for item in page["Items"]]
