"""History rated by what should have been reported: which events it takes, and what they change.

A wrong hold or denomination is put right by paytable reports that stand where the wrong ones do and
come just after them (ADR 11). To the rating they are late events like any other: what was posted is
corrected by entries beside it, and the totals follow. Here they are made, and their effect is found
out by the rating code itself, on a copy of a machine's history.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from pitboss.events.envelope import SCHEMA_VERSION, event_type_of
from pitboss.events.slot import PaytableReported, SlotEvent
from pitboss.rating.fold import Carry, House, Paytable, SessionDay, Tally
from pitboss.rating.history import History, apply, page_of
from pitboss.stores.ratings import Asset, PlayerSession

MARK = "~rerate~"
"""How the id of a correcting report begins: a tilde sorts after every letter and digit, so that of
events of the same moment and sequence it is the last."""

type Tallies = dict[SessionDay, Tally]


class Histories(Protocol):
    """Where machines' histories are; see `pitboss.stores.ratings.DynamoRatings`."""

    def history(self, asset: Asset, since: int) -> History: ...


class Correction(NamedTuple):
    """What a machine should have reported. None: what it reported was right."""

    asset_id: str
    game_number: int
    """0 is the machine's own paytable."""
    hold_basis_points: int | None
    accounting_denomination_cents: int | None

    def of(self, paytable: Paytable) -> Paytable:
        """The paytable as it should have been."""
        hold, denomination = self.hold_basis_points, self.accounting_denomination_cents
        return Paytable(
            paytable.hold_basis_points if hold is None else hold,
            paytable.accounting_denomination_cents if denomination is None else denomination,
        )


class TooFarBackError(Exception):
    """So much has been played since that the history which the events change is too long."""


class UnderCorrectionError(Exception):
    """A long correction of the machine is under way; it is over when its next events are rated."""


@dataclass(frozen=True)
class Rerating:
    """What a correction takes at one machine, and what it changes."""

    asset_id: str
    events: list[SlotEvent]
    before: Tallies
    """Play as it is rated, of every session and gaming day that the events may reach."""
    after: Tallies
    """The same play as it will be rated."""
    open_ended: bool
    """The range is not over: the corrected paytable stays in force until the next report."""
    end: int
    """When the range ends, epoch milliseconds."""

    def in_turn(self) -> tuple[list[SlotEvent], list[SlotEvent]]:
        """The events in the order in which to send them: what stands after the range first.

        Then the range is settled when it is corrected, however short ago it was played, and every
        change of it is an entry of its own (ADR 6).
        """
        after = [event for event in self.events if event.occurred_at >= self.end]
        return after, [event for event in self.events if event.occurred_at < self.end]

    def reports(self) -> Iterator[tuple[SlotEvent, PaytableReported]]:
        """The events, each with what it reports."""
        for event in self.events:
            assert isinstance(event.data, PaytableReported)
            yield event, event.data

    def days(self) -> list[tuple[str, Tally, Tally]]:
        """The machine's gaming days that differ, with their play before and after."""
        before, after = _by_day(self.before), _by_day(self.after)
        return [
            (day, before.get(day, Tally()), after.get(day, Tally()))
            for day in sorted(before.keys() | after.keys())
            if before.get(day, Tally()) != after.get(day, Tally())
        ]

    @cached_property
    def changes(self) -> Tallies:
        """New less old, where they differ."""
        differences = {}
        for key in self.before.keys() | self.after.keys():
            difference = replace(self.after.get(key, Tally()))
            difference.add(self.before.get(key, Tally()), -1)
            if difference:
                differences[key] = difference
        return differences


def rerate(
    histories: Histories,
    asset: Asset,
    corrections: Sequence[Correction],
    bounds: Sequence[int],
    house: House,
    now: int,
) -> Rerating | None:
    """What putting a machine's paytables right takes and changes. Nothing is stored.

    Args:
        histories: where the machine's history is read.
        asset: the machine.
        corrections: of its paytables, each of another; none to see what is rated.
        bounds: when the gaming days begin in which it reported wrong, one after the other, and when
            the last of them ends, epoch milliseconds.
        house: the rules of the property.
        now: epoch milliseconds.

    Returns:
        None for a machine that nothing is known of.

    Raises:
        TooFarBackError: late events may not reach back as far.
        UnderCorrectionError: a long correction of the machine is under way.
    """
    history = histories.history(asset, page_of(bounds[0]))
    if history.head is None:
        return None
    events = [
        event
        for correction in corrections
        for event in correcting_reports(history, correction, bounds, house, now)
    ]
    if (missing := history.missing_from(events)) is not None:
        history = histories.history(asset, missing)
    first = min(page_of(moment) for moment in (bounds[0], *(e.occurred_at for e in events)))
    if history.run_start > first:
        raise TooFarBackError
    if history.is_stale:
        raise UnderCorrectionError
    before = _rated(history, first, house)
    _apply(asset.asset_id, history, events, house)
    after = _rated(history, first, house)
    return Rerating(
        asset.asset_id, events, before, after, bool(events) and bounds[-1] > now, bounds[-1]
    )


