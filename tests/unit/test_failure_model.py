"""Models of failures: what they are learned from, what they say, and what is no model."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest

from pitboss.shufflers import failure_card, failure_model, labels
from pitboss.shufflers.boosting import Boosting, BrokenModel, Calibration, calibrated
from pitboss.shufflers.failure_card import Card, Foreseen, Lasted
from pitboss.shufflers.failure_gate import LEAST_DEVICES, DeviceLoss, decide
from pitboss.shufflers.failure_model import FailureModel, NothingToLearn, Recipe, train
from pitboss.shufflers.features import Plan
from pitboss.shufflers.histories import Happening, History

pytestmark = pytest.mark.unit

HORIZON = 10.0
RECIPE = Recipe(
    plan=Plan(windows=(6.0,), statistics=("last", "mean", "slope"), ages=False),
    horizon=HORIZON,
    boosting=Boosting(rounds=25, rate=0.15, leaves=6, least_rows=10, row_share=1, feature_share=1),
)


def device(seed: int, hours: int = 360) -> History:
    """Its motor draws ever more until it fails and is mended; its lamp says nothing."""
    chance = np.random.default_rng(seed)
    motor, failures, wear = [], [], 0.0
    for hour in range(hours):
        wear += chance.uniform(0, 2 / 60)
        motor.append(wear + chance.normal(0, 0.05))
        if wear > 1:
            failures.append(Happening(hour + 0.5, "motor"))
            wear = 0.0
    return History(
        unit=f"D{seed}",
        times=[float(hour) for hour in range(hours)],
        readings={"motor_ma": motor, "lamp": chance.normal(0, 1, hours).tolist()},
        counts={},
        failures=tuple(failures),
        maintenance=tuple(failures),
    )


@cache
def devices() -> tuple[History, ...]:
    return tuple(device(seed) for seed in range(14))


@cache
def trained() -> failure_model.TrainedModel:
    return train(devices(), RECIPE)


def held_out(card: Card) -> Foreseen:
    assert isinstance(card.held_out, Foreseen)
    return card.held_out


# --- what it is worth -----------------------------------------------------------------------------


def test_failures_that_show_are_foreseen_on_the_last_of_the_time() -> None:
    card = trained().card
    found = held_out(card)

    assert found.pr_auc > 0.8 > 4 * found.positives / found.rows
    assert found.f1 > 0.75
    assert found.failures_foreseen >= 0.9 * found.failures > 10
    assert found.median_lead is not None
    assert 3 < found.median_lead <= HORIZON
    assert found.calibrated.log_loss < 0.5 * found.guessed.log_loss
    assert card.important[0].feature.startswith("motor_ma")
    # The last H of the time have no answer, the quarter before is judged.
    assert card.learned_until is not None
    assert found.rows == 14 * sum(card.learned_until < t <= 359 - HORIZON for t in range(360))


def test_the_same_histories_give_the_same_bytes_in_any_order() -> None:
    again = train(devices()[::-1], RECIPE)

    assert again == trained()
    assert again.card.version == failure_model.version(again.model)


def test_a_card_is_one_json_document() -> None:
    card = trained().card

    assert msgspec.json.decode(msgspec.json.encode(card), type=Card) == card


# --- no leakage -----------------------------------------------------------------------------------


def after(one: History, moment: float) -> History:
    """The same until a moment, and another device's from then on."""
    past, other = labels.until(one, moment), device(999)
    rows = len(past.times)
    return msgspec.structs.replace(
        one,
        readings={
            name: [*past.readings[name], *(10 * v for v in other.readings[name][rows:])]
            for name in past.readings
        },
        failures=(*past.failures, Happening(moment + 1, "motor"), Happening(moment + 40, "lamp")),
        maintenance=past.maintenance,
    )


def test_what_is_held_out_changes_nothing_of_the_model() -> None:
    moment = trained().card.learned_until
    assert moment is not None

    again = train([after(one, moment) for one in devices()], RECIPE)

    assert again.model == trained().model
    assert held_out(again.card).f1 < held_out(trained().card).f1


def test_what_is_calibrated_on_changes_no_tree() -> None:
    moment = labels.moments(devices(), [1 - RECIPE.held_out_share - RECIPE.calibration_share])[0]

    again = json.loads(train([after(one, moment) for one in devices()], RECIPE).model)

    first = json.loads(trained().model)
    assert again["trees"] == first["trees"]
    assert again["calibration"] != first["calibration"]


