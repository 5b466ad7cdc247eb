"""Who may do what: principals, and the one place that decides.

A gateway or a service proves who it is by its own key (`pitboss.tokens`); what it is and what it
may reach is kept with that key when it is registered. A person signs in (`pitboss.sign_in`); what
they may do follows from their groups. A game on a player's device holds a token that a server asked
for (`pitboss.installs`), and speaks for one client. The authorizer hands the principal to the
functions behind it as flat strings, and every route asks `authorize` about every object.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Self

from pitboss.errors import TerminalError

MAX_CONTEXT_BYTES = 4096
"""Bytes of names and values that an authorizer's context may have together."""

ALL_ASSETS = "*"

_PRINCIPAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_BODY_HASH = "body_sha256"
_HASH_CHARACTERS = 64


class Kind(StrEnum):
    """What a principal is."""

    GATEWAY = "gateway"
    SERVICE = "service"
    PERSON = "person"
    """Somebody who signed in; what they may do follows from their groups (`GROUPS`)."""
    INSTALL = "install"
    """A game on a player's device; it sends events of one client, and nothing else."""


class Action(StrEnum):
    """What can be allowed; the value is the scope that allows it."""

    SEND_SLOT_EVENTS = "slot-events:write"
    READ_RATINGS = "ratings:read"
    READ_OFFERS = "offers:read"
    ANSWER_OFFERS = "offers:answer"
    """Accept and decline, for a player."""
    REDEEM_OFFERS = "offers:redeem"
    APPROVE_OFFERS = "offers:approve"
    READ_EXCLUSIONS = "exclusions:read"
    WRITE_EXCLUSIONS = "exclusions:write"
    WRITE_CATALOGUE = "catalogue:write"
    """Read it too, whole: what offers cost and who they are for."""
    READ_MAINTENANCE = "maintenance:read"
    ANSWER_MAINTENANCE = "maintenance:answer"
    """Acknowledge recommendations, and say that they are done or not going to be."""
    READ_SHUFFLERS = "shufflers:read"
    """And what they measure at tables."""
    READ_MACHINES = "machines:read"
    """What machines come to, without who plays; `ratings:read` includes it."""
    READ_FLOOR = "floor:read"
    """The live floor and its plan. Who sits where is shown to those with `ratings:read` alone."""
    WRITE_FLOOR = "floor:write"
    """Its plan."""
    ANSWER_ALERTS = "alerts:answer"
    """Acknowledge alerts."""
    WITHHOLD_OFFERS = "offers:withhold"
    READ_BILLS = "bills:read"
    """Bills that went in, by player: compliance, and nobody else."""
    READ_REVIEWS = "reviews:read"
    """Play that is suspected: compliance, and nobody else, who could warn the suspected."""
    DECIDE_REVIEWS = "reviews:decide"
    READ_AUDIT = "audit:read"
    """Who looked at which player."""
    READ_FLAGS = "flags:read"
    """What experiments show a player, who is exposed to them by that: games and apps alone."""
    READ_LEADERBOARDS = "leaderboards:read"
    READ_ENTITLEMENTS = "entitlements:read"
    """What players were given for milestones: games' servers alone."""
    CONSUME_ENTITLEMENTS = "entitlements:consume"
    """Say that a player used what they were given."""
    SEND_GAME_EVENTS = "game-events:write"
    READ_GAME_EVENTS = "game-events:read"
    """Search what players of games did in the last days, by their pseudonyms."""
    ISSUE_INSTALLS = "installs:write"
    """Ask for tokens with which games on players' devices send events."""
    READ_METRICS = "metrics:read"
    """Live metrics of games, and what they crash of; they name no player."""


class Group(StrEnum):
    """What somebody is employed as, by the groups of the user pool."""

    HOST = "host"
    SLOT_OPS = "slot-ops"
    ANALYST = "analyst"
    COMPLIANCE = "compliance"
    ADMIN = "admin"


