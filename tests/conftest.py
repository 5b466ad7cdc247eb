"""What every suite shares: markers by folder, and one local stack for a whole run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import deploy, emulator, endpoint
from workbench import stack as stack_commands
from workbench.paths import home

SUITES = ("unit", "contract", "integration", "e2e")
TEST_HOME = ".pitboss/test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the suite its folder names, and with what it shares: of the tests that
    `make test` runs on two processes, those of the local stack stay on one, and those of a file.
    """
    root = Path(__file__).parent
    for item in items:
        suite, *_, file = item.path.relative_to(root).parts
        if suite in SUITES:
            item.add_marker(suite)
        group = "stack" if suite in ("integration", "e2e") else file
        item.add_marker(pytest.mark.xdist_group(group))


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
    shutil.rmtree(home() / "keys", ignore_errors=True)  # of principals that went with the state
    stack_commands.ensure_running()
    try:
        yield endpoint.target()
    finally:
        emulator.stop()
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
