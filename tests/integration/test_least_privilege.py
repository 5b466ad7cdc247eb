"""What each function's role may do in the deployed stack: its contract, and nothing else.

The calls are made by a function that has the role, so that what is asked is the answer of IAM and
not what a policy seems to say.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pitboss.events.batch import BatchHeader, pack
from tests.integration import ratings_items
from tests.integration.conftest import Workshop
from tests.sample_events import notice
from workbench import endpoint

CALLER = """
    import os

    NAMES = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"

    def handler(event, context):
        return [os.environ[name] for name in NAMES]
"""
"""Hands out what a function with the role signs with: to IAM, who calls with it is that function.
So the clients are not made anew for each role, by a function that starts for it."""

ONE_TRY = Config(retries={"total_max_attempts": 1})

SERVICES = botocore.session.get_session()
"""Reads what there is to know of a service once, for all clients of it."""

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
"""How services put it: S3 and IAM, most others, SNS."""

STAGES = (
    "import_files",
    "ingest_game_events",
    "ingest_slot_events",
    "rate_players",
    "track_shufflers",
)

DATABASE_KEYS = ("Owner", "Tracker", "Reader", "Maintainer")

REFINED_PLACES = {
    "refined": "refined/",
    "manifests": "refined/manifests/",
    "game manifests": "refined/game_manifests/",
    "slot meters": "refined/slot_meters/",
    "paytables": "refined/paytable_events/",
    "games": "refined/games/",
    "holds": "refined/holds/",
    "reconciliations": "refined/reconciliations/",
    "summaries": "refined/summaries/",
    "decisions": "refined/decisions/",
    "decision summaries": "refined/decision_summaries/",
}

ITERATED = ("stream GetRecords", "shuffler stream GetRecords", "game stream GetRecords")
"""An iterator names no stream to the embedded AWS, so that who may read one may read each."""

MAY: dict[str, set[str]] = {
    "ArchiveEventsFunction": {
        *("stream DescribeStream", "stream GetShardIterator", *ITERATED),
        *("game stream DescribeStream", "game stream GetShardIterator"),
        *("lake put raw", "lake put raw games", "lake put unreadable"),
        *("quarantine put on failure", "quarantine list"),
    },
    "AssessPlayersFunction": {
        *("lake list", "lake get risk runs", "lake get risk versions", "lake put risk versions"),
        *("lake get churn runs", "lake get churn versions", "lake put churn versions"),
        *("lake get propensity runs", "lake get propensity versions"),
        "lake put propensity versions",
        # Where the embedded AWS does not look at the leading keys, any item.
        *("standings Query", "standings BatchWriteItem"),
    },
    "AssessShufflersFunction": {
        *("lake list", "lake get failure versions"),
        *("lake get failure runs", "lake put failure runs"),
    },
    "AuthorizeRequestsFunction": {"registry GetItem", "install key GetSecretValue"},
    "ImportFilesFunction": {
        *("lake put drop", "lake get drop", "lake put imports", "lake get imports", "lake list"),
        *("lake put slot meters", "lake get paces", "quarantine put import_files"),
        # Where the embedded AWS does not look at the leading keys, any item.
        *("ratings Query", "ratings PutItem", "ratings DeleteItem", "ratings TransactWriteItems"),
    },
    "BuildTrainingSetFunction": {
        *("lake list", "lake get decisions", "lake get games", "lake put runs"),
    },
    "ConnectLiveClientsFunction": {
        *("connections GetItem", "connections Query"),
        *("connections PutItem", "connections DeleteItem", "connections TransactWriteItems"),
        *("audit PutItem", "audit TransactWriteItems"),
    },
    "EvaluatePolicyFunction": {
        *("lake list", "lake get runs", "lake get versions", "lake put versions"),
    },
    "DecideOffersFunction": {
        *("offers GetItem", "offers BatchGetItem", "offers Query", "offers PutItem"),
        *("offers UpdateItem", "offers DeleteItem", "offers TransactWriteItems"),
        *("standings BatchGetItem", "standings ConditionCheckItem"),
        *("ratings BatchGetItem", "ratings ConditionCheckItem", "ratings Query"),
        *("lake list", "lake get versions", "approval start"),
        *("triggers ReceiveMessage", "triggers GetQueueAttributes"),
        "undelivered ReceiveMessage",  # by the policy that SAM gives who reads a queue: of any
    },
    "ExpireOffersFunction": {
        *("offers GetItem", "offers BatchGetItem", "offers index Query"),
        *("offers PutItem", "offers UpdateItem", "offers DeleteItem", "offers TransactWriteItems"),
    },
    "ExportDecisionsFunction": {
        *("offers BatchGetItem", "offers index Query"),
        *("lake put decisions", "lake put decision summaries"),
    },
    "ExportGamesFunction": {
        *("ratings GetItem", "ratings Query"),
        *("lake list", "lake get paytables", "lake get games"),
        *("lake put games", "lake put holds"),
    },
    "ExportHistoriesFunction": {
        *("database key of Reader GetSecretValue", "lake put failure runs", "lake put paces"),
    },
    "IndexEventsFunction": {
        # Where the embedded AWS does not look at the leading keys, any item.
        *("recent events PutItem", "recent events BatchWriteItem", "registry GetItem"),
        "recent events TransactWriteItems",
        *("game stream DescribeStream", "game stream GetShardIterator", *ITERATED),
        *("quarantine put on failure", "quarantine list"),
    },
    "IngestGameEventsFunction": {
        # Where the embedded AWS does not look at the leading keys, any item.
        *("game stream PutRecords", "registry GetItem", "installs UpdateItem"),
        "quarantine put ingest_game_events",
    },
    "IssueInstallsFunction": {"registry GetItem", "install key GetSecretValue"},
    "IngestShufflerEventsFunction": {"shuffler stream PutRecords", "undelivered SendMessage"},
    "IngestSlotEventsFunction": {"stream PutRecords", "quarantine put ingest_slot_events"},
    "KeepCatalogueFunction": {
        *("offers GetItem", "offers Query", "offers PutItem", "offers TransactWriteItems")
    },
    "KeepExclusionsFunction": {
        *("standings GetItem", "standings Query", "standings PutItem", "standings DeleteItem"),
        "standings TransactWriteItems",
        *("audit PutItem", "audit TransactWriteItems"),
    },
    "KeepScoresFunction": {
        *("scores BatchGetItem", "scores PutItem", "scores TransactWriteItems"),
        *("triggers ReceiveMessage", "triggers GetQueueAttributes"),
        "undelivered ReceiveMessage",  # as of `DecideOffersFunction`
    },
    "MeasureEventsFunction": {
        *("metrics GetItem", "metrics BatchGetItem", "metrics Query"),
        *("metrics PutItem", "metrics TransactWriteItems"),
        *("game stream DescribeStream", "game stream GetShardIterator", *ITERATED),
        *("quarantine put on failure", "quarantine list"),
    },
    "MigrateDatabaseFunction": {
        *(f"database key of {whose} GetSecretValue" for whose in DATABASE_KEYS)
    },
    "PlanRefinementFunction": {
        *("lake list", "lake get manifests", "lake get game manifests"),
        *("quarantine list", "quarantine get elsewhere"),
        *(f"quarantine get {stage}" for stage in STAGES),
    },
    "PlanRetrainingFunction": {
        *("lake list", "lake get decision summaries", "lake get runs", "lake put runs"),
    },
    "PromotePolicyFunction": {"lake list", "lake get versions"},
    "PublishFloorMetricsFunction": {
        *("floor GetItem", "floor Query", "floor PutItem", "floor TransactWriteItems"),
        *("offers GetItem", "offers BatchGetItem", "quarantine list"),
        # Where the embedded AWS does not look at the namespace, any.
        *("metrics put", "metrics put elsewhere"),
    },
    "PublishScoresFunction": {
        *("registry GetItem", "scores topic publish"),
        *("game stream DescribeStream", "game stream GetShardIterator", *ITERATED),
        *("quarantine put on failure", "quarantine list"),
    },
    "PublishMetricsFunction": {
        # Where the embedded AWS does not look at the leading keys, any item.
        *("metrics Query", "metrics PutItem", "metrics TransactWriteItems"),
        *("metrics topic publish", "metrics put", "metrics put elsewhere"),
    },
    "RaiseAlertsFunction": {
        *("floor GetItem", "floor Query", "floor PutItem", "floor TransactWriteItems"),
    },
    "PushLiveUpdatesFunction": {
        *("connections GetItem", "connections Query", "connections DeleteItem"),
        *("quarantine put on failure", "quarantine list"),
    },
    "RatePlayersFunction": {
        *("ratings BatchGetItem", "ratings Query"),
        *("ratings PutItem", "ratings UpdateItem", "ratings DeleteItem"),
        *("ratings TransactWriteItems", "player topic publish"),
        *("stream DescribeStream", "stream GetShardIterator", *ITERATED),
        *("quarantine put rate_players", "quarantine put on failure", "quarantine list"),
    },
    "ReadRatingsFunction": {
        *("ratings GetItem", "ratings Query", "cursor key GetSecretValue"),
        *("audit PutItem", "audit TransactWriteItems"),
    },
    "RecommendMaintenanceFunction": {
        *("database key of Maintainer GetSecretValue", "lake list", "lake get failure runs"),
    },
    "ReconcileMachinesFunction": {
        "lake list",
        *(f"lake get {place}" for place in REFINED_PLACES),
        *("lake put reconciliations", "lake put summaries", "topic publish"),
    },
    "RefineEventsFunction": {
        *("lake list", "lake get raw", "lake get raw games"),
        *("lake get manifests", "lake get game manifests"),
        *(f"lake put {place}" for place in REFINED_PLACES),
        "lake delete refined",
        *("quarantine list", "quarantine get elsewhere"),
        *(f"quarantine get {stage}" for stage in STAGES),
    },
    "RunActionsFunction": {
        # Where the embedded AWS does not look at the leading keys, any item.
        *("metrics GetItem", "metrics UpdateItem", "webhook key GetSecretValue"),
        *("actions SendMessage", "actions ChangeMessageVisibility", "unrun actions SendMessage"),
        "invoke an action",
        *("triggers ReceiveMessage", "triggers GetQueueAttributes"),
        "undelivered ReceiveMessage",  # as of `DecideOffersFunction`
    },
    "ObservePlayersFunction": {
        *("lake list", "lake get games", "lake get decisions", "standings Query"),
        *("lake put risk runs", "lake put churn runs", "lake put propensity runs"),
    },
    "ScorePlayersFunction": {
        *("lake list", "lake get decisions", "lake get versions"),
        *("offers GetItem", "offers BatchWriteItem"),
    },
    "ServeAuditFunction": {"audit Query", "audit PutItem", "audit TransactWriteItems"},
    "ServeEventsFunction": {
        *("recent events Query", "registry GetItem", "lake list", "lake get game manifests"),
        *("audit PutItem", "audit TransactWriteItems"),
    },
    "ServeFlagsFunction": {
        # Where the embedded AWS does not look at the leading keys, any item.
        *("experiments Query", "experiments BatchGetItem"),
        *("experiments PutItem", "experiments TransactWriteItems"),
    },
    "ServeFloorFunction": {
        *("floor GetItem", "floor Query", "floor PutItem", "floor TransactWriteItems"),
        *("ratings BatchGetItem", "ratings Query", "offers Query"),
        *("audit PutItem", "audit TransactWriteItems"),
    },
    "ServeLeaderboardsFunction": {
        *("registry GetItem", "scores BatchGetItem", "scores Query", "scores index Query"),
        *("scores PutItem", "scores TransactWriteItems"),
    },
    "ServeMaintenanceFunction": {
        *("database key of Maintainer GetSecretValue", "cursor key GetSecretValue")
    },
    "ServeMetricsFunction": {"metrics Query", "metrics BatchGetItem"},
    "ServeOffersFunction": {
        *("offers GetItem", "offers BatchGetItem", "offers Query", "offers index Query"),
        *("offers PutItem", "offers UpdateItem", "offers DeleteItem", "offers TransactWriteItems"),
        *("offers ConditionCheckItem", "standings BatchGetItem", "standings ConditionCheckItem"),
        *("ratings BatchGetItem", "ratings ConditionCheckItem", "approval answer"),
        *("audit PutItem", "audit TransactWriteItems"),
    },
    "ServeShufflersFunction": {
        *("database key of Reader GetSecretValue", "cursor key GetSecretValue")
    },
    "SettleApprovalFunction": {
        *("offers GetItem", "offers BatchGetItem"),
        *("offers PutItem", "offers UpdateItem", "offers DeleteItem", "offers TransactWriteItems"),
    },
    "SumOffersFunction": {
        *("floor UpdateItem", "quarantine put on failure", "quarantine list"),
    },
    "SumFloorFunction": {
        *("floor GetItem", "floor BatchGetItem"),
        *("floor PutItem", "floor TransactWriteItems"),
        *("quarantine put on failure", "quarantine list"),
    },
    "TrackFloorFunction": {
        *("floor GetItem", "floor BatchGetItem"),
        *("floor PutItem", "floor BatchWriteItem", "floor TransactWriteItems"),
        *("stream DescribeStream", "stream GetShardIterator", *ITERATED),
        *("quarantine put on failure", "quarantine list"),
    },
    "TrackShufflersFunction": {
        "database key of Tracker GetSecretValue",
        *("shuffler stream DescribeStream", "shuffler stream GetShardIterator", *ITERATED),
        *("quarantine put track_shufflers", "quarantine put on failure", "quarantine list"),
    },
    "TrainFailureModelFunction": {
        *("lake list", "lake get failure runs"),
        *("lake get failure versions", "lake put failure versions"),
    },
    "TrainPolicyFunction": {"lake list", "lake get runs", "lake put runs"},
    "WatchPlayFunction": {
        *("floor GetItem", "floor BatchGetItem", "floor PutItem", "floor TransactWriteItems"),
        *("stream DescribeStream", "stream GetShardIterator", *ITERATED),
        *("quarantine put on failure", "quarantine list"),
    },
}
"""The contract. Every other call of `calls` is refused."""


class Call(NamedTuple):
    name: str
    service: str
    method: str
    arguments: dict[str, Any]


@pytest.fixture(scope="module")
def roles(stack: dict[str, str]) -> dict[str, str]:
    """The ARN of each deployed function's role by the function's logical id."""
    pages = (
        endpoint.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=endpoint.stack_name())
    )
    functions = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }
    client = endpoint.client("lambda")
    return {
        logical_id: client.get_function_configuration(FunctionName=function)["Role"]
        for logical_id, function in functions.items()
    }


def table_calls(kind: str, table: str, key: dict[str, Any]) -> list[Call]:
    """Every way to an item that nobody has, in one table."""
    item = {"Put": {"TableName": table, "Item": key}}
    check = {"Key": key, "ConditionExpression": "attribute_not_exists(nothing)"}
    checked = {"ConditionCheck": {"TableName": table, **check}}
    condition = {":pk": key["pk"]}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "GetItem": ("get_item", {"Key": key}),
        "BatchGetItem": ("batch_get_item", {"RequestItems": {table: {"Keys": [key]}}}),
        "Query": (
            "query",
            {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": condition},
        ),
        "Scan": ("scan", {"Limit": 1}),
        "PutItem": ("put_item", {"Item": key}),
        "UpdateItem": ("update_item", {"Key": key}),
        "TransactWriteItems": ("transact_write_items", {"TransactItems": [item]}),
        "ConditionCheckItem": ("transact_write_items", {"TransactItems": [checked]}),
        "BatchWriteItem": (
            "batch_write_item",
            {"RequestItems": {table: [{"PutRequest": {"Item": key}}]}},
        ),
        "DeleteItem": ("delete_item", {"Key": key}),
        "DescribeTable": ("describe_table", {}),
        "UpdateTable": ("update_table", {"BillingMode": "PAY_PER_REQUEST"}),
        "DescribeContinuousBackups": ("describe_continuous_backups", {}),
    }
    many = {"BatchGetItem", "TransactWriteItems", "BatchWriteItem", "ConditionCheckItem"}
    return [
        Call(
            f"{kind} {action}",
            "dynamodb",
            method,
            arguments if action in many else {"TableName": table, **arguments},
        )
        for action, (method, arguments) in calls.items()
    ]


def physical_id(logical_id: str) -> str:
    found = endpoint.client("cloudformation").describe_stack_resource(
        StackName=endpoint.stack_name(), LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def trigger_calls() -> list[Call]:
    """What there is to do with the queue of players' changes."""
    url = physical_id("OfferTriggers")
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "ReceiveMessage": ("receive_message", {"VisibilityTimeout": 0}),
        "GetQueueAttributes": ("get_queue_attributes", {}),
        "SendMessage": ("send_message", {"MessageBody": "a test of what a role may do"}),
        "PurgeQueue": ("purge_queue", {}),
    }
    return [
        Call(f"triggers {name}", "sqs", method, {"QueueUrl": url, **arguments})
        for name, (method, arguments) in calls.items()
    ]


