"""The use case: count offers by what has become of them."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from pitboss.floor.rows import OfferCounts

COUNTED = frozenset(OfferCounts.__struct_fields__) - {"gaming_day"}
"""Statuses in which an offer counts. While it waits for a person it is not decided, and counts in
none."""


class Offer(NamedTuple):
    """An offer and the statuses that it has come to."""

    property_id: str
    gaming_day: str
    """Of its decision."""
    offer_id: str
    statuses: tuple[str, ...]


class Floors(Protocol):
    """Where counts are; see `pitboss.stores.floor.DynamoFloor`."""

    def count_offer(
        self, property_id: str, gaming_day: str, offer_id: str, status: str, at: int
    ) -> bool: ...


def count(floors: Floors, offers: Iterable[Offer], now: int) -> int:
    """Count each offer in each of its statuses, where it does not count there yet.

    All that an offer has come to is counted, not its newest status alone: so what one change
    failed to say, the next one does.

    Args:
        floors: where counts are.
        offers: as they are now, or were.
        now: epoch milliseconds.

    Returns:
        How many counts were made.

    Raises:
        TransientError, ClientError, BotoCoreError: some may be counted. The same again is right.
    """
    # In the order that they came in: no set's, so that a batch that comes again does the same.
    reached = dict.fromkeys(
        (offer.property_id, offer.gaming_day, offer.offer_id, status)
        for offer in offers
        for status in offer.statuses
        if status in COUNTED
    )
    return sum(floors.count_offer(*one, now) for one in reached)
