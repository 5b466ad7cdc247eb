"""Files of rated table sessions: a heading, then one session a line, as comma-separated values.

Columns are found by their headings, in any order among any others. A line is a row, so that a quote
that is never closed spoils one session and not the rest of the file.

The shape has no session number. Within one file two equal rows are two sessions: a player may have
two slips of the same minutes at one table (files show such pairs that differ in their chips alone),
and a rating must not drop play on a guess. The second one is flagged as repeated. Across the files
of one run the n-th copy of a row is the same session in each, so that a file given twice, or two
exports that overlap, count once; what comes again is a duplicate.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pitboss.rating.tables import (
    HOUSE_EDGE_WHOLE,
    Flag,
    Game,
    TableSession,
    TableTally,
    TableTotals,
    UnratableSession,
    game_of,
    rate_session,
    table_dollars,
)
from workbench.console import WorkbenchError

TABLE = "Table Name"
PLAYER = "Player Name"
START = "Play Start Date Exact"
END = "Play End Date Exact"
MINUTES = "Total Minutes Played This Session"
AVERAGE_BET = "Session Player Average Bet"
LOST = "Session Player Lost Dollars"
PACE = "Number of Bets Per Hour"
EDGE = "Hold Percentage"
CURRENCY = "Table Currency"

NEEDED = (TABLE, PLAYER, START, END, MINUTES, AVERAGE_BET, LOST)
"""Columns every file has. Without `PACE` or `EDGE` a game's constants are used."""

_MOMENT = "%m/%d/%Y %I:%M:%S %p"
_NUMBER = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,15}))?")
_MAX_NAME = 64
_SHOWN_CHARACTERS = 40

type Cells = tuple[tuple[str, str], ...]
"""All that a row says, whatever the order of its columns: headings with their cells."""


class RowFault(ValueError):
    """What is wrong with one row."""


class Row(NamedTuple):
    """One row of a file."""

    number: int
    """As a spreadsheet counts: the headings are row 1."""
    cells: Cells
    session: TableSession | RowFault


def read_sessions(path: Path) -> Iterator[Row]:
    """Each row that is not blank, as a session or as what is wrong with it.

    Raises:
        WorkbenchError: the file cannot be read, or lacks a column that every session needs.

    """
    try:
        # Bytes that are no UTF-8 are a fault of their cell, not of the file.
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            headings = _headings(path, next(file, ""))
            for number, line in enumerate(file, start=2):
                if line.strip():
                    yield _row(number, headings, line)
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be read ({fault.strerror}): check the name.") from None


def _headings(path: Path, line: str) -> list[str]:
    try:
        headings = [heading.strip() for heading in _split(line)]
    except RowFault as fault:
        raise WorkbenchError(f"{path} has no row of headings ({fault}): mend it.") from None
    missing = [name for name in NEEDED if name not in headings]
    if missing:
        raise WorkbenchError(
            f"{path} holds no table sessions: the first row lacks {', '.join(missing)}."
        )
    twice = [name for name in (*NEEDED, PACE, EDGE, CURRENCY) if headings.count(name) > 1]
    if twice:
        raise WorkbenchError(f"{path} has more than one column {', '.join(twice)}: keep one.")
    return headings


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\n")], strict=True), [])
    except csv.Error as fault:
        raise RowFault(f"it is no row of comma-separated values: {fault}") from None


def _row(number: int, headings: list[str], line: str) -> Row:
    cells: Cells = ()
    try:
        found = _split(line)
        if len(found) != len(headings):
            raise RowFault(f"it has {len(found)} cells, the headings are {len(headings)}")
        cells = tuple(sorted(zip(headings, found, strict=True)))
        return Row(number, cells, read_session(dict(cells)))
    except RowFault as fault:
        return Row(number, cells, fault)


def read_session(row: Mapping[str, str]) -> TableSession:
    """The session that a row's cells, by heading, say.

    An empty or zero pace or edge is none: nobody measured it.

    Raises:
        RowFault: a cell is missing or says something else.

    """
    table = _name(row, TABLE)
    edge = _number(row, EDGE, decimals=5) if EDGE in row else 0
    if edge > HOUSE_EDGE_WHOLE:
        raise RowFault(f"{EDGE} {_shown(row[EDGE])} is more than 1: 0.025 is 2.5 %")
    return TableSession(
        table_name=table,
        game=game_of(table),
        player_id=_name(row, PLAYER),
        started_at=_moment(row, START),
        ended_at=_moment(row, END),
        minutes=_number(row, MINUTES),
        average_bet_cents=_number(row, AVERAGE_BET, decimals=2),
        actual_win_cents=_number(row, LOST, decimals=2, signed=True),
        decisions_an_hour=(_number(row, PACE) if PACE in row else 0) or None,
        house_edge=edge or None,
        in_dollars=row.get(CURRENCY, "$").strip() in ("$", ""),
    )


