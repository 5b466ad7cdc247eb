"""Actual against theoretical hold: the difference, and how surprising it is.

What a machine holds is chance, and how much of it depends on its paytable: 100,000 games of one
that pays a thousand times the bet say less than as many of video poker. So a difference is judged
by the volatility of its paytable, which is estimated from the games' own wins.

    deviation of a game   e = actual win - theoretical win
    hold's difference     d = sum(e) / sum(c), c the coin-in of a game
    volatility squared    v = sum((e - d c)^2) / sum(c^2) x n / (n - k)
    surprise              z = sum(e) / sqrt(v x sum(c^2)),  p = P(|Z| >= |z|),  -log10 p

d is a ratio estimator and the sum in v is that of its residuals (Cochran, "Sampling Techniques",
3rd ed., 1977, chapter 6); for equal bets z is sum(e) / (sigma x sqrt(n)). v is the variance of what
a game returns per unit of its bet: a property of the paytable, and so pooled over its k machines
that play it, each about its own d. A band of confidence is hold +- z x sigma / sqrt(n), as on a PAR
sheet.

The normal distribution is an approximation that needs the rarest wins to have been seen. `is_rough`
says where they may not have been: judged by their own 100,000 games alone, 89 to 93 % of fair
machines are within a band of 95 % (`tests/unit/test_hold.py` plays them).

Sums are integers and exact; what is made of them by division is statistics, and float.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple, Self

from msgspec import Struct

REPORTED_POINTS = 3
"""Percentage points of hold off theory, from which on a difference is reported: "large variances
(3%) between theoretical hold and actual hold shall be investigated" (NIGC, Minimum Internal Control
Standards for gaming machines, 25 CFR 542.13; see docs/reconciliation.md for what was verified)."""

REPORTED_GAMES = 100_000
"""Games from which on it is: "machines that have experienced at least 100,000 wagering
transactions" (same place)."""

ENOUGH_GAMES = 1_000_000
"""Games of a paytable from which on its volatility is well known."""

FEWEST_GAMES, FEWEST_SAMPLES = 1_000, 30
"""A paytable with fewer games, or known in fewer samples, is not judged: a volatility of so few
says nothing, and every second machine would surprise."""

CONFIDENCE = 0.95
"""Of a band."""

FALSE_DISCOVERY_RATE = 0.05
"""Share of fair machines among those called surprising, at most and on average."""

_UNITS_PER_CENT = 10_000
_LN_10 = math.log(10)


class HoldSums(Struct):
    """What of a machine's games under one paytable the hold is judged by. Sums of days add up."""

    games: int = 0
    samples: int = 0
    """Games, or blocks of them where only their sums are known (a meter's hours)."""
    coin_in_cents: int = 0
    coin_out_cents: int = 0
    theoretical_win: int = 0
    """Ten-thousandths of a cent, as every deviation e below."""
    squares: int = 0
    """Sum of e^2."""
    products: int = 0
    """Sum of e x c, c in cents."""
    coin_in_squares: int = 0
    """Sum of c^2."""

    @classmethod
    def of(cls, coin_in_cents: int, coin_out_cents: int, theoretical: int, games: int = 1) -> Self:
        """Those of one game, or of one block of games."""
        e = _UNITS_PER_CENT * (coin_in_cents - coin_out_cents) - theoretical
        c = coin_in_cents
        return cls(games, 1, c, coin_out_cents, theoretical, e * e, e * c, c * c)

    def add(self, other: "HoldSums") -> None:
        """Add other games in place."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def deviation(self) -> int:
        """Actual less theoretical win."""
        return self.actual_win - self.theoretical_win

    @property
    def actual_win(self) -> int:
        """Coin-in less coin-out, ten-thousandths of a cent."""
        return _UNITS_PER_CENT * (self.coin_in_cents - self.coin_out_cents)

    @property
    def is_reported(self) -> bool:
        """Whether the regulation asks for an investigation. Exact."""
        return (
            self.games >= REPORTED_GAMES
            and self.coin_in_cents > 0
            and abs(self.deviation) * 100 >= REPORTED_POINTS * self.coin_in_cents * _UNITS_PER_CENT
        )

    @property
    def residuals(self) -> float:
        """Sum of (e - d c)^2. Nothing is rounded before the one division."""
        c, e = self.coin_in_cents, self.deviation
        if c == 0:
            return float(self.squares)
        exact = self.squares * c * c - 2 * e * c * self.products + e * e * self.coin_in_squares
        return exact / (c * c)


class Volatility(NamedTuple):
    """Volatility of a paytable: `variance` of the return per unit of bet."""

    variance: float
    """Square of ten-thousandths of a cent a cent, which is of basis points."""
    games: int
    """What it was estimated from."""

    @property
    def is_rough(self) -> bool:
        """Whether rare wins may not have been seen."""
        return self.games < ENOUGH_GAMES


def volatility(machines: Iterable[HoldSums]) -> Volatility | None:
    """The volatility of the paytable of these machines; None where nothing varies."""
    residuals, coin_in_squares, samples, games, count = 0.0, 0, 0, 0, 0
    for sums in machines:
        if sums.samples:
            residuals += sums.residuals
            coin_in_squares += sums.coin_in_squares
            samples += sums.samples
            games += sums.games
            count += 1
    if samples <= count or residuals <= 0 or coin_in_squares == 0:
        return None
    return Volatility(residuals / coin_in_squares * samples / (samples - count), games)


class HoldKey(NamedTuple):
    """A machine and the paytable it was played under. The hold is one: the game number's or the
    machine's; ids are absent where the machine reported none lately.
    """

    asset_id: str
    game_number: int
    hold_basis_points: int
    paytable_id: str | None = None
    game_id: str | None = None

    @property
    def paytable(self) -> "HoldKey":
        """What machines with the same volatility have in common; where the paytable has no name it
        is the machine's own.
        """
        return self if self.paytable_id is None else self._replace(asset_id="", game_number=0)


class HoldVerdict(NamedTuple):
    """A machine's hold under one paytable. Shares of coin-in are floats: 0.05 is 5 %."""

    key: HoldKey
    sums: HoldSums
    actual_hold: float
    theoretical_hold: float
    low: float
    """From here `CONFIDENCE` of fair machines hold after as many games."""
    high: float
    z: float
    """Positive where the house held more than theory."""
    p: float
    surprise: float
    """-log10 p: 3 is one in a thousand."""
    chance_of_report: float
    """How probable it is that a fair machine, after as many games, is `REPORTED_POINTS` off."""
    volatility: Volatility

    @property
    def points(self) -> float:
        """Percentage points of actual over theoretical hold."""
        return 100 * (self.actual_hold - self.theoretical_hold)


