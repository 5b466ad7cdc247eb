"""Which library learns offers: Vowpal Wabbit against a ridge regression and boosted trees.

The same decisions, features and actions for each, in an interpreter of its own: 20,000 decisions
left to chance on the simulated floor, and 70 % of a public experiment where it is there. Shown is
what the policy earns that always takes what the learner likes best: on the floor as a share of the
oracle's net value, in the experiment as visits on held-out rows. It is no fair race: how Vowpal
Wabbit learns (`learning.Recipe`) was chosen on this floor, and the others have their defaults.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from benchmarks.hillstrom import FILE, TRAIN_FRACTION
from benchmarks.peers import environments
from workbench.console import WorkbenchError
from workbench.offers_evaluate import ACTIONS as MAILS
from workbench.offers_evaluate import read
from workbench.paths import ROOT
from workbench.response_floor import ACTIONS, ResponseFloor, expected

DECISIONS, FRESH, SEED = 20_000, 5_000, 1
LIBRARIES = {
    "vowpal_wabbit": ("vowpalwabbit", "pylibvw"),
    "ridge": ("numpy", "numpy.libs"),
    "lightgbm": ("lightgbm", "numpy", "numpy.libs", "scipy", "scipy.libs"),
}
"""What each learner needs shipped, as folders or files of an environment."""


def run(decisions: int = DECISIONS) -> dict[str, Any]:
    """What each learner costs and earns."""
    floor_task, moments = _floor_task(decisions)
    mail_task, held_out = _mail_task()
    rows = []
    for name in LIBRARIES:
        python = (
            Path(sys.executable) if name == "vowpal_wabbit" else environments.python_of("offers")
        )
        found = _measured(python, name, floor_task)
        row = {
            "learner": name,
            "unpacked_mb": round(_megabytes(python, name)),
            "import_ms": round(found["import_ms"]),
            "learning_cpu_seconds": round(found["learning_seconds"], 1),
            "decision_ms_of_50_actions": round(found["decision_ms"], 2),
            "floor": f"{_floor_share(moments, found['choices']):.1%}",
        }
        if held_out:
            choices = _measured(python, name, mail_task)["choices"]
            row["visits"] = f"{_visits(held_out, choices):.2%}"
        rows.append(row)
    facts = {"figure": f"learners of offers, {decisions:,} decisions of a simulated floor"}
    if held_out:
        facts["best_single_visits"] = f"{_visits(held_out, [1] * len(held_out)):.2%}"
    return {**facts, "rows": rows}


def _floor_task(decisions: int) -> tuple[dict[str, Any], list[Any]]:
    floor, chance = ResponseFloor(SEED), Random(SEED)
    log = []
    for _ in range(decisions):
        moment, place = floor.moment(), chance.randrange(len(ACTIONS))
        log.append((moment.features, place, floor.reward(moment, ACTIONS[place])))
    fresh = [floor.moment() for _ in range(FRESH)]
    actions = [(one.code, one.kind, one.cost) for one in ACTIONS]
    return {"log": log, "ask": [one.features for one in fresh], "actions": actions}, fresh


def _floor_share(moments: Sequence[Any], choices: Sequence[int]) -> float:
    values = [[expected(moment, action) for action in ACTIONS] for moment in moments]
    none = fmean(one[0] for one in values)
    learned = fmean(one[choice] for one, choice in zip(values, choices, strict=True))
    return (learned - none) / (fmean(map(max, values)) - none)


def _mail_task() -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """The experiment's task, and what was sent and came of it on held-out rows."""
    file = Path(os.environ.get("PITBOSS_DATA", ROOT.parent / "shared" / "data")) / FILE
    if not file.exists():
        return {}, []
    place = {action.code: n for n, action in enumerate(MAILS)}
    rows = [(one.features, place[one.sent], one.outcomes["visit"]) for one in read(file)]
    Random(SEED).shuffle(rows)
    cut = round(len(rows) * TRAIN_FRACTION)
    actions = [(one.code, one.kind, one.cost) for one in MAILS]
    task = {"log": rows[:cut], "ask": [one for one, _, _ in rows[cut:]], "actions": actions}
    return task, [(sent, visit) for _, sent, visit in rows[cut:]]


def _visits(held_out: Sequence[tuple[int, int]], choices: Sequence[int]) -> float:
    return fmean(
        visit for (sent, visit), choice in zip(held_out, choices, strict=True) if sent == choice
    )


def _measured(python: Path, name: str, task: dict[str, Any]) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(task, file)
        file.flush()
        done = subprocess.run(
            [python, "-m", "benchmarks.peers.offer_learners", name, file.name],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/common/python")]),
                "OPENBLAS_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise WorkbenchError(f"{name} failed: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _megabytes(python: Path, name: str) -> float:
    site = python.parent.parent / "lib/python3.13/site-packages"
    files = [
        file
        for library in LIBRARIES[name]
        for path in site.glob(f"{library}*" if library == "pylibvw" else library)
        for file in ([path] if path.is_file() else path.rglob("*"))
        if file.is_file() and file.suffix != ".pyc"
    ]
    return sum(file.stat().st_size for file in files) / 1e6
