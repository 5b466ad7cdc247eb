"""What every suite shares: markers by folder, and one local stack for a whole run."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from pitboss.stores.database import Database
from tests.databases import Databases, databases
from workbench import database as embedded_database
from workbench import deploy, emulator, endpoint, page
from workbench import stack as stack_commands
from workbench.paths import ROOT, home

SUITES = ("unit", "contract", "integration", "e2e")
ON_THE_STACK = ("tests/integration/", "tests/e2e/")

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
TEST_HOME = f".pitboss/test-{_WORKER}" if _WORKER else ".pitboss/test"


def pytest_configure() -> None:
    """Let processes of one run not look for ports in the same places: they start at once."""
    if _WORKER:
        emulator.PREFERRED_PORT = emulator.any_free_port()
        emulator.PREFERRED_MQTT_PORT = emulator.any_free_port()
        emulator.PREFERRED_PAGE_PORT = emulator.any_free_port()
        embedded_database.PREFERRED_PORT = emulator.any_free_port()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the suite its folder names."""
    root = Path(__file__).parent
    for item in items:
        suite = item.path.relative_to(root).parts[0]
        if suite in SUITES:
            item.add_marker(suite)


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Which tests of `make test` stay together on one of its processes: those of a file. Each
    process has an embedded AWS of its own; another AWS is one, and its tests stay together.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        is_shared = file.startswith(ON_THE_STACK) and endpoint.chosen_target() is not None
        return "stack" if is_shared else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    """Divide the tests between processes, where there are several."""
    return _Scheduling(config, log)


_REAL_TIME = time.time, time.time_ns, time.monotonic, time.sleep


@pytest.fixture(autouse=True)
def _time_is_real_again() -> Iterator[None]:
    """A test that leaves another clock behind fails, and not those that come after it."""
    yield
    left = time.time, time.time_ns, time.monotonic, time.sleep
    if left != _REAL_TIME:
        time.time, time.time_ns, time.monotonic, time.sleep = _REAL_TIME
        pytest.fail("this test leaves another clock installed")


@pytest.fixture(scope="session")
def aws() -> Iterator[endpoint.Target]:
    """An AWS to talk to: the one the caller's environment names, or an embedded one.

    The embedded one has a home, and so ports and state, of its own; a stack that someone runs by
    `pitboss up` is not disturbed. Nothing is deployed to it.
    """
    if endpoint.chosen_target() is not None:
        yield endpoint.target()
        return
    before = os.environ.get("PITBOSS_HOME")
    os.environ["PITBOSS_HOME"] = TEST_HOME
    emulator.stop()
    emulator.wipe_state()
    embedded_database.stop()
    embedded_database.wipe()
    shutil.rmtree(home() / "keys", ignore_errors=True)  # of principals that went with the state
    stack_commands.ensure_running()
    try:
        yield endpoint.target()
    finally:
        page.stop()
        emulator.stop()
        embedded_database.stop()
        if before is None:
            del os.environ["PITBOSS_HOME"]
        else:
            os.environ["PITBOSS_HOME"] = before


@pytest.fixture(scope="session")
def stack(aws: endpoint.Target) -> dict[str, str]:
    """The stack, deployed from the sources as they are, once for the run; its outputs.

    `workbench.endpoint` has clients for it (`client`) and its address (`api_url`).
    """
    deploy.deploy()
    return endpoint.stack_outputs()


@pytest.fixture(scope="session")
def database_server() -> Iterator[Databases]:
    """An embedded PostgreSQL of this process of the run, with nothing in it but a template."""
    with databases(ROOT / ".pitboss" / "test-databases" / (_WORKER or "alone")) as made:
        yield made


@pytest.fixture
def databases_of(database_server: Databases) -> Iterator[Callable[..., Database]]:
    """Makes `Database`s of one database, migrated and empty, that this test has to itself.

    `databases_of()` logs in as the owner, `databases_of(roles.TRACKER)` as a function does.
    """
    with database_server.one() as login:
        yield login


@pytest.fixture
def database(databases_of: Callable[..., Database]) -> Database:
    """A database, migrated and empty, that this test has to itself; as its owner."""
    return databases_of()
