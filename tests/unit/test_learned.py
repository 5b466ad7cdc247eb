"""The policy of a model, and where a decision gets the one that serves."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random

import pytest

from pitboss.offers import logs
from pitboss.offers.learned import (
    RULES,
    Champion,
    LearnedPolicy,
    PolicySource,
    SenselessModel,
    features_of,
)
from pitboss.offers.learning import Recipe, Scorer, train
from pitboss.offers.logs import Features, LoggedDecision
from pitboss.offers.policy import NOTHING, Action, RulePolicy, reasons

pytestmark = pytest.mark.unit

MEAL = Action("meal", "meal", 500)


def a_model(seed: int = 1) -> bytes:
    """One that has seen that a meal pays where one was accepted before."""
    chance = Random(seed)
    log = []
    for n in range(400):
        accepted = str(chance.randrange(2))
        chosen = chance.choice(("none", "meal"))
        reward = 3_000 if chosen == "meal" and accepted == "1" else 100
        log.append(
            LoggedDecision(
                day="2026-01-01",
                features=features_of({"accepted_meal": accepted, "time": "night"}),
                actions=(logs.Action("none", "none", 0), logs.Action("meal", "meal", 500)),
                chosen=chosen,
                propensities=(500_000, 500_000),
                reward=reward + n % 7,
            )
        )
    return train(log, Recipe(seed=seed))


MODEL = a_model()


class MemoryModels:
    def __init__(self, *models: tuple[str, bytes]) -> None:
        self.models = dict(models)
        self.serves: str | None = models[0][0] if models else None
        self.fault: Exception | None = None
        self.loads: list[str] = []
        self.looks = 0

    def champion(self) -> Champion | None:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        if self.serves is None:
            return None
        digest = sha256(self.models.get(self.serves, b"")).hexdigest()
        return Champion(self.serves, digest, 0, "x", None, ())

    def load(self, version: str, sha256: str) -> bytes:
        self.loads.append(version)
        return self.models[version]


class Wired:
    def __init__(self, *models: tuple[str, bytes]) -> None:
        self.now = 1_000_000
        self.models = MemoryModels(*models)
        self.fell_back: list[str] = []
        self.source = PolicySource(self.models, lambda: self.now, 60, self.fell_back.append)

    def version(self) -> str:
        return self.source.policy().version


def test_without_a_champion_the_rules_decide_and_that_is_no_fault() -> None:
    wired = Wired()
    assert isinstance(wired.source.policy(), RulePolicy)
    assert wired.fell_back == []


def test_the_rules_can_be_the_champion() -> None:
    wired = Wired((RULES, b""))
    assert wired.version() == RULES
    assert (wired.models.loads, wired.fell_back) == ([], [])


def test_the_champion_is_loaded_once_and_looked_at_again_after_a_while() -> None:
    wired = Wired(("v1", MODEL), ("v2", a_model(2)))
    assert [wired.version() for _ in range(5)] == ["v1"] * 5
    wired.models.serves = "v2"
    wired.now += 59_999
    assert wired.version() == "v1"
    wired.now += 1
    assert wired.version() == "v2"
    wired.now += 600_000
    assert wired.version() == "v2"
    assert (wired.models.loads, wired.models.looks) == (["v1", "v2"], 3)


@pytest.mark.parametrize("broken", [b"", b"no model", MODEL[: len(MODEL) // 2]])
def test_a_broken_model_leaves_the_rules_and_every_decision_says_so(broken: bytes) -> None:
    wired = Wired(("v1", broken))
    assert [wired.version() for _ in range(3)] == [RULES] * 3
    assert len(wired.fell_back) == 3
    assert "BrokenModel" in wired.fell_back[0]
    assert wired.models.loads == ["v1"]  # not tried again until it is looked again


def test_a_missing_model_leaves_the_one_that_served() -> None:
    wired = Wired(("v1", MODEL))
    assert wired.version() == "v1"
    wired.models.serves = "v2"  # whose object is not there
    wired.now += 60_000
    assert wired.version() == "v1"
    assert "KeyError" in wired.fell_back[0]
    wired.models.serves = "v1"
    wired.now += 60_000
    assert wired.version() == "v1"
    assert len(wired.fell_back) == 1


def test_a_bucket_that_does_not_answer_raises_nothing() -> None:
    wired = Wired(("v1", MODEL))
    wired.models.fault = RuntimeError("no bucket")
    assert wired.version() == RULES
    wired.models.fault = None
    wired.now += 60_000
    assert wired.version() == "v1"
    assert len(wired.fell_back) == 1


def test_a_clock_that_went_back_is_looked_after() -> None:
    wired = Wired(("v1", MODEL))
    wired.version()
    wired.now -= 10_000_000
    wired.version()
    assert wired.models.looks == 2


class Nonsense:
    def score(self, features: Features, actions: Sequence[logs.Action]) -> list[float]:
        return [float("nan") for _ in actions]

    def contributions(self, features: Features, action: logs.Action) -> list[tuple[str, float]]:
        return []


def test_a_model_without_sense_is_no_policy() -> None:
    with pytest.raises(SenselessModel):
        LearnedPolicy("v1", Nonsense())


def test_the_policy_asks_the_model_and_says_why() -> None:
    policy = LearnedPolicy("v1", Scorer(MODEL))
    liked, not_liked = ({"accepted_meal": n, "time": "night"} for n in ("1", "0"))
    none, meal = policy.scores(liked, [NOTHING, MEAL])
    assert meal - none > 1_000
    assert policy.scores(not_liked, [MEAL])[0] < meal - 1_000
    assert "meal accepted once" in reasons(policy, liked, MEAL)


def test_the_order_in_which_a_context_is_written_says_nothing() -> None:
    policy = LearnedPolicy("v1", Scorer(MODEL))
    one = {"accepted_meal": "1", "time": "night"}
    other = dict(reversed(one.items()))
    assert policy.scores(one, [MEAL]) == policy.scores(other, [MEAL])
