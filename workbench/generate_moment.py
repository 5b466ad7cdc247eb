"""Moments as the scripts of a browser write them: moment.js formats, and a Date as text.

Source of the tokens: https://momentjs.com/docs/#/displaying/format/ (locale en).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from workbench.generate_words import MONTHS, WEEKDAYS

Formats = Callable[[datetime], str]
"""Writes a moment that has its zone."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_TOKEN = re.compile(
    r"\[([^\]]*)\]|YYYYYY|YYYYY|YYYY|YY|Y|GGGG|GG|gggg|gg|Qo|Q|MMMM|MMM|MM|Mo|M|DDDD|DDDo|DDD|DD|Do"
    r"|D|dddd|ddd|dd|do|d|e|E|ww|wo|w|WW|Wo|W|HH|H|hh|h|kk|k|mm|m|ss|s|S{1,9}|A|a|ZZ|Z|zz|z|X|x"
    r"|LTS|LT|LLLL|LLL|LL|L|llll|lll|ll|l"
)
_SHORTHANDS = {
    "LT": "h:mm A",
    "LTS": "h:mm:ss A",
    "L": "MM/DD/YYYY",
    "LL": "MMMM D, YYYY",
    "LLL": "MMMM D, YYYY h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
    "l": "M/D/YYYY",
    "ll": "MMM D, YYYY",
    "lll": "MMM D, YYYY h:mm A",
    "llll": "ddd, MMM D, YYYY h:mm A",
}


def compiled(pattern: str) -> Formats:
    """A moment.js format, read once.

    A letter that is no token stands for itself, as in moment.js; `[text]` is text.
    """
    pieces: list[str | Formats] = []
    end = 0
    for found in _TOKEN.finditer(pattern):
        pieces.append(pattern[end : found.start()])
        token = found[0]
        if token.startswith("["):
            pieces.append(found[1])
        elif token in _SHORTHANDS:
            pieces.append(compiled(_SHORTHANDS[token]))
        else:
            pieces.append(_fraction(len(token)) if token[0] == "S" else _WRITES[token])
        end = found.end()
    pieces.append(pattern[end:])
    makers = [piece for piece in pieces if not isinstance(piece, str)]
    text = "".join(piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in pieces)
    return lambda at: text % tuple([write(at) for write in makers])


def iso(at: datetime) -> str:
    """As `moment().format()` writes it: 2014-09-08T08:02:17-05:00, in UTC with Z."""
    offset = at.utcoffset()
    zone = "Z" if at.tzname() == "UTC" and not offset else _offset(at, ":")
    return f"{at:%Y-%m-%dT%H:%M:%S}{zone}"


def text_of_date(at: datetime) -> str:
    """As a browser writes a Date: Tue Mar 10 2020 03:15:11 GMT+0000 (UTC)."""
    day, month = _weekday(at)[:3], MONTHS[at.month - 1][:3]
    return f"{day} {month} {at:%d %Y %H:%M:%S} GMT{_offset(at, '')} ({at.tzname()})"


def _offset(at: datetime, colon: str) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{size // 60:02}{colon}{size % 60:02}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def _day(at: datetime) -> int:
    """Of the week, Sunday 0."""
    return at.isoweekday() % 7


def _weekday(at: datetime) -> str:
    return WEEKDAYS[_day(at)]


def _year_day(at: datetime) -> int:
    return at.timetuple().tm_yday


def _week(at: datetime) -> tuple[int, int]:
    """Year and week as moment.js counts in English: weeks begin on Sunday, the first has 1 Jan."""
    saturday = at + timedelta(days=6 - _day(at))
    return saturday.year, (_year_day(saturday) - 1) // 7 + 1


def _fraction(digits: int) -> Formats:
    return lambda at: f"{at.microsecond:06}000"[:digits]


_WRITES: dict[str, Formats] = {
    "YYYYYY": lambda at: f"+{at.year:06}",
    "YYYYY": lambda at: f"{at.year:05}",
    "YYYY": lambda at: f"{at.year:04}",
    "YY": lambda at: f"{at.year % 100:02}",
    "Y": lambda at: str(at.year),
    "GGGG": lambda at: f"{at.isocalendar().year:04}",
    "GG": lambda at: f"{at.isocalendar().year % 100:02}",
    "gggg": lambda at: f"{_week(at)[0]:04}",
    "gg": lambda at: f"{_week(at)[0] % 100:02}",
    "Q": lambda at: str((at.month + 2) // 3),
    "Qo": lambda at: _ordinal((at.month + 2) // 3),
    "MMMM": lambda at: MONTHS[at.month - 1],
    "MMM": lambda at: MONTHS[at.month - 1][:3],
    "MM": lambda at: f"{at.month:02}",
    "Mo": lambda at: _ordinal(at.month),
    "M": lambda at: str(at.month),
    "DDDD": lambda at: f"{_year_day(at):03}",
    "DDDo": lambda at: _ordinal(_year_day(at)),
    "DDD": lambda at: str(_year_day(at)),
    "DD": lambda at: f"{at.day:02}",
    "Do": lambda at: _ordinal(at.day),
    "D": lambda at: str(at.day),
    "dddd": _weekday,
    "ddd": lambda at: _weekday(at)[:3],
    "dd": lambda at: _weekday(at)[:2],
    "do": lambda at: _ordinal(_day(at)),
    "d": lambda at: str(_day(at)),
    "e": lambda at: str(_day(at)),
    "E": lambda at: str(at.isoweekday()),
    "ww": lambda at: f"{_week(at)[1]:02}",
    "wo": lambda at: _ordinal(_week(at)[1]),
    "w": lambda at: str(_week(at)[1]),
    "WW": lambda at: f"{at.isocalendar().week:02}",
    "Wo": lambda at: _ordinal(at.isocalendar().week),
    "W": lambda at: str(at.isocalendar().week),
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "h": lambda at: str(at.hour % 12 or 12),
    "kk": lambda at: f"{at.hour or 24:02}",
    "k": lambda at: str(at.hour or 24),
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: str(at.second),
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "ZZ": lambda at: _offset(at, ""),
    "Z": lambda at: _offset(at, ":"),
    "zz": lambda at: at.tzname() or "",
    "z": lambda at: at.tzname() or "",
    "X": lambda at: str((at - _EPOCH) // timedelta(seconds=1)),
    "x": lambda at: str((at - _EPOCH) // timedelta(milliseconds=1)),
}
