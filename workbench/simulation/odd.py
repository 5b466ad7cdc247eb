"""A floor as it is: cards late, missing and forgotten, power cuts, lost events, wrong clocks.

Each oddity is by chance, more often than in a casino, so that a day has some of each. Which games
a card's oddity concerns is not decided here: `Books` says what rating must find, `played` what was
really played, and `truth` what happened.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from pitboss.gaming_day import GamingDay
from workbench.simulation import facts
from workbench.simulation.books import Books
from workbench.simulation.catalogue import LAG_MS, MODELS, MachineModel
from workbench.simulation.facts import Exception_, Fact
from workbench.simulation.faults import FAULTS, Faults
from workbench.simulation.floor import (
    JACKPOT_CENTS,
    METER_MODULUS,
    Event,
    Floor,
    FloorPlan,
    Life,
    Machine,
    Player,
    paytable_of,
)
from workbench.simulation.ledger import Ledger, Session

ODDITIES = (
    "late-card-in",
    "missing-card-in",
    "missing-card-out",
    "forgotten-card",
    "doubled-card",
    "shared-card",
    "long-break",
    "dead-reader",
    "several-games",
    "paytable-change",
    "conversion",
    "meter-reset",
    "silent-reset",
    "no-wager-code",
    "late-hand-pay",
    "repeated-hand-pay",
    "progressive",
    "power-cut",
    "overflow",
    "clock-ahead",
    "clock-behind",
    "clock-stuck",
    "clock-1970",
)
"""What can be asked for; `docs/simulator.md` says what each is and how often."""

_STAY_PERCENT = {
    "late-card-in": 7,
    "missing-card-in": 5,
    "missing-card-out": 5,
    "forgotten-card": 6,
    "doubled-card": 4,
}
"""Stays with a card, in a hundred; a stay has one of these at most."""
_BEFORE_STAY_PERCENT = {"conversion": 2, "meter-reset": 2, "silent-reset": 2}
_SHARED_PERCENT = 6
"""Players whose companion plays on the same account."""
_GAMES_A_BREAK = 400
_GAMES_A_CHOICE = 40
_GAMES_A_CHANGE = 800
_GAMES_A_PROGRESSIVE = 4_000
_GAMES_A_CUT = 2_000
_GAMES_AN_OUTAGE = 1_200
_GAMES_A_STUCK_CLOCK = 250
_GAMES_A_DEAD_BATTERY = 300
"""Games for one power cut at a machine whose clock does not survive it."""
_LATE_HAND_PAY_PERCENT = 40
_REPEATED_HAND_PAY_PERCENT = 30
_RESUMED_PERCENT = 60
"""Games that go on after a power cut; the others are void."""
_SILENT_RESET_BELOW = 80_000_000
"""A coin-in meter above might be taken to have rolled over."""

_MACHINE_KINDS = 37
"""Every 37th machine has a clock that is an hour ahead, and so on; which one, the seed says."""
_KIND_OF = {
    0: "clock-ahead",
    7: "clock-behind",
    14: "clock-stuck",
    21: "clock-1970",
    28: "dead-reader",
    **dict.fromkeys((2, 9, 16, 23, 30), "no-wager-code"),
    **dict.fromkeys((1, 4, 8, 11, 15, 18, 22, 25, 29, 32, 35), "several-games"),
}
_SEVERAL = 3
_HOUR_MS = 3_600_000
_ATTENDANT_MS = 300_000
"""No attendant is called later than this before the end."""


@dataclass(slots=True, eq=False)
class OddMachine(Machine):
    """A machine whose clock, line or card reader may be in trouble."""

    kind: str = ""
    """What is odd about it for good."""
    has_wrong_clock: bool = False
    """Whether its clock is, or may become, wrong by more than seconds."""
    skew: int = 0
    """What its clock is ahead, ms."""
    stuck_at: int = 0
    stuck_until: int = 0
    occurred_at: int = 0
    """When its last event is taken to have happened."""
    clock_set_at: int = 0
    """Until then its clock counts from its boot."""
    collected_at: int = 0
    """The collector's clock at its last event that only that one dates."""
    labelled_from: int = 0
    """When the gateway knows of the card that is in."""
    forgotten: Player | None = None
    """Whose card was left in."""
    has_card: bool = False
    down_from: int = 0
    down_until: int = 0
    """When the gateway's line to it is down: its events overflow."""
    is_overflowed: bool = False
    meant_to_leave: str = ""
    """What will happen to the card at the end of the stay."""


