"""How somebody plays, in numbers: what a score sees, and all that it sees.

Of behaviour only: how often and how long, how much is staked, how soon the next game comes, what
is done after a game that won nothing, and when somebody was last there. Nothing of who somebody is,
and nothing of what they have lost or won: how many games ended one way or the other is kept, and no
amount.

What is done after a lost game and a won one is as in Chen, Doekemeijer, Noël and Verbruggen,
"Winning and losing in online gambling: Effects on within-session chasing", PLOS ONE 17(8), 2022,
e0273359. Money is in cents, times in milliseconds unless a name says otherwise.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct

from pitboss.offers.catalogue import Kind

SESSION_GAP_MS = 30 * 60_000
"""Without a game for longer, the next one begins a session."""

DAY_MS = 86_400_000

PAUSE_MS = 30_000
"""A response that took longer is a pause, and counts in no mean of response times."""

_STOPS = (1.0, 50.0)
_CHANGES = (0.5, 100.0)
"""Times in how many games that are added to what was seen, so that few games say little."""
_RAISES = 3.0
"""Changes of no amount, likewise."""
_TAKEN = (0.5, 2.0)
"""Offers taken in how many, likewise."""
_CAME = 7.0
"""Days that are added to those in which somebody came, likewise."""


class Game(NamedTuple):
    """A game of a player, at whichever machine."""

    started_at: int
    """Epoch milliseconds."""
    ended_at: int
    staked_cents: int
    won: bool
    """Whether it paid anything."""


class After(Struct, frozen=True):
    """What was done after games that ended one way."""

    games: float = 0.0
    stops: float = 0.0
    """Of them, the last of their session."""
    responses: float = 0.0
    """Of them, followed by another game without a pause."""
    response_ms: float | None = None
    """Mean time to the start of the game that followed, of those."""
    changes: float = 0.0
    """Of them, followed by a game with another stake."""
    change_cents: float | None = None
    """Mean change of the stake, of those; above 0 it was raised."""

    @property
    def followed(self) -> float:
        """Games that another one followed in the session."""
        return self.games - self.stops


class Visits(Struct, frozen=True):
    """When somebody was there, before a moment. Days are of 24 hours, counted back from it."""

    days: int
    """With play."""
    away_days: float
    """Since the end of the last game."""
    first_days: float
    """Since the start of the first."""


class Shown(Struct, frozen=True):
    """An offer that somebody is shown, and those before it in the same days as the games."""

    kind: str
    cost_cents: int
    before: int
    """Offers that were shown."""
    taken: int
    """Of them, redeemed by then."""


class Behaviour(Struct, frozen=True, kw_only=True):
    """How somebody played. What is not known is None."""

    sessions: float | None
    games: float | None
    mean_stake_cents: float | None
    highest_stake_cents: float | None
    after_loss: After = After()
    after_win: After = After()
    visits: Visits | None = None
    shown: Shown | None = None


class Feature(NamedTuple):
    """A number of somebody's behaviour."""

    name: str
    of: Callable[[Behaviour], float | None]
    """None where it is not known."""
    more: str
    """In words, of somebody for whom it is high; `{}` is how many players it is compared with."""
    less: str


def behaviour_of(games: Iterable[Game], at: int | None = None) -> Behaviour:
    """How somebody played.

    Args:
        games: theirs, in any order.
        at: the moment before which they are, epoch milliseconds; without it, nothing is said of
            when somebody was there.
    """
    ordered = sorted(games, key=attrgetter("started_at", "ended_at"))
    if not ordered:
        return Behaviour(sessions=0, games=0, mean_stake_cents=None, highest_stake_cents=None)
    stakes = [game.staked_cents for game in ordered]
    sessions = 1 + sum(_begins_session(*both) for both in pairwise(ordered))
    return Behaviour(
        sessions=sessions,
        games=len(ordered),
        mean_stake_cents=sum(stakes) / len(stakes),
        highest_stake_cents=max(stakes),
        after_loss=_after(ordered, won=False),
        after_win=_after(ordered, won=True),
        visits=None if at is None else _visits(ordered, at),
    )


