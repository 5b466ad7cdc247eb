"""From an event's POST to the live metric that has it, as a page sees it that asks once a second.

Games' events are posted through the front door at a steady rate; some of them are probes, numbered,
and a metric counts the probes apart. A probe's time runs from the start of its POST until an answer
of `GET /v1/metrics` counts it.
"""

import json
import threading
import time
import uuid
from typing import Any

from benchmarks.read_latency import percentiles
from pitboss.games.applications import Application
from pitboss.metrics.definition import parse
from pitboss.stores.applications import DynamoApplications
from pitboss.stores.metrics import DynamoMetrics
from workbench import endpoint, measure
from workbench.client import PitbossClient
from workbench.console import WorkbenchError

GOAL_P95_MS = 2_000
EVENTS_PER_SECOND = 200
POSTS_PER_SECOND = 4
PLAYERS = 500
APPLICATION = "maze"
PROBES = {
    "key": "probes",
    "name": "Probes",
    "aggregate": "distinct",
    "of": "data.probe",
    "window": {"kind": "sliding", "length": "2h", "every": "1h"},
}


def run(seconds: int = 60) -> dict[str, Any]:
    """Percentiles in milliseconds."""
    property_id = f"bench-{int(time.time())}"
    register(property_id)
    with measure.studio(property_id) as client:
        posts = Posts(client)
        posts.post()  # the first event starts what is cold, and counts for nothing
        if not measure.wait_until(lambda: _counted(client) > 0, 60):
            raise WorkbenchError("The metric does not count within a minute.")
        posts.begun.clear()
        sender = threading.Thread(target=posts.until, args=(time.monotonic() + seconds,))
        sender.start()
        samples = _watched(client, posts, sender)
    return {
        "figure": "event to live metric, as a page sees it that asks once a second",
        "unit": "milliseconds from the start of the POST",
        "goal_p95": GOAL_P95_MS,
        "events_per_second": round(posts.events / seconds),
        "probes": len(samples),
        **percentiles(samples),
    }


def register(property_id: str) -> None:
    """The application, and the metric that counts the probes."""
    outputs, region = endpoint.stack_outputs(), endpoint.target().region or endpoint.DEFAULT_REGION
    with endpoint.as_environment():
        applications = DynamoApplications(outputs["RegistryTableName"], region)
        applications.add(Application(property_id, APPLICATION, time.time_ns() // 1_000_000))
        metrics = DynamoMetrics(outputs["MetricsTableName"], region)
        metrics.define(property_id, parse(PROBES), int(time.time()))


class Posts:
    """Posts events at a steady rate, each post with a probe."""

    def __init__(self, client: PitbossClient) -> None:
        self._client = client
        self.begun: dict[int, float] = {}
        """By the number of the probe, when its POST began."""
        self.events = 0
        self._probe = 0

    def until(self, end: float) -> None:
        """Post until a moment."""
        due = time.monotonic()
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            self.post()
            due += 1 / POSTS_PER_SECOND

    def post(self) -> None:
        """Post a second's share of the events."""
        self._probe += 1
        events = [self._event() for _ in range(EVENTS_PER_SECOND // POSTS_PER_SECOND)]
        events[0]["probe"] = self._probe
        self.begun[self._probe] = time.monotonic()
        body, headers = json.dumps(events).encode(), {"Content-Type": "application/json"}
        answer = self._client.send("POST", "/v1/game-events", body, headers)
        if answer.status_code != 200:
            raise WorkbenchError(f"POST /v1/game-events: {answer.status_code} {answer.text}")
        self.events += len(events)

    def _event(self) -> dict[str, Any]:
        event_id = uuid.uuid4()
        return {
            "event_version": "1",
            "event_id": str(event_id),
            "event_timestamp": time.time_ns() // 1_000_000,
            "event_type": "level_started",
            "app_name": APPLICATION,
            "client_id": f"player-{event_id.int % PLAYERS}",
        }


def _watched(client: PitbossClient, posts: Posts, sender: threading.Thread) -> list[float]:
    """The time of each probe, in milliseconds. Probes of one window are counted, in their order."""
    samples: list[float] = []
    waiting = posts.begun
    deadline = time.monotonic() + 600
    while (sender.is_alive() or waiting) and time.monotonic() < deadline:
        asked = time.monotonic()
        counted = _counted(client)
        seen = time.monotonic()
        found = [probe for probe in sorted(set(waiting)) if probe <= counted]
        samples += [(seen - waiting.pop(probe)) * 1_000 for probe in found]
        time.sleep(max(0.0, asked + 1 - time.monotonic()))
    if waiting:
        raise WorkbenchError(f"{len(waiting)} probes were never counted.")
    return samples


def _counted(client: PitbossClient) -> int:
    answer = client.get(f"/v1/metrics?application={APPLICATION}&key={PROBES['key']}&windows=1")
    metrics = answer.json()["metrics"]
    return int(metrics[0]["windows"][-1]["values"][0]["value"]) if metrics else 0
