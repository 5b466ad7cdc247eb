"""The sample events of `events/<function>/`, run in the deployed stack.

One of each function goes through `sam remote invoke`, as its documentation says; the others are
invoked directly, which is quicker.
"""

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pitboss.lake.layout import UNREADABLE, raw_prefix
from pitboss.lake.rated import summary_key
from pitboss.stores.imports import summary_key as beside
from pitboss.stores.lake import S3Lake
from pitboss.stores.quarantine import S3Quarantine
from tests import sample_events
from tests.unit.test_imports import meter, text
from workbench import deploy, endpoint
from workbench.paths import ROOT, VENV_BIN

LOGICAL_IDS = {
    folder.name: "".join(map(str.capitalize, folder.name.split("_"))) + "Function"
    for folder in sorted(sample_events.FOLDER.iterdir())
}


class FunctionFailed(Exception):
    """What a function raised."""


def path_of(sample: str) -> Path:
    return sample_events.FOLDER / f"{sample}.json"


def by_sam(sample: str) -> Any:
    """The answer to a sample event, `<function>/<case>`, by `sam remote invoke`."""
    done = subprocess.run(
        [
            *(VENV_BIN / "sam", "remote", "invoke", LOGICAL_IDS[sample.partition("/")[0]]),
            *("--stack-name", endpoint.stack_name(), "--event-file", path_of(sample)),
            *("--output", "json"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        env=deploy.sam_environment(),
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return _answer(json.loads(done.stdout))


@pytest.fixture(scope="module")
def functions(stack: dict[str, str]) -> dict[str, str]:
    """The deployed functions' names by logical id."""
    client = endpoint.client("cloudformation")
    return {
        logical_id: client.describe_stack_resource(
            StackName=endpoint.stack_name(), LogicalResourceId=logical_id
        )["StackResourceDetail"]["PhysicalResourceId"]
        for logical_id in LOGICAL_IDS.values()
    }


@pytest.fixture
def directly(functions: dict[str, str]) -> Callable[[str], Any]:
    """The answer to a sample event, `<function>/<case>`, by the API of Lambda."""

    def invoke(sample: str) -> Any:
        function = functions[LOGICAL_IDS[sample.partition("/")[0]]]
        answer = endpoint.client("lambda").invoke(
            FunctionName=function, Payload=path_of(sample).read_bytes()
        )
        return _answer({**answer, "Payload": answer["Payload"].read()})

    return invoke


def _answer(answer: dict[str, Any]) -> Any:
    assert answer["StatusCode"] == 200
    payload = json.loads(answer["Payload"])
    if answer.get("FunctionError"):
        raise FunctionFailed(payload["errorMessage"])
    return payload


def status_and_body(answer: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return answer["statusCode"], json.loads(answer["body"])


# The samples of `rate_players` come first: all of them are of one property, and what those of
# `ingest_slot_events` bring in is rated too.


def test_play_is_rated_once_and_read_and_poison_is_set_aside(
    embedded: endpoint.Target, stack: dict[str, str], directly: Callable[[str], Any]
) -> None:
    assert by_sam("rate_players/play") == {"batchItemFailures": []}
    assert directly("rate_players/poison_among_good") == {"batchItemFailures": []}

    status, machine = status_and_body(by_sam("read_ratings/machine"))
    assert (status, machine["asset_id"], machine["hold_basis_points"]) == (200, "1940732", 326)
    assert [day["gaming_day"] for day in machine["days"]] == ["2020-06-15"]
    play = machine["days"][0]["play"]
    assert (play["games"], play["coin_in_cents"], play["coin_out_cents"]) == (2, 1_000, 120)
    assert play["theoretical_win"] == "0.326"

    status, player = status_and_body(directly("read_ratings/player"))
    assert (status, player["player_id"], player["session_count"]) == (200, "p-81", 1)
    # A machine is played until its last game ends, a session until it starts.
    assert player["total"] == {**play, "last_play": sample_events.MONDAY_EVENING + 11_000}
    assert player["sessions"][0]["started_at"] == sample_events.MONDAY_EVENING + 2_000

    status, listed = status_and_body(directly("read_ratings/sessions"))
    assert (status, listed["next"]) == (200, None)
    assert listed["sessions"] == player["sessions"]

    status, ledger = status_and_body(directly("read_ratings/player_ledger"))
    assert (status, ledger["gaming_day"], ledger["total"]["agrees"]) == (200, "2020-06-15", True)
    assert [line["kind"] for line in ledger["lines"]] == ["session", "game", "game", "session"]

    status, ledger = status_and_body(directly("read_ratings/machine_ledger"))
    assert (status, ledger["asset_id"], ledger["total"]["agrees"]) == (200, "1940732", True)
    assert ledger["total"]["stored"]["coin_in_cents"] == 1_000

    status, floor = status_and_body(directly("read_ratings/floor"))
    assert status == 200
    assert {one["asset_id"]: one["play"]["coin_in_cents"] for one in floor["machines"]} == {
        "1940732": 1_000,
        "5093619": 25,
    }
    assert floor["total"]["unrated_coin_in_cents"] == 25

    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))
    aside = [
        entry
        for key, _, _ in store.objects("rate_players/unknown/stream/")
        for entry in store.read(key)
    ]
    sent = sample_events.load("rate_players")["poison_among_good"]["Records"]
    poison = {base64.b64decode(sent[index]["kinesis"]["data"]) for index in (0, 2)}
    assert poison <= {entry.raw for entry in aside}
    assert {entry.reason for entry in aside} == {"unreadable_record"}


@pytest.fixture
def archived(stack: dict[str, str]) -> Iterator[Callable[[], dict[str, bytes]]]:
    """What lies in the lake of the samples' stream, which there is not; removed after."""
    lake = S3Lake(stack["LakeBucketName"], client=endpoint.client("s3"))

    def look() -> dict[str, bytes]:
        return {
            key: lake.get(key)
            for prefix in (raw_prefix("north", "2020-06-15"), UNREADABLE)
            for key, _, _ in lake.objects(prefix)
            if "/slots-shardId-" in key
        }

    yield look
    for key in look():
        endpoint.client("s3").delete_object(Bucket=stack["LakeBucketName"], Key=key)


def test_a_batch_is_archived_and_overwrites_itself_when_it_comes_again(
    embedded: endpoint.Target,
    directly: Callable[[str], Any],
    archived: Callable[[], dict[str, bytes]],
) -> None:
    assert by_sam("archive_events/play") == {"batchItemFailures": []}
    (key,) = archived()
    once = archived()
    assert directly("archive_events/play") == {"batchItemFailures": []}

    assert archived() == once
    first, last = (
        record["kinesis"]["sequenceNumber"]
        for record in sample_events.load("archive_events")["play"]["Records"]
    )
    assert key.endswith(f"/day=2020-06-15/slots-shardId-000000000000-{first}-{last}.ndjson.zst")


def test_a_record_that_cannot_be_read_is_archived_as_it_came(
    embedded: endpoint.Target,
    directly: Callable[[str], Any],
    archived: Callable[[], dict[str, bytes]],
) -> None:
    assert directly("archive_events/packets_and_poison") == {"batchItemFailures": []}

    (unreadable,) = (body for key, body in archived().items() if key.startswith(UNREADABLE))
    unpack = zstandard.ZstdDecompressor().stream_reader(unreadable, read_across_frames=True)
    (line,) = unpack.read().splitlines()
    sent = sample_events.load("archive_events")["packets_and_poison"]["Records"]
    assert json.loads(line)["data"] == sent[1]["kinesis"]["data"]


ANSWERS: dict[str, tuple[int, dict[str, int]]] = {
    "envelopes": (200, {"received": 9, "accepted": 9, "duplicate": 0, "quarantined": 0}),
    "gateway_packets": (200, {"received": 4, "accepted": 4, "duplicate": 0, "quarantined": 0}),
    "gzip": (200, {"received": 7, "accepted": 7, "duplicate": 0, "quarantined": 0}),
    "bad_among_good": (
        200,
        {
            **{"received": 8, "accepted": 3, "duplicate": 1, "quarantined": 4},
            **{"unrecognised": 1, "foreign": 2, "failed": 0},
        },
    ),
    "another_body": (403, {"status": 403}),
}
BY_SAM = {"envelopes"}


@pytest.mark.parametrize("case", ANSWERS)
def test_the_front_door_answers_for_every_event(
    case: str, embedded: endpoint.Target, directly: Callable[[str], Any]
) -> None:
    invoke = by_sam if case in BY_SAM else directly

    status, body = status_and_body(invoke(f"ingest_slot_events/{case}"))

    expected_status, counts = ANSWERS[case]
    assert status == expected_status
    assert {name: body[name] for name in counts} == counts
    if status == 200:
        assert [event["index"] for event in body["events"]] == list(range(body["received"]))
    else:
        assert body["correlation_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.mark.parametrize("case", ["connect", "no_token", "get_machine", "post_slot_events"])
def test_the_authorizer_lets_nobody_in_who_proves_nothing(
    case: str, stack: dict[str, str], directly: Callable[[str], Any]
) -> None:
    """The tokens of the samples are no tokens: a good one is good for a minute."""
    with pytest.raises(FunctionFailed, match=r"^Unauthorized$"):
        directly(f"authorize_requests/{case}")


def test_the_authorizer_runs_by_sam(embedded: endpoint.Target, stack: dict[str, str]) -> None:
    with pytest.raises(FunctionFailed, match=r"^Unauthorized$"):
        by_sam("authorize_requests/no_token")


def test_a_day_is_planned_and_refined(
    embedded: endpoint.Target, stack: dict[str, str], directly: Callable[[str], Any]
) -> None:
    assert directly("plan_refinement/everything")["left"] == 0
    assert directly("plan_refinement/nightly")["left"] == 0
    assert directly("plan_refinement/hourly")["left"] == 0
    by_sam_too = by_sam("plan_refinement/one_day")
    counts = directly("refine_events/partition")

    planned = {**sample_events.PARTITION, "family": "slot", "has_ended": True}
    assert by_sam_too["partitions"] in ([], [planned])
    assert directly("refine_events/games")["family"] == "game"
    assert {name: counts[name] for name in sample_events.PARTITION} == sample_events.PARTITION
    assert counts["archived"] == sum(
        counts[name] for name in ("unique", "duplicate", "conflicting")
    )


def test_a_gaming_day_is_exported_and_reconciled(
    embedded: endpoint.Target, stack: dict[str, str], directly: Callable[[str], Any]
) -> None:
    """Of the play that is rated above: a game of each machine and its second one."""
    exported = directly("export_games/partition")
    reconciled = directly("reconcile_machines/partition")
    s3, bucket = endpoint.client("s3"), stack["LakeBucketName"]
    found = s3.get_object(Bucket=bucket, Key=summary_key("north", "2020-06-15"))["Body"].read()

    assert exported["games"] >= 2
    assert directly("export_games/partition") == exported
    assert reconciled["machines"] >= 1
    summary = json.loads(found)
    rated = {one["asset_id"]: one["coin_in"]["rated"] for one in summary["machines"]}
    assert rated["1940732"] >= 1_000
    for machine in summary["machines"]:
        for measure in (machine["coin_in"], machine["coin_out"], machine["games"]):
            explained = sum(measure["explained"].values()) + measure["gap"]
            assert measure["metered"] - measure["rated"] == explained
    # Told once: the summary of a second run says so, and is the same.
    directly("reconcile_machines/partition")
    again = s3.get_object(Bucket=bucket, Key=summary_key("north", "2020-06-15"))["Body"].read()
    assert again == found


@pytest.fixture
def drops(stack: dict[str, str]) -> Iterator[S3Lake]:
    """The lake; what is dropped there, and what is made of it, is removed."""
    s3, bucket = endpoint.client("s3"), stack["LakeBucketName"]
    lake = S3Lake(bucket, client=s3)
    yield lake
    for prefix in (
        *("drop/slot-meters/north/", "drop/north/", "raw/imports/slot-meters/property=north/"),
        "refined/slot_meters/property_id=north/",
    ):
        for key, _, _ in lake.objects(prefix):
            s3.delete_object(Bucket=bucket, Key=key)


def test_a_dropped_file_is_imported_and_a_misplaced_one_is_refused(
    embedded: endpoint.Target,
    drops: S3Lake,
    directly: Callable[[str], Any],
    eventually: Callable[..., Any],
) -> None:
    key, misplaced = "drop/slot-meters/north/january.csv", "drop/north/january.csv"
    drops.put(key, text([meter()]).encode())
    eventually(lambda: list(drops.objects(beside(key))))  # imported as S3 says that it has come
    drops.put(beside(key), b"{}")

    assert by_sam("import_files/dropped") is None
    assert directly("import_files/misplaced") is None

    told = json.loads(drops.get(beside(key)))
    assert (told["rows"], told["imported"], told["duplicates"], told["is_known"]) == (1, 0, 1, True)
    assert len(list(drops.objects("refined/slot_meters/property_id=north/"))) == 1
    refusal = json.loads(drops.get(beside(misplaced)))["refusal"]
    assert refusal.startswith("drop/north/january.csv is not drop/<source>/<property>/<file>.csv")


STATUS: dict[str, int] = {
    "connect_live_clients/connected": 200,
    "connect_live_clients/foreign_machine": 404,
    "connect_live_clients/disconnected": 200,
    "connect_live_clients/watching": 200,
    "ingest_game_events/studio": 200,
    "ingest_game_events/gzip": 200,
    "ingest_game_events/install": 200,
    "ingest_game_events/analytics": 200,
    "ingest_game_events/payload": 400,
    "ingest_game_events/another_body": 403,
    "issue_installs/player": 404,
    "issue_installs/foreign_application": 404,
    "serve_audit/day": 200,
    "serve_events/found": 404,
    "serve_events/freshness": 200,
    "serve_flags/player": 200,
    "serve_leaderboards/board": 404,
    "serve_leaderboards/entitlements": 200,
    "serve_leaderboards/consume": 404,
    "keep_catalogue/current": 404,
    "keep_catalogue/first": 200,
    "keep_catalogue/versions": 200,
    "keep_exclusions/excluded": 200,
    "keep_exclusions/lifted": 200,
    "keep_exclusions/read": 200,
    "serve_floor/acknowledged": 404,
    "serve_floor/alerts": 200,
    "serve_floor/bills": 200,
    "serve_floor/live": 200,
    "serve_floor/minutes": 200,
    "serve_floor/players": 200,
    "serve_floor/reviews": 200,
    "serve_floor/decided": 404,
    "serve_maintenance/dismissed": 404,
    "serve_maintenance/one": 404,
    "serve_maintenance/open": 200,
    "serve_metrics/crash": 404,
    "serve_metrics/crashes": 200,
    "serve_metrics/newest": 200,
    "serve_offers/accept": 404,
    "serve_offers/machine_offer": 200,
    "serve_offers/pending": 200,
    "serve_offers/player_offers": 200,
    "serve_offers/withheld": 404,
}
"""What is answered where nothing was offered to anybody yet, in order."""

GIVEN: dict[str, dict[str, Any]] = {
    "build_training_set/week": {"enough": False, "train_rows": 0, "held_out_rows": 0},
    "decide_offers/changes": {"batchItemFailures": []},
    "decide_offers/poison_among_good": {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-000000000000"}]
    },
    "expire_offers/now": {"left": 0},
    "keep_scores/scores": {"batchItemFailures": []},
    "keep_scores/poison_among_good": {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-000000000000"}]
    },
    "run_actions/nothing_to_do": {"batchItemFailures": []},
    "run_actions/webhook": {"batchItemFailures": []},
    "run_actions/poison_among_good": {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-000000000000"}]
    },
    "publish_scores/play": {"batchItemFailures": []},
    "publish_scores/poison_among_good": {"batchItemFailures": []},
    "export_decisions/partition": {"decisions": 0, "open_offers": 0},
    "migrate_database/migrate": {"made": [], "dropped": []},
    "migrate_database/partitions": {"made": [], "dropped": []},
    "plan_retraining/by_hand": {"run": "by-hand", "is_ours": True, "train_in": "sagemaker"},
    "plan_retraining/nightly": {"run": "2020-06-17", "is_ours": True, "train_in": "lambda"},
    "measure_events/play": {"batchItemFailures": []},
    "measure_events/poison_among_good": {"batchItemFailures": []},
    "publish_floor_metrics/now": {},
    "publish_metrics/now": {},
    "raise_alerts/ringing": {},
    "raise_alerts/over": {},
    "push_live_updates/floor_changed": {"batchItemFailures": []},
    "push_live_updates/offer_gone": {"batchItemFailures": []},
    "push_live_updates/offer_ready": {"batchItemFailures": []},
    "sum_floor/heads": {"batchItemFailures": []},
    "sum_floor/poison_among_good": {"batchItemFailures": []},
    "sum_offers/decided": {"batchItemFailures": []},
    "sum_offers/withheld": {"batchItemFailures": []},
    "track_floor/play": {"batchItemFailures": []},
    "track_floor/poison_among_good": {"batchItemFailures": []},
    "index_events/play": {"batchItemFailures": []},
    "index_events/poison_among_good": {"batchItemFailures": []},
    "watch_play/play": {"batchItemFailures": []},
    "watch_play/poison_among_good": {"batchItemFailures": []},
    "assess_shufflers/run": {"run": "2020-06-17", "devices": 0},
    "export_histories/run": {"run": "2020-06-17"},
    "recommend_maintenance/sent": {"sent": 1},
    "score_players/property": {"property_id": "north", "players": 0},
    "observe_players/property": {"run": "2020-06-17", "property_id": "north", "players": 1},
    "train_failure_model/run": {"version": "none", "promoted": False},
    "assess_players/property": {"version": "none", "serves": "rules-1", "at_risk": 0},
    "assess_players/churn": {"version": "none", "serves": "rules-1", "players": 0},
    "observe_players/offers": {"run": "2020-06-17", "property_id": "north", "players": 0},
}
"""What functions that nobody waits for give back."""

RAISED: dict[str, str] = {
    "assess_players/nothing_seen": "there is no model '2020-06-18/north.json'",
    "evaluate_policy/job": "there is no model '2020-06-17/jobs/pitboss-1/output/model.tar.gz'",
    "evaluate_policy/model": "there is no model '2020-06-17/model.vw'",
    "promote_policy/version": "there is no model '2020-06-17-0a1b2c3d'",
    "recommend_maintenance/run": "there is no model '2020-06-17/assessment.msgpack.zst'",
    "settle_approval/approved": "there is no offer 1592277317000-0011223344556677",
    "train_policy/run": "there is no model '2020-06-17/train/decisions.ndjson'",
}
"""What they raise where there is nothing to do it with."""


@pytest.fixture
def nothing_offered(stack: dict[str, str]) -> Iterator[None]:
    """No catalogue of the samples' property, no standing of their player and no run of theirs."""

    def clean() -> None:
        tables, s3 = endpoint.client("dynamodb"), endpoint.client("s3")
        for output, partition in (
            ("OffersTableName", "north/catalogue"),
            ("StandingsTableName", "north/player/p-81"),
            ("ScoresTableName", "north/entitlements/player-7"),
        ):
            table = stack[output]
            found = tables.query(
                TableName=table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
            )
            for item in found["Items"]:
                tables.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
        lake = S3Lake(stack["LakeBucketName"], client=s3)
        runs = ("offers/runs/2020-06-17", "offers/runs/by-hand", "shufflers/runs/2020-06-17")
        for run in runs:
            for key, _, _ in lake.objects(f"models/{run}/"):
                s3.delete_object(Bucket=stack["LakeBucketName"], Key=key)

    clean()
    yield
    clean()


def test_a_message_that_a_rule_selected_is_in_the_shuffler_stream(
    stack: dict[str, str], directly: Callable[[str], Any], eventually: Any
) -> None:
    kinesis, stream = endpoint.client("kinesis"), stack["ShufflerStreamName"]
    (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
    start = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
    )["ShardIterator"]
    samples = {f"ingest_shuffler_events/{case}" for case in ("events", "no_json")}

    for sample in samples:
        directly(sample)

    records = eventually(
        lambda: kinesis.get_records(ShardIterator=start)["Records"], lambda found: len(found) == 2
    )
    written = [json.loads(record["Data"]) for record in records]
    wanted = [json.loads(path_of(sample).read_text()) for sample in samples]
    assert sorted(written, key=str) == sorted(wanted, key=str)


@pytest.mark.usefixtures("embedded", "nothing_offered")
def test_who_asks_of_offers_is_answered(directly: Callable[[str], Any]) -> None:
    answers = {sample: directly(sample) for sample in STATUS}

    assert {sample: answer["statusCode"] for sample, answer in answers.items()} == STATUS
    assert json.loads(answers["serve_offers/machine_offer"]["body"]) == {"offer": None}
    for case, events in (("studio", 3), ("gzip", 3), ("install", 5), ("analytics", 2)):
        said = json.loads(answers[f"ingest_game_events/{case}"]["body"])
        assert (said["received"], said["quarantined"]) == (events, events), "of no application"
    excluded, lifted = (
        json.loads(answers[f"keep_exclusions/{case}"]["body"])["exclusions"]
        for case in ("excluded", "lifted")
    )
    assert [entry["list"] for entry in excluded] == ["banned"]
    assert lifted == []
    (version,) = json.loads(answers["keep_catalogue/versions"]["body"])["versions"]
    assert version["is_current"]


@pytest.mark.usefixtures("embedded", "nothing_offered")
def test_offers_are_decided_exported_and_scored(directly: Callable[[str], Any]) -> None:
    given = {sample: directly(sample) for sample in GIVEN}

    assert {
        sample: {name: given[sample][name] for name in answer} for sample, answer in GIVEN.items()
    } == GIVEN


@pytest.mark.usefixtures("embedded", "nothing_offered")
@pytest.mark.parametrize("sample", RAISED)
def test_what_is_not_there_is_said(sample: str, directly: Callable[[str], Any]) -> None:
    with pytest.raises(FunctionFailed, match=re.escape(RAISED[sample])):
        directly(sample)


# After what is asked of a database that has no shuffler yet.


@pytest.mark.usefixtures("embedded")
def test_what_a_shuffler_reports_is_kept_once_and_read(
    stack: dict[str, str], directly: Callable[[str], Any]
) -> None:
    read = ("history", "paces")
    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))

    def refused() -> dict[str, list[str]]:
        return {
            key: [entry.reason for entry in store.read(key)]
            for sender in ("unknown/unknown", "north/north:4712")
            for key, _, _ in store.objects(f"track_shufflers/{sender}/")
        }

    of_others = refused()
    assert directly("track_shufflers/messages") == {"batchItemFailures": []}
    before = [directly(f"serve_shufflers/{case}") for case in read]
    assert directly("track_shufflers/poison_among_good") == {"batchItemFailures": []}
    after = [directly(f"serve_shufflers/{case}") for case in read]

    assert after == before
    (_, history), (_, paces) = map(status_and_body, after)
    assert [day["figures"]["cycles"] for day in history["days"]] == [1]
    assert [(one["table_id"], one["decisions_per_hour"]) for one in paces["tables"]] == [
        ("BJ-1", 78)
    ]
    _, shuffler = status_and_body(directly("serve_shufflers/shuffler"))
    state = shuffler["state"]
    assert (state["asset_id"], state["is_online"], state["table_id"]) == ("4711", True, "BJ-1")
    assert state["failure"]["code"] == "E7"
    _, listed = status_and_body(directly("serve_shufflers/shufflers"))
    assert [one["asset_id"] for one in listed["shufflers"]] == ["4711"]
    ours = [reasons for key, reasons in refused().items() if key not in of_others]
    assert ours == [["unreadable_record"], ["foreign_client"]]


def test_every_sample_event_is_run() -> None:
    run: dict[str, set[str]] = {
        "archive_events": {"play", "packets_and_poison"},
        "authorize_requests": {"connect", "no_token", "get_machine", "post_slot_events"},
        "export_games": {"partition"},
        "import_files": {"dropped", "misplaced"},
        "ingest_shuffler_events": {"events", "no_json"},
        "ingest_slot_events": {*ANSWERS},
        "plan_refinement": {"everything", "hourly", "nightly", "one_day"},
        "rate_players": {"play", "poison_among_good"},
        "read_ratings": {
            *("machine", "player", "sessions", "player_ledger", "machine_ledger", "floor")
        },
        "reconcile_machines": {"partition"},
        "refine_events": {"games", "partition"},
        "serve_shufflers": {"shufflers", "shuffler", "history", "paces"},
        "track_shufflers": {"messages", "poison_among_good"},
    }
    for sample in (*STATUS, *GIVEN, *RAISED):
        function, _, case = sample.partition("/")
        run.setdefault(function, set()).add(case)

    assert {function: sample_events.load(function).keys() for function in LOGICAL_IDS} == run
