"""What `assess_risk` learns, lets serve, and closes the gate for."""

import math
from collections.abc import Iterator, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from assess_risk import handler as door
from assess_risk.service import Assessed, assess
from pitboss.offers.gate import Risk
from pitboss.offers.learned import RULES
from pitboss.players import judging
from pitboss.players.judging import CLOSES, MOST_CLOSED
from pitboss.players.observed import Observation, Use
from pitboss.players.risk import BrokenRiskModel, decode, names
from pitboss.stores.models import RISK, S3Models, risk_of
from tests import offer_nights, sample_events

pytestmark = pytest.mark.unit

NOW = 1_775_000_000_000
CHASING = names().index("raises_after_loss")


def players(use: Use, count: int, chance: Random) -> Iterator[Observation]:
    """Players of whom few exclude themselves, those who raise after losses sooner."""
    for number in range(count):
        seen = [chance.gauss() for _ in names()]
        odds = -3.8 + 1.4 * seen[CHASING]
        happened = use is not Use.NOW and chance.random() < 1 / (1 + math.exp(-odds))
        yield Observation(f"p-{number:04d}", use, tuple(seen), happened)


def floor(seed: int = 1) -> list[Observation]:
    """A property's players at three moments."""
    chance = Random(seed)
    return [
        one
        for use, count in ((Use.LEARN, 900), (Use.HELD_OUT, 700), (Use.NOW, 300))
        for one in players(use, count, chance)
    ]


FLOOR = floor()


class Risks:
    """Whom the gate is closed for."""

    def __init__(self) -> None:
        self.found: Mapping[str, Risk] = {"p-before": Risk(0.5, (), "risk-0", 1)}

    def put_risks(self, property_id: str, found: Mapping[str, Risk]) -> None:
        assert property_id == "north"
        self.found = dict(found)


@pytest.fixture
def models() -> Iterator[S3Models]:
    with offer_nights.models() as made:
        yield S3Models(made._bucket, "us-east-1", family=risk_of("north"))


@pytest.fixture
def risks() -> Risks:
    return Risks()


def night(models: S3Models, risks: Risks, seen: list[Observation], run: str = "r1") -> Assessed:
    return assess(models, risks, run, "north", seen, NOW)


def test_a_model_that_foresees_serves_and_closes_the_gate_for_few(
    models: S3Models, risks: Risks
) -> None:
    found = night(models, risks, FLOOR)

    assert found.is_promoted, found.why
    assert (found.serves, found.scored) == (found.version, 300)
    champion = models.champion()
    assert champion is not None
    model = decode(models.load(champion.version, champion.sha256))
    asked = {one.player_id: one for one in FLOOR if one.use is Use.NOW}
    assert risks.found.keys() == {
        name for name, one in asked.items() if model.probability(one.seen) >= model.threshold
    }
    assert 0 < found.at_risk == len(risks.found) <= MOST_CLOSED * len(asked)
    for name, risk in risks.found.items():
        assert risk.score == pytest.approx(model.probability(asked[name].seen), abs=1e-4)
        assert (risk.model_version, risk.scored_at) == (found.version, NOW)
        assert any("raises stakes after losses more" in one for one in risk.reasons)
    card = msgspec.json.decode(models.card(champion.version), type=judging.RiskCard)
    calm = [one for one in FLOOR if one.use is Use.LEARN and not one.happened]
    flagged = sum(model.probability(one.seen) >= model.threshold for one in calm)
    assert flagged <= CLOSES * len(calm) + 1
    assert (card.players, card.held_out_players) == (900, 700)
    assert card.auroc is not None
    assert card.auroc.low > 0.7
    assert card.brier < card.guessed_brier
    assert card.weights[0].feature == "raises_after_loss"


def test_the_same_night_again_changes_nothing(models: S3Models, risks: Risks) -> None:
    first = night(models, risks, FLOOR)
    closed = risks.found
    again = night(models, risks, FLOOR)

    assert (again.version, again.serves, again.is_promoted) == (first.version, first.version, False)
    assert risks.found == closed
    assert len(models.versions()) == 1


def test_without_a_model_that_serves_the_gate_is_closed_for_nobody(
    models: S3Models, risks: Risks
) -> None:
    few = [one for one in FLOOR if not one.happened]
    found = night(models, risks, few)
    assert (found.version, found.serves, found.scored) == (None, RULES, 0)
    assert "at least 25 of each" in found.why
    assert risks.found == {}

    held = [one for one in FLOOR if one.use is Use.HELD_OUT]
    others = [replace(one, seen=other.seen) for one, other in zip(held, held[::-1], strict=True)]
    useless = night(models, risks, [one for one in FLOOR if one.use is not Use.HELD_OUT] + others)
    assert not useless.is_promoted
    assert "not surely better" in useless.why
    assert (useless.serves, risks.found) == (RULES, {})

    now_alone = [one for one in FLOOR if one.use is Use.NOW]
    assert "no player is held out" in night(models, risks, now_alone).why


def test_a_model_that_would_close_it_for_many_does_not_serve(
    models: S3Models, risks: Risks
) -> None:
    """All who are held out play as those do who exclude themselves, and many of them do."""
    chance = Random(3)
    shifted = [
        replace(
            one,
            seen=tuple(
                value + 3 * (place == CHASING) for place, value in enumerate(one.seen) if value
            ),
            happened=chance.random() < 0.5,
        )
        if one.use is Use.HELD_OUT
        else one
        for one in FLOOR
    ]
    found = night(models, risks, shifted)

    assert not found.is_promoted
    assert "would close the gate for" in found.why
    assert risks.found == {}


def test_rolled_back_the_gate_is_open_with_the_next_night(models: S3Models, risks: Risks) -> None:
    version = night(models, risks, FLOOR).version
    assert risks.found
    assert models.roll_back("ann", NOW, "by hand") is not None
    few = [one for one in FLOOR if one.use is Use.NOW]
    found = night(models, risks, FLOOR, "r2")  # nothing is new

    assert (found.version, found.serves, found.is_promoted) == (version, RULES, False)
    assert "it is not promoted again" in found.why
    assert risks.found == {}
    assert models.promote(version or "", "ann", NOW, RULES, "again")
    assert night(models, risks, few, "r3").at_risk > 0


def test_a_model_that_cannot_be_read_leaves_the_gate_as_it_is(
    models: S3Models, risks: Risks
) -> None:
    models.put_version("risk-broken", b"no model", b"{}")
    assert models.promote("risk-broken", "ann", NOW, None, "by hand")
    closed = risks.found

    with pytest.raises(BrokenRiskModel):
        night(models, risks, [one for one in FLOOR if one.use is Use.NOW])
    assert risks.found == closed

    assert night(models, risks, FLOOR).is_promoted  # what is better than none takes its place


def test_the_handler_reads_what_was_seen_and_says_what_came_of_it(
    models: S3Models, risks: Risks, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = sample_events.load("assess_risk")
    runs = S3Models(models._bucket, "us-east-1", family=RISK)
    wiring: Any = SimpleNamespace(runs=runs, standings=risks, models={"north": models}.__getitem__)
    monkeypatch.setattr(door, "_wiring", lambda: wiring)
    sample = samples["property"]
    runs.put_of_run(sample["run"], "north.json", msgspec.json.encode(FLOOR))

    answer = door.handler(sample, None)

    assert answer["promoted"] is True
    assert answer["serves"] == answer["version"]
    assert answer["at_risk"] == len(risks.found) > 0
    with pytest.raises(Exception, match="there is no model '2020-06-18/north"):
        door.handler(samples["nothing_seen"], None)
