"""`pitboss players survival`: how long players stay, by segment, as a table and as a picture."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from workbench import players_risk
from workbench.console import UsageError, WorkbenchError, out, print_json, say, step
from workbench.gateways import DEFAULT_PROPERTY
from workbench.report.charts import LIGHT, SHAPES, Chart, line, number, polygon, style, write

if TYPE_CHECKING:
    from pitboss.players.survival import Difference, Stay, Step

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 420, 52, 150, 24, 48


class By(StrEnum):
    """What players are told apart by."""

    TIER = "tier"
    ALL = "all"


def survival(
    property_id: players_risk.Property = DEFAULT_PROPERTY,
    by: Annotated[
        By, typer.Option(help="Segments: the tier by the points of the first 30 days, or none.")
    ] = By.TIER,
    first_day: players_risk.FirstDay = None,
    last_day: players_risk.LastDay = None,
    picture: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.svg", help="Draw the curves, too.")
    ] = None,
    as_json: players_risk.AsJson = False,
) -> None:
    """How long carded players stay, by the lake's games: shares, intervals, and whether segments
    differ. Who is away for 30 days has gone.
    """
    from pitboss.players import survival as stays

    with step(f"reading days of {property_id}"):
        rows = players_risk.rows_of(statement(property_id, first_day, last_day), property_id)
    days, known_to = played(rows)
    groups = stays.stays(days, known_to, _segment(property_id, by))
    if not groups:
        raise WorkbenchError(
            f"No player of {property_id} was there 30 days after their first day: the lake knows "
            f"play to {known_to}, and {len(days):,} carded players."
        )
    order = _order(property_id, known_to)
    names = sorted(groups, key=lambda name: (order.get(name, 0), name))
    curves = {name: stays.curve(groups[name]) for name in names}
    differ = stays.difference(groups)
    if picture is not None:
        try:
            picture.write_text(svg(curves, groups), encoding="utf-8")
        except OSError as fault:
            raise UsageError(f"{picture} cannot be written ({fault.strerror}): check it.") from None
        say(f"wrote {picture}")
    if as_json:
        print_json(document(curves, groups, differ, known_to))
        return
    out.print(_table(curves, groups))
    if differ is not None:
        out.print(
            f"Log-rank test: chi-squared {differ.chi_squared:.2f} with {differ.degrees} degrees of "
            f"freedom, p = {differ.p:.2g}."
        )


def statement(property_id: str, first_day: str | None, last_day: str | None) -> str:
    """What is read of the lake: what was staked, by player and gaming day; uncarded play by day."""
    where = players_risk.where(property_id, first_day, last_day)
    return (
        "SELECT player_id, gaming_day, sum(coin_in_cents) FROM games "
        f"WHERE {where} AND kind = 'game' GROUP BY player_id, gaming_day"
    )


def played(rows: Iterable[tuple[Any, ...]]) -> tuple[dict[str, dict[str, int]], str]:
    """Players' days with what they staked in cents, and the newest day anybody played."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    known_to = ""
    for player_id, day, staked in rows:
        known_to = max(known_to, str(day))
        if player_id is not None:
            found[player_id][str(day)] = int(staked or 0)
    return dict(sorted(found.items())), known_to


def document(
    curves: "Mapping[str, list[Step]]",
    groups: "Mapping[str, list[Stay]]",
    differ: "Difference | None",
    known_to: str,
) -> dict[str, Any]:
    """All there is to say, as JSON has it."""
    from pitboss.players.survival import median

    return {
        "known_to": known_to,
        "segments": [
            {
                "segment": name,
                "players": len(groups[name]),
                "gone": sum(one.ended for one in groups[name]),
                "median_days": median(steps),
                "steps": [one._asdict() for one in steps],
            }
            for name, steps in curves.items()
        ],
        "log_rank": None if differ is None else differ._asdict(),
    }


