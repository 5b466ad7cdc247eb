"""Models of when devices fail: learned from histories, kept as bytes, asked about histories.

    trained = train(histories, recipe)          # a nightly function, or a public data set
    model = FailureModel(trained.model)         # whoever warns
    model.latest(history)                       # 0.07: a failure within the horizon
    model.explain(history)[0]                   # what moved it most

One way for every data set: what differs between them is how they are read into histories and the
recipe. docs/failures.md says how rows are divided and what was measured.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pitboss.errors import TerminalError
from pitboss.shufflers import failure_card, features, labels
from pitboss.shufflers.boosting import Boosting, BrokenModel, Calibration, Trees, calibrated, grow
from pitboss.shufflers.failure_card import Card, Foreseen, Importance, Judged, Lasted
from pitboss.shufflers.failure_gate import DeviceLoss
from pitboss.shufflers.features import Columns, Conditions, Feature, Plan
from pitboss.shufflers.histories import History

type Floats = NDArray[np.floating[Any]]

FORMAT = "pitboss-failures-1"
"""What a model's bytes say that they are."""


class NothingToLearn(TerminalError):
    """Histories that say too little: no row has an answer, or all have the same one."""


class Recipe(Struct, frozen=True, kw_only=True):
    """What is learned, and how. Times are in the histories' unit."""

    plan: Plan
    target: Literal["fails-within", "remaining-life"] = "fails-within"
    horizon: float = 24.0
    """Failures within it are foreseen; remaining life is told up to it."""
    part: str = ""
    """Failures of which; of any, where it is empty."""
    unless_mended: bool = False
    """Whether rows whose part was mended before it could fail are left out; see `labels`."""
    boosting: Boosting = Boosting()
    every: int = 1
    """Trees are grown on every so manieth row: neighbours are much alike."""
    split: Literal["time", "devices", "none"] = "time"
    """What is held out: the last of the time (times of all histories are then of one calendar),
    some devices in turn (the model is then learned again from all of them), nothing."""
    calibration_share: float = 0.15
    """Of the time, after what trees are grown on: probabilities are calibrated on it."""
    held_out_share: float = 0.25
    """Of the time, the last: the card's figures are of it."""
    folds: int = 5
    """Into so many parts devices are divided, to be held out in turn."""
    seed: int = 1


class TrainedModel(NamedTuple):
    """What came of training."""

    model: bytes
    """What `FailureModel` reads."""
    card: Card


class Contribution(NamedTuple):
    """What a feature did to an answer."""

    feature: Feature
    value: float
    """Of the feature; NaN where it is not known."""
    moved: float
    """By how much it moved the answer: the log-odds of a failure, or remaining life in the
    histories' unit of time."""


class _Envelope(Struct, frozen=True, kw_only=True):
    """What a model's bytes hold, as JSON."""

    format: str
    recipe: Recipe
    columns: Columns
    conditions: Conditions | None
    features: tuple[str, ...]
    calibration: Calibration
    threshold: float
    base: float
    """How often rows that were learned from were followed by a failure; their mean life."""
    learned_until: float | None
    trees_sha256: str
    trees: tuple[str, ...]


class _Grown(NamedTuple):
    """Trees, and what they were grown on."""

    columns: Columns
    conditions: Conditions | None
    texts: tuple[str, ...]
    rows: int
    positives: float
    base: float
    devices: int


def train(
    histories: Sequence[History],
    recipe: Recipe,
    said: Callable[[str], None] = lambda progress: None,
) -> TrainedModel:
    """A model of histories, and its card. The same histories and recipe give the same bytes.

    Args:
        histories: of devices, in any order.
        recipe: how.
        said: told what is being done.

    Raises:
        NothingToLearn: no row has an answer, or failures (or what is none) were not seen.
    """
    if not any(len(one.times) for one in histories):
        raise NothingToLearn("there is no row in the histories")
    ordered = sorted(histories, key=lambda one: one.unit)
    if recipe.split == "time":
        return _held_out_in_time(ordered, recipe, said)
    if recipe.split == "devices":
        return _held_out_by_device(ordered, recipe, said)
    said(f"growing trees on {len(ordered)} devices")
    grown = _grown(ordered, recipe)
    model = _packed(grown, recipe, Calibration(), 0.5, None)
    return TrainedModel(model, _card(model, grown, recipe, None, None))


