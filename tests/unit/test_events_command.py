"""`pitboss events`: paging, following, and times as people write them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from workbench import events
from workbench.client import PitbossClient
from workbench.console import UsageError, WorkbenchError

NOW = 1_592_277_300_000


class NoSigner:
    """Signs nothing."""

    def headers(self, body: bytes = b"") -> dict[str, str]:
        return {}


class Api:
    """Answers with the events that it has, the newest first, two a page."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, str]] = []
        self.status = 200

    def add(self, number: int, ago: int, received_ago: int | None = None) -> None:
        received = NOW - (ago if received_ago is None else received_ago)
        self.events.append(
            {
                "event_id": f"e-{number}",
                "player_id": "p-1",
                "occurred_at": NOW - ago,
                "received_at": received,
            }
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = {k: v[0] for k, v in parse_qs(urlsplit(str(request.url)).query).items()}
        self.asked.append(asked)
        if self.status != 200:
            return httpx.Response(self.status, json={"detail": "there is nothing here"})
        found = sorted(self.events, key=lambda one: one["occurred_at"], reverse=True)
        found = [one for one in found if one["occurred_at"] >= int(asked.get("since", 0))]
        begin = int(asked.get("before", 0))
        end = begin + min(2, int(asked["limit"]))
        return httpx.Response(
            200,
            json={"events": found[begin:end], "next": str(end) if end < len(found) else None},
        )


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def client(api: Api) -> Iterator[PitbossClient]:
    with PitbossClient(
        "http://api", NoSigner(), max_tries=1, transport=httpx.MockTransport(api)
    ) as made:
        yield made


def test_pages_are_gathered_until_there_are_enough(api: Api, client: PitbossClient) -> None:
    for number in range(5):
        api.add(number, ago=number)

    found, following = events.gather(client, {"application": "race", "player": None}, 3)
    rest, end = events.gather(client, {"application": "race"}, 9, following)

    assert [one["event_id"] for one in [*found, *rest]] == [f"e-{n}" for n in range(5)]
    assert (following, end) == ("3", None)
    assert all("player" not in asked for asked in api.asked)


def test_an_application_that_there_is_not_is_named(api: Api, client: PitbossClient) -> None:
    api.status = 404

    with pytest.raises(WorkbenchError, match="no application race"):
        events.gather(client, {"application": "race"}, 3)


def test_events_are_followed_each_once_in_their_order(api: Api, client: PitbossClient) -> None:
    """What came before is not shown; what comes late is, a minute long."""
    api.add(0, ago=5)
    api.add(1, ago=-10)
    clock = [NOW]

    def wait() -> None:
        if clock[0] > NOW:
            raise KeyboardInterrupt
        clock[0] += 1_000
        api.add(2, ago=-30)
        api.add(3, ago=20_000, received_ago=-40)

    seen: list[str] = []
    followed = events.follow(client, {"application": "race"}, lambda: clock[0], wait)
    with pytest.raises(KeyboardInterrupt):
        seen.extend(one["event_id"] for one in followed)

    assert seen == ["e-1", "e-3", "e-2"]
    assert int(api.asked[0]["since"]) == NOW - events.LATE_MS


def test_what_a_client_sent_does_nothing_to_the_terminal() -> None:
    line = events._line(
        {
            **{"occurred_at": NOW, "event_type": "crash", "player_id": "p-1", "is_trusted": False},
            **{"level_id": "\x1b]0;gone\x07", "data": {"said": "\x9b2J\u202e"}},
        }
    )

    assert line.isprintable()
    assert "]0;gone" in line


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90m", NOW - 5_400_000),
        ("2d ago", NOW - 172_800_000),
        ("2020-06-16T03:15", NOW),
        ("2020-06-16T05:15+02:00", NOW),
        ("2020-06-16", 1_592_265_600_000),
    ],
)
def test_times_as_people_write_them(text: str, ms: int) -> None:
    assert events.epoch_ms(text, NOW) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "10", "m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        events.epoch_ms(text, NOW)
