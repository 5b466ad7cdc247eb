"""Who sits at machines now: what they play, what they are worth, and what they are offered."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Protocol

from pitboss.floor.documents import PlayerOnFloor, PlayersOnFloor
from pitboss.money import theoretical_dollars
from pitboss.offers.issued import OPEN, IssuedOffer
from pitboss.rating import players
from pitboss.rating.fold import SessionDay, Tally
from pitboss.rating.house_rules import PropertyRules
from pitboss.rating.players import MAX_SESSION_DAYS, MAX_TABLE_DAYS
from pitboss.rating.tables import TableDay
from pitboss.stores.floor import StoredFloor
from pitboss.stores.ratings import Asset, PlayerSession, SessionPlace

MAX_PLAYERS = 50
"""Players of one answer: each is rated for it."""

_OFFERS = 10
"""A player's newest offers that are looked through for the one that is open."""


class Sort(StrEnum):
    """Who comes first."""

    WORTH = "worth"
    """The highest theoretical win of the session."""
    COIN_IN = "coin_in"
    SEATED = "seated"
    """Who sits there longest."""


class Floors(Protocol):
    """Where floors are; see `pitboss.stores.floor.DynamoFloor`."""

    def live(self, property_id: str) -> StoredFloor: ...


class Ratings(Protocol):
    """Where play is rated; see `pitboss.stores.ratings.DynamoRatings`."""

    def sessions(
        self, sessions: Iterable[tuple[Asset, SessionDay]]
    ) -> dict[tuple[Asset, SessionDay], PlayerSession]: ...
    def player_sessions(
        self, property_id: str, player_id: str, newest: int, before: SessionPlace | None = None
    ) -> list[PlayerSession]: ...
    def table_days(self, property_id: str, player_id: str, newest: int) -> list[TableDay]: ...


class Offers(Protocol):
    """Where offers are; see `pitboss.stores.offers.DynamoOffers`."""

    def offers(self, property_id: str, player_id: str, newest: int) -> list[IssuedOffer]: ...


type Spread = Callable[..., Iterable[PlayerOnFloor]]

type _Seat = tuple[Asset, SessionDay]
"""A machine, and the session of who sits there in the gaming day of now."""


class PlayersNow:
    """Says who is on a floor."""

    def __init__(
        self, floors: Floors, ratings: Ratings, offers: Offers, spread: Spread = map
    ) -> None:
        """
        Args:
            floors: where floors are.
            ratings: where play is rated.
            offers: where offers are.
            spread: `map`, or one that calls many at once.
        """
        self._floors = floors
        self._ratings = ratings
        self._offers = offers
        self._spread = spread

    def __call__(
        self,
        property_id: str,
        gaming_day: str,
        rules: PropertyRules,
        now: int,
        *,
        limit: int,
        sort: Sort,
        sees_offers: bool,
    ) -> PlayersOnFloor:
        """Who sits at machines now; the house's own people are left out.

        Args:
            property_id: whose floor.
            gaming_day: of now.
            rules: of the property.
            now: epoch milliseconds.
            limit: how many are shown.
            sort: who comes first.
            sees_offers: whether offers are shown.
        """
        seats: list[_Seat] = [
            (Asset(property_id, row.asset_id), SessionDay(gaming_day, row.player_id, since))
            for row in self._floors.live(property_id).sums
            if row.player_id is not None
            and (since := row.seated_since) is not None
            and not row.is_employee
        ]
        played = self._ratings.sessions(seats)
        shown = sorted(seats, key=lambda seat: _rank(sort, seat, played.get(seat)))[:limit]

        def told(seat: _Seat) -> PlayerOnFloor:
            asset, session = seat
            assert session.player_id is not None, "it is somebody's seat"
            offer = self._offer(property_id, session.player_id, now) if sees_offers else None
            tally, pace = _played(played.get(seat))
            rating = players.profile(
                self._ratings.player_sessions(property_id, session.player_id, MAX_SESSION_DAYS),
                rules,
                gaming_day,
                self._ratings.table_days(property_id, session.player_id, MAX_TABLE_DAYS),
            )
            adt, standing = rating.adt.mean, rating.standing
            return PlayerOnFloor(
                player_id=session.player_id,
                asset_id=asset.asset_id,
                seated_since=session.started_at,
                games=tally.games,
                coin_in_cents=tally.coin_in_cents,
                theoretical_win=theoretical_dollars(tally.theoretical_win),
                games_per_hour=pace,
                worth_segment=rating.worth_segment,
                adt=None if adt is None else theoretical_dollars(adt),
                tier=None if standing is None else standing.tier,
                **_told(offer),
            )

        return PlayersOnFloor(now, gaming_day, list(self._spread(told, shown)), len(seats))

    def _offer(self, property_id: str, player_id: str, now: int) -> IssuedOffer | None:
        """What a player is offered now, wherever it was made."""
        found = self._offers.offers(property_id, player_id, _OFFERS)
        return next((one for one in found if one.status in OPEN and not one.is_over(now)), None)


def _rank(sort: Sort, seat: _Seat, played: PlayerSession | None) -> tuple[int, str, str]:
    asset, session = seat
    tally, _ = _played(played)
    first = {
        Sort.WORTH: -tally.theoretical_win,
        Sort.COIN_IN: -tally.coin_in_cents,
        Sort.SEATED: session.started_at,
    }[sort]
    return first, session.player_id or "", asset.asset_id


def _played(session: PlayerSession | None) -> tuple[Tally, int | None]:
    """What a session comes to, and its games an hour, rounded down; a card may be in unplayed."""
    if session is None:
        return Tally(), None
    play = players.Play()
    play.add_session(session)
    return session.tally, None if play.pace is None else play.pace // 100


def _told(offer: IssuedOffer | None) -> dict[str, Any]:
    """What a host is told of an offer."""
    if offer is None:
        return {}
    return {
        "offer_id": offer.offer_id,
        "offer_status": str(offer.status),
        "offer_name": offer.name,
        "offer_value_cents": offer.cost_cents,
        "offer_reasons": list(offer.reasons),
    }
