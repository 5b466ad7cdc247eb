"""Telling people what changed of a floor: every row once, at most twice a second, and nobody waits
for who is slow.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from pitboss.floor.rows import Alert, MachineCondition, MachineSums, OfferCounts, Severity
from pitboss.stores.connections import UndeliveredError, Watcher
from pitboss.stores.floor import StoredFloor
from push_live_updates import floor as service
from push_live_updates import handler as room
from push_live_updates import service as games
from push_live_updates.floor import (
    MAX_MESSAGE_BYTES,
    MOST_BEHIND_MS,
    PACE_MS,
    SLOW_MS,
    Change,
    Pushed,
    PushFloor,
    messages,
)
from push_live_updates.service import YOUNG_MS, Update
from tests.sample_events import SEATED, UNPLAYED, block_image, floor_change, load

NOW = 1_767_225_600_000
LATER = (NOW + 3_600_000) // 1_000
TODAY = "2025-12-31"


class Now(Executor):
    """Does what it is given at once, in the same thread."""

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(call(*given, **named))
        return done


class Later(Executor):
    """Keeps what it is given until it is told to do it."""

    def __init__(self) -> None:
        self.kept: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.kept.append((future, lambda: call(*given, **named)))
        return future

    def do(self) -> None:
        for future, call in self.kept:
            future.set_result(call())
        self.kept.clear()


class World:
    """Who watches, what reached them, and a clock that sleeping moves on."""

    def __init__(self, quick: Executor | None = None, slow: Executor | None = None) -> None:
        self.now = NOW
        self.patience = 0.0
        self.slept: list[float] = []
        self.watchers: list[Watcher] = []
        self.heard: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.fails: dict[str, Callable[[], bool]] = {}
        self.closed: list[str] = []
        self.removed: list[str] = []
        self.quick, self.slow = quick or Now(), slow or Now()
        self.push = PushFloor(
            self,
            self,
            self.quick,
            self.slow,
            lambda _: lambda _: TODAY,
            lambda: self.now,
            lambda futures, seconds: wait(futures, timeout=min(seconds, self.patience)),
            self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1_000)

    def watch(self, name: str, *, sees_players: bool = True, expires: int = LATER) -> None:
        self.watchers.append(Watcher(name, NOW - 2 * YOUNG_MS, sees_players, expires))

    def watching(self, property_id: str, now: int) -> list[Watcher]:
        return list(self.watchers) if property_id == "north" else []

    def remove(self, connection_id: str) -> bool:
        self.removed.append(connection_id)
        self.watchers = [one for one in self.watchers if one.connection_id != connection_id]
        return True

    def send(self, connection_id: str, message: bytes) -> bool:
        if connection_id in self.fails and not self.fails[connection_id]():
            return False
        told = json.loads(message)
        assert told.pop("type") == "floor.changed"
        self.heard[connection_id].append(told)
        return True

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)


def seen(machine: MachineSums = SEATED, **changed: Any) -> Change:
    """That a machine's row is now so, and was different."""
    other = replace(machine, asset_id="another of the block")
    row, was = replace(machine, **changed), replace(machine, changed_at=1)
    return Change("north", StoredFloor(sums=[was, other]), StoredFloor(sums=[row, other]))


def undelivered() -> bool:
    raise UndeliveredError("c-1", "timed out")


def assets(told: Any) -> list[str]:
    return [row[0] for row in told.get("sums", [])]


# --- what is told ---------------------------------------------------------------------------------


def test_only_rows_that_changed_are_told_and_as_they_are_kept() -> None:
    world = World()
    world.watch("c-1")

    assert world.push([seen()]) == Pushed(sent=1)

    (told,) = world.heard["c-1"]
    assert told["at"] == NOW
    assert assets(told) == ["1940732"]
    assert told["sums"][0][19 - 4] == "p-81"


