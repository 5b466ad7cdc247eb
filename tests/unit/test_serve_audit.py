"""The audit log, and the function that shows it, on DynamoDB in memory."""

import json
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from pitboss.access import Action, Group, Kind, Principal
from pitboss.stores.audit import DynamoAudit, Look
from serve_audit import handler as http
from tests.fakes.network import tables
from tests.fakes.people import SUBJECT, MemoryAudit, person
from tests.sample_events import OFFICER, asked, load
from workbench.proof.network import Network

NOW = 1_592_277_300_000
"""2020-06-16, 03:15 UTC."""

ROSA = person(Group.COMPLIANCE, property_id="north")
SERVICE = Principal("hosts", Kind.SERVICE, "north", None, frozenset({Action.READ_AUDIT}))


@pytest.fixture
def network() -> Iterator[Network]:
    with tables(NOW, "audit") as made:
        yield made


@pytest.fixture
def audit(network: Network) -> DynamoAudit:
    return _audit()


@cache
def _audit() -> DynamoAudit:
    """One for all tests: making its client takes longer than a test."""
    return DynamoAudit("audit", "us-east-1")


def look(at: int, *player_ids: str, **changed: Any) -> Look:
    given: dict[str, Any] = {
        "property_id": "north",
        "principal_id": SUBJECT,
        "username": "rosa",
        "groups": ["compliance"],
        "action": "GET /v1/players/{player_id}",
        "correlation_id": f"r-{at - NOW}",
    }
    return Look(at=at, player_ids=list(player_ids), **given | changed)


def test_what_a_person_is_shown_is_kept(audit: DynamoAudit) -> None:
    action = "GET /v1/players/{player_id}"
    audit.tell(ROSA, action, ["p-2", "p-1", "p-2"], "r-0", NOW)

    assert audit.looks("north", "2020-06-16", 10) == ([look(NOW, "p-1", "p-2")], None)
    assert audit.looks("south", "2020-06-16", 10) == ([], None)
    assert audit.looks("north", "2020-06-15", 10) == ([], None)


def test_what_games_and_services_are_shown_is_not(audit: DynamoAudit, network: Network) -> None:
    audit.tell(SERVICE, "GET /v1/audit", ["p-1"], "r-1", NOW)

    assert list(network.dynamodb.tables["audit"].items()) == []


def test_nothing_expires_and_nothing_is_written_over(audit: DynamoAudit, network: Network) -> None:
    audit.write(look(NOW, "p-1"))
    audit.write(look(NOW, "p-1"))
    audit.write(look(NOW, "p-2"))

    (item,) = network.dynamodb.tables["audit"].items()
    assert item["player_ids"]["L"] == [{"S": "p-1"}]
    assert "expires" not in item


def test_a_day_is_read_newest_first_page_by_page(audit: DynamoAudit) -> None:
    for number in range(5):
        audit.write(look(NOW + number, f"p-{number}"))

    seen: list[int] = []
    before: str | None = None
    for _ in range(3):
        found, before = audit.looks("north", "2020-06-16", 2, before)
        seen += [one.at - NOW for one in found]
    assert (seen, before) == ([4, 3, 2, 1, 0], None)


# The function, with its sample event.


@pytest.fixture
def wiring(audit: DynamoAudit, monkeypatch: pytest.MonkeyPatch) -> DynamoAudit:
    monkeypatch.setattr(http, "_wiring", lambda: SimpleNamespace(audit=audit, now=lambda: NOW))
    return audit


def call(event: Any) -> tuple[int, Any]:
    answer = http.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_compliance_reads_the_log_and_that_is_a_look(wiring: DynamoAudit) -> None:
    before = NOW - 86_400_000
    wiring.write(look(before, "p-81", username="ines", groups=["host"]))

    status, body = call(load("serve_audit")["day"])

    assert status == 200
    (shown,) = body["looks"]
    assert (shown["username"], shown["player_ids"], body["next"]) == ("ines", ["p-81"], None)
    ((entry,), _) = wiring.looks("north", "2020-06-16", 10)
    assert (entry.action, entry.username, entry.player_ids) == ("GET /v1/audit", "rosa", [])


def test_the_log_goes_on_where_it_ended(wiring: DynamoAudit) -> None:
    for number in range(3):
        wiring.write(look(NOW - 10 + number))

    status, body = call(asked("/v1/audit", OFFICER, query={"limit": "2"}))
    assert (status, [one["at"] - NOW for one in body["looks"]]) == (200, [-8, -9])
    query = {"limit": "2", "before": body["next"]}
    status, body = call(asked("/v1/audit", OFFICER, query=query))
    assert [one["at"] - NOW for one in body["looks"]] == [-10]
    assert body["next"] is None


@pytest.mark.parametrize(
    "query",
    [{"day": "today"}, {"limit": "0"}, {"limit": "501"}, {"before": "7"}, {"player": "p-1"}],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(wiring: DynamoAudit, query: dict[str, str]) -> None:
    assert call(asked("/v1/audit", OFFICER, query=query))[0] == 400
    assert wiring.looks("north", "2020-06-16", 10) == ([], None), "and nothing was shown"


@pytest.mark.parametrize("group", [group for group in Group if group is not Group.COMPLIANCE])
def test_nobody_else_reads_it(wiring: DynamoAudit, group: Group) -> None:
    assert call(asked("/v1/audit", person(group, property_id="north")))[0] == 404


def test_no_answer_without_its_look(monkeypatch: pytest.MonkeyPatch) -> None:
    full = MemoryAudit(TimeoutError())
    found: Any = SimpleNamespace(tell=full.tell, looks=lambda *_: ([], None))
    monkeypatch.setattr(http, "_wiring", lambda: SimpleNamespace(audit=found, now=lambda: NOW))

    with pytest.raises(TimeoutError):
        call(asked("/v1/audit", OFFICER))
