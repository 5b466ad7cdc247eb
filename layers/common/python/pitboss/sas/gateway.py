"""The normaliser of gateway feeds: one packet in, one event out, without memory.

The packets are those of a slot-monitoring gateway (the Event Replay API 1.4 of Acres 4's
Foundation): one flat JSON object a SAS exception, long-poll answer or meter change. A packet alone
does not say everything (what an accounting credit is worth, which hold is in force, where a game
began); what needs several is resolved where the machine's state is, never guessed here.

What is peculiar to these packets:
    * Start-up packets carry a time since boot instead of the time of day, and queue index 0. They
      happened when the collector got them (`cache_time`); their own time stays part of their id.
    * A game-ended packet without `GameWin` is a win of zero.
    * Meters of more than eight digits roll over at 10^8 like those of eight.
    * `asset_number` and the serial number differ in zero padding; the asset has none.
"""

import re
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from zlib import crc32

import msgspec
from msgspec import Meta, Struct

from pitboss.events import slot
from pitboss.events.envelope import EpochMs, InvalidEvent
from pitboss.sas import codes

YEAR_2000_MS = 946_684_800_000
"""A device time before this is a time since boot, not a time of day."""

MAX_CLOCK_AHEAD_MS = 300_000
"""A device clock that is further ahead of the collector's is wrong: five minutes. One behind need
not be, because the packet may have waited on its way to the collector."""

type _Name = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$(?!\n)")]
type NaturalNumber = Annotated[int, Meta(ge=0, le=2**53)]


class _Meters(Struct, frozen=True, gc=False, rename="pascal"):
    coin_in: NaturalNumber | None = None
    coin_out: NaturalNumber | None = None
    jackpot: NaturalNumber | None = None
    handpay_cancel_credit: NaturalNumber | None = None
    current_credits: NaturalNumber | None = None
    games_played: NaturalNumber | None = None
    games_won: NaturalNumber | None = None


class Packet(Struct, frozen=True, gc=False):
    """The fields every packet has, in the gateway's own names."""

    type: Annotated[str, Meta(min_length=1, max_length=128)]
    event_time: EpochMs
    cache_time: EpochMs
    sas_queue_index: Annotated[int, Meta(ge=0, lt=2**53)] | None = None
    """The device's own count; feeds that leave it out count in `idx`."""
    idx: Annotated[int, Meta(ge=0, lt=2**53)] = 0
    asset_number: _Name = ""
    sas_serial_number: _Name = ""
    host_id_player: _Name = ""
    player_card_number: _Name = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    meters: _Meters | None = None


class _GameStarted(Struct, frozen=True, gc=False, rename="pascal"):
    credits_wagered: slot.Credits
    wager_type: slot.Code
    total_coin_in_meter: NaturalNumber | None = None


class _GameEnded(Struct, frozen=True, gc=False, rename="pascal"):
    game_win: slot.Credits = 0


class _MachineInformation(Struct, frozen=True, gc=False, rename="pascal"):
    base_percentage: Annotated[str, Meta(pattern=r"^([0-9]{4}| *)\Z")]
    denomination: slot.Code
    paytable_id: slot.Label = ""
    game_id: slot.Label = ""
    max_bet: slot.Credits | None = None


class _GameConfiguration(_MachineInformation, frozen=True, gc=False, rename="pascal", kw_only=True):
    game_number: slot.GameNumber


class _GameSelected(Struct, frozen=True, gc=False, rename="pascal"):
    game_number: slot.GameNumber


class _SelectedGame(Struct, frozen=True, gc=False, rename="pascal"):
    selected_game_number: slot.GameNumber


class _BillAccepted(Struct, frozen=True, gc=False, rename="pascal"):
    denom_code: slot.Code
    country_code: slot.Code | None = None
    bills: NaturalNumber | None = None


class _HandpayInformation(Struct, frozen=True, gc=False, rename="pascal"):
    amount: slot.Cents
    partial_pay_amount: slot.Cents = 0
    level: slot.Code = 0


class _Kind(NamedTuple):
    family: str
    code: int
    name: str
    short: str
    """Names the kind within an event id."""


