"""What becomes of offers that awaited approval, on DynamoDB in memory."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from pitboss.offers import approval
from pitboss.offers.approval import Answer, Settlement, Verdict
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.stores.ratings import Asset
from settle_approval import handler as entry
from settle_approval.service import Settled, UnknownOffer, settle
from tests import sample_events
from tests.fakes.offers import AWAITING, CATALOGUE, issued, record
from tests.sample_events import OFFER
from workbench.proof.offers import DAY, NOON, NORTH, OffersFloor

SAID = NOON + 60_000


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    floor = OffersFloor(SAID)
    floor.seat("p-1", "1001")
    floor.stand("p-1")
    with floor.installed():
        yield floor
        floor.check()
    assert floor.network.unknown == []


def said(offer: IssuedOffer, verdict: Verdict, by: str = "host-1") -> Settlement:
    return Settlement(
        property_id=NORTH,
        player_id="p-1",
        offer_id=offer.offer_id,
        answer=Answer(verdict=verdict, by=by),
    )


def stored(floor: OffersFloor, offer: IssuedOffer) -> IssuedOffer:
    found = floor.offers.offer(NORTH, "p-1", offer.offer_id)
    assert found is not None
    return found


def test_an_approved_offer_is_there_to_be_delivered_and_valid_from_then_on(
    floor: OffersFloor,
) -> None:
    made = record(floor.offers, issued(**AWAITING))

    done = settle(floor.offers, said(made, Verdict.APPROVED), SAID)

    assert done == Settled(Status.DECIDED, is_new=True, is_late=False)
    found = stored(floor, made)
    assert found.expires_at == SAID + 30 * 60_000
    assert found.steps[-1] == Step(Status.DECIDED, SAID, "host-1")
    assert floor.offers.offer_at(Asset(NORTH, "1001")) == found


@pytest.mark.parametrize(
    ("verdict", "comes_to"),
    [(Verdict.REFUSED, Status.REFUSED), (Verdict.NO_ANSWER, Status.EXPIRED)],
)
def test_what_is_not_approved_costs_nothing_and_is_logged(
    floor: OffersFloor, verdict: Verdict, comes_to: Status
) -> None:
    made = record(floor.offers, issued(**AWAITING))

    settle(floor.offers, said(made, verdict), SAID)

    assert stored(floor, made).steps[-1] == Step(comes_to, SAID, "host-1")
    assert floor.offers.budgets(NORTH, "p-1", DAY, []).of_property.reserved_cents == 0
    assert floor.offers.offer_at(Asset(NORTH, "1001")) is None


@pytest.mark.parametrize("verdict", Verdict)
def test_the_same_again_changes_nothing(floor: OffersFloor, verdict: Verdict) -> None:
    made = record(floor.offers, issued(**AWAITING))
    first = settle(floor.offers, said(made, verdict), SAID)
    before = stored(floor, made)

    again = settle(floor.offers, said(made, verdict), SAID + 1)

    assert again == Settled(first.status, is_new=False, is_late=False)
    assert stored(floor, made) == before


def test_what_was_approved_and_shown_stays_so(floor: OffersFloor) -> None:
    made = record(floor.offers, issued(**AWAITING))
    settle(floor.offers, said(made, Verdict.APPROVED), SAID)
    floor.offers.advance(stored(floor, made), Status.DELIVERED, SAID, "screens")

    again = settle(floor.offers, said(made, Verdict.APPROVED), SAID)

    assert again == Settled(Status.DELIVERED, is_new=False, is_late=False)


def test_an_approval_of_what_has_expired_comes_too_late(floor: OffersFloor) -> None:
    made = record(floor.offers, issued(**AWAITING))
    settle(floor.offers, said(made, Verdict.NO_ANSWER, "approve_offer"), SAID)

    done = settle(floor.offers, said(made, Verdict.APPROVED), SAID)

    assert done == Settled(Status.EXPIRED, is_new=False, is_late=True)
    assert stored(floor, made).status is Status.EXPIRED


def test_an_offer_that_is_not_there_is_an_error(floor: OffersFloor) -> None:
    with pytest.raises(UnknownOffer):
        settle(floor.offers, said(issued(), Verdict.APPROVED), SAID)


def test_every_sample_event_settles_its_offer(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "_wiring", lambda: SimpleNamespace(offers=floor.offers))
    floor.seat("p-81", "1940732")
    floor.stand("p-81")
    of = replace(
        CATALOGUE,
        offers=(replace(CATALOGUE.offers[0], code=OFFER.code, cost_cents=OFFER.cost_cents),),
    )
    record(floor.offers, replace(OFFER, **AWAITING), of)

    for event in sample_events.load("settle_approval").values():
        assert entry.handler(event, None) == {"status": "decided"}


def test_people_are_told_what_it_is_about_and_what_to_do() -> None:
    made = issued(**AWAITING, cost_cents=123_450)

    asked = approval.request(made)

    assert (asked.offer_id, asked.approval_seconds) == (made.offer_id, 900)
    assert approval.execution_name(made) == made.offer_id
    assert asked.notice == (
        "offer meal, 1,234.50 dollars, for player p-1 at machine 1001 of property north awaits "
        "approval. Why: meal accepted twice. "
        f"`pitboss offers approve {made.offer_id}` or `refuse`."
    )
