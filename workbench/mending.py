"""Mending what is in quarantine: what an expression makes of it, what the front door would say of
that, and the history in which every mend and every replay is a step of its own.

Nothing here changes an entry. A mend is a new thing that refers to the old one by the hash of the
bytes that it was made from, so that what came, what was made of it and by whom stay apart.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

import jq
import msgspec
from msgspec import Struct

import ingest_game_events.service
import ingest_slot_events.service
from ingest_game_events.reading import Sent, read_studio_post
from ingest_game_events.service import Applications, Rules
from pitboss.access import Decision, InvalidPrincipalError, Kind, Principal
from pitboss.events.batch import BatchHeader, UnreadableRecord, unpack_metered, unpack_received
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import StreamRecord
from pitboss.installs import NAME_PREFIX, principal_of
from pitboss.posts import FOREIGN, JSON_ARRAY, EventResult, RefusedRequest, Status
from workbench.event_files import DoorFormat, FileFormat

SECURITY = FOREIGN | {Decision.MISSING_SCOPE}
"""Reasons for which a person decides on each record alone: its sender was not allowed to send it,
and whoever replays it vouches for it with another key."""


UNREADABLE = "unreadable_record"
"""The reason of a whole stream record. It says neither whose it is nor how it was posted."""

OF_GAMES = frozenset({DoorFormat.STUDIO})
"""How games' events are posted. What came in another envelope is written in this one: those say
neither their application nor their client."""

OF_SLOTS = frozenset(DoorFormat) - OF_GAMES


class UnmendableError(ValueError):
    """A mend that cannot be made of these bytes; the message says why."""


# --- the history ----------------------------------------------------------------------------------


class Mend(Struct, frozen=True, tag_field="step", tag="mended"):
    """Someone made other bytes of it."""

    position: int
    """Of the entry in its object."""
    at: int
    """Epoch milliseconds."""
    by: str
    """Who: the ARN of the caller."""
    how: str
    """`jq: <expression>` or `file: <name>`."""
    note: str
    from_sha256: str
    """Of the bytes it was made from: the original's, or those of the mend before."""
    to_sha256: str
    format: str
    """How the new bytes are written."""
    content: str
    """The new bytes."""


class Posted(Struct, frozen=True, tag_field="step", tag="replayed"):
    """It went through the front door again, and that is what it answered."""

    position: int
    at: int
    by: str
    gateway: str
    """Whose key signed it."""
    sha256: str
    """Of the bytes that were posted."""
    status: str
    """`accepted`, `duplicate` or `quarantined`."""
    event_id: str = ""
    reason: str = ""
    detail: str = ""


type Step = Mend | Posted


class State(StrEnum):
    """What is to be done about an entry."""

    WAITING = "waiting"
    """It needs a mend, or what was wrong about the sender or the release put right."""
    MENDED = "mended"
    """It can be replayed."""
    REPLAYED = "replayed"
    """It is in the stream."""


@dataclass(frozen=True)
class Record:
    """Something in quarantine, with its history."""

    record_id: str
    """`<object>#<position>`."""
    entry: QuarantineEntry
    steps: tuple[Step, ...] = ()
    """The oldest first."""

    @property
    def position(self) -> int:
        """Of the entry in its object."""
        return int(self.record_id.rpartition("#")[2])

    @property
    def object_id(self) -> str:
        """The object it lies in."""
        return self.record_id.rpartition("#")[0]

    @property
    def is_of_games(self) -> bool:
        """Whether the games' door set it aside. What came there goes in there again."""
        return self.entry.stage == ingest_game_events.service.STAGE

    @property
    def formats(self) -> frozenset[DoorFormat]:
        """How it can be posted."""
        return OF_GAMES if self.is_of_games else OF_SLOTS

    @property
    def _mend(self) -> Mend | None:
        return next((step for step in reversed(self.steps) if isinstance(step, Mend)), None)

    @cached_property
    def _batch(self) -> tuple[BatchHeader, list[bytes]] | None:
        """What is in a whole stream record, where this release can read what another could not."""
        if self.entry.reason != UNREADABLE or self._mend is not None:
            return None
        try:
            header, _ = unpack_metered(self.entry.raw)
            received = unpack_received(self.entry.raw)
        except UnreadableRecord:
            return None
        return (header, received) if received else None

    @property
    def raw(self) -> bytes:
        """The bytes as they are now: the newest mend's, or as they came."""
        return self.entry.raw if self._mend is None else self._mend.content.encode()

    @property
    def events(self) -> list[bytes]:
        """The events to be posted: one, or all of a stream record."""
        return [self.raw] if self._batch is None else self._batch[1]

    @property
    def format(self) -> str:
        """How they are written; empty where that is not known."""
        if self._batch is not None:
            name = self._batch[0].format
        else:
            name = self.entry.format if self._mend is None else self._mend.format
        return name if name in self.formats else ""

    @property
    def property_id(self) -> str:
        """Whose they are; empty where that is not known."""
        if self._batch is not None:
            return self._batch[0].property_id
        return self.property_of(self.raw)

    def property_of(self, raw: bytes) -> str:
        """Whose an event is that is made of it: its sender's or, where that is not known, the one
        that it names; empty where it names none, as packets do not.
        """
        if self.entry.reason != UNREADABLE:
            return self.entry.property_id
        try:
            return msgspec.json.decode(raw, type=_Named).property_id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return ""

    @property
    def state(self) -> State:
        """What is in the stream is done; what was refused again waits for another mend."""
        state = State.WAITING
        for step in self.steps:
            if isinstance(step, Mend):
                state = State.MENDED
            elif step.status != Status.QUARANTINED:
                return State.REPLAYED
            else:
                state = State.WAITING
        return state


