"""Finding games' events of the last days: pages, who may look, and what is written down of it."""

import json
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pitboss.access import GROUPS, Action, Group, Kind, Principal
from pitboss.games.applications import Application
from pitboss.lake import layout
from pitboss.queries import RefusedQueryError
from serve_events import handler as serving
from serve_events import service
from serve_events.service import search
from tests.fakes.lake import START, MemoryLake
from tests.fakes.network import tables
from tests.fakes.people import MemoryAudit, person
from tests.sample_events import MONDAY_EVENING as NOW
from tests.sample_events import STUDIO_ANALYST, asked, load
from tests.unit.test_index_events import (
    NORTH,
    RACE,
    event,
    found,
    ids,
    indexer,
    query,
    record,
    store,
)
from workbench.proof.network import Network


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "recent") as made:
        yield made


# Pages.


def test_a_page_has_no_more_than_an_answer_holds(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PAGE_BYTES", 250)
    indexer()([record(*(event(n, at=n, data=b'"%s"' % (b"x" * 100)) for n in range(5)))])

    first = search(store(), NORTH, query(), lambda: NOW).document

    assert ids(first.events) == ["e-0", "e-1"]
    assert ids(found()) == [f"e-{n}" for n in range(5)]


def test_a_search_that_takes_long_answers_with_what_it_has(network: Network) -> None:
    at = [hour * 3_600_000 for hour in range(40)]
    indexer()([record(*(event(n, at=ago) for n, ago in enumerate(at)))])
    clock = iter(range(NOW, NOW + 10**9, service.SEARCH_MS // 20))

    document, is_cut = search(store(), NORTH, query(player="p-1"), lambda: next(clock))

    assert is_cut
    assert 0 < len(document.events) < 40
    assert document.next is not None
    rest = found(player="p-1", before=document.next)
    assert ids([*document.events, *rest]) == [f"e-{n}" for n in range(40)]


def test_a_search_that_finds_nothing_for_long_says_where_to_go_on(network: Network) -> None:
    """Two lists that have nothing in common but at their ends, the oldest one of them."""
    both = [("died", "reef"), ("won", "nebula"), ("died", "nebula")]
    kinds = [both[2], *(both[n % 2] for n in range(60)), both[2]]
    said = [
        event(n, at=n * 60_000, event_type=kind, level_id=level)
        for n, (kind, level) in enumerate(kinds)
    ]
    indexer()([record(*said)])
    pages: list[list[str]] = []
    before: dict[str, str | int] = {}
    while len(pages) < 62:
        clock = iter(range(NOW, NOW + 10**9, service.SEARCH_MS // 4))
        asked = query(type="died", level="nebula", **before)
        document, is_cut = search(store(), NORTH, asked, partial(next, clock))
        pages.append(ids(document.events))
        assert is_cut is (document.next is not None)
        if document.next is None:
            break
        before = {"before": document.next}

    assert [one for page in pages for one in page] == ["e-0", "e-61"]
    assert 5 < len(pages) < 62  # it comes further with each


@pytest.mark.parametrize(
    "said",
    [
        {"application": "space race"},
        {"player": "p 1"},
        {"type": ""},
        {"level": ""},
        {"since": "yesterday"},
        {"since": 2, "until": 1},
        {"limit": 501},
        {"before": "1"},
        {"cursor": "1"},
    ],
)
def test_a_wrong_query_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(RefusedQueryError):
        query(**said)


# The function, with its sample events.


@pytest.fixture
def audit(network: Network, monkeypatch: pytest.MonkeyPatch) -> MemoryAudit:
    made = MemoryAudit()
    known = {(NORTH, RACE): Application(NORTH, RACE, 1)}
    wiring = SimpleNamespace(
        recent=store(),
        audit=made,
        lake=MemoryLake(),
        applications=SimpleNamespace(find=lambda *whose: known.get(whose)),
        now=lambda: NOW,
    )
    monkeypatch.setattr(serving, "_wiring", lambda: wiring)
    return made


def call(request: dict[str, Any]) -> tuple[int, Any]:
    answer = serving.handler(request, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_what_is_found_is_told_as_it_was_said_and_the_look_is_kept(audit: MemoryAudit) -> None:
    said = b'{"caught_by":"meteor","big":12345678901234567890123}'
    indexer()([record(event(1, player_id="player-7", data=said), event(2, player_id="p-2"))])

    answer = serving.handler(load("serve_events")["found"], None)

    assert answer["statusCode"] == 200
    assert said.decode() in answer["body"]
    assert [one["event_id"] for one in json.loads(answer["body"])["events"]] == ["e-1"]
    (look,) = audit.kept
    assert (look.action, look.username, look.player_ids) == (
        *("GET /v1/game-events", "ada", ["player-7"]),
    )


def test_whoever_is_shown_in_a_list_is_in_the_log(audit: MemoryAudit) -> None:
    indexer()([record(event(1), event(2, player_id="p-2"), event(3, player_id=None))])

    call(asked("/v1/game-events", STUDIO_ANALYST, query={"application": RACE}))
    call(asked("/v1/game-events", STUDIO_ANALYST, query={"application": RACE, "type": "won"}))

    assert [look.player_ids for look in audit.kept] == [["p-1", "p-2"]]


def test_that_there_is_nothing_of_a_player_is_a_look_too(audit: MemoryAudit) -> None:
    status, body = call(load("serve_events")["found"])

    assert (status, body["events"], body["next"]) == (200, [], None)
    assert [look.player_ids for look in audit.kept] == [["player-7"]]


def test_how_far_applications_and_the_lake_have_come_is_told(audit: MemoryAudit) -> None:
    indexer()([record(event(1))])
    records = layout.RecordRange("games", "shardId-0", "1", "1")
    raw = layout.RawObject(layout.GAME, NORTH, START.date().isoformat(), records)
    serving._wiring().lake.put(raw.key, b"one")

    status, body = call(load("serve_events")["freshness"])

    assert (status, [one["application_id"] for one in body["applications"]]) == (200, [RACE])
    assert body["lake"]["newest_refined_at"] is None
    assert body["lake"]["waiting"] == 1
    assert body["lake"]["waiting_since"] == body["lake"]["newest_raw_at"] > 0
    assert audit.kept == []


SERVER = Principal(
    "race-server", Kind.GATEWAY, NORTH, frozenset({"chase"}), frozenset({Action.READ_GAME_EVENTS})
)


@pytest.mark.parametrize(
    ("caller", "application", "status"),
    [
        (STUDIO_ANALYST, RACE, 200),
        (person(Group.ADMIN, property_id=NORTH), RACE, 200),
        (person(Group.ANALYST, property_id="south"), RACE, 404),
        (STUDIO_ANALYST, "chase", 404),  # not registered
        (SERVER, RACE, 404),  # another's application
        *((person(group, property_id=NORTH), RACE, 404) for group in Group
          if Action.READ_GAME_EVENTS not in GROUPS[group]),
    ],
)  # fmt: skip
def test_who_may_search(
    audit: MemoryAudit, caller: Principal, application: str, status: int
) -> None:
    indexer()([record(event(1))])

    got, body = call(asked("/v1/game-events", caller, query={"application": application}))

    assert got == status
    assert ("events" in body) is (status == 200)
    assert (audit.kept == []) is (status != 200)


def test_a_query_that_is_wrong_is_answered_with_what_is_wrong(audit: MemoryAudit) -> None:
    status, body = call(asked("/v1/game-events", STUDIO_ANALYST, query={"limit": "5"}))

    assert (status, body["detail"]) == (400, "application names one, as it is registered")
