"""Card-shuffler events: one schema per event type, and the messages that devices publish.

A device publishes over MQTT, one JSON object a message, `Message`: a list of envelopes as gateways
post them (`pitboss.events.envelope.Envelope`), whose `data` is one of the classes below. Its
`sequence` counts what the device ever published, so that what is sent again is known again.

Times a device spent are in the event that ends them (`duration_ms`, `down_ms`), so that figures of
a day are sums, whatever order its events come in.

No standard names what a shuffler reports. The kinds follow what makers of casino shufflers publish
about theirs: optical card recognition, card counts, jams that the machine clears by itself or not,
and rollers, grippers and an elevator that wear.
"""

from enum import StrEnum
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from pitboss.events.envelope import (
    SCHEMA_VERSION,
    Envelope,
    Identifier,
    InvalidEvent,
    event_type_of,
    object_form,
)

MAX_EVENTS = 100
"""Events of one message."""

MAX_MESSAGE_BYTES = 131_072
"""Of one message: AWS IoT Core takes no larger payload."""

type Count = Annotated[int, Meta(ge=0, le=1_000_000)]
type Milliseconds = Annotated[int, Meta(ge=0, le=31_536_000_000)]
"""At most a year."""
type Milliamperes = Annotated[int, Meta(ge=0, le=100_000)]
type DeciCelsius = Annotated[int, Meta(ge=-1_000, le=5_000, description="tenths of a degree C")]
type Micrometres = Annotated[int, Meta(ge=-100_000, le=100_000)]
type BasisPoints = Annotated[int, Meta(ge=0, le=10_000, description="hundredths of a percent")]
type Label = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
"""Text without control characters."""


class Part(StrEnum):
    """What of a shuffler wears, fails, and is mended."""

    ROLLERS = "rollers"
    GRIPPER = "gripper"
    ELEVATOR = "elevator"
    MOTOR = "motor"
    CAMERA = "camera"
    CONTROLLER = "controller"


class ShuffleCompleted(Struct, array_like=True, frozen=True, gc=False, tag="shuffle.completed"):
    """One shuffle cycle, and what was played with the cards since the one before."""

    table_id: Identifier
    cycle_ms: Milliseconds
    """From the first card in to the last card out."""
    cards: Annotated[int, Meta(ge=0, le=1_000)]
    decks: Annotated[int, Meta(ge=1, le=20)]
    rounds: Count = 0
    """Rounds dealt at the table since the shuffle before: decisions of each seated player."""
    dealing_ms: Milliseconds = 0
    """How long those rounds took."""
    motor_ma: Milliamperes = 0
    """Mean of the cycle."""
    motor_peak_ma: Milliamperes = 0
    temperature_dc: DeciCelsius = 0
    recognition_bp: BasisPoints = 10_000
    """Mean confidence of card recognition."""
    retries: Count = 0
    """Cards fed again within the cycle."""


class TelemetryReported(Struct, array_like=True, frozen=True, gc=False, tag="telemetry.reported"):
    """What the sensors show, every so often, shuffling or not."""

    uptime_ms: Milliseconds
    """Since the device was switched on."""
    operating_ms: Milliseconds
    """Of the time since the report before, how long it was in service."""
    motor_ma: Milliamperes = 0
    temperature_dc: DeciCelsius = 0
    vibration_um_s: Annotated[int, Meta(ge=0, le=1_000_000, description="um/s, RMS")] = 0
    roller_slip_bp: BasisPoints = 0
    gripper_offset_um: Micrometres = 0
    elevator_offset_um: Micrometres = 0
    recognition_bp: BasisPoints = 10_000
    supply_mv: Annotated[int, Meta(ge=0, le=100_000)] = 0
    energy_j: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    """Drawn since the report before."""


class JamCleared(Struct, array_like=True, frozen=True, gc=False, tag="jam.cleared"):
    """Cards jammed, and do no more."""

    part: Part
    duration_ms: Milliseconds
    recovered: bool
    """Whether the device cleared it by itself."""


class CardMisread(Struct, array_like=True, frozen=True, gc=False, tag="card.misread"):
    """A card that was not recognised, or not with enough confidence."""

    recognition_bp: BasisPoints = 0


class CardsMiscounted(Struct, array_like=True, frozen=True, gc=False, tag="cards.miscounted"):
    """The cards counted are not those of the decks: play stops until they are."""

    expected: Count
    counted: Count


class FaultRaised(Struct, array_like=True, frozen=True, gc=False, tag="fault.raised"):
    """Something is wrong. A failure takes the device out of service until it is cleared."""

    code: Label
    part: Part
    is_failure: bool = False


