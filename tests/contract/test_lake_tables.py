"""The refined tables: one definition, which changes by addition only."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pitboss.events.envelope import SCHEMAS
from pitboss.lake import tables
from pitboss.lake.tables import FAMILIES
from tests import sample_events
from workbench import catalogue, schemas
from workbench.console import WorkbenchError

ROOT = Path(__file__).parents[2]
AGREED = ROOT / "docs" / "lake-tables.json"


def written() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(AGREED.read_text(encoding="utf-8"))
    return found


def test_no_column_is_taken_away_or_changed() -> None:
    assert catalogue.broken_promises(written()) == []


def test_every_column_is_agreed_on() -> None:
    assert catalogue.agreed() == written(), "run `pitboss schemas`"


def test_a_column_that_is_gone_or_changed_is_named_with_what_to_do() -> None:
    before = written()
    before["game_events"]["bet_cents"] = "bigint"
    before["games"]["coin_in_cents"] = "string"
    before["side_bets"] = {"amount": "bigint"}

    gone, changed, table = sorted(
        catalogue.broken_promises(before), key=lambda fault: fault.split()[0]
    )

    assert gone.startswith("game_events.bet_cents is gone: give it back")
    assert changed.startswith("games.coin_in_cents was string and is bigint")
    assert table.startswith("side_bets.amount is gone")


def test_what_was_agreed_on_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / schemas.LAKE_TABLES
    before = json.dumps({"games": {"bet_cents": "bigint"}})
    path.parent.mkdir()
    path.write_text(before)

    with pytest.raises(WorkbenchError) as caught:
        schemas.write([str(schemas.LAKE_TABLES)], tmp_path)

    assert "games.bet_cents is gone" in caught.value.sentence
    assert path.read_text() == before


def test_every_event_type_is_in_one_table() -> None:
    types = [event_type for table in tables.EVENT_TABLES for event_type in table.event_types]

    assert sorted(types) == sorted({event_type for event_type, _ in SCHEMAS})
    for event_type, version in SCHEMAS:
        assert event_type in tables.table_of(event_type, version).event_types


def test_no_column_is_there_twice_or_called_as_a_partition_is() -> None:
    for table in tables.TABLES:
        names = [column.name for column in table.columns]
        assert len(set(names) | set(tables.PARTITION)) == len(names) + len(tables.PARTITION)


# --- the state machine ----------------------------------------------------------------------------

MACHINES = sorted((ROOT / "statemachines").glob("*"))


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_a_state_machine_says_what_it_does_and_survives_failures(path: Path) -> None:
    machine = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert machine["Comment"]
    for name, state in states(machine):
        assert state["Comment"], name
        if state["Type"] == "Task":
            assert state["Catch"], name
            for retry in state["Retry"]:
                assert retry["JitterStrategy"] == "FULL", name


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_the_placeholders_of_a_state_machine_are_the_templates_substitutions(path: Path) -> None:
    from tests.contract.test_template import TEMPLATE

    (machine,) = [
        resource["Properties"]
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::Serverless::StateMachine"
        and resource["Properties"]["DefinitionUri"] == f"statemachines/{path.name}"
    ]
    placeholders = set(re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")))

    assert placeholders == machine["DefinitionSubstitutions"].keys()


def test_the_runs_by_schedule_are_sample_events_of_days_that_are_over_and_of_games() -> None:
    from tests.contract.test_template import TEMPLATE

    schedules = TEMPLATE["Resources"]["RefineDayStateMachine"]["Properties"]["Events"]
    asked = {name: json.loads(one["Properties"]["Input"]) for name, one in schedules.items()}
    samples = sample_events.load("plan_refinement")

    assert asked["Nightly"] == samples["nightly"] == {"ended": True, "family": "slot"}
    assert asked["Hourly"] == samples["hourly"] == {"family": "game"}
    families = [one["family"] for one in asked.values()]  # no two runs meet at a partition
    assert sorted(families) == sorted(FAMILIES)


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_the_errors_a_state_machine_retries_are_there(path: Path) -> None:
    import botocore.exceptions
    import botocore.session

    ours = "".join(
        source.read_text(encoding="utf-8")
        for folder in ("functions", "layers/common/python/pitboss")
        for source in (ROOT / folder).rglob("*.py")
    )
    model = botocore.session.get_session().get_service_model("dynamodb")
    errors_of_dynamodb = {f"DynamoDb.{shape.name}" for shape in model.error_shapes}
    for _, state in states(yaml.safe_load(path.read_text(encoding="utf-8"))):
        for part in (*state.get("Retry", ()), *state.get("Catch", ())):
            for error in part["ErrorEquals"]:
                known = error.startswith(("States.", "Lambda.")) or hasattr(
                    botocore.exceptions, error
                )
                known = known or error in errors_of_dynamodb
                assert known or f"class {error}(TransientError)" in ours, error


# --- the layer ------------------------------------------------------------------------------------


def test_the_lake_layer_ships_what_is_locked() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    packages = {package["name"]: package for package in lock["package"]}
    names = {entry["name"] for entry in packages["pitboss"]["dev-dependencies"]["lake"]}
    shipped = (ROOT / "layers/lake/python/requirements.txt").read_text()

    found = dict(re.findall(r"^([\w.-]+)==(\S+)", shipped, flags=re.MULTILINE))
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", shipped))

    assert found == {name: packages[name]["version"] for name in names}
    files = [file for n in names for file in (*packages[n]["wheels"], packages[n]["sdist"])]
    assert hashes == {file["hash"].removeprefix("sha256:") for file in files}
