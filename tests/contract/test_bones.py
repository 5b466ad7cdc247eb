"""The project's own settings agree with its tree."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FUNCTIONS = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
CONTRACTS = {item["name"]: item for item in PROJECT["tool"]["importlinter"]["contracts"]}


def test_the_import_contracts_know_every_function() -> None:
    independent = CONTRACTS["No function imports another"]["modules"]
    kept_from_the_layer = CONTRACTS["The layer imports no function and no workbench"]

    assert set(independent) == FUNCTIONS
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) >= FUNCTIONS
    assert set(kept_from_the_layer["forbidden_modules"]) == FUNCTIONS | {"workbench"}


def test_the_layer_ships_the_versions_that_are_tested() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    tested = {package["name"]: package["version"] for package in lock["package"]}
    requirements = ROOT / "layers/common/python/requirements.txt"
    shipped = {}
    for line in requirements.read_text().splitlines():
        name, found, rest = line.partition("==")
        if found and not line.startswith((" ", "#")):
            shipped[name.partition("[")[0].strip()] = rest.split()[0].rstrip(";\\")

    assert shipped
    assert {name: tested.get(name) for name in shipped} == shipped


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_every_environment_can_be_deployed(stage: str) -> None:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())[stage]

    assert settings["global"]["parameters"]["stack_name"] == f"pitboss-{stage}"
    assert f"Stage={stage} " in settings["deploy"]["parameters"]["parameter_overrides"]


def test_nothing_but_the_workbench_and_its_tests_names_the_emulator() -> None:
    deployed = [ROOT / "template.yaml", ROOT / "samconfig.toml"]
    for folder in ("functions", "layers", "statemachines", "events"):
        deployed += [path for path in (ROOT / folder).rglob("*") if path.suffix != ".pyc"]

    naming = [
        str(path.relative_to(ROOT))
        for path in deployed
        if path.is_file() and b"ministack" in path.read_bytes().lower()
    ]

    assert naming == []


@pytest.mark.parametrize("verb", ["help", "setup", "demo", "test", "pr", "bench", "up", "down"])
def test_make_has_the_verb_and_help_lists_it(verb: str) -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert f"\n{verb}:" in makefile
    assert " ## " in next(line for line in makefile.splitlines() if line.startswith(f"{verb}:"))
