"""From an event's POST to the pixel: how soon the page of games in Chromium shows a live metric.

Games' events are posted through the front door at a steady rate, as `event_to_metric` does, and
somebody who signed in through the hosted pages looks at the page of games. Each post has a probe,
and a metric counts the probes. A probe's time runs from the start of its POST until the frame was
shown that has it in the metric's value: a MutationObserver sees the text, and the second animation
frame after it the time.

Everything runs on one machine, so that its clock tells both.
"""

import threading
import time
from contextlib import ExitStack
from typing import Any

from benchmarks import event_to_metric
from benchmarks.browser import signed_in, tab
from benchmarks.event_to_metric import PROBES, Posts
from benchmarks.read_latency import percentiles
from workbench import measure, page
from workbench.console import WorkbenchError

GOAL_P95_MS = 2_000
WARM_UP_SECONDS = 10

VALUE = f"[data-metric={PROBES['key']}] .metric-value"

_WATCH = """value => {
    // When a number of probes was in a frame.
    window.paintedAt = {};
    new MutationObserver(() => {
        const shown = document.querySelector(value)?.textContent;
        if (!shown || shown in window.paintedAt) return;
        window.paintedAt[shown] = null;
        requestAnimationFrame(() => requestAnimationFrame(() => {
            window.paintedAt[shown] = Date.now();
        }));
    }).observe(document, { subtree: true, childList: true, characterData: true });
}"""


def run(seconds: int = 60) -> dict[str, Any]:
    """Percentiles in milliseconds."""
    property_id = f"bench-{int(time.time())}"
    event_to_metric.register(property_id)
    with ExitStack() as opened:
        client = opened.enter_context(measure.studio(property_id))
        posts = Posts(client)
        posts.post()
        open_tab = opened.enter_context(tab())
        open_tab.page.add_init_script(f"({_WATCH})({VALUE!r})")
        address = f"{page.start()}games.html"
        opened.enter_context(
            signed_in(
                open_tab,
                address,
                property_id,
                "analyst",
                lambda shown: shown.page.locator(VALUE).wait_for(timeout=60_000),
            )
        )
        posts.until(time.monotonic() + WARM_UP_SECONDS)
        posts.begun.clear()
        before = posts.events
        sender = threading.Thread(target=posts.until, args=(time.monotonic() + seconds,))
        sender.start()
        sender.join()
        sent = posts.events - before
        open_tab.page.wait_for_timeout(5_000)  # in which the last is shown
        painted = open_tab.page.evaluate("window.paintedAt")
    shown = sorted(
        (int(text.replace(",", "")), at) for text, at in painted.items() if at is not None
    )
    epoch = time.time() - time.monotonic()
    samples = []
    for probe, began in posts.begun.items():
        at = next((at for number, at in shown if number >= probe), None)
        if at is not None:
            samples.append(at - 1_000 * (began + epoch))
    if not samples:
        raise WorkbenchError("No probe was shown: see `pitboss logs measure_events`.")
    return {
        "figure": "POST of an event to the metric's pixel, in Chromium",
        "unit": "milliseconds from the start of the POST",
        "goal_p95": GOAL_P95_MS,
        "events_per_second": round(sent / seconds),
        "probes": len(posts.begun),
        "probes_never_shown": len(posts.begun) - len(samples),
        **percentiles(samples),
    }
