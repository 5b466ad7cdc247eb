"""The card of a failure model: how it was made, and what it says of rows it did not learn from."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pitboss.shufflers.histories import History

type Floats = NDArray[np.floating[Any]]

BOUNDS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Of the bins in which probabilities are compared with what happened: most are small."""

MOST_IMPORTANT = 20
"""Features of a card."""

_SURE = 1e-6
"""How near to 0 or 1 a probability may be for its log loss: at them, being wrong has no bound."""


class Judged(NamedTuple):
    """What a model says of rows of a device it did not learn from, and what became of them."""

    history: History
    times: Floats
    answers: Floats
    """Probabilities, or remaining life."""
    scores: Floats
    """The same before they were calibrated."""
    truth: Floats


class Bin(Struct, frozen=True):
    """Rows whose probability is in [low, high)."""

    low: float
    high: float
    rows: int
    expected: float | None
    """The mean of their probabilities; None without rows."""
    observed: float | None
    """How many of them failed, as a share."""


class Scored(Struct, frozen=True):
    """How far probabilities are from what happened: the less, the better."""

    brier: float
    """Mean square."""
    log_loss: float
    """Mean negative log-likelihood, in nats."""


class Foreseen(Struct, frozen=True, kw_only=True, tag_field="of", tag="failures"):
    """How well failures within a horizon are foreseen, by rows that were not learned from."""

    devices: int
    rows: int
    positives: int
    """Rows that were followed by a failure within the horizon."""
    pr_auc: float
    """Average precision."""
    threshold: float
    """Chosen by the rows that the model was calibrated on; see `best_threshold`."""
    precision: float
    recall: float
    f1: float
    failures: int
    failures_foreseen: int
    """Of which a row within the horizon before them was at or above the threshold."""
    median_lead: float | None
    """From the first such row to the failure, in the histories' unit of time."""
    calibrated: Scored
    uncalibrated: Scored
    guessed: Scored
    """Always saying how often it happens."""
    calibration: list[Bin]


class Lasted(Struct, frozen=True, kw_only=True, tag_field="of", tag="life"):
    """How well remaining life is told, by rows that were not learned from."""

    devices: int
    rows: int
    rmse: float
    bias: float
    """Mean of what is said less what was."""


class Importance(Struct, frozen=True):
    """How much of what the trees know is a feature's."""

    feature: str
    share: float


class Card(Struct, frozen=True, kw_only=True):
    """How a model was made, and what it is worth. Times are in the histories' unit."""

    version: str
    """SHA-256 of its bytes, in hexadecimal."""
    target: str
    horizon: float
    part: str
    devices: int
    rows: int
    """That trees were grown on."""
    positives: int | None
    """Of them; None where what is learned is remaining life."""
    learned_until: float | None
    """Nothing later was learned or calibrated from; None where devices are held out, not times."""
    held_out: Foreseen | Lasted | None
    important: list[Importance]


def foreseen(
    judged: Sequence[Judged], horizon: float, part: str, threshold: float, base: float
) -> Foreseen:
    """The figures of rows that were not learned from.

    Args:
        judged: what the model says of them, device by device.
        horizon: within which failures are foreseen.
        part: of which; any, where it is empty.
        threshold: at or above which it is said that a device fails.
        base: how often rows that were learned from were followed by a failure.
    """
    answers = np.concatenate([one.answers for one in judged])
    scores = np.concatenate([one.scores for one in judged])
    truth = np.concatenate([one.truth for one in judged])
    precision, recall, f1 = at_threshold(answers, truth, threshold)
    leads = [lead for one in judged for lead in _leads(one, horizon, part, threshold)]
    known = [lead for lead in leads if lead is not None]
    return Foreseen(
        devices=len(judged),
        rows=len(truth),
        positives=int(truth.sum()),
        pr_auc=average_precision(answers, truth),
        threshold=threshold,
        precision=precision,
        recall=recall,
        f1=f1,
        failures=len(leads),
        failures_foreseen=len(known),
        median_lead=float(np.median(known)) if known else None,
        calibrated=scored(answers, truth),
        uncalibrated=scored(0.5 * (1 + np.tanh(0.5 * scores)), truth),
        guessed=scored(np.full(len(truth), base), truth),
        calibration=bins(answers, truth),
    )


