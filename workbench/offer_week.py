"""A week of decisions on a simulated floor, with the play that followed: what a night learns from.

Decisions are made by `pitboss.offers.deciding.decide` with the house's rules and its chance, in the
structures that are stored. How players respond is known here: some like a meal, accept it more
often than others do, and play for longer then; a show is accepted by many and brings nothing, and
the rules, which make the dearest offer, do not know it. Play is written as rows of the lake's table
`games`, for what the simulator of machines plays follows from no offer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import batched
from random import Random
from typing import Any, NamedTuple

import msgspec
import zstandard
from msgspec.structs import replace

from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.gaming_day import GamingDay
from pitboss.offers.budget import Budgets, PlayerBudget
from pitboss.offers.catalogue import Catalogue, Kind, Machine, encode, parse
from pitboss.offers.context import PlayerFacts, Situation, VisitDay
from pitboss.offers.deciding import Decided, Known, decide, issue
from pitboss.offers.gate import Entry, Facts, ListName, Lists, Standing
from pitboss.offers.gate import Machine as SeenMachine
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.offers.policy import Policy, RulePolicy

BY = "decide_offers"
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DOLLAR = 1_000_000
"""Theoretical win of a dollar, in ten-thousandths of a cent."""

_GAMES = ("penny reels", "dollar reels", "dollar video poker")
_ZONES = ("north", "south")


class WeekDay(NamedTuple):
    """One gaming day."""

    day: str
    decided: list[tuple[Decided, IssuedOffer | None]]
    games: list[tuple[Any, ...]]
    """Rows of the lake's table `games`."""


