"""Who may do what, and how a principal reaches the functions behind the authorizer."""

import pytest

from pitboss.access import (
    MAX_CONTEXT_BYTES,
    Action,
    Decision,
    InvalidPrincipalError,
    Kind,
    Principal,
    Resource,
    authorize,
    body_hash,
    is_signed_body,
)
from tests.fakes.registry import MemoryRegistry, RegistrySuite

GATEWAY = Principal(
    "cage-7",
    Kind.GATEWAY,
    "P1",
    frozenset({"1940732", "5093619"}),
    frozenset({Action.SEND_SLOT_EVENTS}),
)
WHOLE_FLOOR = Principal("floor", Kind.GATEWAY, "P1", None, frozenset({Action.SEND_SLOT_EVENTS}))
READER = Principal("host-app", Kind.SERVICE, "P1", None, frozenset({Action.READ_RATINGS}))
BANK_READER = Principal(
    "sign-3", Kind.SERVICE, "P1", frozenset({"1940732"}), frozenset({Action.READ_RATINGS})
)


@pytest.mark.parametrize(
    ("principal", "action", "resource", "decision"),
    [
        (GATEWAY, Action.SEND_SLOT_EVENTS, None, Decision.ALLOWED),
        (GATEWAY, Action.SEND_SLOT_EVENTS, Resource("P1", "1940732"), Decision.ALLOWED),
        (GATEWAY, Action.SEND_SLOT_EVENTS, Resource("P1", "61312"), Decision.FOREIGN_ASSET),
        (GATEWAY, Action.SEND_SLOT_EVENTS, Resource("P2", "1940732"), Decision.FOREIGN_PROPERTY),
        (GATEWAY, Action.READ_RATINGS, Resource("P1", "1940732"), Decision.MISSING_SCOPE),
        (GATEWAY, Action.READ_RATINGS, None, Decision.MISSING_SCOPE),
        (WHOLE_FLOOR, Action.SEND_SLOT_EVENTS, Resource("P1", "61312"), Decision.ALLOWED),
        (WHOLE_FLOOR, Action.SEND_SLOT_EVENTS, Resource("P2", "1"), Decision.FOREIGN_PROPERTY),
        (READER, Action.READ_RATINGS, Resource("P1", "61312"), Decision.ALLOWED),
        (READER, Action.READ_RATINGS, Resource("P1"), Decision.ALLOWED),
        (READER, Action.READ_RATINGS, Resource("P2", "61312"), Decision.NOT_FOUND),
        (READER, Action.READ_RATINGS, Resource("P2"), Decision.NOT_FOUND),
        (READER, Action.SEND_SLOT_EVENTS, None, Decision.MISSING_SCOPE),
        (BANK_READER, Action.READ_RATINGS, Resource("P1", "1940732"), Decision.ALLOWED),
        (BANK_READER, Action.READ_RATINGS, Resource("P1", "61312"), Decision.NOT_FOUND),
        (BANK_READER, Action.READ_RATINGS, Resource("P1"), Decision.NOT_FOUND),
        (BANK_READER, Action.READ_RATINGS, Resource("P2"), Decision.NOT_FOUND),
        (BANK_READER, Action.READ_RATINGS, None, Decision.ALLOWED),
        (GATEWAY, Action.SEND_SLOT_EVENTS, Resource("P1"), Decision.FOREIGN_ASSET),
    ],
)
def test_authorize(
    principal: Principal, action: Action, resource: Resource | None, decision: Decision
) -> None:
    assert authorize(principal, action, resource) is decision


@pytest.mark.parametrize("principal", [GATEWAY, WHOLE_FLOOR, READER, BANK_READER])
def test_a_principal_survives_the_context(principal: Principal) -> None:
    context = principal.to_context("ab" * 32)
    assert all(isinstance(value, str) for value in context.values())
    assert Principal.from_context(context | {"principalId": "added by API Gateway"}) == principal


@pytest.mark.parametrize(
    "change",
    [
        {"assets": None},
        {"assets": ""},
        {"kind": "player"},
        {"principal_id": ""},
        {"property_id": "P1/P2"},
        {"scopes": None},
    ],
)
def test_a_context_that_is_wrong_lets_nobody_in(change: dict[str, str | None]) -> None:
    context = {
        name: value for name, value in (GATEWAY.to_context() | change).items() if value is not None
    }
    with pytest.raises(InvalidPrincipalError):
        Principal.from_context(context)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a" * 65, "ä", "a\n"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidPrincipalError):
        Principal(name, Kind.GATEWAY, "P1", None, frozenset())


@pytest.mark.parametrize("assets", [set(), {""}, {"*"}, {"007"}, {"1,2"}, {"1 2"}, {"x" * 65}])
def test_assets_that_are_none(assets: set[str]) -> None:
    with pytest.raises(InvalidPrincipalError):
        Principal("cage-7", Kind.GATEWAY, "P1", frozenset(assets), frozenset())


def with_assets(count: int) -> Principal:
    assets = frozenset(f"1{number:06d}" for number in range(count))
    return Principal("cage-7", Kind.GATEWAY, "P1", assets, frozenset({Action.SEND_SLOT_EVENTS}))


def test_the_context_is_never_too_large_for_api_gateway() -> None:
    size = sum(len(name) + len(value) for name, value in with_assets(480).to_context().items())
    assert MAX_CONTEXT_BYTES - 200 < size <= MAX_CONTEXT_BYTES
    with pytest.raises(InvalidPrincipalError, match="register several gateways"):
        with_assets(500).to_context()


@pytest.mark.parametrize(
    ("signed", "sent", "same"),
    [
        (b"[1]", b"[1]", True),
        (b"", b"", True),
        (b"[1]", b"[2]", False),
        (b"[1]", b"[1] ", False),
    ],
)
def test_the_body_is_the_one_that_was_signed(signed: bytes, sent: bytes, same: bool) -> None:
    context = GATEWAY.to_context(body_hash(signed))
    assert is_signed_body(context, sent) is same


def test_no_signed_body_is_no_body_at_all() -> None:
    assert not is_signed_body({}, b"")
    assert not is_signed_body(GATEWAY.to_context(), b"")
    assert not is_signed_body({"body_sha256": "ä"}, b"")


class TestMemoryRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        return MemoryRegistry()
