"""The live page in Chromium: signed in through the hosted pages, fed by the stack."""

import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import browser as bench
from tests.e2e.house import House
from workbench import page as page_commands
from workbench import users

PASSWORD = "Test-passw0rd-1"
CHROMIUM = next(filter(None, map(shutil.which, bench.PROGRAMS)), None)
PATIENCE_MS = 30_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=bench.ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(stack: dict[str, str]) -> Iterator[str]:
    """Where the page of the tests' stack is served."""
    yield page_commands.start()
    page_commands.stop()


@pytest.fixture
def signed_in(
    browser: Browser, address: str, house: House
) -> Iterator[Callable[[str], tuple[Page, list[str]]]]:
    """Sign somebody of a group in; their page, and what was sent to it."""
    made: list[str] = []
    contexts = []

    def sign_in(group: str) -> tuple[Page, list[str]]:
        name = f"{group}-{uuid.uuid4().hex[:8]}"
        users.add(name, house.property_id, [group], PASSWORD)
        made.append(name)
        context = browser.new_context(viewport=bench.SIZE)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        traffic: list[str] = []
        page.on("response", lambda answer: _keep(answer, traffic))
        page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda frame: traffic.append(str(frame))),
        )
        page.goto(address)
        page.click("#sign-in")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".floor-map canvas")
        return page, traffic

    yield sign_in
    for context in contexts:
        context.close()
    cognito, pool = users._pool()
    for name in made:
        cognito.admin_delete_user(UserPoolId=pool, Username=name)


def _keep(answer: Any, traffic: list[str]) -> None:
    if "/v1/" in answer.url:
        traffic.append(answer.url)


def _play(house: House, player_id: str | None = None) -> None:
    """Somebody plays a game now, and their card stays in."""
    now = time.time_ns() // 1_000_000
    second = (now - 1_768_500_000_000) // 1_000 - 6
    events = house.game("1940732", second, 5_000)
    if player_id:
        events.insert(
            1,
            house.envelope("1940732", "card.inserted", second - 1, player_id=player_id, data={}),
        )
    answer = house.post(b"[" + b",".join(events) + b"]")
    assert answer.status_code < 300, answer.text


def test_somebody_signs_in_and_sees_play_as_it_happens(
    house: House, signed_in: Callable[[str], tuple[Page, list[str]]]
) -> None:
    page, _ = signed_in("admin")
    expect(page.locator("header").get_by_text("Live", exact=True)).to_be_visible(
        timeout=PATIENCE_MS
    )

    _play(house)

    expect(page.locator("body")).to_contain_text("$10/min", timeout=PATIENCE_MS)
    page.goto(re.sub(r"#.*", "", page.url) + "#/floor?machine=1940732")
    expect(page.locator("#drawer-title")).to_contain_text("1940732")


def test_slot_operations_see_machines_and_nobody_who_plays(
    house: House, signed_in: Callable[[str], tuple[Page, list[str]]]
) -> None:
    page, traffic = signed_in("slot-ops")
    secret = f"guest{uuid.uuid4().hex[:8]}"

    _play(house, secret)

    expect(page.locator("body")).to_contain_text("$10/min", timeout=PATIENCE_MS)
    page.goto(re.sub(r"#.*", "", page.url) + "#/machines?machine=1940732")
    expect(page.locator("#drawer-title")).to_contain_text("1940732")
    assert secret not in page.content()
    assert not [text for text in traffic if secret in text]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, scheme: Any) -> None:
    with bench.mock(40, 100) as address:
        context = browser.new_context(viewport=bench.SIZE, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{address}/?login_hint=admin")
        found = {"signed out": _violations(page)}
        page.click("#sign-in")
        page.wait_for_selector(".floor-map canvas")
        for view in ("floor", "players", "machines", "alerts", "time"):
            page.goto(f"{address}/#/{view}")
            page.wait_for_timeout(300)
            found[view] = _violations(page)
        context.close()

    assert found == {key: [] for key in found}


def _violations(page: Page) -> list[str]:
    answer = Axe().run(page).response
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in answer["violations"]]
