"""The live page in Chromium: signed in through the hosted pages, fed by the stack."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
    sync_playwright,
)

from benchmarks import browser as bench
from pitboss.games.applications import Application
from pitboss.metrics.definition import parse
from pitboss.stores.applications import DynamoApplications
from pitboss.stores.connections import DynamoConnections, LiveApi, management_url
from pitboss.stores.metrics import DynamoMetrics
from tests.e2e.conftest import forget
from tests.e2e.house import House, array, now_ms
from tests.e2e.test_offers import CATALOGUE, QUIET, OfferHouse, player_of
from workbench import endpoint, gateways, measure, offer_floor, users
from workbench import page as page_commands
from workbench.games import Games, Heard

PASSWORD = "Test-passw0rd-1"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CHROMIUM = next(filter(None, map(shutil.which, bench.PROGRAMS)), None)
PATIENCE_MS = 30_000
DECIDED_WITHIN_SECONDS = 120
"""Decisions wait behind those on all that other tests played."""
WAGER_CENTS = 5_000
SHOWN = "$10"
"""A wager of one of the five minutes that a machine's coin-in is the mean of."""
SHOWN_TWICE = "$20"
FLOOR = "**/v1/floor/live*"
BILL_CENTS = 2_000
SEATED_MS = 2_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


class Person:
    """Somebody who is signed in, and all that was sent to their page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[str] = []
        self.sockets: list[WebSocket] = []
        self._asked: list[Request] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("requestfinished", self._keep)
        page.on("websocket", self._listen)

    def _keep(self, request: Request) -> None:
        if "/v1/" in request.url:
            self._asked.append(request)

    def _listen(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", lambda frame: self.frames.append(str(frame)))

    def bodies(self) -> list[str]:
        """Of every answer of the API, and where it came from."""
        found = []
        for request in self._asked:
            answer = request.response()
            assert answer is not None
            found.append(f"{request.url} {'' if answer.status == 304 else answer.text()}")
        return found

    def look(self, where: str) -> None:
        """Go to a view of the page."""
        self.page.evaluate("where => { location.hash = where; }", f"#/{where}")

    def open_machine(self, asset_id: str) -> Locator:
        """The drawer of a machine."""
        self.look(f"machines?machine={asset_id}")
        expect(self.page.locator("#drawer-title")).to_contain_text(asset_id)
        return self.page.locator(".drawer")

    def ask(self, path: str) -> int:
        """The status of what the page's own token gets."""
        status: int = self.page.evaluate(
            """async path => {
                const { session } = await import('/session.js');
                const headers = { Authorization: `Bearer ${session.value.idToken}` };
                return (await fetch(path, { headers })).status;
            }""",
            path,
        )
        return status


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


@pytest.fixture(scope="module")
def house(stack: dict[str, str]) -> Iterator[House]:
    """One property for all of them; each test has machines and players of its own."""
    property_id = f"page-{uuid.uuid4().hex[:10]}"
    with ExitStack() as cleanup:
        cleanup.callback(forget, stack, property_id)
        made = House(
            property_id,
            cleanup.enter_context(measure.gateway(property_id)),
            cleanup.enter_context(measure.reader(property_id)),
        )
        # Before anybody sits down: that there is none is remembered for a while.
        keeper = cleanup.enter_context(offer_floor.host(property_id))
        offer_floor.apply_catalogue(keeper, CATALOGUE | {"property_id": property_id})
        yield made


type SignIn = Callable[..., Person]
"""Of a group, and where they are not to begin on the floor the page they begin on."""


@pytest.fixture(scope="module")
def person(browser: Browser, address: str, house: House) -> Iterator[SignIn]:
    """Somebody of a group, signed in once through the hosted page."""
    known: dict[str, Person] = {}
    names: list[str] = []

    def of(group: str, begin: str = "") -> Person:
        if group in known:
            return known[group]
        name = f"{group}-{uuid.uuid4().hex[:8]}"
        users.add(name, house.property_id, [group], PASSWORD)
        names.append(name)
        # Each has cookies of their own: the hosted page would sign in who signed in before.
        found = Person(browser.new_context(viewport=bench.SIZE).new_page())
        found.page.goto(f"{address}{begin}")
        found.page.click("#sign-in")
        found.page.fill("input[name=username]", name)
        found.page.fill("input[name=password]", PASSWORD)
        found.page.keyboard.press("Enter")
        if begin:
            found.page.wait_for_url(f"**/{begin}")
        else:
            is_live(found)
        known[group] = found
        return found

    yield of
    for one in known.values():
        one.page.context.close()
    cognito, pool = users._pool()
    for name in names:
        cognito.admin_delete_user(UserPoolId=pool, Username=name)


