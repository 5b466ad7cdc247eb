"""The tokens of people: ID tokens of the user pool that they signed in to (OpenID Connect).

A token says who somebody is, of which property and in which groups; what they may do follows from
the groups, here (`pitboss.access.GROUPS`) and nowhere else. It is bound to no body.

Only the authorizer imports this module: it brings PyJWT and cryptography.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pitboss.access import GROUPS, Group, InvalidPrincipalError, Kind, Principal, SignIn
from pitboss.tokens import MAX_TOKEN_CHARACTERS, Refusal, RefusedTokenError, check_times, decoded

ALGORITHM = "RS256"
"""The one that user pools sign with. No other is looked at: what a token says of its own algorithm
chooses nothing."""

MAX_LIFETIME_SECONDS = 60 * 60
"""Of an ID token, as the template has it."""

_REQUIRED = ("iss", "aud", "sub", "iat", "exp", "token_use", "cognito:username", "custom:property")
_MAX_KEY_ID_CHARACTERS = 128
_MAX_USERNAME_CHARACTERS = 128


class Pool(NamedTuple):
    """The user pool whose tokens count."""

    issuer: str
    client_id: str
    """The page's; a token for another client of the pool is none for us."""


class SigningKeys(Protocol):
    """The pool's public keys; see `pitboss.stores.signing_keys.PoolKeys`."""

    def find(self, key_id: str) -> RSAPublicKey | None: ...


def is_of(token: str, issuer: str) -> bool:
    """Whether a token says that it is of this pool. Unproven: it says only how to verify it."""
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        return False
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError):
        return False
    return claims.get("iss") == issuer


def verify(token: str, pool: Pool, keys: SigningKeys, now: float) -> Principal:
    """Who a token proves to be calling.

    Args:
        token: the ID token in compact form.
        pool: whose it must be.
        keys: the pool's public keys, asked only for what says it is a token of the pool.
        now: epoch seconds.

    Raises:
        RefusedTokenError: with the first reason found.
        TransientError: the pool's keys cannot be had; the same token may pass later.
    """
    claims = _verified(token, pool, keys)
    if claims["token_use"] != "id":
        raise RefusedTokenError(Refusal.TOKEN_USE)
    check_times(claims, now, MAX_LIFETIME_SECONDS)
    username = claims["cognito:username"]
    if not isinstance(username, str) or not _is_username(username):
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    groups = _groups(claims)
    try:
        return Principal(
            _text(claims["sub"]),
            Kind.PERSON,
            _text(claims["custom:property"]),
            None,
            frozenset().union(*(GROUPS[group] for group in groups)),
            SignIn(username, groups, claims["exp"]),
        )
    except InvalidPrincipalError:
        raise RefusedTokenError(Refusal.BAD_CLAIM) from None


def _verified(token: str, pool: Pool, keys: SigningKeys) -> Mapping[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError):
        raise RefusedTokenError(Refusal.MALFORMED) from None
    if header.get("alg") != ALGORITHM:  # before a key is looked for
        raise RefusedTokenError(Refusal.ALGORITHM)
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= _MAX_KEY_ID_CHARACTERS:
        raise RefusedTokenError(Refusal.UNKNOWN_KEY)
    key = keys.find(key_id)
    if key is None:
        raise RefusedTokenError(Refusal.UNKNOWN_KEY)
    return decoded(
        token,
        key,
        ALGORITHM,
        audience=pool.client_id,
        issuer=pool.issuer,
        required=_REQUIRED,
    )


def _groups(claims: Mapping[str, Any]) -> frozenset[Group]:
    """The groups that are known. Who is in none has no such claim, and may do nothing."""
    named = claims.get("cognito:groups", [])
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    return frozenset(Group(name) for name in named if name in set(Group))


def _is_username(text: str) -> bool:
    return 0 < len(text) <= _MAX_USERNAME_CHARACTERS and text.isprintable()


def _text(claim: object) -> str:
    if not isinstance(claim, str):
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    return claim
