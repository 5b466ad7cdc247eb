"""What changed about a player: from a machine's state before and after a stored change.

Nothing is stored about what was told, so that what is stored stays a function of the events. What a
process remembers of a machine is a `Sitting`: who plays, what that has come to, and what was told
of it. A process that remembers nothing tells all that holds of the session in progress; a
change has the same id however often it is told.

Only the newest end of a machine's history counts. A correction of a session that is over tells
nobody anything.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.rating.fold import DayOf, Seat, SessionDay

if TYPE_CHECKING:
    from pitboss.rating.history import Change, Head, SessionDayChange

MAX_AGE_MS = 15 * 60_000
"""Device time, from now, of the newest event beyond which nothing is told: the idle time-out of a
house without a rule. Whoever played then may have gone, and a stream or an archive that is read
again has nothing to tell."""

MAX_SESSION_DAYS = 7
"""Gaming days back from a session's newest play in which its play is looked for, its first beside
them. More has only a session that a machine's wrong clock began."""

_STEP_MS = 12 * 3_600_000
"""Less than any gaming day has, also where clocks change."""
_DAY_MS = 24 * 3_600_000


class Sitting(NamedTuple):
    """What a process knows of the session in progress at a machine, and has told of it."""

    player_id: str | None = None
    """None: nobody plays, or without a card."""
    started_at: int = 0
    theoretical_win: int | None = None
    """Of the session so far, in ten-thousandths of a cent; None where it has to be read."""
    told: int | None = None
    """The highest worth step told; None where not even the start is."""
    tier: str | None = None
    """The tier told of."""

    def is_unread(self) -> bool:
        """Whether there is a session of which it is not known what it came to."""
        return self.player_id is not None and self.theoretical_win is None

    def is_told(self, worth_step: int) -> bool:
        """Whether all that holds was told, with steps of so much."""
        if self.player_id is None:
            return True
        if self.told is None or self.theoretical_win is None:
            return False
        return self.theoretical_win // worth_step <= self.told

    def is_at(self, seat: Seat) -> bool:
        """Whether it is the session, or the lack of one, at this seat."""
        return (self.player_id, self.started_at) == (seat.player_id, seat.seated_since or 0)

    def moved_on(self, differences: "Sequence[SessionDayChange]") -> "Sitting":
        """The same session after these changes of play."""
        more = 0
        for change in differences:
            key = change.key
            if key.player_id == self.player_id and key.started_at == self.started_at:
                more += change.difference.theoretical_win
        if not more or self.theoretical_win is None:
            return self
        return self._replace(theoretical_win=self.theoretical_win + more)


class Place(NamedTuple):
    """Where and when changes are told of."""

    property_id: str
    asset_id: str
    occurred_at: int
    """Device time of the machine's newest event, epoch milliseconds."""
    gaming_day: str
    """Of that."""


def is_of_now(occurred_at: int, now: int) -> bool:
    """Whether the newest event is not long past (both epoch milliseconds); a clock may be ahead."""
    return now - occurred_at <= MAX_AGE_MS


def sittings(
    known: Sitting | None, change: "Change | None", head: "Head"
) -> tuple[Sitting, Sitting]:
    """The session before a stored change, with what it came to by it, and the one after.

    Where it is the same session, both are the same.

    Args:
        known: what was remembered; None where the machine was just read.
        change: what was stored; None where nothing was.
        head: as it is stored now.
    """
    former = head if change is None else change.before
    differences = () if change is None else change.sessions
    if known is None:
        known = Sitting() if former is None else _seated(former.seat)
    before = known.moved_on(differences)
    if before.is_at(head.seat):
        return before, before
    after = _seated(head.seat)
    if former is None or after.started_at > former.page.events[-1].occurred_at:
        # It had no play before this change.
        after = after._replace(theoretical_win=0).moved_on(differences)
    return before, after


def _seated(seat: Seat) -> Sitting:
    return Sitting(seat.player_id, seat.seated_since or 0)


def session_changes(
    before: Sitting, after: Sitting, place: Place, worth_step: int
) -> tuple[list[PlayerChanged], Sitting]:
    """What there is to tell, in order, and the session after with that told.

    Args:
        before: the session before.
        after: the session after, with what was told of it; the same where it goes on.
        place: where and when.
        worth_step: theoretical win from one step to the next, in ten-thousandths of a cent.
    """
    changes = []
    if before is not after and before.player_id is not None:
        changes.append(_change(ChangeKind.SESSION_ENDED, before, place))
    if after.player_id is None:
        return changes, after
    told = after.told
    if told is None:
        changes.append(_change(ChangeKind.SESSION_STARTED, after, place))
        told = 0
    reached = (after.theoretical_win or 0) // worth_step
    if reached > told:
        changes.append(_change(ChangeKind.WORTH_CROSSED, after, place, reached))
        told = reached
    return changes, after._replace(told=told)


def _change(
    kind: ChangeKind, of: Sitting, place: Place, worth_step: int | None = None
) -> PlayerChanged:
    return PlayerChanged(
        kind=kind,
        property_id=place.property_id,
        player_id=of.player_id or "",
        asset_id=place.asset_id,
        session_started_at=of.started_at,
        gaming_day=place.gaming_day,
        occurred_at=place.occurred_at,
        theoretical_win=of.theoretical_win or 0,
        worth_step=worth_step,
    )


def session_days(sitting: Sitting, until: int, day_of: DayOf) -> list[SessionDay]:
    """Every gaming day that a session may have play in up to a moment (epoch milliseconds)."""
    first = sitting.started_at
    moments = [first, *range(max(first, until - MAX_SESSION_DAYS * _DAY_MS), until, _STEP_MS)]
    days = dict.fromkeys(day_of(moment) for moment in (*moments, max(first, until)))
    return [SessionDay(day, sitting.player_id, first) for day in days]
