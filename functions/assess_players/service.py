"""The use cases: a property's models of its players, for whom one closes the gate, and what the
others foresee.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pitboss.errors import TerminalError
from pitboss.offers.gate import Entry, ListName, Risk
from pitboss.offers.learned import RULES, Champion
from pitboss.players.families import RISK, Family
from pitboss.players.judging import Learned, card_bytes, learned
from pitboss.players.learning import TooFewPlayers
from pitboss.players.model import PlayerModel, decode
from pitboss.players.observed import Observation, Use
from pitboss.players.scores import Scores, encode_scores, scored
from pitboss.stores.models import VersionTaken

BY = "nightly_retraining"


class Models(Protocol):
    """A property's models of a family; see `pitboss.stores.models.S3Models`."""

    def champion(self) -> Champion | None: ...
    def load(self, version: str, sha256_of: str) -> bytes: ...
    def put_version(self, version: str, model: bytes, card: bytes) -> None: ...
    def promote(self, version: str, by: str, at: int, replaces: str | None, why: str) -> bool: ...
    def put_scores(self, body: bytes) -> None: ...


class Standings(Protocol):
    """Who must not be made offers; see `pitboss.stores.standings.DynamoStandings`."""

    def put_risks(self, property_id: str, found: Mapping[str, Risk]) -> None: ...
    def risks(self, property_id: str) -> set[str]: ...
    def members(self, property_id: str, name: ListName) -> dict[str, Entry]: ...


class Assessed(NamedTuple):
    """What came of a night."""

    version: str | None
    """That was learned; None: nothing was."""
    is_promoted: bool
    why: str
    serves: str
    """The version that the players were scored by."""
    scored: int = 0
    at_risk: int = 0
    """For whom the gate is closed."""


def assess(
    models: Models,
    standings: Standings,
    run: str,
    property_id: str,
    players: Sequence[Observation],
    now: int,
) -> Assessed:
    """Learn risk from a property's players, and say who is of high risk by what serves then.

    Args:
        models: the property's, of risk.
        standings: where it is kept who is of high risk.
        run: the night.
        property_id: the property.
        players: at all moments.
        now: epoch milliseconds.

    Raises:
        DamagedModel, BrokenPlayerModel, UnknownVersion: the model that serves cannot be used, and
            what was learned is not better than none. For whom the gate is closed stays.
    """
    night, model = _judged(models, RISK, run, players, now)
    asked = [one for one in players if one.use is Use.NOW]
    found = at_risk(asked, model, night.serves, now)
    standings.put_risks(property_id, found)
    return night._replace(scored=len(asked) if model else 0, at_risk=len(found))


def foresee(
    models: Models,
    standings: Standings,
    family: Family,
    run: str,
    property_id: str,
    players: Sequence[Observation],
    now: int,
) -> Assessed:
    """Learn a family that closes no gate, and keep what serves then says of players, for people.

    Of who is on any list, or of high risk, nothing is kept: a score says whom to write to.

    Args:
        models: the property's, of the family.
        standings: who must not be made offers. What the night says of risk is there already.
        family: what is foreseen.
        run: the night.
        property_id: the property.
        players: at all moments.
        now: epoch milliseconds.

    Raises:
        DamagedModel, BrokenPlayerModel, UnknownVersion: as `assess`. The scores there are stay.
    """
    night, model = _judged(models, family, run, players, now)
    kept_out = standings.risks(property_id)
    for name in ListName:
        kept_out |= {
            player_id
            for player_id, entry in standings.members(property_id, name).items()
            if not entry.is_over(now)
        }
    found = scored(players, model, kept_out)
    scores = Scores(run=run, scored_at=now, model_version=night.serves, players=found)
    models.put_scores(encode_scores(scores))
    return night._replace(scored=len(found))


def at_risk(
    players: Sequence[Observation], model: PlayerModel | None, version: str, now: int
) -> dict[str, Risk]:
    """The players at or above a model's threshold, and why; nobody where there is no model."""
    found: dict[str, Risk] = {}
    if model is None:
        return found
    for one in players:
        score = model.probability(one.seen)
        if score >= model.threshold:
            reasons = tuple(reason.words for reason in model.reasons(one.seen))
            found[one.player_id] = Risk(round(score, 4), reasons, version, now)
    return found


def _judged(
    models: Models, family: Family, run: str, players: Sequence[Observation], now: int
) -> tuple[Assessed, PlayerModel | None]:
    """Learn from a property's players, and let serve what is surely better; what serves then."""
    champion = models.champion()
    replaces = None if champion is None else champion.version
    version, is_promoted = None, False
    try:
        made = learned(family, run, players, _usable(models, champion, family), replaces)
    except TooFewPlayers as fault:
        why = str(fault)
    else:
        version, why = made.card.version, made.card.verdict.reason
        if version != replaces and _is_kept(models, made):
            if made.card.verdict.promote:
                is_promoted = models.promote(version, BY, now, replaces, why)
                why = why if is_promoted else "Somebody promoted or rolled back meanwhile."
                champion = models.champion()
        elif version != replaces:
            why = "The same was learned before, and judged then: it is not promoted again."
    serves = RULES if champion is None else champion.version
    return Assessed(version, is_promoted, why, serves), _serving(models, champion, family)


def _is_kept(models: Models, made: Learned) -> bool:
    """Keep what was learned; False where it was before, and judged against something else."""
    try:
        models.put_version(made.card.version, made.model, card_bytes(made.card))
    except VersionTaken:
        return False
    return True


def _usable(models: Models, champion: Champion | None, family: Family) -> PlayerModel | None:
    """What serves; None also where it cannot be read any more: what is learned replaces it if it is
    better than knowing how often it happens.
    """
    try:
        return _serving(models, champion, family)
    except TerminalError:
        return None


def _serving(models: Models, champion: Champion | None, family: Family) -> PlayerModel | None:
    if champion is None or champion.version == RULES:
        return None
    return decode(models.load(champion.version, champion.sha256), family)
