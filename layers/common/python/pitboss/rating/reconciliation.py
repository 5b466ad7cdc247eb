"""A machine's gaming day by its meters, against the same day game by game.

The games are those of the ledger, the meters what the machine showed beside its events and reported
on its own: two witnesses that share nothing but the machine. For coin-in, coin-out and games

    metered - rated = everything explained + gap

to the cent, where metered is what the meters showed last less what they showed first, as the digits
stand. What explains a difference is found game by game: the day is cut at the starts of its games,
and what a meter moved from cut to cut is compared with the games between.

    * Meters are what the gateway last saw, and lag by a poll. What one cut lacks and the next has
      is no difference.
    * A meter rolls over at `METER_MODULUS`, and goes on from 0 after a reset, by the rules of
      `pitboss.rating.fold`: a reset is told (SAS exception 7A) or seen.
    * What was lost where the machine says that its buffer overflowed (70), or was not heard of for
      `OFFLINE_MS`, is known by its amount and its cause.
    * A game may start in one gaming day and end in the next, and the last meters of a day may be
      reported in the next: the day after has the same amount with the other sign.

What is left is a gap: events are missing, or something is wrong with the machine.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from pitboss.events.slot import METER_MODULUS
from pitboss.rating.fold import MAX_STEP_BACK, ROLL_OVER_FROM

OFFLINE_MS = 70 * 60_000
"""A machine that is not heard of for longer was offline: gateways report all meters every hour."""


class Measure(StrEnum):
    """What is compared: cents, cents, and a count."""

    COIN_IN = "coin_in"
    COIN_OUT = "coin_out"
    """What games paid, by the machine or by hand: the meters coin-out and jackpot."""
    GAMES = "games"


class Cause(StrEnum):
    """Why the meters say something else than the games."""

    ROLL_OVER = "roll_over"
    """A meter passed `METER_MODULUS`."""
    RESET = "reset"
    """Meters went back to 0, and the machine said so (7A)."""
    SILENT_RESET = "silent_reset"
    """They did, and it did not."""
    DAY_END = "day_end"
    """A game over the day's end, or a meter reported after it."""
    UNREAD = "unread"
    """Play before the meter, or the worth of a credit, was first known."""
    UNFINISHED = "unfinished"
    """A game without an end that the machine does not count: it was void."""
    OVERFLOW = "overflow"
    """Events lost in the machine's buffer (70)."""
    OFFLINE = "offline"
    """Events lost while the machine was not heard of."""
    GAP = "gap"
    """Nothing explains it."""


LOSSES = (Cause.OVERFLOW, Cause.OFFLINE, Cause.GAP)
"""Causes by which play is missing from the games."""

_METERS = {
    Measure.COIN_IN: ("coin_in",),
    Measure.COIN_OUT: ("coin_out", "jackpot"),
    Measure.GAMES: ("games",),
}


class Sight(NamedTuple):
    """What one event shows. Meters in credits of the accounting denomination, modulo
    `METER_MODULUS`; absent where it does not show them.
    """

    at: int
    """Device time, epoch milliseconds."""
    coin_in: int | None = None
    coin_out: int | None = None
    jackpot: int | None = None
    games: int | None = None
    denomination_cents: int | None = None
    """What a credit is worth from here on: a paytable report."""
    is_reset: bool = False
    is_overflow: bool = False
    unheard_since: int | None = None
    """The event before, where that is longer than `OFFLINE_MS` ago."""


class RatedGame(NamedTuple):
    """A line of the ledger: a game, with what was paid for it later by hand; or (`is_game` false)
    an amount of no game in particular, at `ended_at`.
    """

    started_at: int | None
    ended_at: int | None
    coin_in_cents: int
    coin_out_cents: int
    is_game: bool = True

    def amount(self, measure: Measure) -> int:
        """What it adds to a measure."""
        match measure:
            case Measure.COIN_IN:
                return self.coin_in_cents
            case Measure.COIN_OUT:
                return self.coin_out_cents
            case Measure.GAMES:
                return int(self.is_game)

    def moment(self, measure: Measure) -> int:
        """When the machine's meter moves for it."""
        first, other = self.ended_at, self.started_at
        if measure is Measure.COIN_IN:
            first, other = other, first
        return (first if first is not None else other) or 0


