"""`template.yaml` keeps the house rules and agrees with the code; the rules find what breaks it."""

import ast
import copy
import dataclasses
import importlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pitboss import telemetry
from publish_floor_metrics.service import NAMESPACE as FLOOR
from publish_floor_metrics.service import WATCHED
from tests.contract.template_rules import (
    RULES,
    TEXT_RULES,
    Template,
    folder_of,
    functions,
    load,
    walk,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")
TEMPLATE = load(TEXT)
PUBLISHING = ROOT / "layers/common/python/pitboss/publishing.py"
FUNCTIONS = functions(TEMPLATE)
FOLDERS = {path.parent.name for path in (ROOT / "functions").glob("*/__init__.py")}
RUNTIME_VARIABLES = {"AWS_REGION", "AWS_ENDPOINT_URL"}
"""What the Lambda runtime sets itself; the latter that of an AWS at one address."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule: Callable[[Template], Any]) -> None:
    assert list(rule(TEMPLATE)) == []


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_the_templates_text_keeps_the_rule(rule: Callable[[str], Any]) -> None:
    assert list(rule(TEXT)) == []


# --- the rules find what they are for -------------------------------------------------------------

RATE = "RatePlayersFunction"


def _statement(template: Template, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][RATE]["Properties"]["Policies"][0]["Statement"][
        index
    ]
    return found


def _consumer(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][RATE]["Properties"]["Events"]["SlotEvents"][
        "Properties"
    ]
    return found


def _properties(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def _kinds(template: Template, kind: str) -> None:
    template["Resources"][RATE]["Properties"]["Events"]["SlotEvents"]["Type"] = kind


MUTANTS: dict[str, Callable[[Template], Any]] = {
    "an action with a star": lambda t: _statement(t).update(Action="dynamodb:*"),
    "any action": lambda t: _statement(t).update(Action="*"),
    "one star among actions": lambda t: _statement(t)["Action"].append("dynamodb:Get*"),
    "no action": lambda t: _statement(t).pop("Action"),
    "all actions but one": lambda t: _statement(t).update(NotAction="s3:PutObject"),
    "any resource": lambda t: _statement(t).update(Resource="*"),
    "one star among resources": lambda t: _statement(t, 1)["Resource"].append("*"),
    "a table of someone else": lambda t: _statement(t).update(
        Resource={"Fn::Sub": "arn:${AWS::Partition}:dynamodb:us-east-1:1:table/x"}
    ),
    "all of a bucket": lambda t: _statement(t, 1).update(
        Resource={"Fn::Sub": "${QuarantineBucket.Arn}/*"}
    ),
    "a star after the name of a table": lambda t: _statement(t).update(
        Resource={"Fn::Sub": "${RatingsTable.Arn}*"}
    ),
    "a managed policy": lambda t: _properties(t, RATE)["Policies"].append("AdministratorAccess"),
    "a policy template": lambda t: _properties(t, RATE)["Policies"].append(
        {"DynamoDBCrudPolicy": {"TableName": "*"}}
    ),
    "a role from elsewhere": lambda t: _properties(t, RATE).update(Role="arn:aws:iam::1:role/x"),
    "an open bucket policy": lambda t: t["Resources"].update(
        Open={
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*"}]},
        }
    ),
    "a role in the template": lambda t: t["Resources"].update(R={"Type": "AWS::IAM::Role"}),
    "a rule's role for anyone": lambda t: _properties(t, "ShufflerRulesRole")[
        "AssumeRolePolicyDocument"
    ]["Statement"][0].update(Principal={"AWS": "*"}),
    "a rule's role that reaches all": lambda t: _properties(t, "ShufflerRulesRole")["Policies"][0][
        "PolicyDocument"
    ]["Statement"][0].update(Resource="*"),
    "a rule's role with a managed policy": lambda t: _properties(t, "ShufflerRulesRole").update(
        ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]
    ),
    "an unused parameter": lambda t: t["Parameters"].update(Idle={"Description": "x"}),
    "an undefined name": lambda t: _properties(t, RATE).update(Timeout={"Ref": "Nowhere"}),
    "an undefined name in a text": lambda t: t["Outputs"]["ApiUrl"].update(
        Value={"Fn::Sub": "https://${Nowhere}"}
    ),
    "an unused condition": lambda t: t["Conditions"].update(IsIdle={}),
    "an output without description": lambda t: t["Outputs"]["ApiId"].pop("Description"),
    "a parameter without description": lambda t: t["Parameters"]["Stage"].pop("Description"),
    "an alarm without description": lambda t: _properties(t, "RatingErrorsAlarm").pop(
        "AlarmDescription"
    ),
    "another function's handler": lambda t: _properties(t, RATE).update(
        Handler="read_ratings.handler.handler"
    ),
    "a build without the Makefile": lambda t: t["Resources"][RATE].pop("Metadata"),
    "no memory": lambda t: (
        t["Globals"]["Function"].pop("MemorySize"),
        _properties(t, RATE).pop("MemorySize"),
    ),
    "no timeout": lambda t: (
        t["Globals"]["Function"].pop("Timeout"),
        _properties(t, RATE).pop("Timeout"),
    ),
    "no log group": lambda t: _properties(t, RATE).pop("LoggingConfig"),
    "logs for ever": lambda t: _properties(t, "RatePlayersLogs").pop("RetentionInDays"),
    "no failure destination": lambda t: _consumer(t).pop("DestinationConfig"),
    "no partial batches": lambda t: _consumer(t).pop("FunctionResponseTypes"),
    "no bisecting": lambda t: _consumer(t).pop("BisectBatchOnFunctionError"),
    "retries without end": lambda t: _consumer(t).pop("MaximumRetryAttempts"),
    "retries without end, said so": lambda t: _consumer(t).update(MaximumRetryAttempts=-1),
    "records without age": lambda t: _consumer(t).update(MaximumRecordAgeInSeconds=-1),
    "a queue without a dead-letter queue": lambda t: _kinds(t, "SQS"),
    "a schedule without destination": lambda t: _kinds(t, "ScheduleV2"),
    "an event type no rule knows": lambda t: _kinds(t, "Telegraph"),
    "a table deleted with the stack": lambda t: t["Resources"]["RatingsTable"].update(
        DeletionPolicy="Delete"
    ),
    "a table deleted when replaced": lambda t: t["Resources"]["RatingsTable"].pop(
        "UpdateReplacePolicy"
    ),
    "a table without recovery": lambda t: _properties(t, "RatingsTable").pop(
        "PointInTimeRecoverySpecification"
    ),
    "a public bucket": lambda t: _properties(t, "QuarantineBucket")[
        "PublicAccessBlockConfiguration"
    ].update(BlockPublicAcls=False),
    "a stream in the clear": lambda t: _properties(t, "SlotStream").pop("StreamEncryption"),
    "a route without authorizer": lambda t: _properties(t, "ReadRatingsFunction")["Events"][
        "GetFloor"
    ]["Properties"].update(Auth={"Authorizer": "NONE"}),
    "no authorizer": lambda t: _properties(t, "Api")["Auth"].pop("DefaultAuthorizer"),
    "a WebSocket without authorizer": lambda t: _properties(t, "LiveApiConnect").update(
        AuthorizationType="NONE"
    ),
    "a WebSocket with an authorizer from elsewhere": lambda t: _properties(
        t, "LiveApiConnect"
    ).update(AuthorizerId={"Ref": "LiveApi"}),
    "an authorizer that is cached": lambda t: _properties(t, "Api")["Auth"]["Authorizers"][
        "RegisteredKey"
    ]["Identity"].update(ReauthorizeEvery=300),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_rules_find(mutant: str) -> None:
    template = copy.deepcopy(TEMPLATE)
    MUTANTS[mutant](template)

    assert [fault for rule in RULES for fault in rule(template)] != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"  # Verifies the token .*\n", ""),
        (r"  # One record: .*\n", ""),
        (r"= Data\n", "= Messaging\n"),
        (r"= Alarms\n", "= Extras\n"),
        (r"# =+ Layers\n", "\n"),
        (r"  RatePlayersLogs:\n", "  OtherLogs:\n"),
        (r"  ReadRatingsFunction:\n", "  AaRatingsFunction:\n"),
    ],
)
def test_the_rules_of_the_text_find(old: str, new: str) -> None:
    mutant, changes = re.subn(old, new, TEXT)

    assert changes == 1
    assert [fault for rule in TEXT_RULES for fault in rule(mutant)] != []


# --- the template and the code --------------------------------------------------------------------


def test_every_folder_is_a_function_and_every_function_a_folder() -> None:
    assert {folder_of(name) for name in FUNCTIONS} == FOLDERS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_variables_are_its_settings(name: str) -> None:
    module = importlib.import_module(f"{folder_of(name)}.settings")
    fields = {field.name.upper() for field in dataclasses.fields(module.Settings)}

    assert set(FUNCTIONS[name]["Environment"]["Variables"]) == fields - RUNTIME_VARIABLES


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_function_is_three_nouns_and_says_what_it_does(folder: str) -> None:
    here = ROOT / "functions" / folder
    assert {"__init__.py", "handler.py", "service.py", "settings.py"} <= {
        path.name for path in here.iterdir()
    }
    docstring = ast.get_docstring(ast.parse((here / "__init__.py").read_text()))
    assert docstring is not None
    for part in ("Trigger:", "Does:", "Emits:"):
        assert part in docstring


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_use_case_knows_no_aws_and_no_environment(folder: str) -> None:
    tree = ast.parse((ROOT / "functions" / folder / "service.py").read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert not imported & {"os", "time", "random", "boto3", "botocore", "aws_lambda_powertools"}


def test_every_output_that_is_read_exists() -> None:
    reading = re.compile(r"""\b(?:\w*outputs?(?:\(\))?|stack)[\[(]["']([A-Z]\w+)["'][\])]""")
    read = {
        name: path.relative_to(ROOT)
        for folder in ("workbench", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if "stack_outputs" in path.read_text() or "stack:" in path.read_text()
        for name in reading.findall(path.read_text())
    }

    assert {"QuarantineBucketName", "SlotStreamName"} <= read.keys()
    assert {name: where for name, where in read.items() if name not in TEMPLATE["Outputs"]} == {}


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_an_environment_overrides_parameters_that_there_are(environment: str) -> None:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    overrides = settings["deploy"]["parameters"]["parameter_overrides"]
    given = dict(part.split("=", 1) for part in overrides.split())

    assert given.keys() <= TEMPLATE["Parameters"].keys()
    for name, value in given.items():
        allowed = TEMPLATE["Parameters"][name].get("AllowedValues", [value])
        assert value in allowed


def counted_metrics() -> dict[str, set[str]]:
    """Every metric that a function counts, by the function's folder."""
    found: dict[str, set[str]] = {}
    shared = _counted(PUBLISHING.read_text())
    for path in (ROOT / "functions").glob("*/*.py"):
        text = path.read_text()
        counted = _counted(text) | (shared if "import publish_each" in text else set())
        if counted:
            found.setdefault(path.parent.name, set()).update(counted)
    return found


def _counted(text: str) -> set[str]:
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse(text))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "count"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        )
    }


def test_an_alarm_watches_a_metric_that_is_counted() -> None:
    metrics = counted_metrics()
    watched = 0
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        alarm = resource["Properties"]
        dimensions = {item["Name"]: item["Value"] for item in alarm.get("Dimensions", [])}
        if alarm["Namespace"] == telemetry.NAMESPACE:
            watched += 1
            assert alarm["MetricName"] in metrics[dimensions["service"]], name
        elif alarm["Namespace"] == FLOOR:
            assert alarm["MetricName"] in WATCHED, name
            assert (dimensions, alarm["Statistic"]) == ({}, "Maximum"), name
        elif alarm["Namespace"] == "AWS/Kinesis":
            stream = TEMPLATE["Resources"][dimensions["StreamName"]["Ref"]]
            assert stream["Type"] == "AWS::Kinesis::Stream", name
        elif alarm["Namespace"] == "AWS/States":
            machine = TEMPLATE["Resources"][dimensions["StateMachineArn"]["Ref"]]
            assert machine["Type"] == "AWS::Serverless::StateMachine", name
        elif alarm["Namespace"] == "AWS/RDS":
            cluster = TEMPLATE["Resources"][dimensions["DBClusterIdentifier"]["Ref"]]
            assert cluster["Type"] == "AWS::RDS::DBCluster", name
        elif alarm["Namespace"] == "AWS/SQS":
            queue, attribute = dimensions["QueueName"]["Fn::GetAtt"]
            assert TEMPLATE["Resources"][queue]["Type"] == "AWS::SQS::Queue", name
            assert attribute == "QueueName", name
        else:
            assert alarm["Namespace"] == "AWS/Lambda", name
            if alarm["MetricName"] == "Throttles":
                assert dimensions == {}, name  # of all functions
                continue
            assert dimensions["FunctionName"]["Ref"] in FUNCTIONS, name
    assert watched


def test_raw_objects_are_kept_for_years_and_can_be_locked() -> None:
    """What the embedded AWS takes no notice of."""
    bucket = TEMPLATE["Resources"]["LakeBucket"]["Properties"]
    parameters = TEMPLATE["Parameters"]

    (archive,) = [r for r in bucket["LifecycleConfiguration"]["Rules"] if r.get("Prefix") == "raw/"]
    (colder,) = archive["Transitions"]
    assert colder["TransitionInDays"] == {"Ref": "ArchiveColdAfterDays"}
    assert archive["ExpirationInDays"] == {"Ref": "ArchiveRetentionDays"}
    assert archive["Status"] == "Enabled"
    kept, cold = (parameters[f"Archive{name}Days"] for name in ("Retention", "ColdAfter"))
    assert kept["Default"] >= 5 * 365 > kept["MinValue"] > cold["Default"]
    assert parameters["LakeObjectLock"]["Default"] == "OFF"
    locked, lock, off = bucket["ObjectLockConfiguration"]["Fn::If"]
    assert (locked, off) == ("HasLakeObjectLock", {"Ref": "AWS::NoValue"})
    assert lock["Rule"]["DefaultRetention"] == {
        "Mode": {"Ref": "LakeObjectLock"},
        "Days": {"Ref": "LakeObjectLockDays"},
    }
    assert lock["ObjectLockEnabled"] == "Enabled"
    for needed, value in {
        "ObjectLockEnabled": True,
        "VersioningConfiguration": {"Status": "Enabled"},
    }.items():
        assert bucket[needed]["Fn::If"] == ["HasLakeObjectLock", value, off]
    assert TEMPLATE["Conditions"]["HasLakeObjectLock"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "LakeObjectLock"}, "OFF"]}]
    }


