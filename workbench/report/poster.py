"""The report as one picture: SVG, and PNG made of it by resvg with the font that is installed with
this program, so that the same figures are the same bytes on every machine.
"""

from collections.abc import Sequence

from workbench.report import charts
from workbench.report.charts import LIGHT, Chart, box, number, write
from workbench.report.figures import Day
from workbench.report.page import Cover, cover
from workbench.report.sections import Section, Tile

WIDTH, MARGIN, GAP = 1200, 32, 16
TILES_A_ROW = 5
COLUMNS = (
    (("hours",),),
    (("floor",),),
    (("holds",), ("machines", "players")),
    (("quality",),),
)
"""Parts in their rows, beside each other and below each other."""

ZOOM = 2
"""Pixels for each of the drawing's."""

_FACES = ("Regular", "SemiBold", "Bold")


def poster(day: Day, parts: Sequence[Section]) -> str:
    """A gaming day as an SVG picture. The same figures are the same bytes."""
    return picture_of(cover(day), parts, COLUMNS)


def picture_of(
    said: Cover, parts: Sequence[Section], layout: Sequence[Sequence[Sequence[str]]]
) -> str:
    """A report as an SVG picture. The same figures are the same bytes.

    Args:
        said: what is above the parts.
        parts: the parts.
        layout: their names, in rows of columns; those that there are not are left out.
    """
    pieces = [
        write(MARGIN, 56, said.heading, "label h1"),
        write(MARGIN, 82, said.when, "note h3"),
    ]
    top = 106.0
    for line in _lines(said.lead, 128):
        pieces.append(write(MARGIN, top + 12, line, "label h3"))
        top += 24
    tiles, top = _tiles(said.tiles, top + 8)
    pieces.append(tiles)
    by_name = {part.name: part for part in parts}
    for columns in layout:
        width = (WIDTH - 2 * MARGIN - GAP * (len(columns) - 1)) / len(columns)
        bottom = top
        cards: list[tuple[float, float, Section, Chart]] = []
        for place, names in enumerate(columns):
            y = top
            for part in (by_name[name] for name in names if name in by_name):
                chart = _drawn(part, int(width) - 40)
                cards.append((MARGIN + place * (width + GAP), y, part, chart))
                y += chart.height + 64 + GAP
            bottom = max(bottom, y)
        for x, y, part, chart in cards:
            is_last = not any(x == other and y < below for other, below, _, _ in cards)
            pieces.append(_card(x, y, width, bottom - GAP - y if is_last else chart.height + 64))
            pieces.append(write(x + 20, y + 30, part.title, "label h2"))
            pieces.append(
                f'<svg x="{number(x + 20)}" y="{number(y + 46)}" width="{chart.width}" '
                f'height="{chart.height}">{chart.body}</svg>'
            )
        top = bottom
    height = round(top + MARGIN - GAP)
    style = (
        "text{font-family:'Open Sans'}"
        + charts.SHAPES
        + ".h1{font-size:30px;font-weight:700}.h2{font-size:17px;font-weight:600}"
        ".h3{font-size:16px}.value{font-size:22px;font-weight:600}"
        + charts.style(LIGHT)
        + f".card{{fill:{LIGHT.paper};stroke:{LIGHT.line}}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{height}" class="page"/>{"".join(pieces)}</svg>\n'
    )


def png(drawing: str, zoom: int = ZOOM) -> bytes:
    """An SVG picture as PNG."""
    import resvg_py
    import ttf_opensans  # type: ignore[import-untyped]

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=drawing,
            zoom=zoom,
            skip_system_fonts=True,
            font_files=[
                str(ttf_opensans.TTF_BIN_FOLDER / f"OpenSans-{face}.ttf") for face in _FACES
            ],
            font_family="Open Sans",
        )
    )


def _card(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" '
        f'height="{number(height)}" rx="10" class="card"/>'
    )


def _tiles(tiles: Sequence[Tile], top: float) -> tuple[str, float]:
    width = (WIDTH - 2 * MARGIN - (TILES_A_ROW - 1) * GAP) / TILES_A_ROW
    pieces = []
    for place, tile in enumerate(tiles):
        x = MARGIN + place % TILES_A_ROW * (width + GAP)
        y = top + place // TILES_A_ROW * (96 + GAP)
        note = f"{tile.change} in a week" if tile.change else tile.note
        pieces += [
            _card(x, y, width, 96),
            write(x + 16, y + 26, tile.label, "note"),
            write(x + 16, y + 56, tile.value, "label value"),
            write(x + 16, y + 80, note[:36], "note small"),
        ]
    rows = -(-len(tiles) // TILES_A_ROW)
    return "".join(pieces), top + rows * (96 + GAP)


def _drawn(part: Section, width: int) -> Chart:
    if part.draw is not None:
        return part.draw(width)
    if part.bars:
        return _list(part, width)
    return _statements(part, width)


def _list(part: Section, width: int) -> Chart:
    """The first of a ranking, with bars."""
    most = max(max(part.bars), 1)
    worth = part.headings.index("Theoretical win")
    pieces = []
    for place, (row, value) in enumerate(zip(part.rows, part.bars, strict=True)):
        y = place * 26
        pieces.append(write(0, y + 17, row[0][:24], "label"))
        pieces.append(box(170, y + 6, max(value, 0) / most * (width - 280), 14, "second"))
        pieces.append(write(width, y + 17, row[worth], "label", "end"))
    return Chart(width, len(part.rows) * 26, "".join(pieces))


def _statements(part: Section, width: int) -> Chart:
    """Counts with what they mean."""
    lines = _lines(part.summary.replace("`", ""), width // 7)
    pieces = [write(0, 12 + 20 * n, line, "label") for n, line in enumerate(lines)]
    top = 20 * len(lines)
    for place, (what, amount, meaning) in enumerate(part.rows):
        y = top + 20 + place * 22
        pieces.append(write(12 if what.startswith("  ") else 0, y, what.strip(), "label"))
        pieces.append(write(340, y, amount, "label strong", "end"))
        pieces.append(write(364, y, meaning.replace("`", "")[:110], "note"))
    return Chart(width, top + 10 + len(part.rows) * 22, "".join(pieces))


def _lines(content: str, width: int) -> list[str]:
    """Words in lines of so many characters."""
    lines = [""]
    for word in content.split(" "):
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
