"""Tokens: the one shape that proves something, and the many that do not."""

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pitboss.access import Algorithm, Credential, body_hash, is_principal_id
from pitboss.tokens import (
    Claims,
    Refusal,
    RefusedTokenError,
    UnusableKeyError,
    algorithm_of,
    claimed_principal,
    verify,
)
from tests.fakes.keys import AUDIENCE, BODY, NOW, KeyPair, claims, token
from tests.fakes.registry import credential, gateway

KEYS = KeyPair()
OTHER_KEYS = KeyPair()
EDWARDS_KEYS = KeyPair(Algorithm.EDDSA)
CAGE = credential(gateway("cage-7"), KEYS.public_pem)


def reason(signed: str, known: Credential = CAGE, now: float = NOW) -> Refusal:
    with pytest.raises(RefusedTokenError) as caught:
        verify(signed, known, AUDIENCE, now)
    return caught.value.reason


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def parts(signed: str) -> list[Any]:
    return signed.split(".")


def decoded(piece: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(piece + "=="))


@pytest.mark.parametrize("keys", [KEYS, EDWARDS_KEYS], ids=["ES256", "EdDSA"])
def test_what_a_right_token_says(keys: KeyPair) -> None:
    known = credential(gateway("cage-7"), keys.public_pem, keys.algorithm)
    signed = token(keys, claims("cage-7"))
    assert claimed_principal(signed) == "cage-7"
    assert verify(signed, known, AUDIENCE, NOW) == Claims(
        "cage-7", body_hash(BODY), "t-1", NOW, NOW + 60
    )


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"iss": "cage-8"}, Refusal.ISSUER),
        ({"aud": "pitboss-prod"}, Refusal.AUDIENCE),
        ({"aud": [AUDIENCE, "pitboss-prod"]}, Refusal.AUDIENCE),
        ({"aud": [AUDIENCE]}, Refusal.AUDIENCE),
        ({"exp": NOW + 61}, Refusal.LIFETIME),
        ({"exp": NOW + 86_400}, Refusal.LIFETIME),
        ({"exp": NOW, "iat": NOW}, Refusal.LIFETIME),
        ({"exp": NOW - 1, "iat": NOW}, Refusal.LIFETIME),
        ({"iat": NOW - 120, "exp": NOW - 60}, Refusal.EXPIRED),
        ({"iat": NOW - 70, "exp": NOW - 10}, Refusal.EXPIRED),
        ({"iat": NOW + 11, "exp": NOW + 60}, Refusal.NOT_YET_VALID),
        ({"nbf": NOW + 11}, Refusal.NOT_YET_VALID),
        ({"nbf": "soon"}, Refusal.BAD_CLAIM),
        ({"iat": str(NOW)}, Refusal.BAD_CLAIM),
        ({"iat": float(NOW)}, Refusal.BAD_CLAIM),
        ({"exp": True}, Refusal.BAD_CLAIM),
        ({"exp": float("inf")}, Refusal.BAD_CLAIM),
        ({"jti": ""}, Refusal.BAD_CLAIM),
        ({"jti": 7}, Refusal.BAD_CLAIM),
        ({"jti": "t" * 129}, Refusal.BAD_CLAIM),
        ({"body_sha256": body_hash(BODY).upper()}, Refusal.BAD_CLAIM),
        ({"body_sha256": ""}, Refusal.BAD_CLAIM),
        ({"body_sha256": 1}, Refusal.BAD_CLAIM),
        ({"aud": ...}, Refusal.MISSING_CLAIM),
        ({"iat": ...}, Refusal.MISSING_CLAIM),
        ({"exp": ...}, Refusal.MISSING_CLAIM),
        ({"exp": None}, Refusal.MISSING_CLAIM),
        ({"jti": ...}, Refusal.MISSING_CLAIM),
        ({"body_sha256": ...}, Refusal.MISSING_CLAIM),
    ],
    ids=str,
)
def test_claims_that_prove_nothing(changed: dict[str, Any], refusal: Refusal) -> None:
    assert reason(token(KEYS, claims("cage-7", **changed), kid="cage-7")) is refusal


