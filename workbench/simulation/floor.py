"""The model: machines, the people at them, and what happens, event by event.

Everyone on the floor is a generator that yields the moment at which to go on. An agenda runs them
in order; what they do is collected and handed out in the order in which a collector gets it, which
is not quite the order in which it happened, because every device has a clock of its own.

All times are milliseconds, of the Unix epoch unless they say otherwise.
"""

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from heapq import heapify, heappop, heapreplace
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple, Self

from pitboss.gaming_day import GamingDay
from workbench.simulation import facts
from workbench.simulation.catalogue import (
    BILLS,
    CLOCK_OFFSET_MS,
    EARLIEST_MS,
    LAG_MS,
    MODELS,
    OUTCOMES,
    PACE_MS,
    PATRON_KINDS,
    MachineModel,
    PatronKind,
)
from workbench.simulation.facts import Exception_, Fact, MetersChanged
from workbench.simulation.ledger import Ledger, Session

DEFAULT_START = 1_768_500_000_000
"""2026-01-15T18:00:00Z: a shift without `--start` is the same shift tomorrow."""

DEFAULT_GAMING_DAY = "America/Los_Angeles@06:00"
"""What the template's parameter GamingDays says of properties it does not name."""

METER_MODULUS = 100_000_000
"""SAS 6.02: cumulative meters have eight digits."""

YEAR_2000_MS = 946_684_800_000
"""A device clock that shows less was never set: it counts from the device's boot."""

CLOCK_AHEAD_MS = 300_000
"""A device clock that is further ahead of the collector's than this is wrong."""

JACKPOT_CENTS = 120_000
"""A win from here on is paid by hand (the machine's jackpot limit)."""

CASH_OUT_LIMIT_CENTS = 60_000
"""Credits from here on are cancelled and paid by hand instead of printed on a ticket."""

HOUR_MS = 3_600_000
MACHINES_A_GATEWAY = 32

_OPENING_MS = 12_000
"""The longest from sitting down to the first game: card, one bill, settling."""
_GAME_MS = 9_000
"""More than the longest game that needs no attendant."""
_LEAVING_MS = 9_000
"""The longest from the last game to the card's leaving, without an attendant."""
_BEFORE_END_MS = _GAME_MS + _LEAVING_MS
"""No game starts later than this before the end, so that none is left unfinished."""

_METER_RACE_PERCENT = 8
"""Starts of games whose meters have already moved: the poll raced the exception."""
_TILT_PER_GAMES = 1_500
_RECONNECT_PERCENT = 15
"""Machines whose gateway reconnects during the shift and polls them as at the start."""
_GUESTS_A_PLAYER = 2
"""Players with a card for each guest without one."""

_VISITS_PERCENT = 75
"""Patrons who come on a gaming day, where days are played."""
_VISIT_MINUTES = (60, 240)
_ARRIVALS = (1, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 7, 8, 9, 9, 8, 6, 4, 3, 2, 1, 1, 1)
"""Arrivals by hour after the gaming day's start, as weights: the evening is the busiest."""


@dataclass(frozen=True)
class FloorPlan:
    """What shift to play. `players` have cards; guests without one come on top, one for every two.

    `gaming_day` is the property's rule, `Area/City@HH:MM`.
    """

    machines: int
    players: int
    minutes: int
    seed: int = 1
    start: int = DEFAULT_START
    property_id: str = "P1"
    gaming_day: str = DEFAULT_GAMING_DAY
    visits: bool = False
    """Patrons come on most gaming days for some hours, instead of staying for the shift."""
    oddities: frozenset[str] = frozenset()
    """Names of `workbench.simulation.odd.ODDITIES`."""
    faults: frozenset[str] = frozenset()
    """Names of `workbench.simulation.faults.FAULTS`."""
    cheats: int = 0
    """Sessions that are not honest; see `workbench.simulation.cheats.CHEATS`."""

    def __post_init__(self) -> None:
        numbers = self.players, self.seed, self.cheats
        if self.machines < 1 or self.minutes < 1 or min(numbers) < 0:
            raise ValueError(
                "a floor has a machine, a minute, and no negative player, seed or cheat"
            )

    @classmethod
    def of_days(
        cls,
        machines: int,
        players: int,
        days: int,
        seed: int = 1,
        start: int = DEFAULT_START,
        property_id: str = "P1",
        gaming_day: str = DEFAULT_GAMING_DAY,
    ) -> Self:
        """Whole gaming days, from the start of the one that `start` is in.

        A day is 23 or 25 hours long where the clocks change.
        """
        rule = GamingDay.parse(gaming_day)
        first = rule.date_of(start)
        begins, ends = rule.start_of(first), rule.start_of(first + timedelta(days=days))
        minutes = (ends - begins) // 60_000
        return cls(machines, players, minutes, seed, begins, property_id, gaming_day, visits=True)

    @property
    def end(self) -> int:
        """When the shift is over."""
        return self.start + self.minutes * 60_000


class Player(NamedTuple):
    """Someone with a card."""

    player_id: str
    card_number: str


class Shown(NamedTuple):
    """Cumulative meters as a machine shows them, in accounting credits, modulo 10^8."""

    coin_in: int
    coin_out: int
    jackpot: int
    handpaid_cancelled: int
    current: int
    games_played: int
    games_won: int


NOT_SEEN = Shown(0, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True, eq=False)
class Machine:
    """A machine on the floor, its true meters in accounting credits, and its device's state."""

    model: MachineModel
    asset_id: str
    serial_number: str
    hostname: str
    """The gateway it is wired to."""
    interface: int
    """The gateway's line to it."""
    clock_offset: int
    """What its device's clock is behind the collector's, ms."""
    booted_at: int
    queue_index: int
    coin_in: int
    coin_out: int
    jackpot: int
    """Wins paid by hand."""
    cancelled: int
    """Credits that were cashed out by hand."""
    games_played: int
    games_won: int
    games_since_door: int
    drop_cents: int
    ticket_out_cents: int
    tickets_out: int
    bills: dict[int, int]
    """Bills accepted, by denomination code."""
    games: tuple[MachineModel, ...] = ()
    """What players can choose from, where that is more than one game; `model` is the chosen one."""
    selected: int = 1
    """The number of the chosen game."""
    credits: int = 0
    rows: int = 0
    clock: int = 0
    """When the last of its events happened."""
    player: Player | None = None
    shown: Shown = NOT_SEEN
    """The meters as the gateway last saw them."""

    @property
    def total_won(self) -> int:
        """All that games paid, by the machine and by hand."""
        return self.coin_out + self.jackpot

    def poll_meters(self) -> None:
        """The gateway looks at the meters; later packets carry what it saw."""
        self.shown = Shown(
            self.coin_in % METER_MODULUS,
            self.coin_out % METER_MODULUS,
            self.jackpot % METER_MODULUS,
            self.cancelled % METER_MODULUS,
            self.credits,
            self.games_played,
            self.games_won,
        )


class Event(NamedTuple):
    """One thing that happened, as the collector got it. Sorts in the collector's order."""

    cache_time: int
    """The collector's clock."""
    number: int
    event_time: int
    """The device's clock; for a start-up poll, milliseconds since the device booted."""
    queue_index: int
    """The device's count of its events, with gaps; 0 for a start-up poll."""
    row: int
    """The gateway's count of what it passed on for the device; 0 for a start-up poll."""
    machine: Machine
    player: Player | None
    fact: Fact
    meters: Shown | None

    @property
    def since_boot(self) -> bool:
        """Whether this is a start-up poll, whose event time is no time of day."""
        return self.queue_index == 0

    @property
    def occurred_at(self) -> int:
        """When it happened, as well as the packet tells: by the device's clock unless it is wrong.

        It is wrong before the year 2000, and when it is ahead by more than `CLOCK_AHEAD_MS`.
        """
        event_time = self.event_time
        if event_time < YEAR_2000_MS or event_time - self.cache_time > CLOCK_AHEAD_MS:
            return self.cache_time
        return event_time


type Life = Iterator[int]
"""What someone does: yields the next moment to go on."""


class Floor:
    """One shift. Play it once by `events`; then `ledger` is what rating it must find.

    `played` is what was really played. It is the same ledger, unless the plan has oddities or
    faults: then there is more to know than the packets tell. `open_floor` opens either.
    """

    machine_class: type[Machine] = Machine

    def __init__(self, plan: FloorPlan) -> None:
        if type(self) is Floor and (plan.oddities or plan.faults or plan.cheats):
            raise ValueError("a floor with oddities, faults or cheats is opened by open_floor")
        self.plan = plan
        self.end = plan.end
        self._random = Random(plan.seed).random
        self._pending: list[Event] = []
        self.machines = self._put_up()
        self._free = list(self.machines)
        gaming_day = GamingDay.parse(plan.gaming_day)
        self._gaming_day = gaming_day
        self.played = Ledger(
            {machine.asset_id: machine.model.hold_basis_points for machine in self.machines},
            lambda epoch_ms: gaming_day.date_of(epoch_ms).isoformat(),
        )

    @property
    def ledger(self) -> Ledger:
        """What rating the events must find."""
        return self.played

    def truth(self) -> dict[str, Any]:
        """What was really played, and what else is known of the shift."""
        return self.played.truth()

    def events(self) -> Iterator[Event]:
        """The shift's events as they are delivered: in the collector's order."""
        agenda = [(moment, index, life) for index, (moment, life) in enumerate(self._everyone())]
        heapify(agenda)
        collected_up_to = self.plan.start
        while agenda:
            moment, index, life = agenda[0]
            if moment >= collected_up_to:
                yield from self._collect(moment + EARLIEST_MS)
                collected_up_to = moment + 1_000
            again_at = next(life, None)
            if again_at is None:
                heappop(agenda)
            else:
                heapreplace(agenda, (again_at, index, life))
        yield from self._collect(None)

    def close(self, at: int) -> None:
        """End the shift early: games in progress are finished, cards come out."""
        self.end = min(self.end, at + _BEFORE_END_MS)

    # --- Chance. Only `Random.random` is used: Python promises that its sequence never changes.

    def _below(self, limit: int) -> int:
        return int(self._random() * limit)

    def _between(self, low: int, high: int) -> int:
        """Low and high included."""
        return low + int(self._random() * (high - low + 1))

    # --- The collector

    def _collect(self, before: int | None) -> Iterator[Event]:
        """What the collector got before a moment of its clock; nothing earlier can come later."""
        self._pending.sort()
        end = len(self._pending) if before is None else bisect_left(self._pending, (before,))
        yield from self._pending[:end]
        del self._pending[:end]

    def _emit(self, machine: Machine, moment: int, fact: Fact, *, metered: bool = True) -> int:
        """Something happened at a machine, no earlier than what happened there before."""
        if moment < machine.clock:
            moment = machine.clock
        machine.clock = moment
        machine.queue_index += 1
        machine.rows += 1
        self.played.events += 1
        self._pending.append(
            Event(
                moment + machine.clock_offset + LAG_MS[int(self._random() * 32)],
                self.played.events,
                moment,
                machine.queue_index,
                machine.rows,
                machine,
                machine.player,
                fact,
                machine.shown if metered else None,
            )
        )
        return moment

    def _emit_meters(self, machine: Machine, moment: int, meters: dict[str, int]) -> None:
        """The gateway reports meters that moved, eight digits each, and has now seen them all."""
        machine.poll_meters()
        shown = {name: value % METER_MODULUS for name, value in meters.items()}
        self._emit(machine, moment, MetersChanged(shown), metered=False)

    # --- The floor

    def _put_up(self) -> list[Machine]:
        """The machines, model by model in turn, 32 to a gateway."""
        numbers: dict[int, None] = {}
        while len(numbers) < self.plan.machines:
            smallest = 10 ** self._between(4, 8)
            numbers[self._between(smallest, 10 * smallest - 1)] = None
        hostname = ""
        machines = []
        for index, number in enumerate(numbers):
            if index % MACHINES_A_GATEWAY == 0:
                hostname = f"{self._below(1 << 48):012x}"
            machines.append(self._machine(index, str(number), hostname))
        return machines

    def _machine(self, index: int, asset_id: str, hostname: str) -> Machine:
        model = MODELS[index % len(MODELS)]
        coin_in = self._between(1_000_000, 95_000_000)
        if index % 5 == 0:  # due to roll over in one of its first games
            wager = model.bets[0] * model.wager_cents // model.accounting_cents
            coin_in = METER_MODULUS - wager * self._between(1, 5)
        games_played = self._between(20_000, 8_000_000)
        machine = self.machine_class(
            model=model,
            asset_id=asset_id,
            serial_number=asset_id.zfill((12, 12, 9, 0)[self._below(4)]),
            hostname=hostname,
            interface=self._between(8, 10),
            clock_offset=self._clock_offset(),
            booted_at=self.plan.start - 1_000 * self._between(60, 30 * 24 * 3_600),
            queue_index=self._between(1_000, 3_000_000),
            coin_in=coin_in,
            coin_out=coin_in * model.base_basis_points // 10_000,
            jackpot=self._between(0, 2_000_000),
            cancelled=self._between(0, 1_000_000),
            games_played=games_played,
            games_won=games_played * self._between(30, 45) // 100,
            games_since_door=self._between(0, 5_000),
            drop_cents=self._between(1_000_000, 95_000_000),
            ticket_out_cents=self._between(0, 250_000_000),
            tickets_out=self._between(1_000, 90_000),
            bills={code: self._between(0, 40_000) for code, _ in BILLS},
        )
        machine.poll_meters()
        return machine

    def _clock_offset(self) -> int:
        """Most clocks are nearly right, few are far off."""
        far = self._between(-CLOCK_OFFSET_MS, CLOCK_OFFSET_MS)
        return far * self._between(0, 100) // 100

    def _everyone(self) -> Iterator[tuple[int, Life]]:
        """All that moves on the floor, each with the moment it first does."""
        start, length = self.plan.start, self.plan.end - self.plan.start
        for machine in self.machines:
            yield start, self._gateway(machine, start + self._below(1_000))
            if self._below(100) < _RECONNECT_PERCENT:
                again_at = start + length // 4 + self._below(length // 2)
                yield again_at, self._reconnect(machine, again_at)
        guests = (self.plan.players + _GUESTS_A_PLAYER) // _GUESTS_A_PLAYER
        for index in range(self.plan.players + guests):
            if self.plan.visits:
                yield from self._visits(self._kind(), self._player(index))
                continue
            # About half of them are there when the shift starts, the others come by and by.
            late = self._below(2) and index
            window = length * 60 // 100 if late else min(20_000, length // 50)
            arrival = start + 2_000 + self._below(window)
            yield arrival, self._patron(self._kind(), self._player(index), arrival, self.plan.end)

    @property
    def player_ids(self) -> list[str]:
        """Everybody with a card, whether they come or not."""
        found = map(self._player, range(self.plan.players))
        return [player.player_id for player in found if player is not None]

    def _player(self, index: int) -> Player | None:
        """Who the patron of this number is; None for a guest."""
        if index >= self.plan.players:
            return None
        return Player(str(70_000_001 + index), f"{6_000_000_000 + index * 7_919:010}")

    def _visits(self, kind: PatronKind, player: Player | None) -> Iterator[tuple[int, Life]]:
        """A patron's visits, one on most gaming days."""
        day = self._gaming_day.date_of(self.plan.start)
        while (begins := self._gaming_day.start_of(day)) < self.plan.end:
            day += timedelta(days=1)
            if self._below(100) >= _VISITS_PERCENT:
                continue
            hour = bisect_right(_ARRIVALS_UP_TO, self._below(_ARRIVALS_UP_TO[-1]))
            arrival = begins + hour * HOUR_MS + self._below(HOUR_MS)
            leaves = arrival + self._between(*_VISIT_MINUTES) * 60_000
            yield arrival, self._patron(kind, player, arrival, leaves)

    def _kind(self) -> PatronKind:
        draw = self._below(100)
        for kind in PATRON_KINDS:
            draw -= kind.weight
            if draw < 0:
                return kind
        return PATRON_KINDS[-1]

    # --- The gateway

    def _gateway(self, machine: Machine, now: int) -> Life:
        """The start-up polls, then all meters at once, then again every full hour."""
        self._poll_at_startup(machine, now)
        now += 150
        while now < self.end:
            self._report_all_meters(machine, now)
            now = now - now % HOUR_MS + HOUR_MS + 965
            yield now

    def _reconnect(self, machine: Machine, now: int) -> Life:
        if now < self.end:
            self._poll_at_startup(machine, now)
        yield from ()

    def _poll_at_startup(self, machine: Machine, now: int) -> None:
        """What the gateway asks a machine when it finds it, all at one moment.

        The answers carry the time since the device's boot and have no place in its queue.
        """
        cache_time = now + machine.clock_offset + LAG_MS[self._below(32)]
        for fact in self._startup_polls(machine):
            self.played.events += 1
            self._pending.append(
                Event(
                    cache_time,
                    self.played.events,
                    now - machine.booted_at,
                    0,
                    0,
                    machine,
                    None,
                    fact,
                    None,
                )
            )

    def _startup_polls(self, machine: Machine) -> Iterator[Fact]:
        model = machine.model
        games = len(machine.games) or 1
        yield facts.PollAnswered(
            0xB5,
            {
                "ConfiguredPlayerDenoms": None,
                "GameName": model.name,
                "GameNameLength": len(model.name),
                "GameNumber": 0,
                "Length": 10 + len(model.name),
                "MaxBet": model.bets[-1],
                "NumPlayerDenoms": 0,
                "PaytableName": "",
                "PaytableNameLength": 0,
                "ProgressiveGroup": 0,
                "ProgressiveLevels": 0,
                "WagerCategories": 0,
            },
        )
        yield facts.PollAnswered(
            0xB2,
            {
                "Denominations": base64.b64encode(bytes([model.wager_code])).decode(),
                "Length": 2,
                "NumberOfDenoms": 1,
            },
        )
        yield facts.PollAnswered(0xB1, {"Denomination": model.wager_code})
        yield facts.PollAnswered(0xA0, {"Features": 0x5CDB6, "GameNumber": 0, "Reserved": None})
        if model.reels:
            stops = bytes(self._below(72) for _ in range(model.reels)).ljust(9, b"\xff")
            yield facts.PollAnswered(0x8F, {"PhysicalReelStops": base64.b64encode(stops).decode()})
        else:
            yield self._hand(final=True)
        yield facts.PollAnswered(
            0x56,
            {
                "EnabledGameNumbers": list(range(1, games + 1)),
                "Length": 2 + games,
                "NumberOfGames": games,
            },
        )
        yield facts.PollAnswered(facts.SELECTED_GAME, {"SelectedGameNumber": machine.selected})
        yield facts.PollAnswered(
            0x54,
            {
                "Length": 3 + len(machine.serial_number),
                "SasVersionNumber": "602",
                "SerialNumber": machine.serial_number,
            },
        )
        yield facts.PollAnswered(0x51, {"NumberOfGames": games})
        yield facts.PollAnswered(
            0x48, {"Bills": machine.bills[0x04], "Country": facts.UNITED_STATES, "Denom": 0x04}
        )
        yield paytable_of(machine.games[0] if machine.games else model)

    def _report_all_meters(self, machine: Machine, now: int) -> None:
        machine.poll_meters()
        meters = {name: value % METER_MODULUS for name, value in _all_meters(machine).items()}
        if self._below(2):  # a nine-digit meter that this time is shown whole
            meters["REGULAR_CASHABLE_TICKET_OUT_CENTS"] = machine.ticket_out_cents
        self._emit(machine, now, MetersChanged(meters), metered=False)

    # --- The patrons

    def _patron(self, kind: PatronKind, player: Player | None, now: int, leaves: int) -> Life:
        """Sits down at machine after machine, with breaks between, until it is time to leave."""
        while now + _OPENING_MS <= min(leaves, self.end) - _BEFORE_END_MS:
            if self._free:
                place = self._below(len(self._free))
                machine = self._free[place]
                self._free[place] = self._free[-1]
                self._free.pop()
                now = yield from self._sit_down(machine, kind, player, now)
                yield now  # the machine is taken until then
                self._free.append(machine)
                if self._below(100) < 70:
                    now += self._between(20_000, 240_000)
                else:
                    now += self._between(900_000, 3_600_000)
            else:
                now += self._between(30_000, 180_000)
            yield now

    def _sit_down(
        self, machine: Machine, kind: PatronKind, player: Player | None, now: int
    ) -> Generator[int, None, int]:
        """One stay at a machine; returns when it was over. A stay has at least one game."""
        session: Session | None = None
        if player is not None:
            session, now = self._insert_card(machine, player, now)
        else:
            now = self._sit_down_without_card(machine, now)
        model = machine.model
        bet = self._choose_bet(model, kind)
        budget = bet * model.wager_cents * kind.budget_wagers
        resumed_at = now
        for _ in range(self._between(*kind.games)):
            if now > self.end - _BEFORE_END_MS:
                break
            if machine.credits * model.accounting_cents < bet * model.wager_cents:
                if budget <= 0:
                    break
                amount, now = self._insert_bill(machine, now, bet * model.wager_cents)
                budget -= amount
            yield now
            resumed_at = now
            if now > self.end - _BEFORE_END_MS:  # the floor was closed meanwhile
                break
            ended_at = self._play(machine, session, now, bet)
            model = machine.model
            now = max(now + self._pace(machine, kind), ended_at + 400)
            chance = self._below(_TILT_PER_GAMES)
            if chance == 0 and now + 180_000 < self.end:
                now = self._tilt(machine, now)
            elif chance % 30 == 1:
                bet = self._choose_bet(model, kind)
            now = self._between_games(machine, now)
            if machine.model is not model:
                model = machine.model
                bet = self._choose_bet(model, kind)
        if now > self.end - _LEAVING_MS:
            now = max(machine.clock, resumed_at)
        now = self._cash_out(machine, now)
        if session is not None:
            now = self._remove_card(machine, session, now + self._between(800, 3_000))
        else:
            now = self._leave_without_card(machine, now)
        return now

    def _pace(self, _: Machine, kind: PatronKind) -> int:
        """From one game's start to the next, ms."""
        return PACE_MS[self._below(32)] * kind.pace // 100

    def _insert_card(self, machine: Machine, player: Player, now: int) -> tuple[Session, int]:
        """A card goes in; its session, and when play can begin."""
        machine.player = player
        started_at = self._emit(machine, now, facts.CardInserted())
        session = self.played.open_session(player.player_id, machine.asset_id, started_at)
        return session, now + self._between(1_500, 3_000)

    def _remove_card(self, machine: Machine, session: Session, now: int) -> int:
        """The card comes out; returns when."""
        now = session.ended_at = self._emit(machine, now, facts.CardRemoved())
        machine.player = None
        return now

    def _sit_down_without_card(self, _: Machine, now: int) -> int:
        """A guest sits down; returns when play can begin."""
        return now

    def _leave_without_card(self, _: Machine, now: int) -> int:
        """A guest leaves; returns when."""
        return now

    def _between_games(self, _: Machine, now: int) -> int:
        """What comes between two games; returns when play goes on."""
        return now

    def _choose_bet(self, model: MachineModel, kind: PatronKind) -> int:
        highest = (len(model.bets) - 1) * kind.appetite // 100
        return model.bets[self._between(0, highest)]

    def _insert_bill(self, machine: Machine, now: int, wager_cents: int) -> tuple[int, int]:
        """A bill worth some twenty wagers, if there is one; its cents, and when play can go on."""
        code, cents = next((bill for bill in BILLS if bill[1] >= 20 * wager_cents), BILLS[-1])
        now += self._between(500, 2_000)
        machine.bills[code] += 1
        self._emit(machine, now, facts.BillAccepted(code, cents, machine.bills[code]))
        machine.drop_cents += cents
        machine.credits += cents // machine.model.accounting_cents
        accepted = {f"TOTAL_NUMBER_OF_{cents // 100}_BILLS_ACCEPTED": machine.bills[code]}
        self._emit_meters(machine, now + 40, accepted)
        drop = machine.drop_cents // machine.model.accounting_cents
        credited = {
            "CURRENT_CREDITS": machine.credits,
            "TOTAL_CREDITS_FROM_BILLS_ACCEPTED": drop,
            "TOTAL_DROP_CREDITS": drop,
        }
        self._emit_meters(machine, now + 1_200, credited)
        return cents, now + self._between(1_500, 4_000)

    # --- Games

    def _play(self, machine: Machine, session: Session | None, now: int, bet: int) -> int:
        """One game, decided at its start; returns when it ended."""
        model = machine.model
        wager_cents = bet * model.wager_cents
        wager = wager_cents // model.accounting_cents
        win = wager * self._multiple(machine)
        win_cents = win * model.accounting_cents
        now = started_at = self._start(machine, now, bet)
        by_hand = win_cents >= JACKPOT_CENTS
        handpaid = win_cents if by_hand else 0
        self.played.game(machine.asset_id, session, started_at, wager_cents, win_cents, handpaid)
        now = self._spin(machine, now) if model.reels else self._draw(machine, now)
        if by_hand:
            now = self._pay_by_hand(machine, now, win_cents, 0x00)
        return self._settle(machine, now, win, win_cents, by_hand=by_hand)

    def _multiple(self, machine: Machine) -> int:
        """What a game returns, in wagers."""
        return machine.model.pays.multiple(self._below(OUTCOMES))

    def _meter(self, machine: Machine, wager: int) -> None:
        """A wager, in accounting credits, goes into the coin-in meter."""
        machine.coin_in += wager

    def _start(self, machine: Machine, now: int, bet: int) -> int:
        """The wager is made and the game starts; returns when it did."""
        model = machine.model
        if self._below(4) == 0:  # events of the device that are none of the gateway's business
            machine.queue_index += self._between(1, 4)
        if model.form != "video":
            for _ in range(bet):
                self._emit(machine, now, _CREDIT_WAGERED)
                now += 80
        wager_cents = bet * model.wager_cents
        wager = wager_cents // model.accounting_cents
        self._meter(machine, wager)
        machine.credits -= wager
        if self._below(100) < _METER_RACE_PERCENT:
            machine.poll_meters()
        said, code = self._wager_said(machine, bet, wager)
        wager_type = 0x40 | code | (0x80 if bet == model.bets[-1] else 0)
        meter = machine.coin_in % METER_MODULUS
        return self._emit(machine, now, facts.GameStarted(said, wager_type, wager_cents, meter))

    def _wager_said(self, machine: Machine, bet: int, _: int) -> tuple[int, int]:
        """The credits of a wager that a machine tells, and their denomination's code; it is `bet`
        credits of the wager's denomination, or so many of the accounting one.
        """
        return bet, machine.model.wager_code

    def _spin(self, machine: Machine, now: int) -> int:
        """Reels turn and stop one by one."""
        self._emit_meters(machine, now + 107, _wagered(machine))
        now += self._between(900, 2_600)
        for reel in range(1, machine.model.reels + 1):
            self._emit(machine, now, facts.ReelStopped(reel, self._below(72)))
            now += 81
        return now + self._between(1, 300)

    def _draw(self, machine: Machine, now: int) -> int:
        """Five cards are dealt, some are held, the others drawn."""
        self._emit(machine, now + 118, self._hand(final=False))
        self._emit_meters(machine, now + 190, _wagered(machine))
        now += self._between(1_200, 2_800)
        self._emit(machine, now, _DRAW_REQUESTED)
        self._emit_meters(machine, now, {"GAMES_PLAYED": machine.games_played + 1})
        held = self._below(32)
        for place in range(5):
            if held >> place & 1:
                now += 81
                self._emit(machine, now, _CARDS_HELD[place])
        return now + self._between(300, 1_000)

    def _hand(self, *, final: bool) -> facts.PollAnswered:
        """Five cards: the suit in the high half of a byte, the rank in the low (poll 8E)."""
        cards = bytes(self._below(4) << 4 | self._below(13) for _ in range(5))
        answer = {"Cards": base64.b64encode(cards).decode(), "HandType": int(final)}
        return facts.PollAnswered(facts.CARD_INFORMATION, answer)

    def _settle(
        self, machine: Machine, now: int, win: int, win_cents: int, *, by_hand: bool
    ) -> int:
        """The win is paid, the game is over, the meters follow."""
        machine.games_played += 1
        machine.games_since_door += 1
        meters = {
            "GAMES_PLAYED": machine.games_played,
            "GAMES_SINCE_SLOT_DOOR_CLOSURE": machine.games_since_door,
        }
        if win:
            machine.games_won += 1
            meters["GAMES_WON"] = machine.games_won
            if by_hand:
                machine.jackpot += win
                meters["TOTAL_JACKPOT_CREDITS"] = machine.jackpot
            else:
                machine.coin_out += win
                machine.credits += win
                meters["CURRENT_CREDITS"] = machine.credits
                meters["TOTAL_COIN_OUT_CREDITS"] = machine.coin_out
            if self._below(2):
                machine.poll_meters()
        now = self._emit(machine, now, facts.GameEnded(win, win_cents))
        if win:
            self._emit_meters(machine, now, {"TOTAL_WON_CREDITS": machine.total_won})
        if not machine.model.reels:
            self._emit(machine, now + 32, self._hand(final=True))
        self._emit_meters(machine, now + 196, meters)
        return now

    # --- Attendants

    def _pay_by_hand(self, machine: Machine, now: int, cents: int, level: int) -> int:
        """The machine locks up until an attendant has paid; returns when it was reset."""
        now = self._emit(machine, now, _HANDPAY_PENDING)
        self._emit(machine, now + 60, facts.HandpayReported(cents, level))
        wait = self._between(60_000, 420_000)
        now += max(500, min(wait, self.end - _LEAVING_MS - now))
        return self._emit(machine, now, _HANDPAY_RESET) + 50

    def _tilt(self, machine: Machine, now: int) -> int:
        """Something jams, an attendant opens the door and clears it; returns when play goes on."""
        tilts = _TILTS if machine.model.reels == 3 else _TILTS[:2]
        self._emit(machine, now, tilts[self._below(len(tilts))])
        now += self._between(30_000, 90_000)
        self._emit(machine, now, _DOOR_OPENED)
        now += self._between(10_000, 60_000)
        self._emit(machine, now, _DOOR_CLOSED)
        machine.games_since_door = 0
        self._emit_meters(machine, now + 90, {"GAMES_SINCE_SLOT_DOOR_CLOSURE": 0})
        return now + self._between(3_000, 8_000)

    def _cash_out(self, machine: Machine, now: int) -> int:
        """What is left is printed on a ticket or, if it is much, paid by hand."""
        if machine.credits == 0:
            return now
        now += self._between(300, 1_500)
        now = self._emit(machine, now, Exception_(facts.CASH_OUT_BUTTON_PRESSED))
        cents = machine.credits * machine.model.accounting_cents
        cashed, machine.credits = machine.credits, 0
        if cents >= CASH_OUT_LIMIT_CENTS:
            now = self._pay_by_hand(machine, now + 200, cents, 0x80)
            machine.cancelled += cashed
            meters = {
                "CURRENT_CREDITS": 0,
                "TOTAL_HAND_PAID_CANCELLED_CREDITS": machine.cancelled,
            }
        else:
            now += self._between(1_000, 2_500)
            self._emit(machine, now, Exception_(facts.CASH_OUT_TICKET_PRINTED))
            machine.tickets_out += 1
            machine.ticket_out_cents += cents
            ticket: dict[str, object] = {
                "AmountInCents": cents,
                "TicketNumber": machine.tickets_out % 10_000,
            }
            poll = facts.PollAnswered(facts.CASH_OUT_TICKET_INFORMATION, ticket)
            now = self._emit(machine, now + 45, poll)
            meters = {
                "CURRENT_CREDITS": 0,
                "REGULAR_CASHABLE_TICKET_OUT_CENTS": machine.ticket_out_cents,
                "REGULAR_CASHABLE_TICKET_OUT_QUANTITY": machine.tickets_out,
            }
        self._emit_meters(machine, now + 110, meters)
        return machine.clock


