"""A registry in memory, and the suite that it and the real one both pass."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import pytest

from pitboss.access import (
    Action,
    Algorithm,
    Credential,
    InvalidPrincipalError,
    Kind,
    Principal,
    Status,
)
from pitboss.stores.registry import KnownPrincipalError, UnknownPrincipalError


class MemoryRegistry:
    """What `DynamoRegistry` does, in a dictionary."""

    def __init__(self) -> None:
        self._credentials: dict[str, Credential] = {}

    def find(self, principal_id: str) -> Credential | None:
        return self._credentials.get(principal_id)

    def register(self, credential: Credential) -> None:
        credential.principal.to_context()
        principal_id = credential.principal.principal_id
        if principal_id in self._credentials:
            raise KnownPrincipalError(principal_id)
        self._credentials[principal_id] = credential

    def revoke(self, principal_id: str, at: int) -> Credential:
        found = self._credentials.get(principal_id)
        if found is None:
            raise UnknownPrincipalError(principal_id)
        if found.status is Status.ACTIVE:
            found = replace(found, status=Status.REVOKED, revoked_at=at)
            self._credentials[principal_id] = found
        return found

    def credentials(self) -> Iterator[Credential]:
        return iter(self._credentials.values())


class AnyRegistry(Protocol):
    def find(self, principal_id: str) -> Credential | None: ...
    def register(self, credential: Credential) -> None: ...
    def revoke(self, principal_id: str, at: int) -> Credential: ...
    def credentials(self) -> Iterator[Credential]: ...


def gateway(
    principal_id: str = "", *, property_id: str = "P1", assets: frozenset[str] | None = None
) -> Principal:
    return Principal(
        principal_id or f"test-{uuid.uuid4().hex[:12]}",
        Kind.GATEWAY,
        property_id,
        assets,
        frozenset({Action.SEND_SLOT_EVENTS}),
    )


def credential(
    principal: Principal, public_key: str = "a key", algorithm: Algorithm = Algorithm.ES256
) -> Credential:
    return Credential(principal, public_key, algorithm, Status.ACTIVE, int(time.time() * 1000))


class RegistrySuite:
    """What every registry does. A subclass gives the fixture `registry`."""

    def test_nobody_is_known_before_they_are_registered(self, registry: AnyRegistry) -> None:
        assert registry.find("test-nobody") is None

    @pytest.mark.parametrize("assets", [None, frozenset({"1940732"}), frozenset({"1", "22", "3"})])
    def test_what_is_registered_is_found_as_it_was(
        self, registry: AnyRegistry, assets: frozenset[str] | None
    ) -> None:
        registered = credential(gateway(assets=assets))
        registry.register(registered)
        assert registry.find(registered.principal.principal_id) == registered
        assert registered in list(registry.credentials())

    def test_an_id_is_given_once(self, registry: AnyRegistry) -> None:
        first = credential(gateway(), "the first key")
        registry.register(first)
        with pytest.raises(KnownPrincipalError):
            registry.register(replace(first, public_key_pem="another key"))
        assert registry.find(first.principal.principal_id) == first

    def test_a_revoked_id_stays_revoked_since_the_first_time(self, registry: AnyRegistry) -> None:
        given = credential(gateway())
        registry.register(given)
        revoked = replace(given, status=Status.REVOKED, revoked_at=1_000)
        principal_id = given.principal.principal_id
        assert registry.revoke(principal_id, 1_000) == revoked
        assert registry.revoke(principal_id, 2_000) == revoked
        assert registry.find(principal_id) == revoked
        with pytest.raises(KnownPrincipalError):
            registry.register(given)

    def test_revoking_nobody_is_an_error_and_registers_nobody(self, registry: AnyRegistry) -> None:
        with pytest.raises(UnknownPrincipalError):
            registry.revoke("test-nobody", 1_000)
        assert registry.find("test-nobody") is None

    def test_too_many_assets_are_refused_before_a_request_could_not_carry_them(
        self, registry: AnyRegistry
    ) -> None:
        many = credential(
            gateway(assets=frozenset(str(number) for number in range(10_000, 11_000)))
        )
        with pytest.raises(InvalidPrincipalError, match="register several gateways"):
            registry.register(many)
        assert registry.find(many.principal.principal_id) is None
