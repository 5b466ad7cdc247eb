"""People on the deployed stack: signing in, what each group is answered, who is told of it, and the
wall around the bills that players put in.
"""

import json
import re
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from authorize_requests.service import ROUTES
from pitboss.access import GROUPS, Action, Decision, Group, Kind, Principal, authorize
from pitboss.live import LIVE_PROTOCOL
from pitboss.stores.audit import DynamoAudit
from pitboss.stores.connections import DynamoConnections, Watcher
from tests.integration.conftest import eventually
from tests.signing_in import NotSignedInError, Tokens, code_of, signed_in, token_answer
from workbench import endpoint, gateways, users
from workbench.client import PitbossClient
from workbench.signing import Signer

PLAYER, MACHINE = "p-81", "1940732"
BILL_CENTS = 734_519
"""No bill is worth that much, and nothing else comes to it."""
A_BILL = re.compile(r"(?<!\d)734519(?!\d)|7,?345\.19")

ANSWERED = [route for route in ROUTES if route[0] == "GET"]
"""What shows something. Everything else is answered with what became of it."""


class Answer(NamedTuple):
    """What somebody was answered."""

    group: Group
    action: str
    status: int
    text: str


class House(NamedTuple):
    """A property that no other test has: a player sits at a machine and has put in a bill, and one
    person of each group has signed in.
    """

    property_id: str
    api: httpx.Client
    names: dict[Group, str]
    tokens: dict[Group, Tokens]
    audit: DynamoAudit
    told: dict[Group, list[str]]
    """What they were told over WebSockets, which were open while the player played."""
    connections: DynamoConnections

    def ask(
        self,
        group: Group,
        method: str,
        path: str,
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """A request with somebody's token."""
        token = {"Authorization": f"Bearer {self.tokens[group].id_token}"}
        return self.api.request(method, path, json=json, headers=token | (headers or {}))

    def watching(self) -> list[Watcher]:
        """Whose WebSockets are kept."""
        return self.connections.watching(self.property_id, time.time_ns() // 1_000_000)

    def looks(self) -> Counter[tuple[str, str, tuple[str, ...]]]:
        """Who was shown whom by what, of this day and the one before."""
        days = {time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago)) for ago in (0, 86_400)}
        return Counter(
            (one.username, one.action, tuple(one.player_ids))
            for day in days
            for one in self.audit.looks(self.property_id, day, 10_000)[0]
        )


