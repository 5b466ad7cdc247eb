"""The policy that a model is, and where a function gets the one that serves.

A decision never waits for a model that is not there and never fails for one that is broken: it is
made by the rules of the house instead, and that is counted.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.errors import TerminalError
from pitboss.offers import logs
from pitboss.offers.context import Context
from pitboss.offers.logs import Features
from pitboss.offers.policy import NOTHING, Action, Policy, RulePolicy

RULES = RulePolicy.version
"""The version that is no model: the champion where the house goes by its rules."""

CHECK_SECONDS = 60
"""After so long it is looked again which model is the champion."""


class Promotion(Struct, frozen=True):
    """That a version became the one that serves."""

    version: str
    sha256: str
    """Of the model's bytes, in hexadecimal; empty for the rules."""
    promoted_at: int
    """Epoch milliseconds."""
    promoted_by: str
    why: str
    previous: str | None
    """The version that a rollback goes to; None for the rules, before any promotion."""


class Champion(Struct, frozen=True):
    """The version that serves, and all that served before it."""

    version: str
    sha256: str
    promoted_at: int
    promoted_by: str
    previous: str | None
    history: tuple[Promotion, ...]
    """Every promotion and rollback that is kept, the newest first; the first is this one."""


class Models(Protocol):
    """Where models are kept; see `pitboss.stores.models.S3Models`."""

    def champion(self) -> Champion | None: ...
    def load(self, version: str, sha256: str) -> bytes: ...


class Scores(Protocol):
    """What a model says; see `pitboss.offers.learning.Scorer`."""

    def score(self, features: Features, actions: Sequence[logs.Action]) -> list[float]: ...
    def contributions(self, features: Features, action: logs.Action) -> list[tuple[str, float]]: ...


class SenselessModel(TerminalError):
    """A model that gives no finite number for making no offer."""

    def __init__(self, version: str) -> None:
        super().__init__(f"the model {version} expects no finite number of making no offer")


def features_of(context: Context) -> Features:
    """A context as models learn it and are asked by it: by name, so that order says nothing."""
    return tuple(sorted(context.items()))


def logged_action(action: Action) -> logs.Action:
    """An action as models know it."""
    return logs.Action(action.code, action.kind, action.cost_cents)


class LearnedPolicy:
    """A policy that goes by what a model expects, in cents of net value.

    Raises:
        SenselessModel: at making it, where the model expects no finite number.
    """

    def __init__(self, version: str, scorer: Scores) -> None:
        self.version = version
        self._scorer = scorer
        if not math.isfinite(self.scores({}, [NOTHING])[0]):
            raise SenselessModel(version)

    def scores(self, context: Context, actions: Sequence[Action]) -> list[float]:
        return self._scorer.score(features_of(context), [logged_action(one) for one in actions])

    def contributions(self, context: Context, action: Action) -> list[tuple[str, float]]:
        return self._scorer.contributions(features_of(context), logged_action(action))


class _Served(NamedTuple):
    version: str
    sha256: str
    policy: Policy


class PolicySource:
    """The champion's policy: a model is loaded once per version, and never in vain.

    What cannot be read, or is broken, leaves the policy that served before, or the rules where none
    did. It raises nothing: a decision is made whatever became of a model.
    """

    def __init__(
        self,
        models: Models,
        now: Callable[[], int],
        check_seconds: int = CHECK_SECONDS,
        fell_back: Callable[[str], None] = lambda why: None,
    ) -> None:
        """Of the champion of `models`.

        Args:
            models: where they are kept.
            now: the moment, in epoch milliseconds.
            check_seconds: how long a look at which one serves is good for.
            fell_back: told the reason for each decision that is not made by the champion.
        """
        self._models = models
        self._now = now
        self._check_ms = check_seconds * 1_000
        self._fell_back = fell_back
        self._served = _Served(RULES, "", RulePolicy())
        self._looked_at: int | None = None
        self._fault: str | None = None

    def policy(self) -> Policy:
        """The policy to decide by, now."""
        now = self._now()
        if self._looked_at is None or not 0 <= now - self._looked_at < self._check_ms:
            self._looked_at = now
            try:
                self._look()
                self._fault = None
            except Exception as fault:  # noqa: BLE001 - no fault of a model may keep an offer
                self._fault = f"{type(fault).__name__}: {fault}"
        if self._fault is not None:
            self._fell_back(self._fault)
        return self._served.policy

    def _look(self) -> None:
        champion = self._models.champion()
        if champion is None or champion.version == RULES:
            self._served = _Served(RULES, "", RulePolicy())
        elif (champion.version, champion.sha256) != self._served[:2]:
            # Imported here: Vowpal Wabbit is in a layer that only some functions have, and who has
            # no champion need not wait for it.
            from pitboss.offers.learning import Scorer

            scorer = Scorer(self._models.load(champion.version, champion.sha256))
            policy = LearnedPolicy(champion.version, scorer)
            self._served = _Served(champion.version, champion.sha256, policy)
