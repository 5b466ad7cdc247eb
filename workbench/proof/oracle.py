"""The oracle: what the ratings must be, by the rules alone, in one pass with exact arithmetic.

It shares no code with what it judges. It takes the events that the front door accepted as the
workload meant them (not as anything parsed them), sorts each machine's by device time, and walks
through them once, writing a line for every effect. Theoretical win is a fraction of a dollar, money
otherwise integer cents; totals are the sums of the lines. Which page a line falls into decides
whether a late effect needs a correction entry.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workbench.proof.workload import Fact

PAGE_MINUTES = 5
SETTLED_MINUTES = 10
"""A page that starts so much before the machine's newest is settled: its changes are corrections"""

METER_WRAPS_AT = 10**8
CASH_OUT = 0x80
LOCK_UP_MINUTES = 60
"""A hand-pay so much before an end without a start may be that game's."""


UNLOCKS = frozenset({"game.started", "game.ended", "card.inserted"})
"""What shows that a machine is not locked up for a hand-pay any more."""


class Rule(NamedTuple):
    """A property's rules: when its gaming day starts, and how long a card may lie idle."""

    zone: str
    start_hour: int
    idle_minutes: int = 15


class Account(NamedTuple):
    """What sums are kept by: a gaming day of a machine, and the session; None is uncarded play."""

    property_id: str
    asset_id: str
    day: str
    player_id: str | None
    started_at: int


class MachineDayKey(NamedTuple):
    """A machine's gaming day."""

    property_id: str
    asset_id: str
    day: str


@dataclass
class Sums:
    """Play, exact. Theoretical win in dollars."""

    games: int = 0
    incomplete_games: int = 0
    coin_in_cents: int = 0
    coin_out_cents: int = 0
    theoretical_dollars: Fraction = Fraction(0)
    unrated_coin_in_cents: int = 0
    unvalued_credits: int = 0
    meter_difference_cents: int = 0
    handpaid_cents: int = 0
    gaps: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*[getattr(self, name) + getattr(other, name) for name in SUM_FIELDS])

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(*[getattr(self, name) - getattr(other, name) for name in SUM_FIELDS])

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in SUM_FIELDS)


SUM_FIELDS = tuple(entry.name for entry in fields(Sums))


class Line(NamedTuple):
    """One effect: what an event did to an account."""

    account: Account
    at: int
    """Device time of the event that had it, epoch milliseconds."""
    sums: Sums

    @property
    def page(self) -> int:
        """Start of the page it falls into, epoch milliseconds."""
        span = PAGE_MINUTES * 60_000
        return self.at // span * span


class Seat(NamedTuple):
    """Who plays at a machine after its newest event, and since when it may be locked up."""

    player_id: str | None
    since: int | None
    locked_since: int | None


@dataclass
class Verdict:
    """What must be stored."""

    lines: list[Line] = field(default_factory=list)
    session_play: dict[Account, tuple[int, int]] = field(default_factory=dict)
    """First and last play of a carded account."""
    machine_play: dict[MachineDayKey, tuple[int, int]] = field(default_factory=dict)
    """First and last start, end or win paid by hand of a machine's gaming day."""
    seats: dict[tuple[str, str], Seat] = field(default_factory=dict)
    """Of every machine heard of, by property and asset."""

    def worth(self, property_id: str, asset_id: str) -> Fraction:
        """What the session in progress at a machine came to, in dollars."""
        seat = self.seats[property_id, asset_id]
        mine = (property_id, asset_id, seat.player_id, seat.since)
        return sum(
            (
                line.sums.theoretical_dollars
                for line in self.lines
                if (a := line.account) and (a[0], a[1], a[3], a[4]) == mine
            ),
            Fraction(0),
        )

    def accounts(self) -> dict[Account, Sums]:
        """The sums of every account that has any, or had play."""
        found: defaultdict[Account, Sums] = defaultdict(Sums)
        for line in self.lines:
            found[line.account] += line.sums
        return {
            account: sums for account, sums in found.items() if sums or account in self.session_play
        } | {account: Sums() for account in self.session_play if account not in found}

    def machine_days(self) -> dict[MachineDayKey, Sums]:
        """The sums of every gaming day that a machine was played on."""
        found: dict[MachineDayKey, Sums] = {key: Sums() for key in self.machine_play}
        for line in self.lines:
            key = MachineDayKey(*line.account[:3])
            found[key] = found.get(key, Sums()) + line.sums
        return found


