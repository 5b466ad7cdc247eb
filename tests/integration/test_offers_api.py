"""Offers through the API of the deployed stack: shown, answered, approved, expired."""

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from pitboss.access import Action, Credential, Kind, Principal, Status
from pitboss.offers.catalogue import encode
from pitboss.offers.gate import Entry, ListName, Standing
from pitboss.offers.issued import IssuedOffer
from pitboss.stores.approvals import StepFunctionsStarts
from pitboss.stores.offers import DynamoOffers
from pitboss.stores.ratings import Asset, head_key
from pitboss.stores.registry import DynamoRegistry
from tests.fakes.keys import KeyPair
from tests.fakes.offers import AWAITING, FREE_PLAY, issued, record
from tests.integration.test_access import Sender
from workbench import endpoint, gateways
from workbench.proof.offers import catalogue

GAME = frozenset({Action.READ_OFFERS, Action.ANSWER_OFFERS, Action.REDEEM_OFFERS})
WELCOME = Standing(version=1, of_age_from=0, jurisdiction="US-NV")
OF = "/v1/players/{player}/offers/{offer}"


@dataclass
class Place:
    """A property of one test: p-1 sits at machine 1001, and all lists are complete."""

    http: httpx.Client
    stack: dict[str, str]
    property_id: str
    offers: DynamoOffers
    approvals: StepFunctionsStarts
    registry: DynamoRegistry
    version: int = 0
    """Of the standing of p-1."""

    def register(
        self,
        scopes: frozenset[Action],
        kind: Kind = Kind.SERVICE,
        assets: frozenset[str] | None = None,
        of: str | None = None,
    ) -> Sender:
        """Someone new."""
        principal = Principal(
            f"test-{uuid.uuid4().hex[:12]}", kind, of or self.property_id, assets, scopes
        )
        keys = KeyPair()
        self.registry.register(
            Credential(principal, keys.public_pem, keys.algorithm, Status.ACTIVE, 1)
        )
        return Sender(principal, keys, self.stack["TokenAudience"])

    def ask(
        self, method: str, path: str, who: Sender | None, body: bytes = b"", **headers: str
    ) -> httpx.Response:
        """One request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            named["Authorization"] = f"Bearer {who.token(body)}"
        if body:
            named["Content-Type"] = "application/json"
        return self.http.request(method, path, content=body or None, headers=named)

    def answer(self, offer: IssuedOffer, verb: str, who: Sender, key: str) -> httpx.Response:
        """A player's answer."""
        path = OF.format(player=offer.player_id, offer=offer.offer_id)
        return self.ask("POST", f"{path}/{verb}", who, Idempotency_Key=key)

    def shown(self, who: Sender) -> Any:
        """What the machine's screen shows."""
        answer = self.ask("GET", "/v1/machines/1001/offer", who)
        assert answer.status_code == 200, answer.text
        return answer.json()["offer"]

    def make(self, n: int = 0, **changed: Any) -> IssuedOffer:
        """An offer, decided now, of an id that no other run had."""
        now = time.time_ns() // 1_000_000
        defaults = {
            "offer_id": f"{now:013d}-{n:016x}",
            "decided_at": now,
            "expires_at": now + 600_000,
        }
        made = issued(n, property_id=self.property_id, **defaults | changed)
        return record(self.offers, made, catalogue(property_id=self.property_id), self.version)

    def stored(self, offer: IssuedOffer) -> IssuedOffer:
        """The offer as it is."""
        found = self.offers.offer(offer.property_id, offer.player_id, offer.offer_id)
        assert found is not None
        return found

    def stand(self, standing: Standing) -> None:
        """What is known of p-1 from now on."""
        self.version += 1
        standing = replace(standing, version=self.version)
        self._put(
            "StandingsTableName",
            f"{self.property_id}/player/p-1",
            "standing",
            version={"N": str(self.version)},
            body={"B": msgspec.json.encode(standing)},
        )

    def seat(self, player_id: str) -> None:
        """Who sits at the machine."""
        key = head_key(Asset(self.property_id, "1001"))
        self._put("RatingsTableName", *key, seated={"S": player_id}, applied={"S": "0"})

    def complete_lists(self) -> None:
        """All lists are complete to this moment."""
        now = {"N": str(time.time_ns() // 1_000_000)}
        complete = {str(name): now for name in ListName}
        self._put(
            "StandingsTableName",
            f"{self.property_id}/lists",
            "lists",
            version={"N": "1"},
            **complete,
        )

    def _put(self, table: str, pk: str, sk: str, **attributes: Any) -> None:
        endpoint.client("dynamodb").put_item(
            TableName=self.stack[table], Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes}
        )


@pytest.fixture(scope="module")
def place(stack: dict[str, str]) -> Iterator[Place]:
    """Reached as a function reaches its tables: by its environment."""
    property_id, where = f"test-{uuid.uuid4().hex[:8]}", endpoint.target()
    registry = gateways.registry()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            if where.access_key_id and name != "AWS_CA_BUNDLE":
                patch.delenv(name)
        for name, value in where.variables().items():
            patch.setenv(name, value)
        region = where.region or endpoint.DEFAULT_REGION
        tables = ("OffersTableName", "StandingsTableName", "RatingsTableName")
        offers = DynamoOffers(stack[tables[0]], stack[tables[1]], stack[tables[2]], region)
        approvals = StepFunctionsStarts(stack["ApproveOfferStateMachineArn"], region)
        with httpx.Client(base_url=endpoint.api_url(), timeout=60) as http:
            place = Place(http, stack, property_id, offers, approvals, registry)
            assert offers.apply_catalogue(catalogue(property_id=property_id), 1, "test", None)
            place.seat("p-1")
            place.stand(WELCOME)
            place.complete_lists()
            yield place
    dynamodb = endpoint.client("dynamodb")
    for known in registry.credentials():
        if known.principal.property_id == property_id:
            key = {"pk": {"S": known.principal.principal_id}}
            dynamodb.delete_item(TableName=stack["RegistryTableName"], Key=key)
    for table in tables:
        for page in dynamodb.get_paginator("scan").paginate(TableName=stack[table]):
            for item in page["Items"]:
                if item["pk"]["S"].startswith(f"{property_id}/"):
                    key = {"pk": item["pk"], "sk": item["sk"]}
                    dynamodb.delete_item(TableName=stack[table], Key=key)


@pytest.fixture(scope="module")
def game(place: Place) -> Sender:
    return place.register(GAME, Kind.GATEWAY, frozenset({"1001"}))


@pytest.fixture(scope="module")
def host(place: Place) -> Sender:
    return place.register(
        frozenset({Action.READ_OFFERS, Action.APPROVE_OFFERS, Action.WRITE_CATALOGUE})
    )


def test_an_offer_is_shown_accepted_and_redeemed_once(
    place: Place, game: Sender, host: Sender
) -> None:
    made = place.make(1)

    shown = place.shown(game)
    answers = [place.answer(made, "accept", game, "k-1") for _ in range(2)]
    redeemed = place.answer(made, "redeem", game, "k-2")

    assert (shown["offer_id"], shown["status"]) == (made.offer_id, "delivered")
    assert not {"name", "reasons", "cost_cents"} & shown.keys()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (redeemed.status_code, redeemed.json()["status"]) == (200, "redeemed")
    assert place.shown(game) is None
    listed = place.ask("GET", "/v1/players/p-1/offers", host).json()
    (past,) = [offer for offer in listed["past"] if offer["offer_id"] == made.offer_id]
    assert [step["status"] for step in past["steps"]] == [
        *("decided", "delivered", "accepted", "redeemed")
    ]
    assert past["reasons"] == ["meal accepted twice"]


def test_of_many_redemptions_at_once_one_succeeds(place: Place, game: Sender) -> None:
    made = place.make(2, **FREE_PLAY)
    assert place.shown(game) is not None
    assert place.answer(made, "accept", game, "accept-2").status_code == 200

    def redeem(n: int) -> tuple[int, str]:
        answer = place.answer(made, "redeem", game, f"redeem-2-{n}")
        said = answer.json()
        return answer.status_code, said.get("offer_status") or said["status"]

    with ThreadPoolExecutor(3) as several:
        outcomes = Counter(several.map(redeem, range(12)))

    assert outcomes == {(200, "redeemed"): 1, (409, "redeemed"): 11}


def test_who_is_excluded_meanwhile_is_shown_nothing_and_redeems_nothing(
    place: Place, game: Sender
) -> None:
    made = place.make(3)
    assert place.shown(game) is not None
    assert place.answer(made, "accept", game, "accept-3").status_code == 200

    place.stand(replace(WELCOME, entries={ListName.BANNED: Entry(0, None, 0)}))
    try:
        shown = place.shown(game)
        redeemed = place.answer(made, "redeem", game, "redeem-3")
    finally:
        place.stand(WELCOME)

    assert shown is None
    assert (redeemed.status_code, redeemed.json()["offer_status"]) == (409, "withdrawn")
    assert "excluded" not in redeemed.text
    assert "banned" not in redeemed.text


MATRIX: dict[tuple[str, str], Action] = {
    ("GET", "/v1/machines/1001/offer"): Action.READ_OFFERS,
    ("GET", "/v1/players/p-1/offers"): Action.READ_OFFERS,
    ("POST", "/v1/players/p-1/offers/1-2/accept"): Action.ANSWER_OFFERS,
    ("POST", "/v1/players/p-1/offers/1-2/decline"): Action.ANSWER_OFFERS,
    ("POST", "/v1/players/p-1/offers/1-2/redeem"): Action.REDEEM_OFFERS,
    ("POST", "/v1/players/p-1/offers/1-2/approve"): Action.APPROVE_OFFERS,
    ("POST", "/v1/players/p-1/offers/1-2/refuse"): Action.APPROVE_OFFERS,
    ("GET", "/v1/offers/pending"): Action.APPROVE_OFFERS,
    ("GET", "/v1/offers/catalogue"): Action.WRITE_CATALOGUE,
    ("PUT", "/v1/offers/catalogue"): Action.WRITE_CATALOGUE,
    ("GET", "/v1/offers/catalogue/versions"): Action.WRITE_CATALOGUE,
}
"""Every route, and the one scope that opens it. There is no offer `1-2`."""


def test_every_route_is_for_its_scope_alone(place: Place) -> None:
    who = {action: place.register(frozenset({action})) for action in set(MATRIX.values())}

    found = {
        (method, path, action): place.ask(method, path, sender, Idempotency_Key="k").status_code
        for method, path in MATRIX
        for action, sender in who.items()
    }

    assert found == {
        (method, path, action): _without_anything(method) if action is needed else 403
        for (method, path), needed in MATRIX.items()
        for action in who
    }
    assert place.ask("GET", "/v1/machines/1001/offer", None).status_code == 401
    assert place.ask("PUT", "/v1/offers/catalogue", None).status_code == 401


def _without_anything(method: str) -> int:
    """What who may is answered: no offer is named so, and nothing was said of what is replaced."""
    return {"GET": 200, "POST": 404, "PUT": 428}[method]


def test_what_is_anothers_is_not_found(place: Place, game: Sender) -> None:
    made = place.make(4)
    assert place.shown(game) is not None
    everything = frozenset(Action)
    elsewhere = place.register(everything, of="elsewhere")
    next_to_it = place.register(everything, assets=frozenset({"1002"}))

    for other in (elsewhere, next_to_it):
        for verb in ("accept", "decline", "redeem", "approve", "refuse"):
            assert place.answer(made, verb, other, "k").status_code == 404
    assert place.ask("GET", "/v1/machines/1001/offer", next_to_it).status_code == 404
    for path in ("/v1/players/p-1/offers", "/v1/offers/pending", "/v1/offers/catalogue"):
        assert place.ask("GET", path, next_to_it).status_code == 404
    assert place.ask("GET", "/v1/players/p-1/offers", elsewhere).json()["offers"] == []
    assert place.ask("GET", "/v1/offers/catalogue", elsewhere).status_code == 404
    assert place.stored(made).status == "delivered"
    assert place.answer(made, "decline", game, "decline-4").status_code == 200


def test_another_body_than_the_signed_one_is_forbidden(place: Place, host: Sender) -> None:
    body = encode(catalogue(property_id=place.property_id, daily_budget_cents=1_000_000))
    headers = {"Authorization": f"Bearer {host.token(b'{}')}", "Content-Type": "application/json"}

    answer = place.http.put("/v1/offers/catalogue", content=body, headers=headers)

    assert answer.status_code == 403
    in_force = place.ask("GET", "/v1/offers/catalogue", host).json()["catalogue"]
    assert in_force["house"]["daily_budget_cents"] == 100_000


def test_a_catalogue_replaces_the_one_that_was_read(place: Place, host: Sender) -> None:
    before = place.ask("GET", "/v1/offers/catalogue", host)
    body = encode(catalogue(property_id=place.property_id, reward_hours=48))

    first = place.ask("PUT", "/v1/offers/catalogue", host, body, If_Match=before.headers["ETag"])
    late = place.ask(
        "PUT",
        "/v1/offers/catalogue",
        host,
        encode(catalogue(property_id=place.property_id)),
        If_Match='"0123456789abcdef"',
    )

    assert (first.status_code, first.json()["replaced"]) == (200, before.json()["version"])
    assert late.status_code == 412
    versions = place.ask("GET", "/v1/offers/catalogue/versions", host).json()["versions"]
    assert [one["is_current"] for one in versions] == [True, False]
    assert versions[0]["applied_by"] == host.principal.principal_id
    assert place.ask(
        "PUT",
        "/v1/offers/catalogue",
        host,
        encode(catalogue(property_id=place.property_id)),
        If_Match=first.headers["ETag"],
    ).is_success


# --- approval -------------------------------------------------------------------------------------


def _awaiting(place: Place, n: int, seconds: int = 600) -> IssuedOffer:
    now = time.time_ns() // 1_000_000
    times = {"decided_at": now, "expires_at": now + seconds * 1_000}
    made = place.make(n, **AWAITING | times)
    place.approvals.start(made)
    return made


def _settle(place: Place, made: IssuedOffer, verb: str, who: Sender) -> httpx.Response:
    path = OF.format(player="p-1", offer=made.offer_id)
    return place.ask("POST", f"{path}/{verb}", who)


def test_a_person_approves_and_the_offer_is_made(
    place: Place, game: Sender, host: Sender, eventually: Callable[..., Any]
) -> None:
    made = _awaiting(place, 5)
    eventually(lambda: place.stored(made).task_token)
    assert place.shown(game) is None
    (pending,) = place.ask("GET", "/v1/offers/pending", host).json()["offers"]
    assert pending["offer_id"] == made.offer_id
    began = time.time_ns() // 1_000_000

    approved = _settle(place, made, "approve", host)
    found = eventually(
        lambda: place.stored(made), lambda offer: offer.status != "awaiting_approval"
    )

    assert approved.status_code == 202
    assert (found.status, found.steps[-1].by) == ("decided", host.principal.principal_id)
    assert found.expires_at >= began + found.valid_minutes * 60_000
    assert _settle(place, made, "approve", host).status_code == 200
    late = _settle(place, made, "refuse", host)
    assert (late.status_code, late.json()["detail"]) == (
        409,
        f"the offer was approved by {host.principal.principal_id} already",
    )
    assert place.shown(game)["offer_id"] == made.offer_id
    assert place.answer(made, "decline", game, "decline-5").status_code == 200


def test_a_person_refuses_and_nothing_is_spent(
    place: Place, host: Sender, eventually: Callable[..., Any]
) -> None:
    made = _awaiting(place, 6)
    eventually(lambda: place.stored(made).task_token)

    assert _settle(place, made, "refuse", host).status_code == 202

    found = eventually(
        lambda: place.stored(made), lambda offer: offer.status != "awaiting_approval"
    )
    assert (found.status, found.steps[-1].by) == ("refused", host.principal.principal_id)


def test_nobody_answers_and_the_offer_expires(
    place: Place, host: Sender, eventually: Callable[..., Any]
) -> None:
    made = _awaiting(place, 7, seconds=1)

    found = eventually(
        lambda: place.stored(made), lambda offer: offer.status != "awaiting_approval"
    )

    assert found.status == "expired"
    assert found.steps[-1].by in ("approve_offer", "expire_offers")
    late = _settle(place, made, "approve", host)
    assert (late.status_code, late.json()["offer_status"]) == (409, "expired")
    client = endpoint.client("stepfunctions")
    arn = place.stack["ApproveOfferStateMachineArn"].replace(":stateMachine:", ":execution:")
    run = eventually(
        lambda: client.describe_execution(executionArn=f"{arn}:{made.offer_id}"),
        lambda run: run["status"] != "RUNNING",
    )
    assert (run["status"], json.loads(run["output"])) == ("SUCCEEDED", {"status": "expired"})


# --- expiry ---------------------------------------------------------------------------------------


def test_what_is_past_its_time_expires(place: Place, game: Sender) -> None:
    now = time.time_ns() // 1_000_000
    made = place.make(8, decided_at=now - 2, expires_at=now - 1)
    resource = endpoint.client("cloudformation").describe_stack_resource(
        StackName=endpoint.stack_name(), LogicalResourceId="ExpireOffersFunction"
    )
    function = resource["StackResourceDetail"]["PhysicalResourceId"]

    assert place.shown(game) is None
    endpoint.client("lambda").invoke(FunctionName=function, Payload=b"{}")

    found = place.stored(made)
    assert (found.status, found.steps[-1].by) == ("expired", "expire_offers")
