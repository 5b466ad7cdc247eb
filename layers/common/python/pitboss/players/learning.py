"""Learning a model from players of whom it is known whether it happened to them.

Logistic regression with a penalty (ridge), calibrated by what it says of players it did not learn
from. Nothing is random but which players are in which fold, and that is by a seed: the same players
and seed give the same model.

numpy and LightGBM's calibration are in `layers/trees` only: import this where models are learned.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pitboss.errors import TerminalError
from pitboss.players.families import Family
from pitboss.players.features import Feature, Values
from pitboss.players.model import PlayerModel, Term
from pitboss.shufflers.boosting import calibrated
from pitboss.shufflers.failure_card import best_threshold, losses

type Floats = NDArray[np.floating[Any]]

PENALTIES = (3.0, 10.0, 30.0, 100.0)
"""L2, on the weights: the one is taken under which players of other folds are told best."""

FOLDS = 5
KNOTS = 101
"""Of a feature's scale: percentiles."""

LEAST = 25
"""Players to whom it happened, or did not, without whom nothing is learned."""


class TooFewPlayers(TerminalError):
    """Players that say too little."""


def learn(
    seen: Sequence[Values], happened: Sequence[bool], seed: int, family: Family
) -> PlayerModel:
    """A model of players.

    Args:
        seen: their features.
        happened: whether what the family foresees happened to them.
        seed: of the folds by which the penalty is chosen and the probabilities are calibrated.
        family: what is foreseen.

    Raises:
        TooFewPlayers: it happened to fewer than `LEAST`, or to all but fewer.
    """
    truth = np.array(happened, dtype=np.float64)
    positives = int(truth.sum())
    if min(positives, len(truth) - positives) < LEAST:
        raise TooFewPlayers(
            f"{positives} to whom it happened and {len(truth) - positives} others: at least "
            f"{LEAST} of each are needed"
        )
    fold_of = _folds(happened, seed)
    told = {penalty: np.empty(len(truth)) for penalty in PENALTIES}
    for fold in range(FOLDS):
        held = fold_of == fold
        terms = _terms(
            family.features, [one for one, out in zip(seen, held, strict=True) if not out]
        )
        design = _design(terms, seen)
        for penalty in PENALTIES:
            told[penalty][held] = design[held] @ _weights(design[~held], truth[~held], penalty)
    penalty = min(PENALTIES, key=lambda one: float(losses(_odds(told[one]), truth).sum()))
    calibration = calibrated(told[penalty], truth)
    terms = _terms(family.features, seen)
    offset, *weights = calibration.slope * _weights(_design(terms, seen), truth, penalty)
    return PlayerModel(
        format=family.format,
        terms=tuple(
            Term(term.feature, term.knots, float(weight))
            for term, weight in zip(terms, weights, strict=True)
        ),
        offset=float(offset + calibration.offset),
        threshold=best_threshold(calibration.probabilities(told[penalty]), truth),
        players=len(truth),
        happened=positives,
    )


def _folds(happened: Sequence[bool], seed: int) -> NDArray[np.int_]:
    """Which fold each player is in; both groups are spread over all."""
    found = np.empty(len(happened), dtype=np.int_)
    for group in (False, True):
        members = [index for index, one in enumerate(happened) if one is group]
        Random(f"{seed}/{group}").shuffle(members)
        found[members] = np.arange(len(members)) % FOLDS
    return found


def _terms(features: Sequence[Feature], seen: Sequence[Values]) -> list[Term]:
    """The features' scales, by the players that are learned from; no weights yet."""
    shares = np.linspace(0, 1, KNOTS)
    found = []
    for feature, column in zip(features, zip(*seen, strict=True), strict=True):
        known = [value for value in column if value is not None]
        # The values that there are, not between them: whoever is level with many stays so.
        knots = np.quantile(known or [0.0], shares, method="nearest")
        found.append(Term(feature.name, tuple(map(float, knots))))
    return found


def _design(terms: Sequence[Term], seen: Sequence[Values]) -> Floats:
    """A row a player: 1, and their features scaled."""
    rows = [
        [1.0, *(term.scaled(value) for term, value in zip(terms, one, strict=True))] for one in seen
    ]
    return np.array(rows)


def _weights(design: Floats, truth: Floats, penalty: float) -> Floats:
    """The likeliest weights less the penalty on all but the first, by Newton's method."""
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = 1e-6
    found = np.zeros(design.shape[1])
    for _ in range(50):
        given = _odds(design @ found)
        gradient = design.T @ (given - truth) + ridge * found
        curvature = (design * (given * (1 - given))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    return found


def _odds(scores: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * scores)))
