"""A property that makes offers, in memory: its tables, its catalogue, and players at machines.

floor = OffersFloor()
floor.seat("p-1", "1001")
with floor.installed():
    floor.offers.record(...)
"""

import os
from base64 import b64encode
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from decide_offers.service import DecideOffers
from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.gaming_day import GamingDay
from pitboss.offers import catalogue as catalogues
from pitboss.offers.budget import Counter, PlayerBudget
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.deciding import Decided
from pitboss.offers.gate import ListName, Risk, Standing
from pitboss.offers.issued import GIVES_BACK, IssuedOffer
from pitboss.offers.policy import Policy, RulePolicy
from pitboss.rating.house_rules import shipped
from pitboss.stores.offers import INDEX, DynamoOffers
from pitboss.stores.ratings import Asset, DynamoRatings, head_key
from pitboss.stores.standings import DynamoStandings, read_or_nothing, risk_key, standing_key
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network

NORTH = "north"
NOON = 1_767_902_400_000
"""2026-01-08 20:00 UTC, which is noon in Los Angeles."""

DAY = "2026-01-08"
_PACIFIC = GamingDay.parse("America/Los_Angeles@06:00")
OFFERS, STANDINGS, RATINGS = "offers", "standings", "ratings"


def catalogue(*offers: dict[str, Any], property_id: str = NORTH, **house: Any) -> Catalogue:
    """A catalogue of these offers, or of a meal and free play."""
    rules: dict[str, Any] = {
        "daily_budget_cents": 100_000,
        "jurisdictions": ["US-NV"],
        "pause_minutes": 0,
        "per_player_day": 1_000,
        **house,
    }
    return catalogues.parse(
        {
            "property_id": property_id,
            "house": rules,
            "offers": list(offers)
            or [
                offer("meal", kind="meal", cost_cents=1_500),
                offer("play-5", kind="free_play", cost_cents=500),
            ],
        }
    )


def offer(code: str, **fields: object) -> dict[str, Any]:
    """An offer of a catalogue, as its file has it."""
    return {
        "code": code,
        "name": f"offer {code}",
        "text": f"{code} for you",
        "kind": "free_play",
        "cost_cents": 500,
        "per_player_day": 1_000,
        **fields,
    }


