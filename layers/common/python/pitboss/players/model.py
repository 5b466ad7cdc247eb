"""How likely something is to happen to a player: a score, and what it is made of.

A score adds up: each feature is taken as its place among the players that were learned from, on
the scale of a normal distribution, and weighed. The sum is the log-odds of what the model's family
foresees; of risk, of being among those of high risk, by whoever labelled the players. What is not
known of somebody, and what they are in the middle in, adds nothing. So every score is explained by
its own terms, exactly, and takes nothing but this module to make.

It is no diagnosis. docs/players.md says what it may be used for.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pitboss.errors import TerminalError
from pitboss.players.families import FAMILIES, Family
from pitboss.players.features import Behaviour, Feature, Values, values

MOST_REASONS = 3
LEAST_REASON = 0.1
"""Log-odds: what moves a score by less is no reason for it."""

_FAR = 0.005
"""How near to the first or last of all players a place counts."""
_normal = NormalDist()
_BY_NAME = {feature.name: feature for family in FAMILIES.values() for feature in family.features}


class BrokenPlayerModel(TerminalError):
    """Bytes that are no model of players, or none that this version can read."""


class Term(Struct, frozen=True):
    """A feature, where players are in it, and what it weighs."""

    feature: str
    knots: tuple[float, ...]
    """Quantiles of the players that were learned from, in even steps from the least to the most."""
    weight: float = 0.0

    def place(self, value: float) -> float:
        """The share of players below a value; of those who are level with it, half count.

        >>> Term("games", (0.0, 0.0, 0.0, 10.0, 20.0)).place(10.0)
        0.75
        >>> Term("games", (0.0, 0.0, 0.0, 10.0, 20.0)).place(0.0)
        0.25
        """
        below, upto = bisect_left(self.knots, value), bisect_right(self.knots, value)
        last = len(self.knots) - 1
        if below < upto:
            return (below + upto - 1) / 2 / last
        if below == 0 or below > last:
            return float(below > last)
        low, high = self.knots[below - 1], self.knots[below]
        return (below - 1 + (value - low) / (high - low)) / last

    def scaled(self, value: float | None) -> float:
        """A value's place as a standard normal deviate; 0 where it is not known."""
        if value is None:
            return 0.0
        return _normal.inv_cdf(min(max(self.place(value), _FAR), 1 - _FAR))


class Reason(NamedTuple):
    """What moved a score."""

    feature: str
    moved: float
    """By how much, in log-odds; above 0 towards what is foreseen."""
    words: str


class PlayerModel(Struct, frozen=True, kw_only=True):
    """A model that was learned."""

    format: str
    """Of its family."""
    terms: tuple[Term, ...]
    offset: float
    """Log-odds of a player who is in the middle in everything."""
    threshold: float
    """At or above which it is said of a player that it will happen."""
    players: int
    """Learned from."""
    happened: int
    """Of them, those to whom it did."""

    def probability(self, seen: Values) -> float:
        """That it happens to a player.

        Args:
            seen: their features, as the family has them.
        """
        return 1 / (1 + math.exp(-self.offset - sum(self._moved(seen))))

    def reasons(self, seen: Values, most: int = MOST_REASONS) -> list[Reason]:
        """What raised a score the most, compared with a player in the middle, first."""
        found = [
            Reason(term.feature, moved, _words(_BY_NAME[term.feature], term.place(value)))
            for term, value, moved in zip(self.terms, seen, self._moved(seen), strict=True)
            if value is not None and moved >= LEAST_REASON
        ]
        return sorted(found, key=lambda one: (-one.moved, one.feature))[:most]

    def explain(self, behaviour: Behaviour) -> tuple[float, list[Reason]]:
        """The probability of a behaviour, and the reasons for it."""
        seen = values(behaviour, [_BY_NAME[term.feature] for term in self.terms])
        return self.probability(seen), self.reasons(seen)

    def _moved(self, seen: Values) -> list[float]:
        return [
            term.weight * term.scaled(value) for term, value in zip(self.terms, seen, strict=True)
        ]


def encode(model: PlayerModel) -> bytes:
    """A model's bytes, JSON; the same model's are the same."""
    return msgspec.json.encode(model)


def decode(text: bytes, family: Family) -> PlayerModel:
    """A model of its bytes.

    Raises:
        BrokenPlayerModel: they are none of this family, or none that this release can read.
    """
    try:
        model = msgspec.json.decode(text, type=PlayerModel)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise BrokenPlayerModel(f"these bytes are no model of {family.name}: {fault}") from fault
    if model.format != family.format:
        raise BrokenPlayerModel(
            f"the model is of the format {model.format!r}, not {family.format!r}"
        )
    if [term.feature for term in model.terms] != [feature.name for feature in family.features]:
        raise BrokenPlayerModel("the model's features are not those that this release makes")
    if any(len(term.knots) < 2 or _falls(term.knots) for term in model.terms):
        raise BrokenPlayerModel("the model's knots are not in order")
    return model


def _falls(knots: Sequence[float]) -> bool:
    return any(high < low for low, high in pairwise(knots))


def _words(feature: Feature, place: float) -> str:
    """What is said of a place: "plays more games than 9 in 10 players"."""
    phrase, share = (feature.more, place) if place >= 0.5 else (feature.less, 1 - place)
    tenths = min(int(share * 10 + 1e-9), 9)
    return phrase.format("half of the" if tenths == 5 else f"{tenths} in 10")
