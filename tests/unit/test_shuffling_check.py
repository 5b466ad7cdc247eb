"""The check of a live run: equal where all is stored once, and a line for whatever is not."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from pitboss.events.shuffler import (
    DeviceConnected,
    DeviceDisconnected,
    FaultCleared,
    FaultRaised,
    FirmwareChanged,
    JamCleared,
    MaintenancePerformed,
    Part,
    ShuffleCompleted,
    ShufflerData,
    TelemetryReported,
    read_event,
)
from pitboss.shufflers.messages import MAX_AHEAD_MS
from pitboss.shufflers.state import Received, changes_of
from pitboss.shufflers.topics import Kind
from serve_shufflers.service import Days, ServeShufflers
from tests.fakes.shufflers import MemoryShufflers
from workbench.shuffler_device import Happened, message
from workbench.shuffling import ShufflerPlan
from workbench.shuffling.check import Ledger
from workbench.shuffling.live import VirtualClock

HOUR = 3_600_000
PLAN = ShufflerPlan(count=2, days=2)
FAILED = "motor-stalled", Part.MOTOR
SAID: tuple[ShufflerData, ...] = (
    ShuffleCompleted("BJ-1", 95_000, 416, 8, 40, 1_800_000),
    TelemetryReported(60_000, 60_000, energy_j=3_000),
    JamCleared(Part.ROLLERS, 1_000, recovered=True),
    FaultRaised(*FAILED, is_failure=True),
    MaintenancePerformed(Part.MOTOR, "replaced", 7_000_000, is_repair=True),
    FaultCleared(*FAILED, 7_200_000, is_failure=True),
    MaintenancePerformed(Part.CAMERA, "cleaned", 600_000),
    FirmwareChanged("4.1.0"),
    FaultRaised("camera-warning", Part.CAMERA),
)


def day_of(_property: str, moment: int) -> date:
    return date.fromisoformat(PLAN.day_of(moment))


class Floor:
    """Shufflers whose words are stored in memory, and served from there."""

    def __init__(self) -> None:
        self.stored = MemoryShufflers(day_of)
        self.ledger = Ledger(PLAN.day_of)
        self.sequences = {"S1": 10, "S2": 10}

    def device(self, asset_id: str) -> "Device":
        return Device(self, asset_id)

    def take(self, asset_id: str, events: Sequence[Happened]) -> None:
        first = self.sequences[asset_id]
        self.sequences[asset_id] += len(events)
        envelopes = msgspec.json.decode(message("P1", asset_id, first, events))["events"]
        told = [
            Received(read_event(msgspec.json.encode(one)), one["occurred_at"]) for one in envelopes
        ]
        self.stored.write(told, lambda new: changes_of(new, day_of))

    def read(self, path: str) -> dict[str, Any] | None:
        asked = urlsplit(path)
        serve = ServeShufflers(self.stored, day_of, lambda: PLAN.end)
        query = {
            name: date.fromisoformat(value[0]) for name, value in parse_qs(asked.query).items()
        }
        found: object
        match asked.path.split("/")[2:]:
            case ["tables", "paces"]:
                found = serve.paces("P1", Days(query["from"], query["to"]))
            case ["shufflers", asset_id]:
                found = serve.one("P1", asset_id)
            case ["shufflers", asset_id, "history"]:
                found = serve.history("P1", asset_id, Days(query["from"], query["to"]))
        return None if found is None else msgspec.to_builtins(found)

    @property
    def differences(self) -> list[str]:
        return list(self.ledger.differences(self.read))


class Device:
    """A network side whose words arrive at once."""

    def __init__(self, floor: Floor, asset_id: str) -> None:
        self._floor, self._asset_id = floor, asset_id

    def publish(self, kind: Kind, events: Sequence[Happened]) -> range:
        self._floor.take(self._asset_id, events)
        return range(len(events))

    def cut(self) -> None: ...
    def restore(self) -> None: ...


@pytest.fixture
def floor() -> Floor:
    """Two shufflers that said everything, on two gaming days, and goodbye."""
    made = Floor()
    for asset_id in ("S1", "S2"):
        made.take(asset_id, [Happened(PLAN.first_ms - 1, DeviceConnected("4.0.0"))])
        device = made.ledger.witness(asset_id, "4.0.0", made.device(asset_id))
        for number, data in enumerate(SAID * 2):
            device.publish(Kind.EVENTS, [Happened(PLAN.first_ms + number * 2 * HOUR, data)])
        goodbye = DeviceDisconnected(is_last_will=False)
        made.take(asset_id, [Happened(PLAN.end, goodbye)])
    return made


def test_what_is_all_stored_once_is_equal(floor: Floor) -> None:
    assert floor.differences == []
    assert floor.ledger.facts == {
        "devices": 2,
        "device_days": 4,
        "table_days": 1,
        "open_faults": 2,
    }
    # A repair's time is in its failure's.
    assert sum(sums["down_ms"] for sums in floor.ledger.days.values()) == 4 * 7_800_000


def forget(floor: Floor, what: type) -> None:
    """Lose the last word of a kind of S1."""
    kept = floor.stored.kept
    keys = [k for k, one in kept.items() if k[1] == "S1" and isinstance(one.event.data, what)]
    del kept[keys[-1]]


def again(floor: Floor, what: type) -> None:
    """Store a word of a kind of S1 once more, as another."""
    last = [one.event for one in floor.stored.kept.values() if isinstance(one.event.data, what)]
    floor.take("S1", [Happened(last[-1].occurred_at, last[-1].data)])  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [forget, again])
@pytest.mark.parametrize(
    "what", [ShuffleCompleted, TelemetryReported, JamCleared, FaultRaised, MaintenancePerformed]
)
def test_what_is_missing_or_there_twice_is_found(
    floor: Floor, change: Callable[[Floor, type], None], what: type
) -> None:
    change(floor, what)

    assert floor.differences
    assert all("S1" in line or "BJ-1" in line for line in floor.differences)


def test_states_that_differ_are_found(floor: Floor) -> None:
    floor.take("S1", [Happened(PLAN.end + 1, DeviceConnected("4.2.0"))])
    forget(floor, FirmwareChanged)
    floor.ledger.witness("S3", "4.0.0", floor.device("S2"))

    assert floor.differences == [
        "S1: is_online is True, not False",
        "S1: firmware is 4.2.0, not 4.1.0",
        "S3: nothing is stored",
    ]


def test_the_simulated_clock_stops_with_the_days() -> None:
    seconds = [0.0]
    clock = VirtualClock(1_000, 1_000_000.0, lambda: seconds[0], 500_000)
    seconds[0] = 600.0  # what is kept back takes a while to be sent

    assert clock.now() == 500_000
    assert clock.now() < 1_000 + MAX_AHEAD_MS
