"""What a simulated shuffler says: the events that add up to its hours, as it publishes them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from pitboss.events.envelope import SCHEMA_VERSION, event_type_of
from pitboss.events.shuffler import MAX_EVENTS
from pitboss.shufflers.topics import Kind, Topic
from workbench.shuffling import parameters as p
from workbench.shuffling.device import (
    BOUNDS,
    CYCLE_NOISE,
    DOOR_MS,
    HAND_JAM_MS,
    OF_CYCLE,
    OWN_JAM_MS,
    REPORT_NOISE,
    REPORTED,
    Day,
    ShufflerDevice,
    energy,
)
from workbench.shuffling.parameters import PARTS
from workbench.shuffling.plan import DAY_HOURS, HOUR_MS, Floats, Integers, ShufflerPlan

KEEP_ALIVE_MS = 90_000
"""After so long without a word the broker publishes a device's last will."""

_STATUS = {"device.connected", "device.disconnected"}
_LOST = "the link is lost"
"""What a device cannot say."""

_LONGEST_MS = 31_536_000_000
_EVENTS = 4
"""What the stream of chance is for; see `workbench.shuffling.device`."""

type Envelope = dict[str, Any]
"""One event as JSON has it: the fields of `pitboss.events.envelope.Envelope`."""


class Said(NamedTuple):
    """An event before it has its envelope."""

    at: int
    """Epoch ms by the device's clock."""
    event_type: str
    data: Mapping[str, Any]


class Publication(NamedTuple):
    """One message of a device."""

    at: int
    """When it is published, true epoch ms."""
    topic: Topic
    events: list[Envelope]

    @property
    def payload(self) -> bytes:
        """What is published: `pitboss.events.shuffler.Message` as JSON."""
        return msgspec.json.encode({"events": self.events})


class Voice:
    """Publishes what happens to a device, day by day."""

    def __init__(self, device: ShufflerDevice) -> None:
        """The voice of a device before its first day."""
        self._device = device
        self._plan = device.plan
        self._sequence = 0
        self._booted_at = device.plan.first_ms - 3_600_000 * (1 + device.index % 48)
        self._held: list[Publication] = []
        self._losses = 0
        self._will: Envelope | None = None
        self._topics = {
            kind: Topic(device.plan.property_id, device.asset_id, kind) for kind in Kind
        }

    def publications(self, day: Day) -> list[Publication]:
        """What is published before the next day's first word, in order of time.

        Args:
            day: the day that the device was just advanced by.
        """
        chance = np.random.default_rng((self._plan.seed, self._device.index, _EVENTS, day.number))
        if self._will is None:
            self._connect(self._plan.first_ms)
        losses = self._device.link_losses
        said = _said(self._device, day, chance)
        said += [Said(lost_at, _LOST, {}) for lost_at, _ in losses[self._losses :]]
        self._losses = len(losses)
        said.sort(key=lambda one: one.at)
        self._publish(said, chance.integers(20, 400, size=len(said)).tolist())
        self._held.sort(key=lambda one: one.at)
        until = (day.first_hour + DAY_HOURS) * HOUR_MS - self._device.clock_skew_ms
        ready = [one for one in self._held if one.at < until]
        self._held = self._held[len(ready) :]
        return ready

    def rest(self) -> list[Publication]:
        """What is published after the last day: kept while the link was down."""
        rest, self._held = self._held, []
        return rest

    # --- publishing -------------------------------------------------------------------------------

    def _connect(self, at: int) -> None:
        """Its last will is written when a device connects, and published when it is lost."""
        connected = Said(at, "device.connected", {"firmware": self._device.firmware})
        self._send(at + 10, Kind.STATUS, [self._enveloped(connected)])
        self._will = self._enveloped(Said(at, "device.disconnected", {"is_last_will": True}))

    def _send(self, at: int, kind: Kind, events: list[Envelope]) -> None:
        topic = self._topics[kind]
        self._held.append(Publication(at - self._device.clock_skew_ms, topic, events))

    def _publish(self, said: list[Said], delays: list[int]) -> None:
        """One message for each event, but for those that are kept until the link is back."""
        losses = self._device.link_losses[-3:]
        kept: dict[int, list[Envelope]] = {}
        for one, delay in zip(said, delays, strict=True):
            restored_at = next((end for start, end in losses if start <= one.at < end), None)
            if one.event_type is _LOST:
                assert restored_at is not None
                assert self._will is not None
                self._send(min(one.at + KEEP_ALIVE_MS, restored_at), Kind.STATUS, [self._will])
                continue
            if one.event_type == "link.restored":
                self._connect(one.at)
            event = self._enveloped(one)
            if restored_at is None:
                self._send(one.at + delay, _kind(one.event_type), [event])
            else:
                kept.setdefault(restored_at, []).append(event)
        for restored_at, events in kept.items():
            for kind in (Kind.EVENTS, Kind.TELEMETRY):
                of = [event for event in events if _kind(event["event_type"]) is kind]
                for start in range(0, len(of), MAX_EVENTS):
                    self._send(restored_at + 50 + start, kind, of[start : start + MAX_EVENTS])

    def _enveloped(self, one: Said) -> Envelope:
        data = one.data
        if one.event_type == "telemetry.reported":
            uptime = min(one.at - self._booted_at, _LONGEST_MS)
            data = {"uptime_ms": uptime, **data}
        elif one.event_type == "firmware.changed" or data.get("down_ms"):
            self._booted_at = one.at
        self._sequence += 1
        return {
            "event_id": f"s{self._sequence}",
            "event_type": one.event_type,
            "schema_version": SCHEMA_VERSION,
            "property_id": self._plan.property_id,
            "asset_id": self._device.asset_id,
            "occurred_at": one.at,
            "sequence": self._sequence,
            "data": data,
        }


