"""A shuffler's network side without a network: what it keeps, numbers and says."""

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pitboss.events.shuffler import (
    MAX_EVENTS,
    SCHEMAS,
    CardMisread,
    DoorClosed,
    DoorOpened,
    FaultRaised,
    FirmwareChanged,
    Message,
    Part,
    read_event,
)
from pitboss.shufflers.topics import Kind
from workbench.endpoint import MqttPlace
from workbench.shuffler_device import Happened, Outbox, ShufflerDevice, message

AT = 1_592_277_300_000


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    made = Outbox()
    yield made
    made.close()


def put(outbox: Outbox, text: bytes, events: int = 1, kind: Kind = Kind.EVENTS) -> range:
    return outbox.add(kind, events, lambda first: text)


def payloads(outbox: Outbox, after: int = 0) -> list[bytes]:
    return [stored.payload for stored in outbox.after(after, 1_000)]


# --- the outbox -----------------------------------------------------------------------------------


def test_what_is_kept_comes_out_in_order_until_it_is_acknowledged(outbox: Outbox) -> None:
    for text in (b"one", b"two", b"three"):
        put(outbox, text)
    one, two = outbox.after(0, 2)

    outbox.remove([two.number])

    assert (one.payload, two.payload) == (b"one", b"two")
    assert payloads(outbox) == [b"one", b"three"]
    assert payloads(outbox, one.number) == [b"three"]
    assert len(outbox) == 2


def test_every_event_has_a_number_of_its_own(outbox: Outbox) -> None:
    numbers = [
        put(outbox, b"", 3),
        range(outbox.take_sequences(2), outbox.take_sequences(1)),
        put(outbox, b"", 1),
    ]

    assert numbers == [range(1, 4), range(4, 6), range(7, 8)]


def test_a_file_outlives_the_device(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "outbox.db", first_sequence=1_000)
    put(first, b"kept", 5, Kind.TELEMETRY)
    first.close()

    second = Outbox(tmp_path / "outbox.db", first_sequence=9_000)

    (stored,) = second.after(0, 10)
    assert (stored.kind, stored.payload) == (Kind.TELEMETRY, b"kept")
    assert put(second, b"") == range(1_005, 1_006)
    second.close()


def test_a_full_outbox_lets_the_oldest_go_and_counts_their_events() -> None:
    outbox = Outbox(most=2)
    for events, text in ((3, b"one"), (4, b"two"), (1, b"three"), (1, b"four")):
        put(outbox, text, events)

    assert payloads(outbox) == [b"three", b"four"]
    assert (outbox.take_lost(), outbox.take_lost()) == (7, 0)
    outbox.close()


def test_what_cannot_be_said_is_not_kept_and_takes_no_number(outbox: Outbox) -> None:
    def unsaid(first: int) -> bytes:
        raise ValueError("no words")

    with pytest.raises(ValueError, match="no words"):
        outbox.add(Kind.EVENTS, 3, unsaid)

    assert payloads(outbox) == []
    assert put(outbox, b"") == range(1, 2)


# --- messages -------------------------------------------------------------------------------------


def test_a_message_is_one_that_is_accepted() -> None:
    events = [
        Happened(AT, FaultRaised("E7", Part.GRIPPER, is_failure=True)),
        Happened(AT + 1, DoorClosed(1_500)),
    ]

    published = message("P1", "7", 41, events)

    read = [read_event(raw) for raw in msgspec.json.decode(published, type=Message).events]
    assert [event.data for event in read] == [event.data for event in events]
    assert [(e.sequence, e.event_id, e.occurred_at) for e in read] == [
        (41, "s41", AT),
        (42, "s42", AT + 1),
    ]
    assert {(event.property_id, event.asset_id) for event in read} == {("P1", "7")}


def test_every_kind_of_event_can_be_said() -> None:
    """With the least of each field, which its schema's JSON form has to give back."""
    values = {
        "Identifier": "T1", "Milliseconds": 1, "Count": 1, "Label": "x", "Part": Part.MOTOR,
    }  # fmt: skip
    for schema in SCHEMAS.values():
        given = {}
        for field in msgspec.structs.fields(schema):
            if field.required:
                name = getattr(field.type, "__name__", "")
                given[field.name] = values.get(
                    name, "cleaned" if field.name == "action" else field.type is bool or 1
                )
        said = schema(**given)

        (raw,) = msgspec.json.decode(
            message("P1", "7", 1, [Happened(AT, said)]), type=Message
        ).events

        assert read_event(raw).data == said


# --- the device -----------------------------------------------------------------------------------


@pytest.fixture
def nobody_there() -> MqttPlace:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return MqttPlace("127.0.0.1", probe.getsockname()[1], "")


@pytest.fixture
def device(nobody_there: MqttPlace, outbox: Outbox) -> ShufflerDevice:
    return ShufflerDevice(nobody_there, None, outbox, "P1", "7", now=lambda: AT, wait=lambda _: 0)


def test_without_a_network_everything_is_kept(device: ShufflerDevice, outbox: Outbox) -> None:
    with device:
        numbers = device.publish(Kind.EVENTS, [Happened(AT, DoorOpened())])
        kept = payloads(outbox)

        assert not device.wait_connected(0)
        assert not device.wait_sent(0)

    (raw,) = msgspec.json.decode(kept[0], type=Message).events
    assert [read_event(raw).sequence] == list(numbers)
    assert "refused" in device.refusals[0]


def test_what_is_too_much_for_a_message_is_several(device: ShufflerDevice, outbox: Outbox) -> None:
    numbers = device.publish(Kind.EVENTS, [Happened(AT, CardMisread())] * (2 * MAX_EVENTS + 1))

    read = [msgspec.json.decode(payload, type=Message).events for payload in payloads(outbox)]
    assert [len(events) for events in read] == [MAX_EVENTS, MAX_EVENTS, 1]
    assert [read_event(raw).sequence for events in read for raw in events] == list(numbers)


def test_the_next_connect_says_the_firmware_that_was_changed_to(device: ShufflerDevice) -> None:
    device.publish(Kind.EVENTS, [Happened(AT, FirmwareChanged("4.1.0"))])

    assert device.firmware == "4.1.0"


def test_nothing_said_is_no_message(device: ShufflerDevice, outbox: Outbox) -> None:
    assert device.publish(Kind.EVENTS, []) == range(0)
    assert len(outbox) == 0
