"""The lake of the deployed stack: what is posted lies there, to the byte."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard

from pitboss.events.quarantined import QuarantineEntry
from pitboss.lake.layout import RAW, SLOT, raw_prefix, read_raw_key
from pitboss.lake.raw import RawLine, read_line
from pitboss.stores.lake import S3Lake
from pitboss.stores.quarantine import S3Quarantine
from tests.integration.conftest import name
from tests.sample_events import GAME_ON_ANOTHER, MONDAY_EVENING, PACKETS, PLAY
from workbench import endpoint, measure

DAY = "2020-06-15"


@pytest.fixture
def house(stack: dict[str, str]) -> Iterator[tuple[str, S3Lake]]:
    """A property of this test's own, and the lake; what it left there is removed."""
    property_id = name("house")
    s3 = endpoint.client("s3")
    lake = S3Lake(stack["LakeBucketName"], client=s3)
    yield property_id, lake
    for key, _, _ in lake.objects(f"{RAW}{SLOT}/property={property_id}/"):
        s3.delete_object(Bucket=stack["LakeBucketName"], Key=key)


def lines_of(lake: S3Lake, prefix: str) -> list[RawLine]:
    unpack = zstandard.ZstdDecompressor().stream_reader
    return [
        read_line(line)
        for key, _, _ in lake.objects(prefix)
        for line in unpack(lake.get(key), read_across_frames=True).read().splitlines()
    ]


def set_aside(stack: dict[str, str], property_id: str) -> list[QuarantineEntry]:
    store = S3Quarantine(stack["QuarantineBucketName"], client=endpoint.client("s3"))
    return [
        entry
        for key, _, _ in store.objects(f"ingest_slot_events/{property_id}/")
        for entry in store.read(key)
    ]


def test_what_is_posted_lies_in_the_lake_to_the_byte(
    house: tuple[str, S3Lake], stack: dict[str, str], eventually: Any
) -> None:
    property_id, lake = house
    envelopes = [{**event, "property_id": property_id} for event in [*PLAY, *GAME_ON_ANOTHER]]
    pretty = [json.dumps(event, indent=3).encode() for event in envelopes[:3]]
    plain = [json.dumps(event, ensure_ascii=False).encode() for event in envelopes[3:]]
    bad = b'{"event_id": "no envelope"}'
    before = MONDAY_EVENING - 86_400_000
    yesterday = json.dumps({**envelopes[0], "event_id": "y-1", "occurred_at": before}).encode()

    with measure.gateway(property_id) as client:
        body = b"[" + b" ,\n".join([*pretty, *plain, bad, yesterday]) + b"]"
        answer = client.post_events(body, "application/json")
        packets = client.post_events(b"\n".join(PACKETS), "application/x-ndjson")
    assert (answer.accepted, answer.quarantined, packets.accepted) == (10, 1, 4)

    found = eventually(
        lambda: lines_of(lake, raw_prefix(property_id, DAY)), lambda lines: len(lines) >= 13
    )
    assert sorted(line.posted for line in found) == sorted([*pretty, *plain, *PACKETS])
    assert {line.format for line in found} == {"pitboss", "acres-sas"}
    (late,) = lines_of(lake, raw_prefix(property_id, "2020-06-14"))
    assert late.posted == yesterday
    assert [entry.raw for entry in set_aside(stack, property_id)] == [bad]
    keys = [key for key, _, _ in lake.objects(f"{RAW}{SLOT}/property={property_id}/")]
    parsed = [read_raw_key(key) for key in keys]
    assert {one and one.records.stream for one in parsed} == {stack["SlotStreamName"]}
    assert {one and one.day for one in parsed} == {DAY, "2020-06-14"}


def test_an_object_is_replaced_by_one_of_its_key_and_listed_under_its_prefix(
    aws: endpoint.Target, workshop: Any
) -> None:
    lake = S3Lake(workshop.bucket(), client=endpoint.client("s3"))
    for key, body in (("raw/b", b"1"), ("raw/a", b"22"), ("refined/c", b"3"), ("raw/b", b"444")):
        lake.put(key, body)

    assert [(key, size) for key, size, _ in lake.objects("raw/")] == [("raw/a", 2), ("raw/b", 3)]
    assert (lake.get("raw/b"), lake.get("refined/c")) == (b"444", b"3")
