"""Public data sets of devices that fail, read into the histories that shufflers have.

What a set calls its columns ends here. NASA's turbofans (C-MAPSS) have a form of their own; logs of
alarms are read by a mapping, a small TOML file that names files and columns (docs/failures.md).
"""

import csv
import gzip
import io
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pitboss.shufflers.histories import Happening, History
from workbench.console import UsageError, WorkbenchError

# --- NASA's turbofans -----------------------------------------------------------------------------

SETTINGS = ("setting_1", "setting_2", "setting_3")
SENSORS = tuple(f"sensor_{number}" for number in range(1, 22))


class Turbofans(NamedTuple):
    """A subset of C-MAPSS; the unit of time is a flight."""

    train: list[History]
    """Each until it failed."""
    test: list[History]
    """Each until some time before it did."""
    remaining: list[float]
    """Flights that each of the test had left after its last."""


def turbofans(folder: Path, subset: str) -> Turbofans:
    """A subset of NASA's C-MAPSS.

    Saxena and others, "Damage Propagation Modeling for Aircraft Engine Run-to-Failure Simulation",
    PHM 2008.

    Raises:
        WorkbenchError: a file is missing, or says something that cannot be.
    """
    train = _engines(_found(folder, f"train_{subset}.txt"), ended_by_failure=True)
    test = _engines(_found(folder, f"test_{subset}.txt"), ended_by_failure=False)
    file = _found(folder, f"RUL_{subset}.txt")
    remaining = [_numbers(file, line, words, 1)[0] for line, words in _lines(file)]
    if len(remaining) != len(test):
        raise WorkbenchError(
            f"{file.name} has {len(remaining)} lines and there are {len(test)} engines in the "
            "test: are they of the same subset?"
        )
    for line, value in enumerate(remaining, 1):
        if value < 0:
            raise WorkbenchError(f"{file.name}, line {line}: {value:g} flights cannot remain.")
    return Turbofans(train, test, remaining)


def _engines(file: Path, *, ended_by_failure: bool) -> list[History]:
    flights: dict[str, list[list[float]]] = {}
    width = 2 + len(SETTINGS) + len(SENSORS)
    for line, words in _lines(file):
        values = _numbers(file, line, words, width)
        of = flights.setdefault(f"{values[0]:g}", [])
        if of and values[1] <= of[-1][1]:
            raise WorkbenchError(
                f"{file.name}, line {line}: flight {values[1]:g} of engine {values[0]:g} comes "
                f"after flight {of[-1][1]:g}."
            )
        of.append(values)
    if not flights:
        raise WorkbenchError(f"{file.name} is empty: take a whole one.")
    return [
        History(
            unit=unit,
            times=[one[1] for one in rows],
            readings={
                name: [one[place] for one in rows]
                for place, name in enumerate((*SETTINGS, *SENSORS), 2)
            },
            counts={},
            ended_by_failure=ended_by_failure,
        )
        for unit, rows in flights.items()
    ]


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(io.StringIO(_text(file)), 1):
        if words := line.split():
            yield number, words


def _numbers(file: Path, line: int, words: list[str], width: int) -> list[float]:
    if len(words) != width:
        raise WorkbenchError(
            f"{file.name}, line {line}: it has {len(words)} numbers, not {width}: is it whole, and "
            "the published file?"
        )
    try:
        return [_number(word) for word in words]
    except ValueError as fault:
        raise WorkbenchError(f"{file.name}, line {line}: {fault}.") from None


# --- logs of alarms -------------------------------------------------------------------------------


class Happened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file in which each row is something that happened to a device at a moment."""

    file: str
    """Its name; `.gz` may be appended in the folder."""
    time: str
    """The column of the moment: ISO 8601, or seconds since 1970."""
    unit: str
    """The column of the device."""
    kind: str = ""
    """The column of the alarm's code, or of the part; none, where it is empty."""
    only: tuple[str, ...] = ()
    """The kinds that are meant; all, where it is empty. So that an alarm can be the failure."""


class Facts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file with a row a device."""

    file: str
    unit: str
    numbers: tuple[str, ...] = ()
    """Columns that are amounts."""
    words: tuple[str, ...] = ()
    """Columns that are names: each name is a fact, that is so or not."""


class Telemetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of readings, which are averaged over each step."""

    file: str
    time: str
    unit: str
    columns: tuple[str, ...] = ()
    """Of readings; all others, where it is empty."""
    optional: bool = False
    """Whether the set is of use without it."""


class LogMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a log of alarms calls what a history has. Hours are the unit of time."""

    name: str
    step_hours: float
    """Between the rows of a history."""
    horizon_hours: float = 24.0
    """Within which failures are foreseen."""
    held_out_share: float = 0.3
    """Of the time, the last: what is printed is of it."""
    alarms: Happened
    failures: Happened
    maintenance: Happened | None = None
    facts: Facts | None = None
    telemetry: Telemetry | None = None


AZURE = LogMapping(
    name="azure-pdm",
    step_hours=3,
    alarms=Happened(file="PdM_errors.csv", time="datetime", unit="machineID", kind="errorID"),
    failures=Happened(file="PdM_failures.csv", time="datetime", unit="machineID", kind="failure"),
    maintenance=Happened(file="PdM_maint.csv", time="datetime", unit="machineID", kind="comp"),
    facts=Facts(file="PdM_machines.csv", unit="machineID", numbers=("age",), words=("model",)),
    telemetry=Telemetry(file="PdM_telemetry.csv", time="datetime", unit="machineID", optional=True),
)
"""Microsoft's "Azure predictive maintenance" (simulated): errors, failures, maintenance and ages of
100 machines over a year; in some copies also hourly telemetry."""


def read_mapping(file: Path) -> LogMapping:
    """A mapping from a TOML file.

    Raises:
        WorkbenchError: it cannot be read.
        UsageError: it is no mapping.
    """
    try:
        return msgspec.convert(tomllib.loads(_text(file)), LogMapping)
    except tomllib.TOMLDecodeError as fault:
        raise UsageError(f"{file.name} is no TOML: {fault}.") from None
    except msgspec.ValidationError as fault:
        raise UsageError(f"{file.name} is no mapping: {fault}; see docs/failures.md.") from None


def alarm_log(folder: Path, mapping: LogMapping) -> list[History]:
    """The histories of a log's devices, in hours since its first row; all on one grid.

    What is known of a row is what happened up to it. The grid begins with the first alarm, failure
    or reading (maintenance may be older) and ends with the last.

    Raises:
        WorkbenchError: a file is missing, or says something that cannot be.
    """
    alarms = _happenings(folder, mapping.alarms)
    failures = _happenings(folder, mapping.failures)
    mended = [] if mapping.maintenance is None else _happenings(folder, mapping.maintenance)
    telemetry = _telemetry(folder, mapping.telemetry)
    facts = _facts(folder, mapping.facts)
    moments = [one.at for one in (*alarms, *failures)]
    for readings in telemetry.values():
        moments += (readings[0][0], readings[-1][0])
    if not failures:
        raise WorkbenchError(f"{mapping.failures.file} has no failure: nothing can be learned.")
    step = mapping.step_hours
    first = math.floor(min(moments) / step) * step
    steps = math.floor((max(moments) - first) / step + 1e-9) + 1
    grid = [step * number for number in range(steps)]
    units = {one.unit for one in (*alarms, *failures, *mended)} | set(telemetry) | set(facts)
    kinds = sorted({one.kind for one in alarms})
    return [
        History(
            unit=unit,
            times=grid,
            readings=_averaged(telemetry.get(unit, []), first, step, steps),
            counts=_counted([one for one in alarms if one.unit == unit], kinds, first, step, steps),
            failures=_of(failures, unit, first),
            maintenance=_of(mended, unit, first),
            facts=facts.get(unit, {}),
        )
        for unit in sorted(units)
    ]


class _Row(NamedTuple):
    """Something that happened: hours since 1970, to which device, of which kind."""

    at: float
    unit: str
    kind: str


def _happenings(folder: Path, what: Happened) -> list[_Row]:
    columns = [what.time, what.unit, *([what.kind] if what.kind else [])]
    found = []
    for where, row in _rows(_found(folder, what.file), columns):
        kind = row[what.kind] if what.kind else ""
        if not what.only or kind in what.only:
            found.append(_Row(_hours(row[what.time], where), row[what.unit], kind))
    return sorted(found)


def _of(rows: Sequence[_Row], unit: str, first: float) -> tuple[Happening, ...]:
    return tuple(Happening(one.at - first, one.kind) for one in rows if one.unit == unit)


def _counted(
    rows: Sequence[_Row], kinds: Sequence[str], first: float, step: float, steps: int
) -> dict[str, list[float]]:
    counts = {kind or "alarm": [0.0] * steps for kind in kinds}
    for one in rows:
        place = _step(one.at, first, step)
        if place < steps:
            counts[one.kind or "alarm"][place] += 1
    return counts


def _telemetry(
    folder: Path, what: Telemetry | None
) -> dict[str, list[tuple[float, dict[str, float]]]]:
    if what is None or (what.optional and _path(folder, what.file) is None):
        return {}
    found: dict[str, list[tuple[float, dict[str, float]]]] = {}
    for where, row in _rows(_found(folder, what.file), [what.time, what.unit, *what.columns]):
        names = what.columns or [name for name in row if name not in {what.time, what.unit}]
        try:
            values = {name: _number(row[name]) for name in names if row[name]}
        except ValueError as fault:
            raise WorkbenchError(f"{where}: {fault}.") from None
        found.setdefault(row[what.unit], []).append((_hours(row[what.time], where), values))
    for readings in found.values():
        readings.sort(key=lambda one: one[0])
    return found


def _averaged(
    readings: Sequence[tuple[float, Mapping[str, float]]], first: float, step: float, steps: int
) -> dict[str, list[float]]:
    names = sorted({name for _, values in readings for name in values})
    sums = {name: [0.0] * steps for name in names}
    numbers = {name: [0] * steps for name in names}
    for at, values in readings:
        place = _step(at, first, step)
        if place < steps:
            for name, value in values.items():
                sums[name][place] += value
                numbers[name][place] += 1
    return {
        name: [s / n if n else math.nan for s, n in zip(sums[name], numbers[name], strict=True)]
        for name in names
    }


def _step(at: float, first: float, step: float) -> int:
    """The place of the first row at or after a moment: the one by which it is known."""
    return max(0, math.ceil((at - first) / step - 1e-9))


def _facts(folder: Path, what: Facts | None) -> dict[str, dict[str, float]]:
    if what is None:
        return {}
    rows = list(_rows(_found(folder, what.file), [what.unit, *what.numbers, *what.words]))
    names = sorted({(column, row[column]) for _, row in rows for column in what.words})
    found = {}
    for where, row in rows:
        try:
            facts = {column: _number(row[column]) for column in what.numbers}
        except ValueError as fault:
            raise WorkbenchError(f"{where}: {fault}.") from None
        facts |= {f"{column}={name}": float(row[column] == name) for column, name in names}
        found[row[what.unit]] = facts
    return found


# --- files ----------------------------------------------------------------------------------------


def _path(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _found(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise WorkbenchError(f"There is no folder {folder}: name the one that has {name}.")
    path = _path(folder, name)
    if path is None:
        raise WorkbenchError(f"{folder} has no {name} (nor {name}.gz): is it the set's folder?")
    return path


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
        return (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")
    except OSError as fault:  # gzip's own are, too
        why = fault.strerror or fault
        raise WorkbenchError(f"{file} cannot be read ({why}): check the file.") from None
    except EOFError:
        raise WorkbenchError(f"{file} ends in the middle: fetch it again.") from None
    except (UnicodeDecodeError, ValueError):
        raise WorkbenchError(f"{file} is no UTF-8 text: is it the published file?") from None


def _rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row is (for who is told of it), and its values by column."""
    reader = csv.DictReader(io.StringIO(_text(file)), strict=True)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise WorkbenchError(
                f"{file.name} has no column {', '.join(missing)}: it has "
                f"{', '.join(reader.fieldnames or ()) or 'none'}."
            )
        for row in reader:
            where = f"{file.name}, line {reader.line_num}"
            if None in row or None in row.values():
                raise WorkbenchError(f"{where}: it has not as many values as there are columns.")
            yield where, row
    except csv.Error as fault:
        raise WorkbenchError(f"{file.name} is no comma-separated file: {fault}.") from None


def _hours(text: str, where: str) -> float:
    """Hours since 1970 of ISO 8601 (UTC where it says no zone) or seconds since 1970."""
    try:
        try:
            return _number(text) / 3600
        except ValueError:
            moment = datetime.fromisoformat(text)
    except ValueError:
        raise WorkbenchError(
            f"{where}: {text!r} is no moment, neither ISO 8601 nor seconds since 1970."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / 3600


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value