class HoldRanking(NamedTuple):
    """Machines by how surprising their hold is, and how many of them chance alone would bring."""

    verdicts: Sequence[HoldVerdict]
    """The most surprising first."""
    unjudged: Sequence[tuple[HoldKey, HoldSums]]
    """Those with too little play to estimate a volatility from."""
    surprising: int
    """The first so many are more than chance: of them at most `FALSE_DISCOVERY_RATE` are expected
    to be fair (Benjamini and Hochberg, 1995)."""

    @property
    def reported(self) -> list[HoldVerdict]:
        """Those that the regulation asks to be investigated, the most surprising first."""
        return [verdict for verdict in self.verdicts if verdict.sums.is_reported]

    @property
    def expected_reports(self) -> float:
        """How many fair machines would be reported by chance, of those with games enough."""
        return math.fsum(
            verdict.chance_of_report
            for verdict in self.verdicts
            if verdict.sums.games >= REPORTED_GAMES
        )


def judge(key: HoldKey, sums: HoldSums, by: Volatility) -> HoldVerdict:
    """A machine's hold, judged by the volatility of its paytable. It must have coin-in."""
    coin_in = sums.coin_in_cents * _UNITS_PER_CENT
    theoretical = sums.theoretical_win / coin_in
    deviation = math.sqrt(by.variance * sums.coin_in_squares)
    z = sums.deviation / deviation
    margin = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * deviation / coin_in
    return HoldVerdict(
        key=key,
        sums=sums,
        actual_hold=sums.actual_win / coin_in,
        theoretical_hold=theoretical,
        low=theoretical - margin,
        high=theoretical + margin,
        z=z,
        p=_two_sided(z),
        surprise=surprise(z),
        chance_of_report=_two_sided(REPORTED_POINTS / 100 * coin_in / deviation),
        volatility=by,
    )


def rank(machines: Mapping[HoldKey, HoldSums]) -> HoldRanking:
    """Judge and rank machines, the volatility of each paytable pooled over those that play it."""
    pools: dict[HoldKey, list[HoldSums]] = {}
    for key, sums in machines.items():
        pools.setdefault(key.paytable, []).append(sums)
    known = {
        paytable: volatility(members)
        for paytable, members in pools.items()
        if sum(sums.games for sums in members) >= FEWEST_GAMES
        and sum(sums.samples for sums in members) >= FEWEST_SAMPLES
    }
    verdicts, unjudged = [], []
    for key, sums in machines.items():
        by = known.get(key.paytable)
        if by is None or sums.coin_in_cents == 0:
            unjudged.append((key, sums))
        else:
            verdicts.append(judge(key, sums, by))
    verdicts.sort(key=lambda verdict: (-verdict.surprise, _order(verdict.key)))
    return HoldRanking(
        verdicts, sorted(unjudged, key=lambda one: _order(one[0])), _more_than_chance(verdicts)
    )


def _order(key: HoldKey) -> tuple[str, int, int, str]:
    return key.asset_id, key.game_number, key.hold_basis_points, key.paytable_id or ""


def _more_than_chance(verdicts: Sequence[HoldVerdict]) -> int:
    """How many of the first are discoveries: the last whose p is at most its rank's share."""
    count = len(verdicts)
    found = 0
    for place, verdict in enumerate(verdicts, start=1):
        if verdict.p <= FALSE_DISCOVERY_RATE * place / count:
            found = place
    return found


def _two_sided(z: float) -> float:
    """The probability of a standard normal deviate at least so far from 0."""
    return math.erfc(abs(z) / math.sqrt(2))


def surprise(z: float) -> float:
    """-log10 of the two-sided p-value of a standard normal deviate, also where that is 0 in floats.

    >>> round(surprise(1.959964), 3), round(surprise(40), 1)
    (1.301, 349.1)
    """
    p = _two_sided(z)
    if p > 1e-300:
        return -math.log10(p)
    # The tail's first term, off by less than 1/z^2 of p (Abramowitz and Stegun, 26.2.12).
    return (z * z / 2 + math.log(abs(z)) + math.log(math.pi / 2) / 2) / _LN_10
