"""Telling games: the last word on each machine, to whoever listens, and nothing about a player."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from pitboss.offers.issued import Status
from pitboss.stores.connections import Listener, UndeliveredError
from push_live_updates import handler as room
from push_live_updates.service import YOUNG_MS, Kind, Pushed, PushUpdates, Update
from tests.contract.test_template import TEMPLATE
from tests.sample_events import OFFER, changed, load, machine_cleared, offer_change

NOW = 1_767_225_600_000
OLD = NOW - 60_000
SEVEN, EIGHT = ("north", "7"), ("north", "8")
BUDGET_MS = 1_000


class Floor:
    """Connections, and what reached them."""

    def __init__(self, **machines: list[Listener]) -> None:
        self.machines = {("north", name[1:]): found for name, found in machines.items()}
        self.heard: defaultdict[str, list[Any]] = defaultdict(list)
        self.removed: list[str] = []
        self.fails: dict[str, Callable[[], bool]] = {}
        self._lock = threading.Lock()

    def listening(self, property_id: str, asset_id: str, now: int) -> list[Listener]:
        return self.machines.get((property_id, asset_id), [])

    def remove(self, connection_id: str) -> bool:
        self.removed.append(connection_id)
        return True

    def send(self, connection_id: str, message: bytes) -> bool:
        if connection_id in self.fails:
            return self.fails[connection_id]()
        with self._lock:
            self.heard[connection_id].append(json.loads(message))
        return True


def push(floor: Floor, updates: Iterable[Update], now: Callable[[], int] = lambda: NOW) -> Pushed:
    return PushUpdates(floor, floor, map, now, BUDGET_MS)(updates)


def undelivered() -> bool:
    raise UndeliveredError("c-1", "timed out")


def test_everyone_who_listens_is_told_what_and_where() -> None:
    floor = Floor(m7=[Listener("c-1", OLD), Listener("c-2", OLD)], m8=[Listener("c-2", OLD)])

    pushed = push(floor, [Update(*SEVEN, Kind.OFFER_READY), Update(*EIGHT, Kind.OFFER_GONE)])

    ready = {"type": "offer.ready", "asset_id": "7"}
    gone = {"type": "offer.gone", "asset_id": "8"}
    assert floor.heard == {"c-1": [ready], "c-2": [ready, gone]}
    assert pushed == Pushed(sent=3)


def test_nobody_listens() -> None:
    assert push(Floor(), [Update(*SEVEN, Kind.OFFER_READY)]) == Pushed()
    assert push(Floor(), []) == Pushed()


@pytest.mark.parametrize("last", Kind)
def test_only_the_last_word_on_a_machine_is_said(last: Kind) -> None:
    floor = Floor(m7=[Listener("c-1", OLD)])

    push(floor, [Update(*SEVEN, kind) for kind in (Kind.OFFER_READY, Kind.OFFER_GONE, last)])

    assert [heard["type"] for heard in floor.heard["c-1"]] == [last]


def test_a_connection_that_is_gone_is_forgotten_and_the_others_are_told() -> None:
    floor = Floor(m7=[Listener("c-1", OLD), Listener("c-2", OLD)])
    floor.fails["c-1"] = lambda: False

    assert push(floor, [Update(*SEVEN, Kind.OFFER_READY)]) == Pushed(sent=1, gone=1)
    assert floor.removed == ["c-1"]


def test_a_connection_that_is_not_open_yet_is_not_forgotten() -> None:
    young = Listener("c-1", NOW - YOUNG_MS + 1)
    floor = Floor(m7=[young])
    floor.fails["c-1"] = lambda: False

    assert push(floor, [Update(*SEVEN, Kind.OFFER_READY)]) == Pushed(undelivered=1)
    assert floor.removed == []


def test_a_client_that_fails_keeps_no_other_from_being_told() -> None:
    floor = Floor(m7=[Listener("c-1", OLD), Listener("c-2", OLD)])
    floor.fails["c-1"] = undelivered

    assert push(floor, [Update(*SEVEN, Kind.OFFER_READY)]) == Pushed(sent=1, undelivered=1)
    assert floor.removed == [], "it may be there"


def test_slow_clients_do_not_keep_the_others_waiting() -> None:
    floor = Floor(m7=[Listener(f"c-{n}", OLD) for n in range(8)])
    release = threading.Event()
    for n in range(4):
        floor.fails[f"c-{n}"] = lambda: bool(release.wait(5))
    told: list[float] = []
    began = time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        done = pool.submit(
            PushUpdates(floor, floor, ThreadPoolExecutor(8).map, lambda: NOW, BUDGET_MS),
            [Update(*SEVEN, Kind.OFFER_READY)],
        )
        while len(floor.heard) < 4:
            assert time.monotonic() - began < 2
            time.sleep(0.002)
        told.append(time.monotonic() - began)
        release.set()
        assert done.result(5) == Pushed(sent=8)
    assert told[0] < 1


def test_a_batch_takes_so_long_and_no_longer() -> None:
    floor = Floor(m7=[Listener(f"c-{n}", OLD) for n in range(5)])
    clock = [NOW]

    def slow() -> bool:
        clock[0] += BUDGET_MS // 2
        return True

    for n in range(5):
        floor.fails[f"c-{n}"] = slow

    pushed = push(floor, [Update(*SEVEN, Kind.OFFER_READY)], lambda: clock[0])

    assert pushed == Pushed(sent=2, undelivered=3)


def test_where_connections_cannot_be_read_the_batch_comes_again() -> None:
    floor = Floor()

    def unreadable(property_id: str, asset_id: str, now: int) -> list[Listener]:
        raise TimeoutError

    floor.listening = unreadable  # type: ignore[method-assign]

    with pytest.raises(TimeoutError):
        push(floor, [Update(*SEVEN, Kind.OFFER_READY)])


# The handler, with the sample events.


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Update]:
    updates: list[Update] = []

    def remember(given: list[Update]) -> Pushed:
        updates.extend(given)
        return Pushed(sent=len(given))

    monkeypatch.setattr(room, "_wiring", lambda: SimpleNamespace(push=remember))
    return updates


@pytest.mark.parametrize(
    ("case", "kind"), [("offer_ready", Kind.OFFER_READY), ("offer_gone", Kind.OFFER_GONE)]
)
def test_a_sample_event(told: list[Update], case: str, kind: Kind) -> None:
    assert room.handler(load("push_live_updates")[case], None) == {"batchItemFailures": []}
    assert told == [Update("north", "1940732", kind)]


def test_the_handler_counts_what_could_not_be_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = Pushed(sent=1, undelivered=2, gone=3)
    monkeypatch.setattr(room, "_wiring", lambda: SimpleNamespace(push=lambda updates: outcome))

    room.handler(load("push_live_updates")["offer_ready"], None)

    counted = json.loads(capsys.readouterr().out)
    names = ("PushesSent", "PushesUndelivered", "ConnectionsGone")
    assert [counted[name] for name in names] == [[1.0], [2.0], [3.0]]


def test_a_message_says_nothing_about_the_player() -> None:
    floor = Floor(m1940732=[Listener("c-1", OLD)])
    updates = [
        room._update(record) for record in load("push_live_updates")["offer_ready"]["Records"]
    ]

    push(floor, [update for update in updates if update is not None])

    assert floor.heard["c-1"] == [{"type": "offer.ready", "asset_id": "1940732"}]


def test_offers_that_nobody_may_fetch_are_not_announced(told: list[Update]) -> None:
    others = [replace(OFFER, status=status) for status in Status if status is not Status.DECIDED]

    room.handler({"Records": [offer_change(one, "MODIFY") for one in others]}, None)

    assert told == []


def test_what_cannot_be_read_stops_nothing(
    told: list[Update], capsys: pytest.CaptureFixture[str]
) -> None:
    poison = [
        changed("REMOVE", "north/machine/7", "else"),
        changed("REMOVE", "north", "offer"),
        changed("MODIFY", "a", "offer/b"),
        changed("INSERT", "a", "offer/b", status="decided", body="{"),
        changed("INSERT", "a", "offer/b", status="decided", body="{}"),
    ]

    room.handler({"Records": [*poison, machine_cleared()]}, None)

    assert told == [Update("north", "1940732", Kind.OFFER_GONE)]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    metrics = next(line for line in lines if "UpdatesReceived" in line)
    assert (metrics["UpdatesReceived"], metrics["UpdatesUnreadable"]) == ([6.0], [5.0])
    assert "p-81" not in str(lines)


def test_the_filter_lets_through_what_the_function_knows() -> None:
    """What the filter says, on the changes that the store of offers makes."""
    source = TEMPLATE["Resources"]["PushLiveUpdatesFunction"]["Properties"]["Events"]
    patterns = [
        json.loads(one["Pattern"])
        for one in source["OfferChanges"]["Properties"]["FilterCriteria"]["Filters"]
    ]

    def passes(record: Any) -> bool:
        return any(_matches(record, pattern) for pattern in patterns)

    others = [replace(OFFER, status=status) for status in Status if status is not Status.DECIDED]
    assert passes(offer_change(OFFER))
    assert passes(offer_change(OFFER, "MODIFY")), "one that was approved"
    assert passes(machine_cleared())
    for other in (
        *(offer_change(one, "MODIFY") for one in others),
        offer_change(OFFER, "REMOVE"),
        changed("INSERT", "north/machine/7", "offer", offer_id="x"),
        changed("MODIFY", "north/budget/2020-06-15", "offer/meal-20"),
        changed("REMOVE", "north/player/p-81", "offer/x"),
        changed("INSERT", "north/player/p-81", "decision/x", body="{}"),
    ):
        assert not passes(other), other


def _matches(value: Any, pattern: Any) -> bool:
    """EventBridge's rules, as far as the patterns here go."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            _matches(value.get(name), inner) for name, inner in pattern.items()
        )
    return any(
        isinstance(value, str) and value.startswith(one["prefix"])
        if isinstance(one, dict)
        else value == one
        for one in pattern
    )
