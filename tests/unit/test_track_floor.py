"""What machines say of themselves: whatever order it comes in, and however often."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pitboss.errors import BrokenReleaseError
from pitboss.events.batch import BatchHeader
from pitboss.events.slot import (
    BillAccepted,
    DoorClosed,
    DoorOpened,
    EventsOverflowed,
    ExceptionRaised,
    GameStarted,
    HandpayPending,
    HandpayReported,
    HandpayReset,
    MeteredEvent,
    Meters,
    MetersReported,
    MetersReset,
    SlotData,
    TiltRaised,
)
from pitboss.floor.blocks import UnreadableFloorError
from pitboss.floor.conditions import (
    HEARD_MS,
    MAX_TOPICS,
    OVERFLOW_MS,
    Followed,
    Known,
    Report,
    follow,
)
from pitboss.floor.documents import BillIn
from pitboss.floor.rows import Alert, Severity, StreamRate, block_of
from pitboss.stores.floor import DynamoFloor
from tests import sample_events
from tests.fakes.network import Heard, Strikes, tables
from track_floor import handler as lambda_handler
from track_floor.service import Outcome, Record, TrackFloor, counted
from workbench.proof.network import Fault, Kill, Killed, Lose, Network, Refuse

NOW = 1_767_225_600_000
MINUTE = NOW // 60_000
NORTH = "north"
LAMP_ON, LAMP_OFF = ExceptionRaised(0x71), ExceptionRaised(0x72)


def event(
    data: SlotData, at: int = 0, sequence: int = 1, meters: Meters | None = None
) -> MeteredEvent:
    """An event so long after `NOW` by the machine's clock."""
    name = f"{at}-{sequence}-{type(data).__name__}"
    return MeteredEvent(name, NOW + at, sequence, "p-1", data, meters)


def followed(
    *events: MeteredEvent, received_at: int = NOW, after: Followed | None = None
) -> Followed:
    """Machine 7 after these events, of one record."""
    before, known = (None, Known()) if after is None else (after.row, after.known)
    return follow(before, known, "7", [Report(received_at, events)], NOW)


@pytest.mark.parametrize(
    ("events", "faults"),
    [
        ([event(HandpayPending())], [("handpay", NOW, "hand-pay pending")]),
        (
            [event(HandpayPending()), event(HandpayReported(123_456), 5)],
            [("handpay", NOW, "hand-pay of $1234.56")],
        ),
        ([event(HandpayPending()), event(HandpayReset(), 9)], []),
        ([event(HandpayPending()), event(GameStarted(500), 9)], []),
        (
            [event(HandpayPending()), event(HandpayReset(), 9), event(HandpayPending(), 20)],
            [("handpay", NOW + 20, "hand-pay pending")],
        ),
        ([event(DoorOpened("slot"))], [("door", NOW, "slot door open")]),
        (
            [event(DoorOpened("slot")), event(DoorOpened("drop"), 4), event(DoorClosed("slot"), 9)],
            [("door", NOW + 4, "drop door open")],
        ),
        (
            [event(DoorOpened("slot")), event(GameStarted(500), 9)],
            [("door", NOW, "slot door open")],
        ),
        ([event(TiltRaised(0x35, "reel 2 tilt"))], [("tilt", NOW, "reel 2 tilt")]),
        ([event(TiltRaised(0x35))], [("tilt", NOW, "exception 35")]),
        ([event(TiltRaised(0x35)), event(GameStarted(500), 1)], []),
        ([event(LAMP_ON)], [("service", NOW, "change lamp on")]),
        ([event(LAMP_ON), event(GameStarted(500), 1), event(LAMP_OFF, 2)], []),
        (
            [event(EventsOverflowed()), event(GameStarted(500), OVERFLOW_MS - 1)],
            [("overflow", NOW, "events were lost")],
        ),
        ([event(EventsOverflowed()), event(GameStarted(500), OVERFLOW_MS)], []),
        ([event(ExceptionRaised(0x54))], []),
    ],
)
def test_a_fault_lasts_until_the_machine_says_that_it_is_over(
    events: list[MeteredEvent], faults: list[tuple[str, int, str]]
) -> None:
    assert followed(*events).row.faults == faults
    assert followed(*reversed(events)).row.faults == faults


