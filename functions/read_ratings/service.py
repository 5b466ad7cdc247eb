"""The use case: a machine's, a player's and the floor's rating as documents."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from pitboss.money import dollars, theoretical_dollars
from pitboss.rating import players
from pitboss.rating.fold import Tally
from pitboss.rating.history import MachineDay
from pitboss.rating.house_rules import PropertyRules
from pitboss.rating.players import MAX_SESSION_DAYS, MAX_TABLE_DAYS
from pitboss.rating.tables import TableDay, table_dollars
from pitboss.stores.ratings import Asset, MachineRating, PlayerSession, SessionPlace

MAX_DAYS = 31
"""Closed gaming days of a machine that are shown."""

MAX_SESSIONS = 100
"""Session-days in a player's document, the newest; `/sessions` has all."""

MAX_TRIPS = 10
"""Trips that are shown, the newest."""

MAX_OVERLAPS = 20
"""Overlaps that are shown, the newest."""


class Ratings(Protocol):
    """Where ratings are read; see `pitboss.stores.ratings.DynamoRatings`."""

    def machine(self, asset: Asset) -> MachineRating | None: ...
    def closed_days(self, asset: Asset, newest: int) -> list[MachineDay]: ...
    def floor(self, property_id: str) -> list[MachineRating]: ...
    def player_sessions(
        self, property_id: str, player_id: str, newest: int, before: SessionPlace | None = None
    ) -> list[PlayerSession]: ...
    def table_days(self, property_id: str, player_id: str, newest: int) -> list[TableDay]: ...


class Amounts(Struct, frozen=True):
    """Sums of play, or differences of sums. `theoretical_win` is dollars as a decimal string,
    exact. Coin-out has what was paid by hand already; `meter_difference_cents` is coin-in by the
    machine's meter less coin-in by its events, over `gaps` gaps.
    """

    games: int
    incomplete_games: int
    coin_in_cents: int
    coin_out_cents: int
    actual_win_cents: int
    theoretical_win: str
    unrated_coin_in_cents: int
    handpaid_cents: int
    gaps: int
    meter_difference_cents: int


class Play(Amounts, frozen=True):
    """Sums of play, with its first and last play. `theoretical_win` is dollars as a decimal string,
    exact.
    """

    first_play: int | None
    last_play: int | None


class PlayOfDay(Struct, frozen=True):
    """A gaming day's play."""

    gaming_day: str
    play: Play


class MachineDocument(Struct, frozen=True):
    """`GET /v1/machines/{asset_id}`: the newest gaming day first."""

    property_id: str
    asset_id: str
    hold_basis_points: int | None
    meter_difference_cents: int
    """Of the newest day."""
    days: list[PlayOfDay]


class SessionDocument(Struct, frozen=True):
    """A player's play at one machine in one gaming day; `started_at` is epoch milliseconds."""

    asset_id: str
    started_at: int
    gaming_day: str
    play: Play


class TablePlay(Struct, frozen=True):
    """A gaming day's rated sessions at tables, as they were imported. `theoretical_win` is dollars
    as a decimal string, rounded at the ninth decimal; `other_currency_sessions` are in no sum.
    """

    gaming_day: str
    sessions: int
    minutes: int
    actual_win_cents: int
    theoretical_win: str
    other_currency_sessions: int


class Adt(Struct, frozen=True):
    """Average daily theoretical win: dollars a gaming day with rated play, of the days from
    `first_day` to `last_day`, rounded down. Absent where no day is rated.
    """

    first_day: str
    last_day: str
    days: int
    mean: str | None
    trimmed_mean: str | None
    unrated_days: int
    unrated_coin_in_cents: int


class TierChange(Struct, frozen=True):
    """A tier change; `rules` is the day from which the rules are in force that made it."""

    gaming_day: str
    move: str
    before: str | None
    after: str
    points: int
    rules: str


class TierStanding(Struct, frozen=True):
    """A player's tier, until when it is held at least, and what the next one takes."""

    tier: str
    since: str
    held_until: str | None
    period_first_day: str
    period_last_day: str
    points: int
    next_tier: str | None
    points_needed: int | None
    history: list[TierChange]


class Trip(Struct, frozen=True):
    """Gaming days with play that belong together; `open` where play of today would belong to it."""

    first_day: str
    last_day: str
    days_played: int
    open: bool
    games: int
    coin_in_cents: int
    actual_win_cents: int
    theoretical_win: str
    minutes: int


