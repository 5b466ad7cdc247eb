"""Offers on their way to players, and their answers, on DynamoDB in memory."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from pitboss.access import Action, Group, Kind, Principal
from pitboss.offers.approval import Answer, Verdict
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.gate import Entry, ListName, Standing
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.stores.ratings import Asset
from pitboss.stores.standings import read_or_nothing
from serve_offers import handler as http
from serve_offers import service
from serve_offers.service import (
    Asked,
    OfferInMotion,
    RefusedAnswer,
    ReusedKey,
    ServeOffers,
    UnknownOffer,
    Verb,
)
from tests import sample_events
from tests.fakes.offers import AWAITING, CATALOGUE, FREE_PLAY, issued, record
from tests.fakes.people import MemoryAudit, person
from tests.sample_events import HOSTS, OFFER, SCREENS, asked, sent
from workbench.proof.network import INTERNAL, Call, Refuse
from workbench.proof.offers import DAY, NOON, NORTH, OffersFloor

MACHINE = Asset(NORTH, "1001")
WELCOME = Standing(version=1, of_age_from=0, jurisdiction="US-NV")
SELF_EXCLUDED = replace(WELCOME, version=2, entries={ListName.SELF_EXCLUDED: Entry(0, None, 0)})


class Approvals:
    """What waits for answers: by token, until it has one."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.answered: dict[str, Answer] = {}

    def answer(self, token: str, answer: Answer) -> bool:
        """Give it, once."""
        if token not in self.waiting:
            return False
        self.waiting.remove(token)
        self.answered[token] = answer
        return True


class Floor(OffersFloor):
    """A floor with a catalogue in force, complete lists, and p-1 seated at 1001."""

    def __init__(self) -> None:
        super().__init__()
        self.approvals = Approvals()
        facts = partial(read_or_nothing, self.standings)
        self.serve = ServeOffers(self.offers, facts, self.approvals, lambda: self.clock.now_ms)
        self.seat("p-1", "1001")
        self.stand("p-1", WELCOME)
        self.complete_lists()

    def now_is(self, now: int) -> None:
        """Another moment, to which the lists are complete too."""
        self.clock.now_ms = now
        self.complete_lists(now)

    def status(self, offer: IssuedOffer) -> Status:
        """What is stored."""
        found = self.offers.offer(offer.property_id, offer.player_id, offer.offer_id)
        assert found is not None
        return found.status

    def answer(self, offer: IssuedOffer, verb: Verb, key: str = "k-1", digest: str = "") -> Any:
        """One answer of the player."""
        request = Asked(NORTH, offer.player_id, "screens", key, digest or f"{verb}{offer.offer_id}")
        return self.serve.answer(offer.offer_id, verb, request, lambda _: True)

    def show(self) -> IssuedOffer | None:
        """What the machine's screen shows."""
        return self.serve.at_machine(MACHINE, "screens").offer

    def accepted(self, offer: IssuedOffer) -> IssuedOffer:
        """The offer, made, shown and accepted."""
        record(self.offers, offer)
        assert self.show() is not None
        self.answer(offer, Verb.ACCEPT, key="accept")
        return offer


@pytest.fixture
def floor() -> Iterator[Floor]:
    floor = Floor()
    with floor.installed():
        assert floor.offers.apply_catalogue(CATALOGUE, NOON, "test", None)
        yield floor
        floor.check()
    assert floor.network.unknown == []


def when(floor: Floor, operation: str, change: Callable[[], object], *, times: int = 1) -> None:
    """Something happens right before a call of this kind reaches DynamoDB, so many times."""
    left = [times]

    def strike(call: Call) -> None:
        if call.operation == operation and left[0]:
            left[0] -= 1
            change()

    floor.network.fault = strike


# --- what is shown --------------------------------------------------------------------------------


def test_an_offer_that_passes_the_gate_is_delivered_and_says_by_whom(floor: Floor) -> None:
    made = record(floor.offers, issued())

    shown = floor.serve.at_machine(MACHINE, "screens")

    assert shown.is_delivered
    assert shown.offer == replace(
        made,
        status=Status.DELIVERED,
        steps=(*made.steps, Step(Status.DELIVERED, NOON, "screens")),
    )
    assert floor.offers.offer(NORTH, "p-1", made.offer_id) == shown.offer


def test_an_offer_that_was_shown_is_shown_again_until_it_is_over(floor: Floor) -> None:
    record(floor.offers, issued())
    first = floor.show()

    again = floor.serve.at_machine(MACHINE, "screens")
    floor.now_is(NOON + 1_800_000)

    assert (again.offer, again.is_delivered) == (first, False)
    assert floor.show() is None


