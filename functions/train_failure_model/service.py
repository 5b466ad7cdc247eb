"""The use case: models from a run's hours, which serve if they are surely better."""

from typing import NamedTuple, Protocol

import msgspec

from pitboss.errors import TerminalError
from pitboss.offers.learned import RULES, Champion
from pitboss.shufflers.costs import EVERY_OTHER, CostTable
from pitboss.shufflers.exports import HOURS, DeviceHours, unpack
from pitboss.shufflers.failure_model import NothingToLearn, Recipe
from pitboss.shufflers.outlook import RECIPE, Outlook, history_of_hours, learn
from pitboss.stores.models import VersionTaken

BY = "maintain_shufflers"

KNOWN = "the same was learned before, and judged then: it is not promoted again"


class Models(Protocol):
    """Where models, and what runs work on, are kept; see `pitboss.stores.models.S3Models`."""

    def names_of_run(self, run: str, prefix: str) -> list[str]: ...
    def of_run(self, run: str, name: str) -> bytes: ...
    def champion(self) -> Champion | None: ...
    def load(self, version: str, sha256_of: str) -> bytes: ...
    def put_version(self, version: str, model: bytes, card: bytes) -> None: ...
    def promote(self, version: str, by: str, at: int, replaces: str | None, why: str) -> bool: ...


class Trained(NamedTuple):
    """What came of a night."""

    version: str | None
    """None: nothing was learned."""
    is_promoted: bool
    why: str


def train(models: Models, run: str, costs: CostTable, now: int, recipe: Recipe = RECIPE) -> Trained:
    """Learn from a run's hours, and promote what is better than what serves.

    Args:
        models: where models, and the run's hours, are.
        run: the run.
        costs: of all properties. Thresholds are found by those of every property without its own.
        now: epoch ms.
        recipe: how each part's model is learned.
    """
    names = models.names_of_run(run, HOURS)
    if not names:
        return Trained(None, False, "no device has said anything yet")
    # One after the other: what is learned from are days.
    histories = (history_of_hours(unpack(models.of_run(run, name), DeviceHours)) for name in names)
    champion = models.champion()
    served = None if champion is None else champion.version
    try:
        learned = learn(histories, costs.of(EVERY_OTHER), _serving(models, champion), recipe)
    except NothingToLearn as fault:
        return Trained(None, False, str(fault))
    version, verdict = learned.card.version, learned.card.verdict
    card = msgspec.json.format(msgspec.json.encode(learned.card)) + b"\n"
    if version != served:
        try:
            models.put_version(version, learned.model, card)
        except VersionTaken:  # the same was learned before, and judged against something else
            return Trained(version, False, KNOWN)
    if not verdict.promote or version == served:
        return Trained(version, False, verdict.reason)
    is_promoted = models.promote(version, BY, now, served, verdict.reason)
    why = verdict.reason if is_promoted else "somebody promoted or rolled back meanwhile"
    return Trained(version, is_promoted, why)


def _serving(models: Models, champion: Champion | None) -> bytes | None:
    """The models that serve. None where the rules do, also for models that cannot be read any more:
    what is learned replaces them if it is better than knowing how often parts fail.
    """
    if champion is None or champion.version == RULES:
        return None
    try:
        model = models.load(champion.version, champion.sha256)
        Outlook(model)
    except TerminalError:
        return None
    return model