class OffersFloor:
    """The tables of offers, standings and ratings in memory, and the stores over them."""

    def __init__(self, now: int = NOON) -> None:
        self.clock = Clock(now)
        self.network = Network(self.clock)
        dynamodb = self.network.dynamodb
        self.offers_table = dynamodb.create_table(
            OFFERS, "pk", "sk", indexes={INDEX: ("list", "place")}
        )
        self.standings_table = dynamodb.create_table(STANDINGS, "pk", "sk")
        self.ratings_table = dynamodb.create_table(RATINGS, "pk", "sk")
        self.offers, self.standings, self.ratings = _stores()

    @contextmanager
    def installed(self, *, with_clock: bool = True) -> Iterator[None]:
        """Be the network and, for a single thread, the time of the process."""
        with self.clock.installed() if with_clock else nullcontext(), self.network.installed():
            yield

    # What others write.

    def seat(self, player_id: str | None, asset_id: str, locked_since: int | None = None) -> None:
        """A player sits down at a machine; None for nobody with a card."""
        asset = Asset(NORTH, asset_id)
        head = _item(*head_key(asset))
        if player_id is not None:
            head |= {"seated": {"S": player_id}, "seated_since": {"N": str(NOON)}}
        if locked_since is not None:
            head["locked_since"] = {"N": str(locked_since)}
        self.ratings_table.put(self.ratings_table.key(_item(*head_key(asset))), head)

    def stand(self, player_id: str, standing: Standing | None = None) -> None:
        """A player's standing; of somebody who may be made offers unless it is told."""
        standing = standing or Standing(version=1, of_age_from=0, jurisdiction="US-NV")
        key = _item(*standing_key(NORTH, player_id))
        body = msgspec.json.encode(standing)
        self.standings_table.put(
            self.standings_table.key(key),
            key | {"version": {"N": str(standing.version)}, "body": {"B": _base64(body)}},
        )

    def assess(self, player_id: str, risk: Risk) -> None:
        """What the night found of a player."""
        key, body = risk_key(NORTH, player_id), msgspec.json.encode(risk)
        self.standings_table.put(
            self.standings_table.key(key), key | {"body": {"B": _base64(body)}}
        )

    def complete_lists(self, at: int = NOON) -> None:
        """All lists are complete to a moment."""
        key = _item(f"{NORTH}/lists", "lists")
        item = key | {str(name): {"N": str(at)} for name in ListName}
        self.standings_table.put(self.standings_table.key(key), item | {"version": {"N": "1"}})

    def play(self, player_id: str, theoretical_win: int, day: str = DAY, asset: str = "1") -> None:
        """A session of a gaming day that was worth so much, in ten-thousandths of a cent."""
        item = _item(f"{NORTH}/player/{player_id}", f"day/{day}/{NOON:015d}/{asset}")
        numbers = {
            "games": 10,
            "coin_in_cents": max(theoretical_win // 500, 1),
            "coin_out_cents": 0,
            "theoretical_win": theoretical_win,
            "first_play": NOON,
            "last_play": NOON + 60_000,
        }
        item |= {name: {"N": str(value)} for name, value in numbers.items()}
        table = self.ratings_table
        table.put(table.key({name: item[name] for name in table.keys}), item)

    def welcome(self, player_id: str, asset_id: str, theoretical_win: int = 10**9) -> None:
        """A player whom nothing keeps from offers, and whose play is worth so much today."""
        self.seat(player_id, asset_id)
        self.stand(player_id)
        self.play(player_id, theoretical_win, asset=asset_id)

    def decider(
        self, policy: Policy | None = None, waiting: list[IssuedOffer] | None = None
    ) -> DecideOffers:
        """The deployed use case, in a container of its own.

        Args:
            policy: by what it decides; the rules.
            waiting: takes the offers that people are asked for.
        """
        return decider(
            self.ratings,
            self.offers,
            self.standings,
            lambda: self.clock.now_ms,
            policy,
            [] if waiting is None else waiting,
        )

    # What is stored.

    def made(self) -> list[IssuedOffer]:
        """Every offer, in no order that matters."""
        return [
            msgspec.json.decode(item["body"]["S"], type=IssuedOffer)
            for item in self.offers_table.items()
            if item["sk"]["S"].startswith("offer/") and "status" in item
        ]

    def decided(self) -> list[Decided]:
        """Every decision."""
        return [
            msgspec.json.decode(item["body"]["S"], type=Decided)
            for item in self.offers_table.items()
            if item["sk"]["S"].startswith("decision/")
        ]

    def check(self) -> None:
        """Decisions, offers and budgets agree.

        Raises:
            AssertionError: they do not.
        """
        check(self.offers_table.items())


def decider(
    ratings: DynamoRatings,
    offers: DynamoOffers,
    standings: DynamoStandings,
    now: Callable[[], int],
    policy: Policy | None,
    waiting: list[IssuedOffer],
) -> DecideOffers:
    """The use case as it is deployed, but for its policy and who is asked; it never waits."""
    return DecideOffers(
        ratings,
        offers,
        partial(read_or_nothing, standings),
        _Serves(policy or RulePolicy()),
        _Asked(waiting),
        shipped().of,
        lambda property_id: _PACIFIC,
        now=now,
        pause=lambda attempt: None,
    )


class _Serves(NamedTuple):
    """One policy, whatever happens."""

    which: Policy

    def policy(self) -> Policy:
        return self.which


class _Asked(NamedTuple):
    """People who are asked for offers, once for each."""

    offers: list[IssuedOffer]

    def start(self, offer: IssuedOffer) -> None:
        if offer.offer_id not in {one.offer_id for one in self.offers}:
            self.offers.append(offer)


def change(
    player_id: str,
    asset_id: str,
    step: int | None = 1,
    kind: ChangeKind = ChangeKind.WORTH_CROSSED,
    **fields: Any,
) -> PlayerChanged:
    """A change of a player who began to play a minute ago."""
    known: dict[str, Any] = {
        "kind": kind,
        "property_id": NORTH,
        "player_id": player_id,
        "asset_id": asset_id,
        "session_started_at": NOON - 60_000,
        "gaming_day": DAY,
        "occurred_at": NOON,
        "theoretical_win": 10**7 * (step or 0),
        "worth_step": step,
    }
    return PlayerChanged(**(known | fields))


def check(items: list[dict[str, Any]]) -> None:
    """Of all items of a table of offers: decisions, offers and budgets agree.

    Raises:
        AssertionError: an offer without its decision or the other way round, or a budget that is
            not the sum of its offers.
    """
    decided: dict[tuple[str, str], Decided] = {}
    made: dict[tuple[str, str], IssuedOffer] = {}
    players: dict[str, PlayerBudget] = {}
    counters: dict[tuple[str, str], Counter] = {}
    for item in items:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        owner = pk.split("/")[1]
        if owner == "budget":
            counters[pk, sk] = Counter(int(item["reserved"]["N"]), int(item["made"]["N"]))
        elif owner == "player" and sk == "budget":
            players[pk] = msgspec.json.decode(item["body"]["S"], type=PlayerBudget)
            assert players[pk].version == int(item["version"]["N"])
        elif sk.startswith("decision/"):
            decided[pk, sk.partition("/")[2]] = msgspec.json.decode(item["body"]["S"], type=Decided)
        elif owner == "player" and sk.startswith("offer/"):
            found = msgspec.json.decode(item["body"]["S"], type=IssuedOffer)
            assert str(found.status) == item["status"]["S"]
            made[pk, sk.partition("/")[2]] = found
    assert {key for key, one in decided.items() if one.chosen != "none"} == made.keys()
    assert all(decided[key].chosen == one.code for key, one in made.items())
    reserved: Counts[tuple[str, str]] = Counts()
    times: Counts[tuple[str, str]] = Counts()
    of_players: Counts[tuple[str, str]] = Counts()
    for (pk, _), one in made.items():
        cost = 0 if one.status in GIVES_BACK else one.cost_cents
        day = f"{one.property_id}/budget/{one.gaming_day}"
        for key in ((day, "property"), (day, f"offer/{one.code}")):
            reserved[key] += cost
            times[key] += 1
        of_players[pk, one.gaming_day] += cost
    assert counters == {key: Counter(reserved[key], times[key]) for key in times}
    of_records = {
        (pk, day): of.reserved_cents
        for pk, found in players.items()
        for day, of in found.days.items()
    }
    assert of_records == dict(of_players)


@cache
def _stores() -> tuple[DynamoOffers, DynamoStandings, DynamoRatings]:
    """Made once: a client takes longer than a test, and serves whichever network is installed."""
    region = ENVIRONMENT["AWS_REGION"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, {**kept, **ENVIRONMENT}, clear=True):
        offers = DynamoOffers(OFFERS, STANDINGS, RATINGS, region, lambda attempt: None)
        ratings = DynamoRatings(RATINGS, region)
        assert offers._client is not None  # made now, while the environment has keys
        assert ratings._item._get_connection().connection.client is not None
        return (
            offers,
            DynamoStandings(STANDINGS, RATINGS, region, pause=lambda attempt: None),
            ratings,
        )


def _item(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _base64(body: bytes) -> str:
    return b64encode(body).decode()
