"""Who gets in at the front door of the deployed stack, and that nobody else leaves a trace."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from pitboss.access import Action, Credential, Kind, Principal, Status, body_hash
from pitboss.stores.registry import DynamoRegistry
from tests.fakes.keys import KeyPair
from tests.fakes.registry import RegistrySuite
from workbench import endpoint, gateways
from workbench.signing import Signer

ROUTE = "/v1/slot-events"
JSON = "application/json"


@dataclass
class Sender:
    """A registered principal with the key it signs with."""

    principal: Principal
    keys: KeyPair
    audience: str

    def token(
        self,
        body: bytes,
        *,
        keys: KeyPair | None = None,
        **changed: Any,
    ) -> str:
        """A token for a body: right, but for what is changed."""
        now = int(time.time())
        principal_id = self.principal.principal_id
        said = {
            "iss": principal_id,
            "aud": self.audience,
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
            "body_sha256": body_hash(body),
        }
        signing = keys or self.keys
        return jwt.encode(
            said | changed,
            signing.private,
            algorithm=signing.algorithm,
            headers={"kid": principal_id},
        )


@dataclass
class Door:
    """The stack's API and stream, seen by one test with a property of its own."""

    http: httpx.Client
    audience: str
    property_id: str
    registry: DynamoRegistry
    seen: Callable[[], list[str]]
    """The partition keys of this property's records that have come since the test began."""

    def register(self, kind: Kind, action: Action, assets: frozenset[str] | None = None) -> Sender:
        """Someone new."""
        principal = Principal(
            f"test-{uuid.uuid4().hex[:12]}", kind, self.property_id, assets, frozenset({action})
        )
        keys = KeyPair()
        self.registry.register(
            Credential(principal, keys.public_pem, keys.algorithm, Status.ACTIVE, 1)
        )
        return Sender(principal, keys, self.audience)

    def gateway(self, assets: frozenset[str] | None = None) -> Sender:
        """A gateway of this property."""
        return self.register(Kind.GATEWAY, Action.SEND_SLOT_EVENTS, assets)

    def post(self, body: bytes, token: str | None, **headers: str) -> httpx.Response:
        """One request to the front door."""
        authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.post(
            ROUTE, content=body, headers={"Content-Type": JSON, **authorization, **headers}
        )

    def events(self, *assets: str, property_id: str | None = None) -> bytes:
        """A body with one event an asset."""
        return json.dumps(
            [
                {
                    "event_id": uuid.uuid4().hex,
                    "event_type": "test.happened",
                    "property_id": property_id or self.property_id,
                    "asset_id": asset,
                    "occurred_at": int(time.time() * 1000),
                    "sequence": 1,
                }
                for asset in assets
            ]
        ).encode()


@pytest.fixture
def door(stack: dict[str, str]) -> Iterator[Door]:
    property_id = f"test-{uuid.uuid4().hex[:8]}"
    kinesis = endpoint.client("kinesis")
    stream = stack["SlotStreamName"]
    iterators = {
        shard["ShardId"]: kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]
    }
    keys: list[str] = []

    def seen() -> list[str]:
        for shard in iterators:
            while True:
                page = kinesis.get_records(ShardIterator=iterators[shard], Limit=1000)
                iterators[shard] = page["NextShardIterator"]
                keys.extend(record["PartitionKey"] for record in page["Records"])
                if not page["Records"]:
                    break
        return [key for key in keys if key.startswith(f"{property_id}/")]

    registry = gateways.registry()
    with httpx.Client(base_url=endpoint.api_url(), timeout=30) as http:
        yield Door(http, stack["TokenAudience"], property_id, registry, seen)
    _forget(stack, lambda known: known.principal.property_id == property_id)


def _forget(stack: dict[str, str], which: Callable[[Credential], bool]) -> None:
    dynamodb = endpoint.client("dynamodb")
    for known in gateways.registry().credentials():
        if which(known):
            dynamodb.delete_item(
                TableName=stack["RegistryTableName"],
                Key={"pk": {"S": known.principal.principal_id}},
            )


