"""The use case of `evaluate_policy`: a run's model judged on days it has not seen."""

import io
import json
import tarfile
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest

from evaluate_policy import handler as door
from evaluate_policy.service import NoModelInArchive
from pitboss.offers import card as cards
from pitboss.offers.card import Served, judge
from pitboss.offers.learned import RULES, features_of
from pitboss.offers.learning import Scorer
from pitboss.offers.logs import Action, LoggedDecision
from pitboss.offers.outcomes import TrainingSummary, Uplift
from pitboss.offers.training import fit, to_lines
from pitboss.stores.models import HELD_OUT, SUMMARY, TRAIN, S3Models
from tests import offer_nights, sample_events

pytestmark = pytest.mark.unit

ACTIONS = (Action("none", "none", 0), Action("meal", "meal", 500), Action("room", "room", 4_000))
RUN = "2020-06-17"


def log(days: list[str], rows_a_day: int, seed: int, *, is_personal: bool = True) -> Any:
    """Even odds; a meal brings much to those who like one, and a room costs more than it brings."""
    chance = Random(seed)
    found = []
    for day in days:
        for _ in range(rows_a_day):
            likes = chance.choice(("0", "1"))
            action = chance.choice(ACTIONS)
            reward = int(chance.gammavariate(4, 250))
            if action.code == "meal":
                reward += 1_500 if likes == "1" and is_personal else -500
            elif action.code == "room":
                reward -= 1_000 if is_personal else 0
            found.append(
                LoggedDecision(
                    day=day,
                    features=features_of({"accepted_meal": likes, "accepted_room": "0"}),
                    actions=ACTIONS,
                    chosen=action.code,
                    propensities=(333_334, 333_333, 333_333),
                    reward=reward,
                )
            )
    return found


SUMMARY_OF = TrainingSummary(
    days=["2026-01-01", "2026-01-02"],
    held_out_days=["2026-01-02"],
    decisions=3_300,
    open_windows=0,
    without_choice={},
    train_rows=1_500,
    held_out_rows=1_500,
    cap_cents=10_000,
    capped=0,
    rejected=0,
    chosen={},
    models={},
    uplift=Uplift(0, 0, None, None, None),
    why_not=None,
)
TRAINED, JUDGED = log(["2026-01-01"], 1_500, 1), log(["2026-01-02"], 1_500, 2)


CURVE = (0.25,)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "CURVE", CURVE)
    monkeypatch.setattr(cards, "EXPLAINED_ROWS", 5)


@cache
def model() -> bytes:
    return fit(to_lines(TRAINED), {})


@cache
def card() -> cards.Card:
    return judge("r", model(), Served(RULES, None), TRAINED, JUDGED, SUMMARY_OF, {})


def test_a_model_that_is_surely_better_than_the_rules_is_promoted() -> None:
    # The rules make the dearest offer, which is the room.
    assert card().gate.promote, card().gate.why
    low = card().gate.difference.low
    assert low is not None
    assert low > 0
    values = {name: one.dr.value for name, one in card().policies.items()}
    assert values["challenger"] == pytest.approx(1_750, abs=120)
    assert values["champion"] == values["always-room"] == pytest.approx(0, abs=120)
    assert values["none"] == pytest.approx(1_000, abs=120)
    assert set(values) == {
        *("challenger", "champion", "random", "none", "always-meal", "always-room")
    }


def test_a_model_that_decides_as_the_champion_does_is_kept_out() -> None:
    served = Served("v1", Scorer(model()))
    found = judge("r", model(), served, TRAINED[:300], JUDGED[:1_200], SUMMARY_OF, {})
    assert not found.gate.promote
    assert "nothing to promote" in found.gate.why
    assert found.champion == "v1"


def test_where_nothing_can_be_learned_nothing_is_promoted() -> None:
    trained = log(["2026-01-01"], 400, 3, is_personal=False)
    judged = log(["2026-01-02"], 900, 4, is_personal=False)
    by_room = Served(RULES, None)
    found = judge("r", fit(to_lines(trained), {}), by_room, trained, judged, SUMMARY_OF, {})
    assert not found.gate.promote
    assert "not surely better" in found.gate.why