def action_calls() -> list[Call]:
    """What there is to do with the actions of thresholds, and with their queues."""
    said = {"MessageBody": notice()}  # without an action: nothing is done
    hidden = {"ReceiptHandle": "of nothing", "VisibilityTimeout": 0}
    nobody = {"FunctionName": "pitboss-action-nobody", "InvocationType": "Event"}
    return [
        *(
            Call(f"{kind} {name}", "sqs", method, {"QueueUrl": physical_id(queue), **arguments})
            for kind, queue in (("actions", "ActionsToRun"), ("unrun actions", "ActionsUnrun"))
            for name, method, arguments in (
                ("SendMessage", "send_message", said),
                ("ChangeMessageVisibility", "change_message_visibility", hidden),
                ("PurgeQueue", "purge_queue", {}),
            )
        ),
        Call("invoke an action", "lambda", "invoke", nobody),
    ]


def undelivered_calls(url: str) -> list[Call]:
    """What there is to do with the queue of shufflers' messages that are in no stream."""
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "SendMessage": ("send_message", {"MessageBody": "a test of what a role may do"}),
        "ReceiveMessage": ("receive_message", {"VisibilityTimeout": 0}),
        "PurgeQueue": ("purge_queue", {}),
    }
    return [
        Call(f"undelivered {name}", "sqs", method, {"QueueUrl": url, **arguments})
        for name, (method, arguments) in calls.items()
    ]


