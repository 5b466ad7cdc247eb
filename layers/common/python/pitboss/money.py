"""Money as integers: cents, and theoretical win in ten-thousandths of a cent.

Theoretical win is coin-in cents x hold basis points, which is exact in units of 1/10,000 cent
(1/1,000,000 dollar). Floats never touch money; text is made from integers by division.
"""

THEORETICAL_UNITS_PER_DOLLAR = 1_000_000
"""Units of theoretical win in a dollar: 100 cents x 10,000 basis points."""


def theoretical_win(coin_in_cents: int, hold_basis_points: int) -> int:
    """Theoretical win in ten-thousandths of a cent.

    >>> theoretical_win(68_500, 326)
    22331000
    """
    return coin_in_cents * hold_basis_points


def theoretical_dollars(units: int) -> str:
    """Ten-thousandths of a cent as dollars: at least two decimals, none that say nothing.

    >>> theoretical_dollars(22_331_000)
    '22.331'
    >>> theoretical_dollars(200_000)
    '0.20'
    """
    sign = "-" if units < 0 else ""
    dollars, fraction = divmod(abs(units), THEORETICAL_UNITS_PER_DOLLAR)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{dollars}.{digits}"


def dollars(cents: int) -> str:
    """Cents as dollars.

    >>> dollars(-68_505)
    '-685.05'
    """
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
