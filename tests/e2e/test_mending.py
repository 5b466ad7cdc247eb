"""What was not accepted is mended, replayed and rated; what is replayed whole changes nothing."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pitboss.events.batch import BatchHeader, UnreadableRecord, pack
from pitboss.events.delivered import Unreadable
from pitboss.stores.quarantine import S3Quarantine
from rate_players.handler import _unreadable
from tests.e2e.house import PATIENCE_SECONDS, House, array
from tests.integration import ratings_items
from workbench import endpoint, main, measure
from workbench.archive import Archive
from workbench.console import WorkbenchError
from workbench.event_files import FileFormat

DAY = "2026-01-15"
"""The gaming day of what a house sends."""

OF_NOBODY = "rate_players/unknown/"
"""Where whole stream records are."""

GAMES = 6
PACKETS = FileFormat.ACRES_SAS.content_type


@pytest.fixture(autouse=True)
def _swept(stack: dict[str, str], open_house: Callable[[], House]) -> Iterator[None]:
    """Without the histories and the archive of this test's houses."""
    started = datetime.now(UTC)
    yield
    s3 = endpoint.client("s3")
    for bucket, prefix in (
        (stack["QuarantineBucketName"], "history/"),
        (stack["LakeBucketName"], "raw/slot/property=e2e-"),
    ):
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            if found["LastModified"] >= started.replace(microsecond=0):
                s3.delete_object(Bucket=bucket, Key=found["Key"])


def run(*arguments: str, stdin: bytes | None = None, fails: bool = False) -> Any:
    """The command; the document that it prints."""
    done = CliRunner().invoke(main.app, [*arguments, "--json"], input=stdin)
    assert done.exit_code == (1 if fails else 0), done.output
    return json.loads(done.stdout)


def archived(house: House) -> int:
    """How many events of its day are in the archive."""
    try:
        runs = Archive.of_stack(house.property_id, [DAY]).runs()
        return sum(len(events) for _, events in runs)
    except WorkbenchError:  # nothing yet
        return 0


def play(house: House, as_text: tuple[int, ...] = ()) -> list[bytes]:
    """Carded games on a machine; of some the wager is text, as no gateway should send it."""
    events = [
        house.envelope("7", "paytable.reported", 0, data={"base_basis_points": 9_200}),
        house.envelope("7", "card.inserted", 1, player_id="anna"),
    ]
    for game in range(GAMES):
        second = 10 * (game + 1)
        wager: int | str = str(100 + game) if game in as_text else 100 + game
        events += [
            house.envelope("7", "game.started", second, data={"wager_cents": wager}),
            house.envelope("7", "game.ended", second + 5, data={"win_cents": 40}),
        ]
    return events


def test_bad_events_are_mended_replayed_and_rated_and_a_whole_replay_changes_nothing(
    open_house: Callable[[], House],
    settled: Callable[[], None],
    tmp_path: Path,
) -> None:
    since = datetime.now(UTC).isoformat()
    house, flawless = open_house(), open_house()
    card = house.envelope("7", "card.removed", 200)
    broken = b'{"type": "SAS_EVENT_CODE_51_HANDPAY_PENDING", "asset_number": "0007", '
    said = house.post(array([*play(house, as_text=(1, 4)), card])).json()
    assert (said["accepted"], said["quarantined"]) == (2 * GAMES, 3)
    assert house.post(broken, PACKETS).json()["quarantined"] == 1

    handpay = broken + b'"event_time": 1768500210000, "cache_time": 1768500210000}'
    card_of_anna = flawless.envelope("7", "card.removed", 200, player_id="anna")
    said = flawless.post(array([*play(flawless), card_of_anna])).json()
    assert said["accepted"] == said["received"] == 2 + 2 * GAMES + 1
    assert flawless.post(handpay, PACKETS).json()["accepted"] == 1

    # What waits, by its reason.
    of_house = ("--property", house.property_id)
    waiting = run("quarantine", "list", *of_house, "--state", "waiting")
    assert sorted(one["reason"] for one in waiting) == [
        *("invalid_data", "invalid_data", "malformed_json", "missing_player")
    ]
    ids = {one["reason"]: one["id"] for one in waiting}

    # A batch by expression, one by another, one as an edited file; a dry run stores nothing.
    batch = (*of_house, "--reason", "invalid_data", "--set", ".data.wager_cents |= tonumber")
    assert run("quarantine", "mend", *batch)["stored"] is False
    assert run("quarantine", "list", *of_house, "--state", "mended") == []
    assert run("quarantine", "mend", *batch, "--yes")["mended"] == 2
    anna = ("--set", '.player_id = "anna"', "--yes")
    assert run("quarantine", "mend", ids["missing_player"], *anna)["mended"] == 1
    edited = tmp_path / "edited.json"
    edited.write_bytes(handpay)
    mended = run("quarantine", "mend", ids["malformed_json"], "--file", str(edited), "--yes")
    assert mended["mended"] == 1

    # Through the front door, once.
    assert run("quarantine", "replay", *of_house)["accepted"] == 4
    assert run("quarantine", "list", *of_house, "--state", "waiting") == []
    history = run("quarantine", "show", ids["invalid_data"])["history"]
    assert [step["step"] for step in history] == ["mended", "replayed"]
    assert history[0]["by"].startswith("arn:aws:iam::")
    assert history[1]["status"] == "accepted"
    settled()

    # As if nothing had ever been wrong.
    stored = house.items()
    assert len(stored) == 2  # the machine and the session
    assert ratings_items.different(stored, flawless.items()) == []
    player = house.get("/v1/players/anna").json()
    assert player["total"]["coin_in_cents"] == sum(100 + game for game in range(GAMES))

    # Again by name: the front door takes it, and nothing counts twice.
    assert run("quarantine", "replay", ids["invalid_data"])["accepted"] == 1

    # The day from the archive, in both formats it was posted in.
    accepted = 2 * GAMES + 4 + 1

    is_kept = measure.wait_until(lambda: archived(house) >= accepted, PATIENCE_SECONDS, every=0.5)
    assert is_kept
    whole = run("replay", "--from-archive", DAY, *of_house, "--verify")
    assert whole["received"] == whole["accepted"] + whole["duplicate"] >= accepted
    assert (whole["items"], whole["changed_items"]) == (len(stored), 0)
    assert house.items() == stored

    # And from the stream.
    again = run("stream", "replay", "--since", since, "--verify", house.property_id)
    assert again["records"] >= 8
    assert again["changed_items"] == 0


