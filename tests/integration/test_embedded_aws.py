"""What the embedded AWS does, row by row, so that an upgrade which mends or breaks it is noticed.

A test named `..._unlike_aws` holds a difference. When it fails because the difference is gone,
delete it and what was built around the difference.
"""

import base64
import gzip
import json
import time
import uuid
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from workbench import emulator, endpoint
from workbench.shuffler_device import Outbox, ShufflerDevice

ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event)}
"""


def _code(refusal: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refusal.value.response["Error"]["Code"])


def _client(service: str, key_id: str, secret: str) -> Any:
    where = endpoint.target()
    session = boto3.Session(key_id, secret, region_name=where.region)
    make: Any = session.client
    return make(service, endpoint_url=where.endpoint)


def _lambda_uri(function: str) -> str:
    arn = endpoint.client("lambda").get_function(FunctionName=function)["Configuration"][
        "FunctionArn"
    ]
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def _route(function: str, **extra: Any) -> dict[str, Any]:
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": _lambda_uri(function)}
    return {
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": integration,
        **extra,
    }


class TestAddress:
    @pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc")
    def test_listens_on_the_loopback_address_alone(self, embedded: endpoint.Target) -> None:
        running = emulator.Running.load()
        assert running is not None
        sockets = set()
        for descriptor in Path(f"/proc/{running.pid}/fd").iterdir():
            try:
                sockets.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue  # closed since it was listed

        listening = []
        for table in ("tcp", "tcp6"):
            for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                    listening.append(fields[1])

        assert running.mqtt_port is not None
        assert sorted(listening) == sorted(
            f"0100007F:{port:04X}" for port in (running.port, running.mqtt_port)
        )


class TestIdentity:
    def test_a_function_may_do_only_what_its_role_allows(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        stream, arn = workshop.stream()
        source = """
            import boto3

            def handler(event, context):
                records = [{"Data": b"x", "PartitionKey": "a"}]
                boto3.client("kinesis").put_records(StreamName=event["stream"], Records=records)
                return "put"
        """
        reader = {"Effect": "Allow", "Action": "kinesis:GetRecords", "Resource": arn}
        writer = {"Effect": "Allow", "Action": "kinesis:PutRecords", "Resource": arn}
        answers = {}
        for who, statement in (("reader", reader), ("writer", writer)):
            function = workshop.function(source, role=workshop.role(statement))
            answer = endpoint.client("lambda").invoke(
                FunctionName=function, Payload=json.dumps({"stream": stream})
            )
            answers[who] = answer["Payload"].read().decode()

        assert "AccessDenied" in answers["reader"]
        assert "kinesis:PutRecords" in answers["reader"]
        assert answers["writer"] == '"put"'

    def test_a_user_without_a_policy_may_do_nothing(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        with pytest.raises(ClientError) as refusal:
            _client("dynamodb", *workshop.user()).list_tables()

        assert _code(refusal) == "AccessDeniedException"

    def test_a_user_with_a_wrong_secret_is_refused(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        key_id, _ = workshop.user({"Effect": "Allow", "Action": "*", "Resource": "*"})

        with pytest.raises(ClientError) as refusal:
            _client("dynamodb", key_id, "wrong").list_tables()

        assert _code(refusal) in {"InvalidSignatureException", "SignatureDoesNotMatch"}

    def test_the_root_key_passes_with_a_wrong_secret_unlike_aws(
        self, embedded: endpoint.Target
    ) -> None:
        assert "TableNames" in _client("dynamodb", "test", "wrong").list_tables()

    def test_leading_keys_are_not_evaluated_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        table = workshop.table()
        only_mine = {
            "Effect": "Allow",
            "Action": "dynamodb:*",
            "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}},
        }
        user = _client("dynamodb", *workshop.user(only_mine))

        assert "Item" not in user.get_item(TableName=table, Key={"pk": {"S": "another's"}})


class TestRestApi:
    def test_a_route_reaches_its_function(self, embedded: endpoint.Target, workshop: Any) -> None:
        function = workshop.function(ECHO)
        address = workshop.rest_api({"paths": {"/things/{id}": {"post": _route(function)}}})

        answer = httpx.post(f"{address}/things/7?q=1", content=b'{"a": 1}')

        assert answer.status_code == 200, answer.text
        event = answer.json()
        assert event["pathParameters"] == {"id": "7"}
        assert event["queryStringParameters"] == {"q": "1"}
        assert event["body"] == '{"a": 1}'
        assert event["isBase64Encoded"] is False

    @pytest.fixture
    def guarded(self, workshop: Any) -> str:
        """A route behind a REQUEST authorizer that lets in the word `friend`."""
        guard = workshop.function(
            """
            def handler(event, context):
                headers = {name.lower(): value for name, value in event["headers"].items()}
                sent = headers.get("authorization")
                effect = "Allow" if sent == "friend" else "Deny"
                resource = event["methodArn"]
                if sent == "broken":
                    raise RuntimeError("broken")
                return {
                    "principalId": sent or "nobody",
                    "context": {"property": "north"},
                    "policyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
                        ],
                    },
                }
            """
        )
        scheme = {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "request",
                "authorizerUri": _lambda_uri(guard),
                "identitySource": "method.request.header.Authorization",
                "authorizerResultTtlInSeconds": 0,
            },
        }
        function = workshop.function(ECHO)
        address: str = workshop.rest_api(
            {
                "components": {"securitySchemes": {"guard": scheme}},
                "paths": {"/guarded": {"get": _route(function, security=[{"guard": []}])}},
            }
        )
        return f"{address}/guarded"

    def test_an_authorizer_lets_in_and_says_who(
        self, embedded: endpoint.Target, guarded: str
    ) -> None:
        answer = httpx.get(guarded, headers={"Authorization": "friend"})

        caller = answer.json()["requestContext"]["authorizer"]
        assert answer.status_code == 200
        assert caller["principalId"] == "friend"
        assert caller["property"] == "north"

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [({"Authorization": "foe"}, {403}), ({}, {401, 403}), ({"Authorization": ""}, {401, 403})],
        ids=["denied", "without", "empty"],
    )
    def test_an_authorizer_keeps_out(
        self,
        embedded: endpoint.Target,
        guarded: str,
        headers: dict[str, str],
        expected: set[int],
    ) -> None:
        assert httpx.get(guarded, headers=headers).status_code in expected

    def test_an_authorizer_that_fails_lets_nobody_in(
        self, embedded: endpoint.Target, guarded: str
    ) -> None:
        assert httpx.get(guarded, headers={"Authorization": "broken"}).status_code >= 400

    def test_header_names_arrive_in_lower_case_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        address = workshop.rest_api({"paths": {"/h": {"get": _route(workshop.function(ECHO))}}})

        event = httpx.get(f"{address}/h", headers={"X-Some-Thing": "1"}).json()

        assert event["headers"]["x-some-thing"] == "1"
        assert "X-Some-Thing" not in event["headers"]

    @pytest.fixture
    def signed(self, workshop: Any) -> str:
        """A route for callers that sign as an IAM principal."""
        scheme = {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4",
        }
        route = _route(workshop.function(ECHO), security=[{"signed": []}])
        components = {"securitySchemes": {"signed": scheme}}
        address: str = workshop.rest_api(
            {"components": components, "paths": {"/signed": {"get": route}}}
        )
        return f"{address}/signed"

    def test_aws_iam_on_a_route_keeps_out_the_unsigned(
        self, embedded: endpoint.Target, signed: str
    ) -> None:
        assert httpx.get(signed).status_code == 403

    def test_aws_iam_on_a_route_asks_for_a_permission(
        self, embedded: endpoint.Target, workshop: Any, signed: str
    ) -> None:
        invoke = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        allowed, stranger = workshop.user(invoke), workshop.user()

        def get(key_id: str, secret: str) -> httpx.Response:
            request = AWSRequest("GET", signed)
            SigV4Auth(Credentials(key_id, secret), "execute-api", "us-east-1").add_auth(request)
            return httpx.get(signed, headers=dict(request.headers))

        assert get(*stranger).status_code == 403
        assert get(allowed[0], "wrong").status_code == 403
        answer = get(*allowed)
        assert answer.status_code == 200
        assert ":user/test-user-" in answer.json()["requestContext"]["identity"]["userArn"]

    def test_a_gzip_body_of_a_binary_media_type_arrives_whole(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        sent = gzip.compress(b'{"a": "\xc3\xa9"}' * 50, mtime=0)
        function = workshop.function(ECHO)
        document = {"paths": {"/in": {"post": _route(function)}}}
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}

        address = workshop.rest_api(document, binary=("application/x-ndjson",))
        event = httpx.post(f"{address}/in", content=sent, headers=headers).json()

        assert event["isBase64Encoded"] is True
        assert base64.b64decode(event["body"]) == sent

    def test_a_gzip_body_of_another_media_type_is_broken(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        sent = gzip.compress(b'{"a": 1}' * 50, mtime=0)
        function = workshop.function(ECHO)
        address = workshop.rest_api({"paths": {"/in": {"post": _route(function)}}})
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

        event = httpx.post(f"{address}/in", content=sent, headers=headers).json()

        assert event["isBase64Encoded"] is False
        assert event["body"].encode() != sent


class TestKinesisMapping:
    """Each test's function writes down the data of every record it is given."""

    SEE = """
        import base64

        def data(record):
            return base64.b64decode(record["kinesis"]["data"]).decode()
    """

    @staticmethod
    def _put(stream: str, *values: str) -> None:
        answer = endpoint.client("kinesis").put_records(
            StreamName=stream,
            Records=[{"Data": value.encode(), "PartitionKey": "one"} for value in values],
        )
        assert answer["FailedRecordCount"] == 0

    def test_delivers_in_order(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        function, seen = workshop.witness(
            self.SEE + "\n        def handler(event, context):\n"
            "            saw([data(record) for record in event['Records']])\n"
        )
        workshop.mapping(function, arn)

        sent = [str(number) for number in range(250)]
        self._put(stream, *sent)

        batches = eventually(seen, lambda found: sum(map(len, found)) >= 250)
        assert [value for batch in batches for value in batch] == sent
        assert max(map(len, batches)) <= 100

    def test_a_function_that_raises_is_given_the_whole_batch_again(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        function, seen = workshop.witness(
            self.SEE
            + """
        tries = []

        def handler(event, context):
            saw([data(record) for record in event["Records"]])
            tries.append(1)
            if len(tries) < 3:
                raise RuntimeError("transient")
    """
        )
        self._put(stream, "a", "b", "c")
        workshop.mapping(function, arn)

        assert eventually(seen, lambda found: len(found) >= 3) == [["a", "b", "c"]] * 3

    def test_a_partial_batch_response_is_ignored_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        function, seen = workshop.witness(
            self.SEE
            + """
        def handler(event, context):
            saw([data(record) for record in event["Records"]])
            failed = [r for r in event["Records"] if data(r) == "b"]
            return {
                "batchItemFailures": [
                    {"itemIdentifier": r["kinesis"]["sequenceNumber"]} for r in failed
                ]
            }
    """
        )
        self._put(stream, "a", "b", "c")
        workshop.mapping(function, arn, FunctionResponseTypes=["ReportBatchItemFailures"])
        eventually(seen)

        self._put(stream, "d")

        batches = eventually(seen, lambda found: found[-1] == ["d"])
        assert batches == [["a", "b", "c"], ["d"]]

    def test_a_poison_record_blocks_for_ever_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        failures = workshop.bucket()
        function, seen = workshop.witness(
            self.SEE
            + """
        def handler(event, context):
            saw([data(record) for record in event["Records"]])
            raise RuntimeError("poison")
    """
        )
        self._put(stream, "a", "b")
        workshop.mapping(
            function,
            arn,
            MaximumRetryAttempts=1,
            MaximumRecordAgeInSeconds=60,
            BisectBatchOnFunctionError=True,
            DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{failures}"}},
        )

        batches = eventually(seen, lambda found: len(found) >= 4)

        assert all(batch == ["a", "b"] for batch in batches), "bisected"
        assert endpoint.client("s3").list_objects_v2(Bucket=failures)["KeyCount"] == 0

    def test_a_batching_window_is_not_waited_for_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        function, seen = workshop.witness(
            self.SEE
            + """
        def handler(event, context):
            saw([data(record) for record in event["Records"]])
    """
        )
        workshop.mapping(function, arn, BatchSize=10_000, MaximumBatchingWindowInSeconds=300)

        self._put(stream, "a")
        eventually(seen)
        self._put(stream, "b")

        assert eventually(seen, lambda found: len(found) == 2) == [["a"], ["b"]]

    def test_a_mapping_from_a_time_begins_at_the_end_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        function, seen = workshop.witness(
            self.SEE
            + """
        def handler(event, context):
            saw([data(record) for record in event["Records"]])
    """
        )
        self._put(stream, "before")
        workshop.mapping(
            function,
            arn,
            StartingPosition="AT_TIMESTAMP",
            StartingPositionTimestamp=time.time() - 3600,
        )

        def put_and_look() -> list[Any]:
            self._put(stream, "after")
            return list(seen())

        batches = eventually(put_and_look)
        assert {value for batch in batches for value in batch} == {"after"}

    def test_records_of_a_new_shard_from_before_it_was_noticed_are_lost_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        stream, arn = workshop.stream()
        function, seen = workshop.witness(
            self.SEE
            + """
        import time

        def handler(event, context):
            saw([data(record) for record in event["Records"]])
            time.sleep(2)  # the one poller is busy while the stream is split
    """
        )
        workshop.mapping(function, arn)
        self._put(stream, "before")
        eventually(seen)

        kinesis = endpoint.client("kinesis")
        kinesis.update_shard_count(
            StreamName=stream, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
        )
        self._put(stream, "while unnoticed")

        def put_and_look() -> list[Any]:
            self._put(stream, "after")
            return list(seen())

        batches = eventually(put_and_look, lambda found: "after" in found[-1])
        assert "while unnoticed" not in {value for batch in batches for value in batch}


class TestStateMachine:
    def test_what_a_function_raises_is_retried_and_caught_by_its_class(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        """The emulator does not say the class; `workbench.emulator.launch` does."""
        function, seen = workshop.witness(
            """
            class Passing(Exception):
                def __init__(self):
                    super().__init__("it will\\nnot last")

            class Lasting(Exception): pass

            def handler(event, context):
                saw(event)
                try:
                    raise Lasting(event["times"])
                except Lasting as first:
                    if os.stat(os.environ["DIARY"]).st_size < 3 * len('{"times": 3}\\n'):
                        raise Passing from first
                    raise
            """
        )
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": function, "Payload.$": "$"},
            "Retry": [{"ErrorEquals": ["Passing"], "IntervalSeconds": 1, "MaxAttempts": 5}],
            "Catch": [{"ErrorEquals": ["Lasting"], "Next": "Caught"}],
            "End": True,
        }
        states = {"Raise": task, "Caught": {"Type": "Succeed"}}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        client = endpoint.client("stepfunctions")
        machine = client.create_state_machine(
            name=function,
            roleArn=workshop.role(everything, service="states.amazonaws.com"),
            definition=json.dumps({"StartAt": "Raise", "States": states}),
        )["stateMachineArn"]
        workshop.cleanup.callback(client.delete_state_machine, stateMachineArn=machine)
        run = client.start_execution(stateMachineArn=machine, input='{"times": 3}')

        found = eventually(
            lambda: client.describe_execution(executionArn=run["executionArn"]),
            lambda found: found["status"] != "RUNNING",
        )

        assert (found["status"], json.loads(found["output"])["Error"]) == ("SUCCEEDED", "Lasting")
        assert len(seen()) == 3

    def test_a_definition_may_be_yaml(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        """As AWS reads it from S3; the emulator reads JSON alone, which `launch` mends."""
        bucket = workshop.bucket()
        definition = """
            # Comments are lost, nothing else is.
            Comment: To be said, '${Word}' for instance.
            StartAt: Say
            States:
              Say:
                Type: Pass
                Result: { said: "${Word}" }
                End: true
            """
        s3 = endpoint.client("s3")
        s3.put_object(Bucket=bucket, Key="say.asl.yaml", Body=dedent(definition).encode())
        role = workshop.role(service="states.amazonaws.com")
        machine = workshop.template(
            {
                "Machine": {
                    "Type": "AWS::StepFunctions::StateMachine",
                    "Properties": {
                        "DefinitionS3Location": {"Bucket": bucket, "Key": "say.asl.yaml"},
                        "DefinitionSubstitutions": {"Word": "hello"},
                        "RoleArn": role,
                    },
                }
            },
            Arn={"Ref": "Machine"},
        )["Arn"]

        found = self._run(machine, "{}", eventually)

        assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"said": "hello"})

    @pytest.mark.parametrize("is_answered", [False, True])
    def test_a_task_waits_for_its_token_as_long_as_its_input_says(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any, is_answered: bool
    ) -> None:
        """The emulator knows no `TimeoutSecondsPath`, which `launch` mends."""
        table = workshop.table()
        ask = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
            "TimeoutSecondsPath": "$.seconds",
            "Parameters": {
                "TableName": table,
                "Key": {"pk": {"S": "asked"}},
                "UpdateExpression": "SET #token = :token",
                "ExpressionAttributeNames": {"#token": "token"},
                "ExpressionAttributeValues": {":token": {"S.$": "$$.Task.Token"}},
            },
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Nobody"}],
            "End": True,
        }
        client = endpoint.client("stepfunctions")
        machine = client.create_state_machine(
            name=table,
            roleArn=workshop.role(
                {"Effect": "Allow", "Action": "*", "Resource": "*"}, service="states.amazonaws.com"
            ),
            definition=json.dumps(
                {
                    "StartAt": "Ask",
                    "States": {"Ask": ask, "Nobody": {"Type": "Pass", "Result": 1, "End": True}},
                }
            ),
        )["stateMachineArn"]
        workshop.cleanup.callback(client.delete_state_machine, stateMachineArn=machine)

        def asked() -> Any:
            key = {"pk": {"S": "asked"}}
            return endpoint.client("dynamodb").get_item(TableName=table, Key=key).get("Item")

        if not is_answered:
            assert self._run(machine, '{"seconds": 1}', eventually)["output"] == "1"
            with pytest.raises(ClientError, match=r"TaskTimedOut|TaskDoesNotExist"):
                client.send_task_success(taskToken=asked()["token"]["S"], output="2")
            return
        run = client.start_execution(stateMachineArn=machine, input='{"seconds": 60}')
        token = eventually(asked)["token"]["S"]
        client.send_task_success(taskToken=token, output="2")
        assert self._ended(run, eventually)["output"] == "2"

    def _run(self, machine: str, given: str, eventually: Any) -> dict[str, Any]:
        client = endpoint.client("stepfunctions")
        return self._ended(client.start_execution(stateMachineArn=machine, input=given), eventually)

    @staticmethod
    def _ended(run: dict[str, Any], eventually: Any) -> dict[str, Any]:
        client = endpoint.client("stepfunctions")
        found: dict[str, Any] = eventually(
            lambda: client.describe_execution(executionArn=run["executionArn"]),
            lambda found: found["status"] != "RUNNING",
        )
        return found