_ARRIVALS_UP_TO = list(accumulate(_ARRIVALS))

_CREDIT_WAGERED = Exception_(facts.CREDIT_WAGERED)
_DRAW_REQUESTED = Exception_(facts.DRAW_REQUESTED)
_HANDPAY_PENDING = Exception_(facts.HANDPAY_PENDING)
_HANDPAY_RESET = Exception_(facts.HANDPAY_RESET)
_DOOR_OPENED = Exception_(facts.SLOT_DOOR_OPENED)
_DOOR_CLOSED = Exception_(facts.SLOT_DOOR_CLOSED)
_TILTS = (
    Exception_(facts.BILL_JAM),
    Exception_(facts.PRINTER_CARRIAGE_JAMMED),
    Exception_(facts.REEL_2_TILT),
)
_CARDS_HELD = tuple(facts.CardHeld(0x80 | place) for place in range(5))


def paytable_of(model: MachineModel, game_number: int = 0) -> facts.PaytableReported:
    """What the machine answers to long poll 1F, or to 53 for one of its games."""
    return facts.PaytableReported(
        model.base_basis_points,
        model.accounting_code,
        model.accounting_cents,
        model.game_id,
        model.paytable_id,
        min(255, model.bets[-1]),
        game_number,
    )


def _wagered(machine: Machine) -> dict[str, int]:
    return {"CURRENT_CREDITS": machine.credits, "TOTAL_COIN_IN_CREDITS": machine.coin_in}


