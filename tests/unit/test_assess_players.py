"""What `assess_players` learns, lets serve, closes the gate for, and keeps for people."""

import math
from collections.abc import Iterator, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from assess_players import handler as door
from assess_players.service import Assessed, assess, foresee
from pitboss.offers.gate import Entry, ListName, Risk
from pitboss.offers.learned import RULES
from pitboss.players import judging
from pitboss.players.families import CHURN, RISK
from pitboss.players.model import BrokenPlayerModel, decode
from pitboss.players.observed import Observation, Use
from pitboss.players.scores import Scores, decode_scores
from pitboss.stores.models import S3Models, of_property
from tests import offer_nights, sample_events

pytestmark = pytest.mark.unit

NOW = 1_775_000_000_000
NAMES = [feature.name for feature in RISK.features]
CHASING = NAMES.index("raises_after_loss")
CLOSES = RISK.closes or 0.0


def players(use: Use, count: int, chance: Random) -> Iterator[Observation]:
    """Players of whom few exclude themselves, those who raise after losses sooner."""
    for number in range(count):
        seen = [chance.gauss() for _ in NAMES]
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
        self.listed: dict[ListName, dict[str, Entry]] = {}

    def risks(self, property_id: str) -> set[str]:
        assert property_id == "north"
        return set(self.found)

    def members(self, property_id: str, name: ListName) -> dict[str, Entry]:
        assert property_id == "north"
        return self.listed.get(name, {})

    def put_risks(self, property_id: str, found: Mapping[str, Risk]) -> None:
        assert property_id == "north"
        self.found = dict(found)


@pytest.fixture
def models() -> Iterator[S3Models]:
    with offer_nights.models() as made:
        yield S3Models(made._bucket, "us-east-1", family=of_property("risk", "north"))


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
    model = decode(models.load(champion.version, champion.sha256), RISK)
    asked = {one.player_id: one for one in FLOOR if one.use is Use.NOW}
    assert risks.found.keys() == {
        name for name, one in asked.items() if model.probability(one.seen) >= model.threshold
    }
    assert 0 < found.at_risk == len(risks.found) <= 2 * CLOSES * len(asked)
    for name, risk in risks.found.items():
        assert risk.score == pytest.approx(model.probability(asked[name].seen), abs=1e-4)
        assert (risk.model_version, risk.scored_at) == (found.version, NOW)
        assert any("raises stakes after losses more" in one for one in risk.reasons)
    card = msgspec.json.decode(models.card(champion.version), type=judging.PlayerCard)
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

    with pytest.raises(BrokenPlayerModel):
        night(models, risks, [one for one in FLOOR if one.use is Use.NOW])
    assert risks.found == closed

    assert night(models, risks, FLOOR).is_promoted  # what is better than none takes its place


# --- who stays away -------------------------------------------------------------------------------

AWAY = [feature.name for feature in CHURN.features].index("days_away")


def guests(count: int, use: Use, chance: Random) -> Iterator[Observation]:
    """Players of whom those stay away sooner who were last there long ago."""
    for number in range(count):
        seen = [chance.gauss() for _ in CHURN.features]
        gone = chance.random() < 1 / (1 + math.exp(-1.5 * seen[AWAY]))
        yield Observation(f"p-{number:04d}", use, tuple(seen), gone and use is not Use.NOW)


def visits() -> list[Observation]:
    chance = Random(4)
    uses = ((Use.LEARN, 300), (Use.HELD_OUT, 200), (Use.NOW, 60))
    return [one for use, count in uses for one in guests(count, use, chance)]


VISITS = visits()


@pytest.fixture
def churn(models: S3Models) -> S3Models:
    bucket: Any = models
    return S3Models(bucket._bucket, "us-east-1", family=of_property("churn", "north"))


def evening(churn: S3Models, risks: Risks, seen: list[Observation], run: str = "r1") -> Assessed:
    return foresee(churn, risks, CHURN, run, "north", seen, NOW)


def kept_scores(churn: S3Models) -> Scores:
    body = churn.scores()
    assert body is not None
    return decode_scores(body)


