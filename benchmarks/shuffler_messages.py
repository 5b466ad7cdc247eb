"""Shufflers over MQTT: whether each message is stored once, and how soon a state shows it.

A hundred devices with a certificate each publish 20 messages a second in two bursts. In the middle
of each burst the links of all are cut, while they go on publishing, and restored after it. Then
every event that was published is looked for in the database, and in the sums that were made of it.
Bursts are short because the embedded AWS puts messages into the stream by one invocation of a
function each, a hundred a second or so: what AWS IoT's own Kinesis action takes no time for.

How soon: while 20 devices report once a second, one of them says that it runs another firmware, and
is asked for by GET until it does; again and again.

Everything runs on one machine, so that its clock tells all of them. A property is made for the run;
the devices' keys are gone after it.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.read_latency import percentiles
from pitboss.events.shuffler import FirmwareChanged, JamCleared, Part, TelemetryReported
from pitboss.shufflers.topics import Kind
from pitboss.stores.database import Database
from pitboss.stores.shuffler_models import ShufflerDayRow, ShufflerEventRow
from workbench import database, devices, endpoint, measure
from workbench.client import PitbossClient
from workbench.console import WorkbenchError, say
from workbench.shuffler_device import Credentials, Happened, Outbox, ShufflerDevice

DEVICES = 100
MESSAGES_PER_SECOND = 20
"""Of each device in a burst."""

BURSTS = 2
BURST_SECONDS = 1.5
WITHIN_SECONDS = 120
"""A device's to have all acknowledged; and after so long in which no more is stored, none will."""

GOAL_MS = 2_000
"""95th percentile from `publish` to readable, at most."""

READABLE_SECONDS = 60
REPORTING = 20
WARM_UP = 3
"""Changes that are not counted: functions start for them."""
CHANGES = 40
SECONDS_BETWEEN_CHANGES = 0.5


def run() -> dict[str, Any]:
    """Counts of what was published and stored, and percentiles in milliseconds."""
    property_id = f"bench-{now_ms()}"
    with fleet(property_id, DEVICES) as shufflers:
        published, facts = _bursts(shufflers)
        with _database() as stored:
            began = time.monotonic()
            rows = _wait(lambda: _rows(stored, property_id), sum(map(len, published.values())))
            facts["seconds_until_all_was_stored"] = round(time.monotonic() - began, 1)
            in_sums = _sum_of_jams(stored, property_id)
        with measure.gateway(property_id), measure.reader(property_id) as client:
            samples = _changes(shufflers[:REPORTING], client)
    wanted = {(asset, number) for asset, numbers in published.items() for number in numbers}
    found = set(rows)
    latency = percentiles(samples)
    return {
        "figure": "messages of shufflers over MQTT",
        "devices": DEVICES,
        "messages_a_second_of_each": MESSAGES_PER_SECOND,
        **facts,
        "messages_published": len(wanted),
        "messages_in_the_database": len(found & wanted),
        "missing": len(wanted - found),
        "stored_more_than_once": len(rows) - len(found),
        "counted_in_the_sums": in_sums,
        "every_message_once": found == wanted and len(rows) == len(found) == in_sums > 0,
        "goal_ms": GOAL_MS,
        "is_within_goal": latency["p95"] < GOAL_MS,
        "from_publish_to_readable": [{"changes": len(samples), **latency}],
    }


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


@contextmanager
def fleet(property_id: str, size: int) -> Iterator[list[ShufflerDevice]]:
    """Devices that are registered and connected; their keys are forgotten after."""
    place = endpoint.mqtt_place()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        made = []
        say(f"registering {size} devices ...")
        for asset_id in map(str, range(1, size + 1)):
            files = devices.Files(folder / asset_id)
            devices.add(property_id, asset_id, files)
            credentials = Credentials(files.certificate, files.key)
            outbox = Outbox(files.folder / "outbox.db")
            device = ShufflerDevice(
                place, credentials, outbox, property_id, asset_id, now=now_ms, firmware="0"
            )
            made.append(opened.enter_context(device))
        for device in made:
            if not device.wait_connected(60):
                raise WorkbenchError(f"A device is not connected: {device.refusals}.")
        yield made


