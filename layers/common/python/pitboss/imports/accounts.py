"""Decides what every row of a set of files is, and writes the partitions: DuckDB, set by set.

Files are given in the order in which they arrived. Of the rows of one key the first stands; one
that says the same is a duplicate, one that says something else is a conflict. So what a partition
holds is a function of the files and their order (and, of table sessions, of the paces that were
measured), however often and in whatever parts it is made.

What is compared is what the table keeps, not how a cell was written: `25.0` and `25.00` are one.
Money is DECIMAL from the text on. Rows are on disk, in `scratch`; memory is bounded.
"""

import csv
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import duckdb

from pitboss.gaming_day import GamingDay
from pitboss.imports.lines import RefusedFile, rows
from pitboss.imports.mapping import ISO, Mapping
from pitboss.imports.sources import SHARE_DECIMALS, WHOLE_DIGITS, Column, Kind, Source
from pitboss.imports.summary import SHOWN_FINDINGS, CurrencySums, Finding
from pitboss.rating.tables import (
    HOUSE_EDGE_WHOLE,
    TableDay,
    TableSession,
    UnratableSession,
    game_of,
    rate_session,
    table_dollars,
)

MEMORY_LIMIT = "600MB"
"""What DuckDB may hold before it goes to disk."""

DOLLARS = ("$", "USD")
"""How a currency is written that a player's play at machines can be added to."""

_CLOCK_CHANGE = "clock_change"
"""The flag of a moment that the wall clock showed twice or never; its `_at` is the first, or what
the clock would have shown."""

_FIRST_YEAR, _LAST_YEAR = 1990, 2199
_FETCHED_ROWS = 10_000
_TABLE_UNITS = "theoretical_win_units"


class Account(NamedTuple):
    """What became of a file's rows: rows = standing + duplicates + conflicts + unreadable."""

    rows: int
    standing: int
    duplicates: int
    conflicts: int
    unreadable: int


class SetAside(NamedTuple):
    """A row that was not accepted."""

    reason: str
    finding: Finding