_packet_decoder = msgspec.json.Decoder(Packet)
_started_decoder = msgspec.json.Decoder(_GameStarted)
_ended_decoder = msgspec.json.Decoder(_GameEnded)
_information_decoder = msgspec.json.Decoder(_MachineInformation)
_configuration_decoder = msgspec.json.Decoder(_GameConfiguration)
_game_selected_decoder = msgspec.json.Decoder(_GameSelected)
_selected_game_decoder = msgspec.json.Decoder(_SelectedGame)
_bill_decoder = msgspec.json.Decoder(_BillAccepted)
_handpay_decoder = msgspec.json.Decoder(_HandpayInformation)
_meters_decoder = msgspec.json.Decoder(
    Annotated[dict[slot.Label, NaturalNumber], Meta(max_length=slot.MAX_METERS)]
)

_EXCEPTION = re.compile(r"SAS_EVENT_CODE_([0-9A-F]{2})_(\w+)")
_POLL = re.compile(r"SAS_POLL_([0-9A-F]{2})_(\w+)")
_OTHER_KINDS = {
    "PACKET_SAS_METERS_CHANGE": _Kind("meters", 0, "", "M"),
    "TRACKING_UNIT_CARD_INSERTED": _Kind("card inserted", 0, "", "CI"),
    "TRACKING_UNIT_CARD_REMOVED": _Kind("card removed", 0, "", "CR"),
    # The names the gateway's earlier versions give to poll answers.
    "SendGamingMachineIDAndInformation": _Kind(
        "poll", codes.POLL_MACHINE_INFORMATION, "SEND_GAMING_MACHINE_ID_AND_INFORMATION", "P1F"
    ),
}
_NOT_METERS = frozenset({"MibTime", "MIBTime", "meter_snap_flag", "num_meters"})
_EIGHT_DIGITS = ("_CREDITS", "_CENTS", "_QUANTITY")