class Before(NamedTuple):
    """What is known of a machine from before its gaming day."""

    sight: Sight | None = None
    """The meters as they were seen last, each by itself."""
    last_game: RatedGame | None = None
    """The last game of the gaming day before."""


class Difference(NamedTuple):
    """Where the meters say more (or, below 0, less) than the games, and why. Epoch milliseconds."""

    measure: Measure
    cause: Cause
    since: int
    until: int
    amount: int


class Account(NamedTuple):
    """A measure of a machine's gaming day: metered - rated = sum of `causes`."""

    measure: Measure
    metered: int
    rated: int
    causes: dict[Cause, int]
    """Only those there are, which may come to 0."""

    @property
    def difference(self) -> int:
        """What the meters say more than the games."""
        return self.metered - self.rated

    @property
    def gap(self) -> int:
        """What nothing explains."""
        return self.causes.get(Cause.GAP, 0)

    @property
    def lost(self) -> int:
        """What is missing from the games, whether it is known why or not."""
        return sum(self.causes.get(cause, 0) for cause in LOSSES)


class Reconciled(NamedTuple):
    """A machine's gaming day, its measures and each difference that has a place in time."""

    accounts: tuple[Account, ...]
    differences: tuple[Difference, ...]


def reconcile(
    games: Sequence[RatedGame],
    sights: Iterable[Sight],
    bounds: tuple[int, int],
    before: Before = Before(),  # noqa: B008 - it cannot be changed
) -> Reconciled:
    """Reconcile a machine's gaming day.

    Args:
        games: those of the gaming day, in any order.
        sights: what its events of the gaming day show, in order.
        bounds: the gaming day's first moment and the next one's, epoch milliseconds.
        before: what is known from before.
    """
    shown = list(sights)
    if shown and before.sight is not None and shown[0].at - before.sight.at > OFFLINE_MS:
        shown[0] = shown[0]._replace(unheard_since=before.sight.at)
    walk = _Walk(before, _first_denomination(before, shown))
    played = {measure: _Played(measure, games, bounds, before) for measure in Measure}
    books = {measure: _Book(measure, played[measure]) for measure in Measure}
    cuts = _cuts(games, bounds[0])
    place, since = 0, bounds[0]
    for cut in (*cuts, bounds[1]):
        is_last = cut == bounds[1]
        walk.begin()
        while place < len(shown) and (is_last or shown[place].at < cut):
            walk.see(shown[place])
            place += 1
        for measure, book in books.items():
            book.enter(walk, since, cut, played[measure].before(None if is_last else cut))
        walk.end()
        since = cut
    return Reconciled(
        tuple(book.account(games) for book in books.values()),
        tuple(difference for book in books.values() for difference in book.differences),
    )


def _first_denomination(before: Before, sights: Sequence[Sight]) -> int | None:
    """What a credit is worth at the day's start; a first report counts for what was before it."""
    seen = [] if before.sight is None else [before.sight]
    known = (sight.denomination_cents for sight in (*seen, *sights))
    return next((cents for cents in known if cents is not None), None)


def _cuts(games: Iterable[RatedGame], start: int) -> list[int]:
    """The moments up to which meters and games are compared: starts of games, but none before the
    last amount that is of no game in particular (it is of all before it).
    """
    cuts, first = set(), start
    for game in games:
        if game.is_game:
            cuts.add(game.moment(Measure.COIN_IN))
        else:
            first = max(first, game.moment(Measure.COIN_IN))
    return sorted(cut for cut in cuts if cut > first)