class Accounts:
    """The rows of one source's files, of one property. A context: its database goes with it."""

    def __init__(
        self,
        source: Source,
        rule: GamingDay,
        scratch: Path,
        paces: AnyMapping[tuple[str, str], int] = MappingProxyType({}),
    ) -> None:
        """
        Args:
            source: what the files hold.
            rule: the property's gaming day.
            scratch: where a folder may be made for what does not fit in memory.
            paces: decisions an hour that were measured, by table and gaming day (ISO date): for
                table sessions whose slip has none, in place of the game's constant.
        """
        self._source = source
        self._rule = rule
        self._paces = paces
        self._folder = TemporaryDirectory(dir=scratch)
        self._scratch = Path(self._folder.name)
        self._names: list[str] = []
        self._labels: list[str] = []
        self._db = duckdb.connect(
            str(self._scratch / "accounts.duckdb"),
            config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(self._scratch / "spill")},
        )
        # Nothing here may ask the network or another file for anything.
        self._db.execute("SET autoinstall_known_extensions = false")
        columns = "".join(f", {c.name} {c.sql_type}" for c in source.columns)
        rated = f", {_RATED_COLUMNS}" if source.rated else ""
        self._db.execute(
            "CREATE TABLE lines (file INTEGER, line BIGINT, "
            f"fault STRUCT(heading VARCHAR, problem VARCHAR){columns}{rated})"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, path: Path, mapping: Mapping, name: str, label: str) -> None:
        """Take one file's rows in; those of files added before come first.

        Args:
            path: the file.
            mapping: how it is read.
            name: what it is called where a finding names it.
            label: what the table calls it, in `source_file`.

        Raises:
            RefusedFile: it is not what the mapping reads.
        """
        number = len(self._labels)
        staged = self._scratch / f"{number}.csv"
        cells = [f"c{index}" for index in range(len(mapping.headings))]
        with staged.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            blank = [""] * len(cells)
            for row in rows(path, mapping):
                writer.writerow([row.number, row.fault or "", *(row.cells or blank)])
        columns = ", ".join(f"'{cell}': 'VARCHAR'" for cell in ("fault", *cells))
        self._db.execute(
            f"""
            CREATE OR REPLACE TEMP VIEW staged AS
            SELECT line, fault AS line_fault, {", ".join(_cells(self._source, mapping, cells))}
            FROM read_csv({_text(str(staged))}, header = false, auto_detect = false, delim = ',',
                quote = '"', escape = '"', columns = {{'line': 'BIGINT', {columns}}})
            """
        )
        try:
            self._type(number, mapping)
        except duckdb.InvalidInputException as fault:
            # What Python's strptime takes and DuckDB's does not.
            raise RefusedFile(f"the mapping's format of a moment is not known: {fault}") from None
        staged.unlink()
        if self._source.rated:
            self._rate(number, mapping)
        self._names.append(name)
        self._labels.append(label)

    def _type(self, number: int, mapping: Mapping) -> None:
        columns = self._source.columns
        problems = "".join(f",\n{_problem(c, mapping)} AS {c.name}_problem" for c in columns)
        typed = "".join(f",\n{_typed(c, mapping)} AS {c.name}" for c in columns)
        names = "".join(f", {c.name}" for c in columns)
        faults = ", ".join(
            f"CASE WHEN {c.name}_problem IS NOT NULL THEN "
            f"{{'heading': {_text(_heading(c, mapping))}, 'problem': {c.name}_problem}} END"
            for c in columns
        )
        self._db.execute(
            f"""
            INSERT INTO lines (file, line, fault{names})
            SELECT {number}, line, coalesce(
                CASE WHEN line_fault <> ''
                THEN {{'heading': NULL::VARCHAR, 'problem': line_fault}} END, {faults}){names}
            FROM (SELECT line, line_fault{problems}{typed} FROM staged)
            """
        )

    def _rate(self, number: int, mapping: Mapping) -> None:
        """Rate a file's table sessions by the code that rates them everywhere."""
        kept = self._scratch / "rated.csv"
        names = (
            "line, table_name, player_id, epoch_ms(started), epoch_ms(ended), minutes, "
            "(average_bet_amount::DECIMAL(38, 2) * 100)::BIGINT, "
            "(actual_win_amount::DECIMAL(38, 2) * 100)::BIGINT, "
            # An empty or zero pace or edge is none: nobody measured it.
            "nullif(decisions_an_hour, 0), "
            f"nullif((house_edge_share * {HOUSE_EDGE_WHOLE})::BIGINT, 0)"
        )
        with kept.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            for row in self._fetch(
                f"SELECT {names} FROM lines WHERE file = {number} AND fault IS NULL"
            ):
                session = TableSession(row[1], game_of(row[1]), *row[2:])
                writer.writerow([row[0], *_rated(session, self._measured(session))])
        edge = next(c for c in self._source.columns if c.name == "house_edge_share")
        self._db.execute(
            f"""
            UPDATE lines SET game = r.game, {_TABLE_UNITS} = r.units,
                theoretical_win_amount = r.amount, flags =
                CASE WHEN r.flags IS NULL THEN [] ELSE string_split(r.flags, '|') END,
                fault = CASE WHEN r.units IS NULL THEN
                    {{'heading': {_text(_heading(edge, mapping))},
                      'problem': r.problem}} END
            FROM read_csv({_text(str(kept))}, header = false, auto_detect = false, delim = ',',
                quote = '"', escape = '"', columns = {{'line': 'BIGINT',
                'units': 'DECIMAL(38, 0)', 'amount': 'DECIMAL(38, 9)', 'game': 'VARCHAR',
                'flags': 'VARCHAR', 'problem': 'VARCHAR'}}) AS r
            WHERE lines.file = {number} AND lines.line = r.line
            """
        )
        kept.unlink()

    def _measured(self, session: TableSession) -> int | None:
        """The pace that was measured at a session's table on the day that it began."""
        if not self._paces or session.decisions_an_hour is not None:
            return None
        local = datetime.fromtimestamp(session.started_at / 1000, UTC).replace(tzinfo=None)
        day = self._rule.date_of(_moment(local, self._rule)[0]).isoformat()
        return self._paces.get((session.table_name, day))

    def settle(self) -> None:
        """Decide what each row is. Called once, after the last file."""
        self._date()
        key = ", ".join(self._source.key)
        same = " AND ".join(
            f"first_value({c.name}) OVER copies IS NOT DISTINCT FROM {c.name}"
            for c in self._source.columns
        )
        self._db.execute(
            f"""
            CREATE TABLE repeats AS
            WITH repeated AS (
                SELECT {key} FROM lines WHERE fault IS NULL GROUP BY ALL HAVING count(*) > 1)
            SELECT * FROM (
                SELECT file, line, {same} AS is_same, first_value(file) OVER copies AS first_file,
                    first_value(line) OVER copies AS first_line
                FROM lines SEMI JOIN repeated USING ({key}) WHERE fault IS NULL
                WINDOW copies AS (PARTITION BY {key} ORDER BY file, line))
            WHERE (file, line) <> (first_file, first_line)
            """
        )
        moments = self._source.moments
        clocks = "".join(
            f" JOIN clock AS {name}_clock ON {name}_clock.minute = date_trunc('minute', {name})"
            for name in moments
        )
        odd = " OR ".join(f"{name}_clock.is_odd" for name in moments)
        flags = [f"CASE WHEN {sql} THEN '{name}' END" for name, sql in self._source.flags.items()]
        flags.append(f"CASE WHEN {odd} THEN '{_CLOCK_CHANGE}' END")
        found = f"list_filter([{', '.join(flags)}], lambda flag: flag IS NOT NULL)"
        if self._source.rated:
            found = f"list_concat(lines.flags, {found})"
        self._db.execute(
            f"""
            CREATE TABLE standing AS
            SELECT lines.file, lines.line, {moments[0]}_clock.gaming_day AS gaming_day,
                {", ".join(self._kept())}, list_sort({found}) AS flags
            FROM lines ANTI JOIN repeats USING (file, line){clocks}
            WHERE lines.fault IS NULL
            """
        )

    def _kept(self) -> Iterator[str]:
        """The table's columns as it keeps them."""
        for column in self._source.columns:
            name = column.name
            if column.kind is Kind.MOMENT:
                yield f"{name} AS {name}_local"
                yield (
                    f"{name}_clock.epoch_minute * 60000"
                    f" + (epoch_ms({name}) - epoch_ms({name}_clock.minute)) AS {name}_at"
                )
            else:
                yield name
        if self._source.rated:
            yield from ("game", _TABLE_UNITS, "theoretical_win_amount")

    def _date(self) -> None:
        """What the property's clock and gaming day say of every minute there is."""
        every = " UNION ".join(
            f"SELECT DISTINCT date_trunc('minute', {name}) AS minute FROM lines WHERE fault IS NULL"
            for name in self._source.moments
        )
        kept = self._scratch / "clock.csv"
        with kept.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            for (minute,) in self._fetch(f"{every} ORDER BY minute"):
                epoch_ms, is_odd = _moment(minute, self._rule)
                day = self._rule.date_of(epoch_ms).isoformat()
                writer.writerow([minute.isoformat(" "), epoch_ms // 60_000, day, is_odd])
        self._db.execute(
            f"""
            CREATE TABLE clock AS FROM read_csv({_text(str(kept))}, header = false,
                auto_detect = false, delim = ',', timestampformat = '{ISO}',
                columns = {{'minute': 'TIMESTAMP', 'epoch_minute': 'BIGINT',
                            'gaming_day': 'VARCHAR', 'is_odd': 'BOOLEAN'}})
            """
        )
        kept.unlink()

    # --- what is told -----------------------------------------------------------------------------

    def account(self, file: int) -> Account:
        """What became of a file's rows; files count from 0, in the order they were added."""
        total, unreadable = self._one(
            f"SELECT count(*), count(fault) FROM lines WHERE file = {file}"
        )
        duplicates, conflicts = self._one(
            "SELECT count(*) FILTER (is_same), count(*) FILTER (NOT is_same) "
            f"FROM repeats WHERE file = {file}"
        )
        (standing,) = self._one(f"SELECT count(*) FROM standing WHERE file = {file}")
        return Account(total, standing, duplicates, conflicts, unreadable)

    def sums(self, file: int, *, with_repeats: bool) -> list[CurrencySums]:
        """A file's sums by currency: of all rows that can be read, or of those that stand."""
        names = self._source.sums
        table, where = ("lines", "AND fault IS NULL") if with_repeats else ("standing", "")
        sums = "".join(f", sum({name})::VARCHAR" for name in names)
        return [
            CurrencySums(currency, count, _named(dict(zip(names, amounts, strict=True))))
            for currency, count, *amounts in self._fetch(
                f"SELECT currency, count(*){sums} FROM {table} WHERE file = {file} {where} "
                "GROUP BY currency ORDER BY currency"
            )
        ]

    def flagged(self, file: int) -> dict[str, int]:
        """How many of a file's standing rows have each flag."""
        return dict(
            self._fetch(
                f"SELECT flag, count(*) FROM (SELECT unnest(flags) AS flag FROM standing "
                f"WHERE file = {file}) GROUP BY flag ORDER BY flag"
            )
        )

    def set_aside(self, file: int, limit: int | None = None) -> Iterator[SetAside]:
        """A file's rows that were not accepted, by line."""
        named = " || ' ' || ".join(f"{name}::VARCHAR" for name in self._source.key)
        for line, heading, problem, first_file, first_line, key in self._fetch(
            f"""
            SELECT l.line, fault.heading, fault.problem, first_file, first_line, {named}
            FROM lines AS l LEFT JOIN repeats AS r ON r.file = l.file AND r.line = l.line
            WHERE l.file = {file} AND (fault IS NOT NULL OR NOT is_same)
            ORDER BY l.line {"" if limit is None else f"LIMIT {limit}"}
            """
        ):
            if problem is not None:
                yield SetAside("unreadable_row", Finding(line, heading, problem))
                continue
            where = "" if first_file == file else f" of {self._names[first_file]}"
            problem = f"{key} is known with other values by line {first_line}{where}, which stands"
            yield SetAside("conflicting_row", Finding(line, None, problem))

    def findings(self, file: int) -> list[Finding]:
        """The first rows of a file that were not accepted."""
        return [aside.finding for aside in self.set_aside(file, SHOWN_FINDINGS)]

    def days(self, file: int) -> list[str]:
        """The gaming days that a file has rows of, repeated or not."""
        moment = self._source.moments[0]
        return [
            day
            for (day,) in self._fetch(
                f"SELECT DISTINCT gaming_day FROM lines JOIN clock "
                f"ON minute = date_trunc('minute', {moment}) "
                f"WHERE file = {file} AND fault IS NULL ORDER BY gaming_day"
            )
        ]

    def write(self, day: str, path: Path) -> bool:
        """Write one gaming day's partition to a file. False, and no file, where it has no rows."""
        if not self._one(f"SELECT count(*) FROM standing WHERE gaming_day = {_text(day)}")[0]:
            return False
        labels = ", ".join(_text(label) for label in self._labels)
        key = ", ".join(
            f"{name}_local" if name in self._source.moments else name for name in self._source.key
        )
        self._db.execute(
            f"""
            COPY (SELECT * EXCLUDE (file, line, gaming_day),
                    [{labels}][file + 1] AS source_file, line AS source_line
                FROM standing WHERE gaming_day = {_text(day)} ORDER BY {key})
            TO {_text(str(path))} (FORMAT parquet, COMPRESSION zstd)
            """
        )
        return True

    def table_days(self, day: str) -> dict[str, TableDay]:
        """One gaming day of rated table sessions, by player: what `write` writes, summed."""
        dollars = f"currency IN ({', '.join(map(_text, DOLLARS))})"
        names = ("minutes", _TABLE_UNITS, "actual_win_amount * 100")
        sums = ", ".join(
            f"coalesce(sum(({name})::DECIMAL(38, 0)) FILTER ({dollars}), 0)::VARCHAR"
            for name in names
        )
        return {
            player_id: TableDay(day, count, int(minutes), int(units), int(actual_win), others)
            for player_id, count, others, minutes, units, actual_win in self._fetch(
                f"SELECT player_id, count(*) FILTER ({dollars}), count(*) FILTER (NOT {dollars}), "
                f"{sums} FROM standing WHERE gaming_day = {_text(day)} GROUP BY player_id"
            )
        }

    # --- the database -----------------------------------------------------------------------------

    def _fetch(self, sql: str) -> Iterator[tuple[Any, ...]]:
        found = self._db.cursor().execute(sql)
        while part := found.fetchmany(_FETCHED_ROWS):
            yield from part

    def _one(self, sql: str) -> tuple[Any, ...]:
        found: tuple[Any, ...] | None = self._db.execute(sql).fetchone()
        assert found is not None
        return found


# A HUGEINT would become a DOUBLE in Parquet.
_RATED_COLUMNS = (
    f"game VARCHAR, {_TABLE_UNITS} DECIMAL(38, 0), theoretical_win_amount DECIMAL(38, 9), "
    "flags VARCHAR[]"
)
_MOST_UNITS = 10**37


def _rated(session: TableSession, measured_pace: int | None) -> tuple[object, ...]:
    """Units, dollars, game, flags and problem of one session."""
    try:
        rated = rate_session(session, measured_pace=measured_pace)
    except UnratableSession as fault:
        return "", "", "", "", str(fault)
    units = rated.theoretical_win
    if units >= _MOST_UNITS:
        return "", "", "", "", "its theoretical win has more than 28 digits before the point"
    return units, table_dollars(units), session.game or "", "|".join(sorted(rated.flags)), ""


def _named(sums: dict[str, str]) -> dict[str, str]:
    """Sums as they are told: units, which only their exact sum needs, as an amount."""
    if (units := sums.pop(_TABLE_UNITS, None)) is not None:
        sums["theoretical_win_amount"] = table_dollars(int(units))
    return sums


def _moment(local: datetime, rule: GamingDay) -> tuple[int, bool]:
    """A moment of the property's wall clock, and whether it showed that twice or never."""
    first = local.replace(tzinfo=rule.zone)
    is_odd = first.utcoffset() != first.replace(fold=1).utcoffset()
    return int(first.astimezone(UTC).timestamp()) * 1000, is_odd


# --- SQL of one column ----------------------------------------------------------------------------


def _text(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _cells(source: Source, mapping: Mapping, names: list[str]) -> Iterator[str]:
    """Each column's cell as trimmed text; empty where the file has none."""
    for column in source.columns:
        reading = mapping.reading(column.name)
        if reading is not None:
            cell = f"trim(coalesce({names[mapping.headings.index(reading.heading)]}, ''))"
        else:
            cell = _text(mapping.constants.get(column.name, "").strip())
        if meant := mapping.values.get(column.name):
            cases = " ".join(f"WHEN {_text(k)} THEN {_text(v)}" for k, v in meant.items())
            cell = f"CASE {cell} {cases} ELSE {cell} END"
        if column.kind is Kind.ASSET:
            cell = f"ltrim({cell}, '0')"
        elif column.kind in (Kind.COUNT, Kind.AMOUNT, Kind.SHARE) and mapping.file.decimal == ",":
            cell = f"replace({cell}, ',', '.')"
        yield f"{cell} AS {column.name}"


def _heading(column: Column, mapping: Mapping) -> str:
    """What the file calls a column."""
    reading = mapping.reading(column.name)
    return reading.heading if reading else column.name


def _problem(column: Column, mapping: Mapping) -> str:
    """What is wrong with a cell, as a sentence; NULL where nothing is."""
    name = column.name
    shown = f"'''' || left({name}, 40) || ''''"
    cases = [] if column.optional else [(f"{name} = ''", "'is empty'")]
    match column.kind:
        case Kind.TEXT | Kind.ASSET:
            longest = column.longest
            cases += [
                (f"length({name}) > {longest}", f"'is longer than {longest} characters'"),
                (
                    f"regexp_matches({name}, '[\\p{{C}}\\p{{Zl}}\\p{{Zp}}]')",
                    "'has a character that cannot be printed'",
                ),
            ]
        case Kind.MOMENT:
            moment = f"try_strptime({name}, {_text(_format(column, mapping))})"
            example = "like " + datetime(2019, 1, 31, 22, 0, tzinfo=UTC).strftime(
                _format(column, mapping)
            )
            cases += [
                (f"{moment} IS NULL", f"{shown} || ' is no moment ' || {_text(example)}"),
                (
                    f"year({moment}) NOT BETWEEN {_FIRST_YEAR} AND {_LAST_YEAR}",
                    f"{shown} || ' is not between {_FIRST_YEAR} and {_LAST_YEAR}'",
                ),
            ]
        case Kind.COUNT:
            cases += _number_faults(column, shown, 0)
        case Kind.AMOUNT:
            cases += _number_faults(column, shown, column.decimals)
        case Kind.SHARE:
            cases += _number_faults(column, shown, SHARE_DECIMALS)
            share = _share(column, mapping)
            cases += [
                (
                    f"NOT coalesce({share} BETWEEN 0 AND 1, false)",
                    f"{shown} || ' is no share from 0 to 1: where it is a percentage or a payback, "
                    "the mapping says so'",
                ),
                (
                    f"{share} <> round({share}, {column.decimals})",
                    f"{shown} || ' has more than {column.decimals} decimals'",
                ),
            ]
    choices = " ".join(f"WHEN {condition} THEN {problem}" for condition, problem in cases)
    if column.optional:
        choices = f"WHEN {name} = '' THEN NULL {choices}"
    return f"CASE {choices} END"


def _number_faults(column: Column, shown: str, decimals: int) -> Iterable[tuple[str, str]]:
    name = column.name
    fraction = f"(\\.[0-9]{{1,{decimals}}}0*)?" if decimals else "(\\.0+)?"
    too_fine = f"more than {decimals} decimals" if decimals else "a fraction"
    yield f"NOT regexp_full_match({name}, '-?[0-9]+(\\.[0-9]+)?')", f"{shown} || ' is no number'"
    if not column.signed:
        yield f"regexp_full_match({name}, '-.*[1-9].*')", f"{shown} || ' is negative'"
    yield (
        f"NOT regexp_full_match({name}, '-?0*[0-9]{{1,{WHOLE_DIGITS}}}(\\.[0-9]+)?')",
        f"{shown} || ' has more than {WHOLE_DIGITS} digits before the point'",
    )
    yield (
        f"NOT regexp_full_match({name}, '-?[0-9]+{fraction}')",
        f"{shown} || ' has {too_fine}'",
    )


def _format(column: Column, mapping: Mapping) -> str:
    reading = mapping.reading(column.name)
    return (reading.format if reading else None) or ISO


def _share(column: Column, mapping: Mapping) -> str:
    """The share that a cell says, exact: multiplied, never divided."""
    reading = mapping.reading(column.name)
    meaning = (reading.meaning if reading else None) or "share"
    share = f"try_cast({column.name} AS DECIMAL(18, {SHARE_DECIMALS}))"
    if meaning.endswith("percent"):
        share = f"({share} * 0.01::DECIMAL(3, 2))"
    return f"(1 - {share})" if meaning.startswith("payback") else share


def _typed(column: Column, mapping: Mapping) -> str:
    """A cell as the table keeps it; NULL where it is empty or wrong."""
    match column.kind:
        case Kind.TEXT | Kind.ASSET:
            return f"nullif({column.name}, '')"
        case Kind.MOMENT:
            return f"try_strptime({column.name}, {_text(_format(column, mapping))})"
        case Kind.SHARE:
            return f"try_cast({_share(column, mapping)} AS {column.sql_type})"
        case _:
            return f"try_cast({column.name} AS {column.sql_type})"
