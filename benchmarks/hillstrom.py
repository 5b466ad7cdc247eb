"""What is learned from a public randomised experiment, over many ways to divide it.

`pitboss offers evaluate --dataset hillstrom`, for the seed it has by default in full, and for
further ones in short; and how often it would do worse than promised by picking the wrong single
action in training, over a thousand divisions, for which nothing need be learned.
"""

import os
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import Any

from workbench.console import WorkbenchError, step
from workbench.offers_evaluate import OUTCOMES, Customer, Result, evaluated, read, said
from workbench.paths import ROOT

FILE = "hillstrom/hillstrom-60.csv"
TRAIN_FRACTION = 0.7
SEEDS = {"visit": range(1, 21), "conversion": range(1, 6), "spend": range(1, 6)}
"""Divisions that are learned from, by outcome; each takes about ten seconds."""
DIVISIONS = 1_000
GOAL = "the learned policy never below the best single action by more than a standard error"


def run() -> dict[str, Any]:
    """Values on held-out rows, and how they fare over divisions."""
    file = Path(os.environ.get("PITBOSS_DATA", ROOT.parent / "shared" / "data")) / FILE
    if not file.exists():
        raise WorkbenchError(f"there is no {file}: set PITBOSS_DATA to the folder that has it.")
    customers = read(file)
    rows, divisions = [], []
    for outcome in OUTCOMES:
        seeds = SEEDS[outcome]
        with step(f"learning {outcome} {len(seeds)} times"):
            results = [evaluated(customers, outcome, TRAIN_FRACTION, seed) for seed in seeds]
        rows += [
            {"outcome": outcome, "policy": name, "value": said(outcome, one.value)}
            | {"low": said(outcome, one.low), "high": said(outcome, one.high)}
            | {"gate": results[0].verdict.verdict if name == "learned" else ""}
            for name, one in results[0].values.items()
        ]
        divisions.append(_over(outcome, results) | _picking(customers, outcome))
    return {
        "figure": f"learning from {file.name}: {len(customers):,} rows, "
        f"{1 - TRAIN_FRACTION:.0%} held out",
        "goal": GOAL,
        "rows": rows,
        "divisions": divisions,
    }


def _over(outcome: str, results: list[Result]) -> dict[str, Any]:
    """How learning fares over seeds.

    Short is how much less than the best single action of the held-out rows the learned policy
    earns there, in standard errors of its value.
    """
    short = [-one.lead.value / one.values["learned"].standard_error for one in results]
    return {
        "outcome": outcome,
        "seeds": len(results),
        "gate_promotes": sum(one.verdict.verdict == "promote" for one in results),
        "stays_with_mens": sum(one.verdict.policy == "always-mens" for one in results),
        "leaves_the_best_single": sum(one.leaves > 0 for one in results),
        "short_at_all": sum(one > 0 for one in short),
        "short_by_more_than_one": sum(one > 1 for one in short),
        "furthest_short": round(max(0.0, *short), 2),
    }


def _picking(customers: list[Customer], outcome: str) -> dict[str, Any]:
    """How often the action that is best in training is not in held-out rows, by how much."""
    of = [(one.sent, one.outcomes[outcome]) for one in customers]
    short = 0
    for seed in range(DIVISIONS):
        Random(seed).shuffle(of)
        cut = round(len(of) * TRAIN_FRACTION)
        trained, held_out = _by_action(of[:cut]), _by_action(of[cut:])
        picked = max(trained, key=lambda code: fmean(trained[code]))
        lead = max(map(fmean, held_out.values())) - fmean(held_out[picked])
        short += lead > pstdev(held_out[picked]) / len(held_out[picked]) ** 0.5
    return {f"short_in_{DIVISIONS}_divisions_by_picking": f"{short / DIVISIONS:.1%}"}


def _by_action(rows: list[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for code, value in rows:
        found.setdefault(code, []).append(value)
    return found
