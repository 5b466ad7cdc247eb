"""The AWS inside the process answers as the embedded one does, wherever the latter is right.

One list of calls as clients send them, with the answers that AWS documents. Each case runs against
both; where the embedded AWS is known to answer otherwise, the case is named with the reason and
has to fail there, so that an upgrade which mends it is noticed.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import md5
from typing import Any, NamedTuple
from uuid import uuid4

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import StreamRecord
from pitboss.stores.quarantine import S3Quarantine
from pitboss.stores.stream import MAX_RECORDS_A_CALL, KinesisStream
from workbench import endpoint
from workbench.proof.clock import Clock
from workbench.proof.network import ENVIRONMENT, Network

type Show = Callable[[dict[str, Any]], Any]

ONE_TRY: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "parameter_validation": False}


class Step(NamedTuple):
    """A call and what is expected of it: what `show` makes of the answer, or an error's code."""

    operation: str
    asked: dict[str, Any]
    expected: Any
    show: Show = lambda answer: answer


def refused(code: str, *reasons: str) -> tuple[str, ...]:
    """The code of a refusal; a cancelled transaction's reasons with it."""
    return ("refused", code, *reasons)


def s(text: str) -> dict[str, str]:
    return {"S": text}


def n(number: int | str) -> dict[str, str]:
    return {"N": str(number)}


def key(sk: str = "a", pk: str = "p") -> dict[str, Any]:
    return {"pk": s(pk), "sk": s(sk)}


def put(sk: str = "a", pk: str = "p", expected: Any = None, **attributes: Any) -> Step:
    return Step("put_item", {"Item": key(sk, pk) | attributes}, expected or {})


def get(expected: dict[str, Any] | None, sk: str = "a", **more: Any) -> Step:
    answer = {} if expected is None else {"Item": key(sk) | expected}
    return Step("get_item", {"Key": key(sk), "ConsistentRead": True, **more}, answer)


def update(expression: str, values: dict[str, Any], expected: Any, **more: Any) -> Step:
    asked = {"Key": key(), "UpdateExpression": expression, **more}
    if values:
        asked["ExpressionAttributeValues"] = values
    return Step("update_item", asked, expected)


def sorts(answer: dict[str, Any]) -> Any:
    """Sort keys of a page, and the one it ends at."""
    last = answer.get("LastEvaluatedKey")
    return [item["sk"]["S"] for item in answer["Items"]], last and last["sk"]["S"]


def query(condition: str, values: dict[str, Any], expected: Any, **more: Any) -> Step:
    asked = {
        "KeyConditionExpression": f"pk = :pk{condition}",
        "ExpressionAttributeValues": {":pk": s("p")} | values,
        "ConsistentRead": True,
        **more,
    }
    return Step("query", asked, expected, sorts)


def listed(expected: Any, name: str = "open", more: str = "", **asked: Any) -> Step:
    """A query of the index, by its keys."""
    values = {":list": s(name)} | asked.pop("values", {})
    return Step(
        "query",
        {
            "IndexName": "by_list",
            "KeyConditionExpression": f"#list = :list{more}",
            "ExpressionAttributeNames": {"#list": "list"},
            "ExpressionAttributeValues": values,
            **asked,
        },
        expected,
        sorts,
    )


def place(sk: str, at: str, name: str = "open") -> Step:
    return put(sk, list=s(name), place=s(at))


def transact(*actions: dict[str, Any], expected: Any = None, **more: Any) -> Step:
    return Step("transact_write_items", {"TransactItems": list(actions), **more}, expected or {})


def t_put(sk: str, **attributes: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "T", "Item": key(sk) | attributes}}


def t_new(sk: str) -> dict[str, Any]:
    """A put of an item that must not be there yet."""
    return {
        "Put": {
            "TableName": "T",
            "Item": key(sk),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def t_add(sk: str, amount: int, name: str = "games") -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "T",
            "Key": key(sk),
            "UpdateExpression": f"ADD {name} :n",
            "ExpressionAttributeValues": {":n": n(amount)},
        }
    }


VALID = "ValidationException"
LETTERS = [put(letter) for letter in "abcde"]
LARGE = "x" * 300_000

