"""The front door: what becomes of each event, whatever is posted."""

import gzip
import json
import os
import random
import time
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_slot_events import handler as http
from ingest_slot_events.reading import ENVELOPES, GATEWAY_PACKETS, cut, format_of
from ingest_slot_events.service import STAGE, ingest
from pitboss.access import Action, Kind, Principal
from pitboss.events.batch import unpack_metered, unpack_received
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import MAX_RECORD_BYTES, StreamRecord
from pitboss.events.slot import GameEnded, GameStarted, Unrecognised
from pitboss.posts import MAX_BYTES, MAX_EVENTS, Answer, RefusedRequest, Status, unpacked
from tests import sample_events
from tests.sample_events import GATEWAY, PACKETS, PLAY, envelope, packet, posted

NOW = 1_592_277_400_000
ANY_ASSET = Principal(
    "gateway-9", Kind.GATEWAY, "north", None, frozenset({Action.SEND_SLOT_EVENTS})
)

ZIPPED = gzip.compress(b"[1]", mtime=0)
"""Without the time, so that it is the same in every process."""


class FakeStream:
    """Keeps records, but for those of the machines that are to fail."""

    def __init__(self, *failing: str) -> None:
        self.records: list[StreamRecord] = []
        self._failing = {f"north/{asset_id}" for asset_id in failing}

    def put(self, records: Sequence[StreamRecord]) -> set[int]:
        failed = {i for i, record in enumerate(records) if record.partition_key in self._failing}
        self.records += [record for i, record in enumerate(records) if i not in failed]
        return failed

    def event_ids(self) -> list[tuple[str, str]]:
        return [
            (record.partition_key, event.event_id)
            for record in self.records
            for event in unpack_metered(record.data)[1]
        ]


class FakeQuarantine:
    def __init__(self) -> None:
        self.entries: list[QuarantineEntry] = []

    def put(self, entries: Sequence[QuarantineEntry]) -> str:
        assert entries, "an empty object says nothing"
        self.entries += entries
        return "quarantine/key"


class Door:
    """The use case between fakes."""

    def __init__(self, sender: Principal = GATEWAY, failing: Sequence[str] = ()) -> None:
        self.sender = sender
        self.stream = FakeStream(*failing)
        self.quarantine = FakeQuarantine()

    def post(self, pieces: Sequence[Any], content_type: str = ENVELOPES) -> Answer:
        raw = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in pieces]
        return ingest(raw, format_of(content_type), self.sender, NOW, self.stream, self.quarantine)


def counts(answer: Answer) -> tuple[int, int, int, int, int]:
    return (
        answer.received,
        answer.accepted,
        answer.duplicate,
        answer.quarantined,
        answer.failed,
    )


def told(answer: Answer) -> list[str]:
    """What was said of each event: its status, and the reason where there is one."""
    return [
        str(e.status) if e.reason is msgspec.UNSET else f"{e.status}: {e.reason}"
        for e in answer.events
    ]


# --- the use case ---------------------------------------------------------------------------------

START = envelope("s-1", "game.started", data={"wager_cents": 500})


