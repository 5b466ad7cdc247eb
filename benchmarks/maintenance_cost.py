"""What recommended maintenance costs, on simulated shufflers that no model has seen.

Models learn from devices that ran to failure. Others, of another seed, then live through the same
year under four policies: run to failure; the best fixed intervals (searched for on these devices
themselves, part by part, which flatters them); the recommendations; and an oracle that has each
part replaced on the day before it would fail, where that helps. A policy is told at a day's end and
the work is done on the day after. Costs are those of `maintenance_costs.toml`, with the hours that
the devices really were out of service.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from pitboss.events.shuffler import Part
from pitboss.shufflers.costs import EVERY_OTHER, HOURS_A_MONTH, Costs, shipped
from pitboss.shufflers.histories import History
from pitboss.shufflers.hours import NEEDED, history_of
from pitboss.shufflers.maintenance import SETTLING_MS, Prospect, Urgency, advise
from pitboss.shufflers.outlook import Outlook, coarse, learn, lives_of, seen
from workbench.console import say
from workbench.report import charts
from workbench.report.charts import LIGHT, box, line, write
from workbench.shuffling.device import Day, ShufflerDevice
from workbench.shuffling.parameters import WEARING
from workbench.shuffling.plan import DAY_HOURS, HOUR_MS, ShufflerPlan

LEARN_DEVICES, LEARN_DAYS, LEARN_SEED = 120, 730, 11
UNSEEN_DEVICES, UNSEEN_SEED = 40, 2_011
BEFORE_DAYS = 365
"""Unseen devices have run to failure for so long when the policies begin."""
JUDGED_DAYS = 365

INTERVALS = (0.4, 0.55, 0.7, 0.85, 1.0, 1.2)
"""Fixed intervals that are tried, as shares of a part's mean life in hours of operation."""