class TestIoT:
    """Besides what `test_devices` needs of it: certificates, policies, last wills."""

    def _queue(self, workshop: Any) -> tuple[str, str]:
        sqs = endpoint.client("sqs")
        url = sqs.create_queue(QueueName=f"test-{uuid.uuid4().hex[:10]}")["QueueUrl"]
        workshop.cleanup.callback(sqs.delete_queue, QueueUrl=url)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def _messages(self, url: str) -> list[Any]:
        found = endpoint.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    def _rule(self, workshop: Any, *actions: dict[str, Any]) -> str:
        """A rule with these actions; its topic."""
        iot, name = endpoint.client("iot"), f"test_{uuid.uuid4().hex[:10]}"
        sql = f"SELECT *, principal() AS principal FROM '{name}'"
        iot.create_topic_rule(
            ruleName=name, topicRulePayload={"sql": sql, "actions": list(actions)}
        )
        workshop.cleanup.callback(iot.delete_topic_rule, ruleName=name)
        return name

    def test_a_rules_kinesis_action_does_nothing_unlike_aws(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        """For which there are `ShufflerRules` and `ingest_shuffler_events`."""
        stream, _ = workshop.stream()
        url, _ = self._queue(workshop)
        role = workshop.role(service="iot.amazonaws.com")
        topic = self._rule(
            workshop,
            {"kinesis": {"streamName": stream, "partitionKey": "a", "roleArn": role}},
            {"sqs": {"queueUrl": url, "roleArn": role}},
        )

        endpoint.client("iot-data").publish(topic=topic, payload=b'{"n": 1}')

        (message,) = eventually(lambda: self._messages(url))
        assert message["n"] == 1
        kinesis = endpoint.client("kinesis")
        start = kinesis.get_shard_iterator(
            StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        assert kinesis.get_records(ShardIterator=start)["Records"] == []

    def test_a_rule_invokes_a_function_as_events_do_and_few_at_a_time(
        self, embedded: endpoint.Target, workshop: Any, eventually: Any
    ) -> None:
        """The emulator starts a process for each message, and forgets a failure; `launch` mends
        both.
        """
        function, seen = workshop.witness(
            """
            import time

            def handler(event, context):
                saw([event["n"], os.getpid()])
                time.sleep(0.05)
                if event["n"] == 9:
                    raise RuntimeError("not this one")
            """
        )
        url, arn = self._queue(workshop)
        client = endpoint.client("lambda")
        client.put_function_event_invoke_config(
            FunctionName=function,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": arn}},
        )
        found = client.get_function_configuration(FunctionName=function)["FunctionArn"]
        topic = self._rule(workshop, {"lambda": {"functionArn": found}})

        data = endpoint.client("iot-data")
        for number in range(10):
            data.publish(topic=topic, payload=json.dumps({"n": number}).encode())

        (failed,) = eventually(lambda: self._messages(url))
        assert failed["requestPayload"]["n"] == 9
        assert {number for number, _ in seen()} == set(range(10))
        assert len({process for number, process in seen() if number < 9}) <= 2

    def test_who_has_no_certificate_may_connect_unlike_aws(self, embedded: endpoint.Target) -> None:
        """So `pitboss.shufflers.messages` believes a certificate's id alone."""
        place, nobody = endpoint.mqtt_place(), f"test-{uuid.uuid4().hex[:10]}"

        with ShufflerDevice(place, None, Outbox(), nobody, "7", now=lambda: 0) as device:
            assert device.wait_connected(10), device.refusals


class TestMetrics:
    def test_embedded_metrics_in_logs_are_metrics(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        namespace = "Test"
        definition = {"Namespace": namespace, "Dimensions": [[]], "Metrics": [{"Name": "Counted"}]}
        document = {
            "_aws": {"Timestamp": 1, "CloudWatchMetrics": [definition]},
            "Counted": 1,
        }
        function = workshop.function(
            f"""
            def handler(event, context):
                print({json.dumps(document)!r})
            """
        )
        endpoint.client("lambda").invoke(FunctionName=function)

        found = endpoint.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]

        assert [(one["MetricName"], one["Dimensions"]) for one in found] == [("Counted", [])]


class TestDynamoDB:
    """What exactly-once stands on, and what holds on AWS too."""

    @staticmethod
    def _put(table: str, key: str, **extra: Any) -> dict[str, Any]:
        return {"Put": {"TableName": table, "Item": {"pk": {"S": key}}, **extra}}

    @staticmethod
    def _keys(table: str) -> set[str]:
        found = endpoint.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        return {item["pk"]["S"] for item in found}

    def test_a_transaction_is_written_whole_or_not_at_all(
        self, aws: endpoint.Target, workshop: Any
    ) -> None:
        table = workshop.table()
        dynamodb = endpoint.client("dynamodb")
        once = {"ConditionExpression": "attribute_not_exists(pk)"}
        dynamodb.transact_write_items(TransactItems=[self._put(table, "marker", **once)])

        with pytest.raises(ClientError) as refusal:
            dynamodb.transact_write_items(
                TransactItems=[self._put(table, "effect"), self._put(table, "marker", **once)]
            )

        reasons = refusal.value.response["CancellationReasons"]
        assert _code(refusal) == "TransactionCanceledException"
        assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
        assert self._keys(table) == {"marker"}

    def test_conditions_see_the_item_as_it_is_stored(
        self, aws: endpoint.Target, workshop: Any
    ) -> None:
        table = workshop.table()
        dynamodb = endpoint.client("dynamodb")

        def advance(past: int, to: int) -> None:
            dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": table,
                            "Key": {"pk": {"S": "watermark"}},
                            "UpdateExpression": "SET #at = :to ADD #games :one",
                            "ConditionExpression": "attribute_not_exists(#at) OR #at = :past",
                            "ExpressionAttributeNames": {"#at": "at", "#games": "games"},
                            "ExpressionAttributeValues": {
                                ":past": {"N": str(past)},
                                ":to": {"N": str(to)},
                                ":one": {"N": "1"},
                            },
                        }
                    }
                ]
            )

        advance(past=0, to=5)
        advance(past=5, to=9)
        with pytest.raises(ClientError) as refusal:
            advance(past=5, to=9)

        stored = dynamodb.get_item(TableName=table, Key={"pk": {"S": "watermark"}})["Item"]
        assert _code(refusal) == "TransactionCanceledException"
        assert (stored["at"], stored["games"]) == ({"N": "9"}, {"N": "2"})

    def test_a_transaction_holds_a_hundred_items_and_no_more(
        self, aws: endpoint.Target, workshop: Any
    ) -> None:
        table = workshop.table()
        dynamodb = endpoint.client("dynamodb")
        dynamodb.transact_write_items(
            TransactItems=[self._put(table, f"a{number}") for number in range(100)]
        )

        with pytest.raises(ClientError) as refusal:
            dynamodb.transact_write_items(
                TransactItems=[self._put(table, f"b{number}") for number in range(101)]
            )

        assert _code(refusal) == "ValidationException"
        assert len(self._keys(table)) == 100

    def test_a_transaction_may_not_touch_an_item_twice(
        self, aws: endpoint.Target, workshop: Any
    ) -> None:
        table = workshop.table()

        with pytest.raises(ClientError) as refusal:
            endpoint.client("dynamodb").transact_write_items(
                TransactItems=[self._put(table, "same"), self._put(table, "same")]
            )

        assert _code(refusal) == "ValidationException"
        assert self._keys(table) == set()

    def test_a_repeated_request_token_writes_once(
        self, aws: endpoint.Target, workshop: Any
    ) -> None:
        table = workshop.table()
        dynamodb = endpoint.client("dynamodb")
        add = {
            "Update": {
                "TableName": table,
                "Key": {"pk": {"S": "counter"}},
                "UpdateExpression": "ADD n :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        }

        for _ in range(2):
            dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="the-same")

        stored = dynamodb.get_item(TableName=table, Key={"pk": {"S": "counter"}})["Item"]
        assert stored["n"] == {"N": "1"}


class TestFunctionEnvironment:
    def test_a_function_sees_only_what_its_build_shipped(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        function = workshop.function(
            """
            import importlib.util, os, sys

            def handler(event, context):
                found = [m for m in event["modules"] if importlib.util.find_spec(m)]
                return {"found": found, "version": sys.version_info[:2], "names": list(os.environ)}
            """
        )
        runtime = ["boto3", "botocore"]
        ours = ["pitboss", "workbench", "ingest_slot_events", "typer", "msgspec", "pynamodb"]
        emulators = ["ministack", "cryptography", "pydantic", "yaml", "requests", "duckdb"]

        answer = endpoint.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps({"modules": runtime + ours + emulators})
        )

        seen = json.loads(answer["Payload"].read())
        assert seen["found"] == runtime
        assert seen["version"] == [3, 13]
        assert not {"PYTHONPATH", "VIRTUAL_ENV", "PITBOSS_HOME"} & set(seen["names"])

    def test_a_function_that_raises_keeps_its_process(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        """The emulator ends it; `workbench.emulator.launch` does not."""
        function = workshop.function(
            """
            calls = []

            def handler(event, context):
                calls.append(1)
                raise RuntimeError(f"call {len(calls)}")
            """
        )

        said = []
        for _ in range(2):
            answer = endpoint.client("lambda").invoke(FunctionName=function)
            assert answer["FunctionError"] == "Unhandled"
            said.append(json.loads(answer["Payload"].read()))

        assert [one["errorMessage"] for one in said] == ["call 1", "call 2"]
        assert {one["errorType"] for one in said} == {"RuntimeError"}

    def test_a_function_is_told_where_aws_is(
        self, embedded: endpoint.Target, workshop: Any
    ) -> None:
        function = workshop.function(
            """
            import os

            def handler(event, context):
                return os.environ["AWS_ENDPOINT_URL"]
            """
        )

        answer = endpoint.client("lambda").invoke(FunctionName=function)

        assert json.loads(answer["Payload"].read()) == embedded.endpoint
