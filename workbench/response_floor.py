"""A floor whose players' response to offers is known: for measuring what a policy learns.

Not the floor of `workbench.simulation`, whose events are rated, but one decision after the other: a
player's context, the offers, and what the window after the decision brings. How players respond is
no form that a learner here assumes: acceptance is a logistic of products, steps and humps; what an
accepted offer adds saturates with worth and falls off with the time played; and part of it hangs on
a taste that no feature shows, but only whispers. Theoretical win is gamma-distributed around its
mean, and differs between players by far more than any offer changes it.

Of each context the expected net reward of each action is computed exactly, and so is the oracle's:
that of a policy which knows the response and all that decisions see, and the taste besides.
"""

import math
from dataclasses import dataclass
from functools import cache
from random import Random

from pitboss.offers.logs import NONE, Action, Features

ACTIONS = (
    Action(NONE, NONE, 0),
    Action("free-play-5", "free_play", 500),
    Action("free-play-20", "free_play", 2_000),
    Action("multiplier-3x", "multiplier", 300),
    Action("meal", "meal", 1_800),
    Action("show", "show", 4_500),
    Action("room", "room", 7_000),
    Action("item", "item", 900),
)
"""The catalogue."""

_KINDS = ("free_play", "multiplier", "meal", "show", "room", "item")
_TASTES = (5, 2, 4, 2, 2, 3)
"""How common each is."""
_NOTHING = "nothing"
_TOLD, _SILENT = 0.55, 0.8
"""Up to where in [0, 1) the offer accepted so far is of one's taste, and is none; else any."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_GAMES = ("penny reels", "dollar reels", "video poker")
_TIERS = ((0.0, "basic"), (4_500.0, "silver"), (9_000.0, "gold"), (20_000.0, "black"))
_BUSY = (0.8, 0.75, 0.85, 0.95, 1.25, 1.4, 1.1)
"""Play of a weekday, by that of an average one."""
_HOURS = 3.0
"""Of the window after a decision, in which theoretical win counts as its reward."""
SPREAD = 0.4
"""Standard deviation of the window's theoretical win, by its mean."""
_ACCEPTED_BY_TASTE = 1.6
_ACCEPTED = {
    "free_play": 0.4, "multiplier": 0.0, "meal": -0.6, "show": -1.2, "room": -1.4, "item": -0.3,
}  # fmt: skip
"""Log-odds of acceptance, before everything else."""


@dataclass(frozen=True)
class Player:
    """Somebody who plays."""

    worth: int
    """Theoretical win of an hour of play, in cents."""
    visits: int
    """Gaming days with play in the last ninety."""
    game: str
    distance: int
    """Kilometres from home."""
    taste: str
    """The kind of offer liked best. Not known: decisions see what was accepted before."""
    accepted: str
    """Kind accepted most often so far, or "nothing": it tells of the taste, not always truly."""


