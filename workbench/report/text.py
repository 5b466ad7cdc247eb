"""Figures as text for people: exact integers in, rounded half up where they have to be."""

import re
from datetime import date
from html import escape

MINUS, NOTHING = "−", "–"

_UNITS_PER_CENT = 10_000
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What no document may have, and what would turn the text around it about."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def shown(content: str) -> str:
    """Text without what would act on a terminal or a document that shows it, whoever made it.

    >>> shown("level" + chr(27) + "[2J")
    'level�[2J'
    """
    return _UNSHOWN.sub("\ufffd", content)


def markup(content: str) -> str:
    """Text as HTML and SVG have it, whoever made it.

    >>> markup('<b id="7">' + chr(0))
    '&lt;b id=&quot;7&quot;&gt;�'
    """
    return escape(shown(content))


def rounded(numerator: int, denominator: int) -> int:
    """The nearest integer of a quotient, halves away from zero; the denominator is positive.

    >>> rounded(5, 2), rounded(-5, 2), rounded(7, 3)
    (3, -3, 2)
    """
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def quotient(numerator: int, denominator: int, digits: int) -> str:
    """A quotient to so many decimal digits; by nothing there is none.

    >>> quotient(7, 2, 1), quotient(3, 12, 2), quotient(1, 0, 1)
    ('3.5', '0.25', '–')
    """
    if not denominator:
        return NOTHING
    whole, rest = divmod(rounded(10**digits * numerator, denominator), 10**digits)
    return f"{whole:,}.{rest:0{digits}d}"


def cents(theoretical: int) -> int:
    """Theoretical win (ten-thousandths of a cent) to the nearest cent."""
    return rounded(theoretical, _UNITS_PER_CENT)


def count(value: int) -> str:
    """A count.

    >>> count(-12345)
    '−12,345'
    """
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


def money(amount_cents: int) -> str:
    """Cents as dollars.

    >>> money(-123456)
    '−$1,234.56'
    """
    whole, rest = divmod(abs(amount_cents), 100)
    return f"{MINUS if amount_cents < 0 else ''}${whole:,}.{rest:02d}"


def short_money(amount_cents: int) -> str:
    """Cents as dollars in at most three digits, for axes and legends.

    >>> [short_money(c) for c in (0, 45, 4_500, 123_456, 12_345_600, 250_000_000)]
    ['$0', '$0.45', '$45', '$1.23k', '$123k', '$2.5M']
    """
    size, sign = abs(amount_cents), MINUS if amount_cents < 0 else ""
    if 0 < size < 1_000:
        whole, rest = divmod(size, 100)
        return f"{sign}${whole}.{rest:02d}" if rest else f"{sign}${whole}"
    for unit, name in ((100_000_000_000, "B"), (100_000_000, "M"), (100_000, "k")):
        if size >= unit:
            digits = 2 if size < 10 * unit else 1 if size < 100 * unit else 0
            text = f"{rounded(size * 10**digits, unit):0{digits + 1}d}"
            if digits:
                text = f"{text[:-digits]}.{text[-digits:]}".rstrip("0").rstrip(".")
            return f"{sign}${text}{name}"
    return f"{sign}${rounded(size, 100)}"


def percent(numerator: int, denominator: int, digits: int = 1) -> str:
    """A share in per cent; nothing where there is nothing to take it of.

    >>> percent(1, 3), percent(-1, 8, 2), percent(1, 0)
    ('33.3 %', '−12.50 %', '–')
    """
    if denominator <= 0:
        return NOTHING
    value = rounded(numerator * 100 * 10**digits, denominator)
    whole, rest = divmod(abs(value), 10**digits)
    decimals = f".{rest:0{digits}d}" if digits else ""
    return f"{MINUS if value < 0 else ''}{whole:,}{decimals} %"


def share(value: float, digits: int = 1) -> str:
    """A share that is statistics, and so a float, in per cent."""
    text = f"{100 * value:,.{digits}f} %"
    return text.replace("-", MINUS)


def change(now: int, before: int) -> str | None:
    """By how much a figure changed, in per cent; None where there is nothing to compare with.

    >>> change(110, 100), change(95, 100), change(1, 0)
    ('+10.0 %', '−5.0 %', None)
    """
    if before <= 0:
        return None
    text = percent(now - before, before)
    return text if text.startswith(MINUS) or text == "0.0 %" else f"+{text}"


def plural(number: int, noun: str) -> str:
    """A number of things.

    >>> plural(1, "machine"), plural(2, "machine")
    ('1 machine', '2 machines')
    """
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def long_date(day: date) -> str:
    """A date in words, the same on every machine.

    >>> long_date(date(2026, 1, 15))
    'Thursday, 15 January 2026'
    """
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"
