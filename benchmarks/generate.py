"""Rows a second of a template that is read once, beside one that is read for every row.

Both make the same rows from the same seed, and that is demanded. The second does what Faker.js
does in the browser: find the first tag, read its arguments, replace it, and again until there is
none.
"""

import random
import re
import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

from workbench.generate_tags import Source, of_tag
from workbench.generate_template import Template, arguments_of
from workbench.paths import ROOT

ROWS = 50_000
NAIVE_ROWS = 5_000
CHECKED_ROWS = 500
RUNS = 3
SEED = 1
AT = 1_768_500_000.123

_ARGUMENTS = re.compile(r"\((.+)\)$", re.DOTALL)


def run() -> dict[str, Any]:
    """Rows a second of each shipped template, the better of some runs."""
    files = sorted((ROOT / "docs/templates").glob("*.txt"))
    return {
        "figure": "rows a second from templates",
        "rows_made": f"{ROWS:,}; {NAIVE_ROWS:,} where the template is read for each",
        "rows": [_measured(file.stem, file.read_text(encoding="utf-8")) for file in files],
    }


def _measured(name: str, text: str) -> dict[str, Any]:
    reads = [Template(text, _source()).row, naive(text, _source())]
    if [reads[0]() for _ in range(CHECKED_ROWS)] != [reads[1]() for _ in range(CHECKED_ROWS)]:
        raise AssertionError(f"{name}: the two do not make the same rows")
    once = max(_rate(Template(text, _source()).row, ROWS) for _ in range(RUNS))
    each = max(_rate(naive(text, _source()), NAIVE_ROWS) for _ in range(RUNS))
    return {
        "template": name,
        "tags": Template(text, _source()).tags,
        "rows_a_second": round(once),
        "read_for_each_row": round(each),
        "ratio": round(once / each, 1),
    }


def _source() -> Source:
    return Source(random.Random(SEED), lambda: AT, UTC)


def _rate(row: Callable[[], str], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        row()
    return count / (time.perf_counter() - began)


def naive(text: str, source: Source) -> Callable[[], str]:
    """Makes rows as Faker.js makes them: the template is read anew for each."""

    def row() -> str:
        done, rest = "", text.strip().replace("\n", "")
        while "{{" in rest:
            before, _, found = rest.partition("{{")
            # Where JSON's own braces stand before the tag's they are text.
            while found.startswith("{"):
                before, found = before + "{", found[1:]
            tag, _, rest = found.partition("}}")
            while tag.count("(") > tag.count(")"):
                more, _, rest = rest.partition("}}")
                tag += "}}" + more
            arguments = _ARGUMENTS.search(tag.strip())
            name = _ARGUMENTS.sub("", tag.strip()).strip()
            made = of_tag(source, name, arguments_of(arguments[1]) if arguments else [])()
            done += f"{before}{made}"
        return done + rest

    return row
