"""Rated sessions at table games: what a supervisor's slip was worth to the house.

Theoretical win = average bet x decisions an hour x hours x house edge. With the average bet in
cents, the time in minutes and the edge in hundred-thousandths (`0.02500` is 2,500) the product is
an integer number of table units of 1/600,000,000 dollar (100 cents x 60 minutes x 100,000), so
nothing is divided: sessions, sums and sums of sums are integers and exact. One division is made,
where a figure becomes text (`table_dollars`).

A session is rated by what the slip says. What looks wrong about it is a `Flag`, never a correction.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

TABLE_UNITS_PER_DOLLAR = 600_000_000
"""Units of a table session's theoretical win in a dollar."""

HOUSE_EDGE_WHOLE = 100_000
"""A house edge of 1: the whole bet."""

_MINUTE_MS = 60_000


class Game(StrEnum):
    """Games whose constants are known."""

    AMERICAN_ROULETTE = "american_roulette"
    BACCARAT = "baccarat"
    BIG_SIX = "big_six"
    BLACKJACK = "blackjack"
    CARIBBEAN_STUD = "caribbean_stud"
    CRAPS = "craps"
    LET_IT_RIDE = "let_it_ride"
    PAI_GOW = "pai_gow"
    PAI_GOW_POKER = "pai_gow_poker"
    SPANISH_21 = "spanish_21"


class GameConstants(Struct, frozen=True):
    """What a casino assumes of a game where nobody measured it.

    The defaults (`HOUSE_CONSTANTS`) are those of "Hands per Hour, House Edge for Comp Purposes",
    Wizard of Odds, https://wizardofodds.com/gambling/house-edge/: an unnamed Las Vegas casino's
    figures for rating players. They are an average player's edge on the bet that is rated, mistakes
    included, so not the edge of perfect play (blackjack 0.28 % under liberal Las Vegas rules) and
    not that of the first bet alone (Caribbean stud 5.22 % of the ante). American roulette is 2/38,
    published as 5.26 %.
    """

    decisions_an_hour: int
    house_edge: int
    """Hundred-thousandths: 5,260 is 5.26 %."""


HOUSE_CONSTANTS: Mapping[Game, GameConstants] = MappingProxyType(
    {
        Game.AMERICAN_ROULETTE: GameConstants(38, 5_260),
        Game.BACCARAT: GameConstants(72, 1_200),
        Game.BIG_SIX: GameConstants(10, 15_530),
        Game.BLACKJACK: GameConstants(70, 750),
        Game.CARIBBEAN_STUD: GameConstants(50, 1_460),
        Game.CRAPS: GameConstants(48, 1_580),
        Game.LET_IT_RIDE: GameConstants(52, 2_400),
        Game.PAI_GOW: GameConstants(30, 1_650),
        Game.PAI_GOW_POKER: GameConstants(34, 1_960),
        Game.SPANISH_21: GameConstants(75, 2_200),
    }
)
"""Constants by game, each with the source that `GameConstants` names."""


class Flag(StrEnum):
    """What a person should look at. A flagged session is rated and counted as it stands."""

    AVERAGE_BET_MISSING = "average_bet_missing"
    """The average bet is 0: nobody rated the play, its theoretical win is 0."""
    MINUTES_MISSING = "minutes_missing"
    """It lasted 0 minutes, its theoretical win is 0."""
    ENDS_BEFORE_START = "ends_before_start"
    """Its end is before its start; the stated minutes are rated."""
    MINUTES_DISAGREE = "minutes_disagree"
    """A minute or more lies between the stated minutes, which are rated, and start to end."""
    PACE_ASSUMED = "pace_assumed"
    """No measured pace: the game's constant was used."""
    PACE_MEASURED = "pace_measured"
    """No pace on the slip: that which the table's shufflers measured was used."""
    EDGE_ASSUMED = "edge_assumed"
    """No house edge: the game's constant was used."""
    OTHER_CURRENCY = "other_currency"
    """The table plays in another currency; its amounts are added as they stand, not converted."""
    REPEATED = "repeated"
    """Nothing tells it from a session before it, yet it may be a second slip."""


_GAMES = {"AR": Game.AMERICAN_ROULETTE, "BJ": Game.BLACKJACK, "CSP": Game.CARIBBEAN_STUD}


def game_of(table_name: str) -> Game | None:
    """The game of a table, by the letters before the dash of its name; None where it is not known.

    >>> game_of("BJ-3")
    <Game.BLACKJACK: 'blackjack'>
    """
    return _GAMES.get(table_name.partition("-")[0])


class TableSession(Struct, frozen=True):
    """One player's rated play at one table."""

    table_name: str
    game: Game | None
    player_id: str
    started_at: int
    """Milliseconds by the same clock as `ended_at`; only their difference is looked at."""
    ended_at: int
    minutes: int
    """The time that is rated."""
    average_bet_cents: int
    actual_win_cents: int
    """What the house won of the player."""
    decisions_an_hour: int | None = None
    """The measured pace; None where there is none."""
    house_edge: int | None = None
    """In hundred-thousandths; None where the slip says none."""
    in_dollars: bool = True


class UnratableSession(ValueError):
    """A session without pace or house edge, at a game whose constants are not known."""

    def __init__(self, table_name: str) -> None:
        super().__init__(
            f"no pace or no house edge, and no constants for the game of table {table_name!r}"
        )