def publications(plan: ShufflerPlan, index: int) -> Iterator[Publication]:
    """All that one device of a plan publishes, in order of time."""
    device = ShufflerDevice(plan, index)
    voice = Voice(device)
    for _ in range(plan.days):
        yield from voice.publications(device.advance(device.due()))
    yield from voice.rest()


def _kind(event_type: str) -> Kind:
    if event_type == "telemetry.reported":
        return Kind.TELEMETRY
    return Kind.STATUS if event_type in _STATUS else Kind.EVENTS


def _said(device: ShufflerDevice, day: Day, chance: np.random.Generator) -> list[Said]:
    said = [
        Said(at, event_type_of(type(data)), msgspec.structs.asdict(data))
        for at, data in day.happened
    ]
    said += _reports(device, day, chance)
    for hour in np.flatnonzero(day.works_to > day.works_from).tolist():
        said += _shuffles(device, day, hour, chance)
        said += _troubles(device, day, hour, chance)
    if day.opened_at is not None:
        start = (day.first_hour + day.opened_at) * HOUR_MS + int(day.works_from[day.opened_at])
        said.append(Said(start, "door.opened", {}))
        closed_at = min(start + DOOR_MS, _end(day, day.opened_at) - 1)
        said.append(Said(closed_at, "door.closed", {"duration_ms": DOOR_MS}))
    return said


def _end(day: Day, hour: int) -> int:
    return (day.first_hour + hour) * HOUR_MS + int(day.works_to[hour])


def _reports(device: ShufflerDevice, day: Day, chance: np.random.Generator) -> list[Said]:
    number = device.plan.reports_an_hour
    step = HOUR_MS // number
    noise = np.tile([REPORT_NOISE[name] for name in REPORTED], (DAY_HOURS, 1))
    motor = REPORTED.index("motor_ma")
    noise[:, motor] *= np.maximum(day.busy, 0.02)
    sums = np.column_stack([day.sums[f"report_{name}"] for name in REPORTED])
    shown = split(sums, number, noise, np.array([BOUNDS[name] for name in REPORTED]), chance)
    # In service: what of the time since the report before lies in that of the hour.
    ends = step * np.arange(1, number + 1)
    works = np.minimum(ends, day.works_to[:, None]) - np.maximum(
        ends - step, day.works_from[:, None]
    )
    works = np.maximum(works, 0)
    idle_j, joules = energy(device.plan.report_seconds)
    at = (day.first_hour + np.arange(DAY_HOURS))[:, None] * HOUR_MS + ends - device.report_lag_ms
    rows = zip(
        at.ravel().tolist(),
        works.ravel().tolist(),
        shown.reshape(-1, len(REPORTED)).tolist(),
        strict=True,
    )
    return [
        Said(
            moment,
            "telemetry.reported",
            {
                "operating_ms": operating,
                **dict(zip(REPORTED, values, strict=True)),
                "energy_j": idle_j + joules * values[motor],
            },
        )
        for moment, operating, values in rows
    ]


def _shuffles(
    device: ShufflerDevice, day: Day, hour: int, chance: np.random.Generator
) -> list[Said]:
    sums = {name: int(column[hour]) for name, column in day.sums.items()}
    cycles = sums["cycles"]
    if not cycles:
        return []
    kind = device.kind
    names = ("cycle_ms", *(f"cycle_{name}" for name in OF_CYCLE[1:]))
    totals = np.array([[sums[name] for name in names]])
    totals[0, 0] -= sums["card_retries"] * p.RETRY_MS
    noise = np.array([[CYCLE_NOISE[name] for name in OF_CYCLE]])
    noise[0, 0] *= kind.cycle_ms
    bounds = np.array([BOUNDS[name] for name in OF_CYCLE])
    shown = split(totals, cycles, noise, bounds, chance)[0].tolist()
    retries = chance.multinomial(sums["card_retries"], np.full(cycles, 1 / cycles)).tolist()
    rounds = _evenly(sums["rounds"], cycles)
    dealing = _evenly(sums["dealing_ms"], cycles)
    ats = _spread(day, hour, cycles, chance)
    said = []
    for place, at in enumerate(ats):
        cycle_ms, *rest = shown[place]
        data = {
            "table_id": device.table_id,
            "cycle_ms": cycle_ms + retries[place] * p.RETRY_MS,
            "cards": kind.decks * 52,
            "decks": kind.decks,
            "rounds": rounds[place],
            "dealing_ms": dealing[place],
            **dict(zip(OF_CYCLE[1:], rest, strict=True)),
            "retries": retries[place],
        }
        said.append(Said(at, "shuffle.completed", data))
    return said


