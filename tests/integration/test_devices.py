"""Shufflers over MQTT with a certificate each: what they may, and what nobody else may."""

import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from pitboss.events.shuffler import (
    DeviceConnected,
    DeviceDisconnected,
    DoorClosed,
    DoorOpened,
    LinkRestored,
    TelemetryReported,
)
from pitboss.shufflers.messages import ReadMessage, read_message
from pitboss.shufflers.topics import Kind, Topic, thing_name
from tests.integration.conftest import eventually
from workbench import devices, endpoint
from workbench.console import WorkbenchError
from workbench.devices import Files
from workbench.shuffler_device import Credentials, Happened, Outbox, ShufflerDevice

pytestmark = pytest.mark.usefixtures("stack")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class House(NamedTuple):
    """A property of its own, and where its devices' files are."""

    property_id: str
    folder: Path

    def add(self, asset_id: str) -> Files:
        files = Files(self.folder / asset_id)
        devices.add(self.property_id, asset_id, files)
        return files

    def device(self, asset_id: str, files: Files | None = None) -> ShufflerDevice:
        files = files or self.add(asset_id)
        return ShufflerDevice(
            endpoint.mqtt_place(),
            Credentials(files.certificate, files.key),
            Outbox(),
            self.property_id,
            asset_id,
            now=now_ms,
            wait=lambda _: 0.05,
        )


def names_in(house: House) -> list[str]:
    return [d.asset for d in devices.known() if d.property == house.property_id]


@pytest.fixture
def house(stack: dict[str, str], tmp_path: Path) -> Iterator[House]:
    """A property that no other test has; its devices go with it."""
    made = House(f"test-{uuid.uuid4().hex[:10]}", tmp_path)
    yield made
    iot = endpoint.client("iot")
    for asset_id in names_in(made):
        device = devices.revoke(made.property_id, asset_id)
        iot.delete_thing(thingName=device.thing)
        if device.certificate_id:
            iot.delete_certificate(certificateId=device.certificate_id)


@pytest.fixture
def arrived(stack: dict[str, str], house: House) -> Callable[[], list[ReadMessage]]:
    """What is in the stream of this property's topics since the test began."""
    kinesis, stream = endpoint.client("kinesis"), stack["ShufflerStreamName"]
    places = {
        shard["ShardId"]: kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]
    }
    found: list[ReadMessage] = []

    def look() -> list[ReadMessage]:
        for shard, place in places.items():
            answer = kinesis.get_records(ShardIterator=place)
            places[shard] = answer["NextShardIterator"]
            read = (read_message(record["Data"], now_ms()) for record in answer["Records"])
            found.extend(message for message in read if message.property_id == house.property_id)
        return found

    return look


def events_of(messages: list[ReadMessage]) -> dict[int, Any]:
    """What was said, by sequence: once, however often it came."""
    return {event.sequence: event.data for message in messages for event in message.events}


def attempt(
    client_id: str,
    topic: Topic,
    credentials: Credentials | None,
    *,
    is_retained: bool = False,
) -> str:
    """What becomes of one message of one client: `accepted`, or where it was refused."""
    place = endpoint.mqtt_place()
    result = ["no answer"]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    context = ssl.create_default_context(cadata=place.ca_pem)
    if credentials is not None:
        context.load_cert_chain(credentials.certificate, credentials.key)
    client.tls_set_context(context)

    def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            result[0] = "connection refused"
        else:
            client.publish(str(topic), b"{}", qos=1, retain=is_retained)

    def on_publish(_client: Any, _data: Any, _mid: int, code: Any, _properties: Any) -> None:
        result[0] = "message refused" if code.is_failure else "accepted"

    client.on_connect, client.on_publish = on_connect, on_publish
    try:
        client.connect(place.host, place.port)
    except OSError:
        return "connection refused"
    deadline = time.monotonic() + 10
    while result[0] == "no answer" and time.monotonic() < deadline:
        if client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS:
            return result[0] if result[0] != "no answer" else "connection refused"
    client.disconnect()
    return result[0]


