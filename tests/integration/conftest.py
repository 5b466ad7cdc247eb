"""Small resources made by API for tests that need no template of ours, and removed after."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from workbench import endpoint

NO_BOUNDS: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture
def embedded(aws: endpoint.Target) -> endpoint.Target:
    """The embedded AWS; a test of what it does differently has nothing to say about another."""
    if endpoint.chosen_target() is not None:
        pytest.skip("describes the embedded AWS; AWS_ENDPOINT_URL or a profile names another")
    return aws


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    """Poll with a deadline: `eventually(look, until, within)`."""
    return eventually


def eventually[T](
    look: Callable[[], T], until: Callable[[T], bool] = bool, within: float = 30.0
) -> T:
    """Look again and again until what is seen will do; fail with the last sight of it."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if until(seen):
            return seen
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within} s; last seen: {seen!r}")
        time.sleep(0.05)


def name(kind: str) -> str:
    """A name no other test has."""
    return f"test-{kind}-{uuid.uuid4().hex[:10]}"


def archive(files: dict[str, str]) -> bytes:
    """A function's zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        for path, text in files.items():
            zipped.writestr(path, dedent(text))
    return content.getvalue()


@dataclass
class Workshop:
    """Makes AWS resources and removes them, last made first."""

    cleanup: ExitStack
    folder: Path

    def role(self, *statements: dict[str, Any], service: str = "lambda.amazonaws.com") -> str:
        """A role a service may take; its ARN. Without statements it may do nothing."""
        iam = endpoint.client("iam")
        role = name("role")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
            ],
        }
        arn: str = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))[
            "Role"
        ]["Arn"]
        self.cleanup.callback(iam.delete_role, RoleName=role)
        if statements:
            iam.put_role_policy(
                RoleName=role,
                PolicyName="granted",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
            )
            self.cleanup.callback(iam.delete_role_policy, RoleName=role, PolicyName="granted")
        return arn

    def function(
        self, source: str, *, role: str | None = None, environment: dict[str, str] | None = None
    ) -> str:
        """A function whose module `index` has a `handler`; its name."""
        client = endpoint.client("lambda")
        function = name("function")
        client.create_function(
            FunctionName=function,
            Runtime="python3.13",
            Role=role or self.role(NO_BOUNDS),
            Handler="index.handler",
            Code={"ZipFile": archive({"index.py": source})},
            Timeout=20,
            Environment={"Variables": environment or {}},
        )
        self.cleanup.callback(client.delete_function, FunctionName=function)
        client.add_permission(
            FunctionName=function,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )
        eventually(
            lambda: client.get_function(FunctionName=function)["Configuration"]["State"],
            lambda state: state == "Active",
        )
        return function

    def witness(self, source: str) -> tuple[str, Callable[[], list[Any]]]:
        """A function that writes down what it sees by calling `saw(value)`, and how to read that.

        The functions of an embedded AWS run on this machine and can write to its disk.
        """
        diary = self.folder / f"{uuid.uuid4().hex}.ndjson"
        preamble = """\
            import json, os

            def saw(value):
                with open(os.environ["DIARY"], "a") as diary:
                    diary.write(json.dumps(value) + "\\n")
            """
        function = self.function(
            dedent(preamble) + dedent(source), environment={"DIARY": str(diary)}
        )

        def read() -> list[Any]:
            if not diary.exists():
                return []
            return [json.loads(line) for line in diary.read_text().splitlines()]

        return function, read

    def stream(self, shards: int = 1) -> tuple[str, str]:
        """A Kinesis stream; its name and ARN."""
        kinesis = endpoint.client("kinesis")
        stream = name("stream")
        kinesis.create_stream(StreamName=stream, ShardCount=shards)
        self.cleanup.callback(kinesis.delete_stream, StreamName=stream)
        kinesis.get_waiter("stream_exists").wait(StreamName=stream)
        found = kinesis.describe_stream_summary(StreamName=stream)
        arn: str = found["StreamDescriptionSummary"]["StreamARN"]
        return stream, arn

    def mapping(self, function: str, stream_arn: str, **settings: Any) -> str:
        """A mapping of the stream to the function, from the stream's beginning; its id."""
        client = endpoint.client("lambda")
        settings = {"StartingPosition": "TRIM_HORIZON", "BatchSize": 100, **settings}
        mapping: str = client.create_event_source_mapping(
            EventSourceArn=stream_arn, FunctionName=function, **settings
        )["UUID"]
        self.cleanup.callback(client.delete_event_source_mapping, UUID=mapping)
        return mapping

    def table(self) -> str:
        """A DynamoDB table whose key is the string `pk`; its name."""
        dynamodb = endpoint.client("dynamodb")
        table = name("table")
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.cleanup.callback(dynamodb.delete_table, TableName=table)
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        return table

    def bucket(self) -> str:
        """An empty bucket; its name."""
        s3 = endpoint.client("s3")
        bucket = name("bucket")
        s3.create_bucket(Bucket=bucket)

        def remove() -> None:
            for found in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=found["Key"])
            s3.delete_bucket(Bucket=bucket)

        self.cleanup.callback(remove)
        return bucket

    def user(self, *statements: dict[str, Any]) -> tuple[str, str]:
        """A user; key id and secret. Without statements it may do nothing."""
        iam = endpoint.client("iam")
        user = name("user")
        iam.create_user(UserName=user)
        self.cleanup.callback(iam.delete_user, UserName=user)
        if statements:
            iam.put_user_policy(
                UserName=user,
                PolicyName="granted",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
            )
            self.cleanup.callback(iam.delete_user_policy, UserName=user, PolicyName="granted")
        key = iam.create_access_key(UserName=user)["AccessKey"]
        self.cleanup.callback(iam.delete_access_key, UserName=user, AccessKeyId=key["AccessKeyId"])
        return key["AccessKeyId"], key["SecretAccessKey"]

    def template(self, resources: dict[str, Any], **outputs: Any) -> dict[str, str]:
        """A CloudFormation stack of these resources; its outputs."""
        cloudformation = endpoint.client("cloudformation")
        stack = name("stack")
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
        )
        self.cleanup.callback(cloudformation.delete_stack, StackName=stack)

        def look() -> dict[str, Any]:
            found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            return found

        made = eventually(look, lambda found: not found["StackStatus"].endswith("IN_PROGRESS"))
        if made["StackStatus"] != "CREATE_COMPLETE":
            raise AssertionError(made.get("StackStatusReason", made["StackStatus"]))
        return {item["OutputKey"]: item["OutputValue"] for item in made.get("Outputs", [])}

    def rest_api(self, document: dict[str, Any], *, binary: tuple[str, ...] = ()) -> str:
        """A deployed REST API of an OpenAPI document; its address."""
        body = {"openapi": "3.0.1", "info": {"title": name("api"), "version": "1"}, **document}
        api = {"Body": body, "BinaryMediaTypes": list(binary)}
        made = self.template(
            {
                "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": api},
                "Deployment": {
                    "Type": "AWS::ApiGateway::Deployment",
                    "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": "test"},
                },
            },
            Api={"Ref": "Api"},
        )
        return f"{endpoint.target().endpoint}/_aws/execute-api/{made['Api']}/test"


@pytest.fixture
def workshop(aws: endpoint.Target, tmp_path: Path) -> Iterator[Workshop]:
    """Resources for one test."""
    with ExitStack() as cleanup:
        yield Workshop(cleanup, tmp_path)