def test_a_token_without_an_issuer() -> None:
    assert reason(token(KEYS, claims("x", iss=...), kid="cage-7")) is Refusal.MISSING_CLAIM


def test_clocks_may_differ_by_a_little() -> None:
    signed = token(KEYS, claims("cage-7"))
    assert verify(signed, CAGE, AUDIENCE, NOW - 10).token_id == "t-1"
    assert verify(signed, CAGE, AUDIENCE, NOW + 69).token_id == "t-1"


def test_no_algorithm() -> None:
    unsigned = f"{part({'alg': 'none', 'kid': 'cage-7'})}.{part(claims('cage-7'))}."
    assert reason(unsigned) is Refusal.ALGORITHM


def test_the_public_key_as_the_secret_of_a_mac() -> None:
    said = f"{part({'alg': 'HS256', 'kid': 'cage-7'})}.{part(claims('cage-7'))}"
    mac = hmac.digest(KEYS.public_pem.encode(), said.encode(), hashlib.sha256)
    forged = f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert reason(forged) is Refusal.ALGORITHM


def test_the_algorithm_is_that_of_the_registered_key() -> None:
    assert reason(token(EDWARDS_KEYS, claims("cage-7"))) is Refusal.ALGORITHM
    edwards = credential(gateway("cage-7"), EDWARDS_KEYS.public_pem, Algorithm.EDDSA)
    assert reason(token(KEYS, claims("cage-7")), edwards) is Refusal.ALGORITHM


def test_the_key_of_another() -> None:
    assert reason(token(OTHER_KEYS, claims("cage-7"))) is Refusal.SIGNATURE


@pytest.mark.parametrize(
    "changed", [{"iss": "cage-8"}, {"exp": NOW + 30}, {"body_sha256": "0" * 64}]
)
def test_claims_changed_after_signing(changed: dict[str, Any]) -> None:
    header, _, signature = parts(token(KEYS, claims("cage-7")))
    assert reason(f"{header}.{part(claims('cage-7', **changed))}.{signature}") is Refusal.SIGNATURE


def test_a_header_changed_after_signing() -> None:
    header, said, signature = parts(token(KEYS, claims("cage-7")))
    changed = part(decoded(header) | {"typ": "at+jwt"})
    assert reason(f"{changed}.{said}.{signature}") is Refusal.SIGNATURE


def test_a_signature_cut_short() -> None:
    signed = token(KEYS, claims("cage-7"))
    assert reason(signed[:-8]) in {Refusal.MALFORMED, Refusal.SIGNATURE}
    assert reason(f"{signed.rpartition('.')[0]}.") in {Refusal.MALFORMED, Refusal.SIGNATURE}


