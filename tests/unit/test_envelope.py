import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.events import slot
from pitboss.events.envelope import (
    SCHEMAS,
    InvalidEvent,
    event_type_of,
    object_form,
    read_envelope,
)

NOON = 1_767_268_800_000


def posted(event_type: str = "game.started", data: Any = None, **fields: Any) -> dict[str, Any]:
    """An envelope as a producer posts it."""
    return {
        "event_id": "e-1",
        "event_type": event_type,
        "property_id": "north",
        "asset_id": "4711",
        "occurred_at": NOON,
        "sequence": 17,
        "data": {"wager_cents": 500} if data is None else data,
        **fields,
    }


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def with_text(field: str, text: str) -> bytes:
    """The envelope with a field of `data` or its own as exactly this JSON text."""
    body = posted(data={"wager_cents": "@"}) if field == "wager_cents" else posted(**{field: "@"})
    return raw(body).replace(b'"@"', text.encode())


def without(field: str) -> bytes:
    body = posted()
    del body[field]
    return raw(body)


def refused(text: bytes) -> str:
    with pytest.raises(InvalidEvent) as fault:
        read_envelope(text)
    assert str(fault.value) == f"{fault.value.reason}: {fault.value.detail}"
    assert len(fault.value.detail) < 500
    return fault.value.reason


def test_an_event_is_read_as_the_stream_carries_it() -> None:
    envelope, event = read_envelope(
        raw(posted(player_id="p-1", meters={"coin_in_credits": 5}, extra={"new": 1}))
    )
    assert (envelope.property_id, envelope.asset_id, envelope.schema_version) == (
        "north",
        "4711",
        1,
    )
    assert event == slot.MeteredEvent(
        "e-1", NOON, 17, "p-1", slot.GameStarted(500), slot.Meters(coin_in_credits=5)
    )


def test_what_may_be_left_out_has_a_default() -> None:
    body = posted("handpay.pending")
    del body["data"]
    _, event = read_envelope(raw(body))
    assert event == slot.MeteredEvent("e-1", NOON, 17, None, slot.HandpayPending(), None)
    _, event = read_envelope(raw(posted(player_id=None, meters=None)))
    assert (event.player_id, event.meters) == (None, None)


NO_WHOLE_NUMBERS = [
    "true", "false", '"12"', "1.0", "1.5", "1e400", "-1e400", "-1", "9223372036854775808",
    "18446744073709551616", "1" * 400, "null", "[]", "{}", '""',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_WHOLE_NUMBERS)
@pytest.mark.parametrize("field", ["occurred_at", "sequence", "schema_version"])
def test_a_whole_number_of_the_envelope_is_nothing_else(field: str, text: str) -> None:
    assert refused(with_text(field, text)) == "invalid_envelope"


@pytest.mark.parametrize("text", NO_WHOLE_NUMBERS)
def test_an_amount_is_a_whole_number_of_cents(text: str) -> None:
    assert refused(with_text("wager_cents", text)) == "invalid_data"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "012", "0x1", "+1", "1_0", "'1'"])
@pytest.mark.parametrize("field", ["occurred_at", "wager_cents"])
def test_what_is_no_json_is_no_number(field: str, text: str) -> None:
    assert refused(with_text(field, text)) == "malformed_json"