BUDGETS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Alerts a device-month, at most, that the warnings are judged at."""

TIMELY_HOURS = 720.0
"""A warning is true where its part fails within so long: 30 days. Earlier ones cost life."""

GOAL_TO_FAILURE, GOAL_TO_INTERVALS = 0.60, 0.80


class Spent(NamedTuple):
    """What a policy came to."""

    cents: int
    failures: int
    planned: int
    months: float
    by_part: dict[Part, int]
    """Cents."""

    @property
    def cents_a_month(self) -> float:
        """Of a device."""
        return self.cents / self.months


class _Watched:
    """A device, and its days as the models see them."""

    def __init__(self, device: ShufflerDevice) -> None:
        self.device = device
        self._days: list[History] = []

    def fork(self) -> "_Watched":
        """The same device, to be advanced on its own."""
        found = _Watched(_fork(self.device))
        found._days = self._days.copy()
        return found

    def advance(self, orders: Iterable[Part] = ()) -> None:
        """The next day."""
        day = self.device.advance(list(orders))
        self._days.append(_of_day(day, self.device))

    def seen(self) -> History:
        """What is known so far: the same as `outlook.seen` makes of all hours, made by the day."""
        days, first = self._days, self.device.plan.first_hour
        readings = {n: np.concatenate([d.readings[n] for d in days]) for n in days[0].readings}
        counts = {n: np.concatenate([d.counts[n] for d in days]) for n in days[0].counts}
        happened = replace(
            history_of(
                self.device.asset_id,
                [first],
                {name: [1] for name in NEEDED},
                *_happenings(self.device),
            ),
            times=np.arange(1, len(days) + 1) * float(DAY_HOURS),  # type: ignore[arg-type]
            readings=readings,
            counts=counts,
            facts=self.device.facts,
        )
        return seen(happened)


def run(picture: Path | None = None) -> dict[str, Any]:
    """Learn, and let the policies live through the year; what each cost."""
    costs = shipped().of(EVERY_OTHER)
    say(f"simulating {LEARN_DEVICES} devices to learn from, {LEARN_DAYS} days each ...")
    plan = ShufflerPlan(count=LEARN_DEVICES, days=LEARN_DAYS, seed=LEARN_SEED)
    histories = [_to_failure(plan, index) for index in range(plan.count)]
    learned = learn(histories, costs, said=lambda text: say(f"learning: {text} ..."))
    outlook = Outlook(learned.model)
    del histories
    say(f"simulating {UNSEEN_DEVICES} devices that no model has seen ...")
    days = BEFORE_DAYS + JUDGED_DAYS
    plan = ShufflerPlan(count=UNSEEN_DEVICES, days=days, seed=UNSEEN_SEED)
    floor = []
    for index in range(plan.count):
        device = _Watched(ShufflerDevice(plan, index))
        for _ in range(BEFORE_DAYS):
            device.advance()
        floor.append(device)
    begin = floor[0].device.now
    ran = _live(floor, lambda _: ())
    spent = {"run to failure": _spent(ran, costs, begin)}
    intervals, spent["fixed intervals"] = _best_intervals(floor, costs, begin)
    say("following the recommendations ...")
    spent["recommendations"] = _spent(_live(floor, _Advised(outlook, costs)), costs, begin)
    say("asking the oracle ...")
    spent["oracle"] = _spent(_live(floor, _oracle), costs, begin)
    figures: dict[str, Any] = {
        "figure": "cost of maintenance and failures on simulated shufflers, unseen",
        "devices": UNSEEN_DEVICES,
        "days": JUDGED_DAYS,
        "best intervals, hours of operation": {
            str(part): "never" if hours is None else round(hours)
            for part, hours in intervals.items()
        },
        "thresholds": {
            str(part): None if value is None else round(value, 4)
            for part, value in outlook.thresholds.items()
        },
        "policies": _policies(spent),
        "warnings": [
            {
                "alerts a device-month, at most": one.budget,
                "precision": round(one.precision, 2),
                "recall": round(one.recall, 2),
                "median lead, days": round(one.lead_hours / 24, 1),
            }
            for one in _warnings(ran, outlook, costs)
        ],
    }
    if picture is not None:
        draw(figures, picture)
        say(f"drew {picture}")
    return figures


def _policies(spent: Mapping[str, Spent]) -> list[dict[str, Any]]:
    goals = {"run to failure": GOAL_TO_FAILURE, "fixed intervals": GOAL_TO_INTERVALS}
    ours = spent["recommendations"].cents_a_month
    return [
        {
            "policy": name,
            "cents a device-month": round(one.cents_a_month),
            "failures": one.failures,
            "planned work": one.planned,
            "recommendations cost, of it": round(ours / one.cents_a_month, 3),
            "goal": goals.get(name),
        }
        for name, one in spent.items()
    ]


# --- policies -------------------------------------------------------------------------------------

type Policy = Callable[[_Watched], Iterable[Part]]


def _live(floor: Sequence[_Watched], policy: Policy) -> list[_Watched]:
    """The judged days of each device under a policy; the floor is as it was."""
    found = []
    for watched in floor:
        one = watched.fork()
        for _ in range(JUDGED_DAYS):
            one.advance(policy(one))
        found.append(one)
    return found


def _after(hours: Mapping[Part, float]) -> Policy:
    def due(one: _Watched) -> list[Part]:
        device = one.device
        since = {p: device.operating_hours - at for p, at in device.installed_at.items()}
        return [part for part, most in hours.items() if since[part] >= most]

    return due


def _best_intervals(
    floor: Sequence[_Watched], costs: Costs, begin: int
) -> tuple[dict[Part, float | None], Spent]:
    """The cheapest interval of each part, or none; what they cost together."""
    never = _spent(_live(floor, lambda _: ()), costs, begin).by_part
    best: dict[Part, tuple[int, float | None]] = {part: (never[part], None) for part in Part}
    for share in INTERVALS:
        say(f"fixed intervals of {share:.0%} of the mean lives ...")
        hours = {p: share * WEARING[p].life_hours for p in Part if WEARING[p].life_hours}
        by_part = _spent(_live(floor, _after(hours)), costs, begin).by_part
        for part, interval in hours.items():
            best[part] = min(best[part], (by_part[part], interval), key=lambda one: one[0])
    chosen = {part: interval for part, (_, interval) in best.items()}
    due = _after({part: hours for part, hours in chosen.items() if hours is not None})
    return chosen, _spent(_live(floor, due), costs, begin)


class _Advised:
    """What is recommended is done the day after; a part that was just mended is left alone."""

    def __init__(self, outlook: Outlook, costs: Costs) -> None:
        self._outlook, self._costs = outlook, costs

    def __call__(self, one: _Watched) -> list[Part]:
        device = one.device
        if device.is_down:
            return []
        settled = device.now - SETTLING_MS
        touched = {work.part for work in device.work if work.at > settled}
        said = self._outlook.probabilities([one.seen()])
        found = []
        for part, (probability,) in said.items():
            prospect = Prospect(part, float(probability), self._outlook.horizon_hours, ())
            advice = advise(prospect, self._costs, self._outlook.thresholds[part], device.now)
            is_due = advice is not None and advice.urgency is not Urgency.PLANNED
            if is_due and part not in touched:
                found.append(part)
        return found


def _oracle(one: _Watched) -> list[Part]:
    """What would fail on the day or on the next, if nothing were done: on the day itself it may be
    too late, for work is done when the table is closed. What fails all the same, for a new part may
    fail by chance as an old one does, is left to fail.
    """
    orders: set[Part] = set()
    helpless: set[Part] = set()
    while True:
        failed = _fail(one.device, orders)
        helpless |= failed & orders
        wanted = (orders | failed) - helpless
        if wanted == orders:
            return sorted(orders)
        orders = wanted


def _fail(device: ShufflerDevice, orders: Iterable[Part]) -> set[Part]:
    """Which parts fail in the next two days, if this is done."""
    trial = _fork(device)
    before = len(trial.failures)
    trial.advance(sorted(orders))
    if trial.day < trial.plan.days:
        trial.advance()
    return {failure.part for failure in trial.failures[before:]}


def _fork(device: ShufflerDevice) -> ShufflerDevice:
    """The same device at the same moment; what is done to it stays with it. The hours before are
    left behind: nothing that is to come depends on them.
    """
    found = copy.copy(device)
    for name, value in vars(device).items():
        if name == "_table":
            setattr(found, name, np.zeros_like(value))
        elif isinstance(value, list | dict | np.ndarray):
            setattr(found, name, value.copy())
    return found


# --- what it comes to -----------------------------------------------------------------------------


def _spent(floor: Iterable[_Watched], costs: Costs, begin: int) -> Spent:
    cents: defaultdict[Part, int] = defaultdict(int)
    failures = planned = 0
    hours = 0.0

    def lost(milliseconds: int) -> int:
        return round(costs.down_cents_an_hour * milliseconds / HOUR_MS)

    for one in floor:
        device = one.device
        hours += (device.now - begin) / HOUR_MS
        for failure in device.failures:
            if failure.at >= begin:
                failures += 1
                down = lost(failure.cleared_at - failure.at)
                cents[failure.part] += costs.parts[failure.part].failure_cents + down
        for work in device.work:
            if work.at >= begin and not work.is_repair:
                planned += 1
                cents[work.part] += costs.parts[work.part].planned_cents + lost(work.down_ms)
    return Spent(sum(cents.values()), failures, planned, hours / HOURS_A_MONTH, cents)


class Warned(NamedTuple):
    """How good warnings are, at a budget."""

    budget: float
    alerts: float
    """A device-month."""
    precision: float
    """Of the alerts, those whose part failed within `TIMELY_HOURS`."""
    recall: float
    """Of the failures, those that were warned of a day before, or earlier."""
    lead_hours: float
    """Median, of the failures that were warned of."""


def _warnings(floor: Sequence[_Watched], outlook: Outlook, costs: Costs) -> list[Warned]:
    """Warnings of parts that nobody mends early: how many come true, and how early they come.

    Each budget is spent on the parts as `best_thresholds` spends it: thresholds are raised or
    lowered together, by the odds.
    """
    lives = []
    hours = 0.0
    for one in floor:
        history = one.seen()
        hours += JUDGED_DAYS * DAY_HOURS
        after = float(BEFORE_DAYS * DAY_HOURS)
        for part, model in outlook.models.items():
            threshold = outlook.thresholds[part]
            if threshold is None:
                continue
            odds = np.log(threshold / (1 - threshold))
            for life in lives_of(history, part, model.predict(history), after):
                said = np.clip(np.asarray(life.probabilities), 1e-9, 1 - 1e-9)
                lives.append((life, np.log(said / (1 - said)) - odds))
    # Failures of parts that no model warns of are not foreseen, and are counted.
    begin = floor[0].device.plan.first_ms + BEFORE_DAYS * DAY_HOURS * HOUR_MS
    failed = sum(f.at >= begin for one in floor for f in one.device.failures)
    months = hours / HOURS_A_MONTH
    highest = sorted((float(above.max()) for _, above in lives if len(above)), reverse=True)
    found = []
    for budget in BUDGETS:
        most = int(budget * months)
        cut = highest[most - 1] if most <= len(highest) else highest[-1]
        cut = max(cut, np.log(0.01))
        true = alerts = 0
        leads = []
        for life, above in lives:
            at = np.flatnonzero(above >= cut)
            if not len(at):
                continue
            alerts += 1
            lead = life.end - life.hours[int(at[0])]
            true += life.failed and lead <= TIMELY_HOURS
            if life.failed and lead >= costs.hours_to_work:
                leads.append(lead)
        found.append(
            Warned(
                budget,
                alerts / months,
                true / max(alerts, 1),
                len(leads) / max(failed, 1),
                median(leads) if leads else 0.0,
            )
        )
    return found


# --- histories ------------------------------------------------------------------------------------


def _to_failure(plan: ShufflerPlan, index: int) -> History:
    """A device's days, in which nothing is replaced before it fails."""
    device = ShufflerDevice(plan, index)
    for _ in range(plan.days):
        device.advance()
    return coarse(device.history())


