"""What the query of a request asks for; anything else in it is refused, with what is wrong."""

import re
from collections.abc import Collection, Mapping
from datetime import date

from pitboss.errors import TerminalError

_SHOWN_CHARACTERS = 60
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)


class RefusedQueryError(TerminalError, ValueError):
    """A query parameter that is not known, given twice, or not what it should be."""


def parameters(given: Mapping[str, list[str]] | None, known: Collection[str]) -> dict[str, str]:
    """The query parameters of a request, each at most once.

    Raises:
        RefusedQueryError: one is not known, or is there twice.
    """
    found = {}
    for name, values in (given or {}).items():
        if name not in known:
            there_are = f": there are {', '.join(known)}" if known else ""
            raise RefusedQueryError(f"no query parameter {_shown(name)} is known here{there_are}")
        if len(values) != 1:
            raise RefusedQueryError(f"the query parameter {name} is given {len(values)} times")
        found[name] = values[0]
    return found


def limit(query: Mapping[str, str], default: int, most: int, name: str = "limit") -> int:
    """How many entries are asked for.

    Raises:
        RefusedQueryError: it is no number, or not from 1 to `most`.
    """
    text = query.get(name)
    if text is None:
        return default
    count = int(text) if _COUNT.fullmatch(text) else 0
    if not 1 <= count <= most:
        raise RefusedQueryError(f"{name} is {_shown(text)}, not a number from 1 to {most}")
    return count


def day(query: Mapping[str, str], name: str = "day") -> str | None:
    """The gaming day that is asked about, if any.

    Raises:
        RefusedQueryError: it is no date.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise RefusedQueryError(
            f"{name} is {_shown(text)}, not a date such as 2026-01-31"
        ) from None
    return text


def _shown(text: str) -> str:
    return repr(text[:_SHOWN_CHARACTERS])
