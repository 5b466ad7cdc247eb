"""A machine's condition, from what it said.

What is kept of a machine is, for each thing that can be wrong, the newest event that said so and
the newest that said it is over; newest by the machine's own clock, and by its own count where that
is equal. Which order events come in, and how often, makes no difference.

Only what people see at once is worth a write at once: that a machine is heard of, that it plays and
its meters are kept to within `HEARD_MS`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pitboss.events.slot import (
    DoorClosed,
    DoorOpened,
    EventsOverflowed,
    ExceptionRaised,
    GameStarted,
    HandpayPending,
    HandpayReported,
    HandpayReset,
    MeteredEvent,
    MetersReported,
    MetersReset,
    TiltRaised,
)
from pitboss.floor.rows import Fault, MachineCondition
from pitboss.money import dollars
from pitboss.sas.codes import CHANGE_LAMP_OFF, CHANGE_LAMP_ON

HEARD_MS = 10_000
"""How old what is kept of a machine that is heard of may be."""

OVERFLOW_MS = 15 * 60_000
"""How long a machine plays on until it is no longer said that it lost events."""

MAX_TOPICS = 16
"""Things that can be wrong with one machine: its doors are called what its gateway calls them."""

_NEVER = (-1, -1)

type Moment = tuple[int, int]
"""By the machine: its clock (epoch milliseconds), and its own count."""


class Told(Struct, array_like=True, frozen=True, gc=False):
    """What a machine told of one thing that can be wrong."""

    raised: Moment = _NEVER
    over: Moment = _NEVER
    words: str = ""
    """What it says of it,"""
    said: Moment = _NEVER
    """and when it said so."""


class Known(Struct, array_like=True, frozen=True, gc=False):
    """What is known of a machine beside its row: the newest events that decide."""

    told: dict[str, Told] = {}
    """By what can be wrong: a `Fault`, and of a door which."""
    played: Moment = _NEVER
    """Newest start of a game, to within `HEARD_MS`."""
    metered: Moment = _NEVER
    """Newest event that showed meters, to within `HEARD_MS`."""


class Turn(NamedTuple):
    """A fault that began, or was over."""

    topic: str
    since: int
    words: str
    over_at: int | None
    """None where it began."""


class Report(NamedTuple):
    """Events of a machine that came together."""

    received_at: int
    """Epoch milliseconds."""
    events: Sequence[MeteredEvent]


class Followed(NamedTuple):
    """A machine after events."""

    row: MachineCondition
    known: Known
    turns: list[Turn]
    """In the order of the events."""
    is_due: bool
    """Whether it is to be kept now. Where it is not, later events say all of it that counts."""


def follow(
    before: MachineCondition | None,
    known: Known,
    asset_id: str,
    reports: Iterable[Report],
    now: int,
) -> Followed:
    """A machine after it was heard of.

    Args:
        before: its row as it is kept; None where there is none.
        known: what is kept beside it.
        asset_id: the machine.
        reports: what came, in any order.
        now: epoch milliseconds. The row is never older than the one before.
    """
    machine = _Machine(known, before)
    heard_at = 0 if before is None else before.heard_at
    for report in reports:
        heard_at = max(heard_at, report.received_at)
        for event in report.events:
            machine.hear(event)
    faults = [(_kind(topic), since, words) for topic, since, words in machine.faults()]
    is_due = (
        before is None
        or machine.told != known.told
        or faults != before.faults
        or heard_at - before.heard_at >= HEARD_MS
    )
    coin_in, coin_out, games = machine.meters
    row = MachineCondition(
        asset_id,
        now if before is None else max(now, before.changed_at + 1),
        heard_at,
        faults,
        coin_in,
        coin_out,
        games,
    )
    after = Known(machine.told, machine.played, machine.metered)
    return Followed(row, after, machine.turns, is_due)


class _Machine:
    """A machine while events are applied."""

    def __init__(self, known: Known, row: MachineCondition | None) -> None:
        self.told = known.told
        self.played = known.played
        self.metered = known.metered
        self.meters: tuple[int | None, int | None, int | None] = (None, None, None)
        if row is not None:
            self.meters = (
                row.coin_in_meter_credits,
                row.coin_out_meter_credits,
                row.games_played_meter,
            )
        self.turns: list[Turn] = []

    def hear(self, event: MeteredEvent) -> None:
        """Take in an event."""
        self._read_meters(event)
        data, moment = event.data, (event.occurred_at, event.sequence)
        match data:
            case GameStarted():
                before = self.faults()
                self.played = max(self.played, moment)
                self._note_turns(before, moment)
            case HandpayPending():
                self._raise(Fault.HANDPAY, moment, "hand-pay pending")
            case HandpayReported():
                self._say(Fault.HANDPAY, moment, f"hand-pay of ${dollars(data.amount_cents)}")
            case HandpayReset():
                self._end(Fault.HANDPAY, moment)
            case DoorOpened():
                self._raise(f"{Fault.DOOR} {data.door}", moment, f"{data.door} door open")
            case DoorClosed():
                self._end(f"{Fault.DOOR} {data.door}", moment)
            case TiltRaised():
                self._raise(Fault.TILT, moment, data.name or f"exception {data.code:02X}")
            case EventsOverflowed():
                self._raise(Fault.OVERFLOW, moment, "events were lost")
            case ExceptionRaised(code=code) if code == CHANGE_LAMP_ON:
                self._raise(Fault.SERVICE, moment, "change lamp on")
            case ExceptionRaised(code=code) if code == CHANGE_LAMP_OFF:
                self._end(Fault.SERVICE, moment)

    def _raise(self, topic: str, moment: Moment, words: str) -> None:
        told = self.told.get(topic, Told())
        self._tell(topic, _saying(told, moment, words, raised=max(told.raised, moment)), moment)

    def _say(self, topic: str, moment: Moment, words: str) -> None:
        self._tell(topic, _saying(self.told.get(topic, Told()), moment, words), moment)

    def _end(self, topic: str, moment: Moment) -> None:
        told = self.told.get(topic, Told())
        self._tell(topic, replace(told, over=max(told.over, moment)), moment)

    def _tell(self, topic: str, told: Told, moment: Moment) -> None:
        before = self.faults()
        self.told = {**self.told, topic: told}
        if len(self.told) > MAX_TOPICS:
            oldest = min(self.told, key=lambda name: (_newest(self.told[name]), name))
            del self.told[oldest]
        self._note_turns(before, moment)

    def faults(self) -> list[tuple[str, int, str]]:
        """What lasts: topic, since when, and words."""
        return [
            (topic, told.raised[0], told.words)
            for topic, told in sorted(self.told.items())
            if self._lasts(topic, told)
        ]

    def _lasts(self, topic: str, told: Told) -> bool:
        if told.raised <= told.over:
            return False
        if topic == Fault.OVERFLOW:
            return self.played[0] < told.raised[0] + OVERFLOW_MS
        if topic in (Fault.TILT, Fault.HANDPAY):  # nobody plays through these
            return self.played < told.raised
        return True

    def _note_turns(self, before: list[tuple[str, int, str]], moment: Moment) -> None:
        after = self.faults()
        if before == after:
            return
        known = {(topic, since) for topic, since, _ in after}
        self.turns += [
            Turn(topic, since, words, moment[0])
            for topic, since, words in before
            if (topic, since) not in known
        ]
        known = {(topic, since) for topic, since, _ in before}
        self.turns += [
            Turn(topic, since, words, None)
            for topic, since, words in after
            if (topic, since) not in known
        ]

    def _read_meters(self, event: MeteredEvent) -> None:
        shown = _meters(event)
        moment = (event.occurred_at, event.sequence)
        if shown is None or moment <= self.metered:
            return
        self.metered = moment
        coin_in, coin_out, games = self.meters
        self.meters = (
            coin_in if shown[0] is None else shown[0],
            coin_out if shown[1] is None else shown[1],
            games if shown[2] is None else shown[2],
        )


def _saying(told: Told, moment: Moment, words: str, **fields: Any) -> Told:
    if moment > told.said:
        fields |= {"words": words, "said": moment}
    return replace(told, **fields)


def _meters(event: MeteredEvent) -> tuple[int | None, int | None, int | None] | None:
    """Coin-in, coin-out and games played that an event shows; None where it shows none of them."""
    data, shown = event.data, event.meters
    if shown is not None:
        found = (shown.coin_in_credits, shown.coin_out_credits, shown.games_played)
    elif isinstance(data, GameStarted):
        found = (data.coin_in_meter_credits, None, None)
    elif isinstance(data, MetersReported):
        get = data.meters.get  # by the names of SAS table C-7
        found = (
            get("TOTAL_COIN_IN_CREDITS"),
            get("TOTAL_COIN_OUT_CREDITS"),
            get("GAMES_PLAYED"),
        )
    elif isinstance(data, MetersReset):
        found = (0, 0, 0)
    else:
        return None
    return None if found == (None, None, None) else found


def _newest(told: Told) -> Moment:
    return max(told.raised, told.over, told.said)


def _kind(topic: str) -> str:
    return topic.partition(" ")[0]
