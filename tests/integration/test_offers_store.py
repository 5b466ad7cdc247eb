"""The store of offers on the embedded AWS: what the tests in memory hold, over HTTP; and the way
from a change of a player to an offer.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import msgspec
import pytest

from benchmarks import overspend
from pitboss.events.player import ChangeKind, PlayerChanged, encode
from pitboss.offers.deciding import Decided, decision_id, issue
from pitboss.offers.gate import Facts, Lists, Machine, Standing
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.offers.policy import draw, is_held_out
from pitboss.stores.offers import DynamoOffers, Guard, Outcome, Recorded, Request
from pitboss.stores.ratings import Asset, head_key
from pitboss.stores.standings import standing_key
from workbench import endpoint
from workbench.proof.offers import (
    DAY,
    NOON,
    NORTH,
    OFFERS,
    RATINGS,
    STANDINGS,
    OffersFloor,
    catalogue,
    change,
    offer,
)

PLAYER = next(f"p-{n}" for n in range(99) if not is_held_out(NORTH, f"p-{n}", 500))
FACTS = Facts(Lists(), Standing(1), Machine(None, PLAYER))
OF = catalogue(offer("meal", kind="meal", cost_cents=1_500, per_day=2))
MACHINE = Asset(NORTH, "1001")


@pytest.fixture
def offers(embedded: endpoint.Target) -> Iterator[DynamoOffers]:
    """A store over tables of its own, with a player at a machine."""
    floor = OffersFloor()
    floor.welcome(PLAYER, "1001")
    region = embedded.region or endpoint.DEFAULT_REGION
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (
        patch.dict(os.environ, {**kept, **embedded.variables()}, clear=True),
        overspend._tables(floor) as names,
    ):
        yield DynamoOffers(names[OFFERS], names[STANDINGS], names[RATINGS], region)


def decided(floor: OffersFloor, step: int) -> tuple[Decided, IssuedOffer]:
    """A decision that makes the offer, and the offer."""
    floor.offers.apply_catalogue(OF, NOON, "test", None)
    for n in range(step * 100, step * 100 + 100):
        found = floor.decider()(change(PLAYER, "1001", n))
        if found.offer is not None and found.decided is not None:
            return found.decided, found.offer
    raise AssertionError("chance never chose the offer")


def made(step: int) -> tuple[Decided, IssuedOffer]:
    floor = OffersFloor()
    floor.welcome(PLAYER, "1001")
    floor.complete_lists()
    with floor.installed():
        return decided(floor, step)


def test_the_life_of_an_offer(offers: DynamoOffers) -> None:
    (first, one), (second, two), (third, three) = made(1), made(2), made(3)
    read = offers.budgets(NORTH, PLAYER, DAY, ["meal"])
    assert offers.record(first, one, OF, read, FACTS) is Recorded.STORED
    assert offers.record(first, one, OF, read, FACTS) is Recorded.KNOWN
    assert offers.record(second, two, OF, read, FACTS) is Recorded.MOVED
    read = offers.budgets(NORTH, PLAYER, DAY, ["meal"])
    assert read.of_property.reserved_cents == 1_500
    stale = msgspec.structs.replace(FACTS, standing=Standing(2))
    assert offers.record(second, two, OF, read, stale) is Recorded.GONE
    assert offers.record(second, two, OF, read, FACTS) is Recorded.STORED
    read = offers.budgets(NORTH, PLAYER, DAY, ["meal"])
    assert offers.record(third, three, OF, read, FACTS) is Recorded.MOVED  # a third is one too many

    assert offers.offer_at(MACHINE) == two
    assert [found.offer_id for found in offers.offers(NORTH, PLAYER)] == sorted(
        (one.offer_id, two.offer_id), reverse=True
    )
    assert {found.offer_id for found in offers.expiring(two.expires_at + 1, 9)} == {
        one.offer_id,
        two.offer_id,
    }
    guard = Guard(1, MACHINE)
    assert offers.confirm(two, guard).outcome is Outcome.DONE
    assert offers.confirm(two, Guard(2, None)).outcome is Outcome.GUARD_FAILED
    delivered = offers.advance(two, Status.DELIVERED, NOON, "game", guard=guard).offer
    asked = Request("game", "key", "decline", NOON + 10**7)
    declined = offers.advance(delivered, Status.DECLINED, NOON, "game", request=asked)
    again = offers.advance(delivered, Status.DECLINED, NOON, "game", request=asked)
    assert (declined.outcome, again.outcome) == (Outcome.DONE, Outcome.REPEATED)
    assert offers.offer_at(MACHINE) is None
    assert offers.budgets(NORTH, PLAYER, DAY, ["meal"]).of_property.reserved_cents == 1_500
    assert {
        found.decision_id: offered and offered.status
        for found, offered in offers.decisions(NORTH, DAY)
    } == {first.decision_id: Status.DECIDED, second.decision_id: Status.DECLINED}
    offers.leave_machine(MACHINE, PLAYER, NOON)


def test_catalogues(offers: DynamoOffers) -> None:
    other = catalogue(offer("show"))
    assert offers.apply_catalogue(OF, NOON, "ann", None)
    assert not offers.apply_catalogue(other, NOON, "ben", None)
    assert offers.apply_catalogue(other, NOON + 1, "ben", OF.version)

    assert offers.catalogue(NORTH) == other
    assert [one.version for one in offers.catalogues(NORTH)] == [other.version, OF.version]


def test_concurrent_decisions_overspend_nothing(embedded: endpoint.Target) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, kept, clear=True):
        found = overspend.on_the_stack(75, threads=8)

    assert (found["decisions"], found["overspent_cents"]) == (75, 0)
    assert found["crashes"] > 0
    assert found["offers_made"] > 5


# --- from a change to an offer --------------------------------------------------------------------


def test_a_change_that_is_published_becomes_an_offer(
    stack: dict[str, str], eventually: Callable[..., Any]
) -> None:
    """Topic, queue, function, tables and the roles between them, as they are deployed."""
    property_id = f"test-{uuid4().hex[:10]}"
    player = next(f"p-{n}" for n in range(99) if not is_held_out(property_id, f"p-{n}", 500))
    now = time.time_ns() // 1_000_000
    region = endpoint.target().region or endpoint.DEFAULT_REGION
    _welcome(stack, property_id, player, now)
    # Of the changes that there could be, one that chance does not leave without an offer.
    changed = next(
        found
        for start in range(now - 1_000, now)
        if draw(decision_id(found := _started(property_id, player, start, now))) > 100_000
    )
    with patch.dict(os.environ, endpoint.target().variables()):
        offers = DynamoOffers(
            stack["OffersTableName"],
            stack["StandingsTableName"],
            stack["RatingsTableName"],
            region,
        )
        free = offer("welcome", cost_cents=1)
        of = catalogue(free, property_id=property_id, exploration_basis_points=100)
        assert offers.apply_catalogue(of, now, "test", None)
    try:
        for _ in range(2):  # at least once
            endpoint.client("sns").publish(
                TopicArn=stack["PlayerTopicArn"], Message=encode(changed)
            )
        found = eventually(
            lambda: offers.decision(property_id, player, decision_id(changed)), within=60
        )
        assert (found.no_offer, found.chosen) == ((), "welcome")
        shown = offers.offer_at(Asset(property_id, "1001"))
        assert shown == issue(found, of, "decide_offers")
        (only,) = offers.offers(property_id, player)
        assert only == shown
    finally:
        _forget(stack, property_id)


def _started(property_id: str, player: str, start: int, now: int) -> PlayerChanged:
    return PlayerChanged(
        kind=ChangeKind.SESSION_STARTED,
        property_id=property_id,
        player_id=player,
        asset_id="1001",
        session_started_at=start,
        gaming_day=DAY,
        occurred_at=now,
    )


def _welcome(stack: dict[str, str], property_id: str, player: str, now: int) -> None:
    """A player whom nothing keeps from offers sits at a machine, and is worth 100 dollars."""
    dynamodb = endpoint.client("dynamodb")
    numbers = {"coin_in_cents": 200_000, "theoretical_win": 100_000_000}
    dynamodb.put_item(
        TableName=stack["RatingsTableName"],
        Item={
            "pk": {"S": f"{property_id}/player/{player}"},
            "sk": {"S": f"day/{DAY}/{now:015d}/1001"},
            **{name: {"N": str(value)} for name, value in numbers.items()},
        },
    )
    pk, sk = head_key(Asset(property_id, "1001"))
    dynamodb.put_item(
        TableName=stack["RatingsTableName"],
        Item={"pk": {"S": pk}, "sk": {"S": sk}, "seated": {"S": player}},
    )
    pk, sk = standing_key(property_id, player)
    standing = Standing(1, {}, 0, "US-NV")
    lists = {
        name: {"N": str(now)}
        for name in ("self_excluded", "banned", "responsible_gaming", "opted_out")
    }
    for item in (
        {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "version": {"N": "1"},
            "body": {"B": msgspec.json.encode(standing)},
        },
        {"pk": {"S": f"{property_id}/lists"}, "sk": {"S": "lists"}, "version": {"N": "1"}, **lists},
    ):
        dynamodb.put_item(TableName=stack["StandingsTableName"], Item=item)


def _forget(stack: dict[str, str], property_id: str) -> None:
    dynamodb = endpoint.client("dynamodb")
    for name in ("OffersTableName", "StandingsTableName", "RatingsTableName"):
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=stack[name],
            FilterExpression="begins_with(pk, :property)",
            ExpressionAttributeValues={":property": {"S": f"{property_id}/"}},
        )
        for item in [item for page in pages for item in page["Items"]]:
            dynamodb.delete_item(TableName=stack[name], Key={"pk": item["pk"], "sk": item["sk"]})
