"""Players: what somebody's play comes to, by the house rules of each day.

`profile` looks at a player's sessions at one property as they are known now and says what they
come to as of a gaming day: days, trips, average daily theoretical win (ADT), worth segment, points,
tier. It is a function of the sessions, the rules and that day, so it can be made again for any day,
and a rule that begins later changes nothing before it. `docs/house-rules.md` has it in words.

Play at tables counts by its theoretical win: for days, trips, ADT and worth. It earns no points,
which are of coin-in, and no pace, which is of a machine's clock.

Money is in cents, theoretical win in ten-thousandths of a cent, time in milliseconds. Where a
figure is a quotient, it is divided once, at the end, and rounded down.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple, Protocol, Self

from msgspec import Struct

from pitboss.money import THEORETICAL_UNITS_PER_DOLLAR
from pitboss.rating.fold import SessionDay, Tally
from pitboss.rating.house_rules import Period, PropertyRules, RuleSet
from pitboss.rating.tables import TABLE_UNITS_PER_DOLLAR, TableDay

MAX_SESSION_DAYS = 5_000
"""Session-days that a player's rating is made of, the newest. ADT looks back a year and a tier on
the period before this one, two years at most: a player of five visits a week with nine machines
each has as many. Read they are 1.5 MB, two queries' answers."""

MAX_TABLE_DAYS = 1_000
"""Gaming days at tables that a player's rating is made of, the newest: two years and more."""

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_CENT = 10_000
"""Ten-thousandths of a cent in a cent."""
_TABLE_UNITS = TABLE_UNITS_PER_DOLLAR // THEORETICAL_UNITS_PER_DOLLAR
"""Table units in a ten-thousandth of a cent: both theoretical wins are whole numbers of them."""


class PlayedSession(Protocol):
    """A session's play of one gaming day, as `pitboss.stores.ratings.PlayerSession` has it."""

    @property
    def key(self) -> SessionDay: ...
    @property
    def asset_id(self) -> str: ...
    @property
    def tally(self) -> Tally: ...
    @property
    def first_play(self) -> int | None: ...
    @property
    def last_play(self) -> int | None: ...


class Play(Struct):
    """Sums of a player's play."""

    games: int = 0
    incomplete_games: int = 0
    coin_in_cents: int = 0
    coin_out_cents: int = 0
    theoretical_win: int = 0
    """Ten-thousandths of a cent, of the coin-in that is rated."""
    table_theoretical_win: int = 0
    """Of rated sessions at tables, in table units of 1/600,000,000 dollar."""
    table_actual_win_cents: int = 0
    """What the house won at tables."""
    unrated_coin_in_cents: int = 0
    """Coin-in whose paytable is not known: part of coin-in, worth nothing yet."""
    unvalued_credits: int = 0
    """Wagers and wins in credits whose worth is not known: part of no amount yet."""
    play_ms: int = 0
    """First to last play, added up over the sessions."""
    wall_clock_ms: int = 0
    """The same, but time at two machines at once counts once."""
    timed_games: int = 0
    """Games after their session's first: those that `play_ms` is the time of."""

    @property
    def actual_win_cents(self) -> int:
        """What the house won: coin-in less coin-out, and at tables."""
        return self.coin_in_cents - self.coin_out_cents + self.table_actual_win_cents

    @property
    def worth(self) -> int:
        """Theoretical win of all play in table units, exact."""
        return self.theoretical_win * _TABLE_UNITS + self.table_theoretical_win

    @property
    def wagered(self) -> bool:
        """Whether anything is known to have been wagered: what makes a day one with play."""
        return self.coin_in_cents > 0 or self.unvalued_credits > 0 or self.table_theoretical_win > 0

    @property
    def rated(self) -> bool:
        """Whether any of the play is rated."""
        return self.coin_in_cents > self.unrated_coin_in_cents or self.table_theoretical_win > 0

    @property
    def average_bet(self) -> int | None:
        """Coin-in a game in ten-thousandths of a cent, rounded down; None without a game."""
        games = self.games + self.incomplete_games
        return self.coin_in_cents * _CENT // games if games else None

    @property
    def pace(self) -> int | None:
        """Games an hour from start to start, in hundredths, rounded down; None without time.

        n starts are n - 1 games apart: a session's first game begins its time.
        """
        return self.timed_games * _HOUR_MS * 100 // self.play_ms if self.play_ms else None

    @property
    def minutes(self) -> int:
        """Minutes of play, rounded down, at all machines together."""
        return self.play_ms // _MINUTE_MS

    @property
    def wall_clock_minutes(self) -> int:
        """Minutes of play by the clock, rounded down: never more than `minutes`."""
        return self.wall_clock_ms // _MINUTE_MS

    def add_session(self, session: PlayedSession) -> None:
        """Add a session's play in place; `wall_clock_ms` is not a matter of one session."""
        tally = session.tally
        self.games += tally.games
        self.incomplete_games += tally.incomplete_games
        self.coin_in_cents += tally.coin_in_cents
        self.coin_out_cents += tally.coin_out_cents
        self.theoretical_win += tally.theoretical_win
        self.unrated_coin_in_cents += tally.unrated_coin_in_cents
        self.unvalued_credits += tally.unvalued_credits
        if session.first_play is not None and session.last_play is not None:
            self.play_ms += session.last_play - session.first_play
            self.timed_games += max(tally.games + tally.incomplete_games - 1, 0)

    def add_tables(self, tables: TableDay) -> None:
        """Add a day's play at tables in place."""
        self.table_theoretical_win += tables.theoretical_win
        self.table_actual_win_cents += tables.actual_win_cents

    def add(self, other: Self) -> None:
        """Add other play in place."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class GamingDayPlay(Struct, frozen=True):
    """A player's gaming day."""

    day: str
    play: Play
    points: int
    """Whole points for the day's coin-in, by the rule of the day."""


