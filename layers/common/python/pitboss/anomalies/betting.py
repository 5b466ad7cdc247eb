"""Evidence against an assumption, by betting against it.

The assumption is that values which come one after the other, none below 0, have a mean of at most
`mean`, whatever came before. Somebody who does not believe it begins with 1 and stakes a share of
what they have on each value, at odds that are fair if it is true: after the value x they have
`1 + stake * (x / mean - 1)` times what they had. Where the assumption holds nobody gets rich by it:
the chance ever to have `1 / rate` times the first stake is at most `rate` (Ville 1939). So one may
look after every value, and stop when one likes.

Nobody knows the best stake beforehand: `STAKES` are played beside each other with equal shares of
the 1, and what is held is their mean, for which the same is true.

Sources: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
J. R. Stat. Soc. B 86 (2024); Shafer, "Testing by betting", J. R. Stat. Soc. A 184 (2021).
"""

from typing import Self

from msgspec import Struct

STAKES = (0.5, 0.25, 0.12, 0.06, 0.03, 0.015)
"""Shares of what is held that are staked, each by a player of its own."""

_ENOUGH = 1e200
"""More proves no more, and must not overflow."""


class Evidence(Struct, array_like=True, frozen=True, gc=False):
    """What the players hold."""

    held: tuple[float, ...] = (1.0,) * len(STAKES)
    most: float = 1.0
    """The most that they ever held together, in units of what they began with."""

    def after(self, value: float, mean: float) -> Self:
        """What they hold after a value.

        Args:
            value: 0 or more.
            mean: what it is at most on average, more than 0, as known before the value was.
        """
        gain = value / mean - 1.0
        held = tuple(
            [
                min(share * (1.0 + stake * gain), _ENOUGH)
                for share, stake in zip(self.held, STAKES, strict=True)
            ]
        )
        return type(self)(held, max(self.most, sum(held) / len(held)))


def is_against(evidence: Evidence, rate: float) -> bool:
    """Whether the evidence is such that at most this share of those of whom the assumption is true
    ever shows it.
    """
    return evidence.most * rate >= 1.0
