"""Bytes per event on the stream, both parts together, against the JSON that was received.

Batches of one gateway (16 machines) as it posts them, packed exactly as the front door packs them:
a record an asset.
"""

from itertools import batched
from typing import Any

from ingest_slot_events.reading import GATEWAY_PACKETS, format_of
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.slot import MeteredEvent
from workbench.demo import REAL_DAY, third_party_data
from workbench.simulation import simulate_floor

GOAL = 0.20
MACHINES, PLAYERS, MINUTES, SEED = 16, 20, 30, 1


def run() -> dict[str, Any]:
    """Ratios for the simulated floor by batch size, and for the real day where it is present."""
    simulated = list(simulate_floor(MACHINES, PLAYERS, MINUTES, SEED))
    feeds = {"simulated, 16 machines": simulated}
    real = third_party_data() / REAL_DAY
    if real.exists():
        feeds["a real day, 4 machines"] = real.read_bytes().splitlines()
    return {
        "figure": "bytes on the stream against JSON received",
        "goal": GOAL,
        "rows": [
            {"feed": name, "events_a_post": size, **_measured(feed, size)}
            for name, feed in feeds.items()
            for size in (20, 100, 500)
        ],
    }


def _measured(feed: list[bytes], events_a_post: int) -> dict[str, Any]:
    read = format_of(GATEWAY_PACKETS).read
    stored = records = 0
    for post in batched(feed, events_a_post, strict=False):
        by_asset: dict[str, tuple[list[bytes], list[MeteredEvent]]] = {}
        for raw in post:
            _, asset_id, event = read(raw)
            raws, events = by_asset.setdefault(asset_id, ([], []))
            raws.append(raw)
            events.append(event)
        for asset_id, (raws, events) in by_asset.items():
            header = BatchHeader("P1", asset_id, 1_700_000_000_000, "bank-7", "acres-sas")
            stored += len(pack(header, raws, events))
            records += 1
    received = sum(map(len, feed))
    return {
        "events_a_record": round(len(feed) / records, 1),
        "json_bytes_an_event": round(received / len(feed), 1),
        "stream_bytes_an_event": round(stored / len(feed), 1),
        "ratio": round(stored / received, 3),
    }