@pytest.mark.parametrize(
    ("event", "becomes"),
    [
        (START, "accepted"),
        ({**START, "asset_id": "0001940732"}, "accepted"),
        ({**START, "occurred_at": 0}, "accepted"),
        ({**START, "event_type": "jackpot.paired"}, "accepted"),
        ({**START, "schema_version": 2}, "accepted"),
        ({**START, "a_new_field": {"deep": [1]}}, "accepted"),
        (b"{", "quarantined: malformed_json"),
        (b"", "quarantined: malformed_json"),
        (b"\xff\xfe", "quarantined: malformed_json"),
        (b"[" * 100_000, "quarantined: invalid_envelope"),
        (b'{"data":' * 10_000, "quarantined: malformed_json"),
        (b'{"unknown":' * 10_000, "quarantined: malformed_json"),
        (b"NaN", "quarantined: malformed_json"),
        (b"null", "quarantined: invalid_envelope"),
        (b"[]", "quarantined: invalid_envelope"),
        ({}, "quarantined: invalid_envelope"),
        ({**START, "sequence": "3"}, "quarantined: invalid_envelope"),
        ({**START, "sequence": True}, "quarantined: invalid_envelope"),
        ({**START, "sequence": 1.5}, "quarantined: invalid_envelope"),
        ({**START, "sequence": 2**63}, "quarantined: invalid_envelope"),
        ({**START, "sequence": -1}, "quarantined: invalid_envelope"),
        ({**START, "asset_id": "194\x000732"}, "quarantined: invalid_envelope"),
        ({**START, "asset_id": "0000"}, "quarantined: missing_asset"),
        ({**START, "property_id": "north/floor"}, "quarantined: invalid_envelope"),
        ({**START, "data": {"wager_cents": -1}}, "quarantined: invalid_data"),
        ({**START, "data": {"wager_cents": "500"}}, "quarantined: invalid_data"),
        ({**START, "data": {}}, "quarantined: invalid_data"),
        ({**START, "data": {"wager_cents": 1, "wager_credits": 1}}, "quarantined: invalid_data"),
        ({**START, "meters": {"coin_in_credits": -5}}, "quarantined: invalid_data"),
        ({**START, "event_type": "card.inserted", "data": {}}, "quarantined: missing_player"),
        ({**START, "property_id": "south"}, "quarantined: foreign_property"),
        ({**START, "asset_id": "777"}, "quarantined: foreign_asset"),
        (json.dumps(START).replace("500", "1e400").encode(), "quarantined: invalid_data"),
        (json.dumps(START).replace("500", "NaN").encode(), "quarantined: malformed_json"),
        (json.dumps(START).encode("utf-16"), "quarantined: malformed_json"),
    ],
)
def test_what_becomes_of_an_event_and_its_neighbour_is_accepted(event: Any, becomes: str) -> None:
    door = Door()
    neighbour = envelope("n-9", "game.ended", data={})

    answer = door.post([event, neighbour])

    assert told(answer) == [becomes, "accepted"]
    assert ("north/1940732", "n-9") in door.stream.event_ids()
    assert len(door.quarantine.entries) == answer.quarantined
    assert len(door.stream.event_ids()) == answer.accepted


def test_a_duplicate_field_counts_once_as_the_last_one_says() -> None:
    door = Door()
    twice = json.dumps(START).replace('"wager_cents": 500', '"wager_cents": 1, "wager_cents": 2')

    assert told(door.post([twice.encode()])) == ["accepted"]

    (event,) = unpack_metered(door.stream.records[0].data)[1]
    assert event.data == GameStarted(2)


def test_a_record_holds_one_machine_in_the_order_it_was_posted_as_received() -> None:
    door = Door()
    other = envelope("f-4", "game.started", asset_id="5093619", data={"wager_cents": 25})
    posted_events = [PLAY[2], other, PLAY[3]]

    answer = door.post(posted_events)

    assert counts(answer) == (3, 3, 0, 0, 0)
    assert [record.partition_key for record in door.stream.records] == [
        "north/1940732",
        "north/5093619",
    ]
    header, events = unpack_metered(door.stream.records[0].data)
    assert (header.property_id, header.asset_id, header.sender) == ("north", "1940732", "gateway-1")
    assert (header.received_at, header.format) == (NOW, "pitboss")
    assert [type(event.data) for event in events] == [GameStarted, GameEnded]
    assert unpack_received(door.stream.records[0].data) == [
        json.dumps(PLAY[2]).encode(),
        json.dumps(PLAY[3]).encode(),
    ]


def test_padding_zeros_do_not_make_another_machine() -> None:
    door = Door()

    answer = door.post([START, {**START, "asset_id": "001940732"}])

    assert told(answer) == ["accepted", "duplicate"]
    assert len(door.stream.records) == 1


def test_an_event_again_is_a_duplicate_and_with_other_content_an_id_reuse() -> None:
    door = Door()
    changed = {**START, "data": {"wager_cents": 501}}

    answer = door.post([START, START, changed, {**START, "asset_id": "5093619"}])

    assert told(answer) == ["accepted", "duplicate", "quarantined: id_reuse", "accepted"]
    assert counts(answer) == (4, 2, 1, 1, 0)
    assert door.stream.event_ids() == [("north/1940732", "s-1"), ("north/5093619", "s-1")]
    (entry,) = door.quarantine.entries
    assert (entry.reason, entry.index) == ("id_reuse", 2)
    assert json.loads(entry.raw) == changed


