"""One correlation id from the gateway's post to the offer."""

import json
import re
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from ingest_slot_events.reading import format_of
from ingest_slot_events.service import ingest
from pitboss.events.batch import BatchHeader, pack, unpack
from pitboss.events.player import ChangeKind, decode, encode
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import StreamRecord
from pitboss.offers.issued import Status, Step
from pitboss.telemetry import metrics
from pitboss.traces import MAX_POSTS, packed, posts, readable
from tests import sample_events
from workbench.console import UsageError, WorkbenchError
from workbench.trace import Stack, assemble, follow

POST = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
OFFER = sample_events.OFFER


def test_an_id_is_packed_in_16_bytes_and_read_again() -> None:
    assert len(packed(POST)) == 16
    assert readable(packed(POST)) == POST
    assert (packed("no UUID"), readable(b""), readable(b"damaged")) == (b"", "", "")


def test_posts_are_named_once_with_their_first_arrival_and_bounded() -> None:
    many = [(uuid.UUID(int=n).bytes, n) for n in range(MAX_POSTS + 5)]

    found = posts([*many, (many[-1][0], 9_999), (b"", 7)])

    assert len(found) == MAX_POSTS
    assert found[str(uuid.UUID(int=MAX_POSTS + 4))] == MAX_POSTS + 4
    assert str(uuid.UUID(int=0)) not in found


class FiveFields(Struct, array_like=True):
    """The header as releases before read it."""

    property_id: str
    asset_id: str
    received_at: int
    sender: str
    format: str


def test_releases_before_read_a_record_with_a_post_and_it_costs_17_bytes() -> None:
    header = BatchHeader("north", "7", 1_000, "gateway-1", "pitboss")
    traced = replace(header, request=packed(POST))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(traced), type=FiveFields).asset_id == "7"
    assert unpack(pack(traced, [], [])).header == traced
    more = len(pack(traced, [], [])) - len(pack(header, [], []))
    assert more <= 17


class Stream:
    def __init__(self) -> None:
        self.records: list[StreamRecord] = []

    def put(self, records: Any) -> set[int]:
        self.records += records
        return set()


class NoQuarantine:
    def put(self, entries: Sequence[QuarantineEntry]) -> str:
        raise AssertionError(entries)


def test_every_record_of_a_post_has_its_id() -> None:
    stream = Stream()
    pieces = [
        json.dumps(event).encode()
        for event in (*sample_events.PLAY, *sample_events.GAME_ON_ANOTHER)
    ]

    ingest(
        pieces,
        format_of("application/json"),
        sample_events.GATEWAY,
        sample_events.MONDAY_EVENING,
        stream,
        NoQuarantine(),
        packed(POST),
    )

    assert [unpack(one.data).header.request for one in stream.records] == [packed(POST)] * 2


def test_a_change_has_the_id_and_is_the_same_change() -> None:
    change = sample_events.CHANGES[0]
    traced = replace(change, correlation_id=POST)

    assert decode(encode(traced)) == traced
    assert (traced.change_id, traced.attributes) == (change.change_id, change.attributes)
    before = msgspec.json.decode(encode(change))
    del before["correlation_id"]
    assert decode(json.dumps(before)) == change, "of a release before"


def test_an_offer_of_a_release_before_has_no_id() -> None:
    before = msgspec.to_builtins(OFFER)
    del before["correlation_id"]

    assert msgspec.convert(before, type=type(OFFER)) == OFFER


