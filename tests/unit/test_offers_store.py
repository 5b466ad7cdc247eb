"""The store of offers, on DynamoDB in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.offers import gate
from pitboss.offers.budget import Budgets, Counter
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.catalogue import Machine as Placed
from pitboss.offers.deciding import Decided, Odds, decision_id, issue
from pitboss.offers.gate import NOTHING_READ, Facts, Lists, Machine, Standing
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.stores.offers import (
    MAX_TRIES,
    Advanced,
    ContendedOfferError,
    Guard,
    Outcome,
    Recorded,
    Request,
)
from pitboss.stores.ratings import Asset
from workbench.proof.network import (
    INTERNAL,
    THROTTLED,
    Call,
    Cancel,
    Fault,
    Lose,
    Part,
    Refuse,
)
from workbench.proof.offers import DAY, NOON, NORTH, OffersFloor, catalogue, offer

MEALS = catalogue(offer("meal", kind="meal", cost_cents=1_500), offer("play-5"))
FACTS = Facts(Lists(), Standing(version=1), Machine(None, "p-1"))
MACHINE = Asset(NORTH, "1001")


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    floor = OffersFloor()
    floor.seat("p-1", "1001")
    floor.stand("p-1")
    with floor.installed():
        yield floor
    assert floor.network.unknown == []


def decision(chosen: str = "meal", n: int = 0, player: str = "p-1", asset: str = "1001") -> Decided:
    change = PlayerChanged(
        kind=ChangeKind.WORTH_CROSSED,
        property_id=NORTH,
        player_id=player,
        asset_id=asset,
        session_started_at=NOON - 60_000,
        gaming_day=DAY,
        occurred_at=NOON,
        worth_step=n,
    )
    return Decided(
        decision_id=decision_id(change),
        change_id=change.change_id,
        trigger=change.kind,
        property_id=NORTH,
        player_id=player,
        asset_id=asset,
        gaming_day=DAY,
        decided_at=NOON + n,
        context={"tier": "gold"},
        context_hash="0" * 16,
        actions=(Odds("none", "none", 0, 100_000), Odds("meal", "meal", 1_500, 900_000)),
        out_of_reach={},
        no_offer=(),
        chosen=chosen,
        propensity=900_000,
        is_explored=False,
        model_version="rules-1",
        catalogue_version=MEALS.version,
        reasons=("meal accepted twice",),
        reward_hours=24,
    )


def budgets(floor: OffersFloor, player: str = "p-1") -> Budgets:
    return floor.offers.budgets(NORTH, player, DAY, ["meal", "play-5"])


def make(
    floor: OffersFloor,
    chosen: str = "meal",
    n: int = 0,
    of: Catalogue = MEALS,
    asset: str = "1001",
) -> IssuedOffer:
    """An offer that was made."""
    decided = decision(chosen, n, asset=asset)
    made = issue(decided, of, "decide_offers")
    assert made is not None
    assert floor.offers.record(decided, made, of, budgets(floor), FACTS) is Recorded.STORED
    return made


def once(fault: Fault, operation: str = "TransactWriteItems") -> Callable[[Call], Fault | None]:
    """The first call of an operation is struck."""
    struck: list[Call] = []

    def strike(call: Call) -> Fault | None:
        if call.operation != operation or struck:
            return None
        struck.append(call)
        return fault

    return strike


# --- decisions ------------------------------------------------------------------------------------


def test_a_decision_its_offer_and_what_it_reserves_are_stored_at_once(floor: OffersFloor) -> None:
    made = make(floor)

    assert floor.network.calls["dynamodb", "TransactWriteItems"] == 1
    assert floor.offers.decision(NORTH, "p-1", made.offer_id) == decision()
    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == made
    assert floor.offers.offer_at(MACHINE) == made
    found = budgets(floor)
    assert (found.player.version, found.player.day(DAY).reserved_cents) == (1, 1_500)
    assert found.of_property == Counter(1_500, 1)
    assert found.of_offers == {"meal": Counter(1_500, 1)}
    floor.check()


def test_a_decision_for_nothing_reserves_nothing(floor: OffersFloor) -> None:
    decided = decision("none")

    assert floor.offers.record(decided, None, MEALS, Budgets(), NOTHING_READ) is Recorded.STORED

    assert floor.offers.decision(NORTH, "p-1", decided.decision_id) == decided
    assert len(floor.offers_table.items()) == 1


def test_a_change_is_decided_once(floor: OffersFloor) -> None:
    make(floor)
    before = floor.offers_table.snapshot()
    other = replace(decision("play-5"), decided_at=NOON + 5)

    found = (
        floor.offers.record(other, issue(other, MEALS, "x"), MEALS, budgets(floor), FACTS),
        floor.offers.record(decision("none"), None, MEALS, budgets(floor), FACTS),
    )

    assert found == (Recorded.KNOWN, Recorded.KNOWN)
    assert floor.offers_table.snapshot() == before


def test_a_decision_on_a_budget_that_moved_on_is_not_stored(floor: OffersFloor) -> None:
    read = budgets(floor)
    make(floor)
    decided = decision("meal", 1)

    found = floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, read, FACTS)

    assert found is Recorded.MOVED
    assert floor.offers.decision(NORTH, "p-1", decided.decision_id) is None
    floor.check()


def test_so_is_none_on_the_record_of_a_player_who_was_made_offers_before(
    floor: OffersFloor,
) -> None:
    make(floor)
    read = budgets(floor)
    make(floor, "play-5", 1)
    decided = decision("meal", 2)

    found = floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, read, FACTS)

    assert found is Recorded.MOVED
    floor.check()


@pytest.mark.parametrize(
    "caps",
    [
        catalogue(offer("meal", cost_cents=1_500, daily_budget_cents=2_999)),
        catalogue(offer("meal", cost_cents=1_500, per_day=1)),
        catalogue(offer("meal", cost_cents=1_500), daily_budget_cents=2_999),
    ],
    ids=["offer's budget", "offer's times", "property's budget"],
)
def test_no_counter_leaves_its_cap(floor: OffersFloor, caps: Catalogue) -> None:
    make(floor, of=caps)
    decided = decision("meal", 1)

    found = floor.offers.record(decided, issue(decided, caps, "x"), caps, budgets(floor), FACTS)

    assert found is Recorded.MOVED
    assert budgets(floor).of_property == Counter(1_500, 1)
    floor.check()


@pytest.mark.parametrize(
    "change",
    [
        lambda floor: floor.stand("p-1", Standing(version=2)),
        lambda floor: floor.seat("p-1", "1001", locked_since=NOON),
        lambda floor: floor.seat("p-2", "1001"),
        lambda floor: floor.seat(None, "1001"),
    ],
    ids=["standing", "locked up", "another player", "nobody"],
)
def test_what_the_gate_saw_still_has_to_be_so(
    floor: OffersFloor, change: Callable[[OffersFloor], None]
) -> None:
    read = budgets(floor)
    change(floor)
    decided = decision()

    found = floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, read, FACTS)

    assert found is Recorded.GONE
    assert floor.offers_table.items() == []


@pytest.mark.parametrize("item", range(8))
def test_another_transaction_at_any_item_is_told_from_a_condition(
    floor: OffersFloor, item: int
) -> None:
    floor.network.fault = once(Cancel((item,)))
    decided = decision()

    found = floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, Budgets(), FACTS)

    assert found is Recorded.MOVED
    assert floor.offers_table.items() == []


def test_a_throttled_transaction_is_an_error(floor: OffersFloor) -> None:
    floor.network.fault = lambda call: (
        Cancel((3,), "ThrottlingError") if call.operation == "TransactWriteItems" else None
    )
    decided = decision()

    with pytest.raises(ClientError):
        floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, Budgets(), FACTS)


def test_an_answer_that_is_lost_is_looked_for(floor: OffersFloor) -> None:
    floor.network.fault = lambda call: (
        Lose(effect=True) if call.operation == "TransactWriteItems" else None
    )
    decided = decision()

    found = floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, Budgets(), FACTS)

    assert found is Recorded.STORED
    floor.check()


def test_an_answer_that_is_lost_of_another_decider_is_not_taken_for_ones_own(
    floor: OffersFloor,
) -> None:
    decided = decision()
    floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, Budgets(), FACTS)
    floor.network.fault = lambda call: (
        Lose(effect=False) if call.operation == "TransactWriteItems" else None
    )

    with pytest.raises(BotoCoreError):
        floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, Budgets(), FACTS)

    floor.check()


def test_a_transaction_that_botocore_sends_again_is_known_as_its_own(floor: OffersFloor) -> None:
    """Also where the endpoint does not remember the token."""

    def strike(call: Call) -> Fault | None:
        if call.operation != "TransactWriteItems":
            return None
        floor.network.dynamodb._tokens.clear()
        return Lose(effect=True) if floor.offers_table.items() == [] else None

    floor.network.fault = strike
    decided = decision()

    found = floor.offers.record(decided, issue(decided, MEALS, "x"), MEALS, Budgets(), FACTS)

    assert found is Recorded.STORED
    floor.check()


def test_offers_are_read_newest_first(floor: OffersFloor) -> None:
    made = [make(floor, "play-5", n) for n in range(3)]
    newest = sorted((one.offer_id for one in made), reverse=True)

    assert [one.offer_id for one in floor.offers.offers(NORTH, "p-1")] == newest
    assert [one.offer_id for one in floor.offers.offers(NORTH, "p-1", newest=2)] == newest[:2]
    assert floor.offers.offers(NORTH, "p-2") == []


def test_half_a_batch_that_is_left_unread_is_read_then(floor: OffersFloor) -> None:
    make(floor)
    whole = budgets(floor)
    floor.network.fault = once(Part(), "BatchGetItem")

    assert budgets(floor) == whole


def test_counters_of_many_offers_are_read(floor: OffersFloor) -> None:
    make(floor)
    codes = [f"offer-{n}" for n in range(150)]

    found = floor.offers.budgets(NORTH, "p-1", DAY, [*codes, "meal"])

    assert found.of_offers == {"meal": Counter(1_500, 1)}
    assert found.of_property == Counter(1_500, 1)


def test_who_leaves_a_machine_leaves_the_offer_of_that_session(floor: OffersFloor) -> None:
    made = make(floor)

    floor.offers.leave_machine(MACHINE, "p-2", NOON)
    floor.offers.leave_machine(MACHINE, "p-1", NOON - 60_001)
    assert floor.offers.offer_at(MACHINE) == made

    floor.offers.leave_machine(MACHINE, "p-1", NOON - 60_000)
    assert floor.offers.offer_at(MACHINE) is None
    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == made


# --- what becomes of an offer ---------------------------------------------------------------------

GUARD = Guard(1, MACHINE)


def advance(floor: OffersFloor, made: IssuedOffer, to: Status, **more: Any) -> Advanced:
    return floor.offers.advance(made, to, NOON + 1_000, "service-1", **more)


def test_an_offer_comes_to_its_end_step_by_step(floor: OffersFloor) -> None:
    made = make(floor)

    delivered = advance(floor, made, Status.DELIVERED, guard=GUARD)
    accepted = advance(floor, delivered.offer, Status.ACCEPTED)
    redeemed = advance(floor, accepted.offer, Status.REDEEMED)

    assert {delivered.outcome, accepted.outcome, redeemed.outcome} == {Outcome.DONE}
    assert [step.status for step in redeemed.offer.steps] == [
        Status.DECIDED,
        Status.DELIVERED,
        Status.ACCEPTED,
        Status.REDEEMED,
    ]
    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == redeemed.offer
    assert floor.offers.offer_at(MACHINE) is None
    assert floor.offers.expiring(10**13 - 1, 10) == []
    assert budgets(floor).of_property == Counter(1_500, 1)
    floor.check()


@pytest.mark.parametrize("to", [Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN])
def test_what_comes_to_nothing_gives_back(floor: OffersFloor, to: Status) -> None:
    made = advance(floor, make(floor), Status.DELIVERED).offer
    make_again = make(floor, "play-5", 1)

    done = advance(floor, made, to)

    assert done.outcome is Outcome.DONE
    found = budgets(floor)
    assert found.of_property == Counter(500, 2)
    assert found.of_offers == {"meal": Counter(0, 1), "play-5": Counter(500, 1)}
    assert found.player.day(DAY).reserved_cents == 500
    assert found.player.day(DAY).count == 2
    assert floor.offers.offer_at(MACHINE) == make_again
    floor.check()


def test_it_gives_back_once(floor: OffersFloor) -> None:
    made = advance(floor, make(floor), Status.DELIVERED).offer
    advance(floor, made, Status.DECLINED)
    before = floor.offers_table.snapshot()

    found = advance(floor, made, Status.EXPIRED), advance(floor, made, Status.DECLINED)

    assert [one.outcome for one in found] == [Outcome.MOVED, Outcome.MOVED]
    assert found[0].offer.status is Status.DECLINED
    assert floor.offers_table.snapshot() == before


def test_a_status_that_may_not_follow_is_not_written(floor: OffersFloor) -> None:
    made = make(floor)

    assert advance(floor, made, Status.REDEEMED).outcome is Outcome.MOVED
    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == made


@pytest.mark.parametrize(
    "change",
    [
        lambda floor: floor.stand("p-1", Standing(version=2)),
        lambda floor: floor.seat("p-1", "1001", locked_since=NOON),
        lambda floor: floor.seat("p-2", "1001"),
    ],
    ids=["standing", "locked up", "another player"],
)
def test_a_guarded_step_is_not_taken_past_the_gate(
    floor: OffersFloor, change: Callable[[OffersFloor], None]
) -> None:
    made = make(floor)
    change(floor)
    before = floor.offers_table.snapshot()

    found = advance(floor, made, Status.DELIVERED, guard=GUARD)

    assert found == Advanced(Outcome.GUARD_FAILED, made)
    assert floor.offers_table.snapshot() == before


def test_a_guard_of_no_machine_asks_of_none(floor: OffersFloor) -> None:
    made = make(floor)
    floor.seat(None, "1001")

    assert advance(floor, made, Status.DELIVERED, guard=Guard(1, None)).outcome is Outcome.DONE


def test_an_offer_is_confirmed_as_it_is_and_not_written(floor: OffersFloor) -> None:
    made = make(floor)
    before = floor.offers_table.snapshot()
    floor.network.fault = once(Cancel((1,)))

    assert floor.offers.confirm(made, GUARD) == Advanced(Outcome.DONE, made)
    floor.seat("p-2", "1001")
    assert floor.offers.confirm(made, GUARD).outcome is Outcome.GUARD_FAILED
    assert floor.offers.confirm(made, Guard(1, MACHINE, False)).outcome is Outcome.DONE
    floor.seat("p-2", "1001", locked_since=NOON)
    assert floor.offers.confirm(made, Guard(1, MACHINE, False)).outcome is Outcome.GUARD_FAILED
    assert floor.offers.confirm(made, Guard(2, None)).outcome is Outcome.GUARD_FAILED
    assert floor.offers_table.snapshot() == before

    gone = advance(floor, made, Status.WITHDRAWN).offer
    assert floor.offers.confirm(made, GUARD) == Advanced(Outcome.MOVED, gone)


def test_a_machine_never_heard_of_guards_nothing(floor: OffersFloor) -> None:
    made = make(floor)

    found = floor.offers.confirm(made, Guard(1, Asset(NORTH, "9999"), False))

    assert found.outcome is Outcome.GUARD_FAILED


def asked(key: str = "k", asked: str = "accept", expires_at: int = NOON + 3_600_000) -> Request:
    return Request("service-1", key, asked, expires_at)


def test_a_request_is_carried_out_once(floor: OffersFloor) -> None:
    made = advance(floor, make(floor), Status.DELIVERED).offer

    first = advance(floor, made, Status.ACCEPTED, request=asked())
    again = advance(floor, made, Status.ACCEPTED, request=asked())
    later = advance(floor, first.offer, Status.ACCEPTED, request=asked())
    other = advance(floor, first.offer, Status.REDEEMED, request=asked(asked="redeem"))

    assert [one.outcome for one in (first, again, later, other)] == [
        Outcome.DONE,
        Outcome.REPEATED,
        Outcome.REPEATED,
        Outcome.REUSED,
    ]
    assert {one.offer for one in (again, later, other)} == {first.offer}
    floor.check()


def test_a_request_of_another_key_comes_too_late(floor: OffersFloor) -> None:
    made = advance(floor, make(floor), Status.DELIVERED).offer
    advance(floor, made, Status.ACCEPTED, request=asked("one"))

    assert advance(floor, made, Status.ACCEPTED, request=asked("two")).outcome is Outcome.MOVED


def test_a_request_is_forgotten_in_time_also_where_it_is_still_stored(floor: OffersFloor) -> None:
    made = advance(floor, make(floor), Status.DELIVERED).offer
    advance(floor, made, Status.ACCEPTED, request=asked(expires_at=NOON))

    again = advance(floor, made, Status.ACCEPTED, request=asked())

    assert again.outcome is Outcome.MOVED


def test_a_token_is_of_an_offer_while_a_person_is_waited_for(floor: OffersFloor) -> None:
    dear = catalogue(offer("meal", cost_cents=1_500), approval_above_cents=1_000)
    made = make(floor, of=dear)
    assert (made.status, made.task_token) == (Status.AWAITING_APPROVAL, None)
    floor.offers._client.update_item(  # as the state machine does
        TableName="offers",
        Key={"pk": {"S": f"{NORTH}/player/p-1"}, "sk": {"S": f"offer/{made.offer_id}"}},
        UpdateExpression="SET task_token = :token",
        ExpressionAttributeValues={":token": {"S": "token"}},
    )

    waiting = floor.offers.offer(NORTH, "p-1", made.offer_id)
    assert waiting == replace(made, task_token="token")
    assert floor.offers.offers(NORTH, "p-1") == [waiting]
    approved = advance(floor, made, Status.DECIDED, expires_at=NOON + 99)

    assert (approved.offer.task_token, approved.offer.expires_at) == (None, NOON + 99)
    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == approved.offer
    floor.check()


@pytest.mark.parametrize("item", range(6))
def test_a_step_that_meets_another_transaction_is_taken_then(floor: OffersFloor, item: int) -> None:
    made = make(floor)
    floor.network.fault = once(Cancel((item,)))

    assert advance(floor, made, Status.WITHDRAWN, guard=GUARD).outcome is Outcome.DONE
    floor.check()


@pytest.mark.parametrize("asset", ["1001", "1002"])
def test_a_record_that_moves_while_it_is_given_back_to_is_read_again(
    floor: OffersFloor, asset: str
) -> None:
    """Whether the other offer is shown at the same machine or at another."""
    made = make(floor)
    floor.seat("p-1", "1002")

    def strike(call: Call) -> Fault | None:
        if call.operation == "TransactWriteItems":
            floor.network.fault = None
            make(floor, "play-5", 1, asset=asset)
        return None

    floor.network.fault = strike

    assert advance(floor, made, Status.WITHDRAWN).outcome is Outcome.DONE
    assert budgets(floor).of_property == Counter(500, 2)
    floor.check()


def test_who_loses_too_often_is_told(floor: OffersFloor) -> None:
    made = make(floor)
    floor.network.fault = lambda call: (
        Cancel((0,)) if call.operation == "TransactWriteItems" else None
    )
    before = floor.network.calls["dynamodb", "TransactWriteItems"]

    with pytest.raises(ContendedOfferError):
        advance(floor, made, Status.WITHDRAWN)

    assert floor.network.calls["dynamodb", "TransactWriteItems"] == before + MAX_TRIES


@pytest.mark.parametrize("forgetful", [True, False])
@pytest.mark.parametrize("attempts", [1, 10])
def test_a_step_whose_answer_is_lost_is_taken_once(
    floor: OffersFloor, attempts: int, forgetful: bool
) -> None:
    made = make(floor)
    lost: list[int] = []

    def strike(call: Call) -> Fault | None:
        if forgetful:
            floor.network.dynamodb._tokens.clear()
        if call.operation == "TransactWriteItems" and len(lost) < attempts:
            lost.append(call.number)
            return Lose(effect=True)
        return None

    floor.network.fault = strike

    assert advance(floor, made, Status.WITHDRAWN, request=asked()).outcome is Outcome.DONE
    floor.check()


@pytest.mark.parametrize(
    "fault",
    [Lose(effect=False), INTERNAL["dynamodb"], THROTTLED["dynamodb"], Refuse("AccessDenied")],
    ids=str,
)
def test_a_step_that_did_not_get_through_is_an_error(floor: OffersFloor, fault: Fault) -> None:
    made = make(floor)
    floor.network.fault = lambda call: fault if call.operation == "TransactWriteItems" else None

    with pytest.raises((ClientError, BotoCoreError)):
        advance(floor, made, Status.WITHDRAWN)

    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == made


# --- lists ----------------------------------------------------------------------------------------


def test_open_offers_are_found_by_when_they_expire(floor: OffersFloor) -> None:
    hours = catalogue(offer("meal", valid_minutes=60), offer("play-5", valid_minutes=1))
    late, early = make(floor, "meal", 0, hours), make(floor, "play-5", 1, hours)
    answered = advance(floor, make(floor, "play-5", 2, hours), Status.WITHDRAWN).offer

    assert floor.offers.expiring(NOON + 10**9, 10) == [early, late]
    assert floor.offers.expiring(NOON + 10**9, 1) == [early]
    assert floor.offers.expiring(early.expires_at, 10) == []
    assert floor.offers.expiring(early.expires_at + 1, 10) == [early]
    assert answered.status is Status.WITHDRAWN


def test_a_days_decisions_are_listed_with_what_became_of_them(floor: OffersFloor) -> None:
    made = advance(floor, make(floor), Status.DELIVERED).offer
    nothing = decision("none", 1)
    floor.offers.record(nothing, None, MEALS, Budgets(), FACTS)

    found = {
        decided.decision_id: (decided, offered)
        for decided, offered in floor.offers.decisions(NORTH, DAY)
    }

    assert found == {
        made.offer_id: (decision(), made),
        nothing.decision_id: (nothing, None),
    }
    assert list(floor.offers.decisions(NORTH, "2026-01-09")) == []
    assert list(floor.offers.decisions("south", DAY)) == []


def test_every_page_of_a_list_is_read(floor: OffersFloor) -> None:
    long = {f"feature-{n}": "x" * 4_000 for n in range(10)}
    for n in range(60):  # 2.4 MB, of which a page has one
        decided = replace(decision("none", n), context=long)
        floor.offers.record(decided, None, MEALS, Budgets(), FACTS)

    found = [decided.decision_id for decided, _ in floor.offers.decisions(NORTH, DAY)]

    assert found == sorted(decision("none", n).decision_id for n in range(60))


# --- the catalogue --------------------------------------------------------------------------------


def test_a_catalogue_replaces_the_one_it_says(floor: OffersFloor) -> None:
    offers = floor.offers
    one, two, three = (catalogue(offer(code)) for code in ("a", "b", "c"))
    assert offers.catalogue(NORTH) is None

    assert offers.apply_catalogue(one, NOON, "ann", None)
    assert not offers.apply_catalogue(two, NOON, "ben", None)
    assert offers.apply_catalogue(two, NOON + 1, "ben", one.version)
    assert not offers.apply_catalogue(three, NOON + 2, "cleo", one.version)
    assert offers.apply_catalogue(two, NOON + 3, "ben", one.version)  # as it is already

    assert offers.catalogue(NORTH) == two
    assert offers.catalogue_version(NORTH, one.version) == one
    assert offers.catalogue_version(NORTH, three.version) is None
    assert [tuple(found) for found in offers.catalogues(NORTH)] == [
        (two.version, NOON + 1, "ben", True),
        (one.version, NOON, "ann", False),
    ]
    assert offers.catalogue("south") is None
    assert offers.catalogues("south") == []


def test_a_catalogue_of_a_large_house_is_one_item(floor: OffersFloor) -> None:
    machines = {str(1_000 + n): Placed(f"zone {n % 40}", "dollar poker") for n in range(5_000)}
    large = replace(catalogue(*(offer(f"o-{n}") for n in range(200))), machines=machines)

    assert floor.offers.apply_catalogue(large, NOON, "ann", None)

    assert floor.offers.catalogue(NORTH) == large


def test_what_the_gate_refuses_is_recorded_without_a_standing(floor: OffersFloor) -> None:
    refused = replace(decision("none"), no_offer=(str(gate.Refusal.LISTS_UNREADABLE),))

    assert floor.offers.record(refused, None, MEALS, Budgets(), NOTHING_READ) is Recorded.STORED
