"""A model learns who likes what, is the same bytes each time, and says why."""

import math
from functools import cache
from random import Random

import pytest

from pitboss.offers.learning import (
    MAGIC,
    BrokenModel,
    Recipe,
    Scorer,
    cross_fitted,
    train,
    version,
)
from pitboss.offers.logs import Action, Features, LoggedDecision
from workbench.response_floor import ACTIONS, ResponseFloor, base, expected

pytestmark = pytest.mark.unit

NONE, MEAL, SHOW = (Action(code, code, cost) for code, cost in (("none", 0), ("m", 9), ("s", 9)))
THREE = (NONE, MEAL, SHOW)


def features(game: str, worth: int) -> Features:
    return (("game: a|b", game), ("worth", worth))


@cache
def log(decisions: int = 3_000, seed: int = 1) -> tuple[LoggedDecision, ...]:
    """Reel players take meals, card players shows; and who is worth ten times gives ten times."""
    chance = Random(seed)
    found = []
    for _ in range(decisions):
        game, worth = chance.choice(("reels", "cards")), chance.choice((100, 1_000))
        action = chance.choice(THREE)
        likes = action.code == {"reels": "m", "cards": "s"}[game]
        reward = round(worth * (1 + 0.5 * likes) * chance.uniform(0.5, 1.5))
        found.append(
            LoggedDecision(
                day="2026-01-01",
                features=features(game, worth),
                actions=THREE,
                chosen=action.code,
                propensities=(333_334, 333_333, 333_333),
                reward=reward - (9 if likes else 0),
            )
        )
    return tuple(found)


@cache
def learned(method: str = "direct") -> Scorer:
    return Scorer(train(log(), Recipe(method=method)))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["direct", "mtr", "dr"])
@pytest.mark.parametrize("worth", [100, 1_000])
def test_each_gets_what_they_like_at_what_it_is_worth(method: str, worth: int) -> None:
    reels = learned(method).score(features("reels", worth), THREE)
    cards = learned(method).score(features("cards", worth), THREE)

    assert max(reels) == reels[1] == pytest.approx(1.5 * worth, rel=0.15)
    assert max(cards) == cards[2] == pytest.approx(1.5 * worth, rel=0.15)
    assert reels[0] == pytest.approx(worth, rel=0.15)


def test_an_offer_never_seen_is_known_by_its_kind() -> None:
    new = Action("m-2", "m", 9)

    none, score = learned().score(features("reels", 1_000), (NONE, new))

    assert score > none * 1.1


def test_the_same_log_gives_the_same_bytes_and_another_seed_others() -> None:
    model = train(log(), Recipe())

    assert train(list(log()), Recipe()) == model
    assert version(train(log(), Recipe(seed=2))) != version(model)
    assert Scorer(model).score(features("reels", 100), THREE) == learned().score(
        features("reels", 100), THREE
    )
    assert Scorer(model).decisions == 3_000


def test_asking_changes_nothing_and_order_says_nothing() -> None:
    context = features("reels", 100)
    first = learned().score(context, THREE)

    assert [learned().score(context, THREE) for _ in range(20)] == [first] * 20
    assert learned().score(context[::-1], THREE[::-1]) == pytest.approx(first[::-1])


def test_reasons_name_the_feature_that_speaks_for_the_offer() -> None:
    found = learned().contributions(features("reels", 1_000), MEAL)
    against = dict(learned().contributions(features("cards", 1_000), MEAL))

    assert {name for name, _ in found} == {"game: a|b", "worth"}
    assert dict(found)["game: a|b"] > 20
    assert against["game: a|b"] < -20


@pytest.mark.parametrize("value", ["", " ", "a b", "a:3", "|x", "'0", "é\n", "%", "a=b"])
def test_a_word_of_any_letters_is_a_word(value: str) -> None:
    known = [
        LoggedDecision(
            day="2026-01-01",
            features=(("word", word),),
            actions=(NONE, MEAL),
            chosen="m",
            propensities=(0, 1_000_000),
            reward=1_000 if word == value else 100,
        )
        for word in [value, "other"] * 100
    ]
    scorer = Scorer(train(known))

    assert scorer.score((("word", value),), [MEAL])[0] > 600
    assert scorer.score((("word", "other"),), [MEAL])[0] < 300


def test_amounts_below_zero_and_none_and_unknown_words_are_amounts_and_words() -> None:
    for context in ((("worth", -5),), (("worth", 0),), (("worth", 0.25),), (("new", "x"),), ()):
        assert all(map(math.isfinite, learned().score(context, THREE)))


def test_what_was_never_seen_is_bounded_by_what_was() -> None:
    scores = learned().score((("game: a|b", "dice"), ("worth", 10**15)), THREE)

    assert max(map(abs, scores)) < 20_000


def test_amounts_next_to_a_knot_are_as_good_as_others() -> None:
    # Powers of two are: log2(1 + 1,024) is 10.0014.
    chance = Random(1)
    bands = [
        LoggedDecision(
            day="2026-01-01",
            features=(("worth", worth := 1 << chance.choice((8, 9, 11, 12))),),
            actions=THREE,
            chosen=chance.choice(THREE).code,
            propensities=(333_334, 333_333, 333_333),
            reward=round(worth * chance.uniform(0.5, 1.5)),
        )
        for _ in range(2_000)
    ]
    scorer = Scorer(train(bands))

    for octave in (8, 9, 10, 11, 12):
        for score in scorer.score((("worth", 1 << octave),), THREE):
            assert 0.4 * 2**octave < score < 2 * 2**octave


@pytest.mark.parametrize(
    "damage",
    [
        lambda model: b"",
        lambda model: model[len(MAGIC) :],
        lambda model: model[:-1],
        lambda model: MAGIC + b"\x81",
        lambda model: model[:300],
    ],
)
def test_a_broken_model_is_refused(damage: object) -> None:
    with pytest.raises(BrokenModel):
        Scorer(damage(train(log()[:100])))  # type: ignore[operator]


def test_nothing_is_learned_from_nothing_and_something_from_one_decision() -> None:
    with pytest.raises(ValueError, match="no decision"):
        train([])
    assert all(map(math.isfinite, Scorer(train(log()[:1])).score((), THREE)))


def test_predictions_are_of_models_that_did_not_see_the_decision() -> None:
    # A reward that only remembering could give: a model that saw the row would expect it.
    noise = [
        LoggedDecision(
            day="2026-01-01",
            features=(("player", str(number)),),
            actions=(NONE, MEAL),
            chosen="m",
            propensities=(500_000, 500_000),
            reward=(-1) ** number * 1_000,
        )
        for number in range(200)
    ]

    found = cross_fitted(noise, folds=2)

    agree = sum(scores[1] * one.reward > 0 for scores, one in zip(found, noise, strict=True))
    assert len(found) == 200
    assert 60 < agree < 140


# --- the simulated floor --------------------------------------------------------------------------


def test_the_floor_s_expectations_are_what_its_dice_give() -> None:
    floor = ResponseFloor(3)
    for action in ACTIONS:
        moments = [floor.moment() for _ in range(4_000)]
        gains = [floor.reward(one, action) - expected(one, action) for one in moments]
        mean = math.fsum(gains) / len(gains)
        error = math.sqrt(math.fsum(g * g for g in gains) / len(gains) / len(gains))
        assert abs(mean) < 3.5 * error
    assert expected(moments[0], ACTIONS[0]) == base(moments[0])


def test_one_seed_is_one_floor() -> None:
    one, same, other = (ResponseFloor(seed).moment() for seed in (1, 1, 2))

    assert one == same != other
