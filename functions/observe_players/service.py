"""The use case: a property's players, as they played before some moments."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from pitboss.lake.decided import DECISIONS
from pitboss.lake.rated import GAMES
from pitboss.lake.tables import Table
from pitboss.offers.deciding import Odds
from pitboss.offers.gate import Entry
from pitboss.players.families import CHURN, PROPENSITY, RISK
from pitboss.players.features import (
    DAY_MS,
    PAUSE_MS,
    SESSION_GAP_MS,
    After,
    Behaviour,
    Shown,
    Visits,
    values,
)
from pitboss.players.observed import (
    HORIZON_MS,
    TAKE_MS,
    WINDOW_MS,
    Moment,
    Observation,
    Use,
    moments,
    observations,
    use_of_offer,
)

MOST_OFFERS = 20_000
"""That are looked at, the newest: each with a month of its player's games before it."""

_odds = msgspec.json.Decoder(tuple[Odds, ...])


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


def observe(
    tables: Tables, days: Sequence[str], known_to: int, listed: Mapping[str, Entry]
) -> dict[str, list[Observation]]:
    """Players at each moment, by the name of the family of models that sees them so.

    Args:
        tables: the property's.
        days: its gaming days whose play is known.
        known_to: the end of the newest, epoch milliseconds.
        listed: the property's list of self-exclusions.
    """
    found: dict[str, list[Observation]] = {RISK.name: [], CHURN.name: []}
    for moment in moments(days, known_to):
        players = (
            (one, how) for one, _, how in _played(tables, days, _everybody(tables, days, moment.at))
        )
        back = _back(tables, days, moment)
        for family, one in observations(moment, players, listed, back):
            found[family.name].append(one)
    return found


def observe_offers(
    tables: Tables, days: Sequence[str], known_to: int, listed: Mapping[str, Entry]
) -> dict[str, list[Observation]]:
    """Players when they were shown offers, and now: as `observe`, of propensity.

    Now is by the offer that is shown the most: of another one the order of players is the same.
    """
    shown: dict[str, list[_Offer]] = {}
    for player_id, at, taken_at, chosen, actions in tables.rows(_shown(tables, days)):
        of = next(one for one in _odds.decode(actions) if one.code == chosen)
        shown.setdefault(player_id, []).append(_Offer(at, taken_at, of.kind, of.cost_cents))
    if not shown:
        return {PROPENSITY.name: []}
    usual = Counter((one.kind, one.cost_cents) for some in shown.values() for one in some)
    (kind, cost_cents), _ = max(usual.items(), key=lambda one: (one[1], one[0]))
    found = []
    for player_id, at, behaviour in _played(tables, days, _asked(tables, days, known_to)):
        (offer,) = [one for one in shown[player_id] if one.shown_at == at][:1]
        use, entry = use_of_offer(at, known_to), listed.get(player_id)
        if use is not None and (entry is None or entry.since >= at + TAKE_MS):
            taken = offer.taken_at is not None and offer.taken_at < at + TAKE_MS
            how = _with(behaviour, shown[player_id], at, offer.kind, offer.cost_cents)
            found.append(Observation(player_id, use, values(how, PROPENSITY.features), taken))
    for player_id, at, behaviour in _played(tables, days, _everybody(tables, days, known_to)):
        how = _with(behaviour, shown.get(player_id, ()), at, kind, cost_cents)
        seen = values(how, PROPENSITY.features)
        found.append(Observation(player_id, Use.NOW, seen, happened=False))
    return {PROPENSITY.name: found}


class _Offer(NamedTuple):
    shown_at: int
    taken_at: int | None
    kind: str
    cost_cents: int


def _with(
    behaviour: Behaviour, offers: Sequence[_Offer], at: int, kind: str, cost_cents: int
) -> Behaviour:
    """How somebody played, who is shown an offer at a moment."""
    before = [one for one in offers if at - WINDOW_MS <= one.shown_at < at]
    taken = sum(one.taken_at is not None and one.taken_at < at for one in before)
    return replace(behaviour, shown=Shown(kind, cost_cents, len(before), taken))


def _played(
    tables: Tables, days: Sequence[str], asked: str
) -> Iterator[tuple[str, int, Behaviour]]:
    return behaviours(tables.rows(statement(tables, days, asked)))


