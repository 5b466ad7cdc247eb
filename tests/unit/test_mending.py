"""Mending: expressions, what the front door says of their results, histories, and the commands."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ingest_game_events.rules import Rules
from pitboss.access import Action, Principal
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.quarantined import QuarantineEntry
from pitboss.games.applications import Application, Category
from pitboss.installs import principal_of
from pitboss.stores.quarantine import S3Quarantine
from tests.fakes.keys import NOW
from tests.fakes.registry import MemoryRegistry, credential, gateway
from tests.sample_events import game_event
from workbench import endpoint, gateways, main, quarantine
from workbench.client import Answer, EventAnswer
from workbench.console import WorkbenchError
from workbench.event_files import FileFormat
from workbench.mending import (
    Expression,
    Mend,
    Posted,
    Record,
    Senders,
    State,
    UnmendableError,
    Verdict,
    difference,
    hash_of,
    on_one_line,
    propose,
    rehearse,
)
from workbench.quarantine_records import QuarantineRecords, Wanted

SENDER = gateway("workbench")
NOW_MS = NOW * 1000


def gateway_of(property_id: str) -> Principal:
    return gateway("workbench", property_id=property_id)


def server_of(property_id: str) -> Principal:
    scopes = frozenset({Action.SEND_GAME_EVENTS})
    return replace(gateway("workbench-mender", property_id=property_id), scopes=scopes)


SENDERS = Senders(gateway_of, server_of)


def started(wager: Any = "500", name: str = "s1", asset: str = "7", **fields: Any) -> bytes:
    """A started game as gw-1 posted it, with a wager that is text unless told."""
    envelope = {
        "event_id": name,
        "event_type": "game.started",
        "property_id": "P1",
        "asset_id": asset,
        "occurred_at": NOW_MS - 1_000,
        "sequence": 1,
        "data": {"wager_cents": wager},
    }
    return json.dumps(envelope | fields).encode()


def entry(raw: bytes, *, index: int = 0, **fields: Any) -> QuarantineEntry:
    known: dict[str, Any] = {
        "reason": "invalid_data",
        "detail": "wager_cents is text",
        "stage": "ingest_slot_events",
        "property_id": "P1",
        "sender": "gw-1",
        "received_at": NOW_MS,
        "posted_as": "pitboss",
    }
    return QuarantineEntry.of(raw, **(known | fields), index=index)


def record(raw: bytes, *steps: Mend | Posted, **fields: Any) -> Record:
    return Record("ingest_slot_events/P1/gw-1/day/hash#0", entry(raw, **fields), steps)


def mended(raw: bytes, position: int = 0) -> Mend:
    return Mend(position, 1, "arn:me", "jq: .", "", "from", hash_of(raw), "pitboss", raw.decode())


def posted(status: str, position: int = 0) -> Posted:
    return Posted(position, 2, "arn:me", "workbench", "sha", status)


# --- expressions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "raw", "made"),
    [
        (".data.wager_cents = 500", b'{"b":1,"data":{}}', b'{"b":1,"data":{"wager_cents":500}}'),
        (".x |= tonumber", b'{"x": "12"}', b'{"x":12}'),
        ("del(.x)", '{"x":1,"é":"ü"}'.encode(), '{"é":"ü"}'.encode()),
        ("select(.x == 2)", b'{"x":1}', None),
        (".", b'{"big":9007199254740992,"f":0.1}', b'{"big":9007199254740992,"f":0.1}'),
    ],
)
def test_an_expression_makes_an_event_of_one(
    expression: str, raw: bytes, made: bytes | None
) -> None:
    assert Expression(expression)(raw) == made


@pytest.mark.parametrize(
    ("expression", "raw", "why"),
    [
        (".x += 1", b'{"x":"1"}', "cannot be added"),
        (".,.", b"{}", "makes 2 events"),
        (".x = 1", b'{"x":', "no JSON"),
        (".x = 1", b"\xff", "no JSON"),
        (".x = 1", b'{"card":9007199254740993}', "a number that jq cannot hold"),
        (".x = 1", b'{"f":0.10000000000000000001}', "a number that jq cannot hold"),
    ],
)
def test_what_an_expression_cannot_make(expression: str, raw: bytes, why: str) -> None:
    with pytest.raises(UnmendableError, match=why):
        Expression(expression)(raw)


def test_what_is_no_expression() -> None:
    with pytest.raises(UnmendableError, match="is no jq expression"):
        Expression(".x |")


def test_an_edited_event_is_put_on_one_line() -> None:
    assert on_one_line(b'{\n "a": "x\\n"\n}\n') == b'{"a":"x\\n"}'
    assert on_one_line(b' {"a": 1} ') == b'{"a": 1}'
    for text in (b"", b'{"a":1}\n{"b":2}', b"\xff"):
        with pytest.raises(UnmendableError, match="not one JSON value"):
            on_one_line(text)


def test_a_difference_is_of_values_not_of_writing() -> None:
    assert difference(b'{"a":1,"b":"x"}', b'{ "a": 1, "b": "x" }') == []
    assert difference(b'{"a":1,"b":"1"}', b'{"a":1,"b":1}') == ['-   "b": "1"', '+   "b": 1']
    assert difference(b'{"a":1.0}', b'{"a":1}') != []
    assert difference(b"\xff", b"{}") == ["- \\xff", "+ {}"]


# --- what a mend comes to -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "expression", "verdict", "detail"),
    [
        (record(started()), ".data.wager_cents = 500", Verdict.MENDED, ""),
        (
            record(started()),
            ".data.wager_cents = -5",
            Verdict.REFUSED,
            "invalid_data: game.started",
        ),
        (record(started(5)), '.property_id = "P2"', Verdict.REFUSED, "foreign_property"),
        (
            record(started()),
            ".occurred_at += 9e10 | .data = {wager_cents: 5}",
            Verdict.REFUSED,
            "clock_ahead",
        ),
        (record(started()), 'select(.event_id == "s2")', Verdict.UNTOUCHED, ""),
        (record(started()), ".", Verdict.UNTOUCHED, ""),
        (record(b"{"), ".", Verdict.REFUSED, "mend it with --file"),
        (record(started(), posted_as=""), ".", Verdict.REFUSED, "name that with --format"),
    ],
)
def test_a_mend_is_judged_by_the_front_door(
    before: Record, expression: str, verdict: Verdict, detail: str
) -> None:
    proposal = propose(before, Expression(expression), SENDERS, NOW_MS)
    assert proposal.verdict is verdict
    assert detail in proposal.detail
    assert bool(proposal.detail) is (verdict is Verdict.REFUSED)


INSTALL = principal_of("P1", "space-race", "player-7")


class OneApplication:
    """A game whose clients are believed when they say that a level was started, and no more."""

    def find(self, property_id: str, application_id: str) -> Rules | None:
        categories = {"level_started": Category.LOCAL_GAMEPLAY, "sold": Category.ECONOMY}
        game = Application("P1", "space-race", 1, categories=categories)
        return Rules(game) if (property_id, application_id) == ("P1", "space-race") else None


def of_a_game(sender: str, raw: bytes = b"", /, posted_as: str = "studio", **said: Any) -> Record:
    event_type = said.pop("event_type", "sold")
    made = game_event(1, event_type, **({"event_timestamp": NOW_MS} | said))
    stage = "ingest_game_events"
    return record(raw or json.dumps(made).encode(), stage=stage, sender=sender, posted_as=posted_as)


@pytest.mark.parametrize(
    ("before", "expression", "verdict", "detail"),
    [
        (of_a_game("server-1", app_name="?"), '.app_name = "space-race"', Verdict.MENDED, ""),
        (of_a_game("server-1"), '.client_id = "player-8"', Verdict.MENDED, ""),
        (of_a_game("server-1"), '.app_name = "x"', Verdict.REFUSED, "unknown_application"),
        # What a client said stays a client's.
        (of_a_game(INSTALL.principal_id), ".price = 1", Verdict.REFUSED, "untrusted_claim"),
        (
            of_a_game(INSTALL.principal_id),
            '.event_type = "level_started"',
            Verdict.MENDED,
            "",
        ),
        (
            of_a_game(INSTALL.principal_id, client_id="player-8", event_type="level_started"),
            '.client_id = "player-7"',
            Verdict.MENDED,
            "",
        ),
        (
            of_a_game(INSTALL.principal_id, event_type="level_started"),
            '.client_id = "player-8"',
            Verdict.REFUSED,
            "speaks for another client",
        ),
        (
            of_a_game(INSTALL.principal_id, event_type="level_started"),
            "del(.client_id)",
            Verdict.REFUSED,
            "names no `app_name` and `client_id`",
        ),
        (of_a_game("server-1", posted_as="mapped"), ".", Verdict.REFUSED, "write it as studio"),
    ],
)
def test_a_mend_of_a_game_is_judged_as_of_who_sent_it(
    before: Record, expression: str, verdict: Verdict, detail: str
) -> None:
    what = Expression(expression)
    proposal = propose(before, what, SENDERS, NOW_MS, applications=OneApplication())
    assert proposal.verdict is verdict, proposal.detail
    assert detail in proposal.detail


@given(
    client=st.sampled_from(["player-7", "player-8", "install-1"]),
    application=st.sampled_from(["space-race", "chase"]),
    named_client=st.sampled_from(["player-7", "player-8", "install-1"]),
    named_application=st.sampled_from(["space-race", "chase"]),
)
def test_what_a_client_sent_is_posted_as_that_clients_or_not_at_all(
    client: str, application: str, named_client: str, named_application: str
) -> None:
    sent_by = principal_of("P1", application, client)
    found = of_a_game(sent_by.principal_id, app_name=named_application, client_id=named_client)
    if (client, application) == (named_client, named_application):
        assert SENDERS.of(found, found.raw, "P1") == sent_by
    else:
        with pytest.raises(UnmendableError):
            SENDERS.of(found, found.raw, "P1")


@pytest.mark.parametrize("sender", ["server-1", INSTALL.principal_id])
def test_what_a_games_door_set_aside_is_posted_at_no_other_door(sender: str) -> None:
    found = of_a_game(sender)
    for written_as in ("pitboss", "acres-sas"):
        proposal = propose(found, lambda _: started(500), SENDERS, NOW_MS, written_as)
        assert (proposal.verdict, proposal.raw) == (Verdict.REFUSED, b"")
    slots = propose(record(started()), lambda _: b"{}", SENDERS, NOW_MS, "studio")
    assert "cannot be posted as studio" in slots.detail


def test_a_mend_goes_on_from_the_mend_before() -> None:
    first = started(400)
    before = record(started(), mended(first))
    proposal = propose(before, Expression(".data.wager_cents += 1"), SENDERS, NOW_MS)
    step = proposal.step(how="jq: x", note="why", by="arn:me", at=9)
    assert step.from_sha256 == hash_of(first)
    assert step.to_sha256 == hash_of(proposal.raw)
    assert json.loads(step.content)["data"] == {"wager_cents": 401}
    assert before.entry.raw == started()


def test_a_rehearsal_keeps_what_it_says_of_packets_apart() -> None:
    assert rehearse([started(5)], "pitboss", SENDER, NOW_MS).status == "accepted"
    assert rehearse([started(5)], "acres-sas", SENDER, NOW_MS).reason == "invalid_envelope"
    one_is_bad = [started(5), started("x", "s2")]
    assert rehearse(one_is_bad, "pitboss", SENDER, NOW_MS).reason == "invalid_data"


def stream_record(*events: bytes, asset: str = "7", posted_as: str = "pitboss") -> bytes:
    """What the front door makes of events of a machine."""
    header = BatchHeader("P1", asset, NOW_MS, "gw-1", posted_as)
    read = [FileFormat.PITBOSS.reader.read(event).event for event in events]
    return pack(header, events, read)


def unreadable(raw: bytes, index: int = 0) -> QuarantineEntry:
    """As rating sets a whole stream record aside."""
    known = {"reason": "unreadable_record", "stage": "rate_players", "sender": "stream"}
    return entry(raw, index=index, property_id="unknown", posted_as="", **known)


def test_a_stream_record_that_can_be_read_again_is_its_events() -> None:
    events = [started(500), started(600, "s2")]
    found = Record("x#0", unreadable(stream_record(*events)))
    assert (found.events, found.property_id, found.format) == (events, "P1", "pitboss")

    by_hand = Record("x#0", found.entry, (mended(started(700)),))
    assert by_hand.events == [started(700)]
    foreign = Record("x#0", unreadable(stream_record(*events, posted_as="lost")))
    assert foreign.format == ""
    assert Record("x#0", unreadable(stream_record())).format == ""
    damaged = Record("x#0", unreadable(b"\xffdamaged"))
    assert (damaged.events, damaged.property_id, damaged.format) == (
        [b"\xffdamaged"],
        "",
        "",
    )


def test_what_is_made_of_a_damaged_record_is_of_the_property_it_names() -> None:
    damaged = Record("x#0", unreadable(b"\xffdamaged"))
    for raw, detail in (
        (started(500, property_id="P2"), ""),
        (started("x", property_id="P2"), "invalid_data"),
        (b'{"asset_number":"7"}', "does not say of which property"),
    ):

        def made(_: bytes, raw: bytes = raw) -> bytes:
            return raw

        proposal = propose(damaged, made, SENDERS, NOW_MS, "pitboss")
        assert detail in proposal.detail
        assert bool(proposal.detail) is bool(detail)
        step = proposal.step(how="file: x", note="", by="arn:me", at=9)
        mended_now = Record("x#0", damaged.entry, (step,))
        assert mended_now.property_id == ("P2" if b"P2" in raw else "")


def test_a_history_makes_a_state() -> None:
    done = mended(started(5))
    for steps, state in (
        ((), State.WAITING),
        ((done,), State.MENDED),
        ((done, posted("accepted")), State.REPLAYED),
        ((posted("duplicate"),), State.REPLAYED),
        ((done, posted("quarantined")), State.WAITING),
        ((done, posted("quarantined"), done), State.MENDED),
        ((done, posted("accepted"), posted("quarantined")), State.REPLAYED),
    ):
        assert record(started(), *steps).state is state
    assert record(started(), done).raw == started(5)
    assert record(started()).raw == started()


# --- the store ------------------------------------------------------------------------------------


class MemoryS3:
    """As much of S3 as the quarantine asks for; it refuses to write an object twice."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        assert (Bucket, ContentType) == ("bucket", "application/x-ndjson")
        assert self.objects.setdefault(Key, Body) == Body
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> "MemoryS3":
        return self

    def paginate(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        StartAfter: str = "",  # noqa: N803
    ) -> list[dict[str, Any]]:
        when = datetime(2026, 11, 21, tzinfo=UTC)
        found = [
            {"Key": key, "Size": len(body), "LastModified": when}
            for key, body in self.objects.items()
            if key.startswith(Prefix) and key > StartAfter
        ]
        return [{"Contents": found[:1]}, {"Contents": found[1:]}, {}]


