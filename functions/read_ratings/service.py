"""The use case: a machine's, a player's and the floor's rating as documents."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from pitboss.money import theoretical_dollars
from pitboss.rating.fold import Tally
from pitboss.rating.history import MachineDay
from pitboss.stores.ratings import Asset, MachineRating, PlayerSession

MAX_DAYS = 31
"""Closed gaming days of a machine that are shown."""

MAX_SESSIONS = 500
"""Session-days of a player that are shown, the newest."""


class Ratings(Protocol):
    """Where ratings are read; see `pitboss.stores.ratings.DynamoRatings`."""

    def machine(self, asset: Asset) -> MachineRating | None: ...
    def closed_days(self, asset: Asset, newest: int) -> list[MachineDay]: ...
    def floor(self, property_id: str) -> list[MachineRating]: ...
    def player_sessions(
        self, property_id: str, player_id: str, newest: int
    ) -> list[PlayerSession]: ...


class Play(Struct, frozen=True):
    """Sums of play. `theoretical_win` is dollars as a decimal string, exact."""

    games: int
    incomplete_games: int
    coin_in_cents: int
    coin_out_cents: int
    actual_win_cents: int
    theoretical_win: str
    unrated_coin_in_cents: int
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
    days: list[PlayOfDay]


class SessionDocument(Struct, frozen=True):
    """A player's play at one machine in one gaming day; `started_at` is epoch milliseconds."""

    asset_id: str
    started_at: int
    gaming_day: str
    play: Play


class PlayerDocument(Struct, frozen=True):
    """`GET /v1/players/{player_id}`: totals of what is shown, days and sessions newest first.

    `truncated` says that there is older play, which is neither shown nor in the totals.
    """

    property_id: str
    player_id: str
    session_count: int
    total: Play
    days: list[PlayOfDay]
    sessions: list[SessionDocument]
    truncated: bool


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


def player(ratings: Ratings, property_id: str, player_id: str) -> PlayerDocument | None:
    """A player's rating; None where no play of theirs is known."""
    found = ratings.player_sessions(property_id, player_id, MAX_SESSIONS + 1)
    if not found:
        return None
    sessions = found[:MAX_SESSIONS]
    days: dict[str, list[PlayerSession]] = {}
    for session in sessions:
        days.setdefault(session.key.day, []).append(session)
    return PlayerDocument(
        property_id,
        player_id,
        len({(session.asset_id, session.key.started_at) for session in sessions}),
        _play(sessions),
        [PlayOfDay(day, _play(played)) for day, played in days.items()],
        [
            SessionDocument(
                session.asset_id, session.key.started_at, session.key.day, _play([session])
            )
            for session in sessions
        ],
        truncated=len(found) > MAX_SESSIONS,
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


def _play(parts: Sequence[MachineDay | PlayerSession]) -> Play:
    sums = Tally()
    for part in parts:
        sums.add(part.tally)
    return Play(
        sums.games,
        sums.incomplete_games,
        sums.coin_in_cents,
        sums.coin_out_cents,
        sums.actual_win_cents,
        theoretical_dollars(sums.theoretical_win),
        sums.unrated_coin_in_cents,
        min((part.first_play for part in parts if part.first_play is not None), default=None),
        max((part.last_play for part in parts if part.last_play is not None), default=None),
    )
