"""Learning what an offer is worth to whom, with Vowpal Wabbit: a contextual bandit with features of
the actions (`cb_adf`).

A model expects a net reward of every action in a context. It is learned in two steps. How large
rewards are in a context, whatever is offered, is a Poisson regression of their size, by which they
are divided: what an offer changes is then learned as a share of what the player is worth, and those
who are worth much, whose play varies most, do not drown the others. On that the bandit is learned.

What it sees of a context are words as they are and amounts as piecewise linear functions of their
logarithm, with a knot an octave, so that nothing has to be fitted beforehand; give shares in per
mille and moments in whole units. Each, and each pair, is crossed with the action: its code, kind
and cost. Both steps learn by coin betting, which has no learning rate to be tuned (Orabona and
Tommasi, "Training Deep Networks without Learning Rates Through Coin Betting", NeurIPS 2017).

The same log and recipe give the same bytes. Vowpal Wabbit is imported when a model is made or
loaded, and is in `layers/ml` only.
"""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Literal
from urllib.parse import quote
from weakref import finalize

import msgspec
from msgspec import Struct

from pitboss.errors import TerminalError
from pitboss.offers.logs import MILLION, NONE, Action, Features, LoggedDecision

MAGIC = b"pitboss-offers-1\n"
"""What a model begins with."""

_LEAST_SIZE = 0.02
"""Of rewards in a context, as a share of the average: what is smaller is taken for so much."""

_STEPS = 16
"""Of an octave, to which amounts are rounded. A share of a knot that is next to nothing would be as
weighty as a whole one, for coin betting measures each feature by itself, and an amount a little
closer to that knot would then have a value beyond all measure."""

type Method = Literal["direct", "mtr", "dr"]
"""How the odds of the log enter: not at all, by weight (multi-task regression), doubly robust."""


class BrokenModel(TerminalError):
    """Bytes that are no model, or none that this version can read."""


class Recipe(Struct, frozen=True, kw_only=True):
    """How a model is trained; docs/adr/0013 has what the defaults were chosen by."""

    method: Method = "direct"
    passes: int = 2
    """Times that each decision is learned from: more of them fit its noise."""
    pairs: bool = True
    """Whether pairs of context features are crossed with the action, besides single ones."""
    bits: int = 18
    """Of the table of weights: 2^18 of them."""
    seed: int = 1
    """Of the order in which decisions are learned from."""


_NONE = Action(NONE, NONE, 0)


class _Model(Struct, frozen=True, kw_only=True):
    """What a model's bytes hold."""

    recipe: Recipe
    decisions: int
    unit: float
    """The average size of a reward."""
    largest: float
    """The greatest size of a reward, by the unit: the model of sizes may not exceed it."""
    middle: float
    """The average of rewards divided by unit and size."""
    sizes: bytes
    """Vowpal Wabbit's model of sizes."""
    actions: bytes
    """Vowpal Wabbit's model of the costs (negative rewards) of actions."""


def train(logged: Sequence[LoggedDecision], recipe: Recipe | None = None) -> bytes:
    """A model of a log: what `Scorer` reads.

    Raises:
        ValueError: the log is empty.
    """
    recipe = recipe or Recipe()
    if not logged:
        raise ValueError("nothing can be learned from no decision")
    unit = math.fsum(abs(one.reward) for one in logged) / len(logged) or 1.0
    largest = max(max(abs(one.reward) for one in logged) / unit, 1.0)
    order = list(logged)
    Random(recipe.seed).shuffle(order)
    contexts = [_context(one.features) for one in order]
    with _workspace(f"{_SIZES} -b {recipe.bits} --random_seed {recipe.seed}") as sizes:
        _learn(
            sizes,
            [f"{abs(one.reward) / unit:.6g} {c}" for one, c in zip(order, contexts, strict=True)],
            recipe.passes,
        )
        size_of = {context: _size(sizes, context, largest) for context in set(contexts)}
        size_model = _saved(sizes)
    rewards = [one.reward / unit / size_of[c] for one, c in zip(order, contexts, strict=True)]
    middle = math.fsum(rewards) / len(rewards)
    with _workspace(_options(recipe)) as actions:
        _learn(
            actions,
            [
                _labelled(one, context, middle - reward, recipe.method)
                for one, context, reward in zip(order, contexts, rewards, strict=True)
            ],
            recipe.passes,
        )
        model = _Model(
            recipe=recipe,
            decisions=len(order),
            unit=unit,
            largest=largest,
            middle=middle,
            sizes=size_model,
            actions=_saved(actions),
        )
    return MAGIC + msgspec.msgpack.encode(model)


def version(model: bytes) -> str:
    """What a model is called: the SHA-256 of its bytes, in hexadecimal."""
    return sha256(model).hexdigest()


