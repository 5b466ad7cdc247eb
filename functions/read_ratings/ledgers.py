"""The use case: the ledger of a player's or a machine's gaming day, line by line."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from pitboss.money import theoretical_dollars
from pitboss.rating.fold import (
    GameNote,
    GapNote,
    HandpayNote,
    House,
    RatedNote,
    SessionDay,
    SessionNote,
    Tally,
)
from pitboss.rating.history import MachineDay, Page
from pitboss.rating.ledger import (
    Line,
    idle_minutes,
    is_same_money,
    of_machine_day,
    of_session_day,
    total,
)
from pitboss.rating.reading import LedgerReader
from pitboss.stores.ratings import (
    Asset,
    MachineRating,
    PlayerSession,
    SessionPlace,
    StoredCorrection,
)
from read_ratings.service import Amounts, amounts

MAX_PAGES = 1_500
"""Pages that one ledger is folded from: five machines played without a pause for a gaming day.
A page is 3 kB stored and half a millisecond to fold: a second together."""

MAX_CORRECTIONS = 1_000
"""Corrections of a gaming day that are shown."""


class Ratings(Protocol):
    """Where ledgers are read; see `pitboss.stores.ratings.DynamoRatings`."""

    def machine(self, asset: Asset) -> MachineRating | None: ...
    def machine_day(self, asset: Asset, day: str) -> MachineDay | None: ...
    def machine_corrections(
        self, asset: Asset, newest: int, day: str | None = None
    ) -> list[StoredCorrection]: ...
    def player_sessions(
        self, property_id: str, player_id: str, newest: int, before: SessionPlace | None = None
    ) -> list[PlayerSession]: ...
    def player_day(self, property_id: str, player_id: str, day: str) -> list[PlayerSession]: ...
    def player_corrections(
        self, property_id: str, player_id: str, newest: int, day: str | None = None
    ) -> list[StoredCorrection]: ...
    def pages(self, asset: Asset, first: int, last: int, earliest: int) -> list[Page]: ...


# --- documents ------------------------------------------------------------------------------------


class _Numbered(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A line of a ledger: its number in the gaming day, the session it counts for, and the rule
    that made it. The player and the session are absent for uncarded play.
    """

    number: int
    asset_id: str
    player_id: str | None
    session_started_at: int | None
    rule: str


class SessionLine(_Numbered, frozen=True, kw_only=True, tag="session"):
    """A session began (`ended` false) or ended, and by which rule. `idle_minutes` is the time-out
    of one that ended by it.
    """

    at: int
    ended: bool
    idle_minutes: int | None


class GameLine(_Numbered, frozen=True, kw_only=True, tag="game"):
    """A game. A start or an end that is missing is absent, and so is a hold not known yet; of a
    hand-pay only what came before the game's end is in it.
    """

    started_at: int | None
    ended_at: int | None
    game_number: int
    coin_in_cents: int
    coin_out_cents: int
    handpaid_cents: int
    hold_basis_points: int | None
    theoretical_win: str
    unvalued_credits: int


class HandpayLine(_Numbered, frozen=True, kw_only=True, tag="handpay"):
    """A hand-pay reported after its game's end; `coin_out_cents` is what it added to the win."""

    at: int
    amount_cents: int
    coin_out_cents: int


class RatedLine(_Numbered, frozen=True, kw_only=True, tag="rated"):
    """Earlier play, rated by the machine's first paytable: `coin_in_cents` of it, of which
    `valued_coin_in_cents` were credits of unknown value until then, as was `coin_out_cents`.
    """

    at: int
    coin_in_cents: int
    valued_coin_in_cents: int
    coin_out_cents: int
    hold_basis_points: int
    theoretical_win: str


class GapLine(_Numbered, frozen=True, kw_only=True, tag="gap"):
    """The coin-in meter moved by so much more than the events say, since it was seen before."""

    since: int | None
    at: int
    amount_cents: int


type LedgerLine = SessionLine | GameLine | HandpayLine | RatedLine | GapLine


class LateCause(Struct, frozen=True):
    """An event that came late."""

    event_type: str
    occurred_at: int


