"""What a night's model expects of the offers to a player, for their host."""

from collections.abc import Sequence

from msgspec import Struct

from pitboss.offers.context import Context
from pitboss.offers.policy import NOTHING, Action, Policy, reasons


class ScoredOffer(Struct, frozen=True):
    """An offer, and what is expected of it."""

    code: str
    name: str
    value: float
    """Expected net value over making no offer: in cents where a model said so; where the house goes
    by its rules, a number that says no more than which is better."""
    reasons: tuple[str, ...]


class PlayerScores(Struct, frozen=True, kw_only=True):
    """The best offers to a player. It is no offer: whether there is one is decided, through the
    gate, when there is a reason to.
    """

    property_id: str
    player_id: str
    scored_at: int
    """Epoch milliseconds."""
    decided_at: int
    """Of the decision whose context was scored, the player's newest."""
    model_version: str
    offers: tuple[ScoredOffer, ...]
    """The best first."""


def best_offers(
    policy: Policy, context: Context, actions: Sequence[tuple[Action, str]], most: int
) -> tuple[ScoredOffer, ...]:
    """The offers that a policy thinks best, if they are better than none.

    Args:
        policy: which.
        context: the player's.
        actions: offers, each with its name.
        most: how many.
    """
    nothing, *scores = policy.scores(context, [NOTHING, *(action for action, _ in actions)])
    ranked = sorted(
        (
            (score - nothing, action, name)
            for score, (action, name) in zip(scores, actions, strict=True)
            if score > nothing
        ),
        key=lambda one: (-one[0], one[1].code),
    )
    return tuple(
        ScoredOffer(action.code, name, round(value, 2), reasons(policy, context, action))
        for value, action, name in ranked[:most]
    )
