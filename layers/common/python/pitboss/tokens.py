"""The tokens of gateways and services: JWTs signed by the sender's own key, for a minute and one
body. (Those of people are in `pitboss.sign_in`.)

Claims: `iss` the principal's id (the header's `kid` as well), `aud` the API's audience, `iat` and
`exp` at most `MAX_LIFETIME_SECONDS` apart, `jti`, and `body_sha256` (see `access.body_hash`).

A token read on the wire can be used again within its minute, with the same body only. For events
that changes nothing (each counts once); reading repeats an answer its holder was sent anyway.

Only the authorizer imports this module: it brings PyJWT and cryptography.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pitboss.access import Algorithm, Credential, is_principal_id
from pitboss.errors import TerminalError

MAX_LIFETIME_SECONDS = 60
LEEWAY_SECONDS = 10
"""How far the sender's clock may be off, either way."""

MAX_TOKEN_CHARACTERS = 4096

_REQUIRED = ("iss", "aud", "iat", "exp", "jti", "body_sha256")
_BODY_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_ID_CHARACTERS = 128


class Refusal(StrEnum):
    """Why a token is refused. For the log; the sender is told no more than 401."""

    MISSING = "missing_token"
    MALFORMED = "malformed_token"
    UNKNOWN_PRINCIPAL = "unknown_principal"
    ALGORITHM = "wrong_algorithm"
    SIGNATURE = "wrong_signature"
    ISSUER = "wrong_issuer"
    AUDIENCE = "wrong_audience"
    MISSING_CLAIM = "missing_claim"
    BAD_CLAIM = "bad_claim"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIFETIME = "lifetime_too_long"
    BODY = "wrong_body"
    UNKNOWN_KEY = "unknown_key"
    TOKEN_USE = "wrong_token_use"


class RefusedTokenError(TerminalError):
    """A token that proves nothing, and why."""

    def __init__(self, reason: Refusal) -> None:
        self.reason = reason
        super().__init__(f"the token is refused: {reason}")


class UnusableKeyError(TerminalError, ValueError):
    """A public key that no token can be verified with."""

    def __init__(self, found: str) -> None:
        super().__init__(f"a public key is P-256 or Ed25519 in PEM, not {found}")


@dataclass(frozen=True)
class Claims:
    """What a verified token says. Times are epoch seconds."""

    principal_id: str
    body_sha256: str
    token_id: str
    issued_at: int
    expires_at: int


def algorithm_of(public_key_pem: str) -> Algorithm:
    """The one algorithm that a public key is used with.

    Raises:
        UnusableKeyError: it is no P-256 or Ed25519 key in PEM.
    """
    try:
        key = load_pem_public_key(public_key_pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKeyError("text that is none") from None
    if isinstance(key, Ed25519PublicKey):
        return Algorithm.EDDSA
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return Algorithm.ES256
    raise UnusableKeyError(type(key).__name__)


def claimed_principal(token: str) -> str:
    """Who a token says it is from, unproven: it says whose key to verify it with.

    Raises:
        RefusedTokenError: it is no token, or names what can be no one's id.
    """
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise RefusedTokenError(Refusal.MALFORMED)
    try:
        principal_id = jwt.get_unverified_header(token).get("kid")
    except (jwt.InvalidTokenError, ValueError):
        raise RefusedTokenError(Refusal.MALFORMED) from None
    if not isinstance(principal_id, str) or not is_principal_id(principal_id):
        raise RefusedTokenError(Refusal.UNKNOWN_PRINCIPAL)
    return principal_id


def verify(token: str, credential: Credential, audience: str, now: float) -> Claims:
    """What a token says, once it is proven to be from the holder of this credential's key.

    Args:
        token: the JWT in compact form.
        credential: the registered key. Whether it is revoked is not asked here.
        audience: the API's own name, which `aud` must be.
        now: epoch seconds.

    Raises:
        RefusedTokenError: with the first reason found.
    """
    claims = decoded(
        token,
        credential.public_key_pem,
        credential.algorithm,
        audience=audience,
        issuer=credential.principal.principal_id,
        required=_REQUIRED,
    )
    check_times(claims, now, MAX_LIFETIME_SECONDS, LEEWAY_SECONDS)
    body, token_id = claims["body_sha256"], claims["jti"]
    if not isinstance(body, str) or not _BODY_SHA256.fullmatch(body):
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    if not isinstance(token_id, str) or not 0 < len(token_id) <= _MAX_ID_CHARACTERS:
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    return Claims(claims["iss"], body, token_id, claims["iat"], claims["exp"])


def decoded(
    token: str,
    key: Any,  # noqa: ANN401 - whatever PyJWT takes for the algorithm
    algorithm: str,
    *,
    audience: str,
    issuer: str,
    required: Iterable[str],
) -> Mapping[str, Any]:
    """What a token says, once its signature, audience and issuer are as they have to be.

    Its times are not looked at: `check_times` does it, by the caller's clock.

    Raises:
        RefusedTokenError: with the first reason found.
    """
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            options={
                "require": list(required),
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidTokenError as fault:
        raise RefusedTokenError(_reason(fault)) from None
    except ValueError:
        raise RefusedTokenError(Refusal.MALFORMED) from None
    return claims


def check_times(
    claims: Mapping[str, Any], now: float, longest: int, leeway_at_the_end: int = 0
) -> None:
    """Whether a token is in force.

    Args:
        claims: with `iat` and `exp`, and maybe `nbf`.
        now: epoch seconds. A token may be issued `LEEWAY_SECONDS` ahead of it.
        longest: seconds that a token may be in force.
        leeway_at_the_end: seconds that it is taken for longer.

    Raises:
        RefusedTokenError: with the first reason found.
    """
    issued, expires, valid_from = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    if not all(type(moment) is int for moment in (issued, expires, valid_from)):
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    if max(issued, valid_from) > now + LEEWAY_SECONDS:
        raise RefusedTokenError(Refusal.NOT_YET_VALID)
    if expires <= now - leeway_at_the_end:
        raise RefusedTokenError(Refusal.EXPIRED)
    if not 0 < expires - issued <= longest:
        raise RefusedTokenError(Refusal.LIFETIME)


# The first that fits: a special error comes before the general one it is of.
_REASONS: tuple[tuple[type[jwt.PyJWTError], Refusal], ...] = (
    (jwt.InvalidAlgorithmError, Refusal.ALGORITHM),
    (jwt.InvalidSignatureError, Refusal.SIGNATURE),
    (jwt.MissingRequiredClaimError, Refusal.MISSING_CLAIM),
    (jwt.InvalidIssuerError, Refusal.ISSUER),
    (jwt.InvalidAudienceError, Refusal.AUDIENCE),
    (jwt.DecodeError, Refusal.MALFORMED),
)


def _reason(fault: jwt.PyJWTError) -> Refusal:
    """Why a token is refused, by what PyJWT says of it."""
    return next((reason for kind, reason in _REASONS if isinstance(fault, kind)), Refusal.BAD_CLAIM)
