"""A background process that can be found again, and ended with everything it started."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessId:
    """One process, told apart from a later one that was given the same number.

    `started` is whatever the system says about when it began; only equality matters.
    """

    pid: int
    started: str


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the command name: state first, then parent, group..."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def identify(pid: int) -> ProcessId | None:
    """The identity of a running process; None when there is none (a zombie is none)."""
    if PROC.joinpath("self", "stat").exists():
        fields = _stat(pid)
        if fields is None or fields[0] == "Z":
            return None
        return ProcessId(pid, fields[19])
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    started = answer.stdout.strip()
    return ProcessId(pid, started) if started else None


def is_running(process: ProcessId) -> bool:
    """Whether that very process still runs, and not another that took over its number."""
    return identify(process.pid) == process


def group_members(group: int) -> list[int]:
    """The processes of a process group that are still running."""
    if PROC.joinpath("self", "stat").exists():
        members = []
        for entry in PROC.iterdir():
            if not entry.name.isdecimal():
                continue
            fields = _stat(int(entry.name))
            if fields and fields[0] != "Z" and int(fields[2]) == group:
                members.append(int(entry.name))
        return members
    answer = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in answer.stdout.splitlines()]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and stat[0] != "Z"]


def _reap(pid: int) -> None:
    """Collect the process if it is a child of ours; `pitboss up` and `down` may be one process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _gone(group: int, leader: int, deadline: float) -> bool:
    while time.monotonic() < deadline:
        _reap(leader)
        if not group_members(group):
            return True
        time.sleep(0.05)
    return False


def asked_to_end(leader: ProcessId, grace: float, ask: signal.Signals = signal.SIGTERM) -> bool:
    """Ask a process to end, and give it so many seconds; whether it ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader.pid, ask)
    deadline = time.monotonic() + grace
    while is_running(leader):
        if time.monotonic() > deadline:
            return False
        _reap(leader.pid)
        time.sleep(0.05)
    return True


def end_group(leader: ProcessId, grace: float = 0.0, ask: signal.Signals = signal.SIGTERM) -> bool:
    """End a process that leads its own group, and every process of the group.

    With a grace in seconds the leader is asked first and given that long to save its state.
    Returns whether nothing of the group is left. A group whose leader is not the process that
    was remembered is left alone unless its members still carry the group's number.
    """
    group = leader.pid
    found = identify(leader.pid)
    if found is not None and found != leader:
        return True  # The number belongs to a stranger now; our group ended long ago.
    if found is not None and grace > 0:
        asked_to_end(leader, grace, ask)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    return _gone(group, leader.pid, time.monotonic() + 10)
