"""Files that are dropped into the deployed stack's lake, and by `pitboss import`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from typer.testing import CliRunner

from pitboss.imports.sources import SourceName
from pitboss.stores.imports import Drop, S3Imports, summary_key
from pitboss.stores.quarantine import S3Quarantine
from tests.integration import ratings_items
from tests.unit.test_imports import OWN, SESSION_HEADINGS, meter, slip, text
from workbench import endpoint, main, measure

TABLES = ("slot_meters", "promotions", "table_sessions")


@pytest.fixture
def property_id(stack: dict[str, str]) -> Iterator[str]:
    """A property that nobody else has; what was made of it is removed."""
    name = f"test-{uuid4().hex[:10]}"
    yield name
    ratings_items.forget(name)
    s3 = endpoint.client("s3")
    prefixes = [f"{place}/{source}/" for source in SourceName for place in ("drop", "raw/imports")]
    prefixes += [f"refined/{table}/property_id={name}/" for table in TABLES]
    for bucket, under in (("LakeBucketName", prefixes), ("QuarantineBucketName", ["quarantine/"])):
        for prefix in under:
            for found in objects(stack[bucket], prefix):
                if name in found:
                    s3.delete_object(Bucket=stack[bucket], Key=found)


def objects(bucket: str, prefix: str) -> list[str]:
    pages = endpoint.client("s3").get_paginator("list_objects_v2")
    return [
        found["Key"]
        for page in pages.paginate(Bucket=bucket, Prefix=prefix)
        for found in page.get("Contents", ())
    ]


def partitions(stack: dict[str, str], table: str, property_id: str) -> dict[str, bytes]:
    bucket, s3 = stack["LakeBucketName"], endpoint.client("s3")
    prefix = f"refined/{table}/property_id={property_id}/"
    return {
        key.removeprefix(prefix): s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for key in objects(bucket, prefix)
    }


def imported(source: SourceName, *arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(main.app, ["import", source, *map(str, arguments), "--json"])
    assert done.exit_code in (0, 1), (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_file_is_imported_once_and_what_was_set_aside_is_kept(
    stack: dict[str, str], property_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "january.csv"
    odd = meter("Slot 3", bet="many")
    path.write_text(
        text([meter(hour="2019-01-19 05:00:00"), meter(), meter(), meter(games=7), odd])
    )

    first = imported(SourceName.SLOT_METERS, path, "--property", property_id)["totals"]
    made = partitions(stack, "slot_meters", property_id)
    again = imported(SourceName.SLOT_METERS, path, "--property", property_id)

    counts = ("rows", "imported", "duplicates", "conflicts", "unreadable")
    assert [first[name] for name in counts] == [5, 2, 1, 1, 1]
    assert [again["totals"][name] for name in counts] == [5, 0, 3, 1, 1]
    assert again["files"][0]["is_known"]
    # Both hours are before six in the morning: of the day before.
    assert list(made) == ["gaming_day=2019-01-18/slot_meters.parquet"]
    assert partitions(stack, "slot_meters", property_id) == made
    parquet = tmp_path / "made.parquet"
    parquet.write_bytes(*made.values())
    sums = f"SELECT count(*), sum(coin_in_amount)::VARCHAR FROM '{parquet}'"
    found = duckdb.connect().execute(sums).fetchone()
    assert found == (2, "97.14000")
    quarantine = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))
    (kept,) = [key for key, _, _ in quarantine.objects(f"import_files/{property_id}/")]
    assert [(entry.reason, entry.raw.decode()) for entry in quarantine.read(kept)] == [
        ("conflicting_row", meter(games=7)),
        ("unreadable_row", odd),
    ]


def test_another_system_drops_a_file_with_the_mapping_of_its_folder(
    stack: dict[str, str], property_id: str, eventually: Callable[..., Any]
) -> None:
    bucket, s3 = stack["LakeBucketName"], endpoint.client("s3")
    drop = Drop(SourceName.SLOT_METERS, property_id, "ein schöner Tag.csv")
    headings = "RTP;Gerät;Stunde;Spiele;Einsatz;Ertrag;Theorie"
    content = f"{headings}\n95,00;00417;19.1.2019 07:00;12;1,5;-2;0,075\n"

    s3.put_object(Bucket=bucket, Key=drop.mapping_keys[1], Body=OWN.encode())
    s3.put_object(Bucket=bucket, Key=drop.key, Body=content.encode("cp1252"))

    eventually(lambda: summary_key(drop.key) in objects(bucket, "drop/"))
    told = json.loads(s3.get_object(Bucket=bucket, Key=summary_key(drop.key))["Body"].read())
    assert (told["imported"], told["before"][0]["currency"]) == (1, "EUR")
    (kept,) = S3Imports(bucket, client=s3).kept(SourceName.SLOT_METERS, property_id)
    assert (kept.name, kept.mapping, kept.days) == (drop.file, OWN, ("2019-01-19",))


def test_a_refused_file_is_told_of_beside_it_and_by_the_command(
    stack: dict[str, str], property_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "slips.csv"
    path.write_text(text([slip()], SESSION_HEADINGS))

    wrong = imported(SourceName.PROMOTIONS, path, "--property", property_id)
    right = imported(SourceName.TABLE_SESSIONS, path, "--property", property_id)

    assert "it lacks the column 'Promotion Name'" in wrong["files"][0]["refusal"]
    assert partitions(stack, "promotions", property_id) == {}
    assert right["totals"]["after"][0]["sums"]["theoretical_win_amount"] == "12.50"
    assert len(partitions(stack, "table_sessions", property_id)) == 1


def test_rated_table_sessions_are_part_of_the_players_profile(
    stack: dict[str, str], property_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "slips.csv"
    later = slip(player="p-81", start="1/8/2019 10:20:00 AM")
    path.write_text(text([slip(player="p-81"), slip(player="p-81"), later], SESSION_HEADINGS))

    for _ in range(2):
        imported(SourceName.TABLE_SESSIONS, path, "--property", property_id)
    # A property is one by its gateway; then it may have a reader.
    with measure.gateway(property_id), measure.reader(property_id) as reader:
        player = measure.read(reader, "/v1/players/p-81")

    assert player is not None
    assert [(day["gaming_day"], day["theoretical_win"]) for day in player["tables"]] == [
        ("2019-01-08", "12.50"),
        ("2019-01-07", "12.50"),
    ]
    assert player["rating"]["days_played"] == 2
    assert player["rating"]["tier"]["since"] == "2019-01-07"
    assert (player["session_count"], player["days"]) == (0, [])