def test_who_may_not_see_players_is_told_that_somebody_plays_and_not_who() -> None:
    world = World()
    world.watch("host")
    world.watch("slot-ops", sees_players=False)

    world.push([seen()])

    assert "p-81" in json.dumps(world.heard["host"])
    told = world.heard["slot-ops"]
    assert assets(told[0]) == ["1940732"]
    assert "p-81" not in json.dumps(told)
    assert told[0]["sums"][0][18] is True, "carded"


def test_nobody_watches_and_nobody_waits() -> None:
    world = World()

    assert world.push([seen()]) == Pushed()
    assert world.push([]) == Pushed()
    assert world.slept == []


def test_another_property_s_floor_is_told_to_nobody_here() -> None:
    world = World()
    world.watch("c-1")

    world.push([seen()._replace(property_id="south")])

    assert world.heard == {}


def test_the_last_word_on_each_part_is_told() -> None:
    world = World()
    world.watch("c-1")

    world.push([seen(games=1), seen(games=2), seen(UNPLAYED, games=3)])

    (told,) = world.heard["c-1"]
    assert {row[0]: row[3] for row in told["sums"]} == {"1940732": 2, "5093619": 3}


def test_a_batch_that_comes_again_tells_the_same_again() -> None:
    world = World()
    world.watch("c-1")

    world.push([seen()])
    world.push([seen()])

    first, second = world.heard["c-1"]
    assert first | {"at": 0} == second | {"at": 0}


def test_every_kind_of_part_is_told() -> None:
    alert = Alert("a-1", "door", Severity.WARNING, NOW, "main door", "1940732")
    condition = MachineCondition("1940732", NOW, NOW)
    world = World()
    world.watch("c-1")

    world.push(
        [
            Change("north", None, StoredFloor(conditions=[condition])),
            Change("north", None, StoredFloor(alerts=[alert])),
            Change("north", None, StoredFloor(offers=OfferCounts(TODAY, decided=3))),
        ]
    )

    (told,) = world.heard["c-1"]
    assert told["conditions"][0][0] == "1940732"
    assert told["alerts"][0]["alert_id"] == "a-1"
    assert told["offers"]["decided"] == 3


def test_counts_of_an_earlier_day_do_not_take_the_place_of_today_s() -> None:
    world = World()
    world.watch("c-1")

    world.push([Change("north", None, StoredFloor(offers=OfferCounts("2025-12-30", redeemed=1)))])

    assert world.heard == {}


@pytest.mark.parametrize("machines", [1, 400, 3_000])
def test_a_message_is_small_and_can_be_applied_alone(machines: int) -> None:
    changed = {("sums", str(n)): replace(SEATED, asset_id=str(n)) for n in range(machines)}

    told = messages(changed, NOW, sees_players=True)

    assert all(len(one) <= MAX_MESSAGE_BYTES for one in told)
    decoded = [json.loads(one) for one in told]
    assert [one.get("part", 1) for one in decoded] == list(range(1, len(told) + 1))
    assert [asset for one in decoded for asset in assets(one)] == [str(n) for n in range(machines)]
    assert len(told) == 1 or len(told) <= 2 + sum(map(len, told)) // (MAX_MESSAGE_BYTES * 9 // 10)


# --- how often ------------------------------------------------------------------------------------


def test_a_push_is_told_at_once_and_the_next_half_a_second_later() -> None:
    """What changes meanwhile waits in the stream, and is told together."""
    world = World()
    world.watch("c-1")

    for _ in range(4):
        world.push([seen()])

    assert [told["at"] - NOW for told in world.heard["c-1"]] == [0, 500, 1_000, 1_500]
    assert world.slept == [PACE_MS / 1_000] * 4


# --- clients that are slow, away or done ----------------------------------------------------------


