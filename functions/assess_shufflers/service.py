"""The use case: what is to be expected of every device, by models that serve or by the rules."""

from collections.abc import Callable
from typing import Protocol

from pitboss.errors import TerminalError
from pitboss.events.shuffler import Part
from pitboss.offers.learned import RULES, Champion
from pitboss.shufflers.costs import CostTable
from pitboss.shufflers.exports import (
    ASSESSMENT,
    HOURS,
    Assessment,
    DeviceHours,
    DeviceProspects,
    pack,
    unpack,
)
from pitboss.shufflers.limits import part_states
from pitboss.shufflers.maintenance import by_rules
from pitboss.shufflers.outlook import Outlook, history_of_hours, seen


class Models(Protocol):
    """Where models, and what runs work on, are kept; see `pitboss.stores.models.S3Models`."""

    def names_of_run(self, run: str, prefix: str) -> list[str]: ...
    def of_run(self, run: str, name: str) -> bytes: ...
    def put_of_run(self, run: str, name: str, body: bytes) -> None: ...
    def champion(self) -> Champion | None: ...
    def load(self, version: str, sha256_of: str) -> bytes: ...


def assess(models: Models, run: str, costs: CostTable, fell_back: Callable[[str], None]) -> int:
    """Say what is to be expected of the run's devices, and keep it beside their hours.

    A part that no model was learned of goes by the rules.

    Args:
        models: where models, and the run's hours, are.
        run: the run.
        costs: of all properties.
        fell_back: told why the rules were asked of all parts.

    Returns:
        Of how many devices.
    """
    outlook = _served(models, fell_back)
    found = []
    for name in models.names_of_run(run, HOURS):
        device = unpack(models.of_run(run, name), DeviceHours)
        rules = costs.of(device.property_id)
        prospects = [] if outlook is None else outlook.prospects(seen(history_of_hours(device)))
        known = {one.part for one in prospects}
        by_rule = (by_rules(state, rules) for state in part_states(device))
        prospects += [one for one in by_rule if one is not None and one.part not in known]
        mended = {Part(part): at for at, part in device.maintenance}  # the last of each
        found.append(DeviceProspects(device.property_id, device.asset_id, prospects, mended))
    version = RULES if outlook is None else outlook.version
    thresholds = {} if outlook is None else outlook.thresholds
    models.put_of_run(run, ASSESSMENT, pack(Assessment(version, thresholds, found)))
    return len(found)


def _served(models: Models, fell_back: Callable[[str], None]) -> Outlook | None:
    champion = models.champion()
    if champion is None or champion.version == RULES:
        fell_back("no model serves")
        return None
    try:
        return Outlook(models.load(champion.version, champion.sha256))
    except TerminalError as fault:
        fell_back(str(fault))
        return None
