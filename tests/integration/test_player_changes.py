"""What changed about players, on the deployed stack: played through the API, heard from a queue."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pitboss.events.player import ChangeKind, PlayerChanged, decode
from tests.integration import ratings_items
from tests.integration.conftest import name
from tests.subscribing import subscribed
from workbench import measure

type Hear = Callable[[], list[tuple[dict[str, str], PlayerChanged]]]


@pytest.fixture
def property_id(stack: dict[str, str]) -> Iterator[str]:
    """A property of this test's own."""
    one = name("house")
    yield one
    ratings_items.forget(one)


@pytest.fixture
def hear(stack: dict[str, str], property_id: str) -> Iterator[Hear]:
    """What came so far to a queue that asked for the property's starts and worth steps alone."""
    wanted = {"kind": ["session.started", "worth.crossed"], "property_id": [property_id]}
    heard: list[tuple[dict[str, str], PlayerChanged]] = []
    asked = {"FilterPolicy": json.dumps(wanted), "RawMessageDelivery": "true"}
    with subscribed(stack["PlayerTopicArn"], **asked) as messages:

        def hear() -> list[tuple[dict[str, str], PlayerChanged]]:
            for message in messages():
                attributes = message.get("MessageAttributes", {})
                said = {key: value["StringValue"] for key, value in attributes.items()}
                heard.append((said, decode(message["Body"])))
            return heard

        yield hear


def test_play_posted_through_the_api_is_heard_by_who_asked_for_it(
    property_id: str, hear: Hear, eventually: Any
) -> None:
    now = time.time_ns() // 1_000_000

    def sent(after: int, event_type: str, player: str | None = "p-81", **data: int) -> Any:
        return {
            "event_id": f"e-{after}",
            "event_type": event_type,
            "property_id": property_id,
            "asset_id": "1940732",
            "occurred_at": now + after,
            "sequence": after,
            "player_id": player,
            "data": data,
        }

    play = [
        sent(0, "paytable.reported", None, base_basis_points=9_000),
        sent(1, "card.inserted"),
        sent(2, "game.started", wager_cents=25_000),
        sent(3, "game.ended"),
    ]
    with measure.gateway(property_id) as client:
        answer = client.post_events(json.dumps(play).encode(), "application/json")
        assert answer.accepted == 4
        eventually(hear, lambda heard: len(heard) >= 2)
        out = json.dumps([sent(4, "card.removed")]).encode()
        assert client.post_events(out, "application/json").accepted == 1
        more = [sent(5, "card.inserted", "p-9")]
        assert client.post_events(json.dumps(more).encode(), "application/json").accepted == 1

    heard = eventually(hear, lambda heard: any(c.player_id == "p-9" for _, c in heard))
    by_id = {change.change_id: (said, change) for said, change in heard}
    started = f"session.started/{property_id}/p-81/1940732/{now + 1}"
    crossed = f"worth.crossed/{property_id}/p-81/1940732/{now + 1}/2"
    after = f"session.started/{property_id}/p-9/1940732/{now + 5}"
    assert by_id.keys() == {started, crossed, after}, "the end was not asked for"
    assert by_id[started][0] == {"kind": "session.started", "property_id": property_id}
    said, change = by_id[crossed]
    assert said == {"kind": "worth.crossed", "property_id": property_id, "worth_step": "2"}
    assert (change.kind, change.theoretical_win) == (ChangeKind.WORTH_CROSSED, 25_000_000)