def test_of_two_events_of_a_moment_the_machines_own_count_decides() -> None:
    opened, closed = event(DoorOpened("slot"), 0, 5), event(DoorClosed("slot"), 0, 6)

    assert followed(opened, closed).row.faults == []
    assert followed(closed, opened).row.faults == []
    assert followed(event(DoorClosed("slot"), 0, 4), opened).row.faults != []


said = st.sampled_from(
    [
        *(HandpayPending(), HandpayReported(5), HandpayReset(), DoorOpened("slot")),
        *(DoorOpened("drop"), DoorClosed("slot"), DoorClosed("drop"), TiltRaised(0x35, "tilt")),
        *(LAMP_ON, LAMP_OFF, EventsOverflowed(), GameStarted(500, 9)),
    ]
)
events_lists = st.lists(st.tuples(said, st.integers(0, 50)), max_size=12)


@given(events_lists, st.randoms(use_true_random=False), st.integers(0, 12))
def test_neither_order_nor_repetition_makes_a_difference(
    told: list[tuple[SlotData, int]], chance: Random, again: int
) -> None:
    events = [event(data, at, n) for n, (data, at) in enumerate(told)]
    mixed = chance.sample(events, len(events)) + events[:again]

    whole, in_parts = followed(*events), followed()
    for one in mixed:
        in_parts = followed(one, after=in_parts)

    assert in_parts.row.faults == whole.row.faults
    assert in_parts.known == whole.known


def test_turns_say_when_each_fault_began_and_was_over() -> None:
    found = followed(
        event(TiltRaised(0x35, "tilt"), 1),
        event(DoorOpened("slot"), 2),
        event(DoorClosed("slot"), 3),
        event(GameStarted(500), 4),
    )

    assert [(topic, since - NOW, over and over - NOW) for topic, since, _, over in found.turns] == [
        ("tilt", 1, None),
        ("door slot", 2, None),
        ("door slot", 2, 3),
        ("tilt", 1, 4),
    ]


def test_meters_are_those_of_the_newest_event() -> None:
    found = followed(
        event(GameStarted(500, 70), 9),
        event(MetersReported({"TOTAL_COIN_OUT_CREDITS": 60, "GAMES_PLAYED": 8}), 10),
        event(MetersReported({"TOTAL_COIN_OUT_CREDITS": 50, "BILLS": 2}), 4),
        event(MetersReported({"BILLS": 3}), 99),
    )
    row = found.row

    assert (row.coin_in_meter_credits, row.coin_out_meter_credits, row.games_played_meter) == (
        70,
        60,
        8,
    )
    shown = Meters(coin_in_credits=75, games_played=9)
    row = followed(event(LAMP_OFF, 20, 1, shown), after=found).row
    assert (row.coin_in_meter_credits, row.coin_out_meter_credits, row.games_played_meter) == (
        75,
        60,
        9,
    )
    row = followed(event(MetersReset(), 30), after=found).row
    assert row.coin_in_meter_credits == row.coin_out_meter_credits == row.games_played_meter == 0


def test_what_nobody_would_see_at_once_is_not_due() -> None:
    first = followed(event(GameStarted(500), 0))

    assert first.is_due
    soon = followed(event(GameStarted(500), 9), received_at=NOW + HEARD_MS - 1, after=first)
    assert not soon.is_due
    late = followed(event(GameStarted(500), 9), received_at=NOW + HEARD_MS, after=first)
    assert (late.is_due, late.row.heard_at) == (True, NOW + HEARD_MS)
    assert followed(event(DoorClosed("slot"), 9), after=first).is_due
    assert not followed(event(GameStarted(500), 0), after=first).is_due


def test_a_machine_has_only_so_many_doors() -> None:
    found = followed(*(event(DoorOpened(f"door {n}"), n) for n in range(MAX_TOPICS + 3)))

    assert len(found.row.faults) == MAX_TOPICS
    assert min(since for _, since, _ in found.row.faults) == NOW + 3


# --- batches --------------------------------------------------------------------------------------


