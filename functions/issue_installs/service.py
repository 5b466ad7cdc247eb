"""The use case: a token for an install, where its application is registered."""

from collections.abc import Callable
from typing import Protocol

import msgspec
from msgspec import Struct

from pitboss.access import Action, Decision, Principal, Resource, Status, authorize
from pitboss.events.envelope import Identifier
from pitboss.games.applications import Application
from pitboss.installs import LIFETIME_SECONDS, issue


class NoSuchApplication(LookupError):
    """None is registered by that id that the caller may know of."""


class InvalidRequest(ValueError):
    """A body that names no client."""


class InstallRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom an install is to speak for."""

    client_id: Identifier


class Install(Struct, frozen=True):
    """What an install sends events with."""

    application_id: str
    client_id: str
    token: str
    """For `Authorization: Bearer`."""
    expires_at: int
    """Epoch milliseconds. Ask for another before."""


class Applications(Protocol):
    """Knows applications; see `pitboss.stores.applications.DynamoApplications`."""

    def find(self, property_id: str, application_id: str) -> Application | None: ...


_decode = msgspec.json.Decoder(InstallRequest).decode


def issue_install(
    body: bytes,
    application_id: str,
    caller: Principal,
    applications: Applications,
    key: Callable[[], str],
    audience: str,
    now: int,
) -> Install:
    """A token for an install.

    Args:
        body: an `InstallRequest`.
        application_id: the game.
        caller: who asks.
        applications: what is registered.
        key: the stack's secret.
        audience: the API's own name.
        now: epoch seconds.

    Raises:
        InvalidRequest, NoSuchApplication: no token.
    """
    resource = Resource(caller.property_id, application_id)
    if authorize(caller, Action.ISSUE_INSTALLS, resource) is not Decision.ALLOWED:
        raise NoSuchApplication
    try:
        client_id = _decode(body).client_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidRequest(f"the body names no client: {fault}") from None
    application = applications.find(caller.property_id, application_id)
    if application is None or application.status is not Status.ACTIVE:
        raise NoSuchApplication
    token = issue(caller.property_id, application_id, client_id, key(), audience, now)
    return Install(application_id, client_id, token, (now + LIFETIME_SECONDS) * 1_000)
