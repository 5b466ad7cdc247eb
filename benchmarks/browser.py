"""Chromium with the live page in it, and the pretended floor that it is shown."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, ViewportSize, sync_playwright

from workbench import emulator, users
from workbench.console import WorkbenchError
from workbench.paths import ROOT

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SIZE: ViewportSize = {"width": 1440, "height": 900}
START_SECONDS = 30
ARGUMENTS = [] if os.getuid() else ["--no-sandbox"]  # root has none
_TICKS = os.sysconf("SC_CLK_TCK")


def chromium() -> str:
    """Where it is installed.

    Raises:
        WorkbenchError: it is not.
    """
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise WorkbenchError(
            "There is no Chromium: install one (Debian: apt-get install chromium)."
        )
    return found


@contextmanager
def mock(machines: int, rate: float, *more: str) -> Iterator[str]:
    """The address of a pretended floor."""
    port = emulator.any_free_port()
    command = [sys.executable, "-m", "benchmarks.floor_mock", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--machines", str(machines), "--rate", str(rate), *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"{address}/config.json")
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise WorkbenchError("The pretended floor does not start.") from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


class Tab:
    """A page in a browser of its own, and what it costs."""

    def __init__(self, page: Page, process: int) -> None:
        self.page = page
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("Performance.enable", {"timeDomain": "timeTicks"})
        self._process = process

    def sign_in(self, address: str, group: str = "admin") -> None:
        """Through the sign-in of the pretended floor."""
        self.page.goto(f"{address}/?login_hint={group}")
        self.page.click("#sign-in")
        self.wait_for_floor()

    def wait_for_floor(self) -> None:
        """Until machines are on the map."""
        self.page.wait_for_selector(".floor-map canvas")
        deadline = time.monotonic() + START_SECONDS
        # Not `wait_for_function`: the page's policy forbids what that stands on.
        while not self.page.evaluate(FLOOR_IS_SHOWN):
            if time.monotonic() > deadline:
                raise WorkbenchError("The page shows no floor.")
            time.sleep(0.02)

    def metrics(self) -> dict[str, float]:
        """Of the renderer: heap in bytes, seconds of its main thread, and more."""
        found = self.devtools.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}

    def heap_bytes(self) -> float:
        """What is used after garbage was collected."""
        self.devtools.send("HeapProfiler.collectGarbage")
        return self.metrics()["JSHeapUsedSize"]

    def cpu_seconds(self) -> float:
        """Of every process of the browser, so far."""
        total = 0
        for pid in _family(self._process):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS


FLOOR_IS_SHOWN = """async () => {
    if (!document.querySelector('.floor-map canvas')) return false;
    const { floor } = await import('/floor.js');
    return floor.machines.size > 0 && floor.plan.value !== null;
}"""


@contextmanager
def tab(**options: Any) -> Iterator[Tab]:
    """A browser with one page in it."""
    with sync_playwright() as playwright:
        before = set(_children(os.getpid()))
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        started = set(_family(os.getpid())) - before
        page = browser.new_page(viewport=SIZE, **options)
        oldest = min(pid for pid in started if _name(pid).startswith("chrom"))
        try:
            yield Tab(page, oldest)
        finally:
            browser.close()


def sign_in(open_tab: Tab, address: str, property_id: str, group: str = "host") -> None:
    """Somebody new of a property, through the hosted pages of the stack."""
    password = users.new_password()
    users.add(property_id, property_id, [group], password)
    open_tab.page.goto(address)
    open_tab.page.click("#sign-in")
    open_tab.page.fill("input[name=username]", property_id)
    open_tab.page.fill("input[name=password]", password)
    open_tab.page.keyboard.press("Enter")


@contextmanager
def signed_in(
    open_tab: Tab,
    address: str,
    property_id: str,
    group: str = "host",
    wait: Callable[[Tab], None] = Tab.wait_for_floor,
) -> Iterator[None]:
    """Somebody of a property is signed in and sees the page, and is gone after it."""
    cognito, pool = users._pool()
    try:
        sign_in(open_tab, address, property_id, group)
        wait(open_tab)
        yield
    finally:
        cognito.admin_delete_user(UserPoolId=pool, Username=property_id)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _children(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += _children(one)
    return found
