"""The statements of `queries/*.sql`: what each answers, its parameters and its text.

A file begins with a comment: one line that says what the statement answers, what else is to be
known, and a line for each parameter with its default in brackets::

    -- Players by gaming day: how many there were.
    --
    -- :property   The property. [P1]
    -- :first_day  The first gaming day. [today-29]

The text runs in Athena and in DuckDB as it stands; parameters become text literals.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from workbench.console import UsageError
from workbench.paths import ROOT

FOLDER = ROOT / "queries"

_PARAMETER = re.compile(r":(?P<name>\w+)\s+(?P<meaning>.*?)\s*\[(?P<default>[^\]]*)\]")
_RELATIVE = re.compile(r"today(?:-(?P<back>\d+))?")
_PLACE = re.compile(
    r"""
    --[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*"   # left as they are
    | (?<![:\w]):(?P<name>[a-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)


class Parameter(NamedTuple):
    """A parameter of a statement; all are text."""

    name: str
    meaning: str
    default: str

    def value(self, given: str | None, today: date) -> str:
        """What stands for it.

        Raises:
            UsageError: a day is none.
        """
        value = self.default if given is None else given
        if given is None and (found := _RELATIVE.fullmatch(value)):
            value = (today - timedelta(int(found["back"] or 0))).isoformat()
        if self.name.endswith("_day"):
            try:
                value = date.fromisoformat(value).isoformat()
            except ValueError:
                raise UsageError(
                    f"{self.name} is {value!r}: a day is written like 2026-11-20."
                ) from None
        return value


class NamedQuery(NamedTuple):
    """A statement that has a name."""

    name: str
    title: str
    """What it answers, in one line."""
    parameters: tuple[Parameter, ...]
    text: str

    def values(self, given: Mapping[str, str], today: date) -> dict[str, str]:
        """The value of each parameter.

        Args:
            given: those that are not to be the default.
            today: what `today` is, in UTC.

        Raises:
            UsageError: there is no such parameter, or a value is none of it.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise UsageError(f"{self.name} has no parameter {name}: it has {', '.join(known)}.")
        return {name: one.value(given.get(name), today) for name, one in known.items()}

    def statement(self, values: Mapping[str, str]) -> str:
        """The text with the parameters' values in their places, without the comment above it."""
        return filled(_without_heading(self.text), values)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A statement with text literals for its parameters.

    >>> filled("SELECT ':a', :a -- :a", {"a": "it's"})
    "SELECT ':a', 'it''s' -- :a"
    """
    return placed(text, {name: literal(value) for name, value in values.items()})


def literal(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"


def placed(text: str, values: Mapping[str, str]) -> str:
    """A statement with these expressions for its parameters.

    >>> placed("SELECT :a", {"a": "current_date"})
    'SELECT current_date'
    """

    def place(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0]
        if name not in values:
            raise UsageError(f"The statement has a parameter {name}: say --param {name}=VALUE.")
        return values[name]

    return _PLACE.sub(place, text)


def asked_for(text: str) -> set[str]:
    """The parameters that a statement asks for."""
    return {found["name"] for found in _PLACE.finditer(text) if found["name"]}


def all_queries() -> dict[str, NamedQuery]:
    """Every named statement by its name."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.sql"))}


def find(name: str) -> NamedQuery:
    """A statement by its name.

    Raises:
        UsageError: there is none.
    """
    known = all_queries()
    if name not in known:
        close = " or ".join(get_close_matches(name, known))
        hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}."
        raise UsageError(f"There is no query {name}: {hint}")
    return known[name]


def read(path: Path) -> NamedQuery:
    """A statement from its file."""
    text = path.read_text(encoding="utf-8")
    heading = [
        line.removeprefix("--").strip()
        for line in text[: len(text) - len(_without_heading(text))].splitlines()
    ]
    found = (_PARAMETER.fullmatch(line) for line in heading)
    parameters = tuple(
        Parameter(one["name"], one["meaning"], one["default"]) for one in found if one is not None
    )
    return NamedQuery(path.stem, heading[0], parameters, text)


def _without_heading(text: str) -> str:
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("--"):
        del lines[0]
    return "".join(lines)
