"""The whole floor through the front door of the deployed stack: what goes in is what is rated."""

import gzip
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pitboss.events.batch import unpack_received
from pitboss.stores.quarantine import QuarantineEntry, S3Quarantine
from tests.e2e.conftest import PATIENCE_SECONDS, House, Watch, array, now_ms
from tests.integration.ratings_items import different
from workbench import endpoint, measure
from workbench.demo import REAL_DAY, REAL_DAY_LEDGER, third_party_data
from workbench.event_files import FileFormat
from workbench.replay import FeedEvent, cut, read_feed, replay
from workbench.simulation import Floor, FloorPlan

type Settled = Callable[[], None]

DISORDER_MS = 300_000
"""Events may come so much out of order."""


def shift(machines: int, players: int, minutes: int, seed: int) -> tuple[list[FeedEvent], Any]:
    """A simulated shift's packets, and its ledger."""
    floor = Floor(FloorPlan(machines, players, minutes, seed))
    events = list(measure.feed(floor.events()))
    return events, floor.ledger.contract()


def differences(house: House, ledger: dict[str, Any]) -> list[str]:
    """Where what can be read differs from a ledger."""
    return measure.differences(measure.ratings(house.service, ledger), ledger)


# --- the ledger -----------------------------------------------------------------------------------


def test_a_shift_is_rated_to_the_cent(house: House, settled: Settled) -> None:
    events, ledger = shift(machines=30, players=40, minutes=15, seed=11)

    sent = house.send(events)
    settled()

    assert (sent.received, sent.accepted) == (ledger["received"], ledger["accepted"])
    assert (sent.duplicate, sent.quarantined, sent.failed) == (0, 0, 0)
    assert differences(house, ledger) == []
    for truth in ledger["players"]:
        player = house.get(f"/v1/players/{truth['player_id']}").json()
        assert player["session_count"] == truth["sessions"]
        assert player["total"]["incomplete_games"] == player["total"]["unrated_coin_in_cents"] == 0
    floor = house.get("/v1/floor").json()
    total, truth = floor["total"], ledger["totals"]
    assert {name: total[name] for name in ("games", "coin_in_cents", "coin_out_cents")} == {
        name: truth[name] for name in ("games", "coin_in_cents", "coin_out_cents")
    }
    assert Decimal(total["theoretical_win"]) == Decimal(truth["theoretical_win"])
    assert {machine["asset_id"] for machine in floor["machines"]} == {
        machine["asset_id"] for machine in ledger["machines"]
    }


# --- once, whatever comes in whatever order -------------------------------------------------------


def shuffled(events: Iterable[FeedEvent], chance: random.Random) -> list[FeedEvent]:
    """The events, each up to five minutes later than it happened."""

    def moment(event: FeedEvent) -> float:
        assert event.at is not None
        return event.at + chance.uniform(0, DISORDER_MS)

    return sorted(events, key=moment)


def repeated(events: Iterable[FeedEvent], chance: random.Random) -> list[FeedEvent]:
    """The events, one in ten of them twice."""
    return [one for event in events for one in [event] * (1 + (chance.random() < 0.1))]


@dataclass
class Feed:
    """A feed and what is right about it."""

    events: list[FeedEvent]
    ledger: dict[str, Any]


def _simulated() -> Feed:
    return Feed(*shift(machines=12, players=16, minutes=12, seed=5))


def _real_day() -> Feed:
    path = third_party_data() / REAL_DAY
    if not path.exists():
        pytest.skip(f"third-party data is not here: no {path.name} (see PITBOSS_DATA)")
    idle = {"games": 0, "coin_in_cents": 0, "coin_out_cents": 0, "theoretical_win": "0"}
    return Feed(
        list(read_feed([path], FileFormat.ACRES_SAS)),
        {
            "machines": [
                *REAL_DAY_LEDGER["machines"],
                *({"asset_id": asset_id, **idle} for asset_id in ("61312", "110034948")),
            ],
            "players": [],
        },
    )


