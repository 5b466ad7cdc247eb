"""What came of an experiment: differences with intervals that hold whenever one looks.

Who looks at an ordinary test again and again finds something sooner or later, whatever there is.
What is said here may be looked at after every player and acted upon at once:

- a difference of means: asymptotic confidence sequences of the augmented inverse-probability-
  weighted mean (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory
  and asymptotic confidence sequences", Annals of Statistics 52(6), 2024, sections 2 and 3;
  https://arxiv.org/abs/2103.06476). The boundary is Robbins' normal mixture (Howard, Ramdas,
  McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
  Statistics 49(2), 2021; https://arxiv.org/abs/1810.08240).
- the sample ratio: the martingale of Lindon, Malek, "Anytime-valid inference for multinomial count
  data", NeurIPS 2022, https://arxiv.org/abs/2011.03567.

A player counts once, when their window is over, in an order that does not depend on what they did.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from pitboss.experiments.assignment import Registered
from pitboss.experiments.definition import WHOLE, Direction, Metric

MISMATCH = 0.001
"""Probability below which the sample ratio is not that of the weights, and the result is none."""

DAY_MS = 86_400_000
_WARM_UP = 10
"""Players of each variant by whom the first means are known; they enter no difference."""

_PRIOR_PLAYERS = 100
"""What the martingale of the sample ratio begins with: as if so many had been seen at the weights.
More find a small mismatch sooner and a large one later."""


class Exposed(NamedTuple):
    """That a player was shown something."""

    player_id: str
    variant: str
    block: int
    at: int
    """Epoch milliseconds: the first time."""


class Played(NamedTuple):
    """What a player did in the window that began when they were exposed, and is over."""

    variant: str
    block: int
    values: Mapping[Metric, float]


class Moments:
    """Mean and variance of numbers that come one by one (Welford)."""

    __slots__ = ("count", "mean", "squares")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value: float) -> None:
        """Count one more."""
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    @property
    def variance(self) -> float:
        """0 where there are less than two."""
        return self.squares / (self.count - 1) if self.count > 1 else 0.0


class Contrast:
    """The difference of a treatment's mean and the control's.

    Each player gives the sum of the difference of the means so far and of what they add to the mean
    of their own variant, weighted by the odds they were assigned by. Whatever the means so far are,
    its expectation is the difference; so its mean is, too, also where the odds changed on the way.
    """

    __slots__ = ("control", "difference", "treatment")

    def __init__(self) -> None:
        self.control = Moments()
        self.treatment = Moments()
        self.difference = Moments()

    def add(self, value: float, odds: float, *, is_treated: bool) -> None:
        """Count one more player.

        Args:
            value: their metric.
            odds: those of the treatment, between 0 and 1, of who is in either.
            is_treated: whether they are in the treatment.
        """
        control, treatment = self.control, self.treatment
        if control.count >= _WARM_UP and treatment.count >= _WARM_UP:
            known = treatment.mean - control.mean
            if is_treated:
                self.difference.add(known + (value - treatment.mean) / odds)
            else:
                self.difference.add(known - (value - control.mean) / (1.0 - odds))
        (treatment if is_treated else control).add(value)


def mixture(alpha: float, players: int) -> float:
    """The mixture's parameter at which the interval is narrowest at so many players.

    Source: Waudby-Smith et al. 2024, appendix B: rho^2 = (-2 log a + log(1 - 2 log a)) / t.
    It may be any number that was fixed before anyone looked.
    """
    twice = -2.0 * math.log(alpha)
    return math.sqrt((twice + math.log1p(twice)) / players)


def radius(moments: Moments, rho: float, alpha: float) -> float:
    """Half of the interval's width: the mean is within it of the truth at all times at once, but
    for a probability of `alpha`.

    Source: Waudby-Smith et al. 2024, section 2:
    s sqrt(2 (t rho^2 + 1) / (t rho)^2 log(sqrt(t rho^2 + 1) / a)).
    """
    if moments.count < 2:
        return math.inf
    grown = moments.count * rho * rho + 1.0
    spread = 2.0 * grown / (moments.count * rho) ** 2 * math.log(math.sqrt(grown) / alpha)
    return math.sqrt(moments.variance * spread)


def one_sided_radius(moments: Moments, rho: float, alpha: float) -> float:
    """How far to one side of the mean the truth is at most, at all times at once.

    Source: Waudby-Smith et al. 2024, appendix B; Howard et al. 2021, one-sided normal mixture:
    s sqrt(2 (t rho^2 + 1) / (t rho)^2 log(1 + sqrt(t rho^2 + 1) / (2 a))).
    """
    if moments.count < 2:
        return math.inf
    grown = moments.count * rho * rho + 1.0
    spread = 2.0 * grown / (moments.count * rho) ** 2 * math.log1p(math.sqrt(grown) / (2.0 * alpha))
    return math.sqrt(moments.variance * spread)


def probability(moments: Moments, rho: float) -> float:
    """The least `alpha` at which the interval leaves out 0: a p-value that is valid at any time."""
    distance = _distance(moments, rho)
    if distance == 0.0:
        return 1.0
    grown = moments.count * rho * rho + 1.0
    return min(1.0, math.exp(0.5 * math.log(grown) - distance))


def one_sided_probability(moments: Moments, rho: float, direction: Direction) -> float:
    """The least `alpha` at which the truth is this way of 0 for certain."""
    distance = _distance(moments, rho)
    if distance == 0.0 or moments.mean * direction.sign <= 0.0:
        return 1.0
    if distance > 700.0:  # more than a float's exponent holds
        return 0.0
    grown = moments.count * rho * rho + 1.0
    return min(1.0, math.sqrt(grown) / (2.0 * math.expm1(distance)))


def _distance(moments: Moments, rho: float) -> float:
    """The mixture's exponent: how far the mean is from 0."""
    if moments.count < 2 or moments.mean == 0.0:
        return 0.0
    if moments.variance == 0.0:
        return math.inf
    grown = moments.count * rho * rho + 1.0
    return (moments.count * rho * moments.mean) ** 2 / (2.0 * moments.variance * grown)