def is_live(person: Person) -> None:
    """Wait until the page says that it is."""
    word = person.page.locator("header").get_by_text("Live", exact=True)
    expect(word).to_be_visible(timeout=PATIENCE_MS)


def play(house: House, asset_id: str, player_id: str | None = None, bill_cents: int = 0) -> None:
    """Somebody plays a game now; their card stays in."""
    second = (now_ms() - 1_768_500_000_000) // 1_000 - 6
    events = house.game(asset_id, second, WAGER_CENTS)
    before: list[tuple[str, dict[str, Any]]] = []
    if bill_cents:
        before.append(("bill.accepted", {"amount_cents": bill_cents}))
    if player_id:
        before.append(("card.inserted", {}))
    for kind, data in before:
        more = {"player_id": player_id, "data": data}
        events.insert(1, house.envelope(asset_id, kind, second - 1, **more))
    answer = house.post(array(events))
    assert answer.status_code < 300, answer.text


def shows(drawer: Locator, text: str) -> None:
    expect(drawer).to_contain_text(text, timeout=PATIENCE_MS)


def test_somebody_signs_in_and_sees_play_as_it_happens(house: House, person: SignIn) -> None:
    host = person("host")
    drawer = host.open_machine("1940732")

    shows(drawer, "nothing was rated of it yet")

    play(house, "1940732")

    shows(drawer, SHOWN)
    expect(drawer).not_to_contain_text("nothing was rated", timeout=PATIENCE_MS)
    # Where the floor cannot be read again, the connection alone tells what changes.
    host.page.route(FLOOR, lambda route: route.abort())
    play(house, "1940732")
    shows(drawer, SHOWN_TWICE)
    host.page.unroute(FLOOR)
    host.look("floor")
    expect(host.page.locator(".floor-map canvas").first).to_be_visible()


