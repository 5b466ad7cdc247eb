"""Learning what an offer is worth to whom, with Vowpal Wabbit: a contextual bandit with features of
the actions (`cb_adf`).

A model expects a net reward of every action in a context. What it sees of a context are words as
they are and amounts as piecewise linear functions of their logarithm, with a knot an octave, so that
"much" and "little" can differ in any way and nothing has to be fitted beforehand; give shares in per
mille and moments in whole units. Each is crossed with the action (its code, kind and cost), and so
are pairs of them.

The same log and options give the same bytes. Vowpal Wabbit is imported when a model is made or
loaded, and is in `layers/ml` only.
"""

import math
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from pitboss.errors import TerminalError
from pitboss.offers.logs import MILLION, Action, Features, LoggedDecision

MAGIC = b"pitboss-offers-1\n"
"""What a model file begins with."""

type Method = Literal["direct", "mtr", "dr"]
"""How the odds of the log enter: not at all, by weight (multi-task regression), doubly robust."""


class BrokenModel(TerminalError):
    """Bytes that are no model, or none that this version can read."""


class Recipe(Struct, frozen=True, kw_only=True):
    """How a model is trained. What is here by default was chosen by `benchmarks.offer_regret`."""

    method: Method = "mtr"
    passes: int = 4
    learning_rate: float = 0.5
    l2: float = 0.0
    bits: int = 18
    """Of the table of weights: 2^18 of them."""
    pairs: bool = True
    """Whether pairs of context features are crossed with the action, besides single ones."""
    seed: int = 1
    """Of the order in which decisions are learned from."""


class _Head(Struct, frozen=True):
    """What is kept of a model besides Vowpal Wabbit's own bytes."""

    scale: float
    """What rewards were divided by."""
    decisions: int
    recipe: Recipe


def train(logged: Sequence[LoggedDecision], recipe: Recipe | None = None) -> bytes:
    """A model of a log: what `Scorer` reads.

    Raises:
        ValueError: the log is empty.
    """
    from vowpalwabbit import Workspace

    recipe = recipe or Recipe()
    if not logged:
        raise ValueError("nothing can be learned from no decision")
    scale = math.sqrt(sum(one.reward * one.reward for one in logged) / len(logged)) or 1.0
    order = list(range(len(logged)))
    Random(recipe.seed).shuffle(order)
    workspace = Workspace(_options(recipe))
    try:
        examples = [_labelled(logged[place], scale, recipe.method) for place in order]
        for _ in range(recipe.passes):
            for example in examples:
                workspace.learn(example)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            workspace.save(str(path))
            body = path.read_bytes()
    finally:
        workspace.finish()
    return MAGIC + msgspec.json.encode(_Head(scale, len(logged), recipe)) + b"\n" + body


def version(model: bytes) -> str:
    """What a model is called: the SHA-256 of its bytes, in hexadecimal."""
    return sha256(model).hexdigest()


class Scorer:
    """A model that was loaded: what it expects of offers.

    Raises:
        BrokenModel: the bytes are no model.
    """

    def __init__(self, model: bytes) -> None:
        from vowpalwabbit import Workspace

        head, newline, body = model.removeprefix(MAGIC).partition(b"\n")
        if not model.startswith(MAGIC) or not newline:
            raise BrokenModel("these bytes are no model of offers")
        try:
            known = msgspec.json.decode(head, type=_Head)
        except msgspec.DecodeError as fault:
            raise BrokenModel(f"the model's first lines cannot be read: {fault}") from fault
        self.decisions = known.decisions
        """How many decisions it was learned from."""
        self.recipe = known.recipe
        self._scale = known.scale
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            try:
                self._workspace: Any = Workspace(f"--quiet -t -i {file.name}")
            except RuntimeError as fault:
                raise BrokenModel(f"Vowpal Wabbit cannot read the model: {fault}") from fault

    def score(self, features: Features, actions: Sequence[Action]) -> list[float]:
        """Expected net reward of each action, in the unit of the log's rewards (cents)."""
        lines = [_context(features), *map(_action, actions)]
        return [-cost * self._scale for cost in self._workspace.predict(lines)]

    def contributions(self, features: Features, action: Action) -> list[tuple[str, float]]:
        """What each feature adds to an action's expected reward over making no offer.

        By leaving it out: names with differences in the reward's unit, the greatest first. They do
        not sum to the expectation, for features act together.
        """
        whole = self._uplift(features, action)
        found = [
            (feature[0], whole - self._uplift(features[:place] + features[place + 1 :], action))
            for place, feature in enumerate(features)
        ]
        return sorted(found, key=lambda one: (-one[1], one[0]))

    def _uplift(self, features: Features, action: Action) -> float:
        made, none = self.score(features, (action, Action("none", "none", 0)))
        return made - none