def record(place: int, *events: MeteredEvent, asset_id: str = "7", at: int = 0) -> Record:
    """The n-th record of a shard."""
    header = BatchHeader(NORTH, asset_id, NOW + at, "gateway-1", "envelope")
    return Record(f"4960{place:052d}", header, events)


def test_events_are_counted_by_minute_of_arrival() -> None:
    game = event(GameStarted(500))
    rate, events = counted(None, "s", [record(1, game, game), record(2, game, at=61_000)], NOW)

    assert events == 3
    assert rate == StreamRate(
        "s", NOW, NOW + 61_000, MINUTE + 1, [1, 2, 0, 0, 0], record(2).sequence_number
    )
    again, events = counted(rate, "s", [record(2, game, at=61_000), record(3, game)], NOW + 9)
    assert again is not None
    assert (events, again.events_by_minute, again.newest_received_at) == (
        1,
        [1, 3, 0, 0, 0],
        NOW + 61_000,
    )
    assert counted(again, "s", [record(2, game), record(3, game)], NOW) == (None, 0)


@cache
def store() -> DynamoFloor:
    """One for all tests: making its client takes longer than a test."""
    return DynamoFloor("floor", "us-east-1")


@contextmanager
def floor_table() -> Iterator[Network]:
    """A floor table that nothing is in."""
    store()._known_floors.clear()
    with tables(NOW, "floor") as made:
        yield made


def tracker() -> TrackFloor:
    return TrackFloor(store(), lambda: NOW, lambda attempt: None)


def test_a_batch_leaves_conditions_alerts_bills_and_what_came() -> None:
    with floor_table():
        outcome = tracker()(
            "shard-1",
            [
                record(1, event(DoorOpened("slot"), 1), event(BillAccepted(2_000), 2)),
                record(2, event(HandpayPending(), 3), asset_id="8"),
                record(3, event(DoorClosed("slot"), 4), event(LAMP_ON, 5)),
            ],
        )
        live = store().live(NORTH)
        bills = store().bills(NORTH, "p-1", 0, NOW + 9)

    assert (outcome.events, outcome.alerts, outcome.bills, outcome.blocks) == (5, 2, 1, 2)
    assert {row.asset_id: row.faults for row in live.conditions} == {
        "7": [("service", NOW + 5, "change lamp on")],
        "8": [("handpay", NOW + 3, "hand-pay pending")],
    }
    assert live.alerts == [
        Alert(
            f"{NOW + 3:013d}-8-handpay",
            "handpay",
            Severity.CRITICAL,
            NOW + 3,
            "hand-pay pending",
            "8",
        ),
        Alert(
            f"{NOW + 1:013d}-7-door-slot",
            "door",
            Severity.WARNING,
            NOW + 1,
            "slot door open",
            "7",
            cleared_at=NOW + 4,
        ),
    ]
    assert bills == [BillIn("7", NOW + 2, "2-1-BillAccepted", 2_000, "p-1")]
    assert [rate.events_by_minute[0] for rate in live.rates] == [5]


def test_machines_that_go_on_playing_cost_a_write_a_batch() -> None:
    with floor_table() as made:
        track = tracker()
        track("shard-1", [record(1, event(GameStarted(500)))])
        made.calls.clear()
        for n in range(2, 6):
            track("shard-1", [record(n, event(GameStarted(500), n), at=n * 1_000)])

    assert made.calls == {("dynamodb", "PutItem"): 4}  # what came, each time