class Trip(Struct, frozen=True):
    """Gaming days with play, with no more days without between than the rules let pass."""

    first_day: str
    last_day: str
    days_played: int
    open: bool
    """Whether play of today belongs, or would belong, to it."""
    play: Play


class AverageDailyTheoretical(Struct, frozen=True):
    """ADT over a window of the calendar: theoretical win a day, of the days with rated play."""

    first_day: str
    last_day: str
    days: int
    """Gaming days with rated play: what the means are of."""
    mean: int | None
    """Ten-thousandths of a cent, rounded down; None where no day is rated."""
    trimmed_mean: int | None
    """The same without the lowest and the highest fifth of the days (`trimmed_mean`)."""
    unrated_days: int
    """Days with play of which nothing is rated yet: in neither mean."""
    unrated_coin_in_cents: int
    """Coin-in of the window that no mean knows the worth of."""


class Move(StrEnum):
    """Why a tier changed."""

    FIRST_PLAY = "first_play"
    PROMOTED = "promoted"
    DEMOTED = "demoted"


class TierChange(Struct, frozen=True):
    """A tier change and what made it."""

    day: str
    move: Move
    before: str | None
    after: str
    points: int
    """The points it was made for: the period's up to that day, or the closed period's."""
    rules: str
    """`effective_from` of the rules that made it."""


class Standing(Struct, frozen=True):
    """A player's tier, and what it takes to keep and to raise it."""

    tier: str
    since: str
    held_until: str | None
    """The last gaming day it is held, whatever is played, by the rules known; None for the lowest,
    which cannot be lost."""
    period: Period
    points: int
    """Points of the evaluation period so far."""
    next_tier: str | None
    points_needed: int | None
    """Points of this period still to earn for the next tier."""
    history: tuple[TierChange, ...]


class Overlap(NamedTuple):
    """Two sessions of one player at two machines at the same time."""

    day: str
    asset_id: str
    started_at: int
    other_asset_id: str
    other_started_at: int
    since: int
    """Epoch milliseconds: both are played from here to `until`."""
    until: int


class Profile(Struct, frozen=True):
    """A player at a property as of a gaming day."""

    today: str
    rules: str
    """`effective_from` of the rules in force today."""
    days: tuple[GamingDayPlay, ...]
    """Every day that anything is known of, the earliest first, with or without play."""
    days_played: int
    total: Play
    window: Play
    """What is played within the window of ADT."""
    trips: tuple[Trip, ...]
    adt: AverageDailyTheoretical
    worth_segment: str | None
    """None where no day of the window is rated."""
    standing: Standing | None
    """None before the first play."""
    overlaps: tuple[Overlap, ...]