class SampleRatio:
    """Whether players fall in the variants as the weights say, looked at after each.

    Under the weights the ratio of the probabilities of what was seen, with unknown shares and with
    the weights, is a martingale that begins at 1: it ever reaches 1 / p with a probability of p at
    most. Blocks, with weights of their own, multiply.
    """

    def __init__(self, registered: Registered) -> None:
        self._shares = [
            {key: weight / WHOLE for key, weight in block.weights} for block in registered.blocks
        ]
        self._seen = [
            {key: share * _PRIOR_PLAYERS for key, share in shares.items()}
            for shares in self._shares
        ]
        self._log = self._highest = 0.0

    def add(self, exposed: Exposed) -> None:
        """Count one more player, in order of exposure."""
        shares, seen = self._shares[exposed.block], self._seen[exposed.block]
        share = seen[exposed.variant] / sum(seen.values())
        self._log += math.log(share / shares[exposed.variant])
        self._highest = max(self._highest, self._log)
        seen[exposed.variant] += 1

    @property
    def probability(self) -> float:
        """A p-value that is valid at any time."""
        return math.exp(-self._highest)


class Verdict(StrEnum):
    """What is to be done."""

    KEEP_RUNNING = "keep_running"
    BETTER = "stop_better"
    WORSE = "stop_worse"
    HARM = "stop_harm"
    """A guardrail was harmed."""
    NO_EFFECT = "stop_no_effect"
    """The longest time is over."""
    INVALID = "invalid_sample_ratio"
    """Players did not fall in the variants by their weights: something is wrong with how they come
    or are counted, and no figure means anything."""


class Difference(Struct, frozen=True):
    """A metric of a treatment against the control. `lower` and `upper` hold whenever one looks;
    None where too few players' windows are over.
    """

    metric: Metric
    control_mean: float
    treatment_mean: float
    difference: float
    lower: float | None
    """Of a guardrail: None, too, where less of it is no harm."""
    upper: float | None
    probability: float
    """A p-value that is valid at any time."""
    is_found: bool
    """Of the primary metric: there is a difference. Of a guardrail: it is harmed."""


class Compared(Struct, frozen=True):
    """A treatment against the control."""

    variant: str
    primary: Difference
    guardrails: list[Difference]
    verdict: Verdict


class Arm(Struct, frozen=True):
    """A variant: its weight, players who were exposed, and those of them whose window is over."""

    variant: str
    weight_basis_points: int
    exposed: int
    counted: int


class Result(Struct, frozen=True):
    """What came of an experiment so far."""

    key: str
    property_id: str
    status: str
    days: float
    """Since it began."""
    alpha: float
    arms: list[Arm]
    sample_ratio_probability: float
    compared: list[Compared]
    verdict: Verdict


