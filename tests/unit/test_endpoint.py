"""Which AWS the workbench talks to."""

import os
from pathlib import Path

import pytest

from workbench import emulator, endpoint
from workbench.console import WorkbenchError
from workbench.processes import identify

NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "LOCALSTACK_HOST",
    "PITBOSS_ENV",
    "PITBOSS_PROFILE",
)


@pytest.fixture(autouse=True)
def nothing_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))


@pytest.fixture
def running() -> emulator.Running:
    me = identify(os.getpid())
    assert me is not None
    stack = emulator.Running(
        pid=me.pid,
        started=me.started,
        endpoint="http://127.0.0.1:4999",
        region="us-east-1",
        access_key_id="local-key",
        secret_access_key="local-secret",
        keep_state=False,
    )
    stack.save()
    return stack


def test_nothing_runs_and_nothing_is_named() -> None:
    with pytest.raises(WorkbenchError, match="pitboss up"):
        endpoint.target()


def test_the_running_stack(running: emulator.Running) -> None:
    assert endpoint.target() == endpoint.Target(
        endpoint="http://127.0.0.1:4999",
        region="us-east-1",
        access_key_id="local-key",
        secret_access_key="local-secret",
    )


def test_an_endpoint_goes_before_the_running_stack(
    running: emulator.Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://10.0.0.1:4566/")

    target = endpoint.target()

    assert target.endpoint == "http://10.0.0.1:4566"
    assert (target.access_key_id, target.region) == ("test", "us-east-1")


def test_an_endpoint_keeps_the_callers_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://10.0.0.1:4566")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    target = endpoint.target()

    assert (target.access_key_id, target.region) == (None, "eu-west-1")


@pytest.mark.parametrize(
    ("name", "value"), [("PITBOSS_PROFILE", "casino"), ("PITBOSS_ENV", "prod")]
)
def test_a_profile_or_environment_is_a_real_account(
    running: emulator.Running, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    target = endpoint.target()

    assert target.endpoint is None
    assert target.access_key_id is None


def test_localstack_is_found_by_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", "localstack.test")

    found = endpoint.target().endpoint

    assert found is not None
    assert "localstack.test" in found


@pytest.mark.parametrize(
    ("where", "outputs", "address"),
    [
        (
            None,
            {"ApiUrl": "https://abc1.execute-api.us-east-1.amazonaws.com/prod/"},
            "https://abc1.execute-api.us-east-1.amazonaws.com/prod",
        ),
        (
            "http://127.0.0.1:4566",
            {"ApiUrl": "https://abc1.execute-api.us-east-1.amazonaws.com/local"},
            "http://127.0.0.1:4566/_aws/execute-api/abc1/local",
        ),
        (
            "http://127.0.0.1:4566",
            {"ApiUrl": "anything", "ApiId": "abc1", "ApiStage": "local"},
            "http://127.0.0.1:4566/_aws/execute-api/abc1/local",
        ),
    ],
)
def test_the_address_of_the_api(where: str | None, outputs: dict[str, str], address: str) -> None:
    target = endpoint.Target(endpoint=where, region="us-east-1")

    assert endpoint.address_of_api(target, outputs) == address


def test_an_address_that_names_no_api_says_what_to_do() -> None:
    target = endpoint.Target(endpoint="http://127.0.0.1:4566", region="us-east-1")

    with pytest.raises(WorkbenchError, match="ApiId and ApiStage"):
        endpoint.address_of_api(target, {"ApiUrl": "https://example.org/"})


def test_a_stack_without_an_api_says_what_to_do() -> None:
    with pytest.raises(WorkbenchError, match="pitboss up"):
        endpoint.address_of_api(endpoint.Target(endpoint=None, region=None), {})


def test_the_variables_name_the_target_and_no_more(running: emulator.Running) -> None:
    assert endpoint.target().variables() == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4999",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local-key",
        "AWS_SECRET_ACCESS_KEY": "local-secret",
    }
