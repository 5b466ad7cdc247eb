"""A property's own model of risk: learned from its self-exclusions, and judged on a later time.

What it foresees is that a player excludes themselves within 30 days. It serves if it is surely
better, on the time held out, than the model that serves, or than saying of everybody how often it
happens where none does; and it says it of few: a model that would close doors for many players is
none to act by, however right.

numpy is in `layers/trees` only: import this where models are learned.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from pitboss.players.figures import Floats, Interval, auroc
from pitboss.players.learning import TooFewPlayers, learn
from pitboss.players.observed import Observation, Use
from pitboss.players.risk import RiskModel, encode
from pitboss.shufflers.failure_card import (
    Bin,
    at_threshold,
    average_precision,
    bins,
    losses,
    scored,
)
from pitboss.shufflers.failure_gate import DeviceLoss, Verdict, decide

CLOSES = 0.05
"""The share of players who did not exclude themselves that a model's threshold is set to say it of:
the highest of those it learned from."""

MOST_CLOSED = 2 * CLOSES
"""The share of the players held out of whom a model may say it. One that says it of more has found
another floor than the one it learned from."""

SEED = 1
_OF = "{} players, of whom {} excluded themselves"


class Weight(Struct, frozen=True):
    """What a feature weighs, in log-odds a standard deviation of its place among players."""

    feature: str
    weight: float


class RiskCard(Struct, frozen=True, kw_only=True):
    """How a model was made, and what it is worth to players of the time held out."""

    version: str
    run: str
    players: int
    """Learned from; a player counts once a moment."""
    excluded: int
    """Of them, those who excluded themselves within 30 days."""
    held_out_players: int
    held_out_excluded: int
    auroc: Interval | None
    """With its 95 % interval; None where fewer than two did, or did not, exclude themselves."""
    average_precision: float
    brier: float
    guessed_brier: float
    """Of saying of everybody how often it happened to those learned from."""
    threshold: float
    closed: float
    """The share of players held out that is at or above it."""
    found: float
    """The share of those who excluded themselves that is."""
    precision: float
    """The share of those at or above it who did."""
    reliability: list[Bin]
    weights: list[Weight]
    """The heaviest first."""
    replaces: str | None
    verdict: Verdict


class Learned(NamedTuple):
    """What came of a night."""

    model: bytes
    card: RiskCard


def learned(
    run: str,
    players: Sequence[Observation],
    champion: RiskModel | None,
    replaces: str | None,
) -> Learned:
    """A model of the players that are learned from, judged on those held out.

    Args:
        run: the night.
        players: of all moments.
        champion: the model that serves; None where none does, or none that can be read.
        replaces: its version.

    Raises:
        TooFewPlayers: too few excluded themselves, or nobody is held out.
    """
    known = [one for one in players if one.use is Use.LEARN]
    held = [one for one in players if one.use is Use.HELD_OUT]
    if not held:
        raise TooFewPlayers(
            "no player is held out: there are 90 days of play to learn from at least"
        )
    fitted = learn([one.seen for one in known], [one.happened for one in known], SEED)
    model = replace(fitted, threshold=_threshold(fitted, known))
    body = encode(model)
    answers, truth = _answers(model, held), _truth(held)
    base = np.full(len(held), model.high_risk / model.players)
    closed = float(np.mean(answers >= model.threshold))
    verdict = decide(
        _losses(held, answers, truth),
        _losses(held, base if champion is None else _answers(champion, held), truth),
        of=_OF,
    )
    if verdict.promote and closed > MOST_CLOSED:
        reason = (
            f"It would close the gate for {closed:.1%} of the players: {MOST_CLOSED:.0%} at most."
        )
        verdict = replace(verdict, promote=False, reason=reason)
    precision, found, _ = at_threshold(answers, truth, model.threshold)
    weights = [Weight(term.feature, round(term.weight, 4)) for term in model.terms]
    return Learned(
        body,
        RiskCard(
            version=f"risk-{sha256(body).hexdigest()[:16]}",
            run=run,
            players=model.players,
            excluded=model.high_risk,
            held_out_players=len(held),
            held_out_excluded=int(truth.sum()),
            auroc=auroc(answers, truth) if 1 < truth.sum() < len(held) - 1 else None,
            average_precision=average_precision(answers, truth),
            brier=scored(answers, truth).brier,
            guessed_brier=scored(base, truth).brier,
            threshold=model.threshold,
            closed=closed,
            found=found,
            precision=precision,
            reliability=bins(answers, truth),
            weights=sorted(weights, key=lambda one: (-abs(one.weight), one.feature)),
            replaces=replaces,
            verdict=verdict,
        ),
    )


def card_bytes(card: RiskCard) -> bytes:
    """A card as it is kept."""
    return msgspec.json.format(msgspec.json.encode(card)) + b"\n"


def _threshold(model: RiskModel, known: Sequence[Observation]) -> float:
    """Above what is said of all but so many of those who did not exclude themselves."""
    calm = [model.probability(one.seen) for one in known if not one.happened]
    return float(np.quantile(calm, 1 - CLOSES, method="higher"))


def _answers(model: RiskModel, players: Sequence[Observation]) -> Floats:
    return np.array([model.probability(one.seen) for one in players])


def _truth(players: Sequence[Observation]) -> Floats:
    return np.array([one.happened for one in players], dtype=np.float64)


def _losses(
    players: Sequence[Observation], answers: Floats, truth: Floats
) -> dict[str, DeviceLoss]:
    """How wrong a model is of each; a player is held out at one moment."""
    each = zip(players, losses(answers, truth), strict=True)
    return {one.player_id: DeviceLoss(1, int(one.happened), float(loss)) for one, loss in each}
