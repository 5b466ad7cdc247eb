"""The report as one page that needs nothing else: no request, no script, no font.

Its content security policy says so to the browser: it allows this page's own style sheet, by its
hash, and pictures that are in the page.
"""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from workbench.report import charts, sections
from workbench.report import text as words
from workbench.report.charts import DARK, LIGHT, Chart, Palette
from workbench.report.figures import Day
from workbench.report.sections import Section, Tile
from workbench.report.text import markup

WIDE, NARROW = 720, 340
"""Every chart is drawn twice, to be shown a fifth smaller to a quarter larger: for a screen or
paper, and for a phone."""

ROOM = 11
"""Letters of a key figure that are written large."""

_LAYOUT = """
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Open Sans",sans-serif;
font-variant-numeric:tabular-nums}
main,header,footer{max-width:984px;margin:0 auto;padding:0 16px}
header{padding-top:28px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:19px;line-height:1.3;margin:0 0 4px}
p{margin:0 0 12px;max-width:76ch}
.when{margin-bottom:14px}
.lead{font-size:18px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(176px,1fr));gap:12px;margin:0 0 16px}
dl div,section{border-radius:10px;border:1px solid;padding:14px 16px}
dt{font-size:14px}
dd{margin:0}
dd.value{font-size:23px;font-weight:650;line-height:29px;letter-spacing:-.01em;white-space:nowrap}
dd.value small{font-size:.65em;font-weight:500}
dd.long{font-size:19px}
dd.about{font-size:13px}
section{padding:18px 20px 16px;margin:0 0 16px;overflow:hidden}
figure{margin:12px 0 4px}
figure svg{display:block;width:100%;height:auto}
svg text{font-family:inherit}
svg.narrow{display:none}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;padding:6px 0;min-height:24px}
summary:focus-visible,.scroll:focus-visible{outline:2px solid;outline-offset:2px}
.scroll{overflow-x:auto;max-height:560px;overflow-y:auto}
section>.scroll{max-height:none}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 10px 6px 0;text-align:right;border-bottom:1px solid;
white-space:nowrap;vertical-align:top}
th:first-child,td:first-child,.words td,.words th{text-align:left}
.words td:nth-child(2),.words th:nth-child(2){text-align:right;padding-right:20px}
.words td:last-child{white-space:normal;min-width:200px}
.list td:first-child,.list th:first-child{white-space:normal;min-width:160px}
thead th{font-weight:600;font-size:13px}
tbody th{font-weight:500}
td.bar{width:18%;min-width:60px}
td.bar svg{display:block;width:100%;height:10px;margin-top:6px}
.in-group{padding-left:18px!important}
footer{font-size:13px;padding-bottom:32px}
@media(max-width:820px){
td.bar,th.bar{display:none}
}
@media(max-width:620px){
body{font-size:15px}
h1{font-size:24px}
.lead{font-size:16px}
header{padding-top:18px}
dl{grid-template-columns:1fr 1fr;gap:8px}
dl div{padding:10px 12px}
dd.value{font-size:19px}
dd.long{font-size:16px}
section{padding:14px 12px}
svg.wide{display:none}
svg.narrow{display:block}
}
@media print{
@page{margin:14mm}
body{font-size:11pt}
main,header,footer{max-width:none;padding:0}
dl{grid-template-columns:repeat(5,1fr);gap:8px;padding-right:1px}
dl div{padding:8px 10px}
dd.value{font-size:16px}
dd.long{font-size:13px}
dd.about{font-size:11px}
section,dl div,tr{break-inside:avoid}
section{border:0;padding:6px 0}
details{display:none}
svg.wide{display:block}
svg.narrow{display:none}
.scroll{overflow:visible;max-height:none}
table{font-size:8.5pt}
}
"""


def _colours(palette: Palette) -> str:
    return (
        f"body{{background:{palette.page};color:{palette.ink}}}"
        f"section,dl div{{background:{palette.paper};border-color:{palette.line}}}"
        f"th,td{{border-color:{palette.line}}}"
        f".muted,dt,dd.about,.when,footer,thead th{{color:{palette.muted}}}"
        f"summary{{color:{palette.first}}}" + charts.style(palette)
    )


def _style() -> str:
    on_paper = f"body{{background:#fff}}{charts.style(LIGHT)}"
    return (
        _LAYOUT.replace("\n", "")
        + charts.SHAPES
        + _colours(LIGHT)
        + f"@media screen and (prefers-color-scheme:dark){{{_colours(DARK)}}}"
        + f"@media print{{{on_paper}}}"
    )


class Cover(NamedTuple):
    """What a report says above its parts and below them; any of it but the heading may be empty."""

    title: str
    """The browser's."""
    heading: str
    when: str
    lead: str
    tiles: Sequence[Tile]
    note: str