def nobody(floor: Floor) -> None:
    floor.seat(None, "1001")


REFUSED: dict[str, Callable[[Floor], object]] = {
    "self-excluded": lambda floor: floor.stand("p-1", SELF_EXCLUDED),
    "under age": lambda floor: floor.stand("p-1", replace(WELCOME, of_age_from=NOON + 1)),
    "elsewhere": lambda floor: floor.stand("p-1", replace(WELCOME, jurisdiction="US-HI")),
    "a stale list": lambda floor: floor.complete_lists(NOON - 86_400_001),
    "a hand-pay": lambda floor: floor.seat("p-1", "1001", locked_since=NOON - 1),
    "somebody else": lambda floor: floor.seat("p-2", "1001"),
    "nobody": nobody,
    "unreadable": lambda floor: setattr(
        floor.network,
        "fault",
        lambda call: INTERNAL["dynamodb"] if call.operation == "BatchGetItem" else None,
    ),
}


@pytest.mark.parametrize("is_shown_before", [False, True])
@pytest.mark.parametrize("why", REFUSED)
def test_who_must_not_be_made_an_offer_is_shown_none(
    floor: Floor, why: str, is_shown_before: bool
) -> None:
    made = record(floor.offers, issued())
    if is_shown_before:
        assert floor.show() is not None
    before = floor.status(made)

    REFUSED[why](floor)

    assert floor.show() is None
    floor.network.fault = None
    assert floor.status(made) is before


@pytest.mark.parametrize("is_shown_before", [False, True])
@pytest.mark.parametrize("why", sorted(REFUSED.keys() - {"a stale list", "unreadable"}))
def test_what_changes_after_the_gate_looked_is_a_refusal_too(
    floor: Floor, why: str, is_shown_before: bool
) -> None:
    """Right before the transaction that would let the offer through."""
    made = record(floor.offers, issued())
    if is_shown_before:
        assert floor.show() is not None
    before = floor.status(made)
    change = REFUSED[why]
    if why in ("under age", "elsewhere"):  # every change of a standing is a version
        standing = {"of_age_from": NOON + 1} if why == "under age" else {"jurisdiction": "US-HI"}
        change = lambda floor: floor.stand("p-1", replace(WELCOME, version=2, **standing))  # noqa: E731

    when(floor, "TransactWriteItems", lambda: change(floor))

    assert floor.show() is None
    assert floor.status(made) is before


def test_a_standing_that_changed_and_lets_pass_still_delays_nothing(floor: Floor) -> None:
    record(floor.offers, issued())
    when(floor, "TransactWriteItems", lambda: floor.stand("p-1", replace(WELCOME, version=2)))

    assert floor.show() is not None


def test_a_standing_that_never_rests_shows_nothing(floor: Floor) -> None:
    made = record(floor.offers, issued())
    versions = iter(range(2, 100))
    when(
        floor,
        "TransactWriteItems",
        lambda: floor.stand("p-1", replace(WELCOME, version=next(versions))),
        times=99,
    )

    assert floor.show() is None
    assert (floor.status(made), next(versions)) == (Status.DECIDED, 2 + service.MAX_TRIES)


def test_without_a_catalogue_nobody_passes() -> None:
    floor = Floor()
    with floor.installed():
        record(floor.offers, issued())

        assert floor.show() is None


def test_what_awaits_approval_is_shown_to_nobody(floor: Floor) -> None:
    record(floor.offers, issued(**AWAITING))

    shown, past = floor.serve.of_player(NORTH, "p-1", "app")

    assert (floor.show(), shown, past) == (None, [], [])


def test_an_app_shows_open_offers_wherever_the_player_is(floor: Floor) -> None:
    made = record(floor.offers, issued())
    floor.seat("p-2", "1001")

    (shown,), past = floor.serve.of_player(NORTH, "p-1", "app")

    assert shown.offer is not None
    assert (shown.is_delivered, shown.offer.status, past) == (True, Status.DELIVERED, [])
    assert floor.status(made) is Status.DELIVERED


@pytest.mark.parametrize("why", ["self-excluded", "a stale list", "a hand-pay", "unreadable"])
def test_an_app_shows_nothing_that_the_gate_withholds(floor: Floor, why: str) -> None:
    made = record(floor.offers, issued())
    REFUSED[why](floor)

    (shown,), _ = floor.serve.of_player(NORTH, "p-1", "app")

    floor.network.fault = None
    assert shown.offer is None
    assert len(shown.withheld) == 1
    assert floor.status(made) is Status.DECIDED


