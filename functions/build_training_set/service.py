"""The use case: decisions of the lake, and the play that followed them, as a training set."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from pitboss.lake.decided import DECISIONS
from pitboss.lake.rated import GAMES
from pitboss.lake.tables import Table
from pitboss.offers.deciding import Odds
from pitboss.offers.learned import features_of
from pitboss.offers.logs import Action, InvalidLog, LoggedDecision
from pitboss.offers.outcomes import Observed, TrainingSet, training_set

MAX_DECISIONS = 250_000
"""The newest of a property: what a function's memory holds. A floor of 3,000 machines decides so
often in a week or two."""


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


class PropertyDays(NamedTuple):
    """A property's gaming days that are learned from."""

    property_id: str
    days: Sequence[str]
    known_to: int
    """Reward windows that close after it, epoch milliseconds, are open."""


class Found(NamedTuple):
    """What a property has to learn from."""

    observed: list[Observed]
    open_windows: int
    rejected: int


_odds = msgspec.json.Decoder(tuple[Odds, ...])
_context = msgspec.json.Decoder(dict[str, str])
_names = msgspec.json.Decoder(tuple[str, ...])


def build(found: Iterable[Found]) -> TrainingSet:
    """The training set of all properties."""
    observed: list[Observed] = []
    open_windows = rejected = 0
    for one in found:
        observed += one.observed
        open_windows += one.open_windows
        rejected += one.rejected
    return training_set(observed, open_windows, rejected)


def observe(tables: Tables, of: PropertyDays, limit: int = MAX_DECISIONS) -> Found:
    """A property's decisions with what came of them."""
    result: list[Observed] = []
    open_windows = rejected = 0
    for day, decision_id, player_id, is_closed, play, *rest in tables.rows(
        _statement(tables, of, limit)
    ):
        if not is_closed:
            open_windows += 1
            continue
        context, actions, chosen, no_offer, model_version, redeemed_cents = rest
        odds = _odds.decode(actions)
        one = Observed(
            property_id=of.property_id,
            day=day,
            decision_id=decision_id,
            player_id=player_id,
            features=features_of(_context.decode(context)),
            actions=tuple(Action(a.code, a.kind, a.cost_cents) for a in odds),
            propensities=tuple(a.millionths for a in odds),
            chosen=chosen,
            no_offer=_names.decode(no_offer),
            model_version=model_version,
            play=int(play),
            redeemed_cents=redeemed_cents or 0,
        )
        if _can_have_been(one):
            result.append(one)
        else:
            rejected += 1
    return Found(result, open_windows, rejected)


def _can_have_been(one: Observed) -> bool:
    try:
        LoggedDecision(
            day=one.day,
            features=one.features,
            actions=one.actions,
            chosen=one.chosen,
            propensities=one.propensities,
            reward=0,
        )
    except InvalidLog:
        return False
    return True


def _statement(tables: Tables, of: PropertyDays, limit: int) -> str:
    """Each decision with the play of its window: what the player's games came to by the window's
    end, less what they had come to by the decision. The two are looked up in sums so far, so that
    a player's many decisions do not meet all of their games.
    """
    days = sorted(of.days)
    return f"""
        WITH won AS (
            SELECT player_id, started_at AS moment,
                sum(sum(theoretical_win)) OVER (PARTITION BY player_id ORDER BY started_at)
                    AS so_far
            FROM {tables.table(GAMES, days)}
            WHERE kind = 'game' AND player_id IS NOT NULL AND started_at IS NOT NULL
            GROUP BY player_id, started_at
        ),
        decided AS (
            SELECT *, decided_at + reward_hours * 3600000 AS closes_at
            FROM ({_decisions(tables, days)})
            ORDER BY decided_at DESC, decision_id
            LIMIT {limit}
        )
        SELECT d.day, d.decision_id, d.player_id, d.closes_at <= {of.known_to},
            coalesce(b.so_far, 0) - coalesce(a.so_far, 0),
            d.context, d.actions, d.chosen, d.no_offer, d.model_version, d.cost_redeemed_cents
        FROM decided d
        ASOF LEFT JOIN won a ON d.player_id = a.player_id AND d.decided_at >= a.moment
        ASOF LEFT JOIN won b ON d.player_id = b.player_id AND d.closes_at >= b.moment
        ORDER BY d.day, d.decision_id
    """


def _decisions(tables: Tables, days: Iterable[str]) -> str:
    """The decisions of all days, each with its own."""
    return " UNION ALL BY NAME ".join(
        f"SELECT '{day}' AS day, * FROM {tables.table(DECISIONS, [day])}" for day in days
    )
