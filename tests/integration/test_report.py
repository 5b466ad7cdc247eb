"""`pitboss report` of the running stack: its lake, its ratings table and its gaming-day rule."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from export_games.service import GameRow, hold_sums
from pitboss.lake.layout import manifest_key, raw_prefix
from pitboss.lake.manifest import Counts, Manifest
from pitboss.lake.rated import GAMES, GAPS, HOLDS
from pitboss.stores.lake import S3Lake
from pitboss.stores.parquet import ParquetLake
from tests.integration.conftest import name
from workbench import endpoint, main

pytestmark = pytest.mark.integration

DAY = "2020-06-15"
NOON = 1_592_247_600_000  # in Los Angeles, in summer

PLAYED = GameRow(
    "101", "game", NOON, NOON + 3_000, "p1", NOON, 0, "PT1", "Blazing", 1_000, 2_500, 400, 0,
    2_500_000, True,
)  # fmt: skip


def report(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, ["report", *arguments], env={"NO_COLOR": "1"})


@pytest.fixture
def property_id(stack: dict[str, str]) -> Iterator[str]:
    """A property with a refined day, one of whose changes moved play from the machine to a player;
    and a day that is not refined.
    """
    one = name("property")
    s3, dynamodb = endpoint.client("s3"), endpoint.client("dynamodb")
    bucket, table = stack["LakeBucketName"], stack["RatingsTableName"]
    lake = S3Lake(bucket, client=s3)
    with ParquetLake(lake, one, 200) as tables:
        tables.write(GAMES, DAY, [PLAYED, PLAYED._replace(player_id=None)])
        tables.write(GAPS, DAY, [("101", None, NOON, 700, False)])
        tables.write(HOLDS, DAY, tables.rows(hold_sums(tables.table(GAMES, [DAY]))))
    manifest = Manifest(one, DAY, Counts(5, 4, 1, 0), 0, {}, {}, {}, [], [])
    lake.put(manifest_key(one, DAY), manifest.to_json())
    lake.put(raw_prefix(one, "2020-06-16") + "s-shardId-0-1-2.ndjson.zst", b"")
    keys: list[dict[str, Any]] = [
        {"pk": {"S": f"{one}/{owner}"}, "sk": {"S": f"correction/{day}/0/101/{change}"}}
        for owner, day, change in [
            ("player/p1", DAY, "change-1"),
            ("machine/101", DAY, "change-1"),
            ("machine/101", DAY, "change-2"),
            ("machine/101", "2020-06-14", "change-3"),
        ]
    ]
    for key in keys:
        dynamodb.put_item(TableName=table, Item=key)
    yield one
    for key in keys:
        dynamodb.delete_item(TableName=table, Key=key)
    for tier in ("raw", "refined"):
        for path, _, _ in list(lake.objects(f"{tier}/")):
            if f"={one}/" in path:
                s3.delete_object(Bucket=bucket, Key=path)


def test_a_day_of_the_stack_is_reported(property_id: str) -> None:
    made = report(DAY, "--property", property_id, "--json")

    assert made.exit_code == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["totals"]["coin_in_cents"] == 5_000
    assert found["totals"]["theoretical_win"] == "5.00"
    assert found["totals"]["adt"] == "2.50"
    assert found["time_zone"] == "America/Los_Angeles"
    assert [hour["clock"] for hour in found["hours"] if hour["games"]] == ["12:00"]
    assert found["quality"]["received"] == 5
    assert found["quality"]["gap_cents"] == 700
    assert found["quality"]["corrections"] == 2

    raw = report("2020-06-16", "--property", property_id)
    assert raw.exit_code == 1
    assert f"pitboss refine --property {property_id} --day 2020-06-16" in " ".join(
        raw.stderr.split()
    )