@lru_cache(maxsize=64)
def _day_starts(zone: str, hour: int) -> tuple[list[int], list[str]]:
    """The moments at which gaming days start, epoch milliseconds, and the names of the days."""
    where = ZoneInfo(zone)
    days = [date(1969, 12, 25) + timedelta(n) for n in range(30)]
    days += [date(2019, 12, 25) + timedelta(n) for n in range(366 * 8)]
    starts = [
        int(datetime(d.year, d.month, d.day, hour, tzinfo=where).astimezone(UTC).timestamp()) * 1000
        for d in days
    ]
    return starts, [d.isoformat() for d in days]


def gaming_day(rule: Rule, at: int) -> str:
    """The gaming day of a moment in epoch milliseconds (of 1970, or of 2020 to 2027)."""
    starts, names = _day_starts(rule.zone, rule.start_hour)
    return names[bisect_right(starts, at) - 1]


def judge(facts: Iterable[Fact], rules: dict[str, Rule]) -> Verdict:
    """What must be stored of these accepted events, each of them once."""
    machines: defaultdict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        machines[fact.property_id, fact.asset_id].append(fact)
    verdict = Verdict()
    for (property_id, asset_id), events in sorted(machines.items()):
        walk = _Walk(property_id, asset_id, rules[property_id], verdict)
        for fact in sorted(events, key=lambda f: (f.occurred_at, f.sequence, f.event_id)):
            walk.take(fact)
        seat = Seat(None, None, walk.locked_since)
        if walk.visit is not None:
            seat = seat._replace(player_id=walk.visit.player_id, since=walk.visit.started_at)
        verdict.seats[property_id, asset_id] = seat
    return verdict


@dataclass
class _Table:
    """A paytable: the house's share of coin-in, and what an accounting credit is worth."""

    hold: Fraction
    credit_cents: int


@dataclass
class _Visit:
    """A player's session at the machine."""

    player_id: str
    started_at: int
    active_at: int
    named: bool = False


@dataclass
class _Game:
    """A game from its start on. `visit` is None for uncarded play."""

    account: Account
    visit: _Visit | None
    table: _Table | None
    wager_cents: int = 0
    wager_credits: int = 0
    win_cents: int = 0
    win_waits: bool = False
    """Its win is known in credits of an unknown value."""
    handpaid: int = 0
    added_after_end: int = 0
    """By hand-pays that may be those of the next game, should its start be missing."""
    paid_at: int = 0
    started_at: int | None = None
    gaps: int = 0
    """1 where its start showed that events were lost; `gap_cents` is the meter's amount."""
    gap_cents: int = 0


@dataclass
class _Waiting:
    """A counted game that no paytable was in force for."""

    account: Account
    coin_in_cents: int
    credits_in: int
    credits_out: int


