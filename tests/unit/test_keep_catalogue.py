"""The catalogue over HTTP, on DynamoDB in memory."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from keep_catalogue import handler as http
from pitboss.access import Action, Kind, Principal
from pitboss.offers.catalogue import encode, parse
from tests import sample_events
from tests.sample_events import CATALOGUE, HOSTS, asked, sent
from workbench.proof.offers import NOON, OffersFloor

ROUTE = "/v1/offers/catalogue"
VERSIONS = f"{ROUTE}/versions"
VERSION = parse(CATALOGUE).version


@pytest.fixture(autouse=True)
def floor(monkeypatch: pytest.MonkeyPatch) -> Iterator[OffersFloor]:
    floor = OffersFloor()
    monkeypatch.setattr(http, "_wiring", lambda: SimpleNamespace(offers=floor.offers))
    with floor.installed():
        yield floor
    assert floor.network.unknown == []


def call(event: dict[str, Any]) -> tuple[int, Any]:
    answer = http.handler(event, None)
    assert answer["headers"]["Cache-Control"] == "no-store"
    return answer["statusCode"], json.loads(answer["body"])


FIRST = {"If-None-Match": "*"}
AFTER_FIRST = {"If-Match": f'"{VERSION}"'}


def put(
    content: object, headers: dict[str, str] = FIRST, caller: Principal = HOSTS
) -> dict[str, Any]:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return sent("PUT", ROUTE, caller, body, headers=headers)


def dearer(cents: int) -> dict[str, Any]:
    """The catalogue with another budget."""
    return CATALOGUE | {"house": CATALOGUE["house"] | {"daily_budget_cents": cents}}


def test_every_sample_event_is_answered() -> None:
    samples = sample_events.load("keep_catalogue")

    assert call(samples["current"])[0] == 404
    assert call(samples["first"]) == (
        200,
        {"version": VERSION, "replaced": None, "is_new": True},
    )
    status, body = call(samples["current"])
    assert (status, body["version"]) == (200, VERSION)
    assert parse(body["catalogue"]) == parse(CATALOGUE)
    assert call(samples["versions"]) == (
        200,
        {
            "property_id": "north",
            "versions": [
                {
                    "version": VERSION,
                    "applied_at": NOON,
                    "applied_by": "hosts",
                    "is_current": True,
                }
            ],
        },
    )
    assert samples.keys() == {"current", "first", "versions"}


def test_what_is_read_is_tagged_by_its_version() -> None:
    first = http.handler(put(CATALOGUE), None)

    assert first["headers"]["ETag"] == f'"{VERSION}"'
    assert http.handler(asked(ROUTE, HOSTS), None)["headers"]["ETag"] == f'"{VERSION}"'


def test_a_catalogue_replaces_the_one_that_its_sender_knows_alone() -> None:
    call(put(CATALOGUE))
    second = parse(dearer(200_000)).version

    assert call(put(dearer(200_000), AFTER_FIRST)) == (
        200,
        {"version": second, "replaced": VERSION, "is_new": True},
    )
    for header in (AFTER_FIRST, FIRST):
        status, body = call(put(dearer(300_000), header))
        assert (status, second in body["detail"]) == (412, True)
    assert call(asked(ROUTE, HOSTS))[1]["version"] == second


def test_the_one_in_force_again_changes_nothing(floor: OffersFloor) -> None:
    call(put(CATALOGUE))
    floor.clock.now_ms += 1

    assert call(put(CATALOGUE))[1]["is_new"] is False
    assert call(asked(VERSIONS, HOSTS))[1]["versions"][0]["applied_at"] == NOON


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"If-Match": VERSION},
        {"If-Match": "*"},
        FIRST | AFTER_FIRST,
    ],
)
def test_who_does_not_say_what_is_replaced_is_told_to(headers: dict[str, str]) -> None:
    status, body = call(put(CATALOGUE, headers))

    assert (status, "If-None-Match: *" in body["detail"]) == (428, True)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (CATALOGUE | {"property_id": "south"}, ["property_id is 'south', and yours is 'north'"]),
        (CATALOGUE | {"offers": []}, ["there are no offers: a catalogue has at least one"]),
        (
            CATALOGUE
            | {
                "offers": [CATALOGUE["offers"][0], CATALOGUE["offers"][0] | {"cost_cents": 200_000}]
            },
            [
                "offer 'meal-20' is there twice",
                "offer 'meal-20': the property's daily budget is less than it costs, so it is "
                "never made",
            ],
        ),
        (b"{", ["the body is no JSON: Input data was truncated"]),
        (b"x" * 1_000_001, ["1,000,001 bytes are more than 1,000,000"]),
    ],
)
def test_what_is_no_catalogue_is_refused_with_every_fault(
    content: object, faults: list[str]
) -> None:
    status, body = call(put(content))

    assert (status, body["faults"]) == (422, faults)
    assert call(asked(ROUTE, HOSTS))[0] == 404


def principal(*actions: Action, assets: frozenset[str] | None = None) -> Principal:
    return Principal("app-1", Kind.SERVICE, "north", assets, frozenset(actions))


@pytest.mark.parametrize(
    "caller",
    [
        principal(Action.READ_OFFERS),
        principal(*Action, assets=frozenset({"1940732"})),
    ],
)
def test_the_catalogue_is_for_who_may_write_all_of_it(caller: Principal) -> None:
    call(put(CATALOGUE))

    assert call(put(dearer(200_000), AFTER_FIRST, caller))[0] == 404
    assert call(asked(ROUTE, caller))[0] == call(asked(VERSIONS, caller))[0] == 404
    assert call(asked(ROUTE, HOSTS))[1]["version"] == VERSION


def test_a_catalogue_is_its_own_propertys(floor: OffersFloor) -> None:
    call(put(CATALOGUE))
    south = Principal("app-1", Kind.SERVICE, "south", None, frozenset(Action))

    assert call(asked(ROUTE, south))[0] == 404
    assert call(put(CATALOGUE | {"property_id": "south"}, caller=south))[0] == 200
    assert floor.offers.catalogue("north") == parse(CATALOGUE)


def test_another_body_than_the_signed_one_is_forbidden() -> None:
    event = sent("PUT", ROUTE, HOSTS, encode(parse(CATALOGUE)), signed=b"{}")

    assert call(event)[0] == 403
    assert call(asked(ROUTE, HOSTS))[0] == 404
