"""Tokens of people: the one shape that proves something, and the many that do not."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from pitboss.access import GROUPS, Action, Decision, Group, Kind, Resource, authorize
from pitboss.sign_in import is_of, verify
from pitboss.stores.signing_keys import (
    MIN_REFETCH_SECONDS,
    TIMEOUT_SECONDS,
    PoolKeys,
    UnreachableKeysError,
)
from pitboss.tokens import Refusal, RefusedTokenError
from tests.fakes.keys import NOW
from tests.fakes.people import (
    KEY_ID,
    POOL,
    SUBJECT,
    MemoryKeys,
    PoolKeyPair,
    id_claims,
    id_token,
    keys,
)

OTHERS = PoolKeyPair()


def refused(token: str, now: float = NOW) -> Refusal:
    with pytest.raises(RefusedTokenError) as caught:
        verify(token, POOL, MemoryKeys(), now)
    return caught.value.reason


def test_what_a_right_token_says() -> None:
    person = verify(id_token(id_claims("host", "slot-ops")), POOL, MemoryKeys(), NOW)

    assert (person.principal_id, person.kind, person.property_id) == (SUBJECT, Kind.PERSON, "P1")
    assert person.assets is None
    assert person.scopes == GROUPS[Group.HOST] | GROUPS[Group.SLOT_OPS]
    assert person.sign_in is not None
    assert person.sign_in.groups == {Group.HOST, Group.SLOT_OPS}
    assert (person.sign_in.username, person.sign_in.expires) == ("rosa", NOW + 3_600)
    assert person.name == "rosa"


def test_it_reaches_the_functions_whole() -> None:
    person = verify(id_token(id_claims(*Group)), POOL, MemoryKeys(), NOW)

    assert type(person).from_context(person.to_context()) == person


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": POOL.issuer.replace("pitboss", "other")}, Refusal.ISSUER),
        ({"iss": "https://evil.example/us-east-1_pitboss"}, Refusal.ISSUER),
        ({"aud": "another-client"}, Refusal.AUDIENCE),
        ({"aud": [POOL.client_id]}, Refusal.AUDIENCE),
        ({"aud": ..., "client_id": POOL.client_id, "token_use": "access"}, Refusal.MISSING_CLAIM),
        ({"token_use": "access"}, Refusal.TOKEN_USE),
        ({"token_use": "refresh"}, Refusal.TOKEN_USE),
        ({"token_use": ["id"]}, Refusal.TOKEN_USE),
        ({"iat": NOW - 3_600, "exp": NOW}, Refusal.EXPIRED),
        ({"iat": NOW - 7_200, "exp": NOW - 3_600}, Refusal.EXPIRED),
        ({"iat": NOW + 11, "exp": NOW + 60}, Refusal.NOT_YET_VALID),
        ({"exp": NOW + 3_601}, Refusal.LIFETIME),
        ({"exp": "9999999999"}, Refusal.BAD_CLAIM),
        ({"iat": True}, Refusal.BAD_CLAIM),
        ({"sub": ""}, Refusal.BAD_CLAIM),
        ({"sub": "a/b"}, Refusal.BAD_CLAIM),
        ({"custom:property": ""}, Refusal.BAD_CLAIM),
        ({"custom:property": "P1/floor"}, Refusal.BAD_CLAIM),
        ({"custom:property": ["P1"]}, Refusal.BAD_CLAIM),
        ({"cognito:username": ""}, Refusal.BAD_CLAIM),
        ({"cognito:username": "a\nb"}, Refusal.BAD_CLAIM),
        ({"cognito:username": "x" * 129}, Refusal.BAD_CLAIM),
        ({"cognito:username": 7}, Refusal.BAD_CLAIM),
        ({"cognito:groups": "host"}, Refusal.BAD_CLAIM),
        ({"cognito:groups": {"host": True}}, Refusal.BAD_CLAIM),
        ({"cognito:groups": ["host", 7]}, Refusal.BAD_CLAIM),
        *(
            ({name: ...}, Refusal.MISSING_CLAIM)
            for name in (
                *("iss", "aud", "sub", "token_use", "iat", "exp"),
                *("cognito:username", "custom:property"),
            )
        ),
    ],
    ids=str,
)
def test_what_proves_nothing(changed: dict[str, Any], reason: Refusal) -> None:
    assert refused(id_token(id_claims("host", **changed))) is reason


def test_a_token_of_another_pool_proves_nothing_though_it_says_the_same() -> None:
    assert refused(id_token(id_claims("host"), OTHERS)) is Refusal.SIGNATURE
    assert refused(id_token(id_claims("host"), OTHERS, kid="theirs")) is Refusal.UNKNOWN_KEY


def test_the_algorithm_is_not_the_tokens_to_choose() -> None:
    """HMAC with what everybody knows, the public key, and no signature at all."""
    known = keys().public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    said = id_claims("admin")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": KEY_ID}).encode())
    body = id_token(said).split(".")[1]
    signed = head.rstrip(b"=") + b"." + body.encode()
    mac = base64.urlsafe_b64encode(hmac.digest(known, signed, "sha256")).rstrip(b"=")
    asked = MemoryKeys()
    for token in (
        f"{signed.decode()}.{mac.decode()}",
        id_token(said, algorithm="none", key=""),
        id_token(said, algorithm="RS512"),
        id_token(said, algorithm="PS256"),
    ):
        with pytest.raises(RefusedTokenError) as caught:
            verify(token, POOL, asked, NOW)
        assert caught.value.reason is Refusal.ALGORITHM
    assert asked.asked == [], "no key is looked for"


@pytest.mark.parametrize("kid", [..., "", "x" * 129], ids=["none", "empty", "long"])
def test_a_key_that_cannot_be_is_not_looked_for(kid: Any) -> None:
    asked = MemoryKeys()
    with pytest.raises(RefusedTokenError) as caught:
        verify(id_token(id_claims("host"), kid=kid), POOL, asked, NOW)
    assert (caught.value.reason, asked.asked) == (Refusal.UNKNOWN_KEY, [])


@pytest.mark.parametrize("groups", [(), ("owner",), ("Host",), ("host ",), ("",)], ids=str)
def test_who_is_in_no_group_that_is_known_may_do_nothing(groups: tuple[str, ...]) -> None:
    person = verify(id_token(id_claims(*groups)), POOL, MemoryKeys(), NOW)

    assert person.scopes == frozenset()
    for action in Action:
        assert authorize(person, action, Resource("P1")) is Decision.MISSING_SCOPE


def test_a_group_that_is_not_known_adds_nothing() -> None:
    person = verify(id_token(id_claims("host", "owner", "admin2")), POOL, MemoryKeys(), NOW)

    assert person.scopes == GROUPS[Group.HOST]


@pytest.mark.parametrize("group", Group)
def test_another_propertys_objects_are_not_there(group: Group) -> None:
    token = id_token(id_claims(group, **{"custom:property": "P2"}))
    person = verify(token, POOL, MemoryKeys(), NOW)

    for action in map(Action, person.scopes):
        for asset in (None, "7"):
            assert authorize(person, action, Resource("P1", asset)) is Decision.NOT_FOUND


RIGHT = id_token(id_claims("host"))


@given(st.integers(0, len(RIGHT) - 1), st.sampled_from("Aa0-_.=Z"))
def test_a_token_that_was_touched_proves_nothing(place: int, character: str) -> None:
    touched = RIGHT[:place] + character + RIGHT[place + 1 :]
    head, body, mac = RIGHT.split(".")
    same = touched.count(".") == 2 and touched.split(".")[:2] == [head, body]
    if same and _bytes(touched.split(".")[2]) == _bytes(mac):
        return  # the last character of base64 has bits that mean nothing

    with pytest.raises(RefusedTokenError):
        verify(touched, POOL, MemoryKeys(), NOW)


def _bytes(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None


@given(
    st.text(st.characters(exclude_categories=()), max_size=60) | st.text("aZ09._-=", max_size=60)
)
def test_whatever_it_is_it_is_refused_and_no_fault(text: str) -> None:
    assert is_of(text, POOL.issuer) is False
    with pytest.raises(RefusedTokenError):
        verify(text, POOL, MemoryKeys(), NOW)


def test_which_tokens_say_that_they_are_of_the_pool() -> None:
    assert is_of(RIGHT, POOL.issuer)
    assert not is_of(RIGHT, POOL.issuer + "x")
    assert not is_of(id_token(id_claims(iss=...)), POOL.issuer)
    assert not is_of(id_token(id_claims(more="x" * 4_096)), POOL.issuer)


# --- the pool's keys ------------------------------------------------------------------------------


class Pages:
    """A server of keys on this machine."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, published(KEY_ID), 0


