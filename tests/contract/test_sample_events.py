"""Sample events: there for every function, as they are made, and each parsed by a test."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pitboss.access import Principal, body_hash
from pitboss.events.batch import UnreadableRecord, unpack_metered, unpack_received
from pitboss.stores.floor import part_of, plain
from tests import sample_events

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
PATHS = sorted(sample_events.FOLDER.glob("*/*.json"))


def test_every_function_has_a_sample_event_and_every_sample_event_a_function() -> None:
    assert {path.parent.name for path in PATHS} == set(FUNCTIONS)
    assert {path for path in sample_events.FOLDER.rglob("*") if path.is_file()} == set(PATHS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_test_parses_each_of_its_sample_events(function: str) -> None:
    """By going through its folder, or by naming each."""
    path = ROOT / "tests" / "unit" / f"test_{function}.py"
    text = path.read_text()
    through_the_folder = f'load("{function}")' in text or f'"events" / "{function}"' in text
    cases = sample_events.load(function)

    assert through_the_folder or all(case in text for case in cases)


@pytest.mark.parametrize("name", sample_events.sample_events())
def test_a_sample_event_is_as_it_is_made(name: str) -> None:
    """Run `python -m tests.sample_events` after changing what makes them."""
    function, case = name.split("/")
    on_disk = sample_events.load(function)[case]

    assert readable(on_disk) == readable(sample_events.sample_events()[name])


def test_a_sample_event_that_was_edited_is_noticed() -> None:
    made = sample_events.sample_events()
    for name in ("rate_players/play", "ingest_slot_events/gzip", "read_ratings/floor"):
        edited = json.loads(json.dumps(made[name]).replace('"local', '"locale'))
        for record in edited.get("Records", ()):
            record["kinesis"]["data"] = base64.b64encode(b"another").decode()

        assert readable(edited) != readable(made[name])


NO_REQUESTS = {
    "archive_events",
    "assess_players",
    "assess_shufflers",
    "authorize_requests",
    "build_training_set",
    "connect_live_clients",
    "decide_offers",
    "evaluate_policy",
    "expire_offers",
    "export_decisions",
    "export_games",
    "export_histories",
    "import_files",
    "index_events",
    "keep_scores",
    "ingest_shuffler_events",
    "measure_events",
    "migrate_database",
    "observe_players",
    "plan_refinement",
    "plan_retraining",
    "promote_policy",
    "publish_floor_metrics",
    "publish_scores",
    "publish_metrics",
    "push_live_updates",
    "raise_alerts",
    "rate_players",
    "recommend_maintenance",
    "reconcile_machines",
    "refine_events",
    "run_actions",
    "score_players",
    "settle_approval",
    "sum_floor",
    "track_floor",
    "sum_offers",
    "track_shufflers",
    "train_failure_model",
    "train_policy",
    "watch_play",
}
REQUESTS = [f for f in FUNCTIONS if f not in NO_REQUESTS]


@pytest.mark.parametrize("function", REQUESTS)
def test_a_request_carries_a_principal_and_says_whether_its_body_is_signed(function: str) -> None:
    for case, event in sample_events.load(function).items():
        context = event["requestContext"]["authorizer"]
        body = base64.b64decode(event["body"] or "")

        Principal.from_context(context)

        assert (context["body_sha256"] == body_hash(body)) is (case != "another_body")


def readable(event: dict[str, Any]) -> dict[str, Any]:
    """The event with what is compressed unpacked: libraries differ in how they compress."""
    event = json.loads(json.dumps(event))
    for record in event.get("Records", ()):
        if "kinesis" in record:
            record["kinesis"]["data"] = _unpacked(base64.b64decode(record["kinesis"]["data"]))
        for image in ("OldImage", "NewImage"):
            item = record.get("dynamodb", {}).get(image, {})
            if "B" in item.get("body", {}):
                record["dynamodb"][image] = repr(part_of(plain(item)))
    if event.get("headers", {}).get("Content-Encoding") == "gzip":
        event["body"] = gzip.decompress(base64.b64decode(event["body"])).decode()
        del event["requestContext"]["authorizer"]["body_sha256"]
    return event


def _unpacked(record: bytes) -> Any:
    try:
        return [repr(unpack_metered(record)), repr(unpack_received(record))]
    except UnreadableRecord:
        return "unreadable"
