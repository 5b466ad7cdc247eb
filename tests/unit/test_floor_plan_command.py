"""`pitboss plan`: where a simulated floor's machines stand, and files that are no plan."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pitboss.floor.plan import check
from workbench import plan as command
from workbench.console import WorkbenchError
from workbench.main import app
from workbench.simulation import Floor, FloorPlan
from workbench.simulation.places import ZONES, laid_out


@pytest.mark.parametrize("machines", [1, 7, 40, 189, 3_000])
def test_nothing_stands_where_something_else_does(machines: int) -> None:
    names = [f"{n}" for n in range(machines)]

    plan = laid_out(names, [("S1", "BJ-1"), ("S2", "BJ-2"), ("S3", "BJ-2")])

    check(plan)
    where = [(place.x, place.y) for place in plan.places]
    assert len(set(where)) == len(where)
    assert [place.asset_id for place in plan.places if place.kind == "machine"] == names
    tables = {place.asset_id for place in plan.places if place.kind == "table"}
    assert {p.table_id for p in plan.places if p.kind == "shuffler"} == tables == {"BJ-1", "BJ-2"}


def test_a_floor_is_about_as_wide_as_a_screen_and_has_its_zones() -> None:
    plan = laid_out([f"{n}" for n in range(1_000)])

    width, height = (max(getattr(place, axis) for place in plan.places) for axis in "xy")
    assert 1 < width / height < 3
    zones = [place.zone for place in plan.places]
    assert list(dict.fromkeys(zones)) == [name for name, _ in ZONES]
    assert abs(zones.count("Main floor") - 450) <= 8


def test_a_generated_plan_is_of_the_machines_that_are_simulated(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"

    result = CliRunner().invoke(
        app, ["plan", "generate", "--machines", "50", "--seed", "3", "--out", str(file)]
    )

    assert result.exit_code == 0
    plan = command.load(file)
    simulated = [machine.asset_id for machine in Floor(FloorPlan(50, 9, 5, 3)).machines]
    assert [place.asset_id for place in plan.places if place.kind == "machine"] == simulated
    assert sum(place.kind == "shuffler" for place in plan.places) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "Expected `object`"),
        ('{"places": [{"asset_id": "7", "x": -1, "y": 0, "zone": "a"}]}', "Expected `float` >= 0"),
        ('{"places": [{"asset_id": "7", "x": 1, "y": 0, "zone": "a", "colour": 1}]}', "colour"),
        (
            '{"places": [{"asset_id": "7", "x": 1, "y": 0, "zone": "a"},'
            '{"asset_id": "7", "x": 2, "y": 0, "zone": "a"}]}',
            "7 stands at more than one place",
        ),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)

    with pytest.raises(WorkbenchError, match=fault):
        command.load(file)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        command.load(tmp_path / "none.json")
