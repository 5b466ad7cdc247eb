"""Signing requests with a registered key, as a gateway or a service does."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pitboss.access import body_hash
from pitboss.tokens import MAX_LIFETIME_SECONDS, algorithm_of
from workbench.console import WorkbenchError


def new_key() -> bytes:
    """A new private key, P-256, as PKCS#8 PEM."""
    return generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def public_key_of(private_key_pem: bytes) -> str:
    """The public half of a private key, as PEM.

    Raises:
        WorkbenchError: it is no private key without a password.
    """
    try:
        key = load_pem_private_key(private_key_pem, password=None)
    except (ValueError, TypeError) as fault:
        raise WorkbenchError(f"The key cannot be read ({fault}): give a PEM file.") from None
    return (
        key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode("ascii")
    )


class Signer:
    """Makes the headers that prove who sends a request. Safe to share between threads."""

    def __init__(
        self,
        principal_id: str,
        private_key_path: Path,
        audience: str,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(12),
    ) -> None:
        """
        Args:
            principal_id: who signs, as registered.
            private_key_path: the key, PEM.
            audience: the API's name: the stack's output TokenAudience.
            clock: epoch seconds.
            new_id: makes the `jti` of each token.

        Raises:
            WorkbenchError: there is no key at the path.
        """
        if not private_key_path.exists():
            raise WorkbenchError(
                f"There is no key of {principal_id} at {private_key_path}: "
                "name its file with --key-file, or register another with `pitboss gateways add`."
            )
        pem = private_key_path.read_bytes()
        self._algorithm = algorithm_of(public_key_of(pem))
        self._key = load_pem_private_key(pem, password=None)
        self._principal_id = principal_id
        self._audience = audience
        self._clock = clock
        self._new_id = new_id

    def headers(self, body: bytes = b"") -> dict[str, str]:
        """Headers for one request with this body, which is hashed as it goes over the wire."""
        now = int(self._clock())
        token = jwt.encode(
            {
                "iss": self._principal_id,
                "aud": self._audience,
                "iat": now,
                "exp": now + MAX_LIFETIME_SECONDS,
                "jti": self._new_id(),
                "body_sha256": body_hash(body),
            },
            self._key,  # type: ignore[arg-type]
            algorithm=self._algorithm,
            headers={"kid": self._principal_id},
        )
        return {"Authorization": f"Bearer {token}"}
