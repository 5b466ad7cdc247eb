"""The documents say what the code does: schemas, the OpenAPI document, the reference, commands."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from ingest_slot_events import handler as ingest_http
from pitboss import problems
from pitboss.access import Decision
from pitboss.events import slot
from pitboss.events.envelope import SCHEMAS, Envelope, InvalidEvent, event_type_of, read_envelope
from read_ratings import handler as read_http
from tests import sample_events
from tests.contract.template_rules import functions
from tests.contract.test_template import TEMPLATE, counted_metrics
from workbench import main, schemas
from workbench.memory import MemoryRatings

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / schemas.REFERENCE).read_text(encoding="utf-8")
OPENAPI = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))


# --- generated documents --------------------------------------------------------------------------


def test_the_generated_documents_are_as_the_code_is() -> None:
    assert schemas.differing() == []


def test_what_differs_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas.differing, "__defaults__", (tmp_path,))
    (tmp_path / "template.yaml").write_text((ROOT / "template.yaml").read_text())
    schemas.write(schemas.documents(tmp_path), tmp_path)
    assert CliRunner().invoke(main.app, ["schemas", "--check"]).exit_code == 0
    (tmp_path / "docs/openapi.json").write_text("{}")
    (tmp_path / "docs/schemas/game.paused.v1.json").write_text("{}")
    (tmp_path / "docs/schemas/game.ended.v1.json").unlink()

    checked = CliRunner().invoke(main.app, ["schemas", "--check"])

    stale = [
        "docs/openapi.json",
        "docs/schemas/game.ended.v1.json",
        "docs/schemas/game.paused.v1.json",
    ]
    assert checked.exit_code == 1
    assert schemas.differing(tmp_path) == stale
    assert all(name in " ".join(checked.stderr.split()) for name in stale)
    schemas.write(stale, tmp_path)
    assert schemas.differing(tmp_path) == []


# --- JSON Schemas ---------------------------------------------------------------------------------

EXAMPLES: dict[str, dict[str, Any]] = {
    "game.started": {"wager_cents": 500, "coin_in_meter_credits": 7_500},
    "game.ended": {"win_cents": 120},
    "paytable.reported": {"base_basis_points": 9_674, "paytable_id": "PT0326"},
    "game.selected": {"game_number": 3},
    "bill.accepted": {"amount_cents": 2_000, "country_code": 1},
    "handpay.pending": {},
    "handpay.reported": {"amount_cents": 125_000},
    "handpay.reset": {},
    "door.opened": {"door": "belly"},
    "door.closed": {"door": "belly"},
    "tilt.raised": {"code": 0x29, "name": "BILL_JAM"},
    "meters.reported": {"meters": {"TOTAL_COIN_IN_CREDITS": 7_500}},
    "meters.reset": {},
    "events.overflowed": {},
    "card.inserted": {},
    "card.removed": {},
    "exception.raised": {"code": 0x88},
    "poll.answered": {"code": 0x1A, "name": "CURRENT_CREDITS"},
}


def example(event_type: str) -> dict[str, Any]:
    return {
        "event_id": "e-1",
        "event_type": event_type,
        "property_id": "north",
        "asset_id": "1940732",
        "occurred_at": 1_592_277_300_000,
        "sequence": 1,
        "player_id": "p-81",
        "data": EXAMPLES[event_type],
        "meters": {"coin_in_credits": 7_500},
    }


def validator(event_type: str) -> Draft202012Validator:
    path = ROOT / "docs/schemas" / f"{event_type}.v1.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def accepted(event: dict[str, Any]) -> bool:
    try:
        read_envelope(json.dumps(event).encode())
    except InvalidEvent:
        return False
    return True


WRONG: tuple[Any, ...] = (None, True, "7", -1, 1.5, 10**15, [], {}, {"x": "y"}, "x" * 200, "")


def variants(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The event with each field of it, and of its data and meters, left out or wrong."""
    for name in event:
        yield {key: value for key, value in event.items() if key != name}
        if name not in ("event_type", "schema_version"):  # others are other schemas
            yield from ({**event, name: wrong} for wrong in WRONG)
    packed = SCHEMAS[event["event_type"], 1]
    for part, fields in (
        ("data", packed.__struct_fields__),
        ("meters", slot.Meters.__struct_fields__),
    ):
        for name in fields:
            inner = event[part]
            yield {**event, part: {k: v for k, v in inner.items() if k != name}}
            yield from ({**event, part: {**inner, name: wrong}} for wrong in (*WRONG, 5))
    yield {**event, "unknown": 1, "data": {**event["data"], "unknown": 1}}


def test_every_event_type_has_an_example() -> None:
    assert EXAMPLES.keys() == {event_type for event_type, _ in SCHEMAS}


