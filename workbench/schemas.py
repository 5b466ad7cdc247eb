"""`pitboss schemas`: what the code promises, written as documents.

    docs/schemas/<event_type>.v1.json  JSON Schema (2020-12) of each event, in its envelope
    docs/openapi.json                  OpenAPI 3.1 of the HTTP API
    docs/reference.md, docs/sql.md     the tables between `<!-- generated: ... -->` marks
    docs/lake-tables.json              the columns of the lake's tables, none of which ever goes
    template.yaml                      the lake's tables and saved queries, between such marks

Everything is made from the classes the deployed functions read with, and from `template.yaml`;
a contract test compares what is written with what would be.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from workbench.console import WorkbenchError, out
from workbench.paths import ROOT

type Document = dict[str, Any]

REFERENCE = Path("docs/reference.md")
SQL = Path("docs/sql.md")
LAKE_TABLES = Path("docs/lake-tables.json")
TEMPLATE = Path("template.yaml")
_GENERATED = re.compile(
    r"(?P<start><!-- generated: (?P<name>\w+) -->\n)(?P<text>.*?)(?P<end><!-- end -->)", re.DOTALL
)
_GENERATED_RESOURCES = re.compile(
    r"(?P<start>  # generated: (?P<name>lake tables|saved queries), by `pitboss schemas`\n)"
    r"(?P<text>.*?)(?P<end>  # end\n)",
    re.DOTALL,
)
_FIRST_FIELDS = ("description", "title", "$id", "$schema")

ENVELOPE_FIELDS = {
    "event_id": "Unique per asset. Again in the same five minutes of device time it is a "
    "duplicate, with other content `id_reuse`.",
    "event_type": "What happened: dotted, past tense.",
    "property_id": "The casino; has to be the sender's own.",
    "asset_id": "The machine, padding zeros do not count; has to be one of the sender's.",
    "occurred_at": "The device's clock, epoch milliseconds. It may be off; more than a day ahead "
    "is set aside.",
    "sequence": "The device's queue index: monotone per asset, gaps are normal.",
    "schema_version": "Of the event type. A version not known is kept and counted, not read.",
    "player_id": "The pseudonym of the carded player; null is uncarded play.",
    "data": "What the type says.",
    "meters": "Cumulative meters beside the event.",
}
"""What each field of the envelope means."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schemas")(schemas)


def schemas(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if something differs.")
    ] = False,
) -> None:
    """Write the JSON Schemas, the OpenAPI document and the reference tables from the code."""
    stale = differing()
    if check and stale:
        names = ", ".join(stale)
        raise WorkbenchError(f"Not as the code is: {names}. Run `pitboss schemas`.")
    if not check:
        write(stale)
    verb = "would change" if check else "changed"
    out.print(f"{len(documents())} documents, {len(stale)} {verb}")


def documents(root: Path = ROOT) -> dict[str, str]:
    """Every generated document: its path within the repository, and its text."""
    from workbench.catalogue import agreed
    from workbench.openapi import api_document

    made = {f"docs/schemas/{name}.json": _json(schema) for name, schema in event_schemas().items()}
    made["docs/openapi.json"] = _json(api_document())
    made[str(LAKE_TABLES)] = _json(agreed())
    for page in (REFERENCE, SQL):
        if (root / page).exists():
            made[str(page)] = _with_tables((root / page).read_text(encoding="utf-8"), root)
    made[str(TEMPLATE)] = _with_resources((root / TEMPLATE).read_text(encoding="utf-8"))
    return made


def differing(root: Path = ROOT) -> list[str]:
    """Paths of the documents that are missing, differ, or are of event types there are not."""
    made = documents(root)
    stale = [
        path
        for path, text in made.items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]
    written = {f"docs/schemas/{path.name}" for path in (root / "docs" / "schemas").glob("*")}
    return sorted({*stale, *(written - made.keys())})


def write(paths: Iterable[str], root: Path = ROOT) -> None:
    """Bring these documents up to date.

    Raises:
        WorkbenchError: a column of the lake would be gone; nothing is written.
    """
    from workbench.catalogue import broken_promises

    agreed_on = root / LAKE_TABLES
    if agreed_on.exists() and (faults := broken_promises(json.loads(agreed_on.read_text()))):
        raise WorkbenchError("\n".join(faults))
    made = documents(root)
    for name in paths:
        path = root / name
        if name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], encoding="utf-8")
        else:
            path.unlink()