@pytest.mark.parametrize("is_shown_before", [False, True])
def test_an_app_shows_nothing_when_the_machine_locks_up_meanwhile(
    floor: Floor, is_shown_before: bool
) -> None:
    record(floor.offers, issued())
    if is_shown_before:
        assert floor.show() is not None
    when(floor, "TransactWriteItems", lambda: floor.seat("p-1", "1001", locked_since=NOON))

    (shown,), _ = floor.serve.of_player(NORTH, "p-1", "app")

    assert shown.offer is None


def test_past_offers_are_told_apart_from_open_ones(floor: Floor) -> None:
    declined, made = issued(1), issued(2)
    for offer in (declined, made):
        record(floor.offers, offer)
        assert floor.show() is not None
        if offer is declined:
            floor.answer(offer, Verb.DECLINE)

    shown, past = floor.serve.of_player(NORTH, "p-1", "hosts")

    assert [one.offer and one.offer.offer_id for one in shown] == [made.offer_id]
    assert [(offer.offer_id, offer.status) for offer in past] == [
        (declined.offer_id, Status.DECLINED)
    ]


# --- what is answered -----------------------------------------------------------------------------


def test_an_answer_counts_once_and_is_answered_alike_for_ever(floor: Floor) -> None:
    made = floor.accepted(issued())
    first = floor.answer(made, Verb.ACCEPT, key="accept").document
    floor.now_is(NOON + 1_000)
    floor.answer(made, Verb.REDEEM, key="redeem")
    floor.now_is(NOON + 9_000_000)

    again = floor.answer(made, Verb.ACCEPT, key="accept")

    assert (again.document, again.is_repeated) == (first, True)
    assert (first.status, first.at) == (Status.ACCEPTED, NOON)
    assert floor.answer(made, Verb.REDEEM, key="redeem").document.at == NOON + 1_000


def test_a_key_of_another_request_is_refused(floor: Floor) -> None:
    made = floor.accepted(issued())

    with pytest.raises(ReusedKey):
        floor.answer(made, Verb.REDEEM, key="accept")
    with pytest.raises(ReusedKey):
        floor.answer(made, Verb.ACCEPT, key="accept", digest="with another body")
    assert floor.status(made) is Status.ACCEPTED


def test_another_key_is_told_what_the_offer_is(floor: Floor) -> None:
    made = floor.accepted(issued())

    with pytest.raises(RefusedAnswer, match="the offer is accepted") as refused:
        floor.answer(made, Verb.ACCEPT, key="other")
    assert refused.value.status is Status.ACCEPTED
    with pytest.raises(RefusedAnswer, match="is accepted"):
        floor.answer(made, Verb.DECLINE, key="other")


def test_what_is_not_accepted_is_not_redeemed(floor: Floor) -> None:
    made = record(floor.offers, issued())
    floor.show()

    with pytest.raises(RefusedAnswer, match="not accepted yet"):
        floor.answer(made, Verb.REDEEM)


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.WITHHOLD])
def test_what_was_never_shown_cannot_be_answered(floor: Floor, verb: Verb) -> None:
    made = record(floor.offers, issued())

    with pytest.raises(UnknownOffer):
        floor.answer(made, verb)
    assert floor.status(made) is Status.DECIDED


@pytest.mark.parametrize("verb", Verb)
def test_what_is_past_its_time_is_over_before_anyone_says_so(floor: Floor, verb: Verb) -> None:
    made = record(floor.offers, issued())
    floor.show()
    if verb is Verb.REDEEM:
        floor.answer(made, Verb.ACCEPT, key="accept")
    floor.now_is(NOON + 1_800_000)

    with pytest.raises(RefusedAnswer, match="has expired") as refused:
        floor.answer(made, verb)
    assert refused.value.status is Status.EXPIRED


def test_declined_costs_nothing(floor: Floor) -> None:
    made = record(floor.offers, issued())
    floor.show()

    floor.answer(made, Verb.DECLINE)

    budgets = floor.offers.budgets(NORTH, "p-1", DAY, ["meal"])
    assert budgets.player.day(DAY).reserved_cents == budgets.of_property.reserved_cents == 0
    assert floor.offers.offer_at(MACHINE) is None


@pytest.mark.parametrize("why", ["self-excluded", "under age", "elsewhere"])
def test_what_must_not_be_redeemed_is_withdrawn_and_costs_nothing(floor: Floor, why: str) -> None:
    made = floor.accepted(issued())
    REFUSED[why](floor)

    with pytest.raises(RefusedAnswer, match="withdrawn") as refused:
        floor.answer(made, Verb.REDEEM)

    assert refused.value.withdraws
    assert floor.status(made) is Status.WITHDRAWN
    assert floor.offers.budgets(NORTH, "p-1", DAY, []).of_property.reserved_cents == 0
    with pytest.raises(RefusedAnswer, match="withdrawn") as again:
        floor.answer(made, Verb.REDEEM)
    assert not again.value.withdraws