def test_a_streams_batch_size_is_no_parameter() -> None:
    """The embedded AWS keeps a parameter as text when a stack is updated, and then polls nothing,
    for any function.
    """
    sizes = [
        event["Properties"]["BatchSize"]
        for function in FUNCTIONS.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Kinesis"
    ]

    assert sizes == [10_000] * 9


def test_writers_of_scores_share_the_tables_rate_among_as_many_as_there_are() -> None:
    """A number and a text, and no parameter: see the test above."""
    function, table = FUNCTIONS["KeepScoresFunction"], TEMPLATE["Resources"]["ScoresTable"]
    (source,) = function["Events"].values()
    most = source["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    told = function["Environment"]["Variables"]

    assert told["SCORE_WRITERS"] == str(most)
    (index,) = table["Properties"]["GlobalSecondaryIndexes"]
    for limited in (table["Properties"], index):
        assert limited["OnDemandThroughput"]["MaxWriteRequestUnits"] == told["SCORE_WRITE_UNITS"]


def test_every_stream_consumer_is_watched() -> None:
    watched = {
        (item["Value"]["Ref"], resource["Properties"]["MetricName"])
        for resource in TEMPLATE["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        for item in resource["Properties"].get("Dimensions", [])
        if item["Name"] == "FunctionName"
    }
    consumers = {
        name
        for name, function in FUNCTIONS.items()
        for event in function.get("Events", {}).values()
        if event["Type"] in ("Kinesis", "DynamoDB")
    }

    assert consumers
    for name in consumers:
        assert {(name, "IteratorAge"), (name, "Errors")} <= watched


def test_every_failure_queue_is_watched() -> None:
    """What lies in one needs a person; a queue that SAM makes by itself nobody could watch."""
    resources = TEMPLATE["Resources"]
    queues = {name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue"}
    watched = {
        item["Value"]["Fn::GetAtt"][0]
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        for item in resource["Properties"].get("Dimensions", [])
        if item["Name"] == "QueueName"
    }
    destinations = [
        part
        for resource in resources.values()
        for part in walk(resource.get("Properties", {}))
        if isinstance(part, dict)
        and part.get("Type") == "SQS"
        # A function's source is a queue of ours, and named.
        and "Queue" not in part.get("Properties", {})
    ]

    assert queues
    assert watched == queues
    assert [part for part in destinations if "Destination" not in part] == []


def test_an_import_reaches_days_at_tables_and_no_play_at_machines() -> None:
    """The embedded AWS does not look at leading keys."""
    (statement,) = (
        statement
        for policy in FUNCTIONS["ImportFilesFunction"]["Policies"]
        for statement in policy["Statement"]
        if "dynamodb:PutItem" in statement["Action"]
    )

    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*/tables/*"]}
    }


@pytest.mark.parametrize(
    ("topic", "publisher"),
    [("OperationsTopic", "ReconcileMachinesFunction"), ("PlayerTopic", "RatePlayersFunction")],
)
def test_a_topic_is_told_by_the_function_alone_that_it_is_for(topic: str, publisher: str) -> None:
    publishers = {
        name
        for name, function in FUNCTIONS.items()
        for policy in function.get("Policies", [])
        for statement in policy.get("Statement", ())
        if "sns:Publish" in statement["Action"] and statement["Resource"] == {"Ref": topic}
    }
    policy = TEMPLATE["Resources"][f"{topic}Policy"]["Properties"]

    assert publishers == {publisher}
    assert policy["Topics"] == [{"Ref": topic}]
    # The account, not its users: what they may do their own policies say.
    assert [statement["Principal"] for statement in policy["PolicyDocument"]["Statement"]] == [
        {"AWS": {"Ref": "AWS::AccountId"}}
    ]
