"""What a policy would have earned, estimated from decisions that another policy took.

Each estimator is the mean of one contribution a row, so that its standard error is theirs, and that
of a difference between two policies on the same rows is that of the rows' differences.

- IPS, inverse propensity scoring: Horvitz and Thompson, "A Generalization of Sampling Without
  Replacement From a Finite Universe", JASA 47 (1952).
- SNIPS, self-normalised: Swaminathan and Joachims, "The Self-Normalized Estimator for
  Counterfactual Learning", NeurIPS 2015; its variance by the delta method, as of a ratio: Owen,
  "Monte Carlo theory, methods and examples" (2013), section 9.2.
- DR, doubly robust: Dudik, Langford and Li, "Doubly Robust Policy Evaluation and Learning", ICML
  2011. Its reward model must not have seen the row (cross-fitting: `learning.cross_fitted`).
- Effective sample size: Kish, "Survey Sampling" (1965), (sum w)^2 / sum w^2.

Intervals are normal ones. Where few rows carry much weight they cover too seldom, those of IPS and
SNIPS first; a correction for skewness (Hall, "On the Removal of Skewness by Transformation", JRSS B
54, 1992) needs the third moment, which such rows do not give: it helped IPS and spoilt DR.

Pure Python: an estimate takes a microsecond or two a row.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

from pitboss.offers.logs import MILLION, LoggedDecision

CONFIDENCE = 0.95

Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""Half the width of an interval, in standard errors."""

PROPENSITY_FLOOR = 0.005
"""An action that was chosen less often than this says next to nothing about a policy."""


class Row(NamedTuple):
    """What one logged decision says about a policy."""

    weight: float
    """Probability of the chosen action under the policy, by that under which it was chosen."""
    reward: float
    predicted: float = 0.0
    """Reward that a model expects of the chosen action; of IPS and SNIPS unused."""
    expected: float = 0.0
    """Reward that a model expects of the policy; of IPS and SNIPS unused."""
    unsupported: float = 0.0
    """Probability the policy gives to actions whose propensity is below `PROPENSITY_FLOOR`."""


class Estimate(NamedTuple):
    """A policy's value, in the reward's unit a decision, with its 95 % interval."""

    value: float
    standard_error: float

    @property
    def low(self) -> float:
        return self.value - Z * self.standard_error

    @property
    def high(self) -> float:
        return self.value + Z * self.standard_error

    def at_least(self, confidence: float) -> float:
        """What the value is not below, with this confidence on the one side."""
        return self.value - NormalDist().inv_cdf(confidence) * self.standard_error


class Overlap(NamedTuple):
    """How far the log speaks about a policy at all."""

    rows: int
    effective_rows: float
    """As many rows chosen by the policy itself would say as much (Kish)."""
    largest_weight: float
    unsupported: float
    """Share of the policy's probability that is on actions that were hardly ever chosen."""


type Estimator = Callable[[Sequence[Row]], list[float]]
"""Gives each row's contribution."""


def row(
    logged: LoggedDecision,
    probabilities: Sequence[float],
    predictions: Sequence[float] | None = None,
) -> Row:
    """What a decision says about the policy with these probabilities, one an action.

    `predictions` are the rewards a model expects, one an action; without them only IPS and SNIPS
    can be asked.
    """
    place = logged.place
    weight = probabilities[place] * MILLION / logged.propensities[place]
    floor = PROPENSITY_FLOOR * MILLION
    unsupported = 0.0
    if min(logged.propensities) < floor:
        unsupported = sum(
            probability
            for probability, parts in zip(probabilities, logged.propensities, strict=True)
            if parts < floor
        )
    if predictions is None:
        return Row(weight, logged.reward, unsupported=unsupported)
    expected = math.sumprod(probabilities, predictions)
    return Row(weight, logged.reward, predictions[place], expected, unsupported)


def ips(rows: Sequence[Row]) -> list[float]:
    """Contributions by inverse propensity: unbiased, and wide where weights are."""
    return [one.weight * one.reward for one in rows]


def snips(rows: Sequence[Row]) -> list[float]:
    """Contributions by self-normalised inverse propensity: linear terms of the ratio of means.

    The mean of rewards weighted by the weights; for a policy that always does the same, in an
    experiment with even odds, the mean of the rows that had it done.
    """
    total = math.fsum(one.weight for one in rows)
    if not total:
        return [math.nan] * len(rows)
    value = math.sumprod([one.weight for one in rows], [one.reward for one in rows]) / total
    mean = total / len(rows)
    return [value + one.weight * (one.reward - value) / mean for one in rows]


def doubly_robust(rows: Sequence[Row]) -> list[float]:
    """Contributions of a reward model, put right by inverse propensity where it errs."""
    return [one.expected + one.weight * (one.reward - one.predicted) for one in rows]


ESTIMATORS: dict[str, Estimator] = {"ips": ips, "snips": snips, "dr": doubly_robust}


def estimate(contributions: Sequence[float]) -> Estimate:
    """Mean and standard error of contributions; not a number of fewer than two."""
    count = len(contributions)
    if count < 2:
        return Estimate(math.nan, math.nan)
    mean = math.fsum(contributions) / count
    if not math.isfinite(mean):
        return Estimate(math.nan, math.nan)
    deviations = [one - mean for one in contributions]
    variance = math.sumprod(deviations, deviations) / (count - 1)
    return Estimate(mean, math.sqrt(variance / count))


def difference(estimator: Estimator, one: Sequence[Row], other: Sequence[Row]) -> Estimate:
    """How much more `one` policy earns than the `other`, judged on the same decisions."""
    return estimate([a - b for a, b in zip(estimator(one), estimator(other), strict=True)])


def overlap(rows: Sequence[Row]) -> Overlap:
    """How far these rows speak about the policy."""
    weights = [one.weight for one in rows]
    squares = math.sumprod(weights, weights)
    return Overlap(
        rows=len(rows),
        effective_rows=math.fsum(weights) ** 2 / squares if squares else 0.0,
        largest_weight=max(weights, default=0.0),
        unsupported=math.fsum(one.unsupported for one in rows) / len(rows) if rows else 1.0,
    )
