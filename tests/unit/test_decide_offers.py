"""The function that decides which offer a player is made: over DynamoDB in memory."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import decision_time, overspend
from decide_offers import handler as module
from decide_offers.service import (
    CATALOGUE_MS,
    MAX_AGE_MS,
    MAX_TRIES,
    Became,
    ContendedDecisionError,
    DecideOffers,
)
from pitboss.errors import TransientError
from pitboss.events.player import ChangeKind, PlayerChanged, encode
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.deciding import NoOffer, decision_id
from pitboss.offers.gate import Entry, ListName, Refusal, Standing
from pitboss.offers.issued import UNANSWERED, IssuedOffer, Status
from pitboss.offers.policy import is_held_out
from pitboss.stores.ratings import Asset
from tests.sample_events import load
from workbench.proof.network import (
    Call,
    Cancel,
    Fault,
    Kill,
    Killed,
    Lose,
    Refuse,
)
from workbench.proof.offers import NOON, NORTH, OffersFloor, catalogue, change, offer

MEALS = catalogue(exploration_basis_points=100)
PLAYER = next(f"p-{n}" for n in range(99) if not is_held_out(NORTH, f"p-{n}", 500))
HELD_OUT = next(f"p-{n}" for n in range(999) if is_held_out(NORTH, f"p-{n}", 500))


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    floor = OffersFloor()
    floor.welcome(PLAYER, "1001")
    floor.complete_lists()
    with floor.installed():
        apply(floor, MEALS)
        yield floor
    assert floor.network.unknown == []
    floor.check()


def apply(floor: OffersFloor, found: Catalogue) -> None:
    now = floor.offers.catalogue(NORTH)
    replaces = None if now is None else now.version
    assert floor.offers.apply_catalogue(found, NOON, "test", replaces)


def step(n: int = 1, player: str = PLAYER, **fields: Any) -> PlayerChanged:
    return change(player, "1001", n, **fields)


# --- one change -----------------------------------------------------------------------------------


def test_a_player_is_made_an_offer_while_they_play(floor: OffersFloor) -> None:
    found = floor.decider()(step())

    assert found.became is Became.DECIDED
    assert found.decided is not None
    assert found.offer is not None
    assert found.decided == floor.offers.decision(NORTH, PLAYER, found.offer.offer_id)
    assert found.offer == floor.offers.offer_at(Asset(NORTH, "1001"))
    assert (found.offer.code, found.offer.status) == ("meal", Status.DECIDED)
    assert found.offer.steps[0].by == "decide_offers"
    assert [odds.code for odds in found.decided.actions] == ["none", "meal", "play-5"]


def test_a_change_that_comes_again_is_not_decided_again(floor: OffersFloor) -> None:
    floor.decider()(step())
    before = floor.offers_table.snapshot()
    floor.clock.advance(MAX_AGE_MS + 1)

    assert floor.decider()(step()).became is Became.REPEATED
    assert floor.offers_table.snapshot() == before


@pytest.mark.parametrize("late", [0, 1])
def test_a_change_that_is_too_old_decides_nothing(floor: OffersFloor, late: int) -> None:
    old = step(occurred_at=NOON - MAX_AGE_MS - late)

    assert floor.decider()(old).became is (Became.STALE if late else Became.DECIDED)
    assert len(floor.decided()) == 1 - late


def test_who_left_is_made_no_offer(floor: OffersFloor) -> None:
    floor.seat("somebody", "1001")

    assert floor.decider()(step()).became is Became.STALE
    assert floor.decided() == []


def test_a_session_that_ended_takes_the_machines_offer_away(floor: OffersFloor) -> None:
    made = floor.decider()(step()).offer
    ended = change(PLAYER, "1001", None, ChangeKind.SESSION_ENDED, occurred_at=NOON - 10**9)

    assert floor.decider()(ended).became is Became.ENDED
    assert floor.offers.offer_at(Asset(NORTH, "1001")) is None
    assert made is not None
    assert floor.offers.offer(NORTH, PLAYER, made.offer_id) == made


def test_a_property_without_a_catalogue_makes_no_offers(floor: OffersFloor) -> None:
    assert floor.decider()(step(property_id="south")).became is Became.UNOFFERED


def test_a_catalogue_is_read_once_a_minute(floor: OffersFloor) -> None:
    decide = floor.decider()
    decide(step(1))
    apply(floor, catalogue(offer("show", kind="show"), exploration_basis_points=100))

    decide(step(2))
    floor.clock.advance(CATALOGUE_MS)
    decide(step(3))

    by_step = {one.change_id.rpartition("/")[2]: one for one in floor.decided()}
    assert by_step["1"].catalogue_version == by_step["2"].catalogue_version == MEALS.version
    assert by_step["3"].catalogue_version != MEALS.version


def test_who_is_held_out_is_decided_on_and_made_no_offer(floor: OffersFloor) -> None:
    floor.welcome(HELD_OUT, "1002")

    found = floor.decider()(change(HELD_OUT, "1002"))

    assert found.decided is not None
    assert (found.decided.no_offer, found.decided.chosen) == ((NoOffer.HELD_OUT,), "none")
    assert found.decided.context["worth"] != "unknown"


def test_an_offer_that_waits_for_an_answer_is_followed_by_none(floor: OffersFloor) -> None:
    decide = floor.decider()
    first = decide(step(1)).offer
    assert first is not None

    second = decide(step(2)).decided
    assert second is not None
    assert second.no_offer == (NoOffer.OPEN_OFFER,)

    floor.offers.advance(first, Status.WITHDRAWN, NOON, "host")
    third = decide(step(3)).decided
    assert third is not None
    assert third.no_offer == ()


def test_a_player_costs_no_more_than_their_share(floor: OffersFloor) -> None:
    """Of 66.66 dollars' theoretical win, 30 % are 19.99: the meal of 15.00, and no more."""
    floor.play(PLAYER, 66_660_000, asset="1001")
    decide = floor.decider()
    first = decide(step(1)).offer
    assert first is not None
    assert first.code == "meal"
    delivered = floor.offers.advance(first, Status.DELIVERED, NOON, "game").offer
    floor.offers.advance(delivered, Status.ACCEPTED, NOON, "game")

    second = decide(step(2)).decided

    assert second is not None
    assert [odds.code for odds in second.actions] == ["none"]
    assert second.out_of_reach == {"meal": "player_budget", "play-5": "player_budget"}


