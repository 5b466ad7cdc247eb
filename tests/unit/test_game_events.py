"""Games' events: the envelopes they come in, and how the stream carries them."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.events.batch import (
    BatchHeader,
    UnreadableRecord,
    pack,
    pack_games,
    unpack,
    unpack_games,
    unpack_received,
)
from pitboss.events.envelope import InvalidEvent, read_envelope
from pitboss.games import events
from pitboss.games.events import LANES, GameEvent, partition_key, read_analytics, read_studio
from pitboss.games.mapping import FaultyMapping, Mapping, check_mapping, read_payload
from pitboss.lake.raw import read_line, write_game_lines
from tests.sample_events import MONDAY_EVENING, PLAY, analytics_event, game_event

HEADER = BatchHeader("north", "space-race", MONDAY_EVENING, "race-server", "studio")


def studio(event: dict[str, Any]) -> GameEvent:
    return read_studio(json.dumps(event).encode(), is_trusted=True).event


def refused(event: Any) -> str:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    with pytest.raises(InvalidEvent) as caught:
        read_studio(raw, is_trusted=True)
    return caught.value.reason


def test_a_studios_envelope() -> None:
    raw = json.dumps(game_event(2, "player_died", caught_by="meteor", odds=[1, 2.50])).encode()

    application_id, event = read_studio(raw, is_trusted=False)

    assert application_id == "space-race"
    assert event == GameEvent(
        event_id="g-2",
        occurred_at=MONDAY_EVENING + 2_000,
        event_type="player_died",
        event_version="1.0",
        app_version="2.4.1",
        player_id="player-7",
        level_id="nebula",
        x=12.5,
        y=-3.0,
        data=b'{"caught_by":"meteor","odds":[1, 2.5]}',
        is_trusted=False,
    )


@pytest.mark.parametrize("version", ["1", 1])
def test_a_version_is_text_or_a_number(version: object) -> None:
    assert studio(game_event(1, "login", event_version=version)).event_version == "1"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("event_timestamp", "1592277300000"),
        ("event_timestamp", 1592277300000.0),
        ("event_timestamp", -1),
        ("event_timestamp", True),
        ("event_id", ""),
        ("event_id", "x" * 65),
        ("event_id", 7),
        ("event_type", "a b"),
        ("event_type", None),
        ("event_version", 1.5),
        ("client_id", None),
        ("client_id", "a/b"),
        ("app_name", "a/b"),
        ("app_name", "a\n"),
        ("level_id", 3),
        ("position_x", "12"),
        ("position_x", 1e12),
    ],
)
def test_a_field_of_the_envelope_is_what_it_should_be(field: str, wrong: object) -> None:
    assert refused(game_event(1, "login") | {field: wrong}) == "invalid_envelope"


@pytest.mark.parametrize(
    "field", ["event_id", "event_type", "event_version", "event_timestamp", "client_id", "app_name"]
)
def test_what_names_an_event_has_to_be_there(field: str) -> None:
    event = game_event(1, "login")
    del event[field]
    assert refused(event) == "invalid_envelope"


def _with(data: bytes) -> bytes:
    return json.dumps(game_event(1, "login")).encode()[:-1] + b',"more":' + data + b"}"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"[]", "invalid_envelope"),
        (_with(b"nonsense"), "malformed_json"),
        (_with(b'"\xff"'), "malformed_json"),
        (_with(b"NaN"), "malformed_json"),
        (_with(b"1e999"), "invalid_data"),
        (_with(b"[" * 40 + b"]" * 40), "invalid_data"),
        (_with(b"[" * 100_000 + b"]" * 100_000), "malformed_json"),
    ],
    ids=["empty", "cut", "array", "word", "no text", "NaN", "huge", "deep", "deeper"],
)
def test_what_no_reader_would_take_is_refused(raw: bytes, reason: str) -> None:
    assert refused(raw) == reason


def test_many_brackets_are_not_deep() -> None:
    assert studio(game_event(1, "login", items=[{"n": n} for n in range(200)])).data.count(b"{")


def test_a_line_break_between_fields_is_none_in_the_lake() -> None:
    raw = json.dumps(game_event(1, "login", more={"a": [1, 2], "b": "x\ny"}), indent=2).encode()
    event = read_studio(raw, is_trusted=True).event

    ((_, line),) = write_game_lines(pack_games(HEADER, [raw], [event]), "1").lines

    assert line.count(b"\n") == 1
    assert json.loads(event.data) == {"more": {"a": [1, 2], "b": "x\ny"}}
    assert read_line(line).posted == raw


# --- the AWS game analytics guidance --------------------------------------------------------------


def test_an_envelope_of_the_guidance() -> None:
    raw = json.dumps(analytics_event(3, score=7)).encode()

    event = read_analytics(raw, "player-7", is_trusted=False)

    assert event == GameEvent(
        event_id="a-3",
        occurred_at=MONDAY_EVENING + 3_000,
        event_type="level_finished",
        event_version="1.0",
        app_version="2.4.1",
        player_id="player-7",
        level_id=None,
        x=None,
        y=None,
        data=b'{"score":7,"event_name":"finished a level"}',
        is_trusted=False,
    )


@given(st.integers(86_400 * 60, 4_102_444_799))
def test_seconds_and_milliseconds_of_a_moment_are_the_same(seconds: int) -> None:
    assert events.milliseconds(seconds) == seconds * 1_000
    assert events.milliseconds(seconds * 1_000) == seconds * 1_000


def test_milliseconds_are_kept_to_the_last() -> None:
    raw = json.dumps(analytics_event(1) | {"event_timestamp": 1_592_277_300_123}).encode()
    assert read_analytics(raw, None, is_trusted=True).occurred_at == 1_592_277_300_123


# --- payloads in no envelope ----------------------------------------------------------------------

CHASE = Mapping("round_played", player_id="PlayerID", rename={"Time Played": "seconds"})
PAYLOAD = {"PlayerID": 7, "Time Played": 61, "Wins": 3, "CaughtAt": "gate", "CaughtBy": "ghost"}


def mapped(payload: Any, mapping: Mapping = CHASE, position: int = 0, at: int = 5) -> GameEvent:
    raw = json.dumps(payload).encode()
    return read_payload(raw, mapping, "chase", position, at, None, is_trusted=True)


def test_a_payload_is_read_by_its_mapping() -> None:
    event = mapped(PAYLOAD)

    assert (event.event_type, event.event_version, event.player_id) == ("round_played", "1", "7")
    assert (event.occurred_at, event.level_id) == (5, None)
    assert json.loads(event.data) == {
        "seconds": 61,
        "Wins": 3,
        "CaughtAt": "gate",
        "CaughtBy": "ghost",
    }


def test_an_id_is_derived_of_content_and_position_alone() -> None:
    first = mapped(PAYLOAD)

    assert mapped(PAYLOAD, at=99).event_id == first.event_id
    assert len({first.event_id, mapped(PAYLOAD, position=1).event_id}) == 2
    assert mapped({**PAYLOAD, "Wins": 4}).event_id != first.event_id


def test_every_field_can_be_named() -> None:
    mapping = Mapping(
        "hit",
        event_id="Id",
        occurred_at="When",
        app_version="Build",
        level_id="Map",
        x="X",
        y="Y",
    )
    payload = {"Id": 9, "When": 1_592_277_300, "Build": 12, "Map": "one", "X": 1, "Y": 2.5}

    event = mapped(payload, mapping)

    assert event == GameEvent(
        "9", MONDAY_EVENING, "hit", "1", "12", None, "one", 1.0, 2.5, b"{}", True
    )


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        ([], "malformed_json", ""),
        ({"PlayerID": "a/b"}, "invalid_envelope", "PlayerID"),
        ({"PlayerID": 1.5}, "invalid_envelope", "PlayerID"),
        ({"PlayerID": 1, "Time Played": 1, "seconds": 2}, "invalid_data", "renamed"),
    ],
)
def test_a_payload_that_does_not_fit(payload: Any, reason: str, detail: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        mapped(payload)
    assert (caught.value.reason, detail in caught.value.detail) == (reason, True)


@pytest.mark.parametrize(
    "mapping",
    [
        Mapping("a", player_id="X", x="X"),
        Mapping("a", player_id="X", rename={"X": "Y"}),
        Mapping("a", rename={"X": "Z", "Y": "Z"}),
    ],
)
def test_a_field_has_one_place(mapping: Mapping) -> None:
    with pytest.raises(FaultyMapping):
        check_mapping(mapping)


# --- records --------------------------------------------------------------------------------------

_TEXT = st.text(max_size=12)
_GAME_EVENTS = st.builds(
    GameEvent,
    event_id=st.uuids().map(str),
    occurred_at=st.integers(0, 4_102_444_799_999),
    event_type=st.sampled_from(["login", "player_died"]),
    event_version=_TEXT,
    app_version=_TEXT,
    player_id=st.none() | _TEXT,
    level_id=st.none() | _TEXT,
    x=st.none() | st.floats(-1e9, 1e9),
    y=st.none() | st.floats(-1e9, 1e9),
    data=st.dictionaries(_TEXT, _TEXT | st.integers(), max_size=4).map(msgspec.json.encode),
    is_trusted=st.booleans(),
)


@given(st.lists(_GAME_EVENTS, max_size=6), st.lists(st.binary(max_size=40), max_size=6))
def test_a_record_gives_back_what_was_packed(found: list[GameEvent], raw: list[bytes]) -> None:
    record = pack_games(HEADER, raw, found)

    assert unpack_games(record) == (HEADER, found)
    assert unpack_received(record) == raw


def test_neither_stream_reads_the_others_records_as_its_own() -> None:
    one = json.dumps(PLAY[2]).encode()
    slots = pack(HEADER, [one], [read_envelope(one)[1]])
    games = pack_games(HEADER, [b"{}"], [studio(game_event(1, "login"))])
    with pytest.raises(UnreadableRecord):
        unpack_games(slots)
    with pytest.raises(UnreadableRecord):
        unpack(games)


def test_a_clients_events_are_in_one_lane_and_clients_in_all_of_them() -> None:
    by_client: dict[str, set[str]] = {}
    for client in range(400):
        for number in range(3):
            event = studio(game_event(number, "login", client_id=f"c-{client}"))
            key = partition_key("north", "space-race", event)
            by_client.setdefault(f"c-{client}", set()).add(key)

    assert {len(keys) for keys in by_client.values()} == {1}
    lanes = [next(iter(keys)) for keys in by_client.values()]
    assert {lane.rpartition("/")[0] for lane in lanes} == {"north/space-race"}
    assert len(set(lanes)) == LANES
    assert max(map(lanes.count, lanes)) < 3 * len(lanes) / LANES
