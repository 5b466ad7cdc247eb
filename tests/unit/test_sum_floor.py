"""Machines' rows: what their newest heads say, whatever comes again, conflicts or goes wrong."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pitboss.errors import BrokenReleaseError
from pitboss.floor.blocks import (
    MAX_CONFLICTS,
    ContendedFloorError,
    SumsBlock,
    UnreadableFloorError,
)
from pitboss.floor.plan import FloorPlan
from pitboss.floor.rows import MachineSums, block_of
from pitboss.floor.sums import later, next_sums
from pitboss.rating.fold import NOBODY, Carry, Seat, Tally
from pitboss.rating.history import Head, MachineDay, Page
from pitboss.stores.floor import DynamoFloor
from pitboss.stores.ratings import Asset, StoredHead, _head_attributes, head_key, read_head
from sum_floor import handler as lambda_handler
from sum_floor.service import HeadStored, Outcome, SumFloor
from tests import sample_events
from tests.fakes.network import Heard, tables
from workbench.proof.network import Call, Fault, Kill, Killed, Lose, Network, Refuse

NOW = 1_767_225_600_000
MINUTE = NOW // 60_000
DAYS = ("2025-12-30", "2025-12-31")
NORTH = "north"
MACHINES = ("7", "69", "8")
"""Two of a block, and one of another."""
OTHER_SHARD = "69"
"""Comes by another shard than the others, and to another consumer: DynamoDB may split a partition
even between two items of one key."""


def test_the_machines_of_these_tests_are_of_two_blocks() -> None:
    blocks = [block_of(asset_id) for asset_id in MACHINES]

    assert blocks[0] == blocks[1] != blocks[2]


# --- rows -----------------------------------------------------------------------------------------


def after(
    before: MachineSums | None,
    coin_in_cents: int,
    *,
    day: str = DAYS[0],
    last_play: int | None = NOW,
    is_first: bool = True,
    seat: Seat = NOBODY,
    now: int = NOW,
) -> MachineSums:
    """The row after a head of machine 7."""
    return next_sums(
        before,
        "7",
        MachineDay(day, Tally(games=1, coin_in_cents=coin_in_cents), last_play, last_play),
        326,
        seat,
        is_first=is_first,
        employee_cards=["staff-"],
        now=now,
    )


def test_a_row_is_what_rating_stored() -> None:
    tally = Tally(9, 1, 68_500, 60_000, 22_331_000, 300, 2, 55, 1_200, 2)
    head = MachineDay(DAYS[0], tally, NOW - 50, NOW)

    row = next_sums(
        None,
        "7",
        head,
        326,
        Seat("p-1", NOW - 90, NOW - 5),
        is_first=True,
        employee_cards=[],
        now=NOW + 9,
    )

    assert row == MachineSums(
        asset_id="7",
        changed_at=NOW + 9,
        gaming_day=DAYS[0],
        games=tally.games,
        coin_in_cents=68_500,
        coin_out_cents=60_000,
        theoretical_win=22_331_000,
        unrated_coin_in_cents=tally.unrated_coin_in_cents,
        handpaid_cents=tally.handpaid_cents,
        gaps=tally.gaps,
        meter_difference_cents=tally.meter_difference_cents,
        hold_basis_points=326,
        last_play=NOW,
        minute=MINUTE,
        coin_in_by_minute=[68_500, 0, 0, 0, 0],
        player_id="p-1",
        seated_since=NOW - 90,
        locked_since=NOW - 5,
        is_carded=True,
        is_employee=False,
    )


def test_minutes_take_what_coin_in_moved_by() -> None:
    row = after(None, 500)
    row = after(row, 800, last_play=NOW + 59_999)
    row = after(row, 900, last_play=NOW + 120_000)

    assert (row.minute, row.coin_in_by_minute) == (MINUTE + 2, [100, 0, 800, 0, 0])


def test_late_play_becomes_known_with_the_newest() -> None:
    row = after(after(None, 500), 800, last_play=NOW - 300_000)

    assert (row.minute, row.coin_in_by_minute) == (MINUTE, [800, 0, 0, 0, 0])
    assert row.last_play == NOW - 300_000


def test_a_correction_takes_off_what_was_too_much() -> None:
    row = after(after(None, 500), 200, last_play=NOW + 60_000)

    assert (row.coin_in_cents, row.coin_in_by_minute) == (200, [-300, 500, 0, 0, 0])


def test_another_gaming_day_begins_at_nothing() -> None:
    row = after(after(None, 500), 300, day=DAYS[1], last_play=NOW + 60_000)

    assert (row.gaming_day, row.coin_in_cents) == (DAYS[1], 300)
    assert row.coin_in_by_minute == [300, 500, 0, 0, 0]


def test_a_machine_that_was_played_before_it_had_a_row_is_not_taken_to_be_hot() -> None:
    row = after(None, 90_000, is_first=False)

    assert (row.coin_in_cents, row.coin_in_by_minute) == (90_000, [0] * 5)


def test_a_machine_that_was_never_played_has_no_newest_play() -> None:
    row = after(None, 0, last_play=None)

    assert (row.last_play, row.minute) == (0, 0)


@pytest.mark.parametrize(("player_id", "is_employee"), [("staff-3", True), ("p-staff-", False)])
def test_cards_of_the_house_are_told_by_how_they_begin(player_id: str, is_employee: bool) -> None:
    row = after(None, 500, seat=Seat(player_id, NOW, None))

    assert (row.is_carded, row.is_employee) == (True, is_employee)


def test_a_head_that_says_the_same_leaves_the_row() -> None:
    row = after(None, 500)

    assert after(row, 500, now=NOW + 60_000) is row


def test_a_row_is_never_older_than_the_one_before() -> None:
    row = after(None, 500, now=NOW)

    assert after(row, 600, now=NOW - 5_000).changed_at == NOW + 1


@pytest.mark.parametrize(
    ("minutes", "expected"), [(0, [1, 2, 3, 4, 5]), (2, [0, 0, 1, 2, 3]), (99, [0] * 5)]
)
def test_minutes_move_on(minutes: int, expected: list[int]) -> None:
    assert later([1, 2, 3, 4, 5], minutes) == expected


def test_a_heads_image_says_what_the_head_is() -> None:
    asset, seat = Asset(NORTH, "7"), Seat("p-1", NOW - 90, NOW - 5)
    today = MachineDay(DAYS[0], Tally(9, 1, 68_500, 60_000, 22_331_000), NOW - 50, NOW)
    head = Head(Page(NOW, Carry(), []), today, 7, 326, None, seat)
    pk, sk = head_key(asset)
    image = {"pk": {"S": pk}, "sk": {"S": sk}} | _head_attributes(head)

    assert read_head(image) == StoredHead(asset, today, 326, seat)
    with pytest.raises(ValueError, match="no partition of heads"):
        read_head(image | {"pk": {"S": "north/machine/7"}})


# --- blocks, over a network that fails ------------------------------------------------------------


class Stored(NamedTuple):
    """What a machine's head became."""

    asset_id: str
    day: str
    coin_in_cents: int
    minute: int


