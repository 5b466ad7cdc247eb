"""The ledger: how a rating came to be, line by line.

Folding a machine's pages again, with `Fold`'s notes, gives a line for each game, each later
hand-pay, each play that waited for a paytable, each gap, and each session that began or ended. What
the lines of a session's gaming day, or of a machine's, add up to is what is stored of it.

A page is folded with the carry it is stored with, so the lines are those of the stored totals, also
while a long correction is being made.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from pitboss.events.slot import CardInserted, GameEnded, GameStarted, SlotEvent
from pitboss.rating.fold import (
    Carry,
    Fold,
    GameNote,
    GapNote,
    HandpayNote,
    House,
    Note,
    RatedNote,
    SessionDay,
    SessionNote,
    Tally,
)
from pitboss.rating.history import Page

_HOUR_MS = 3_600_000

type Wanted = Callable[[SessionDay], bool]
"""Whether a session's gaming day is one that is asked about."""


class Rule(StrEnum):
    """The rule that made a line."""

    NAMED = "named"
    """The game names the player."""
    CARD = "card"
    """The game names nobody, and the player's card was in: no game of the session named one yet."""
    UNCARDED = "uncarded"
    """The game names nobody and no card was in."""
    CARD_IN = "card in"
    """The session began with its card."""
    FIRST_GAME = "first game"
    """The session began with a game that names the player: the card-in is missing."""
    CARD_OUT = "card out"
    IDLE = "idle"
    ANOTHER_CARD = "another card"
    ANOTHER_PLAYER = "another player"
    UNCARDED_PLAY = "uncarded play"
    """The session ended with a game that names nobody."""
    PAID_AFTERWARDS = "paid after its game"
    FIRST_PAYTABLE = "first paytable"
    METER = "meter"
    OVERFLOW = "events overflowed"


class Line(Struct, frozen=True):
    """What was rated, and by which rule."""

    note: Note
    rule: Rule

    @property
    def key(self) -> SessionDay | None:
        """The session's gaming day the line counts for; None where a session begins or ends."""
        return None if isinstance(self.note, SessionNote) else self.note.key


def added_by(note: Note) -> Tally:
    """What a line adds to the totals.

    `unvalued_credits` is what a game leaves without a value; the later line that values it says the
    value in cents, and takes nothing off here.
    """
    match note:
        case GameNote():
            complete = note.started_at is not None and note.ended_at is not None
            return Tally(
                games=int(complete),
                incomplete_games=int(not complete),
                coin_in_cents=note.coin_in_cents,
                coin_out_cents=note.coin_out_cents,
                theoretical_win=note.theoretical_win,
                unrated_coin_in_cents=0
                if note.hold_basis_points is not None
                else note.coin_in_cents,
                unvalued_credits=note.unvalued_credits,
                handpaid_cents=note.handpaid_cents,
            )
        case HandpayNote():
            return Tally(coin_out_cents=note.coin_out_cents, handpaid_cents=note.amount_cents)
        case RatedNote():
            return Tally(
                coin_in_cents=note.valued_coin_in_cents,
                coin_out_cents=note.coin_out_cents,
                theoretical_win=note.theoretical_win,
                unrated_coin_in_cents=note.valued_coin_in_cents - note.coin_in_cents,
            )
        case GapNote():
            return Tally(gaps=1, meter_difference_cents=note.gap.amount_cents)
        case _:
            return Tally()


def total(lines: Iterable[Line]) -> Tally:
    """What lines add up to."""
    sums = Tally()
    for line in lines:
        sums.add(added_by(line.note))
    return sums


def is_same_money(one: Tally, other: Tally) -> bool:
    """Whether two totals are equal to the cent, and in their games and gaps."""
    left, right = (_without_credits(tally) for tally in (one, other))
    return left == right


def _without_credits(tally: Tally) -> Tally:
    copy = Tally()
    copy.add(tally)
    copy.unvalued_credits = 0
    return copy