@pytest.mark.parametrize("why", ["a stale list", "unreadable", "a hand-pay", "nobody"])
def test_what_ends_by_itself_takes_no_offer_away(floor: Floor, why: str) -> None:
    made = floor.accepted(issued(**FREE_PLAY))
    REFUSED[why](floor)

    with pytest.raises(RefusedAnswer) as refused:
        floor.answer(made, Verb.REDEEM)

    floor.network.fault = None
    assert refused.value.status is floor.status(made) is Status.ACCEPTED


@pytest.mark.parametrize("why", ["a hand-pay", "somebody else", "nobody"])
def test_a_meal_is_redeemed_away_from_the_machine(floor: Floor, why: str) -> None:
    made = floor.accepted(issued())
    REFUSED[why](floor)

    assert floor.answer(made, Verb.REDEEM).document.status is Status.REDEEMED


@pytest.mark.parametrize("why", ["self-excluded", "a hand-pay", "somebody else"])
def test_free_play_is_not_redeemed_when_that_changes_meanwhile(floor: Floor, why: str) -> None:
    made = floor.accepted(issued(**FREE_PLAY))
    when(floor, "TransactWriteItems", lambda: REFUSED[why](floor))

    with pytest.raises(RefusedAnswer):
        floor.answer(made, Verb.REDEEM)

    withdrawn = why == "self-excluded"
    assert floor.status(made) is (Status.WITHDRAWN if withdrawn else Status.ACCEPTED)


def test_a_redemption_that_is_never_let_through_says_try_again(floor: Floor) -> None:
    made = floor.accepted(issued())
    versions = iter(range(2, 100))
    when(
        floor,
        "TransactWriteItems",
        lambda: floor.stand("p-1", replace(WELCOME, version=next(versions))),
        times=99,
    )

    with pytest.raises(OfferInMotion):
        floor.answer(made, Verb.REDEEM)
    assert floor.status(made) is Status.ACCEPTED


def test_of_many_redemptions_at_once_one_succeeds(floor: Floor) -> None:
    made = floor.accepted(issued())

    def redeem(n: int) -> str:
        try:
            floor.answer(made, Verb.REDEEM, key=f"redeem-{n}")
        except RefusedAnswer as refused:
            return str(refused.status)
        return "done"

    with ThreadPoolExecutor(16) as several:
        outcomes = list(several.map(redeem, range(100)))

    assert sorted(outcomes) == ["done", *["redeemed"] * 99]


# --- what is approved -----------------------------------------------------------------------------


def waiting(floor: Floor, n: int = 0, **changed: Any) -> IssuedOffer:
    """An offer that awaits approval, of which a person was asked."""
    made = record(floor.offers, issued(n, **AWAITING, **changed))
    key = {"pk": {"S": f"{NORTH}/player/p-1"}, "sk": {"S": f"offer/{made.offer_id}"}}
    table = floor.offers_table
    (item,) = [one for one in table.items() if {"pk": one["pk"], "sk": one["sk"]} == key]
    table.put(table.key(key), item | {"task_token": {"S": f"token-{n}"}})
    floor.approvals.waiting.add(f"token-{n}")
    return made


def settle(floor: Floor, made: IssuedOffer, verdict: Verdict, by: str = "host-1") -> Any:
    answer = Answer(verdict=verdict, by=by)
    return floor.serve.settle(NORTH, "p-1", made.offer_id, answer, lambda _: True)


@pytest.mark.parametrize("verdict", [Verdict.APPROVED, Verdict.REFUSED])
def test_what_a_person_says_reaches_what_waits_with_who_said_it(
    floor: Floor, verdict: Verdict
) -> None:
    made = waiting(floor)

    offer, is_settled = settle(floor, made, verdict)

    assert (offer.offer_id, is_settled) == (made.offer_id, False)
    assert floor.approvals.answered == {"token-0": Answer(verdict=verdict, by="host-1")}


def test_the_second_to_answer_is_told_who_was_first(floor: Floor) -> None:
    made = waiting(floor)
    found = floor.offers.offer(NORTH, "p-1", made.offer_id)
    assert found is not None
    floor.offers.advance(found, Status.DECIDED, NOON, "host-1", expires_at=NOON + 1)

    assert settle(floor, made, Verdict.APPROVED)[1] is True
    with pytest.raises(RefusedAnswer, match="was approved by host-1"):
        settle(floor, made, Verdict.REFUSED)
    assert floor.approvals.answered == {}


