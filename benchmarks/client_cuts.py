"""The Python client through random cuts of the network and ends of its process: what is kept.

A process plays a game with the client: it tracks events and notes each id once `track` has
returned. Between it and the door stands a network that cuts requests: before the door has a byte,
in the middle of the body, after the effect without an answer, in the middle of the answer. The
process is killed (SIGKILL) now and then, and started again on the same buffer. The door of this
module also refuses on its own: 429 and 503 with Retry-After, 500, some events of a batch failed, a
token that has ended. At the end every id that was noted has to be kept once, as it was tracked.

With an address the door is that of the stack that the workbench is set to, and what is kept is what
is in its lake: the property's games are refined when the game is over, and every id has to be there
in one row. The network is then the game's server too: it signs when the game asks for a token.
"""

import contextlib
import gzip
import http.client
import json
import os
import random
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.paths import ROOT

CUTS = 1_000
KILLS = 20
SEED = 1
APPLICATION = "maze"

CUT_SHARE = 0.6
"""Of requests."""

DEADLINE_SECONDS = 300.0
STACK_DEADLINE_SECONDS = 1_800.0
LAKE_DEADLINE_SECONDS = 300.0

PACE = (0.001, 20)
"""Seconds between two events, and events of a post."""
STACK_PACE = (0.25, 2)
"""The stack lets an install post 600 events a minute, those with a lost answer among them."""

EVENTS_PATH = "/v1/game-events"


def run(
    cuts: int = CUTS,
    kills: int = KILLS,
    address: str | None = None,
    application: str = APPLICATION,
    seed: int = SEED,
) -> dict[str, Any]:
    """What was kept of a game's events after so many cuts and kills.

    Args:
        cuts: of requests, by chance.
        kills: of the process, by chance between them.
        address: of the stack's door, with its stage; without it the door is this module's own.
        application: what the game is called there, at a property of this run's own.
        seed: of chance.

    Raises:
        AssertionError: an event is lost, twice or other than it was, or it takes too long.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        door = stack = None
        if address is not None:
            stack = Stack(application)
        else:
            door = opened.enter_context(_served(Door(random.Random(seed + 1))))
            address = f"http://127.0.0.1:{door.server_port}"
        network = opened.enter_context(_served(Network(address, cuts, chance, stack)))
        through = f"http://127.0.0.1:{network.server_address[1]}{urlsplit(address).path}"
        killed = _play(through, application, folder, network, kills, chance)
        noted = dict(line.split() for line in (folder / "noted").read_text().splitlines())
        if stack is None:
            kept, times = door.kept if door else {}, door.accepted if door else Counter[str]()
        else:
            kept, times = stack.kept(set(noted))
    wrong = {
        "lost": sum(event_id not in kept for event_id in noted),
        "twice": sum(times[event_id] > 1 for event_id in noted),
        "changed": sum(str(kept[e]["n"]) != n for e, n in noted.items() if e in kept),
    }
    result = {
        "figure": "the Python client through network cuts",
        "kept_is": "in the door of this module" if stack is None else "in the stack's refined lake",
        "cuts": network.cuts.total(),
        **{f"cut_{where}": network.cuts[where] for where in WHERE},
        "kills": killed,
        "requests": network.requests,
        **({} if door is None else {f"answered_{k}": n for k, n in sorted(door.said.items())}),
        "events": len(noted),
        "kept": sum(event_id in kept for event_id in noted),
        **wrong,
        "sent_more_than_once": sum(count > 1 for count in network.sent.values()),
        "seconds": round(time.monotonic() - began, 1),
    }
    if any(wrong.values()) or network.cuts.total() < cuts:
        raise AssertionError(result)
    return result


def _play(
    address: str,
    application: str,
    folder: Path,
    network: "Network",
    kills: int,
    chance: random.Random,
) -> int:
    """Run the game until there were enough cuts, killing it on the way; how often it was killed."""
    killed = 0
    seconds, pace = DEADLINE_SECONDS, PACE
    if network.stack is not None:
        seconds, pace = STACK_DEADLINE_SECONDS, STACK_PACE
    deadline = time.monotonic() + seconds
    words = [address, application, str(folder), *map(str, pace)]
    command = [sys.executable, "-m", "benchmarks.client_cuts", *words]
    while True:
        game = subprocess.Popen(command, cwd=ROOT)
        try:
            if killed < kills:
                # Somewhere in its share of the cuts, and in the middle of something.
                until = network.wanted * (killed + chance.random()) / kills
                while network.cuts.total() < until and time.monotonic() < deadline:
                    time.sleep(0.005)
                time.sleep(chance.random() * 0.02)
            else:
                while network.cuts.total() < network.wanted and time.monotonic() < deadline:
                    time.sleep(0.005)
                (folder / "over").touch()
                game.wait(max(1.0, deadline - time.monotonic()))
                if game.returncode:
                    raise AssertionError(f"the game ended with {game.returncode}")
                return killed
        finally:
            game.kill()
            game.wait()
        killed += 1


# --- the stack ------------------------------------------------------------------------------------


class Stack:
    """The deployed stack, with a property of this run's own, its game, and the game's server."""

    def __init__(self, application: str) -> None:
        from pitboss.access import Action, Kind, Principal
        from pitboss.games.applications import Application
        from workbench import apps, measure

        now = time.time_ns() // 1_000_000
        self.property_id = f"bench-{now // 1_000}"
        scopes = frozenset({Action.SEND_GAME_EVENTS, Action.ISSUE_INSTALLS})
        name = f"{self.property_id}-server"
        server = Principal(name, Kind.GATEWAY, self.property_id, None, scopes)
        apps.store().add(Application(self.property_id, application, now))
        self.signed = measure.signer_of(server).headers
        """The headers that prove that the game's server sends a body."""

    def kept(self, noted: set[str]) -> tuple[dict[str, dict[str, Any]], Counter[str]]:
        """What the refined lake has: what each event says, and in how many rows it is.

        What was accepted is archived a little later: the games are refined until all that is
        `noted` is there, or for a while.
        """
        deadline = time.monotonic() + LAKE_DEADLINE_SECONDS
        text = (
            "SELECT event_id, data FROM application_events "
            f"WHERE property_id = '{self.property_id}'"
        )
        while True:
            self._pitboss("refine", "--property", self.property_id, "--family", "game")
            rows = json.loads(self._pitboss("query", text, "--format", "json"))
            times = Counter(str(row["event_id"]) for row in rows)
            if noted <= times.keys() or time.monotonic() > deadline:
                return {row["event_id"]: json.loads(row["data"]) for row in rows}, times
            time.sleep(2)

    @staticmethod
    def _pitboss(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("pitboss")), *words]
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()


