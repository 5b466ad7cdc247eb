"""`python -m benchmarks.screenshots [floor] [games]`: the pictures of the live page in docs/.

Of the real page on the real stack. `floor`, light and dark: a simulated floor of `MACHINES`
machines, with a plan and with offers, is played through the front door from some minutes ago on,
and goes on live while a host looks at it, signed in through the hosted pages. `games`: a small game
(`benchmarks.haunted_house`) is sent through the front door, and an analyst looks at it.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Literal

import yaml
from playwright.sync_api import ViewportSize

from benchmarks import haunted_house
from benchmarks.browser import signed_in, tab
from workbench import endpoint, gateways, measure, offer_floor, page, stack
from workbench import plan as floor_plans
from workbench.client import PitbossClient
from workbench.console import WorkbenchError, say, step
from workbench.demo_offers import CATALOGUE, of_floor
from workbench.event_files import FileFormat
from workbench.games import Games, Player
from workbench.paths import ROOT
from workbench.simulation import Floor, FloorPlan
from workbench.simulation.packets import packet_line

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PROPERTY = "riverside"
MACHINES, PLAYERS, MINUTES = 120, 100, 60
PLAYED_MINUTES = 6
"""Before the host looks: more than what is shown is the mean of."""
STUDIO = "studio"
GAMES_SIZE: ViewportSize = {"width": 1440, "height": 1590}
"""The whole of a map, as on a tall screen."""
EVENTS_A_POST = 500
CATCH_UP_SECONDS = 300
LOOK_SECONDS = 20
"""From the first look to the first picture: a line of coin-in has some length then."""


def main() -> None:
    """Write those that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screenshots")
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(PAGES)}; default all")
    asked = parser.parse_args().pages or list(PAGES)
    if unknown := set(asked) - set(PAGES):
        parser.error(f"no page is called {', '.join(sorted(unknown))}")
    stack.ensure_up()
    for name in asked:
        PAGES[name]()


def draw_games() -> None:
    """The page of games."""
    property_id = f"{STUDIO}-{int(time.time())}"
    haunted_house.register(property_id)
    with step("sending what a small game says"):
        haunted_house.send(property_id)
    asked = "#application=chase&type=caught&level=house&show=player"
    with (
        tab(color_scheme=SCHEMES[0]) as open_tab,
        signed_in(
            open_tab,
            f"{page.start()}games.html{asked}",
            property_id,
            "analyst",
            lambda shown: shown.page.get_by_text("all there are").wait_for(timeout=120_000),
        ),
    ):
        time.sleep(LOOK_SECONDS)
        open_tab.page.set_viewport_size(GAMES_SIZE)
        time.sleep(1)
        path = ROOT / "docs" / "games-light.png"
        open_tab.page.screenshot(path=path, animations="disabled")
        say(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size // 1000} kB")


def draw_floor() -> None:
    """The floor, light and dark.

    Raises:
        WorkbenchError: the floor does not catch up with the clock.
    """
    now = time.time_ns() // 1_000_000
    started = now - PLAYED_MINUTES * 60_000
    floor = Floor(FloorPlan(MACHINES, PLAYERS, MINUTES, 8, started, PROPERTY))
    assets = [machine.asset_id for machine in floor.machines]
    with ExitStack() as opened:
        sender = opened.enter_context(measure.gateway(PROPERTY))
        host = opened.enter_context(offer_floor.host(PROPERTY))
        floor_plans.leave(PROPERTY, assets)
        catalogue = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
        offer_floor.apply_catalogue(host, of_floor(catalogue, floor))
        offer_floor.admit(PROPERTY, floor.player_ids)
        client = opened.enter_context(offer_floor.games(PROPERTY))
        games = opened.enter_context(Games(client, Player(1, think_seconds=(5.0, 60.0))))
        signer = measure.signer_of(gateways.workbench_games(PROPERTY))
        games.listen(endpoint.live_url(), signer.headers, assets)
        is_live = opened.enter_context(_playing(floor, sender))
        with step(f"playing {PLAYED_MINUTES} minutes of {MACHINES} machines"):
            if not is_live.wait(CATCH_UP_SECONDS):
                raise WorkbenchError(
                    "Play does not catch up with the clock: try a quieter machine."
                )
        open_tab = opened.enter_context(tab(color_scheme=SCHEMES[0]))
        opened.enter_context(signed_in(open_tab, page.start(), PROPERTY))
        time.sleep(LOOK_SECONDS)
        for scheme in SCHEMES:
            path = ROOT / "docs" / f"page-{scheme}.png"
            open_tab.page.emulate_media(color_scheme=scheme)
            time.sleep(1)  # what comes next is drawn in these colours
            open_tab.page.screenshot(path=path, animations="disabled")
            say(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size // 1000} kB")


PAGES = {"floor": draw_floor, "games": draw_games}


@contextmanager
def _playing(floor: Floor, sender: PitbossClient) -> Iterator[threading.Event]:
    """A floor that plays; set once what is sent is what happens now."""
    is_live, over = threading.Event(), threading.Event()

    def play() -> None:
        batch: list[bytes] = []
        for event, following in pairwise(floor.events()):
            batch.append(packet_line(event))
            ahead = following.cache_time / 1_000 - time.time()
            if ahead <= 0 and len(batch) < EVENTS_A_POST:
                continue
            sender.post_events(b"\n".join(batch), FileFormat.ACRES_SAS.content_type)
            batch = []
            if ahead > 0:
                is_live.set()
                # Gathered for a while, as a gateway does.
                ahead = max(ahead, 0.25)
            if over.wait(max(0.0, ahead)):
                return

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield is_live
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()
