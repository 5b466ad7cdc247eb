"""The Python client of games: what it keeps, what it sends again, and through what."""

import ast
import gzip
import json
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import client_cuts
from pitboss.games.crashes import read
from pitboss_client import (
    Answer,
    Client,
    HttpTransport,
    InvalidEventError,
    NoAnswerError,
    NotKeptError,
    Refused,
    Settings,
)
from pitboss_client.buffer import Buffer
from pitboss_client.sending import Sender
from workbench.measure import wait_until

PACKAGE = Path(__file__).parents[2] / "clients/python/pitboss_client"
NOW = 1_768_500_000.0
PATIENT = Settings(batch_events=3, batch_seconds=3_600)


def body(n: int, size: int = 0) -> bytes:
    return json.dumps({"event_id": f"e-{n}", "note": "x" * size}).encode()


def answered(status: int = 200, retry_after: str = "", **document: Any) -> Answer:
    headers = {"retry-after": retry_after} if retry_after else {}
    return Answer(status, headers, json.dumps(document).encode())


def all_accepted(ids: list[str]) -> Answer:
    return answered(received=len(ids), accepted=len(ids))


Step = Answer | Exception | Callable[[list[str]], Answer]


class Wire:
    """A door that says what it was told to say, and then accepts all."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.posts: list[list[str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.installs = 0
        self.lifetime_ms = 3_600_000.0
        self.is_closed = False

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if path.endswith("/installs"):
            assert path == "/v1/applications/maze/installs"
            self.installs += 1
            ends = NOW * 1_000 + self.lifetime_ms
            return answered(201, token=f"t-{self.installs}", expires_at=ends)
        assert path == "/v1/game-events"
        assert headers["Content-Type"] == "application/x-ndjson"
        text = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        ids = [json.loads(line)["event_id"] for line in text.splitlines()]
        self.posts.append(ids)
        self.headers.append(headers)
        step = self.script.pop(0) if self.script else all_accepted
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Answer) else step(ids)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[Buffer]:
    made = Buffer(tmp_path / "b.db", 1_000, 10_000_000)
    yield made
    made.close()


def sender(buffer: Buffer, wire: Wire, **others: Any) -> Sender:
    settings = others.pop("settings", Settings())
    others = {"clock": lambda: NOW, "chance": lambda: 1.0, **others}
    return Sender(buffer, wire, settings, "maze", "install-1", **others)


# --- the buffer -----------------------------------------------------------------------------------


def test_events_outlive_the_process_in_their_order(tmp_path: Path) -> None:
    first = Buffer(tmp_path / "a/b.db", 10, 10_000)
    for n in range(3):
        first.append(body(n))
    del first  # nobody closed it

    again = Buffer(tmp_path / "a/b.db", 10, 10_000)

    assert again.count == 3
    assert [event.body for event in again.oldest(10, 10_000)] == [body(n) for n in range(3)]


def test_the_oldest_go_when_it_is_full_and_are_counted(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", 3, 10_000)

    dropped = [buffer.append(body(n)) for n in range(5)]

    assert dropped == [0, 0, 0, 1, 1]
    assert [event.body for event in buffer.oldest(10, 10_000)] == [body(2), body(3), body(4)]
    buffer.close()
    assert Buffer(tmp_path / "b.db", 3, 10_000).dropped == 2


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", 100, 1_000)

    assert sum(buffer.append(body(n, 200)) for n in range(10)) == 6
    assert buffer.count == 4
    assert buffer.append(body(99, 900)) == 4


def test_what_is_being_sent_is_not_dropped(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "b.db", 3, 10_000)
    for n in range(3):
        buffer.append(body(n))
    taken = buffer.oldest(2, 10_000)

    buffer.append(body(3))
    buffer.settle(taken)
    buffer.release()

    assert [event.body for event in buffer.oldest(10, 10_000)] == [body(3)]
    assert (buffer.count, buffer.dropped) == (1, 1)


def test_a_batch_has_one_event_at_least(buffer: Buffer) -> None:
    buffer.append(body(1, 500))
    buffer.append(body(2, 500))

    assert len(buffer.oldest(10, 100)) == 1
    assert len(buffer.oldest(10, 700)) == 1
    assert len(buffer.oldest(10, 10_000)) == 2


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 20)

    buffer = Buffer(path, 10, 10_000)

    assert buffer.set_aside == tmp_path / "b.db.damaged"
    assert buffer.set_aside.read_bytes().startswith(b"no database")
    assert buffer.append(body(1)) == 0


def fill(buffer: Buffer) -> None:
    for n in range(100):
        buffer.append(body(n, 2_000))


def test_a_disk_that_takes_no_more_is_said(tmp_path: Path, buffer: Buffer) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotKeptError):
        Buffer(tmp_path / "folder", 10, 10_000)
    buffer._file.execute("PRAGMA max_page_count = 8")

    with pytest.raises(NotKeptError, match="full"):
        fill(buffer)

    kept = buffer._file.execute("SELECT count(*) FROM events").fetchone()
    assert buffer.count == kept[0]


# --- what answers mean ----------------------------------------------------------------------------


def test_what_is_accepted_is_forgotten(buffer: Buffer) -> None:
    for n in range(5):
        buffer.append(body(n, 300))
    wire = Wire()
    sending = sender(buffer, wire)

    assert sending.step() == 0.0
    assert sending.step() == 0.0

    assert wire.posts == [[f"e-{n}" for n in range(5)]]
    assert wire.headers[0]["Authorization"] == "Bearer t-1"
    assert wire.headers[0]["Content-Encoding"] == "gzip"
    assert (buffer.count, sending.counts.accepted) == (0, 5)


UNRELIABLE = {
    "no answer": NoAnswerError("cut"),
    "too many requests": answered(429),
    "unavailable": answered(503),
    "an error": answered(500),
    "a hotel's page": Answer(200, {}, b"<html>Welcome</html>"),
    "a redirection": answered(302),
    "another count": answered(received=1, accepted=1),
    "no object": Answer(200, {}, b"[]"),
    "an unknown status": answered(received=2, events=[{"index": 0, "status": "lost"}]),
    "an index too far": answered(received=2, events=[{"index": 2, "status": "accepted"}]),
    "a list without the failed": answered(503, received=2, accepted=1, failed=1),
    "bad request": answered(400, detail="not NDJSON"),
    "forbidden": answered(403),
}


@pytest.mark.parametrize("answer", UNRELIABLE.values(), ids=UNRELIABLE)
def test_what_is_not_known_to_be_kept_is_sent_again(
    buffer: Buffer, answer: Answer | Exception
) -> None:
    buffer.append(body(1))
    buffer.append(body(2))
    told: list[str] = []
    wire = Wire(answer)
    sending = sender(buffer, wire, on_failure=told.append)

    assert sending.step() == 0.5
    assert (buffer.count, len(told)) == (2, 1)
    assert sending.step() == 0.0

    assert wire.posts == [["e-1", "e-2"], ["e-1", "e-2"]]
    assert (buffer.count, sending.counts.failures) == (0, 1)


def test_only_what_failed_of_a_batch_is_sent_again(buffer: Buffer) -> None:
    for n in range(4):
        buffer.append(body(n))
    refused: list[Refused] = []
    events = [
        {"index": 1, "status": "failed"},
        {"index": 2, "status": "quarantined", "reason": "not_yours", "event_id": "e-2"},
        {"index": 3, "status": "duplicate"},
    ]
    wire = Wire(
        answered(
            503, "7", received=4, accepted=1, duplicate=1, quarantined=1, failed=1, events=events
        )
    )
    sending = sender(buffer, wire, on_refused=refused.append)

    assert sending.step() == 7.5
    sending.step()

    assert wire.posts[1] == ["e-1"]
    assert [(r.event["event_id"], r.reason) for r in refused] == [("e-2", "not_yours")]
    counts = sending.counts
    assert (counts.accepted, counts.duplicate, counts.refused) == (2, 1, 1)
    assert buffer.count == 0


def test_pauses_double_with_full_jitter_and_end_with_success(buffer: Buffer) -> None:
    buffer.append(body(1))
    lots = iter([1.0, 0.5, 1.0, 0.0, 1.0, 1.0])
    wire = Wire(*[answered(500)] * 5, all_accepted, answered(500))
    settings = Settings(first_pause=1.0, longest_pause=5.0)
    sending = sender(buffer, wire, settings=settings, chance=lambda: next(lots))

    assert [sending.step() for _ in range(5)] == [1.0, 1.0, 4.0, 0.0, 5.0]
    assert sending.step() == 0.0
    buffer.append(body(2))
    assert sending.step() == 1.0


@pytest.mark.parametrize(
    ("asked", "waits"), [("30", 30.5), ("999999", 3_600.5), ("Wed, 21 Oct 2026", 0.5), ("", 0.5)]
)
def test_a_door_that_asks_for_time_gets_it(buffer: Buffer, asked: str, waits: float) -> None:
    buffer.append(body(1))

    assert sender(buffer, Wire(answered(429, asked))).step() == waits


def test_a_token_is_exchanged_before_it_ends_and_when_it_has(buffer: Buffer) -> None:
    clock = [NOW]
    wire = Wire(all_accepted, all_accepted, answered(401), all_accepted, answered(401))
    sending = sender(buffer, wire, clock=lambda: clock[0])

    def send() -> float:
        buffer.append(body(len(wire.posts)))
        return sending.step()

    assert (send(), wire.installs) == (0.0, 1)
    clock[0] = NOW + 3_600 - 59
    wire.lifetime_ms = 7_200_000
    assert (send(), wire.installs) == (0.0, 2)
    assert send() == 0.0  # 401: at once with another
    assert (sending.step(), wire.installs, buffer.count) == (0.0, 3, 0)
    sending._failures = 1
    assert send() > 0  # another is of no use either


def test_without_a_token_nothing_is_sent(buffer: Buffer) -> None:
    class NoInstalls(Wire):
        def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            assert path.endswith("/installs")
            return answered(404, "60", detail="no application maze")

    told: list[str] = []
    buffer.append(body(1))
    sending = sender(buffer, NoInstalls(), on_failure=told.append)

    assert sending.step() == 60.5
    assert told == ["no token: 404 no application maze"]
    assert buffer.count == 1


def test_a_server_signs_each_body_as_it_goes_over_the_wire(buffer: Buffer) -> None:
    signed: list[bytes] = []

    def sign(sent: bytes) -> dict[str, str]:
        signed.append(sent)
        return {"Authorization": "Bearer signed"}

    buffer.append(body(1, 1_000))
    wire = Wire()
    sender(buffer, wire, sign=sign).step()

    assert wire.headers[0]["Authorization"] == "Bearer signed"
    assert gzip.decompress(signed[0]) == body(1, 1_000)
    assert wire.installs == 0


def test_what_is_too_large_is_found_by_halves(buffer: Buffer) -> None:
    for n in range(8):
        buffer.append(body(n))
    refused: list[Refused] = []

    def takes(ids: list[str]) -> Answer:
        return answered(413, detail="too large") if "e-5" in ids else all_accepted(ids)

    wire = Wire(*[takes] * 20)
    sending = sender(buffer, wire, on_refused=refused.append)
    for _ in range(15):
        sending.step()

    assert buffer.count == 0
    assert [(r.event["event_id"], r.reason) for r in refused] == [("e-5", "413 too large")]
    assert (sending.counts.accepted, sending.counts.refused) == (7, 1)


def test_a_callback_that_fails_does_not_end_the_sending(
    buffer: Buffer, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: object) -> None:
        raise ZeroDivisionError

    buffer.append(body(1))
    quarantined = [{"index": 0, "status": "quarantined"}]
    wire = Wire(answered(received=1, quarantined=1, events=quarantined))

    assert sender(buffer, wire, on_refused=fails).step() == 0.0
    assert buffer.count == 0
    assert "a callback failed" in caplog.text


# --- the client -----------------------------------------------------------------------------------


def client(tmp_path: Path, wire: Wire, **others: Any) -> Client:
    settings = others.pop("settings", PATIENT)
    return Client(
        *("http://none", "maze", "1.2.0", tmp_path / "b.db"),
        **{"settings": settings, "transport": wire, "clock": lambda: NOW, **others},
    )


def test_an_event_has_the_envelope_and_an_id_of_its_own(tmp_path: Path) -> None:
    with client(tmp_path, Wire()) as events:
        first = events.track("level.completed", level_id="3", position_x=1.5, score=None)
        second = events.track("level.completed")
        lines = [json.loads(e.body) for e in events._buffer.oldest(10, 10_000)]

    assert first != second
    assert lines[0] == {
        "event_version": "1",
        "event_id": first,
        "event_timestamp": int(NOW * 1_000),
        "event_type": "level.completed",
        "app_name": "maze",
        "app_version": "1.2.0",
        "client_id": events.client_id,
        "level_id": "3",
        "position_x": 1.5,
        "score": None,
    }


def test_an_exception_is_reported_with_its_bounded_stack(tmp_path: Path) -> None:
    class BrakeError(Exception):
        def __str__(self) -> str:
            raise ValueError

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        raise KeyError("\N{RACING CAR}" * 5_000)

    with client(tmp_path, Wire()) as events:
        events.report_exception(BrakeError(), is_fatal=True, level_id="3")
        try:
            deep(300)
        except KeyError as error:
            events.report_exception(error)
        lines = events._buffer.oldest(9, 1_000_000)
    first, second = (json.loads(one.body) for one in lines)

    assert (first["event_type"], first["level_id"]) == ("client_crashed", "3")
    assert first["exception"].endswith("<locals>.BrakeError")
    assert first["message"] == "no message: ValueError"
    assert (second["event_type"], second["exception"]) == ("error_reported", "KeyError")
    assert len(second["stack"]) < 4_010
    assert read(second["event_type"], second).where == "test_python_client.py:deep"


def test_an_install_keeps_its_id(tmp_path: Path) -> None:
    with client(tmp_path, Wire()) as first:
        pass
    with client(tmp_path, Wire()) as second:
        pass
    with client(tmp_path, Wire(), client_id="own") as third:
        pass

    assert first.client_id == second.client_id != third.client_id == "own"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"event_id": "mine"}, "event_id is the envelope's own"),
        ({"score": float("nan")}, "not JSON compliant"),
        ({"score": {1, 2}}, "not JSON serializable"),
        ({"note": "x" * 70_000}, "more than 65536"),
    ],
    ids=["id", "nan", "set", "long"],
)
def test_an_event_that_no_door_takes_is_not_kept(
    tmp_path: Path, fields: dict[str, Any], says: str
) -> None:
    with client(tmp_path, Wire()) as events:
        with pytest.raises(InvalidEventError, match=says):
            events.track("level.completed", **fields)
        assert events.waiting == 0


def test_a_full_batch_is_sent_at_once_and_a_part_of_one_when_asked(tmp_path: Path) -> None:
    wire = Wire()
    with client(tmp_path, wire) as events:
        ids = [events.track("a") for _ in range(3)]
        assert wait_until(lambda: events.waiting == 0, 5, every=0.002)
        ids.append(events.track("a"))
        assert events.waiting == 1
        assert events.flush(5)

    assert [event_id for post in wire.posts for event_id in post] == ids
    assert len(wire.posts) == 2
    assert wire.is_closed


def test_a_part_of_a_batch_is_sent_after_its_time(tmp_path: Path) -> None:
    with client(tmp_path, Wire(), settings=Settings(batch_seconds=0.02)) as events:
        events.track("a")

        assert wait_until(lambda: events.waiting == 0, 5, every=0.002)


def test_closing_sends_what_waits(tmp_path: Path) -> None:
    wire = Wire()
    events = client(tmp_path, wire)
    events.track("a")

    assert events.close(5)
    assert len(wire.posts) == 1
    with pytest.raises(RuntimeError, match="closed"):
        events.track("a")


def test_what_does_not_get_through_is_sent_by_the_next_process(tmp_path: Path) -> None:
    offline = client(tmp_path, Wire(*[NoAnswerError("no network")] * 1_000))
    event_id = offline.track("a")
    assert offline.close(0.05) is False

    wire = Wire()
    with client(tmp_path, wire) as online:
        assert wait_until(lambda: online.waiting == 0, 5, every=0.002)

    assert wire.posts == [[event_id]]


def test_dropped_events_are_reported(tmp_path: Path) -> None:
    dropped: list[int] = []
    settings = Settings(batch_events=3, batch_seconds=3_600, max_events=6)
    answers = [NoAnswerError("no network")] * 1_000
    events = client(tmp_path, Wire(*answers), settings=settings, on_dropped=dropped.append)
    for _ in range(10):
        events.track("a")

    assert sum(dropped) == 4
    assert (events.counts.dropped, events.waiting) == (4, 6)
    events.close(0)


def test_events_of_many_threads_arrive_once_each(tmp_path: Path) -> None:
    script: list[Step] = [NoAnswerError("cut"), all_accepted]
    wire = Wire(*script * 5)
    settings = Settings(batch_events=10, batch_seconds=0.01, first_pause=0.001)
    tracked: list[str] = []
    with client(tmp_path, wire, settings=settings) as events:
        threads = [
            threading.Thread(target=lambda: tracked.extend(events.track("a") for _ in range(50)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert events.flush(10)
        counts = events.counts

    assert len(tracked) == counts.accepted == 200
    assert {event_id for post in wire.posts for event_id in post} == set(tracked)


def test_a_fault_of_the_disk_does_not_end_the_sending(tmp_path: Path) -> None:
    settings = Settings(batch_events=1, longest_pause=0.01)
    with client(tmp_path, Wire(), settings=settings) as events:
        step, faults = events._sender.step, [sqlite3.OperationalError("disk I/O error")]

        def faulty() -> float:
            if faults:
                raise faults.pop()
            return step()

        events._sender.step = faulty  # type: ignore[method-assign]
        events.track("a")

        assert wait_until(lambda: events.waiting == 0, 5, every=0.002)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Settings(batch_events=501),
        lambda: Settings(max_events=100),
        lambda: HttpTransport("ftp://x"),
        lambda: HttpTransport("nowhere"),
        lambda: Client("http://x", "no/name", "1", "b.db"),
    ],
    ids=["batch", "buffer", "scheme", "address", "application"],
)
def test_what_makes_no_sense_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wrong()


# --- over a real network --------------------------------------------------------------------------


def test_events_go_over_one_connection(tmp_path: Path) -> None:
    with client_cuts._served(client_cuts.Door(None)) as door:
        address = f"http://127.0.0.1:{door.server_port}/"
        with Client(address, "maze", "1.0", tmp_path / "b.db") as events:
            ids = {events.track("level.completed", n=n) for n in range(250)}
            assert events.flush(10)
            counts = events.counts

    assert door.kept.keys() == ids
    assert (counts.accepted, counts.failures) == (250, 0)


def test_nobody_answers() -> None:
    with client_cuts._served(client_cuts.Door(None)) as door:
        port = door.server_port

    with pytest.raises(NoAnswerError, match="ConnectionRefused"):
        HttpTransport(f"http://127.0.0.1:{port}").post("/", b"", {})


def test_every_event_is_kept_once_through_cuts_and_kills() -> None:
    result = client_cuts.run(cuts=20, kills=1)

    assert (result["cuts"], result["kills"]) == (20, 1)
    assert result["events"] == result["kept"] > 20
    assert (result["lost"], result["twice"], result["changed"]) == (0, 0, 0)
    assert result["sent_more_than_once"] > 0


def test_the_client_needs_the_standard_library_alone() -> None:
    imported = set()
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])

    assert imported <= sys.stdlib_module_names | {"pitboss_client"}