def test_an_answer_that_comes_too_late_says_so(floor: Floor) -> None:
    made = waiting(floor)
    floor.approvals.waiting.clear()

    with pytest.raises(RefusedAnswer, match="look again in a second"):
        settle(floor, made, Verdict.APPROVED)
    floor.now_is(NOON + 900_000)
    with pytest.raises(RefusedAnswer, match="the time for approval is over"):
        settle(floor, made, Verdict.APPROVED)


def test_an_offer_nobody_was_asked_about_yet_says_so(floor: Floor) -> None:
    made = record(floor.offers, issued(**AWAITING))

    with pytest.raises(RefusedAnswer, match="nobody is asked yet"):
        settle(floor, made, Verdict.APPROVED)


def test_an_offer_that_needs_no_approval_says_so(floor: Floor) -> None:
    made = record(floor.offers, issued())

    with pytest.raises(RefusedAnswer, match="needs no approval"):
        settle(floor, made, Verdict.APPROVED)


def test_what_awaits_approval_is_listed_by_when_it_expires(floor: Floor) -> None:
    later = waiting(floor, 1)
    sooner = waiting(floor, 2)
    sooner = replace(sooner, expires_at=NOON + 1)
    record(floor.offers, issued(3))

    found = floor.serve.pending(NORTH)

    assert {offer.offer_id for offer in found} == {later.offer_id, sooner.offer_id}
    assert floor.serve.pending("south") == []
    floor.now_is(NOON + 900_000)
    assert floor.serve.pending(NORTH) == []


# --- over HTTP ------------------------------------------------------------------------------------


class StubWiring:
    def __init__(self, floor: Floor) -> None:
        self.serve_offers = floor.serve
        self.audit = MemoryAudit()

    def now(self) -> int:
        return OFFER.decided_at


