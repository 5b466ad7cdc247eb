"""What stands on the floor and who plays there: machine models, pay distributions, patrons.

Everything is an integer and every table is written out, so that a seed gives the same shift on
every machine and every version of Python: no logarithm, no normal deviate, no library's shuffle.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

DENOMINATION_CENTS = {
    0x01: 1,
    0x17: 2,
    0x02: 5,
    0x03: 10,
    0x04: 25,
    0x05: 50,
    0x06: 100,
    0x07: 500,
    0x08: 1_000,
    0x09: 2_000,
}
"""SAS 6.02, table C-4: the denomination codes this floor uses. The simulator has its own copy so
that an error in the product's table cannot hide in the ledger."""

BILLS = ((0x00, 100), (0x02, 500), (0x03, 1_000), (0x04, 2_000), (0x05, 5_000), (0x06, 10_000))
"""Bill denomination codes (exception 4F) with their cents. Two-dollar bills (01) are too rare."""

OUTCOMES = 10_000_000
"""A game's outcome is one of this many equally likely ones."""

type Form = Literal["video", "stepper", "poker"]

_HIGHER_WINS: dict[Form, tuple[tuple[int, int], ...]] = {
    "video": (
        (2, 900_000),
        (3, 420_000),
        (5, 230_000),
        (10, 90_000),
        (25, 26_000),
        (60, 6_000),
        (250, 600),
        (1_000, 100),
    ),
    "stepper": (
        (2, 700_000),
        (5, 300_000),
        (10, 140_000),
        (20, 50_000),
        (40, 12_000),
        (80, 4_000),
        (400, 500),
        (800, 150),
    ),
    "poker": (
        (2, 1_290_000),
        (3, 745_000),
        (4, 110_000),
        (6, 110_000),
        (9, 115_000),
        (25, 23_600),
        (50, 1_090),
        (800, 250),
    ),
}
"""Wins above even money as (multiple of the wager, ways out of `OUTCOMES`)."""


