"""The rating rules: a left fold over one machine's events, in the order they happened.

The same events always give the same result, whatever order they arrived in, because they are
sorted before they are folded. What the fold needs to remember between two events is its `Carry`;
what it found out is `Tally` sums by gaming day and session, and the first and last play of each.

Games:
    * A game is its start and its end. It belongs to the gaming day, the session and the paytable in
      force at its start, and it counts when it ends.
    * A start without an end counts, as incomplete, when the next game starts: the wager was made.
      An end without a start counts its win, as incomplete.
    * The paytable in force is that of the selected game, where it was reported, else the machine's.
    * Theoretical win is coin-in x hold. A game played before the machine ever reported a paytable
      counts with its coin-in, and is rated when the first report comes (in the pages after it,
      where that is a great many sessions).
    * A hand-pay that is no cash-out is part of its game's win, once: the win is what the end of the
      game says or what was paid by hand for it, whichever is more. It is the game's in progress,
      else the last one's, else uncarded play's. A hand-pay reported twice in a game without a new
      one pending is one. Where the win waits for the value of a credit, it is taken to include what
      was paid by hand.
    * A machine is locked up until a hand-pay is reset, and its game ends then. So what a hand-pay
      added to the last game is taken off the win of an end whose start is missing, where that comes
      within `MAX_LOCK_UP_MS` and no other card came in between. Later it is another game's end.
    * What is said of the machine itself: it is locked up from a pending hand-pay until a game
      starts or ends or a card goes in. The reset is not among what rating looks at.

Sessions:
    * A session is a player's play at one machine: from card-in, or from the first game that names
      the player where the card-in is missing, until card-out, another player's card or game, or
      uncarded play.
    * After a card-in, games that name nobody are the card's until one of the session names the
      player: the card then reached the gateway late. From then on a game without a name says that
      the card is gone.
    * A session without a card-in, a start or an end for longer than the house's idle time-out is
      over: the card was abandoned. A game in progress is not idle; once the next one starts, one
      that never ended was not in progress.

Meters, the second opinion:
    * The coin-in meter of a start less that of the start before should be the wager. Where it is
      not, or where the machine's buffer overflowed in between, there is a gap, with the difference
      as its amount. It counts with the game whose start showed it.
    * A meter runs on from 0 after a reset (7A). One that went back is out of order if it did by
      less than `MAX_STEP_BACK`; else it rolled over if it was at `ROLL_OVER_FROM` or above, and was
      reset without a word if it was not: it then counts from 0.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple, replace

from pitboss.events.slot import (
    METER_MODULUS,
    CardInserted,
    CardRemoved,
    EventsOverflowed,
    GameEnded,
    GameSelected,
    GameStarted,
    HandpayPending,
    HandpayReported,
    MetersReset,
    PaytableReported,
    SlotEvent,
)
from pitboss.money import theoretical_win

MAX_WAITING = 100
"""Session-days that wait for a first paytable at most; of a machine that never reports one the
older ones stay unrated for good, and are shown as such."""

MAX_RATED_A_PAGE = 20
"""Waiting session-days that one page rates; each is an item, and most a day that is one too."""

MAX_GAMES = 100
"""Games of a machine whose paytables are remembered: those reported last."""

ROLL_OVER_FROM = METER_MODULUS * 9 // 10
"""A meter that was here or above and went far back has rolled over; from less it was reset."""

MAX_STEP_BACK = METER_MODULUS // 100
"""A meter that went back by less shows events out of order."""

CANCELLED_CREDITS = 0x80
"""Level of a hand-pay that is a cash-out and no win (SAS 6.02, table 7.8.1b)."""

MAX_LOCK_UP_MS = 60 * 60_000
"""From the report of a hand-pay to the end of its game at most: an hour, more than an attendant
takes to come, to have the papers signed and to pay."""

SHORTEST_IDLE_MINUTES = 1
"""No house has a shorter idle time-out: house rules that do are refused. Within it a session is not
asked whether it is idle, which spares nearly every event a look at the calendar."""

_SHORTEST_IDLE_MS = SHORTEST_IDLE_MINUTES * 60_000

IDLE_TIME_OUT_MS = 15 * 60_000
"""The idle time-out of a house that has no rule of its own: 15 minutes."""

type DayOf = Callable[[int], str]
"""The gaming day (ISO date) of a moment in epoch milliseconds."""

type IdleOf = Callable[[str], int]
"""The idle time-out, in milliseconds, that is in force on a gaming day; never less than
`SHORTEST_IDLE_MINUTES`."""


class House(NamedTuple):
    """The rules of a property that the fold needs."""

    day_of: DayOf
    idle_of: IdleOf = lambda day: IDLE_TIME_OUT_MS


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
    handpaid_cents: int = 0
    """Wins that were paid by hand, for information: coin-out has them already."""
    gaps: int = 0
    """Times the coin-in meter did not say what the events say, or events were lost."""

    @property
    def actual_win_cents(self) -> int:
        """What the house won: coin-in less coin-out."""
        return self.coin_in_cents - self.coin_out_cents

    def add(self, other: "Tally", sign: int = 1) -> None:
        """Add (or, with sign -1, subtract) another tally in place."""
        self.games += sign * other.games
        self.incomplete_games += sign * other.incomplete_games
        self.coin_in_cents += sign * other.coin_in_cents
        self.coin_out_cents += sign * other.coin_out_cents
        self.theoretical_win += sign * other.theoretical_win
        self.unrated_coin_in_cents += sign * other.unrated_coin_in_cents
        self.unvalued_credits += sign * other.unvalued_credits
        self.meter_difference_cents += sign * other.meter_difference_cents
        self.handpaid_cents += sign * other.handpaid_cents
        self.gaps += sign * other.gaps

    def __bool__(self) -> bool:
        return any(astuple(self))


class Paytable(Struct, array_like=True, frozen=True, gc=False):
    """The hold and the value of a credit in force."""

    hold_basis_points: int
    accounting_denomination_cents: int


class Session(Struct, array_like=True, frozen=True, gc=False):
    """The session in progress and the bounds of its play in the last gaming day that has any."""

    player_id: str
    started_at: int
    active_at: int
    """Its last card-in, start or end."""
    is_named: bool = False
    """Whether a game of it named the player."""
    day: str = ""
    first_play: int = 0
    last_play: int = 0

    def session_day(self) -> SessionDay | None:
        """The session's last gaming day with play, if it has any."""
        return SessionDay(self.day, self.player_id, self.started_at) if self.day else None