# --- the game -------------------------------------------------------------------------------------


def game(address: str, application: str, folder: Path, pause: float, batch: int) -> None:
    """Track events until it is over; note the id of each that is in the client's hands."""
    from pitboss_client import Client, Settings

    noted = os.open(folder / "noted", os.O_CREAT | os.O_APPEND | os.O_RDWR)
    n = os.fstat(noted).st_size and (folder / "noted").read_bytes().count(b"\n")
    settings = Settings(
        batch_events=batch, batch_seconds=0.01, first_pause=0.002, longest_pause=0.02, timeout=5.0
    )
    client = Client(address, application, "1.0.0", folder / "buffer.db", settings=settings)
    while not (folder / "over").exists():
        event_id = client.track("level.completed", level_id="7", n=n, note="x" * (n % 200))
        os.write(noted, f"{event_id} {n}\n".encode())
        n += 1
        time.sleep(pause)
    if not client.close(60.0):
        sys.exit(3)


# --- the network ----------------------------------------------------------------------------------

WHERE = ("before", "during", "after", "in_the_answer")


class _Cuttable(socketserver.BaseServer):
    """Bears that a connection ends: that is what is tried here."""

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say what went wrong, but for an end of the connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Network(_Cuttable, socketserver.ThreadingTCPServer):
    """Forwards requests to a door, and cuts some."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self, door: str, wanted: int, chance: random.Random, stack: Stack | None = None
    ) -> None:
        """
        Args:
            door: the address requests go to.
            wanted: cuts; from then on there are none.
            chance: where.
            stack: the one that the door is of.
        """
        self.stack = stack
        parts = urlsplit(door)
        self.door = (parts.hostname or "", parts.port or 80)
        self.wanted = wanted
        self.chance = chance
        self.lock = threading.Lock()
        self.requests = 0
        self.cuts: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), _Wire)

    def next_cut(self) -> str | None:
        """Where the next request is cut, if it is."""
        with self.lock:
            self.requests += 1
            if self.cuts.total() >= self.wanted or self.chance.random() > CUT_SHARE:
                return None
            where = self.chance.choice(WHERE)
            self.cuts[where] += 1
            return where

    def note(self, events: list[dict[str, Any]]) -> None:
        """Note what reached the door."""
        with self.lock:
            self.sent.update(event["event_id"] for event in events)


class _Wire(BaseHTTPRequestHandler):
    """One connection of the client."""

    server: Network
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        where = self.server.next_cut()
        if where == "before":
            self._cut()
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        if self.server.stack is not None and not self.path.endswith(EVENTS_PATH):
            headers |= self.server.stack.signed(body)
        if where == "during":
            self._part(body, headers)
            self._cut()
            return
        door = http.client.HTTPConnection(*self.server.door, timeout=30)
        door.request("POST", self.path, body, headers)
        response = door.getresponse()
        answer = response.read()
        door.close()
        if self.path.endswith(EVENTS_PATH):
            self.server.note(events_of(body, self.headers.get("Content-Encoding")))
        if where == "after":
            self._cut()
            return
        head = f"HTTP/1.1 {response.status} {response.reason}\r\n" + "".join(
            f"{name}: {value}\r\n"
            for name, value in response.getheaders()
            if name.lower() not in ("transfer-encoding", "content-length", "connection")
        )
        whole = f"{head}Content-Length: {len(answer)}\r\n\r\n".encode() + answer
        if where == "in_the_answer":
            with self.server.lock:
                whole = whole[: self.server.chance.randrange(1, len(whole))]
            self.wfile.write(whole)
            self._cut()
            return
        self.wfile.write(whole)

    def _part(self, body: bytes, headers: dict[str, str]) -> None:
        """Give the door the beginning of a request."""
        with self.server.lock:
            part = body[: self.server.chance.randrange(len(body))]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with (
            contextlib.suppress(OSError),
            socket.create_connection(self.server.door, timeout=5) as door,
        ):
            door.sendall(f"POST {self.path} HTTP/1.1\r\nHost: d\r\n{lines}\r\n".encode() + part)

    def _cut(self) -> None:
        """Reset the connection: nothing more comes, nothing more is read."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        """End the connection, which may be cut already."""
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


def events_of(body: bytes, encoding: str | None) -> list[dict[str, Any]]:
    """The events of a posted body."""
    text = gzip.decompress(body) if encoding == "gzip" else body
    return [json.loads(line) for line in text.splitlines()]


# --- the door -------------------------------------------------------------------------------------


class Door(_Cuttable, ThreadingHTTPServer):
    """Takes game events as the stack's door does, keeps each id once, and is not always well."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, chance: random.Random | None) -> None:
        """`chance` decides when it is not well; without it, it always is."""
        self.chance = chance
        self.lock = threading.Lock()
        self.kept: dict[str, dict[str, Any]] = {}
        self.accepted: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self.tokens: dict[str, int] = {}
        """Requests that a token is still good for."""
        super().__init__(("127.0.0.1", 0), _Desk)

    def install(self) -> dict[str, Any]:
        """A token, good for some requests."""
        token = os.urandom(8).hex()
        self.tokens[token] = 50
        return {"token": token, "expires_at": int((time.time() + 3_600) * 1_000)}

    def take(self, events: list[dict[str, Any]], token: str) -> tuple[int, dict[str, Any]]:
        """Status and document for a body."""
        lot = 1.0 if self.chance is None else self.chance.random()
        self.tokens[token] = self.tokens.get(token, 0) - 1
        if self.tokens[token] < 0:
            return 401, {"detail": "the token has ended"}
        for status, share in ((429, 0.05), (503, 0.05), (500, 0.03)):
            if lot < share:
                return status, {"detail": "not now"}
            lot -= share
        told = [self._take(event, is_well=lot > 0.1) for event in events]
        counts = Counter(status for status, _ in told)
        document = {
            "received": len(events),
            **{name: counts[name] for name in ("accepted", "duplicate", "quarantined", "failed")},
            "events": [
                {"index": index, "status": status, "event_id": event_id}
                for index, (status, event_id) in enumerate(told)
            ],
        }
        return (503 if counts["failed"] else 200), document

    def _take(self, event: dict[str, Any], *, is_well: bool) -> tuple[str, str]:
        event_id = event["event_id"]
        if not is_well and self.chance is not None and self.chance.random() < 0.3:
            if self.chance.random() < 0.3:  # it is kept, and the door does not know
                self._keep(event)
            return "failed", event_id
        return ("accepted" if self._keep(event) else "duplicate"), event_id

    def _keep(self, event: dict[str, Any]) -> bool:
        if event["event_id"] in self.kept:
            return False
        self.kept[event["event_id"]] = event
        self.accepted[event["event_id"]] += 1
        return True


class _Desk(BaseHTTPRequestHandler):
    server: Door
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the request was cut: it has no effect
            self.close_connection = True
            return
        with self.server.lock:
            if self.path.endswith("/installs"):
                status, document = 201, self.server.install()
            else:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                events = events_of(body, self.headers.get("Content-Encoding"))
                status, document = self.server.take(events, token)
                self.server.said[str(status)] += 1
        answer = json.dumps(document).encode()
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextlib.contextmanager
def _served[Server: socketserver.BaseServer](server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    game(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