def _json(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def prose(docstring: str | None) -> str:
    """A docstring as text: its paragraphs, each on one line."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring or ""))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


# --- events ---------------------------------------------------------------------------------------


def _given(name: str) -> Document:
    return {"required": [name], "properties": {name: {"type": "integer"}}}


def rules() -> dict[Any, Document]:
    """What the constructors of schema classes refuse and a list of fields cannot say."""
    from pitboss.events import slot

    return {
        slot.GameStarted: {"oneOf": [_given("wager_cents"), _given("wager_credits")]},
        slot.GameEnded: {"not": {"allOf": [_given("win_cents"), _given("win_credits")]}},
    }


@cache
def _object_form(packed: Any) -> Any:  # noqa: ANN401 - classes of msgspec structs
    """One object form a class, so that documents name it once."""
    from pitboss.events.envelope import object_form

    return object_form(packed)


def _makes_sense_empty(packed: type) -> bool:
    try:
        packed()
    except (TypeError, ValueError):
        return False
    return True


def envelope_form(packed: Any) -> Any:  # noqa: ANN401 - classes of msgspec structs
    """The struct of an envelope with one event type's data, as a sender writes it."""
    import msgspec

    from pitboss.events import slot
    from pitboss.events.envelope import (
        SCHEMA_VERSION,
        Envelope,
        Identifier,
        event_type_of,
    )

    data = _object_form(packed)
    default = (msgspec.field(default_factory=data),) if _makes_sense_empty(packed) else ()
    special: dict[str, tuple[Any, ...]] = {
        "event_type": (Literal[event_type_of(packed)],),
        "schema_version": (Literal[SCHEMA_VERSION], SCHEMA_VERSION),
        "data": (data, *default),
        "meters": (_object_form(slot.Meters) | None, None),
    }
    if packed in slot.PLAYER_REQUIRED:
        special["player_id"] = (Identifier,)
    return msgspec.defstruct(
        f"{packed.__name__}Event",
        [(f.name, *special.get(f.name, _as_declared(f))) for f in msgspec.structs.fields(Envelope)],
        kw_only=True,
        namespace={"__doc__": packed.__doc__},
    )


def unknown_form() -> Any:  # noqa: ANN401 - a class of a msgspec struct
    """The struct of an envelope whose event type or version is not known."""
    import msgspec

    from pitboss.events.envelope import Envelope

    special: dict[str, tuple[Any, ...]] = {
        "data": (Any, msgspec.field(default_factory=dict)),
        "meters": (dict[str, Any] | None, None),
    }
    return msgspec.defstruct(
        "UnknownEvent",
        [(f.name, *special.get(f.name, _as_declared(f))) for f in msgspec.structs.fields(Envelope)],
        kw_only=True,
        namespace={"__doc__": "An event type, or version of it, not known: kept and counted."},
    )


def _as_declared(field: Any) -> tuple[Any, ...]:  # noqa: ANN401 - msgspec's FieldInfo
    return (field.type,) if field.required else (field.type, field.default)


def components(forms: Iterable[Any], ref_template: str) -> dict[str, Document]:
    """JSON Schemas of these structs and of all they are made of, by class name."""
    import msgspec

    from pitboss.events import slot
    from pitboss.events.envelope import SCHEMAS

    _, found = msgspec.json.schema_components(list(forms), ref_template=ref_template)
    constraints = rules()
    packed: Any
    for packed in (*SCHEMAS.values(), slot.Meters):
        if packed.__name__ in found:
            schema = found[packed.__name__]
            found[packed.__name__] = {
                "title": schema.pop("title"),
                "description": prose(packed.__doc__),
                **schema,
                **constraints.get(packed, {}),
            }
    for name, schema in found.items():
        if "description" in schema:
            schema["description"] = prose(schema["description"])
        if name.endswith("Event"):
            for field, meaning in ENVELOPE_FIELDS.items():
                schema["properties"][field]["description"] = meaning
    return found


def event_schemas() -> dict[str, Document]:
    """The JSON Schema of every event type and version, by `<event_type>.v<version>`."""
    from pitboss.events.envelope import SCHEMAS

    made = {}
    for (event_type, version), packed in sorted(SCHEMAS.items(), key=lambda item: item[0]):
        form = envelope_form(packed)
        found = components([form], "#/$defs/{name}")
        top = found.pop(form.__name__)
        name = f"{event_type}.v{version}"
        made[name] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{name}.json",
            **top,
            "title": event_type,
            "$defs": dict(sorted(found.items())),
        }
    return made