GROUPS: Mapping[Group, frozenset[Action]] = {
    Group.HOST: frozenset(
        {
            Action.READ_FLOOR,
            Action.READ_RATINGS,
            Action.READ_OFFERS,
            Action.ANSWER_OFFERS,
            Action.WITHHOLD_OFFERS,
            Action.ANSWER_ALERTS,
        }
    ),
    Group.SLOT_OPS: frozenset(
        {
            Action.READ_FLOOR,
            Action.READ_MACHINES,
            Action.READ_SHUFFLERS,
            Action.READ_MAINTENANCE,
            Action.ANSWER_MAINTENANCE,
            Action.ANSWER_ALERTS,
        }
    ),
    Group.ANALYST: frozenset(
        {
            Action.READ_FLOOR,
            Action.READ_MACHINES,
            Action.READ_SHUFFLERS,
            Action.READ_MAINTENANCE,
            Action.READ_GAME_EVENTS,
            Action.READ_METRICS,
        }
    ),
    Group.COMPLIANCE: frozenset(
        {
            Action.READ_FLOOR,
            Action.READ_RATINGS,
            Action.READ_OFFERS,
            Action.READ_EXCLUSIONS,
            Action.WRITE_EXCLUSIONS,
            Action.READ_BILLS,
            Action.READ_REVIEWS,
            Action.DECIDE_REVIEWS,
            Action.READ_AUDIT,
        }
    ),
    Group.ADMIN: frozenset(
        {
            Action.READ_FLOOR,
            Action.WRITE_FLOOR,
            Action.READ_RATINGS,
            Action.READ_OFFERS,
            Action.APPROVE_OFFERS,
            Action.WITHHOLD_OFFERS,
            Action.WRITE_CATALOGUE,
            Action.READ_SHUFFLERS,
            Action.READ_MAINTENANCE,
            Action.ANSWER_ALERTS,
            Action.READ_GAME_EVENTS,
            Action.READ_METRICS,
        }
    ),
}
"""What each group may do; somebody in several may do what any of them may. An administrator may not
see what a player put in: showing that to staff creates a duty to report."""

_INCLUDED: Mapping[Action, Action] = {Action.READ_MACHINES: Action.READ_RATINGS}
"""What is allowed by another scope too."""


class Decision(StrEnum):
    """What `authorize` says. Only `ALLOWED` is a yes; the others say which no it is."""

    ALLOWED = "allowed"
    MISSING_SCOPE = "missing_scope"
    """The principal may not do this at all: 403."""
    NOT_FOUND = "not_found"
    """An object the principal may not know of: 404, as if there were none."""
    FOREIGN_PROPERTY = "foreign_property"
    """What is sent belongs to another property: quarantined, a security event."""
    FOREIGN_ASSET = "foreign_asset"
    """What is sent belongs to an asset that is not the sender's: quarantined, a security event.
    Of games the asset is the application."""
    FOREIGN_PLAYER = "foreign_player"
    """What is sent is of another player than the install speaks for: quarantined, a security
    event."""


class InvalidPrincipalError(TerminalError, ValueError):
    """A principal that cannot be: a bad name, or more than an authorizer's context holds."""


@dataclass(frozen=True)
class Resource:
    """What is asked for: something of a property, and of one of its assets if it has one.

    What is of no one asset (a player, the floor) shows play of any of them.
    """

    property_id: str
    asset_id: str | None = None
    player_id: str | None = None
    """Of whom something is sent, where it names somebody."""


@dataclass(frozen=True)
class SignIn:
    """How a person signed in."""

    username: str
    groups: frozenset[Group]
    expires: int
    """Epoch seconds: when their token ends."""


@dataclass(frozen=True)
class Principal:
    """Who is calling, and what it may reach. `assets` None is every asset of the property.

    Raises:
        InvalidPrincipalError: an identifier is malformed, an asset has padding zeros, it is a
            person who did not sign in, or nobody and did; or an install that speaks for no client.
    """

    principal_id: str
    kind: Kind
    property_id: str
    assets: frozenset[str] | None
    scopes: frozenset[str]
    sign_in: SignIn | None = None
    """Of a person."""
    client_id: str | None = None
    """Of an install: whom it speaks for."""

    def __post_init__(self) -> None:
        if (self.kind is Kind.PERSON) is (self.sign_in is None):
            raise InvalidPrincipalError("persons sign in, and nobody else does")
        if (self.kind is Kind.INSTALL) is (self.client_id is None):
            raise InvalidPrincipalError("installs speak for a client, and nobody else does")
        if self.client_id is not None and not _IDENTIFIER.fullmatch(self.client_id):
            raise InvalidPrincipalError(f"{self.client_id[:80]!r} is no client")
        if not is_principal_id(self.principal_id):
            raise InvalidPrincipalError(
                f"{self.principal_id[:80]!r} is no name: letters, digits, '.', '_' and '-', "
                "at most 64, a letter or digit first"
            )
        if not _IDENTIFIER.fullmatch(self.property_id):
            raise InvalidPrincipalError(f"{self.property_id[:80]!r} is no property")
        if self.assets is not None and not self.assets:
            raise InvalidPrincipalError("name at least one asset, or all of the property's")
        for asset in self.assets or ():
            if not _IDENTIFIER.fullmatch(asset) or asset.startswith("0"):
                raise InvalidPrincipalError(
                    f"{asset[:80]!r} is no asset: an identifier without padding zeros"
                )

    @property
    def name(self) -> str:
        """As whom people know it, in what is kept of who did something."""
        return self.principal_id if self.sign_in is None else self.sign_in.username

    def to_context(self, body_sha256: str = "") -> dict[str, str]:
        """The principal as an authorizer's context: flat strings, with the hash it signed.

        Raises:
            InvalidPrincipalError: it would be larger than a context may be.
        """
        context = {
            "principal_id": self.principal_id,
            "kind": str(self.kind),
            "property_id": self.property_id,
            "assets": ALL_ASSETS if self.assets is None else ",".join(sorted(self.assets)),
            "scopes": " ".join(sorted(self.scopes)),
            **({} if self.sign_in is None else _signed_in(self.sign_in)),
            **({} if self.client_id is None else {"client_id": self.client_id}),
            # As long without a hash, so that what registration lets in fits every request.
            _BODY_HASH: body_sha256 or "0" * _HASH_CHARACTERS,
        }
        size = sum(len(name) + len(value) for name, value in context.items())
        if size > MAX_CONTEXT_BYTES:
            raise InvalidPrincipalError(
                f"{len(self.assets or ())} assets are more than one gateway can carry "
                f"({size} bytes, {MAX_CONTEXT_BYTES} at most): register several gateways, "
                "each with some of the assets, or one with all of the property's"
            )
        return context

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Self:
        """The principal in an authorizer's context (`event["requestContext"]["authorizer"]`).

        Raises:
            InvalidPrincipalError: the context is not one that `to_context` made.
        """
        try:
            assets = str(context["assets"])
            return cls(
                str(context["principal_id"]),
                Kind(str(context["kind"])),
                str(context["property_id"]),
                None if assets == ALL_ASSETS else frozenset(filter(None, assets.split(","))),
                frozenset(str(context["scopes"]).split()),
                _sign_in(context) if "username" in context else None,
                str(context["client_id"]) if "client_id" in context else None,
            )
        except KeyError as missing:
            raise InvalidPrincipalError(f"the authorizer's context has no {missing}") from None
        except ValueError as fault:
            raise InvalidPrincipalError(f"the authorizer's context is wrong: {fault}") from None


