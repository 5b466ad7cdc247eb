"""The charts of games, drawn as those of the day report are: see `workbench.report.charts`."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from workbench.game_report.figures import Caught, Score
from workbench.game_report.heat import Bin, HeatMap
from workbench.report import text as words
from workbench.report.charts import (
    PHONE,
    Chart,
    Panel,
    Ramp,
    box,
    columns,
    line,
    number,
    polygon,
    write,
)
from workbench.report.floor import Picture
from workbench.report.hexbin import centre, corners

OTHERS = "others"
"""What of a chart's rows or columns has no room of its own, together."""

SHADES = 4
"""Of a difference, on each side of the middle: so many of a palette's diverging colours."""

ROOMY = 700
"""A heat map of so much width has room beside its legend."""

PLAYERS_SHOWN = 15
"""Players in the chart of wins and losses; the table has all."""


# --- heat maps ------------------------------------------------------------------------------------


class Ground(NamedTuple):
    """The picture of a level."""

    picture: Picture
    is_dark: bool
    """Its colours are: hexagons over it then grow lighter the more they have."""

    @property
    def kind(self) -> str:
        """The class of what lies over it."""
        return " ondark" if self.is_dark else " onlight"


def heat_map(found: HeatMap, ground: Ground | None, width: int) -> Chart:
    """A level with its hexagons, over its picture if there is one, and what the colours mean."""
    cells = [(*found.bounds.shown(*centre(one.at, found.radius)), one) for one in found.bins]
    left, top, across, down = 0.0, 0.0, found.bounds.width, found.bounds.height
    if found.is_whole:
        points = [point for x, y, _ in cells for point in corners(x, y, found.radius)]
        left, top = (min(values) for values in zip(*points, strict=True))
        across, down = (max(values) for values in zip(*points, strict=True))
        across, down = across - left, down - top
    most_height = width * (0.9 if width <= PHONE else 0.64)
    scale = min(width / across, most_height / down)
    shift = (width - across * scale) / 2
    parts = [
        f'<svg x="{number(shift)}" y="0" width="{number(across * scale)}" '
        f'height="{number(down * scale)}">',
        box(0, 0, across * scale, down * scale, "page"),
    ]
    over = ""
    if ground is not None:
        picture, over = ground.picture, ground.kind
        content = b64encode(picture.content).decode()
        parts.append(
            f'<image x="0" y="0" width="{number(across * scale)}" height="{number(down * scale)}" '
            f'preserveAspectRatio="none" href="data:{picture.media_type};base64,{content}"/>'
        )
    scheme = _Differences(found) if found.asked.versions else _Counts(found)
    for x, y, one in cells:
        parts.append(
            polygon(
                corners((x - left) * scale, (y - top) * scale, found.radius * scale),
                scheme.kind(one) + over,
                scheme.said(one) if width > PHONE else None,
            )
        )
    parts.append("</svg>")
    height = down * scale + 12
    parts.append(scheme.legend(height, width, over))
    return Chart(width, round(height + 34), "".join(parts))


class _Counts:
    """Colours of how many events a hexagon has."""

    def __init__(self, found: HeatMap) -> None:
        self._ramp = Ramp((one.counts[0] for one in found.bins), words.count, by_size=True)

    def kind(self, one: Bin) -> str:
        return f"r{self._ramp.name(one.counts[0])} cell"

    def said(self, one: Bin) -> str:
        return words.plural(one.counts[0], "event")

    def legend(self, y: float, width: float, over: str) -> str:
        return self._ramp.legend(0, y, width, has_none=False, over=over) + _unit(
            "events in a hexagon", y, width
        )


class _Differences:
    """Colours of how two versions differ: as strong on either side, none in the middle."""

    def __init__(self, found: HeatMap) -> None:
        self._found = found
        self._most = most_difference(found)

    def kind(self, one: Bin) -> str:
        value = self._found.difference(one)
        return "few" if value is None else f"d{SHADES + shade(value, self._most)} edged"

    def said(self, one: Bin) -> str:
        before, after = self._found.asked.versions or ("", "")
        value = self._found.difference(one)
        told = "too few to compare" if value is None else rate(value)
        return f"{before}: {one.counts[0]:,}, {after}: {one.counts[1]:,}; {told}"

    def legend(self, y: float, width: float, over: str) -> str:
        count = 2 * SHADES + 1
        step = min(width / (count + 3), 64)
        parts = [box(0, y, step - 2, 12, f"few{over}"), write(0, y + 27, "too few", "note small")]
        for place in range(count):
            x = (place + 1.5) * step
            parts.append(box(x, y, step - 1, 12, f"d{place}{over}"))
            if place:
                edge = Fraction(2 * place - count, count) * self._most
                parts.append(write(x, y + 27, rate(edge), "note tiny", "middle"))
        return "".join(parts) + _unit(f"per 100 {self._found.asked.per}s", y, width)