class Gap(Struct, array_like=True, frozen=True, gc=False):
    """What the coin-in meter moved up to a start, more than the events say."""

    since: int
    """When the meter was seen before; 0 for never."""
    amount_cents: int
    is_overflow: bool
    """Whether the machine said itself that events were lost (SAS exception 70)."""


class OpenGame(Struct, array_like=True, frozen=True, gc=False):
    """A game that has started and not ended."""

    key: SessionDay
    wager_cents: int | None
    wager_credits: int | None
    paytable: Paytable | None
    started_at: int | None = None
    """Absent of a game whose start is missing."""
    game_number: int = 0
    handpaid_cents: int = 0
    first_play: int = 0
    """That of its session in its gaming day, this game included."""
    last_play: int = 0
    """That of its session in its gaming day, this game not included; 0 for none."""
    gap: Gap | None = None
    """What its start showed; it counts with the game."""

    def session_day(self) -> SessionDay | None:
        """Its session's gaming day, if it had play before this game."""
        return self.key if self.last_play else None


class LastGame(Struct, array_like=True, frozen=True, gc=False):
    """The game before, for what may yet be paid by hand for it."""

    key: SessionDay
    win_cents: int | None
    """What its end said; None where that is credits whose value is not known."""
    handpaid_cents: int
    added_cents: int = 0
    """What hand-pays added since its end, which may belong to a game whose start is missing."""
    paid_at: int = 0
    """When the last of those was reported."""

    def added_by(self, moment: int) -> int:
        """`added_cents`, where the game of those hand-pays may not have ended yet."""
        return self.added_cents if moment - self.paid_at <= MAX_LOCK_UP_MS else 0


