"""The live page in Chromium: its size, how soon it shows a floor, what it costs while it is open.

The floor is pretended (`benchmarks.floor_mock`), but where the way from a game to the screen is
timed: that is on the stack.
"""

import gzip
import time
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from benchmarks.browser import Tab, mock, tab
from workbench import page_files

LOADS = 7
MINUTES = 5
PAN_SECONDS = 10

_SCRIPTS = (".js", ".mjs")

_FIRST_FLOOR = """() => {
    // When the frame was shown that has the first machines in it.
    window.firstFloor = 0;
    const look = async () => {
        if (document.querySelector('.floor-map canvas')) {
            const { floor } = await import('/floor.js');
            if (floor.machines.size > 0 && floor.plan.value !== null) {
                requestAnimationFrame(() => requestAnimationFrame(() => {
                    window.firstFloor = performance.now();
                }));
                return;
            }
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""

_FRAMES = """seconds => new Promise(done => {
    const frames = [], tasks = [];
    const observer = new PerformanceObserver(list => {
        for (const one of list.getEntries()) tasks.push(one.duration);
    });
    observer.observe({ type: 'longtask', buffered: false });
    const end = performance.now() + seconds * 1000;
    const look = now => {
        frames.push(now);
        if (now < end) requestAnimationFrame(look);
        else { observer.disconnect(); done({ frames, tasks }); }
    };
    requestAnimationFrame(look);
})"""


def size() -> dict[str, Any]:
    """What a first load brings, from the server that serves the page, compressed by gzip."""
    sent: dict[str, int] = {}
    held = {f"/{file.name}": len(file.compressed() or file.content) for file in page_files.files()}
    held["/"] = held["/index.html"]
    with mock(200, 250) as address, tab() as open_tab:
        open_tab.devtools.send("Network.enable")
        names: dict[str, str] = {}

        def started(event: Any) -> None:  # noqa: ANN401 - as DevTools tells it
            names[event["requestId"]] = event["request"]["url"]

        def finished(event: Any) -> None:  # noqa: ANN401
            url = names.get(event["requestId"], "")
            path = url.removeprefix(address).partition("?")[0]
            if path in held:
                sent[path] = sent.get(path, 0) or int(event["encodedDataLength"])

        open_tab.devtools.on("Network.requestWillBeSent", started)
        open_tab.devtools.on("Network.loadingFinished", finished)
        open_tab.sign_in(address)
        time.sleep(1)
        of_floor = dict(sent)
        sent.clear()
        open_tab.devtools.send("Network.clearBrowserCache")
        open_tab.page.goto(f"{address}/games.html")
        open_tab.page.wait_for_selector("#main")
        time.sleep(1)
    of_games = [{"file": name, "bytes": held[name]} for name in sent]
    rows: list[dict[str, Any]] = [
        {"file": name, "bytes": held[name], "on_the_wire": count}
        for name, count in sorted(of_floor.items(), key=lambda item: -item[1])
    ]
    as_written = sum(
        len(gzip.compress((page_files.FOLDER / row["file"][1:]).read_bytes(), 9, mtime=0))
        for row in rows
        if row["file"].endswith(_SCRIPTS)
    )
    return {
        "figure": "size of the page, compressed by gzip",
        "unit": "bytes; on the wire with the headers of each answer, by HTTP/1.1",
        "goals": "script under 60,000, first load under 150,000; of games 40,000 and 100,000",
        "script_of_first_load": _sum(rows, _SCRIPTS),
        "script_of_first_load_with_comments_and_indentation": as_written,
        "script_with_every_view": sum(n for name, n in held.items() if name.endswith(_SCRIPTS)),
        "first_load": _sum(rows, ("",)),
        "first_load_on_the_wire": sum(of_floor.values()),
        "requests": len(of_floor),
        "script_of_the_page_of_games": _sum(of_games, _SCRIPTS),
        "first_load_of_the_page_of_games": _sum(of_games, ("",)),
        "first_load_of_the_page_of_games_on_the_wire": sum(sent.values()),
        "rows": rows[:12],
    }


def _sum(rows: list[dict[str, Any]], suffixes: tuple[str, ...]) -> int:
    return sum(row["bytes"] for row in rows if row["file"].endswith(suffixes))


def load() -> dict[str, Any]:
    """From the start of a navigation, signed in and with an empty cache, to the first floor."""
    samples = []
    with mock(200, 250) as address, tab() as open_tab:
        open_tab.sign_in(address)
        open_tab.page.add_init_script(f"({_FIRST_FLOOR})()")
        for _ in range(LOADS):
            open_tab.devtools.send("Network.clearBrowserCache")
            open_tab.page.reload()
            while not (shown := open_tab.page.evaluate("window.firstFloor")):
                time.sleep(0.05)
            samples.append(shown)
    return {
        "figure": "time to the first floor",
        "goal_ms": 1_500,
        "machines": 200,
        "loads": LOADS,
        "median_ms": round(median(samples)),
        "worst_ms": round(max(samples)),
    }


def hour(minutes: int = MINUTES) -> dict[str, Any]:
    """The page open and fed at one update a second: its heap and its share of a core, by minute."""
    rows: list[dict[str, Any]] = []
    with mock(200, 250, "--push-every", "1") as address, tab() as open_tab:
        open_tab.sign_in(address)
        time.sleep(10)
        for minute in range(minutes + 1):
            before = open_tab.metrics()["TaskDuration"], open_tab.cpu_seconds(), time.monotonic()
            if minute:
                time.sleep(60)
                took = time.monotonic() - before[2]
                row: dict[str, float] = {
                    "main_thread_percent": _percent(
                        open_tab.metrics()["TaskDuration"] - before[0], took
                    ),
                    "browser_percent": _percent(open_tab.cpu_seconds() - before[1], took),
                }
            else:
                row = {}
            found = open_tab.metrics()
            rows.append(
                {
                    "minute": minute,
                    "heap_kb": round(open_tab.heap_bytes() / 1_000),
                    "nodes": int(found["Nodes"]),
                    "listeners": int(found["JSEventListeners"]),
                    **row,
                }
            )
    # The first minute fills what is kept of the last hour.
    heaps = [row["heap_kb"] for row in rows]
    return {
        "figure": "the page left open at one update a second",
        "goals": "heap flat, under 10 % of one core",
        "machines": 200,
        "minutes": minutes,
        "heap_slope_kb_a_minute": round(slope(heaps[1:]), 1),
        "main_thread_percent": round(fmean(r["main_thread_percent"] for r in rows[1:]), 1),
        "browser_percent": round(fmean(r["browser_percent"] for r in rows[1:]), 1),
        "rows": rows,
    }


def pan() -> dict[str, Any]:
    """Frames a second while a large floor is panned and zoomed, at a large floor's rate."""
    with (
        mock(3_000, 4_000, "--events-per-game", "4") as address,
        tab() as open_tab,
    ):
        open_tab.sign_in(address)
        time.sleep(3)
        told = open_tab.page.evaluate("fetch('/mock').then(answer => answer.json())")
        still = _frames(open_tab, moving=False)
        moved = _frames(open_tab, moving=True)
        after = open_tab.page.evaluate("fetch('/mock').then(answer => answer.json())")
    return {
        "figure": "panning a large floor",
        "goals": "50 frames a second or more, no task over 100 ms",
        "machines": 3_000,
        "events_per_second": 4_000,
        "rows_pushed_per_second": round((after["rows"] - told["rows"]) / (2 * PAN_SECONDS)),
        "rows": [{"map": "at rest", **still}, {"map": "panned", **moved}],
    }