def version(model: bytes) -> str:
    """What a model is called: the SHA-256 of its bytes, in hexadecimal."""
    return sha256(model).hexdigest()


class FailureModel:
    """A model that was loaded.

    Raises:
        BrokenModel: the bytes are no model, or none that this release can read.
    """

    def __init__(self, model: bytes) -> None:
        try:
            kind = msgspec.json.decode(model, type=_Format).format
            if kind != FORMAT:
                raise BrokenModel(f"the model is of the format {kind!r}, not {FORMAT!r}")
            known = msgspec.json.decode(model, type=_Envelope)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise BrokenModel(f"these bytes are no model of failures: {fault}") from fault
        self._features = features.features(known.columns, known.recipe.plan)
        if tuple(map(str, self._features)) != known.features:
            raise BrokenModel("the model's features are not those that this release makes")
        # LightGBM trusts what it reads: a damaged tree may end the process.
        if _digest(known.trees) != known.trees_sha256:
            raise BrokenModel("the model's trees are not as they were written")
        self.version = version(model)
        self.recipe = known.recipe
        self.threshold = known.threshold
        """At or above which it is said that a device fails."""
        self.base = known.base
        """How often rows that were learned from were followed by a failure; their mean life."""
        self.learned_until = known.learned_until
        """Nothing later was learned from; None where devices were held out, not times."""
        self.parts = tuple(sorted({*known.columns.failed, *known.columns.mended} - {""}))
        """The parts that it has seen failing or being mended."""
        self._known = known
        self._trees = Trees(known.trees, len(self._features))

    @property
    def features(self) -> tuple[Feature, ...]:
        """What it sees of a device."""
        return tuple(self._features)

    def predict(self, history: History) -> Floats:
        """At each time, the probability of a failure within the horizon, or the remaining life."""
        return self._answers(self._scores(history))

    def latest(self, history: History) -> float:
        """The same at the history's last time.

        Raises:
            ValueError: the history has no time.
        """
        row = self.rows(history)[-1:]
        if not len(row):
            raise ValueError(f"{history.unit}: nothing is known of it")
        return float(self._answers(self._trees.scores(row))[0])

    def explain(self, history: History, row: int = -1) -> list[Contribution]:
        """What moved the answer of a row, what moved it most first.

        Above 0 it is towards a failure, or a longer life.
        """
        return self.explain_row(self.rows(history)[row])

    def explain_row(self, row: Floats) -> list[Contribution]:
        """The same of a row of `rows`."""
        moved = self._trees.contributions(row[None])[0][:-1] * self._known.calibration.slope
        found = [
            Contribution(feature, float(value), float(by))
            for feature, value, by in zip(self._features, row, moved, strict=True)
            if by
        ]
        return sorted(found, key=lambda each: (-abs(each.moved), str(each.feature)))

    @property
    def sees(self) -> tuple[Columns, Plan, Conditions | None]:
        """What `rows` depends on: models of which it is the same see the same of a history."""
        return self._known.columns, self.recipe.plan, self._known.conditions

    def rows(self, history: History) -> Floats:
        """What it sees of a device at each time: a column for each of `features`."""
        return _seen(history, self._known.columns, self.recipe, self._known.conditions)

    def say(self, rows: Floats) -> Floats:
        """What `predict` says, of rows that were made before."""
        return self._answers(self._trees.scores(rows))

    def important(self) -> list[Importance]:
        """The features that most of what the trees know is by."""
        shares = self._trees.importance()
        found = [
            Importance(str(feature), round(float(share), 4))
            for feature, share in zip(self._features, shares, strict=True)
            if share >= 0.00005
        ]
        found.sort(key=lambda one: (-one.share, one.feature))
        return found[: failure_card.MOST_IMPORTANT]

    def judge(self, histories: Sequence[History], after: float | None = None) -> list[Judged]:
        """What it says of rows with an answer, and what that was, by device.

        Args:
            histories: of devices; those without such rows are left out.
            after: only rows of later times; None: all.
        """
        found = []
        for history in histories:
            truth = _truth(history, self.recipe)
            times = np.asarray(history.times, dtype=np.float64)
            kept = np.isfinite(truth)
            if after is not None:
                kept &= times > after
            if kept.any():
                scores = self._scores(history)[kept]
                answers = self._answers(scores)
                found.append(Judged(history, times[kept], answers, scores, truth[kept]))
        return found

    def losses(
        self, judged: Sequence[Judged], *, guess: float | None = None
    ) -> dict[str, DeviceLoss]:
        """How wrong it is about each device: what `failure_gate.decide` compares.

        Args:
            judged: what it said (see `judge`).
            guess: instead of what it said, always this (`base`, for one): what a model is compared
                with where none serves.
        """
        found = {}
        for one in judged:
            answers = one.answers if guess is None else np.full(len(one.truth), guess)
            if self.recipe.target == "fails-within":
                loss = failure_card.losses(answers, one.truth)
                positives = int(one.truth.sum())
            else:
                loss = np.square(answers - one.truth)
                positives = int((one.truth < self.recipe.horizon).sum())
            found[one.history.unit] = DeviceLoss(len(loss), positives, float(loss.sum()))
        return found

    def _scores(self, history: History) -> Floats:
        return self._trees.scores(self.rows(history))

    def _answers(self, scores: Floats) -> Floats:
        if self.recipe.target == "fails-within":
            return self._known.calibration.probabilities(scores)
        return np.clip(scores, 0.0, self.recipe.horizon)


