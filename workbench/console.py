"""What the command says: progress for people, JSON for programs, and one sentence for a failure."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
"""Results."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and failures, so that a pipe carries only results."""


class WorkbenchError(Exception):
    """Something the user can put right. The message is one sentence that says what to do."""

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        self.sentence = sentence
        self.log = log
        super().__init__(f"{sentence} (log: {log})" if log else sentence)


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def say(text: str) -> None:
    """Say one line of progress."""
    err.print(text)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Say what is being done, then how long it took.

    On a terminal a spinner turns meanwhile; elsewhere the line is printed at once, so that a log
    shows what is running.
    """
    started = time.monotonic()
    if err.is_terminal:
        with err.status(f"{doing} ..."):
            yield
    else:
        err.print(f"{doing} ...")
        yield
    err.print(f"[green]ok[/green] {doing} ({time.monotonic() - started:.1f} s)")
