import struct
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pitboss.events import batch
from pitboss.events.batch import (
    DICTIONARIES,
    BatchHeader,
    UnreadableRecord,
    pack,
    unpack,
    unpack_metered,
    unpack_received,
)
from pitboss.events.slot import (
    RATED_TYPES,
    BillAccepted,
    CardInserted,
    DoorOpened,
    GameEnded,
    GameStarted,
    MeteredEvent,
    Meters,
    MetersReported,
    PaytableReported,
    SlotEvent,
    Unrecognised,
)

HEADER = BatchHeader("north", "7", 1_767_225_600_123, "gateway-1", "pitboss")
EVENTS = [
    MeteredEvent("a", 1_767_225_600_000, 1, None, GameStarted(500, 1_000), Meters(500, None, 0)),
    MeteredEvent("b", 1_767_225_603_000, 3, "player-1", GameEnded(win_credits=5)),
    MeteredEvent("c", 1_767_225_604_000, 4, None, PaytableReported(9_674, 100, "P", "G", 5)),
    MeteredEvent("d", 1_767_225_601_000, 2, None, DoorOpened("slot")),
]
RAW = [b'{"event_id":"a"}', b'{"event_id":"b"}', b'{"event_id":"c"}', b'{"event_id":"d"}']

GOLDEN = bytes.fromhex(
    "5042020000002528b52ffd235188f42749c500005894c41061227d626364227d04fc58364c8a33d1aee8aa22"
    "28b52ffd23bd82ea1fc7ed0400f4079495a56e6f727468a176daa87ba9676174657761792d31a7706974626f"
    "73739396a1610001cd01f4cd03e8c097cd01f4c000c0c0c0c096a162b3b803a8706c617965722d3105c096a1"
    "63b7a004c097b17061797461626c65cd25ca64a150a1470500c0019196a164abe802c092ab646f6f722e6f70"
    "656e6564a4736c6f74c008fc22fb2fc5a907f11871c48dd382bce8ed71dba5e0dfa37f4eee12"
)
"""What version 2 wrote on the day it was fixed. It must be read for as long as streams live."""


def msgpack_record(value: Any) -> bytes:
    """A record whose second part is any value."""
    received = zstandard.compress(b"")
    normalised = zstandard.compress(msgspec.msgpack.encode(value))
    return struct.pack(">2sBI", b"PB", batch.VERSION, len(received)) + received + normalised


texts = st.text(max_size=20)
naturals = st.integers(0, 2**53)
meters = st.none() | st.integers(0, 99_999_999)
slot_data = st.one_of(
    st.builds(GameStarted, naturals.map(lambda n: n % 10**12), meters),
    st.builds(GameEnded, win_credits=st.none() | st.integers(0, 10**9)),
    st.builds(PaytableReported, st.integers(0, 10_000), st.integers(1, 10_000), texts, texts),
    st.builds(BillAccepted, st.integers(0, 10**9)),
    st.builds(DoorOpened, texts),
    st.builds(MetersReported, st.dictionaries(texts, st.integers(0, 2**63 - 1), max_size=4)),
    st.builds(Unrecognised, texts, st.integers(0, 99)),
    st.just(CardInserted()),
)
metered_events = st.builds(
    MeteredEvent,
    texts,
    naturals,
    naturals,
    st.none() | texts,
    slot_data,
    st.none() | st.builds(Meters, meters, meters, meters, meters, meters, meters, meters),
)
headers = st.builds(BatchHeader, texts, texts, naturals, texts, texts)
lines = st.binary(max_size=60)


@given(headers, st.lists(lines, max_size=8), st.lists(metered_events, max_size=8))
@settings(deadline=None)
def test_what_is_packed_is_unpacked(
    header: BatchHeader, raw: list[bytes], events: list[MeteredEvent]
) -> None:
    raw = raw[: len(events)] + [b"{}"] * (len(events) - len(raw))
    record = pack(header, raw, events)
    rated = [i for i, event in enumerate(events) if type(event.data) in RATED_TYPES]
    order = rated + [i for i in range(len(events)) if i not in rated]
    assert unpack_metered(record) == (header, [events[i] for i in order])
    assert unpack_received(record) == [raw[i] for i in order]
    assert unpack(record) == (
        header,
        [
            SlotEvent(e.event_id, e.occurred_at, e.sequence, e.player_id, e.data)
            for e in (events[i] for i in rated)
        ],
        len(events) - len(rated),
    )


def test_version_2_is_read_for_ever() -> None:
    assert unpack_metered(GOLDEN) == (HEADER, EVENTS)
    assert unpack_received(GOLDEN) == RAW


def _decompressed(part: str, frame: bytes) -> bytes:
    dictionary = zstandard.ZstdCompressionDict((DICTIONARIES / f"{part}.v2").read_bytes())
    return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(frame)


