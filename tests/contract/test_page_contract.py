"""What the page's scripts say of the contract agrees with the contract."""

import re
from enum import StrEnum
from pathlib import PurePosixPath

import pytest
from msgspec import Struct

from pitboss import access
from pitboss.floor.documents import BillIn, MachineMinutes, PlayerOnFloor, PlayersOnFloor
from pitboss.floor.plan import FloorPlan, Limits, Place
from pitboss.floor.rows import (
    Alert,
    Fault,
    FloorStatus,
    MachineCondition,
    MachineSums,
    OfferCounts,
    Severity,
    StreamRate,
)
from pitboss.lake.loads import Freshness
from pitboss.metrics.documents import MetricDocument, ValueDocument, WindowDocument
from serve_events.service import ApplicationFreshness, FreshnessDocument
from workbench import page_files

ROWS = {
    "machineSums": MachineSums,
    "machineCondition": MachineCondition,
    "streamRate": StreamRate,
    "machineMinutes": MachineMinutes,
}
DOCUMENTS = [
    *(MachineSums, MachineCondition, StreamRate, MachineMinutes, OfferCounts, FloorStatus, Alert),
    *(Place, Limits, FloorPlan, PlayerOnFloor, PlayersOnFloor, BillIn),
    *(ValueDocument, WindowDocument, MetricDocument),
    *(ApplicationFreshness, Freshness, FreshnessDocument),
]

PAGES = {"index.html": "app.js", "games.html": "games/app.js"}

_STATIC_IMPORT = re.compile(r"^(?:import|export)[^;]*?from '(\.[^']+)';", re.MULTILINE)


def _text(name: str) -> str:
    return (page_files.FOLDER / name).read_text(encoding="utf-8")


def _listed(text: str) -> list[str]:
    return re.findall(r"'([^']+)'", text)


@pytest.mark.parametrize(("function", "row"), ROWS.items(), ids=ROWS)
def test_the_fields_of_a_row_are_named_in_their_order(function: str, row: type[Struct]) -> None:
    taken = re.search(rf"export function {function}\(\[(.*?)\]\)", _text("rows.js"), re.DOTALL)

    assert taken is not None
    names = re.findall(r"^\s*(\w+)|,\s*(\w+)", re.sub(r"\s*=\s*(\[\]|'[^']*'|\w+)", "", taken[1]))
    assert tuple(one or other for one, other in names) == row.__struct_fields__


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.__name__)
def test_a_type_has_the_fields_of_its_document(document: type[Struct]) -> None:
    body = re.search(
        rf"export interface {document.__name__} {{(.*?)\n}}", _text("types.d.ts"), re.DOTALL
    )

    assert body is not None
    assert tuple(re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE)) == document.__struct_fields__


@pytest.mark.parametrize(
    ("name", "values"), [("FaultKind", Fault), ("Severity", Severity), ("Group", access.Group)]
)
def test_a_type_has_the_values_of_its_enumeration(name: str, values: type[StrEnum]) -> None:
    line = re.search(rf"export type {name} = (.*);", _text("types.d.ts"))

    assert line is not None
    assert _listed(line[1]) == [str(value) for value in values]


def test_what_is_shown_to_a_group_is_what_it_may_see() -> None:
    text = _text("groups.js")
    groups = re.search(r"export const GROUPS = {(.*?)\n};", text, re.DOTALL)
    included = re.search(r"export const INCLUDED = {(.*?)}", text)

    assert groups is not None
    shown = {
        group: set(_listed(scopes))
        for group, scopes in re.findall(
            r"^  '?([\w-]+)'?: \[(.*?)\]", groups[1], re.DOTALL | re.MULTILINE
        )
    }
    assert shown == {str(group): set(map(str, may)) for group, may in access.GROUPS.items()}
    assert included is not None
    assert _listed(included[1]) == [
        str(action) for pair in access._INCLUDED.items() for action in pair
    ]


@pytest.mark.parametrize(("page", "entry"), PAGES.items(), ids=PAGES)
def test_what_a_page_begins_with_is_loaded_ahead(page: str, entry: str) -> None:
    needed: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            folder = PurePosixPath(name).parent
            for imported in _STATIC_IMPORT.findall(_text(name)):
                path = page_files.FOLDER / folder / imported
                waiting.append(path.resolve().relative_to(page_files.FOLDER).as_posix())
    ahead = set(re.findall(r'rel="modulepreload" href="([^"]+)"', _text(page)))

    assert {name for name in ahead if not name.startswith("vendor/")} == needed - {entry}