@pytest.mark.parametrize("is_known", [False, True], ids=["read at first", "read again"])
def test_a_block_that_cannot_be_read_holds_up_no_other(is_known: bool) -> None:
    batch = [
        record(3, event(LAMP_ON, 9)),
        record(4, event(DoorOpened("slot"), 9), asset_id="8"),
        record(5, event(BillAccepted(2_000), 9)),
    ]
    with floor_table() as made:
        track = tracker()
        track("shard-1", [record(1, event(DoorOpened("slot"))), record(2, asset_id="8")])
        (item,) = (
            one
            for one in made.dynamodb.tables["floor"].items()
            if one["sk"]["S"] == f"conditions/{block_of('7'):03d}"
        )
        body, item["body"] = item["body"], {"B": "AAAA"}
        # One that has the block in memory reads it again where alerts follow from it.
        track = track if is_known else tracker()

        with pytest.raises(UnreadableFloorError, match="north/floor conditions/"):
            track("shard-1", batch)

        item["body"] = body
        before = store().live(NORTH)
        assert track("shard-1", batch).events == 0
        after = store().live(NORTH)
        bills = store().bills(NORTH, "p-1", 0, NOW + 10)
    assert {row.asset_id: len(row.faults) for row in before.conditions} == {"7": 1, "8": 1}
    assert {row.asset_id: len(row.faults) for row in after.conditions} == {"7": 2, "8": 1}
    assert [one.asset_id for one in after.alerts] == ["8", "7"]
    assert sum(rate.events_by_minute[0] for rate in after.rates) == 4
    assert len(bills) == 1


FAULTS: tuple[Fault, ...] = (
    Kill(after=False),
    Kill(after=True),
    Lose(effect=True),
    Refuse("ThrottlingException"),
)
MACHINES = ("7", "69", "8")
"""Two of a block, and one of another."""
batches = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(MACHINES), said), min_size=1, max_size=5),
        st.integers(0, 9),
        st.sampled_from(FAULTS),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def bring_in(given_batches: Sequence[Any], *, is_disturbed: bool) -> Any:
    """What is stored after these batches, each of which comes until it is taken, and once more."""
    with floor_table() as made:
        strikes = Strikes(made)
        track, other = tracker(), tracker()
        place = 0
        for told, strikes_at, fault, comes_again in given_batches:
            records = []
            for asset_id, data in told:
                place += 1
                records.append(record(place, event(data, place % 7, place), asset_id=asset_id))
            if is_disturbed:
                strikes.at(strikes_at, fault)
            try:
                track("shard-1", records)
            except (Killed, ClientError, BotoCoreError):
                strikes.end()
                track("shard-1", records)
            strikes.end()
            if is_disturbed and comes_again:
                other("shard-1", records)
        live = store().live(NORTH)
        kept = store().conditions(NORTH, {block_of(asset_id) for asset_id in MACHINES})
    return (
        live.rates,
        sorted(map(str, live.alerts)),
        {
            asset_id: (block.rows[asset_id].faults, block.marks[asset_id])
            for block in kept.values()
            for asset_id in block.rows
        },
    )


@settings(max_examples=25, deadline=None)
@example([([("7", DoorOpened("slot"))], 4, Kill(after=True), True)])
# A worker that has not heard of the machine for a while, and is given what is known already.
@example(
    [
        ([("7", HandpayPending())], 9, Kill(after=False), True),
        ([("7", HandpayPending())] * 4 + [("7", DoorOpened("slot"))], 9, Kill(after=False), False),
        ([("7", DoorOpened("slot"))], 9, Kill(after=False), True),
    ]
)
@given(batches)
def test_nothing_that_goes_wrong_or_comes_again_makes_a_difference(
    given_batches: list[Any],
) -> None:
    disturbed = bring_in(given_batches, is_disturbed=True)

    assert disturbed == bring_in(given_batches, is_disturbed=False)


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard[Outcome]:
    found = Heard(Outcome())
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: found)
    return found


@pytest.mark.parametrize("case", sample_events.load("track_floor"))
def test_what_cannot_be_read_is_left_out(case: str, heard: Heard[Outcome]) -> None:
    event = sample_events.load("track_floor")[case]

    assert lambda_handler.handler(event, None) == {"batchItemFailures": []}

    ((shard_id, records),) = heard.calls
    assert shard_id == event["Records"][0]["eventID"].partition(":")[0]
    assert [one.header.asset_id for one in records] == (
        ["1940732", "5093619"] if case == "play" else ["1940732", "1940732"]
    )


def test_a_release_that_can_read_no_record_leaves_none_out(
    heard: Heard[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: bytes) -> Any:
        raise ValueError("a bug")

    monkeypatch.setattr(lambda_handler, "unpack_metered", broken)

    with pytest.raises(BrokenReleaseError):
        lambda_handler.handler(sample_events.load("track_floor")["play"], None)

    assert heard.calls == []
