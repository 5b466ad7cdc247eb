"""The context of a decision: what is known of the player, the session and the moment.

Every feature is a category in text, so that a model, a log and a host read the same. What a player
has lost or won is no input, and cannot become one here: `PlayerFacts` is all that a context is made
of, it knows theoretical worth, visits and preferences only, and `FEATURES` lists what is read.

Times are epoch milliseconds, theoretical win ten-thousandths of a cent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pitboss.events.player import PlayerChanged
from pitboss.money import THEORETICAL_UNITS_PER_DOLLAR
from pitboss.offers.catalogue import Kind, Machine
from pitboss.offers.issued import IssuedOffer, Status
from pitboss.rating.players import Profile
from pitboss.rating.tables import TABLE_UNITS_PER_DOLLAR

_TABLE_UNITS = TABLE_UNITS_PER_DOLLAR // THEORETICAL_UNITS_PER_DOLLAR
_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_CENTS = THEORETICAL_UNITS_PER_DOLLAR // 100

USUAL_DAYS = 4
"""Gaming days with play from which somebody has a usual weekday."""

_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_TIMES = ("first hours", "late morning", "afternoon", "evening", "night", "last hours")


class VisitDay(NamedTuple):
    """A gaming day with play and its theoretical win."""

    day: str
    theoretical_win: int


class PlayerFacts(Struct, frozen=True):
    """What a decision may know of a player: worth, visits and how they play.

    There is no field for what they lost or won, on purpose.
    """

    worth: int | None
    """Average daily theoretical win by the house's rule; None where nothing is rated."""
    segment: str | None
    tier: str | None
    visits: tuple[VisitDay, ...]
    """Gaming days with play, the earliest first, today included."""
    trip_days: int
    """Gaming days of the trip that is going on."""
    average_bet: int | None
    """Coin-in a game, in ten-thousandths of a cent."""
    games_per_hour: int | None
    """In hundredths."""

    @property
    def worth_cents(self) -> int:
        """Worth in cents, rounded down; 0 where nothing is rated."""
        return (self.worth or 0) // _CENTS

    def theoretical_win(self, first_day: str) -> int:
        """Theoretical win from a gaming day on."""
        return sum(visit.theoretical_win for visit in self.visits if visit.day >= first_day)