def foreign_certificate(folder: Path, name: str) -> Credentials:
    """A certificate that calls itself by that name, of an authority that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    folder.mkdir()
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return Credentials(folder / "certificate.pem", folder / "key.pem")


# --- what a device says ---------------------------------------------------------------------------


def test_what_a_device_says_is_in_the_stream_with_who_said_it(
    house: House, arrived: Callable[[], list[ReadMessage]]
) -> None:
    with house.device("7") as device:
        assert device.wait_connected(10), device.refusals
        opened = Happened(now_ms(), DoorOpened())
        (first,) = device.publish(Kind.EVENTS, [opened])
        (second,) = device.publish(Kind.TELEMETRY, [Happened(now_ms(), TelemetryReported(1, 2))])
        assert device.wait_sent(10), device.refusals

    messages = eventually(arrived, lambda found: len(found) == 4, within=30)
    said = events_of(messages)
    assert (said[first], said[second]) == (DoorOpened(), TelemetryReported(1, 2))
    assert DeviceConnected() in said.values()
    assert said[max(said)] == DeviceDisconnected(is_last_will=False)
    assert {(message.sender, str(message.topic)) for message in messages} == {
        (f"{house.property_id}:7", str(Topic(house.property_id, "7", kind))) for kind in Kind
    }
    assert [message.refused for message in messages] == [[]] * 4


def test_a_cut_link_loses_nothing_and_is_told_of(
    house: House, arrived: Callable[[], list[ReadMessage]]
) -> None:
    status = str(Topic(house.property_id, "7", Kind.STATUS))
    data = endpoint.client("iot-data")

    def retained() -> Any:
        payload = data.get_retained_message(topic=status)["payload"]
        return payload and payload.partition(b'"event_type":"')[2].partition(b'"')[0]

    with house.device("7") as device:
        assert device.wait_connected(10), device.refusals
        numbers = list(device.publish(Kind.EVENTS, [Happened(now_ms(), DoorOpened())]))
        device.cut()
        # By its last will: nobody else can say so now.
        assert eventually(retained, lambda kind: kind == b"device.disconnected", within=5)
        for seconds in range(30):
            numbers += device.publish(Kind.EVENTS, [Happened(now_ms(), DoorClosed(seconds))])
        assert not device.is_connected
        device.restore()
        assert device.wait_sent(10), device.refusals
        assert eventually(retained, lambda kind: kind == b"device.connected", within=5)

    def whole(messages: list[ReadMessage]) -> bool:
        said = events_of(messages)
        return set(numbers) <= said.keys() and said[max(said)] == DeviceDisconnected(False)

    said = events_of(eventually(arrived, whole, within=15))
    assert [said[number] for number in numbers[1:]] == [DoorClosed(n) for n in range(30)]
    (restored,) = (data for data in said.values() if isinstance(data, LinkRestored))
    assert (restored.duration_ms > 0, restored.lost) == (True, 0)
    connects = [n for n, data in said.items() if isinstance(data, DeviceConnected)]
    (will,) = (n for n, data in said.items() if data == DeviceDisconnected())
    # Whatever order they come in, the higher number is what is so.
    assert connects[0] < will < connects[-1]


# --- what nobody else can -------------------------------------------------------------------------


ATTEMPTS: dict[str, tuple[str, str | None, str, Kind, bool, str]] = {
    # client, property (None: its own), asset, kind, retained, what becomes of it
    "its own topic": ("7", None, "7", Kind.EVENTS, False, "accepted"),
    "its own status": ("7", None, "7", Kind.STATUS, True, "accepted"),
    "retained telemetry": ("7", None, "7", Kind.TELEMETRY, True, "message refused"),
    "another device's topic": ("7", None, "8", Kind.EVENTS, False, "message refused"),
    "another property's topic": ("7", "another", "7", Kind.EVENTS, False, "message refused"),
    "as another device": ("8", None, "8", Kind.EVENTS, False, "connection refused"),
    "as another, on its topic": ("8", None, "7", Kind.EVENTS, False, "connection refused"),
    "as no device": ("7x", None, "7", Kind.EVENTS, False, "connection refused"),
}


def test_a_device_is_itself_and_publishes_for_itself(
    house: House, arrived: Callable[[], list[ReadMessage]]
) -> None:
    files = house.add("7")
    house.add("8")
    credentials = Credentials(files.certificate, files.key)

    seen = {
        what: attempt(
            thing_name(house.property_id, client),
            Topic(property_id or house.property_id, asset_id, kind),
            credentials,
            is_retained=is_retained,
        )
        for what, (client, property_id, asset_id, kind, is_retained, _) in ATTEMPTS.items()
    }

    assert seen == {what: answer for what, (*_, answer) in ATTEMPTS.items()}
    messages = eventually(arrived, lambda found: len(found) == 2, within=15)
    # None but its own came through, and they are no messages of a shuffler.
    assert {str(message.topic).rpartition("/")[2] for message in messages} == {"events", "status"}
    assert {piece.fault.reason for message in messages for piece in message.refused} == {
        "malformed_message"
    }


def test_a_device_leaves_no_word_on_another_topic(house: House) -> None:
    files = house.add("7")
    device = ShufflerDevice(
        endpoint.mqtt_place(),
        Credentials(files.certificate, files.key),
        Outbox(),
        house.property_id,
        "8",  # whose topic its last will is on
        now=now_ms,
        client_id=thing_name(house.property_id, "7"),
    )
    with device:
        refusals = eventually(lambda: device.refusals, within=10)

    assert device.connections == 0
    assert "authorized" in refusals[0]


def test_a_revoked_device_is_cut_off_and_stays_out(house: House) -> None:
    files = house.add("7")
    with house.device("7", files) as device:
        assert device.wait_connected(10), device.refusals

        revoked = devices.revoke(house.property_id, "7")

        assert device.wait_disconnected(10)
        device.publish(Kind.EVENTS, [Happened(now_ms(), DoorOpened())])
        eventually(lambda: device.refusals, within=10)
        assert (device.connections, device.is_connected) == (1, False)
        assert not device.wait_sent(0)  # it keeps what it has to say
    assert revoked.status == "REVOKED"

    again = devices.add(house.property_id, "7", Files(files.folder / "again"))
    assert again.status == "ACTIVE"
    assert again.certificate_id != revoked.certificate_id
    credentials = Credentials(files.certificate, files.key)
    own = thing_name(house.property_id, "7"), Topic(house.property_id, "7", Kind.EVENTS)
    assert attempt(*own, credentials) == "connection refused"


def test_a_certificate_of_another_authority_is_refused(house: House, tmp_path: Path) -> None:
    house.add("7")
    own = thing_name(house.property_id, "7"), Topic(house.property_id, "7", Kind.EVENTS)

    assert attempt(*own, foreign_certificate(tmp_path / "foreign", own[0])) == "connection refused"


def test_without_a_certificate_nobody_is_believed(
    house: House, arrived: Callable[[], list[ReadMessage]]
) -> None:
    """AWS does not even let them connect; the embedded AWS does."""
    house.add("7")
    own = thing_name(house.property_id, "7"), Topic(house.property_id, "7", Kind.EVENTS)

    if attempt(*own, None) == "accepted":
        (message,) = eventually(arrived, within=15)
        assert (message.events, message.sender) == ([], own[0])
        assert [piece.fault.reason for piece in message.refused] == ["no_certificate"]


# --- adding ---------------------------------------------------------------------------------------


STEPS = (
    "create_thing",
    "create_certificate_from_csr",
    "update_thing",
    "attach_thing_principal",
    "attach_policy",
    "update_certificate",
)


def test_an_add_that_broke_off_is_finished_by_the_next(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, client = Files(tmp_path / "7"), endpoint.client

    class PowerCut(Exception): ...

    before = []
    for step in STEPS:

        def failing(service: str, step: str = step, **settings: Any) -> Any:
            made = client(service, **settings)
            if service == "iot":
                monkeypatch.setattr(made, step, _raising(PowerCut))
            return made

        with monkeypatch.context() as broken:
            broken.setattr(endpoint, "client", failing)
            with pytest.raises(PowerCut):
                devices.add(house.property_id, "7", files)
        before += [d.status for d in devices.known() if d.property == house.property_id]
    key = files.key.read_bytes()

    device = devices.add(house.property_id, "7", files)

    assert before == ["NONE", "NONE", "INACTIVE", "INACTIVE", "INACTIVE"]
    assert (device.status, files.key.read_bytes()) == ("ACTIVE", key)
    assert names_in(house) == ["7"]
    credentials = Credentials(files.certificate, files.key)
    own = thing_name(house.property_id, "7"), Topic(house.property_id, "7", Kind.EVENTS)
    assert attempt(*own, credentials) == "accepted"
    with pytest.raises(WorkbenchError, match=f"is a device, with the certificate {'.' * 64}"):
        devices.add(house.property_id, "7", files)
    assert files.key.read_bytes() == key


def _raising(fault: type[Exception]) -> Callable[..., Any]:
    def call(**_: Any) -> Any:
        raise fault

    return call
