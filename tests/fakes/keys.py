"""Keys and tokens made for a test."""

from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pitboss.access import Algorithm, body_hash

NOW = 1_592_204_401
AUDIENCE = "pitboss-test"
BODY = b'[{"event_id":"1"}]'


class KeyPair:
    """A key pair of one of the algorithms that count."""

    def __init__(self, algorithm: Algorithm = Algorithm.ES256) -> None:
        self.algorithm = algorithm
        self.private: Any = (
            generate_private_key(SECP256R1())
            if algorithm is Algorithm.ES256
            else Ed25519PrivateKey.generate()
        )
        self.public_pem: str = (
            self.private.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )


def claims(principal_id: str, **changed: Any) -> dict[str, Any]:
    """Claims that are right, but for what is changed; `...` leaves a claim out."""
    right = {
        "iss": principal_id,
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 60,
        "jti": "t-1",
        "body_sha256": body_hash(BODY),
    }
    return {name: value for name, value in (right | changed).items() if value is not ...}


def token(
    keys: KeyPair,
    said: Mapping[str, Any],
    kid: str | None = None,
    algorithm: str | None = None,
) -> str:
    """A token that says so, signed with these keys."""
    return jwt.encode(
        dict(said),
        keys.private,
        algorithm=algorithm or keys.algorithm,
        headers={"kid": said["iss"] if kid is None else kid},
    )
