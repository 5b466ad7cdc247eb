"""`python -m benchmarks.floor_mock [--machines N] [--rate N] [--port N]`: serve a floor."""

import argparse

from aiohttp import web

from benchmarks.floor_mock.server import FrontDoor
from benchmarks.floor_mock.world import World


def main() -> None:
    """Serve until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor_mock", description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--rate", type=float, default=250, help="events a second; default 250")
    parser.add_argument("--port", type=int, default=8440)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--events-per-game", type=float, default=15)
    parser.add_argument("--push-every", type=float, default=0.5, help="seconds; default 0.5")
    parser.add_argument("--no-push", action="store_true", help="start with nothing changing")
    asked = parser.parse_args()
    world = World(asked.machines, asked.rate, asked.seed, asked.events_per_game)
    door = FrontDoor(world, port=asked.port)
    door.push_every = asked.push_every
    door.is_moving = not asked.no_push
    print(f"http://127.0.0.1:{asked.port}/ (a group signs in without a click at /?group=admin)")
    web.run_app(door.app(), host="127.0.0.1", port=asked.port, print=lambda *_: None)


if __name__ == "__main__":
    main()
