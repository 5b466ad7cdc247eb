"""The checks tested: each world is broken in the one way that an invariant forbids.

A seed runs as it should, then one thing is changed in what it left (or in what it said on the way),
and the invariants that notice are named: all of them, so that a check that no longer works is seen
even where others notice too. What is stored cannot change without I3, which compares all of it.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from pitboss.events.batch import unpack_received
from pitboss.stores.ratings import DynamoRatings
from pitboss.stores.stream import KinesisStream
from workbench.proof import checks
from workbench.proof.faults import KINDS, Fault, read_script
from workbench.proof.kinesis import EventSourceMapping
from workbench.proof.sns import Message
from workbench.proof.workload import RATED, Fact
from workbench.proof.world import FunctionDied, World

SEED = 20
"""Its floor has closed days, sessions, corrections and events that rating does not look at."""

TOLD_SEED = 6
"""On its floor, which has no faults, there is something to tell of every kind that is told."""

type Item = dict[str, Any]
type Events = list[list[Any]]


def nothing(*_: object) -> None:
    """No corruption."""


class Broken(World):
    """A world that something is done to: to what it left, or to what passes by."""

    def __init__(
        self,
        script: str = "",
        *,
        after: Callable[[World], None] = nothing,
        replayed: Callable[[World], None] = nothing,
        answered: Callable[[World, Item], None] = nothing,
        counted: Callable[[Item], None] = nothing,
        seed: int = SEED,
    ) -> None:
        """
        Args:
            script: the faults.
            after: done when the schedule has ended, before it is checked.
            replayed: done at the end of each replay.
            answered: may change an answer of the front door, until something is violated.
            counted: may change a line of counts; one that is emptied is not printed.
            seed: of the floor.
        """
        super().__init__(seed, read_script(script))
        self.after, self.replayed, self.answered, self.counted = after, replayed, answered, counted

    def run(self) -> None:
        super().run()
        self.after(self)

    def replay(self) -> EventSourceMapping:
        mapping = super().replay()
        self.replayed(self)
        return mapping

    def _serve(self, request: Item, killed: Fault | None) -> Item | None:
        answer = super()._serve(request, killed)
        if answer is not None and not self.violations:
            self.answered(self, answer)
        return answer

    def _printed(self, line: str) -> None:
        document = json.loads(line)
        self.counted(document)
        if document:
            super()._printed(json.dumps(document))


def noticed(world: World, by: str, detail: str) -> None:
    """These invariants notice, no other does, and one of them says this."""
    found = checks.run(world)
    assert {violation.invariant for violation in found} == set(by.split(", "))
    assert re.search(detail, "\n".join(map(str, found)))


@pytest.mark.parametrize(
    "script",
    ["", "bad_record@1/2,hostile_body@1/4,poison_record@9/1", "item_too_large@1/200"],
)
def test_nothing_is_noticed_where_nothing_is_broken(script: str) -> None:
    assert checks.run(Broken(script)) == []


# --- what is stored -------------------------------------------------------------------------------


def item(world: World, kind: str, sort: str) -> Item:
    """The first item of this kind and sort key."""
    return next(
        found
        for found in world.table.items()
        if f"/{kind}/" in found["pk"]["S"] and found["sk"]["S"].startswith(sort)
    )


def store(world: World, found: Item, **changes: int) -> None:
    """The item with these numbers changed by so much."""
    new = found | {n: {"N": str(int(found[n]["N"]) + by)} for n, by in changes.items()}
    world.table.put((found["pk"]["S"], found["sk"]["S"]), new)


def remove(world: World, found: Item) -> None:
    world.table.put((found["pk"]["S"], found["sk"]["S"]), None)


def repack(world: World, change: Callable[[Events], Events]) -> Events:
    """The largest page's events changed; what they were."""
    page = max(
        (i for i in world.table.items() if "/machine/" in i["pk"]["S"] and "events" in i),
        key=lambda i: len(i["events"]["B"]),
    )
    packed = b64decode(page["events"]["B"])
    events: Events = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(packed))
    changed = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(change(list(events))))
    key = page["pk"]["S"], page["sk"]["S"]
    world.table.put(key, page | {"events": {"B": b64encode(changed).decode()}})
    return events


