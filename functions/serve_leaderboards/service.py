"""The use case: who is where on a board, and what a player was given."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, Self

from msgspec import Struct

from pitboss.events.envelope import is_identifier
from pitboss.games.leaderboards import (
    Best,
    Board,
    Entitlement,
    Entry,
    Period,
    Placed,
    is_period,
    term,
)
from pitboss.gaming_day import GamingDay
from pitboss.queries import RefusedQueryError, limit, parameters
from pitboss.stores.leaderboards import BoardOf, Rank

BOARD = "/v1/applications/{application_id}/leaderboards/{board_id}"
ENTITLEMENTS = "/v1/players/{player_id}/entitlements"
CONSUME = "/v1/players/{player_id}/entitlements/{entitlement_id}/consume"

DEFAULT_LIMIT = 10
MOST = 100
"""Players of a board that one answer has."""

NEIGHBOURS = 3
"""Players on each side of one."""


class Boards(Protocol):
    """Reads boards; see `pitboss.stores.leaderboards.DynamoLeaderboards`."""

    def top(self, board: BoardOf, count: int) -> list[Placed]: ...
    def entry(self, board: BoardOf, player_id: str) -> Entry | None: ...
    def rank(self, board: BoardOf, player_id: str, entry: Entry) -> Rank: ...
    def around(
        self, board: BoardOf, player_id: str, entry: Entry, count: int
    ) -> tuple[list[Placed], list[Placed]]: ...


class PlayerOnBoard(Struct, frozen=True):
    """A player on a board."""

    rank: int
    player_id: str
    value: int
    """In units of the board's last decimal."""
    at: int
    """Epoch milliseconds of the event that it was reached by."""


class PlayersPlace(Struct, frozen=True):
    """Where one player is: the rank, and who is right ahead and behind."""

    rank: int
    is_exact: bool
    """Whether all who are ahead were counted; if not, this and the ranks beside are estimated."""
    value: int
    at: int
    ahead: list[PlayerOnBoard]
    behind: list[PlayerOnBoard]


class LeaderboardDocument(Struct, frozen=True):
    """A leaderboard: its first players, and where the player is that was asked about. Of equal
    values the one that was there earlier is ahead.
    """

    application_id: str
    board_id: str
    name: str
    best: Best
    decimals: int
    period: str
    """The key of the period: a gaming day, an ISO week, or `all-time`."""
    players: list[PlayerOnBoard]
    player: PlayersPlace | None
    """None where no player was asked about, or the player has no score."""


class EntitlementDocument(Struct, frozen=True):
    """Something that a player was given."""

    entitlement_id: str
    gives: str
    """What the game knows it by."""
    application_id: str
    board_id: str
    period: str
    milestone: str
    granted_at: int
    """Epoch milliseconds."""
    consumed_at: int | None
    """Epoch milliseconds; None while it was not used."""

    @classmethod
    def of(cls, one: Entitlement) -> Self:
        """As it is shown."""
        return cls(
            one.entitlement_id,
            one.gives,
            one.application_id,
            one.board,
            one.period,
            one.milestone,
            one.granted_at,
            one.consumed_at,
        )


class EntitlementsDocument(Struct, frozen=True):
    """The entitlements: all that a player was given by the caller's property, the newest first."""

    player_id: str
    entitlements: list[EntitlementDocument]


class Asked(NamedTuple):
    """What of a board is asked for."""

    limit: int
    period: str | None
    player_id: str | None

    @classmethod
    def of(cls, query: Mapping[str, list[str]] | None) -> Self:
        """What a query asks for.

        Raises:
            RefusedQueryError: something in it is not known, or not what it should be.
        """
        given = parameters(query, ("limit", "period", "player_id"))
        player_id = given.get("player_id")
        if player_id is not None and not is_identifier(player_id):
            raise RefusedQueryError("player_id is no player's")
        return cls(limit(given, DEFAULT_LIMIT, MOST), given.get("period"), player_id)


def leaderboard(
    boards: Boards,
    property_id: str,
    application_id: str,
    rules: Board,
    asked: Asked,
    days: GamingDay,
    now: int,
) -> LeaderboardDocument:
    """A board of a period.

    Args:
        boards: where they are.
        property_id: whose.
        application_id: of which application.
        rules: of the board.
        asked: what is asked for; without a period it is the one that it is now.
        days: the property's gaming days.
        now: epoch milliseconds.

    Raises:
        RefusedQueryError: the board has no such period.
    """
    period = asked.period
    if period is None:
        period = term(rules.period, days, now).key
    elif not is_period(rules.period, period):
        raise RefusedQueryError(f"period is not {_SUCH_AS[rules.period]}")
    board = BoardOf(property_id, application_id, rules.board, period, rules.best)
    return LeaderboardDocument(
        application_id,
        rules.board,
        rules.name,
        rules.best,
        rules.decimals,
        period,
        _ranked(boards.top(board, asked.limit), 1),
        None if asked.player_id is None else _place(boards, board, asked.player_id),
    )


_SUCH_AS = {
    Period.ALL_TIME: "all-time",
    Period.DAY: "a gaming day such as 2026-01-31",
    Period.WEEK: "a week such as 2026-W05",
}


def _place(boards: Boards, board: BoardOf, player_id: str) -> PlayersPlace | None:
    entry = boards.entry(board, player_id)
    if entry is None:
        return None
    rank, is_exact = boards.rank(board, player_id, entry)
    ahead, behind = (
        [one for one in beside if one.player_id != player_id]  # its place before, in the index
        for beside in boards.around(board, player_id, entry, NEIGHBOURS)
    )
    return PlayersPlace(
        rank,
        is_exact,
        entry.value,
        entry.at,
        # The index may have changed since the rank was counted.
        _ranked(ahead, max(1, rank - len(ahead))),
        _ranked(behind, rank + 1),
    )


def _ranked(players: Iterable[Placed], first: int) -> list[PlayerOnBoard]:
    return [
        PlayerOnBoard(rank, one.player_id, one.value, one.at)
        for rank, one in enumerate(players, first)
    ]
