"""Boosted trees (LightGBM) and what makes probabilities of their scores.

Ke and others, "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017. The
same rows and recipe give the same trees: one thread, LightGBM's deterministic mode, seeds. Several
of them, with a seed each, are averaged.

LightGBM is in `layers/trees` only: import this where models are trained or asked.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import lightgbm
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pitboss.errors import TerminalError

type Floats = NDArray[np.floating[Any]]

type Objective = Literal["binary", "regression"]


class BrokenModel(TerminalError):
    """Bytes that are no model of failures, or none that this version can read."""


class Boosting(Struct, frozen=True, kw_only=True):
    """How trees are grown; by LightGBM's names these are num_boost_round, learning_rate, ..."""

    rounds: int = 300
    rate: float = 0.03
    leaves: int = 15
    least_rows: int = 50
    """Of a leaf."""
    feature_share: float = 0.3
    """Of the features, that each tree may use."""
    row_share: float = 0.5
    """Of the rows, that each tree is grown on."""
    penalty: float = 5.0
    """L2, on the leaves' values."""
    seeds: int = 1
    """How many such models are averaged."""


class Calibration(Struct, frozen=True):
    """What makes a probability of a score: 1 / (1 + exp(-(slope * score + offset)))."""

    slope: float = 1.0
    offset: float = 0.0

    def probabilities(self, scores: Floats) -> NDArray[np.float64]:
        """Of log-odds as the trees give them."""
        odds = self.slope * np.asarray(scores, dtype=np.float64) + self.offset
        return np.asarray(0.5 * (1 + np.tanh(0.5 * odds)))


def grow(x: Floats, y: Floats, objective: Objective, how: Boosting, seed: int) -> list[str]:
    """Trees that were grown on some rows, in LightGBM's text format, one text a seed."""
    texts = []
    for number in range(how.seeds):
        options = {
            "objective": objective,
            "learning_rate": how.rate,
            "num_leaves": how.leaves,
            "min_data_in_leaf": how.least_rows,
            "feature_fraction": how.feature_share,
            "bagging_fraction": how.row_share,
            "bagging_freq": 1,
            "lambda_l2": how.penalty,
            "seed": seed + number,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        booster = lightgbm.train(options, lightgbm.Dataset(x, y), how.rounds)
        texts.append(str(booster.model_to_string(importance_type="gain")))
    return texts


class Trees:
    """Trees that were loaded: their scores are log-odds, or in the unit of what they regress.

    Raises:
        BrokenModel: the texts are no trees, or not of so many features.
    """

    def __init__(self, texts: Sequence[str], features: int) -> None:
        if not texts:
            raise BrokenModel("the model has no trees")
        try:
            self._boosters = [lightgbm.Booster(model_str=text) for text in texts]
        except (lightgbm.basic.LightGBMError, ValueError) as fault:
            raise BrokenModel(f"LightGBM cannot read the trees: {fault}") from fault
        for booster in self._boosters:
            if booster.num_feature() != features:
                raise BrokenModel(
                    f"the trees are of {booster.num_feature()} features, and the model of "
                    f"{features}"
                )

    def scores(self, x: Floats) -> NDArray[np.float64]:
        """Of each row."""
        if not len(x):
            return np.empty(0)
        return np.mean([one.predict(x, raw_score=True, num_threads=1) for one in self._boosters], 0)

    def contributions(self, x: Floats) -> NDArray[np.float64]:
        """What each feature adds to each row's score (Shapley values), which a row of it sums to.

        The last column is what all rows have in common.
        """
        found = [one.predict(x, pred_contrib=True, num_threads=1) for one in self._boosters]
        return np.asarray(np.mean(found, axis=0))

    def importance(self) -> NDArray[np.float64]:
        """What each feature lessened the loss by while the trees were grown, as a share."""
        gains = np.mean([one.feature_importance("gain") for one in self._boosters], axis=0)
        return np.asarray(gains / (gains.sum() or 1.0))


# --- calibration ----------------------------------------------------------------------------------


def calibrated(scores: Floats, happened: Floats) -> Calibration:
    """The calibration under which what happened to rows that no tree was grown on is likeliest.

    Platt, "Probabilistic Outputs for Support Vector Machines", 1999: logistic regression on the
    score, by Newton's method, towards (n + 1) / (n + 2) in place of 1 and 1 / (n + 2) in place of
    0, so that few rows make nothing certain. Where nothing (or everything) happened the scores are
    left as they are.
    """
    positives = float(happened.sum())
    negatives = len(happened) - positives
    if not positives or not negatives:
        return Calibration()
    aims = np.where(happened > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([scores, np.ones(len(scores))])
    found = np.array([1.0, 0.0])
    loss = _cross_entropy(design @ found, aims)
    for _ in range(100):
        odds = design @ found
        given = 0.5 * (1 + np.tanh(0.5 * odds))
        gradient = design.T @ (given - aims)
        curvature = (design * (given * (1 - given))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        share = 1.0
        while share > 1e-10:
            tried = found - share * step
            new = _cross_entropy(design @ tried, aims)
            if new < loss:
                break
            share /= 2
        else:
            break
        gained, found, loss = loss - new, tried, new
        if gained < 1e-9 * max(1.0, loss):
            break
    # Scores that say the opposite of what happens are worth nothing, not the opposite.
    if not math.isfinite(loss) or found[0] <= 0:
        return Calibration(0.0, math.log(positives / negatives))
    return Calibration(float(found[0]), float(found[1]))


def _cross_entropy(odds: Floats, aims: Floats) -> float:
    return float((np.logaddexp(0.0, odds) - aims * odds).sum())