def _bursts(shufflers: list[ShufflerDevice]) -> tuple[dict[str, list[int]], dict[str, Any]]:
    """What was published, by device, and how it went."""
    published: dict[str, list[int]] = {device.asset_id: [] for device in shufflers}
    cut_off, began = 0, time.monotonic()
    for _ in range(BURSTS):
        _publish(shufflers, published, BURST_SECONDS / 2)
        for device in shufflers:
            device.cut()
        before = sum(map(len, published.values()))
        _publish(shufflers, published, BURST_SECONDS / 2)
        cut_off += sum(map(len, published.values())) - before
        for device in shufflers:
            device.restore()
        for device in shufflers:
            if not device.wait_sent(WITHIN_SECONDS):
                raise WorkbenchError(f"A device has something left to say: {device.refusals}.")
    seconds = round(time.monotonic() - began, 1)
    connections = sum(device.connections for device in shufflers)
    return published, {
        "bursts": BURSTS,
        "seconds_of_each": BURST_SECONDS,
        "published_while_the_link_was_cut": cut_off,
        "connections": connections,
        "seconds_until_all_was_acknowledged": seconds,
    }


def _publish(
    shufflers: list[ShufflerDevice], published: dict[str, list[int]], seconds: float
) -> None:
    """One message of each device, so many times a second."""
    began = time.monotonic()
    for turn in range(round(seconds * MESSAGES_PER_SECOND)):
        for device in shufflers:
            jam = Happened(now_ms(), JamCleared(Part.ROLLERS, 1_000, recovered=True))
            published[device.asset_id] += device.publish(Kind.EVENTS, [jam])
        time.sleep(max(0, began + (turn + 1) / MESSAGES_PER_SECOND - time.monotonic()))


@contextmanager
def _database() -> Iterator[Database]:
    server = database.running()
    if server is None:
        raise WorkbenchError("There is no embedded PostgreSQL: run `pitboss up`.")
    made = Database(server.address())
    try:
        yield made
    finally:
        made.close()


def _rows(stored: Database, property_id: str) -> list[tuple[str, int]]:
    """Device and sequence of each stored jam, once for each row."""
    row = ShufflerEventRow
    asked = select(row.asset_id, row.sequence).where(
        row.property_id == property_id, row.event_type == "jam.cleared"
    )
    with stored.connection() as connection:
        return [(asset_id, sequence) for asset_id, sequence in connection.execute(asked)]


def _sum_of_jams(stored: Database, property_id: str) -> int:
    asked = select(func.sum(ShufflerDayRow.jams)).where(ShufflerDayRow.property_id == property_id)
    with stored.connection() as connection:
        return int(connection.execute(asked).scalar() or 0)


def _wait(look: Callable[[], list[tuple[str, int]]], wanted: int) -> list[tuple[str, int]]:
    """What is there when there is as much as is wanted, or when it gets no more."""
    seen, since = look(), time.monotonic()
    while len(seen) < wanted and time.monotonic() - since < WITHIN_SECONDS:
        time.sleep(1)
        before, seen = len(seen), look()
        if len(seen) > before:
            since = time.monotonic()
    return seen


def _changes(shufflers: list[ShufflerDevice], client: PitbossClient) -> list[float]:
    """Milliseconds from `publish` to a state that shows it, one change after the other."""
    samples, reported = [], 0.0
    for number in count(1):
        if time.monotonic() - reported > 1:
            reported = time.monotonic()
            for device in shufflers:
                device.publish(Kind.TELEMETRY, [Happened(now_ms(), TelemetryReported(1, 1_000))])
        device, version = shufflers[number % len(shufflers)], f"1.{number}"
        began = time.perf_counter()
        device.publish(Kind.EVENTS, [Happened(now_ms(), FirmwareChanged(version))])
        while _firmware(client, device.asset_id) != version:
            if time.perf_counter() - began > READABLE_SECONDS:
                raise WorkbenchError(f"The firmware of {device.asset_id} was not read back.")
            time.sleep(0.01)
        samples.append((time.perf_counter() - began) * 1_000)
        if len(samples) == WARM_UP + CHANGES:
            break
        time.sleep(SECONDS_BETWEEN_CHANGES)
    return samples[WARM_UP:]


def _firmware(client: PitbossClient, asset_id: str) -> str | None:
    document = measure.read(client, f"/v1/shufflers/{asset_id}")
    return None if document is None else document["state"]["firmware"]
