"""Clients of the live floor: from a row's write to its arrival, with 200 of them connected.

People sign in to the running stack and open WebSockets as pages do. Meanwhile blocks of machines
are written as a floor of 200 machines near 250 events a second has them written: a row carries when
its write began, and each client measures how old it is when it arrives. It is done twice: with
clients that all read, and with one more among them that never does.
"""

import asyncio
import random
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from pitboss.access import Group
from pitboss.floor.documents import FloorChanged
from pitboss.floor.rows import MINUTE_MS, MachineSums, block_of
from pitboss.stores.floor import Block, BlockKind, DynamoFloor
from tests.signing_in import signed_in
from workbench import endpoint, users
from workbench.console import say

CLIENTS = 200
A_PERSON = 20
"""Connections of one person: no more are let in."""

MACHINES = 200
WRITES_A_SECOND = 4
"""`rate_players` stores a floor's changes in a few flushes a second."""

CHANGED_AT_ONCE = 10
"""Machines of a flush: at 250 events a second some 40 games end, at 40 machines."""

GOAL_MS = 1_000

_message = msgspec.json.Decoder(FloorChanged)


def run(seconds: int) -> dict[str, Any]:
    """The figure; `seconds` is how long each of the two loads lasts."""
    with _property() as (property_id, tokens), endpoint.as_environment():
        floor = DynamoFloor(endpoint.stack_outputs()["FloorTableName"], "us-east-1")
        rows = []
        for deaf in (0, 1):
            say(f"{CLIENTS} clients, and {deaf} that never read ...")
            ages, pushes = asyncio.run(_heard(floor, property_id, tokens, deaf, seconds))
            rows.append(
                {
                    "clients": CLIENTS,
                    "never_read": deaf,
                    "rows": len(ages),
                    "pushes_a_second_and_client": round(pushes / CLIENTS / seconds, 2),
                    **{f"p{p}_ms": round(_percentile(ages, p)) for p in (50, 95, 99)},
                }
            )
    alone, beside = (row["p95_ms"] for row in rows)
    return {
        "figure": "live_clients",
        "goal_p95_ms": GOAL_MS,
        "p95_ms": alone,
        "p95_beside_a_slow_client_ms": beside,
        "ratio": round(beside / alone, 2),
        "loads": rows,
    }


async def _heard(
    floor: DynamoFloor, property_id: str, tokens: list[str], deaf: int, seconds: int
) -> tuple[list[float], int]:
    """How old rows were when they arrived, in ms, and messages that did."""
    ages: list[float] = []
    pushes = 0
    url = endpoint.live_url()

    async def opened(token: str) -> ClientConnection:
        offered = [Subprotocol("pitboss.v1"), Subprotocol(token)]
        return await connect(url, subprotocols=offered, open_timeout=60, ping_interval=None)

    async def listen(client: ClientConnection) -> None:
        nonlocal pushes
        async for told in client:
            arrived = time.time() * 1_000
            pushes += 1
            ages.extend(arrived - row.changed_at for row in _message.decode(told).sums)

    clients = [await opened(tokens[n // A_PERSON]) for n in range(CLIENTS + deaf)]
    for client in clients[CLIENTS:]:
        client.transport.pause_reading()
    listening = [asyncio.create_task(listen(client)) for client in clients[:CLIENTS]]
    stop = threading.Event()
    writing = asyncio.to_thread(_write, floor, property_id, stop)
    task = asyncio.create_task(writing)
    await asyncio.sleep(3)  # the function's processes are there by then
    ages.clear()
    pushes = 0
    await asyncio.sleep(seconds)
    found = list(ages), pushes
    stop.set()
    await task
    for client in clients[CLIENTS:]:
        client.transport.abort()
    for one in listening:
        one.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await asyncio.gather(*(client.close() for client in clients[:CLIENTS]))
    return found


def _write(floor: DynamoFloor, property_id: str, stop: threading.Event) -> None:
    """Write some machines' blocks, again and again, until told to stop."""
    chance = random.Random(1)
    machines = [str(1_000 + n) for n in range(MACHINES)]
    numbers = {asset: block_of(asset) for asset in machines}
    blocks = floor.sums(property_id, set(numbers.values()))
    rows = {number: dict(block.rows) for number, block in blocks.items()}
    versions = {number: block.version for number, block in blocks.items()}
    following = time.monotonic()
    while not stop.is_set():
        now = time.time_ns() // 1_000_000
        changed: set[int] = set()
        for asset in chance.sample(machines, CHANGED_AT_ONCE):
            number = numbers[asset]
            rows[number][asset] = _row(asset, now, chance)
            changed.add(number)
        for number in changed:
            versions[number] += 1
        floor.replace_blocks(
            property_id,
            BlockKind.SUMS,
            {number: Block(versions[number], rows[number]) for number in changed},
        )
        following += 1 / WRITES_A_SECOND
        stop.wait(max(following - time.monotonic(), 0))


def _row(asset: str, now: int, chance: random.Random) -> MachineSums:
    cents = chance.randrange(1, 1_000) * 5
    return MachineSums(
        *(asset, now, "2026-01-31", cents // 5, cents, cents // 2, cents * 850, 0, 0, 0, 0, 850),
        *(now, now // MINUTE_MS, [cents, 0, 0, 0, 0], f"p-{asset}", now - 60_000, None, True),
    )


@contextmanager
def _property() -> Iterator[tuple[str, list[str]]]:
    """A property that nobody else has, and tokens of people who may see its players."""
    property_id = f"live-{uuid.uuid4().hex[:8]}"
    with ExitStack() as cleanup, endpoint.as_environment():
        pool = endpoint.stack_outputs()["UserPoolId"]
        tokens = []
        for n in range(CLIENTS // A_PERSON + 1):
            name, password = f"{property_id}-{n}", users.new_password()
            users.add(name, property_id, [Group.HOST], password)
            cognito = endpoint.client("cognito-idp")
            cleanup.callback(cognito.admin_delete_user, UserPoolId=pool, Username=name)
            tokens.append(signed_in(name, password).id_token)
        yield property_id, tokens


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
