"""The charts, drawn as SVG for a width: the same code for the page and for the picture.

A chart is text in SVG's own units (pixels at its width) and has its colours from classes, so that
one style sheet makes it light, dark or printed. The same figures are the same bytes.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pitboss.rating.hold import CONFIDENCE, HoldVerdict
from workbench.report import text as words
from workbench.report.figures import Hour
from workbench.report.floor import Box, Hexagon, Picture
from workbench.report.hexbin import corners
from workbench.report.text import markup

HOLDS_SHOWN = 20
"""Machines in the chart of holds; the table has all."""

CLASSES = 6
"""Colours of the heat map, from little to much."""

MAP_HEIGHT = 480
"""Of a map, at most."""

PHONE = 480
"""Charts of less width are drawn for a phone."""


class Chart(NamedTuple):
    """A drawing of a size, without its outer element."""

    width: int
    height: int
    body: str


@dataclass(frozen=True)
class Palette:
    """Colours. Texts have a contrast of 4.5 and more with what is behind them, and marks of 3 and
    more (WCAG 2.2); but for `band` and `ramp`, which have their figures in words beside them.
    """

    page: str
    paper: str
    ink: str
    muted: str
    line: str
    first: str
    second: str
    band: str
    alarm: str
    ramp: tuple[str, ...]
    on_ramp: tuple[str, ...]
    """Of a text on each of the ramp's colours."""
    diverging: tuple[str, ...]
    """From much less to much more, what is the same in the middle: those of the live page's map
    (`dashboard/map/ramps.js` has their sources), of light ground without the two at its ends."""


LIGHT = Palette(
    page="#f3f5f8", paper="#ffffff", ink="#15202b", muted="#55636f", line="#dde3ea",
    first="#3a6ea5", second="#9a4a08", band="#b7cee6", alarm="#b3261e",
    ramp=("#d2e4f4", "#abcfe6", "#75b3d8", "#4291c6", "#1c67ab", "#0a3b74"),
    on_ramp=("#15202b", "#15202b", "#15202b", "#15202b", "#ffffff", "#ffffff"),
    diverging=(
        "#b2182b", "#d6604d", "#f4a582", "#fddbc7", "#f7f7f7", "#d1e5f0", "#92c5de", "#4393c3",
        "#2166ac",
    ),
)  # fmt: skip
DARK = Palette(
    page="#0d1319", paper="#161e27", ink="#e8eef4", muted="#a3b1bf", line="#2c3845",
    first="#6fa8e0", second="#e59a55", band="#36587d", alarm="#ff8a80",
    ramp=("#17324f", "#1c4c78", "#2568a4", "#3d8ccc", "#76b5e6", "#c0dffa"),
    on_ramp=("#e8eef4", "#e8eef4", "#ffffff", "#0d1319", "#0d1319", "#0d1319"),
    diverging=(
        "#ffadad", "#be6f63", "#7d341e", "#411201", "#190c09", "#14303e", "#286886", "#519fd3",
        "#9eb0ff",
    ),
)  # fmt: skip


def style(palette: Palette) -> str:
    """The charts' style sheet."""
    fills = {
        "first": palette.first,
        "second": palette.second,
        "band": palette.band,
        "in": palette.ink,
        "out": palette.alarm,
        **{f"r{n}": colour for n, colour in enumerate(palette.ramp)},
        **{f"o{n}": colour for n, colour in enumerate(palette.on_ramp)},
        **{f"d{n}": colour for n, colour in enumerate(palette.diverging)},
        "label": palette.ink,
        "note": palette.muted,
        "alarm": palette.alarm,
        "paper": palette.paper,
        "page": palette.page,
    }
    strokes = {"grid": palette.line, "theory": palette.second, "edge": palette.muted}
    return "".join(
        [
            *(f".{name}{{fill:{colour}}}" for name, colour in fills.items()),
            *(f".{name}{{stroke:{colour};fill:none}}" for name, colour in strokes.items()),
            f".cell{{stroke:{palette.paper};stroke-width:1}}",
            f".none{{fill:{palette.paper};stroke:{palette.muted};stroke-width:1}}",
            f".edged{{stroke:{palette.line};stroke-width:1}}",
            f".few{{fill:{palette.page};stroke:{palette.line};stroke-width:1}}",
        ]
    )


