"""The live floor on the deployed stack: read, told of over a WebSocket, and answered by people."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest
from msgspec.structs import replace
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from pitboss.access import Group
from pitboss.floor.blocks import Block
from pitboss.floor.rows import Alert, MachineSums, Severity, block_of
from pitboss.gaming_day import GamingDays
from pitboss.offers.issued import IssuedOffer, Status, Step
from pitboss.stores.floor import BlockKind, DynamoFloor
from pitboss.stores.offers import DynamoOffers
from tests.fakes.offers import CATALOGUE, issued, record
from tests.sample_events import SEATED
from tests.signing_in import signed_in
from workbench import endpoint, users

ASSET = "1940732"


class House(NamedTuple):
    """A property that no other test has, with one machine, and people who signed in."""

    property_id: str
    floor: DynamoFloor
    offers: DynamoOffers
    tokens: dict[Group, str]
    api: httpx.Client

    def ask(self, group: Group, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[group]}", **more.pop("headers", {})}
        return self.api.request(method, path, headers=headers, **more)

    def watch(self, group: Group) -> ClientConnection:
        offered = [Subprotocol("pitboss.v1"), Subprotocol(self.tokens[group])]
        return connect(endpoint.live_url(), subprotocols=offered, open_timeout=30)

    def keep(self, row: MachineSums) -> None:
        """Keep a machine's row in place of the one before."""
        number = block_of(row.asset_id)
        before = self.floor.sums(self.property_id, [number])[number]
        block: Block[MachineSums, Any] = Block(before.version + 1, {row.asset_id: row})
        assert not self.floor.replace_blocks(self.property_id, BlockKind.SUMS, {number: block})


@pytest.fixture(scope="module")
def house(stack: dict[str, str]) -> Iterator[House]:
    mark = uuid.uuid4().hex[:8]
    property_id = f"floor-{mark}"
    with ExitStack() as cleanup:
        cleanup.enter_context(endpoint.as_environment())
        tokens = {}
        for group in (Group.HOST, Group.SLOT_OPS):
            name, password = f"{group}-{mark}", users.new_password()
            users.add(name, property_id, [group], password)
            which = {"UserPoolId": stack["UserPoolId"], "Username": name}
            cleanup.callback(endpoint.client("cognito-idp").admin_delete_user, **which)
            tokens[group] = signed_in(name, password).id_token
        offers, standings, ratings = (
            stack[f"{name}TableName"] for name in ("Offers", "Standings", "Ratings")
        )
        made = House(
            property_id,
            DynamoFloor(stack["FloorTableName"], "us-east-1"),
            DynamoOffers(offers, standings, ratings, "us-east-1"),
            tokens,
            cleanup.enter_context(httpx.Client(base_url=endpoint.api_url(), timeout=60)),
        )
        made.keep(replace(SEATED, changed_at=now()))
        yield made


def now() -> int:
    return time.time_ns() // 1_000_000


def heard(socket: Connection, part: str, within: float = 30.0) -> Any:
    """The next message that has such a part."""
    until = time.monotonic() + within
    while True:
        told = json.loads(socket.recv(timeout=until - time.monotonic()))
        if told.get(part):
            return told


def test_what_changes_is_told_to_each_who_watches_as_they_may_see_it(
    house: House, eventually: Callable[..., Any]
) -> None:
    with house.watch(Group.HOST) as host, house.watch(Group.SLOT_OPS) as slot_ops:
        row = replace(SEATED, changed_at=now(), games=77)
        house.keep(row)
        told = [heard(socket, "sums") for socket in (host, slot_ops)]

    rows = [one["sums"][0] for one in told]
    assert [one[3] for one in rows] == [77, 77]
    assert [one[15] for one in rows] == ["p-81", None]
    live = house.ask(Group.HOST, "GET", "/v1/floor/live")
    assert live.json()["sums"] == [json.loads(json.dumps(rows[0]))], "what is told is what there is"
    assert house.ask(Group.SLOT_OPS, "GET", "/v1/floor/live").json()["sums"] == [rows[1]]
    tag = {"If-None-Match": live.headers["ETag"]}
    assert house.ask(Group.HOST, "GET", "/v1/floor/live", headers=tag).status_code == 304


