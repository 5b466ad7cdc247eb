"""What keeping games' events searchable costs: write units of a thousand events, by how it is done.

A game's clients send an event every few seconds, of 20 types in 20 levels, as a server passes them
on or as installs post them. `index_events` keeps them in DynamoDB in memory, which counts write
units by its rules, a batch a second as Kinesis hands them on. Beside it what an item for each event
would take, with an index by type and one by level. The first `WARM_UP_SECONDS` count for nothing;
what is counted begins and ends with a minute, for lists are written by the minute.
"""

import os
import random
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from index_events.service import IndexEvents
from pitboss.events.batch import BatchHeader
from pitboss.games.events import GameEvent
from pitboss.stores.recent_events import DynamoRecentEvents
from workbench.console import say
from workbench.proof.clock import Clock
from workbench.proof.dynamodb import WRITE_UNIT_BYTES, item_bytes
from workbench.proof.network import ENVIRONMENT, Network

WARM_UP_SECONDS = 60
SECONDS = 120
TYPES, LEVELS = 20, 20
SECONDS_AN_EVENT = 5
"""Of one client."""

START = 1_767_225_600_000
"""A full hour."""


class Load(NamedTuple):
    """What comes."""

    name: str
    events_per_second: int
    late_ms: int = 1_000
    """An event occurred at most so long before it is received."""


LOADS = (
    Load("10 a second", 10),
    Load("100 a second", 100),
    Load("1,000 a second", 1_000),
    Load("4,000 a second", 4_000),
    Load("1,000 a second, of the last 6 hours", 1_000, 6 * 3_600_000),
)


def run() -> dict[str, Any]:
    """Write units of a thousand events."""
    return {
        "figure": "keeping games' events searchable, write units of 1,000 events",
        "ways": [_row(load) for load in LOADS],
    }


def _row(load: Load) -> dict[str, Any]:
    say(f"indexing {load.name} ...")
    chance = random.Random(1)
    clock = Clock(START, random.Random(1))
    network = Network(clock)
    network.dynamodb.create_table("recent", "pk", "sk")
    units = network.dynamodb.units
    events = written = lists = naive = 0
    with patch.dict(os.environ, ENVIRONMENT), clock.installed(), network.installed():
        store = DynamoRecentEvents("recent", "us-east-1")
        applications = SimpleNamespace(find=lambda *_: None)
        index = IndexEvents(store, applications, lambda: clock.now_ms, print)
        for second in range(WARM_UP_SECONDS + SECONDS):
            clock.advance(START + second * 1_000 - clock.now_ms)
            some = [_event(load, chance, clock.now_ms) for _ in range(load.events_per_second)]
            before = sum(units.values())
            header = BatchHeader("studio", "space-race", clock.now_ms, "server", "studio")
            outcome = index([(header, some)])
            if second < WARM_UP_SECONDS:
                continue
            events += len(some)
            written += round(sum(units.values()) - before)
            lists += outcome.places
            naive += sum(3 * -(-_item_bytes(one) // WRITE_UNIT_BYTES) for one in some)

    def of_a_thousand(count: int) -> float:
        return round(1_000 * count / events, 1)

    return {
        "events": load.name,
        "an_item_for_each_and_two_indexes": of_a_thousand(naive),
        "blocks_and_lists": of_a_thousand(written),
        "of_them_lists": of_a_thousand(lists),
        "times_fewer": round(naive / written, 1),
    }


def _event(load: Load, chance: random.Random, now: int) -> GameEvent:
    player = chance.randrange(load.events_per_second * SECONDS_AN_EVENT)
    x, y = round(chance.uniform(0, 500), 1), round(chance.uniform(0, 500), 1)
    data = b'{"caught_by":"meteor","health":%d,"mode":"hard","weapon":"w-%d","score":%d}' % (
        chance.randrange(100),
        chance.randrange(30),
        chance.randrange(100_000),
    )
    return GameEvent(
        f"{chance.getrandbits(64):016x}",
        now - chance.randrange(load.late_ms),
        f"type_{chance.randrange(TYPES)}",
        "1.0",
        "2.4.1",
        f"player-{player}",
        f"level-{chance.randrange(LEVELS)}",
        x,
        y,
        data,
        True,
    )


def _item_bytes(event: GameEvent) -> int:
    text = {
        "pk": f"studio/space-race/{event.player_id}",
        "sk": f"{event.occurred_at:015d}/{event.event_id}",
        "by_type": f"studio/space-race/{event.event_type}",
        "by_level": f"studio/space-race/{event.level_id}",
        "event_version": event.event_version,
        "app_version": event.app_version,
    }
    item: dict[str, Any] = {name: {"S": value} for name, value in text.items()}
    numbers = {"x": event.x, "y": event.y, "received_at": event.occurred_at, "expires": START}
    item |= {name: {"N": str(value)} for name, value in numbers.items()}
    return item_bytes(item | {"data": {"S": event.data.decode()}})