def test_who_stays_away_is_learned_and_kept_with_reasons(churn: S3Models, risks: Risks) -> None:
    found = evening(churn, risks, VISITS)

    assert found.is_promoted, found.why
    assert (found.scored, found.at_risk, found.serves) == (60, 0, found.version)
    scores = kept_scores(churn)
    assert (scores.run, scores.scored_at, scores.model_version) == ("r1", NOW, found.version)
    told = [one.probability for one in scores.players]
    assert told == sorted(told, reverse=True)
    assert "was last there longer ago than" in scores.players[0].reasons[0]
    champion = churn.champion()
    assert champion is not None
    model = decode(churn.load(champion.version, champion.sha256), CHURN)
    asked = {one.player_id: one.seen for one in VISITS if one.use is Use.NOW}
    assert {one.player_id: one.probability for one in scores.players} == {
        name: pytest.approx(model.probability(seen), abs=1e-4) for name, seen in asked.items()
    }
    card = msgspec.json.decode(churn.card(champion.version), type=judging.PlayerCard)
    assert card.weights[0].feature == "days_away"
    assert card.above > 0.2  # of many it is said, and that keeps it from nothing


def test_of_who_must_not_be_made_offers_no_score_is_kept_anywhere(
    churn: S3Models, risks: Risks
) -> None:
    """Whichever list they are on, and whoever the same night says is of high risk."""
    evening(churn, risks, VISITS, "r0")
    assert len(kept_scores(churn).players) == 60
    risks.found = {"p-0000": Risk(0.9, (), "risk-1", NOW)}
    risks.listed = {
        name: {f"p-{number:04d}": Entry(NOW + number, None, NOW)}  # also who will be, soon
        for number, name in enumerate(ListName, 1)
    }
    over = Entry(NOW - 10, NOW - 1, NOW - 10)
    risks.listed[ListName.OPTED_OUT]["p-0050"] = over

    found = evening(churn, risks, VISITS)

    kept_out = {f"p-{number:04d}" for number in range(1 + len(ListName))}
    assert found.scored == 60 - len(kept_out)
    bucket: Any = churn
    client = bucket._client
    for one in client.list_objects_v2(Bucket=bucket._bucket)["Contents"]:
        body = client.get_object(Bucket=bucket._bucket, Key=one["Key"])["Body"].read().decode()
        assert not any(player in body for player in kept_out), one["Key"]
    assert "p-0050" in {one.player_id for one in kept_scores(churn).players}


def test_where_none_serves_what_was_foreseen_is_gone(churn: S3Models, risks: Risks) -> None:
    evening(churn, risks, VISITS)
    assert churn.roll_back("ann", NOW, "by hand") is not None

    found = evening(churn, risks, VISITS, "r2")

    assert (found.serves, found.scored) == (RULES, 0)
    scores = kept_scores(churn)
    assert (scores.run, scores.model_version, scores.players) == ("r2", RULES, ())


def test_scores_of_others_close_the_gate_for_nobody(churn: S3Models, risks: Risks) -> None:
    closed = dict(risks.found)
    assert evening(churn, risks, VISITS).is_promoted
    assert risks.found == closed


# --- the door -------------------------------------------------------------------------------------


def test_the_handler_reads_what_was_seen_and_says_what_came_of_it(
    models: S3Models, risks: Risks, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = sample_events.load("assess_players")

    def of(family: str) -> S3Models:
        return S3Models(models._bucket, "us-east-1", family=family)

    wiring: Any = SimpleNamespace(standings=risks, models=of)
    monkeypatch.setattr(door, "_wiring", lambda: wiring)
    sample = samples["property"]
    of("risk").put_of_run(sample["run"], "north.json", msgspec.json.encode(FLOOR))
    of("churn").put_of_run(sample["run"], "north.json", msgspec.json.encode(VISITS))

    answer = door.handler(sample, None)

    assert answer["promoted"] is True
    assert answer["serves"] == answer["version"]
    assert answer["at_risk"] == len(risks.found) > 0
    foreseen = door.handler(samples["churn"], None)
    assert (foreseen["promoted"], foreseen["at_risk"]) == (True, 0)
    # Once risk has been assessed: those of high risk are the same players, and have no score.
    assert foreseen["players"] == 60 - sum(f"p-{one:04d}" in risks.found for one in range(60))
    with pytest.raises(Exception, match="there is no model '2020-06-18/north"):
        door.handler(samples["nothing_seen"], None)