def _all_meters(machine: Machine) -> dict[str, int]:
    """What the hourly report shows, whole."""
    drop = machine.drop_cents // machine.model.accounting_cents
    return {
        "CURRENT_CREDITS": machine.credits,
        "GAMES_LOST": machine.games_played - machine.games_won,
        "GAMES_PLAYED": machine.games_played,
        "GAMES_SINCE_SLOT_DOOR_CLOSURE": machine.games_since_door,
        "GAMES_WON": machine.games_won,
        "REGULAR_CASHABLE_TICKET_OUT_CENTS": machine.ticket_out_cents,
        "REGULAR_CASHABLE_TICKET_OUT_QUANTITY": machine.tickets_out,
        "TOTAL_COIN_IN_CREDITS": machine.coin_in,
        "TOTAL_COIN_OUT_CREDITS": machine.coin_out,
        "TOTAL_CREDITS_FROM_BILLS_ACCEPTED": drop,
        "TOTAL_DROP_CREDITS": drop,
        "TOTAL_HAND_PAID_CANCELLED_CREDITS": machine.cancelled,
        "TOTAL_JACKPOT_CREDITS": machine.jackpot,
        "TOTAL_WON_CREDITS": machine.total_won,
        **{
            f"TOTAL_NUMBER_OF_{cents // 100}_BILLS_ACCEPTED": machine.bills[code]
            for code, cents in BILLS
        },
    }