def _over(name: str, palette: Palette) -> str:
    """The style of what lies over a picture, whose ground is as it is in light and in dark."""
    ramps = (("r", palette.ramp), ("d", palette.diverging))
    return (
        "".join(
            f".{name}.{kind}{n}{{fill:{colour}}}"
            for kind, colours in ramps
            for n, colour in enumerate(colours)
        )
        + f".{name}{{fill-opacity:.82}}.{name}.few{{fill:none}}"
        f".{name}.cell{{stroke:{palette.paper}}}.{name}.edged,.{name}.few{{stroke:{palette.line}}}"
        f".{name}.d{len(palette.diverging) // 2}{{fill-opacity:.3}}"
    )


SHAPES = (
    "text{font-size:12px}.small{font-size:11px}.tiny{font-size:10px}.strong{font-weight:600}"
    ".theory{stroke-width:2.5}.over{fill-opacity:.82}" + _over("onlight", LIGHT)
) + _over("ondark", DARK)
"""What of the style sheet is the same in light and in dark."""


# --- coin-in and theoretical win by hour ------------------------------------------------------


class Panel(NamedTuple):
    """A row of columns: what they show, their class, and the height and the words of each."""

    name: str
    kind: str
    values: Sequence[int]
    said: Sequence[str]


def hours(found: Sequence[Hour], width: int) -> Chart:
    """Two rows of columns, one below the other, a column for each hour of the gaming day."""

    def said(values: Iterable[int]) -> list[str]:
        return [
            f"{clock(hour)}: {words.money(value)}, {words.plural(hour.games, 'game')}"
            for hour, value in zip(found, values, strict=True)
        ]

    coin_in = [hour.coin_in_cents for hour in found]
    theory = [words.cents(hour.theoretical_win) for hour in found]
    return columns(
        (
            Panel("Coin-in an hour", "first", coin_in, said(coin_in)),
            Panel("Theoretical win an hour", "second", theory, said(theory)),
        ),
        [hour.clock.removesuffix(":00") for hour in found],
        hour_from(found),
        width,
        words.short_money,
        least=100,
    )


def columns(
    panels: Sequence[Panel],
    labels: Sequence[str],
    foot: str,
    width: int,
    show: Callable[[int], str],
    least: int,
) -> Chart:
    """Rows of columns, one below the other.

    Args:
        panels: the rows.
        labels: what each column is of.
        foot: what the labels are.
        width: the chart's.
        show: a value at an axis.
        least: the smallest step of an axis.
    """
    left, right, panel = 52, 4, 120 if width > PHONE else 96
    step = (width - left - right) / len(labels)
    parts: list[str] = []
    top = 0.0
    for name, kind, values, said in panels:
        parts.append(write(left, top + 14, name, "label strong"))
        base = top + 26 + panel
        scale, ticks = axis(max(values, default=0), least)
        for tick in ticks:
            y = base - tick * panel / scale
            parts.append(line(left, y, width - right, y, "grid"))
            parts.append(write(left - 6, y + 4, show(tick), "note small", "end"))
        for number, value in enumerate(values):
            height = max(value, 0) * panel / scale
            parts.append(
                box(
                    *(left + number * step + step * 0.12, base - height, step * 0.76, height),
                    kind,
                    said[number] if width > PHONE else None,
                )
            )
        top = base + 12
    every = 1 if width > PHONE else max(round(len(labels) / 8), 1)
    for number, label in enumerate(labels):
        if number % every == 0:
            middle = left + (number + 0.5) * step
            parts.append(write(middle, top + 6, label, "note small", "middle"))
    parts.append(write(width, top + 24, foot, "note small", "end"))
    return Chart(width, round(top + 30), "".join(parts))