class _Played:
    """A measure's amounts of the day's games, in the order in which its meter counts them."""

    def __init__(
        self,
        measure: Measure,
        games: Iterable[RatedGame],
        bounds: tuple[int, int],
        before: Before,
    ) -> None:
        start, end = bounds
        found = [(game.moment(measure), game) for game in games]
        self.over_the_end = -sum(game.amount(measure) for at, game in found if at >= end)
        last = before.last_game
        self.amount_before = 0 if last is None else last.amount(measure)
        if last is not None and start <= last.moment(measure) < end:
            found.append((last.moment(measure), last))
            self.over_the_end += last.amount(measure)
            self.amount_before = 0
        self._games = sorted(
            (at, game.amount(measure), game.is_game and game.ended_at is None)
            for at, game in found
            if at < end
        )
        self._place = 0
        self.last_amount = 0
        """The amount of the last game taken."""

    def before(self, cut: int | None) -> tuple[int, int]:
        """The amounts of those up to a cut that were not asked for before, and how many of them
        have no end.
        """
        amount = unfinished = 0
        while self._place < len(self._games):
            at, one, has_no_end = self._games[self._place]
            if cut is not None and at >= cut:
                break
            amount += one
            unfinished += has_no_end
            self.last_amount = one
            self._place += 1
        return amount, unfinished


class _Moved(NamedTuple):
    """A movement of a meter, as it was, and the digits' jump that is none, by its cause."""

    real: int
    jump: int = 0
    cause: Cause | None = None


class _Walk:
    """Goes through what a machine shows, from cut to cut."""

    def __init__(self, before: Before, denomination: int | None) -> None:
        sight = before.sight
        self._last: dict[str, int | None] = {
            name: None if sight is None else getattr(sight, name)
            for names in _METERS.values()
            for name in names
        }
        self._stale: dict[str, int] = {}
        """Meters that were reset and what they showed: a gateway may not have looked since."""
        self.denomination = denomination
        self._marks: dict[Cause, int] = {}
        """Causes at work, and for how many cuts more: a meter may show late what was lost."""
        self._silent: set[str] = set()
        """Meters that may yet go back by the silent reset at work; each does once."""
        self.moved: dict[Measure, int] = {}
        self.jumps: dict[Measure, dict[Cause, int]] = {}
        self._first_seen: set[str] = set()

    def begin(self) -> None:
        """Begin at a cut."""
        self.moved = dict.fromkeys(Measure, 0)
        self.jumps = {measure: {} for measure in Measure}
        self._first_seen = set()

    def end(self) -> None:
        """Come to the next cut."""
        self._marks = {cause: left - 1 for cause, left in self._marks.items() if left}
        if Cause.SILENT_RESET not in self._marks:
            self._silent.clear()

    def has(self, cause: Cause) -> bool:
        """Whether a cause is at work."""
        return cause in self._marks

    def knows(self, measure: Measure) -> bool:
        """Whether the meter, and what it counts in, were known from this cut's beginning."""
        name = _METERS[measure][0]
        is_valued = measure is Measure.GAMES or self.denomination is not None
        return is_valued and self._last[name] is not None and name not in self._first_seen

    def see(self, sight: Sight) -> None:
        """Take in what an event shows."""
        if sight.unheard_since is not None:
            self._marks[Cause.OFFLINE] = 1
        if sight.is_overflow:
            self._marks[Cause.OVERFLOW] = 1
        if sight.is_reset:
            self._stale |= {name: last for name, last in self._last.items() if last is not None}
        shown = {name: getattr(sight, name) for name in self._last}
        if any(self._is_silent_reset(name, value) for name, value in shown.items()):
            self._marks[Cause.SILENT_RESET] = 1
            self._silent = set(self._last)
        for measure, names in _METERS.items():
            unit = 1 if measure is Measure.GAMES else self.denomination or 0
            for name in names:
                value = shown[name]
                if value is not None:
                    moved = self._move(name, value)
                    self.moved[measure] += moved.real * unit
                    if moved.cause is not None:
                        jumps = self.jumps[measure]
                        jumps[moved.cause] = jumps.get(moved.cause, 0) + moved.jump * unit
        if sight.denomination_cents is not None:
            self.denomination = sight.denomination_cents

    def _is_silent_reset(self, name: str, value: int | None) -> bool:
        last = self._last[name]
        return (
            value is not None
            and last is not None
            and name not in self._stale
            and value - last <= -MAX_STEP_BACK
            and last < ROLL_OVER_FROM
        )

    def _move(self, name: str, value: int) -> _Moved:
        last = self._last[name]
        if name in self._stale:
            stale = self._stale[name]
            if value == stale:
                return _Moved(0)
            del self._stale[name]
            self._last[name] = value
            return _Moved(value, -stale, Cause.RESET)
        self._last[name] = value
        if last is None:
            self._first_seen.add(name)
            return _Moved(0)
        if value < last and name in self._silent:
            self._silent.discard(name)
            return _Moved(value, -last, Cause.SILENT_RESET)
        step = value - last
        if step <= -MAX_STEP_BACK:
            return _Moved(step + METER_MODULUS, -METER_MODULUS, Cause.ROLL_OVER)
        if step >= METER_MODULUS - MAX_STEP_BACK:  # seen late, from before it rolled over
            return _Moved(step - METER_MODULUS, METER_MODULUS, Cause.ROLL_OVER)
        return _Moved(step)


