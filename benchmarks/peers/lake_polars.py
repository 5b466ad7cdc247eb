"""The same in Polars, which needs the files unpacked: that is part of its time.

`python -m benchmarks.peers.lake_polars FOLDER OUT`.
"""

import sys
from pathlib import Path

import polars as pl
import zstandard

INTEGERS = (
    *("wager_cents", "coin_in_meter_credits", "wager_credits", "win_cents", "win_credits"),
    *("game_number", "base_basis_points", "accounting_denomination_cents", "max_bet_credits"),
    *("amount_cents", "country_code", "bills_accepted", "partial_pay_cents", "level", "code"),
)
METERS = (
    *("coin_in_credits", "coin_out_credits", "jackpot_credits", "handpaid_cancelled_credits"),
    *("current_credits", "games_played", "games_won"),
)


def main() -> None:
    """Read, dedupe, write. Meters of a report stay out: Polars has no type for maps."""
    folder, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True)
    paths = []
    for packed in sorted(folder.glob("*.zst")):
        path = out / packed.with_suffix("").name
        with packed.open("rb") as source, path.open("wb") as target:
            zstandard.ZstdDecompressor().copy_stream(source, target)
        paths.append(path)
    texts = dict.fromkeys(("paytable_id", "game_id", "door", "name"), pl.String)
    event = pl.Struct(
        {
            **dict.fromkeys(("event_id", "event_type", "asset_id", "player_id"), pl.String),
            **dict.fromkeys(("schema_version", "occurred_at", "sequence"), pl.Int64),
            "data": pl.Struct({**dict.fromkeys(INTEGERS, pl.Int64), **texts}),
            "meters": pl.Struct(dict.fromkeys(METERS, pl.Int64)),
        }
    )
    schema = {
        "received_at": pl.Int64,
        "sender": pl.String,
        "record": pl.String,
        "index": pl.Int64,
        "event": event,
    }
    frame = (
        pl.scan_ndjson(paths, schema=schema)
        .unnest("event")
        .with_columns(page=pl.col("occurred_at") // 300_000, kind=pl.col("event_type"))
        .sort("received_at", "record", "index")
        .unique(["asset_id", "page", "event_id"], keep="first", maintain_order=True)
        .collect(engine="streaming")
    )
    for (kind,), rows in frame.partition_by("kind", as_dict=True).items():
        rows.write_parquet(out / f"{kind}.parquet", compression="zstd")
    for path in paths:
        path.unlink()


if __name__ == "__main__":
    main()