def correcting_reports(
    history: History, correction: Correction, bounds: Sequence[int], house: House, now: int
) -> list[SlotEvent]:
    """The reports that make a correction, in order; none where it changes nothing that was played.

    - One follows each wrong report of the span, at the same moment.
    - One at the start of each gaming day with events, where a wrong paytable is in force then: one
      at the first would do for the rating, but the lake makes a day anew for what came late for it.
    - One at the end says again what was reported, so that what comes after stays as it is.
    - One comes a millisecond before a wrong report that play had waited for, as the machine's
      first: that play is rated by the first report there is.

    Made a second time, with the first ones in the history, there are none.
    """
    start, end = bounds[0], bounds[-1]
    number = correction.game_number
    reports = _reports(history, number, (start, end + 1))
    moments = [event.occurred_at for event in _events(history)]
    played = [first for first, next_ in pairwise(bounds) if _any_from(moments, first, next_)]
    if not played:
        return []
    made: list[SlotEvent] = []

    def report(moment: int, sequence: int, paytable: Paytable, like: PaytableReported) -> None:
        earlier = reports.get((moment, sequence), [])
        generation = 1 + sum(event.event_id.startswith(MARK) for event in earlier)
        name = f"{correction.asset_id}/{number}/{moment}/{sequence}".encode()
        made.append(
            SlotEvent(
                f"{MARK}{generation:03d}~{blake2b(name, digest_size=8).hexdigest()}",
                moment,
                sequence,
                None,
                replace(
                    like,
                    base_basis_points=10_000 - paytable.hold_basis_points,
                    accounting_denomination_cents=paytable.accounting_denomination_cents,
                ),
            )
        )

    plain = PaytableReported(0, game_number=number)
    for moment in played:
        found = _paytable(_carry_at(history, moment, house), number)
        if found is not None and correction.of(found) != found and (moment, 0) not in reports:
            report(moment, 0, correction.of(found), plain)
    for (moment, sequence), there in reports.items():
        if moment == end:
            continue
        said = there[-1].data
        assert isinstance(said, PaytableReported)
        paytable = Paytable(said.hold_basis_points, said.accounting_denomination_cents)
        if correction.of(paytable) != paytable:
            if _has_waiting_play(history, moment, house):
                report(moment - 1, 0, correction.of(paytable), said)
            report(moment, sequence, correction.of(paytable), said)
    found = _paytable(_carry_at(history, end, house), number)
    wrong = found is not None and correction.of(found) != found
    if found is not None and wrong and end <= now and (end, 0) not in reports:
        report(end, 0, found, plain)
    return sorted(made, key=lambda event: (event.occurred_at, event.sequence, event.event_id))


def envelope(event: SlotEvent, property_id: str, asset_id: str, reason: str) -> bytes:
    """A correcting report as it is posted. The reason stays with it in the archive."""
    return msgspec.json.encode(
        {
            "event_id": event.event_id,
            "event_type": event_type_of(type(event.data)),
            "schema_version": SCHEMA_VERSION,
            "property_id": property_id,
            "asset_id": asset_id,
            "occurred_at": event.occurred_at,
            "sequence": event.sequence,
            "data": {
                name: value
                for name, value in msgspec.structs.asdict(event.data).items()
                if value is not None
            },
            "reason": reason,
        }
    )


def rated_anew(
    sessions: Iterable[PlayerSession], reratings: Mapping[str, Rerating]
) -> list[PlayerSession]:
    """A player's sessions as they will be; `reratings` are by machine."""
    made = []
    for session in sessions:
        tally = replace(session.tally)
        if session.asset_id in reratings:
            tally.add(reratings[session.asset_id].changes.get(session.key, Tally()))
        made.append(session._replace(tally=tally))
    return made


def _by_day(tallies: Tallies) -> dict[str, Tally]:
    days: dict[str, Tally] = {}
    for key, tally in tallies.items():
        days.setdefault(key.day, Tally()).add(tally)
    return days


def _any_from(moments: Sequence[int], first: int, next_: int) -> bool:
    """Whether any of the moments, in order, is in a span."""
    return bisect_left(moments, first) < bisect_left(moments, next_)


def _events(history: History) -> Iterator[SlotEvent]:
    for _, page in sorted(history.pages.items()):
        yield from page.events


def _reports(
    history: History, number: int, span: tuple[int, int]
) -> dict[tuple[int, int], list[SlotEvent]]:
    """The reports of a paytable in a span by moment and sequence, in order."""
    found: dict[tuple[int, int], list[SlotEvent]] = {}
    for event in _events(history):
        data = event.data
        is_one = isinstance(data, PaytableReported) and data.game_number == number
        if is_one and span[0] <= event.occurred_at < span[1]:
            found.setdefault((event.occurred_at, event.sequence), []).append(event)
    return found


def _carry_at(history: History, moment: int, house: House) -> Carry:
    """What the events before a moment leave to carry on."""
    start = max((start for start in history.pages if start <= moment), default=None)
    if start is None:
        before = history.before_run
        if before is None and history.pages:
            return history.pages[min(history.pages)].carry
        return Carry() if before is None else before.end(house)
    page = history.pages[start]
    return page.carry_at(sum(event.occurred_at < moment for event in page.events), house)


def _has_waiting_play(history: History, moment: int, house: House) -> bool:
    carry = _carry_at(history, moment, house)
    if carry.paytable_in_force() is not None:
        return False
    return bool(carry.unrated or carry.open_game) or any(
        event.occurred_at == moment and not isinstance(event.data, PaytableReported)
        for event in _events(history)
    )


def _paytable(carry: Carry, number: int) -> Paytable | None:
    return dict(carry.games).get(number) if number else carry.paytable


def _rated(history: History, first: int, house: House) -> Tallies:
    """Play of the pages from one on, as it is rated."""
    total: Tallies = {}
    for start, page in history.pages.items():
        if start >= first:
            for key, tally in page.rated(house).tallies.items():
                total.setdefault(key, Tally()).add(tally)
    return total


def _apply(asset_id: str, history: History, events: list[SlotEvent], house: House) -> None:
    left = events
    while left or history.is_stale:
        applied = apply(asset_id, history, left, house)
        if applied.change is not None:
            history.commit(applied.change)
        elif applied.left:
            raise AssertionError("a change was left for later that nothing precedes")
        left = applied.left
