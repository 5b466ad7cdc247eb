"""Play as it comes, machine by machine: rated, asked game by game, and told of once a session.

A machine's row is all that has to be remembered of it between two batches. Its events are brought
in in the order in which rating has them; what is not later than the newest one that was brought in
is known, or came too late to be asked about.

What the questions are given is rounded in favour of play:

    * A game whose hold is not known, or whose end is missing, is not asked what it paid.
    * The share of games that pay anything is what the machine was seen to pay on this paytable
      before the session, from `MIN_GAMES` games on, and `SHARE_ERRORS` standard errors more.
    * A coin-in meter that moved by more than the wager is not asked about: that is what it shows of
      a game whose events were lost. Nor where the machine said that events were lost.

`Question.PLACES` is asked of cards, in `pitboss.anomalies.cards`: no machine's row has what a card
did at others.
"""

from collections.abc import Iterable
from math import sqrt
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pitboss.anomalies.questions import Question
from pitboss.anomalies.session import Played, SessionPlay, after_game
from pitboss.events.slot import GameStarted, MetersReset, SlotEvent
from pitboss.rating.fold import Carry, Fold, GameNote, Gap, GapNote, House, Note

MIN_GAMES = 2_000
"""Games of a paytable from which its share of winning games is known well enough."""

SHARE_ERRORS = 3
"""Standard errors by which that share is rounded up."""

type Place = tuple[int, int, str]
"""Of an event among its machine's: moment, the machine's own count, and id."""

_place = attrgetter("occurred_at", "sequence", "event_id")


class Paytable(NamedTuple):
    """What a machine is seen to pay belongs to."""

    game_number: int
    hold_basis_points: int


class Watching(Struct, array_like=True, frozen=True, gc=False):
    """A player's session, or play without a card between two of them on one gaming day."""

    player_id: str | None
    began_at: int
    """Epoch milliseconds: the session's start; of uncarded play, that of its first game."""
    day: str
    """The gaming day of uncarded play, else empty."""
    play: SessionPlay = SessionPlay()
    games: int = 0
    told: tuple[Question, ...] = ()
    """What it was told to be suspected of."""
    paytable: Paytable | None = None
    hit_share: float | None = None
    """Share of that paytable's games that pay anything, as known before the session; rounded up."""


class Watched(Struct, array_like=True, frozen=True, gc=False):
    """What is remembered of a machine."""

    asset_id: str
    carry: Carry = Carry()
    """What rating remembers, without play that waits for a paytable."""
    is_metered: bool = False
    """Whether the start of the game in progress showed by how much the coin-in meter moved."""
    session: Watching | None = None
    """The one that the last game belonged to."""
    paytable: Paytable | None = None
    """Of the last game; `games` and `hits` are counted since it was another."""
    games: int = 0
    hits: int = 0
    """Those of them that paid anything."""


class Suspicion(Struct, frozen=True):
    """That a session's play is too unlikely to be honest."""

    question: Question
    asset_id: str
    player_id: str | None
    began_at: int
    """Of the session, epoch milliseconds."""
    at: int
    """Start of the game that made it so."""
    games: int
    """Of the session, up to then."""
    odds_against: int
    """So many to one: honest play comes to it in at most one of so many sessions."""


class Brought(NamedTuple):
    """What became of a machine's events."""

    row: Watched
    place: Place | None
    """Of the newest event; None where there was none yet."""
    suspicions: list[Suspicion]
    games: int
    """Games that were asked about."""
    known: int
    """Events that are not later than the newest one that was known."""


def bring_in(
    row: Watched, place: Place | None, events: Iterable[SlotEvent], house: House
) -> Brought:
    """A machine after further events.

    Args:
        row: the machine before.
        place: of the newest event that was brought in.
        events: in any order; those that rating looks at.
        house: the rules of the property.
    """
    notes: list[Note] = []
    fold = Fold(row.carry, house, notes)
    is_metered, has_meter = row.is_metered, row.carry.coin_in_meter_credits is not None
    suspicions: list[Suspicion] = []
    games = known = 0
    for event in sorted(events, key=_place):
        if place is not None and _place(event) <= place:
            known += 1
            continue
        place = _place(event)
        fold.feed(event)
        if notes:
            for note, gap in _games(notes):
                row, found = _after(row, note, gap, is_metered=is_metered)
                suspicions += found
                games += 1
            notes.clear()
        if isinstance(event.data, GameStarted):
            shows = event.data.coin_in_meter_credits is not None
            is_metered = shows and has_meter
            has_meter |= shows
        elif isinstance(event.data, MetersReset):
            has_meter = True  # it counts from 0
    carry = replace(fold.carry, unrated=(), rates_unrated=None)
    return Brought(
        replace(row, carry=carry, is_metered=is_metered), place, suspicions, games, known
    )


def _games(notes: Iterable[Note]) -> Iterable[tuple[GameNote, Gap | None]]:
    """Games that started, each with the gap that its start showed."""
    gap: Gap | None = None
    for note in notes:
        if isinstance(note, GapNote):
            gap = note.gap
        elif isinstance(note, GameNote):
            if note.started_at is not None:
                yield note, gap
            gap = None


def _after(
    row: Watched, note: GameNote, gap: Gap | None, *, is_metered: bool
) -> tuple[Watched, list[Suspicion]]:
    started_at = note.started_at or 0
    session = _session(row, note)
    paytable = None
    if note.hold_basis_points is not None and note.ended_at is not None:
        paytable = Paytable(note.game_number, note.hold_basis_points)
    game = Played(
        started_at,
        note.coin_in_cents,
        note.coin_out_cents,
        None if paytable is None else 10_000 - paytable.hold_basis_points,
        _metered(note.coin_in_cents, gap) if is_metered else None,
        session.hit_share if paytable is not None and paytable == session.paytable else None,
    )
    play = after_game(session.play, game)
    accused = [question for question in play.accused_of if question not in session.told]
    session = replace(session, play=play, games=session.games + 1, told=(*session.told, *accused))
    row = replace(row, session=session)
    if paytable is not None:
        is_same = paytable == row.paytable
        row = replace(
            row,
            paytable=paytable,
            games=row.games * is_same + 1,
            hits=row.hits * is_same + (note.coin_out_cents > 0),
        )
    suspicions = [
        Suspicion(
            question,
            row.asset_id,
            session.player_id,
            session.began_at,
            started_at,
            session.games,
            int(play.evidence[question].most),
        )
        for question in accused
    ]
    return row, suspicions


def _session(row: Watched, note: GameNote) -> Watching:
    """The session that a game belongs to, begun by it where it is not the one before."""
    key, before = note.key, row.session
    day = key.day if key.player_id is None else ""
    if before is not None and (before.player_id, before.day) == (key.player_id, day):
        is_same = key.player_id is None or before.began_at == key.started_at
        if is_same:
            return before
    began_at = key.started_at if key.player_id is not None else note.started_at or 0
    return Watching(key.player_id, began_at, day, paytable=row.paytable, hit_share=_hit_share(row))


def _hit_share(row: Watched) -> float | None:
    if row.games < MIN_GAMES:
        return None
    share = row.hits / row.games
    return min(share + SHARE_ERRORS * sqrt(share * (1 - share) / row.games), 1.0)


def _metered(wager_cents: int, gap: Gap | None) -> int | None:
    if gap is None:
        return wager_cents
    if gap.is_overflow or gap.amount_cents > 0 or not wager_cents:
        return None
    return wager_cents + gap.amount_cents