class NamedHour(Protocol):
    """An hour by a property's clock; see `workbench.report.figures.ClockHour`."""

    @property
    def clock(self) -> str: ...
    @property
    def zone(self) -> str: ...


def hour_from(found: Iterable[NamedHour]) -> str:
    """By whose clock hours are named."""
    return f"hour from, {' and '.join(dict.fromkeys(hour.zone for hour in found))}"


def clock(hour: NamedHour) -> str:
    """An hour's name; two of one clock time have different zones."""
    return f"{hour.clock} {hour.zone}"


def axis(most: int, least: int) -> tuple[int, list[int]]:
    """The value at an axis's end, and where it has lines: round values, up to five, at least so far
    from each other; that is a power of ten.

    >>> axis(123_456, 100), axis(7, 1)
    ((150000, [0, 50000, 100000, 150000]), (8, [0, 2, 4, 6, 8]))
    """
    step = least
    while most > 4 * step:
        # 1, 2, 5, 10, ...
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    count = max(-(-most // step), 1)
    return count * step, [step * n for n in range(count + 1)]


# --- hold against theory ----------------------------------------------------------------------


def holds(verdicts: Sequence[HoldVerdict], width: int) -> Chart:
    """A row for each machine and paytable: its band, theory and what it held."""
    wide = width > PHONE
    left, right, row = (150, 150, 24) if wide else (84, 100, 26)
    legend, top = _hold_legend(width)
    top += 26
    low, high = _span(verdicts)
    bottom = top + row * len(verdicts)

    def at(share: float) -> float:
        return left + (min(max(share, low), high) - low) / (high - low) * (width - left - right)

    parts = [legend, write(0, top - 8, "Machine", "note small")]
    if wide:
        parts.append(write(left - 8, top - 8, "Paytable", "note small", "end"))
    parts.append(write(width, top - 8, "Actual / theory", "note small", "end"))
    for tick in _ticks(low, high, (width - left - right) // 52):
        x = at(tick / 100)
        parts.append(line(x, top, x, bottom, "grid"))
        parts.append(
            write(x, bottom + 16, f"{tick} %".replace("-", words.MINUS), "note small", "middle")
        )
    for number, verdict in enumerate(verdicts):
        y = top + row * (number + 0.5)
        key, held = verdict.key, verdict.actual_hold
        is_outside = not verdict.low <= held <= verdict.high
        name = key.asset_id if len(key.asset_id) <= 12 else key.asset_id[:11] + "…"
        parts.append(write(0, y + 4, name, "label"))
        if wide and key.paytable_id:
            parts.append(write(left - 8, y + 4, key.paytable_id[:10], "note tiny", "end"))
        x = at(verdict.low)
        parts.append(
            box(x, y - 6, max(at(verdict.high) - x, 1), 12, "band", said(verdict) if wide else None)
        )
        theory = at(verdict.theoretical_hold)
        parts.append(line(theory, y - 8, theory, y + 8, "theory"))
        way = (held > high) - (held < low)
        parts.append(_mark(at(held), y, is_outside, way))
        figures = f"{words.share(held)} / {words.share(verdict.theoretical_hold)}"
        parts.append(write(width, y + 4, figures, "alarm strong" if is_outside else "label", "end"))
    middle = (left + width - right) / 2
    parts.append(write(middle, bottom + 34, "hold, per cent of coin-in", "note small", "middle"))
    return Chart(width, bottom + 40, "".join(parts))


def _hold_legend(width: int) -> tuple[str, int]:
    """What the marks mean, and the height it takes."""
    items = (
        (100, "theory", line(7, 0, 7, 16, "theory")),
        (124, "actual hold", _mark(7, 8, is_outside=False)),
        (176, "actual, out of its band", _mark(7, 8, is_outside=True)),
        (260, f"where {CONFIDENCE * 100:.0f} % of fair machines are", box(0, 2, 14, 12, "band")),
    )
    parts, x, y = [], 0, 0
    for room, label, mark in items:
        if x and x + room > width:
            x, y = 0, y + 22
        parts.append(f'<g transform="translate({x} {y})">{mark}{write(20, 12, label, "label")}</g>')
        x += room
    return "".join(parts), y + 22


def said(verdict: HoldVerdict) -> str:
    """A machine's hold in words."""
    return (
        f"{verdict.key.asset_id}: held {words.share(verdict.actual_hold)}, theory "
        f"{words.share(verdict.theoretical_hold)}, {CONFIDENCE * 100:.0f} % of fair machines "
        f"{words.share(verdict.low)} to {words.share(verdict.high)}"
    )


def _span(verdicts: Sequence[HoldVerdict]) -> tuple[float, float]:
    """From where to where holds are shown: what is far off everything else is at the edge."""
    lows = sorted(min(one.low, one.actual_hold) for one in verdicts)
    highs = sorted(max(one.high, one.actual_hold) for one in verdicts)
    tenth = len(verdicts) // 5
    low, high = min(lows[tenth], 0.0), max(highs[-1 - tenth], 0.05)
    space = (high - low) * 0.04
    return low - space, high + space


def _ticks(low: float, high: float, at_most: int) -> list[int]:
    """Whole per cents, round ones."""
    first, last = math.ceil(low * 100), math.floor(high * 100)
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1_000, 10_000, 100_000):
        ticks = list(range(-(-first // step) * step, last + 1, step))
        if len(ticks) <= at_most:
            break
    return ticks


def _mark(x: float, y: float, is_outside: bool, way: int = 0) -> str:
    """What was held: a dot in the band, a diamond outside of it, an arrow beyond the chart's left
    (-1) or right (1) edge.
    """
    if way:
        return polygon(
            [(x - 5 * way, y - 6), (x + 5 * way, y), (x - 5 * way, y + 6)],
            "out" if is_outside else "in",
        )
    if is_outside:
        return polygon([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)], "out")
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="4.5" class="in"/>'


# --- the floor ------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """A piece of the floor: how many machines, and theoretical win of each on average, in cents."""

    machines: int
    value: int
    said: str


class Ramp:
    """Which of `CLASSES` colours a value has; those of 0 have a colour of their own."""

    def __init__(
        self,
        values: Iterable[int],
        show: Callable[[int], str] = words.short_money,
        *,
        by_size: bool = False,
    ) -> None:
        """A ramp for the values of all cells.

        Args:
            values: of all cells.
            show: a value in the legend.
            by_size: each colour is as wide in the square root of the value, for values of which a
                few are far above the others; else each has about as many cells.
        """
        self._show = show
        found = sorted(value for value in values if value > 0)
        self.most = found[-1] if found else 0
        if by_size:
            cuts = {max(-(-self.most * n * n // CLASSES**2), 1) for n in range(CLASSES)}
        else:
            cuts = {found[len(found) * n // CLASSES] for n in range(CLASSES)} if found else set()
        self.cuts = sorted(cuts)
        """The least value of each class."""

    def name(self, value: int) -> int | None:
        """The class of a value; None where it is none."""
        if value <= 0:
            return None
        place = sum(cut <= value for cut in self.cuts) - 1
        # Fewer classes than colours: the strongest colours are those that are used.
        return place + CLASSES - len(self.cuts)

    def legend(
        self, x: float, y: float, width: float, *, has_none: bool = True, over: str = ""
    ) -> str:
        """The colours and where each starts, with the greatest value at the end.

        Args:
            x: from where.
            y: its top.
            width: its width at most.
            has_none: cells of 0 are shown, too.
            over: what the classes of the cells end in, where they lie over a picture.
        """
        names: list[tuple[str, str]] = [("none", "none")] if has_none else []
        names += [
            (f"r{n + CLASSES - len(self.cuts)}", self._show(cut)) for n, cut in enumerate(self.cuts)
        ]
        step = min(width / (len(names) + 1), 84)
        parts = []
        for place, (kind, label) in enumerate(names):
            parts.append(box(x + place * step, y, step - 2, 12, kind + over))
            parts.append(write(x + place * step, y + 27, label, "note small"))
        end = x + len(names) * step
        parts.append(write(end, y + 27, self._show(self.most) if self.most else "", "note small"))
        return "".join(parts)


def hexagon_map(
    found: Sequence[tuple[Hexagon, Cell]],
    radius: float,
    extent: Box,
    picture: Picture | None,
    width: int,
) -> Chart:
    """The floor as it lies in its extent, over its picture if there is one."""
    scale = min(width / extent.width, MAP_HEIGHT / extent.height)
    shift = (width - extent.width * scale) / 2
    ramp = Ramp(cell.value for _, cell in found)
    parts = []
    if picture is not None:
        content = b64encode(picture.content).decode()
        parts.append(
            f'<image x="{number(shift)}" y="0" width="{number(extent.width * scale)}" '
            f'height="{number(extent.height * scale)}" preserveAspectRatio="none" '
            f'href="data:{picture.media_type};base64,{content}"/>'
        )
    for hexagon, cell in found:
        x, y = shift + (hexagon.x - extent.x) * scale, (hexagon.y - extent.y) * scale
        name = ramp.name(cell.value)
        kind = "none" if name is None else f"r{name}"
        parts.append(
            polygon(
                corners(x, y, radius * scale),
                f"{kind} cell{' over' if picture else ''}",
                cell.said if width > PHONE else None,
            )
        )
    height = extent.height * scale + 12
    parts.append(ramp.legend(0, height, width))
    return Chart(width, round(height + 34), "".join(parts))


def bank_map(
    found: Sequence[tuple[str, Sequence[str]]], cells: Mapping[str, Cell], width: int
) -> Chart:
    """Machines in rows by bank, where nobody knows how they stand."""
    wide = width > PHONE
    has_banks = any(name for name, _ in found)
    left = (96 if wide else 64) if has_banks else 0
    for size in (46, 28, 16, 10):
        columns = (width - left) // size
        if sum(-(-len(assets) // columns) for _, assets in found) * size <= MAP_HEIGHT:
            break
    if not has_banks:
        size = width // columns
    ramp = Ramp(cell.value for cell in cells.values())
    parts, top = [], 0
    for name, assets in found:
        if has_banks:
            parts.append(write(0, top + size / 2 + 4, name[:14] or "no bank", "label"))
        for place, asset_id in enumerate(assets):
            x, y = left + place % columns * size, top + place // columns * size
            shade = ramp.name(cells[asset_id].value)
            kind = "none" if shade is None else f"r{shade}"
            parts.append(
                box(x, y, size, size, f"{kind} cell", cells[asset_id].said if wide else None)
            )
            if size >= 40 and len(asset_id) <= 7:
                ink = "label" if shade is None else f"o{shade}"
                parts.append(
                    write(x + size / 2, y + size / 2 + 4, asset_id, f"{ink} tiny", "middle")
                )
        top += -(-len(assets) // columns) * size + (6 if has_banks else 0)
    parts.append(ramp.legend(0, top + 10, width))
    return Chart(width, top + 44, "".join(parts))


# --- pieces ---------------------------------------------------------------------------------------


def number(value: float) -> str:
    """A length, to a tenth: the same on every machine.

    >>> number(12.04), number(-0.01)
    ('12', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def write(x: float, y: float, content: str, kind: str, anchor: str = "start") -> str:
    """A line of text."""
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{number(x)}" y="{number(y)}" class="{kind}"{placed}>{markup(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<path d="M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}" class="{kind}"/>'


def box(
    x: float, y: float, width: float, height: float, kind: str, title: str | None = None
) -> str:
    """A rectangle, with what it says when it is pointed at."""
    return _titled(
        "rect",
        f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" '
        f'class="{kind}"',
        title,
    )


def polygon(points: Iterable[tuple[float, float]], kind: str, title: str | None = None) -> str:
    """A closed shape."""
    path = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return _titled("path", f'd="M{path}Z" class="{kind}"', title)


def _titled(element: str, attributes: str, title: str | None) -> str:
    if title is None:
        return f"<{element} {attributes}/>"
    return f"<{element} {attributes}><title>{markup(title)}</title></{element}>"