def offer_calls(table: str, approvals: str) -> list[Call]:
    """What there is of offers besides the table."""
    # Of no offer: it ends at its first state.
    started = {"stateMachineArn": approvals, "input": "{}"}
    listed = {
        "TableName": table,
        "IndexName": "by_list",
        "KeyConditionExpression": "#list = :list",
        "ExpressionAttributeNames": {"#list": "list"},
        "ExpressionAttributeValues": {":list": {"S": "nothing"}},
    }
    nobody = {"taskToken": "nobody waits with this", "output": "{}"}
    return [
        Call("offers index Query", "dynamodb", "query", listed),
        Call("approval answer", "stepfunctions", "send_task_success", nobody),
        Call("approval start", "stepfunctions", "start_execution", started),
    ]


def scores_index_call(table: str) -> Call:
    """A board, read in its order."""
    listed = {
        "TableName": table,
        "IndexName": "by_place",
        "KeyConditionExpression": "part = :part",
        "ExpressionAttributeValues": {":part": {"S": "nothing"}},
    }
    return Call("scores index Query", "dynamodb", "query", listed)


ANSWERED = {
    "approval answer": "TaskDoesNotExist",
    "actions ChangeMessageVisibility": "ReceiptHandleIsInvalid",
    "invoke an action": "ResourceNotFoundException",
}
"""What is answered to a call that is allowed, but comes to nothing."""


