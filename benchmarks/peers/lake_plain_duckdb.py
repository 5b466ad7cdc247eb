"""The usual statement in DuckDB: each event once, written by partitions of event type.

`python -m benchmarks.peers.lake_plain_duckdb FOLDER OUT`: nothing is sorted, counted or compared.
"""

import sys
from pathlib import Path

import duckdb

COLUMNS = {
    "received_at": "BIGINT",
    "sender": "VARCHAR",
    "record": "VARCHAR",
    "index": "BIGINT",
    "event": "STRUCT(event_id VARCHAR, event_type VARCHAR, schema_version BIGINT, "
    "asset_id VARCHAR, occurred_at BIGINT, sequence BIGINT, player_id VARCHAR, "
    "data STRUCT(wager_cents BIGINT, coin_in_meter_credits BIGINT, wager_credits BIGINT, "
    "win_cents BIGINT, win_credits BIGINT, game_number BIGINT, base_basis_points BIGINT, "
    "accounting_denomination_cents BIGINT, paytable_id VARCHAR, game_id VARCHAR, "
    "max_bet_credits BIGINT, amount_cents BIGINT, country_code BIGINT, bills_accepted BIGINT, "
    "partial_pay_cents BIGINT, level BIGINT, door VARCHAR, code BIGINT, name VARCHAR, "
    "meters MAP(VARCHAR, BIGINT)), "
    "meters STRUCT(coin_in_credits BIGINT, coin_out_credits BIGINT, jackpot_credits BIGINT, "
    "handpaid_cancelled_credits BIGINT, current_credits BIGINT, games_played BIGINT, "
    "games_won BIGINT))",
}


def main() -> None:
    """Read, dedupe, write."""
    folder, out = map(Path, sys.argv[1:3])
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in COLUMNS.items())
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(
        f"""
        COPY (
            SELECT * EXCLUDE (event), unnest(event), event.event_type AS kind
            FROM read_json(
                '{folder}/*.zst', format = 'newline_delimited', columns = {{{columns}}}
            )
            QUALIFY row_number() OVER (
                PARTITION BY event.asset_id, event.occurred_at // 300000, event.event_id
                ORDER BY received_at, record, "index"
            ) = 1
        ) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (kind))
        """
    )


if __name__ == "__main__":
    main()