def test_what_rating_set_aside_is_mended_and_rated(
    open_house: Callable[[], House],
    stack: dict[str, str],
    settled: Callable[[], None],
    unread: Callable[[bytes], str],
    tmp_path: Path,
) -> None:
    house, flawless = open_house(), open_house()
    flawless.post(array([*flawless.game("7", 10), *flawless.game("7", 60)[1:]]))
    flawless.post(array(flawless.game("8", 10)))

    # A game's start has the id of an earlier one's, which only rating can know.
    house.post(array(house.game("7", 10)))
    settled()
    _, start, end = house.game("7", 60, wager_cents=100)
    reused = start.replace(b"7-game.started-60", b"7-game.started-10")
    assert house.post(array([reused, end])).json()["accepted"] == 2
    # Of another machine, two events wait in a stream record that an earlier release could not read,
    # and one in a record that nothing can read.
    *two, third = house.game("8", 10)
    read = [FileFormat.PITBOSS.reader.read(event).event for event in two]
    header = BatchHeader(house.property_id, "8", 0, "gw", "pitboss")
    readable = unread(pack(header, two, read))
    damaged = b"\xff" + house.property_id.encode()
    endpoint.client("kinesis").put_record(
        StreamName=stack["SlotStreamName"], Data=damaged, PartitionKey="poison"
    )
    settled()

    of_rating = ("--property", house.property_id, "--stage", "rate_players")
    (waiting,) = run("quarantine", "list", *of_rating)
    assert waiting["reason"] == "id_reuse"
    renamed = ("--set", '.event_id = "7-game.started-60"', "--yes")
    assert run("quarantine", "mend", *of_rating, *renamed)["mended"] == 1
    assert run("quarantine", "replay", *of_rating)["accepted"] == 1

    assert run("quarantine", "replay", readable)["accepted"] == 1
    unreadable = run("quarantine", "list", "--reason", "unreadable_record")
    (nothing,) = [one for one in unreadable if shown_raw(one["id"]) == damaged]
    as_it_came = run("quarantine", "replay", nothing["id"], fails=True)
    assert as_it_came["not sent"] == 1
    edited = tmp_path / "edited.json"
    edited.write_bytes(third)
    by_file = ("--file", str(edited), "--format", "pitboss", "--yes")
    assert run("quarantine", "mend", nothing["id"], *by_file)["mended"] == 1
    assert run("quarantine", "replay", nothing["id"])["accepted"] == 1
    settled()

    assert ratings_items.different(house.items(), flawless.items()) == []
    assert house.get("/v1/machines/7").json()["days"][0]["play"]["games"] == 2
    assert house.get("/v1/machines/8").json()["days"][0]["play"]["games"] == 1


@pytest.fixture
def unread(stack: dict[str, str]) -> Iterator[Callable[[bytes], str]]:
    """Set a stream record aside as rating does; its id. All such are forgotten after the test."""
    s3 = endpoint.client("s3")
    quarantine = S3Quarantine(stack["QuarantineBucketName"], client=s3)
    known = {key for key, _, _ in quarantine.objects(OF_NOBODY)}

    def put(record: bytes) -> str:
        kinesis = {"data": "", "approximateArrivalTimestamp": time.time()}
        fault = UnreadableRecord("version 9 is not known")
        entry = _unreadable(Unreadable(0, kinesis, record, fault))
        key = quarantine.put([entry])
        return f"{key.removeprefix('quarantine/').removesuffix('.ndjson')}#0"

    yield put
    for key, _, _ in list(quarantine.objects(OF_NOBODY)):
        if key not in known:
            s3.delete_object(Bucket=stack["QuarantineBucketName"], Key=key)


def shown_raw(record_id: str) -> bytes:
    done = CliRunner().invoke(main.app, ["quarantine", "show", record_id, "--raw"])
    assert done.exit_code == 0, done.output
    return done.stdout_bytes


def test_a_comparison_sees_what_changed(house: House, tmp_path: Path) -> None:
    feed = tmp_path / "feed.json"
    feed.write_bytes(array(play(house)))
    compared = ("--format", "pitboss", "--property", house.property_id, "--verify")
    began = time.monotonic()
    first = run("replay", str(feed), *compared, fails=True)
    assert first["changed_items"] == first["items"] == 2
    second = run("replay", str(feed), *compared)
    assert (second["items"], second["changed_items"]) == (first["items"], 0)
    assert time.monotonic() - began < PATIENCE_SECONDS
