"""The use case: what the champion expects of the offers to each active player."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from pitboss.lake.decided import DECISIONS
from pitboss.lake.tables import Table
from pitboss.offers.catalogue import Catalogue
from pitboss.offers.deciding import NoOffer, Odds
from pitboss.offers.policy import Policy, action_of
from pitboss.offers.scored import PlayerScores, best_offers

ACTIVE_DAYS = 30
"""Gaming days with play, the newest, in which a player has to have played."""

MOST_OFFERS = 3

_MAY_PASS = frozenset(NoOffer) - {NoOffer.HELD_OUT}
"""Reasons for no offer that say nothing of the player: others are the gate's, or the holdout."""


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


class Newest(NamedTuple):
    """What a player's decisions of late say."""

    player_id: str
    decided_at: int
    context: dict[str, str]
    no_offer: tuple[str, ...]
    reach: frozenset[str]
    """Codes of the offers that there were to choose from, the last time there were any."""


_context = msgspec.json.Decoder(dict[str, str])
_names = msgspec.json.Decoder(tuple[str, ...])
_odds = msgspec.json.Decoder(tuple[Odds, ...])


def active(tables: Tables, days: Sequence[str]) -> Iterator[Newest]:
    """The players of the newest days, by their newest decisions, in the order of their ids."""
    decisions = tables.table(DECISIONS, sorted(days)[-ACTIVE_DAYS:])
    for player_id, decided_at, context, no_offer, actions in tables.rows(f"""
        SELECT player_id, max(decided_at),
            arg_max(context, (decided_at, decision_id)),
            arg_max(no_offer, (decided_at, decision_id)),
            coalesce(
                arg_max(actions, (decided_at, decision_id)) FILTER (WHERE no_offer = '[]'), '[]')
        FROM {decisions} GROUP BY player_id ORDER BY player_id
    """):
        yield Newest(
            player_id,
            decided_at,
            _context.decode(context),
            _names.decode(no_offer),
            frozenset(one.code for one in _odds.decode(actions)),
        )


def score(
    property_id: str, players: Iterable[Newest], catalogue: Catalogue, policy: Policy, now: int
) -> Iterator[PlayerScores]:
    """Score the offers that each player was in reach of and that there still are.

    Players who were refused by the gate, or are held out, are not scored.

    Args:
        property_id: the property.
        players: its active players.
        catalogue: what it offers.
        policy: the champion's.
        now: epoch milliseconds.
    """
    for player in players:
        if not _MAY_PASS.issuperset(player.no_offer):
            continue
        actions = [
            (action_of(offer), offer.name)
            for offer in catalogue.offers
            if offer.code in player.reach
        ]
        yield PlayerScores(
            property_id=property_id,
            player_id=player.player_id,
            scored_at=now,
            decided_at=player.decided_at,
            model_version=policy.version,
            offers=best_offers(policy, player.context, actions, MOST_OFFERS),
        )