class _Book:
    """A measure's account while it is written."""

    def __init__(self, measure: Measure, played: _Played) -> None:
        self._measure = measure
        self._played = played
        self._metered = 0
        self._jumps: dict[Cause, int] = {}
        self.differences: list[Difference] = []
        self._is_first = True
        self._run: Difference | None = None
        """Differences of one cause cut after cut: what one lacks the next may have."""
        self._run_is_first = False

    def enter(self, walk: _Walk, since: int, until: int, played: tuple[int, int]) -> None:
        """What the meter moved between two cuts, and what the games there come to."""
        amount, unfinished = played
        moved = walk.moved[self._measure]
        self._metered += moved
        for cause, jump in walk.jumps[self._measure].items():
            self._jumps[cause] = self._jumps.get(cause, 0) + jump
            self._metered += jump
        difference = moved - amount
        cause = self._cause(walk, difference, unfinished)
        run = self._run
        if run is not None and run.cause is Cause.UNFINISHED and difference > 0:
            run = self._run = run._replace(cause=cause)  # it was counted, and shown late
        if difference == 0 or (run is not None and run.cause is not cause):
            self._close_run()
        if difference:
            run = self._run
            if run is None:
                self._run_is_first = self._is_first
                run = Difference(self._measure, cause, since, until, 0)
            self._run = run._replace(until=until, amount=run.amount + difference)
        self._is_first = False

    def _cause(self, walk: _Walk, difference: int, unfinished: int) -> Cause:
        if difference < 0 and not walk.knows(self._measure):
            return Cause.UNREAD
        for cause in (Cause.OVERFLOW, Cause.OFFLINE):
            if walk.has(cause):
                return cause
        if self._measure is Measure.GAMES and -unfinished <= difference < 0:
            return Cause.UNFINISHED
        return Cause.GAP

    def _close_run(self, *, is_end: bool = False) -> None:
        run, self._run = self._run, None
        if run is None or run.amount == 0:
            return
        if run.cause is Cause.GAP:
            late = self._run_is_first and run.amount == self._played.amount_before
            if late or (is_end and run.amount == -self._played.last_amount):
                run = run._replace(cause=Cause.DAY_END)
        self.differences.append(run)

    def account(self, games: Iterable[RatedGame]) -> Account:
        """The account, when all is entered."""
        self._close_run(is_end=True)
        causes = dict(self._jumps)
        for difference in self.differences:
            causes[difference.cause] = causes.get(difference.cause, 0) + difference.amount
        if self._played.over_the_end:
            before = causes.get(Cause.DAY_END, 0)
            causes[Cause.DAY_END] = before + self._played.over_the_end
        rated = sum(game.amount(self._measure) for game in games)
        return Account(self._measure, self._metered, rated, causes)
