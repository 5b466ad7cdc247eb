"""Settings: parsed to real types, every fault told at once."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import pytest

from pitboss.settings import LogLevel, SettingsError, read


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Rate:
    per_hour: int

    @classmethod
    def parse(cls, text: str) -> Self:
        number, _, unit = text.partition("/")
        if unit != "h":
            raise ValueError(f"{text!r} is no rate such as 5/h")
        return cls(int(number))


@dataclass(frozen=True)
class Settings:
    table: str
    batch: int
    rate: Rate
    colour: Colour = Colour.RED
    strict: bool = False
    level: LogLevel = "INFO"
    topics: tuple[str, ...] = ()
    prefix: str | None = None
    limit: int | None = None
    made: list[str] = field(default_factory=list)


FULL = {"TABLE": "ratings", "BATCH": "25", "RATE": "5/h"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"OTHER": "is not looked at"}, {}),
        ({"TABLE": "  ratings "}, {}),
        ({"COLOUR": "blue"}, {"colour": Colour.BLUE}),
        ({"STRICT": "true"}, {"strict": True}),
        ({"LEVEL": "DEBUG"}, {"level": "DEBUG"}),
        ({"TOPICS": "a, b,,c"}, {"topics": ("a", "b", "c")}),
        ({"PREFIX": "x", "LIMIT": "7"}, {"prefix": "x", "limit": 7}),
        ({"PREFIX": "", "LIMIT": " "}, {}),
    ],
)
def test_what_is_read(environ: dict[str, str], expected: dict[str, Any]) -> None:
    assert read(FULL | environ, Settings) == Settings("ratings", 25, Rate(5), **expected)


def test_every_fault_at_once() -> None:
    environ = {
        "TABLE": " ",
        "BATCH": "a few",
        "COLOUR": "green",
        "STRICT": "yes",
        "LEVEL": "LOUD",
        "LIMIT": "1.5",
    }
    with pytest.raises(SettingsError) as caught:
        read(environ, Settings)
    assert caught.value.faults == (
        "TABLE is not set",
        "BATCH: 'a few' is no integer",
        "RATE is not set",
        "COLOUR: 'green' is none of red, blue",
        "STRICT: 'yes' is none of true, false",
        "LEVEL: 'LOUD' is none of DEBUG, INFO, WARNING, ERROR, CRITICAL",
        "LIMIT: '1.5' is no integer",
    )
    assert str(caught.value) == "; ".join(caught.value.faults)
    assert not caught.value.retry


def test_a_types_own_reason() -> None:
    with pytest.raises(SettingsError, match="RATE: '5' is no rate such as 5/h"):
        read(FULL | {"RATE": "5"}, Settings)


def test_a_type_that_settings_do_not_know_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Wrong:
        table: dict[str, str]

    with pytest.raises(TypeError):
        read({"TABLE": "x"}, Wrong)