def test_an_entry_of_the_quarantine_says_what_why_and_who() -> None:
    door = Door()
    raw = b'{"\xff'

    door.post([START, raw])

    (entry,) = door.quarantine.entries
    assert entry.raw == raw
    assert (entry.reason, entry.stage, entry.index) == ("malformed_json", STAGE, 1)
    assert (entry.property_id, entry.sender) == ("north", "gateway-1")
    assert entry.received_at == NOW


def test_foreign_events_are_counted_apart() -> None:
    door = Door()

    answer = door.post([{**START, "property_id": "south"}, {**START, "asset_id": "777"}, b"{"])

    assert (answer.quarantined, answer.foreign) == (3, 2)
    assert door.stream.records == []


def test_a_gateway_with_all_assets_still_has_one_property() -> None:
    door = Door(ANY_ASSET)

    answer = door.post([{**START, "asset_id": "777"}, {**START, "property_id": "south"}])

    assert told(answer) == ["accepted", "quarantined: foreign_property"]


def test_an_unknown_type_is_kept_and_counted() -> None:
    door = Door()

    answer = door.post([{**START, "event_type": "jackpot.paired"}, PLAY[3]])

    assert (answer.accepted, answer.unrecognised) == (2, 1)
    _, first = unpack_metered(door.stream.records[0].data)[1]
    assert first.data == Unrecognised("jackpot.paired", 1)


def test_packets_are_of_the_senders_property() -> None:
    door = Door()
    foreign = packet("SAS_EVENT_CODE_7F_GAME_HAS_ENDED", 7, {}, asset_number="00777")

    answer = door.post([*PACKETS, foreign, b"no packet"], GATEWAY_PACKETS)

    assert told(answer) == [
        *["accepted"] * 4,
        "quarantined: foreign_asset",
        "quarantined: malformed_json",
    ]
    (record,) = door.stream.records
    assert record.partition_key == "north/1940732"
    events = unpack_metered(record.data)[1]
    assert [event.data for event in events][1:3] == [
        GameStarted(500, 68_500),
        GameEnded(win_credits=0),
    ]


def test_what_the_stream_did_not_take_is_told_as_failed() -> None:
    door = Door(failing=["5093619"])
    other = envelope("f-4", "game.started", asset_id="5093619", data={"wager_cents": 25})

    answer = door.post([START, other, other, b"{", {**other, "event_id": "f-5"}])

    assert told(answer)[0] == "accepted"
    assert [e.index for e in answer.events if e.status is Status.FAILED] == [1, 4]
    assert counts(answer) == (5, 1, 1, 1, 2)
    assert door.stream.event_ids() == [("north/1940732", "s-1")]


def test_an_unknown_type_that_failed_is_not_counted_as_kept() -> None:
    door = Door(failing=["1940732"])

    answer = door.post([{**START, "event_type": "jackpot.paired"}])

    assert (answer.failed, answer.unrecognised) == (1, 0)


def test_a_quarantine_that_fails_is_no_answer_at_all() -> None:
    """Never an OK for what is not durable: the request fails, and comes again."""
    door = Door()

    def broken(entries: Sequence[QuarantineEntry]) -> str:
        raise OSError("no quarantine")

    door.quarantine.put = broken  # type: ignore[method-assign]

    with pytest.raises(OSError, match="no quarantine"):
        door.post([START, b"{"])
    assert door.stream.records == [], "the stream is written last"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