class _Named(Struct):
    property_id: str


class _NamedClient(Struct):
    app_name: str
    client_id: str


def install_of(record: Record, raw: bytes) -> Principal | None:
    """The install as which an event is posted again: the one that sent it. None of what a server
    or a gateway sent.

    A client's claim stays a client's claim, and its own: the name of an install follows from its
    application and its client, so that what is made of its event cannot be another's.

    Args:
        record: what was set aside.
        raw: the event, as it came or as it is mended.

    Raises:
        UnmendableError: the event is not of the client and application that it came from.
    """
    if not (record.is_of_games and record.entry.sender.startswith(NAME_PREFIX)):
        return None
    try:
        named = msgspec.json.decode(raw, type=_NamedClient)
        install = principal_of(record.entry.property_id, named.app_name, named.client_id)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidPrincipalError):
        raise UnmendableError("it names no `app_name` and `client_id`, as a client's has to") from (
            None
        )
    if install.principal_id != record.entry.sender:
        raise UnmendableError(
            f"it came from {record.entry.sender}, which speaks for another client or application"
        )
    return install


@dataclass(frozen=True)
class Senders:
    """As whom the workbench posts what is of a property."""

    of_slots: Callable[[str], Principal]
    of_games: Callable[[str], Principal]
    """Of what a server sent; what a client sent is posted as that client's."""

    def of(self, record: Record, raw: bytes, property_id: str) -> Principal:
        """Who posts an event of a property.

        Raises:
            UnmendableError: as of `install_of`.
        """
        own = self.of_games if record.is_of_games else self.of_slots
        return install_of(record, raw) or own(property_id)


def hash_of(raw: bytes) -> str:
    """What a step names bytes by: SHA-256, in hex."""
    return sha256(raw).hexdigest()


# --- making other bytes ---------------------------------------------------------------------------

type Change = Callable[[bytes], bytes | None]
"""Makes new bytes of an event's; None where the event is not meant. May raise UnmendableError."""


class Expression:
    """A jq program that makes one event of one event, or nothing of one it does not select.

    jq itself, because it assigns, selects and computes: JMESPath and JSONPath only read, a JSON
    Patch only assigns.
    """

    def __init__(self, text: str) -> None:
        """
        Raises:
            UnmendableError: it is no jq.
        """
        try:
            self._program = jq.compile(text)
        except ValueError as fault:
            raise UnmendableError(f"{text!r} is no jq expression: {_first_line(fault)}") from None
        self.how = f"jq: {text}"

    def __call__(self, raw: bytes) -> bytes | None:
        """The event that it makes of this one; None where it makes nothing.

        Raises:
            UnmendableError: the bytes are no JSON, the expression fails or makes several events, or
                there is a number that jq cannot hold (it counts in doubles) and would change.
        """
        try:
            event = json.loads(raw, parse_float=Decimal)
            if json.loads(jq.compile(".").input_text(raw.decode()).text(), parse_float=Decimal) != (
                event
            ):
                raise UnmendableError("it has a number that jq cannot hold: mend it with --file")
            made = self._program.input_text(raw.decode()).all()
        except UnmendableError:
            raise
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise UnmendableError("it is no JSON: mend it with --file") from None
        except ValueError as fault:
            raise UnmendableError(f"the expression fails: {_first_line(fault)}") from None
        if len(made) > 1:
            raise UnmendableError(f"the expression makes {len(made)} events of one")
        return msgspec.json.encode(made[0]) if made else None


def on_one_line(raw: bytes) -> bytes:
    """An edited event as it can be posted: packets are one a line.

    Raises:
        UnmendableError: it is not one JSON value.
    """
    try:
        msgspec.json.decode(raw)
        return msgspec.json.format(raw, indent=-1) if b"\n" in raw.strip() else raw.strip()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UnmendableError(f"it is not one JSON value: {fault}") from None


def _first_line(fault: Exception) -> str:
    return next(iter(str(fault).splitlines()), type(fault).__name__).rstrip(":. ")


