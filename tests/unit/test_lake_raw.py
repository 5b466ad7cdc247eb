"""Lines of raw objects: what was received comes back to the byte, and every reader reads them."""

import json
from pathlib import Path
from typing import Any, get_args

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.events import slot
from pitboss.events.batch import BatchHeader, UnreadableRecord, lay_out, pack
from pitboss.events.envelope import read_envelope
from pitboss.events.slot import GameStarted, MeteredEvent, Meters, Unrecognised
from pitboss.lake import layout
from pitboss.lake.raw import RawLine, envelope_of, read_line, write_lines
from pitboss.sas.gateway import read_packet
from tests.sample_events import GAME_ON_ANOTHER, PACKETS, PLAY, envelope, packet, stream_record

HEADER = BatchHeader("north", "1940732", 1_592_277_325_000, "gateway-1", "pitboss")
PACKET_HEADER = BatchHeader("north", "1940732", 1_592_277_325_000, "gateway-1", "acres-sas")


def lines_of(header: BatchHeader, *posted: bytes) -> list[bytes]:
    read = read_envelope if header.format == "pitboss" else read_packet
    record = pack(header, posted, [read(one)[1] for one in posted])
    return [line for _, line in write_lines(record, "4959").lines]


def as_json(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


# --- what a line says -----------------------------------------------------------------------------


def test_an_envelope_on_one_line_stands_there_to_the_byte_and_once() -> None:
    posted = b'{"note": [1, {"x":null}], ' + json.dumps(PLAY[2]).encode()[1:]

    (line,) = lines_of(HEADER, posted)

    assert line == (
        b'{"received_at":1592277325000,"sender":"gateway-1","format":"pitboss",'
        b'"record":"4959","index":0,"event":' + posted + b"}\n"
    )
    assert read_line(line) == RawLine(
        1_592_277_325_000, "gateway-1", "pitboss", "4959", 0, msgspec.Raw(posted)
    )
    assert read_line(line).posted == posted


def test_a_packet_stands_beside_the_envelope_it_was_made() -> None:
    lines = lines_of(PACKET_HEADER, *PACKETS)

    # The record has what rating looks at first, and so has the archive.
    assert [read_line(line).posted for line in lines] == PACKETS
    assert [read_line(line).index for line in lines] == [0, 1, 2, 3]
    start = as_json(lines[1])
    assert start["received"] == json.loads(PACKETS[1])
    assert start["event"] == {
        "event_id": "1592277302000-2-7E",
        "event_type": "game.started",
        "property_id": "north",
        "asset_id": "1940732",
        "occurred_at": 1_592_277_302_000,
        "sequence": 2,
        "data": {"wager_cents": 500, "coin_in_meter_credits": 68_500},
        "meters": {"coin_in_credits": 68_500, "games_played": 137},
    }


def test_a_line_says_when_it_occurred_and_the_record_how_much_was_received() -> None:
    lines = write_lines(stream_record(PLAY), "1")

    assert [at for at, _ in lines.lines] == [event["occurred_at"] for event in PLAY]
    assert lines.received_bytes == sum(len(json.dumps(event)) for event in PLAY)
    assert lines.header.asset_id == "1940732"


AWKWARD = {
    "pretty-printed": json.dumps(PLAY[2], indent=2).encode(),
    "with carriage returns": json.dumps(PLAY[2], indent=2).replace("\n", "\r").encode(),
    "with a name twice": json.dumps(PLAY[2]).encode()[:-1] + b', "event_id": "e-4"}',
    "with an escaped name twice": json.dumps(PLAY[2]).encode()[:-1] + b', "event\\u005fid": "e"}',
    "with data twice": json.dumps(PLAY[2]).encode()[:-1] + b', "data": {"wager_cents": 7}}',
    "with a name twice within": json.dumps(PLAY[2])
    .replace('"wager_cents"', '"wager_cents": 1, "wager_cents"')
    .encode(),
    "no UTF-8": json.dumps(PLAY[2]).encode()[:-1] + b', "note": "\xff"}',
    "nested deep": json.dumps(PLAY[2]).encode()[:-1] + b', "x": ' + b"[" * 200 + b"]" * 200 + b"}",
    "a number past any": json.dumps(PLAY[2]).encode()[:-1] + b', "note": 1e999}',
}
"""What the front door takes and some reader of JSON does not, or takes otherwise."""


@pytest.mark.parametrize("kind", AWKWARD)
def test_what_is_not_for_every_reader_is_kept_beside_the_event(kind: str) -> None:
    posted = AWKWARD[kind]

    (line,) = lines_of(HEADER, posted)

    assert read_line(line).posted == posted
    assert line.count(b"\n") == 1
    assert ("received" in as_json(line)) is (kind != "no UTF-8")
    assert isinstance(as_json(line).get("received", ""), str) is ("twice" not in kind), (
        "a name twice is no trouble where nobody looks for it"
    )
    read, event = read_envelope(posted)
    assert as_json(line)["event"]["event_id"] == read.event_id
    assert read_envelope(read_line(line).event)[1] == event


AS_IT_CAME = {
    "in compact form": json.dumps(PLAY[2], separators=(",", ":")).encode(),
    "spaced": b" , ".join(json.dumps(PLAY[2]).encode().split(b", ")),
    "of many words": json.dumps({**PLAY[2], "note": "Zuõ \u2028 \x00 \\ é"}).encode(),
    "in UTF-8": json.dumps({**PLAY[2], "note": "Zuõ \u2028"}, ensure_ascii=False).encode(),
    "with a large number": json.dumps({**PLAY[2], "note": 2**70}).encode(),
    "padded": json.dumps({**PLAY[2], "asset_id": "0001940732"}).encode(),
    "nested": json.dumps({**PLAY[2], "x": [[[{"y": [1]}]]]}).encode(),
    "an escape": json.dumps(PLAY[2]).encode()[:-1] + b', "note": "\\ud83c\\udfb0 \\/"}',
}


@pytest.mark.parametrize("kind", AS_IT_CAME)
def test_what_every_reader_reads_alike_stands_there_once(kind: str) -> None:
    (line,) = lines_of(HEADER, AS_IT_CAME[kind])

    assert read_line(line).event == msgspec.Raw(AS_IT_CAME[kind])
    assert b'"received"' not in line
    assert read_line(line).posted == AS_IT_CAME[kind]


def test_a_packet_that_is_no_json_for_all_is_kept_too() -> None:
    posted = [
        packet("SAS_POLL_2F_SEND_SELECTED_METERS", 5).replace(b", ", b",\r"),
        packet("SAS_POLL_2F_SEND_SELECTED_METERS", 6)[:-1] + b', "x": "\xff"}',
        packet("SAS_POLL_2F_SEND_SELECTED_METERS", 7)[:-1] + b', "x": 1, "x": 2}',
    ]

    lines = lines_of(PACKET_HEADER, *posted)

    assert [read_line(line).posted for line in lines] == posted
    assert {"received", "received_base64"} & as_json(lines[1]).keys() == {"received_base64"}
    # Nobody looks for a name in what was received; it stands as it came.
    assert b'"received":' + posted[2] in lines[2]


def test_every_line_can_be_read_by_the_engine_of_the_lake(tmp_path: Path) -> None:
    posted = [*AWKWARD.values(), *AS_IT_CAME.values()]
    odd = packet("SAS_POLL_2F_SEND_SELECTED_METERS", 6)[:-1] + b', "x": "\xff"}'
    lines = lines_of(HEADER, *posted) + lines_of(PACKET_HEADER, *PACKETS, odd)
    (tmp_path / "raw.ndjson").write_bytes(b"".join(lines))

    found = duckdb.execute(
        "SELECT event.event_id, event.data.wager_cents, received FROM read_json("
        f"'{tmp_path / 'raw.ndjson'}', format='newline_delimited', columns={{received: 'JSON', "
        "event: 'STRUCT(event_id VARCHAR, data STRUCT(wager_cents BIGINT))'})"
    ).fetchall()

    ids = [read_envelope(one)[0].event_id for one in posted]
    assert [event_id for event_id, *_ in found][: len(posted)] == ids
    assert len(found) == len(lines)
    assert (found[len(posted) + 1][1], found[2][1], found[4][1]) == (500, 500, 7)


# --- a normalised event is an envelope ------------------------------------------------------------

identifiers = st.text("AZaz09_.:-", min_size=1, max_size=64)
texts = st.text(st.characters(codec="utf-8"), max_size=128)


def values(field: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    match field:
        case msgspec.inspect.IntType():
            lower = field.ge if field.gt is None else field.gt + 1
            upper = field.le if field.lt is None else field.lt - 1
            return st.integers(lower, upper)
        case msgspec.inspect.StrType():
            return texts
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.Metadata():
            return values(field.type)
        case msgspec.inspect.UnionType():
            return st.one_of(*map(values, field.types))
        case msgspec.inspect.DictType():
            return st.dictionaries(texts, values(field.value_type), max_size=5)
        case _:
            raise TypeError(field)


def schemas(packed: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    told = msgspec.inspect.type_info(packed)
    assert isinstance(told, msgspec.inspect.StructType)

    @st.composite
    def made(draw: st.DrawFn) -> Any:
        given = [draw(values(field.type)) for field in told.fields]
        if packed is GameStarted:
            given[draw(st.sampled_from([0, 2]))] = draw(st.integers(0, 10**9))
            given[2 if given[0] is not None else 0] = None
        if packed is slot.GameEnded and None not in given:
            given[draw(st.integers(0, 1))] = None
        return packed(*given)

    return made()


DATA = [packed for packed in get_args(slot.SlotData.__value__) if packed is not Unrecognised]


@given(st.data())
def test_the_envelope_of_an_event_is_read_back_as_that_event(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(DATA))
    event = MeteredEvent(
        data.draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)),
        data.draw(st.integers(0, 4_102_444_799_999)),
        data.draw(st.integers(0, 2**53 - 1)),
        data.draw(identifiers if kind in slot.PLAYER_REQUIRED else st.none() | identifiers),
        data.draw(schemas(kind)),
        data.draw(st.none() | schemas(Meters)),
    )
    header = BatchHeader(data.draw(identifiers), data.draw(identifiers), 0, "g", "acres-sas")

    read, again = read_envelope(envelope_of(header, event))

    assert again == event
    assert (read.property_id, read.asset_id) == (header.property_id, header.asset_id)


def test_an_envelope_of_a_type_not_known_keeps_its_type_and_version() -> None:
    posted = json.dumps(envelope("e-1", "jackpot.paired", schema_version=3), indent=1).encode()
    _, event = read_envelope(posted)

    assert read_envelope(envelope_of(HEADER, event))[1] == event


def test_a_packet_of_a_type_not_known_keeps_its_name() -> None:
    (line,) = lines_of(PACKET_HEADER, packet("NOTE_ACCEPTOR_CLEANED", 5))

    event = as_json(line)["event"]
    assert (event["event_type"], event["schema_version"]) == ("NOTE_ACCEPTOR_CLEANED", 0)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(posted: bytes) -> None:
    event = MeteredEvent("e", 0, 1, None, GameStarted(1))

    ((_, line),) = write_lines(pack(HEADER, [posted], [event]), "1").lines

    assert read_line(line).posted == posted
    assert line.count(b"\n") == 1


def test_a_record_whose_parts_disagree_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    record = stream_record(GAME_ON_ANOTHER)
    monkeypatch.setattr("pitboss.lake.raw.unpack_received", lambda _: [b"{}"])

    with pytest.raises(UnreadableRecord, match="1 events were received and 2 made"):
        write_lines(record, "1")


def test_bytes_are_received_in_the_order_of_their_events() -> None:
    """What `write_lines` relies on: both parts put the types that are rated first."""
    posted = [json.dumps(envelope(f"d-{n}", t, data=d)).encode() for n, t, d in MIXED]
    events = [read_envelope(one)[1] for one in posted]
    first, _ = lay_out(HEADER, posted, events)

    lines = [read_line(line) for line in lines_of(HEADER, *posted)]

    assert msgspec.msgpack.decode(first) == [line.posted for line in lines] != posted
    assert [read_envelope(line.event)[0].event_id for line in lines] == ["d-2", "d-4", "d-1", "d-3"]


MIXED: list[tuple[int, str, dict[str, Any]]] = [
    (1, "door.opened", {"door": "slot"}),
    (2, "game.started", {"wager_cents": 5}),
    (3, "door.closed", {"door": "slot"}),
    (4, "game.ended", {}),
]


# --- where things lie -----------------------------------------------------------------------------

RANGE = layout.RecordRange("pitboss-local-SlotStream-1A", "shardId-000000000001", "4959", "4961")


@given(identifiers, st.dates().map(str), st.text("Az0_.-", min_size=1, max_size=128))
def test_a_raw_key_says_what_it_was_made_of(property_id: str, day: str, stream: str) -> None:
    found = layout.RawObject("slot", property_id, day, RANGE._replace(stream=stream))

    assert layout.read_raw_key(found.key) == found


@pytest.mark.parametrize(
    "key",
    [
        layout.unreadable_key("2020-06-15", RANGE),
        layout.table_key("games", "north", "2020-06-15"),
        layout.manifest_key("north", "2020-06-15"),
        layout.RawObject("slot", "north", "2020-06-15", RANGE).key + "\n",
        layout.RawObject("slot", "north", "2020-06-15", RANGE).key.removesuffix(".zst"),
        "raw/slot/property=a/b/day=2020-06-15/s-shardId-0-1-2.ndjson.zst",
        "",
    ],
)
def test_another_key_is_none_of_a_raw_object(key: str) -> None:
    assert layout.read_raw_key(key) is None


def test_keys_are_those_of_the_decision() -> None:
    name = "pitboss-local-SlotStream-1A-shardId-000000000001-4959-4961.ndjson.zst"

    assert [
        layout.RawObject("slot", "north", "2020-06-15", RANGE).key,
        layout.unreadable_key("2020-06-15", RANGE),
        layout.table_key("games", "north", "2020-06-15"),
        layout.manifest_key("north", "2020-06-15"),
    ] == [
        f"raw/slot/property=north/day=2020-06-15/{name}",
        f"raw/unreadable/day=2020-06-15/{name}",
        "refined/games/property_id=north/gaming_day=2020-06-15/games.parquet",
        "refined/manifests/property_id=north/gaming_day=2020-06-15.json",
    ]
