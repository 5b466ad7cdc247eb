"""What is true about a shift, written down by those who decided it.

The simulator enters every game it decides here; nothing is read back from packets, and none of the
rating code is used. Theoretical win is exact: coin-in cents x hold basis points.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, astuple

from pitboss.money import theoretical_dollars


class Play(Struct, gc=False):
    """Sums of play. `coin_out_cents` is all that games paid, by the machine or by hand."""

    games: int = 0
    coin_in_cents: int = 0
    coin_out_cents: int = 0
    theoretical_units: int = 0
    """Ten-thousandths of a cent."""
    incomplete_games: int = 0
    """Games of which the start or the end is missing; not among `games`."""
    handpaid_cents: int = 0
    """What of the coin-out was paid by hand."""
    gaps: int = 0
    """Times the coin-in meter did not say what the games say, or events were lost."""
    meter_difference_cents: int = 0
    """What the coin-in meter says more than the games."""

    def __bool__(self) -> bool:
        return any(astuple(self))

    def add(self, other: "Play") -> None:
        """Add other play."""
        self.games += other.games
        self.coin_in_cents += other.coin_in_cents
        self.coin_out_cents += other.coin_out_cents
        self.theoretical_units += other.theoretical_units
        self.incomplete_games += other.incomplete_games
        self.handpaid_cents += other.handpaid_cents
        self.gaps += other.gaps
        self.meter_difference_cents += other.meter_difference_cents

    def shown(self) -> dict[str, int | str]:
        """The sums as the contract names them, theoretical win in dollars."""
        return {
            "games": self.games,
            "coin_in_cents": self.coin_in_cents,
            "coin_out_cents": self.coin_out_cents,
            "theoretical_win": theoretical_dollars(self.theoretical_units),
            "incomplete_games": self.incomplete_games,
            "handpaid_cents": self.handpaid_cents,
            "gaps": self.gaps,
            "meter_difference_cents": self.meter_difference_cents,
        }


class Gap(Struct, frozen=True, gc=False):
    """Play that the coin-in meter shows and the games do not, or events lost; see `Play.gaps`."""

    asset_id: str
    since: int
    """When the meter was seen before, epoch milliseconds; 0 for never."""
    at: int
    """The start of the game that showed it."""
    amount_cents: int


class Session(Struct, gc=False):
    """A player at a machine from card-in to card-out; device clock, epoch milliseconds."""

    player_id: str
    asset_id: str
    started_at: int
    ended_at: int = 0
    days: dict[str, Play] = {}

    @property
    def play(self) -> Play:
        """All play of the session."""
        return total(self.days.values())


def total(plays: Iterable[Play]) -> Play:
    """The sum of plays."""
    result = Play()
    for play in plays:
        result.add(play)
    return result


class Ledger:
    """The truth of a shift, kept while it is played."""

    def __init__(self, holds: dict[str, int | None], day_of: Callable[[int], str]) -> None:
        """Open a ledger for machines by asset, with their hold in basis points."""
        self.events = 0
        self.duplicates = 0
        """How many of the events were delivered more than once, counted each time but the first."""
        self.gaps: list[Gap] = []
        self.sessions: list[Session] = []
        self._holds = holds
        self._day_of = day_of
        self._uncarded: dict[str, dict[str, Play]] = {asset_id: {} for asset_id in holds}

    def open_session(self, player_id: str, asset_id: str, started_at: int) -> Session:
        """A card went in."""
        session = Session(player_id, asset_id, started_at)
        self.sessions.append(session)
        return session

    def game(
        self,
        asset_id: str,
        session: Session | None,
        started_at: int,
        wager: int,
        win: int,
        handpaid: int = 0,
    ) -> Play:
        """A game that was decided: it belongs to the day and the session of its start.

        Wager, win and what of it is paid by hand in cents. Returns the sums it was added to.
        """
        play = self.play(asset_id, session, self._day_of(started_at))
        play.games += 1
        play.coin_in_cents += wager
        play.coin_out_cents += win
        play.handpaid_cents += handpaid
        play.theoretical_units += wager * (self._holds[asset_id] or 0)
        return play

    def play(self, asset_id: str, session: Session | None, day: str) -> Play:
        """The sums of a session, or of uncarded play, on a gaming day."""
        days = self._uncarded[asset_id] if session is None else session.days
        play = days.get(day)
        if play is None:
            play = days[day] = Play()
        return play

    def set_hold(self, asset_id: str, basis_points: int | None) -> None:
        """The hold of a machine's games from now on; None if none was ever reported."""
        self._holds[asset_id] = basis_points

    def by_machine(self, day: str | None = None) -> dict[str, Play]:
        """Every machine's play, idle ones included; of one gaming day or of all."""
        result = {asset_id: _of(days, day) for asset_id, days in sorted(self._uncarded.items())}
        for session in self.sessions:
            result[session.asset_id].add(_of(session.days, day))
        return result

    def by_player(self, day: str | None = None) -> dict[str, tuple[int, Play]]:
        """Every player's number of sessions with play, and the play."""
        result: dict[str, tuple[int, Play]] = {}
        for session in sorted(self.sessions, key=lambda session: session.player_id):
            play = _of(session.days, day)
            if play:
                sessions, sum_ = result.get(session.player_id, (0, Play()))
                sum_.add(play)
                result[session.player_id] = (sessions + 1, sum_)
        return result

    def days(self) -> list[str]:
        """The gaming days with play."""
        found = {day for days in self._uncarded.values() for day in days}
        return sorted(found.union(*(session.days for session in self.sessions)))

    def contract(self) -> dict[str, Any]:
        """`ledger.json`: what rating the whole shift must find."""
        return {
            "received": self.events,
            "accepted": self.events - self.duplicates,
            "duplicate": self.duplicates,
            "quarantined": 0,
            **self._table(None),
            "days": [{"day": day, **self._table(day)} for day in self.days()],
            "sessions": [
                {
                    "player_id": session.player_id,
                    "asset_id": session.asset_id,
                    "started_at": session.started_at,
                    **session.play.shown(),
                }
                for session in self.sessions
                if session.play
            ],
            "gap_records": [asdict(gap) for gap in self.gaps],
        }

    def truth(self) -> dict[str, Any]:
        """`truth.json`: what was played by gaming day, and session by session."""
        return {
            "days": [{"day": day, **self._table(day)} for day in self.days()],
            "sessions": [
                {
                    "player_id": session.player_id,
                    "asset_id": session.asset_id,
                    "started_at": session.started_at,
                    "ended_at": session.ended_at,
                    **session.play.shown(),
                }
                for session in self.sessions
            ],
        }

    def _table(self, day: str | None) -> dict[str, Any]:
        machines = self.by_machine(day)
        players = self.by_player(day)
        return {
            "machines": [
                {
                    "asset_id": asset_id,
                    "hold_basis_points": self._holds[asset_id],
                    **play.shown(),
                }
                for asset_id, play in machines.items()
            ],
            "players": [
                {"player_id": player_id, "sessions": sessions, **play.shown()}
                for player_id, (sessions, play) in players.items()
            ],
            "totals": total(machines.values()).shown(),
        }


def _of(days: dict[str, Play], day: str | None) -> Play:
    """A copy of the play of one gaming day, or the sum of all."""
    return total(days.values()) if day is None else total([days[day]] if day in days else [])
