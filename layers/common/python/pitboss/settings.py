"""Settings from the environment: real types, and every fault of them told at once.

A function's settings are a frozen dataclass. Each field is the variable of its name in upper case;
a field without a default has to be set.

    @dataclass(frozen=True)
    class Settings:
        ratings_table: str
        flush_seconds: int = 1

    settings = read(os.environ, Settings)
"""

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

from pitboss.errors import TerminalError

type LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_SHOWN_CHARACTERS = 60


class SettingsError(TerminalError):
    """Variables that are missing or cannot be read; `faults` has a sentence for each."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def read[Settings](environ: Mapping[str, str], settings: type[Settings]) -> Settings:
    """The settings that an environment holds.

    Fields may be `str`, `int`, `bool` (`true` or `false`), an `Enum` or `Literal` of strings,
    `tuple[str, ...]` (separated by commas), any class with a `parse(text)` that raises ValueError,
    and each of these `| None`. A variable that is empty or blank counts as not set.

    Raises:
        SettingsError: naming every variable that is missing or cannot be read.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Example:
    ...     table: str
    ...     batch_size: int = 25
    >>> read({"TABLE": "ratings"}, Example)
    Example(table='ratings', batch_size=25)
    """
    kinds = get_type_hints(settings)
    values: dict[str, Any] = {}
    faults = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        variable = field.name.upper()
        text = environ.get(variable, "").strip()
        if text:
            try:
                values[field.name] = _parse(kinds[field.name], text)
            except ValueError as fault:
                faults.append(f"{variable}: {fault}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            faults.append(f"{variable} is not set")
    if faults:
        raise SettingsError(tuple(faults))
    return settings(**values)


def _parse(kind: Any, text: str) -> Any:  # noqa: ANN401 - a type is chosen by the dataclass
    if isinstance(kind, TypeAliasType):
        return _parse(kind.__value__, text)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (only,) = [choice for choice in get_args(kind) if choice is not types.NoneType]
        return _parse(only, text)
    if origin is Literal:
        return _choice({str(choice): choice for choice in get_args(kind)}, text)
    if kind == tuple[str, ...]:
        return tuple(part for part in (part.strip() for part in text.split(",")) if part)
    if kind is str:
        return text
    if kind is bool:
        return _choice({"true": True, "false": False}, text)
    if kind is int:
        return _integer(text)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _choice({str(member.value): member for member in kind}, text)
    if hasattr(kind, "parse"):
        return kind.parse(text)
    raise TypeError(f"settings know no type {kind!r}")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text[:_SHOWN_CHARACTERS]!r} is no integer") from None


def _choice[Choice](choices: Mapping[str, Choice], text: str) -> Choice:
    if text not in choices:
        raise ValueError(f"{text[:_SHOWN_CHARACTERS]!r} is none of {', '.join(choices)}")
    return choices[text]
