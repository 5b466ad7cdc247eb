"""Opening a WebSocket: only for machines that the caller may reach, and not without end."""

import json
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from connect_live_clients import handler as room
from connect_live_clients.service import MOST_CONNECTIONS, MOST_PAGES, Refusal, connect, watch
from pitboss.access import GROUPS, Action, Group, Kind, Principal
from pitboss.stores.connections import MOST_MACHINES, Connection, DynamoConnections, Watcher
from tests.fakes.network import tables
from tests.fakes.people import MemoryAudit, person
from tests.sample_events import load

NOW = 1_767_225_600_000
READ = frozenset({Action.READ_OFFERS})
GAME = Principal("game-7", Kind.GATEWAY, "north", frozenset({"7", "8"}), READ)
AUDIT = MemoryAudit()
FLOOR = Principal("signs", Kind.SERVICE, "north", None, READ)
READER = Principal("host", Kind.SERVICE, "north", None, frozenset({Action.READ_RATINGS}))


@pytest.fixture
def connections() -> Iterator[DynamoConnections]:
    with tables(NOW, "connections"):
        yield _store()


@cache
def _store() -> DynamoConnections:
    """One for all tests: making its client takes longer than a test."""
    return DynamoConnections("connections", "us-east-1")


@pytest.mark.parametrize(
    ("who", "machines", "refusal"),
    [
        (GAME, "7", None),
        (GAME, "0007, 8,", None),
        (FLOOR, "1234", None),
        (GAME, "", Refusal.NO_MACHINE),
        (GAME, " , ", Refusal.NO_MACHINE),
        (GAME, "000", Refusal.BAD_MACHINE),
        (FLOOR, "a/b", Refusal.BAD_MACHINE),
        (FLOOR, "9" * 65, Refusal.BAD_MACHINE),
        (GAME, "9", Refusal.NOT_FOUND),
        (GAME, "7,9", Refusal.NOT_FOUND),
        (READER, "7", Refusal.NOT_FOUND),
        (FLOOR, ",".join(map(str, range(1, MOST_MACHINES + 1))), None),
        (FLOOR, ",".join(map(str, range(1, MOST_MACHINES + 2))), Refusal.TOO_MANY_MACHINES),
    ],
)
def test_what_may_be_listened_to(
    connections: DynamoConnections, who: Principal, machines: str, refusal: Refusal | None
) -> None:
    assert connect("c-1", who, machines, connections, NOW) is refusal
    assert connections.count(who.principal_id, NOW) == (refusal is None)


def test_it_is_kept_for_its_machines_and_forgotten_whole(connections: DynamoConnections) -> None:
    connect("c-1", GAME, "0007,8", connections, NOW)
    for asset in ("7", "8"):
        ((connection_id, connected_at),) = connections.listening("north", asset, NOW)
        assert (connection_id, connected_at) == ("c-1", NOW)