def _signed_in(sign_in: SignIn) -> dict[str, str]:
    return {
        "username": sign_in.username,
        "groups": " ".join(sorted(sign_in.groups)),
        "expires": str(sign_in.expires),
    }


def _sign_in(context: Mapping[str, object]) -> SignIn:
    return SignIn(
        str(context["username"]),
        frozenset(map(Group, str(context["groups"]).split())),
        int(str(context["expires"])),
    )


class Algorithm(StrEnum):
    """How requests are signed; the registered key decides which."""

    ES256 = "ES256"
    EDDSA = "EdDSA"


class Status(StrEnum):
    """Whether a credential still counts. What is revoked stays so."""

    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Credential:
    """A registered key: whose it is, and since and until when (epoch ms) it counts."""

    principal: Principal
    public_key_pem: str
    algorithm: Algorithm
    status: Status
    created_at: int
    revoked_at: int | None = None


def is_principal_id(text: str) -> bool:
    """Whether a text can be the id of a principal. Any other is nobody's, and asks no registry."""
    return _PRINCIPAL_ID.fullmatch(text) is not None


def authorize(principal: Principal, action: Action, resource: Resource | None = None) -> Decision:
    """Whether a principal may do this to that. Every route and push asks here.

    Args:
        principal: who asks.
        action: what it wants to do.
        resource: to what; None where only the route is known yet. Whose assets are limited reads
            what is of one of them, and nothing that is of no one asset.
    """
    if not principal.scopes & {action, _INCLUDED.get(action, action)}:
        return Decision.MISSING_SCOPE
    if resource is None:
        return Decision.ALLOWED
    sends = action in (Action.SEND_SLOT_EVENTS, Action.SEND_GAME_EVENTS)
    if resource.property_id != principal.property_id:
        return Decision.FOREIGN_PROPERTY if sends else Decision.NOT_FOUND
    if principal.assets is None or resource.asset_id in principal.assets:
        if sends and principal.client_id is not None and resource.player_id is not None:
            own = resource.player_id == principal.client_id
            return Decision.ALLOWED if own else Decision.FOREIGN_PLAYER
        return Decision.ALLOWED
    return Decision.FOREIGN_ASSET if sends else Decision.NOT_FOUND


def body_hash(body: bytes) -> str:
    """What a token says of a body: the SHA-256, in hex, of the bytes on the wire.

    That is before a `Content-Encoding` is undone. A request without a body has the hash of none.
    """
    return sha256(body).hexdigest()


def is_signed_body(context: Mapping[str, object], body: bytes) -> bool:
    """Whether this is the body whose hash the sender signed. A person's token is bound to none, and
    neither is an install's.

    Args:
        context: `event["requestContext"]["authorizer"]`.
        body: the bytes on the wire, before gunzip.
    """
    if context.get("kind") in (Kind.PERSON, Kind.INSTALL):
        return True
    return hmac.compare_digest(str(context.get(_BODY_HASH, "")).encode(), body_hash(body).encode())
