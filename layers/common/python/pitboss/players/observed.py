"""When players are looked at, and what is to be foreseen of them.

A model is learned from what players did before a moment and what came after it. Moments lie a
horizon apart, so that what came after one ends where the next begins:

    | window | moment learned from | horizon = window | moment judged on | horizon = window | now |

Nothing that is learned from, neither play nor what came of it, is later than the moment that is
judged on; and what is judged on was over by now.

Times are epoch milliseconds.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from pitboss.offers.gate import Entry
from pitboss.players.families import CHURN, RISK, Family
from pitboss.players.features import DAY_MS, Behaviour, Values, values

WINDOW_MS = 30 * DAY_MS
"""How far back a player's play is looked at."""

HORIZON_MS = WINDOW_MS
"""How far ahead it is asked what they do."""


TAKE_MS = 7 * DAY_MS
"""How soon after it is shown an offer is redeemed that counts as taken."""

EXPORTED_MS = DAY_MS
"""How old what the lake knows of offers may be: the night looks at it before it exports its own."""


class Use(StrEnum):
    """What players at a moment are for."""

    LEARN = "learn"
    HELD_OUT = "held_out"
    NOW = "now"
    """To be scored: what comes is not known."""


class Moment(NamedTuple):
    """A moment at which players are looked at."""

    use: Use
    at: int
    """Play before it is known, and nothing later."""

    @property
    def since(self) -> int:
        """The first moment of its window."""
        return self.at - WINDOW_MS


class Observation(Struct, frozen=True, array_like=True):
    """A player at a moment, as a family of models sees them."""

    player_id: str
    use: Use
    seen: Values
    happened: bool
    """Whether what the family foresees did, within the horizon; false where it is not over yet."""


def moments(days: Sequence[str], known_to: int) -> list[Moment]:
    """When players are looked at; now is the first, and alone where there are too few days.

    Args:
        days: gaming days (ISO dates) whose play is known.
        known_to: the end of the newest.
    """
    found = [Moment(Use.NOW, known_to)]
    if not days:
        return found
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    reach = ((last - first).days + 1) * DAY_MS
    # The clocks may have changed since: an hour more or less is no less whole a window.
    whole = (reach + DAY_MS // 24 - WINDOW_MS) // HORIZON_MS
    if whole >= 2:
        found.append(Moment(Use.HELD_OUT, known_to - HORIZON_MS))
        found += [
            Moment(Use.LEARN, known_to - back * HORIZON_MS) for back in range(2, int(whole) + 1)
        ]
    return found


def excluded_then(entry: Entry | None, moment: Moment) -> bool | None:
    """Whether somebody excluded themselves within the horizon; None where they had before it, and
    are no one to foresee it of.

    Now is for scoring: everybody is, also who had. An exclusion that ends says nothing for offers.

    Args:
        entry: their place on the list of self-exclusions, if they have one.
        moment: when they are looked at.
    """
    if entry is None or moment.use is Use.NOW:
        return False
    if entry.since < moment.at:
        return None
    return entry.since < moment.at + HORIZON_MS


def stayed_away(entry: Entry | None, is_back: bool, moment: Moment) -> bool | None:
    """Whether somebody did not come back within the horizon; None where they excluded themselves
    before it was over: who must not come back does not stay away.

    Args:
        entry: their place on the list of self-exclusions, if they have one.
        is_back: whether they played within the horizon.
        moment: when they are looked at.
    """
    if moment.use is Use.NOW:
        return False
    if entry is not None and entry.since < moment.at + HORIZON_MS:
        return None
    return not is_back


def use_of_offer(shown_at: int, known_to: int) -> Use | None:
    """What an offer that was shown is for; None where it is not over yet whether it was taken.

    What is learned from was over a horizon before now, and what it is judged on was shown then or
    later. None in between, too.
    """
    over_at, held_from = shown_at + TAKE_MS, known_to - HORIZON_MS
    if over_at <= held_from:
        return Use.LEARN
    if held_from <= shown_at and over_at <= known_to - EXPORTED_MS:
        return Use.HELD_OUT
    return None


def observations(
    moment: Moment,
    players: Iterable[tuple[str, Behaviour]],
    listed: Mapping[str, Entry],
    back: Container[str],
) -> Iterator[tuple[Family, Observation]]:
    """Players at a moment, as each family sees them, less those of whom it has nothing to foresee
    (`excluded_then`, `stayed_away`) or who played too few games.

    Args:
        moment: when they are looked at.
        players: how each of them played in its window.
        listed: the list of self-exclusions.
        back: who played within its horizon.
    """
    for player_id, behaviour in players:
        entry = listed.get(player_id)
        for family, happened in (
            (RISK, excluded_then(entry, moment)),
            (CHURN, stayed_away(entry, player_id in back, moment)),
        ):
            if happened is not None and (behaviour.games or 0) >= family.least_games:
                seen = values(behaviour, family.features)
                yield family, Observation(player_id, moment.use, seen, happened)