def _troubles(
    device: ShufflerDevice, day: Day, hour: int, chance: np.random.Generator
) -> list[Said]:
    """Jams, misreads, miscounts, and faults that are no failures."""
    said: list[Said] = []
    begin, end = _end(day, hour) - _span(day, hour), _end(day, hour)
    jams = day.jams[hour]
    if jams.any():
        recovered = day.jams_recovered[hour]
        by_hand_ms = int(day.unrecovered_ms[hour])
        own_ms = int(day.sums["jam_ms"][hour]) - by_hand_ms
        for numbers, all_ms, spread, bounds, by_itself in (
            (recovered, own_ms, 4_000.0, OWN_JAM_MS, True),
            (jams - recovered, by_hand_ms, 50_000.0, HAND_JAM_MS, False),
        ):
            parts = np.repeat(np.arange(len(p.JAMMING)), numbers).tolist()
            if not parts:
                continue
            lasted = split(
                np.array([[all_ms]]), len(parts), np.array([[spread]]), np.array([bounds]), chance
            )[0, :, 0].tolist()
            ats = _at_random(begin, end, len(parts), chance)
            for part, at, duration in zip(parts, ats, lasted, strict=True):
                data = {"part": p.JAMMING[part], "duration_ms": duration, "recovered": by_itself}
                if not by_itself:
                    said.append(Said(max(begin, at - duration), "door.opened", {}))
                    said.append(Said(at, "door.closed", {"duration_ms": duration}))
                said.append(Said(at, "jam.cleared", data))
    for at in _at_random(begin, end, int(day.sums["misreads"][hour]), chance):
        shown = int(chance.integers(1_500, 6_000))
        said.append(Said(at, "card.misread", {"recognition_bp": shown}))
    cards = device.kind.decks * 52
    for at in _at_random(begin, end, int(day.sums["miscounts"][hour]), chance):
        counted = cards + (1 if chance.random() < 0.3 else -1)
        said.append(Said(at, "cards.miscounted", {"expected": cards, "counted": counted}))
    for place in np.flatnonzero(day.warnings[hour]).tolist():
        warned = PARTS[place]
        for at in _at_random(begin, end, int(day.warnings[hour, place]), chance):
            fault = {"code": f"{warned}-warning", "part": warned, "is_failure": False}
            said.append(Said(at, "fault.raised", fault))
            cleared_at = min(at + int(chance.integers(20_000, 600_000)), end - 1)
            said.append(Said(cleared_at, "fault.cleared", fault | {"down_ms": 0}))
    return said


def _span(day: Day, hour: int) -> int:
    return int(day.works_to[hour] - day.works_from[hour])


def _spread(day: Day, hour: int, number: int, chance: np.random.Generator) -> list[int]:
    """Moments of an hour in service, one in each of so many equal parts of it."""
    span = _span(day, hour)
    within = (np.arange(number) + chance.random(number)) * (span / number)
    begin = _end(day, hour) - span
    return [begin + int(moment) for moment in within.tolist()]


def _at_random(begin: int, end: int, number: int, chance: np.random.Generator) -> list[int]:
    if not number:
        return []
    return sorted(int(at) for at in chance.integers(begin, end, size=number).tolist())


def _evenly(whole: int, number: int) -> list[int]:
    each, more = divmod(whole, number)
    return [each + (place < more) for place in range(number)]


def split(
    totals: Integers, number: int, noise: Floats, bounds: Integers, chance: np.random.Generator
) -> Integers:
    """Measurements that add up to totals, each with a normal noise and within what it may be.

    Args:
        totals: by hour and channel, within `number` times the bounds.
        number: measurements of an hour.
        noise: by hour and channel.
        bounds: least and most, by channel.

    Returns:
        Whole numbers by hour, measurement and channel.
    """
    mean = totals / number
    off = chance.standard_normal((len(totals), number, totals.shape[1])) * noise[:, None]
    off -= off.mean(axis=1, keepdims=True)
    # Where a measurement would leave its bounds, the hour's are drawn together; rounding up takes
    # one more.
    least, most = bounds[:, 0], bounds[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        down = np.where(off.min(axis=1) < 0, (mean - least) / -off.min(axis=1), 1.0)
        up = np.where(off.max(axis=1) > 0, (most - 1 - mean) / off.max(axis=1), 1.0)
    off *= np.clip(np.minimum(down, up), 0.0, 1.0)[:, None]
    found = np.floor(mean[:, None] + off).astype(np.int64)
    # Rounding down always leaves less than one a measurement, but for what floats cannot hold.
    left = totals - found.sum(axis=1)
    each, more = np.divmod(left, number)
    found += each[:, None]
    found += np.arange(number)[None, :, None] < more[:, None]
    return found