class Overlap(Struct, frozen=True):
    """Two sessions at two machines at the same time."""

    gaming_day: str
    asset_id: str
    started_at: int
    other_asset_id: str
    other_started_at: int
    since: int
    until: int


class Pace(Struct, frozen=True):
    """How somebody plays: average bet in dollars and games an hour as decimal strings, rounded
    down; minutes at all machines together, and by the clock.
    """

    average_bet: str | None
    games_per_hour: str | None
    minutes: int
    wall_clock_minutes: int


class PlayerRating(Struct, frozen=True):
    """What a player's play comes to as of `gaming_day`, by the house rules in force since `rules`.

    Pace is that of the window of ADT. The newest trips and overlaps come first.
    """

    gaming_day: str
    rules: str
    days_played: int
    worth_segment: str | None
    adt: Adt
    tier: TierStanding | None
    pace: Pace
    trips: list[Trip]
    trip_count: int
    overlaps: list[Overlap]
    overlap_count: int


class PlayerDocument(Struct, frozen=True):
    """`GET /v1/players/{player_id}`: rating and totals, days and the newest sessions newest first.

    `total`, `days` and `sessions` are play at machines, `tables` is play at tables, and `rating` is
    of both. `truncated` says that there is older play, of days that are neither shown nor rated
    here.
    """

    property_id: str
    player_id: str
    rating: PlayerRating
    session_count: int
    total: Play
    days: list[PlayOfDay]
    sessions: list[SessionDocument]
    tables: list[TablePlay]
    truncated: bool


class SessionsDocument(Struct, frozen=True):
    """`GET /v1/players/{player_id}/sessions`: session-days, the newest first. `next` is the cursor
    of those that follow, absent at the end.
    """

    property_id: str
    player_id: str
    sessions: list[SessionDocument]
    next: str | None


class FloorMachine(Struct, frozen=True):
    """A machine on the floor and its newest gaming day."""

    asset_id: str
    hold_basis_points: int | None
    gaming_day: str
    play: Play


class FloorDocument(Struct, frozen=True):
    """`GET /v1/floor`: totals of the newest gaming day, and every machine by asset number."""

    property_id: str
    gaming_day: str | None
    total: Play
    machines: list[FloorMachine]


class SessionPosition(Struct, frozen=True, array_like=True):
    """Where a list of sessions goes on: after this one."""

    day: str
    started_at: int
    asset_id: str


def machine(ratings: Ratings, asset: Asset) -> MachineDocument | None:
    """A machine's rating; None where it was never heard of."""
    rating = ratings.machine(asset)
    if rating is None:
        return None
    days = [rating.today, *ratings.closed_days(asset, MAX_DAYS)]
    return MachineDocument(
        asset.property_id,
        asset.asset_id,
        rating.hold_basis_points,
        rating.today.tally.meter_difference_cents,
        [PlayOfDay(day.day, _play([day])) for day in days],
    )


def player(
    ratings: Ratings, property_id: str, player_id: str, rules: PropertyRules, today: str
) -> PlayerDocument | None:
    """A player's rating as of a gaming day; None where no play of theirs is known."""
    found = ratings.player_sessions(property_id, player_id, MAX_SESSION_DAYS + 1)
    at_tables = ratings.table_days(property_id, player_id, MAX_TABLE_DAYS + 1)
    if not found and not at_tables:
        return None
    oldest = []  # of lists that are cut: of these days something may be missing
    if len(found) > MAX_SESSION_DAYS:
        oldest.append(found[-1].key.day)
    if len(at_tables) > MAX_TABLE_DAYS:
        oldest.append(at_tables[-1].day)
    until = max(oldest, default="")
    known = [session for session in found if session.key.day > until]
    tables = [day for day in at_tables if day.day > until]
    days: dict[str, list[PlayerSession]] = {}
    for session in known:
        days.setdefault(session.key.day, []).append(session)
    return PlayerDocument(
        property_id,
        player_id,
        _rating(players.profile(known, rules, today, tables)),
        len({(session.asset_id, session.key.started_at) for session in known}),
        _play(known),
        [PlayOfDay(day, _play(played)) for day, played in days.items()],
        [_session(session) for session in known[:MAX_SESSIONS]],
        [
            TablePlay(
                day.day,
                day.sessions,
                day.minutes,
                day.actual_win_cents,
                table_dollars(day.theoretical_win),
                day.other_currency_sessions,
            )
            for day in tables
        ],
        bool(oldest),
    )