def stream_calls(stream: str, property_id: str, kind: str = "stream") -> list[Call]:
    kinesis = endpoint.client("kinesis")
    start = {
        "StreamName": stream,
        "ShardId": kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"],
        "ShardIteratorType": "LATEST",
    }
    # A record of ours without an event: the consumer finds nothing to do.
    record = pack(BatchHeader(property_id, "777", 0, property_id, "pitboss"), [], [])
    data = {"Data": {"base64": base64.b64encode(record).decode()}, "PartitionKey": property_id}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "PutRecords": ("put_records", {"StreamName": stream, "Records": [data]}),
        "PutRecord": ("put_record", {"StreamName": stream, **data}),
        "GetShardIterator": ("get_shard_iterator", start),
        "GetRecords": (
            "get_records",
            {"ShardIterator": kinesis.get_shard_iterator(**start)["ShardIterator"], "Limit": 1},
        ),
        "DescribeStream": ("describe_stream", {"StreamName": stream}),
        "MergeShards": (
            "merge_shards",
            {
                "StreamName": stream,
                "ShardToMerge": "shardId-000000009998",
                "AdjacentShardToMerge": "shardId-000000009999",
            },
        ),
        "IncreaseStreamRetentionPeriod": (
            "increase_stream_retention_period",
            {"StreamName": stream, "RetentionPeriodHours": 48},
        ),
    }
    return [Call(f"{kind} {name}", "kinesis", *call) for name, call in calls.items()]