# --- tables ---------------------------------------------------------------------------------------


def _with_resources(template: str) -> str:
    from workbench import catalogue, saved_queries

    blocks = {
        "lake tables": catalogue.template_block,
        "saved queries": saved_queries.template_block,
    }
    return _GENERATED_RESOURCES.sub(
        lambda match: match["start"] + blocks[match["name"]]() + match["end"], template
    )


def _lake_tables(_: Path) -> str:
    from workbench.catalogue import reference_block

    return reference_block()


def _with_tables(text: str, root: Path) -> str:
    tables: dict[str, Callable[[Path], str]] = {
        "lake": _lake_tables,
        "envelope": lambda _: _envelope_table(),
        "events": lambda _: _events_table(),
        "settings": _settings_table,
        "alarms": _alarms_table,
    }

    def table(match: re.Match[str]) -> str:
        if match["name"] not in tables:
            raise WorkbenchError(
                f"{REFERENCE} asks for a table {match['name']}: there are {', '.join(tables)}."
            )
        return match["start"] + tables[match["name"]](root) + match["end"]

    return _GENERATED.sub(table, text)


def _table(headings: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    cells = ([" ".join(cell.replace("|", r"\|").split()) for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _kind(schema: Document) -> str:
    """The type of a field, for people: with its unit, where it has one."""
    if "anyOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "additionalProperties" in schema:
        return f"names to {_kind(schema['additionalProperties'])}"
    kind = str(schema.get("type", "anything"))
    return f"{kind}, {schema['description']}" if "description" in schema else kind


def _envelope_table() -> str:
    form = unknown_form()
    schema = components([form], "{name}")[form.__name__]
    rows = []
    for name, meaning in ENVELOPE_FIELDS.items():
        field = {key: v for key, v in schema["properties"][name].items() if key != "description"}
        necessary = "yes" if name in schema["required"] else ""
        kind = {"data": "object", "meters": "`Meters` or null"}.get(name) or _kind(field)
        rows.append((f"`{name}`", kind, necessary, meaning))
    return _table(("field", "type", "required", "meaning"), rows)


def _events_table() -> str:
    from pitboss.events import slot
    from pitboss.events.envelope import SCHEMAS

    rows = []
    for (event_type, version), packed in SCHEMAS.items():
        schema = components([_object_form(packed)], "{name}")[packed.__name__]
        rows.append((f"`{event_type}`", str(version), prose(packed.__doc__), _fields(schema)))
    meters = components([_object_form(slot.Meters)], "{name}")["Meters"]
    rows.append(("`Meters`", "", prose(slot.Meters.__doc__), _fields(meters)))
    return _table(("event type", "version", "meaning and source", "fields of `data`"), rows)


def _fields(schema: Document) -> str:
    fields = []
    for name, field in schema["properties"].items():
        necessary = "required " if name in schema.get("required", ()) else ""
        fields.append(f"`{name}` {necessary}{_kind(field).removesuffix(' or null')}")
    return "; ".join(fields)


def _template(root: Path) -> Document:
    from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]

    parsed: Document = yaml_parse((root / "template.yaml").read_text(encoding="utf-8"))
    return parsed


def _settings_table(root: Path) -> str:
    rows = []
    for name, parameter in _template(root)["Parameters"].items():
        allowed = ", ".join(str(value) for value in parameter.get("AllowedValues", ()))
        if not allowed and {"MinValue", "MaxValue"} & parameter.keys():
            low, high = parameter.get("MinValue", ""), parameter.get("MaxValue", "")
            allowed = f"{low} to {high}" if high != "" else f"{low} or more"
        allowed = allowed or parameter.get("AllowedPattern", "")
        default = f"`{parameter['Default']}`" if "Default" in parameter else "none"
        rows.append((f"`{name}`", default, allowed, parameter["Description"]))
    return _table(("parameter", "default", "allowed", "meaning"), rows)


def _alarms_table(root: Path) -> str:
    rows = []
    for name, resource in _template(root)["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            alarm = resource["Properties"]
            threshold = (
                f"{alarm['Statistic']} of `{alarm['MetricName']}` over {alarm['Period']} s, "
                f"{alarm['EvaluationPeriods']} times: {_COMPARISONS[alarm['ComparisonOperator']]} "
                f"{alarm['Threshold']}"
            )
            rows.append((f"`{name}`", threshold, alarm["AlarmDescription"]))
    return _table(("alarm", "rings at", "meaning"), rows)


_COMPARISONS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}
