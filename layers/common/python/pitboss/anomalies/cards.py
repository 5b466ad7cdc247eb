"""A card's gaming day: whether it was anywhere sooner than anybody can have walked there.

A card's games come by the streams of several machines, in any order and more than once. What is
remembered of them is therefore joined: of each minute and machine the first and the last start.
So who brings them in, in which batches and how often makes no difference, as long as nothing comes
more than `KEPT_MINUTES` later than the card's newest game.

One answer is given for each minute in which the card came from another machine: whether one of
those ways was too far for its time. What is left out of a minute only makes ways longer in time, so
that it accuses nobody. What is not asked:

    * Ways of up to `NEAR_METRES`: neighbours share a card, and play two machines at once.
    * Ways from or to a machine that the floor plan does not have.
    * Two machines whose games took differently long to get here, by more than `TOGETHER_MS`: the
      clock of one of them is wrong, or its gateway was cut off.

A card that is left in a machine is nowhere: only games count.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from math import dist
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pitboss.anomalies.betting import Evidence, is_against
from pitboss.anomalies.questions import HONEST_SHARES, RATE, Question, is_too_far
from pitboss.floor.plan import FloorPlan

KEPT_MINUTES = 60
"""Minutes before a card's newest game that a game may still be put into."""

NEAR_METRES = 5.0
"""So near each other, machines are played by people who sit beside each other."""

TOGETHER_MS = 60_000
"""Of two machines by whose clocks games took so differently long, one clock is taken to be wrong.
By seconds clocks may differ: from one start to the other there also is the rest of a game and the
card's way out and in, and nothing is taken off the time to walk for them."""

METRES_A_UNIT = 0.7
"""A machine's width, which a floor plan's coordinates count."""

MINUTE_MS = 60_000

type Metres = Callable[[str, str], float | None]
"""How far a machine is from another; None where that is not known."""


class CardGame(NamedTuple):
    """A game that was started with a card in."""

    asset_id: str
    started_at: int
    """Epoch milliseconds, by the machine's clock."""
    took_ms: int
    """From then until it was received; below 0 where the machine's clock is ahead."""


class Stay(NamedTuple):
    """A card's games at a machine in a minute."""

    minute: int
    """Epoch minute."""
    asset_id: str
    first: int
    """Start of the first of them, epoch milliseconds."""
    last: int
    took_ms: int
    """The least of any of them."""


class Way(NamedTuple):
    """From a game at a machine to the card's next one, at another machine."""

    from_asset_id: str
    asset_id: str
    at: int
    """Start of the second game, epoch milliseconds."""
    metres: float
    seconds: float
    """From the one start to the other."""


class Asked(Struct, array_like=True, frozen=True, gc=False):
    """What a card was asked of its minutes, in their order."""

    evidence: Evidence = Evidence()
    minutes: int = 0
    """Those with an answer."""
    newest: CardGame | None = None
    """The last game of them all."""
    proof: Way | None = None
    """The way that made the evidence enough."""
    odds_against: int = 0
    """What it came to then."""
    minutes_until: int = 0
    """`minutes` then."""


class CardDay(Struct, array_like=True, frozen=True, gc=False):
    """What is remembered of a card's gaming day."""

    stays: tuple[Stay, ...] = ()
    """Of the newest `KEPT_MINUTES`, in order."""
    asked: Asked = Asked()
    """Of the minutes before those."""
    asked_before: int = 0
    """The first epoch minute that games may be put into."""
    is_told: bool = False
    """Whether it was told to be suspected."""


def joined(card: CardDay, games: Iterable[CardGame], metres: Metres) -> CardDay:
    """A card's day with these games, in any order; the same as before where it has them already.

    Games of before `asked_before` are left out.
    """
    stays = {(stay.minute, stay.asset_id): stay for stay in card.stays}
    for asset_id, started_at, took_ms in games:
        minute = started_at // MINUTE_MS
        if minute < card.asked_before:
            continue
        stay = stays.get((minute, asset_id))
        stays[minute, asset_id] = Stay(
            minute,
            asset_id,
            started_at if stay is None else min(stay.first, started_at),
            started_at if stay is None else max(stay.last, started_at),
            took_ms if stay is None else min(stay.took_ms, took_ms),
        )
    if not stays:
        return card
    newest = max(minute for minute, _ in stays)
    before = newest - KEPT_MINUTES
    ordered = [stays[key] for key in sorted(stays)]
    return replace(
        card,
        stays=tuple(stay for stay in ordered if stay.minute >= before),
        asked=_ask(card.asked, (stay for stay in ordered if stay.minute < before), metres),
        asked_before=before,
    )


def asked_of(card: CardDay, metres: Metres) -> Asked:
    """All that a card's day says so far; accused where it has a `proof`."""
    return _ask(card.asked, card.stays, metres)


def metres_of(plan: FloorPlan) -> Metres:
    """How far machines of a floor plan are from each other."""
    places = {place.asset_id: (place.x, place.y) for place in plan.places}

    def metres(one: str, other: str) -> float | None:
        if one not in places or other not in places:
            return None
        return METRES_A_UNIT * dist(places[one], places[other])

    return metres


def _ask(asked: Asked, stays: Iterable[Stay], metres: Metres) -> Asked:
    for _, of_minute in groupby(stays, lambda stay: stay.minute):
        ways: list[Way] = []
        newest = asked.newest
        for game in _in_order(of_minute):
            if newest is not None and newest.asset_id != game.asset_id:
                ways += _way(newest, game, metres)
            newest = game
        asked = replace(asked, newest=newest)
        if ways:
            asked = _after(asked, ways)
    return asked


def _in_order(stays: Iterable[Stay]) -> list[CardGame]:
    games = [
        CardGame(stay.asset_id, at, stay.took_ms)
        for stay in stays
        for at in sorted({stay.first, stay.last})
    ]
    return sorted(games, key=lambda game: (game.started_at, game.asset_id))


def _way(before: CardGame, game: CardGame, metres: Metres) -> list[Way]:
    """The way between two games, where it is to be asked about."""
    if abs(before.took_ms - game.took_ms) > TOGETHER_MS:
        return []
    far = metres(before.asset_id, game.asset_id)
    if far is None or far <= NEAR_METRES:
        return []
    seconds = (game.started_at - before.started_at) / 1_000
    return [Way(before.asset_id, game.asset_id, game.started_at, far, seconds)]


def _after(asked: Asked, ways: Iterable[Way]) -> Asked:
    """What is known after a minute with these ways."""
    too_far = [way for way in ways if is_too_far(way.metres, way.seconds)]
    evidence = asked.evidence.after(float(bool(too_far)), HONEST_SHARES[Question.PLACES])
    asked = replace(asked, evidence=evidence, minutes=asked.minutes + 1)
    if asked.proof is None and is_against(evidence, RATE):
        asked = replace(
            asked,
            proof=too_far[0],
            odds_against=int(evidence.most),
            minutes_until=asked.minutes,
        )
    return asked
