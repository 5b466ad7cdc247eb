"""Polars, one thread, one lazy query over a file of all events: what an analyst would use.

It does what `duckdb_batch` does.
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

from benchmarks.peers import harness

SCHEMA = {
    "event_id": pl.String,
    "event_type": pl.String,
    "asset_id": pl.String,
    "occurred_at": pl.Int64,
    "player_id": pl.String,
    "data": pl.Struct(
        {"wager_cents": pl.Int64, "win_cents": pl.Int64, "base_basis_points": pl.Int64}
    ),
}


def query(source: pl.LazyFrame) -> pl.DataFrame:
    """The sums by day, machine and player."""
    once = (
        source.filter(
            pl.col("event_type").is_in(["game.started", "game.ended", "paytable.reported"])
        )
        .unique(["asset_id", "event_id"])
        .with_columns(
            pl.col("data").struct.field("wager_cents"),
            pl.col("data").struct.field("win_cents"),
            pl.col("data").struct.field("base_basis_points"),
        )
    )
    hold = (
        once.filter(pl.col("event_type") == "paytable.reported")
        .group_by("asset_id")
        .agg((10_000 - pl.col("base_basis_points").sort_by("occurred_at").last()).alias("hold"))
    )
    day = pl.from_epoch(pl.col("occurred_at") - harness.GAMING_DAY_OFFSET_MS, "ms").dt.date()
    return (
        once.filter(pl.col("event_type") != "paytable.reported")
        .join(hold, on="asset_id")
        .group_by(day.cast(pl.String).alias("day"), "asset_id", "player_id")
        .agg(
            (pl.col("event_type") == "game.ended").sum().alias("games"),
            pl.col("wager_cents").sum(),
            pl.col("win_cents").sum(),
            (pl.col("wager_cents") * pl.col("hold")).sum().alias("theoretical_win"),
        )
        .collect()
    )


def sums_by(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """The totals as they are compared."""
    machines: dict[str, list[int]] = {}
    players: dict[str, list[int]] = {}
    for day, asset_id, player_id, *sums in frame.iter_rows():
        of = [machines.setdefault(f"{day}/{asset_id}", [0, 0, 0, 0])]
        if player_id is not None:
            of.append(players.setdefault(f"{day}/{player_id}", [0, 0, 0, 0]))
        for total in of:
            total[:] = [a + b for a, b in zip(total, sums, strict=True)]
    return {"machines": machines, "players": players}


def main() -> None:
    """Measure it on a file of JSON lines, or of Parquet that is made of them beforehand."""
    path = Path(sys.argv[1])
    source = pl.scan_ndjson(path, schema=SCHEMA)
    if "--parquet" in sys.argv:
        parquet = path.with_suffix(".polars.parquet")
        source.collect().write_parquet(parquet, compression="zstd")
        source = pl.scan_parquet(parquet)
    found: list[Any] = []

    def work() -> None:
        found.append(sums_by(query(source)))

    work()
    harness.printed(harness.cpu_seconds(work), found[-1])


if __name__ == "__main__":
    main()
