"""The night on the stack: what was archived and rated is refined, exported and reconciled."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
import zstandard
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from pitboss.lake import layout
from pitboss.lake.manifest import Manifest, Partition
from pitboss.lake.rated import summary_key
from pitboss.stores.refinery import RefinedMeanwhile, S3Refinery
from tests import sample_events
from workbench import endpoint, main


@pytest.fixture
def lake(stack: dict[str, str]) -> S3Refinery:
    return S3Refinery(stack["LakeBucketName"], client=endpoint.client("s3"))


@pytest.fixture
def property_id() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def pitboss(*arguments: str) -> Any:
    return CliRunner().invoke(main.app, list(arguments))


def raw(property_id: str, events: list[dict[str, Any]]) -> bytes:
    lines = [
        json.dumps(
            {
                **{"received_at": 1_592_277_400_000 + n, "sender": "gw", "format": "pitboss"},
                **{"record": "1", "index": n, "event": {**event, "property_id": property_id}},
            }
        )
        for n, event in enumerate(events)
    ]
    return zstandard.compress("\n".join(lines).encode())


def put(lake: S3Refinery, partition: Partition, body: bytes, number: int = 1) -> None:
    name = f"slots-shardId-000000000000-{number}-{number}.ndjson.zst"
    lake.put(layout.raw_prefix(*partition) + name, body)


def forget(lake: S3Refinery, property_id: str) -> None:
    for tier in (layout.RAW, layout.REFINED):
        for found in list(lake.listed(tier)):
            if f"={property_id}/" in found.source.key:
                lake.delete(found.source.key)


def rows(lake: S3Refinery, manifest: Manifest, table: str, tmp_path: Any) -> int:
    path = tmp_path / f"{table}.parquet"
    path.write_bytes(b"".join(lake.get(file.key) for file in manifest.files[table]))
    found = duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    assert found is not None
    return int(found[0])


def test_a_partition_that_fails_stops_no_other_and_the_run_is_red(
    stack: dict[str, str], lake: S3Refinery, property_id: str, tmp_path: Any
) -> None:
    good, bad = Partition(property_id, "2020-06-15"), Partition(property_id, "2020-06-14")
    put(lake, good, raw(property_id, [*sample_events.PLAY, *sample_events.PLAY]))
    put(lake, bad, b"no zstd")
    try:
        done = pitboss("refine", "--property", property_id, "--json")

        assert done.exit_code == 1
        assert f"{property_id} 2020-06-14 (refine_events: UnreadableArchive)" in done.stderr
        (shown,) = json.loads(done.stdout)["manifests"]
        unique = len(sample_events.PLAY)
        assert shown["events"] == {
            **{"archived": 2 * unique, "unique": unique},
            **{"duplicate": unique, "conflicting": 0},
        }
        manifest = Manifest.from_json(lake.get(layout.manifest_key(*good)))
        assert rows(lake, manifest, "card_events", tmp_path) == 2

        # The bad one mended, and an event that came late: both are found.
        put(lake, bad, raw(property_id, sample_events.PLAY[:1]))
        put(lake, good, raw(property_id, sample_events.PLAY[:1]), 2)
        again = pitboss("refine", "--property", property_id)
        assert again.exit_code == 0, again.stderr
        assert "2 refined, 0 as they were, 0 left" in again.stdout
        third = pitboss("refine", "--property", property_id)
        assert "0 refined, 2 as they were, 0 left" in third.stdout
    finally:
        forget(lake, property_id)


def test_what_is_posted_is_refined_exported_and_reconciled_to_the_same_bytes_twice(
    stack: dict[str, str],
    lake: S3Refinery,
    property_id: str,
    tmp_path: Any,
    eventually: Callable[..., Any],
) -> None:
    """What the front door writes to the stream is rated and archived, then the night comes."""
    from pitboss.events.batch import BatchHeader, pack
    from pitboss.events.envelope import read_envelope

    events = [{**event, "property_id": property_id} for event in sample_events.PLAY]
    lines = [json.dumps(event).encode() for event in events]
    asset = events[0]["asset_id"]
    header = BatchHeader(property_id, asset, sample_events.MONDAY_EVENING, "gw", "pitboss")
    record = pack(header, lines, [read_envelope(line)[1] for line in lines])
    endpoint.client("kinesis").put_record(
        StreamName=stack["SlotStreamName"], Data=record, PartitionKey=f"{property_id}/{asset}"
    )
    day = Partition(property_id, "2020-06-15")
    try:
        eventually(lambda: list(lake.listed(layout.raw_prefix(*day))), within=90)
        eventually(lambda: exported(stack, day), lambda games: games == 2, within=60)
        lake.delete(layout.table_key("games", *day))
        assert pitboss("refine", "--property", property_id).exit_code == 0
        first = [one.source for one in lake.listed("refined/") if property_id in one.source.key]
        again = pitboss("refine", "--property", property_id)
        assert "0 refined, 1 as they were, 0 left" in again.stdout
        assert pitboss("refine", "--property", property_id, "--all").exit_code == 0

        kinds = {source.key.split("/")[1] for source in first}
        assert kinds >= {"game_events", "card_events", "paytable_events", "manifests"}
        assert kinds >= {"games", "holds", "reconciliations", "summaries"}
        summary = json.loads(lake.get(summary_key(*day)))
        assert summary["totals"]["coin_in"]["rated"] == 1_000
        assert (summary["totals"]["games"]["rated"], summary["starts"]) == (2, [])
        path = tmp_path / "games.parquet"
        path.write_bytes(lake.get(layout.table_key("games", *day)))
        games = "SELECT coin_in_cents, coin_out_cents, player_id FROM read_parquet(?)"
        assert duckdb.connect().execute(games, [str(path)]).fetchall() == [
            (500, 120, "p-81"),
            (500, 0, "p-81"),
        ]
        repeated = [one.source for one in lake.listed("refined/") if property_id in one.source.key]
        assert repeated == first
    finally:
        forget(lake, property_id)


def exported(stack: dict[str, str], day: Partition) -> int:
    """How many games of the day are rated: `export_games` says it."""
    answer = endpoint.client("lambda").invoke(
        FunctionName=stack["ExportGamesFunctionName"], Payload=json.dumps(day._asdict())
    )
    return int(json.loads(answer["Payload"].read()).get("games", 0))


def test_a_day_in_progress_is_exported_and_not_reconciled(
    stack: dict[str, str], lake: S3Refinery, property_id: str
) -> None:
    today = Partition(property_id, datetime.now(UTC).date().isoformat())
    put(lake, today, raw(property_id, sample_events.PLAY))
    try:
        done = pitboss("refine", "--property", property_id)

        assert done.exit_code == 0, done.stderr
        made = {
            one.source.key.split("/")[1]
            for one in lake.listed("refined/")
            if property_id in one.source.key
        }
        assert made >= {"manifests", "game_events", "games"}
        assert made.isdisjoint({"reconciliations", "summaries"})
        assert "0 refined, 1 as they were" in pitboss("refine", "--property", property_id).stdout
    finally:
        forget(lake, property_id)


def test_a_manifest_is_only_replaced_by_who_knows_it(
    stack: dict[str, str], lake: S3Refinery, property_id: str
) -> None:
    key = layout.manifest_key(property_id, "2020-06-15")
    try:
        assert lake.find(key) is None
        lake.replace(key, b"{}", None)
        with pytest.raises(RefinedMeanwhile):
            lake.replace(key, b"1", None)
        found = lake.find(key)
        assert found is not None
        lake.replace(key, b"2", found[1])
        with pytest.raises(RefinedMeanwhile):
            lake.replace(key, b"3", found[1])
        assert lake.get(key) == b"2"
    finally:
        forget(lake, property_id)
        with pytest.raises(ClientError):
            lake.get(key)
