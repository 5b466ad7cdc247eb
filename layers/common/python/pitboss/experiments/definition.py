"""What an experiment is: who is in it, what they are shown, and what decides it.

A definition is data, one to a file: `pitboss experiments apply` checks it with `parse` and
registers it. `docs/experiments.md` says in words what each field means. Shares and weights are in
basis points, windows in gaming days.
"""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from pitboss.definitions import InvalidDefinition, parsed

WHOLE = 10_000
"""Basis points: all of a layer's players, and what the weights of the variants add up to."""

MAX_VARIANTS = 8

type Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
type FlagName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
type FlagValue = bool | int | float | str
type Share = Annotated[int, Meta(ge=1, le=WHOLE)]


class Status(StrEnum):
    """Where an experiment is in its life; what is stopped stays so."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class Metric(StrEnum):
    """What is measured of a player, from their play in the window after they were exposed.

    What players lost is none of them: nothing is to be made better by it.
    """

    THEORETICAL_WIN_CENTS = "theoretical_win_cents"
    COIN_IN_CENTS = "coin_in_cents"
    GAMES = "games"
    SESSIONS = "sessions"
    DAYS_PLAYED = "days_played"
    """Gaming days with play."""
    RETURNED = "returned"
    """1 where they played on a later gaming day of the window than that of the exposure, else 0."""


class Direction(StrEnum):
    """Which way a metric moves."""

    INCREASE = "increase"
    DECREASE = "decrease"

    @property
    def sign(self) -> int:
        """Of a difference this way: 1 or -1."""
        return 1 if self is Direction.INCREASE else -1


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What some of an experiment's players are shown."""

    key: Code
    weight_basis_points: Share
    flags: Annotated[dict[FlagName, FlagValue], Meta(min_length=1, max_length=20)]


class Goal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The primary metric: what the experiment is about."""

    metric: Metric
    better: Direction = Direction.INCREASE


class Guardrail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must not get worse whatever the primary metric does."""

    metric: Metric
    harmful: Direction = Direction.DECREASE


class StopRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When it is over."""

    max_days: Annotated[int, Meta(ge=1, le=365)]
    """From its start; with nothing found by then there is no effect to be found."""
    alpha: Annotated[float, Meta(ge=0.000_1, le=0.2)] = 0.05
    """How often at most something is found where there is nothing."""
    minimum_exposure: Annotated[int, Meta(ge=50, le=1_000_000)] = 200
    """Players of each variant whose window is over before anything is said."""
    expected_exposure: Annotated[int, Meta(ge=100, le=100_000_000)] = 5_000
    """Players of a variant and the control together at which the interval is to be narrowest. It
    holds at any other number too."""


class Experiment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to players. The first variant is the control."""

    key: Code
    property_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    status: Status = Status.DRAFT
    layer: Code
    """Of the experiments of a layer a player is in one at most."""
    share_basis_points: Share
    """Of the layer's players."""
    variants: Annotated[tuple[Variant, ...], Meta(min_length=2, max_length=MAX_VARIANTS)]
    primary: Goal
    guardrails: Annotated[tuple[Guardrail, ...], Meta(max_length=10)] = ()
    window_days: Annotated[int, Meta(ge=1, le=90)] = 7
    """Gaming days of play that count from a player's exposure on, that of the exposure included."""
    stop: StopRule

    @property
    def control(self) -> Variant:
        """What the others are compared with."""
        return self.variants[0]

    @property
    def weights(self) -> tuple[tuple[str, int], ...]:
        """The variants' keys and weights, in order."""
        return tuple((one.key, one.weight_basis_points) for one in self.variants)

    @property
    def flags(self) -> frozenset[str]:
        """The flags it decides."""
        return frozenset(self.control.flags)


class InvalidExperiment(InvalidDefinition):
    """What is no experiment, or cannot be registered; `faults` has a sentence for each fault."""


def parse(content: object) -> Experiment:
    """The experiment that plain content (of a YAML or JSON file) describes.

    Raises:
        InvalidExperiment: naming the place of the first fault of form, or every fault of sense.
    """
    return parsed(content, Experiment, _faults, InvalidExperiment)


def _faults(experiment: Experiment) -> Iterator[str]:
    for key, times in Counter(one.key for one in experiment.variants).items():
        if times > 1:
            yield f"variant {key!r} is there {times} times"
    whole = sum(weight for _, weight in experiment.weights)
    if whole != WHOLE:
        yield f"the weights of the variants add up to {whole:,} basis points, not {WHOLE:,}"
    for variant in experiment.variants[1:]:
        for flag in sorted(experiment.flags ^ set(variant.flags)):
            has = experiment.control.key if flag in experiment.flags else variant.key
            lacks = variant.key if flag in experiment.flags else experiment.control.key
            yield f"flag {flag!r} is decided by variant {has!r} and not by {lacks!r}"
        for flag in sorted(experiment.flags & set(variant.flags)):
            kinds = type(experiment.control.flags[flag]), type(variant.flags[flag])
            if kinds[0] is not kinds[1]:
                yield (
                    f"flag {flag!r} is a {kinds[0].__name__} in variant "
                    f"{experiment.control.key!r} and a {kinds[1].__name__} in {variant.key!r}"
                )
    for metric, times in Counter(one.metric for one in experiment.guardrails).items():
        if times > 1:
            yield f"guardrail {metric} is there {times} times"
    for guardrail in experiment.guardrails:
        if guardrail.metric is experiment.primary.metric:
            yield (
                f"{guardrail.metric} is the primary metric, which is looked at both ways: it is no "
                "guardrail besides"
            )
    if experiment.stop.max_days < experiment.window_days:
        yield (
            f"stop.max_days is {experiment.stop.max_days}, so that no window of "
            f"{experiment.window_days} days is over by then"
        )