def difference(before: bytes, after: bytes) -> list[str]:
    """What a mend changes, line by line of the indented events: `- old`, `+ new`."""
    lines = difflib.unified_diff(_lines(before), _lines(after), n=0, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in list(lines)[2:] if not line.startswith("@@")]


def _lines(raw: bytes) -> list[str]:
    try:
        text = msgspec.json.format(raw).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = raw.decode(errors="backslashreplace")
    return [line.rstrip(",") for line in text.splitlines()]


# --- what the front door would say ----------------------------------------------------------------


class _NoStream:
    def put(self, records: Sequence[StreamRecord]) -> set[int]:
        return set()


class _NoQuarantine:
    def put(self, entries: Sequence[QuarantineEntry]) -> str:
        return ""


class _NoApplications:
    def find(self, property_id: str, application_id: str) -> Rules | None:
        return None


NO_APPLICATIONS = _NoApplications()
"""Of slot events, which are of none."""


def rehearse(
    events: Sequence[bytes],
    format_name: str,
    sender: Principal,
    now: int,
    applications: Applications = NO_APPLICATIONS,
) -> EventResult:
    """What the front door, its own code, would answer about events: of the first that it would set
    aside, or else of the first. Nothing is kept.

    Args:
        events: one or more.
        format_name: how they are written.
        sender: who would sign them.
        now: epoch milliseconds.
        applications: what is registered, for events of games.
    """
    if format_name in OF_GAMES:
        sent = Sent(now, sender.kind is not Kind.INSTALL, sender.client_id)
        try:
            body = read_studio_post(b"[" + b",".join(events) + b"]", JSON_ARRAY, sent)
        except RefusedRequest as fault:
            return EventResult(0, Status.QUARANTINED, reason="malformed_json", detail=str(fault))
        answer = ingest_game_events.service.ingest(
            body, sender, now, applications, _NoStream(), _NoQuarantine()
        )
    else:
        written_as = FileFormat(format_name).reader
        answer = ingest_slot_events.service.ingest(
            events, written_as, sender, now, _NoStream(), _NoQuarantine()
        )
    refused = (one for one in answer.events if one.status is Status.QUARANTINED)
    return next(refused, answer.events[0])


class Verdict(StrEnum):
    """What a mend comes to."""

    MENDED = "mended"
    UNTOUCHED = "untouched"
    """The expression does not select it, or changes nothing."""
    REFUSED = "refused"
    """No such bytes can be made, or the front door would not take them."""


@dataclass(frozen=True)
class Proposal:
    """What a mend would do to a record."""

    record: Record
    verdict: Verdict
    format: str
    raw: bytes = b""
    """The new bytes, where they could be made."""
    detail: str = ""
    """Why it is refused."""

    def step(self, *, how: str, note: str, by: str, at: int) -> Mend:
        """The step that stores it."""
        return Mend(
            self.record.position,
            at,
            by,
            how,
            note,
            hash_of(self.record.raw),
            hash_of(self.raw),
            self.format,
            self.raw.decode(),
        )


def propose(
    record: Record,
    make: Change,
    senders: Senders,
    now: int,
    written_as: str | None = None,
    applications: Applications = NO_APPLICATIONS,
) -> Proposal:
    """What a mend would do, judged by the front door's own code.

    Args:
        record: what is to be mended.
        make: makes the new bytes of the old.
        senders: who would send it.
        now: epoch milliseconds.
        written_as: the format of the new bytes; the record's own where None.
        applications: what is registered, for events of games.
    """
    name = written_as or record.format
    if name not in record.formats:
        choice = " or ".join(sorted(record.formats))
        detail = (
            f"it cannot be posted as {name}, but as {choice}"
            if name
            else f"it does not say how it was posted, or cannot be posted so again: write it as "
            f"{choice} and name that with --format"
        )
        return Proposal(record, Verdict.REFUSED, name, detail=detail)
    try:
        raw = make(record.raw)
    except UnmendableError as fault:
        return Proposal(record, Verdict.REFUSED, name, detail=str(fault))
    if raw is None or (name == record.format and not difference(record.raw, raw)):
        return Proposal(record, Verdict.UNTOUCHED, name)
    property_id = record.property_of(raw)
    if not property_id:
        detail = "it does not say of which property it is: write an envelope, with --format pitboss"
        return Proposal(record, Verdict.REFUSED, name, raw, detail)
    try:
        sender = senders.of(record, raw, property_id)
    except UnmendableError as fault:
        return Proposal(record, Verdict.REFUSED, name, raw, str(fault))
    says = rehearse([raw], name, sender, now, applications)
    if says.status is Status.QUARANTINED:
        return Proposal(record, Verdict.REFUSED, name, raw, f"{says.reason}: {says.detail}")
    return Proposal(record, Verdict.MENDED, name, raw)


def counted(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many of each."""
    counts: dict[str, int] = dict.fromkeys(Verdict, 0)
    for verdict in verdicts:
        counts[verdict] += 1
    return counts