def fact(world: World, *, rated: bool) -> Fact:
    return next(f for f in world.accepted.values() if (f.kind in RATED) == rated)


def set_aside(world: World, reason: str, stage: str, raw: bytes) -> None:
    row = {"stage": stage, "reason": reason, "content": raw.decode(), "encoding": "utf-8"}
    world.bucket.put(f"quarantine/{stage}/more.ndjson", json.dumps(row).encode())


def lost_from_the_stream(world: World) -> None:
    world.durable().discard(fact(world, rated=False).raw)


def receipt_lost(world: World) -> None:
    del world.accepted[fact(world, rated=True).raw]


def lost_from_its_page(world: World) -> None:
    repack(world, lambda events: events[1:])


def given_up(world: World) -> None:
    """An event is in no page, and the event source has set its record aside."""
    (lost, *_) = repack(world, lambda events: events[1:])
    raw = next(f.raw for f in world.posted.values() if f.event_id == lost[0])
    record = next(r for r in world.stream.records if raw in unpack_received(b64decode(r.data)))
    payload = json.dumps({"Records": [{"kinesis": {"data": record.data}}]})
    body = {"requestContext": {"condition": "RecordAgeExceeded"}, "payload": payload}
    world.bucket.put("aws/lambda/given-up", json.dumps(body).encode())


def set_aside_for_another_reason(world: World) -> None:
    for key, body in world.bucket.snapshot():
        world.bucket.put(key, body.replace(b'"foreign_asset"', b'"invalid_data"'))


def blamed(world: World) -> None:
    set_aside(world, "unratable", "rate_players", fact(world, rated=True).raw)


def set_aside_and_not_counted(world: World) -> None:
    set_aside(world, "id_reuse", "rate_players", fact(world, rated=True).raw)


def kept_twice(world: World) -> None:
    repack(world, lambda events: [events[0], *events])


def never_posted(world: World) -> None:
    repack(world, lambda events: [["nobody-sent-this", *events[0][1:]], *events])


def in_anothers_page(world: World) -> None:
    page = item(world, "machine", "page/")
    remove(world, page)
    page = page | {"sk": {"S": f"page/{0:015d}"}}
    store(world, page, page=-int(page["page"]["N"]))


def another_hold(world: World) -> None:
    store(world, item(world, "floor", ""), hold_basis_points=1)


def one_item_more(world: World) -> None:
    world.table.put(
        ("north/machine/1001", "note"), {"pk": {"S": "north/machine/1001"}, "sk": {"S": "note"}}
    )


def a_cent_more_for_a_player(world: World) -> None:
    store(world, item(world, "player", "day/"), coin_in_cents=1)


def theoretical_win_off_by_a_millionth(world: World) -> None:
    store(world, item(world, "machine", "day/"), theoretical_win=1)


def a_session_nobody_played(world: World) -> None:
    played = item(world, "player", "day/")
    new = {n: {"N": "0"} for n in played if "N" in played[n] and not n.endswith("_play")}
    key = {"pk": played["pk"], "sk": {"S": "day/2020-01-01/000000000000001/1001"}}
    world.table.put((key["pk"]["S"], key["sk"]["S"]), key | new)


def a_session_lost(world: World) -> None:
    remove(world, item(world, "player", "day/"))


def a_sessions_play_later(world: World) -> None:
    store(world, item(world, "player", "day/"), last_play=1)


def a_machines_play_earlier(world: World) -> None:
    store(world, item(world, "machine", "day/"), first_play=-1)


def a_correction_lost(world: World) -> None:
    remove(world, item(world, "player", "correction/"))


def a_correction_of_a_cent_more(world: World) -> None:
    store(world, item(world, "player", "correction/"), coin_in_cents=1)


