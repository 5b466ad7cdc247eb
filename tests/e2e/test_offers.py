"""Offers, as a game sees them: heard of, fetched, accepted, redeemed; and what must not be seen."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from pitboss.events.player import ChangeKind, PlayerChanged, encode
from pitboss.offers.deciding import decision_id
from pitboss.offers.policy import draw, is_held_out
from tests.e2e.house import PATIENCE_SECONDS, House, array
from workbench import endpoint, gateways, measure, offer_floor
from workbench.client import PitbossClient
from workbench.games import Games, Heard, Player

ASSET = "7"
WAGER_CENTS = 50_000
HOLD_CENTS = 4_000
"""Of such a wager: four worth steps."""
COST_CENTS = 500
TABLES = ("OffersTableName", "StandingsTableName", "ConnectionsTableName")
QUIET = Player(1, 1.0, (60.0, 60.0))
"""Nobody answers by themselves."""

CATALOGUE = {
    "house": {
        "daily_budget_cents": 1_000_000,
        "player_share_basis_points": 10_000,
        "per_player_day": 1_000,
        "pause_minutes": 0,
        "holdout_basis_points": 100,
        "exploration_basis_points": 100,
        "jurisdictions": [offer_floor.JURISDICTION],
    },
    "offers": [
        {
            "code": "play-5",
            "name": "Free play, $5",
            "text": "$5 of free play is yours",
            "kind": "free_play",
            "cost_cents": COST_CENTS,
            "per_player_day": 1_000,
        }
    ],
}


@dataclass
class OfferHouse:
    """A house that makes offers, and what its games heard."""

    house: House
    host: PitbossClient
    client: PitbossClient
    games: Games
    heard: list[Heard] = field(default_factory=list)

    @property
    def property_id(self) -> str:
        return self.house.property_id

    def carded(self, player_id: str, started: int) -> list[bytes]:
        """A card goes in."""
        paytable = self._event("paytable.reported", started - 1, None, {"base_basis_points": 9_200})
        return [paytable, self._event("card.inserted", started, player_id, {})]

    def game(self, player_id: str, at: int) -> list[bytes]:
        """A game that is worth `HOLD_CENTS`."""
        return [
            self._event("game.started", at, player_id, {"wager_cents": WAGER_CENTS}),
            self._event("game.ended", at + 1, player_id, {"win_cents": 0}),
        ]

    def left(self, player_id: str, at: int) -> bytes:
        """The card comes out."""
        return self._event("card.removed", at, player_id, {})

    def _event(self, kind: str, at: int, player_id: str | None, data: dict[str, Any]) -> bytes:
        return json.dumps(
            {
                "event_id": f"{kind}-{at}",
                "event_type": kind,
                "property_id": self.property_id,
                "asset_id": ASSET,
                "occurred_at": at,
                "sequence": at % 1_000_000,
                "player_id": player_id,
                "data": data,
            }
        ).encode()

    def post(self, *events: bytes) -> None:
        answer = self.house.gateway.post_events(array(events), "application/json")
        assert answer.accepted == len(events), answer

    def shown(self) -> dict[str, Any] | None:
        """What a game may show now."""
        answer = self.client.get(f"/v1/machines/{ASSET}/offer")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] | None = answer.json()["offer"]
        return found

    def answer(self, offer: dict[str, Any], verb: str, key: str = "k-1") -> int:
        path = f"/v1/players/{offer['player_id']}/offers/{offer['offer_id']}/{verb}"
        return self.client.send("POST", path, headers={"Idempotency-Key": key}).status_code

    def seen_by_host(self, player_id: str) -> dict[str, Any]:
        answer = self.host.get(f"/v1/players/{player_id}/offers")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def items(self, table: str = "OffersTableName") -> dict[tuple[str, str], dict[str, Any]]:
        """The property's items of a table, by key without the property."""
        pages = (
            endpoint.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=endpoint.stack_outputs()[table], ConsistentRead=True)
        )
        found = {}
        for page in pages:
            for item in page["Items"]:
                owner, _, place = item["pk"]["S"].partition("/")
                if owner == self.property_id:
                    found[place, item["sk"]["S"]] = item
        return found

    def decisions(self) -> list[dict[str, Any]]:
        return [
            json.loads(item["body"]["S"])
            for (_, sort), item in self.items().items()
            if sort.startswith("decision/")
        ]

    def reserved(self) -> int:
        """What the property's counter says is promised."""
        counters = [
            int(item["reserved"]["N"])
            for (place, sort), item in self.items().items()
            if place.startswith("budget/") and sort == "property"
        ]
        return sum(counters)

    def wait_for(self, kind: str, times: int = 1) -> None:
        def is_heard() -> bool:
            return sum(heard.kind == kind for heard in self.heard) >= times

        assert measure.wait_until(is_heard, PATIENCE_SECONDS, 0.02), self.heard


