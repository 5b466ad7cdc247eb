"""`pitboss report`: a gaming day as one page and as one picture."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, print_json, say, step
from workbench.console import out as out_console
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.report.files import content, write

if TYPE_CHECKING:
    from pitboss.gaming_day import GamingDay
    from pitboss.lake.manifest import Manifest
    from pitboss.stores.parquet import Objects
    from workbench.report.figures import Corrections, Day
    from workbench.report.floor import Picture, Place

DEFAULT_PAGE = Path("report.html")

DUCKDB_MEGABYTES = 2_000

Lake = Annotated[
    Path | None,
    typer.Option(help="Read a copy of the lake in this folder; no stack is needed."),
]
Rule = Annotated[
    str | None,
    typer.Option(help="Its rule, Area/City@HH:MM. Default: the stack's, or Los Angeles at 6."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    day: Annotated[str, typer.Argument(help="The gaming day, YYYY-MM-DD.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the page. Default: report.html; with --json, nowhere."),
    ] = None,
    property_id: Annotated[
        str, typer.Option("--property", help="The property.")
    ] = DEFAULT_PROPERTY,
    png: Annotated[Path | None, typer.Option(help="Write a picture of the day, too.")] = None,
    positions: Annotated[
        Path | None,
        typer.Option(help="Where machines stand: asset_id,x,y and bank, comma-separated."),
    ] = None,
    floor_plan: Annotated[
        Path | None,
        typer.Option(help="A PNG or JPEG behind the map; positions are in its pixels."),
    ] = None,
    lake: Lake = None,
    gaming_day: Rule = None,
    as_json: AsJson = False,
) -> None:
    """Make a page of a property's gaming day: key figures, hours, floor, holds, data quality.

    The page is one file that asks for nothing else, and reads on a screen, a phone and paper. It is
    made of the refined lake; the same lake gives the same bytes.
    """
    must_be_id(property_id, "property")
    asked = day_of(day)
    places, picture = _floor(positions, floor_plan)
    with step(f"reading {property_id} {asked}"):
        found = _read(property_id, asked, lake, gaming_day)
    tell: Callable[[str], object] = say if as_json else out_console.print
    if as_json:
        from workbench.report.figures import as_json as figures

        print_json(figures(found))
    elif out is None:
        out = DEFAULT_PAGE
    from workbench.report.sections import sections

    parts = sections(found, places, picture)
    if out is not None:
        from workbench.report.page import page

        write(out, page(found, parts).encode(), tell)
    if png is not None:
        from workbench.report.poster import png as drawn
        from workbench.report.poster import poster

        write(png, drawn(poster(found, parts)), tell)


def day_of(text: str) -> date:
    """A gaming day as it is written.

    Raises:
        UsageError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no day: write it as 2026-01-31.") from None


def _floor(
    positions: Path | None, floor_plan: Path | None
) -> tuple[dict[str, "Place"], "Picture | None"]:
    from workbench.report.floor import read_picture, read_positions

    if floor_plan is not None and positions is None:
        raise UsageError("--floor-plan needs --positions: nothing else says where machines stand.")
    places: dict[str, Place] = {}
    if positions is not None:
        try:
            places = read_positions(content(positions).decode(), positions.name)
        except UnicodeDecodeError:
            raise UsageError(f"{positions.name} is no UTF-8: save it as such.") from None
    if floor_plan is None:
        return places, None
    picture = read_picture(content(floor_plan), floor_plan.name)
    for place in places.values():
        if place.at and not (
            0 <= place.at.x <= picture.width and 0 <= place.at.y <= picture.height
        ):
            raise UsageError(
                f"Machine {place.asset_id} stands outside of the floor plan, at {place.at.x:g}, "
                f"{place.at.y:g} of {picture.width} x {picture.height} pixels: positions are in "
                "its pixels, from its upper left corner."
            )
    return places, picture


# --- reading --------------------------------------------------------------------------------------


def _read(property_id: str, day: date, folder: Path | None, rule: str | None) -> "Day":
    from workbench.report.lake import StackCorrections, opened

    objects, found = opened(property_id, folder, rule)
    if folder is not None:
        return read(objects, property_id, day, found)
    table = endpoint.stack_outputs()["RatingsTableName"]
    ratings = StackCorrections(endpoint.client("dynamodb"), table)
    return read(objects, property_id, day, found, ratings)


def read(
    objects: "Objects",
    property_id: str,
    day: date,
    rule: "GamingDay",
    ratings: "Corrections | None" = None,
) -> "Day":
    """The figures of a gaming day from a lake.

    Raises:
        WorkbenchError: the lake does not have the day, with what to do.
    """
    from pitboss.lake.rated import GAMES
    from pitboss.stores.parquet import ParquetLake
    from workbench.report.figures import read_day

    with ParquetLake(objects, property_id, DUCKDB_MEGABYTES) as tables:
        days = tables.days(GAMES)
        if day.isoformat() not in days:
            raise _missing(objects, property_id, day, days)
        return read_day(
            tables, property_id, day, rule, _manifest(objects, property_id, day), ratings
        )


def _missing(objects: "Objects", property_id: str, day: date, days: list[str]) -> WorkbenchError:
    """Why a day has no figures, and what gives it some."""
    from pitboss.lake.layout import raw_prefix

    refine = f"pitboss refine --property {property_id} --day {day}"
    if _manifest(objects, property_id, day) is not None:
        return WorkbenchError(
            f"{day} of property {property_id} is refined, and its ledger is not exported: run "
            f"`{refine} --all`, and where that fails too, `pitboss logs export_games` says why."
        )
    if any(objects.objects(raw_prefix(property_id, day.isoformat()))):
        return WorkbenchError(f"{day} of property {property_id} is not refined: run `{refine}`.")
    there = f"the lake has {days[0]} to {days[-1]}" if days else "the lake has no day of it"
    return WorkbenchError(
        f"Nothing was received of {day} at property {property_id} ({there}): name another day with "
        "DAY or another property with --property."
    )


def _manifest(objects: "Objects", property_id: str, day: date) -> "Manifest | None":
    from pitboss.lake.layout import manifest_key
    from pitboss.lake.manifest import Manifest

    key = manifest_key(property_id, day.isoformat())
    if not any(found == key for found, _, _ in objects.objects(key)):
        return None
    return Manifest.from_json(objects.get(key))
