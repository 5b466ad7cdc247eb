"""Cents overspent by 10,000 concurrent decisions with crashes: at players, offers and the property.

Deciders, each a container of its own, take changes of ratings from one queue, up to as many at once
as there are threads. A fifth of the changes comes twice. At random calls a decider dies, before the
request has left it or after it had its effect, and what it was about comes again; at others another
transaction is in its way. Of the offers half are declined, which gives back what was reserved for
them; what is left is what the caps are for, and they are small: every one of them is reached.

In memory it is DynamoDB by the rules of its reference (`workbench.proof.dynamodb`), with a thread
switch possible at every call; on the embedded stack it is that stack's DynamoDB, over HTTP.
"""

import json
import os
import random
import time
import uuid
from base64 import b64decode
from collections import Counter as Counts
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import batched
from threading import Lock
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from decide_offers.service import Became, DecideOffers
from pitboss.errors import TransientError
from pitboss.events.player import PlayerChanged
from pitboss.offers.budget import Counter, PlayerBudget, player_cap
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.deciding import Decided
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.offers.policy import is_held_out
from pitboss.stores.offers import INDEX, DynamoOffers, Outcome, Recorded
from pitboss.stores.ratings import DynamoRatings
from pitboss.stores.standings import DynamoStandings
from workbench import endpoint
from workbench.console import WorkbenchError, say
from workbench.proof import Killed
from workbench.proof.network import ENVIRONMENT, Call, Cancel, Fault
from workbench.proof.offers import (
    DAY,
    NOON,
    NORTH,
    OFFERS,
    RATINGS,
    STANDINGS,
    OffersFloor,
    catalogue,
    change,
    check,
    decider,
    offer,
)

DECISIONS = 10_000
ON_THE_STACK = 1_000
THREADS = 32
STEPS = 25
"""Changes of a player."""

CRASHES = 0.01
"""Of a decider's calls of DynamoDB: at each it dies, half of them after the effect."""

CONFLICTS = 0.02
"""Of transactions: another is in the way. In memory alone; the embedded stack has none."""

TWICE = 0.2
MAX_DELIVERIES = 50
DOLLAR = 1_000_000
"""In ten-thousandths of a cent."""


class Place(NamedTuple):
    """Where the tables are."""

    offers: DynamoOffers
    ratings: DynamoRatings
    standings: DynamoStandings
    items: Callable[[], list[dict[str, Any]]]
    """All of the table of offers."""


class Plan(NamedTuple):
    """Who plays, and what there is to offer."""

    catalogue: Catalogue
    worth: dict[str, int]
    """Theoretical win of each player today, in ten-thousandths of a cent."""
    changes: list[PlayerChanged]


class _Run:
    """The deciders' common queue and their tally."""

    def __init__(self, place: Place, plan: Plan, seed: int) -> None:
        chance = random.Random(seed)
        twice = [one for one in plan.changes if chance.random() < TWICE]
        waiting = [(one, 1) for one in [*plan.changes, *twice]]
        chance.shuffle(waiting)
        self.place = place
        self.waiting = deque(waiting)
        self.tally: Counts[str] = Counts()
        self.lock = Lock()
        self.seed = seed

    def count(self, name: str) -> None:
        with self.lock:
            self.tally[name] += 1

    def work(self, number: int) -> None:
        """One decider, and the player who answers it, until nothing waits."""
        chance = random.Random(f"{self.seed}/{number}")
        decide = decider(
            self.place.ratings,
            _Told(self.place.offers, self.count),  # type: ignore[arg-type]
            self.place.standings,
            lambda: NOON,
            None,
            [],
        )
        while True:
            try:
                which, delivery = self.waiting.popleft()
            except IndexError:
                return
            try:
                self._take(decide, which, chance)
            except (Killed, TransientError, ClientError, BotoCoreError) as fault:
                self.count("crashes" if isinstance(fault, Killed) else "given back")
                if delivery == MAX_DELIVERIES:
                    raise WorkbenchError(f"{which.change_id} was never decided") from fault
                self.waiting.append((which, delivery + 1))

    def _take(self, decide: DecideOffers, which: PlayerChanged, chance: random.Random) -> None:
        outcome = decide(which)
        if outcome.became is not Became.DECIDED:
            return
        # A player answers at once: whoever has an offer to answer is made no other.
        made = self.place.offers.offers(NORTH, which.player_id, newest=5)
        for one in made:
            if one.status is Status.DECIDED:
                delivered = self.place.offers.advance(one, Status.DELIVERED, NOON, "game")
                if delivered.outcome is Outcome.DONE:
                    to = chance.choice([Status.ACCEPTED, Status.DECLINED])
                    self.place.offers.advance(delivered.offer, to, NOON, "game")


class _Told:
    """A store that tells what became of each decision."""

    def __init__(self, offers: DynamoOffers, count: Callable[[str], None]) -> None:
        self._offers, self._count = offers, count

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the store's own
        return getattr(self._offers, name)

    def record(self, *what: Any) -> Recorded:
        recorded = self._offers.record(*what)
        self._count(recorded.value)
        return recorded


