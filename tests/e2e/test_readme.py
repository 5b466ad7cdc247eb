"""The README's own commands, run as they stand there, one after the other, against the stack."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from workbench.paths import ROOT, home

COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    for line in block.splitlines()
    if line.startswith(".venv/bin/pitboss ")
]


def test_the_readme_has_commands_to_go_on_with() -> None:
    assert len(COMMANDS) >= 7


@pytest.mark.usefixtures("stack")
def test_the_readme_s_commands_work_one_after_the_other(tmp_path: Path) -> None:
    environment = os.environ | {"PITBOSS_HOME": str(home()), "NO_COLOR": "1"}
    for folder in ("docs", "metrics"):  # what is written stays in the folder of the test
        (tmp_path / folder).symlink_to(ROOT / folder)
    for command in COMMANDS:
        _, *arguments = shlex.split(command)

        done = subprocess.run(
            [ROOT / ".venv" / "bin" / "pitboss", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), f"{command} says nothing"
