"""Schemas of events: what one may be, and what a later version of it may change.

A later version only adds: what the version before says of its fields stays valid, no field
disappears and none changes its type, so that what reads the newest version reads all of them, and a
column stays a column. Any keyword that is not understood here has to stay as it is: better a schema
that is refused without need than one that breaks what is stored.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pitboss.errors import TerminalError

MAX_SCHEMA_BYTES = 32_768
"""Of a schema as JSON."""

MAX_SCHEMA_DEPTH = 16
"""Of schemas in schemas."""

_NOTES = frozenset(
    {"title", "description", "examples", "default", "deprecated", "$comment", "$schema"}
)
"""What a schema says for people."""

_REFERRING = frozenset({"$ref", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor", "$defs"})
"""A schema is read by itself, and nothing is fetched for it."""

_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


class IncompatibleSchema(TerminalError, ValueError):
    """A schema that cannot be registered: which field, and which rule it breaks."""

    def __init__(self, field: str, rule: str, detail: str) -> None:
        self.field = field
        self.rule = rule
        super().__init__(f"{field or 'data'}: {rule}: {detail}")


def check_schema(schema: Mapping[str, Any]) -> None:
    """Whether this can be the schema of an event's `data`, apart from being a JSON Schema.

    Raises:
        IncompatibleSchema: it cannot.
    """
    if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        raise IncompatibleSchema("", "too-large", f"at most {MAX_SCHEMA_BYTES} bytes of JSON")
    if schema.get("type") != "object":
        raise IncompatibleSchema("", "no-object", 'the schema says `"type": "object"`')
    for field, part in _parts("", schema, 1):
        if used := sorted(_REFERRING & part.keys()):
            raise IncompatibleSchema(
                field, "reference", f"{used[0]} is not known: write out what it stands for"
            )


def _parts(field: str, node: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401
    """Every object of a schema, with the field that it is of, as far as that can be told."""
    if depth > MAX_SCHEMA_DEPTH:
        raise IncompatibleSchema(field, "too-deep", f"at most {MAX_SCHEMA_DEPTH} levels")
    if isinstance(node, list):
        for one in node:
            yield from _parts(field, one, depth + 1)
    if isinstance(node, Mapping):
        yield field, node
        for keyword, inner in node.items():
            if keyword in ("properties", "patternProperties") and isinstance(inner, Mapping):
                for name, one in inner.items():
                    yield from _parts(_within(field, name), one, depth + 1)
            elif keyword not in ("enum", "const", "default", "examples"):
                yield from _parts(field, inner, depth + 1)


def check_evolution(before: Mapping[str, Any], after: Mapping[str, Any], field: str = "") -> None:
    """Whether a schema only adds to the one before.

    Raises:
        IncompatibleSchema: it does not, and where.
    """
    if before.get("type") != after.get("type"):
        raise IncompatibleSchema(
            field,
            "type-changed",
            f"it was {_shown(before.get('type'))} and would be {_shown(after.get('type'))}",
        )
    _check_fields(before, after, field)
    _check_items(before, after, field)
    _check_openness(before, after, field)
    for keyword in sorted((before.keys() | after.keys()) - _KNOWN):
        _check_keyword(keyword, before, after, field)


_KNOWN = _NOTES | {"type", "properties", "required", "items", "additionalProperties"}


def _check_fields(before: Mapping[str, Any], after: Mapping[str, Any], field: str) -> None:
    old: Mapping[str, Any] = before.get("properties", {})
    new: Mapping[str, Any] = after.get("properties", {})
    for name in old:
        if name not in new:
            raise IncompatibleSchema(
                _within(field, name), "field-removed", "a field stays, though nobody sends it"
            )
        _check_either(old[name], new[name], _within(field, name))
    for name in sorted(set(after.get("required", ())) - set(before.get("required", ()))):
        raise IncompatibleSchema(
            _within(field, name), "required-added", "older clients do not send it: leave it out"
        )
    for name in new.keys() - old.keys():
        # What was sent under that name before, unread, must not become wrong.
        if before.get("additionalProperties", True) is not False and new[name] is False:
            raise IncompatibleSchema(_within(field, name), "field-forbidden", "it was allowed")


def _check_items(before: Mapping[str, Any], after: Mapping[str, Any], field: str) -> None:
    if "items" not in before and "items" not in after:
        return
    if "items" not in before:
        raise IncompatibleSchema(f"{field}[]", "narrowed", "any element was allowed")
    if "items" in after:
        _check_either(before["items"], after["items"], f"{field}[]")


def _check_openness(before: Mapping[str, Any], after: Mapping[str, Any], field: str) -> None:
    was, becomes = (
        before.get("additionalProperties", True),
        after.get("additionalProperties", True),
    )
    if becomes is True or was is False or was == becomes:
        return
    if isinstance(was, Mapping) and isinstance(becomes, Mapping):
        check_evolution(was, becomes, _within(field, "*"))
        return
    raise IncompatibleSchema(field, "closed", "further fields were allowed, and are sent")


def _check_either(before: Any, after: Any, field: str) -> None:  # noqa: ANN401 - schemas may be true
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        check_evolution(before, after, field)
    elif before != after:
        raise IncompatibleSchema(field, "type-changed", "a schema became one that is none")


def _check_keyword(
    keyword: str, before: Mapping[str, Any], after: Mapping[str, Any], field: str
) -> None:
    if keyword not in after:
        if keyword in _LEAST | _MOST | {"enum"}:
            return  # a bound that is gone
        raise IncompatibleSchema(field, "keyword-changed", f"`{keyword}` stays as it was")
    new = after[keyword]
    if keyword not in before:
        raise IncompatibleSchema(field, "narrowed", f"`{keyword}` was not there")
    old = before[keyword]
    if keyword == "enum":
        for value in old:
            if value not in new:
                raise IncompatibleSchema(field, "value-removed", f"{_shown(value)} was allowed")
        return
    if old == new:
        return
    if (keyword in _LEAST and new < old) or (keyword in _MOST and new > old):
        return
    if keyword in _LEAST | _MOST:
        raise IncompatibleSchema(field, "narrowed", f"`{keyword}` was {_shown(old)}")
    raise IncompatibleSchema(field, "keyword-changed", f"`{keyword}` stays as it was")


def _within(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _shown(value: object) -> str:
    return "anything" if value is None else msgspec.json.encode(value).decode()[:80]
