"""Environments of other projects' libraries, one each, never the project's own."""

import shutil
import subprocess
import sys
from pathlib import Path

from workbench.console import WorkbenchError, step
from workbench.paths import ENVIRONMENTS

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "powertools": ("aws-lambda-powertools==3.37.0", "pydantic==2.13.5"),
    "duckdb": ("duckdb>=1.4,<2",),
    "polars": ("polars>=1.35,<2",),
    "offers": ("numpy>=2.3,<3", "lightgbm>=4.6,<5", "msgspec>=0.22,<0.23"),
    "lake_polars": ("polars>=1.35,<2", "zstandard>=0.25,<0.26"),
}
"""What is installed, by environment; Powertools and pydantic as the project has them."""


def python_of(name: str) -> Path:
    """The interpreter of an environment, which is made where it is not there yet.

    Raises:
        WorkbenchError: it cannot be installed.
    """
    folder = ENVIRONMENTS / "benchmarks" / name
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    wanted = "\n".join((sys.version, *REQUIREMENTS[name]))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    with step(f"installing {', '.join(REQUIREMENTS[name])} for the benchmark alone"):
        shutil.rmtree(folder, ignore_errors=True)
        for command in _commands(folder, python, REQUIREMENTS[name]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                raise WorkbenchError(
                    f"{name} could not be installed for the benchmark, which needs the package "
                    f"index for that once: check the network and measure again "
                    f"({_last_line(done.stderr)})."
                )
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _commands(folder: Path, python: Path, packages: tuple[str, ...]) -> list[list[str | Path]]:
    """By uv where there is one, as `scripts/setup` finds it; else by pip."""
    uv = shutil.which("uv")
    own = ENVIRONMENTS / "bootstrap" / "bin" / "uv"
    if uv is None and own.exists():
        uv = str(own)
    if uv is not None:
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, folder],
            [uv, "pip", "install", "--quiet", "--python", python, *packages],
        ]
    return [
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    ]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines() or ["it said nothing"]
    return lines[-1].strip()[:200]
