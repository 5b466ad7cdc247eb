"""The use case: may this connection listen for these machines."""

from enum import StrEnum
from typing import Protocol

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.envelope import is_identifier
from pitboss.stores.connections import MOST_MACHINES, Connection

MOST_CONNECTIONS = 1_000
"""Connections that a principal may have open. Two that are opened at the same moment may both have
the last place: it keeps a client that runs wild from filling the table, no more.
"""


class Refusal(StrEnum):
    """Why a connection is not kept."""

    NO_MACHINE = "no_machine"
    BAD_MACHINE = "bad_machine"
    TOO_MANY_MACHINES = "too_many_machines"
    NOT_FOUND = "not_found"
    """A machine that the principal may not know of."""
    TOO_MANY_CONNECTIONS = "too_many_connections"


class Connections(Protocol):
    """Keeps open connections; see `pitboss.stores.connections.DynamoConnections`."""

    def add(self, connection: Connection) -> None: ...
    def count(self, principal_id: str, now: int) -> int: ...


def connect(
    connection_id: str,
    principal: Principal,
    machines: str,
    connections: Connections,
    now: int,
) -> Refusal | None:
    """Keep a connection, or say why not.

    Args:
        connection_id: as API Gateway names it.
        principal: whose it is.
        machines: asset numbers, separated by commas; padding zeros do not count.
        connections: where it is kept.
        now: epoch milliseconds.
    """
    assets = frozenset(part.strip().lstrip("0") for part in machines.split(",") if part.strip())
    refusal = _refusal(principal, assets)
    if refusal is not None:
        return refusal
    if connections.count(principal.principal_id, now) >= MOST_CONNECTIONS:
        return Refusal.TOO_MANY_CONNECTIONS
    connections.add(
        Connection(connection_id, principal.principal_id, principal.property_id, assets, now)
    )
    return None


def _refusal(principal: Principal, assets: frozenset[str]) -> Refusal | None:
    if not assets:
        return Refusal.NO_MACHINE
    if len(assets) > MOST_MACHINES:
        return Refusal.TOO_MANY_MACHINES
    if not all(map(is_identifier, assets)):
        return Refusal.BAD_MACHINE
    for asset in assets:
        resource = Resource(principal.property_id, asset)
        if authorize(principal, Action.READ_OFFERS, resource) is not Decision.ALLOWED:
            return Refusal.NOT_FOUND
    return None