@pytest.mark.parametrize(
    ("field", "text", "good"),
    [
        ("wager_cents", "0", True),
        ("wager_cents", "999999999999", True),
        ("wager_cents", "1000000000000", False),
        ("occurred_at", "0", True),
        ("occurred_at", "4102444799999", True),
        ("occurred_at", "4102444800000", False),
        ("sequence", "9007199254740991", True),
        ("sequence", "9007199254740992", False),
        ("schema_version", "0", False),
        ("schema_version", "10001", False),
        ("event_id", '"' + "x" * 64 + '"', True),
        ("event_id", '"' + "x" * 65 + '"', False),
        ("event_id", '""', False),
        ("event_id", "7", False),
        ("event_id", "null", False),
        ("property_id", '""', False),
        ("property_id", '"north/south"', False),
        ("property_id", '"a b"', False),
        ("property_id", '"north\\u0000"', False),
        ("property_id", '"north\\n"', False),
        ("asset_id", '"' + "7" * 65 + '"', False),
        ("asset_id", '"../7"', False),
        ("player_id", '"p\\u0000"', False),
        ("player_id", '""', False),
        ("player_id", "12", False),
        ("event_type", '"Game.Started"', False),
        ("event_type", '"game"', False),
        ("event_type", '"game."', False),
        ("event_type", '"game.started\\n"', False),
        ("event_type", '"game.started\\u0000"', False),
        ("event_type", '"' + "g." * 32 + 'g"', False),
    ],
)
def test_the_bounds_of_a_field(field: str, text: str, good: bool) -> None:
    if good:
        read_envelope(with_text(field, text))
    else:
        assert refused(with_text(field, text)) in {"invalid_envelope", "invalid_data"}


@pytest.mark.parametrize(
    "field", ["event_id", "event_type", "property_id", "asset_id", "occurred_at", "sequence"]
)
def test_what_an_envelope_must_have(field: str) -> None:
    assert refused(without(field)) == "invalid_envelope"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b'{"event_id":}',
        b"\x00",
        b"\xff\xfe{}",
        raw(posted()) + b"x",
        raw(posted())[:-1],
        raw(posted(event_id="@")).replace(b"@", b"\xff"),
        raw(posted(event_id="@")).replace(b"@", b"\x00"),
        raw(posted(event_id="@")).replace(b"@", b"\\ud800"),
        b'{"extra":' + b"[" * 100_000,
        raw(posted(extra="@")).replace(b'"@"', b"[" * 100_000 + b"]" * 100_000),
        raw(posted(data="@")).replace(b'"@"', b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    ],
)
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    assert refused(text) == "malformed_json"


@pytest.mark.parametrize("text", [b"[]", b"null", b"1", b'"x"', b"[{}]"])
def test_an_envelope_is_an_object(text: bytes) -> None:
    assert refused(text) == "invalid_envelope"


@pytest.mark.parametrize("surplus", ["data", "meters"])
def test_nested_deeply_but_readable_is_no_fault_where_it_is_ignored(surplus: str) -> None:
    deep = "[" * 200 + "]" * 200
    body = raw(posted("game.ended", **{surplus: {"unknown": "@"}}))
    _, event = read_envelope(body.replace(b'"@"', deep.encode()))
    assert event.data == slot.GameEnded()


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("game.started", {}),
        ("game.started", {"wager_cents": None}),
        ("game.started", {"wager_cents": 5, "wager_credits": 5}),
        ("game.started", {"wager_cents": 0, "wager_credits": 0}),
        ("game.started", []),
        ("game.started", [500]),
        ("game.started", "500"),
        ("game.started", {"wager_cents": 5, "coin_in_meter_credits": 100_000_000}),
        ("game.ended", {"win_cents": 5, "win_credits": 5}),
        ("game.ended", {"win_cents": 0, "win_credits": 0}),
        ("game.ended", {"win_cents": -5}),
        ("paytable.reported", {}),
        ("paytable.reported", {"base_basis_points": 10_001}),
        ("paytable.reported", {"base_basis_points": 96.74}),
        ("paytable.reported", {"base_basis_points": 9_674, "accounting_denomination_cents": 0}),
        ("paytable.reported", {"base_basis_points": 9_674, "paytable_id": "x" * 129}),
        ("bill.accepted", {}),
        ("bill.accepted", {"amount_cents": 500, "country_code": 256}),
        ("door.opened", {}),
        ("door.opened", {"door": 1}),
        ("tilt.raised", {"code": -1}),
        ("meters.reported", {}),
        ("meters.reported", {"meters": {"A": -1}}),
        ("meters.reported", {"meters": {"A": 1.0}}),
        ("meters.reported", {"meters": {"A": 2**63}}),
    ],
)
def test_data_that_its_schema_does_not_allow(event_type: str, data: Any) -> None:
    assert refused(raw(posted(event_type, data))) == "invalid_data"