@pytest.fixture
def floor(house: House, stack: dict[str, str]) -> Iterator[OfferHouse]:
    property_id = house.property_id
    with ExitStack() as cleanup:
        cleanup.callback(_forget, stack, property_id)
        host = cleanup.enter_context(offer_floor.host(property_id))
        client = cleanup.enter_context(offer_floor.games(property_id))
        heard: list[Heard] = []
        games = cleanup.enter_context(Games(client, QUIET, on_heard=heard.append))
        signer = measure.signer_of(gateways.workbench_games(property_id))
        games.listen(endpoint.live_url(), signer.headers, [ASSET])
        offer_floor.apply_catalogue(host, CATALOGUE | {"property_id": property_id})
        yield OfferHouse(house, host, client, games, heard)


def _forget(stack: dict[str, str], property_id: str) -> None:
    dynamodb = endpoint.client("dynamodb")
    for table in (stack[name] for name in TABLES):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                if item["pk"]["S"].startswith(f"{property_id}/"):
                    key = {name: item[name] for name in ("pk", "sk")}
                    dynamodb.delete_item(TableName=table, Key=key)


def player_of(property_id: str, started: int) -> str:
    """One whom chance gives an offer, at the session's start or after the first game."""
    for number in count(1):
        player_id = f"p-{number}"
        changes = [
            change_of(property_id, player_id, started, kind)
            for kind in (ChangeKind.SESSION_STARTED, ChangeKind.WORTH_CROSSED)
        ]
        if not is_held_out(property_id, player_id, 100) and all(
            draw(decision_id(change)) > 10_000 for change in changes
        ):
            return player_id
    raise AssertionError


