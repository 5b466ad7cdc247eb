"""Logging and metrics: JSON lines of bounded size."""

import io
import json
import uuid
from typing import Any

import pytest

from pitboss.telemetry import (
    MAX_FRAMES,
    MAX_LINE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    bounded,
    logger,
    metrics,
)


class Lines:
    def __init__(self) -> None:
        self._written = io.StringIO()
        self.log = logger(f"test-{uuid.uuid4().hex}", self._written)

    @property
    def texts(self) -> list[str]:
        return self._written.getvalue().splitlines()

    def only(self) -> dict[str, Any]:
        (text,) = self.texts
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture
def lines() -> Lines:
    return Lines()


def test_a_line_has_its_fields(lines: Lines) -> None:
    lines.log.info("set aside", extra={"entries": 3, "sender": "cage-7"})
    line = lines.only()
    assert line["message"] == "set aside"
    assert line["level"] == "INFO"
    assert line["service"].startswith("test-")
    assert (line["entries"], line["sender"]) == (3, "cage-7")


def test_less_severe_lines_are_left_out(lines: Lines) -> None:
    lines.log.debug("too much")
    lines.log.setLevel("WARNING")
    lines.log.info("too much as well")
    assert lines.texts == []


def test_line_breaks_cannot_forge_a_line(lines: Lines) -> None:
    lines.log.warning('refused\n{"level":"INFO","message":"all is well"}', extra={"x": "a\r\nb"})
    assert len(lines.texts) == 1


def test_long_messages_and_fields_are_cut(lines: Lines) -> None:
    lines.log.info("m" * 5_000, extra={"field": "f" * 50_000})
    line = lines.only()
    assert line["message"].endswith("m... (4000 characters more)")
    assert line["field"].endswith("f... (49000 characters more)")


def test_an_error_is_bounded_whatever_it_drags_along(lines: Lines) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise ValueError("v" * 100_000)

    try:
        try:
            deep(50)
        except ValueError as first:
            raise RuntimeError("r" * 100_000) from first
    except RuntimeError:
        lines.log.exception("failed")
    line = lines.only()
    assert line["exception_name"] == "RuntimeError"
    assert len(line["exception"]) < MAX_FRAMES * 400 + MAX_TEXT_CHARACTERS + 100
    assert "RuntimeError: rrr" in line["exception"]
    assert len(lines.texts[0]) < MAX_LINE_CHARACTERS


def test_a_line_with_too_much_keeps_what_it_says(lines: Lines) -> None:
    lines.log.error("too much", extra={f"field_{n}": "x" * 900 for n in range(40)})
    line = lines.only()
    assert line["message"] == "too much"
    assert line["cut_characters"] > MAX_LINE_CHARACTERS
    assert "field_1" not in line
    assert len(lines.texts[0]) < MAX_LINE_CHARACTERS


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (b"secret", "6 bytes"),
        (list(range(22)), [*range(20), "2 more"]),
        ({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": {"c": "1 items"}}}),
        ({str(n): n for n in range(21)}, {str(n): n for n in range(20)} | {"more": 1}),
        (("a", ValueError("x")), ["a", "x"]),
    ],
    ids=str,
)
def test_bounded(value: object, shown: object) -> None:
    assert bounded(value) == shown


def test_counts_are_one_line_of_the_embedded_metric_format(
    capsys: pytest.CaptureFixture[str],
) -> None:
    count = metrics("rate_players")
    count.count("EventsRated", 3)
    count.count("EventsRated", 4)
    count.count("EventsDuplicate", 0)
    count.flush()
    count.flush()
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Pitboss",
        "Dimensions": [["service"]],
        "Metrics": [
            {"Name": "EventsRated", "Unit": "Count"},
            {"Name": "EventsDuplicate", "Unit": "Count"},
        ],
    }
    assert line["service"] == "rate_players"
    assert line["EventsRated"] == [7.0]
    assert line["EventsDuplicate"] == [0.0]


def test_each_set_of_dimensions_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    count = metrics("ingest_slot_events")
    count.count("RequestsRefused", status="413")
    count.count("RequestsRefused", status="400")
    count.count("RequestsRefused", status="413")
    count.flush()
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert {(line["status"], line["RequestsRefused"][0]) for line in found} == {
        ("413", 2.0),
        ("400", 1.0),
    }
