"""The use case: expire what is open past its time."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from pitboss.errors import TransientError
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.stores.offers import Advanced, Outcome

STAGE = "expire_offers"

PAGE = 100
"""Offers that are looked for at once."""


class Offers(Protocol):
    """Where offers are; see `pitboss.stores.offers.DynamoOffers`."""

    def expiring(self, before_ms: int, limit: int) -> list[IssuedOffer]: ...
    def advance(self, offer: IssuedOffer, to: Status, at: int, by: str) -> Advanced: ...


class Expired(NamedTuple):
    """What one run came to."""

    expired: int
    moved_on: int
    """Offers that were answered or settled while this looked at them."""
    left: int
    """Offers that others kept changing; the next run finds them again."""
    is_done: bool
    """Whether nothing was left that was due, as far as the list had it."""


def expire(offers: Offers, now: Callable[[], int], has_time: Callable[[], bool]) -> Expired:
    """Expire offers until none is due, or time is up.

    The list of open offers is read a little late, so that an offer may be in it that is over. It is
    then no longer what was read, and `advance` does nothing.

    Args:
        offers: where they are.
        now: the moment, in epoch milliseconds.
        has_time: whether another one may be begun.
    """
    seen: set[tuple[str, str, str]] = set()
    expired = moved_on = left = 0
    limit = PAGE
    is_done = False
    while has_time() and not is_done:
        # Those seen before may still be listed, and would be all there is on a page.
        page = offers.expiring(now(), limit)
        due = [offer for offer in page if _name(offer) not in seen]
        for offer in due:
            if not has_time():
                break
            seen.add(_name(offer))
            try:
                done = offers.advance(offer, Status.EXPIRED, now(), STAGE)
            except TransientError:  # it stops no other
                left += 1
                continue
            expired += done.outcome is Outcome.DONE
            moved_on += done.outcome is not Outcome.DONE
        is_done = not due and len(page) < limit
        if not due:
            limit += PAGE
    return Expired(expired, moved_on, left, is_done)


def _name(offer: IssuedOffer) -> tuple[str, str, str]:
    return offer.property_id, offer.player_id, offer.offer_id