def test_a_device_is_judged_by_trees_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    grown_on, judged = [], []
    grow, judge = failure_model._grown, FailureModel.judge

    def growing(histories: Any, recipe: Recipe) -> Any:
        grown_on.append({one.unit for one in histories})
        return grow(histories, recipe)

    def judging(self: FailureModel, histories: Any, after: float | None = None) -> Any:
        judged.append({one.unit for one in histories})
        return judge(self, histories, after)

    monkeypatch.setattr(failure_model, "_grown", growing)
    monkeypatch.setattr(FailureModel, "judge", judging)
    few = msgspec.structs.replace(
        RECIPE,
        split="devices",
        folds=3,
        target="remaining-life",
        horizon=30.0,
        boosting=msgspec.structs.replace(RECIPE.boosting, rounds=20),
    )

    card = train(devices()[:6], few).card

    units = {one.unit for one in devices()[:6]}
    assert [sorted(a & b) for a, b in zip(grown_on, judged, strict=False)] == [[], [], []]
    assert set.union(*judged) == units
    assert grown_on[-1] == units
    assert isinstance(card.held_out, Lasted)
    assert card.held_out.devices == 6
    assert card.held_out.rmse < 9 < np.std(np.minimum(np.arange(60), 30))


# --- what it says ---------------------------------------------------------------------------------


def test_reasons_name_what_moved_the_answer() -> None:
    model = FailureModel(trained().model)
    one = device(77)
    probabilities = model.predict(one)
    row = int(np.argmax(probabilities))

    found = model.explain(one, row)

    assert model.latest(one) == probabilities[-1]
    assert found[0].feature.channel == "motor_ma"
    assert found[0].moved > 0.5
    assert [abs(each.moved) for each in found] == sorted(
        (abs(each.moved) for each in found), reverse=True
    )
    values = dict(zip(model.features, model.rows(one)[row], strict=True))
    assert all(values[each.feature] == pytest.approx(each.value, nan_ok=True) for each in found)


def test_what_features_moved_is_all_of_an_answer() -> None:
    model = FailureModel(trained().model)
    one = labels.until(device(77), 40.0)
    bare = model._trees.contributions(model.rows(one))
    calibration = json.loads(trained().model)["calibration"]

    odds = bare.sum(axis=1) * calibration["slope"] + calibration["offset"]
    np.testing.assert_allclose(model.predict(one), 1 / (1 + np.exp(-odds)), rtol=1e-9)


def test_nothing_is_said_of_a_device_of_which_nothing_is_known() -> None:
    model = FailureModel(trained().model)
    nothing = History(unit="new", times=[], readings={}, counts={})

    assert len(model.predict(nothing)) == 0
    with pytest.raises(ValueError, match="new"):
        model.latest(nothing)
    # A device that reports nothing but that it is there has no reading: NaN throughout.
    silent = History(unit="new", times=[1.0], readings={}, counts={})
    assert 0 <= model.latest(silent) <= 1


# --- what cannot be -------------------------------------------------------------------------------


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(trained().model) | changes).encode()


def test_broken_models_are_refused_by_name() -> None:
    found = json.loads(trained().model)
    tree = found["trees"][0]
    for broken, said in (
        (b"", "no model"),
        (b"tree\nversion=v4", "no model"),
        (b"\xff\xfe", "no model"),
        (trained().model[:-40], "no model"),
        (changed(format="pitboss-failures-0"), "pitboss-failures-0"),
        (changed(features=found["features"][1:]), "features"),
        (changed(trees=[tree.replace("leaf_value=", "leaf_value=9", 1)]), "as they were written"),
        (changed(trees=[], trees_sha256=failure_model._digest([])), "no trees"),
    ):
        with pytest.raises(BrokenModel, match=said):
            FailureModel(broken)


@pytest.mark.parametrize(
    ("histories", "said"),
    [
        ([], "no row"),
        ([History(unit="1", times=[], readings={}, counts={})], "no row"),
        ([labels.until(device(1), 5.0)], "too soon"),
        ([msgspec.structs.replace(device(1), failures=())], "nothing to tell apart"),
    ],
)
def test_what_says_too_little_is_said(histories: list[History], said: str) -> None:
    with pytest.raises(NothingToLearn, match=said):
        train(histories, RECIPE)


