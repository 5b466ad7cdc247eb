"""From play to pixel: how soon the page in Chromium shows that a game has ended.

A simulated floor of 189 machines plays at 250 events a second through the front door. Beside it one
more machine plays a game now and then, and its drawer is open in a page that somebody signed in to
through the hosted pages. Each of its games is followed from the start of the POST of `game.ended`.

    answered    the POST is answered
    kept        the row of the machine is kept (`changed_at`, by the clock of `sum_floor`)
    pushed      the row has come over the page's WebSocket
    painted     the drawer's "Last play" is that of the game, and the frame that has it was shown: a
                MutationObserver sees the text, and the second animation frame after it the time

Everything runs on one machine, so that its clock tells all of them.
"""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import batched
from typing import Any

from playwright.sync_api import Page

from benchmarks.browser import START_SECONDS, signed_in, tab
from benchmarks.read_latency import percentiles
from workbench import measure, page
from workbench.client import PitbossClient
from workbench.console import WorkbenchError
from workbench.event_files import FileFormat
from workbench.simulation import Floor, FloorPlan
from workbench.simulation.packets import packet_line

GOAL_MS = 1_500
"""95th percentile from POST to painted, at most."""

EVENTS_PER_SECOND = 250
EVENTS_A_POST = 50
MACHINES = 189
PLAYERS = 150
WARM_UP_SECONDS = 15
EVERY_SECONDS = (1.1, 1.9)
"""From one game that is followed to the next: of no step with what comes twice a second."""

ASSET = "990001"
HOPS = ("answered", "kept", "pushed", "painted")

_WATCH = """asset => {
    // Of the machine: when a row came with a last play, and when that was in a frame.
    window.cameAt = {};
    window.paintedAt = {};
    window.WebSocket = class extends WebSocket {
        constructor(...how) {
            super(...how);
            this.addEventListener('message', ({ data }) => {
                const now = Date.now();
                for (const row of JSON.parse(data).sums ?? []) {
                    if (row[0] === asset) window.cameAt[row[12]] ??= [now, row[1]];
                }
            });
        }
    };
    new MutationObserver(() => {
        const terms = [...document.querySelectorAll('.drawer dt')];
        const term = terms.find(one => one.textContent === 'Last play');
        const shown = term?.nextElementSibling?.textContent;
        if (!shown || shown in window.paintedAt) return;
        window.paintedAt[shown] = null;
        requestAnimationFrame(() => requestAnimationFrame(() => {
            window.paintedAt[shown] = Date.now();
        }));
    }).observe(document, { subtree: true, childList: true, characterData: true });
}"""

_SEEN = """async moments => {
    const { clock } = await import('/format.js');
    return moments.map(at => [...(window.cameAt[at] ?? [null, null]), window.paintedAt[clock(at)]]);
}"""


def run(seconds: int = 90) -> dict[str, Any]:
    """Percentiles in milliseconds of each hop, from the start of the POST."""
    property_id = f"bench-{time.time_ns() // 10**9}"
    with ExitStack() as opened:
        sender = opened.enter_context(measure.gateway(property_id))
        probe = opened.enter_context(measure.gateway(property_id))
        sent = opened.enter_context(_floor(property_id, sender, seconds))
        address = page.start()
        open_tab = opened.enter_context(tab())
        watch(open_tab.page)
        opened.enter_context(signed_in(open_tab, address, property_id))
        play(property_id, probe)  # so that its drawer has something to show
        open_tab.page.evaluate(f"location.hash = '#/floor?machine={ASSET}'")
        time.sleep(WARM_UP_SECONDS)
        before, began = sent[0], time.monotonic()
        games = []
        while time.monotonic() - began < seconds:
            games.append(play(property_id, probe))
            time.sleep(random.uniform(*EVERY_SECONDS))
        rate = (sent[0] - before) / (time.monotonic() - began)
        time.sleep(5)
        seen = open_tab.page.evaluate(_SEEN, [moment for moment, _, _ in games])
    hops: dict[str, list[float]] = {hop: [] for hop in HOPS}
    for (_, posted, answered), (came, kept, painted) in zip(games, seen, strict=True):
        moments = dict(zip(HOPS, (answered, kept, came, painted), strict=True))
        for hop, at in moments.items():
            if at is not None:
                hops[hop].append(at - posted)
    if not hops["painted"]:
        raise WorkbenchError("No game was shown: see `pitboss logs push_live_updates`.")
    return {
        "figure": "POST of game.ended to pixel changed, in Chromium",
        "unit": "milliseconds from the start of the POST",
        "goal_p95_ms": GOAL_MS,
        "machines": MACHINES,
        "events_per_second": round(rate, 1),
        "games": len(games),
        "games_never_shown": len(games) - len(hops["painted"]),
        "rows": [
            {"hop": hop, "games": len(found), **percentiles(found)}
            for hop, found in hops.items()
            if found
        ],
    }


def watch(page: Page) -> None:
    """Have a page that is loaded next note when the machine's rows come, and are painted."""
    page.add_init_script(f"({_WATCH})({json.dumps(ASSET)})")


def play(property_id: str, probe: PitbossClient) -> tuple[int, float, float]:
    """Play a game now: when it ended, and when its POST began and was answered, epoch ms."""
    ended = time.time_ns() // 1_000_000

    def event(kind: str, at: int, data: dict[str, int]) -> dict[str, Any]:
        return {
            "event_id": f"{kind}-{at}",
            "event_type": kind,
            "property_id": property_id,
            "asset_id": ASSET,
            "occurred_at": at,
            "sequence": at % 1_000_000_000,
            "data": data,
        }

    # In one POST: what is shown changes once.
    game = [
        event("paytable.reported", ended - 2, {"base_basis_points": 9_200}),
        event("game.started", ended - 1, {"wager_cents": 100}),
        event("game.ended", ended, {"win_cents": 40}),
    ]
    body = json.dumps(game).encode()
    posted = time.time_ns() / 1e6
    probe.post_events(body, FileFormat.PITBOSS.content_type)
    return ended, posted, time.time_ns() / 1e6


@contextmanager
def _floor(property_id: str, sender: PitbossClient, seconds: int) -> Iterator[list[int]]:
    """A floor that plays at the rate; how many of its events were sent."""
    now = time.time_ns() // 1_000_000
    minutes = seconds + START_SECONDS + WARM_UP_SECONDS  # it is never over before
    floor = Floor(FloorPlan(MACHINES, PLAYERS, minutes, now // 1_000, now, property_id))
    sent, over = [0], threading.Event()

    def play() -> None:
        started = time.monotonic()
        for number, batch in enumerate(batched(floor.events(), EVENTS_A_POST, strict=False)):
            due = started + number * EVENTS_A_POST / EVENTS_PER_SECOND
            if over.wait(max(0.0, due - time.monotonic())):
                return
            body = b"\n".join(packet_line(event) for event in batch)
            sent[0] += sender.post_events(body, FileFormat.ACRES_SAS.content_type).accepted

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()
