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
from workbench.rate import DEFAULT_GAMING_DAY

if TYPE_CHECKING:
    from pitboss.gaming_day import GamingDay
    from pitboss.lake.manifest import Manifest
    from pitboss.stores.parquet import Objects
    from workbench.report.figures import Corrections, Day
    from workbench.report.floor import Picture, Place

DEFAULT_PAGE = Path("report.html")

DUCKDB_MEGABYTES = 2_000


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
    lake: Annotated[
        Path | None,
        typer.Option(help="Read a copy of the lake in this folder; no stack is needed."),
    ] = None,
    gaming_day: Annotated[
        str | None,
        typer.Option(help="Its rule, Area/City@HH:MM. Default: the stack's, or Los Angeles at 6."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Make a page of a property's gaming day: key figures, hours, floor, holds, data quality.

    The page is one file that asks for nothing else, and reads on a screen, a phone and paper. It is
    made of the refined lake; the same lake gives the same bytes.
    """
    must_be_id(property_id, "property")
    asked = _date(day)
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

        _write(out, page(found, parts).encode(), tell)
    if png is not None:
        from workbench.report.poster import png as drawn
        from workbench.report.poster import poster

        _write(png, drawn(poster(found, parts)), tell)


def _date(text: str) -> date:
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
            places = read_positions(_content(positions).decode(), positions.name)
        except UnicodeDecodeError:
            raise UsageError(f"{positions.name} is no UTF-8: save it as such.") from None
    if floor_plan is None:
        return places, None
    picture = read_picture(_content(floor_plan), floor_plan.name)
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


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise WorkbenchError(f"{path} cannot be read ({fault.strerror}): check the name.") from None


def _write(path: Path, content: bytes, tell: Callable[[str], object]) -> None:
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as fault:
        raise WorkbenchError(
            f"{path} cannot be written ({fault.strerror}): name another place."
        ) from None
    tell(f"{path} ({len(content) / 1000:,.0f} kB)")


# --- reading --------------------------------------------------------------------------------------


def _read(property_id: str, day: date, folder: Path | None, rule: str | None) -> "Day":
    from workbench.report.lake import FolderLake, StackCorrections

    if folder is not None:
        if not folder.is_dir():
            raise WorkbenchError(f"{folder} is no folder: name one that has `refined/` in it.")
        return read(FolderLake(folder), property_id, day, _rule(rule or DEFAULT_GAMING_DAY))
    from pitboss.stores.lake import S3Lake

    outputs = endpoint.stack_outputs()
    if "LakeBucketName" not in outputs:
        raise WorkbenchError("The stack has no lake: run `pitboss up`.")
    return read(
        S3Lake(outputs["LakeBucketName"], client=endpoint.client("s3")),
        property_id,
        day,
        _rule(rule) if rule else _stack_rule(property_id),
        StackCorrections(endpoint.client("dynamodb"), outputs["RatingsTableName"]),
    )


def _stack_rule(property_id: str) -> "GamingDay":
    """The property's, by the parameter that the stack was deployed with."""
    from pitboss.gaming_day import GamingDays

    (stack,) = endpoint.client("cloudformation").describe_stacks(StackName=endpoint.stack_name())[
        "Stacks"
    ]
    for parameter in stack.get("Parameters", ()):
        if parameter["ParameterKey"] == "GamingDays":
            return GamingDays.parse(parameter["ParameterValue"]).rule_of(property_id)
    return _rule(DEFAULT_GAMING_DAY)


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


def _rule(text: str) -> "GamingDay":
    from pitboss.gaming_day import GamingDay

    try:
        return GamingDay.parse(text)
    except ValueError as fault:
        raise UsageError(f"{fault}.") from None
