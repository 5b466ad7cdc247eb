"""What the failure model of shufflers makes of public data, beside what was published.

C-MAPSS FD001: `pitboss shufflers evaluate --dataset cmapss`, over seeds, and what cross-validation
by engine says of the training part alone, by which the recipe was chosen. Azure: the same command
for its log of alarms, over seeds.
"""

import os
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from pitboss.shufflers.failure_card import Foreseen, Lasted
from pitboss.shufflers.failure_model import FailureModel, Recipe, train
from workbench import shuffler_datasets
from workbench.console import WorkbenchError, step
from workbench.paths import ROOT
from workbench.shufflers_evaluate import (
    PUBLISHED_AZURE,
    PUBLISHED_CMAPSS,
    Lives,
    recipe_of_log,
    recipe_of_turbofans,
    scored,
)

SUBSET = "FD001"
SEEDS = range(1, 6)
GOAL = "FD001: RMSE at most 12.6 with answers capped at 125; azure-pdm: F1 at least 0.956"


def run() -> dict[str, Any]:
    """Figures of both sets."""
    data = Path(os.environ.get("PITBOSS_DATA", ROOT.parent / "shared" / "data"))
    for name in ("cmapss", "azure-pdm"):
        if not (data / name).is_dir():
            raise WorkbenchError(f"there is no {data / name}: set PITBOSS_DATA to the folder.")
    engines, checked = _engines(data / "cmapss")
    logs = _logs(data / "azure-pdm")
    return {
        "figure": "the failure model on public data",
        "goal": GOAL,
        "cross_validation": checked,
        "engines": engines,
        "logs": logs,
    }


def _engines(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = shuffler_datasets.turbofans(folder, SUBSET)
    whole = recipe_of_turbofans("devices")
    short = msgspec.structs.replace(whole.plan, windows=(10.0, 30.0), baseline=0.0)
    checked = []
    for said, plan in (("the recipe", whole.plan), ("nothing over 30 flights back", short)):
        with step(f"cross-validating {said}, by engine"):
            recipe = msgspec.structs.replace(whole, plan=plan)
            held_out = train(found.train, recipe).card.held_out
        if not isinstance(held_out, Lasted):
            raise TypeError("remaining life was not judged")
        checked.append({"training engines, held out": said, "RMSE": round(held_out.rmse, 2)})
    runs: list[Lives] = []
    for seed in SEEDS:
        with step(f"learning {SUBSET}, seed {seed}"):
            recipe = _seeded(recipe_of_turbofans(), seed)
            model = FailureModel(train(found.train, recipe).model)
            runs.append(scored([model.latest(one) for one in found.test], found.remaining))
    rows = [_life("the command", runs[0])]
    rows += [_life(f"mean of {len(runs)} seeds", _mean(runs))]
    rows += [_life("worst of each", Lives(*(max(values) for values in zip(*runs, strict=True))))]
    rows += [
        {"engines": f"published: {name}", "RMSE capped at 125, or not": rmse}
        for name, rmse in PUBLISHED_CMAPSS.items()
    ]
    return rows, checked


def _life(name: str, found: Lives) -> dict[str, Any]:
    return {
        "engines": name,
        "RMSE": round(found.rmse, 2),
        "RMSE capped at 125": round(found.rmse_capped_125, 2),
        "NASA score": round(found.nasa_score),
        "NASA score capped": round(found.nasa_score_capped_125),
    }


def _mean(runs: list[Lives]) -> Lives:
    return Lives(runs[0].units, *(fmean(values) for values in list(zip(*runs, strict=True))[1:]))


def _logs(folder: Path) -> list[dict[str, Any]]:
    mapping = shuffler_datasets.AZURE
    histories = shuffler_datasets.alarm_log(folder, mapping)
    runs: list[Foreseen] = []
    for seed in SEEDS:
        with step(f"learning {mapping.name}, seed {seed}"):
            found = train(histories, _seeded(recipe_of_log(mapping), seed)).card.held_out
            if not isinstance(found, Foreseen):
                raise TypeError("failures were not judged")
            runs.append(found)
    names = ("precision", "recall", "f1", "pr_auc")
    figures = {name: [getattr(one, name) for one in runs] for name in names}
    first = runs[0]
    rows: list[dict[str, Any]] = [
        {"log": "the command"}
        | {name: round(values[0], 3) for name, values in figures.items()}
        | {
            "rows": first.rows,
            "failures foreseen": f"{first.failures_foreseen} of {first.failures}",
            "log loss": f"{first.uncalibrated.log_loss:.4f}, calibrated "
            f"{first.calibrated.log_loss:.4f}",
        }
    ]
    for said, of in ((f"mean of {len(runs)} seeds", fmean), ("worst of each", min)):
        rows.append({"log": said} | {name: round(of(one), 3) for name, one in figures.items()})
    rows += [{"log": f"published: {name}", "f1": f1} for name, f1 in PUBLISHED_AZURE.items()]
    return rows


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    return msgspec.structs.replace(recipe, seed=seed)
