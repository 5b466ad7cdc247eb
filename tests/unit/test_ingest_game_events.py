"""The front door for games: what becomes of every event, and nothing dropped without a word."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_game_events import handler as http
from ingest_game_events.reading import (
    Body,
    Sent,
    read_application_post,
    read_studio_post,
)
from ingest_game_events.rules import Rules
from ingest_game_events.service import MAX_EVENT_BYTES, STAGE, ingest
from pitboss.access import Principal, Status
from pitboss.events.batch import unpack_games, unpack_received
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import MAX_RECORD_BYTES, StreamRecord
from pitboss.games.applications import Application, Category, SchemaFile
from pitboss.games.mapping import Mapping
from pitboss.posts import MAX_EVENTS, Answer, RefusedRequest
from pitboss.posts import Status as Outcome
from tests import sample_events
from tests.sample_events import (
    GAME_PLAY,
    INSTALL,
    MONDAY_EVENING,
    STUDIO_SERVER,
    game_event,
)

NOW = MONDAY_EVENING + 25_000
JSON, LINES = "application/json", "application/x-ndjson"
FINISHED = {"type": "object", "properties": {"won": {"type": "boolean"}}, "required": ["won"]}
RACE = Application(
    "north",
    "space-race",
    1,
    categories={
        "level_started": Category.LOCAL_GAMEPLAY,
        "player_died": Category.GAMEPLAY,
        "item_bought": Category.ECONOMY,
    },
).with_schema(SchemaFile("space-race", "level_finished", "1.0", FINISHED, Category.GAMEPLAY), 1)
CHASE = Application("north", "chase", 1, mapping=Mapping("round_played", player_id="PlayerID"))
GONE = Application("north", "gone", 1, status=Status.REVOKED)


class Registered:
    def __init__(self) -> None:
        self.rules = {one.application_id: Rules(one) for one in (RACE, CHASE, GONE)}

    def find(self, property_id: str, application_id: str) -> Rules | None:
        return self.rules.get(application_id) if property_id == "north" else None


class Kept:
    """A stream and a quarantine in memory; records at `failing` are not written."""

    def __init__(self, failing: Sequence[int] = ()) -> None:
        self.failing = set(failing)
        self.records: list[StreamRecord] = []
        self.entries: list[QuarantineEntry] = []

    def put(self, given: Sequence[Any]) -> Any:
        if given and isinstance(given[0], QuarantineEntry):
            self.entries += given
            return ""
        self.records += [one for n, one in enumerate(given) if n not in self.failing]
        return {n for n in range(len(given)) if n in self.failing}


def sent_by(sender: Principal) -> Sent:
    return Sent(NOW, sender.client_id is None, sender.client_id)


def take(
    events: Sequence[dict[str, Any] | bytes],
    sender: Principal = STUDIO_SERVER,
    kept: Kept | None = None,
) -> Answer:
    pieces = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    whole = read_studio_post(b"\n".join(pieces), LINES, sent_by(sender))
    kept = kept or Kept()
    return ingest(Body(whole.format, pieces, whole.read), sender, NOW, Registered(), kept, kept)


def statuses(answer: Answer) -> list[tuple[str, object]]:
    return [(one.status, one.reason or None) for one in answer.events]


def test_a_servers_events_are_packed_for_the_stream() -> None:
    kept = Kept()

    answer = take(GAME_PLAY, kept=kept)

    assert (answer.received, answer.accepted, answer.unrecognised) == (3, 3, 2)
    (record,) = kept.records
    header, events = unpack_games(record.data)
    assert (header.property_id, header.asset_id, header.received_at, header.format) == (
        "north",
        "space-race",
        NOW,
        "studio",
    )
    assert [one.event_id for one in events] == ["g-1", "g-2", "g-3"]
    assert {one.is_trusted for one in events} == {True}
    assert [json.loads(one) for one in unpack_received(record.data)] == GAME_PLAY


CLAIMS = [
    (game_event(1, "level_started"), None),
    (game_event(2, "never_registered"), None),
    (game_event(3, "player_died"), "untrusted_claim"),
    (game_event(4, "item_bought"), "untrusted_claim"),
    (game_event(5, "level_started", client_id="player-8"), "foreign_player"),
    (game_event(6, "level_started", app_name="chase"), "foreign_asset"),
]


def test_what_a_client_may_not_claim_is_set_aside_with_the_reason() -> None:
    kept = Kept()

    answer = take([event for event, _ in CLAIMS], INSTALL, kept)

    assert [one.reason or None for one in answer.events] == [reason for _, reason in CLAIMS]
    assert (answer.accepted, answer.quarantined, answer.foreign, answer.unrecognised) == (
        2,
        4,
        2,
        2,
    )
    assert [entry.reason for entry in kept.entries] == [reason for _, reason in CLAIMS if reason]
    assert {entry.stage for entry in kept.entries} == {STAGE}
    assert [json.loads(entry.raw) for entry in kept.entries] == [
        event for event, reason in CLAIMS if reason
    ]
    assert answer.events[2].detail == (
        "player_died is of gameplay: a server has to say it, no client"
    )
    (record,) = kept.records
    assert {one.is_trusted for one in unpack_games(record.data)[1]} == {False}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b"{", "malformed_json"),
        (game_event(1, "login", client_id=7), "invalid_envelope"),
        (game_event(1, "level_finished", won="yes"), "invalid_data"),
        (game_event(1, "level_finished"), "invalid_data"),
        (game_event(1, "login", app_name="elsewhere"), "foreign_asset"),
        (game_event(1, "login", event_timestamp=NOW + 86_400_001), "clock_ahead"),
        (game_event(1, "login", more="x" * MAX_EVENT_BYTES), "event_too_large"),
    ],
)
def test_what_is_wrong_is_set_aside_and_its_neighbours_are_not(event: Any, reason: str) -> None:
    answer = take([GAME_PLAY[0], event, GAME_PLAY[1]])
    assert [one.reason or None for one in answer.events] == [None, reason, None]


def test_applications_that_there_are_not() -> None:
    anywhere = Principal("studio", STUDIO_SERVER.kind, "north", None, STUDIO_SERVER.scopes)
    events = [game_event(n, "login", app_name=app) for n, app in enumerate(("gone", "none"))]
    assert [one.reason for one in take(events, anywhere).events] == [
        "revoked_application",
        "unknown_application",
    ]


def test_an_unknown_version_is_kept_and_counted() -> None:
    answer = take([game_event(1, "level_finished", event_version="2.0", won="whatever")])
    assert (answer.accepted, answer.unrecognised) == (1, 1)


def test_the_same_event_twice_and_another_by_its_id() -> None:
    one = game_event(1, "login")
    answer = take([one, one, one | {"mood": "better"}, one | {"app_name": "chase"}])
    assert statuses(answer) == [
        ("accepted", None),
        ("duplicate", None),
        ("quarantined", "id_reuse"),
        ("accepted", None),
    ]


def test_what_the_stream_does_not_take_has_failed() -> None:
    events = [game_event(n, "login", client_id=f"c-{n}") for n in range(40)]
    kept = Kept(failing=[0])
    answer = take(events, kept=kept)
    assert answer.failed > 0
    assert answer.failed + answer.accepted == 40
    kept_ids = {one.event_id for r in kept.records for one in unpack_games(r.data)[1]}
    failed = {one.event_id for one in answer.events if one.status == "failed"}
    assert kept_ids | failed == {f"g-{n}" for n in range(40)}
    assert not kept_ids & failed


def test_a_clients_events_stay_in_order_whatever_does_not_compress() -> None:
    import random

    chance = random.Random(3)
    events = [game_event(n, "login", noise=chance.randbytes(90_000).hex()) for n in range(6)]
    kept = Kept()
    assert take(events, kept=kept).accepted == 6
    assert len(kept.records) > 1
    assert all(len(r.data) + len(r.partition_key) <= MAX_RECORD_BYTES for r in kept.records)
    assert len({r.partition_key for r in kept.records}) == 1
    ids = [one.event_id for r in kept.records for one in unpack_games(r.data)[1]]
    assert ids == [f"g-{n}" for n in range(6)]


_SAID = st.sampled_from(
    [
        *(event for event, _ in CLAIMS),
        GAME_PLAY[2],
        game_event(1, "level_finished", won=3),
        game_event(1, "level_started", mood="another"),
        game_event(9, "login", app_name="gone"),
        b"{",
        b"\xff",
        b'{"event_id":"e"}',
    ]
)


@given(
    st.lists(_SAID, min_size=1, max_size=30),
    st.sampled_from([STUDIO_SERVER, INSTALL]),
    st.sets(st.integers(0, 3)),
)
def test_nothing_is_dropped_without_a_word(
    events: list[Any], sender: Principal, failing: set[int]
) -> None:
    kept = Kept(sorted(failing))

    answer = take(events, sender, kept)

    counts = Counter(one.status for one in answer.events)
    assert [one.index for one in answer.events] == list(range(len(events)))
    assert answer.received == len(events)
    assert answer.received == (
        answer.accepted + answer.duplicate + answer.quarantined + answer.failed
    )
    assert answer.quarantined == counts[Outcome.QUARANTINED] == len(kept.entries)
    in_the_stream = [raw for record in kept.records for raw in unpack_received(record.data)]
    assert len(in_the_stream) == answer.accepted
    posted = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    of_status = {
        status: [posted[one.index] for one in answer.events if one.status == status]
        for status in counts
    }
    assert Counter(in_the_stream) == Counter(of_status.get(Outcome.ACCEPTED, []))
    assert [e.raw for e in kept.entries] == of_status.get(Outcome.QUARANTINED, [])


# --- bodies ---------------------------------------------------------------------------------------


def application_post(body: Any, mapping: Mapping | None = None, content_type: str = JSON) -> Body:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_application_post(raw, content_type, "chase", mapping, sent_by(STUDIO_SERVER))


def test_bodies_of_an_application() -> None:
    payload = {"PlayerID": 7, "Wins": 3}
    guidance = {"events": [sample_events.analytics_event(1)]}
    lines = b'{"PlayerID":1}\n\n{"PlayerID":2}\n'
    found = [
        application_post(guidance),
        application_post(guidance, CHASE.mapping),
        application_post(payload, CHASE.mapping),
        application_post([payload, payload], CHASE.mapping),
        application_post(lines, CHASE.mapping, LINES),
    ]
    assert [(one.format, len(one.pieces)) for one in found] == [
        ("aws-game-analytics", 1),
        ("aws-game-analytics", 1),
        ("mapped", 1),
        ("mapped", 2),
        ("mapped", 2),
    ]
    ids = [found[3].read(raw, n).event.event_id for n, raw in enumerate(found[3].pieces)]
    assert len(set(ids)) == 2, "two rounds that went alike are two"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ({"PlayerID": 7}, JSON, 400),
        ([], JSON, 400),
        (b"nonsense", JSON, 400),
        ({"events": []}, JSON, 400),
        ({"events": [{}] * (MAX_EVENTS + 1)}, JSON, 413),
        ({"events": [{}]}, "text/plain", 415),
    ],
)
def test_bodies_that_are_refused(body: Any, content_type: str, status: int) -> None:
    with pytest.raises(RefusedRequest) as caught:
        application_post(body, None, content_type)
    assert caught.value.status == status


# --- the handler ----------------------------------------------------------------------------------


class Limits:
    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.wait = 0

    def take(self, principal_id: str, events: int, now: int) -> int:
        self.taken.append((principal_id, events))
        return self.wait


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    kept = Kept()
    made = SimpleNamespace(stream=kept, quarantine=kept, applications=Registered(), limits=Limits())
    monkeypatch.setattr(http, "_wiring", lambda: made)
    monkeypatch.setattr(http, "_now", lambda: NOW)
    return made


SAMPLES = {
    "studio": (200, 3, 3),
    "gzip": (200, 3, 3),
    "install": (200, 5, 2),
    "analytics": (200, 2, 1),
    "payload": (200, 1, 1),
    "another_body": (403, 0, 0),
}
"""Status, received, accepted."""


@pytest.mark.parametrize("case", sample_events.load("ingest_game_events"))
def test_every_sample_event_is_answered(
    case: str, wiring: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = http.handler(sample_events.load("ingest_game_events")[case], None)

    said = json.loads(answer["body"])
    found = answer["statusCode"], said.get("received", 0), said.get("accepted", 0)
    assert found == SAMPLES[case]
    metrics = capsys.readouterr().out
    assert ("EventsReceived" in metrics) is (found[0] == 200)
    assert ("RequestsRefused" in metrics) is (found[0] != 200)
    installs = [(INSTALL.principal_id, 5)] if case == "install" else []
    assert wiring.limits.taken == installs, "servers are not limited"


def test_an_install_that_posts_too_much_is_told_when_to_come_again(
    wiring: SimpleNamespace,
) -> None:
    wiring.limits.wait = 17
    answer = http.handler(sample_events.load("ingest_game_events")["install"], None)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (429, "17")
    assert wiring.stream.records == wiring.stream.entries == []


def test_what_the_stream_does_not_take_is_a_503(wiring: SimpleNamespace) -> None:
    wiring.stream.failing = {0}
    answer = http.handler(sample_events.load("ingest_game_events")["studio"], None)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")


def test_the_mapping_of_a_foreign_application_is_not_looked_up(wiring: SimpleNamespace) -> None:
    event = sample_events.game_post(b'{"PlayerID":7}', INSTALL, application_id="chase")
    assert http.handler(event, None)["statusCode"] == 400


def test_a_bomb_is_refused(wiring: SimpleNamespace) -> None:
    body = gzip.compress(b" " * 5_000_000)
    event = sample_events.game_post(body, encoding="gzip")
    assert http.handler(event, None)["statusCode"] == 413
    assert base64.b64decode(event["body"]) == body