class RatedSession(NamedTuple):
    """What a session was worth, and what to look at."""

    theoretical_win: int
    """In table units: 1/600,000,000 dollar."""
    flags: frozenset[Flag]
    pace: int
    """Decisions an hour that it was rated by."""
    assumed_pace: int | None
    """The game's constant, which is used where nobody measured; None where it is not known."""
    theoretical_win_assumed: int | None
    """What it would be by that constant."""


def table_theoretical_win(
    average_bet_cents: int, decisions_an_hour: int, minutes: int, house_edge: int
) -> int:
    """Theoretical win in table units of 1/600,000,000 dollar, exact.

    >>> table_dollars(table_theoretical_win(10_000, 50, 90, 2_500))
    '187.50'
    """
    return average_bet_cents * decisions_an_hour * minutes * house_edge


def table_dollars(units: int) -> str:
    """Table units as dollars: at least two decimals, none that say nothing, at most nine.

    Every figure of up to nine decimals is exact. A unit is 5/3 of a billionth of a dollar, so the
    others are thirds that no decimal ends; they are rounded to the nearest billionth, at this one
    place. No two figures share a text: the text x 600,000,000, rounded, is the units again.

    >>> table_dollars(250_000_000)
    '0.416666667'
    """
    billionths = (abs(units) * 5 + 1) // 3  # a remainder is a third or two, never a half
    dollars, fraction = divmod(billionths, 1_000_000_000)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if units < 0 else ''}{dollars}.{digits}"


def rate_session(
    session: TableSession,
    constants: Mapping[Game, GameConstants] = HOUSE_CONSTANTS,
    measured_pace: int | None = None,
) -> RatedSession:
    """Rate one session: by its own pace and edge, by its game's where it has none.

    Args:
        session: the slip.
        constants: what is assumed of games.
        measured_pace: decisions an hour that the table's shufflers measured of the gaming day
            (`pitboss.shufflers.metrics.decisions_an_hour`): in place of the game's constant.

    Raises:
        UnratableSession: it lacks one of them and the game's constants are not known.

    """
    assumed = None if session.game is None else constants.get(session.game)
    pace, edge = session.decisions_an_hour, session.house_edge
    pace = measured_pace if pace is None else pace
    if pace is None or edge is None:
        if assumed is None:
            raise UnratableSession(session.table_name)
        pace = assumed.decisions_an_hour if pace is None else pace
        edge = assumed.house_edge if edge is None else edge

    def worth(by_pace: int) -> int:
        bet, minutes = session.average_bet_cents, session.minutes
        return table_theoretical_win(bet, by_pace, minutes, edge)

    return RatedSession(
        worth(pace),
        _flags(session, is_measured=measured_pace is not None),
        pace,
        None if assumed is None else assumed.decisions_an_hour,
        None if assumed is None else worth(assumed.decisions_an_hour),
    )


def _flags(session: TableSession, *, is_measured: bool) -> frozenset[Flag]:
    lasted = session.ended_at - session.started_at
    looked_at = {
        Flag.AVERAGE_BET_MISSING: session.average_bet_cents == 0,
        Flag.MINUTES_MISSING: session.minutes == 0,
        Flag.ENDS_BEFORE_START: lasted < 0,
        Flag.MINUTES_DISAGREE: abs(lasted - session.minutes * _MINUTE_MS) >= _MINUTE_MS
        and lasted >= 0,
        Flag.PACE_ASSUMED: session.decisions_an_hour is None and not is_measured,
        Flag.PACE_MEASURED: session.decisions_an_hour is None and is_measured,
        Flag.EDGE_ASSUMED: session.house_edge is None,
        Flag.OTHER_CURRENCY: not session.in_dollars,
    }
    return frozenset(flag for flag, raised in looked_at.items() if raised)


class TableTally(Struct):
    """Sums of rated sessions. Theoretical win in table units of 1/600,000,000 dollar."""

    sessions: int = 0
    minutes: int = 0
    theoretical_win: int = 0
    actual_win_cents: int = 0

    def add(self, session: TableSession, theoretical_win: int) -> None:
        """Count one session in place."""
        self.sessions += 1
        self.minutes += session.minutes
        self.theoretical_win += theoretical_win
        self.actual_win_cents += session.actual_win_cents


class TableDay(Struct, frozen=True):
    """A player's gaming day at the tables: rated sessions, summed. Dollars alone are."""

    day: str
    sessions: int
    minutes: int
    theoretical_win: int
    """In table units of 1/600,000,000 dollar."""
    actual_win_cents: int
    """What the house won of the player."""
    other_currency_sessions: int
    """Sessions in another currency than dollars: in none of the sums above."""


class TableTotals:
    """Rated sessions, summed: in all, by player, by table and by game."""

    def __init__(self) -> None:
        self.total = TableTally()
        self.players: dict[str, TableTally] = {}
        self.tables: dict[tuple[str, Game | None], TableTally] = {}
        """By a table's name and game."""
        self.games: dict[Game | None, TableTally] = {}
        """By game; None is every game that is not known."""
        self.flags: Counter[Flag] = Counter()
        """How many sessions have each flag; one session may have several."""

    def add(self, session: TableSession, rated: RatedSession) -> None:
        """Count one session in every sum it belongs to."""
        for tally in (
            self.total,
            self.players.setdefault(session.player_id, TableTally()),
            self.tables.setdefault((session.table_name, session.game), TableTally()),
            self.games.setdefault(session.game, TableTally()),
        ):
            tally.add(session, rated.theoretical_win)
        self.flags.update(rated.flags)
