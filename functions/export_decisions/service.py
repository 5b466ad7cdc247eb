"""The use case: a property's gaming day of decisions as a table, with what became of each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from pitboss.lake.decided import DECISIONS, DecisionSummary, decision_summary_key
from pitboss.lake.tables import Table
from pitboss.offers.deciding import Decided
from pitboss.offers.issued import GIVES_BACK, OPEN, IssuedOffer, Status

type Row = tuple[str | int | bool | None, ...]


class Offers(Protocol):
    """Where decisions are kept; see `pitboss.stores.offers.DynamoOffers`."""

    def decisions(
        self, property_id: str, gaming_day: str
    ) -> Iterator[tuple[Decided, IssuedOffer | None]]: ...


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def write(self, table: Table, day: str, rows: Iterable[Sequence[object]]) -> int: ...


class Objects(Protocol):
    """The lake's bucket."""

    def put(self, key: str, body: bytes) -> None: ...


def export_day(
    offers: Offers, tables: Tables, objects: Objects, property_id: str, day: str
) -> DecisionSummary:
    """Write a property's gaming day of decisions, and last of all its summary.

    The same decisions with the same outcomes are the same bytes.
    """
    found = sorted(offers.decisions(property_id, day), key=lambda one: one[0].decision_id)
    tables.write(DECISIONS, day, (row(decided, offer) for decided, offer in found))
    statuses = Counter(str(offer.status) for _, offer in found if offer is not None)
    summary = DecisionSummary(
        property_id=property_id,
        gaming_day=day,
        decisions=len(found),
        offers=sum(statuses.values()),
        open_offers=sum(offer is not None and offer.status in OPEN for _, offer in found),
        statuses=dict(sorted(statuses.items())),
    )
    body = msgspec.json.format(msgspec.json.encode(summary)) + b"\n"
    objects.put(decision_summary_key(property_id, day), body)
    return summary


def row(decided: Decided, offer: IssuedOffer | None) -> Row:
    """A row of the table `decisions`; see `pitboss.lake.decided.DECISIONS`."""
    return (
        decided.decision_id,
        decided.change_id,
        str(decided.trigger),
        decided.player_id,
        decided.asset_id,
        decided.decided_at,
        _json(decided.context),
        decided.context_hash,
        _json(decided.actions),
        _json(decided.out_of_reach),
        _json(decided.no_offer),
        decided.chosen,
        decided.propensity,
        decided.is_explored,
        decided.model_version,
        decided.catalogue_version,
        _json(decided.reasons),
        decided.reward_hours,
        *_outcome(offer),
    )


def _outcome(offer: IssuedOffer | None) -> Row:
    if offer is None:
        return (None,) * 7
    at = {step.status: step.at for step in offer.steps}
    return (
        str(offer.status),
        _json(offer.steps),
        at.get(Status.DELIVERED),
        at.get(Status.ACCEPTED),
        at.get(Status.REDEEMED),
        0 if offer.status in GIVES_BACK else offer.cost_cents,
        offer.cost_cents if offer.status is Status.REDEEMED else 0,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
