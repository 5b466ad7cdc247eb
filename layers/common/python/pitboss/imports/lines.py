"""Cuts a file into rows: its lines, numbered as an editor numbers them, and their cells.

A line is a row, so that a quote that is never closed spoils one row and not the rest of the file.
Nothing is held but the line at hand.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from pitboss.errors import TerminalError
from pitboss.imports.mapping import Mapping

MAX_LINE_BYTES = 65_536

_SHOWN_CHARACTERS = 40
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class RefusedFile(TerminalError):
    """A file that is not what it was said to be: none of it is imported."""


class Line(NamedTuple):
    """One line that is not blank: the bytes, without the line break."""

    number: int
    content: bytes


class Row(NamedTuple):
    """One row: the cells of the headings that are read, or what is wrong with the line."""

    number: int
    cells: Sequence[str]
    fault: str | None


class _UnreadableLine(ValueError):
    """What is wrong with a line."""


def lines(file: IO[bytes]) -> Iterator[Line]:
    """The lines of a file. One longer than `MAX_LINE_BYTES` is cut, one byte too late."""
    number = 0
    while content := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        rest = content
        while not rest.endswith(b"\n") and len(rest) > MAX_LINE_BYTES:
            rest = file.readline(MAX_LINE_BYTES + 1)
        if number == 1:
            content = content.removeprefix(_BYTE_ORDER_MARK)
        content = content.rstrip(b"\r\n")
        if content.strip():
            yield Line(number, content)


def shown(text: str) -> str:
    """A part of a file's text, safe to print."""
    return ascii(text[:_SHOWN_CHARACTERS])


def headings(path: Path, mapping: Mapping) -> list[str]:
    """The file's row of headings.

    Raises:
        RefusedFile: it has none, or not those that the mapping reads.
    """
    with path.open("rb") as file:
        first = next(lines(file), None)
    if first is None:
        raise RefusedFile("it is empty: it has no row of headings")
    if first.content.startswith(_WIDE):
        raise RefusedFile("it is UTF-16: save it as UTF-8")
    try:
        found = [cell.strip() for cell in _cells(first.content, mapping)]
    except _UnreadableLine as fault:
        raise RefusedFile(f"its row of headings cannot be read: {fault}") from None
    missing = [heading for heading in mapping.headings if heading not in found]
    if missing:
        known = ", ".join(shown(heading) for heading in found[:20])
        raise RefusedFile(
            f"it lacks the column {', '.join(shown(heading) for heading in missing)}; "
            f"it has {known}: is it {mapping.source}, and the mapping its own?"
        )
    twice = [heading for heading in mapping.headings if found.count(heading) > 1]
    if twice:
        raise RefusedFile(f"it has more than one column {shown(twice[0])}: keep one")
    return found


def rows(path: Path, mapping: Mapping) -> Iterator[Row]:
    """The rows below the headings, each with its cells in the order of `mapping.headings`.

    Raises:
        RefusedFile: it is not what the mapping reads.
    """
    found = headings(path, mapping)
    places = [found.index(heading) for heading in mapping.headings]
    with path.open("rb") as file:
        below = lines(file)
        next(below)
        for line in below:
            try:
                cells = _cells(line.content, mapping)
                if len(cells) != len(found):
                    raise _UnreadableLine(
                        f"it has {len(cells)} cells, the headings are {len(found)}"
                    )
                yield Row(line.number, [cells[place] for place in places], None)
            except _UnreadableLine as fault:
                yield Row(line.number, (), str(fault))


def _cells(content: bytes, mapping: Mapping) -> list[str]:
    if len(content) > MAX_LINE_BYTES:
        raise _UnreadableLine(f"it is longer than {MAX_LINE_BYTES} bytes")
    try:
        text = content.decode(mapping.file.encoding)
    except UnicodeDecodeError:
        fault = f"it is not {mapping.file.encoding}: the mapping can say what it is"
        raise _UnreadableLine(fault) from None
    if _CONTROL.search(text):
        raise _UnreadableLine("it has a control character")
    if '"' not in text:
        return text.split(mapping.file.delimiter)
    try:
        return next(csv.reader((text,), delimiter=mapping.file.delimiter, strict=True))
    except csv.Error as fault:
        raise _UnreadableLine(f"it is no row of separated values: {fault}") from None