@pytest.fixture
def s3() -> MemoryS3:
    return MemoryS3()


@pytest.fixture
def put(s3: MemoryS3) -> Callable[..., str]:
    """Set entries aside together; the id of their object."""

    def put(*entries: QuarantineEntry) -> str:
        key = S3Quarantine("bucket", client=s3).put(entries)  # type: ignore[arg-type]
        return key.removeprefix("quarantine/").removesuffix(".ndjson")

    return put


@pytest.fixture
def records(s3: MemoryS3) -> QuarantineRecords:
    return QuarantineRecords("bucket", s3)  # type: ignore[arg-type]


def test_steps_are_added_and_nothing_is_ever_written_over(
    s3: MemoryS3, put: Callable[..., str], records: QuarantineRecords
) -> None:
    object_id = put(entry(started()), entry(started("x", "s2"), index=1))
    before = dict(s3.objects)
    first, second = records.find(Wanted())
    records.append([(second, mended(started(5), 1))])
    records.append([(second, posted("quarantined", 1))])

    assert [one.record_id for one in records.find(Wanted())] == [f"{object_id}#0", f"{object_id}#1"]
    found = records.get(f"{object_id}#1")
    assert found is not None
    assert found.steps == (mended(started(5), 1), posted("quarantined", 1))
    assert records.get(f"quarantine/{object_id}") == first
    assert records.get(f"{object_id}#-1") is None
    assert records.get("nothing#0") is None
    assert before.items() <= s3.objects.items()
    assert {key.partition("/")[0] for key in s3.objects.keys() - before.keys()} == {"history"}


