"""The use case of `score_players`: the best offers to active players, and who is not scored."""

from collections.abc import Iterator
from typing import Any

import pytest

from pitboss.offers.learned import RULES, PolicySource
from pitboss.offers.policy import RulePolicy
from pitboss.stores.batches import UnwrittenItems
from pitboss.stores.parquet import ParquetLake
from pitboss.stores.scores import DynamoScores
from score_players import handler as door
from score_players.service import MOST_OFFERS, Newest, active, score
from tests import offer_nights, sample_events
from workbench.proof.network import Call, Fault, Part
from workbench.proof.offers import OFFERS, OffersFloor

pytestmark = pytest.mark.unit

CATALOGUE = offer_nights.WEEK.catalogue()
CODES = frozenset(offer.code for offer in CATALOGUE.offers)


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    made = OffersFloor()
    with made.installed():
        yield made
    assert made.network.unknown == []


def newest(no_offer: tuple[str, ...] = (), **more: Any) -> Newest:
    found = Newest("p-1", 5, {"accepted_meal": "3+"}, no_offer, CODES)
    return found._replace(**more)


def players() -> list[Newest]:
    with ParquetLake(offer_nights.lake(), "north", 300) as tables:
        return list(active(tables, [day.day for day in offer_nights.days()]))


def test_active_players_are_known_by_their_newest_decision() -> None:
    by_player: dict[str, Any] = {}
    for day in offer_nights.days():
        for decided, _ in day.decided:
            before = by_player.get(decided.player_id)
            if before is None or before.decided_at < decided.decided_at:
                by_player[decided.player_id] = decided
    found = players()

    assert [one.player_id for one in found] == sorted(by_player)
    for one in found:
        decided = by_player[one.player_id]
        assert (one.decided_at, one.context) == (decided.decided_at, decided.context)
        assert one.no_offer == decided.no_offer
    assert any(one.reach >= {"meal", "none"} for one in found)


def test_the_best_offers_come_first_and_say_why() -> None:
    (scores,) = score("north", [newest()], CATALOGUE, RulePolicy(), 9)

    assert (scores.player_id, scores.scored_at, scores.model_version) == ("p-1", 9, RULES)
    assert scores.offers[0].code == "meal"
    assert len(scores.offers) <= MOST_OFFERS
    values = [offer.value for offer in scores.offers]
    assert values == sorted(values, reverse=True)
    assert scores.offers[0].reasons[0] == "meal accepted three times or more"


@pytest.mark.parametrize(
    ("no_offer", "is_scored"),
    [
        ((), True),
        (("pause",), True),
        (("open_offer",), True),
        (("held_out",), False),
        (("self_excluded",), False),
        (("pause", "banned"), False),
        (("lists_unreadable",), False),
        (("something new",), False),
    ],
)
def test_who_may_get_no_offers_is_not_scored(no_offer: tuple[str, ...], is_scored: bool) -> None:
    found = list(score("north", [newest(no_offer)], CATALOGUE, RulePolicy(), 9))
    assert bool(found) is is_scored


def test_only_offers_within_reach_that_there_still_are_count() -> None:
    (scores,) = score(
        "north", [newest(reach=frozenset({"none", "meal", "gone"}))], CATALOGUE, RulePolicy(), 9
    )
    assert [offer.code for offer in scores.offers] == ["meal"]
    (none,) = score("north", [newest(reach=frozenset())], CATALOGUE, RulePolicy(), 9)
    assert none.offers == ()


def test_scores_are_read_as_they_were_written(floor: OffersFloor) -> None:
    store = DynamoScores(OFFERS, "us-east-1")
    found = list(score("north", players(), CATALOGUE, RulePolicy(), 1_772_900_000_000))

    assert store.put(found) == len(found) > 100
    for one in found:
        assert store.of("north", one.player_id) == one
    assert store.of("north", "p-nobody") is None


def test_what_is_left_unprocessed_is_written_again(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([Part(), Part(), None])
    floor.network.fault = lambda call: (
        next(left, None) if call.operation == "BatchWriteItem" else None
    )
    store = DynamoScores(OFFERS, "us-east-1")
    found = list(score("north", players()[:20], CATALOGUE, RulePolicy(), 9))
    assert store.put(found) == len(found)
    assert all(store.of("north", one.player_id) == one for one in found)

    def never(call: Call) -> Fault | None:
        """The same items are left, however often they are sent."""
        return Part() if call.operation == "BatchWriteItem" else None

    monkeypatch.setattr("pitboss.stores.batches.MAX_TRIES", 2)

    floor.network.fault = never
    with pytest.raises(UnwrittenItems) as fault:
        store.put(found[:20])
    assert fault.value.retry


class Catalogues:
    def catalogue(self, property_id: str) -> Any:
        return CATALOGUE if property_id == "north" else None


def test_the_handler_scores_by_the_champion(
    floor: OffersFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoModels:
        def champion(self) -> None:
            return None

        def load(self, version: str, sha256: str) -> bytes:
            raise KeyError(version)

    class Wiring:
        policies = PolicySource(NoModels(), lambda: 0)
        lake = offer_nights.lake()
        offers = Catalogues()
        scores = DynamoScores(OFFERS, "us-east-1")

    monkeypatch.setattr(door, "_wiring", Wiring)
    answer = door.handler(offer_nights.planned(), None)

    assert answer == {
        "property_id": "north",
        "players": len(list(score("north", players(), CATALOGUE, RulePolicy(), 0))),
        "model_version": RULES,
    }
    (sample,) = sample_events.load("score_players").values()
    assert door.handler(sample, None)["players"] == 0  # nobody was there on those days
    assert door.handler({**sample, "property_id": "south"}, None)["players"] == 0
