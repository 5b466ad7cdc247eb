"""A page that stays open in Chromium while the stack it listens to ends and starts again.

The stack is one of its own, with a home of its own, that keeps its state. A host is signed in and
sees a machine; `pitboss down`, `pitboss up --keep-state`; and the page has to find back by itself:
live again, and told by its connection of a game that is played then.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.browser import sign_in, tab
from benchmarks.page_latency import ASSET, play, watch
from workbench import measure, page, stack
from workbench.console import WorkbenchError
from workbench.paths import ROOT

PATIENCE_SECONDS = 120

_IS_LIVE = "() => document.querySelector('.live')?.classList.contains('is-live') ?? false"
_CAME = "at => at in window.cameAt"


def run() -> dict[str, Any]:
    """Seconds from when the stack answers again."""
    property_id = f"bench-{time.time_ns() // 10**9}"
    with _home_of_its_own(), tab() as open_tab:
        stack.ensure_up(keep_state=True)
        with measure.gateway(property_id) as probe:
            play(property_id, probe)
            watch(open_tab.page)
            sign_in(open_tab, page.start(), property_id)
            open_tab.wait_for_floor()
            open_tab.page.evaluate(f"location.hash = '#/floor?machine={ASSET}'")
        stack.down()
        began = time.monotonic()
        stack.ensure_up(keep_state=True)
        page.start()
        answered = time.monotonic()
        _wait("live again", lambda: open_tab.page.evaluate(_IS_LIVE))
        live = time.monotonic()
        with measure.gateway(property_id) as probe:
            ended, _, _ = play(property_id, probe)
        _wait("told of a game", lambda: open_tab.page.evaluate(_CAME, ended))
        told = time.monotonic()
    return {
        "figure": "an open page through a restart of the stack, in Chromium",
        "unit": "seconds",
        "stack_away": round(answered - began, 1),
        "live_again_after": round(live - answered, 1),
        "told_of_a_game_after": round(told - live, 1),
    }


def _wait(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise WorkbenchError(f"The page is not {what} within {PATIENCE_SECONDS} s.")
        time.sleep(0.05)


@contextmanager
def _home_of_its_own() -> Iterator[None]:
    home, before = ROOT / ".pitboss" / "page-restart", os.environ.get("PITBOSS_HOME")
    os.environ["PITBOSS_HOME"] = str(home)
    try:
        yield
    finally:
        stack.down()
        shutil.rmtree(home, ignore_errors=True)
        if before is None:
            del os.environ["PITBOSS_HOME"]
        else:
            os.environ["PITBOSS_HOME"] = before
