"""A model's card as pictures and as a page: what it is worth, and how far that is known.

A card is the JSON that `pitboss.offers.card` makes. The same card gives the same bytes.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.report.charts import LIGHT, SHAPES, Chart, box, line, number, style, write
from workbench.report.poster import png
from workbench.report.text import markup, money

WIDTH, MARGIN, GAP = 1_120, 24, 16
CHART_WIDTH = (WIDTH - 2 * MARGIN - GAP) // 2 - 32
_LEFT, _RIGHT, _PANEL = 150, 90, 190

type Card = dict[str, Any]


def dollars(cents: float | None) -> str:
    """An amount for people; a dash where it is not known."""
    return "–" if cents is None else money(round(cents))


def values(card: Card) -> Chart:
    """What each policy would have earned a decision, with its 95 % interval."""
    found = [(name, one["dr"]) for name, one in card["policies"].items()]
    found = [one for one in found if one[1]["value"] is not None]
    low = min((one["low"] for _, one in found), default=0.0)
    high = max((one["high"] for _, one in found), default=1.0)
    at = _scale(low, high, _LEFT, CHART_WIDTH - _RIGHT)
    parts = []
    for place, (name, one) in enumerate(found):
        y = 16 + place * 24
        kind = "theory" if name == "challenger" else "edge"
        parts += [
            write(0, y + 4, name[:22], "label"),
            line(at(one["low"]), y, at(one["high"]), y, kind),
            box(at(one["value"]) - 4, y - 4, 8, 8, "second" if kind == "theory" else "first"),
            write(CHART_WIDTH, y + 4, dollars(one["value"]), "note small", "end"),
        ]
    return Chart(CHART_WIDTH, 24 * len(found) + 16, "".join(parts))


def curve(card: Card) -> Chart:
    """Value by how much was learned from."""
    found = [one for one in card["learning_curve"] if one["value"]["value"] is not None]
    return _points(
        [(one["rows"], one["value"]) for one in found],
        lambda rows: f"{rows:,.0f}",
        "decisions learned from",
    )


def calibration(card: Card) -> Chart:
    """What was expected, by tenths of the decisions, and what came."""
    found = [one for one in card["calibration"] if None not in (one["predicted"], one["observed"])]
    both = [one[name] for one in found for name in ("predicted", "observed")]
    low, high = min(both, default=0.0), max(both, default=1.0)
    across, up = _scale(low, high, 70, CHART_WIDTH - 10), _scale(low, high, _PANEL, 10)
    parts = [line(across(low), up(low), across(high), up(high), "grid")]
    parts += [
        box(across(one["predicted"]) - 4, up(one["observed"]) - 4, 8, 8, "first") for one in found
    ]
    for mark in (low, high):
        parts.append(write(64, up(mark) + 4, dollars(mark), "note small", "end"))
        anchor = "start" if mark == low else "end"
        parts.append(write(across(mark), _PANEL + 20, dollars(mark), "note small", anchor))
    parts.append(
        write(CHART_WIDTH / 2, _PANEL + 36, "expected; observed upwards", "note small", "middle")
    )
    return Chart(CHART_WIDTH, _PANEL + 44, "".join(parts))


def overlap(card: Card) -> Chart:
    """How likely what was chosen was."""
    found = card["propensities"]
    most = max([one["rows"] for one in found] + [1])
    step = CHART_WIDTH / len(found)
    parts = []
    for place, one in enumerate(found):
        height = one["rows"] / most * (_PANEL - 30)
        x = place * step
        parts += [
            box(x + 3, _PANEL - height, step - 6, height, "first"),
            write(x + step / 2, _PANEL - height - 6, f"{one['rows']:,}", "note tiny", "middle"),
            write(x + 3, _PANEL + 16, f"{one['low'] * 100:g} %", "note tiny"),
        ]
    parts.append(
        write(CHART_WIDTH / 2, _PANEL + 36, "odds of the chosen, from", "note small", "middle")
    )
    return Chart(CHART_WIDTH, _PANEL + 44, "".join(parts))


def weights(card: Card) -> Chart:
    """What moves the expectation most."""
    found = card["weights"][:12]
    most = max([one["cents"] for one in found] + [0.01])
    parts = []
    for place, one in enumerate(found):
        y = 10 + place * 20
        parts += [
            write(0, y + 4, one["feature"], "label"),
            box(_LEFT, y - 5, (CHART_WIDTH - _LEFT - _RIGHT) * one["cents"] / most, 10, "first"),
            write(CHART_WIDTH, y + 4, dollars(one["cents"]), "note small", "end"),
        ]
    return Chart(CHART_WIDTH, 20 * len(found) + 16, "".join(parts))


CHARTS: tuple[tuple[str, Callable[[Card], Chart]], ...] = (
    ("Value a decision, doubly robust, 95 % interval", values),
    ("Learning curve", curve),
    ("Calibration, by tenths", calibration),
    ("Propensity overlap", overlap),
    ("What moves the expectation, on average", weights),
)


def sentence(card: Card) -> str:
    """The verdict."""
    verdict = "promote" if card["gate"]["promote"] else "keep"
    return f"{verdict}: {card['gate']['why']}"


def drawing(card: Card) -> str:
    """The card's charts as one SVG picture."""
    charts = [(title, draw(card)) for title, draw in CHARTS]
    return sheet(f"Model {card['version']}", sentence(card), charts)


