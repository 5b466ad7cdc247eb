"""Modules import with an empty environment, no network and what the layer ships, and no more."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))

HEAVY = {"pydantic", "aws_xray_sdk", "boto3", "pandas", "numpy", "sqlalchemy", "requests"}
"""Nothing that answers at once imports any of these."""

ALSO_HEAVY = {
    "archive_events": {"cryptography", "jwt", "pynamodb"},
    "authorize_requests": {"zstandard"},
    "connect_live_clients": {"cryptography", "jwt", "pynamodb", "zstandard"},
    "publish_floor_metrics": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "measure_events": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "publish_metrics": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "run_actions": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit", "zstandard"},
    "serve_metrics": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "raise_alerts": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "push_live_updates": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "decide_offers": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "export_games": {"cryptography", "jwt"},
    "import_files": {"cryptography", "jwt"},
    "index_events": {
        *("cryptography", "duckdb", "jsonschema_rs", "jwt", "pynamodb", "vowpalwabbit"),
    },
    "ingest_game_events": {"cryptography", "duckdb", "jwt", "pynamodb"},
    "issue_installs": {"duckdb", "jsonschema_rs", "pynamodb"},
    "ingest_shuffler_events": {"cryptography", "jwt", "pynamodb", "zstandard"},
    "ingest_slot_events": {"cryptography", "jwt", "pynamodb"},
    "keep_exclusions": {"cryptography", "jwt"},
    "expire_offers": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "keep_catalogue": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "serve_offers": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "serve_floor": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "sum_offers": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "settle_approval": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "serve_audit": {
        "cryptography",
        "duckdb",
        "jwt",
        "psycopg",
        "pynamodb",
        "sqlalchemy",
        "zstandard",
    },
    "serve_events": {
        *("cryptography", "duckdb", "jsonschema_rs", "jwt", "pynamodb", "vowpalwabbit"),
    },
    "serve_flags": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit", "zstandard"},
    "keep_scores": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "publish_scores": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "serve_leaderboards": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "serve_shufflers": {"cryptography", "duckdb", "jwt", "pynamodb", "zstandard"},
    "track_shufflers": {"cryptography", "duckdb", "jwt", "pynamodb", "zstandard"},
    "serve_maintenance": {"cryptography", "duckdb", "jwt", "pynamodb", "zstandard"},
    "assess_players": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "observe_players": {"cryptography", "jwt"},
    "assess_shufflers": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "export_histories": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "recommend_maintenance": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "train_failure_model": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "migrate_database": {"cryptography", "duckdb", "jwt", "pynamodb"},
    "plan_refinement": {"cryptography", "duckdb", "jwt", "pynamodb"},
    "rate_players": {"cryptography", "jwt"},
    "sum_floor": {"cryptography", "duckdb", "jwt", "vowpalwabbit"},
    "track_floor": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "watch_play": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "read_ratings": {"cryptography", "jwt"},
    "refine_events": {"cryptography", "jwt", "pynamodb"},
    "reconcile_machines": {"cryptography", "jwt", "pynamodb"},
    "build_training_set": {"cryptography", "jwt", "pynamodb"},
    "evaluate_policy": {"cryptography", "duckdb", "jwt", "pynamodb"},
    "export_decisions": {"cryptography", "jwt"},
    "plan_retraining": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "promote_policy": {"cryptography", "duckdb", "jwt", "pynamodb", "vowpalwabbit"},
    "score_players": {"cryptography", "jwt"},
    "train_policy": {"cryptography", "duckdb", "jwt", "pynamodb"},
}
"""What else is not for a function: each imports only the libraries that it speaks with."""

_PREAMBLE = """
import importlib.abc, socket, sys

def refuse(*arguments, **named):
    raise AssertionError("a module reached for the network while it was imported")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse

class Shipped(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {shipped} and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"{{name}} is not in the layer", name=name)

