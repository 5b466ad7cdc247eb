"""From play to the offer on the screen: how soon a game hears of it, and has it.

A simulated floor of 189 machines plays at 250 events a second through the front door, and all its
games listen. Its players are worth something from the day before, and have sat down already: the
floor's first minutes are posted before, while nobody is known to be of age, so that what is timed
is a floor in the middle of its day and not one on which everybody inserts a card in the same second
(77 decisions at once, which the embedded stack takes seconds for). What starts or crosses a step of
worth from then on is decided on. Every offer is followed, hop by hop, from the start of the POST of
the newest event that was rated when the change it follows from was published.

    decided     the decision is made (the function's clock, before the transaction)
    heard       the game has the message that there is something to fetch
    readable    the game has the offer, fetched by GET through the gate

Everything runs on one machine, so that its clock tells all of them.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import batched, takewhile
from typing import Any, NamedTuple

from msgspec import Struct

from benchmarks.read_latency import percentiles
from workbench import endpoint, gateways, measure, offer_floor
from workbench.client import PitbossClient
from workbench.console import WorkbenchError
from workbench.event_files import FileFormat
from workbench.games import Games, Heard, Player
from workbench.simulation import Event, Floor, FloorPlan
from workbench.simulation.packets import packet_line

GOAL_MS = 1_000
"""95th percentile from POST to readable, at most."""

EVENTS_PER_SECOND = 250
EVENTS_A_POST = 50
MACHINES = 189
PLAYERS = 150
WARM_UP_SECONDS = 240
"""Of the shift, before what is timed."""

SETTLE_SECONDS = 5.0
"""After the last post, for what is on its way."""

PLAYER = Player(1, 0.6, (0.5, 1.5))

HOUSE = {
    "daily_budget_cents": 100_000_000,
    "player_share_basis_points": 10_000,
    "per_player_day": 1_000,
    "pause_minutes": 0,
    "holdout_basis_points": 100,
    "exploration_basis_points": 100,
    "jurisdictions": [offer_floor.JURISDICTION],
}
OFFERS = [
    {
        "code": f"points-{number}",
        "name": "Points",
        "text": "Some points are yours",
        "kind": "multiplier",
        "cost_cents": number,
        "per_player_day": 1_000,
    }
    for number in range(1, 51)
]
"""Fifty that every player with a few games can be made: what is timed is the way, not the wait."""


class Change(NamedTuple):
    """A change as it was published."""

    decision_id: str
    asset_id: str
    occurred_at: int
    """Device time of the newest event that was rated, epoch milliseconds."""


class Trace(Struct):
    """An offer on its way; epoch milliseconds."""

    asset_id: str
    shown_at: float
    heard_at: float | None


def run(seconds: int = 240) -> dict[str, Any]:
    """Percentiles in milliseconds of each hop, from the start of the POST."""
    now = time.time_ns() // 1_000_000
    property_id = f"bench-{now // 1000}"
    start = now - WARM_UP_SECONDS * 1_000
    plan = FloorPlan(
        MACHINES, PLAYERS, WARM_UP_SECONDS + 2 * seconds, now // 1000, start, property_id
    )
    floor = Floor(plan)
    assets = [machine.asset_id for machine in floor.machines]
    heard: dict[str, float] = {}
    traces: dict[str, Trace] = {}
    lock = threading.Lock()

    def on_heard(message: Heard) -> None:
        if message.kind == "offer.ready":
            with lock:
                heard[message.asset_id] = epoch_ms()

    def on_shown(offer: Mapping[str, Any], at: float) -> None:
        with lock:
            asset_id = offer["asset_id"]
            traces[offer["offer_id"]] = Trace(asset_id, epoch_ms(), heard.get(asset_id))

    with ExitStack() as opened:
        sender = opened.enter_context(measure.gateway(property_id))
        host = opened.enter_context(offer_floor.host(property_id))
        client = opened.enter_context(offer_floor.games(property_id))
        changes = opened.enter_context(published(property_id))
        offer_floor.play_yesterday(sender, opened.enter_context(measure.reader(property_id)), plan)
        offer_floor.apply_catalogue(
            host, {"property_id": property_id, "house": HOUSE, "offers": OFFERS}
        )
        games = opened.enter_context(Games(client, PLAYER, on_heard=on_heard, on_shown=on_shown))
        signer = measure.signer_of(gateways.workbench_games(property_id))
        games.listen(endpoint.live_url(), signer.headers, assets)
        admit = partial(offer_floor.admit, property_id, floor.player_ids)
        posts, sent, took = play(floor, sender, seconds, admit)
        time.sleep(SETTLE_SECONDS)
        found = changes()
        decided = decided_at(property_id)
        counts = dict(sorted(games.counts.items()))
    hops: dict[str, list[float]] = {"decided": [], "heard": [], "readable": []}
    unmatched = 0
    for offer_id, trace in traces.items():
        change = found.get(offer_id)
        posted = None if change is None else posts.get((change.asset_id, change.occurred_at))
        if change is None or posted is None:
            unmatched += 1
            continue
        hops["decided"].append(decided[offer_id] - posted)
        if trace.heard_at is not None and trace.heard_at >= decided[offer_id]:
            hops["heard"].append(trace.heard_at - posted)
        hops["readable"].append(trace.shown_at - posted)
    if not hops["readable"]:
        raise WorkbenchError(f"No offer was shown ({counts}): see `pitboss logs decide_offers`.")
    return {
        "figure": "POST of play to the offer on the screen",
        "unit": "milliseconds from the start of the POST",
        "goal_p95_ms": GOAL_MS,
        "machines": MACHINES,
        "eligible_offers": len(OFFERS),
        "events_per_second": round(sent / took, 1),
        "offers_followed": len(hops["readable"]),
        "offers_not_followed": unmatched,
        "games": counts,
        "rows": [
            {"hop": hop, "offers": len(samples), **percentiles(samples)}
            for hop, samples in hops.items()
            if samples
        ],
    }


def epoch_ms() -> float:
    """Now."""
    return time.time_ns() / 1_000_000


def play(
    floor: Floor, sender: PitbossClient, seconds: float, admit: Callable[[], None]
) -> tuple[dict[tuple[str, int], float], int, float]:
    """Post a floor's events at a steady rate, from when those before are done with and who plays is
    admitted.

    Returns:
        When the post of each event began, by machine and device time; how many events were posted
        at the rate, and in how many seconds.
    """
    posts: dict[tuple[str, int], float] = {}

    def post(batch: tuple[Event, ...]) -> None:
        began = epoch_ms()
        for event in batch:
            posts[event.machine.asset_id, event.occurred_at] = began
        body = b"\n".join(packet_line(event) for event in batch)
        answer = sender.post_events(body, FileFormat.ACRES_SAS.content_type)
        if answer.accepted != len(batch):
            raise WorkbenchError(f"{answer.accepted} of {len(batch)} events were accepted.")

    events = floor.events()
    settled = floor.plan.start + WARM_UP_SECONDS * 1_000
    for batch in batched(takewhile(lambda e: e.cache_time < settled, events), 500, strict=False):
        post(batch)
    time.sleep(SETTLE_SECONDS)
    admit()
    sent = 0
    started = time.monotonic()
    for number, batch in enumerate(batched(events, EVENTS_A_POST, strict=False)):
        due = started + number * EVENTS_A_POST / EVENTS_PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() - started > seconds:
            break
        post(batch)
        sent += len(batch)
    return posts, sent, time.monotonic() - started


@contextmanager
def published(property_id: str) -> Iterator[Any]:
    """A queue of our own at the topic of players' changes; what it got, by the decision's id."""
    from pitboss.events.player import ChangeKind, decode
    from pitboss.offers.deciding import decision_id

    sqs, sns = endpoint.client("sqs"), endpoint.client("sns")
    topic = endpoint.stack_outputs()["PlayerTopicArn"]
    queue = sqs.create_queue(QueueName=f"bench-{property_id}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn["QueueArn"],
        Attributes={"FilterPolicy": json.dumps({"property_id": [property_id]})},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]

    def read() -> dict[str, Change]:
        found: dict[str, Change] = {}
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                said = json.loads(message["Body"])
                change = decode(said["Message"])
                name = decision_id(change)
                # What is published again was decided on the first time.
                if change.kind is not ChangeKind.SESSION_ENDED and name not in found:
                    found[name] = Change(name, change.asset_id, change.occurred_at)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    try:
        yield read
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=queue)


def decided_at(property_id: str) -> dict[str, int]:
    """When each of a property's decisions was made, epoch milliseconds, by its id."""
    pages = (
        endpoint.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=endpoint.stack_outputs()["OffersTableName"],
            FilterExpression="begins_with(pk, :property) AND begins_with(sk, :decision)",
            ExpressionAttributeValues={
                ":property": {"S": f"{property_id}/player/"},
                ":decision": {"S": "decision/"},
            },
        )
    )
    return {
        decided["decision_id"]: decided["decided_at"]
        for page in pages
        for item in page["Items"]
        for decided in [json.loads(item["body"]["S"])]
    }
