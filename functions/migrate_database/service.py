"""What each task does to the database: plain values in and out."""

from typing import NamedTuple, Protocol

from pitboss.errors import TerminalError


class Kept(NamedTuple):
    """What became of the partitions, by name."""

    made: list[str]
    dropped: list[str]


class Outcome(NamedTuple):
    """What a task came to."""

    revision: str | None
    """What the database is at; None where it has nothing."""
    partitions: Kept


class Schema(Protocol):
    """A database that nobody else migrates; all of it happens, or nothing."""

    def revision(self) -> str | None: ...

    def upgrade(self) -> str | None: ...

    def downgrade(self, revision: str) -> str | None: ...

    def ensure_partitions(self, now_ms: int, months_kept: int) -> Kept: ...

    def ensure_roles(self) -> None: ...


class UnknownTask(TerminalError):
    """Nothing here is called that."""

    def __init__(self, task: object) -> None:
        super().__init__(f"{str(task)[:60]!r} is none of migrate, partitions, downgrade")


def run(
    task: object, revision: str | None, schema: Schema, now_ms: int, months_kept: int
) -> Outcome:
    """One task.

    Args:
        task: `migrate`, `partitions` or `downgrade`.
        revision: what to go down to; of that task alone.
        schema: the database.
        now_ms: epoch ms.
        months_kept: whole months of events before this one.

    Raises:
        UnknownTask: it is none of these, or `downgrade` to nowhere.
    """
    match task, revision:
        case "migrate", None:
            reached = schema.upgrade()
            kept = schema.ensure_partitions(now_ms, months_kept)
            schema.ensure_roles()
        case "partitions", None:
            reached = schema.revision()
            kept = schema.ensure_partitions(now_ms, months_kept)
        case "downgrade", str():
            reached, kept = schema.downgrade(revision), Kept([], [])
        case _:
            raise UnknownTask(task if revision is None else f"{task} {revision}")
    return Outcome(reached, kept)
