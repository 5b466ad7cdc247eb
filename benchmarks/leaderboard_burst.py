"""200,000 leaderboard updates in a burst: what is lost, what is there twice, and at what rate.

Each update is an event of its own, one in twenty comes twice. The board is a sum, so each score is
marked in the transaction that adds it: two items an update, the most that any board costs. At the
end every player's sum is held against a recount of what was sent, and what each was given against
the milestones.

In memory (`workbench.proof`) all 200,000 go through the services of `publish_scores` and
`keep_scores`, with as many writers as the template has, each with a clock of its own: messages come
in any order, some twice, and one call in a hundred fails: refused, lost after its effect, or with
the end of its writer. What the table is asked for is counted second by second. On the stack fewer
go the whole way: front door, stream, SNS, SQS, DynamoDB. Its DynamoDB has no rate of its own, and
takes a small part of what the rate lets in.
"""

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from keep_scores.service import keep_scores
from pitboss.access import Action, Kind, Principal
from pitboss.errors import TransientError
from pitboss.events.batch import BatchHeader
from pitboss.games.applications import Application, Category
from pitboss.games.events import GameEvent
from pitboss.games.leaderboards import ALL_TIME, Best, Board, Milestone, Scores
from pitboss.gaming_day import GamingDay
from pitboss.pacing import Pace
from pitboss.stores.leaderboards import BoardOf, DynamoLeaderboards, DynamoScores
from pitboss.stores.marked import MAX_ACTIONS, UNITS_A_WRITE, MarkedItems
from pitboss.stores.topic import Message
from publish_scores.service import boards_of, publish_scores
from tests.fakes.network import make_scores_table
from workbench import apps, endpoint, gateways
from workbench.client import PitbossClient
from workbench.console import WorkbenchError, say
from workbench.proof import Killed
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Call, Fault, Kill, Lose, Network, Refuse
from workbench.signing import Signer

UPDATES = 200_000
ON_THE_STACK = 5_000
EVENTS_A_POST = 500
MESSAGES_A_BATCH = 10
TWICE = 20
"""One post, and one message, in so many comes twice."""

FAULTS = 0.01
"""Of the calls of DynamoDB."""

FAULT_KINDS: Mapping[str, Fault] = {
    "refused": Refuse("ThrottlingException"),
    "lost": Lose(effect=True),
    "killed before": Kill(),
    "killed after": Kill(after=True),
}

SAID_EVERY = 250
"""Messages, while they are brought in."""

WRITE_UNITS, WRITERS = 4_000, 10
"""Of the template: what the table takes a second, and the invocations that share it."""

SENDERS = 4
DEADLINE_SECONDS = 1_800
NOW = 1_767_225_600_000
BOARD = Board(
    "points",
    "level_finished",
    Best.SUM,
    "points",
    milestones=(Milestone("some", 20, "coat"), Milestone("many", 40, "badge")),
)


class Plan(NamedTuple):
    """Who scores what, update by update."""

    players: list[str]
    points: list[int]

    @property
    def wanted(self) -> Counter[str]:
        """Every player's sum."""
        found = Counter[str]()
        for player, points in zip(self.players, self.points, strict=True):
            found[player] += points
        return found


def run() -> dict[str, Any]:
    """Both, side by side.

    Raises:
        WorkbenchError: some are lost or there twice, or it takes too long.
    """
    return {
        "figure": f"{UPDATES:,} leaderboard updates in a burst",
        "write_units_a_second_at_most": WRITE_UNITS,
        "rows": [in_memory(UPDATES), on_the_stack(ON_THE_STACK)],
    }


def planned(updates: int) -> Plan:
    """Ten updates a player on average, of one to five points."""
    chance = random.Random(1)
    players = [f"p-{chance.randrange(max(updates // 10, 1))}" for _ in range(updates)]
    return Plan(players, [chance.randrange(1, 6) for _ in range(updates)])


# --- in memory ------------------------------------------------------------------------------------


class _Kept:
    """A topic whose messages are looked at."""

    def __init__(self) -> None:
        self.messages: list[Scores] = []

    def publish(self, messages: Sequence[Message]) -> None:
        self.messages += [msgspec.json.decode(one.body, type=Scores) for one in messages]


