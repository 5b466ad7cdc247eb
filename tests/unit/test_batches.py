from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from pitboss.stores.batches import MAX_TRIES, UnreadItemsError, read_batches
from tests.fakes.network import tables
from workbench.proof.network import Call, Fault, Network, Part

KEYS = [("p", f"{n:03d}") for n in range(250)]


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(1_592_277_300_000, "items") as made:
        client = _client()
        for pk, sk in KEYS[::2]:
            client.put_item(TableName="items", Item={"pk": {"S": pk}, "sk": {"S": sk}})
        yield made


def test_what_is_left_unread_is_asked_for_again(network: Network) -> None:
    left = iter([Part(), None, Part(), Part()])
    network.fault = lambda call: next(left, None)
    pauses: list[int] = []

    found = read_batches(_client(), "items", KEYS, pauses.append)

    assert sorted((item["pk"]["S"], item["sk"]["S"]) for item in found) == KEYS[::2]
    assert pauses == [1, 1, 2]


def test_what_is_left_unread_each_time_is_not_taken_for_missing(network: Network) -> None:
    def one_at_a_time(call: Call) -> Fault:
        return Part(tuple(range(1, len(call.body["RequestItems"]["items"]["Keys"]))))

    network.fault = one_at_a_time
    pauses: list[int] = []

    with pytest.raises(UnreadItemsError, match=f"{20 - MAX_TRIES} items were not read") as fault:
        list(read_batches(_client(), "items", KEYS[:20], pauses.append))

    assert fault.value.retry
    assert pauses == [*range(1, MAX_TRIES)], "no pause after the last try"


def _client() -> Any:
    return botocore.session.get_session().create_client("dynamodb", region_name="us-east-1")
