"""What came of decisions, and the set that a model learns from.

The reward of a decision is net: theoretical win of the player's games that started within the
decision's reward window (`reward_hours`) after it, less what its offer cost where it was redeemed.
Nobody knows what the player would have done otherwise; what is incremental comes out of comparing,
for making no offer is always one of the actions, with odds of its own, and some players are never
made offers. Play at tables is left out: it has no games with a start.

Theoretical win is in ten-thousandths of a cent, rewards are in cents.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from statistics import NormalDist, median
from typing import NamedTuple

from msgspec import Struct

from pitboss.offers.deciding import NoOffer
from pitboss.offers.logs import Action, Features, LoggedDecision

HOUR_MS = 3_600_000
_CENT = 10_000
"""Ten-thousandths of a cent in a cent."""

CAP_QUANTILE = 0.99
"""Play above this quantile of the training days' is counted as this much."""

CAP_MEDIANS = 100
"""And so is what is above so many medians of play that is not zero: the quantile holds while less
than one decision in a hundred is wrong, the median while fewer than half are."""

HELD_OUT_SHARE = 0.3
"""Of the days: the newest, on which the model that was trained on the others is judged."""

LEAST_TRAINED = 1_000
LEAST_HELD_OUT = 300
"""Decisions below which nothing is trained: the champion is kept."""

_GATE_PASSED = frozenset({NoOffer.OPEN_OFFER, NoOffer.PAUSE, NoOffer.ENOUGH_TODAY})
"""Reasons for no offer that a held-out player would have come to as well."""


class Observed(NamedTuple):
    """A decision and what came of it, its reward window closed."""

    property_id: str
    day: str
    decision_id: str
    player_id: str
    features: Features
    actions: tuple[Action, ...]
    propensities: tuple[int, ...]
    chosen: str
    no_offer: tuple[str, ...]
    model_version: str
    play: int
    """Theoretical win within the window."""
    redeemed_cents: int
    """What the offer cost; 0 where it was not redeemed."""

    @property
    def is_choice(self) -> bool:
        """Whether there was something to choose."""
        return not self.no_offer and len(self.actions) > 1


class Uplift(Struct, frozen=True):
    """What offers brought, by the players who never get any: cents a player and day with play.

    Of each player's day the first decision counts that passed the gate; the interval is that of a
    difference of means over players, for players are what was drawn.
    """

    players: int
    held_out_players: int
    value: float | None
    low: float | None
    high: float | None


class TrainingSummary(Struct, frozen=True):
    """Of what a training set is made."""

    days: list[str]
    """Gaming days with decisions whose window has closed."""
    held_out_days: list[str]
    decisions: int
    """With a closed window, those for nothing too."""
    open_windows: int
    """Decisions that wait for theirs."""
    without_choice: dict[str, int]
    """Left out, for nothing could be chosen, by why."""
    train_rows: int
    held_out_rows: int
    """One a player and day, drawn by the decision's id: rewards of one player's day overlap."""
    cap_cents: int
    """What play is counted as at most."""
    capped: int
    """Rows that it was above, in both parts."""
    rejected: int
    """Rows whose odds cannot have been."""
    chosen: dict[str, int]
    """Training rows by what was chosen."""
    models: dict[str, int]
    """Training rows by the model that decided."""
    uplift: Uplift
    why_not: str | None
    """Why nothing can be trained; None where it can."""


class TrainingSet(NamedTuple):
    """What is learned from, and what it is judged on."""

    train: list[LoggedDecision]
    held_out: list[LoggedDecision]
    summary: TrainingSummary