@pytest.fixture
def monday(monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    """The floor of the sample events: `OFFER` is made."""
    floor = Floor()
    floor.now_is(OFFER.decided_at)
    floor.seat("p-81", "1940732")
    floor.stand("p-81", WELCOME)
    monkeypatch.setattr(http, "_wiring", lambda: StubWiring(floor))
    of = _catalogue_of(OFFER)
    with floor.installed():
        assert floor.offers.apply_catalogue(of, NOON, "test", None)
        record(floor.offers, OFFER, of)
        yield floor
        floor.check()


def _catalogue_of(offer: IssuedOffer) -> Catalogue:
    return replace(
        CATALOGUE,
        offers=(
            replace(
                CATALOGUE.offers[0], code=offer.code, kind=offer.kind, cost_cents=offer.cost_cents
            ),
        ),
    )


def call(event: dict[str, Any]) -> tuple[int, Any]:
    answer = http.handler(event, None)
    assert answer["headers"]["Cache-Control"] == "no-store"
    return answer["statusCode"], json.loads(answer["body"])


FOR_PLAYER = {
    "offer_id": OFFER.offer_id,
    "player_id": "p-81",
    "asset_id": "1940732",
    "kind": "meal",
    "text": "Dinner is on us tonight",
    "status": "delivered",
    "expires_at": OFFER.expires_at,
}


def test_every_sample_event_is_answered(monday: Floor) -> None:
    samples = sample_events.load("serve_offers")

    assert call(samples.pop("machine_offer")) == (200, {"offer": FOR_PLAYER})
    status, body = call(samples.pop("player_offers"))
    (offer,) = body["offers"]
    assert (status, body["past"]) == (200, [])
    assert {name: offer[name] for name in FOR_PLAYER} == FOR_PLAYER
    assert offer["reasons"] == ["plays dollar slots"]
    assert [step["by"] for step in offer["steps"]] == ["decide_offers", "screens-1"]
    assert call(samples.pop("accept")) == (
        200,
        {
            "offer_id": OFFER.offer_id,
            "status": "accepted",
            "at": OFFER.decided_at,
            "expires_at": OFFER.expires_at,
        },
    )
    assert call(samples.pop("pending")) == (200, {"offers": []})
    assert call(samples.pop("withheld"))[1]["status"] == "withdrawn"
    assert samples == {}


OF = "/v1/players/{player_id}/offers/{offer_id}"
MACHINE_OFFER, PLAYER_OFFERS = "/v1/machines/{asset_id}/offer", "/v1/players/{player_id}/offers"


def answering(
    verb: str, caller: Principal = SCREENS, *, key: str | None = "k-1", **more: Any
) -> dict[str, Any]:
    path = {"player_id": "p-81", "offer_id": OFFER.offer_id, **more.pop("path", {})}
    headers = {} if key is None else {"Idempotency-Key": key}
    return sent("POST", f"{OF}/{verb}", caller, headers=headers, **more, **path)


def caller(*actions: Action, assets: frozenset[str] | None = None, of: str = "north") -> Principal:
    return Principal("app-1", Kind.SERVICE, of, assets, frozenset(actions))


def test_a_screen_is_told_neither_why_nor_that_something_was_withheld(monday: Floor) -> None:
    asking = asked(MACHINE_OFFER, SCREENS, asset_id="1940732")
    nothing = call(asked(MACHINE_OFFER, SCREENS, asset_id="5093619"))
    monday.stand("p-81", SELF_EXCLUDED)

    assert call(asking) == nothing == (200, {"offer": None})


def test_past_offers_and_reasons_are_for_hosts(monday: Floor) -> None:
    screens = replace_scopes(SCREENS, assets=None)
    call(asked(PLAYER_OFFERS, screens, player_id="p-81"))
    call(answering("decline"))

    _, told = call(asked(PLAYER_OFFERS, screens, player_id="p-81"))
    _, told_hosts = call(asked(PLAYER_OFFERS, HOSTS, player_id="p-81"))

    assert told == {"property_id": "north", "player_id": "p-81", "offers": []}
    assert [step["status"] for step in told_hosts["past"][0]["steps"]] == [
        "decided",
        "delivered",
        "declined",
    ]


def replace_scopes(principal: Principal, assets: frozenset[str] | None) -> Principal:
    return Principal(
        principal.principal_id, principal.kind, principal.property_id, assets, principal.scopes
    )


EVERYTHING = (*Action,)
ELSEWHERE = frozenset({"5093619"})
NOT_FOUND: dict[str, Callable[[], dict[str, Any]]] = {
    "another property's offer": lambda: answering("accept", caller(*EVERYTHING, of="south")),
    "another player's": lambda: answering("accept", path={"player_id": "p-82"}),
    "no such offer": lambda: answering("accept", path={"offer_id": "1" * 13 + "-" + "0" * 16}),
    "no such id": lambda: answering("accept", path={"offer_id": "a b"}),
    "no such player": lambda: asked(PLAYER_OFFERS, HOSTS, player_id="p 81"),
    "no such machine": lambda: asked(MACHINE_OFFER, SCREENS, asset_id="000"),
    "no such route": lambda: answering("steal"),
    "another's machine": lambda: answering("accept", caller(*EVERYTHING, assets=ELSEWHERE)),
    "another's machine, read": lambda: asked(
        MACHINE_OFFER, caller(*EVERYTHING, assets=ELSEWHERE), asset_id="1940732"
    ),
    "a player, for who has machines": lambda: asked(
        PLAYER_OFFERS, caller(*EVERYTHING, assets=ELSEWHERE), player_id="p-81"
    ),
    "pending, for who has machines": lambda: asked(
        "/v1/offers/pending", caller(*EVERYTHING, assets=ELSEWHERE)
    ),
    "approve another's": lambda: answering("approve", caller(*EVERYTHING, assets=ELSEWHERE)),
    "without the scope to answer": lambda: answering("accept", caller(Action.READ_OFFERS)),
    "without the scope to redeem": lambda: answering("redeem", caller(Action.ANSWER_OFFERS)),
    "without the scope to approve": lambda: answering("approve", caller(Action.REDEEM_OFFERS)),
    "without the scope to read": lambda: asked(
        MACHINE_OFFER, caller(Action.READ_RATINGS), asset_id="1940732"
    ),
}


@pytest.mark.parametrize("what", NOT_FOUND)
def test_what_is_not_there_and_what_is_anothers_look_the_same(monday: Floor, what: str) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))  # so that it can be answered

    status, body = call(NOT_FOUND[what]())

    assert (status, body["detail"]) == (404, "there is no offer here by that id")
    assert monday.status(OFFER) is Status.DELIVERED


def test_an_answer_without_a_key_says_what_to_do(monday: Floor) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))
    for key in (None, "", "a b", "k" * 65, '"k', "\u00e9"):
        status, body = call(answering("accept", key=key))
        assert (status, "Idempotency-Key header" in body["detail"]) == (400, True)
    assert monday.status(OFFER) is Status.DELIVERED


def test_the_same_again_is_the_same_answer_and_something_else_is_refused(monday: Floor) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))

    first = call(answering("accept"))
    quoted = call(answering("accept", key='"k-1"'))
    reused = call(answering("decline"))
    other = call(answering("accept", key="k-2"))

    assert first == quoted
    assert first[0] == 200
    assert (reused[0], "another request" in reused[1]["detail"]) == (422, True)
    assert (other[0], other[1]["offer_status"], other[1]["detail"]) == (
        409,
        "accepted",
        "the offer is accepted",
    )


