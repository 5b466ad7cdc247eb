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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from pitboss.gaming_day import GamingDay
from pitboss.rating.tables import (
    HOUSE_EDGE_WHOLE,
    Flag,
    Game,
    RatedSession,
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


def days_of(paths: Iterable[Path], starts_at: time) -> list[date]:
    """The gaming days that files' sessions began in, ascending."""
    rule = GamingDay(ZoneInfo("UTC"), starts_at)
    return sorted(
        {
            rule.date_of(row.session.started_at)
            for path in paths
            for row in read_sessions(path)
            if isinstance(row.session, TableSession)
        }
    )


class MeasuredPaces:
    """Decisions an hour that shufflers measured, by table and gaming day."""

    def __init__(self, paces: Mapping[tuple[str, str], int], starts_at: time) -> None:
        """
        Args:
            paces: by table and gaming day (ISO date).
            starts_at: when the gaming day starts by the floor's clock, which files show.
        """
        self._paces = paces
        self._rule = GamingDay(ZoneInfo("UTC"), starts_at)

    @classmethod
    def read(cls, path: Path, starts_at: time) -> "MeasuredPaces":
        """The paces of a file that `pitboss shufflers paces --json` wrote.

        Raises:
            WorkbenchError: the file cannot be read, or is none.
        """
        try:
            document = msgspec.json.decode(path.read_bytes(), type=_Paces)
        except OSError as fault:
            raise WorkbenchError(
                f"{path} cannot be read ({fault.strerror}): check the name."
            ) from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise WorkbenchError(
                f"{path} holds no paces ({fault}): `pitboss shufflers paces --json` prints them."
            ) from None
        return cls._of(document.tables, starts_at)

    @classmethod
    def of_tables(cls, tables: Sequence[Mapping[str, Any]], starts_at: time) -> "MeasuredPaces":
        """The paces of `tables` of `GET /v1/tables/paces`."""
        return cls._of(msgspec.convert(tables, list[_Pace]), starts_at)

    @classmethod
    def _of(cls, tables: "Iterable[_Pace]", starts_at: time) -> "MeasuredPaces":
        return cls(
            {
                (one.table_id, one.gaming_day): one.decisions_per_hour
                for one in tables
                if one.decisions_per_hour is not None
            },
            starts_at,
        )

    def day_of(self, session: TableSession) -> str:
        """The gaming day that a session began in."""
        return self._rule.date_of(session.started_at).isoformat()

    def of(self, session: TableSession) -> int | None:
        """The pace of a session's table and gaming day; None where it was not measured."""
        return self._paces.get((session.table_name, self.day_of(session)))


class _Pace(msgspec.Struct):
    table_id: str
    gaming_day: str
    decisions_per_hour: Annotated[int, msgspec.Meta(gt=0)] | None


class _Paces(msgspec.Struct):
    tables: list[_Pace]


class _ByMeasure(msgspec.Struct):
    """Sessions of a table and gaming day that were rated by a measured pace."""

    pace: int
    assumed_pace: int | None
    sessions: int = 0
    theoretical_win: int = 0
    theoretical_win_assumed: int = 0


class TableAudit:
    """Files of table sessions in, ratings out; the shape of `result` is a contract."""

    def __init__(self, paces: MeasuredPaces | None = None) -> None:
        """
        Args:
            paces: what is used for slips without a pace, in place of their games' constants.
        """
        self._paces = paces
        self._measured: dict[tuple[str, str], _ByMeasure] = {}
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
                measured = None if self._paces is None else self._paces.of(row.session)
                rated = rate_session(row.session, measured_pace=measured)
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
            if Flag.PACE_MEASURED in rated.flags:
                self._compare(row.session, rated)
        self._known |= here

    def _compare(self, session: TableSession, rated: RatedSession) -> None:
        """Keep what the measured pace came to beside what the constant would have."""
        assert self._paces is not None, "a pace was measured"
        sums = self._measured.setdefault(
            (session.table_name, self._paces.day_of(session)),
            _ByMeasure(rated.pace, rated.assumed_pace),
        )
        sums.sessions += 1
        sums.theoretical_win += rated.theoretical_win
        sums.theoretical_win_assumed += rated.theoretical_win_assumed or 0

    def result(self) -> dict[str, Any]:
        """Counts, flags, players, tables, games and totals; theoretical win in dollars.

        With paces also where they were used: by table and gaming day the measured pace and the
        constant, and the theoretical win by each; null where the game's constant is not known.
        """
        totals = self._totals
        measured = [
            {
                "table_name": table,
                "gaming_day": day,
                "sessions": one.sessions,
                "decisions_per_hour": one.pace,
                "decisions_per_hour_assumed": one.assumed_pace,
                "theoretical_win": table_dollars(one.theoretical_win),
                "theoretical_win_assumed": None
                if one.assumed_pace is None
                else table_dollars(one.theoretical_win_assumed),
            }
            for (table, day), one in sorted(self._measured.items())
        ]
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
            **({} if self._paces is None else {"measured_paces": measured}),
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
