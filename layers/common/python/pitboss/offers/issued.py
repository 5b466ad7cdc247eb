"""Offers that were made, and what may become of them.

    awaiting_approval -> decided | refused | expired
    decided           -> delivered | expired | withdrawn
    delivered         -> accepted | declined | expired | withdrawn
    accepted          -> redeemed | expired | withdrawn

What is refused, declined, expired or withdrawn gives back what was reserved for it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from pitboss.offers.catalogue import Kind


class Status(StrEnum):
    """Where an offer is in its life."""

    AWAITING_APPROVAL = "awaiting_approval"
    DECIDED = "decided"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REDEEMED = "redeemed"
    DECLINED = "declined"
    EXPIRED = "expired"
    REFUSED = "refused"
    """By the person whose approval it needed."""
    WITHDRAWN = "withdrawn"
    """The gate closed for good before it was redeemed, or a host withheld it."""


NEXT: Mapping[Status, frozenset[Status]] = {
    Status.AWAITING_APPROVAL: frozenset({Status.DECIDED, Status.REFUSED, Status.EXPIRED}),
    Status.DECIDED: frozenset({Status.DELIVERED, Status.EXPIRED, Status.WITHDRAWN}),
    Status.DELIVERED: frozenset(
        {Status.ACCEPTED, Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN}
    ),
    Status.ACCEPTED: frozenset({Status.REDEEMED, Status.EXPIRED, Status.WITHDRAWN}),
    Status.REDEEMED: frozenset(),
    Status.DECLINED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.REFUSED: frozenset(),
    Status.WITHDRAWN: frozenset(),
}
"""What each status may become."""

OPEN = frozenset(status for status, following in NEXT.items() if following)
"""Statuses of offers that something may still become of."""

UNANSWERED = frozenset({Status.AWAITING_APPROVAL, Status.DECIDED, Status.DELIVERED})
"""Statuses of offers that nobody said anything to yet; a player has one such at most."""

GIVES_BACK = frozenset({Status.DECLINED, Status.EXPIRED, Status.REFUSED, Status.WITHDRAWN})
"""Statuses in which an offer costs nothing."""


class Step(Struct, frozen=True, array_like=True):
    """A status an offer came to."""

    status: Status
    at: int
    """Epoch milliseconds."""
    by: str
    """The principal, or the function where nobody asked for it."""
    note: str = ""
    """Why, in the words of whoever took the step, where they said so."""


class IssuedOffer(Struct, frozen=True, kw_only=True):
    """An offer that was made to a player at a machine."""

    offer_id: Annotated[str, Meta(pattern=r"^[0-9]{13}-[0-9a-f]{16}$")]
    """Also the id of the decision it follows from; in the order of the triggers' times."""
    property_id: str
    player_id: str
    asset_id: str
    code: str
    name: str
    text: str
    kind: Kind
    cost_cents: int
    catalogue_version: str
    gaming_day: str
    """Of the decision: the day whose budget it is of."""
    valid_minutes: int
    """From the decision, or from the approval where it needs one."""
    status: Status
    decided_at: int
    expires_at: int
    """Epoch milliseconds: what is open by then has expired."""
    reasons: tuple[str, ...]
    """Why, in words for a host."""
    steps: tuple[Step, ...]
    """How it came to its status, the first first."""
    task_token: str | None = None
    """Of the state machine that waits for a person, while it does."""
    correlation_id: str = ""
    """Of the post that it follows from, for traces."""

    def may_become(self, status: Status) -> bool:
        """Whether a status may follow the offer's own."""
        return status in NEXT[self.status]

    def is_over(self, now: int) -> bool:
        """Whether it has expired, or may: open, and past its time."""
        return self.status in OPEN and now >= self.expires_at