class CorrectionEntry(Struct, frozen=True):
    """A later entry that corrects a session's totals of the gaming day, or uncarded play's: by how
    much, when, and because of which late events (the earliest of `late_events`).
    """

    id: str
    gaming_day: str
    asset_id: str
    player_id: str | None
    session_started_at: int | None
    made_at: int
    late_events: int
    because: list[LateCause]
    difference: Amounts


class LedgerSession(Struct, frozen=True):
    """A session's play of the gaming day, or a machine's uncarded play: what its lines add up to,
    what is stored, and how that came to be: first posted, and corrected since.

    Of carded play a machine's ledger has the lines alone; the player's has the rest.
    """

    asset_id: str
    player_id: str | None
    started_at: int | None
    began_by: str | None
    ended_at: int | None
    ended_by: str | None
    line_count: int
    lines: Amounts
    posted_first: Amounts | None
    corrected: Amounts | None
    stored: Amounts | None


class LedgerTotal(Struct, frozen=True):
    """Of all lines of the gaming day, on every page of it. `agrees`: stored is what they add up to.

    A machine's carded play is corrected in the players' ledgers: its own have no first posting.
    """

    line_count: int
    lines: Amounts
    stored: Amounts
    agrees: bool
    posted_first: Amounts | None
    corrected: Amounts | None


class LedgerDocument(Struct, frozen=True):
    """`GET /v1/players/{player_id}/ledger`: a gaming day line by line, with its totals.

    A machine's is the same, with `asset_id`. `next` is the cursor of the lines that follow, absent
    at the end; everything but `lines` is of the whole day. Should `total` differ between two pages,
    the day has changed meanwhile. `truncated`: there was more play than one ledger is read for, or
    more corrections, and then what was first posted is absent.
    """

    property_id: str
    player_id: str | None
    asset_id: str | None
    gaming_day: str
    lines: list[LedgerLine]
    next: str | None
    sessions: list[LedgerSession]
    corrections: list[CorrectionEntry]
    total: LedgerTotal
    truncated: bool


class LedgerPosition(Struct, frozen=True, array_like=True):
    """Where a ledger goes on: after so many lines of the day."""

    day: str
    after: int


class Part(NamedTuple):
    """The part of a ledger that is asked for; without a day, of the newest."""

    day: str | None
    limit: int
    position: LedgerPosition | None
    seal: Callable[[LedgerPosition], str]


# --- reading --------------------------------------------------------------------------------------


class _Entry(NamedTuple):
    """A session's gaming day at a machine, and its lines."""

    asset_id: str
    key: SessionDay
    lines: list[Line]
    stored: Tally | None


def player(
    ratings: Ratings, house: House, property_id: str, player_id: str, part: Part
) -> LedgerDocument | None:
    """The ledger of a player's gaming day; None where no play of that day is known."""
    day = part.position.day if part.position else part.day
    if day is None:
        newest = ratings.player_sessions(property_id, player_id, 1)
        if not newest:
            return None
        day = newest[0].key.day

    def read(reading: LedgerReader) -> tuple[list[_Entry], list[StoredCorrection]]:
        corrections = ratings.player_corrections(property_id, player_id, MAX_CORRECTIONS, day)
        sessions = ratings.player_day(property_id, player_id, day)
        entries = []
        for session in sorted(sessions, key=lambda one: (one.key.started_at, one.asset_id)):
            first = session.first_play or session.key.started_at
            lines = reading.lines(
                partial(ratings.pages, Asset(property_id, session.asset_id)),
                first,
                session.last_play or first,
                session.key.__eq__,
                session.tally,
            )
            lines = of_session_day(lines, session.key)
            entries.append(_Entry(session.asset_id, session.key, lines, session.tally))
        known = {(entry.asset_id, entry.key) for entry in entries}
        entries += [
            _Entry(asset_id, key, [], Tally())  # corrected away
            for asset_id, key in sorted({(c.asset_id, c.key) for c in corrections} - known)
        ]
        return entries, corrections

    for _ in range(2):  # once more where the player went on playing meanwhile
        reading = LedgerReader(house, MAX_PAGES)
        entries, corrections = read(reading)
        lines = [line for entry in entries for line in entry.lines]
        stored = _sum(entry.stored for entry in entries)
        if reading.truncated or is_same_money(total(lines), stored):
            break
    if not entries:
        return None
    shown, following = _part(
        [(entry.asset_id, line) for entry in entries for line in entry.lines], day, part, house
    )
    return LedgerDocument(
        property_id,
        player_id,
        None,
        day,
        shown,
        following,
        _sessions(entries, corrections),
        _corrections(corrections),
        _total(lines, stored, _corrected(corrections)),
        reading.truncated or _corrected(corrections) is None,
    )


