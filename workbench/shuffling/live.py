"""Simulated shufflers on the network: what they say, when they say it."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

import msgspec
from msgspec import Struct

from pitboss.events.shuffler import read_event
from pitboss.shufflers.topics import Kind
from workbench.shuffler_device import Happened
from workbench.shuffling.events import Publication, publications
from workbench.shuffling.plan import ShufflerPlan


class Connected(Protocol):
    """A device's network side; see `workbench.shuffler_device.ShufflerDevice`."""

    def publish(self, kind: Kind, events: Sequence[Happened]) -> range: ...
    def cut(self) -> None: ...
    def restore(self) -> None: ...


class Told(Struct):
    """What the devices were given to publish so far."""

    messages: int = 0
    events: int = 0
    cuts: int = 0
    """Links that were cut."""
    at: int = 0
    """Until when, by the simulated clock, epoch ms."""


class VirtualClock:
    """Simulated time, so many times faster than real time, which stops when all is played.

    What devices say by themselves after it, a goodbye for instance, has its last moment: a clock
    that went on would soon be a day ahead, and what it says be refused.
    """

    def __init__(self, start: int, speed: float, clock: Callable[[], float], end: int) -> None:
        """Now it is `start`, epoch ms, and never later than `end`; `clock` gives real seconds."""
        self._start, self._speed, self._clock, self._end = start, speed, clock, end
        self._began = clock()

    def now(self) -> int:
        """Epoch ms."""
        gone = int((self._clock() - self._began) * 1_000 * self._speed)
        return min(self._start + gone, self._end)

    def seconds_to(self, at: int) -> float:
        """Real seconds to a moment; less than 0 where it is over."""
        return (at - self.now()) / 1_000 / self._speed


def due(plan: ShufflerPlan, start: int) -> Iterator[Publication]:
    """All that the devices of a plan publish from a moment on, in order of time."""
    streams = [publications(plan, index) for index in range(plan.count)]
    for publication in heapq.merge(*streams, key=attrgetter("at")):
        if publication.at >= start:
            yield publication


def tell(
    said: Iterable[Publication],
    devices: Mapping[str, Connected],
    clock: VirtualClock,
    wait: Callable[[float], bool],
    tally: Callable[[Told], None],
) -> Told:
    """Give devices what they have to say when it is time, until all is said or `wait` is true.

    The devices number their events by themselves, and say themselves when they are connected and
    how long the link was down: here it is cut and restored.

    Args:
        said: in order of time.
        devices: by asset id.
        clock: the simulated time.
        wait: waits so many real seconds; whether to stop.
        tally: is called after each message.
    """
    told = Told(at=clock.now())
    cut: set[str] = set()
    for publication in said:
        if (seconds := clock.seconds_to(publication.at)) > 0 and wait(seconds):
            break
        told.at = publication.at
        device = devices[publication.topic.asset_id]
        if publication.topic.kind is Kind.STATUS:
            _link(publication, device, cut, told)
        else:
            events = [event for event in publication.events if not _is_own(event)]
            if events:
                device.publish(publication.topic.kind, [_happened(event) for event in events])
                told.messages += 1
                told.events += len(events)
        tally(told)
    for asset_id in cut:
        devices[asset_id].restore()
    return told


def _link(publication: Publication, device: Connected, cut: set[str], told: Told) -> None:
    asset_id = publication.topic.asset_id
    if publication.events[0]["event_type"] == "device.disconnected":
        device.cut()
        cut.add(asset_id)
        told.cuts += 1
    elif asset_id in cut:
        device.restore()
        cut.discard(asset_id)


def _is_own(event: Mapping[str, object]) -> bool:
    return event["event_type"] == "link.restored"


def _happened(event: Mapping[str, object]) -> Happened:
    read = read_event(msgspec.json.encode(event))
    return Happened(read.occurred_at, read.data)  # type: ignore[arg-type]