def cover(day: Day) -> Cover:
    """A gaming day's."""
    return Cover(
        f"{day.property_id}, {words.long_date(day.gaming_day)}",
        f"The day at {day.property_id}",
        when(day),
        sections.headline(day),
        sections.tiles(day),
        footnote(day),
    )


def page(day: Day, parts: Sequence[Section]) -> str:
    """A gaming day as HTML. The same figures are the same bytes."""
    return document(cover(day), parts)


def document(said: Cover, parts: Sequence[Section]) -> str:
    """A report as HTML. The same figures are the same bytes."""
    style = _style()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"
    tiles = "".join(_tile(tile) for tile in said.tiles)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta name="color-scheme" content="light dark"/>'
        '<meta name="referrer" content="no-referrer"/>'
        f"<title>{markup(said.title)}</title><style>{style}</style></head>\n<body>"
        f"<header><h1>{markup(said.heading)}</h1>"
        f'<p class="when">{markup(said.when)}</p>'
        + (f'<p class="lead">{markup(said.lead)}</p>' if said.lead else "")
        + "</header>\n"
        "<main>"
        + (f"<dl>{tiles}</dl>\n" if tiles else "")
        + "\n".join(_section(part) for part in parts)
        + f"</main>\n<footer><p>{markup(said.note)}</p></footer></body></html>\n"
    )


def when(day: Day) -> str:
    """Which day it is, by whose clock."""
    first, hours = day.hours[0], len(day.hours)
    return (
        f"{words.long_date(day.gaming_day)}, {hours} hours from {first.clock}, {day.rule.zone.key}"
    )


def footnote(day: Day) -> str:
    """How figures are made."""
    compared = (
        f" Changes are against {words.long_date(day.compared_with)}." if day.compared_with else ""
    )
    return (
        "A game belongs to the hour and the gaming day of its start. Coin-in is wagers, actual win "
        "coin-in less all that was paid; theoretical win is coin-in x the hold in force at each "
        "game, exact, shown to the cent. ADT is the theoretical win of carded play a player. "
        "Players are pseudonyms." + compared
    )


def _tile(tile: Tile) -> str:
    value = markup(tile.value)
    if tile.value.lstrip(words.MINUS).startswith("$"):
        whole, _, rest = value.rpartition(".")
        value = f"{whole}<small>.{rest}</small>"
    kind = "value long" if len(tile.value) > ROOM else "value"
    note = " · ".join(
        one for one in (tile.note, f"{tile.change} in a week" if tile.change else "") if one
    )
    return (
        f'<div><dt>{markup(tile.label)}</dt><dd class="{kind}">{value}</dd>'
        f'<dd class="about">{markup(note)}</dd></div>'
    )


def _section(part: Section) -> str:
    name = part.name
    title = f'<h2 id="{name}-title">{markup(part.title)}</h2>'
    head = f'<section aria-labelledby="{name}-title">{title}'
    summary = f'<p id="{name}-summary">{_prose(part.summary)}</p>'
    if part.draw is None:
        return f"{head}{summary}{_table(part)}</section>"
    return (
        f"{head}{summary}<figure>{_svg(part, part.draw(WIDE), 'wide')}"
        f"{_svg(part, part.draw(NARROW), 'narrow')}</figure>"
        + f"<details><summary>The same as a table</summary>{_table(part)}</details></section>"
    )


def _svg(part: Section, chart: Chart, kind: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {chart.width} {chart.height}" role="img" '
        f'aria-labelledby="{part.name}-title" aria-describedby="{part.name}-summary">'
        f"{chart.body}</svg>"
    )


def _table(part: Section) -> str:
    kind = {"quality": "words", "floor": "list"}.get(part.name, "figures")
    most = max(part.bars, default=0)
    heads = [f'<th scope="col">{markup(heading)}</th>' for heading in part.headings]
    if most > 0:
        heads.insert(1, '<td class="bar"></td>')
    rows = []
    for place, row in enumerate(part.rows):
        first, *rest = row
        inner = ' class="in-group"' if first.startswith("  ") else ""
        cells = [f'<th scope="row"{inner}>{markup(first.strip())}</th>']
        if most > 0:
            width = charts.number(100 * max(part.bars[place], 0) / most)
            cells.append(
                '<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" '
                f'aria-hidden="true"><rect width="{width}" height="10" class="second"/></svg></td>'
            )
        cells += [f"<td>{_prose(cell)}</td>" for cell in rest]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    if not rows:
        return ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{markup(part.title)}: table">'
        f'<table class="{kind}"><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _prose(content: str) -> str:
    """Text, what is between backticks as code."""
    parts = markup(content).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )
