"""The authorizer: a policy for who is known, 401 for who is not, 403 for who may not."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authorize_requests import handler as room
from authorize_requests.service import ROUTES, Call, Denial, decide
from pitboss import installs
from pitboss.access import Action, Credential, Group, Kind, Principal, body_hash, is_signed_body
from pitboss.stores.signing_keys import UnreachableKeysError
from pitboss.tokens import Refusal, RefusedTokenError
from tests.contract.template_rules import functions
from tests.contract.test_template import TEMPLATE
from tests.fakes.keys import AUDIENCE, BODY, NOW, KeyPair, claims, token
from tests.fakes.people import SUBJECT, id_claims, id_token, people
from tests.fakes.registry import MemoryRegistry, credential, gateway

EVENTS = Path(__file__).parents[2] / "events" / "authorize_requests"
KEYS = KeyPair()
PEOPLE = people()
CAGE = gateway("cage-7", assets=frozenset({"1940732"}))
READER = Principal("host-app", Kind.SERVICE, "P1", None, frozenset({Action.READ_RATINGS}))
POST = ("POST", "/v1/slot-events")
GAME_EVENTS = ("POST", "/v1/game-events")
MACHINE = ("GET", "/v1/machines/{asset_id}")


def INSTALL_KEY() -> str:  # noqa: N802 - a constant that is asked for
    return "k" * 64


@pytest.fixture
def registry() -> MemoryRegistry:
    known = MemoryRegistry()
    for principal in (CAGE, READER):
        known.register(credential(principal, KEYS.public_pem))
    return known


def bearer(said: dict[str, Any], keys: KeyPair = KEYS) -> str:
    return f"Bearer {token(keys, said)}"


def named(kid: str) -> str:
    return f"Bearer {token(KEYS, claims('cage-7'), kid=kid)}"


def call(route: tuple[str, str], *authorization: str) -> Call:
    return Call(*route, authorization)


def no_body(principal: Principal, **changed: Any) -> dict[str, Any]:
    return claims(principal.principal_id, body_sha256=body_hash(b""), **changed)


def refusal(one: Call, registry: MemoryRegistry) -> Refusal:
    with pytest.raises(RefusedTokenError) as caught:
        decide(one, registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW)
    return caught.value.reason


@pytest.mark.parametrize(
    ("route", "action"),
    [
        (("POST", "/v1/slot-events"), Action.SEND_SLOT_EVENTS),
        (("GET", "/v1/machines/{asset_id}"), Action.READ_MACHINES),
        (("GET", "/v1/machines/{asset_id}/ledger"), Action.READ_MACHINES),
        (("GET", "/v1/players/{player_id}"), Action.READ_RATINGS),
        (("GET", "/v1/players/{player_id}/sessions"), Action.READ_RATINGS),
        (("GET", "/v1/players/{player_id}/ledger"), Action.READ_RATINGS),
        (("GET", "/v1/floor"), Action.READ_MACHINES),
        (("GET", "/v1/audit"), Action.READ_AUDIT),
        (GAME_EVENTS, Action.SEND_GAME_EVENTS),
        (("POST", "/applications/{application_id}/events"), Action.SEND_GAME_EVENTS),
        (("POST", "/v1/applications/{application_id}/installs"), Action.ISSUE_INSTALLS),
        (("CONNECT", "$connect"), Action.READ_OFFERS),
    ],
)
def test_what_a_route_does(route: tuple[str, str], action: Action) -> None:
    assert ROUTES[route] is action


def test_the_routes_are_those_of_the_template() -> None:
    deployed = {
        (event["Properties"]["Method"].upper(), event["Properties"]["Path"])
        for function in functions(TEMPLATE).values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    }
    deployed |= {
        ("CONNECT", route["Properties"]["RouteKey"])
        for route in TEMPLATE["Resources"].values()
        if route["Type"] == "AWS::ApiGatewayV2::Route" and "AuthorizerId" in route["Properties"]
    }

    assert ROUTES.keys() == deployed


@pytest.mark.parametrize(
    "route",
    [
        ("POST", "/v1/floor"),
        ("HEAD", "/v1/floor"),
        ("DELETE", "/v1/slot-events"),
        ("GET", "/v1/slot-events"),
        ("GET", "/v1/"),
        ("GET", "/v1/machines"),
        ("GET", "/v1/audits/{id}"),
        ("GET", "/v1/floor/"),
        ("GET", "/v2/floor"),
        ("GET", "/"),
        ("get", "/v1/floor"),
        ("CONNECT", "$disconnect"),
        ("GET", "$connect"),
    ],
    ids=" ".join,
)
def test_a_route_that_is_not_listed_is_nobodys(route: tuple[str, str]) -> None:
    may_do_all = Principal("all", Kind.SERVICE, "P1", None, frozenset(Action))
    known = MemoryRegistry()
    known.register(credential(may_do_all, KEYS.public_pem))

    verdict = decide(
        call(route, bearer(no_body(may_do_all))), known, AUDIENCE, PEOPLE, INSTALL_KEY, NOW
    )

    assert verdict.denial is Denial.UNKNOWN_ROUTE


def test_a_gateway_may_send(registry: MemoryRegistry) -> None:
    verdict = decide(
        call(POST, bearer(claims("cage-7"))), registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW
    )
    assert (verdict.principal, verdict.body_sha256) == (CAGE, body_hash(BODY))
    assert verdict.denial is None


def test_a_service_may_read(registry: MemoryRegistry) -> None:
    verdict = decide(
        call(MACHINE, bearer(no_body(READER))), registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW
    )
    assert (verdict.principal, verdict.denial) == (READER, None)


@pytest.mark.parametrize(
    ("route", "said", "denial"),
    [
        (MACHINE, no_body(CAGE), Denial.MISSING_SCOPE),
        (POST, claims("host-app"), Denial.MISSING_SCOPE),
        (("DELETE", "/v1/slot-events"), claims("cage-7"), Denial.UNKNOWN_ROUTE),
    ],
)
def test_who_is_known_and_may_not(
    registry: MemoryRegistry, route: tuple[str, str], said: dict[str, Any], denial: Denial
) -> None:
    assert (
        decide(call(route, bearer(said)), registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW).denial
        is denial
    )


def test_a_revoked_key_is_refused_at_once(registry: MemoryRegistry) -> None:
    signed = bearer(claims("cage-7"))
    assert decide(call(POST, signed), registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW).denial is None
    registry.revoke("cage-7", NOW * 1000)
    assert (
        decide(call(POST, signed), registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW).denial
        is Denial.REVOKED
    )


def test_only_who_holds_the_key_learns_that_it_is_revoked(registry: MemoryRegistry) -> None:
    registry.revoke("cage-7", NOW * 1000)
    assert refusal(call(POST, bearer(claims("cage-7"), KeyPair())), registry) is Refusal.SIGNATURE


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ((), Refusal.MISSING),
        (("",), Refusal.MALFORMED),
        (("Bearer",), Refusal.MALFORMED),
        (("Bearer ",), Refusal.MALFORMED),
        (("Basic Y2FnZTpwYXNz",), Refusal.MALFORMED),
        (("Bearer a.b.c",), Refusal.MALFORMED),
        ((bearer(claims("cage-7")), bearer(claims("cage-7"))), Refusal.MALFORMED),
        ((bearer(claims("cage-8")),), Refusal.UNKNOWN_PRINCIPAL),
        ((bearer(claims("../cage-7")),), Refusal.UNKNOWN_PRINCIPAL),
        ((named("k" * 2_500),), Refusal.UNKNOWN_PRINCIPAL),
        ((named("k" * 4_500),), Refusal.MALFORMED),
        ((named("\ud800"),), Refusal.UNKNOWN_PRINCIPAL),
        (("Bearer ä.ö.ü",), Refusal.MALFORMED),
        (("Bearer \ud800",), Refusal.MALFORMED),
        (("Bearer a.b.c d",), Refusal.MALFORMED),
        (("\udfff",), Refusal.MALFORMED),
        ((bearer(claims("cage-7"), KeyPair()),), Refusal.SIGNATURE),
        ((bearer(claims("cage-7", aud="pitboss-prod")),), Refusal.AUDIENCE),
        ((bearer(claims("cage-7", iat=NOW - 600, exp=NOW - 540)),), Refusal.EXPIRED),
    ],
    ids=lambda value: str(value)[:30],
)
def test_who_proves_nothing(
    registry: MemoryRegistry, authorization: tuple[str, ...], reason: Refusal
) -> None:
    assert refusal(call(POST, *authorization), registry) is reason


class RegistryOfIds(MemoryRegistry):
    """Refuses what DynamoDB refuses as a key."""

    def find(self, principal_id: str) -> Credential | None:
        assert 0 < len(principal_id.encode()) <= 2048
        return super().find(principal_id)


@given(
    st.lists(
        st.builds(
            "".join,
            st.tuples(
                st.sampled_from(["", "Bearer ", "bearer ", "Basic ", "Bearer"]),
                st.text(st.characters(exclude_categories=()))
                | st.text("aZ09._-=", max_size=60)
                | st.builds(
                    lambda kid: token(KEYS, claims("cage-7"), kid=kid),
                    st.text(st.characters(exclude_categories=())) | st.text("k", min_size=60),
                ),
            ),
        ),
        max_size=2,
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_header_says_it_is_refused_and_no_fault(authorization: list[str]) -> None:
    known = RegistryOfIds()
    known.register(credential(CAGE, KeyPair().public_pem))
    refusal(call(POST, *authorization), known)


def test_the_word_bearer_may_be_written_as_one_likes(registry: MemoryRegistry) -> None:
    signed = bearer(claims("cage-7")).replace("Bearer", "bearer")
    assert decide(call(POST, signed), registry, AUDIENCE, PEOPLE, INSTALL_KEY, NOW).denial is None


@pytest.mark.parametrize("route", [MACHINE, ("CONNECT", "$connect")])
def test_reading_signs_no_body(registry: MemoryRegistry, route: tuple[str, str]) -> None:
    assert refusal(call(route, bearer(claims("host-app"))), registry) is Refusal.BODY


# People.


def signed_in(*groups: str, **changed: Any) -> str:
    return f"Bearer {id_token(id_claims(*groups, **changed))}"


def test_a_person_is_known_by_their_token_alone() -> None:
    verdict = decide(
        call(MACHINE, signed_in("analyst")), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, NOW
    )

    assert (verdict.principal.principal_id, verdict.principal.kind) == (SUBJECT, Kind.PERSON)
    assert (verdict.body_sha256, verdict.denial) == ("", None)
    context = verdict.principal.to_context(verdict.body_sha256)
    assert is_signed_body(context, b"whatever"), "their token is bound to no body"


class Unread(MemoryRegistry):
    """Is not asked."""

    def find(self, principal_id: str) -> Credential | None:
        raise AssertionError(principal_id)


def test_a_token_that_only_says_it_is_the_pools_is_refused_before_the_registry_is_asked() -> None:
    forged = id_token(id_claims("host"), kid="cage-7")
    with pytest.raises(RefusedTokenError) as caught:
        decide(call(MACHINE, f"Bearer {forged}"), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, NOW)
    assert caught.value.reason is Refusal.UNKNOWN_KEY


def test_a_service_that_calls_itself_the_pool_is_none(registry: MemoryRegistry) -> None:
    """Its own key signs, and the claim sends it where that key is not looked for."""
    said = claims("cage-7") | {"iss": PEOPLE.pool.issuer}
    assert refusal(call(POST, f"Bearer {token(KEYS, said, kid='cage-7')}"), registry) is (
        Refusal.ALGORITHM
    )


def opened(*protocols: str, authorization: tuple[str, ...] = ()) -> Call:
    return Call("CONNECT", "$connect", authorization, protocols)


def test_a_browser_offers_its_token_as_a_subprotocol() -> None:
    analyst = id_token(id_claims("analyst"))

    verdict = decide(opened("pitboss.v1", analyst), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, NOW)

    assert (verdict.principal.principal_id, verdict.denial) == (SUBJECT, None)


@pytest.mark.parametrize(
    ("protocols", "authorization"),
    [
        (("pitboss.v1",), ()),
        (("pitboss.v2", "{token}"), ()),
        (("{token}", "pitboss.v1"), ()),
        (("{token}",), ()),
        (("pitboss.v1", "{token}", "{token}"), ()),
        (("pitboss.v1", "{token}"), ("Bearer {token}",)),
        (("chat",), ("Bearer {token}",)),
    ],
    ids=str,
)
def test_any_other_offer_is_refused(
    protocols: tuple[str, ...], authorization: tuple[str, ...]
) -> None:
    signed = id_token(id_claims("analyst"))
    one = opened(
        *(text.format(token=signed) for text in protocols),
        authorization=tuple(text.format(token=signed) for text in authorization),
    )
    assert refusal(one, MemoryRegistry()) is Refusal.MALFORMED


MAY = {
    "host": """
        GET /v1/floor/live  GET /v1/floor/plan  GET /v1/floor/minutes  GET /v1/floor/hours
        GET /v1/alerts  POST /v1/alerts/{alert_id}/acknowledge  GET /v1/floor/players
        GET /v1/floor  GET /v1/machines/{asset_id}  GET /v1/machines/{asset_id}/ledger
        GET /v1/players/{player_id}  GET /v1/players/{player_id}/sessions
        GET /v1/players/{player_id}/ledger
        GET /v1/machines/{asset_id}/offer  GET /v1/players/{player_id}/offers
        POST /v1/players/{player_id}/offers/{offer_id}/accept
        POST /v1/players/{player_id}/offers/{offer_id}/decline
        POST /v1/players/{player_id}/offers/{offer_id}/withhold
        CONNECT $connect
    """,
    "slot-ops": """
        GET /v1/floor/live  GET /v1/floor/plan  GET /v1/floor/minutes  GET /v1/floor/hours
        GET /v1/alerts  POST /v1/alerts/{alert_id}/acknowledge
        GET /v1/floor  GET /v1/machines/{asset_id}  GET /v1/machines/{asset_id}/ledger
        GET /v1/shufflers  GET /v1/shufflers/{asset_id}  GET /v1/shufflers/{asset_id}/history
        GET /v1/tables/paces
        GET /v1/maintenance  GET /v1/maintenance/{recommendation_id}
        POST /v1/maintenance/{recommendation_id}/acknowledge
        POST /v1/maintenance/{recommendation_id}/done
        POST /v1/maintenance/{recommendation_id}/dismiss
        CONNECT $connect
    """,
    "analyst": """
        GET /v1/floor/live  GET /v1/floor/plan  GET /v1/floor/minutes  GET /v1/floor/hours
        GET /v1/alerts
        GET /v1/floor  GET /v1/machines/{asset_id}  GET /v1/machines/{asset_id}/ledger
        GET /v1/shufflers  GET /v1/shufflers/{asset_id}  GET /v1/shufflers/{asset_id}/history
        GET /v1/tables/paces
        GET /v1/maintenance  GET /v1/maintenance/{recommendation_id}
        GET /v1/game-events  GET /v1/game-events/freshness  GET /v1/metrics
        GET /v1/crashes  GET /v1/crashes/{crash_group}
        CONNECT $connect
    """,
    "compliance": """
        GET /v1/floor/live  GET /v1/floor/plan  GET /v1/floor/minutes  GET /v1/floor/hours
        GET /v1/alerts  GET /v1/floor/players
        GET /v1/floor  GET /v1/machines/{asset_id}  GET /v1/machines/{asset_id}/ledger
        GET /v1/players/{player_id}  GET /v1/players/{player_id}/sessions
        GET /v1/players/{player_id}/ledger
        GET /v1/machines/{asset_id}/offer  GET /v1/players/{player_id}/offers
        GET /v1/players/{player_id}/exclusions
        PUT /v1/players/{player_id}/exclusions/{list}
        DELETE /v1/players/{player_id}/exclusions/{list}
        GET /v1/players/{player_id}/bill-ins  GET /v1/audit
        GET /v1/reviews  POST /v1/reviews/{review_id}/decide
        CONNECT $connect
    """,
    "admin": """
        GET /v1/floor/live  GET /v1/floor/plan  PUT /v1/floor/plan
        GET /v1/floor/minutes  GET /v1/floor/hours
        GET /v1/alerts  POST /v1/alerts/{alert_id}/acknowledge  GET /v1/floor/players
        GET /v1/floor  GET /v1/machines/{asset_id}  GET /v1/machines/{asset_id}/ledger
        GET /v1/players/{player_id}  GET /v1/players/{player_id}/sessions
        GET /v1/players/{player_id}/ledger
        GET /v1/machines/{asset_id}/offer  GET /v1/players/{player_id}/offers
        POST /v1/players/{player_id}/offers/{offer_id}/withhold
        POST /v1/players/{player_id}/offers/{offer_id}/approve
        POST /v1/players/{player_id}/offers/{offer_id}/refuse
        GET /v1/offers/pending  GET /v1/offers/catalogue  PUT /v1/offers/catalogue
        GET /v1/offers/catalogue/versions
        GET /v1/shufflers  GET /v1/shufflers/{asset_id}  GET /v1/shufflers/{asset_id}/history
        GET /v1/tables/paces
        GET /v1/maintenance  GET /v1/maintenance/{recommendation_id}
        GET /v1/game-events  GET /v1/game-events/freshness  GET /v1/metrics
        GET /v1/crashes  GET /v1/crashes/{crash_group}
        CONNECT $connect
    """,
}
"""Every route that each group may take; any other of `ROUTES` answers 403."""


@pytest.mark.parametrize("group", Group)
def test_every_route_is_taken_by_the_groups_that_may(group: Group) -> None:
    signed = signed_in(group)
    taken = {
        route
        for route in ROUTES
        if decide(call(route, signed), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, NOW).denial is None
    }

    words = MAY[group].split()
    assert taken == set(zip(words[::2], words[1::2], strict=True))


def test_who_is_in_no_group_is_known_and_takes_no_route() -> None:
    for route in ROUTES:
        verdict = decide(
            call(route, signed_in("owner")), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, NOW
        )
        assert verdict.denial is Denial.MISSING_SCOPE


# Installs.


def install_token(key: str = INSTALL_KEY(), now: int = NOW, audience: str = AUDIENCE) -> str:
    return installs.issue("P1", "chase", "player-7", key, audience, now)


def test_an_install_is_known_by_its_token_and_may_send_games_events_alone() -> None:
    signed = f"Bearer {install_token()}"
    install = installs.principal_of("P1", "chase", "player-7")

    verdicts = {
        route: decide(call(route, signed), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, NOW)
        for route in ROUTES
        if route[0] != "CONNECT"
    }

    assert {verdict.principal for verdict in verdicts.values()} == {install}
    assert (install.client_id, install.assets) == ("player-7", frozenset({"chase"}))
    assert {route for route, verdict in verdicts.items() if verdict.denial is None} == {
        GAME_EVENTS,
        ("POST", "/applications/{application_id}/events"),
    }
    context = verdicts[GAME_EVENTS].principal.to_context()
    assert Principal.from_context(context) == install
    assert is_signed_body(context, b"whatever")


@pytest.mark.parametrize(
    ("signed", "at", "reason"),
    [
        (install_token("another" * 10), NOW, Refusal.SIGNATURE),
        (install_token(now=NOW - 3_600), NOW, Refusal.EXPIRED),
        (install_token(now=NOW + 60), NOW, Refusal.NOT_YET_VALID),
        (f"{install_token()[:-4]}AAAA", NOW, Refusal.SIGNATURE),
    ],
    ids=["another key", "over", "not yet", "edited"],
)
def test_an_installs_token_that_proves_nothing(signed: str, at: int, reason: Refusal) -> None:
    with pytest.raises(RefusedTokenError) as caught:
        decide(call(GAME_EVENTS, f"Bearer {signed}"), Unread(), AUDIENCE, PEOPLE, INSTALL_KEY, at)
    assert caught.value.reason is reason


def test_an_install_of_another_stack_is_nobody(registry: MemoryRegistry) -> None:
    signed = f"Bearer {install_token(audience='pitboss-other')}"
    assert refusal(call(GAME_EVENTS, signed), registry) is Refusal.UNKNOWN_PRINCIPAL


@pytest.mark.parametrize(
    "changed",
    [{"exp": NOW + 7_200}, {"sub": "a b"}, {"sub": 7}, {"alg": "none"}],
    ids=["too long", "no client", "a number", "unsigned"],
)
def test_an_installs_claims_are_checked_though_they_are_signed(changed: dict[str, Any]) -> None:
    said = {"iss": installs.issuer_of(AUDIENCE), "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60}
    said |= {"sub": "player-7", "property": "P1", "application": "chase"}
    algorithm = changed.get("alg", installs.ALGORITHM)
    key = None if algorithm == "none" else INSTALL_KEY()
    forged = jwt.encode(said | changed, key, algorithm=algorithm)  # type: ignore[arg-type]
    with pytest.raises(RefusedTokenError):
        installs.verify(forged, INSTALL_KEY(), AUDIENCE, NOW)


# The handler, with the sample events.


@pytest.fixture
def invoke(registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    wiring = SimpleNamespace(
        registry=registry, audience=AUDIENCE, people=PEOPLE, install_key=INSTALL_KEY
    )
    monkeypatch.setattr(room, "_wiring", lambda: wiring)

    def call_handler(case: str, authorization: str | None = None) -> Any:
        event = json.loads((EVENTS / f"{case}.json").read_text())
        if authorization is not None:
            event["multiValueHeaders"]["authorization"] = [authorization]
            event["multiValueHeaders"].pop("Authorization", None)
        return room.handler(event, None)

    return call_handler


def fresh(said: dict[str, Any]) -> str:
    now = int(time.time())
    return bearer(said | {"iat": now, "exp": now + 60})


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def counted(lines: list[dict[str, Any]]) -> set[str]:
    names = {"RequestsAllowed", "RequestsForbidden", "RequestsUnauthorized"}
    return {name for line in lines for name in names if name in line}


def test_an_allowed_call(invoke: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    policy = invoke("post_slot_events", fresh(claims("cage-7")))
    assert policy["principalId"] == "cage-7"
    assert policy["policyDocument"]["Statement"] == [
        {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": (
                "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/dev/POST/v1/slot-events"
            ),
        }
    ]
    assert Principal.from_context(policy["context"]) == CAGE
    assert is_signed_body(policy["context"], BODY)
    assert counted(logged(capsys)) == {"RequestsAllowed"}


def test_a_forbidden_call(invoke: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    policy = invoke("get_machine", fresh(no_body(CAGE)))
    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert counted(logged(capsys)) == {"RequestsForbidden"}


def test_a_websocket_is_opened_by_who_may_read_offers(
    invoke: Callable[..., Any], registry: MemoryRegistry
) -> None:
    game = Principal("game-7", Kind.GATEWAY, "P1", None, frozenset({Action.READ_OFFERS}))
    registry.register(credential(game, KEYS.public_pem))

    policy = invoke("connect", fresh(no_body(game)))
    refused = invoke("connect", fresh(no_body(READER)))

    (statement,) = policy["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"].rpartition("/")[2]) == ("Allow", "$connect")
    assert Principal.from_context(policy["context"]) == game
    assert refused["policyDocument"]["Statement"][0]["Effect"] == "Deny"


@pytest.mark.parametrize(
    ("case", "reason"), [("no_token", "missing_token"), ("post_slot_events", "malformed_token")]
)
def test_an_unauthorized_call_is_told_nothing_and_logged_with_its_reason(
    invoke: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: str,
    reason: str,
) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(room.log, "warning", lambda text, extra: said.append((text, extra)))
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        invoke(case)
    assert caught.value.__suppress_context__
    ((text, fields),) = said
    assert (text, fields["reason"], fields["source_ip"]) == ("unauthorized", reason, "192.0.2.7")
    assert counted(logged(capsys)) == {"RequestsUnauthorized"}


def test_a_person_opens_a_websocket_by_its_subprotocols(
    invoke: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    now = int(time.time())
    signed = id_token(id_claims("slot-ops", iat=now, exp=now + 3_600))
    event = json.loads((EVENTS / "connect.json").read_text())
    del event["multiValueHeaders"]["Authorization"]
    event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = [f"pitboss.v1, {signed}"]

    policy = room.handler(event, None)

    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    found = Principal.from_context(policy["context"])
    assert found.sign_in is not None
    assert (found.sign_in.username, found.sign_in.expires) == ("rosa", now + 3_600)
    assert counted(logged(capsys)) == {"RequestsAllowed"}


def test_keys_of_the_pool_that_cannot_be_had_are_a_fault_and_no_refusal(
    invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: str) -> None:
        raise UnreachableKeysError("https://pool", TimeoutError())

    monkeypatch.setattr(PEOPLE.keys, "find", unreachable)
    now = int(time.time())
    with pytest.raises(UnreachableKeysError):
        invoke("get_machine", signed_in("host", iat=now, exp=now + 60))


def test_a_registry_that_cannot_be_read_lets_nobody_in(
    invoke: Callable[..., Any], registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(_: str) -> Credential:
        raise TimeoutError

    monkeypatch.setattr(registry, "find", unavailable)
    with pytest.raises(TimeoutError):
        invoke("post_slot_events", fresh(claims("cage-7")))
