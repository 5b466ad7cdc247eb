"""A shift sent through the front door while it happens."""

from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Struct

from workbench.console import WorkbenchError
from workbench.simulation.floor import Event, Floor
from workbench.simulation.packets import packet_line

POST_INTERVAL_SECONDS = 0.25
"""Packets are gathered this long, as a gateway does, and posted together."""

MAX_EVENTS = 500
MAX_BYTES = 1_000_000
"""The front door takes 500 events and 1 MiB at once."""

MAX_TRIES = 5
"""Times an event is posted that the front door could not put on the stream."""

CONTENT_TYPE = "application/x-ndjson"


class EventAnswer(Protocol):
    """What became of one event of a post."""

    @property
    def index(self) -> int: ...
    @property
    def status(self) -> str: ...


class Answer(Protocol):
    """What became of a post."""

    @property
    def status(self) -> int: ...
    @property
    def refusal(self) -> str: ...
    @property
    def received(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def duplicate(self) -> int: ...
    @property
    def quarantined(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def events(self) -> tuple[EventAnswer, ...]: ...


class Front(Protocol):
    """The front door; see `workbench.client.PitbossClient`."""

    def post_events(self, body: bytes, content_type: str) -> Answer: ...


class Counts(Struct):
    """What the front door said so far: received = accepted + duplicate + quarantined."""

    posts: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0


def stream(
    floor: Floor,
    front: Front,
    speed: float,
    clock: Callable[[], float],
    wait: Callable[[float], bool],
    posted: Callable[[list[Event], Counts], None],
) -> Counts:
    """Send a floor's packets when they are due, until the shift is over or someone closes it.

    Closing finishes the games in progress and takes the cards out; what that makes is sent at once.

    Args:
        floor: a floor not yet played.
        front: where to post.
        speed: how many times faster than real time.
        clock: seconds, only differences matter.
        wait: waits that many seconds at most and says whether the floor is to be closed.
        posted: told of every post's events and of the counts after it.

    Raises:
        WorkbenchError: a post was refused.
    """
    counts = Counts()
    started = clock()
    interval = POST_INTERVAL_SECONDS * 1_000 * speed  # of the floor's time
    due = interval
    closing = False
    batch: list[Event] = []
    for event in floor.events():
        at = event.cache_time - floor.plan.start
        while at >= due and not closing:
            closing = wait(max(0.0, started + due / speed / 1_000 - clock()))
            _send(front, batch, counts, posted)
            batch = []
            if closing:
                floor.close(floor.plan.start + int(due))
            due += interval
        batch.append(event)
        if len(batch) == MAX_EVENTS:
            _send(front, batch, counts, posted)
            batch = []
    _send(front, batch, counts, posted)
    return counts


def _send(
    front: Front,
    batch: list[Event],
    counts: Counts,
    posted: Callable[[list[Event], Counts], None],
) -> None:
    lines: list[bytes] = []
    size = 0
    for event in batch:
        line = packet_line(event)
        if size + len(line) > MAX_BYTES:
            _post(front, lines, counts)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        _post(front, lines, counts)
        posted(batch, counts)


def _post(front: Front, lines: list[bytes], counts: Counts) -> None:
    """Post packets, and those that failed again."""
    for _ in range(MAX_TRIES):
        answer = front.post_events(b"\n".join(lines), CONTENT_TYPE)
        if answer.received == 0:
            raise WorkbenchError(
                f"The front door refused the packets ({answer.status}: {answer.refusal}): "
                "run `pitboss status` and `pitboss gateways list`."
            )
        counts.posts += 1
        counts.received += answer.received - answer.failed
        counts.accepted += answer.accepted
        counts.duplicate += answer.duplicate
        counts.quarantined += answer.quarantined
        if not answer.failed:
            return
        lines = [lines[index] for index in _failed(answer.events)]
    raise WorkbenchError(
        f"{len(lines)} packets could not be put on the stream in {MAX_TRIES} tries: "
        "run `pitboss status`."
    )


def _failed(events: Iterable[EventAnswer]) -> list[int]:
    return [event.index for event in events if event.status == "failed"]
