"""The use case: a run's model is judged, and kept as a version with its card."""

import io
import tarfile
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import msgspec

from pitboss.errors import TerminalError
from pitboss.offers.card import Card, Served, judge
from pitboss.offers.learned import RULES, Champion
from pitboss.offers.learning import Scorer
from pitboss.offers.outcomes import TrainingSummary
from pitboss.offers.training import MODEL, from_lines


class Models(Protocol):
    """Where models are kept; see `pitboss.stores.models.S3Models`."""

    def champion(self) -> Champion | None: ...
    def load(self, version: str, sha256: str) -> bytes: ...
    def of_run(self, run: str, name: str) -> bytes: ...
    def put_version(self, version: str, model: bytes, card: bytes) -> None: ...


class Names(NamedTuple):
    """What a run's objects are called."""

    train: str
    held_out: str
    summary: str


class Evaluated(NamedTuple):
    """What became of a run's model."""

    card: Card
    replaces: str | None
    """The champion it was compared with; None where none was ever promoted."""


class NoModelInArchive(TerminalError):
    """What a training job left is no archive with a model in it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no archive that has a {MODEL}")


def evaluate_run(
    models: Models, run: str, model: str, names: Names, hyperparameters: Mapping[str, str]
) -> Evaluated:
    """Judge a run's model, and keep it.

    Args:
        models: where models are kept.
        run: the run.
        model: what it is called there: a model, or the `model.tar.gz` of a training job, whose
            address may be given whole.
        names: what the run's other objects are called.
        hyperparameters: the recipe.

    Raises:
        NoModelInArchive: a training job left none.
    """
    name = model.rpartition(f"/runs/{run}/")[2]
    body = models.of_run(run, name)
    if name.endswith(".tar.gz"):
        body = _unpacked(body, name)
    champion = models.champion()
    served = Served(RULES, None)
    if champion is not None and champion.version != RULES:
        served = Served(champion.version, Scorer(models.load(champion.version, champion.sha256)))
    card = judge(
        run,
        body,
        served,
        from_lines(models.of_run(run, names.train)),
        from_lines(models.of_run(run, names.held_out)),
        msgspec.json.decode(models.of_run(run, names.summary), type=TrainingSummary),
        hyperparameters,
    )
    content = msgspec.json.format(msgspec.json.encode(card)) + b"\n"
    models.put_version(card.version, body, content)
    return Evaluated(card, None if champion is None else champion.version)


def _unpacked(archive: bytes, name: str) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
            found = files.extractfile(MODEL)
            if found is not None:
                return found.read()
    except (KeyError, tarfile.TarError, OSError, EOFError) as fault:
        raise NoModelInArchive(name) from fault
    raise NoModelInArchive(name)
