"""`python -m workbench.machine ENV`: the processor an environment's libraries are built for."""

import sys
import tomllib

from workbench.paths import ROOT

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names of processors, and those of Python's wheels."""


def machine_of(environment: str) -> str:
    """The `MACHINE` of the layer's Makefile for an environment of samconfig.toml.

    Raises:
        SystemExit: there is no such environment, or it names no Architecture.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    try:
        overrides = config[environment]["deploy"]["parameters"]["parameter_overrides"]
        return MACHINES[dict(pair.split("=", 1) for pair in overrides.split())["Architecture"]]
    except (KeyError, ValueError):
        raise SystemExit(
            f"samconfig.toml has no environment {environment!r} with an Architecture "
            f"of {' or '.join(MACHINES)}: add one."
        ) from None


if __name__ == "__main__":
    print(machine_of(sys.argv[1]))
