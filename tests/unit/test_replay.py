"""Replaying a feed: how it is cut, sent, paced and counted."""

import gzip
import itertools
import json
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.exceptions import PynamoDBConnectionError
from typer.testing import CliRunner

from pitboss.access import Status, body_hash
from pitboss.posts import MAX_BYTES
from pitboss.tokens import MAX_LIFETIME_SECONDS, verify
from tests.fakes.keys import AUDIENCE, NOW
from tests.fakes.registry import MemoryRegistry, gateway
from workbench import gateways, main
from workbench.client import Answer, EventAnswer, PitbossClient
from workbench.console import WorkbenchError
from workbench.event_files import FileFormat
from workbench.replay import (
    MAX_TRIES,
    Batch,
    FeedEvent,
    _next_steps,
    body_of,
    cut,
    read_feed,
    replay,
)
from workbench.signing import Signer, public_key_of

PACKET = {"type": "SAS_EVENT_CODE_7E_GAME_START", "asset_number": "0001940732", "data": {}}


def packet(**fields: Any) -> bytes:
    return json.dumps(PACKET | fields).encode()


def event(asset: str = "1", at: int | None = None, raw: bytes = b"{}") -> FeedEvent:
    return FeedEvent(raw, asset, at, True)


# Reading.


@pytest.mark.parametrize(
    ("file_format", "raw", "asset", "at", "is_json"),
    [
        (FileFormat.ACRES_SAS, packet(event_time=NOW * 1000), "1940732", NOW * 1000, True),
        # Since boot: the collector's time counts.
        (FileFormat.ACRES_SAS, packet(event_time=205585288, cache_time=NOW), "1940732", NOW, True),
        (FileFormat.ACRES_SAS, packet(asset_number=""), "", None, True),
        (
            FileFormat.ACRES_SAS,
            packet(asset_number="", sas_serial_number="000061312"),
            "61312",
            None,
            True,
        ),
        (FileFormat.ACRES_SAS, packet(event_time="now", cache_time=True), "1940732", None, True),
        (FileFormat.ACRES_SAS, b'{"type":', "", None, False),
        (FileFormat.PITBOSS, b'{"asset_id":"0007","occurred_at":5}', "7", 5, True),
        (FileFormat.PITBOSS, b'{"asset_id":7,"occurred_at":-5}', "", None, True),
        (FileFormat.PITBOSS, b"[1]", "", None, True),
        (FileFormat.PITBOSS, b"NaN", "", None, False),
    ],
)
def test_what_an_event_says(
    tmp_path: Path,
    file_format: FileFormat,
    raw: bytes,
    asset: str,
    at: int | None,
    is_json: bool,
) -> None:
    (tmp_path / "feed").write_bytes(b" \n" + b'{"a":1}\n' + raw + b"\r\n\n")
    events = list(read_feed([tmp_path / "feed"], file_format))
    assert events[1:] == [FeedEvent(raw, asset, at, is_json)]


def test_an_array_of_envelopes(tmp_path: Path) -> None:
    (tmp_path / "feed.json").write_bytes(b'[{"asset_id":"1"}, {"asset_id": "2"}]')
    found = list(read_feed([tmp_path / "feed.json"], FileFormat.PITBOSS))
    assert [one.asset_id for one in found] == ["1", "2"]
    assert found[1].raw == b'{"asset_id": "2"}'


def test_a_file_that_is_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "deep").write_bytes(b"[" * 100_000)
    with pytest.raises(WorkbenchError, match="no JSON array of events"):
        list(read_feed([tmp_path / "deep"], FileFormat.PITBOSS))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="cannot be read"):
        list(read_feed([tmp_path / "none"], FileFormat.PITBOSS))


# Cutting.


@given(
    assets=st.lists(st.sampled_from("abcdefgh")),
    max_events=st.integers(1, 7),
    groups=st.integers(1, 5),
)
def test_a_cut_loses_nothing_and_keeps_every_assets_order(
    assets: list[str], max_events: int, groups: int
) -> None:
    events = [event(asset, raw=f"{asset}{n}".encode()) for n, asset in enumerate(assets)]
    batches = list(cut(events, max_events=max_events, groups=groups))
    sent = [raw for batch in batches for raw in batch.events]
    assert sorted(sent) == sorted(one.raw for one in events)
    assert all(0 < len(batch.events) <= max_events for batch in batches)
    for asset in set(assets):
        in_order = [one.raw for one in events if one.asset_id == asset]
        assert [raw for raw in sent if raw[:1] == asset.encode()] == in_order
        owners = {b.group for b in batches if any(r[:1] == asset.encode() for r in b.events)}
        assert len(owners) == 1
    if groups == 1:
        assert sent == [one.raw for one in events]


