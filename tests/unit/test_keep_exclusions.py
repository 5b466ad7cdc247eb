"""Keeping exclusions one at a time: at once, and no self-exclusion is ever made shorter."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from keep_exclusions import handler as http
from keep_exclusions import service
from keep_exclusions.service import (
    MAX_TRIES,
    Caller,
    Exclude,
    RefusedChange,
    StillExcluded,
    TooManyChangesError,
    exclude,
    lift,
    standing,
)
from pitboss.access import Action, Group, Kind, Principal, body_hash
from pitboss.offers.gate import Entry, ListName, Risk, Standing
from pitboss.stores.standings import Change
from tests import sample_events
from tests.fakes.people import MemoryAudit, person
from tests.sample_events import HOST_APP
from workbench.proof.network import Call, Lose
from workbench.proof.offers import NOON, NORTH, OffersFloor

BANNED, SELF = ListName.BANNED, ListName.SELF_EXCLUDED
KEEPER = Principal(
    "compliance",
    Kind.SERVICE,
    NORTH,
    None,
    frozenset({Action.READ_EXCLUSIONS, Action.WRITE_EXCLUSIONS}),
)
PLAYER, ENTRY = http.PLAYER, http.ENTRY
DAY_MS = 86_400_000


class StubWiring:
    """What the function is wired to, at noon."""

    def __init__(self, floor: OffersFloor) -> None:
        self.standings = floor.standings
        self.audit = MemoryAudit()
        self.moment = NOON

    def now(self) -> int:
        return self.moment


@pytest.fixture
def floor() -> Iterator[OffersFloor]:
    floor = OffersFloor()
    with floor.installed():
        yield floor


@pytest.fixture
def wiring(floor: OffersFloor, monkeypatch: pytest.MonkeyPatch) -> StubWiring:
    wiring = StubWiring(floor)
    monkeypatch.setattr(http, "_wiring", lambda: wiring)
    return wiring


def call(
    method: str,
    path: dict[str, Any],
    body: bytes = b"",
    caller: Principal = KEEPER,
    signed: bytes | None = None,
) -> tuple[int, dict[str, Any]]:
    """A request as API Gateway hands it on; status and body of the answer."""
    event = sample_events.asked(ENTRY if "list" in path else PLAYER, caller, **path)
    event["httpMethod"] = method
    if body:
        event |= {"body": b64encode(body).decode(), "isBase64Encoded": True}
    event["requestContext"]["authorizer"] = caller.to_context(
        body_hash(body if signed is None else signed)
    )
    answer = http.handler(event, None)
    assert answer["headers"]["Content-Type"] == (
        "application/json" if answer["statusCode"] == 200 else "application/problem+json"
    )
    return answer["statusCode"], json.loads(answer["body"])


def at(name: str, player_id: str = "p-81") -> dict[str, str]:
    return {"player_id": player_id, "list": name}


# --- the answers ----------------------------------------------------------------------------------


def test_a_player_is_excluded_at_once_and_lifted_again(wiring: StubWiring) -> None:
    status, document = call("PUT", at("banned"), b'{"note": "case 12"}')

    assert status == 200
    assert document["exclusions"] == [
        {"list": "banned", "since": NOON, "until": None, "added_at": NOON, "counts": True}
    ]
    facts = wiring.standings.facts(NORTH, "p-81", None)
    assert facts.standing == Standing(1, {BANNED: Entry(NOON, None, NOON)})
    assert call("GET", {"player_id": "p-81"}) == (200, document)

    wiring.moment += 5
    status, document = call("DELETE", at("banned"))

    assert (status, document["exclusions"]) == (200, [])
    assert [
        (change["change"], change["at"], change["by"], change["note"])
        for change in document["changes"]
    ] == [("lifted", NOON + 5, "compliance", ""), ("added", NOON, "compliance", "case 12")]


def test_the_sample_events(wiring: StubWiring) -> None:
    samples = sample_events.load("keep_exclusions")
    answers = [http.handler(samples[case], None) for case in ("excluded", "read", "lifted")]

    excluded, found, lifted = (json.loads(answer["body"])["exclusions"] for answer in answers)
    assert [one["list"] for one in excluded] == ["banned"]
    assert (found, lifted) == (excluded, [])


def test_again_is_the_same(wiring: StubWiring) -> None:
    _, first = call("PUT", at("opted_out"))
    wiring.moment += 10
    status, second = call("PUT", at("opted_out"))

    assert status == 200
    # Confirmed now, so that a list made in between does not take it away.
    assert second["exclusions"] == [first["exclusions"][0] | {"added_at": NOON + 10}]
    call("DELETE", at("opted_out"))
    assert call("DELETE", at("opted_out"))[0] == 200
    assert call("GET", {"player_id": "p-81"})[1]["exclusions"] == []


@pytest.mark.parametrize("name", ListName)
def test_every_list_can_be_named(wiring: StubWiring, name: ListName) -> None:
    status, document = call("PUT", at(str(name)))

    assert (status, document["exclusions"][0]["list"]) == (200, str(name))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", {"player_id": "p-81"}),
        ("DELETE", at("banned")),
        ("PUT", at("blacklisted")),
        ("PUT", at("banned", "p 81")),
        ("GET", {"player_id": "../x"}),
    ],
)
def test_what_there_is_not_is_not_found(
    wiring: StubWiring, method: str, path: dict[str, str]
) -> None:
    status, problem = call(method, path)

    assert (status, problem["status"]) == (404, 404)
    assert problem["correlation_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.mark.parametrize(
    "caller",
    [
        HOST_APP,
        Principal("p", Kind.SERVICE, "south", None, KEEPER.scopes),
        Principal("p", Kind.SERVICE, NORTH, frozenset({"1001"}), KEEPER.scopes),
    ],
    ids=["no scope", "another property", "some machines alone"],
)
def test_who_may_not_know_finds_nothing(wiring: StubWiring, caller: Principal) -> None:
    call("PUT", at("banned"))

    assert call("GET", {"player_id": "p-81"}, caller=caller)[0] == 404


def test_who_may_read_may_not_write(wiring: StubWiring) -> None:
    reader = Principal("r", Kind.SERVICE, NORTH, None, frozenset({Action.READ_EXCLUSIONS}))

    assert call("PUT", at("banned"), caller=reader)[0] == 404
    assert wiring.standings.standing(NORTH, "p-81") is None


def test_a_body_that_was_not_signed_changes_nothing(wiring: StubWiring) -> None:
    until = str(NOON + DAY_MS).encode()

    assert call("PUT", at("banned"), b'{"until": ' + until + b"}", signed=b"{}")[0] == 403
    assert call("DELETE", at("banned"), b"{}", signed=b"")[0] == 403
    assert wiring.standings.standing(NORTH, "p-81") is None


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"\xff",
        b'{"untill": 5}',
        b'{"until": "tomorrow"}',
        b'{"until": 1.5}',
        b'{"since": -1}',
        b'{"until": 999999999999999}',
        b'{"note": "' + b"x" * 201 + b'"}',
        b'{"until": 5}',  # is over
        f'{{"since": {NOON + 9}, "until": {NOON + 9}}}'.encode(),
        b'{"since": ' + b"[" * 100_000,
    ],
)
def test_a_wrong_body_is_refused(wiring: StubWiring, body: bytes) -> None:
    status, problem = call("PUT", at("banned"), body)

    assert status == 400, problem
    assert wiring.standings.standing(NORTH, "p-81") is None


def test_ending_a_self_exclusion_is_a_conflict(wiring: StubWiring) -> None:
    until = NOON + DAY_MS
    call("PUT", at("self_excluded"), f'{{"until": {until}}}'.encode())

    status, problem = call("DELETE", at("self_excluded"))
    assert (status, str(until) in problem["detail"]) == (409, True)
    assert call("PUT", at("self_excluded"), f'{{"until": {until - 1}}}'.encode())[0] == 409
    assert call("PUT", at("self_excluded"), f'{{"since": {NOON + 1}}}'.encode())[0] == 409
    wiring.moment = until
    assert call("DELETE", at("self_excluded"))[0] == 200


def test_others_in_the_way_are_a_503(floor: OffersFloor, wiring: StubWiring) -> None:
    def outrun(call: Call) -> None:
        if call.operation == "TransactWriteItems":
            known = floor.standings.standing(NORTH, "p-81")
            floor.stand("p-81", Standing((known.version if known else 0) + 1))

    floor.network.fault = outrun

    assert call("PUT", at("banned"))[0] == 503


# --- the rules ------------------------------------------------------------------------------------

CALLER = Caller(NORTH, "compliance", NOON)


def self_excluded(floor: OffersFloor, since: int, until: int | None) -> None:
    floor.stand("p-1", Standing(1, {SELF: Entry(since, until, 0)}))


def held(floor: OffersFloor, name: ListName = SELF) -> Entry | None:
    found = floor.standings.standing(NORTH, "p-1")
    assert found is not None
    return found.entries.get(name)


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ((NOON - 9, NOON + 9), Exclude(), (NOON - 9, None)),
        ((NOON - 9, NOON + 9), Exclude(until=NOON + 9), (NOON - 9, NOON + 9)),
        ((NOON - 9, NOON + 9), Exclude(until=NOON + 10), (NOON - 9, NOON + 10)),
        ((NOON - 9, NOON + 9), Exclude(since=NOON), (NOON, None)),
        ((NOON - 9, NOON + 9), Exclude(until=NOON + 8), None),
        ((NOON - 9, NOON + 9), Exclude(since=NOON + 1), None),
        ((NOON - 9, None), Exclude(until=NOON + DAY_MS), None),
        ((NOON + 5, None), Exclude(), (NOON, None)),  # that would begin later begins at once
        ((NOON + 5, None), Exclude(since=NOON + 6), None),
        ((NOON - 9, NOON), Exclude(since=NOON + 3, until=NOON + 4), (NOON + 3, NOON + 4)),  # over
        ((NOON - 9, NOON), Exclude(), (NOON, None)),
    ],
)
def test_a_self_exclusion_is_only_made_longer(
    floor: OffersFloor,
    before: tuple[int, int | None],
    asked: Exclude,
    after: tuple[int, int | None] | None,
) -> None:
    self_excluded(floor, *before)

    if after is None:
        with pytest.raises(StillExcluded):
            exclude(floor.standings, CALLER, "p-1", SELF, asked)
        assert held(floor) == Entry(*before, 0)
    else:
        exclude(floor.standings, CALLER, "p-1", SELF, asked)
        assert held(floor) == Entry(*after, NOON)


@pytest.mark.parametrize("until", [NOON + 1, None])
@pytest.mark.parametrize("since", [NOON - 9, NOON, NOON + 1])
def test_a_self_exclusion_is_not_lifted_before_its_end(
    floor: OffersFloor, since: int, until: int | None
) -> None:
    self_excluded(floor, since, until)

    with pytest.raises(StillExcluded):
        lift(floor.standings, CALLER, "p-1", SELF)
    assert held(floor) == Entry(since, until, 0)


def test_other_lists_are_lifted_and_shortened(floor: OffersFloor) -> None:
    exclude(floor.standings, CALLER, "p-1", BANNED, Exclude())
    exclude(floor.standings, CALLER, "p-1", BANNED, Exclude(until=NOON + 1))
    assert held(floor, BANNED) == Entry(NOON, NOON + 1, NOON)
    assert lift(floor.standings, CALLER, "p-1", BANNED)
    assert not lift(floor.standings, CALLER, "p-1", BANNED)


def test_what_makes_no_sense_is_refused(floor: OffersFloor) -> None:
    with pytest.raises(RefusedChange):
        exclude(floor.standings, CALLER, "p-1", BANNED, Exclude(until=NOON))


def test_a_change_that_loses_is_made_anew(floor: OffersFloor) -> None:
    """Somebody excludes themselves while a host lifts another list: neither is lost."""
    exclude(floor.standings, CALLER, "p-1", BANNED, Exclude())
    raced: list[Call] = []

    def race(call: Call) -> None:
        if call.operation == "TransactWriteItems" and not raced:
            raced.append(call)
            exclude(floor.standings, CALLER, "p-1", SELF, Exclude())

    floor.network.fault = race
    assert lift(floor.standings, CALLER, "p-1", BANNED)

    assert (held(floor, BANNED), held(floor, SELF)) == (None, Entry(NOON, None, NOON))
    found = standing(floor.standings, NORTH, "p-1", NOON)
    assert found is not None
    assert [change.change for change in found.changes] == ["lifted", "added", "added"]


def test_a_lost_answer_is_no_second_change(floor: OffersFloor) -> None:
    faults = [Lose()]
    floor.network.fault = lambda call: (
        faults.pop() if faults and call.operation == "TransactWriteItems" else None
    )
    exclude(floor.standings, CALLER, "p-1", BANNED, Exclude())

    assert not faults
    assert held(floor, BANNED) == Entry(NOON, None, NOON)
    assert len(floor.standings.changes(NORTH, "p-1", 10)) == 1


def test_a_race_that_is_always_lost_is_told() -> None:
    tried: list[Change] = []

    class Outrun:
        def standing(self, property_id: str, player_id: str) -> Standing | None:
            return None

        def risk(self, property_id: str, player_id: str) -> Risk | None:
            return None

        def changes(self, property_id: str, player_id: str, newest: int) -> list[Change]:
            return []

        def change(
            self, property_id: str, player_id: str, known: Standing | None, change: Change
        ) -> Standing | None:
            tried.append(change)
            return None

    with pytest.raises(TooManyChangesError):
        exclude(Outrun(), CALLER, "p-1", BANNED, Exclude())
    assert len(tried) == MAX_TRIES


def test_a_document_tells_what_counts_now(floor: OffersFloor) -> None:
    floor.stand(
        "p-1",
        Standing(4, {BANNED: Entry(NOON + 1, None, 0), SELF: Entry(0, NOON, 0)}, 5, "US-NV"),
    )

    found = standing(floor.standings, NORTH, "p-1", NOON)

    assert found == service.StandingDocument(
        NORTH,
        "p-1",
        [
            service.ExclusionDocument("banned", NOON + 1, None, 0, counts=False),
            service.ExclusionDocument("self_excluded", 0, NOON, 0, counts=False),
        ],
        5,
        "US-NV",
        None,
        [],
    )


def test_a_document_tells_why_the_gate_is_closed_by_the_model(floor: OffersFloor) -> None:
    floor.stand("p-1")
    floor.standings.put_risks(NORTH, {"p-1": Risk(0.4, ("plays more games",), "risk-1", NOON)})

    found = standing(floor.standings, NORTH, "p-1", NOON)

    assert found is not None
    assert found.risk == service.RiskDocument(0.4, ["plays more games"], "risk-1", NOON)


# --- people ---------------------------------------------------------------------------------------

OFFICER = person(Group.COMPLIANCE, property_id=NORTH)


def test_a_person_excludes_with_a_body_that_is_bound_to_nothing_and_it_is_kept(
    wiring: StubWiring,
) -> None:
    status, document = call("PUT", at("banned"), b'{"note": "case 12"}', OFFICER, b"another")
    read, _ = call("GET", {"player_id": "p-81"}, caller=OFFICER)

    assert (status, read) == (200, 200)
    assert [one["list"] for one in document["exclusions"]] == ["banned"]
    assert [(look.action, look.player_ids) for look in wiring.audit.kept] == [
        (f"PUT {ENTRY}", ["p-81"]),
        (f"GET {PLAYER}", ["p-81"]),
    ]


def test_nothing_is_done_without_its_look(wiring: StubWiring) -> None:
    wiring.audit.fault = TimeoutError()

    with pytest.raises(TimeoutError):
        call("PUT", at("banned"), b"{}", OFFICER)
    assert wiring.standings.facts(NORTH, "p-81", None).standing is None


@pytest.mark.parametrize("group", [group for group in Group if group is not Group.COMPLIANCE])
def test_nobody_else_keeps_lists(wiring: StubWiring, group: Group) -> None:
    assert call("GET", {"player_id": "p-81"}, caller=person(group, property_id=NORTH))[0] == 404