FEEDS: dict[str, Callable[[], Feed]] = {"a simulated shift": _simulated, "the real day": _real_day}


@pytest.mark.parametrize("feed", FEEDS)
def test_order_repetition_and_batches_leave_no_trace(
    feed: str, open_house: Callable[[], House], settled: Settled
) -> None:
    """I3 and I7: the stored items are a function of the set of events."""
    given = FEEDS[feed]()
    chance = random.Random(20_200_615)
    in_order, out_of_order, repeating = open_house(), open_house(), open_house()
    disorder = repeated(shuffled(given.events, chance), chance)
    disorder = shuffled(disorder, chance)
    assert len(disorder) > len(given.events)

    first = in_order.send(given.events)
    second = out_of_order.send(shuffled(given.events, chance))
    third = send_unevenly(repeating, disorder, chance)
    settled()

    assert first.all_in
    assert second.all_in
    assert third.all_in
    assert (first.accepted, second.accepted) == (len(given.events), len(given.events))
    assert third.accepted + third.duplicate == len(disorder)
    for house in (in_order, out_of_order, repeating):
        assert differences(house, given.ledger) == []
    stored = in_order.items()
    assert len(stored) > len(given.ledger["machines"])
    assert different(stored, out_of_order.items()) == []
    assert different(stored, repeating.items()) == []

    assert send_unevenly(repeating, disorder, chance).all_in
    settled()

    assert different(stored, repeating.items()) == []


@dataclass
class Sent:
    """The counts of several replays."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0

    @property
    def all_in(self) -> bool:
        return self.received == self.accepted + self.duplicate


def send_unevenly(house: House, events: list[FeedEvent], chance: random.Random) -> Sent:
    """In requests of very different sizes, some with many machines and some with few."""
    sent = Sent()
    position = 0
    while position < len(events):
        piece = events[position : position + chance.randint(400, 3_000)]
        position += len(piece)
        size, groups = chance.choice([(500, 1), (500, 4), (333, 2), (97, 1)])
        report = house.send(piece, max_events=size, groups=groups)
        sent.received += report.received
        sent.accepted += report.accepted
        sent.duplicate += report.duplicate
    return sent


def test_a_second_consumer_of_the_stream_changes_nothing(
    house: House, stack: dict[str, str], settled: Settled, second_consumer: "Consumer"
) -> None:
    """Fault 26: two consumers at once, as while a deploy overlaps or a lease is lost."""
    events, ledger = shift(machines=10, players=14, minutes=8, seed=3)
    second_consumer.start()

    assert house.send(events).all_in
    settled()

    assert measure.wait_until(lambda: second_consumer.received(house), PATIENCE_SECONDS)
    assert differences(house, ledger) == []
    assert house.get("/v1/floor").json()["total"]["games"] == ledger["totals"]["games"]


@dataclass
class Consumer:
    """Another version of the rating function, which is given all records too."""

    function: str
    mapping: str = ""
    version: str = ""

    def start(self) -> None:
        client = endpoint.client("lambda")
        self.version = client.publish_version(FunctionName=self.function)["Version"]
        stream = endpoint.client("kinesis").describe_stream_summary(
            StreamName=endpoint.stack_outputs()["SlotStreamName"]
        )["StreamDescriptionSummary"]["StreamARN"]
        self.mapping = client.create_event_source_mapping(
            EventSourceArn=stream,
            FunctionName=f"{self.function}:{self.version}",
            StartingPosition="TRIM_HORIZON",
            BatchSize=100,
        )["UUID"]
        assert measure.wait_until(
            lambda: (
                client.get_event_source_mapping(UUID=self.mapping)["State"]
                in ("Enabled", "Enabling")
            ),
            PATIENCE_SECONDS,
        )

    def received(self, house: House) -> bool:
        raise NotImplementedError

    def stop(self) -> None:
        client = endpoint.client("lambda")
        if self.mapping:
            client.delete_event_source_mapping(UUID=self.mapping)
        if self.version:
            client.delete_function(FunctionName=self.function, Qualifier=self.version)