def sessions(
    ratings: Ratings,
    property_id: str,
    player_id: str,
    limit: int,
    after: SessionPosition | None,
    seal: Callable[[SessionPosition], str],
) -> SessionsDocument | None:
    """A page of a player's sessions; None where no play of theirs is known."""
    before = None if after is None else SessionPlace(after.day, after.started_at, after.asset_id)
    found = ratings.player_sessions(property_id, player_id, limit + 1, before)
    if not found and after is None:
        return None
    last = found[limit - 1] if len(found) > limit else None
    return SessionsDocument(
        property_id,
        player_id,
        [_session(session) for session in found[:limit]],
        last and seal(SessionPosition(last.key.day, last.key.started_at, last.asset_id)),
    )


def floor(ratings: Ratings, property_id: str) -> FloorDocument:
    """All machines of a property."""
    machines = sorted(ratings.floor(property_id), key=lambda m: (len(m.asset_id), m.asset_id))
    newest = max((m.today.day for m in machines), default=None)
    return FloorDocument(
        property_id,
        newest,
        _play([m.today for m in machines if m.today.day == newest]),
        [
            FloorMachine(m.asset_id, m.hold_basis_points, m.today.day, _play([m.today]))
            for m in machines
        ],
    )


def amounts(tally: Tally) -> Amounts:
    """A tally as it is told."""
    return Amounts(*_told(tally))


def _told(tally: Tally) -> tuple[int, int, int, int, int, str, int, int, int, int]:
    return (
        tally.games,
        tally.incomplete_games,
        tally.coin_in_cents,
        tally.coin_out_cents,
        tally.actual_win_cents,
        theoretical_dollars(tally.theoretical_win),
        tally.unrated_coin_in_cents,
        tally.handpaid_cents,
        tally.gaps,
        tally.meter_difference_cents,
    )


def _play(parts: Sequence[MachineDay | PlayerSession]) -> Play:
    sums = Tally()
    for part in parts:
        sums.add(part.tally)
    return Play(
        *_told(sums),
        min((part.first_play for part in parts if part.first_play is not None), default=None),
        max((part.last_play for part in parts if part.last_play is not None), default=None),
    )


def _session(session: PlayerSession) -> SessionDocument:
    key = session.key
    return SessionDocument(session.asset_id, key.started_at, key.day, _play([session]))


def _rating(profile: players.Profile) -> PlayerRating:
    adt, window = profile.adt, profile.window
    return PlayerRating(
        gaming_day=profile.today,
        rules=profile.rules,
        days_played=profile.days_played,
        worth_segment=profile.worth_segment,
        adt=Adt(
            adt.first_day,
            adt.last_day,
            adt.days,
            _theoretical(adt.mean),
            _theoretical(adt.trimmed_mean),
            adt.unrated_days,
            adt.unrated_coin_in_cents,
        ),
        tier=_standing(profile.standing),
        pace=Pace(
            _theoretical(window.average_bet),
            None if window.pace is None else dollars(window.pace),
            window.minutes,
            window.wall_clock_minutes,
        ),
        trips=[
            Trip(
                trip.first_day,
                trip.last_day,
                trip.days_played,
                trip.open,
                trip.play.games,
                trip.play.coin_in_cents,
                trip.play.actual_win_cents,
                table_dollars(trip.play.worth),
                trip.play.minutes,
            )
            for trip in profile.trips[: -MAX_TRIPS - 1 : -1]
        ],
        trip_count=len(profile.trips),
        overlaps=[Overlap(*overlap) for overlap in profile.overlaps[: -MAX_OVERLAPS - 1 : -1]],
        overlap_count=len(profile.overlaps),
    )


def _theoretical(units: int | None) -> str | None:
    return None if units is None else theoretical_dollars(units)


def _standing(standing: players.Standing | None) -> TierStanding | None:
    if standing is None:
        return None
    return TierStanding(
        standing.tier,
        standing.since,
        standing.held_until,
        standing.period.first,
        standing.period.last,
        standing.points,
        standing.next_tier,
        standing.points_needed,
        [
            TierChange(
                change.day,
                str(change.move),
                change.before,
                change.after,
                change.points,
                change.rules,
            )
            for change in standing.history
        ],
    )