@dataclass(frozen=True)
class PayDistribution:
    """What a wager returns, as whole multiples of it.

    Even-money wins fill up what the higher ones leave, so that the expectation is the base
    percentage exactly: the sum of multiple x ways is base basis points x `OUTCOMES` / 10,000.
    """

    base_basis_points: int
    form: Form

    @cached_property
    def ways(self) -> tuple[tuple[int, int], ...]:
        """Every win as (multiple, ways), the most frequent multiple first."""
        higher = _HIGHER_WINS[self.form]
        paid = sum(multiple * ways for multiple, ways in higher)
        even = self.base_basis_points * (OUTCOMES // 10_000) - paid
        if even < 0 or even + sum(ways for _, ways in higher) > OUTCOMES:
            raise ValueError(f"a base of {self.base_basis_points} bp does not fit {self.form}")
        return ((1, even), *higher)

    @cached_property
    def _thresholds(self) -> list[int]:
        return list(accumulate(ways for _, ways in self.ways))

    @cached_property
    def _multiples(self) -> list[int]:
        return [*(multiple for multiple, _ in self.ways), 0]

    def multiple(self, outcome: int) -> int:
        """What the outcome (0 up to `OUTCOMES`, exclusive) returns, as a multiple of the wager."""
        return self._multiples[bisect_right(self._thresholds, outcome)]


@dataclass(frozen=True)
class MachineModel:
    """A kind of machine. A wager is always a whole number of accounting credits."""

    name: str
    game_id: str
    paytable_id: str
    form: Form
    base_basis_points: int
    accounting_code: int
    wager_code: int
    bets: tuple[int, ...]
    """Bets in credits of the wager's denomination, the last one the maximum."""

    @property
    def hold_basis_points(self) -> int:
        """The house's share of coin-in."""
        return 10_000 - self.base_basis_points

    @property
    def accounting_cents(self) -> int:
        """What an accounting credit is worth."""
        return DENOMINATION_CENTS[self.accounting_code]

    @property
    def wager_cents(self) -> int:
        """What a wagered credit is worth."""
        return DENOMINATION_CENTS[self.wager_code]

    @property
    def reels(self) -> int:
        """Reels that report where they stop."""
        return {"video": 5, "stepper": 3, "poker": 0}[self.form]

    @cached_property
    def pays(self) -> PayDistribution:
        """What a game returns."""
        return PayDistribution(self.base_basis_points, self.form)


MODELS = (
    MachineModel(
        "HARBOR LIGHTS", "HL", "HL8790", "video", 8790, 0x01, 0x01, (25, 50, 75, 125, 250)
    ),
    MachineModel("DRAW CLASSIC", "DC", "DC9744", "poker", 9744, 0x01, 0x04, (1, 2, 3, 5)),
    MachineModel("RED SEVENS", "RS", "RS9475", "stepper", 9475, 0x04, 0x06, (1, 2, 3)),
    MachineModel("COPPER CANYON", "CC", "CC8853", "video", 8853, 0x01, 0x17, (40, 80, 120, 200)),
    MachineModel("NICKEL NIGHTS", "NN", "NN9150", "video", 9150, 0x02, 0x02, (9, 18, 27, 45)),
    MachineModel("SUMMIT SEVENS", "SS", "SS9610", "stepper", 9610, 0x06, 0x07, (1, 2, 3)),
    MachineModel("MOON GARDEN", "MG", "MG9012", "video", 9012, 0x01, 0x02, (20, 40, 60, 100)),
    MachineModel("DRAW DEUCES", "DD", "DD9890", "poker", 9890, 0x01, 0x06, (1, 2, 5)),
    MachineModel("QUARTER STAR", "QS", "QS9325", "stepper", 9325, 0x04, 0x04, (1, 2, 3)),
    MachineModel("TWIN FOXES", "TF", "TF8625", "video", 8625, 0x17, 0x17, (25, 50, 75)),
    MachineModel("DRAW CLASSIC", "DC", "DC9580", "poker", 9580, 0x02, 0x05, (1, 2, 5)),
    MachineModel("DIME DRAGON", "DR", "DR9233", "video", 9233, 0x01, 0x03, (10, 20, 30, 50)),
)
"""Machines are put up in this order, again and again: a floor of three already has a wager worth
another denomination than the accounting one, and an accounting credit worth more than a cent."""


@dataclass(frozen=True)
class PatronKind:
    """How someone plays."""

    weight: int
    """Patrons of this kind in a hundred."""
    appetite: int
    """The highest bet this patron thinks of, in per cent of the way to the maximum bet."""
    games: tuple[int, int]
    """Fewest and most games at one machine."""
    budget_wagers: int
    """What the patron may lose at one machine, in wagers."""
    pace: int
    """Time between games, in per cent of the median patron's."""


PATRON_KINDS = (
    PatronKind(45, 35, (20, 120), 60, 110),
    PatronKind(40, 70, (60, 300), 120, 100),
    PatronKind(15, 100, (100, 500), 250, 85),
)

PACE_MS = (
    2820, 3340, 3650, 3900, 4110, 4310, 4490, 4660, 4820, 4980, 5130, 5290, 5440, 5600, 5760, 5920,
    6080, 6250, 6430, 6610, 6810, 7010, 7230, 7470, 7730, 8020, 8360, 8750, 9230, 9860, 10790,
    12750,
)  # fmt: skip
"""From one game's start to the next: 32 quantiles of a lognormal, median 6 s, sigma 0.35."""

LAG_MS = (
    -23, -14, -8, -4, -1, 2, 5, 7, 9, 11, 13, 15, 17, 19, 20, 22,
    24, 26, 27, 29, 31, 33, 35, 37, 39, 41, 44, 47, 50, 54, 60, 70,
)  # fmt: skip
"""Collector's clock less device's clock: 32 quantiles, median 23 ms, for clocks that agree."""

CLOCK_OFFSET_MS = 70
"""A device's clock is wrong by at most this much, either way."""

EARLIEST_MS = LAG_MS[0] - CLOCK_OFFSET_MS
"""The least the collector's clock can show, seen from the device's: -93 ms."""