@pytest.mark.parametrize(
    "meters", [{"coin_in_credits": 100_000_000}, {"coin_in_credits": "5"}, [], 5, [5]]
)
def test_meters_that_their_schema_does_not_allow(meters: Any) -> None:
    assert refused(raw(posted(meters=meters))) == "invalid_data"


@pytest.mark.parametrize("event_type", ["card.inserted", "card.removed"])
def test_a_card_needs_a_player(event_type: str) -> None:
    assert refused(raw(posted(event_type, {}))) == "missing_player"
    _, event = read_envelope(raw(posted(event_type, {}, player_id="p-1")))
    assert event.player_id == "p-1"


@pytest.mark.parametrize(
    ("event_type", "version", "data"),
    [
        ("jackpot.hit", 1, {"anything": [1, None]}),
        ("jackpot.hit", 1, "not even an object"),
        ("game.started", 2, {"wager": "in a form of later"}),
        ("unrecognised.thing", 1, {}),
    ],
)
def test_a_type_or_version_that_is_not_known_is_kept(
    event_type: str, version: int, data: Any
) -> None:
    _, event = read_envelope(raw(posted(event_type, data, schema_version=version)))
    assert event.data == slot.Unrecognised(event_type, version)


def test_the_meters_of_an_unknown_type_are_held_to_their_schema_too() -> None:
    assert refused(raw(posted("jackpot.hit", {}, meters={"coin_in_credits": -1}))) == "invalid_data"


def test_the_last_of_a_field_given_twice_counts() -> None:
    text = raw(posted()).replace(b'"wager_cents": 500', b'"wager_cents": 500, "wager_cents": 25')
    assert read_envelope(text)[1].data == slot.GameStarted(25)


def test_unrecognised_cannot_be_posted() -> None:
    assert event_type_of(slot.Unrecognised) not in {name for name, _ in SCHEMAS}


@pytest.mark.parametrize("packed", [*SCHEMAS.values(), slot.Meters])
def test_the_object_form_has_the_fields_of_the_packed_form(packed: type[msgspec.Struct]) -> None:
    shown = object_form(packed)
    assert [(f.name, f.type, f.default, f.required) for f in msgspec.structs.fields(shown)] == [
        (f.name, f.type, f.default, f.required) for f in msgspec.structs.fields(packed)
    ]
    assert packed.__struct_config__.array_like
    assert not shown.__struct_config__.array_like
    assert shown.__struct_config__.tag is None


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        ("game.started", {"wager_credits": 5}, slot.GameStarted(wager_credits=5)),
        ("game.ended", {}, slot.GameEnded()),
        ("game.ended", {"win_cents": 5}, slot.GameEnded(5)),
        ("paytable.reported", {"base_basis_points": 9_674}, slot.PaytableReported(9_674)),
        ("bill.accepted", {"amount_cents": 2_000}, slot.BillAccepted(2_000)),
        ("handpay.reported", {"amount_cents": 1, "level": 2}, slot.HandpayReported(1, 0, 2)),
        ("meters.reported", {"meters": {"A": 1}}, slot.MetersReported({"A": 1})),
        ("meters.reset", {}, slot.MetersReset()),
        ("exception.raised", {"code": 137}, slot.ExceptionRaised(137)),
    ],
)
def test_data_by_name_becomes_data_by_place(
    event_type: str, data: Any, expected: slot.SlotData
) -> None:
    assert read_envelope(raw(posted(event_type, data)))[1].data == expected


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_worse(text: bytes) -> None:
    refused(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from([*posted(), "player_id", "meters", "schema_version"])
event_types = st.sampled_from([name for name, _ in SCHEMAS])


@given(event_types, st.dictionaries(fields, json_values, max_size=3), json_values)
def test_any_values_are_read_or_refused_and_nothing_worse(
    event_type: str, changes: dict[str, Any], data: Any
) -> None:
    try:
        _, event = read_envelope(raw(posted(event_type, data) | changes))
    except InvalidEvent:
        return
    packed = msgspec.msgpack.encode(event)
    assert msgspec.msgpack.decode(packed, type=slot.MeteredEvent) == event
