"""Every peculiarity of gateway packets, with packets made up here; and one real day, if present."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.events import slot
from pitboss.events.envelope import InvalidEvent
from pitboss.gaming_day import GamingDay
from pitboss.money import theoretical_dollars
from pitboss.rating.fold import House, Tally
from pitboss.rating.history import History, apply
from pitboss.sas.gateway import read_packet

NOON = 1_767_268_800_000
DATA = Path(os.environ.get("PITBOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))
REAL_DAY = DATA / "acres-sas" / "2020-06-15.ndjson"


def packet(kind: str, data: Any = None, **fields: Any) -> bytes:
    """A packet as a gateway sends it; a field given as None is left out."""
    body = {
        "type": kind,
        "sas_serial_number": "000004711",
        "player_card_number": "",
        "asset_number": "4711",
        "host_id_player": "",
        "idx": 0,
        "cache_time": NOON + 23,
        "event_time": NOON,
        "data": {} if data is None else data,
        "sas_queue_index": 17,
        **fields,
    }
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def started(credits_wagered: int = 5, wager_type: int = 0xC6, **data: Any) -> dict[str, Any]:
    return {"CreditsWagered": credits_wagered, "WagerType": wager_type, "SASPoll": 255, **data}


def paytable(base: str = "9674", denomination: int = 1, **data: Any) -> dict[str, Any]:
    return {"BasePercentage": base, "Denomination": denomination, "GameOptions": None, **data}


STARTED = "SAS_EVENT_CODE_7E_GAME_HAS_STARTED"
ENDED = "SAS_EVENT_CODE_7F_GAME_HAS_ENDED"
PAYTABLE = "SAS_POLL_1F_SEND_GAMING_MACHINE_ID_AND_INFORMATION"
BILL = "SAS_EVENT_CODE_4F_BILL_ACCEPTED"


def read(kind: str, data: Any = None, **fields: Any) -> slot.MeteredEvent:
    return read_packet(packet(kind, data, **fields))[1]


def refused(raw: bytes) -> str:
    with pytest.raises(InvalidEvent) as fault:
        read_packet(raw)
    return fault.value.reason


# --- the traps -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credits_wagered", "wager_type", "cents"),
    [(5, 0xC6, 500), (25, 0x01, 25), (1, 0xE7, 500), (0, 0x06, 0), (40, 0x37, 80)],
)
def test_a_wager_is_credits_times_the_denomination_in_the_low_bits_of_its_type(
    credits_wagered: int, wager_type: int, cents: int
) -> None:
    data = read(STARTED, started(credits_wagered, wager_type)).data
    assert data == slot.GameStarted(wager_cents=cents)


def test_a_feed_without_queue_indexes_counts_in_idx() -> None:
    event = read(ENDED, sas_queue_index=None, idx=55_903_787)
    assert event.sequence == 55_903_787
    assert event.event_id == f"{NOON}-55903787-7F"


@pytest.mark.parametrize("base", ["", "    "])
def test_a_machine_that_tells_no_base_percentage_reports_no_paytable(base: str) -> None:
    assert isinstance(read(PAYTABLE, paytable(base)).data, slot.PollAnswered)


@pytest.mark.parametrize("wager_type", [0x00, 0x20, 0xE0])
def test_a_wager_without_denomination_stays_in_credits(wager_type: int) -> None:
    assert read(STARTED, started(5, wager_type)).data == slot.GameStarted(wager_credits=5)


def test_the_meter_of_the_wager_is_kept_and_not_the_poll_that_may_have_moved_already() -> None:
    event = read(STARTED, started(TotalCoinInMeter=1_500), meters={"CoinIn": 1_500})
    assert event.data == slot.GameStarted(500, 1_500)
    assert event.meters == slot.Meters(coin_in_credits=1_500)
    event = read(STARTED, started(TotalCoinInMeter=1_500), meters={"CoinIn": 1_000})
    assert event.data == slot.GameStarted(500, 1_500)


def test_a_game_ended_without_a_win_won_nothing() -> None:
    assert read(ENDED, {"SASPoll": 255}).data == slot.GameEnded(win_credits=0)
    assert read(ENDED, {"GameWin": 0}).data == slot.GameEnded(win_credits=0)
    assert read(ENDED, {"GameWin": 120}).data == slot.GameEnded(win_credits=120)


def test_a_start_up_packet_happened_when_the_collector_got_it() -> None:
    event = read(PAYTABLE, paytable(), event_time=205_585_288, sas_queue_index=0)
    assert event.occurred_at == NOON + 23
    assert event.event_id == "205585288-0-P1F"


def test_start_up_packets_of_one_queue_index_and_type_are_told_apart_by_their_raw_time() -> None:
    ids = {
        read(PAYTABLE, paytable(), event_time=time, sas_queue_index=0).event_id
        for time in (205_585_288, 205_585_289)
    }
    assert len(ids) == 2


def test_packets_of_one_time_and_queue_index_are_told_apart_by_their_type() -> None:
    kinds = [STARTED, ENDED, PAYTABLE, "PACKET_SAS_METERS_CHANGE", "SAS_POLL_7E_OTHER", "NEW"]
    data: dict[str, Any] = {STARTED: started(), PAYTABLE: paytable()}
    assert len({read(kind, data.get(kind, {})).event_id for kind in kinds}) == len(kinds)


def test_the_same_packet_has_the_same_id_whenever_the_collector_got_it() -> None:
    first = read(STARTED, started(), cache_time=NOON + 23)
    again = read(STARTED, started(), cache_time=NOON + 90_000, idx=1)
    assert first == again


def test_the_queue_index_is_the_sequence_whatever_its_gaps() -> None:
    assert [read(ENDED, sas_queue_index=n).sequence for n in (3, 9, 2**52)] == [3, 9, 2**52]


@pytest.mark.parametrize(
    ("asset_number", "serial", "asset"),
    [
        ("4711", "000004711", "4711"),
        ("0004711", "4711", "4711"),
        ("", "000004711", "4711"),
        (None, "000004711", "4711"),
        ("4700", "000004711", "4700"),
    ],
)
def test_an_asset_has_no_padding_zeros(asset_number: str | None, serial: str, asset: str) -> None:
    raw = packet(ENDED, asset_number=asset_number, sas_serial_number=serial)
    assert read_packet(raw)[0] == asset


@pytest.mark.parametrize("number", ["", "000"])
def test_a_packet_of_no_asset_is_refused(number: str) -> None:
    assert refused(packet(ENDED, asset_number=number, sas_serial_number="")) == "missing_asset"


@pytest.mark.parametrize("lag", [-93, 0, 23, 86_400_000])
def test_clocks_may_disagree(lag: int) -> None:
    assert read(ENDED, cache_time=NOON + lag).occurred_at == NOON


def test_meters_of_nine_digits_roll_over_like_those_of_eight() -> None:
    long = read(STARTED, started(TotalCoinInMeter=184_496_201), meters={"CoinIn": 184_496_201})
    short = read(STARTED, started(TotalCoinInMeter=84_496_201), meters={"CoinIn": 84_496_201})
    assert long == short
    changes = {"TOTAL_COIN_IN_CREDITS": 184_496_201, "TIME_PLAYED": 184_496_201}
    assert read("PACKET_SAS_METERS_CHANGE", changes).data == slot.MetersReported(
        {"TOTAL_COIN_IN_CREDITS": 84_496_201, "TIME_PLAYED": 184_496_201}
    )


def test_play_without_a_card_has_no_player() -> None:
    assert read(STARTED, started()).player_id is None
    assert read(STARTED, started(), host_id_player="p-1").player_id == "p-1"
    assert read(STARTED, started(), player_card_number="c-1").player_id == "c-1"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("SAS_EVENT_CODE_89_COIN_CREDIT_WAGERED", "ExceptionRaised"),
        ("SAS_EVENT_CODE_88_REEL_N_HAS_STOPPED", "ExceptionRaised"),
        ("SAS_POLL_8E_SEND_CARD_INFORMATION", "PollAnswered"),
        ("SAS_POLL_4F_SEND_CURRENT_HOPPER_STATUS", "PollAnswered"),
        ("SOMETHING_NEW", "Unrecognised"),
        ("SAS_EVENT_CODE_7e_GAME_HAS_STARTED", "Unrecognised"),
    ],
)
def test_chatter_and_what_is_not_known_is_kept(kind: str, expected: str) -> None:
    data = read(kind, {"Reels": None, "Cards": "eHgP1HA="}).data
    assert type(data).__name__ == expected


# --- each kind -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            PAYTABLE,
            paytable("8513", 1, PaytableId="PT", GameId="G", MaxBet=255),
            slot.PaytableReported(8_513, 1, "PT", "G", 255),
        ),
        ("SendGamingMachineIDAndInformation", paytable(), slot.PaytableReported(9_674, 1)),
        (PAYTABLE, paytable("9200", 0x17), slot.PaytableReported(9_200, 2)),
        (BILL, {"DenomCode": 4, "CountryCode": 37, "Bills": 3}, slot.BillAccepted(2_000, 37, 3)),
        ("SAS_EVENT_CODE_51_HANDPAY_PENDING", {}, slot.HandpayPending()),
        ("SAS_EVENT_CODE_52_HANDPAY_RESET", {}, slot.HandpayReset()),
        (
            "SAS_POLL_1B_HANDPAY",
            {"Amount": 120_000, "Level": 1},
            slot.HandpayReported(120_000, 0, 1),
        ),
        ("SAS_EVENT_CODE_11_SLOT_DOOR_WAS_OPENED", {}, slot.DoorOpened("slot")),
        ("SAS_EVENT_CODE_12_SLOT_DOOR_WAS_CLOSED", {}, slot.DoorClosed("slot")),
        ("SAS_EVENT_CODE_9B_DROP_DOOR", {}, slot.DoorOpened("drop")),
        ("SAS_EVENT_CODE_21_COIN_IN_TILT", {}, slot.TiltRaised(0x21, "COIN_IN_TILT")),
        ("SAS_EVENT_CODE_70_EXCEPTION_BUFFER_OVERFLOW", {}, slot.EventsOverflowed()),
        ("SAS_EVENT_CODE_7A_SOFT_METERS_RESET", {}, slot.MetersReset()),
        (
            "PACKET_SAS_METERS_CHANGE",
            {"GAMES_WON": 5, "MibTime": 1, "MIBTime": 1, "meter_snap_flag": 0, "num_meters": 1},
            slot.MetersReported({"GAMES_WON": 5}),
        ),
    ],
)
def test_a_packet_says(kind: str, data: dict[str, Any], expected: slot.SlotData) -> None:
    assert read(kind, data).data == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("TRACKING_UNIT_CARD_INSERTED", slot.CardInserted()),
        ("TRACKING_UNIT_CARD_REMOVED", slot.CardRemoved()),
    ],
)
def test_a_card_names_its_player(kind: str, expected: slot.SlotData) -> None:
    event = read(kind, host_id_player="p-1")
    assert (event.player_id, event.data) == ("p-1", expected)
    assert refused(packet(kind)) == "missing_player"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"type":"\xff"}', "malformed_json"),
        (packet(ENDED, {"x": "@"}).replace(b'"@"', b"[" * 100_000), "malformed_json"),
        (b"[]", "invalid_envelope"),
        (b"null", "invalid_envelope"),
        (packet(ENDED, type=""), "invalid_envelope"),
        (packet(ENDED, type="X" * 129), "invalid_envelope"),
        (packet(ENDED, type=7), "invalid_envelope"),
        (packet(ENDED, event_time=None), "invalid_envelope"),
        (packet(ENDED, event_time=-1), "invalid_envelope"),
        (packet(ENDED, event_time=1.5), "invalid_envelope"),
        (packet(ENDED, event_time=True), "invalid_envelope"),
        (packet(ENDED, event_time="1767268800000"), "invalid_envelope"),
        (packet(ENDED, event_time=2**63), "invalid_envelope"),
        (packet(ENDED, sas_queue_index="17"), "invalid_envelope"),
        (packet(ENDED, meters={"CoinIn": -1}), "invalid_envelope"),
        (packet(ENDED, asset_number="1" * 65), "invalid_envelope"),
        (packet(STARTED, {}), "invalid_data"),
        (packet(STARTED, None), "invalid_data"),
        (packet(STARTED, []), "invalid_data"),
        (packet(STARTED, started(-1)), "invalid_data"),
        (packet(STARTED, started(10**12)), "invalid_data"),
        (packet(STARTED, started(5, 256)), "invalid_data"),
        (packet(STARTED, started(10**11, 0x16)), "invalid_data"),
        (packet(STARTED, started(5, 0x1B)), "unknown_denomination"),
        (packet(ENDED, {"GameWin": None}), "invalid_data"),
        (packet(ENDED, {"GameWin": "5"}), "invalid_data"),
        (packet(PAYTABLE, paytable("96.74")), "invalid_data"),
        (packet(PAYTABLE, paytable("967")), "invalid_data"),
        (packet(PAYTABLE, paytable("٩٦٧٤")), "invalid_data"),
        (packet(PAYTABLE, paytable("9674\n")), "invalid_data"),
        (packet(PAYTABLE, paytable("9674", 0)), "unknown_denomination"),
        (packet(PAYTABLE, paytable("9674", 0x1B)), "unknown_denomination"),
        (packet(BILL, {"DenomCode": 0x55}), "unknown_denomination"),
        (packet("PACKET_SAS_METERS_CHANGE", {"CURRENT_CREDITS": -1}), "invalid_data"),
        (packet("PACKET_SAS_METERS_CHANGE", {"CURRENT_CREDITS": 1.5}), "invalid_data"),
    ],
)
def test_a_packet_that_cannot_be_accepted(raw: bytes, reason: str) -> None:
    assert refused(raw) == reason


def test_an_id_is_never_longer_than_an_event_id_may_be() -> None:
    event = read("X" * 128, event_time=4_102_444_799_999, sas_queue_index=2**53 - 1)
    assert len(event.event_id) <= 64


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


FIELDS = [
    *("CreditsWagered", "WagerType", "TotalCoinInMeter", "GameWin", "BasePercentage"),
    *("Denomination", "DenomCode", "Bills", "Amount", "MaxBet", "PaytableId"),
]


@given(
    st.sampled_from([STARTED, ENDED, PAYTABLE, BILL, "PACKET_SAS_METERS_CHANGE", "SAS_POLL_1B_X"]),
    st.dictionaries(
        st.sampled_from(FIELDS),
        st.integers(0, 10**13) | st.integers(0, 255) | st.just("9674") | json_values,
    ),
    st.dictionaries(
        st.sampled_from(["event_time", "sas_queue_index", "host_id_player", "meters"]), json_values
    ),
)
def test_any_packet_is_refused_or_can_be_read_from_the_stream(
    kind: str, data: dict[str, Any], fields: dict[str, Any]
) -> None:
    defaults: dict[str, Any] = {
        STARTED: started(),
        PAYTABLE: paytable(),
        BILL: {"DenomCode": 4},
        "SAS_POLL_1B_X": {"Amount": 5},
    }
    try:
        _, event = read_packet(packet(kind, defaults.get(kind, {}) | data, **fields))
    except InvalidEvent:
        return
    packed = msgspec.msgpack.encode(event)
    assert msgspec.msgpack.decode(packed, type=slot.MeteredEvent) == event


# --- a real day ----------------------------------------------------------------------------------


def test_a_real_day() -> None:
    if not REAL_DAY.exists():
        pytest.skip(f"third-party data is not here: no {REAL_DAY.name} (see PITBOSS_DATA)")
    lines = REAL_DAY.read_bytes().splitlines()
    events: dict[str, list[slot.SlotEvent]] = {}
    kinds: Counter[str] = Counter()
    for line in lines:
        asset_id, event = read_packet(line)
        kinds[type(event.data).__name__] += 1
        # What the stream's consumers see has no meters.
        plain = slot.SlotEvent(
            event.event_id, event.occurred_at, event.sequence, event.player_id, event.data
        )
        events.setdefault(asset_id, []).append(plain)
    assert len(lines) == sum(kinds.values()) == 2_403
    assert (kinds["GameStarted"], kinds["GameEnded"], kinds["PaytableReported"]) == (147, 147, 4)
    assert kinds["Unrecognised"] == 0

    gaming_day = GamingDay.parse("America/Los_Angeles@06:00")
    found = {}
    for asset_id, of_asset in events.items():
        ids = [event.event_id for event in of_asset]
        assert len(set(ids)) == len(ids), "every packet has an id of its own"
        applied = apply(
            asset_id,
            History(None),
            of_asset,
            House(lambda ms: gaming_day.date_of(ms).isoformat()),
        )
        change = applied.change
        assert change is not None
        assert not applied.left
        total = Tally()
        for day in (change.head.today, *change.earlier_days.values()):
            total.add(day.tally)
        assert (total.incomplete_games, total.unrated_coin_in_cents, total.unvalued_credits) == (
            0,
            0,
            0,
        )
        found[asset_id] = (
            total.games,
            total.coin_in_cents,
            total.coin_out_cents,
            change.head.hold_basis_points,
            theoretical_dollars(total.theoretical_win),
            total.meter_difference_cents,
        )
    assert found == {
        "1940732": (137, 68_500, 99_500, 326, "22.331", 0),
        "5093619": (10, 250, 520, 800, "0.20", 0),
        "61312": (0, 0, 0, 1_487, "0.00", 0),
        "110034948": (0, 0, 0, 399, "0.00", 0),
    }


def test_the_games_of_a_machine_that_are_reported_at_one_moment_are_events_of_their_own() -> None:
    def configuration(number: int) -> bytes:
        return msgspec.json.encode(
            {
                "type": "SAS_POLL_53_SEND_GAME_N_CONFIGURATION",
                "asset_number": "7",
                "event_time": 217_115_048,
                "cache_time": 1_592_204_401_955,
                "data": {"GameNumber": number, "BasePercentage": "9500", "Denomination": 1},
            }
        )

    _, first = read_packet(configuration(1))
    _, second = read_packet(configuration(2))
    assert first.event_id == "217115048-0-P53.1"
    assert second.event_id == "217115048-0-P53.2"
    assert first.data == slot.PaytableReported(9_500, 1, game_number=1)


@pytest.mark.parametrize(
    ("ahead_ms", "occurred_at"),
    [
        (300_000, 1_592_204_700_000),
        (300_001, 1_592_204_400_000),
        (3_600_000, 1_592_204_400_000),
        (-3_600_000, 1_592_200_800_000),  # it may have waited on its way
    ],
)
def test_a_device_clock_that_is_far_ahead_is_not_believed(ahead_ms: int, occurred_at: int) -> None:
    packet = {
        "type": "SAS_EVENT_CODE_11_SLOT_DOOR_WAS_OPENED",
        "asset_number": "7",
        "event_time": 1_592_204_400_000 + ahead_ms,
        "cache_time": 1_592_204_400_000,
        "sas_queue_index": 5,
        "data": {},
    }
    _, event = read_packet(msgspec.json.encode(packet))
    assert event.occurred_at == occurred_at
    assert event.event_id == f"{packet['event_time']}-5-11"
