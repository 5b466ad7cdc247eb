"""CPU per event of the rating path, against decoding alone and against what others would use.

Every contestant is given the same events of a simulated floor (see `benchmarks.load`), runs alone
in a process of its own on one core, in turn with the others, and must find what the simulator's
ledger says, to the cent, by machine, player and gaming day. CPU time is the process's, without
start and warm-up. What the Lambda runtime does before a handler is called is in none of them.

`rate_players` is measured as it is invoked: stream records in, base64 and all, metrics out; only
what its stores keep is kept in memory. How much comes in one record and in one invocation decides
what an event costs, so that there is a row for each shape. The others get an event a record, in the
largest batches that there are here.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import load
from benchmarks.peers import environments
from workbench.console import WorkbenchError, say
from workbench.paths import ROOT

RUNS = 5
FLUSH_SECONDS = (1, 5, 10, 60)
DECODING = "decoding only: JSON, an event a record"
POWERTOOLS = "Powertools batch processor and pydantic, an event a record"
GOAL = 1.0
"""CPU of an event at most, as a multiple of decoding it as JSON."""
GOAL_FASTER = 5.0
"""Times the usual consumer's speed, at least."""

LARGEST_BATCH = 10_000
"""Records that Lambda takes from a stream at once at most."""


class Contestant(NamedTuple):
    """Who is measured: a script of `benchmarks.peers`, its interpreter and what it is given."""

    script: str
    python: Path
    arguments: tuple[str, ...]
    is_rating: bool = True


class Shape(NamedTuple):
    """How the floor's events come to `rate_players`."""

    posts: str
    flush_seconds: int
    events_a_record: float
    events_an_invocation: int


def run(runs: int = RUNS) -> dict[str, Any]:
    """Medians in microseconds an event, and ratios to decoding alone."""
    with tempfile.TemporaryDirectory() as folder, one_core():
        say("playing a floor ...")
        events = load.load()
        shapes, contestants = _prepared(events, Path(folder))
        seconds, in_store = _measured(contestants, events.truth, runs)
    count = len(events.arrivals)
    each, store = (
        {name: statistics.median(times) / count * 1e6 for name, times in measured.items()}
        for measured in (seconds, in_store)
    )
    least = each[DECODING]
    best = min(shapes, key=lambda name: each[name])
    return {
        "figure": "CPU per event of the rating path",
        "unit": "microseconds of CPU an event, median of interleaved runs on one core",
        "runs": runs,
        "events": count,
        "events_a_second": round(count / events.seconds),
        "goal_ratio_to_decoding": GOAL,
        "goal_times_faster_than_the_usual_consumer": GOAL_FASTER,
        "every_contestant_that_rates": "equal to the ledger to the cent",
        "shapes": [
            {
                "a_gateway_posts": shape.posts,
                "flush_seconds": shape.flush_seconds,
                "events_a_record": shape.events_a_record,
                "events_an_invocation": shape.events_an_invocation,
                "microseconds": round(each[name], 2),
                "of_which_the_faked_store": round(store[name], 2),
                "ratio_to_decoding": round(each[name] / least, 2),
                "times_faster_than_the_usual_consumer": round(each[POWERTOOLS] / each[name], 1),
            }
            for name, shape in shapes.items()
        ],
        "others": [
            {
                "contestant": name,
                "microseconds": round(each[name], 2),
                "ratio_to_decoding": round(each[name] / least, 2),
                "ratio_to_rate_players_at_its_best": round(each[name] / each[best], 2),
            }
            for name in contestants
            if name not in shapes
        ],
    }


def _prepared(events: load.Load, folder: Path) -> tuple[dict[str, Shape], dict[str, Contestant]]:
    """Writes what everyone is given."""
    shapes: dict[str, Shape] = {}
    contestants: dict[str, Contestant] = {}
    most = load.batch_size()
    own = Path(sys.executable)
    for posts, stream in (
        ("every second", load.records(events, load.each_second)),
        (f"{load.EVENTS_A_POST} events", load.records(events, load.full_posts())),
    ):
        for flush in FLUSH_SECONDS:
            name = f"rate_players, posts {posts}, flush {flush} s"
            batches = list(load.batches(stream, flush, most))
            given = _written(folder / f"{name}.ndjson", batches)
            contestants[name] = Contestant("pitboss_handler", own, (str(given),))
            shapes[name] = Shape(
                posts,
                flush,
                round(sum(record.events for record in stream) / len(stream), 1),
                round(len(events.arrivals) / len(batches)),
            )
    singles = load.batches(load.json_records(events), 60, LARGEST_BATCH)
    path = str(_written(folder / "an event a record.ndjson", list(singles)))
    table = folder / "events.ndjson"
    table.write_bytes(b"\n".join(arrival.line for arrival in events.arrivals) + b"\n")
    file = str(table)
    powertools, duckdb, polars = map(environments.python_of, ("powertools", "duckdb", "polars"))
    return shapes, contestants | {
        DECODING: Contestant("decode_only", own, (path,), is_rating=False),
        POWERTOOLS: Contestant("powertools_consumer", powertools, (path,)),
        "the same, events validated from bytes alone": Contestant(
            "powertools_consumer", powertools, (path, "--bytes")
        ),
        "a plain loop with json, an event a record": Contestant("json_loop", own, (path,)),
        "DuckDB, one thread, a batch of JSON lines": Contestant("duckdb_batch", duckdb, (file,)),
        "DuckDB, one thread, a batch of Parquet": Contestant(
            "duckdb_batch", duckdb, (file, "--parquet")
        ),
        "Polars, one thread, a batch of JSON lines": Contestant("polars_batch", polars, (file,)),
        "Polars, one thread, a batch of Parquet": Contestant(
            "polars_batch", polars, (file, "--parquet")
        ),
    }


def _written(path: Path, batches: list[list[load.Record]]) -> Path:
    lines = (json.dumps([record.data for record in batch]) for batch in batches)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _measured(
    contestants: dict[str, Contestant], truth: load.Totals, runs: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """CPU seconds of every run, in all and in the faked store."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    in_store: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(runs):
        say(f"turn {turn + 1} of {runs} ...")
        for name, contestant in contestants.items():
            result = _run(name, contestant)
            seconds[name].append(result["cpu_seconds"])
            in_store[name].append(result["store_seconds"])
            found = load.differences(result, truth) if contestant.is_rating else []
            if found:
                raise WorkbenchError(f"{name} is wrong in {len(found)} totals, first {found[0]}.")
    return seconds, in_store


def _run(name: str, contestant: Contestant) -> dict[str, Any]:
    module = f"benchmarks.peers.{contestant.script}"
    done = subprocess.run(
        [contestant.python, "-m", module, *contestant.arguments],
        cwd=ROOT,
        env=os.environ | {"POWERTOOLS_SERVICE_NAME": "benchmark"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WorkbenchError(f"{name} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process and those it starts on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
