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

from benchmarks import (
    aws_calls,
    client_cuts,
    cold_start,
    decision_time,
    event_to_metric,
    event_to_search,
    experiment_peeking,
    failure_data,
    floor_writes,
    game_counts,
    game_ingest,
    generate,
    hillstrom,
    hot_writes,
    lake_raw,
    lake_refine,
    latency,
    leaderboard_burst,
    leaks,
    live_clients,
    live_page,
    maintenance_cost,
    maintenance_night,
    nightly,
    offer_estimators,
    offer_latency,
    offer_learners,
    offer_regret,
    overspend,
    page_latency,
    page_metric,
    page_restart,
    planted_cheats,
    player_days,
    rating_path,
    read_latency,
    real_day,
    shuffler_messages,
    shuffler_writes,
    stored_items,
    stream_bytes,
    three_days,
    throughput,
)
from workbench import stack
from workbench.console import WorkbenchError, err, out, say

FIGURES: dict[str, Callable[[int], dict[str, Any]]] = {
    "rating_path": lambda _: rating_path.run(),
    "stored_items": lambda _: stored_items.run(),
    "aws_calls": lambda _: aws_calls.run(),
    "real_day": lambda _: real_day.run(),
    "three_days": lambda _: three_days.run(),
    "throughput": lambda seconds: throughput.run(seconds),
    "latency": lambda seconds: latency.run(seconds),
    "decision_time": lambda _: decision_time.run(),
    "overspend": lambda _: overspend.run(),
    "offer_latency": lambda _: offer_latency.run(),
    "read_latency": lambda seconds: read_latency.run(seconds),
    "stream_bytes": lambda _: stream_bytes.run(),
    "game_ingest": lambda _: game_ingest.run(),
    "game_counts": lambda _: game_counts.run(),
    "lake_raw": lambda _: lake_raw.run(),
    "lake_refine": lambda _: lake_refine.run(),
    "maintenance_cost": lambda _: maintenance_cost.run(),
    "maintenance_night": lambda _: maintenance_night.run(),
    "nightly": lambda _: nightly.run(),
    "offer_estimators": lambda _: offer_estimators.run(),
    "offer_regret": lambda _: offer_regret.run(),
    "offer_learners": lambda _: offer_learners.run(),
    "hillstrom": lambda _: hillstrom.run(),
    "experiment_peeking": lambda _: experiment_peeking.run(),
    "failure_data": lambda _: failure_data.run(),
    "shuffler_messages": lambda _: shuffler_messages.run(),
    "shuffler_writes": lambda _: shuffler_writes.run(),
    "floor_writes": lambda _: floor_writes.run(),
    "generate": lambda _: generate.run(),
    "client_cuts": lambda _: client_cuts.run(),
    "leaderboard_burst": lambda _: leaderboard_burst.run(),
    "live_clients": lambda seconds: live_clients.run(seconds),
    "page_size": lambda _: live_page.size(),
    "page_load": lambda _: live_page.load(),
    "page_pan": lambda _: live_page.pan(),
    "page_hour": lambda _: live_page.hour(),
    "page_latency": lambda seconds: page_latency.run(seconds),
    "page_restart": lambda _: page_restart.run(),
    "event_to_search": lambda seconds: event_to_search.run(seconds),
    "hot_writes": lambda _: hot_writes.run(),
    "event_to_metric": lambda seconds: event_to_metric.run(seconds),
    "page_metric": lambda seconds: page_metric.run(seconds),
    "player_days": lambda _: player_days.run(),
    "planted_cheats": lambda _: planted_cheats.run(),
    "cold_start": lambda _: cold_start.run(),
    "leaks": lambda _: leaks.run(),
}

ON_THE_STACK = frozenset(
    {
        *("real_day", "three_days", "throughput", "latency", "read_latency", "offer_latency"),
        *("cold_start", "maintenance_night", "nightly", "overspend", "shuffler_messages"),
        *("live_clients", "page_latency", "page_metric", "event_to_search", "event_to_metric"),
        "leaderboard_burst",
    }
)
"""Figures that are measured on the running stack, or on what was built for it."""