# --- the gate -------------------------------------------------------------------------------------


def test_what_the_handler_cannot_read_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    module._unread(TimeoutError())
    module.count.flush()

    assert counts(capsys.readouterr().out) == {"StandingsUnread": 1}


def test_what_cannot_be_read_refuses_and_is_decided(floor: OffersFloor) -> None:
    floor.network.fault = lambda call: (
        Refuse("AccessDeniedException")
        if call.operation == "BatchGetItem" and "standings" in call.body["RequestItems"]
        else None
    )

    found = floor.decider()(step()).decided

    assert found is not None
    assert (found.no_offer, found.chosen) == ((Refusal.LISTS_UNREADABLE,), "none")


@pytest.mark.parametrize(
    ("change_it", "refusal"),
    [
        (
            lambda floor: floor.stand(
                PLAYER, Standing(2, {ListName.SELF_EXCLUDED: Entry(0, None, NOON)}, 0, "US-NV")
            ),
            Refusal.SELF_EXCLUDED,
        ),
        (lambda floor: floor.seat(PLAYER, "1001", locked_since=NOON), Refusal.HANDPAY_LOCK),
    ],
    ids=["excluded", "locked up"],
)
def test_what_changes_between_the_look_and_the_writing_is_refused(
    floor: OffersFloor, change_it: Callable[[OffersFloor], None], refusal: Refusal
) -> None:
    def strike(call: Call) -> Fault | None:
        if call.operation == "TransactWriteItems":
            change_it(floor)
        return None

    floor.network.fault = strike

    found = floor.decider()(step())

    assert found.offer is None
    assert found.decided is not None
    assert found.decided.no_offer == (refusal,)
    assert floor.made() == []