def nothing_but_the_honest_body_is_in_the_stream(door: Door, honest: Sender) -> bool:
    """Whether the stream has one record of this property: the one that is posted now."""
    body = door.events("777")
    assert door.post(body, honest.token(body)).json()["accepted"] == 1
    deadline = time.monotonic() + 10
    while not (found := door.seen()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found == [f"{door.property_id}/777"]


def test_a_registered_gateway_gets_in(door: Door) -> None:
    assert nothing_but_the_honest_body_is_in_the_stream(door, door.gateway())


type Attack = Callable[[Sender, bytes], str | None]

ATTACKS: dict[str, Attack] = {
    "no token": lambda _, __: None,
    "not a token": lambda _, __: "not.a.token",
    "the key of another": lambda sender, body: sender.token(body, keys=KeyPair()),
    "a claim that is wrong": lambda sender, body: sender.token(body, aud="pitboss-elsewhere"),
}
"""One of each kind: a refusal costs the embedded AWS a new process. What else is refused, and for
which reason, tests/unit/test_tokens.py and tests/unit/test_authorize_requests.py go through."""


def test_who_proves_nothing_is_unauthorized_and_leaves_nothing(door: Door) -> None:
    sender = door.gateway()
    answers: dict[str, int] = {}
    for name, attack in ATTACKS.items():
        body = door.events("1940732")
        answers[name] = door.post(body, attack(sender, body)).status_code
    assert answers == dict.fromkeys(ATTACKS, 401)
    assert nothing_but_the_honest_body_is_in_the_stream(door, sender)


def test_an_api_key_is_no_proof(door: Door) -> None:
    answer = door.post(door.events("1940732"), None, **{"X-Api-Key": "any"})
    assert answer.status_code == 401
    assert nothing_but_the_honest_body_is_in_the_stream(door, door.gateway())


def test_another_body_than_the_signed_one_is_forbidden(door: Door) -> None:
    sender = door.gateway()
    signed, sent = door.events("1940732"), door.events("5093619")
    assert door.post(sent, sender.token(signed)).status_code == 403
    assert nothing_but_the_honest_body_is_in_the_stream(door, sender)


def test_a_revoked_gateway_is_forbidden_at_once(door: Door) -> None:
    sender = door.gateway()
    body = door.events("1940732")
    door.registry.revoke(sender.principal.principal_id, 2)
    assert door.post(body, sender.token(body)).status_code == 403
    assert nothing_but_the_honest_body_is_in_the_stream(door, door.gateway())


def test_a_scope_is_for_its_routes_alone(door: Door) -> None:
    service = door.register(Kind.SERVICE, Action.READ_RATINGS)
    body = door.events("1940732")
    assert door.post(body, service.token(body)).status_code == 403
    sender = door.gateway()
    bearer = {"Authorization": f"Bearer {sender.token(b'')}"}
    assert door.http.get("/v1/floor", headers=bearer).status_code == 403
    assert nothing_but_the_honest_body_is_in_the_stream(door, sender)


def test_a_service_reads_with_its_own_key_alone(door: Door) -> None:
    service = door.register(Kind.SERVICE, Action.READ_RATINGS)

    def get(token: str | None) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return door.http.get("/v1/floor", headers=headers).status_code

    assert get(service.token(b"")) == 200
    assert get(None) == 401
    assert get(service.token(b"", keys=KeyPair())) == 401
    assert get(service.token(b"a body")) == 401
    door.registry.revoke(service.principal.principal_id, 2)
    assert get(service.token(b"")) == 403


def test_a_service_limited_to_assets_reads_no_player_and_no_floor(door: Door) -> None:
    limited = door.register(Kind.SERVICE, Action.READ_RATINGS, frozenset({"777"}))
    everywhere = door.register(Kind.SERVICE, Action.READ_RATINGS)

    def get(path: str, service: Sender) -> int:
        headers = {"Authorization": f"Bearer {service.token(b'')}"}
        return door.http.get(path, headers=headers).status_code

    assert get("/v1/floor", everywhere) == 200
    assert get("/v1/floor", limited) == 404
    assert get("/v1/players/p-81", limited) == 404


def test_foreign_events_are_quarantined_and_their_neighbours_accepted(door: Door) -> None:
    sender = door.gateway(assets=frozenset({"777"}))
    foreign = door.events("777", property_id="elsewhere")
    body = json.dumps(json.loads(door.events("1940732", "777")) + json.loads(foreign)).encode()
    answer = door.post(body, sender.token(body))
    assert answer.status_code == 200
    assert [(one["status"], one.get("reason")) for one in answer.json()["events"]] == [
        ("quarantined", "foreign_asset"),
        ("accepted", None),
        ("quarantined", "foreign_property"),
    ]


def test_the_workbench_signs_as_the_front_door_asks(door: Door, tmp_path: Path) -> None:
    principal = door.gateway().principal
    mine = replace(principal, principal_id=f"{principal.principal_id}-w")
    gateways.add(mine, tmp_path / "key.pem")
    signer = Signer(mine.principal_id, tmp_path / "key.pem", gateways.audience())
    body = door.events("777")
    answer = door.http.post(
        ROUTE, content=body, headers={"Content-Type": JSON, **signer.headers(body)}
    )
    assert answer.json()["accepted"] == 1


class TestDynamoRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self, stack: dict[str, str]) -> Iterator[DynamoRegistry]:
        before = {known.principal.principal_id for known in gateways.registry().credentials()}
        yield gateways.registry()
        _forget(
            stack,
            lambda known: (
                known.principal.principal_id.startswith("test-")
                and known.principal.principal_id not in before
            ),
        )
