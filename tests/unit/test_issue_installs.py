"""Tokens for games on players' devices."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from issue_installs import handler as http
from issue_installs.service import InvalidRequest, NoSuchApplication, issue_install
from pitboss import installs
from pitboss.access import Kind, Principal, Status
from pitboss.games.applications import Application
from tests import sample_events
from tests.sample_events import STUDIO_SERVER

KEY = "k" * 64
AUDIENCE = "pitboss-test"
NOW = 1_592_277_300


class Registered:
    def find(self, property_id: str, application_id: str) -> Application | None:
        known = {"space-race": Status.ACTIVE, "chase": Status.REVOKED}
        if property_id != "north" or application_id not in known:
            return None
        return Application("north", application_id, 1, status=known[application_id])


def issue(
    body: bytes = b'{"client_id":"player-7"}',
    application_id: str = "space-race",
    caller: Principal = STUDIO_SERVER,
) -> Any:
    return issue_install(body, application_id, caller, Registered(), lambda: KEY, AUDIENCE, NOW)


def test_a_token_speaks_for_one_client_of_one_application_for_an_hour() -> None:
    install = issue()

    principal = installs.verify(install.token, KEY, AUDIENCE, NOW + 3_599)

    assert (principal.kind, principal.property_id, principal.client_id) == (
        Kind.INSTALL,
        "north",
        "player-7",
    )
    assert (principal.assets, install.expires_at) == (
        frozenset({"space-race"}),
        (NOW + 3_600) * 1_000,
    )


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"client_id":"a b"}', b'{"client_id":"a","more":1}', b"\xff"]
)
def test_a_body_that_names_no_client(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        issue(body)


@pytest.mark.parametrize("application_id", ["chase", "none", "elsewhere"])
def test_an_application_that_there_is_not_for_the_caller(application_id: str) -> None:
    with pytest.raises(NoSuchApplication):
        issue(application_id=application_id)


def test_who_may_send_events_alone_gets_no_token() -> None:
    sender = Principal("s", Kind.GATEWAY, "north", None, STUDIO_SERVER.scopes - {"installs:write"})
    with pytest.raises(NoSuchApplication):
        issue(caller=sender)


@pytest.mark.parametrize(("case", "status"), [("player", 200), ("foreign_application", 404)])
def test_every_sample_event_is_answered(
    case: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wiring = SimpleNamespace(applications=Registered(), key=lambda: KEY, audience=AUDIENCE)
    monkeypatch.setattr(http, "_wiring", lambda: wiring)

    answer = http.handler(sample_events.load("issue_installs")[case], None)

    assert answer["statusCode"] == status
    said = json.loads(answer["body"])
    assert ("token" in said) is (status == 200)
    log = capsys.readouterr().out
    assert said.get("token", KEY) not in log
    edited = sample_events.load("issue_installs")[case] | {"body": "e30="}
    assert http.handler(edited, None)["statusCode"] == 403