def profile(
    sessions: Iterable[PlayedSession],
    rules: PropertyRules,
    today: str,
    tables: Iterable[TableDay] = (),
) -> Profile:
    """What a player's play at a property comes to as of a gaming day (ISO date).

    The sessions at machines may come in any order, each session's gaming day once, and so may the
    days at tables. What is of days after `today` counts for nothing.
    """
    by_day: dict[str, list[PlayedSession]] = {}
    for session in sessions:
        if session.key.day <= today:
            by_day.setdefault(session.key.day, []).append(session)
    at_tables = {tables_of.day: tables_of for tables_of in tables if tables_of.day <= today}
    days = tuple(
        _day(day, by_day.get(day, ()), at_tables.get(day), rules)
        for day in sorted(by_day.keys() | at_tables.keys())
    )
    played = [day for day in days if day.play.wagered]
    now = rules.on(today)
    first = _shifted(today, 1 - now.adt_window_days)
    window = [day for day in days if day.day >= first]
    adt = _adt(first, today, window)
    worth = adt.mean if now.worth_by == "mean" else adt.trimmed_mean
    return Profile(
        today=today,
        rules=now.since,
        days=days,
        days_played=len(played),
        total=_sum(days),
        window=_sum(window),
        trips=tuple(_trips(played, rules, today)),
        adt=adt,
        worth_segment=None if worth is None else now.segment_for(worth),
        standing=_standing(played, rules, today) if played else None,
        overlaps=tuple(overlap for day in sorted(by_day) for overlap in _overlaps(by_day[day])),
    )


def trimmed_mean(values: Sequence[int]) -> int:
    """The 20 % trimmed mean, rounded down.

    The lowest and the highest fifth of the values are left out and the rest is averaged (Tukey,
    "The Future of Data Analysis", 1962). Where a fifth is no whole number of values, the next value
    counts with the part that is left of it, as Rosenberger and Gasko define it ("Comparing Location
    Estimators: Trimmed Means, Medians, and Trimean", 1983): already of three values the extremes
    weigh less. Exact: each value counts five times, and as many as there are values go at each end.

    >>> trimmed_mean([10, 20, 90])
    33
    """
    count = len(values)
    whole, part = divmod(count, 5)
    kept = sorted(values)[whole : count - whole]
    return (5 * sum(kept) - part * (kept[0] + kept[-1])) // (3 * count)


def _day(
    day: str, sessions: Sequence[PlayedSession], tables: TableDay | None, rules: PropertyRules
) -> GamingDayPlay:
    play = Play()
    if tables is not None:
        play.add_tables(tables)
    for session in sessions:
        play.add_session(session)
    play.wall_clock_ms = _union_ms(_bounded(sessions))
    return GamingDayPlay(day, play, play.coin_in_cents // rules.on(day).coin_in_cents_a_point)


def _sum(days: Iterable[GamingDayPlay]) -> Play:
    total = Play()
    for day in days:
        total.add(day.play)
    return total


def _shifted(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _between(earlier: str, later: str) -> int:
    """Gaming days between two, neither of them counted."""
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days - 1


# --- trips and worth ------------------------------------------------------------------------------


def _trips(played: Sequence[GamingDayPlay], rules: PropertyRules, today: str) -> Iterator[Trip]:
    """The trips, the earliest first. The rule of the day before a pause says how long it may be."""
    trip: list[GamingDayPlay] = []
    for day in played:
        if trip and not _goes_on(trip[-1].day, day.day, rules):
            yield _trip(trip, is_open=False)
            trip = []
        trip.append(day)
    if trip:
        yield _trip(trip, is_open=_goes_on(trip[-1].day, today, rules))


def _goes_on(earlier: str, later: str, rules: PropertyRules) -> bool:
    return _between(earlier, later) <= rules.on(earlier).trip_gap_days


def _trip(days: Sequence[GamingDayPlay], *, is_open: bool) -> Trip:
    return Trip(days[0].day, days[-1].day, len(days), is_open, _sum(days))


def _adt(first: str, last: str, window: Sequence[GamingDayPlay]) -> AverageDailyTheoretical:
    wins = [day.play.worth for day in window if day.play.rated]
    return AverageDailyTheoretical(
        first_day=first,
        last_day=last,
        days=len(wins),
        mean=sum(wins) // (len(wins) * _TABLE_UNITS) if wins else None,
        trimmed_mean=trimmed_mean(wins) // _TABLE_UNITS if wins else None,
        unrated_days=sum(day.play.wagered and not day.play.rated for day in window),
        unrated_coin_in_cents=sum(day.play.unrated_coin_in_cents for day in window),
    )


# --- tiers ----------------------------------------------------------------------------------------


class _Tiers:
    """Walks a player's tier through the days, in order."""

    def __init__(self, first: str, rules: PropertyRules) -> None:
        self._rules = rules
        self.period = rules.period(first)
        self.points = 0
        lowest = rules.on(first).tiers[0].name
        self.earned = lowest
        """The highest tier that the period's points were enough for."""
        self.held = lowest
        self.history = [
            TierChange(first, Move.FIRST_PLAY, None, lowest, 0, rules.on(first).since),
        ]

    def close_period(self) -> None:
        """End the period by the rules of its last day, and begin the next."""
        rules = self._rules.on(self.period.last)
        after = rules.tiers[_after_period(rules, self.held, self.earned)].name
        following = self._rules.period_after(self.period)
        if after != self.held:
            self._move(following.first, Move.DEMOTED, after, rules)
        self.period = following
        self.points = 0
        self.earned = self._rules.on(following.first).tiers[0].name

    def look(self, day: str, points: int) -> None:
        """Count a day's points, and promote where the period's are enough."""
        rules = self._rules.on(day)
        self.points += points
        reached = rules.tier_for(self.points).name
        self.earned = max(reached, self.earned, key=rules.rank)
        if rules.rank(reached) > rules.rank(self.held):
            self._move(day, Move.PROMOTED, reached, rules)

    def _move(self, day: str, move: Move, after: str, rules: RuleSet) -> None:
        self.history.append(TierChange(day, move, self.held, after, self.points, rules.since))
        self.held = after


def _after_period(rules: RuleSet, held: str, earned: str) -> int:
    """The rank a tier falls to, or stays at, when a period ends that earned this one."""
    floor = rules.rank(held) - 1 if rules.demotion == "one_step" else 0
    return max(rules.rank(earned), floor)


def _standing(played: Sequence[GamingDayPlay], rules: PropertyRules, today: str) -> Standing:
    points = {day.day: day.points for day in played}
    first = played[0].day
    tiers = _Tiers(first, rules)
    # A tier can change on a day with play, and on one on which other thresholds begin.
    for day in sorted({*points, *rules.changes(first, today)}):
        while tiers.period.last < day:
            tiers.close_period()
        tiers.look(day, points.get(day, 0))
    while tiers.period.last < today:
        tiers.close_period()
    now = rules.on(today)
    rank = now.rank(tiers.held)
    above = now.tiers[rank + 1] if rank + 1 < len(now.tiers) else None
    return Standing(
        tier=tiers.held,
        since=tiers.history[-1].day,
        held_until=_held_until(tiers, rules, now),
        period=tiers.period,
        points=tiers.points,
        next_tier=above.name if above else None,
        points_needed=above.points - tiers.points if above else None,
        history=tuple(tiers.history),
    )


def _held_until(tiers: _Tiers, rules: PropertyRules, now: RuleSet) -> str | None:
    if now.rank(tiers.held) == 0:
        return None
    if now.rank(tiers.earned) >= now.rank(tiers.held):
        return rules.period_after(tiers.period).last
    return tiers.period.last


# --- time -----------------------------------------------------------------------------------------


class _Bounded(NamedTuple):
    """A session that has play: when, and where."""

    first_play: int
    last_play: int
    asset_id: str
    key: SessionDay


def _bounded(sessions: Iterable[PlayedSession]) -> list[_Bounded]:
    return sorted(
        _Bounded(session.first_play, session.last_play, session.asset_id, session.key)
        for session in sessions
        if session.first_play is not None and session.last_play is not None
    )


def _union_ms(sessions: Sequence[_Bounded]) -> int:
    """Time in which at least one of the sessions, sorted by first play, is played."""
    total = 0
    until = sessions[0].first_play if sessions else 0
    for session in sessions:
        total += max(session.last_play - max(session.first_play, until), 0)
        until = max(until, session.last_play)
    return total


def _overlaps(sessions: Iterable[PlayedSession]) -> Iterator[Overlap]:
    """Pairs of a day's sessions that are played at two machines at the same time."""
    playing: list[_Bounded] = []
    for session in _bounded(sessions):
        playing = [other for other in playing if other.last_play >= session.first_play]
        for other in sorted(playing, key=attrgetter("first_play", "asset_id")):
            if other.asset_id != session.asset_id:
                yield Overlap(
                    session.key.day,
                    other.asset_id,
                    other.key.started_at,
                    session.asset_id,
                    session.key.started_at,
                    session.first_play,
                    min(session.last_play, other.last_play),
                )
        playing.append(session)
