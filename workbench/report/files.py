"""The files that reports are made with, and those that they become."""

from collections.abc import Callable
from pathlib import Path

from workbench.console import WorkbenchError


def content(path: Path) -> bytes:
    """A file's bytes."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be read ({fault.strerror}): check the name.") from None


def write(path: Path, body: bytes, tell: Callable[[str], object]) -> None:
    """Write a file whole or not at all, and tell its name and size."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(body)
        draft.replace(path)
    except OSError as fault:
        raise WorkbenchError(
            f"{path} cannot be written ({fault.strerror}): name another place."
        ) from None
    tell(f"{path} ({len(body) / 1000:,.0f} kB)")