def _shown(cell: str) -> str:
    return ascii(cell[:_SHOWN_CHARACTERS])


def _name(row: Mapping[str, str], column: str) -> str:
    name = row[column].strip()
    if not name:
        raise RowFault(f"{column} is empty")
    if len(name) > _MAX_NAME or not name.isprintable():
        raise RowFault(
            f"{column} {_shown(name)} is no name of at most {_MAX_NAME} printable characters"
        )
    return name


def _moment(row: Mapping[str, str], column: str) -> int:
    """Epoch milliseconds, as if the floor's clock showed UTC: the file names no time zone."""
    try:
        moment = datetime.strptime(row[column].strip(), _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        raise RowFault(
            f"{column} {_shown(row[column])} is no moment like 1/7/2019 10:20:00 AM"
        ) from None
    return int(moment.timestamp()) * 1000


def _number(row: Mapping[str, str], column: str, *, decimals: int = 0, signed: bool = False) -> int:
    """A number x 10^decimals, exact. An empty pace or edge is 0."""
    text = row[column].strip()
    if not text and column in (PACE, EDGE):
        return 0
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise RowFault(f"{column} {_shown(text)} is no number")
    sign, whole, fraction = found[1], found[2], (found[3] or "").rstrip("0")
    if len(fraction) > decimals:
        allowed = f"more than {decimals} decimals" if decimals else "a fraction"
        raise RowFault(f"{column} {_shown(text)} has {allowed}")
    number = int(whole + fraction.ljust(decimals, "0"))
    if sign and number and not signed:
        raise RowFault(f"{column} {_shown(text)} is negative")
    return -number if sign else number


class TableAudit:
    """Files of table sessions in, ratings out; the shape of `result` is a contract."""

    def __init__(self) -> None:
        self._totals = TableTotals()
        self._known: Counter[Cells] = Counter()
        self._counts = dict.fromkeys(("received", "accepted", "duplicate", "quarantined"), 0)
        self.refusals: list[str] = []
        """What is wrong with each row that was not accepted."""

    def take(self, path: Path) -> None:
        """Rate a file's sessions."""
        here: Counter[Cells] = Counter()
        for row in read_sessions(path):
            self._counts["received"] += 1
            try:
                if isinstance(row.session, RowFault):
                    raise row.session
                rated = rate_session(row.session)
            except (RowFault, UnratableSession) as fault:
                self._counts["quarantined"] += 1
                self.refusals.append(f"{path.name} row {row.number}: {fault}")
                continue
            here[row.cells] += 1
            if here[row.cells] <= self._known[row.cells]:
                self._counts["duplicate"] += 1
                continue
            self._counts["accepted"] += 1
            if here[row.cells] > 1:
                rated = rated._replace(flags=rated.flags | {Flag.REPEATED})
            self._totals.add(row.session, rated)
        self._known |= here

    def result(self) -> dict[str, Any]:
        """Counts, flags, players, tables, games and totals; theoretical win in dollars."""
        totals = self._totals
        return {
            **self._counts,
            "sessions_flagged": {flag.value: totals.flags[flag] for flag in Flag},
            "players": [
                {"player_id": player_id} | _amounts(tally)
                for player_id, tally in sorted(totals.players.items())
            ],
            "tables": [
                {"table_name": name, "game": _game(game)} | _amounts(tally)
                for (name, game), tally in sorted(totals.tables.items(), key=_table_order)
            ],
            "games": [
                {"game": _game(game)} | _amounts(tally)
                for game, tally in sorted(totals.games.items(), key=lambda entry: entry[0] or "")
            ],
            "totals": _amounts(totals.total),
        }


def _game(game: Game | None) -> str | None:
    return game.value if game else None


def _table_order(entry: tuple[tuple[str, Game | None], TableTally]) -> tuple[str, str]:
    (name, game), _ = entry
    return name, game or ""


def _amounts(tally: TableTally) -> dict[str, Any]:
    return {
        "sessions": tally.sessions,
        "minutes": tally.minutes,
        "theoretical_win": table_dollars(tally.theoretical_win),
        "actual_win_cents": tally.actual_win_cents,
    }