@pytest.mark.parametrize("event_type", EXAMPLES)
def test_a_schema_and_the_front_door_agree(event_type: str) -> None:
    check = validator(event_type)
    event = example(event_type)
    assert check.is_valid(event)
    assert accepted(event)
    assert not check.is_valid({**event, "sequence": -1})

    verdicts = [(check.is_valid(v), accepted(v), v) for v in variants(event)]

    assert [v for by_schema, by_code, v in verdicts if by_schema != by_code] == []
    assert {by_code for _, by_code, _ in verdicts} == {True, False}


def test_every_refusal_of_a_constructor_is_in_its_schema() -> None:
    own = {packed for packed in SCHEMAS.values() if "__post_init__" in vars(packed)}

    assert own == schemas.rules().keys()


def test_every_field_of_the_envelope_is_described() -> None:
    assert schemas.ENVELOPE_FIELDS.keys() == set(Envelope.__struct_fields__)


# --- OpenAPI --------------------------------------------------------------------------------------


def component(name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": OPENAPI["components"]}
    return Draft202012Validator(schema)


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from _nodes(child)


def test_every_reference_of_the_api_document_leads_somewhere_and_nothing_is_idle() -> None:
    refs = {n["$ref"] for n in _nodes(OPENAPI) if isinstance(n, dict) and "$ref" in n}
    for ref in refs:
        target: Any = OPENAPI
        for step in ref.removeprefix("#/").split("/"):
            target = target[step]
    named = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in OPENAPI["components"][kind]
    }
    assert named - refs == {"#/components/schemas/Packet"}, (
        "named in prose: OpenAPI knows no NDJSON"
    )


@pytest.mark.parametrize("name", OPENAPI["components"]["schemas"])
def test_a_component_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(OPENAPI["components"]["schemas"][name])


def test_the_api_document_has_the_routes_of_the_template() -> None:
    routes = {
        (event["Properties"]["Path"], event["Properties"]["Method"].lower())
        for function in functions(TEMPLATE).values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    }

    assert routes == {(path, method) for path, item in OPENAPI["paths"].items() for method in item}