def change(stored: Stored, place: int, first: set[str], property_id: str = NORTH) -> HeadStored:
    """As the stream has it, the n-th record."""
    is_first = stored.asset_id not in first
    first.add(stored.asset_id)
    last_play = (MINUTE + stored.minute) * 60_000 + place
    day = MachineDay(stored.day, Tally(1, 0, stored.coin_in_cents), last_play, last_play)
    head = StoredHead(Asset(property_id, stored.asset_id), day, 326, NOBODY)
    return HeadStored(head, f"stream/{place:040d}", is_first)


def model(history: Sequence[Stored]) -> dict[str, tuple[str, int, int, list[int]]]:
    """Day, coin-in, newest minute and minutes of each machine, from all that ever was."""
    rows = {}
    for asset_id in {stored.asset_id for stored in history}:
        moved: dict[int, int] = defaultdict(int)
        known = (DAYS[0], 0)
        newest = 0
        for _, day, coin_in, minute in (one for one in history if one.asset_id == asset_id):
            newest = max(newest, MINUTE + minute)
            moved[newest] += coin_in - (known[1] if day == known[0] else 0)
            known = day, coin_in
        rows[asset_id] = (*known, newest, [moved[newest - age] for age in range(5)])
    return rows


class Step(NamedTuple):
    """A batch: how many records, what strikes, and what the event source does after it."""

    records: int
    strikes_at: int
    """Which of the batch's calls, from 0; none at 9."""
    fault: Fault
    other_at: int
    """Before which of its calls the other shard's consumer brings in as many, and a second of this
    shard the same batch; none at 9."""
    back: int
    """Records that come once more after it."""
    is_new_process: bool