def test_who_is_busy_is_told_everything_together_when_they_are_not() -> None:
    quick = Later()
    world = World(quick)
    world.watch("c-1")

    world.push([seen(games=1)])
    assert world.push([seen(games=2)]) == Pushed(deferred=1)
    assert world.push([seen(UNPLAYED, games=3)]) == Pushed(deferred=1)
    quick.do()  # what was begun with
    world.push([])  # nothing of this property: nothing to tell
    assert world.push([seen(UNPLAYED, games=4)]).sent == 1
    (quick if quick.kept else world.slow).do()  # type: ignore[attr-defined]

    first, second = world.heard["c-1"]
    assert [row[3] for row in first["sums"]] == [1]
    assert {row[0]: row[3] for row in second["sums"]} == {"1940732": 2, "5093619": 4}


def test_what_did_not_arrive_is_told_again_with_what_changed_since() -> None:
    world = World()
    world.watch("c-1")
    world.fails["c-1"] = undelivered

    assert world.push([seen(games=1)]) == Pushed(undelivered=1)
    assert world.push([seen(UNPLAYED, games=2)]) == Pushed(undelivered=1)
    del world.fails["c-1"]
    assert world.push([seen(UNPLAYED, games=3)]) == Pushed(sent=1)

    (told,) = world.heard["c-1"]
    assert {row[0]: row[3] for row in told["sums"]} == {"1940732": 1, "5093619": 3}
    assert world.removed == [], "it may be there"


def test_who_takes_long_is_waited_for_by_nobody() -> None:
    """With real threads: one client hangs, the others' pushes go on at their pace."""
    hangs = threading.Event()
    with ThreadPoolExecutor(4) as quick, ThreadPoolExecutor(1) as slow:
        world = World(quick, slow)
        world.patience = 0.1
        for n in range(8):
            world.watch(f"c-{n}")
        world.fails["c-0"] = lambda: bool(hangs.wait(20))
        try:
            pushes = [world.push([seen(games=n)]) for n in range(4)]
        finally:
            hangs.set()

    assert [pushed.deferred for pushed in pushes] == [0, 1, 1, 1]
    assert {len(world.heard[f"c-{n}"]) for n in range(1, 8)} == {4}
    assert world.now - NOW == 4 * PACE_MS


def test_who_was_slow_is_sent_to_beside_the_others_until_quick_again() -> None:
    quick, slow = Later(), Later()
    world = World(quick, slow)
    world.watch("c-1")

    world.push([seen(games=1)])
    begun, _ = quick.kept[0]
    client = world.push._clients["north"]["c-1"]
    client.began = world.now - SLOW_MS  # the thread has begun with it, and hangs
    world.push([seen(games=2)])
    begun.set_result(service._Result.SENT)
    quick.kept.clear()
    client.behind_since = world.now
    client.flight = None
    world.push([seen(games=3)])

    assert (len(quick.kept), len(slow.kept)) == (0, 1)
    slow.do()
    world.push([seen(games=4)])
    assert (len(quick.kept), len(slow.kept)) == (1, 0)


def test_who_takes_nothing_for_long_is_let_go_of_and_reads_it_all_anew() -> None:
    world = World()
    world.watch("c-1")
    world.fails["c-1"] = undelivered
    world.push([seen()])

    world.now += MOST_BEHIND_MS
    assert world.push([seen()]) == Pushed(closed=1)

    assert (world.closed, world.removed) == (["c-1"], ["c-1"])


def test_a_connection_that_is_gone_is_forgotten() -> None:
    world = World()
    world.watch("c-1")
    world.watch("c-2")
    world.fails["c-1"] = lambda: False

    assert world.push([seen()]) == Pushed(sent=1, gone=1)
    assert (world.removed, world.closed) == (["c-1"], [])


def test_a_connection_that_is_not_open_yet_is_told_when_it_is() -> None:
    world = World()
    world.watchers.append(Watcher("c-1", NOW - 1, True, LATER))
    world.fails["c-1"] = lambda: False

    assert world.push([seen(games=1)]) == Pushed(undelivered=1)
    assert world.removed == []
    del world.fails["c-1"]
    world.push([seen(UNPLAYED)])

    assert sorted(assets(world.heard["c-1"][0])) == ["1940732", "5093619"]


