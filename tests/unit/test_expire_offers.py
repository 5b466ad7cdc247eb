"""Offers past their time, on DynamoDB in memory."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from expire_offers import handler as entry
from expire_offers import service
from expire_offers.service import Expired, expire
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.stores.offers import DynamoOffers
from tests import sample_events
from tests.fakes.offers import AWAITING, CATALOGUE, issued, record
from workbench.proof.network import Call, Cancel
from workbench.proof.offers import DAY, NOON, NORTH, OffersFloor

LATER = NOON + 1_800_000
"""When the offers of these tests expire."""


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    floor = OffersFloor()
    floor.seat("p-1", "1001")
    floor.stand("p-1")
    with floor.installed():
        yield floor
        floor.check()
    assert floor.network.unknown == []


def run(floor: OffersFloor, now: int = LATER + 1) -> Expired:
    return expire(floor.offers, lambda: now, lambda: True)


def made(floor: OffersFloor, n: int) -> list[IssuedOffer]:
    """So many offers."""
    return [record(floor.offers, issued(one)) for one in range(n)]


def test_what_is_past_its_time_expires_and_costs_nothing(floor: OffersFloor) -> None:
    (offer,) = made(floor, 1)

    assert run(floor) == Expired(1, 0, 0, is_done=True)

    found = floor.offers.offer(NORTH, "p-1", offer.offer_id)
    assert found is not None
    assert found.steps[-1] == Step(Status.EXPIRED, LATER + 1, "expire_offers")
    assert floor.offers.budgets(NORTH, "p-1", DAY, []).of_property.reserved_cents == 0
    assert run(floor) == Expired(0, 0, 0, is_done=True)


def test_what_has_time_left_stays(floor: OffersFloor) -> None:
    made(floor, 1)

    assert run(floor, LATER) == Expired(0, 0, 0, is_done=True)


def test_an_approval_that_nobody_gave_expires(floor: OffersFloor) -> None:
    record(floor.offers, issued(**AWAITING))

    assert run(floor).expired == 1


def test_what_was_answered_or_redeemed_stays_so(floor: OffersFloor) -> None:
    declined, redeemed = made(floor, 2)
    for offer, steps in (
        (declined, (Status.DELIVERED, Status.DECLINED)),
        (redeemed, (Status.DELIVERED, Status.ACCEPTED, Status.REDEEMED)),
    ):
        for status in steps:
            offer = floor.offers.advance(offer, status, NOON, "test").offer

    assert run(floor).expired == 0


def test_every_page_is_expired(floor: OffersFloor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PAGE", 3)
    made(floor, 8)

    assert run(floor) == Expired(8, 0, 0, is_done=True)


class Late(DynamoOffers):
    """The list of open offers has what was there before, for ever."""

    def __init__(self, floor: OffersFloor, listed: list[IssuedOffer]) -> None:
        self._floor, self._listed = floor.offers, listed
        self.advance = floor.offers.advance  # type: ignore[method-assign]

    def expiring(self, before_ms: int, limit: int) -> list[IssuedOffer]:
        now = self._floor.expiring(before_ms, 1_000)
        return sorted({*self._listed, *now}, key=lambda offer: offer.offer_id)[:limit]


def test_a_list_that_is_read_late_neither_blocks_nor_repeats(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 2)
    listed = made(floor, 3)
    for offer in listed:
        floor.offers.advance(
            floor.offers.advance(offer, Status.DELIVERED, NOON, "test").offer,
            Status.DECLINED,
            NOON,
            "test",
        )
    record(floor.offers, issued(9))

    done = expire(Late(floor, listed), lambda: LATER + 1, lambda: True)

    assert done == Expired(1, 3, 0, is_done=True)


def test_one_that_others_keep_changing_stops_no_other(floor: OffersFloor) -> None:
    first, _ = made(floor, 2)

    def strike(call: Call) -> Cancel | None:
        if call.operation != "TransactWriteItems":
            return None
        return Cancel() if first.offer_id in str(call.body) else None

    floor.network.fault = strike

    assert run(floor) == Expired(1, 0, 1, is_done=True)
    floor.network.fault = None
    assert run(floor) == Expired(1, 0, 0, is_done=True)


def test_a_run_ends_when_its_time_does(floor: OffersFloor) -> None:
    made(floor, 3)
    left = iter([True, True, True, False])

    done = expire(floor.offers, lambda: LATER + 1, lambda: next(left, False))

    assert (done.expired, done.is_done) == (2, False)


def test_every_sample_event_expires_what_is_due(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "_wiring", lambda: SimpleNamespace(offers=floor.offers))
    record(floor.offers, replace(issued(), expires_at=NOON - 1), CATALOGUE)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 50_000)

    for event in sample_events.load("expire_offers").values():
        assert entry.handler(event, context) == {"expired": 1, "moved_on": 0, "left": 0}