def test_a_model_that_expects_no_number_is_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Scorer):
        def score(self, features: Any, actions: Any) -> list[float]:
            return [float("nan")] * len(actions)

    monkeypatch.setattr(cards, "Scorer", Broken)
    found = judge("r", model(), Served(RULES, None), TRAINED[:100], JUDGED[:400], SUMMARY_OF, {})
    assert not found.gate.promote
    assert "not a number" in found.gate.why
    assert found.policies["challenger"].dr.value is None
    assert b"NaN" not in msgspec.json.encode(found)


def test_a_card_has_all_that_its_pictures_show() -> None:
    found = card()
    assert found.version == f"r-{found.sha256[:8]}"
    assert [point.share for point in found.learning_curve] == [*CURVE, 1.0]
    assert found.learning_curve[-1].value == found.policies["challenger"].dr
    assert sum(one.rows for one in found.calibration) == len(JUDGED)
    assert [one.predicted for one in found.calibration] == sorted(
        one.predicted or 0 for one in found.calibration
    )
    assert sum(one.rows for one in found.propensities) == len(JUDGED)
    assert [one.low for one in found.propensities if one.rows] == [0.2]
    assert found.weights[0].feature == "accepted_meal"
    assert found.policies["random"].effective_rows == pytest.approx(len(JUDGED), rel=0.001)


def test_the_same_run_has_the_same_card() -> None:
    one, other = (
        judge("r", model(), Served(RULES, None), TRAINED[:200], JUDGED[:300], SUMMARY_OF, {})
        for _ in range(2)
    )
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


# --- the handler ----------------------------------------------------------------------------------


def archived(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, body in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return content.getvalue()


def laid_out(models: S3Models, monkeypatch: pytest.MonkeyPatch) -> None:
    models.put_of_run(RUN, TRAIN, to_lines(TRAINED[:200]))
    models.put_of_run(RUN, HELD_OUT, to_lines(JUDGED[:900]))
    models.put_of_run(RUN, SUMMARY, msgspec.json.encode(SUMMARY_OF))
    models.put_of_run(RUN, "model.vw", model())
    job = "jobs/pitboss-1/output/model.tar.gz"
    models.put_of_run(RUN, job, archived(("model.vw", model())))
    stub = type("Wiring", (), {"models": models})
    monkeypatch.setattr(door, "_wiring", lambda: stub)


def test_a_functions_model_and_a_jobs_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    with offer_nights.models() as models:
        laid_out(models, monkeypatch)
        answers = {
            case: door.handler(event, None)
            for case, event in sample_events.load("evaluate_policy").items()
        }
        assert answers.keys() == {"job", "model"}
        assert answers["job"] == answers["model"]
        answer = answers["model"]
        assert (answer["promote"], answer["replaces"]) == (True, "")
        assert models.versions() == [answer["version"]]
        kept = json.loads(models.card(answer["version"]))
        assert kept["gate"]["why"] == answer["why"]
        assert models.load(answer["version"], kept["sha256"]) == model()
        assert models.champion() is None


def test_a_model_is_compared_with_the_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    with offer_nights.models() as models:
        laid_out(models, monkeypatch)
        event = sample_events.load("evaluate_policy")["model"]
        first = door.handler(event, None)
        assert models.promote(first["version"], "x", 1, None, "y")
        with pytest.raises(Exception, match="is there already"):
            door.handler(event, None)  # the same run's version has another card now
        models.put_of_run("r2", TRAIN, to_lines(TRAINED[:200]))
        for name in (HELD_OUT, SUMMARY, "model.vw"):
            models.put_of_run("r2", name, models.of_run(RUN, name))
        again = door.handler({**event, "run": "r2"}, None)
        assert (again["promote"], again["replaces"]) == (False, first["version"])


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", archived(("other", b"x"))],
    ids=["nothing", "no archive", "another file"],
)
def test_a_job_without_a_model_is_told(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with offer_nights.models() as models:
        laid_out(models, monkeypatch)
        models.put_of_run(RUN, "jobs/pitboss-1/output/model.tar.gz", content)
        with pytest.raises(NoModelInArchive):
            door.handler(sample_events.load("evaluate_policy")["job"], None)
        assert models.versions() == []