@pytest.fixture(scope="module")
def house(stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    mark = uuid.uuid4().hex[:8]
    property_id = f"people-{mark}"
    with ExitStack() as cleanup:
        cleanup.enter_context(endpoint.as_environment())
        names, tokens = {}, {}
        cognito = endpoint.client("cognito-idp")
        for group in Group:
            names[group], password = f"{group}-{mark}", users.new_password()
            users.add(names[group], property_id, [group], password)
            which = {"UserPoolId": stack["UserPoolId"], "Username": names[group]}
            cleanup.callback(cognito.admin_delete_user, **which)
            tokens[group] = signed_in(names[group], password)
        api = cleanup.enter_context(httpx.Client(base_url=endpoint.api_url(), timeout=60))
        audit = DynamoAudit(stack["AuditTableName"], "us-east-1")
        connections = DynamoConnections(stack["ConnectionsTableName"], "us-east-1")
        found = House(property_id, api, names, tokens, audit, {}, connections)
        with ExitStack() as sockets:
            watching = {group: sockets.enter_context(_watch(tokens[group])) for group in Group}
            _play(stack, property_id, tmp_path_factory.mktemp("keys"), cleanup)
            path = f"/v1/players/{PLAYER}/bill-ins"
            eventually(lambda: A_BILL.search(found.ask(Group.COMPLIANCE, "GET", path).text))
            for group, socket in watching.items():
                found.told[group] = _told_of_the_game(socket)
        path = f"/v1/players/{PLAYER}"
        eventually(lambda: found.ask(Group.HOST, "GET", path).status_code == 200)
        yield found


def _watch(who: Tokens) -> ClientConnection:
    offered = [Subprotocol(text) for text in (LIVE_PROTOCOL, who.id_token)]
    socket = connect(endpoint.live_url(), subprotocols=offered, open_timeout=30)
    assert socket.subprotocol == LIVE_PROTOCOL
    return socket


def _told_of_the_game(socket: Connection) -> list[str]:
    """What came until the machine's sums did, and what else is there by then."""
    told = [str(socket.recv(timeout=30))]
    while not any(row[0] == MACHINE for row in json.loads(told[-1]).get("sums", [])):
        told.append(str(socket.recv(timeout=30)))
    with suppress(TimeoutError):
        while True:
            told.append(str(socket.recv(timeout=0.1)))
    return told


def _play(stack: dict[str, str], property_id: str, folder: Path, cleanup: ExitStack) -> None:
    """Seat the player, and let them put in the bill and play a game."""
    name = f"gateway-{property_id}"
    key = folder / f"{name}.pem"
    scopes = frozenset({Action.SEND_SLOT_EVENTS})
    gateways.add(Principal(name, Kind.GATEWAY, property_id, None, scopes), key)
    cleanup.callback(
        endpoint.client("dynamodb").delete_item,
        TableName=stack["RegistryTableName"],
        Key={"pk": {"S": name}},
    )
    now = time.time_ns() // 1_000_000 - 60_000
    events = [
        ("paytable.reported", {"base_basis_points": 9_674}),
        ("card.inserted", {}),
        ("bill.accepted", {"amount_cents": BILL_CENTS}),
        ("game.started", {"wager_cents": 500}),
        ("game.ended", {"win_cents": 120}),
    ]
    body = [
        {
            "event_id": f"{property_id}-{number}",
            "event_type": kind,
            "property_id": property_id,
            "asset_id": MACHINE,
            "occurred_at": now + number * 1_000,
            "sequence": number,
            **({} if kind == "paytable.reported" else {"player_id": PLAYER}),
            "data": data,
        }
        for number, (kind, data) in enumerate(events, 1)
    ]
    with PitbossClient(endpoint.api_url(), Signer(name, key, gateways.audience())) as client:
        answer = client.post_events(json.dumps(body).encode(), "application/json")
    assert answer.accepted == len(events), answer


@pytest.fixture(scope="module")
def answers(house: House) -> list[Answer]:
    """What everybody is answered to everything they may ask. One after the other: two at once would
    have the embedded AWS start two processes of a function.
    """
    asked = [
        (group, method, route)
        for group in Group
        for method, route in ANSWERED
        if authorize(_person(group), ROUTES[method, route]) is Decision.ALLOWED
    ]

    def ask(one: tuple[Group, str, str]) -> Answer:
        group, method, route = one
        answer = house.ask(group, method, _path(route))
        return Answer(group, f"{method} {route}", answer.status_code, answer.text)

    before = house.looks()
    found = [ask(one) for one in asked]
    _KEPT[house.property_id] = house.looks() - before
    return found


_KEPT: dict[str, Counter[tuple[str, str, tuple[str, ...]]]] = {}


def _person(group: Group) -> Principal:
    return Principal("anybody", Kind.SERVICE, "x", None, GROUPS[group])


def _path(route: str) -> str:
    ids = {
        "asset_id": MACHINE,
        "player_id": PLAYER,
        "recommendation_id": "r-1",
        "crash_group": "5bf6c4c1b4731444",
    }
    path = route.format(**ids)
    now = time.time_ns() // 60_000_000_000
    if route == "/v1/floor/minutes":
        path += f"?first={(now - 5) * 60_000}&last={now * 60_000}"
    if route.startswith(("/v1/game-events", "/v1/crashes")) and not route.endswith("/freshness"):
        path += "?application=none-such"
    return path


def test_everybody_is_answered_what_they_may_ask(answers: list[Answer]) -> None:
    """With 404 only where there is nothing, and nothing that they had to be refused."""
    odd = [one for one in answers if one.status not in {200, 404}]
    assert odd == []
    assert Counter(one.status for one in answers)[200] > len(answers) * 3 // 4


def test_every_answer_that_names_a_player_is_a_look_that_is_kept(
    house: House, answers: list[Answer]
) -> None:
    named = Counter(
        (house.names[one.group], one.action)
        for one in answers
        if f'"{PLAYER}"' in one.text and one.action != "GET /v1/audit"
    )
    kept = Counter(
        (username, action)
        for username, action, players in _KEPT[house.property_id].elements()
        if PLAYER in players
    )
    assert named == kept
    assert {action for _, action in named} >= {
        *("GET /v1/players/{player_id}", "GET /v1/players/{player_id}/sessions"),
        *("GET /v1/players/{player_id}/ledger", "GET /v1/players/{player_id}/offers"),
        *("GET /v1/players/{player_id}/bill-ins", "GET /v1/machines/{asset_id}/ledger"),
        *("GET /v1/floor/live", "GET /v1/floor/players"),
    }
    (log,) = (one for one in answers if one.action == "GET /v1/audit")
    assert log.status == 200
    assert _KEPT[house.property_id][house.names[log.group], log.action, ()] == 1


def test_who_may_see_no_players_is_shown_none(answers: list[Answer]) -> None:
    blind = [one for one in answers if Action.READ_RATINGS not in GROUPS[one.group]]

    assert {one.group for one in blind} == {Group.SLOT_OPS, Group.ANALYST}
    assert [one for one in blind if PLAYER in one.text] == []


def test_nobody_but_compliance_is_shown_a_bill_and_they_only_where_it_is_asked_for(
    answers: list[Answer],
) -> None:
    shown = {(one.group, one.action) for one in answers if A_BILL.search(one.text)}

    assert shown == {(Group.COMPLIANCE, "GET /v1/players/{player_id}/bill-ins")}


def test_nobody_is_told_of_a_bill_and_who_may_see_no_players_of_none(house: House) -> None:
    told = {group: "\n".join(house.told[group]) for group in Group}

    assert [group for group in Group if A_BILL.search(told[group])] == []
    assert {group for group in Group if PLAYER in told[group]} == {
        group for group in Group if Action.READ_RATINGS in GROUPS[group]
    }


def test_what_they_may_not_ask_is_refused(house: House) -> None:
    for group in (Group.HOST, Group.ADMIN, Group.SLOT_OPS, Group.ANALYST):
        for path in (f"/v1/players/{PLAYER}/bill-ins", "/v1/audit", "/v1/reviews?status=all"):
            assert house.ask(group, "GET", path).status_code == 403


def test_answering_for_a_player_is_a_look_that_is_kept_though_it_come_to_nothing(
    house: House,
) -> None:
    route = "/v1/players/{player_id}/offers/{offer_id}/"
    answering = {
        route + "accept": Group.HOST,
        route + "decline": Group.HOST,
        route + "withhold": Group.ADMIN,
        route + "approve": Group.ADMIN,
        route + "refuse": Group.ADMIN,
    }
    before = house.looks()
    for path, group in answering.items():
        there = path.format(player_id=PLAYER, offer_id="of-1")
        key = {"Idempotency-Key": "k-1"}
        assert house.ask(group, "POST", there, json={"reason": "x"}, headers=key).is_client_error

    assert house.looks() - before == {
        (house.names[group], f"POST {path}", (PLAYER,)): 1 for path, group in answering.items()
    }


def test_another_propertys_players_are_not_there(house: House, stack: dict[str, str]) -> None:
    name, password = f"{house.property_id}-elsewhere", users.new_password()
    users.add(name, f"{house.property_id}-2", [Group.HOST, Group.COMPLIANCE], password)
    try:
        token = signed_in(name, password).id_token
        headers = {"Authorization": f"Bearer {token}"}
        for path in (f"/v1/players/{PLAYER}", f"/v1/machines/{MACHINE}"):
            assert house.api.get(path, headers=headers).status_code == 404
        assert MACHINE not in house.api.get("/v1/floor/live", headers=headers).text
        assert (
            A_BILL.search(house.api.get(f"/v1/players/{PLAYER}/bill-ins", headers=headers).text)
            is None
        )
    finally:
        endpoint.client("cognito-idp").admin_delete_user(
            UserPoolId=stack["UserPoolId"], Username=name
        )


# --- signing in -----------------------------------------------------------------------------------


def test_only_the_id_token_is_taken(house: House) -> None:
    tokens = house.tokens[Group.HOST]
    for token in (tokens.access_token, tokens.refresh_token):
        headers = {"Authorization": f"Bearer {token}"}
        assert house.api.get("/v1/floor/live", headers=headers).status_code == 401


def test_a_refreshed_token_is_as_good(house: House) -> None:
    refresh = house.tokens[Group.ANALYST].refresh_token
    answer = token_answer(grant_type="refresh_token", refresh_token=refresh)

    headers = {"Authorization": f"Bearer {answer.json()['id_token']}"}
    assert house.api.get("/v1/floor/live", headers=headers).status_code == 200


def test_a_code_is_worth_nothing_to_who_did_not_ask_for_it(
    house: House, stack: dict[str, str]
) -> None:
    name, password = house.names[Group.HOST], users.new_password()
    endpoint.client("cognito-idp").admin_set_user_password(
        UserPoolId=stack["UserPoolId"], Username=name, Password=password, Permanent=True
    )
    code = code_of(name, password, secrets.token_urlsafe(48))
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": stack["PageUrl"]}

    for verifier in ({}, {"code_verifier": secrets.token_urlsafe(48)}):
        assert token_answer(**given, **verifier).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://127.0.0.1:9/"},
        {"scope": "openid aws.cognito.signin.user.admin"},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"client_id": "another"},
    ],
    ids=str,
)
def test_codes_are_given_to_the_page_alone(stack: dict[str, str], changed: dict[str, str]) -> None:
    with pytest.raises(NotSignedInError):
        code_of("anybody", "anything", "verifier", **changed)


