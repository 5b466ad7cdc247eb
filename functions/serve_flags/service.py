"""The use case: what a player is shown, and that they were."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.experiments.assignment import Registered, assigned
from pitboss.experiments.definition import FlagValue
from pitboss.stores.experiments import Exposure

ROUTE = "/v1/players/{player_id}/flags"


class Experiments(Protocol):
    """Experiments and exposures; see `pitboss.stores.experiments.DynamoExperiments`."""

    def running(self, property_id: str) -> list[Registered]: ...
    def exposures(
        self, property_id: str, player_id: str, keys: Iterable[str]
    ) -> dict[str, Exposure]: ...
    def expose(self, property_id: str, exposure: Exposure) -> None: ...


class FlagsOfExperiment(Struct, frozen=True):
    """What an experiment shows a player: its variant, and the values of the flags it decides."""

    experiment: str
    variant: str
    flags: dict[str, FlagValue]


class FlagsDocument(Struct, frozen=True):
    """The flags: of every experiment that runs and the player is in. What is not there is as it
    would be without experiments.
    """

    property_id: str
    player_id: str
    experiments: list[FlagsOfExperiment]


class Served(NamedTuple):
    """What is answered, and how many experiments the player was exposed to for the first time."""

    document: FlagsDocument
    exposed: int


def serve(experiments: Experiments, property_id: str, player_id: str, now: int) -> Served:
    """A player's flags. They are exposed to each experiment before the answer says so.

    Args:
        experiments: where they are.
        property_id: the caller's.
        player_id: who is to be shown something.
        now: epoch milliseconds.
    """
    found = {
        one.experiment.key: place
        for one in experiments.running(property_id)
        if (place := assigned(one, player_id)) is not None
    }
    known = experiments.exposures(property_id, player_id, found)
    new = [key for key in found if key not in known]
    for key in new:
        place = found[key]
        exposure = Exposure(key, player_id, place.variant.key, place.block, now)
        experiments.expose(property_id, exposure)
    shown = [
        FlagsOfExperiment(key, one.variant.key, one.variant.flags) for key, one in found.items()
    ]
    return Served(FlagsDocument(property_id, player_id, shown), len(new))
