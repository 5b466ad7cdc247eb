"""Ratings kept in memory: the store of offline rating, and the fake of the tests.

It keeps what DynamoDB keeps, under the same lock, and passes the same suite.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from pitboss.rating.fold import Bounds, Seat, SessionDay, Tally
from pitboss.rating.history import (
    MAX_HISTORY_PAGES,
    Change,
    Head,
    History,
    MachineDay,
    Page,
    SessionDayChange,
)
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import (
    Asset,
    AssetChange,
    MachineRating,
    PlayerSession,
    SessionPlace,
    StoredCorrection,
)


class MemoryRatings:
    """All ratings of one process."""

    def __init__(self) -> None:
        self._heads: dict[Asset, Head] = {}
        self._pages: dict[Asset, dict[int, Page]] = {}
        self._days: dict[Asset, dict[str, MachineDay]] = {}
        self._sessions: dict[tuple[Asset, SessionDay], PlayerSession] = {}
        self._corrections: list[tuple[Asset, StoredCorrection]] = []
        self._table_days: dict[tuple[str, str], dict[str, TableDay]] = {}

    @property
    def assets(self) -> list[Asset]:
        """Every machine ever heard of."""
        return sorted(self._heads)

    @property
    def sessions(self) -> list[tuple[str, PlayerSession]]:
        """Every session-day with its property."""
        return [(asset.property_id, session) for (asset, _), session in self._sessions.items()]

    def heads(self, assets: Iterable[Asset]) -> dict[Asset, Head]:
        """The heads of those machines that have one."""
        return {asset: self._heads[asset] for asset in assets if asset in self._heads}

    def history(self, asset: Asset, since: int) -> History:
        """A machine's head and its pages from the one that starts at `since` (epoch ms) on."""
        pages = self._pages.get(asset, {})
        newest = sorted((start for start in pages if start >= since), reverse=True)
        if len(newest) >= MAX_HISTORY_PAGES:
            since = newest[MAX_HISTORY_PAGES - 1]
        before = max((start for start in pages if start < since), default=None)
        return History(
            self._heads.get(asset),
            [page for start, page in sorted(pages.items()) if start >= since],
            run_start=since,
            before_run=None if before is None else pages[before],
        )

    def machine_days(self, asset: Asset, days: Iterable[str]) -> dict[str, MachineDay]:
        """A machine's closed gaming days among these."""
        stored = self._days.get(asset, {})
        return {day: stored[day] for day in days if day in stored}

    def session_tallies(self, asset: Asset, keys: Iterable[SessionDay]) -> dict[SessionDay, Tally]:
        """What is stored of these sessions at the machine."""
        found = {key: self._sessions.get((asset, key)) for key in keys}
        return {key: session.tally for key, session in found.items() if session is not None}

    def session_wins(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> dict[tuple[Asset, SessionDay], int]:
        """The theoretical win of these sessions' gaming days, of those that have any play."""
        found = {key: self._sessions.get(key) for key in sessions}
        return {
            key: session.tally.theoretical_win
            for key, session in found.items()
            if session is not None
        }

    def commit(self, changes: Sequence[AssetChange]) -> list[Asset]:
        """Keep the changes whose head is still the one they were made from; name the others."""
        conflicting = []
        for asset, change in changes:
            if _lock(self._heads.get(asset)) == _lock(change.before):
                self._keep(asset, change)
            else:
                conflicting.append(asset)
        return conflicting

    def _keep(self, asset: Asset, change: Change) -> None:
        self._heads[asset] = change.head
        self._pages.setdefault(asset, {}).update({page.start: page for page in change.sealed})
        days = [*change.earlier_days.values(), *([change.closed_day] if change.closed_day else [])]
        self._days.setdefault(asset, {}).update({day.day: day for day in days})
        self._corrections += [
            (
                asset,
                StoredCorrection(
                    correction.key,
                    asset.asset_id,
                    f"{change.head.applied:016x}-{correction.page:015d}",
                    change.made_at,
                    correction.difference,
                    correction.causes,
                    correction.late_events,
                ),
            )
            for correction in change.corrections
        ]
        for session in change.sessions:
            if session.shrinks:
                self._sessions.pop((asset, session.key), None)
            else:
                self._update(asset, session)

    def _update(self, asset: Asset, session: SessionDayChange) -> None:
        key = (asset, session.key)
        stored = self._sessions.get(key)
        tally = Tally() if stored is None else replace(stored.tally)
        tally.add(session.difference)
        bounds: Bounds | tuple[None, None] = (None, None)
        if session.bounds is not None:
            bounds = session.bounds
        elif stored is not None and stored.first_play is not None and stored.last_play is not None:
            bounds = Bounds(stored.first_play, stored.last_play)
        self._sessions[key] = PlayerSession(session.key, asset.asset_id, tally, *bounds)

    def machine(self, asset: Asset) -> MachineRating | None:
        """A machine's newest gaming day; None for a machine never heard of."""
        head = self._heads.get(asset)
        if head is None:
            return None
        return MachineRating(asset.asset_id, head.today, head.hold_basis_points)

    def seat(self, asset: Asset) -> Seat | None:
        """Who plays at a machine; None for a machine never heard of."""
        head = self._heads.get(asset)
        return None if head is None else head.seat

    def closed_days(self, asset: Asset, newest: int) -> list[MachineDay]:
        """A machine's closed gaming days, the newest first."""
        days = self._days.get(asset, {})
        return [days[day] for day in sorted(days, reverse=True)[:newest]]

    def floor(self, property_id: str) -> list[MachineRating]:
        """Every machine of a property with its newest gaming day."""
        assets = [asset for asset in self.assets if asset.property_id == property_id]
        return [rating for rating in map(self.machine, assets) if rating is not None]

    def machine_day(self, asset: Asset, day: str) -> MachineDay | None:
        """A machine's totals of one gaming day."""
        head = self._heads.get(asset)
        if head is not None and head.today.day == day:
            return head.today
        return self._days.get(asset, {}).get(day)

    def player_sessions(
        self,
        property_id: str,
        player_id: str,
        newest: int,
        before: SessionPlace | None = None,
        *,
        as_now: bool = False,  # as it always is here
    ) -> list[PlayerSession]:
        """A player's sessions by gaming day, the newest first; `before`: after that place."""
        found = [
            session
            for (asset, key), session in self._sessions.items()
            if asset.property_id == property_id
            and key.player_id == player_id
            and (before is None or _place(session) < before)
        ]
        return sorted(found, key=_place, reverse=True)[:newest]

    def player_day(self, property_id: str, player_id: str, day: str) -> list[PlayerSession]:
        """A player's sessions of one gaming day, the earliest first."""
        found = self.player_sessions(property_id, player_id, len(self._sessions))
        return [session for session in reversed(found) if session.key.day == day]

    def table_days(self, property_id: str, player_id: str, newest: int) -> list[TableDay]:
        """A player's gaming days at tables, the newest first."""
        found = [
            players[player_id]
            for (of, _), players in self._table_days.items()
            if of == property_id and player_id in players
        ]
        return sorted(found, key=lambda day: day.day, reverse=True)[:newest]

    def replace_table_day(
        self, property_id: str, day: str, players: Mapping[str, TableDay]
    ) -> bool:
        """Make these the players of a gaming day at tables, and nobody else."""
        self._table_days[property_id, day] = dict(players)
        return True

    def player_corrections(
        self, property_id: str, player_id: str, newest: int, day: str | None = None
    ) -> list[StoredCorrection]:
        """Corrections of a player's sessions, the newest gaming day first, or of one day."""
        return self._newest(
            newest,
            lambda asset, key: (
                asset.property_id == property_id
                and key.player_id == player_id
                and day in (None, key.day)
            ),
        )

    def machine_corrections(
        self, asset: Asset, newest: int, day: str | None = None
    ) -> list[StoredCorrection]:
        """Corrections of a machine's uncarded play, as of a player's sessions."""
        return self._newest(
            newest,
            lambda of, key: of == asset and key.player_id is None and day in (None, key.day),
        )

    def _newest(
        self, newest: int, wanted: Callable[[Asset, SessionDay], bool]
    ) -> list[StoredCorrection]:
        found = [c for asset, c in self._corrections if wanted(asset, c.key)]
        found.sort(key=lambda c: (c.key.day, c.key.started_at, c.asset_id, c.change_id))
        return found[::-1][:newest]

    def pages(self, asset: Asset, first: int, last: int, earliest: int) -> list[Page]:
        """So many of the earliest pages that start in a range (epoch milliseconds), in order."""
        pages = dict(self._pages.get(asset, {}))
        if asset in self._heads:
            pages[self._heads[asset].page.start] = self._heads[asset].page
        return [page for start, page in sorted(pages.items()) if first <= start <= last][:earliest]


def _place(session: PlayerSession) -> SessionPlace:
    return SessionPlace(session.key.day, session.key.started_at, session.asset_id)


def _lock(head: Head | None) -> tuple[int, int | None] | None:
    return None if head is None else (head.applied, head.stale_from)
