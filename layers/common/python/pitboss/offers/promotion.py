"""The gate that a learned policy passes before it serves: only what is surely better is promoted.

The challenger and everything it is to beat (the champion, each single offer, none) are judged on
the same held-out decisions, which none of them was learned from. It must earn more than each: the
lower bound of the 95 % interval of the difference, row by row, must be above 0. Where the log does
not speak about the challenger (too few decisions that it would take and the other would not, too
much on what was hardly ever chosen, one decision that weighs too much, a number that is none), it
is kept out, whatever its value looks like.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pitboss.offers.estimators import (
    CONFIDENCE,
    Estimate,
    Estimator,
    Overlap,
    Row,
    difference,
    doubly_robust,
    estimate,
    overlap,
)

LEAST_DECISIVE_ROWS = 50
"""Decisions that must tell the challenger from another policy. Below, what is known of the two is
what the model thinks of itself; how many agree with both of them is no help."""

MOST_UNSUPPORTED = 0.05
"""Share of the challenger's probability that may be on actions hardly ever chosen."""

HEAVIEST_ROW = 0.03
"""Share of all weight that one decision may have."""


class Verdict(NamedTuple):
    """What was decided of a challenger, and why."""

    verdict: Literal["promote", "keep"]
    policy: str
    """Name of the policy that is to be used now."""
    reason: str
    """In words, a sentence."""
    values: dict[str, Estimate]
    """What each policy earns."""
    differences: dict[str, Estimate]
    """What the challenger earns more than each of the others."""
    overlap: Overlap
    """How far the log speaks about the challenger."""


def decide(
    challenger: str,
    champion: str,
    rows: Mapping[str, Sequence[Row]],
    estimator: Estimator = doubly_robust,
    unit: str = "",
) -> Verdict:
    """Whether the challenger is to take over from the champion.

    Args:
        challenger: its name.
        champion: name of the policy that stays otherwise.
        rows: what the same held-out decisions, in the same order, say about each policy by name;
            challenger and champion among them.
        estimator: how values are estimated.
        unit: what values are in, in the words of the reason.
    """
    found = overlap(rows[challenger])
    values = {name: estimate(estimator(its)) for name, its in rows.items()}
    differences = {
        name: difference(estimator, rows[challenger], its)
        for name, its in rows.items()
        if name != challenger
    }
    why_not = _unjudged(found, rows[challenger], [*values.values(), *differences.values()])
    why_not = why_not or _not_better(challenger, champion, rows, differences, unit)
    if why_not is not None:
        return Verdict("keep", champion, why_not, values, differences, found)
    nearest = min(differences, key=lambda name: differences[name].low)
    reason = (
        f"{challenger} earns more than each of the others: "
        f"{_said(differences[nearest], unit)} more than {nearest}."
    )
    return Verdict("promote", challenger, reason, values, differences, found)


def _unjudged(
    found: Overlap, challenger: Sequence[Row], estimates: Sequence[Estimate]
) -> str | None:
    """Why these rows say too little; None where they say enough."""
    if not all(math.isfinite(one.value + one.standard_error) for one in estimates):
        return "A value is not a number, so that nothing can be compared."
    if found.unsupported > MOST_UNSUPPORTED:
        return (
            f"{found.unsupported:.1%} of what the challenger does was hardly ever done, and "
            f"{MOST_UNSUPPORTED:.0%} may be."
        )
    heaviest = found.largest_weight / math.fsum(one.weight for one in challenger)
    if heaviest > HEAVIEST_ROW:
        return f"One decision has {heaviest:.1%} of all weight, and may have {HEAVIEST_ROW:.0%}."
    return None


def _not_better(
    challenger: str,
    champion: str,
    rows: Mapping[str, Sequence[Row]],
    differences: Mapping[str, Estimate],
    unit: str,
) -> str | None:
    """Which policy it is not surely better than, the champion first; None where there is none."""
    for name in sorted(differences, key=lambda name: name != champion):
        found = differences[name]
        if not found.value and not found.standard_error:
            return f"{challenger} decides as {name} does: there is nothing to promote."
        decisive = decisive_rows(rows[challenger], rows[name])
        if decisive < LEAST_DECISIVE_ROWS:
            return (
                f"{decisive:.0f} decisions in effect tell {challenger} from {name}, and "
                f"{LEAST_DECISIVE_ROWS} are needed."
            )
        if found.low <= 0:
            return (
                f"{challenger} is not surely better than {name}: it earns "
                f"{_said(found, unit)} more, and the lower bound is not above 0."
            )
    return None


def decisive_rows(challenger: Sequence[Row], other: Sequence[Row]) -> float:
    """Decisions, in effect (Kish), that were taken as the challenger would sooner than the other.

    They are what a difference of the two rests on, besides the model.
    """
    more = [max(one.weight - its.weight, 0.0) for one, its in zip(challenger, other, strict=True)]
    squares = math.sumprod(more, more)
    return math.fsum(more) ** 2 / squares if squares else 0.0


def _said(found: Estimate, unit: str) -> str:
    value = f"{found.value:.4g} {unit}".rstrip()
    return f"{value} ({CONFIDENCE:.0%} interval {found.low:.4g} to {found.high:.4g})"
