"""What an offer may follow from: worth, visits and how somebody plays, and never what they lost."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pitboss.events.player import ChangeKind, PlayerChanged
from pitboss.offers.catalogue import House, Kind, Machine, Offer, Reach, parse
from pitboss.offers.context import FEATURES, Feature, PlayerFacts, Situation, VisitDay
from pitboss.offers.issued import NEXT, IssuedOffer, Status, Step

MAY_BE_READ = {
    "change.kind",
    "change.gaming_day",
    "change.session_started_at",
    "change.occurred_at",
    "change.theoretical_win",
    "facts.worth",
    "facts.segment",
    "facts.tier",
    "facts.visits.day",
    "facts.trip_days",
    "facts.average_bet",
    "facts.games_per_hour",
    "machine.zone",
    "machine.game",
    "offers.kind",
    "offers.steps",
    "day_started_at",
    "now",
}
"""Nothing else. Whoever adds to this says why it is worth, a visit or a preference."""

OF_LOSS = ("actual", "coin_out", "loss", "lost", "won", "net", "paid", "cash", "bill", "jackpot")
"""What names of amounts that players lost or won are made of in this project."""

SITUATION = Situation(
    PlayerChanged(
        kind=ChangeKind.WORTH_CROSSED,
        property_id="north",
        player_id="p-1",
        asset_id="1001",
        session_started_at=1_767_900_000_000,
        gaming_day="2026-01-08",
        occurred_at=1_767_902_400_000,
        theoretical_win=10_000_000,
        worth_step=1,
    ),
    PlayerFacts(
        worth=50_000_000,
        segment="high",
        tier="gold",
        visits=tuple(VisitDay(f"2026-01-0{day}", 10_000_000) for day in (1, 2, 3, 5, 7, 8)),
        trip_days=2,
        average_bet=5_000_000,
        games_per_hour=60_000,
    ),
    Machine("high limit", "dollar video poker"),
    (
        IssuedOffer(
            offer_id="1767900000000-0123456789abcdef",
            property_id="north",
            player_id="p-1",
            asset_id="1001",
            code="meal",
            name="Meal",
            text="A meal",
            kind=Kind.MEAL,
            cost_cents=1_500,
            catalogue_version="0" * 16,
            gaming_day="2026-01-07",
            valid_minutes=30,
            status=Status.ACCEPTED,
            decided_at=1,
            expires_at=2,
            reasons=(),
            steps=(Step(Status.DECIDED, 1, "decide_offers"), Step(Status.ACCEPTED, 2, "game")),
        ),
    ),
    1_767_880_800_000,
    1_767_902_400_000,
)
"""One in which every feature has something to look at."""


class Watched:
    """Something of a situation, which tells what of it is read."""

    def __init__(self, of: Any, name: str, read: set[str]) -> None:
        self._of, self._name, self._read = of, name, read

    def __getattr__(self, name: str) -> Any:
        return watched(getattr(self._of, name), f"{self._name}.{name}".lstrip("."), self._read)

    def __iter__(self) -> Iterator[Any]:
        return (watched(one, self._name, self._read) for one in self._of)

    def __len__(self) -> int:
        return len(self._of)


STRUCTURED = (Situation, PlayerChanged, PlayerFacts, Machine, IssuedOffer, VisitDay)


def watched(value: Any, name: str, read: set[str]) -> Any:
    holds_structures = isinstance(value, tuple) and value and isinstance(value[0], STRUCTURED)
    if isinstance(value, STRUCTURED) or holds_structures:
        return Watched(value, name, read)
    read.add(name)
    return value


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_reads_what_it_says_and_no_more(feature: Feature) -> None:
    read: set[str] = set()

    feature.of(watched(SITUATION, "", read))

    # How many visits there are is read of the days, without a look at any.
    assert read <= set(feature.reads)
    assert read or feature.name == "visits"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_is_of_worth_visits_preferences_and_the_moment(feature: Feature) -> None:
    assert set(feature.reads) <= MAY_BE_READ


def test_features_have_names_of_their_own_and_none_of_a_loss() -> None:
    names = [feature.name for feature in FEATURES]

    assert len(set(names)) == len(names)
    assert [name for name in names if of_loss(name)] == []


@pytest.mark.parametrize("what", [PlayerFacts, PlayerChanged])
def test_what_a_decision_is_made_of_has_no_field_for_a_loss(what: type[msgspec.Struct]) -> None:
    assert [name for name in what.__struct_fields__ if of_loss(name)] == []


def test_facts_of_a_player_are_these() -> None:
    assert PlayerFacts.__struct_fields__ == (
        "worth",
        "segment",
        "tier",
        "visits",
        "trip_days",
        "average_bet",
        "games_per_hour",
    )
    assert VisitDay._fields == ("day", "theoretical_win")


def of_loss(name: str) -> bool:
    return any(part in name.split("_") or part in name for part in OF_LOSS)


def test_a_feature_that_reads_a_loss_is_noticed() -> None:
    """The rule finds what it is there to find."""
    assert of_loss("actual_win_cents")
    assert of_loss("coin_out_cents")
    assert "facts.actual_win_cents" not in MAY_BE_READ
    read: set[str] = set()
    _ = watched(SITUATION, "", read).facts.worth
    assert read == {"facts.worth"}


# --- docs/offers.md -------------------------------------------------------------------------------

DOCUMENT = (Path(__file__).parents[2] / "docs" / "offers.md").read_text(encoding="utf-8")


def test_the_documented_catalogue_is_one() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)

    assert {one.code for one in parse(yaml.safe_load(text)).offers} == {
        "free-play-5",
        "steak-house",
    }


@pytest.mark.parametrize(
    ("heading", "of"), [("An offer", Offer), ("The house", House), ("Machines", Machine)]
)
def test_every_field_of_the_catalogue_is_documented_with_its_default(
    heading: str, of: type[msgspec.Struct]
) -> None:
    section = DOCUMENT.split(f"### {heading}\n")[1].split("\n#")[0]
    told = dict(re.findall(r"^\| `([a-z_.]+)` \| *([^|]*?) *\|", section, re.MULTILINE))
    fields = {field.name: field.default for field in msgspec.structs.fields(of)}
    nested = {f"reach.{name}": None for name in Reach.__struct_fields__}
    if fields.pop("reach", None) is not None:
        fields |= nested

    assert told.keys() == fields.keys()
    for name, default in fields.items():
        if isinstance(default, int):
            assert told[name] == str(default), name
        elif default is msgspec.NODEFAULT:
            assert told[name] == "", name


def test_the_documented_life_of_an_offer_is_its_life() -> None:
    told = dict(re.findall(r"^([a-z_]+) +-> ([a-z_| ]+)$", DOCUMENT, re.MULTILINE))

    assert {name: frozenset(following.split(" | ")) for name, following in told.items()} == {
        str(status): frozenset(map(str, following))
        for status, following in NEXT.items()
        if following
    }
