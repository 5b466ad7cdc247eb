"""The use case: a property's model of risk, and the players whom it closes the gate for."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pitboss.errors import TerminalError
from pitboss.offers.gate import Risk
from pitboss.offers.learned import RULES, Champion
from pitboss.players.judging import Learned, card_bytes, learned
from pitboss.players.learning import TooFewPlayers
from pitboss.players.observed import Observation, Use
from pitboss.players.risk import RiskModel, decode
from pitboss.stores.models import VersionTaken

BY = "nightly_retraining"


class Models(Protocol):
    """A property's models; see `pitboss.stores.models.S3Models`."""

    def champion(self) -> Champion | None: ...
    def load(self, version: str, sha256_of: str) -> bytes: ...
    def put_version(self, version: str, model: bytes, card: bytes) -> None: ...
    def promote(self, version: str, by: str, at: int, replaces: str | None, why: str) -> bool: ...


class Risks(Protocol):
    """Where it is kept who is of high risk; see `pitboss.stores.standings.DynamoStandings`."""

    def put_risks(self, property_id: str, found: Mapping[str, Risk]) -> None: ...


class Assessed(NamedTuple):
    """What came of a night."""

    version: str | None
    """That was learned; None: nothing was."""
    is_promoted: bool
    why: str
    serves: str
    """The version that the players were scored by."""
    scored: int
    at_risk: int


def assess(
    models: Models,
    risks: Risks,
    run: str,
    property_id: str,
    players: Sequence[Observation],
    now: int,
) -> Assessed:
    """Learn from a property's players, and say who is of high risk by what serves then.

    Args:
        models: the property's.
        risks: where it is kept who is of high risk.
        run: the night.
        property_id: the property.
        players: at all moments.
        now: epoch milliseconds.

    Raises:
        DamagedModel, BrokenRiskModel, UnknownVersion: the model that serves cannot be used, and
            what was learned is not better than none. For whom the gate is closed stays.
    """
    champion = models.champion()
    replaces = None if champion is None else champion.version
    version, is_promoted = None, False
    try:
        made = learned(run, players, _usable(models, champion), replaces)
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
    serving = _serving(models, champion)
    serves = RULES if champion is None else champion.version
    asked = [one for one in players if one.use is Use.NOW]
    found = at_risk(asked, serving, serves, now)
    risks.put_risks(property_id, found)
    return Assessed(version, is_promoted, why, serves, len(asked) if serving else 0, len(found))


def at_risk(
    players: Sequence[Observation], model: RiskModel | None, version: str, now: int
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


def _is_kept(models: Models, made: Learned) -> bool:
    """Keep what was learned; False where it was before, and judged against something else."""
    try:
        models.put_version(made.card.version, made.model, card_bytes(made.card))
    except VersionTaken:
        return False
    return True


def _usable(models: Models, champion: Champion | None) -> RiskModel | None:
    """What serves; None also where it cannot be read any more: what is learned replaces it if it is
    better than knowing how often players exclude themselves.
    """
    try:
        return _serving(models, champion)
    except TerminalError:
        return None


def _serving(models: Models, champion: Champion | None) -> RiskModel | None:
    if champion is None or champion.version == RULES:
        return None
    return decode(models.load(champion.version, champion.sha256))