@pytest.mark.parametrize(
    "event",
    [
        answering("accept", body=b"{}", signed=b""),
        answering("accept", signed=b"{}"),
        answering("approve", caller(Action.APPROVE_OFFERS), body=b"{}", signed=b""),
    ],
)
def test_another_body_than_the_signed_one_changes_nothing(
    monday: Floor, event: dict[str, Any]
) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))

    assert call(event)[0] == 403
    assert monday.status(OFFER) is Status.DELIVERED


def test_a_body_belongs_to_what_was_asked(monday: Floor) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))
    call(answering("accept"))

    assert call(answering("accept", body=b"{}"))[0] == 422


def test_a_redemption_by_http_that_must_not_be(monday: Floor) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))
    call(answering("accept"))
    monday.stand("p-81", SELF_EXCLUDED)

    status, body = call(answering("redeem", key="k-2"))

    assert (status, body["offer_status"], body["detail"]) == (
        409,
        "withdrawn",
        "the offer is withdrawn",
    )


def test_what_keeps_changing_is_to_be_sent_again(monday: Floor) -> None:
    call(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"))
    call(answering("accept"))
    versions = iter(range(2, 100))
    when(
        monday,
        "TransactWriteItems",
        lambda: monday.stand("p-81", replace(WELCOME, version=next(versions))),
        times=99,
    )

    answer = http.handler(answering("redeem", key="k-2"), None)

    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")


def test_an_offer_is_approved_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Floor()
    monkeypatch.setattr(http, "_wiring", lambda: StubWiring(floor))
    with floor.installed():
        assert floor.offers.apply_catalogue(CATALOGUE, NOON, "test", None)
        made = waiting(floor)
        path: dict[str, Any] = {"player_id": "p-1", "offer_id": made.offer_id}

        listed = call(asked("/v1/offers/pending", HOSTS))
        approved = call(sent("POST", f"{OF}/approve", HOSTS, **path))
        refused = call(sent("POST", f"{OF}/refuse", HOSTS, **path))

    assert [one["offer_id"] for one in listed[1]["offers"]] == [made.offer_id]
    assert "task_token" not in json.dumps(listed)
    assert (approved[0], approved[1]["status"]) == (202, "awaiting_approval")
    assert floor.approvals.answered["token-0"].by == "hosts"
    assert (refused[0], refused[1]["offer_status"]) == (409, "awaiting_approval")


def test_a_database_that_refuses_shows_nothing(monday: Floor) -> None:
    """What nobody handles is no answer at all, and no offer."""
    monday.network.fault = lambda call: (
        Refuse("AccessDenied", 400) if call.operation == "TransactWriteItems" else None
    )

    with pytest.raises(Exception, match="AccessDenied"):
        http.handler(asked(MACHINE_OFFER, SCREENS, asset_id="1940732"), None)


# --- people ---------------------------------------------------------------------------------------

HOST = person(Group.HOST, property_id="north", username="ines")
ACCEPT = "/v1/players/{player_id}/offers/{offer_id}/accept"
IDS: Any = {"player_id": "p-81", "offer_id": OFFER.offer_id}


@pytest.fixture
def audit(monday: Floor, monkeypatch: pytest.MonkeyPatch) -> MemoryAudit:
    made = StubWiring(monday)
    monkeypatch.setattr(http, "_wiring", lambda: made)
    return made.audit


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/v1/players/{player_id}/offers", {"player_id": "p-81"}),
        ("/v1/machines/{asset_id}/offer", {"asset_id": "1940732"}),
    ],
)
def test_a_host_who_looks_delivers_nothing_and_is_seen(
    monday: Floor, audit: MemoryAudit, route: str, path: Any
) -> None:
    status, body = call(asked(route, HOST, **path))

    shown = body["offer"] if "offer" in body else body["offers"][0]
    assert (status, shown["status"]) == (200, "decided")
    offer = monday.offers.offer("north", "p-81", OFFER.offer_id)
    assert offer is not None
    assert offer.status is Status.DECIDED
    assert [(look.action, look.player_ids) for look in audit.kept] == [(f"GET {route}", ["p-81"])]


def test_a_host_sees_no_offer_that_the_gate_withholds(monday: Floor, audit: MemoryAudit) -> None:
    monday.stand("p-81", SELF_EXCLUDED)

    _, body = call(asked("/v1/players/{player_id}/offers", HOST, player_id="p-81"))

    assert body["offers"] == []
    assert len(audit.kept) == 1


