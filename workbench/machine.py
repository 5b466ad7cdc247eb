"""`python -m workbench.machine ENV`: the processor an environment's libraries are built for."""

import sys
import tomllib
from typing import Any

from workbench.console import WorkbenchError
from workbench.paths import ROOT

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names of processors, and those of Python's wheels."""


def environments() -> list[str]:
    """The environments that samconfig.toml can deploy."""
    return [name for name, commands in _config().items() if "deploy" in commands]


def _config() -> dict[str, Any]:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    return {name: value for name, value in settings.items() if isinstance(value, dict)}


def machine_of(environment: str) -> str:
    """The `MACHINE` of the layer's Makefile for an environment of samconfig.toml.

    Raises:
        WorkbenchError: there is no such environment, or it names no Architecture.
    """
    try:
        overrides = _config()[environment]["deploy"]["parameters"]["parameter_overrides"]
        return MACHINES[dict(pair.split("=", 1) for pair in overrides.split())["Architecture"]]
    except (KeyError, ValueError):
        raise WorkbenchError(
            f"samconfig.toml has no environment {environment!r} with an Architecture "
            f"of {' or '.join(MACHINES)}: add one."
        ) from None


if __name__ == "__main__":
    try:
        print(machine_of(sys.argv[1]))
    except WorkbenchError as failure:
        sys.exit(failure.sentence)
