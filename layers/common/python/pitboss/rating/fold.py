"""The rating rules: a left fold over one machine's events, in the order they happened.

The same events always give the same result, whatever order they arrived in, because they are
sorted before they are folded. What the fold needs to remember between two events is its `Carry`;
what it found out is `Tally` sums by gaming day and session, and the first and last play of each.

Rules:
    * A game is its start and its end. It belongs to the gaming day, the player and the paytable in
      force at its start, and it counts when it ends.
    * A start without an end counts, as incomplete, when the next game starts: the wager was made.
      An end without a start counts its win, as incomplete.
    * Theoretical win is coin-in x hold. A game played before the machine ever reported a paytable
      counts with its coin-in, and is rated when the first report comes (in the pages after it,
      where that is a great many sessions).
    * A session is a player's play at one machine: from card-in, or from the first game with that
      player where the card-in is missing, until card-out, another player's or uncarded play.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

from msgspec import Struct
from msgspec.structs import astuple, replace

from pitboss.events.slot import (
    METER_MODULUS,
    CardInserted,
    CardRemoved,
    GameEnded,
    GameStarted,
    MetersReset,
    PaytableReported,
    SlotEvent,
)
from pitboss.money import theoretical_win

RATED_TYPES = frozenset(
    {GameStarted, GameEnded, PaytableReported, CardInserted, CardRemoved, MetersReset}
)
"""The event types that rating looks at; every other type leaves all ratings as they are."""

MAX_WAITING = 100
"""Session-days that wait for a first paytable at most; of a machine that never reports one the
older ones stay unrated for good, and are shown as such."""

MAX_RATED_A_PAGE = 20
"""Waiting session-days that one page rates; each is an item, and most a day that is one too."""

type DayOf = Callable[[int], str]
"""The gaming day (ISO date) of a moment in epoch milliseconds."""


class SessionDay(NamedTuple):
    """What a tally is kept by: a gaming day and, for carded play, the session."""

    day: str
    player_id: str | None
    started_at: int
    """Epoch milliseconds of the session's start; 0 for uncarded play."""


class Tally(Struct, gc=False):
    """Sums of play. Money in cents, theoretical win in ten-thousandths of a cent."""

    games: int = 0
    incomplete_games: int = 0
    """Games of which the start or the end is missing; their money is counted."""
    coin_in_cents: int = 0
    coin_out_cents: int = 0
    theoretical_win: int = 0
    unrated_coin_in_cents: int = 0
    """Coin-in that waits for the machine's first paytable report."""
    unvalued_credits: int = 0
    """Wagers and wins in credits that wait for the machine's accounting denomination."""
    meter_difference_cents: int = 0
    """Coin-in by the machine's own meter less coin-in by its events: 0 when nothing was lost."""

    @property
    def actual_win_cents(self) -> int:
        """What the house won: coin-in less coin-out."""
        return self.coin_in_cents - self.coin_out_cents

    def add(self, other: Self, sign: int = 1) -> None:
        """Add (or, with sign -1, subtract) another tally in place."""
        self.games += sign * other.games
        self.incomplete_games += sign * other.incomplete_games
        self.coin_in_cents += sign * other.coin_in_cents
        self.coin_out_cents += sign * other.coin_out_cents
        self.theoretical_win += sign * other.theoretical_win
        self.unrated_coin_in_cents += sign * other.unrated_coin_in_cents
        self.unvalued_credits += sign * other.unvalued_credits
        self.meter_difference_cents += sign * other.meter_difference_cents

    def __bool__(self) -> bool:
        return any(astuple(self))


class Paytable(Struct, array_like=True, frozen=True, gc=False):
    """The hold and the value of a credit in force."""

    hold_basis_points: int
    accounting_denomination_cents: int


class Session(Struct, array_like=True, frozen=True, gc=False):
    """The session in progress and the bounds of its play in the current gaming day."""

    player_id: str
    started_at: int
    day: str = ""
    first_play: int = 0
    last_play: int = 0


class OpenGame(Struct, array_like=True, frozen=True, gc=False):
    """A game that has started and not ended."""

    key: SessionDay
    wager_cents: int | None
    wager_credits: int | None
    paytable: Paytable | None


class Unrated(Struct, array_like=True, frozen=True, gc=False):
    """Play that waits for the machine's first paytable report."""

    key: SessionDay
    coin_in_cents: int
    coin_in_credits: int
    coin_out_credits: int