def drawn(curves: "Mapping[str, list[Step]]", groups: "Mapping[str, list[Stay]]") -> Chart:
    """The curves over days: a line a segment with its 95 % interval behind it."""
    longest = max((one.days for seen in groups.values() for one in seen), default=0) or 1
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(days: float) -> float:
        return LEFT + days * wide / longest

    def y(share: float) -> float:
        return TOP + (1 - share) * high

    parts: list[str] = []
    bands: list[str] = []
    for quarter in range(5):
        share = quarter / 4
        parts.append(line(LEFT, y(share), WIDTH - RIGHT, y(share), "grid"))
        parts.append(write(LEFT - 6, y(share) + 4, f"{share:.0%}", "note small", "end"))
        parts.append(
            write(x(share * longest), HEIGHT - 28, f"{share * longest:.0f}", "note small", "middle")
        )
    parts.append(write(LEFT + wide / 2, HEIGHT - 8, "days since the landmark", "note", "middle"))
    for place, (name, steps) in enumerate(curves.items()):
        end = max(one.days for one in groups[name])
        dashes = f' stroke-dasharray="{4 + 3 * place} {2 * place}"' if place else ""
        kind = "theory" if place % 2 == 0 else "edge"
        low, middle, high_bound = (
            _stairs([(one.at, getattr(one, bound)) for one in steps], end)
            for bound in ("low", "survival", "high")
        )
        placed = [(x(at), y(share)) for at, share in (*high_bound, *reversed(low))]
        bands.append(polygon(placed, "band"))
        path = "L".join(f"{number(x(at))} {number(y(share))}" for at, share in middle)
        parts.append(f'<path class="{kind}" stroke-width="2"{dashes} d="M{path}"/>')
        share = steps[-1].survival if steps else 1.0
        said = f"{name} ({len(groups[name]):,})"
        row = TOP + 16 + place * 22
        parts.append(
            f'<path class="{kind}" stroke-width="2"{dashes} '
            f'd="M{number(WIDTH - RIGHT + 8)} {number(row - 4)}h28"/>'
        )
        parts.append(write(WIDTH - RIGHT + 42, row, f"{said} {share:.0%}", "label small"))
    return Chart(WIDTH, HEIGHT, "".join([*bands, *parts]))


def svg(curves: "Mapping[str, list[Step]]", groups: "Mapping[str, list[Stay]]") -> str:
    """The picture, which stands by itself. The same figures are the same bytes."""
    chart = drawn(curves, groups)
    looks = "text{font-family:'Open Sans',sans-serif}.band{fill-opacity:.4}" + SHAPES + style(LIGHT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{chart.width}" height="{chart.height}" '
        f'viewBox="0 0 {chart.width} {chart.height}" role="img">'
        "<title>How long players stay, by segment</title>"
        f"<style>{looks}</style>"
        f'<rect class="paper" width="{chart.width}" height="{chart.height}"/>{chart.body}</svg>\n'
    )


def _stairs(steps: list[tuple[int, float]], end: int) -> list[tuple[int, float]]:
    """The corners of a line that holds each share until the next."""
    found = [(0, 1.0)]
    for at, share in steps:
        found += [(at, found[-1][1]), (at, share)]
    return [*found, (end, found[-1][1])]


def _segment(property_id: str, by: By) -> Any:  # noqa: ANN401
    from pitboss.rating.house_rules import shipped

    if by is By.ALL:
        return lambda day, staked: "all"
    rules = shipped().of(property_id)

    def tier(day: str, staked: int) -> str:
        of_day = rules.on(day)
        return of_day.tier_for(staked // of_day.coin_in_cents_a_point).name

    return tier


def _order(property_id: str, day: str) -> dict[str, int]:
    """Tiers from the lowest on."""
    from pitboss.rating.house_rules import shipped

    tiers = shipped().of(property_id).on(day).tiers
    return {tier.name: place for place, tier in enumerate(tiers)}


def _table(curves: "Mapping[str, list[Step]]", groups: "Mapping[str, list[Stay]]") -> Table:
    from pitboss.players.survival import median

    table = Table(title="Players who stay, from 30 days after their first day on")
    for heading in ("segment", "players", "gone", "median, days", "30 days", "60 days", "90 days"):
        table.add_column(heading, justify="left" if heading == "segment" else "right")
    for name, steps in curves.items():
        middle = median(steps)
        seen = groups[name]
        table.add_row(
            name,
            f"{len(seen):,}",
            f"{sum(one.ended for one in seen):,}",
            "" if middle is None else f"{middle:,}",
            *(_share(steps, seen, at) for at in (30, 60, 90)),
        )
    return table


def _share(steps: "list[Step]", seen: "list[Stay]", at: int) -> str:
    """Who stays longer than so many days, where anybody was followed for so long."""
    if max(one.days for one in seen) < at:
        return ""
    known = [one for one in steps if one.at <= at]
    if not known:
        return "1.000"
    last = known[-1]
    return f"{last.survival:.3f} ({last.low:.2f} to {last.high:.2f})"