def test_the_layout_of_version_2_is_what_its_docstring_says() -> None:
    record = pack(HEADER, RAW, EVENTS)
    magic, version, length = struct.unpack_from(">2sBI", record)
    assert (magic, version) == (b"PB", 2)
    assert msgspec.msgpack.decode(_decompressed("received", record[7 : 7 + length])) == RAW
    header, events, count, others = msgspec.msgpack.decode(
        _decompressed("normalised", record[7 + length :])
    )
    assert header == ["north", "7", 1_767_225_600_123, "gateway-1", "pitboss", b""]
    assert (len(events), count) == (3, 1)
    assert others == [["d", 1_767_225_601_000, 2, None, ["door.opened", "slot"], None]]
    assert events[0] == [
        "a",
        1_767_225_600_000,
        1,
        None,
        ["game.started", 500, 1_000, None],
        [500, None, 0, None, None, None, None],
    ]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_record_is_unreadable_and_nothing_worse(data: st.DataObject) -> None:
    record = bytearray(pack(HEADER, RAW, EVENTS))
    for _ in range(data.draw(st.integers(0, 4), "flips")):
        bit = data.draw(st.integers(0, len(record) * 8 - 1), "bit")
        record[bit // 8] ^= 1 << bit % 8
    damaged = bytes(record[: data.draw(st.integers(0, len(record)), "length")])
    for read in (unpack, unpack_metered, unpack_received):
        with suppress(UnreadableRecord):
            read(damaged)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_after_a_good_prefix_are_unreadable_and_nothing_worse(garbage: bytes) -> None:
    for head in (b"", b"PB\x01\x00\x00\x00\x04", b"PB\x01\x00\x00\x00\x00\x28\xb5\x2f\xfd"):
        with pytest.raises(UnreadableRecord):
            unpack(head + garbage)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=20,
    )
)
@settings(deadline=None)
def test_any_other_value_in_a_record_is_unreadable_and_nothing_worse(value: Any) -> None:
    with pytest.raises(UnreadableRecord):
        unpack(msgpack_record(value))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"", "too short"),
        (b"PB\x02\x00\x00\x00", "too short"),
        (b"XY\x01\x00\x00\x00\x00rest", "starts with"),
        (b"PB\x01\x00\x00\x00\x00rest", "version 1"),
        (b"PB\x02\xff\xff\xff\xffrest", "zstd"),
        (b"PB\x02\x00\x00\x00\x00", "zstd"),
        (msgpack_record([["north", "7", 1, "s", "f"]]), "cannot be read"),
        (msgpack_record([["north", "7", True, "s", "f"], []]), "cannot be read"),
        (msgpack_record([["north"], []]), "cannot be read"),
        (
            msgpack_record(
                [list(msgspec.structs.astuple(HEADER)), [["a", 1, 1, None, ["?"]]], 0, []]
            ),
            "cannot be read",
        ),
        (
            msgpack_record(
                [
                    list(msgspec.structs.astuple(HEADER)),
                    [["a", 1, 1, None, ["game.started", 1, None, 1]]],
                    0,
                    [],
                ]
            ),
            "cannot be read",
        ),
    ],
)
def test_an_unreadable_record_says_why(record: bytes, message: str) -> None:
    with pytest.raises(UnreadableRecord, match=message):
        unpack(record)


def test_a_text_that_is_no_utf_8_is_unreadable() -> None:
    packed = msgspec.msgpack.encode((HEADER, [])).replace(b"north", b"n\xff\xferh")
    with pytest.raises(UnreadableRecord):
        unpack(struct.pack(">2sBI", b"PB", 2, 0) + zstandard.compress(packed))


def test_a_part_that_says_it_unpacks_to_too_much_is_not_unpacked() -> None:
    bomb = zstandard.compress(b"\0" * (batch.MAX_UNPACKED_BYTES + 1))
    with pytest.raises(UnreadableRecord, match="unpack"):
        unpack(struct.pack(">2sBI", b"PB", 2, 0) + bomb)
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(
        b"\0" * (batch.MAX_UNPACKED_BYTES + 1)
    )
    with pytest.raises(UnreadableRecord):
        unpack(struct.pack(">2sBI", b"PB", 2, 0) + unsized)


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(["a", 5, 1, None, ["game.started", 25]], id="shorter data, no meters"),
        pytest.param(["a", 5, 1, None, ["game.started", 25, None, None]], id="as it is now"),
        pytest.param(
            ["a", 5, 1, None, ["game.started", 25, None, None, "new", 1], None, "new"],
            id="longer",
        ),
        pytest.param(["a", 5, 1, None, ["game.started", 25], [None] * 7 + [4]], id="longer meters"),
        pytest.param(["a", 5, 1, None, ["game.started", 25], []], id="shorter meters"),
    ],
)
def test_a_shorter_or_longer_array_is_read_as_far_as_it_is_known(packed: list[Any]) -> None:
    header = [*msgspec.structs.astuple(HEADER), "a header field of later"]
    record = msgpack_record([header, [packed], 0, []])
    assert unpack(record) == (HEADER, [SlotEvent("a", 5, 1, None, GameStarted(25))], 0)
    _, (event,) = unpack_metered(record)
    assert event.data == GameStarted(25)
    assert event.meters in (None, Meters())