def _frames(open_tab: Tab, *, moving: bool) -> dict[str, Any]:
    page = open_tab.page
    box = page.locator(".floor-map canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], 600) / 2
    handle = page.evaluate_handle(
        f"seconds => {{ window.counted = ({_FRAMES})(seconds); }}", PAN_SECONDS
    )
    end = time.monotonic() + PAN_SECONDS
    if moving:
        page.mouse.move(x, y)
        page.mouse.wheel(0, -400)
        while time.monotonic() < end:
            page.mouse.move(x - 150, y)
            page.mouse.down()
            for step in range(20):
                page.mouse.move(x - 150 + 15 * step, y + 4 * (step % 10))
                time.sleep(0.008)
            page.mouse.up()
    found = page.evaluate("window.counted")
    handle.dispose()
    frames = found["frames"]
    gaps = sorted(b - a for a, b in pairwise(frames))
    return {
        "frames_per_second": round(1_000 * len(gaps) / (frames[-1] - frames[0]), 1),
        "p95_frame_ms": round(gaps[len(gaps) * 95 // 100], 1),
        "longest_frame_ms": round(gaps[-1], 1),
        "tasks_over_50_ms": len(found["tasks"]),
        "longest_task_ms": round(max(found["tasks"], default=0)),
    }


def _percent(seconds: float, of: float) -> float:
    return round(100 * seconds / of, 1)


def slope(values: list[float]) -> float:
    """Of the least-squares line, a step."""
    n = len(values)
    if n < 2:
        return 0.0
    middle, mean = (n - 1) / 2, fmean(values)
    return sum((i - middle) * (v - mean) for i, v in enumerate(values)) / sum(
        (i - middle) ** 2 for i in range(n)
    )
