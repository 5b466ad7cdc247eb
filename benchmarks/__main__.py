"""`python -m benchmarks [NAME ...] [--seconds N] [--write FILE] [--json]`: print the figures."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks import cold_start, latency, real_day, stream_bytes, throughput
from workbench import stack
from workbench.console import out, say

FIGURES: dict[str, Callable[[int], dict[str, Any]]] = {
    "real_day": lambda _: real_day.run(),
    "throughput": lambda seconds: throughput.run(seconds),
    "latency": lambda seconds: latency.run(seconds),
    "stream_bytes": lambda _: stream_bytes.run(),
    "cold_start": lambda _: cold_start.run(),
}


def main() -> None:
    """Measure what is asked for, on the running stack (it is started if there is none)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FIGURES)}; default all")
    parser.add_argument("--seconds", type=int, default=60, help="of each load; default 60")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write a page of them")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(FIGURES)
    if unknown:
        parser.error(f"no figure is called {', '.join(sorted(unknown))}: choose {list(FIGURES)}")
    stack.ensure_up()
    results = {}
    for name in asked.names or FIGURES:
        say(f"measuring {name} ...")
        results[name] = FIGURES[name](asked.seconds)
        if not asked.json:
            _show(results[name])
    if asked.write:
        asked.write.write_text(_page(results, asked.seconds), encoding="utf-8")
        say(f"wrote {asked.write}")
    if asked.json:
        json.dump(results, sys.stdout, indent=2)
        print()


def _show(result: dict[str, Any]) -> None:
    facts = {k: v for k, v in result.items() if k not in ("figure", "rows", "offline")}
    out.print(f"[bold]{result['figure']}[/bold]")
    for name, value in facts.items():
        out.print(f"  {name.replace('_', ' ')}: {value}")
    for rows in (result.get("offline"), result.get("rows")):
        if rows:
            table = Table()
            for heading in rows[0]:
                table.add_column(heading.replace("_", " "))
            for row in rows:
                table.add_row(*("" if value is None else str(value) for value in row.values()))
            out.print(table)


def _page(results: dict[str, dict[str, Any]], seconds: int) -> str:
    """The figures as Markdown."""
    parts = [
        "# Measured figures",
        "Written by `.venv/bin/python -m benchmarks --write docs/figures.md`, "
        f"{datetime.now(UTC).date()}, each load {seconds} s, on {os.cpu_count()} cores with the "
        "embedded stack. A goal that a row misses stands beside what was measured.",
    ]
    for result in results.values():
        parts.append(f"## {result['figure'][0].upper()}{result['figure'][1:]}")
        facts = {k: v for k, v in result.items() if k not in ("figure", "rows", "offline")}
        if facts:
            parts.append("\n".join(f"- {k.replace('_', ' ')}: {v}" for k, v in facts.items()))
        parts += [_table(rows) for rows in (result.get("offline"), result.get("rows")) if rows]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [[name.replace("_", " ") for name in rows[0]], ["---"] * len(rows[0])]
    lines += [["" if value is None else str(value) for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