def test_an_alert_is_acknowledged_and_everyone_is_told_by_whom(house: House) -> None:
    alert = Alert(f"{now()}-{ASSET}-door", "door", Severity.WARNING, now(), "main door", ASSET)
    house.floor.raise_alerts(house.property_id, [alert])
    path = f"/v1/alerts/{alert.alert_id}/acknowledge"

    with house.watch(Group.HOST) as host:
        said = house.ask(Group.SLOT_OPS, "POST", path, json={"note": "closed it"})
        (told,) = heard(host, "alerts")["alerts"]
        while told["acknowledged_at"] is None:  # that it was raised may be told first
            (told,) = heard(host, "alerts")["alerts"]

    assert (said.status_code, said.json()) == (200, told)
    assert (told["note"], told["acknowledged_by"][:8]) == ("closed it", "slot-ops")
    other = house.ask(Group.HOST, "POST", path, json={"note": "me too"})
    assert (other.status_code, other.json()["acknowledged_by"]) == (409, told["acknowledged_by"])
    listed = house.ask(Group.HOST, "GET", "/v1/alerts").json()["alerts"]
    assert [one["alert_id"] for one in listed] == [alert.alert_id]


def test_an_offer_is_withheld_and_counted(
    house: House, stack: dict[str, str], eventually: Callable[..., Any]
) -> None:
    made = _made(house, stack)
    path = f"/v1/players/{made.player_id}/offers/{made.offer_id}/withhold"

    said = house.ask(
        Group.HOST,
        "POST",
        path,
        json={"reason": "left with friends"},
        headers={"Idempotency-Key": "w-1"},
    )

    assert (said.status_code, said.json().get("status")) == (200, "withdrawn"), said.text
    past = house.ask(Group.HOST, "GET", path.rpartition("/")[0].rpartition("/")[0]).json()["past"]
    assert past[0]["steps"][-1]["note"] == "left with friends"
    assert house.ask(Group.SLOT_OPS, "POST", path, json={"reason": "x"}).status_code == 403
    counts = eventually(
        lambda: house.ask(Group.HOST, "GET", "/v1/floor/live").json().get("offers"),
        lambda found: found is not None and found["withdrawn"] == 1,
        within=150,  # thousands of offers of other tests may be counted first
    )
    assert (counts["decided"], counts["delivered"]) == (1, 0)


def _made(house: House, stack: dict[str, str]) -> IssuedOffer:
    """An offer to the player who sits there, for the standing that the store asks for."""
    dynamodb, player = endpoint.client("dynamodb"), "p-81"
    dynamodb.put_item(
        TableName=stack["StandingsTableName"],
        Item={
            "pk": {"S": f"{house.property_id}/player/{player}"},
            "sk": {"S": "standing"},
            "version": {"N": "1"},
        },
    )
    from pitboss.stores.ratings import Asset, head_key

    pk, sk = head_key(Asset(house.property_id, ASSET))
    dynamodb.put_item(
        TableName=stack["RatingsTableName"],
        Item={"pk": {"S": pk}, "sk": {"S": sk}, "seated": {"S": player}},
    )
    at = now()
    day = GamingDays.parse(stack.get("GamingDays", "*=UTC@00:00")).day_of(house.property_id)(at)
    of = replace(CATALOGUE, property_id=house.property_id)
    return record(
        house.offers,
        issued(
            offer_id=f"{at:013d}-{0:016x}",
            property_id=house.property_id,
            player_id=player,
            asset_id=ASSET,
            gaming_day=day,
            decided_at=at,
            expires_at=at + 1_800_000,
            status=Status.DECIDED,
            steps=(Step(Status.DECIDED, at, "decide_offers"),),
        ),
        of,
    )