spoiled_events = st.builds(
    lambda event, field, value: {**event, field: value},
    st.sampled_from(PLAY),
    st.sampled_from([*PLAY[2], "schema_version", "unknown"]),
    json_values,
)
pieces_of_any_kind = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(PLAY).map(lambda e: json.dumps(e).encode()),
        st.sampled_from(PACKETS),
        spoiled_events.map(lambda e: json.dumps(e).encode()),
        st.builds(
            lambda raw, at, byte: raw[:at] + bytes([byte]) + raw[at + 1 :],
            st.sampled_from([json.dumps(PLAY[2]).encode(), PACKETS[1]]),
            st.integers(0, 200),
            st.integers(0, 255),
        ),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(
    pieces=pieces_of_any_kind,
    content_type=st.sampled_from([ENVELOPES, GATEWAY_PACKETS]),
    failing=st.sampled_from([(), ("1940732",)]),
)
def test_nothing_is_dropped_silently(
    pieces: list[bytes], content_type: str, failing: tuple[str, ...]
) -> None:
    door = Door(failing=failing)

    answer = door.post(pieces, content_type)

    received, accepted, duplicate, quarantined, failed = counts(answer)
    assert received == len(pieces) == accepted + duplicate + quarantined + failed
    assert [event.index for event in answer.events] == list(range(len(pieces)))
    assert len(door.stream.event_ids()) == accepted
    assert [entry.raw for entry in door.quarantine.entries] == [
        pieces[e.index] for e in answer.events if e.status is Status.QUARANTINED
    ]
    msgspec.json.encode(answer)


