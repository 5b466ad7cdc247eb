"""A pretended floor: machines with players, faults and offers, and a gaming day behind it."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from pitboss.floor.documents import (
    BillIn,
    FloorDocument,
    FloorHistory,
    FloorParts,
    MachineMinutes,
    PlayerOnFloor,
    PlayersOnFloor,
)
from pitboss.floor.plan import FloorPlan, Limits, Place
from pitboss.floor.rows import (
    MINUTE_MS,
    MINUTES,
    Alert,
    Fault,
    FloorStatus,
    MachineCondition,
    MachineSums,
    OfferCounts,
    Severity,
    StreamRate,
)
from pitboss.floor.states import coin_in_cents_a_minute
from pitboss.gaming_day import GamingDay
from pitboss.money import theoretical_dollars
from workbench.simulation.places import laid_out

PROPERTY = "mock"
DAYS = GamingDay.parse("America/Los_Angeles@06:00")

HEARD_EVERY_MS = 10_000
"""`MachineCondition.heard_at` is kept to within so much."""

OFFER_FROM_CENTS = 12_000
"""Coin-in of a session from which the pretended policy makes an offer."""

_BETS = (40, 50, 75, 88, 100, 150, 200, 250, 300)
_HIGH_BETS = (500, 1_000, 2_500)
_FAULTS = {
    Fault.HANDPAY: (Severity.WARNING, "hand-pay of $1,250.00 pending"),
    Fault.DOOR: (Severity.CRITICAL, "main door open"),
    Fault.TILT: (Severity.WARNING, "reel tilt"),
    Fault.SERVICE: (Severity.NOTICE, "change lamp on"),
    Fault.OVERFLOW: (Severity.NOTICE, "exception buffer overflowed"),
}
_OFFERS = (
    ("Free play $5", 500, "worth of this session, and no offer this visit"),
    ("Free play $10", 1_000, "third visit this month"),
    ("Points x3 for 30 minutes", 300, "plays faster than usual"),
    ("Dinner for two", 6_000, "average daily theoretical of $180"),
)
_TIERS = ("member", "silver", "gold", "platinum")
_SEGMENTS = ("low", "middle", "high", "top")


def plan_of(machines: int) -> FloorPlan:
    """A simulated floor's plan, with a shuffler at each table of its pit."""
    assets = [str(1_000_001 + number * 7) for number in range(machines)]
    tables = range(1, max(4, machines // 60) + 1)
    shufflers = [(f"SH{table:02d}", f"BJ{table:02d}") for table in tables]
    return FloorPlan(laid_out(assets, shufflers).places, Limits(employee_cards=["emp-"]), 1)


@dataclass
class Machine:
    """A machine of the pretended floor."""

    asset_id: str
    bet_cents: int
    hold: int
    sums: MachineSums
    condition: MachineCondition
    player: str | None = None
    seated: bool = False
    until: int = 0
    session_games: int = 0
    session_cents: int = 0
    silent_until: int = 0
    offer: tuple[str, int] | None = None
    """Its id and which of `_OFFERS`."""
    offer_status: str = ""
    by_minute: list[int] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)


class World:
    """The floor, as time goes by. Every change raises `version`, and rows know theirs."""

    def __init__(self, machines: int, rate: float, seed: int, events_per_game: float) -> None:
        self.random = random.Random(seed)
        self.plan = plan_of(machines)
        self.rate = rate
        self.events_per_game = events_per_game
        self.alerts: dict[str, Alert] = {}
        self.changed_sums: set[str] = set()
        self.changed_conditions: set[str] = set()
        self.changed_alerts: set[str] = set()
        self.looked: list[dict[str, object]] = []
        self.recommendations: dict[str, dict[str, object]] = {}
        self._ids = count(1)
        self._started = self._stepped = now_ms()
        self._events = 0.0
        self._arrived: dict[int, float] = {}
        self.day = DAYS.date_of(self._started).isoformat()
        self.first_minute = DAYS.start_of(DAYS.date_of(self._started)) // MINUTE_MS
        self.offers = OfferCounts(self.day, 42, 40, 23, 17, 6, 8, 1)
        self.machines = {
            place.asset_id: self._past(place)
            for place in self.plan.places
            if place.kind == "machine"
        }
        self.status = self._status(self._started)
        offline = list(self.machines.values())[:: max(1, machines // 3)][1:3]
        for machine, silent in zip(offline, (300_000, 3_600_000), strict=False):
            machine.silent_until = 1 << 60
            self._hear(machine, self._started - silent)
            machine.sums = _with(machine.sums, changed_at=self._started - silent)

    # Time.

    def step(self, now: int) -> None:
        """Let time pass up to `now`."""
        seconds = (now - self._stepped) / 1000
        self._stepped = now
        self._roll_minutes(now)
        self._events += self.rate * seconds
        self._arrived[now // MINUTE_MS] = (
            self._arrived.get(now // MINUTE_MS, 0) + self.rate * seconds
        )
        games, rest = divmod(self._events, self.events_per_game)
        self._events = rest
        seated = [m for m in self.machines.values() if m.seated]
        if seated:
            for machine in self.random.choices(seated, k=int(games)):
                self._play(machine, now)
        for machine in self.machines.values():
            if now >= machine.until:
                self._change_seat(machine, now)
            if now >= machine.silent_until and now - machine.condition.heard_at > HEARD_EVERY_MS:
                self._hear(machine, now - self.random.randrange(500))
        if self.random.random() < seconds * 0.05:
            self._raise(self.random.choice(list(self.machines.values())), now)
        for machine in self.machines.values():
            for fault in machine.condition.faults:
                if now - fault[1] > 45_000 and self.random.random() < seconds / 20:
                    self._clear(machine, fault[0], now)
        if now - self.status.at > MINUTE_MS:
            self.status = self._status(now)

    def _play(self, machine: Machine, now: int) -> None:
        minute = now // MINUTE_MS
        bet = machine.bet_cents * self.random.choice((1, 1, 1, 2, 3))
        roll = self.random.random()
        won = int(bet * (self.random.choice((0.5, 1, 2, 4, 10)) if roll < 0.28 else 0))
        sums = machine.sums
        ahead = minute - sums.minute
        minutes = ([0] * min(ahead, MINUTES) + sums.coin_in_by_minute)[:MINUTES]
        minutes[0] += bet
        machine.sums = _with(
            sums,
            changed_at=now,
            games=sums.games + 1,
            coin_in_cents=sums.coin_in_cents + bet,
            coin_out_cents=sums.coin_out_cents + won,
            theoretical_win=sums.theoretical_win + bet * machine.hold,
            last_play=now,
            minute=minute,
            coin_in_by_minute=minutes,
        )
        machine.session_games += 1
        machine.session_cents += bet
        machine.by_minute[-1] += bet
        self.changed_sums.add(machine.asset_id)
        if machine.player and not machine.offer and machine.session_cents > OFFER_FROM_CENTS:
            machine.offer = (f"of-{next(self._ids):06d}", self.random.randrange(len(_OFFERS)))
            machine.offer_status = "decided"
            self.count_offer("decided")
        elif machine.offer and self.random.random() < 0.02:
            following = {"decided": "delivered", "delivered": "accepted", "accepted": "redeemed"}
            if machine.offer_status in following:
                machine.offer_status = following[machine.offer_status]
                self.count_offer(machine.offer_status)

    def count_offer(self, status: str) -> None:
        """An offer came to a status."""
        self.offers = _with(self.offers, **{status: getattr(self.offers, status) + 1})

    def _change_seat(self, machine: Machine, now: int) -> None:
        chance = self.random
        machine.offer, machine.offer_status = None, ""
        machine.session_games = machine.session_cents = 0
        if machine.seated or chance.random() < 0.2:
            machine.seated, machine.player = False, None
            machine.until = now + int(chance.expovariate(1 / 500_000)) + 5_000
        else:
            machine.seated = True
            machine.player = self._somebody()
            machine.until = now + int(chance.expovariate(1 / 1_300_000)) + 20_000
        machine.sums = _with(
            machine.sums,
            changed_at=now,
            player_id=machine.player,
            is_carded=machine.player is not None,
            is_employee=(machine.player or "").startswith("emp-"),
            seated_since=now if machine.player else None,
        )
        self.changed_sums.add(machine.asset_id)

    def _somebody(self) -> str | None:
        roll = self.random.random()
        if roll < 0.01:
            return f"emp-{self.random.randrange(20):03d}"
        return f"p-{self.random.randrange(1, 20_000):05d}" if roll < 0.62 else None

    def _hear(self, machine: Machine, at: int) -> None:
        machine.condition = _with(
            machine.condition,
            changed_at=at,
            heard_at=at,
            coin_in_meter_credits=4_000_000 + machine.sums.coin_in_cents,
            coin_out_meter_credits=3_600_000 + machine.sums.coin_out_cents,
            games_played_meter=90_000 + machine.sums.games,
        )
        self.changed_conditions.add(machine.asset_id)

    # Faults.

    def _raise(self, machine: Machine, now: int) -> None:
        kind = self.random.choice(list(_FAULTS))
        if machine.silent_until or any(fault[0] == kind for fault in machine.condition.faults):
            return
        severity, words = _FAULTS[kind]
        machine.condition = _with(
            machine.condition,
            changed_at=now,
            faults=[*machine.condition.faults, (kind.value, now, words)],
        )
        if kind is Fault.HANDPAY:
            machine.sums = _with(machine.sums, changed_at=now, locked_since=now)
            self.changed_sums.add(machine.asset_id)
        alert = Alert(
            f"{kind.value}-{machine.asset_id}-{now}",
            kind.value,
            severity,
            now,
            words,
            machine.asset_id,
        )
        self.alerts[alert.alert_id] = alert
        self.changed_alerts.add(alert.alert_id)
        self.changed_conditions.add(machine.asset_id)

    def _clear(self, machine: Machine, kind: str, now: int) -> None:
        kept = [fault for fault in machine.condition.faults if fault[0] != kind]
        machine.condition = _with(machine.condition, changed_at=now, faults=kept)
        if kind == Fault.HANDPAY:
            machine.sums = _with(machine.sums, changed_at=now, locked_since=None)
            self.changed_sums.add(machine.asset_id)
        self.changed_conditions.add(machine.asset_id)
        for alert in self.alerts.values():
            if (alert.kind, alert.asset_id, alert.cleared_at) == (kind, machine.asset_id, None):
                self.alerts[alert.alert_id] = _with(alert, cleared_at=now)
                self.changed_alerts.add(alert.alert_id)

    def acknowledge(self, alert_id: str, by: str, note: str, now: int) -> Alert | None:
        """An alert, acknowledged; None where there is none by that id."""
        alert = self.alerts.get(alert_id)
        if alert is None:
            return None
        if alert.acknowledged_at is None:
            alert = _with(alert, acknowledged_at=now, acknowledged_by=by, note=note)
            self.alerts[alert_id] = alert
            self.changed_alerts.add(alert_id)
        return alert

    # What is shown.

    def parts(self, now: int) -> FloorParts:
        """Everything, as it is kept."""
        return FloorParts(
            at=now,
            sums=[machine.sums for machine in self.machines.values()],
            conditions=[machine.condition for machine in self.machines.values()],
            rates=[self._rate(now)],
            offers=self.offers,
            status=self.status,
            alerts=list(self.alerts.values())[-200:],
        )

    def changes(self, now: int) -> FloorParts:
        """What changed since this was called last."""
        parts = FloorParts(
            at=now,
            sums=[self.machines[asset].sums for asset in sorted(self.changed_sums)],
            conditions=[
                self.machines[asset].condition for asset in sorted(self.changed_conditions)
            ],
            rates=[self._rate(now)],
            offers=self.offers,
            status=self.status,
            alerts=[self.alerts[one] for one in sorted(self.changed_alerts)],
        )
        for changed in (self.changed_sums, self.changed_conditions, self.changed_alerts):
            changed.clear()
        return parts

    def live(self, now: int) -> FloorDocument:
        """`GET /v1/floor/live`."""
        parts = self.parts(now)
        named = {name: getattr(parts, name) for name in parts.__struct_fields__}
        return FloorDocument(
            **named, property_id=PROPERTY, gaming_day=self.day, plan_version=self.plan.version
        )

    def players(self, now: int, limit: int) -> PlayersOnFloor:
        """`GET /v1/floor/players`."""
        seated = [m for m in self.machines.values() if m.player]
        seated.sort(key=lambda m: (-m.session_cents * m.hold, m.asset_id))
        return PlayersOnFloor(now, self.day, [_player(m, now) for m in seated[:limit]], len(seated))

    def minutes(self, first: int, last: int) -> FloorHistory:
        """Minutes (epoch minutes, both included) of this gaming day."""
        first, last = max(first, self.first_minute), max(min(last, self.newest_minute), 0)
        start, end = first - self.first_minute, last - self.first_minute + 1
        return FloorHistory(
            [minute * MINUTE_MS for minute in range(first, last + 1)],
            [
                MachineMinutes(
                    machine.asset_id,
                    machine.by_minute[start:end],
                    [cents * machine.hold for cents in machine.by_minute[start:end]],
                    "".join(machine.letters[start:end]),
                )
                for machine in self.machines.values()
            ],
        )

    def hours(self) -> FloorHistory:
        """This gaming day, by the hour."""
        hours = -(-(self.newest_minute - self.first_minute + 1) // 60)
        rows = []
        for machine in self.machines.values():
            cents = [sum(machine.by_minute[60 * h : 60 * h + 60]) for h in range(hours)]
            letters = [
                max(set(part), key=part.count)
                for part in (machine.letters[60 * h : 60 * h + 60] for h in range(hours))
            ]
            rows.append(
                MachineMinutes(
                    machine.asset_id, cents, [c * machine.hold for c in cents], "".join(letters)
                )
            )
        return FloorHistory([(self.first_minute + 60 * h) * MINUTE_MS for h in range(hours)], rows)

    @property
    def newest_minute(self) -> int:
        """The epoch minute that is being played."""
        machine = next(iter(self.machines.values()))
        return self.first_minute + len(machine.by_minute) - 1

    def bills(self, player_id: str, now: int) -> list[BillIn]:
        """Bills that a player put in."""
        chance = random.Random(player_id)
        return [
            BillIn(
                chance.choice(list(self.machines)),
                now - number * 400_000,
                f"b-{number}",
                chance.choice((500, 1_000, 2_000, 10_000)),
                player_id,
            )
            for number in range(chance.randrange(3, 14))
        ]

    def at_machine(self, player_id: str) -> Machine | None:
        """Where a player sits."""
        return next((m for m in self.machines.values() if m.player == player_id), None)

    # How it began.

    def _past(self, place: Place) -> Machine:
        """A machine whose gaming day was played up to now."""
        chance = self.random
        now = self._started
        high = place.zone == "High limit"
        bet = chance.choice(_HIGH_BETS if high else _BETS)
        hold = (
            chance.choice((520, 550, 600)) if high else chance.choice((650, 780, 850, 940, 1_060))
        )
        appeal = chance.uniform(0.4, 1.6)
        length = now // MINUTE_MS - self.first_minute + 1
        cents: list[int] = []
        letters: list[str] = []
        seated = chance.random() < 0.4
        carded = False
        while len(cents) < length:
            span = 1 + int(chance.expovariate(1 / (22 if seated else 24 / appeal)))
            span = min(span, length - len(cents))
            carded = chance.random() < 0.62
            pace = chance.uniform(6, 12) * bet * 1.6
            for _ in range(span):
                played = int(pace * chance.uniform(0.6, 1.4)) // 5 * 5 if seated else 0
                cents.append(played)
                letter = "H" if played >= 5_000 else "C" if carded else "U"
                letters.append(letter if seated else "I")
            seated = not seated
        seated = not seated
        total = sum(cents)
        luck = chance.gauss(0, 0.5 / max(1, total / bet / 10) ** 0.5)
        player = f"p-{chance.randrange(1, 20_000):05d}" if seated and carded else None
        since = now - chance.randrange(60_000, 2_400_000)
        newest = [*reversed(cents[-MINUTES:])]
        newest += [0] * (MINUTES - len(newest))
        sums = MachineSums(
            place.asset_id,
            now - chance.randrange(4_000),
            self.day,
            total // max(1, int(bet * 1.6)),
            total,
            int(total * max(0.0, 1 - hold / 10_000 + luck)),
            total * hold,
            0,
            0,
            0,
            0,
            hold,
            now - (chance.randrange(6_000) if seated else chance.randrange(90_000, 900_000)),
            now // MINUTE_MS,
            newest,
            player,
            since if player else None,
            None,
            player is not None,
            False,
        )
        condition = MachineCondition(place.asset_id, now, now - chance.randrange(9_000))
        machine = Machine(
            place.asset_id,
            bet,
            hold,
            sums,
            condition,
            player,
            seated,
            now + int(chance.expovariate(1 / 600_000)) + 2_000,
            by_minute=cents,
            letters=letters,
        )
        if seated:
            machine.session_games = chance.randrange(5, 300)
            machine.session_cents = machine.session_games * int(bet * 1.6)
        return machine

    def _roll_minutes(self, now: int) -> None:
        while self.newest_minute < now // MINUTE_MS:
            for machine in self.machines.values():
                hot = coin_in_cents_a_minute(machine.sums, now) >= 5_000
                letter = "H" if hot else "C" if machine.player else "U" if machine.seated else "I"
                machine.letters[-1] = letter
                machine.letters.append(letter)
                machine.by_minute.append(0)

    def _rate(self, now: int) -> StreamRate:
        minute = now // MINUTE_MS
        for old in [one for one in self._arrived if one < minute - MINUTES]:
            del self._arrived[old]
        since = (now - self._started) / MINUTE_MS
        events = [
            int(self._arrived.get(minute - back, 0)) if back <= since else int(self.rate * 60)
            for back in range(MINUTES)
        ]
        lag = 300 + self.random.randrange(700)
        return StreamRate("shardId-000000000000", now, now - lag, minute, events, str(now))

    def _status(self, now: int) -> FloorStatus:
        spent = 120_000 + self.offers.decided * 900
        return FloorStatus(now, self.day, self.random.randrange(3), 500_000, spent, 1)


def _player(machine: Machine, now: int) -> PlayerOnFloor:
    assert machine.player is not None
    chance = random.Random(machine.player)
    since = machine.sums.seated_since or now
    minutes = max(1, (now - since) / MINUTE_MS)
    rank = chance.randrange(4)
    offer = machine.offer and _OFFERS[machine.offer[1]]
    return PlayerOnFloor(
        machine.player,
        machine.asset_id,
        since,
        machine.session_games,
        machine.session_cents,
        theoretical_dollars(machine.session_cents * machine.hold),
        int(machine.session_games * 60 / minutes),
        _SEGMENTS[rank],
        theoretical_dollars(chance.randrange(10, 300) * 1_000_000),
        _TIERS[rank],
        machine.offer and machine.offer[0],
        machine.offer_status or None,
        offer and offer[0],
        offer and offer[1],
        [offer[2], f"tier {_TIERS[rank]}"] if offer else [],
    )


def offer_of(machine: Machine) -> tuple[str, str, int, str] | None:
    """Id, name, value in cents and reason of a machine's offer."""
    if machine.offer is None:
        return None
    return (machine.offer[0], *_OFFERS[machine.offer[1]])


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def messages(parts: FloorParts, rows: int = 150) -> Iterator[FloorParts]:
    """A large change in several messages, each under 30 kB."""
    whole = max(len(parts.sums), len(parts.conditions), 1)
    for start in range(0, whole, rows):
        first = start == 0
        yield FloorParts(
            at=parts.at,
            sums=parts.sums[start : start + rows],
            conditions=parts.conditions[start : start + rows],
            rates=parts.rates if first else [],
            offers=parts.offers if first else None,
            status=parts.status if first else None,
            alerts=parts.alerts if first else [],
        )


def _with[Row](row: Row, **changes: object) -> Row:
    import msgspec

    return msgspec.structs.replace(row, **changes)  # type: ignore[type-var]
