"""How soon a read answers: percentiles of GET by route, one after the other, over one connection.

A simulated floor of 189 machines has played for some minutes. Players and machines are asked for in
turn, so that no item is asked for twice in a row.
"""

import time
from itertools import cycle
from typing import Any

from workbench import measure
from workbench.event_files import FileFormat
from workbench.replay import cut, replay
from workbench.simulation import Floor, FloorPlan

MACHINES = 189
PLAYERS = 150
MINUTES = 10
GATEWAYS = 12
WARM_UP = 20


def run(seconds: int = 60) -> dict[str, Any]:
    """Percentiles in milliseconds, each route asked for as long."""
    seed = int(time.time())
    property_id = f"bench-{seed}"
    floor = Floor(FloorPlan(MACHINES, PLAYERS, MINUTES, seed, property_id=property_id))
    batches = list(cut(measure.feed(floor.events()), max_events=500, groups=GATEWAYS))
    with measure.gateway(property_id) as sender, measure.reader(property_id) as client:
        replay(sender, batches, FileFormat.ACRES_SAS)
        truth = floor.ledger.contract()
        games = truth["totals"]["games"]
        measure.wait_until(lambda: measure.games_rated(client) == games, 120)
        found = measure.differences(measure.ratings(client, truth), truth)
        players = [f"/v1/players/{p['player_id']}" for p in truth["players"]]
        machines = [f"/v1/machines/{m['asset_id']}" for m in truth["machines"]]
        routes = {
            "/v1/players/{player_id}": players,
            "/v1/players/{player_id}/sessions": [f"{path}/sessions" for path in players],
            "/v1/players/{player_id}/ledger": [f"{path}/ledger" for path in players],
            "/v1/machines/{asset_id}": machines,
            "/v1/machines/{asset_id}/ledger": [f"{path}/ledger" for path in machines],
            "/v1/floor": ["/v1/floor"],
        }
        rows = [
            {"route": route, **_timed(client, paths, seconds / len(routes))}
            for route, paths in routes.items()
        ]
    return {
        "figure": "latency of reads",
        "unit": "milliseconds",
        "machines": MACHINES,
        "players": len(truth["players"]),
        "ratings": "equal to the ledger to the cent" if not found else found[:5],
        "rows": rows,
    }


def _timed(client: Any, paths: list[str], seconds: float) -> dict[str, Any]:  # noqa: ANN401
    asked = cycle(paths)
    for _ in range(WARM_UP):
        measure.read(client, next(asked))
    samples = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path = next(asked)
        started = time.perf_counter()
        if measure.read(client, path) is None:
            raise SystemExit(f"GET {path} finds nothing")
        samples.append((time.perf_counter() - started) * 1_000)
    return {"reads": len(samples), **percentiles(samples)}


def percentiles(samples: list[float]) -> dict[str, float]:
    """The 50th, 95th and 99th, and the largest."""
    ordered = sorted(samples)

    def of(percent: int) -> float:
        return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)

    return {"p50": of(50), "p95": of(95), "p99": of(99), "max": round(ordered[-1], 1)}