def change_of(property_id: str, player_id: str, started: int, kind: ChangeKind) -> PlayerChanged:
    is_crossed = kind is ChangeKind.WORTH_CROSSED
    return PlayerChanged(
        kind=kind,
        property_id=property_id,
        player_id=player_id,
        asset_id=ASSET,
        session_started_at=started,
        gaming_day="2026-01-01",
        occurred_at=started + 2_000,
        worth_step=HOLD_CENTS // 1_000 if is_crossed else None,
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_play_becomes_an_offer_on_the_screen_that_is_accepted_and_redeemed(
    floor: OfferHouse,
) -> None:
    started = now_ms() - 60_000
    player_id = player_of(floor.property_id, started)
    offer_floor.admit(floor.property_id, [player_id])

    floor.post(*floor.carded(player_id, started), *floor.game(player_id, started + 1_000))
    floor.wait_for("offer.ready")
    assert measure.wait_until(lambda: floor.games.counts["shown"] == 1, PATIENCE_SECONDS)

    offer = floor.shown()
    assert offer is not None
    assert (offer["player_id"], offer["asset_id"]) == (player_id, ASSET)
    assert (offer["status"], offer["text"]) == ("delivered", "$5 of free play is yours")
    assert offer.keys() & {"cost_cents", "reasons", "name"} == set(), "not for the screen"
    assert floor.reserved() == COST_CENTS
    assert floor.answer(offer, "redeem", "too-early") == 409
    assert [floor.answer(offer, "accept"), floor.answer(offer, "accept")] == [200, 200]
    assert floor.answer(offer, "decline", "k-2") == 409
    assert [floor.answer(offer, "redeem", "k-3"), floor.answer(offer, "redeem", "k-3")] == [200] * 2
    floor.wait_for("offer.gone")
    assert floor.shown() is None

    (past,) = floor.seen_by_host(player_id)["past"]
    steps = [step["status"] for step in past["steps"]]
    assert steps == ["decided", "delivered", "accepted", "redeemed"]
    assert past["cost_cents"] == COST_CENTS
    assert past["reasons"]
    assert floor.reserved() == COST_CENTS, "what is redeemed is spent"
    made = [decided for decided in floor.decisions() if decided["chosen"] != "none"]
    assert [decided["decision_id"] for decided in made] == [offer["offer_id"]]
    (decided,) = made
    odds = {code: millionths for code, _, _, millionths in decided["actions"]}
    assert odds == {"none": 5_000, "play-5": 995_000}
    assert decided["propensity"] == 995_000
    assert "player" not in json.dumps([heard.kind for heard in floor.heard])


def test_a_declined_offer_costs_nothing_and_the_screen_goes_dark(floor: OfferHouse) -> None:
    started = now_ms() - 60_000
    player_id = player_of(floor.property_id, started)
    offer_floor.admit(floor.property_id, [player_id])
    floor.post(*floor.carded(player_id, started), *floor.game(player_id, started + 1_000))
    assert measure.wait_until(lambda: floor.games.counts["shown"] == 1, PATIENCE_SECONDS)
    offer = floor.shown()
    assert offer is not None
    assert floor.reserved() == COST_CENTS

    assert floor.answer(offer, "decline") == 200

    floor.wait_for("offer.gone")
    assert (floor.shown(), floor.reserved()) == (None, 0)


def test_who_excludes_themselves_meanwhile_is_shown_nothing_more(floor: OfferHouse) -> None:
    started = now_ms() - 60_000
    player_id = player_of(floor.property_id, started)
    offer_floor.admit(floor.property_id, [player_id])
    floor.post(*floor.carded(player_id, started), *floor.game(player_id, started + 1_000))
    assert measure.wait_until(lambda: floor.games.counts["shown"] == 1, PATIENCE_SECONDS)
    offer = floor.shown()
    assert offer is not None
    assert floor.answer(offer, "accept") == 200

    path = f"/v1/players/{player_id}/exclusions/self_excluded"
    done = floor.host.send("PUT", path, b"{}", {"Content-Type": "application/json"})
    assert done.status_code in (200, 201), done.text

    assert floor.shown() is None
    assert floor.answer(offer, "redeem", "k-2") == 409
    before = len(floor.decisions())
    floor.post(*floor.game(player_id, started + 10_000))
    assert measure.wait_until(lambda: len(floor.decisions()) > before, PATIENCE_SECONDS)
    newest = max(floor.decisions(), key=lambda decided: decided["decided_at"])
    assert (newest["chosen"], newest["no_offer"]) == ("none", ["self_excluded"])
    assert floor.shown() is None
    assert floor.reserved() == 0, "an offer that is withdrawn gives back"


def test_who_is_excluded_before_is_never_told_of_an_offer(floor: OfferHouse) -> None:
    from pitboss.offers.gate import ListName

    started = now_ms() - 60_000
    player_id = player_of(floor.property_id, started)
    offer_floor.admit(floor.property_id, [player_id], {ListName.SELF_EXCLUDED: [player_id]})

    floor.post(*floor.carded(player_id, started), *floor.game(player_id, started + 1_000))
    assert measure.wait_until(lambda: bool(floor.decisions()), PATIENCE_SECONDS)
    floor.post(floor.left(player_id, started + 20_000))

    assert {decided["chosen"] for decided in floor.decisions()} == {"none"}
    assert (floor.heard, floor.shown(), floor.reserved()) == ([], None, 0)


def test_the_screen_goes_dark_when_the_player_leaves(floor: OfferHouse) -> None:
    started = now_ms() - 60_000
    player_id = player_of(floor.property_id, started)
    offer_floor.admit(floor.property_id, [player_id])
    floor.post(*floor.carded(player_id, started), *floor.game(player_id, started + 1_000))
    assert measure.wait_until(lambda: floor.games.counts["shown"] == 1, PATIENCE_SECONDS)

    floor.post(floor.left(player_id, started + 20_000))

    floor.wait_for("offer.gone")
    assert floor.shown() is None


def test_neither_a_message_that_comes_again_nor_another_subscriber_changes_anything(
    floor: OfferHouse, failing_subscriber: Callable[[], int]
) -> None:
    started = now_ms() - 60_000
    player_id = player_of(floor.property_id, started)
    offer_floor.admit(floor.property_id, [player_id])
    floor.post(*floor.carded(player_id, started), *floor.game(player_id, started + 1_000))
    assert measure.wait_until(lambda: floor.games.counts["shown"] == 1, PATIENCE_SECONDS)
    assert measure.wait_until(lambda: failing_subscriber() > 0, PATIENCE_SECONDS)
    # The start of the session, and what the game was worth.
    assert measure.wait_until(
        lambda: sum(sort.startswith("decision/") for _, sort in floor.items()) == 2,
        PATIENCE_SECONDS,
    )
    before = {key: item["body"] for key, item in floor.items().items() if "body" in item}

    change = change_of(floor.property_id, player_id, started, ChangeKind.WORTH_CROSSED)
    topic = endpoint.stack_outputs()["PlayerTopicArn"]
    for _ in range(3):
        endpoint.client("sns").publish(
            TopicArn=topic,
            Message=encode(change),
            MessageAttributes={
                "kind": {"DataType": "String", "StringValue": str(change.kind)},
                "property_id": {"DataType": "String", "StringValue": change.property_id},
            },
        )
    floor.post(floor.left(player_id, started + 20_000))  # comes after them
    floor.wait_for("offer.gone")

    after = {key: item["body"] for key, item in floor.items().items() if "body" in item}
    assert after == before
    assert floor.reserved() == COST_CENTS


@pytest.fixture
def failing_subscriber(stack: dict[str, str]) -> Iterator[Callable[[], int]]:
    """A subscriber of players' changes that answers every message with an error."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    tried: list[str] = []

    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            tried.append(self.path)
            self.send_error(500)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = endpoint.client("sns")
    address = f"http://127.0.0.1:{server.server_port}/{uuid.uuid4().hex}"
    subscribed = sns.subscribe(
        TopicArn=stack["PlayerTopicArn"],
        Protocol="http",
        Endpoint=address,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    yield lambda: len(tried)
    sns.unsubscribe(SubscriptionArn=subscribed)
    server.shutdown()
    server.server_close()