def test_who_leaves_between_the_look_and_the_writing_is_made_none(floor: OffersFloor) -> None:
    def strike(call: Call) -> Fault | None:
        if call.operation == "TransactWriteItems":
            floor.seat(None, "1001")
        return None

    floor.network.fault = strike

    assert floor.decider()(step()).became is Became.STALE
    assert floor.decided() == []


# --- approval -------------------------------------------------------------------------------------

DEAR = catalogue(offer("room", cost_cents=5_000), approval_above_cents=1_000)


def test_a_person_is_asked_for_what_is_dear(floor: OffersFloor) -> None:
    apply(floor, DEAR)
    asked: list[IssuedOffer] = []

    made = floor.decider(waiting=asked)(step()).offer

    assert made is not None
    assert made.status is Status.AWAITING_APPROVAL
    assert asked == [made]
    floor.decider(waiting=asked)(step())
    assert asked == [made]


def test_who_died_before_a_person_was_asked_is_made_up_for(floor: OffersFloor) -> None:
    apply(floor, DEAR)
    floor.network.fault = lambda call: (
        Kill(after=True) if call.operation == "TransactWriteItems" else None
    )
    asked: list[IssuedOffer] = []
    with pytest.raises(Killed):
        floor.decider(waiting=asked)(step())
    assert asked == []
    floor.network.fault = None

    assert floor.decider(waiting=asked)(step()).became is Became.REPEATED
    assert [one.status for one in asked] == [Status.AWAITING_APPROVAL]


def test_nobody_is_asked_for_what_was_answered(floor: OffersFloor) -> None:
    apply(floor, DEAR)
    made = floor.decider()(step()).offer
    assert made is not None
    floor.offers.advance(made, Status.REFUSED, NOON, "host")
    asked: list[IssuedOffer] = []

    floor.decider(waiting=asked)(step())

    assert asked == []


# --- many at once, and faults ---------------------------------------------------------------------


def test_what_keeps_moving_on_is_given_back(floor: OffersFloor) -> None:
    floor.network.fault = lambda call: (
        Cancel((3,)) if call.operation == "TransactWriteItems" else None
    )

    with pytest.raises(ContendedDecisionError):
        floor.decider()(step())

    assert floor.network.calls["dynamodb", "TransactWriteItems"] == 1 + MAX_TRIES


FAULTS: list[Fault] = [
    Kill(after=False),
    Kill(after=True),
    Lose(effect=True),
    Lose(effect=False),
    Cancel((0,)),
    Cancel((3, 4)),
    Refuse("ThrottlingException"),
    Refuse("InternalServerError", 500),
]