DYNAMODB: dict[str, list[Step]] = {
    "an index has the items with its keys, in their order": [
        place("a", "3"),
        place("b", "1"),
        place("c", "2"),
        place("d", "2", "closed"),
        put("e", list=s("open")),
        put("f", place=s("0")),
        listed((["b", "c", "a"], None)),
        listed((["a", "c", "b"], None), ScanIndexForward=False),
        listed((["b", "c"], None), more=" AND place < :before", values={":before": s("3")}),
        listed((["d"], None), "closed"),
        listed(([], None), "none"),
        listed((["b"], "b"), Limit=1),
        listed(
            (["c", "a"], None), ExclusiveStartKey=key("b") | {"list": s("open"), "place": s("1")}
        ),
    ],
    "an index follows what its items become": [
        place("a", "1"),
        place("a", "2"),
        listed((["a"], None)),
        update("REMOVE #list", {}, {}, ExpressionAttributeNames={"#list": "list"}),
        listed(([], None)),
        place("b", "1"),
        Step("delete_item", {"Key": key("b")}, {}),
        listed(([], None)),
    ],
    "an index is not read consistently, and holds keys of its types alone": [
        listed(refused(VALID), ConsistentRead=True),
        Step("put_item", {"Item": key() | {"list": n(1), "place": s("1")}}, refused(VALID)),
        Step("put_item", {"Item": key() | {"list": s(""), "place": s("1")}}, refused(VALID)),
        update("SET place = :n", {":n": n(1)}, refused(VALID)),
    ],
    "an item that is not there": [get(None)],
    "an item is read as it was put": [
        put(games=n(3), name=s("é"), carry={"B": b"\0\xff"}, words={"SS": ["b", "a"]}),
        Step(
            "get_item",
            {"Key": key(), "ConsistentRead": True},
            key() | {"games": n(3), "name": s("é"), "carry": {"B": b"\0\xff"}, "words": ["a", "b"]},
            lambda answer: answer["Item"] | {"words": sorted(answer["Item"]["words"]["SS"])},
        ),
    ],
    "lists and maps": [
        put(causes={"L": [s("late"), n(2)]}, more={"M": {"a": n(1)}}),
        get({"causes": {"L": [s("late"), n(2)]}, "more": {"M": {"a": n(1)}}}),
    ],
    "a put replaces": [put(games=n(3)), put(coin=n(1)), get({"coin": n(1)})],
    "numbers lose their zeros": [
        put(a=n("007"), b=n("1.50"), c=n("-0"), d=n("1E3")),
        get({"a": n(7), "b": n("1.5"), "c": n(0), "d": n(1000)}),
    ],
    "numbers have 38 digits": [
        put(a=n("9" * 38)),
        put("b", a=n("9" * 39), expected=refused(VALID)),
        get({"a": n("9" * 38)}),
    ],
    "sums are exact": [
        put(a=n("9" * 30)),
        update("ADD a :one", {":one": n(1)}, {}),
        get({"a": n("1" + "0" * 30)}),
    ],
    "a projection": [
        put(a=n(1), b=n(2)),
        Step(
            "get_item",
            {
                "Key": key(),
                "ProjectionExpression": "#a, c",
                "ExpressionAttributeNames": {"#a": "a"},
            },
            {"Item": {"a": n(1)}},
        ),
    ],
    "a key of another schema": [
        Step("get_item", {"Key": {"pk": s("p")}}, refused(VALID)),
        Step("get_item", {"Key": key() | {"more": s("x")}}, refused(VALID)),
        Step("get_item", {"Key": {"pk": s("p"), "sk": n(1)}}, refused(VALID)),
    ],
    "an empty key": [put("", expected=refused(VALID))],
    "an item without its key": [Step("put_item", {"Item": {"pk": s("p")}}, refused(VALID))],
    "an item of more than 400 KB": [
        put(a=s("x" * (400 * 1024 - 7))),  # pk, p, sk, a and a are the rest
        put(a=s("x" * (400 * 1024 - 6)), expected=refused(VALID)),
    ],
    "a table that is not there": [
        Step("get_item", {"TableName": "none", "Key": key()}, refused("ResourceNotFoundException"))
    ],
    "a put under a condition": [
        Step(
            "put_item",
            {"Item": key(), "ConditionExpression": "attribute_not_exists(pk)"},
            {},
        ),
        Step(
            "put_item",
            {"Item": key() | {"a": n(1)}, "ConditionExpression": "attribute_not_exists(pk)"},
            refused("ConditionalCheckFailedException"),
        ),
        get({}),
    ],
    "an update makes the item": [
        update("SET a = :a ADD games :n", {":a": s("x"), ":n": n(2)}, {}),
        update(
            "SET a = if_not_exists(a, :a), b = if_not_exists(b, :a) ADD games :n",
            {":a": s("y"), ":n": n(-5)},
            {"Attributes": key() | {"a": s("x"), "b": s("y"), "games": n(-3)}},
            ReturnValues="ALL_NEW",
        ),
        update("REMOVE a", {}, {}),
        get({"b": s("y"), "games": n(-3)}),
    ],
    "an update reads the item as it was": [
        put(a=n(1), b=n(10)),
        update("SET a = b, b = a + :n", {":n": n(5)}, {}),
        get({"a": n(10), "b": n(6)}),
    ],
    "an update under a condition": [
        put(applied=s("1"), stale=n(9)),
        *[
            update(
                "SET applied = :new",
                {":new": s("2"), **values},
                refused("ConditionalCheckFailedException"),
                ConditionExpression=condition,
            )
            for condition, values in (
                ("applied = :old", {":old": s("0")}),
                ("applied = :old AND attribute_not_exists(stale)", {":old": s("1")}),
                ("stale = :old", {":old": s("9")}),
                ("NOT (applied = :old OR stale < :nine)", {":old": s("1"), ":nine": n(9)}),
                ("attribute_exists(absent)", {}),
                ("stale > :nine OR stale <> stale", {":nine": n(9)}),
                ("absent < :nine", {":nine": n(9)}),
            )
        ],
        update(
            "SET applied = :new",
            {":new": s("2"), ":old": s("1"), ":nine": n(9)},
            {},
            ConditionExpression="applied = :old AND (stale >= :nine OR attribute_exists(absent))",
        ),
        get({"applied": s("2"), "stale": n(9)}),
    ],
    "an update of a key": [update("SET sk = :a", {":a": s("b")}, refused(VALID))],
    "two updates of an attribute": [
        update("SET a = :a REMOVE a", {":a": s("b")}, refused(VALID)),
    ],
    "a sum with what is no number": [
        put(a=s("x")),
        update("ADD a :n", {":n": n(1)}, refused(VALID)),
        update("SET a = missing + :n", {":n": n(1)}, refused(VALID)),
    ],
    "a value that no expression uses": [
        update("SET a = :a", {":a": s("x"), ":b": s("y")}, refused(VALID))
    ],
    "a value that is not given": [update("SET a = :a", {":b": s("x")}, refused(VALID))],
    "a name that is not given": [update("SET #a = :a", {":a": s("x")}, refused(VALID))],
    "a reserved word": [update("SET day = :a", {":a": s("x")}, refused(VALID))],
    "a syntax error": [update("SET a = = :a", {":a": s("x")}, refused(VALID))],
    "a delete": [
        put(),
        Step("delete_item", {"Key": key()}, {}),
        Step("delete_item", {"Key": key()}, {}),
        get(None),
    ],
    "a query is in the order of the bytes": [
        *[put(sk) for sk in ("b", "a", "B", "é", "aa", "10", "9")],
        query("", {}, (["10", "9", "B", "a", "aa", "b", "é"], None)),
        query("", {}, (["é", "b", "aa", "a", "B", "9", "10"], None), ScanIndexForward=False),
    ],
    "queries of a range": [
        *LETTERS,
        query(" AND sk BETWEEN :a AND :b", {":a": s("b"), ":b": s("d")}, (["b", "c", "d"], None)),
        query(" AND sk >= :a", {":a": s("d")}, (["d", "e"], None)),
        query(" AND sk < :a", {":a": s("b")}, (["a"], None)),
        query(" AND sk = :a", {":a": s("b")}, (["b"], None)),
        query(" AND begins_with(sk, :a)", {":a": s("c")}, (["c"], None)),
        query(" AND begins_with(sk, :a)", {":a": s("x")}, ([], None)),
    ],
    "a range that ends before it begins": [
        query(" AND sk BETWEEN :a AND :b", {":a": s("d"), ":b": s("b")}, refused(VALID))
    ],
    "a query goes on where it ended": [
        *LETTERS,
        query("", {}, (["e", "d"], "d"), ScanIndexForward=False, Limit=2),
        query(
            "",
            {},
            (["c", "b"], "b"),
            ScanIndexForward=False,
            Limit=2,
            ExclusiveStartKey=key("d"),
        ),
        query("", {}, (["d", "e"], None), ExclusiveStartKey=key("c")),
        query("", {}, (["c", "d", "e"], None), ExclusiveStartKey=key("bb")),
    ],
    "a page that its limit ends names where": [
        *LETTERS[:2],
        query("", {}, (["a", "b"], "b"), Limit=2),
        query("", {}, ([], None), ExclusiveStartKey=key("b")),
    ],
    "a page holds 1 MB": [
        *[put(letter, a=s(LARGE)) for letter in "abcde"],
        query("", {}, (["a", "b", "c"], "c")),
        query("", {}, (["d", "e"], None), ExclusiveStartKey=key("c")),
    ],
    "a query without its partition": [
        Step(
            "query",
            {
                "KeyConditionExpression": "sk = :a",
                "ExpressionAttributeValues": {":a": s("a")},
            },
            refused(VALID),
        )
    ],
    "a filter on a key": [
        *LETTERS,
        query("", {":c": s("c")}, refused(VALID), FilterExpression="sk = :c"),
    ],
    "a filter is applied to what was read": [
        *LETTERS,
        put("f", games=n(2)),
        query("", {":two": n(2)}, (["f"], None), FilterExpression="games = :two"),
        query("", {":two": n(2)}, ([], "c"), FilterExpression="games = :two", Limit=3),
    ],
    "a scan sees every partition": [
        *[put(letter, pk, games=n(1)) for pk in ("p", "q") for letter in "ab"],
        put("c", "q"),
        Step(
            "scan",
            {
                "FilterExpression": "begins_with(pk, :pk) AND games = :one",
                "ExpressionAttributeValues": {":pk": s("q"), ":one": n(1)},
                "ConsistentRead": True,
            },
            {("q", "a"), ("q", "b")},
            lambda answer: {(item["pk"]["S"], item["sk"]["S"]) for item in answer["Items"]},
        ),
    ],
    "a batch is read": [
        *LETTERS[:2],
        Step(
            "batch_get_item",
            {"RequestItems": {"T": {"Keys": [key("a"), key("x"), key("b")]}}},
            ({"a", "b"}, {}),
            lambda answer: (
                {item["sk"]["S"] for items in answer["Responses"].values() for item in items},
                answer["UnprocessedKeys"],
            ),
        ),
    ],
    "a batch of more than 100": [
        Step(
            "batch_get_item",
            {"RequestItems": {"T": {"Keys": [key(str(one)) for one in range(101)]}}},
            refused(VALID),
        )
    ],
    "a batch that names an item twice": [
        Step("batch_get_item", {"RequestItems": {"T": {"Keys": [key(), key()]}}}, refused(VALID))
    ],
    "a batch reads 1 MB of a partition": [
        *[put(letter, a=s(LARGE)) for letter in "abcd"],
        Step(
            "batch_get_item",
            {"RequestItems": {"T": {"Keys": [key(letter) for letter in "abcd"]}}},
            (3, 1),
            lambda answer: (
                sum(map(len, answer["Responses"].values())),
                sum(len(one["Keys"]) for one in answer["UnprocessedKeys"].values()),
            ),
        ),
    ],
    "a batch is written": [
        put("x"),
        Step(
            "batch_write_item",
            {
                "RequestItems": {
                    "T": [
                        {"PutRequest": {"Item": key("a")}},
                        {"DeleteRequest": {"Key": key("x")}},
                    ]
                }
            },
            {"UnprocessedItems": {}},
        ),
        query("", {}, (["a"], None)),
    ],
    "a batch of more than 25 writes": [
        Step(
            "batch_write_item",
            {"RequestItems": {"T": [{"PutRequest": {"Item": key(str(one))}} for one in range(26)]}},
            refused(VALID),
        )
    ],
    "a transaction is written whole": [
        put("gone"),
        transact(
            t_put("a", games=n(1)),
            t_add("b", 2),
            {"Delete": {"TableName": "T", "Key": key("gone")}},
            {
                "ConditionCheck": {
                    "TableName": "T",
                    "Key": key("none"),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
        ),
        query("", {}, (["a", "b"], None)),
        get({"games": n(2)}, "b"),
    ],
    "a transaction is not written in part, and says why, in order": [
        put("there"),
        transact(
            t_put("a"),
            t_new("there"),
            t_new("new"),
            t_new("there2"),
            expected=refused(
                "TransactionCanceledException", "None", "ConditionalCheckFailed", "None", "None"
            ),
        ),
        query("", {}, (["there"], None)),
    ],
    "a sum in a transaction with what is no number": [
        put("b", games=s("x")),
        transact(
            t_put("a"),
            t_add("b", 1),
            expected=refused("TransactionCanceledException", "None", "ValidationError"),
        ),
        query("", {}, (["b"], None)),
    ],
    "an update in a transaction that makes an item too large": [
        put("b", large=s("x" * 409_585)),
        transact(
            t_put("a"),
            t_add("b", 1),
            expected=refused("TransactionCanceledException", "None", "ValidationError"),
        ),
        query("", {}, (["b"], None)),
    ],
    "a transaction of an item twice": [transact(t_put("a"), t_new("a"), expected=refused(VALID))],
    "a transaction of a hundred": [
        transact(*[t_put(f"{one:03d}") for one in range(100)]),
        transact(*[t_put(f"x{one:03d}") for one in range(101)], expected=refused(VALID)),
        query(" AND begins_with(sk, :x)", {":x": s("x")}, ([], None)),
    ],
    "a transaction of more than 4 MB": [
        transact(*[t_put(str(one), a=s(LARGE)) for one in range(14)], expected=refused(VALID)),
        query("", {}, ([], None)),
    ],
    "a token writes once": [
        transact(t_add("a", 2), ClientRequestToken="token"),
        transact(t_add("a", 2), ClientRequestToken="token"),
        get({"games": n(2)}),
    ],
    "a token of another transaction": [
        transact(t_add("a", 2), ClientRequestToken="token"),
        transact(
            t_add("a", 3),
            ClientRequestToken="token",
            expected=refused("IdempotentParameterMismatchException"),
        ),
        get({"games": n(2)}),
    ],
    "the token of a transaction that was cancelled": [
        put("b"),
        transact(
            t_new("b"),
            ClientRequestToken="token",
            expected=refused("TransactionCanceledException", "ConditionalCheckFailed"),
        ),
        Step("delete_item", {"Key": key("b")}, {}),
        transact(t_new("b"), ClientRequestToken="token"),
    ],
}

DIFFERENT: dict[str, str] = {
    "two updates of an attribute": "applies one after the other",
    "a syntax error": "reads over a doubled sign",
    "a filter on a key": "filters by it",
    "a batch reads 1 MB of a partition": "answers a batch whole, whatever its size",
}
"""Cases which the embedded AWS answers otherwise than AWS documents, and how."""


def shard_of(partition_key: str, shards: int) -> str:
    number = int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")
    return f"shardId-{number * shards // 2**128:012d}"


def entry(partition_key: str, data: bytes = b"x") -> dict[str, Any]:
    return {"PartitionKey": partition_key, "Data": data}


def shards_taken(answer: dict[str, Any]) -> Any:
    return answer["FailedRecordCount"], [one.get("ShardId") for one in answer["Records"]]


KINESIS: dict[str, list[Step]] = {
    "a record's shard is its key's MD5": [
        Step(
            "put_records",
            {"Records": [entry(f"north/{one}") for one in range(40)]},
            (0, [shard_of(f"north/{one}", 2) for one in range(40)]),
            shards_taken,
        )
    ],
    "records of more than 500": [
        Step("put_records", {"Records": [entry("a")] * 501}, refused(VALID))
    ],
    "no records": [Step("put_records", {"Records": []}, refused(VALID))],
    "a record of 1 MiB with its key": [
        Step(
            "put_records",
            {"Records": [entry("aa", b"x" * (2**20 - 2))]},
            0,
            lambda a: a["FailedRecordCount"],
        ),
        Step("put_records", {"Records": [entry("aa", b"x" * (2**20 - 1))]}, refused(VALID)),
    ],
    "a key of more than 256 characters": [
        Step("put_records", {"Records": [entry("k" * 257)]}, refused(VALID))
    ],
    "a stream that is not there": [
        Step(
            "put_records",
            {"StreamName": "none", "Records": [entry("a")]},
            refused("ResourceNotFoundException"),
        )
    ],
}
KINESIS_DIFFERENT: dict[str, str] = {
    "resharding": "a closed shard is gone at once, and its records with it",
    "no records": "takes a call without records",
    "a record of 1 MiB with its key": "does not count the partition key",
}

S3: dict[str, list[Step]] = {
    "an object": [
        Step("put_object", {"Key": "a b/é.json", "Body": b"\0one"}, None, lambda answer: None),
        Step(
            "put_object",
            {"Key": "a b/é.json", "Body": b"two", "ContentType": "text/x"},
            '"b8a9f715dbb64fd5c56e7783c6820a61"',
            lambda answer: answer["ETag"],
        ),
        Step(
            "get_object",
            {"Key": "a b/é.json"},
            (b"two", "text/x", 3),
            lambda answer: (answer["Body"].read(), answer["ContentType"], answer["ContentLength"]),
        ),
    ],
    "an object that is not there": [
        Step("get_object", {"Key": "none"}, refused("NoSuchKey")),
        Step("delete_object", {"Key": "none"}, None, lambda answer: None),
    ],
    "a bucket that is not there": [
        Step("put_object", {"Bucket": "none-of-ours", "Key": "a"}, refused("NoSuchBucket"))
    ],
    "objects are listed by their names, in pages": [
        *[
            Step("put_object", {"Key": name, "Body": b"12"}, None, lambda answer: None)
            for name in ("p/b", "p/a", "q/c", "p/é d", "p/B")
        ],
        Step(
            "list_objects_v2",
            {"Prefix": "p/"},
            [("p/B", 2), ("p/a", 2), ("p/b", 2), ("p/é d", 2)],
            lambda answer: [(one["Key"], one["Size"]) for one in answer["Contents"]],
        ),
        Step(
            "list_objects_v2",
            {"Prefix": "p/", "MaxKeys": 3},
            (True, 3),
            lambda answer: (answer["IsTruncated"], answer["KeyCount"]),
        ),
        Step(
            "list_objects_v2",
            {"Prefix": "x"},
            (0, None),
            lambda answer: (answer["KeyCount"], answer.get("Contents")),
        ),
    ],
    "an object only where there is none": [
        Step("put_object", {"Key": "once", "IfNoneMatch": "*"}, None, lambda answer: None),
        Step("put_object", {"Key": "once", "IfNoneMatch": "*"}, refused("PreconditionFailed")),
    ],
}
BATCH = [
    QuarantineEntry.of(
        raw,
        reason="unreadable",
        detail="no JSON",
        stage="test",
        property_id="north",
        sender="gateway-1",
        received_at=1_767_225_600_000,
        index=index,
    )
    for index, raw in enumerate((b"text", b"\xff\x00"))
]

# --- the two --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proof() -> "Side":
    """Clients of an AWS inside the process."""
    network = Network(Clock(1_767_225_600_000))
    network.s3.create_bucket("bucket-0")
    session = botocore.session.Session()
    clients = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for service in ("dynamodb", "kinesis", "s3"):
            clients[service] = session.create_client(service, config=Config(**ONE_TRY))
    return Side(clients.__getitem__, network)


class Side(NamedTuple):
    """One AWS: its clients, and the network in whose stead it is, if it is in the process."""

    client: Callable[[str], Any]
    network: Network | None = None


@pytest.fixture(params=["fake", "embedded"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    if request.param == "fake":
        fake: Side = request.getfixturevalue("proof")
        assert fake.network is not None
        with fake.network.installed():
            yield fake
    else:
        request.getfixturevalue("embedded")
        yield Side(lambda service: endpoint.client(service, **ONE_TRY))


def run(client: Any, steps: list[Step], defaults: dict[str, Any], names: dict[str, str]) -> None:
    for number, step in enumerate(steps, 1):
        asked = named({**defaults, **step.asked}, names)
        try:
            answer = getattr(client, step.operation)(**asked)
            answer.pop("ResponseMetadata")
            found = step.show(answer)
        except ClientError as fault:
            reasons = fault.response.get("CancellationReasons", [])
            found = refused(fault.response["Error"]["Code"], *[one["Code"] for one in reasons])
        assert found == step.expected, f"step {number}, {step.operation}"


def named(value: Any, names: dict[str, str]) -> Any:
    """The same with names of resources in place of their stand-ins."""
    if isinstance(value, dict):
        return {names.get(name, name): named(one, names) for name, one in value.items()}
    if isinstance(value, list):
        return [named(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def _known(
    request: pytest.FixtureRequest, side: Side, differences: dict[str, str], case: str
) -> None:
    if side.network is None and case in differences:
        request.applymarker(pytest.mark.xfail(reason=differences[case], raises=AssertionError))


@pytest.mark.parametrize("case", DYNAMODB)
def test_dynamodb(request: pytest.FixtureRequest, side: Side, case: str) -> None:
    _known(request, side, DIFFERENT, case)
    table = f"test-agree-{uuid4().hex[:10]}"
    client = side.client("dynamodb")
    client.create_table(
        TableName=table,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "list", "place")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_list",
                "KeySchema": [
                    {"AttributeName": "list", "KeyType": "HASH"},
                    {"AttributeName": "place", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    tokens = {"token": uuid4().hex[:36]}
    try:
        for step in DYNAMODB[case]:
            several = step.operation in {"transact_write_items", "batch_get_item"}
            several |= step.operation == "batch_write_item"
            run(client, [step], {} if several else {"TableName": "T"}, {"T": table, **tokens})
    finally:
        client.delete_table(TableName=table)


@pytest.fixture
def stream(side: Side) -> Iterator[str]:
    """A stream of two shards; its name."""
    stream = f"test-agree-{uuid4().hex[:10]}"
    client = side.client("kinesis")
    client.create_stream(StreamName=stream, ShardCount=2)
    client.get_waiter("stream_exists").wait(StreamName=stream)
    yield stream
    client.delete_stream(StreamName=stream)


@pytest.mark.parametrize("case", KINESIS)
def test_kinesis(request: pytest.FixtureRequest, side: Side, stream: str, case: str) -> None:
    _known(request, side, KINESIS_DIFFERENT, case)
    run(side.client("kinesis"), KINESIS[case], {"StreamName": stream}, {})


def read(client: Any, stream: str, shard: str, kind: str, **more: Any) -> tuple[list[bytes], bool]:
    """What a shard holds from an iterator's place on, and whether more can come."""
    iterator = client.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more
    )["ShardIterator"]
    found = []
    while True:
        answer = client.get_records(ShardIterator=iterator, Limit=3)
        found += [record["Data"] for record in answer["Records"]]
        iterator = answer.get("NextShardIterator")
        if not iterator or not answer["Records"]:
            return found, bool(iterator)


def test_a_shard_is_read_in_order_from_any_place(side: Side, stream: str) -> None:
    client = side.client("kinesis")
    shard = shard_of("north/1", 2)
    numbers = []
    for call in range(2):
        answer = client.put_records(
            StreamName=stream, Records=[entry("north/1", b"%d%d" % (call, n)) for n in range(5)]
        )
        numbers += [one["SequenceNumber"] for one in answer["Records"]]

    every = [b"%d%d" % (call, n) for call in range(2) for n in range(5)]

    assert sorted(numbers, key=int) == numbers
    assert read(client, stream, shard, "TRIM_HORIZON") == (every, True)
    assert read(client, stream, shard, "LATEST") == ([], True)
    at = {"StartingSequenceNumber": numbers[3]}
    assert read(client, stream, shard, "AT_SEQUENCE_NUMBER", **at) == (every[3:], True)
    assert read(client, stream, shard, "AFTER_SEQUENCE_NUMBER", **at) == (every[4:], True)


def test_shards_are_split_and_merged(
    request: pytest.FixtureRequest, side: Side, stream: str
) -> None:
    _known(request, side, KINESIS_DIFFERENT, "resharding")
    client = side.client("kinesis")
    client.put_records(StreamName=stream, Records=[entry("north/1", b"before")])

    client.split_shard(StreamName=stream, ShardToSplit=_shard(0), NewStartingHashKey=str(2**126))
    client.get_waiter("stream_exists").wait(StreamName=stream)
    client.merge_shards(StreamName=stream, ShardToMerge=_shard(1), AdjacentShardToMerge=_shard(3))
    client.get_waiter("stream_exists").wait(StreamName=stream)
    client.put_records(StreamName=stream, Records=[entry("north/1", b"after")])

    shards = {one["ShardId"]: one for one in client.list_shards(StreamName=stream)["Shards"]}
    assert shards.keys() == {_shard(number) for number in range(5)}
    assert [shards[_shard(n)].get("ParentShardId") for n in (2, 3)] == [_shard(0)] * 2
    merged = shards[_shard(4)]
    assert {merged["ParentShardId"], merged["AdjacentParentShardId"]} == {_shard(1), _shard(3)}
    assert merged["HashKeyRange"] == {
        "StartingHashKey": str(2**126),
        "EndingHashKey": str(2**128 - 1),
    }
    closed = {
        name for name, one in shards.items() if "EndingSequenceNumber" in one["SequenceNumberRange"]
    }
    assert closed == {_shard(number) for number in (0, 1, 3)}
    assert read(client, stream, shard_of("north/1", 2), "TRIM_HORIZON") == ([b"before"], False)
    found = [read(client, stream, _shard(number), "TRIM_HORIZON")[0] for number in (2, 4)]
    assert sorted(found) == [[], [b"after"]]


def _shard(number: int) -> str:
    return f"shardId-{number:012d}"


def test_the_stream_store_writes_all_it_is_given(side: Side, stream: str) -> None:
    client = side.client("kinesis")
    store = KinesisStream(stream, "us-east-1", lambda attempt: None)
    store.__dict__["_client"] = client
    count = MAX_RECORDS_A_CALL + 3

    assert store.put([StreamRecord("north/1", b"%d" % one) for one in range(count)]) == set()

    shard = shard_of("north/1", 2)
    found, _ = read(client, stream, shard, "TRIM_HORIZON")
    assert found == [b"%d" % one for one in range(count)]


@pytest.fixture
def bucket(side: Side) -> Iterator[str]:
    """An empty bucket; its name."""
    bucket = f"test-agree-{uuid4().hex[:10]}"
    client = side.client("s3")
    if side.network is not None:
        side.network.s3.create_bucket(bucket)
        yield bucket
        return
    client.create_bucket(Bucket=bucket)
    yield bucket
    for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        client.delete_object(Bucket=bucket, Key=found["Key"])
    client.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("case", S3)
def test_s3(side: Side, bucket: str, case: str) -> None:
    run(side.client("s3"), S3[case], {"Bucket": bucket}, {})


def test_the_quarantine_reads_what_it_keeps(side: Side, bucket: str) -> None:
    quarantine = S3Quarantine(bucket, client=side.client("s3"))

    keys = {quarantine.put(BATCH), quarantine.put(BATCH)}

    (key,) = keys
    assert [name for name, _, _ in quarantine.objects()] == [key]
    assert [name for name, _, _ in quarantine.objects("other/")] == []
    assert quarantine.read(key) == BATCH
