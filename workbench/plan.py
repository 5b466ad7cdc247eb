"""`pitboss plan`: where machines, tables and shufflers stand, as a file and as it is kept."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import WorkbenchError, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    import httpx

    from pitboss.floor.plan import FloorPlan
    from workbench.client import PitbossClient

ROUTE = "/v1/floor/plan"
SHUFFLERS_A_MACHINE = 1 / 40
"""As many shufflers as a floor of so many machines has beside them."""

app = typer.Typer(no_args_is_help=True, help="Where machines, tables and shufflers stand.")

Property = Annotated[str, typer.Option("--property", help="Whose floor it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="plan")


@app.command("generate")
def generate(
    file: Annotated[Path, typer.Option("--out", help="Write the plan here.")],
    machines: Annotated[int, typer.Option(min=1, help="Slot machines on the floor.")] = 20,
    seed: Annotated[
        int, typer.Option(min=0, help="The same as of `pitboss simulate`, whose machines it has.")
    ] = 1,
    shufflers: Annotated[
        int | None,
        typer.Option(min=0, help="Shufflers in the pit.", show_default="one for 40 machines"),
    ] = None,
) -> None:
    """Write the plan of a simulated floor: the machines that `pitboss simulate` puts up."""
    plan = generated(assets(machines, seed), shufflers)
    file.write_bytes(_pretty(plan))
    zones = len({place.zone for place in plan.places})
    out.print(escape(f"{len(plan.places):,} places in {zones} zones are in {file}."))


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan, as JSON.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Make a file's plan the one of a property, in place of the one that it has."""
    must_be_id(property_id, "property")
    plan = load(file)
    with _engineer(property_id) as client:
        kept = keep(client, plan, _current(client)["version"])
    if as_json:
        print_json({"property_id": property_id, "version": kept["version"]})
        return
    out.print(
        f"Plan {kept['version']} of property {escape(property_id)} has {len(plan.places):,} places."
    )


@app.command("show")
def show(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show the plan that is kept: how many machines, tables and shufflers stand in which zone."""
    must_be_id(property_id, "property")
    with _engineer(property_id) as client:
        document = _current(client)
    if as_json:
        print_json(document)
        return
    if not document["version"]:
        raise WorkbenchError(
            f"Property {property_id} has no plan: `pitboss plan generate` writes that of a "
            "simulated floor, `pitboss plan apply` keeps one."
        )
    table = Table(
        title=escape(f"Plan {document['version']} of property {property_id}"), title_justify="left"
    )
    for heading in ("zone", "banks", "machines", "tables", "shufflers"):
        table.add_column(heading, justify="left" if heading == "zone" else "right")
    zones: dict[str, list[dict[str, Any]]] = {}
    for place in document["places"]:
        zones.setdefault(place["zone"], []).append(place)
    for zone, places in zones.items():
        kinds = [place.get("kind", "machine") for place in places]
        banks = len({place.get("bank", "") for place in places} - {""})
        counts = (banks, *map(kinds.count, ("machine", "table", "shuffler")))
        table.add_row(escape(zone), *map(str, counts))
    out.print(table)


def assets(machines: int, seed: int) -> list[str]:
    """The asset numbers of a simulated floor, in the order in which it puts them up."""
    from workbench.simulation import Floor, FloorPlan

    return [machine.asset_id for machine in Floor(FloorPlan(machines, 0, 1, seed)).machines]


def generated(machines: Sequence[str], shufflers: int | None = None) -> "FloorPlan":
    """The plan of a simulated floor with these machines.

    Args:
        machines: asset numbers.
        shufflers: how many stand in the pit; as many as such a floor has where it is None.
    """
    from workbench.simulation.places import laid_out

    count = round(len(machines) * SHUFFLERS_A_MACHINE) if shufflers is None else shufflers
    return laid_out(machines, _shufflers(count))


def leave(property_id: str, machines: Sequence[str]) -> None:
    """Give a simulated floor a plan, if it has none: what a page shows it on."""
    with _engineer(property_id) as client:
        if not _current(client)["version"]:
            keep(client, generated(machines), 0)


def load(file: Path) -> "FloorPlan":
    """The plan that a file holds.

    Raises:
        WorkbenchError: it cannot be read, or is no plan.
    """
    import msgspec

    from pitboss.floor.plan import FloorPlan, InvalidPlanError, check

    try:
        plan = msgspec.json.decode(file.read_bytes(), type=FloorPlan)
        check(plan)
    except OSError as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault.strerror}.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidPlanError) as fault:
        raise WorkbenchError(f"{file} is no floor plan: {fault}.") from None
    return plan


def keep(client: "PitbossClient", plan: "FloorPlan", replaces: int) -> dict[str, Any]:
    """Keep a plan in place of a version; 0 where there is none.

    Raises:
        WorkbenchError: another was kept meanwhile, or it is refused.
    """
    import msgspec

    headers = {"Content-Type": "application/json", "If-Match": f'"{replaces}"'}
    answer = client.send("PUT", ROUTE, msgspec.json.encode(plan), headers)
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise WorkbenchError(
            "Another plan was kept this moment: look at it with `pitboss plan show`, then apply "
            "yours again."
        )
    return _document(answer)


def _current(client: "PitbossClient") -> dict[str, Any]:
    return _document(client.get(ROUTE))


def _engineer(property_id: str) -> "AbstractContextManager[PitbossClient]":
    """A client that may change a property's plan."""
    from workbench import measure

    return measure.planner(property_id)


def _document(answer: "httpx.Response") -> dict[str, Any]:
    from workbench.client import document_of

    return document_of(answer, "workbench-planner")


def _shufflers(count: int) -> list[tuple[str, str]]:
    """Shufflers of a simulated floor, and the tables that they are at."""
    if not count:
        return []
    from workbench.shuffling.device import ShufflerDevice
    from workbench.shuffling.plan import ShufflerPlan

    plan = ShufflerPlan(count)
    devices = [ShufflerDevice(plan, index) for index in range(count)]
    return [(device.asset_id, device.table_id) for device in devices]


def _pretty(plan: "FloorPlan") -> bytes:
    """One place a line, so that a difference can be read."""
    import msgspec

    places = b",\n".join(b"  " + msgspec.json.encode(place) for place in plan.places)
    limits = msgspec.json.encode(plan.limits)
    return b'{"limits": ' + limits + b',\n"places": [\n' + places + b"\n]}\n"
