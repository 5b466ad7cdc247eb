"""What a night foresees of players, for people: a probability and the reasons for it.

It is information and nothing else: no gate reads it, and of players who must not be made offers it
is made for nobody (docs/players.md).
"""

from collections.abc import Container, Iterable

import msgspec
from msgspec import Struct

from pitboss.players.model import PlayerModel
from pitboss.players.observed import Observation, Use


class Score(Struct, frozen=True):
    """What is foreseen of a player."""

    player_id: str
    probability: float
    reasons: tuple[str, ...]
    """What raised it, in words, the most first."""


class Scores(Struct, frozen=True, kw_only=True):
    """What a night foresees of a property's players."""

    run: str
    scored_at: int
    """Epoch milliseconds."""
    model_version: str
    """By which it was made; that of the rules where none serves, and then nobody has a score."""
    players: tuple[Score, ...]
    """The likeliest first."""


_decoder = msgspec.json.Decoder(Scores)


def scored(
    players: Iterable[Observation], model: PlayerModel | None, kept_out: Container[str]
) -> tuple[Score, ...]:
    """The scores of those who are looked at now; nobody's where there is no model.

    Args:
        players: at all moments.
        model: what serves.
        kept_out: who must not be made offers, and has no score.
    """
    if model is None:
        return ()
    found = [
        Score(
            one.player_id,
            round(model.probability(one.seen), 4),
            tuple(reason.words for reason in model.reasons(one.seen)),
        )
        for one in players
        if one.use is Use.NOW and one.player_id not in kept_out
    ]
    return tuple(sorted(found, key=lambda one: (-one.probability, one.player_id)))


def encode_scores(scores: Scores) -> bytes:
    """Scores as they are kept."""
    return msgspec.json.encode(scores)


def decode_scores(body: bytes) -> Scores:
    """Scores of their bytes.

    Raises:
        msgspec.MsgspecError: they are none.
    """
    return _decoder.decode(body)
