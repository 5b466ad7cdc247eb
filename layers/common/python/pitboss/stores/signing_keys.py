"""The public keys of a user pool, by HTTP (RFC 7517)."""

import json
from collections.abc import Callable
from http.client import HTTPException
from urllib.request import urlopen

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pitboss.errors import TransientError

MIN_REFETCH_SECONDS = 60
"""How often keys are asked for again, where a token names one that is not known: a pool seldom
changes its keys, and whoever sends nonsense should make nobody work."""

TIMEOUT_SECONDS = 2
_MOST_BYTES = 65_536


class UnreachableKeysError(TransientError):
    """Whether the pool has a key cannot be told now."""

    def __init__(self, url: str, fault: object) -> None:
        super().__init__(f"the keys at {url} cannot be read: {fault}")


def keys_url(issuer: str, aws_endpoint_url: str | None) -> str:
    """Where a pool's keys are.

    Args:
        issuer: `https://cognito-idp.<region>.amazonaws.com/<pool>`.
        aws_endpoint_url: the one address of all services, where the AWS is no real one.

    >>> keys_url("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a1", None)
    'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a1/.well-known/jwks.json'
    >>> keys_url(
    ...     "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a1", "http://127.0.0.1:4566"
    ... )
    'http://127.0.0.1:4566/us-east-1_a1/.well-known/jwks.json'
    """
    base = issuer
    if aws_endpoint_url is not None:
        base = f"{aws_endpoint_url}/{issuer.rpartition('/')[2]}"
    return f"{base}/.well-known/jwks.json"


class PoolKeys:
    """The keys that a user pool signs with: fetched when one is first asked for, and again for one
    that is not known.
    """

    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        """
        Args:
            url: see `keys_url`.
            monotonic: seconds that only grow.
        """
        self._url = url
        self._monotonic = monotonic
        self._keys: dict[str, RSAPublicKey] = {}
        self._asked_at: float | None = None
        self._fault: UnreachableKeysError | None = None

    def find(self, key_id: str) -> RSAPublicKey | None:
        """A key; None where the pool has none by that id, as of a minute ago at the latest.

        Raises:
            UnreachableKeysError: the key is not known and the pool cannot be asked.
        """
        if key_id not in self._keys and self._is_due():
            self._asked_at = self._monotonic()
            try:
                self._keys = _read(self._url)
            except UnreachableKeysError as fault:
                self._fault = fault
            else:
                self._fault = None
        found = self._keys.get(key_id)
        if found is None and self._fault is not None:
            raise self._fault  # it may be one of those that could not be read
        return found

    def _is_due(self) -> bool:
        # Without any key nobody can sign in: that is asked for each time.
        return (
            not self._keys
            or self._asked_at is None
            or self._monotonic() - self._asked_at >= MIN_REFETCH_SECONDS
        )


def _read(url: str) -> dict[str, RSAPublicKey]:
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            found = jwt.PyJWKSet.from_dict(json.loads(answer.read(_MOST_BYTES)))
    except (OSError, HTTPException, ValueError, jwt.PyJWTError) as fault:
        raise UnreachableKeysError(url, fault) from fault
    return {
        key.key_id: key.key
        for key in found.keys
        if key.key_id is not None and isinstance(key.key, RSAPublicKey)
    }