def main() -> None:
    """Measure what is asked for; a stack is started where one is needed and there is none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FIGURES)}; default all")
    parser.add_argument("--seconds", type=int, default=60, help="of each load; default 60")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write a page of them")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--histories", type=int, help="of leaks; default 100,000")
    parser.add_argument("--seed", type=int, help="of leaks: this history, or from it on")
    parser.add_argument("--minutes", type=int, default=5, help="of page_hour; default 5")
    parser.add_argument("--picture", metavar="FILE", type=Path, help="of maintenance_cost, as SVG")
    parser.add_argument("--cuts", type=int, default=client_cuts.CUTS, help="of client_cuts")
    parser.add_argument("--address", help="of client_cuts: the stack's, with its stage")
    parser.add_argument("--application", default=client_cuts.APPLICATION, help="of client_cuts")
    asked = parser.parse_args()
    FIGURES["client_cuts"] = lambda _: client_cuts.run(
        asked.cuts, address=asked.address, application=asked.application
    )
    FIGURES["maintenance_cost"] = lambda _: maintenance_cost.run(asked.picture)
    FIGURES["page_hour"] = lambda _: live_page.hour(asked.minutes)
    if asked.histories is not None or asked.seed is not None:
        histories = asked.histories or 1
        FIGURES["leaks"] = lambda _: leaks.run(histories, asked.seed or 0)
    unknown = set(asked.names) - set(FIGURES)
    if unknown:
        parser.error(f"no figure is called {', '.join(sorted(unknown))}: choose {list(FIGURES)}")
    try:
        results = _measured(asked.names or list(FIGURES), asked.seconds, is_shown=not asked.json)
    except WorkbenchError as fault:
        err.print(f"[red]{fault}[/red]")
        sys.exit(1)
    if asked.write:
        asked.write.write_text(_page(results, asked.seconds), encoding="utf-8")
        say(f"wrote {asked.write}")
    if asked.json:
        json.dump(results, sys.stdout, indent=2)
        print()


def _measured(names: list[str], seconds: int, *, is_shown: bool) -> dict[str, dict[str, Any]]:
    if ON_THE_STACK.intersection(names):
        stack.ensure_up()
    results = {}
    for name in names:
        say(f"measuring {name} ...")
        results[name] = FIGURES[name](seconds)
        if is_shown:
            _show(results[name])
    return results


def _parts(result: dict[str, Any]) -> tuple[dict[str, Any], list[list[dict[str, Any]]]]:
    """A figure's single facts, and its tables: lists of rows."""
    tables = {
        name: value
        for name, value in result.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    facts = {k: v for k, v in result.items() if k != "figure" and k not in tables}
    return facts, list(tables.values())


def _show(result: dict[str, Any]) -> None:
    facts, tables = _parts(result)
    out.print(f"[bold]{result['figure']}[/bold]")
    for name, value in facts.items():
        out.print(f"  {name.replace('_', ' ')}: {value}")
    for rows in tables:
        headings, *lines = _lines(rows)
        table = Table()
        for heading in headings:
            table.add_column(heading)
        for line in lines:
            table.add_row(*line)
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
        facts, tables = _parts(result)
        if facts:
            parts.append("\n".join(f"- {k.replace('_', ' ')}: {v}" for k, v in facts.items()))
        parts += map(_table, tables)
    return "\n\n".join(parts) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    headings, *lines = _lines(rows)
    lines = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lines(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Headings and rows of a table; a row need not have every column."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = [[row.get(name) for name in names] for row in rows]
    return [
        [name.replace("_", " ") for name in names],
        *(["" if value is None else str(value) for value in line] for line in values),
    ]


if __name__ == "__main__":
    main()
