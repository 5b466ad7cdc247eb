"""The use case: keep a batch of messages, each event once, and say what became of each."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from pitboss.errors import TransientError
from pitboss.events.envelope import InvalidEvent
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.shuffler import Unrecognised
from pitboss.shufflers.messages import ReadMessage, Refused, read_message
from pitboss.shufflers.state import DayOf, Received, changes_of
from pitboss.stores.shufflers import Fold, Written

STAGE = "track_shufflers"

MAX_TRIES = 4
"""Of a transaction: conflicts and restarts of the database pass in less."""

FOREIGN = frozenset({"no_certificate", "foreign_client", "foreign_asset"})
"""Reasons that are security events."""

DAY_MS = 86_400_000

UNNAMED_SENDER = "unknown"

_SENDER = re.compile(r"[A-Za-z0-9_.:-]{1,129}", re.ASCII)
"""A client id that can be part of an object's key; every shuffler's is one."""


class Shufflers(Protocol):
    """Keeps events; see `pitboss.stores.shufflers.PostgresShufflers`."""

    def write(self, received: Sequence[Received], fold: Fold) -> Written: ...


class Quarantine(Protocol):
    """Keeps what was not accepted; see `pitboss.stores.quarantine.S3Quarantine`."""

    def put(self, entries: Sequence[QuarantineEntry]) -> object: ...


class DeliveredRecord(NamedTuple):
    """A record of the stream."""

    data: bytes
    arrived_at: int
    """Epoch ms."""


class Outcome(NamedTuple):
    """What became of a batch: received = accepted + duplicate + quarantined.

    A message that is refused whole counts as one event.
    """

    records: int
    accepted: int
    duplicate: int
    quarantined: int
    foreign: int
    """Of those quarantined, the ones that are security events."""
    unrecognised: int
    """Of those accepted, the ones of a type or version that is not known."""
    foreign_senders: list[str]

    @property
    def received(self) -> int:
        """Every event that came."""
        return self.accepted + self.duplicate + self.quarantined


class TrackShufflers:
    """Keeps batches of messages."""

    def __init__(
        self,
        shufflers: Shufflers,
        quarantine: Quarantine,
        day_of: DayOf,
        months_kept: int,
        pause: Callable[[int], None],
    ) -> None:
        """
        Args:
            shufflers: where events go.
            quarantine: where goes what is refused.
            day_of: the gaming day of a moment, at a property.
            months_kept: whole months of events, before the one that it is, that are kept.
            pause: waits before another try; it is told how many there were.
        """
        self._shufflers = shufflers
        self._quarantine = quarantine
        self._day_of = day_of
        self._months_kept = months_kept
        self._pause = pause

    def __call__(self, records: Sequence[DeliveredRecord]) -> Outcome:
        """Keep one batch.

        Raises:
            TransientError: it could not be written, however often it was tried: it has to come
                again.
        """
        entries: list[QuarantineEntry] = []
        received: list[Received] = []
        for record in records:
            message = read_message(record.data, record.arrived_at)
            sender = message.sender if _SENDER.fullmatch(message.sender) else UNNAMED_SENDER
            entries += [_entry(message, sender, refused) for refused in message.refused]
            oldest = oldest_kept(message.received_at, self._months_kept)
            for event in message.events:
                if event.occurred_at < oldest:
                    fault = InvalidEvent("too_late", f"events before {oldest} are not kept")
                    entries.append(_entry(message, sender, Refused(event.raw, 0, fault)))
                else:
                    received.append(Received(event, message.received_at, sender))
        written = self._write(received) if received else Written([], [], [])
        entries += [_reused(one) for one in written.reused]
        for place in dict.fromkeys((entry.property_id, entry.sender) for entry in entries):
            self._quarantine.put([e for e in entries if (e.property_id, e.sender) == place])
        foreign = [entry for entry in entries if entry.reason in FOREIGN]
        return Outcome(
            records=len(records),
            accepted=len(written.new),
            duplicate=len(written.duplicate),
            quarantined=len(entries),
            foreign=len(foreign),
            unrecognised=sum(isinstance(one.event.data, Unrecognised) for one in written.new),
            foreign_senders=list(dict.fromkeys(entry.sender for entry in foreign)),
        )

    def _write(self, received: Sequence[Received]) -> Written:
        for attempt in range(1, MAX_TRIES):
            try:
                return self._shufflers.write(received, self._fold)
            except TransientError:
                self._pause(attempt)
        return self._shufflers.write(received, self._fold)

    @property
    def _fold(self) -> Fold:
        return lambda new: changes_of(new, self._day_of)


def oldest_kept(received_at: int, months: int) -> int:
    """The first moment, epoch ms, whose events are certain to be kept still.

    What is older may be forgotten, so that nobody could tell whether it was counted before. A day
    is left for what is under way when a month is dropped.
    """
    moment = datetime.fromtimestamp((received_at + DAY_MS) / 1000, UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * 1000


def _entry(message: ReadMessage, sender: str, refused: Refused) -> QuarantineEntry:
    return QuarantineEntry.of(
        refused.raw,
        reason=refused.fault.reason,
        detail=refused.fault.detail,
        stage=STAGE,
        property_id=message.property_id,
        sender=sender,
        received_at=message.received_at,
        index=refused.position,
    )


def _reused(one: Received) -> QuarantineEntry:
    event = one.event
    return QuarantineEntry.of(
        event.raw,
        reason="id_reuse",
        detail=f"sequence {event.sequence} at {event.occurred_at} is known with another content",
        stage=STAGE,
        property_id=event.property_id,
        sender=one.sender,
        received_at=one.received_at,
        index=0,
    )