def test_records_are_found_by_what_is_wanted(
    put: Callable[..., str], records: QuarantineRecords
) -> None:
    put(entry(started()), entry(started("y"), reason="missing_asset", index=1))
    put(entry(started("z"), sender="gw-2", property_id="P2"))
    put(entry(started("w"), stage="rate_players"))
    for wanted, count in (
        (Wanted(), 4),
        (Wanted(reason="missing_asset"), 1),
        (Wanted(sender="gw-2"), 1),
        (Wanted(property_id="P1"), 3),
        (Wanted(stage="rate_players"), 1),
        (Wanted(state=State.MENDED), 0),
        (Wanted(state=State.WAITING, sender="gw-1"), 3),
        (Wanted(stage="rate_players", reason="missing_asset"), 0),
        (Wanted(property_id="P1", sender="gw-2"), 0),
    ):
        assert len(list(records.find(wanted))) == count


# --- the commands ---------------------------------------------------------------------------------


class Door:
    """A front door that answers by a rule for each event."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        self.status = "accepted"
        self.breaks = False
        self.refuses = ""
        """An event that is set aside, by its id."""

    _why = ("", "clock_ahead")

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def post_events(self, body: bytes, content_type: str, *, compress: bool = True) -> Answer:
        if self.breaks and self.bodies:
            raise WorkbenchError("The API does not answer.")
        self.bodies.append((content_type, body))
        count = len(json.loads(body)) if content_type == "application/json" else body.count(b"\n")
        said = [self.status] * (count or 1)
        if self.refuses:
            ids = [one["event_id"] for one in json.loads(body)]
            said[ids.index(self.refuses)] = "quarantined"
        events = tuple(
            EventAnswer(index, status, f"e{index}", self._why[status == "quarantined"])
            for index, status in enumerate(said)
        )
        return Answer(200, len(events), len(events), events=events)

    def pause(self, attempt: int, at_least: float = 0.0) -> None:
        raise AssertionError("nothing failed")


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, records: QuarantineRecords, tmp_path: Path) -> Door:
    made = Door()
    registry = MemoryRegistry()
    registry.register(credential(gateway("cage-7", assets=frozenset({"7"}))))
    monkeypatch.setenv("PITBOSS_HOME", str(tmp_path))
    monkeypatch.setattr(quarantine, "_records", lambda: records)
    monkeypatch.setattr(quarantine, "_caller", lambda: "arn:me")
    monkeypatch.setattr(quarantine, "_now_ms", lambda: NOW_MS)
    monkeypatch.setattr(gateways, "registry", lambda: registry)
    monkeypatch.setattr("workbench.replay.front_door", lambda *_: made)
    monkeypatch.setattr(endpoint, "stack_outputs", dict)
    return made


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main.app, ["quarantine", *arguments], input=stdin)


TO_NUMBER = ".data.wager_cents |= tonumber"


def test_a_dry_run_shows_what_changes_and_stores_nothing(
    door: Door, s3: MemoryS3, put: Callable[..., str]
) -> None:
    object_id = put(entry(started()), entry(started("five", "s2"), index=1))
    before = dict(s3.objects)
    done = run("mend", "--reason", "invalid_data", "--set", TO_NUMBER)
    assert done.exit_code == 1
    shown = done.stdout.splitlines()
    assert shown[0] == f"{object_id}#0"
    assert [line.split() for line in shown[1:3]] == [
        ["-", '"wager_cents":', '"500"'],
        ["+", '"wager_cents":', "500"],
    ]
    assert "refused the expression fails" in shown[4]
    assert "mended 1, untouched 0, refused 1." in done.stdout
    assert "Nothing is stored" in done.stdout
    assert s3.objects == before


def test_mended_then_replayed_then_nothing_is_left_to_replay(
    door: Door, put: Callable[..., str], s3: MemoryS3
) -> None:
    packet = b'{"type":"SAS_EVENT_CODE_51_HANDPAY","asset_number":"7"}'
    object_id = put(entry(started()), entry(started("700", "s2"), index=1))
    other = put(entry(packet, posted_as="acres-sas", reason="invalid_envelope"))
    before = dict(s3.objects)

    assert run("mend", "--reason", "invalid_data", "--set", TO_NUMBER, "--yes").exit_code == 0
    times = f".event_time = {NOW_MS} | .cache_time = {NOW_MS}"
    assert run("mend", other, "--set", times, "--yes", "--note", "no clock").exit_code == 0
    listed = json.loads(run("list", "--state", "mended", "--json").stdout)
    assert {one["id"] for one in listed} == {f"{object_id}#0", f"{object_id}#1", f"{other}#0"}

    done = run("replay", "--sender", "gw-1", "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["accepted"] == 3
    (_, envelopes), (content_type, packets) = door.bodies
    assert [one["data"] for one in json.loads(envelopes)] == [
        {"wager_cents": 500},
        {"wager_cents": 700},
    ]
    assert (content_type, json.loads(packets)["event_time"]) == ("application/x-ndjson", NOW_MS)
    assert json.loads(run("list", "--state", "waiting", "--json").stdout) == []
    assert before.items() <= s3.objects.items()
    again = run("replay", "--sender", "gw-1")
    assert (again.exit_code, len(door.bodies)) == (1, 2)
    assert "Nothing mended in quarantine is such" in again.stderr
    mend_again = run("mend", other, "--set", times)
    assert (mend_again.exit_code, "was replayed" in mend_again.stderr) == (1, True)

    shown = json.loads(run("show", other, "--json").stdout)
    assert (shown["state"], shown["content"]) == ("replayed", packet.decode())
    first, second = shown["history"]
    assert (first["step"], first["by"], first["how"]) == ("mended", "arn:me", f"jq: {times}")
    assert (first["note"], first["from_sha256"]) == ("no clock", hash_of(packet))
    assert (second["step"], second["status"], second["gateway"]) == (
        "replayed",
        "accepted",
        "workbench",
    )
    assert second["sha256"] == first["to_sha256"]
    told = run("show", other).stdout
    assert "mended by arn:me: jq: .event_time" in told
    assert "replayed by arn:me as workbench: accepted" in told
    assert json.loads(run("show", other, "--mended").stdout)["cache_time"] == NOW_MS
    assert run("show", other, "--raw").stdout_bytes == packet


def test_a_file_mends_one(door: Door, put: Callable[..., str], tmp_path: Path) -> None:
    object_id = put(entry(b'{"event_id": "s1", ', reason="malformed_json"))
    edited = tmp_path / "edited.json"
    edited.write_bytes(started(500))
    done = run("mend", object_id, "--file", str(edited), "--yes")
    assert done.exit_code == 0, done.output
    assert json.loads(run("show", object_id, "--json").stdout)["history"][0]["how"] == (
        "file: edited.json"
    )
    piped = run("mend", object_id, "--file", "-", "--yes", stdin=started(600))
    assert piped.exit_code == 0, piped.output
    assert json.loads(run("show", object_id, "--mended").stdout)["data"] == {"wager_cents": 600}


def test_what_the_front_door_sets_aside_again_waits_again(
    door: Door, put: Callable[..., str]
) -> None:
    object_id = put(entry(started()))
    run("mend", object_id, "--set", TO_NUMBER, "--yes")
    door.status = "quarantined"
    done = run("replay", object_id)
    assert done.exit_code == 1
    assert f"{object_id}#0 quarantined clock_ahead" in done.stdout
    shown = json.loads(run("show", object_id, "--json").stdout)
    assert (shown["state"], shown["history"][-1]["reason"]) == ("waiting", "clock_ahead")


def test_what_would_be_set_aside_again_is_not_sent(door: Door, put: Callable[..., str]) -> None:
    put(entry(started()), entry(started(5, "s2"), reason="foreign_asset", index=1))
    fine = put(entry(started(5, "s3"), reason="unratable", stage="rate_players"))
    done = run("replay", "--property", "P1", "--as-it-came", "--json")
    assert done.exit_code == 1
    assert {
        one["id"].rpartition("#")[0]: one["status"] for one in json.loads(done.stdout)["records"]
    }[fine] == "accepted"
    assert json.loads(done.stdout)["not sent"] == 1
    assert "left out: 1 security events" in done.stderr
    assert [one["event_id"] for _, body in door.bodies for one in json.loads(body)] == ["s3"]


def test_a_security_event_is_replayed_by_its_id(door: Door, put: Callable[..., str]) -> None:
    object_id = put(entry(started(5), reason="foreign_asset"))
    assert run("replay", object_id).exit_code == 0
    assert len(door.bodies) == 1


def test_what_was_answered_is_kept_where_the_replay_breaks(
    door: Door, put: Callable[..., str]
) -> None:
    first = put(entry(started(5), reason="unratable"))
    second = put(entry(b"[]", reason="unratable", posted_as="acres-sas"))
    packet = {"type": "T", "event_time": NOW_MS, "cache_time": NOW_MS, "asset_number": "7"}
    run("mend", second, "--set", json.dumps(packet), "--yes")
    door.breaks = True
    done = run("replay", first, second)
    assert (done.exit_code, done.stderr.strip()) == (1, "The API does not answer.")
    assert json.loads(run("show", first, "--json").stdout)["state"] == "replayed"
    assert json.loads(run("show", second, "--json").stdout)["state"] == "mended"


def test_a_gateway_replays_what_is_of_its_property_and_assets(
    door: Door, put: Callable[..., str]
) -> None:
    mine = put(entry(started(5), reason="unratable"))
    not_mine = put(entry(started(5, "s2", "8"), reason="unratable"))
    foreign = put(entry(started(5, "s3"), property_id="P2"))
    assert run("replay", mine, "--gateway", "cage-7").exit_code == 0
    refused = run("replay", not_mine, "--gateway", "cage-7")
    assert (refused.exit_code, "not sent foreign_asset" in refused.stdout) == (1, True)
    other = run("replay", foreign, "--gateway", "cage-7")
    assert (other.exit_code, "may not send what is of P2" in other.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["mend", "x"], 2, "Say how to mend it"),
        (["mend", "x", "--set", ".", "--file", "f"], 2, "Say how to mend it"),
        (["mend", "x", "--set", ".x |"], 2, "'.x |' is no jq expression: jq: error: syntax error"),
        (["mend", "x", "--set", "."], 1, "Nothing in quarantine is called x"),
        (["mend", "--set", "."], 2, "Name IDs, or say which"),
        (["mend", "x", "--reason", "y", "--set", "."], 2, "not both"),
        (["mend", "--reason", "y", "--set", "."], 1, "Nothing mended or waiting"),
        (["mend", "--reason", "y", "--file", "f"], 2, "--file mends one"),
        (["mend", "x", "--file", "no-such-file"], 1, "cannot be read"),
        (["mend", "x", "--set", ".", "--format", "table-sessions"], 2, "is not one of"),
        (["replay"], 2, "Name IDs, or say which"),
        (["replay", "x"], 1, "Nothing in quarantine is called x"),
        (["replay", "--sender", "gw-1", "--gateway", "gw-9"], 1, "Nothing mended"),
        (["show", "x"], 1, "Nothing in quarantine is called x"),
    ],
)
def test_errors_are_one_sentence(
    door: Door, arguments: Sequence[str], status: int, sentence: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == status
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_list_has_every_id_on_a_line_of_its_own(door: Door, put: Callable[..., str]) -> None:
    object_id = put(entry(started()), entry(started("[x]", "s2"), detail="no [number]", index=1))
    assert run("list").stdout.splitlines()[:4] == [
        f"{object_id}#0",
        "  waiting  invalid_data  from gw-1: wager_cents is text",
        f"{object_id}#1",
        "  waiting  invalid_data  from gw-1: no [number]",
    ]


def test_a_stream_record_is_replayed_whole_and_stays_where_an_event_is_set_aside(
    door: Door, put: Callable[..., str]
) -> None:
    two = stream_record(started(500), started(600, "s2"))
    object_id = put(unreadable(two), unreadable(stream_record(started(700, "s3")), 1))
    damaged = put(unreadable(b"\xffdamaged"))
    assert "2 events of property P1" in run("show", object_id).stdout
    assert "events of property" not in run("show", damaged).stdout

    done = run("replay", "--reason", "unreadable_record", "--as-it-came", "--json")

    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert (said["accepted"], said["not sent"]) == (2, 1)
    ((_, body),) = door.bodies
    assert sorted(one["event_id"] for one in json.loads(body)) == ["s1", "s2", "s3"]
    (step,) = json.loads(run("show", object_id, "--json").stdout)["history"]
    assert (step["status"], step["sha256"]) == ("accepted", hash_of(two))

    whole = put(unreadable(stream_record(started(5, "s4"), started(5, "s5"), asset="8")))
    door.refuses = "s5"
    assert run("replay", whole).exit_code == 1
    shown = json.loads(run("show", whole, "--json").stdout)
    assert (shown["state"], shown["history"][0]["status"]) == ("waiting", "quarantined")


def test_an_entry_of_before_formats_were_kept_is_told_its_format(
    door: Door, put: Callable[..., str], s3: MemoryS3
) -> None:
    object_id = put(entry(started(5), reason="clock_ahead"))
    (key,) = s3.objects
    old = json.loads(s3.objects[key])
    del old["format"]
    s3.objects[key] = json.dumps(old).encode()

    unsent = run("replay", object_id)
    assert (unsent.exit_code, "mend it with --format" in unsent.stdout) == (1, True)
    told = run("mend", object_id, "--set", ".", "--format", "pitboss", "--yes")
    assert told.exit_code == 0, told.output
    assert run("replay", object_id).exit_code == 0
    assert json.loads(run("show", object_id, "--json").stdout)["state"] == "replayed"


def test_rows_of_imported_files_are_no_events(door: Door, put: Callable[..., str]) -> None:
    row = entry(b"1,2,x", stage="import_files", reason="unreadable_row", posted_as="")
    object_id = put(row)
    listed = json.loads(run("list", "--stage", "import_files", "--json").stdout)
    assert [one["id"] for one in listed] == [f"{object_id}#0"]
    for command in (["mend", "--set", "."], ["replay", "--as-it-came"]):
        by_id = run(*command, object_id)
        assert (by_id.exit_code, "import that with" in by_id.stderr) == (1, True)
        by_choice = run(*command, "--property", "P1")
        assert (by_choice.exit_code, "in quarantine is such" in by_choice.stderr) == (1, True)


def test_a_file_that_is_no_event_is_refused(door: Door, put: Callable[..., str]) -> None:
    object_id = put(entry(started()))
    done = run("mend", object_id, "--file", "-", stdin=b"{} {}")
    assert (done.exit_code, done.stderr.strip().startswith("standard input is no event")) == (
        1,
        True,
    )
    unknown = run("replay", object_id, "--gateway", "gw-9")
    assert (unknown.exit_code, "There is no gateway gw-9" in unknown.stderr) == (1, True)