@pytest.mark.parametrize(
    ("after", "script", "by", "detail"),
    [
        (lost_from_the_stream, "", "I1", "was accepted and is nowhere"),
        (receipt_lost, "", "I1", "was never answered for"),
        (lost_from_its_page, "", "I1, I3, I4, I4 read, I5, I7", "was accepted and is nowhere"),
        (lost_from_its_page, "", "I1, I3, I4, I4 read, I5, I7", "were rated and are in no page"),
        (given_up, "", "I1, I3, I4, I4 read, I5, I7", "was given up"),
        (set_aside_for_another_reason, "bad_record@1/2", "I1", "is foreign_asset, set aside as"),
        (blamed, "", "I1", "good events were set aside as {'unratable': 1}"),
        (kept_twice, "", "I2, I3, I5", "I2: .* is kept twice"),
        (never_posted, "", "I2, I3, I5", "I2: nobody-sent-this .* was never posted"),
        (in_anothers_page, "", "I2, I3, I7", "I2: .* is in another's page"),
        (another_hold, "", "I3", "without faults it is"),
        (one_item_more, "", "I3", "without faults it is nothing"),
        (a_cent_more_for_a_player, "", "I3, I4, I4 read", "I4: .* is stored, right is"),
        (theoretical_win_off_by_a_millionth, "", "I3, I4, I4 read", "I4: .* is stored, right is"),
        (a_session_nobody_played, "", "I3, I4", "an empty item is stored"),
        (a_session_lost, "", "I3, I4, I4 play, I4 read", "I4: .* None is stored"),
        (a_sessions_play_later, "", "I3, I4 play", "I4 play: .* is stored, right is"),
        (a_machines_play_earlier, "", "I3, I4 play", "I4 play: .* is stored, right is"),
        (a_correction_lost, "", "I4 corrections", "None is stored, right is"),
        (a_correction_of_a_cent_more, "", "I4 corrections", "is stored, right is"),
        (set_aside_and_not_counted, "", "I5", "1 events were set aside and none was counted"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_left_is_checked(
    after: Callable[[World], None], script: str, by: str, detail: str
) -> None:
    noticed(Broken(script, after=after), by, detail)


# --- what is read (I4), and a replay (I7) ---------------------------------------------------------


@pytest.mark.parametrize("name", ["player_sessions", "closed_days"])
def test_an_answer_that_leaves_something_out_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = getattr(DynamoRatings, name)
    monkeypatch.setattr(DynamoRatings, name, lambda *args: read(*args)[1:])

    noticed(Broken(), "I4 read", "is read, right is")


def test_a_machine_that_cannot_be_read_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamoRatings, "machine", lambda *args: None)

    noticed(Broken(), "I4 read", "is read, right is")


def test_a_replay_that_changes_an_item_is_noticed() -> None:
    noticed(Broken(replayed=a_correction_of_a_cent_more), "I7", "a replay changed")


def test_a_replay_that_removes_an_item_is_noticed() -> None:
    noticed(Broken(replayed=a_correction_lost), "I7", "a replay changed")


def test_a_replay_that_does_not_get_through_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise FunctionDied("again")

    world = Broken(after=lambda world: monkeypatch.setattr(World, "_rate", fails))

    noticed(world, "I3, I7", "I7: a replay does not get through")


def test_a_replay_of_what_was_too_large_is_held_against_the_oracle() -> None:
    world = Broken("item_too_large@1/200", replayed=a_cent_more_for_a_player)

    noticed(world, "I3, I4", "I4: .* is stored, right is")
    assert world.fired["item_too_large"] == 1


# --- what is told (I5) ----------------------------------------------------------------------------


def more(service: str, **by: int) -> Callable[[Item], None]:
    """The first line of a service that has these counts, and has enough, counts so much more."""
    done: list[object] = []

    def counted(line: Item) -> None:
        enough = all(name in line and int(line[name][0]) + n >= 0 for name, n in by.items())
        if line["service"] == service and enough and not done:
            done.append(line)
            for name, n in by.items():
                line[name] = [int(line[name][0]) + n]

    return counted


def unsaid(service: str, name: str) -> Callable[[Item], None]:
    """The first line of a service that has this count is not printed."""
    done: list[object] = []

    def counted(line: Item) -> None:
        if line["service"] == service and name in line and not done:
            done.append(name)
            line.clear()

    return counted


DOOR, RATING = "ingest_slot_events", "rate_players"


@pytest.mark.parametrize(
    ("counted", "script", "detail"),
    [
        (more(DOOR, EventsAccepted=1), "", "counts of a post do not add up"),
        (more(RATING, EventsRated=1), "", "counts of a batch do not add up"),
        (more(RATING, EventsRated=-1, EventsDuplicate=1), "", "were counted as rated"),
        (more(RATING, EventsRated=1, EventsReceived=1), "", "a batch counted .* EventsReceived"),
        (more(RATING, RecordsReceived=-1), "", "a batch counted .* RecordsReceived"),
        (more(RATING, RecordsUnreadable=-1), "poison_record@9/1", "0 RecordsUnreadable"),
        (
            more(DOOR, EventsAccepted=-1, EventsFailed=1),
            "",
            "a post counted 1 EventsFailed",
        ),
        (more(DOOR, EventsOutOfTime=-1), "", "a post counted .* EventsOutOfTime"),
        (more(DOOR, EventsOutOfTime=-1), "days_late@1/6", "a post counted .* EventsOutOfTime"),
        (unsaid(RATING, "EventsReceived"), "", "a batch counted 0 EventsReceived"),
        (unsaid(DOOR, "EventsReceived"), "", "a post counted 0 EventsReceived"),
        (unsaid(DOOR, "RequestsRefused"), "hostile_body@1/4", "counted 0 RequestsRefused"),
    ],
)
def test_a_count_that_is_not_so_is_noticed(
    counted: Callable[[Item], None], script: str, detail: str
) -> None:
    noticed(Broken(script, counted=counted), "I5", detail)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - checks.SILENT))