def _of_day(day: Day, device: ShufflerDevice) -> History:
    hours = range(day.first_hour, day.first_hour + DAY_HOURS)
    sums = {name: day.sums[name] for name in NEEDED}
    return coarse(history_of(device.asset_id, hours, sums))


def _happenings(device: ShufflerDevice) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    return (
        [(one.at, one.part) for one in device.failures if one.at < device.now],
        [(one.at, one.part) for one in device.work if one.at < device.now],
    )


# --- the picture ----------------------------------------------------------------------------------

WIDTH, LEFT, ROW = 720, 150, 30


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Write the picture: what each policy costs, and what warnings are worth at each budget."""
    cents = {one["policy"]: one["cents a device-month"] for one in figures["policies"]}
    warned = figures["warnings"]
    scale = (WIDTH - LEFT - 110) / max(cents.values())
    parts = [write(16, 28, "Cost of maintenance and failures, a device-month", "label strong")]
    for place, (name, value) in enumerate(cents.items()):
        y = 50 + place * ROW
        kind = "second" if name == "recommendations" else "first"
        share = value / cents["run to failure"]
        parts += [
            write(16, y + 14, name, "label"),
            box(LEFT, y, value * scale, 20, kind),
            write(WIDTH - 16, y + 14, f"${value / 100:,.0f}  ({share:.0%})", "label", "end"),
        ]
    top = 50 + len(cents) * ROW + 30
    title = "Warnings, by how many a device and month may have"
    parts.append(write(16, top, title, "label strong"))
    heads = ("at most", "precision", "recall", "median lead")
    columns = (16, 150, 360, 570)
    parts += [write(x, top + 26, head, "note") for x, head in zip(columns, heads, strict=True)]
    for place, (budget, precision, recall, lead) in enumerate(one.values() for one in warned):
        y = top + 40 + place * ROW
        parts += [write(16, y + 14, f"{budget:g} alerts", "label")]
        for x, share in ((150, precision), (360, recall)):
            parts += [
                box(x, y, 140, 20, "none"),
                box(x, y, 140 * share, 20, "first"),
                write(x + 148, y + 14, f"{share:.0%}", "label"),
            ]
        parts.append(write(570, y + 14, f"{lead:.1f} days", "label"))
    height = top + 40 + len(warned) * ROW + 16
    parts.append(line(16, top - 24, WIDTH - 16, top - 24, "grid"))
    style = f"text{{font-family:'Open Sans'}}{charts.SHAPES}{charts.style(LIGHT)}"
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{height}" class="paper"/>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )
