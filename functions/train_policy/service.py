"""The use case: a run's log in, its model out."""

from collections.abc import Mapping
from typing import Protocol

from pitboss.offers.training import MODEL, fit


class Runs(Protocol):
    """What nights work on; see `pitboss.stores.models.S3Models`."""

    def of_run(self, run: str, name: str) -> bytes: ...
    def put_of_run(self, run: str, name: str, body: bytes) -> None: ...


def train_run(runs: Runs, run: str, log: str, hyperparameters: Mapping[str, str]) -> str:
    """Train a run's model.

    Args:
        runs: what nights work on.
        run: the run.
        log: what its training rows are called there.
        hyperparameters: the recipe; see `pitboss.offers.learning.Recipe`.

    Returns:
        What the model is called among the run's objects.
    """
    runs.put_of_run(run, MODEL, fit(runs.of_run(run, log), hyperparameters))
    return MODEL
