"""Where things are: the repository, and the state a local stack keeps."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

ENVIRONMENTS = ROOT / ".pitboss" / "env"
"""What `scripts/setup` made besides `.venv`; shared by every local stack."""

VENV_BIN = ROOT / ".venv" / "bin"


def home() -> Path:
    """The state of one local stack: `$PITBOSS_HOME`, or `.pitboss` in the repository.

    Two homes are two stacks that know nothing of each other; the tests use that.
    """
    chosen = os.environ.get("PITBOSS_HOME")
    return (ROOT / chosen).resolve() if chosen else ROOT / ".pitboss"