@given(st.lists(st.integers(1, MAX_BYTES // 2), max_size=12))
def test_a_body_is_never_too_large(sizes: list[int]) -> None:
    events = [event(raw=b"x" * size) for size in sizes]
    for batch in cut(events):
        assert len(body_of(batch.events, FileFormat.PITBOSS)) <= MAX_BYTES


def test_an_event_that_is_too_large_goes_alone() -> None:
    events = [event(raw=b"1"), event(raw=b"x" * (MAX_BYTES + 1)), event(raw=b"2")]
    assert [len(batch.events) for batch in cut(events)] == [1, 1, 1]


def test_a_batch_covers_no_more_time_than_it_may() -> None:
    times = [1000, 1100, 900, 1250, 1251, None, 1500, 9000]
    batches = list(cut([event(at=at) for at in times], span_ms=250))
    assert [(len(batch.events), batch.at) for batch in batches] == [(4, 1250), (3, 1500), (1, 9000)]


@pytest.mark.parametrize(
    ("file_format", "body"),
    [(FileFormat.PITBOSS, b'[{"a": 1},{"b":2}]'), (FileFormat.ACRES_SAS, b'{"a": 1}\n{"b":2}')],
)
def test_a_body_has_the_events_as_they_stand_in_the_file(
    file_format: FileFormat, body: bytes
) -> None:
    assert body_of([b'{"a": 1}', b'{"b":2}'], file_format) == body


def test_a_packet_over_several_lines_is_put_on_one() -> None:
    body = body_of([b'{\n  "a": "x\\n y"\n}', b'{"b": 2}'], FileFormat.ACRES_SAS)
    assert body == b'{"a":"x\\n y"}\n{"b": 2}'


# Sending.


class Door:
    """A front door that answers by a rule for each event, and remembers what it was sent."""

    def __init__(self, status_of: Callable[[int, bytes], str] = lambda *_: "accepted") -> None:
        self.bodies: list[list[Any]] = []
        self.pauses = 0
        self._status_of = status_of
        self._lock = threading.Lock()

    def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer:
        assert (content_type, compress) == ("application/json", True)
        found = json.loads(body)
        with self._lock:
            self.bodies.append(found)
            number = len(self.bodies)
        statuses = [self._status_of(number, json.dumps(one).encode()) for one in found]
        return Answer(
            status=503 if "failed" in statuses else 200,
            received=len(found),
            accepted=statuses.count("accepted"),
            duplicate=statuses.count("duplicate"),
            quarantined=statuses.count("quarantined"),
            failed=statuses.count("failed"),
            events=tuple(
                EventAnswer(index, status, reason="bad" if status == "quarantined" else "")
                for index, status in enumerate(statuses)
            ),
        )

    def pause(self, attempt: int, at_least: float = 0.0) -> None:
        self.pauses += 1


def batches_of(*bodies: Iterable[object], groups: int = 1) -> list[Batch]:
    return [
        Batch(tuple(json.dumps(one).encode() for one in body), number % groups, None)
        for number, body in enumerate(bodies)
    ]


def test_the_counts_add_up() -> None:
    rule = {b"1": "accepted", b"2": "duplicate", b"3": "quarantined"}
    report = replay(
        Door(lambda _, raw: rule[raw]), batches_of([1, 2, 3], [1, 1, 1, 3]), FileFormat.PITBOSS
    )
    assert report.as_json() | {"seconds": 0, "events_per_second": 0} == {
        "received": 7,
        "accepted": 4,
        "duplicate": 1,
        "quarantined": 2,
        "failed": 0,
        "requests": 2,
        "seconds": 0,
        "events_per_second": 0,
        "reasons": {"bad": 2},
    }
    assert not report.all_in


def test_only_what_failed_is_sent_again() -> None:
    door = Door(lambda number, raw: "failed" if number == 1 and raw in (b"2", b"4") else "accepted")
    report = replay(door, batches_of([1, 2, 3, 4], [5]), FileFormat.PITBOSS)
    assert door.bodies == [[1, 2, 3, 4], [2, 4], [5]]
    assert (report.received, report.accepted, report.failed, report.requests) == (5, 5, 0, 3)
    assert report.all_in


def test_what_fails_for_good_is_counted_and_the_rest_goes_on() -> None:
    door = Door(lambda _, raw: "failed" if raw == b"2" else "accepted")
    report = replay(door, batches_of([1, 2], [3]), FileFormat.PITBOSS)
    assert (report.received, report.accepted, report.failed) == (3, 2, 1)
    assert report.reasons == {"not_stored": 1}
    assert (door.pauses, report.requests) == (MAX_TRIES - 1, MAX_TRIES + 1)
    assert not report.all_in


class Refusing(Door):
    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer:
        return Answer(self._status, refusal="a body is at most 1048576 bytes")


def test_a_refused_body_is_counted() -> None:
    report = replay(Refusing(413), batches_of([1, 2]), FileFormat.PITBOSS)
    assert (report.received, report.failed) == (2, 2)
    assert report.reasons == {"413 a body is at most 1048576 bytes": 2}
    (advice,) = _next_steps(report)
    assert "--batch" in advice
    assert "logs" not in advice


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_sender_ends_the_replay(status: int, connections: int) -> None:
    with pytest.raises(WorkbenchError, match=f"refuses the sender .{status}."):
        replay(
            Refusing(status),
            batches_of(*([number] for number in range(50)), groups=connections),
            FileFormat.PITBOSS,
            connections=connections,
        )


@pytest.mark.parametrize(("status", "clock"), [(401, True), (403, False)])
def test_only_an_unknown_sender_is_told_to_check_the_clock(status: int, clock: bool) -> None:
    with pytest.raises(WorkbenchError) as refusal:
        replay(Refusing(status), batches_of([1]), FileFormat.PITBOSS)
    assert ("clock" in refusal.value.sentence) is clock


@pytest.mark.parametrize("connections", [1, 3])
def test_an_interrupted_replay_says_what_went_in(
    registry: MemoryRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    def read(*_: object) -> Iterable[FeedEvent]:
        yield from (event(str(number)) for number in range(200))
        raise KeyboardInterrupt

    path = tmp_path / "feed"
    path.write_bytes(b"{}")
    monkeypatch.setattr("workbench.endpoint.api_url", lambda: "http://api")
    monkeypatch.setattr(gateways, "audience", lambda: AUDIENCE)
    monkeypatch.setattr("workbench.replay.read_feed", read)
    monkeypatch.setattr(PitbossClient, "post_events", Door().post_events)
    done = CliRunner().invoke(
        main.app,
        f"replay {path} --format pitboss --batch 10 --connections {connections} --json",
    )
    assert done.exit_code == 130
    said = json.loads(done.stdout)
    assert said["received"] == said["accepted"] > 0
    assert "nothing counts twice" in done.stderr


def test_a_key_file_that_is_a_folder_is_one_sentence(
    registry: MemoryRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feed").write_bytes(b"{}")
    monkeypatch.setattr("workbench.endpoint.api_url", lambda: "http://api")
    monkeypatch.setattr(gateways, "audience", lambda: AUDIENCE)
    done = CliRunner().invoke(
        main.app,
        f"replay {tmp_path}/feed --format pitboss --key-file {tmp_path} --gateway cage-7",
    )
    assert done.exit_code == 1
    assert "cannot be read" in done.stderr


def test_an_answer_about_other_events_is_an_error() -> None:
    class Confused(Door):
        def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer:
            return Answer(200, 7, 7)

    with pytest.raises(WorkbenchError, match="7 events where 1 were sent"):
        replay(Confused(), batches_of([1]), FileFormat.PITBOSS)


def test_connections_keep_every_assets_order() -> None:
    events = [event(str(n % 17), raw=json.dumps([n % 17, n]).encode()) for n in range(2_000)]
    door = Door()
    report = replay(door, cut(events, max_events=20, groups=4), FileFormat.PITBOSS, connections=4)
    assert report.accepted == report.received == 2_000
    seen: defaultdict[int, list[int]] = defaultdict(list)
    for asset, number in itertools.chain.from_iterable(door.bodies):
        seen[asset].append(number)
    # Bodies are noted in the order they arrive; one asset's never overtake each other.
    assert all(numbers == sorted(numbers) for numbers in seen.values())


def test_progress_never_runs_backwards() -> None:
    seen: list[int] = []
    replay(
        Door(),
        batches_of(*([n] for n in range(40)), groups=4),
        FileFormat.PITBOSS,
        connections=4,
        on_progress=lambda report: seen.append(report.received),
    )
    assert seen == list(range(1, 41))


@pytest.mark.parametrize(("speed", "slept"), [(None, 0.0), (1.0, 8.0), (4.0, 2.0)])
def test_a_pace_is_kept(speed: float | None, slept: float) -> None:
    now = 100.0
    sent: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def arrived(_: int, __: bytes) -> str:
        sent.append(now)
        return "accepted"

    batches = [Batch((b"1",), 0, at) for at in (1_000, None, 5_000, 4_000, 9_000)]
    replay(
        Door(arrived),
        batches,
        FileFormat.PITBOSS,
        speed=speed,
        clock=lambda: now,
        sleep=sleep,
    )
    assert now == pytest.approx(100.0 + slept)
    assert sent == sorted(sent)


# The client.


class Wire:
    """Answers requests in turn; the last answer goes on."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def client(self) -> PitbossClient:
        return PitbossClient(
            "http://api.test/local",
            Numbered(),
            max_tries=4,
            sleep=self.slept.append,
            jitter=lambda: 1.0,
            transport=httpx.MockTransport(self),
        )


class Numbered:
    """Signs by counting, so that each try is seen to have its own token."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def headers(self, body: bytes = b"") -> dict[str, str]:
        return {"Authorization": f"Bearer {next(self._count)}-{body_hash(body)}"}


STORED = httpx.Response(
    200,
    json={"received": 1, "accepted": 1, "events": [{"index": 0, "status": "accepted", "new": 1}]},
)


def test_a_body_is_signed_as_it_goes_over_the_wire() -> None:
    wire = Wire(STORED)
    answer = wire.client().post_events(b"[1]", "application/json")
    (request,) = wire.requests
    assert request.url == "http://api.test/local/v1/slot-events"
    assert request.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(request.content) == b"[1]"
    assert request.headers["Authorization"] == f"Bearer 1-{body_hash(request.content)}"
    assert (answer.status, answer.accepted, answer.events[0].status) == (200, 1, "accepted")


def test_a_body_can_go_as_it_is() -> None:
    wire = Wire(STORED)
    wire.client().post_events(b"[1]", "application/json", compress=False)
    (request,) = wire.requests
    assert request.content == b"[1]"
    assert "Content-Encoding" not in request.headers


@pytest.mark.parametrize(
    "passing",
    [
        httpx.Response(429),
        httpx.Response(503, json={"message": "Service Unavailable"}),
        httpx.Response(504, text="<html>"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=str,
)
def test_what_passes_is_tried_again_with_a_fresh_token(passing: httpx.Response | Exception) -> None:
    wire = Wire(passing, passing, STORED)
    assert wire.client().post_events(b"[1]", "application/json").accepted == 1
    tokens = [request.headers["Authorization"].partition("-")[0] for request in wire.requests]
    assert tokens == ["Bearer 1", "Bearer 2", "Bearer 3"]
    assert wire.slept == [0.2, 0.4]


def test_it_waits_as_long_as_it_is_asked_to_within_reason() -> None:
    wire = Wire(
        httpx.Response(429, headers={"Retry-After": "2"}),
        httpx.Response(429, headers={"Retry-After": "3600"}),
        STORED,
    )
    wire.client().post_events(b"[1]", "application/json")
    assert wire.slept == [2.0, 5.0]


def test_tries_end() -> None:
    wire = Wire(httpx.Response(429, json={"message": "Too Many Requests"}))
    answer = wire.client().post_events(b"[1]", "application/json")
    assert (answer.status, answer.received, answer.refusal) == (429, 0, "Too Many Requests")
    assert len(wire.requests) == 4
    dead = Wire(httpx.ConnectError("refused"))
    with pytest.raises(WorkbenchError, match=r"does not answer \(ConnectError\)"):
        dead.client().get("/v1/floor")
    assert len(dead.requests) == 4


def test_an_answer_that_says_what_failed_is_the_callers_to_mend() -> None:
    wire = Wire(
        httpx.Response(
            503,
            json={"received": 1, "failed": 1, "events": [{"index": 0, "status": "failed"}]},
        )
    )
    answer = wire.client().post_events(b"[1]", "application/json")
    assert (answer.status, answer.failed, len(wire.requests)) == (503, 1, 1)


@pytest.mark.parametrize(
    ("response", "refusal"),
    [
        (httpx.Response(413, json={"title": "Too Large", "detail": "send less"}), "send less"),
        (httpx.Response(401, json={"message": "Unauthorized"}), "Unauthorized"),
        (httpx.Response(400, text="<html>"), "Bad Request"),
    ],
)
def test_a_refusal_says_why(response: httpx.Response, refusal: str) -> None:
    answer = Wire(response).client().post_events(b"[1]", "application/json")
    assert (answer.status, answer.received, answer.refusal) == (response.status_code, 0, refusal)


# Keys.


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryRegistry:
    known = MemoryRegistry()
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    monkeypatch.setattr(gateways, "registry", lambda: known)
    return known


def test_a_gateway_that_was_added_signs_what_the_authorizer_accepts(
    registry: MemoryRegistry,
) -> None:
    path = gateways.key_path("cage-7")
    gateways.add(gateway("cage-7"), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    known = registry.find("cage-7")
    assert known is not None
    signer = Signer("cage-7", path, AUDIENCE, clock=lambda: NOW + 0.9, new_id=lambda: "t-1")
    scheme, _, token = signer.headers(b"[1]")["Authorization"].partition(" ")
    said = verify(token, known, AUDIENCE, NOW)
    assert scheme == "Bearer"
    assert (said.principal_id, said.body_sha256) == ("cage-7", body_hash(b"[1]"))
    assert (said.token_id, said.expires_at - said.issued_at) == ("t-1", MAX_LIFETIME_SECONDS)


def test_a_key_is_never_overwritten(registry: MemoryRegistry, tmp_path: Path) -> None:
    path = tmp_path / "cage.pem"
    path.write_text("something dear")
    with pytest.raises(WorkbenchError, match="never overwritten"):
        gateways.add(gateway("cage-7"), path)
    assert path.read_text() == "something dear"
    assert registry.find("cage-7") is None


def test_a_key_that_could_not_be_registered_is_not_left_behind(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    gateways.add(gateway("cage-7"), tmp_path / "first.pem")
    with pytest.raises(WorkbenchError, match="is registered already"):
        gateways.add(gateway("cage-7"), tmp_path / "second.pem")
    assert not (tmp_path / "second.pem").exists()


def test_a_key_of_a_registration_of_unknown_outcome_stays_and_serves(
    registry: MemoryRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cage.pem"

    def lost(_: object) -> None:
        raise PynamoDBConnectionError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "register", lost)
        with pytest.raises(WorkbenchError, match="cannot be used"):
            gateways.add(gateway("cage-7"), path)
    key = path.read_bytes()
    credential = gateways.add(gateway("cage-7"), path)
    assert credential.public_key_pem == public_key_of(key)
    assert path.read_bytes() == key


def test_a_try_whose_answer_was_lost_is_no_refusal(
    registry: MemoryRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = registry.register

    def twice(credential: Any) -> None:
        register(credential)
        register(credential)

    monkeypatch.setattr(registry, "register", twice)
    credential = gateways.add(gateway("cage-7"), tmp_path / "cage.pem")
    assert credential.public_key_pem == public_key_of((tmp_path / "cage.pem").read_bytes())


def test_a_key_file_in_a_folder_that_cannot_be_made(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        gateways.add(gateway("cage-7"), tmp_path / "file" / "folder" / "cage.pem")


def test_a_gateway_of_the_last_stack_is_added_to_the_next(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["gateways", "add", "bank-7", "--all-assets"]
    first = CliRunner().invoke(main.app, command)
    path = gateways.key_path("bank-7")
    key = path.read_bytes()
    assert str(path) in first.stdout
    assert CliRunner().invoke(main.app, command).exit_code == 1
    next_stack = MemoryRegistry()
    monkeypatch.setattr(gateways, "registry", lambda: next_stack)
    again = CliRunner().invoke(main.app, command)
    assert again.exit_code == 0
    assert "that key is registered" in again.stderr
    assert str(path) in again.stdout
    assert path.read_bytes() == key
    assert next_stack.find("bank-7") is not None


def test_the_workbenchs_own_gateway_is_registered_once(registry: MemoryRegistry) -> None:
    principal = gateways.workbench_gateway()
    path = gateways.ensure(principal)
    key = path.read_bytes()
    assert gateways.ensure(principal) == path
    assert path.read_bytes() == key
    assert len(list(registry.credentials())) == 1


def test_a_key_that_outlived_its_stack_is_registered_with_the_next(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    principal = gateways.workbench_gateway()
    path = gateways.ensure(principal)
    key = path.read_bytes()
    next_stack = MemoryRegistry()
    monkeypatch.setattr(gateways, "registry", lambda: next_stack)
    gateways.ensure(principal)
    assert path.read_bytes() == key
    assert next_stack.find("workbench") is not None


def test_a_key_that_is_elsewhere_or_revoked_is_said_so(registry: MemoryRegistry) -> None:
    principal = gateways.workbench_gateway()
    path = gateways.ensure(principal)
    moved = path.rename(path.with_suffix(".moved"))
    with pytest.raises(WorkbenchError, match="a key that is not at"):
        gateways.ensure(principal)
    moved.rename(path)
    assert registry.revoke("workbench", 1).status is Status.REVOKED
    with pytest.raises(WorkbenchError, match="is revoked"):
        gateways.ensure(principal)