class Full:
    """Has as many connections as are said, and takes none."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.added: list[Connection] = []

    def count(self, principal_id: str, now: int) -> int:
        return self._count

    def add(self, connection: Connection) -> None:
        self.added.append(connection)


def test_a_principal_has_so_many_connections_and_no_more() -> None:
    last, full = Full(MOST_CONNECTIONS - 1), Full(MOST_CONNECTIONS)

    assert connect("c-1", GAME, "7", last, NOW) is None
    assert connect("c-1", GAME, "7", full, NOW) is Refusal.TOO_MANY_CONNECTIONS
    assert (len(last.added), full.added) == (1, [])


# People.


def connected(who: Principal, connections: Any, told: list[str] | None = None) -> Refusal | None:
    kept: list[str] = [] if told is None else told
    return watch("w-1", who, connections, lambda: kept.append("told"), NOW)


@pytest.mark.parametrize("group", Group)
def test_everybody_watches_the_floor_and_sees_players_if_they_may(
    connections: DynamoConnections, group: Group
) -> None:
    who, told = person(group, property_id="north", expires=NOW // 1_000 + 900), list[str]()
    sees = Action.READ_RATINGS in GROUPS[group]

    assert connected(who, connections, told) is None

    assert connections.watching("north", NOW) == [Watcher("w-1", NOW, sees, NOW // 1_000 + 900)]
    assert told == ["told"] * sees, "the audit log hears of it"


def test_what_cannot_be_kept_in_the_audit_log_is_not_watched() -> None:
    def unavailable() -> None:
        raise TimeoutError

    full = Full(0)
    with pytest.raises(TimeoutError):
        watch("w-1", person(Group.HOST), full, unavailable, NOW)
    assert full.added == []


def test_who_may_see_nothing_watches_nothing() -> None:
    full, told = Full(0), list[str]()

    assert connected(person(), full, told) is Refusal.NOT_FOUND
    assert connected(FLOOR, full, told) is Refusal.NOT_FOUND, "a key is no person"
    assert (full.added, told) == ([], [])


def test_a_person_has_so_many_pages_and_no_more() -> None:
    last, full, told = Full(MOST_PAGES - 1), Full(MOST_PAGES), list[str]()

    assert connected(person(Group.HOST), last) is None
    assert connected(person(Group.HOST), full, told) is Refusal.TOO_MANY_PAGES
    assert (len(last.added), full.added, told) == (1, [], [])


# The handler, with the sample events.


@pytest.fixture
def wiring(connections: DynamoConnections, monkeypatch: pytest.MonkeyPatch) -> DynamoConnections:
    found = SimpleNamespace(connections=connections, audit=AUDIT, now=lambda: NOW)
    AUDIT.kept.clear()
    monkeypatch.setattr(room, "_wiring", lambda: found)
    return connections


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    names = ("ClientsConnected", "ClientsRefused", "ClientsDisconnected")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {name: line[name][0] for line in lines for name in names if name in line}


def test_a_game_comes_and_goes(
    wiring: DynamoConnections, capsys: pytest.CaptureFixture[str]
) -> None:
    events: dict[str, Any] = load("connect_live_clients")
    machine = ("north", "1940732")

    assert room.handler(events["connected"], None) == {"statusCode": 200}
    assert len(wiring.listening(*machine, NOW)) == 1
    assert counted(capsys) == {"ClientsConnected": 1, "ClientsRefused": 0}
    assert room.handler(events["disconnected"], None) == {"statusCode": 200}
    assert wiring.listening(*machine, NOW) == []
    assert counted(capsys) == {"ClientsDisconnected": 1}
    assert room.handler(events["disconnected"], None) == {"statusCode": 200}, "told twice"
    assert counted(capsys) == {"ClientsDisconnected": 0}


def test_a_page_is_answered_in_its_subprotocol(
    wiring: DynamoConnections, capsys: pytest.CaptureFixture[str]
) -> None:
    event = load("connect_live_clients")["watching"]

    answer = room.handler(event, None)

    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "pitboss.v1"}}
    (watcher,) = wiring.watching("north", NOW)
    assert watcher.sees_players
    (look,) = AUDIT.kept
    assert (look.action, look.username, look.player_ids) == ("CONNECT $connect", "rosa", [])
    assert counted(capsys) == {"ClientsConnected": 1, "ClientsRefused": 0}


def test_who_asks_for_a_foreign_machine_hears_that_there_is_none(
    wiring: DynamoConnections, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = room.handler(load("connect_live_clients")["foreign_machine"], None)

    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["detail"] == "there is no such machine"
    assert wiring.listening("north", "1940732", NOW) == []
    assert counted(capsys) == {"ClientsConnected": 0, "ClientsRefused": 1}


@pytest.mark.usefixtures("wiring")
def test_every_refusal_has_an_answer() -> None:
    assert room._ANSWERS.keys() == set(Refusal)
    event = load("connect_live_clients")["connected"]
    event["queryStringParameters"] = None
    assert room.handler(event, None)["statusCode"] == 400
