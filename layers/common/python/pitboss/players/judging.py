"""A property's own model of its players: learned from what they did, and judged on a later time.

What it foresees is its family's. It serves if it is surely better, on the time held out, than the
model that serves, or than saying of everybody how often it happens where none does. A model that
closes doors serves only if it closes few: one that would close them for many players is none to act
by, however right.

numpy is in `layers/trees` only: import this where models are learned.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from pitboss.players.families import Family
from pitboss.players.figures import Floats, Interval, auroc
from pitboss.players.learning import TooFewPlayers, learn
from pitboss.players.model import PlayerModel, encode
from pitboss.players.observed import Observation, Use
from pitboss.shufflers.failure_card import (
    Bin,
    at_threshold,
    average_precision,
    bins,
    losses,
    scored,
)
from pitboss.shufflers.failure_gate import DeviceLoss, Verdict, decide

SEED = 1


class Weight(Struct, frozen=True):
    """What a feature weighs, in log-odds a standard deviation of its place among players."""

    feature: str
    weight: float


class PlayerCard(Struct, frozen=True, kw_only=True):
    """How a model was made, and what it is worth to players of the time held out."""

    version: str
    run: str
    players: int
    """Learned from; a player counts once a moment, of propensity once an offer."""
    happened: int
    """Of them, those to whom what is foreseen happened within 30 days."""
    held_out_players: int
    held_out_happened: int
    auroc: Interval | None
    """With its 95 % interval; None where it happened to fewer than two, or to all but fewer."""
    average_precision: float
    brier: float
    guessed_brier: float
    """Of saying of everybody how often it happened to those learned from."""
    threshold: float
    above: float
    """The share of players held out that is at or above it."""
    found: float
    """The share of those to whom it happened that is."""
    precision: float
    """The share of those at or above it to whom it did."""
    reliability: list[Bin]
    weights: list[Weight]
    """The heaviest first."""
    replaces: str | None
    verdict: Verdict


class Learned(NamedTuple):
    """What came of a night."""

    model: bytes
    card: PlayerCard


def learned(
    family: Family,
    run: str,
    players: Sequence[Observation],
    champion: PlayerModel | None,
    replaces: str | None,
) -> Learned:
    """A model of the players that are learned from, judged on those held out.

    Args:
        family: what is foreseen.
        run: the night.
        players: of all moments.
        champion: the model that serves; None where none does, or none that can be read.
        replaces: its version.

    Raises:
        TooFewPlayers: it happened to too few, or nobody is held out.
    """
    known = [one for one in players if one.use is Use.LEARN]
    held = [one for one in players if one.use is Use.HELD_OUT]
    if not held:
        raise TooFewPlayers(
            "no player is held out: there are 90 days of play to learn from at least"
        )
    model = learn([one.seen for one in known], [one.happened for one in known], SEED, family)
    if family.closes is not None:
        model = replace(model, threshold=_threshold(model, known, family.closes))
    body = encode(model)
    answers, truth = _answers(model, held), _truth(held)
    base = np.full(len(held), model.happened / model.players)
    above = float(np.mean(answers >= model.threshold))
    verdict = decide(
        _losses(held, answers, truth),
        _losses(held, base if champion is None else _answers(champion, held), truth),
        of=f"{{}} players, of whom {{}} {family.happened}",
    )
    if verdict.promote and family.closes is not None and above > 2 * family.closes:
        # It has found another floor than the one that it learned from.
        reason = (
            f"It would close the gate for {above:.1%} of the players: {2 * family.closes:.0%} at "
            "most."
        )
        verdict = replace(verdict, promote=False, reason=reason)
    precision, found, _ = at_threshold(answers, truth, model.threshold)
    weights = [Weight(term.feature, round(term.weight, 4)) for term in model.terms]
    return Learned(
        body,
        PlayerCard(
            version=f"{family.name}-{sha256(body).hexdigest()[:16]}",
            run=run,
            players=model.players,
            happened=model.happened,
            held_out_players=len(held),
            held_out_happened=int(truth.sum()),
            auroc=auroc(answers, truth) if 1 < truth.sum() < len(held) - 1 else None,
            average_precision=average_precision(answers, truth),
            brier=scored(answers, truth).brier,
            guessed_brier=scored(base, truth).brier,
            threshold=model.threshold,
            above=above,
            found=found,
            precision=precision,
            reliability=bins(answers, truth),
            weights=sorted(weights, key=lambda one: (-abs(one.weight), one.feature)),
            replaces=replaces,
            verdict=verdict,
        ),
    )


def card_bytes(card: PlayerCard) -> bytes:
    """A card as it is kept."""
    return msgspec.json.format(msgspec.json.encode(card)) + b"\n"


def _threshold(model: PlayerModel, known: Sequence[Observation], closes: float) -> float:
    """Above what is said of all but so many of those to whom it did not happen."""
    calm = [model.probability(one.seen) for one in known if not one.happened]
    return float(np.quantile(calm, 1 - closes, method="higher"))


def _answers(model: PlayerModel, players: Sequence[Observation]) -> Floats:
    return np.array([model.probability(one.seen) for one in players])


def _truth(players: Sequence[Observation]) -> Floats:
    return np.array([one.happened for one in players], dtype=np.float64)


def _losses(
    players: Sequence[Observation], answers: Floats, truth: Floats
) -> dict[str, DeviceLoss]:
    """How wrong a model is of each player, at all moments at which they are held out."""
    found: dict[str, DeviceLoss] = {}
    for one, loss in zip(players, losses(answers, truth), strict=True):
        before = found.get(one.player_id, DeviceLoss(0, 0, 0.0))
        found[one.player_id] = DeviceLoss(
            before.rows + 1, before.positives + one.happened, before.loss + float(loss)
        )
    return found