@dataclass(frozen=True)
class Moment:
    """A player at the moment of a decision."""

    player: Player
    weekday: int
    hour: int
    minutes: int
    """Played in this session."""

    @property
    def features(self) -> Features:
        """What decisions see."""
        tier = next(name for least, name in reversed(_TIERS) if self.player.worth >= least)
        return (
            ("worth", self.player.worth),
            ("tier", tier),
            ("visits", self.player.visits),
            ("weekday", _DAYS[self.weekday]),
            ("hour", str(self.hour // 4)),
            ("minutes", self.minutes),
            ("game", self.player.game),
            ("distance", self.player.distance),
            ("accepted", self.player.accepted),
        )


class ResponseFloor:
    """Players, their moments, and how they respond; the same seed, the same floor."""

    def __init__(self, seed: int, players: int = 4_000, spread: float = SPREAD) -> None:
        """Of so many players; of 0, each moment is somebody new's, independent of others."""
        self._chance = Random(seed)
        self._shape = 1 / spread**2
        self._players = [self._player() for _ in range(players)]

    def _anybody(self) -> Player:
        return self._chance.choice(self._players) if self._players else self._player()

    def _player(self) -> Player:
        chance = self._chance
        taste = chance.choices(_KINDS, weights=_TASTES)[0]
        told = chance.random()
        accepted = taste if told < _TOLD else _NOTHING if told < _SILENT else chance.choice(_KINDS)
        return Player(
            worth=round(chance.lognormvariate(math.log(6_000), 0.8)),
            visits=min(int(chance.expovariate(1 / 9)), 80) + 1,
            game=chance.choices(_GAMES, weights=(5, 2, 3))[0],
            distance=int(chance.lognormvariate(3, 1)),
            taste=taste,
            accepted=accepted,
        )

    def moment(self) -> Moment:
        """Somebody's next moment; who visits more often is met more often."""
        chance = self._chance
        player = max(self._anybody(), self._anybody(), key=lambda one: one.visits)
        weekday = chance.choices(range(7), weights=_BUSY)[0]
        hour = int(chance.triangular(8, 27, 20)) % 24
        return Moment(player, weekday, hour, int(chance.expovariate(1 / 70)) + 1)

    def reward(self, moment: Moment, action: Action) -> int:
        """What the window after an offer brought: theoretical win less the cost, whole cents."""
        chance = self._chance
        mean, cost = base(moment), 0
        if action.code != NONE and chance.random() < acceptance(
            moment, action, moment.player.taste
        ):
            mean += uplift(moment, action)
            cost = action.cost
        return round(chance.gammavariate(self._shape, mean / self._shape)) - cost


# --- the response, exactly ------------------------------------------------------------------------


def base(moment: Moment) -> float:
    """Expected theoretical win of the window without any offer, in cents."""
    tired = math.exp(-((moment.minutes / 150) ** 1.5))
    late = 0.6 if moment.hour < 6 else 1.0
    return moment.player.worth * _HOURS * _BUSY[moment.weekday] * late * (0.15 + 0.55 * tired)


def acceptance(moment: Moment, action: Action, taste: str) -> float:
    """Probability that an offer is taken by a player of this taste."""
    player, kind = moment.player, action.kind
    odds = _ACCEPTED[kind]
    if kind == taste:
        odds += _ACCEPTED_BY_TASTE
    if kind == "meal":
        odds += 1.4 * math.exp(-(((moment.hour - 19) / 2.5) ** 2)) + min(moment.minutes / 120, 1)
    elif kind == "room":
        odds += 1.5 * math.tanh((player.distance - 60) / 25) + (1.0 if moment.weekday > 3 else -0.4)
    elif kind == "show":
        odds += 1.2 if moment.weekday in (4, 5) and 15 <= moment.hour < 21 else -0.8
    elif kind == "free_play":
        odds += 0.5 * math.log(max(action.cost, 1) / 500) - 0.02 * player.visits
    elif kind == "multiplier":
        odds += 0.9 if player.game == "video poker" else -0.3
    return 1 / (1 + math.exp(-odds))


def uplift(moment: Moment, action: Action) -> float:
    """Theoretical win that an offer adds once it is taken, in cents."""
    player = moment.player
    longer = {
        "free_play": 0.4 + 0.5 * min(action.cost / 2_000, 1),
        "multiplier": 0.7 if player.game == "video poker" else 0.2,
        "meal": 1.2 if moment.minutes > 60 else 0.3,
        "show": 1.0,
        "room": 2.5 if player.distance > 60 else 0.5,
        "item": 0.4,
    }[action.kind]
    seldom = 1.4 if player.visits <= 4 else 1.0 - 0.4 * min(player.visits / 60, 1)
    worth = 40_000 * math.tanh(player.worth / 40_000)
    fresh = math.exp(-moment.minutes / 240)
    return worth * longer * seldom * (0.5 + 0.5 * fresh)


def expected(moment: Moment, action: Action) -> float:
    """Expected net reward of an action, in cents, by what a decision sees."""
    if action.code == NONE:
        return base(moment)
    taken = sum(
        share * acceptance(moment, action, taste)
        for taste, share in _tastes(moment.player.accepted).items()
    )
    return base(moment) + taken * (uplift(moment, action) - action.cost)


@cache
def _tastes(accepted: str) -> dict[str, float]:
    """Probability of each taste behind the offer that was accepted most often."""
    by_chance = (1 - _SILENT) / len(_KINDS)
    joint = {
        kind: weight
        * ((_SILENT - _TOLD) if accepted == _NOTHING else by_chance + _TOLD * (kind == accepted))
        for kind, weight in zip(_KINDS, _TASTES, strict=True)
    }
    return {kind: one / sum(joint.values()) for kind, one in joint.items()}
