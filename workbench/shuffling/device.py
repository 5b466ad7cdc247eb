"""One simulated shuffler, a day at a time.

What an hour comes to is drawn first (`Day.sums`, in the words of `pitboss.shufflers.sums`), its
single events only where somebody wants them (`workbench.shuffling.events`): they add up to it.

Every day of a device has chance of its own, and so has every part that is ever put in: neither the
number of devices nor what somebody orders changes what else happens to it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from pitboss.events import shuffler as says
from pitboss.events.shuffler import Part
from pitboss.shufflers.histories import History
from pitboss.shufflers.hours import NEEDED, history_of
from workbench.shuffling import parameters as p
from workbench.shuffling.parameters import PARTS, SENSOR, SENSORS, WEARING, TableKind
from workbench.shuffling.plan import DAY_HOURS, HOUR_MS, Floats, Integers, ShufflerPlan

ROLLERS, GRIPPER, ELEVATOR, MOTOR, CAMERA = range(5)
_WORN = (ROLLERS, GRIPPER, ELEVATOR)
_LIVES = np.array([WEARING[part].life_hours or np.inf for part in PARTS])
_BY_CARDS = np.array([WEARING[part].by_cards for part in PARTS])
_RANDOM = np.array([WEARING[part].random_failures for part in PARTS])
_RETENTION = 0.967
"""Of a sensor's drift, what is left of it a day later."""

# What the streams of chance of a device are for.
_ITSELF, _SCHEDULE, _DAY, _PART = range(4)

LEAST_OFFSET, MOST_OFFSET = -5_000, 5_000
BOUNDS: Mapping[str, tuple[int, int]] = {
    "vibration_um_s": (0, 100_000),
    "roller_slip_bp": (0, 10_000),
    "gripper_offset_um": (LEAST_OFFSET, MOST_OFFSET),
    "elevator_offset_um": (LEAST_OFFSET, MOST_OFFSET),
    "motor_ma": (0, 20_000),
    "motor_peak_ma": (0, 40_000),
    "temperature_dc": (-200, 1_500),
    "recognition_bp": (0, 10_000),
    "cycle_ms": (1_000, 3_000_000),
    "supply_mv": (0, 100_000),
}
"""Of one measurement."""


class Failure(NamedTuple):
    """The truth about a failure. Times are epoch ms by the device's clock."""

    part: Part
    cause: str
    """`wear` or `random`."""
    at: int
    cleared_at: int
    """Also where that is after the last day."""
    wear: float
    """Of the part."""


class Work(NamedTuple):
    """Maintenance that was done: planned, or the repair of a failure."""

    part: Part
    at: int
    """When it was over."""
    is_repair: bool
    down_ms: int
    wear: float


class Happened(NamedTuple):
    """An event at its moment."""

    at: int
    data: Struct


@dataclass(slots=True)
class Day:
    """Twenty-four hours of a device. Arrays have a row an hour."""

    number: int
    first_hour: int
    sums: dict[str, Integers]
    """Fields of `pitboss.shufflers.sums.Sums`."""
    works_from: Integers
    """Within the hour, from when the device is in service, ms."""
    works_to: Integers
    """And until when; the same where it is not."""
    jams: Integers
    """By hour and part of `JAMMING`."""
    jams_recovered: Integers
    warnings: Integers
    """Faults that are no failures, by hour and part."""
    unrecovered_ms: Integers
    """Of the jams' time, that of those which the device did not clear."""
    opened_at: int | None
    """The hour of the day in which the table is opened."""
    happened: list[Happened]
    """What has its own moment: failures, repairs, maintenance, firmware, the link."""
    wear: Floats
    """By hour, at its end, and part."""
    busy: Floats
    """Share of the hour in which it shuffles."""


class Tally(NamedTuple):
    """What came of a device so far."""

    failures: int
    random_failures: int
    planned: int
    """Parts replaced before they failed."""
    down_hours: float
    planned_down_hours: float
    operating_hours: float
    cycles: int
    jams: int