class _Format(Struct, frozen=True):
    format: str


# --- training -------------------------------------------------------------------------------------


def _held_out_in_time(
    histories: Sequence[History], recipe: Recipe, said: Callable[[str], None]
) -> TrainedModel:
    """Trees of the first of the time, calibrated on what came next, judged on the last."""
    shares = (
        1 - recipe.held_out_share - recipe.calibration_share,
        1 - recipe.held_out_share,
    )
    grown_until, learned_until = labels.moments(histories, shares)
    past = [labels.until(one, grown_until) for one in histories]
    said(f"growing trees on the first {shares[0]:.0%} of the time")
    grown = _grown([one for one in past if len(one.times)], recipe)
    model = _packed(grown, recipe, Calibration(), 0.5, learned_until)
    if recipe.target == "fails-within":
        said(f"calibrating on the next {recipe.calibration_share:.0%}")
        known = [labels.until(one, learned_until) for one in histories]
        judged = FailureModel(model).judge(known, after=grown_until)
        calibration, threshold = _calibration(judged)
        model = _packed(grown, recipe, calibration, threshold, learned_until)
    said(f"judging on the last {recipe.held_out_share:.0%}")
    loaded = FailureModel(model)
    judged = loaded.judge(histories, after=learned_until)
    held_out = _figures(judged, recipe, loaded.threshold, grown.base)
    return TrainedModel(model, _card(model, grown, recipe, learned_until, held_out))


def _held_out_by_device(
    histories: Sequence[History], recipe: Recipe, said: Callable[[str], None]
) -> TrainedModel:
    """Each device judged, and calibrated on, by trees of others; then trees of all."""
    fold_of = labels.folds((one.unit for one in histories), recipe.folds, recipe.seed)
    judged: list[Judged] = []
    for fold in range(recipe.folds):
        said(f"growing trees for {fold + 1} of {recipe.folds} parts of the devices")
        others = [one for one in histories if fold_of[one.unit] != fold]
        model = _packed(_grown(others, recipe), recipe, Calibration(), 0.5, None)
        held = [one for one in histories if fold_of[one.unit] == fold]
        judged += FailureModel(model).judge(held)
    calibration, threshold = Calibration(), 0.5
    if recipe.target == "fails-within":
        calibration, threshold = _calibration(judged)
        judged = [one._replace(answers=calibration.probabilities(one.scores)) for one in judged]
    said("growing trees on all devices")
    grown = _grown(histories, recipe)
    model = _packed(grown, recipe, calibration, threshold, None)
    held_out = _figures(judged, recipe, threshold, grown.base)
    return TrainedModel(model, _card(model, grown, recipe, None, held_out))


