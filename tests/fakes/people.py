"""People who sign in, their tokens, and the keys of their user pool, made for a test."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key

from authorize_requests.service import People
from pitboss.access import GROUPS, Group, Kind, Principal, SignIn
from pitboss.sign_in import Pool
from pitboss.stores.audit import Look
from tests.fakes.keys import NOW

POOL = Pool("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pitboss", "the-page")
SUBJECT = "3c0cf6a4-90b1-7061-2dd1-8d8d3a6b7a4e"
KEY_ID = "mIgCcx/3tMb0Y+oZ1="
"""Cognito's are of base64."""


class PoolKeyPair:
    """An RSA key pair, as user pools sign with."""

    def __init__(self) -> None:
        self.private = generate_private_key(65_537, 2_048)
        self.public: RSAPublicKey = self.private.public_key()


@cache
def keys() -> PoolKeyPair:
    """The pool's: making one takes longer than a test."""
    return PoolKeyPair()


class MemoryKeys:
    """Public keys by their ids, and which were asked for."""

    def __init__(self, **known: RSAPublicKey) -> None:
        self.known: dict[str, RSAPublicKey] = known or {KEY_ID: keys().public}
        self.asked: list[str] = []

    def find(self, key_id: str) -> RSAPublicKey | None:
        self.asked.append(key_id)
        return self.known.get(key_id)


def people() -> People:
    """Where people sign in."""
    return People(POOL, MemoryKeys())


def id_claims(*groups: str, **changed: Any) -> dict[str, Any]:
    """Claims of an ID token that are right, but for what is changed; `...` leaves one out."""
    right = {
        "iss": POOL.issuer,
        "aud": POOL.client_id,
        "sub": SUBJECT,
        "token_use": "id",
        "iat": NOW,
        "exp": NOW + 3_600,
        "auth_time": NOW,
        "jti": "t-1",
        "cognito:username": "rosa",
        "cognito:groups": list(groups) or ...,
        "custom:property": "P1",
    }
    return {name: value for name, value in (right | changed).items() if value is not ...}


def id_token(
    said: Mapping[str, Any],
    signer: PoolKeyPair | None = None,
    *,
    algorithm: str = "RS256",
    key: Any = None,
    kid: Any = KEY_ID,
) -> str:
    """A token that says so, signed by the pool or with other keys."""
    headers = {} if kid is ... else {"kid": kid}
    signed_with = (signer or keys()).private if key is None else key
    return jwt.encode(dict(said), signed_with, algorithm=algorithm, headers=headers)


def person(
    *groups: Group, property_id: str = "P1", username: str = "rosa", expires: int = NOW + 3_600
) -> Principal:
    """Somebody who signed in."""
    scopes = frozenset().union(*(GROUPS[group] for group in groups))
    sign_in = SignIn(username, frozenset(groups), expires)
    return Principal(SUBJECT, Kind.PERSON, property_id, None, scopes, sign_in)


class MemoryAudit:
    """What `DynamoAudit` keeps, in a list; or a log that cannot be written."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.kept: list[Look] = []

    def tell(
        self,
        caller: Principal,
        action: str,
        player_ids: Iterable[str],
        correlation_id: str,
        at: int,
    ) -> None:
        if caller.sign_in is None:
            return
        if self.fault is not None:
            raise self.fault
        self.kept.append(
            Look(
                at=at,
                property_id=caller.property_id,
                principal_id=caller.principal_id,
                username=caller.sign_in.username,
                groups=sorted(caller.sign_in.groups),
                action=action,
                player_ids=sorted(set(player_ids)),
                correlation_id=correlation_id,
            )
        )