class Walk:
    """Writes down the lines of a machine's pages, which it is to be shown in order.

    A game's rule is known where its start was in a page it was shown.
    """

    __slots__ = ("_house", "_named_by_start", "end")

    def __init__(self, house: House) -> None:
        self._house = house
        self._named_by_start = True
        self.end = Carry()
        """What the last page leaves to carry on."""

    def lines(self, page: Page) -> Iterator[Line]:
        """A page's lines."""
        notes: list[Note] = []
        fold = Fold(page.carry, self._house, notes)
        fold.open_page(page.start)
        yield from self._lines(notes, None)
        for event in page.events:
            fold.feed(event)
            if notes:
                yield from self._lines(notes, event)
            if type(event.data) is GameStarted:
                self._named_by_start = event.player_id is not None
        self.end = fold.carry

    def _lines(self, notes: list[Note], event: SlotEvent | None) -> Iterator[Line]:
        for note in notes:
            yield Line(note, self._rule(note, event))
        notes.clear()

    def _rule(self, note: Note, event: SlotEvent | None) -> Rule:
        match note:
            case GameNote():
                return self._rule_of_game(note, event)
            case SessionNote():
                if note.ended is not None:
                    return Rule(note.ended)
                is_card = event is not None and type(event.data) is CardInserted
                return Rule.CARD_IN if is_card else Rule.FIRST_GAME
            case HandpayNote():
                return Rule.PAID_AFTERWARDS
            case RatedNote():
                return Rule.FIRST_PAYTABLE
            case GapNote():
                return Rule.OVERFLOW if note.gap.is_overflow else Rule.METER

    def _rule_of_game(self, note: GameNote, event: SlotEvent | None) -> Rule:
        if note.key.player_id is None:
            return Rule.UNCARDED
        named = self._named_by_start
        if note.started_at is None and event is not None and type(event.data) is GameEnded:
            named = event.player_id is not None
        return Rule.NAMED if named else Rule.CARD


def may_go_on(carry: Carry, wanted: Wanted) -> bool:
    """Whether the next page may still have lines: of a game in progress, of a hand-pay for the last
    game, or the end of the session.

    Play that waits for a paytable is another matter: `waiting`.
    """
    keys = [None if carry.session is None else carry.session.session_day()]
    keys += [game.key for game in (carry.open_game, carry.last_game) if game is not None]
    return any(key is not None and wanted(key) for key in keys)


def waiting(carry: Carry, wanted: Wanted) -> int:
    """How many session-days wait for the machine's first paytable."""
    return sum(wanted(play.key) for play in carry.unrated)


def of_session_day(lines: Iterable[Line], key: SessionDay) -> list[Line]:
    """The lines of one session's gaming day, with the session's beginning and end."""
    return [
        line
        for line in lines
        if line.key == key
        or (
            isinstance(line.note, SessionNote)
            and (line.note.player_id, line.note.started_at) == (key.player_id, key.started_at)
        )
    ]


def of_machine_day(lines: Iterable[Line], day: str, house: House) -> list[Line]:
    """The lines of a machine's gaming day, with the sessions that began, ended or played in it."""
    known = list(lines)
    sessions = {
        (key.player_id, key.started_at)
        for line in known
        if (key := line.key) is not None and key.day == day
    }
    return [
        line
        for line in known
        if (
            (line.note.player_id, line.note.started_at) in sessions
            or house.day_of(line.note.at) == day
            if isinstance(line.note, SessionNote)
            else line.note.key.day == day
        )
    ]


def idle_minutes(note: SessionNote, house: House) -> int | None:
    """The time-out, in minutes, after which an idle session ended."""
    if note.ended != Rule.IDLE:
        return None
    # It ended that long after its last activity, and the rule is that of the day of the activity.
    for hours in range(25):  # no time-out is longer than a day
        time_out = house.idle_of(house.day_of(note.at - hours * _HOUR_MS))
        if house.idle_of(house.day_of(note.at - time_out)) == time_out:
            return time_out // 60_000
    return None
