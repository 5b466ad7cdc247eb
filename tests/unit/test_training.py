"""Training under SageMaker's contract, in a folder of its own, and in the function: one model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pitboss.offers.logs import InvalidLog
from pitboss.offers.training import (
    MAX_FAILURE_CHARACTERS,
    NothingToLearn,
    UnknownHyperparameter,
    fit,
    from_lines,
    recipe_of,
    run,
    to_lines,
)
from tests import offer_nights

pytestmark = pytest.mark.unit

LOG = to_lines(offer_nights.training().train[:200])


def container(base: Path, hyperparameters: dict[str, str] | None, *channels: bytes) -> Path:
    """The folder as SageMaker lays it out for a job."""
    (base / "input" / "config").mkdir(parents=True)
    (base / "input" / "data" / "train").mkdir(parents=True)
    if hyperparameters is not None:
        config = base / "input" / "config" / "hyperparameters.json"
        config.write_text(json.dumps(hyperparameters))
    for number, lines in enumerate(channels):
        (base / "input" / "data" / "train" / f"part-{number}.ndjson").write_bytes(lines)
    return base


def test_a_job_and_the_function_make_the_same_bytes(tmp_path: Path) -> None:
    base = container(tmp_path, {"seed": "7", "passes": "1"}, LOG)

    assert run(base) == 0

    assert (base / "model" / "model.vw").read_bytes() == fit(LOG, {"seed": "7", "passes": "1"})
    assert not (base / "output" / "failure").exists()


def test_a_job_is_a_process_that_is_told_to_train(tmp_path: Path) -> None:
    lines = LOG.splitlines(keepends=True)
    base = container(tmp_path, None, b"".join(lines[:90]), b"".join(lines[90:]))

    done = subprocess.run(
        [sys.executable, "-m", "pitboss.offers.training", "train", "--base", str(base)],
        env={"PATH": os.environ["PATH"], "TRAINING_JOB_NAME": "pitboss-1"},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert (base / "model" / "model.vw").read_bytes() == fit(LOG, {})


@pytest.mark.parametrize(
    ("hyperparameters", "lines", "said"),
    [
        ({"depth": "3"}, LOG, "UnknownHyperparameter: the hyperparameters are none"),
        ({"passes": "many"}, LOG, "UnknownHyperparameter"),
        ({}, b"", "NothingToLearn: there is no decision to learn from"),
        ({}, b"{}\n", "ValidationError"),
        ({}, LOG.replace(b'"chosen":"', b'"chosen":"x', 1), "InvalidLog"),
    ],
)
def test_a_job_that_fails_says_why_where_it_is_looked_for(
    hyperparameters: dict[str, str], lines: bytes, said: str, tmp_path: Path
) -> None:
    base = container(tmp_path, hyperparameters, lines)

    assert run(base) == 1

    failure = (base / "output" / "failure").read_text()
    assert said in failure
    assert len(failure) <= MAX_FAILURE_CHARACTERS
    assert not (base / "model" / "model.vw").exists()


def test_hyperparameters_are_text_by_the_recipes_names() -> None:
    recipe = recipe_of({"seed": "3", "pairs": "false", "method": "dr"})
    assert (recipe.seed, recipe.pairs, recipe.method) == (3, False, "dr")
    with pytest.raises(UnknownHyperparameter, match="depth"):
        recipe_of({"depth": "3"})
    with pytest.raises(NothingToLearn):
        fit(b"", {})


def test_a_log_is_read_as_it_was_written() -> None:
    log = offer_nights.training().held_out[:20]
    assert from_lines(to_lines(log)) == log
    with pytest.raises(InvalidLog):
        from_lines(to_lines(log).replace(b'"chosen":"', b'"chosen":"x'))
