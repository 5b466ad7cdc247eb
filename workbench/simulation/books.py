"""What rating the delivered events must find, by the rules of `docs/simulator.md`.

A second opinion: it shares no code with the rating, knows all of a machine's events before it
looks at the first one, and works on facts, not on packets. Theoretical win is exact.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct

from workbench.simulation import facts
from workbench.simulation.floor import METER_MODULUS, Event
from workbench.simulation.ledger import Gap, Ledger, Play, Session

IDLE_TIME_OUT_MS = 900_000
"""A session without activity for longer than 15 minutes is over."""

CANCELLED_CREDITS = 0x80
"""The level of a hand-pay that is a cash-out."""

LOCK_UP_MS = 3_600_000
"""An end without a start is not that of a hand-pay reported longer before: an hour."""

MAX_STEP_BACK = 1_000_000
"""A coin-in meter that goes back by less is out of order; by more it rolled over or was reset."""

ROLL_OVER_FROM = 90_000_000
"""A meter that goes back from here on rolled over."""

_EXCEPTIONS = frozenset({facts.HANDPAY_PENDING, facts.BUFFER_OVERFLOW, facts.METERS_RESET})
_FACTS = frozenset(
    {
        facts.GameStarted,
        facts.GameEnded,
        facts.PaytableReported,
        facts.GameSelected,
        facts.CardInserted,
        facts.CardRemoved,
        facts.HandpayReported,
    }
)


type _Entry = tuple[int, int, str, str | None, facts.Fact]
"""When it occurred, the queue index, the event id (only where queue indexes do not tell the order:
start-up polls have none), the player, the fact. A plain tuple, because there are many."""


class _Paytable(NamedTuple):
    hold_basis_points: int
    denomination_cents: int


class _Card(Struct, gc=False):
    """A session that goes on."""

    player_id: str
    started_at: int
    active_at: int
    is_named: bool = False
    """Whether a game of it named its player."""


class _Game(Struct, gc=False):
    day: str
    owner: tuple[str, int] | None
    """Player and start of the session; None for uncarded play."""
    paytable: _Paytable | None
    wager_cents: int = 0
    wager_credits: int = 0
    win_credits: int = 0
    handpaid_cents: int = 0
    paid_for_it_cents: int = 0
    """What was paid by hand and cannot be for the next game: before its end, before another card,
    or longer before the hand-pay after it than a machine is locked up."""
    paid_at: int = 0
    paid_already_cents: int = 0
    """What of the win of an end without a start was counted as a hand-pay of the game before."""
    is_started: bool = True
    is_ended: bool = False

    @property
    def waits(self) -> bool:
        """Whether its win is known in credits whose value is not: all it won, by hand or not."""
        return self.paytable is None and self.win_credits > 0


def _code(fact: facts.Fact) -> str:
    """The long poll's code, as it stands in event ids."""
    if isinstance(fact, facts.PaytableReported):
        return f"P53.{fact.game_number}" if fact.game_number else "P1F"
    return "P55"


class Books:
    """Takes delivered events, each once, in any order; `ledger` closes the books."""

    def __init__(self, asset_ids: Iterable[str], day_of: Callable[[int], str]) -> None:
        self._day_of = day_of
        self._entries: dict[str, list[_Entry]] = {asset_id: [] for asset_id in asset_ids}

    def enter(self, event: Event) -> None:
        """An event was delivered."""
        fact = event.fact
        kind = type(fact)
        if kind is facts.MetersChanged:
            return
        if kind is facts.Exception_:
            if fact.code not in _EXCEPTIONS:  # type: ignore[union-attr]
                return
        elif kind not in _FACTS and getattr(fact, "code", 0) != facts.SELECTED_GAME:
            return
        self._entries[event.machine.asset_id].append(
            (
                event.occurred_at,
                event.queue_index,
                "" if event.queue_index else f"{event.event_time}-{_code(fact)}",
                None if event.player is None else event.player.player_id,
                fact,
            )
        )

    def ledger(self) -> Ledger:
        """What rating all that was delivered must find."""
        ledger = Ledger(dict.fromkeys(self._entries), self._day_of)
        for asset_id, entries in self._entries.items():
            machine = _Machine(asset_id, sorted(entries, key=lambda entry: entry[:3]), self._day_of)
            machine.write(ledger)
        ledger.sessions.sort(key=lambda s: (s.started_at, s.asset_id, s.player_id))
        ledger.gaps.sort(key=lambda gap: (gap.at, gap.asset_id))
        return ledger


