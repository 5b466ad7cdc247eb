"""Refining five million archived events: time, CPU and memory, against what others would use.

A simulated floor's envelopes, each sent one to four times over three days, as raw objects; made
once into `.pitboss/benchmarks`. Every contestant is a process of its own with two threads; they
take turns, and the medians count. The others keep the first copy of each event and write Parquet by
event type; refining also sorts, tells duplicates from conflicts, counts, and writes the same bytes
whenever it is run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import zstandard

from benchmarks.peers import environments
from workbench.console import WorkbenchError, step
from workbench.paths import ROOT
from workbench.simulation import Floor, FloorPlan
from workbench.simulation.envelopes import envelope_line

LINES = 5_000_000
MOST_COPIES = 4
LINES_AN_OBJECT = 50_000
MACHINES, PLAYERS, SEED = 3_000, 2_000, 1
EVENTS_A_MACHINE_MINUTE = 50
"""Fewer than there are, so that the floor is long enough."""

GOAL_TIMES_DUCKDB = 1.2
GOAL_MEMORY_MB = 1_500
GOAL_TIMES_FASTER_THAN_POLARS = 2.0


RUNS = 3


def run(lines: int = LINES, runs: int = RUNS) -> dict[str, Any]:
    """Every contestant's medians."""
    folder = _raw(lines)
    contestants = {
        "refine_events": (Path(sys.executable), "lake_refine"),
        "plain DuckDB": (Path(sys.executable), "lake_plain_duckdb"),
        "Polars": (environments.python_of("lake_polars"), "lake_polars"),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, (python, script) in contestants.items():
            found[name].append(_measured(python, script, folder))
    rows = [
        {"contestant": name, **{key: median(one[key] for one in results) for key in results[0]}}
        for name, results in found.items()
    ]
    ours, duckdb, polars = rows
    return {
        "figure": f"refining {lines:,} archived events from zstd, medians of {runs}",
        "goals": f"{GOAL_TIMES_DUCKDB} x plain DuckDB, {GOAL_MEMORY_MB} MB, "
        f"{GOAL_TIMES_FASTER_THAN_POLARS} x faster than Polars",
        "times_plain_duckdb": round(ours["seconds"] / duckdb["seconds"], 2),
        "times_plain_duckdb_of_cpu": round(ours["cpu_seconds"] / duckdb["cpu_seconds"], 2),
        "times_faster_than_polars": round(polars["seconds"] / ours["seconds"], 2),
        "rows": rows,
    }


def _measured(python: Path, script: str, folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        started = time.monotonic()
        process = subprocess.Popen(
            [python, "-m", f"benchmarks.peers.{script}", folder, Path(scratch) / "out"],
            cwd=ROOT,
            env={**os.environ, "POLARS_MAX_THREADS": "2"},
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise WorkbenchError(f"{script} failed: its own words are above.")
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1_000),
    }


def _raw(lines: int) -> Path:
    """The raw objects, made where they are not there yet."""
    folder = ROOT / ".pitboss" / "benchmarks" / f"lake-{lines}"
    if folder.exists():
        return folder
    with step(f"making {lines:,} archived events, once"):
        making = folder.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        chance = Random(SEED)
        arrivals = sorted(_arrivals(lines, chance))
        for first in range(0, lines, LINES_AN_OBJECT):
            part = arrivals[first : first + LINES_AN_OBJECT]
            body = b"".join(_line(first + n, at, line) for n, (at, _, line) in enumerate(part))
            path = making / f"slots-shardId-000000000000-{first}-{first + len(part)}.ndjson.zst"
            path.write_bytes(zstandard.compress(body, 3))
        making.rename(folder)
    return folder


def _arrivals(lines: int, chance: Random) -> Iterator[tuple[int, int, bytes]]:
    minutes = lines // (MACHINES * EVENTS_A_MACHINE_MINUTE) + 1
    plan = FloorPlan(MACHINES, PLAYERS, minutes, SEED, property_id="north")
    number = 0
    for event in Floor(plan).events():
        line = envelope_line(event, plan.property_id)
        for copy in range(chance.randint(1, MOST_COPIES)):
            late = chance.randrange(3 * 86_400_000) if copy else 0
            yield event.cache_time + late, number, line
            number += 1
            if number == lines:
                return


def _line(number: int, at: int, event: bytes) -> bytes:
    record = b"49590338271490256608559692538361571095921575989%09d" % (number // 9)
    return b'{"received_at":%d,"sender":"gw-%d","format":"pitboss",' % (at, number % 12) + (
        b'"record":"%b","index":%d,"event":%b}\n' % (record, number % 9, event)
    )
