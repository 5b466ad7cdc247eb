"""`pitboss offers catalogue`: a file of offers, its faults by line, and what it would change."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from pitboss.offers.catalogue import (
    Catalogue,
    House,
    InvalidCatalogue,
    Machine,
    Offer,
    encode,
    parse,
)
from workbench.console import WorkbenchError

type _Steps = tuple[str | int, ...]
"""Where something is in a file: keys of mappings and positions in lists."""

_PLACE = re.compile(r" - at `(?:key in )?(\$[^`]*)`")
_OFFER = re.compile(r"offer '([^']*)'")
_MACHINE = re.compile(r"machine '([^']*)'")
_FIELD = re.compile(r"(house)\.(\w+)")


class Fault(NamedTuple):
    """Something that is wrong in a catalogue's file."""

    line: int | None
    """From 1; None where it is of no one line."""
    sentence: str


class FaultyCatalogue(WorkbenchError):
    """A file that holds no catalogue."""

    def __init__(self, file: Path, faults: list[Fault]) -> None:
        self.faults = faults
        many = f"{len(faults)} faults" if len(faults) > 1 else "a fault"
        super().__init__(f"{file} has {many}: mend it and apply it again.")


class Change(NamedTuple):
    """What another catalogue has otherwise. `before` and `after` are None where there is none."""

    what: str
    before: str | None
    after: str | None


def load(file: Path) -> Catalogue:
    """The catalogue that a file holds.

    Raises:
        FaultyCatalogue: with all that is wrong in it.
        WorkbenchError: it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{file} is no text: name a YAML file.") from None
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        problem = getattr(fault, "problem", None) or "it cannot be read"
        raise FaultyCatalogue(file, [Fault(line, f"no YAML: {problem}")]) from None
    faults = list(_doubled(root)) if root is not None else []
    try:
        catalogue = parse(content)
    except InvalidCatalogue as fault:
        found = list(_form_faults(content)) or list(fault.faults)
        faults += [
            Fault(line, _said(one)) for line, one in zip(_lines(root, found), found, strict=True)
        ]
    else:
        if not faults:
            return catalogue
    raise FaultyCatalogue(file, sorted(faults, key=lambda one: (one.line or 0, one.sentence)))


def changes(before: Catalogue | None, after: Catalogue) -> list[Change]:
    """What a catalogue changes against another one, or against none."""
    return list(_changes(before, after))


def _changes(before: Catalogue | None, after: Catalogue) -> Iterator[Change]:
    known = {} if before is None else _plain(before)
    new = _plain(after)
    yield from _fields("house", known.get("house", {}), new["house"])
    offers = {offer["code"]: offer for offer in known.get("offers", ())}
    for offer in new["offers"]:
        code = offer["code"]
        if code in offers:
            yield from _fields(f"offer {code}", offers.pop(code), offer)
        else:
            yield Change(f"offer {code}", None, f"{offer['name']}, {dollars(offer['cost_cents'])}")
    for code, offer in offers.items():
        yield Change(f"offer {code}", f"{offer['name']}, {dollars(offer['cost_cents'])}", None)
    yield from _fields("machine", known.get("machines", {}), new["machines"])


def _fields(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        was, becomes = before.get(name), after.get(name)
        if was != becomes:
            yield Change(f"{what} {name}", _text(was), _text(becomes))


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case dict():
            said = (f"{name} {_text(one)}" for name, one in value.items() if one not in (None, []))
            return ", ".join(said) or "anywhere"
        case list():
            return ", ".join(map(str, value)) or "none"
        case _:
            return str(value)


def dollars(cents: int) -> str:
    """An amount for people."""
    return f"${cents / 100:,.2f}"


def _plain(catalogue: Catalogue) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(encode(catalogue))
    return found


# --- faults ---------------------------------------------------------------------------------------


def _form_faults(content: object) -> Iterator[str]:
    """Every fault of form: `parse` names the first."""
    if not isinstance(content, dict):
        yield "Expected a mapping of property_id, house, offers and machines - at `$`"
        return
    parts: list[tuple[str, object, Any]] = [("$.house", content.get("house", {}), House)]
    offers, machines = content.get("offers", []), content.get("machines", {})
    if isinstance(offers, list):
        parts += [(f"$.offers[{n}]", offer, Offer) for n, offer in enumerate(offers)]
    if isinstance(machines, dict):
        parts += [(f"$.machines[{name}]", machine, Machine) for name, machine in machines.items()]
    seen = False
    for place, part, form in parts:
        try:
            msgspec.convert(part, form, strict=True)
        except msgspec.ValidationError as fault:
            seen = True
            said, _, inside = str(fault).partition(" - at `$")
            yield f"{said} - at `{place}{inside or '`'}"
    if not seen:
        try:
            msgspec.convert(content, Catalogue, strict=True)
        except msgspec.ValidationError as fault:
            yield str(fault)


def _doubled(node: yaml.Node) -> Iterator[Fault]:
    """Keys that are there twice, of which YAML would take the last without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield Fault(key.start_mark.line + 1, f"{key.value} is there twice")
            seen.add(key.value)
            yield from _doubled(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _doubled(value)


def _said(fault: str) -> str:
    """A fault without its place, which the line says better, but for the field's name."""
    found = _PLACE.search(fault)
    if found is None:
        return fault
    said, names = fault[: found.start()], _steps(found[1])
    return f"{said} ({'.'.join(map(str, names))})" if names else said


def _steps(place: str) -> _Steps:
    """`$.offers[3].cost_cents` as keys and positions."""
    steps: list[str | int] = []
    for part in re.findall(r"\.(\w+)|\[([^\]]*)\]", place):
        name, bracket = part
        if name:
            steps.append(name)
        elif bracket.isdecimal() and steps[-1:] != ["machines"]:
            steps.append(int(bracket))
        else:
            steps.append(bracket)
    return tuple(steps)


def _lines(root: yaml.Node | None, faults: Sequence[str]) -> Iterator[int | None]:
    """The line of each fault. Faults of offers with the same code come offer by offer, and those of
    the next begin where it is said that the code is there twice.
    """
    codes: Counter[str] = Counter()
    for fault in faults:
        offer = _OFFER.match(fault)
        if root is None or offer is None or _PLACE.search(fault):
            yield None if root is None else _line(root, fault)
        else:
            codes[offer[1]] += fault.endswith(" is there twice")
            lines = _lines_of_offers(root, offer[1])
            yield lines[codes[offer[1]]] if codes[offer[1]] < len(lines) else None


def _line(root: yaml.Node, fault: str) -> int | None:
    found = _PLACE.search(fault)
    if found is not None:
        return _line_at(root, _steps(found[1]))
    if found := _MACHINE.match(fault):
        return _line_at(root, ("machines", found[1]))
    if found := _FIELD.match(fault):
        return _line_at(root, (found[1], found[2]))
    return None


def _line_at(node: yaml.Node, steps: _Steps) -> int:
    """The line of what is there, or of the nearest around it that is."""
    line: int = node.start_mark.line + 1
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                return line
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _lines_of_offers(root: yaml.Node, code: str) -> list[int]:
    """The lines of the offers of a code."""
    return [
        value.start_mark.line + 1
        for key, offers in (root.value if isinstance(root, yaml.MappingNode) else ())
        if key.value == "offers" and isinstance(offers, yaml.SequenceNode)
        for offer in offers.value
        for name, value in (offer.value if isinstance(offer, yaml.MappingNode) else ())
        if name.value == "code" and value.value == code
    ]