def test_a_key_that_the_token_brings_itself_is_not_looked_at() -> None:
    header, said, _ = parts(token(OTHER_KEYS, claims("cage-7")))
    brought = part(decoded(header) | {"jwk": {"kty": "EC"}, "jku": "https://attacker.test/keys"})
    assert reason(f"{brought}.{said}.{'A' * 86}") is Refusal.SIGNATURE


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.MALFORMED),
        ("a", Refusal.MALFORMED),
        ("a.b.c", Refusal.MALFORMED),
        ("....", Refusal.MALFORMED),
        ("ä.ö.ü", Refusal.MALFORMED),
        ("x" * 5_000, Refusal.MALFORMED),
        (f"{part([])}.{part({})}.", Refusal.MALFORMED),
        (f"{part({'alg': 'ES256', 'kid': 7})}.{part({})}.", Refusal.MALFORMED),
        (f"{part({'alg': 'ES256'})}.{part({})}.", Refusal.UNKNOWN_PRINCIPAL),
        (f"{part({'alg': 'ES256', 'kid': ''})}.{part({})}.", Refusal.UNKNOWN_PRINCIPAL),
        (f"{part({'alg': 'ES256', 'kid': None})}.{part({})}.", Refusal.MALFORMED),
        (f"{part({'alg': 'ES256', 'kid': {}})}.{part({})}.", Refusal.MALFORMED),
        *(
            (f"{part({'alg': 'ES256', 'kid': kid})}.{part({})}.", Refusal.UNKNOWN_PRINCIPAL)
            for kid in (
                "k" * 65,
                "k" * 2_500,
                "\ud800",
                "cage-7\n",
                "cage-7\0",
                "cage 7",
                "../cage-7",
                "-cage-7",
                "käfig-7",
                "٧",
            )
        ),
        (f"{part({'alg': 'ES256', 'kid': 'cage-7'})}.{part({})}.\ud800", Refusal.MALFORMED),
        (f"{part({'alg': 'ES256', 'kid': 'cage-7'})}.{part({})}.é", Refusal.MALFORMED),
        (f"{part({'alg': 'ES256', 'kid': 'cage-7'})}.{part({})}.\0", Refusal.MALFORMED),
        (f"{part({'kid': 'cage-7', 'crit': ['b64'], 'b64': False})}.x.", Refusal.MALFORMED),
        (f"{base64.urlsafe_b64encode(b'[' * 3_000).decode()}.{part({})}.", Refusal.MALFORMED),
        (f"{base64.urlsafe_b64encode(b'9' * 3_000).decode()}.{part({})}.", Refusal.MALFORMED),
        (f"{base64.urlsafe_b64encode(bytes([0xFF, 0xFE])).decode()}.e30.", Refusal.MALFORMED),
    ],
    ids=lambda value: str(value)[:30],
)
def test_texts_that_name_nobody(text: str, refusal: Refusal) -> None:
    with pytest.raises(RefusedTokenError) as caught:
        claimed_principal(text)
    assert caught.value.reason is refusal


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # with lone surrogates
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]) | st.text(), ANYTHING | ANY_TEXT
)
COMPACT = st.builds(
    lambda header, said, signature: f"{part(header)}.{part(said)}.{signature}",
    HEADERS | ANYTHING,
    ANYTHING,
    st.sampled_from(["", "AAAA", "A" * 86]) | ANY_TEXT,
)


@given(COMPACT | ANY_TEXT | st.text("abc.-_=", max_size=40))
def test_no_text_is_worse_than_refused(text: str) -> None:
    with suppress(RefusedTokenError):
        assert is_principal_id(claimed_principal(text))
    with pytest.raises(RefusedTokenError):
        verify(text, CAGE, AUDIENCE, NOW)


@given(st.dictionaries(st.sampled_from(sorted(claims("cage-7"))) | st.text(), ANYTHING | ANY_TEXT))
def test_no_claims_are_worse_than_refused(changed: dict[str, Any]) -> None:
    said = json.dumps(claims("cage-7") | changed).encode()
    signed = jwt.PyJWS().encode(said, EDWARDS_KEYS.private, "EdDSA", {"kid": "cage-7"})
    edwards = credential(gateway("cage-7"), EDWARDS_KEYS.public_pem, Algorithm.EDDSA)
    with suppress(RefusedTokenError):
        assert verify(signed, edwards, AUDIENCE, NOW).principal_id == "cage-7"


@pytest.mark.parametrize("keys", [KEYS, EDWARDS_KEYS], ids=["ES256", "EdDSA"])
def test_the_algorithm_of_a_key(keys: KeyPair) -> None:
    assert algorithm_of(keys.public_pem) is keys.algorithm


def test_keys_that_are_not_used() -> None:
    small = rsa.generate_private_key(65537, 2048).public_key()
    other_curve = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = [
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        for key in (small, other_curve)
    ]
    for text in (*pem, "", "a key"):
        with pytest.raises(UnusableKeyError):
            algorithm_of(text)