class _Writer:
    """One invocation of `keep_scores` after the other, with a clock of its own."""

    def __init__(self, spent: Counter[int], client: Any) -> None:  # noqa: ANN401
        self.now = 0.0
        pace = Pace(WRITE_UNITS // WRITERS, lambda: self.now, self._sleep)

        def take(units: int) -> None:
            pace.take(units)
            spent[int(self.now)] += units

        self.scores = DynamoScores(MarkedItems("scores", "us-east-1", take, client=client))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def in_memory(updates: int) -> dict[str, Any]:
    """All of them, with faults."""
    plan, chance = planned(updates), random.Random(2)
    spent, faults = Counter[int](), Counter[str]()

    def fault(_: Call) -> Fault | None:
        if chance.random() >= FAULTS:
            return None
        kind = chance.choice([*FAULT_KINDS])
        faults[kind] += 1
        return FAULT_KINDS[kind]

    clock = Clock(NOW, random.Random(1))
    network = Network(clock)
    make_scores_table(network)
    with patch.dict("os.environ", ENVIRONMENT), clock.installed(), network.installed():
        items = MarkedItems("scores", "us-east-1")
        writers = [_Writer(spent, items.client) for _ in range(WRITERS)]
        waiting = _messages(plan)
        again = chance.sample(waiting, len(waiting) // TWICE)
        waiting += again
        chance.shuffle(waiting)
        messages = len(waiting)
        network.fault = fault
        came_again, told = 0, messages
        while waiting:
            if told - len(waiting) >= SAID_EVERY:
                told = len(waiting)
                say(f"{told:,} of {messages:,} messages wait; {faults.total()} calls failed")
            writer = min(writers, key=lambda one: one.now)
            batch = [waiting.pop() for _ in range(min(MESSAGES_A_BATCH, len(waiting)))]
            try:
                keep_scores(batch, writer.scores, lambda: NOW, lambda _: None)
            except (TransientError, BotoCoreError, ClientError, Killed):
                came_again += len(batch)
                waiting[:0] = batch
        network.fault = None
        board = BoardOf("north", "race", BOARD.board, ALL_TIME, BOARD.best)
        found = _found(DynamoLeaderboards(items), board, plan)
        counted = _counted(items, "north")
    seconds = max(writer.now for writer in writers)
    most = max(spent.values())
    if most > WRITE_UNITS + WRITERS * MAX_ACTIONS * UNITS_A_WRITE:
        raise WorkbenchError(f"{most} write units in a second are more than the rate")
    if updates >= UPDATES and len(faults) < len(FAULT_KINDS):
        raise WorkbenchError(f"Only these faults were injected: {dict(faults)}")
    return {
        "where": "in memory, with faults",
        "updates": updates,
        **_checked(plan, found, counted),
        "sent_again": len(again),
        "of_messages": messages - len(again),
        "given_back": came_again,
        "faults": ", ".join(f"{count} {kind}" for kind, count in sorted(faults.items())),
        "seconds": round(seconds, 1),
        "write_units_a_second": round(sum(spent.values()) / seconds),
        "in_the_busiest_second": most,
    }


def _messages(plan: Plan) -> list[Scores]:
    """What `publish_scores` makes of the updates, as records of posts bring them."""
    race = Application("north", "race", 1, boards={BOARD.board: BOARD})
    events = [
        GameEvent(
            f"e-{n}",
            NOW + n // 100,
            BOARD.event_type,
            *("1", "", player, None, None, None),
            b'{"points":%d}' % points,
            True,
        )
        for n, (player, points) in enumerate(zip(plan.players, plan.points, strict=True))
    ]
    topic = _Kept()

    class Registered:
        def find(self, *_: str) -> Any:  # noqa: ANN401
            return boards_of(race)

    records = [
        (BatchHeader("north", "race", NOW, "server", "studio"), events[n : n + EVENTS_A_POST])
        for n in range(0, len(events), EVENTS_A_POST)
    ]
    publish_scores(records, Registered(), topic, lambda _: GamingDay.parse("UTC@06:00"))
    return topic.messages


# --- on the stack ---------------------------------------------------------------------------------


def on_the_stack(updates: int) -> dict[str, Any]:
    """Some of them, the whole way."""
    property_id = f"burst-{uuid.uuid4().hex[:8]}"
    board = BoardOf(property_id, "race", BOARD.board, ALL_TIME, BOARD.best)
    _register(property_id)
    plan = planned(updates)
    items = MarkedItems(
        endpoint.stack_outputs()["ScoresTableName"], "", client=endpoint.client("dynamodb")
    )
    boards = DynamoLeaderboards(items)
    began = time.monotonic()
    posts = _post(property_id, plan)
    wanted = plan.wanted.total()
    kept = -1
    while kept < wanted and time.monotonic() - began < DEADLINE_SECONDS:
        time.sleep(1)
        found = _found(boards, board, plan)
        if kept != sum(found.values()):
            kept = sum(found.values())
            say(f"{kept:,} of {wanted:,} points are on the board")
    seconds = time.monotonic() - began
    counted = _counted(items, property_id)
    units = UNITS_A_WRITE * (counted["marks"] + counted["versions"] + counted["entitlements"])
    return {
        "where": "on the embedded stack",
        "updates": updates,
        **_checked(plan, found, counted),
        "sent_again": posts - updates // EVENTS_A_POST,
        "of_messages": updates // EVENTS_A_POST,
        "given_back": "",
        "faults": "none",
        "seconds": round(seconds, 1),
        "write_units_a_second": round(units / seconds),
        "in_the_busiest_second": "",
    }


def _found(boards: DynamoLeaderboards, board: BoardOf, plan: Plan) -> dict[str, int]:
    """Every player's sum on the board."""
    return {one.player_id: one.value for one in boards.top(board, len(plan.players))}


def _checked(plan: Plan, found: dict[str, int], counted: Counter[str]) -> dict[str, int]:
    """What is lost and what is there twice.

    Raises:
        WorkbenchError: anything is.
    """
    wanted = plan.wanted
    due = sum(value >= one.at for value in wanted.values() for one in BOARD.milestones)
    figures = {
        "lost": len(plan.players) - counted["marks"],
        "wrong_sums": sum(found.get(one) != wanted[one] for one in wanted | found),
        "entitlements": counted["entitlements"],
        "entitlements_due": due,
    }
    if figures["lost"] or figures["wrong_sums"] or figures["entitlements"] != due:
        raise WorkbenchError(f"The burst was not kept exactly once: {json.dumps(figures)}")
    return figures


def _register(property_id: str) -> None:
    categories = {BOARD.event_type: Category.GAMEPLAY}
    apps.store().add(
        Application(property_id, "race", 1, categories=categories, boards={BOARD.board: BOARD})
    )


def _post(property_id: str, plan: Plan) -> int:
    """Post all of them; how many posts it took."""
    players, points = plan
    now = time.time_ns() // 1_000_000
    bodies = []
    for first in range(0, len(players), EVENTS_A_POST):
        events = [
            {
                "event_version": "1",
                "event_id": f"e-{n}",
                "event_timestamp": now + n // 1_000,
                "event_type": "level_finished",
                "app_name": "race",
                "client_id": players[n],
                "points": points[n],
            }
            for n in range(first, min(first + EVENTS_A_POST, len(players)))
        ]
        bodies += [msgspec.json.encode(events)] * (1 + (first // EVENTS_A_POST % TWICE == 0))
    server = Principal(
        f"server-{property_id}",
        Kind.GATEWAY,
        property_id,
        None,
        frozenset({Action.SEND_GAME_EVENTS}),
    )
    signer = Signer(server.principal_id, gateways.ensure(server), gateways.audience())

    def post(body: bytes) -> None:
        json_body = {"Content-Type": "application/json"}
        answer = client.send("POST", "/v1/game-events", body, json_body)
        if answer.status_code != 200 or answer.json()["accepted"] != EVENTS_A_POST:
            raise WorkbenchError(f"A post was refused: {answer.text[:500]}")

    with (
        PitbossClient(endpoint.api_url(), signer) as client,
        ThreadPoolExecutor(SENDERS) as senders,
    ):
        list(senders.map(post, bodies))
    return len(bodies)


def _counted(items: MarkedItems, property_id: str) -> Counter[str]:
    """What the table has of the property, item by item."""
    pages = items.client.get_paginator("scan").paginate(
        TableName=items.table,
        FilterExpression="begins_with(pk, :own)",
        ExpressionAttributeValues={":own": {"S": f"{property_id}/"}},
    )
    counted = Counter[str]()
    for page in pages:
        for item in page["Items"]:
            if item["sk"]["S"].startswith("event/"):
                counted["marks"] += 1
            elif item["sk"]["S"] == "entry":
                counted["versions"] += int(item["version"]["N"])
            else:
                counted["entitlements"] += 1
    return counted