def reward_cents(play: int, redeemed_cents: int, cap_cents: int) -> int:
    """The net reward of a decision.

    Args:
        play: theoretical win in ten-thousandths of a cent; rounded down to cents.
        redeemed_cents: what the offer cost.
        cap_cents: what play is counted as at most.

    >>> reward_cents(1_234_567, 500, 100_000), reward_cents(10**15, 0, 100_000)
    (-377, 100000)
    """
    return min(max(play, 0) // _CENT, cap_cents) - redeemed_cents


def play_cap(plays: Sequence[int]) -> int:
    """What play is counted as at most, in cents; 0 where nobody played.

    >>> play_cap([10_000 * n for n in range(1, 101)])
    99
    >>> play_cap([20_000] * 60 + [10**15] * 40)  # nearly half of them wrong
    200
    """
    played = sorted(play for play in plays if play > 0)
    if not played:
        return 0
    quantile = sorted(plays)[math.ceil(CAP_QUANTILE * len(plays)) - 1]
    return int(min(quantile, CAP_MEDIANS * median(played))) // _CENT


def training_set(
    observed: Iterable[Observed],
    open_windows: int,
    rejected: int,
    least_trained: int = LEAST_TRAINED,
    least_held_out: int = LEAST_HELD_OUT,
) -> TrainingSet:
    """Divide what was observed by days, and say of what it is made.

    Args:
        observed: decisions with a closed window, in any order.
        open_windows: how many more wait for theirs.
        rejected: how many were left out because they cannot have been.
        least_trained: rows without which nothing is trained.
        least_held_out: and rows to judge by.
    """
    rows = sorted(observed, key=lambda one: (one.day, one.property_id, one.decision_id))
    days = sorted({one.day for one in rows if one.is_choice})
    share = math.ceil(HELD_OUT_SHARE * len(days)) if len(days) > 1 else 0
    held_out_days = days[len(days) - share :]
    learned = [one for one in rows if one.is_choice and one.day not in held_out_days]
    judged = _one_a_player_and_day(
        one for one in rows if one.is_choice and one.day in held_out_days
    )
    cap = play_cap([one.play for one in learned])
    why_not = None
    if not share:
        why_not = f"decisions of {len(days)} days can not be divided into learned and held out ones"
    elif len(learned) < least_trained:
        why_not = f"{len(learned)} decisions to learn from are fewer than {least_trained}"
    elif len(judged) < least_held_out:
        why_not = f"{len(judged)} decisions to judge by are fewer than {least_held_out}"
    summary = TrainingSummary(
        days=sorted({one.day for one in rows}),
        held_out_days=held_out_days,
        decisions=len(rows),
        open_windows=open_windows,
        without_choice=_counted(
            one.no_offer[0] if one.no_offer else "nothing_in_reach"
            for one in rows
            if not one.is_choice
        ),
        train_rows=len(learned),
        held_out_rows=len(judged),
        cap_cents=cap,
        capped=sum(one.play // _CENT > cap for one in (*learned, *judged)),
        rejected=rejected,
        chosen=_counted(one.chosen for one in learned),
        models=_counted(one.model_version for one in learned),
        uplift=uplift(rows, cap),
        why_not=why_not,
    )
    return TrainingSet(
        [_logged(one, cap) for one in learned], [_logged(one, cap) for one in judged], summary
    )


def uplift(rows: Iterable[Observed], cap_cents: int) -> Uplift:
    """What offers brought, by the held-out players."""
    first: dict[tuple[str, str, str], Observed] = {}
    cost: Counter[tuple[str, str, str]] = Counter()
    for one in rows:
        held_out = NoOffer.HELD_OUT in one.no_offer
        if held_out or one.is_choice or not one.no_offer or set(one.no_offer) <= _GATE_PASSED:
            key = one.property_id, one.player_id, one.day
            if key not in first or one.decision_id < first[key].decision_id:
                first[key] = one
            cost[key] += one.redeemed_cents
    of_players: dict[bool, dict[tuple[str, str], list[int]]] = {
        True: defaultdict(list),
        False: defaultdict(list),
    }
    for key, one in first.items():
        held_out = NoOffer.HELD_OUT in one.no_offer
        of_players[held_out][key[:2]].append(reward_cents(one.play, cost[key], cap_cents))
    treated, held = (
        [sum(days) / len(days) for days in of_players[held_out].values()]
        for held_out in (False, True)
    )
    if min(len(treated), len(held)) < 2:
        return Uplift(len(treated), len(held), None, None, None)
    value = _mean(treated) - _mean(held)
    half = NormalDist().inv_cdf(0.975) * math.sqrt(
        _variance(treated) / len(treated) + _variance(held) / len(held)
    )
    return Uplift(len(treated), len(held), value, value - half, value + half)


def _logged(one: Observed, cap_cents: int) -> LoggedDecision:
    return LoggedDecision(
        day=one.day,
        features=one.features,
        actions=one.actions,
        chosen=one.chosen,
        propensities=one.propensities,
        reward=reward_cents(one.play, one.redeemed_cents, cap_cents),
    )


def _one_a_player_and_day(rows: Iterable[Observed]) -> list[Observed]:
    drawn: dict[tuple[str, str, str], tuple[bytes, Observed]] = {}
    for one in rows:
        key = one.day, one.property_id, one.player_id
        digest = sha256(f"judged/{one.decision_id}".encode()).digest()
        if key not in drawn or digest < drawn[key][0]:
            drawn[key] = digest, one
    return sorted(
        (one for _, one in drawn.values()),
        key=lambda one: (one.day, one.property_id, one.decision_id),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(map(str, names)).items()))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((one - mean) ** 2 for one in values) / (len(values) - 1)
