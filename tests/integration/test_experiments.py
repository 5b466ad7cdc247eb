"""Experiments on the deployed stack: flags of the API, and what came of real ratings."""

import json
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from typer.testing import CliRunner

from pitboss.access import Action, Credential, Kind, Principal, Status
from pitboss.events.slot import GameEnded, GameStarted, PaytableReported, SlotData, SlotEvent
from pitboss.experiments.assignment import assigned
from pitboss.gaming_day import GamingDays
from pitboss.rating.fold import House
from pitboss.rating.history import History, apply
from pitboss.stores.experiments import DynamoExperiments, Exposure
from pitboss.stores.ratings import Asset, AssetChange, DynamoRatings
from tests.fakes.keys import KeyPair
from tests.integration.test_access import Sender
from tests.unit.test_experiments import content
from workbench import endpoint, gateways
from workbench.main import app
from workbench.stack import settings_of

NORTH = "experiments-north"
"""Not a new one each time: who is in which variant, and so what is found, follows from it."""

DAY = 86_400_000
PLAYERS = [f"p-{number}" for number in range(130)]
MACHINES = 3


class Place(NamedTuple):
    """A property with two experiments, and players who have played since they were exposed."""

    stack: dict[str, str]
    store: DynamoExperiments
    files: Path


@pytest.fixture(scope="module")
def place(stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with endpoint.as_environment():
        region = endpoint.target().region or endpoint.DEFAULT_REGION
        store = DynamoExperiments(stack["ExperimentsTableName"], region)
        found = Place(stack, store, tmp_path_factory.mktemp("experiments"))
        _forget(stack)
        _prepare(found, region)
        yield found
        _forget(stack)


def _forget(stack: dict[str, str]) -> None:
    dynamodb = endpoint.client("dynamodb")
    for table in (stack["ExperimentsTableName"], stack["RatingsTableName"]):
        deletions = [
            {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
            for page in dynamodb.get_paginator("scan").paginate(TableName=table)
            for item in page["Items"]
            if item["pk"]["S"].startswith(f"{NORTH}/")
        ]
        for some in batched(deletions, 25, strict=False):
            left = {table: list(some)}
            while left:
                left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]


def _prepare(place: Place, region: str) -> None:
    stop = {"max_days": 30, "minimum_exposure": 50, "expected_exposure": 100}
    guardrails = [{"metric": "games"}]
    for key in ("welcome", "nothing"):
        wanted = content(key, 10_000, property_id=NORTH, layer=key, stop=stop, window_days=2) | {
            "guardrails": guardrails
        }
        file = place.files / f"{key}.json"
        file.write_text(json.dumps(wanted))
        assert command("apply", str(file))["experiment"]["key"] == key
    exposed_at = time.time_ns() // 1_000_000 - 10 * DAY
    running = place.store.running(NORTH)

    def expose(player_id: str) -> None:
        for one in running:
            found = assigned(one, player_id)
            assert found is not None
            place.store.expose(
                NORTH,
                Exposure(one.experiment.key, player_id, found.variant.key, found.block, exposed_at),
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(expose, PLAYERS))
    (welcome,) = (one for one in running if one.experiment.key == "welcome")
    treated = {
        player
        for player in PLAYERS
        if (found := assigned(welcome, player)) is not None and found.variant.key == "v1"
    }
    _play(place.stack, region, exposed_at, treated)


def _play(stack: dict[str, str], region: str, since: int, treated: set[str]) -> None:
    """A game of each player, who wagers twice as much where they were welcomed."""
    chance = random.Random(3)
    ratings = DynamoRatings(stack["RatingsTableName"], region)
    day_of = GamingDays.parse(settings_of("rate_players")["GAMING_DAYS"]).day_of(NORTH)
    for machine in range(MACHINES):
        events: list[SlotEvent] = []

        def happened(data: SlotData, player: str | None = None) -> None:
            number = len(events)  # noqa: B023 - called in this turn of the loop alone
            at = since + 60_000 + number * 1_000
            events.append(SlotEvent(f"{NORTH}-{number}", at, number, player, data))  # noqa: B023

        happened(PaytableReported(9_000))
        for player in PLAYERS[machine::MACHINES]:
            wager = chance.randrange(500, 1_500) * (2 if player in treated else 1)
            happened(GameStarted(wager), player)
            happened(GameEnded(0), player)
        asset = Asset(NORTH, f"{machine + 1}")
        change = apply(asset.asset_id, History(None), events, House(day_of)).change
        assert change is not None
        assert ratings.commit([AssetChange(asset, change)]) == []


def command(name: str, *arguments: str) -> Any:
    """What `pitboss experiments` says."""
    asked = ["experiments", name, *arguments, "--json"]
    if name != "apply":
        asked += ["--property", NORTH]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_effect_is_found_and_nothing_where_there_is_none(place: Place) -> None:
    found, nothing = command("results", "welcome"), command("results", "nothing")

    assert (found["verdict"], nothing["verdict"]) == ("stop_better", "keep_running")
    for result in (found, nothing):
        assert sum(arm["counted"] for arm in result["arms"]) == len(PLAYERS)
        assert result["sample_ratio_probability"] > 0.01
    primary = found["compared"][0]["primary"]
    assert 0 < primary["lower"] < 100.0 < primary["upper"]  # 10 % of 1,000 cents more
    assert primary["control_mean"] == pytest.approx(100.0, rel=0.15)
    (guardrail,) = found["compared"][0]["guardrails"]
    assert (guardrail["control_mean"], guardrail["treatment_mean"]) == (1.0, 1.0)


def test_the_api_exposes_a_player_once(place: Place) -> None:
    principal = Principal(
        f"test-{uuid.uuid4().hex[:12]}", Kind.SERVICE, NORTH, None, frozenset({Action.READ_FLAGS})
    )
    keys, registry = KeyPair(), gateways.registry()
    registry.register(Credential(principal, keys.public_pem, keys.algorithm, Status.ACTIVE, 1))
    game = Sender(principal, keys, place.stack["TokenAudience"])

    def ask() -> httpx.Response:
        named = {"Authorization": f"Bearer {game.token(b'')}"}
        with httpx.Client(base_url=endpoint.api_url(), timeout=60) as http:
            return http.get("/v1/players/p-new/flags", headers=named)

    try:
        first, again = ask(), ask()
        assert (first.status_code, first.json()) == (200, again.json()), first.text
        expected = {
            one.experiment.key: found.variant.key
            for one in place.store.running(NORTH)
            if (found := assigned(one, "p-new")) is not None
        }
        shown = {one["experiment"]: one["variant"] for one in first.json()["experiments"]}
        assert shown == expected
        exposed = [one for one in place.store.exposed(NORTH, "welcome") if one.player_id == "p-new"]
        assert [one.variant for one in exposed] == [expected["welcome"]]

        assert command("stop", "welcome")["experiment"]["status"] == "stopped"
        left = [one["experiment"] for one in ask().json()["experiments"]]
        assert left == ["nothing"]
    finally:
        endpoint.client("dynamodb").delete_item(
            TableName=place.stack["RegistryTableName"],
            Key={"pk": {"S": principal.principal_id}},
        )


def test_what_is_registered_is_listed_and_shown(place: Place) -> None:
    listed = command("list")
    assert {one["experiment"]["key"] for one in listed} == {"nothing", "welcome"}
    shown = command("show", "nothing")
    assert shown["blocks"][0]["ranges"] == [[0, 10_000]]

    refused = CliRunner().invoke(app, ["experiments", "show", "else", "--property", NORTH])
    assert (refused.exit_code, "has no experiment 'else'" in refused.output) == (1, True)
