"""What the command says: progress for people, JSON for programs, and one sentence for a failure."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement, measure_renderables
from rich.table import Table

UNLIMITED = 100_000
"""Characters of a line where nobody's eyes end it."""


class WholeConsole(Console):
    """A console that never cuts a figure or an id, nor breaks it over two lines.

    A pipe has no width, so a table's row is one line there. On a terminal a cell goes on in the
    next line between two words only: where the terminal is narrower than that, the table is not.
    """

    @property
    def options(self) -> ConsoleOptions:
        """What is printed is made for: a terminal's width, or none."""
        options = super().options
        return options if self.is_terminal else options.update(max_width=UNLIMITED)

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, as `Console.print` does."""
        for table in objects:
            if isinstance(table, Table):
                unlimited = self.options.update(max_width=UNLIMITED)
                for column in table.columns:
                    words, lines = measure_renderables(
                        self, unlimited, [column.header, *column.cells]
                    )
                    column.min_width = lines if column.no_wrap else words
                least = Measurement.get(self, unlimited, table).minimum
                if least > self.options.max_width:
                    table.width = least
        super().print(*objects, **how)


out = WholeConsole(highlight=False, soft_wrap=True)
"""Results."""

err = WholeConsole(stderr=True, highlight=False, soft_wrap=True)
"""Progress and failures, so that a pipe carries only results."""


SECONDS_BETWEEN_LINES = 10.0
"""Of progress, where there is no terminal."""


class WorkbenchError(Exception):
    """Something the user can put right. The message is one sentence that says what to do."""

    status = 1
    """What the command exits with."""

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        self.sentence = sentence
        self.log = log
        super().__init__(f"{sentence} (log: {log})" if log else sentence)


class UsageError(WorkbenchError):
    """A command that makes no sense, whatever there is: its options or arguments are wrong."""

    status = 2


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def moment(epoch_ms: int) -> str:
    """A moment for people, in UTC, to the second."""
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def say(text: str) -> None:
    """Say one line of progress."""
    err.print(text)


@contextmanager
def counting[Counted](
    opening: str, line: Callable[[Counted], str]
) -> Iterator[Callable[[Counted], None]]:
    """A line of counts that keeps up on a terminal, and comes now and then in a log.

    Args:
        opening: what is shown before anything is counted.
        line: what is shown of what was counted.
    """
    if err.is_terminal:
        with err.status(opening) as status:
            yield lambda counted: status.update(line(counted))
        return
    said = time.monotonic()

    def now_and_then(counted: Counted) -> None:
        nonlocal said
        if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            say(line(counted))

    yield now_and_then


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
