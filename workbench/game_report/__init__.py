"""`pitboss heatmap` and `pitboss game-report`: an application's events as pictures."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.console import UsageError, WorkbenchError, print_json, say, step
from workbench.console import out as out_console
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.report import AsJson, Lake, Rule, day_of
from workbench.report.files import content, write

if TYPE_CHECKING:
    from pitboss.gaming_day import GamingDay
    from pitboss.stores.parquet import ParquetLake
    from workbench.game_report.charts import Ground
    from workbench.game_report.figures import Fields
    from workbench.game_report.heat import Bounds, HeatMap, Per

DEFAULT_PAGE = Path("game-report.html")

DUCKDB_MEGABYTES = 2_000

_BOUNDS = re.compile(r"[^,]+(,[^,]+){3}")

_Property = Annotated[str, typer.Option("--property", help="The studio's property.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("heatmap")(heatmap)
    app.command("game-report")(game_report)


def heatmap(
    application: Annotated[str, typer.Option(help="The application.")],
    event: Annotated[str, typer.Option(help="The event type.")],
    level: Annotated[str, typer.Option(help="The level.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write it: a .svg, .png or .html file.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="The first gaming day. Default: all there are.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last gaming day.")] = None,
    versions: Annotated[
        str | None,
        typer.Option(help="Two versions, as 1.0,1.1: what changed from the first to the second."),
    ] = None,
    per: Annotated[
        str, typer.Option(help="Versions are compared per `player` or per `event`.")
    ] = "player",
    background: Annotated[
        Path | None, typer.Option(help="A PNG or JPEG of the level; needs --bounds.")
    ] = None,
    dark: Annotated[
        bool, typer.Option("--dark", help="The picture is dark: more events are lighter.")
    ] = False,
    bounds: Annotated[
        str | None,
        typer.Option(help="x0,y0,x1,y1: the level's upper left corner and its lower right one."),
    ] = None,
    across: Annotated[
        int | None,
        typer.Option(min=2, max=200, help="Hexagons from side to side. Default: 12 to 36."),
    ] = None,
    property_id: _Property = DEFAULT_PROPERTY,
    lake: Lake = None,
    as_json: AsJson = False,
) -> None:
    """Draw where on a level something happened, or how two versions differ.

    Counts are exact; a hexagon has the events that its centre is nearest to. Made of the refined
    lake; the same lake gives the same bytes.
    """
    must_be_id(property_id, "property")
    must_be_id(application, "game")
    if out is None and not as_json:
        raise UsageError("Say --out FILE.svg, FILE.png or FILE.html, or --json.")
    if out is not None and out.suffix not in (".svg", ".png", ".html"):
        raise UsageError(f"{out} is no .svg, .png or .html.")
    ground = _ground(background, bounds, is_dark=dark)
    found = _heat_map(
        (application, event, level),
        (_day(first), _day(last)),
        _versions(versions),
        _per(per),
        _bounds(bounds),
        across,
        property_id,
        lake,
    )
    tell: Callable[[str], object] = say if as_json else out_console.print
    if as_json:
        from workbench.game_report.heat import as_json as figures

        print_json(figures(found))
    if out is not None:
        write(out, _drawn(found, ground, out.suffix), tell)


def game_report(
    application: Annotated[str, typer.Argument(help="The application.")],
    day: Annotated[str, typer.Argument(help="The gaming day, YYYY-MM-DD.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the page. Default: game-report.html; with --json, nowhere."
        ),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture of the day, too.")] = None,
    crash: Annotated[
        list[str] | None, typer.Option(help="The event type of a crash; repeat for more.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FIELD",
            help="What the events call caught_by, caught_at, wins or losses; repeat for more.",
        ),
    ] = None,
    running: Annotated[
        bool,
        typer.Option(help="Wins and losses are a player's totals so far, not each event's own."),
    ] = False,
    property_id: _Property = DEFAULT_PROPERTY,
    lake: Lake = None,
    gaming_day: Rule = None,
    as_json: AsJson = False,
) -> None:
    """Make a page of an application's gaming day: players, versions, crashes, levels, losses.

    The page is one file that asks for nothing else, as that of `pitboss report`.
    """
    from workbench.game_report.figures import CRASH, NoSuchDay, read_game_day

    must_be_id(property_id, "property")
    must_be_id(application, "game")
    asked, fields = day_of(day), _fields(field or [])
    with _tables(property_id, lake, gaming_day) as (tables, rule), step(f"reading {application}"):
        try:
            found = read_game_day(
                tables,
                property_id,
                application,
                asked,
                rule,
                crash or (CRASH,),
                fields,
                is_running=running,
            )
        except NoSuchDay as nothing:
            raise WorkbenchError(
                f"{application} of property {property_id} has no events on {asked}: {nothing}. "
                "Events are in the lake when their day is refined."
            ) from None
    tell: Callable[[str], object] = say if as_json else out_console.print
    if as_json:
        from workbench.game_report.figures import as_json as figures

        print_json(figures(found))
    elif out is None:
        out = DEFAULT_PAGE
    from workbench.game_report import sections
    from workbench.report.page import document
    from workbench.report.poster import picture_of
    from workbench.report.poster import png as drawn

    cover, parts = sections.cover(found), sections.sections(found)
    if out is not None:
        write(out, document(cover, parts).encode(), tell)
    if png is not None:
        write(png, drawn(picture_of(cover, parts, sections.layout(found))), tell)


# --- what is asked --------------------------------------------------------------------------------


def _day(text: str | None) -> date | None:
    return None if text is None else day_of(text)


def _versions(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise UsageError(f"{text!r} is no two versions: write --versions 1.0,1.1.")
    return names[0], names[1]


def _per(text: str) -> "Per":
    from workbench.game_report.heat import Per

    try:
        return Per(text)
    except ValueError:
        raise UsageError(f"{text!r} is neither player nor event: --per says which.") from None


def _bounds(text: str | None) -> "Bounds | None":
    from workbench.game_report.heat import Bounds

    if text is None:
        return None
    try:
        if not _BOUNDS.fullmatch(text):
            raise ValueError
        found = Bounds(*map(float, text.split(",")))
    except ValueError:
        raise UsageError(f"{text!r} is no bounds: write x0,y0,x1,y1.") from None
    if not (0 < found.width < 1e10 and 0 < found.height < 1e10):
        raise UsageError(f"{text!r} has no width or no height, or is too large.")
    return found


def _fields(given: list[str]) -> "Fields":
    from workbench.game_report.figures import Fields

    fields = Fields()
    for pair in given:
        name, equals, value = pair.partition("=")
        if name not in Fields._fields or not equals or not value:
            raise UsageError(
                f"{pair!r} is no field: write NAME=FIELD, NAME one of {', '.join(Fields._fields)}."
            )
        fields = fields._replace(**{name: value})
    return fields


def _ground(background: Path | None, bounds: str | None, *, is_dark: bool) -> "Ground | None":
    from workbench.game_report.charts import Ground
    from workbench.report.floor import read_picture

    if background is None:
        return None
    if bounds is None:
        raise UsageError("--background needs --bounds: nothing else says what it shows.")
    return Ground(read_picture(content(background), background.name), is_dark)


# --- reading and drawing --------------------------------------------------------------------------


@contextmanager
def _tables(
    property_id: str, folder: Path | None, rule: str | None
) -> Iterator[tuple["ParquetLake", "GamingDay"]]:
    from pitboss.stores.parquet import ParquetLake
    from workbench.report.lake import opened

    objects, found = opened(property_id, folder, rule)
    with ParquetLake(objects, property_id, DUCKDB_MEGABYTES) as tables:
        yield tables, found


def _heat_map(
    what: tuple[str, str, str],
    span: tuple[date | None, date | None],
    versions: tuple[str, str] | None,
    per: "Per",
    bounds: "Bounds | None",
    across: int | None,
    property_id: str,
    lake: Path | None,
) -> "HeatMap":
    from pitboss.lake.tables import APPLICATION_EVENTS
    from workbench.game_report.heat import Asked, NothingToShow, read_heat_map

    application, event, level = what
    first, last = ("" if one is None else one.isoformat() for one in span)
    with _tables(property_id, lake, None) as (tables, _), step(f"reading {application} {level}"):
        there = tables.days(APPLICATION_EVENTS)
        days = [one for one in there if first <= one and (not last or one <= last)]
        if not days:
            has = f"it has {there[0]} to {there[-1]}" if there else "it has no day of them"
            raise WorkbenchError(
                f"The lake has no events of games of property {property_id} on those days: {has}. "
                "Events are in the lake when their day is refined."
            )
        try:
            asked = Asked(application, event, level, days, versions, per)
            return read_heat_map(tables, asked, bounds, across)
        except NothingToShow as nothing:
            raise WorkbenchError(
                f"There is no map of {event} on {level} of {application}: {nothing}."
            ) from None


def _drawn(found: "HeatMap", ground: "Ground | None", suffix: str) -> bytes:
    from workbench.game_report.sections import heat_map, heat_map_cover
    from workbench.report.page import document
    from workbench.report.poster import picture_of, png

    cover, part = (
        heat_map_cover(found),
        replace(heat_map(found, "map", ground), title="Where on the level"),
    )
    if suffix == ".html":
        return document(cover._replace(lead=""), [part]).encode()
    drawing = picture_of(cover, [part], ((("map",),),))
    return png(drawing) if suffix == ".png" else drawing.encode()