def _visits(ordered: list[Game], at: int) -> Visits:
    return Visits(
        len({(at - game.started_at) // DAY_MS for game in ordered}),
        (at - max(game.ended_at for game in ordered)) / DAY_MS,
        (at - ordered[0].started_at) / DAY_MS,
    )


def _begins_session(game: Game, following: Game) -> bool:
    return following.started_at - game.ended_at > SESSION_GAP_MS


def _after(ordered: list[Game], *, won: bool) -> After:
    total = sum(game.won is won for game in ordered)
    pairs = [
        (game, following)
        for game, following in pairwise(ordered)
        if game.won is won and not _begins_session(game, following)
    ]
    # Play at two machines at once: the next game began before this one ended.
    waits = [max(following.started_at - game.ended_at, 0) for game, following in pairs]
    quick = [wait for wait in waits if wait <= PAUSE_MS]
    changes = [
        following.staked_cents - game.staked_cents
        for game, following in pairs
        if following.staked_cents != game.staked_cents
    ]
    return After(
        games=total,
        stops=total - len(pairs),
        responses=len(quick),
        response_ms=_mean(quick),
        changes=len(changes),
        change_cents=_mean(changes),
    )


def _mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def _seconds(b: Behaviour) -> float:
    """Between games, added up."""
    both = (b.after_loss, b.after_win)
    return sum(one.responses * (one.response_ms or 0.0) for one in both) / 1_000


def _staked(b: Behaviour) -> float | None:
    known = b.games is not None and b.mean_stake_cents is not None
    return b.games * b.mean_stake_cents if known else None  # type: ignore[operator]


def _stake_a_second(b: Behaviour) -> float | None:
    responses = b.after_loss.responses + b.after_win.responses
    return _ratio(b.mean_stake_cents, _ratio(_seconds(b), responses))


def _pauses(b: Behaviour) -> float:
    return sum(max(one.followed - one.responses, 0.0) for one in (b.after_loss, b.after_win))


def _stops(after: After) -> float:
    return (after.stops + _STOPS[0]) / (after.games + _STOPS[1])


def _changes(after: After) -> float:
    return (after.changes + _CHANGES[0]) / (after.followed + _CHANGES[1])


def _raises(after: After, b: Behaviour) -> float | None:
    """By how much stakes were raised when they were changed, in mean stakes."""
    return _ratio(
        (after.change_cents or 0.0) * after.changes / (after.changes + _RAISES),
        b.mean_stake_cents,
    )


FEATURES = (
    Feature(
        "games",
        lambda b: b.games,
        "plays more games than {} players",
        "plays fewer games than {} players",
    ),
    Feature(
        "sessions",
        lambda b: b.sessions,
        "comes to play more often than {} players",
        "comes to play less often than {} players",
    ),
    Feature(
        "staked_a_session",
        lambda b: _ratio(_staked(b), b.sessions),
        "stakes more in a session than {} players",
        "stakes less in a session than {} players",
    ),
    Feature(
        "highest_stake",
        lambda b: b.highest_stake_cents,
        "has a higher highest stake than {} players",
        "has a lower highest stake than {} players",
    ),
    Feature(
        "seconds_between_games",
        _seconds,
        "spends more time between games, in all, than {} players",
        "spends less time between games, in all, than {} players",
    ),
    Feature(
        "response_after_loss",
        lambda b: b.after_loss.response_ms,
        "takes longer to play on after losses than {} players",
        "plays on sooner after losses than {} players",
    ),
    Feature(
        "response_after_win_to_loss",
        lambda b: _ratio(b.after_win.response_ms, b.after_loss.response_ms),
        "hurries after losses, compared with wins, more than {} players",
        "hurries after wins, compared with losses, more than {} players",
    ),
    Feature(
        "stake_a_second",
        _stake_a_second,
        "stakes more a second than {} players",
        "stakes less a second than {} players",
    ),
    Feature(
        "pauses_a_session",
        lambda b: _ratio(_pauses(b), b.sessions),
        "makes more pauses in a session than {} players",
        "makes fewer pauses in a session than {} players",
    ),
    Feature(
        "stops_after_loss",
        lambda b: _stops(b.after_loss),
        "stops after losses more readily than {} players",
        "stops after losses less readily than {} players",
    ),
    Feature(
        "stops_after_win",
        lambda b: _stops(b.after_win),
        "stops after wins more readily than {} players",
        "stops after wins less readily than {} players",
    ),
    Feature(
        "changes_after_loss",
        lambda b: _changes(b.after_loss),
        "changes stakes after losses more often than {} players",
        "changes stakes after losses less often than {} players",
    ),
    Feature(
        "changes_after_win",
        lambda b: _changes(b.after_win),
        "changes stakes after wins more often than {} players",
        "changes stakes after wins less often than {} players",
    ),
    Feature(
        "changes_a_session",
        lambda b: _ratio(b.after_loss.changes + b.after_win.changes, b.sessions),
        "changes stakes more often in a session than {} players",
        "changes stakes less often in a session than {} players",
    ),
    Feature(
        "raises_after_loss",
        lambda b: _raises(b.after_loss, b),
        "raises stakes after losses more than {} players",
        "raises stakes after losses less than {} players",
    ),
    Feature(
        "raises_after_win",
        lambda b: _raises(b.after_win, b),
        "raises stakes after wins more than {} players",
        "raises stakes after wins less than {} players",
    ),
)
"""What a score of risk sees. How it is scaled does not matter: it is compared with others'."""


def _to_usual(b: Behaviour) -> float | None:
    """How many days somebody would have been there since the last one, as often as they came."""
    if b.visits is None:
        return None
    came = b.visits.first_days - b.visits.away_days + _CAME
    return b.visits.away_days * b.visits.days / came


def _visited(name: str) -> Callable[[Behaviour], float | None]:
    return lambda b: None if b.visits is None else float(getattr(b.visits, name))


VISITS = (
    Feature(
        "days_played",
        _visited("days"),
        "plays on more days than {} players",
        "plays on fewer days than {} players",
    ),
    Feature(
        "days_away",
        _visited("away_days"),
        "was last there longer ago than {} players",
        "was there more lately than {} players",
    ),
    Feature(
        "days_since_first",
        _visited("first_days"),
        "first came, in these days, longer ago than {} players",
        "first came, in these days, more lately than {} players",
    ),
    Feature(
        "away_to_usual",
        _to_usual,
        "has been away longer, for how often they come, than {} players",
        "has been away less long, for how often they come, than {} players",
    ),
)
"""When somebody was there: what says whether they come back, besides how they play."""


def _shown(of: Callable[[Shown], float]) -> Callable[[Behaviour], float | None]:
    return lambda b: None if b.shown is None else of(b.shown)


def _of_kind(kind: Kind) -> Feature:
    return Feature(
        f"is_{kind}",
        _shown(lambda shown: float(shown.kind == kind)),
        f"is shown {kind.replace('_', ' ')}",
        f"is not shown {kind.replace('_', ' ')}",
    )


OFFER = (
    Feature(
        "offers_taken",
        _shown(lambda shown: (shown.taken + _TAKEN[0]) / (shown.before + _TAKEN[1])),
        "takes offers more often than {} players",
        "takes offers less often than {} players",
    ),
    Feature(
        "offers_shown",
        _shown(lambda shown: shown.before),
        "was shown more offers than {} players",
        "was shown fewer offers than {} players",
    ),
    Feature(
        "offer_cost",
        _shown(lambda shown: shown.cost_cents),
        "is shown an offer that costs more than those of {} players",
        "is shown an offer that costs less than those of {} players",
    ),
    *(_of_kind(kind) for kind in Kind),
)
"""What offer is shown, and what became of those before."""

type Values = tuple[float | None, ...]
"""One for each feature."""


def values(behaviour: Behaviour, features: Iterable[Feature] = FEATURES) -> Values:
    """The features of a behaviour."""
    return tuple(feature.of(behaviour) for feature in features)