FAULTS: tuple[Fault, ...] = (
    Kill(after=False),
    Kill(after=True),
    Lose(effect=True),
    Lose(effect=False),
    Refuse("ThrottlingException"),
    Refuse("InternalServerError", 500),
)
histories = st.lists(
    st.builds(
        Stored,
        st.sampled_from(MACHINES),
        st.sampled_from(DAYS),
        st.integers(0, 9_000),
        st.integers(-1, 7),
    ),
    min_size=1,
    max_size=20,
)
steps = st.lists(
    st.builds(
        Step,
        st.integers(1, 8),
        st.sampled_from([0, 1, 2, 3, 4, 5, 9, 9, 9]),
        st.sampled_from(FAULTS),
        st.sampled_from([0, 1, 2, 3, 9, 9]),
        st.integers(0, 6),
        st.booleans(),
    ),
    max_size=12,
)


class Floor:
    """Consumers of a stream of two shards, and what strikes the first."""

    def __init__(self, network: Network, records: Sequence[HeadStored]) -> None:
        is_other = [one.head.asset.asset_id == OTHER_SHARD for one in records]
        self._shards = [
            [one for one, other in zip(records, is_other, strict=True) if other is which]
            for which in (False, True)
        ]
        self._done = [0, 0]
        self._sums = [self._process(), self._process()]
        self._step: Step | None = None
        self._calls = 0
        network.fault = self._strike

    @staticmethod
    def _process() -> SumFloor:
        return SumFloor(store(), lambda: NOW, lambda attempt: None)

    def take(self, step: Step) -> None:
        """The first shard's next batch, under the step's faults."""
        self._step, self._calls = step, 0
        try:
            self._sums[0](self._batch(0, step))
            self._done[0] = max(self._done[0] + step.records - step.back, 0)
        except (Killed, ClientError, BotoCoreError):
            pass  # it comes again
        finally:
            self._step = None
        if step.is_new_process:
            self._sums[0] = self._process()

    def take_all(self) -> None:
        """What is left, undisturbed."""
        for shard, done in enumerate(self._done):
            self._sums[shard](self._shards[shard][done:])

    def _batch(self, shard: int, step: Step) -> Sequence[HeadStored]:
        return self._shards[shard][self._done[shard] : self._done[shard] + step.records]

    def _strike(self, call: Call) -> Fault | None:
        step, self._calls = self._step, self._calls + 1
        if step is None:
            return None
        if self._calls - 1 == step.other_at:
            self._step = None  # nothing strikes the others
            self._sums[1](self._batch(1, step))
            self._done[1] += step.records
            self._process()(self._batch(0, step))
            self._step = step
        return step.fault if self._calls - 1 == step.strikes_at else None


@cache
def store() -> DynamoFloor:
    """One for all tests: making its client takes longer than a test."""
    return DynamoFloor("floor", "us-east-1")


def run(history: Sequence[Stored], given_steps: Sequence[Step]) -> dict[int, SumsBlock]:
    """Bring a history in as the steps have it, and then what is left."""
    store()._known_floors.clear()
    first: set[str] = set()
    records = [change(stored, place, first) for place, stored in enumerate(history)]
    with tables(NOW, "floor") as network:
        floor = Floor(network, records)
        for step in given_steps:
            floor.take(step)
        floor.take_all()
        network.fault = None
        return store().sums(NORTH, {block_of(asset_id) for asset_id in MACHINES})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    [Stored("7", DAYS[0], 500, 0), Stored("7", DAYS[0], 900, 1)],
    [Step(2, 3, Kill(after=True), 9, 0, True), Step(1, 9, Kill(), 9, 1, True)],
)
@given(histories, steps)
def test_rows_are_the_newest_heads_whatever_happens(
    history: list[Stored], given_steps: list[Step]
) -> None:
    kept = run(history, given_steps)

    assert {
        row.asset_id: (row.gaming_day, row.coin_in_cents, row.minute, row.coin_in_by_minute)
        for block in kept.values()
        for row in block.rows.values()
    } == model(history)
    undisturbed = run(history, [])
    assert {n: block.rows for n, block in kept.items()} == {
        n: block.rows for n, block in undisturbed.items()
    }