def _unit(what: str, y: float, width: float) -> str:
    """What a legend's figures are, where there is room; the words above the map say it too."""
    return write(width, y + 10, what, "note small", "end") if width >= ROOMY else ""


def most_difference(found: HeatMap) -> Fraction:
    """The difference at the end of the colours: that of the twentieth of the hexagons that differ
    most, so that a single one does not leave all others pale.
    """
    sizes = sorted(abs(value) for one in found.bins if (value := found.difference(one)) is not None)
    if not sizes or not sizes[-1]:
        return Fraction(1)
    return sizes[len(sizes) * 19 // 20] or sizes[-1]  # nearly all may be the same


def shade(value: Fraction, most: Fraction) -> int:
    """How strong a difference's colour is, to `SHADES` on either side; each is as wide.

    >>> [shade(Fraction(n, 9), Fraction(1)) for n in (-9, -2, -1, 0, 1, 2, 9, 99)]
    [-4, -1, -1, 0, 1, 1, 4, 4]
    """
    size = min(int(abs(value) * (2 * SHADES + 1) / (2 * most) + Fraction(1, 2)), SHADES)
    return size if value > 0 else -size


def rate(value: Fraction) -> str:
    """A difference of rates, in hundredths.

    >>> [rate(Fraction(n, 10_000)) for n in (0, 4, -123, 4_567, -50_000)]
    ['0', '+0.04', '−1.23', '+45.7', '−500']
    """
    size = abs(value) * 100
    digits = 2 if size < 10 else 1 if size < 100 else 0
    rounded = words.rounded(size.numerator * 10**digits, size.denominator)
    whole, rest = divmod(rounded, 10**digits)
    if not rounded:
        return "0"
    return f"{words.MINUS if value < 0 else '+'}{whole:,}" + (
        f".{rest:0{digits}d}" if digits else ""
    )


# --- bars -----------------------------------------------------------------------------------------


class Measure(NamedTuple):
    """A column of bars: what it measures, its class, and a value and its words for each row."""

    head: str
    kind: str
    values: Sequence[int]
    shown: Sequence[str]


def bars(names: Sequence[str], measures: Sequence[Measure], width: int) -> Chart:
    """A row for each name, with a bar for each measure; each measure has a scale of its own."""
    left, row, top = (176 if width > PHONE else 104), 26, 24
    each = (width - left) / len(measures)
    parts = [
        write(0, top + row * (n + 0.5) + 4, short(name, left / 7.4), "label")
        for n, name in enumerate(names)
    ]
    for place, (head, kind, values, shown) in enumerate(measures):
        x = left + place * each
        room = 8 + 7 * max(map(len, shown), default=0)
        longest = each - room - 12
        most = max(*values, 1)
        parts.append(write(x, 12, short(head, each / 6), "note small"))
        for n, (value, text) in enumerate(zip(values, shown, strict=True)):
            y = top + row * n
            length = longest * value / most
            if value > 0:
                parts.append(box(x, y + 5, max(length, 1), row - 10, kind))
            parts.append(write(x + length + 6, y + row / 2 + 4, text, "label"))
    return Chart(width, top + row * len(names) + 4, "".join(parts))


def short(name: str, most: float) -> str:
    """A name that has room for so many letters.

    >>> short("Gargoyle", 5), short("Ghost", 5)
    ('Garg…', 'Ghost')
    """
    return name if len(name) <= int(most) else name[: int(most) - 1] + "…"


# --- the four charts of the course ----------------------------------------------------------------


def caught_at_by(found: Sequence[Caught], width: int) -> Chart:
    """A row for each place and a column for each enemy, with how often; what has no room is added
    up at the end.
    """
    most_columns, most_rows = (8, 14) if width > PHONE else (4, 14)
    times = {(one.caught_at or NOWHERE, one.caught_by): one.times for one in found}
    places, enemies = (_most(times, axis) for axis in (0, 1))
    shown_places, shown_enemies = _cut(places, most_rows), _cut(enemies, most_columns)
    cells: dict[tuple[str, str], int] = {}
    for (place, enemy), count in times.items():
        key = (
            place if place in shown_places else OTHERS,
            enemy if enemy in shown_enemies else OTHERS,
        )
        cells[key] = cells.get(key, 0) + count
    ramp = Ramp(cells.values(), words.count, by_size=True)
    left, row, top = (176 if width > PHONE else 96), 30, 24
    each = (width - left) / len(shown_enemies)
    parts = [
        write(left + (n + 0.5) * each, 14, short(enemy, each / 7), "note small", "middle")
        for n, enemy in enumerate(shown_enemies)
    ]
    for n, place in enumerate(shown_places):
        y = top + n * row
        parts.append(write(0, y + row / 2 + 4, short(place, left / 7.4), "label"))
        for m, enemy in enumerate(shown_enemies):
            count = cells.get((place, enemy), 0)
            name = ramp.name(count)
            kind, ink = ("few", "note") if name is None else (f"r{name} cell", f"o{name}")
            x = left + m * each
            parts.append(box(x, y, each, row, kind))
            shown = words.count(count) if count else words.NOTHING
            parts.append(write(x + each / 2, y + row / 2 + 4, shown, ink, "middle"))
    return Chart(width, top + row * len(shown_places) + 2, "".join(parts))


NOWHERE = "not said"
"""Where somebody was caught of whom no event says it."""


def _most(times: Mapping[tuple[str, str], int], axis: int) -> list[str]:
    """Places or enemies, the one with the most catches first."""
    sums: dict[str, int] = {}
    for key, count in times.items():
        sums[key[axis]] = sums.get(key[axis], 0) + count
    return sorted(sums, key=lambda name: (-sums[name], name))


def _cut(names: Sequence[str], most: int) -> list[str]:
    return list(names) if len(names) <= most else [*names[: most - 1], OTHERS]


class Bucket(NamedTuple):
    """Players with so many losses."""

    first: int
    last: int
    players: int

    @property
    def label(self) -> str:
        """The losses, or from where to where."""
        return f"{self.first}" if self.first == self.last else f"{self.first}–{self.last}"


def buckets(scores: Sequence[Score], most: int = 16) -> list[Bucket]:
    """Players by their losses, in at most so many buckets that are as wide, from none on."""
    if not scores:
        return []
    top = max(one.losses for one in scores)
    width = 1
    while top // width >= most:
        # 1, 2, 5, 10, ...
        width = width * 5 // 2 if str(width).startswith("2") else width * 2
    counts = [0] * (top // width + 1)
    for one in scores:
        counts[one.losses // width] += 1
    return [Bucket(n * width, (n + 1) * width - 1, count) for n, count in enumerate(counts)]


def losses_per_player(found: Sequence[Bucket], width: int) -> Chart:
    """A column for each number of losses, as high as players have it."""
    said = [f"{one.label}: {words.plural(one.players, 'player')}" for one in found]
    panel = Panel("Players", "second", [one.players for one in found], said)
    longest = max(len(one.label) for one in found)
    has_room = width / len(found) > 7 * longest + 8
    labels = [one.label if has_room else str(one.first) for one in found]
    foot = "losses of a player" if has_room or longest < 3 else "losses of a player, from"
    return columns((panel,), labels, foot, width, words.count, least=1)


def win_loss(scores: Sequence[Score], width: int) -> Chart:
    """All players, then those with the most games: wins and losses as shares of both, and their
    ratio.
    """
    rows = [Score("All players", *totals(scores)), *scores[:PLAYERS_SHOWN]]
    left, right, row, top = (176, 170, 26, 24) if width > PHONE else (96, 106, 26, 24)
    room = width - left - right
    parts = [
        write(left, 12, "wins", "note small"),
        write(left + room, 12, "losses", "note small", "end"),
        write(width, 12, "wins : losses, ratio" if width > PHONE else "ratio", "note small", "end"),
    ]
    for n, one in enumerate(rows):
        wins, losses = one.wins, one.losses
        y, whole = top + row * n + (6 if n else 0), max(wins + losses, 1)
        strong = "" if n else " strong"
        parts.append(write(0, y + row / 2 + 4, short(one.player_id, left / 7.4), f"label{strong}"))
        split = room * wins / whole
        if wins:
            parts.append(box(left, y + 4, split, row - 8, "first"))
        if losses:
            parts.append(box(left + split, y + 4, room - split, row - 8, "second"))
        figures = f"{words.count(wins)} : {words.count(losses)}" if width > PHONE else ""
        parts.append(write(width - 46, y + row / 2 + 4, figures, "note", "end"))
        parts.append(write(width, y + row / 2 + 4, ratio(wins, losses), f"label{strong}", "end"))
    bottom = top + row * len(rows) + 6
    parts.append(line(left + room / 2, top, left + room / 2, bottom, "edge"))
    return Chart(width, bottom + 2, "".join(parts))


def totals(scores: Sequence[Score]) -> tuple[int, int]:
    """Wins and losses of all."""
    return sum(one.wins for one in scores), sum(one.losses for one in scores)


def ratio(wins: int, losses: int) -> str:
    """Wins for each loss; without a loss there is none.

    >>> ratio(3, 12), ratio(2, 0)
    ('0.25', '–')
    """
    return words.quotient(wins, losses, 2)
