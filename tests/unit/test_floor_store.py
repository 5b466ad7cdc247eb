"""The live floor's table, in memory: what holds of it, and what its stream's images say."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from pitboss.floor.blocks import Block, UnreadableFloorError
from pitboss.floor.documents import BillIn
from pitboss.floor.rows import StreamRate
from pitboss.stores import floor as floor_module
from pitboss.stores.floor import (
    BlockKind,
    DynamoFloor,
    StoredFloor,
    part_of,
    plain,
    property_of,
)
from tests.fakes.network import tables
from tests.floor_store import DAY, NOW, FloorStoreSuite, alert, sums
from workbench.proof.network import Network

NORTH = "north"


@pytest.fixture
def network() -> Iterator[Network]:
    _store()._known_floors.clear()
    with tables(NOW, "floor") as made:
        yield made


@pytest.fixture
def store(network: Network) -> DynamoFloor:
    return _store()


@cache
def _store() -> DynamoFloor:
    """One for all tests: making its client takes longer than a test."""
    return DynamoFloor("floor", "us-east-1")


def items(network: Network) -> list[dict[str, Any]]:
    return list(network.dynamodb.tables["floor"].items())


class TestInMemory(FloorStoreSuite):
    """The suite that the embedded AWS passes, too."""


def test_an_image_says_what_the_item_says(store: DynamoFloor, network: Network) -> None:
    rate = StreamRate("shard-1", NOW, NOW, NOW // 60_000, [5, 0, 0, 0, 0], "100")
    store.replace_blocks(NORTH, BlockKind.SUMS, {3: Block(1, {"7": sums("7")}, {})})
    store.keep_rate(NORTH, rate, None)
    store.raise_alerts(NORTH, [alert()])
    store.count_offer(NORTH, DAY, "o-1", "decided", NOW)
    images = [item for item in items(network) if property_of(item) is not None]

    parts = [part_of(plain(image)) for image in images]

    live = store.live(NORTH)
    assert [property_of(image) for image in images] == [NORTH] * 4
    assert set(map(str, parts)) == {
        str(StoredFloor(sums=live.sums)),
        str(StoredFloor(rates=live.rates)),
        str(StoredFloor(alerts=live.alerts)),
        str(StoredFloor(offers=live.offers)),
    }


@pytest.mark.parametrize(
    "pk", ["north/plan", "north/bills/p-1", "floors", "/floor", "north/minutes/2025-12-31"]
)
def test_what_is_no_part_of_a_floor_has_no_property(pk: str) -> None:
    assert property_of({"pk": {"S": pk}, "sk": {"S": "current"}}) is None


def test_an_item_of_a_newer_release_is_not_taken_for_another(
    store: DynamoFloor, network: Network
) -> None:
    store.replace_blocks(NORTH, BlockKind.SUMS, {3: Block(1, {"7": sums("7")}, {})})
    (item,) = (one for one in items(network) if one["sk"]["S"] == "sums/003")
    item["body"] = {"B": b64encode(b"what?").decode()}

    with pytest.raises(UnreadableFloorError, match="north/floor sums/003"):
        store.sums(NORTH, [3])
    with pytest.raises(UnreadableFloorError, match="colours"):
        part_of({"pk": {"S": "north/floor"}, "sk": {"S": "colours/1"}})


def test_alerts_are_shown_up_to_a_number(
    store: DynamoFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor_module, "MAX_ALERTS", 2)
    store.raise_alerts(NORTH, [alert(f"{NOW + n:013d}-7-door") for n in range(5)])

    assert [a.alert_id for a in store.alerts(NORTH)] == [
        f"{NOW + 4:013d}-7-door",
        f"{NOW + 3:013d}-7-door",
    ]


def test_what_is_not_kept_for_good_says_when_it_ends(store: DynamoFloor, network: Network) -> None:
    store.raise_alerts(NORTH, [alert()])
    store.keep_bills(NORTH, [BillIn("7", NOW, "e-1", 2_000, None)])

    ends = {item["pk"]["S"]: int(item["expires"]["N"]) for item in items(network)}

    assert ends == {
        "north/floor": NOW // 1000 + 30 * 86_400,
        "north/bills/-": NOW // 1000 + 400 * 86_400,
    }