def test_a_block_that_cannot_be_read_holds_up_no_other() -> None:
    store()._known_floors.clear()
    damaged, whole = block_of("7"), block_of("8")
    first: set[str] = set()
    before = [change(Stored(name, DAYS[0], 500, 0), n, first) for n, name in enumerate(MACHINES)]
    batch = [change(Stored(name, DAYS[0], 900, 1), n, first) for n, name in enumerate(MACHINES, 3)]
    batch.append(change(Stored("7", DAYS[0], 900, 1), 6, set(), "south"))
    with tables(NOW, "floor") as network:
        SumFloor(store(), lambda: NOW, lambda attempt: None)(before)
        (item,) = (
            one
            for one in network.dynamodb.tables["floor"].items()
            if one["sk"]["S"] == f"sums/{damaged:03d}"
        )
        body, item["body"] = item["body"], {"B": "AAAA"}
        sum_floor = SumFloor(store(), lambda: NOW, lambda attempt: None)

        with pytest.raises(UnreadableFloorError, match=f"north/floor sums/{damaged:03d}"):
            sum_floor(batch)

        others = store().sums(NORTH, [whole])[whole]
        south = store().sums("south", [damaged])[damaged]
        item["body"] = body
        outcome = sum_floor(batch)
        kept = store().sums(NORTH, [damaged, whole])
    assert (others.version, others.rows["8"].coin_in_cents) == (2, 900)
    assert south.rows["7"].coin_in_cents == 900
    assert (outcome.blocks, outcome.rows, outcome.known) == (1, 2, 2)
    assert kept[whole] == others
    assert kept[damaged].version == 2
    assert {name: row.coin_in_by_minute for name, row in kept[damaged].rows.items()} == {
        "7": [400, 500, 0, 0, 0],
        "69": [400, 500, 0, 0, 0],
    }


def test_a_block_that_others_keep_replacing_is_given_back() -> None:
    class Contended:
        def sums(self, property_id: str, numbers: Any) -> dict[int, SumsBlock]:
            return {number: SumsBlock.__value__() for number in numbers}

        def replace_blocks(self, property_id: str, kind: Any, blocks: Any) -> set[int]:
            return set(blocks)

        def plan(self, property_id: str) -> FloorPlan | None:
            return None

    pauses: list[int] = []
    record = change(Stored("7", DAYS[0], 500, 0), 0, set())

    with pytest.raises(ContendedFloorError, match="of north are written elsewhere"):
        SumFloor(Contended(), lambda: NOW, pauses.append)([record])

    assert pauses == list(range(1, MAX_CONFLICTS + 1))


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard[Outcome]:
    found = Heard(Outcome())
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: found)
    return found


@pytest.mark.parametrize("case", sample_events.load("sum_floor"))
def test_heads_are_taken_in_the_order_of_the_stream(case: str, heard: Heard[Outcome]) -> None:
    event = sample_events.load("sum_floor")[case]

    assert lambda_handler.handler(event, None) == {"batchItemFailures": []}

    ((heads,),) = heard.calls
    assert [one.mark for one in heads] == sorted(one.mark for one in heads)
    assert [(one.head.today.tally.coin_in_cents, one.is_first) for one in heads] == (
        [(500, True), (25, True), (1_000, False)]
        if case == "heads"
        else [(500, True), (1_000, False)]
    )


def test_a_release_that_can_read_no_head_leaves_none_out(
    heard: Heard[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(image: object) -> StoredHead:
        raise KeyError("a bug")

    monkeypatch.setattr(lambda_handler, "read_head", broken)

    with pytest.raises(BrokenReleaseError):
        lambda_handler.handler(sample_events.load("sum_floor")["heads"], None)

    assert heard.calls == []
