"""The use case: may this connection listen for these machines, or watch the floor."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.envelope import is_identifier
from pitboss.stores.connections import MOST_MACHINES, Connection, Watch

MOST_CONNECTIONS = 1_000
"""Connections that a principal may have open. Two that are opened at the same moment may both have
the last place: it keeps a client that runs wild from filling the table, no more.
"""

MOST_PAGES = 20
"""Connections that a person may have open: a page has one."""


class Refusal(StrEnum):
    """Why a connection is not kept."""

    NO_MACHINE = "no_machine"
    BAD_MACHINE = "bad_machine"
    TOO_MANY_MACHINES = "too_many_machines"
    NOT_FOUND = "not_found"
    """A machine that the principal may not know of."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_PAGES = "too_many_pages"


class Connections(Protocol):
    """Keeps open connections; see `pitboss.stores.connections.DynamoConnections`."""

    def add(self, connection: Connection) -> None: ...
    def count(self, principal_id: str, now: int) -> int: ...


def watch(
    connection_id: str,
    person: Principal,
    connections: Connections,
    tell: Callable[[], object],
    now: int,
) -> Refusal | None:
    """Keep a connection of somebody who signed in, or say why not.

    Args:
        connection_id: as API Gateway names it.
        person: whose it is.
        connections: where it is kept.
        tell: called first where they are going to be shown who sits where, for the audit log; what
            it raises keeps the connection from being there.
        now: epoch milliseconds.
    """
    if person.sign_in is None or not _may(person, Action.READ_FLOOR, Resource(person.property_id)):
        return Refusal.NOT_FOUND
    if connections.count(person.principal_id, now) >= MOST_PAGES:
        return Refusal.TOO_MANY_PAGES
    sees_players = _may(person, Action.READ_RATINGS, Resource(person.property_id))
    if sees_players:
        tell()
    watched = Watch(sees_players, person.sign_in.expires)
    principal_id, property_id = person.principal_id, person.property_id
    connections.add(Connection(connection_id, principal_id, property_id, frozenset(), now, watched))
    return None


def _may(caller: Principal, action: Action, resource: Resource) -> bool:
    return authorize(caller, action, resource) is Decision.ALLOWED


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
        if not _may(principal, Action.READ_OFFERS, resource):
            return Refusal.NOT_FOUND
    return None