class Unrated(Struct, array_like=True, frozen=True, gc=False):
    """Play that waits for the machine's first paytable report."""

    key: SessionDay
    coin_in_cents: int
    coin_in_credits: int
    coin_out_credits: int


class Seat(NamedTuple):
    """Who plays at a machine, and whether it is locked up. Moments in epoch milliseconds.

    As of the machine's newest event: a card that was left in it is seated until another shows that
    it is gone.
    """

    player_id: str | None
    """Of the carded session in progress; None for none."""
    seated_since: int | None
    """When that session started."""
    locked_since: int | None
    """When a hand-pay was pending, where no game has started or ended since and no card gone in."""


NOBODY = Seat(None, None, None)


class Carry(Struct, array_like=True, frozen=True, gc=False):
    """All that the fold remembers of the events before a point."""

    paytable: Paytable | None = None
    """The machine's own."""
    open_game: OpenGame | None = None
    session: Session | None = None
    coin_in_meter_credits: int | None = None
    unrated: tuple[Unrated, ...] = ()
    rates_unrated: Paytable | None = None
    """The first paytable reported, while there is more waiting play than one page may rate."""
    metered_at: int = 0
    """When the coin-in meter was seen."""
    is_overflowed: bool = False
    """Whether events were lost since then."""
    last_game: LastGame | None = None
    handpay: tuple[int, int] | None = None
    """Amount and level of the hand-pay last reported, until another is pending or a game starts."""
    selected_game: int = 0
    games: tuple[tuple[int, Paytable], ...] = ()
    """Paytables of the machine's games by their numbers, the one reported last at the end."""
    locked_since: int | None = None
    """When the hand-pay that the machine may be locked up for was pending."""

    def paytable_in_force(self) -> Paytable | None:
        """That of the selected game, else the machine's."""
        if not self.games:
            return self.paytable
        return dict(self.games).get(self.selected_game, self.paytable)

    def seat(self) -> Seat:
        """Who plays after these events."""
        session = self.session
        if session is None:
            return NOBODY if self.locked_since is None else Seat(None, None, self.locked_since)
        return Seat(session.player_id, session.started_at, self.locked_since)


class Bounds(NamedTuple):
    """First and last play, epoch milliseconds.

    A session's are the starts of the games that count, and the ends whose start is missing. A
    machine's day counts every start, end and hand-paid win in it: what counts as an orphan today
    may find its other half tomorrow, and a machine's day must not lose play by that.
    """

    first_play: int
    last_play: int


class GameNote(Struct, frozen=True):
    """A game that was rated. `ended_at` or `started_at` is absent where it is missing."""

    key: SessionDay
    started_at: int | None
    ended_at: int | None
    game_number: int
    coin_in_cents: int
    coin_out_cents: int
    handpaid_cents: int
    hold_basis_points: int | None
    theoretical_win: int
    unvalued_credits: int


class HandpayNote(Struct, frozen=True):
    """A hand-pay that came after its game's end; `coin_out_cents` is what it added to the win."""

    key: SessionDay
    at: int
    amount_cents: int
    coin_out_cents: int


class RatedNote(Struct, frozen=True):
    """Play that had waited for the machine's first paytable, rated by it."""

    key: SessionDay
    at: int
    coin_in_cents: int
    """All of it; `valued_coin_in_cents` is what credits of it were found to be worth."""
    valued_coin_in_cents: int
    coin_out_cents: int
    hold_basis_points: int
    theoretical_win: int