class Storm:
    """Faults at some calls, and other deciders who come in between at others."""

    def __init__(self, floor: OffersFloor, seed: int, changes: list[PlayerChanged]) -> None:
        self.floor = floor
        self.chance = random.Random(seed)
        self.changes = changes
        self.depth = 0
        self.waiting: list[IssuedOffer] = []
        self.deciders = [floor.decider(waiting=self.waiting) for _ in range(3)]

    def strike(self, call: Call) -> Fault | None:
        drawn = self.chance.random()
        if drawn < 0.04:
            found = self.chance.choice(FAULTS)
            if isinstance(found, Cancel) and call.operation != "TransactWriteItems":
                return None
            return found
        if drawn < 0.2 and self.depth < 2:
            self.depth += 1
            self.deliver(self.chance.choice(self.changes))
            self.depth -= 1
        elif drawn < 0.3 and self.depth < 2:
            self.depth += 1
            self.answer()
            self.depth -= 1
        return None

    def deliver(self, which: PlayerChanged) -> None:
        try:
            self.chance.choice(self.deciders)(which)
        except (Killed, TransientError, ClientError, BotoCoreError):
            return

    def answer(self) -> None:
        made = self.floor.made()
        if not made:
            return
        one = self.chance.choice(made)
        to = self.chance.choice([Status.DELIVERED, Status.DECLINED, Status.WITHDRAWN])
        try:
            self.floor.offers.advance(one, to, NOON, "game")
        except (Killed, TransientError, ClientError, BotoCoreError):
            return


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_whatever_happens_between_any_two_calls_it_is_decided_once_and_to_the_cent(
    seed: int,
) -> None:
    floor = OffersFloor()
    tight = catalogue(
        offer("meal", kind="meal", cost_cents=1_500, daily_budget_cents=4_500),
        offer("play-5", cost_cents=500, per_day=3),
        offer("room", kind="room", cost_cents=2_500),
        daily_budget_cents=9_000,
        approval_above_cents=2_000,
        exploration_basis_points=3_000,
    )
    players = [f"q-{n}" for n in range(2)]
    for n, player in enumerate(players):
        floor.welcome(player, str(1001 + n), 200_000_000)
    floor.complete_lists()
    changes = [
        change(player, str(1001 + n), worth)
        for n, player in enumerate(players)
        for worth in range(4)
    ]
    storm = Storm(floor, seed, changes)
    with floor.installed():
        apply(floor, tight)
        floor.network.fault = storm.strike
        for which in storm.chance.sample(changes * 2, len(changes) * 2):
            storm.deliver(which)
            floor.check()
        floor.network.fault = None
        for which in changes:
            floor.decider(waiting=storm.waiting)(which)

    floor.check()
    assert floor.network.unknown == []
    assert sorted(one.decision_id for one in floor.decided()) == sorted(map(decision_id, changes))
    made = floor.made()
    open_of = Counter(one.player_id for one in made if one.status in UNANSWERED)
    assert max(open_of.values(), default=0) <= 1
    awaiting = {one.offer_id for one in made if one.status is Status.AWAITING_APPROVAL}
    assert awaiting <= {one.offer_id for one in storm.waiting}
    spent = sum(one.cost_cents for one in made if one.status not in {"declined", "withdrawn"})
    assert spent <= 9_000
    assert sum(one.code == "play-5" for one in made) <= 3


# --- the handler ----------------------------------------------------------------------------------


def message(name: str, body: str) -> dict[str, Any]:
    return {"messageId": name, "body": body, "eventSource": "aws:sqs"}


def run(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch, *bodies: str, decide: Any = None
) -> list[str]:
    decider: DecideOffers = decide or floor.decider()
    monkeypatch.setattr(module, "_wiring", lambda: decider)
    found = module.handler(
        {"Records": [message(f"m-{n}", body) for n, body in enumerate(bodies)]}, None
    )
    return [failure["itemIdentifier"] for failure in found["batchItemFailures"]]