def test_every_operation_is_complete() -> None:
    operations = [op for item in OPENAPI["paths"].values() for op in item.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    for operation in operations:
        assert {"200", "401", "403", "429"} <= operation["responses"].keys()
        assert operation["summary"]
    post = OPENAPI["paths"]["/v1/slot-events"]["post"]
    assert post["responses"].keys() >= {"400", "413", "415", "503"}
    for path, item in OPENAPI["paths"].items():
        named = {
            p["name"] for op in item.values() for p in op.get("parameters", ()) if p["in"] == "path"
        }
        assert named == set(re.findall(r"\{(\w+)\}", path))


@pytest.mark.parametrize("event_type", EXAMPLES)
def test_a_batch_of_the_event_type_is_of_the_api_document(event_type: str) -> None:
    event = example(event_type)
    check = component("Events")

    assert check.is_valid([event])
    assert check.is_valid([{**event, "schema_version": 2, "data": 7}])
    assert check.is_valid([{**event, "event_type": "jackpot.paired", "data": {"any": []}}])
    assert not check.is_valid([{**event, "asset_id": "a b"}])
    assert not check.is_valid([])
    assert not check.is_valid([event] * 501)


def test_a_known_type_with_wrong_data_is_not_of_the_api_document() -> None:
    assert not component("Events").is_valid([{**example("bill.accepted"), "data": {}}])


def test_sample_packets_are_of_the_api_document() -> None:
    for packet in sample_events.PACKETS:
        assert component("Packet").is_valid(json.loads(packet))
    assert not component("Packet").is_valid({"type": "x"})


class _Ports:
    """Takes everything that is given to it."""

    @property
    def stream(self) -> "_Ports":
        return self

    quarantine = stream

    def put(self, given: Any) -> set[int]:
        return set()


def _response(operation: dict[str, Any], answer: dict[str, Any]) -> Draft202012Validator:
    """What the document says of an answer like this one."""
    response = operation["responses"][str(answer["statusCode"])]
    if "$ref" in response:
        response = OPENAPI["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response["content"][answer["headers"]["Content-Type"]]
    return component(content["schema"]["$ref"].rpartition("/")[2])


@pytest.mark.parametrize("case", sample_events.load("ingest_slot_events"))
def test_answers_of_the_front_door_are_of_the_api_document(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_http, "_wiring", _Ports)
    answer = ingest_http.handler(sample_events.load("ingest_slot_events")[case], None)

    check = _response(OPENAPI["paths"]["/v1/slot-events"]["post"], answer)

    assert list(check.iter_errors(json.loads(answer["body"]))) == []
    assert not check.is_valid({})


READ_PATHS = [
    path
    for path, item in OPENAPI["paths"].items()
    if "ratings" in item.get("get", {}).get("tags", ())
]


@pytest.mark.parametrize("path", READ_PATHS)
@pytest.mark.parametrize("known", [True, False])
def test_answers_about_ratings_are_of_the_api_document(
    path: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.test_read_ratings import StubWiring, rated

    wiring = StubWiring(rated(sample_events.PLAY) if known else MemoryRatings())
    monkeypatch.setattr(read_http, "_wiring", lambda: wiring)
    names = {"asset_id": "1940732", "player_id": "p-81"}
    ids: dict[str, Any] = {name: names[name] for name in re.findall(r"\{(\w+)\}", path)}
    operation = OPENAPI["paths"][path]["get"]

    answer = read_http.handler(sample_events.asked(path, **ids), None)

    assert answer["statusCode"] == (200 if known or path == "/v1/floor" else 404)
    check = _response(operation, answer)
    assert list(check.iter_errors(json.loads(answer["body"]))) == []
    assert not check.is_valid({})
    refused = read_http.handler(sample_events.asked(path, **ids, query={"x": "1"}), None)
    assert refused["statusCode"] == 400
    assert _response(operation, refused).is_valid(json.loads(refused["body"]))


@pytest.mark.parametrize("path", READ_PATHS)
def test_the_query_parameters_of_a_route_are_those_of_the_api_document(path: str) -> None:
    documented = [
        p["name"] for p in OPENAPI["paths"][path]["get"]["parameters"] if p["in"] == "query"
    ]

    assert tuple(documented) == read_http.ROUTES[path].query


def test_problem_details_are_of_the_api_document() -> None:
    from http import HTTPStatus

    answer = problems.problem(HTTPStatus.BAD_REQUEST, "why", "id")

    assert component("Problem").is_valid(json.loads(answer["body"]))
    assert answer["headers"]["Content-Type"] == problems.PROBLEM_CONTENT_TYPE


# --- the reference --------------------------------------------------------------------------------


def rows(heading: str) -> dict[str, str]:
    """The rows of the tables under a heading: what the first cell names, and the second cell."""
    section = re.split(rf"^##+ {heading}\n", REFERENCE, flags=re.MULTILINE)[1]
    section = re.split(r"^##+ ", section, flags=re.MULTILINE)[0]
    found = re.findall(r"^\| `?([\w.]+)`? \| (.*?) \|", section, flags=re.MULTILINE)
    return {name: second for name, second in found if second != "---"}


def reason_codes() -> dict[str, set[str]]:
    """Every reason something is set aside for, by the functions that do."""
    found: dict[str, set[str]] = {}
    posts = ROOT / "layers/common/python/pitboss/posts.py"
    sources = {
        "ingest_slot_events": [
            posts,
            *(ROOT / "functions/ingest_slot_events").glob("*.py"),
            *(ROOT / "layers/common/python/pitboss").glob("events/*.py"),
            *(ROOT / "layers/common/python/pitboss").glob("sas/*.py"),
        ],
        "ingest_game_events": [
            posts,
            *(ROOT / "functions/ingest_game_events").glob("*.py"),
            *(ROOT / "layers/common/python/pitboss").glob("games/*.py"),
        ],
        "import_files": [*(ROOT / "layers/common/python/pitboss").glob("imports/*.py")],
        "rate_players": [*(ROOT / "functions/rate_players").glob("*.py")],
        "refine_events": [*(ROOT / "functions/refine_events").glob("*.py")],
        "track_shufflers": [
            ROOT / "layers/common/python/pitboss/events/shuffler.py",
            ROOT / "layers/common/python/pitboss/shufflers/messages.py",
            *(ROOT / "functions/track_shufflers").glob("*.py"),
        ],
    }
    for function, paths in sources.items():
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text())):
                for reason in _reasons(node):
                    found.setdefault(reason, set()).add(function)
    for decision in set(Decision) - {Decision.ALLOWED, Decision.NOT_FOUND}:
        games = {"ingest_game_events"}
        doors = games if decision is Decision.FOREIGN_PLAYER else games | {"ingest_slot_events"}
        found.setdefault(str(decision), set()).update(doors)
    return found


_REASON_AT = {"InvalidEvent": 0, "SetAside": 0, "Unrated": 1, "_set_aside": 1}


def _reasons(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    arguments = [k.value for k in node.keywords if k.arg == "reason"]
    if name in _REASON_AT and len(node.args) > _REASON_AT[name]:
        arguments.append(node.args[_REASON_AT[name]])
    for argument in arguments:
        if isinstance(argument, ast.Constant):
            yield str(argument.value)


def test_every_reason_code_has_a_row_that_names_who_sets_aside() -> None:
    documented = {
        reason: set(re.findall(r"`(\w+)`", who)) for reason, who in rows("Quarantine").items()
    }
    documented.pop("reason")

    assert documented == reason_codes()


def test_every_metric_has_a_row_that_names_who_counts_it() -> None:
    documented = {
        metric: set(re.findall(r"`(\w+)`", who)) for metric, who in rows("Metrics").items()
    }
    documented.pop("metric")
    counted: dict[str, set[str]] = {}
    for function, metrics in counted_metrics().items():
        for metric in metrics:
            counted.setdefault(metric, set()).add(function)

    assert documented == counted


def test_every_event_type_has_a_row() -> None:
    expected = {event_type_of(packed) for packed in SCHEMAS.values()}

    assert rows("Event types").keys() - {"Meters"} == expected


def test_every_parameter_and_alarm_has_a_row() -> None:
    alarms = {
        name for name, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"
    }

    assert rows("Settings").keys() - {"parameter"} == TEMPLATE["Parameters"].keys()
    assert rows("Alarms").keys() - {"alarm"} == alarms


def test_every_error_answer_has_a_row() -> None:
    answered = {
        status
        for item in OPENAPI["paths"].values()
        for operation in item.values()
        for status in operation["responses"]
    }

    errors = {name for name in rows("Answers") if name.isdigit()}
    assert errors == answered - {"200"}


# --- commands in documents ------------------------------------------------------------------------

DOCUMENTS = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.exists()
]
_BLOCK = re.compile(r"^```(?:sh|bash|console|shell|text)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:\.venv/bin/)?(?:pitboss|make) [^`\n]+)`")
_COMMAND = re.compile(
    r"(?:^|&& |\| |\$\(|; )(?:\$ )?(?:\.venv/bin/)?(pitboss|make)((?: [^|&;#\n`)]+)?)"
)


def commands_in(text: str) -> list[str]:
    """The `pitboss` and `make` commands of code blocks and of inline code."""
    lines = [line.strip() for block in _BLOCK.findall(text) for line in block.splitlines()]
    lines += _INLINE.findall(re.sub(_BLOCK, "", text))
    return [f"{verb}{rest}".strip() for line in lines for verb, rest in _COMMAND.findall(line)]


def fault_in(command: str) -> str | None:
    """What is wrong with a command; None where it could be run."""
    program, *words = command.split()
    if program == "make":
        makefile = (ROOT / "Makefile").read_text()
        verbs = [word for word in words if re.fullmatch(r"[a-z][\w-]*", word)]
        unknown = [verb for verb in verbs if not re.search(rf"^{verb}:", makefile, re.MULTILINE)]
        return f"make has no {unknown}" if unknown else None
    here: Any = typer.main.get_command(main.app)
    known = {option for parameter in here.params for option in _options(parameter)}
    before = ""
    for word in words:
        option, before = before, word
        if word.startswith("-") and not re.fullmatch(r"-\d+", word):
            name = word.partition("=")[0]
            if name not in known | {"--help", "-h"}:
                return f"{here.name} has no option {name}"
        elif (children := getattr(here, "commands", None)) is not None:
            if _takes_value(here, option):
                continue
            if word not in children:
                return f"{here.name} has no command {word}"
            here = children[word]
            known |= {option for parameter in here.params for option in _options(parameter)}
    return None


def _takes_value(command: Any, option: str) -> bool:
    found = [parameter for parameter in command.params if option in _options(parameter)]
    return bool(found) and not getattr(found[0], "is_flag", False)


def _options(parameter: Any) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_exists(path: Path) -> None:
    faults = {
        command: fault
        for command in commands_in(path.read_text(encoding="utf-8"))
        if (fault := fault_in(command)) is not None
    }

    assert faults == {}


def test_commands_are_found_and_wrong_ones_told() -> None:
    text = """
Run `pitboss quarantine list --reason id_reuse`, or `.venv/bin/pitboss nowhere`; `pitboss` alone.
```sh
$ make up && make nothing
pitboss up --sideways | less
eval "$(pitboss env)"
pitboss logs rate_players -n 5  # `pitboss` is no word here
```
"""
    found = commands_in(text)

    assert found == [
        "make up",
        "make nothing",
        "pitboss up --sideways",
        "pitboss env",
        "pitboss logs rate_players -n 5",
        "pitboss quarantine list --reason id_reuse",
        "pitboss nowhere",
    ]
    wrong = [command for command in found if fault_in(command) is not None]
    assert wrong == ["make nothing", "pitboss up --sideways", "pitboss nowhere"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_page_holds_a_placeholder(path: Path) -> None:
    assert re.findall(r"^[A-Z][A-Z_]{4,}$|\bTODO\b|\bTBD\b", path.read_text("utf-8"), re.M) == []