def test_a_fault_that_nothing_shows_is_noticed(kind: str) -> None:
    """It is said to have struck a world in which nothing happened."""
    noticed(
        Broken(after=lambda world: world.struck.append(Fault(kind, 1, 2))),
        "I5",
        f"{kind} struck 1 times, and nothing shows it",
    )


# --- what is told ---------------------------------------------------------------------------------


class Deaf(Broken):
    """A topic that takes messages, of one kind or all, and hands them on to nobody."""

    kind = "session.started"

    def __init__(self) -> None:
        super().__init__(seed=TOLD_SEED)
        take = self.topic.take
        self.topic.take = lambda message: (  # type: ignore[method-assign]
            None if message.attributes["kind"] == self.kind else take(message)
        )


class DeafToWorth(Deaf):
    kind = "worth.crossed"


@pytest.mark.parametrize("world", [Deaf, DeafToWorth])
def test_what_nobody_was_told_is_noticed(world: type[Deaf]) -> None:
    noticed(world(), "I9", "is so and nobody was told")


def test_nothing_is_noticed_of_ends_which_may_be_lost() -> None:
    class DeafToEnds(Deaf):
        kind = "session.ended"

    assert checks.run(DeafToEnds()) == []


def first_message(world: World, **changes: Any) -> None:
    """The first message of a session's start once more, with other content."""
    first = next(m for m in world.topic.messages if m.attributes["kind"] == "session.started")
    body = json.dumps(json.loads(first.body) | changes.pop("body", {}))
    at_ms = first.at_ms + changes.pop("after_ms", 0)
    world.topic.take(Message(body, first.attributes | changes, at_ms))


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({}, ""),
        ({"body": {"player_id": "p-9"}}, "is not so"),
        ({"body": {"session_started_at": 1}}, "is not so"),
        ({"body": {"property_id": "south"}}, "is not so"),
        ({"tier": "Gold"}, "has the attributes"),
        ({"body": {"kind": "session.ended"}, "kind": "session.ended"}, ""),
        ({"body": {"kind": "tier.reached"}, "kind": "tier.reached"}, "is not so"),
        (
            {"body": {"kind": "worth.crossed", "worth_step": 999}}
            | {"kind": "worth.crossed", "worth_step": 999},
            "is not so",
        ),
        ({"after_ms": 3_600_000}, "was told"),
    ],
)
def test_what_was_told_and_is_not_so_is_noticed(change: Item, detail: str) -> None:
    noticed_or_not = Broken(seed=TOLD_SEED)
    noticed_or_not.after = lambda world: first_message(world, **change)
    if detail:
        noticed(noticed_or_not, "I9", detail)
    else:
        assert checks.run(noticed_or_not) == []