class Carry(Struct, array_like=True, frozen=True, gc=False):
    """All that the fold remembers of the events before a point."""

    paytable: Paytable | None = None
    open_game: OpenGame | None = None
    session: Session | None = None
    coin_in_meter_credits: int | None = None
    unrated: tuple[Unrated, ...] = ()
    rates_unrated: Paytable | None = None
    """The first paytable reported, while there is more waiting play than one page may rate."""

    def session_day(self) -> SessionDay | None:
        """The session in progress and its current gaming day, if it has play."""
        session = self.session
        if session is None or not session.day:
            return None
        return SessionDay(session.day, session.player_id, session.started_at)


class Bounds(NamedTuple):
    """First and last play, epoch milliseconds.

    A session's are the starts of its games, and the ends whose start is missing. A machine's day
    counts every start and end in it: what counts as an orphan today may find its other half
    tomorrow, and a machine's day must not lose play by that.
    """

    first_play: int
    last_play: int


class Fold:
    """Rates events fed in order. `carry`, `tallies`, `sessions` and `days` are its result."""

    __slots__ = (
        "_day_of",
        "_meter",
        "_open_game",
        "_paytable",
        "_rates_unrated",
        "_session",
        "_unrated",
        "days",
        "sessions",
        "tallies",
    )

    def __init__(self, carry: Carry, day_of: DayOf) -> None:
        self._day_of = day_of
        self._paytable = carry.paytable
        self._open_game = carry.open_game
        self._session = carry.session
        self._meter = carry.coin_in_meter_credits
        self._unrated = carry.unrated
        self._rates_unrated = carry.rates_unrated
        self.tallies: dict[SessionDay, Tally] = {}
        self.sessions: dict[SessionDay, Bounds] = {}
        self.days: dict[str, Bounds] = {}

    @property
    def carry(self) -> Carry:
        """What the events after these need to know of them."""
        return Carry(
            self._paytable,
            self._open_game,
            self._session,
            self._meter,
            self._unrated,
            self._rates_unrated,
        )

    def open_page(self) -> None:
        """Begin a page: play that waited, and was too much for the page before, is rated."""
        if self._rates_unrated is not None:
            self._rate_waiting(self._rates_unrated)

    def feed(self, event: SlotEvent) -> None:
        """Rate the next event. It must not be earlier than the one before."""
        data = event.data
        if isinstance(data, GameStarted):
            self._start_game(event, data)
        elif isinstance(data, GameEnded):
            self._end_game(event, data)
        elif isinstance(data, PaytableReported):
            self._report_paytable(data)
        elif isinstance(data, CardInserted):
            session = self._session
            # A doubled card-in finds its player already there.
            if session is None or session.player_id != event.player_id:
                self._session = Session(event.player_id or "", event.occurred_at)
        elif isinstance(data, CardRemoved):
            session = self._session
            if session is not None and session.player_id == event.player_id:
                self._session = None
        elif isinstance(data, MetersReset):
            self._meter = None

    def _start_game(self, event: SlotEvent, start: GameStarted) -> None:
        if self._open_game is not None:
            self._count(self._open_game, GameEnded(), incomplete=True)
        moment = event.occurred_at
        key = self._play(event.player_id, moment, self._note_day(moment))
        self._open_game = OpenGame(key, start.wager_cents, start.wager_credits, self._paytable)
        if start.coin_in_meter_credits is not None:
            self._compare_meter(key, start, start.coin_in_meter_credits)

    def _note_day(self, moment: int) -> str:
        """The gaming day of a start or an end, which the machine was played on."""
        day = self._day_of(moment)
        bounds = self.days.get(day)
        self.days[day] = Bounds(moment if bounds is None else bounds.first_play, moment)
        return day

    def _play(self, player_id: str | None, moment: int, day: str) -> SessionDay:
        """The session a play at this moment belongs to, opened or continued by it."""
        if player_id is None:
            self._session = None
            return SessionDay(day, None, 0)
        session = self._session
        if session is None or session.player_id != player_id:
            session = Session(player_id, moment)
        first = session.first_play if session.day == day else moment
        self._session = Session(player_id, session.started_at, day, first, moment)
        key = SessionDay(day, player_id, session.started_at)
        self.sessions[key] = Bounds(first, moment)
        return key

    def _end_game(self, event: SlotEvent, end: GameEnded) -> None:
        moment = event.occurred_at
        day = self._note_day(moment)
        game = self._open_game
        if game is not None:
            self._open_game = None
            self._count(game, end, incomplete=False)
            return
        session = self._session
        if session is not None and session.player_id == event.player_id:
            key = self._play(session.player_id, moment, day)
        else:
            key = SessionDay(day, None, 0)
        self._count(OpenGame(key, 0, None, self._paytable), end, incomplete=True)

    def _count(self, game: OpenGame, end: GameEnded, *, incomplete: bool) -> None:
        tally = self._tally(game.key)
        if incomplete:
            tally.incomplete_games += 1
        else:
            tally.games += 1
        paytable = game.paytable
        coin_in = game.wager_cents or 0
        coin_out = end.win_cents or 0
        credits_in = game.wager_credits or 0
        credits_out = end.win_credits or 0
        if paytable is not None:
            coin_in += credits_in * paytable.accounting_denomination_cents
            coin_out += credits_out * paytable.accounting_denomination_cents
            tally.theoretical_win += theoretical_win(coin_in, paytable.hold_basis_points)
        elif coin_in or credits_in or credits_out:
            tally.unrated_coin_in_cents += coin_in
            tally.unvalued_credits += credits_in + credits_out
            self._wait(Unrated(game.key, coin_in, credits_in, credits_out))
        tally.coin_in_cents += coin_in
        tally.coin_out_cents += coin_out

    def _wait(self, play: Unrated) -> None:
        """Remember play to be rated by the first paytable report, one entry a session and day."""
        waiting = {entry.key: entry for entry in self._unrated}
        before = waiting.get(play.key, Unrated(play.key, 0, 0, 0))
        waiting[play.key] = Unrated(
            play.key,
            before.coin_in_cents + play.coin_in_cents,
            before.coin_in_credits + play.coin_in_credits,
            before.coin_out_credits + play.coin_out_credits,
        )
        self._unrated = tuple(waiting.values())[-MAX_WAITING:]

    def _report_paytable(self, report: PaytableReported) -> None:
        paytable = Paytable(report.hold_basis_points, report.accounting_denomination_cents)
        first = self._paytable is None
        self._paytable = paytable
        if first:
            self._rate_waiting(paytable)
        if self._open_game is not None and self._open_game.paytable is None:
            self._open_game = replace(self._open_game, paytable=paytable)

    def _rate_waiting(self, paytable: Paytable) -> None:
        """Rate play that waited for the first paytable, as much as one transaction can hold."""
        denomination = paytable.accounting_denomination_cents
        for play in self._unrated[:MAX_RATED_A_PAGE]:
            tally = self._tally(play.key)
            coin_in_from_credits = play.coin_in_credits * denomination
            coin_in = play.coin_in_cents + coin_in_from_credits
            tally.coin_in_cents += coin_in_from_credits
            tally.coin_out_cents += play.coin_out_credits * denomination
            tally.theoretical_win += theoretical_win(coin_in, paytable.hold_basis_points)
            tally.unrated_coin_in_cents -= play.coin_in_cents
            tally.unvalued_credits -= play.coin_in_credits + play.coin_out_credits
        self._unrated = self._unrated[MAX_RATED_A_PAGE:]
        self._rates_unrated = paytable if self._unrated else None

    def _compare_meter(self, key: SessionDay, start: GameStarted, meter: int) -> None:
        before, self._meter = self._meter, meter
        if before is None or self._paytable is None:
            return
        moved = (meter - before) % METER_MODULUS
        if moved > METER_MODULUS // 2:  # it went back: a reset, not a roll-over
            moved -= METER_MODULUS
        denomination = self._paytable.accounting_denomination_cents
        wager = start.wager_cents
        if wager is None:
            wager = (start.wager_credits or 0) * denomination
        difference = moved * denomination - wager
        if difference:
            self._tally(key).meter_difference_cents += difference

    def _tally(self, key: SessionDay) -> Tally:
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        return tally

    def followed_by(self, later: "Fold") -> "Fold":
        """This fold's result and that of a fold started from its carry, as one."""
        joined = Fold(later.carry, self._day_of)
        joined.tallies = {key: replace(tally) for key, tally in self.tallies.items()}
        for key, tally in later.tallies.items():
            joined._tally(key).add(tally)
        joined.sessions = self.sessions | later.sessions
        joined.days = self.days | later.days
        for day in self.days.keys() & later.days.keys():
            first, last = self.days[day], later.days[day]
            joined.days[day] = Bounds(first.first_play, last.last_play)
        return joined
