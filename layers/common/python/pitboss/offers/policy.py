"""Policies: how good each action is, how chance is let in, and why.

A policy gives each action a score, the higher the better. `probabilities` makes the odds of it: the
best action gets most, and the share left to chance is divided alike among all, which bounds both
how often the policy is not followed and how small a propensity can be. Odds are whole numbers of
millionths that add up to one, so what is logged is exactly what was drawn from.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

from pitboss.experiments.assignment import bucket_of
from pitboss.offers.catalogue import NO_OFFER, Offer
from pitboss.offers.context import Context, in_words

CERTAIN = 1_000_000
"""Millionths: what the propensities of a decision add up to."""

MAX_REASONS = 3

BY_CHANCE = "chosen by chance, to learn from it"


class Action(NamedTuple):
    """Something that can be decided."""

    code: str
    kind: str
    cost_cents: int


NOTHING = Action(NO_OFFER, NO_OFFER, 0)


def action_of(offer: Offer) -> Action:
    """Making an offer."""
    return Action(offer.code, str(offer.kind), offer.cost_cents)


class Policy(Protocol):
    """Scores actions."""

    @property
    def version(self) -> str:
        """What names it in the log."""
        ...

    def scores(self, context: Context, actions: Sequence[Action]) -> list[float]:
        """How good each action is; where the policy is a learned one, in cents of net value."""
        ...

    def contributions(self, context: Context, action: Action) -> list[tuple[str, float]]:
        """What each feature adds to the action's score, as far as is known, in any order."""
        ...


class RulePolicy:
    """The policy of a house that has not learned yet, and what is fallen back to.

    The dearest offer the budgets allow, kinds that the player accepted before first and kinds that
    they declined last.
    """

    version = "rules-1"

    def scores(self, context: Context, actions: Sequence[Action]) -> list[float]:
        return [self._score(context, action) for action in actions]

    def contributions(self, context: Context, action: Action) -> list[tuple[str, float]]:
        score = self._score(context, action)
        known = [f"{what}_{action.kind}" for what in ("accepted", "declined")]
        return [
            *((name, score - self._score({**context, name: "0"}, action)) for name in known),
            ("worth", 1.0),
        ]

    @staticmethod
    def _score(context: Context, action: Action) -> float:
        accepted = _least(context.get(f"accepted_{action.kind}", "0"))
        declined = _least(context.get(f"declined_{action.kind}", "0"))
        return action.cost_cents * (1 + accepted) / (1 + 2 * declined)


def _least(band: str) -> int:
    """The least number of a band of a context."""
    return int(band.rstrip("+").partition("-")[0].lstrip("<"))


def probabilities(scores: Sequence[float], exploration_basis_points: int) -> list[int]:
    """The odds of each action in millionths: the best gets most, chance is divided alike.

    The first of several that are best is the best. A score that is no number is the worst.

    >>> probabilities([1.0, 3.0, 2.0], 1_000)
    [33333, 933334, 33333]
    """
    floor = exploration_basis_points * (CERTAIN // 10_000) // len(scores)
    best = max(
        range(len(scores)), key=lambda index: (scores[index] == scores[index], scores[index])
    )
    odds = [floor] * len(scores)
    odds[best] = CERTAIN - floor * (len(scores) - 1)
    return odds


def draw(seed: str) -> int:
    """A number from 0 to 999,999 that a text gives: the same again, alike often over texts."""
    return int.from_bytes(sha256(f"draw/{seed}".encode()).digest()[:8]) % CERTAIN


def chosen(odds: Sequence[int], drawn: int) -> int:
    """Which action a number drawn falls on."""
    for index, share in enumerate(odds):
        drawn -= share
        if drawn < 0:
            return index
    raise ValueError("the odds do not add up to one")


def is_held_out(property_id: str, player_id: str, basis_points: int) -> bool:
    """Whether a player is of those who are never made offers.

    It stays so for good; who is held out at a share is so at every larger one.
    """
    return bucket_of(f"holdout/{property_id}", player_id) < basis_points


def reasons(policy: Policy, context: Context, action: Action) -> tuple[str, ...]:
    """Why the policy likes an action, in words that a host can say, the weightiest first."""
    found: list[str] = []
    for name, _ in sorted(
        (part for part in policy.contributions(context, action) if part[1] > 0),
        key=lambda part: (-part[1], part[0]),
    ):
        words = in_words(name, context.get(name, ""))
        if words is not None and words not in found:
            found.append(words)
    return tuple(found[:MAX_REASONS])
