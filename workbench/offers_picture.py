"""Values of policies with their intervals: what `pitboss offers evaluate --picture` draws."""

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.report import charts
from workbench.report.charts import LIGHT, box, line, write
from workbench.report.poster import png

if TYPE_CHECKING:
    from workbench.offers_evaluate import Result

WIDTH, LEFT, RIGHT, ROW = 720, 130, 84, 26


def draw(results: "dict[str, Result]", path: Path) -> None:
    """Write the picture, SVG or PNG by the file's name."""
    drawing = picture(results)
    if path.suffix == ".png":
        path.write_bytes(png(drawing))
    else:
        path.write_text(drawing, encoding="utf-8")


def picture(results: "dict[str, Result]") -> str:
    """One row a policy for each outcome: its value, as a dot, in its 95 % interval."""
    from workbench.offers_evaluate import said

    parts, top = [], 8.0
    for outcome, result in results.items():
        low = min(one.low for one in result.values.values())
        high = max(one.high for one in result.values.values())
        scale = (WIDTH - LEFT - RIGHT) / (high - low or 1.0)
        verdict = f"the gate: {result.verdict.verdict} {result.verdict.policy}"
        parts += [
            write(16, top + 20, f"{outcome} a customer", "label strong"),
            write(WIDTH - 16, top + 20, verdict, "note", "end"),
        ]
        for place, (name, one) in enumerate(result.values.items()):
            y = top + 44 + place * ROW
            x, end = (LEFT + (value - low) * scale for value in (one.low, one.high))
            middle = LEFT + (one.value - low) * scale
            parts += [
                write(16, y + 4, name, "label"),
                line(LEFT, y, WIDTH - RIGHT, y, "grid"),
                box(x, y - 5, end - x, 10, "band"),
                box(middle - 2, y - 7, 4, 14, "second" if name == "learned" else "first"),
                write(WIDTH - 16, y + 4, said(outcome, one.value), "label", "end"),
            ]
        top += 44 + len(result.values) * ROW + 12
    style = f"text{{font-family:'Open Sans'}}{charts.SHAPES}{charts.style(LIGHT)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top:.0f}" '
        f'viewBox="0 0 {WIDTH} {top:.0f}"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{top:.0f}" class="paper"/>{"".join(parts)}</svg>\n'
    )
