"""How a file's columns become a table's: a mapping, written in TOML.

source = "slot-meters"

[file]                      all three may be left out
delimiter = ";"             "," unless said
decimal = ","               "." unless said
encoding = "cp1252"         "utf-8" unless said

[columns]                   the table's column = the file's heading
asset_id = "Machine"
hour = { heading = "Hour", format = "%d.%m.%Y %H:%M" }
hold_share = { heading = "RTP", as = "payback_percent" }

[constants]                 for what every row of the file would say alike
currency = "EUR"

[values.currency]           what cells say = what it means; others stand
"$" = "USD"
"""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from pitboss.errors import TerminalError
from pitboss.imports.sources import SOURCES, Column, Kind, Source, SourceName

SHIPPED = Path(__file__).with_name("mappings")
"""The mappings used where nobody gives one: one file a source."""

ISO = "%Y-%m-%d %H:%M:%S"
"""How moments are written unless a mapping says otherwise."""

type Heading = Annotated[str, Meta(min_length=1, max_length=200)]
type Meaning = Literal["share", "percent", "payback", "payback_percent"]
"""What a share is written as: 0.05, 5, 0.95 or 95 for a hold of 5 %."""
# What each reads a line break as one byte, so that a file can be cut before it is decoded.
type Encoding = Literal["utf-8", "cp1250", "cp1252", "iso-8859-1", "iso-8859-2", "iso-8859-15"]


class InvalidMapping(TerminalError):
    """A mapping that cannot be used."""


class Reading(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a column's cells are, and how they are written."""

    heading: Heading
    format: str | None = None
    """Of a moment."""
    meaning: Meaning | None = field(default=None, name="as")
    """Of a share."""


class FileForm(Struct, frozen=True, forbid_unknown_fields=True):
    """How the file is written."""

    delimiter: Literal[",", ";", "\t", "|"] = ","
    decimal: Literal[".", ","] = "."
    encoding: Encoding = "utf-8"


class Mapping(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping, as the TOML has it."""

    source: SourceName
    columns: dict[str, Heading | Reading]
    file: FileForm = FileForm()
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}

    @property
    def target(self) -> Source:
        """The table it is for."""
        return SOURCES[self.source]

    def reading(self, column: str) -> Reading | None:
        """Where this column's cells are; None where the file has none."""
        found = self.columns.get(column)
        return Reading(found) if isinstance(found, str) else found

    @property
    def headings(self) -> tuple[str, ...]:
        """The file's headings that are read, each once."""
        readings = (self.reading(name) for name in self.columns)
        return tuple(dict.fromkeys(reading.heading for reading in readings if reading))


def parse(text: str, source: SourceName) -> Mapping:
    """The mapping that a TOML document says.

    Raises:
        InvalidMapping: it cannot be read, is of another source, or leaves a column out.
    """
    try:
        mapping = msgspec.toml.decode(text, type=Mapping)
    except msgspec.MsgspecError as fault:
        raise InvalidMapping(f"the mapping cannot be used: {fault}") from None
    if mapping.source is not source:
        raise InvalidMapping(f"the mapping is of {mapping.source}, the files are {source}")
    known = {column.name: column for column in mapping.target.columns}
    for name in (*mapping.columns, *mapping.constants, *mapping.values):
        if name not in known:
            raise InvalidMapping(
                f"the mapping names {name!r}; columns of {source} are {', '.join(known)}"
            )
    twice = sorted(mapping.columns.keys() & mapping.constants.keys())
    if twice:
        raise InvalidMapping(f"the mapping has {twice[0]} as a column and as a constant: keep one")
    missing = [
        name
        for name, column in known.items()
        if not column.optional and name not in {*mapping.columns, *mapping.constants}
    ]
    if missing:
        raise InvalidMapping(f"the mapping lacks {', '.join(missing)}")
    for name in mapping.columns:
        if (reading := mapping.reading(name)) is not None:
            _check(reading, known[name])
    for name in mapping.values:
        if known[name].kind not in (Kind.TEXT, Kind.ASSET):
            raise InvalidMapping(f"the mapping gives values of {name}, which is no text")
    if mapping.file.decimal == mapping.file.delimiter:
        raise InvalidMapping("the mapping has one character as delimiter and as decimal point")
    return mapping


def _check(reading: Reading, column: Column) -> None:
    if reading.meaning is not None and column.kind is not Kind.SHARE:
        raise InvalidMapping(f"the mapping says `as` of {column.name}, which is no share")
    if reading.format is None:
        return
    if column.kind is not Kind.MOMENT:
        raise InvalidMapping(f"the mapping gives a format of {column.name}, which is no moment")
    try:
        # A moment that is written and read again: a format that loses a part is none.
        known = datetime(2019, 1, 17, 22, 0)  # noqa: DTZ001 - the property's wall clock
        again = datetime.strptime(known.strftime(reading.format), reading.format)  # noqa: DTZ007
    except ValueError:
        again = None
    if again != known:
        raise InvalidMapping(
            f"the mapping's format {reading.format!r} of {column.name} does not say day and hour; "
            f"one that does is {ISO!r}"
        )


def shipped_text(source: SourceName) -> str:
    """The mapping that comes with Pitboss, as it is written."""
    return _shipped(source)


@cache
def _shipped(source: SourceName) -> str:
    return (SHIPPED / f"{source}.toml").read_text(encoding="utf-8")