def published(*key_ids: str) -> bytes:
    jwk = json.loads(RSAAlgorithm.to_jwk(keys().public))
    document = {"keys": [{**jwk, "kid": kid, "alg": "RS256", "use": "sig"} for kid in key_ids]}
    return json.dumps(document).encode()


@pytest.fixture
def pages() -> Iterator[tuple[Pages, str]]:
    state = Pages()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield state, f"http://127.0.0.1:{server.server_port}/pool/.well-known/jwks.json"
    finally:
        server.shutdown()
        server.server_close()


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_fetched_once(pages: tuple[Pages, str]) -> None:
    state, url = pages
    known = PoolKeys(url, Seconds())
    assert state.asked == 0, "not before somebody signs in"

    for _ in range(3):
        found = known.find(KEY_ID)
        assert found is not None
        assert found.public_numbers() == keys().public.public_numbers()

    assert state.asked == 1


def test_a_new_key_is_found_and_nonsense_is_asked_for_once_a_minute(
    pages: tuple[Pages, str],
) -> None:
    state, url = pages
    clock = Seconds()
    known = PoolKeys(url, clock)
    known.find(KEY_ID)
    state.body = published(KEY_ID, "new")

    for number in range(20):
        assert known.find(f"nonsense-{number}") is None
    assert (known.find("new"), state.asked) == (None, 1)
    clock.now += MIN_REFETCH_SECONDS
    assert known.find("new") is not None
    assert known.find(KEY_ID) is not None
    assert state.asked == 2


def test_a_pool_that_cannot_be_asked_is_a_fault_of_ours(pages: tuple[Pages, str]) -> None:
    """401 would send everybody to sign in again, where they could not either."""
    state, url = pages
    clock = Seconds()
    known = PoolKeys(url, clock)
    whole, state.body = state.body, b"<html>"
    for _ in range(2):
        with pytest.raises(UnreachableKeysError):
            known.find(KEY_ID)
    assert state.asked == 2, "without any key each asks"
    state.body = whole
    assert known.find(KEY_ID) is not None

    clock.now += MIN_REFETCH_SECONDS
    state.status = 503
    with pytest.raises(UnreachableKeysError):
        known.find("new")
    assert known.find(KEY_ID) is not None, "what is known still counts"
    with pytest.raises(UnreachableKeysError):
        known.find("new")
    assert state.asked == 4, "and the pool is left alone for a minute"


def test_nobody_listens_and_nobody_waits() -> None:
    with pytest.raises(UnreachableKeysError, match=r"127\.0\.0\.1:9/"):
        PoolKeys("http://127.0.0.1:9/jwks.json", Seconds()).find(KEY_ID)
    assert TIMEOUT_SECONDS < 5
