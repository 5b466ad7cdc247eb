"""Watching play on the deployed stack: from the door to the review queue, and what is decided."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from pitboss.access import Action, Group, Kind, Principal
from pitboss.floor.plan import FloorPlan, Place
from pitboss.stores.floor import DynamoFloor
from tests.signing_in import signed_in
from workbench import endpoint, gateways, users
from workbench.client import PitbossClient
from workbench.signing import Signer

MACHINE, FAR_MACHINE = "1940732", "5093619"


class House(NamedTuple):
    """A property that no other test has, its gateway, and compliance."""

    property_id: str
    gateway: PitbossClient
    api: httpx.Client
    who: dict[str, str]
    floor: DynamoFloor

    def reviews(self, status: str = "all") -> list[dict[str, Any]]:
        answer = self.api.get("/v1/reviews", params={"status": status}, headers=self.who)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["reviews"]
        return found

    def decide(self, review_id: str, verdict: str) -> httpx.Response:
        said = {"verdict": verdict, "note": "seen on camera"}
        return self.api.post(f"/v1/reviews/{review_id}/decide", json=said, headers=self.who)

    def post(self, events: list[dict[str, Any]]) -> None:
        answer = self.gateway.post_events(json.dumps(events).encode(), "application/json")
        assert answer.accepted == len(events), answer

    def session(
        self,
        player_id: str,
        begins: int,
        interval_ms: int,
        games: int = 8,
        asset_id: str = MACHINE,
    ) -> list[dict[str, Any]]:
        """Games with a card: in, played at this pace, and out."""
        moments: list[tuple[str, int, dict[str, int]]] = [
            ("card.inserted", 0, {}),
            ("card.removed", games * interval_ms + 900, {}),
        ]
        for n in range(games):
            at = 500 + n * interval_ms + n % 2 * interval_ms // 4
            moments += [("game.started", at, {"wager_cents": 500})]
            moments += [("game.ended", at + 300, {"win_cents": 0})]
        return [
            {
                "event_id": f"{player_id}-{begins}-{asset_id}-{number}",
                "event_type": kind,
                "property_id": self.property_id,
                "asset_id": asset_id,
                "occurred_at": begins + at,
                "sequence": number,
                "player_id": player_id,
                "data": data,
            }
            for number, (kind, at, data) in enumerate(sorted(moments, key=lambda one: one[1]), 1)
        ]


@pytest.fixture
def house(stack: dict[str, str], tmp_path: Path) -> Iterator[House]:
    mark = uuid.uuid4().hex[:8]
    property_id, name = f"watched-{mark}", f"gateway-watched-{mark}"
    with ExitStack() as cleanup:
        cleanup.enter_context(endpoint.as_environment())
        person, password = f"rosa-{mark}", users.new_password()
        users.add(person, property_id, [Group.COMPLIANCE], password)
        which = {"UserPoolId": stack["UserPoolId"], "Username": person}
        cleanup.callback(endpoint.client("cognito-idp").admin_delete_user, **which)
        key = tmp_path / "gateway.pem"
        scopes = frozenset({Action.SEND_SLOT_EVENTS})
        gateways.add(Principal(name, Kind.GATEWAY, property_id, None, scopes), key)
        cleanup.callback(
            endpoint.client("dynamodb").delete_item,
            TableName=stack["RegistryTableName"],
            Key={"pk": {"S": name}},
        )
        signer = Signer(name, key, gateways.audience())
        yield House(
            property_id,
            cleanup.enter_context(PitbossClient(endpoint.api_url(), signer)),
            cleanup.enter_context(httpx.Client(base_url=endpoint.api_url(), timeout=60)),
            {"Authorization": f"Bearer {signed_in(person, password).id_token}"},
            DynamoFloor(stack["FloorTableName"], "us-east-1", client=endpoint.client("dynamodb")),
        )


def test_a_program_is_told_of_once_and_not_again_when_it_was_cleared(
    house: House, eventually: Callable[..., Any]
) -> None:
    began = time.time_ns() // 1_000_000 - 600_000
    first = house.session("p-1", began, 1_200)
    honest = house.session("p-2", began + 60_000, 6_000)
    house.post([*first, *honest])

    def suspected() -> set[str]:
        return {one["player_id"] for one in house.reviews()}

    eventually(suspected)
    (review,) = house.reviews("open")
    assert (review["player_id"], review["question"], review["began_at"]) == ("p-1", "pace", began)

    cleared = house.decide(review["review_id"], "cleared")
    assert (cleared.status_code, cleared.json()["status"]) == (200, "cleared")
    assert house.decide(review["review_id"], "cleared").json() == cleared.json()
    assert house.decide(review["review_id"], "confirmed").status_code == 409

    # All of it again, the same player again, and then one whose review shows that it was watched.
    again = house.session("p-1", began + 200_000, 1_200)
    house.post([*first, *honest])
    house.post([*again, *house.session("p-3", began + 300_000, 1_200)])
    eventually(lambda: "p-3" in suspected())
    assert [(one["player_id"], one["status"]) for one in house.reviews()] == [
        ("p-3", "open"),
        ("p-1", "cleared"),
    ]


def test_one_card_at_two_places_is_told_of_once(
    house: House, eventually: Callable[..., Any]
) -> None:
    where = ((MACHINE, 0), (FAR_MACHINE, 60))
    plan = FloorPlan([Place(one, x, 0, "Main floor") for one, x in where], version=1)
    assert house.floor.keep_plan(house.property_id, plan, 0, "rosa")
    began = time.time_ns() // 1_000_000 - 900_000
    here = house.session("p-1", began, 6_000, 60)
    there = house.session("p-1", began + 2_000, 7_000, 52, FAR_MACHINE)
    house.post(here)
    house.post(there)

    def at_two_places() -> list[dict[str, Any]]:
        return [one for one in house.reviews() if one["question"] == "places"]

    eventually(at_two_places)
    house.post([*there, *here])
    house.post(house.session("p-2", began + 600_000, 1_200))
    eventually(lambda: "p-2" in {one["player_id"] for one in house.reviews()})
    (review,) = at_two_places()
    assert (review["player_id"], review["status"]) == ("p-1", "open")
    assert {review["asset_id"], *review["reason"].replace(",", "").split()} > {MACHINE, FAR_MACHINE}