def test_every_kind_has_a_sign_or_a_reason_why_not() -> None:
    document = (Path(__file__).parents[2] / "docs" / "proof.md").read_text(encoding="utf-8")
    (reasons,) = re.findall(
        r"^Without a sign of their own.*?\n\n", document, re.DOTALL | re.MULTILINE
    )

    assert checks.signs(World(SEED)).keys() == KINDS.keys() - checks.SILENT
    assert set(re.findall(r"`(\w+)`", reasons)) & KINDS.keys() == checks.SILENT


@pytest.mark.parametrize(
    "script", ["replayed_from_horizon@1/0", "gateway_crashed@1/0", "consumer_stopped@1/6"]
)
def test_a_fault_that_changed_nothing_did_not_strike(script: str) -> None:
    world = Broken(script)

    assert checks.run(world) == []
    assert not world.fired


# --- progress (I6) --------------------------------------------------------------------------------


def test_a_consumer_that_never_gets_through_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> None:
        raise FunctionDied("again")

    monkeypatch.setattr(World, "_rate", dies)

    noticed(Broken(), "I6", "records are still in flight")


def test_gateways_that_are_never_answered_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "_serve", nothing)

    noticed(Broken(), "I6", "gateways are not rid of what they had")


# --- honest answers (I8) --------------------------------------------------------------------------


def status(code: int, *, where: int = 200) -> Callable[[World, Item], None]:
    def answered(world: World, answer: Item) -> None:
        if answer["statusCode"] == where:
            answer["statusCode"] = code

    return answered


def result(said: str, instead_of: str = "accepted") -> Callable[[World, Item], None]:
    """What is said of the first such event; nothing leaves it out."""

    def answered(world: World, answer: Item) -> None:
        document = json.loads(answer["body"])
        events = document.get("events", [])
        for event in [e for e in events if e["status"] == instead_of][:1]:
            event["status"] = said
            if not said:
                events.remove(event)
        answer["body"] = json.dumps(document)

    return answered


def leaves_something(world: World, answer: Item) -> None:
    if answer["statusCode"] == 400:
        world.bucket.put("quarantine/left", b"")


@pytest.mark.parametrize(
    ("answered", "script", "detail"),
    [
        (status(500), "", "a good post was answered 500"),
        (result(""), "", "events were answered"),
        (result("failed"), "", "200 for an event that failed"),
        (result("quarantined"), "", "was set aside and is in no quarantine"),
        (result("accepted", "quarantined"), "bad_record@1/2", "accepted and is not in the stream"),
        (result("accepted", "quarantined"), "bad_record@1/2", "was accepted and is foreign_asset"),
        (status(200, where=400), "hostile_body@1/4", "hostile_body@1/4 was answered 200"),
        (leaves_something, "hostile_body@1/4", "hostile_body@1/4 left something behind"),
    ],
)
def test_an_answer_that_is_not_so_is_noticed(
    answered: Callable[[World, Item], None], script: str, detail: str
) -> None:
    noticed(Broken(script, answered=answered), "I8", detail)


# --- sending again (I2) ---------------------------------------------------------------------------


def test_more_than_what_was_throttled_sent_again_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = KinesisStream._put_once

    def put_all_again(stream: KinesisStream, records: Any, indexes: Any) -> list[int]:
        return list(indexes) if put(stream, records, indexes) else []

    monkeypatch.setattr(KinesisStream, "_put_once", put_all_again)

    noticed(Broken("put_one_throttled@1/0"), "I2", "1 entry was throttled, . are sent again")