def test_a_token_that_has_ended_ends_its_connection_unheard() -> None:
    world = World()
    world.watch("c-1", expires=NOW // 1_000)
    world.watch("c-2", expires=NOW // 1_000 + 1)

    assert world.push([seen()]) == Pushed(sent=1, closed=1)

    assert (world.closed, world.removed) == (["c-1"], ["c-1"])
    assert list(world.heard) == ["c-2"]


@pytest.mark.parametrize("where", ["close", "remove"])
def test_a_connection_that_could_not_be_ended_is_ended_by_the_next_push(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.watch("c-1", expires=NOW // 1_000)

    def fails(connection_id: str) -> None:
        if where == "close":
            raise UndeliveredError(connection_id, "timed out")
        raise ClientError({"Error": {"Code": "Throttled"}}, "Delete")

    with monkeypatch.context() as patch:
        patch.setattr(world, where, fails)
        assert world.push([seen()]) == Pushed(undelivered=1)
    assert world.push([seen()]) == Pushed(closed=1)
    assert world.removed == ["c-1"]


def test_where_connections_cannot_be_read_the_batch_comes_again() -> None:
    world = World()

    def unreadable(property_id: str, now: int) -> list[Watcher]:
        raise TimeoutError

    world.watching = unreadable  # type: ignore[method-assign]

    with pytest.raises(TimeoutError):
        world.push([seen()])


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    made.watch("c-1")

    class Wiring:
        push_floor = made.push

    monkeypatch.setattr(room, "_wiring", Wiring)
    return made


def test_a_sample_event(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    event = load("push_live_updates")["floor_changed"]

    assert room.handler(event, None) == {"batchItemFailures": []}

    (told,) = world.heard["c-1"]
    assert assets(told) == ["1940732"], "of two machines in the block the one that changed"
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (counts["FloorChangesReceived"], counts["FloorPushesSent"]) == ([1.0], [1.0])


def test_a_block_that_changed_several_times_is_compared_from_first_to_last(world: World) -> None:
    images = [block_image("sums", [replace(SEATED, changed_at=n)]) for n in range(4)]
    records = [floor_change(images[n], images[n + 1]) for n in range(3)]

    room.handler({"Records": records}, None)

    (told,) = world.heard["c-1"]
    assert [row[1] for row in told["sums"]] == [3]


def test_what_cannot_be_read_stops_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = block_image("sums", [SEATED], 1) | {"body": {"B": "bm9uZQ=="}}
    foreign = block_image("sums", [SEATED], 2) | {"pk": {"S": "north/else"}}
    good = block_image("sums", [SEATED], 3)
    removed = floor_change(None, block_image("sums", [], 4))
    del removed["dynamodb"]["NewImage"]

    room.handler(
        {"Records": [*(floor_change(None, one) for one in (bad, foreign, good)), removed]}, None
    )

    assert [assets(told) for told in world.heard["c-1"]] == [["1940732"]]
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert counts["FloorChangesUnreadable"] == [3.0]


def test_a_bill_is_told_to_nobody_though_it_be_handed_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filter of the template lets none through; this is the second wall."""
    updates: list[Update] = []

    class Wiring:
        push_floor = world.push

        def push(self, found: list[Update]) -> games.Pushed:
            updates.extend(found)
            return games.Pushed()

    monkeypatch.setattr(room, "_wiring", Wiring)
    bill = {
        "pk": {"S": "north/bills/p-81"},
        "sk": {"S": f"{NOW:015d}/1940732/e-1"},
        "body": {"B": "eyJhbW91bnRfY2VudHMiOjczNDUxOX0="},
    }
    as_a_part = bill | {"sk": {"S": "status"}}

    room.handler({"Records": [floor_change(None, one) for one in (bill, as_a_part)]}, None)

    assert (world.heard, updates) == ({}, [])
