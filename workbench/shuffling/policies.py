"""Who decides about maintenance: policies that are asked every day, and what came of them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from pitboss.events.shuffler import Part
from pitboss.shufflers.histories import History
from workbench.shuffling.device import Failure, ShufflerDevice, Tally, Work
from workbench.shuffling.plan import ShufflerPlan


class Seen(NamedTuple):
    """What a policy may know of a device at the end of a day."""

    asset_id: str
    now: int
    """The first moment of the day to come, epoch ms."""
    operating_hours: float
    since_installed: Mapping[Part, float]
    """Operating hours of what is in place; of parts of the first day, since then."""
    history: Callable[[], History]
    """All hours so far; made when it is asked for."""


type Policy = Callable[[Seen], Collection[Part]]
"""Parts to replace in the day to come."""


class Outcome(NamedTuple):
    """What came of a device under a policy."""

    asset_id: str
    tally: Tally
    failures: list[Failure]
    work: list[Work]
    history: History


def to_failure(_: Seen) -> Collection[Part]:
    """Nothing is replaced before it fails."""
    return ()


def at_intervals(hours: Mapping[Part, float]) -> Policy:
    """Each part is replaced after so many operating hours."""

    def due(seen: Seen) -> Collection[Part]:
        return [part for part, most in hours.items() if seen.since_installed[part] >= most]

    return due


def seen(device: ShufflerDevice) -> Seen:
    """A device as a policy may see it now."""
    hours = device.operating_hours
    since = {part: hours - at for part, at in device.installed_at.items()}
    return Seen(device.asset_id, device.now, hours, since, device.history)


def run(plan: ShufflerPlan, policy: Policy, indices: Collection[int] = ()) -> Iterator[Outcome]:
    """Devices of a plan, one after the other, under a policy.

    It is first asked after the first day. Whatever it orders, the rest of a device's chance is the
    same: two policies meet the same tables, sensors, and parts.

    Args:
        plan: what is simulated; its fixed intervals are not followed.
        policy: asked every day.
        indices: the devices' numbers, from 0; default all of the plan.
    """
    for index in indices or range(plan.count):
        device = ShufflerDevice(plan, index)
        device.advance()
        for _ in range(1, plan.days):
            device.advance(policy(seen(device)))
        yield Outcome(
            device.asset_id, device.tally(), device.failures, device.work, device.history()
        )
