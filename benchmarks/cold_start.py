"""Cold start: what importing each handler costs, as shipped, against what anyone pays.

Each handler is imported in a fresh interpreter that sees the built function, the built layer and
the libraries of the Lambda runtime, nothing else, and makes the AWS client that its first
invocation makes. The yardstick, measured in turn with them, is importing boto3 and making a
DynamoDB client, which an empty function that reads a table does.
"""

import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

from workbench.paths import ENVIRONMENTS, ROOT

RUNS = 15
_DYNAMODB = "DynamoRatings('table', 'us-east-1')._client"
CLIENTS = {
    "archive_events": "from pitboss.stores.lake import S3Lake; "
    "S3Lake('bucket', 'us-east-1')._client",
    "authorize_requests": "from pitboss.stores.registry import DynamoRegistry as R; "
    "R('table', 'us-east-1')._item._get_connection().connection.client",
    "connect_live_clients": "from pitboss.stores.connections import DynamoConnections as C; "
    "C('table', 'us-east-1')",
    "push_live_updates": "from pitboss.stores.connections import LiveApi; "
    "LiveApi('https://api.execute-api.us-east-1.amazonaws.com/dev', 'us-east-1')",
    "decide_offers": "from pitboss.stores.offers import DynamoOffers as S; "
    "S('offers', 'standings', 'ratings', 'us-east-1')._client",
    "ingest_game_events": "from pitboss.stores.stream import KinesisStream as S; "
    "from pitboss.stores.applications import DynamoApplications as A; "
    "S('stream', 'us-east-1', print)._client; A('table', 'us-east-1')",
    "issue_installs": "from pitboss.stores.applications import DynamoApplications as A; "
    "A('table', 'us-east-1')",
    "ingest_shuffler_events": "from pitboss.stores.stream import KinesisStream as S; "
    "S('stream', 'us-east-1', print)._client",
    "ingest_slot_events": "from pitboss.stores.stream import KinesisStream as S; "
    "S('stream', 'us-east-1', print)._client",
    "keep_exclusions": "from pitboss.stores.standings import DynamoStandings as S; "
    "S('table', None, 'us-east-1')",
    "rate_players": f"from pitboss.stores.ratings import DynamoRatings; {_DYNAMODB}",
    **dict.fromkeys(
        ("sum_floor", "track_floor"),
        "from pitboss.stores.floor import DynamoFloor as S; S('table', 'us-east-1')",
    ),
    "watch_play": "from pitboss.stores.reviews import DynamoReviews as S; S('table', 'us-east-1')",
    "index_events": "from pitboss.stores.recent_events import DynamoRecentEvents as R; "
    "from pitboss.stores.applications import DynamoApplications as A; "
    "R('table', 'us-east-1'); A('table', 'us-east-1')",
    "serve_events": "from pitboss.stores.recent_events import DynamoRecentEvents as R; "
    "from pitboss.stores.audit import DynamoAudit as A; "
    "R('table', 'us-east-1'); A('table', 'us-east-1')._client",
    **dict.fromkeys(
        ("measure_events", "serve_metrics"),
        "from pitboss.stores.metrics import DynamoMetrics as S; S('table', 'us-east-1')._client",
    ),
    "run_actions": "from pitboss.stores.webhooks import DynamoWebhooks as S; "
    "S('table', 'us-east-1')._client",
    "serve_audit": "from pitboss.stores.audit import DynamoAudit as A; "
    "A('table', 'us-east-1')._client",
    "serve_flags": "from pitboss.stores.experiments import DynamoExperiments as E; "
    "E('table', 'us-east-1')._client",
    **dict.fromkeys(
        ("keep_scores", "serve_leaderboards"),
        "from pitboss.stores.marked import MarkedItems as M; M('table', 'us-east-1').client",
    ),
    "publish_scores": "from pitboss.stores.applications import DynamoApplications as A; "
    "A('table', 'us-east-1')",
    "serve_floor": "from pitboss.stores.floor import DynamoFloor as S; S('t', 'us-east-1')",
    "serve_maintenance": "from pitboss.stores.maintenance import SqlMaintenance",
    "serve_shufflers": "from pitboss.stores.shufflers import PostgresShufflers",
    "track_shufflers": "from pitboss.stores.quarantine import S3Quarantine as S; "
    "S('bucket', 'us-east-1')._client",
    "read_ratings": f"from pitboss.stores.ratings import DynamoRatings; {_DYNAMODB}",
    **dict.fromkeys(
        ("expire_offers", "keep_catalogue", "serve_offers", "settle_approval"),
        "from pitboss.stores.offers import DynamoOffers as S; "
        "S('offers', 'standings', 'ratings', 'us-east-1')._client",
    ),
}
"""What makes the AWS client of each function that somebody waits for; the others run by night."""

GOALS = {"rate_players": 1.15, "ingest_slot_events": 1.5}
"""Most that a handler may cost, as a multiple of the yardstick."""

BUILD = ROOT / ".aws-sam" / "build"
_YARDSTICK = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"
_TIMED = """
import time
start = time.perf_counter()
{code}
print((time.perf_counter() - start) * 1000)
"""


def _milliseconds(code: str, path: list[Path]) -> float:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "POWERTOOLS_SERVICE_NAME": "benchmark",
    }
    done = subprocess.run(
        [ENVIRONMENTS / "runtime" / "bin" / "python", "-c", _TIMED.format(code=code)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return float(done.stdout.split()[-1])


def run() -> dict[str, Any]:
    """Medians in milliseconds, and ratios to the yardstick."""
    functions = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())
    functions = [name for name in functions if not name.startswith("_")]
    layers = [
        BUILD / name / "python" for name in ("CommonLayer", "LakeLayer", "SqlLayer", "GamesLayer")
    ]
    cases: dict[str, tuple[str, list[Path]]] = {"boto3 and a DynamoDB client": (_YARDSTICK, [])}
    for name in functions:
        logical_id = "".join(word.title() for word in name.split("_")) + "Function"
        path = [BUILD / logical_id, *layers]
        cases[name] = (f"import {name}.handler", path)
        if name in CLIENTS:
            cases[f"{name}, its client made"] = (f"import {name}.handler; {CLIENTS[name]}", path)
    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(RUNS + 1):
        for name, (code, path) in cases.items():
            elapsed = _milliseconds(code, path)
            if turn:  # the first turn warms the file cache
                times[name].append(elapsed)
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    yardstick = medians["boto3 and a DynamoDB client"]
    return {
        "figure": "cold start: imports as shipped",
        "unit": "milliseconds, median of interleaved runs",
        "runs": RUNS,
        "rows": [
            {
                "case": name,
                "milliseconds": round(median, 1),
                "ratio": round(median / yardstick, 2),
                "goal": GOALS.get(name.partition(",")[0]),
            }
            for name, median in medians.items()
        ],
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