def machine(ratings: Ratings, house: House, asset: Asset, part: Part) -> LedgerDocument | None:
    """The ledger of a machine's gaming day; None where no play of that day is known."""
    day = part.position.day if part.position else part.day
    if day is None:
        rating = ratings.machine(asset)
        if rating is None:
            return None
        day = rating.today.day
    for _ in range(2):
        reading = LedgerReader(house, MAX_PAGES)
        corrections = ratings.machine_corrections(asset, MAX_CORRECTIONS, day)
        known = ratings.machine_day(asset, day)
        if known is None:
            return None
        stored = known
        lines: list[Line] = []
        if stored.first_play is not None and stored.last_play is not None:
            lines = reading.lines(
                partial(ratings.pages, asset),
                stored.first_play,
                stored.last_play,
                lambda key: key.day == day,
                stored.tally,
            )
        lines = of_machine_day(lines, day, house)
        if reading.truncated or is_same_money(total(lines), stored.tally):
            break
    keys = {line.key: None for line in lines if line.key is not None}
    if corrections:
        keys.setdefault(SessionDay(day, None, 0))
    by_owner: dict[tuple[str | None, int], list[Line]] = {}
    for line in lines:
        by_owner.setdefault(_owner(line), []).append(line)
    entries = [
        _Entry(
            asset.asset_id,
            key,
            of_session_day(by_owner.get((key.player_id, key.started_at), ()), key),
            None,
        )
        for key in keys
    ]
    shown, following = _part([(asset.asset_id, line) for line in lines], day, part, house)
    return LedgerDocument(
        asset.property_id,
        None,
        asset.asset_id,
        day,
        shown,
        following,
        _sessions(entries, corrections),
        _corrections(corrections),
        _total(lines, stored.tally, None),
        reading.truncated or _corrected(corrections) is None,
    )


def without_players(document: LedgerDocument) -> LedgerDocument:
    """The same for somebody who may not see players: what a machine did, not for whom."""
    return replace(
        document,
        lines=[replace(line, player_id=None) for line in document.lines],
        sessions=[replace(session, player_id=None) for session in document.sessions],
        corrections=[replace(one, player_id=None) for one in document.corrections],
    )


def players(document: LedgerDocument) -> set[str]:
    """Whose play a ledger shows."""
    shown = *document.lines, *document.sessions, *document.corrections
    named = {document.player_id, *(one.player_id for one in shown)}
    return {player for player in named if player is not None}


def _owner(line: Line) -> tuple[str | None, int]:
    note = line.note
    if isinstance(note, SessionNote):
        return note.player_id, note.started_at
    return note.key.player_id, note.key.started_at


def _sum(tallies: Iterable[Tally | None]) -> Tally:
    sums = Tally()
    for tally in tallies:
        if tally is not None:
            sums.add(tally)
    return sums


def _less(stored: Tally, corrected: Tally) -> Tally:
    first = _sum([stored])
    first.add(corrected, -1)
    return first


def _part(
    lines: Sequence[tuple[str, Line]], day: str, part: Part, house: House
) -> tuple[list[LedgerLine], str | None]:
    """The lines that are asked for, and the cursor of those that follow."""
    after = part.position.after if part.position else 0
    until = after + part.limit
    return [
        _line(number, asset_id, line, house)
        for number, (asset_id, line) in enumerate(lines[after:until], after + 1)
    ], part.seal(LedgerPosition(day, until)) if until < len(lines) else None


def _total(lines: Sequence[Line], stored: Tally, corrected: Tally | None) -> LedgerTotal:
    added = total(lines)
    return LedgerTotal(
        len(lines),
        amounts(added),
        amounts(stored),
        is_same_money(added, stored),
        None if corrected is None else amounts(_less(stored, corrected)),
        None if corrected is None else amounts(corrected),
    )