def read_packet(raw: bytes | msgspec.Raw) -> tuple[str, slot.MeteredEvent]:
    """One gateway packet: the asset it is from, and the event as the stream carries it.

    Raises:
        InvalidEvent: with the reason `malformed_json`, `invalid_envelope`, `invalid_data`,
            `unknown_denomination`, `missing_asset` or `missing_player`.
    """
    try:
        packet = _packet_decoder.decode(raw)
    except msgspec.ValidationError as fault:
        raise InvalidEvent("invalid_envelope", str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    asset_id = (packet.asset_number or packet.sas_serial_number).lstrip("0")
    if not asset_id:
        raise InvalidEvent("missing_asset", "neither asset_number nor sas_serial_number is given")
    kind = _kind(packet.type)
    try:
        data = _data(kind, packet)
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise InvalidEvent("invalid_data", f"{packet.type}: {fault}") from None
    player_id = packet.host_id_player or packet.player_card_number or None
    if player_id is None and type(data) in slot.PLAYER_REQUIRED:
        raise InvalidEvent("missing_player", f"{packet.type} without a host_id_player")
    ahead = packet.event_time - packet.cache_time > MAX_CLOCK_AHEAD_MS
    is_wrong = ahead or packet.event_time < YEAR_2000_MS
    sequence = packet.idx if packet.sas_queue_index is None else packet.sas_queue_index
    short = kind.short
    if type(data) is slot.PaytableReported and data.game_number:
        short = f"{short}.{data.game_number}"  # all its games are asked about at one moment
    return asset_id, slot.MeteredEvent(
        f"{packet.event_time}-{sequence}-{short}",
        packet.cache_time if is_wrong else packet.event_time,
        sequence,
        player_id,
        data,
        None if packet.meters is None else _meters(packet.meters),
    )


@lru_cache(maxsize=1024)
def _kind(packet_type: str) -> _Kind:
    other = _OTHER_KINDS.get(packet_type)
    if other is not None:
        return other
    if match := _EXCEPTION.fullmatch(packet_type):
        return _Kind("exception", int(match[1], 16), match[2], match[1])
    if match := _POLL.fullmatch(packet_type):
        return _Kind("poll", int(match[1], 16), match[2], f"P{match[1]}")
    return _Kind("unrecognised", 0, packet_type[:64], f"U{crc32(packet_type.encode()):08x}")


def _data(kind: _Kind, packet: Packet) -> slot.SlotData:
    match kind.family:
        case "exception":
            return _exception(kind, packet.data)
        case "poll":
            return _poll(kind, packet.data)
        case "meters":
            return slot.MetersReported(_changed_meters(packet.data))
        case "card inserted":
            return slot.CardInserted()
        case "card removed":
            return slot.CardRemoved()
        case _:
            return slot.Unrecognised(kind.name, 0)


def _exception(kind: _Kind, data: msgspec.Raw) -> slot.SlotData:
    match kind.code:
        case codes.GAME_STARTED:
            return _game_started(_started_decoder.decode(data))
        case codes.GAME_ENDED:
            return slot.GameEnded(win_credits=_ended_decoder.decode(data).game_win)
        case codes.BILL_ACCEPTED:
            bill = _bill_decoder.decode(data)
            if bill.denom_code not in codes.BILL_CENTS:
                raise InvalidEvent(
                    "unknown_denomination", f"bill denomination code {bill.denom_code:02X}"
                )
            bills = None if bill.bills is None else bill.bills % slot.METER_MODULUS
            return slot.BillAccepted(codes.BILL_CENTS[bill.denom_code], bill.country_code, bills)
        case codes.GAME_SELECTED:
            return slot.GameSelected(_game_selected_decoder.decode(data).game_number)
        case codes.HANDPAY_PENDING:
            return slot.HandpayPending()
        case codes.HANDPAY_RESET:
            return slot.HandpayReset()
        case codes.BUFFER_OVERFLOW:
            return slot.EventsOverflowed()
        case codes.METERS_RESET:
            return slot.MetersReset()
        case code if code in codes.DOOR_OPENED:
            return slot.DoorOpened(codes.DOOR_OPENED[code])
        case code if code in codes.DOOR_CLOSED:
            return slot.DoorClosed(codes.DOOR_CLOSED[code])
        case code if code in codes.TILTS:
            return slot.TiltRaised(code, kind.name)
        case code:
            return slot.ExceptionRaised(code, kind.name)


def _game_started(start: _GameStarted) -> slot.GameStarted:
    meter = start.total_coin_in_meter
    if meter is not None:
        meter %= slot.METER_MODULUS
    code = start.wager_type & codes.WAGER_DENOMINATION_MASK
    if code == 0:  # the machine names no wager denomination: credits of the accounting one
        return slot.GameStarted(None, meter, start.credits_wagered)
    wager = start.credits_wagered * _denomination(code)
    if wager >= slot.MAX_CENTS:
        raise InvalidEvent("invalid_data", f"a wager of {wager} cents")
    return slot.GameStarted(wager, meter)


def _poll(kind: _Kind, data: msgspec.Raw) -> slot.SlotData:
    match kind.code:
        case codes.POLL_MACHINE_INFORMATION:
            return _paytable(kind, _information_decoder.decode(data), 0)
        case codes.POLL_GAME_CONFIGURATION:
            configuration = _configuration_decoder.decode(data)
            return _paytable(kind, configuration, configuration.game_number)
        case codes.POLL_SELECTED_GAME:
            return slot.GameSelected(_selected_game_decoder.decode(data).selected_game_number)
        case codes.POLL_HANDPAY_INFORMATION:
            handpay = _handpay_decoder.decode(data)
            return slot.HandpayReported(handpay.amount, handpay.partial_pay_amount, handpay.level)
        case code:
            return slot.PollAnswered(code, kind.name)


def _paytable(
    kind: _Kind, information: _MachineInformation, game_number: int
) -> slot.PaytableReported | slot.PollAnswered:
    if not information.base_percentage.strip():  # a machine that does not tell
        return slot.PollAnswered(kind.code, kind.name)
    return slot.PaytableReported(
        int(information.base_percentage),
        _denomination(information.denomination),
        information.paytable_id,
        information.game_id,
        information.max_bet,
        game_number,
    )


def _denomination(code: int) -> int:
    cents = codes.DENOMINATION_CENTS.get(code)
    if cents is None:
        raise InvalidEvent(
            "unknown_denomination", f"denomination code {code:02X} is not one of whole cents"
        )
    return cents


def _changed_meters(data: msgspec.Raw) -> dict[str, int]:
    return {
        name: value % slot.METER_MODULUS if name.endswith(_EIGHT_DIGITS) else value
        for name, value in _meters_decoder.decode(data).items()
        if name not in _NOT_METERS
    }


def _meters(meters: _Meters) -> slot.Meters:
    shown: tuple[Any, ...] = msgspec.structs.astuple(meters)
    return slot.Meters(*[value if value is None else value % slot.METER_MODULUS for value in shown])