@dataclass
class Happenings:
    """What happened that packets do not tell, and how often each oddity did."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[dict[str, Any]] = field(default_factory=list)
    lost: list[dict[str, Any]] = field(default_factory=list)

    def note(self, what: str, machine: Machine, at: int, **more: object) -> None:
        """Something odd happened at a machine; `at` is the true time."""
        self.counts[what] += 1
        self.notes.append({"what": what, "asset_id": machine.asset_id, "at": at, **more})

    def lose(self, why: str, machine: Machine, at: int, fact: Fact) -> None:
        """An event never reaches the collector, or is never delivered."""
        entry: dict[str, Any] = {
            "why": why,
            "asset_id": machine.asset_id,
            "at": at,
            "fact": type(fact).__name__.rstrip("_"),
        }
        if isinstance(fact, facts.GameStarted):
            entry["coin_in_cents"] = fact.wager_cents
        elif isinstance(fact, facts.GameEnded):
            entry["coin_out_cents"] = fact.win_cents
        elif isinstance(fact, facts.HandpayReported):
            entry["handpaid_cents"] = fact.amount_cents
        elif isinstance(fact, facts.Exception_):
            entry["code"] = f"{fact.code:02X}"
        self.lost.append(entry)


class OddFloor(Floor):
    """A floor with oddities, with faults on its way to the front door, or with both."""

    machine_class = OddMachine
    machines: list[OddMachine]  # type: ignore[assignment] # they are all of its class

    def __init__(self, plan: FloorPlan) -> None:
        if unknown := (plan.oddities - set(ODDITIES)) | (plan.faults - set(FAULTS)):
            raise ValueError(f"nothing is known of {', '.join(sorted(unknown))}")
        self._odds = Random(plan.seed ^ 0x0DD).random
        self._on = plan.oddities
        self.happened = Happenings()
        self._kinds_from = self._odd_below(_MACHINE_KINDS)
        super().__init__(plan)
        day_of = GamingDay.parse(plan.gaming_day)
        self._books = Books(
            [machine.asset_id for machine in self.machines],
            lambda epoch_ms: day_of.date_of(epoch_ms).isoformat(),
        )
        self.faults = Faults(plan.faults, plan.seed, self._books.enter, self._lose)
        self._delivered = 0
        self._closed: Ledger | None = None

    @property
    def ledger(self) -> Ledger:
        """What rating the events delivered so far must find."""
        if self._closed is None or self._closed.events != self._delivered:
            self._closed = self._books.ledger()
            self._closed.events = self._delivered
            self._closed.duplicates = self.faults.duplicates
        return self._closed

    def truth(self) -> dict[str, Any]:
        """What was really played, what happened, and what was lost."""
        return {
            "oddities": dict(sorted(self.happened.counts.items())),
            **super().truth(),
            "happened": self.happened.notes,
            "lost": self.happened.lost,
        }

    def events(self) -> Iterator[Event]:
        """The shift's events as they are delivered."""
        if self.plan.faults:
            for event in self.faults.deliver(super().events()):
                self._delivered += 1
                yield event
            return
        enter = self._books.enter
        for event in super().events():
            enter(event)
            self._delivered += 1
            yield event

    def _lose(self, event: Event) -> None:
        assert isinstance(event.machine, OddMachine)
        self.happened.lose("loss", event.machine, event.occurred_at, event.fact)

    # --- Chance of its own: a floor's patrons and games are the same with and without oddities,
    # --- as far as the oddities leave them alone.

    def _odd_below(self, limit: int) -> int:
        return int(self._odds() * limit)

    def _odd_between(self, low: int, high: int) -> int:
        return low + int(self._odds() * (high - low + 1))

    def _happens(self, what: str, one_in: int) -> bool:
        return what in self._on and int(self._odds() * one_in) == 0

    def _percent(self, what: str, percent: int) -> bool:
        return what in self._on and int(self._odds() * 100) < percent

    # --- The machines

    def _machine(self, index: int, asset_id: str, hostname: str) -> OddMachine:
        machine = super()._machine(index, asset_id, hostname)
        assert isinstance(machine, OddMachine)
        kind = _KIND_OF.get((index + self._kinds_from) % _MACHINE_KINDS, "")
        if kind not in self._on:
            return machine
        machine.kind = kind
        machine.has_wrong_clock = kind.startswith("clock-")
        if kind == "clock-ahead":
            machine.skew = _HOUR_MS
        elif kind == "clock-behind":
            machine.skew = -_HOUR_MS
        elif kind == "several-games":
            machine.games = _games_beside(machine.model, index)
            if not machine.games:
                machine.kind = ""
                return machine
        self.happened.note(kind, machine, self.plan.start)
        return machine

    def _poll_at_startup(self, machine: Machine, now: int) -> None:
        assert isinstance(machine, OddMachine)
        if machine.down_from <= now < machine.down_until:
            return
        super()._poll_at_startup(machine, now)
        # One after the other: their answers differ in nothing but the time since boot.
        for number, model in enumerate(machine.games[: _SEVERAL - 1], start=1):
            asked_at = now + 40 * number
            cache_time = asked_at + machine.clock_offset + LAG_MS[self._odd_below(32)]
            self._append(
                machine,
                (cache_time, asked_at - machine.booted_at, 0, 0),
                None,
                paytable_of(model, number),
                metered=False,
            )
        if self._on:  # no choice of a game beside these answers
            machine.clock = max(machine.clock, now + 600)

    def _reconnect(self, machine: Machine, now: int) -> Life:
        if self._on:  # not in the middle of a game
            while now < machine.clock + 2_000 and now < self.end:
                now += 2_000
                yield now
        if now < self.end:
            self._poll_at_startup(machine, now)

    # --- What the collector gets

    def _append(
        self,
        machine: Machine,
        place: tuple[int, int, int, int],
        player: Player | None,
        fact: Fact,
        *,
        metered: bool,
    ) -> None:
        cache_time, event_time, queue_index, row = place
        self.played.events += 1
        self._pending.append(
            Event(
                cache_time,
                self.played.events,
                event_time,
                queue_index,
                row,
                machine,
                player,
                fact,
                machine.shown if metered else None,
            )
        )

    def _emit(self, machine: Machine, moment: int, fact: Fact, *, metered: bool = True) -> int:
        assert isinstance(machine, OddMachine)
        player = machine.player if moment >= machine.labelled_from else None
        if machine.has_wrong_clock or machine.down_until:
            return self._send(machine, moment, fact, player, metered=metered)
        if moment < machine.clock:
            moment = machine.clock
        machine.clock = machine.occurred_at = moment
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
                player,
                fact,
                machine.shown if metered else None,
            )
        )
        return moment

    def _send(
        self,
        machine: OddMachine,
        moment: int,
        fact: Fact,
        player: Player | None,
        *,
        metered: bool = True,
        late: int = 0,
    ) -> int:
        """As `_emit`, by whatever clock and line a machine has, and `late` by so many ms."""
        moment = max(moment, machine.clock)
        if machine.down_until:
            if machine.down_from <= moment < machine.down_until:
                machine.clock = moment
                machine.occurred_at = moment + machine.skew
                machine.queue_index += 1
                machine.is_overflowed = True
                self.happened.lose("overflow", machine, moment, fact)
                return moment
            if moment >= machine.down_until:
                machine.down_until = 0
                if machine.is_overflowed:
                    machine.is_overflowed = False
                    self._emit(machine, moment, Exception_(facts.BUFFER_OVERFLOW))
                    moment = max(moment, machine.clock)
        cache_time = moment + machine.clock_offset + LAG_MS[int(self._random() * 32)] + late
        event_time = moment + machine.skew
        by_collector = machine.skew > 0 or moment < machine.clock_set_at
        if by_collector:
            # Only the collector's clock dates it: the gateway drains a machine's events in order.
            cache_time = machine.collected_at = max(cache_time, machine.collected_at)
            if moment < machine.clock_set_at:
                event_time = moment - machine.booted_at
        elif moment <= machine.collected_at:
            moment = event_time = machine.collected_at + 1
            cache_time = max(cache_time, moment)
        if moment < machine.stuck_until:
            event_time = machine.stuck_at
        machine.occurred_at = cache_time if by_collector else event_time
        machine.clock = moment
        machine.queue_index += 1
        machine.rows += 1
        place = cache_time, event_time, machine.queue_index, machine.rows
        self._append(machine, place, player, fact, metered=metered)
        return moment

    # --- Cards

    def _everyone(self) -> Iterator[tuple[int, Life]]:
        yield from super()._everyone()
        if "shared-card" not in self._on:
            return
        for index in range(self.plan.players):
            if self._odd_below(100) >= _SHARED_PERCENT:
                continue
            player = self._player(index)
            if self.plan.visits:
                visits = list(self._visits(self._kind(), player))
            else:
                arrival = self.plan.start + self._odd_below(
                    max(1, (self.end - self.plan.start) // 4)
                )
                visits = [(arrival, self._patron(self._kind(), player, arrival, self.plan.end))]
            self.happened.counts["shared-card"] += 1
            yield from visits

    def _insert_card(self, machine: Machine, player: Player, now: int) -> tuple[Session, int]:
        assert isinstance(machine, OddMachine)
        now = self._before_stay(machine, now)
        if machine.kind == "dead-reader":
            self.happened.note("unreported-card", machine, now, player_id=player.player_id)
            session = self.played.open_session(player.player_id, machine.asset_id, now)
            return session, now + self._between(1_500, 3_000)
        if machine.has_card:
            self.happened.note("second-card", machine, now, player_id=player.player_id)
        what = self._card_oddity(machine)
        machine.forgotten = None
        machine.player = player
        machine.labelled_from = 0
        machine.has_card = True
        machine.meant_to_leave = ""
        started_at = now = max(now, machine.clock)
        if what == "late-card-in":
            late = self._odd_between(20_000, 600_000)
            now = self._send(machine, now, facts.CardInserted(), player, late=late)
            machine.labelled_from = now + late
            self.happened.note(what, machine, now, player_id=player.player_id, late_ms=late)
        elif what == "missing-card-in":
            self.happened.note(what, machine, now, player_id=player.player_id)
        else:
            now = self._send(machine, now, facts.CardInserted(), player)
            started_at = machine.occurred_at
            if what == "doubled-card":
                now = self._send(
                    machine, now + self._odd_between(100, 900), facts.CardInserted(), player
                )
            machine.meant_to_leave = what
        session = self.played.open_session(player.player_id, machine.asset_id, started_at)
        return session, now + self._between(1_500, 3_000)

    def _card_oddity(self, machine: OddMachine) -> str:
        """What will happen to a card. A wrong clock is trouble enough, and games are unlabelled."""
        draw = self._odd_below(100)
        for what, percent in _STAY_PERCENT.items():
            draw -= percent
            if draw < 0:
                if what == "late-card-in" and machine.has_wrong_clock:
                    return ""
                return what if what in self._on else ""
        return ""

    def _remove_card(self, machine: Machine, session: Session, now: int) -> int:
        assert isinstance(machine, OddMachine)
        if machine.kind == "dead-reader":
            session.ended_at = now
            return now
        player, what = machine.player, machine.meant_to_leave
        assert player is not None
        session.ended_at = now = max(now, machine.clock)
        if what == "forgotten-card":
            machine.forgotten = player
            self.happened.note(what, machine, now, player_id=player.player_id)
            return now
        machine.player = None
        if what == "missing-card-out":
            self.happened.note(what, machine, now, player_id=player.player_id)
            return now
        machine.has_card = False
        now = session.ended_at = self._send(machine, now, facts.CardRemoved(), player)
        if what == "doubled-card":
            self.happened.note(what, machine, now, player_id=player.player_id)
            now = self._send(
                machine, now + self._odd_between(100, 900), facts.CardRemoved(), player
            )
        return now

    def _sit_down_without_card(self, machine: Machine, now: int) -> int:
        assert isinstance(machine, OddMachine)
        left = machine.forgotten
        if left is None:
            return now
        idle = now - machine.clock
        if idle > 900_000 and self._odd_below(2):
            machine.forgotten = machine.player = None
            self.happened.note("card-timed-out", machine, now, player_id=left.player_id)
        else:
            self.happened.note(
                "guest-on-a-forgotten-card", machine, now, player_id=left.player_id, idle_ms=idle
            )
        return now

    def _leave_without_card(self, machine: Machine, now: int) -> int:
        assert isinstance(machine, OddMachine)
        left = machine.forgotten
        if left is not None and self._odd_below(2):
            machine.forgotten = machine.player = None
            machine.has_card = False
            now = self._send(machine, now + 1_000, facts.CardRemoved(), left)
        return now

    # --- Between games

    def _between_games(self, machine: Machine, now: int) -> int:
        assert isinstance(machine, OddMachine)
        if now + _ATTENDANT_MS > self.end:
            return now
        if self._happens("overflow", _GAMES_AN_OUTAGE) and not machine.down_until:
            machine.down_from = now + self._odd_between(500, 20_000)
            machine.down_until = machine.down_from + self._odd_between(10_000, 90_000)
            self.happened.note("overflow", machine, machine.down_from)
        if machine.kind == "clock-stuck" and self._happens("clock-stuck", _GAMES_A_STUCK_CLOCK):
            if machine.clock >= machine.stuck_until:
                machine.stuck_at = machine.clock + 1
                machine.stuck_until = machine.stuck_at + self._odd_between(180_000, 900_000)
                self.happened.note("stuck", machine, machine.stuck_at)
        elif machine.games and self._happens("several-games", _GAMES_A_CHOICE):
            return self._choose_game(machine, now)
        elif self._happens("paytable-change", _GAMES_A_CHANGE) and machine.kind != "clock-behind":
            return self._change_paytable(machine, now)
        if (
            self._happens("long-break", _GAMES_A_BREAK)
            and machine.labelled_from <= now
            and now + 2_400_000 < self.end
        ):
            away = self._odd_between(600_000, 1_500_000)
            self.happened.note("long-break", machine, now, away_ms=away)
            return now + away
        return now

    def _choose_game(self, machine: OddMachine, now: int) -> int:
        """The player picks another of the machine's games."""
        number = 1 + (machine.selected + self._odd_below(_SEVERAL - 1)) % _SEVERAL
        model = machine.games[number - 1]
        machine.selected, machine.model = number, model
        now = self._emit(machine, now, facts.GameSelected(number))
        self.played.set_hold(machine.asset_id, model.hold_basis_points)
        answer: dict[str, object] = {"SelectedGameNumber": number}
        self._emit(machine, now + 60, facts.PollAnswered(facts.SELECTED_GAME, answer))
        if number < _SEVERAL:
            self._emit(machine, now + 110, paytable_of(model, number))
        self.happened.counts["game-selected"] += 1
        return now + self._between(1_500, 4_000)

    def _change_paytable(self, machine: OddMachine, now: int) -> int:
        """An attendant changes the payback: of the chosen game, or of the machine."""
        if machine.games and machine.selected == _SEVERAL:
            return now
        model = _with_base(machine.model, self._odd_between(-150, 100))
        now = self._open_menu(machine, now)
        if machine.games:
            games = list(machine.games)
            games[machine.selected - 1] = model
            if machine.selected == 1:  # the last game has the machine's own payback
                games[-1] = replace(games[-1], base_basis_points=model.base_basis_points)
            machine.games = tuple(games)
        machine.model = model
        now = self._close_menu(machine, now, machine.selected if machine.games else 0)
        if machine.games and machine.selected == 1:
            now = self._emit(machine, now + 50, paytable_of(model))
        self.happened.note(
            "paytable-change", machine, now, hold_basis_points=model.hold_basis_points
        )
        return now + self._between(2_000, 5_000)

    def _open_menu(self, machine: OddMachine, now: int) -> int:
        now = self._emit(machine, now + self._odd_between(5_000, 30_000), _DOOR_OPENED)
        return self._emit(machine, now + self._odd_between(2_000, 9_000), _MENU_ENTERED)

    def _close_menu(self, machine: OddMachine, now: int, game_number: int) -> int:
        """Options are changed, and the gateway asks what they are now."""
        now = self._emit(machine, now + self._odd_between(5_000, 40_000), _OPTIONS_CHANGED)
        now = self._emit(machine, now + 1_500, _MENU_EXITED)
        now = self._emit(machine, now + 4_000, _DOOR_CLOSED)
        self.played.set_hold(machine.asset_id, machine.model.hold_basis_points)
        return self._emit(machine, now + 90, paytable_of(machine.model, game_number))

    def _before_stay(self, machine: OddMachine, now: int) -> int:
        """Meters are reset, with a word or without; a machine becomes another one."""
        if now + _ATTENDANT_MS > self.end or machine.credits:
            return now
        if machine.kind == "clock-behind":  # its start-up polls seem to come an hour late
            return now
        draw = self._odd_below(100)
        for what, percent in _BEFORE_STAY_PERCENT.items():
            draw -= percent
            if draw < 0:
                return self._reset(machine, now, what) if what in self._on else now
        return now

    def _reset(self, machine: OddMachine, now: int, what: str) -> int:
        if what == "conversion" and machine.games:
            return now
        if what == "silent-reset" and not (
            2_000_000 < machine.coin_in % METER_MODULUS < _SILENT_RESET_BELOW
        ):
            return now
        now = self._open_menu(machine, now)
        _clear_meters(machine)
        if what != "silent-reset":
            now = self._emit(machine, now + 700, _METERS_RESET)
        if what == "conversion":
            others = [m for m in MODELS if m.accounting_code != machine.model.accounting_code]
            machine.model = others[self._odd_below(len(others))]
        own = machine.games[0] if machine.games else machine.model
        now = self._emit(machine, now + self._odd_between(5_000, 40_000), _OPTIONS_CHANGED)
        now = self._emit(machine, now + 1_500, _MENU_EXITED)
        now = self._emit(machine, now + 4_000, _DOOR_CLOSED)
        self.played.set_hold(machine.asset_id, machine.model.hold_basis_points)
        now = self._emit(machine, now + 90, paytable_of(own))
        self.happened.note(what, machine, now, game_id=machine.model.game_id)
        return now + 2_000

    # --- Games

    def _play(self, machine: Machine, session: Session | None, now: int, bet: int) -> int:
        assert isinstance(machine, OddMachine)
        model = machine.model
        wager_cents = bet * model.wager_cents
        wager = wager_cents // model.accounting_cents
        win = wager * self._multiple(machine)
        level = 0x00
        if self._happens("progressive", _GAMES_A_PROGRESSIVE):
            level = self._odd_between(0x01, 0x20)
            win = self._odd_between(10_000, 120_000) // model.accounting_cents
            self.happened.note("progressive", machine, now, level=level)
        win_cents = win * model.accounting_cents
        now = self._start(machine, now, bet)
        started_at = machine.occurred_at
        by_hand = win_cents >= JACKPOT_CENTS or level > 0
        cut = self._power_cut(machine, now) if not by_hand else None
        if cut is not None:
            resumed_at, is_void = cut
            if is_void:
                play = self.played.game(machine.asset_id, session, started_at, wager_cents, 0)
                play.games -= 1
                play.incomplete_games += 1
                return resumed_at
            now = resumed_at
        handpaid = win_cents if by_hand else 0
        self.played.game(machine.asset_id, session, started_at, wager_cents, win_cents, handpaid)
        now = self._spin(machine, now) if model.reels else self._draw(machine, now)
        if not by_hand:
            return self._settle(machine, now, win, win_cents, by_hand=False)
        if not self._percent("late-hand-pay", _LATE_HAND_PAY_PERCENT):
            now = self._pay_by_hand(machine, now, win_cents, level)
            return self._settle(machine, now, win, win_cents, by_hand=True)
        now = self._settle(machine, now, 0, 0, by_hand=False)
        now = self._pay_by_hand(machine, now + 300, win_cents, level)
        machine.games_won += 1
        machine.jackpot += win
        self._emit_meters(
            machine,
            now,
            {"GAMES_WON": machine.games_won, "TOTAL_JACKPOT_CREDITS": machine.jackpot},
        )
        self.happened.note("late-hand-pay", machine, now, cents=win_cents)
        return machine.clock

    def _wager_said(self, machine: Machine, bet: int, wager: int) -> tuple[int, int]:
        assert isinstance(machine, OddMachine)
        if machine.kind == "no-wager-code":
            return wager, 0
        return super()._wager_said(machine, bet, wager)

    def _power_cut(self, machine: OddMachine, now: int) -> tuple[int, bool] | None:
        """The power fails in a game: when play goes on, and whether the game is void."""
        without_battery = machine.kind == "clock-1970"
        games = _GAMES_A_DEAD_BATTERY if without_battery else _GAMES_A_CUT
        what = "clock-1970" if without_battery else "power-cut"
        if now + _ATTENDANT_MS > self.end or not self._happens(what, games):
            return None
        now = self._emit(machine, now + self._odd_between(200, 800), _POWER_LOST)
        now += self._odd_between(15_000, 120_000)
        machine.booted_at = now - self._odd_between(4_000, 9_000)
        if without_battery:
            machine.clock_set_at = now + self._odd_between(120_000, 1_200_000)
        now = self._emit(machine, now, _POWER_APPLIED)
        self._poll_at_startup(machine, now + self._odd_between(1_000, 3_000))
        now = machine.clock + self._odd_between(1_000, 4_000)
        if machine.player is not None and machine.labelled_from <= now and self._odd_below(2):
            now = self._send(machine, now, facts.CardInserted(), machine.player)
        is_void = self._odd_below(100) >= _RESUMED_PERCENT
        self.happened.note(what, machine, now, game="void" if is_void else "resumed")
        return now + 1_500, is_void

    def _pay_by_hand(self, machine: Machine, now: int, cents: int, level: int) -> int:
        now = self._emit(machine, now, Exception_(facts.HANDPAY_PENDING))
        report = facts.HandpayReported(cents, level)
        self._emit(machine, now + 60, report)
        wait = self._between(60_000, 420_000)
        repeated = self._percent("repeated-hand-pay", _REPEATED_HAND_PAY_PERCENT)
        if repeated and self._odd_below(2):
            self._emit(machine, now + self._odd_between(1_000, 9_000), report)
            repeated = False
            self.happened.counts["repeated-hand-pay"] += 1
        now += max(500, min(wait, self.end - 9_000 - now))
        now = self._emit(machine, now, Exception_(facts.HANDPAY_RESET))
        if repeated:
            self._emit(machine, now + 40, report)
            self.happened.counts["repeated-hand-pay"] += 1
        return now + 50


_DOOR_OPENED = Exception_(facts.SLOT_DOOR_OPENED)
_DOOR_CLOSED = Exception_(facts.SLOT_DOOR_CLOSED)
_MENU_ENTERED = Exception_(facts.ATTENDANT_MENU_ENTERED)
_MENU_EXITED = Exception_(facts.ATTENDANT_MENU_EXITED)
_OPTIONS_CHANGED = Exception_(facts.OPTIONS_CHANGED)
_METERS_RESET = Exception_(facts.METERS_RESET)
_POWER_LOST = Exception_(facts.POWER_LOST)
_POWER_APPLIED = Exception_(facts.POWER_APPLIED)


def _games_beside(model: MachineModel, index: int) -> tuple[MachineModel, ...]:
    """The games of a machine: its own, another, and one that has its own's payback.

    A machine has one accounting denomination. The last game's paytable is not reported; long poll
    1F answers for it. None where no other model has the denomination.
    """
    others = [
        other
        for other in MODELS
        if other.accounting_code == model.accounting_code and other is not model
    ]
    if not others:
        return ()
    bets = (20, 40, 100) if model.form == "video" else (1, 2, 5)
    last = replace(model, game_id="XX", wager_code=model.accounting_code, bets=bets)
    return model, others[index % len(others)], last


def _with_base(model: MachineModel, difference: int) -> MachineModel:
    """The same game with another payback; one that its wins allow."""
    base = min(9_900, max(8_500, model.base_basis_points + (difference or 25)))
    return replace(model, base_basis_points=base, paytable_id=f"{model.game_id}{base:04}")


def _clear_meters(machine: Machine) -> None:
    machine.coin_in = machine.coin_out = machine.jackpot = machine.cancelled = 0
    machine.games_played = machine.games_won = 0
    machine.drop_cents = 0
    machine.poll_meters()
