"""Answers of DynamoDB that come in pages of a megabyte."""

from collections.abc import Iterator
from typing import Any


def items_of(client: Any, **asked: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's
    """The items that a query finds, in its order; a page is asked for when it is needed.

    Args:
        client: DynamoDB.
        asked: as `Query` takes it. A `Limit` is of each page.
    """
    while True:
        page = client.query(**asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
