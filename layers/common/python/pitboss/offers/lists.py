"""Lists that keep players from offers, and what is known of players, as files; what a file changes.

A file is CSV with a header, and is right in every line or not taken at all. Moments are ISO 8601
with a time zone, epoch milliseconds, or a date. No zone is asked for a date: it is read so that it
refuses rather too long. A day begins where it begins first on earth (UTC+14) and ends where it ends
last (UTC-12), and somebody is of age from the moment their birthday is everywhere.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from io import StringIO
from typing import NamedTuple

from pitboss.errors import TerminalError
from pitboss.events.envelope import is_identifier
from pitboss.offers.gate import CLOCK_TOLERANCE_MS, Entry

MAX_FAULTS = 20
"""Faults of a file that its error names; it counts them all."""

_ALWAYS = 0
_DAY_MS = 86_400_000
_FIRST_ZONE_MS = 14 * 3_600_000
_LAST_ZONE_MS = 12 * 3_600_000
_EPOCH_MS = re.compile(r"[0-9]{12,13}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_JURISDICTION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_SHOWN_CHARACTERS = 60


class InvalidListFile(TerminalError, ValueError):
    """A file that is not taken; `faults` has a sentence for each line that is wrong."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        more = len(faults) - MAX_FAULTS
        shown = "; ".join(faults[:MAX_FAULTS])
        super().__init__(f"{shown}; and {more} more" if more > 0 else shown)


class Span(NamedTuple):
    """From when to when somebody is on a list, epoch milliseconds; `until` None for always."""

    since: int
    until: int | None


class Patron(NamedTuple):
    """What is known of a player besides the lists; None is not proven."""

    of_age_from: int | None
    """Epoch milliseconds."""
    jurisdiction: str | None


def read_list(content: bytes) -> dict[str, Span]:
    """The players of a list file: columns `player_id` and, where they are known, `since`, `until`.

    Without `since` a player is on the list always, without `until` for ever.

    Raises:
        InvalidListFile: naming every line that is wrong by its number, the header's being 1.
    """

    def span(row: Mapping[str, str]) -> Span:
        since = _moment(row["since"], _first_moment) if row.get("since") else _ALWAYS
        until = _moment(row["until"], _last_moment) if row.get("until") else None
        if until is not None and until <= since:
            raise ValueError("until is not after since, so that it would never count")
        return Span(since, until)

    return _read(content, ("since", "until"), span)


def read_patrons(content: bytes, of_age_years: int | None) -> dict[str, Patron]:
    """What a file says of players: columns `player_id`, `of_age_from` or `born_on`, `jurisdiction`.

    Birth dates are let go of here: what is kept is from when somebody is of age.

    Args:
        content: the file.
        of_age_years: the age for gaming where the property is; needed for `born_on`.

    Raises:
        InvalidListFile: naming every line that is wrong by its number.
    """

    def patron(row: Mapping[str, str]) -> Patron:
        born, proven, lives = (
            row.get(name) or None for name in ("born_on", "of_age_from", "jurisdiction")
        )
        if born and proven:
            raise ValueError("born_on and of_age_from both say from when the player is of age")
        if lives is not None and not _JURISDICTION.fullmatch(lives):
            raise ValueError(f"jurisdiction {_shown(lives)} is not as ISO 3166-2 has it, US-NV")
        of_age = None if proven is None else _moment(proven, _everywhere)
        if born is not None:
            if of_age_years is None:
                raise ValueError("born_on asks for the age for gaming: give it")
            of_age = _everywhere(_birthday(_date(born), of_age_years))
        return Patron(of_age, lives)

    return _read(content, ("of_age_from", "born_on", "jurisdiction"), patron)


def parse_moment(text: str) -> int:
    """A moment in epoch milliseconds; a date is its first moment on earth.

    Raises:
        ValueError: it is none.
    """
    return _moment(text.strip(), _first_moment)


def parse_end(text: str) -> int:
    """The end of something in epoch milliseconds; a date is the last moment of it on earth.

    Raises:
        ValueError: it is none.
    """
    return _moment(text.strip(), _last_moment)