# --- calibration and figures ----------------------------------------------------------------------


def test_calibration_finds_what_scores_were_distorted_by() -> None:
    chance = np.random.default_rng(1)
    odds = chance.normal(-1, 2, 20_000)
    happened = (chance.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)
    scores = (odds - 1.5) * 2.0  # too sure, and too low

    found = calibrated(scores, happened)

    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(1.5, abs=0.06)
    answers = found.probabilities(scores)
    for one in failure_card.bins(answers, happened):
        if one.rows > 500:
            assert one.observed == pytest.approx(one.expected, abs=0.03)


def test_scores_that_say_nothing_or_the_opposite_say_how_often_it_happens() -> None:
    happened = np.array([0.0, 0.0, 0.0, 1.0] * 50)

    found = calibrated(-happened, happened)

    assert found.probabilities(np.array([-5.0, 5.0])) == pytest.approx([0.25, 0.25])
    assert calibrated(np.zeros(3), np.zeros(3)) == Calibration()


def test_the_figures_are_those_of_their_definitions() -> None:
    answers = np.array([0.9, 0.8, 0.8, 0.4, 0.1])
    truth = np.array([1.0, 0.0, 1.0, 1.0, 0.0])

    # Precision 1, 2/3, 3/4 where recall grows by a third each; the two that tie are one step.
    assert failure_card.average_precision(answers, truth) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert failure_card.at_threshold(answers, truth, 0.8) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # The highest F1 is at 0.4: precision 3/4, recall 1.
    assert failure_card.best_threshold(answers, truth) == pytest.approx(6 / 7 / 2)
    assert failure_card.at_threshold(answers, truth, 1.0) == (0, 0, 0)
    assert failure_card.average_precision(answers, np.zeros(5)) == 0


# --- the gate -------------------------------------------------------------------------------------


@dataclass
class Fleet:
    """Devices, of whose rows a challenger is `gain` less wrong, give or take `noise`."""

    gain: float
    noise: float
    devices: int = 30
    failed: int = 10

    def decided(self) -> Any:
        chance = np.random.default_rng(5)
        champion, challenger = {}, {}
        for number in range(self.devices):
            loss, positives = 100 * chance.uniform(0.1, 0.2), int(number < self.failed)
            champion[f"D{number}"] = DeviceLoss(100, positives, loss)
            less = 100 * (self.gain + self.noise * chance.normal())
            challenger[f"D{number}"] = DeviceLoss(100, positives, loss - less)
        return decide(challenger, champion)


@pytest.mark.parametrize(
    ("fleet", "promote", "said"),
    [
        (Fleet(gain=0.02, noise=0.02), True, "is less by 0.0"),
        (Fleet(gain=0.002, noise=0.05), False, "not surely better"),
        (Fleet(gain=-0.02, noise=0.01), False, "not surely better"),
        (Fleet(gain=0, noise=0), False, "nothing to promote"),
        (Fleet(gain=0.02, noise=0.01, devices=LEAST_DEVICES - 1), False, "Too little"),
        (Fleet(gain=0.02, noise=0.01, failed=4), False, "of which 4 failed"),
        (Fleet(gain=float("nan"), noise=0), False, "not a number"),
    ],
)
def test_only_what_is_surely_better_is_promoted(fleet: Fleet, promote: bool, said: str) -> None:
    found = fleet.decided()

    assert found.promote is promote
    assert said in found.reason
    if promote:
        assert 0 < found.low < found.gain < found.high


def test_two_models_are_compared_on_the_same_rows() -> None:
    with pytest.raises(ValueError, match="same rows"):
        decide({"1": DeviceLoss(3, 1, 0.5)}, {"1": DeviceLoss(4, 1, 0.5)})


def test_a_model_that_tells_failures_is_promoted_over_guessing() -> None:
    model = FailureModel(trained().model)
    judged = model.judge(devices(), after=trained().card.learned_until)

    found = decide(model.losses(judged), model.losses(judged, guess=model.base))

    assert found.promote
    assert found.rows == held_out(trained().card).rows