class ShufflerDevice:
    """A device that is advanced day by day, under whatever maintenance is ordered.

    Attributes:
        failures, work: the truth about what happened so far.
        installed_at: by part, the operating hours at which the one in it was put in.
    """

    def __init__(self, plan: ShufflerPlan, index: int) -> None:
        """The device with that number (from 0) before its first day."""
        self.plan = plan
        self.index = index
        chance = self._chance(_ITSELF)
        self.asset_id = f"S{index + 1}"
        self.kind: TableKind = p.KINDS[
            int(np.searchsorted(np.cumsum([k.share for k in p.KINDS]), chance.random()))
        ]
        self.table_id = f"{self.kind.code}-{index + 1}"
        self.clock_skew_ms = round(p.CLOCK_SKEW_MS * chance.standard_normal())
        self.report_lag_ms = int(chance.integers(1, plan.report_seconds * 100))
        self.opens = int(chance.integers(9, 18))
        self.open_hours = 24 if chance.random() < 0.15 else int(chance.integers(10, 19))
        self.popular = float(np.exp(0.15 * chance.standard_normal()))
        self._ages = float(np.exp(p.DEVICE_SPREAD * chance.standard_normal()))
        z = chance.standard_normal(len(SENSORS))
        self._levels = np.array(
            [SENSOR[s].level + SENSOR[s].level_spread * z[i] for i, s in enumerate(SENSORS)]
        )
        drifts = np.array([SENSOR[s].drift for s in SENSORS])
        self._drift = drifts * chance.standard_normal(len(SENSORS))
        self._drifting = drifts * np.sqrt(1 - _RETENTION**2)
        self._sides = np.where(chance.random(2) < 0.5, -1.0, 1.0)
        """Which way the gripper and the elevator go off."""
        self.wear = np.where(np.isfinite(_LIVES), p.WEAR_AT_START * chance.random(len(PARTS)), 0.0)
        self._rollout = chance.integers(0, p.ROLLOUT_DAYS + 1, size=len(plan.firmwares))
        self._firmware = plan.firmwares[0]
        self._put_in = dict.fromkeys(PARTS, 0)
        self._rates = np.array([self._rate(part) for part in PARTS])

        self.day = 0
        self.operating_hours = 0.0
        self.installed_at = dict.fromkeys(PARTS, 0.0)
        self.failures: list[Failure] = []
        self.work: list[Work] = []
        self._works_at = 0
        """From when it is in service again, epoch ms."""
        self.link_losses: list[tuple[int, int]] = []
        """From when until when, by its clock."""
        self._shoe = 0.0
        self._pending: list[Happened] = []
        self._table = np.zeros((plan.hours, len(SUMMED)), dtype=np.int64)
        """What every hour came to."""
        self._schedule = _Schedule(self, self._chance(_SCHEDULE))

    # --- what others may see ----------------------------------------------------------------------

    @property
    def firmware(self) -> str:
        """The version that it runs."""
        return self._firmware.version

    @property
    def now(self) -> int:
        """The first moment of the day to come, epoch ms."""
        return self.plan.first_ms + self.day * DAY_HOURS * HOUR_MS

    @property
    def is_down(self) -> bool:
        """Whether it is out of service now."""
        return self._works_at > self.now

    @property
    def facts(self) -> dict[str, float]:
        """What does not change, and is known."""
        return {"decks": float(self.kind.decks)}

    def history(self) -> History:
        """What is known of it after the days so far, at least one: nothing of its wear."""
        hours = self.day * DAY_HOURS
        return history_of(
            self.asset_id,
            range(self.plan.first_hour, self.plan.first_hour + hours),
            {name: self._table[:hours, SUMMED.index(name)] for name in NEEDED},
            [(one.at, one.part) for one in self.failures if one.at < self.now],
            [(one.at, one.part) for one in self.work if one.at < self.now],
            self.facts,
        )

    def tally(self) -> Tally:
        """Counts of the days so far."""
        hours = slice(0, self.day * DAY_HOURS)
        planned = [one for one in self.work if not one.is_repair]
        failed_ms = sum(one.cleared_at - one.at for one in self.failures)
        planned_ms = sum(one.down_ms for one in planned)
        return Tally(
            len(self.failures),
            sum(one.cause == "random" for one in self.failures),
            len(planned),
            failed_ms / HOUR_MS,
            planned_ms / HOUR_MS,
            self.operating_hours,
            int(self._table[hours, SUMMED.index("cycles")].sum()),
            int(self._table[hours, SUMMED.index("jams")].sum()),
        )

    # --- a day ------------------------------------------------------------------------------------

    def advance(self, orders: Collection[Part] = ()) -> Day:
        """The next day.

        Args:
            orders: parts to replace in it, in the first hour in which the table is closed, else in
                the first; once the device works, where it does not.
        """
        if self.day >= self.plan.days:
            raise ValueError(f"{self.asset_id} has no day after its {self.plan.days}")
        chances = _Chances(self._chance(_DAY, self.day))
        day = self._begin()
        hour = 0
        if orders:
            hour = self._work_hour()
            self._operate(day, chances, 0, hour)
            self._replace_planned(orders, day, hour, chances)
        self._operate(day, chances, hour, DAY_HOURS)
        self._settle(day, chances)
        self._count(day, chances)
        self._sense(day, chances)
        self.day += 1
        return day

    def due(self) -> list[Part]:
        """Parts that the plan's fixed intervals say are to be replaced."""
        return [
            part
            for part, hours in self.plan.replace_after.items()
            if self.operating_hours - self.installed_at[part] >= hours
        ]

    # --- chance -----------------------------------------------------------------------------------

    def _chance(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.plan.seed, self.index, *purpose))

    def _rate(self, part: Part) -> float:
        """Wear of the part in place per hour of operation at the usual load."""
        place = PARTS.index(part)
        if not np.isfinite(_LIVES[place]):
            return 0.0
        chance = self._chance(_PART, place, self._put_in[part])
        spread = float(np.exp(p.PART_SPREAD * chance.standard_normal()))
        return self._ages * spread / float(_LIVES[place])

    # --- the parts of a day -----------------------------------------------------------------------

    def _begin(self) -> Day:
        """A day in which nothing has happened yet."""
        table = self._table[self.day * DAY_HOURS : (self.day + 1) * DAY_HOURS]
        works_from, works_to, by_hand = np.zeros((3, DAY_HOURS), dtype=np.int64)
        jams, recovered = np.zeros((2, DAY_HOURS, len(p.JAMMING)), dtype=np.int64)
        warnings, wear = np.zeros((2, DAY_HOURS, len(PARTS)))
        return Day(
            number=self.day,
            first_hour=self.plan.first_hour + self.day * DAY_HOURS,
            sums={name: table[:, place] for place, name in enumerate(SUMMED)},
            works_from=works_from,
            works_to=works_to,
            jams=jams,
            jams_recovered=recovered,
            warnings=warnings.astype(np.int64),
            unrecovered_ms=by_hand,
            opened_at=None,
            happened=[],
            wear=wear,
            busy=np.zeros(DAY_HOURS),
        )

    def _work_hour(self) -> int:
        """In which hour of the day planned work begins; 24 where the device is down throughout."""
        late = max(0, -(-(self._works_at - self.now) // HOUR_MS))
        closed = np.flatnonzero(~self._schedule.is_open[self.day * DAY_HOURS :][:DAY_HOURS])
        quiet = [int(hour) for hour in closed if hour >= late]
        return quiet[0] if quiet else min(late, DAY_HOURS)

    def _replace_planned(
        self, orders: Collection[Part], day: Day, hour: int, chances: "_Chances"
    ) -> None:
        if hour >= DAY_HOURS:  # it is down all day: who repairs it has no time for more
            return
        start = max((day.first_hour + hour) * HOUR_MS, self._works_at)
        for part in sorted(set(orders), key=PARTS.index):
            z = chances.planned_z[PARTS.index(part)]
            minutes = WEARING[part].planned_minutes * float(np.exp(p.PLANNED_SPREAD * z))
            down_ms = round(minutes * 60_000)
            start += down_ms
            done = says.MaintenancePerformed(part, "replaced", down_ms)
            self._pending.append(Happened(start, done))
            self.work.append(Work(part, start, False, down_ms, self._worn(part)))
            self._put_new(part)
        self._works_at = start

    def _worn(self, part: Part) -> float:
        return float(self.wear[PARTS.index(part)])

    def _put_new(self, part: Part) -> None:
        place = PARTS.index(part)
        self.wear[place] = 0.0
        self._put_in[part] += 1
        self.installed_at[part] = self.operating_hours
        self._rates[place] = self._rate(part)

    def _operate(self, day: Day, chances: "_Chances", hour: int, until: int) -> None:
        """Wear, and fail, from one hour to another."""
        while hour < until:
            hour = self._until_failure(day, chances, hour, until)

    def _until_failure(self, day: Day, chances: "_Chances", hour: int, until: int) -> int:
        """Operate to the first failure, or to the end; returns the hour to go on with."""
        span = slice(hour, until)
        planned = self._schedule
        today = slice(self.day * DAY_HOURS + hour, self.day * DAY_HOURS + until)
        share = planned.is_open[today].astype(np.float64)
        begins = np.zeros(until - hour, dtype=np.int64)
        if self._works_at > (day.first_hour + hour) * HOUR_MS:
            starts = np.arange(day.first_hour + hour, day.first_hour + until) * HOUR_MS
            begins = np.minimum(np.maximum(self._works_at - starts, 0), HOUR_MS)
            share *= 1.0 - begins / HOUR_MS
        grows = self._rates * (p.SLOW_START + p.SPEEDING_UP * self.wear)
        grown = planned.load[today] * chances.wears[span]
        grown *= grows
        grown *= share[:, None]
        wear = self.wear + grown.cumsum(axis=0)
        worn_out = p.FAILING_AT_ONE * np.minimum(wear, 1.2) ** p.FAILING_POWER
        by_wear = chances.fails[0, span] < -np.expm1(-worn_out * share[:, None])
        by_chance = chances.fails[1, span] < -np.expm1(-_RANDOM * share[:, None])
        failing = (by_wear | by_chance).any(axis=1).nonzero()[0]
        last = int(failing[0]) if len(failing) else until - hour - 1
        if len(failing):
            share[last] *= chances.moment[hour + last]
            wear[last] -= grown[last] * (1.0 - chances.moment[hour + last])
        done, kept = slice(hour, hour + last + 1), slice(0, last + 1)
        share = share[kept]
        shoes = self._shoe + (planned.shoes[today][kept] * share).cumsum()
        whole = np.floor(shoes)
        cycles = whole.copy()
        cycles[1:] -= whole[:-1]
        self._shoe = float(shoes[-1] % 1.0)
        self.wear = wear[last].copy()
        day.wear[done] = wear[kept]
        works_ms = (share * HOUR_MS).astype(np.int64)
        day.works_from[done] = begins[kept]
        day.works_to[done] = begins[kept] + works_ms
        day.sums["cycles"][done] = cycles
        day.sums["rounds"][done] = np.rint(cycles * planned.rounds[today][kept])
        self.operating_hours += float(works_ms.sum()) / HOUR_MS
        if len(failing):
            at = (day.first_hour + hour + last) * HOUR_MS + int(day.works_to[hour + last])
            wears = by_wear[last].nonzero()[0]
            if len(wears):
                self._fail(day, PARTS[wears[0]], "wear", at, chances)
            else:
                self._fail(day, PARTS[by_chance[last].nonzero()[0][0]], "random", at, chances)
        return hour + last + 1

    def _fail(self, day: Day, part: Part, cause: str, at: int, chances: "_Chances") -> None:
        z = chances.down_z[len(self.failures) % len(chances.down_z)]
        minutes = WEARING[part].failed_minutes * float(np.exp(p.DOWN_SPREAD * z))
        minutes = min(max(minutes, p.LEAST_DOWN_MINUTES), p.MOST_DOWN_MINUTES)
        cleared_at = at + round(minutes * 60_000)
        code = f"{part}-failed"
        repaired = says.MaintenancePerformed(part, "replaced", 0, is_repair=True)
        cleared = says.FaultCleared(code, part, cleared_at - at, is_failure=True)
        self._pending += [
            Happened(at, says.FaultRaised(code, part, is_failure=True)),
            Happened(cleared_at - 60_000, repaired),
            Happened(cleared_at, cleared),
        ]
        self.failures.append(Failure(part, cause, at, cleared_at, self._worn(part)))
        self.work.append(Work(part, cleared_at - 60_000, True, 0, self._worn(part)))
        self._put_new(part)
        self._works_at = cleared_at

    def _settle(self, day: Day, chances: "_Chances") -> None:
        """What happens at a moment of its own, whatever the hour comes to."""
        start = day.first_hour * HOUR_MS
        for release, rollout in zip(self.plan.firmwares, self._rollout, strict=True):
            if release.day and release.day + rollout == self.day:
                self._firmware = release
                at = start + round(chances.once[0] * HOUR_MS)
                self._pending.append(Happened(at, says.FirmwareChanged(release.version)))
        lost_at = start + round(chances.once[1] * DAY_HOURS * HOUR_MS)
        if chances.once[2] < p.LINK_LOSSES_A_DAY and (
            not self.link_losses or lost_at > self.link_losses[-1][1]
        ):
            minutes = p.LINK_DOWN_MINUTES * float(np.exp(p.LINK_DOWN_SPREAD * chances.link_z))
            down_ms = round(min(max(minutes, 0.5), p.LINK_DOWN_MOST) * 60_000)
            self.link_losses.append((lost_at, lost_at + down_ms))
            self._pending.append(Happened(lost_at + down_ms, says.LinkRestored(down_ms)))
        end = start + DAY_HOURS * HOUR_MS
        self._pending.sort(key=lambda one: one.at)
        day.happened = [one for one in self._pending if one.at < end]
        self._pending = [one for one in self._pending if one.at >= end]
        for at, data in day.happened:
            hour = at // HOUR_MS - day.first_hour
            for name, more in _adds(data):
                day.sums[name][hour] += more

    def _count(self, day: Day, chances: "_Chances") -> None:
        """How often what happens, of the hours as they were."""
        sums = day.sums
        wear = np.minimum(day.wear, 1.2)
        cards = sums["cycles"] * (self.kind.decks * 52)
        sums["cards"][:] = cards
        pace = self._schedule.pace[self.day * DAY_HOURS :][:DAY_HOURS]
        sums["dealing_ms"][:] = np.rint(sums["rounds"] * HOUR_MS / pace)
        sums["operating_ms"][:] = day.works_to - day.works_from
        rates = _rates_of_counts(cards, sums["cycles"], sums["operating_ms"], wear)
        counted = chances.rest.poisson(rates)
        day.jams = counted[:, :3]
        for place, name in enumerate(("card_retries", "misreads", "miscounts"), start=3):
            sums[name][:] = counted[:, place]
        day.warnings = counted[:, 6:]
        sums["faults"] += day.warnings.sum(axis=1)
        if day.jams.any():
            self._jam(day, wear, chances)
        # Cards are changed when a table opens.
        opened = self._schedule.opening[self.day * DAY_HOURS :][:DAY_HOURS].nonzero()[0]
        if len(opened) and day.works_to[opened[0]] > day.works_from[opened[0]]:
            day.opened_at = int(opened[0])
            sums["door_openings"][opened[0]] += 1
            sums["door_open_ms"][opened[0]] += DOOR_MS

    def _jam(self, day: Day, wear: Floats, chances: "_Chances") -> None:
        sums = day.sums
        likely = p.RECOVERED - p.RECOVERED_WORN * np.square(wear[:, _WORN])
        day.jams_recovered = chances.rest.binomial(day.jams, np.clip(likely, 0.05, 1.0))
        jams, recovered = day.jams.sum(axis=1), day.jams_recovered.sum(axis=1)
        by_hand = jams - recovered
        z = chances.rest.standard_normal((2, DAY_HOURS))
        own_ms = total(recovered, 14_000.0, 4_000.0, z[0], *OWN_JAM_MS)
        day.unrecovered_ms = total(by_hand, 150_000.0, 50_000.0, z[1], *HAND_JAM_MS)
        sums["jams"][:], sums["jams_recovered"][:] = jams, recovered
        sums["jam_ms"][:] = own_ms + day.unrecovered_ms
        # The door is open for as long as somebody is at a jam.
        sums["door_openings"] += by_hand
        sums["door_open_ms"] += day.unrecovered_ms

    def _sense(self, day: Day, chances: "_Chances") -> None:
        """What the sensors show of the hours as they were."""
        self._drift = _RETENTION * self._drift + self._drifting * chances.drift_z
        level = self._levels + self._drift + self._firmware.shifts * _FIRMWARE_SHIFTS
        squares = np.square(np.minimum(day.wear, 1.2))
        gained = squares @ _GAINS
        gained[:, _SIDED] *= self._sides
        measured = level + np.where(_RELATIVE, level, 1.0) * gained
        ambient = self._schedule.ambient[self.day * DAY_HOURS :][:DAY_HOURS]
        motor = measured[:, _MOTOR_MA]
        motor -= level[_MOTOR_MA] * p.MOTOR_COLDER * (ambient - p.USUAL_AMBIENT)
        cycle_ms = measured[:, _CYCLE_MS]
        cycle_ms *= self.kind.cycle_ms
        cycles = day.sums["cycles"]
        busy = np.minimum(cycles * cycle_ms / HOUR_MS, 1.0)
        day.busy = busy
        measured[:, _TEMPERATURE] += ambient + p.WARM_INSIDE
        hot = measured[:, _TEMPERATURE] + p.WARM_SHUFFLING
        measured[:, _TEMPERATURE] += p.WARM_BUSY * busy - gained[:, _TEMPERATURE] * (1 - busy)

        table = self._table[self.day * DAY_HOURS : (self.day + 1) * DAY_HOURS]
        reports = self.plan.reports_an_hour
        day.sums["reports"][:] = reports
        shown = np.empty((DAY_HOURS, len(REPORTED)))
        shown[:, _TELEMETRY] = measured[:, _TELEMETRY]
        shown[:, _REPORTED_MOTOR] = p.IDLE_MOTOR_MA + busy * motor
        shown[:, -1] = p.SUPPLY_MV
        noise = np.tile(_REPORTED_NOISE, (DAY_HOURS, 1))
        noise[:, _REPORTED_MOTOR] *= np.maximum(busy, 0.02)
        z = chances.shows[:, : len(REPORTED)]
        table[:, _REPORT_COLUMNS] = total(reports, shown, noise, z, *_REPORT_BOUNDS)
        idle_j, joules = energy(self.plan.report_seconds)
        day.sums["energy_j"][:] = reports * idle_j + joules * day.sums["report_motor_ma"]

        of_cycle = np.column_stack(
            (cycle_ms, motor, motor * p.PEAK, hot, measured[:, _RECOGNITION])
        )
        noises = _CYCLE_NOISE * np.array([self.kind.cycle_ms, 1.0, 1.0, 1.0, 1.0])
        z = chances.shows[:, len(REPORTED) :]
        table[:, _CYCLE_COLUMNS] = total(cycles[:, None], of_cycle, noises, z, *_CYCLE_BOUNDS)
        day.sums["cycle_ms"] += day.sums["card_retries"] * p.RETRY_MS


class _Schedule:
    """What a table would play, and how warm it is, by the hour, whatever its shuffler does."""

    def __init__(self, device: ShufflerDevice, chance: np.random.Generator) -> None:
        plan, kind = device.plan, device.kind
        hour, weekday, yearday = plan.local.T
        # A row an hour, so that a longer plan begins as a shorter one.
        z = chance.standard_normal((plan.hours, 4))
        since = (hour - device.opens) % 24
        late = np.isin((weekday - (hour < device.opens)) % 7, (4, 5))
        quiet = np.repeat(z[::DAY_HOURS, 3], DAY_HOURS) > np.where(
            np.repeat(weekday[::DAY_HOURS] < 3, DAY_HOURS), p.CLOSED_Z[0], p.CLOSED_Z[1]
        )
        self.is_open = (since < device.open_hours + 2 * late) & ~quiet
        self.opening = self.is_open & (since == 0)
        evening = np.exp(-np.square(((hour - 21 + 12) % 24 - 12) / 5.0))
        spots = (1.8 + 2.6 * evening) * device.popular * np.exp(0.2 * z[:, 0])
        spots = np.clip(spots, 1.0, 7.0)
        self.pace = kind.rounds_an_hour(spots) * np.exp(0.06 * z[:, 1])
        """Rounds an hour while dealing."""
        self.rounds = np.ones(plan.hours)
        """Rounds of a shuffle."""
        if kind.penetration:
            cards = kind.cards_fixed + kind.cards_a_spot * spots
            self.rounds = np.maximum(np.floor(kind.penetration * kind.decks * 52 / cards), 1.0)
        self.dealt = p.DEALING * self.pace
        shoes = self.dealt / self.rounds
        by_cards = shoes * (kind.decks * 52 / p.CARDS_AN_HOUR)
        self.load = 1.0 - _BY_CARDS + _BY_CARDS * by_cards[:, None]
        self.shoes = shoes
        year = np.sin(2 * np.pi * (yearday - 105) / 365)
        noon = np.sin(2 * np.pi * (hour - 9) / 24)
        self.ambient = 222.0 + 14.0 * year + 8.0 * noon + 6.0 * z[:, 2]
        """Tenths of a degree C."""


class _Chances:
    """A day's chance: what does not depend on what happens in it, drawn first, and the rest."""

    def __init__(self, chance: np.random.Generator) -> None:
        self.shows = chance.standard_normal((DAY_HOURS, len(REPORTED) + len(OF_CYCLE)))
        once = chance.standard_normal(len(SENSORS) + len(PARTS) + 5)
        self.drift_z, self.planned_z, self.down_z = np.split(once[:-1], [len(SENSORS), -4])
        self.link_z = float(once[-1])
        self.wears = chance.standard_gamma(p.HOURLY_SHAPE, (DAY_HOURS, len(PARTS)))
        self.wears /= p.HOURLY_SHAPE
        self.fails = chance.random((2, DAY_HOURS, len(PARTS)))
        self.moment = chance.random(DAY_HOURS)
        self.once = chance.random(3)
        self.rest = chance


# --- what hours come to ---------------------------------------------------------------------------

REPORTED = (
    *("vibration_um_s", "roller_slip_bp", "gripper_offset_um", "elevator_offset_um"),
    *("motor_ma", "temperature_dc", "recognition_bp", "supply_mv"),
)
"""Sensors of telemetry; the first seven are those of `SENSORS`."""

OF_CYCLE = ("cycle_ms", "motor_ma", "motor_peak_ma", "temperature_dc", "recognition_bp")
"""What is measured of a shuffle."""

SUMMED = (
    *("cycle_ms", *(f"cycle_{name}" for name in OF_CYCLE[1:])),
    *(f"report_{name}" for name in REPORTED),
    *("cycles", "cards", "card_retries", "rounds", "dealing_ms"),
    *("reports", "operating_ms", "energy_j"),
    *("jams", "jams_recovered", "jam_ms", "misreads", "miscounts", "faults", "failures", "down_ms"),
    *("maintenances", "door_openings", "door_open_ms", "link_losses", "link_down_ms"),
    "firmware_changes",
)
"""Of `pitboss.shufflers.sums.Sums`, the fields that the model draws by the hour."""

OWN_JAM_MS, HAND_JAM_MS, DOOR_MS = (4_000, 40_000), (30_000, 600_000), 95_000

_CYCLE_COLUMNS = slice(0, len(OF_CYCLE))
_REPORT_COLUMNS = slice(len(OF_CYCLE), len(OF_CYCLE) + len(REPORTED))
_TELEMETRY = slice(0, len(REPORTED) - 1)
_MOTOR_MA, _TEMPERATURE, _RECOGNITION, _CYCLE_MS = map(SENSORS.index, SENSORS[4:])
_SIDED = [SENSORS.index("gripper_offset_um"), SENSORS.index("elevator_offset_um")]
_REPORTED_MOTOR = REPORTED.index("motor_ma")
_GAINS = np.array([[SENSOR[name].worn.get(part, 0.0) for name in SENSORS] for part in PARTS])
_RELATIVE = np.array([SENSOR[name].is_relative for name in SENSORS])
_FIRMWARE_SHIFTS = np.array([SENSOR[name].firmware for name in SENSORS])
REPORT_NOISE = {name: SENSOR[name].noise for name in SENSORS[:7]} | {"supply_mv": p.SUPPLY_NOISE_MV}
CYCLE_NOISE = {
    name: p.PEAK_NOISE_MA if name == "motor_peak_ma" else SENSOR[name].noise for name in OF_CYCLE
}
"""Of one report, and of one shuffle; `cycle_ms` as a multiple of the kind's."""
_REPORTED_NOISE = np.array([REPORT_NOISE[name] for name in REPORTED])
_CYCLE_NOISE = np.array([CYCLE_NOISE[name] for name in OF_CYCLE])
_REPORT_BOUNDS = np.array([BOUNDS[name] for name in REPORTED]).T
_CYCLE_BOUNDS = np.array([BOUNDS[name] for name in OF_CYCLE]).T


def energy(report_seconds: int) -> tuple[int, int]:
    """Joules between two reports: of an idle device, and more for each mA that its motor draws."""
    idle = round(p.IDLE_WATTS * report_seconds)
    return idle, max(round(p.SUPPLY_VOLTS * report_seconds / 1_000), 1)


def total(
    number: Integers | int,
    mean: Floats | float,
    noise: Floats | float,
    z: Floats,
    least: Integers | int,
    most: Integers | int,
) -> Integers:
    """The sum of so many measurements, each with a normal noise, within what each may be."""
    sums = np.rint(number * mean + np.sqrt(number) * noise * z)
    bounded = np.minimum(np.maximum(sums, number * least), number * most)
    return bounded.astype(np.int64)


def _rates_of_counts(cards: Integers, cycles: Integers, ms: Integers, wear: Floats) -> Floats:
    """Expected in each hour: jams by part, retries, misreads, miscounts, warnings by part."""
    fourth = wear**4
    rates = np.empty((len(cards), 6 + len(PARTS)))
    rates[:, :3] = np.array(p.JAMS_A_CARD) * (1 + p.JAMS_WORN * fourth[:, _WORN]) * cards[:, None]
    slipping = np.square(wear[:, ROLLERS]) + np.square(wear[:, GRIPPER])
    rates[:, 3] = p.RETRIES_A_CARD * (1 + p.RETRIES_WORN * slipping / 2) * cards
    rates[:, 4] = p.MISREADS_A_CARD * (1 + p.MISREADS_WORN * wear[:, CAMERA] ** 3) * cards
    rates[:, 5] = p.MISCOUNTS_A_CYCLE * (1 + p.MISCOUNTS_WORN * fourth[:, GRIPPER]) * cycles
    warned = p.WARNINGS_AN_HOUR + p.WARNINGS_WORN * np.square(fourth)
    rates[:, 6:] = warned * (ms / HOUR_MS)[:, None]
    return rates


def _adds(data: Struct) -> list[tuple[str, int]]:
    """What an event with a moment of its own adds to its hour."""
    match data:
        case says.FaultRaised():
            return [("faults", 1), ("failures", int(data.is_failure))]
        case says.FaultCleared():
            return [("down_ms", data.down_ms)]
        case says.MaintenancePerformed():
            return [("maintenances", 1), ("down_ms", 0 if data.is_repair else data.down_ms)]
        case says.LinkRestored():
            return [("link_losses", 1), ("link_down_ms", data.duration_ms)]
        case says.FirmwareChanged():
            return [("firmware_changes", 1)]
        case _:
            raise AssertionError(data)