def cursor_key_calls(name: str) -> list[Call]:
    return secret_calls("cursor key", "CursorKey", name)


def secret_calls(kind: str, logical_id: str, name: str) -> list[Call]:
    key = physical_id(logical_id)
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "GetSecretValue": ("get_secret_value", {"SecretId": key}),
        "DescribeSecret": ("describe_secret", {"SecretId": key}),
        "PutSecretValue": ("put_secret_value", {"SecretId": key, "SecretString": name}),
        "DeleteSecret": ("delete_secret", {"SecretId": key}),
    }
    return [Call(f"{kind} {name}", "secretsmanager", *call) for name, call in calls.items()]


PLACES = {
    "import_files": "quarantine/import_files/",
    "ingest_game_events": "quarantine/ingest_game_events/",
    "ingest_slot_events": "quarantine/ingest_slot_events/",
    "rate_players": "quarantine/rate_players/",
    "track_shufflers": "quarantine/track_shufflers/",
    "on failure": "aws/lambda/",
    "elsewhere": "quarantine/",
    "at the top": "",
}


def quarantine_calls(bucket: str, name: str) -> list[Call]:
    calls = [
        Call(
            f"quarantine {method.partition('_')[0]} {place}",
            "s3",
            method,
            {"Bucket": bucket, "Key": f"{prefix}{name}", **body},
        )
        for place, prefix in PLACES.items()
        for method, body in (("put_object", {"Body": "x"}), ("get_object", {}))
    ]
    there = {"Bucket": bucket, "Key": f"quarantine/rate_players/{name}"}
    return [
        *calls,
        Call("quarantine list", "s3", "list_objects_v2", {"Bucket": bucket, "MaxKeys": 1}),
        Call("quarantine delete", "s3", "delete_object", there),
        Call("quarantine policy", "s3", "get_bucket_policy", {"Bucket": bucket}),
        Call("quarantine lifecycle", "s3", "delete_bucket_lifecycle", {"Bucket": f"{bucket}-no"}),
    ]


LAKE_PLACES = {
    "drop": "drop/",
    "imports": "raw/imports/",
    "raw": "raw/slot/",
    "raw games": "raw/game/",
    "unreadable": "raw/unreadable/",
    "runs": "models/offers/runs/",
    "versions": "models/offers/versions/",
    "paces": "paces/",
    "failure runs": "models/shufflers/runs/",
    "failure versions": "models/shufflers/versions/",
    "risk runs": "models/risk/runs/",
    "risk versions": "models/risk/properties/north/",
    "churn runs": "models/churn/runs/",
    "churn versions": "models/churn/properties/north/",
    "propensity runs": "models/propensity/runs/",
    "propensity versions": "models/propensity/properties/north/",
    "models": "models/",
    **REFINED_PLACES,
    "at the top": "",
}


def lake_calls(bucket: str, name: str) -> list[Call]:
    calls = [
        Call(
            f"lake {method.partition('_')[0]} {place}",
            "s3",
            method,
            {"Bucket": bucket, "Key": f"{prefix}{name}", **body},
        )
        for place, prefix in LAKE_PLACES.items()
        for method, body in (("put_object", {"Body": "x"}), ("get_object", {}))
    ]
    there = {"Bucket": bucket, "Key": f"raw/slot/{name}"}
    return [
        *calls,
        Call("lake list", "s3", "list_objects_v2", {"Bucket": bucket, "MaxKeys": 1}),
        Call("lake delete", "s3", "delete_object", there),
        Call("lake delete refined", "s3", "delete_object", {**there, "Key": f"refined/{name}"}),
        Call("lake policy", "s3", "get_bucket_policy", {"Bucket": bucket}),
        Call("lake lifecycle", "s3", "delete_bucket_lifecycle", {"Bucket": f"{bucket}-no"}),
    ]


def other_calls(role: str, function: str, table: str, bucket: str, stream: str) -> list[Call]:
    """What no function has any business with."""
    code = {"ZipFile": {"base64": base64.b64encode(b"PK").decode()}}
    new = {"FunctionName": "test-no", "Runtime": "python3.13", "Role": role, "Handler": "a.b"}
    policy = {
        "PolicyDocument": json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
            }
        )
    }
    own_role = {"RoleName": role.rpartition("/")[2]}
    return [
        Call(
            "another table", "dynamodb", "get_item", {"TableName": table, "Key": {"pk": {"S": "a"}}}
        ),
        Call("another bucket", "s3", "put_object", {"Bucket": bucket, "Key": "a", "Body": "x"}),
        Call(
            "another stream",
            "kinesis",
            "put_records",
            {"StreamName": stream, "Records": [{"Data": "x", "PartitionKey": "a"}]},
        ),
        Call("read another stream", "kinesis", "describe_stream", {"StreamName": stream}),
        Call("every table", "dynamodb", "list_tables", {}),
        Call("every bucket", "s3", "list_buckets", {}),
        Call("invoke", "lambda", "invoke", {"FunctionName": function}),
        Call(
            "change code",
            "lambda",
            "update_function_code",
            {"FunctionName": function, "ZipFile": code["ZipFile"]},
        ),
        Call("pass its role on", "lambda", "create_function", {**new, "Code": code}),
        Call(
            "grant itself more", "iam", "put_role_policy", {**own_role, **policy, "PolicyName": "x"}
        ),
        Call("see its role", "iam", "get_role", own_role),
        Call("make a user", "iam", "create_user", {"UserName": "test-no"}),
        Call("take its role", "sts", "assume_role", {"RoleArn": role, "RoleSessionName": "test"}),
        Call("a secret", "secretsmanager", "get_secret_value", {"SecretId": "any"}),
        Call("a parameter", "ssm", "get_parameter", {"Name": "/any"}),
        Call("a topic", "sns", "list_topics", {}),
        Call("a queue", "sqs", "list_queues", {}),
        Call("the stack", "cloudformation", "describe_stacks", {}),
        Call("alarms", "cloudwatch", "delete_alarms", {"AlarmNames": ["test-no"]}),
        Call(
            "metrics put",
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "Pitboss/Floor", "MetricData": [{"MetricName": "Tested", "Value": 1}]},
        ),
        Call(
            "metrics put elsewhere",
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "Elsewhere", "MetricData": [{"MetricName": "Tested", "Value": 1}]},
        ),
    ]