def facts_of(profile: Profile, *, worth_by_mean: bool) -> PlayerFacts:
    """What a decision may know of a profile.

    Args:
        profile: as of today.
        worth_by_mean: whether the house goes by the mean, and not the trimmed one.
    """
    trip = profile.trips[-1] if profile.trips and profile.trips[-1].open else None
    return PlayerFacts(
        worth=profile.adt.mean if worth_by_mean else profile.adt.trimmed_mean,
        segment=profile.worth_segment,
        tier=None if profile.standing is None else profile.standing.tier,
        visits=tuple(
            VisitDay(day.day, day.play.worth // _TABLE_UNITS)
            for day in profile.days
            if day.play.wagered
        ),
        trip_days=0 if trip is None else trip.days_played,
        average_bet=profile.window.average_bet,
        games_per_hour=profile.window.pace,
    )


class Situation(NamedTuple):
    """All that a context is made of."""

    change: PlayerChanged
    facts: PlayerFacts
    machine: Machine
    offers: Sequence[IssuedOffer]
    """The player's, in any order."""
    day_started_at: int
    """When the gaming day began."""
    now: int


type Context = Mapping[str, str]
"""Categories by the features' names."""


class Feature(NamedTuple):
    """One thing that a context says."""

    name: str
    reads: tuple[str, ...]
    """What it is made of, as `Situation` names it."""
    of: Callable[[Situation], str]
    words: Callable[[str], str | None]
    """A category in words that a host can say to a player's face; None where it says nothing."""


def context_of(situation: Situation) -> dict[str, str]:
    """The context of a situation."""
    return {feature.name: feature.of(situation) for feature in FEATURES}


def context_hash(context: Context) -> str:
    """What names a context: 16 digits of a SHA-256."""
    return sha256(msgspec.json.encode(context, order="sorted")).hexdigest()[:16]


def in_words(name: str, category: str) -> str | None:
    """A feature's category in words for a host, if it has any."""
    feature = _BY_NAME.get(name)
    return None if feature is None else feature.words(category)


def _band(value: int, bounds: Iterable[int]) -> str:
    """Which of the bands between bounds a value is in: "<2", "2-7", "8+"."""
    low: int | None = None
    for bound in bounds:
        if value < bound:
            if low is None:
                return f"<{bound}"
            return str(low) if low == bound - 1 else f"{low}-{bound - 1}"
        low = bound
    return f"{low}+"


def _dollars_band(units: int | None) -> str:
    if units is None:
        return "unknown"
    return _band(units // THEORETICAL_UNITS_PER_DOLLAR, (5, 10, 25, 50, 100, 200, 500, 1_000))


def _weekday(day: str) -> int:
    return date.fromisoformat(day).weekday()


def _usual_weekday(situation: Situation) -> str:
    """The weekday of two fifths of the visits and more, today's not counted; else "none"."""
    earlier = [v.day for v in situation.facts.visits if v.day < situation.change.gaming_day]
    if len(earlier) < USUAL_DAYS:
        return "none"
    ((weekday, times),) = Counter(map(_weekday, earlier)).most_common(1)
    return _WEEKDAYS[weekday] if 5 * times >= 2 * len(earlier) else "none"


def _days_away(situation: Situation) -> str:
    earlier = [v.day for v in situation.facts.visits if v.day < situation.change.gaming_day]
    if not earlier:
        return "first visit"
    today = date.fromisoformat(situation.change.gaming_day)
    return _band((today - date.fromisoformat(earlier[-1])).days, (1, 2, 4, 8, 15, 31))


def _came_to(situation: Situation, kind: Kind, *statuses: Status) -> int:
    return sum(
        offer.kind is kind and any(step.status in statuses for step in offer.steps)
        for offer in situation.offers
    )


def _bet(situation: Situation) -> str:
    bet = situation.facts.average_bet
    return "unknown" if bet is None else _band(bet // _CENTS, (50, 100, 200, 500, 1_000, 2_500))


def _pace(situation: Situation) -> str:
    pace = situation.facts.games_per_hour
    return "unknown" if pace is None else _band(pace // 100, (200, 400, 600, 800))


def _times(count: str) -> str:
    return {"1": "once", "2": "twice"}.get(count, "three times or more")


def _silent(_: str) -> None:
    return None


def _accepted(kind: Kind) -> Feature:
    return Feature(
        f"accepted_{kind}",
        ("offers.kind", "offers.steps"),
        lambda s: _band(_came_to(s, kind, Status.ACCEPTED), (0, 1, 2, 3)),
        lambda count: (
            None if count == "0" else f"{kind.replace('_', ' ')} accepted {_times(count)}"
        ),
    )


def _declined(kind: Kind) -> Feature:
    return Feature(
        f"declined_{kind}",
        ("offers.kind", "offers.steps"),
        lambda s: _band(_came_to(s, kind, Status.DECLINED), (0, 1, 2, 3)),
        lambda count: (
            None if count == "0" else f"{kind.replace('_', ' ')} declined {_times(count)}"
        ),
    )


FEATURES: tuple[Feature, ...] = (
    Feature("trigger", ("change.kind",), lambda s: str(s.change.kind), _silent),
    Feature(
        "worth",
        ("facts.worth",),
        lambda s: _dollars_band(s.facts.worth),
        lambda band: None if band == "unknown" else f"is worth ${band} a day",
    ),
    Feature(
        "segment",
        ("facts.segment",),
        lambda s: s.facts.segment or "unknown",
        lambda name: None if name == "unknown" else f"is of the {name} segment",
    ),
    Feature(
        "tier",
        ("facts.tier",),
        lambda s: s.facts.tier or "none",
        lambda name: None if name == "none" else f"has tier {name}",
    ),
    Feature(
        "visits",
        ("facts.visits.day",),
        lambda s: _band(len(s.facts.visits), (1, 2, 4, 8, 16, 32)),
        lambda band: f"has played on {band} days",
    ),
    Feature(
        "days_away",
        ("facts.visits.day", "change.gaming_day"),
        _days_away,
        lambda band: "is here for the first time" if band == "first visit" else None,
    ),
    Feature(
        "usual_weekday",
        ("facts.visits.day", "change.gaming_day"),
        _usual_weekday,
        lambda weekday: None if weekday == "none" else f"visits on {weekday}",
    ),
    Feature(
        "weekday",
        ("change.gaming_day",),
        lambda s: _WEEKDAYS[_weekday(s.change.gaming_day)],
        _silent,
    ),
    Feature(
        "time",
        ("day_started_at", "now"),
        lambda s: _TIMES[max(0, min((s.now - s.day_started_at) // (4 * _HOUR_MS), 5))],
        lambda time: f"plays in the {time} of the gaming day",
    ),
    Feature(
        "trip_day",
        ("facts.trip_days",),
        lambda s: _band(s.facts.trip_days, (1, 2, 3, 4)),
        lambda band: None if band in {"<1", "1"} else f"is on day {band} of a trip",
    ),
    Feature(
        "session_minutes",
        ("change.session_started_at", "change.occurred_at"),
        lambda s: _band(
            (s.change.occurred_at - s.change.session_started_at) // _MINUTE_MS,
            (5, 15, 30, 60, 120),
        ),
        lambda band: f"has played {band} minutes at this machine",
    ),
    Feature(
        "session_worth",
        ("change.theoretical_win",),
        lambda s: _dollars_band(s.change.theoretical_win),
        _silent,
    ),
    Feature(
        "average_bet",
        ("facts.average_bet",),
        _bet,
        lambda band: None if band == "unknown" else f"bets {band} cents a game",
    ),
    Feature("pace", ("facts.games_per_hour",), _pace, _silent),
    Feature(
        "game",
        ("machine.game",),
        lambda s: s.machine.game or "unknown",
        lambda game: None if game == "unknown" else f"plays {game}",
    ),
    Feature("zone", ("machine.zone",), lambda s: s.machine.zone or "unknown", _silent),
    *(_accepted(kind) for kind in Kind),
    *(_declined(kind) for kind in Kind),
)
"""What a context says, in order."""

_BY_NAME = {feature.name: feature for feature in FEATURES}