class FaultCleared(Struct, array_like=True, frozen=True, gc=False, tag="fault.cleared"):
    """What was wrong is so no more."""

    code: Label
    part: Part
    down_ms: Milliseconds = 0
    """How long the device was out of service for it."""
    is_failure: bool = False


class MaintenancePerformed(
    Struct, array_like=True, frozen=True, gc=False, tag="maintenance.performed"
):
    """A technician did something to a part."""

    part: Part
    action: Annotated[str, Meta(pattern="^(cleaned|adjusted|replaced)$")]
    down_ms: Milliseconds = 0
    is_repair: bool = False
    """Whether the part had failed."""


class DoorOpened(Struct, array_like=True, frozen=True, gc=False, tag="door.opened"):
    """Somebody can reach the cards."""


class DoorClosed(Struct, array_like=True, frozen=True, gc=False, tag="door.closed"):
    """Nobody can any more."""

    duration_ms: Milliseconds = 0


class FirmwareChanged(Struct, array_like=True, frozen=True, gc=False, tag="firmware.changed"):
    """The device runs another version from here on."""

    version: Label


class LinkRestored(Struct, array_like=True, frozen=True, gc=False, tag="link.restored"):
    """The device had no connection, and kept what it had to say; or lost some of it."""

    duration_ms: Milliseconds
    lost: Count = 0
    """Events that its buffer could not keep."""


class DeviceConnected(Struct, array_like=True, frozen=True, gc=False, tag="device.connected"):
    """On the topic `status`, retained: the device listens and speaks."""

    firmware: Label = ""


class DeviceDisconnected(Struct, array_like=True, frozen=True, gc=False, tag="device.disconnected"):
    """On the topic `status`, retained: a device that goes, or the last will of one that went.

    A last will is written when the device connects: `occurred_at` is when it did, and when it went
    is when the message was received.
    """

    is_last_will: bool = True


type ShufflerData = (
    ShuffleCompleted
    | TelemetryReported
    | JamCleared
    | CardMisread
    | CardsMiscounted
    | FaultRaised
    | FaultCleared
    | MaintenancePerformed
    | DoorOpened
    | DoorClosed
    | FirmwareChanged
    | LinkRestored
    | DeviceConnected
    | DeviceDisconnected
)


class Unrecognised(Struct, frozen=True, gc=False):
    """An event type, or version of it, that this release does not know: kept and counted."""

    event_type: str
    schema_version: int


class ShufflerEvent(Struct, frozen=True, gc=False):
    """One event of a shuffler, and what it was read from."""

    property_id: str
    asset_id: str
    event_id: str
    occurred_at: int
    """Epoch ms by the device's clock."""
    sequence: int
    data: ShufflerData | Unrecognised
    raw: bytes
    """The envelope as it came."""

    @property
    def event_type(self) -> str:
        """Its dotted name."""
        data = self.data
        return data.event_type if isinstance(data, Unrecognised) else event_type_of(type(data))


class Message(Struct, frozen=True):
    """What a device publishes; unknown fields are allowed."""

    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_EVENTS)]


SCHEMAS = {
    (event_type_of(packed), SCHEMA_VERSION): packed for packed in get_args(ShufflerData.__value__)
}
"""Every event type and version that a shuffler can publish, with its schema."""

_ENVELOPE = msgspec.json.Decoder(Envelope)
_DATA = {key: msgspec.json.Decoder(object_form(packed)) for key, packed in SCHEMAS.items()}


def read_event(raw: bytes | msgspec.Raw) -> ShufflerEvent:
    """One published event.

    Raises:
        InvalidEvent: with the reason `malformed_json`, `invalid_envelope` or `invalid_data`.
    """
    try:
        envelope = _ENVELOPE.decode(raw)
    except msgspec.ValidationError as fault:
        raise InvalidEvent("invalid_envelope", str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    key = (envelope.event_type, envelope.schema_version)
    decoder = _DATA.get(key)
    data: Any
    if decoder is None:
        data = Unrecognised(envelope.event_type, envelope.schema_version)
    else:
        try:
            data = SCHEMAS[key](*astuple(decoder.decode(envelope.data)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            raise InvalidEvent("invalid_data", f"{envelope.event_type}: {fault}") from None
    return ShufflerEvent(
        envelope.property_id,
        envelope.asset_id,
        envelope.event_id,
        envelope.occurred_at,
        envelope.sequence,
        data,
        bytes(raw),
    )