class _Machine:
    """One machine's books. The paytables and the meters are gone through before the games."""

    def __init__(self, asset_id: str, entries: list[_Entry], day_of: Callable[[int], str]) -> None:
        self.asset_id = asset_id
        self._entries = entries
        self._day_of = day_of
        self._paytables = self._paytables_in_force()
        self._rated_by = next((table for table in self._paytables if table), None)
        """What rates play from before the first paytable report."""
        self._games: list[_Game] = []
        self._gaps: list[tuple[_Game, Gap]] = []
        self._card: _Card | None = None

    def _paytables_in_force(self) -> list[_Paytable | None]:
        """The paytable in force after each entry."""
        reported: dict[int, _Paytable] = {}
        selected = 0
        result = []
        for *_, fact in self._entries:
            if isinstance(fact, facts.PaytableReported):
                table = _Paytable(10_000 - fact.base_basis_points, fact.denomination_cents)
                reported[fact.game_number] = table
            elif isinstance(fact, facts.GameSelected):
                selected = fact.game_number
            elif isinstance(fact, facts.PollAnswered):
                selected = fact.answer["SelectedGameNumber"]  # type: ignore[assignment]
            result.append(reported.get(selected, reported.get(0)))
        return result

    def write(self, ledger: Ledger) -> None:
        """Enter the machine's games, sessions and gaps in the ledger."""
        self._go_through()
        sessions: dict[tuple[str, int], Session] = {}

        def play_of(game: _Game) -> Play:
            if game.owner is None:
                return ledger.play(self.asset_id, None, game.day)
            if game.owner not in sessions:
                sessions[game.owner] = ledger.open_session(
                    game.owner[0], self.asset_id, game.owner[1]
                )
            return ledger.play(self.asset_id, sessions[game.owner], game.day)

        last = len(self._games) - 1
        counted = set()
        for index, game in enumerate(self._games):
            if game.is_ended or (game.is_started and index < last):
                self._count(game, play_of(game))
                counted.add(id(game))
            elif not game.is_started:  # it stands for a hand-pay before the first game
                play = play_of(game)
                play.coin_out_cents += game.handpaid_cents
                play.handpaid_cents += game.handpaid_cents
        for game, gap in self._gaps:
            if id(game) not in counted:
                continue
            play = play_of(game)
            play.gaps += 1
            play.meter_difference_cents += gap.amount_cents
            ledger.gaps.append(gap)
        table = self._paytables[-1] if self._paytables else None
        ledger.set_hold(self.asset_id, None if table is None else table.hold_basis_points)

    def _count(self, game: _Game, play: Play) -> None:
        table = game.paytable or self._rated_by
        hold, denomination = table or (0, 0)
        coin_in = game.wager_cents + game.wager_credits * denomination
        win = game.win_credits * denomination
        coin_out = win
        if not game.waits:
            coin_out = max(win - game.paid_already_cents, 0) + max(game.handpaid_cents - win, 0)
        if game.is_started and game.is_ended:
            play.games += 1
        else:
            play.incomplete_games += 1
        play.coin_in_cents += coin_in
        play.coin_out_cents += coin_out
        play.handpaid_cents += game.handpaid_cents
        play.theoretical_units += coin_in * hold

    def _go_through(self) -> None:
        handpay: tuple[int, int] | None = None
        since = meter = None
        overflowed = False
        for entry, paytable in zip(self._entries, self._paytables, strict=True):
            at, _, _, player_id, fact = entry
            match fact:
                case facts.CardInserted():
                    card = self._card if self._plays() else self._living(at)
                    if card is not None and card.player_id == player_id:
                        card.active_at = at
                    else:
                        self._card = _Card(player_id or "", at, at)
                        if self._games:
                            self._games[-1].paid_for_it_cents = self._games[-1].handpaid_cents
                case facts.CardRemoved():
                    if self._card is not None and self._card.player_id == player_id:
                        self._card = None
                case facts.GameStarted():
                    game = _Game(self._day_of(at), self._owner(at, player_id), paytable)
                    if fact.is_in_accounting_credits:
                        game.wager_credits = fact.wager_credits
                    else:
                        game.wager_cents = fact.wager_cents
                    self._games.append(game)
                    handpay = None
                    amount = 0
                    shows = overflowed
                    if meter is not None and paytable is not None:
                        moved, was_reset = _moved(meter, fact.coin_in_meter_credits)
                        amount = (moved - fact.wager_credits) * paytable.denomination_cents
                        if not fact.is_in_accounting_credits:
                            amount = moved * paytable.denomination_cents - fact.wager_cents
                        shows = shows or was_reset or amount != 0
                    if shows:
                        self._gaps.append((game, Gap(self.asset_id, since or 0, at, amount)))
                    since, meter, overflowed = at, fact.coin_in_meter_credits, False
                case facts.GameEnded():
                    self._end(at, player_id, fact.win_credits, paytable)
                case facts.HandpayReported() if fact.level != CANCELLED_CREDITS:
                    if handpay != (fact.amount_cents, fact.level):
                        handpay = fact.amount_cents, fact.level
                        self._pay(at, fact.amount_cents)
                case facts.Exception_(facts.HANDPAY_PENDING):
                    handpay = None
                case facts.Exception_(facts.METERS_RESET):
                    since, meter = at, 0
                case facts.Exception_(facts.BUFFER_OVERFLOW):
                    overflowed = True

    def _living(self, at: int) -> _Card | None:
        """The session that goes on at a moment: an idle one is over."""
        if self._card is not None and at - self._card.active_at > IDLE_TIME_OUT_MS:
            self._card = None
        return self._card

    def _plays(self) -> bool:
        """Whether a game of the session is in progress, which is not idle."""
        game, card = self._games[-1] if self._games else None, self._card
        return (
            card is not None
            and game is not None
            and game.is_started
            and not game.is_ended
            and game.owner == (card.player_id, card.started_at)
        )

    def _owner(self, at: int, player_id: str | None) -> tuple[str, int] | None:
        """Whose play at a moment is; it keeps the session alive, opens or ends it."""
        card = self._living(at)
        if player_id is None:
            if card is None:
                return None
            if card.is_named:
                self._card = None
                return None
        elif card is None or card.player_id != player_id:
            card = self._card = _Card(player_id, at, at)
        card.is_named = card.is_named or player_id is not None
        card.active_at = at
        return card.player_id, card.started_at

    def _end(
        self, at: int, player_id: str | None, win_credits: int, paytable: _Paytable | None
    ) -> None:
        game = self._games[-1] if self._games else None
        if game is not None and game.is_started and not game.is_ended:
            card = self._card
            if card is not None and game.owner == (card.player_id, card.started_at):
                card.active_at = at
            game.paid_for_it_cents = game.handpaid_cents
            if game.paytable is None and paytable is not None:  # it came during the game
                game.paytable = self._rated_by
        else:
            card = self._living(at)
            is_the_cards = card is not None and (
                player_id == card.player_id or (player_id is None and not card.is_named)
            )
            owner = self._owner(at, player_id) if is_the_cards else None
            before = game
            game = _Game(self._day_of(at), owner, paytable, is_started=False)
            if before is not None and at - before.paid_at <= LOCK_UP_MS:
                game.paid_already_cents = self._paid_after_end(before)
            self._games.append(game)
        game.is_ended = True
        game.win_credits = win_credits

    def _paid_after_end(self, game: _Game) -> int:
        """What hand-pays that may be for the next game added to this one's win."""
        if game.waits:
            return 0
        win = game.win_credits * game.paytable.denomination_cents if game.paytable else 0
        before, after = game.paid_for_it_cents, game.handpaid_cents
        return max(win, after) - max(win, before)

    def _pay(self, at: int, cents: int) -> None:
        if not self._games:
            day = self._day_of(at)
            self._games.append(_Game(day, None, None, is_started=False))
        game = self._games[-1]
        if at - game.paid_at > LOCK_UP_MS:
            game.paid_for_it_cents = game.handpaid_cents
        game.handpaid_cents += cents
        game.paid_at = at


def _moved(before: int, after: int) -> tuple[int, bool]:
    """What a meter moved, in credits, and whether it was reset without a word."""
    moved = after - before
    if moved > -MAX_STEP_BACK:
        return moved, False
    if before >= ROLL_OVER_FROM:
        return moved + METER_MODULUS, False
    return after, True