def test_what_a_host_accepts_for_a_player_they_have_told_them_of(
    monday: Floor, audit: MemoryAudit
) -> None:
    status, body = call(sent("POST", ACCEPT, HOST, headers={"Idempotency-Key": "k-1"}, **IDS))

    assert (status, body["status"]) == (200, "accepted")
    offer = monday.offers.offer("north", "p-81", OFFER.offer_id)
    assert offer is not None
    assert [(step.status, step.by) for step in offer.steps] == [
        (Status.DECIDED, "decide_offers"),
        (Status.DELIVERED, "ines"),
        (Status.ACCEPTED, "ines"),
    ]
    assert [(look.action, look.player_ids) for look in audit.kept] == [(f"POST {ACCEPT}", ["p-81"])]


def test_a_host_accepts_nothing_that_the_gate_withholds(monday: Floor, audit: MemoryAudit) -> None:
    monday.stand("p-81", SELF_EXCLUDED)

    status, _ = call(sent("POST", ACCEPT, HOST, headers={"Idempotency-Key": "k-1"}, **IDS))

    assert status == 404
    offer = monday.offers.offer("north", "p-81", OFFER.offer_id)
    assert offer is not None
    assert offer.status is Status.DECIDED


def test_nothing_is_answered_nor_done_without_its_look(monday: Floor, audit: MemoryAudit) -> None:
    audit.fault = TimeoutError()

    for event in (
        asked("/v1/players/{player_id}/offers", HOST, player_id="p-81"),
        sent("POST", ACCEPT, HOST, headers={"Idempotency-Key": "k-1"}, **IDS),
    ):
        with pytest.raises(TimeoutError):
            call(event)
    offer = monday.offers.offer("north", "p-81", OFFER.offer_id)
    assert offer is not None
    assert offer.status is Status.DECIDED


# --- a host withholds -----------------------------------------------------------------------------


def withheld(monday: Floor, body: bytes = b'{"reason": "left with friends"}', **more: Any) -> Any:
    """What a host is told who withholds the offer of the sample events."""
    event = sent(
        "POST",
        "/v1/players/{player_id}/offers/{offer_id}/withhold",
        more.pop("caller", sample_events.HOST),
        body,
        headers={"Idempotency-Key": more.pop("key", "w-1")},
        player_id="p-81",
        offer_id=OFFER.offer_id,
    )
    return call(event)


def budget(floor: Floor) -> int:
    """Cents that are reserved of the property's budget in the offer's day."""
    found = floor.offers.budgets(OFFER.property_id, OFFER.player_id, OFFER.gaming_day, [])
    return found.of_property.reserved_cents


def test_an_offer_that_is_withheld_costs_nothing_and_keeps_who_and_why(
    monday: Floor, audit: MemoryAudit
) -> None:
    before = budget(monday)
    decision = monday.offers.decision("north", "p-81", OFFER.offer_id)

    status, said = withheld(monday)
    again = withheld(monday)

    assert (status, said["status"]) == (200, "withdrawn")
    assert again == (200, said)
    assert (before, budget(monday)) == (OFFER.cost_cents, 0)
    found = monday.offers.offer("north", "p-81", OFFER.offer_id)
    assert found is not None
    assert found.steps[-1] == Step(Status.WITHDRAWN, found.steps[-1].at, "jo", "left with friends")
    assert monday.offers.decision("north", "p-81", OFFER.offer_id) == decision
    assert monday.offers.offer_at(Asset("north", "1940732")) is None
    assert [look.action.rpartition("/")[2] for look in audit.kept] == ["withhold"] * 2


def test_what_is_withheld_is_among_what_a_host_sees_of_the_past(
    monday: Floor, audit: MemoryAudit
) -> None:
    withheld(monday)

    _, told = call(asked("/v1/players/{player_id}/offers", sample_events.HOST, player_id="p-81"))

    (past,) = told["past"]
    assert (past["status"], past["steps"][-1]["note"]) == ("withdrawn", "left with friends")


def test_who_withholds_says_why(monday: Floor, audit: MemoryAudit) -> None:
    for body in (b"", b"{}", b'{"reason": " "}', b'{"reason": ""}', b"\xff"):
        assert withheld(monday, body)[0] == 400
    assert budget(monday) == OFFER.cost_cents


def test_an_offer_is_withheld_by_who_may_and_while_nothing_came_of_it(
    monday: Floor, audit: MemoryAudit
) -> None:
    assert withheld(monday, caller=sample_events.OFFICER)[0] == 404
    assert withheld(monday)[0] == 200

    status, fault = withheld(monday, b'{"reason": "again"}', key="w-2")

    assert (status, fault["offer_status"]) == (409, "withdrawn")
    assert withheld(monday, b'{"reason": "other"}')[0] == 422, "another request's key"


def test_what_awaits_approval_is_refused_and_not_withheld(floor: Floor) -> None:
    made = waiting(floor)

    with pytest.raises(RefusedAnswer, match="awaits approval"):
        floor.answer(made, Verb.WITHHOLD)