def sheet(heading: str, said: str, charts: Iterable[tuple[str, Chart]]) -> str:
    """Charts, each under its title, in two columns of `CHART_WIDTH`, as one SVG picture."""
    pieces = [
        write(MARGIN, 44, heading, "label h1"),
        write(MARGIN, 70, said[:150], "note h3"),
    ]
    tops = [90.0, 90.0]
    for title, chart in charts:
        column = tops.index(min(tops))
        x, y = MARGIN + column * ((WIDTH - 2 * MARGIN + GAP) / 2), tops[column]
        pieces.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{CHART_WIDTH + 32}" '
            f'height="{chart.height + 58}" rx="10" class="card"/>'
            + write(x + 16, y + 26, title, "label strong")
            + f'<svg x="{number(x + 16)}" y="{number(y + 44)}" width="{chart.width}" '
            f'height="{chart.height}">{chart.body}</svg>'
        )
        tops[column] = y + chart.height + 58 + GAP
    height = round(max(tops) + MARGIN - GAP)
    looks = (
        "text{font-family:'Open Sans'}" + SHAPES + ".h1{font-size:26px;font-weight:700}"
        ".h3{font-size:14px}" + style(LIGHT) + f".card{{fill:{LIGHT.paper};stroke:{LIGHT.line}}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}"><style>{looks}</style>'
        f'<rect width="{WIDTH}" height="{height}" class="page"/>{"".join(pieces)}</svg>\n'
    )


def picture(card: Card) -> bytes:
    """The card's charts as PNG."""
    return png(drawing(card))


def page(card: Card) -> str:
    """The card as one HTML page, all of it inside."""
    data = card["data"]
    facts = [
        ("Verdict", sentence(card)),
        ("Compared with", card["champion"]),
        ("Days", f"{data['days'][0]} to {data['days'][-1]}" if data["days"] else "none"),
        ("Held out", ", ".join(data["held_out_days"])),
        ("Learned from", f"{data['train_rows']:,} decisions"),
        ("Judged on", f"{data['held_out_rows']:,}, one a player and day"),
        ("Play counted as at most", f"{dollars(data['cap_cents'])}; {data['capped']:,} were above"),
        ("Uplift over the holdout", uplift_in_words(data["uplift"])),
        ("SHA-256", card["sha256"]),
    ]
    return document(f"Model {card['version']}", facts, sentence(card), drawing(card))


def document(heading: str, facts: Iterable[tuple[str, str]], said: str, drawn: str) -> str:
    """Facts and an SVG picture as one HTML page; `said` is the picture in words."""
    picture_of = base64.b64encode(drawn.encode()).decode()
    rows = "".join(f"<tr><th>{markup(a)}<td>{markup(b)}" for a, b in facts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{markup(heading)}</title>"
        "<style>body{font:15px/1.5 system-ui;max-width:1120px;margin:2em auto;padding:0 1em}"
        "th{text-align:left;padding-right:2em;font-weight:600}img{max-width:100%}</style>"
        f"<h1>{markup(heading)}</h1><table>{rows}</table>"
        f'<p><img alt="{markup(said)}" src="data:image/svg+xml;base64,{picture_of}">'
        "</html>\n"
    )


def uplift_in_words(uplift: Card) -> str:
    """What offers brought, by the players who never get any."""
    players = f"{uplift['players']:,} players against {uplift['held_out_players']:,} held out"
    if uplift["value"] is None:
        return f"not known: {players}"
    span = f"{dollars(uplift['low'])} to {dollars(uplift['high'])}"
    return f"{dollars(uplift['value'])} a player and day ({span}), {players}"


def _points(found: Sequence[tuple[float, Card]], said: Callable[[float], str], name: str) -> Chart:
    low = min((one["low"] for _, one in found), default=0.0)
    high = max((one["high"] for _, one in found), default=1.0)
    most = max((x for x, _ in found), default=1.0)
    across, up = _scale(0, most, 70, CHART_WIDTH - 20), _scale(low, high, _PANEL, 10)
    parts = [write(64, up(mark) + 4, dollars(mark), "note small", "end") for mark in (low, high)]
    for x, one in found:
        parts += [
            line(across(x), up(one["low"]), across(x), up(one["high"]), "edge"),
            box(across(x) - 4, up(one["value"]) - 4, 8, 8, "second"),
            write(across(x), _PANEL + 18, said(x), "note tiny", "middle"),
        ]
    parts.append(write(CHART_WIDTH / 2, _PANEL + 36, name, "note small", "middle"))
    return Chart(CHART_WIDTH, _PANEL + 44, "".join(parts))


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)