def test_nobody_signs_up_and_nobody_signs_in_with_a_wrong_password(
    house: House, stack: dict[str, str]
) -> None:
    with pytest.raises(NotSignedInError, match="Incorrect username or password"):
        code_of(house.names[Group.ADMIN], "Wr0ng.password.", "verifier")
    cognito = endpoint.client("cognito-idp")
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.sign_up(
            ClientId=stack["UserPoolClientId"], Username="mallory", Password="Str0ng.enough."
        )


# --- the live API ---------------------------------------------------------------------------------


def test_a_page_is_kept_until_it_closes_and_watching_players_is_a_look(house: House) -> None:
    eventually(house.watching, lambda found: found == [])
    before = house.looks()
    for group, sees in ((Group.HOST, True), (Group.SLOT_OPS, False)):
        with _watch(house.tokens[group]):
            (kept,) = house.watching()
            assert kept.sees_players is sees
        eventually(house.watching, lambda found: found == [])
    assert house.looks() - before == {(house.names[Group.HOST], "CONNECT $connect", ()): 1}


@pytest.mark.parametrize("kind", ["none", "access_token", "nonsense"])
def test_who_offers_no_id_token_does_not_get_in(house: House, kind: str) -> None:
    """401 on AWS; the embedded one answers 500 where an authorizer raises."""
    tokens = {"access_token": [house.tokens[Group.HOST].access_token], "nonsense": ["a.b.c"]}
    offered = [Subprotocol(text) for text in (LIVE_PROTOCOL, *tokens.get(kind, []))]
    with pytest.raises(InvalidStatus) as caught:
        connect(endpoint.live_url(), subprotocols=offered)
    assert caught.value.response.status_code in {401, 500}
