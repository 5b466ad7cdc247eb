"""From POST to a search that finds it: games' events on the embedded stack, at several rates.

A game's server posts events of many clients at a steady rate. One of them after the other is looked
for, from when its POST is answered until `GET /v1/game-events` shows it: by its player, its type or
its level in turn, each of which it alone has, as a person would ask who just saw it happen.
Everything runs on one machine, the stack too, so that its clock tells all of it.
"""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

from benchmarks.read_latency import percentiles
from workbench import apps, measure
from workbench.client import PitbossClient
from workbench.console import WorkbenchError, say

GOAL_MS = 2_000
"""95th percentile at 1,000 events a second, at most."""

RATES = (250, 500, 1_000)
EVENTS_A_POST = 100
POSTS_AT_ONCE = 4
WARM_UP_SECONDS = 5
LOST_SECONDS = 60
"""After which an event counts as lost, and the figure as none."""

APPLICATION = "space-race"
FIELDS = ("player", "type", "level")


def run(seconds: int = 60) -> dict[str, Any]:
    """Percentiles in milliseconds at each rate."""
    from pitboss.access import Action, Kind, Principal
    from pitboss.games.applications import Application

    now = time.time_ns() // 1_000_000
    property_id = f"bench-{now // 1000}"
    scopes = frozenset({Action.SEND_GAME_EVENTS})
    server = Principal(f"{property_id}-server", Kind.GATEWAY, property_id, None, scopes)
    apps.store().add(Application(property_id, APPLICATION, now))
    rows = []
    with ExitStack() as opened:
        from workbench import endpoint

        signer = measure.signer_of(server)
        sender = opened.enter_context(PitbossClient(endpoint.api_url(), signer))
        client = opened.enter_context(measure.analyst(property_id))
        for rate in RATES:
            say(f"{rate} events a second ...")
            rows.append(_at(rate, seconds, sender, client))
    return {
        "figure": "event to hot search",
        "unit": "milliseconds from the answer to the POST until a search finds the event",
        "goal_p95_ms_at_1000_a_second": GOAL_MS,
        "rows": rows,
    }


def _at(rate: int, seconds: int, sender: PitbossClient, client: PitbossClient) -> dict[str, Any]:
    samples: list[float] = []
    fields: Iterator[tuple[int, str]] = enumerate(FIELDS * 100_000)
    waiting = threading.Lock()
    sent = 0
    started = time.monotonic()
    with ThreadPoolExecutor(POSTS_AT_ONCE) as posts, ThreadPoolExecutor(1) as looks:
        warm = started + WARM_UP_SECONDS

        def post(number: int) -> None:
            nonlocal sent
            probe = None
            if time.monotonic() > warm and waiting.acquire(blocking=False):
                index, field = next(fields)
                probe = field, f"probe-{rate}-{index}"
            events = _events(rate, number, probe)
            body = json.dumps(events).encode()
            answer = sender.send(
                "POST", "/v1/game-events", body, {"Content-Type": "application/json"}
            )
            if answer.status_code != 200 or answer.json()["accepted"] != len(events):
                raise WorkbenchError(f"{answer.status_code}: {answer.text[:200]}")
            sent += len(events)
            if probe is not None:
                looks.submit(look, *probe, time.monotonic())

        def look(field: str, value: str, answered: float) -> None:
            try:
                samples.append(_until_found(client, field, value, answered) * 1_000)
            finally:
                waiting.release()

        pending = []
        for number in range(rate * (WARM_UP_SECONDS + seconds) // EVENTS_A_POST):
            due = started + number * EVENTS_A_POST / rate
            time.sleep(max(0.0, due - time.monotonic()))
            pending.append(posts.submit(post, number))
        for one in pending:
            one.result()
        took = time.monotonic() - started
    return {
        "events_per_second": rate,
        "posted_per_second": round(sent / took),
        "events_followed": len(samples),
        **percentiles(samples),
    }


def _events(rate: int, number: int, probe: tuple[str, str] | None) -> list[dict[str, Any]]:
    now = time.time_ns() // 1_000_000
    events = [
        {
            "event_version": "1.0",
            "event_id": f"{now}-{number}-{n}",
            "event_timestamp": now,
            "event_type": f"type_{n % 20}",
            "app_name": APPLICATION,
            "app_version": "2.4.1",
            "client_id": f"player-{(number * EVENTS_A_POST + n) % (5 * rate)}",
            "level_id": f"level-{n % 13}",
            "position_x": n,
            "position_y": number,
            "caught_by": "meteor",
            "health": n,
        }
        for n in range(EVENTS_A_POST)
    ]
    if probe is not None:
        field, value = probe
        name = {"player": "client_id", "type": "event_type", "level": "level_id"}[field]
        events[0][name] = value
    return events


def _until_found(client: PitbossClient, field: str, value: str, answered: float) -> float:
    since = time.time_ns() // 1_000_000 - 60_000
    query = urlencode({"application": APPLICATION, field: value, "since": since, "limit": 1})
    while True:
        answer = client.get(f"/v1/game-events?{query}")
        found = time.monotonic()
        if answer.status_code == 200 and answer.json()["events"]:
            return found - answered
        if found - answered > LOST_SECONDS:
            raise WorkbenchError(
                f"The event with {field} {value} was not found: {answer.text[:200]}"
            )
        time.sleep(0.05)
