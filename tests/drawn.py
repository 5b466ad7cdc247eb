"""What the tests of reports look for in pages and pictures."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml

from tests.floor_by_day import MemoryLake
from workbench.report.charts import Chart

HOSTILE = "<script>alert(1)</script>\"'&`\x00\x1b\u202e]]>{}"
"""A name that nobody checked."""


def in_folder(lake: MemoryLake, folder: Path) -> Path:
    for key, body in lake.bodies.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def as_xml(text: str) -> Xml.Element:
    """The page is written so that it is XML, too: every element is closed, in its place."""
    return Xml.fromstring(text.removeprefix("<!doctype html>\n"))


def contrast(one: str, other: str) -> float:
    """Of two colours: WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def written_over(chart: Chart) -> list[str]:
    """Texts that are not within the chart, or do not end before the next one on their line starts:
    by a rough width of letters, and without those of a legend that is moved as a whole.
    """
    lines: dict[float, list[tuple[float, float, str]]] = {}
    for one in Xml.fromstring(f"<svg>{chart.body}</svg>"):
        if one.tag == "text":
            kinds = one.get("class", "").split()
            size = 10 if "tiny" in kinds else 11 if "small" in kinds else 12
            room = 0.5 * size * len(one.text or "")
            end = {"end": 1.0, "middle": 0.5}.get(one.get("text-anchor", ""), 0.0)
            left = float(one.attrib["x"]) - end * room
            lines.setdefault(float(one.attrib["y"]), []).append((left, left + room, one.text or ""))
    wrong = []
    for texts in lines.values():
        texts.sort()
        wrong += [text for left, right, text in texts if left < -1 or right > chart.width + 1]
        wrong += [f"{a[2]} / {b[2]}" for a, b in pairwise(texts) if a[1] > b[0]]
    return wrong