def test_the_contract_names_every_function(roles: dict[str, str]) -> None:
    assert roles.keys() == MAY.keys()
    assert len(set(roles.values())) == len(roles), "no two share a role"


class Asked(NamedTuple):
    """What every role is asked to do, and to what that is not ours."""

    name: str
    """Of a table that is not ours, and of what is nobody's."""
    function: str
    bucket: str
    stream: str
    calls: list[Call]


@pytest.fixture(scope="module")
def asked(stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with ExitStack() as cleanup:
        workshop = Workshop(cleanup, tmp_path_factory.mktemp("workshop"))
        name = workshop.table()
        cleanup.callback(_clean_up, stack, name)
        idle = workshop.function("def handler(event, context): return 1")
        bucket, (stream, _) = workshop.bucket(), workshop.stream()
        yield Asked(name, idle, bucket, stream, _calls(stack, name))


def _calls(stack: dict[str, str], name: str) -> list[Call]:
    key = {"pk": {"S": f"{name}/x"}}
    return [
        *table_calls("ratings", stack["RatingsTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("registry", stack["RegistryTableName"], key),
        *table_calls("installs", stack["InstallsTableName"], key),
        *table_calls("recent events", stack["RecentEventsTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("connections", stack["ConnectionsTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("floor", stack["FloorTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("audit", stack["AuditTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("experiments", stack["ExperimentsTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("scores", stack["ScoresTableName"], {**key, "sk": {"S": "x"}}),
        scores_index_call(stack["ScoresTableName"]),
        *table_calls("metrics", stack["MetricsTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("offers", stack["OffersTableName"], {**key, "sk": {"S": "x"}}),
        *table_calls("standings", stack["StandingsTableName"], {**key, "sk": {"S": "x"}}),
        *offer_calls(stack["OffersTableName"], stack["ApproveOfferStateMachineArn"]),
        *trigger_calls(),
        *action_calls(),
        *secret_calls("webhook key", "WebhookKey", name),
        *stream_calls(stack["SlotStreamName"], name),
        *stream_calls(stack["ShufflerStreamName"], name, "shuffler stream"),
        *stream_calls(stack["GameStreamName"], name, "game stream"),
        *undelivered_calls(stack["UndeliveredMessagesUrl"]),
        *quarantine_calls(stack["QuarantineBucketName"], name),
        *lake_calls(stack["LakeBucketName"], name),
        *cursor_key_calls(name),
        *secret_calls("install key", "InstallKey", name),
        *(
            call
            for whose in DATABASE_KEYS
            for call in secret_calls(f"database key of {whose}", f"{whose}DatabaseKey", name)
        ),
        Call(
            "topic publish",
            "sns",
            "publish",
            {"TopicArn": stack["OperationsTopicArn"], "Message": "a test of what a role may do"},
        ),
        Call(
            "scores topic publish",
            "sns",
            "publish",
            {"TopicArn": stack["ScoresTopicArn"], "Message": "a test of what a role may do"},
        ),
        Call(
            "metrics topic publish",
            "sns",
            "publish",
            {"TopicArn": stack["MetricsTopicArn"], "Message": "a test of what a role may do"},
        ),
        Call(
            "player topic publish",
            "sns",
            "publish",
            {"TopicArn": stack["PlayerTopicArn"], "Message": "a test of what a role may do"},
        ),
    ]


@pytest.mark.parametrize("function", MAY)
def test_a_role_may_do_what_its_function_does_and_nothing_else(
    function: str, stack: dict[str, str], roles: dict[str, str], asked: Asked, workshop: Workshop
) -> None:
    name, idle, bucket, stream, of_all = asked
    calls = [*of_all, *other_calls(roles[function], idle, name, bucket, stream)]
    caller = workshop.function(CALLER, role=roles[function])
    _put_what_is_read(stack, name)  # anew: the role before may have deleted it
    answer = endpoint.client("lambda").invoke(FunctionName=caller)
    credentials = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, credentials

    answers = _answers(credentials, calls)

    assert len(answers) == len(calls)
    assert {name for name, code in answers.items() if code not in DENIED} == MAY[function]
    assert {name: answers[name] for name in MAY[function]} == {
        name: ANSWERED.get(name, "done") for name in MAY[function]
    }


def _answers(credentials: list[str], calls: list[Call]) -> dict[str, str]:
    """What IAM, or the service, says to each call: `done`, or the code of its refusal."""
    key_id, secret, token = credentials
    clients: dict[str, Any] = {}
    answers = {}
    for name, service, method, arguments in calls:
        if service not in clients:
            clients[service] = SERVICES.create_client(
                service,
                region_name=endpoint.target().region,
                endpoint_url=endpoint.target().endpoint,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=ONE_TRY,
            )
        try:
            getattr(clients[service], method)(**_plain(arguments))
            answers[name] = "done"
        except ClientError as refusal:
            answers[name] = refusal.response["Error"]["Code"]
    return answers


def _plain(value: Any) -> Any:
    """What JSON says, with bytes for `{"base64": ...}`."""
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _put_what_is_read(stack: dict[str, str], name: str) -> None:
    """Objects for who may read where it may not write."""
    s3 = endpoint.client("s3")
    for place in (*(PLACES[stage] for stage in STAGES), PLACES["elsewhere"]):
        s3.put_object(Bucket=stack["QuarantineBucketName"], Key=f"{place}{name}", Body=b"x")
    read = (
        *("raw", "raw games", "runs", "versions", "paces"),
        *("failure runs", "failure versions", "risk runs", "risk versions"),
        *("churn runs", "churn versions", "propensity runs", "propensity versions"),
    )
    for place in (*read, *REFINED_PLACES):
        key = f"{LAKE_PLACES[place]}{name}"
        s3.put_object(Bucket=stack["LakeBucketName"], Key=key, Body=b"x")


def _clean_up(stack: dict[str, str], name: str) -> None:
    ratings_items.forget(name)
    endpoint.client("sqs").purge_queue(QueueUrl=stack["UndeliveredMessagesUrl"])
    dynamodb, key = endpoint.client("dynamodb"), {"pk": {"S": f"{name}/x"}}
    dynamodb.delete_item(TableName=stack["RegistryTableName"], Key=key)
    dynamodb.delete_item(TableName=stack["InstallsTableName"], Key=key)
    for table in ("OffersTableName", "StandingsTableName"):
        dynamodb.delete_item(TableName=stack[table], Key={**key, "sk": {"S": "x"}})
    s3, places = (
        endpoint.client("s3"),
        {"QuarantineBucketName": PLACES, "LakeBucketName": LAKE_PLACES},
    )
    for bucket, prefixes in places.items():
        for prefix in prefixes.values():
            s3.delete_object(Bucket=stack[bucket], Key=f"{prefix}{name}")


def test_nobody_but_lambda_may_take_a_functions_role(roles: dict[str, str]) -> None:
    codes = {}
    for function, role in roles.items():
        with pytest.raises(ClientError) as refusal:
            endpoint.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
        codes[function] = refusal.value.response["Error"]["Code"]

    assert codes == dict.fromkeys(MAY, "AccessDenied")


def test_no_role_may_pass_a_role_on(roles: dict[str, str]) -> None:
    """`iam:PassRole` is no call of its own: IAM is asked what it would say."""
    decisions = {
        function: endpoint.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=["iam:PassRole"], ResourceArns=[role]
        )["EvaluationResults"][0]["EvalDecision"]
        for function, role in roles.items()
    }

    assert decisions == dict.fromkeys(MAY, "implicitDeny")


CONSUMERS = {
    "RatingsTableName": {"SumFloorFunction"},
    "OffersTableName": {"PushLiveUpdatesFunction", "SumOffersFunction"},
    "FloorTableName": {"PushLiveUpdatesFunction"},
}
"""Who is told of changes of which table."""


def test_changes_of_a_table_are_read_by_who_is_told_of_them(
    stack: dict[str, str], roles: dict[str, str]
) -> None:
    """IAM is asked what it would say: the embedded AWS has no iterator for a role to try."""
    reading = ("GetRecords", "GetShardIterator", "DescribeStream")
    allowed: dict[str, set[str]] = {table: set() for table in CONSUMERS}
    dynamodb, iam = endpoint.client("dynamodb"), endpoint.client("iam")
    for table in CONSUMERS:
        described = dynamodb.describe_table(TableName=stack[table])
        for function, role in roles.items():
            results = iam.simulate_principal_policy(
                PolicySourceArn=role,
                ActionNames=[f"dynamodb:{action}" for action in reading],
                ResourceArns=[described["Table"]["LatestStreamArn"]],
            )["EvaluationResults"]
            decisions = [one["EvalDecision"] for one in results]
            assert len(decisions) == len(reading)
            assert len({one == "allowed" for one in decisions}) == 1, (function, table, decisions)
            if decisions[0] == "allowed":
                allowed[table].add(function)

    assert allowed == CONSUMERS
