"""Choosing the port of a local stack, and remembering it."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import emulator
from workbench.console import WorkbenchError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind((emulator.HOST, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.socket() as probe:
        probe.bind((emulator.HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def remember(home: Path, port: object) -> None:
    (home / "ports.json").write_text(json.dumps({"gateway": port}))


def test_takes_the_usual_port(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "PREFERRED_PORT", free)

    assert emulator.choose_port() == free


def test_takes_another_when_the_usual_one_is_taken(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "PREFERRED_PORT", taken)

    assert emulator.choose_port() != taken


def test_takes_the_same_port_as_the_last_time(home: Path, free: int) -> None:
    remember(home, free)

    assert emulator.choose_port() == free


def test_remembers_what_it_took(home: Path, free: int) -> None:
    emulator.choose_port(free)

    assert emulator.choose_port() == free


def test_a_remembered_port_that_is_taken_now_is_exchanged(home: Path, taken: int) -> None:
    remember(home, taken)

    assert emulator.choose_port() != taken


@pytest.mark.parametrize("text", ["", "{", "[]", '{"gateway": null}', '{"other": 1}'])
def test_a_damaged_memory_is_no_memory(
    home: Path, text: str, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "PREFERRED_PORT", free)
    (home / "ports.json").write_text(text)

    assert emulator.choose_port() == free


def test_a_port_that_was_asked_for_and_is_taken_is_refused_with_what_to_do(taken: int) -> None:
    with pytest.raises(WorkbenchError, match=f"Port {taken} is taken .* run `pitboss up` without"):
        emulator.choose_port(taken)