def cross_fitted(
    logged: Sequence[LoggedDecision], recipe: Recipe | None = None, folds: int = 2
) -> list[list[float]]:
    """What models that never saw a decision expect of its actions: one list a decision.

    Decisions are dealt into folds by chance; each fold is predicted by a model of the others.
    """
    recipe = recipe or Recipe()
    of = [n % folds for n in range(len(logged))]
    Random(recipe.seed).shuffle(of)
    found: list[list[float]] = [[]] * len(logged)
    for fold in range(folds):
        others = [one for one, its in zip(logged, of, strict=True) if its != fold]
        scorer = Scorer(train(others, recipe))
        for place, one in enumerate(logged):
            if of[place] == fold:
                found[place] = scorer.score(one.features, one.actions)
    return found


# --- Vowpal Wabbit's text -------------------------------------------------------------------------


def _options(recipe: Recipe) -> str:
    crossed = "--interactions ca" + (" --interactions cca" if recipe.pairs else "")
    kind = "dr" if recipe.method == "dr" else "mtr"
    return (
        f"--cb_adf --cb_type {kind} {crossed} --bit_precision {recipe.bits} --quiet "
        f"--learning_rate {recipe.learning_rate} --l2 {recipe.l2} --random_seed {recipe.seed}"
    )


def _labelled(logged: LoggedDecision, scale: float, method: Method) -> list[str]:
    """A decision as an example: its context and its actions, the chosen one with what it cost.

    But for `dr` only the chosen one has a say, and the others are left out: half the time is theirs.
    """
    place = logged.place
    odds = 1.0 if method == "direct" else logged.propensities[place] / MILLION
    label = f"0:{-logged.reward / scale:.6g}:{odds:.6g} "
    if method != "dr":
        return [_context(logged.features), label + _action(logged.actions[place])]
    return [
        _context(logged.features),
        *((label if n == place else "") + _action(one) for n, one in enumerate(logged.actions)),
    ]


def _context(features: Features) -> str:
    return "shared |c " + " ".join(_feature(name, value) for name, value in features)


@lru_cache(maxsize=4096)
def _action(action: Action) -> str:
    code = _feature("code", action.code)
    kind = _feature("kind", action.kind)
    return f"|a {code} {kind} {_feature('cost', action.cost)}"


@lru_cache(maxsize=65_536)
def _feature(name: str, value: str | float) -> str:
    """A feature as text.

    >>> _feature("day", "Tue: late")
    'day=Tue%3A%20late'
    >>> _feature("worth", 5)
    'worth@2:0.41504 worth@3:0.58496'
    """
    name = quote(name, safe="")
    if isinstance(value, str):
        return f"{name}={quote(value, safe='')}"
    octave = math.copysign(math.log2(1 + abs(value)), value)
    low = math.floor(octave)
    share = octave - low
    if not share:
        return f"{name}@{low}"
    return f"{name}@{low}:{1 - share:.5f} {name}@{low + 1}:{share:.5f}"