def plan(decisions: int, seed: int) -> Plan:
    """Players of different worth, and caps that are all too small for them."""
    chance = random.Random(seed)
    names = (f"p-{n}" for n in range(10 * decisions))
    players = [
        name for name, _ in zip(_offered(names), range(-(-decisions // STEPS)), strict=False)
    ]
    worth = {player: chance.randrange(20, 400) * DOLLAR for player in players}
    together = sum(player_cap(one, 3_000) for one in worth.values())
    of = catalogue(
        *(
            offer(
                f"offer-{n}",
                cost_cents=cost,
                daily_budget_cents=max(together // 12, cost) if n % 3 else None,
                per_day=max(decisions // 100, 1) if n % 3 == 0 else None,
            )
            for n, cost in enumerate((200, 300, 500, 500, 750, 1_000, 1_500, 2_000, 2_500, 4_000))
        ),
        daily_budget_cents=together // 2,
        per_player_day=1_000,
        exploration_basis_points=3_000,
    )
    changes = [
        change(player, str(1_001 + n), step)
        for n, player in enumerate(players)
        for step in range(STEPS)
    ]
    return Plan(of, worth, changes[:decisions])


def _offered(names: Iterator[str]) -> Iterator[str]:
    return (name for name in names if not is_held_out(NORTH, name, 500))


def in_memory(decisions: int = DECISIONS, threads: int = THREADS, seed: int = 1) -> dict[str, Any]:
    """Decide in the process."""
    planned = plan(decisions, seed)
    floor = _floor(planned)
    lock, send = Lock(), floor.network._send

    def one_at_a_time(request: Any) -> Any:  # noqa: ANN401 - as it is sent
        time.sleep(0)  # whoever else wants to may go first
        with lock:
            return send(request)

    floor.network._send = one_at_a_time  # type: ignore[method-assign]
    conflicts = random.Random(seed)

    def strike(call: Call) -> Fault | None:
        if call.operation == "TransactWriteItems" and conflicts.random() < CONFLICTS:
            return Cancel((conflicts.randrange(8),))
        return None

    with patch.dict(os.environ, ENVIRONMENT), floor.installed(with_clock=False):
        offers = DynamoOffers(
            OFFERS, STANDINGS, RATINGS, ENVIRONMENT["AWS_REGION"], lambda attempt: None
        )
        offers.apply_catalogue(planned.catalogue, NOON, "benchmark", None)
        floor.network.fault = strike
        place = Place(offers, floor.ratings, floor.standings, floor.offers_table.items)
        return _measure(place, planned, threads, seed) | {
            "transactions_in_the_way": floor.network.faults["Cancel"]
        }


def on_the_stack(
    decisions: int = ON_THE_STACK, threads: int = THREADS, seed: int = 1
) -> dict[str, Any]:
    """Decide on the running stack's DynamoDB, in tables of its own."""
    planned = plan(decisions, seed)
    floor = _floor(planned)
    where = endpoint.target()
    region = where.region or endpoint.DEFAULT_REGION
    with patch.dict(os.environ, where.variables()), _tables(floor) as names:
        offers = DynamoOffers(
            names[OFFERS], names[STANDINGS], names[RATINGS], region, lambda attempt: None
        )
        offers.apply_catalogue(planned.catalogue, NOON, "benchmark", None)
        place = Place(
            offers,
            DynamoRatings(names[RATINGS], region),
            DynamoStandings(names[STANDINGS], names[RATINGS], region),
            lambda: list(_scan(names[OFFERS])),
        )
        return _measure(place, planned, threads, seed)


def _floor(planned: Plan) -> OffersFloor:
    floor = OffersFloor()
    assets = {one.player_id: one.asset_id for one in planned.changes}
    for player, asset_id in assets.items():
        floor.welcome(player, asset_id, planned.worth[player])
    floor.complete_lists()
    return floor


def _measure(place: Place, planned: Plan, threads: int, seed: int) -> dict[str, Any]:
    run = _Run(place, planned, seed)
    with _crashes(place.offers, seed) as clear:
        started = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run.work, range(threads)))
        seconds = time.perf_counter() - started
        clear()
    items = place.items()
    check(items)
    decided = _of(items, "decision/", Decided)
    made = _of(items, "offer/", IssuedOffer)
    if len(decided) != len(planned.changes):
        raise WorkbenchError(f"{len(planned.changes)} changes, {len(decided)} decisions.")
    rows = _rows(items, planned)
    return {
        "decisions": len(decided),
        "threads": threads,
        "offers_made": len(made),
        "offers_declined": sum(one.status is Status.DECLINED for one in made),
        "crashes": run.tally["crashes"],
        "read_and_decided_again": run.tally[Recorded.MOVED] + run.tally[Recorded.GONE],
        "found_decided": run.tally[Recorded.KNOWN],
        "given_back_to_the_queue": run.tally["given back"],
        "seconds": round(seconds, 1),
        "overspent_cents": sum(row["overspent"] for row in rows),
        "rows": rows,
    }


def _of[Kind](items: Sequence[dict[str, Any]], kind: str, of: type[Kind]) -> list[Kind]:
    return [
        msgspec.json.decode(item["body"]["S"], type=of)
        for item in items
        if item["sk"]["S"].startswith(kind) and "/player/" in item["pk"]["S"]
    ]


def _rows(items: Sequence[dict[str, Any]], planned: Plan) -> list[dict[str, Any]]:
    """What is reserved at each kind of cap, and how much of it is too much."""
    house = planned.catalogue.house
    of_property = Counter()
    of_offers: dict[str, Counter] = {}
    players: dict[str, int] = {}
    for item in items:
        owner, sk = item["pk"]["S"].split("/")[1:], item["sk"]["S"]
        if owner[0] == "budget":
            found = Counter(int(item["reserved"]["N"]), int(item["made"]["N"]))
            if sk == "property":
                of_property = found
            else:
                of_offers[sk.partition("/")[2]] = found
        elif owner[0] == "player" and sk == "budget":
            record = msgspec.json.decode(item["body"]["S"], type=PlayerBudget)
            players[owner[1]] = record.reserved(DAY, house.player_window_days)
    budgets = [
        (of_offers.get(one.code, Counter()).reserved_cents, one.daily_budget_cents)
        for one in planned.catalogue.offers
        if one.daily_budget_cents is not None
    ]
    times = [
        (of_offers.get(one.code, Counter()).made, one.per_day)
        for one in planned.catalogue.offers
        if one.per_day is not None
    ]
    share = house.player_share_basis_points
    of_players = [
        (cents, player_cap(planned.worth[player], share)) for player, cents in players.items()
    ]
    return [
        _row("property, cents", [(of_property.reserved_cents, house.daily_budget_cents)]),
        _row("offers, cents", budgets),
        _row("players, cents", of_players),
        _row("offers, times", times),
    ]


def _row(level: str, found: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "cap": level,
        "caps": len(found),
        "reserved": sum(reserved for reserved, _ in found),
        "allowed": sum(cap for _, cap in found),
        "fullest_percent": round(max(100 * reserved / cap for reserved, cap in found if cap), 1),
        "overspent": sum(max(reserved - cap, 0) for reserved, cap in found),
    }


@contextmanager
def _crashes(offers: DynamoOffers, seed: int) -> Iterator[Callable[[], None]]:
    """At random calls of the store whoever makes it dies; until it is told to be clear."""
    chance, lock = random.Random(seed), Lock()
    events = offers._client.meta.events
    is_on = [True]

    def die(**_: object) -> None:
        with lock:
            dies = is_on[0] and chance.random() < CRASHES / 2
        if dies:
            raise Killed

    names = ("before-call.dynamodb", "after-call.dynamodb")
    for name in names:
        events.register(name, die)
    try:
        yield lambda: is_on.__setitem__(0, False)
    finally:
        for name in names:
            events.unregister(name, die)


@contextmanager
def _tables(floor: OffersFloor) -> Iterator[dict[str, str]]:
    """The floor's tables on the stack; their names there."""
    client = endpoint.client("dynamodb")
    run = uuid.uuid4().hex[:8]
    names = {name: f"overspend-{run}-{name}" for name in (OFFERS, STANDINGS, RATINGS)}
    try:
        for name, there in names.items():
            keys = ("pk", "sk", *(("list", "place") if name == OFFERS else ()))
            more: dict[str, Any] = {}
            if name == OFFERS:
                index = {"KeySchema": _schema("list", "place"), "IndexName": INDEX}
                more["GlobalSecondaryIndexes"] = [index | {"Projection": {"ProjectionType": "ALL"}}]
            client.create_table(
                TableName=there,
                KeySchema=_schema("pk", "sk"),
                AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
                BillingMode="PAY_PER_REQUEST",
                **more,
            )
            for some in batched(floor.network.dynamodb.tables[name].items(), 25, strict=False):
                puts = [{"PutRequest": {"Item": _sent(item)}} for item in some]
                client.batch_write_item(RequestItems={there: puts})
        yield names
    finally:
        for there in names.values():
            client.delete_table(TableName=there)


def _schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]


def _sent(item: dict[str, Any]) -> dict[str, Any]:
    """An item as botocore takes it: bytes, where they are base64 on the wire."""
    return {
        name: {"B": b64decode(value["B"])} if "B" in value else value
        for name, value in item.items()
    }


def _scan(table: str) -> Iterator[dict[str, Any]]:
    pages = endpoint.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def run() -> dict[str, Any]:
    """Overspend at each cap, in memory and on the embedded stack."""
    say(f"{DECISIONS:,} decisions in memory ...")
    memory = in_memory()
    say(f"{ON_THE_STACK:,} decisions on the stack ...")
    stack = on_the_stack()
    facts = {
        f"{where}_{name}": value
        for where, found in (("in_memory", memory), ("on_the_stack", stack))
        for name, value in found.items()
        if name != "rows"
    }
    return {
        "figure": "cents overspent by concurrent decisions with crashes",
        "goal": "0 cents",
        **facts,
        "rows": [
            {"where": where, **row}
            for where, found in (("in memory", memory), ("embedded stack", stack))
            for row in found["rows"]
        ],
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
