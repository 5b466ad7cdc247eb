"""The stack from the command line: `pitboss up`, and what it says of itself."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import boto3
import httpx
import pytest

from workbench import database, deploy, emulator, endpoint
from workbench import stack as stack_commands
from workbench.console import WorkbenchError
from workbench.paths import ROOT, VENV_BIN
from workbench.processes import group_members


def pitboss(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [VENV_BIN / "pitboss", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **variables},
        timeout=300,
    )


def test_nothing_is_done_when_nothing_changed(stack: dict[str, str]) -> None:
    assert deploy.deploy() is False


def test_up_again_says_where_the_api_is(stack: dict[str, str], embedded: endpoint.Target) -> None:
    done = pitboss("up")

    assert done.returncode == 0, done.stderr
    assert endpoint.api_url() in done.stdout
    assert "nothing changed" in done.stderr


def test_status(stack: dict[str, str], aws: endpoint.Target) -> None:
    done = pitboss("status", "--json")

    seen = json.loads(done.stdout)
    assert seen["running"] is True
    assert seen["current"] is True
    assert seen["outputs"] == stack
    assert seen["functions"]


def test_the_api_keeps_out_whoever_has_no_token(stack: dict[str, str]) -> None:
    address = f"{endpoint.api_url()}/v1/slot-events"

    answer = httpx.post(address, content=b"[]", headers={"Content-Type": "application/json"})

    assert answer.status_code in {401, 403}


def test_the_shell_is_pointed_at_the_stack(
    stack: dict[str, str], embedded: endpoint.Target
) -> None:
    script = f'eval "$({VENV_BIN}/pitboss env)" && {VENV_BIN}/sam list resources --output json'
    done = subprocess.run(
        ["sh", "-c", f"{script} --stack-name {endpoint.stack_name()}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
    )

    logical_ids = {item["LogicalResourceId"] for item in json.loads(done.stdout)}
    assert "CommonLayer" in " ".join(logical_ids)


def test_doctor_finds_nothing_wrong(stack: dict[str, str]) -> None:
    done = pitboss("doctor", "--json")

    assert [item for item in json.loads(done.stdout) if not item["ok"]] == []
    assert done.returncode == 0


def test_the_deploying_user_is_not_root(embedded: endpoint.Target) -> None:
    arn = endpoint.client("sts").get_caller_identity()["Arn"]

    assert arn.endswith(f":user/{stack_commands.USER}")


@pytest.fixture
def another_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: endpoint.Target) -> Path:
    """A second local stack beside the one of the test run."""
    if endpoint.chosen_target() is not None:
        pytest.skip("is about the embedded AWS")
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    return tmp_path


def test_state_is_kept_where_asked_and_no_process_is_left(another_home: Path) -> None:
    def bucket_names() -> list[str]:
        return [item["Name"] for item in endpoint.client("s3").list_buckets()["Buckets"]]

    def topics() -> int:
        return len(endpoint.client("sns").list_topics()["Topics"])

    def changes() -> list[str]:
        """Of the table, that its stream holds."""
        streams = endpoint.client("dynamodbstreams")
        (stream,) = streams.list_streams()["Streams"]
        of = {"StreamArn": stream["StreamArn"]}
        (shard,) = streams.describe_stream(**of)["StreamDescription"]["Shards"]
        start = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**of, **start)["ShardIterator"]
        return [one["eventName"] for one in streams.get_records(ShardIterator=iterator)["Records"]]

    try:
        stack_commands.ensure_running(keep_state=True)
        first = emulator.Running.load()
        assert first is not None
        endpoint.client("s3").create_bucket(Bucket="test-kept")
        endpoint.client("sns").create_topic(Name="test-kept")
        endpoint.client("dynamodb").create_table(
            TableName="test-kept",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        endpoint.client("dynamodb").put_item(TableName="test-kept", Item={"pk": {"S": "a"}})
        assert pitboss("down").stdout == "Stopped.\n"
        assert group_members(first.pid) == []

        stack_commands.ensure_running(keep_state=True)
        assert (bucket_names(), topics(), changes()) == (["test-kept"], 1, ["INSERT"])
        assert pitboss("down").stdout == "Stopped.\n"

        emulator.wipe_state()
        stack_commands.ensure_running()
        assert (bucket_names(), topics()) == ([], 0)
    finally:
        emulator.stop()
    assert pitboss("status").stdout.startswith("Stopped.")


def test_a_taken_port_is_one_sentence(another_home: Path, aws: endpoint.Target) -> None:
    assert aws.endpoint is not None
    port = aws.endpoint.rpartition(":")[2]

    done = pitboss("up", "--port", port)

    assert done.returncode == 1
    assert f"Port {port} is taken by another program" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_where_nothing_answers_is_one_sentence() -> None:
    done = pitboss("status", AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert done.returncode == 1
    assert "Nothing answers at http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_deploy_that_fails_is_one_sentence_and_a_log(
    another_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "ROOT", another_home)
    (another_home / "template.yaml").write_text("Resources: [")
    shutil.copy(ROOT / "samconfig.toml", another_home)
    stack_commands.ensure_running()
    try:
        with pytest.raises(WorkbenchError, match="`sam build` failed") as failure:
            deploy.deploy()
    finally:
        emulator.stop()
        database.stop()

    assert failure.value.log is not None
    assert "template" in failure.value.log.read_text().lower()


def test_a_foreign_endpoint_is_used_as_it_is(
    embedded: endpoint.Target, monkeypatch: pytest.MonkeyPatch, stack: dict[str, str]
) -> None:
    """The tests' own stack, named as if it were somebody else's."""
    assert embedded.endpoint is not None
    variables = embedded.variables()

    done = pitboss("status", "--json", PITBOSS_HOME=str(ROOT / ".pitboss/none"), **variables)

    assert json.loads(done.stdout)["outputs"] == stack


def test_boto3_alone_finds_the_stack_by_the_same_variables(
    embedded: endpoint.Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in embedded.variables().items():
        monkeypatch.setenv(name, value)

    assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