def test_slot_operations_see_machines_and_nobody_who_plays(house: House, person: SignIn) -> None:
    host, slots = person("host"), person("slot-ops")
    secret = f"guest{uuid.uuid4().hex[:8]}"
    drawers = [one.open_machine("5093619") for one in (host, slots)]

    play(house, "5093619", secret)

    shows(drawers[0], secret)
    shows(drawers[1], "a card is in")
    # What is read when the machine is looked at again: its ledger says who played which game.
    for one, drawer in zip((host, slots), drawers, strict=True):
        one.look("floor")
        expect(drawer).to_have_count(0)
        one.look("machines?machine=5093619")
        expect(drawer.get_by_text("Game", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    for one, sees in ((host, True), (slots, False)):
        ledger, live = (
            [text for text in one.bodies() if f"/v1/{path}" in text]
            for path in ("machines/5093619/ledger", "floor/live")
        )
        frames = [text for text in one.frames if "5093619" in text]
        assert ledger
        assert live
        assert frames
        assert (secret in one.page.content()) is sees
        assert any(secret in text for text in ledger) is sees
        assert any(secret in text for text in frames) is sees
    assert not [text for text in slots.bodies() + slots.frames if secret in text]


def test_nobody_but_compliance_is_shown_the_bills_that_went_in(
    house: House, person: SignIn
) -> None:
    player_id = f"guest{uuid.uuid4().hex[:8]}"
    path = f"/v1/players/{player_id}/bill-ins"
    compliance, host = person("compliance"), person("host")
    drawer = compliance.open_machine("7300011")

    play(house, "7300011", player_id, BILL_CENTS)

    shows(drawer, SHOWN)
    for one in (compliance, host):
        one.look(f"players?player={player_id}")
        expect(one.page.locator("#drawer-title")).to_contain_text(player_id)
        shows(one.page.locator(".drawer"), "Sessions")
    bills = compliance.page.get_by_role("table", name="Bills in")
    expect(bills).to_contain_text(f"${BILL_CENTS // 100}", timeout=PATIENCE_MS)
    assert compliance.ask(path) == 200
    assert [one.ask(path) for one in (host, person("slot-ops"))] == [403, 403]
    assert host.page.get_by_text("Bills in").count() == 0
    assert not [text for text in host.bodies() if text.startswith(path)]


@pytest.fixture
def offers(house: House) -> Iterator[OfferHouse]:
    """One of the property's machines listens for offers."""
    with ExitStack() as cleanup:
        host = cleanup.enter_context(offer_floor.host(house.property_id))
        client = cleanup.enter_context(offer_floor.games(house.property_id))
        heard: list[Heard] = []
        games = cleanup.enter_context(Games(client, QUIET, on_heard=heard.append))
        signer = measure.signer_of(gateways.workbench_games(house.property_id))
        games.listen(endpoint.live_url(), signer.headers, ["7"])
        yield OfferHouse(house, host, client, games, heard)


@pytest.fixture
def offered(house: House, offers: OfferHouse) -> Iterator[str]:
    """Somebody who plays and is shown an offer, after which none is decided on."""
    before = len(offers.decisions())
    started = now_ms() - 60_000 + before * SEATED_MS  # after who sat there before
    player_id = player_of(house.property_id, started)
    offer_floor.admit(house.property_id, [player_id])
    offers.post(*offers.carded(player_id, started), *offers.game(player_id, started + 1_000))
    # The session's start is decided on, and the worth that the game adds; none comes later.
    both = measure.wait_until(lambda: len(offers.decisions()) == before + 2, DECIDED_WITHIN_SECONDS)
    assert both, offers.decisions()
    assert measure.wait_until(lambda: offers.shown() is not None, PATIENCE_MS / 1_000)
    yield player_id
    offers.post(offers.left(player_id, started + SEATED_MS))


def test_a_host_withholds_an_offer_and_it_is_gone_from_the_machine(
    offers: OfferHouse, offered: str, person: SignIn
) -> None:
    host = person("host")

    host.look("players")
    withhold = host.page.get_by_role("button", name=f"Withhold the offer from {offered}")
    withhold.click()
    host.page.fill("textarea[name=reason]", "They asked for none")
    host.page.get_by_role("button", name="Withhold", exact=True).click()

    offers.wait_for("offer.gone")
    assert offers.shown() is None
    expect(withhold).to_have_count(0, timeout=PATIENCE_MS)
    assert offers.reserved() == 0


def test_a_host_accepts_an_offer_for_a_player(
    offers: OfferHouse, offered: str, person: SignIn
) -> None:
    host = person("host")
    shown = offers.shown()
    assert shown is not None

    host.look("floor")
    host.look("players")  # which reads them now, and not when it is time again
    accept = host.page.get_by_role("button", name=f"Accept for {offered}")
    accept.click()
    host.page.get_by_role("button", name="Accept", exact=True).click()

    row = host.page.get_by_role("row").filter(has_text=offered)
    expect(row).to_contain_text("accepted", timeout=PATIENCE_MS)
    expect(accept).to_have_count(0)
    known = offers.seen_by_host(offered)
    (offer,) = [
        one for one in known["offers"] + known["past"] if one["offer_id"] == shown["offer_id"]
    ]
    assert [step["status"] for step in offer["steps"]] == ["decided", "delivered", "accepted"]
    assert offer["steps"][-1]["by"].startswith("host-")
    assert offers.answer(shown, "redeem") == 200


def test_a_host_acknowledges_an_alert_with_a_note(house: House, person: SignIn) -> None:
    host = person("host")
    second = (now_ms() - 1_768_500_000_000) // 1_000 - 2
    opened = house.envelope("6400012", "door.opened", second, data={"door": "slot"})
    assert house.post(array([opened])).status_code < 300

    host.look("alerts")
    host.page.get_by_role("button", name="Acknowledge: Door open at 6400012").click()
    host.page.fill("textarea[name=note]", "Ada is closing it")
    host.page.get_by_role("button", name="Acknowledge", exact=True).click()

    alert = host.page.get_by_role("listitem").filter(has_text="6400012")
    expect(alert).to_have_count(0, timeout=PATIENCE_MS)
    host.look("alerts?show=done")
    expect(alert).to_contain_text("by host-", timeout=PATIENCE_MS)
    expect(alert).to_contain_text("Ada is closing it")
    with measure.planner(house.property_id) as reader:
        known = reader.get("/v1/alerts").json()["alerts"]
    (kept,) = [one for one in known if one["asset_id"] == "6400012"]
    assert (kept["note"], kept["acknowledged_by"][:5]) == ("Ada is closing it", "host-")


def test_the_page_comes_back_after_it_lost_its_connection_and_its_server(
    stack: dict[str, str], aws: endpoint.Target, house: House, person: SignIn
) -> None:
    host = person("host")
    drawer = host.open_machine("8800001")
    opened = len(host.sockets)
    header = host.page.locator("header")

    page_commands.stop()
    _close_connections(stack, aws, house.property_id)
    expect(header.get_by_text("Reconnecting")).to_be_visible(timeout=PATIENCE_MS)
    play(house, "8800001")
    page_commands.start()

    shows(drawer, SHOWN)
    is_live(host)
    assert len(host.sockets) > opened
    # Not only what is read again: the connection tells what changes.
    drawer = host.open_machine("8800002")
    before = len(host.frames)
    play(house, "8800002")
    shows(drawer, SHOWN)
    assert any("8800002" in text for text in host.frames[before:])


CATCHES = {
    "key": "catches",
    "name": "Catches",
    "where": [{"field": "event_type", "is": "caught"}],
    "aggregate": "count",
    "window": {"kind": "sliding", "length": "2h", "every": "1h"},
    "dimensions": ["app_version"],
}
"""Two hours: what is sent now is in the newest window, whatever the time."""


def _play_a_game(property_id: str, stack: dict[str, str]) -> None:
    """Somebody is caught eight times here and four times there, half of it in a later version."""
    with endpoint.as_environment():
        region = endpoint.DEFAULT_REGION
        applications = DynamoApplications(stack["RegistryTableName"], region)
        applications.add(Application(property_id, "chase", now_ms()))
        metrics = DynamoMetrics(stack["MetricsTableName"], region)
        metrics.define(property_id, parse(CATCHES), now_ms() // 1_000)
    events = [
        {
            "event_id": f"catch-{n}",
            "event_timestamp": now_ms(),
            "event_type": "caught",
            "event_version": "1",
            "app_name": "chase",
            "app_version": f"1.{n % 2}",
            "client_id": f"player-{n}",
            "level_id": "house",
            "position_x": 10 if n < 8 else 90,
            "position_y": 20,
        }
        for n in range(12)
    ]
    with measure.studio(property_id) as studio:
        headers = {"Content-Type": "application/json"}
        answer = studio.send("POST", "/v1/game-events", json.dumps(events).encode(), headers)
    assert answer.status_code == 200, answer.text


def test_an_analyst_sees_what_a_game_measures_and_where_it_happens(
    stack: dict[str, str], address: str, house: House, person: SignIn
) -> None:
    _play_a_game(house.property_id, stack)

    page = person("analyst", "games.html").page

    catches = page.locator("[data-metric=catches] .metric-row")
    expect(catches).to_have_count(2, timeout=PATIENCE_MS)
    for row, version in zip(catches.all(), ("1.0", "1.1"), strict=True):
        expect(row).to_contain_text(version)
        expect(row.locator(".metric-value")).to_have_text("6")
    hot = page.get_by_role("row").filter(has_text="Hot")
    expect(hot).to_contain_text("the newest was found after")
    page.get_by_label("Event type").fill("caught")
    page.get_by_label("Level", exact=True).fill("house")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".level polygon")).to_have_count(2, timeout=PATIENCE_MS)
    rows = page.get_by_role("table", name="caught on house, by hexagon").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("66.67 %")
    expect(rows.nth(1)).to_contain_text("33.33 %")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert _violations(page) == [], scheme
    # It is shown to those who may read it.
    page.get_by_role("link", name="Floor").click()
    expect(page.get_by_role("link", name="Games", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    host = person("host")
    expect(host.page.get_by_role("link", name="Games", exact=True)).to_have_count(0)
    host.page.goto(f"{address}games.html")
    expect(host.page.get_by_text("Games are not shown to your groups")).to_be_visible()
    host.page.goto(address)
    is_live(host)


def _close_connections(stack: dict[str, str], aws: endpoint.Target, property_id: str) -> None:
    """End those of the people of a property, as API Gateway does."""
    with endpoint.as_environment():
        region = aws.region or endpoint.DEFAULT_REGION
        host = stack["LiveApiUrl"].replace("wss://", "https://")
        api = LiveApi(management_url(host, aws.endpoint), region)
        table = DynamoConnections(stack["ConnectionsTableName"], region)
        watching = table.watching(property_id, now_ms())
        assert watching
        for one in watching:
            api.close(one.connection_id)


@pytest.mark.parametrize("scheme", SCHEMES)
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
