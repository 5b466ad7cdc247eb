"""Counting offers: each in every status it reached, once, whatever comes twice, late or half."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.errors import TransientError
from pitboss.offers.issued import NEXT, IssuedOffer, Status, Step
from pitboss.stores.floor import DynamoFloor
from sum_offers import handler as room
from sum_offers.service import COUNTED, Offer, count
from tests.sample_events import OFFER, changed, load, offer_change

NOW = 1_592_277_330_000


class Cancelled(Exception):
    """As botocore has it."""

    def __init__(self, *codes: str) -> None:
        self.response = {"CancellationReasons": [{"Code": code} for code in codes]}


class Lost(Exception):
    """A call of which nobody knows whether it was carried out."""


class Table:
    """DynamoDB, as far as a count goes: two updates, both or neither."""

    class exceptions:  # noqa: N801 - as botocore has it
        TransactionCanceledException = Cancelled

    def __init__(self, faults: list[str] | None = None) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.faults = faults or []

    def transact_write_items(
        self,
        TransactItems: list[Any],  # noqa: N803
        ClientRequestToken: str,  # noqa: N803
    ) -> None:
        fault = self.faults.pop(0) if self.faults else "none"
        if fault == "before":
            raise Lost
        if fault == "conflict":
            raise Cancelled("TransactionConflict", "None")
        mark, counter = (action["Update"] for action in TransactItems)
        assert mark["ConditionExpression"] == "attribute_not_exists(#status)"
        assert mark["UpdateExpression"].startswith("SET #status = :at")
        assert counter["UpdateExpression"].startswith("ADD #status :one")
        status = mark["ExpressionAttributeNames"]["#status"]
        assert counter["ExpressionAttributeNames"]["#status"] == status
        marked = self.items.setdefault(self._key(mark), {})
        if status in marked:
            raise Cancelled("ConditionalCheckFailed", "None")
        marked[status] = 1
        counts = self.items.setdefault(self._key(counter), {})
        counts[status] = counts.get(status, 0) + 1
        if fault == "after":
            raise Lost

    def counts(self, day: str = OFFER.gaming_day) -> dict[str, int]:
        return self.items.get(("north/floor", f"offers/{day}"), {})

    @staticmethod
    def _key(update: dict[str, Any]) -> tuple[str, str]:
        return update["Key"]["pk"]["S"], update["Key"]["sk"]["S"]


def floor(table: Table) -> DynamoFloor:
    return DynamoFloor("floor", "us-east-1", client=table)


def life(n: int, *statuses: Status) -> list[IssuedOffer]:
    """An offer as it was after each of its steps."""
    steps = tuple(Step(status, NOW + place, "somebody") for place, status in enumerate(statuses))
    name = f"{NOW:013d}-{n:016x}"
    return [
        replace(OFFER, offer_id=name, status=steps[i].status, steps=steps[: i + 1])
        for i in range(len(steps))
    ]


@st.composite
def lives(draw: st.DrawFn) -> list[list[IssuedOffer]]:
    """Several offers' lives, each as far as it went."""
    found = []
    for n in range(draw(st.integers(1, 4))):
        statuses = [draw(st.sampled_from([Status.DECIDED, Status.AWAITING_APPROVAL]))]
        while NEXT[statuses[-1]] and bool(draw(st.integers(0, 1))):
            statuses.append(draw(st.sampled_from(sorted(NEXT[statuses[-1]]))))
        found.append(life(n, *statuses))
    return found


@given(lives(), st.data())
def test_whatever_comes_twice_late_or_half_counts_once(
    offers: list[list[IssuedOffer]], data: st.DataObject
) -> None:
    """Each change comes once or more, in any order, and any call may fail before or after it did
    what it was for; a batch that raised comes again, as Lambda has it.
    """
    changes = [change for one in offers for change in one]
    again = data.draw(st.lists(st.sampled_from(changes), max_size=4))
    delivered = data.draw(st.permutations([*changes, *again]))
    faults = st.sampled_from(["none", "before", "after", "conflict"])
    table = Table(data.draw(st.lists(faults, max_size=12)))
    size = data.draw(st.integers(1, 4))

    for start in range(0, len(delivered), size):
        batch = [
            Offer(
                one.property_id,
                one.gaming_day,
                one.offer_id,
                tuple(str(step.status) for step in one.steps),
            )
            for one in delivered[start : start + size]
        ]
        while True:
            try:
                count(floor(table), batch, NOW)
                break
            except (Lost, TransientError):
                continue

    expected = Counter(
        str(step.status) for one in offers for step in one[-1].steps if step.status in COUNTED
    )
    assert table.counts() == dict(expected)


def test_every_status_counts_but_those_of_an_approval() -> None:
    assert set(Status) - COUNTED == {Status.AWAITING_APPROVAL, Status.REFUSED}
    assert set(map(str, Status)) >= COUNTED


def test_an_offer_counts_in_the_day_of_its_decision() -> None:
    table = Table()
    later = Offer("north", "2020-06-15", "o-1", ("decided", "delivered"))

    assert count(floor(table), [later], NOW + 86_400_000) == 2

    assert table.counts("2020-06-15") == {"decided": 1, "delivered": 1}


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table()

    class Wiring:
        floor = DynamoFloor("floor", "us-east-1", client=made)

    monkeypatch.setattr(room, "_wiring", Wiring)
    return made


@pytest.mark.parametrize(
    ("case", "counts"),
    [("decided", {"decided": 1}), ("withheld", {"decided": 1, "withdrawn": 1})],
)
def test_a_sample_event(table: Table, case: str, counts: dict[str, int]) -> None:
    event = load("sum_offers")[case]

    for _ in range(2):
        assert room.handler(event, None) == {"batchItemFailures": []}

    assert table.counts() == counts


def test_what_cannot_be_read_stops_nothing(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    poison = [changed("INSERT", "a", "offer/b", body="{"), changed("REMOVE", "a", "offer/b")]

    room.handler({"Records": [*poison, offer_change(OFFER)]}, None)

    assert table.counts() == {"decided": 1}
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert counts["OfferChangesUnreadable"] == [2.0]
    assert counts["OffersCounted"] == [1.0]


def test_what_passes_is_raised_and_the_batch_comes_again(table: Table) -> None:
    table.faults = ["before"]

    with pytest.raises(Lost):
        room.handler({"Records": [offer_change(OFFER)]}, None)
    room.handler({"Records": [offer_change(OFFER)]}, None)

    assert table.counts() == {"decided": 1}
