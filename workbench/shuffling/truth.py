"""What is true about simulated shufflers: what was hidden, and sums of what was said.

Nothing here is shared with what reads the events: it counts them by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pitboss.shufflers.topics import Kind
from workbench.shuffling.device import Day, ShufflerDevice
from workbench.shuffling.events import Envelope, Publication
from workbench.shuffling.parameters import PARTS
from workbench.shuffling.plan import HOUR_MS, ShufflerPlan

SUMS = (
    *("cycles", "cycle_ms", "cards", "rounds", "dealing_ms", "reports", "operating_ms", "energy_j"),
    *("jams", "jams_recovered", "misreads", "miscounts", "faults", "failures", "down_ms"),
    "maintenances",
)
"""Of a gaming day, in the words of `pitboss.shufflers.sums.Sums`."""


def count(day: dict[str, int], event_type: str, data: Mapping[str, Any]) -> None:
    """Add an event to the sums of its gaming day, in place."""
    match event_type:
        case "shuffle.completed":
            day["cycles"] += 1
            for name in ("cycle_ms", "cards", "rounds", "dealing_ms"):
                day[name] += data[name]
        case "telemetry.reported":
            day["reports"] += 1
            day["operating_ms"] += data["operating_ms"]
            day["energy_j"] += data["energy_j"]
        case "jam.cleared":
            day["jams"] += 1
            day["jams_recovered"] += data["recovered"]
        case "card.misread":
            day["misreads"] += 1
        case "cards.miscounted":
            day["miscounts"] += 1
        case "fault.raised":
            day["faults"] += 1
            day["failures"] += data["is_failure"]
        case "fault.cleared":
            day["down_ms"] += data["down_ms"]
        case "maintenance.performed":
            day["maintenances"] += 1
            if not data["is_repair"]:
                day["down_ms"] += data["down_ms"]


type DayOf = Callable[[int], str]
"""The gaming day (ISO date) of a moment in epoch ms."""


class Truth:
    """The truth about one device, told day by day and message by message."""

    def __init__(self, device: ShufflerDevice, day_of: DayOf) -> None:
        """Of a device before its first day."""
        self._device = device
        self._day_of = day_of
        self.messages = 0
        self.events = 0
        self.days: dict[str, dict[str, int]] = {}
        """By gaming day."""
        self.wear: list[dict[str, Any]] = []

    def see_day(self, day: Day) -> None:
        """The wear of a day's end."""
        at = (day.first_hour + len(day.wear)) * HOUR_MS
        worn = {part: round(float(w), 5) for part, w in zip(PARTS, self._device.wear, strict=True)}
        self.wear.append({"asset_id": self._device.asset_id, "at": at, "wear": worn})

    def see(self, publication: Publication) -> None:
        """A message, each once."""
        self.messages += 1
        for event in publication.events:
            self.events += 1
            if publication.topic.kind is not Kind.STATUS:
                self._count(event)

    def _count(self, event: Envelope) -> None:
        day = self.days.setdefault(self._day_of(event["occurred_at"]), dict.fromkeys(SUMS, 0))
        count(day, event["event_type"], event["data"])

    def as_json(self) -> dict[str, Any]:
        """The device in `truth.json`."""
        device = self._device
        return {
            "asset_id": device.asset_id,
            "table_id": device.table_id,
            "kind": device.kind.name,
            "decks": device.kind.decks,
            "clock_skew_ms": device.clock_skew_ms,
            "operating_hours": round(device.operating_hours, 3),
            "messages": self.messages,
            "events": self.events,
            "failures": [{**one._asdict(), "wear": round(one.wear, 5)} for one in device.failures],
            "work": [{**one._asdict(), "wear": round(one.wear, 5)} for one in device.work],
            "link_losses": [list(span) for span in device.link_losses],
            "days": dict(sorted(self.days.items())),
        }


def whole_truth(plan: ShufflerPlan, devices: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`truth.json`."""
    return {
        "property_id": plan.property_id,
        "seed": plan.seed,
        "start": plan.first_ms,
        "end": plan.end,
        "gaming_day": plan.gaming_day,
        "report_seconds": plan.report_seconds,
        "replace_after": dict(plan.replace_after),
        "firmwares": [{"day": one.day, "version": one.version} for one in plan.firmwares],
        "devices": list(devices),
    }
