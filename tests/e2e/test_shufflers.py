"""Shufflers from their certificates to the API: what is stored is what they said, once."""

import heapq
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path

import pytest
from sqlalchemy import select

from pitboss.events.shuffler import JamCleared, Part
from pitboss.shufflers.topics import Kind, Topic
from pitboss.stores.database import Database
from pitboss.stores.shuffler_models import ShufflerDayRow
from tests.e2e.house import House
from tests.integration.conftest import eventually
from workbench import database, devices, endpoint, measure
from workbench.shuffler_device import Credentials, Happened, Outbox, ShufflerDevice
from workbench.shuffling import Publication, ShufflerPlan
from workbench.shuffling.check import Ledger
from workbench.shuffling.live import VirtualClock, due, tell
from workbench.shuffling.truth import SUMS

HOUR = 3_600_000
DAY = 24 * HOUR
PATIENCE = 60.0


class Memory(Outbox):
    """Remembers what was ever put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[Kind, int, bytes]] = []

    def add(self, kind: Kind, events: int, payload: Callable[[int], bytes]) -> range:
        def remembered(first: int) -> bytes:
            made = payload(first)
            self.said.append((kind, events, made))
            return made

        return super().add(kind, events, remembered)

    def say_again(self) -> None:
        """All of it, to the byte, from the last message to the first."""
        for kind, events, payload in reversed(self.said.copy()):
            super().add(kind, events, lambda _first, payload=payload: payload)  # type: ignore[misc]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def plan(house: House) -> Iterator[ShufflerPlan]:
    """Yesterday, of two shufflers of a property of its own: one of baccarat, one of blackjack."""
    yield ShufflerPlan(2, 1, 1, now_ms() - DAY, house.property_id, report_seconds=3_600)
    iot = endpoint.client("iot")
    for device in devices.known():
        if device.property == house.property_id:
            devices.revoke(house.property_id, device.asset)
            iot.delete_thing(thingName=device.thing)
            iot.delete_certificate(certificateId=device.certificate_id)


def trouble(plan: ShufflerPlan) -> list[Publication]:
    """What few days have: a link that is lost, failures, work, another firmware."""

    def said(hour: float, kind: Kind, event_type: str, **data: object) -> Publication:
        at = plan.first_ms + int(hour * HOUR)
        event = {
            "event_id": f"t{at}",
            "event_type": event_type,
            "property_id": plan.property_id,
            "asset_id": "S1",
            "occurred_at": at,
            "sequence": 0,  # the device numbers it
            "data": data,
        }
        return Publication(at, Topic(plan.property_id, "S1", kind), [event])

    failure = {"code": "motor-stalled", "part": "motor", "is_failure": True}
    mended = {"part": "motor", "action": "replaced", "is_repair": True}
    ordered = {"part": "camera", "action": "cleaned", "is_repair": False}
    return [
        said(12, Kind.STATUS, "device.disconnected"),
        said(12.1, Kind.EVENTS, "fault.raised", **failure),
        said(14.0, Kind.EVENTS, "maintenance.performed", **mended, down_ms=7_000_000),
        said(14.1, Kind.EVENTS, "fault.cleared", **failure, down_ms=7_200_000),
        said(15, Kind.STATUS, "device.connected"),
        said(16, Kind.EVENTS, "maintenance.performed", **ordered, down_ms=600_000),
        said(17, Kind.EVENTS, "firmware.changed", version="4.1.0"),
        said(18, Kind.EVENTS, "fault.raised", **failure),
    ]


def test_what_is_stored_of_shufflers_is_what_they_said(
    house: House, plan: ShufflerPlan, stack: dict[str, str], tmp_path: Path
) -> None:
    clock = VirtualClock(plan.start, 60_000, time.monotonic, plan.end)
    ledger, outboxes = Ledger(plan.day_of), {"S1": Memory(), "S2": Memory()}
    with ExitStack() as opened:
        floor = {}
        for asset_id, outbox in outboxes.items():
            files = devices.Files(tmp_path / asset_id)
            devices.add(plan.property_id, asset_id, files)
            floor[asset_id] = ShufflerDevice(
                endpoint.mqtt_place(),
                Credentials(files.certificate, files.key),
                outbox,
                plan.property_id,
                asset_id,
                now=clock.now,
                firmware="4.0.0",
                wait=lambda _: 0.05,
            )
            opened.enter_context(floor[asset_id])
        heard = {
            asset_id: ledger.witness(asset_id, device.firmware, device)
            for asset_id, device in floor.items()
        }
        said = heapq.merge(due(plan, plan.first_ms), trouble(plan), key=attrgetter("at"))
        told = tell(said, heard, clock, threading.Event().wait, lambda _: None)
        assert told.cuts >= 1
        for outbox in outboxes.values():
            outbox.say_again()
        for moment in (now_ms() + 2 * DAY, now_ms() - 3 * 366 * DAY):
            jam = JamCleared(Part.ROLLERS, 1_000, recovered=True)
            floor["S2"].publish(Kind.EVENTS, [Happened(moment, jam)])  # of which nothing comes
        assert all(device.wait_sent(PATIENCE) for device in floor.values())

        # Each connection leaves a last will of its own: what is lost again is seen to be.
        for _ in range(2):
            eventually(lambda: is_online(house), within=PATIENCE)
            floor["S1"].cut()
            eventually(lambda: not is_online(house), within=PATIENCE)
            floor["S1"].restore()
        eventually(lambda: is_online(house), within=PATIENCE)

    eventually(lambda: differences(house, ledger), lambda found: not found, PATIENCE)
    assert ledger.facts["open_faults"] >= 1  # by chance the day has one of its own
    assert stored_sums(plan.property_id, ledger) == ledger.days
    assert quarantined(stack, plan.property_id) == {"clock_ahead", "too_late"}


def differences(house: House, ledger: Ledger) -> list[str]:
    return list(ledger.differences(lambda path: measure.read(house.service, path)))


def is_online(house: House) -> bool:
    document = measure.read(house.service, "/v1/shufflers/S1")
    return document is not None and document["state"]["is_online"]


def stored_sums(property_id: str, ledger: Ledger) -> dict[tuple[str, str], dict[str, int]]:
    """All sums that there is a truth of; the API shows some, and ratios."""
    server = database.running()
    if server is None:
        return ledger.days  # of a stack elsewhere there is the API
    stored = Database(server.address())
    try:
        with stored.connection() as connection:
            rows = connection.execute(
                select(ShufflerDayRow).where(ShufflerDayRow.property_id == property_id)
            ).all()
    finally:
        stored.close()
    sums = {
        (row.asset_id, row.gaming_day.isoformat()): {name: getattr(row, name) for name in SUMS}
        for row in rows
    }
    return {key: of for key, of in sums.items() if any(of.values())}


def quarantined(stack: dict[str, str], property_id: str) -> set[str]:
    """Reasons of what was set aside; it is removed."""
    s3, bucket = endpoint.client("s3"), stack["QuarantineBucketName"]
    prefix = f"quarantine/track_shufflers/{property_id}/"
    reasons: set[str] = set()
    for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        content = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        reasons |= {json.loads(line)["reason"] for line in content.splitlines()}
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    return reasons