def _corrected(corrections: Sequence[StoredCorrection]) -> Tally | None:
    """What was corrected; None where there is more of it than is read."""
    if len(corrections) >= MAX_CORRECTIONS:
        return None
    return _sum(correction.difference for correction in corrections)


def _sessions(
    entries: Iterable[_Entry], corrections: Sequence[StoredCorrection]
) -> list[LedgerSession]:
    of_session: dict[tuple[str, SessionDay], list[StoredCorrection]] = {}
    for correction in corrections:
        of_session.setdefault((correction.asset_id, correction.key), []).append(correction)
    are_all = _corrected(corrections) is not None
    return [
        _session(entry, of_session.get((entry.asset_id, entry.key), ()) if are_all else None)
        for entry in entries
    ]


def _session(entry: _Entry, corrections: Sequence[StoredCorrection] | None) -> LedgerSession:
    """A session with its corrections; without, where there are more than are read."""
    key, added = entry.key, total(entry.lines)
    known = entry.stored
    if known is None and key.player_id is None:
        known = added  # uncarded play is stored within the machine's day
    corrected = None if corrections is None else _sum(c.difference for c in corrections)
    notes = [(line, line.note) for line in entry.lines if isinstance(line.note, SessionNote)]
    began = next((line.rule for line, note in notes if note.ended is None), None)
    end = next(((line, note) for line, note in notes if note.ended is not None), None)
    return LedgerSession(
        entry.asset_id,
        key.player_id,
        key.started_at if key.player_id is not None else None,
        began,
        None if end is None else end[1].at,
        None if end is None else end[0].rule,
        len(entry.lines),
        amounts(added),
        None if known is None or corrected is None else amounts(_less(known, corrected)),
        None if known is None or corrected is None else amounts(corrected),
        None if entry.stored is None else amounts(entry.stored),
    )


def _corrections(corrections: Iterable[StoredCorrection]) -> list[CorrectionEntry]:
    """The corrections, the first made first."""
    return [_correction(one) for one in sorted(corrections, key=lambda one: one.made_at)]


def _correction(correction: StoredCorrection) -> CorrectionEntry:
    key = correction.key
    causes = [cause.rpartition(" at ") for cause in correction.causes]
    return CorrectionEntry(
        correction.change_id,
        key.day,
        correction.asset_id,
        key.player_id,
        key.started_at if key.player_id is not None else None,
        correction.made_at,
        correction.late_events,
        [LateCause(event_type, int(at)) for event_type, _, at in causes],
        amounts(correction.difference),
    )


def _line(number: int, asset_id: str, line: Line, house: House) -> LedgerLine:
    note = line.note
    player_id, started_at = _owner(line)
    place: dict[str, Any] = {
        "number": number,
        "asset_id": asset_id,
        "player_id": player_id,
        "session_started_at": started_at if player_id is not None else None,
        "rule": line.rule,
    }
    match note:
        case SessionNote():
            return SessionLine(
                **place,
                at=note.at,
                ended=note.ended is not None,
                idle_minutes=idle_minutes(note, house),
            )
        case GameNote():
            return GameLine(
                **place,
                started_at=note.started_at,
                ended_at=note.ended_at,
                game_number=note.game_number,
                coin_in_cents=note.coin_in_cents,
                coin_out_cents=note.coin_out_cents,
                handpaid_cents=note.handpaid_cents,
                hold_basis_points=note.hold_basis_points,
                theoretical_win=theoretical_dollars(note.theoretical_win),
                unvalued_credits=note.unvalued_credits,
            )
        case HandpayNote():
            return HandpayLine(
                **place,
                at=note.at,
                amount_cents=note.amount_cents,
                coin_out_cents=note.coin_out_cents,
            )
        case RatedNote():
            return RatedLine(
                **place,
                at=note.at,
                coin_in_cents=note.coin_in_cents,
                valued_coin_in_cents=note.valued_coin_in_cents,
                coin_out_cents=note.coin_out_cents,
                hold_basis_points=note.hold_basis_points,
                theoretical_win=theoretical_dollars(note.theoretical_win),
            )
        case GapNote():
            return GapLine(
                **place,
                since=note.gap.since or None,
                at=note.at,
                amount_cents=note.gap.amount_cents,
            )