def test_poison_fails_alone(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = run(floor, monkeypatch, "no json", encode(step()), '{"kind":"odd"}')

    assert failed == ["m-0", "m-2"]
    assert len(floor.made()) == 1
    counted = counts(capsys.readouterr().out)
    assert counted["TriggersReceived"] == 3
    assert counted["TriggersUnreadable"] == 2
    assert (counted["DecisionsMade"], counted["OffersMade"]) == (1, 1)


def test_an_outage_fails_the_messages_it_meets_and_no_other(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def strike(call: Call) -> Fault | None:
        items = call.body.get("TransactItems", [])
        is_second = any(decision_id(step(2)) in str(item) for item in items)
        return Refuse("InternalServerError", 500) if is_second else None

    floor.network.fault = strike

    failed = run(floor, monkeypatch, *(encode(step(n)) for n in (1, 2, 3)))

    assert failed == ["m-1"]
    assert counts(capsys.readouterr().out)["TriggersFailed"] == 1
    floor.network.fault = None
    assert run(floor, monkeypatch, encode(step(2))) == []
    assert len(floor.decided()) == 3


def test_a_bug_fails_a_message_and_not_the_batch(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(which: PlayerChanged) -> None:
        raise ZeroDivisionError

    assert run(floor, monkeypatch, encode(step()), decide=broken) == ["m-0"]


def test_what_became_of_each_is_counted_and_offers_are_told_of(
    floor: OffersFloor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    module._tell_unoffered.cache_clear()
    floor.welcome(HELD_OUT, "1002")
    floor.welcome("p-young", "1003")
    floor.stand("p-young", Standing(1, {}, NOON + 10**9, "US-NV"))
    ended = change(PLAYER, "1001", None, ChangeKind.SESSION_ENDED)

    run(
        floor,
        monkeypatch,
        *map(
            encode,
            [
                step(1),
                step(1),
                change(HELD_OUT, "1002"),
                change("p-young", "1003"),
                step(2, occurred_at=0),
                step(3, property_id="south"),
                step(4, property_id="south"),
                ended,
            ],
        ),
    )

    out = capsys.readouterr().out
    assert counts(out) == {
        "TriggersReceived": 8,
        "DecisionsMade": 3,
        "DecisionsRepeated": 1,
        "TriggersStale": 1,
        "TriggersUnoffered": 2,
        "TriggersEnded": 1,
        "TriggersUnreadable": 0,
        "TriggersFailed": 0,
        "OffersMade": 1,
        "OffersHeldOut": 1,
        "OffersRefused": 1,
        "StandingsUnread": 0,
        "ModelFallbacks": 0,
    }
    (told,) = [vars(line) for line in caplog.records if line.message == "offered"]
    (made,) = floor.made()
    assert (told["offer_id"], told["code"], told["reasons"]) == (
        made.offer_id,
        "meal",
        ("is worth $1000+ a day",),
    )
    assert not told.keys() & {"context", "actions"}
    assert sum(line.message == "no catalogue" for line in caplog.records) == 1


def counts(out: str) -> dict[str, int]:
    """What was counted, by name."""
    found: Counter[str] = Counter()
    for line in out.splitlines():
        document = msgspec.json.decode(line)
        for block in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in block["Metrics"]:
                value = document[metric["Name"]]
                found[metric["Name"]] += int(value[0] if isinstance(value, list) else value)
    return dict(found)


@pytest.mark.parametrize("case", sorted(load("decide_offers")))
def test_sample_events(floor: OffersFloor, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    event = load("decide_offers")[case]
    monkeypatch.setattr(module, "_wiring", floor.decider)

    found = module.handler(event, None)

    poison = [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert found == {"batchItemFailures": [] if case == "changes" else poison}


# --- the benchmarks -------------------------------------------------------------------------------


def test_concurrent_decisions_with_crashes_overspend_nothing() -> None:
    """`python -m benchmarks overspend` at a fiftieth: threads, and a switch at every call."""
    found = overspend.in_memory(200, threads=8)

    assert (found["decisions"], found["overspent_cents"]) == (200, 0)
    assert found["crashes"] > 0
    assert found["read_and_decided_again"] > 0
    assert found["offers_made"] > found["offers_declined"] > 0
    fullest = {row["cap"]: row["fullest_percent"] for row in found["rows"]}
    assert min(fullest.values()) > 70, "caps that are never reached prove nothing"


def test_the_time_of_a_decision_is_of_decisions_of_all_offers() -> None:
    found = decision_time.run(decisions=20, learned_from=50)

    assert found["offers_to_choose_from"] == 50
    assert found["aws_calls_of_a_decision"] == {
        "BatchGetItem": 2.0,
        "GetItem": 1.05,  # of each the decision, and the catalogue once
        "Query": 3.0,
        "TransactWriteItems": 1.0,
    }
    assert [row["what"] for row in found["rows"]] == [
        "decide, rules",
        "decide, learned",
        "gate",
        "gate and its read",
        "handler, rules",
    ]
    assert all(0 < row["p50"] <= row["p99"] <= row["max"] for row in found["rows"])