@dataclass(frozen=True)
class OfferWeek:
    """A floor's days; the same seed, the same days."""

    property_id: str
    machines: int = 200
    players: int = 1_000
    days: int = 7
    last_day: date = date(2026, 3, 7)
    seed: int = 1
    rule: GamingDay = field(default_factory=lambda: GamingDay.parse("America/Los_Angeles@06:00"))
    decisions_a_visit: int = 4
    policy: Policy = field(default_factory=RulePolicy)

    def catalogue(self) -> Catalogue:
        """What is offered."""
        return parse(
            {
                "property_id": self.property_id,
                "house": {
                    "daily_budget_cents": 100_000_000,
                    "player_share_basis_points": 10_000,
                    "per_player_day": 20,
                    "pause_minutes": 0,
                    "jurisdictions": ["US-NV"],
                    "exploration_basis_points": 3_000,
                    "reward_hours": 6,
                },
                "offers": [
                    _offer("meal", Kind.MEAL, 1_200),
                    _offer("show", Kind.SHOW, 4_500),
                ],
                "machines": {
                    str(100 + n): {"zone": _ZONES[n % 2], "game": _GAMES[n % 3]}
                    for n in range(self.machines)
                },
            }
        )

    def play(self) -> Iterator[WeekDay]:
        """The days, the earliest first."""
        chance = Random(self.seed)
        catalogue = self.catalogue()
        people = [_Person.of(chance, f"p-{n:05d}", self.last_day) for n in range(self.players)]
        for back in range(self.days - 1, -1, -1):
            day = self.last_day - timedelta(back)
            yield self._day(chance, catalogue, people, day)

    def _day(
        self, chance: Random, catalogue: Catalogue, people: "list[_Person]", day: date
    ) -> WeekDay:
        found = WeekDay(day.isoformat(), [], [])
        start, _ = self.rule.bounds_of(day)
        for person in people:
            if chance.random() > 0.4:
                continue
            asset_id = str(100 + chance.randrange(self.machines))
            machine = catalogue.machines[asset_id]
            sat_down = start + chance.randrange(16 * _HOUR)
            person.visits.append(VisitDay(found.day, 0))
            boost = 1.0
            open_until = 0
            for step in range(self.decisions_a_visit):
                at = sat_down + step * 20 * _MINUTE
                if at < open_until:
                    continue
                change = PlayerChanged(
                    kind=ChangeKind.WORTH_CROSSED if step else ChangeKind.SESSION_STARTED,
                    property_id=self.property_id,
                    player_id=person.player_id,
                    asset_id=asset_id,
                    session_started_at=sat_down,
                    gaming_day=found.day,
                    occurred_at=at,
                    theoretical_win=step * person.worth // 4,
                    worth_step=step or None,
                )
                decided, offer = self._decide(catalogue, person, machine, change, start)
                if offer is not None:
                    offer, lift = person.respond(chance, offer)
                    person.offers.append(offer)
                    boost += lift
                found.decided.append((decided, offer))
            self._play(chance, found, person, asset_id, sat_down, boost)
        found.games.sort(key=lambda row: (row[0], row[2]))
        return found

    def _decide(
        self,
        catalogue: Catalogue,
        person: "_Person",
        machine: Machine,
        change: PlayerChanged,
        day_started_at: int,
    ) -> tuple[Decided, IssuedOffer | None]:
        now = change.occurred_at + 200
        lists = Lists(dict.fromkeys(ListName, now))
        standing = Standing(1, person.entries, 0, "US-NV")
        known = Known(
            Situation(change, person.facts(), machine, person.offers[-20:], day_started_at, now),
            catalogue,
            Facts(lists, standing, SeenMachine(None)),
            Budgets(PlayerBudget()),
        )
        decided = decide(known, self.policy)
        return decided, issue(decided, catalogue, BY)

    def _play(
        self,
        chance: Random,
        found: WeekDay,
        person: "_Person",
        asset_id: str,
        sat_down: int,
        boost: float,
    ) -> None:
        """The visit's games: so many that all decisions have play after them."""
        whole = int(person.worth * boost * chance.gammavariate(6, 1 / 6))
        games = 30
        for n in range(games):
            started = sat_down + _MINUTE + n * 5 * _MINUTE
            win = whole // games
            found.games.append(
                (
                    *(asset_id, "game", started, started + 4_000, person.player_id, sat_down),
                    *(0, None, None, 1_000, win // 1_000, 0, 0, win, True),
                )
            )


def _offer(code: str, kind: Kind, cost_cents: int) -> dict[str, Any]:
    return {
        **{"code": code, "name": code.replace("-", " "), "text": f"Enjoy: {code}"},
        **{"kind": str(kind), "cost_cents": cost_cents, "valid_minutes": 10},
        "per_player_day": 20,
    }


@dataclass
class _Person:
    player_id: str
    worth: int
    """Theoretical win of a visit, ten-thousandths of a cent."""
    likes_meals: bool
    entries: dict[ListName, Entry]
    visits: list[VisitDay]
    offers: list[IssuedOffer]

    @classmethod
    def of(cls, chance: Random, player_id: str, last_day: date) -> "_Person":
        worth = int(40 * _DOLLAR * chance.lognormvariate(0, 0.6))
        entries = {}
        if chance.random() < 0.02:
            entries[ListName.SELF_EXCLUDED] = Entry(0, None, 0)
        visits = [
            VisitDay((last_day - timedelta(back)).isoformat(), worth)
            for back in sorted(chance.sample(range(8, 90), 6), reverse=True)
        ]
        return cls(player_id, worth, chance.random() < 0.5, entries, visits, [])

    def facts(self) -> PlayerFacts:
        return PlayerFacts(
            worth=self.worth,
            segment="high" if self.worth > 60 * _DOLLAR else "low",
            tier="gold" if self.worth > 50 * _DOLLAR else None,
            visits=tuple(self.visits),
            trip_days=1,
            average_bet=self.worth // 40,
            games_per_hour=50_000,
        )

    def respond(self, chance: Random, offer: IssuedOffer) -> tuple[IssuedOffer, float]:
        """The offer at its end, and by what share the visit grows."""
        at = offer.decided_at
        steps = [*offer.steps, Step(Status.DELIVERED, at + 1_000, "games")]
        is_meal = offer.kind is Kind.MEAL
        is_wanted = is_meal and self.likes_meals
        lift = 0.0
        if chance.random() < (0.8 if is_wanted else 0.1 if is_meal else 0.4):
            steps += [Step(Status.ACCEPTED, at + 20_000, "games")]
            steps += [Step(Status.REDEEMED, at + 60_000, "games")]
            lift = 0.5 if is_wanted else 0.0
        else:
            steps += [Step(Status.DECLINED, at + 20_000, "games")]
        return replace(offer, status=steps[-1].status, steps=tuple(steps)), lift


def store(
    week: OfferWeek, outputs: Mapping[str, str], client: Callable[[str], Any]
) -> dict[str, int]:
    """Write a week as a stack keeps it: its catalogue, its decisions, its games in the lake.

    Args:
        week: the week.
        outputs: the stack's outputs.
        client: makes its AWS clients.

    Returns:
        How many decisions, offers and games there are.
    """
    from pitboss.lake.rated import GAMES
    from pitboss.stores.lake import S3Lake
    from pitboss.stores.parquet import ParquetLake

    table, dynamodb = outputs["OffersTableName"], client("dynamodb")
    region = dynamodb.meta.region_name
    lake = S3Lake(outputs["LakeBucketName"], region, client("s3"))
    counts = {"decisions": 0, "offers": 0, "games": 0}
    _put(dynamodb, table, [_catalogue_item(week.catalogue())])
    with ParquetLake(lake, week.property_id, 500) as tables:
        for day in week.play():
            tables.write(GAMES, day.day, day.games)
            items = [item for pair in day.decided for item in _items(*pair)]
            _put(dynamodb, table, items)
            counts["decisions"] += len(day.decided)
            counts["offers"] += sum(offer is not None for _, offer in day.decided)
            counts["games"] += len(day.games)
    return counts


def _items(decided: Decided, offer: IssuedOffer | None) -> Iterator[dict[str, Any]]:
    """As `pitboss.stores.offers` has them."""
    player = {"S": f"{decided.property_id}/player/{decided.player_id}"}
    yield {
        "pk": player,
        "sk": {"S": f"decision/{decided.decision_id}"},
        "body": {"S": msgspec.json.encode(decided).decode()},
        "list": {"S": f"{decided.property_id}/decisions/{decided.gaming_day}"},
        "place": {"S": decided.decision_id},
    }
    if offer is not None:
        yield {
            "pk": player,
            "sk": {"S": f"offer/{offer.offer_id}"},
            "body": {"S": msgspec.json.encode(offer).decode()},
            "status": {"S": str(offer.status)},
        }


def _catalogue_item(catalogue: Catalogue) -> dict[str, Any]:
    return {
        "pk": {"S": f"{catalogue.property_id}/catalogue"},
        "sk": {"S": "current"},
        "version": {"S": catalogue.version},
        "applied_at": {"N": "0"},
        "applied_by": {"S": BY},
        "body": {"B": zstandard.ZstdCompressor().compress(encode(catalogue))},
    }


def _put(dynamodb: Any, table: str, items: Iterable[dict[str, Any]]) -> None:  # noqa: ANN401
    for batch in batched(items, 25, strict=False):
        asked = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while asked:
            asked = dynamodb.batch_write_item(RequestItems=asked).get("UnprocessedItems")
