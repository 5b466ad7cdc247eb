"""DuckDB, one thread, one statement over a file of all events: what an analyst would use.

Each event once, totals by machine, player and gaming day, theoretical win by the newest hold. No
sessions, nothing kept for the next batch.
"""

import sys
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.peers import harness

COLUMNS = {
    "event_id": "VARCHAR",
    "event_type": "VARCHAR",
    "asset_id": "VARCHAR",
    "occurred_at": "BIGINT",
    "player_id": "VARCHAR",
    "data": "STRUCT(wager_cents BIGINT, win_cents BIGINT, base_basis_points BIGINT)",
}

STATEMENT = f"""
WITH once AS (
    SELECT event_type, asset_id, occurred_at, player_id, data
    FROM {{source}}
    WHERE event_type IN ('game.started', 'game.ended', 'paytable.reported')
    QUALIFY row_number() OVER (PARTITION BY asset_id, event_id) = 1
), hold AS (
    SELECT asset_id, 10000 - arg_max(data.base_basis_points, occurred_at) AS basis_points
    FROM once WHERE event_type = 'paytable.reported' GROUP BY asset_id
)
SELECT
    CAST(make_timestamp((occurred_at - {harness.GAMING_DAY_OFFSET_MS}) * 1000) AS DATE)::VARCHAR,
    asset_id,
    player_id,
    CAST(count(*) FILTER (event_type = 'game.ended') AS BIGINT),
    CAST(coalesce(sum(data.wager_cents), 0) AS BIGINT),
    CAST(coalesce(sum(data.win_cents), 0) AS BIGINT),
    CAST(coalesce(sum(data.wager_cents * basis_points), 0) AS BIGINT)
FROM once JOIN hold USING (asset_id)
WHERE event_type <> 'paytable.reported'
GROUP BY ALL
"""


def sums_by(rows: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """The totals as they are compared, of rows of (day, machine, player, four sums)."""
    machines: dict[str, list[int]] = {}
    players: dict[str, list[int]] = {}
    for day, asset_id, player_id, *sums in rows:
        of = [machines.setdefault(f"{day}/{asset_id}", [0, 0, 0, 0])]
        if player_id is not None:
            of.append(players.setdefault(f"{day}/{player_id}", [0, 0, 0, 0]))
        for total in of:
            total[:] = [a + b for a, b in zip(total, sums, strict=True)]
    return {"machines": machines, "players": players}


def main() -> None:
    """Measure it on a file of JSON lines, or of Parquet that is made of them beforehand."""
    path = Path(sys.argv[1])
    connection = duckdb.connect(config={"threads": 1})
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    source = f"read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})"
    if "--parquet" in sys.argv:
        parquet = path.with_suffix(".duckdb.parquet")
        connection.execute(f"COPY (FROM {source}) TO '{parquet}' (COMPRESSION zstd)")
        source = f"read_parquet('{parquet}')"
    statement = STATEMENT.format(source=source)
    found: list[Any] = []

    def work() -> None:
        found.append(sums_by(connection.execute(statement).fetchall()))

    work()
    harness.printed(harness.cpu_seconds(work), found[-1])


if __name__ == "__main__":
    main()
