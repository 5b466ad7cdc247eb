"""The floor over time, from the minutes that `publish_floor_metrics` keeps."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from pitboss.floor.documents import FloorHistory, MachineMinutes
from pitboss.floor.rows import MINUTE_MS, FloorMinute, MinuteRow

MAX_MINUTES = 61
"""Of one answer: an hour, and the minute in progress."""

HOUR_MINUTES = 60

NOT_KEPT = "-"
"""In place of a state, where nothing was kept."""

_NEAR_MINUTES = 5
"""How far from its end an hour is looked into first, so that no hour is read as a whole."""


class Minutes(Protocol):
    """Where minutes are; see `pitboss.stores.floor.DynamoFloor`."""

    def minutes(
        self, property_id: str, gaming_day: str, first: int, last: int
    ) -> Iterator[FloorMinute]: ...


type Spread = Callable[..., Iterable[FloorMinute | None]]


class _Sums(NamedTuple):
    """A machine's gaming day so far."""

    gaming_day: str
    coin_in_cents: int
    theoretical_win: int


def by_minute(
    minutes: Minutes, property_id: str, day_of: Callable[[int], str], first: int, last: int
) -> FloorHistory:
    """A span of minutes.

    Theoretical win is what it had grown by since the last minute before that was kept.

    Args:
        minutes: where they are.
        property_id: whose.
        day_of: the property's gaming day of a moment.
        first: epoch minute.
        last: the same, of the last one.
    """
    span = range(first, last + 1)
    days = sorted({day_of(minute * MINUTE_MS) for minute in (first - 1, *span)})
    found = {
        kept.minute: kept
        for day in days
        for kept in minutes.minutes(property_id, day, first - 1, last)
    }
    before = found.pop(first - 1, None)
    history = _History(len(span), from_nothing=False)
    if before is not None:
        history.begin(before)
    for place, minute in enumerate(span):
        kept = found.get(minute)
        if kept is not None:
            history.take(place, kept, lambda row, _: row.coin_in_of_minute_cents)
    return history.document([minute * MINUTE_MS for minute in span])


def by_hour(
    minutes: Minutes,
    property_id: str,
    gaming_day: str,
    bounds: tuple[int, int],
    now: int,
    spread: Spread = map,
) -> FloorHistory:
    """A gaming day's hours so far: what each brought, and the state that it ended with.

    An hour is the difference of what was kept at its end and at the end of the one before.

    Args:
        minutes: where they are.
        property_id: whose.
        gaming_day: ISO date.
        bounds: the day's first moment and the next day's, epoch milliseconds.
        now: epoch milliseconds.
        spread: `map`, or one that calls many at once.
    """
    first, until = bounds[0] // MINUTE_MS, min(bounds[1], now) // MINUTE_MS
    hours = list(range(first, until, HOUR_MINUTES))

    def end_of(hour: int) -> FloorMinute | None:
        last = min(hour + HOUR_MINUTES, until) - 1
        for since in (max(last - _NEAR_MINUTES + 1, hour), hour):
            found = list(minutes.minutes(property_id, gaming_day, since, last))
            if found:
                return found[-1]
        return None

    history = _History(len(hours), from_nothing=True)
    for place, kept in enumerate(spread(end_of, hours)):
        if kept is not None:
            history.take(place, kept, lambda row, was: max(row.coin_in_cents - was, 0))
    return history.document([hour * MINUTE_MS for hour in hours])


class _History:
    """Machines over some minutes or hours, as they are taken in, in order."""

    def __init__(self, length: int, *, from_nothing: bool) -> None:
        """
        Args:
            length: how many.
            from_nothing: whether sums before the first are 0; else they are not known, and what
                it brought is not either.
        """
        self._length = length
        self._from_nothing = from_nothing
        self._machines: dict[str, MachineMinutes] = {}
        self._states: dict[str, list[str]] = {}
        self._sums: dict[str, _Sums] = {}

    def begin(self, kept: FloorMinute) -> None:
        """Take in what was before."""
        for row in kept.rows:
            self._sums[row.asset_id] = _sums(kept, row)

    def take(self, place: int, kept: FloorMinute, coin_in: Callable[[MinuteRow, int], int]) -> None:
        """Take in the minute of a place; `coin_in` is told what the day's coin-in was before."""
        for row in kept.rows:
            machine = self._machines.get(row.asset_id)
            if machine is None:
                zeros = [0] * self._length
                machine = MachineMinutes(row.asset_id, zeros, list(zeros), "")
                self._machines[row.asset_id] = machine
                self._states[row.asset_id] = [NOT_KEPT] * self._length
            before = self._sums.get(row.asset_id)
            if before is None and not self._from_nothing:
                before = _sums(kept, row)
            elif before is None or before.gaming_day != kept.gaming_day:
                before = _Sums(kept.gaming_day, 0, 0)
            machine.coin_in_cents[place] = coin_in(row, before.coin_in_cents)
            # A correction may take some of it back: that is not this minute's loss.
            machine.theoretical_win[place] = max(row.theoretical_win - before.theoretical_win, 0)
            self._states[row.asset_id][place] = row.state
            self._sums[row.asset_id] = _sums(kept, row)

    def document(self, at: Sequence[int]) -> FloorHistory:
        """What was taken in, by asset number."""
        return FloorHistory(
            list(at),
            [
                MachineMinutes(
                    asset,
                    machine.coin_in_cents,
                    machine.theoretical_win,
                    "".join(self._states[asset]),
                )
                for asset, machine in sorted(self._machines.items())
            ],
        )


def _sums(kept: FloorMinute, row: MinuteRow) -> _Sums:
    return _Sums(kept.gaming_day, row.coin_in_cents, row.theoretical_win)