class Scorer:
    """A model that was loaded: what it expects of offers.

    Raises:
        BrokenModel: the bytes are no model.
    """

    def __init__(self, model: bytes) -> None:
        if not model.startswith(MAGIC):
            raise BrokenModel("these bytes are no model of offers")
        try:
            known = msgspec.msgpack.decode(model.removeprefix(MAGIC), type=_Model)
        except msgspec.DecodeError as fault:
            raise BrokenModel(f"the model cannot be read: {fault}") from fault
        self.decisions = known.decisions
        """How many decisions it was learned from."""
        self.recipe = known.recipe
        self._unit, self._largest, self._middle = known.unit, known.largest, known.middle
        self._sizes = _loaded(known.sizes)
        self._actions = _loaded(known.actions)
        self._label = self._actions.get_label_type()
        for workspace in (self._sizes, self._actions):
            # Left to themselves they complain while the interpreter ends.
            finalize(self, workspace.finish)

    def score(self, features: Features, actions: Sequence[Action]) -> list[float]:
        """Expected net reward of each action, in the unit of the log's rewards (cents)."""
        context = _context(features)
        size = _size(self._sizes, context, self._largest) * self._unit
        lines = "\n".join((f"shared {context}", *map(_action, actions)))
        costs = _predicted(self._actions, self._label, lines)
        return [size * (self._middle - cost) for cost in costs]

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
        made, none = self.score(features, (action, _NONE))
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


# --- Vowpal Wabbit --------------------------------------------------------------------------------

_SIZES = "--loss_function poisson --link poisson --coin"


def _options(recipe: Recipe) -> str:
    crossed = "--interactions ca" + (" --interactions cca" if recipe.pairs else "")
    kind = "dr" if recipe.method == "dr" else "mtr"
    return (
        f"--cb_adf --cb_type {kind} --coin {crossed} -b {recipe.bits} --random_seed {recipe.seed}"
    )


@contextmanager
def _workspace(options: str) -> Iterator[Any]:
    from vowpalwabbit import Workspace

    workspace = Workspace(f"--quiet {options}")
    try:
        yield workspace
    finally:
        workspace.finish()


def _learn(workspace: Any, examples: Sequence[str], passes: int) -> None:  # noqa: ANN401
    label = workspace.get_label_type()  # else it is asked for with every line
    for _ in range(passes):
        for example in examples:
            parsed = workspace.parse(example, label)
            workspace.learn(parsed)
            workspace.finish_example(parsed)


def _predicted(workspace: Any, label: Any, example: str) -> Any:  # noqa: ANN401
    parsed = workspace.parse(example, label)
    prediction = workspace.predict(parsed)
    workspace.finish_example(parsed)
    return prediction


def _saved(workspace: Any) -> bytes:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        workspace.save(str(path))
        return path.read_bytes()


def _loaded(model: bytes) -> Any:  # noqa: ANN401
    from vowpalwabbit import Workspace

    with tempfile.NamedTemporaryFile() as file:
        file.write(model)
        file.flush()
        try:
            workspace = Workspace(f"--quiet --testonly --initial_regressor {file.name}")
        except RuntimeError as fault:
            raise BrokenModel(f"Vowpal Wabbit cannot read the model: {fault}") from fault
    return workspace


def _size(sizes: Any, context: str, largest: float) -> float:  # noqa: ANN401
    """How large rewards are in a context, by the average.

    Within bounds: an exponential of what was seldom seen is soon beyond all measure.
    """
    return min(max(float(sizes.predict(context)), _LEAST_SIZE), largest)


def _labelled(logged: LoggedDecision, context: str, cost: float, method: Method) -> str:
    """A decision as an example: its context and its actions, the chosen one with what it cost.

    But for `dr` only the chosen one has a say, and the others are left out.
    """
    place = logged.place
    odds = 1.0 if method == "direct" else logged.propensities[place] / MILLION
    label = f"0:{cost:.6g}:{odds:.6g} "
    if method != "dr":
        return f"shared {context}\n{label}{_action(logged.actions[place])}"
    lines = [(label if n == place else "") + _action(one) for n, one in enumerate(logged.actions)]
    return "\n".join((f"shared {context}", *lines))


def _context(features: Features) -> str:
    # Sorted: which weight a pair has depends on which of the two comes first.
    return "|c " + " ".join(_feature(name, value) for name, value in sorted(features))


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
    'worth@2:0.4375 worth@3:0.5625'
    """
    name = quote(name, safe="")
    if isinstance(value, str):
        return f"{name}={quote(value, safe='')}"
    octave = math.copysign(round(math.log2(1 + abs(value)) * _STEPS) / _STEPS, value)
    low = math.floor(octave)
    share = octave - low
    if not share:
        return f"{name}@{low}"
    return f"{name}@{low}:{1 - share} {name}@{low + 1}:{share}"
