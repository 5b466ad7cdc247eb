"""Definitions in files: metrics and experiments, as YAML or JSON."""

from collections.abc import Callable
from pathlib import Path

from workbench.console import WorkbenchError


def load[Defined](file: Path, parse: Callable[[object], Defined], what: str) -> Defined:
    """What a file defines.

    Args:
        file: which one.
        parse: makes it of plain content; see `pitboss.definitions`.
        what: it is to be, in a word.

    Raises:
        WorkbenchError: it cannot be read, or defines nothing.
    """
    import yaml

    from pitboss.definitions import InvalidDefinition

    try:
        return parse(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise WorkbenchError(f"{file} is neither YAML nor JSON: {fault}") from None
    except InvalidDefinition as fault:
        raise WorkbenchError(f"{file} is no {what}: {fault}.") from None