def noise(size: int) -> str:
    return b64encode(os.urandom(size * 3 // 4)).decode()


def test_what_does_not_compress_is_spread_over_records_that_fit_the_stream() -> None:
    """Names of meters are in both parts of a record."""
    pieces = [
        envelope(f"m-{n}", "meters.reported", data={"meters": {noise(120): 1 for _ in range(15)}})
        for n in range(480)
    ]
    assert MAX_BYTES * 0.9 < len(json.dumps(pieces)) < MAX_BYTES
    door = Door()

    answer = door.post(pieces)

    assert counts(answer) == (480, 480, 0, 0, 0)
    assert door.stream.event_ids() == [("north/1940732", f"m-{n}") for n in range(480)]
    sizes = [len(r.data) + len(r.partition_key) for r in door.stream.records]
    assert max(sizes) <= MAX_RECORD_BYTES < sum(sizes)


def test_the_least_compressible_event_of_a_whole_body_fits_a_record() -> None:
    door = Door()
    printable = [chr(code) for code in range(33, 127) if chr(code) not in '"\\']
    note = "".join(random.Random(1).choices(printable, k=950_000))
    meters = {noise(128): 1 for _ in range(500)}
    piece = envelope("m-2", "meters.reported", data={"meters": meters}) | {"note": note}
    assert MAX_BYTES * 0.95 < len(json.dumps([piece])) < MAX_BYTES

    answer = door.post([piece])

    assert told(answer) == ["accepted"]
    (record,) = door.stream.records
    assert len(record.data) + len(record.partition_key) <= MAX_RECORD_BYTES


def refusal(body: bytes, encoding: str = "", content_type: str = ENVELOPES) -> HTTPStatus | None:
    """With which status a body is refused as a whole; None where it is not."""
    try:
        cut(unpacked(body, encoding), format_of(content_type))
    except RefusedRequest as refused:
        return refused.status
    return None


def spaces(size: int) -> bytes:
    return b"[1" + b" " * (size - 3) + b"]"


@pytest.mark.parametrize(
    ("body", "encoding", "content_type", "status"),
    [
        (b"[1]", "", ENVELOPES, None),
        (b"[1]", "", "Application/JSON; charset=utf-8", None),
        (b"{}\r\n\n{}\n", "identity", GATEWAY_PACKETS, None),
        (ZIPPED, "gzip", ENVELOPES, None),
        (b"", "", ENVELOPES, 400),
        (b"[]", "", ENVELOPES, 400),
        (b"\n \r\n", "", GATEWAY_PACKETS, 400),
        (b"{}", "", ENVELOPES, 400),
        (b"[1", "", ENVELOPES, 400),
        (b"[1]]", "", ENVELOPES, 400),
        (b'["\xff"]', "", ENVELOPES, None),
        (b"[" * 200_000, "", ENVELOPES, 400),
        ("[1]".encode("utf-16"), "", ENVELOPES, 400),
        (b"[1]", "gzip", ENVELOPES, 400),
        (ZIPPED[:-3], "gzip", ENVELOPES, 400),
        (ZIPPED + b"more", "gzip", ENVELOPES, 400),
        (ZIPPED * 2, "gzip", ENVELOPES, 400),
        (zlib.compress(b"[1]"), "gzip", ENVELOPES, 400),
        (b"[1]", "deflate", ENVELOPES, 415),
        (b"[1]", "gzip, gzip", ENVELOPES, 415),
        (b"[1]", "br", ENVELOPES, 415),
        (b"[1]", "", "text/plain", 415),
        (b"[1]", "", "", 415),
        (spaces(MAX_BYTES), "", ENVELOPES, None),
        (spaces(MAX_BYTES + 1), "", ENVELOPES, 413),
        (gzip.compress(spaces(MAX_BYTES), mtime=0), "gzip", ENVELOPES, None),
        (gzip.compress(spaces(MAX_BYTES + 1), mtime=0), "gzip", ENVELOPES, 413),
        (b"[" + b",".join([b"1"] * MAX_EVENTS) + b"]", "", ENVELOPES, None),
        (b"[" + b",".join([b"1"] * (MAX_EVENTS + 1)) + b"]", "", ENVELOPES, 413),
        (b"{}\n" * MAX_EVENTS, "", GATEWAY_PACKETS, None),
        (b"{}\n" * (MAX_EVENTS + 1), "", GATEWAY_PACKETS, 413),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_refused_as_a_whole(
    body: bytes, encoding: str, content_type: str, status: int | None
) -> None:
    assert refusal(body, encoding, content_type) == status


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_a_bomb_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(bytes(256 * 1024 * 1024), compresslevel=9)
    assert len(bomb) < MAX_BYTES, "it goes in at the door"
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()

    started = time.perf_counter()
    status = refusal(bomb, "gzip")
    elapsed = time.perf_counter() - started

    _, peak = tracemalloc.get_traced_memory()
    assert status == HTTPStatus.CONTENT_TOO_LARGE
    assert peak - before < 4 * MAX_BYTES
    assert elapsed < 1


@pytest.mark.usefixtures("traced")
def test_more_events_than_there_may_be_take_bounded_memory() -> None:
    body = b"[" + b"1," * (MAX_BYTES // 2 - 2) + b"1]"
    before, _ = tracemalloc.get_traced_memory()

    assert refusal(body) == HTTPStatus.CONTENT_TOO_LARGE

    _, peak = tracemalloc.get_traced_memory()
    assert peak - before < 64 * MAX_BYTES


@given(st.binary(max_size=200), st.sampled_from(["", "gzip"]))
@settings(max_examples=300, deadline=None)
def test_any_body_is_cut_or_refused(body: bytes, encoding: str) -> None:
    for content_type in (ENVELOPES, GATEWAY_PACKETS):
        assert refusal(body, encoding, content_type) in {None, HTTPStatus.BAD_REQUEST}


# --- over HTTP ------------------------------------------------------------------------------------


class Wiring:
    """The handler's wiring, with fakes."""

    def __init__(self, *failing: str) -> None:
        self.stream = FakeStream(*failing)
        self.quarantine = FakeQuarantine()


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> Wiring:
    made = Wiring()
    monkeypatch.setattr(http, "_wiring", lambda: made)
    return made


def call(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = http.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


SAMPLES = {
    "envelopes": (200, (9, 9, 0, 0, 0)),
    "gateway_packets": (200, (4, 4, 0, 0, 0)),
    "gzip": (200, (7, 7, 0, 0, 0)),
    "bad_among_good": (200, (8, 3, 1, 4, 0)),
    "another_body": (403, None),
}


@pytest.mark.parametrize("case", sample_events.load("ingest_slot_events"))
def test_every_sample_event_is_answered(case: str, wiring: Wiring) -> None:
    event = sample_events.load("ingest_slot_events")[case]
    expected_status, expected_counts = SAMPLES[case]

    status, body = call(event)

    assert status == expected_status
    if expected_counts is None:
        assert wiring.stream.records == []
        assert wiring.quarantine.entries == []
    else:
        assert counts(msgspec.convert(body, Answer)) == expected_counts
        assert len(wiring.stream.event_ids()) == expected_counts[1]


def test_one_bad_line_among_packets(wiring: Wiring) -> None:
    body = PACKETS[0] + b"\r\n" + b'{"type": oops}\n\n' + PACKETS[1]

    status, answer = call(posted(body, GATEWAY_PACKETS))

    assert status == 200
    assert [e["status"] for e in answer["events"]] == ["accepted", "quarantined", "accepted"]
    (entry,) = wiring.quarantine.entries
    assert entry.raw == b'{"type": oops}'


def test_a_partial_failure_is_a_503_with_the_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = Wiring("5093619")
    monkeypatch.setattr(http, "_wiring", lambda: wiring)
    other = envelope("f-4", "game.started", asset_id="5093619", data={"wager_cents": 25})

    answer = http.handler(posted(json.dumps([START, other]).encode()), None)

    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "1"
    body = json.loads(answer["body"])
    assert [(e["index"], e["status"]) for e in body["events"]] == [(0, "accepted"), (1, "failed")]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (posted(b"[]"), 400),
        (posted(b"[1]", "text/plain"), 415),
        (posted(b"[1]", encoding="br"), 415),
        (posted(b"[" + b"1," * MAX_EVENTS + b"1]"), 413),
        (posted(b"[1]", signed=b"[2]"), 403),
        (posted(ZIPPED, encoding="gzip", signed=b"[1]"), 403),
        ({**posted(b"[1]"), "body": "not base64!"}, 400),
    ],
)
def test_refusals_are_problems_with_a_correlation_id(
    event: dict[str, Any], status: int, wiring: Wiring
) -> None:
    answer = http.handler(event, None)

    problem = json.loads(answer["body"])
    assert answer["statusCode"] == problem["status"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert problem["correlation_id"] == event["requestContext"]["requestId"]
    assert wiring.stream.records == []
    assert wiring.quarantine.entries == []


def test_a_body_without_base64_is_read_as_well(wiring: Wiring) -> None:
    plain = json.dumps([START])
    event = {**posted(plain.encode()), "body": plain, "isBase64Encoded": False}

    assert call(event)[0] == 200
    assert wiring.stream.event_ids() == [("north/1940732", "s-1")]


def test_no_body_is_refused(wiring: Wiring) -> None:
    event = {**posted(b""), "body": None, "isBase64Encoded": False}

    assert call(event)[0] == 400


def test_what_was_counted_is_told_as_metrics(
    wiring: Wiring, capsys: pytest.CaptureFixture[str]
) -> None:
    call(sample_events.load("ingest_slot_events")["bad_among_good"])

    told_metrics: dict[str, Any] = {}
    for line in capsys.readouterr().out.splitlines():
        if "_aws" in line:
            told_metrics |= json.loads(line)
    names = ("Received", "Accepted", "Duplicate", "Quarantined", "Failed", "Foreign")
    assert [told_metrics[f"Events{name}"] for name in names] == [[8], [3], [1], [4], [0], [2]]
    assert told_metrics["EventsUnrecognised"] == [1]


def test_foreign_events_are_a_security_event_in_the_log(
    wiring: Wiring, caplog: pytest.LogCaptureFixture
) -> None:
    call(sample_events.load("ingest_slot_events")["bad_among_good"])

    (record,) = [r for r in caplog.records if "security event" in r.message]
    assert (record.__dict__["sender"], record.__dict__["events"]) == ("gateway-1", 2)


def test_an_event_of_a_clock_that_is_more_than_a_day_ahead_is_set_aside() -> None:
    door = Door()
    now = NOW
    pieces = [
        envelope("now-1", "door.opened", data={"door": "slot"}) | {"occurred_at": now},
        envelope("hour-1", "door.opened", data={"door": "slot"}) | {"occurred_at": now + 3_600_000},
        envelope("year-1", "door.opened", data={"door": "slot"})
        | {"occurred_at": now + 32 * 10**9},
    ]

    answer = door.post(pieces)

    assert told(answer) == ["accepted", "accepted", "quarantined: clock_ahead"]
