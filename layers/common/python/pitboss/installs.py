"""The tokens of installs: games on players' devices, which can keep no key.

A game's own server, which knows its players, asks for a token for one of them and hands it to the
game. It is for one application and one client, for an hour, and is signed by a secret of the stack.
It is bound to no body: whoever holds it can send what an install may send, and no more.

Claims: `iss` `<audience>/installs`, `aud` the API's audience, `iat`, `exp`, `sub` the client,
`property`, `application`.

Only the authorizer and `issue_installs` import this module: it brings PyJWT.
"""

from hashlib import sha256

import jwt

from pitboss.access import Action, InvalidPrincipalError, Kind, Principal
from pitboss.tokens import Refusal, RefusedTokenError, check_times, decoded

ALGORITHM = "HS256"

LIFETIME_SECONDS = 60 * 60

NAME_PREFIX = "install-"
"""What the names of installs begin with, as principals."""

_REQUIRED = ("iss", "aud", "iat", "exp", "sub", "property", "application")


def issuer_of(audience: str) -> str:
    """What tokens of installs name as their issuer.

    >>> issuer_of("pitboss-dev")
    'pitboss-dev/installs'
    """
    return f"{audience}/installs"


def principal_of(property_id: str, application_id: str, client_id: str) -> Principal:
    """An install: what it is called follows from whom it speaks for.

    Raises:
        InvalidPrincipalError: one of them is no identifier.
    """
    named = sha256("\0".join((property_id, application_id, client_id)).encode()).hexdigest()
    return Principal(
        f"{NAME_PREFIX}{named[:32]}",
        Kind.INSTALL,
        property_id,
        frozenset({application_id}),
        frozenset({Action.SEND_GAME_EVENTS}),
        client_id=client_id,
    )


def issue(
    property_id: str, application_id: str, client_id: str, key: str, audience: str, now: int
) -> str:
    """A token for an install.

    Args:
        property_id: the studio.
        application_id: the game.
        client_id: whom it may speak for.
        key: the stack's secret.
        audience: the API's own name.
        now: epoch seconds.

    Raises:
        InvalidPrincipalError: one of the three is no identifier.
    """
    principal_of(property_id, application_id, client_id)
    return jwt.encode(
        {
            "iss": issuer_of(audience),
            "aud": audience,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "sub": client_id,
            "property": property_id,
            "application": application_id,
        },
        key,
        algorithm=ALGORITHM,
    )


def verify(token: str, key: str, audience: str, now: float) -> Principal:
    """Which install a token proves to be calling.

    Args:
        token: the JWT in compact form, which says that it is of an install.
        key: the stack's secret.
        audience: the API's own name.
        now: epoch seconds.

    Raises:
        RefusedTokenError: with the first reason found.
    """
    claims = decoded(
        token, key, ALGORITHM, audience=audience, issuer=issuer_of(audience), required=_REQUIRED
    )
    check_times(claims, now, LIFETIME_SECONDS)
    who = claims["property"], claims["application"], claims["sub"]
    if not all(isinstance(one, str) for one in who):
        raise RefusedTokenError(Refusal.BAD_CLAIM)
    try:
        return principal_of(*who)
    except InvalidPrincipalError:
        raise RefusedTokenError(Refusal.BAD_CLAIM) from None