def check_as_of(as_of: int, now: int, complete_to: int | None) -> None:
    """Whether a list as of a moment can take the place of the one that is known.

    Raises:
        RefusedImport: it is of the future, or older than what is known.
    """
    if as_of > now + CLOCK_TOLERANCE_MS:
        raise RefusedImport("the list would be complete to a moment in the future")
    if complete_to is not None and as_of < complete_to:
        raise RefusedImport("the list is older than the one that is known")


class RefusedImport(TerminalError):
    """A list that cannot take the place of the one that is known."""


class Changes(NamedTuple):
    """What a whole list changes, in the order in which it is done."""

    additions: dict[str, Entry]
    """Players who are not on the list yet, or for another time."""
    removals: tuple[str, ...]
    """Players whom the list no longer names, by id."""
    kept: int
    """Entries added after the list was made: it does not know of them."""


def changes(known: Mapping[str, Entry], named: Mapping[str, Span], as_of: int) -> Changes:
    """What is to be done so that a list is as a file says it was complete to a moment.

    Args:
        known: who is on the list.
        named: who is on it by the file.
        as_of: when the file was complete (epoch ms). What was added later stays as it is.
    """
    additions, removals, kept = {}, [], 0
    for player_id, span in named.items():
        entry = known.get(player_id)
        if entry is not None and entry.added_at > as_of:
            kept += 1
        elif entry is None or (entry.since, entry.until) != span:
            additions[player_id] = Entry(span.since, span.until, as_of)
    for player_id in sorted(known.keys() - named.keys()):
        if known[player_id].added_at > as_of:
            kept += 1
        else:
            removals.append(player_id)
    return Changes(additions, tuple(removals), kept)


def _read[Row](
    content: bytes, optional: tuple[str, ...], row_of: Callable[[Mapping[str, str]], Row]
) -> dict[str, Row]:
    found: dict[str, Row] = {}
    faults: list[str] = []
    for number, line in _lines(content, optional, faults):
        try:
            player_id = line["player_id"]
            if not is_identifier(player_id):
                raise ValueError(f"player_id {_shown(player_id)} can be no player's id")
            if player_id in found:
                raise ValueError(f"player {player_id} is there twice")
            found[player_id] = row_of(line)
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
    if faults:
        raise InvalidListFile(tuple(faults))
    return found


def _lines(
    content: bytes, optional: tuple[str, ...], faults: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.append("line 1: the file is no UTF-8 text")
        return
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        columns = {"player_id", *optional}
        if "player_id" not in header or len(set(header)) < len(header) or set(header) - columns:
            faults.append(
                f"line 1: the header is {_shown(','.join(header))}, not player_id with any of "
                f"{', '.join(optional)}"
            )
            return
        for row in rows:
            if len(row) == len(header):
                cells = (cell.strip() for cell in row)
                yield rows.line_num, dict(zip(header, cells, strict=True))
            elif row:
                faults.append(f"line {rows.line_num}: {len(row)} cells, not {len(header)}")
    except csv.Error as fault:
        faults.append(f"line {rows.line_num}: {fault}")


def _moment(text: str, of_day: Callable[[date], int]) -> int:
    if _EPOCH_MS.fullmatch(text):
        return int(text)
    if _DAY.fullmatch(text):
        return of_day(_date(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{_shown(text)} is no moment: 2026-01-31, 2026-01-31T18:00:00Z or epoch milliseconds"
        )
    return int(moment.timestamp() * 1_000)


def _date(text: str) -> date:
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{_shown(text)} is no date such as 2026-01-31") from None


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY_MS


def _first_moment(day: date) -> int:
    return _midnight(day) - _FIRST_ZONE_MS


def _last_moment(day: date) -> int:
    return _midnight(day) + _DAY_MS + _LAST_ZONE_MS


def _everywhere(day: date) -> int:
    """When a day has begun in every zone."""
    return _midnight(day) + _LAST_ZONE_MS


def _birthday(born: date, years: int) -> date:
    try:
        return born.replace(year=born.year + years)
    except ValueError:  # born on 29 February
        return born.replace(year=born.year + years, month=3, day=1)


def _shown(text: str) -> str:
    return repr(text[:_SHOWN_CHARACTERS])
