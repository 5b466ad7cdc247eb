"""A failure model's card as pictures and as a page: how well each part's failures are foreseen.

A card is the JSON that `pitboss.shufflers.outlook` makes. The same card gives the same bytes.
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pitboss.shufflers.costs import HOURS_A_MONTH
from workbench.model_card import CHART_WIDTH, document, dollars, sheet
from workbench.report.charts import Chart, box, line, write
from workbench.report.poster import png

type Card = dict[str, Any]

_NAME, _FIGURE, _ROW = 84, 40, 26
_PANEL, _GAP, _TOP = 128, 46, 22
_LEAST = 0.001
"""Probabilities below it are shown at the edge."""


def foreseen(card: Card) -> Iterator[tuple[str, Card]]:
    """By part, the figures of what was not learned from; parts without any are left out."""
    for part, of in card["parts"].items():
        if of["held_out"] is not None:
            yield part, of["held_out"]


def accuracy(card: Card) -> Chart:
    """Precision, recall and the area under their curve, by part."""
    found = list(foreseen(card))
    names = ("precision", "recall", "pr_auc")
    step = (CHART_WIDTH - _NAME - 72) / len(names)
    parts = [
        write(_NAME + place * step, 12, name, "note small")
        for place, name in enumerate(("precision", "recall", "PR-AUC"))
    ]
    parts.append(write(CHART_WIDTH, 12, "median lead", "note small", "end"))
    for row, (part, one) in enumerate(found):
        y = 22 + row * _ROW
        parts.append(write(0, y + 13, part, "label"))
        for place, name in enumerate(names):
            x = _NAME + place * step
            parts += [
                box(x, y, step - _FIGURE, 16, "none"),
                box(x, y, (step - _FIGURE) * one[name], 16, "first"),
                write(x + step - _FIGURE + 5, y + 13, f"{one[name]:.2f}", "note small"),
            ]
        parts.append(write(CHART_WIDTH, y + 13, _days(one["median_lead"]), "label", "end"))
    return Chart(CHART_WIDTH, 22 + _ROW * len(found) + 6, "".join(parts))


def calibration(card: Card) -> Chart:
    """What was said, and how often it happened: a small picture a part, by powers of ten."""
    found = list(foreseen(card))
    parts = []
    for place, (part, one) in enumerate(found):
        left = _FIGURE + place % 3 * (_PANEL + 24)
        top = _TOP + place // 3 * (_PANEL + _GAP)
        parts.append(write(left, top - 6, part, "label"))
        for share in (0.001, 0.01, 0.1, 1.0):
            at = _log(share) * _PANEL
            parts += [
                line(left + at, top, left + at, top + _PANEL, "grid"),
                line(left, top + _PANEL - at, left + _PANEL, top + _PANEL - at, "grid"),
                write(left + at, top + _PANEL + 14, f"{share * 100:g}", "note tiny", "middle"),
            ]
            if not place % 3:
                label = f"{share * 100:g} %"
                parts.append(write(left - 5, top + _PANEL - at + 4, label, "note tiny", "end"))
        parts.append(line(left, top + _PANEL, left + _PANEL, top, "edge"))
        for of in one["calibration"]:
            if None not in (of["expected"], of["observed"]):
                x = left + _log(of["expected"]) * _PANEL
                y = top + _PANEL - _log(of["observed"]) * _PANEL
                parts.append(box(x - 4, y - 4, 8, 8, "first"))
    rows = -(-len(found) // 3)
    height = _TOP + rows * (_PANEL + _GAP)
    said = "said, per cent; happened upwards"
    parts.append(write(CHART_WIDTH / 2, height, said, "note small", "middle"))
    return Chart(CHART_WIDTH, height + 8, "".join(parts))


def thresholds(card: Card) -> Chart:
    """From which probability on work is advised, and what that would have come to."""
    heads = ("advised from", "in time", "too late", "early", "a month")
    step = (CHART_WIDTH - _NAME) / len(heads)
    ends = [_NAME + step * place for place in range(1, len(heads) + 1)]
    parts = [write(x, 12, head, "note small", "end") for x, head in zip(ends, heads, strict=True)]
    for row, (part, one) in enumerate(card["thresholds"].items()):
        y = 35 + row * 22
        probability = one["probability"]
        figures = (
            "never" if probability is None else f"{probability * 100:.1f} %",
            *(f"{one[name]:,}" for name in ("prevented", "failures", "early")),
            dollars(one["cents_an_hour"] * HOURS_A_MONTH),
        )
        parts.append(write(0, y, part, "label"))
        parts += [write(x, y, f, "label", "end") for x, f in zip(ends, figures, strict=True)]
    height = 35 + 22 * len(card["thresholds"])
    said = "lives of parts, not learned from: mended in time, failed, mended early; a device's cost"
    parts.append(write(0, height, said, "note small"))
    return Chart(CHART_WIDTH, height + 8, "".join(parts))


def importance(card: Card) -> Chart:
    """What the trees of each part look at most."""
    parts, y = [], 0
    for part, of in card["parts"].items():
        parts.append(write(0, y + 13, part, "label"))
        for one in of["important"][:4]:
            parts += [
                write(_NAME, y + 13, one["feature"][:38], "note small"),
                box(300, y + 3, (CHART_WIDTH - 340) * one["share"], 12, "first"),
                write(CHART_WIDTH, y + 13, f"{one['share']:.0%}", "note small", "end"),
            ]
            y += 20
        y += 8
    return Chart(CHART_WIDTH, y, "".join(parts))


CHARTS: tuple[tuple[str, Callable[[Card], Chart]], ...] = (
    ("How well failures are foreseen, at the best F1", accuracy),
    ("Calibration", calibration),
    ("What the trees look at", importance),
    ("From which probability on work is advised", thresholds),
)


def sentence(card: Card) -> str:
    """The verdict."""
    verdict = "promote" if card["verdict"]["promote"] else "keep"
    return f"{verdict}: {card['verdict']['reason']}"


def facts(card: Card) -> list[tuple[str, str]]:
    """What there is to say in words."""
    until = card["learned_until_hours"]
    horizon = next((f"{one['horizon']:g} hours" for one in card["parts"].values()), "")
    found = [
        ("Verdict", sentence(card)),
        ("Compared with", card["replaces"] or "knowing how often parts fail"),
        ("Says", f"how probable a failure is within {horizon}"),
        ("Learned from", f"{card['devices']:,} shufflers, {card['failures']:,} failures"),
    ]
    if until is not None:
        day = datetime.fromtimestamp(until * 3_600, UTC)
        found.append(("Judged on what came after", f"{day:%Y-%m-%d %H:%M} UTC"))
    return found + [(f"No model of {part}", why) for part, why in card["unlearned"].items()]


def drawing(card: Card) -> str:
    """The card's charts as one SVG picture."""
    charts = [(title, draw(card)) for title, draw in CHARTS]
    return sheet(f"Failure models {card['version']}", sentence(card), charts)


def picture(card: Card) -> bytes:
    """The card's charts as PNG."""
    return png(drawing(card))


def page(card: Card) -> str:
    """The card as one HTML page, all of it inside."""
    heading = f"Failure models {card['version']}"
    return document(heading, facts(card), sentence(card), drawing(card))


def _log(share: float) -> float:
    """Where a probability is between `_LEAST` and 1, by powers of ten."""
    return 1 - math.log10(max(share, _LEAST)) / math.log10(_LEAST)


def _days(hours: float | None) -> str:
    return "–" if hours is None else f"{hours / 24:.1f} days"