class _Walk:
    """One pass over one machine's events."""

    def __init__(self, property_id: str, asset_id: str, rule: Rule, verdict: Verdict) -> None:
        self.property_id = property_id
        self.asset_id = asset_id
        self.rule = rule
        self.verdict = verdict
        self.tables: dict[int, _Table] = {}
        self.selected = 0
        self.waiting: list[_Waiting] = []
        self.visit: _Visit | None = None
        self.playing: _Game | None = None
        self.last: _Game | None = None
        self.paid: tuple[int, int] | None = None
        self.locked_since: int | None = None
        self.meter: int | None = None
        self.overflowed = False

    def take(self, fact: Fact) -> None:
        """The next event."""
        at, of = fact.occurred_at, fact.values
        if fact.kind in UNLOCKS:
            self.locked_since = None
        elif fact.kind == "handpay.pending" and self.locked_since is None:
            self.locked_since = at
        match fact.kind:
            case "card.inserted":
                self.card_in(fact.player_id or "", at)
            case "card.removed":
                if self.live(at) and self.visit and self.visit.player_id == fact.player_id:
                    self.visit = None
            case "game.started":
                self.start(fact, at)
            case "game.ended":
                self.end(fact, at)
            case "paytable.reported":
                hold = 1 - Fraction(of["base_basis_points"], 10_000)
                table = _Table(hold, of.get("accounting_denomination_cents", 1))
                self.change_table(
                    lambda: self.tables.__setitem__(of.get("game_number", 0), table), at
                )
            case "game.selected":
                self.change_table(lambda: setattr(self, "selected", of["game_number"]), at)
            case "handpay.pending":
                self.paid = None
            case "handpay.reported":
                if of.get("level", 0) != CASH_OUT:
                    self.handpay(of["amount_cents"], of.get("level", 0), at)
            case "meters.reset":
                self.meter = 0
            case "events.overflowed":
                self.overflowed = True

    # Cards.

    def live(self, at: int, *, starts: bool = False) -> bool:
        """Whether there is a session by now. One that lay idle is over, unless it plays a game; a
        game that has not ended when the next one starts was not played.
        """
        visit = self.visit
        if visit is None:
            return False
        in_game = self.playing is not None and self.playing.visit is visit
        if (starts or not in_game) and at - visit.active_at > self.rule.idle_minutes * 60_000:
            self.visit = None
        return self.visit is not None

    def card_in(self, player_id: str, at: int) -> None:
        if self.live(at) and self.visit and self.visit.player_id == player_id:
            self.visit.active_at = at
        else:
            self.visit = _Visit(player_id, at, at)
            if self.last is not None:
                self.last.added_after_end = 0

    def account(self, at: int, visit: _Visit | None) -> Account:
        day = gaming_day(self.rule, at)
        if visit is None:
            return Account(self.property_id, self.asset_id, day, None, 0)
        return Account(self.property_id, self.asset_id, day, visit.player_id, visit.started_at)

    def machine_played(self, at: int) -> None:
        key = MachineDayKey(self.property_id, self.asset_id, gaming_day(self.rule, at))
        first, last = self.verdict.machine_play.get(key, (at, at))
        self.verdict.machine_play[key] = min(first, at), max(last, at)

    def session_played(self, visit: _Visit, at: int) -> None:
        account = self.account(at, visit)
        first, last = self.verdict.session_play.get(account, (at, at))
        self.verdict.session_play[account] = min(first, at), max(last, at)

    def note(self, account: Account, at: int, sums: Sums) -> None:
        self.verdict.lines.append(Line(account, at, sums))

    # Games.

    def start(self, fact: Fact, at: int) -> None:
        name = fact.player_id
        self.machine_played(at)
        self.live(at, starts=True)
        if self.playing is not None:
            self.count(self.playing, at, incomplete=True)
        if name is None:
            if self.visit is not None and self.visit.named:
                self.visit = None
        elif self.visit is None or self.visit.player_id != name:
            self.visit = _Visit(name, at, at)
        visit = self.visit
        if visit is not None:
            visit.active_at = at
            visit.named = visit.named or name is not None
        self.playing = _Game(
            self.account(at, visit),
            visit,
            self.in_force(),
            fact.values.get("wager_cents", 0),
            fact.values.get("wager_credits", 0),
            started_at=at,
        )
        self.paid = None
        meter = fact.values.get("coin_in_meter_credits")
        if meter is not None:
            self.compare_meter(self.playing, meter, at)

    def end(self, fact: Fact, at: int) -> None:
        name = fact.player_id
        self.machine_played(at)
        game = self.playing
        if game is None:
            visit = self.visit if self.live(at) else None
            if visit is not None and name != visit.player_id and (name or visit.named):
                visit = None
            if visit is not None:
                visit.active_at = at
                visit.named = visit.named or name is not None
            game = _Game(self.account(at, visit), visit, self.in_force())
        elif game.visit is not None and game.visit is self.visit:
            game.visit.active_at = at
        said = fact.values.get("win_cents", 0)
        credits_out = fact.values.get("win_credits", 0)
        if game.table is not None:
            said += credits_out * game.table.credit_cents
            credits_out = 0
        game.win_cents, game.win_waits = said, credits_out > 0
        missing_start = self.playing is None
        if missing_start and self.last is not None:
            game.win_cents = max(said - self.locked_up_for(self.last, at), 0)
        self.count(game, at, incomplete=missing_start, credits_out=credits_out)
        game.win_cents = said  # what may yet be paid by hand is held against all that it said

    def count(self, game: _Game, at: int, *, incomplete: bool, credits_out: int = 0) -> None:
        if game.visit is not None:
            self.session_played(game.visit, at if game.started_at is None else game.started_at)
        coin_in, credits_in, table = game.wager_cents, game.wager_credits, game.table
        sums = Sums(games=int(not incomplete), incomplete_games=int(incomplete))
        if table is not None:
            coin_in += credits_in * table.credit_cents
            sums.theoretical_dollars = Fraction(coin_in, 100) * table.hold
        elif coin_in or credits_in or credits_out:
            sums.unrated_coin_in_cents = coin_in
            sums.unvalued_credits = credits_in + credits_out
            self.waiting.append(_Waiting(game.account, coin_in, credits_in, credits_out))
        sums.coin_in_cents = coin_in
        sums.coin_out_cents = game.win_cents
        if not game.win_waits:
            sums.coin_out_cents = max(game.win_cents, game.handpaid)
        sums.handpaid_cents = game.handpaid
        sums.gaps, sums.meter_difference_cents = game.gaps, game.gap_cents
        self.note(game.account, at, sums)
        self.playing, self.last = None, game

    def handpay(self, amount: int, level: int, at: int) -> None:
        self.machine_played(at)
        if self.paid == (amount, level):
            return
        self.paid = amount, level
        if self.playing is not None:
            self.playing.handpaid += amount
            return
        game = self.last
        if game is None:  # before any game there is nobody's play to count it for
            game = self.last = _Game(self.account(at, None), None, None)
        before = max(game.win_cents, game.handpaid)
        game.handpaid += amount
        added = 0 if game.win_waits else max(game.win_cents, game.handpaid) - before
        game.added_after_end = self.locked_up_for(game, at) + added
        game.paid_at = at
        self.note(game.account, at, Sums(coin_out_cents=added, handpaid_cents=amount))

    def locked_up_for(self, last: _Game, at: int) -> int:
        """What hand-pays added to the last game that the machine may still be locked up for."""
        return last.added_after_end if at <= last.paid_at + LOCK_UP_MINUTES * 60_000 else 0

    # Paytables.

    def in_force(self) -> _Table | None:
        return self.tables.get(self.selected) or self.tables.get(0)

    def change_table(self, change: Callable[[], None], at: int) -> None:
        before = self.in_force()
        change()
        table = self.in_force()
        if before is not None or table is None:
            return
        for play in self.waiting:
            valued = play.credits_in * table.credit_cents
            self.note(
                play.account,
                at,
                Sums(
                    coin_in_cents=valued,
                    coin_out_cents=play.credits_out * table.credit_cents,
                    theoretical_dollars=Fraction(play.coin_in_cents + valued, 100) * table.hold,
                    unrated_coin_in_cents=-play.coin_in_cents,
                    unvalued_credits=-(play.credits_in + play.credits_out),
                ),
            )
        self.waiting = []
        if self.playing is not None and self.playing.table is None:
            self.playing.table = table

    # Meters.

    def compare_meter(self, game: _Game, meter: int, at: int) -> None:
        before, self.meter = self.meter, meter
        overflowed, self.overflowed = self.overflowed, False
        table = self.in_force()
        difference = 0
        was_reset = False
        if before is not None and table is not None:
            moved = meter - before
            if moved <= -(METER_WRAPS_AT // 100):
                was_reset = before < METER_WRAPS_AT // 10 * 9
                moved = meter if was_reset else moved + METER_WRAPS_AT
            wager = game.wager_cents + game.wager_credits * table.credit_cents
            difference = moved * table.credit_cents - wager
        if difference or overflowed or was_reset:
            game.gaps, game.gap_cents = 1, difference