def result(
    registered: Registered, exposed: Sequence[Exposed], played: Iterable[Played], at: int
) -> Result:
    """What came of an experiment so far.

    `alpha` is shared out among the treatments, and among all guardrails of all treatments, so that
    it holds for each of the two kinds as a whole (Bonferroni).

    Args:
        registered: the experiment.
        exposed: who was exposed, in the order they were.
        played: those whose window is over, in an order that does not depend on what they did.
        at: epoch milliseconds, now.
    """
    experiment = registered.experiment
    ratio = SampleRatio(registered)
    for one in exposed:
        ratio.add(one)
    control = experiment.control.key
    treatments = [one.key for one in experiment.variants[1:]]
    metrics = [experiment.primary.metric, *(one.metric for one in experiment.guardrails)]
    contrasts = {(key, metric): Contrast() for key in treatments for metric in metrics}
    weights = [dict(block.weights) for block in registered.blocks]
    counted = dict.fromkeys((control, *treatments), 0)
    for player in played:
        counted[player.variant] += 1
        of_block = weights[player.block]
        of_player = treatments if player.variant == control else (player.variant,)
        for key in of_player:
            odds = of_block[key] / (of_block[key] + of_block[control])
            for metric in metrics:
                is_treated = player.variant == key
                contrasts[key, metric].add(player.values[metric], odds, is_treated=is_treated)
    began = registered.started_at if registered.started_at is not None else at
    is_over = at - began >= experiment.stop.max_days * DAY_MS
    is_mismatched = ratio.probability < MISMATCH
    compared = [
        _compared(registered, key, contrasts, is_over=is_over, is_mismatched=is_mismatched)
        for key in treatments
    ]
    return Result(
        experiment.key,
        experiment.property_id,
        str(experiment.status),
        (at - began) / DAY_MS,
        experiment.stop.alpha,
        [
            Arm(key, weight, sum(one.variant == key for one in exposed), counted[key])
            for key, weight in experiment.weights
        ],
        ratio.probability,
        compared,
        overall([one.verdict for one in compared]),
    )


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """What is to be done where each treatment has a verdict of its own.

    Harm ends the experiment, whoever suffers it; a treatment that is better does, too. One that is
    worse does where none is left that may still be better.
    """
    for decisive in (Verdict.INVALID, Verdict.HARM, Verdict.BETTER, Verdict.KEEP_RUNNING):
        if decisive in verdicts:
            return decisive
    return Verdict.NO_EFFECT if Verdict.NO_EFFECT in verdicts else Verdict.WORSE


def _compared(
    registered: Registered,
    key: str,
    contrasts: Mapping[tuple[str, Metric], Contrast],
    *,
    is_over: bool,
    is_mismatched: bool,
) -> Compared:
    experiment = registered.experiment
    goal, rule = experiment.primary, experiment.stop
    treatments = len(experiment.variants) - 1
    primary = two_sided(
        goal.metric,
        contrasts[key, goal.metric],
        rule.alpha / treatments,
        rule.expected_exposure,
        rule.minimum_exposure,
    )
    guardrails = [
        one_sided(
            guardrail.metric,
            guardrail.harmful,
            contrasts[key, guardrail.metric],
            rule.alpha / treatments / len(experiment.guardrails),
            rule.expected_exposure,
            rule.minimum_exposure,
        )
        for guardrail in experiment.guardrails
    ]
    if is_mismatched:
        verdict = Verdict.INVALID
    elif any(one.is_found for one in guardrails):
        verdict = Verdict.HARM
    elif primary.is_found:
        is_better = primary.difference * goal.better.sign > 0
        verdict = Verdict.BETTER if is_better else Verdict.WORSE
    else:
        verdict = Verdict.NO_EFFECT if is_over else Verdict.KEEP_RUNNING
    return Compared(key, primary, guardrails, verdict)


def two_sided(
    metric: Metric, contrast: Contrast, alpha: float, expected: int, minimum: int
) -> Difference:
    """A difference with its interval, once each variant has so many players."""
    moments, rho = contrast.difference, mixture(alpha, expected)
    if min(contrast.control.count, contrast.treatment.count) < minimum:
        return _difference(metric, contrast, None, None, 1.0, alpha)
    half = radius(moments, rho, alpha)
    bounds = moments.mean - half, moments.mean + half
    return _difference(metric, contrast, *bounds, probability(moments, rho), alpha)


def one_sided(
    metric: Metric,
    harmful: Direction,
    contrast: Contrast,
    alpha: float,
    expected: int,
    minimum: int,
) -> Difference:
    """A difference with the bound that says how much harm there is at least."""
    moments, rho = contrast.difference, mixture(2.0 * alpha, expected)
    if min(contrast.control.count, contrast.treatment.count) < minimum:
        return _difference(metric, contrast, None, None, 1.0, alpha)
    bound = moments.mean - harmful.sign * one_sided_radius(moments, rho, alpha)
    lower, upper = (bound, None) if harmful is Direction.INCREASE else (None, bound)
    found = one_sided_probability(moments, rho, harmful)
    return _difference(metric, contrast, lower, upper, found, alpha)


def _difference(
    metric: Metric,
    contrast: Contrast,
    lower: float | None,
    upper: float | None,
    found: float,
    alpha: float,
) -> Difference:
    return Difference(
        metric,
        contrast.control.mean,
        contrast.treatment.mean,
        contrast.difference.mean,
        lower,
        upper,
        found,
        found < alpha,
    )