def test_what_is_told_is_on_one_line_and_on_it_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a9;Parent=5;Sampled=1")
    count = metrics("decide_offers")
    for n in range(25):
        count.tell("changes", n=n)
    count.count("TriggersReceived", 25)
    count.count("OffersWithheld", reason="late")
    count.flush(correlation_id=POST)
    count.count("TriggersReceived")
    count.flush()

    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert (len(first["changes"]), first["correlation_id"]) == (20, POST)
    assert first["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a9"
    assert not {"changes", "correlation_id"} & (second.keys() | third.keys())


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What listens in place of X-Ray's daemon, in a call that X-Ray samples."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        port = listening.getsockname()[1]
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{port}")
        monkeypatch.setenv(
            "_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a9;Parent=53995c3f42cd8ad8;Sampled=1"
        )
        yield listening


def heard(daemon: socket.socket, datagrams: int) -> list[dict[str, Any]]:
    """So many documents, and no more."""
    found = [daemon.recv(65_536).partition(b"\n") for _ in range(datagrams)]
    daemon.setblocking(False)
    with pytest.raises(BlockingIOError):
        daemon.recv(65_536)
    assert {header for header, _, _ in found} <= {b'{"format":"json","version":1}'}
    return [json.loads(document) for _, _, document in found]


def test_x_ray_is_told_of_the_post_as_a_subsegment_of_lambdas_own_segment(
    daemon: socket.socket,
) -> None:
    count = metrics("ingest_slot_events")
    count.count("EventsReceived", 9)
    before = time.time()
    count.flush(correlation_id=POST)

    (document,) = heard(daemon, 1)
    assert re.fullmatch("[0-9a-f]{16}", document.pop("id"))
    assert before <= document.pop("start_time") == document.pop("end_time") <= time.time()
    assert document == {
        "type": "subsegment",
        "name": "ingest_slot_events",
        "trace_id": "1-5759e988-bd862e3fe1be46a9",
        "parent_id": "53995c3f42cd8ad8",
        "annotations": {"correlation_id": POST},
    }


def test_x_ray_is_told_of_each_post_of_a_batch_once(daemon: socket.socket) -> None:
    count = metrics("decide_offers")
    count.count("TriggersReceived", 3)
    for post in (POST, "", "another", POST):
        count.tell("changes", correlation_id=post)
    count.flush(posts={POST: 1_000, "a third": 1_001})

    documents = heard(daemon, 3)
    assert len({document["id"] for document in documents}) == 3
    assert {document["annotations"]["correlation_id"] for document in documents} == {
        POST,
        "another",
        "a third",
    }
    count.count("TriggersReceived")
    count.flush()
    assert heard(daemon, 0) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a9;Parent=5;Sampled=0"),
        ("_X_AMZN_TRACE_ID", ""),
        ("AWS_XRAY_DAEMON_ADDRESS", ""),
        ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:0"),
    ],
    ids=["unsampled", "untraced", "no daemon", "unreachable daemon"],
)
def test_a_call_that_is_not_traced_tells_nothing_and_goes_on(
    daemon: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    count = metrics("ingest_slot_events")
    count.count("EventsReceived", 9)
    count.flush(correlation_id=POST)

    assert heard(daemon, 0) == []
    line = json.loads(capsys.readouterr().out)
    assert line["correlation_id"] == POST
    assert ("xray_trace_id" in line) == (name == "AWS_XRAY_DAEMON_ADDRESS")


# --- the command ----------------------------------------------------------------------------------

AT = 1_592_277_317_000


def emf(at: int, **said: Any) -> dict[str, Any]:
    return {"_aws": {"Timestamp": at}, **said}


def lines(chosen: str = OFFER.code, became: str = "decided") -> dict[str, list[Any]]:
    """What each function logged of a post."""
    change = replace(sample_events.CHANGES[0], kind=ChangeKind.WORTH_CROSSED, worth_step=1)
    return {
        "ingest_slot_events": [
            emf(
                AT + 9,
                correlation_id=POST,
                sender="gateway-1",
                received_at=AT,
                accepted_at=AT + 8,
                EventsReceived=[9.0],
                EventsAccepted=[8.0],
                xray_trace_id="1-2",
            )
        ],
        "rate_players": [
            emf(AT + 60, posts={POST: AT + 7}, rated_at=AT + 50, RecordsReceived=[2.0])
        ],
        "decide_offers": [
            {"level": "INFO", "message": "offered", "correlation_id": POST},
            emf(
                AT + 90,
                changes=[
                    {
                        "correlation_id": POST,
                        "change_id": change.change_id,
                        "decision_id": OFFER.offer_id,
                        "queued_at": AT + 61,
                        "decided_at": AT + 88,
                        "became": became,
                        "chosen": None if became != "decided" else chosen,
                        "no_offer": [] if chosen != "none" else ["held_out"],
                    }
                ],
            ),
        ],
        "push_live_updates": [
            emf(
                AT + 130,
                pushed=[{"offer_id": OFFER.offer_id, "correlation_id": POST}],
                PushesSent=[1.0],
            )
        ],
        "serve_offers": [],
    }


def stored(*ids: str) -> Any:
    steps = (Step(Status.DECIDED, AT + 88, "decide_offers"), Step(Status.DELIVERED, AT + 150, "g"))
    return replace(OFFER, steps=steps)


def test_a_post_is_followed_to_the_offer_that_is_shown() -> None:
    found = assemble(POST, lines(), stored)

    assert [(hop.name, hop.at - AT) for hop in found.hops] == [
        ("received", 0),
        ("accepted", 8),
        ("on the stream", 7),
        ("rated", 50),
        ("change published", 61),
        ("decided", 88),
        ("pushed", 130),
        ("delivered", 150),
    ]
    assert (found.missing, found.xray) == ([], ["1-2"])
    document = found.as_json()
    assert [hop["ms"] for hop in document["hops"]] == [None, 8, -1, 43, 11, 27, 42, 20]


@pytest.mark.parametrize(
    ("changed", "name", "why"),
    [
        ({"push_live_updates": []}, "pushed", "nobody was told yet"),
        ({"rate_players": []}, "rated", "it is behind"),
        ({"decide_offers": []}, "decided", "changed nothing about a player"),
        (lines(became="stale"), "delivered", "nothing was decided: stale"),
        (lines(chosen="none"), "delivered", "no offer was made"),
    ],
    ids=["unpushed", "unrated", "unchanged", "stale", "nothing"],
)
def test_what_is_missing_is_said_with_the_reason(
    changed: dict[str, Any], name: str, why: str
) -> None:
    found = assemble(POST, lines() | changed, stored)

    assert why in {one.name: one.why for one in found.missing}[name]


class Known(Stack):
    """A stack that knows one post."""

    def __init__(self, posts: list[str]) -> None:
        super().__init__(datetime.now(UTC))
        self._posts = posts

    def lines(self, function: str, text: str) -> list[Any]:
        return [line for line in lines()[function] if text in json.dumps(line)]

    def posts_of_event(self, event_id: str) -> list[str]:
        return self._posts

    def offer(self, property_id: str, player_id: str, offer_id: str) -> Any:
        assert (property_id, offer_id) == ("north", OFFER.offer_id)
        return stored()


@pytest.mark.parametrize("identity", [POST, OFFER.offer_id, "e-3"])
def test_a_post_is_found_by_its_id_an_offers_and_an_events(identity: str) -> None:
    found = follow(identity, Known([POST]))

    assert (found.correlation_id, len(found.hops)) == (POST, 8)
    assert found.table().row_count == 8


def test_what_is_not_known_is_said() -> None:
    with pytest.raises(WorkbenchError, match="has no event e-3"):
        follow("e-3", Known([]))
    with pytest.raises(WorkbenchError, match="No log has"):
        follow(str(uuid.UUID(int=5)), Known([]))
    with pytest.raises(WorkbenchError, match="does not have 1592277317001"):
        follow("1592277317001-0011223344556677", Known([]))
    with pytest.raises(UsageError):
        follow("no id", Known([]))