class GapNote(Struct, frozen=True):
    """A gap that the start of a game showed."""

    key: SessionDay
    at: int
    gap: Gap


class SessionNote(Struct, frozen=True):
    """A session that began (`ended` absent) or ended, and why."""

    player_id: str
    started_at: int
    at: int
    ended: str | None = None


type Note = GameNote | HandpayNote | RatedNote | GapNote | SessionNote


class Fold:
    """Rates events fed in order. `carry`, `tallies`, `sessions` and `days` are its result.

    With `notes`, a list, it also writes down there what it did, line by line.
    """

    __slots__ = (
        "_days",
        "_games",
        "_handpay",
        "_house",
        "_in_force",
        "_is_overflowed",
        "_last_game",
        "_locked_since",
        "_meter",
        "_metered_at",
        "_notes",
        "_open_game",
        "_paytable",
        "_plays",
        "_rates_unrated",
        "_selected_game",
        "_session",
        "_uncarded",
        "_unrated",
        "tallies",
    )

    _session: Session | None

    def __init__(self, carry: Carry, house: House, notes: list[Note] | None = None) -> None:
        self._house = house
        self._notes = notes
        (
            self._paytable,
            self._open_game,
            self._session,
            self._meter,
            self._unrated,
            self._rates_unrated,
            self._metered_at,
            self._is_overflowed,
            self._last_game,
            self._handpay,
            self._selected_game,
            self._games,
            self._locked_since,
        ) = astuple(carry)
        self._in_force = carry.paytable_in_force()
        self.tallies: dict[SessionDay, Tally] = {}
        self._plays: dict[SessionDay, list[int]] = {}
        self._days: dict[str, list[int]] = {}
        """First and last play by day."""
        self._uncarded = SessionDay("", None, 0)

    @property
    def sessions(self) -> dict[SessionDay, Bounds]:
        """First and last play of every session that was played, by gaming day."""
        return {key: Bounds(*plays) for key, plays in self._plays.items()}

    @property
    def days(self) -> dict[str, Bounds]:
        """First and last play of every gaming day that the machine was played on."""
        return {day: Bounds(*plays) for day, plays in self._days.items()}

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
            self._metered_at,
            self._is_overflowed,
            self._last_game,
            self._handpay,
            self._selected_game,
            self._games,
            self._locked_since,
        )

    def open_page(self, start: int) -> None:
        """Begin the page that starts then: play that waited, and was too much for the page before,
        is rated.
        """
        if self._rates_unrated is not None:
            self._rate_waiting(self._rates_unrated, start)

    def feed(self, event: SlotEvent) -> None:
        """Rate the next event. It must not be earlier than the one before."""
        rule = _RULES.get(type(event.data))
        if rule is not None:
            rule(self, event, event.data)

    # --- Sessions

    def _insert_card(self, event: SlotEvent, _: CardInserted) -> None:
        moment, player_id = event.occurred_at, event.player_id or ""
        self._locked_since = None
        session = self._live_session(moment)
        if session is not None and session.player_id == player_id:  # a doubled card-in
            self._session = replace(session, active_at=moment)
            return
        self._end_session(moment, "another card")
        self._begin_session(Session(player_id, moment, moment))
        last = self._last_game
        if last is not None and last.added_cents:
            self._last_game = replace(last, added_cents=0)

    def _remove_card(self, event: SlotEvent, _: CardRemoved) -> None:
        session = self._live_session(event.occurred_at)
        if session is not None and session.player_id == event.player_id:
            self._end_session(event.occurred_at, "card out")

    def _live_session(self, moment: int) -> Session | None:
        """The session in progress, unless it has timed out by now."""
        session = self._session
        if session is not None and moment - session.active_at > _SHORTEST_IDLE_MS:
            if self._is_in_game(session):
                return session
            time_out = self._house.idle_of(self._house.day_of(session.active_at))
            if moment - session.active_at > time_out:
                self._end_session(session.active_at + time_out, "idle")
                return None
        return session

    def _is_in_game(self, session: Session) -> bool:
        game = self._open_game
        return game is not None and self._is_in(session, game.key)

    @staticmethod
    def _is_in(session: Session, key: SessionDay) -> bool:
        return key.player_id == session.player_id and key.started_at == session.started_at

    def _begin_session(self, session: Session) -> None:
        self._session = session
        if self._notes is not None:
            self._notes.append(
                SessionNote(session.player_id, session.started_at, session.started_at)
            )

    def _end_session(self, moment: int, why: str) -> None:
        session, self._session = self._session, None
        if session is not None and self._notes is not None:
            self._notes.append(SessionNote(session.player_id, session.started_at, moment, why))

    def _play(self, player_id: str | None, moment: int, day: str) -> SessionDay:
        """The session a play at this moment belongs to, opened or continued by it."""
        session = self._live_session(moment)
        if player_id is None:
            if session is None:
                return self._no_session(day)
            if session.is_named:
                self._end_session(moment, "uncarded play")
                return self._no_session(day)
        elif session is None or session.player_id != player_id:
            self._end_session(moment, "another player")
            session = Session(player_id, moment, moment)
            self._begin_session(session)
        self._session = Session(
            session.player_id,
            session.started_at,
            moment,
            session.is_named or player_id is not None,
            session.day,
            session.first_play,
            session.last_play,
        )
        return SessionDay(day, session.player_id, session.started_at)

    def _bounds_before(self, key: SessionDay, moment: int) -> tuple[int, int]:
        """First and last play of the session in progress in a day; for none, the moment and 0."""
        session = self._session
        if key.player_id is None or session is None or session.day != key.day:
            return moment, 0
        return session.first_play, session.last_play

    def _note_play(self, game: OpenGame, moment: int) -> None:
        """A game that counts is play of its session, in progress still or over."""
        key, session = game.key, self._session
        if key.player_id is None:
            return
        self._plays[key] = [game.first_play, moment]
        if session is not None and self._is_in(session, key):
            self._session = Session(
                session.player_id,
                session.started_at,
                session.active_at,
                session.is_named,
                key.day,
                game.first_play,
                moment,
            )

    # --- Games

    def _start_game(self, event: SlotEvent, start: GameStarted) -> None:
        moment = event.occurred_at
        self._locked_since = None
        unfinished, self._open_game = self._open_game, None
        if unfinished is not None:
            self._count(unfinished, _NO_END, None)
        key = self._play(event.player_id, moment, self._note_day(moment))
        self._open_game = OpenGame(
            key,
            start.wager_cents,
            start.wager_credits,
            self._in_force,
            moment,
            self._selected_game,
            0,
            *self._bounds_before(key, moment),
            self._compare_meter(start, moment),
        )
        self._handpay = None

    def _note_day(self, moment: int) -> str:
        """The gaming day of a start, an end or a hand-pay, which the machine was played on."""
        day = self._house.day_of(moment)
        plays = self._days.get(day)
        if plays is None:
            self._days[day] = [moment, moment]
        else:
            plays[1] = moment
        return day

    def _no_session(self, day: str) -> SessionDay:
        if self._uncarded.day != day:
            self._uncarded = SessionDay(day, None, 0)
        return self._uncarded

    def _end_game(self, event: SlotEvent, end: GameEnded) -> None:
        moment = event.occurred_at
        self._locked_since = None
        day = self._note_day(moment)
        game = self._open_game
        if game is not None:
            session = self._session
            if session is not None and self._is_in_game(session):
                self._session = replace(session, active_at=moment)
            self._open_game = None
            self._count(game, end, moment)
            return
        session = self._live_session(moment)
        if session is not None and event.player_id in (
            (session.player_id,) if session.is_named else (session.player_id, None)
        ):
            key = self._play(event.player_id, moment, day)
        else:
            key = self._no_session(day)
        first, last = self._bounds_before(key, moment)
        orphan = OpenGame(key, 0, None, self._in_force, first_play=first, last_play=last)
        self._count(orphan, end, moment)

    def _count(self, game: OpenGame, end: GameEnded, ended_at: int | None) -> None:
        """Add a game to the tallies; one whose start or end is missing as incomplete."""
        self._note_play(game, game.started_at or ended_at or 0)
        tally = self._tally(game.key)
        if ended_at is None or game.started_at is None:
            tally.incomplete_games += 1
        else:
            tally.games += 1
        if game.gap is not None:
            tally.gaps += 1
            tally.meter_difference_cents += game.gap.amount_cents
            if self._notes is not None:
                self._notes.append(GapNote(game.key, game.started_at or 0, game.gap))
        paytable = game.paytable
        coin_in = game.wager_cents or 0
        win = end.win_cents or 0
        credits_in = game.wager_credits or 0
        credits_out = end.win_credits or 0
        unvalued = theoretical = 0
        if paytable is not None:
            coin_in += credits_in * paytable.accounting_denomination_cents
            win += credits_out * paytable.accounting_denomination_cents
            theoretical = theoretical_win(coin_in, paytable.hold_basis_points)
            tally.theoretical_win += theoretical
        elif coin_in or credits_in or credits_out:
            unvalued = credits_in + credits_out
            tally.unrated_coin_in_cents += coin_in
            tally.unvalued_credits += unvalued
            self._wait(Unrated(game.key, coin_in, credits_in, credits_out))
        waits = paytable is None and credits_out > 0
        coin_out, handpaid, last = win, game.handpaid_cents, self._last_game
        if game.started_at is None and last is not None and last.added_cents:
            coin_out = max(win - last.added_by(ended_at or 0), 0)
        elif handpaid > win and not waits:
            coin_out = handpaid
        tally.coin_in_cents += coin_in
        tally.coin_out_cents += coin_out
        tally.handpaid_cents += handpaid
        self._last_game = LastGame(game.key, None if waits else win, handpaid)
        if self._notes is not None:
            hold = None if paytable is None else paytable.hold_basis_points
            self._notes.append(
                GameNote(
                    game.key,
                    game.started_at,
                    ended_at,
                    game.game_number,
                    coin_in,
                    coin_out,
                    handpaid,
                    hold,
                    theoretical,
                    unvalued,
                )
            )

    def _expect_handpay(self, event: SlotEvent, _: HandpayPending) -> None:
        self._handpay = None
        if self._locked_since is None:
            self._locked_since = event.occurred_at

    def _pay_by_hand(self, event: SlotEvent, paid: HandpayReported) -> None:
        if paid.level == CANCELLED_CREDITS:
            return
        moment = event.occurred_at
        day = self._note_day(moment)
        if self._handpay == (paid.amount_cents, paid.level):
            return
        self._handpay = paid.amount_cents, paid.level
        game = self._open_game
        if game is not None:
            handpaid = game.handpaid_cents + paid.amount_cents
            self._open_game = replace(game, handpaid_cents=handpaid)
            return
        last = self._last_game
        if last is None:
            last = LastGame(self._no_session(day), 0, 0)
        handpaid, added = last.handpaid_cents + paid.amount_cents, 0
        if last.win_cents is not None:
            added = max(last.win_cents, handpaid) - max(last.win_cents, last.handpaid_cents)
        tally = self._tally(last.key)
        tally.coin_out_cents += added
        tally.handpaid_cents += paid.amount_cents
        added_by_now = last.added_by(moment) + added
        self._last_game = LastGame(last.key, last.win_cents, handpaid, added_by_now, moment)
        if self._notes is not None:
            self._notes.append(HandpayNote(last.key, moment, paid.amount_cents, added))

    # --- Paytables

    def _report_paytable(self, event: SlotEvent, report: PaytableReported) -> None:
        paytable = Paytable(report.hold_basis_points, report.accounting_denomination_cents)
        number = report.game_number
        if number:
            others = tuple(entry for entry in self._games if entry[0] != number)
            self._games = (*others, (number, paytable))[-MAX_GAMES:]
        else:
            self._paytable = paytable
        self._put_in_force(event.occurred_at)

    def _select_game(self, event: SlotEvent, selected: GameSelected) -> None:
        self._selected_game = selected.game_number
        self._put_in_force(event.occurred_at)

    def _put_in_force(self, moment: int) -> None:
        first = self._in_force is None
        self._in_force = dict(self._games).get(self._selected_game, self._paytable)
        if self._in_force is None or not first:
            return
        self._rate_waiting(self._in_force, moment)
        if self._open_game is not None and self._open_game.paytable is None:
            self._open_game = replace(self._open_game, paytable=self._in_force)

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

    def _rate_waiting(self, paytable: Paytable, moment: int) -> None:
        """Rate play that waited for the first paytable, as much as one transaction can hold."""
        denomination = paytable.accounting_denomination_cents
        for play in self._unrated[:MAX_RATED_A_PAGE]:
            tally = self._tally(play.key)
            valued_coin_in = play.coin_in_credits * denomination
            coin_in = play.coin_in_cents + valued_coin_in
            coin_out = play.coin_out_credits * denomination
            theoretical = theoretical_win(coin_in, paytable.hold_basis_points)
            tally.coin_in_cents += valued_coin_in
            tally.coin_out_cents += coin_out
            tally.theoretical_win += theoretical
            tally.unrated_coin_in_cents -= play.coin_in_cents
            tally.unvalued_credits -= play.coin_in_credits + play.coin_out_credits
            if self._notes is not None:
                hold = paytable.hold_basis_points
                self._notes.append(
                    RatedNote(
                        play.key, moment, coin_in, valued_coin_in, coin_out, hold, theoretical
                    )
                )
        self._unrated = self._unrated[MAX_RATED_A_PAGE:]
        self._rates_unrated = paytable if self._unrated else None

    # --- Meters

    def _reset_meters(self, event: SlotEvent, _: MetersReset) -> None:
        self._meter, self._metered_at = 0, event.occurred_at

    def _overflow(self, _: SlotEvent, __: EventsOverflowed) -> None:
        self._is_overflowed = True

    def _compare_meter(self, start: GameStarted, moment: int) -> Gap | None:
        meter = start.coin_in_meter_credits
        if meter is None:
            return None
        before, self._meter = self._meter, meter
        since, self._metered_at = self._metered_at, moment
        overflowed, self._is_overflowed = self._is_overflowed, False
        difference, reset = 0, False
        paytable = self._in_force
        if before is not None and paytable is not None:
            moved = meter - before
            if moved <= -MAX_STEP_BACK:
                reset = before < ROLL_OVER_FROM
                moved = meter if reset else moved + METER_MODULUS
            denomination = paytable.accounting_denomination_cents
            wager = start.wager_cents
            if wager is None:
                wager = (start.wager_credits or 0) * denomination
            difference = moved * denomination - wager
        if difference or overflowed or reset:
            return Gap(since, difference, overflowed)
        return None

    def _tally(self, key: SessionDay) -> Tally:
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        return tally


_NO_END = GameEnded()

_RULES: dict[type, Callable[[Fold, SlotEvent, Any], None]] = {
    GameStarted: Fold._start_game,
    GameEnded: Fold._end_game,
    PaytableReported: Fold._report_paytable,
    GameSelected: Fold._select_game,
    CardInserted: Fold._insert_card,
    CardRemoved: Fold._remove_card,
    HandpayPending: Fold._expect_handpay,
    HandpayReported: Fold._pay_by_hand,
    MetersReset: Fold._reset_meters,
    EventsOverflowed: Fold._overflow,
}
