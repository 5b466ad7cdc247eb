"""The live floor's table on the embedded AWS: what holds of it in memory holds there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pitboss.stores.dynamodb import CALLS_AT_ONCE
from pitboss.stores.floor import DynamoFloor
from tests.floor_store import FloorStoreSuite
from workbench import endpoint


@pytest.fixture(scope="module")
def store(stack: dict[str, str]) -> Iterator[DynamoFloor]:
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        yield DynamoFloor(
            stack["FloorTableName"], "us-east-1", pool.map, client=endpoint.client("dynamodb")
        )


class TestOnTheEmbeddedAws(FloorStoreSuite):
    """The suite that the table in memory passes."""