def lasted(judged: Sequence[Judged]) -> Lasted:
    """The figures of remaining life."""
    apart = np.concatenate([one.answers - one.truth for one in judged])
    return Lasted(
        devices=len(judged),
        rows=len(apart),
        rmse=float(np.sqrt(np.mean(np.square(apart)))),
        bias=float(apart.mean()),
    )


# --- figures --------------------------------------------------------------------------------------


def average_precision(answers: Floats, truth: Floats) -> float:
    """The area under precision over recall, as a sum of steps; rows that tie are one step.

    0 where nothing happened.
    """
    _, precision, recall = _curve(answers, truth)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def best_threshold(answers: Floats, truth: Floats) -> float:
    """At or above which F1 is the highest to be expected; 0.5 where nothing happened.

    For calibrated probabilities that is half the highest F1 (Lipton, Elkan and Narayanaswamy,
    "Optimal Thresholding of Classifiers to Maximize F1 Measure", ECML 2014), which depends far less
    on which rows there happen to be than the place of the highest.
    """
    if not truth.any():
        return 0.5
    _, precision, recall = _curve(answers, truth)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    return float(f1.max()) / 2


def at_threshold(answers: Floats, truth: Floats, threshold: float) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    said = answers >= threshold
    right = float(truth[said].sum())
    precision = right / said.sum() if said.any() else 0.0
    recall = right / truth.sum() if truth.any() else 0.0
    both = precision + recall
    return float(precision), float(recall), float(2 * precision * recall / both) if both else 0.0


def scored(answers: Floats, truth: Floats) -> Scored:
    """Brier score and log loss."""
    return Scored(
        float(np.mean(np.square(answers - truth))), float(np.mean(losses(answers, truth)))
    )


def losses(answers: Floats, truth: Floats) -> Floats:
    """Each row's log loss."""
    within = np.clip(answers, _SURE, 1 - _SURE)
    return np.asarray(-np.where(truth > 0, np.log(within), np.log1p(-within)))


def bins(answers: Floats, truth: Floats) -> list[Bin]:
    """What was expected and what happened, where probabilities are alike."""
    found = []
    for low, high in pairwise(BOUNDS):
        inside = (answers >= low) & ((answers < high) | (high == BOUNDS[-1]))
        rows = int(inside.sum())
        expected = float(answers[inside].mean()) if rows else None
        observed = float(truth[inside].mean()) if rows else None
        found.append(Bin(low, high, rows, expected, observed))
    return found


def _curve(answers: Floats, truth: Floats) -> tuple[Floats, Floats, Floats]:
    """Thresholds from the highest on, and precision and recall at each."""
    order = np.argsort(-answers, kind="stable")
    ranked, happened = answers[order], np.cumsum(truth[order])
    # Rows with the same answer are told apart by no threshold.
    last = np.append(np.diff(ranked) != 0, True)
    number = np.flatnonzero(last) + 1
    right = happened[last]
    return ranked[last], right / number, right / max(float(truth.sum()), 1.0)


def _leads(one: Judged, horizon: float, part: str, threshold: float) -> list[float | None]:
    """How long before each failure it was said; None where rows before it were judged in vain."""
    found: list[float | None] = []
    for failure in one.history.failures:
        if part and failure.part != part:
            continue
        before = (one.times >= failure.at - horizon) & (one.times < failure.at)
        if not before.any():
            continue
        said = one.times[before & (one.answers >= threshold)]
        found.append(failure.at - float(said[0]) if len(said) else None)
    return found