sys.meta_path.insert(0, Shipped())
"""


def shipped() -> set[str]:
    """Top-level modules of the runtime, the layers and the functions."""
    requirements = [
        path.read_text() for path in (ROOT / "layers").glob("*/python/requirements.txt")
    ]
    packages = set(re.findall(r"^([\w.-]+)==", "\n".join(requirements), re.MULTILINE))
    libraries = {
        module
        for module, owners in packages_distributions().items()
        if packages & {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners}
    }
    return {*sys.stdlib_module_names, *libraries, "pitboss", *FUNCTIONS}


def imported_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has imported after this, with nothing set."""
    told = "print(*{name.partition('.')[0] for name in sys.modules})"
    script = f"{_PREAMBLE.format(shipped=shipped())}\n{code}\n{told}"
    done = subprocess.run(
        [sys.executable, "-c", script], env={}, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def modules() -> list[str]:
    found = []
    for root in (ROOT / "functions", ROOT / "layers/common/python"):
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found.append(".".join(part for part in parts if part != "__init__"))
    return found


def test_every_module_imports_with_an_empty_environment_and_no_network() -> None:
    names = modules()
    assert {"pitboss.stores.ratings", "rate_players.handler", "pitboss"} <= set(names)

    imported_by("import " + ", ".join(names))


def test_a_library_that_is_not_shipped_is_caught() -> None:
    with pytest.raises(AssertionError, match="rich is not in the layer"):
        imported_by("import rich")


def test_a_module_that_reaches_for_the_network_is_caught() -> None:
    with pytest.raises(AssertionError, match="reached for the network"):
        imported_by("import urllib.request; urllib.request.urlopen('http://192.0.2.1/')")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_imports_no_more_than_it_needs(function: str) -> None:
    from tests.contract.template_rules import folder_of
    from tests.contract.test_template import FUNCTIONS as DEPLOYED

    layers = {folder_of(name): one["Layers"] for name, one in DEPLOYED.items()}
    of_its_layer = {"sqlalchemy"} if {"Ref": "SqlLayer"} in layers[function] else set()
    of_its_layer |= {"numpy"} if {"Ref": "TreesLayer"} in layers[function] else set()

    imported = imported_by(f"import {function}.handler")

    assert function in imported
    assert imported & ((HEAVY - of_its_layer) | ALSO_HEAVY[function]) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_who_has_the_lakes_layer_imports_what_it_ships(function: str) -> None:
    from tests.contract.template_rules import folder_of
    from tests.contract.test_template import FUNCTIONS as DEPLOYED

    layers = {folder_of(name): one["Layers"] for name, one in DEPLOYED.items()}

    if {"Ref": "LakeLayer"} not in layers[function]:
        assert "duckdb" not in imported_by(f"import {function}.handler")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_handler_imports_the_workbench_or_another_function(function: str) -> None:
    imported = imported_by(f"import {function}.handler")

    assert imported & ({"workbench", *FUNCTIONS} - {function}) == set()


def test_the_command_imports_what_is_heavy_where_it_is_used() -> None:
    told = "import sys, workbench.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT
    )

    imported = set(done.stdout.split())
    heavy = {
        *HEAVY,
        "botocore",
        "cryptography",
        "duckdb",
        "httpx",
        "lightgbm",
        "psycopg",
    }
    assert "workbench" in imported
    assert imported & heavy == set()


def test_the_layer_ships_the_model_of_every_service_that_is_called() -> None:
    called = {
        service
        for root in (ROOT / "functions", ROOT / "layers/common/python")
        for path in root.rglob("*.py")
        for service in re.findall(r'client\(\s*"([a-z0-9-]+)"', path.read_text())
    }
    makefile = (ROOT / "layers/common/python/Makefile").read_text()
    (shipped_models,) = re.findall(r"^SERVICES := (.*)$", makefile, re.MULTILINE)

    assert {"dynamodb", "secretsmanager"} <= called <= set(shipped_models.split())


@pytest.mark.parametrize("name", sorted({name.partition(".")[0] for name in modules()}))
def test_no_folder_shadows_a_module_of_the_runtime(name: str) -> None:
    """What a function ships comes first on its path."""
    assert name not in sys.stdlib_module_names
    assert name not in {"boto3", "botocore", "bootstrap", "awslambdaric"}