def _grown(histories: Sequence[History], recipe: Recipe) -> _Grown:
    columns = features.columns_of(histories, recipe.plan)
    conditions = features.conditions_of(histories, recipe.plan, recipe.seed)
    blocks, answers = [], []
    for history in histories:
        truth = _truth(history, recipe)
        kept = np.isfinite(truth) & (np.arange(len(truth)) % recipe.every == 0)
        if kept.any():
            blocks.append(_seen(history, columns, recipe, conditions)[kept])
            answers.append(truth[kept])
    if not blocks:
        raise NothingToLearn("no row's answer is known: the histories end too soon")
    y = np.concatenate(answers)
    binary = recipe.target == "fails-within"
    if not np.ptp(y):
        said = "fail within the horizon" if binary else "have the same remaining life"
        raise NothingToLearn(f"all or none of {len(y)} rows {said}: there is nothing to tell apart")
    x = np.vstack(blocks)
    texts = grow(x, y, "binary" if binary else "regression", recipe.boosting, recipe.seed)
    return _Grown(
        columns, conditions, tuple(texts), len(y), float(y.sum()), float(y.mean()), len(blocks)
    )


def _truth(history: History, recipe: Recipe) -> Floats:
    if recipe.target == "fails-within":
        return labels.fails_within(
            history, recipe.horizon, recipe.part, unless_mended=recipe.unless_mended
        )
    return labels.remaining_life(history, recipe.horizon, recipe.part)


def _seen(
    history: History, columns: Columns, recipe: Recipe, conditions: Conditions | None
) -> Floats:
    # Half the memory, and more digits than any sensor has.
    return features.rows(history, columns, recipe.plan, conditions).astype(np.float32)


def _calibration(judged: Sequence[Judged]) -> tuple[Calibration, float]:
    """What makes probabilities of scores, and the threshold that told failures best."""
    if not judged:
        return Calibration(), 0.5
    scores = np.concatenate([one.scores for one in judged])
    truth = np.concatenate([one.truth for one in judged])
    found = calibrated(scores, truth)
    return found, failure_card.best_threshold(found.probabilities(scores), truth)


def _figures(
    judged: Sequence[Judged], recipe: Recipe, threshold: float, base: float
) -> Foreseen | Lasted | None:
    if not judged:
        return None
    if recipe.target == "fails-within":
        return failure_card.foreseen(judged, recipe.horizon, recipe.part, threshold, base)
    return failure_card.lasted(judged)


def _packed(
    grown: _Grown,
    recipe: Recipe,
    calibration: Calibration,
    threshold: float,
    learned_until: float | None,
) -> bytes:
    return msgspec.json.encode(
        _Envelope(
            format=FORMAT,
            recipe=recipe,
            columns=grown.columns,
            conditions=grown.conditions,
            features=tuple(map(str, features.features(grown.columns, recipe.plan))),
            calibration=calibration,
            threshold=threshold,
            base=grown.base,
            learned_until=learned_until,
            trees_sha256=_digest(grown.texts),
            trees=grown.texts,
        )
    )


def _digest(texts: Sequence[str]) -> str:
    return sha256("\0".join(texts).encode()).hexdigest()


def _card(
    model: bytes,
    grown: _Grown,
    recipe: Recipe,
    learned_until: float | None,
    held_out: Foreseen | Lasted | None,
) -> Card:
    return Card(
        version=version(model),
        target=recipe.target,
        horizon=recipe.horizon,
        part=recipe.part,
        devices=grown.devices,
        rows=grown.rows,
        positives=int(grown.positives) if recipe.target == "fails-within" else None,
        learned_until=learned_until,
        held_out=held_out,
        important=FailureModel(model).important(),
    )
