"""Training a model, the same in a Lambda function and in a training container of SageMaker.

    python -m pitboss.offers.training [train] [--base FOLDER]

Below its base folder, `/opt/ml` by SageMaker's contract, it reads `input/data/train/*.ndjson` and
`input/config/hyperparameters.json`, writes `model/model.vw`, and where it fails says why in
`output/failure` and leaves with 1. The function calls `fit` with the same lines and the same
hyperparameters, and gets the same bytes.

The contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

import argparse
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from pitboss.errors import TerminalError
from pitboss.offers.learning import Recipe, train
from pitboss.offers.logs import LoggedDecision

BASE = Path("/opt/ml")
CHANNEL = "train"
MODEL = "model.vw"

MAX_FAILURE_CHARACTERS = 1_024
"""Of `output/failure`: SageMaker shows no more of it (FailureReason)."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LoggedDecision)


class UnknownHyperparameter(TerminalError):
    """A hyperparameter that the recipe does not have, or with a value it cannot have."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"the hyperparameters are none of this training: {fault}")


class NothingToLearn(TerminalError):
    """No decision to learn from."""

    def __init__(self) -> None:
        super().__init__("there is no decision to learn from")


def to_lines(log: Iterable[LoggedDecision]) -> bytes:
    """A log as NDJSON, the same bytes for the same log."""
    return b"".join(_encoder.encode(one) + b"\n" for one in log)


def from_lines(content: bytes) -> list[LoggedDecision]:
    """A log that `to_lines` wrote.

    Raises:
        msgspec.MsgspecError: a line is none.
        pitboss.offers.logs.InvalidLog: a decision cannot have been.
    """
    return [_decoder.decode(line) for line in content.splitlines() if line]


def recipe_of(hyperparameters: Mapping[str, str]) -> Recipe:
    """The recipe that hyperparameters say: text by the names of the recipe's fields.

    Raises:
        UnknownHyperparameter: a name it does not have, or a value that is none.
    """
    unknown = hyperparameters.keys() - set(Recipe.__struct_fields__)
    if unknown:
        raise UnknownHyperparameter(f"unknown: {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert(dict(hyperparameters), Recipe, strict=False)
    except msgspec.ValidationError as fault:
        raise UnknownHyperparameter(str(fault)) from None


def fit(content: bytes, hyperparameters: Mapping[str, str]) -> bytes:
    """The model of a log in NDJSON.

    Raises:
        UnknownHyperparameter, NothingToLearn, msgspec.MsgspecError
    """
    recipe, log = recipe_of(hyperparameters), from_lines(content)
    if not log:
        raise NothingToLearn
    return train(log, recipe)


def run(base: Path) -> int:
    """Train under SageMaker's contract, below a base folder; what the process leaves with."""
    try:
        config = base / "input" / "config" / "hyperparameters.json"
        hyperparameters = (
            msgspec.json.decode(config.read_bytes(), type=dict[str, str]) if config.exists() else {}
        )
        files = sorted((base / "input" / "data" / CHANNEL).glob("*.ndjson"))
        model = fit(b"".join(file.read_bytes() for file in files), hyperparameters)
        (base / "model").mkdir(parents=True, exist_ok=True)
        (base / "model" / MODEL).write_bytes(model)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the contract wants it written down
        traceback.print_exc()
        (base / "output").mkdir(parents=True, exist_ok=True)
        said = f"{type(fault).__name__}: {fault}"[:MAX_FAILURE_CHARACTERS]
        (base / "output" / "failure").write_text(said, encoding="utf-8")
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of the container, which SageMaker starts with the argument `train`."""
    parser = argparse.ArgumentParser(prog="pitboss.offers.training")
    parser.add_argument("verb", nargs="?", choices=["train"], default="train")
    parser.add_argument("--base", type=Path, default=BASE)
    return run(parser.parse_args(arguments).base)


if __name__ == "__main__":
    sys.exit(main())
