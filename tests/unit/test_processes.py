"""Finding a background process again, and ending it with everything it started."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import emulator
from workbench.processes import ProcessId, end_group, group_members, identify, is_running

SLEEPER = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"


@pytest.fixture
def family() -> Iterator[ProcessId]:
    """A process that leads a group, with a child that ignores nothing and ends by itself never."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], start_new_session=True)
    deadline = time.monotonic() + 10
    while len(group_members(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    leader = identify(process.pid)
    assert leader is not None
    yield leader
    end_group(leader)
    process.wait()


def test_ends_the_leader_and_its_children(family: ProcessId) -> None:
    assert len(group_members(family.pid)) == 2

    assert end_group(family)

    assert group_members(family.pid) == []
    assert not is_running(family)


def test_ends_children_whose_leader_is_dead(family: ProcessId) -> None:
    os.kill(family.pid, 9)
    os.waitpid(family.pid, 0)
    assert not is_running(family)
    assert len(group_members(family.pid)) == 1

    assert end_group(family)

    assert group_members(family.pid) == []


def test_leaves_a_stranger_with_the_same_number_alone(family: ProcessId) -> None:
    remembered = ProcessId(family.pid, "another time")

    assert not is_running(remembered)
    assert end_group(remembered)

    assert is_running(family)


def test_gives_the_leader_time_to_save(tmp_path: Path) -> None:
    saved, ready = tmp_path / "saved", tmp_path / "ready"
    source = f"""
import pathlib, signal, sys, time
def save(*_):
    pathlib.Path({str(saved)!r}).write_text("saved")
    sys.exit()
signal.signal(signal.SIGTERM, save)
pathlib.Path({str(ready)!r}).touch()
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", source], start_new_session=True)
    while not ready.exists():
        time.sleep(0.01)
    leader = identify(process.pid)
    assert leader is not None

    assert end_group(leader, grace=10)

    assert saved.read_text() == "saved"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    return tmp_path


def running(process: ProcessId) -> emulator.Running:
    return emulator.Running(
        pid=process.pid,
        started=process.started,
        endpoint="http://127.0.0.1:4566",
        region="us-east-1",
        access_key_id="key",
        secret_access_key="secret",
        keep_state=False,
    )


def test_a_running_stack_is_found_again(home: Path) -> None:
    me = identify(os.getpid())
    assert me is not None
    running(me).save()

    assert emulator.Running.load() == running(me)
    assert (home / "stack.json").stat().st_mode & 0o777 == 0o600


def test_a_stack_whose_process_number_is_another_program_now_does_not_run(home: Path) -> None:
    running(ProcessId(os.getpid(), "another time")).save()

    assert emulator.Running.load() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}'])
def test_a_damaged_state_file_is_no_running_stack(home: Path, text: str) -> None:
    (home / "stack.json").write_text(text)

    assert emulator.Running.load() is None


def test_stopping_what_is_not_running_removes_stale_files(home: Path) -> None:
    stale = ProcessId(os.getpid(), "another time")
    running(stale).save()
    (home / "emulator.pid.json").write_text(json.dumps({"pid": stale.pid, "started": "x"}))

    assert emulator.stop() is False

    assert not (home / "stack.json").exists()
    assert not (home / "emulator.pid.json").exists()
