"""The catalogue of offers: what is one, what is none, and how its faults are told."""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pitboss.offers.catalogue import InvalidCatalogue, Kind, decode, encode, parse

CONTENT: dict[str, Any] = {
    "property_id": "north",
    "house": {"daily_budget_cents": 500_000, "jurisdictions": ["US-NV", "US-CA"]},
    "offers": [
        {
            "code": "meal",
            "name": "Dinner for two",
            "text": "Dinner is on us tonight",
            "kind": "meal",
            "cost_cents": 4_000,
            "worth_from_cents": 10_000,
            "worth_below_cents": 50_000,
            "per_day": 40,
            "daily_budget_cents": 160_000,
            "reach": {"zones": ["high limit"], "tiers": ["gold"]},
        },
        {
            "code": "play-5",
            "name": "Free play 5",
            "text": "5 dollars for you",
            "kind": "free_play",
            "cost_cents": 500,
        },
    ],
    "machines": {"1001": {"zone": "high limit", "game": "dollar video poker"}},
}


def with_(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    change(content)
    return content


def test_a_catalogue_is_read_and_what_is_not_said_is_as_documented() -> None:
    found = parse(CONTENT)

    play = found.offer("play-5")
    assert play is not None
    assert (play.kind, play.valid_minutes, play.per_player_day) == (Kind.FREE_PLAY, 30, 1)
    assert (play.per_day, play.daily_budget_cents, play.worth_below_cents) == (None, None, None)
    house = found.house
    assert (house.holdout_basis_points, house.exploration_basis_points) == (500, 1_000)
    assert (house.player_share_basis_points, house.player_window_days) == (3_000, 30)
    assert found.offer("room") is None


def test_a_version_is_of_the_content_alone() -> None:
    shuffled = {name: CONTENT[name] for name in reversed(CONTENT)}
    dearer = with_(lambda content: content["offers"][1].update(cost_cents=501))

    assert parse(shuffled).version == parse(CONTENT).version
    assert parse(dearer).version != parse(CONTENT).version
    assert len(parse(CONTENT).version) == 16


def test_what_is_encoded_is_decoded() -> None:
    found = parse(CONTENT)

    assert decode(encode(found)) == found
    assert parse(msgspec.json.decode(encode(found))) == found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["offers"][0].update(cost_cents=0), "offer 'meal'"),
        (lambda c: c["offers"][0].update(cost_cents=12.5), "offer 'meal'"),
        (lambda c: c["offers"][0].update(costs=1), "costs"),
        (lambda c: c["offers"][1].update(code="Play 5"), "offer 'Play 5'"),
        (lambda c: c["offers"][0].update(kind="car"), "car"),
        (lambda c: c["house"].pop("daily_budget_cents"), "daily_budget_cents"),
        (lambda c: c["house"].update(holdout_basis_points=0), "holdout_basis_points"),
        (lambda c: c["house"].update(exploration_basis_points=99), "exploration_basis_points"),
        (lambda c: c["house"].update(player_window_days=366), "player_window_days"),
    ],
)
def test_a_fault_of_form_is_told_with_its_place(
    change: Callable[[dict[str, Any]], object], told: str
) -> None:
    with pytest.raises(InvalidCatalogue) as fault:
        parse(with_(change))

    assert len(fault.value.faults) == 1
    assert told in fault.value.faults[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(offers=[]), "at least one"),
        (
            lambda c: c.update(offers=[{**c["offers"][1], "code": f"o-{n}"} for n in range(201)]),
            "201",
        ),
        (lambda c: c["house"].update(jurisdictions=[]), "jurisdictions"),
        (lambda c: c["machines"].update({"0012": {}}), "'0012'"),
        (lambda c: c["offers"][0].update(code="none"), "nothing is offered"),
        (lambda c: c["offers"].append(c["offers"][1]), "twice"),
        (lambda c: c["offers"][0].update(worth_below_cents=10_000), "for nobody"),
        (lambda c: c["offers"][0].update(daily_budget_cents=3_999), "never made"),
        (lambda c: c["house"].update(daily_budget_cents=3_999), "never made"),
        (lambda c: c["offers"][0].update(reach={"zones": ["moon"]}), "'moon'"),
    ],
)
def test_a_fault_of_sense_is_told(change: Callable[[dict[str, Any]], object], told: str) -> None:
    with pytest.raises(InvalidCatalogue) as fault:
        parse(with_(change))

    assert any(told in one for one in fault.value.faults)


def test_every_fault_of_sense_is_told_at_once() -> None:
    def change(content: dict[str, Any]) -> None:
        content["offers"][0].update(daily_budget_cents=1, reach={"zones": ["moon"]})
        content["house"].update(jurisdictions=[])

    with pytest.raises(InvalidCatalogue) as fault:
        parse(with_(change))

    assert len(fault.value.faults) == 3


@pytest.mark.parametrize("content", [None, [], "text", 7, {}, {"offers": [None]}])
def test_what_is_no_catalogue_at_all_is_told(content: object) -> None:
    with pytest.raises(InvalidCatalogue):
        parse(content)