def _everybody(tables: Tables, days: Sequence[str], at: int) -> str:
    """All who ever played, at a moment."""
    games = tables.table(GAMES, sorted(days))
    return f"SELECT DISTINCT player_id, {at}::BIGINT AS moment FROM {games}"


def _shown(tables: Tables, days: Sequence[str]) -> str:
    """Offers that were shown, each player's in their order."""
    return f"""
        SELECT player_id, delivered_at, redeemed_at, chosen, actions
        FROM {tables.table(DECISIONS, sorted(days))}
        WHERE delivered_at IS NOT NULL ORDER BY player_id, delivered_at, decision_id
    """


def _asked(tables: Tables, days: Sequence[str], known_to: int) -> str:
    """When the newest offers were shown of which it is known by now whether they were taken; of a
    player's day the first.
    """
    return f"""
        SELECT player_id, min(delivered_at) AS moment FROM {tables.table(DECISIONS, sorted(days))}
        WHERE delivered_at <= {known_to - TAKE_MS}
        GROUP BY player_id, delivered_at // {DAY_MS}
        ORDER BY moment DESC, player_id LIMIT {MOST_OFFERS}
    """


def _back(tables: Tables, days: Sequence[str], moment: Moment) -> set[str]:
    """Who played within a moment's horizon, as far as it is known."""
    if moment.use is Use.NOW:
        return set()
    found = tables.rows(f"""
        SELECT DISTINCT player_id FROM {tables.table(GAMES, sorted(days))}
        WHERE kind = 'game' AND player_id IS NOT NULL
            AND started_at >= {moment.at} AND started_at < {moment.at + HORIZON_MS}
    """)
    return {player_id for (player_id,) in found}


def behaviours(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, int, Behaviour]]:
    """Who was asked of, of which moment, and how they played; by the rows of `statement`."""
    for player_id, at, games, sessions, mean, highest, visited, away_ms, first_ms, *after in rows:
        yield (
            player_id,
            at,
            Behaviour(
                sessions=sessions,
                games=games,
                mean_stake_cents=mean,
                highest_stake_cents=highest,
                after_loss=After(*after[:6]),
                after_win=After(*after[6:]),
                visits=Visits(visited, away_ms / DAY_MS, first_ms / DAY_MS),
            ),
        )


def statement(tables: Tables, days: Sequence[str], asked: str) -> str:
    """How players played in the windows before some moments, of those with a game in them.

    Args:
        tables: the property's.
        days: its gaming days whose play is known.
        asked: SQL of `player_id` and `moment`, epoch milliseconds, each pair once.

    The same as `pitboss.players.features.behaviour_of` says of the games, where the lake's engine
    has them all, which fit in no memory.
    """
    return f"""
        WITH asked AS ({asked}),
        game AS (
            SELECT player_id, moment, started_at, ended_at, coin_in_cents AS stake,
                coin_out_cents > 0 AS won,
                lead(started_at) OVER later AS next_at, lead(coin_in_cents) OVER later AS next_stake
            FROM {tables.table(GAMES, sorted(days))} JOIN asked USING (player_id)
            WHERE kind = 'game' AND complete
                AND started_at >= moment - {WINDOW_MS} AND ended_at < moment
            WINDOW later AS (
                PARTITION BY player_id, moment ORDER BY started_at, ended_at, asset_id)
        ),
        followed AS (
            SELECT *, coalesce(next_at - ended_at <= {SESSION_GAP_MS}, false) AS goes_on,
                greatest(next_at - ended_at, 0) AS wait, next_stake - stake AS change
            FROM game
        )
        SELECT player_id, moment, count(*),
            1 + count(*) FILTER (NOT goes_on AND next_at IS NOT NULL),
            avg(stake), max(stake),
            count(DISTINCT (moment - started_at) // {DAY_MS}),
            moment - max(ended_at), moment - min(started_at),
            {_after("NOT won")}, {_after("won")}
        FROM followed GROUP BY player_id, moment ORDER BY player_id, moment
    """


def _after(ended: str) -> str:
    """The fields of `pitboss.players.features.After`, of games that ended so."""
    quick = f"FILTER ({ended} AND goes_on AND wait <= {PAUSE_MS})"
    changed = f"FILTER ({ended} AND goes_on AND change <> 0)"
    return (
        f"count(*) FILTER ({ended}), count(*) FILTER ({ended} AND NOT goes_on), "
        f"count(*) {quick}, avg(wait) {quick}, count(*) {changed}, avg(change) {changed}"
    )
